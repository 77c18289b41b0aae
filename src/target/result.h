/* Values out of results, which arrive as text. */
#ifndef THAW_TARGET_RESULT_H
#define THAW_TARGET_RESULT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

/* NULL is 0. */
static inline int64_t number_of(const PGresult *result, int row, int column) {
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

/* NULL is false. */
static inline bool truth_of(const PGresult *result, int row, int column) {
    return *PQgetvalue(result, row, column) == 't';
}

/* Allocated; NULL stays NULL. */
static inline char *text_of(const PGresult *result, int row, int column) {
    return PQgetisnull(result, row, column) ? NULL : memory_copy_string(PQgetvalue(result, row, column));
}

#endif
