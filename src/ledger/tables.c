#include "ledger/ledger.h"

#include <jansson.h>

#include "ledger/query.h"
#include "sql.h"

/* Chunks that one statement stores: some hundred KB of JSON. */
enum { CHUNKS_A_STATEMENT = 2000 };

bool ledger_insert_table(struct target_connection *connection, const char *run_id, struct ledger_table *table,
                         struct error *error) {
    const char *parameters[] = {run_id,
                                table->source_name,
                                table->source_database,
                                table->source_schema,
                                table->source_table,
                                table->target_database,
                                table->target_schema,
                                table->target_table,
                                table->metadata};
    PGresult *result = NULL;
    if (!target_query(connection, sql_insert_table, 9, parameters, &result, error))
        return false;
    table->table_id = number_of(result, 0, 0);
    PQclear(result);
    return true;
}

static void read_table(const PGresult *result, int row, struct ledger_table *table) {
    table->table_id = number_of(result, row, 0);
    table->source_name = text_of(result, row, 1);
    table->source_database = text_of(result, row, 2);
    table->source_schema = text_of(result, row, 3);
    table->source_table = text_of(result, row, 4);
    table->target_database = text_of(result, row, 5);
    table->target_schema = text_of(result, row, 6);
    table->target_table = text_of(result, row, 7);
    copy_of(result, row, 8, table->status, sizeof table->status);
    table->planned = truth_of(result, row, 9);
    table->total_chunks = number_of(result, row, 10);
    table->completed_chunks = number_of(result, row, 11);
    table->failed_chunks = number_of(result, row, 12);
    table->total_rows_copied = number_of(result, row, 13);
    table->expected_rows = number_of(result, row, 14);
    table->target_generation = number_of(result, row, 15);
    table->metadata = text_of(result, row, 16);
    table->error_message = text_of(result, row, 17);
    table->indexes_missing = truth_of(result, row, 18);
    table->deadline_breaks = (int)number_of(result, row, 19);
}

bool ledger_list_tables(struct target_connection *connection, const char *run_id, struct ledger_tables *tables,
                        struct error *error) {
    const char *parameters[] = {run_id};
    PGresult *result = NULL;
    memset(tables, 0, sizeof *tables);
    if (!target_query(connection, sql_list_tables, 1, parameters, &result, error))
        return false;
    tables->count = (size_t)PQntuples(result);
    tables->list = memory_array(tables->count, sizeof *tables->list);
    for (int row = 0; row < PQntuples(result); row++)
        read_table(result, row, &tables->list[row]);
    PQclear(result);
    return true;
}

int64_t ledger_rows_before(const struct ledger_table *table) {
    json_t *metadata = json_loads(table->metadata == NULL ? "{}" : table->metadata, 0, NULL);
    const json_t *rows = json_object_get(metadata, "target_rows_before");
    int64_t before = json_is_integer(rows) ? (int64_t)json_integer_value(rows) : -1;
    json_decref(metadata);
    return before;
}

void ledger_tables_release(struct ledger_tables *tables) {
    for (size_t i = 0; i < tables->count; i++) {
        struct ledger_table *table = &tables->list[i];
        memory_release(&table->source_name);
        memory_release(&table->source_database);
        memory_release(&table->source_schema);
        memory_release(&table->source_table);
        memory_release(&table->target_database);
        memory_release(&table->target_schema);
        memory_release(&table->target_table);
        memory_release(&table->metadata);
        memory_release(&table->error_message);
    }
    memory_release(&tables->list);
    memset(tables, 0, sizeof *tables);
}

bool ledger_claim_planning(struct target_connection *connection, const char *run_id, int64_t table_id, int owner_id,
                           bool *claimed, int *breaks, struct error *error) {
    char table[NUMBER_SIZE], owner[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, table_id), run_id, number_text(owner, owner_id)};
    PGresult *result = NULL;
    if (!target_query(connection, sql_claim_planning, 3, parameters, &result, error))
        return false;
    *claimed = PQntuples(result) == 1;
    *breaks = *claimed ? (int)number_of(result, 0, 0) : 0;
    PQclear(result);
    return true;
}

bool ledger_break_table(struct target_connection *connection, const char *run_id, int64_t table_id, int *breaks,
                        struct error *error) {
    char table[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, table_id), run_id};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "UPDATE migration_status.migration_table_status SET deadline_breaks = deadline_breaks + 1,"
                      " planner_owner_id = NULL WHERE table_id = $1::bigint AND run_id = $2::uuid"
                      " RETURNING deadline_breaks",
                      2, parameters, &result, error))
        return false;
    *breaks = PQntuples(result) == 1 ? (int)number_of(result, 0, 0) : 0;
    PQclear(result);
    return true;
}

/* The table's row, then the run's: planners of one source table's targets number their chunks one after the other. */
static bool lock_for_plan(struct target_connection *connection, const char *run_id, const char *table_id,
                          struct error *error) {
    const char *parameters[] = {table_id, run_id};
    PGresult *result = NULL;
    if (!target_query(
            connection,
            "SELECT planned_at IS NOT NULL OR status <> 'pending' FROM migration_status.migration_table_status"
            " WHERE table_id = $1::bigint AND run_id = $2::uuid FOR UPDATE",
            2, parameters, &result, error))
        return false;
    bool found = PQntuples(result) == 1;
    bool planned = found && truth_of(result, 0, 0);
    PQclear(result);
    if (!found)
        return error_set(error, ERROR_LOST, "table %s of run %s is not in the ledger any more", table_id, run_id);
    if (planned)
        return error_set(error, ERROR_LOST, "table %s of run %s was planned or given up by another process meanwhile",
                         table_id, run_id);
    return target_query(connection, "SELECT FROM migration_status.migration_runs WHERE run_id = $1::uuid FOR UPDATE", 1,
                        parameters + 1, NULL, error);
}

bool ledger_store_chunks(struct target_connection *connection, const char *table_id,
                         const struct ledger_plan_chunk *chunks, size_t count, int64_t split_from, int64_t *numbered,
                         struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection, sql_last_chunk_id, 1, &table_id, &result, error))
        return false;
    *numbered = number_of(result, 0, 0);
    PQclear(result);
    struct buffer json = {0};
    bool good = true;
    for (size_t first = 0; good && first < count; first += CHUNKS_A_STATEMENT) {
        char after[NUMBER_SIZE], from[NUMBER_SIZE];
        size_t end = first + CHUNKS_A_STATEMENT < count ? first + CHUNKS_A_STATEMENT : count;
        buffer_clear(&json);
        for (size_t i = first; i < end; i++) {
            buffer_appendf(&json, "%s{\"range\": %s, \"rows\": ", i == first ? "[" : ", ", chunks[i].range);
            if (chunks[i].expected_rows < 0)
                buffer_append(&json, "null}");
            else
                buffer_appendf(&json, "%" PRId64 "}", chunks[i].expected_rows);
        }
        buffer_append(&json, "]");
        const char *parameters[] = {table_id, buffer_string(&json), number_text(after, *numbered + (int64_t)first),
                                    split_from == 0 ? NULL : number_text(from, split_from)};
        int64_t stored = 0;
        good = ledger_run(connection, sql_store_chunks, 4, parameters, &stored, error);
        if (good && stored != (int64_t)(end - first))
            good = error_set(error, ERROR_INTERNAL, "the ledger stored %" PRId64 " of %zu chunks", stored, end - first);
    }
    buffer_release(&json);
    return good;
}

bool ledger_store_plan(struct target_connection *connection, const char *run_id, const struct ledger_plan *plan,
                       int64_t generation, struct error *error) {
    char table[NUMBER_SIZE], chunks[NUMBER_SIZE], rows[NUMBER_SIZE], fence[NUMBER_SIZE];
    number_text(table, plan->table_id);
    if (!lock_for_plan(connection, run_id, table, error))
        return false;
    int64_t numbered = 0;
    const char *parameters[] = {table, number_text(chunks, (int64_t)plan->chunk_count),
                                plan->expected_rows < 0 ? NULL : number_text(rows, plan->expected_rows),
                                number_text(fence, generation), plan->metadata};
    return ledger_store_chunks(connection, table, plan->chunks, plan->chunk_count, 0, &numbered, error) &&
           target_query(connection,
                        "UPDATE migration_status.migration_table_status SET status = 'in_progress',"
                        " started_at = clock_timestamp(), planned_at = clock_timestamp(), deadline_breaks = 0,"
                        " total_chunks = $2::bigint,"
                        " expected_rows = $3::bigint, target_generation = $4::bigint,"
                        " metadata = metadata || coalesce($5::jsonb, '{}') WHERE table_id = $1::bigint",
                        5, parameters, NULL, error) &&
           target_query(connection,
                        "UPDATE migration_status.migration_runs SET last_progress_at = clock_timestamp()"
                        " WHERE run_id = $1::uuid",
                        1, &run_id, NULL, error);
}

static const char *const fail_table_sql =
    "UPDATE migration_status.migration_table_status SET status = 'failed', error_message = $3,"
    " completed_at = clock_timestamp()"
    " WHERE table_id = $1::bigint AND run_id = $2::uuid AND status IN ('pending', 'in_progress')";

bool ledger_fail_table(struct target_connection *connection, const char *run_id, int64_t table_id, const char *reason,
                       struct error *error) {
    char table[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, table_id), run_id, reason};
    int64_t changed = 0;
    if (!target_begin(connection, true, error))
        return false;
    bool good = ledger_run(connection, fail_table_sql, 3, parameters, &changed, error);
    if (good && changed > 0)
        good = target_query(connection,
                            "UPDATE migration_status.migration_runs SET failed_tables = failed_tables + 1"
                            " WHERE run_id = $1::uuid",
                            1, &run_id, NULL, error);
    return ledger_end(connection, good, error);
}

/* The fence first, then every feeder's row in one order. */
static bool lock_feeders(struct target_connection *connection, const char *run_id, const char *table_id,
                         struct error *error) {
    const char *parameters[] = {table_id, run_id};
    PGresult *result = NULL;
    if (!target_query(connection, sql_lock_fence, 2, parameters, &result, error))
        return false;
    bool taken = PQntuples(result) == 1 && !truth_of(result, 0, 0);
    if (taken)
        error_set_code(error, ERROR_LOST, "target", "the target was taken over by run %s", PQgetvalue(result, 0, 1));
    PQclear(result);
    return !taken && target_query(connection, sql_lock_feeders, 2, parameters, NULL, error);
}

bool ledger_lock_totals(struct target_connection *connection, const char *run_id, int64_t table_id,
                        struct ledger_totals *totals, struct error *error) {
    char table[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, table_id), run_id};
    PGresult *result = NULL;
    memset(totals, 0, sizeof *totals);
    if (!lock_feeders(connection, run_id, table, error) ||
        !target_query(connection, sql_totals, 2, parameters, &result, error))
        return false;
    if (PQntuples(result) != 1) {
        PQclear(result);
        return error_set(error, ERROR_LOST, "table %s of run %s is not in the ledger any more", table, run_id);
    }
    totals->total_chunks = number_of(result, 0, 0);
    totals->completed_chunks = number_of(result, 0, 1);
    totals->failed_chunks = number_of(result, 0, 2);
    totals->rows_copied = number_of(result, 0, 3);
    totals->counter_rows = number_of(result, 0, 4);
    totals->expected_rows = number_of(result, 0, 5);
    totals->target_run_rows = number_of(result, 0, 6);
    totals->target_unfinished = number_of(result, 0, 7);
    copy_of(result, 0, 8, totals->status, sizeof totals->status);
    totals->target_rows_before = number_of(result, 0, 9);
    totals->open_chunks = number_of(result, 0, 10);
    totals->rows_rejected = number_of(result, 0, 11);
    totals->merged = (struct merge_counts){.staged = totals->rows_copied,
                                           .inserted = number_of(result, 0, 12),
                                           .updated = number_of(result, 0, 13),
                                           .unchanged = number_of(result, 0, 14),
                                           .older = number_of(result, 0, 15),
                                           .duplicate = number_of(result, 0, 16)};
    totals->split_chunks = number_of(result, 0, 17);
    totals->split_parts = number_of(result, 0, 18);
    PQclear(result);
    return true;
}

bool ledger_count_changes(struct target_connection *connection, const char *run_id, int64_t table_id,
                          const struct encode_changes *changes, struct error *error) {
    char numbers[5][NUMBER_SIZE];
    const char *parameters[] = {number_text(numbers[0], table_id),
                                run_id,
                                number_text(numbers[1], changes->nul_rows),
                                number_text(numbers[2], changes->nul_values),
                                number_text(numbers[3], changes->rounded_rows),
                                number_text(numbers[4], changes->rounded_values)};
    if (changes->nul_values == 0 && changes->rounded_values == 0)
        return true;
    return target_query(connection, sql_count_changes, 6, parameters, NULL, error);
}

bool ledger_read_changes(struct target_connection *connection, const char *run_id, int64_t table_id,
                         struct encode_changes *changes, struct error *error) {
    char table[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, table_id), run_id};
    PGresult *result = NULL;
    if (!target_query(connection, sql_read_changes, 2, parameters, &result, error))
        return false;
    bool found = PQntuples(result) == 1;
    if (found)
        *changes = (struct encode_changes){number_of(result, 0, 0), number_of(result, 0, 1), number_of(result, 0, 2),
                                           number_of(result, 0, 3)};
    PQclear(result);
    return found || error_set(error, ERROR_LOST, "table %s of run %s is not in the ledger any more", table, run_id);
}

bool ledger_complete_table(struct target_connection *connection, const char *run_id, int64_t table_id,
                           const char *metadata, struct error *error) {
    char table[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, table_id), run_id, metadata};
    int64_t changed = 0;
    if (!ledger_run(connection,
                    "UPDATE migration_status.migration_table_status SET status = 'completed', error_message = NULL,"
                    " completed_at = clock_timestamp(), indexes_restored = indexes_disabled,"
                    " metadata = metadata || coalesce($3::jsonb, '{}')"
                    " WHERE table_id = $1::bigint AND run_id = $2::uuid AND status = 'in_progress'"
                    " AND NOT EXISTS (SELECT FROM migration_status.migration_indexes AS m WHERE m.restored_at IS NULL"
                    " AND (m.target_schema, m.target_table) = (migration_table_status.target_schema,"
                    " migration_table_status.target_table))",
                    3, parameters, &changed, error))
        return false;
    if (changed != 1)
        return error_set(
            error, ERROR_LOST,
            "table %s of run %s is not in progress any more, or indexes of its target are still to be restored", table,
            run_id);
    return target_query(connection,
                        "UPDATE migration_status.migration_runs SET completed_tables = completed_tables + 1,"
                        " last_progress_at = clock_timestamp() WHERE run_id = $1::uuid",
                        1, &run_id, NULL, error);
}
