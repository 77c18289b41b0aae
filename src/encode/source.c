/* What Arrow's columns hold, and their values one at a time, for everything that isn't worth a function of its own. */
#include "encode/internal.h"

#include <stdio.h>
#include <string.h>

/* Beyond this a decimal128 could not hold a single digit at its scale, or not show one. */
enum { MAXIMUM_SCALE = 38, MAXIMUM_WIDE_SCALE = 76 };

bool source_is_integer(enum ArrowType type) {
    return type >= NANOARROW_TYPE_UINT8 && type <= NANOARROW_TYPE_INT64;
}

bool source_is_decimal(enum ArrowType type) {
    return type == NANOARROW_TYPE_DECIMAL32 || type == NANOARROW_TYPE_DECIMAL64 || type == NANOARROW_TYPE_DECIMAL128 ||
           type == NANOARROW_TYPE_DECIMAL256;
}

bool source_is_float(enum ArrowType type) {
    return type == NANOARROW_TYPE_HALF_FLOAT || type == NANOARROW_TYPE_FLOAT || type == NANOARROW_TYPE_DOUBLE;
}

bool source_is_text(enum ArrowType type) {
    return type == NANOARROW_TYPE_STRING || type == NANOARROW_TYPE_LARGE_STRING || type == NANOARROW_TYPE_STRING_VIEW;
}

bool source_is_binary(enum ArrowType type) {
    return type == NANOARROW_TYPE_BINARY || type == NANOARROW_TYPE_LARGE_BINARY || type == NANOARROW_TYPE_BINARY_VIEW ||
           type == NANOARROW_TYPE_FIXED_SIZE_BINARY;
}

bool source_is_time(enum ArrowType type) {
    return type == NANOARROW_TYPE_TIME32 || type == NANOARROW_TYPE_TIME64;
}

bool source_is_interval(enum ArrowType type) {
    return type == NANOARROW_TYPE_INTERVAL_MONTHS || type == NANOARROW_TYPE_INTERVAL_DAY_TIME ||
           type == NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO || type == NANOARROW_TYPE_DURATION;
}

bool source_is_nested(enum ArrowType type) {
    return type == NANOARROW_TYPE_LIST || type == NANOARROW_TYPE_LARGE_LIST || type == NANOARROW_TYPE_FIXED_SIZE_LIST ||
           type == NANOARROW_TYPE_LIST_VIEW || type == NANOARROW_TYPE_LARGE_LIST_VIEW ||
           type == NANOARROW_TYPE_STRUCT || type == NANOARROW_TYPE_MAP;
}

static bool is_supported(enum ArrowType type) {
    return type == NANOARROW_TYPE_BOOL || source_is_integer(type) || source_is_decimal(type) || source_is_float(type) ||
           source_is_text(type) || source_is_binary(type) || source_is_time(type) || source_is_interval(type) ||
           type == NANOARROW_TYPE_DATE32 || type == NANOARROW_TYPE_DATE64 || type == NANOARROW_TYPE_TIMESTAMP;
}

static bool name_is(struct ArrowStringView name, const char *known) {
    return (size_t)name.size_bytes == strlen(known) && memcmp(name.data, known, (size_t)name.size_bytes) == 0;
}

/* An extension type gives its storage another meaning. Of those known here the storage says the same. */
static bool extension_is_transparent(struct ArrowStringView name) {
    return name.size_bytes == 0 || name_is(name, "arrow.json") || name_is(name, "arrow.uuid");
}

bool encode_source_parse(const struct ArrowSchema *schema, struct encode_source *source, char *reason,
                         size_t reason_size) {
    struct ArrowSchemaView view;
    struct ArrowError arrow_error = {0};
    *source = (struct encode_source){0};
    if (ArrowSchemaViewInit(&view, schema, &arrow_error) != NANOARROW_OK) {
        snprintf(reason, reason_size, "not a valid Arrow type: %s", ArrowErrorMessage(&arrow_error));
        return false;
    }
    if (!extension_is_transparent(view.extension_name)) {
        snprintf(reason, reason_size, "the Arrow extension type %.*s isn't known here",
                 (int)view.extension_name.size_bytes, view.extension_name.data);
        return false;
    }
    if (!is_supported(view.type)) {
        snprintf(reason, reason_size, "Arrow's %s has no form in PostgreSQL", ArrowTypeString(view.type));
        return false;
    }
    source->type = view.type;
    source->unit = view.time_unit;
    source->json = name_is(view.extension_name, "arrow.json");
    source->instant = view.type == NANOARROW_TYPE_TIMESTAMP && view.timezone != NULL && *view.timezone != '\0';
    if (source_is_decimal(view.type)) {
        source->precision = view.decimal_precision;
        source->scale = view.decimal_scale;
        int most = view.type == NANOARROW_TYPE_DECIMAL256 ? MAXIMUM_WIDE_SCALE : MAXIMUM_SCALE;
        if (source->scale < -most || source->scale > most) {
            snprintf(reason, reason_size, "a decimal of scale %d is beyond the scales from -%d to %d", source->scale,
                     most, most);
            return false;
        }
    }
    if (view.type == NANOARROW_TYPE_FIXED_SIZE_BINARY)
        source->byte_width = view.fixed_size;
    return true;
}

int128 source_integer(const struct encode_column *column, int64_t row) {
    const uint8_t *values = column->values;
    switch (column->source.type) {
    case NANOARROW_TYPE_BOOL:
        return bit_is_set(values, column->value_bit_offset + row);
    case NANOARROW_TYPE_INT8:
        return ((const int8_t *)values)[row];
    case NANOARROW_TYPE_UINT8:
        return values[row];
    case NANOARROW_TYPE_INT16:
        return ((const int16_t *)values)[row];
    case NANOARROW_TYPE_UINT16:
        return ((const uint16_t *)values)[row];
    case NANOARROW_TYPE_INT32:
    case NANOARROW_TYPE_DECIMAL32:
        return ((const int32_t *)values)[row];
    case NANOARROW_TYPE_UINT32:
        return ((const uint32_t *)values)[row];
    case NANOARROW_TYPE_INT64:
    case NANOARROW_TYPE_DECIMAL64:
        return ((const int64_t *)values)[row];
    case NANOARROW_TYPE_UINT64:
        return ((const uint64_t *)values)[row];
    default: {
        int128 value; /* decimal128, which Arrow aligns to 8 bytes only */
        memcpy(&value, values + row * 16, sizeof value);
        return value;
    }
    }
}

/* IEEE 754's binary16. nanoarrow's own reading takes subnormal values for others. */
static inline double half_float(uint16_t half) {
    uint64_t exponent = half >> 10 & 0x1F, mantissa = half & 0x3FF, sign = (uint64_t)(half >> 15) << 63;
    double value = (double)mantissa * 0x1p-24; /* of 0 and subnormals */
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (exponent != 0)
        bits = (exponent == 0x1F ? UINT64_C(0x7FF) : exponent + 1023 - 15) << 52 | mantissa << 42;
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double source_float(const struct encode_column *column, int64_t row) {
    if (column->source.type == NANOARROW_TYPE_DOUBLE) {
        double value;
        memcpy(&value, column->values + row * 8, sizeof value);
        return value;
    }
    if (column->source.type == NANOARROW_TYPE_FLOAT) {
        float value;
        memcpy(&value, column->values + row * 4, sizeof value);
        return (double)value;
    }
    return half_float(((const uint16_t *)column->values)[row]);
}

static int value_width(const struct encode_source *source) {
    switch (source->type) {
    case NANOARROW_TYPE_INT8:
    case NANOARROW_TYPE_UINT8:
        return 1;
    case NANOARROW_TYPE_INT16:
    case NANOARROW_TYPE_UINT16:
    case NANOARROW_TYPE_HALF_FLOAT:
        return 2;
    case NANOARROW_TYPE_INT32:
    case NANOARROW_TYPE_UINT32:
    case NANOARROW_TYPE_FLOAT:
    case NANOARROW_TYPE_DATE32:
    case NANOARROW_TYPE_TIME32:
    case NANOARROW_TYPE_DECIMAL32:
    case NANOARROW_TYPE_INTERVAL_MONTHS:
        return 4;
    case NANOARROW_TYPE_DECIMAL128:
    case NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO:
        return 16;
    case NANOARROW_TYPE_DECIMAL256:
        return 32;
    case NANOARROW_TYPE_FIXED_SIZE_BINARY:
        return source->byte_width;
    default:
        return 8;
    }
}

void source_prepare(struct encode_column *column) {
    column->value_width = 0;
    switch (column->source.type) {
    case NANOARROW_TYPE_BOOL:
        column->layout = LAYOUT_BITS;
        return;
    case NANOARROW_TYPE_STRING:
    case NANOARROW_TYPE_BINARY:
        column->layout = LAYOUT_OFFSETS_32;
        return;
    case NANOARROW_TYPE_LARGE_STRING:
    case NANOARROW_TYPE_LARGE_BINARY:
        column->layout = LAYOUT_OFFSETS_64;
        return;
    case NANOARROW_TYPE_STRING_VIEW:
    case NANOARROW_TYPE_BINARY_VIEW:
        column->layout = LAYOUT_VIEWS;
        column->value_width = (int)sizeof(union ArrowBinaryView);
        return;
    default:
        column->layout = LAYOUT_FIXED;
        column->value_width = value_width(&column->source);
        return;
    }
}
