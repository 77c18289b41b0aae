/* Text forms: what a scalar is in a text column, and how values look in messages. */
#include "encode/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { SHOWN_BYTES = 200 /* of a value, in a message */ };

static size_t put_string(char *text, const char *string) {
    size_t length = strlen(string);
    memcpy(text, string, length);
    return length;
}

static const char digit_pairs[] = "000102030405060708091011121314151617181920212223242526272829303132333435363738394041"
                                  "42434445464748495051525354555657585960"
                                  "616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* `width` digits, zeros in front: two a division. */
static inline void put_padded(char *text, uint64_t value, int width) {
    for (; width >= 2; width -= 2, value /= 100)
        memcpy(text + width - 2, digit_pairs + 2 * (value % 100), 2);
    if (width == 1)
        text[0] = (char)('0' + value % 10);
}

static int digits_of(uint64_t value) {
    int count = 1;
    for (; value >= 10000; value /= 10000)
        count += 4;
    return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

static size_t put_digits(char *text, uint128 magnitude) {
    const uint64_t piece = 10000000000000000000U; /* 10^19 */
    if (magnitude < piece) {
        int count = digits_of((uint64_t)magnitude);
        put_padded(text, (uint64_t)magnitude, count);
        return (size_t)count;
    }
    uint128 above = magnitude / piece;
    size_t length = put_digits(text, above);
    put_padded(text + length, (uint64_t)(magnitude - above * piece), 19);
    return length + 19;
}

/* `count` digits with `scale` of them behind the point; zeros fill either side. */
static size_t place_point(char *text, const char *digits, size_t count, int scale) {
    size_t length = 0;
    if (scale <= 0) {
        memcpy(text, digits, count);
        length = count;
        for (; scale < 0 && !(count == 1 && digits[0] == '0'); scale++)
            text[length++] = '0';
        return length;
    }
    size_t behind = (size_t)scale;
    if (count > behind) {
        memcpy(text, digits, count - behind);
        length = count - behind;
    } else {
        text[length++] = '0';
    }
    text[length++] = '.';
    for (size_t i = count; i < behind; i++)
        text[length++] = '0';
    size_t rest = count < behind ? count : behind;
    memcpy(text + length, digits + count - rest, rest);
    return length + rest;
}

size_t format_digits(char *text, const char *digits, size_t count, int scale, bool negative) {
    if (negative)
        *text = '-';
    return place_point(text + negative, digits, count, scale) + negative;
}

size_t format_decimal(char *text, int128 value, int scale) {
    char digits[40];
    if (value < 0)
        *text = '-';
    if (scale == 0)
        return put_digits(text + (value < 0), magnitude_of(value)) + (value < 0);
    return format_digits(text, digits, put_digits(digits, magnitude_of(value)), scale, value < 0);
}

/* As float8out() and float4out() print them (src/common/d2s.c): plain up to 15 or 6 digits before the point, and down to
 * 0.0001, else with an exponent of two digits at least. */
size_t format_float(char *text, double value, bool single) {
    if (isnan(value))
        return put_string(text, "NaN");
    if (isinf(value))
        return put_string(text, value > 0 ? "Infinity" : "-Infinity");
    struct float_digits parts = float_digits_of(value, single);
    char digits[40];
    size_t count = put_digits(digits, parts.digits);
    size_t length = 0;
    if (parts.negative)
        text[length++] = '-';
    int exponent = (int)count - 1 - parts.scale;
    if (exponent >= -4 && exponent < (single ? 6 : 15))
        return length + place_point(text + length, digits, count, parts.scale);
    text[length++] = digits[0];
    if (count > 1)
        text[length++] = '.';
    memcpy(text + length, digits + 1, count - 1);
    length += count - 1;
    text[length++] = 'e';
    text[length++] = exponent < 0 ? '-' : '+';
    int magnitude = exponent < 0 ? -exponent : exponent;
    int width = magnitude >= 100 ? 3 : 2;
    put_padded(text + length, (uint64_t)magnitude, width);
    return length + (size_t)width;
}

struct civil_date {
    int64_t year; /* 0 is 1 BC */
    int month;
    int day;
};

/* Days since 1970 to the proleptic Gregorian calendar, in eras of 400 years that begin on 1 March. */
static struct civil_date civil_date_of(int64_t days) {
    const int64_t days_in_era = 146097;
    int64_t shifted = days + 719468; /* since 0000-03-01 */
    int64_t era = floor_divide(shifted, days_in_era);
    int64_t day_of_era = shifted - era * days_in_era;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153; /* 0 is March */
    struct civil_date date;
    date.day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    date.month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    date.year = year_of_era + era * 400 + (date.month <= 2);
    return date;
}

static size_t put_civil_date(char *text, struct civil_date date) {
    uint64_t year = (uint64_t)(date.year > 0 ? date.year : 1 - date.year);
    int width = year < 10000 ? 4 : digits_of(year);
    put_padded(text, year, width);
    text += width;
    text[0] = '-';
    put_padded(text + 1, (uint64_t)date.month, 2);
    text[3] = '-';
    put_padded(text + 4, (uint64_t)date.day, 2);
    return (size_t)width + 6;
}

size_t format_date(char *text, int64_t days) {
    struct civil_date date = civil_date_of(days);
    size_t length = put_civil_date(text, date);
    return length + put_string(text + length, date.year > 0 ? "" : " BC");
}

size_t format_time(char *text, int64_t nanoseconds) {
    unsigned seconds = (unsigned)(nanoseconds / 1000000000);
    unsigned fraction = (unsigned)(nanoseconds % 1000000000);
    size_t length = 8;
    put_padded(text, seconds / 3600, 2);
    text[2] = ':';
    put_padded(text + 3, seconds / 60 % 60, 2);
    text[5] = ':';
    put_padded(text + 6, seconds % 60, 2);
    if (fraction != 0) {
        text[length++] = '.';
        put_padded(text + length, fraction, 9);
        for (length += 9; text[length - 1] == '0';)
            length--;
    }
    return length;
}

size_t format_timestamp(char *text, int64_t days, int64_t nanoseconds, bool instant) {
    struct civil_date date = civil_date_of(days);
    size_t length = put_civil_date(text, date);
    text[length++] = ' ';
    length += format_time(text + length, nanoseconds);
    length += put_string(text + length, instant ? "+00" : "");
    return length + put_string(text + length, date.year > 0 ? "" : " BC");
}

static size_t format_temporal(char *text, const struct encode_source *source, int64_t raw) {
    bool negative;
    if (temporal_is_infinity(source, raw, &negative))
        return put_string(text, negative ? "-infinity" : "infinity");
    int64_t units = source->type == NANOARROW_TYPE_DATE64 ? 1000 : units_in_second(source->unit);
    int64_t nanoseconds = 1000000000 / units;
    if (source_is_time(source->type)) {
        bool valid = raw >= 0 && raw <= 86400 * units;
        return valid ? format_time(text, raw * nanoseconds) : format_decimal(text, raw, 0);
    }
    if (source->type == NANOARROW_TYPE_DATE32)
        return format_date(text, raw);
    int64_t days = floor_divide(raw, 86400 * units);
    int64_t rest = raw % (86400 * units); /* not by multiplying back: the first day of all begins before INT64_MIN */
    if (rest < 0)
        rest += 86400 * units;
    if (source->type == NANOARROW_TYPE_DATE64 && rest == 0)
        return format_date(text, days);
    return format_timestamp(text, days, rest * nanoseconds, source->instant);
}

static size_t format_interval_of(char *text, const struct encode_column *column, int64_t row) {
    struct interval interval;
    if (!source_interval(column, row, &interval))
        return format_decimal(text, *(const int64_t *)(column->values + row * 8), 0);
    return format_interval(text, interval.months, interval.days, interval.nanoseconds / 1000,
                           (int)(interval.nanoseconds % 1000));
}

size_t format_scalar(char *text, const struct encode_column *column, int64_t row) {
    const struct encode_source *source = &column->source;
    if (source->type == NANOARROW_TYPE_DECIMAL256) {
        struct wide_decimal decimal;
        int128 narrow;
        if (wide_decimal_fits(column, row, &narrow))
            return format_decimal(text, narrow, source->scale);
        wide_decimal_read(column, row, &decimal);
        return format_digits(text, decimal.digits, (size_t)decimal.count, source->scale, decimal.negative);
    }
    if (source_is_interval(source->type))
        return format_interval_of(text, column, row);
    if (source->type == NANOARROW_TYPE_BOOL)
        return put_string(text, source_integer(column, row) != 0 ? "true" : "false");
    if (source_is_float(source->type))
        return format_float(text, source_float(column, row), source->type != NANOARROW_TYPE_DOUBLE);
    if (source_is_integer(source->type) || source_is_decimal(source->type))
        return format_decimal(text, source_integer(column, row), source->scale);
    return format_temporal(text, source, temporal_raw(column, row));
}

size_t utf8_length(const uint8_t *bytes, uint64_t left) {
    uint8_t first = bytes[0];
    size_t length = first < 0x80                    ? 1
                    : first >= 0xC2 && first < 0xE0 ? 2
                    : first >= 0xE0 && first < 0xF0 ? 3
                    : first >= 0xF0 && first < 0xF5 ? 4
                                                    : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

void format_quoted(struct buffer *text, const uint8_t *bytes, uint64_t length) {
    uint64_t at = 0;
    buffer_append_char(text, '\'');
    while (at < length && at < SHOWN_BYTES) {
        size_t sequence = utf8_length(bytes + at, length - at);
        if (sequence == 0 || bytes[at] < 0x20 || bytes[at] == 0x7f) {
            buffer_appendf(text, "\\x%02x", bytes[at]);
            at++;
        } else {
            buffer_append_bytes(text, bytes + at, sequence);
            at += sequence;
        }
    }
    buffer_append(text, at < length ? "...'" : "'");
}

void format_hex(struct buffer *text, const uint8_t *bytes, uint64_t length) {
    buffer_append(text, "\\x");
    for (uint64_t i = 0; i < length && i < SHOWN_BYTES / 2; i++)
        buffer_appendf(text, "%02x", bytes[i]);
    if (length > SHOWN_BYTES / 2)
        buffer_append(text, "...");
}

char *buffer_room(struct buffer *buffer, size_t size) {
    enum { STEP = 4096 };
    if (buffer->capacity - buffer->length < size + 1) {
        size_t needed = buffer->length + size + 1;
        needed = needed > 2 * buffer->capacity ? needed : 2 * buffer->capacity;
        buffer->capacity = (needed + STEP - 1) / STEP * STEP;
        buffer->data = memory_resize(buffer->data, buffer->capacity, 1);
    }
    return buffer->data + buffer->length;
}

void append_hex_digits(struct buffer *text, const uint8_t *bytes, uint64_t length) {
    static const char digits[] = "0123456789abcdef";
    char *out = buffer_room(text, 2 * length);
    for (uint64_t i = 0; i < length; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    text->length += 2 * length;
    *out = '\0';
}

void format_value(struct buffer *text, const struct encode_column *column, int64_t row) {
    char scalar[FORMAT_SIZE];
    uint64_t length;
    if (column_is_null(column, row)) {
        buffer_append(text, "NULL");
    } else if (column->flat != NULL && (column->flat->kind == FLAT_ARRAY || column->flat->kind == FLAT_JSON)) {
        struct buffer json = {0};
        json_append(&json, &column->flat->node, row);
        format_quoted(text, (const uint8_t *)json.data, json.length);
        buffer_release(&json);
    } else if (source_is_text(column->source.type)) {
        const uint8_t *bytes = value_bytes(column, row, &length);
        format_quoted(text, bytes, length);
    } else if (source_is_binary(column->source.type)) {
        const uint8_t *bytes = value_bytes(column, row, &length);
        format_hex(text, bytes, length);
    } else {
        buffer_append_bytes(text, scalar, format_scalar(scalar, column, row));
    }
}
