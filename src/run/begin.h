/* The beginning of a run: tables and databases from the configuration, the decision to start or resume, registration. */
#ifndef THAW_RUN_BEGIN_H
#define THAW_RUN_BEGIN_H

#include "run/state.h"

/* Waits and limits that tests shorten: THAW_STALL_SECONDS, THAW_FIRST_ANSWER_SECONDS, THAW_RETRY_SCALE (percent). */
bool limits_from_environment(struct run *run, struct error *error) THAW_CHECK;

/* The in-memory tables, databases and workers of the configuration; no I/O. */
void begin_tables(struct run *run);
/* The ledger's names of what is being copied; what the configuration leaves to the source's session is "" there. Strings are
 * borrowed. */
struct ledger_table begin_ledger_names(const struct run_table *table);
/* Everything that begin_tables() and what followed it made; no worker may run any more. */
void begin_release(struct run *run);
/* Control connections, and the ledger made or upgraded in each database. */
bool begin_databases(struct run *run, struct error *error) THAW_CHECK;
/* Does a process that has waited so long for a live run to end wait on, where the last of its owners' deadlines is so far away?
 * Microseconds. */
bool begin_waits(int64_t waited_us, int64_t owned_us);
/* Decide under a lock whether to start or resume, write or adopt the run's rows, and make our presence known before
 * anybody else can decide. */
bool begin_run(struct run *run, struct error *error) THAW_CHECK;

#endif
