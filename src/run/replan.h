/* Tables whose moment of the source was lost: what they have loaded is taken back, so that they are planned anew. */
#ifndef THAW_RUN_REPLAN_H
#define THAW_RUN_REPLAN_H

#include "run/state.h"

/* Of the tables of the group that lost their moment: in one synchronous transaction each, the target is truncated again where
 * the settings say so, and the ledger forgets the plan. A table for which that can't be done fails; false only where it is to be
 * tried again. While no worker has a chunk of the group in hand. */
bool replan_reset(struct worker *worker, size_t group, struct error *error) THAW_CHECK;

#endif
