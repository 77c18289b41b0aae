/* What the tests that need a PostgreSQL share. THAW_TEST_POSTGRES is its URL: tests/unit/with_postgres sets it. Where
 * it is missing the test fails: a test that is passed over in silence proves nothing. */
#ifndef THAW_TESTS_SERVER_H
#define THAW_TESTS_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/ledger.h"
#include "target/connection.h"

/* The error that the calls of a test fill; one a thread. */
static _Thread_local struct error error;

/* Fail the test with the error's words where a call that must succeed doesn't. */
#define must(call)                                                                                                     \
    do {                                                                                                               \
        error_clear(&error);                                                                                           \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s %s [%s]", #call, error_kind_name(error.kind), error.message, error.hint);                 \
    } while (0)

/* Fail the test unless the call fails with an error of this kind; it stays in `error`. */
#define must_fail(call, wanted)                                                                                        \
    do {                                                                                                               \
        error_clear(&error);                                                                                           \
        if (call)                                                                                                      \
            fail_msg("%s: succeeded", #call);                                                                          \
        if (error.kind != (wanted))                                                                                    \
            fail_msg("%s: %s %s", #call, error_kind_name(error.kind), error.message);                                  \
    } while (0)

#define assert_contains(text, part)                                                                                    \
    do {                                                                                                               \
        if (strstr((text), (part)) == NULL)                                                                            \
            fail_msg("\"%s\" doesn't contain \"%s\"", (text), (part));                                                 \
    } while (0)

/* The server as a configuration; its strings live as long as the process. */
struct config_target server_target(void);
/* cmocka group fixtures: a new empty database of this name for the program, dropped at the end. */
int server_setup(void **state);
int server_teardown(void **state);
/* A connection to the program's database. */
void server_connect(struct target_connection *connection, const char *role, const struct cancel *cancel);
/* Run statements that must succeed. */
void server_execute(struct target_connection *connection, const char *format, ...) THAW_PRINTF(2, 3);
/* The first value of a query's answer, "(none)" where it has no row; valid until the next call from this thread. */
const char *server_value(struct target_connection *connection, const char *format, ...) THAW_PRINTF(2, 3);
/* End a backend and wait until it has ended. */
void server_terminate(struct target_connection *connection, int backend_pid);

/* cmocka fixtures of a group that has this connection to its database. */
extern struct target_connection server_admin;
int server_open_admin(void **state);
int server_close_admin(void **state);
/* The same with a ledger in it, and for each of its tests: no runs, no targets. */
int server_open_ledger(void **state);
int server_forget_runs(void **state);

/* A run with one owner, tables and a plan, as run/ makes it. */
struct server_run {
    char run_id[37];
    int run_number;
    int owner_id;
    struct target_connection presence;
};
/* Insert the run and an owner, and hold its presence. */
void server_start_run(struct target_connection *connection, struct server_run *run);
/* Another process joins: an owner of its own with presence. */
void server_join_run(struct target_connection *connection, const struct server_run *run, struct server_run *joined);
/* The owner is gone without a word. */
void server_leave_run(struct server_run *run);
/* A table src.NAME of the run that goes to dst.TARGET; its table_id. */
int64_t server_add_table(struct target_connection *connection, const struct server_run *run, const char *name,
                         const char *target);
/* Take the target, store a plan of so many chunks of ten rows each, commit; the generation. */
int64_t server_plan(struct target_connection *connection, const struct server_run *run, int64_t table_id,
                    const char *target, bool truncate, int chunks);
/* Assert that every counter equals the sum of the rows below it. */
void server_check_counters(struct target_connection *connection);

#endif
