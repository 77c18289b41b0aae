/* Allocation that can't fail in silence: where the machine has no memory left, the process says so with one write and
 * ends with exit status 1. Every chunk is a transaction, so nothing is lost by that.
 */
#ifndef THAW_BASE_MEMORY_H
#define THAW_BASE_MEMORY_H

#include <stddef.h>

void *memory_allocate(size_t size);                            /* zeroed */
void *memory_array(size_t count, size_t size);                 /* zeroed; overflow is checked */
void *memory_resize(void *pointer, size_t count, size_t size); /* overflow is checked; the new part isn't zeroed */
char *memory_copy_string(const char *string);                  /* NULL stays NULL */
char *memory_copy_bytes(const char *bytes, size_t length);     /* with a NUL appended */
void memory_release(void *pointer_to_pointer);                 /* frees *p and sets it to NULL */
void memory_release_texts(char **const *texts);                /* each of them; NULL ends the list */

/* Overwrite a secret before it is freed, in a way that the compiler keeps. */
void memory_wipe(void *bytes, size_t length);

#endif
