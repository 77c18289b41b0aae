#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/begin.h"
#include "run/deadline.h"
#include "run/indexes.h"
#include "run/keeper.h"
#include "run/memory_limit.h"
#include "run/presence.h"
#include "run/result.h"
#include "run/retry.h"
#include "run/run.h"
#include "run/snapshot.h"
#include "run/state.h"
#include "run/stop.h"
#include "run/worker.h"

enum { FINISH_ATTEMPTS = 4 };
#define MOST_UNFINISHED 0.999 /* of the progress of a run that has something left to do, if only to finish a table */

static bool open_run(struct run *run, struct error *error) {
    if (!faults_init(&run->faults, error) || !limits_from_environment(run, error))
        return false;
    return memory_limit_open_source(run, error) && begin_databases(run, error) && begin_run(run, error);
}

/* Of a source that keeps no past that is known before any table is looked at. */
static void warn_without_snapshot(struct run *run) {
    for (size_t i = 0; source_dialect(run->source)->at_moment == NULL && i < run->table_count; i++)
        if (run->tables[i].config->settings.snapshot == SNAPSHOT_AUTO)
            snapshot_warn_unfixed(run, "");
}

/* Was it completed when this process began? */
static bool completed_before(const struct run *run) {
    for (size_t i = 0; i < run->database_count; i++)
        if (!run->databases[i].settled)
            return false;
    return true;
}

static bool start_workers(struct run *run, struct error *error) {
    for (int i = 0; i < run->worker_count; i++) {
        struct worker *worker = &run->workers[i];
        if (!worker_start(worker, error)) {
            /* The ones that run already do the work of all; without any, it can't go on. */
            run->worker_count = i;
            return i > 0;
        }
    }
    return true;
}

/* False: a worker hangs, and is left behind. */
static bool work(struct run *run) {
    struct error error;
    error_clear(&error);
    if (!completed_before(run))
        warn_without_snapshot(run);
    if (!presence_keep(run, &error) || !start_workers(run, &error)) {
        log_failure(run->log, NULL, &error);
        return true;
    }
    if (!keeper_run(run))
        return false;
    for (int i = 0; i < run->worker_count; i++)
        worker_join(&run->workers[i]);
    return true;
}

/* Tables that aren't planned are taken to be as large as the others are on average. */
static double progress_of(const struct run *run, const struct run_result *result) {
    double expected = 0, loaded = 0, planned = 0;
    if (result->outcome == RUN_COMPLETED)
        return 1;
    for (size_t i = 0; i < run->table_count; i++) {
        const struct run_table *table = &run->tables[i];
        planned += table->planned;
        if (!table->planned || table->rows_expected <= 0)
            continue;
        expected += (double)table->rows_expected;
        loaded += (double)(table->rows_committed < table->rows_expected ? table->rows_committed : table->rows_expected);
    }
    if (expected <= 0 || loaded <= 0)
        return 0;
    double progress = loaded / expected * planned / (double)run->table_count;
    return progress < MOST_UNFINISHED ? progress : MOST_UNFINISHED;
}

static void count_tables(struct run *run, struct run_result *result) {
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++) {
        const struct run_table *table = &run->tables[i];
        result->tables_total++;
        result->tables_completed += table->state == TABLE_COMPLETED;
        result->tables_failed += table->state == TABLE_FAILED;
        result->rows_loaded += table->rows_committed;
    }
    result->progress = progress_of(run, result);
    pthread_mutex_unlock(&run->mutex);
}

static void take_numbers(struct run_table *table, const struct ledger_table *stored) {
    table->rows_committed = stored->total_rows_copied;
    table->planned = stored->planned;
    table->rows_expected = stored->expected_rows;
    if (strcmp(stored->status, "completed") == 0)
        table->state = TABLE_COMPLETED;
}

/* What the ledger says of the tables, for the answer: other processes may have loaded some of the rows. */
static bool read_tables(struct run *run, struct run_database *database, struct error *error) {
    struct ledger_tables stored = {0};
    if (!ledger_list_tables(&database->control, run->run_id, &stored, error))
        return false;
    pthread_mutex_lock(&run->mutex); /* a worker that was left behind may come back */
    for (size_t i = 0; i < run->table_count; i++)
        for (size_t s = 0; s < stored.count; s++)
            if (run->tables[i].database == database && stored.list[s].table_id == run->tables[i].table_id)
                take_numbers(&run->tables[i], &stored.list[s]);
    pthread_mutex_unlock(&run->mutex);
    ledger_tables_release(&stored);
    return true;
}

/* Why a table of this database failed here; NULL where none did. Where the ledger could be told, it says so itself. */
static const char *failure_in(const struct run *run, const struct run_database *database) {
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i].database == database && run->tables[i].state == TABLE_FAILED)
            return run->tables[i].failure.message;
    return NULL;
}

/* Write a database's part of the run down. The commit is synchronous: after exit status 0 a crash of the server loses
 * nothing. The control connection may have been lost since its last use, so it is tried again. */
static bool finish_database(struct run *run, struct run_database *database, bool stopped, char *status,
                            struct error *error) {
    for (int attempt = 1;; attempt++) {
        error_clear(error);
        database->control.stall_limit_us = deadline_limit_us(run, database->control.stall_limit_us);
        if ((target_usable(&database->control) || presence_connect(run, database, error)) &&
            ledger_finish_run(&database->control, run->run_id, atomic_load(&database->owner_id), stopped,
                              failure_in(run, database), status, error) &&
            read_tables(run, database, error))
            return true;
        target_disconnect(&database->control);
        if (error->kind != ERROR_TRANSIENT || attempt == FINISH_ATTEMPTS || deadline_abandons(run))
            return error_context(error, "the end of the run could not be recorded");
        clock_sleep_ms(retry_delay_seconds(attempt) * INT64_C(10) * run->retry_scale_percent);
    }
}

/* Is something left to do that this process would have gone on with? What has failed is not. */
static bool leaves_work(struct run *run) {
    bool left = false;
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++)
        left = left || (run->tables[i].state != TABLE_COMPLETED && run->tables[i].state != TABLE_FAILED &&
                        run->tables[i].state != TABLE_HELD);
    pthread_mutex_unlock(&run->mutex);
    return left && run_is_ending(run);
}

static void finish_databases(struct run *run, struct run_result *result) {
    bool stopped = leaves_work(run);
    result->outcome = RUN_COMPLETED;
    for (size_t i = 0; i < run->database_count; i++) {
        struct run_database *database = &run->databases[i];
        struct error error;
        char status[16] = "";
        if (database->settled)
            continue;
        presence_leave_alone(run, database); /* the others' presence is kept until their turn comes */
        if (!finish_database(run, database, stopped, status, &error)) {
            if (deadline_abandons(run)) { /* the ledger shows it as interrupted, which is resumed as well */
                log_warning(run->log, "run", "not recorded before the deadline: %s", error.message);
                result->outcome = result->outcome == RUN_FAILED ? RUN_FAILED : RUN_PARTIAL;
                continue;
            }
            log_failure(run->log, NULL, &error);
            result_take_error(result, &error);
            result->outcome = RUN_FAILED;
            continue;
        }
        if (strcmp(status, "failed") == 0 || strcmp(status, "partial") == 0)
            indexes_tell_missing(run, database);
        if ((strcmp(status, "partial") == 0 || (stopped && strcmp(status, "running") == 0)) &&
            result->outcome == RUN_COMPLETED) {
            result->outcome = RUN_PARTIAL; /* running: other processes go on with it */
        } else if (strcmp(status, "completed") != 0 && strcmp(status, "partial") != 0) {
            result->outcome = RUN_FAILED;
        }
    }
}

static void tell_end(struct run *run, const struct run_result *result) {
    char duration[32];
    clock_format_duration(result->elapsed_us, duration, sizeof duration);
    if (result->outcome == RUN_COMPLETED && completed_before(run))
        log_info(run->log, "run", "run %s was completed already: nothing is left to do", run->run_id);
    else if (result->outcome == RUN_PARTIAL && run->options->prepare_only)
        log_info(run->log, "run", "run %s is prepared: %d of %d tables completed; workers may join it", run->run_id,
                 result->tables_completed, result->tables_total);
    else if (result->outcome == RUN_COMPLETED)
        log_info(run->log, "run", "run %s completed: %d tables, %lld rows, in %s", run->run_id,
                 result->tables_completed, (long long)result->rows_loaded, duration);
    else if (result->outcome == RUN_PARTIAL)
        log_warning(run->log, "run", "run %s stopped: %d of %d tables completed; the same command goes on from here",
                    run->run_id, result->tables_completed, result->tables_total);
    else
        log_error(run->log, "run",
                  "run %s failed: %d of %d tables completed, %d failed; mend the cause and run the same "
                  "command again, it goes on from here",
                  run->run_id, result->tables_completed, result->tables_total, result->tables_failed);
}

/* What began, or didn't, and why. */
static void end_unbegun(struct run *run, const struct error *error, struct run_result *result) {
    bool late = error->kind == ERROR_STOPPED && deadline_closes(run);
    if (late)
        log_warning(run->log, "run", "the deadline came before the run could begin: %s", error->message);
    else
        log_failure(run->log, NULL, error);
    result_take_error(result, error);
    result->outcome = error->kind == ERROR_STOPPED ? RUN_PARTIAL : RUN_FAILED; /* asked to stop, or too late */
    result->elapsed_us = clock_monotonic_us() - run->started_us;
}

/* Threads that hang use all that the run has. Only what says that it is alive is given up. */
static void leave_behind(struct run *run, struct run_result *result) {
    for (size_t i = 0; i < run->database_count; i++)
        target_rollback(&run->databases[i].presence);
    result->abandoned = true;
}

void run_migrate(const struct config *config, const struct run_options *options, struct log *log,
                 struct run_result *result) {
    struct run *run = memory_allocate(sizeof *run); /* not on the stack: threads may be left behind */
    struct error error;
    bool joined = true;
    *run = (struct run){.config = config, .options = options, .log = log, .started_us = clock_monotonic_us()};
    memset(result, 0, sizeof *result);
    result->outcome = RUN_FAILED;
    error_clear(&error);
    run->log_ins = (struct cancel){.parent = &run->cancel, .asked = stop_requested};
    pthread_mutex_init(&run->mutex, NULL);
    pthread_mutex_init(&run->claiming, NULL);
    pthread_cond_init(&run->changed, NULL);
    bool limited = deadline_set(run, &error);
    begin_tables(run);
    bool opened = limited && open_run(run, &error);
    result->memory_limit_mb = run->budget.limit_mb;
    result->workers = run->worker_count;
    if (!opened) {
        end_unbegun(run, &error, result);
        begin_release(run);
        memory_release(&run);
        return;
    }
    if (options->prepare_only)
        atomic_store(&run->stopping, true);
    else
        joined = work(run);
    finish_databases(run, result);
    count_tables(run, result);
    result_count_sources(run, result);
    result->elapsed_us = clock_monotonic_us() - run->started_us;
    result->resumed = run->resumed;
    memcpy(result->run_id, run->run_id, sizeof result->run_id);
    tell_end(run, result);
    if (!joined) {
        leave_behind(run, result);
        return;
    }
    begin_release(run);
    memory_release(&run);
}

struct log_scope run_scope(const struct run_table *table, int64_t chunk_id) {
    return (struct log_scope){.component = "run", .table = table->label, .chunk_id = chunk_id};
}
