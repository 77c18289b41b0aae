/* The run: what `thaw migrate` does. The main thread keeps the run (presence, heartbeat, watchdog, signals, progress);
 * workers plan target tables, claim chunks, load them and finish tables. PostgreSQL is the only coordinator between
 * processes.
 */
#ifndef THAW_RUN_RUN_H
#define THAW_RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

struct run_progress {
    int64_t elapsed_us;
    int tables_total, tables_completed, tables_failed;
    int64_t chunks_total, chunks_completed; /* of the tables planned so far */
    int64_t rows_expected;                  /* of the tables planned so far */
    int64_t rows_loaded;                    /* committed, plus acknowledged in the chunks in hand */
    int64_t rows_at_start;                  /* committed before this process began */
    int64_t bytes_sent;                     /* by this process */
    int tables_planned;
    int workers_busy;
};

struct run_options {
    int workers; /* 0: the configuration's parallel_threads */
    bool no_resume;
    const char *run_id;          /* only this run; NULL: whichever can be resumed, or a new one */
    bool any_settings;           /* with run_id: resume whatever its age and settings */
    bool join;                   /* join the run where it is live */
    bool begin;                  /* with run_id: where there is no such run, begin it under this run_id */
    double resume_max_age_hours; /* negative: the configuration's */
    /* Begin or resume the run, so that it has a run_id that others can join, and leave it to them: partial, or completed
     * where nothing is left to do. */
    bool prepare_only;
    /* Wall clock, microseconds since 1970: run_migrate() returns before it, with what it couldn't finish rolled back and the run
     * RUN_PARTIAL. 0: no deadline. */
    int64_t deadline_us;
    int64_t buffer_us; /* no chunk and no planning begins later than so long before the deadline */
    /* Called from the main thread about twice a second, and once at the end. NULL: nobody looks. */
    void (*on_progress)(void *context, const struct run_progress *progress);
    void *progress_context;
};

enum run_outcome {
    RUN_COMPLETED, /* every table is completed */
    RUN_FAILED,    /* a table failed, or the run could not start */
    RUN_PARTIAL    /* stopped on request or by the deadline; the same command goes on */
};

struct run_result {
    enum run_outcome outcome;
    char run_id[37]; /* "" where the run never began */
    bool resumed;
    int tables_total, tables_completed, tables_failed;
    int64_t rows_loaded; /* all rows of the run, earlier processes' included */
    int64_t elapsed_us;
    int64_t memory_limit_mb; /* 0: there is none */
    int workers;             /* of this process, as the limit allows them */
    double
        progress; /* 0 to 1: rows loaded of those expected; tables that aren't planned yet count as none of theirs. 1 only
                        where the run is completed */
    bool abandoned;                                                        /* see run_migrate() */
    int sources_total, sources_completed, sources_partial, sources_failed; /* failed: one of its tables has */
    int64_t rows_here, chunks_here, bytes_here;                            /* loaded by this process */
    struct error error; /* of the run, or of the first table that failed. Secrets aren't hidden in it */
};

/* Run or resume. An error is logged here, once; `result` says how it ended. A run asked for by its run_id that is completed
 * already is RUN_COMPLETED: nothing is left to do. Where `abandoned` is set, threads of it hang in calls
 * that can't be broken off, and still use `config`, `options` and `log`: the caller keeps these, says what there is to say and
 * ends the process with _exit(). */
void run_migrate(const struct config *config, const struct run_options *options, struct log *log,
                 struct run_result *result);

/* What the driver's own runtime should keep within so that the process keeps within memory_limit_mb, in MB; 0: there is no limit, or the
 * driver has no runtime of its own. `workers` as in struct run_options. */
int64_t run_driver_memory_mb(const struct config *config, int workers);

/* How long before a deadline that is `left_us` away, with a buffer of `buffer_us`, a run breaks off what it has in hand. It has
 * returned when an eighth of that is left, unless the machine is stuck. Microseconds. */
int64_t run_margin_us(int64_t left_us, int64_t buffer_us);

/* Print what run_migrate would do, as text or as one line of JSON, changing nothing in either database. */
bool run_dry(const struct config *config, const struct run_options *options, struct log *log, bool json, FILE *out,
             struct error *error) THAW_CHECK;

#endif
