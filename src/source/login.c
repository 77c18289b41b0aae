/* Log-ins with an end. A driver may wait for an answer as long as a query may take, since it has one limit for both; and
 * a call into it can't be broken off. So a thread makes it, and who waits for too long goes on without it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "source/internal.h"

enum { LOGIN_SECONDS = 60 };

struct login {
    struct source_connection *connection;
    source_login_step log_in;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct error error;
    bool finished, good, abandoned;
};

static void release(struct login **login) {
    pthread_cond_destroy(&(*login)->changed);
    pthread_mutex_destroy(&(*login)->mutex);
    memory_release(login);
}

static void *make(void *argument) {
    struct login *login = argument;
    struct error error;
    error_clear(&error);
    bool good = login->log_in(login->connection, &error);
    pthread_mutex_lock(&login->mutex);
    login->error = error;
    login->good = good;
    login->finished = true;
    bool abandoned = login->abandoned;
    pthread_cond_broadcast(&login->changed);
    pthread_mutex_unlock(&login->mutex);
    if (abandoned) { /* nobody else knows of it any more */
        source_disconnect(&login->connection);
        release(&login);
    }
    return NULL;
}

/* Seconds, as THAW_LOGIN_SECONDS says; tests shorten it. */
static int64_t limit_seconds(void) {
    const char *text = getenv("THAW_LOGIN_SECONDS");
    long seconds = text == NULL ? 0 : strtol(text, NULL, 10);
    return seconds > 0 ? seconds : LOGIN_SECONDS;
}

/* Until it has finished, the limit has passed, or the process is to end. */
static bool wait_for(struct login *login, int64_t limit_us) {
    const struct cancel *cancel = login->connection->source->cancel;
    int64_t until_us = clock_monotonic_us() + limit_us;
    pthread_mutex_lock(&login->mutex);
    while (!login->finished && clock_monotonic_us() < until_us && !cancel_requested(cancel)) {
        struct timespec slice;
        clock_gettime(CLOCK_REALTIME, &slice);
        slice.tv_nsec += 100000000;
        if (slice.tv_nsec >= 1000000000) {
            slice.tv_nsec -= 1000000000;
            slice.tv_sec++;
        }
        pthread_cond_timedwait(&login->changed, &login->mutex, &slice);
    }
    bool finished = login->finished;
    login->abandoned = !finished;
    pthread_mutex_unlock(&login->mutex);
    return finished;
}

bool source_login_within_limit(struct source_connection *connection, source_login_step log_in, bool *abandoned,
                               struct error *error) {
    struct login *login = memory_allocate(sizeof *login);
    pthread_t thread;
    int64_t seconds = limit_seconds();
    *login = (struct login){.connection = connection, .log_in = log_in};
    *abandoned = false;
    pthread_mutex_init(&login->mutex, NULL);
    pthread_cond_init(&login->changed, NULL);
    int failure = pthread_create(&thread, NULL, make, login);
    if (failure != 0) {
        release(&login);
        return error_set(error, ERROR_INTERNAL, "a thread to log in could not be started: %s", strerror(failure));
    }
    /* Set before the thread may be left to itself: it closes the connection when it comes back. */
    atomic_fetch_add(&connection->source->logins, 1);
    const struct cancel *cancel = connection->source->cancel; /* the connection may be the thread's afterwards */
    if (!wait_for(login, seconds * 1000000)) {
        pthread_detach(thread);
        *abandoned = true;
        if (cancel_requested(cancel))
            return error_set(error, ERROR_STOPPED, "stopped on request while logging in");
        error_set(error, ERROR_TRANSIENT, "the log-in was not answered within %lld s", (long long)seconds);
        return error_hint(error, "check host, port and protocol of the source, and the proxies between here and there");
    }
    atomic_fetch_sub(&connection->source->logins, 1);
    pthread_join(thread, NULL);
    bool good = login->good;
    if (!good)
        *error = login->error;
    release(&login);
    return good;
}
