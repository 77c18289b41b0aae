#include "run/broken.h"

#include "base/clock.h"
#include "run/deadline.h"
#include "run/load.h"

/* So many processes may have had all of their time for a step in vain: a warehouse may have been busy. */
enum { BREAKS_ALLOWED = 3 };

static const struct {
    const char *name, *done, *help;
} steps[] = {
    [BROKEN_PLANNING] = {"planning", "planned",
                         "give it more time: a longer time-out of the function, a larger warehouse; or ask for less: a "
                         "narrower source_filter, \"chunking\": \"whole\", which only counts the rows; or run `thaw "
                         "migrate` once where there is no deadline: any process goes on from the plan"},
    [BROKEN_FINISH] = {"end", "finished, although it is loaded,",
                       "give it more time: a longer time-out of the function, or `thaw migrate` once where there is no "
                       "deadline, which only finishes it; or make the indexes yourself that are away: "
                       "migration_status.migration_indexes has the statements"},
};

bool broken_too_often(const struct run *run, enum broken_step step, int breaks, const char *lately,
                      struct error *error) {
    char time[32];
    if (breaks < BREAKS_ALLOWED)
        return false;
    clock_format_duration(run->cancel.at_us - run->started_us, time, sizeof time);
    error_set(error, ERROR_CONFIG, "it could not be %s before the deadline in %d processes%s%s%s%s", steps[step].done,
              breaks, run->deadline_us == 0 ? "" : ", each of which has about ", run->deadline_us == 0 ? "" : time,
              lately == NULL ? "" : "; lately: ", lately == NULL ? "" : lately);
    error_hint(error, "%s", steps[step].help);
    return true;
}

bool broken_off(struct worker *worker, struct run_table *table, enum broken_step step, int64_t begun_us,
                const struct error *stopped, struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, 0);
    int64_t taken_us = run->cancel.at_us - begun_us;
    int breaks = 0;
    char time[32];
    if (stopped->kind != ERROR_STOPPED || !deadline_breaks_off(run) ||
        taken_us <= (run->cancel.at_us - run->started_us) / 2)
        return false;
    error_clear(error);
    if (!load_connect_for_record(worker, table->database, error) ||
        !ledger_break_table(&worker->target, run->run_id, table->table_id, &breaks, error)) {
        log_write(run->log, LOG_WARNING, &scope, "that the deadline broke off its %s could not be recorded: %s",
                  steps[step].name, error->message);
        return false;
    }
    if (broken_too_often(run, step, breaks, stopped->message, error))
        return true;
    clock_format_duration(taken_us, time, sizeof time);
    log_write(run->log, LOG_WARNING, &scope, "the deadline broke off its %s after %s (%d of %d times): %s",
              steps[step].name, time, breaks, BREAKS_ALLOWED, stopped->message);
    return false;
}
