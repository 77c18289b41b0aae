/* Merging a table: which columns are staged, by what rows are merged, and which chunks can share a key. */
#ifndef THAW_RUN_MERGING_H
#define THAW_RUN_MERGING_H

#include "run/mapping.h"

/* After the columns were paired: add what only decides between rows (sort columns, the watermark), where it isn't copied in
 * a type that keeps its order. What is wrong with the names goes to `findings`. Nothing in MODE_COPY. */
void merging_add_columns(struct run_mapping *mapping, const struct config_table *config,
                         struct mapping_findings *findings);
/* Then, with every pair good: mapping->merge, as the target's catalogue has it; and, with `target` outside of a transaction,
 * rehearsed, too. */
bool merging_look_up(struct run_mapping *mapping, const struct config_table *config, struct target_connection *target,
                     struct error *error) THAW_CHECK;
bool merging_prepare(struct run_mapping *mapping, const struct config_table *config, struct target_connection *target,
                     struct error *error) THAW_CHECK;

/* Can rows with one key lie in several chunks that are cut by these columns, or come from another table of the run? Where each
 * chunking column is one of the key, and equal in the source where it is equal in the target, they can't. */
bool merging_shares_keys(const struct run_mapping *mapping, const struct run_table *table, const struct run *run,
                         const struct source_column *keys, size_t key_count);
/* Do rows with one key have one value of this column: is it one of the key, and equal in the source where it is equal in the
 * target? */
bool merging_is_of_key(const struct run_mapping *mapping, const struct config_table *config,
                       const struct source_column *column);
/* May this chunk, cut by `keys`, go straight into the target? Where the target was empty when the run took it, or has no row between
 * the chunk's bounds now; and what COPY would take for different keys is different to the merge, too. `target` is outside of a
 * transaction. A row that comes there meanwhile is met by COPY, which fails then: nothing but that makes this safe. */
bool merging_may_copy(const struct run_table *table, const struct source_column *keys, size_t key_count,
                      const struct plan_chunk *chunk, struct target_connection *target, bool *may,
                      struct error *error) THAW_CHECK;

/* "copy", "upsert", "insert-only" */
const char *merging_mode_name(enum config_mode mode);

#endif
