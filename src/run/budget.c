#include "run/budget.h"

#include "source/source.h"

enum {
    MB = 1024, /* KB */
    /* DuckDB: the program with libduckdb, connections, and what malloc keeps. */
    DUCKDB_FIXED = 60 * MB,
    DUCKDB_CACHE = DUCKDB_LEAST_MB * MB, /* without which it neither scans nor plans */
    DUCKDB_CACHE_SLACK = DUCKDB_SLACK_MB * MB,
    DUCKDB_COLUMN_BUFFERS = 110, /* vectors and a batch */
    /* A worker's segments, and what libpq holds. */
    SEGMENTS = 10 * MB,
    /* The Snowflake driver: its Go runtime keeps some pieces of a result in memory, whose size the service bounds whatever the
     * table's width; their Arrow form is outside of what Go counts. */
    SNOWFLAKE_FIXED = 60 * MB,
    SNOWFLAKE_GO_FIXED = 28 * MB,
    SNOWFLAKE_STREAM = 26 * MB,
    SNOWFLAKE_GO_STREAM = 30 * MB
};

static int64_t fixed_kb(enum config_source_kind kind) {
    return kind == SOURCE_DUCKDB ? DUCKDB_FIXED : SNOWFLAKE_FIXED + SNOWFLAKE_GO_FIXED;
}

struct budget_stream budget_stream(enum config_source_kind kind, size_t columns) {
    if (kind != SOURCE_DUCKDB)
        return (struct budget_stream){.buffers_kb = SNOWFLAKE_STREAM + SNOWFLAKE_GO_STREAM};
    return (struct budget_stream){.buffers_kb = SEGMENTS + (int64_t)columns * DUCKDB_COLUMN_BUFFERS,
                                  .cache_kb = DUCKDB_STREAM_KB + (int64_t)columns * DUCKDB_COLUMN_KB};
}

/* The cache for so many streams, in whole MB as it is set. */
static int64_t cache_kb(enum config_source_kind kind, const struct budget_stream *stream, int64_t readers) {
    int64_t needed = (readers * stream->cache_kb + DUCKDB_CACHE_SLACK + MB - 1) / MB * MB;
    return kind != SOURCE_DUCKDB ? 0 : needed > DUCKDB_CACHE ? needed : DUCKDB_CACHE;
}

static int64_t needed_kb(enum config_source_kind kind, size_t columns, int64_t readers) {
    struct budget_stream stream = budget_stream(kind, columns);
    return fixed_kb(kind) + cache_kb(kind, &stream, readers) + readers * stream.buffers_kb;
}

int64_t budget_least_mb(enum config_source_kind kind, size_t columns, int readers) {
    return (needed_kb(kind, columns, readers) + MB - 1) / MB;
}

/* The most readers of so many columns that the limit has room for. */
static int most_readers(enum config_source_kind kind, int64_t limit_kb, size_t columns, int wanted) {
    int readers = 0;
    while (readers < wanted && needed_kb(kind, columns, readers + 1) <= limit_kb)
        readers++;
    return readers;
}

/* How many streams have room beside each other. */
static int fitting(const struct budget_stream *room, const struct budget_stream *stream, int most) {
    int64_t fit = room->buffers_kb / stream->buffers_kb;
    if (stream->cache_kb > 0 && room->cache_kb / stream->cache_kb < fit)
        fit = room->cache_kb / stream->cache_kb;
    return fit < most ? (int)fit : most;
}

static int64_t larger(int64_t left, int64_t right) {
    return left > right ? left : right;
}

/* Of a table that is too wide: as many of its columns as one reader fits for, since it may be that no more are copied. */
static size_t fitting_width(enum config_source_kind kind, int64_t limit_mb, size_t columns) {
    while (columns > 1 && budget_least_mb(kind, columns, 1) > limit_mb)
        columns--;
    return columns;
}

void budget_make(struct budget *budget, enum config_source_kind kind, int64_t limit_mb, int wanted,
                 struct budget_widths widths) {
    *budget = (struct budget){.kind = kind, .widths = widths, .wanted = wanted, .workers = wanted};
    if (limit_mb == 0)
        return;
    widths.widest = fitting_width(kind, limit_mb, widths.widest);
    widths.narrowest = fitting_width(kind, limit_mb, widths.narrowest);
    struct budget_stream narrow = budget_stream(kind, widths.narrowest), wide = budget_stream(kind, widths.widest);
    int64_t room = limit_mb * MB - fixed_kb(kind);
    int readers = most_readers(kind, limit_mb * MB, widths.widest, wanted);
    int64_t cache = cache_kb(kind, &wide, readers);
    struct budget_stream all = {.buffers_kb = room - cache, .cache_kb = cache - DUCKDB_CACHE_SLACK};
    budget->limit_mb = limit_mb;
    budget->workers = (int)larger(fitting(&all, &narrow, wanted), 1);
    if (kind != SOURCE_DUCKDB) {
        budget->all.buffers_kb = room;
        budget->driver_mb = limit_mb - (SNOWFLAKE_FIXED + (int64_t)budget->workers * SNOWFLAKE_STREAM) / MB;
        return;
    }
    /* The cache gets what the buffers leave: a source whose blocks are large pins more than is usual. */
    int64_t buffers = larger(readers * wide.buffers_kb, budget->workers * narrow.buffers_kb);
    budget->all.buffers_kb = buffers < all.buffers_kb ? buffers : all.buffers_kb;
    budget->cache_mb = (room - budget->all.buffers_kb) / MB;
    budget->all.cache_kb = budget->cache_mb * MB - DUCKDB_CACHE_SLACK;
    budget->alone_mb = room / MB;
}

bool budget_widen_cache(struct budget *budget, int64_t used_kb) {
    int64_t kept = larger(
        used_kb,
        budget_stream(budget->kind, fitting_width(budget->kind, budget->limit_mb, budget->widths.widest)).buffers_kb);
    int64_t cache_mb = budget->alone_mb - (kept + MB - 1) / MB;
    if (cache_mb <= budget->cache_mb)
        return false;
    budget->cache_mb = cache_mb;
    budget->all.cache_kb = cache_mb * MB - DUCKDB_CACHE_SLACK;
    budget->all.buffers_kb = kept;
    return true;
}

int64_t budget_all_workers_mb(const struct budget *budget) {
    struct budget larger = *budget;
    for (int64_t limit_mb = budget->limit_mb; larger.workers < budget->wanted; limit_mb++)
        budget_make(&larger, budget->kind, limit_mb, budget->wanted, budget->widths);
    return larger.limit_mb;
}

int budget_readers(const struct budget *budget, size_t columns) {
    struct budget_stream stream = budget_stream(budget->kind, columns);
    return budget->limit_mb == 0 ? budget->workers : fitting(&budget->all, &stream, budget->workers);
}
