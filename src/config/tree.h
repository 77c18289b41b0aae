/* JSON text as a tree that remembers where in the text each value stands.
 *
 * jansson judges the text and decodes strings and numbers (RFC 8259, positions of syntax errors only); jsmn gives the
 * offset of every token. Private to this folder.
 */
#ifndef THAW_CONFIG_TREE_H
#define THAW_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "config/config.h"

enum tree_kind { TREE_NULL, TREE_BOOLEAN, TREE_INTEGER, TREE_REAL, TREE_STRING, TREE_ARRAY, TREE_OBJECT };

struct tree_node {
    enum tree_kind kind;
    char *key;  /* NULL in lists and at the root */
    char *text; /* a string decoded, a number as it is written */
    bool boolean;
    int64_t integer;
    double real; /* of integers too */
    int line;    /* of the key where there is one, else of the value; from 1 */
    int column;
    size_t index; /* place among its siblings, from 0 */
    struct tree_node *parent, *first, *last, *next;

    /* What read.c found out: */
    bool resolved;  /* substituted and judged */
    bool absent;    /* null, or ${NAME:-} that came to nothing */
    bool invalid;   /* its problem is reported, or nothing can be said of it */
    bool fetched;   /* its text is a secret's value, which a reference stood for */
    bool unfetched; /* a reference to a secret that was left as it is: nothing is known of its value */
    char *written; /* a string before its ${...}, or its reference to a secret, were replaced; NULL where it had none */
};

struct tree {
    struct tree_node *nodes; /* nodes[0] is the root, an object */
    size_t count;
};

/* False where there is no tree to read: a syntax error, or something else than an object. Duplicate keys are problems,
 * but the tree is there. */
bool tree_parse(struct tree *tree, const char *text, size_t length, struct config_problems *problems);
void tree_release(struct tree *tree);

/* The member of that key (the first of it), whatever its value; NULL where there is none. */
struct tree_node *tree_find(const struct tree_node *object, const char *key);

/* "$.sources[0].tables[2]"; a key that isn't a plain word is written ["like this"]. */
void tree_append_path(struct buffer *path, const struct tree_node *node);
char *tree_path(const struct tree_node *node);

/* Add a problem. `node` says where (NULL: the file as a whole); `hint` may be NULL. */
void problems_add(struct config_problems *problems, const struct tree_node *node, const char *hint, const char *format,
                  ...) THAW_PRINTF(4, 5);
/* The same for a place in another file. */
void problems_add_in_file(struct config_problems *problems, const char *file, int line, int column, const char *hint,
                          const char *format, ...) THAW_PRINTF(6, 7);

#endif
