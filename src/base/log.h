/* The log. A record is one write(2) to one descriptor, so that no record is torn and none comes twice.
 *
 * Text:  YYYY-MM-DD HH:MM:SS | LEVEL | component | message
 * JSON:  one object a line with timestamp, level, message, component and, where they apply, requestId, run_id, table, chunk.
 *
 * Safe to call from every thread. Nothing that may hold a secret is passed to it; log_hide() is the second line of
 * defence: each string registered there is replaced by "***" wherever it appears in a record.
 */
#ifndef THAW_BASE_LOG_H
#define THAW_BASE_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

struct log {
    int descriptor;
    enum log_level level;
    enum log_format format;
    bool lambda_levels;  /* in JSON: WARN instead of WARNING, which Lambda's own filter would take for INFO */
    char run_id[37];     /* "" until a run is known */
    char request_id[64]; /* "" outside Lambda */
    pthread_mutex_t mutex;
    char **secrets; /* owned */
    size_t secret_count;
    bool transient_line; /* a progress line stands on the terminal: rub it out before the next record */
};

/* Where a record belongs; a zero field is left out. */
struct log_scope {
    const char *component; /* "run", "plan", "source", ... ; "thaw" where NULL */
    const char *table;
    int64_t chunk_id; /* 0: none */
};

void log_init(struct log *log, int descriptor, enum log_level level, enum log_format format);
void log_release(struct log *log);
/* Replace `secret` (copied; ignored where shorter than 4 bytes, or known already) in all later records. Call before threads
 * start. */
void log_hide(struct log *log, const char *secret);
/* Replace those secrets in a text that goes elsewhere: what a server or a driver said, into a result. */
void log_redact(const struct log *log, struct buffer *message);

void log_write(struct log *log, enum log_level level, const struct log_scope *scope, const char *format, ...)
    THAW_PRINTF(4, 5);
void log_debug(struct log *log, const char *component, const char *format, ...) THAW_PRINTF(3, 4);
void log_info(struct log *log, const char *component, const char *format, ...) THAW_PRINTF(3, 4);
void log_warning(struct log *log, const char *component, const char *format, ...) THAW_PRINTF(3, 4);
void log_error(struct log *log, const char *component, const char *format, ...) THAW_PRINTF(3, 4);
/* An error in full: context, message, code and hint, in one record. */
void log_failure(struct log *log, const struct log_scope *scope, const struct error *error);

/* The run that records belong to from now on ("": none), and a copy of that. */
void log_set_run(struct log *log, const char run_id[37]);
void log_get_run(struct log *log, char run_id[37]);
/* Write one JSON object as a record of its own, whatever the level and the format. Secrets are hidden in it. */
void log_object(struct log *log, struct buffer *json);

/* Draw or replace the one-line progress display on a terminal ("" rubs it out). One write(2). */
void log_transient_line(struct log *log, const char *line);

bool log_level_parse(const char *text, enum log_level *level);
bool log_format_parse(const char *text, enum log_format *format);

#endif
