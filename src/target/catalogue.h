/* What PostgreSQL's catalogue says of a target table. */
#ifndef THAW_TARGET_CATALOGUE_H
#define THAW_TARGET_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/encode.h"
#include "target/connection.h"

struct target_column {
    struct encode_target encode; /* its strings are owned here */
    bool not_null;               /* the column's or its domain's */
    bool has_default;            /* default, identity or generated */
    bool generated;              /* GENERATED ALWAYS AS (...) STORED: can't be written */
    bool identity_always;
};

struct target_table {
    char *schema;
    char *name;
    uint32_t oid;
    char kind;        /* pg_class.relkind: r, p, ... */
    char persistence; /* pg_class.relpersistence: p, u, t */
    struct target_column *columns;
    size_t column_count;
};

/* ERROR_CONFIG where the schema or table doesn't exist (nearest names as hint), is no table, is unlogged or temporary,
 * has row security that applies to us, or where INSERT (and with `truncate` TRUNCATE) is not granted. */
bool target_describe(struct target_connection *connection, const char *schema, const char *name, bool truncate,
                     struct target_table *table, struct error *error) THAW_CHECK;
/* Every reason at once why the table can't be loaded. `table` is filled wherever there is something of that name, else
 * zero. False only where the catalogue can't be read. */
struct target_refusals {
    struct error list[8];
    size_t count;
    bool missing;        /* there is no such table: that is among the reasons, the last one */
    bool schema_missing; /* nor its schema */
    bool may_create;     /* the role may make what is missing, in the schema or with it */
    char role[64];       /* the role */
};
bool target_examine(struct target_connection *connection, const char *schema, const char *name, bool truncate,
                    struct target_table *table, struct target_refusals *refusals, struct error *error) THAW_CHECK;
void target_table_release(struct target_table *table);
int64_t target_column_find(const struct target_table *table, const char *name);

bool target_count_rows(struct target_connection *connection, const char *schema, const char *name, int64_t *rows,
                       struct error *error) THAW_CHECK;
/* TRUNCATE ONLY semantics as PostgreSQL's, never CASCADE; a foreign key that references the table is ERROR_CONFIG with
 * the referencing tables' names. */
bool target_truncate(struct target_connection *connection, const char *schema, const char *name,
                     struct error *error) THAW_CHECK;

#endif
