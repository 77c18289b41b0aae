/* Rows that can't be loaded, under on_bad_row "reject": found among the segments that a worker still holds, and set aside. */
#ifndef THAW_RUN_REJECT_H
#define THAW_RUN_REJECT_H

#include "run/state.h"
#include "target/copy.h"

/* Is a bad row of this table set aside, rather than an error? */
bool reject_wanted(const struct run_table *table);

/* Before a COPY command, so that what it did can be taken back; and after it, when it went well. Nothing where rows aren't
 * rejected. */
bool reject_prepare(struct worker *worker, const struct run_table *table, struct error *error) THAW_CHECK;
bool reject_accept(struct worker *worker, const struct run_table *table, struct error *error) THAW_CHECK;

/* A COPY command with the segments that the reader has handed out failed with `error`, about row `bad_row` of them (-1:
 * unknown). Take it back, find the bad rows and load all others: *copied and *rejected are added to. False: `error` is what
 * stands in the way. */
bool reject_repair(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                   const struct copy_command *failed, int64_t bad_row, int64_t *copied, int64_t *rejected,
                   struct error *error) THAW_CHECK;

/* Set those aside that the reader couldn't encode; *refused is added to. */
bool reject_refusals(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                     int64_t *refused, struct error *error) THAW_CHECK;

/* Merging what is staged failed with `error`: take it back, find the bad rows and merge all others; `counts` are those of the
 * others, *rejected is added to. False: `error` is what stands in the way. */
bool reject_merge(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                  const char *own_transactions, struct merge_counts *counts, int64_t *rejected,
                  struct error *error) THAW_CHECK;

#endif
