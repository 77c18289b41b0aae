/* What the ledger holds that nobody needs any more. */
#ifndef THAW_LEDGER_CLEAN_H
#define THAW_LEDGER_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/connection.h"

struct ledger_disused_run {
    char run_id[37];
    char status[16];
    char *source_names;
    int64_t tables, rows;
    int64_t idle_seconds; /* since its last progress */
    char *targets;        /* "public.t, ..." that rows of it were loaded into; NULL: none */
};

struct ledger_disused_runs {
    struct ledger_disused_run *list;
    size_t count;
};

/* Completed runs whose every table was completed again by a later one; where idle_seconds isn't negative, unfinished runs that
 * have been idle for longer; and the unfinished run `run_id` (may be NULL). None that somebody works on. */
bool ledger_list_disused(struct target_connection *connection, double idle_seconds, const char *run_id,
                         struct ledger_disused_runs *runs, struct error *error) THAW_CHECK;
void ledger_disused_release(struct ledger_disused_runs *runs);

/* Delete a run with its tables, chunks and owners. Own transaction, under the lock of those who decide whether to resume.
 * *forgotten false: somebody works on it, or it isn't there. Rows of targets, and definitions of indexes, stay. */
bool ledger_forget_run(struct target_connection *connection, const char *run_id, bool *forgotten,
                       struct error *error) THAW_CHECK;

#endif
