#include "plan/window.h"

#include <string.h>

#include "base/memory.h"
#include "plan/plan.h"

bool plan_window_is_set(const struct plan_window *window) {
    return window->watermark.name != NULL;
}

static bool is_number(const struct source_column *column) {
    return column->kind == VALUE_INTEGER || column->kind == VALUE_DECIMAL;
}

bool plan_watermark_supported(const struct source_column *column) {
    return is_number(column) || column->kind == VALUE_DATE || column->kind == VALUE_TIMESTAMP ||
           column->kind == VALUE_INSTANT;
}

void plan_window_begin(struct plan_window *window, const struct source_column *watermark) {
    *window = (struct plan_window){.watermark = *watermark};
    window->watermark.name = memory_copy_string(watermark->name);
    window->watermark.type_name = memory_copy_string(watermark->type_name);
}

void plan_window_release(struct plan_window *window) {
    memory_release(&window->watermark.name);
    memory_release(&window->watermark.type_name);
    memory_release(&window->floor);
    memory_release(&window->ceiling);
    *window = (struct plan_window){0};
}

/* ---- SQL ------------------------------------------------------------------------------------------------------------- */

/* A number stands bare: it is exact in both sources, and a floor below all that the column's type holds would not fit into
 * a literal of that type. */
static void append_bound(struct buffer *sql, const struct dialect *dialect, const struct source_column *watermark,
                         const char *text) {
    if (is_number(watermark))
        buffer_append(sql, text);
    else
        dialect_bound_literal(dialect, sql, watermark, text);
}

static void append_comparison(struct buffer *sql, const struct dialect *dialect, const struct source_column *watermark,
                              const char *operator, const char * text) {
    dialect->identifier(sql, watermark->name);
    buffer_appendf(sql, " %s ", operator);
    append_bound(sql, dialect, watermark, text);
}

/* The user's filter stands between line ends, so that a comment at its end hides nothing of ours. */
static bool append_user_filter(struct buffer *sql, const char *filter) {
    if (filter == NULL || filter[0] == '\0')
        return false;
    buffer_appendf(sql, "(\n%s\n)", filter);
    return true;
}

void plan_window_query(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                       const char *filter, const struct plan_window *window) {
    struct buffer conditions = {0};
    bool filtered = append_user_filter(&conditions, filter);

    if (window->floor != NULL) {
        buffer_append(&conditions, filtered ? " AND " : "");
        append_comparison(&conditions, dialect, &window->watermark, ">", window->floor);
    }
    buffer_append(sql, "SELECT ");
    dialect->bound_text(sql, &window->watermark, "THAW_MAXIMUM");
    buffer_append(sql, " AS THAW_CEILING FROM (SELECT MAX(");
    dialect->identifier(sql, window->watermark.name);
    buffer_append(sql, ") AS THAW_MAXIMUM FROM ");
    dialect_from(dialect, sql, relation);
    if (conditions.length > 0)
        buffer_appendf(sql, " WHERE %s", buffer_string(&conditions));
    buffer_append(sql, ") AS THAW_NEWEST");
    buffer_release(&conditions);
}

void plan_window_filter(struct buffer *sql, const struct dialect *dialect, const char *filter,
                        const struct plan_window *window) {
    const struct source_column *watermark = &window->watermark;

    if (!plan_window_is_set(window)) {
        buffer_append(sql, filter != NULL ? filter : "");
        return;
    }
    buffer_append(sql, append_user_filter(sql, filter) ? " AND (" : "(");
    if (window->floor != NULL && window->ceiling != NULL) {
        append_comparison(sql, dialect, watermark, ">", window->floor);
        buffer_append(sql, " AND ");
    }
    if (window->ceiling != NULL) {
        append_comparison(sql, dialect, watermark, "<=", window->ceiling);
        buffer_append(sql, " OR ");
    }
    dialect->identifier(sql, watermark->name);
    buffer_append(sql, " IS NULL)");
}

/* ---- the ledger's form ------------------------------------------------------------------------------------------------ */

static json_t *text_or_null(const char *text) {
    return text != NULL ? json_string(text) : json_null();
}

json_t *plan_window_to_json(const struct plan_window *window) {
    json_t *json = json_object();

    json_object_set_new(json, "column", json_string(window->watermark.name));
    json_object_set_new(json, "type", json_string(window->watermark.type_name));
    json_object_set_new(json, "kind", json_string(plan_kind_name(window->watermark.kind)));
    json_object_set_new(json, "floor", text_or_null(window->floor));
    json_object_set_new(json, "ceiling", text_or_null(window->ceiling));
    return json;
}

static bool is_text_or_null(const json_t *value) {
    return json_is_string(value) || json_is_null(value);
}

bool plan_window_from_json(const json_t *json, const struct source_table *table, struct plan_window *window,
                           struct error *error) {
    const char *name = json_string_value(json_object_get(json, "column"));
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *floor = json_object_get(json, "floor");
    const json_t *ceiling = json_object_get(json, "ceiling");

    *window = (struct plan_window){0};
    if (json == NULL || json_is_null(json))
        return true;
    /* A bound that is missing is not a bound that is null: it would widen the window. */
    if (name == NULL || type == NULL || !is_text_or_null(floor) || !is_text_or_null(ceiling))
        return error_set(error, ERROR_INTERNAL, "the ledger's window of a watermark can't be read");
    int64_t index = source_column_find(table, name);

    if (index < 0 || strcmp(table->columns[index].type_name, type) != 0) {
        if (index < 0)
            error_set(error, ERROR_CONFIG, "the watermark \"%s\" isn't in the source any more", name);
        else
            error_set(error, ERROR_CONFIG, "the watermark \"%s\" was %s when this run was planned and is %s now", name,
                      type, table->columns[index].type_name);
        return error_hint(error,
                          "the plan of this run doesn't fit the table any more: begin a new run with --no-resume");
    }
    plan_window_begin(window, &table->columns[index]);
    window->floor = memory_copy_string(json_string_value(floor));
    window->ceiling = memory_copy_string(json_string_value(ceiling));
    return true;
}

void plan_window_describe(struct buffer *text, const struct plan_window *window) {
    const char *name = window->watermark.name;

    if (!plan_window_is_set(window)) {
        buffer_append(text, "every row");
        return;
    }
    if (window->ceiling == NULL) {
        buffer_appendf(text, "rows without \"%s\", since none has one", name);
        return;
    }
    buffer_appendf(text, "\"%s\"", name);
    if (window->floor != NULL)
        buffer_appendf(text, " above %s", window->floor);
    buffer_appendf(text, " up to %s, and rows without it", window->ceiling);
}
