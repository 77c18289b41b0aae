/* Planning the tables of one target: both ends are looked at, each table gets its one aggregate query, and the plans are stored, with
 * the truncation, in one transaction. */
#ifndef THAW_RUN_PLANNING_H
#define THAW_RUN_PLANNING_H

#include "run/state.h"

/* Plan (or, for tables whose plan is in the ledger already, look again at) all tables of group `group`. A table that can't be
 * planned gets its own failure and doesn't stop its neighbours; false only where the whole group has to be tried again or given up.
 * *elsewhere: another process is planning it at this moment. */
bool planning_group(struct worker *worker, size_t group, bool *elsewhere, struct error *error) THAW_CHECK;

/* The table fails for good, in the ledger too. */
void planning_fail_table(struct worker *worker, struct run_table *table, struct error *error);

/* The plan of one table, from its one aggregate query. */
bool planning_query(struct source_connection *source, const struct dialect *dialect, const struct run_table *table,
                    const struct run_mapping *mapping, int workers, struct plan *plan, struct error *error) THAW_CHECK;

#endif
