/* What the files of this folder share. */
#ifndef THAW_SOURCE_INTERNAL_H
#define THAW_SOURCE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "source/driver.h"
#include "source/options.h"
#include "source/source.h"

/* Megabytes of DuckDB's cache, for the whole process: measured, see docs/sources.md. */
enum { DUCKDB_READING_MB = 32, DUCKDB_PLANNING_MB = 64, DUCKDB_LARGEST_MB = 1024 };

struct source {
    struct driver driver;
    struct AdbcDatabase database;
    bool database_open;
    const struct dialect *dialect;
    struct log *log;
    char *label; /* "Snowflake account xy12345", "DuckDB file a.db": for messages */
    struct source_options options;
    /* DuckDB */
    char *init_sql;
    bool in_memory;
    pthread_mutex_t mutex; /* for what follows */
    bool init_sql_done;
    bool session_seen;      /* Snowflake: what is said once a process has been said */
    int planning_count;     /* connections that plan at the moment */
    int64_t memory_limit;   /* MB, for reading */
    int64_t planning_limit; /* MB, while anybody plans */
};

/* A statement while it is being executed or read, in its connection's list so that it can be cancelled. */
struct source_statement {
    struct AdbcStatement adbc;
    struct source_connection *connection;
    struct source_statement *next;
    bool cancelled; /* under the connection's mutex */
};

struct source_connection {
    struct source *source;
    struct AdbcConnection adbc;
    pthread_mutex_t mutex; /* guards the list: a statement is released only outside of it */
    struct source_statement *statements;
    bool planning;
};

/* Pin and verify the session of a new connection. */
bool session_pin_snowflake(struct source_connection *connection, struct error *error) THAW_CHECK;
bool session_pin_duckdb(struct source_connection *connection, struct error *error) THAW_CHECK;

/* Widen DuckDB's memory for the whole process by one step, for an operation that ran out of it; false where it is wide
 * enough already. */
bool duckdb_widen_memory(struct source_connection *connection);

/* Run a statement and drop its rows. */
bool source_execute(struct source_connection *connection, const char *sql, struct error *error) THAW_CHECK;

#endif
