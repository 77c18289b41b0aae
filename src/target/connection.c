#include "target/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
    WAIT_SLICE_MS = 100,
    CONNECT_TIMEOUT_SECONDS = 30,
    OLDEST_SERVER = 140000, /* PQserverVersion(); pg_terminate_backend(pid, timeout) came with 14 */
};

/* Ends that are gone are noticed within half a minute while nothing is under way. tcp_user_timeout counts a window that
 * stays shut too, and a server that builds a large index entry doesn't read for a while, so ours is longer than the
 * server's: https://blog.cloudflare.com/when-tcp-sockets-refuse-to-die/. None of them acts on a Unix socket. */
static const char *const defaults[][2] = {
    {"keepalives", "1"},       {"keepalives_idle", "10"},      {"keepalives_interval", "5"},
    {"keepalives_count", "4"}, {"tcp_user_timeout", "120000"},
};

/* The server's end of the same, and a query of ours that nobody waits for any more ends by itself. Each is tried: a
 * server that doesn't know one works without. Messages in English, where the role may say so. One row where the backend is
 * the one that the log-in named, none where a pooler lends us one: its next borrower is somebody else. */
static const char *const session_sql = "SELECT pg_catalog.set_config('tcp_keepalives_idle', '10', false),"
                                       " pg_catalog.set_config('tcp_keepalives_interval', '5', false),"
                                       " pg_catalog.set_config('tcp_keepalives_count', '4', false),"
                                       " pg_catalog.set_config('tcp_user_timeout', '30000', false),"
                                       " pg_catalog.set_config('client_connection_check_interval', '2s', false)"
                                       " WHERE pg_catalog.pg_backend_pid() = $1::integer";
static const char *const messages_sql = "SELECT pg_catalog.set_config('lc_messages', 'C', false)"
                                        " WHERE pg_catalog.has_parameter_privilege('lc_messages', 'SET')";

/* For what is asked outside of transactions, which pin their own (target_begin()): what the administrator set for people must
 * neither end it nor the waiting for a slow source, and names mean what they mean in pg_catalog. Only where the session is ours. */
static const char *const limits_sql =
    "SET statement_timeout = 0; SET idle_session_timeout = 0; SET search_path = pg_catalog";

/* Keywords and values for PQconnectStartParams(); a later one beats an earlier one. The strings are borrowed. */
struct parameters {
    const char **keywords;
    const char **values;
    size_t count;
};

static void put(struct parameters *parameters, const char *keyword, const char *value) {
    if (value == NULL)
        return;
    parameters->keywords[parameters->count] = keyword;
    parameters->values[parameters->count++] = value;
}

static void put_all(struct parameters *parameters, const struct config_target *target, const PQconninfoOption *url,
                    const char *database, const char *port, const char *application_name) {
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        put(parameters, defaults[i][0], defaults[i][1]);
    for (const PQconninfoOption *option = url; option != NULL && option->keyword != NULL; option++)
        put(parameters, option->keyword, option->val);
    put(parameters, "host", target->host);
    put(parameters, "port", port);
    put(parameters, "user", target->user);
    put(parameters, "password", target->password);
    put(parameters, "sslmode", target->sslmode);
    put(parameters, "sslrootcert", target->sslrootcert);
    put(parameters, "dbname", database);
    put(parameters, "application_name", application_name);
    put(parameters, "client_encoding", "UTF8");
}

static int64_t connect_limit_us(const struct parameters *parameters) {
    const char *text = getenv("PGCONNECT_TIMEOUT");
    for (size_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->keywords[i], "connect_timeout") == 0)
            text = parameters->values[i];
    long seconds = text == NULL ? 0 : strtol(text, NULL, 10);
    return (seconds > 0 ? seconds : CONNECT_TIMEOUT_SECONDS) * INT64_C(1000000);
}

/* The warnings of a server belong to no one here; libpq would print them. */
static void drop_notice(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

static bool start(struct target_connection *connection, const struct config_target *target, const char *database,
                  const char *role, int64_t *limit_us, struct error *error) {
    PQconninfoOption *url = NULL;
    size_t url_count = 0;
    if (target->url != NULL) {
        /* libpq's reason would quote the URL, with the password in it. */
        url = PQconninfoParse(target->url, NULL);
        if (url == NULL) {
            error_set(error, ERROR_CONFIG, "postgres.url is not a connection URL that libpq understands");
            return error_hint(error,
                              "its form is postgresql://user@host:5432/database?sslmode=require; characters like "
                              "@ : / in a password are written as %%40 %%3A %%2F");
        }
        while (url[url_count].keyword != NULL)
            url_count++;
    }
    size_t room = url_count + sizeof defaults / sizeof defaults[0] + 16;
    struct parameters parameters = {memory_array(room, sizeof(char *)), memory_array(room, sizeof(char *)), 0};
    char port[16], application_name[64];
    snprintf(port, sizeof port, "%d", target->port);
    snprintf(application_name, sizeof application_name, "thaw %s", role);
    put_all(&parameters, target, url, database, target->port > 0 ? port : NULL, application_name);
    *limit_us = connect_limit_us(&parameters);
    /* Names are looked up by the system's resolver in here, which has limits of its own. */
    connection->pg = PQconnectStartParams(parameters.keywords, parameters.values, 0);
    memory_release(&parameters.keywords);
    memory_release(&parameters.values);
    PQconninfoFree(url);
    if (connection->pg == NULL)
        return error_set(error, ERROR_INTERNAL, "libpq has no memory left for a connection");
    PQsetNoticeReceiver(connection->pg, drop_notice, NULL);
    PQsetErrorVerbosity(connection->pg, PQERRORS_VERBOSE);
    return true;
}

/* One step of a wait: true where the socket is ready, or where it isn't yet (*ready false). */
static bool wait_slice(struct target_connection *connection, short events, bool *ready, struct error *error) {
    struct pollfd descriptor = {.fd = PQsocket(connection->pg), .events = events};
    if (descriptor.fd < 0)
        return error_set(error, ERROR_TRANSIENT, "the connection to PostgreSQL is closed");
    int count = poll(&descriptor, 1, WAIT_SLICE_MS);
    if (count < 0 && errno != EINTR)
        return error_set(error, ERROR_INTERNAL, "poll: %s", strerror(errno));
    *ready = count > 0;
    if (*ready)
        atomic_store(&connection->last_activity_us, clock_monotonic_us());
    return true;
}

static bool finish(struct target_connection *connection, int64_t limit_us, struct error *error) {
    int64_t deadline_us = clock_monotonic_us() + limit_us;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    if (PQstatus(connection->pg) == CONNECTION_BAD)
        return target_connect_failure(connection->pg, error);
    for (;;) {
        bool ready = false;
        if (cancel_requested(connection->cancel))
            return error_set(error, ERROR_STOPPED, "stopped on request while connecting to PostgreSQL");
        if (!wait_slice(connection, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, &ready, error))
            return false;
        if (ready)
            state = PQconnectPoll(connection->pg);
        if (state == PGRES_POLLING_FAILED)
            return target_connect_failure(connection->pg, error);
        if (state == PGRES_POLLING_OK)
            return true;
        if (clock_monotonic_us() >= deadline_us) {
            error_set(error, ERROR_TRANSIENT, "can't connect to PostgreSQL at %s port %s: no answer within %d s",
                      PQhost(connection->pg), PQport(connection->pg), (int)(limit_us / 1000000));
            return error_hint(error, "check postgres.host, postgres.port and the firewalls between here and there");
        }
    }
}

/* What the server refuses of it isn't needed; a connection that breaks over it is an error. */
static bool is_lost(struct target_connection *connection, struct error *error) {
    if (!target_usable(connection) || PQtransactionStatus(connection->pg) != PQTRANS_IDLE)
        return true;
    error_clear(error);
    return false;
}

static bool set_up_session(struct target_connection *connection, struct error *error) {
    char pid[16];
    const char *parameters[] = {pid};
    PGresult *result = NULL;
    snprintf(pid, sizeof pid, "%d", connection->backend_pid);
    if (!target_query(connection, session_sql, 1, parameters, &result, error))
        return !is_lost(connection, error);
    connection->pooled = PQntuples(result) == 0;
    PQclear(result);
    if (connection->pooled)
        return true;
    if (!target_execute(connection, limits_sql, error))
        return false;
    if (PQserverVersion(connection->pg) < 150000)
        return true;
    return target_execute(connection, messages_sql, error) || !is_lost(connection, error);
}

static bool pin_session(struct target_connection *connection, struct error *error) {
    PQsetErrorVerbosity(connection->pg, PQERRORS_DEFAULT);
    if (PQsetnonblocking(connection->pg, 1) != 0)
        return error_set(error, ERROR_INTERNAL, "libpq: %s", PQerrorMessage(connection->pg));
    int version = PQserverVersion(connection->pg);
    if (version < OLDEST_SERVER)
        return error_set(error, ERROR_CONFIG, "the server is PostgreSQL %d, and 14 is the oldest that works",
                         version / 10000);
    connection->backend_pid = PQbackendPID(connection->pg);
    connection->database = memory_copy_string(PQdb(connection->pg));
    return set_up_session(connection, error);
}

bool target_connect(struct target_connection *connection, const struct config_target *target, const char *database,
                    const char *role, const struct cancel *cancel, struct error *error) {
    memset(connection, 0, sizeof *connection);
    connection->cancel = cancel;
    int64_t limit_us = 0;
    bool connected = start(connection, target, database, role, &limit_us, error) && finish(connection, limit_us, error);
    connection->stall_limit_us = limit_us; /* a log-in isn't over before the session is pinned */
    if (connected && pin_session(connection, error)) {
        connection->stall_limit_us = 0;
        return true;
    }
    target_disconnect(connection);
    return false;
}

void target_disconnect(struct target_connection *connection) {
    if (connection->pg != NULL)
        PQfinish(connection->pg);
    memory_release(&connection->database);
    memset(connection, 0, sizeof *connection);
}

bool target_usable(const struct target_connection *connection) {
    return connection->pg != NULL && PQstatus(connection->pg) == CONNECTION_OK;
}

bool target_wait(struct target_connection *connection, bool for_write, struct error *error) {
    int64_t start_us = clock_monotonic_us();
    for (bool ready = false;;) {
        int64_t waited_us = clock_monotonic_us() - start_us;
        if (cancel_requested(connection->cancel) && waited_us >= connection->cancel_grace_us)
            return error_set(error, ERROR_STOPPED, "stopped on request while waiting for PostgreSQL");
        if (!wait_slice(connection, (short)(POLLIN | (for_write ? POLLOUT : 0)), &ready, error))
            return false;
        if (ready)
            return true;
        if (connection->stall_limit_us > 0 && waited_us >= connection->stall_limit_us) {
            error_set(error, ERROR_TRANSIENT, "PostgreSQL neither took nor sent a byte for %d s",
                      (int)(waited_us / 1000000));
            if (connection->pooled) /* no process id of the server's is known */
                return error_hint(error, TARGET_POOL_HINT);
            return error_hint(error, "see pg_stat_activity for what backend %d waits for", connection->backend_pid);
        }
    }
}
