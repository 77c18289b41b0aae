#include "base/package.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const beside_executable[] = {"", "/../lib/thaw"};
enum { BESIDE_COUNT = sizeof beside_executable / sizeof *beside_executable };
static const char layer[] = "/opt/thaw";

/* The folder of the executable itself, so that no environment variable is needed; "" for the root folder. */
static void executable_folder(char *folder, size_t size) {
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
}

bool package_folder(size_t index, char *folder, size_t size) {
    char own[PATH_MAX];
    int length;
    if (index > BESIDE_COUNT)
        return false;
    executable_folder(own, sizeof own);
    if (index == BESIDE_COUNT)
        length = snprintf(folder, size, "%s", layer);
    else
        length = snprintf(folder, size, "%s%s", own, beside_executable[index]);
    return length >= 0 && (size_t)length < size;
}

bool package_file(const char *name, char *path, size_t size) {
    char folder[PATH_MAX];
    for (size_t i = 0; package_folder(i, folder, sizeof folder); i++) {
        int length = snprintf(path, size, "%s/%s", folder, name);
        if (length >= 0 && (size_t)length < size && access(path, R_OK) == 0)
            return true;
    }
    return false;
}
