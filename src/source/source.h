/* A source of rows: an ADBC driver (https://arrow.apache.org/adbc/), its database and its connections.
 *
 * One struct source a process; one struct source_connection a thread. Only source_cancel() and source_waits_since() may be
 * called from another thread than the connection's own.
 */
#ifndef THAW_SOURCE_SOURCE_H
#define THAW_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoarrow/nanoarrow.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "source/dialect.h"

struct source;
struct source_connection;

/* A query's result being read. */
struct source_stream {
    struct ArrowArrayStream arrow; /* released by source_stream_close */
    struct ArrowSchema schema;     /* the query's own schema, owned */
    int64_t total_rows;            /* rows that the driver says the result has; -1: it doesn't say */
    int64_t rows_read;
    struct source_connection *connection;
    void *statement;         /* private */
    int64_t memory_limit_mb; /* private */
};

/* A small result, every cell as text (NULL stays NULL). Queries cast what they select to text themselves; of what SHOW
 * answers, columns without a text form are NULL. A cell ends at its first NUL; source_cell_is_cut() tells. */
struct source_rows {
    size_t row_count;
    size_t column_count;
    char **cells; /* row_count * column_count, row-major, owned */
    bool *cut;    /* the same shape; NULL: no cell was cut */
    char **names; /* the columns' */
};

/* Put what the driver needs before the process starts (see the field's notes on the Snowflake driver: it reads its
 * environment once) into the environment; true where the process must re-execute itself for that. `driver_mb`: what its runtime
 * should keep within; 0: there is no bound. */
bool source_environment_missing(const struct config *config, int64_t driver_mb);

/* The same for whatever driver is to come. */
bool source_prepare_environment(int64_t driver_mb);

/* Can the driver be loaded? It stays mapped, so that the first source_open() is quick. ERROR_CONFIG says what was tried. */
bool source_driver_loads(const struct config *config, struct error *error) THAW_CHECK;

/* Load the driver, set the options, open the database. Secrets among the options are hidden in `log`. */
bool source_open(const struct config *config, struct log *log, struct source **source, struct error *error) THAW_CHECK;
void source_close(struct source **pointer);
/* Give up log-ins under way (ERROR_STOPPED) where `cancel` is requested; borrowed until source_close(). */
void source_obey(struct source *source, const struct cancel *cancel);
const struct dialect *source_dialect(const struct source *source);

/* Connect and pin the session; refused where the session doesn't take a setting. */
bool source_connect(struct source *source, struct source_connection **connection, struct error *error) THAW_CHECK;
void source_disconnect(struct source_connection **pointer);

/* What the catalogue says of a relation. ERROR_CONFIG where it doesn't exist, with the nearest existing names as hint. */
bool source_describe(struct source_connection *connection, const struct source_relation *relation,
                     struct source_table *table, struct error *error) THAW_CHECK;

/* What DuckDB pins in its cache: at least, of an open stream, of each of its columns; and what it needs beside. Measured:
 * source/duckdb_memory.c. */
enum { DUCKDB_LEAST_MB = 32, DUCKDB_STREAM_KB = 2048, DUCKDB_COLUMN_KB = 260, DUCKDB_SLACK_MB = 8 };

/* The most that an embedded engine's cache may take, in MB: while streams are read, and while none is. Before any connection, or while
 * only one is idle. Where it runs out at that, the error's code is SOURCE_OUT_OF_MEMORY. Nothing to do elsewhere. */
void source_limit_memory(struct source *source, int64_t reading_mb, int64_t alone_mb);
#define SOURCE_OUT_OF_MEMORY "memory"

/* How many streams of so many columns may be open at once: *granted, from 1 to `wanted`. Anything but an embedded engine
 * grants what is wanted. DuckDB pins a block a column for each reader in this very process, so for wide tables more readers
 * than it grants would cost memory and, once they crowd each other out, time. */
bool source_reserve(struct source_connection *connection, size_t column_count, int wanted, int *granted,
                    struct error *error) THAW_CHECK;

/* Room for planning: a wider cache while a planning query runs (DuckDB; nothing to do elsewhere). */
bool source_planning_begin(struct source_connection *connection, struct error *error) THAW_CHECK;
bool source_planning_end(struct source_connection *connection, struct error *error) THAW_CHECK;

/* Run a query whose result is small. */
bool source_query_rows(struct source_connection *connection, const char *sql, struct source_rows *rows,
                       struct error *error) THAW_CHECK;
void source_rows_release(struct source_rows *rows);
const char *source_cell(const struct source_rows *rows, size_t row, size_t column);
bool source_cell_is_cut(const struct source_rows *rows, size_t row, size_t column);
/* Index of the column of exactly this name, or -1. */
int64_t source_rows_column(const struct source_rows *rows, const char *name);

/* Run a query and stream its result. */
bool source_stream_open(struct source_connection *connection, const char *sql, struct source_stream *stream,
                        struct error *error) THAW_CHECK;
/* The next batch; *end is set, and `batch` empty, after the last one. At the end rows_read is compared with total_rows:
 * a result that was cut short is ERROR_TRANSIENT. The caller releases `batch`. */
bool source_stream_next(struct source_stream *stream, struct ArrowArray *batch, bool *end,
                        struct error *error) THAW_CHECK;
void source_stream_close(struct source_stream *stream);

/* Since when (monotonic microseconds) the connection's thread waits in the driver for the answer to a query or for more rows, and
 * whether the query's first rows have arrived. 0: it doesn't wait. From any thread. */
int64_t source_waits_since(const struct source_connection *connection, bool *answered);

/* Break off what the connection is doing, from any thread; it then fails with ERROR_STOPPED. Harmless when idle, but then
 * nothing is remembered: who cancels repeats it until the connection's thread has answered. */
void source_cancel(struct source_connection *connection);

#endif
