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
    PROBLEM_UNCLEAR_INFINITY,
    PROBLEM_INTERVAL_RANGE,
    PROBLEM_INTERVAL_FIELDS, /* interval year to month, and the like: it has smaller parts */
    PROBLEM_NOT_ISO_DATE,    /* text whose input function would drop a part, or take a word for a moment */
    PROBLEM_NOT_ISO_TIME,
    PROBLEM_NOT_ISO_TIMESTAMP,
    PROBLEM_NOT_DECIMAL,    /* text that isn't a plain decimal number where digits must be counted */
    PROBLEM_FIELD_FRACTION, /* an interval's text with a fraction of something longer than a second */
    PROBLEM_LINE_OF_POINTS, /* a line's text by two points, from which its coefficients would be computed */
    PROBLEM_NAME_TOO_LONG,
    PROBLEM_NOT_ONE_BYTE,
    PROBLEM_NOT_OID
};

/* An Arrow type, taken apart. */
struct encode_source {
    enum ArrowType type;
    enum ArrowTimeUnit unit; /* of times and timestamps */
    bool instant;            /* a timestamp with a zone: counted in UTC */
    int precision;           /* of decimals */
    int scale;
    int byte_width; /* of fixed-size binary */
    bool json;      /* text that is JSON: arrow.json, and nested values once they are rendered */
    bool nested;    /* a list, struct or map, rendered as JSON */
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
struct encode_flat;

/* Values that the options let change, and the rows that they are in. */
struct encode_tally {
    int64_t rows, values;
    int64_t last_row; /* of the batch; -1: none */
    int64_t last_row_values;
};
struct encode_tallies {
    struct encode_tally nul_bytes, rounding;
};

/* Write one value that is not NULL, with its length word, at `out`. Returns the end, or NULL with column->problem set. */
typedef uint8_t *(*encode_write)(struct encode_column *column, int64_t row, uint8_t *out);
/* Does the target type's input function take this text as it is, or refuse it? False where it would round or cut it in
 * silence, with column->problem set. */
typedef bool (*encode_judge)(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length);

/* How a column's values lie in Arrow's buffers. */
enum encode_layout { LAYOUT_FIXED, LAYOUT_BITS, LAYOUT_OFFSETS_32, LAYOUT_OFFSETS_64, LAYOUT_VIEWS };

struct encode_column {
    /* Of the current batch, so that row 0 is the batch's first. */
    encode_write write;
    const uint8_t *validity; /* NULL: no NULLs */
    int64_t bit_offset;      /* of the validity bits */
    const uint8_t *values;   /* LAYOUT_OFFSETS_*: the bytes that the offsets count in */
    const void *offsets;
    const uint8_t *const *view_buffers; /* LAYOUT_VIEWS: where the longer values are */
    int64_t value_bit_offset;           /* LAYOUT_BITS */
    bool search_nul;                    /* the batch's bytes hold a 0x00 somewhere: look for it in every value */

    enum encode_problem problem;

    /* Of the stream. */
    int64_t fraction_unit;      /* microseconds: values must be multiples of it; 1: always are */
    int64_t maximum_characters; /* -1: no limit */
    struct encode_numeric numeric;
    enum encode_layout layout;
    int value_width;     /* LAYOUT_FIXED: bytes */
    size_t maximum_size; /* of a field with its length word, without the bytes that offsets count */
    bool may_round;
    bool may_remove_nul;
    struct encode_tallies *tallies;
    encode_judge judge;       /* where `write` is NULL: text format only; NULL: nothing to look out for */
    struct encode_flat *flat; /* owned; what nested and dictionary-encoded values become; NULL for all others */
    struct encode_source source;
    const struct encode_target *target;
};

struct encoder {
    struct encode_column *columns;
    size_t column_count;
    size_t row_size; /* a row's maximum, without the bytes that offsets count */
    struct encode_options options;
    struct encode_column inexact; /* used where options.inexact_column >= 0 */
    bool has_flat;
    struct encode_tallies tallies;
    struct buffer scratch; /* text format: a field in binary, and in text */
    struct buffer text;

    const struct ArrowArray *batch; /* borrowed */
    bool batch_has_nulls;
    int64_t row; /* the next one */
    int64_t row_count;
    int64_t flat_end;     /* nested and dictionary-encoded values are ready up to this row */
    int64_t next_inexact; /* row of the batch, or INT64_MAX */
    int64_t rows_done;
    int64_t rows_refused;
    const struct encode_column *refused; /* why encode_rows() stopped; NULL: no single column */
};

enum {
    FORMAT_SIZE = 192 /* holds any scalar in its text form */
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

/* A value changes because the options allow it. */
static inline void tally_add(struct encode_tally *tally, int64_t row, int64_t values) {
    if (tally->last_row != row) {
        tally->rows++;
        tally->last_row = row;
        tally->last_row_values = 0;
    }
    tally->values += values;
    tally->last_row_values += values;
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
    if (column->layout == LAYOUT_VIEWS) {
        union ArrowBinaryView view;
        __builtin_memcpy(&view, column->values + row * (int64_t)sizeof view, sizeof view);
        *length = (uint64_t)view.inlined.size;
        if (view.inlined.size <= NANOARROW_BINARY_VIEW_INLINE_SIZE)
            return column->values + row * (int64_t)sizeof view + sizeof view.inlined.size;
        return column->view_buffers[view.ref.buffer_index] + view.ref.offset;
    }
    *length = (uint64_t)column->source.byte_width;
    return column->values + row * column->source.byte_width;
}

/* May the value be rounded? Says so in the tally. */
static inline bool may_round(struct encode_column *column, int64_t row, enum encode_problem problem) {
    column->problem = problem;
    if (!column->may_round)
        return false;
    tally_add(&column->tallies->rounding, row, 1);
    return true;
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
bool source_is_interval(enum ArrowType type);
bool source_is_nested(enum ArrowType type);
/* The value of an integer, decimal or bool column; of a float column. */
int128 source_integer(const struct encode_column *column, int64_t row);
double source_float(const struct encode_column *column, int64_t row);
/* Where values lie and how wide they are. */
void source_prepare(struct encode_column *column);

/* pairs.c: how a column goes into its target, and what it needs for that. Sets write, judge and flat; PAIR_REFUSED: `reason`
 * says why. */
enum encode_support encode_pair_open(struct encode_column *column, const struct ArrowSchema *schema, char *reason,
                                     size_t reason_size);
/* The same for a column whose source is known and isn't nested. */
enum encode_support encode_pair_resolve(struct encode_column *column, char *reason, size_t reason_size);
/* Fill the stream's part of a column whose source and target are set. */
void encode_column_prepare(struct encode_column *column);
bool target_is_text(const struct encode_target *target); /* text, varchar, char */
/* Is there a binary form of it here, of an array's elements? */
bool target_takes_binary(const struct encode_target *target);

/* batch.c: a column's part of a batch. `column` is at `offset` of the array. */
bool column_set(struct encode_column *column, const struct ArrowArray *array, int64_t offset, int64_t length,
                struct error *error);
bool column_broken(struct error *error, const struct encode_column *column, const char *what);
/* The first row from `from` on in which the column isn't NULL, or INT64_MAX. */
int64_t next_inexact(const struct encode_column *column, int64_t from, int64_t length);
bool offsets_rise(const void *offsets, bool wide, int64_t length);

/* One function a family of targets: NULL where the pair isn't theirs. */
encode_write number_writer(const struct encode_source *source, uint32_t type_oid);
encode_write numeric_writer(const struct encode_source *source);
void numeric_prepare(struct encode_numeric *numeric, int source_scale, int32_t type_modifier);
encode_write temporal_writer(const struct encode_source *source, uint32_t type_oid);
encode_write interval_writer(const struct encode_source *source);
encode_write text_writer(const struct encode_source *source, uint32_t type_oid);
/* Some raw values of timestamps, times and durations stand for none. */
enum encode_problem scalar_text_problem(const struct encode_column *column, int64_t row);
encode_write scalar_text_writer(const struct encode_source *source);
/* numeric.c: a decimal of the column's source scale. */
uint8_t *put_numeric_decimal(struct encode_column *column, int64_t row, int128 value, uint8_t *out);
/* A number that is given by its digits, the last `scale` of them behind the point. */
uint8_t *put_numeric_digits(struct encode_column *column, int64_t row, const char *digits, int count, int scale,
                            bool negative, uint8_t *out);

/* temporal.c: raw values that stand for infinity; a time of day in nanoseconds; units in a day or a second. */
bool temporal_is_infinity(const struct encode_source *source, int64_t raw, bool *negative);
bool temporal_infinity_is_unclear(const struct encode_source *source, int64_t raw);
int64_t temporal_raw(const struct encode_column *column, int64_t row);
int64_t units_in_second(enum ArrowTimeUnit unit);

/* interval.c */
struct interval {
    int32_t months, days;
    int64_t nanoseconds;
};
/* False: beyond 64 bits of nanoseconds, which PostgreSQL may still hold. */
bool source_interval(const struct encode_column *column, int64_t row, struct interval *interval);
/* May text go into an interval with this modifier? Not where it has fewer fields. */
bool interval_has_all_fields(int32_t type_modifier);
int interval_precision(int32_t type_modifier);
/* As PostgreSQL prints it under IntervalStyle postgres; FORMAT_SIZE bytes. */
size_t format_interval(char *text, int32_t months, int32_t days, int64_t microseconds, int nanoseconds);

/* wide.c: decimal256. */
struct wide_decimal {
    char digits[80]; /* without zeros in front; "0" */
    int count;
    bool negative;
};
void wide_decimal_read(const struct encode_column *column, int64_t row, struct wide_decimal *decimal);
encode_write wide_decimal_writer(uint32_t type_oid);
/* Do 128 bits hold the mantissa, as most values need no more? */
bool wide_decimal_fits(const struct encode_column *column, int64_t row, int128 *value);
/* The value as mantissa and scale, if 128 bits hold it without the zeros at its end. */
bool wide_decimal_narrow(const struct encode_column *column, int64_t row, int128 *value, int *scale);

/* text.c: a text value that needs no look for NUL bytes. */
uint8_t *put_text(struct encode_column *column, const uint8_t *bytes, uint64_t length, uint8_t *out);
int64_t count_characters(const uint8_t *bytes, uint64_t length);

/* judge.c: the look at text before PostgreSQL's input function has its say. NULL: that function is exact. */
encode_judge text_judge(const struct encode_target *target);
/* False: the input function would round or cut some value, and there is no telling which. */
bool text_can_be_judged(const struct encode_target *target);

/* decimal.c: powers up to 10^38, and the float nearest to mantissa * 10^-scale where it stands for that decimal alone;
 * where it doesn't, *result is the nearest all the same, infinite beyond the type's range. */
uint128 power_of_ten(int exponent);
int count_digits(uint128 magnitude);
bool decimal_to_double(int128 value, int scale, double *result);
bool decimal_to_float(int128 value, int scale, float *result);
/* The same of digits with an exponent: "123", -2 is 1.23. */
bool digits_to_binary(const char *digits, int count, int exponent, bool single, double *result);

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
size_t format_digits(char *text, const char *digits, size_t count, int scale, bool negative);
size_t format_decimal(char *text, int128 value, int scale);
size_t format_float(char *text, double value, bool single);
size_t format_date(char *text, int64_t days);        /* since 1970 */
size_t format_time(char *text, int64_t nanoseconds); /* of a day */
size_t format_timestamp(char *text, int64_t days, int64_t nanoseconds, bool instant);
/* The length of the UTF-8 sequence at `bytes`, or 0 where it is none. */
size_t utf8_length(const uint8_t *bytes, uint64_t left);
/* Any scalar of a batch. */
size_t format_scalar(char *text, const struct encode_column *column, int64_t row);
/* A value of a text or binary column, or any scalar, cut to a readable length, for messages. */
void format_value(struct buffer *text, const struct encode_column *column, int64_t row);
/* Bytes of a text for messages: in quotes, cut, control characters and broken UTF-8 made visible. */
void format_quoted(struct buffer *text, const uint8_t *bytes, uint64_t length);
void format_hex(struct buffer *text, const uint8_t *bytes, uint64_t length);
/* All of the bytes as hexadecimal digits. */
void append_hex_digits(struct buffer *text, const uint8_t *bytes, uint64_t length);
/* A buffer's room for `size` more bytes. */
char *buffer_room(struct buffer *buffer, size_t size);

/* field.c: a field in its binary form (without the length word) as the text that PostgreSQL's input function reads back as
 * the same value. */
void field_append_text(struct buffer *text, const struct encode_target *target, const uint8_t *value, uint32_t length);

/* copy_text.c: rows in COPY's text format. The text of a value that has no binary writer, for the input function of its
 * type. False: column->problem is set. */
bool text_append_value(struct encode_column *column, int64_t row, struct buffer *text);
int64_t encode_text_block(struct encoder *encoder, struct encode_segment *segment, size_t limit, int64_t row,
                          int64_t end, struct encode_column **failed);
/* The row's fields in text: `at` is moved behind the next one, which is appended to `field` unescaped. False: NULL. */
bool copy_text_field(const uint8_t **at, const uint8_t *end, struct buffer *field);

/* node.c: the tree of a nested or dictionary-encoded column. */
enum node_kind { NODE_LEAF, NODE_LIST, NODE_STRUCT, NODE_MAP, NODE_DICTIONARY, NODE_NULL };
struct encode_node {
    enum node_kind kind;
    /* How a leaf's values are read; of the other kinds validity, and where offsets, sizes and indexes lie. */
    struct encode_column column;
    const void *sizes;  /* of list views */
    bool wide;          /* 64-bit offsets */
    bool views;         /* offsets and sizes */
    int64_t fixed_size; /* of fixed-size lists, else -1 */
    int64_t offset;     /* of fixed-size lists: where the first row lies */
    char *member;       /* of a struct: "name": as JSON; owned */
    struct encode_node *children;
    size_t child_count;
};
bool node_open(struct encode_node *node, const struct ArrowSchema *schema, const struct encode_target *target,
               char *reason, size_t reason_size);
void node_close(struct encode_node *node);
bool node_set(struct encode_node *node, const struct ArrowArray *array, int64_t offset, int64_t length,
              struct error *error);
bool node_is_null(const struct encode_node *node, int64_t row);
/* Follow dictionaries: the node that holds the value and its row there; NULL where the value is NULL. */
const struct encode_node *node_resolve(const struct encode_node *node, int64_t *row);
void node_range(const struct encode_node *node, int64_t row, int64_t *begin, int64_t *end);

/* json.c: a value of any node as JSON. Returns why a value within has no text, though something was written for it. */
enum encode_problem json_append(struct buffer *text, const struct encode_node *node, int64_t row);

/* array.c: a list as PostgreSQL's array, in binary or in text. */
enum encode_support array_open(struct encode_column *column, char *reason, size_t reason_size);
void array_fill(struct encode_column *column, int64_t row);
/* The binary form of an array as text. */
void array_append_text(struct buffer *text, const struct encode_target *target, const uint8_t *value, uint32_t length);

/* flat.c: values that lie scattered are gathered for some rows at a time, as simple columns have them. */
enum flat_kind { FLAT_JSON, FLAT_ARRAY, FLAT_FIXED, FLAT_BITS, FLAT_BYTES, FLAT_NULL };
struct flat_note { /* of a row of an array or of JSON */
    enum encode_problem problem;
    int64_t nul_values, rounded_values;
};
struct encode_flat {
    enum flat_kind kind;
    struct encode_node node;
    struct buffer bytes;    /* of the rows that are ready */
    struct buffer validity; /* of the batch, where the node's own doesn't do */
    struct buffer offsets;  /* of the batch: int64_t */
    struct buffer notes;    /* of the batch: struct flat_note; arrays and JSON */
    encode_write write;     /* of JSON, once its note is looked at */
    struct encode_target element_target;
    struct encode_column *element; /* the leaf that an array's elements are read from */
    struct encode_tallies element_tallies;
    bool element_text; /* elements have no binary form: the array is text */
    struct buffer element_bytes;
};
bool flat_is_needed(const struct ArrowSchema *schema);
enum encode_support flat_open(struct encode_column *column, const struct ArrowSchema *schema, char *reason,
                              size_t reason_size);
void flat_close(struct encode_column *column);
bool flat_set(struct encode_column *column, const struct ArrowArray *array, int64_t offset, int64_t length,
              struct error *error);
void flat_fill(struct encode_column *column, int64_t begin, int64_t end);

/* messages.c: fill the error for column->problem at a row of the batch; returns false. */
bool encode_explain(const struct encoder *encoder, const struct encode_column *column, int64_t row,
                    struct error *error);
bool encode_explain_inexact(const struct encoder *encoder, int64_t row, struct error *error);
bool encode_explain_row_size(const struct encoder *encoder, int64_t row, uint64_t size, struct error *error);

/* refuse.c: a row that is left out, column by column, in their order; `text` NULL for NULL. */
struct refusal_texts {
    struct buffer key, values;
};
void refusal_add(struct refusal_texts *texts, const struct encoder *encoder, size_t index, const struct buffer *text);
void refusal_finish(struct refusal_texts *texts, const struct error *error, const char *column, int64_t row,
                    struct encode_refusal *refusal);
/* The batch's next row, which encode_rows() has refused. */
void refuse_batch_row(const struct encoder *encoder, const struct error *error, struct encode_refusal *refusal);

#endif
