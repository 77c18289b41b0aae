/* A DuckDB connection, and the memory of the process's DuckDB. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "source/internal.h"

/* Only the connection that made a temporary object sees it, so in a database in memory, where init_sql runs once, it would
 * be missing for all but one worker. */
static bool refuse_temporary(struct source_connection *connection, struct error *error) {
    struct source_rows rows;
    if (!source_query_rows(connection,
                           "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal "
                           "UNION ALL SELECT table_name FROM duckdb_tables() WHERE temporary AND NOT internal",
                           &rows, error))
        return false;
    bool ok = rows.row_count == 0;
    if (!ok) {
        error_set(error, ERROR_CONFIG, "init_sql makes \"%s\" temporary, which only one of the connections would see",
                  source_cell(&rows, 0, 0));
        error_hint(error, "leave out TEMP or TEMPORARY: with \":memory:\" everything goes with the process anyway");
    }
    source_rows_release(&rows);
    return ok;
}

/* Once for a database in memory, which all connections share; on each connection to a file, which is read-only, so that
 * init_sql can only make temporary objects, attach files or choose settings there. */
static bool run_init_sql(struct source_connection *connection, struct error *error) {
    struct source *source = connection->source;
    if (source->init_sql == NULL || source->init_sql[strspn(source->init_sql, " \t\r\n;")] == '\0')
        return true;
    bool ok = true;
    pthread_mutex_lock(&source->mutex);
    if (!source->in_memory) {
        ok = source_execute(connection, source->init_sql, error);
    } else if (!source->init_sql_done) {
        ok = source_execute(connection, source->init_sql, error) && refuse_temporary(connection, error);
        source->init_sql_done = ok;
    }
    pthread_mutex_unlock(&source->mutex);
    return ok || error_context(error, "init_sql");
}

bool session_pin_duckdb(struct source_connection *connection, struct error *error) {
    /* https://duckdb.org/docs/stable/sql/data_types/timestamp (text and Arrow's zone follow the session's) */
    if (!source_execute(connection, "SET TimeZone = 'UTC'", error))
        return false;
    return run_init_sql(connection, error) && source_execute(connection, "SET TimeZone = 'UTC'", error);
}

/* https://duckdb.org/docs/stable/configuration/pragmas#memory-limit: one limit for the process's database. */
static bool set_memory_limit(struct source_connection *connection, int64_t megabytes, struct error *error) {
    struct buffer sql = {0};
    buffer_appendf(&sql, "SET memory_limit = '%" PRId64 "MB'", megabytes);
    bool ok = source_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    return ok;
}

bool source_planning_begin(struct source_connection *connection, struct error *error) {
    struct source *source = connection->source;
    if (source->memory_limit == 0 || connection->planning)
        return true;
    bool ok = true;
    pthread_mutex_lock(&source->mutex);
    if (source->planning_count == 0 && source->planning_limit > source->memory_limit)
        ok = set_memory_limit(connection, source->planning_limit, error);
    if (ok) {
        source->planning_count++;
        connection->planning = true;
    }
    pthread_mutex_unlock(&source->mutex);
    return ok;
}

bool source_planning_end(struct source_connection *connection, struct error *error) {
    struct source *source = connection->source;
    if (!connection->planning)
        return true;
    bool ok = true;
    pthread_mutex_lock(&source->mutex);
    connection->planning = false;
    if (--source->planning_count == 0 && source->planning_limit > source->memory_limit)
        ok = set_memory_limit(connection, source->memory_limit, error);
    pthread_mutex_unlock(&source->mutex);
    return ok;
}

bool duckdb_widen_memory(struct source_connection *connection) {
    struct source *source = connection->source;
    struct error ignored;
    bool widened = false;
    pthread_mutex_lock(&source->mutex);
    int64_t limit = source->planning_count > 0 ? source->planning_limit : source->memory_limit;
    int64_t next = limit * 2;
    if (source->memory_limit != 0 && next <= DUCKDB_LARGEST_MB && set_memory_limit(connection, next, &ignored)) {
        widened = true;
        if (source->planning_count > 0)
            source->planning_limit = next;
        else
            source->memory_limit = next;
        if (source->log != NULL)
            log_warning(source->log, "source", "DuckDB ran out of its %" PRId64 " MB: trying with %" PRId64 " MB",
                        limit, next);
    }
    pthread_mutex_unlock(&source->mutex);
    return widened;
}
