#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

bool ledger_window_history(struct target_connection *connection, const struct ledger_table *table, const char *settings,
                           const char *kind, struct ledger_window_history *history, struct error *error) {
    const char *parameters[] = {table->source_name,
                                table->source_database,
                                table->source_schema,
                                table->source_table,
                                table->target_schema,
                                table->target_table,
                                settings,
                                kind};
    PGresult *result = NULL;
    memset(history, 0, sizeof *history);
    if (!target_query(connection, sql_window_history, 8, parameters, &result, error))
        return false;
    if (PQntuples(result) > 0) {
        history->table_id = number_of(result, 0, 0);
        copy_of(result, 0, 1, history->run_id, sizeof history->run_id);
        history->ceiling = text_of(result, 0, 2);
        history->is_there = truth_of(result, 0, 3);
        history->is_same = truth_of(result, 0, 4);
    }
    PQclear(result);
    return true;
}

void ledger_window_history_release(struct ledger_window_history *history) {
    memory_release(&history->ceiling);
    memset(history, 0, sizeof *history);
}
