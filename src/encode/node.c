/* The tree of a nested or dictionary-encoded column: lists, structs, maps and what is in them.
 * Layouts: https://arrow.apache.org/docs/format/Columnar.html */
#include "encode/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { DEEPEST = 64 };

static bool open_at(struct encode_node *node, const struct ArrowSchema *schema, const struct encode_target *target,
                    int depth, char *reason, size_t reason_size);

static bool open_children(struct encode_node *node, struct ArrowSchema **schemas, size_t count,
                          const struct encode_target *target, int depth, char *reason, size_t reason_size) {
    node->children = memory_array(count + 1, sizeof *node->children);
    node->child_count = count;
    for (size_t i = 0; i < count; i++)
        if (!open_at(&node->children[i], schemas[i], target, depth + 1, reason, reason_size))
            return false;
    return true;
}

static void name_members(struct encode_node *node, const struct ArrowSchema *schema) {
    for (size_t i = 0; i < node->child_count; i++) {
        const char *name = schema->children[i]->name == NULL ? "" : schema->children[i]->name;
        struct buffer json = {0};
        buffer_append_json_string(&json, name, strlen(name));
        buffer_append_char(&json, ':');
        node->children[i].member = buffer_steal(&json);
    }
}

static bool open_list(struct encode_node *node, const struct ArrowSchema *schema, const struct ArrowSchemaView *view,
                      const struct encode_target *target, int depth, char *reason, size_t reason_size) {
    node->kind = NODE_LIST;
    node->wide = view->type == NANOARROW_TYPE_LARGE_LIST || view->type == NANOARROW_TYPE_LARGE_LIST_VIEW;
    node->views = view->type == NANOARROW_TYPE_LIST_VIEW || view->type == NANOARROW_TYPE_LARGE_LIST_VIEW;
    if (view->type == NANOARROW_TYPE_FIXED_SIZE_LIST)
        node->fixed_size = view->fixed_size;
    return open_children(node, schema->children, 1, target, depth, reason, reason_size);
}

static bool open_nested(struct encode_node *node, const struct ArrowSchema *schema, const struct ArrowSchemaView *view,
                        const struct encode_target *target, int depth, char *reason, size_t reason_size) {
    if (view->extension_name.size_bytes > 0) {
        snprintf(reason, reason_size, "the Arrow extension type %.*s isn't known here",
                 (int)view->extension_name.size_bytes, view->extension_name.data);
        return false;
    }
    switch (view->type) {
    case NANOARROW_TYPE_DICTIONARY:
        node->kind = NODE_DICTIONARY;
        node->column.source.type = view->storage_type;
        source_prepare(&node->column);
        return open_children(node, (struct ArrowSchema **)&schema->dictionary, 1, target, depth, reason, reason_size);
    case NANOARROW_TYPE_STRUCT:
        node->kind = NODE_STRUCT;
        if (!open_children(node, schema->children, (size_t)schema->n_children, target, depth, reason, reason_size))
            return false;
        name_members(node, schema);
        return true;
    case NANOARROW_TYPE_MAP:
        node->kind = NODE_MAP;
        return open_children(node, schema->children[0]->children, 2, target, depth, reason, reason_size);
    default:
        return open_list(node, schema, view, target, depth, reason, reason_size);
    }
}

static bool open_at(struct encode_node *node, const struct ArrowSchema *schema, const struct encode_target *target,
                    int depth, char *reason, size_t reason_size) {
    struct ArrowSchemaView view;
    struct ArrowError arrow_error = {0};
    node->column.target = target;
    node->fixed_size = -1;
    if (depth > DEEPEST) {
        snprintf(reason, reason_size, "it is nested more than %d levels deep", DEEPEST);
        return false;
    }
    if (ArrowSchemaViewInit(&view, schema, &arrow_error) == NANOARROW_OK) {
        if (view.type == NANOARROW_TYPE_NA) {
            node->kind = NODE_NULL;
            return true;
        }
        if (view.type == NANOARROW_TYPE_DICTIONARY || source_is_nested(view.type))
            return open_nested(node, schema, &view, target, depth, reason, reason_size);
    }
    node->kind = NODE_LEAF;
    if (!encode_source_parse(schema, &node->column.source, reason, reason_size))
        return false;
    source_prepare(&node->column);
    return true;
}

bool node_open(struct encode_node *node, const struct ArrowSchema *schema, const struct encode_target *target,
               char *reason, size_t reason_size) {
    *node = (struct encode_node){0};
    return open_at(node, schema, target, 0, reason, reason_size);
}

void node_close(struct encode_node *node) {
    for (size_t i = 0; i < node->child_count; i++)
        node_close(&node->children[i]);
    memory_release(&node->children);
    memory_release(&node->member);
    *node = (struct encode_node){0};
}

static bool set_validity(struct encode_node *node, const struct ArrowArray *array, int64_t offset, int64_t length,
                         int64_t buffers, struct error *error) {
    if (array->offset < 0 || array->length < offset + length)
        return column_broken(error, &node->column, "a nested array is shorter than what holds it");
    if (array->n_buffers < buffers)
        return column_broken(error, &node->column, "its buffers aren't those of its type");
    node->column.validity = array->null_count == 0 ? NULL : array->buffers[0];
    node->column.bit_offset = offset + array->offset;
    return true;
}

static int64_t offset_at(const void *offsets, bool wide, int64_t row) {
    return wide ? ((const int64_t *)offsets)[row] : ((const int32_t *)offsets)[row];
}

/* List views may lie in any order. */
static bool views_are_within(const struct encode_node *node, int64_t length, int64_t child_length) {
    for (int64_t row = 0; row < length; row++) {
        int64_t begin, end;
        if (node_is_null(node, row))
            continue;
        node_range(node, row, &begin, &end);
        if (begin < 0 || end < begin || end > child_length)
            return false;
    }
    return true;
}

/* Lists and maps: where their elements lie, all of them within `child_length`. */
static bool set_ranges(struct encode_node *node, const struct ArrowArray *array, int64_t offset, int64_t length,
                       int64_t child_length, struct error *error) {
    int64_t first = offset + array->offset;
    int64_t width = node->wide ? 8 : 4;
    node->offset = first;
    if (length == 0)
        return true;
    if (node->fixed_size >= 0)
        return (node->fixed_size == 0 || first + length <= child_length / node->fixed_size) ||
               column_broken(error, &node->column, "it has too few elements");
    if (array->buffers[1] == NULL || (node->views && array->buffers[2] == NULL))
        return column_broken(error, &node->column, "it has no offsets");
    node->column.offsets = (const uint8_t *)array->buffers[1] + first * width;
    if (node->views) {
        node->sizes = (const uint8_t *)array->buffers[2] + first * width;
        return views_are_within(node, length, child_length) ||
               column_broken(error, &node->column, "its offsets lead beyond its elements");
    }
    if (!offsets_rise(node->column.offsets, node->wide, length))
        return column_broken(error, &node->column, "its offsets fall");
    return offset_at(node->column.offsets, node->wide, length) <= child_length ||
           column_broken(error, &node->column, "its offsets lead beyond its elements");
}

static bool set_dictionary(struct encode_node *node, const struct ArrowArray *array, int64_t offset, int64_t length,
                           struct error *error) {
    if (array->dictionary == NULL || (length > 0 && array->buffers[1] == NULL))
        return column_broken(error, &node->column, "it has no dictionary");
    if (length > 0)
        node->column.values = (const uint8_t *)array->buffers[1] + (offset + array->offset) * node->column.value_width;
    for (int64_t row = 0; row < length; row++) {
        int128 index = node_is_null(node, row) ? 0 : source_integer(&node->column, row);
        if (index < 0 || (index >= array->dictionary->length && !node_is_null(node, row)))
            return column_broken(error, &node->column, "an index leads beyond its dictionary");
    }
    return node_set(&node->children[0], array->dictionary, 0, array->dictionary->length, error);
}

static bool set_map(struct encode_node *node, const struct ArrowArray *array, int64_t offset, int64_t length,
                    struct error *error) {
    if (array->n_children != 1 || array->children[0]->n_children != 2)
        return column_broken(error, &node->column, "its buffers aren't those of its type");
    const struct ArrowArray *entries = array->children[0];
    return set_ranges(node, array, offset, length, entries->length, error) &&
           node_set(&node->children[0], entries->children[0], entries->offset, entries->length, error) &&
           node_set(&node->children[1], entries->children[1], entries->offset, entries->length, error);
}

static bool set_struct(struct encode_node *node, const struct ArrowArray *array, int64_t offset, int64_t length,
                       struct error *error) {
    if (array->n_children != (int64_t)node->child_count)
        return column_broken(error, &node->column, "its buffers aren't those of its type");
    for (size_t i = 0; i < node->child_count; i++)
        if (!node_set(&node->children[i], array->children[i], offset + array->offset, length, error))
            return false;
    return true;
}

bool node_set(struct encode_node *node, const struct ArrowArray *array, int64_t offset, int64_t length,
              struct error *error) {
    switch (node->kind) {
    case NODE_NULL:
        return true;
    case NODE_LEAF:
        return length == 0 || column_set(&node->column, array, offset, length, error);
    case NODE_DICTIONARY:
        return set_validity(node, array, offset, length, 2, error) &&
               set_dictionary(node, array, offset, length, error);
    case NODE_STRUCT:
        return set_validity(node, array, offset, length, 1, error) && set_struct(node, array, offset, length, error);
    case NODE_MAP:
        return set_validity(node, array, offset, length, 2, error) && set_map(node, array, offset, length, error);
    case NODE_LIST:
        break;
    }
    int64_t buffers = node->fixed_size >= 0 ? 1 : node->views ? 3 : 2;
    if (!set_validity(node, array, offset, length, buffers, error))
        return false;
    if (array->n_children != 1)
        return column_broken(error, &node->column, "its buffers aren't those of its type");
    return set_ranges(node, array, offset, length, array->children[0]->length, error) &&
           node_set(&node->children[0], array->children[0], 0, array->children[0]->length, error);
}

bool node_is_null(const struct encode_node *node, int64_t row) {
    return node->kind == NODE_NULL || column_is_null(&node->column, row);
}

const struct encode_node *node_resolve(const struct encode_node *node, int64_t *row) {
    for (; node->kind == NODE_DICTIONARY; node = &node->children[0]) {
        if (node_is_null(node, *row))
            return NULL;
        *row = (int64_t)source_integer(&node->column, *row);
    }
    return node_is_null(node, *row) ? NULL : node;
}

void node_range(const struct encode_node *node, int64_t row, int64_t *begin, int64_t *end) {
    if (node->fixed_size >= 0) {
        *begin = (node->offset + row) * node->fixed_size;
        *end = *begin + node->fixed_size;
        return;
    }
    *begin = offset_at(node->column.offsets, node->wide, row);
    *end = node->views ? *begin + offset_at(node->sizes, node->wide, row)
                       : offset_at(node->column.offsets, node->wide, row + 1);
}
