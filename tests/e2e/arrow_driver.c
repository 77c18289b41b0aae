/* An ADBC driver that delivers every type of Arrow: DuckDB's, whose columns come as the type that their name says between
 * a blank and a '>'. "25 tts>time" is an INTEGER whose values are told to be seconds of a day. So a real engine computes the rows, and
 * thaw reads what neither of its sources delivers by itself.
 *
 * Most types only need another name for the same bytes. Others are laid out anew here, from the layout that DuckDB has:
 * https://arrow.apache.org/docs/format/Columnar.html. What schemas need is never freed: a process asks for few.
 *
 * Built by test_type_cells.py, with DUCKDB as the path of the real driver's library.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arrow-adbc/adbc.h>

/* What a column was before it was changed, and what it needs now. */
struct kept_column {
    struct ArrowArray original;
    const void *buffers[4];
    void *blocks[3];
    struct ArrowArray dictionary;
};
struct kept {
    struct ArrowArray original;
    struct kept_column columns[];
};

static AdbcStatusCode (*real_execute)(struct AdbcStatement *, struct ArrowArrayStream *, int64_t *, struct AdbcError *);
static int (*real_next)(struct ArrowArrayStream *, struct ArrowArray *);
static int (*real_schema)(struct ArrowArrayStream *, struct ArrowSchema *);

static void release_nothing(struct ArrowArray *array) {
    array->release = NULL;
}

static void release_no_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

/* "tts>time" of "25 tts>time"; "" of other columns. */
static const char *told(const char *name) {
    const char *blank = strchr(name, ' ');
    return blank != NULL && strchr(blank, '>') != NULL ? blank + 1 : "";
}

static int format_is(const char *name, const char *format) {
    size_t length = strlen(format);
    return strncmp(name, format, length) == 0 && name[length] == '>';
}

static int format_begins(const char *name, const char *format) {
    return strncmp(name, format, strlen(format)) == 0;
}

static int64_t *wide_offsets(struct kept_column *kept, int64_t length) {
    const int32_t *offsets = kept->original.buffers[1];
    int64_t *wide = kept->blocks[0] = calloc((size_t)length + 1, sizeof *wide);
    for (int64_t i = 0; i <= length && kept->original.length > 0; i++)
        wide[i] = offsets[i];
    return wide;
}

/* Sixteen bytes a value: its length, then itself, or four bytes of it, a buffer's number and an offset. */
static void make_views(struct kept_column *kept, struct ArrowArray *array) {
    const int32_t *offsets = kept->original.buffers[1];
    const uint8_t *bytes = kept->original.buffers[2];
    int32_t *views = kept->blocks[0] = calloc((size_t)array->length + 1, 16);
    int64_t *sizes = kept->blocks[1] = calloc(1, sizeof *sizes);
    for (int64_t i = 0; i < array->length; i++) {
        int32_t length = offsets[i + 1] - offsets[i];
        views[4 * i] = length;
        if (length > 0)
            memcpy(&views[4 * i + 1], bytes + offsets[i], (size_t)(length <= 12 ? length : 4));
        if (length > 12)
            views[4 * i + 3] = offsets[i];
    }
    *sizes = array->length > 0 ? offsets[array->length] : 0;
    kept->buffers[1] = views;
    kept->buffers[2] = bytes;
    kept->buffers[3] = sizes;
    array->n_buffers = 4;
}

static void make_list_view(struct kept_column *kept, struct ArrowArray *array, int wide) {
    const int32_t *offsets = kept->original.buffers[1];
    size_t width = wide ? 8 : 4;
    char *begins = kept->blocks[0] = calloc((size_t)array->length + 1, width);
    char *sizes = kept->blocks[1] = calloc((size_t)array->length + 1, width);
    for (int64_t i = 0; i < array->length; i++) {
        int64_t begin = offsets[i], size = offsets[i + 1] - offsets[i];
        memcpy(begins + (size_t)i * width, &begin, width); /* little-endian */
        memcpy(sizes + (size_t)i * width, &size, width);
    }
    kept->buffers[1] = begins;
    kept->buffers[2] = sizes;
    array->n_buffers = 3;
}

/* Each row its own entry of the dictionary. */
static void make_dictionary(struct kept_column *kept, struct ArrowArray *array) {
    int32_t *indexes = kept->blocks[0] = calloc((size_t)array->length + 1, sizeof *indexes);
    for (int64_t i = 0; i < array->length; i++)
        indexes[i] = (int32_t)i;
    kept->dictionary = kept->original;
    kept->dictionary.release = release_nothing;
    kept->buffers[1] = indexes;
    array->n_buffers = 2;
    array->n_children = 0;
    array->dictionary = &kept->dictionary;
}

static void change(const char *name, struct ArrowArray *array, struct kept_column *kept) {
    kept->original = *array;
    for (int64_t i = 0; i < array->n_buffers && i < 4; i++)
        kept->buffers[i] = array->buffers[i];
    array->buffers = kept->buffers;
    if (format_is(name, "n")) {
        array->n_buffers = 0;
        array->null_count = array->length;
    } else if (format_begins(name, "d:76")) { /* four integers of 64 bits, the lowest first */
        kept->buffers[1] = array->children[0]->buffers[1];
        array->n_buffers = 2;
        array->n_children = 0;
    } else if (format_is(name, "U") || format_is(name, "Z") || format_begins(name, "+L")) {
        kept->buffers[1] = wide_offsets(kept, array->length);
    } else if (format_is(name, "vu") || format_is(name, "vz")) {
        make_views(kept, array);
    } else if (format_begins(name, "+vl") || format_begins(name, "+vL")) {
        make_list_view(kept, array, name[2] == 'L');
    } else if (format_begins(name, "dictionary")) {
        make_dictionary(kept, array);
    }
}

static void release(struct ArrowArray *array) {
    struct kept *kept = array->private_data;
    for (int64_t i = 0; i < kept->original.n_children; i++) {
        struct kept_column *column = &kept->columns[i];
        *kept->original.children[i] = column->original;
        for (size_t block = 0; block < 3; block++)
            free(column->blocks[block]);
    }
    kept->original.release(&kept->original);
    free(kept);
    array->release = NULL;
}

static int next(struct ArrowArrayStream *stream, struct ArrowArray *array) {
    struct ArrowSchema schema;
    int status = real_next(stream, array);
    if (status != 0 || array->release == NULL || (status = real_schema(stream, &schema)) != 0)
        return status;
    struct kept *kept = calloc(1, sizeof *kept + (size_t)array->n_children * sizeof kept->columns[0]);
    kept->original = *array;
    for (int64_t i = 0; i < array->n_children; i++)
        change(told(schema.children[i]->name), array->children[i], &kept->columns[i]);
    schema.release(&schema);
    array->private_data = kept;
    array->release = release;
    return 0;
}

/* "+w:2(i)>text" is "+w:2" of what DuckDB delivers; "dictionary(i)>text" is 32 bits into a dictionary of that. */
static void tell(struct ArrowSchema *schema) {
    const char *name = told(schema->name);
    if (*name == '\0')
        return;
    if (format_begins(name, "dictionary")) {
        struct ArrowSchema *dictionary = calloc(1, sizeof *dictionary);
        dictionary->format = strdup(schema->format);
        dictionary->name = "";
        dictionary->flags = schema->flags;
        dictionary->release = release_no_schema;
        schema->dictionary = dictionary;
        schema->format = "i";
        return;
    }
    if (format_begins(name, "d:76"))
        schema->n_children = 0;
    schema->format = strndup(name, strcspn(name, "(>"));
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema) {
    int status = real_schema(stream, schema);
    for (int64_t i = 0; status == 0 && i < schema->n_children; i++)
        tell(schema->children[i]);
    return status;
}

static AdbcStatusCode execute(struct AdbcStatement *statement, struct ArrowArrayStream *stream, int64_t *rows,
                              struct AdbcError *error) {
    AdbcStatusCode status = real_execute(statement, stream, rows, error);
    if (status == ADBC_STATUS_OK && stream != NULL && stream->release != NULL) {
        real_next = stream->get_next;
        real_schema = stream->get_schema;
        stream->get_next = next;
        stream->get_schema = get_schema;
    }
    return status;
}

AdbcStatusCode arrow_init(int version, void *driver, struct AdbcError *error);

AdbcStatusCode arrow_init(int version, void *driver, struct AdbcError *error) {
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
