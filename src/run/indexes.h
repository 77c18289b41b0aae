/* disable_index: indexes are dropped in the transaction that takes a target over, and made again once everything that feeds it
 * is loaded, several at once. Their definitions are in the ledger from before the drop until they are back.
 */
#ifndef THAW_RUN_INDEXES_H
#define THAW_RUN_INDEXES_H

#include <stdatomic.h>

#include "base/fault.h"
#include "run/state.h"

/* One target's indexes, seen from one connection. All borrowed. */
struct indexes_site {
    struct target_connection *connection;
    struct log *log;
    struct faults *faults;
    const char *run_id; /* NULL: no run's; see ledger_hold_target() */
    const char *schema, *table;
    struct index_builds *builds; /* NULL: nobody counts */
    bool only_unique;            /* the others may stay away */
    struct log_scope scope;
};

/* Is every row held against the target's unique indexes, because it is merged, or set aside where it doesn't fit? Then they
 * stay. */
bool indexes_keep_unique(const struct config_table *table);
/* Are indexes worth dropping for `rows` beside `rows_before`? Below a tenth keeping them up to date is the cheaper way. */
bool indexes_worth_dropping(int64_t rows, int64_t rows_before);

/* In the transaction that takes the target over: save and drop what may be dropped where `drop` says so, with a line in the
 * log for what stays; and note what is missing, whoever dropped it. */
bool indexes_drop(const struct indexes_site *site, bool drop, bool merging, struct error *error) THAW_CHECK;

/* Make the target's missing indexes again, all that can be: those that can't, keep their reason in the ledger, and are the
 * error. Other workers and processes may help; all are back when it returns true. */
bool indexes_restore(struct worker *worker, struct run_table *table, struct error *error) THAW_CHECK;
/* A worker without work builds an index for one that restores. False: there was nothing to help with. */
bool indexes_help(struct worker *worker);

/* At the end of a run that isn't completed: a line in the log for each target of the database whose indexes are away. */
void indexes_tell_missing(struct run *run, struct run_database *database);

/* The same as indexes_restore() for a target that no live run has: one after the other. */
bool indexes_put_back(const struct indexes_site *site, struct error *error) THAW_CHECK;

#endif
