#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

bool ledger_count_merge(struct target_connection *connection, const struct ledger_claim *claim,
                        const struct merge_counts *counts, struct error *error) {
    char numbers[7][NUMBER_SIZE];
    const char *parameters[] = {number_text(numbers[0], claim->table_id),
                                number_text(numbers[1], claim->chunk_id),
                                claim->token,
                                number_text(numbers[2], counts->inserted),
                                number_text(numbers[3], counts->updated),
                                number_text(numbers[4], counts->unchanged),
                                number_text(numbers[5], counts->older),
                                number_text(numbers[6], counts->duplicate)};
    int64_t changed = 0;
    if (!ledger_run(connection, sql_count_merge, 8, parameters, &changed, error))
        return false;
    return changed == 1 ||
           error_set_code(error, ERROR_LOST, "chunk", "chunk %s has another owner by now", parameters[1]);
}

bool ledger_lock_merge(struct target_connection *connection, const char *target_schema, const char *target_table,
                       bool *locked, struct error *error) {
    const char *parameters[] = {target_schema, target_table};
    PGresult *result = NULL;
    /* Goes together with the FOR KEY SHARE that every load has. */
    if (!target_query(connection,
                      "SELECT FROM migration_status.migration_targets WHERE target_schema = $1 AND target_table = $2"
                      " FOR NO KEY UPDATE SKIP LOCKED",
                      2, parameters, &result, error))
        return false;
    *locked = PQntuples(result) == 1;
    PQclear(result);
    return true;
}

void ledger_own_transactions(struct buffer *sql, const char *run_id, const char *target_schema,
                             const char *target_table) {
    buffer_append(sql, "SELECT c.xmin FROM migration_status.migration_chunk_status AS c"
                       " JOIN migration_status.migration_table_status AS t USING (table_id)"
                       " WHERE c.status = 'completed' AND t.run_id = ");
    target_literal(sql, run_id);
    buffer_append(sql, "::uuid AND t.target_schema = ");
    target_literal(sql, target_schema);
    buffer_append(sql, " AND t.target_table = ");
    target_literal(sql, target_table);
}
