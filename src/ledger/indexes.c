#include "ledger/indexes.h"
#include "ledger/query.h"
#include "ledger/targets.h"
#include "sql.h"

bool ledger_save_index(struct target_connection *connection, const char *run_id, const char *target_schema,
                       const char *target_table, const struct target_index *index, struct error *error) {
    const char *parameters[] = {target_schema,
                                target_table,
                                index->name,
                                index->kind,
                                index->index_definition,
                                index->constraint_definition,
                                index->build,
                                index->attach,
                                index->details,
                                run_id};
    /* One of its name that was still to be restored is there again, then: somebody made it by hand. */
    return target_query(connection,
                        "UPDATE migration_status.migration_indexes SET restored_at = clock_timestamp()"
                        " WHERE target_schema = $1 AND target_table = $2 AND name = $3 AND restored_at IS NULL",
                        3, parameters, NULL, error) &&
           target_query(
               connection,
               "INSERT INTO migration_status.migration_indexes (target_schema, target_table, name, kind,"
               " index_definition, constraint_definition, build_statements, attach_statements, details, run_id)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::uuid)",
               10, parameters, NULL, error);
}

bool ledger_note_indexes(struct target_connection *connection, const char *run_id, const char *target_schema,
                         const char *target_table, int64_t *missing, struct error *error) {
    const char *parameters[] = {target_schema, target_table, run_id};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "SELECT count(*) FROM migration_status.migration_indexes"
                      " WHERE target_schema = $1 AND target_table = $2 AND restored_at IS NULL",
                      2, parameters, &result, error))
        return false;
    *missing = number_of(result, 0, 0);
    PQclear(result);
    return *missing == 0 || target_query(connection,
                                         "UPDATE migration_status.migration_table_status SET indexes_disabled = true,"
                                         " indexes_restored = false"
                                         " WHERE target_schema = $1 AND target_table = $2 AND run_id = $3::uuid",
                                         3, parameters, NULL, error);
}

static void read_index(const PGresult *result, int row, struct ledger_index *index) {
    *index = (struct ledger_index){
        .index_id = number_of(result, row, 0),
        .name = text_of(result, row, 1),
        .kind = text_of(result, row, 2),
        .index_definition = text_of(result, row, 3),
        .constraint_definition = text_of(result, row, 4),
        .build = text_of(result, row, 5),
        .attach = text_of(result, row, 6),
    };
}

bool ledger_list_indexes(struct target_connection *connection, const char *target_schema, const char *target_table,
                         struct ledger_indexes *indexes, struct error *error) {
    const char *parameters[] = {target_schema, target_table};
    PGresult *result = NULL;
    memset(indexes, 0, sizeof *indexes);
    if (!target_query(connection, sql_list_indexes, 2, parameters, &result, error))
        return false;
    indexes->count = (size_t)PQntuples(result);
    indexes->list = memory_array(indexes->count, sizeof *indexes->list);
    for (int row = 0; row < PQntuples(result); row++) {
        struct ledger_index *index = &indexes->list[row];
        read_index(result, row, index);
        index->target_schema = text_of(result, row, 7);
        index->target_table = text_of(result, row, 8);
        index->built = truth_of(result, row, 9);
        index->error_code = text_of(result, row, 10);
        index->error_message = text_of(result, row, 11);
        index->table_exists = truth_of(result, row, 12);
        index->live_run = text_of(result, row, 13);
        index->unique = truth_of(result, row, 14);
    }
    PQclear(result);
    return true;
}

void ledger_index_release(struct ledger_index *index) {
    memory_release_texts((char **[]){&index->name, &index->kind, &index->index_definition,
                                     &index->constraint_definition, &index->build, &index->attach, &index->error_code,
                                     &index->error_message, &index->target_schema, &index->target_table,
                                     &index->live_run, NULL});
}

void ledger_indexes_release(struct ledger_indexes *indexes) {
    for (size_t i = 0; i < indexes->count; i++)
        ledger_index_release(&indexes->list[i]);
    memory_release(&indexes->list);
    indexes->count = 0;
}

bool ledger_hold_target(struct target_connection *connection, const char *run_id, const char *target_schema,
                        const char *target_table, struct error *error) {
    const char *parameters[] = {target_schema, target_table, run_id};
    PGresult *result = NULL;
    if (run_id == NULL)
        return ledger_lock_idle_target(connection, target_schema, target_table, error);
    if (!target_query(connection,
                      "SELECT run_id = $3::uuid, run_id FROM migration_status.migration_targets"
                      " WHERE target_schema = $1 AND target_table = $2 FOR KEY SHARE",
                      3, parameters, &result, error))
        return false;
    bool held = PQntuples(result) == 1 && truth_of(result, 0, 0);
    if (!held)
        error_set_code(error, ERROR_LOST, "target", "the target was taken over by run %s",
                       PQntuples(result) == 1 ? PQgetvalue(result, 0, 1) : "(unknown)");
    PQclear(result);
    return held;
}

bool ledger_claim_index(struct target_connection *connection, const char *target_schema, const char *target_table,
                        bool attach, bool only_unique, struct ledger_index *index, bool *found, struct error *error) {
    const char *parameters[] = {target_schema, target_table, attach ? "t" : "f", only_unique ? "t" : "f"};
    PGresult *result = NULL;
    *found = false;
    if (!target_query(connection, sql_claim_index, 4, parameters, &result, error))
        return false;
    *found = PQntuples(result) == 1;
    if (*found)
        read_index(result, 0, index);
    PQclear(result);
    return true;
}

bool ledger_index_built(struct target_connection *connection, int64_t index_id, bool restored, struct error *error) {
    char number[NUMBER_SIZE];
    const char *parameters[] = {number_text(number, index_id), restored ? "t" : "f"};
    return target_query(
        connection,
        "UPDATE migration_status.migration_indexes SET built_at = coalesce(built_at, clock_timestamp()),"
        " restored_at = CASE WHEN $2::boolean THEN clock_timestamp() END WHERE index_id = $1::bigint",
        2, parameters, NULL, error);
}

bool ledger_index_failed(struct target_connection *connection, int64_t index_id, const struct error *failure,
                         struct error *error) {
    char number[NUMBER_SIZE];
    const char *parameters[] = {number_text(number, index_id), failure->code, failure->message};
    return target_begin(connection, true, error) &&
           ledger_end(connection,
                      target_query(connection,
                                   "UPDATE migration_status.migration_indexes SET error_code = $2, error_message = $3"
                                   " WHERE index_id = $1::bigint AND restored_at IS NULL",
                                   3, parameters, NULL, error),
                      error);
}

bool ledger_retry_indexes(struct target_connection *connection, const char *target_schema, const char *target_table,
                          struct error *error) {
    const char *parameters[] = {target_schema, target_table};
    return target_query(connection,
                        "UPDATE migration_status.migration_indexes SET error_code = NULL, error_message = NULL"
                        " WHERE target_schema = $1 AND target_table = $2 AND restored_at IS NULL"
                        " AND error_message IS NOT NULL",
                        2, parameters, NULL, error);
}

bool ledger_forget_index(struct target_connection *connection, int64_t index_id, struct error *error) {
    char number[NUMBER_SIZE];
    const char *parameters[] = {number_text(number, index_id)};
    return target_query(connection, "DELETE FROM migration_status.migration_indexes WHERE index_id = $1::bigint", 1,
                        parameters, NULL, error);
}

bool ledger_indexes_restored(struct target_connection *connection, const char *target_schema, const char *target_table,
                             struct error *error) {
    const char *parameters[] = {target_schema, target_table};
    return target_query(connection,
                        "UPDATE migration_status.migration_table_status SET indexes_restored = true"
                        " WHERE target_schema = $1 AND target_table = $2 AND indexes_disabled AND NOT indexes_restored"
                        " AND NOT EXISTS (SELECT FROM migration_status.migration_indexes AS m"
                        " WHERE m.target_schema = $1 AND m.target_table = $2 AND m.restored_at IS NULL)",
                        2, parameters, NULL, error);
}
