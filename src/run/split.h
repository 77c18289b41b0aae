/* A chunk for which an invocation has no time: it is cut by a hash of its rows, so that the next ones come further. */
#ifndef THAW_RUN_SPLIT_H
#define THAW_RUN_SPLIT_H

#include "run/state.h"

/* Before a chunk is read: the hash of today must be the one by which it was cut, ERROR_CONFIG where it isn't. In a process that has a
 * deadline what the source's hash is like is kept, since it can't be asked for any more when a chunk is broken off. */
bool split_check_hash(struct worker *worker, const struct plan_chunk *chunk, struct error *error) THAW_CHECK;

/* The deadline has broken the chunk off, which was begun at `begun_us` (monotonic): it goes back to the ledger as it was, or in parts
 * where it has had the time for it. What can't be recorded is only logged: whoever comes next claims the chunk anyway. False: no
 * invocation will ever come further with it, and `error` says why. */
bool split_broken_off(struct worker *worker, struct run_table *table, const struct ledger_claim *claim,
                      int64_t begun_us, struct error *error) THAW_CHECK;

/* Before a claimed chunk is loaded that a process was killed with at its deadline (claim->ran_out): the second time it is cut into
 * parts, which are claimed anew, and *cut set. Where it can't be, which is only logged, it is tried as it is. False: processes have
 * been killed with it too often, and `error` says so. */
bool split_ran_out(struct worker *worker, struct run_table *table, const struct ledger_claim *claim, bool *cut,
                   struct error *error) THAW_CHECK;

/* Into how many parts: of `expected` rows (-1: unknown) `read` came in `taken_us`, and an invocation has `whole_us`. Each part
 * should need half of an invocation. Odd, from 3 to 63. */
int64_t split_count(int64_t expected, int64_t read, int64_t taken_us, int64_t whole_us);

#endif
