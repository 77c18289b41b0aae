#include "report/check.h"

#include <string.h>

#include "report/json.h"

static const char *grade_name(enum check_grade grade) {
    return grade == CHECK_OK ? "ok" : grade == CHECK_REMARK ? "remark" : "problem";
}

/* One line stays one line, whatever a server or a driver says. */
static void append_words(struct buffer *text, const char *words) {
    for (const char *at = words; *at != '\0'; at++)
        buffer_append_char(text, (unsigned char)*at < 0x20 || *at == 0x7F ? ' ' : *at);
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

static void append_line(struct buffer *text, enum check_grade grade, const char *words) {
    buffer_appendf(text, "  %-8s ", grade_name(grade));
    append_words(text, words);
    buffer_append_char(text, '\n');
}

static void append_findings(struct buffer *text, const struct check_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        append_line(text, findings->list[i].grade, findings->list[i].message);
        if (findings->list[i].hint != NULL) {
            buffer_append(text, "           > ");
            append_words(text, findings->list[i].hint);
            buffer_append_char(text, '\n');
        }
    }
}

static void append_pairs(struct buffer *text, const struct check_table *table) {
    for (size_t i = 0; i < table->pair_count; i++) {
        const struct check_pair *pair = &table->pairs[i];
        struct buffer line = {0};
        buffer_appendf(&line, "\"%s\" (%s) -> \"%s\" (%s)%s%s%s", pair->source, pair->source_type, pair->target,
                       pair->target_type, pair->refusal == NULL ? "" : ": ", pair->refusal == NULL ? "" : pair->refusal,
                       pair->text ? ", in COPY's text format" : "");
        append_line(text, pair->refusal == NULL ? CHECK_OK : CHECK_PROBLEM, buffer_string(&line));
        buffer_release(&line);
    }
}

static void append_count(struct buffer *text, size_t count, const char *what) {
    buffer_appendf(text, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

void check_format_text(const struct check_report *report, struct buffer *text) {
    buffer_append(text, "source\n");
    append_findings(text, &report->source);
    if (report->server.count > 0) {
        buffer_append(text, "target server\n");
        append_findings(text, &report->server);
    }
    for (size_t i = 0; i < report->database_count; i++) {
        buffer_append(text, "target database ");
        append_words(text, report->databases[i].name);
        buffer_append_char(text, '\n');
        append_findings(text, &report->databases[i].findings);
    }
    for (size_t i = 0; i < report->table_count; i++) {
        const struct check_table *table = &report->tables[i];
        const char *parts[] = {table->target_database, table->target_schema, table->target_table};
        buffer_append(text, "table ");
        append_words(text, table->label);
        buffer_append(text, " ->");
        for (size_t p = 0; p < 3; p++)
            if (parts[p] != NULL) {
                buffer_append_char(text, p == 0 || (p == 1 && parts[0] == NULL) ? ' ' : '.');
                append_words(text, parts[p]);
            }
        buffer_append_char(text, '\n');
        append_findings(text, &table->findings);
        append_pairs(text, table);
    }
    append_count(text, check_count(report, CHECK_PROBLEM), "problem");
    buffer_append(text, ", ");
    append_count(text, check_count(report, CHECK_REMARK), "remark");
    buffer_append(text, "; nothing was changed\n");
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------ */

static void json_findings(struct buffer *json, const struct check_findings *findings) {
    json_member(json, "findings");
    buffer_append_char(json, '[');
    for (size_t i = 0; i < findings->count; i++) {
        json_element(json);
        buffer_append_char(json, '{');
        json_text(json, "grade", grade_name(findings->list[i].grade));
        json_text(json, "code", findings->list[i].code);
        json_text(json, "message", findings->list[i].message);
        json_text(json, "hint", findings->list[i].hint);
        buffer_append_char(json, '}');
    }
    buffer_append_char(json, ']');
}

static void json_section(struct buffer *json, const char *name, const struct check_findings *findings) {
    json_member(json, name);
    buffer_append_char(json, '{');
    json_findings(json, findings);
    buffer_append_char(json, '}');
}

static void json_pairs(struct buffer *json, const struct check_table *table) {
    json_member(json, "columns");
    buffer_append_char(json, '[');
    for (size_t i = 0; i < table->pair_count; i++) {
        const struct check_pair *pair = &table->pairs[i];
        json_element(json);
        buffer_append_char(json, '{');
        json_text(json, "source", pair->source);
        json_text(json, "source_type", pair->source_type);
        json_text(json, "target", pair->target);
        json_text(json, "target_type", pair->target_type);
        json_text(json, "grade", grade_name(pair->refusal == NULL ? CHECK_OK : CHECK_PROBLEM));
        json_text(json, "format", pair->refusal != NULL ? NULL : pair->text ? "text" : "binary");
        json_text(json, "reason", pair->refusal);
        buffer_append_char(json, '}');
    }
    buffer_append_char(json, ']');
}

static void json_table(struct buffer *json, const struct check_table *table) {
    json_element(json);
    buffer_append_char(json, '{');
    json_text(json, "source_name", table->source_name);
    json_text(json, "source", table->label);
    json_text(json, "target_database", table->target_database);
    json_text(json, "target_schema", table->target_schema);
    json_text(json, "target_table", table->target_table);
    json_findings(json, &table->findings);
    json_pairs(json, table);
    buffer_append_char(json, '}');
}

void check_format_json(const struct check_report *report, struct buffer *json) {
    buffer_append_char(json, '{');
    json_number(json, "problems", (long long)check_count(report, CHECK_PROBLEM));
    json_number(json, "remarks", (long long)check_count(report, CHECK_REMARK));
    json_section(json, "source", &report->source);
    json_section(json, "server", &report->server);
    json_member(json, "databases");
    buffer_append_char(json, '[');
    for (size_t i = 0; i < report->database_count; i++) {
        json_element(json);
        buffer_append_char(json, '{');
        json_text(json, "database", report->databases[i].name);
        json_findings(json, &report->databases[i].findings);
        buffer_append_char(json, '}');
    }
    buffer_append_char(json, ']');
    json_member(json, "tables");
    buffer_append_char(json, '[');
    for (size_t i = 0; i < report->table_count; i++)
        json_table(json, &report->tables[i]);
    buffer_append(json, "]}\n");
}
