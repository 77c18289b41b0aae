/* How many rows a chunk should have, and which columns can say to which chunk a row belongs. */
#include "plan/plan.h"

/* A chunk is a transaction: what a crash costs is the chunks in hand. A worker moves some 100 MB of binary COPY a second,
 * so this much is some twenty seconds of work. */
static const int64_t CHUNK_BYTES = INT64_C(2) << 30;
/* Each query of a view computes the whole view again, and each query of a bucket of hashes reads the whole table, so such
 * chunks may be larger before they are split further. */
static const int64_t VIEW_CHUNK_BYTES = INT64_C(8) << 30;
/* Fewer rows than this a chunk, or fewer bytes where rows are wide, and the fixed costs (a query, a claim, a commit) show. */
static const int64_t MINIMUM_ROWS = 50000;
static const int64_t MINIMUM_BYTES = INT64_C(16) << 20;
/* Of a chunk that is merged: some seconds of staging, and as many of merging. */
static const int64_t MERGED_PART = 8;
/* With several chunks a worker the last ones to finish leave the others idle for a fraction of the run only. */
static const int64_t CHUNKS_A_WORKER = 4;
static const int64_t VIEW_CHUNKS_A_WORKER = 2;
/* Lines of the planning query in the smallest chunk: chunks are put together from whole lines, so more lines make more
 * even chunks, and a longer answer (40,000 lines for 10^9 rows). */
static const int64_t BUCKETS_IN_MINIMUM = 2;

/* A row of binary COPY: field count (2 bytes), then for each field its length (4) and its value.
 * https://www.postgresql.org/docs/current/sql-copy.html, Binary Format, Tuples */
static const int64_t ROW_OVERHEAD = 2;
static const int64_t FIELD_OVERHEAD = 4;

static int64_t smaller(int64_t left, int64_t right) {
    return left < right ? left : right;
}

static int64_t larger(int64_t left, int64_t right) {
    return left > right ? left : right;
}

/* A column's declared maximum says little (VARCHAR alone means 16 MB in Snowflake), but it bounds the guess. */
static int64_t guess_length(const struct source_column *column, int64_t guess) {
    return column->maximum_length >= 0 ? smaller(column->maximum_length, guess) : guess;
}

static int64_t estimate_value_bytes(const struct source_column *column) {
    switch (column->kind) {
    case VALUE_INTEGER:
    case VALUE_FLOAT:
    case VALUE_TIME:
    case VALUE_TIMESTAMP:
    case VALUE_INSTANT:
        return 8;
    case VALUE_DECIMAL: /* numeric: a header of 8 bytes and 2 for every 4 digits */
        return 8 + 2 * (larger(column->precision, 1) / 4 + 1);
    case VALUE_BOOL:
        return 1;
    case VALUE_DATE:
        return 4;
    case VALUE_UUID:
        return 16;
    case VALUE_TEXT:
        return guess_length(column, 32);
    case VALUE_BINARY:
        return guess_length(column, 64);
    case VALUE_JSON:
        return guess_length(column, 256);
    case VALUE_OTHER:
        break;
    }
    return guess_length(column, 64);
}

int64_t plan_estimate_row_bytes(const struct source_table *table, const size_t *columns, size_t column_count) {
    int64_t bytes = ROW_OVERHEAD;

    for (size_t i = 0; i < column_count; i++)
        bytes += FIELD_OVERHEAD + estimate_value_bytes(&table->columns[columns[i]]);
    return bytes;
}

struct plan_size plan_choose_size(const struct source_table *table, const size_t *columns, size_t column_count,
                                  enum plan_method method, int64_t batch_rows, int workers) {
    bool costs_all = table->is_view || method == PLAN_HASH;
    int64_t row_bytes = plan_estimate_row_bytes(table, columns, column_count);
    int64_t chunk_bytes = costs_all ? VIEW_CHUNK_BYTES : CHUNK_BYTES;
    int64_t minimum_rows = larger(smaller(MINIMUM_BYTES / row_bytes, MINIMUM_ROWS), 1);

    return (struct plan_size){
        .batch_rows = batch_rows,
        .minimum_rows = minimum_rows,
        .maximum_rows = larger(chunk_bytes / row_bytes, minimum_rows),
        .block_rows = method == PLAN_RANGE ? table->block_rows : 0,
        .chunks = larger(workers, 1) * (costs_all ? VIEW_CHUNKS_A_WORKER : CHUNKS_A_WORKER),
    };
}

void plan_shrink_for_merging(struct plan_size *size) {
    size->maximum_rows = larger(size->maximum_rows / MERGED_PART, size->minimum_rows);
}

bool plan_is_large(const struct source_table *table, const size_t *columns, size_t column_count) {
    return table->estimated_rows > CHUNK_BYTES / plan_estimate_row_bytes(table, columns, column_count);
}

int64_t plan_bucket_rows(const struct plan_size *size) {
    int64_t rows = larger(size->minimum_rows / BUCKETS_IN_MINIMUM, 1);

    if (size->batch_rows > 0)
        return size->batch_rows;
    /* The largest part of a block that is no more. */
    for (int64_t parts = size->block_rows / rows + (size->block_rows % rows != 0); parts <= size->block_rows; parts++)
        if (parts > 0 && size->block_rows % parts == 0)
            return size->block_rows / parts;
    return rows;
}

int64_t plan_chunk_rows(const struct plan_size *size, int64_t total_rows) {
    int64_t chunks = larger(size->chunks, 1);
    int64_t share = total_rows / chunks + (total_rows % chunks != 0);

    if (size->batch_rows > 0)
        return size->batch_rows;
    share = smaller(larger(share, larger(size->minimum_rows, 1)), larger(size->maximum_rows, 1));
    /* The nearest number of whole blocks, where that is about as much and no more than a chunk may have. */
    if (size->block_rows > 0 && share >= size->block_rows / 4 * 3 && size->block_rows <= size->maximum_rows)
        share = smaller((share + size->block_rows / 2) / size->block_rows, size->maximum_rows / size->block_rows) *
                size->block_rows;
    return share;
}

/* ---- columns --------------------------------------------------------------------------------------------------------- */

bool plan_key_supported(const struct source_column *column) {
    switch (column->kind) {
    case VALUE_INTEGER:
    case VALUE_DECIMAL:
    case VALUE_TEXT:
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
    case VALUE_INSTANT:
    case VALUE_UUID:
        return true;
    case VALUE_FLOAT:
    case VALUE_BOOL:
    case VALUE_BINARY:
    case VALUE_TIME:
    case VALUE_JSON:
    case VALUE_OTHER:
        break;
    }
    return false;
}

bool plan_hash_supported(const struct source_column *column) {
    return column->kind != VALUE_OTHER;
}

bool plan_hash_reliable(const struct source_column *column) {
    return plan_hash_supported(column) && column->kind != VALUE_FLOAT && column->kind != VALUE_JSON;
}
