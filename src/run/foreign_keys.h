/* Foreign keys of targets: nothing loads their tables in order, so an error has to say which order works. */
#ifndef THAW_RUN_FOREIGN_KEYS_H
#define THAW_RUN_FOREIGN_KEYS_H

#include "run/state.h"

/* Where `error` is that a row references one that isn't there (23503): hint which tables come first. Else, and where the
 * catalogue can't be asked, it is left as it is. The worker has no transaction open. */
void foreign_keys_advise(struct worker *worker, const struct run_table *table, struct error *error);

/* SET CONSTRAINTS for what a load may leave to its COMMIT: *sql, allocated; NULL where there is nothing. Only keys by which the
 * table references itself: rows of other tables come by transactions of their own, and an error that is raised at COMMIT can't say
 * which order works. */
bool foreign_keys_defer(struct target_connection *target, const struct target_table *table, char **sql,
                        struct error *error) THAW_CHECK;

#endif
