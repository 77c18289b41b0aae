/* How a table is cut into chunks. Pure: no I/O; run/ executes the query that plan_query() builds.
 *
 * A plan is a cover, never an estimate: the first range is open below, the last open above, neighbours share their
 * boundary, and rows in which any key is NULL have a chunk of their own. Counts only say where the boundaries fall.
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
    CHUNK_WHOLE, /* every row */
    CHUNK_RANGE, /* lower <= key < upper; an open end where the bound is absent */
    CHUNK_NULLS  /* any key is NULL */
};

struct plan_chunk {
    enum chunk_kind kind;
    char **lower; /* key_count texts (dialect->bound_text), or NULL: open below */
    char **upper; /* or NULL: open above */
    int64_t expected_rows;
};

struct plan {
    struct source_column *keys; /* borrowed descriptions, deep-copied; 0 of them: one whole chunk */
    size_t key_count;
    struct plan_chunk *chunks;
    size_t chunk_count;
    int64_t expected_rows; /* the sum of the chunks' */
};

/* How large a chunk should be. */
struct plan_size {
    int64_t batch_rows;  /* rows a chunk where the user gave it; 0: chosen, from the next three */
    int64_t minimum_rows;
    int64_t maximum_rows;
    int64_t chunks;      /* chunks wanted, whole number of workers times some */
};

/* Batch sizing where none is given: from the columns' estimated bytes a row, workers, and whether each query of the
 * relation costs its whole computation (a view). */
struct plan_size plan_choose_size(const struct source_table *table, const size_t *columns, size_t column_count,
                                  int64_t batch_rows, int workers);

/* Estimated bytes of a row of these columns in binary COPY. */
int64_t plan_estimate_row_bytes(const struct source_table *table, const size_t *columns, size_t column_count);

/* Can this kind of column order chunks? */
bool plan_key_supported(const struct source_column *column);

/* The one aggregate query of a table. Without keys it counts. `filter` is the user's SQL or NULL. */
void plan_query(struct buffer *sql, const struct dialect *dialect, const struct source_relation *relation,
                const char *filter, const struct source_column *keys, size_t key_count, const struct plan_size *size);
/* Its rows to a plan. Rows that can't be a plan (not ascending, a NULL bound) are ERROR_INTERNAL. */
bool plan_from_rows(struct plan *plan, const struct source_rows *rows, const struct source_column *keys, size_t key_count,
                    const struct plan_size *size, struct error *error) THAW_CHECK;
void plan_release(struct plan *plan);

/* The condition that holds for exactly the chunk's rows ("TRUE"-like for a whole chunk is the empty string). */
void plan_predicate(struct buffer *sql, const struct dialect *dialect, const struct source_column *keys, size_t key_count,
                    const struct plan_chunk *chunk);

/* SELECT of the chunk's rows: `columns` (indexes into the table) in order, each with an alias; where one of them is
 * projected inexactly a last column THAW_INEXACT as encode_options.inexact_column describes it (*has_inexact tells). */
void plan_data_query(struct buffer *sql, const struct dialect *dialect, const struct source_table *table,
                     const size_t *columns, size_t column_count, const char *filter, const struct source_column *keys,
                     size_t key_count, const struct plan_chunk *chunk, bool *has_inexact);

/* chunk_range of the ledger, e.g. {"kind":"range","columns":["ID"],"types":["NUMBER(38,0)"],"lower":["1"],"upper":null}. */
json_t *plan_chunk_to_json(const struct plan *plan, const struct plan_chunk *chunk);
/* And back, with the columns described by `table` as it is now; ERROR_CONFIG where a key column is gone or its kind changed. */
bool plan_chunk_from_json(const char *text, const struct source_table *table, struct source_column **keys,
                          size_t *key_count, struct plan_chunk *chunk, struct error *error) THAW_CHECK;
void plan_chunk_release(struct plan_chunk *chunk, size_t key_count);
/* Release an array of key columns that plan_chunk_from_json() made. */
void plan_keys_release(struct source_column **keys, size_t *key_count);

#endif
