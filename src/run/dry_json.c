#include "run/dry_json.h"

#include "run/merging.h"

static json_t *text_or_null(const char *text) {
    return text == NULL ? json_null() : json_string(text);
}

json_t *dry_json_begin(void) {
    return json_pack("{s:n, s:n, s:n, s:[], s:[]}", "workers", "buffers_mb", "memory_limit_mb", "unfinished", "tables");
}

void dry_json_set_budget(json_t *report, const struct run *run, int64_t buffers_mb) {
    json_object_set_new(report, "workers", json_integer(run->worker_count));
    json_object_set_new(report, "buffers_mb", json_integer(buffers_mb));
    if (run->budget.limit_mb > 0)
        json_object_set_new(report, "memory_limit_mb", json_integer(run->budget.limit_mb));
}

void dry_json_add_unfinished(json_t *report, const struct run_database *database, const struct ledger_run *unfinished) {
    json_array_append_new(json_object_get(report, "unfinished"),
                          json_pack("{s:o, s:s, s:s, s:b, s:s}", "database", text_or_null(database->control.database),
                                    "run_id", unfinished->run_id, "status", unfinished->status, "live",
                                    unfinished->live, "source_names", unfinished->source_names));
}

/* As the ledger names it. */
static json_t *name_table(const struct run_table *table) {
    const struct config_feed *feed = table->feed;
    const char *database = table->database->control.database;
    return json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:s}", "source_name", feed->source_name, "source_database",
                     text_or_null(feed->source_database), "source_schema", text_or_null(feed->source_schema),
                     "source_table", table->config->source, "target_database",
                     text_or_null(database != NULL ? database : feed->target_database), "target_schema",
                     feed->target_schema, "target_table", table->config->target);
}

static json_t *list_keys(const struct run_mapping *mapping) {
    json_t *list = json_array();
    for (size_t i = 0; i < mapping->key_count; i++)
        json_array_append_new(list, json_string(mapping->keys[i].name));
    return list;
}

/* The target's columns by which rows are merged. */
static json_t *list_merge_key(const struct run_mapping *mapping) {
    json_t *list = json_array();
    for (size_t i = 0; mapping->merges && i < mapping->merge.key_count; i++)
        json_array_append_new(list, json_string(mapping->targets[mapping->merge.key[i]].name));
    return list;
}

static json_t *list_chunks(const struct plan *plan) {
    json_t *list = json_array();
    for (size_t i = 0; i < plan->chunk_count; i++)
        json_array_append_new(list, json_pack("{s:i, s:o, s:I}", "chunk_id", (int)i + 1, "chunk_range",
                                              plan_chunk_to_json(plan, &plan->chunks[i]), "expected_rows",
                                              (json_int_t)plan->chunks[i].expected_rows));
    return list;
}

static json_t *list_indexes(const struct target_indexes *indexes, bool pays) {
    json_t *list = json_array();
    for (size_t i = 0; i < indexes->count; i++) {
        const struct target_index *index = &indexes->list[i];
        const char *why = index->stays != NULL ? index->stays : pays ? NULL : "too few rows are loaded";
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o}", "kind", index->kind, "name", index->name,
                                              "would_drop", why == NULL, "stays_because", text_or_null(why)));
    }
    return list;
}

static const char *snapshot_name(const struct run_table *table, const struct run_mapping *mapping) {
    return mapping->snapshot.kind == SNAPSHOT_AT_MOMENT               ? "time_travel"
           : table->config->settings.snapshot == SNAPSHOT_MATERIALIZE ? "materialize"
                                                                      : "none";
}

void dry_json_add_table(json_t *report, const struct run_table *table, const struct run_mapping *mapping,
                        const struct plan *plan, const struct target_indexes *indexes, bool pays) {
    static const char *const methods[] = {[PLAN_WHOLE] = "whole", [PLAN_RANGE] = "range", [PLAN_HASH] = "hash"};
    const bool made = mapping->create_sql != NULL;
    json_t *entry = name_table(table);
    json_t *facts = json_pack(
        "{s:s, s:o, s:I, s:i, s:s, s:o, s:s, s:o, s:o, s:s, s:o, s:I, s:b, s:o, s:b, s:o, s:o, s:n}", "mode",
        merging_mode_name(table->config->mode), "key", list_merge_key(mapping), "columns",
        (json_int_t)mapping->written_count, "readers", table->readers, "format",
        mapping->format == ENCODE_TEXT ? "text" : "binary", "source_filter", text_or_null(table->config->source_filter),
        "snapshot", snapshot_name(table, mapping), "moment", text_or_null(mapping->snapshot.moment), "window",
        plan_window_is_set(&mapping->window.rows) ? plan_window_to_json(&mapping->window.rows) : json_null(),
        "chunking", methods[mapping->method], "chunking_columns", list_keys(mapping), "expected_rows",
        (json_int_t)plan->expected_rows, "would_truncate", !made && table->config->truncate_onstart, "would_create",
        text_or_null(mapping->create_sql), "would_create_schema", made && mapping->create_schema, "indexes",
        list_indexes(indexes, pays), "chunks", list_chunks(plan), "error");
    json_object_update(entry, facts);
    json_decref(facts);
    json_array_append_new(json_object_get(report, "tables"), entry);
}

void dry_json_add_failure(json_t *report, const struct run_table *table, const struct error *error) {
    struct buffer text = {0};
    json_t *entry = name_table(table);
    error_describe(error, &text);
    json_object_set_new(entry, "error", json_stringn(text.data, text.length));
    json_array_append_new(json_object_get(report, "tables"), entry);
    buffer_release(&text);
}
