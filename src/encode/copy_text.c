/* COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html (File Formats, Text Format). Of tables in which
 * some column's type has no binary form here. */
#include "encode/internal.h"

#include <string.h>

#include "base/memory.h"

enum { CAPACITY_STEP = 65536 };

/* What stands behind the backslash; 0 for bytes that are sent as they are. Tab, newline and carriage return would end a
 * field or a row; a backslash before '.' or 'N' would mean something else. */
static const uint8_t escapes[256] = {
    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['\v'] = 'v', ['\\'] = '\\',
};

static void reserve(struct encode_segment *segment, size_t size) {
    size_t needed = segment->length + size;
    if (needed <= segment->capacity)
        return;
    needed = needed > segment->capacity + segment->capacity / 2 ? needed : segment->capacity + segment->capacity / 2;
    needed = (needed + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
    segment->bytes = memory_resize(segment->bytes, needed, 1);
    segment->capacity = needed;
}

static void append_escaped(struct encode_segment *segment, const uint8_t *bytes, uint64_t length) {
    reserve(segment, 2 * length + 1);
    uint8_t *out = segment->bytes + segment->length;
    for (uint64_t at = 0; at < length;) {
        uint64_t run = at;
        while (run < length && escapes[bytes[run]] == 0)
            run++;
        memcpy(out, bytes + at, run - at);
        out += run - at;
        if (run < length) {
            *out++ = '\\';
            *out++ = escapes[bytes[run++]];
        }
        at = run;
    }
    segment->length = (size_t)(out - segment->bytes);
}

/* Text for the input function, without NUL bytes where they may be removed. */
static bool append_judged(struct encode_column *column, int64_t row, struct buffer *text) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(column, row, &length);
    size_t start = text->length;
    if (column->search_nul && memchr(bytes, 0, length) != NULL) {
        if (!column->may_remove_nul) {
            column->problem = PROBLEM_NUL_BYTE;
            return false;
        }
        for (uint64_t i = 0; i < length; i++)
            if (bytes[i] != 0)
                buffer_append_char(text, (char)bytes[i]);
        tally_add(&column->tallies->nul_bytes, row, 1);
    } else {
        buffer_append_bytes(text, bytes, length);
    }
    return column->judge == NULL ||
           column->judge(column, row, (const uint8_t *)text->data + start, text->length - start);
}

bool text_append_value(struct encode_column *column, int64_t row, struct buffer *text) {
    if (source_is_text(column->source.type))
        return append_judged(column, row, text);
    if (source_is_binary(column->source.type)) { /* EWKB, which geometry's input function reads in hexadecimal */
        uint64_t length;
        const uint8_t *bytes = value_bytes(column, row, &length);
        append_hex_digits(text, bytes, length);
        return true;
    }
    uint8_t field[4 + FORMAT_SIZE]; /* with its length, by the writer that refuses what has no text */
    const uint8_t *end = scalar_text_writer(&column->source)(column, row, field);
    if (end == NULL)
        return false;
    buffer_append_bytes(text, field + 4, (size_t)(end - field) - 4);
    return column->judge == NULL || column->judge(column, row, field + 4, (uint64_t)(end - field) - 4);
}

/* Through the binary writer, which checks the value, and from there to text. */
static bool append_checked(struct encoder *encoder, struct encode_column *column, int64_t row,
                           struct encode_segment *segment) {
    uint64_t length = 0;
    if (column->layout != LAYOUT_FIXED && column->layout != LAYOUT_BITS)
        value_bytes(column, row, &length);
    buffer_clear(&encoder->scratch);
    uint8_t *field = (uint8_t *)buffer_room(&encoder->scratch, column->maximum_size + length);
    const uint8_t *end = column->write(column, row, field);
    if (end == NULL)
        return false;
    length = (uint64_t)(end - field) - 4;
    if (target_is_text(column->target) || column->target->type_oid == PG_JSON) {
        append_escaped(segment, field + 4, length);
        return true;
    }
    buffer_clear(&encoder->text);
    field_append_text(&encoder->text, column->target, field + 4, (uint32_t)length);
    append_escaped(segment, (const uint8_t *)encoder->text.data, encoder->text.length);
    return true;
}

static bool append_field(struct encoder *encoder, struct encode_column *column, int64_t row,
                         struct encode_segment *segment) {
    if (column->write != NULL)
        return append_checked(encoder, column, row, segment);
    buffer_clear(&encoder->text);
    if (!text_append_value(column, row, &encoder->text))
        return false;
    append_escaped(segment, (const uint8_t *)buffer_string(&encoder->text), encoder->text.length);
    return true;
}

/* False: *failed can't be written, or makes the row too large for PostgreSQL's buffer of a line. */
static bool append_row(struct encoder *encoder, int64_t row, struct encode_segment *segment,
                       struct encode_column **failed) {
    size_t start = segment->length;
    for (size_t i = 0; i < encoder->column_count; i++) {
        struct encode_column *column = &encoder->columns[i];
        *failed = column;
        reserve(segment, 4);
        if (i > 0)
            segment->bytes[segment->length++] = '\t';
        if (column_is_null(column, row)) {
            memcpy(segment->bytes + segment->length, "\\N", 2);
            segment->length += 2;
        } else if (!append_field(encoder, column, row, segment)) {
            return false;
        }
        if (segment->length - start > PG_MAXIMUM_ALLOCATION - 1) {
            column->problem = PROBLEM_TOO_LARGE;
            return false;
        }
    }
    reserve(segment, 1);
    segment->bytes[segment->length++] = '\n';
    *failed = NULL;
    return true;
}

int64_t encode_text_block(struct encoder *encoder, struct encode_segment *segment, size_t limit, int64_t row,
                          int64_t end, struct encode_column **failed) {
    for (; row < end && segment->length < limit; row++) {
        size_t start = segment->length;
        if (!append_row(encoder, row, segment, failed)) {
            segment->length = start;
            return row;
        }
    }
    return row;
}

static char unescaped(uint8_t byte) {
    for (int i = 0; i < 256; i++)
        if (escapes[i] == byte)
            return (char)i;
    return (char)byte;
}

bool copy_text_field(const uint8_t **at, const uint8_t *end, struct buffer *field) {
    const uint8_t *byte = *at;
    bool null = end - byte >= 2 && byte[0] == '\\' && byte[1] == 'N';
    for (; byte < end && *byte != '\t' && *byte != '\n'; byte++) {
        if (*byte == '\\' && byte + 1 < end && !null)
            buffer_append_char(field, unescaped(*++byte));
        else
            buffer_append_char(field, (char)*byte);
    }
    *at = byte < end ? byte + 1 : byte;
    return !null;
}
