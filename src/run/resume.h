/* Whether to begin a run or to resume one: a pure decision over what the ledgers of all target databases list. */
#ifndef THAW_RUN_RESUME_H
#define THAW_RUN_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ledger/ledger.h"

/* error.code where a live run stands in the way: it may end, so asking again is worth while. */
#define RESUME_LIVE "live"

struct resume_request {
    const char *source_names;
    const char *execution_hash;
    const char *settings; /* JSON text behind the hash */
    bool no_resume;
    const char *run_id; /* the one run asked for (--resume-run-id, thaw worker --run-id), or NULL */
    bool join;          /* a live run may be joined, if its settings are the same */
    bool begin;         /* with run_id: where it isn't there, a new run has it */
    bool any_settings;  /* with run_id: neither age nor settings matter */
    double max_age_hours;
    int64_t now_us; /* the servers' clock */
};

struct resume_decision {
    bool resume;      /* an interrupted run is taken up */
    bool join;        /* a live run is joined */
    bool completed;   /* the run asked for by its run_id is completed: nothing is left to do */
    char run_id[37];  /* of any of them, or the one that a new run is to have; "": a new run has whichever it likes */
    int64_t idle_us;  /* since its last progress */
    int64_t owned_us; /* where a live run stands in the way: as in struct ledger_run */
    struct buffer
        explanation; /* for the log, where nothing is resumed: each candidate and why it isn't one, one a line; "" : no candidates */
};

/* `databases` holds the runs that each database lists. False: ERROR_CONFIG where the request can't be met (a live run of
 * the same sources that isn't to be joined, or has other settings; a run_id that isn't there). */
bool resume_decide(const struct resume_request *request, const struct ledger_runs *databases, size_t database_count,
                   struct resume_decision *decision, struct error *error) THAW_CHECK;
void resume_decision_release(struct resume_decision *decision);

#endif
