#include "run/replan.h"

#include "run/load.h"
#include "run/planning.h"

/* Tables of the same target that were done with: their rows went with the others'. */
static void take_back(struct run *run, struct run_table *table) {
    pthread_mutex_lock(&run->mutex);
    table->planned = table->moment_lost = false;
    for (size_t i = 0; table->config->truncate_onstart && i < run->table_count; i++) {
        struct run_table *other = &run->tables[i];
        if (other->group != table->group)
            continue;
        other->planned = other->moment_lost = false;
        other->exhausted = 0;
        if (other->state == TABLE_COMPLETED || other->state == TABLE_HELD || other->state == TABLE_FAILED)
            other->state = TABLE_PLANNING;
    }
    pthread_mutex_unlock(&run->mutex);
}

static bool reset_table(struct worker *worker, struct run_table *table, struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, 0);
    const struct config_table *config = table->config;
    enum ledger_reset how = config->truncate_onstart    ? RESET_TRUNCATED
                            : config->mode != MODE_COPY ? RESET_MERGED
                                                        : RESET_APPENDED;
    bool reset = false;
    bool unknown = false;
    if (!load_connect_target(worker, table->database, error))
        return false;
    worker->target.stall_limit_us = run->first_answer_limit_us; /* it waits for chunks in hand elsewhere, in silence */
    bool done =
        target_begin(&worker->target, true, error) &&
        ledger_reset_plan(&worker->target, run->run_id, table->table_id, table->generation, how, &reset, error) &&
        (!reset || !config->truncate_onstart ||
         target_truncate(&worker->target, table->feed->target_schema, config->target, error)) &&
        fault_point(&run->faults, "before_reset_commit", error) && target_commit(&worker->target, &unknown, error) &&
        fault_point(&run->faults, "after_reset", error);
    if (!done) {
        target_rollback(&worker->target);
        return false;
    }
    log_write(
        run->log, LOG_WARNING, &scope,
        reset
            ? "its moment of the source is lost (the table was replaced, or its retention time is over): it is planned "
              "anew and read from the start%s"
            : "another process has planned it anew%s",
        reset && config->truncate_onstart ? ", its target truncated again" : "");
    take_back(run, table);
    return true;
}

bool replan_reset(struct worker *worker, size_t group, struct error *error) {
    struct run *run = worker->run;
    for (size_t i = group; i < run->table_count; i++) {
        struct run_table *table = &run->tables[i];
        pthread_mutex_lock(&run->mutex);
        bool wanted = table->group == group && table->moment_lost && table->state == TABLE_PLANNING;
        pthread_mutex_unlock(&run->mutex);
        if (!wanted || reset_table(worker, table, error))
            continue;
        if (error->kind == ERROR_TRANSIENT || error->kind == ERROR_STOPPED)
            return false;
        planning_fail_table(worker, table, error);
    }
    return true;
}
