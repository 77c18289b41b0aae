#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

bool ledger_is_run_id(const char *text) {
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == '-' ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
            return false;
    return true;
}

bool ledger_new_uuid(struct target_connection *connection, char uuid[37], struct error *error) {
    PGresult *result = NULL;
    if (!target_query(connection, "SELECT pg_catalog.gen_random_uuid()", 0, NULL, &result, error))
        return false;
    copy_of(result, 0, 0, uuid, 37);
    PQclear(result);
    return true;
}

bool ledger_lock_decision(struct target_connection *connection, bool wait, bool *locked, struct error *error) {
    PGresult *result = NULL;
    *locked = wait;
    if (wait && !target_execute(connection, "SELECT pg_advisory_xact_lock(1952997634, 0)", error))
        return false;
    if (!wait) {
        if (!target_query(connection, "SELECT pg_try_advisory_xact_lock(1952997634, 0)", 0, NULL, &result, error))
            return false;
        *locked = truth_of(result, 0, 0);
        PQclear(result);
    }
    return !*locked || target_execute(connection, "SET LOCAL idle_in_transaction_session_timeout = '15s'", error);
}

bool ledger_list_runs(struct target_connection *connection, const char *run_id, struct ledger_runs *runs,
                      int64_t *now_us, struct error *error) {
    PGresult *result = NULL;
    const char *parameters[] = {run_id};
    memset(runs, 0, sizeof *runs);
    if (!target_query(connection, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", 0, NULL, &result,
                      error))
        return false;
    *now_us = number_of(result, 0, 0);
    PQclear(result);
    if (!target_query(connection, sql_list_runs, 1, parameters, &result, error))
        return false;
    runs->count = (size_t)PQntuples(result);
    runs->list = memory_array(runs->count, sizeof *runs->list);
    for (int row = 0; row < PQntuples(result); row++) {
        struct ledger_run *run = &runs->list[row];
        copy_of(result, row, 0, run->run_id, sizeof run->run_id);
        run->run_number = (int)number_of(result, row, 1);
        copy_of(result, row, 2, run->status, sizeof run->status);
        run->started_at_us = number_of(result, row, 3);
        run->last_progress_us = number_of(result, row, 4);
        run->execution_hash = text_of(result, row, 5);
        run->source_names = text_of(result, row, 6);
        run->settings = text_of(result, row, 7);
        run->live = truth_of(result, row, 8);
        run->owners = text_of(result, row, 9);
        run->owned_us = PQgetisnull(result, row, 10) ? INT64_MIN : number_of(result, row, 10);
    }
    PQclear(result);
    return true;
}

void ledger_runs_release(struct ledger_runs *runs) {
    for (size_t i = 0; i < runs->count; i++) {
        memory_release(&runs->list[i].execution_hash);
        memory_release(&runs->list[i].source_names);
        memory_release(&runs->list[i].settings);
        memory_release(&runs->list[i].owners);
    }
    memory_release(&runs->list);
    memset(runs, 0, sizeof *runs);
}

bool ledger_insert_run(struct target_connection *connection, const struct ledger_run_values *values, int *run_number,
                       struct error *error) {
    char sources[NUMBER_SIZE], tables[NUMBER_SIZE];
    const char *parameters[] = {values->run_id,
                                values->config_hash,
                                number_text(sources, values->total_sources),
                                number_text(tables, values->total_tables),
                                values->execution_hash,
                                values->source_names,
                                values->settings};
    PGresult *result = NULL;
    if (!target_query(connection, sql_insert_run, 7, parameters, &result, error))
        return false;
    *run_number = (int)number_of(result, 0, 0);
    PQclear(result);
    return true;
}

bool ledger_adopt_run(struct target_connection *connection, const char *run_id, int *run_number, struct error *error) {
    const char *parameters[] = {run_id};
    PGresult *result = NULL;
    if (!target_query(connection, sql_adopt_chunks, 1, parameters, NULL, error) ||
        !target_query(connection, sql_adopt_tables, 1, parameters, NULL, error) ||
        !target_query(connection, sql_adopt_run, 1, parameters, &result, error))
        return false;
    bool found = PQntuples(result) == 1;
    if (found)
        *run_number = (int)number_of(result, 0, 0);
    else
        error_set(error, ERROR_CONFIG, "the ledger in database \"%s\" has no run %s", connection->database, run_id);
    PQclear(result);
    return found;
}

/* failed, partial or completed, or running while others work; and the words for error_message. */
static const char *decide(const PGresult *result, bool stopped, const char *reason, struct buffer *message) {
    int64_t left_over = number_of(result, 0, 0), others = number_of(result, 0, 1), failed = number_of(result, 0, 3);
    if (left_over == 0)
        return "completed";
    if (others > 0)
        return "running";
    if (failed == 0 && reason != NULL)
        buffer_append(message, reason);
    if (failed > 0) {
        buffer_appendf(message, "%" PRId64 " of %s tables failed", failed, PQgetvalue(result, 0, 4));
        if (!PQgetisnull(result, 0, 2))
            buffer_appendf(message, ": %s", PQgetvalue(result, 0, 2));
    }
    return stopped || (failed == 0 && reason == NULL) ? "partial" : "failed";
}

static bool write_status(struct target_connection *connection, const char *run_id, int owner_id, bool stopped,
                         const char *reason, char *status, struct error *error) {
    char owner[NUMBER_SIZE];
    const char *names[] = {run_id, number_text(owner, owner_id)};
    int64_t found = 0;
    PGresult *result = NULL;
    if (!ledger_run(connection, "SELECT FROM migration_status.migration_runs WHERE run_id = $1::uuid FOR UPDATE", 1,
                    names, &found, error))
        return false;
    if (found == 0)
        return error_set(error, ERROR_LOST, "the run %s is not in the ledger any more", run_id);
    /* Owners finish one after the other, under the run's lock: the last one sees that all the others have. */
    if (!target_query(connection,
                      "UPDATE migration_status.migration_owners SET finished_at = clock_timestamp()"
                      " WHERE run_id = $1::uuid AND owner_id = $2::integer",
                      2, names, NULL, error) ||
        !target_query(connection, sql_finish_run, 2, names, &result, error))
        return false;
    struct buffer message = {0};
    snprintf(status, sizeof((struct ledger_run *)NULL)->status, "%s", decide(result, stopped, reason, &message));
    PQclear(result);
    const char *parameters[] = {run_id, status, message.length > 0 ? buffer_string(&message) : NULL};
    bool good = strcmp(status, "running") == 0 ||
                target_query(connection,
                             "UPDATE migration_status.migration_runs SET status = $2, error_message = $3,"
                             " completed_at = clock_timestamp() WHERE run_id = $1::uuid",
                             3, parameters, NULL, error);
    buffer_release(&message);
    return good;
}

bool ledger_finish_run(struct target_connection *connection, const char *run_id, int owner_id, bool stopped,
                       const char *reason, char *status, struct error *error) {
    *status = '\0';
    if (!target_begin(connection, true, error))
        return false;
    return ledger_end(connection, write_status(connection, run_id, owner_id, stopped, reason, status, error), error);
}

bool ledger_fix_moment(struct target_connection *connection, const char *run_id, const char *candidate, char **moment,
                       struct error *error) {
    PGresult *result = NULL;
    const char *parameters[] = {run_id, candidate};
    if (!target_query(connection, sql_fix_moment, 2, parameters, &result, error))
        return false;
    bool found = PQntuples(result) == 1;
    if (found)
        *moment = text_of(result, 0, 0);
    else
        error_set(error, ERROR_CONFIG, "the run %s is not in the ledger any more", run_id);
    PQclear(result);
    return found;
}
