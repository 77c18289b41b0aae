/* Every key of the configuration, by place. docs/configuration.md and schema/config.schema.json say the same; a test
 * compares them. */
#include "config/read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(place, keys, also)                                                                                       \
    { place, keys, COUNT(keys), also, false }
/* The ends: what they are reached by may be secrets that are kept elsewhere. */
#define END(place, keys)                                                                                               \
    { place, keys, COUNT(keys), &keys_unused, true }

const char *const chunking_choices[] = {"auto", "range", "hash", "whole", NULL};
const char *const snapshot_choices[] = {"auto", "none", "time_travel", "materialize", NULL};
const char *const bad_row_choices[] = {"stop", "reject", NULL};
const char *const nul_choices[] = {"error", "remove", NULL};
const char *const rounding_choices[] = {"error", "allow", NULL};
static const char *const column_types[] = {
    "int",           "bigint",       "integer", "number",  "numeric", "date", "timestamp",       "timestamp_ntz",
    "timestamp_ltz", "timestamp_tz", "uuid",    "varchar", "string",  "text", "varchar_numeric", NULL};
static const char *const protocol_choices[] = {"https", "http", NULL};
const char *const dialect_choices[] = {"snowflake", "duckdb", NULL};
/* https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-SSLMODE */
static const char *const sslmode_choices[] = {"disable",   "allow",       "prefer", "require",
                                              "verify-ca", "verify-full", NULL};

/* What older configurations carry; not used. */
static const struct key unused_keys[] = {
    {.name = "estimated_rows", .type = KEY_UNUSED},
    {.name = "status_tracking", .type = KEY_UNUSED},
};
static const struct key_table keys_unused = TABLE("any place", unused_keys, NULL);

/* Settings that may stand at the top, in a source and in a table; the nearest one counts. */
static const struct key setting_keys[] = {
    {.name = "parallel_threads", .type = KEY_INTEGER, .minimum = 1, .maximum = 256},
    {.name = "batch_size", .type = KEY_INTEGER, .minimum = 1, .maximum = 9e15},
    {.name = "batch_size_copy_mode", .type = KEY_INTEGER, .minimum = 1, .maximum = 9e15},
    {.name = "max_retry_attempts", .type = KEY_INTEGER, .minimum = 1, .maximum = 10},
    {.name = "resume_max_age", .type = KEY_NUMBER, .minimum = 0, .maximum = 1e6},
    {.name = "lambda_timeout_buffer_seconds", .type = KEY_INTEGER, .minimum = 30, .maximum = 300},
    {.name = "insert_only_mode", .type = KEY_BOOLEAN},
    {.name = "memory_limit_mb", .type = KEY_INTEGER, .minimum = 1, .maximum = 1e9},
    {.name = "snapshot", .type = KEY_CHOICE, .choices = snapshot_choices},
    {.name = "scratch_schema", .type = KEY_STRING},
    {.name = "on_bad_row", .type = KEY_CHOICE, .choices = bad_row_choices},
    {.name = "max_rejects", .type = KEY_INTEGER, .minimum = 0, .maximum = 9e15},
    {.name = "nul_bytes", .type = KEY_CHOICE, .choices = nul_choices},
    {.name = "rounding", .type = KEY_CHOICE, .choices = rounding_choices},
};
static const struct key_table keys_settings = TABLE("the settings", setting_keys, &keys_unused);

static const struct key root_keys[] = {
    {.name = "$schema", .type = KEY_UNUSED}, /* tells an editor where the JSON Schema is */
    {.name = "snowflake", .type = KEY_OBJECT},
    {.name = "duckdb", .type = KEY_OBJECT},
    {.name = "adbc", .type = KEY_OBJECT},
    {.name = "postgres", .type = KEY_OBJECT, .flags = KEY_REQUIRED},
    {.name = "sources", .type = KEY_OBJECTS, .flags = KEY_REQUIRED},
};
const struct key_table keys_root = TABLE("the top of the configuration", root_keys, &keys_settings);

static const struct key snowflake_keys[] = {
    {.name = "account", .type = KEY_STRING, .flags = KEY_REQUIRED},
    {.name = "user", .type = KEY_STRING, .flags = KEY_REQUIRED},
    {.name = "warehouse", .type = KEY_STRING},
    {.name = "role", .type = KEY_STRING},
    {.name = "rsa_key", .type = KEY_STRING, .flags = KEY_SECRET},
    {.name = "rsa_key_passphrase", .type = KEY_STRING, .flags = KEY_SECRET},
    {.name = "password", .type = KEY_STRING, .flags = KEY_SECRET},
    {.name = "token", .type = KEY_STRING, .flags = KEY_SECRET},
    {.name = "host", .type = KEY_STRING},
    {.name = "port", .type = KEY_INTEGER, .minimum = 1, .maximum = 65535},
    {.name = "protocol", .type = KEY_CHOICE, .choices = protocol_choices},
    {.name = "options", .type = KEY_OPTIONS},
};
const struct key_table keys_snowflake = END("snowflake", snowflake_keys);

static const struct key duckdb_keys[] = {
    {.name = "path", .type = KEY_STRING, .flags = KEY_REQUIRED},
    {.name = "init_sql", .type = KEY_STRING, .flags = KEY_SECRET},
};
const struct key_table keys_duckdb = END("duckdb", duckdb_keys);

static const struct key adbc_keys[] = {
    {.name = "driver", .type = KEY_STRING, .flags = KEY_REQUIRED},
    {.name = "entrypoint", .type = KEY_STRING},
    {.name = "dialect", .type = KEY_CHOICE, .flags = KEY_REQUIRED, .choices = dialect_choices},
    {.name = "options", .type = KEY_OPTIONS},
};
const struct key_table keys_adbc = END("adbc", adbc_keys);

static const struct key postgres_keys[] = {
    {.name = "host", .type = KEY_STRING},
    {.name = "port", .type = KEY_INTEGER, .minimum = 1, .maximum = 65535},
    {.name = "user", .type = KEY_STRING},
    {.name = "password", .type = KEY_STRING, .flags = KEY_SECRET},
    {.name = "sslmode", .type = KEY_CHOICE, .choices = sslmode_choices},
    {.name = "sslrootcert", .type = KEY_STRING},
    {.name = "url", .type = KEY_STRING, .flags = KEY_SECRET},
};
const struct key_table keys_postgres = END("postgres", postgres_keys);

static const struct key source_keys[] = {
    {.name = "source_name", .type = KEY_STRING, .flags = KEY_REQUIRED},
    {.name = "enabled", .type = KEY_BOOLEAN},
    {.name = "source_sf_database", .type = KEY_STRING},
    {.name = "source_database", .type = KEY_STRING},
    {.name = "source_sf_schema", .type = KEY_STRING},
    {.name = "source_schema", .type = KEY_STRING},
    {.name = "target_pg_database", .type = KEY_STRING, .flags = KEY_TARGET_NAME},
    {.name = "target_pg_schema", .type = KEY_STRING, .flags = KEY_TARGET_NAME},
    {.name = "tables", .type = KEY_OBJECTS, .flags = KEY_REQUIRED},
};
const struct key_table keys_source = TABLE("an entry of sources", source_keys, &keys_settings);

static const struct key table_keys[] = {
    {.name = "enabled", .type = KEY_BOOLEAN},
    {.name = "source", .type = KEY_STRING, .flags = KEY_REQUIRED},
    {.name = "target", .type = KEY_STRING, .flags = KEY_REQUIRED | KEY_TARGET_NAME},
    {.name = "source_filter", .type = KEY_STRING},
    {.name = "chunking_columns", .type = KEY_STRINGS},
    {.name = "chunking_column_types", .type = KEY_STRINGS, .choices = column_types},
    {.name = "chunking", .type = KEY_CHOICE, .choices = chunking_choices},
    {.name = "uniqueness_columns", .type = KEY_STRINGS, .flags = KEY_TARGET_NAME},
    {.name = "sort_columns", .type = KEY_STRINGS},
    {.name = "source_watermark", .type = KEY_STRING},
    {.name = "target_watermark", .type = KEY_STRING, .flags = KEY_TARGET_NAME},
    {.name = "column_mapping", .type = KEY_MAPPING, .flags = KEY_TARGET_NAME},
    {.name = "truncate_onstart", .type = KEY_BOOLEAN},
    {.name = "disable_index", .type = KEY_BOOLEAN},
    {.name = "create_target", .type = KEY_BOOLEAN},
};
const struct key_table keys_table = TABLE("an entry of tables", table_keys, &keys_settings);

const struct key_table *const keys_all[] = {&keys_root,     &keys_snowflake, &keys_duckdb, &keys_adbc,
                                            &keys_postgres, &keys_source,    &keys_table};
const size_t keys_all_count = COUNT(keys_all);
