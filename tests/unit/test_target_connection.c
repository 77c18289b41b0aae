/* Connections, statements and transactions, against a real server. */
#include "server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

static struct target_connection admin;

static int open_admin(void **state) {
    server_setup(state);
    server_connect(&admin, "admin", NULL);
    return 0;
}

static int close_admin(void **state) {
    target_disconnect(&admin);
    return server_teardown(state);
}

static void the_session_says_who_it_is(void **state) {
    (void)state;
    struct target_connection connection;
    server_connect(&connection, "worker 3", NULL);
    assert_string_equal(server_value(&connection, "SHOW application_name"), "thaw worker 3");
    assert_string_equal(server_value(&connection, "SHOW client_encoding"), "UTF8");
    assert_string_equal(server_value(&connection, "SHOW tcp_keepalives_idle"), "10");
    assert_string_equal(server_value(&connection, "SHOW tcp_user_timeout"), "30000");
    assert_string_equal(server_value(&connection, "SHOW client_connection_check_interval"), "2s");
    assert_string_equal(server_value(&connection, "SELECT current_database()"), connection.database);
    assert_int_equal(strtol(server_value(&connection, "SELECT pg_backend_pid()"), NULL, 10), connection.backend_pid);
    target_disconnect(&connection);
    assert_null(connection.pg);
    assert_null(connection.database);
}

static void what_a_role_has_set_for_people_holds_for_no_session_of_ours(void **state) {
    (void)state;
    struct config_target target = server_target();
    struct target_connection connection;
    server_execute(&admin, "DROP ROLE IF EXISTS limited_role; CREATE ROLE limited_role LOGIN; "
                           "ALTER ROLE limited_role SET statement_timeout = '20s'; "
                           "ALTER ROLE limited_role SET idle_session_timeout = '20s'; "
                           "ALTER ROLE limited_role SET search_path = elsewhere, pg_catalog");
    target.user = (char[]){"limited_role"};
    must(target_connect(&connection, &target, admin.database, "test", NULL, &error));
    assert_string_equal(server_value(&connection, "SHOW statement_timeout"), "0");
    assert_string_equal(server_value(&connection, "SHOW idle_session_timeout"), "0");
    assert_string_equal(server_value(&connection, "SHOW search_path"), "pg_catalog");
    target_disconnect(&connection);
    server_execute(&admin, "DROP ROLE limited_role");
}

static void connect_fails(const char *url, const char *database, enum error_kind kind) {
    struct config_target target = {.url = (char *)url};
    struct target_connection connection;
    must_fail(target_connect(&connection, &target, database, "test", NULL, &error), kind);
    assert_null(connection.pg);
}

static void failed_connections_have_their_kind_and_no_secret(void **state) {
    (void)state;
    const char *server = server_target().url;
    connect_fails(server, "no such database", ERROR_CONFIG);
    assert_string_equal(error.code, "3D000");
    assert_contains(error.message, "no such database");
    assert_null(strstr(error.message, "LOCATION"));

    struct config_target target = server_target();
    struct target_connection connection;
    target.user = (char[]){"nobody_at_all"};
    must_fail(target_connect(&connection, &target, NULL, "test", NULL, &error), ERROR_AUTH);
    assert_string_equal(error.code, "28000");

    connect_fails("postgresql://u:s3cret@127.0.0.1:1/db", NULL, ERROR_TRANSIENT);
    assert_contains(error.message, "127.0.0.1");
    assert_null(strstr(error.message, "s3cret"));
    connect_fails("postgresql://u:s3cret@[127.0.0.1/db", NULL, ERROR_CONFIG);
    assert_null(strstr(error.message, "s3cret"));
    connect_fails("postgresql://u:s3cret@127.0.0.1:1/db?sslmode=sometimes", NULL, ERROR_CONFIG);
    assert_contains(error.message, "sslmode");
}

static void explicit_parts_beat_the_url(void **state) {
    (void)state;
    struct config_target target = server_target();
    struct target_connection connection;
    server_execute(&admin, "DROP ROLE IF EXISTS explicit_role; CREATE ROLE explicit_role LOGIN");
    target.user = (char[]){"explicit_role"};
    must(target_connect(&connection, &target, admin.database, "test", NULL, &error));
    assert_string_equal(server_value(&connection, "SELECT current_user"), "explicit_role");
    target_disconnect(&connection);
    server_execute(&admin, "DROP ROLE explicit_role");
}

/* A server that takes connections and never says a word. */
static void silence_ends_at_the_time_limit(void **state) {
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    char url[128];
    snprintf(url, sizeof url, "postgresql://u@127.0.0.1:%d/db?connect_timeout=1&sslmode=disable",
             ntohs(address.sin_port));
    int64_t start_us = clock_monotonic_us();
    connect_fails(url, NULL, ERROR_TRANSIENT);
    int64_t took_us = clock_monotonic_us() - start_us;
    assert_true(took_us >= 1000000 && took_us < 5000000);
    assert_contains(error.message, "no answer within 1 s");

    struct config_target target = {.url = url};
    struct cancel cancel = {.requested = true};
    struct target_connection connection;
    must_fail(target_connect(&connection, &target, NULL, "test", &cancel, &error), ERROR_STOPPED);
    close(listener);
}

static void parameters_are_values(void **state) {
    (void)state;
    const char *parameters[] = {"x'; DROP TABLE y; --", NULL};
    PGresult *result = NULL;
    must(target_query(&admin, "SELECT $1::text, $2::text IS NULL", 2, parameters, &result, &error));
    assert_string_equal(PQgetvalue(result, 0, 0), parameters[0]);
    assert_string_equal(PQgetvalue(result, 0, 1), "t");
    PQclear(result);
}

static void the_first_of_several_errors_is_told_with_all_that_the_server_said(void **state) {
    (void)state;
    server_execute(&admin, "CREATE TABLE told (id int CONSTRAINT positive CHECK (id > 0))");
    must_fail(target_execute(&admin, "INSERT INTO told VALUES (1); INSERT INTO told VALUES (-7); SELECT 1/0", &error),
              ERROR_DATA);
    assert_string_equal(error.code, "23514");
    assert_contains(error.message, "ERROR 23514");
    assert_contains(error.message, "violates check constraint");
    assert_contains(error.message, "detail: Failing row contains (-7)");
    assert_contains(error.message, "table told");
    assert_contains(error.message, "constraint positive");
    assert_null(strchr(error.message, '\n'));
    /* What stood before it in the same call was undone with it, and the connection goes on. */
    assert_string_equal(server_value(&admin, "SELECT count(*) FROM told"), "0");
    must_fail(target_execute(&admin, "DO $$ BEGIN RAISE EXCEPTION 'first\nsecond' USING HINT = 'ask the owner'; END $$",
                             &error),
              ERROR_DATA);
    assert_contains(error.message, "first second");
    assert_contains(error.message, "context: PL/pgSQL function");
    assert_string_equal(error.hint, "ask the owner");
    must_fail(target_execute(&admin, "COPY told TO STDOUT", &error), ERROR_INTERNAL);
    target_rollback(&admin);
    assert_false(target_usable(&admin));
    must_fail(target_execute(&admin, "SELECT 1", &error), ERROR_TRANSIENT);
    target_disconnect(&admin);
    server_connect(&admin, "admin", NULL);
}

static void begin_pins_the_session(void **state) {
    (void)state;
    struct target_connection connection;
    server_connect(&connection, "test", NULL);
    server_execute(&connection,
                   "SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'Asia/Tokyo';"
                   " SET statement_timeout = '1s'; SET search_path = public");
    must(target_begin(&connection, false, &error));
    assert_string_equal(server_value(&connection, "SHOW DateStyle"), "ISO, YMD");
    assert_string_equal(server_value(&connection, "SHOW IntervalStyle"), "postgres");
    assert_string_equal(server_value(&connection, "SHOW TimeZone"), "UTC");
    assert_string_equal(server_value(&connection, "SHOW search_path"), "pg_catalog");
    assert_string_equal(server_value(&connection, "SHOW extra_float_digits"), "1");
    assert_string_equal(server_value(&connection, "SHOW statement_timeout"), "0");
    assert_string_equal(server_value(&connection, "SHOW lock_timeout"), "1min");
    assert_string_equal(server_value(&connection, "SHOW synchronous_commit"), "off");
    assert_string_equal(server_value(&connection, "SHOW transaction_isolation"), "read committed");
    target_rollback(&connection);
    assert_true(target_usable(&connection));
    assert_string_equal(server_value(&connection, "SHOW TimeZone"), "Asia/Tokyo");
    must(target_begin(&connection, true, &error));
    assert_string_equal(server_value(&connection, "SHOW synchronous_commit"), "on");
    target_disconnect(&connection);
}

static void *request_soon(void *cancel) {
    clock_sleep_ms(300);
    cancel_request(cancel);
    return NULL;
}

static void a_requested_stop_breaks_a_wait(void **state) {
    (void)state;
    struct cancel process = {0}, worker = {.parent = &process};
    struct target_connection connection;
    server_connect(&connection, "test", &worker);
    must(target_begin(&connection, false, &error));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, request_soon, &process), 0);
    int64_t start_us = clock_monotonic_us();
    must_fail(target_execute(&connection, "SELECT pg_sleep(60)", &error), ERROR_STOPPED);
    assert_true(clock_monotonic_us() - start_us < 2000000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    target_rollback(&connection);
    assert_false(target_usable(&connection));
    /* The server notices by itself that nobody waits any more. */
    for (int i = 0; i < 100; i++) {
        if (strcmp(server_value(&admin, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(60)%%'"
                                        " AND state = 'active' AND pid <> pg_backend_pid()"),
                   "0") == 0)
            break;
        clock_sleep_ms(100);
    }
    assert_string_equal(server_value(&admin, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(60)%%'"
                                             " AND state = 'active' AND pid <> pg_backend_pid()"),
                        "0");
    target_disconnect(&connection);
}

static void a_stall_ends_at_its_limit(void **state) {
    (void)state;
    struct target_connection connection;
    server_connect(&connection, "test", NULL);
    connection.stall_limit_us = 300000;
    int64_t start_us = clock_monotonic_us();
    must_fail(target_execute(&connection, "SELECT pg_sleep(60)", &error), ERROR_TRANSIENT);
    assert_true(clock_monotonic_us() - start_us < 3000000);
    assert_contains(error.message, "neither took nor sent");
    target_rollback(&connection);
    target_disconnect(&connection);
}

static void a_lost_connection_is_transient_and_says_why(void **state) {
    (void)state;
    struct target_connection connection;
    server_connect(&connection, "test", NULL);
    server_terminate(&admin, connection.backend_pid);
    must_fail(target_execute(&connection, "SELECT 1", &error), ERROR_TRANSIENT);
    assert_string_equal(error.code, "57P01");
    must_fail(target_execute(&connection, "SELECT 1", &error), ERROR_TRANSIENT);
    assert_false(target_usable(&connection));
    target_rollback(&connection);
    target_disconnect(&connection);
}

static void commit_knows_what_it_knows(void **state) {
    (void)state;
    struct target_connection connection;
    bool unknown = true;
    server_execute(&admin, "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent"
                           " DEFERRABLE INITIALLY DEFERRED)");
    server_connect(&connection, "test", NULL);
    must(target_begin(&connection, true, &error));
    server_execute(&connection, "INSERT INTO public.parent VALUES (1)");
    must(target_commit(&connection, &unknown, &error));
    assert_false(unknown);

    /* Refused at COMMIT: an answer, and no row to name. */
    must(target_begin(&connection, true, &error));
    server_execute(&connection, "INSERT INTO public.child VALUES (2)");
    unknown = true;
    must_fail(target_commit(&connection, &unknown, &error), ERROR_DATA);
    assert_false(unknown);
    assert_string_equal(error.code, "23503");
    assert_contains(error.hint, "only at COMMIT");

    /* A transaction that had failed is rolled back by COMMIT, without an error from the server. */
    must(target_begin(&connection, true, &error));
    must_fail(target_execute(&connection, "SELECT 1/0", &error), ERROR_DATA);
    must_fail(target_commit(&connection, &unknown, &error), ERROR_INTERNAL);
    assert_false(unknown);
    assert_contains(error.message, "ROLLBACK");

    /* The backend dies before the answer: nobody can know. */
    must(target_begin(&connection, true, &error));
    server_execute(&connection, "INSERT INTO public.parent VALUES (3)");
    server_terminate(&admin, connection.backend_pid);
    must_fail(target_commit(&connection, &unknown, &error), ERROR_TRANSIENT);
    assert_true(unknown);
    target_disconnect(&connection);
}

static void commit_outlasts_a_requested_stop(void **state) {
    (void)state;
    struct cancel cancel = {0};
    struct target_connection connection;
    bool unknown = false;
    server_execute(&admin, "CREATE TABLE slow (id int); CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
                           " 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END';"
                           " CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
                           " FOR EACH ROW EXECUTE FUNCTION wait()");
    server_connect(&connection, "test", &cancel);
    must(target_begin(&connection, true, &error));
    server_execute(&connection, "INSERT INTO public.slow VALUES (1)");
    cancel_request(&cancel);
    must(target_commit(&connection, &unknown, &error));
    target_disconnect(&connection);
    assert_string_equal(server_value(&admin, "SELECT count(*) FROM slow"), "1");
}

static void rollback_works_after_a_requested_stop(void **state) {
    (void)state;
    struct cancel cancel = {0};
    struct target_connection connection;
    server_connect(&connection, "test", &cancel);
    must(target_begin(&connection, true, &error));
    cancel_request(&cancel);
    target_rollback(&connection);
    assert_true(target_usable(&connection));
    assert_int_equal(PQtransactionStatus(connection.pg), PQTRANS_IDLE);
    target_disconnect(&connection);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_session_says_who_it_is),
        cmocka_unit_test(what_a_role_has_set_for_people_holds_for_no_session_of_ours),
        cmocka_unit_test(failed_connections_have_their_kind_and_no_secret),
        cmocka_unit_test(explicit_parts_beat_the_url),
        cmocka_unit_test(silence_ends_at_the_time_limit),
        cmocka_unit_test(parameters_are_values),
        cmocka_unit_test(the_first_of_several_errors_is_told_with_all_that_the_server_said),
        cmocka_unit_test(begin_pins_the_session),
        cmocka_unit_test(a_requested_stop_breaks_a_wait),
        cmocka_unit_test(a_stall_ends_at_its_limit),
        cmocka_unit_test(a_lost_connection_is_transient_and_says_why),
        cmocka_unit_test(commit_knows_what_it_knows),
        cmocka_unit_test(commit_outlasts_a_requested_stop),
        cmocka_unit_test(rollback_works_after_a_requested_stop),
    };
    return cmocka_run_group_tests(tests, open_admin, close_admin);
}
