#include <stdio.h>
#include <string.h>

#include "target/connection.h"

enum { COMMIT_GRACE_US = 30000000, ROLLBACK_LIMIT_US = 10000000 };

bool target_next_result(struct target_connection *connection, PGresult **result, struct error *error) {
    *result = NULL;
    PGconn *pg = connection->pg;
    int unsent;
    while ((unsent = PQflush(pg)) > 0) {
        if (!target_wait(connection, true, error))
            return false;
        /* The server may have to send before it reads on. What it says is looked at below. */
        if (PQconsumeInput(pg) == 0)
            break;
    }
    while (unsent >= 0 && PQisBusy(pg)) {
        if (!target_wait(connection, false, error))
            return false;
        if (PQconsumeInput(pg) == 0)
            break;
    }
    /* Where the connection broke, this doesn't block, and has the server's last words if there were any. */
    *result = PQgetResult(pg);
    return true;
}

/* Read all results of the statement under way; the last good one goes to *kept. The first error counts: what a dying
 * server says after it is worth less. */
static bool read_results(struct target_connection *connection, PGresult **kept, struct error *error) {
    bool good = true;
    for (;;) {
        PGresult *result = NULL;
        struct error later;
        if (!target_next_result(connection, &result, good ? error : &later))
            return false;
        if (result == NULL)
            return good;
        ExecStatusType status = PQresultStatus(result);
        bool copying = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
            PQclear(*kept);
            *kept = result;
            continue;
        }
        if (good && copying)
            good = error_set(error, ERROR_INTERNAL, "a statement that isn't expected to copy does");
        else if (good)
            good = target_failure(connection, result, error);
        PQclear(result);
        if (copying)
            return false;
    }
}

static bool run(struct target_connection *connection, const char *sql, int parameter_count,
                const char *const *parameters, bool simple, PGresult **result, struct error *error) {
    if (result != NULL)
        *result = NULL;
    if (!target_usable(connection))
        return target_failure(connection, NULL, error);
    int sent = simple ? PQsendQuery(connection->pg, sql)
                      : PQsendQueryParams(connection->pg, sql, parameter_count, NULL, parameters, NULL, NULL, 0);
    if (sent == 0)
        return target_failure(connection, NULL, error);
    PGresult *kept = NULL;
    bool good = read_results(connection, &kept, error);
    if (good && kept == NULL)
        good = target_failure(connection, NULL, error);
    if (good && result != NULL)
        *result = kept;
    else
        PQclear(kept);
    return good;
}

bool target_execute(struct target_connection *connection, const char *sql, struct error *error) {
    return run(connection, sql, 0, NULL, true, NULL, error);
}

bool target_query(struct target_connection *connection, const char *sql, int parameter_count,
                  const char *const *parameters, PGresult **result, struct error *error) {
    return run(connection, sql, parameter_count, parameters, false, result, error);
}

bool target_begin(struct target_connection *connection, bool synchronous, struct error *error) {
    char sql[1024];
    size_t length = (size_t)snprintf(sql, sizeof sql,
                                     "BEGIN ISOLATION LEVEL READ COMMITTED;"
                                     " SET LOCAL search_path = pg_catalog;"
                                     " SET LOCAL DateStyle = 'ISO, YMD';"
                                     " SET LOCAL IntervalStyle = 'postgres';"
                                     " SET LOCAL TimeZone = 'UTC';"
                                     " SET LOCAL extra_float_digits = 1;"
                                     " SET LOCAL row_security = off;"
                                     " SET LOCAL statement_timeout = 0;"
                                     " SET LOCAL lock_timeout = '60s';"
                                     " SET LOCAL idle_in_transaction_session_timeout = '1h';"
                                     " SET LOCAL synchronous_commit = %s",
                                     synchronous ? "on" : "off");
    /* A limit that the administrator set for people must not cut a load short; it is new in 17. */
    if (PQserverVersion(connection->pg) >= 170000)
        length += (size_t)snprintf(sql + length, sizeof sql - length, "; SET LOCAL transaction_timeout = 0");
    if (connection->opening[0] != '\0')
        snprintf(sql + length, sizeof sql - length, "; %s", connection->opening);
    if (target_execute(connection, sql, error))
        return true;
    target_rollback(connection);
    return false;
}

bool target_commit(struct target_connection *connection, bool *unknown, struct error *error) {
    PGresult *result = NULL;
    *unknown = false;
    if (!target_usable(connection))
        return target_failure(connection, NULL, error);
    int64_t grace_us = connection->cancel_grace_us;
    connection->cancel_grace_us = COMMIT_GRACE_US;
    bool good = target_query(connection, "COMMIT", 0, NULL, &result, error);
    connection->cancel_grace_us = grace_us;
    if (good && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        good = error_set(error, ERROR_INTERNAL, "COMMIT was answered with %s: the transaction had failed before",
                         PQcmdStatus(result));
    else if (!good) {
        /* An error that left the session idle is an answer; anything else may have come after the commit record. */
        *unknown = !target_usable(connection) || PQtransactionStatus(connection->pg) != PQTRANS_IDLE;
        if (*unknown) {
            error->kind = ERROR_TRANSIENT;
            error_context(error, "the answer to COMMIT was lost");
        } else if (error->kind == ERROR_DATA)
            error_hint(error, "PostgreSQL found this only at COMMIT (a deferred constraint or trigger), so it names no "
                              "row of the COPY");
    }
    PQclear(result);
    return good;
}

static void close_quietly(struct target_connection *connection) {
    PQfinish(connection->pg);
    connection->pg = NULL;
}

void target_rollback(struct target_connection *connection) {
    if (connection->pg == NULL)
        return;
    PGTransactionStatusType status = PQtransactionStatus(connection->pg);
    if (status == PQTRANS_IDLE)
        return;
    if (status != PQTRANS_INTRANS && status != PQTRANS_INERROR) {
        close_quietly(connection);
        return;
    }
    struct error ignored;
    const struct cancel *cancel = connection->cancel;
    int64_t stall_limit_us = connection->stall_limit_us;
    connection->cancel = NULL; /* a stop is no reason to leave locks behind */
    connection->stall_limit_us = ROLLBACK_LIMIT_US;
    bool done = target_execute(connection, "ROLLBACK", &ignored);
    connection->cancel = cancel;
    connection->stall_limit_us = stall_limit_us;
    if (!done)
        close_quietly(connection);
}
