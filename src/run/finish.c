#include "run/finish.h"

#include <string.h>

#include "run/indexes.h"
#include "run/load.h"
#include "run/snapshot.h"
#include "target/indexes.h"
#include "verify/reconcile.h"

static bool count_target(struct worker *worker, const struct run_table *table, const struct ledger_totals *totals,
                         struct reconcile_table *facts, struct error *error) {
    /* Other tables of this run still write there: whoever finishes last compares the count. */
    facts->target_rows = -1;
    if (totals->target_unfinished > 0)
        return true;
    return target_count_rows(&worker->target, table->feed->target_schema, table->config->target, &facts->target_rows,
                             error);
}

static bool reconcile(struct worker *worker, struct run_table *table, const struct ledger_totals *totals,
                      struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, 0);
    struct buffer remarks = {0};
    struct reconcile_table facts = {
        .total_chunks = totals->total_chunks,
        .completed_chunks = totals->completed_chunks,
        .failed_chunks = totals->failed_chunks,
        .chunk_rows = totals->rows_copied,
        .rejected_rows = totals->rows_rejected,
        .counter_rows = totals->counter_rows,
        .expected_rows = totals->expected_rows,
        .fixed_snapshot = snapshot_is_exact(table, &table->mapping),
        .target_rows_before = totals->target_rows_before,
        .target_run_rows = totals->target_run_rows,
        .truncated = table->config->truncate_onstart,
        .merged = table->config->mode != MODE_COPY,
    };
    struct encode_changes changes;
    bool done = count_target(worker, table, totals, &facts, error) && reconcile_table(&facts, &remarks, error) &&
                ledger_read_changes(&worker->target, run->run_id, table->table_id, &changes, error);
    if (done && remarks.length > 0)
        log_write(run->log, LOG_WARNING, &scope, "%s", buffer_string(&remarks));
    buffer_release(&remarks);
    if (done && changes.nul_values > 0)
        log_write(run->log, LOG_WARNING, &scope,
                  "NUL bytes were removed from %lld values in %lld rows, as nul_bytes says",
                  (long long)changes.nul_values, (long long)changes.nul_rows);
    if (done && changes.rounded_values > 0)
        log_write(run->log, LOG_WARNING, &scope, "%lld values in %lld rows were rounded, as rounding allows",
                  (long long)changes.rounded_values, (long long)changes.rounded_rows);
    if (done && totals->rows_rejected > 0)
        log_write(run->log, LOG_WARNING, &scope,
                  "%lld rows were set aside; migration_status.rejected_rows has them, with the reasons",
                  (long long)totals->rows_rejected);
    return done;
}

/* For the planner of whoever queries the target next. In the finishing transaction, so that what is completed is analyzed;
 * only a connection that is of no more use is an error. */
static bool analyze(struct worker *worker, const struct run_table *table, struct error *error) {
    struct log_scope scope = run_scope(table, 0);
    struct error failure;
    error_clear(&failure);
    if (target_analyze(&worker->target, table->feed->target_schema, table->config->target, &failure))
        return true;
    if (failure.code[0] == '\0' || !target_usable(&worker->target)) {
        *error = failure;
        return error_context(error, "ANALYZE");
    }
    log_write(worker->run->log, LOG_WARNING, &scope, "the target could not be analyzed: %s [%s]; run ANALYZE yourself",
              failure.message, failure.code);
    return true;
}

/* Whoever takes the indexes away owes the target its statistics; otherwise autovacuum sees to them in its own time. */
static bool owes_statistics(struct run *run, const struct run_table *table) {
    bool owes = false;
    for (size_t i = 0; i < run->table_count; i++)
        owes = owes || (run->tables[i].group == table->group && run->tables[i].config->disable_index);
    return owes;
}

static void tell_completed(struct run *run, const struct run_table *table, const struct ledger_totals *totals) {
    const struct merge_counts *merged = &totals->merged;
    struct log_scope scope = run_scope(table, 0);
    struct buffer text = {0};
    buffer_appendf(&text, "completed: %lld rows in %lld chunks", (long long)totals->rows_copied,
                   (long long)totals->total_chunks);
    if (totals->split_chunks > 0)
        buffer_appendf(&text, ", %lld of them parts of %lld for which a deadline had left no time",
                       (long long)totals->split_parts, (long long)totals->split_chunks);
    buffer_append(&text, ", reconciled");
    if (table->config->mode != MODE_COPY)
        buffer_appendf(
            &text,
            "; merged: %lld inserted, %lld updated, %lld unchanged, %lld older than the target's, %lld dropped as "
            "duplicates of their key",
            (long long)merged->inserted, (long long)merged->updated, (long long)merged->unchanged,
            (long long)merged->older, (long long)merged->duplicate);
    log_write(run->log, LOG_INFO, &scope, "%s", buffer_string(&text));
    buffer_release(&text);
}

bool finish_table(struct worker *worker, struct run_table *table, struct error *error) {
    struct run *run = worker->run;
    struct ledger_totals totals;
    bool unknown = false;
    if (!indexes_restore(worker, table, error) || !load_connect_target(worker, table->database, error))
        return false;
    worker->target.stall_limit_us = run->first_answer_limit_us; /* counting a large target takes its time, in silence */
    bool done = fault_point(&run->faults, "before_finish", error) && target_begin(&worker->target, true, error) &&
                ledger_lock_totals(&worker->target, run->run_id, table->table_id, &totals, error);
    if (done && strcmp(totals.status, "completed") == 0) {
        target_rollback(&worker->target); /* another process was quicker */
        return true;
    }
    /* Loads commit asynchronously: a server that crashed may have lost the last ones, which are to be loaded again. */
    if (done && totals.open_chunks > 0 && totals.failed_chunks == 0)
        done = error_set(error, ERROR_LOST, "%lld of its %lld chunks are not completed after all",
                         (long long)totals.open_chunks, (long long)totals.total_chunks);
    done = done && reconcile(worker, table, &totals, error) &&
           (totals.target_unfinished > 0 || !owes_statistics(run, table) || analyze(worker, table, error)) &&
           ledger_complete_table(&worker->target, run->run_id, table->table_id, NULL, error) &&
           fault_point(&run->faults, "before_finish_commit", error) &&
           target_commit(&worker->target, &unknown, error) && fault_point(&run->faults, "after_finish", error);
    if (!done) {
        target_rollback(&worker->target);
        return false;
    }
    snapshot_drop(worker, table);
    tell_completed(run, table, &totals);
    return true;
}
