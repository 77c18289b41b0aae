/* The configuration of a source as the options of its driver. */
#ifndef THAW_SOURCE_OPTIONS_H
#define THAW_SOURCE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"

struct source_option {
    char *name;
    char *value;
    bool secret; /* wiped when released, hidden in the log */
};

/* For a Snowflake or DuckDB preset, or any driver. */
struct source_options {
    struct source_option *database; /* set before the database is opened */
    size_t database_count;
    struct source_option *statement; /* set on each statement */
    size_t statement_count;
    struct source_option *session; /* Snowflake: session parameters, pinned by ALTER SESSION and verified */
    size_t session_count;
    const char *driver;     /* name or path, borrowed from the configuration */
    const char *entrypoint; /* may be NULL; borrowed */
};

/* The library and its init function, borrowed; the latter may be NULL. */
void source_options_name_driver(const struct config_source *config, const char **driver, const char **entrypoint);

/* Build them. ERROR_CONFIG names an option that the driver doesn't know (it would accept it in silence), with the nearest
 * that it does; ERROR_AUTH a key that can't be read. */
bool source_options_build(const struct config_source *config, struct source_options *options,
                          struct error *error) THAW_CHECK;
void source_options_release(struct source_options *options);

/* The folder that DuckDB spills to: private to this process, made by DuckDB when it is needed. */
void source_spill_folder(struct buffer *path);

#endif
