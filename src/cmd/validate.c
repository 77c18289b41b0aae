#include "cmd/validate.h"

#include <string.h>

#include "base/buffer.h"
#include "config/config.h"

static size_t count_tables(const struct config *config) {
    size_t count = 0;
    for (size_t i = 0; i < config->feed_count; i++)
        count += config->feeds[i].table_count;
    return count;
}

static void append_json_number(struct buffer *text, const char *name, int number) {
    if (number > 0)
        buffer_appendf(text, ", \"%s\": %d", name, number);
    else
        buffer_appendf(text, ", \"%s\": null", name);
}

static void append_json_text(struct buffer *text, const char *name, const char *value) {
    buffer_appendf(text, "\"%s\": ", name);
    if (value == NULL)
        buffer_append(text, "null");
    else
        buffer_append_json_string(text, value, strlen(value));
}

static void append_json(struct buffer *text, const char *file, bool valid, size_t sources, size_t tables,
                        const struct config_problems *problems) {
    buffer_append(text, "{");
    append_json_text(text, "file", file);
    buffer_appendf(text, ", \"valid\": %s, \"sources\": %zu, \"tables\": %zu, \"problems\": [",
                   valid ? "true" : "false", sources, tables);
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->list[i];
        buffer_append(text, i == 0 ? "{" : ", {");
        append_json_text(text, "file", problem->file != NULL ? problem->file : file);
        buffer_append(text, ", ");
        append_json_text(text, "path", problem->path);
        append_json_number(text, "line", problem->line);
        append_json_number(text, "column", problem->column);
        buffer_append(text, ", ");
        append_json_text(text, "message", problem->message);
        buffer_append(text, ", ");
        append_json_text(text, "hint", problem->hint);
        buffer_append(text, "}");
    }
    buffer_append(text, "]}\n");
}

static void append_text(struct buffer *text, const char *file, bool valid, size_t sources, size_t tables,
                        const struct config_problems *problems) {
    if (!valid) {
        config_problems_format(problems, file, text);
        buffer_appendf(text, "%s: not valid: %zu problem%s\n", file, problems->count, problems->count == 1 ? "" : "s");
        return;
    }
    buffer_appendf(text, "%s: valid: %zu source%s, %zu table%s\n", file, sources, sources == 1 ? "" : "s", tables,
                   tables == 1 ? "" : "s");
}

bool validate_report(const char *file, const char *env_file, bool json, FILE *out, int *exit_status) {
    struct config config;
    struct config_problems problems = {0};
    struct buffer text = {0};
    bool valid = config_load_unfetched(&config, file, env_file, &problems);
    size_t sources = valid ? config.feed_count : 0, tables = valid ? count_tables(&config) : 0;
    if (json)
        append_json(&text, file, valid, sources, tables, &problems);
    else
        append_text(&text, file, valid, sources, tables, &problems);
    bool written = fwrite(text.data, 1, text.length, out) == text.length && fflush(out) == 0;
    *exit_status = valid ? 0 : 2;
    buffer_release(&text);
    config_problems_release(&problems);
    config_release(&config);
    return written;
}
