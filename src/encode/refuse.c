/* Rows that are left out, as JSON objects of their values' texts. */
#include "encode/internal.h"

#include <string.h>

#include "base/memory.h"

/* jsonb has neither the character 0 nor bytes that aren't UTF-8: what stands there instead is U+2400, the symbol for NUL, or
 * U+FFFD, the replacement character. */
static void append_json_text(struct buffer *json, const uint8_t *bytes, uint64_t length) {
    buffer_append_char(json, '"');
    for (uint64_t at = 0; at < length;) {
        size_t sequence = utf8_length(bytes + at, length - at);
        uint8_t byte = bytes[at];
        if (byte == 0)
            buffer_append(json, "\xe2\x90\x80");
        else if (sequence == 0)
            buffer_append(json, "\xef\xbf\xbd");
        else if (byte == '"' || byte == '\\')
            buffer_appendf(json, "\\%c", byte);
        else if (byte < 0x20)
            buffer_appendf(json, "\\u%04x", byte);
        else
            buffer_append_bytes(json, bytes + at, sequence);
        at += sequence == 0 ? 1 : sequence;
    }
    buffer_append_char(json, '"');
}

static void add_member(struct buffer *json, const char *name, const struct buffer *text) {
    buffer_append_char(json, json->length == 0 ? '{' : ',');
    append_json_text(json, (const uint8_t *)name, strlen(name));
    buffer_append_char(json, ':');
    if (text == NULL)
        buffer_append(json, "null");
    else
        append_json_text(json, (const uint8_t *)text->data, text->length);
}

void refusal_add(struct refusal_texts *texts, const struct encoder *encoder, size_t index, const struct buffer *text) {
    const char *name = encoder->columns[index].target->name;
    add_member(&texts->values, name, text);
    for (size_t i = 0; i < encoder->options.key_count; i++)
        if (encoder->options.key_columns[i] == index)
            add_member(&texts->key, name, text);
}

static char *object_of(struct buffer *json) {
    buffer_append(json, json->length == 0 ? "{}" : "}");
    return buffer_steal(json);
}

void refusal_finish(struct refusal_texts *texts, const struct error *error, const char *column, int64_t row,
                    struct encode_refusal *refusal) {
    *refusal = (struct encode_refusal){
        .row = row,
        .key = object_of(&texts->key),
        .values = object_of(&texts->values),
        .column = memory_copy_string(column),
        .reason = memory_copy_string(error->message),
    };
    memcpy(refusal->code, error->code, sizeof refusal->code);
}

void encode_refusal_release(struct encode_refusal *refusal) {
    memory_release(&refusal->key);
    memory_release(&refusal->values);
    memory_release(&refusal->column);
    memory_release(&refusal->reason);
    *refusal = (struct encode_refusal){0};
}

/* A value of the batch as it came, whole. */
static void append_value(struct buffer *text, const struct encode_column *column, int64_t row) {
    uint64_t length;
    if (column->flat != NULL && (column->flat->kind == FLAT_ARRAY || column->flat->kind == FLAT_JSON)) {
        json_append(text, &column->flat->node, row);
    } else if (source_is_text(column->source.type)) {
        const uint8_t *bytes = value_bytes(column, row, &length);
        buffer_append_bytes(text, bytes, length);
    } else if (source_is_binary(column->source.type)) {
        const uint8_t *bytes = value_bytes(column, row, &length);
        buffer_append(text, "\\x");
        append_hex_digits(text, bytes, length);
    } else {
        buffer_room(text, FORMAT_SIZE);
        text->length += format_scalar(text->data + text->length, column, row);
    }
}

void refuse_batch_row(const struct encoder *encoder, const struct error *error, struct encode_refusal *refusal) {
    struct refusal_texts texts = {0};
    struct buffer text = {0};
    for (size_t i = 0; i < encoder->column_count; i++) {
        const struct encode_column *column = &encoder->columns[i];
        bool is_null = column_is_null(column, encoder->row);
        buffer_clear(&text);
        if (!is_null)
            append_value(&text, column, encoder->row);
        refusal_add(&texts, encoder, i, is_null ? NULL : &text);
    }
    buffer_release(&text);
    refusal_finish(&texts, error, encoder->refused != NULL ? encoder->refused->target->name : NULL,
                   encoder->rows_done + 1, refusal);
}
