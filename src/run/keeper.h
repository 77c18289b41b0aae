/* The main thread while workers work: watchdog, stop, progress. */
#ifndef THAW_RUN_KEEPER_H
#define THAW_RUN_KEEPER_H

#include "run/state.h"

/* Keep the run until every worker has returned. False: some worker hangs in a call that can't be broken off, and was
 * given up; the process must then end without waiting for it. */
bool keeper_run(struct run *run);

#endif
