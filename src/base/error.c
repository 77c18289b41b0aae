#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

const char *error_kind_name(enum error_kind kind) {
    switch (kind) {
    case ERROR_NONE:
        return "none";
    case ERROR_TRANSIENT:
        return "transient";
    case ERROR_DATA:
        return "data";
    case ERROR_CONFIG:
        return "configuration";
    case ERROR_AUTH:
        return "log-in";
    case ERROR_STOPPED:
        return "stopped";
    case ERROR_LOST:
        return "lost";
    case ERROR_DIFFERENCE:
        return "difference";
    case ERROR_INTERNAL:
        return "internal";
    }
    return "unknown";
}

/* Cut at a character's end: a log record must stay valid UTF-8. */
static void cut(char *text, size_t size, size_t wanted) {
    if (wanted < size)
        return;
    size_t end = size - sizeof "...";
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--;
    memcpy(text + end, "...", sizeof "...");
}

static void format_message(char *text, size_t size, const char *format, va_list arguments) THAW_PRINTF(3, 0);

static void format_message(char *text, size_t size, const char *format, va_list arguments) {
    int wanted = vsnprintf(text, size, format, arguments);
    if (wanted < 0)
        snprintf(text, size, "(message could not be formatted)");
    else
        cut(text, size, (size_t)wanted);
}

void error_describe(const struct error *error, struct buffer *text) {
    buffer_append(text, error->message);
    if (error->code[0] != '\0')
        buffer_appendf(text, " [%s]", error->code);
    if (error->hint[0] != '\0')
        buffer_appendf(text, " -- %s", error->hint);
}

void error_clear(struct error *error) {
    error->kind = ERROR_NONE;
    error->code[0] = '\0';
    error->message[0] = '\0';
    error->hint[0] = '\0';
}

bool error_set(struct error *error, enum error_kind kind, const char *format, ...) {
    /* The arguments may point into the error that is being replaced. */
    char message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    format_message(message, sizeof message, format, arguments);
    va_end(arguments);
    error_clear(error);
    error->kind = kind;
    memcpy(error->message, message, strlen(message) + 1);
    return false;
}

bool error_set_code(struct error *error, enum error_kind kind, const char *code, const char *format, ...) {
    char message[sizeof error->message];
    char copy[sizeof error->code];
    va_list arguments;
    va_start(arguments, format);
    format_message(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(copy, sizeof copy, "%s", code == NULL ? "" : code);
    error_clear(error);
    error->kind = kind;
    memcpy(error->code, copy, sizeof copy);
    memcpy(error->message, message, strlen(message) + 1);
    return false;
}

bool error_hint(struct error *error, const char *format, ...) {
    char hint[sizeof error->hint];
    va_list arguments;
    va_start(arguments, format);
    format_message(hint, sizeof hint, format, arguments);
    va_end(arguments);
    memcpy(error->hint, hint, strlen(hint) + 1);
    return false;
}

bool error_context(struct error *error, const char *format, ...) {
    char message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    format_message(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t length = strlen(message);
    int wanted = snprintf(message + length, sizeof message - length, ": %s", error->message);
    cut(message, sizeof message, length + (wanted < 0 ? 0 : (size_t)wanted));
    memcpy(error->message, message, strlen(message) + 1);
    return false;
}
