/* A growing string. Always NUL-terminated once something has been appended; released means zero. */
#ifndef THAW_BASE_BUFFER_H
#define THAW_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct buffer {
    char *data;
    size_t length;   /* bytes, without the NUL */
    size_t capacity; /* bytes allocated */
};

void buffer_append(struct buffer *buffer, const char *string);
void buffer_append_bytes(struct buffer *buffer, const void *bytes, size_t length);
void buffer_append_char(struct buffer *buffer, char character);
void buffer_appendf(struct buffer *buffer, const char *format, ...) THAW_PRINTF(2, 3);
void buffer_clear(struct buffer *buffer); /* empty, memory kept */
void buffer_release(struct buffer *buffer);
/* The content as an allocated string ("" where empty); the buffer is released. */
char *buffer_steal(struct buffer *buffer);
/* The content, "" where nothing was appended. */
const char *buffer_string(const struct buffer *buffer);

/* Append `bytes` as a JSON string with its quotes. Invalid UTF-8 is replaced by U+FFFD. */
void buffer_append_json_string(struct buffer *buffer, const char *bytes, size_t length);

#endif
