#include "verify/reconcile.h"

#include <inttypes.h>

/* What gives one moment two contents. */
#define VARYING_HINT                                                                                                   \
    "does the filter or view give other rows at each reading (CURRENT_TIMESTAMP, RANDOM, SAMPLE)? otherwise begin a "  \
    "new run with --no-resume"

bool reconcile_chunk(const struct reconcile_chunk *chunk, struct error *error) {
    bool announced = chunk->rows_announced >= 0;

    if (chunk->rows_planned >= 0 && chunk->rows_planned != chunk->rows_read &&
        (!announced || chunk->rows_announced == chunk->rows_read)) {
        error_set(error, ERROR_DIFFERENCE,
                  "%" PRId64 " rows of the chunk were counted when the table was planned, %" PRId64
                  " were read (%+" PRId64 "), though at the same moment of the source",
                  chunk->rows_planned, chunk->rows_read, chunk->rows_read - chunk->rows_planned);
        return error_hint(error, VARYING_HINT);
    }
    if ((!announced || chunk->rows_announced == chunk->rows_read) &&
        chunk->rows_read == chunk->rows_encoded + chunk->rows_refused &&
        chunk->rows_encoded == chunk->rows_copied + chunk->rows_rejected)
        return true;
    struct buffer says = {0};

    if (announced)
        buffer_appendf(&says, "the driver says that the result has %" PRId64 ", ", chunk->rows_announced);
    error_set(error, ERROR_DIFFERENCE,
              "the chunk's rows don't add up: %s%" PRId64 " were read, %" PRId64
              " encoded, and PostgreSQL took %" PRId64,
              buffer_string(&says), chunk->rows_read, chunk->rows_encoded, chunk->rows_copied);
    if (chunk->rows_refused > 0 || chunk->rows_rejected > 0)
        error_context(error, "%" PRId64 " rows were set aside", chunk->rows_refused + chunk->rows_rejected);
    buffer_release(&says);
    if (announced && chunk->rows_announced != chunk->rows_read)
        return error_hint(error,
                          "the source's result was cut on its way; the chunk is rolled back, run again to load it");
    if (chunk->rows_encoded != chunk->rows_copied + chunk->rows_rejected)
        return error_hint(error,
                          "the chunk is rolled back; look for a trigger or rule on the target that drops or adds rows");
    return error_hint(error, "the chunk is rolled back; this is a defect of thaw: please report it with the log");
}

bool reconcile_merge(int64_t rows_copied, const struct merge_counts *counts, struct error *error) {
    int64_t sum = counts->inserted + counts->updated + counts->unchanged + counts->older + counts->duplicate;

    if (counts->staged == rows_copied && sum == rows_copied)
        return true;
    error_set(error, ERROR_DIFFERENCE,
              "the merged rows don't add up: PostgreSQL took %" PRId64 " and found %" PRId64
              " to merge, of which it inserted %" PRId64 ", updated %" PRId64 ", left %" PRId64
              " unchanged and %" PRId64 " since they were older, and dropped %" PRId64 " as duplicates",
              rows_copied, counts->staged, counts->inserted, counts->updated, counts->unchanged, counts->older,
              counts->duplicate);
    return error_hint(error,
                      "the chunk is rolled back; look for a trigger on the target that changes other rows of it");
}

static bool reconcile_chunks(const struct reconcile_table *table, struct error *error) {
    if (table->failed_chunks == 0 && table->completed_chunks == table->total_chunks)
        return true;
    error_set(error, ERROR_DIFFERENCE, "of %" PRId64 " chunks %" PRId64 " are completed and %" PRId64 " failed",
              table->total_chunks, table->completed_chunks, table->failed_chunks);
    return error_hint(
        error, "run again to load what is missing; migration_status.migration_chunk_status says why chunks failed");
}

static bool reconcile_counter(const struct reconcile_table *table, struct error *error) {
    if (table->counter_rows == table->chunk_rows)
        return true;
    error_set(error, ERROR_DIFFERENCE,
              "the ledger disagrees with itself: the table's counter says %" PRId64
              " rows, its chunks add up to %" PRId64,
              table->counter_rows, table->chunk_rows);
    return error_hint(error, "has somebody changed migration_status by hand? begin a new run with --no-resume");
}

static bool reconcile_plan(const struct reconcile_table *table, struct buffer *remarks, struct error *error) {
    int64_t difference = table->chunk_rows + table->rejected_rows - table->expected_rows;

    if (table->expected_rows < 0 || difference == 0)
        return true;
    if (!table->fixed_snapshot) {
        buffer_appendf(remarks,
                       "the source has changed while it was read: %" PRId64
                       " rows were counted when it was planned, %" PRId64 " were loaded (%+" PRId64 "). ",
                       table->expected_rows, table->chunk_rows, difference);
        return true;
    }
    error_set(error, ERROR_DIFFERENCE,
              "%" PRId64 " rows were counted when the table was planned, %" PRId64 " were loaded (%+" PRId64
              "), though all of it was read at one moment of the source",
              table->expected_rows, table->chunk_rows, difference);
    return error_hint(error, VARYING_HINT);
}

static bool reconcile_target(const struct reconcile_table *table, struct buffer *remarks, struct error *error) {
    int64_t before = table->truncated ? 0 : table->target_rows_before;

    if (table->target_rows < 0 || before < 0)
        return true;
    int64_t difference = table->target_rows - (before + table->target_run_rows);

    if (difference == 0)
        return true;
    if ((difference > 0 || table->merged) && !table->truncated) {
        buffer_appendf(remarks,
                       "the target has %" PRId64 " rows %s than the %" PRId64 " that it had before and the %" PRId64
                       " of this run: somebody else writes there. ",
                       difference > 0 ? difference : -difference, difference > 0 ? "more" : "fewer", before,
                       table->target_run_rows);
        return true;
    }
    error_set(error, ERROR_DIFFERENCE,
              "the target has %" PRId64 " rows, %" PRId64 " %s than it should: it had %" PRId64
              " before, and this run has loaded %" PRId64,
              table->target_rows, difference > 0 ? difference : -difference, difference > 0 ? "more" : "fewer", before,
              table->target_run_rows);
    return error_hint(error,
                      "somebody or something else (a job, a trigger, a rule, a partition) has %s rows there: find it, "
                      "then begin a new run with --no-resume",
                      difference > 0 ? "added" : "deleted");
}

bool reconcile_table(const struct reconcile_table *table, struct buffer *remarks, struct error *error) {
    return reconcile_chunks(table, error) && reconcile_counter(table, error) && reconcile_plan(table, remarks, error) &&
           reconcile_target(table, remarks, error);
}
