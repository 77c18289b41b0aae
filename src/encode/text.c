/* Text and bytes; and every scalar's text form into text, varchar and char. */
#include "encode/internal.h"

#include <string.h>

int64_t count_characters(const uint8_t *bytes, uint64_t length) {
    int64_t count = 0;
    for (uint64_t i = 0; i < length; i++)
        count += (bytes[i] & 0xC0) != 0x80;
    return count;
}

uint8_t *put_text(struct encode_column *column, const uint8_t *bytes, uint64_t length, uint8_t *out) {
    if (length > PG_MAXIMUM_VALUE)
        return fail(column, PROBLEM_TOO_LARGE);
    /* A character has one byte at least: most values need no counting. */
    if (column->maximum_characters >= 0 && (int64_t)length > column->maximum_characters &&
        count_characters(bytes, length) > column->maximum_characters)
        return fail(column, PROBLEM_TOO_LONG);
    store_32(out, (uint32_t)length);
    if (bytes != out + 4)
        memcpy(out + 4, bytes, length);
    return out + 4 + length;
}

static inline bool holds_nul(const struct encode_column *column, const uint8_t *bytes, uint64_t length) {
    return column->search_nul && memchr(bytes, 0, length) != NULL;
}

/* The value without its NUL bytes, at `out`; returns what is left of its length. */
static uint64_t remove_nul_bytes(struct encode_column *column, int64_t row, const uint8_t *bytes, uint64_t length,
                                 uint8_t *out) {
    uint64_t left = 0;
    for (uint64_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            out[left++] = bytes[i];
    tally_add(&column->tallies->nul_bytes, row, 1);
    return left;
}

static uint8_t *text_to_text(struct encode_column *column, int64_t row, uint8_t *out) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(column, row, &length);
    if (holds_nul(column, bytes, length)) {
        if (!column->may_remove_nul)
            return fail(column, PROBLEM_NUL_BYTE);
        length = remove_nul_bytes(column, row, bytes, length, out + 4);
        bytes = out + 4; /* copied onto itself below */
    }
    return put_text(column, bytes, length, out);
}

/* jsonb_recv() takes a version, 1, and JSON text. */
static uint8_t *text_to_jsonb(struct encode_column *column, int64_t row, uint8_t *out) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(column, row, &length);
    if (length >= PG_MAXIMUM_VALUE)
        return fail(column, PROBLEM_TOO_LARGE);
    if (holds_nul(column, bytes, length)) {
        if (!column->may_remove_nul)
            return fail(column, PROBLEM_NUL_BYTE);
        length = remove_nul_bytes(column, row, bytes, length, out + 5);
    } else {
        memcpy(out + 5, bytes, length);
    }
    store_32(out, (uint32_t)length + 1);
    out[4] = 1;
    return out + 5 + length;
}

/* A hexadecimal digit's value plus one; 0 for what is none. */
static const uint8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* string_to_uuid(), src/backend/utils/adt/uuid.c: braces around it or not, a hyphen after each four digits or not. */
static bool parse_uuid(const uint8_t *text, uint64_t length, uint8_t *uuid) {
    if (length >= 2 && text[0] == '{' && text[length - 1] == '}') {
        text++;
        length -= 2;
    }
    uint64_t at = 0;
    for (int i = 0; i < 16; i++) {
        if (at + 2 > length)
            return false;
        unsigned high = hex_values[text[at]];
        unsigned low = hex_values[text[at + 1]];
        if (high == 0 || low == 0)
            return false;
        uuid[i] = (uint8_t)((high - 1) << 4 | (low - 1));
        at += 2;
        if (i % 2 == 1 && i < 15 && at < length && text[at] == '-')
            at++;
    }
    return at == length;
}

static uint8_t *text_to_uuid(struct encode_column *column, int64_t row, uint8_t *out) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(column, row, &length);
    if (!parse_uuid(bytes, length, out + 4))
        return fail(column, PROBLEM_NOT_UUID);
    store_32(out, 16);
    return out + 20;
}

static uint8_t *binary_to_bytea(struct encode_column *column, int64_t row, uint8_t *out) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(column, row, &length);
    return put_text(column, bytes, length, out);
}

static uint8_t *binary_to_uuid(struct encode_column *column, int64_t row, uint8_t *out) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(column, row, &length);
    if (length != 16)
        return fail(column, PROBLEM_UUID_LENGTH);
    store_32(out, 16);
    memcpy(out + 4, bytes, 16);
    return out + 20;
}

/* Formatted where it goes: the room is there. */
static uint8_t *scalar_to_text(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_text(column, out + 4, format_scalar((char *)out + 4, column, row), out);
}

static uint8_t *int64_to_text(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_text(column, out + 4, format_decimal((char *)out + 4, ((const int64_t *)column->values)[row], 0), out);
}

enum encode_problem scalar_text_problem(const struct encode_column *column, int64_t row) {
    const struct encode_source *source = &column->source;
    struct interval ignored;
    if (source_is_interval(source->type))
        return source_interval(column, row, &ignored) ? PROBLEM_NONE : PROBLEM_INTERVAL_RANGE;
    if (source->type != NANOARROW_TYPE_TIMESTAMP && !source_is_time(source->type))
        return PROBLEM_NONE;
    int64_t raw = temporal_raw(column, row);
    if (temporal_infinity_is_unclear(source, raw))
        return PROBLEM_UNCLEAR_INFINITY;
    return source_is_time(source->type) && (raw < 0 || raw > 86400 * units_in_second(source->unit)) ? PROBLEM_TIME_RANGE
                                                                                                    : PROBLEM_NONE;
}

static uint8_t *temporal_to_text(struct encode_column *column, int64_t row, uint8_t *out) {
    enum encode_problem problem = scalar_text_problem(column, row);
    return problem != PROBLEM_NONE ? fail(column, problem) : scalar_to_text(column, row, out);
}

encode_write scalar_text_writer(const struct encode_source *source) {
    if (source_is_binary(source->type) || source_is_text(source->type))
        return NULL;
    if (source->type == NANOARROW_TYPE_TIMESTAMP || source_is_time(source->type) || source_is_interval(source->type))
        return temporal_to_text;
    return source->type == NANOARROW_TYPE_INT64 ? int64_to_text : scalar_to_text;
}

encode_write text_writer(const struct encode_source *source, uint32_t type_oid) {
    bool text = source_is_text(source->type);
    bool binary = source_is_binary(source->type);
    switch (type_oid) {
    case PG_TEXT:
    case PG_VARCHAR:
    case PG_BPCHAR:
        return text ? text_to_text : scalar_text_writer(source);
    case PG_JSON:
        return text ? text_to_text : NULL;
    case PG_JSONB:
        return text ? text_to_jsonb : NULL;
    case PG_UUID:
        return text && !source->nested ? text_to_uuid : binary ? binary_to_uuid : NULL;
    case PG_BYTEA:
        return binary ? binary_to_bytea : NULL;
    default:
        return NULL;
    }
}
