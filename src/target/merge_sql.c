/* The statements of merging. Operators and functions without a schema are pg_catalog's: it is all of the search_path. */
#include <string.h>

#include "target/copy.h"
#include "target/merge_sql.h"

/* https://www.postgresql.org/docs/current/catalog-pg-type.html; these never change. */
enum { OID_TEXT = 25, OID_BPCHAR = 1042, OID_VARCHAR = 1043 };

/* Its name is the target's, so that errors of COPY read as if it were the target. */
static void append_stage(struct buffer *sql, const struct merge *merge) {
    target_relation(sql, "pg_temp", merge->name);
}

/* Rows go to the table itself, not to what inherits from it; a partitioned table is its partitions. */
static void append_target(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, merge->partitioned ? "" : "ONLY ");
    target_relation(sql, merge->schema, merge->name);
}

static void append_column(struct buffer *sql, const char *alias, const char *name) {
    buffer_appendf(sql, "%s.", alias);
    target_identifier(sql, name);
}

static void append_staged(struct buffer *sql, const struct merge *merge, size_t column) {
    append_column(sql, "s", merge->columns[column].name);
}

static void append_key_list(struct buffer *sql, const struct merge *merge, const char *alias) {
    for (size_t i = 0; i < merge->key_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        append_column(sql, alias, merge->columns[merge->key[i]].name);
    }
}

/* Is any column of the key NULL? */
static void append_any_null(struct buffer *sql, const struct merge *merge, const char *alias) {
    buffer_append_char(sql, '(');
    for (size_t i = 0; i < merge->key_count; i++) {
        buffer_append(sql, i > 0 ? " OR " : "");
        append_column(sql, alias, merge->columns[merge->key[i]].name);
        buffer_append(sql, " IS NULL");
    }
    buffer_append_char(sql, ')');
}

static size_t comparable_count(const struct merge *merge) {
    size_t count = 0;
    for (size_t i = 0; i < merge->written_count; i++)
        count += !merge->fixed[i];
    return count;
}

/* New keys only: a row is changed only where it was a mistake to insert it, since a newer one of the same key came later. */
static bool may_update(const struct merge *merge, bool shared) {
    return comparable_count(merge) > 0 && (!merge->inserts_only || (shared && merge->watermark >= 0));
}

/* ROW of all that an update could change. */
static void append_image(struct buffer *sql, const struct merge *merge, const char *alias) {
    size_t count = 0;
    buffer_append(sql, "ROW(");
    for (size_t i = 0; i < merge->written_count; i++) {
        if (merge->fixed[i])
            continue;
        buffer_append(sql, count++ > 0 ? ", " : "");
        append_column(sql, alias, merge->columns[i].name);
    }
    buffer_append_char(sql, ')');
}

static void append_images(struct buffer *sql, const struct merge *merge, const char *function, const char *left,
                          const char *right) {
    buffer_appendf(sql, "%s(", function);
    append_image(sql, merge, left);
    buffer_append(sql, ", ");
    append_image(sql, merge, right);
    buffer_append_char(sql, ')');
}

/* By the bytes of the values: sees case in citext and scale in numeric, and takes json, which has no equality. */
static void append_differs(struct buffer *sql, const struct merge *merge) {
    append_images(sql, merge, "record_image_ne", "t", "s");
}

static bool is_text(const struct encode_target *column) {
    return column->type_oid == OID_TEXT || column->type_oid == OID_VARCHAR || column->type_oid == OID_BPCHAR;
}

static void append_collation(struct buffer *sql, const struct merge *merge, size_t column) {
    buffer_append(sql, is_text(&merge->columns[column]) ? " COLLATE \"C\"" : "");
}

/* Is the watermark of `left` newer than that of the other, of s and t? NULL is older than any. */
static void append_newer(struct buffer *sql, const struct merge *merge, char left) {
    struct buffer staged = {0}, target = {0};
    append_staged(&staged, merge, (size_t)merge->compared);
    append_column(&target, "t", merge->target_watermark);
    const char *one = buffer_string(left == 's' ? &staged : &target);
    const char *other = buffer_string(left == 's' ? &target : &staged);
    buffer_appendf(sql, "(%s IS NOT NULL AND (%s IS NULL OR %s", one, other, one);
    append_collation(sql, merge, (size_t)merge->compared);
    buffer_appendf(sql, " > %s))", other);
    buffer_release(&staged);
    buffer_release(&target);
}

bool merge_has_order(const struct merge *merge) {
    return merge->watermark >= 0 || merge->sort_count > 0;
}

/* ---- where nothing can be met ------------------------------------------------------------------------------------------ */

/* Bounds without a type take the column's. Whatever the planner believes to be between them, it doesn't sort the table for one
 * row: the order makes it take the index. */
void merge_meets_statement(struct buffer *sql, const struct merge *merge, bool lower, bool upper, bool upper_included) {
    const char *name = merge->columns[merge->leading].name;
    buffer_append(sql, "SELECT FROM ");
    append_target(sql, merge);
    buffer_append(sql, " AS t WHERE ");
    append_column(sql, "t", name);
    buffer_append(sql, lower ? " >= $1" : " IS NOT NULL");
    if (upper) {
        buffer_append(sql, " AND ");
        append_column(sql, "t", name);
        buffer_appendf(sql, " %s $%d", upper_included ? "<=" : "<", lower ? 2 : 1);
    }
    buffer_append(sql, " ORDER BY ");
    append_column(sql, "t", name);
    buffer_append(sql, " LIMIT 1");
}

/* ---- the temporary table -------------------------------------------------------------------------------------------- */

/* The target's own types, modifiers, collations and domains judge what comes in; its defaults and constraints wait for the
 * merge. */
void merge_stage_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "CREATE TEMPORARY TABLE ");
    append_stage(sql, merge);
    buffer_append(sql, " ON COMMIT DROP AS SELECT ");
    for (size_t i = 0; i < merge->column_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        if (i < merge->written_count) {
            append_column(sql, "t", merge->columns[i].name);
        } else {
            buffer_appendf(sql, "NULL::%s AS ", merge->columns[i].type_name);
            target_identifier(sql, merge->columns[i].name);
        }
    }
    buffer_append(sql, " FROM ");
    append_target(sql, merge);
    buffer_append(sql, " AS t WITH NO DATA");
}

void merge_copy_statement(struct buffer *sql, const struct merge *merge, enum encode_format format) {
    copy_statement(sql, "pg_temp", merge->name, merge->columns, merge->column_count, format);
}

void merge_analyze_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "ANALYZE ");
    append_stage(sql, merge);
    buffer_append(sql, " (");
    for (size_t i = 0; i < merge->key_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        target_identifier(sql, merge->columns[merge->key[i]].name);
    }
    buffer_append_char(sql, ')');
}

/* ---- rows of one key ------------------------------------------------------------------------------------------------- */

void merge_examine_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "SELECT count(*), count(*) FILTER (WHERE ");
    append_any_null(sql, merge, "s");
    buffer_append(sql, "), (SELECT count(*) FROM (SELECT FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s GROUP BY ");
    append_key_list(sql, merge, "s");
    buffer_append(sql, " HAVING count(*) > 1) AS several) FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s");
}

/* The best row of a key comes first. */
static void append_preference(struct buffer *sql, const struct merge *merge) {
    if (merge->watermark >= 0) {
        append_staged(sql, merge, (size_t)merge->watermark);
        append_collation(sql, merge, (size_t)merge->watermark);
        buffer_append(sql, " DESC NULLS LAST, ");
    }
    for (size_t i = 0; i < merge->sort_count; i++) {
        append_staged(sql, merge, merge->sort[i]);
        append_collation(sql, merge, merge->sort[i]);
        buffer_append(sql, " DESC NULLS LAST, ");
    }
    append_image(sql, merge, "s");
    buffer_append(sql, " USING OPERATOR(pg_catalog.*>)");
}

void merge_deduplicate_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "DELETE FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS d USING (SELECT s.ctid AS place, row_number() OVER (PARTITION BY ");
    append_key_list(sql, merge, "s");
    buffer_append(sql, " ORDER BY ");
    append_preference(sql, merge);
    buffer_append(sql, ") AS number FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s) AS ranked WHERE d.ctid = ranked.place AND ranked.number > 1");
}

void merge_differing_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "SELECT place FROM (SELECT s.ctid AS place, row_number() OVER same AS number, record_image_ne(");
    append_image(sql, merge, "s");
    buffer_append(sql, ", lag(");
    append_image(sql, merge, "s");
    buffer_append(sql, ") OVER same) AS differs FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s WINDOW same AS (PARTITION BY ");
    append_key_list(sql, merge, "s");
    buffer_append(sql, " ORDER BY ");
    append_image(sql, merge, "s");
    buffer_append(sql, " USING OPERATOR(pg_catalog.*>))) AS ranked WHERE number > 1 AND differs LIMIT 1");
}

void merge_key_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "SELECT concat_ws(', '");
    for (size_t i = 0; i < merge->key_count; i++) {
        struct buffer name = {0};
        buffer_appendf(&name, "%s = ", merge->columns[merge->key[i]].name);
        buffer_append(sql, ", ");
        target_literal(sql, buffer_string(&name));
        buffer_append(sql, " || coalesce(");
        append_staged(sql, merge, merge->key[i]);
        buffer_append(sql, "::text, 'NULL')");
        buffer_release(&name);
    }
    buffer_append(sql, ") FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s WHERE s.ctid = $1::tid");
}

/* ---- rows that are merged in parts --------------------------------------------------------------------------------------- */

static void append_staged_list(struct buffer *sql, const struct merge *merge, const char *alias) {
    for (size_t i = 0; i < merge->column_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        if (alias != NULL)
            append_column(sql, alias, merge->columns[i].name);
        else
            target_identifier(sql, merge->columns[i].name);
    }
}

void merge_empty_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "TRUNCATE ");
    append_stage(sql, merge);
}

/* COPY fills a new table from its beginning to its end. */
void merge_number_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "CREATE TEMPORARY TABLE \"thaw numbers\" ON COMMIT DROP AS SELECT s.ctid AS place,"
                       " row_number() OVER (ORDER BY s.ctid) AS number FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s");
}

void merge_hold_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql,
                  "CREATE TEMPORARY TABLE \"thaw held\" ON COMMIT DROP AS SELECT row_number() OVER (ORDER BY s.ctid)"
                  " AS \"thaw row\", n.number AS \"thaw number\", ");
    append_staged_list(sql, merge, "s");
    buffer_append(sql, " FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s JOIN pg_temp.\"thaw numbers\" AS n ON n.place = s.ctid; ");
    merge_empty_statement(sql, merge);
}

void merge_take_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "INSERT INTO ");
    append_stage(sql, merge);
    buffer_append(sql, " (");
    append_staged_list(sql, merge, NULL);
    buffer_append(sql, ") SELECT ");
    append_staged_list(sql, merge, "h");
    buffer_append(sql, " FROM pg_temp.\"thaw held\" AS h WHERE h.\"thaw row\" > $1::bigint"
                       " AND h.\"thaw row\" <= $2::bigint ORDER BY h.\"thaw row\"");
}

static void append_json_object(struct buffer *sql, const struct merge *merge, const size_t *columns, size_t count) {
    buffer_append(sql, "'{}'::jsonb");
    for (size_t i = 0; i < count; i++) {
        const char *name = merge->columns[columns == NULL ? i : columns[i]].name;
        buffer_append(sql, " || jsonb_build_object(");
        target_literal(sql, name);
        buffer_append(sql, "::text, ");
        append_column(sql, "h", name);
        buffer_append(sql, "::text)");
    }
}

void merge_held_statement(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, "SELECT ");
    append_json_object(sql, merge, merge->key, merge->key_count);
    buffer_append(sql, ", ");
    append_json_object(sql, merge, NULL, merge->written_count);
    buffer_append(sql, ", h.\"thaw number\" FROM pg_temp.\"thaw held\" AS h WHERE h.\"thaw row\" = $1::bigint");
}

/* ---- the merge ---------------------------------------------------------------------------------------------------------- */

/* Keys without NULL by the index's own operators. Records compare NULLs as equal, and can be joined by sorting. */
static void append_same_key(struct buffer *sql, const struct merge *merge, bool null_keys) {
    if (null_keys) {
        buffer_append(sql, "ROW(");
        append_key_list(sql, merge, "t");
        buffer_append(sql, ")::record = ROW(");
        append_key_list(sql, merge, "s");
        buffer_append(sql, ")::record AND ");
        append_any_null(sql, merge, "t");
        return;
    }
    for (size_t i = 0; i < merge->key_count; i++) {
        const char *name = merge->columns[merge->key[i]].name;
        buffer_append(sql, i > 0 ? " AND " : "");
        append_column(sql, "t", name);
        buffer_appendf(sql, " %s ", merge->operators[i]);
        append_column(sql, "s", name);
    }
}

/* A row of the target that this run has written: the two are rows of one source, whatever the mode. */
static void append_fate_among_own(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, " WHEN t.xmin IN (SELECT id FROM own) THEN");
    if (merge->watermark < 0) {
        buffer_append(sql, " 'conflict'");
        return;
    }
    buffer_append(sql, " CASE WHEN ");
    append_newer(sql, merge, 's');
    buffer_append(sql, " THEN 'updated' WHEN ");
    append_newer(sql, merge, 't');
    buffer_append(sql, " THEN 'duplicate'");
    if (merge->sort_count > 0) {
        buffer_append(sql, " ELSE 'conflict' END");
        return;
    }
    buffer_append(sql, " WHEN ");
    append_images(sql, merge, "record_image_gt", "s", "t");
    buffer_append(sql, " THEN 'updated' ELSE 'duplicate' END");
}

/* 'written' are rows that an earlier pass of this very transaction has taken care of. */
static void append_fate(struct buffer *sql, const struct merge *merge, bool shared) {
    buffer_append(sql, "CASE WHEN t.ctid IS NULL THEN 'inserted'"
                       " WHEN t.xmin = pg_current_xact_id()::xid THEN 'written' WHEN NOT ");
    if (comparable_count(merge) > 0)
        append_differs(sql, merge);
    else
        buffer_append(sql, "false");
    buffer_append(sql, shared ? " THEN CASE WHEN t.xmin IN (SELECT id FROM own) THEN 'duplicate' ELSE 'unchanged' END"
                              : " THEN 'unchanged'");
    if (shared && comparable_count(merge) > 0)
        append_fate_among_own(sql, merge);
    if (merge->inserts_only) {
        buffer_append(sql, " ELSE 'unchanged' END");
        return;
    }
    if (merge->watermark >= 0) {
        buffer_append(sql, " WHEN ");
        append_newer(sql, merge, 't');
        buffer_append(sql, " THEN 'older'");
    }
    buffer_append(sql, " ELSE 'updated' END");
}

/* What becomes of each staged row. Where NULLs match, the target may have a key several times: one of them that differs is
 * enough. */
static void append_compared(struct buffer *sql, const struct merge *merge, bool shared, bool null_keys) {
    buffer_append(sql, "compared AS MATERIALIZED (");
    buffer_append(sql, null_keys ? "SELECT DISTINCT ON (place) place, fate FROM (" : "");
    buffer_append(sql, "SELECT s.ctid AS place, ");
    append_fate(sql, merge, shared);
    buffer_append(sql, " AS fate FROM ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s LEFT JOIN ");
    append_target(sql, merge);
    buffer_append(sql, " AS t ON ");
    append_same_key(sql, merge, null_keys);
    if (merge->nullable) {
        buffer_append(sql, null_keys ? " WHERE " : " WHERE NOT ");
        append_any_null(sql, merge, "s");
    }
    buffer_append(sql, null_keys ? ") AS each ORDER BY place, fate = 'updated' DESC)" : ")");
}

static void append_update(struct buffer *sql, const struct merge *merge, bool shared, bool null_keys) {
    size_t count = 0;
    buffer_append(sql, ", updated AS (");
    if (!may_update(merge, shared)) {
        buffer_append(sql, "SELECT place FROM compared WHERE false)");
        return;
    }
    buffer_append(sql, "UPDATE ");
    append_target(sql, merge);
    buffer_append(sql, " AS t SET ");
    for (size_t i = 0; i < merge->written_count; i++) {
        if (merge->fixed[i])
            continue;
        buffer_append(sql, count++ > 0 ? ", " : "");
        target_identifier(sql, merge->columns[i].name);
        buffer_append(sql, " = ");
        append_staged(sql, merge, i);
    }
    buffer_append(sql, " FROM compared AS c JOIN ");
    append_stage(sql, merge);
    /* Said again, since it is asked again of a row that somebody else has changed meanwhile. */
    buffer_append(sql, " AS s ON s.ctid = c.place WHERE c.fate = 'updated' AND ");
    append_same_key(sql, merge, null_keys);
    buffer_append(sql, " AND ");
    append_differs(sql, merge);
    if (merge->watermark >= 0) {
        buffer_append(sql, " AND NOT ");
        append_newer(sql, merge, 't');
    }
    buffer_append(sql, " RETURNING c.place)");
}

/* In the key's order, so that two that insert the same keys wait for each other instead of both ways. */
static void append_insert(struct buffer *sql, const struct merge *merge) {
    buffer_append(sql, ", inserted AS (INSERT INTO ");
    target_relation(sql, merge->schema, merge->name);
    for (size_t i = 0; i < merge->written_count; i++) {
        buffer_append(sql, i > 0 ? ", " : " (");
        target_identifier(sql, merge->columns[i].name);
    }
    buffer_append(sql,
                  comparable_count(merge) < merge->written_count ? ") OVERRIDING SYSTEM VALUE SELECT " : ") SELECT ");
    for (size_t i = 0; i < merge->written_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        append_staged(sql, merge, i);
    }
    buffer_append(sql, " FROM compared AS c JOIN ");
    append_stage(sql, merge);
    buffer_append(sql, " AS s ON s.ctid = c.place WHERE c.fate = 'inserted' ORDER BY ");
    append_key_list(sql, merge, "s");
    buffer_append(sql, " ON CONFLICT (");
    for (size_t i = 0; i < merge->key_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        target_identifier(sql, merge->columns[merge->key[i]].name);
    }
    buffer_append(sql, ") DO NOTHING RETURNING 1)");
}

void merge_statement(struct buffer *sql, const struct merge *merge, const char *own_transactions, bool null_keys) {
    buffer_append(sql, "WITH ");
    if (own_transactions != NULL)
        buffer_appendf(sql, "own (id) AS MATERIALIZED (%s), ", own_transactions);
    append_compared(sql, merge, own_transactions != NULL, null_keys);
    append_update(sql, merge, own_transactions != NULL, null_keys);
    append_insert(sql, merge);
    buffer_append(sql, " SELECT (SELECT count(*) FROM inserted), (SELECT count(DISTINCT place) FROM updated),"
                       " count(*) FILTER (WHERE fate = 'inserted'), count(*) FILTER (WHERE fate = 'updated'),"
                       " count(*) FILTER (WHERE fate = 'unchanged'), count(*) FILTER (WHERE fate = 'older'),"
                       " count(*) FILTER (WHERE fate = 'duplicate'), count(*) FILTER (WHERE fate = 'written'),"
                       " min(place) FILTER (WHERE fate = 'conflict') FROM compared");
}
