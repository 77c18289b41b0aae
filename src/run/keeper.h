/* The main thread while workers work: presence, heartbeat, eviction, watchdog, stop, progress. */
#ifndef THAW_RUN_KEEPER_H
#define THAW_RUN_KEEPER_H

#include "run/state.h"

/* Keep the run until every worker has returned. False: some worker hangs in a call that can't be broken off, and was
 * given up; the process must then end without waiting for it. */
bool keeper_run(struct run *run);

/* Connect the control connection of a database. */
bool keeper_connect(struct run *run, struct run_database *database, struct error *error) THAW_CHECK;

/* Connect the presence connection and register as an owner: in the transaction that is open
 * on `control` where `in_transaction`, else in one of its own. */
bool keeper_register(struct run *run, struct run_database *database, bool in_transaction,
                     struct error *error) THAW_CHECK;

#endif
