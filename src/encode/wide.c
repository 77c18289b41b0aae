/* decimal256, which no source of ours delivers and drivers of others do: by its decimal digits, which is slow and plain. */
#include "encode/internal.h"

#include <math.h>
#include <string.h>

enum { LIMBS = 4 };

/* Divide the number in `limbs` (the lowest first) and return the remainder. */
static uint64_t divide(uint64_t *limbs, uint64_t divisor) {
    uint128 rest = 0;
    for (int i = LIMBS - 1; i >= 0; i--) {
        rest = rest << 64 | limbs[i];
        limbs[i] = (uint64_t)(rest / divisor);
        rest %= divisor;
    }
    return (uint64_t)rest;
}

static void negate(uint64_t *limbs) {
    uint128 carry = 1;
    for (int i = 0; i < LIMBS; i++) {
        carry += ~limbs[i];
        limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

void wide_decimal_read(const struct encode_column *column, int64_t row, struct wide_decimal *decimal) {
    const uint64_t piece_size = 1000000000000000000U;
    enum { PIECE_DIGITS = 18, PIECES = 5 };
    uint64_t limbs[LIMBS];
    char digits[PIECE_DIGITS * PIECES];
    memcpy(limbs, column->values + row * 32, sizeof limbs);
    decimal->negative = limbs[LIMBS - 1] >> 63;
    if (decimal->negative)
        negate(limbs);
    int at = (int)sizeof digits;
    for (int piece = 0; piece < PIECES; piece++) {
        uint64_t rest = divide(limbs, piece_size);
        for (int i = 0; i < PIECE_DIGITS; i++, rest /= 10)
            digits[--at] = (char)('0' + rest % 10);
    }
    while (at < (int)sizeof digits - 1 && digits[at] == '0')
        at++;
    decimal->count = (int)sizeof digits - at;
    memcpy(decimal->digits, digits + at, (size_t)decimal->count);
}

/* Most values need no more than 128 bits. */
bool wide_decimal_fits(const struct encode_column *column, int64_t row, int128 *value) {
    uint64_t limbs[LIMBS];
    memcpy(limbs, column->values + row * 32, sizeof limbs);
    memcpy(value, limbs, sizeof *value);
    uint64_t sign = *value < 0 ? UINT64_MAX : 0;
    return limbs[2] == sign && limbs[3] == sign;
}

bool wide_decimal_narrow(const struct encode_column *column, int64_t row, int128 *value, int *scale) {
    struct wide_decimal decimal;
    *scale = column->source.scale;
    if (*scale >= -38 && *scale <= 38 && wide_decimal_fits(column, row, value))
        return true;
    wide_decimal_read(column, row, &decimal);
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0') {
        decimal.count--;
        --*scale;
    }
    if (decimal.count > 38)
        return false;
    *value = 0;
    for (int i = 0; i < decimal.count; i++)
        *value = *value * 10 + (decimal.digits[i] - '0');
    if (decimal.negative)
        *value = -*value;
    if (*value == 0)
        *scale = 0;
    return true;
}

/* The column as if its value were a decimal128, for the writers of those. */
static uint8_t *wide_to_number(struct encode_column *column, int64_t row, uint8_t *out) {
    int128 value;
    struct encode_column narrow = *column;
    if (!wide_decimal_narrow(column, row, &value, &narrow.source.scale) || narrow.source.scale < -38 ||
        narrow.source.scale > 38)
        return fail(column, column->source.scale > 0 ? PROBLEM_FRACTION : PROBLEM_RANGE);
    narrow.source.type = NANOARROW_TYPE_DECIMAL128;
    narrow.values = (const uint8_t *)&value;
    narrow.may_round = false; /* its one row is no row of the batch */
    out = number_writer(&narrow.source, column->target->type_oid)(&narrow, 0, out);
    if (out == NULL)
        column->problem = narrow.problem;
    return out;
}

static uint8_t *wide_to_float(struct encode_column *column, int64_t row, uint8_t *out) {
    struct wide_decimal decimal;
    int128 narrow;
    if (column->source.scale >= 0 && column->source.scale <= 15 && wide_decimal_fits(column, row, &narrow) &&
        magnitude_of(narrow) < 1000000)
        return wide_to_number(column, row, out); /* six digits fit into any float */
    bool single = column->target->type_oid == PG_FLOAT4;
    double value;
    wide_decimal_read(column, row, &decimal);
    if (!digits_to_binary(decimal.digits, decimal.count, -column->source.scale, single, &value) &&
        (!isfinite(value) || !may_round(column, row, PROBLEM_FLOAT_INEXACT)))
        return fail(column, PROBLEM_FLOAT_INEXACT);
    if (decimal.negative)
        value = -value;
    struct encode_column binary = *column;
    binary.source.type = NANOARROW_TYPE_DOUBLE;
    binary.values = (const uint8_t *)&value;
    return number_writer(&binary.source, column->target->type_oid)(&binary, 0, out);
}

static uint8_t *wide_to_numeric(struct encode_column *column, int64_t row, uint8_t *out) {
    struct wide_decimal decimal;
    int128 narrow;
    if (wide_decimal_fits(column, row, &narrow))
        return put_numeric_decimal(column, row, narrow, out);
    wide_decimal_read(column, row, &decimal);
    return put_numeric_digits(column, row, decimal.digits, decimal.count, column->source.scale, decimal.negative, out);
}

encode_write wide_decimal_writer(uint32_t type_oid) {
    switch (type_oid) {
    case PG_NUMERIC:
        return wide_to_numeric;
    case PG_FLOAT4:
    case PG_FLOAT8:
        return wide_to_float;
    case PG_INT2:
    case PG_INT4:
    case PG_INT8:
    case PG_BOOL:
        return wide_to_number;
    default:
        return NULL;
    }
}
