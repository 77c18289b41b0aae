/* A chunk becomes several. */
#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

static bool narrow(struct target_connection *connection, const struct ledger_claim *claim,
                   const struct ledger_plan_chunk *part, struct error *error) {
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE], rows[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, claim->table_id), number_text(chunk, claim->chunk_id), claim->token,
                                part->range, part->expected_rows < 0 ? NULL : number_text(rows, part->expected_rows)};
    int64_t changed = 0;
    if (!ledger_run(connection, sql_narrow_chunk, 5, parameters, &changed, error))
        return false;
    if (changed != 1)
        return error_set_code(error, ERROR_LOST, "chunk", "chunk %s has another owner by now", chunk);
    return true;
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
                        const struct ledger_plan_chunk *parts, size_t count, int64_t *numbered, struct error *error) {
    char table[NUMBER_SIZE];
    if (!target_begin(connection, true, error))
        return false;
    bool good =
        ledger_enter_load(connection, run_id, claim, target_schema, target_table, generation, error) &&
        narrow(connection, claim, &parts[0], error) && count_parts(connection, run_id, claim, count - 1, error) &&
        ledger_store_chunks(connection, number_text(table, claim->table_id), parts + 1, count - 1, numbered, error);
    return ledger_end(connection, good, error);
}
