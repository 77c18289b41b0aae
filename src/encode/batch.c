/* The next batch: where each column's values lie, whether they can be trusted to lie there, and what to look out for. */
#include "encode/internal.h"

#include <string.h>

bool column_broken(struct error *error, const struct encode_column *column, const char *what) {
    error_set(error, ERROR_INTERNAL, "column \"%s\": the driver delivered a broken Arrow batch: %s",
              column->target->name != NULL ? column->target->name : "inexact", what);
    return error_hint(error, "this is a defect of the source's driver, or of thaw; no row of the batch was used");
}

static bool any_bit_is(bool wanted, const uint8_t *bits, int64_t offset, int64_t length) {
    for (int64_t i = 0; i < length; i++)
        if (bit_is_set(bits, offset + i) == wanted)
            return true;
    return false;
}

/* Offsets that fall or are negative would send the copy of a value anywhere. */
static bool offsets_rise_32(const int32_t *offsets, int64_t length) {
    int falls = offsets[0] < 0;
    for (int64_t i = 0; i < length; i++)
        falls |= offsets[i + 1] < offsets[i];
    return !falls;
}

static bool offsets_rise_64(const int64_t *offsets, int64_t length) {
    int falls = offsets[0] < 0;
    for (int64_t i = 0; i < length; i++)
        falls |= offsets[i + 1] < offsets[i];
    return !falls;
}

bool offsets_rise(const void *offsets, bool wide, int64_t length) {
    return wide ? offsets_rise_64(offsets, length) : offsets_rise_32(offsets, length);
}

/* Text can't hold a 0x00 in PostgreSQL: one search over all of the batch's bytes, and a closer look only if it finds. */
static bool bytes_hold_nul(const struct encode_column *column, uint64_t begin, uint64_t end) {
    if (!source_is_text(column->source.type) || column->target->type_oid == PG_UUID)
        return false;
    return memchr(column->values + begin, 0, end - begin) != NULL;
}

static bool set_offsets(struct encode_column *column, const struct ArrowArray *child, int64_t offset, int64_t length,
                        struct error *error) {
    if (child->n_buffers != 3 || child->buffers[1] == NULL)
        return column_broken(error, column, "it has no offsets");
    uint64_t begin;
    uint64_t end;
    if (column->layout == LAYOUT_OFFSETS_32) {
        const int32_t *offsets = (const int32_t *)child->buffers[1] + offset;
        if (!offsets_rise_32(offsets, length))
            return column_broken(error, column, "its offsets fall");
        column->offsets = offsets;
        begin = (uint64_t)offsets[0];
        end = (uint64_t)offsets[length];
    } else {
        const int64_t *offsets = (const int64_t *)child->buffers[1] + offset;
        if (!offsets_rise_64(offsets, length))
            return column_broken(error, column, "its offsets fall");
        column->offsets = offsets;
        begin = (uint64_t)offsets[0];
        end = (uint64_t)offsets[length];
    }
    column->values = child->buffers[2];
    if (column->values == NULL) {
        if (end != begin)
            return column_broken(error, column, "it has no bytes");
        column->values = (const uint8_t *)""; /* empty strings only: Arrow may leave the buffer out */
    }
    column->search_nul = bytes_hold_nul(column, begin, end);
    return true;
}

/* Each view lies within its buffer. The last buffer of all holds the sizes of those before it. */
static bool set_views(struct encode_column *column, const struct ArrowArray *child, int64_t offset, int64_t length,
                      struct error *error) {
    int64_t buffers = child->n_buffers - 3;
    const int64_t *sizes = buffers < 0 ? NULL : child->buffers[child->n_buffers - 1];
    if (child->buffers[1] == NULL || buffers < 0 || (buffers > 0 && sizes == NULL))
        return column_broken(error, column, "its buffers aren't those of its type");
    column->values = (const uint8_t *)child->buffers[1] + offset * (int64_t)sizeof(union ArrowBinaryView);
    column->view_buffers = (const uint8_t *const *)child->buffers + 2;
    for (int64_t row = 0; row < length; row++) {
        union ArrowBinaryView view;
        memcpy(&view, column->values + row * (int64_t)sizeof view, sizeof view);
        if (column_is_null(column, row) ||
            (view.inlined.size >= 0 && view.inlined.size <= NANOARROW_BINARY_VIEW_INLINE_SIZE))
            continue;
        if (view.inlined.size < 0 || view.ref.buffer_index < 0 || view.ref.buffer_index >= buffers ||
            view.ref.offset < 0 || (int64_t)view.ref.offset + view.ref.size > sizes[view.ref.buffer_index])
            return column_broken(error, column, "a view leads beyond its buffers");
    }
    column->search_nul = source_is_text(column->source.type) && column->target->type_oid != PG_UUID;
    return true;
}

bool column_set(struct encode_column *column, const struct ArrowArray *child, int64_t batch_offset, int64_t length,
                struct error *error) {
    if (child->length < batch_offset + length || child->offset < 0)
        return column_broken(error, column, "it is shorter than the batch");
    if (child->n_buffers < 2 || child->dictionary != NULL)
        return column_broken(error, column, "its buffers aren't those of its type");
    int64_t offset = batch_offset + child->offset;
    column->validity = child->null_count == 0 ? NULL : child->buffers[0];
    column->bit_offset = offset;
    column->value_bit_offset = offset;
    if (column->layout == LAYOUT_OFFSETS_32 || column->layout == LAYOUT_OFFSETS_64)
        return set_offsets(column, child, offset, length, error);
    if (column->layout == LAYOUT_VIEWS)
        return set_views(column, child, offset, length, error);
    column->values = child->buffers[1];
    if (column->values == NULL) {
        bool all_null = column->validity != NULL && !any_bit_is(true, column->validity, offset, length);
        return (all_null || (column->layout == LAYOUT_FIXED && column->value_width == 0)) ||
               column_broken(error, column, "it has no values");
    }
    if (column->layout == LAYOUT_FIXED)
        column->values += offset * column->value_width;
    return true;
}

int64_t next_inexact(const struct encode_column *column, int64_t from, int64_t length) {
    for (int64_t row = from; row < length; row++)
        if (!column_is_null(column, row))
            return row;
    return INT64_MAX;
}

static bool batch_is_whole(const struct encoder *encoder, const struct ArrowArray *batch, struct error *error) {
    int64_t needed = (int64_t)encoder->column_count;
    if (encoder->options.inexact_column >= needed)
        needed = encoder->options.inexact_column + 1;
    if (batch->length < 0 || batch->offset < 0 || batch->n_children < needed)
        return error_set(error, ERROR_INTERNAL, "the driver delivered a broken Arrow batch: %lld columns of %lld",
                         (long long)batch->n_children, (long long)needed);
    if (batch->null_count != 0 && batch->n_buffers > 0 && batch->buffers[0] != NULL &&
        any_bit_is(false, batch->buffers[0], batch->offset, batch->length))
        return error_set(error, ERROR_INTERNAL, "the driver delivered an Arrow batch in which whole rows are NULL");
    return true;
}

bool encoder_set_batch(struct encoder *encoder, const struct ArrowArray *batch, struct error *error) {
    if (encoder_rows_left(encoder) > 0)
        return error_set(error, ERROR_INTERNAL, "a new batch while %lld rows of the last one are not encoded",
                         (long long)encoder_rows_left(encoder));
    encoder->row = 0;
    encoder->row_count = 0;
    encoder->flat_end = 0;
    encoder->next_inexact = INT64_MAX;
    encoder->batch_has_nulls = false;
    encoder->tallies.nul_bytes.last_row = encoder->tallies.rounding.last_row = -1;
    if (!batch_is_whole(encoder, batch, error))
        return false;
    if (batch->length == 0)
        return true; /* its buffers may be absent */
    for (size_t i = 0; i < encoder->column_count; i++) {
        struct encode_column *column = &encoder->columns[i];
        if (!(column->flat != NULL ? flat_set : column_set)(column, batch->children[i], batch->offset, batch->length,
                                                            error))
            return false;
        encoder->batch_has_nulls |= column->validity != NULL;
    }
    if (encoder->options.inexact_column >= 0) {
        const struct ArrowArray *child = batch->children[encoder->options.inexact_column];
        if (!column_set(&encoder->inexact, child, batch->offset, batch->length, error))
            return false;
        encoder->next_inexact = next_inexact(&encoder->inexact, 0, batch->length);
    }
    encoder->row_count = batch->length;
    return true;
}
