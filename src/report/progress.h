/* The progress of a run as one plain line: on a terminal it is redrawn in place, elsewhere it is a log record now and
 * then. */
#ifndef THAW_REPORT_PROGRESS_H
#define THAW_REPORT_PROGRESS_H

#include "base/buffer.h"
#include "base/log.h"
#include "run/run.h"

struct progress {
    struct log *log;
    bool terminal; /* redraw in place */
    bool silent;
    int64_t interval_us; /* between records where it isn't a terminal */
    int64_t last_us;
};

/* `always` writes a record every few seconds even where nobody watches; `never` nothing at all. */
void progress_init(struct progress *progress, struct log *log, bool always, bool never);
/* A run_options.on_progress; `context` is a struct progress. */
void progress_show(void *context, const struct run_progress *current);

/* "12/16 tables, 34/80 chunks, 1,234,567 of 8,400,000 rows (14.7 %), 250,000 rows/s, 41.2 MB/s, 28 s left" */
void progress_format(const struct run_progress *progress, struct buffer *text);

#endif
