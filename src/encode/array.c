/* Lists into one-dimensional arrays.
 *
 * The binary form is array_recv()'s, in src/backend/utils/adt/arrayfuncs.c: dimensions, a flag for NULLs, the element's type,
 * then for each dimension its length and lower bound, then the elements as fields. */
#include "encode/internal.h"

#include <stdio.h>
#include <string.h>

enum { ARRAY_HEADER = 12, DIMENSION = 8 };

static struct encode_node *element_leaf(struct encode_node *list) {
    struct encode_node *node = &list->children[0];
    while (node->kind == NODE_DICTIONARY)
        node = &node->children[0];
    return node;
}

static struct flat_note *note_of(const struct encode_column *column, int64_t row) {
    return (struct flat_note *)column->flat->notes.data + row;
}

/* What was found when the row's elements were read is told when its turn comes. */
static bool tell_note(struct encode_column *column, int64_t row) {
    const struct flat_note *note = note_of(column, row);
    if (note->problem != PROBLEM_NONE) {
        column->problem = note->problem;
        return false;
    }
    if (note->nul_values > 0)
        tally_add(&column->tallies->nul_bytes, row, note->nul_values);
    if (note->rounded_values > 0)
        tally_add(&column->tallies->rounding, row, note->rounded_values);
    return true;
}

static uint8_t *array_to_array(struct encode_column *column, int64_t row, uint8_t *out) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(column, row, &length);
    if (!tell_note(column, row))
        return NULL;
    return put_text(column, bytes, length, out);
}

static bool array_is_whole(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    (void)text;
    (void)length;
    return tell_note(column, row);
}

enum encode_support array_open(struct encode_column *column, char *reason, size_t reason_size) {
    struct encode_flat *flat = column->flat;
    struct encode_node *leaf = element_leaf(&flat->node);
    char of_element[256] = "";
    if (leaf->kind != NODE_LEAF && leaf->kind != NODE_NULL) {
        snprintf(reason, reason_size,
                 "lists of lists, structs or maps have no array type: arrays of arrays are "
                 "rectangular in PostgreSQL");
        return PAIR_REFUSED;
    }
    flat->element_target = (struct encode_target){
        .name = column->target->name,
        .type_oid = column->target->element_type_oid,
        .type_modifier = column->target->element_modifier,
        .type_name = column->target->type_name,
        .cuts_in_silence = column->target->cuts_in_silence,
    };
    flat->element = &leaf->column;
    flat->element->target = &flat->element_target;
    enum encode_support support = PAIR_BINARY; /* NULLs alone */
    if (leaf->kind == NODE_LEAF) {
        flat->element->tallies = &flat->element_tallies;
        support = encode_pair_resolve(flat->element, of_element, sizeof of_element);
        if (support != PAIR_REFUSED)
            encode_column_prepare(flat->element);
    }
    flat->element_text = support == PAIR_TEXT;
    column->source.type = flat->element_text ? NANOARROW_TYPE_LARGE_STRING : NANOARROW_TYPE_LARGE_BINARY;
    column->write = support == PAIR_BINARY ? array_to_array : NULL;
    column->judge = support == PAIR_TEXT ? array_is_whole : NULL;
    if (support == PAIR_REFUSED)
        snprintf(reason, reason_size, "its elements: %s", of_element);
    return support;
}

static void append_quoted(struct buffer *text, const char *bytes, size_t length) {
    buffer_append_char(text, '"');
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            buffer_append_char(text, '\\');
        buffer_append_char(text, bytes[i]);
    }
    buffer_append_char(text, '"');
}

static bool append_element_text(struct encode_flat *flat, int64_t row) {
    buffer_clear(&flat->element_bytes);
    if (!text_append_value(flat->element, row, &flat->element_bytes))
        return false;
    append_quoted(&flat->bytes, buffer_string(&flat->element_bytes), flat->element_bytes.length);
    return true;
}

static bool append_element(struct encode_flat *flat, int64_t row) {
    struct encode_column *element = flat->element;
    uint64_t length = 0;
    if (element->layout != LAYOUT_FIXED && element->layout != LAYOUT_BITS)
        value_bytes(element, row, &length);
    uint8_t *out = (uint8_t *)buffer_room(&flat->bytes, element->maximum_size + length);
    uint8_t *end = element->write(element, row, out);
    if (end == NULL)
        return false;
    flat->bytes.length += (size_t)(end - out);
    return true;
}

static void append_null(struct encode_flat *flat) {
    if (flat->element_text) {
        buffer_append(&flat->bytes, "NULL");
        return;
    }
    store_32((uint8_t *)buffer_room(&flat->bytes, 4), UINT32_MAX);
    flat->bytes.length += 4;
}

static void append_header(struct encode_column *column, int64_t count) {
    struct encode_flat *flat = column->flat;
    uint8_t *out = (uint8_t *)buffer_room(&flat->bytes, ARRAY_HEADER + DIMENSION);
    store_32(out, count > 0);
    store_32(out + 4, 0);
    store_32(out + 8, column->target->element_oid);
    flat->bytes.length += ARRAY_HEADER;
    if (count == 0)
        return;
    store_32(out + 12, (uint32_t)count);
    store_32(out + 16, 1);
    flat->bytes.length += DIMENSION;
}

void array_fill(struct encode_column *column, int64_t row) {
    struct encode_flat *flat = column->flat;
    struct flat_note *note = note_of(column, row);
    size_t start = flat->bytes.length;
    bool nulls = false;
    int64_t begin, end;
    node_range(&flat->node, row, &begin, &end);
    *note = (struct flat_note){.problem = end - begin > INT32_MAX ? PROBLEM_TOO_LARGE : PROBLEM_NONE};
    flat->element_tallies = (struct encode_tallies){.nul_bytes.last_row = -1, .rounding.last_row = -1};
    if (flat->element_text)
        buffer_append_char(&flat->bytes, '{');
    else
        append_header(column, end - begin);
    for (int64_t i = begin; i < end && note->problem == PROBLEM_NONE; i++) {
        int64_t at = i;
        if (flat->element_text && i > begin)
            buffer_append_char(&flat->bytes, ',');
        if (node_resolve(&flat->node.children[0], &at) == NULL) {
            append_null(flat);
            nulls = true;
        } else if (!(flat->element_text ? append_element_text(flat, at) : append_element(flat, at))) {
            note->problem = flat->element->problem;
        }
    }
    if (flat->element_text)
        buffer_append_char(&flat->bytes, '}');
    else if (nulls)
        store_32((uint8_t *)flat->bytes.data + start + 4, 1);
    if (note->problem != PROBLEM_NONE)
        flat->bytes.length = start;
    note->nul_values = flat->element_tallies.nul_bytes.values;
    note->rounded_values = flat->element_tallies.rounding.values;
}

void array_append_text(struct buffer *text, const struct encode_target *target, const uint8_t *value, uint32_t length) {
    const struct encode_target element = {.type_oid = target->element_type_oid, .type_modifier = -1};
    const uint8_t *end = value + length;
    const uint8_t *at = value + ARRAY_HEADER + (load_32(value) > 0 ? DIMENSION : 0);
    struct buffer plain = {0};
    buffer_append_char(text, '{');
    for (bool first = true; at < end; first = false) {
        uint32_t size = load_32(at);
        at += 4;
        if (!first)
            buffer_append_char(text, ',');
        if (size == UINT32_MAX) {
            buffer_append(text, "NULL");
            continue;
        }
        buffer_clear(&plain);
        field_append_text(&plain, &element, at, size);
        append_quoted(text, buffer_string(&plain), plain.length);
        at += size;
    }
    buffer_append_char(text, '}');
    buffer_release(&plain);
}
