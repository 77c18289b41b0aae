/* A chunk becomes several. */
#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

/* *origin: the chunk of the plan that the claimed one is, or is a part of. */
static bool narrow(struct target_connection *connection, const struct ledger_claim *claim, const struct ledger_cut *cut,
                   int64_t *origin, struct error *error) {
    const struct ledger_plan_chunk *part = &cut->parts[0];
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE], rows[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, claim->table_id),
                                number_text(chunk, claim->chunk_id),
                                claim->token,
                                part->range,
                                part->expected_rows < 0 ? NULL : number_text(rows, part->expected_rows),
                                cut->reason};
    PGresult *result = NULL;
    if (!target_query(connection, sql_narrow_chunk, 6, parameters, &result, error))
        return false;
    bool narrowed = PQntuples(result) == 1;
    *origin = narrowed ? number_of(result, 0, 0) : 0;
    PQclear(result);
    return narrowed || error_set_code(error, ERROR_LOST, "chunk", "chunk %s has another owner by now", chunk);
}

/* The table's row first, then the run's, as whoever plans locks them. */
static bool count_parts(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                        size_t more, struct error *error) {
    char table[NUMBER_SIZE], count[NUMBER_SIZE];
    const char *of_table[] = {number_text(table, claim->table_id), number_text(count, (int64_t)more), run_id};
    int64_t changed = 0;
    if (!ledger_run(connection,
                    "UPDATE migration_status.migration_table_status SET total_chunks = total_chunks + $2::bigint"
                    " WHERE table_id = $1::bigint AND run_id = $3::uuid AND status = 'in_progress'",
                    3, of_table, &changed, error))
        return false;
    if (changed != 1)
        return error_set(error, ERROR_LOST, "table %s of run %s is not in progress any more", table, run_id);
    return target_query(connection, "SELECT FROM migration_status.migration_runs WHERE run_id = $1::uuid FOR UPDATE", 1,
                        &run_id, NULL, error);
}

bool ledger_split_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                        const char *target_schema, const char *target_table, int64_t generation,
                        const struct ledger_cut *cut, int64_t *numbered, struct error *error) {
    char table[NUMBER_SIZE];
    int64_t origin = 0;
    if (!target_begin(connection, true, error))
        return false;
    bool good = ledger_enter_load(connection, run_id, claim, target_schema, target_table, generation, error) &&
                narrow(connection, claim, cut, &origin, error) &&
                count_parts(connection, run_id, claim, cut->count - 1, error) &&
                ledger_store_chunks(connection, number_text(table, claim->table_id), cut->parts + 1, cut->count - 1,
                                    origin, numbered, error);
    return ledger_end(connection, good, error);
}
