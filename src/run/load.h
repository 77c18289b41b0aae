/* One chunk: read, encode, COPY, reconcile, record, COMMIT, in one transaction of the target database. */
#ifndef THAW_RUN_LOAD_H
#define THAW_RUN_LOAD_H

#include "run/state.h"

/* A connection of the worker's own to the database, made or reused. */
bool load_connect_target(struct worker *worker, struct run_database *database, struct error *error) THAW_CHECK;
/* The same, for bookkeeping that must happen although the worker was asked to stop. */
bool load_connect_for_record(struct worker *worker, struct run_database *database, struct error *error) THAW_CHECK;
bool load_connect_source(struct worker *worker, struct error *error) THAW_CHECK;
/* Drop both connections: what broke is made anew at the next use. */
void load_disconnect(struct worker *worker);

/* Load a claimed chunk. *last: it was the table's last one. ERROR_LOST: somebody else has it now, nothing was written. */
bool load_chunk(struct worker *worker, struct run_table *table, const struct ledger_claim *claim, bool *last,
                int64_t *rows, struct error *error) THAW_CHECK;

#endif
