/* Who may load into a target: the fence of design "Presence and fences". */
#include "ledger/targets.h"
#include "base/clock.h"
#include "ledger/ledger.h"
#include "ledger/query.h"
#include "sql.h"

struct fence {
    char run_id[37]; /* "" where nobody has had it */
    int64_t generation;
    int64_t truncated_generation;
};

static bool lock_fence(struct target_connection *connection, const char *target_schema, const char *target_table,
                       struct fence *fence, struct error *error) {
    const char *parameters[] = {target_schema, target_table};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "INSERT INTO migration_status.migration_targets (target_schema, target_table) VALUES ($1, $2)"
                      " ON CONFLICT DO NOTHING",
                      2, parameters, NULL, error) ||
        !target_query(connection, sql_lock_target, 2, parameters, &result, error))
        return false;
    bool found = PQntuples(result) == 1;
    if (found) {
        copy_of(result, 0, 0, fence->run_id, sizeof fence->run_id);
        fence->generation = number_of(result, 0, 1);
        fence->truncated_generation = number_of(result, 0, 2);
    } else
        error_set(error, ERROR_TRANSIENT, "the fence of target \"%s\".\"%s\" was deleted at this moment", target_schema,
                  target_table);
    PQclear(result);
    return found;
}

/* Refuse where the run that has the target is alive. */
static bool refuse_live(struct target_connection *connection, const char *holder, const char *target_schema,
                        const char *target_table, struct error *error) {
    const char *parameters[] = {holder};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "SELECT owners, extract(epoch FROM clock_timestamp() - started_at)::bigint"
                      " FROM migration_status.v_migrations WHERE run_id = $1::uuid AND owners_alive > 0",
                      1, parameters, &result, error))
        return false;
    bool live = PQntuples(result) > 0;
    if (live) {
        char age[32];
        clock_format_duration(number_of(result, 0, 1) * 1000000, age, sizeof age);
        error_set(error, ERROR_CONFIG,
                  "the target \"%s\".\"%s\" is being loaded by run %s, started %s ago and worked on by %s",
                  target_schema, target_table, holder, age, PQgetvalue(result, 0, 0));
        error_hint(error, "wait until it ends (thaw status --run-id %s), join it with --join, or stop it", holder);
    }
    PQclear(result);
    return !live;
}

/* Whose the target is at this moment, without a lock. */
static bool read_holder(struct target_connection *connection, const char *target_schema, const char *target_table,
                        struct fence *fence, struct error *error) {
    const char *parameters[] = {target_schema, target_table};
    PGresult *result = NULL;
    if (!target_query(connection,
                      "SELECT run_id FROM migration_status.migration_targets"
                      " WHERE target_schema = $1 AND target_table = $2",
                      2, parameters, &result, error))
        return false;
    if (PQntuples(result) == 1)
        copy_of(result, 0, 0, fence->run_id, sizeof fence->run_id);
    PQclear(result);
    return true;
}

/* Refuse to add rows beside those of an unfinished run: some of them would come twice. */
static bool refuse_unfinished(struct target_connection *connection, const char *run_id, const struct fence *fence,
                              const char *target_schema, const char *target_table, struct error *error) {
    char truncated[NUMBER_SIZE];
    const char *parameters[] = {target_schema, target_table, run_id,
                                number_text(truncated, fence->truncated_generation)};
    PGresult *result = NULL;
    if (!target_query(connection, sql_unfinished_in_target, 4, parameters, &result, error))
        return false;
    bool unfinished = PQntuples(result) > 0;
    if (unfinished) {
        char age[32];
        const char *other = PQgetvalue(result, 0, 0);
        clock_format_duration(number_of(result, 0, 5) * 1000000, age, sizeof age);
        error_set(
            error, ERROR_CONFIG,
            "the target \"%s\".\"%s\" holds %s rows in %s of %s chunks of run %s (%s, last progress %s ago), which "
            "isn't finished: copying again would double them",
            target_schema, target_table, PQgetvalue(result, 0, 4), PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 3),
            other, PQgetvalue(result, 0, 1), age);
        error_hint(
            error,
            "finish it with --resume-run-id %s, or set truncate_onstart for this table, or forget that run (the rows "
            "stay): thaw clean --run-id %s",
            other, other);
    }
    PQclear(result);
    return !unfinished;
}

bool ledger_take_target(struct target_connection *connection, const char *run_id, const char *target_schema,
                        const char *target_table, enum ledger_writing writing, int64_t *generation, bool *already,
                        struct error *error) {
    bool truncate = writing == WRITING_TRUNCATES;
    struct fence fence = {.run_id = ""};
    *already = false;
    /* Asked first without a lock: a load in hand holds the fence, and its run would be waited for instead of named. */
    if (!read_holder(connection, target_schema, target_table, &fence, error) ||
        (fence.run_id[0] != '\0' && strcmp(fence.run_id, run_id) != 0 &&
         !refuse_live(connection, fence.run_id, target_schema, target_table, error)))
        return false;
    if (!lock_fence(connection, target_schema, target_table, &fence, error))
        return false;
    if (strcmp(fence.run_id, run_id) == 0) {
        *generation = fence.generation;
        *already = true;
        return true;
    }
    if (fence.run_id[0] != '\0' && !refuse_live(connection, fence.run_id, target_schema, target_table, error))
        return false;
    if (writing == WRITING_ADDS && !refuse_unfinished(connection, run_id, &fence, target_schema, target_table, error))
        return false;
    const char *parameters[] = {target_schema, target_table, run_id, truncate ? "t" : "f"};
    PGresult *result = NULL;
    if (!target_query(
            connection,
            "UPDATE migration_status.migration_targets SET run_id = $3::uuid, generation = generation + 1,"
            " truncated_generation = CASE WHEN $4::boolean THEN generation + 1 ELSE truncated_generation END,"
            " taken_at = clock_timestamp() WHERE target_schema = $1 AND target_table = $2 RETURNING generation",
            4, parameters, &result, error))
        return false;
    *generation = number_of(result, 0, 0);
    PQclear(result);
    return true;
}

bool ledger_lock_idle_target(struct target_connection *connection, const char *target_schema, const char *target_table,
                             struct error *error) {
    struct fence fence = {.run_id = ""};
    return read_holder(connection, target_schema, target_table, &fence, error) &&
           (fence.run_id[0] == '\0' || refuse_live(connection, fence.run_id, target_schema, target_table, error)) &&
           lock_fence(connection, target_schema, target_table, &fence, error) &&
           (fence.run_id[0] == '\0' || refuse_live(connection, fence.run_id, target_schema, target_table, error));
}
