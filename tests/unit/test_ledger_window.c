/* Which earlier run of a table a floor may follow. */
#include "server.h"

#include <string.h>

static char source_name[] = "source", source_database[] = "db", source_schema[] = "src", source_table[] = "t",
            target_schema[] = "dst", target_table[] = "t";

/* A run of the table `source` into dst.`target` that ended so; metadata without its braces. */
static void add_run(const char *source, const char *target, const char *status, int generation, const char *metadata) {
    server_execute(
        &server_admin,
        "WITH run AS (INSERT INTO migration_status.migration_runs (run_id, status) VALUES (gen_random_uuid(), "
        "'completed')"
        " RETURNING run_id)"
        " INSERT INTO migration_status.migration_table_status (run_id, source_name, source_database, source_schema,"
        " source_table, target_database, target_schema, target_table, status, target_generation, metadata, "
        "completed_at)"
        " SELECT run_id, 'source', 'db', 'src', '%s', current_database(), 'dst', '%s', '%s', %d, '{%s}',"
        " clock_timestamp() FROM run",
        source, target, status, generation, metadata);
}

#define WINDOW(ceiling) "\"window\": {\"settings\": \"s\", \"kind\": \"integer\", \"ceiling\": \"" ceiling "\"}"

static struct ledger_window_history look(void) {
    const struct ledger_table names = {.source_name = source_name,
                                       .source_database = source_database,
                                       .source_schema = source_schema,
                                       .source_table = source_table,
                                       .target_schema = target_schema,
                                       .target_table = target_table};
    struct ledger_window_history history;
    must(ledger_window_history(&server_admin, &names, "s", "integer", &history, &error));
    return history;
}

/* The history has this ceiling and says so much; "" : none. */
static void expect(const char *ceiling, bool is_same, bool is_there) {
    struct ledger_window_history history = look();
    if (history.table_id == 0 || history.is_same != is_same || history.is_there != is_there ||
        strcmp(history.ceiling == NULL ? "" : history.ceiling, ceiling) != 0)
        fail_msg("run %lld, ceiling %s, same %d, there %d", (long long)history.table_id, history.ceiling,
                 history.is_same, history.is_there);
    ledger_window_history_release(&history);
}

static void expect_none(void) {
    struct ledger_window_history history = look();
    assert_int_equal(history.table_id, 0);
    assert_null(history.ceiling);
}

static void no_history(void **state) {
    (void)state;
    expect_none();
    add_run("t", "other", "completed", 1, WINDOW("10"));
    add_run("other", "t", "completed", 1, WINDOW("10"));
    expect_none();
}

static void invariant_08_unfinished_runs_raise_nothing(void **state) {
    (void)state;
    add_run("t", "t", "failed", 1, WINDOW("10"));
    add_run("t", "t", "in_progress", 1, WINDOW("10"));
    expect_none();
    add_run("t", "t", "completed", 2, WINDOW("20"));
    add_run("t", "t", "failed", 3, WINDOW("30"));
    expect("20", true, true);
}

static void the_last_completed_run_counts(void **state) {
    (void)state;
    add_run("t", "t", "completed", 1, WINDOW("10"));
    add_run("t", "t", "completed", 2, WINDOW("20"));
    expect("20", true, true);
    add_run("t", "t", "completed", 3, "\"window\": {\"settings\": \"s\", \"kind\": \"integer\", \"ceiling\": null}");
    expect("", true, true);
}

/* The run that was added last has set a row aside. */
static void add_reject(void) {
    server_execute(
        &server_admin,
        "INSERT INTO migration_status.rejected_rows (run_id, table_id, source_database, source_schema, source_table,"
        " target_database, target_schema, target_table, chunk_id, chunk_row, key, row, reason)"
        " SELECT run_id, table_id, source_database, source_schema, source_table, target_database, target_schema,"
        " target_table, 1, 1, '{}', '{}', 'bad' FROM migration_status.migration_table_status"
        " ORDER BY table_id DESC LIMIT 1");
}

static void invariant_08_rejected_rows_raise_nothing(void **state) {
    (void)state;
    add_run("t", "t", "completed", 1, WINDOW("10"));
    add_run("t", "t", "completed", 2, WINDOW("20"));
    add_reject();
    expect("10", true, true);
    add_run("t", "t", "completed", 3, WINDOW("30"));
    expect("30", true, true);
}

static void other_settings_are_told(void **state) {
    (void)state;
    add_run("t", "t", "completed", 1, WINDOW("10"));
    add_run("t", "t", "completed", 2,
            "\"window\": {\"settings\": \"other\", \"kind\": \"integer\", \"ceiling\": \"20\"}");
    expect("20", false, true);
    add_run("t", "t", "completed", 3, "\"window\": {\"settings\": \"s\", \"kind\": \"date\", \"ceiling\": \"30\"}");
    expect("30", false, true);
    /* Of a run without window, as of another program's. */
    add_run("t", "t", "completed", 4, "");
    expect("", false, true);
    add_run("t", "t", "completed", 5, WINDOW("40"));
    expect("40", true, true);
    /* What came after the last run without rejects may have written over its rows. */
    add_run("t", "t", "completed", 6, "");
    add_reject();
    expect("40", false, true);
}

static void invariant_08_a_truncated_target_has_no_history(void **state) {
    (void)state;
    add_run("t", "t", "completed", 3, WINDOW("10"));
    server_execute(&server_admin,
                   "INSERT INTO migration_status.migration_targets (target_schema, target_table, generation,"
                   " truncated_generation) VALUES ('dst', 't', 4, 4)");
    expect("10", true, false);
    add_run("t", "t", "completed", 5, WINDOW("20"));
    expect("20", true, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_history, server_forget_runs),
        cmocka_unit_test_setup(invariant_08_unfinished_runs_raise_nothing, server_forget_runs),
        cmocka_unit_test_setup(the_last_completed_run_counts, server_forget_runs),
        cmocka_unit_test_setup(invariant_08_rejected_rows_raise_nothing, server_forget_runs),
        cmocka_unit_test_setup(other_settings_are_told, server_forget_runs),
        cmocka_unit_test_setup(invariant_08_a_truncated_target_has_no_history, server_forget_runs),
    };

    return cmocka_run_group_tests_name("ledger_window", tests, server_open_ledger, server_close_admin);
}
