#include "run/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/broken.h"
#include "run/deadline.h"
#include "run/finish.h"
#include "run/foreign_keys.h"
#include "run/indexes.h"
#include "run/load.h"
#include "run/planning.h"
#include "run/presence.h"
#include "run/retry.h"
#include "run/scheduler.h"
#include "run/snapshot.h"
#include "run/split.h"

/* Nothing can be claimed there for so long: say what is waited for; and again after the second time. */
static const int64_t tell_after_us = 5000000, tell_again_after_us = 30000000;

enum {
    CLAIM_FAILURES_ALLOWED = 8,  /* some four minutes */
    EXHAUSTED_CHUNKS_ALLOWED = 3 /* in a row, each after its last attempt */
};

/* Claims of one worker that failed one after the other. */
struct claim_failures {
    int count;
    int64_t since_us;
};

/* What the watchdog broke off is over: the limit that was passed, 0 where it broke off nothing. */
static int64_t answer_watchdog(struct worker *worker) {
    pthread_mutex_lock(&worker->run->mutex);
    int64_t stall_us = worker->stall_us;
    worker->stall_us = 0;
    pthread_mutex_unlock(&worker->run->mutex);
    if (stall_us != 0)
        cancel_reset(&worker->cancel);
    return stall_us;
}

/* What an error means here and now: a worker that the watchdog stopped, or that lost its presence, has not been stopped by
 * the user. */
static void interpret(struct worker *worker, const struct run_table *table, struct error *error) {
    struct run *run = worker->run;
    if (error->kind == ERROR_LOST && strcmp(error->code, "target") == 0) {
        error->kind = ERROR_CONFIG; /* another run has the target: no chunk of this table can be loaded any more */
        error->code[0] = '\0';
    }
    if (error->kind != ERROR_STOPPED || cancel_requested(&run->cancel))
        return;
    int64_t stall_us = answer_watchdog(worker);
    if (stall_us != 0) {
        error_set(error, ERROR_TRANSIENT, "neither the source nor PostgreSQL moved a byte for %lld s",
                  (long long)(stall_us / 1000000));
    } else if (table != NULL && cancel_requested(&table->database->cancel)) {
        error_set(error, ERROR_LOST, "the presence in the target database was lost while the chunk was in hand");
    }
}

static void attach(struct worker *worker, const struct run_database *database) {
    worker->cancel.parent = database == NULL ? &worker->run->cancel : &database->cancel;
}

static void release_claim(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim) {
    struct error error;
    struct log_scope scope = run_scope(table, claim->chunk_id);
    error_clear(&error);
    if (!load_connect_for_record(worker, table->database, &error) ||
        !ledger_release_chunk(&worker->target, worker->run->run_id, claim, &error))
        log_write(worker->run->log, LOG_WARNING, &scope,
                  "could not be released (%s); the next process claims it anyway", error.message);
}

/* Record a chunk's failure. Data, configuration and the like fail the whole table: none of its chunks would fare better,
 * or the user asked to be stopped. What may pass leaves the table's other chunks their try, unless several in a row had
 * all of theirs: a disk that is full would otherwise be tried once a chunk, for hours. */
static void record_failure(struct worker *worker, struct run_table *table, const struct ledger_claim *claim,
                           const struct error *failure) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, claim->chunk_id);
    struct error error;
    struct error of_table = *failure;
    bool recorded = false;
    error_clear(&error);
    bool hopeless =
        failure->kind != ERROR_TRANSIENT || scheduler_count_exhausted(run, table) >= EXHAUSTED_CHUNKS_ALLOWED;
    error_context(&of_table, "chunk %lld", (long long)claim->chunk_id);
    log_failure(run->log, &scope, failure);
    /* The table first, here and in the ledger: whoever looks in between must find the reason, not only that a chunk has failed. */
    if (hopeless)
        scheduler_fail(run, table, &of_table);
    for (int attempt = 0; !recorded && attempt < 5; attempt++) {
        if (attempt > 0 && !retry_wait(run, attempt))
            break;
        recorded =
            load_connect_for_record(worker, table->database, &error) &&
            (!hopeless || ledger_fail_table(&worker->target, run->run_id, table->table_id, of_table.message, &error)) &&
            fault_point(&run->faults, "in_failure", &error) &&
            ledger_fail_chunk(&worker->target, run->run_id, claim, failure->message, &error);
        if (!recorded)
            load_disconnect(worker);
    }
    if (!recorded)
        log_write(run->log, LOG_WARNING, &scope, "its failure could not be recorded: %s", error.message);
    if (!recorded)
        scheduler_fail(run, table, &of_table);
}

/* Count the retry in the ledger where it can be reached, and wait. False: a stop was asked for meanwhile. */
static bool prepare_retry(struct worker *worker, const struct run_table *table, const struct ledger_claim *claim,
                          int attempt, const struct error *failure) {
    struct error error;
    struct log_scope scope = run_scope(table, claim->chunk_id);
    load_disconnect(worker);
    log_write(worker->run->log, LOG_WARNING, &scope, "attempt %d failed, trying again in about %d s: %s%s%s%s", attempt,
              retry_delay_seconds(attempt), failure->message, failure->code[0] == '\0' ? "" : " [", failure->code,
              failure->code[0] == '\0' ? "" : "]");
    if (!load_connect_for_record(worker, table->database, &error) ||
        !ledger_count_retry(&worker->target, worker->run->run_id, claim, failure->message, &error))
        log_write(worker->run->log, LOG_DEBUG, &scope, "the retry could not be counted: %s", error.message);
    return retry_wait(worker->run, attempt);
}

/* Is the claimed chunk settled without being loaded: in parts now, or given up? */
static bool settle_ran_out(struct worker *worker, struct run_table *table, const struct ledger_claim *claim) {
    struct error error;
    bool cut = false;
    error_clear(&error);
    if (!claim->ran_out)
        return false;
    if (split_ran_out(worker, table, claim, &cut, &error))
        return cut;
    record_failure(worker, table, claim, &error);
    return true;
}

/* Load a claimed chunk with as many attempts as the table allows. */
static void work_on_chunk(struct worker *worker, struct run_table *table, const struct ledger_claim *claim) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, claim->chunk_id);
    bool completed = false;
    int64_t rows = 0;
    int64_t begun_us = clock_monotonic_us();
    bool settled = settle_ran_out(worker, table, claim);
    for (int attempt = 1; !settled; attempt++) {
        struct error error;
        bool last = false;
        error_clear(&error);
        worker->reader.rows_read = 0;
        (void)answer_watchdog(worker);
        completed = load_chunk(worker, table, claim, &last, &rows, &error);
        if (completed) {
            worker->brought_last = last;
            log_write(run->log, LOG_DEBUG, &scope, "completed: %lld rows", (long long)rows);
            break;
        }
        interpret(worker, table, &error);
        if (strcmp(error.code, SOURCE_OUT_OF_MEMORY) == 0 && !scheduler_read_less(run, table) && attempt > 1)
            error.kind = ERROR_CONFIG; /* alone, it won't have more another time */
        if (error.kind == ERROR_LOST && strcmp(error.code, SNAPSHOT_LOST) == 0) {
            log_write(run->log, LOG_INFO, &scope, "given up: %s", error.message);
            release_claim(worker, table, claim);
            scheduler_doubt(run, table, GROUP_MOMENT_LOST);
        } else if (error.kind == ERROR_LOST && strcmp(error.code, "plan") == 0) {
            log_write(run->log, LOG_INFO, &scope, "given up: %s", error.message);
            release_claim(worker, table, claim);
            scheduler_doubt(run, table, GROUP_PLANNED_ELSEWHERE);
        } else if (error.kind == ERROR_LOST) {
            log_write(run->log, LOG_INFO, &scope, "given up: %s", error.message);
        } else if (error.kind == ERROR_STOPPED && deadline_breaks_off(run)) {
            if (!split_broken_off(worker, table, claim, begun_us, &error))
                record_failure(worker, table, claim, &error);
        } else if (error.kind == ERROR_STOPPED) {
            release_claim(worker, table, claim);
        } else if (error.kind == ERROR_TRANSIENT && attempt <= table->config->settings.max_retry_attempts) {
            if (prepare_retry(worker, table, claim, attempt, &error))
                continue;
            release_claim(worker, table, claim);
        } else {
            foreign_keys_advise(worker, table, &error);
            record_failure(worker, table, claim, &error);
        }
        break;
    }
    scheduler_leave(run, table, completed, rows);
}

/* Of a run that was there already: first what its earlier processes were killed with at their deadline, so that the parts of it are
 * there early. A table in which there is nothing of the kind isn't asked about again. */
static bool claim_ran_out(struct worker *worker, const struct run_database *database, struct run_table **tables,
                          size_t count, struct ledger_claim *claim, bool *found, struct error *error) {
    struct run *run = worker->run;
    int64_t *ids = memory_array(count, sizeof *ids);
    size_t asked = 0;
    for (size_t i = 0; i < count; i++)
        if (run->resumed && !tables[i]->ran_out_settled)
            ids[asked++] = tables[i]->table_id;
    *found = false;
    bool done = asked == 0 || ledger_claim_ran_out(&worker->target, run->run_id, ids, asked,
                                                   atomic_load(&database->owner_id), claim, found, error);
    for (size_t i = 0; done && !*found && i < count; i++)
        tables[i]->ran_out_settled = true;
    memory_release(&ids);
    return done;
}

/* Claim a chunk of one of the tables that may have another worker; *table is its table, entered, or NULL. */
static bool claim(struct worker *worker, struct run_database *database, struct run_table **tables,
                  struct ledger_claim *claim, struct run_table **table, struct error *error) {
    struct run *run = worker->run;
    bool found = false;
    pthread_mutex_lock(&run->claiming);
    size_t count = scheduler_offer(run, database, tables);
    int64_t *ids = memory_array(count, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = tables[i]->table_id;
    bool done = claim_ran_out(worker, database, tables, count, claim, &found, error);
    if (done && !found && count > 0)
        done = ledger_claim(&worker->target, run->run_id, ids, count, atomic_load(&database->owner_id), claim, &found,
                            error);
    if (done)
        atomic_store(&database->answered_us, clock_monotonic_us());
    if (found || atomic_load(&database->tell_us) == 0)
        atomic_store(&database->tell_us, clock_monotonic_us() + tell_after_us);
    for (size_t i = 0; found && i < count; i++)
        if (tables[i]->table_id == claim->table_id)
            *table = tables[i];
    scheduler_settle(run, tables, count, *table);
    pthread_mutex_unlock(&run->claiming);
    memory_release(&ids);
    return done;
}

static bool claim_in(struct worker *worker, struct run_database *database, struct run_table **tables, bool *found,
                     struct error *error) {
    struct run *run = worker->run;
    struct ledger_claim claimed = {0};
    struct run_table *table = NULL;
    bool done = load_connect_target(worker, database, error) && fault_point(&run->faults, "before_claim", error) &&
                claim(worker, database, tables, &claimed, &table, error);
    *found = table != NULL;
    if (!*found)
        return done;
    if (!done) { /* the answer to the claim's COMMIT was lost: it may hold, and then nobody else gets the chunk */
        load_disconnect(worker);
        release_claim(worker, table, &claimed);
        scheduler_leave(run, table, false, 0);
    } else if (fault_point(&run->faults, "after_claim", error)) {
        work_on_chunk(worker, table, &claimed);
    } else {
        release_claim(worker, table, &claimed);
        scheduler_leave(run, table, false, 0);
    }
    ledger_claim_release(&claimed);
    return done;
}

/* A table of which every chunk is either completed or given up after its last attempt has failed. */
static bool fail_exhausted(struct worker *worker, const struct ledger_tables *stored, struct error *error) {
    for (size_t i = 0; i < stored->count; i++) {
        const struct ledger_table *table = &stored->list[i];
        struct error reason;
        if (strcmp(table->status, "in_progress") != 0 || table->failed_chunks == 0 ||
            table->completed_chunks + table->failed_chunks < table->total_chunks)
            continue;
        error_set(&reason, ERROR_TRANSIENT, "%lld of %lld chunks failed after their last attempt",
                  (long long)table->failed_chunks, (long long)table->total_chunks);
        if (!ledger_fail_table(&worker->target, worker->run->run_id, table->table_id, reason.message, error))
            return false;
    }
    return true;
}

static bool anyone_loads(const struct run *run) {
    for (int i = 0; i < run->worker_count; i++)
        if (atomic_load(&run->workers[i].loading))
            return true;
    return false;
}

/* Everything that is left is in somebody else's hands: say whose, and that we wait. */
static bool tell_waiting(struct worker *worker, struct run_database *database, struct error *error) {
    struct run *run = worker->run;
    struct buffer description = {0};
    int64_t now = clock_monotonic_us();
    if (now < atomic_load(&database->tell_us) || anyone_loads(run))
        return true;
    atomic_store(&database->tell_us, now + tell_again_after_us);
    bool done =
        ledger_describe_waiting(&worker->target, run->run_id, atomic_load(&database->owner_id), &description, error);
    if (done && description.length > 0)
        log_info(run->log, "run", "nothing left to claim in database %s, waiting: %s", worker->target.database,
                 buffer_string(&description));
    buffer_release(&description);
    return done;
}

/* Nothing could be claimed there: see what the ledger says of the tables. */
static bool look_again(struct worker *worker, struct run_database *database, struct error *error) {
    struct ledger_tables stored = {0};
    int64_t asked_us = clock_monotonic_us();
    if (!load_connect_target(worker, database, error) || !presence_evict(worker->run, &worker->target, error) ||
        !ledger_list_tables(&worker->target, worker->run->run_id, &stored, error))
        return false;
    bool done = fail_exhausted(worker, &stored, error);
    if (done)
        scheduler_refresh(worker->run, database, &stored, asked_us);
    ledger_tables_release(&stored);
    return done && tell_waiting(worker, database, error);
}

/* Is it this worker's turn to look? Once a second for all of them is enough. */
static bool may_look(struct run_database *database) {
    int64_t now = clock_monotonic_us();
    int64_t next = atomic_load(&database->next_look_us);
    return now >= next && atomic_compare_exchange_strong(&database->next_look_us, &next, now + 1000000);
}

static bool has_ready_table(struct run *run, const struct run_database *database) {
    bool ready = false;
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++)
        ready = ready || (run->tables[i].database == database && run->tables[i].state == TABLE_READY);
    pthread_mutex_unlock(&run->mutex);
    return ready;
}

/* Ask each database in turn, the connected one first. Where false is returned, *asked is the database that could not be
 * asked. */
static bool claim_and_load(struct worker *worker, struct run_database **asked, struct error *error) {
    struct run *run = worker->run;
    struct run_table **tables = memory_array(run->table_count, sizeof(struct run_table *));
    size_t start = worker->connected == NULL ? (size_t)worker->number % run->database_count
                                             : (size_t)(worker->connected - run->databases);
    bool found = false;
    bool done = true;
    for (size_t i = 0; done && !found && i < run->database_count; i++) {
        struct run_database *database = &run->databases[(start + i) % run->database_count];
        if (cancel_requested(&database->cancel) || !has_ready_table(run, database))
            continue;
        attach(worker, database);
        *asked = database;
        worker->brought_last = false;
        done = claim_in(worker, database, tables, &found, error);
        /* After a table's last chunk at once, so that it is finished without delay. */
        if (done && (worker->brought_last || (!found && may_look(database))))
            done = look_again(worker, database, error);
    }
    memory_release(&tables);
    if (done && !found && !indexes_help(worker))
        scheduler_wait(run);
    return done;
}

static void plan(struct worker *worker, size_t group, struct error *error) {
    struct run *run = worker->run;
    struct run_table *first = &run->tables[group];
    int limit = first->config->settings.max_retry_attempts;
    attach(worker, first->database);
    for (int attempt = 1;; attempt++) {
        bool elsewhere = false;
        error_clear(error);
        (void)answer_watchdog(
            worker); /* it may have asked when the last step had just succeeded, or failed otherwise */
        if (planning_group(worker, group, &elsewhere, error)) {
            if (elsewhere) {
                scheduler_wait(run);
                scheduler_unplan(run, group); /* looked at again: the other process may die over it */
            }
            break;
        }
        load_disconnect(worker);
        interpret(worker, first, error);
        /* Under a limit of memory it was alone with DuckDB, and would be another time. */
        bool hopeless = strcmp(error->code, SOURCE_OUT_OF_MEMORY) == 0 && attempt > 1;
        if (error->kind == ERROR_TRANSIENT && attempt <= limit && !hopeless) {
            struct log_scope scope = run_scope(first, 0);
            log_write(run->log, LOG_WARNING, &scope, "planning attempt %d failed, trying again in about %d s: %s",
                      attempt, retry_delay_seconds(attempt), error->message);
            if (retry_wait(run, attempt))
                continue;
        } else if (error->kind == ERROR_TRANSIENT) {
            struct log_scope scope = run_scope(first, 0);
            log_failure(run->log, &scope, error);
            for (size_t i = group; i < run->table_count; i++)
                if (run->tables[i].group == group && run->tables[i].state == TABLE_PLANNING)
                    scheduler_fail(run, &run->tables[i], error);
        }
        if (!run_is_ending(run))
            scheduler_wait(run); /* the database is away, or somebody else planned: not at once again */
        scheduler_unplan(run, group);
        break;
    }
    pthread_mutex_lock(&run->mutex);
    run->planning--;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

static void finish(struct worker *worker, struct run_table *table, struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, 0);
    struct error failure;
    int64_t begun_us = clock_monotonic_us();
    int built = atomic_load(&table->builds.done);
    attach(worker, table->database);
    for (int attempt = 1;; attempt++) {
        error_clear(error);
        (void)answer_watchdog(worker);
        if (finish_table(worker, table, error)) {
            scheduler_set_state(run, table, TABLE_COMPLETED);
            return;
        }
        interpret(worker, table, error);
        if (error->kind == ERROR_TRANSIENT && attempt <= table->config->settings.max_retry_attempts) {
            load_disconnect(worker);
            log_write(run->log, LOG_WARNING, &scope, "finishing attempt %d failed, trying again in about %d s: %s",
                      attempt, retry_delay_seconds(attempt), error->message);
            if (retry_wait(run, attempt))
                continue;
        }
        break;
    }
    if (atomic_load(&table->builds.done) == built &&
        broken_off(worker, table, BROKEN_FINISH, begun_us, error, &failure)) {
        *error = failure;
    } else if (error->kind == ERROR_STOPPED || error->kind == ERROR_LOST || run_is_ending(run)) {
        log_write(run->log, LOG_INFO, &scope, "not finished yet: %s", error->message);
        scheduler_set_state(run, table,
                            TABLE_READY); /* drained, but not finished: looked at again, or by the next process */
        return;
    }
    struct error recording;
    error_clear(&recording);
    log_failure(run->log, &scope, error);
    if (error->kind != ERROR_TRANSIENT &&
        (!load_connect_for_record(worker, table->database, &recording) ||
         !ledger_fail_table(&worker->target, run->run_id, table->table_id, error->message, &recording)))
        log_failure(run->log, &scope, &recording);
    scheduler_fail(run, table, error);
}

/* Claiming itself failed: the connection, most likely. A database that stays away is noticed by the keeper; one that the
 * keeper can talk to and no worker can (it takes no writes, or no more connections) is given up after some minutes. */
static void note_failed_claim(struct worker *worker, struct run_database *database, struct claim_failures *failures,
                              struct error *error) {
    struct run *run = worker->run;
    interpret(worker, NULL, error);
    load_disconnect(worker);
    if (error->kind == ERROR_STOPPED || error->kind == ERROR_LOST) {
        (void)retry_wait(run, 1);
        return;
    }
    if (failures->count++ == 0)
        failures->since_us = clock_monotonic_us();
    log_warning(run->log, "run", "worker %d could not claim a chunk, attempt %d, trying again in about %d s: %s",
                worker->number, failures->count, retry_delay_seconds(failures->count), error->message);
    if (failures->count >= CLAIM_FAILURES_ALLOWED && atomic_load(&database->answered_us) < failures->since_us &&
        !anyone_loads(run)) {
        error_context(error, "no chunk could be claimed in %d attempts", failures->count);
        if (scheduler_give_up(run, database, error))
            log_failure(run->log, NULL, error);
        return;
    }
    (void)retry_wait(run, failures->count); /* false: stopping, as the scheduler says next */
}

static void *work(void *argument) {
    struct worker *worker = argument;
    struct run *run = worker->run;
    struct claim_failures failures = {0};
    for (;;) {
        struct error error;
        struct run_database *asked = NULL;
        struct job job = scheduler_next(run);
        error_clear(&error);
        if (job.kind == JOB_NONE)
            break;
        atomic_store(&worker->busy, job.kind != JOB_CLAIM);
        bool done = true;
        if (job.kind == JOB_PLAN)
            plan(worker, job.group, &error);
        else if (job.kind == JOB_FINISH)
            finish(worker, job.table, &error);
        else
            done = claim_and_load(worker, &asked, &error);
        atomic_store(&worker->busy, false);
        if (done)
            failures.count = 0;
        else
            note_failed_claim(worker, asked, &failures, &error);
    }
    load_disconnect(worker);
    atomic_store(&worker->finished, true);
    pthread_mutex_lock(&run->mutex);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
    return NULL;
}

bool worker_start(struct worker *worker, struct error *error) {
    if (!reader_start(&worker->reader, &worker->cancel, error))
        return false;
    worker->reader.lean = worker->run->budget.limit_mb > 0;
    attach(worker, NULL);
    int failure = pthread_create(&worker->thread, NULL, work, worker);
    if (failure != 0) {
        reader_stop(&worker->reader);
        return error_set(error, ERROR_INTERNAL, "a worker thread could not be started: %s", strerror(failure));
    }
    return true;
}

void worker_join(struct worker *worker) {
    pthread_join(worker->thread, NULL);
    reader_stop(&worker->reader);
}
