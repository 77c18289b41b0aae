#include "target/merge.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"
#include "target/merge_sql.h"
#include "target/result.h"

/* A row that somebody else has inserted or changed while the merge looked is looked at once more. */
enum { PASSES_ALLOWED = 10 };

/* Columns of merge_facts.sql. */
enum { HAS_INDEX, OPERATORS, NULLABLE, NULLS_NOT_DISTINCT, LEADING, UNFIT, MAY_STAGE, NOT_UPDATABLE, ROLE };

/* ---- what the catalogue says ------------------------------------------------------------------------------------------ */

static void append_name(struct buffer *json, const char *name) {
    buffer_append_char(json, json->length == 0 ? '[' : ',');
    buffer_append_json_string(json, name, strlen(name));
}

static bool refuse_key(const struct merge *merge, const PGresult *result, struct error *error) {
    struct buffer names = {0}, statement = {0};
    for (size_t i = 0; i < merge->key_count; i++) {
        buffer_append(&names, i > 0 ? ", " : "");
        target_identifier(&names, merge->columns[merge->key[i]].name);
    }
    buffer_append(&statement, "CREATE UNIQUE INDEX ON ");
    target_relation(&statement, merge->schema, merge->name);
    buffer_appendf(&statement, " (%s)", buffer_string(&names));
    error_set(
        error, ERROR_CONFIG,
        "the target \"%s\".\"%s\" has no unique index on exactly the uniqueness_columns (%s), by which rows could be "
        "merged%s%s",
        merge->schema, merge->name, buffer_string(&names),
        PQgetisnull(result, 0, UNFIT) ? "" : "; an index on them is no help: ",
        PQgetisnull(result, 0, UNFIT) ? "" : PQgetvalue(result, 0, UNFIT));
    error_hint(error, "%s", buffer_string(&statement));
    buffer_release(&names);
    buffer_release(&statement);
    return false;
}

static bool refuse_privilege(const struct merge *merge, struct target_connection *connection, const PGresult *result,
                             struct error *error) {
    struct buffer grant = {0};
    const char *role = PQgetvalue(result, 0, ROLE);
    if (!truth_of(result, 0, MAY_STAGE)) {
        error_set_code(error, ERROR_CONFIG, "42501",
                       "the role \"%s\" lacks TEMPORARY on the database \"%s\": merging needs a temporary table", role,
                       connection->database);
        buffer_append(&grant, "GRANT TEMPORARY ON DATABASE ");
        target_identifier(&grant, connection->database);
    } else {
        error_set_code(error, ERROR_CONFIG, "42501",
                       "the role \"%s\" lacks UPDATE on columns of the target \"%s\".\"%s\": %s", role, merge->schema,
                       merge->name, PQgetvalue(result, 0, NOT_UPDATABLE));
        buffer_append(&grant, "GRANT UPDATE ON ");
        target_relation(&grant, merge->schema, merge->name);
    }
    buffer_append(&grant, " TO ");
    target_identifier(&grant, role);
    error_hint(error, "%s", buffer_string(&grant));
    buffer_release(&grant);
    return false;
}

static bool take_operators(struct merge *merge, const PGresult *result, struct error *error) {
    json_t *list = json_loads(PQgetvalue(result, 0, OPERATORS), 0, NULL);
    bool whole = json_array_size(list) == merge->key_count;
    merge->operators = memory_array(merge->key_count, sizeof *merge->operators);
    for (size_t i = 0; whole && i < merge->key_count; i++)
        merge->operators[i] = memory_copy_string(json_string_value(json_array_get(list, i)));
    json_decref(list);
    return whole || error_set(error, ERROR_CONFIG,
                              "the unique index of the target \"%s\".\"%s\" has no operator that finds two keys equal",
                              merge->schema, merge->name);
}

static int64_t find_leading(const struct merge *merge, const PGresult *result) {
    for (size_t i = 0; i < merge->key_count; i++)
        if (!PQgetisnull(result, 0, LEADING) &&
            strcmp(merge->columns[merge->key[i]].name, PQgetvalue(result, 0, LEADING)) == 0)
            return (int64_t)merge->key[i];
    return -1;
}

bool merge_look_up(struct merge *merge, struct target_connection *connection, const struct target_table *table,
                   struct error *error) {
    char oid[16];
    struct buffer key = {0}, written = {0};
    PGresult *result = NULL;
    snprintf(oid, sizeof oid, "%u", (unsigned)table->oid);
    for (size_t i = 0; i < merge->key_count; i++)
        append_name(&key, merge->columns[merge->key[i]].name);
    for (size_t i = 0; i < merge->written_count; i++)
        append_name(&written, merge->columns[i].name);
    buffer_append_char(&key, ']');
    buffer_append_char(&written, ']');
    const char *parameters[] = {oid, buffer_string(&key), buffer_string(&written)};
    bool good = target_query(connection, sql_merge_facts, 3, parameters, &result, error);
    buffer_release(&key);
    buffer_release(&written);
    if (!good)
        return false;
    bool updates = !merge->inserts_only || merge->watermark >= 0;
    if (!truth_of(result, 0, HAS_INDEX))
        good = refuse_key(merge, result, error);
    else if (!truth_of(result, 0, MAY_STAGE) || (updates && !PQgetisnull(result, 0, NOT_UPDATABLE)))
        good = refuse_privilege(merge, connection, result, error);
    else
        good = take_operators(merge, result, error);
    merge->nullable = truth_of(result, 0, NULLABLE);
    merge->copy_would_double_nulls = merge->nullable && !truth_of(result, 0, NULLS_NOT_DISTINCT);
    merge->leading = find_leading(merge, result);
    PQclear(result);
    return good;
}

void merge_expect(struct merge *merge, const struct target_table *table) {
    merge->operators = memory_array(merge->key_count, sizeof *merge->operators);
    for (size_t i = 0; i < merge->key_count; i++) {
        int64_t found = target_column_find(table, merge->columns[merge->key[i]].name);
        merge->operators[i] = memory_copy_string("OPERATOR(pg_catalog.=)");
        merge->nullable = merge->nullable || found < 0 || !table->columns[found].not_null;
    }
    merge->copy_would_double_nulls = merge->nullable;
    merge->leading = -1; /* what isn't there yet is empty */
}

void merge_release(struct merge *merge) {
    for (size_t i = 0; merge->operators != NULL && i < merge->key_count; i++)
        memory_release(&merge->operators[i]);
    memory_release(&merge->operators);
    memory_release(&merge->fixed);
    memory_release(&merge->key);
    memory_release(&merge->sort);
    memset(merge, 0, sizeof *merge);
}

bool merge_meets(const struct merge *merge, struct target_connection *connection, const char *lower, const char *upper,
                 bool upper_included, bool *meets, struct error *error) {
    struct buffer sql = {0};
    PGresult *result = NULL;
    const char *bounds[2];
    int count = 0;
    if (lower != NULL)
        bounds[count++] = lower;
    if (upper != NULL)
        bounds[count++] = upper;
    if (!target_begin(connection, false, error))
        return false;
    merge_meets_statement(&sql, merge, lower != NULL, upper != NULL, upper_included);
    bool done = target_query(connection, buffer_string(&sql), count, bounds, &result, error);
    buffer_release(&sql);
    *meets = !done || PQntuples(result) > 0;
    PQclear(result);
    target_rollback(connection);
    if (done || error->kind != ERROR_DATA)
        return done;
    error_clear(error);
    return true;
}

/* ---- running ------------------------------------------------------------------------------------------------------------ */

static bool execute(struct target_connection *connection, const struct merge *merge,
                    void (*build)(struct buffer *sql, const struct merge *merge), struct error *error) {
    struct buffer sql = {0};
    build(&sql, merge);
    bool done = target_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    return done;
}

bool merge_stage(const struct merge *merge, struct target_connection *connection, struct error *error) {
    return execute(connection, merge, merge_stage_statement, error);
}

bool merge_rehearse(const struct merge *merge, struct target_connection *connection, struct error *error) {
    struct buffer sql = {0};
    if (!target_begin(connection, false, error))
        return false;
    buffer_append(&sql, "EXPLAIN ");
    merge_statement(&sql, merge, NULL, false);
    bool done = merge_stage(merge, connection, error) && target_execute(connection, buffer_string(&sql), error);
    if (done && merge_has_order(merge))
        done = execute(connection, merge, merge_deduplicate_statement, error);
    buffer_release(&sql);
    target_rollback(connection);
    if (done || error->kind == ERROR_TRANSIENT || error->kind == ERROR_STOPPED)
        return done;
    error->kind = ERROR_CONFIG;
    error_context(error, "merging into \"%s\".\"%s\" as configured doesn't work", merge->schema, merge->name);
    return merge->watermark < 0 ||
           error_hint(error, "can the source's watermark be compared with the target's column \"%s\"?",
                      merge->target_watermark);
}

/* Say which key it is, and what to do. */
static bool refuse_differing(const struct merge *merge, struct target_connection *connection, const char *place,
                             bool across_chunks, struct error *error) {
    struct buffer sql = {0};
    PGresult *result = NULL;
    const char *parameters[] = {place};
    merge_key_statement(&sql, merge);
    bool found = target_query(connection, buffer_string(&sql), 1, parameters, &result, error);
    buffer_release(&sql);
    if (!found)
        return false;
    error_set(error, ERROR_DATA,
              "the source has several rows with the key %s that differ, and nothing says which of them counts%s",
              PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "(?)",
              across_chunks ? "; they lie in different chunks, or in different tables that feed the target" : "");
    PQclear(result);
    if (across_chunks && merge->sort_count > 0)
        return error_hint(error,
                          "sort_columns decide between rows of one chunk: leave chunking_columns out, or name only "
                          "columns of the key there, so that the rows of a key meet in one chunk");
    return error_hint(error,
                      "set source_watermark and target_watermark (the newest row counts) or sort_columns (the last "
                      "one counts), or make the key unique in a view of the source");
}

/* One row of each key stays. */
static bool deduplicate(const struct merge *merge, struct target_connection *connection, struct merge_counts *counts,
                        struct error *error) {
    struct buffer sql = {0};
    PGresult *result = NULL;
    if (!merge_has_order(merge)) {
        merge_differing_statement(&sql, merge);
        bool done = target_query(connection, buffer_string(&sql), 0, NULL, &result, error);
        bool differing = done && PQntuples(result) > 0;
        if (differing)
            refuse_differing(merge, connection, PQgetvalue(result, 0, 0), false, error);
        PQclear(result);
        if (!done || differing) {
            buffer_release(&sql);
            return false;
        }
        buffer_clear(&sql);
    }
    merge_deduplicate_statement(&sql, merge);
    bool done = target_query(connection, buffer_string(&sql), 0, NULL, &result, error);
    if (done)
        counts->duplicate += strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    buffer_release(&sql);
    return done;
}

/* Columns of merge_statement(). */
enum { DONE_INSERTS, DONE_UPDATES, INSERTED, UPDATED, UNCHANGED, OLDER, DUPLICATE, WRITTEN, CONFLICT };

/* One pass; *complete where everything came out as it had been seen. */
static bool pass(const struct merge *merge, struct target_connection *connection, const char *sql,
                 struct merge_counts *written, struct merge_counts *seen, bool *complete, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection, sql, 0, NULL, &result, error))
        return false;
    if (!PQgetisnull(result, 0, CONFLICT)) {
        refuse_differing(merge, connection, PQgetvalue(result, 0, CONFLICT), true, error);
        PQclear(result);
        return false;
    }
    written->inserted += number_of(result, 0, DONE_INSERTS);
    written->updated += number_of(result, 0, DONE_UPDATES);
    *complete = number_of(result, 0, DONE_INSERTS) == number_of(result, 0, INSERTED) &&
                number_of(result, 0, DONE_UPDATES) == number_of(result, 0, UPDATED);
    *seen = (struct merge_counts){.unchanged = number_of(result, 0, UNCHANGED),
                                  .older = number_of(result, 0, OLDER),
                                  .duplicate = number_of(result, 0, DUPLICATE)};
    PQclear(result);
    return true;
}

static bool merge_keys(const struct merge *merge, struct target_connection *connection, const char *own_transactions,
                       bool null_keys, struct merge_counts *counts, struct error *error) {
    struct buffer sql = {0};
    struct merge_counts written = {0}, seen = {0};
    bool complete = false, done = true;
    merge_statement(&sql, merge, own_transactions, null_keys);
    for (int i = 0; done && !complete && i < PASSES_ALLOWED; i++)
        done = pass(merge, connection, buffer_string(&sql), &written, &seen, &complete, error);
    buffer_release(&sql);
    if (done && !complete) {
        error_set(
            error, ERROR_DIFFERENCE,
            "PostgreSQL did not write all rows that it was given: a BEFORE trigger of \"%s\".\"%s\" may drop some, or "
            "somebody else changes the same rows again and again",
            merge->schema, merge->name);
        return error_hint(error, "the chunk is rolled back; look at the table's triggers and at who else writes there");
    }
    counts->inserted += written.inserted;
    counts->updated += written.updated;
    counts->unchanged += seen.unchanged;
    counts->older += seen.older;
    counts->duplicate += seen.duplicate;
    return done;
}

bool merge_run(const struct merge *merge, struct target_connection *connection, const char *own_transactions,
               struct merge_counts *counts, struct error *error) {
    struct buffer sql = {0};
    PGresult *result = NULL;
    memset(counts, 0, sizeof *counts);
    if (!execute(connection, merge, merge_analyze_statement, error))
        return false;
    merge_examine_statement(&sql, merge);
    bool done = target_query(connection, buffer_string(&sql), 0, NULL, &result, error);
    buffer_release(&sql);
    if (!done)
        return false;
    counts->staged = number_of(result, 0, 0);
    bool null_keys = number_of(result, 0, 1) > 0;
    bool several = number_of(result, 0, 2) > 0;
    PQclear(result);
    return (!several || deduplicate(merge, connection, counts, error)) &&
           merge_keys(merge, connection, own_transactions, false, counts, error) &&
           (!null_keys || !merge->nullable || merge_keys(merge, connection, own_transactions, true, counts, error));
}

/* ---- in parts ------------------------------------------------------------------------------------------------------------ */

bool merge_hold(const struct merge *merge, struct target_connection *connection, int64_t *rows,
                struct merge_counts *counts, struct error *error) {
    PGresult *result = NULL;
    memset(counts, 0, sizeof *counts);
    if (!execute(connection, merge, merge_number_statement, error) || !deduplicate(merge, connection, counts, error) ||
        !execute(connection, merge, merge_hold_statement, error) ||
        !target_query(connection, "SELECT count(*) FROM pg_temp.\"thaw held\"", 0, NULL, &result, error))
        return false;
    *rows = number_of(result, 0, 0);
    counts->staged = counts->duplicate;
    PQclear(result);
    return true;
}

static const char *number_text(char text[24], int64_t value) {
    snprintf(text, 24, "%" PRId64, value);
    return text;
}

bool merge_empty(const struct merge *merge, struct target_connection *connection, struct error *error) {
    return execute(connection, merge, merge_empty_statement, error);
}

bool merge_take(const struct merge *merge, struct target_connection *connection, int64_t first, int64_t count,
                struct error *error) {
    struct buffer sql = {0};
    char from[24], to[24];
    const char *parameters[] = {number_text(from, first), number_text(to, first + count)};
    merge_take_statement(&sql, merge);
    bool done = target_query(connection, buffer_string(&sql), 2, parameters, NULL, error);
    buffer_release(&sql);
    return done;
}

bool merge_describe_held(const struct merge *merge, struct target_connection *connection, int64_t row, int64_t *number,
                         char **key, char **values, struct error *error) {
    struct buffer sql = {0};
    PGresult *result = NULL;
    char place[24];
    const char *parameters[] = {number_text(place, row + 1)};
    merge_held_statement(&sql, merge);
    bool done = target_query(connection, buffer_string(&sql), 1, parameters, &result, error);
    buffer_release(&sql);
    if (done && PQntuples(result) != 1)
        done = error_set(error, ERROR_INTERNAL, "staged row %" PRId64 " is not there any more", row + 1);
    *key = done ? memory_copy_string(PQgetvalue(result, 0, 0)) : NULL;
    *values = done ? memory_copy_string(PQgetvalue(result, 0, 1)) : NULL;
    *number = done ? number_of(result, 0, 2) : 0;
    PQclear(result);
    return done;
}
