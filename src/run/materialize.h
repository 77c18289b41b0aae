/* `snapshot: materialize`: the rows of a table are put into a scratch table of the source, in the order of the keys, and read
 * from there. */
#ifndef THAW_RUN_MATERIALIZE_H
#define THAW_RUN_MATERIALIZE_H

#include <jansson.h>

#include "run/state.h"

/* Where the settings say so: make the scratch table, by mapping->filter, noted in the ledger first, and let `mapping` read it. */
bool materialize_table(struct worker *worker, const struct run_table *table, struct run_mapping *mapping,
                       struct error *error) THAW_CHECK;
/* From here on mapping->snapshot.scratch is read in place of the table. */
void materialize_settle(struct run_mapping *mapping, const struct dialect *dialect, int64_t rows);
/* What mapping->filter says is in the scratch table already. True. */
bool materialize_drop_filter(struct run_mapping *mapping);
/* What the ledger keeps of it, under the key "scratch". False: that isn't one. */
bool materialize_from_json(const json_t *noted, struct source_scratch *scratch);

/* How one that is noted in the ledger is called, for people. Allocated. */
char *materialize_name(const struct ledger_scratch *noted);
/* Drop it, from the source and from the ledger of `target`. */
bool materialize_drop(struct source_connection *connection, struct target_connection *target,
                      const struct ledger_scratch *noted, struct error *error) THAW_CHECK;

#endif
