/* The time by which this process must have said how its run stands, as in an AWS Lambda invocation. Towards it, in this order:
 * nothing new is begun (closing), what is in hand is broken off and rolled back (run->cancel, which looks at the clock itself),
 * workers that hang are left behind, and the run's state is written.
 */
#ifndef THAW_RUN_DEADLINE_H
#define THAW_RUN_DEADLINE_H

#include "run/state.h"

/* From the options, or where they say nothing, from THAW_DEADLINE_SECONDS, "SECONDS" or "SECONDS,BUFFER" from now on. Before
 * begin_tables(), since databases take it over. ERROR_CONFIG where the variable can't be read. */
bool deadline_set(struct run *run, struct error *error) THAW_CHECK;

/* Is it too late to begin anything new: a chunk, a plan, another attempt? */
bool deadline_closes(const struct run *run);
/* Has it come so near that what was in hand was broken off, and nobody had asked for that before? */
bool deadline_breaks_off(const struct run *run);
/* Is it time to leave behind what hangs? */
bool deadline_abandons(const struct run *run);
/* Does nothing new begin any more, for whatever reason? */
bool run_is_ending(const struct run *run);

/* Microseconds until the deadline, `most_us` where it is further away, or there is none; at least 0. */
int64_t deadline_left_us(const struct run *run, int64_t most_us);
/* The limit of a wait whose own limit is `limit_us`, so that it is over before the deadline. */
int64_t deadline_limit_us(const struct run *run, int64_t limit_us);

#endif
