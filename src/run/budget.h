/* How the memory of the process is shared out where memory_limit_mb bounds it: how many workers there are, how many of them may read
 * at once, and what the source's driver may take. Pure arithmetic over what things cost, which is measured: docs/memory.md.
 */
#ifndef THAW_RUN_BUDGET_H
#define THAW_RUN_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* What an open stream takes while its rows are on their way, in KB. */
struct budget_stream {
    int64_t buffers_kb; /* batches, vectors, segments */
    int64_t cache_kb;   /* pinned in DuckDB's cache; 0 elsewhere */
};

/* Columns of the tables that are to be read; 1 where that isn't known yet. */
struct budget_widths {
    size_t narrowest, widest;
};

struct budget {
    int64_t limit_mb; /* 0: there is no limit, and the rest is 0 as well */
    enum config_source_kind kind;
    struct budget_widths widths;
    int wanted;               /* workers that were asked for */
    int workers;              /* that fit, at least 1 */
    struct budget_stream all; /* for all streams that are open at once */
    int64_t cache_mb;         /* DuckDB's cache while workers read, at most */
    int64_t alone_mb;         /* and while nobody does: a table is planned */
    int64_t driver_mb;        /* Go's runtime in the Snowflake driver, at most; 0 elsewhere */
};

/* Where not even one reader of the widest table fits, what there is is shared out as for the widest that does. */
void budget_make(struct budget *budget, enum config_source_kind kind, int64_t limit_mb, int wanted,
                 struct budget_widths widths);

struct budget_stream budget_stream(enum config_source_kind kind, size_t columns);

/* How many streams of so many columns fit at once, at most all workers; 0: not even one. */
int budget_readers(const struct budget *budget, size_t columns);

/* The cache was too small: it takes the room of all buffers but `used_kb`, those that are in use and may be kept. False: there is none to
 * take. */
bool budget_widen_cache(struct budget *budget, int64_t used_kb);

/* The least limit with which all workers that were asked for can be at work. MB. */
int64_t budget_all_workers_mb(const struct budget *budget);

/* The least limit with which `readers` workers can read so many columns at once. MB. */
int64_t budget_least_mb(enum config_source_kind kind, size_t columns, int readers);

#endif
