/* The next batch: where each column's values lie, whether they can be trusted to lie there, and what to look out for. */
#include "encode/internal.h"

#include <string.h>

static bool broken(struct error *error, const struct encode_column *column, const char *what) {
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

/* Text can't hold a 0x00 in PostgreSQL: one search over all of the batch's bytes, and a closer look only if it finds. */
static bool bytes_hold_nul(const struct encode_column *column, uint64_t begin, uint64_t end) {
    if (!source_is_text(column->source.type) || column->target->type_oid == PG_UUID)
        return false;
    return memchr(column->values + begin, 0, end - begin) != NULL;
}

static bool set_offsets(struct encode_column *column, const struct ArrowArray *child, int64_t offset, int64_t length,
                        struct error *error) {
    if (child->n_buffers != 3 || child->buffers[1] == NULL)
        return broken(error, column, "it has no offsets");
    uint64_t begin;
    uint64_t end;
    if (column->layout == LAYOUT_OFFSETS_32) {
        const int32_t *offsets = (const int32_t *)child->buffers[1] + offset;
        if (!offsets_rise_32(offsets, length))
            return broken(error, column, "its offsets fall");
        column->offsets = offsets;
        begin = (uint64_t)offsets[0];
        end = (uint64_t)offsets[length];
    } else {
        const int64_t *offsets = (const int64_t *)child->buffers[1] + offset;
        if (!offsets_rise_64(offsets, length))
            return broken(error, column, "its offsets fall");
        column->offsets = offsets;
        begin = (uint64_t)offsets[0];
        end = (uint64_t)offsets[length];
    }
    column->values = child->buffers[2];
    if (column->values == NULL) {
        if (end != begin)
            return broken(error, column, "it has no bytes");
        column->values = (const uint8_t *)""; /* empty strings only: Arrow may leave the buffer out */
    }
    column->search_nul = bytes_hold_nul(column, begin, end);
    return true;
}

static bool set_column(struct encode_column *column, const struct ArrowArray *child, int64_t batch_offset,
                       int64_t length, struct error *error) {
    if (child->length < batch_offset + length || child->offset < 0)
        return broken(error, column, "it is shorter than the batch");
    if (child->n_buffers < 2 || child->dictionary != NULL)
        return broken(error, column, "its buffers aren't those of its type");
    int64_t offset = batch_offset + child->offset;
    column->validity = child->null_count == 0 ? NULL : child->buffers[0];
    column->bit_offset = offset;
    column->value_bit_offset = offset;
    if (column->layout == LAYOUT_OFFSETS_32 || column->layout == LAYOUT_OFFSETS_64)
        return set_offsets(column, child, offset, length, error);
    column->values = child->buffers[1];
    if (column->values == NULL) {
        bool all_null = column->validity != NULL && !any_bit_is(true, column->validity, offset, length);
        return (all_null || (column->layout == LAYOUT_FIXED && column->value_width == 0)) ||
               broken(error, column, "it has no values");
    }
    if (column->layout == LAYOUT_FIXED)
        column->values += offset * column->value_width;
    return true;
}

static int64_t first_inexact(const struct encode_column *column, int64_t length) {
    for (int64_t row = 0; row < length; row++)
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
    encoder->next_inexact = INT64_MAX;
    encoder->batch_has_nulls = false;
    if (!batch_is_whole(encoder, batch, error))
        return false;
    if (batch->length == 0)
        return true; /* its buffers may be absent */
    for (size_t i = 0; i < encoder->column_count; i++) {
        struct encode_column *column = &encoder->columns[i];
        if (!set_column(column, batch->children[i], batch->offset, batch->length, error))
            return false;
        encoder->batch_has_nulls |= column->validity != NULL;
    }
    if (encoder->options.inexact_column >= 0) {
        const struct ArrowArray *child = batch->children[encoder->options.inexact_column];
        if (!set_column(&encoder->inexact, child, batch->offset, batch->length, error))
            return false;
        encoder->next_inexact = first_inexact(&encoder->inexact, batch->length);
    }
    encoder->row_count = batch->length;
    return true;
}
