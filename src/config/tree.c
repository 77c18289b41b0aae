#include "config/tree.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "base/memory.h"

/* jsmn counts in int, and a configuration of this size is something else that was named by mistake. */
enum { TEXT_LIMIT = 16 * 1024 * 1024 };

/* A position that moves forward through the text with the tokens. */
struct position {
    const char *text;
    size_t offset;
    int line, column;
};

static void position_move(struct position *position, size_t offset) {
    for (; position->offset < offset; position->offset++) {
        unsigned char byte = (unsigned char)position->text[position->offset];
        if (byte == '\n') {
            position->line++;
            position->column = 1;
        } else if ((byte & 0xC0) != 0x80) { /* columns count characters, not the bytes that continue one */
            position->column++;
        }
    }
}

/* jansson's messages end in " near '...'", which quotes the text and may thereby quote a secret. */
static void add_syntax_error(struct config_problems *problems, const json_error_t *error) {
    char reason[JSON_ERROR_TEXT_LENGTH];
    memcpy(reason, error->text, sizeof reason);
    char *near = strstr(reason, " near ");
    if (near != NULL)
        *near = '\0';
    problems_add_in_file(problems, NULL, error->line, error->column,
                         "look at the end of the line before, too: a comma, a quote or a bracket may be missing there",
                         "syntax error at line %d, column %d: %s", error->line, error->column, reason);
}

/* jansson takes a NUL byte behind a number for its end, and jsmn for that of the whole text. */
static bool judge_bytes(const char *text, size_t length, struct config_problems *problems) {
    const char *nul = memchr(text, '\0', length);
    struct position position = {.text = text, .line = 1, .column = 1};
    if (nul == NULL)
        return true;
    position_move(&position, (size_t)(nul - text));
    problems_add_in_file(problems, NULL, position.line, position.column, "save the file as UTF-8 text",
                         "syntax error at line %d, column %d: a NUL byte", position.line, position.column);
    return false;
}

static bool judge_syntax(const char *text, size_t length, struct config_problems *problems) {
    json_error_t error;
    json_t *value = json_loadb(text, length, 0, &error);
    if (value == NULL) {
        add_syntax_error(problems, &error);
        return false;
    }
    bool object = json_is_object(value);
    json_decref(value);
    if (!object)
        problems_add(problems, NULL, "the file holds one JSON object: { ... }", "the configuration is not an object");
    return object;
}

static char *decode_string(const char *text, const jsmntok_t *token) {
    json_t *value = json_loadb(text + token->start - 1, (size_t)(token->end - token->start) + 2, JSON_DECODE_ANY, NULL);
    char *string = memory_copy_string(json_string_value(value));
    json_decref(value);
    return string;
}

static void decode_primitive(struct tree_node *node, const char *text, const jsmntok_t *token) {
    size_t length = (size_t)(token->end - token->start);
    json_t *value = json_loadb(text + token->start, length, JSON_DECODE_ANY, NULL);
    if (json_is_boolean(value)) {
        node->kind = TREE_BOOLEAN;
        node->boolean = json_is_true(value);
    } else if (json_is_number(value)) {
        node->kind = json_is_integer(value) ? TREE_INTEGER : TREE_REAL;
        node->integer = json_integer_value(value);
        node->real = json_number_value(value);
    } else {
        node->kind = TREE_NULL;
    }
    node->text = memory_copy_bytes(text + token->start, length);
    json_decref(value);
}

static void decode_value(struct tree_node *node, const char *text, const jsmntok_t *token) {
    switch (token->type) {
    case JSMN_OBJECT:
        node->kind = TREE_OBJECT;
        break;
    case JSMN_ARRAY:
        node->kind = TREE_ARRAY;
        break;
    case JSMN_STRING:
        node->kind = TREE_STRING;
        node->text = decode_string(text, token);
        break;
    default:
        decode_primitive(node, text, token);
    }
}

static void append_child(struct tree_node *parent, struct tree_node *node) {
    node->parent = parent;
    if (parent->last == NULL) {
        parent->first = node;
    } else {
        node->index = parent->last->index + 1;
        parent->last->next = node;
    }
    parent->last = node;
}

/* Every token is a value, or the key above the value that follows it. */
static void build(struct tree *tree, const char *text, const jsmntok_t *tokens, size_t token_count) {
    struct position position = {.text = text, .line = 1, .column = 1};
    struct tree_node **node_of = memory_array(token_count, sizeof(struct tree_node *));
    tree->nodes = memory_array(token_count, sizeof(*tree->nodes));
    for (size_t i = 0; i < token_count; i++) {
        const jsmntok_t *token = &tokens[i];
        bool is_key = token->type == JSMN_STRING && token->size == 1;
        position_move(&position, (size_t)token->start - (token->type == JSMN_STRING ? 1 : 0));
        bool has_key = !is_key && i > 0 && tokens[i - 1].type == JSMN_STRING && tokens[i - 1].size == 1;
        struct tree_node *node = has_key ? node_of[i - 1] : &tree->nodes[tree->count++];
        node_of[i] = node;
        if (!has_key) {
            node->line = position.line;
            node->column = position.column;
            if (token->parent >= 0)
                append_child(node_of[token->parent], node);
        }
        if (is_key)
            node->key = decode_string(text, token);
        else
            decode_value(node, text, token);
    }
    memory_release(&node_of);
}

static int compare_keys(const void *left, const void *right) {
    const struct tree_node *a = *(const struct tree_node *const *)left, *b = *(const struct tree_node *const *)right;
    int order = strcmp(a->key, b->key);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static void find_duplicates(struct config_problems *problems, const struct tree_node *object) {
    size_t count = object->last == NULL ? 0 : object->last->index + 1, i = 0;
    if (count < 2)
        return;
    struct tree_node **members = memory_array(count, sizeof(struct tree_node *));
    for (struct tree_node *member = object->first; member != NULL; member = member->next)
        members[i++] = member;
    qsort(members, count, sizeof(struct tree_node *), compare_keys);
    for (size_t first = 0, next = 1; next < count; next++) {
        if (strcmp(members[first]->key, members[next]->key) != 0) {
            first = next;
            continue;
        }
        members[next]->invalid = true;
        problems_add(problems, members[next], "remove one of the two", "duplicate key: it is already on line %d",
                     members[first]->line);
    }
    memory_release(&members);
}

bool tree_parse(struct tree *tree, const char *text, size_t length, struct config_problems *problems) {
    *tree = (struct tree){0};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* the byte order mark that some editors write */
        text += 3;
        length -= 3;
    }
    if (length > TEXT_LIMIT) {
        problems_add(problems, NULL, NULL, "the file has %zu bytes: that is no configuration", length);
        return false;
    }
    if (!judge_bytes(text, length, problems) || !judge_syntax(text, length, problems))
        return false;
    jsmn_parser parser;
    jsmn_init(&parser);
    int count = jsmn_parse(&parser, text, length, NULL, 0);
    if (count <= 0) {
        problems_add(problems, NULL, NULL, "the JSON text can't be cut into tokens");
        return false;
    }
    jsmntok_t *tokens = memory_array((size_t)count, sizeof(*tokens));
    jsmn_init(&parser);
    count = jsmn_parse(&parser, text, length, tokens, (unsigned)count);
    build(tree, text, tokens, (size_t)count);
    memory_release(&tokens);
    for (size_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].kind == TREE_OBJECT)
            find_duplicates(problems, &tree->nodes[i]);
    return true;
}

/* Any string may have been a secret. */
static void release_text(char **text) {
    if (*text != NULL)
        memory_wipe(*text, strlen(*text));
    memory_release(text);
}

void tree_release(struct tree *tree) {
    for (size_t i = 0; i < tree->count; i++) {
        memory_release(&tree->nodes[i].key);
        release_text(&tree->nodes[i].text);
        release_text(&tree->nodes[i].written);
    }
    memory_release(&tree->nodes);
    *tree = (struct tree){0};
}

struct tree_node *tree_find(const struct tree_node *object, const char *key) {
    for (struct tree_node *member = object->first; member != NULL; member = member->next)
        if (member->key != NULL && strcmp(member->key, key) == 0)
            return member;
    return NULL;
}

static bool is_word(const char *key) {
    if (!isalpha((unsigned char)key[0]) && key[0] != '_')
        return false;
    while (isalnum((unsigned char)*key) || *key == '_')
        key++;
    return *key == '\0';
}

void tree_append_path(struct buffer *path, const struct tree_node *node) {
    if (node == NULL || node->parent == NULL) {
        buffer_append(path, "$");
        return;
    }
    /* The depth is bounded by jansson, which refuses more than 2048 levels. */
    tree_append_path(path, node->parent);
    if (node->key == NULL) {
        buffer_appendf(path, "[%zu]", node->index);
    } else if (is_word(node->key)) {
        buffer_appendf(path, ".%s", node->key);
    } else {
        buffer_append(path, "[");
        buffer_append_json_string(path, node->key, strlen(node->key));
        buffer_append(path, "]");
    }
}

char *tree_path(const struct tree_node *node) {
    struct buffer path = {0};
    tree_append_path(&path, node);
    return buffer_steal(&path);
}
