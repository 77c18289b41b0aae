/* What the files of this folder share. */
#ifndef THAW_SOURCE_INTERNAL_H
#define THAW_SOURCE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "source/driver.h"
#include "source/options.h"
#include "source/source.h"

/* DuckDB's memory limit, see duckdb_memory.c. */
struct duckdb_memory {
    pthread_mutex_t mutex;
    bool managed;        /* by thaw; not where a driver is configured by hand */
    int64_t current_mb;  /* as it is set */
    int64_t reading_mb;  /* for reading */
    int64_t planning_mb; /* while anybody plans */
    int64_t most_mb;     /* source_limit_memory(), for reading; 0: nobody has said */
    int64_t alone_mb;    /* the same for planning, and for init_sql that runs once */
    int planning_count;  /* connections that plan at the moment */
};

struct source {
    struct driver driver;
    struct AdbcDatabase database;
    bool database_open;
    const struct dialect *dialect;
    struct log *log;
    char *label; /* "Snowflake account xy12345", "DuckDB file a.db": for messages */
    struct source_options options;
    /* DuckDB */
    char *path; /* NULL: not known, or in memory */
    char *init_sql;
    bool in_memory;
    struct duckdb_memory memory;
    const struct cancel *cancel; /* NULL: nobody's */
    atomic_int logins;           /* under way in threads of their own; those that were given up stay in it */
    pthread_mutex_t mutex;       /* for what follows */
    bool init_sql_done;
    bool session_seen; /* Snowflake: what is said once a process has been said */
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
    _Atomic int64_t waits_since_us; /* 0: not in the driver */
    atomic_bool answered;           /* of the query under way some rows have arrived */
    bool planning;
};

/* Log in by `log_in`, within a minute (THAW_LOGIN_SECONDS): afterwards ERROR_TRANSIENT, and where *abandoned is set the
 * connection belongs to a thread that still waits in the driver, so nothing of the source may be released any more. */
typedef bool (*source_login_step)(struct source_connection *connection, struct error *error);
bool source_login_within_limit(struct source_connection *connection, source_login_step log_in, bool *abandoned,
                               struct error *error) THAW_CHECK;

/* Pin and verify the session of a new connection. */
bool session_pin_snowflake(struct source_connection *connection, struct error *error) THAW_CHECK;
bool session_pin_duckdb(struct source_connection *connection, struct error *error) THAW_CHECK;

void duckdb_memory_init(struct duckdb_memory *memory, bool managed);
void duckdb_memory_release(struct duckdb_memory *memory);
/* MB, as it is at the moment. */
int64_t duckdb_memory_limit(struct source *source);
/* After an operation that ran out of memory under the limit `seen_mb`: one step wider, with a warning, unless somebody has
 * widened it since. False where it is wide enough already. */
bool duckdb_widen_memory(struct source_connection *connection, int64_t seen_mb);

bool duckdb_is_out_of_memory(const struct error *error);
/* Where that is what happened, and the limit is what memory_limit_mb leaves: the code SOURCE_OUT_OF_MEMORY, and what to do. */
void duckdb_tell_bound(const struct source_connection *connection, struct error *error);

/* Run a statement and drop its rows; never tried again with more memory. */
bool source_execute(struct source_connection *connection, const char *sql, struct error *error) THAW_CHECK;
/* The same, and an error doesn't show the statement. */
bool source_execute_unnamed(struct source_connection *connection, const char *sql, struct error *error) THAW_CHECK;
/* Memory for init_sql, and back to what the work needs. */
bool duckdb_make_room(struct source_connection *connection, struct error *error) THAW_CHECK;
bool duckdb_end_room(struct source_connection *connection, struct error *error) THAW_CHECK;

#endif
