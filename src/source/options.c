#include "source/options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "source/private_key.h"
#include "source/token.h"

/* The Snowflake driver's options: https://docs.adbc-drivers.org/drivers/snowflake/ */
#define SQL "adbc.snowflake.sql."
#define CLIENT "adbc.snowflake.sql.client_option."

static const char *const snowflake_database_options[] = {"username",
                                                         "password",
                                                         SQL "db",
                                                         SQL "schema",
                                                         SQL "warehouse",
                                                         SQL "role",
                                                         SQL "region",
                                                         SQL "account",
                                                         SQL "uri.protocol",
                                                         SQL "uri.host",
                                                         SQL "uri.port",
                                                         SQL "auth_type",
                                                         CLIENT "login_timeout",
                                                         CLIENT "request_timeout",
                                                         CLIENT "client_timeout",
                                                         CLIENT "jwt_expire_timeout",
                                                         CLIENT "app_name",
                                                         CLIENT "tls_skip_verify",
                                                         CLIENT "ocsp_fail_open_mode",
                                                         CLIENT "auth_token",
                                                         CLIENT "okta_url",
                                                         CLIENT "keep_session_alive",
                                                         CLIENT "jwt_private_key",
                                                         CLIENT "jwt_private_key_pkcs8_value",
                                                         CLIENT "jwt_private_key_pkcs8_password",
                                                         CLIENT "disable_telemetry",
                                                         CLIENT "tracing",
                                                         CLIENT "config_file",
                                                         CLIENT "cache_mfa_token",
                                                         CLIENT "store_temp_creds",
                                                         CLIENT "identity_provider"};

static const char *const snowflake_statement_options[] = {"adbc.rpc.result_queue_size",
                                                          "adbc.snowflake.rpc.prefetch_concurrency"};

/* Driver options that decide whether values are right: not the user's. */
static const char *const fixed_options[] = {CLIENT "use_high_precision", CLIENT "max_timestamp_precision"};

/* What every session is pinned to: https://docs.snowflake.com/en/sql-reference/parameters has a section for each.
 * `free`: a user may choose another value. */
static const struct {
    const char *name, *value;
    bool free;
} pinned[] = {
    {"ROWS_PER_RESULTSET", "0", false}, /* a user's limit would cut every result, and the driver's total would agree */
    {"TIMEZONE", "UTC", false},
    {"QUOTED_IDENTIFIERS_IGNORE_CASE", "false", false},
    {"DATE_INPUT_FORMAT", "AUTO", false}, /* bounds are ISO texts that are cast */
    {"TIME_INPUT_FORMAT", "AUTO", false},
    {"TIMESTAMP_INPUT_FORMAT", "AUTO", false},
    {"DATE_OUTPUT_FORMAT", "YYYY-MM-DD", false},
    {"TIME_OUTPUT_FORMAT", "HH24:MI:SS.FF9", false},
    {"TIMESTAMP_NTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF9", false},
    {"TIMESTAMP_LTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM", false},
    {"TIMESTAMP_TZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM", false},
    {"BINARY_OUTPUT_FORMAT", "HEX", false},
    {"JSON_INDENT", "0", true},               /* VARIANT without line breaks: fewer bytes on the wire */
    {"CLIENT_RESULT_CHUNK_SIZE", "16", true}, /* MB; small pieces keep memory small */
    {"QUERY_TAG", "thaw", true},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void put(struct source_option **list, size_t *count, const char *name, const char *value, bool secret) {
    if (value == NULL)
        return;
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i].name, name) == 0) {
            memory_wipe((*list)[i].value, strlen((*list)[i].value));
            memory_release(&(*list)[i].value);
            (*list)[i].value = memory_copy_string(value);
            (*list)[i].secret |= secret;
            return;
        }
    *list = memory_resize(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = (struct source_option){memory_copy_string(name), memory_copy_string(value), secret};
}

static void put_database(struct source_options *options, const char *name, const char *value) {
    put(&options->database, &options->database_count, name, value, false);
}

static void put_secret(struct source_options *options, const char *name, const char *value) {
    put(&options->database, &options->database_count, name, value, true);
}

static bool listed(const char *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/* Session parameters are written in capitals, and no driver option is. */
static bool is_session_parameter(const char *name) {
    for (const char *at = name; *at != '\0'; at++)
        if (!isupper((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '_')
            return false;
    return isupper((unsigned char)name[0]);
}

static bool put_session_option(struct source_options *options, const char *name, const char *value,
                               struct error *error) {
    for (size_t i = 0; i < COUNT(pinned); i++)
        if (strcmp(pinned[i].name, name) == 0) {
            if (!pinned[i].free) {
                error_set(error, ERROR_CONFIG, "the option %s can't be chosen: thaw needs %s", name, pinned[i].value);
                return error_hint(error, "remove it from the source's options");
            }
            put(&options->session, &options->session_count, name, value, false);
            return true;
        }
    put_database(options, name, value); /* at log-in; the session check warns where Snowflake doesn't know it */
    return true;
}

static bool unknown_option(const char *name, struct error *error) {
    const char *nearest = config_nearest(name, snowflake_database_options, COUNT(snowflake_database_options));
    if (nearest == NULL)
        nearest = config_nearest(name, snowflake_statement_options, COUNT(snowflake_statement_options));
    error_set(error, ERROR_CONFIG, "the Snowflake driver has no option \"%s\"", name);
    if (nearest != NULL)
        return error_hint(error, "did you mean \"%s\"?", nearest);
    return error_hint(error,
                      "session parameters are written in capitals; the driver's options begin with adbc.snowflake.");
}

static bool put_user_options(const struct config_source *config, struct source_options *options, struct error *error) {
    for (size_t i = 0; i < config->option_count; i++) {
        const char *name = config->options[i].name, *value = config->options[i].value;
        if (listed(fixed_options, COUNT(fixed_options), name)) {
            error_set(error, ERROR_CONFIG, "the option %s can't be chosen: the values would not be exact", name);
            return error_hint(error, "remove it from the source's options");
        }
        if (listed(snowflake_statement_options, COUNT(snowflake_statement_options), name))
            put(&options->statement, &options->statement_count, name, value, false);
        else if (listed(snowflake_database_options, COUNT(snowflake_database_options), name))
            put(&options->database, &options->database_count, name, value,
                strstr(name, "password") != NULL || strstr(name, "token") != NULL || strstr(name, "pkcs8") != NULL);
        else if (!is_session_parameter(name))
            return unknown_option(name, error);
        else if (!put_session_option(options, name, value, error))
            return false;
    }
    return true;
}

static bool put_authentication(const struct config_source *config, struct source_options *options,
                               struct error *error) {
    if (config->rsa_key != NULL) {
        char *pkcs8;
        if (!private_key_to_pkcs8(config->rsa_key, config->rsa_key_passphrase, &pkcs8, error))
            return false;
        put_database(options, SQL "auth_type", "auth_jwt");
        put_secret(options, CLIENT "jwt_private_key_pkcs8_value", pkcs8);
        memory_wipe(pkcs8, strlen(pkcs8));
        memory_release(&pkcs8);
    } else if (config->token != NULL) {
        put_database(options, SQL "auth_type", token_is_oauth(config->token) ? "auth_oauth" : "auth_pat");
        put_secret(options, CLIENT "auth_token", config->token);
    } else if (config->password != NULL) {
        put_database(options, SQL "auth_type", "auth_snowflake");
        put_secret(options, "password", config->password);
    }
    return true;
}

/* Time-outs. login_timeout and request_timeout bound the pauses between the driver's own tries, not a query that runs:
 * beyond them thaw tries again by its own rules. client_timeout bounds one HTTP exchange whole, reading included: the
 * service's first answer to a query comes within 45 s ("in progress", then it is polled), and a chunk must have been read
 * to its end, at PostgreSQL's pace, within it. */
static void put_behaviour(struct source_options *options) {
    put_database(options, CLIENT "login_timeout", "10s");
    put_database(options, CLIENT "request_timeout", "30s");
    put_database(options, CLIENT "client_timeout", "300s");
    put_database(options, CLIENT "max_timestamp_precision", "microseconds");
    put_database(options, CLIENT "use_high_precision", "true");
    put_database(options, CLIENT "keep_session_alive", "false");
    put_database(options, CLIENT "disable_telemetry", "true");
    put_database(options, CLIENT "app_name", "thaw");
    /* The driver's prefetch bounds downloads, not what waits for a slow reader. */
    put(&options->statement, &options->statement_count, "adbc.rpc.result_queue_size", "1", false);
    put(&options->statement, &options->statement_count, "adbc.snowflake.rpc.prefetch_concurrency", "1", false);
    for (size_t i = 0; i < COUNT(pinned); i++)
        put(&options->session, &options->session_count, pinned[i].name, pinned[i].value, false);
}

static bool build_snowflake(const struct config_source *config, struct source_options *options, struct error *error) {
    put_database(options, SQL "account", config->account);
    put_database(options, "username", config->user);
    put_database(options, SQL "warehouse", config->warehouse);
    put_database(options, SQL "role", config->role);
    put_database(options, SQL "uri.host", config->host);
    put_database(options, SQL "uri.protocol", config->protocol);
    if (config->port != 0) {
        char port[12];
        snprintf(port, sizeof port, "%d", config->port);
        put_database(options, SQL "uri.port", port);
    }
    put_behaviour(options);
    return put_authentication(config, options, error) && put_user_options(config, options, error);
}

void source_spill_folder(struct buffer *path) {
    const char *folder = getenv("TMPDIR");
    buffer_appendf(path, "%s/thaw-spill-%ld", folder != NULL && folder[0] == '/' ? folder : "/tmp", (long)getpid());
}

/* https://duckdb.org/docs/stable/configuration/overview */
static void build_duckdb(const struct config_source *config, struct source_options *options) {
    bool in_memory = config->path == NULL || strcmp(config->path, ":memory:") == 0;
    put_database(options, "path", in_memory ? ":memory:" : config->path);
    if (!in_memory)
        put_database(options, "access_mode", "READ_ONLY");
    put_database(options, "memory_limit", "32MB");
    /* Threads beside those of the workers, each of which runs its own query: none. */
    put_database(options, "threads", "1");
    /* Compressed texts are unpacked where the stream copies them, not once before: one copy of each text less.
     * https://duckdb.org/docs/stable/configuration/overview#global-configuration-options */
    put_database(options, "enable_fsst_vectors", "true");
    struct buffer folder = {0};
    source_spill_folder(&folder);
    put_database(options, "temp_directory", buffer_string(&folder));
    buffer_release(&folder);
    for (size_t i = 0; i < config->option_count; i++)
        put_database(options, config->options[i].name, config->options[i].value);
}

void source_options_name_driver(const struct config_source *config, const char **driver, const char **entrypoint) {
    static const char *const usual[][2] = {
        [SOURCE_SNOWFLAKE] = {"libadbc_driver_snowflake.so", "AdbcDriverSnowflakeInit"},
        [SOURCE_DUCKDB] = {"libduckdb.so", "duckdb_adbc_init"},
        [SOURCE_ADBC] = {NULL, NULL},
    };
    *driver = config->driver != NULL ? config->driver : usual[config->kind][0];
    *entrypoint = config->entrypoint != NULL ? config->entrypoint : usual[config->kind][1];
}

bool source_options_build(const struct config_source *config, struct source_options *options, struct error *error) {
    memset(options, 0, sizeof *options);
    source_options_name_driver(config, &options->driver, &options->entrypoint);
    bool ok = true;
    switch (config->kind) {
    case SOURCE_SNOWFLAKE:
        ok = build_snowflake(config, options, error);
        break;
    case SOURCE_DUCKDB:
        build_duckdb(config, options);
        break;
    case SOURCE_ADBC:
        if (config->dialect != NULL && strcmp(config->dialect, "snowflake") == 0) {
            put_behaviour(options);
            ok = put_user_options(config, options, error);
        } else {
            for (size_t i = 0; i < config->option_count; i++)
                put_database(options, config->options[i].name, config->options[i].value);
        }
        break;
    }
    if (!ok)
        source_options_release(options);
    return ok;
}

static void release_list(struct source_option **list, size_t *count) {
    for (size_t i = 0; i < *count; i++) {
        if ((*list)[i].secret)
            memory_wipe((*list)[i].value, strlen((*list)[i].value));
        memory_release(&(*list)[i].name);
        memory_release(&(*list)[i].value);
    }
    memory_release(list);
    *count = 0;
}

void source_options_release(struct source_options *options) {
    release_list(&options->database, &options->database_count);
    release_list(&options->statement, &options->statement_count);
    release_list(&options->session, &options->session_count);
    memset(options, 0, sizeof *options);
}
