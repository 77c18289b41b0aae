/* A DuckDB session. */
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

/* DuckDB quotes the statement below its message ("LINE 1: ..."), and init_sql may hold secrets of object stores. */
static void drop_excerpt(struct error *error) {
    char *excerpt = strstr(error->message, "\n\nLINE ");
    if (excerpt != NULL)
        *excerpt = '\0';
}

/* Reading CSV takes a buffer of 32 MB by default, be it only to learn a view's columns. */
static bool execute_init_sql(struct source_connection *connection, struct error *error) {
    bool ok = duckdb_make_room(connection, error);
    if (ok)
        ok = source_execute_unnamed(connection, connection->source->init_sql, error);
    if (!ok) {
        drop_excerpt(error);
        duckdb_tell_bound(connection, error);
        return false;
    }
    return duckdb_end_room(connection, error);
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
        ok = execute_init_sql(connection, error);
    } else if (!source->init_sql_done) {
        ok = execute_init_sql(connection, error) && refuse_temporary(connection, error);
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
