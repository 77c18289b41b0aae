/* COPY in segments, against a real server. The segments are made here byte by byte, not by the encoder. */
#include "server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "target/copy.h"

static struct target_connection admin, worker;

static int open_both(void **state) {
    server_setup(state);
    server_connect(&admin, "admin", NULL);
    server_connect(&worker, "worker", NULL);
    return 0;
}

static int close_both(void **state) {
    target_disconnect(&worker);
    target_disconnect(&admin);
    return server_teardown(state);
}

static void append(struct encode_segment *segment, const void *bytes, size_t length) {
    if (segment->length + length > segment->capacity) {
        segment->capacity = 2 * (segment->length + length);
        segment->bytes = memory_resize(segment->bytes, segment->capacity, 1);
    }
    memcpy(segment->bytes + segment->length, bytes, length);
    segment->length += length;
}

static void append16(struct encode_segment *segment, int value) {
    uint16_t bytes = htons((uint16_t)value);
    append(segment, &bytes, sizeof bytes);
}

static void append32(struct encode_segment *segment, int value) {
    uint32_t bytes = htonl((uint32_t)value);
    append(segment, &bytes, sizeof bytes);
}

/* PostgreSQL's documentation of COPY, "Binary Format": signature, flags, header extension; a row is its number of
 * fields, each with its length; the trailer is -1. */
static struct encode_segment segment_of(const int *ids, int count, const char *text) {
    struct encode_segment segment = {0};
    append(&segment, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    for (int i = 0; i < count; i++) {
        append16(&segment, 2);
        append32(&segment, 4);
        append32(&segment, ids[i]);
        append32(&segment, (int)strlen(text));
        append(&segment, text, strlen(text));
    }
    append16(&segment, -1);
    segment.rows = count;
    return segment;
}

static struct encode_segment segment_from_to(int first, int count, const char *text) {
    int *ids = memory_array((size_t)count, sizeof *ids);
    for (int i = 0; i < count; i++)
        ids[i] = first + i;
    struct encode_segment segment = segment_of(ids, count, text);
    memory_release(&ids);
    return segment;
}

/* A command of one segment. */
static bool copy_one(struct target_connection *connection, const char *statement, const struct encode_segment *segment,
                     int64_t *copied, int64_t *bad_row, struct error *failure) {
    struct copy_command copy;
    return copy_begin(&copy, connection, statement, failure) && copy_send(&copy, segment, failure) &&
           copy_end(&copy, copied, bad_row, failure);
}

static char *statement_for(const char *table) {
    struct encode_target columns[] = {{.name = (char[]){"id"}}, {.name = (char[]){"text 1, line 9"}}};
    struct buffer sql = {0};
    copy_statement(&sql, "public", table, columns, 2, ENCODE_BINARY);
    return buffer_steal(&sql);
}

static void make_table(const char *table, const char *constraints) {
    struct buffer sql = {0};
    buffer_append(&sql, "CREATE TABLE ");
    target_relation(&sql, "public", table);
    buffer_appendf(&sql, " (id int %s, \"text 1, line 9\" text)", constraints);
    must(target_execute(&admin, buffer_string(&sql), &error));
    buffer_release(&sql);
}

static void segments_are_counted(void **state) {
    (void)state;
    int64_t copied = -1, bad_row = 0;
    make_table("counted", "");
    char *statement = statement_for("counted");
    struct encode_segment some = segment_from_to(1, 1000, "a"), none = segment_from_to(1, 0, "");
    must(target_begin(&worker, false, &error));
    must(copy_one(&worker, statement, &some, &copied, &bad_row, &error));
    assert_int_equal(copied, 1000);
    assert_int_equal(bad_row, -1);
    must(copy_one(&worker, statement, &none, &copied, &bad_row, &error));
    assert_int_equal(copied, 0);
    must(copy_one(&worker, statement, &some, &copied, &bad_row, &error));
    bool unknown;
    must(target_commit(&worker, &unknown, &error));
    assert_string_equal(server_value(&admin, "SELECT count(*) || ' ' || sum(id) FROM counted"), "2000 1001000");
    some.rows = 999;
    must_fail(copy_one(&worker, statement, &some, &copied, &bad_row, &error), ERROR_DIFFERENCE);
    assert_int_equal(copied, 1000);
    encode_segment_release(&some);
    encode_segment_release(&none);
    memory_release(&statement);
}

static void a_large_segment_goes_through_in_slices(void **state) {
    (void)state;
    int64_t copied = 0, bad_row = 0;
    char text[5001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    make_table("large", "");
    char *statement = statement_for("large");
    struct encode_segment segment = segment_from_to(1, 4000, text);
    assert_true(segment.length > 20000000);
    must(copy_one(&worker, statement, &segment, &copied, &bad_row, &error));
    assert_string_equal(server_value(&admin, "SELECT count(*) || ' ' || sum(length(\"text 1, line 9\")) FROM large"),
                        "4000 20000000");
    encode_segment_release(&segment);
    memory_release(&statement);
}

/* The row that PostgreSQL refuses, with table names that look like the context's own words. */
static void the_bad_row_is_found(void **state) {
    (void)state;
    static const char *const tables[] = {
        "plain", "My Table 7, line 12, column 3", "quo\"te, line 5", "größe 3", "line\nline 4", "COPY x, line 8"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        int64_t copied = 0, bad_row = -1;
        int ids[300];
        for (int id = 0; id < 300; id++)
            ids[id] = id + 1;
        ids[232] = 17; /* twice */
        make_table(tables[i], "PRIMARY KEY CHECK (id > 0)");
        char *statement = statement_for(tables[i]);
        struct encode_segment twice = segment_of(ids, 300, "x");
        must_fail(copy_one(&worker, statement, &twice, &copied, &bad_row, &error), ERROR_DATA);
        assert_string_equal(error.code, "23505");
        assert_int_equal(bad_row, 232);
        ids[232] = -1;
        ids[299] = -2;
        struct encode_segment negative = segment_of(ids, 300, "x");
        must_fail(copy_one(&worker, statement, &negative, &copied, &bad_row, &error), ERROR_DATA);
        assert_string_equal(error.code, "23514");
        assert_int_equal(bad_row, 232);
        /* The connection is as good as before. */
        assert_string_equal(server_value(&worker, "SELECT 1"), "1");
        encode_segment_release(&twice);
        encode_segment_release(&negative);
        memory_release(&statement);
    }
}

/* Several segments, one command: one header, one trailer, and rows are numbered across them. */
static void a_command_takes_several_segments(void **state) {
    (void)state;
    int64_t copied = 0, bad_row = -1;
    struct copy_command copy;
    make_table("several", "PRIMARY KEY");
    char *statement = statement_for("several");
    struct encode_segment first = segment_from_to(1, 100, "a"), second = segment_from_to(101, 50, "b"),
                          again = segment_from_to(120, 1, "c");
    must(target_begin(&worker, false, &error));
    must(copy_begin(&copy, &worker, statement, &error));
    must(copy_send(&copy, &first, &error));
    must(copy_send(&copy, &second, &error));
    must(copy_end(&copy, &copied, &bad_row, &error));
    assert_int_equal(copied, 150);
    assert_string_equal(server_value(&worker, "SELECT count(*) || ' ' || sum(id) FROM public.several"), "150 11325");
    target_rollback(&worker);

    must(target_begin(&worker, false, &error));
    must(copy_begin(&copy, &worker, statement, &error));
    must(copy_send(&copy, &first, &error));
    must(copy_send(&copy, &second, &error));
    must(copy_send(&copy, &again, &error));
    must_fail(copy_end(&copy, &copied, &bad_row, &error), ERROR_DATA);
    assert_int_equal(bad_row, 150);
    target_rollback(&worker);
    assert_true(target_usable(&worker));
    encode_segment_release(&first);
    encode_segment_release(&second);
    encode_segment_release(&again);
    memory_release(&statement);
}

/* The reading side failed in the midst of a command: nothing stays, and the connection is as good as before. */
static void a_command_can_be_given_up(void **state) {
    (void)state;
    struct copy_command copy;
    make_table("given up", "");
    char *statement = statement_for("given up");
    struct encode_segment segment = segment_from_to(1, 100000, "some text that makes this long");
    must(target_begin(&worker, false, &error));
    must(copy_begin(&copy, &worker, statement, &error));
    must(copy_send(&copy, &segment, &error));
    copy_abort(&copy);
    target_rollback(&worker);
    assert_true(target_usable(&worker));
    assert_string_equal(server_value(&worker, "SELECT count(*) FROM public.\"given up\""), "0");
    copy_abort(&copy); /* nothing is under way any more */
    assert_true(target_usable(&worker));
    encode_segment_release(&segment);
    memory_release(&statement);
}

static void a_trigger_s_own_lines_are_not_the_row_s(void **state) {
    (void)state;
    int64_t copied = 0, bad_row = -1;
    make_table("guarded", "");
    server_execute(&admin, "CREATE FUNCTION guarded() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n\n\n"
                           " IF NEW.id = 42 THEN RAISE EXCEPTION 'no 42 here, line 3'; END IF; RETURN NEW; END $$;"
                           " CREATE TRIGGER guarded BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION guarded()");
    char *statement = statement_for("guarded");
    struct encode_segment segment = segment_from_to(1, 100, "x");
    must_fail(copy_one(&worker, statement, &segment, &copied, &bad_row, &error), ERROR_DATA);
    assert_int_equal(bad_row, 41);
    assert_contains(error.message, "no 42 here");
    encode_segment_release(&segment);
    memory_release(&statement);
}

static void a_trigger_that_drops_rows_is_noticed(void **state) {
    (void)state;
    int64_t copied = 0, bad_row = -1;
    make_table("dropping", "");
    server_execute(&admin,
                   "CREATE FUNCTION dropping() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                   " IF NEW.id %% 2 = 0 THEN RETURN NULL; END IF; RAISE NOTICE 'kept'; RETURN NEW; END $$;"
                   " CREATE TRIGGER dropping BEFORE INSERT ON dropping FOR EACH ROW EXECUTE FUNCTION dropping()");
    char *statement = statement_for("dropping");
    struct encode_segment segment = segment_from_to(1, 20000, "x");
    must_fail(copy_one(&worker, statement, &segment, &copied, &bad_row, &error), ERROR_DIFFERENCE);
    assert_int_equal(copied, 10000);
    assert_contains(error.message, "10000 of 20000");
    encode_segment_release(&segment);
    memory_release(&statement);
}

static void refused_copies_leave_the_connection_usable(void **state) {
    (void)state;
    int64_t copied = 0, bad_row = -1;
    char *statement = statement_for("not there");
    struct encode_segment segment = segment_from_to(1, 3, "x");
    must(target_begin(&worker, false, &error));
    must_fail(copy_one(&worker, statement, &segment, &copied, &bad_row, &error), ERROR_CONFIG);
    assert_string_equal(error.code, "42P01");
    target_rollback(&worker);
    assert_true(target_usable(&worker));

    /* Bytes that aren't the format: 22P04, wherever the server stops reading. */
    make_table("broken", "");
    memory_release(&statement);
    statement = statement_for("broken");
    struct encode_segment large = segment_from_to(1, 200000, "some text that makes this long");
    large.bytes[24] = 99;
    must(target_begin(&worker, false, &error));
    must_fail(copy_one(&worker, statement, &large, &copied, &bad_row, &error), ERROR_DATA);
    target_rollback(&worker);
    assert_true(target_usable(&worker));
    assert_string_equal(server_value(&worker, "SELECT count(*) FROM broken"), "0");
    encode_segment_release(&segment);
    encode_segment_release(&large);
    memory_release(&statement);
}

static void *cancel_soon(void *cancel) {
    clock_sleep_ms(300);
    cancel_request(cancel);
    return NULL;
}

static void *terminate_soon(void *pid) {
    struct target_connection connection;
    clock_sleep_ms(300);
    server_connect(&connection, "killer", NULL);
    server_terminate(&connection, *(int *)pid);
    target_disconnect(&connection);
    return NULL;
}

/* The server takes the first rows and then waits for a lock that we hold: nothing moves. */
static void a_copy_that_stands_still_can_be_left(void **state) {
    (void)state;
    int64_t copied = 0, bad_row = -1;
    struct target_connection connection;
    struct cancel cancel = {0};
    pthread_t thread;
    make_table("still", "PRIMARY KEY");
    char *statement = statement_for("still");
    struct encode_segment segment = segment_from_to(1, 100000, "some text that is longer than any buffer on the way");
    must(target_begin(&admin, false, &error));
    server_execute(&admin, "INSERT INTO public.still VALUES (50000)");

    server_connect(&connection, "stalled", NULL);
    connection.stall_limit_us = 400000;
    must(target_begin(&connection, false, &error));
    must_fail(copy_one(&connection, statement, &segment, &copied, &bad_row, &error), ERROR_TRANSIENT);
    target_rollback(&connection);
    assert_false(target_usable(&connection));
    target_disconnect(&connection);

    server_connect(&connection, "stopped", &cancel);
    must(target_begin(&connection, false, &error));
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
    int64_t start_us = clock_monotonic_us();
    must_fail(copy_one(&connection, statement, &segment, &copied, &bad_row, &error), ERROR_STOPPED);
    assert_true(clock_monotonic_us() - start_us < 2000000);
    pthread_join(thread, NULL);
    target_disconnect(&connection);

    server_connect(&connection, "terminated", NULL);
    must(target_begin(&connection, false, &error));
    assert_int_equal(pthread_create(&thread, NULL, terminate_soon, &connection.backend_pid), 0);
    must_fail(copy_one(&connection, statement, &segment, &copied, &bad_row, &error), ERROR_TRANSIENT);
    assert_int_equal(bad_row, -1);
    pthread_join(thread, NULL);
    target_disconnect(&connection);

    target_rollback(&admin);
    encode_segment_release(&segment);
    memory_release(&statement);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_counted),
        cmocka_unit_test(a_large_segment_goes_through_in_slices),
        cmocka_unit_test(the_bad_row_is_found),
        cmocka_unit_test(a_command_takes_several_segments),
        cmocka_unit_test(a_command_can_be_given_up),
        cmocka_unit_test(a_trigger_s_own_lines_are_not_the_row_s),
        cmocka_unit_test(a_trigger_that_drops_rows_is_noticed),
        cmocka_unit_test(refused_copies_leave_the_connection_usable),
        cmocka_unit_test(a_copy_that_stands_still_can_be_left),
    };
    return cmocka_run_group_tests(tests, open_both, close_both);
}
