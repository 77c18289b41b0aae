/* Runs: their state is what is true now, and who may go on with them. */
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static const char *state_of(const struct server_run *run) {
    return server_value(&server_admin, "SELECT state FROM migration_status.v_migrations WHERE run_id = '%s'",
                        run->run_id);
}

static const char *finish(struct server_run *run, bool stopped, const char *reason) {
    static char status[16];
    must(ledger_finish_run(&server_admin, run->run_id, run->owner_id, stopped, reason, status, &error));
    assert_string_equal(server_value(&server_admin,
                                     "SELECT status FROM migration_status.migration_runs WHERE run_id = '%s'",
                                     run->run_id),
                        status);
    server_check_counters(&server_admin);
    return status;
}

static void adopt(struct server_run *run) {
    bool unknown = false;
    int run_number = 0;
    must(target_begin(&server_admin, true, &error));
    must(ledger_adopt_run(&server_admin, run->run_id, &run_number, &error));
    must(target_commit(&server_admin, &unknown, &error));
    assert_int_equal(run_number, run->run_number);
    server_check_counters(&server_admin);
}

static void complete(const struct server_run *run, int64_t table, int64_t generation, const char *target) {
    bool found = true, last = false, unknown = false;
    while (found) {
        struct ledger_claim claim;
        must(ledger_claim(&server_admin, run->run_id, &table, 1, run->owner_id, &claim, &found, &error));
        if (!found)
            break;
        must(target_begin(&server_admin, false, &error));
        must(ledger_enter_load(&server_admin, run->run_id, &claim, "dst", target, generation, &error));
        must(ledger_leave_load(&server_admin, run->run_id, &claim, 10, &last, &error));
        must(target_commit(&server_admin, &unknown, &error));
        ledger_claim_release(&claim);
    }
    assert_true(last);
    struct ledger_totals totals;
    must(target_begin(&server_admin, true, &error));
    must(ledger_lock_totals(&server_admin, run->run_id, table, &totals, &error));
    must(ledger_complete_table(&server_admin, run->run_id, table, "{\"checked\": true}", &error));
    must(target_commit(&server_admin, &unknown, &error));
}

static void a_run_is_listed_with_what_it_was_started_with(void **state) {
    (void)state;
    struct server_run run;
    struct ledger_runs runs;
    int64_t now_us = 0;
    server_start_run(&server_admin, &run);
    must(ledger_list_runs(&server_admin, NULL, &runs, &now_us, &error));
    assert_int_equal(runs.count, 1);
    const struct ledger_run *listed = &runs.list[0];
    assert_string_equal(listed->run_id, run.run_id);
    assert_int_equal(listed->run_number, run.run_number);
    assert_string_equal(listed->status, "running");
    assert_string_equal(listed->execution_hash, "0123456789abcdef");
    assert_string_equal(listed->source_names, "a,b");
    assert_contains(listed->settings, "\"snapshot\"");
    assert_true(listed->live);
    assert_string_equal(listed->owners, "host-a (pid 17)");
    assert_true(now_us - listed->last_progress_us < 60000000 && now_us >= listed->started_at_us);
    ledger_runs_release(&runs);
    assert_string_equal(server_value(&server_admin,
                                     "SELECT metadata ->> 'execution_hash' || ' ' || config_hash || ' ' ||"
                                     " (metadata -> 'settings' ->> 'snapshot') || ' ' || created_by"
                                     " FROM migration_status.migration_runs"),
                        "0123456789abcdef fedcba9876543210 none postgres");
    server_leave_run(&run);
    must(ledger_list_runs(&server_admin, NULL, &runs, &now_us, &error));
    assert_false(runs.list[0].live);
    assert_string_equal(runs.list[0].owners, "");
    ledger_runs_release(&runs);
}

static void invariant_07_running_without_an_owner_is_interrupted(void **state) {
    (void)state;
    struct server_run run, joined;
    server_start_run(&server_admin, &run);
    assert_string_equal(state_of(&run), "running");
    server_join_run(&server_admin, &run, &joined);
    assert_string_equal(server_value(&server_admin, "SELECT owners_alive || ' ' || owners FROM"
                                                    " migration_status.v_active_migrations"),
                        "2 host-a (pid 17), host-b (pid 18)");
    server_leave_run(&run);
    assert_string_equal(state_of(&run), "running");
    server_leave_run(&joined);
    assert_string_equal(state_of(&run), "interrupted");
    adopt(&run);
    assert_string_equal(state_of(&run), "interrupted"); /* nobody holds it yet */
}

/* The end of a process, whichever way: its presence goes with it. */
static void invariant_07_a_killed_owner_is_gone(void **state) {
    (void)state;
    struct server_run run;
    int ready[2];
    server_start_run(&server_admin, &run);
    server_leave_run(&run);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct target_connection presence;
        struct config_target target = server_target();
        bool held = target_connect(&presence, &target, server_admin.database, "presence", NULL, &error) &&
                    ledger_hold_presence(&presence, run.run_number, run.owner_id, &error);
        if (write(ready[1], &held, 1) == 1)
            pause();
        _exit(1);
    }
    bool held = false;
    assert_int_equal(read(ready[0], &held, 1), 1);
    assert_true(held);
    assert_string_equal(state_of(&run), "running");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    for (int i = 0; i < 500 && strcmp(state_of(&run), "interrupted") != 0; i++)
        clock_sleep_ms(10);
    assert_string_equal(state_of(&run), "interrupted");
    close(ready[0]);
    close(ready[1]);
}

static void an_idle_presence_holds_vacuum_back_by_nothing(void **state) {
    (void)state;
    struct server_run run;
    server_start_run(&server_admin, &run);
    assert_string_equal(server_value(&server_admin,
                                     "SELECT concat_ws(' ', state, backend_xid, backend_xmin) FROM pg_stat_activity"
                                     " WHERE pid = %d",
                                     run.presence.backend_pid),
                        "idle in transaction");
    must(ledger_check_presence(&run.presence, &error));
    assert_string_equal(server_value(&run.presence, "SHOW idle_in_transaction_session_timeout"), "0");
    /* One owner can't be at two places. */
    struct target_connection second;
    server_connect(&second, "presence", NULL);
    must_fail(ledger_hold_presence(&second, run.run_number, run.owner_id, &error), ERROR_LOST);
    target_disconnect(&second);
    server_terminate(&server_admin, run.presence.backend_pid);
    must_fail(ledger_check_presence(&run.presence, &error), ERROR_LOST);
    must_fail(ledger_check_presence(&run.presence, &error), ERROR_LOST);
    target_disconnect(&run.presence);
}

static void the_final_status_is_what_the_tables_say(void **state) {
    (void)state;
    struct server_run run;
    server_start_run(&server_admin, &run);
    int64_t first = server_add_table(&server_admin, &run, "t1", "t1");
    int64_t second = server_add_table(&server_admin, &run, "t2", "t2");
    int64_t generation = server_plan(&server_admin, &run, first, "t1", true, 2);
    assert_string_equal(finish(&run, true, "SIGTERM"), "partial");
    adopt(&run);
    must(ledger_fail_table(&server_admin, run.run_id, second, "the source has no table t2", &error));
    must(ledger_fail_table(&server_admin, run.run_id, second, "twice doesn't count twice", &error));
    assert_string_equal(finish(&run, false, NULL), "failed");
    assert_string_equal(server_value(&server_admin, "SELECT error_message FROM migration_status.migration_runs"),
                        "1 of 2 tables failed: dst.t2: the source has no table t2");
    /* Failed in planning: pending again, and planned by whoever resumes. */
    adopt(&run);
    assert_string_equal(server_value(&server_admin, "SELECT string_agg(status, ' ' ORDER BY table_id) FROM"
                                                    " migration_status.migration_table_status"),
                        "in_progress pending");
    complete(&run, first, generation, "t1");
    assert_string_equal(finish(&run, false, NULL), "partial");
    adopt(&run);
    generation = server_plan(&server_admin, &run, second, "t2", true, 1);
    complete(&run, second, generation, "t2");
    assert_string_equal(finish(&run, true, "a stop that came too late"), "completed");
    assert_string_equal(server_value(&server_admin, "SELECT completed_tables || ' ' || total_rows_copied || ' ' ||"
                                                    " (error_message IS NULL) || ' ' || (completed_at IS NOT NULL)"
                                                    " FROM migration_status.migration_runs"),
                        "2 30 true true");
    assert_string_equal(server_value(&server_admin,
                                     "SELECT (metadata ->> 'strategy') || (metadata ->> 'checked') FROM"
                                     " migration_status.migration_table_status WHERE table_id = %lld",
                                     (long long)first),
                        "rangetrue");
    assert_string_equal(server_value(&server_admin, "SELECT percent FROM migration_status.v_migrations"), "100.0");
    must_fail(ledger_complete_table(&server_admin, run.run_id, first, NULL, &error), ERROR_LOST);
    target_disconnect(&run.presence);
    must_fail(
        ledger_finish_run(&server_admin, "00000000-0000-0000-0000-000000000000", 0, false, NULL, (char[16]){0}, &error),
        ERROR_LOST);
    must_fail(ledger_adopt_run(&server_admin, "00000000-0000-0000-0000-000000000000", &run.run_number, &error),
              ERROR_CONFIG);
}

static void the_last_owner_to_finish_has_the_last_word(void **state) {
    (void)state;
    struct server_run run, joined;
    server_start_run(&server_admin, &run);
    server_join_run(&server_admin, &run, &joined);
    server_add_table(&server_admin, &run, "t1", "t1");
    assert_string_equal(finish(&run, true, "SIGTERM"), "running");
    /* Its presence may still be held when the other one ends: it has finished all the same. */
    assert_string_equal(finish(&joined, true, "SIGTERM"), "partial");
    target_disconnect(&run.presence);
    target_disconnect(&joined.presence);
}

static void failed_chunks_get_a_new_chance(void **state) {
    (void)state;
    struct server_run run;
    struct ledger_claim claim;
    bool found = false;
    server_start_run(&server_admin, &run);
    int64_t table = server_add_table(&server_admin, &run, "t1", "t1");
    server_plan(&server_admin, &run, table, "t1", true, 3);
    must(ledger_claim(&server_admin, run.run_id, &table, 1, run.owner_id, &claim, &found, &error));
    must(ledger_count_retry(&server_admin, run.run_id, &claim, "the network", &error));
    must(ledger_fail_chunk(&server_admin, run.run_id, &claim, "a bad row", &error));
    must(ledger_fail_chunk(&server_admin, run.run_id, &claim, "counted once", &error));
    must(ledger_fail_table(&server_admin, run.run_id, table, "chunk 1: a bad row", &error));
    server_check_counters(&server_admin);
    ledger_claim_release(&claim);
    /* None of a failed table's chunks is claimed. */
    must(ledger_claim(&server_admin, run.run_id, &table, 1, run.owner_id, &claim, &found, &error));
    assert_false(found);
    assert_string_equal(finish(&run, false, NULL), "failed");
    adopt(&run);
    assert_string_equal(server_value(&server_admin, "SELECT concat_ws(' ', status, failed_chunks, error_message) FROM"
                                                    " migration_status.migration_table_status"),
                        "in_progress 0");
    must(ledger_claim(&server_admin, run.run_id, &table, 1, run.owner_id, &claim, &found, &error));
    assert_true(found);
    assert_int_equal(claim.chunk_id, 1);
    assert_int_equal(claim.retry_count, 0);
    ledger_claim_release(&claim);
    target_disconnect(&run.presence);
}

static void a_person_may_keep_a_run_resumable(void **state) {
    (void)state;
    struct server_run run;
    struct ledger_runs runs;
    int64_t now_us = 0;
    server_start_run(&server_admin, &run);
    target_disconnect(&run.presence);
    server_execute(&server_admin, "UPDATE migration_status.migration_runs SET started_at = now() - interval '40 days',"
                                  " last_progress_at = now() - interval '30 days'");
    must(ledger_list_runs(&server_admin, NULL, &runs, &now_us, &error));
    assert_int_equal((now_us - runs.list[0].last_progress_us) / 3600000000, 720);
    ledger_runs_release(&runs);
    server_execute(&server_admin, "UPDATE migration_status.migration_runs SET started_at = NOW()");
    must(ledger_list_runs(&server_admin, NULL, &runs, &now_us, &error));
    assert_true(now_us - runs.list[0].last_progress_us < 60000000);
    ledger_runs_release(&runs);
    /* A completed run is listed only by its id. */
    server_execute(&server_admin, "UPDATE migration_status.migration_runs SET status = 'completed'");
    must(ledger_list_runs(&server_admin, NULL, &runs, &now_us, &error));
    assert_int_equal(runs.count, 0);
    ledger_runs_release(&runs);
    must(ledger_list_runs(&server_admin, run.run_id, &runs, &now_us, &error));
    assert_int_equal(runs.count, 1);
    ledger_runs_release(&runs);
}

static void the_decision_is_made_by_one_at_a_time(void **state) {
    (void)state;
    struct target_connection other;
    bool unknown = false, locked = false;
    server_connect(&other, "other", NULL);
    must(target_begin(&server_admin, true, &error));
    must(ledger_lock_decision(&server_admin, false, &locked, &error));
    must(target_begin(&other, true, &error));
    server_execute(&other, "SET LOCAL lock_timeout = '200ms'");
    must(ledger_lock_decision(&other, false, &locked, &error));
    assert_false(locked);
    must_fail(ledger_lock_decision(&other, true, &locked, &error), ERROR_TRANSIENT);
    assert_string_equal(error.code, "55P03");
    target_rollback(&other);
    must(target_commit(&server_admin, &unknown, &error));
    must(target_begin(&other, true, &error));
    must(ledger_lock_decision(&other, true, &locked, &error));
    target_disconnect(&other);
}

/* A frozen process: its backends live on, deaf to everything but their end. */
/* How long its owners will be there, as whoever wants the run sees it. */
static int64_t owned_us(const char *run_id) {
    struct ledger_runs runs;
    int64_t now_us = 0, found_us = 0;
    must(ledger_list_runs(&server_admin, run_id, &runs, &now_us, &error));
    for (size_t i = 0; i < runs.count; i++)
        found_us = strcmp(runs.list[i].run_id, run_id) == 0 ? runs.list[i].owned_us : found_us;
    ledger_runs_release(&runs);
    return found_us;
}

static void an_owner_says_when_it_must_have_ended(void **state) {
    (void)state;
    struct server_run run, other;
    server_start_run(&server_admin, &run);
    server_join_run(&server_admin, &run, &other);
    must(ledger_heartbeat(&server_admin, run.owner_id, 5000000, &error));
    must(ledger_heartbeat(&server_admin, other.owner_id, 30000000, &error));
    assert_true(owned_us(run.run_id) == INT64_MIN); /* one of them can go on for ever */
    must(ledger_heartbeat(&server_admin, other.owner_id, 20000000, &error));
    assert_in_range(owned_us(run.run_id), 15000000, 20000000);
    server_leave_run(&other);
    assert_in_range(owned_us(run.run_id), 1, 5000000);
    server_leave_run(&run);
    assert_true(owned_us(run.run_id) == INT64_MIN);
}

static void an_overdue_owner_is_evicted_with_its_loads(void **state) {
    (void)state;
    struct server_run run, frozen;
    struct target_connection load, stranger;
    struct ledger_claim claim;
    bool found = false;
    int evicted = -1;
    server_start_run(&server_admin, &run);
    server_join_run(&server_admin, &run, &frozen);
    int64_t table = server_add_table(&server_admin, &run, "t1", "t1");
    int64_t generation = server_plan(&server_admin, &run, table, "t1", true, 1);
    server_execute(&server_admin, "CREATE TABLE IF NOT EXISTS public.t1 (id int)");
    must(ledger_claim(&server_admin, run.run_id, &table, 1, frozen.owner_id, &claim, &found, &error));
    server_connect(&load, "load", NULL);
    server_connect(&stranger, "stranger", NULL);
    ledger_mark_transactions(&load, frozen.owner_id);
    must(target_begin(&load, false, &error));
    must(ledger_enter_load(&load, run.run_id, &claim, "dst", "t1", generation, &error));
    PGresult *copying = PQexec(load.pg, "COPY public.t1 FROM STDIN (FORMAT binary)");
    assert_int_equal(PQresultStatus(copying), PGRES_COPY_IN);
    PQclear(copying);

    must(ledger_heartbeat(&server_admin, run.owner_id, 600000000, &error));
    must(ledger_heartbeat(&server_admin, frozen.owner_id, 600000000, &error));
    must(ledger_evict_overdue(&server_admin, &evicted, &error));
    assert_int_equal(evicted, 0);
    must(ledger_heartbeat(&server_admin, frozen.owner_id, -1000000, &error));
    /* Its presence alone may end first; the load it left behind is found all the same. */
    server_terminate(&server_admin, frozen.presence.backend_pid);
    must(ledger_evict_overdue(&server_admin, &evicted, &error));
    assert_int_equal(evicted, 1);
    must_fail(target_execute(&load, "SELECT 1", &error), ERROR_INTERNAL); /* libpq still thinks that it copies */
    target_rollback(&load);
    assert_string_equal(server_value(&stranger, "SELECT 1"), "1");
    must(ledger_check_presence(&run.presence, &error));
    assert_string_equal(
        server_value(&server_admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d", load.backend_pid), "0");
    must_fail(ledger_heartbeat(&server_admin, frozen.owner_id, 600000000, &error), ERROR_LOST);

    struct ledger_claim taken_over;
    must(ledger_claim(&server_admin, run.run_id, &table, 1, run.owner_id, &taken_over, &found, &error));
    assert_true(found);
    assert_int_equal(taken_over.chunk_id, claim.chunk_id);
    must(ledger_evict_overdue(&server_admin, &evicted, &error));
    assert_int_equal(evicted, 0);
    ledger_claim_release(&claim);
    ledger_claim_release(&taken_over);
    target_disconnect(&load);
    target_disconnect(&stranger);
    target_disconnect(&frozen.presence);
    target_disconnect(&run.presence);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_run_is_listed_with_what_it_was_started_with, server_forget_runs),
        cmocka_unit_test_setup(invariant_07_running_without_an_owner_is_interrupted, server_forget_runs),
        cmocka_unit_test_setup(invariant_07_a_killed_owner_is_gone, server_forget_runs),
        cmocka_unit_test_setup(an_idle_presence_holds_vacuum_back_by_nothing, server_forget_runs),
        cmocka_unit_test_setup(the_final_status_is_what_the_tables_say, server_forget_runs),
        cmocka_unit_test_setup(the_last_owner_to_finish_has_the_last_word, server_forget_runs),
        cmocka_unit_test_setup(failed_chunks_get_a_new_chance, server_forget_runs),
        cmocka_unit_test_setup(a_person_may_keep_a_run_resumable, server_forget_runs),
        cmocka_unit_test_setup(the_decision_is_made_by_one_at_a_time, server_forget_runs),
        cmocka_unit_test_setup(an_owner_says_when_it_must_have_ended, server_forget_runs),
        cmocka_unit_test_setup(an_overdue_owner_is_evicted_with_its_loads, server_forget_runs),
    };
    return cmocka_run_group_tests(tests, server_open_ledger, server_close_admin);
}
