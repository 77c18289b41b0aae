/* config.json: loaded, substituted, validated; what the rest of the program reads of it.
 *
 * Every problem is found in one pass and reported with its JSON path and line.
 */
#ifndef THAW_CONFIG_CONFIG_H
#define THAW_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum config_source_kind { SOURCE_SNOWFLAKE, SOURCE_DUCKDB, SOURCE_ADBC };

struct config_option {
    char *name;
    char *value;
};

/* Where rows come from. Absent strings are NULL. */
struct config_source {
    enum config_source_kind kind;
    /* snowflake */
    char *account, *user, *warehouse, *role;
    char *rsa_key, *rsa_key_passphrase; /* rsa_key: PEM text (real or literal \n) or a path */
    char *password, *token;
    char *host, *protocol;
    int port; /* 0: absent */
    /* duckdb */
    char *path, *init_sql;
    /* adbc */
    char *driver, *entrypoint, *dialect;
    /* snowflake and adbc: driver options, as given */
    struct config_option *options;
    size_t option_count;
    char **fetched; /* values of options that were secrets by reference */
    size_t fetched_count;
};

/* Where rows go. Absent fields come from libpq's environment and service files. */
struct config_target {
    char *host, *user, *password, *sslmode, *sslrootcert, *url;
    int port; /* 0: absent */
};

enum config_snapshot { SNAPSHOT_AUTO, SNAPSHOT_NONE, SNAPSHOT_TIME_TRAVEL, SNAPSHOT_MATERIALIZE };
enum config_bad_row { BAD_ROW_STOP, BAD_ROW_REJECT };
enum config_nul_bytes { NUL_BYTES_ERROR, NUL_BYTES_REMOVE };
enum config_rounding { ROUNDING_ERROR, ROUNDING_ALLOW };
/* How a table is written: `mode` of struct config_table, which follows from its other settings. */
enum config_mode {
    MODE_COPY,       /* straight COPY */
    MODE_UPSERT,     /* insert, or update where the row differs */
    MODE_INSERT_ONLY /* insert what has a new key; with truncate_onstart into the emptied table */
};
enum config_chunking { CHUNKING_AUTO, CHUNKING_RANGE, CHUNKING_HASH, CHUNKING_WHOLE };

/* Settings with precedence table > source > global > default, resolved for each table. */
struct config_settings {
    int parallel_threads; /* 6; on a source or table: how many of the workers it may have at once */
    int64_t
        batch_size; /* rows a chunk; 0: chosen from the table. batch_size_copy_mode already applied where it counts */
    int max_retry_attempts;            /* 3; 1-10 */
    double resume_max_age_hours;       /* 168 */
    int lambda_timeout_buffer_seconds; /* 120; 30-300 */
    enum config_snapshot snapshot;
    enum config_bad_row on_bad_row;
    int64_t max_rejects;             /* 1000; of a table in a run */
    enum config_nul_bytes nul_bytes; /* in text */
    enum config_rounding rounding;
    bool insert_only_mode; /* of tables with a key */
    int memory_limit_mb;   /* of the whole process, whichever table says it: config_memory_limit_mb(); 0: not given */
};

struct config_table {
    char *source; /* name of the table or view in the source schema */
    char *target;
    char *source_filter;     /* SQL or NULL */
    char **chunking_columns; /* source names */
    size_t chunking_column_count;
    char **chunking_column_types;
    size_t chunking_column_type_count;
    enum config_chunking chunking;
    char **uniqueness_columns; /* target names; in MODE_COPY: informs chunking, never trusted */
    size_t uniqueness_column_count;
    char **sort_columns; /* source names: of rows with one key and watermark the last by these counts */
    size_t sort_column_count;
    char *source_watermark, *target_watermark; /* a source and a target name, both or neither */
    struct config_option *column_mapping;      /* name: source column, value: target column */
    size_t column_mapping_count;
    bool truncate_onstart;
    bool disable_index; /* the target's indexes are dropped for the load, and built again after it */
    bool create_target; /* make the target where it is missing */
    enum config_mode mode;
    struct config_settings settings;
    char *scratch_schema; /* of the source, for `materialize`; NULL: not given */
    char *json_path;      /* "$.sources[0].tables[2]", for messages */
};

/* One entry of sources[], enabled; its enabled tables. */
struct config_feed {
    char *source_name;
    char *source_database, *source_schema;
    char *target_database, *target_schema;
    struct config_table *tables;
    size_t table_count;
};

struct config {
    char *file; /* as given */
    char *hash; /* config_hash_text() of the file as it was read; NULL where it couldn't be */
    struct config_source source;
    struct config_target target;
    struct config_settings settings; /* the global ones */
    struct config_feed *feeds;
    size_t feed_count;
};

/* One thing that is wrong. */
struct config_problem {
    char *file; /* NULL: the configuration; else the .env file */
    char *path; /* "$.sources[0].tables[1].chunking"; "$" where it is the file as a whole */
    int line;   /* from 1; 0: unknown */
    int column; /* from 1; 0: unknown */
    char *message;
    char *hint; /* may be NULL */
};

struct config_problems {
    struct config_problem *list;
    size_t count;
};

/* Load `file`, with secrets from the environment, then `env_file` (NULL: none; the environment beats it), and fetched where they
 * are named by reference ("secretsmanager:NAME#key", "ssm:NAME"). All problems are collected; `config` is complete only where
 * there are none and true is returned. */
bool config_load(struct config *config, const char *file, const char *env_file, struct config_problems *problems);
/* The same, with references to secrets as they are: nothing is asked of anybody, and nobody can log in with it. */
bool config_load_unfetched(struct config *config, const char *file, const char *env_file,
                           struct config_problems *problems);
/* The same as config_load() from text; `file` is for messages. */
bool config_load_text(struct config *config, const char *file, const char *text, size_t length, const char *env_file,
                      struct config_problems *problems);
void config_release(struct config *config);
void config_problems_release(struct config_problems *problems);
/* "config.json:12: $.sources[0].foo: unknown key ... (did you mean ...?)" one line each. */
void config_problems_format(const struct config_problems *problems, const char *file, struct buffer *text);

/* Keep only the named feeds and tables; NULL keeps all. ERROR_CONFIG names what doesn't exist, with the nearest name.
 * Lists are comma-separated. */
bool config_select(struct config *config, const char *source_names, const char *table_names,
                   struct error *error) THAW_CHECK;

/* The bound on the process's memory: the least that any of the tables has; 0: there is none. */
int config_memory_limit_mb(const struct config *config);
/* Set it, for all of them. */
void config_limit_memory(struct config *config, int limit_mb);
/* The least bound with which one worker can load a narrow table; less is a problem of the configuration. */
int config_least_memory_mb(const struct config_source *source);

/* Is its SQL Snowflake's? */
bool config_source_is_snowflake(const struct config_source *source);

/* Call `visit` for each secret in the configuration, so that the log can hide it. */
void config_each_secret(const struct config *config, void (*visit)(void *context, const char *secret), void *context);

/* The settings that decide which rows go where and how, one `name: value` each in a fixed order (secrets never, init_sql
 * as a digest), as a JSON object text; execution_hash is the hash of it. Thread counts, batch size, memory, logging and retries are
 * not in it. Both allocated. */
char *config_execution_settings(const struct config *config);
char *config_execution_hash(const struct config *config);
/* What a table's rows and their watermarks mean: where the source is, filter, watermarks and column mapping, as a hash. A floor
 * follows only runs that had the same. Allocated. */
char *config_window_settings(const struct config *config, const struct config_table *table);
/* Hash of the configuration's whole text, before substitution. Allocated. */
char *config_hash_text(const char *text, size_t length);
/* Sorted, comma-separated source names. Allocated. */
char *config_source_names(const struct config *config);

/* The name of `candidates` nearest to `name` (edit distance), or NULL where none is near. */
const char *config_nearest(const char *name, const char *const *candidates, size_t count);

#endif
