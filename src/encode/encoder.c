/* The encoder: a stream's columns, a batch at a time, into segments of rows. */
#include "encode/internal.h"

#include <string.h>

#include "base/memory.h"

/* Rows whose room is reserved together. */
enum { BLOCK_ROWS = 64, CAPACITY_STEP = 65536, MAXIMUM_RESERVE = 16777216, MAXIMUM_COLUMNS = 32767, FLAT_ROWS = 1024 };

static bool open_column(struct encoder *encoder, struct encode_column *column, const struct ArrowSchema *schema,
                        const struct encode_target *target, struct error *error) {
    char reason[512];
    column->target = target;
    enum encode_support support = encode_pair_open(column, schema, reason, sizeof reason);
    if (support == PAIR_REFUSED) {
        error_set(error, ERROR_CONFIG, "column \"%s\" (%s): Arrow's %s can't be copied into it: %s", target->name,
                  target->type_name, schema->format, reason);
        return error_hint(error,
                          "docs/types.md lists the pairs of types; change the column's type, or cast in a view of "
                          "the source");
    }
    if (support == PAIR_TEXT && encoder->options.format != ENCODE_TEXT)
        return error_set(error, ERROR_INTERNAL, "column \"%s\" (%s) has no binary form, and COPY's format is binary",
                         target->name, target->type_name);
    encode_column_prepare(column);
    column->may_round = encoder->options.allow_rounding;
    column->may_remove_nul = encoder->options.remove_nul_bytes;
    column->tallies = &encoder->tallies;
    if (column->flat != NULL) {
        encoder->has_flat = true;
        if (column->flat->element != NULL) {
            column->flat->element->may_round = column->may_round;
            column->flat->element->may_remove_nul = column->may_remove_nul;
        }
    }
    return true;
}

static bool open_inexact(struct encoder *encoder, const struct ArrowSchema *schema, struct error *error) {
    char reason[256];
    int64_t index = encoder->options.inexact_column;
    if (index >= schema->n_children)
        return error_set(error, ERROR_INTERNAL, "the stream has %lld columns, and none to tell inexact values",
                         (long long)schema->n_children);
    const struct ArrowSchema *child = schema->children[index];
    struct encode_source *source = &encoder->inexact.source;
    if (!encode_source_parse(child, source, reason, sizeof reason))
        return error_set(error, ERROR_INTERNAL, "the column that tells inexact values: %s", reason);
    if (!source_is_integer(source->type) && !source_is_decimal(source->type))
        return error_set(error, ERROR_INTERNAL, "the column that tells inexact values isn't of an integer type but %s",
                         child->format);
    static const struct encode_target number = {.type_oid = PG_INT8, .type_modifier = -1};
    encoder->inexact.target = &number;
    encode_column_prepare(&encoder->inexact);
    return true;
}

static bool open_columns(struct encoder *encoder, const struct ArrowSchema *schema, const struct encode_target *targets,
                         struct error *error) {
    size_t count = encoder->column_count;
    if (count == 0 || count > MAXIMUM_COLUMNS || schema->n_children < (int64_t)count)
        return error_set(error, ERROR_INTERNAL, "%zu target columns for a stream of %lld", count,
                         (long long)schema->n_children);
    for (size_t i = 0; i < encoder->options.key_count; i++)
        if (encoder->options.key_columns[i] >= count)
            return error_set(error, ERROR_INTERNAL, "key column %zu of %zu columns", encoder->options.key_columns[i],
                             count);
    encoder->row_size = 2; /* the column count in front */
    for (size_t i = 0; i < count; i++) {
        if (!open_column(encoder, &encoder->columns[i], schema->children[i], &targets[i], error))
            return false;
        encoder->row_size += encoder->columns[i].maximum_size;
    }
    return encoder->options.inexact_column < 0 || open_inexact(encoder, schema, error);
}

bool encoder_open(struct encoder **encoder, const struct ArrowSchema *schema, const struct encode_target *targets,
                  size_t target_count, const struct encode_options *options, struct error *error) {
    struct encoder *opened = memory_allocate(sizeof *opened);
    opened->options = *options;
    opened->column_count = target_count;
    opened->columns = memory_array(target_count + 1, sizeof *opened->columns);
    if (!open_columns(opened, schema, targets, error)) {
        encoder_close(&opened);
        return false;
    }
    *encoder = opened;
    return true;
}

void encoder_close(struct encoder **encoder) {
    if (*encoder == NULL)
        return;
    for (size_t i = 0; i < (*encoder)->column_count; i++)
        flat_close(&(*encoder)->columns[i]);
    buffer_release(&(*encoder)->scratch);
    buffer_release(&(*encoder)->text);
    memory_release(&(*encoder)->columns);
    memory_release(encoder);
}

int64_t encoder_rows_left(const struct encoder *encoder) {
    return encoder->row_count - encoder->row;
}

int64_t encoder_rows_done(const struct encoder *encoder) {
    return encoder->rows_done;
}

int64_t encoder_rows_refused(const struct encoder *encoder) {
    return encoder->rows_refused;
}

struct encode_changes encoder_changes(const struct encoder *encoder) {
    const struct encode_tally *nul_bytes = &encoder->tallies.nul_bytes;
    const struct encode_tally *rounding = &encoder->tallies.rounding;
    return (struct encode_changes){nul_bytes->rows, nul_bytes->values, rounding->rows, rounding->values};
}

static void segment_reserve(struct encode_segment *segment, size_t size) {
    size_t needed = segment->length + size + ENCODE_TRAILER_BYTES;
    if (needed <= segment->capacity)
        return;
    needed = (needed + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
    segment->bytes = memory_resize(segment->bytes, needed, 1);
    segment->capacity = needed;
}

void encode_segment_begin(struct encoder *encoder, struct encode_segment *segment) {
    static const uint8_t header[ENCODE_HEADER_BYTES] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n'};
    segment->length = 0;
    segment->rows = 0;
    segment->first_row = encoder->rows_done + 1;
    segment->format = encoder->options.format;
    if (segment->format == ENCODE_TEXT)
        return;
    segment_reserve(segment, ENCODE_HEADER_BYTES);
    memcpy(segment->bytes, header, ENCODE_HEADER_BYTES);
    segment->length = ENCODE_HEADER_BYTES;
}

void encode_segment_end(struct encode_segment *segment) {
    if (segment->format == ENCODE_TEXT)
        return;
    segment_reserve(segment, 0); /* always there after rows; makes this safe on its own */
    store_16(segment->bytes + segment->length, 0xffff);
    segment->length += ENCODE_TRAILER_BYTES;
}

void encode_segment_release(struct encode_segment *segment) {
    memory_release(&segment->bytes);
    *segment = (struct encode_segment){0};
}

static uint64_t views_size(const struct encode_column *column, int64_t row, int64_t count) {
    uint64_t size = 0;
    for (int64_t i = row; i < row + count; i++) {
        int32_t length; /* the first of a view's fields */
        memcpy(&length, column->values + i * (int64_t)sizeof(union ArrowBinaryView), sizeof length);
        if (!column_is_null(column, i))
            size += (uint64_t)length;
    }
    return size;
}

/* What rows [row, row + count) take at most. */
static uint64_t rows_size(const struct encoder *encoder, int64_t row, int64_t count) {
    uint64_t size = encoder->row_size * (uint64_t)count;
    for (size_t i = 0; i < encoder->column_count; i++) {
        const struct encode_column *column = &encoder->columns[i];
        if (column->layout == LAYOUT_OFFSETS_32) {
            const int32_t *offsets = column->offsets;
            size += (uint64_t)(offsets[row + count] - offsets[row]);
        } else if (column->layout == LAYOUT_OFFSETS_64) {
            const int64_t *offsets = column->offsets;
            size += (uint64_t)(offsets[row + count] - offsets[row]);
        } else if (column->layout == LAYOUT_VIEWS) {
            size += views_size(column, row, count);
        }
    }
    return size;
}

/* How many rows from the next one to encode together: as many as surely fit, at least one. False: the row is too large. */
static bool reserve_block(struct encoder *encoder, struct encode_segment *segment, int64_t *count,
                          struct error *error) {
    int64_t left = encoder->flat_end - encoder->row;
    int64_t rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    uint64_t size;
    while ((size = rows_size(encoder, encoder->row, rows)) + segment->length + ENCODE_TRAILER_BYTES >
               segment->capacity &&
           rows > 1)
        rows /= 2;
    if (rows == 1 && size - encoder->row_size > PG_MAXIMUM_ALLOCATION)
        return encode_explain_row_size(encoder, encoder->row, size, error);
    segment_reserve(segment, size);
    *count = rows;
    return true;
}

struct block {
    uint8_t *out;
    const uint8_t *limit;         /* no further row begins at or behind it */
    struct encode_column *failed; /* the column that can't write the row at which the block stopped */
};

/* Rows from `row` to `end`; returns the first that isn't written. Inlined twice, so that batches without NULLs pay nothing
 * for them. */
static inline __attribute__((always_inline)) int64_t encode_block(struct encoder *encoder, struct block *block,
                                                                  int64_t row, int64_t end, const bool nulls) {
    struct encode_column *const first = encoder->columns;
    struct encode_column *const last = first + encoder->column_count;
    const uint16_t column_count = (uint16_t)encoder->column_count;
    uint8_t *out = block->out;
    for (; row < end && out < block->limit; row++) {
        uint8_t *start = out;
        store_16(out, column_count);
        out += 2;
        for (struct encode_column *column = first; column != last; column++) {
            if (nulls && column_is_null(column, row)) {
                store_32(out, UINT32_MAX);
                out += 4;
                continue;
            }
            out = column->write(column, row, out);
            if (__builtin_expect(out == NULL, 0)) {
                block->out = start;
                block->failed = column;
                return row;
            }
        }
    }
    block->out = out;
    return row;
}

/* Nested and dictionary-encoded values of the next rows, where there are any; few enough at a time that what they become
 * stays small beside the batch. */
static void fill_flat(struct encoder *encoder) {
    int64_t end = encoder->row_count;
    if (encoder->has_flat && end > encoder->flat_end + FLAT_ROWS)
        end = encoder->flat_end + FLAT_ROWS;
    for (size_t i = 0; encoder->has_flat && i < encoder->column_count; i++)
        if (encoder->columns[i].flat != NULL)
            flat_fill(&encoder->columns[i], encoder->flat_end, end);
    encoder->flat_end = end;
}

/* The source's query says that a value of the next row lost digits. */
static bool pass_inexact(struct encoder *encoder, struct error *error) {
    if (!encoder->options.allow_rounding) {
        int128 number = source_integer(&encoder->inexact, encoder->row);
        if (number >= 1 && number <= (int128)encoder->column_count)
            encoder->refused = &encoder->columns[(size_t)number - 1];
        return encode_explain_inexact(encoder, encoder->row, error);
    }
    tally_add(&encoder->tallies.rounding, encoder->row, 1);
    encoder->next_inexact = next_inexact(&encoder->inexact, encoder->row + 1, encoder->row_count);
    return true;
}

/* The tallies may have counted a part of a row that was refused in the end. */
static void forget_row(struct encode_tally *tally, int64_t row) {
    if (tally->last_row != row)
        return;
    tally->rows--;
    tally->values -= tally->last_row_values;
    tally->last_row = -1;
}

/* Some rows of those that are ready, at least one. */
static bool encode_some(struct encoder *encoder, struct encode_segment *segment, size_t limit, struct error *error) {
    int64_t count = 0;
    if (!reserve_block(encoder, segment, &count, error))
        return false;
    int64_t end = encoder->row + count;
    if (end > encoder->next_inexact)
        end = encoder->next_inexact;
    size_t stop = limit < segment->capacity ? limit : segment->capacity;
    struct block block = {.out = segment->bytes + segment->length, .limit = segment->bytes + stop};
    int64_t reached;
    if (segment->format == ENCODE_TEXT) {
        reached = encode_text_block(encoder, segment, limit, encoder->row, end, &block.failed);
    } else {
        reached = encoder->batch_has_nulls ? encode_block(encoder, &block, encoder->row, end, true)
                                           : encode_block(encoder, &block, encoder->row, end, false);
        segment->length = (size_t)(block.out - segment->bytes);
    }
    segment->rows += reached - encoder->row;
    encoder->rows_done += reached - encoder->row;
    encoder->row = reached;
    if (block.failed == NULL)
        return true;
    forget_row(&encoder->tallies.nul_bytes, reached);
    forget_row(&encoder->tallies.rounding, reached);
    encoder->refused = block.failed;
    return encode_explain(encoder, block.failed, reached, error);
}

void encoder_pass_row(struct encoder *encoder, const struct error *error, struct encode_refusal *refusal) {
    refuse_batch_row(encoder, error, refusal);
    forget_row(&encoder->tallies.nul_bytes, encoder->row);
    forget_row(&encoder->tallies.rounding, encoder->row);
    if (encoder->row == encoder->next_inexact)
        encoder->next_inexact = next_inexact(&encoder->inexact, encoder->row + 1, encoder->row_count);
    encoder->row++;
    encoder->rows_done++;
    encoder->rows_refused++;
}

bool encode_rows(struct encoder *encoder, struct encode_segment *segment, size_t byte_limit, struct error *error) {
    size_t limit = byte_limit;
    if (segment->rows == 0 && limit <= segment->length)
        limit = segment->length + 1; /* the smallest limit still takes a row, so that callers get on */
    /* Once a segment: room for its limit and a row more, so that it seldom grows afterwards. */
    if (segment->capacity < limit)
        segment_reserve(segment,
                        (limit < MAXIMUM_RESERVE ? limit : MAXIMUM_RESERVE) + encoder->row_size + CAPACITY_STEP);
    encoder->refused = NULL;
    while (encoder->row < encoder->row_count && segment->length < limit) {
        if (encoder->row == encoder->flat_end)
            fill_flat(encoder);
        /* Whether a row is inexact is told once: the tally has its number then. */
        if (encoder->row == encoder->next_inexact) {
            if (!pass_inexact(encoder, error))
                return false;
            continue;
        }
        if (!encode_some(encoder, segment, limit, error))
            return false;
    }
    return true;
}
