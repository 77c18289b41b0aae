/* One error, owned by the caller.
 *
 * A fallible function returns bool, is marked THAW_CHECK and, where it returns false, has filled the struct error that
 * its caller passed in. Whoever can do something about an error decides by its kind; everyone else adds what they know
 * on the way up with error_context(). It is logged once, at the top.
 */
#ifndef THAW_BASE_ERROR_H
#define THAW_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define THAW_CHECK __attribute__((warn_unused_result))
#define THAW_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

enum error_kind {
    ERROR_NONE = 0,
    ERROR_TRANSIENT,  /* may pass: wait and try again */
    ERROR_DATA,       /* a value or a row that can't be loaded as it is */
    ERROR_CONFIG,     /* the configuration, a name or a privilege is wrong: trying again doesn't help */
    ERROR_AUTH,       /* log-in refused */
    ERROR_STOPPED,    /* cancelled on request: a signal, a deadline, another worker's failure */
    ERROR_LOST,       /* the chunk, target or presence isn't ours any more: leave without a trace */
    ERROR_DIFFERENCE, /* reconciliation found a difference */
    ERROR_INTERNAL    /* a defect or an exhausted machine */
};

struct error {
    enum error_kind kind;
    char code[16];      /* SQLSTATE or the driver's vendor code; "" where there is none */
    char message[4096]; /* UTF-8, cut at a character's end with "..." where it is longer */
    char hint[1024];    /* what to do next; "" where nothing is known */
};

/* The name of a kind, for the log: "transient", "data", ... */
const char *error_kind_name(enum error_kind kind);

/* Fill `error` anew and return false, so that `return error_set(...)` reads well. */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...) THAW_PRINTF(3, 4);

/* The same with a SQLSTATE or driver code. */
bool error_set_code(struct error *error, enum error_kind kind, const char *code, const char *format, ...)
    THAW_PRINTF(4, 5);

/* Say what to do next; replaces an earlier hint. Returns false. */
bool error_hint(struct error *error, const char *format, ...) THAW_PRINTF(2, 3);

/* Put "context: " before the message. Returns false. */
bool error_context(struct error *error, const char *format, ...) THAW_PRINTF(2, 3);

struct buffer;
/* Append all of it: "message [code] -- hint". */
void error_describe(const struct error *error, struct buffer *text);

void error_clear(struct error *error);

#endif
