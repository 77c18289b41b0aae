/* A run that is prepared for others: what the ledger holds then, and that it is completed once, whoever comes how often. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "run/run.h"

static struct config config;
static struct log logger;

static int load_config(void **state) {
    struct buffer text = {0};
    struct config_problems problems = {0};
    const char *root = getenv("THAW_SOURCE_ROOT");
    server_setup(state);
    server_connect(&server_admin, "admin", NULL);
    must(ledger_prepare(&server_admin, &error));
    server_execute(&server_admin, "CREATE TABLE t (id bigint)");
    buffer_appendf(&text,
                   "{\"duckdb\": {\"path\": \":memory:\", \"init_sql\": \"CREATE TABLE t AS SELECT range AS id FROM "
                   "range(1000)\"}, \"postgres\": {\"url\": \"%s\"}, \"parallel_threads\": 2, \"snapshot\": \"none\", "
                   "\"sources\": [{\"source_name\": \"s\", \"source_database\": \"memory\", \"source_schema\": "
                   "\"main\", \"target_pg_database\": \"%s\", \"target_pg_schema\": \"public\", \"tables\": "
                   "[{\"source\": \"t\", \"target\": \"t\", \"batch_size\": 100}]}]}",
                   server_target().url, server_admin.database);
    if (!config_load_text(&config, "config.json", buffer_string(&text), text.length, NULL, &problems))
        fail_msg("%s: %s", problems.list[0].path, problems.list[0].message);
    buffer_release(&text);
    buffer_appendf(&text, "%s/build/drivers/libduckdb.so", root != NULL ? root : ".");
    config.source.driver = buffer_steal(&text);
    log_init(&logger, STDERR_FILENO, LOG_INFO, LOG_TEXT);
    return 0;
}

static int release_config(void **state) {
    config_release(&config);
    log_release(&logger);
    target_disconnect(&server_admin);
    return server_teardown(state);
}

static struct run_result prepare(const char *run_id) {
    struct run_options options = {
        .prepare_only = true, .run_id = run_id, .any_settings = true, .resume_max_age_hours = -1};
    struct run_result result;
    run_migrate(&config, &options, &logger, &result);
    return result;
}

static struct run_result work(const char *run_id) {
    struct run_options options = {.join = true, .run_id = run_id, .resume_max_age_hours = -1};
    struct run_result result;
    run_migrate(&config, &options, &logger, &result);
    return result;
}

#define assert_ledger(query, expected) assert_string_equal(server_value(&server_admin, query), expected)

static void test_prepared_run_is_left_to_others_and_completed_once(void **state) {
    (void)state;
    struct run_result first = prepare(NULL);
    assert_int_equal(first.outcome, RUN_PARTIAL);
    assert_false(first.resumed);
    assert_int_equal(first.tables_total, 1);
    assert_ledger("SELECT status FROM migration_status.migration_runs", "partial");
    assert_ledger("SELECT count(*) FROM migration_status.migration_table_status WHERE status = 'pending'", "1");
    assert_ledger("SELECT count(*) FROM migration_status.migration_chunk_status", "0");
    assert_ledger("SELECT count(*) FROM migration_status.v_live_owners", "0");
    assert_ledger("SELECT count(*) FROM t", "0");

    struct run_result again = prepare(NULL);
    assert_int_equal(again.outcome, RUN_PARTIAL);
    assert_true(again.resumed);
    assert_string_equal(again.run_id, first.run_id);

    struct run_result worker = work(first.run_id);
    assert_int_equal(worker.outcome, RUN_COMPLETED);
    assert_string_equal(worker.run_id, first.run_id);
    assert_ledger("SELECT status FROM migration_status.migration_runs", "completed");
    assert_ledger("SELECT count(*) || ' ' || sum(id) FROM t", "1000 499500");

    /* One worker too many, and a preparation that is repeated. */
    struct run_result late = work(first.run_id);
    assert_int_equal(late.outcome, RUN_COMPLETED);
    assert_int_equal(late.tables_completed, 1);
    assert_int_equal(late.rows_loaded, 1000);
    assert_int_equal(prepare(first.run_id).outcome, RUN_COMPLETED);
    assert_ledger("SELECT count(*) FROM migration_status.migration_runs", "1");
    assert_ledger("SELECT count(*) FROM t", "1000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepared_run_is_left_to_others_and_completed_once),
    };
    return cmocka_run_group_tests(tests, load_config, release_config);
}
