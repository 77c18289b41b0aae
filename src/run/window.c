#include "run/window.h"

#include <string.h>

#include "base/memory.h"
#include "config/config.h"
#include "run/begin.h"
#include "run/mapping.h"
#include "target/watermark.h"

void window_release(struct run_window *window) {
    plan_window_release(&window->rows);
    memory_release(&window->settings);
    *window = (struct run_window){0};
}

static void set_filter(struct run_mapping *mapping, const struct run_table *table, const struct dialect *dialect) {
    struct buffer filter = {0};
    plan_window_filter(&filter, dialect, table->config->source_filter, &mapping->window.rows);
    memory_release(&mapping->filter);
    if (filter.length > 0)
        mapping->filter = buffer_steal(&filter);
    buffer_release(&filter);
}

void window_hint_at_filter(const struct run_table *table, struct error *error) {
    if (error->kind == ERROR_CONFIG && table->config->source_filter != NULL)
        error_hint(error, "check source_filter, which goes into the query as it is: %s", table->config->source_filter);
}

/* ---- choosing -------------------------------------------------------------------------------------------------------- */

static bool read_history(const struct run_window *window, const struct run_table *table,
                         struct target_connection *target, struct ledger_window_history *history, struct error *error) {
    struct ledger_table names = begin_ledger_names(table);
    bool exists = false;
    memset(history, 0, sizeof *history);
    return ledger_exists(target, &exists, error) &&
           (!exists || ledger_window_history(target, &names, window->settings,
                                             plan_kind_name(window->rows.watermark.kind), history, error));
}

/* Why no floor can follow that history; NULL: one can. */
static const char *refuse_history(const struct ledger_window_history *history) {
    if (history->table_id == 0)
        return "no earlier run of this source and target has completed without rows set aside";
    if (!history->is_there)
        return "the target was truncated after the last completed run";
    if (!history->is_same)
        return "the last completed run had another source, filter, watermark or column mapping";
    if (history->ceiling == NULL)
        return "the last completed run found no watermark";
    return NULL;
}

static bool choose_floor(struct run_window *window, const struct run_mapping *mapping,
                         const struct target_column *column, struct target_connection *target,
                         const struct ledger_window_history *history, struct error *error) {
    window->follows = history->table_id;
    window->whole_because =
        mapping->create_sql != NULL ? "the target table is missing, and is made" : refuse_history(history);
    if (window->whole_because != NULL)
        return true;
    if (!target_watermark_floor(target, &mapping->target, column, &window->rows.watermark, history->ceiling,
                                &window->rows.floor, error))
        return false;
    if (window->rows.floor == NULL)
        window->whole_because = "the target holds no watermark from which one could count";
    return true;
}

/* The source's greatest watermark; where nothing is above the floor any more, what was read up to already. */
static bool choose_ceiling(struct run_window *window, const struct run_mapping *mapping, const struct run_table *table,
                           struct source_connection *source, const struct dialect *dialect,
                           const struct ledger_window_history *history, struct error *error) {
    struct buffer sql = {0};
    struct source_rows rows;
    plan_window_query(&sql, dialect, &mapping->source.relation, table->config->source_filter, &window->rows);
    bool done = source_query_rows(source, buffer_string(&sql), &rows, error);
    buffer_release(&sql);
    if (!done) {
        window_hint_at_filter(table, error);
        return error_context(error, "the query of the greatest watermark");
    }
    if (rows.row_count == 1 && rows.column_count == 1)
        window->rows.ceiling = memory_copy_string(source_cell(&rows, 0, 0));
    else
        done = error_set(error, ERROR_INTERNAL, "the source answered the query of the greatest watermark with %zu rows",
                         rows.row_count);
    source_rows_release(&rows);
    if (window->rows.ceiling == NULL && window->rows.floor != NULL)
        window->rows.ceiling = memory_copy_string(history->ceiling);
    return done;
}

static bool find_columns(const struct run_mapping *mapping, const struct config_table *config, size_t *source,
                         size_t *target, struct error *error) {
    int64_t from = source_column_find(&mapping->source, config->source_watermark);
    int64_t to = target_column_find(&mapping->target, config->target_watermark);
    if (from < 0)
        return error_set(error, ERROR_CONFIG, "source_watermark names the column \"%s\", which the source doesn't have",
                         config->source_watermark);
    if (to < 0)
        return error_set(error, ERROR_CONFIG, "target_watermark names the column \"%s\", which the target doesn't have",
                         config->target_watermark);
    *source = (size_t)from;
    *target = (size_t)to;
    return true;
}

/* One transaction, for its settings of the session, and so that the history and the target are seen without a truncation in
 * between. */
static bool choose(struct run_window *window, const struct run_mapping *mapping, const struct run_table *table,
                   const struct target_column *column, struct source_connection *source, const struct dialect *dialect,
                   struct target_connection *target, struct error *error) {
    struct ledger_window_history history = {0};
    bool done = target_begin(target, true, error) && read_history(window, table, target, &history, error) &&
                choose_floor(window, mapping, column, target, &history, error);
    target_rollback(target);
    done = done && choose_ceiling(window, mapping, table, source, dialect, &history, error);
    ledger_window_history_release(&history);
    return done;
}

static bool is_incremental(const struct config_table *config) {
    return config->source_watermark != NULL && !config->truncate_onstart; /* emptied: all of it */
}

static const char *judge_columns(const struct source_column *source, const struct target_column *target) {
    return plan_watermark_supported(source) && target_watermark_fits(source, target)
               ? NULL
               : "a window takes a watermark of dates, timestamps or exact numbers at both ends";
}

const char *window_examine(const struct run_mapping *mapping, const struct config_table *config) {
    struct error missing;
    size_t from = 0;
    size_t to = 0;
    if (!is_incremental(config) || !find_columns(mapping, config, &from, &to, &missing))
        return NULL;
    return judge_columns(&mapping->source.columns[from], &mapping->target.columns[to]);
}

bool window_choose(struct run_mapping *mapping, const struct run_table *table, const struct config *config,
                   struct source_connection *source, const struct dialect *dialect, struct target_connection *target,
                   struct error *error) {
    struct run_window *window = &mapping->window;
    size_t from = 0;
    size_t to = 0;
    if (!is_incremental(table->config)) {
        set_filter(mapping, table, dialect);
        return true;
    }
    if (!find_columns(mapping, table->config, &from, &to, error))
        return false;
    const struct source_column *watermark = &mapping->source.columns[from];
    const struct target_column *column = &mapping->target.columns[to];
    window->whole_because = judge_columns(watermark, column);
    if (window->whole_because != NULL) {
        set_filter(mapping, table, dialect);
        return true;
    }
    plan_window_begin(&window->rows, watermark);
    window->settings = config_window_settings(config, table->config);
    if (!choose(window, mapping, table, column, source, dialect, target, error))
        return false;
    set_filter(mapping, table, dialect);
    return true;
}

bool window_confirm(const struct run_mapping *mapping, const struct run_table *table, struct target_connection *target,
                    struct error *error) {
    const struct run_window *window = &mapping->window;
    struct ledger_window_history history;
    if (window->rows.floor == NULL)
        return true;
    if (!read_history(window, table, target, &history, error))
        return false;
    bool good = history.table_id == window->follows && refuse_history(&history) == NULL;
    ledger_window_history_release(&history);
    return good || error_set(error, ERROR_TRANSIENT,
                             "another run has truncated the target, or completed this table, while it was planned");
}

/* ---- the ledger ------------------------------------------------------------------------------------------------------- */

bool window_take_up(struct run_mapping *mapping, const struct run_table *table, const struct dialect *dialect,
                    const char *metadata, struct error *error) {
    json_error_t syntax;
    json_t *json = metadata == NULL ? NULL : json_loads(metadata, 0, &syntax);
    bool done = plan_window_from_json(json_object_get(json, "window"), &mapping->source, &mapping->window.rows, error);
    json_decref(json);
    if (done)
        set_filter(mapping, table, dialect);
    return done;
}

void window_to_json(const struct run_window *window, struct buffer *json) {
    json_t *object = plan_window_is_set(&window->rows) ? plan_window_to_json(&window->rows) : json_null();
    if (json_is_object(object))
        json_object_set_new(object, "settings", json_string(window->settings));
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
    buffer_append(json, text);
    memory_release(&text);
    json_decref(object);
}

void window_describe(struct buffer *text, const struct run_window *window) {
    if (!plan_window_is_set(&window->rows) && window->whole_because == NULL)
        return;
    plan_window_describe(text, &window->rows);
    if (window->whole_because != NULL)
        buffer_appendf(text, "; from the beginning, since %s", window->whole_because);
}
