#include "run/keeper.h"

#include <string.h>

#include "base/clock.h"
#include "run/stop.h"

enum {
    TICK_MS = 100,
    PROGRESS_EVERY_MS = 500,
    STOP_GRACE_MS = 10000,    /* chunks in hand may still finish after the first signal; then they are rolled back */
    ABANDON_AFTER_MS = 45000, /* and after that the process ends whatever a driver does */
    HUNG_AFTER_MS = 60000     /* the same for a worker that the watchdog broke off */
};

struct keeper {
    struct run *run;
    int64_t stop_seen_us; /* 0: no stop yet */
    int64_t next_progress_us;
    bool quiet_stop; /* the grace is over */
};

static void cancel_source(struct run *run, struct worker *worker) {
    pthread_mutex_lock(&run->mutex);
    if (worker->source != NULL)
        source_cancel(worker->source);
    pthread_mutex_unlock(&run->mutex);
}

/* Break off workers in whose chunk nothing moves. True: one was broken off and still hangs, in a driver most likely. */
static bool watch(struct keeper *keeper, int64_t now) {
    struct run *run = keeper->run;
    bool hangs = false;
    for (int i = 0; i < run->worker_count; i++) {
        struct worker *worker = &run->workers[i];
        if (!atomic_load(&worker->loading)) {
            worker->stalled_since_us = 0;
            continue;
        }
        if (worker->stalled_since_us != 0) {
            cancel_source(run, worker);
            hangs = hangs || now - worker->stalled_since_us > HUNG_AFTER_MS * 1000;
            continue;
        }
        int64_t moved = atomic_load(&worker->last_progress_us);
        int64_t read = atomic_load(&worker->reader.last_progress_us);
        int64_t limit =
            atomic_load(&worker->reader.first_batch_seen) ? run->stall_limit_us : run->first_answer_limit_us;
        if (now - (read > moved ? read : moved) <= limit)
            continue;
        log_warning(run->log, "run", "worker %d: nothing has moved for %lld s, breaking its chunk off", worker->number,
                    (long long)(limit / 1000000));
        pthread_mutex_lock(&run->mutex);
        worker->stalled = true;
        pthread_mutex_unlock(&run->mutex);
        worker->stalled_since_us = now;
        cancel_request(&worker->cancel);
        cancel_source(run, worker);
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
    int64_t waited_ms = (now - keeper->stop_seen_us) / 1000;
    if (waited_ms > STOP_GRACE_MS) {
        if (!keeper->quiet_stop)
            cancel_request(&run->cancel);
        keeper->quiet_stop = true;
        for (int i = 0; i < run->worker_count; i++)
            if (!atomic_load(&run->workers[i].finished))
                cancel_source(run, &run->workers[i]);
    }
    return waited_ms > ABANDON_AFTER_MS;
}

bool keeper_run(struct run *run) {
    struct keeper keeper = {.run = run};
    while (!workers_finished(run)) {
        int64_t now = clock_monotonic_us();
        if (handle_stop(&keeper, now)) {
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
