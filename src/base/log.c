#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"

enum { SHORTEST_SECRET = 4 };

void log_init(struct log *log, int descriptor, enum log_level level, enum log_format format) {
    memset(log, 0, sizeof *log);
    log->descriptor = descriptor;
    log->level = level;
    log->format = format;
    pthread_mutex_init(&log->mutex, NULL);
}

void log_release(struct log *log) {
    for (size_t i = 0; i < log->secret_count; i++) {
        memory_wipe(log->secrets[i], strlen(log->secrets[i]));
        memory_release(&log->secrets[i]);
    }
    memory_release(&log->secrets);
    log->secret_count = 0;
    pthread_mutex_destroy(&log->mutex);
}

void log_hide(struct log *log, const char *secret) {
    if (secret == NULL || strlen(secret) < SHORTEST_SECRET)
        return;
    for (size_t i = 0; i < log->secret_count; i++)
        if (strcmp(log->secrets[i], secret) == 0)
            return;
    log->secrets = memory_resize(log->secrets, log->secret_count + 1, sizeof *log->secrets);
    log->secrets[log->secret_count++] = memory_copy_string(secret);
}

static const char *level_name(enum log_level level) {
    switch (level) {
    case LOG_DEBUG:
        return "DEBUG";
    case LOG_INFO:
        return "INFO";
    case LOG_WARNING:
        return "WARNING";
    case LOG_ERROR:
        return "ERROR";
    }
    return "ERROR";
}

void log_redact(const struct log *log, struct buffer *message) {
    for (size_t i = 0; i < log->secret_count; i++) {
        size_t length = strlen(log->secrets[i]);
        for (char *at = message->data; at != NULL && (at = strstr(at, log->secrets[i])) != NULL; at += 3) {
            memcpy(at, "***", 3);
            memmove(at + 3, at + length, message->length - (size_t)(at - message->data) - length + 1);
            message->length -= length - 3;
        }
    }
}

/* One line stays one line: a control character that a server put into its message must not forge a record. */
static void append_one_line(struct buffer *record, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n')
            buffer_append(record, "\\n");
        else if ((unsigned char)*at < 0x20 || *at == 0x7F)
            buffer_append_char(record, ' ');
        else
            buffer_append_char(record, *at);
    }
}

static void append_member(struct buffer *record, const char *name, const char *value) {
    buffer_appendf(record, ",\"%s\":", name);
    buffer_append_json_string(record, value, strlen(value));
}

static void format_json(const struct log *log, struct buffer *record, enum log_level level,
                        const struct log_scope *scope, const char *component, const char *message) {
    char time[32];
    clock_format_iso(clock_now_us(), time, sizeof time);
    buffer_appendf(record, "{\"timestamp\":\"%s\",\"level\":\"%s\"", time,
                   level == LOG_WARNING && log->lambda_levels ? "WARN" : level_name(level));
    append_member(record, "component", component);
    append_member(record, "message", message);
    if (log->request_id[0] != '\0')
        append_member(record, "requestId", log->request_id);
    if (log->run_id[0] != '\0')
        append_member(record, "run_id", log->run_id);
    if (scope != NULL && scope->table != NULL)
        append_member(record, "table", scope->table);
    if (scope != NULL && scope->chunk_id != 0)
        buffer_appendf(record, ",\"chunk\":%lld", (long long)scope->chunk_id);
    buffer_append(record, "}\n");
}

static void format_text(struct buffer *record, enum log_level level, const struct log_scope *scope,
                        const char *component, const char *message) {
    char time[24];
    clock_format_seconds(clock_now_us(), time, sizeof time);
    buffer_appendf(record, "%s | %s | %s | ", time, level_name(level), component);
    if (scope != NULL && scope->table != NULL) {
        append_one_line(record, scope->table);
        if (scope->chunk_id != 0)
            buffer_appendf(record, " chunk %lld", (long long)scope->chunk_id);
        buffer_append(record, ": ");
    }
    append_one_line(record, message);
    buffer_append_char(record, '\n');
}

/* One write(2). Only a full pipe or an interrupted call asks for more; a descriptor that is gone ends the record. */
static void write_record(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, bytes, length);
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
            poll(&ready, 1, 1000);
        } else if (written < 0 && errno != EINTR) {
            return;
        }
    }
}

static void emit(struct log *log, enum log_level level, const struct log_scope *scope, struct buffer *message) {
    struct buffer record = {0};
    const char *component = scope == NULL || scope->component == NULL ? "thaw" : scope->component;
    log_redact(log, message);
    pthread_mutex_lock(&log->mutex);
    if (log->transient_line)
        buffer_append(&record, "\r\033[K");
    log->transient_line = false;
    if (log->format == LOG_JSON)
        format_json(log, &record, level, scope, component, buffer_string(message));
    else
        format_text(&record, level, scope, component, buffer_string(message));
    write_record(log->descriptor, record.data, record.length);
    pthread_mutex_unlock(&log->mutex);
    buffer_release(&record);
}

static void THAW_PRINTF(4, 0) write_list(struct log *log, enum log_level level, const struct log_scope *scope,
                                         const char *format, va_list arguments) {
    if (level < log->level)
        return;
    struct buffer message = {0};
    va_list again;
    va_copy(again, arguments);
    int wanted = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (wanted > 0) {
        char *text = memory_allocate((size_t)wanted + 1);
        vsnprintf(text, (size_t)wanted + 1, format, arguments);
        buffer_append(&message, text);
        memory_release(&text);
    }
    emit(log, level, scope, &message);
    buffer_release(&message);
}

void log_write(struct log *log, enum log_level level, const struct log_scope *scope, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_list(log, level, scope, format, arguments);
    va_end(arguments);
}

#define LOG_FUNCTION(function, level)                                                                                  \
    void function(struct log *log, const char *component, const char *format, ...) {                                   \
        struct log_scope scope = {.component = component};                                                             \
        va_list arguments;                                                                                             \
        va_start(arguments, format);                                                                                   \
        write_list(log, level, &scope, format, arguments);                                                             \
        va_end(arguments);                                                                                             \
    }

LOG_FUNCTION(log_debug, LOG_DEBUG)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_warning, LOG_WARNING)
LOG_FUNCTION(log_error, LOG_ERROR)

void log_failure(struct log *log, const struct log_scope *scope, const struct error *error) {
    struct buffer message = {0};
    error_describe(error, &message);
    if (log->level <= LOG_ERROR)
        emit(log, LOG_ERROR, scope, &message);
    buffer_release(&message);
}

void log_set_run(struct log *log, const char run_id[37]) {
    pthread_mutex_lock(&log->mutex);
    memcpy(log->run_id, run_id, sizeof log->run_id);
    pthread_mutex_unlock(&log->mutex);
}

void log_get_run(struct log *log, char run_id[37]) {
    pthread_mutex_lock(&log->mutex);
    memcpy(run_id, log->run_id, sizeof log->run_id);
    pthread_mutex_unlock(&log->mutex);
}

void log_object(struct log *log, struct buffer *json) {
    log_redact(log, json);
    buffer_append_char(json, '\n');
    pthread_mutex_lock(&log->mutex);
    write_record(log->descriptor, json->data, json->length);
    pthread_mutex_unlock(&log->mutex);
}

void log_transient_line(struct log *log, const char *line) {
    struct buffer record = {0};
    pthread_mutex_lock(&log->mutex);
    buffer_append(&record, "\r\033[K");
    buffer_append(&record, line);
    log->transient_line = line[0] != '\0';
    write_record(log->descriptor, record.data, record.length);
    pthread_mutex_unlock(&log->mutex);
    buffer_release(&record);
}

bool log_level_parse(const char *text, enum log_level *level) {
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warning", LOG_WARNING}, {"error", LOG_ERROR}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(text, names[i].name) == 0) {
            *level = names[i].level;
            return true;
        }
    return false;
}

bool log_format_parse(const char *text, enum log_format *format) {
    if (strcmp(text, "text") == 0)
        *format = LOG_TEXT;
    else if (strcmp(text, "json") == 0)
        *format = LOG_JSON;
    else
        return false;
    return true;
}
