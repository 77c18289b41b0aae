/* What the files of this folder share. Nobody else includes it. */
#ifndef THAW_ENCODE_INTERNAL_H
#define THAW_ENCODE_INTERNAL_H

#include "encode/encode.h"
#include "encode/pg_types.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

/* Why a value can't be written; messages.c has the sentences. */
enum encode_problem {
    PROBLEM_NONE,
    PROBLEM_RANGE,               /* outside the integer type */
    PROBLEM_FRACTION,            /* a fractional part for an integer type */
    PROBLEM_NOT_BOOL,            /* neither 0 nor 1 */
    PROBLEM_DIGITS_BEFORE_POINT, /* numeric(p,s) */
    PROBLEM_DIGITS_AFTER_POINT,
    PROBLEM_FLOAT_INEXACT, /* would come back as another number */
    PROBLEM_NOT_A_NUMBER,  /* NaN or infinity where the type has none */
    PROBLEM_INFINITY_IN_NUMERIC,
    PROBLEM_TOO_LONG, /* characters: varchar(n), char(n) */
    PROBLEM_TOO_LARGE,
    PROBLEM_NUL_BYTE,
    PROBLEM_NOT_UUID,
    PROBLEM_UUID_LENGTH,
    PROBLEM_SECOND_FRACTION, /* digits of a second that the column drops */
    PROBLEM_TIME_OF_DAY,     /* a timestamp that isn't midnight, for a date */
    PROBLEM_TIME_RANGE,
    PROBLEM_DATE_RANGE,
    PROBLEM_UNCLEAR_INFINITY
};

/* An Arrow type, taken apart. */
struct encode_source {
    enum ArrowType type;
    enum ArrowTimeUnit unit; /* of times and timestamps */
    bool instant;            /* a timestamp with a zone: counted in UTC */
    int precision;           /* of decimals */
    int scale;
    int byte_width; /* of fixed-size binary */
};

/* numeric(p,s), and what follows from it for a source of one scale. */
struct encode_numeric {
    bool constrained;
    int precision; /* of the target, where constrained */
    int scale;
    int source_scale;
    int source_groups;       /* base-10000 digits behind the point that the source's scale takes; may be negative */
    uint32_t source_padding; /* 1, 10, 100 or 1000: fills the last of them */
    int display_scale;
    uint128 limit;   /* magnitudes must be below it; 0: no limit */
    uint128 divisor; /* magnitudes must be multiples of it; 1: always are */
};

struct encode_column;

/* Write one value that is not NULL, with its length word, at `out`. Returns the end, or NULL with column->problem set. */
typedef uint8_t *(*encode_write)(struct encode_column *column, int64_t row, uint8_t *out);

/* How a column's values lie in Arrow's buffers. */
enum encode_layout { LAYOUT_FIXED, LAYOUT_BITS, LAYOUT_OFFSETS_32, LAYOUT_OFFSETS_64 };

struct encode_column {
    /* Of the current batch, so that row 0 is the batch's first. */
    encode_write write;
    const uint8_t *validity; /* NULL: no NULLs */
    int64_t bit_offset;      /* of the validity bits */
    const uint8_t *values;   /* LAYOUT_OFFSETS_*: the bytes that the offsets count in */
    const void *offsets;
    int64_t value_bit_offset; /* LAYOUT_BITS */
    bool search_nul;          /* the batch's bytes hold a 0x00 somewhere: look for it in every value */

    enum encode_problem problem;

    /* Of the stream. */
    int64_t fraction_unit;      /* microseconds: values must be multiples of it; 1: always are */
    int64_t maximum_characters; /* -1: no limit */
    struct encode_numeric numeric;
    enum encode_layout layout;
    int value_width;     /* LAYOUT_FIXED: bytes */
    size_t maximum_size; /* of a field with its length word, without the bytes that offsets count */
    struct encode_source source;
    const struct encode_target *target;
};

struct encoder {
    struct encode_column *columns;
    size_t column_count;
    size_t row_size; /* a row's maximum, without the bytes that offsets count */
    struct encode_options options;
    struct encode_column inexact; /* used where options.inexact_column >= 0 */

    const struct ArrowArray *batch; /* borrowed */
    bool batch_has_nulls;
    int64_t row; /* the next one */
    int64_t row_count;
    int64_t next_inexact; /* row of the batch, or INT64_MAX */
    int64_t rows_done;
};

enum {
    COPY_HEADER_SIZE = 19, /* 11 bytes of signature, 4 of flags, 4 of the extension's length */
    COPY_TRAILER_SIZE = 2,
    FORMAT_SIZE = 128 /* holds any scalar in its text form */
};

/* PostgreSQL allocates a value whole, and no more than MaxAllocSize (1 GiB - 1, src/include/utils/memutils.h), with
 * four bytes in front; the same limit holds for a row before its values are toasted. */
#define PG_MAXIMUM_ALLOCATION ((uint64_t)0x3fffffff)
#define PG_MAXIMUM_VALUE (PG_MAXIMUM_ALLOCATION - 4)

/* PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01. */
#define PG_EPOCH_DAYS 10957
#define PG_EPOCH_US (PG_EPOCH_DAYS * US_PER_DAY)
#define US_PER_DAY INT64_C(86400000000)
/* src/include/datatype/timestamp.h: 4714-11-24 BC (included) to 5874898-06-03 and 294277-01-01 (excluded). */
#define PG_MINIMUM_DATE INT64_C(-2451545)
#define PG_END_DATE INT64_C(2145031949)
#define PG_MINIMUM_TIMESTAMP INT64_C(-211813488000000000)
#define PG_END_TIMESTAMP INT64_C(9223371331200000000)

static inline void store_16(uint8_t *out, uint16_t value) {
    value = __builtin_bswap16(value);
    __builtin_memcpy(out, &value, sizeof value);
}

static inline void store_32(uint8_t *out, uint32_t value) {
    value = __builtin_bswap32(value);
    __builtin_memcpy(out, &value, sizeof value);
}

static inline void store_64(uint8_t *out, uint64_t value) {
    value = __builtin_bswap64(value);
    __builtin_memcpy(out, &value, sizeof value);
}

static inline uint16_t load_16(const uint8_t *in) {
    uint16_t value;
    __builtin_memcpy(&value, in, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t load_32(const uint8_t *in) {
    uint32_t value;
    __builtin_memcpy(&value, in, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t load_64(const uint8_t *in) {
    uint64_t value;
    __builtin_memcpy(&value, in, sizeof value);
    return __builtin_bswap64(value);
}

static inline bool bit_is_set(const uint8_t *bits, int64_t index) {
    return (bits[index >> 3] >> (index & 7)) & 1;
}

static inline bool column_is_null(const struct encode_column *column, int64_t row) {
    return column->validity != NULL && !bit_is_set(column->validity, column->bit_offset + row);
}

static inline uint8_t *fail(struct encode_column *column, enum encode_problem problem) {
    column->problem = problem;
    return NULL;
}

static inline uint128 magnitude_of(int128 value) {
    return value < 0 ? -(uint128)value : (uint128)value;
}

static inline int64_t floor_divide(int64_t value, int64_t divisor) {
    return value / divisor - (value % divisor < 0);
}

/* The bytes of a value under LAYOUT_OFFSETS_* or of fixed-size binary. */
static inline const uint8_t *value_bytes(const struct encode_column *column, int64_t row, uint64_t *length) {
    if (column->layout == LAYOUT_OFFSETS_32) {
        const int32_t *offsets = (const int32_t *)column->offsets + row;
        *length = (uint64_t)(offsets[1] - offsets[0]);
        return column->values + offsets[0];
    }
    if (column->layout == LAYOUT_OFFSETS_64) {
        const int64_t *offsets = (const int64_t *)column->offsets + row;
        *length = (uint64_t)(offsets[1] - offsets[0]);
        return column->values + offsets[0];
    }
    *length = (uint64_t)column->source.byte_width;
    return column->values + row * column->source.byte_width;
}

/* source.c: what a column holds. False: `reason` says why it can't be read. */
bool encode_source_parse(const struct ArrowSchema *schema, struct encode_source *source, char *reason,
                         size_t reason_size);
bool source_is_integer(enum ArrowType type);
bool source_is_decimal(enum ArrowType type);
bool source_is_float(enum ArrowType type);
bool source_is_text(enum ArrowType type);
bool source_is_binary(enum ArrowType type);
bool source_is_time(enum ArrowType type);
/* The value of an integer, decimal or bool column; of a float column. */
int128 source_integer(const struct encode_column *column, int64_t row);
double source_float(const struct encode_column *column, int64_t row);

/* pairs.c: the function for a pair; NULL: `reason` says why there is none. */
encode_write encode_pair_resolve(const struct encode_source *source, const struct encode_target *target, char *reason,
                                 size_t reason_size);
/* Fill the stream's part of a column whose source and target are set. */
void encode_column_prepare(struct encode_column *column);

/* One function a family of targets: NULL where the pair isn't theirs. */
encode_write number_writer(const struct encode_source *source, uint32_t type_oid);
encode_write numeric_writer(const struct encode_source *source);
void numeric_prepare(struct encode_numeric *numeric, int source_scale, int32_t type_modifier);
encode_write temporal_writer(const struct encode_source *source, uint32_t type_oid);
encode_write text_writer(const struct encode_source *source, uint32_t type_oid);
encode_write scalar_text_writer(const struct encode_source *source);

/* temporal.c: raw values that stand for infinity; a time of day in nanoseconds; units in a day or a second. */
bool temporal_is_infinity(const struct encode_source *source, int64_t raw, bool *negative);
bool temporal_infinity_is_unclear(const struct encode_source *source, int64_t raw);
int64_t temporal_raw(const struct encode_column *column, int64_t row);
int64_t units_in_second(enum ArrowTimeUnit unit);

/* text.c: a text value that needs no look for NUL bytes. */
uint8_t *put_text(struct encode_column *column, const uint8_t *bytes, uint64_t length, uint8_t *out);
int64_t count_characters(const uint8_t *bytes, uint64_t length);

/* decimal.c: powers up to 10^38, and the float nearest to mantissa * 10^-scale where it stands for that decimal alone. */
uint128 power_of_ten(int exponent);
int count_digits(uint128 magnitude);
bool decimal_to_double(int128 value, int scale, double *result);
bool decimal_to_float(int128 value, int scale, float *result);

/* The digits that give a float back: `digits` * 10^-scale, digits without trailing zeros. Finite values only. */
struct float_digits {
    uint64_t digits;
    int count; /* of digits; 1 for zero */
    int scale;
    bool negative;
};
struct float_digits float_digits_of(double value, bool single);

/* format.c: text forms, as PostgreSQL prints them under ISO dates and UTC. Each needs FORMAT_SIZE bytes, appends no NUL
 * and returns the length. */
size_t format_decimal(char *text, int128 value, int scale);
size_t format_float(char *text, double value, bool single);
size_t format_date(char *text, int64_t days);        /* since 1970 */
size_t format_time(char *text, int64_t nanoseconds); /* of a day */
size_t format_timestamp(char *text, int64_t days, int64_t nanoseconds, bool instant);
/* Any scalar of a batch. */
size_t format_scalar(char *text, const struct encode_column *column, int64_t row);
/* A value of a text or binary column, or any scalar, cut to a readable length, for messages. */
void format_value(struct buffer *text, const struct encode_column *column, int64_t row);
/* Bytes of a text for messages: in quotes, cut, control characters and broken UTF-8 made visible. */
void format_quoted(struct buffer *text, const uint8_t *bytes, uint64_t length);
void format_hex(struct buffer *text, const uint8_t *bytes, uint64_t length);

/* messages.c: fill the error for column->problem at a row of the batch; returns false. */
bool encode_explain(const struct encoder *encoder, const struct encode_column *column, int64_t row,
                    struct error *error);
bool encode_explain_inexact(const struct encoder *encoder, int64_t row, struct error *error);
bool encode_explain_row_size(const struct encoder *encoder, int64_t row, uint64_t size, struct error *error);

#endif
