/* Which source column goes into which target column, and whether each pair can be encoded. */
#ifndef THAW_RUN_MAPPING_H
#define THAW_RUN_MAPPING_H

#include "run/state.h"

/* Look at both ends of a table and work out the mapping; nothing is changed anywhere. Everything that is wrong is told at
 * once, ERROR_CONFIG. `source` and `target` are connections in nobody else's use. */
bool mapping_prepare(struct run_mapping *mapping, const struct run_table *table, struct source_connection *source,
                     const struct dialect *dialect, struct target_connection *target, struct log *log,
                     struct error *error) THAW_CHECK;
void mapping_release(struct run_mapping *mapping);

#endif
