/* A value of any Arrow type as JSON: numbers with all their digits, everything that JSON has no type for as a string. */
#include "encode/internal.h"

#include <math.h>
#include <string.h>

/* What a JSON string can't hold as it is: 0 for all other bytes. A NUL byte stays one: text is searched for those afterwards,
 * in one place. */
static const bool needs_escape[256] = {
    [1] = true,  [2] = true,  [3] = true,  [4] = true,   [5] = true,    [6] = true,  [7] = true,
    [8] = true,  [9] = true,  [10] = true, [11] = true,  [12] = true,   [13] = true, [14] = true,
    [15] = true, [16] = true, [17] = true, [18] = true,  [19] = true,   [20] = true, [21] = true,
    [22] = true, [23] = true, [24] = true, [25] = true,  [26] = true,   [27] = true, [28] = true,
    [29] = true, [30] = true, [31] = true, ['"'] = true, ['\\'] = true,
};

static void append_escaped(struct buffer *text, uint8_t byte) {
    static const char shorts[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    static const char digits[] = "0123456789abcdef";
    for (const char *pair = shorts; *pair != '\0'; pair += 2)
        if ((uint8_t)*pair == byte) {
            const char escape[] = {'\\', pair[1]};
            buffer_append_bytes(text, escape, sizeof escape);
            return;
        }
    const char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    buffer_append_bytes(text, escape, sizeof escape);
}

static void append_string(struct buffer *text, const uint8_t *bytes, uint64_t length) {
    uint64_t at = 0;
    buffer_append_char(text, '"');
    while (at < length) {
        uint64_t run = at;
        while (run < length && !needs_escape[bytes[run]])
            run++;
        buffer_append_bytes(text, bytes + at, run - at);
        at = run;
        if (at < length)
            append_escaped(text, bytes[at++]);
    }
    buffer_append_char(text, '"');
}

static void append_leaf_string(struct buffer *text, const struct encode_column *leaf, int64_t row) {
    uint64_t length;
    const uint8_t *bytes = value_bytes(leaf, row, &length);
    if (source_is_binary(leaf->source.type)) {
        buffer_append(text, "\"\\\\x");
        append_hex_digits(text, bytes, length);
        buffer_append_char(text, '"');
    } else if (leaf->source.json) {
        buffer_append_bytes(text, bytes, length);
    } else {
        append_string(text, bytes, length);
    }
}

/* A number or a truth value that JSON has; NaN and the infinities it has not. */
static bool is_bare(const struct encode_column *leaf, int64_t row) {
    if (source_is_float(leaf->source.type))
        return isfinite(source_float(leaf, row));
    return leaf->source.type == NANOARROW_TYPE_BOOL || source_is_integer(leaf->source.type) ||
           source_is_decimal(leaf->source.type);
}

/* ISO 8601, as PostgreSQL's to_json() has it: a T between date and time, minutes in the zone. Returns the new length. */
static size_t make_iso(char *text, size_t length) {
    char *space = memchr(text, ' ', length);
    char *zone = memchr(text, '+', length);
    if (space != NULL)
        *space = 'T';
    if (zone == NULL)
        return length;
    memmove(zone + 6, zone + 3, length - (size_t)(zone + 3 - text)); /* BC may follow */
    memcpy(zone + 3, ":00", 3);
    return length + 3;
}

static enum encode_problem append_leaf(struct buffer *text, const struct encode_column *leaf, int64_t row) {
    if (source_is_text(leaf->source.type) || source_is_binary(leaf->source.type)) {
        append_leaf_string(text, leaf, row);
        return PROBLEM_NONE;
    }
    bool bare = is_bare(leaf, row);
    char *out = buffer_room(text, FORMAT_SIZE + 8);
    size_t length = 0;
    if (!bare)
        out[length++] = '"';
    length += format_scalar(out + length, leaf, row);
    if (leaf->source.type == NANOARROW_TYPE_TIMESTAMP)
        length = make_iso(out, length);
    if (!bare)
        out[length++] = '"';
    out[length] = '\0';
    text->length += length;
    return scalar_text_problem(leaf, row);
}

/* The first of two. */
static void keep(enum encode_problem *problem, enum encode_problem found) {
    if (*problem == PROBLEM_NONE)
        *problem = found;
}

static enum encode_problem append_list(struct buffer *text, const struct encode_node *node, int64_t row) {
    enum encode_problem problem = PROBLEM_NONE;
    int64_t begin, end;
    node_range(node, row, &begin, &end);
    buffer_append_char(text, '[');
    for (int64_t i = begin; i < end; i++) {
        if (i > begin)
            buffer_append_char(text, ',');
        keep(&problem, json_append(text, &node->children[0], i));
    }
    buffer_append_char(text, ']');
    return problem;
}

static enum encode_problem append_struct(struct buffer *text, const struct encode_node *node, int64_t row) {
    enum encode_problem problem = PROBLEM_NONE;
    buffer_append_char(text, '{');
    for (size_t i = 0; i < node->child_count; i++) {
        if (i > 0)
            buffer_append_char(text, ',');
        buffer_append(text, node->children[i].member);
        keep(&problem, json_append(text, &node->children[i], row));
    }
    buffer_append_char(text, '}');
    return problem;
}

static bool keys_are_text(const struct encode_node *keys) {
    while (keys->kind == NODE_DICTIONARY)
        keys = &keys->children[0];
    return keys->kind == NODE_LEAF && source_is_text(keys->column.source.type);
}

/* An object where the keys are text, else an array of pairs. */
static enum encode_problem append_map(struct buffer *text, const struct encode_node *node, int64_t row) {
    bool object = keys_are_text(&node->children[0]);
    enum encode_problem problem = PROBLEM_NONE;
    int64_t begin, end;
    node_range(node, row, &begin, &end);
    buffer_append_char(text, object ? '{' : '[');
    for (int64_t i = begin; i < end; i++) {
        if (i > begin)
            buffer_append_char(text, ',');
        if (!object)
            buffer_append_char(text, '[');
        keep(&problem, json_append(text, &node->children[0], i));
        buffer_append_char(text, object ? ':' : ',');
        keep(&problem, json_append(text, &node->children[1], i));
        if (!object)
            buffer_append_char(text, ']');
    }
    buffer_append_char(text, object ? '}' : ']');
    return problem;
}

enum encode_problem json_append(struct buffer *text, const struct encode_node *node, int64_t row) {
    node = node_resolve(node, &row);
    if (node == NULL) {
        buffer_append(text, "null");
        return PROBLEM_NONE;
    }
    switch (node->kind) {
    case NODE_LIST:
        return append_list(text, node, row);
    case NODE_STRUCT:
        return append_struct(text, node, row);
    case NODE_MAP:
        return append_map(text, node, row);
    default:
        return append_leaf(text, &node->column, row);
    }
}
