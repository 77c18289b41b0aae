/* The source against the real DuckDB library: types, names, bounds, cancelling, memory, hostile input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/memory.h"
#include "source/internal.h"

struct fixture {
    char library[512];
    char folder[32];
    struct config config;
    struct source *source;
    struct source_connection *connection;
};

static void must(bool ok, const struct error *error) {
    if (!ok)
        fail_msg("%s (%s)", error->message, error->hint);
}

static void use(struct fixture *fixture, const char *path, const char *init_sql) {
    const char *root = getenv("THAW_SOURCE_ROOT");
    snprintf(fixture->library, sizeof fixture->library, "%s/build/drivers/libduckdb.so", root != NULL ? root : ".");
    fixture->config.source = (struct config_source){
        .kind = SOURCE_DUCKDB, .driver = fixture->library, .path = (char *)path, .init_sql = (char *)init_sql};
}

static int open_memory(void **state) {
    static struct fixture fixture;
    struct error error = {0};
    memset(&fixture, 0, sizeof fixture);
    use(&fixture, ":memory:", NULL);
    must(source_open(&fixture.config, NULL, &fixture.source, &error), &error);
    must(source_connect(fixture.source, &fixture.connection, &error), &error);
    *state = &fixture;
    return 0;
}

static int close_all(void **state) {
    struct fixture *fixture = *state;
    source_disconnect(&fixture->connection);
    source_close(&fixture->source);
    assert_null(fixture->connection);
    assert_null(fixture->source);
    return 0;
}

static void run(struct source_connection *connection, const char *sql) {
    struct error error = {0};
    must(source_execute(connection, sql, &error), &error);
}

/* The only cell of a query. */
static char *cell(struct source_connection *connection, const char *sql) {
    struct error error = {0};
    struct source_rows rows;
    must(source_query_rows(connection, sql, &rows, &error), &error);
    assert_int_equal(rows.row_count, 1);
    assert_int_equal(rows.column_count, 1);
    char *text = memory_copy_string(source_cell(&rows, 0, 0));
    source_rows_release(&rows);
    return text;
}

static void test_rows_as_text(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    struct source_rows rows;
    must(source_query_rows(
             fixture->connection,
             "SELECT * FROM (VALUES (1::TINYINT, 'a', true, 18446744073709551615::UBIGINT, "
             "-170141183460469231731687303715884105727::HUGEINT), (NULL, '', NULL, 0, 5)) AS t(a, b, \"C c\", d, e)",
             &rows, &error),
         &error);
    assert_int_equal(rows.row_count, 2);
    assert_string_equal(source_cell(&rows, 0, 0), "1");
    assert_string_equal(source_cell(&rows, 0, 2), "true");
    assert_string_equal(source_cell(&rows, 0, 3), "18446744073709551615");
    assert_string_equal(source_cell(&rows, 0, 4), "-170141183460469231731687303715884105727");
    assert_null(source_cell(&rows, 1, 0));
    assert_string_equal(source_cell(&rows, 1, 1), "");
    assert_int_equal(source_rows_column(&rows, "C c"), 2);
    assert_int_equal(source_rows_column(&rows, "c c"), -1);
    source_rows_release(&rows);
    /* What has no obvious text must have been cast. */
    assert_false(source_query_rows(fixture->connection, "SELECT 1.5::DECIMAL(4,2)", &rows, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    assert_false(source_query_rows(fixture->connection, "SELECT 1.5::DOUBLE", &rows, &error));
    assert_null(rows.cells);
}

static void test_errors_say_what_and_where(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    struct source_rows rows;
    assert_false(source_query_rows(fixture->connection, "SELEC 1", &rows, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.message, "SELEC 1"));
    assert_non_null(strstr(error.message, "Parser Error"));
    assert_false(source_query_rows(fixture->connection, "SELECT * FROM missing", &rows, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_false(source_query_rows(fixture->connection, "SELECT CAST('x' AS INTEGER)::VARCHAR", &rows, &error));
    assert_int_equal(error.kind, ERROR_DATA);
    /* and the connection is as good as before */
    char *text = cell(fixture->connection, "SELECT 'fine'");
    assert_string_equal(text, "fine");
    memory_release(&text);
}

static void test_describe(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    struct source_table table;
    run(fixture->connection,
        "CREATE SCHEMA \"S p\"; "
        "CREATE TABLE \"S p\".\"it's \"\"Ünicode\"\"\" (\"b B\" INTEGER NOT NULL, \"it''s\" VARCHAR, "
        "\"a.a\" DECIMAL(38,10), e ENUM('x', 'it''s'), l INTEGER[], PRIMARY KEY (\"a.a\", \"b B\")); "
        "CREATE VIEW \"S p\".v AS SELECT \"b B\" FROM \"S p\".\"it's \"\"Ünicode\"\"\"");
    struct source_relation relation = {.schema = (char *)"S p", .name = (char *)"it's \"Ünicode\""};
    must(source_describe(fixture->connection, &relation, &table, &error), &error);
    assert_int_equal(table.column_count, 5);
    assert_false(table.is_view);
    assert_string_equal(table.columns[0].name, "b B");
    assert_false(table.columns[0].nullable);
    assert_true(table.columns[1].nullable);
    assert_int_equal(source_column_find(&table, "it''s"), 1);
    assert_int_equal(source_column_find(&table, "B B"), -1);
    assert_int_equal(table.columns[2].precision, 38);
    assert_int_equal(table.columns[3].kind, VALUE_TEXT);
    assert_int_equal(table.columns[4].kind, VALUE_OTHER);
    assert_int_equal(table.key_count, 2);
    assert_int_equal(table.key[0], 2);
    assert_int_equal(table.key[1], 0);
    source_table_release(&table);
    assert_null(table.columns);

    relation.database = (char *)"memory";
    relation.name = (char *)"v";
    must(source_describe(fixture->connection, &relation, &table, &error), &error);
    assert_true(table.is_view);
    assert_int_equal(table.key_count, 0);
    source_table_release(&table);
}

static void test_describe_names_are_exact(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    struct source_table table;
    run(fixture->connection, "CREATE TABLE Visits (a INTEGER)");
    struct source_relation relation = {.schema = (char *)"main", .name = (char *)"visits"};
    assert_false(source_describe(fixture->connection, &relation, &table, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.hint, "\"Visits\""));
    relation.name = (char *)"nothing like it at all";
    assert_false(source_describe(fixture->connection, &relation, &table, &error));
    relation.schema = (char *)"no such schema";
    assert_false(source_describe(fixture->connection, &relation, &table, &error));
    assert_non_null(strstr(error.hint, "nothing is visible"));
    relation.database = (char *)"no such database";
    assert_false(source_describe(fixture->connection, &relation, &table, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
}

/* value -> bound_text -> literal -> equal to the value, of the same type */
static void assert_round_trip(struct source_connection *connection, const char *type, const char *value) {
    struct error error = {0};
    struct buffer sql = {0};
    struct source_table table;
    run(connection, "DROP TABLE IF EXISTS bounds");
    buffer_appendf(&sql, "CREATE TABLE bounds AS SELECT %s::%s AS k", value, type);
    run(connection, buffer_string(&sql));
    struct source_relation relation = {.schema = (char *)"main", .name = (char *)"bounds"};
    must(source_describe(connection, &relation, &table, &error), &error);
    buffer_clear(&sql);
    buffer_append(&sql, "SELECT ");
    dialect_duckdb.bound_text(&sql, &table.columns[0], "k");
    buffer_append(&sql, " FROM bounds");
    char *text = cell(connection, buffer_string(&sql));
    buffer_clear(&sql);
    buffer_append(&sql, "SELECT (k = ");
    dialect_bound_literal(&dialect_duckdb, &sql, &table.columns[0], text);
    buffer_append(&sql, " AND typeof(k) = typeof(");
    dialect_bound_literal(&dialect_duckdb, &sql, &table.columns[0], text);
    buffer_append(&sql, "))::VARCHAR FROM bounds");
    char *same = cell(connection, buffer_string(&sql));
    if (same == NULL || strcmp(same, "true") != 0)
        fail_msg("%s::%s comes back from %s as something else", value, type, text);
    memory_release(&same);
    memory_release(&text);
    buffer_release(&sql);
    source_table_release(&table);
}

static void test_bounds_round_trip(void **state) {
    struct fixture *fixture = *state;
    static const char *const values[][2] = {
        {"BIGINT", "'-9223372036854775808'"},
        {"UBIGINT", "'18446744073709551615'"},
        {"HUGEINT", "'-99999999999999999999999999999999999999'"},
        {"DECIMAL(38,0)", "'99999999999999999999999999999999999999'"},
        {"DECIMAL(38,38)", "'0.00000000000000000000000000000000000001'"},
        {"DECIMAL(12,2)", "'-0.10'"},
        {"DATE", "'0001-01-01'"},
        {"DATE", "'9999-12-31'"},
        {"DATE", "'0044-03-15 (BC)'"},
        {"DATE", "'infinity'"},
        {"TIMESTAMP", "'0001-01-01 00:00:00.000001'"},
        {"TIMESTAMP", "'1969-12-31 23:59:59.999999'"},
        {"TIMESTAMP", "'9999-12-31 23:59:59.999999'"},
        {"TIMESTAMP", "'0044-03-15 (BC) 12:00:00.5'"},
        {"TIMESTAMP", "'-infinity'"},
        {"TIMESTAMP_S", "'2026-01-01 00:00:01'"},
        {"TIMESTAMP_MS", "'2026-01-01 00:00:01.123'"},
        {"TIMESTAMP_NS", "'2026-01-01 00:00:01.123456789'"},
        {"TIMESTAMP_NS", "'1969-12-31 23:59:59.999999999'"},
        {"TIMESTAMPTZ", "'2026-03-29 02:30:00.000001+05:45'"},
        {"TIMESTAMPTZ", "'0001-01-01 00:00:00+00'"},
        {"TIME", "'23:59:59.999999'"},
        {"UUID", "'00000000-0000-0000-0000-000000000001'"},
        {"UUID", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"},
        {"BOOLEAN", "'true'"},
        {"BLOB", "'\\x00\\x5C\\xFF'"},
        {"ENUM('a', 'it''s')", "'it''s'"},
        {"VARCHAR", "''"},
        {"VARCHAR", "'it''s a \"quote\" and a \\ backslash'"},
        {"VARCHAR", "'two' || chr(10) || 'lines' || chr(13) || chr(9) || '\xF0\x9F\x98\x80'"},
        {"VARCHAR", "'\\'' OR 1=1 --'"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_round_trip(fixture->connection, values[i][0], values[i][1]);
}

/* An instant's bound means the same moment whatever the zone of the session that reads it. */
static void test_instants_have_an_offset(void **state) {
    struct fixture *fixture = *state;
    struct buffer sql = {0};
    struct source_column column = {.name = (char *)"k", .type_name = (char *)"TIMESTAMP WITH TIME ZONE"};
    dialect_duckdb.classify(&column);
    buffer_append(&sql, "SELECT ");
    dialect_duckdb.bound_text(&sql, &column, "TIMESTAMPTZ '2026-01-01 00:00:00+00'");
    char *text = cell(fixture->connection, buffer_string(&sql));
    run(fixture->connection, "SET TimeZone = 'Asia/Kathmandu'");
    buffer_clear(&sql);
    buffer_append(&sql, "SELECT CAST(epoch_us(");
    dialect_bound_literal(&dialect_duckdb, &sql, &column, text);
    buffer_append(&sql, ") AS VARCHAR)");
    char *moment = cell(fixture->connection, buffer_string(&sql));
    assert_string_equal(moment, "1767225600000000");
    memory_release(&moment);
    memory_release(&text);
    buffer_release(&sql);
}

/* The Arrow format of a projected column, so that what reaches the encoder is known. */
static void test_arrow_formats(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    struct source_table table;
    static const char *const expected[] = {"l",    "L",       "d:38,0", "u", "d:12,2,128", "u", "u", "C",
                                           "tsu:", "tsu:UTC", "ttu",    "u", "u",          "u", "z", "tdD"};
    run(fixture->connection,
        "CREATE TABLE types (a BIGINT, b UBIGINT, c HUGEINT, d UHUGEINT, e DECIMAL(12,2), f VARCHAR, g UUID, h "
        "ENUM('x'), "
        "i TIMESTAMP_NS, j TIMESTAMPTZ, k TIME, l TIMETZ, m BIT, n JSON, o BLOB, p DATE); "
        "INSERT INTO types (d, l, m) VALUES ('340282366920938463463374607431768211455', '10:00:00+02', '101')");
    struct source_relation relation = {.schema = (char *)"main", .name = (char *)"types"};
    must(source_describe(fixture->connection, &relation, &table, &error), &error);
    struct buffer sql = {0};
    for (size_t i = 0; i < table.column_count; i++) {
        buffer_append(&sql, i == 0 ? "SELECT " : ", ");
        dialect_duckdb.projection(&sql, &table.columns[i]);
    }
    buffer_append(&sql, " FROM types");
    struct source_stream stream;
    must(source_stream_open(fixture->connection, buffer_string(&sql), &stream, &error), &error);
    assert_int_equal(stream.schema.n_children, sizeof expected / sizeof *expected);
    for (int64_t i = 0; i < stream.schema.n_children; i++)
        assert_string_equal(stream.schema.children[i]->format, expected[i]);
    assert_int_equal(stream.total_rows, -1);
    source_stream_close(&stream);
    char *text =
        cell(fixture->connection, "SELECT CAST(d AS VARCHAR) || ' ' || CAST(l AS VARCHAR) || ' ' || CAST(m AS VARCHAR) "
                                  "FROM types");
    assert_string_equal(text, "340282366920938463463374607431768211455 10:00:00+02 101");
    memory_release(&text);
    buffer_release(&sql);
    source_table_release(&table);
}

struct canceller {
    struct source_connection *connection;
    atomic_bool done;
};

static void *cancel_until_done(void *context) {
    struct canceller *canceller = context;
    clock_sleep_ms(50);
    while (!atomic_load(&canceller->done)) {
        source_cancel(canceller->connection);
        clock_sleep_ms(10);
    }
    return NULL;
}

static void test_cancel(void **state) {
    struct fixture *fixture = *state;
    static const char *const queries[] = {
        /* one that computes before its first row, and one that streams for ever */
        "SELECT CAST(count(*) AS VARCHAR) FROM range(100000000) a, range(100000) b WHERE (a.range * b.range) % 7 = 3",
        "SELECT range AS r FROM range(100000000000)",
    };
    source_cancel(fixture->connection); /* harmless when idle */
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct error error = {0};
        struct canceller canceller = {.connection = fixture->connection};
        pthread_t thread;
        int64_t start = clock_monotonic_us();
        assert_int_equal(pthread_create(&thread, NULL, cancel_until_done, &canceller), 0);
        bool ok = source_execute(fixture->connection, queries[i], &error);
        atomic_store(&canceller.done, true);
        pthread_join(thread, NULL);
        assert_false(ok);
        assert_int_equal(error.kind, ERROR_STOPPED);
        assert_true(clock_monotonic_us() - start < 20 * INT64_C(1000000));
        char *text = cell(fixture->connection, "SELECT 'fine'");
        assert_string_equal(text, "fine");
        memory_release(&text);
    }
}

static void test_memory_stays_small(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    assert_int_equal(duckdb_memory_limit(fixture->source), 32);
    must(source_planning_begin(fixture->connection, &error), &error);
    must(source_planning_begin(fixture->connection, &error), &error);
    int64_t planning = duckdb_memory_limit(fixture->source);
    assert_true(planning > 32);
    must(source_planning_end(fixture->connection, &error), &error);
    assert_int_equal(duckdb_memory_limit(fixture->source), 32);
    must(source_planning_end(fixture->connection, &error), &error);

    int granted = 0;
    must(source_reserve(fixture->connection, 5, 8, &granted, &error), &error);
    assert_int_equal(granted, 8);
    must(source_reserve(fixture->connection, 250, 8, &granted, &error), &error);
    assert_int_equal(granted, 1);
    assert_true(duckdb_memory_limit(fixture->source) > 64 && duckdb_memory_limit(fixture->source) < 96);
    must(source_reserve(fixture->connection, 100000, 8, &granted, &error), &error);
    assert_int_equal(granted, 1);
}

static void test_memory_is_widened(void **state) {
    struct fixture *fixture = *state;
    /* An aggregate that can't go on under the limit for reading. */
    char *text = cell(fixture->connection,
                      "SELECT CAST(length(string_agg(range::VARCHAR, ',')) AS VARCHAR) FROM range(6000000)");
    assert_string_equal(text, "46888889");
    memory_release(&text);
    assert_true(duckdb_memory_limit(fixture->source) > 32);
    /* Somebody who saw the old limit finds it widened already. */
    int64_t limit = duckdb_memory_limit(fixture->source);
    assert_true(duckdb_widen_memory(fixture->connection, limit / 2));
    assert_int_equal(duckdb_memory_limit(fixture->source), limit);
}

/* A bound that somebody else has set is kept, and told. */
static void test_memory_keeps_within_a_bound(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    struct source_rows rows;
    int granted = 0;
    source_limit_memory(fixture->source, 50, 150);
    assert_false(source_query_rows(
        fixture->connection, "SELECT CAST(length(string_agg(range::VARCHAR, ',')) AS VARCHAR) FROM range(60000000)",
        &rows, &error));
    assert_int_equal(error.kind, ERROR_TRANSIENT);
    assert_string_equal(error.code, SOURCE_OUT_OF_MEMORY);
    assert_non_null(strstr(error.hint, "DuckDB may have 50 MB of it"));
    assert_int_equal(duckdb_memory_limit(fixture->source), 50);
    must(source_planning_begin(fixture->connection, &error), &error);
    assert_int_equal(duckdb_memory_limit(fixture->source), 64);
    assert_true(duckdb_widen_memory(fixture->connection, 64));
    assert_true(duckdb_widen_memory(fixture->connection, 128));
    assert_false(duckdb_widen_memory(fixture->connection, 150));
    assert_int_equal(duckdb_memory_limit(fixture->source), 150);
    must(source_planning_end(fixture->connection, &error), &error);
    assert_int_equal(duckdb_memory_limit(fixture->source), 50);
    /* The same bound lets more or fewer readers in than the usual 80 MB. */
    must(source_reserve(fixture->connection, 100, 8, &granted, &error), &error);
    assert_int_equal(granted, 1);
    source_limit_memory(fixture->source, 300, 400);
    must(source_reserve(fixture->connection, 250, 8, &granted, &error), &error);
    assert_int_equal(granted, 4);
}

static int open_file(void **state) {
    static struct fixture fixture;
    struct error error = {0};
    memset(&fixture, 0, sizeof fixture);
    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/thaw-duckdb-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    char path[64], attach[256];
    snprintf(path, sizeof path, "%s/a.db", fixture.folder);
    snprintf(attach, sizeof attach,
             "ATTACH '%s' AS f; CREATE TABLE f.t AS SELECT range AS id FROM range(1000); DETACH f", path);
    use(&fixture, ":memory:", NULL);
    must(source_open(&fixture.config, NULL, &fixture.source, &error), &error);
    must(source_connect(fixture.source, &fixture.connection, &error), &error);
    run(fixture.connection, attach);
    source_disconnect(&fixture.connection);
    source_close(&fixture.source);
    *state = &fixture;
    return 0;
}

static int remove_file(void **state) {
    struct fixture *fixture = *state;
    char path[64];
    close_all(state);
    snprintf(path, sizeof path, "%s/a.db", fixture->folder);
    unlink(path);
    return rmdir(fixture->folder); /* fails where DuckDB left anything beside the file */
}

static void test_file_is_read_only(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    char path[64];
    snprintf(path, sizeof path, "%s/a.db", fixture->folder);
    use(fixture, path, "CREATE TEMP VIEW odd AS SELECT id FROM t WHERE id % 2 = 1");
    must(source_open(&fixture->config, NULL, &fixture->source, &error), &error);
    must(source_connect(fixture->source, &fixture->connection, &error), &error);
    assert_false(source_execute(fixture->connection, "DELETE FROM t", &error));
    assert_non_null(strstr(error.message, "read-only"));
    /* init_sql ran on each connection */
    struct source_connection *second;
    must(source_connect(fixture->source, &second, &error), &error);
    char *text = cell(second, "SELECT CAST(count(*) AS VARCHAR) FROM odd");
    assert_string_equal(text, "500");
    memory_release(&text);
    struct source_relation relation = {.database = (char *)"a", .schema = (char *)"main", .name = (char *)"t"};
    struct source_table table;
    must(source_describe(second, &relation, &table, &error), &error);
    source_table_release(&table);
    source_disconnect(&second);
}

static void test_missing_file(void **state) {
    struct fixture *fixture = *state;
    struct error error = {0};
    char path[64];
    snprintf(path, sizeof path, "%s/missing.db", fixture->folder);
    use(fixture, path, NULL);
    assert_false(source_open(&fixture->config, NULL, &fixture->source, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.message, "missing.db"));
    assert_null(fixture->source);
}

static void test_init_sql_in_memory(void **state) {
    static struct fixture fixture;
    struct error error = {0};
    (void)state;
    memset(&fixture, 0, sizeof fixture);
    use(&fixture, NULL,
        "CREATE TABLE t AS SELECT 1 AS a; -- a remark; with a semicolon\nCREATE VIEW v AS SELECT * FROM t;");
    must(source_open(&fixture.config, NULL, &fixture.source, &error), &error);
    must(source_connect(fixture.source, &fixture.connection, &error), &error);
    struct source_connection *second;
    must(source_connect(fixture.source, &second, &error), &error); /* once a process: it would fail the second time */
    char *text = cell(second, "SELECT CAST(a AS VARCHAR) FROM v");
    assert_string_equal(text, "1");
    memory_release(&text);
    source_disconnect(&second);
    source_disconnect(&fixture.connection);
    source_close(&fixture.source);

    use(&fixture, NULL, "CREATE TEMP VIEW v AS SELECT 1");
    must(source_open(&fixture.config, NULL, &fixture.source, &error), &error);
    assert_false(source_connect(fixture.source, &fixture.connection, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.message, "temporary"));
    assert_null(fixture.connection);
    source_close(&fixture.source);

    use(&fixture, NULL, "SELEC 1");
    must(source_open(&fixture.config, NULL, &fixture.source, &error), &error);
    assert_false(source_connect(fixture.source, &fixture.connection, &error));
    assert_non_null(strstr(error.message, "init_sql"));
    source_close(&fixture.source);
}

static void test_adbc_with_a_dialect(void **state) {
    static struct fixture fixture;
    struct error error = {0};
    (void)state;
    memset(&fixture, 0, sizeof fixture);
    use(&fixture, NULL, NULL);
    struct config_option options[] = {{(char *)"path", (char *)":memory:"}, {(char *)"threads", (char *)"1"}};
    fixture.config.source.kind = SOURCE_ADBC;
    fixture.config.source.options = options;
    fixture.config.source.option_count = 2;
    assert_false(source_open(&fixture.config, NULL, &fixture.source, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    fixture.config.source.dialect = (char *)"duckdb";
    must(source_open(&fixture.config, NULL, &fixture.source, &error), &error);
    must(source_connect(fixture.source, &fixture.connection, &error), &error);
    assert_ptr_equal(source_dialect(fixture.source), &dialect_duckdb);
    source_disconnect(&fixture.connection);
    source_close(&fixture.source);
    options[1].name = (char *)"no_such_option";
    assert_false(source_open(&fixture.config, NULL, &fixture.source, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_as_text, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_errors_say_what_and_where, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_describe, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_describe_names_are_exact, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_bounds_round_trip, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_instants_have_an_offset, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_arrow_formats, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_cancel, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_memory_stays_small, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_memory_is_widened, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_memory_keeps_within_a_bound, open_memory, close_all),
        cmocka_unit_test_setup_teardown(test_file_is_read_only, open_file, remove_file),
        cmocka_unit_test_setup_teardown(test_missing_file, open_file, remove_file),
        cmocka_unit_test(test_init_sql_in_memory),
        cmocka_unit_test(test_adbc_with_a_dialect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
