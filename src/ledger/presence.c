#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

bool ledger_insert_owner(struct target_connection *connection, const char *run_id, const char *host, int process_id,
                         int64_t deadline_us, int64_t end_us, int *owner_id, struct error *error) {
    char process[NUMBER_SIZE], left[NUMBER_SIZE], end[NUMBER_SIZE];
    const char *parameters[] = {run_id, host, number_text(process, process_id), number_text(left, deadline_us),
                                end_us < 0 ? NULL : number_text(end, end_us)};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "INSERT INTO migration_status.migration_owners (run_id, host, process_id, deadline_at, ends_at)"
                      " VALUES ($1::uuid, $2, $3::bigint, clock_timestamp() + $4::bigint * interval '1 microsecond',"
                      " clock_timestamp() + $5::bigint * interval '1 microsecond') RETURNING owner_id",
                      5, parameters, &result, error))
        return false;
    *owner_id = (int)number_of(result, 0, 0);
    PQclear(result);
    return true;
}

void ledger_mark_transactions(struct target_connection *connection, int owner_id) {
    if (owner_id == 0)
        connection->opening[0] = '\0';
    else
        snprintf(connection->opening, sizeof connection->opening, "SELECT pg_advisory_xact_lock_shared(1952997637, %d)",
                 owner_id);
}

static bool lock_presence(struct target_connection *presence, int run_number, int owner_id, struct error *error) {
    char run[NUMBER_SIZE], owner[NUMBER_SIZE];
    const char *parameters[] = {number_text(run, run_number), number_text(owner, owner_id)};
    PGresult *result = NULL;
    if (!target_query(presence,
                      "SELECT pg_try_advisory_xact_lock_shared(1952997635, $1::integer)"
                      " AND pg_try_advisory_xact_lock(1952997636, $2::integer)",
                      2, parameters, &result, error))
        return false;
    bool locked = truth_of(result, 0, 0);
    PQclear(result);
    if (!locked)
        return error_set(error, ERROR_LOST, "owner %d of run number %d is at work elsewhere already", owner_id,
                         run_number);
    /* This comes last and without parameters: the portal of a statement that has some keeps its snapshot until the next
     * statement, and the transaction, idle for as long as the run takes, would hold vacuum back all that time. */
    return target_execute(presence, "SET LOCAL idle_in_transaction_session_timeout = 0", error);
}

bool ledger_hold_presence(struct target_connection *presence, int run_number, int owner_id, struct error *error) {
    if (!target_begin(presence, false, error))
        return false;
    if (lock_presence(presence, run_number, owner_id, error))
        return true;
    target_rollback(presence);
    return false;
}

bool ledger_check_presence(struct target_connection *presence, struct error *error) {
    if (target_usable(presence) && PQtransactionStatus(presence->pg) != PQTRANS_INTRANS)
        return error_set(error, ERROR_LOST, "this process's presence in the ledger is over");
    if (target_execute(presence, "SELECT", error))
        return true;
    if (error->kind != ERROR_STOPPED) {
        error->kind = ERROR_LOST;
        error_context(error, "this process's presence in the ledger is lost");
    }
    return false;
}

bool ledger_heartbeat(struct target_connection *connection, int owner_id, int64_t deadline_us, struct error *error) {
    char owner[NUMBER_SIZE], left[NUMBER_SIZE];
    const char *parameters[] = {number_text(owner, owner_id), number_text(left, deadline_us)};
    int64_t found = 0;
    if (!ledger_run(connection,
                    "UPDATE migration_status.migration_owners SET heartbeat_at = clock_timestamp(),"
                    " deadline_at = clock_timestamp() + $2::bigint * interval '1 microsecond'"
                    " WHERE owner_id = $1::integer AND evicted_at IS NULL",
                    2, parameters, &found, error))
        return false;
    if (found == 0)
        return error_set(error, ERROR_LOST, "owner %d was evicted: its deadline had passed without a sign of life",
                         owner_id);
    return true;
}

bool ledger_evict_overdue(struct target_connection *connection, int *evicted, struct error *error) {
    PGresult *result = NULL;
    *evicted = 0;
    if (!target_query(connection, sql_evict_overdue, 0, NULL, &result, error))
        return error_context(error, "ending the backends of owners whose deadline has passed");
    int count = PQntuples(result);
    bool good = true;
    for (int row = 0; good && row < count; row++) {
        const char *owner[] = {PQgetvalue(result, row, 0)};
        good = target_query(connection,
                            "UPDATE migration_status.migration_owners SET evicted_at = clock_timestamp()"
                            " WHERE owner_id = $1::integer",
                            1, owner, NULL, error);
    }
    PQclear(result);
    *evicted = good ? count : 0;
    return good;
}
