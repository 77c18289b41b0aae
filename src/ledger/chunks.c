#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

static void array_text(struct buffer *text, const int64_t *numbers, size_t count) {
    buffer_append_char(text, '{');
    for (size_t i = 0; i < count; i++)
        buffer_appendf(text, "%s%" PRId64, i == 0 ? "" : ",", numbers[i]);
    buffer_append_char(text, '}');
}

static bool claim_with(struct target_connection *connection, const char *sql, int count, const char *const *parameters,
                       struct ledger_claim *claim, bool *found, struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection, sql, count, parameters, &result, error))
        return false;
    *found = PQntuples(result) == 1;
    if (*found) {
        claim->table_id = number_of(result, 0, 0);
        claim->chunk_id = number_of(result, 0, 1);
        copy_of(result, 0, 2, claim->token, sizeof claim->token);
        claim->range = text_of(result, 0, 3);
        claim->expected_rows = number_of(result, 0, 4);
        claim->retry_count = (int)number_of(result, 0, 5);
        claim->deadline_breaks = (int)number_of(result, 0, 6);
        claim->ran_out = truth_of(result, 0, 7);
    }
    PQclear(result);
    return true;
}

/* `pending` ones first; else abandoned ones alone, and only those that their owner had no time for. */
static bool claim_one(struct target_connection *connection, const char *run_id, const int64_t *table_ids,
                      size_t table_count, int owner_id, bool pending, struct ledger_claim *claim, bool *found,
                      struct error *error) {
    char owner[NUMBER_SIZE];
    struct buffer tables = {0};
    memset(claim, 0, sizeof *claim);
    *found = false;
    /* A claim that a crash of the server forgets is only made again, so its commit needn't wait for the disk. */
    if (!target_begin(connection, false, error))
        return false;
    array_text(&tables, table_ids, table_count);
    const char *parameters[] = {run_id, buffer_string(&tables), number_text(owner, owner_id), pending ? "f" : "t"};
    bool good = (!pending || claim_with(connection, sql_claim_pending, 3, parameters, claim, found, error)) &&
                (*found || claim_with(connection, sql_claim_abandoned, 4, parameters, claim, found, error));
    buffer_release(&tables);
    bool unknown = false;
    if (good && target_commit(connection, &unknown, error))
        return true;
    target_rollback(connection);
    if (!unknown) {
        ledger_claim_release(claim);
        *found = false;
    }
    return false;
}

bool ledger_claim(struct target_connection *connection, const char *run_id, const int64_t *table_ids,
                  size_t table_count, int owner_id, struct ledger_claim *claim, bool *found, struct error *error) {
    return claim_one(connection, run_id, table_ids, table_count, owner_id, true, claim, found, error);
}

bool ledger_claim_ran_out(struct target_connection *connection, const char *run_id, const int64_t *table_ids,
                          size_t table_count, int owner_id, struct ledger_claim *claim, bool *found,
                          struct error *error) {
    return claim_one(connection, run_id, table_ids, table_count, owner_id, false, claim, found, error);
}

void ledger_claim_release(struct ledger_claim *claim) {
    memory_release(&claim->range);
    memset(claim, 0, sizeof *claim);
}

bool ledger_describe_waiting(struct target_connection *connection, const char *run_id, int owner_id,
                             struct buffer *description, struct error *error) {
    char owner[NUMBER_SIZE];
    const char *parameters[] = {run_id, number_text(owner, owner_id)};
    PGresult *result = NULL;
    if (!target_query(connection, sql_describe_waiting, 2, parameters, &result, error))
        return false;
    buffer_append(description, PQgetvalue(result, 0, 0));
    PQclear(result);
    return true;
}

/* The fence of the target, shared with the other loads of the run, held against whoever would take it over. */
static bool enter_target(struct target_connection *connection, const char *run_id, const char *target_schema,
                         const char *target_table, int64_t generation, struct error *error) {
    const char *parameters[] = {target_schema, target_table};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "SELECT run_id, generation FROM migration_status.migration_targets"
                      " WHERE target_schema = $1 AND target_table = $2 FOR KEY SHARE",
                      2, parameters, &result, error))
        return false;
    bool ours = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), run_id) == 0;
    bool planned_anew = ours && number_of(result, 0, 1) != generation;
    if (planned_anew) {
        error_set_code(error, ERROR_LOST, "plan", "another process of this run has planned the table anew");
    } else if (!ours) {
        const char *holder = PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "";
        error_set_code(error, ERROR_LOST, "target", "the target \"%s\".\"%s\" was taken over by run %s", target_schema,
                       target_table, holder[0] != '\0' ? holder : "(deleted)");
        error_hint(error, "what this run loaded there may be gone: start a new run for that table");
    }
    PQclear(result);
    return ours && !planned_anew;
}

bool ledger_enter_load(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                       const char *target_schema, const char *target_table, int64_t generation, struct error *error) {
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, claim->table_id), number_text(chunk, claim->chunk_id), claim->token};
    int64_t held = 0;
    if (!enter_target(connection, run_id, target_schema, target_table, generation, error) ||
        !ledger_run(connection, sql_enter_chunk, 3, parameters, &held, error))
        return false;
    if (held != 1)
        return error_set_code(error, ERROR_LOST, "chunk", "chunk %s has another owner by now", chunk);
    return true;
}

static bool complete_chunk(struct target_connection *connection, const struct ledger_claim *claim, const char *rows,
                           struct error *error) {
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, claim->table_id), number_text(chunk, claim->chunk_id), claim->token,
                                rows};
    int64_t changed = 0;
    if (!ledger_run(connection,
                    "UPDATE migration_status.migration_chunk_status SET status = 'completed', rows_copied = $4::bigint,"
                    " completed_at = clock_timestamp(), error_message = NULL"
                    " WHERE table_id = $1::bigint AND chunk_id = $2::bigint AND claim_token = $3::uuid"
                    " AND status = 'in_progress'",
                    4, parameters, &changed, error))
        return false;
    if (changed != 1)
        return error_set_code(error, ERROR_LOST, "chunk", "chunk %s has another owner by now", chunk);
    return true;
}

bool ledger_leave_load(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                       int64_t rows, bool *last, struct error *error) {
    char table[NUMBER_SIZE], count[NUMBER_SIZE];
    number_text(count, rows);
    if (!complete_chunk(connection, claim, count, error))
        return false;
    const char *of_table[] = {number_text(table, claim->table_id), count, run_id};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "UPDATE migration_status.migration_table_status SET completed_chunks = completed_chunks + 1,"
                      " total_rows_copied = total_rows_copied + $2::bigint"
                      " WHERE table_id = $1::bigint AND run_id = $3::uuid"
                      " RETURNING completed_chunks + failed_chunks >= total_chunks",
                      3, of_table, &result, error))
        return false;
    bool counted = PQntuples(result) == 1;
    *last = counted && truth_of(result, 0, 0);
    PQclear(result);
    if (!counted)
        return error_set(error, ERROR_LOST, "table %s of run %s is not in the ledger any more", table, run_id);
    const char *of_run[] = {run_id, count};
    return target_query(connection,
                        "UPDATE migration_status.migration_runs SET total_rows_copied = total_rows_copied + $2::bigint,"
                        " last_progress_at = clock_timestamp() WHERE run_id = $1::uuid",
                        2, of_run, NULL, error);
}

bool ledger_chunk_is_completed(struct target_connection *connection, const char *run_id,
                               const struct ledger_claim *claim, bool *completed, struct error *error) {
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, claim->table_id), number_text(chunk, claim->chunk_id), claim->token,
                                run_id};
    int64_t found = 0;
    if (!ledger_run(
            connection,
            "SELECT FROM migration_status.migration_chunk_status WHERE table_id = $1::bigint"
            " AND chunk_id = $2::bigint AND claim_token = $3::uuid AND run_id = $4::uuid AND status = 'completed'",
            4, parameters, &found, error))
        return false;
    *completed = found == 1;
    return true;
}

/* One statement about the chunk of a claim that still holds: `set` is what changes, $5 the reason. */
static bool change_claimed(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                           const char *set, const char *reason, int64_t *changed, struct error *error) {
    char table[NUMBER_SIZE], chunk[NUMBER_SIZE], sql[512];
    const char *parameters[] = {number_text(table, claim->table_id), number_text(chunk, claim->chunk_id), claim->token,
                                run_id, reason};
    snprintf(sql, sizeof sql,
             "UPDATE migration_status.migration_chunk_status SET %s, error_message = coalesce($5, error_message)"
             " WHERE table_id = $1::bigint AND chunk_id = $2::bigint AND claim_token = $3::uuid AND run_id = $4::uuid"
             " AND status = 'in_progress'",
             set);
    return ledger_run(connection, sql, 5, parameters, changed, error);
}

bool ledger_count_retry(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                        const char *reason, struct error *error) {
    return change_claimed(connection, run_id, claim, "retry_count = retry_count + 1", reason, NULL, error);
}

bool ledger_release_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                          struct error *error) {
    return change_claimed(connection, run_id, claim,
                          "status = 'pending', owner_id = NULL, claim_token = NULL, started_at = NULL", NULL, NULL,
                          error);
}

bool ledger_break_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                        struct error *error) {
    return change_claimed(connection, run_id, claim,
                          "status = 'pending', owner_id = NULL, claim_token = NULL, started_at = NULL,"
                          " deadline_breaks = deadline_breaks + 1",
                          NULL, NULL, error);
}

bool ledger_fail_chunk(struct target_connection *connection, const char *run_id, const struct ledger_claim *claim,
                       const char *reason, struct error *error) {
    char table[NUMBER_SIZE];
    const char *parameters[] = {number_text(table, claim->table_id)};
    int64_t changed = 0;
    if (!target_begin(connection, true, error))
        return false;
    bool good = change_claimed(connection, run_id, claim, "status = 'failed', completed_at = clock_timestamp()", reason,
                               &changed, error);
    if (good && changed > 0)
        good = target_query(connection,
                            "UPDATE migration_status.migration_table_status SET failed_chunks = failed_chunks + 1"
                            " WHERE table_id = $1::bigint",
                            1, parameters, NULL, error);
    return ledger_end(connection, good, error);
}
