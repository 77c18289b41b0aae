/* A row of a finished segment, read back from its bytes, for errors that the server raises about it. */
#include "encode/internal.h"

#include <string.h>

enum { SHOWN_COLUMNS = 3 };

static void describe_numeric(struct buffer *text, const uint8_t *value, uint32_t length) {
    int count = load_16(value);
    int weight = (int16_t)load_16(value + 2);
    uint16_t sign = load_16(value + 4);
    int display_scale = load_16(value + 6);
    if (sign == 0xC000 || sign == 0xD000 || sign == 0xF000) {
        buffer_append(text, sign == 0xC000 ? "NaN" : sign == 0xD000 ? "Infinity" : "-Infinity");
        return;
    }
    if (length < 8 + 2 * (uint32_t)count)
        return;
    buffer_append(text, sign != 0 ? "-" : "");
    const int top = weight > 0 ? weight : 0;
    for (int place = top; place >= 0; place--) {
        int index = weight - place;
        int digits = index >= 0 && index < count ? load_16(value + 8 + 2 * index) : 0;
        buffer_appendf(text, place == top ? "%d" : "%04d", digits);
    }
    if (display_scale == 0)
        return;
    buffer_append_char(text, '.');
    size_t end = text->length + (size_t)display_scale;
    for (int place = -1; text->length < end; place--) {
        int index = weight - place;
        int digits = index >= 0 && index < count ? load_16(value + 8 + 2 * index) : 0;
        char group[8];
        int divisor = 1000;
        for (int i = 0; i < 4; i++, divisor /= 10)
            group[i] = (char)('0' + digits / divisor % 10);
        buffer_append_bytes(text, group, end - text->length < 4 ? end - text->length : 4);
    }
}

static void describe_timestamp(struct buffer *text, int64_t value, bool instant) {
    char scalar[FORMAT_SIZE];
    if (value == INT64_MAX || value == INT64_MIN) {
        buffer_append(text, value > 0 ? "infinity" : "-infinity");
        return;
    }
    int64_t days = floor_divide(value, US_PER_DAY);
    int64_t rest = value - days * US_PER_DAY;
    buffer_append_bytes(text, scalar, format_timestamp(scalar, days + PG_EPOCH_DAYS, rest * 1000, instant));
}

static void describe_float(struct buffer *text, const uint8_t *value, bool single) {
    char scalar[FORMAT_SIZE];
    double number;
    if (single) {
        uint32_t bits = load_32(value);
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        number = (double)narrow;
    } else {
        uint64_t bits = load_64(value);
        memcpy(&number, &bits, sizeof number);
    }
    buffer_append_bytes(text, scalar, format_float(scalar, number, single));
}

static void describe_date(struct buffer *text, int32_t value) {
    char scalar[FORMAT_SIZE];
    if (value == INT32_MAX || value == INT32_MIN)
        buffer_append(text, value > 0 ? "infinity" : "-infinity");
    else
        buffer_append_bytes(text, scalar, format_date(scalar, (int64_t)value + PG_EPOCH_DAYS));
}

static void describe_uuid(struct buffer *text, const uint8_t *value) {
    for (int i = 0; i < 16; i++)
        buffer_appendf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", value[i]);
}

static void describe_value(struct buffer *text, uint32_t type_oid, const uint8_t *value, uint32_t length) {
    char scalar[FORMAT_SIZE];
    switch (type_oid) {
    case PG_BOOL:
        buffer_append(text, value[0] ? "true" : "false");
        break;
    case PG_INT2:
        buffer_appendf(text, "%d", (int16_t)load_16(value));
        break;
    case PG_INT4:
        buffer_appendf(text, "%d", (int32_t)load_32(value));
        break;
    case PG_INT8:
        buffer_appendf(text, "%lld", (long long)load_64(value));
        break;
    case PG_FLOAT4:
    case PG_FLOAT8:
        describe_float(text, value, type_oid == PG_FLOAT4);
        break;
    case PG_NUMERIC:
        describe_numeric(text, value, length);
        break;
    case PG_DATE:
        describe_date(text, (int32_t)load_32(value));
        break;
    case PG_TIME:
        buffer_append_bytes(text, scalar, format_time(scalar, (int64_t)load_64(value) * 1000));
        break;
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        describe_timestamp(text, (int64_t)load_64(value), type_oid == PG_TIMESTAMPTZ);
        break;
    case PG_UUID:
        describe_uuid(text, value);
        break;
    case PG_BYTEA:
        format_hex(text, value, length);
        break;
    case PG_JSONB:
        format_quoted(text, value + 1, length - 1);
        break;
    default:
        format_quoted(text, value, length);
        break;
    }
}

/* The field behind a length word at *at, which is moved past it; NULL for NULL. */
static const uint8_t *next_field(const uint8_t **at, uint32_t *length) {
    *length = load_32(*at);
    *at += 4;
    if (*length == UINT32_MAX)
        return NULL;
    const uint8_t *value = *at;
    *at += *length;
    return value;
}

static const uint8_t *skip_fields(const uint8_t *at, size_t count) {
    uint32_t length;
    while (count-- > 0)
        next_field(&at, &length);
    return at;
}

void encode_describe_row(const struct encoder *encoder, const struct encode_segment *segment, int64_t row_index,
                         struct buffer *text) {
    if (row_index < 0 || row_index >= segment->rows)
        return;
    const uint8_t *row = segment->bytes + COPY_HEADER_SIZE;
    for (int64_t i = 0; i < row_index; i++)
        row = skip_fields(row + 2, encoder->column_count);
    size_t shown = encoder->options.key_count;
    if (shown == 0)
        shown = encoder->column_count < SHOWN_COLUMNS ? encoder->column_count : SHOWN_COLUMNS;
    for (size_t i = 0; i < shown; i++) {
        size_t index = encoder->options.key_count > 0 ? encoder->options.key_columns[i] : i;
        const struct encode_target *target = encoder->columns[index].target;
        const uint8_t *at = skip_fields(row + 2, index);
        uint32_t length;
        const uint8_t *value = next_field(&at, &length);
        buffer_appendf(text, "%s%s = ", i > 0 ? ", " : "", target->name);
        if (value == NULL)
            buffer_append(text, "NULL");
        else
            describe_value(text, target->type_oid, value, length);
    }
}
