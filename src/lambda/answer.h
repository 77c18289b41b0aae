/* The function's answer, as state machines read it. docs/lambda.md describes it. */
#ifndef THAW_LAMBDA_ANSWER_H
#define THAW_LAMBDA_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/log.h"
#include "config/config.h"

/* What isn't known stays zero. */
struct answer {
    int status_code;    /* 200, 400: the event or the configuration is wrong, 500: it failed */
    const char *status; /* "completed", "partial", "failed"; "success", "error" */
    char run_id[37];    /* "": null */
    char **sources;     /* names; owned */
    size_t source_count;
    int sources_completed, sources_partial, sources_failed;
    int64_t rows;
    int64_t started_us; /* monotonic */
    bool needs_retry;
    double progress;       /* 0 to 1 */
    struct buffer summary; /* one line */
    struct buffer error;   /* empty: null */
};

/* Take the names over from the configuration, of what has been selected. */
void answer_name_sources(struct answer *answer, const struct config *config);
void answer_release(struct answer *answer);

/* Append the JSON text. Secrets that the log hides are hidden in it; texts are cut where they are long, so that the whole stays
 * far below what Lambda (6 MB) and Step Functions (256 KB) take. `deadline_us` is wall clock. */
void answer_format(struct answer *answer, const struct log *log, int64_t deadline_us, struct buffer *json);

#endif
