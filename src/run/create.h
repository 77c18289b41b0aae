/* Targets that don't exist yet and are to be made (`create_target`). */
#ifndef THAW_RUN_CREATE_H
#define THAW_RUN_CREATE_H

#include "run/state.h"

/* mapping->target: the table as it is or, where it is missing and the configuration says to make it, as it will be;
 * mapping->create_sql then says how. mapping->source is filled already. ERROR_CONFIG where it can't be loaded, or not be made. */
bool create_find_target(struct run_mapping *mapping, const struct run_table *table, const struct dialect *dialect,
                        struct target_connection *target, struct error *error) THAW_CHECK;
/* The second half of it, for what target_examine() has found missing. */
bool create_design_target(struct run_mapping *mapping, const struct run_table *table, const struct dialect *dialect,
                          const struct target_refusals *refusals, struct error *error) THAW_CHECK;

/* All tables that feed one target must describe the same one: ERROR_CONFIG where these two differ. */
bool create_compare(const struct run_mapping *first, const struct run_table *first_table,
                    const struct run_mapping *other, struct error *error) THAW_CHECK;

/* Make the table, and its schema where that is missing, in the transaction that is open; its constraints and comments with it.
 * ERROR_TRANSIENT where somebody else has made it meanwhile: it is to be looked at again. */
bool create_target_table(struct target_connection *target, const struct run_mapping *mapping,
                         struct error *error) THAW_CHECK;

#endif
