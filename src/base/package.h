/* Where what comes along with the program is: drivers, libraries, trusted certificates. */
#ifndef THAW_BASE_PACKAGE_H
#define THAW_BASE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

/* The `index`th folder that may hold it, as an absolute path: the program's own, ../lib/thaw from there (a Debian package), or
 * /opt/thaw (a Lambda layer, which is unpacked in /opt). False: there are no more. */
bool package_folder(size_t index, char *folder, size_t size);

/* The first of those folders' files of this name, for example "drivers/libduckdb.so", that can be read. False: none. */
bool package_file(const char *name, char *path, size_t size);

#endif
