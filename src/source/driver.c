#include "source/driver.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/package.h"

/* How a driver's file is called. */
static const char *const file_names[] = {"%s", "lib%s.so", "libadbc_driver_%s.so"};

/* Lazily: to bind all of DuckDB's functions at once takes 15 ms, a third of what a start takes. What a driver needs from
 * other libraries is looked for in any case. */
static void *open_library(const char *path, struct buffer *tried) {
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        const char *reason = dlerror();
        buffer_appendf(tried, "%s%s", tried->length > 0 ? "; " : "", reason != NULL ? reason : path);
    }
    return library;
}

/* Look for `name` in drivers/ of the program's folders. A file that is there but doesn't load is reported in `tried`. */
static void *find_library(const char *name, struct driver *driver, struct buffer *tried) {
    char folder[PATH_MAX], file[NAME_MAX + 1], path[PATH_MAX];
    for (size_t i = 0; package_folder(i, folder, sizeof folder); i++) {
        for (size_t j = 0; j < sizeof file_names / sizeof *file_names; j++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            int file_length = snprintf(file, sizeof file, file_names[j], name);
#pragma GCC diagnostic pop
            int length = snprintf(path, sizeof path, "%s/drivers/%s", folder, file);
            if (file_length >= (int)sizeof file || length >= (int)sizeof path || access(path, R_OK) != 0)
                continue;
            void *library = open_library(path, tried);
            if (library != NULL) {
                driver->path = memory_copy_string(path);
                return library;
            }
        }
        buffer_appendf(tried, "%snothing of that name in %s/drivers", tried->length > 0 ? "; " : "", folder);
    }
    void *library = open_library(name, tried);
    if (library != NULL)
        driver->path = memory_copy_string(name);
    return library;
}

static AdbcDriverInitFunc find_entrypoint(void *library, const char *entrypoint) {
    static const char *const usual[] = {"AdbcDriverSnowflakeInit", "duckdb_adbc_init", "AdbcDriverInit"};
    void *symbol = NULL;
    if (entrypoint != NULL)
        symbol = dlsym(library, entrypoint);
    for (size_t i = 0; entrypoint == NULL && symbol == NULL && i < sizeof usual / sizeof *usual; i++)
        symbol = dlsym(library, usual[i]);
    /* ISO C has no cast between object and function pointers; POSIX promises that the bits are the same. */
    AdbcDriverInitFunc init = NULL;
    memcpy(&init, &symbol, sizeof init);
    return init;
}

/* A driver may leave entries of the table empty; these are the ones that thaw calls without asking. */
static const char *missing_function(const struct AdbcDriver *adbc) {
    const struct {
        bool present;
        const char *name;
    } needed[] = {
        {adbc->DatabaseNew != NULL, "DatabaseNew"},
        {adbc->DatabaseSetOption != NULL, "DatabaseSetOption"},
        {adbc->DatabaseInit != NULL, "DatabaseInit"},
        {adbc->DatabaseRelease != NULL, "DatabaseRelease"},
        {adbc->ConnectionNew != NULL, "ConnectionNew"},
        {adbc->ConnectionInit != NULL, "ConnectionInit"},
        {adbc->ConnectionRelease != NULL, "ConnectionRelease"},
        {adbc->StatementNew != NULL, "StatementNew"},
        {adbc->StatementSetSqlQuery != NULL, "StatementSetSqlQuery"},
        {adbc->StatementSetOption != NULL, "StatementSetOption"},
        {adbc->StatementExecuteQuery != NULL, "StatementExecuteQuery"},
        {adbc->StatementRelease != NULL, "StatementRelease"},
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!needed[i].present)
            return needed[i].name;
    return NULL;
}

static bool initialise(struct driver *driver, void *library, const char *entrypoint, struct error *error) {
    AdbcDriverInitFunc init = find_entrypoint(library, entrypoint);
    if (init == NULL) {
        error_set(error, ERROR_CONFIG, "%s has no function %s", driver->path,
                  entrypoint != NULL ? entrypoint : "AdbcDriverInit");
        return error_hint(error, "set \"entrypoint\" to the driver's ADBC init function");
    }
    struct AdbcError adbc_error = {0};
    AdbcStatusCode status = init(ADBC_VERSION_1_1_0, &driver->adbc, &adbc_error);
    if (status != ADBC_STATUS_OK) {
        memset(&driver->adbc, 0, sizeof driver->adbc);
        driver_failure(&adbc_error, status, "initialising the driver", error);
        error->kind = ERROR_CONFIG;
        return error_context(error, "%s", driver->path);
    }
    const char *missing = missing_function(&driver->adbc);
    if (missing == NULL)
        return true;
    error_set(error, ERROR_CONFIG, "the driver %s lacks %s, which ADBC 1.1.0 asks for", driver->path, missing);
    return error_hint(error, "use a driver that implements ADBC 1.1.0");
}

bool driver_load(struct driver *driver, const char *name, const char *entrypoint, struct error *error) {
    memset(driver, 0, sizeof *driver);
    struct buffer tried = {0};
    void *library;
    if (strchr(name, '/') != NULL) {
        library = open_library(name, &tried);
        driver->path = memory_copy_string(name);
    } else {
        library = find_library(name, driver, &tried);
    }
    bool ok = library != NULL;
    if (!ok) {
        error_set(error, ERROR_CONFIG, "the driver %s can't be loaded: %s", name, buffer_string(&tried));
        error_hint(error, "put the driver's library into the folder drivers/ beside the program, or give its path");
    }
    ok = ok && initialise(driver, library, entrypoint, error);
    buffer_release(&tried);
    if (!ok)
        driver_release(driver);
    return ok;
}

void driver_release(struct driver *driver) {
    struct AdbcError adbc_error = {0};
    if (driver->adbc.release != NULL)
        driver->adbc.release(&driver->adbc, &adbc_error);
    if (adbc_error.release != NULL)
        adbc_error.release(&adbc_error);
    memory_release(&driver->path);
    memset(driver, 0, sizeof *driver);
}
