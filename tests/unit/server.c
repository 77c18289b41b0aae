#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

/* Of the program, forked children included. */
static char database[32];

struct config_target server_target(void) {
    char *url = getenv("THAW_TEST_POSTGRES");
    if (url == NULL || url[0] == '\0')
        fail_msg("THAW_TEST_POSTGRES is not set: run this through tests/unit/with_postgres");
    return (struct config_target){.url = url};
}

static void connect_to(struct target_connection *connection, const char *name, const char *role,
                       const struct cancel *cancel) {
    struct config_target target = server_target();
    must(target_connect(connection, &target, name, role, cancel, &error));
}

int server_setup(void **state) {
    (void)state;
    struct target_connection connection;
    snprintf(database, sizeof database, "test_%ld", (long)getpid());
    connect_to(&connection, NULL, "setup", NULL);
    server_execute(&connection, "DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
    server_execute(&connection, "CREATE DATABASE %s TEMPLATE template0", database);
    target_disconnect(&connection);
    return 0;
}

int server_teardown(void **state) {
    (void)state;
    struct target_connection connection;
    connect_to(&connection, NULL, "teardown", NULL);
    server_execute(&connection, "DROP DATABASE %s WITH (FORCE)", database);
    target_disconnect(&connection);
    return 0;
}

void server_connect(struct target_connection *connection, const char *role, const struct cancel *cancel) {
    connect_to(connection, database, role, cancel);
    must(target_execute(connection, "SET search_path = public", &error)); /* for the tests' own tables */
}

static char *format_sql(const char *format, va_list arguments) THAW_PRINTF(1, 0);
static char *format_sql(const char *format, va_list arguments) {
    char *sql = NULL;
    if (vasprintf(&sql, format, arguments) < 0)
        fail_msg("no memory");
    return sql;
}

void server_execute(struct target_connection *connection, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *sql = format_sql(format, arguments);
    va_end(arguments);
    must(target_execute(connection, sql, &error));
    free(sql);
}

const char *server_value(struct target_connection *connection, const char *format, ...) {
    static _Thread_local char value[4096];
    va_list arguments;
    va_start(arguments, format);
    char *sql = format_sql(format, arguments);
    va_end(arguments);
    PGresult *result = NULL;
    must(target_query(connection, sql, 0, NULL, &result, &error));
    snprintf(value, sizeof value, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "(none)");
    PQclear(result);
    free(sql);
    return value;
}

void server_terminate(struct target_connection *connection, int backend_pid) {
    assert_string_equal(server_value(connection, "SELECT pg_terminate_backend(%d, 10000)", backend_pid), "t");
}

static void hold(struct server_run *run) {
    server_connect(&run->presence, "presence", NULL);
    must(ledger_hold_presence(&run->presence, run->run_number, run->owner_id, &error));
}

struct target_connection server_admin;

int server_open_admin(void **state) {
    server_setup(state);
    server_connect(&server_admin, "admin", NULL);
    return 0;
}

int server_open_ledger(void **state) {
    server_open_admin(state);
    must(ledger_prepare(&server_admin, &error));
    return 0;
}

int server_close_admin(void **state) {
    target_disconnect(&server_admin);
    return server_teardown(state);
}

int server_forget_runs(void **state) {
    (void)state;
    server_execute(&server_admin,
                   "DELETE FROM migration_status.migration_runs; DELETE FROM migration_status.migration_targets");
    return 0;
}

void server_start_run(struct target_connection *connection, struct server_run *run) {
    bool unknown = false;
    memset(run, 0, sizeof *run);
    must(ledger_new_uuid(connection, run->run_id, &error));
    struct ledger_run_values values = {.run_id = run->run_id,
                                       .execution_hash = "0123456789abcdef",
                                       .config_hash = "fedcba9876543210",
                                       .source_names = "a,b",
                                       .settings = "{\"snapshot\": \"none\"}",
                                       .total_sources = 2,
                                       .total_tables = 1};
    must(target_begin(connection, true, &error));
    must(ledger_insert_run(connection, &values, &run->run_number, &error));
    must(ledger_insert_owner(connection, run->run_id, "host-a", 17, 60000000, -1, &run->owner_id, &error));
    hold(run);
    must(target_commit(connection, &unknown, &error));
}

void server_join_run(struct target_connection *connection, const struct server_run *run, struct server_run *joined) {
    memset(joined, 0, sizeof *joined);
    memcpy(joined->run_id, run->run_id, sizeof joined->run_id);
    joined->run_number = run->run_number;
    must(ledger_insert_owner(connection, run->run_id, "host-b", 18, 60000000, -1, &joined->owner_id, &error));
    hold(joined);
}

void server_leave_run(struct server_run *run) {
    target_disconnect(&run->presence);
    /* A backend sees the end of its client a moment later. */
    struct target_connection connection;
    server_connect(&connection, "watch", NULL);
    for (int i = 0; i < 500; i++) {
        if (strcmp(server_value(&connection, "SELECT migration_status.owner_is_alive(%d)", run->owner_id), "f") == 0)
            break;
        usleep(10000);
    }
    assert_string_equal(server_value(&connection, "SELECT migration_status.owner_is_alive(%d)", run->owner_id), "f");
    target_disconnect(&connection);
}

int64_t server_add_table(struct target_connection *connection, const struct server_run *run, const char *name,
                         const char *target) {
    char source_table[64], target_table[64];
    snprintf(source_table, sizeof source_table, "%s", name);
    snprintf(target_table, sizeof target_table, "%s", target);
    struct ledger_table table = {.source_name = (char[]){"a"},
                                 .source_database = (char[]){"db"},
                                 .source_schema = (char[]){"src"},
                                 .source_table = source_table,
                                 .target_schema = (char[]){"dst"},
                                 .target_table = target_table};
    must(ledger_insert_table(connection, run->run_id, &table, &error));
    return table.table_id;
}

int64_t server_plan(struct target_connection *connection, const struct server_run *run, int64_t table_id,
                    const char *target, bool truncate, int chunks) {
    int64_t generation = 0;
    bool already = false, unknown = false;
    struct ledger_plan_chunk *list = memory_array((size_t)chunks, sizeof *list);
    char range[] = "{\"kind\": \"whole\"}";
    for (int i = 0; i < chunks; i++)
        list[i] = (struct ledger_plan_chunk){.range = range, .expected_rows = 10};
    struct ledger_plan plan = {.table_id = table_id,
                               .chunks = list,
                               .chunk_count = (size_t)chunks,
                               .expected_rows = 10 * (int64_t)chunks,
                               .metadata = "{\"strategy\": \"range\"}"};
    must(target_begin(connection, true, &error));
    must(ledger_take_target(connection, run->run_id, "dst", target, truncate, &generation, &already, &error));
    must(ledger_store_plan(connection, run->run_id, &plan, generation, &error));
    must(target_commit(connection, &unknown, &error));
    memory_release(&list);
    return generation;
}

void server_check_counters(struct target_connection *connection) {
    assert_string_equal(
        server_value(
            connection,
            "SELECT count(*) FROM migration_status.migration_table_status t, LATERAL (SELECT count(*) AS total,"
            " count(*) FILTER (WHERE status = 'completed') AS completed,"
            " count(*) FILTER (WHERE status = 'failed') AS failed, coalesce(sum(rows_copied), 0) AS rows"
            " FROM migration_status.migration_chunk_status c WHERE c.table_id = t.table_id) s"
            " WHERE (t.total_chunks, t.completed_chunks, t.failed_chunks, t.total_rows_copied)"
            " IS DISTINCT FROM (s.total, s.completed, s.failed, s.rows)"),
        "0");
    assert_string_equal(
        server_value(connection,
                     "SELECT count(*) FROM migration_status.migration_runs r, LATERAL ("
                     " SELECT count(*) FILTER (WHERE status IN ('completed', 'skipped')) AS completed,"
                     " count(*) FILTER (WHERE status = 'failed') AS failed, coalesce(sum(total_rows_copied), 0) AS rows"
                     " FROM migration_status.migration_table_status t WHERE t.run_id = r.run_id) s"
                     " WHERE (r.completed_tables, r.failed_tables, r.total_rows_copied)"
                     " IS DISTINCT FROM (s.completed, s.failed, s.rows)"),
        "0");
}
