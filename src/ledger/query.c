#include "ledger/query.h"

bool ledger_run(struct target_connection *connection, const char *sql, int count, const char *const *parameters,
                int64_t *affected, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection, sql, count, parameters, &result, error))
        return false;
    if (affected != NULL)
        *affected = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return true;
}

bool ledger_end(struct target_connection *connection, bool good, struct error *error) {
    bool unknown = false;
    if (good)
        good = target_commit(connection, &unknown, error);
    if (!good)
        target_rollback(connection);
    return good;
}
