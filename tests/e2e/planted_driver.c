/* An ADBC driver with a fault planted in it, so that a test can see the sanitizers notice one: DuckDB's, but for what the
 * variable PLANTED asks for. Its results have one column of 64-bit integers.
 *
 *   overflow   a batch says that it has one row more than its buffer holds: whoever believes it reads past a heap block
 *   misaligned a buffer begins at an odd address, where no 64-bit integer may be
 *   leak       each batch loses a block of memory
 *
 * Built by test_sanitizers.py, with DUCKDB as the path of the real driver's library.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arrow-adbc/adbc.h>

/* What a batch was before it was changed. */
struct kept {
    struct ArrowArray original;
    const void *original_values;
    void *block;
};

static AdbcStatusCode (*real_execute)(struct AdbcStatement *, struct ArrowArrayStream *, int64_t *, struct AdbcError *);
static int (*real_next)(struct ArrowArrayStream *, struct ArrowArray *);

static int asked(const char *fault) {
    const char *planted = getenv("PLANTED");
    return planted != NULL && strcmp(planted, fault) == 0;
}

static void release(struct ArrowArray *array) {
    struct kept *kept = array->private_data;
    kept->original.children[0]->buffers[1] = kept->original_values;
    kept->original.release(&kept->original);
    free(kept->block);
    free(kept);
    array->release = NULL;
}

/* Put the values into a block of exactly their size, then say or do what isn't so. */
static void plant(struct ArrowArray *array) {
    struct ArrowArray *child = array->children[0];
    size_t size = (size_t)child->length * sizeof(int64_t);
    int shift = asked("misaligned");
    struct kept *kept = malloc(sizeof *kept);
    kept->original = *array;
    kept->original_values = child->buffers[1];
    kept->block = malloc(size + (size_t)shift);
    memcpy((char *)kept->block + shift, (const int64_t *)child->buffers[1] + child->offset, size);
    child->buffers[1] = (char *)kept->block + shift;
    child->offset = 0;
    if (asked("overflow")) {
        child->length++;
        array->length++;
    }
    if (asked("leak"))
        memset(malloc(1000), 1, 1000);
    array->private_data = kept;
    array->release = release;
}

static int next(struct ArrowArrayStream *stream, struct ArrowArray *array) {
    int status = real_next(stream, array);
    if (status == 0 && array->release != NULL && array->n_children == 1 && array->length > 0 &&
        array->children[0]->n_buffers == 2 && array->children[0]->null_count == 0)
        plant(array);
    return status;
}

static AdbcStatusCode execute(struct AdbcStatement *statement, struct ArrowArrayStream *stream, int64_t *rows,
                              struct AdbcError *error) {
    AdbcStatusCode status = real_execute(statement, stream, rows, error);
    if (status == ADBC_STATUS_OK && stream != NULL && stream->release != NULL) {
        real_next = stream->get_next;
        stream->get_next = next;
    }
    return status;
}

AdbcStatusCode planted_init(int version, void *driver, struct AdbcError *error);

AdbcStatusCode planted_init(int version, void *driver, struct AdbcError *error) {
    void *library = dlopen(DUCKDB, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return ADBC_STATUS_INTERNAL;
    AdbcDriverInitFunc init = (AdbcDriverInitFunc)dlsym(library, "duckdb_adbc_init");
    AdbcStatusCode status = init(version, driver, error);
    if (status == ADBC_STATUS_OK) {
        real_execute = ((struct AdbcDriver *)driver)->StatementExecuteQuery;
        ((struct AdbcDriver *)driver)->StatementExecuteQuery = execute;
    }
    return status;
}
