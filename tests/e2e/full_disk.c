/* Loaded before the C library into a PostgreSQL server (LD_PRELOAD): while the file FULL_DISK exists, the disk that holds
 * tables has no room. Nothing but writes that make a file of a table longer fails, as on a disk of its own that is full. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_full(int descriptor, off_t end) {
    const char *flag = getenv("FULL_DISK");
    char link[64], path[4096];
    struct stat file;
    if (flag == NULL || access(flag, F_OK) != 0)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return strstr(path, "/data/base/") != NULL && fstat(descriptor, &file) == 0 && end > file.st_size;
}

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    if (is_full(descriptor, offset + (off_t)count)) {
        errno = ENOSPC;
        return -1;
    }
    return NEXT(pwrite)(descriptor, bytes, count, offset);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    off_t end = offset;
    for (int i = 0; i < count; i++)
        end += (off_t)parts[i].iov_len;
    if (is_full(descriptor, end)) {
        errno = ENOSPC;
        return -1;
    }
    return NEXT(pwritev)(descriptor, parts, count, offset);
}

int posix_fallocate(int descriptor, off_t offset, off_t length) {
    if (is_full(descriptor, offset + length))
        return ENOSPC;
    return NEXT(posix_fallocate)(descriptor, offset, length);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) __attribute__((alias("pwrite")));
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off_t offset) __attribute__((alias("pwritev")));
int posix_fallocate64(int descriptor, off_t offset, off_t length) __attribute__((alias("posix_fallocate")));
