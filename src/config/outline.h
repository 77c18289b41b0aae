/* How a configuration reaches its two ends, as text to print: for `thaw init`, which writes the rest of it. */
#ifndef THAW_CONFIG_OUTLINE_H
#define THAW_CONFIG_OUTLINE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* The source and the target of a configuration: {"snowflake": {...}, "postgres": {...}}, references as they are written. From
 * `file`; without one (NULL) references to variables of the environment, for DuckDB where DUCKDB_PATH is set there or in
 * `env_file` (NULL: none), else for Snowflake. With `hide` what may be a secret and isn't a reference becomes one, so that it can
 * be printed: "${SNOWFLAKE_PASSWORD}". A new reference, owned by the caller; NULL: ERROR_CONFIG. */
json_t *config_outline(const char *file, const char *env_file, bool hide, struct error *error) THAW_CHECK;

#endif
