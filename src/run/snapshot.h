/* One moment of the source for all that a table is planned and read with (docs/snapshots.md). */
#ifndef THAW_RUN_SNAPSHOT_H
#define THAW_RUN_SNAPSHOT_H

#include "run/state.h"

/* error.code of ERROR_LOST where the moment can't be had any more: nothing of the table can be read as it was planned. */
#define SNAPSHOT_LOST "moment"

/* Fix what the queries of a table that is being planned will see, as its settings say and its source can: sets
 * mapping->snapshot, and with it what mapping->source.relation reads. For "materialize" that is materialize_table()'s to do, once
 * the filter is known. ERROR_CONFIG where the settings ask for what this relation doesn't have. */
bool snapshot_fix(struct worker *worker, const struct run_table *table, struct run_mapping *mapping,
                  struct error *error) THAW_CHECK;
/* Can the source show the relation as it was a moment ago? For a dialect with at_moment; asks, and changes nothing. */
bool snapshot_examine(struct source_connection *source, const struct dialect *dialect, struct source_relation *relation,
                      struct error *error) THAW_CHECK;
/* snapshot_fix() for a table that was planned by an earlier process, from what it left in the ledger (`metadata`). ERROR_LOST with
 * SNAPSHOT_LOST where `unread` chunks are left and the moment is gone. */
bool snapshot_take_up(struct worker *worker, const struct run_table *table, const char *metadata, bool unread,
                      struct run_mapping *mapping, struct error *error) THAW_CHECK;
/* After the table is completed: its scratch table goes, from the source and from the ledger. Where that fails it is said, and left
 * to `thaw clean`. */
void snapshot_drop(struct worker *worker, const struct run_table *table);
/* Say where another setting would read the source more cheaply. */
void snapshot_remark(struct run *run, const struct run_table *table, const struct run_mapping *mapping,
                     const struct plan *plan);
/* Where an error of reading the table means that its moment is lost, say so: ERROR_LOST with SNAPSHOT_LOST where it may be
 * planned anew, ERROR_CONFIG where the settings say to stop. Returns false. */
bool snapshot_judge(const struct run *run, const struct run_table *table, const struct run_mapping *mapping,
                    struct error *error);

/* Must the chunks have exactly the rows that were counted? Not without a fixed snapshot, nor where the filter itself changes
 * from query to query and nobody has asked for a moment. */
bool snapshot_is_exact(const struct run_table *table, const struct run_mapping *mapping);
/* What the ledger keeps: a value for the key "snapshot" of the table's metadata. */
void snapshot_to_json(const struct run_snapshot *snapshot, struct buffer *json);
void snapshot_release(struct run_snapshot *snapshot);

/* Once a run: nothing fixes what is read of the table. */
void snapshot_warn_unfixed(struct run *run, const char *why);

#endif
