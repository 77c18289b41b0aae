/* Numbers into numeric: base-10000 digits with a weight and a display scale.
 *
 * The wire format is numeric_recv()'s, in src/backend/utils/adt/numeric.c: digit count, weight of the first digit, sign,
 * display scale, digits; 16 bits each. numeric_recv() would round to the column's scale, so the check is here.
 */
#include "encode/internal.h"

#include <math.h>
#include <string.h>

enum {
    SIGN_POSITIVE = 0x0000,
    SIGN_NEGATIVE = 0x4000,
    SIGN_NAN = 0xC000,
    SIGN_INFINITY = 0xD000, /* PostgreSQL 14 and later */
    SIGN_MINUS_INFINITY = 0xF000,
    HEADER_SIZE = 12,   /* with the length word */
    MAXIMUM_GROUPS = 12 /* 39 decimal digits, wherever the point falls */
};

/* `groups` counts from the last; the last one stands `behind_point` groups behind the point. */
static inline uint8_t *put_groups(uint8_t *out, const uint16_t *groups, int count, int behind_point, bool negative,
                                  int display_scale) {
    int first = 0;
    while (first < count && groups[first] == 0)
        first++;
    int digits = count - first;
    store_32(out, (uint32_t)(HEADER_SIZE - 4 + 2 * digits));
    store_16(out + 4, (uint16_t)digits);
    store_16(out + 6, digits > 0 ? (uint16_t)(count - 1 - behind_point) : 0);
    store_16(out + 8, negative && digits > 0 ? SIGN_NEGATIVE : SIGN_POSITIVE);
    store_16(out + 10, (uint16_t)display_scale);
    out += HEADER_SIZE;
    for (int i = count - 1; i >= first; i--, out += 2)
        store_16(out, groups[i]);
    return out;
}

static inline int split_small(uint64_t magnitude, uint16_t *groups) {
    int count = 0;
    for (; magnitude != 0; magnitude /= 10000)
        groups[count++] = (uint16_t)(magnitude % 10000);
    return count;
}

/* The last group takes 4 digits less those that the padding fills; then 16 digits at a time, so that most of the division is
 * of 64 bits. */
static int split_large(uint128 magnitude, uint32_t padding, uint16_t *groups) {
    const uint64_t piece_size = 10000000000000000U;
    int count = 0;
    if (padding != 1) {
        uint32_t partial = 10000 / padding;
        groups[count++] = (uint16_t)((uint32_t)(magnitude % partial) * padding);
        magnitude /= partial;
    }
    while (magnitude != 0) {
        uint64_t piece = (uint64_t)(magnitude % piece_size);
        magnitude /= piece_size;
        for (int i = 0; i < 4; i++, piece /= 10000)
            groups[count++] = (uint16_t)(piece % 10000);
    }
    while (count > 0 && groups[count - 1] == 0)
        count--;
    return count;
}

static uint8_t *put_large(const struct encode_numeric *numeric, uint128 magnitude, bool negative, uint8_t *out) {
    uint16_t groups[MAXIMUM_GROUPS + 1];
    int count = split_large(magnitude, numeric->source_padding, groups);
    return put_groups(out, groups, count, numeric->source_groups, negative, numeric->display_scale);
}

static inline uint8_t *put_small(const struct encode_numeric *numeric, uint64_t magnitude, bool negative,
                                 uint8_t *out) {
    if (magnitude > UINT64_MAX / 1000)
        return put_large(numeric, magnitude, negative, out);
    uint16_t groups[MAXIMUM_GROUPS];
    int count = split_small(magnitude * numeric->source_padding, groups);
    return put_groups(out, groups, count, numeric->source_groups, negative, numeric->display_scale);
}

static inline bool fits(struct encode_column *column, uint128 magnitude) {
    const struct encode_numeric *numeric = &column->numeric;
    if (numeric->limit != 0 && magnitude >= numeric->limit) {
        column->problem = PROBLEM_DIGITS_BEFORE_POINT;
        return false;
    }
    if (numeric->divisor != 1 && magnitude % numeric->divisor != 0) {
        column->problem = PROBLEM_DIGITS_AFTER_POINT;
        return false;
    }
    return true;
}

/* Digits, the last `scale` of them behind the point, with those kept that the column keeps. Returns their count. */
static int round_digits(char *digits, int count, int *scale, int kept_scale) {
    int kept = count - (*scale - kept_scale);
    bool up = kept >= 0 && kept < count && digits[kept] >= '5'; /* half away from zero: numeric.c, round_var() */
    *scale = kept_scale;
    if (kept < 0)
        kept = 0;
    memmove(digits + 1, digits, (size_t)kept);
    digits[0] = '0';
    int at = kept;
    for (; up && digits[at] == '9'; at--)
        digits[at] = '0';
    digits[at] = (char)(digits[at] + (up ? 1 : 0));
    return kept + 1;
}

static int strip_front(const char **digits, int count) {
    while (count > 0 && **digits == '0') {
        ++*digits;
        count--;
    }
    return count;
}

/* Groups of four by where the point is. The callers' digits are few: 78 of a decimal256 at most. */
static uint8_t *put_digit_groups(const struct encode_numeric *numeric, const char *digits, int count, int scale,
                                 bool negative, uint8_t *out) {
    enum { GROUPS = 24 };
    uint16_t groups[GROUPS] = {0};
    while (count > 0 && digits[count - 1] == '0') {
        count--;
        scale--;
    }
    int behind = (scale + 4000 + 3) / 4 - 1000; /* towards positive infinity */
    int shift = 4 * behind - scale;             /* zeros that fill the last group */
    int used = 0;
    for (int i = 0; i < count; i++) {
        int place = count - 1 - i + shift;
        groups[place / 4] = (uint16_t)(groups[place / 4] + (digits[i] - '0') * (int)power_of_ten(place % 4));
        if (place / 4 + 1 > used)
            used = place / 4 + 1;
    }
    return put_groups(out, groups, used, behind, negative, numeric->display_scale);
}

uint8_t *put_numeric_digits(struct encode_column *column, int64_t row, const char *digits, int count, int scale,
                            bool negative, uint8_t *out) {
    struct encode_numeric numeric = column->numeric;
    char rounded[96];
    count = strip_front(&digits, count);
    if (!numeric.constrained && scale > numeric.display_scale)
        numeric.display_scale = scale;
    if (numeric.constrained && count > 0) {
        int zeros = 0;
        while (digits[count - 1 - zeros] == '0')
            zeros++;
        if (scale - zeros > numeric.scale) {
            if (count - scale > numeric.precision - numeric.scale)
                return fail(column, PROBLEM_DIGITS_BEFORE_POINT);
            if (!may_round(column, row, PROBLEM_DIGITS_AFTER_POINT))
                return NULL;
            memcpy(rounded, digits, (size_t)count);
            count = round_digits(rounded, count, &scale, numeric.scale);
            digits = rounded;
            count = strip_front(&digits, count);
        }
        if (count > 0 && count - scale > numeric.precision - numeric.scale)
            return fail(column, PROBLEM_DIGITS_BEFORE_POINT);
    }
    return put_digit_groups(&numeric, digits, count, scale, negative, out);
}

/* The way of what must be rounded, where that is allowed. */
static uint8_t *put_rounded(struct encode_column *column, int64_t row, uint128 magnitude, bool negative, uint8_t *out) {
    char digits[FORMAT_SIZE];
    if (column->problem != PROBLEM_DIGITS_AFTER_POINT || !column->may_round)
        return NULL;
    int count = (int)format_decimal(digits, (int128)magnitude, 0);
    return put_numeric_digits(column, row, digits, count, column->source.scale, negative, out);
}

uint8_t *put_numeric_decimal(struct encode_column *column, int64_t row, int128 value, uint8_t *out) {
    uint128 magnitude = magnitude_of(value);
    if (!fits(column, magnitude))
        return put_rounded(column, row, magnitude, value < 0, out);
    if ((magnitude >> 64) == 0)
        return put_small(&column->numeric, (uint64_t)magnitude, value < 0, out);
    return put_large(&column->numeric, magnitude, value < 0, out);
}

static uint8_t *decimal128_to_numeric(struct encode_column *column, int64_t row, uint8_t *out) {
    int128 value;
    memcpy(&value, column->values + row * 16, sizeof value);
    return put_numeric_decimal(column, row, value, out);
}

/* Integers, the narrow decimals and bool: at most 64 bits. */
static inline uint8_t *put_checked(struct encode_column *column, int64_t row, uint64_t magnitude, bool negative,
                                   uint8_t *out) {
    return fits(column, magnitude) ? put_small(&column->numeric, magnitude, negative, out)
                                   : put_rounded(column, row, magnitude, negative, out);
}

static uint8_t *int64_to_numeric(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t value = ((const int64_t *)column->values)[row];
    return put_checked(column, row, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, out);
}

static uint8_t *int32_to_numeric(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t value = ((const int32_t *)column->values)[row];
    return put_checked(column, row, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, out);
}

static uint8_t *integer_to_numeric(struct encode_column *column, int64_t row, uint8_t *out) {
    int128 value = source_integer(column, row);
    return put_checked(column, row, (uint64_t)magnitude_of(value), value < 0, out);
}

static uint8_t *put_special(uint16_t sign, uint8_t *out) {
    static const uint16_t none[1];
    out = put_groups(out, none, 0, 0, false, 0);
    store_16(out - 4, sign);
    return out;
}

static uint8_t *put_rounded_float(struct encode_column *column, int64_t row, const struct float_digits *parts,
                                  uint8_t *out) {
    char digits[FORMAT_SIZE];
    int count = (int)format_decimal(digits, (int128)parts->digits, 0);
    return put_numeric_digits(column, row, digits, count, parts->scale, parts->negative, out);
}

static uint8_t *float_to_numeric(struct encode_column *column, int64_t row, uint8_t *out) {
    double value = source_float(column, row);
    struct encode_numeric numeric = column->numeric;
    if (isnan(value))
        return put_special(SIGN_NAN, out);
    if (isinf(value)) {
        if (numeric.constrained)
            return fail(column, PROBLEM_INFINITY_IN_NUMERIC);
        return put_special(value > 0 ? SIGN_INFINITY : SIGN_MINUS_INFINITY, out);
    }
    struct float_digits digits = float_digits_of(value, column->source.type != NANOARROW_TYPE_DOUBLE);
    if (numeric.constrained && digits.digits != 0) {
        if (digits.count - digits.scale > numeric.precision - numeric.scale)
            return fail(column, PROBLEM_DIGITS_BEFORE_POINT);
        if (digits.scale > numeric.scale)
            return put_rounded_float(column, row, &digits, out);
    }
    /* Towards positive infinity, for the point may lie far to the right of the digits. */
    numeric.source_groups = (digits.scale + 4000 + 3) / 4 - 1000;
    numeric.source_padding = (uint32_t)power_of_ten(4 * numeric.source_groups - digits.scale);
    if (!numeric.constrained)
        numeric.display_scale = digits.scale > 0 ? digits.scale : 0;
    return put_small(&numeric, digits.digits, digits.negative, out);
}

encode_write numeric_writer(const struct encode_source *source) {
    switch (source->type) {
    case NANOARROW_TYPE_DECIMAL128:
        return decimal128_to_numeric;
    case NANOARROW_TYPE_INT64:
    case NANOARROW_TYPE_DECIMAL64:
        return int64_to_numeric;
    case NANOARROW_TYPE_INT32:
    case NANOARROW_TYPE_DECIMAL32:
        return int32_to_numeric;
    case NANOARROW_TYPE_DECIMAL256:
        return wide_decimal_writer(PG_NUMERIC);
    case NANOARROW_TYPE_BOOL:
        return integer_to_numeric;
    default:
        if (source_is_integer(source->type))
            return integer_to_numeric;
        return source_is_float(source->type) ? float_to_numeric : NULL;
    }
}

void numeric_prepare(struct encode_numeric *numeric, int source_scale, int32_t type_modifier) {
    *numeric = (struct encode_numeric){.source_scale = source_scale, .divisor = 1};
    numeric->source_groups = (source_scale + 4000 + 3) / 4 - 1000;
    numeric->source_padding = (uint32_t)power_of_ten(4 * numeric->source_groups - source_scale);
    numeric->display_scale = source_scale > 0 ? source_scale : 0;
    if (type_modifier < 4)
        return;
    /* make_numeric_typmod() in numeric.c: precision above, scale as 11 bits with a sign below (a sign since 15). */
    uint32_t modifier = (uint32_t)type_modifier - 4;
    numeric->constrained = true;
    numeric->precision = (int)(modifier >> 16);
    numeric->scale = (int)((modifier & 0x7ff) ^ 0x400) - 0x400;
    numeric->display_scale = numeric->scale > 0 ? numeric->scale : 0;
    int digits = numeric->precision - numeric->scale + source_scale;
    if (digits < 39)
        numeric->limit = power_of_ten(digits > 0 ? digits : 0);
    int dropped = source_scale - numeric->scale;
    if (dropped > 38)
        numeric->divisor = ~(uint128)0; /* of zero alone a divisor */
    else if (dropped > 0)
        numeric->divisor = power_of_ten(dropped);
}
