/* The ledger of one database: runs and their tables. A reader of the ledger's views v_migrations and v_table_progress;
 * what they say is true at that moment, so a run that nobody works on shows as interrupted. */
#ifndef THAW_REPORT_STATUS_H
#define THAW_REPORT_STATUS_H

#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"
#include "target/connection.h"

/* As text, with the tables of runs that aren't completed. `run_id` NULL: the newest runs; else that one with all its
 * tables. *found is false where there is no such run in this database. */
bool status_print(struct target_connection *connection, const char *run_id, FILE *out, bool *found,
                  struct error *error) THAW_CHECK;

/* The same runs as a JSON array, each with all its tables: docs/commands.md describes it. Appended to `json`. */
bool status_json(struct target_connection *connection, const char *run_id, struct buffer *json, bool *found,
                 struct error *error) THAW_CHECK;

#endif
