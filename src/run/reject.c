#include "run/reject.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

enum { TOLD_AT_ONCE = 20 /* lines of log */ };

bool reject_wanted(const struct run_table *table) {
    return table->config->settings.on_bad_row == BAD_ROW_REJECT;
}

bool reject_prepare(struct worker *worker, const struct run_table *table, struct error *error) {
    return !reject_wanted(table) || target_execute(&worker->target, "SAVEPOINT thaw_rows", error);
}

bool reject_accept(struct worker *worker, const struct run_table *table, struct error *error) {
    return !reject_wanted(table) || target_execute(&worker->target, "RELEASE SAVEPOINT thaw_rows", error);
}

static bool take_back(struct worker *worker, struct error *error) {
    return target_execute(&worker->target, "ROLLBACK TO SAVEPOINT thaw_rows", error);
}

static void release_all(struct encode_refusal **refusals, size_t count) {
    for (size_t i = 0; i < count; i++)
        encode_refusal_release(&(*refusals)[i]);
    memory_release(refusals);
}

/* ---- the limit, and the ledger ------------------------------------------------------------------------------------ */

static bool too_many(const struct run_table *table, const struct encode_refusal *last, struct error *error) {
    error_set(error, ERROR_DATA, "more than %" PRId64 " rows would have to be set aside; the latest: %s (%s)",
              table->config->settings.max_rejects, last->reason, last->key);
    return error_hint(error,
                      "look for what the rows in migration_status.rejected_rows have in common; raise max_rejects if "
                      "they are to be left out all the same, and run the same command again");
}

static bool set_aside(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                      const struct encode_refusal *refusals, size_t count, struct error *error) {
    struct log_scope scope = run_scope(table, claim->chunk_id);
    int64_t of_table = 0;
    if (count == 0)
        return true;
    if (!ledger_reject_rows(&worker->target, claim, refusals, count, &of_table, error))
        return false;
    if (of_table > table->config->settings.max_rejects)
        return too_many(table, &refusals[count - 1], error);
    for (size_t i = 0; i < count && i < TOLD_AT_ONCE; i++)
        log_write(worker->run->log, LOG_WARNING, &scope, "row %" PRId64 " (%s) is set aside: %s", refusals[i].row,
                  refusals[i].key, refusals[i].reason);
    if (count > TOLD_AT_ONCE)
        log_write(worker->run->log, LOG_WARNING, &scope, "and %zu more", count - TOLD_AT_ONCE);
    return true;
}

bool reject_refusals(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                     int64_t *refused, struct error *error) {
    size_t count = 0;
    struct encode_refusal *refusals = reader_take_refusals(&worker->reader, &count);
    bool done = set_aside(worker, table, claim, refusals, count, error);
    *refused += (int64_t)count;
    release_all(&refusals, count);
    return done;
}

/* ---- bad rows among good ones --------------------------------------------------------------------------------------- */

/* Rows of the kept segments, counted through from 0. */
struct repair {
    struct worker *worker;
    const struct run_table *table;
    const char *statement; /* of COPY */
    struct encode_refusal *refusals;
    size_t refusal_count;
    int64_t copied;
};

/* The column in the server's context behind "COPY table, line 17": ", column name" in the server's language, maybe with a
 * value. Names may hold anything, so the longest that fits is it. */
static const char *column_of(const struct run_table *table, const struct copy_command *failed) {
    const char *found = failed->column[0] != '\0' ? failed->column : NULL;
    const char *name = strncmp(failed->place, ", ", 2) == 0 ? strchr(failed->place + 2, ' ') : NULL;
    for (size_t i = 0; name != NULL && i < table->mapping.column_count; i++) {
        const char *candidate = table->mapping.targets[i].name;
        size_t length = strlen(candidate);
        if (strncmp(name + 1, candidate, length) == 0 && (found == NULL || length > strlen(found)))
            found = candidate;
    }
    return found;
}

static bool refuse(struct repair *repair, int64_t row, const struct error *reason, const struct copy_command *failed,
                   struct error *error) {
    const struct encode_segment *segment;
    struct reader *reader = &repair->worker->reader;
    for (unsigned i = 0; (segment = reader_kept(reader, i)) != NULL && row >= segment->rows; i++)
        row -= segment->rows;
    if (segment == NULL)
        return error_set(error, ERROR_INTERNAL, "a row that PostgreSQL refused is not in hand any more");
    repair->refusals = memory_resize(repair->refusals, repair->refusal_count + 1, sizeof *repair->refusals);
    struct encode_refusal *refusal = &repair->refusals[repair->refusal_count++];
    encode_refuse_row(reader->encoder, segment, row, reason, column_of(repair->table, failed), refusal);
    if ((int64_t)repair->refusal_count > repair->table->config->settings.max_rejects)
        return too_many(repair->table, refusal, error);
    return true;
}

/* Send rows [first, first + count) with one command. */
static bool copy_rows(struct repair *repair, struct copy_command *copy, int64_t first, int64_t count, int64_t *bad_row,
                      struct error *error) {
    struct worker *worker = repair->worker;
    const struct encode_segment *segment;
    int64_t copied = 0;
    int64_t base = 0;
    *bad_row = -1;
    if (!copy_begin(copy, &worker->target, repair->statement, error))
        return false;
    for (unsigned i = 0; (segment = reader_kept(&worker->reader, i)) != NULL; base += segment->rows, i++) {
        int64_t from = first > base ? first - base : 0;
        int64_t to = first + count < base + segment->rows ? first + count - base : segment->rows;
        if (from < to && !copy_send_part(copy, segment, encode_row_offset(worker->reader.encoder, segment, from),
                                         encode_row_offset(worker->reader.encoder, segment, to), to - from, error))
            return false;
    }
    if (!copy_end(copy, &copied, bad_row, error))
        return false;
    repair->copied += copied;
    return target_execute(&worker->target, "RELEASE SAVEPOINT thaw_rows", error) &&
           target_execute(&worker->target, "SAVEPOINT thaw_rows", error);
}

static bool load_rows(struct repair *repair, int64_t first, int64_t count, struct error *error);

/* Rows [*first, *first + *count) hold a bad one: at `bad_row`, or nobody knows where. Move past it, or past the half that may
 * hold it. */
static bool narrow(struct repair *repair, int64_t *first, int64_t *count, int64_t bad_row,
                   const struct copy_command *failed, struct error *error) {
    struct error reason = *error;
    int64_t good = bad_row >= 0 ? bad_row : *count / 2;
    bool found = bad_row >= 0 || *count == 1;
    if (!take_back(repair->worker, error) || (good > 0 && !load_rows(repair, *first, good, error)) ||
        (found && !refuse(repair, *first + good, &reason, failed, error)))
        return false;
    *first += good + found;
    *count -= good + found;
    return true;
}

static bool load_rows(struct repair *repair, int64_t first, int64_t count, struct error *error) {
    while (count > 0) {
        struct copy_command copy;
        int64_t bad_row;
        if (copy_rows(repair, &copy, first, count, &bad_row, error))
            return true;
        if (error->kind != ERROR_DATA || !narrow(repair, &first, &count, bad_row, &copy, error))
            return false;
    }
    return true;
}

bool reject_repair(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                   const struct copy_command *failed, int64_t bad_row, int64_t *copied, int64_t *rejected,
                   struct error *error) {
    struct repair repair = {.worker = worker, .table = table, .statement = failed->statement};
    int64_t first = 0;
    int64_t count = failed->rows;
    bool done = narrow(&repair, &first, &count, bad_row, failed, error) && load_rows(&repair, first, count, error) &&
                set_aside(worker, table, claim, repair.refusals, repair.refusal_count, error);
    *copied += repair.copied;
    *rejected += (int64_t)repair.refusal_count;
    release_all(&repair.refusals, repair.refusal_count);
    return done;
}

/* ---- bad rows among staged ones ----------------------------------------------------------------------------------------- */

struct merge_repair {
    struct repair rows;
    const struct ledger_claim *claim;
    const char *own_transactions;
    struct merge_counts *counts;
};

static void add_counts(struct merge_counts *sum, const struct merge_counts *part) {
    sum->staged += part->staged;
    sum->inserted += part->inserted;
    sum->updated += part->updated;
    sum->unchanged += part->unchanged;
    sum->older += part->older;
    sum->duplicate += part->duplicate;
}

/* What is wrong with one row, and not with several that don't agree. */
static bool is_a_rows(const struct error *error) {
    return error->kind == ERROR_DATA && error->code[0] != '\0';
}

static bool refuse_held(struct merge_repair *repair, int64_t row, const struct error *reason, struct error *error) {
    struct repair *rows = &repair->rows;
    struct encode_refusal refusal = {.reason = memory_copy_string(reason->message)};
    memcpy(refusal.code, reason->code, sizeof refusal.code);
    if (!merge_describe_held(&rows->table->mapping.merge, &rows->worker->target, row, &refusal.row, &refusal.key,
                             &refusal.values, error) ||
        !ledger_number_row(&rows->worker->target, repair->claim, &refusal.row, error)) {
        encode_refusal_release(&refusal);
        return false;
    }
    rows->refusals = memory_resize(rows->refusals, rows->refusal_count + 1, sizeof *rows->refusals);
    rows->refusals[rows->refusal_count++] = refusal;
    return (int64_t)rows->refusal_count <= rows->table->config->settings.max_rejects ||
           too_many(rows->table, &refusal, error);
}

/* Behind a savepoint, which is there again afterwards. */
static bool merge_part(struct merge_repair *repair, int64_t first, int64_t count, struct error *error) {
    const struct merge *merge = &repair->rows.table->mapping.merge;
    struct target_connection *target = &repair->rows.worker->target;
    struct merge_counts part;
    if (!merge_take(merge, target, first, count, error) ||
        !merge_run(merge, target, repair->own_transactions, &part, error) || !merge_empty(merge, target, error) ||
        !target_execute(target, "RELEASE SAVEPOINT thaw_rows", error) ||
        !target_execute(target, "SAVEPOINT thaw_rows", error))
        return false;
    add_counts(repair->counts, &part);
    return true;
}

static bool merge_rows(struct merge_repair *repair, int64_t first, int64_t count, struct error *error) {
    while (count > 0) {
        if (merge_part(repair, first, count, error))
            return true;
        struct error reason = *error;
        if (!is_a_rows(&reason) || !take_back(repair->rows.worker, error))
            return false;
        if (count == 1)
            return refuse_held(repair, first, &reason, error);
        if (!merge_rows(repair, first, count / 2, error))
            return false;
        first += count / 2;
        count -= count / 2;
    }
    return true;
}

bool reject_merge(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                  const char *own_transactions, struct merge_counts *counts, int64_t *rejected, struct error *error) {
    struct merge_repair repair = {.rows = {.worker = worker, .table = table},
                                  .claim = claim,
                                  .own_transactions = own_transactions,
                                  .counts = counts};
    const struct merge *merge = &table->mapping.merge;
    struct target_connection *target = &worker->target;
    int64_t rows = 0;
    if (!is_a_rows(error))
        return false;
    bool done = take_back(worker, error) && merge_hold(merge, target, &rows, counts, error) &&
                target_execute(target, "RELEASE SAVEPOINT thaw_rows", error) &&
                target_execute(target, "SAVEPOINT thaw_rows", error) && merge_rows(&repair, 0, rows, error) &&
                set_aside(worker, table, claim, repair.rows.refusals, repair.rows.refusal_count, error);
    *rejected += (int64_t)repair.rows.refusal_count;
    release_all(&repair.rows.refusals, repair.rows.refusal_count);
    return done;
}
