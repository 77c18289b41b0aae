/* Do the counts agree? Pure: the caller counts, these functions compare, and say what differs with every number.
 *
 * A count that can't be had is -1 and isn't compared. All differences are ERROR_DIFFERENCE: the chunk isn't committed, the
 * table isn't completed.
 */
#ifndef THAW_VERIFY_RECONCILE_H
#define THAW_VERIFY_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "target/merge.h"

/* One chunk, before its transaction is committed. */
struct reconcile_chunk {
    int64_t rows_read;      /* in the batches that the driver delivered */
    int64_t rows_announced; /* rows that the driver says the result has; -1: it doesn't say */
    int64_t rows_encoded;   /* written into COPY segments */
    int64_t rows_copied;    /* what PostgreSQL's command tags add up to */
    int64_t rows_refused;   /* set aside because they couldn't be encoded */
    int64_t rows_rejected;  /* set aside because PostgreSQL didn't take them */
    int64_t
        rows_planned; /* counted by the planning query at the same moment of the source; -1: not at the same, or unknown */
};

bool reconcile_chunk(const struct reconcile_chunk *chunk, struct error *error) THAW_CHECK;

/* What became of the rows of one chunk that was merged: each of those that COPY took is exactly one of these. */
bool reconcile_merge(int64_t rows_copied, const struct merge_counts *counts, struct error *error) THAW_CHECK;

/* One table, when its last chunk is in. */
struct reconcile_table {
    int64_t total_chunks, completed_chunks, failed_chunks;
    int64_t chunk_rows;    /* what the table's chunk rows in the ledger add up to */
    int64_t rejected_rows; /* the same of rows that were set aside */
    int64_t counter_rows;  /* the counter in the table's own row */
    int64_t expected_rows; /* counted by the planning query; -1: unknown */
    bool fixed_snapshot;   /* planning and all chunks saw one state of the source */

    int64_t target_rows;        /* in the target now; -1: not counted, e.g. while others of this run still load there */
    int64_t target_rows_before; /* when this run took the target over; 0 after a truncation; -1: unknown */
    int64_t target_run_rows;    /* added there by all tables of this run that feed it, this one included */
    bool truncated;             /* the run emptied the target: nothing but its rows may be there */
    bool merged;                /* into a table that is in use, in which others may delete rows, too */
};

/* What is odd but no error is appended to `remarks`, as sentences for the log: a source that has changed since it was
 * planned, rows in the target that somebody else wrote. */
bool reconcile_table(const struct reconcile_table *table, struct buffer *remarks, struct error *error) THAW_CHECK;

#endif
