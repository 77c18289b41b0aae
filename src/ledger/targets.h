/* The fence of a target, for the other files of the ledger. Not for other folders. */
#ifndef THAW_LEDGER_TARGETS_H
#define THAW_LEDGER_TARGETS_H

#include "target/connection.h"

/* In the caller's transaction: lock the fence of a target against everybody, without taking it over. ERROR_CONFIG where a
 * live run has it. */
bool ledger_lock_idle_target(struct target_connection *connection, const char *target_schema, const char *target_table,
                             struct error *error) THAW_CHECK;

#endif
