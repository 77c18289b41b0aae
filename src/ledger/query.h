/* Parameters as text, and values out of results: what every file of the ledger needs. Not for other folders. */
#ifndef THAW_LEDGER_QUERY_H
#define THAW_LEDGER_QUERY_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "target/connection.h"
#include "target/result.h"

enum { NUMBER_SIZE = 24 };

/* `number` as a parameter; `text` holds it for as long as the parameter is used. */
static inline const char *number_text(char text[NUMBER_SIZE], int64_t number) {
    snprintf(text, NUMBER_SIZE, "%" PRId64, number);
    return text;
}

/* A short text into a field of fixed size; what doesn't fit is cut. */
static inline void copy_of(const PGresult *result, int row, int column, char *text, size_t size) {
    snprintf(text, size, "%s", PQgetvalue(result, row, column));
}

/* Run a statement with parameters; *affected is how many rows it changed or returned. */
bool ledger_run(struct target_connection *connection, const char *sql, int count, const char *const *parameters,
                int64_t *affected, struct error *error) THAW_CHECK;

struct ledger_plan_chunk;
/* Chunks of a table in their order, whose chunk_ids go on from *numbered. Of parts, `split_from` is the chunk of the plan that was
 * cut, else 0. The run's row is locked, so that nobody else numbers chunks at this moment. */
bool ledger_store_chunks(struct target_connection *connection, const char *table_id,
                         const struct ledger_plan_chunk *chunks, size_t count, int64_t split_from, int64_t *numbered,
                         struct error *error) THAW_CHECK;

/* End a transaction of the ledger's own: commit where all went well, else roll back; `good` and the commit's
 * outcome. */
bool ledger_end(struct target_connection *connection, bool good, struct error *error) THAW_CHECK;

#endif
