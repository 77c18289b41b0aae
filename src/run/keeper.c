#include "run/keeper.h"

#include <string.h>

#include "base/clock.h"
#include "run/deadline.h"
#include "run/stop.h"

enum {
    TICK_MS = 100,
    PROGRESS_EVERY_MS = 500,
    STOP_GRACE_MS = 10000,    /* chunks in hand may still finish after the first signal; then they are rolled back */
    ABANDON_AFTER_MS = 15000, /* and after that the process ends whatever hangs: what isn't committed is rolled back */
    HUNG_AFTER_MS = 60000,    /* the same for a worker that the watchdog broke off */
    CANCEL_MS = 3000          /* a driver that has not come back so long after a cancel won't */
};

struct keeper {
    struct run *run;
    int64_t stop_seen_us; /* 0: no stop yet */
    bool told_deadline;
    int64_t next_progress_us;
};

static void cancel_source(struct run *run, struct worker *worker) {
    pthread_mutex_lock(&run->mutex);
    if (worker->source != NULL)
        source_cancel(worker->source);
    pthread_mutex_unlock(&run->mutex);
}

/* Since when the worker waits in vain (monotonic), and for how long it may; 0 where it waits for nothing that is limited here.
 * While a chunk is in hand both ends count, else what the source is asked: its catalogue, the planning query. */
static int64_t waits_since(struct run *run, struct worker *worker, int64_t *limit_us) {
    bool answered = false;
    int64_t since_us = 0;
    if (atomic_load(&worker->loading)) {
        int64_t moved_us = atomic_load(&worker->last_progress_us);
        int64_t read_us = atomic_load(&worker->reader.last_progress_us);
        answered = atomic_load(&worker->reader.first_batch_seen) && !atomic_load(&worker->merging);
        since_us = read_us > moved_us ? read_us : moved_us;
    } else {
        pthread_mutex_lock(&run->mutex);
        if (worker->source != NULL)
            since_us = source_waits_since(worker->source, &answered);
        pthread_mutex_unlock(&run->mutex);
    }
    *limit_us = answered ? run->stall_limit_us : run->first_answer_limit_us;
    return since_us;
}

/* Has the worker not yet answered the watchdog? */
static bool is_stalled(struct run *run, const struct worker *worker) {
    pthread_mutex_lock(&run->mutex);
    bool stalled = worker->stall_us != 0;
    pthread_mutex_unlock(&run->mutex);
    return stalled;
}

static void break_off(struct run *run, struct worker *worker, int64_t limit_us) {
    log_warning(run->log, "run", "worker %d: nothing has moved for %lld s, breaking off %s", worker->number,
                (long long)(limit_us / 1000000),
                atomic_load(&worker->loading) ? "its chunk" : "what it asks the source");
    pthread_mutex_lock(&run->mutex);
    worker->stall_us = limit_us;
    pthread_mutex_unlock(&run->mutex);
    cancel_request(&worker->cancel);
    cancel_source(run, worker);
}

/* Break off workers for which nothing moves. True: one was broken off and still hangs, in a driver most likely. */
static bool watch(struct keeper *keeper, int64_t now) {
    struct run *run = keeper->run;
    bool hangs = false;
    for (int i = 0; i < run->worker_count; i++) {
        struct worker *worker = &run->workers[i];
        int64_t limit_us = 0;
        if (worker->stalled_since_us != 0 && is_stalled(run, worker)) {
            cancel_source(run, worker);
            hangs = hangs || now - worker->stalled_since_us > HUNG_AFTER_MS * 1000;
            continue;
        }
        worker->stalled_since_us = 0;
        int64_t since_us = waits_since(run, worker, &limit_us);
        if (since_us == 0 || now - since_us <= limit_us)
            continue;
        worker->stalled_since_us = now;
        break_off(run, worker, limit_us);
    }
    return hangs;
}

static void report(struct keeper *keeper) {
    struct run *run = keeper->run;
    struct run_progress progress;
    if (run->options->on_progress == NULL)
        return;
    memset(&progress, 0, sizeof progress);
    progress.elapsed_us = clock_monotonic_us() - run->started_us;
    progress.rows_at_start = run->rows_at_start;
    progress.bytes_sent = atomic_load(&run->bytes_sent);
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++) {
        const struct run_table *table = &run->tables[i];
        progress.tables_total++;
        progress.tables_completed += table->state == TABLE_COMPLETED;
        progress.tables_failed += table->state == TABLE_FAILED;
        progress.tables_planned += table->planned;
        progress.chunks_total += table->chunks_total;
        progress.chunks_completed += table->chunks_completed;
        progress.rows_expected += table->planned ? table->rows_expected : 0;
        progress.rows_loaded += table->rows_committed;
    }
    pthread_mutex_unlock(&run->mutex);
    for (int i = 0; i < run->worker_count; i++) {
        progress.rows_loaded += atomic_load(&run->workers[i].rows_in_hand);
        progress.workers_busy += atomic_load(&run->workers[i].loading) || atomic_load(&run->workers[i].busy);
    }
    run->options->on_progress(run->options->progress_context, &progress);
}

static bool workers_finished(const struct run *run) {
    for (int i = 0; i < run->worker_count; i++)
        if (!atomic_load(&run->workers[i].finished))
            return false;
    return true;
}

/* Break off what the worker asks the source; a session that is being ended can't be. True: the driver has had some seconds, and
 * hasn't come back. */
static bool break_off_source(struct run *run, struct worker *worker, int64_t now) {
    bool answered = false;
    pthread_mutex_lock(&run->mutex);
    int64_t since_us =
        worker->source == NULL ? atomic_load(&worker->closing_since_us) : source_waits_since(worker->source, &answered);
    if (worker->source != NULL)
        source_cancel(worker->source);
    pthread_mutex_unlock(&run->mutex);
    if (since_us == 0)
        worker->cancelled_us = 0;
    else if (worker->cancelled_us < since_us) /* of this call it is the first time */
        worker->cancelled_us = now;
    return since_us != 0 && now - worker->cancelled_us > CANCEL_MS * 1000;
}

/* Chunks in hand have the grace; what else is asked of the source has none, since nothing of it is worth finishing. True: every
 * worker that hasn't returned hangs in the driver. */
static bool break_off_all(struct keeper *keeper, bool grace_over, int64_t now) {
    struct run *run = keeper->run;
    int working = 0, hanging = 0;
    if (grace_over)
        cancel_request(&run->cancel);
    for (int i = 0; i < run->worker_count; i++) {
        struct worker *worker = &run->workers[i];
        if (atomic_load(&worker->finished))
            continue;
        working++;
        if (grace_over || !atomic_load(&worker->loading))
            hanging += break_off_source(run, worker, now);
    }
    return working > 0 && hanging == working;
}

/* First the workers stop claiming; after the grace everything in hand is broken off. True: give up on what still hangs. */
static bool handle_stop(struct keeper *keeper, int64_t now) {
    struct run *run = keeper->run;
    if (keeper->stop_seen_us == 0) {
        if (!stop_requested())
            return false;
        keeper->stop_seen_us = now;
        log_info(run->log, "run", "stopping: chunks in hand have %d s to finish, then they are rolled back",
                 STOP_GRACE_MS / 1000);
        atomic_store(&run->stopping, true);
    }
    bool grace_over = now - keeper->stop_seen_us > STOP_GRACE_MS * 1000;
    return break_off_all(keeper, grace_over, now) || now - keeper->stop_seen_us > ABANDON_AFTER_MS * INT64_C(1000);
}

/* Towards the deadline nothing new is begun; then, as the time of run->cancel has come, everything in hand is broken off. True as
 * above. */
static bool handle_deadline(struct keeper *keeper, int64_t now) {
    struct run *run = keeper->run;
    if (!deadline_closes(run))
        return false;
    bool over = cancel_requested(&run->cancel);
    if (!keeper->told_deadline) {
        char left[32];
        keeper->told_deadline = true;
        clock_format_duration(over ? 0 : run->cancel.at_us - now, left, sizeof left);
        log_info(run->log, "run",
                 "the deadline is near: nothing new is begun, what is in hand has %s to finish, then it is rolled back",
                 left);
    }
    if (!over)
        return false;
    atomic_store(&run->stopping, true);
    return break_off_all(keeper, true, now) || deadline_abandons(run);
}

bool keeper_run(struct run *run) {
    struct keeper keeper = {.run = run};
    while (!workers_finished(run)) {
        int64_t now = clock_monotonic_us();
        if (handle_stop(&keeper, now) || handle_deadline(&keeper, now)) {
            log_warning(run->log, "run", "a worker hangs in a call that can't be broken off; ending without it");
            return false;
        }
        if (watch(&keeper, now)) {
            log_error(run->log, "run",
                      "a worker hangs in a call that can't be broken off; ending, so that the same command "
                      "can go on with a fresh process");
            atomic_store(&run->stopping, true);
            return false;
        }
        if (now >= keeper.next_progress_us) {
            report(&keeper);
            keeper.next_progress_us = now + PROGRESS_EVERY_MS * 1000;
        }
        /* Wakes at once when a worker returns, so that short runs aren't rounded up to a tick. */
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_mutex_lock(&run->mutex);
        if (!workers_finished(run))
            pthread_cond_timedwait(&run->changed, &run->mutex, &until);
        pthread_mutex_unlock(&run->mutex);
    }
    /* Workers see a signal at once; the last of them may have ended before the next tick. */
    (void)handle_stop(&keeper, clock_monotonic_us());
    report(&keeper);
    return true;
}
