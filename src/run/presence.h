/* This process in the ledgers: each target database has a control connection, a presence, and a thread that keeps the two.
 * One thread each, so that a database that doesn't answer delays no other's heartbeat.
 */
#ifndef THAW_RUN_PRESENCE_H
#define THAW_RUN_PRESENCE_H

#include "run/state.h"

/* The control connection. Not while the thread runs, like what follows. */
bool presence_connect(struct run *run, struct run_database *database, struct error *error) THAW_CHECK;
/* The connection of the presence, where there is none yet: before the transaction in which the process registers, since others
 * wait for that. */
bool presence_prepare(struct run *run, struct run_database *database, struct error *error) THAW_CHECK;
/* Register as an owner and hold the presence: in the transaction that is open on
 * `control` where `in_transaction`, else in one of its own. */
bool presence_register(struct run *run, struct run_database *database, bool in_transaction,
                       struct error *error) THAW_CHECK;

/* End the connections of owners whose deadline has passed, and say so. */
bool presence_evict(struct run *run, struct target_connection *connection, struct error *error) THAW_CHECK;

/* Start the threads: presence looked at, heartbeats published, overdue owners evicted, and a presence that was lost made anew,
 * in each database whose part of the run isn't settled. */
bool presence_keep(struct run *run, struct error *error) THAW_CHECK;
/* End the database's thread, if it has one, and wait for it. The presence is still held; the control connection is free. */
void presence_leave_alone(struct run *run, struct run_database *database);

#endif
