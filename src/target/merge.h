/* Merging: rows go by COPY into a temporary table of the load transaction, and from there by one statement into the target.
 *
 * What is equal isn't written and isn't locked; every staged row is accounted for. Two keys are the same where the target's
 * unique index says so, and NULL in a key is the same as NULL. Of several staged rows with one key one stays: the newest
 * watermark (NULL is older than any), then the last by the sort columns, then the greater by the bytes of its values, so that
 * the result depends on nothing but the rows.
 */
#ifndef THAW_TARGET_MERGE_H
#define THAW_TARGET_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/encode.h"
#include "target/catalogue.h"
#include "target/connection.h"

/* How rows are merged into one table. Strings are borrowed from whoever describes the table, but for `operators`. */
struct merge {
    const char *schema, *name; /* the target */
    bool partitioned;
    const struct encode_target *columns; /* staged: those that are written, then those that only decide */
    size_t column_count, written_count;
    bool *fixed; /* of those written: GENERATED ALWAYS AS IDENTITY, which can be inserted and not updated. Owned */
    size_t *key; /* indexes into columns. Owned */
    size_t key_count;
    char **operators;             /* of each of them: by which two values are equal. Owned, with the array */
    bool nullable;                /* the key may hold NULL ... */
    bool copy_would_double_nulls; /* ... and the index doesn't see two of those as one */
    int64_t
        leading; /* index into columns: the index's first column, where its order is the type's own, text's by bytes; -1 */
    bool inserts_only;            /* rows whose key is there stay as they are */
    int64_t watermark;            /* index into columns; -1: none */
    const char *target_watermark; /* the target's column that it is compared with */
    int64_t
        compared; /* index into columns: what is compared with that, rounded as the target's values are; often `watermark` itself */
    size_t *sort; /* indexes into columns, the first counts most. Owned */
    size_t sort_count;
};

struct merge_counts {
    int64_t staged; /* the sum of the others */
    int64_t inserted, updated;
    int64_t unchanged; /* equal to the target's, or their key is there and only new keys are inserted */
    int64_t older;     /* their watermark is older than the target's */
    int64_t duplicate; /* another row of the source has the same key, and was preferred */
};

/* Ask the catalogue what merging needs, into operators, nullable, copy_would_double_nulls and leading; the other members are set.
 * ERROR_CONFIG where the target has no fit unique index on exactly the key (the hint has the statement that makes one), or
 * where the role lacks TEMPORARY on the database or UPDATE on a column. */
bool merge_look_up(struct merge *merge, struct target_connection *connection, const struct target_table *table,
                   struct error *error) THAW_CHECK;
/* The same where the table isn't made yet, and will have its key: of types of PostgreSQL's own. */
void merge_expect(struct merge *merge, const struct target_table *table);
void merge_release(struct merge *merge);

/* Let the server analyse the statements in a transaction that is rolled back: values that can't be compared are found before
 * anything is touched. ERROR_CONFIG. */
bool merge_rehearse(const struct merge *merge, struct target_connection *connection, struct error *error) THAW_CHECK;

/* Does the target have a row whose `leading` column is at least `lower` and below `upper` (not above, with `upper_included`)? Texts of
 * values; NULL: open. One look into the index. *meets is true as well where the type can't hold a bound. */
bool merge_meets(const struct merge *merge, struct target_connection *connection, const char *lower, const char *upper,
                 bool upper_included, bool *meets, struct error *error) THAW_CHECK;

/* In the load transaction: make the temporary table, which COPY (merge_copy_statement) then fills. */
bool merge_stage(const struct merge *merge, struct target_connection *connection, struct error *error) THAW_CHECK;
void merge_copy_statement(struct buffer *sql, const struct merge *merge, enum encode_format format);

/* Merge what is staged. `own_transactions`: SQL of a SELECT of the transactions (xid) whose rows are this run's, where rows with
 * the same key may come in another chunk of it, so that a row of one of those isn't taken for one that was there before; NULL:
 * no chunk shares a key with another. ERROR_DATA where rows with one key differ and nothing says which counts;
 * ERROR_DIFFERENCE where the target doesn't take what it is given. */
bool merge_run(const struct merge *merge, struct target_connection *connection, const char *own_transactions,
               struct merge_counts *counts, struct error *error) THAW_CHECK;

/* After merge_run() failed and was rolled back to a savepoint: keep one staged row of each key apart, so that they can be merged in
 * parts. *rows: how many they are; counts->staged and counts->duplicate are the others. */
bool merge_hold(const struct merge *merge, struct target_connection *connection, int64_t *rows,
                struct merge_counts *counts, struct error *error) THAW_CHECK;
/* Stage `count` of them, from `first` (0: the first) on, where nothing is staged: what merge_run() then merges. */
bool merge_take(const struct merge *merge, struct target_connection *connection, int64_t first, int64_t count,
                struct error *error) THAW_CHECK;
/* Nothing is staged any more. */
bool merge_empty(const struct merge *merge, struct target_connection *connection, struct error *error) THAW_CHECK;
/* One of them as JSON objects of its values' texts: its key, and the columns that would be written, both allocated. *number: the
 * how manieth of all staged rows it was, from 1. */
bool merge_describe_held(const struct merge *merge, struct target_connection *connection, int64_t row, int64_t *number,
                         char **key, char **values, struct error *error) THAW_CHECK;

/* The statements themselves, for tests: what merge_run() sends. Pure. */
void merge_statement(struct buffer *sql, const struct merge *merge, const char *own_transactions, bool null_keys);
void merge_deduplicate_statement(struct buffer *sql, const struct merge *merge);

#endif
