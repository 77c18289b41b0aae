#include "run/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/load.h"
#include "run/merging.h"
#include "run/snapshot.h"

enum {
    LEAST_PARTS = 3,
    MOST_PARTS = 63,
    /* Of a chunk with which a process was killed nobody knows how far it had come. */
    PARTS_AFTER_KILL = 9,
    /* Once it may have been the process: one that froze for another reason froze with some chunk in hand. */
    KILLS_BEFORE_CUT = 2,
    /* So many times a chunk may have a whole invocation in vain: a warehouse may have been busy. */
    BREAKS_ALLOWED = 5
};

/* How a chunk is to be cut, and why. */
struct cutting {
    int64_t count;
    char reason[128];
};

/* ---- the hash ----------------------------------------------------------------------------------------------------- */

static bool differs(const char *probe, const char *planned) {
    return planned != NULL && strcmp(probe, planned) != 0;
}

static void keep_probe(struct run *run, const char *probe) {
    pthread_mutex_lock(&run->mutex);
    if (run->hash_probe == NULL)
        run->hash_probe = memory_copy_string(probe);
    pthread_mutex_unlock(&run->mutex);
}

static bool is_probed(struct run *run) {
    pthread_mutex_lock(&run->mutex);
    bool probed = run->deadline_us == 0 || run->hash_probe != NULL;
    pthread_mutex_unlock(&run->mutex);
    return probed;
}

/* Ask the source, and keep it, where it is what it was when `of_chunk` and `of_part` were planned; NULL: they weren't by a hash. */
static bool probe(struct worker *worker, const char *of_chunk, const char *of_part, struct error *error) {
    struct buffer sql = {0};
    struct source_rows rows;
    plan_probe_query(&sql, source_dialect(worker->run->source));
    bool done = source_query_rows(worker->source, buffer_string(&sql), &rows, error);
    buffer_release(&sql);
    if (!done)
        return false;
    const char *answer = rows.row_count == 1 ? source_cell(&rows, 0, 0) : NULL;
    if (answer == NULL || differs(answer, of_chunk) || differs(answer, of_part)) {
        error_set(error, ERROR_CONFIG, "the source hashes otherwise than when the table was cut into chunks by a hash");
        error_hint(error, "the chunks of this run don't fit the table any more: begin a new run with --no-resume");
        done = false;
    } else {
        keep_probe(worker->run, answer);
    }
    source_rows_release(&rows);
    return done;
}

bool split_check_hash(struct worker *worker, const struct plan_chunk *chunk, struct error *error) {
    if (chunk->hash_probe == NULL && chunk->part.probe == NULL && is_probed(worker->run))
        return true;
    return probe(worker, chunk->hash_probe, chunk->part.probe, error);
}

/* ---- parts -------------------------------------------------------------------------------------------------------- */

int64_t split_count(int64_t expected, int64_t read, int64_t taken_us, int64_t whole_us) {
    if (expected < 0 || read > expected)
        expected = 2 * read; /* it was counted wrongly, or not at all */
    if (read <= 0 || taken_us <= 0)
        return LEAST_PARTS;
    double invocations = (double)expected / (double)read * (double)taken_us / (double)(whole_us > 0 ? whole_us : 1);
    if (invocations * 2 >= MOST_PARTS)
        return MOST_PARTS;
    int64_t parts = (int64_t)(invocations * 2) + 1;
    return parts < LEAST_PARTS ? LEAST_PARTS : parts | 1;
}

/* By the whole row, as far as its values have one hash: that cuts what the chunking columns can't tell apart. Rows that are merged stay
 * together by their key, since what decides between them may look at one chunk only. */
static struct source_column *hashed_columns(const struct run_table *table, size_t *count) {
    const struct run_mapping *mapping = &table->mapping;
    struct source_column *columns = memory_array(mapping->column_count, sizeof *columns);
    *count = 0;
    for (size_t i = 0; i < mapping->column_count; i++) {
        const struct source_column *column = &mapping->source.columns[mapping->columns[i]];
        if (plan_hash_reliable(column) && (!mapping->merges || merging_is_of_key(mapping, table->config, column)))
            columns[(*count)++] = *column;
    }
    return columns;
}

static void divide_rows(struct ledger_plan_chunk *parts, char **ranges, int64_t count, int64_t expected) {
    for (int64_t i = 0; i < count; i++)
        parts[i] = (struct ledger_plan_chunk){
            .range = ranges[i],
            .expected_rows = expected < 0 ? -1 : expected / count + (i < expected % count),
        };
}

static void tell_split(struct run *run, const struct run_table *table, const struct ledger_claim *claim,
                       const struct cutting *cutting, int64_t numbered) {
    struct log_scope scope = run_scope(table, claim->chunk_id);
    log_write(run->log, LOG_INFO, &scope, "%s: cut into %lld parts by a hash of the rows, this chunk and %lld to %lld",
              cutting->reason, (long long)cutting->count, (long long)numbered + 1,
              (long long)(numbered + cutting->count - 1));
    if (!snapshot_is_exact(table, &table->mapping))
        log_write(
            run->log, LOG_WARNING, &scope,
            "its parts are read one after the other, and nothing fixes the moment: rows that change meanwhile may "
            "be missed or come twice");
}

/* *done false: it can't be, and `error` says why. False: that couldn't be recorded. */
static bool cut(struct worker *worker, struct run_table *table, const struct ledger_claim *claim,
                const struct cutting *cutting, bool *done, struct error *error) {
    struct run *run = worker->run;
    int64_t count = cutting->count;
    char *ranges[MOST_PARTS] = {NULL};
    struct ledger_plan_chunk parts[MOST_PARTS];
    size_t column_count = 0;
    int64_t numbered = 0;
    struct source_column *columns = hashed_columns(table, &column_count);
    *done = plan_split_range(claim->range, columns, column_count, run->hash_probe, count, ranges, error);
    memory_release(&columns);
    if (!*done)
        return true;
    divide_rows(parts, ranges, count, claim->expected_rows);
    const struct ledger_cut stored = {parts, (size_t)count, cutting->reason};
    bool recorded = load_connect_for_record(worker, table->database, error) &&
                    ledger_split_chunk(&worker->target, run->run_id, claim, table->feed->target_schema,
                                       table->config->target, table->generation, &stored, &numbered, error);
    for (int64_t i = 0; i < count; i++)
        free(ranges[i]);
    if (!recorded)
        return false;
    pthread_mutex_lock(&run->mutex);
    table->chunks_total += count - 1;
    pthread_mutex_unlock(&run->mutex);
    tell_split(run, table, claim, cutting, numbered);
    return true;
}

static bool is_one_row(const struct ledger_claim *claim) {
    return claim->expected_rows >= 0 && claim->expected_rows < 2;
}

/* ---- what was broken off ------------------------------------------------------------------------------------------ */

static bool give_back(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                      struct error *error) {
    return load_connect_for_record(worker, table->database, error) &&
           ledger_break_chunk(&worker->target, worker->run->run_id, claim, error);
}

static const char more_time[] =
    "give it more time: a longer time-out of the function, a larger warehouse, \"snapshot\": \"materialize\" for a "
    "view, or `thaw worker` on a machine that has no deadline";

static bool give_up(const struct ledger_claim *claim, const char *why, int64_t taken_us, struct error *error) {
    char taken[32];
    clock_format_duration(taken_us, taken, sizeof taken);
    error_set(error, ERROR_CONFIG, "the deadline has broken it off %d times, lately after %s: %s",
              claim->deadline_breaks + 1, taken, why);
    return error_hint(error, more_time);
}

static bool cut_broken_off(struct worker *worker, struct run_table *table, const struct ledger_claim *claim,
                           int64_t count, bool *done, struct error *error) {
    struct cutting cutting = {.count = count};
    long long read = (long long)worker->reader.rows_read;
    if (claim->expected_rows < 0)
        snprintf(cutting.reason, sizeof cutting.reason, "the deadline broke it off after %lld rows", read);
    else
        snprintf(cutting.reason, sizeof cutting.reason, "the deadline broke it off after %lld of %lld rows", read,
                 (long long)claim->expected_rows);
    return cut(worker, table, claim, &cutting, done, error);
}

bool split_broken_off(struct worker *worker, struct run_table *table, const struct ledger_claim *claim,
                      int64_t begun_us, struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, claim->chunk_id);
    int64_t whole_us = run->cancel.at_us - run->started_us;
    int64_t taken_us = run->cancel.at_us - begun_us;
    int64_t read = worker->reader.rows_read;
    bool begun_early = taken_us > whole_us / 2;
    bool had_time = begun_early || claim->deadline_breaks > 0;
    struct error why;
    bool is_cut = false;
    bool recorded = true;
    error_clear(&why);
    error_clear(error);
    if (!had_time)
        error_set(&why, ERROR_STOPPED, "it was begun late");
    else if (read == 0)
        error_set(&why, ERROR_STOPPED,
                  "the source had not answered with a row by then, which no smaller chunk changes");
    else if (is_one_row(claim) && read < 2)
        error_set(&why, ERROR_STOPPED, "it is one row");
    else
        recorded = cut_broken_off(worker, table, claim, split_count(claim->expected_rows, read, taken_us, whole_us),
                                  &is_cut, &why);
    if (recorded && is_cut)
        return true;
    if (recorded && begun_early && claim->deadline_breaks + 1 >= BREAKS_ALLOWED)
        return give_up(claim, why.message, taken_us, error);
    if (recorded && had_time)
        log_write(run->log, LOG_WARNING, &scope, "the deadline broke it off: %s", why.message);
    if (!recorded || !give_back(worker, table, claim, error))
        log_write(run->log, LOG_WARNING, &scope, "could not be given back (%s); the next process claims it anyway",
                  recorded ? error->message : why.message);
    return true;
}

/* ---- what a process was killed with --------------------------------------------------------------------------------- */

static bool cut_ran_out(struct worker *worker, struct run_table *table, const struct ledger_claim *claim, bool *done,
                        struct error *error) {
    struct cutting cutting = {
        .count = PARTS_AFTER_KILL,
        .reason = "processes were killed, or froze, at their deadline while they had it in hand",
    };
    *done = false;
    if (is_one_row(claim))
        return error_set(error, ERROR_STOPPED, "it is one row");
    return load_connect_source(worker, error) && probe(worker, NULL, NULL, error) &&
           cut(worker, table, claim, &cutting, done, error);
}

bool split_ran_out(struct worker *worker, struct run_table *table, const struct ledger_claim *claim, bool *cut,
                   struct error *error) {
    struct log_scope scope = run_scope(table, claim->chunk_id);
    struct error why;
    error_clear(&why);
    *cut = false;
    if (claim->deadline_breaks >= BREAKS_ALLOWED) {
        error_set(error, ERROR_CONFIG,
                  "%d processes were killed, or froze, at their deadline while they had it in hand",
                  claim->deadline_breaks);
        return error_hint(error, more_time);
    }
    if (claim->deadline_breaks < KILLS_BEFORE_CUT)
        log_write(
            worker->run->log, LOG_WARNING, &scope,
            "a process was killed, or froze, at its deadline while it had it in hand; it is tried once more as it is");
    else if (!cut_ran_out(worker, table, claim, cut, &why) || !*cut)
        log_write(
            worker->run->log, LOG_WARNING, &scope,
            "processes were killed, or froze, at their deadline while they had it in hand, and it can't be cut: %s",
            why.message);
    return true;
}
