#include "run/presence.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/deadline.h"
#include "run/retry.h"
#include "run/scheduler.h"

enum {
    TICK_MS = 100,
    CHECK_EVERY_MS = 2000,
    HEARTBEAT_EVERY_MS = 5000,
    CONTROL_STALL_US = 15000000,
    /* A pooler may have no connection left for the presence: told before the server ends the decision that waits for it. */
    POOLED_STALL_US = 10000000,
    CONTROL_GRACE_US = 2000000, /* at the end: a statement under way that is answered leaves its connection usable */
    LOSSES_ALLOWED = 8          /* attempts to get a lost presence back, about three minutes */
};

/* Published with each heartbeat, and before the first one: after it, others may terminate our backends. Never later than when this
 * process must have ended, frozen or not. */
static const int64_t silence_us = 30000000, first_silence_us = 60000000;

static const char *name_of(const struct run_database *database) {
    return database->name == NULL ? "(default)" : database->name;
}

/* Its statements are small, so that the limit of what a load may wait for is too long for them; and they must work while
 * everything else is being broken off, so that nothing but the end of the thread stops them. */
static bool connect(struct run *run, struct run_database *database, struct target_connection *connection,
                    const char *role, struct error *error) {
    target_disconnect(connection); /* what a rollback has closed still has its name */
    if (!target_connect(connection, &run->config->target, database->name, role, &database->end, error))
        return false;
    connection->stall_limit_us = run->stall_limit_us < CONTROL_STALL_US ? run->stall_limit_us : CONTROL_STALL_US;
    connection->cancel_grace_us =
        run->deadline_us != 0 && run->grace_us < CONTROL_GRACE_US ? run->grace_us : CONTROL_GRACE_US;
    return true;
}

bool presence_connect(struct run *run, struct run_database *database, struct error *error) {
    if (!connect(run, database, &database->control, "control", error))
        return false;
    ledger_mark_transactions(&database->control, atomic_load(&database->owner_id));
    return true;
}

bool presence_prepare(struct run *run, struct run_database *database, struct error *error) {
    struct target_connection *presence = &database->presence;
    if (target_usable(presence))
        return true;
    if (!connect(run, database, presence, "presence", error))
        return false;
    if (presence->pooled && presence->stall_limit_us > POOLED_STALL_US)
        presence->stall_limit_us = POOLED_STALL_US;
    return true;
}

bool presence_register(struct run *run, struct run_database *database, bool in_transaction, struct error *error) {
    char host[256] = "";
    int owner_id = 0;
    bool unknown = false;
    gethostname(host, sizeof host - 1);
    if (!presence_prepare(run, database, error))
        return false;
    ledger_mark_transactions(&database->control, 0);
    if (!in_transaction && !target_begin(&database->control, true, error))
        return false;
    if (!ledger_insert_owner(&database->control, run->run_id, host, (int)getpid(),
                             deadline_left_us(run, first_silence_us),
                             run->deadline_us == 0 ? -1 : deadline_left_us(run, INT64_MAX), &owner_id, error) ||
        !ledger_hold_presence(&database->presence, database->run_number, owner_id, error))
        return false;
    if (!in_transaction && !target_commit(&database->control, &unknown, error))
        return false;
    atomic_store(&database->owner_id, owner_id);
    ledger_mark_transactions(&database->control, owner_id);
    return true;
}

/* Presence is gone: whoever looks sees us as dead, so nothing more is loaded there until there is a new one. */
static void lose(struct run *run, struct run_database *database, const struct error *error) {
    log_warning(run->log, "run", "lost the presence in database %s (%s); loading there stops until it is back",
                name_of(database), error->message);
    cancel_request(&database->cancel);
    target_disconnect(&database->presence);
    database->losses = 0;
    database->regain_at_us = clock_monotonic_us();
}

/* One attempt; the next comes later. */
static void regain(struct run *run, struct run_database *database) {
    struct error error;
    error_clear(&error);
    target_disconnect(&database->control);
    target_disconnect(&database->presence);
    if (presence_connect(run, database, &error) && presence_register(run, database, false, &error)) {
        database->losses = 0;
        cancel_reset(&database->cancel);
        log_info(run->log, "run", "the presence in database %s is back, loading goes on", name_of(database));
        return;
    }
    if (cancel_requested(&database->end))
        return;
    database->losses++;
    database->regain_at_us =
        clock_monotonic_us() + (int64_t)retry_delay_seconds(database->losses) * 10000 * run->retry_scale_percent;
    log_warning(run->log, "run", "the presence in database %s could not be made anew: %s", name_of(database),
                error.message);
    if (database->losses >= LOSSES_ALLOWED || error.kind == ERROR_AUTH || error.kind == ERROR_CONFIG) {
        database->regain_at_us = INT64_MAX;
        if (scheduler_give_up(run, database, &error))
            log_failure(run->log, NULL, &error);
    }
}

static void check(struct run *run, struct run_database *database) {
    struct error error;
    error_clear(&error);
    if (cancel_requested(&run->cancel)) /* it has been asked to end: that is no presence lost */
        return;
    if (!cancel_requested(&database->cancel) && !ledger_check_presence(&database->presence, &error) &&
        !cancel_requested(&database->end))
        lose(run, database, &error);
    if (cancel_requested(&database->cancel) && clock_monotonic_us() >= database->regain_at_us)
        regain(run, database);
}

bool presence_evict(struct run *run, struct target_connection *connection, struct error *error) {
    int evicted = 0;
    if (!ledger_evict_overdue(connection, &evicted, error))
        return false;
    if (evicted > 0)
        log_warning(run->log, "run", "ended the connections of %d owner(s) whose deadline had passed", evicted);
    return true;
}

static void publish_heartbeat(struct run *run, struct run_database *database) {
    struct error error;
    error_clear(&error);
    if (cancel_requested(&database->cancel))
        return;
    if (ledger_heartbeat(&database->control, atomic_load(&database->owner_id), deadline_left_us(run, silence_us),
                         &error) &&
        presence_evict(run, &database->control, &error))
        return;
    if (cancel_requested(&database->end))
        return;
    log_warning(run->log, "run", "the heartbeat in database %s failed (%s); connecting again", name_of(database),
                error.message);
    target_disconnect(&database->control);
    if (!presence_connect(run, database, &error))
        log_warning(run->log, "run", "no control connection to database %s: %s", name_of(database), error.message);
}

/* A tick, or less where the thread is to end. */
static void wait_for_tick(struct run *run, const struct run_database *database) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&run->mutex);
    if (!cancel_requested(&database->end))
        pthread_cond_timedwait(&run->changed, &run->mutex, &until);
    pthread_mutex_unlock(&run->mutex);
}

static void *keep(void *argument) {
    struct run_database *database = argument;
    struct run *run = database->run;
    int64_t next_check_us = 0, next_heartbeat_us = 0;
    while (!cancel_requested(&database->end)) {
        int64_t now = clock_monotonic_us();
        if (now >= next_check_us) {
            check(run, database);
            next_check_us = now + CHECK_EVERY_MS * 1000;
        }
        if (now >= next_heartbeat_us) {
            publish_heartbeat(run, database);
            next_heartbeat_us = now + HEARTBEAT_EVERY_MS * 1000;
        }
        wait_for_tick(run, database);
    }
    return NULL;
}

bool presence_keep(struct run *run, struct error *error) {
    for (size_t i = 0; i < run->database_count; i++) {
        struct run_database *database = &run->databases[i];
        if (database->settled)
            continue;
        int failure = pthread_create(&database->keeper, NULL, keep, database);
        if (failure != 0)
            return error_set(error, ERROR_INTERNAL, "a thread for the presence in database %s could not be started: %s",
                             name_of(database), strerror(failure));
        database->kept = true;
    }
    return true;
}

void presence_leave_alone(struct run *run, struct run_database *database) {
    if (!database->kept)
        return;
    pthread_mutex_lock(&run->mutex);
    cancel_request(&database->end);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
    pthread_join(database->keeper, NULL);
    database->kept = false;
    cancel_reset(&database->end);
    target_rollback(&database->control); /* closes it where a statement is still under way */
}
