#include "ledger/clean.h"
#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

bool ledger_list_disused(struct target_connection *connection, double idle_seconds, const char *run_id,
                         struct ledger_disused_runs *runs, struct error *error) {
    char seconds[32];
    const char *parameters[] = {idle_seconds < 0 ? NULL : seconds, run_id};
    PGresult *result = NULL;
    memset(runs, 0, sizeof *runs);
    snprintf(seconds, sizeof seconds, "%.3f", idle_seconds);
    if (!target_query(connection, sql_disused_runs, 2, parameters, &result, error))
        return false;
    runs->count = (size_t)PQntuples(result);
    runs->list = memory_array(runs->count, sizeof *runs->list);
    for (int row = 0; row < PQntuples(result); row++) {
        struct ledger_disused_run *run = &runs->list[row];
        copy_of(result, row, 0, run->run_id, sizeof run->run_id);
        copy_of(result, row, 1, run->status, sizeof run->status);
        run->source_names = text_of(result, row, 2);
        run->tables = number_of(result, row, 3);
        run->rows = number_of(result, row, 4);
        run->idle_seconds = number_of(result, row, 5);
        run->targets = text_of(result, row, 6);
    }
    PQclear(result);
    return true;
}

void ledger_disused_release(struct ledger_disused_runs *runs) {
    for (size_t i = 0; i < runs->count; i++) {
        memory_release(&runs->list[i].source_names);
        memory_release(&runs->list[i].targets);
    }
    memory_release(&runs->list);
    runs->count = 0;
}

bool ledger_forget_run(struct target_connection *connection, const char *run_id, bool *forgotten, struct error *error) {
    bool locked = false;
    int64_t deleted = 0;
    if (!target_begin(connection, true, error))
        return false;
    bool good = ledger_lock_decision(connection, true, &locked, error) &&
                ledger_run(connection,
                           "DELETE FROM migration_status.migration_runs AS r WHERE r.run_id = $1::uuid AND NOT EXISTS"
                           " (SELECT FROM migration_status.v_live_owners AS o WHERE o.run_id = r.run_id)",
                           1, &run_id, &deleted, error);
    *forgotten = good && deleted > 0;
    return ledger_end(connection, good, error);
}
