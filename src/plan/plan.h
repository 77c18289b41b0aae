/* How a table is cut into chunks. Pure: no I/O; run/ executes the query that plan_query() or plan_hash_query() builds.
 *
 * A plan is a cover, never an estimate: the first range is open below, the last open above, neighbours share their
 * boundary, and rows in which any key is NULL have a chunk of their own. Or the rows are cut by a hash of some columns,
 * which every row has, whatever is NULL in it: the chunks share the hash's values out among them. Counts only say where
 * the boundaries fall.
 */
#ifndef THAW_PLAN_PLAN_H
#define THAW_PLAN_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "source/dialect.h"
#include "source/source.h"

enum chunk_kind {
    CHUNK_WHOLE, /* every row, those with NULL keys included: a table of one chunk */
    CHUNK_RANGE, /* lower <= key < upper, no key NULL; an open end where the bound is absent */
    CHUNK_NULLS, /* any key is NULL */
    CHUNK_HASH   /* first_bucket <= the keys' bucket <= last_bucket */
};

enum plan_method { PLAN_WHOLE, PLAN_RANGE, PLAN_HASH };

/* The hash sorts rows into so many buckets; a chunk is a span of them. More of them make smaller chunks possible, and a longer
 * answer to the planning query. */
enum { PLAN_HASH_BUCKETS = 16384 };
/* A text of more characters is no boundary between chunks: bounds are kept in the ledger, and go into queries. */
enum { PLAN_BOUND_CHARACTERS = 1000 };

/* A part of a chunk that was too large to be loaded at once: of its rows those whose hash leaves this remainder. It needs no
 * boundary, so it cuts also the rows of one key, those with a NULL key, and a table without keys; only rows that are equal in all
 * of these columns stay together. */
struct plan_part {
    struct source_column *columns; /* deep-copied descriptions */
    size_t column_count;           /* 0: it is the whole chunk */
    int64_t modulus;               /* odd, so that it goes across the buckets of a hash chunk */
    int64_t remainder;             /* from 0 */
    char *probe;                   /* dialect->hash_probe when it was cut off */
};

/* A chunk may be cut into so many parts, in several steps, and no more: rows that are equal can't be told apart. */
enum { PLAN_MOST_PARTS = 1 << 24 };

struct plan_chunk {
    enum chunk_kind kind;
    char **lower;         /* key_count texts (dialect->bound_text), or NULL: open below */
    char **upper;         /* or NULL: open above */
    int64_t first_bucket; /* of a hash chunk: of `buckets`, numbered from 0 */
    int64_t last_bucket;  /* in it */
    int64_t buckets;
    char *hash_probe;      /* of a hash chunk: dialect->hash_probe when it was planned */
    struct plan_part part; /* of such a chunk */
    int64_t expected_rows; /* -1: unknown */
};

struct plan {
    struct source_column *keys; /* deep-copied descriptions; 0 of them: one whole chunk */
    size_t key_count;
    struct plan_chunk *chunks;
    size_t chunk_count;
    int64_t expected_rows; /* the sum of the chunks' */
};

/* How large a chunk should be. */
struct plan_size {
    int64_t batch_rows;   /* rows a chunk where the user gave it; 0: chosen, from the next three */
    int64_t minimum_rows; /* at least 1 */
    int64_t maximum_rows; /* at least minimum_rows */
    int64_t chunks;       /* chunks wanted: so many for each worker */
    int64_t
        block_rows; /* rows that the source stores together; 0: unknown. Chunks of several blocks are whole ones, for
                             where rows lie in the keys' order: a block that belongs to two chunks is read twice */
};

/* Batch sizing where none is given: from the columns' estimated bytes a row, workers, and whether each chunk's query costs
 * as much as one of the whole relation (a view, which is computed; a hash, by which no source can skip anything). `columns`
 * are indexes into the table. */
struct plan_size plan_choose_size(const struct source_table *table, const size_t *columns, size_t column_count,
                                  enum plan_method method, int64_t batch_rows, int workers);
/* For chunks that are merged: they hold locks on keys, and room for a second copy of their rows, until they commit. */
void plan_shrink_for_merging(struct plan_size *size);
/* Does the catalogue say of more rows than one chunk should have? Not of views, which it doesn't count. */
bool plan_is_large(const struct source_table *table, const size_t *columns, size_t column_count);

/* Rows a chunk for a table of `total_rows`: batch_rows, or the table's share within minimum and maximum. */
int64_t plan_chunk_rows(const struct plan_size *size, int64_t total_rows);
/* Rows a line of the planning query: batch_rows, or fewer than the smallest chunk, so that lines can be put together. */
int64_t plan_bucket_rows(const struct plan_size *size);

/* Estimated bytes of a row of these columns in binary COPY. */
int64_t plan_estimate_row_bytes(const struct source_table *table, const size_t *columns, size_t column_count);

/* Can this kind of column order chunks? Not floats (NaN and -0.0 compare by each source's own rules), nor booleans, times
 * of day, binary, JSON and nested values. */
bool plan_key_supported(const struct source_column *column);
/* Can it be hashed? Not nested values. */
bool plan_hash_supported(const struct source_column *column);
/* And would it have the same hash in every query, in a view too? Sums of floats come out by the order of their terms, and
 * JSON's keys in any order; whoever names such columns knows better. */
bool plan_hash_reliable(const struct source_column *column);

/* The one aggregate query of a table. Without keys it counts. `filter` is the user's SQL or NULL. Every cell of its result
 * is text. One line a bucket of about plan_bucket_rows() rows, in the keys' order, equal keys always in one bucket, then at
 * most one line for the rows with a NULL key. A bound that is too long for one (PLAN_BOUND_CHARACTERS) is NULL. */
void plan_query(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                const char *filter, const struct source_column *keys, size_t key_count, const struct plan_size *size);
/* Its rows to a plan. Rows that can't be a plan (not ascending, a NULL bound, counts that don't add up) are
 * ERROR_INTERNAL. `plan` is released by the caller after success only; it is zero otherwise. */
bool plan_from_rows(struct plan *plan, const struct source_rows *rows, const struct source_column *keys,
                    size_t key_count, const struct plan_size *size, struct error *error) THAW_CHECK;
void plan_release(struct plan *plan);

/* The same for a plan by hash of at least one column: one line a bucket that has rows, in order. */
void plan_hash_query(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                     const char *filter, const struct source_column *keys, size_t key_count);
bool plan_hash_from_rows(struct plan *plan, const struct source_rows *rows, const struct source_column *keys,
                         size_t key_count, const struct plan_size *size, struct error *error) THAW_CHECK;
/* What dialect->hash_probe is now, as a query of one cell. */
void plan_probe_query(struct buffer *sql, const struct dialect *dialect);

/* The condition that is TRUE for exactly the chunk's rows, and FALSE or NULL for all others; nothing is appended for a
 * whole chunk. */
void plan_predicate(struct buffer *sql, const struct dialect *dialect, const struct source_column *keys,
                    size_t key_count, const struct plan_chunk *chunk);

/* SELECT of the chunk's rows: `columns` (indexes into the table) in order, each with an alias, its own name; where one of
 * them is projected inexactly a last column THAW_INEXACT as encode_options.inexact_column describes it (*has_inexact
 * tells). */
void plan_data_query(struct buffer *sql, const struct dialect *dialect, const struct source_table *table,
                     const size_t *columns, size_t column_count, const char *filter, const struct source_column *keys,
                     size_t key_count, const struct plan_chunk *chunk, bool *has_inexact);

/* chunk_range of the ledger, one of
 *   {"kind":"whole"}
 *   {"kind":"range","columns":["ID"],"types":["NUMBER(38,0)"],"kinds":["integer"],"lower":["1"],"upper":null}
 *   {"kind":"nulls","columns":["ID"],"types":["NUMBER(38,0)"],"kinds":["integer"]}
 *   {"kind":"hash","columns":["ID"],"types":["NUMBER(38,0)"],"kinds":["integer"],"buckets":16384,"first":0,"last":511,
 *    "probe":"..."}
 * A key that is text compared by its number is of the kind "varchar_numeric". A part of any of them has a member more,
 *   "part":{"columns":["ID"],"types":["NUMBER(38,0)"],"kinds":["integer"],"modulus":3,"remainder":0,"probe":"..."}
 * A new reference, owned by the caller. */
json_t *plan_chunk_to_json(const struct plan *plan, const struct plan_chunk *chunk);
/* And back, with the columns described by `table` as it is now. ERROR_CONFIG where a key column is gone, its kind has
 * changed, or its digits have (bounds would be cut to other values), or anything of the type of a hashed one; ERROR_INTERNAL where `text` isn't a chunk_range. On
 * success the caller releases the keys (plan_keys_release) and the chunk; whole chunks have no keys. */
bool plan_chunk_from_json(const char *text, const struct source_table *table, struct source_column **keys,
                          size_t *key_count, struct plan_chunk *chunk, struct error *error) THAW_CHECK;
void plan_chunk_release(struct plan_chunk *chunk, size_t key_count);

/* Cut the chunk that `range`, a chunk_range, describes into `parts` (odd, at least 3) by the hash of these columns: one chunk_range
 * each to ranges[], to be freed by the caller. What is a part already is cut further by its own columns, and by the hash of
 * `probe` then. No two of them hold a row of the chunk, and together they hold all. ERROR_DATA where it can't be cut: there is no
 * column, or it has been cut too often; ERROR_INTERNAL where `range` isn't a chunk_range. */
bool plan_split_range(const char *range, const struct source_column *columns, size_t column_count, const char *probe,
                      int64_t parts, char **ranges, struct error *error) THAW_CHECK;

/* "integer", "timestamp", ...: how a kind is called in the ledger. */
const char *plan_kind_name(enum value_kind kind);

/* Deep copies of `key_count` columns, for plan_keys_release(). NULL where there are none. */
struct source_column *plan_keys_copy(const struct source_column *keys, size_t key_count);
/* Release an array of key columns that plan_chunk_from_json() or plan_keys_copy() made. */
void plan_keys_release(struct source_column **keys, size_t *key_count);

#endif
