#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static void reserve(struct buffer *buffer, size_t more) {
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < needed)
        capacity *= 2;
    buffer->data = memory_resize(buffer->data, capacity, 1);
    buffer->capacity = capacity;
}

void buffer_append_bytes(struct buffer *buffer, const void *bytes, size_t length) {
    reserve(buffer, length);
    if (length > 0)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void buffer_append(struct buffer *buffer, const char *string) {
    buffer_append_bytes(buffer, string, strlen(string));
}

void buffer_append_char(struct buffer *buffer, char character) {
    buffer_append_bytes(buffer, &character, 1);
}

void buffer_appendf(struct buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (wanted <= 0)
        return;
    reserve(buffer, (size_t)wanted);
    va_start(arguments, format);
    vsnprintf(buffer->data + buffer->length, (size_t)wanted + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)wanted;
}

void buffer_clear(struct buffer *buffer) {
    buffer->length = 0;
    if (buffer->data != NULL)
        buffer->data[0] = '\0';
}

void buffer_release(struct buffer *buffer) {
    memory_release(&buffer->data);
    buffer->length = 0;
    buffer->capacity = 0;
}

char *buffer_steal(struct buffer *buffer) {
    char *string = buffer->data == NULL ? memory_copy_string("") : buffer->data;
    buffer->data = NULL;
    buffer->length = 0;
    buffer->capacity = 0;
    return string;
}

const char *buffer_string(const struct buffer *buffer) {
    return buffer->data == NULL ? "" : buffer->data;
}

/* Length of the well-formed UTF-8 sequence at `bytes` (Unicode 15, table 3-7), 0 where it is ill-formed. */
static size_t sequence_length(const unsigned char *bytes, size_t left) {
    unsigned char first = bytes[0];
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                    : (first & 0xF0) == 0xE0         ? 3
                    : first >= 0xF0 && first <= 0xF4 ? 4
                                                     : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    if ((first == 0xE0 && bytes[1] < 0xA0) || (first == 0xED && bytes[1] > 0x9F) ||
        (first == 0xF0 && bytes[1] < 0x90) || (first == 0xF4 && bytes[1] > 0x8F))
        return 0;
    return length;
}

static void append_json_ascii(struct buffer *buffer, unsigned char byte) {
    switch (byte) {
    case '"':
        buffer_append(buffer, "\\\"");
        return;
    case '\\':
        buffer_append(buffer, "\\\\");
        return;
    case '\n':
        buffer_append(buffer, "\\n");
        return;
    case '\r':
        buffer_append(buffer, "\\r");
        return;
    case '\t':
        buffer_append(buffer, "\\t");
        return;
    default:
        if (byte < 0x20 || byte == 0x7F)
            buffer_appendf(buffer, "\\u%04x", byte);
        else
            buffer_append_char(buffer, (char)byte);
    }
}

void buffer_append_json_string(struct buffer *buffer, const char *bytes, size_t length) {
    const unsigned char *at = (const unsigned char *)bytes;
    buffer_append_char(buffer, '"');
    for (size_t i = 0; i < length;) {
        size_t sequence = sequence_length(at + i, length - i);
        if (sequence == 0) {
            buffer_append(buffer, "\xEF\xBF\xBD");
            i++;
        } else if (sequence == 1) {
            append_json_ascii(buffer, at[i]);
            i++;
        } else {
            buffer_append_bytes(buffer, at + i, sequence);
            i += sequence;
        }
    }
    buffer_append_char(buffer, '"');
}
