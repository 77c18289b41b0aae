/* Fields of the binary form as text: what COPY's text format sends for a value that a binary writer has checked. */
#include "encode/internal.h"

#include <string.h>

enum { SIGN_NAN = 0xC000, SIGN_INFINITY = 0xD000, SIGN_MINUS_INFINITY = 0xF000 };

/* The digit groups of a numeric, four digits each. */
struct groups {
    const uint8_t *digits;
    int count;
    int weight; /* of the first */
};

static char *put_group(char *out, const struct groups *groups, int place, bool padded) {
    int index = groups->weight - place;
    int digits = index >= 0 && index < groups->count ? load_16(groups->digits + 2 * index) : 0;
    if (!padded)
        return out + format_decimal(out, digits, 0);
    for (int i = 3; i >= 0; i--, digits /= 10)
        out[i] = (char)('0' + digits % 10);
    return out + 4;
}

static void append_numeric(struct buffer *text, const uint8_t *value, uint32_t length) {
    struct groups groups = {value + 8, load_16(value), (int16_t)load_16(value + 2)};
    uint16_t sign = load_16(value + 4);
    int display_scale = load_16(value + 6);
    if (sign == SIGN_NAN || sign == SIGN_INFINITY || sign == SIGN_MINUS_INFINITY) {
        buffer_append(text, sign == SIGN_NAN ? "NaN" : sign == SIGN_INFINITY ? "Infinity" : "-Infinity");
        return;
    }
    if (length < 8 + 2 * (uint32_t)groups.count)
        return;
    const int top = groups.weight > 0 ? groups.weight : 0;
    char *begin = buffer_room(text, 4 * ((size_t)top + 1) + (size_t)display_scale + 8);
    char *out = begin;
    if (sign != 0)
        *out++ = '-';
    for (int place = top; place >= 0; place--)
        out = put_group(out, &groups, place, place != top);
    if (display_scale > 0) {
        *out++ = '.';
        char *end = out + display_scale;
        for (int place = -1; out < end; place--)
            out = put_group(out, &groups, place, true);
        out = end;
    }
    *out = '\0';
    text->length += (size_t)(out - begin);
}

static size_t put_timestamp(char *text, int64_t value, bool instant) {
    if (value == INT64_MAX || value == INT64_MIN) {
        size_t length = value > 0 ? 8 : 9;
        memcpy(text, value > 0 ? "infinity" : "-infinity", length);
        return length;
    }
    int64_t days = floor_divide(value, US_PER_DAY);
    int64_t rest = value % US_PER_DAY;
    if (rest < 0)
        rest += US_PER_DAY;
    return format_timestamp(text, days + PG_EPOCH_DAYS, rest * 1000, instant);
}

static size_t put_date(char *text, int32_t value) {
    if (value == INT32_MAX || value == INT32_MIN)
        return put_timestamp(text, value > 0 ? INT64_MAX : INT64_MIN, false);
    return format_date(text, (int64_t)value + PG_EPOCH_DAYS);
}

static size_t put_float(char *text, const uint8_t *value, bool single) {
    uint32_t bits_32 = load_32(value);
    float narrow;
    double number;
    if (single) {
        memcpy(&narrow, &bits_32, sizeof narrow);
        number = (double)narrow;
    } else {
        uint64_t bits = load_64(value);
        memcpy(&number, &bits, sizeof number);
    }
    return format_float(text, number, single);
}

static size_t put_uuid(char *text, const uint8_t *value) {
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[length++] = '-';
        text[length++] = digits[value[i] >> 4];
        text[length++] = digits[value[i] & 15];
    }
    return length;
}

static size_t put_scalar(char *text, uint32_t type_oid, const uint8_t *value) {
    switch (type_oid) {
    case PG_BOOL:
        *text = value[0] ? 't' : 'f';
        return 1;
    case PG_INT2:
        return format_decimal(text, (int16_t)load_16(value), 0);
    case PG_INT4:
        return format_decimal(text, (int32_t)load_32(value), 0);
    case PG_INT8:
        return format_decimal(text, (int64_t)load_64(value), 0);
    case PG_FLOAT4:
    case PG_FLOAT8:
        return put_float(text, value, type_oid == PG_FLOAT4);
    case PG_DATE:
        return put_date(text, (int32_t)load_32(value));
    case PG_TIME:
        return format_time(text, (int64_t)load_64(value) * 1000);
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        return put_timestamp(text, (int64_t)load_64(value), type_oid == PG_TIMESTAMPTZ);
    case PG_INTERVAL:
        return format_interval(text, (int32_t)load_32(value + 12), (int32_t)load_32(value + 8), (int64_t)load_64(value),
                               0);
    case PG_UUID:
        return put_uuid(text, value);
    default:
        return 0;
    }
}

void field_append_text(struct buffer *text, const struct encode_target *target, const uint8_t *value, uint32_t length) {
    if (target->array) {
        array_append_text(text, target, value, length);
        return;
    }
    switch (target->type_oid) {
    case PG_NUMERIC:
        append_numeric(text, value, length);
        return;
    case PG_BYTEA:
        buffer_append(text, "\\x");
        append_hex_digits(text, value, length);
        return;
    case PG_JSONB:
        buffer_append_bytes(text, value + 1, length - 1);
        return;
    case PG_TEXT:
    case PG_VARCHAR:
    case PG_BPCHAR:
    case PG_JSON:
        buffer_append_bytes(text, value, length);
        return;
    default:
        buffer_room(text, FORMAT_SIZE);
        text->length += put_scalar(text->data + text->length, target->type_oid, value);
        text->data[text->length] = '\0';
        return;
    }
}
