/* What a table has loaded is of no use any more: it is planned again from the start. */
#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

/* A source that loses its past again and again isn't one to be read at a moment. */
enum { PLANNED_ANEW_AT_MOST = 3 };

/* The target's fence, FOR UPDATE: no load of the run is in its transaction from here on. */
static bool lock_fence_of(struct target_connection *connection, const char *const *table_and_run, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection,
                      "SELECT f.run_id FROM migration_status.migration_targets AS f"
                      " WHERE (f.target_schema, f.target_table) = (SELECT t.target_schema, t.target_table"
                      " FROM migration_status.migration_table_status AS t"
                      " WHERE t.table_id = $1::bigint AND t.run_id = $2::uuid) FOR UPDATE",
                      2, table_and_run, &result, error))
        return false;
    bool ours = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), table_and_run[1]) == 0;
    if (!ours)
        error_set_code(error, ERROR_LOST, "target", "the target was taken over by run %s",
                       PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "(deleted)");
    PQclear(result);
    return ours;
}

/* A fresh look under the lock. *wanted: it is still planned as the caller knows it. */
static bool judge(struct target_connection *connection, const char *const *table_and_run, int64_t generation,
                  bool keeps_rows, bool *wanted, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection,
                      "SELECT planned_at IS NOT NULL, target_generation, total_rows_copied,"
                      " coalesce((metadata ->> 'planned_anew')::int, 0), target_schema, target_table"
                      " FROM migration_status.migration_table_status WHERE table_id = $1::bigint AND run_id = $2::uuid",
                      2, table_and_run, &result, error))
        return false;
    bool good = true;
    *wanted = PQntuples(result) == 1 && truth_of(result, 0, 0) && number_of(result, 0, 1) == generation;
    if (*wanted && keeps_rows && number_of(result, 0, 2) > 0) {
        good = error_set(error, ERROR_CONFIG,
                         "the moment at which the table was read can't be had any more, and the %" PRId64
                         " rows that it has loaded into \"%s\".\"%s\" can't be told from others there",
                         number_of(result, 0, 2), PQgetvalue(result, 0, 4), PQgetvalue(result, 0, 5));
        error_hint(error,
                   "delete those rows and begin a new run with --no-resume, or set truncate_onstart for this table: "
                   "then it would have begun again by itself");
    } else if (*wanted && number_of(result, 0, 3) >= PLANNED_ANEW_AT_MOST) {
        good =
            error_set(error, ERROR_CONFIG,
                      "the moment at which the table was read was lost again, after it had been planned anew %d times",
                      PLANNED_ANEW_AT_MOST);
        error_hint(error,
                   "somebody replaces the table more quickly than it is read, or its retention time is shorter than "
                   "that: set snapshot to \"none\", or run at another time");
    }
    PQclear(result);
    return good;
}

bool ledger_reset_plan(struct target_connection *connection, const char *run_id, int64_t table_id, int64_t generation,
                       enum ledger_reset how, bool *reset, struct error *error) {
    char table[NUMBER_SIZE], next[NUMBER_SIZE];
    const char *all = how == RESET_TRUNCATED ? "t" : "f";
    const char *parameters[] = {number_text(table, table_id), run_id, all, next};
    PGresult *result = NULL;
    *reset = false;
    if (!lock_fence_of(connection, parameters, error) ||
        !judge(connection, parameters, generation, how == RESET_APPENDED, reset, error))
        return false;
    if (!*reset)
        return true;
    if (!target_query(
            connection,
            "UPDATE migration_status.migration_targets AS f SET generation = f.generation + 1,"
            " truncated_generation = CASE WHEN $3::boolean THEN f.generation + 1 ELSE f.truncated_generation END"
            " FROM migration_status.migration_table_status AS t"
            " WHERE t.table_id = $1::bigint AND t.run_id = $2::uuid"
            " AND (f.target_schema, f.target_table) = (t.target_schema, t.target_table) RETURNING f.generation",
            3, parameters, &result, error))
        return false;
    number_text(next, number_of(result, 0, 0));
    PQclear(result);
    return target_query(connection, sql_reset_rejects, 3, parameters, NULL, error) &&
           target_query(connection, sql_reset_chunks, 3, parameters, NULL, error) &&
           target_query(connection, sql_reset_tables, 4, parameters, NULL, error) &&
           target_query(connection, "SELECT FROM migration_status.migration_runs WHERE run_id = $1::uuid FOR UPDATE", 1,
                        &run_id, NULL, error) &&
           target_query(connection, sql_recount_run, 1, &run_id, NULL, error);
}
