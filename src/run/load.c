#include "run/load.h"

#include <inttypes.h>

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/deadline.h"
#include "run/merging.h"
#include "run/reject.h"
#include "run/snapshot.h"
#include "run/split.h"
#include "target/copy.h"
#include "verify/reconcile.h"

/* Rows of a chunk: loaded, set aside by PostgreSQL's word, and set aside before they were sent. */
struct load_counts {
    int64_t copied, rejected, refused;
};

/* Bookkeeping after a stop may take this long, no longer: the process has been asked to end. */
static const int64_t record_limit_us = 5000000;

static bool connect_target(struct worker *worker, struct run_database *database, const struct cancel *cancel,
                           int64_t stall_limit_us, struct error *error) {
    if (worker->connected != NULL && worker->connected == database && target_usable(&worker->target)) {
        worker->target.cancel = cancel;
        worker->target.stall_limit_us = stall_limit_us;
        ledger_mark_transactions(&worker->target, atomic_load(&database->owner_id));
        return true;
    }
    target_disconnect(&worker->target);
    worker->connected = NULL;
    if (!target_connect(&worker->target, &worker->run->config->target, database->name, "worker", cancel, error))
        return false;
    worker->target.stall_limit_us = stall_limit_us;
    ledger_mark_transactions(&worker->target, atomic_load(&database->owner_id));
    worker->connected = database;
    return true;
}

bool load_connect_target(struct worker *worker, struct run_database *database, struct error *error) {
    return connect_target(worker, database, &worker->cancel, worker->run->stall_limit_us, error);
}

bool load_connect_for_record(struct worker *worker, struct run_database *database, struct error *error) {
    return connect_target(worker, database, NULL, deadline_limit_us(worker->run, record_limit_us), error);
}

bool load_connect_source(struct worker *worker, struct error *error) {
    struct source_connection *connection = NULL;
    if (worker->source != NULL)
        return true;
    if (!source_connect(worker->run->source, &connection, error))
        return false;
    pthread_mutex_lock(&worker->run->mutex);
    worker->source = connection;
    pthread_mutex_unlock(&worker->run->mutex);
    return true;
}

void load_disconnect(struct worker *worker) {
    target_disconnect(&worker->target);
    worker->connected = NULL;
    pthread_mutex_lock(&worker->run->mutex);
    struct source_connection *connection = worker->source;
    worker->source = NULL;
    pthread_mutex_unlock(&worker->run->mutex);
    atomic_store(&worker->closing_since_us, clock_monotonic_us());
    source_disconnect(&connection);
    atomic_store(&worker->closing_since_us, 0);
}

static void note_progress(struct worker *worker) {
    atomic_store(&worker->last_progress_us, clock_monotonic_us());
}

enum {
    /* A COPY command whose rows are kept only while they may be on their way: measured, see docs/decisions.md. */
    LONG_COPY_BYTES = 64 * 1024 * 1024,
    KEPT_SEGMENTS = 2 /* those; what the two kernels and the server hold of a connection is less, as a rule */
};

/* How one attempt at a chunk goes. */
struct attempt {
    struct run_table *table;
    const struct ledger_claim *claim;
    const char *copy_sql;
    bool merges; /* through a temporary table; else straight into the target */
    bool part;   /* of a chunk that was cut since the table was planned */
    bool shared; /* other chunks may have the same keys */
    bool keeps;  /* every segment until PostgreSQL has acknowledged it; else only the latest */
    bool passed; /* the server refused a row that isn't in hand any more */
    struct load_counts loaded;
    struct merge_counts counts; /* of a table that merges */
};

static bool begin_load(struct worker *worker, const struct attempt *attempt, struct error *error) {
    const struct run_table *table = attempt->table;
    const struct ledger_claim *claim = attempt->claim;
    return load_connect_target(worker, table->database, error) && target_begin(&worker->target, false, error) &&
           ledger_enter_load(&worker->target, worker->run->run_id, claim, table->feed->target_schema,
                             table->config->target, table->generation, error) &&
           (table->mapping.defer_sql == NULL || target_execute(&worker->target, table->mapping.defer_sql, error)) &&
           (!attempt->merges || merge_stage(&table->mapping.merge, &worker->target, error)) &&
           fault_point(&worker->run->faults, "before_data", error);
}

/* The server named a row of the COPY command, of which `passed` rows are not in hand any more: say which one that is, by its
 * key, from the bytes that are. False where it isn't among those. */
static bool name_bad_row(struct worker *worker, int64_t bad_row, int64_t passed, struct error *error) {
    const struct encode_segment *segment;
    struct buffer row = {0};
    bad_row -= passed;
    for (unsigned i = 0; (segment = reader_kept(&worker->reader, i)) != NULL && bad_row >= segment->rows; i++)
        bad_row -= segment->rows;
    if (segment == NULL || bad_row < 0)
        return false;
    encode_describe_row(worker->reader.encoder, segment, bad_row, &row);
    error_context(error, "row %" PRId64 " of the chunk (%s)", segment->first_row + bad_row, buffer_string(&row));
    buffer_release(&row);
    return true;
}

/* Send this segment and those after it, as far as they come at once. It doesn't wait long for the source, since a backend in
 * COPY whose client has nothing to say heeds no timeout; where the source is slower than the target, more commands cost
 * nothing. *passed: rows that were given back already. */
static bool send_ready(struct worker *worker, const struct attempt *attempt, struct copy_command *copy,
                       const struct encode_segment *segment, int64_t *passed, struct error *error) {
    size_t limit = attempt->keeps ? READER_COPY_BYTES : LONG_COPY_BYTES;
    size_t sent = 0;
    while (segment != NULL) {
        if (!copy_send(copy, segment, error))
            return false;
        sent += segment->length;
        note_progress(worker);
        atomic_fetch_add(&worker->run->bytes_sent, (int64_t)segment->length);
        if (!attempt->keeps) {
            int64_t rows = reader_give_back(&worker->reader, KEPT_SEGMENTS);
            *passed += rows;
            atomic_fetch_add(&worker->rows_in_hand, rows);
        }
        if (sent >= limit || copy->answered || !reader_is_ready(&worker->reader))
            return true;
        if (!reader_next(&worker->reader, &segment, error)) {
            copy_abort(copy);
            return false;
        }
    }
    return true;
}

/* One COPY command. Where bad rows are to be set aside, its segments are kept until they are acknowledged; else until the
 * server can't refuse one of their rows any more, by all experience: load_attempt() makes good what that doesn't hold for. */
static bool send_segments(struct worker *worker, struct attempt *attempt, const struct encode_segment *segment,
                          struct error *error) {
    const struct run_table *table = attempt->table;
    const struct ledger_claim *claim = attempt->claim;
    struct copy_command copy;
    int64_t count = 0, bad_row = -1, passed = 0;
    if (!reject_prepare(worker, table, error) || !copy_begin(&copy, &worker->target, attempt->copy_sql, error) ||
        !send_ready(worker, attempt, &copy, segment, &passed, error))
        return false;
    if (copy_end(&copy, &count, &bad_row, error)) {
        attempt->loaded.copied += count;
    } else if (error->kind != ERROR_DATA || !reject_wanted(table)) {
        attempt->passed = bad_row >= 0 && !name_bad_row(worker, bad_row, passed, error);
        return false;
    } else if (!reject_repair(worker, table, claim, &copy, bad_row, &attempt->loaded.copied, &attempt->loaded.rejected,
                              error)) {
        return false;
    }
    if (!reject_accept(worker, table, error) || !reject_refusals(worker, table, claim, &attempt->loaded.refused, error))
        return false;
    atomic_fetch_add(&worker->rows_in_hand, count - passed);
    note_progress(worker);
    reader_give_back(&worker->reader, 0);
    return fault_point(&worker->run->faults, "in_data", error);
}

/* The transaction begins with the first segment, not before: the source may compute for long, and an open transaction
 * would hold vacuum back meanwhile. */
static bool send_all(struct worker *worker, struct attempt *attempt, struct error *error) {
    bool begun = false;
    for (;;) {
        const struct encode_segment *segment;
        if (!reader_next(&worker->reader, &segment, error))
            return false;
        if (!begun && !begin_load(worker, attempt, error))
            return false;
        begun = true;
        if (segment == NULL)
            return reject_refusals(worker, attempt->table, attempt->claim, &attempt->loaded.refused, error);
        if (!send_segments(worker, attempt, segment, error))
            return false;
    }
}

/* COMMIT's answer was lost: the ledger, which commits with the rows, knows whether it happened. */
static bool ask_ledger(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                       struct error *error) {
    struct error lost = *error;
    bool completed = false;
    target_disconnect(&worker->target);
    worker->connected = NULL;
    if (!load_connect_target(worker, table->database, error) ||
        !ledger_chunk_is_completed(&worker->target, worker->run->run_id, claim, &completed, error))
        return error_context(error, "the answer to COMMIT was lost (%s), and the ledger can't be asked", lost.message);
    if (completed)
        return true;
    *error = lost;
    return false;
}

/* What was copied is counted where it is merged, too. */
static bool record_merge(struct worker *worker, struct attempt *attempt, struct error *error) {
    if (!attempt->table->mapping.merges)
        return true;
    if (!attempt->merges)
        attempt->counts = (struct merge_counts){.staged = attempt->loaded.copied, .inserted = attempt->loaded.copied};
    return reconcile_merge(attempt->loaded.copied, &attempt->counts, error) &&
           ledger_count_merge(&worker->target, attempt->claim, &attempt->counts, error);
}

/* How many rows the plan has counted in the chunk; of the parts of one it has counted the sum only, which the table's end
 * compares. -1: unknown, or they may have changed since. */
static int64_t planned_rows(const struct attempt *attempt) {
    const struct run_table *table = attempt->table;
    return snapshot_is_exact(table, &table->mapping) && !attempt->part ? attempt->claim->expected_rows : -1;
}

static bool record(struct worker *worker, struct attempt *attempt, bool *last, struct error *error) {
    const struct run_table *table = attempt->table;
    const struct ledger_claim *claim = attempt->claim;
    const struct load_counts *loaded = &attempt->loaded;
    struct faults *faults = &worker->run->faults;
    struct reconcile_chunk counts = {
        .rows_read = worker->reader.rows_read,
        .rows_announced = worker->reader.total_rows,
        .rows_encoded = worker->reader.rows_encoded,
        .rows_copied = loaded->copied,
        .rows_refused = loaded->refused,
        .rows_rejected = loaded->rejected,
        .rows_planned = planned_rows(attempt),
    };
    bool unknown = false;
    if (!reconcile_chunk(&counts, error) || !fault_point(faults, "after_data", error) ||
        !record_merge(worker, attempt, error) ||
        !ledger_count_changes(&worker->target, worker->run->run_id, claim->table_id, &worker->reader.changes, error) ||
        !ledger_leave_load(&worker->target, worker->run->run_id, claim, loaded->copied, last, error) ||
        !fault_point(faults, "after_record", error))
        return false;
    if (!target_commit(&worker->target, &unknown, error) && !(unknown && ask_ledger(worker, table, claim, error)))
        return false;
    return fault_point(faults, "after_commit", error);
}

/* The chunk carries its own key columns, so a resumed plan stays itself. */
static bool build_query(struct worker *worker, struct attempt *attempt, struct buffer *sql, bool *has_inexact,
                        struct error *error) {
    const struct run_table *table = attempt->table;
    const struct dialect *dialect = source_dialect(worker->run->source);
    const struct run_mapping *mapping = &table->mapping;
    struct source_column *keys = NULL;
    size_t key_count = 0;
    struct plan_chunk chunk;
    bool may_copy = false;
    if (!plan_chunk_from_json(attempt->claim->range, &mapping->source, &keys, &key_count, &chunk, error))
        return false;
    bool done = split_check_hash(worker, &chunk, error);
    if (done)
        plan_data_query(sql, dialect, &mapping->source, mapping->columns, mapping->column_count, mapping->filter, keys,
                        key_count, &chunk, has_inexact);
    attempt->part = chunk.part.column_count > 0;
    if (done && mapping->merges) {
        attempt->shared = merging_shares_keys(mapping, table, worker->run, keys, key_count) ||
                          merging_shares_keys(mapping, table, worker->run, chunk.part.columns, chunk.part.column_count);
        done = load_connect_target(worker, table->database, error) &&
               merging_may_copy(table, keys, key_count, &chunk, &worker->target, &may_copy, error);
    }
    attempt->merges = mapping->merges && !may_copy;
    plan_chunk_release(&chunk, key_count);
    plan_keys_release(&keys, &key_count);
    return done;
}

/* Other chunks of this target may hold the same keys: their merges go one after the other, so that each sees what those
 * before it have written. What this takes is given back by COMMIT. */
static bool wait_for_turn(struct worker *worker, const struct run_table *table, struct error *error) {
    bool locked = false;
    for (;;) {
        note_progress(worker);
        if (!ledger_lock_merge(&worker->target, table->feed->target_schema, table->config->target, &locked, error))
            return false;
        if (locked)
            return true;
        clock_sleep_ms(50);
    }
}

/* Rows that violate a constraint of the target are found here, and set aside where that is wanted. */
static bool merge_all(struct worker *worker, struct attempt *attempt, const char *own_transactions,
                      struct error *error) {
    const struct run_table *table = attempt->table;
    int64_t rejected = 0;
    if (!reject_prepare(worker, table, error))
        return false;
    if (!merge_run(&table->mapping.merge, &worker->target, own_transactions, &attempt->counts, error) &&
        !(reject_wanted(table) &&
          reject_merge(worker, table, attempt->claim, own_transactions, &attempt->counts, &rejected, error)))
        return false;
    attempt->loaded.copied -= rejected;
    attempt->loaded.rejected += rejected;
    return reject_accept(worker, table, error);
}

static bool merge_staged(struct worker *worker, struct attempt *attempt, struct error *error) {
    const struct run_table *table = attempt->table;
    struct buffer own = {0};
    if (attempt->shared)
        ledger_own_transactions(&own, worker->run->run_id, table->feed->target_schema, table->config->target);
    /* Neither end moves a byte while the server merges. */
    worker->target.stall_limit_us = worker->run->first_answer_limit_us;
    atomic_store(&worker->merging, true);
    bool done = fault_point(&worker->run->faults, "before_merge", error) &&
                (!attempt->shared || wait_for_turn(worker, table, error)) &&
                merge_all(worker, attempt, attempt->shared ? buffer_string(&own) : NULL, error);
    atomic_store(&worker->merging, false);
    worker->target.stall_limit_us = worker->run->stall_limit_us;
    note_progress(worker);
    buffer_release(&own);
    return done;
}

/* One reading of the chunk. */
static bool load_once(struct worker *worker, struct attempt *attempt, const struct reader_request *request, bool *last,
                      struct error *error) {
    reader_begin(&worker->reader, worker->source, request);
    atomic_store(&worker->loading, true);
    bool done = send_all(worker, attempt, error) && (!attempt->merges || merge_staged(worker, attempt, error)) &&
                record(worker, attempt, last, error);
    atomic_store(&worker->loading, false);
    reader_end(&worker->reader);
    atomic_store(&worker->rows_in_hand, 0);
    if (!done)
        target_rollback(&worker->target);
    return done;
}

/* COPY met a key that is there, or waited for another that did the same.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html */
static bool met_key(const struct error *error) {
    return strcmp(error->code, "23505") == 0 || strcmp(error->code, "40P01") == 0;
}

/* The same, so that a row which PostgreSQL refuses is told by its key: where it had gone out of hand, the chunk is read again
 * with less under way at a time. */
static bool load_attempt(struct worker *worker, struct attempt *attempt, const struct reader_request *request,
                         bool *last, struct error *error) {
    attempt->keeps = reject_wanted(attempt->table);
    attempt->passed = false;
    if (load_once(worker, attempt, request, last, error))
        return true;
    if (!attempt->passed || (attempt->table->mapping.merges && met_key(error)))
        return false;
    error_clear(error);
    attempt->keeps = true;
    attempt->loaded = (struct load_counts){0};
    return load_once(worker, attempt, request, last, error);
}

static bool load_by_merging(struct worker *worker, struct attempt *attempt, const struct reader_request *request,
                            bool *last, struct error *error) {
    struct buffer copy = {0};
    merge_copy_statement(&copy, &attempt->table->mapping.merge, request->format);
    attempt->copy_sql = buffer_string(&copy);
    attempt->merges = true;
    attempt->loaded = (struct load_counts){0};
    bool done = load_attempt(worker, attempt, request, last, error);
    buffer_release(&copy);
    return done;
}

/* Straight into the target, where nothing can be met. Where a key turns up twice after all, the chunk is read again and merged, and so
 * are the chunks after it. */
static bool load_by_copy(struct worker *worker, struct attempt *attempt, const struct reader_request *request,
                         bool *last, struct error *error) {
    struct run_table *table = attempt->table;
    struct log_scope scope = run_scope(table, attempt->claim->chunk_id);
    attempt->copy_sql = table->mapping.copy_sql;
    if (table->mapping.merges)
        log_write(worker->run->log, LOG_DEBUG, &scope, "the target has no row with a key of this chunk: it is copied");
    if (load_attempt(worker, attempt, request, last, error))
        return true;
    if (!table->mapping.merges || !met_key(error))
        return false;
    if (!atomic_exchange(&table->met_keys, true))
        log_write(worker->run->log, LOG_INFO, &scope,
                  "a key came twice although the target had none of the chunk's: merging from here on (%s)",
                  error->message);
    error_clear(error);
    return load_by_merging(worker, attempt, request, last, error);
}

bool load_chunk(struct worker *worker, struct run_table *table, const struct ledger_claim *claim, bool *last,
                int64_t *rows, struct error *error) {
    const struct run_mapping *mapping = &table->mapping;
    struct buffer sql = {0};
    struct attempt attempt = {.table = table, .claim = claim};
    struct reader_request request = {
        .targets = mapping->targets,
        .target_count = mapping->column_count,
        .key_columns = mapping->key_columns,
        .key_count = mapping->key_column_count,
        .format = mapping->format,
        .remove_nul_bytes = table->config->settings.nul_bytes == NUL_BYTES_REMOVE,
        .allow_rounding = table->config->settings.rounding == ROUNDING_ALLOW,
        .refuse_rows = reject_wanted(table),
    };
    note_progress(worker);
    bool done = load_connect_source(worker, error) && build_query(worker, &attempt, &sql, &request.has_inexact, error);
    request.sql = buffer_string(&sql);
    if (done && attempt.merges)
        done = load_by_merging(worker, &attempt, &request, last, error);
    else if (done)
        done = load_by_copy(worker, &attempt, &request, last, error);
    buffer_release(&sql);
    *rows = attempt.loaded.copied;
    return done || snapshot_judge(worker->run, table, mapping, error);
}
