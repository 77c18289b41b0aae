/* The list that a check fills. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "run/check.h"

static char *THAW_PRINTF(1, 0) format_text(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = memory_allocate((size_t)(length < 0 ? 0 : length) + 1);
    if (length > 0)
        vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

struct check_finding *check_add(struct check_findings *findings, enum check_grade grade, const char *code,
                                const char *format, ...) {
    va_list arguments;
    findings->list = memory_resize(findings->list, findings->count + 1, sizeof *findings->list);
    struct check_finding *finding = &findings->list[findings->count++];
    *finding = (struct check_finding){.grade = grade, .code = code};
    va_start(arguments, format);
    finding->message = format_text(format, arguments);
    va_end(arguments);
    return finding;
}

void check_hint(struct check_finding *finding, const char *format, ...) {
    va_list arguments;
    memory_release(&finding->hint);
    va_start(arguments, format);
    finding->hint = format_text(format, arguments);
    va_end(arguments);
}

void check_findings_release(struct check_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        memory_release(&findings->list[i].message);
        memory_release(&findings->list[i].hint);
    }
    memory_release(&findings->list);
    memset(findings, 0, sizeof *findings);
}

static size_t count_in(const struct check_findings *findings, enum check_grade grade) {
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += findings->list[i].grade == grade;
    return count;
}

size_t check_count(const struct check_report *report, enum check_grade grade) {
    size_t count = count_in(&report->source, grade) + count_in(&report->server, grade);
    for (size_t i = 0; i < report->database_count; i++)
        count += count_in(&report->databases[i].findings, grade);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct check_table *table = &report->tables[i];
        count += count_in(&table->findings, grade);
        for (size_t p = 0; p < table->pair_count; p++)
            count += (table->pairs[p].refusal != NULL ? CHECK_PROBLEM : CHECK_OK) == grade;
    }
    return count;
}

void check_release(struct check_report *report) {
    check_findings_release(&report->source);
    check_findings_release(&report->server);
    for (size_t i = 0; i < report->database_count; i++) {
        memory_release(&report->databases[i].name);
        check_findings_release(&report->databases[i].findings);
    }
    for (size_t i = 0; i < report->table_count; i++) {
        struct check_table *table = &report->tables[i];
        for (size_t p = 0; p < table->pair_count; p++) {
            memory_release(&table->pairs[p].source);
            memory_release(&table->pairs[p].source_type);
            memory_release(&table->pairs[p].target);
            memory_release(&table->pairs[p].target_type);
            memory_release(&table->pairs[p].refusal);
        }
        memory_release(&table->pairs);
        memory_release(&table->label);
        check_findings_release(&table->findings);
    }
    memory_release(&report->databases);
    memory_release(&report->tables);
    memset(report, 0, sizeof *report);
}
