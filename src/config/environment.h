/* What ${NAME} stands for: the process's environment, and under it the .env file. Private to this folder. */
#ifndef THAW_CONFIG_ENVIRONMENT_H
#define THAW_CONFIG_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "config/config.h"

struct environment {
    struct config_option *variables; /* of the .env file; a later line beats an earlier one */
    size_t variable_count;
};

/* Read the .env file `file` (NULL: none). What can't be read in it is a problem with its line, never its text.
 *
 * Lines are NAME=VALUE, with `export` before it or not; blank lines and lines that begin with # don't count. VALUE is
 *   bare       up to the end of the line or " #"; blanks around it don't count
 *   'single'   as it stands, over several lines too
 *   "double"   over several lines too; \n, \r, \t, \", \\ and \$ are what they are in a shell's printf
 */
void environment_load(struct environment *environment, const char *file, struct config_problems *problems);
/* The same from text. */
void environment_parse(struct environment *environment, const char *file, const char *text, size_t length,
                       struct config_problems *problems);
void environment_release(struct environment *environment);

/* The value of a variable, the process's own first; NULL where it is not set. */
const char *environment_get(const struct environment *environment, const char *name);

enum substitution_fault { SUBSTITUTION_UNSET, SUBSTITUTION_MALFORMED };

struct substitution {
    bool referenced; /* there was a ${...} in it */
    bool nothing;    /* the whole of it was one ${NAME:-...} that came to the empty string */
    bool failed;     /* report was called */
    void (*report)(void *context, enum substitution_fault fault, const char *name);
    void *context;
};

/* Append `text` to `out` with ${NAME} and ${NAME:-default} replaced, and $${ turned into ${. As in a shell, the default
 * stands in for a variable that is unset or empty; it may hold references itself. What comes out of a variable isn't
 * looked into again. */
void environment_substitute(const struct environment *environment, const char *text, struct buffer *out,
                            struct substitution *substitution);

/* Read a whole file, at most `limit` bytes. False: *reason says why ("No such file or directory", ...), not owned. */
bool config_read_file(const char *file, size_t limit, struct buffer *text, const char **reason) THAW_CHECK;

#endif
