/* Steps of a table that begin from the start in each process: its plan, and an end that builds no index. Where a deadline ends them
 * again and again although they had most of a process's time, another attempt would only cost the same once more. */
#ifndef THAW_RUN_BROKEN_H
#define THAW_RUN_BROKEN_H

#include "run/state.h"

enum broken_step { BROKEN_PLANNING, BROKEN_FINISH };

/* Has the deadline ended so many processes in this step that the table fails? Then `error` says so, with what the last of them said,
 * `lately` (NULL: nothing), and what would help. */
bool broken_too_often(const struct run *run, enum broken_step step, int breaks, const char *lately,
                      struct error *error);

/* The step, begun at `begun_us` (monotonic), has ended with the error `stopped`. Where that was the deadline, and the step had most
 * of the time for it, it is counted in the ledger, and told. True: too often, and `error` is what the table fails with. */
bool broken_off(struct worker *worker, struct run_table *table, enum broken_step step, int64_t begun_us,
                const struct error *stopped, struct error *error);

#endif
