/* Loads an ADBC driver: dlopen, the init symbol, the table of functions (ADBC 1.1.0).
 *
 * https://arrow.apache.org/adbc/current/cpp/driver_manager.html describes what the official manager does beyond that; thaw
 * needs none of it.
 */
#ifndef THAW_SOURCE_DRIVER_H
#define THAW_SOURCE_DRIVER_H

#include <arrow-adbc/adbc.h>
#include <stdbool.h>

#include "base/error.h"

struct driver {
    struct AdbcDriver adbc;
    char *path; /* what was loaded, for messages; owned */
};

/* Load `name`: a path where it has a slash, else a library that is looked for as NAME, libNAME.so and libadbc_driver_NAME.so
 * in drivers/ of the program's folders (base/package.h), and then by the system's loader. `entrypoint` may be NULL:
 * the ones that drivers commonly have are tried. ERROR_CONFIG says what was tried where. */
bool driver_load(struct driver *driver, const char *name, const char *entrypoint, struct error *error) THAW_CHECK;
/* The library stays mapped: a Go runtime can't be unloaded. */
void driver_release(struct driver *driver);

/* Fill `error` from what a driver returned and release `adbc`. `doing` is put before the driver's words ("connecting to
 * ..."). Returns false. */
bool driver_failure(struct AdbcError *adbc, AdbcStatusCode status, const char *doing, struct error *error);

/* The kind that a driver's error means. A vendor code that is known decides, then SQLSTATE, then the status, then the
 * words of the message: transport errors of the Snowflake driver and all errors of DuckDB's carry nothing else. */
enum error_kind driver_error_kind(AdbcStatusCode status, int vendor_code, const char *sqlstate, const char *message);

#endif
