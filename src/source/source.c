/* The database of a source and its connections. */
#include "source/source.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/package.h"
#include "source/internal.h"

/* What the Snowflake driver reads from the environment, once, when its runtime starts: it would otherwise look for cloud
 * metadata services, and unpack a helper library into the temporary folder. */
static const char *const environment[][2] = {
    {"SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true"},
    {"SF_DISABLE_MINICORE", "true"},
};

static bool is_snowflake(const struct config_source *config) {
    return config->kind == SOURCE_SNOWFLAKE ||
           (config->kind == SOURCE_ADBC && config->dialect != NULL && strcmp(config->dialect, "snowflake") == 0);
}

/* Where Go looks for trusted certificates, unless SSL_CERT_FILE or SSL_CERT_DIR says otherwise:
 * https://go.dev/src/crypto/x509/root_linux.go */
static const char *const system_certificates[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static bool put_environment(const char *name, const char *value) {
    return getenv(name) == NULL && setenv(name, value, 0) == 0;
}

/* A machine may have no trusted certificates at all; then the ones that the package brings are named. */
static bool put_certificates(void) {
    char path[PATH_MAX];
    if (getenv("SSL_CERT_DIR") != NULL)
        return false;
    for (size_t i = 0; i < sizeof system_certificates / sizeof *system_certificates; i++)
        if (access(system_certificates[i], R_OK) == 0)
            return false;
    return package_file("ssl/ca-certificates.pem", path, sizeof path) && put_environment("SSL_CERT_FILE", path);
}

/* Go collects its garbage more often as it comes near: https://pkg.go.dev/runtime#hdr-Environment_Variables */
static bool put_memory_limit(int64_t driver_mb) {
    char limit[32];
    snprintf(limit, sizeof limit, "%" PRId64 "MiB", driver_mb);
    return driver_mb > 0 && put_environment("GOMEMLIMIT", limit);
}

bool source_prepare_environment(int64_t driver_mb) {
    bool missing = put_certificates();
    missing = put_memory_limit(driver_mb) || missing;
    for (size_t i = 0; i < sizeof environment / sizeof *environment; i++)
        missing = put_environment(environment[i][0], environment[i][1]) || missing;
    return missing;
}

bool source_environment_missing(const struct config *config, int64_t driver_mb) {
    return is_snowflake(&config->source) && source_prepare_environment(driver_mb);
}

bool source_driver_loads(const struct config *config, struct error *error) {
    const char *name, *entrypoint;
    struct driver driver;
    source_options_name_driver(&config->source, &name, &entrypoint);
    if (!driver_load(&driver, name, entrypoint, error))
        return false;
    driver_release(&driver);
    return true;
}

static char *make_label(const struct config_source *config) {
    struct buffer label = {0};
    if (config->kind == SOURCE_SNOWFLAKE)
        buffer_appendf(&label, "Snowflake account %s", config->account != NULL ? config->account : "?");
    else if (config->kind == SOURCE_DUCKDB)
        buffer_appendf(&label, "DuckDB %s", config->path != NULL ? config->path : ":memory:");
    else
        buffer_appendf(&label, "ADBC driver %s", config->driver != NULL ? config->driver : "?");
    return buffer_steal(&label);
}

static void hide_secrets(struct log *log, const struct source_options *options) {
    for (size_t i = 0; log != NULL && i < options->database_count; i++)
        if (options->database[i].secret)
            log_hide(log, options->database[i].value);
}

static bool open_database(struct source *source, struct error *error) {
    struct AdbcDriver *driver = &source->driver.adbc;
    struct AdbcError adbc_error = {0};
    AdbcStatusCode status = driver->DatabaseNew(&source->database, &adbc_error);
    source->database_open = status == ADBC_STATUS_OK;
    for (size_t i = 0; status == ADBC_STATUS_OK && i < source->options.database_count; i++) {
        const struct source_option *option = &source->options.database[i];
        status = driver->DatabaseSetOption(&source->database, option->name, option->value, &adbc_error);
        if (status != ADBC_STATUS_OK) {
            driver_failure(&adbc_error, status, option->name, error);
            error->kind = ERROR_CONFIG;
            return error_context(error, "%s: option refused by the driver", source->label);
        }
    }
    if (status == ADBC_STATUS_OK)
        status = driver->DatabaseInit(&source->database, &adbc_error);
    if (status == ADBC_STATUS_OK)
        return true;
    driver_failure(&adbc_error, status, "opening the database", error);
    if (error->kind == ERROR_INTERNAL || error->kind == ERROR_DATA)
        error->kind = ERROR_CONFIG; /* the driver hasn't spoken to anybody yet: what it was given is wrong */
    if (error->hint[0] == '\0' && source->dialect != &dialect_snowflake && !source->in_memory)
        error_hint(error, "check the path of the database file, and that thaw may read it");
    return error_context(error, "%s", source->label);
}

static bool choose_dialect(struct source *source, const struct config_source *config, struct error *error) {
    const char *name = config->kind == SOURCE_SNOWFLAKE ? "snowflake"
                       : config->kind == SOURCE_DUCKDB  ? "duckdb"
                                                        : config->dialect;
    source->dialect = name != NULL ? dialect_find(name) : NULL;
    if (source->dialect != NULL)
        return true;
    error_set(error, ERROR_CONFIG, "the source's dialect \"%s\" is not known", name != NULL ? name : "");
    return error_hint(error, "set \"dialect\" to \"snowflake\" or \"duckdb\"");
}

bool source_open(const struct config *config, struct log *log, struct source **result, struct error *error) {
    const struct config_source *settings = &config->source;
    struct source *source = memory_allocate(sizeof *source);
    *result = NULL;
    source->log = log;
    source->label = make_label(settings);
    pthread_mutex_init(&source->mutex, NULL);
    duckdb_memory_init(&source->memory, settings->kind == SOURCE_DUCKDB);
    if (settings->kind == SOURCE_DUCKDB) {
        source->path = memory_copy_string(settings->path);
        source->init_sql = memory_copy_string(settings->init_sql);
        source->in_memory = settings->path == NULL || strcmp(settings->path, ":memory:") == 0;
    }
    bool ok = choose_dialect(source, settings, error) && source_options_build(settings, &source->options, error);
    if (ok) {
        hide_secrets(log, &source->options);
        ok = driver_load(&source->driver, source->options.driver, source->options.entrypoint, error) &&
             open_database(source, error);
    }
    if (ok)
        *result = source;
    else
        source_close(&source);
    return ok;
}

void source_close(struct source **pointer) {
    struct source *source = *pointer;
    if (source == NULL)
        return;
    struct AdbcError adbc_error = {0};
    if (atomic_load(&source->logins) > 0) { /* a log-in that was given up still uses all of it */
        *pointer = NULL;
        return;
    }
    if (source->database_open)
        source->driver.adbc.DatabaseRelease(&source->database, &adbc_error);
    if (adbc_error.release != NULL)
        adbc_error.release(&adbc_error);
    driver_release(&source->driver);
    source_options_release(&source->options);
    memory_release(&source->path);
    memory_release(&source->init_sql);
    memory_release(&source->label);
    duckdb_memory_release(&source->memory);
    pthread_mutex_destroy(&source->mutex);
    memory_release(pointer);
}

void source_obey(struct source *source, const struct cancel *cancel) {
    source->cancel = cancel;
}

const struct dialect *source_dialect(const struct source *source) {
    return source->dialect;
}

static bool open_connection(struct source_connection *connection, struct error *error) {
    struct source *source = connection->source;
    struct AdbcDriver *driver = &source->driver.adbc;
    struct AdbcError adbc_error = {0};
    AdbcStatusCode status = driver->ConnectionNew(&connection->adbc, &adbc_error);
    if (status == ADBC_STATUS_OK)
        status = driver->ConnectionInit(&connection->adbc, &source->database, &adbc_error);
    if (status == ADBC_STATUS_OK)
        return true;
    driver_failure(&adbc_error, status, "connecting", error);
    if (error->hint[0] == '\0' && error->kind == ERROR_TRANSIENT && source->dialect == &dialect_snowflake)
        error_hint(error, "check snowflake.account, snowflake.host and snowflake.port, and that the service can be "
                          "reached from here (firewalls, HTTPS_PROXY)");
    return false;
}

static bool log_in_to_snowflake(struct source_connection *connection, struct error *error) {
    return open_connection(connection, error) && session_pin_snowflake(connection, error);
}

bool source_connect(struct source *source, struct source_connection **result, struct error *error) {
    struct source_connection *connection = memory_allocate(sizeof *connection);
    bool abandoned = false;
    *result = NULL;
    connection->source = source;
    pthread_mutex_init(&connection->mutex, NULL);
    bool ok = source->dialect == &dialect_snowflake
                  ? source_login_within_limit(connection, log_in_to_snowflake, &abandoned, error)
                  : open_connection(connection, error) && session_pin_duckdb(connection, error);
    if (ok)
        *result = connection;
    else if (!abandoned)
        source_disconnect(&connection);
    return ok || error_context(error, "%s", source->label);
}

void source_disconnect(struct source_connection **pointer) {
    struct source_connection *connection = *pointer;
    if (connection == NULL)
        return;
    if (connection->planning) {
        struct error ignored;
        if (!source_planning_end(connection, &ignored) && connection->source->log != NULL)
            log_warning(connection->source->log, "source", "%s", ignored.message);
    }
    struct AdbcError adbc_error = {0};
    if (connection->adbc.private_data != NULL)
        connection->source->driver.adbc.ConnectionRelease(&connection->adbc, &adbc_error);
    if (adbc_error.release != NULL)
        adbc_error.release(&adbc_error);
    pthread_mutex_destroy(&connection->mutex);
    memory_release(pointer);
}
