/* A configuration and its target tables out of a source's catalogue: what `thaw init` does. The source is only asked, the target
 * not even that. */
#ifndef THAW_RUN_INIT_H
#define THAW_RUN_INIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

struct init_options {
    const char *database;        /* of the source; NULL: the connection's own (DuckDB) */
    const char *schema;          /* of the source */
    const char *tables;          /* comma-separated, exact; NULL: every table and view of the schema */
    const char *target_database; /* NULL: ${PGDATABASE} */
    const char *target_schema;   /* NULL: the source's in lower case, "public" for PUBLIC and main */
    bool lengths;                /* VARCHAR(n) becomes varchar(n), else text */
};

struct init_result {
    json_t *config;        /* the whole configuration, owned */
    struct buffer sql;     /* the tables' statements */
    size_t table_count;    /* that a run would copy */
    size_t disabled_count; /* that can't be copied as they are, and are switched off with the reason */
};

/* The sources[] entry that stands for the schema, without its tables: to load the configuration with, before any is known.
 * A new reference. */
json_t *init_entry(const struct init_options *options);

/* Look at the source of `config`. `outline` (borrowed) is what the new configuration begins with: source and target.
 * ERROR_CONFIG where a table doesn't exist, or none does. `result` is to be released after success. */
bool init_look(const struct config *config, const struct init_options *options, json_t *outline, struct log *log,
               struct init_result *result, struct error *error) THAW_CHECK;
void init_result_release(struct init_result *result);

#endif
