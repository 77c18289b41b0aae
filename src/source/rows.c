/* Small results as text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "source/internal.h"

/* One value as text; false where its type has no text form that could be meant. */
static bool append_value(const struct ArrowArrayView *view, int64_t row, struct buffer *text) {
    switch (view->storage_type) {
    case NANOARROW_TYPE_STRING:
    case NANOARROW_TYPE_LARGE_STRING:
    case NANOARROW_TYPE_STRING_VIEW: {
        struct ArrowStringView string = ArrowArrayViewGetStringUnsafe(view, row);
        buffer_append_bytes(text, string.data, (size_t)string.size_bytes);
        return true;
    }
    case NANOARROW_TYPE_BOOL:
        buffer_append(text, ArrowArrayViewGetIntUnsafe(view, row) != 0 ? "true" : "false");
        return true;
    case NANOARROW_TYPE_UINT64:
        buffer_appendf(text, "%" PRIu64, ArrowArrayViewGetUIntUnsafe(view, row));
        return true;
    case NANOARROW_TYPE_INT8:
    case NANOARROW_TYPE_UINT8:
    case NANOARROW_TYPE_INT16:
    case NANOARROW_TYPE_UINT16:
    case NANOARROW_TYPE_INT32:
    case NANOARROW_TYPE_UINT32:
    case NANOARROW_TYPE_INT64:
        buffer_appendf(text, "%" PRId64, ArrowArrayViewGetIntUnsafe(view, row));
        return true;
    case NANOARROW_TYPE_DECIMAL128: {
        struct ArrowDecimal decimal;
        struct ArrowBuffer digits;
        ArrowDecimalInit(&decimal, 128, 38, 0);
        ArrowArrayViewGetDecimalUnsafe(view, row, &decimal);
        ArrowBufferInit(&digits);
        bool ok = ArrowDecimalAppendDigitsToBuffer(&decimal, &digits) == NANOARROW_OK;
        if (ok)
            buffer_append_bytes(text, (const char *)digits.data, (size_t)digits.size_bytes);
        ArrowBufferReset(&digits);
        return ok;
    }
    default:
        return false;
    }
}

/* SHOW answers with what the service likes, times among it, and has no SELECT list in which to cast. */
static bool is_show(const char *sql) {
    return strncmp(sql, "SHOW ", 5) == 0;
}

static bool append_batch(struct source_rows *rows, struct ArrowArrayView *view, const struct ArrowArray *batch,
                         bool show, struct error *error) {
    struct ArrowError arrow_error;
    if (ArrowArrayViewSetArray(view, batch, &arrow_error) != NANOARROW_OK)
        return error_set(error, ERROR_INTERNAL, "the driver's batch is malformed: %s", arrow_error.message);
    size_t added = (size_t)batch->length, columns = rows->column_count;
    rows->cells = memory_resize(rows->cells, (rows->row_count + added) * columns, sizeof *rows->cells);
    memset(rows->cells + rows->row_count * columns, 0, added * columns * sizeof *rows->cells);
    rows->cut = memory_resize(rows->cut, (rows->row_count + added) * columns, sizeof *rows->cut);
    memset(rows->cut + rows->row_count * columns, 0, added * columns * sizeof *rows->cut);
    for (size_t row = 0; row < added; row++) {
        for (size_t column = 0; column < columns; column++) {
            const struct ArrowArrayView *child = view->children[column];
            if (ArrowArrayViewIsNull(child, (int64_t)row))
                continue;
            struct buffer text = {0};
            if (!append_value(child, (int64_t)row, &text)) {
                buffer_release(&text);
                if (show)
                    continue;
                return error_set(error, ERROR_INTERNAL, "column %zu of a query is no text: it lacks a cast",
                                 column + 1);
            }
            size_t cell = (rows->row_count + row) * columns + column;
            rows->cut[cell] = text.length > 0 && memchr(text.data, '\0', text.length) != NULL;
            rows->cells[cell] = buffer_steal(&text);
        }
    }
    rows->row_count += added;
    return true;
}

/* Counts come as decimals without scale; any other decimal must have been cast to text by the query. */
static bool check_scales(const struct ArrowSchema *schema, struct error *error) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct ArrowSchemaView column;
        struct ArrowError arrow_error;
        if (ArrowSchemaViewInit(&column, schema->children[i], &arrow_error) != NANOARROW_OK)
            return error_set(error, ERROR_INTERNAL, "the driver's schema is malformed: %s", arrow_error.message);
        if (column.type == NANOARROW_TYPE_DECIMAL128 && column.decimal_scale != 0)
            return error_set(error, ERROR_INTERNAL, "column %lld of a query is no text: it lacks a cast",
                             (long long)i + 1);
    }
    return true;
}

static bool read_all(struct source_stream *stream, struct source_rows *rows, bool show, struct error *error) {
    struct ArrowArrayView view;
    struct ArrowError arrow_error;
    rows->column_count = (size_t)stream->schema.n_children;
    rows->names = memory_array(rows->column_count, sizeof *rows->names);
    for (size_t i = 0; i < rows->column_count; i++)
        rows->names[i] =
            memory_copy_string(stream->schema.children[i]->name != NULL ? stream->schema.children[i]->name : "");
    if (!show && !check_scales(&stream->schema, error))
        return false;
    if (ArrowArrayViewInitFromSchema(&view, &stream->schema, &arrow_error) != NANOARROW_OK)
        return error_set(error, ERROR_INTERNAL, "the driver's schema is malformed: %s", arrow_error.message);
    bool ok = true;
    for (bool end = false; ok && !end;) {
        struct ArrowArray batch;
        ok = source_stream_next(stream, &batch, &end, error);
        if (ok && !end)
            ok = append_batch(rows, &view, &batch, show, error);
        if (batch.release != NULL)
            batch.release(&batch);
    }
    ArrowArrayViewReset(&view);
    return ok;
}

bool source_query_rows(struct source_connection *connection, const char *sql, struct source_rows *rows,
                       struct error *error) {
    struct source_stream stream;
    memset(rows, 0, sizeof *rows);
    if (!source_stream_open(connection, sql, &stream, error))
        return false;
    bool ok = read_all(&stream, rows, is_show(sql), error);
    source_stream_close(&stream);
    if (!ok)
        source_rows_release(rows);
    return ok;
}

void source_rows_release(struct source_rows *rows) {
    for (size_t i = 0; rows->cells != NULL && i < rows->row_count * rows->column_count; i++)
        free(rows->cells[i]);
    for (size_t i = 0; rows->names != NULL && i < rows->column_count; i++)
        free(rows->names[i]);
    memory_release(&rows->cells);
    memory_release(&rows->cut);
    memory_release(&rows->names);
    memset(rows, 0, sizeof *rows);
}

const char *source_cell(const struct source_rows *rows, size_t row, size_t column) {
    return rows->cells[row * rows->column_count + column];
}

int64_t source_rows_column(const struct source_rows *rows, const char *name) {
    for (size_t i = 0; i < rows->column_count; i++)
        if (strcmp(rows->names[i], name) == 0)
            return (int64_t)i;
    return -1;
}

bool source_cell_is_cut(const struct source_rows *rows, size_t row, size_t column) {
    return rows->cut != NULL && rows->cut[row * rows->column_count + column];
}
