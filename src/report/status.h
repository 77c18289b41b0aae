/* The ledger of one database as text: runs, and the tables of those that aren't completed. A reader of the ledger's
 * views; what they say is true at that moment, so a run that nobody works on shows as interrupted. */
#ifndef THAW_REPORT_STATUS_H
#define THAW_REPORT_STATUS_H

#include <stdio.h>

#include "base/error.h"
#include "target/connection.h"

/* `run_id` NULL: the newest runs. *found is false where that run isn't in this database. */
bool status_print(struct target_connection *connection, const char *run_id, FILE *out, bool *found,
                  struct error *error) THAW_CHECK;

#endif
