/* A worker: plans, loads, finishes, whatever is to be done next, until nothing is. */
#ifndef THAW_RUN_WORKER_H
#define THAW_RUN_WORKER_H

#include "run/state.h"

bool worker_start(struct worker *worker, struct error *error) THAW_CHECK;
/* Wait for the thread and drop what the worker holds. Only where worker->finished, unless waiting is wanted. */
void worker_join(struct worker *worker);

#endif
