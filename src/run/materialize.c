#include "run/materialize.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/load.h"
#include "run/snapshot.h"
#include "run/window.h"

/* ---- what the ledger keeps ---------------------------------------------------------------------------------------- */

static void add(json_t *object, const char *name, const char *text) {
    if (text != NULL)
        json_object_set_new(object, name, json_string(text));
}

static char *to_json(const struct source_scratch *scratch) {
    json_t *object = json_object();
    add(object, "database", scratch->relation.database);
    add(object, "schema", scratch->relation.schema);
    add(object, "table", scratch->relation.name);
    add(object, "file", scratch->file);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static char *get(const json_t *object, const char *name) {
    return memory_copy_string(json_string_value(json_object_get(object, name)));
}

bool materialize_from_json(const json_t *noted, struct source_scratch *scratch) {
    memset(scratch, 0, sizeof *scratch);
    if (!json_is_string(json_object_get(noted, "table")))
        return false;
    scratch->relation.database = get(noted, "database");
    scratch->relation.schema = get(noted, "schema");
    scratch->relation.name = get(noted, "table");
    scratch->file = get(noted, "file");
    return true;
}

/* ---- making ------------------------------------------------------------------------------------------------------- */

/* Is it among the first `count` columns that are copied? */
static bool is_copied(const struct run_mapping *mapping, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(mapping->source.columns[mapping->columns[i]].name, name) == 0)
            return true;
    return false;
}

/* The columns that are copied and those by which chunks are cut, as they are stored: projections come when they are read. */
static void scratch_query(struct buffer *sql, const struct dialect *dialect, const struct run_mapping *mapping) {
    buffer_append(sql, "SELECT ");
    for (size_t i = 0; i < mapping->column_count; i++) {
        const char *name = mapping->source.columns[mapping->columns[i]].name;
        if (is_copied(mapping, i, name)) /* merging may stage a column twice */
            continue;
        buffer_append(sql, i > 0 ? ", " : "");
        dialect->identifier(sql, name);
    }
    for (size_t k = 0; k < mapping->key_count; k++)
        if (!is_copied(mapping, mapping->column_count, mapping->keys[k].name)) {
            buffer_append(sql, ", ");
            dialect->identifier(sql, mapping->keys[k].name);
        }
    buffer_append(sql, " FROM ");
    dialect_relation(dialect, sql, &mapping->source.relation);
    if (mapping->filter != NULL && mapping->filter[0] != '\0')
        buffer_appendf(sql, " WHERE (\n%s\n)", mapping->filter);
    for (size_t k = 0; mapping->method == PLAN_RANGE && k < mapping->key_count; k++) {
        buffer_append(sql, k == 0 ? " ORDER BY " : ", ");
        dialect->key(sql, &mapping->keys[k]);
    }
}

static void copy_relation(struct source_relation *to, const struct source_relation *from) {
    source_relation_release(to);
    to->database = memory_copy_string(from->database);
    to->schema = memory_copy_string(from->schema);
    to->name = memory_copy_string(from->name);
}

void materialize_settle(struct run_mapping *mapping, const struct dialect *dialect, int64_t rows) {
    mapping->snapshot.kind = SNAPSHOT_MATERIALIZED;
    mapping->snapshot.scratch_rows = rows;
    copy_relation(&mapping->source.relation, &mapping->snapshot.scratch.relation);
    memory_release(&mapping->filter);
    mapping->source.is_view = false;
    mapping->source.block_rows = dialect->block_rows;
    mapping->source.estimated_rows = rows;
}

bool materialize_drop_filter(struct run_mapping *mapping) {
    if (mapping->snapshot.kind == SNAPSHOT_MATERIALIZED)
        memory_release(&mapping->filter);
    return true;
}

static bool make(struct worker *worker, const struct run_table *table, struct run_mapping *mapping, int64_t *rows,
                 struct error *error) {
    struct run *run = worker->run;
    struct source_scratch *scratch = &mapping->snapshot.scratch;
    struct buffer sql = {0};
    bool found = false;
    char *noted = to_json(scratch);
    scratch_query(&sql, source_dialect(run->source), mapping);
    bool done = ledger_note_scratch(&worker->target, run->run_id, table->table_id, noted, error) &&
                fault_point(&run->faults, "before_scratch", error) &&
                source_scratch_make(worker->source, scratch, buffer_string(&sql), error) &&
                fault_point(&run->faults, "after_scratch", error) &&
                source_scratch_open(worker->source, scratch, &found, rows, error);
    buffer_release(&sql);
    memory_release(&noted);
    if (done && !found)
        return error_set(error, ERROR_TRANSIENT, "the scratch table went as soon as it was made");
    return done;
}

bool materialize_table(struct worker *worker, const struct run_table *table, struct run_mapping *mapping,
                       struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, 0);
    struct source_scratch *scratch = &mapping->snapshot.scratch;
    int64_t begun = clock_monotonic_us(), rows = 0;
    char duration[32];
    if (table->config->settings.snapshot != SNAPSHOT_MATERIALIZE)
        return true;
    source_scratch_release(scratch);
    source_scratch_name(run->source, &mapping->source.relation, table->config->scratch_schema, run->run_id,
                        table->table_id, scratch);
    if (!make(worker, table, mapping, &rows, error)) {
        if (error->hint[0] == '\0')
            window_hint_at_filter(table, error);
        return false;
    }
    clock_format_duration(clock_monotonic_us() - begun, duration, sizeof duration);
    log_write(run->log, LOG_INFO, &scope, "materialized: %lld rows in %s%s%s, in %s", (long long)rows,
              scratch->file != NULL ? scratch->file : scratch->relation.schema, scratch->file != NULL ? "" : ".",
              scratch->file != NULL ? "" : scratch->relation.name, duration);
    materialize_settle(mapping, source_dialect(run->source), rows);
    return true;
}

/* ---- dropping ----------------------------------------------------------------------------------------------------- */

void snapshot_drop(struct worker *worker, const struct run_table *table) {
    struct run *run = worker->run;
    const struct run_snapshot *snapshot = &table->mapping.snapshot;
    struct log_scope scope = run_scope(table, 0);
    struct error error;
    error_clear(&error);
    if (snapshot->kind != SNAPSHOT_MATERIALIZED)
        return;
    if (!fault_point(&run->faults, "before_scratch_drop", &error) || !load_connect_source(worker, &error) ||
        !source_scratch_drop(worker->source, &snapshot->scratch, &error) ||
        !ledger_note_scratch(&worker->target, run->run_id, table->table_id, NULL, &error))
        log_write(run->log, LOG_WARNING, &scope, "its scratch table %s is left over, for `thaw clean`: %s",
                  snapshot->scratch.file != NULL ? snapshot->scratch.file : snapshot->scratch.relation.name,
                  error.message);
}

static bool read_noted(const struct ledger_scratch *noted, struct source_scratch *scratch) {
    json_t *object = json_loads(noted->scratch, 0, NULL);
    bool known = materialize_from_json(object, scratch);
    json_decref(object);
    return known;
}

char *materialize_name(const struct ledger_scratch *noted) {
    struct source_scratch scratch;
    struct buffer name = {0};
    if (!read_noted(noted, &scratch))
        buffer_append(&name, noted->scratch);
    else if (scratch.file != NULL)
        buffer_append(&name, scratch.file);
    else
        dialect_relation(&dialect_snowflake, &name, &scratch.relation);
    source_scratch_release(&scratch);
    return buffer_steal(&name);
}

bool materialize_drop(struct source_connection *connection, struct target_connection *target,
                      const struct ledger_scratch *noted, struct error *error) {
    struct source_scratch scratch;
    if (!read_noted(noted, &scratch))
        return error_set(error, ERROR_INTERNAL, "the scratch table of table %lld in the ledger has no name: %s",
                         (long long)noted->table_id, noted->scratch);
    bool done = source_scratch_drop(connection, &scratch, error) &&
                ledger_note_scratch(target, noted->run_id, noted->table_id, NULL, error);
    source_scratch_release(&scratch);
    return done || error_context(error, "dropping the scratch table of table %lld of run %s",
                                 (long long)noted->table_id, noted->run_id);
}
