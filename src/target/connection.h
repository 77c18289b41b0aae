/* A connection to PostgreSQL through libpq's asynchronous calls, so that every wait has a deadline and can be broken off.
 *
 * What a session needs is set by target_begin() with SET LOCAL, so that it holds behind PgBouncer in transaction mode, too.
 * What is set for a whole session (keepalives, tcp_user_timeout) is set where the session is ours alone: a pooler would hand
 * it on to strangers.
 *
 * A wait that was broken off (ERROR_STOPPED, or ERROR_TRANSIENT by the stall limit) leaves a statement under way: call
 * target_rollback(), which closes the connection then, and look at target_usable() before the next use.
 */
#ifndef THAW_TARGET_CONNECTION_H
#define THAW_TARGET_CONNECTION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cancel.h"
#include "base/error.h"
#include "config/config.h"

struct target_connection {
    PGconn *pg;                  /* NULL once closed */
    const struct cancel *cancel; /* borrowed; checked in every wait, at least every 100 ms */
    int64_t stall_limit_us;      /* a wait in which nothing arrives or leaves for so long is ERROR_TRANSIENT; 0: none */
    int64_t cancel_grace_us;     /* a wait obeys a requested stop only after so long; set around COMMIT */
    int backend_pid;             /* a pooler's invention where there is one */
    bool pooled;                 /* the backend isn't the one that the log-in named: a pooler is in between */
    char opening[96];            /* SQL that each transaction begins with, after the settings; "": none */
    char *database;              /* owned; the database that the server says we are in */
    _Atomic int64_t last_activity_us; /* monotonic: when bytes last moved; read by the watchdog */
};

/* Connect to `database` (NULL: the configuration's or libpq's own) as application_name "thaw ROLE". The time limit is
 * the connect_timeout of postgres.url or PGCONNECT_TIMEOUT, 30 s where neither says. Stall limit: none. ERROR_AUTH,
 * ERROR_CONFIG (no such database, role, a server before PostgreSQL 14, ...) or ERROR_TRANSIENT. */
bool target_connect(struct target_connection *connection, const struct config_target *target, const char *database,
                    const char *role, const struct cancel *cancel, struct error *error) THAW_CHECK;
void target_disconnect(struct target_connection *connection);
/* Can it still take a statement? False after a lost connection and after a rollback that had to close it. */
bool target_usable(const struct target_connection *connection);

/* Run one statement, or several without parameters, and drop the result. */
bool target_execute(struct target_connection *connection, const char *sql, struct error *error) THAW_CHECK;
/* Run one statement with text parameters. *result (owned by the caller, PQclear) may be NULL to drop it. */
bool target_query(struct target_connection *connection, const char *sql, int parameter_count,
                  const char *const *parameters, PGresult **result, struct error *error) THAW_CHECK;

/* BEGIN (READ COMMITTED) and the SET LOCALs: DateStyle, IntervalStyle, TimeZone, search_path, extra_float_digits,
 * row_security (off: rows hidden by a policy are an error), synchronous_commit (`synchronous` false: off), lock_timeout
 * (60 s), statement_timeout (none), idle_in_transaction_session_timeout (1 h: a source may be slow, but what a frozen
 * client holds comes free some day); then `opening`. */
bool target_begin(struct target_connection *connection, bool synchronous, struct error *error) THAW_CHECK;
/* COMMIT. Where the answer was lost, ERROR_TRANSIENT with *unknown set: the ledger knows whether it happened. A
 * requested stop is obeyed only 30 s later here, because an answered COMMIT is worth that. */
bool target_commit(struct target_connection *connection, bool *unknown, struct error *error) THAW_CHECK;
/* ROLLBACK, as far as the connection still works; never fails loudly. Where a statement is still under way, or the
 * server doesn't answer within 10 s, the connection is closed, which the server treats as a rollback. */
void target_rollback(struct target_connection *connection);

/* Wait until the socket is readable (or writable too, with `for_write`), the limit passes, or cancel is requested. */
bool target_wait(struct target_connection *connection, bool for_write, struct error *error) THAW_CHECK;
/* Send what libpq has queued, then wait for the next result of the statement under way; *result NULL: it is over. */
bool target_next_result(struct target_connection *connection, PGresult **result, struct error *error) THAW_CHECK;

/* Fill `error` from a failed result (or NULL: from the connection): severity, SQLSTATE, message, detail, hint, context,
 * table, column and constraint; kind by SQLSTATE. Returns false. */
bool target_failure(struct target_connection *connection, const PGresult *result, struct error *error);
/* The same for a connection that failed to come about, from PQerrorMessage() at verbosity PQERRORS_VERBOSE. */
bool target_connect_failure(PGconn *pg, struct error *error);
/* What to do where a pooler keeps us waiting, or says that it has no connection for us. */
#define TARGET_POOL_HINT                                                                                               \
    "see SHOW POOLS of the connection pooler: where clients wait (cl_waiting), raise its pool (PgBouncer: "            \
    "default_pool_size) to the workers and two more of each process of the run, or lower parallel_threads"
/* The kind that a SQLSTATE means: class 08, 40, 53, 57P0x and 55P03 are transient, 22, 23 data, 28 auth, ... */
enum error_kind target_error_kind(const char *sqlstate);

/* Quoted identifier and literal (pure; identifiers by doubling quotes, as the server's scanner reads them). */
void target_identifier(struct buffer *sql, const char *name);
void target_literal(struct buffer *sql, const char *text);
void target_relation(struct buffer *sql, const char *schema, const char *table);

#endif
