/* The fence of a target: which run may load into it, and what a plan needs before its chunks exist. */
#include "server.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Take dst.t and commit, or fail with the given kind. */
static int64_t take(const struct server_run *run, bool truncate, bool wanted_already) {
    int64_t generation = 0;
    bool already = false, unknown = false;
    must(target_begin(&server_admin, true, &error));
    must(ledger_take_target(&server_admin, run->run_id, "dst", "t", truncate, &generation, &already, &error));
    must(target_commit(&server_admin, &unknown, &error));
    assert_int_equal(already, wanted_already);
    return generation;
}

static void refused(const struct server_run *run, bool truncate) {
    int64_t generation = 0;
    bool already = false;
    must(target_begin(&server_admin, true, &error));
    must_fail(ledger_take_target(&server_admin, run->run_id, "dst", "t", truncate, &generation, &already, &error),
              ERROR_CONFIG);
    target_rollback(&server_admin);
}

static void load(const struct server_run *run, int64_t table, int64_t generation) {
    struct ledger_claim claim;
    bool found = false, last = false, unknown = false;
    must(ledger_claim(&server_admin, run->run_id, &table, 1, run->owner_id, &claim, &found, &error));
    assert_true(found);
    must(target_begin(&server_admin, false, &error));
    must(ledger_enter_load(&server_admin, run->run_id, &claim, "dst", "t", generation, &error));
    must(ledger_leave_load(&server_admin, run->run_id, &claim, 10, &last, &error));
    must(target_commit(&server_admin, &unknown, &error));
    ledger_claim_release(&claim);
}

static void a_run_takes_its_target_once(void **state) {
    (void)state;
    struct server_run run;
    server_start_run(&server_admin, &run);
    int64_t generation = take(&run, true, false);
    assert_int_equal(take(&run, true, true), generation);
    assert_int_equal(take(&run, false, true), generation);
    target_disconnect(&run.presence);
}

static void a_live_run_s_target_is_refused_by_name(void **state) {
    (void)state;
    struct server_run run, other;
    server_start_run(&server_admin, &run);
    server_start_run(&server_admin, &other);
    take(&run, true, false);
    refused(&other, true);
    assert_contains(error.message, run.run_id);
    assert_contains(error.message, "host-a (pid 17)");
    assert_contains(error.hint, "--join");
    refused(&other, false);
    server_leave_run(&run);
    take(&other, true, false);
    target_disconnect(&other.presence);
}

static void invariant_04_an_old_run_can_t_load_after_a_newer_one(void **state) {
    (void)state;
    struct server_run old, newer;
    struct ledger_claim claim;
    struct target_connection load_old, taker;
    bool found = false, already = false, unknown = false;
    int64_t next = 0;
    server_connect(&load_old, "old", NULL);
    server_connect(&taker, "newer", NULL);
    server_start_run(&server_admin, &old);
    int64_t table = server_add_table(&server_admin, &old, "t", "t");
    int64_t generation = server_plan(&server_admin, &old, table, "t", true, 3);
    load(&old, table, generation);
    must(ledger_claim(&server_admin, old.run_id, &table, 1, old.owner_id, &claim, &found, &error));
    server_leave_run(&old);

    /* A load that is inside holds the target against being taken over. */
    server_start_run(&server_admin, &newer);
    must(target_begin(&load_old, false, &error));
    must(ledger_enter_load(&load_old, old.run_id, &claim, "dst", "t", generation, &error));
    must(target_begin(&taker, true, &error));
    server_execute(&taker, "SET LOCAL lock_timeout = '300ms'");
    must_fail(ledger_take_target(&taker, newer.run_id, "dst", "t", true, &next, &already, &error), ERROR_TRANSIENT);
    target_rollback(&taker);
    target_rollback(&load_old);

    /* A load that comes while it is being taken over waits, and finds it taken. */
    must(target_begin(&taker, true, &error));
    must(ledger_take_target(&taker, newer.run_id, "dst", "t", true, &next, &already, &error));
    assert_true(next > generation);
    must(target_begin(&load_old, false, &error));
    server_execute(&load_old, "SET LOCAL lock_timeout = '300ms'");
    must_fail(ledger_enter_load(&load_old, old.run_id, &claim, "dst", "t", generation, &error), ERROR_TRANSIENT);
    target_rollback(&load_old);
    must(target_commit(&taker, &unknown, &error));
    must(target_begin(&load_old, false, &error));
    must_fail(ledger_enter_load(&load_old, old.run_id, &claim, "dst", "t", generation, &error), ERROR_LOST);
    assert_string_equal(error.code, "target");
    assert_contains(error.message, newer.run_id);
    target_rollback(&load_old);
    /* Nor can the old run call its table complete. */
    struct ledger_totals totals;
    must(target_begin(&load_old, true, &error));
    must_fail(ledger_lock_totals(&load_old, old.run_id, table, &totals, &error), ERROR_LOST);
    assert_string_equal(error.code, "target");
    target_rollback(&load_old);
    ledger_claim_release(&claim);
    target_disconnect(&load_old);
    target_disconnect(&taker);
    target_disconnect(&newer.presence);
}

static void rows_of_an_unfinished_run_are_not_doubled(void **state) {
    (void)state;
    struct server_run partial, next, last;
    char status[16];
    server_start_run(&server_admin, &partial);
    int64_t table = server_add_table(&server_admin, &partial, "t", "t");
    int64_t generation = server_plan(&server_admin, &partial, table, "t", false, 3);
    load(&partial, table, generation);
    must(ledger_finish_run(&server_admin, partial.run_id, partial.owner_id, true, "SIGTERM", status, &error));
    server_leave_run(&partial);

    server_start_run(&server_admin, &next);
    refused(&next, false);
    assert_contains(error.message, partial.run_id);
    assert_contains(error.message, "10 rows in 1 of 3 chunks");
    assert_contains(error.message, "partial");
    assert_contains(error.hint, "--resume-run-id");
    assert_contains(error.hint, "truncate_onstart");
    assert_contains(error.hint, "the rows stay");
    /* Truncating is a way out, and from then on the old rows are gone for everybody. */
    generation = take(&next, true, false);
    server_leave_run(&next);
    server_start_run(&server_admin, &last);
    assert_true(take(&last, false, false) > generation);
    target_disconnect(&last.presence);
}

static void forgetting_the_run_is_a_way_out_too(void **state) {
    (void)state;
    struct server_run partial, next;
    server_start_run(&server_admin, &partial);
    int64_t table = server_add_table(&server_admin, &partial, "t", "t");
    load(&partial, table, server_plan(&server_admin, &partial, table, "t", false, 3));
    server_leave_run(&partial);
    server_start_run(&server_admin, &next);
    refused(&next, false);
    server_execute(&server_admin, "DELETE FROM migration_status.migration_runs WHERE run_id = '%s'", partial.run_id);
    take(&next, false, false);
    target_disconnect(&next.presence);
}

static void completed_runs_may_be_added_to(void **state) {
    (void)state;
    struct server_run first, second;
    struct ledger_totals totals;
    bool unknown = false;
    char status[16];
    server_start_run(&server_admin, &first);
    int64_t table = server_add_table(&server_admin, &first, "t", "t");
    load(&first, table, server_plan(&server_admin, &first, table, "t", false, 1));
    must(target_begin(&server_admin, true, &error));
    must(ledger_lock_totals(&server_admin, first.run_id, table, &totals, &error));
    must(ledger_complete_table(&server_admin, first.run_id, table, NULL, &error));
    must(target_commit(&server_admin, &unknown, &error));
    must(ledger_finish_run(&server_admin, first.run_id, first.owner_id, false, NULL, status, &error));
    assert_string_equal(status, "completed");
    server_leave_run(&first);
    server_start_run(&server_admin, &second);
    take(&second, false, false);
    target_disconnect(&second.presence);
}

static void a_plan_is_stored_once_and_chunks_number_on(void **state) {
    (void)state;
    struct server_run run;
    server_start_run(&server_admin, &run);
    /* One source table feeds two targets; another has numbers of its own. */
    int64_t first = server_add_table(&server_admin, &run, "same", "t1"),
            second = server_add_table(&server_admin, &run, "same", "t2"),
            third = server_add_table(&server_admin, &run, "other", "t3");
    server_plan(&server_admin, &run, first, "t1", true, 3);
    server_plan(&server_admin, &run, second, "t2", true, 2);
    server_plan(&server_admin, &run, third, "t3", true, 4500);
    assert_string_equal(server_value(&server_admin,
                                     "SELECT string_agg(table_id - %lld || ':' || first || '-' || last, ' ' ORDER BY"
                                     " table_id) FROM (SELECT table_id, min(chunk_id) AS first, max(chunk_id) AS last"
                                     " FROM migration_status.migration_chunk_status GROUP BY table_id) AS s",
                                     (long long)first),
                        "0:1-3 1:4-5 2:1-4500");
    server_check_counters(&server_admin);
    struct ledger_plan again = {.table_id = first, .expected_rows = -1};
    must(target_begin(&server_admin, true, &error));
    must_fail(ledger_store_plan(&server_admin, run.run_id, &again, 1, &error), ERROR_LOST);
    target_rollback(&server_admin);
    struct ledger_tables tables;
    must(ledger_list_tables(&server_admin, run.run_id, &tables, &error));
    assert_int_equal(tables.count, 3);
    assert_true(tables.list[2].planned);
    assert_string_equal(tables.list[2].status, "in_progress");
    assert_int_equal(tables.list[2].total_chunks, 4500);
    assert_int_equal(tables.list[2].expected_rows, 45000);
    assert_string_equal(tables.list[2].source_name, "a");
    assert_string_equal(tables.list[2].target_database, server_admin.database);
    assert_string_equal(tables.list[2].target_table, "t3");
    assert_contains(tables.list[2].metadata, "\"strategy\"");
    ledger_tables_release(&tables);
    must_fail(ledger_insert_table(&server_admin, run.run_id,
                                  &(struct ledger_table){.source_name = (char[]){"a"},
                                                         .source_database = (char[]){"db"},
                                                         .source_schema = (char[]){"src"},
                                                         .source_table = (char[]){"same"},
                                                         .target_schema = (char[]){"dst"},
                                                         .target_table = (char[]){"t1"}},
                                  &error),
              ERROR_DATA);
    target_disconnect(&run.presence);
}

static void hostile_names_are_only_names(void **state) {
    (void)state;
    static const char name[] = "a\"b'; DROP SCHEMA migration_status CASCADE; -- \\ \xF0\x9F\x90\x98";
    struct server_run run;
    struct ledger_tables tables;
    int64_t generation = 0;
    bool already = false;
    server_start_run(&server_admin, &run);
    int64_t table = server_add_table(&server_admin, &run, name, name);
    must(target_begin(&server_admin, true, &error));
    must(ledger_take_target(&server_admin, run.run_id, "dst", name, true, &generation, &already, &error));
    struct ledger_plan_chunk chunk = {.range = (char[]){"{\"lower\": [\"it's \\\"1\\\" \\\\ é\"]}"},
                                      .expected_rows = -1};
    struct ledger_plan plan = {.table_id = table, .chunks = &chunk, .chunk_count = 1, .expected_rows = -1};
    must(ledger_store_plan(&server_admin, run.run_id, &plan, generation, &error));
    must(ledger_list_tables(&server_admin, run.run_id, &tables, &error));
    assert_string_equal(tables.list[0].source_table, name);
    assert_string_equal(tables.list[0].target_table, name);
    assert_int_equal(tables.list[0].expected_rows, -1);
    ledger_tables_release(&tables);
    assert_string_equal(server_value(&server_admin, "SELECT chunk_range -> 'lower' ->> 0 FROM"
                                                    " migration_status.migration_chunk_status"),
                        "it's \"1\" \\ é");
    target_rollback(&server_admin);
    target_disconnect(&run.presence);
}

/* Two tables that feed one target finish at the same time: one of them, and only one, sees itself as the last. */
static void one_of_several_feeders_is_the_last(void **state) {
    (void)state;
    struct server_run run;
    struct target_connection other;
    struct ledger_totals totals;
    bool unknown = false;
    server_connect(&other, "other", NULL);
    server_start_run(&server_admin, &run);
    int64_t first = server_add_table(&server_admin, &run, "t1", "t"),
            second = server_add_table(&server_admin, &run, "t2", "t");
    int64_t generation = server_plan(&server_admin, &run, first, "t", true, 1);
    assert_int_equal(server_plan(&server_admin, &run, second, "t", true, 1), generation);
    load(&run, first, generation);
    load(&run, second, generation);
    must(target_begin(&server_admin, true, &error));
    must(ledger_lock_totals(&server_admin, run.run_id, first, &totals, &error));
    assert_int_equal(totals.target_unfinished, 1);
    assert_int_equal(totals.target_run_rows, 20);
    assert_int_equal(totals.rows_copied, 10);
    assert_int_equal(totals.counter_rows, 10);
    assert_int_equal(totals.expected_rows, 10);
    assert_int_equal(totals.completed_chunks, 1);
    assert_string_equal(totals.status, "in_progress");
    must(target_begin(&other, true, &error));
    server_execute(&other, "SET LOCAL lock_timeout = '200ms'");
    must_fail(ledger_lock_totals(&other, run.run_id, second, &totals, &error), ERROR_TRANSIENT);
    target_rollback(&other);
    must(ledger_complete_table(&server_admin, run.run_id, first, NULL, &error));
    must(target_commit(&server_admin, &unknown, &error));
    must(target_begin(&other, true, &error));
    must(ledger_lock_totals(&other, run.run_id, second, &totals, &error));
    assert_int_equal(totals.target_unfinished, 0);
    target_disconnect(&other);
    target_disconnect(&run.presence);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_run_takes_its_target_once, server_forget_runs),
        cmocka_unit_test_setup(a_live_run_s_target_is_refused_by_name, server_forget_runs),
        cmocka_unit_test_setup(invariant_04_an_old_run_can_t_load_after_a_newer_one, server_forget_runs),
        cmocka_unit_test_setup(rows_of_an_unfinished_run_are_not_doubled, server_forget_runs),
        cmocka_unit_test_setup(forgetting_the_run_is_a_way_out_too, server_forget_runs),
        cmocka_unit_test_setup(completed_runs_may_be_added_to, server_forget_runs),
        cmocka_unit_test_setup(a_plan_is_stored_once_and_chunks_number_on, server_forget_runs),
        cmocka_unit_test_setup(hostile_names_are_only_names, server_forget_runs),
        cmocka_unit_test_setup(one_of_several_feeders_is_the_last, server_forget_runs),
    };
    return cmocka_run_group_tests(tests, server_open_ledger, server_close_admin);
}
