#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/begin.h"
#include "run/indexes.h"
#include "run/keeper.h"
#include "run/presence.h"
#include "run/retry.h"
#include "run/run.h"
#include "run/snapshot.h"
#include "run/state.h"
#include "run/worker.h"

enum { FINISH_ATTEMPTS = 4 };

static bool open_run(struct run *run, struct error *error) {
    if (!faults_init(&run->faults, error) || !limits_from_environment(run, error))
        return false;
    if (!source_open(run->config, run->log, &run->source, error))
        return false;
    source_obey(run->source, &run->cancel);
    /* A log-in that is refused is told before anything is written anywhere. */
    if (!source_connect(run->source, &run->workers[0].source, error))
        return false;
    return begin_databases(run, error) && begin_run(run, error);
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

static void count_tables(const struct run *run, struct run_result *result) {
    for (size_t i = 0; i < run->table_count; i++) {
        const struct run_table *table = &run->tables[i];
        result->tables_total++;
        result->tables_completed += table->state == TABLE_COMPLETED;
        result->tables_failed += table->state == TABLE_FAILED;
        result->rows_loaded += table->rows_committed;
    }
}

/* What the ledger says of the tables, for the answer: other processes may have loaded some of the rows. */
static bool read_tables(struct run *run, struct run_database *database, struct error *error) {
    struct ledger_tables stored = {0};
    if (!ledger_list_tables(&database->control, run->run_id, &stored, error))
        return false;
    for (size_t i = 0; i < run->table_count; i++)
        for (size_t s = 0; s < stored.count; s++)
            if (run->tables[i].database == database && stored.list[s].table_id == run->tables[i].table_id)
                run->tables[i].rows_committed = stored.list[s].total_rows_copied;
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
static bool finish_database(struct run *run, struct run_database *database, char *status, struct error *error) {
    for (int attempt = 1;; attempt++) {
        error_clear(error);
        if ((target_usable(&database->control) || presence_connect(run, database, error)) &&
            ledger_finish_run(&database->control, run->run_id, atomic_load(&database->owner_id),
                              atomic_load(&run->stopping), failure_in(run, database), status, error) &&
            read_tables(run, database, error))
            return true;
        target_disconnect(&database->control);
        if (error->kind != ERROR_TRANSIENT || attempt == FINISH_ATTEMPTS)
            return error_context(error, "the end of the run could not be recorded");
        clock_sleep_ms(retry_delay_seconds(attempt) * INT64_C(10) * run->retry_scale_percent);
    }
}

static void finish_databases(struct run *run, struct run_result *result) {
    bool stopped = atomic_load(&run->stopping);
    result->outcome = RUN_COMPLETED;
    for (size_t i = 0; i < run->database_count; i++) {
        struct run_database *database = &run->databases[i];
        struct error error;
        char status[16] = "";
        if (database->settled)
            continue;
        presence_leave_alone(run, database); /* the others' presence is kept until their turn comes */
        if (!finish_database(run, database, status, &error)) {
            log_failure(run->log, NULL, &error);
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

void run_migrate(const struct config *config, const struct run_options *options, struct log *log,
                 struct run_result *result) {
    struct run run = {.config = config, .options = options, .log = log, .started_us = clock_monotonic_us()};
    struct error error;
    bool joined = true;
    memset(result, 0, sizeof *result);
    result->outcome = RUN_FAILED;
    error_clear(&error);
    pthread_mutex_init(&run.mutex, NULL);
    pthread_mutex_init(&run.claiming, NULL);
    pthread_cond_init(&run.changed, NULL);
    begin_tables(&run);
    if (!open_run(&run, &error)) {
        log_failure(log, NULL, &error);
        begin_release(&run);
        return;
    }
    if (options->prepare_only)
        atomic_store(&run.stopping, true);
    else
        joined = work(&run);
    finish_databases(&run, result);
    count_tables(&run, result);
    result->elapsed_us = clock_monotonic_us() - run.started_us;
    result->resumed = run.resumed;
    memcpy(result->run_id, run.run_id, sizeof result->run_id);
    tell_end(&run, result);
    if (!joined) /* a thread still uses what begin_release would free; every chunk is safe in its transaction */
        _exit(result->outcome == RUN_COMPLETED ? 0 : result->outcome == RUN_PARTIAL ? 3 : 1);
    begin_release(&run);
}

struct log_scope run_scope(const struct run_table *table, int64_t chunk_id) {
    return (struct log_scope){.component = "run", .table = table->label, .chunk_id = chunk_id};
}
