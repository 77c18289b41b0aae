/* A row of a finished segment, read back from its bytes, for errors that the server raises about it. */
#include "encode/internal.h"

#include <string.h>

enum { SHOWN_COLUMNS = 3 };

static bool is_quoted(const struct encode_target *target) {
    return target_is_text(target) || target->type_oid == PG_JSON || target->type_oid == PG_JSONB;
}

static void describe_value(struct buffer *text, const struct encode_target *target, const uint8_t *value,
                           uint32_t length) {
    struct buffer plain = {0};
    if (target->type_oid == PG_BYTEA) {
        format_hex(text, value, length);
        return;
    }
    field_append_text(&plain, target, value, length);
    if (is_quoted(target) || target->array)
        format_quoted(text, (const uint8_t *)plain.data, plain.length);
    else if (target->type_oid == PG_BOOL)
        buffer_append(text, value[0] ? "true" : "false");
    else
        buffer_append_bytes(text, plain.data, plain.length);
    buffer_release(&plain);
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

static void describe_binary(struct buffer *text, const struct encode_target *target, const uint8_t *row, size_t index) {
    const uint8_t *at = skip_fields(row + 2, index);
    uint32_t length;
    const uint8_t *value = next_field(&at, &length);
    if (value == NULL)
        buffer_append(text, "NULL");
    else
        describe_value(text, target, value, length);
}

/* Numbers, dates and the like as they are; what may hold anything in quotes. */
static void describe_text(struct buffer *text, const struct encode_column *column, const uint8_t *row,
                          const uint8_t *end, size_t index) {
    struct buffer field = {0};
    bool present = true;
    for (size_t i = 0; i <= index; i++) {
        buffer_clear(&field);
        present = copy_text_field(&row, end, &field);
    }
    if (!present)
        buffer_append(text, "NULL");
    else if (column->write == NULL || is_quoted(column->target))
        format_quoted(text, (const uint8_t *)buffer_string(&field), field.length);
    else
        buffer_append_bytes(text, buffer_string(&field), field.length);
    buffer_release(&field);
}

size_t encode_row_offset(const struct encoder *encoder, const struct encode_segment *segment, int64_t row_index) {
    const uint8_t *row = segment->bytes;
    if (segment->format == ENCODE_TEXT) {
        for (int64_t i = 0; i < row_index; i++)
            row = (const uint8_t *)memchr(row, '\n', (size_t)(segment->bytes + segment->length - row)) + 1;
        return (size_t)(row - segment->bytes);
    }
    row += ENCODE_HEADER_BYTES;
    for (int64_t i = 0; i < row_index; i++)
        row = skip_fields(row + 2, encoder->column_count);
    return (size_t)(row - segment->bytes);
}

void encode_describe_row(const struct encoder *encoder, const struct encode_segment *segment, int64_t row_index,
                         struct buffer *text) {
    if (row_index < 0 || row_index >= segment->rows)
        return;
    const uint8_t *row = segment->bytes + encode_row_offset(encoder, segment, row_index);
    size_t shown = encoder->options.key_count;
    if (shown == 0)
        shown = encoder->column_count < SHOWN_COLUMNS ? encoder->column_count : SHOWN_COLUMNS;
    for (size_t i = 0; i < shown; i++) {
        size_t index = encoder->options.key_count > 0 ? encoder->options.key_columns[i] : i;
        const struct encode_column *column = &encoder->columns[index];
        buffer_appendf(text, "%s%s = ", i > 0 ? ", " : "", column->target->name);
        if (segment->format == ENCODE_TEXT)
            describe_text(text, column, row, segment->bytes + segment->length, index);
        else
            describe_binary(text, column->target, row, index);
    }
}

/* The text of a field; false for NULL. */
static bool field_text(const struct encode_column *column, const struct encode_segment *segment, const uint8_t *row,
                       size_t index, struct buffer *text) {
    uint32_t length;
    if (segment->format == ENCODE_TEXT) {
        bool present = true;
        for (size_t i = 0; i <= index; i++) {
            buffer_clear(text);
            present = copy_text_field(&row, segment->bytes + segment->length, text);
        }
        return present;
    }
    row = skip_fields(row + 2, index);
    const uint8_t *value = next_field(&row, &length);
    if (value == NULL)
        return false;
    if (column->target->type_oid == PG_BYTEA) {
        buffer_append(text, "\\x");
        append_hex_digits(text, value, length);
    } else {
        field_append_text(text, column->target, value, length);
    }
    return true;
}

void encode_refuse_row(const struct encoder *encoder, const struct encode_segment *segment, int64_t row_index,
                       const struct error *error, const char *column, struct encode_refusal *refusal) {
    const uint8_t *row = segment->bytes + encode_row_offset(encoder, segment, row_index);
    struct refusal_texts texts = {0};
    struct buffer text = {0};
    for (size_t i = 0; i < encoder->column_count; i++) {
        buffer_clear(&text);
        bool present = field_text(&encoder->columns[i], segment, row, i, &text);
        refusal_add(&texts, encoder, i, present ? &text : NULL);
    }
    buffer_release(&text);
    refusal_finish(&texts, error, column, segment->first_row + row_index, refusal);
}
