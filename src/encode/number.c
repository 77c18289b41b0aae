/* Numbers and truth values into int2, int4, int8, float4, float8 and bool. */
#include "encode/internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

static inline uint8_t *put_int2(int16_t value, uint8_t *out) {
    store_32(out, 2);
    store_16(out + 4, (uint16_t)value);
    return out + 6;
}

static inline uint8_t *put_int4(int32_t value, uint8_t *out) {
    store_32(out, 4);
    store_32(out + 4, (uint32_t)value);
    return out + 8;
}

static inline uint8_t *put_int8(int64_t value, uint8_t *out) {
    store_32(out, 8);
    store_64(out + 4, (uint64_t)value);
    return out + 12;
}

static inline uint8_t *put_bool(bool value, uint8_t *out) {
    store_32(out, 1);
    out[4] = value;
    return out + 5;
}

static inline uint8_t *put_float4(float value, uint8_t *out) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    store_32(out, 4);
    store_32(out + 4, bits);
    return out + 8;
}

static inline uint8_t *put_float8(double value, uint8_t *out) {
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    store_32(out, 8);
    store_64(out + 4, bits);
    return out + 12;
}

/* Do `bits` of mantissa hold it? */
static inline bool fits_mantissa(uint64_t magnitude, int bits) {
    return magnitude == 0 || 64 - __builtin_clzll(magnitude) - __builtin_ctzll(magnitude) <= bits;
}

/* Integers. `__builtin_add_overflow` compares as if with unlimited width, whatever the two types are. */
#define INTEGER_TO_INTEGER(name, type, target, result_type)                                                            \
    static uint8_t *name##_to_##target(struct encode_column *column, int64_t row, uint8_t *out) {                      \
        result_type result;                                                                                            \
        if (__builtin_add_overflow(((const type *)column->values)[row], (type)0, &result))                             \
            return fail(column, PROBLEM_RANGE);                                                                        \
        return put_##target(result, out);                                                                              \
    }
#define INTEGER_TO_FLOAT(name, type, target, result_type, bits)                                                        \
    static uint8_t *name##_to_##target(struct encode_column *column, int64_t row, uint8_t *out) {                      \
        type value = ((const type *)column->values)[row];                                                              \
        if (!fits_mantissa((uint64_t)(value < (type)1 ? -(uint64_t)value : (uint64_t)value), bits) &&                  \
            !may_round(column, row, PROBLEM_FLOAT_INEXACT))                                                            \
            return NULL;                                                                                               \
        return put_##target((result_type)value, out);                                                                  \
    }
#define INTEGER_WRITERS(name, type)                                                                                    \
    INTEGER_TO_INTEGER(name, type, int2, int16_t)                                                                      \
    INTEGER_TO_INTEGER(name, type, int4, int32_t)                                                                      \
    INTEGER_TO_INTEGER(name, type, int8, int64_t)                                                                      \
    INTEGER_TO_FLOAT(name, type, float4, float, FLT_MANT_DIG)                                                          \
    INTEGER_TO_FLOAT(name, type, float8, double, DBL_MANT_DIG)

INTEGER_WRITERS(from_int8, int8_t)
INTEGER_WRITERS(from_uint8, uint8_t)
INTEGER_WRITERS(from_int16, int16_t)
INTEGER_WRITERS(from_uint16, uint16_t)
INTEGER_WRITERS(from_int32, int32_t)
INTEGER_WRITERS(from_uint32, uint32_t)
INTEGER_WRITERS(from_int64, int64_t)
INTEGER_WRITERS(from_uint64, uint64_t)

/* In 64 bits where both fit: nearly all do, and 128 bits are divided by a function. */
static inline int128 divide(int128 value, int128 divisor, int128 *rest) {
    if (value == (int64_t)value && divisor == (int64_t)divisor) {
        int64_t quotient = (int64_t)value / (int64_t)divisor;
        *rest = (int64_t)value - quotient * (int64_t)divisor;
        return quotient;
    }
    int128 quotient = value / divisor;
    *rest = value - quotient * divisor;
    return quotient;
}

/* Decimals into integers: the whole number that a decimal is, or why not. */
static inline bool whole_number(struct encode_column *column, int64_t row, int128 *value) {
    if (column->source.type == NANOARROW_TYPE_DECIMAL128)
        memcpy(value, column->values + row * 16, sizeof *value);
    else
        *value = source_integer(column, row);
    int scale = column->source.scale;
    if (scale > 0) {
        int128 divisor = (int128)power_of_ten(scale);
        int128 rest;
        *value = divide(*value, divisor, &rest);
        if (rest != 0) {
            if (!may_round(column, row, PROBLEM_FRACTION))
                return false;
            if (magnitude_of(rest) >= (uint128)divisor / 2) /* half away from zero: numeric.c, round_var() */
                *value += rest < 0 ? -1 : 1;
        }
    } else if (scale < 0 && __builtin_mul_overflow(*value, (int128)power_of_ten(-scale), value)) {
        column->problem = PROBLEM_RANGE;
        return false;
    }
    return true;
}

#define DECIMAL_TO_INTEGER(target, result_type)                                                                        \
    static uint8_t *decimal_to_##target(struct encode_column *column, int64_t row, uint8_t *out) {                     \
        int128 value;                                                                                                  \
        result_type result;                                                                                            \
        if (!whole_number(column, row, &value))                                                                        \
            return NULL;                                                                                               \
        if (__builtin_add_overflow(value, (int128)0, &result))                                                         \
            return fail(column, PROBLEM_RANGE);                                                                        \
        return put_##target(result, out);                                                                              \
    }
DECIMAL_TO_INTEGER(int2, int16_t)
DECIMAL_TO_INTEGER(int4, int32_t)
DECIMAL_TO_INTEGER(int8, int64_t)

static uint8_t *decimal_to_float4(struct encode_column *column, int64_t row, uint8_t *out) {
    float result;
    if (!decimal_to_float(source_integer(column, row), column->source.scale, &result) &&
        !(isfinite(result) && may_round(column, row, PROBLEM_FLOAT_INEXACT)))
        return fail(column, PROBLEM_FLOAT_INEXACT);
    return put_float4(result, out);
}

static uint8_t *decimal_to_float8(struct encode_column *column, int64_t row, uint8_t *out) {
    double result;
    if (!decimal_to_double(source_integer(column, row), column->source.scale, &result) &&
        !(isfinite(result) && may_round(column, row, PROBLEM_FLOAT_INEXACT)))
        return fail(column, PROBLEM_FLOAT_INEXACT);
    return put_float8(result, out);
}

/* Floats into integers. */
static inline bool whole_float(struct encode_column *column, int64_t row, int64_t *result) {
    const double limit = 9223372036854775808.0; /* 2^63, exactly */
    double value = source_float(column, row);
    if (!isfinite(value)) {
        column->problem = PROBLEM_NOT_A_NUMBER;
        return false;
    }
    if (value != trunc(value)) {
        if (!may_round(column, row, PROBLEM_FRACTION))
            return false;
        value = rint(value); /* half to even, as dtoi8() in int8.c does */
    }
    if (value < -limit || value >= limit)
        column->problem = PROBLEM_RANGE;
    else {
        *result = (int64_t)value;
        return true;
    }
    return false;
}

#define FLOAT_TO_INTEGER(target, result_type)                                                                          \
    static uint8_t *float_to_##target(struct encode_column *column, int64_t row, uint8_t *out) {                       \
        int64_t value;                                                                                                 \
        result_type result;                                                                                            \
        if (!whole_float(column, row, &value))                                                                         \
            return NULL;                                                                                               \
        if (__builtin_add_overflow(value, (int64_t)0, &result))                                                        \
            return fail(column, PROBLEM_RANGE);                                                                        \
        return put_##target(result, out);                                                                              \
    }
FLOAT_TO_INTEGER(int2, int16_t)
FLOAT_TO_INTEGER(int4, int32_t)
FLOAT_TO_INTEGER(int8, int64_t)

static uint8_t *float_to_float4(struct encode_column *column, int64_t row, uint8_t *out) {
    double value = source_float(column, row);
    if (!isfinite(value))
        return put_float4((float)value, out);
    if (fabs(value) > (double)FLT_MAX)
        return fail(column, PROBLEM_FLOAT_INEXACT);
    /* dtof() in float.c refuses what would become zero. */
    if ((double)(float)value != value && ((float)value == 0 || !may_round(column, row, PROBLEM_FLOAT_INEXACT)))
        return fail(column, PROBLEM_FLOAT_INEXACT);
    return put_float4((float)value, out);
}

static uint8_t *float_to_float8(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_float8(source_float(column, row), out);
}

static uint8_t *double_to_float8(struct encode_column *column, int64_t row, uint8_t *out) {
    uint64_t bits = ((const uint64_t *)column->values)[row];
    store_32(out, 8);
    store_64(out + 4, bits);
    return out + 12;
}

/* Truth values. */
static uint8_t *bool_to_bool(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_bool(bit_is_set(column->values, column->value_bit_offset + row), out);
}

static uint8_t *bool_to_int2(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_int2(bit_is_set(column->values, column->value_bit_offset + row), out);
}

static uint8_t *bool_to_int4(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_int4(bit_is_set(column->values, column->value_bit_offset + row), out);
}

static uint8_t *bool_to_int8(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_int8(bit_is_set(column->values, column->value_bit_offset + row), out);
}

static uint8_t *integer_to_bool(struct encode_column *column, int64_t row, uint8_t *out) {
    int128 value = source_integer(column, row);
    int scale = column->source.scale;
    if (value != 0 && (scale < 0 || (uint128)value != power_of_ten(scale)))
        return fail(column, PROBLEM_NOT_BOOL);
    return put_bool(value != 0, out);
}

/* The columns of the table below. */
enum { TO_INT2, TO_INT4, TO_INT8, TO_FLOAT4, TO_FLOAT8, TO_BOOL, TARGETS };

#define INTEGER_ROW(name)                                                                                              \
    { name##_to_int2, name##_to_int4, name##_to_int8, name##_to_float4, name##_to_float8, integer_to_bool }

static const encode_write *writers_of(enum ArrowType type) {
    static const encode_write integers[][TARGETS] = {
        /* in the order of enum ArrowType */
        INTEGER_ROW(from_uint8),  INTEGER_ROW(from_int8),  INTEGER_ROW(from_uint16), INTEGER_ROW(from_int16),
        INTEGER_ROW(from_uint32), INTEGER_ROW(from_int32), INTEGER_ROW(from_uint64), INTEGER_ROW(from_int64)};
    static const encode_write decimal[TARGETS] = {decimal_to_int2,   decimal_to_int4,   decimal_to_int8,
                                                  decimal_to_float4, decimal_to_float8, integer_to_bool};
    static const encode_write floats[TARGETS] = {float_to_int2,   float_to_int4,   float_to_int8,
                                                 float_to_float4, float_to_float8, NULL};
    static const encode_write doubles[TARGETS] = {float_to_int2,   float_to_int4,    float_to_int8,
                                                  float_to_float4, double_to_float8, NULL};
    static const encode_write truth[TARGETS] = {bool_to_int2, bool_to_int4, bool_to_int8, NULL, NULL, bool_to_bool};
    if (source_is_integer(type))
        return integers[type - NANOARROW_TYPE_UINT8];
    if (source_is_decimal(type))
        return decimal;
    if (type == NANOARROW_TYPE_DOUBLE)
        return doubles;
    if (source_is_float(type))
        return floats;
    return type == NANOARROW_TYPE_BOOL ? truth : NULL;
}

encode_write number_writer(const struct encode_source *source, uint32_t type_oid) {
    const encode_write *writers = writers_of(source->type);
    if (source->type == NANOARROW_TYPE_DECIMAL256)
        return wide_decimal_writer(type_oid);
    if (writers == NULL)
        return NULL;
    switch (type_oid) {
    case PG_INT2:
        return writers[TO_INT2];
    case PG_INT4:
        return writers[TO_INT4];
    case PG_INT8:
        return writers[TO_INT8];
    case PG_FLOAT4:
        return writers[TO_FLOAT4];
    case PG_FLOAT8:
        return writers[TO_FLOAT8];
    case PG_BOOL:
        return writers[TO_BOOL];
    default:
        return NULL;
    }
}
