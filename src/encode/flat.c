/* Values that lie scattered (lists, structs, maps, behind dictionaries) are gathered for some hundred rows at a time, as
 * columns of plain types have them; from there on they are encoded like those. */
#include "encode/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

bool flat_is_needed(const struct ArrowSchema *schema) {
    struct ArrowSchemaView view;
    return ArrowSchemaViewInit(&view, schema, NULL) == NANOARROW_OK &&
           (view.type == NANOARROW_TYPE_NA || view.type == NANOARROW_TYPE_DICTIONARY || source_is_nested(view.type));
}

/* The node behind dictionaries. */
static const struct encode_node *value_node(const struct encode_node *node) {
    while (node->kind == NODE_DICTIONARY)
        node = &node->children[0];
    return node;
}

/* A dictionary of plain values: the same type, its values side by side. */
static enum encode_support open_gathered(struct encode_column *column, const struct encode_node *leaf, char *reason,
                                         size_t reason_size) {
    column->source = leaf->column.source;
    column->flat->kind = FLAT_FIXED;
    if (column->source.type == NANOARROW_TYPE_BOOL)
        column->flat->kind = FLAT_BITS;
    if (source_is_text(column->source.type)) {
        column->flat->kind = FLAT_BYTES;
        column->source.type = NANOARROW_TYPE_LARGE_STRING;
    } else if (source_is_binary(column->source.type) && column->source.type != NANOARROW_TYPE_FIXED_SIZE_BINARY) {
        column->flat->kind = FLAT_BYTES;
        column->source.type = NANOARROW_TYPE_LARGE_BINARY;
    }
    return encode_pair_resolve(column, reason, reason_size);
}

static struct flat_note *note_of(const struct encode_column *column, int64_t row) {
    return (struct flat_note *)column->flat->notes.data + row;
}

/* What was found within the value when it was gathered is told when its turn comes. */
static uint8_t *json_to_target(struct encode_column *column, int64_t row, uint8_t *out) {
    enum encode_problem problem = note_of(column, row)->problem;
    return problem != PROBLEM_NONE ? fail(column, problem) : column->flat->write(column, row, out);
}

static enum encode_support open_json(struct encode_column *column, char *reason, size_t reason_size) {
    uint32_t type_oid = column->target->type_oid;
    column->flat->kind = FLAT_JSON;
    column->source = (struct encode_source){.type = NANOARROW_TYPE_LARGE_STRING, .json = true, .nested = true};
    if (type_oid == PG_JSON || type_oid == PG_JSONB || target_is_text(column->target)) {
        enum encode_support support = encode_pair_resolve(column, reason, reason_size);
        column->flat->write = column->write;
        column->write = json_to_target;
        return support;
    }
    snprintf(reason, reason_size,
             "nested values become JSON, or a list of plain values an array: the column must be json, "
             "jsonb, text or an array");
    return PAIR_REFUSED;
}

/* Never written, so that any type can be its target. COPY in binary asks for the receive function of a type even where nothing
 * but NULL comes, and not every type of an extension has one. */
static uint8_t *nothing_to_write(struct encode_column *column, int64_t row, uint8_t *out) {
    (void)row;
    (void)out;
    return fail(column, PROBLEM_NONE);
}

enum encode_support flat_open(struct encode_column *column, const struct ArrowSchema *schema, char *reason,
                              size_t reason_size) {
    column->flat = memory_allocate(sizeof *column->flat);
    struct encode_flat *flat = column->flat;
    if (!node_open(&flat->node, schema, column->target, reason, reason_size))
        return PAIR_REFUSED;
    const struct encode_node *values = value_node(&flat->node);
    if (values->kind == NODE_NULL) {
        flat->kind = FLAT_NULL;
        column->source = (struct encode_source){.type = NANOARROW_TYPE_FIXED_SIZE_BINARY};
        column->write = nothing_to_write;
        return target_takes_binary(column->target) ? PAIR_BINARY : PAIR_TEXT;
    }
    if (values->kind == NODE_LEAF)
        return open_gathered(column, values, reason, reason_size);
    if (flat->node.kind == NODE_LIST && column->target->array) {
        flat->kind = FLAT_ARRAY;
        column->source = (struct encode_source){.nested = true};
        return array_open(column, reason, reason_size);
    }
    return open_json(column, reason, reason_size);
}

void flat_close(struct encode_column *column) {
    struct encode_flat *flat = column->flat;
    if (flat == NULL)
        return;
    node_close(&flat->node);
    buffer_release(&flat->bytes);
    buffer_release(&flat->validity);
    buffer_release(&flat->offsets);
    buffer_release(&flat->notes);
    buffer_release(&flat->element_bytes);
    memory_release(&column->flat);
}

/* Room for `size` bytes, zeroed, in the place of whatever there was. */
static void make_room(struct buffer *buffer, size_t size) {
    buffer_clear(buffer);
    memset(buffer_room(buffer, size), 0, size);
}

bool flat_set(struct encode_column *column, const struct ArrowArray *array, int64_t offset, int64_t length,
              struct error *error) {
    struct encode_flat *flat = column->flat;
    if (!node_set(&flat->node, array, offset, length, error))
        return false;
    size_t count = (size_t)length;
    bool own_validity = flat->node.kind == NODE_DICTIONARY || flat->kind == FLAT_NULL;
    if (own_validity)
        make_room(&flat->validity, count / 8 + 1);
    column->validity = own_validity ? (const uint8_t *)flat->validity.data : flat->node.column.validity;
    column->bit_offset = own_validity ? 0 : flat->node.column.bit_offset;
    column->value_bit_offset = 0;
    if (flat->kind == FLAT_FIXED)
        make_room(&flat->bytes, count * (size_t)column->value_width);
    else if (flat->kind == FLAT_BITS)
        make_room(&flat->bytes, count / 8 + 1);
    else if (flat->kind != FLAT_NULL)
        make_room(&flat->offsets, (count + 1) * sizeof(int64_t));
    if (flat->kind == FLAT_ARRAY || flat->kind == FLAT_JSON)
        make_room(&flat->notes, count * sizeof(struct flat_note));
    column->values = (const uint8_t *)flat->bytes.data;
    column->offsets = flat->offsets.data;
    return true;
}

static void set_bit(struct buffer *bits, int64_t index) {
    bits->data[index >> 3] = (char)(bits->data[index >> 3] | 1 << (index & 7));
}

/* One value of a dictionary. */
static void gather(struct encode_column *column, const struct encode_node *leaf, int64_t row, int64_t at) {
    struct encode_flat *flat = column->flat;
    uint64_t length;
    if (flat->kind == FLAT_FIXED) {
        size_t width = (size_t)column->value_width;
        memcpy(flat->bytes.data + (size_t)row * width, leaf->column.values + (size_t)at * width, width);
    } else if (flat->kind == FLAT_BITS) {
        if (source_integer(&leaf->column, at) != 0)
            set_bit(&flat->bytes, row);
    } else {
        const uint8_t *bytes = value_bytes(&leaf->column, at, &length);
        buffer_append_bytes(&flat->bytes, bytes, length);
    }
}

static void fill_row(struct encode_column *column, int64_t row) {
    struct encode_flat *flat = column->flat;
    if (flat->node.kind == NODE_DICTIONARY) {
        int64_t at = row;
        const struct encode_node *value = node_resolve(&flat->node, &at);
        if (value == NULL)
            return;
        set_bit(&flat->validity, row);
        if (flat->kind == FLAT_JSON)
            note_of(column, row)->problem = json_append(&flat->bytes, value, at);
        else
            gather(column, value, row, at);
    } else if (!node_is_null(&flat->node, row)) {
        if (flat->kind == FLAT_ARRAY)
            array_fill(column, row);
        else
            note_of(column, row)->problem = json_append(&flat->bytes, &flat->node, row);
    }
}

void flat_fill(struct encode_column *column, int64_t begin, int64_t end) {
    struct encode_flat *flat = column->flat;
    if (flat->kind == FLAT_NULL)
        return;
    bool counted = flat->kind != FLAT_FIXED && flat->kind != FLAT_BITS;
    int64_t *offsets = (int64_t *)flat->offsets.data;
    if (counted) {
        buffer_clear(&flat->bytes);
        offsets[begin] = 0;
    }
    for (int64_t row = begin; row < end; row++) {
        fill_row(column, row);
        if (counted)
            offsets[row + 1] = (int64_t)flat->bytes.length;
    }
    /* Both may have moved. */
    column->values = flat->bytes.data == NULL ? (const uint8_t *)"" : (const uint8_t *)flat->bytes.data;
    column->search_nul =
        counted && source_is_text(column->source.type) && memchr(column->values, 0, flat->bytes.length) != NULL;
}
