#include "config/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum {
    SHOWN_LENGTH = 80,
    CANDIDATE_LIMIT = 128,
    TARGET_NAME_BYTES = 63, /* NAMEDATALEN - 1 */
    COLUMN_LIMIT = 1600     /* a table in PostgreSQL has no more: https://www.postgresql.org/docs/current/limits.html */
};

bool read_is_remark(const char *key) {
    return key[0] == '_' || strcmp(key, "note") == 0 || strcmp(key, "comment") == 0;
}

static const struct key *find_key(const struct key_table *table, const char *name) {
    for (; table != NULL; table = table->also)
        for (size_t i = 0; i < table->count; i++)
            if (strcmp(table->keys[i].name, name) == 0)
                return &table->keys[i];
    return NULL;
}

/* ---- saying what is wrong ----------------------------------------------------------------------------------------- */

/* What is given, for a message. What came out of a variable isn't shown: it may be a secret that got into a wrong key. */
static void describe(struct buffer *text, const struct tree_node *node, const struct key *key) {
    if (node->kind == TREE_ARRAY || node->kind == TREE_OBJECT) {
        buffer_append(text, node->kind == TREE_ARRAY ? "a list" : "an object");
        return;
    }
    if (key->flags & KEY_SECRET) {
        buffer_append(text, node->kind == TREE_STRING ? "a string" : "a number or boolean");
        return;
    }
    const char *shown = node->written != NULL ? node->written : node->text;
    if (node->written != NULL)
        buffer_append(text, "what stands for ");
    if (node->kind != TREE_STRING && node->written == NULL) {
        buffer_append(text, shown);
        return;
    }
    size_t length = strlen(shown);
    buffer_append_json_string(text, shown, length > SHOWN_LENGTH ? SHOWN_LENGTH : length);
    if (length > SHOWN_LENGTH)
        buffer_append(text, "...");
}

static void append_choices(struct buffer *text, const char *const *choices) {
    for (size_t i = 0; choices[i] != NULL; i++)
        buffer_appendf(text, "%s\"%s\"", i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ", choices[i]);
}

static void append_wanted(struct buffer *text, const struct key *key) {
    switch (key->type) {
    case KEY_INTEGER:
        if (key->maximum < 1e9)
            buffer_appendf(text, "a whole number from %.0f to %.0f", key->minimum, key->maximum);
        else
            buffer_appendf(text, "a whole number, at least %.0f", key->minimum);
        break;
    case KEY_NUMBER:
        buffer_appendf(text, "a number from %.0f to %.0f", key->minimum, key->maximum);
        break;
    case KEY_BOOLEAN:
        buffer_append(text, "true or false");
        break;
    case KEY_CHOICE:
        append_choices(text, key->choices);
        break;
    case KEY_STRINGS:
        buffer_append(text, "a list of strings");
        break;
    case KEY_OPTIONS:
    case KEY_MAPPING:
    case KEY_OBJECT:
        buffer_append(text, "an object: { ... }");
        break;
    case KEY_OBJECTS:
        buffer_append(text, "a list of objects: [{ ... }]");
        break;
    default:
        buffer_append(text, "a string that is not empty");
    }
}

static void reject(struct reader *reader, struct tree_node *node, const struct key *key) {
    struct buffer wanted = {0}, given = {0};
    append_wanted(&wanted, key);
    describe(&given, node, key);
    node->invalid = true;
    problems_add(reader->problems, node, NULL, "\"%s\" must be %s, not %s", key->name, buffer_string(&wanted),
                 buffer_string(&given));
    buffer_release(&wanted);
    buffer_release(&given);
}

/* The place where an unknown key would be a known one; NULL: nowhere. */
static const char *place_of(const char *name, const struct key_table *here) {
    for (size_t i = 0; i < keys_all_count; i++)
        if (keys_all[i] != here && find_key(keys_all[i], name) != NULL)
            return keys_all[i]->place;
    return NULL;
}

static void refuse_unknown(struct reader *reader, struct tree_node *node, const struct key_table *table) {
    const char *candidates[CANDIDATE_LIMIT];
    size_t count = 0;
    for (const struct key_table *part = table; part != NULL; part = part->also)
        for (size_t i = 0; i < part->count && count < CANDIDATE_LIMIT; i++)
            candidates[count++] = part->keys[i].name;
    const char *nearest = config_nearest(node->key, candidates, count), *place = place_of(node->key, table);
    struct buffer shown = {0};
    size_t length = strlen(node->key);
    buffer_append_json_string(&shown, node->key, length > SHOWN_LENGTH ? SHOWN_LENGTH : length);
    node->invalid = true;
    if (place != NULL)
        problems_add(reader->problems, node, NULL, "unknown key %s here (it belongs to %s)", buffer_string(&shown),
                     place);
    else if (nearest != NULL)
        problems_add(reader->problems, node, NULL, "unknown key %s (did you mean \"%s\"?)", buffer_string(&shown),
                     nearest);
    else
        problems_add(reader->problems, node, "a remark begins with \"_\", or is called \"note\" or \"comment\"",
                     "unknown key %s", buffer_string(&shown));
    buffer_release(&shown);
}

/* ---- ${...} ------------------------------------------------------------------------------------------------------- */

struct report_context {
    struct reader *reader;
    struct tree_node *node;
};

static void report_fault(void *context, enum substitution_fault fault, const char *name) {
    struct report_context *report = context;
    struct tree_node *node = report->node;
    const struct tree_node *named = node->key != NULL || node->parent == NULL ? node : node->parent;
    const char *key = named->key != NULL ? named->key : "";
    if (fault == SUBSTITUTION_MALFORMED) {
        problems_add(report->reader->problems, node, "a literal \"${\" is written \"$${\"",
                     "\"%s\" has a ${...} that is neither ${NAME} nor ${NAME:-default}", key);
    } else if (!report->reader->disabled) {
        struct buffer hint = {0};
        buffer_appendf(&hint, "set it, put it into the .env file, or give a default: ${%s:-...}", name);
        problems_add(report->reader->problems, node, hint.data,
                     "\"%s\" needs the environment variable %s, which is not set", key, name);
        buffer_release(&hint);
    }
}

static void substitute(struct reader *reader, struct tree_node *node) {
    if (node->kind != TREE_STRING || strstr(node->text, "${") == NULL)
        return;
    struct report_context report = {reader, node};
    struct substitution substitution = {.report = report_fault, .context = &report};
    struct buffer text = {0};
    environment_substitute(reader->environment, node->text, &text, &substitution);
    node->written = node->text;
    node->text = buffer_steal(&text);
    if (!substitution.referenced)
        memory_release(&node->written); /* only $${ */
    node->invalid = substitution.failed;
    node->absent = substitution.nothing;
}

/* What a reference to a secret stands for takes its place. */
static void fetch_secret(struct reader *reader, struct tree_node *node) {
    if (node->kind != TREE_STRING || node->invalid || node->absent || !secrets_is_reference(node->text))
        return;
    node->unfetched = reader->secrets == NULL || reader->disabled;
    if (node->unfetched)
        return;
    struct buffer value = {0};
    struct error error;
    error_clear(&error);
    if (secrets_fetch(reader->secrets, node->text, &value, &error)) {
        if (node->written == NULL)
            node->written = node->text;
        else
            memory_release(&node->text);
        node->text = buffer_steal(&value);
        node->fetched = true;
        return;
    }
    buffer_release(&value);
    node->invalid = true;
    problems_add(reader->problems, node, error.hint[0] != '\0' ? error.hint : NULL, "\"%s\": %s", node->key,
                 error.message);
}

/* ---- judging values ----------------------------------------------------------------------------------------------- */

/* A string that came out of ${...} takes the type of its key. False where it can't. */
static bool convert_number(struct tree_node *node, bool whole) {
    char *end;
    if (node->text[strspn(node->text, "0123456789+-.eE")] != '\0' || node->text[0] == '\0')
        return false; /* neither blanks nor what strtod takes beside numbers: nan, inf, 0x */
    errno = 0;
    if (whole) {
        node->integer = strtoll(node->text, &end, 10);
        node->real = (double)node->integer;
    } else {
        node->real = strtod(node->text, &end);
    }
    node->kind = whole ? TREE_INTEGER : TREE_REAL;
    return errno == 0 && *end == '\0';
}

static bool convert_boolean(struct tree_node *node) {
    node->boolean = strcasecmp(node->text, "true") == 0;
    node->kind = TREE_BOOLEAN;
    return node->boolean || strcasecmp(node->text, "false") == 0;
}

static void judge_number(struct reader *reader, struct tree_node *node, const struct key *key) {
    bool whole = key->type == KEY_INTEGER;
    bool good = node->kind == TREE_INTEGER || (!whole && node->kind == TREE_REAL);
    if (node->kind == TREE_STRING && node->written != NULL)
        good = convert_number(node, whole);
    if (!good || node->real < key->minimum || node->real > key->maximum)
        reject(reader, node, key);
}

static void judge_boolean(struct reader *reader, struct tree_node *node, const struct key *key) {
    bool good = node->kind == TREE_BOOLEAN;
    if (node->kind == TREE_STRING && node->written != NULL)
        good = convert_boolean(node);
    if (!good)
        reject(reader, node, key);
}

static bool is_choice(const char *text, const char *const *choices) {
    for (; choices != NULL && *choices != NULL; choices++)
        if (strcmp(text, *choices) == 0)
            return true;
    return false;
}

static void judge_choice(struct reader *reader, struct tree_node *node, const struct key *key) {
    if (node->kind == TREE_STRING && is_choice(node->text, key->choices))
        return;
    struct key one = *key; /* of an element of a list, say what an element may be */
    one.type = KEY_CHOICE;
    reject(reader, node, &one);
}

static void judge_string(struct reader *reader, struct tree_node *node, const struct key *key) {
    if (node->kind != TREE_STRING || node->text[0] == '\0') {
        struct key one = *key;
        one.type = KEY_STRING;
        if (node->kind == TREE_STRING && node->written != NULL) {
            node->invalid = true;
            problems_add(reader->problems, node, NULL, "\"%s\" is empty: %s stands for nothing", key->name,
                         node->written);
        } else {
            reject(reader, node, &one);
        }
        return;
    }
    size_t length = strlen(node->text);
    if ((key->flags & KEY_TARGET_NAME) && length > TARGET_NAME_BYTES) {
        node->invalid = true;
        problems_add(reader->problems, node, "PostgreSQL would cut it in silence, and two names might become one",
                     "\"%s\" has %zu bytes; a name in PostgreSQL has at most %d", key->name, length, TARGET_NAME_BYTES);
    }
}

static size_t child_count(const struct tree_node *node) {
    return node == NULL || node->last == NULL ? 0 : node->last->index + 1;
}

static void refuse_repeated(struct reader *reader, struct tree_node *item, const struct key *key) {
    for (const struct tree_node *other = item->parent->first; other != item; other = other->next) {
        if (other->invalid || strcmp(other->text, item->text) != 0)
            continue;
        problems_add(reader->problems, item, "remove one of the two", "\"%s\" names the same column twice", key->name);
        item->invalid = true;
        return;
    }
}

static void judge_strings(struct reader *reader, struct tree_node *node, const struct key *key) {
    if (node->kind != TREE_ARRAY) {
        reject(reader, node, key);
        return;
    }
    if (child_count(node) > COLUMN_LIMIT) {
        node->invalid = true;
        problems_add(reader->problems, node, NULL, "\"%s\" has %zu entries; a table has at most %d columns", key->name,
                     child_count(node), COLUMN_LIMIT);
        return;
    }
    for (struct tree_node *item = node->first; item != NULL; item = item->next) {
        substitute(reader, item);
        if (!item->invalid && key->choices != NULL)
            judge_choice(reader, item, key);
        else if (!item->invalid)
            judge_string(reader, item, key);
        if (!item->invalid && key->choices == NULL)
            refuse_repeated(reader, item, key);
        node->invalid = node->invalid || item->invalid;
    }
}

/* The values of options are text for the driver: numbers and booleans pass as they are written. */
static void judge_option(struct reader *reader, struct tree_node *item) {
    struct key key = {.name = item->key, .type = KEY_STRING, .flags = KEY_SECRET};
    if (read_is_remark(item->key)) {
        item->absent = true;
        return;
    }
    substitute(reader, item);
    fetch_secret(reader, item);
    if (!item->invalid && (item->kind == TREE_ARRAY || item->kind == TREE_OBJECT))
        reject(reader, item, &key);
}

static void judge_members(struct reader *reader, struct tree_node *node, const struct key *key) {
    if (node->kind != TREE_OBJECT) {
        reject(reader, node, key);
        return;
    }
    for (struct tree_node *item = node->first; item != NULL; item = item->next) {
        if (item->invalid)
            continue;
        if (item->kind == TREE_NULL) {
            item->absent = true;
        } else if (key->type == KEY_OPTIONS) {
            judge_option(reader, item);
        } else {
            substitute(reader, item);
            if (!item->invalid)
                judge_string(reader, item, key);
        }
    }
}

static void judge_objects(struct reader *reader, struct tree_node *node, const struct key *key) {
    if (node->kind != TREE_ARRAY) {
        reject(reader, node, key);
        return;
    }
    if (node->first == NULL) {
        node->invalid = true;
        problems_add(reader->problems, node, NULL, "\"%s\" is an empty list: there is nothing to do", key->name);
    }
    for (struct tree_node *item = node->first; item != NULL; item = item->next)
        if (item->kind != TREE_OBJECT)
            reject(reader, item, &(struct key){.name = key->name, .type = KEY_OBJECT});
}

static void judge(struct reader *reader, struct tree_node *node, const struct key *key) {
    switch (key->type) {
    case KEY_STRING:
        judge_string(reader, node, key);
        break;
    case KEY_INTEGER:
    case KEY_NUMBER:
        judge_number(reader, node, key);
        break;
    case KEY_BOOLEAN:
        judge_boolean(reader, node, key);
        break;
    case KEY_CHOICE:
        judge_choice(reader, node, key);
        break;
    case KEY_STRINGS:
        judge_strings(reader, node, key);
        break;
    case KEY_OPTIONS:
    case KEY_MAPPING:
        judge_members(reader, node, key);
        break;
    case KEY_OBJECT:
        if (node->kind != TREE_OBJECT)
            reject(reader, node, key);
        break;
    case KEY_OBJECTS:
        judge_objects(reader, node, key);
        break;
    case KEY_UNUSED:
        break;
    }
}

static void resolve(struct reader *reader, struct tree_node *node, const struct key_table *table) {
    if (node->resolved || node->invalid || read_is_remark(node->key))
        return;
    node->resolved = true;
    const struct key *key = find_key(table, node->key);
    if (key == NULL) {
        refuse_unknown(reader, node, table);
        return;
    }
    if (key->type == KEY_UNUSED)
        return;
    if (node->kind == TREE_NULL) {
        node->absent = true;
        return;
    }
    substitute(reader, node);
    if (table->references)
        fetch_secret(reader, node);
    if (!node->invalid && !node->absent && !node->unfetched)
        judge(reader, node, key);
}

static void check_required(struct reader *reader, const struct tree_node *object, const struct key_table *table) {
    for (; table != NULL; table = table->also) {
        for (size_t i = 0; i < table->count; i++) {
            if (!(table->keys[i].flags & KEY_REQUIRED) || read_given(object, table->keys[i].name))
                continue;
            const struct tree_node *node = tree_find(object, table->keys[i].name);
            problems_add(reader->problems, node != NULL ? node : object, NULL, "\"%s\" is missing",
                         table->keys[i].name);
        }
    }
}

void read_object(struct reader *reader, struct tree_node *object, const struct key_table *table) {
    for (struct tree_node *member = object->first; member != NULL; member = member->next)
        resolve(reader, member, table);
    check_required(reader, object, table);
}

const struct tree_node *read_early(struct reader *reader, struct tree_node *object, const struct key_table *table,
                                   const char *name) {
    struct tree_node *node = tree_find(object, name);
    if (node != NULL)
        resolve(reader, node, table);
    return read_get(object, name);
}

/* ---- what is there ------------------------------------------------------------------------------------------------ */

bool read_given(const struct tree_node *object, const char *name) {
    const struct tree_node *node = tree_find(object, name);
    return node != NULL && !node->absent && node->kind != TREE_NULL;
}

const struct tree_node *read_get(const struct tree_node *object, const char *name) {
    const struct tree_node *node = tree_find(object, name);
    return node == NULL || node->absent || node->invalid || node->kind == TREE_NULL ? NULL : node;
}

char *read_string(const struct tree_node *object, const char *name) {
    const struct tree_node *node = read_get(object, name);
    return node == NULL ? NULL : memory_copy_string(node->text);
}

bool read_boolean(const struct tree_node *object, const char *name, bool fallback) {
    const struct tree_node *node = read_get(object, name);
    return node == NULL ? fallback : node->boolean;
}

char **read_strings(const struct tree_node *object, const char *name, size_t *count) {
    const struct tree_node *node = read_get(object, name);
    *count = child_count(node);
    if (*count == 0)
        return NULL;
    char **strings = memory_array(*count, sizeof(*strings));
    for (const struct tree_node *item = node->first; item != NULL; item = item->next)
        strings[item->index] = memory_copy_string(item->text);
    return strings;
}

struct config_option *read_options(const struct tree_node *object, const char *name, size_t *count) {
    const struct tree_node *node = read_get(object, name);
    *count = 0;
    if (child_count(node) == 0)
        return NULL;
    struct config_option *options = memory_array(child_count(node), sizeof(*options));
    for (const struct tree_node *item = node->first; item != NULL; item = item->next)
        if (!item->absent && !item->invalid)
            options[(*count)++] =
                (struct config_option){.name = memory_copy_string(item->key), .value = memory_copy_string(item->text)};
    return options;
}

char **read_fetched(const struct tree_node *object, const char *name, size_t *count) {
    const struct tree_node *node = read_get(object, name);
    char **values = memory_array(child_count(node) + 1, sizeof(*values));
    *count = 0;
    for (const struct tree_node *item = node == NULL ? NULL : node->first; item != NULL; item = item->next)
        if (item->fetched)
            values[(*count)++] = memory_copy_string(item->text);
    return values;
}

size_t read_choice(const struct tree_node *object, const char *name, const char *const *choices, size_t fallback) {
    const struct tree_node *node = read_get(object, name);
    for (size_t i = 0; node != NULL && choices[i] != NULL; i++)
        if (strcmp(node->text, choices[i]) == 0)
            return i;
    return fallback;
}
