/* The lines of the planning query to chunks. */
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Cells of a line, after the key_count lower and key_count highest bounds; see plan_query(). */
enum { CELL_NULLS, CELL_ROWS, CELL_LAST_ROWS, CELL_ASCENDING, CELL_UNREAD, CELLS_BESIDE_KEYS };

/* Cells of a line of plan_hash_query(). */
enum { HASH_BUCKET, HASH_ROWS, HASH_PROBE, HASH_CELLS };

/* Rows that aren't cut further: a bucket, or its last key, or what comes before that. */
struct piece {
    size_t line;
    bool from_last; /* starts at the line's last key, not at its first */
    bool bounded;   /* that key can be written down as a bound */
    int64_t rows;
};

struct pieces {
    struct piece *list;
    size_t count;
    int64_t rows;
    int64_t null_rows;
};

struct source_column *plan_keys_copy(const struct source_column *keys, size_t key_count) {
    if (key_count == 0)
        return NULL;
    struct source_column *copies = memory_array(key_count, sizeof *copies);

    for (size_t i = 0; i < key_count; i++) {
        copies[i] = keys[i];
        copies[i].name = memory_copy_string(keys[i].name);
        copies[i].type_name = memory_copy_string(keys[i].type_name);
        copies[i].comment = NULL;
    }
    return copies;
}

void plan_keys_release(struct source_column **keys, size_t *key_count) {
    for (size_t i = 0; *keys != NULL && i < *key_count; i++) {
        memory_release(&(*keys)[i].name);
        memory_release(&(*keys)[i].type_name);
    }
    memory_release(keys);
    *key_count = 0;
}

static void release_bound(char ***bound, size_t key_count) {
    for (size_t i = 0; *bound != NULL && i < key_count; i++)
        memory_release(&(*bound)[i]);
    memory_release(bound);
}

void plan_chunk_release(struct plan_chunk *chunk, size_t key_count) {
    release_bound(&chunk->lower, key_count);
    release_bound(&chunk->upper, key_count);
    memory_release(&chunk->hash_probe);
    memory_release(&chunk->part.probe);
    plan_keys_release(&chunk->part.columns, &chunk->part.column_count);
    *chunk = (struct plan_chunk){0};
}

void plan_release(struct plan *plan) {
    for (size_t i = 0; i < plan->chunk_count; i++)
        plan_chunk_release(&plan->chunks[i], plan->key_count);
    memory_release(&plan->chunks);
    plan_keys_release(&plan->keys, &plan->key_count);
    *plan = (struct plan){0};
}

/* ---- reading the lines -------------------------------------------------------------------------------------------- */

static bool parse_count(const char *text, int64_t minimum, int64_t *count) {
    char *end = NULL;

    if (text == NULL || text[0] == '\0')
        return false;
    errno = 0;
    *count = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && *count >= minimum;
}

static const char *shown(const char *cell) {
    return cell != NULL ? cell : "NULL";
}

static bool line_failure(struct error *error, const struct source_rows *rows, size_t line, const char *what) {
    size_t beside = rows->column_count - CELLS_BESIDE_KEYS;

    error_set(error, ERROR_INTERNAL,
              "line %zu of the source's answer can't be a chunk: %s (lower bound \"%s\", %s rows)", line + 1, what,
              shown(source_cell(rows, line, 0)), shown(source_cell(rows, line, beside + CELL_ROWS)));
    return error_hint(error, "set other chunking_columns for this table, or \"chunking\": \"whole\"");
}

/* A literal of the text that the source has given would be another value than the one that it has sorted. */
static bool unread_failure(struct error *error, const struct source_rows *rows, size_t line,
                           const struct source_column *key, size_t number, size_t key_count) {
    error_set(
        error, ERROR_INTERNAL,
        "the source doesn't read a bound of the chunking column \"%s\" (%s) back as the value that it has written: "
        "\"%s\" or \"%s\", in line %zu of its answer",
        key->name, key->type_name, shown(source_cell(rows, line, number)),
        shown(source_cell(rows, line, key_count + number)), line + 1);
    return error_hint(error, "set other chunking_columns for this table, or \"chunking\": \"whole\"");
}

static bool check_reads_back(const struct source_rows *rows, size_t line, const struct source_column *keys,
                             size_t key_count, struct error *error) {
    int64_t unread = 0;

    if (!parse_count(source_cell(rows, line, 2 * key_count + CELL_UNREAD), 0, &unread) || unread > (int64_t)key_count)
        return line_failure(error, rows, line, "it doesn't say whether its bounds are what they were written from");
    return unread == 0 || unread_failure(error, rows, line, &keys[unread - 1], (size_t)unread - 1, key_count);
}

/* Text that is too long for a bound comes as NULL. */
static bool may_be_absent(const struct source_column *key) {
    return key->kind == VALUE_TEXT && !key->as_number;
}

static bool check_bounds(const struct source_rows *rows, size_t line, const struct source_column *keys,
                         size_t key_count, struct error *error) {
    const char *ascending = source_cell(rows, line, 2 * key_count + CELL_ASCENDING);

    for (size_t i = 0; i < 2 * key_count; i++) {
        const char *bound = source_cell(rows, line, i);

        if (bound == NULL && may_be_absent(&keys[i % key_count]))
            continue;
        if (bound == NULL)
            return line_failure(error, rows, line, "a bound is NULL");
        /* The ledger keeps bounds as JSON. */
        json_t *text = json_string(bound);
        if (text == NULL)
            return line_failure(error, rows, line, "a bound is not UTF-8");
        json_decref(text);
    }
    if (ascending == NULL || strcmp(ascending, "1") != 0)
        return line_failure(error, rows, line,
                            "by the source's own comparison it isn't above the one before it, although sorted so");
    return check_reads_back(rows, line, keys, key_count, error);
}

/* A bound is the key itself or no bound at all: of a text that is too long, or that a NUL cuts short, what is there would
 * compare otherwise than the key that the source has sorted. */
static bool has_bound(const struct source_rows *rows, size_t line, bool from_last, size_t key_count) {
    size_t first = from_last ? key_count : 0;

    for (size_t i = first; i < first + key_count; i++)
        if (source_cell(rows, line, i) == NULL || source_cell_is_cut(rows, line, i))
            return false;
    return true;
}

static void add_piece(struct pieces *pieces, const struct source_rows *rows, size_t line, size_t key_count,
                      bool from_last, int64_t count) {
    pieces->list[pieces->count++] = (struct piece){
        .line = line, .from_last = from_last, .bounded = has_bound(rows, line, from_last, key_count), .rows = count};
    pieces->rows += count;
}

/* A line is one piece, or two where its last key runs over the bucket's end: that key may be too frequent for a chunk with
 * others in it. All other keys of a bucket lie inside, so none of them can be. */
static bool read_line(struct pieces *pieces, const struct source_rows *rows, size_t line,
                      const struct source_column *keys, size_t key_count, int64_t bucket_rows, struct error *error) {
    const char *nulls = source_cell(rows, line, 2 * key_count + CELL_NULLS);
    int64_t count = 0;
    int64_t last = 0;

    if (nulls == NULL || (strcmp(nulls, "0") != 0 && strcmp(nulls, "1") != 0))
        return line_failure(error, rows, line, "it doesn't say whether its keys are NULL");
    if (!parse_count(source_cell(rows, line, 2 * key_count + CELL_ROWS), 1, &count))
        return line_failure(error, rows, line, "its count of rows is no positive number");
    if (nulls[0] == '1') {
        if (line + 1 != rows->row_count)
            return line_failure(error, rows, line, "NULL keys don't come last");
        pieces->null_rows = count;
        return true;
    }
    if (!parse_count(source_cell(rows, line, 2 * key_count + CELL_LAST_ROWS), 1, &last) || last > count)
        return line_failure(error, rows, line, "the rows of its last key are no part of its rows");
    if (!check_bounds(rows, line, keys, key_count, error))
        return false;
    if (last < count && count > bucket_rows) {
        add_piece(pieces, rows, line, key_count, false, count - last);
        add_piece(pieces, rows, line, key_count, true, last);
    } else {
        add_piece(pieces, rows, line, key_count, false, count);
    }
    return true;
}

static bool read_lines(struct pieces *pieces, const struct source_rows *rows, const struct source_column *keys,
                       size_t key_count, int64_t bucket_rows, struct error *error) {
    if (rows->column_count != 2 * key_count + CELLS_BESIDE_KEYS)
        return error_set(error, ERROR_INTERNAL, "the source's answer has %zu columns, not %zu", rows->column_count,
                         2 * key_count + CELLS_BESIDE_KEYS);
    pieces->list = memory_array(2 * rows->row_count + 1, sizeof *pieces->list);
    for (size_t line = 0; line < rows->row_count; line++)
        if (!read_line(pieces, rows, line, keys, key_count, bucket_rows, error))
            return false;
    return true;
}

/* ---- chunks ------------------------------------------------------------------------------------------------------- */

static const char *piece_bound(const struct source_rows *rows, const struct piece *piece, size_t key,
                               size_t key_count) {
    return source_cell(rows, piece->line, (piece->from_last ? key_count : 0) + key);
}

static char **copy_bound(const struct source_rows *rows, const struct piece *piece, size_t key_count) {
    char **bound = memory_array(key_count, sizeof *bound);

    for (size_t i = 0; i < key_count; i++)
        bound[i] = memory_copy_string(piece_bound(rows, piece, i, key_count));
    return bound;
}

/* Put pieces together into ranges of at most `limit` rows; a piece with more, which is one key's, stays alone. What no bound
 * can be written for goes with what is before it. */
static void cut_ranges(struct plan *plan, const struct source_rows *rows, const struct pieces *pieces, int64_t limit) {
    for (size_t i = 0; i < pieces->count; i++) {
        const struct piece *piece = &pieces->list[i];
        struct plan_chunk *chunk = i > 0 ? &plan->chunks[plan->chunk_count - 1] : NULL;

        if (chunk == NULL || (piece->bounded && piece->rows > limit - chunk->expected_rows)) {
            if (chunk != NULL)
                chunk->upper = copy_bound(rows, piece, plan->key_count);
            plan->chunks[plan->chunk_count++] = (struct plan_chunk){
                .kind = CHUNK_RANGE,
                .lower = chunk != NULL ? copy_bound(rows, piece, plan->key_count) : NULL,
            };
        }
        plan->chunks[plan->chunk_count - 1].expected_rows += piece->rows;
    }
}

static void add_chunk(struct plan *plan, enum chunk_kind kind, int64_t rows) {
    plan->chunks[plan->chunk_count++] = (struct plan_chunk){.kind = kind, .expected_rows = rows};
}

/* What is one chunk anyway is read by one query that has no condition at all. Otherwise NULL keys have their chunk, whether
 * any were seen or not: they may come after planning, and a view's NOT NULL proves nothing. */
static void cut_chunks(struct plan *plan, const struct source_rows *rows, const struct pieces *pieces,
                       const struct plan_size *size) {
    int64_t limit = plan_chunk_rows(size, pieces->rows);

    /* Whole buckets make a chunk: the nearest number of them, not the next lower one. */
    if (size->batch_rows <= 0)
        limit += plan_bucket_rows(size) / 2;
    plan->chunks = memory_array(pieces->count + 2, sizeof *plan->chunks);
    plan->expected_rows = pieces->rows + pieces->null_rows;
    if (pieces->rows == 0 || (pieces->rows <= limit && pieces->null_rows <= limit - pieces->rows)) {
        add_chunk(plan, CHUNK_WHOLE, plan->expected_rows);
        return;
    }
    cut_ranges(plan, rows, pieces, limit);
    add_chunk(plan, CHUNK_NULLS, pieces->null_rows);
}

static bool plan_whole(struct plan *plan, const struct source_rows *rows, struct error *error) {
    int64_t count = 0;

    if (rows->row_count != 1 || rows->column_count != 1 || !parse_count(source_cell(rows, 0, 0), 0, &count))
        return error_set(error, ERROR_INTERNAL, "the source's answer to a count is not one number");
    plan->chunks = memory_array(1, sizeof *plan->chunks);
    plan->expected_rows = count;
    add_chunk(plan, CHUNK_WHOLE, count);
    return true;
}

bool plan_from_rows(struct plan *plan, const struct source_rows *rows, const struct source_column *keys,
                    size_t key_count, const struct plan_size *size, struct error *error) {
    struct pieces pieces = {0};

    *plan = (struct plan){0};
    if (key_count == 0)
        return plan_whole(plan, rows, error);
    bool done = read_lines(&pieces, rows, keys, key_count, plan_bucket_rows(size), error);
    if (done) {
        plan->keys = plan_keys_copy(keys, key_count);
        plan->key_count = key_count;
        cut_chunks(plan, rows, &pieces, size);
    }
    memory_release(&pieces.list);
    return done;
}

/* ---- by hash ------------------------------------------------------------------------------------------------------ */

static bool bucket_failure(struct error *error, const struct source_rows *rows, size_t line, const char *what) {
    return error_set(error, ERROR_INTERNAL,
                     "line %zu of the source's answer can't be counted: %s (bucket \"%s\", %s rows)", line + 1, what,
                     shown(source_cell(rows, line, HASH_BUCKET)), shown(source_cell(rows, line, HASH_ROWS)));
}

/* Rows of each bucket. */
static bool read_buckets(const struct source_rows *rows, int64_t *counts, int64_t *total, struct error *error) {
    int64_t previous = -1;

    if (rows->column_count != HASH_CELLS)
        return error_set(error, ERROR_INTERNAL, "the source's answer has %zu columns, not %d", rows->column_count,
                         HASH_CELLS);
    for (size_t line = 0; line < rows->row_count; line++) {
        int64_t bucket = 0;

        if (!parse_count(source_cell(rows, line, HASH_BUCKET), 0, &bucket) || bucket >= PLAN_HASH_BUCKETS)
            return bucket_failure(error, rows, line, "there is no such bucket");
        if (bucket <= previous)
            return bucket_failure(error, rows, line, "it isn't above the one before it");
        if (!parse_count(source_cell(rows, line, HASH_ROWS), 1, &counts[bucket]))
            return bucket_failure(error, rows, line, "its count of rows is no positive number");
        if (source_cell(rows, line, HASH_PROBE) == NULL)
            return bucket_failure(error, rows, line, "it doesn't say how the source hashes");
        *total += counts[bucket];
        previous = bucket;
    }
    return true;
}

/* Spans of nearly equal numbers of rows: each ends with the bucket that reaches its share of the total, so that no small rest
 * is left over, whose query would cost as much as any other. All buckets, empty ones too, are in some span: rows may come. */
static void cut_spans(struct plan *plan, const int64_t *counts, int64_t limit, const char *probe) {
    int64_t wanted = plan->expected_rows / limit + (plan->expected_rows % limit != 0);
    int64_t step = plan->expected_rows / wanted + (plan->expected_rows % wanted != 0);
    int64_t share = step;
    int64_t seen = 0;
    int64_t first = 0;
    int64_t rows = 0;

    for (int64_t bucket = 0; bucket < PLAN_HASH_BUCKETS; bucket++) {
        rows += counts[bucket];
        if (bucket + 1 < PLAN_HASH_BUCKETS && (seen + rows < share || seen + rows == plan->expected_rows))
            continue;
        plan->chunks[plan->chunk_count++] = (struct plan_chunk){.kind = CHUNK_HASH,
                                                                .first_bucket = first,
                                                                .last_bucket = bucket,
                                                                .buckets = PLAN_HASH_BUCKETS,
                                                                .hash_probe = memory_copy_string(probe),
                                                                .expected_rows = rows};
        seen += rows;
        share = (seen / step + 1) * step;
        first = bucket + 1;
        rows = 0;
    }
}

bool plan_hash_from_rows(struct plan *plan, const struct source_rows *rows, const struct source_column *keys,
                         size_t key_count, const struct plan_size *size, struct error *error) {
    int64_t *counts = memory_array(PLAN_HASH_BUCKETS, sizeof *counts);

    *plan = (struct plan){0};
    bool done = read_buckets(rows, counts, &plan->expected_rows, error);
    if (done) {
        int64_t limit = plan_chunk_rows(size, plan->expected_rows);

        plan->keys = plan_keys_copy(keys, key_count);
        plan->key_count = key_count;
        plan->chunks = memory_array(PLAN_HASH_BUCKETS, sizeof *plan->chunks);
        if (plan->expected_rows <= limit)
            add_chunk(plan, CHUNK_WHOLE, plan->expected_rows);
        else
            cut_spans(plan, counts, limit, source_cell(rows, 0, HASH_PROBE));
    } else {
        plan->expected_rows = 0;
    }
    memory_release(&counts);
    return done;
}
