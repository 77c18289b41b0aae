/* The plan of a dry run for programs: docs/commands.md has its members. */
#ifndef THAW_RUN_DRY_JSON_H
#define THAW_RUN_DRY_JSON_H

#include <jansson.h>

#include "run/state.h"
#include "target/indexes.h"

/* A report without tables. A new reference. */
json_t *dry_json_begin(void);
/* Workers and memory, as memory_limit_mb leaves them once the source is open. */
void dry_json_set_budget(json_t *report, const struct run *run, int64_t buffers_mb);
/* An unfinished run that the ledger of a database has. */
void dry_json_add_unfinished(json_t *report, const struct run_database *database, const struct ledger_run *unfinished);
/* A table, planned; `pays`: dropping its indexes would. */
void dry_json_add_table(json_t *report, const struct run_table *table, const struct run_mapping *mapping,
                        const struct plan *plan, const struct target_indexes *indexes, bool pays);
/* A table that can't be migrated as configured. */
void dry_json_add_failure(json_t *report, const struct run_table *table, const struct error *error);

#endif
