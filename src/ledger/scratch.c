/* Scratch tables of the source that a run has made, so that none is forgotten. */
#include "ledger/ledger.h"
#include "ledger/query.h"

bool ledger_note_scratch(struct target_connection *connection, const char *run_id, int64_t table_id,
                         const char *scratch, struct error *error) {
    char table[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, table_id), run_id, scratch};
    int64_t changed = 0;
    if (!ledger_run(connection,
                    "UPDATE migration_status.migration_table_status SET metadata = metadata - 'scratch'"
                    " || CASE WHEN $3::jsonb IS NULL THEN '{}' ELSE jsonb_build_object('scratch', $3::jsonb) END"
                    " WHERE table_id = $1::bigint AND run_id = $2::uuid",
                    3, parameters, &changed, error))
        return false;
    return changed == 1 ||
           error_set(error, ERROR_LOST, "table %s of run %s is not in the ledger any more", table, run_id);
}

bool ledger_list_scratch(struct target_connection *connection, struct ledger_scratches *scratches,
                         struct error *error) {
    PGresult *result = NULL;
    memset(scratches, 0, sizeof *scratches);
    if (!target_query(
            connection,
            "SELECT t.run_id, t.table_id, m.owners_alive > 0, t.status = 'completed', t.metadata ->> 'scratch'"
            " FROM migration_status.migration_table_status AS t"
            " JOIN migration_status.v_migrations AS m USING (run_id)"
            " WHERE t.metadata ? 'scratch' ORDER BY t.run_id, t.table_id",
            0, NULL, &result, error))
        return false;
    scratches->count = (size_t)PQntuples(result);
    scratches->list = memory_array(scratches->count, sizeof *scratches->list);
    for (int row = 0; row < PQntuples(result); row++) {
        struct ledger_scratch *scratch = &scratches->list[row];
        copy_of(result, row, 0, scratch->run_id, sizeof scratch->run_id);
        scratch->table_id = number_of(result, row, 1);
        scratch->live = truth_of(result, row, 2);
        scratch->completed = truth_of(result, row, 3);
        scratch->scratch = text_of(result, row, 4);
    }
    PQclear(result);
    return true;
}

void ledger_scratches_release(struct ledger_scratches *scratches) {
    for (size_t i = 0; i < scratches->count; i++)
        memory_release(&scratches->list[i].scratch);
    memory_release(&scratches->list);
    memset(scratches, 0, sizeof *scratches);
}
