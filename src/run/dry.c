#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "run/begin.h"
#include "run/dry_json.h"
#include "run/indexes.h"
#include "run/mapping.h"
#include "run/memory_limit.h"
#include "run/merging.h"
#include "run/planning.h"
#include "run/presence.h"
#include "run/run.h"
#include "run/snapshot.h"
#include "run/state.h"
#include "run/window.h"
#include "target/indexes.h"

enum { CHUNKS_SHOWN = 200 };

/* Bytes that one worker holds at most beside what the driver takes: its segments, and libpq's buffers. */
static const int64_t worker_bytes = (int64_t)READER_BYTES + 1024 * 1024;

static int64_t buffers_mb(const struct run *run) {
    return run->worker_count * worker_bytes / (1024 * 1024) + 1;
}

static void print_memory(const struct run *run, FILE *out) {
    struct buffer text = {0};
    memory_limit_describe(run, &text);
    if (text.length == 0)
        buffer_appendf(&text, "memory: about %" PRId64 " MB for their buffers, and what the source's driver takes",
                       buffers_mb(run));
    fprintf(out, "workers: %d, %s\n", run->worker_count, buffer_string(&text));
    buffer_release(&text);
}

static void print_bound(FILE *out, char *const *bound, size_t key_count, const char *open) {
    if (bound == NULL) {
        fputs(open, out);
        return;
    }
    for (size_t k = 0; k < key_count; k++)
        fprintf(out, "%s%s", k > 0 ? ", " : "", bound[k]);
}

static void print_chunks(FILE *out, const struct plan *plan) {
    for (size_t i = 0; i < plan->chunk_count && i < CHUNKS_SHOWN; i++) {
        const struct plan_chunk *chunk = &plan->chunks[i];
        fprintf(out, "    chunk %zu: ", i + 1);
        if (chunk->kind == CHUNK_WHOLE) {
            fputs("the whole table", out);
        } else if (chunk->kind == CHUNK_NULLS) {
            fputs("rows with a NULL key", out);
        } else if (chunk->kind == CHUNK_HASH) {
            fprintf(out, "hash buckets %" PRId64 " to %" PRId64 " of %" PRId64, chunk->first_bucket, chunk->last_bucket,
                    chunk->buckets);
        } else {
            print_bound(out, chunk->lower, plan->key_count, "(open)");
            fputs(" <= key < ", out);
            print_bound(out, chunk->upper, plan->key_count, "(open)");
        }
        fprintf(out, ", %" PRId64 " rows\n", chunk->expected_rows);
    }
    if (plan->chunk_count > CHUNKS_SHOWN)
        fprintf(out, "    ... and %zu more chunks\n", plan->chunk_count - CHUNKS_SHOWN);
}

static void print_indented(FILE *out, const char *text) {
    for (const char *line = text; *line != '\0';) {
        int length = (int)strcspn(line, "\n");
        fprintf(out, "    %.*s\n", length, line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
}

static void print_creation(FILE *out, const struct run_mapping *mapping) {
    fprintf(out, "  would be CREATED%s:\n", mapping->create_schema ? ", and its schema" : "");
    print_indented(out, mapping->create_sql);
    print_indented(out, mapping->comments_sql);
}

static void print_table(const struct run *run, FILE *out, const struct run_table *table,
                        const struct run_mapping *mapping, const struct plan *plan) {
    struct buffer window = {0};
    fprintf(out, "%s -> %s.%s.%s\n", table->label,
            table->database->control.database == NULL ? "" : table->database->control.database, mapping->target.schema,
            mapping->target.name);
    if (table->readers < run->worker_count)
        fprintf(out, "  readers: %d of %d workers at a time\n", table->readers, run->worker_count);
    fprintf(out, "  mode: %s, %zu columns, COPY in %s format%s%s\n", merging_mode_name(table->config->mode),
            mapping->written_count, mapping->format == ENCODE_TEXT ? "text" : "binary",
            table->config->source_filter == NULL ? "" : ", filter: ",
            table->config->source_filter == NULL ? "" : table->config->source_filter);
    for (size_t i = 0; mapping->merges && i < mapping->merge.key_count; i++)
        fprintf(out, "%s%s%s", i == 0 ? "  key: " : ", ", mapping->targets[mapping->merge.key[i]].name,
                i + 1 == mapping->merge.key_count ? "\n" : "");
    if (mapping->snapshot.kind == SNAPSHOT_AT_MOMENT)
        fprintf(out, "  snapshot: as it was at %s\n", mapping->snapshot.moment);
    else if (table->config->settings.snapshot == SNAPSHOT_MATERIALIZE)
        fputs("  snapshot: a scratch table would be made in the source, and these chunks cut from it\n", out);
    else
        fputs("  snapshot: none\n", out);
    window_describe(&window, &mapping->window);
    if (window.length > 0)
        fprintf(out, "  watermark: %s\n", buffer_string(&window));
    buffer_release(&window);
    fprintf(out, "  chunking: %s",
            mapping->method == PLAN_HASH    ? "hash of "
            : mapping->method == PLAN_RANGE ? "range on "
                                            : "whole");
    for (size_t k = 0; k < mapping->key_count; k++)
        fprintf(out, "%s%s%s", k > 0 ? ", " : "", mapping->keys[k].name,
                mapping->keys[k].as_number ? " (its number)" : "");
    fprintf(out, "\n  rows: %" PRId64 " in %zu chunks\n", plan->expected_rows, plan->chunk_count);
    if (mapping->create_sql != NULL)
        print_creation(out, mapping);
    else if (table->config->truncate_onstart)
        fprintf(out, "  would be TRUNCATED: %s.%s\n", mapping->target.schema, mapping->target.name);
    print_chunks(out, plan);
}

/* What disable_index would do. In a transaction, for its search_path, that changes nothing. */
static bool read_indexes(struct run_table *table, struct target_indexes *indexes, int64_t *rows_before,
                         struct error *error) {
    struct target_connection *control = &table->database->control;
    const char *schema = table->feed->target_schema;
    if (!table->config->disable_index)
        return true;
    bool done =
        target_begin(control, false, error) &&
        (table->config->truncate_onstart ||
         target_count_rows(control, schema, table->config->target, rows_before, error)) &&
        target_indexes_read(control, schema, table->config->target, indexes_keep_unique(table->config), indexes, error);
    target_rollback(control);
    return done;
}

static void print_indexes(FILE *out, const struct run_table *table, const struct plan *plan,
                          const struct target_indexes *indexes, int64_t rows_before, bool pays) {
    if (table->config->disable_index && !pays)
        fprintf(out, "  no index would be dropped: %" PRId64 " rows beside %" PRId64 " of the target\n",
                plan->expected_rows, rows_before);
    for (size_t i = 0; pays && i < indexes->count; i++) {
        const struct target_index *index = &indexes->list[i];
        if (index->stays == NULL)
            fprintf(out, "  would be DROPPED for the load and made again: %s \"%s\"\n", index->kind, index->name);
        else
            fprintf(out, "  would stay: %s \"%s\", since %s\n", index->kind, index->name, index->stays);
    }
}

/* As JSON into `report`, or where that is NULL as text. */
static bool show_table(const struct run *run, struct run_table *table, const struct run_mapping *mapping,
                       const struct plan *plan, FILE *out, json_t *report, struct error *error) {
    struct target_indexes indexes = {0};
    int64_t rows_before = 0;
    bool done = read_indexes(table, &indexes, &rows_before, error);
    bool pays = indexes_worth_dropping(plan->expected_rows, rows_before);
    if (done && report != NULL) {
        dry_json_add_table(report, table, mapping, plan, &indexes, pays);
    } else if (done) {
        print_table(run, out, table, mapping, plan);
        print_indexes(out, table, plan, &indexes, rows_before, pays);
    }
    target_indexes_release(&indexes);
    return done;
}

static bool describe(struct run *run, struct run_table *table, FILE *out, json_t *report, struct error *error) {
    struct worker *worker = &run->workers[0];
    const struct dialect *dialect = source_dialect(run->source);
    struct run_mapping mapping;
    struct plan plan = {0};
    if (!mapping_prepare(&mapping, table, worker->source, dialect, &table->database->control, run->log, error))
        return error_context(error, "%s", table->label);
    bool done =
        memory_limit_readers(run, mapping.column_count, &table->readers, error) &&
        source_reserve(worker->source, mapping.column_count, table->readers, &table->readers, error) &&
        snapshot_fix(worker, table, &mapping, error) &&
        window_choose(&mapping, table, run->config, worker->source, dialect, &table->database->control, error) &&
        planning_query(worker->source, dialect, table, &mapping, run->worker_count, &plan, error);
    if (!done || !show_table(run, table, &mapping, &plan, out, report, error))
        done = error_context(error, "%s", table->label);
    plan_release(&plan);
    mapping_release(&mapping);
    return done;
}

/* Say which run the same command would resume, from ledgers that exist already; none is made here. */
static bool tell_unfinished(struct run *run, FILE *out, json_t *report, struct error *error) {
    for (size_t i = 0; i < run->database_count; i++) {
        struct target_connection *control = &run->databases[i].control;
        struct ledger_runs runs = {0};
        int64_t now_us = 0;
        bool exists = false;
        if (!ledger_exists(control, &exists, error) ||
            (exists && !ledger_list_runs(control, NULL, &runs, &now_us, error)))
            return false;
        for (size_t r = 0; report != NULL && r < runs.count; r++)
            dry_json_add_unfinished(report, &run->databases[i], &runs.list[r]);
        for (size_t r = 0; report == NULL && r < runs.count; r++)
            fprintf(out, "unfinished in database %s: run %s (%s%s) of %s\n",
                    control->database == NULL ? "(default)" : control->database, runs.list[r].run_id,
                    runs.list[r].status, runs.list[r].live ? ", live" : "", runs.list[r].source_names);
        ledger_runs_release(&runs);
    }
    return true;
}

static bool show_all(struct run *run, FILE *out, json_t *report, struct error *error) {
    bool done = true;
    if (!limits_from_environment(run, error) || !memory_limit_open_source(run, error))
        return false;
    for (size_t i = 0; i < run->database_count; i++)
        if (!presence_connect(run, &run->databases[i], error))
            return false;
    for (size_t i = 0; i < run->database_count; i++)
        run->databases[i].control.stall_limit_us = 0;
    if (!tell_unfinished(run, out, report, error))
        return false;
    if (report == NULL)
        print_memory(run, out);
    else
        dry_json_set_budget(report, run, buffers_mb(run));
    for (size_t i = 0; i < run->table_count; i++) {
        struct error table_error;
        error_clear(&table_error);
        if (describe(run, &run->tables[i], out, report, &table_error))
            continue;
        if (report != NULL)
            dry_json_add_failure(report, &run->tables[i], &table_error);
        log_failure(run->log, NULL, &table_error); /* every table's problem is told, not the first only */
        done = error_set(error, ERROR_CONFIG, "not every table can be migrated as configured");
    }
    if (report == NULL)
        fputs("dry run: nothing was changed in either database\n", out);
    return done;
}

bool run_dry(const struct config *config, const struct run_options *options, struct log *log, bool json, FILE *out,
             struct error *error) {
    struct run run = {.config = config, .options = options, .log = log};
    pthread_mutex_init(&run.mutex, NULL);
    pthread_mutex_init(&run.claiming, NULL);
    pthread_cond_init(&run.changed, NULL);
    begin_tables(&run);
    json_t *report = json ? dry_json_begin() : NULL;
    bool done = show_all(&run, out, report, error);
    if (json_array_size(json_object_get(report, "tables")) > 0 && json_dumpf(report, out, JSON_COMPACT) == 0)
        fputc('\n', out);
    json_decref(report);
    begin_release(&run);
    return done;
}
