/* Reading the tree by tables of keys: which keys an object may have, what each may be. Private to this folder. */
#ifndef THAW_CONFIG_READ_H
#define THAW_CONFIG_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "config/environment.h"
#include "config/secrets.h"
#include "config/tree.h"

enum key_type {
    KEY_STRING,  /* not empty */
    KEY_INTEGER, /* minimum to maximum */
    KEY_NUMBER,  /* minimum to maximum, fractions too */
    KEY_BOOLEAN,
    KEY_CHOICE,  /* a string of choices */
    KEY_STRINGS, /* a list of strings, none twice; of choices where there are any */
    KEY_OPTIONS, /* an object of strings, numbers and booleans */
    KEY_MAPPING, /* an object of strings whose keys are names, remarks aside */
    KEY_OBJECT,
    KEY_OBJECTS, /* a list of objects, at least one */
    KEY_UNUSED   /* accepted, whatever it is */
};

enum key_flag {
    KEY_REQUIRED = 1,
    KEY_SECRET = 2,     /* the value is never shown */
    KEY_TARGET_NAME = 4 /* a name in PostgreSQL: at most 63 bytes */
};

struct key {
    const char *name;
    enum key_type type;
    unsigned flags;
    double minimum, maximum;
    const char *const *choices; /* ends with NULL */
};

struct key_table {
    const char *place; /* where these keys belong: "the configuration", "an entry of tables" */
    const struct key *keys;
    size_t count;
    const struct key_table *also; /* keys shared with other places, or NULL */
    bool references;              /* its strings may be references to secrets */
};

struct reader {
    const struct environment *environment;
    struct secrets *secrets; /* NULL: references to secrets stay what they are */
    struct config_problems *problems;
    bool disabled; /* reading what is not enabled: shapes are checked, unset variables forgiven */
};

/* Judge every member of `object`: unknown keys, types, ranges, choices, missing ones. Nested objects are left to their
 * own readers. */
void read_object(struct reader *reader, struct tree_node *object, const struct key_table *table);
/* The same for one member, before the others; NULL as read_get(). */
const struct tree_node *read_early(struct reader *reader, struct tree_node *object, const struct key_table *table,
                                   const char *name);

/* What is given and good, else NULL. */
const struct tree_node *read_get(const struct tree_node *object, const char *name);
/* The same as an allocated string, or NULL. */
char *read_string(const struct tree_node *object, const char *name);
bool read_boolean(const struct tree_node *object, const char *name, bool fallback);
/* Allocated; *count is 0 and NULL returned where it is absent or empty. */
char **read_strings(const struct tree_node *object, const char *name, size_t *count);
struct config_option *read_options(const struct tree_node *object, const char *name, size_t *count);
/* The values among read_options() that were secrets by reference. Allocated. */
char **read_fetched(const struct tree_node *object, const char *name, size_t *count);
/* Which of `choices` it is, or `fallback`. */
size_t read_choice(const struct tree_node *object, const char *name, const char *const *choices, size_t fallback);

/* Is the member there, good or not? */
bool read_given(const struct tree_node *object, const char *name);
/* `_...`, note, comment. */
bool read_is_remark(const char *key);

/* The tables of keys, by place (keys.c). */
extern const struct key_table keys_root, keys_snowflake, keys_duckdb, keys_adbc, keys_postgres, keys_source, keys_table;
extern const struct key_table *const keys_all[];
extern const size_t keys_all_count;
extern const char *const chunking_choices[]; /* in the order of enum config_chunking */
extern const char *const snapshot_choices[]; /* in the order of enum config_snapshot */
extern const char *const bad_row_choices[];  /* in the order of enum config_bad_row */
extern const char *const nul_choices[];      /* in the order of enum config_nul_bytes */
extern const char *const rounding_choices[]; /* in the order of enum config_rounding */
extern const char *const dialect_choices[];

/* Judge what several keys say together. */
void check_snowflake(struct reader *reader, const struct tree_node *node);
void check_postgres(struct reader *reader, const struct tree_node *node);
void check_table(struct reader *reader, const struct tree_node *table);
/* A parenthesis that an SQL condition closes without opening it, or leaves open: ')' or '('; '\0' where there is none. */
char filter_odd_parenthesis(const char *sql, bool snowflake);
/* Of the whole: names, targets and feeders. `nodes` holds for each enabled table its node, in the order of the feeds. */
void check_feeds(struct reader *reader, const struct config *config, const struct tree_node *const *nodes);
/* Names and values of the `snowflake` source's options. */
void check_snowflake_options(struct reader *reader, const struct tree_node *snowflake);

#endif
