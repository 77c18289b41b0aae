/* The SQL of a plan: the query that finds the boundaries, the chunks' conditions, and the query that reads a chunk. */
#include "plan/plan.h"

#include <string.h>

#include "base/memory.h"

/* How a comparison of keys names its sides. */
typedef void (*append_operand)(struct buffer *sql, const void *context, size_t index);

struct comparison {
    append_operand left, right;
    const void *left_context, *right_context;
    size_t count;
};

/* left < right (or >, or with equality at the end), column by column. Spelled out because row values with NULL in them
 * compare differently from source to source. `operator` is "<" or ">". */
static void append_lexicographic(struct buffer *sql, const struct comparison *keys, char operator, bool or_equal) {
    for (size_t i = 0; i < keys->count; i++) {
        bool is_last = i + 1 == keys->count;

        if (!is_last)
            buffer_append_char(sql, '(');
        keys->left(sql, keys->left_context, i);
        buffer_appendf(sql, " %c%s ", operator, is_last && or_equal ? "=" : "");
        keys->right(sql, keys->right_context, i);
        if (!is_last) {
            buffer_append(sql, " OR (");
            keys->left(sql, keys->left_context, i);
            buffer_append(sql, " = ");
            keys->right(sql, keys->right_context, i);
            buffer_append(sql, " AND ");
        }
    }
    for (size_t i = 1; i < keys->count; i++)
        buffer_append(sql, "))");
}

/* FROM and WHERE. The user's filter stands between line ends, so that a comment at its end hides nothing of ours. */
static void append_from(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                        const char *filter, const char *predicate) {
    bool filtered = filter != NULL && filter[0] != '\0';
    bool bounded = predicate != NULL && predicate[0] != '\0';

    buffer_append(sql, " FROM ");
    dialect_from(dialect, sql, relation);
    if (filtered) {
        buffer_append(sql, " WHERE (\n");
        buffer_append(sql, filter);
        buffer_append(sql, "\n)");
    }
    if (bounded) {
        buffer_append(sql, filtered ? " AND (" : " WHERE (");
        buffer_append(sql, predicate);
        buffer_append_char(sql, ')');
    }
}

static void append_any_null(struct buffer *sql, const struct dialect *dialect, const struct source_column *keys,
                            size_t key_count) {
    for (size_t i = 0; i < key_count; i++) {
        buffer_append(sql, i > 0 ? " OR " : "");
        dialect->key(sql, &keys[i]);
        buffer_append(sql, " IS NULL");
    }
}

/* ---- planning ----------------------------------------------------------------------------------------------------- */

/* Each row's keys, whether one of them is NULL, and its rank. Equal keys have equal ranks, so no boundary can fall between
 * them. Rows with a NULL key come last; one key alone gets that from its own order, which sorts on one column less. */
static void append_ranked_rows(struct buffer *sql, const struct dialect *dialect,
                               const struct source_relation *relation, const char *filter,
                               const struct source_column *keys, size_t key_count) {
    buffer_append(sql, "SELECT ");
    for (size_t i = 0; i < key_count; i++) {
        dialect->key(sql, &keys[i]);
        buffer_appendf(sql, " AS THAW_KEY_%zu, ", i + 1);
    }
    buffer_append(sql, "CASE WHEN ");
    append_any_null(sql, dialect, keys, key_count);
    buffer_append(sql, " THEN 1 ELSE 0 END AS THAW_NULL, RANK() OVER (ORDER BY ");
    if (key_count > 1) {
        buffer_append(sql, "CASE WHEN ");
        append_any_null(sql, dialect, keys, key_count);
        buffer_append(sql, " THEN 1 ELSE 0 END, ");
    }
    for (size_t i = 0; i < key_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        dialect->key(sql, &keys[i]);
        buffer_append(sql, key_count == 1 ? " NULLS LAST" : "");
    }
    buffer_append(sql, ") AS THAW_RANK");
    append_from(sql, dialect, relation, filter, NULL);
}

/* Those in buckets: first and last key, rows, rows of the last key. MIN and MAX of one key need less of the source's memory than
 * MIN_BY and MAX_BY of its rank (measured with DuckDB on text), but several keys must come from one row.
 * https://docs.snowflake.com/en/sql-reference/functions/min_by
 * https://duckdb.org/docs/stable/sql/functions/aggregates (arg_min, min_by) */
static void append_buckets(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                           const char *filter, const struct source_column *keys, size_t key_count,
                           const struct plan_size *size) {
    buffer_append(sql, "SELECT ");
    for (size_t i = 1; i <= key_count; i++) {
        if (key_count == 1)
            buffer_append(sql, "MIN(THAW_KEY_1) AS THAW_FIRST_1, MAX(THAW_KEY_1) AS THAW_LAST_1, ");
        else
            buffer_appendf(sql,
                           "MIN_BY(THAW_KEY_%zu, THAW_RANK) AS THAW_FIRST_%zu, "
                           "MAX_BY(THAW_KEY_%zu, THAW_RANK) AS THAW_LAST_%zu, ",
                           i, i, i, i);
    }
    /* The last key's rank less the first's is the number of rows before the last key. */
    buffer_append(sql,
                  "THAW_NULL, COUNT(*) AS THAW_COUNT, COUNT(*) - (MAX(THAW_RANK) - MIN(THAW_RANK)) AS THAW_LAST_COUNT, "
                  "MIN(THAW_RANK) AS THAW_FIRST_RANK FROM (");
    append_ranked_rows(sql, dialect, relation, filter, keys, key_count);
    buffer_appendf(sql,
                   ") AS THAW_RANKED GROUP BY THAW_NULL, CASE WHEN THAW_NULL = 1 THEN -1 "
                   "ELSE THAW_RANK - 1 - MOD(THAW_RANK - 1, %lld) END",
                   (long long)plan_bucket_rows(size));
}

static void append_previous_last(struct buffer *sql, const void *context, size_t index) {
    (void)context;
    buffer_appendf(sql, "LAG(THAW_LAST_%zu) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK)", index + 1);
}

static void append_first(struct buffer *sql, const void *context, size_t index) {
    (void)context;
    buffer_appendf(sql, "THAW_FIRST_%zu", index + 1);
}

static void append_last(struct buffer *sql, const void *context, size_t index) {
    (void)context;
    buffer_appendf(sql, "THAW_LAST_%zu", index + 1);
}

/* Does the source itself compare the bounds as it has sorted them? Chunks cover by comparison, so this, asked of the few
 * lines of the answer, is what a plan rests on. The first line has nothing before it. */
static void append_ascending(struct buffer *sql, size_t key_count) {
    const struct comparison before = {append_previous_last, append_first, NULL, NULL, key_count};
    const struct comparison within = {append_first, append_last, NULL, NULL, key_count};

    buffer_append(sql, "CASE WHEN (");
    append_previous_last(sql, NULL, 0);
    buffer_append(sql, " IS NULL OR ");
    append_lexicographic(sql, &before, '<', false);
    buffer_append(sql, ") AND ");
    append_lexicographic(sql, &within, '<', true);
    buffer_append(sql, " THEN '1' ELSE '0' END AS THAW_ASCENDING");
}

/* Of one of a line's keys: would a literal of its text be that key? Nothing where the text is the key itself: its literal is
 * exact by the quoting alone. */
static void append_reads_back(struct buffer *sql, const struct dialect *dialect, const struct source_column *key,
                              const char *which, size_t number) {
    struct buffer name = {0};
    struct buffer text = {0};
    struct buffer value = {0};

    buffer_appendf(&name, "THAW_%s_%zu", which, number);
    dialect->bound_text(&text, key, buffer_string(&name));
    dialect->bound_value(&value, key, buffer_string(&text));
    if (strcmp(buffer_string(&value), buffer_string(&name)) != 0)
        buffer_appendf(sql, "%s%s = %s", sql->length > 0 ? " AND " : "", buffer_string(&value), buffer_string(&name));
    buffer_release(&value);
    buffer_release(&text);
    buffer_release(&name);
}

/* The number of the first key, from 1, that the source doesn't read back from its own text as the value that it has sorted;
 * 0: there is none. Chunks are compared with what is read, so a bound that comes back as another would cut elsewhere. */
static void append_unread(struct buffer *sql, const struct dialect *dialect, const struct source_column *keys,
                          size_t key_count) {
    struct buffer otherwise = {0};

    for (size_t i = 0; i < key_count; i++) {
        struct buffer tests = {0};

        append_reads_back(&tests, dialect, &keys[i], "FIRST", i + 1);
        append_reads_back(&tests, dialect, &keys[i], "LAST", i + 1);
        if (tests.length > 0)
            buffer_appendf(&otherwise, "WHEN NOT COALESCE(%s, FALSE) THEN '%zu' ", buffer_string(&tests), i + 1);
        buffer_release(&tests);
    }
    if (otherwise.length > 0)
        buffer_appendf(sql, "CASE WHEN THAW_NULL = 1 THEN '0' %sELSE '0' END AS THAW_UNREAD",
                       buffer_string(&otherwise));
    else
        buffer_append(sql, "'0' AS THAW_UNREAD");
    buffer_release(&otherwise);
}

/* https://docs.snowflake.com/en/sql-reference/functions/length (characters)
 * https://duckdb.org/docs/stable/sql/functions/text#lengthstring */
static void append_bound_text(struct buffer *sql, const struct dialect *dialect, const struct source_column *key,
                              const char *inner, const char *outer, size_t number) {
    struct buffer expression = {0};
    struct buffer text = {0};

    buffer_appendf(&expression, "THAW_%s_%zu", inner, number);
    dialect->bound_text(&text, key, buffer_string(&expression));
    if (key->kind == VALUE_TEXT && !key->as_number)
        buffer_appendf(sql, "CASE WHEN LENGTH(%s) <= %d THEN %s END", buffer_string(&text), PLAN_BOUND_CHARACTERS,
                       buffer_string(&text));
    else
        buffer_append(sql, buffer_string(&text));
    buffer_appendf(sql, " AS THAW_%s_%zu, ", outer, number);
    buffer_release(&text);
    buffer_release(&expression);
}

void plan_query(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                const char *filter, const struct source_column *keys, size_t key_count, const struct plan_size *size) {
    if (key_count == 0) {
        buffer_append(sql, "SELECT CAST(COUNT(*) AS VARCHAR) AS THAW_ROWS");
        append_from(sql, dialect, relation, filter, NULL);
        return;
    }
    buffer_append(sql, "SELECT ");
    for (size_t i = 0; i < key_count; i++)
        append_bound_text(sql, dialect, &keys[i], "FIRST", "LOWER", i + 1);
    for (size_t i = 0; i < key_count; i++)
        append_bound_text(sql, dialect, &keys[i], "LAST", "HIGHEST", i + 1);
    buffer_append(sql, "CAST(THAW_NULL AS VARCHAR) AS THAW_NULLS, CAST(THAW_COUNT AS VARCHAR) AS THAW_ROWS, "
                       "CAST(THAW_LAST_COUNT AS VARCHAR) AS THAW_LAST_ROWS, ");
    append_ascending(sql, key_count);
    buffer_append(sql, ", ");
    append_unread(sql, dialect, keys, key_count);
    buffer_append(sql, " FROM (");
    append_buckets(sql, dialect, relation, filter, keys, key_count, size);
    buffer_append(sql, ") AS THAW_BUCKETS ORDER BY THAW_NULL, THAW_FIRST_RANK");
}

void plan_hash_query(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                     const char *filter, const struct source_column *keys, size_t key_count) {
    buffer_appendf(sql,
                   "SELECT CAST(THAW_BUCKET AS VARCHAR) AS THAW_NUMBER, CAST(COUNT(*) AS VARCHAR) AS THAW_ROWS, "
                   "%s AS THAW_PROBE FROM (SELECT ",
                   dialect->hash_probe);
    dialect->hash_bucket(sql, keys, key_count, PLAN_HASH_BUCKETS);
    buffer_append(sql, " AS THAW_BUCKET");
    append_from(sql, dialect, relation, filter, NULL);
    buffer_append(sql, ") AS THAW_HASHED GROUP BY THAW_BUCKET ORDER BY THAW_BUCKET");
}

void plan_probe_query(struct buffer *sql, const struct dialect *dialect) {
    buffer_appendf(sql, "SELECT %s AS THAW_PROBE", dialect->hash_probe);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

struct key_names {
    const struct dialect *dialect;
    const struct source_column *keys;
};

struct key_bounds {
    const struct dialect *dialect;
    const struct source_column *keys;
    char **texts;
};

static void append_key(struct buffer *sql, const void *context, size_t index) {
    const struct key_names *names = context;

    names->dialect->key(sql, &names->keys[index]);
}

static void append_bound(struct buffer *sql, const void *context, size_t index) {
    const struct key_bounds *bounds = context;

    dialect_bound_literal(bounds->dialect, sql, &bounds->keys[index], bounds->texts[index]);
}

static void append_and(struct buffer *sql, bool *first) {
    buffer_append(sql, *first ? "" : " AND ");
    *first = false;
}

/* One side of a range. Of several columns the first one's bound is also given alone, for the source's pruning. */
static void append_side(struct buffer *sql, const struct dialect *dialect, const struct source_column *keys,
                        size_t key_count, char **texts, bool is_lower, bool *first) {
    const struct key_names names = {dialect, keys};
    const struct key_bounds bounds = {dialect, keys, texts};
    const struct comparison comparison = {append_key, append_bound, &names, &bounds, key_count};

    if (texts == NULL)
        return;
    if (key_count > 1) {
        append_and(sql, first);
        append_key(sql, &names, 0);
        buffer_append(sql, is_lower ? " >= " : " <= ");
        append_bound(sql, &bounds, 0);
    }
    append_and(sql, first);
    append_lexicographic(sql, &comparison, is_lower ? '>' : '<', is_lower);
}

/* Of the chunk without its part. */
static void append_chunk(struct buffer *sql, const struct dialect *dialect, const struct source_column *keys,
                         size_t key_count, const struct plan_chunk *chunk) {
    bool first = true;

    if (chunk->kind == CHUNK_WHOLE)
        return;
    if (chunk->kind == CHUNK_NULLS) {
        append_any_null(sql, dialect, keys, key_count);
        return;
    }
    if (chunk->kind == CHUNK_HASH) {
        dialect->hash_bucket(sql, keys, key_count, chunk->buckets);
        buffer_appendf(sql, " BETWEEN %lld AND %lld", (long long)chunk->first_bucket, (long long)chunk->last_bucket);
        return;
    }
    append_side(sql, dialect, keys, key_count, chunk->lower, true, &first);
    append_side(sql, dialect, keys, key_count, chunk->upper, false, &first);
    /* One bound of one column is never TRUE for NULL; of several columns only the first is always compared. */
    if (key_count == 1 && (chunk->lower != NULL || chunk->upper != NULL))
        return;
    for (size_t i = 0; i < key_count; i++) {
        append_and(sql, &first);
        dialect->key(sql, &keys[i]);
        buffer_append(sql, " IS NOT NULL");
    }
}

void plan_predicate(struct buffer *sql, const struct dialect *dialect, const struct source_column *keys,
                    size_t key_count, const struct plan_chunk *chunk) {
    const struct plan_part *part = &chunk->part;
    bool both = part->column_count > 0 && chunk->kind != CHUNK_WHOLE;

    buffer_append(sql, both ? "(" : "");
    append_chunk(sql, dialect, keys, key_count, chunk);
    buffer_append(sql, both ? ") AND " : "");
    if (part->column_count == 0)
        return;
    dialect->hash_bucket(sql, part->columns, part->column_count, part->modulus);
    buffer_appendf(sql, " = %lld", (long long)part->remainder);
}

/* The number of the first column, from 1, whose value the projection cuts. False: nothing to say, nothing appended. */
static bool append_inexact(struct buffer *sql, const struct dialect *dialect, const struct source_table *table,
                           const size_t *columns, size_t column_count) {
    struct buffer condition = {0};
    bool any = false;

    for (size_t i = 0; i < column_count; i++) {
        buffer_clear(&condition);
        if (!dialect->projection_is_inexact(&condition, &table->columns[columns[i]]))
            continue;
        buffer_append(sql, any ? "" : ", CASE");
        buffer_append(sql, " WHEN ");
        buffer_append(sql, buffer_string(&condition));
        buffer_appendf(sql, " THEN %zu", i + 1);
        any = true;
    }
    if (any)
        buffer_append(sql, " END AS THAW_INEXACT");
    buffer_release(&condition);
    return any;
}

void plan_data_query(struct buffer *sql, const struct dialect *dialect, const struct source_table *table,
                     const size_t *columns, size_t column_count, const char *filter, const struct source_column *keys,
                     size_t key_count, const struct plan_chunk *chunk, bool *has_inexact) {
    struct buffer predicate = {0};

    plan_predicate(&predicate, dialect, keys, key_count, chunk);
    buffer_append(sql, "SELECT ");
    for (size_t i = 0; i < column_count; i++) {
        const struct source_column *column = &table->columns[columns[i]];

        buffer_append(sql, i > 0 ? ", " : "");
        dialect->projection(sql, column);
        buffer_append(sql, " AS ");
        dialect->identifier(sql, column->name);
    }
    *has_inexact = append_inexact(sql, dialect, table, columns, column_count);
    /* In both sources a column of the table wins over an alias of the same name in WHERE, so the conditions see the
     * stored values, not the projected ones. */
    append_from(sql, dialect, &table->relation, filter, buffer_string(&predicate));
    buffer_release(&predicate);
}
