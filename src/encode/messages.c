/* Why a value was refused, for someone who wasn't there: column, type, value, row, key, and what to do. */
#include "encode/internal.h"

#include <string.h>

static const char *problem_text(enum encode_problem problem) {
    switch (problem) {
    case PROBLEM_RANGE:
        return "doesn't fit: it is outside the type's range";
    case PROBLEM_FRACTION:
        return "doesn't fit: it has digits after the decimal point";
    case PROBLEM_NOT_BOOL:
        return "is neither 0 nor 1";
    case PROBLEM_DIGITS_BEFORE_POINT:
        return "doesn't fit: too many digits before the decimal point";
    case PROBLEM_DIGITS_AFTER_POINT:
        return "doesn't fit: too many digits after the decimal point, and nothing is rounded";
    case PROBLEM_FLOAT_INEXACT:
        return "doesn't fit: as a floating-point number of this width it would be another number";
    case PROBLEM_NOT_A_NUMBER:
        return "doesn't fit: integers have neither NaN nor infinity";
    case PROBLEM_INFINITY_IN_NUMERIC:
        return "doesn't fit: numeric with a precision has no infinity";
    case PROBLEM_TOO_LONG:
        return "doesn't fit: too many characters";
    case PROBLEM_TOO_LARGE:
        return "is larger than PostgreSQL takes (1 GiB)";
    case PROBLEM_NUL_BYTE:
        return "holds a NUL byte (0x00), which PostgreSQL's text can't store";
    case PROBLEM_NOT_UUID:
        return "is no UUID";
    case PROBLEM_UUID_LENGTH:
        return "is no UUID: that has 16 bytes";
    case PROBLEM_SECOND_FRACTION:
        return "doesn't fit: more digits after the second than the column keeps, and nothing is rounded";
    case PROBLEM_TIME_OF_DAY:
        return "doesn't fit: it isn't midnight, and a date would drop the time of day";
    case PROBLEM_TIME_RANGE:
        return "is no time of day";
    case PROBLEM_DATE_RANGE:
        return "doesn't fit: PostgreSQL's calendar ends before it";
    case PROBLEM_UNCLEAR_INFINITY:
        return "is either infinity or the last nanosecond that 64 bits can count, and can't be told apart";
    case PROBLEM_INTERVAL_RANGE:
        return "doesn't fit: it is longer than an interval can be";
    case PROBLEM_INTERVAL_FIELDS:
        return "doesn't fit: it has smaller parts than the column keeps, and nothing is cut";
    case PROBLEM_NOT_ISO_DATE:
        return "is no date as ISO 8601 writes it, alone (2026-01-31): PostgreSQL would drop a time of day, or take a "
               "word "
               "for the day of the load";
    case PROBLEM_NOT_ISO_TIME:
        return "is no time as ISO 8601 writes it, alone (12:34:56.789): PostgreSQL would drop a date or a zone";
    case PROBLEM_NOT_ISO_TIMESTAMP:
        return "is no timestamp as ISO 8601 writes it (2026-01-31 12:34:56.789, with a zone only where the column has "
               "one): PostgreSQL would drop the zone, or take a word for the moment of the load";
    case PROBLEM_NOT_DECIMAL:
        return "is no plain decimal number, so that its digits can't be counted before PostgreSQL rounds them";
    case PROBLEM_FIELD_FRACTION:
        return "has a fraction of something longer than a second, which PostgreSQL would spread and round";
    case PROBLEM_LINE_OF_POINTS:
        return "isn't a line by its coefficients ({A,B,C}): from points PostgreSQL would compute and round them";
    case PROBLEM_NAME_TOO_LONG:
        return "doesn't fit: a name has 63 bytes at most, and nothing is cut";
    case PROBLEM_NOT_ONE_BYTE:
        return "doesn't fit: it isn't one byte, and nothing is cut";
    case PROBLEM_NOT_OID:
        return "is no whole number from 0 to 4294967295: PostgreSQL would take some others for one";
    case PROBLEM_NONE:
        break;
    }
    return "can't be written";
}

static bool source_digits(const struct encode_source *source, int *integer_digits, int *scale) {
    *scale = source->scale > 0 ? source->scale : 0;
    if (source_is_decimal(source->type))
        *integer_digits = source->precision > source->scale ? source->precision - source->scale : 1;
    else if (source_is_integer(source->type))
        *integer_digits = 20;
    return source_is_decimal(source->type) || source_is_integer(source->type);
}

static void numeric_hint(const struct encode_column *column, struct error *error) {
    const struct encode_numeric *numeric = &column->numeric;
    int integer_digits = 0;
    int scale = 0;
    if (!source_digits(&column->source, &integer_digits, &scale)) {
        error_hint(error, "make the column plain numeric, or leave such rows out with source_filter");
        return;
    }
    if (numeric->scale > scale)
        scale = numeric->scale;
    if (numeric->precision - numeric->scale > integer_digits)
        integer_digits = numeric->precision - numeric->scale;
    error_hint(error,
               "widen the column to numeric(%d,%d), which holds all of the source's values, %sor leave such rows out "
               "with source_filter",
               integer_digits + scale, scale,
               column->problem == PROBLEM_DIGITS_AFTER_POINT ? "set rounding to \"allow\", " : "");
}

static const char *integer_hint(uint32_t type_oid) {
    if (type_oid == PG_INT2)
        return "widen the column to integer, bigint or numeric, or leave such rows out with source_filter";
    if (type_oid == PG_INT4)
        return "widen the column to bigint or numeric, or leave such rows out with source_filter";
    return "widen the column to numeric, or leave such rows out with source_filter";
}

static void hint(const struct encode_column *column, int64_t row, struct error *error) {
    uint64_t length;
    switch (column->problem) {
    case PROBLEM_RANGE:
        error_hint(error, "%s", integer_hint(column->target->type_oid));
        break;
    case PROBLEM_DIGITS_BEFORE_POINT:
    case PROBLEM_DIGITS_AFTER_POINT:
        numeric_hint(column, error);
        break;
    case PROBLEM_FRACTION:
        error_hint(error,
                   "make the column numeric, set rounding to \"allow\", or leave such rows out with source_filter");
        break;
    case PROBLEM_INFINITY_IN_NUMERIC:
        error_hint(error,
                   "make the column plain numeric or double precision, or leave such rows out with source_filter");
        break;
    case PROBLEM_FLOAT_INEXACT:
        error_hint(error, "%sset rounding to \"allow\", or leave such rows out with source_filter",
                   column->target->type_oid == PG_FLOAT4   ? "make the column double precision or numeric, "
                   : column->target->type_oid == PG_FLOAT8 ? "make the column numeric, "
                                                           : "");
        break;
    case PROBLEM_NOT_A_NUMBER:
        error_hint(error, "make the column double precision or numeric, or leave such rows out with source_filter");
        break;
    case PROBLEM_TOO_LONG:
        if (source_is_text(column->source.type)) {
            const uint8_t *bytes = value_bytes(column, row, &length);
            error_hint(
                error,
                "the value has %lld characters (trailing spaces count: nothing is cut), the column takes %lld; widen "
                "it to text, or leave such rows out with source_filter",
                (long long)count_characters(bytes, length), (long long)column->maximum_characters);
            break;
        }
        error_hint(error,
                   "the column takes %lld characters; widen it to text, or leave such rows out with source_filter",
                   (long long)column->maximum_characters);
        break;
    case PROBLEM_NUL_BYTE:
        error_hint(error,
                   "set nul_bytes to \"remove\", make the column bytea and cast in a view of the source, or leave such "
                   "rows out with source_filter");
        break;
    case PROBLEM_SECOND_FRACTION:
        error_hint(
            error, "%s",
            column->fraction_unit > 1
                ? "widen the column to six fractional digits, set rounding to \"allow\", or leave such rows out "
                  "with source_filter"
                : "PostgreSQL keeps microseconds: make the column text, set rounding to \"allow\", or leave such "
                  "rows out with source_filter");
        break;
    case PROBLEM_TIME_OF_DAY:
        error_hint(error, "make the column timestamp, or leave such rows out with source_filter");
        break;
    case PROBLEM_UNCLEAR_INFINITY:
        error_hint(error, "cast the column to microseconds in a view of the source, which tells the two apart");
        break;
    default:
        error_hint(error, "make the column text or bytea, correct the value in the source, or leave such rows out with "
                          "source_filter");
        break;
    }
}

/* "row 17 with key id = 5" */
static void append_row(struct buffer *text, const struct encoder *encoder, int64_t row) {
    buffer_appendf(text, "row %lld", (long long)encoder->rows_done + 1);
    for (size_t i = 0; i < encoder->options.key_count; i++) {
        const struct encode_column *key = &encoder->columns[encoder->options.key_columns[i]];
        buffer_appendf(text, "%s%s = ", i == 0 ? " with key " : ", ", key->target->name);
        format_value(text, key, row);
    }
}

bool encode_explain(const struct encoder *encoder, const struct encode_column *column, int64_t row,
                    struct error *error) {
    struct buffer text = {0};
    buffer_appendf(&text, "column \"%s\" (%s): value ", column->target->name, column->target->type_name);
    format_value(&text, column, row);
    buffer_appendf(&text, " %s; ", problem_text(column->problem));
    append_row(&text, encoder, row);
    error_set(error, ERROR_DATA, "%s", buffer_string(&text));
    hint(column, row, error);
    buffer_release(&text);
    return false;
}

bool encode_explain_inexact(const struct encoder *encoder, int64_t row, struct error *error) {
    struct buffer text = {0};
    int128 number = source_integer(&encoder->inexact, row);
    const struct encode_column *column = NULL;
    if (number >= 1 && number <= (int128)encoder->column_count)
        column = &encoder->columns[(size_t)number - 1];
    if (column != NULL) {
        buffer_appendf(&text, "column \"%s\" (%s): value ", column->target->name, column->target->type_name);
        format_value(&text, column, row);
    } else {
        buffer_append(&text, "a value");
    }
    buffer_append(&text, " has further digits in the source, beyond the microseconds that can be kept, and nothing is "
                         "rounded; ");
    append_row(&text, encoder, row);
    error_set(error, ERROR_DATA, "%s", buffer_string(&text));
    buffer_release(&text);
    return error_hint(
        error, "set rounding to \"allow\", round the column in a view of the source, or leave such rows out with "
               "source_filter");
}

bool encode_explain_row_size(const struct encoder *encoder, int64_t row, uint64_t size, struct error *error) {
    const struct encode_column *widest = &encoder->columns[0];
    uint64_t widest_length = 0;
    for (size_t i = 0; i < encoder->column_count; i++) {
        const struct encode_column *column = &encoder->columns[i];
        uint64_t length = 0;
        if (column->layout == LAYOUT_OFFSETS_32 || column->layout == LAYOUT_OFFSETS_64)
            value_bytes(column, row, &length);
        if (length > widest_length) {
            widest = column;
            widest_length = length;
        }
    }
    struct buffer text = {0};
    buffer_appendf(&text,
                   "column \"%s\" (%s): its value of %llu bytes makes a row of %llu, more than PostgreSQL takes "
                   "(1 GiB); ",
                   widest->target->name, widest->target->type_name, (unsigned long long)widest_length,
                   (unsigned long long)size);
    append_row(&text, encoder, row);
    error_set(error, ERROR_DATA, "%s", buffer_string(&text));
    buffer_release(&text);
    return error_hint(error, "leave such rows out with source_filter");
}
