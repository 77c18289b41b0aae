#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(void) {
    static const char message[] =
        "thaw: out of memory; committed chunks are safe, run the same command again to go on\n";
    if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
        _exit(1);
    _exit(1);
}

void *memory_allocate(size_t size) {
    void *pointer = calloc(1, size == 0 ? 1 : size);
    if (pointer == NULL)
        out_of_memory();
    return pointer;
}

void *memory_array(size_t count, size_t size) {
    void *pointer = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    if (pointer == NULL)
        out_of_memory();
    return pointer;
}

void *memory_resize(void *pointer, size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size)
        out_of_memory();
    size_t bytes = count * size;
    void *resized = realloc(pointer, bytes == 0 ? 1 : bytes);
    if (resized == NULL)
        out_of_memory();
    return resized;
}

char *memory_copy_bytes(const char *bytes, size_t length) {
    if (length == SIZE_MAX)
        out_of_memory();
    char *copy = memory_allocate(length + 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *memory_copy_string(const char *string) {
    return string == NULL ? NULL : memory_copy_bytes(string, strlen(string));
}

void memory_release(void *pointer_to_pointer) {
    void *pointer;
    memcpy(&pointer, pointer_to_pointer, sizeof pointer);
    free(pointer);
    pointer = NULL;
    memcpy(pointer_to_pointer, &pointer, sizeof pointer);
}

void memory_release_texts(char **const *texts) {
    for (; *texts != NULL; texts++)
        memory_release(*texts);
}

void memory_wipe(void *bytes, size_t length) {
    if (bytes != NULL)
        explicit_bzero(bytes, length);
}
