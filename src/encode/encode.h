/* Arrow record batches to rows of PostgreSQL's COPY format. Pure: no I/O, no globals, no allocation a row.
 *
 * COPY's formats: https://www.postgresql.org/docs/current/sql-copy.html (File Formats). Binary is the rule. A table in which
 * the type of some column has no binary form here is sent in text, so that the type's own input function judges.
 * The functions that write each value are chosen once a stream, from the pair (Arrow type, target type).
 * The encoder writes for the *target's* type and refuses a value that the type, with its modifier, can't hold exactly:
 * it never leaves to PostgreSQL's receive and input functions what they would round or cut in silence (numeric scale,
 * fractions of a second, spaces beyond varchar(n)).
 */
#ifndef THAW_ENCODE_ENCODE_H
#define THAW_ENCODE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include <nanoarrow/nanoarrow.h>

#include "base/buffer.h"
#include "base/error.h"

/* A column of the target table, as pg_attribute and pg_type describe it; domains are followed to what they are made of. */
struct encode_target {
    char *name;            /* owned by whoever made the list */
    uint32_t type_oid;     /* pg_type.oid of the column's type */
    int32_t type_modifier; /* atttypmod; -1: none */
    char *type_name;       /* format_type(), for messages */
    /* What follows matters for types without a binary form here, and for arrays. Zero where it isn't known. */
    char *base_name;           /* pg_type.typname: "citext", "geometry" */
    uint32_t element_oid;      /* of an array: pg_type.typelem, which its binary form names */
    uint32_t element_type_oid; /* the same behind domains; of ranges the type of the bounds */
    int32_t element_modifier;
    bool array; /* of element_type_oid */
    /* A composite with a field, or an array of a type, whose input function rounds or cuts what isn't checked here. */
    bool cuts_in_silence;
};

enum encode_format { ENCODE_BINARY, ENCODE_TEXT };

struct encode_options {
    const size_t *key_columns; /* indexes of the columns that name a row in messages; may be empty */
    size_t key_count;
    /* Index in the schema of an extra integer column that is not copied: NULL where every projected value is exact, else
     * the 1-based number of the first column whose source value has digits that the projection dropped. -1: none. */
    int64_t inexact_column;
    enum encode_format format;
    bool remove_nul_bytes; /* from text, else they are errors */
    bool allow_rounding;   /* as PostgreSQL rounds, else it is an error */
};

/* What was changed on the way because the options say so. */
struct encode_changes {
    int64_t nul_rows, nul_values; /* rows and values that lost NUL bytes */
    int64_t rounded_rows, rounded_values;
};

/* What encloses the rows of a segment in binary; text has neither. */
enum {
    ENCODE_HEADER_BYTES = 19, /* 11 of signature, 4 of flags, 4 of the extension's length */
    ENCODE_TRAILER_BYTES = 2
};

/* A segment of rows, in binary with COPY's header and trailer. */
struct encode_segment {
    uint8_t *bytes; /* owned */
    size_t length;
    size_t capacity;
    int64_t rows;
    int64_t first_row; /* ordinal within the chunk of the segment's first row, from 1 */
    enum encode_format format;
};

struct encoder;

enum encode_support {
    PAIR_REFUSED, /* `reason` says why, for the plan, for `thaw check` and for docs/types.md */
    PAIR_TEXT,    /* in COPY's text format only */
    PAIR_BINARY   /* in both */
};
/* Can this pair be encoded, and how? */
enum encode_support encode_pair_support(const struct ArrowSchema *schema, const struct encode_target *target,
                                        char *reason, size_t reason_size);

/* An encoder for one stream. `schema` is the stream's struct schema, whose first `target_count` children go, in order, into
 * `targets` (borrowed until release, as is `options`' array). */
bool encoder_open(struct encoder **encoder, const struct ArrowSchema *schema, const struct encode_target *targets,
                  size_t target_count, const struct encode_options *options, struct error *error) THAW_CHECK;
void encoder_close(struct encoder **encoder);

/* Take the next batch (borrowed until it is used up). ERROR_INTERNAL where rows of the last one are left, or where the batch
 * contradicts its own schema: offsets that fall, buffers that are missing, columns that are shorter than the batch. */
bool encoder_set_batch(struct encoder *encoder, const struct ArrowArray *batch, struct error *error) THAW_CHECK;
/* Rows of the current batch that are not encoded yet. */
int64_t encoder_rows_left(const struct encoder *encoder);
/* Rows encoded since encoder_open. */
int64_t encoder_rows_done(const struct encoder *encoder);

/* A row that is left out. All are allocated; encode_refusal_release(). */
struct encode_refusal {
    int64_t row;  /* ordinal within the stream, from 1 */
    char *key;    /* as `values`, of the columns that name a row; "{}" without them */
    char *values; /* a JSON object: column to the value's text, or null; what JSON or UTF-8 lacks is replaced */
    char *column; /* which the row was refused for; NULL: unknown */
    char *reason;
    char code[16]; /* SQLSTATE; "" where it wasn't PostgreSQL that refused it */
};
void encode_refusal_release(struct encode_refusal *refusal);

/* After encode_rows() refused a row: describe it, with the reason that `error` has, and go on behind it. It counts as done
 * and as refused. */
void encoder_pass_row(struct encoder *encoder, const struct error *error, struct encode_refusal *refusal);
int64_t encoder_rows_refused(const struct encoder *encoder);

/* What the options have changed in those rows. */
struct encode_changes encoder_changes(const struct encoder *encoder);

/* Start an empty segment (its memory is kept), with COPY's header where it has one. */
void encode_segment_begin(struct encoder *encoder, struct encode_segment *segment);
/* Append rows of the current batch until the batch is used up or the segment holds at least `byte_limit` bytes. A row is
 * never split: a segment exceeds the limit by at most one row, and an empty one takes a row whatever the limit is.
 * False: ERROR_DATA that names column, value, row and key; the segment then holds the rows before that one, whole, and may be
 * ended and sent; encoder_rows_left() still counts the refused row. */
bool encode_rows(struct encoder *encoder, struct encode_segment *segment, size_t byte_limit,
                 struct error *error) THAW_CHECK;
/* Append COPY's trailer where it has one. */
void encode_segment_end(struct encode_segment *segment);
void encode_segment_release(struct encode_segment *segment);

/* "id = 17, day = 2026-01-31": the key (or, without key columns, the first columns) of row `row_index` (from 0) of a
 * finished segment, read back from its bytes. For errors that the server raises about a row. */
void encode_describe_row(const struct encoder *encoder, const struct encode_segment *segment, int64_t row_index,
                         struct buffer *text);
/* The same row as one that the server refused: `error` is the server's, `column` what it named or NULL. */
void encode_refuse_row(const struct encoder *encoder, const struct encode_segment *segment, int64_t row_index,
                       const struct error *error, const char *column, struct encode_refusal *refusal);
/* Where row `row_index` begins in segment->bytes; the end of the last one for segment->rows. Rows lie one behind the other. */
size_t encode_row_offset(const struct encoder *encoder, const struct encode_segment *segment, int64_t row_index);

#endif
