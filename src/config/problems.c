#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/tree.h"

static void add(struct config_problems *problems, struct config_problem problem, const char *hint, const char *format,
                va_list arguments) {
    char *message = NULL;
    if (vasprintf(&message, format, arguments) < 0)
        message = memory_copy_string(format);
    problem.message = message;
    problem.hint = memory_copy_string(hint);
    problems->list = memory_resize(problems->list, problems->count + 1, sizeof(*problems->list));
    problems->list[problems->count++] = problem;
}

void problems_add(struct config_problems *problems, const struct tree_node *node, const char *hint, const char *format,
                  ...) {
    struct config_problem problem = {.path = tree_path(node)};
    if (node != NULL) {
        problem.line = node->line;
        problem.column = node->column;
    }
    va_list arguments;
    va_start(arguments, format);
    add(problems, problem, hint, format, arguments);
    va_end(arguments);
}

void problems_add_in_file(struct config_problems *problems, const char *file, int line, int column, const char *hint,
                          const char *format, ...) {
    struct config_problem problem = {
        .file = memory_copy_string(file), .path = memory_copy_string("$"), .line = line, .column = column};
    va_list arguments;
    va_start(arguments, format);
    add(problems, problem, hint, format, arguments);
    va_end(arguments);
}

void config_problems_release(struct config_problems *problems) {
    for (size_t i = 0; i < problems->count; i++) {
        struct config_problem *problem = &problems->list[i];
        memory_release(&problem->file);
        memory_release(&problem->path);
        memory_release(&problem->message);
        memory_release(&problem->hint);
    }
    memory_release(&problems->list);
    *problems = (struct config_problems){0};
}

void config_problems_format(const struct config_problems *problems, const char *file, struct buffer *text) {
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->list[i];
        buffer_append(text, problem->file != NULL ? problem->file : file);
        if (problem->line > 0)
            buffer_appendf(text, ":%d", problem->line);
        if (problem->file == NULL)
            buffer_appendf(text, ": %s", problem->path);
        buffer_appendf(text, ": %s\n", problem->message);
        if (problem->hint != NULL)
            buffer_appendf(text, "    %s\n", problem->hint);
    }
}
