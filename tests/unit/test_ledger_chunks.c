/* Claims and loads: a chunk has one owner, and its rows and its record commit together. */
#include "server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sql.h"

static struct target_connection admin;

static int open_admin(void **state) {
    server_setup(state);
    server_connect(&admin, "admin", NULL);
    must(ledger_prepare(&admin, &error));
    server_execute(&admin, "CREATE TABLE public.loaded (chunk bigint, thread int)");
    return 0;
}

static int close_admin(void **state) {
    target_disconnect(&admin);
    return server_teardown(state);
}

static int forget_all(void **state) {
    (void)state;
    server_execute(&admin,
                   "DELETE FROM migration_status.migration_runs; DELETE FROM migration_status.migration_targets;"
                   " TRUNCATE public.loaded");
    return 0;
}

static bool claim_one(struct target_connection *connection, const struct server_run *run, int64_t table,
                      struct ledger_claim *claim) {
    bool found = false;
    must(ledger_claim(connection, run->run_id, &table, 1, run->owner_id, claim, &found, &error));
    return found;
}

static void pending_chunks_come_first_in_the_order_of_the_tables(void **state) {
    (void)state;
    struct server_run run, gone;
    struct ledger_claim claim, abandoned, lost;
    bool found = false;
    server_start_run(&admin, &run);
    server_join_run(&admin, &run, &gone);
    int64_t first = server_add_table(&admin, &run, "t1", "t1"), second = server_add_table(&admin, &run, "t2", "t2");
    server_plan(&admin, &run, first, "t1", true, 2);
    server_plan(&admin, &run, second, "t2", true, 1);
    assert_true(claim_one(&admin, &gone, first, &abandoned));
    server_leave_run(&gone);
    int64_t order[] = {second, first};
    static const int wanted[][2] = {{1, 1}, {0, 2}, {0, 1}};
    for (int i = 0; i < 3; i++) {
        must(ledger_claim(&admin, run.run_id, order, 2, run.owner_id, &claim, &found, &error));
        assert_true(found);
        assert_int_equal(claim.table_id, wanted[i][0] ? second : first);
        assert_int_equal(claim.chunk_id, wanted[i][1]);
        assert_int_equal(claim.expected_rows, 10);
        assert_string_equal(claim.range, "{\"kind\": \"whole\"}");
        assert_int_equal(strlen(claim.token), 36);
        ledger_claim_release(&claim);
        assert_null(claim.range);
    }
    /* Nothing is left to claim while its owner is alive. Tables of another run, or none, give nothing. */
    must(ledger_claim(&admin, run.run_id, order, 2, run.owner_id, &lost, &found, &error));
    assert_false(found);
    must(ledger_claim(&admin, run.run_id, order, 0, run.owner_id, &lost, &found, &error));
    assert_false(found);
    must(ledger_claim(&admin, "00000000-0000-0000-0000-000000000000", order, 2, run.owner_id, &lost, &found, &error));
    assert_false(found);
    ledger_claim_release(&abandoned);
    target_disconnect(&run.presence);
}

static void released_failed_and_retried_chunks_keep_the_counters_right(void **state) {
    (void)state;
    struct server_run run;
    struct ledger_claim claim, again;
    server_start_run(&admin, &run);
    int64_t table = server_add_table(&admin, &run, "t1", "t1");
    server_plan(&admin, &run, table, "t1", true, 2);
    assert_true(claim_one(&admin, &run, table, &claim));
    must(ledger_count_retry(&admin, run.run_id, &claim, "the network", &error));
    must(ledger_release_chunk(&admin, run.run_id, &claim, &error));
    server_check_counters(&admin);
    assert_true(claim_one(&admin, &run, table, &again));
    assert_int_equal(again.chunk_id, claim.chunk_id);
    assert_int_equal(again.retry_count, 1);
    assert_string_not_equal(again.token, claim.token);
    /* What the former claim says now changes nothing. */
    must(ledger_count_retry(&admin, run.run_id, &claim, "too late", &error));
    must(ledger_release_chunk(&admin, run.run_id, &claim, &error));
    must(ledger_fail_chunk(&admin, run.run_id, &claim, "too late", &error));
    assert_string_equal(server_value(&admin, "SELECT concat_ws(' ', status, retry_count, error_message) FROM"
                                             " migration_status.migration_chunk_status WHERE chunk_id = 1"),
                        "in_progress 1 the network");
    must(ledger_fail_chunk(&admin, run.run_id, &again, "a bad row", &error));
    server_check_counters(&admin);
    assert_string_equal(server_value(&admin, "SELECT failed_chunks FROM migration_status.migration_table_status"), "1");
    ledger_claim_release(&claim);
    ledger_claim_release(&again);
    target_disconnect(&run.presence);
}

/* A chunk becomes three, and only for who has it. */
static void a_chunk_that_is_split_keeps_the_counters_right(void **state) {
    (void)state;
    struct server_run run, other;
    struct ledger_claim claim, again, parts[4];
    int64_t numbered = 0;
    static char ranges[3][16] = {"{\"part\": 0}", "{\"part\": 1}", "{\"part\": 2}"};
    const struct ledger_plan_chunk list[] = {{ranges[0], 4}, {ranges[1], 3}, {ranges[2], 3}};
    const struct ledger_cut cut = {list, 3, "the test cut it"};
    server_start_run(&admin, &run);
    int64_t table = server_add_table(&admin, &run, "t1", "t1");
    int64_t generation = server_plan(&admin, &run, table, "t1", true, 2);
    assert_true(claim_one(&admin, &run, table, &claim));
    must(ledger_break_chunk(&admin, run.run_id, &claim, &error));
    assert_true(claim_one(&admin, &run, table, &again));
    assert_int_equal(again.deadline_breaks, 1);
    /* Whoever had it before, and whoever has an older plan, cuts nothing. */
    assert_false(ledger_split_chunk(&admin, run.run_id, &claim, "dst", "t1", generation, &cut, &numbered, &error));
    assert_string_equal(error.code, "chunk");
    error_clear(&error);
    assert_false(ledger_split_chunk(&admin, run.run_id, &again, "dst", "t1", generation - 1, &cut, &numbered, &error));
    assert_string_equal(error.code, "plan");
    error_clear(&error);
    assert_string_equal(server_value(&admin, "SELECT count(*) FROM migration_status.migration_chunk_status"), "2");
    must(ledger_split_chunk(&admin, run.run_id, &again, "dst", "t1", generation, &cut, &numbered, &error));
    assert_int_equal(numbered, 2);
    server_check_counters(&admin);
    assert_string_equal(
        server_value(&admin, "SELECT string_agg(concat_ws(' ', chunk_id, status, chunk_range ->> 'part', expected_rows,"
                             " deadline_breaks, owner_id), ', ' ORDER BY chunk_id)"
                             " FROM migration_status.migration_chunk_status"),
        "1 pending 0 4 0, 2 pending 10 0, 3 pending 1 3 0, 4 pending 2 3 0");
    assert_string_equal(server_value(&admin, "SELECT total_chunks FROM migration_status.migration_table_status"), "4");
    assert_string_equal(server_value(&admin,
                                     "SELECT string_agg(concat_ws(' ', chunk_id, split_from, split_reason), ', '"
                                     " ORDER BY chunk_id) FROM migration_status.migration_chunk_status"),
                        "1 1 the test cut it, 2, 3 1, 4 1");
    server_join_run(&admin, &run, &other);
    for (int i = 0; i < 4; i++)
        assert_true(claim_one(&admin, i % 2 == 0 ? &run : &other, table, &parts[i]));
    /* The table isn't finished before the last of the parts. */
    for (int i = 0; i < 4; i++) {
        bool last = false, unknown = false;
        must(target_begin(&admin, false, &error));
        must(ledger_enter_load(&admin, run.run_id, &parts[i], "dst", "t1", generation, &error));
        must(ledger_leave_load(&admin, run.run_id, &parts[i], 1, &last, &error));
        must(target_commit(&admin, &unknown, &error));
        assert_int_equal(last, i == 3);
        server_check_counters(&admin);
        ledger_claim_release(&parts[i]);
    }
    ledger_claim_release(&claim);
    ledger_claim_release(&again);
    target_disconnect(&other.presence);
    target_disconnect(&run.presence);
}

/* Both of design §1.3's rooms, looked at in one snapshot at every step. */
static void invariant_03_rows_and_their_record_are_seen_together(void **state) {
    (void)state;
    struct server_run run;
    struct ledger_claim claim;
    struct target_connection load, reader;
    bool last = false, unknown = false;
    static const char *const both = "SELECT (SELECT count(*) FROM public.loaded) || ' ' || completed_chunks || ' ' ||"
                                    " total_rows_copied || ' ' || (SELECT count(*) FROM"
                                    " migration_status.migration_chunk_status WHERE status = 'completed') FROM"
                                    " migration_status.migration_table_status";
    server_connect(&load, "load", NULL);
    server_connect(&reader, "reader", NULL);
    server_start_run(&admin, &run);
    int64_t table = server_add_table(&admin, &run, "t1", "t1");
    int64_t generation = server_plan(&admin, &run, table, "t1", true, 1);
    assert_true(claim_one(&admin, &run, table, &claim));
    for (int attempt = 0; attempt < 2; attempt++) {
        must(target_begin(&load, false, &error));
        must(ledger_enter_load(&load, run.run_id, &claim, "dst", "t1", generation, &error));
        server_execute(&load, "INSERT INTO public.loaded SELECT 1, i FROM generate_series(1, 7) i");
        assert_string_equal(server_value(&reader, "%s", both), "0 0 0 0");
        must(ledger_leave_load(&load, run.run_id, &claim, 7, &last, &error));
        assert_true(last);
        assert_string_equal(server_value(&reader, "%s", both), "0 0 0 0");
        if (attempt == 0)
            server_terminate(&admin, load.backend_pid);
        if (attempt == 0)
            must_fail(target_commit(&load, &unknown, &error), ERROR_TRANSIENT);
        else
            must(target_commit(&load, &unknown, &error));
        bool completed = attempt == 0;
        must(ledger_chunk_is_completed(&admin, run.run_id, &claim, &completed, &error));
        assert_int_equal(completed, attempt == 1);
        if (attempt == 0) {
            assert_true(unknown);
            target_disconnect(&load);
            server_connect(&load, "load", NULL);
        }
    }
    assert_string_equal(server_value(&reader, "%s", both), "7 1 7 1");
    server_check_counters(&admin);
    /* Once completed it is never loaded again, by this claim or another. */
    must(target_begin(&load, false, &error));
    must_fail(ledger_enter_load(&load, run.run_id, &claim, "dst", "t1", generation, &error), ERROR_LOST);
    target_rollback(&load);
    ledger_claim_release(&claim);
    assert_false(claim_one(&admin, &run, table, &claim));
    target_disconnect(&load);
    target_disconnect(&reader);
    target_disconnect(&run.presence);
}

static void invariant_04_a_zombie_can_t_load_over_its_successor(void **state) {
    (void)state;
    struct server_run run, zombie;
    struct ledger_claim old, claim;
    struct target_connection load, late;
    bool last = false, unknown = false;
    server_connect(&load, "load", NULL);
    server_connect(&late, "zombie", NULL);
    server_start_run(&admin, &run);
    server_join_run(&admin, &run, &zombie);
    int64_t table = server_add_table(&admin, &run, "t1", "t1");
    int64_t generation = server_plan(&admin, &run, table, "t1", true, 1);
    assert_true(claim_one(&admin, &zombie, table, &old));
    assert_false(claim_one(&admin, &run, table, &claim));
    server_leave_run(&zombie);

    /* While the zombie's load is open, its chunk is nobody else's: it may still commit. */
    must(target_begin(&late, false, &error));
    must(ledger_enter_load(&late, run.run_id, &old, "dst", "t1", generation, &error));
    assert_false(claim_one(&admin, &run, table, &claim));
    target_rollback(&late);

    /* Taken over: the zombie comes too late to begin, */
    assert_true(claim_one(&admin, &run, table, &claim));
    must(target_begin(&late, false, &error));
    must_fail(ledger_enter_load(&late, run.run_id, &old, "dst", "t1", generation, &error), ERROR_LOST);
    assert_string_equal(error.code, "chunk");
    target_rollback(&late);
    /* to record, though it never asked, */
    must(target_begin(&late, false, &error));
    must_fail(ledger_leave_load(&late, run.run_id, &old, 10, &last, &error), ERROR_LOST);
    target_rollback(&late);
    /* and to fail what isn't its own. */
    must(ledger_fail_chunk(&late, run.run_id, &old, "zombie", &error));
    must(target_begin(&load, false, &error));
    must(ledger_enter_load(&load, run.run_id, &claim, "dst", "t1", generation, &error));
    must(ledger_leave_load(&load, run.run_id, &claim, 10, &last, &error));
    must(target_commit(&load, &unknown, &error));
    must_fail(ledger_leave_load(&late, run.run_id, &old, 10, &last, &error), ERROR_LOST);
    bool completed = true;
    must(ledger_chunk_is_completed(&admin, run.run_id, &old, &completed, &error));
    assert_false(completed); /* not by the zombie */
    must(ledger_chunk_is_completed(&admin, run.run_id, &claim, &completed, &error));
    assert_true(completed);
    server_check_counters(&admin);
    ledger_claim_release(&old);
    ledger_claim_release(&claim);
    target_disconnect(&load);
    target_disconnect(&late);
    target_disconnect(&run.presence);
}

/* Workers of one crowd. Each owner has two threads; some owners vanish on the way, their loads rolled back or
 * committed. */
struct crowd {
    const struct server_run *run;
    struct server_run owners[6];
    int64_t tables[2];
    int64_t generations[2];
    atomic_bool failed;
    atomic_int stolen;
};

struct member {
    struct crowd *crowd;
    int number;
};

/* As a worker does it: true while there may be more to do. */
static bool work_once(struct target_connection *connection, const struct member *member) {
    struct crowd *crowd = member->crowd;
    const struct server_run *owner = &crowd->owners[member->number / 2];
    struct ledger_claim claim;
    bool found = false, last = false, unknown = false;
    if (!ledger_claim(connection, owner->run_id, crowd->tables, 2, owner->owner_id, &claim, &found, &error))
        return false;
    if (!found)
        return strcmp(server_value(connection,
                                   "SELECT count(*) FROM migration_status.migration_chunk_status WHERE status"
                                   " <> 'completed'"),
                      "0") != 0;
    int which = claim.table_id == crowd->tables[1];
    char insert[128];
    snprintf(insert, sizeof insert, "INSERT INTO public.loaded VALUES (%lld, %d)",
             (long long)(claim.table_id * 1000000 + claim.chunk_id), member->number);
    bool good = target_begin(connection, false, &error) &&
                ledger_enter_load(connection, owner->run_id, &claim, "dst", which ? "t2" : "t1",
                                  crowd->generations[which], &error) &&
                target_execute(connection, insert, &error) &&
                ledger_leave_load(connection, owner->run_id, &claim, 1, &last, &error) &&
                target_commit(connection, &unknown, &error);
    ledger_claim_release(&claim);
    if (!good && error.kind == ERROR_LOST) {
        atomic_fetch_add(&crowd->stolen, 1);
        target_rollback(connection);
        return target_usable(connection);
    }
    return good;
}

static void *work(void *argument) {
    const struct member *member = argument;
    struct target_connection connection;
    server_connect(&connection, "worker", NULL);
    /* The odd owners are killed one after the other: their threads stop at once, claims and loads open. */
    int rounds = member->number / 2 % 2 == 0 ? 1000000 : 20 + 15 * member->number;
    error_clear(&error);
    while (rounds-- > 0 && work_once(&connection, member))
        error_clear(&error);
    if (error.kind != ERROR_NONE) {
        print_error("member %d: %s\n", member->number, error.message);
        atomic_store(&member->crowd->failed, true);
    }
    if (member->number / 2 % 2 != 0) {
        struct ledger_claim claim;
        bool found = false;
        const struct server_run *owner = &member->crowd->owners[member->number / 2];
        if (ledger_claim(&connection, owner->run_id, member->crowd->tables, 2, owner->owner_id, &claim, &found, &error))
            ledger_claim_release(&claim);
        if (member->number % 2 == 1)
            target_disconnect(&member->crowd->owners[member->number / 2].presence);
    }
    target_disconnect(&connection);
    return NULL;
}

static void invariant_04_a_crowd_loads_each_chunk_once(void **state) {
    (void)state;
    enum { CHUNKS = 200, MEMBERS = 12 };
    struct server_run run;
    struct crowd crowd = {.run = &run};
    pthread_t threads[MEMBERS];
    struct member members[MEMBERS];
    server_start_run(&admin, &run);
    for (int i = 0; i < MEMBERS / 2; i++)
        server_join_run(&admin, &run, &crowd.owners[i]);
    for (int i = 0; i < 2; i++) {
        char name[] = {'t', (char)('1' + i), '\0'};
        crowd.tables[i] = server_add_table(&admin, &run, name, name);
        crowd.generations[i] = server_plan(&admin, &run, crowd.tables[i], name, true, CHUNKS);
    }
    for (int i = 0; i < MEMBERS; i++) {
        members[i] = (struct member){&crowd, i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &members[i]), 0);
    }
    for (int i = 0; i < MEMBERS; i++)
        pthread_join(threads[i], NULL);
    assert_false(crowd.failed);
    assert_string_equal(server_value(&admin, "SELECT count(*) || ' ' || count(DISTINCT chunk) FROM public.loaded"),
                        "400 400");
    assert_string_equal(server_value(&admin,
                                     "SELECT count(*) FROM migration_status.migration_chunk_status WHERE status ="
                                     " 'completed'"),
                        "400");
    /* An owner that lives keeps what it claimed: none was ever robbed. */
    assert_int_equal(crowd.stolen, 0);
    server_check_counters(&admin);
    for (int i = 0; i < MEMBERS / 2; i++)
        target_disconnect(&crowd.owners[i].presence);
    target_disconnect(&run.presence);
}

/* What a claim costs may grow but little with the chunks that are done, even while vacuum can remove none of their dead
 * rows: it must go through the index that finished chunks leave. The time is only a guard against something absurd. */
static void a_claim_stays_cheap_while_dead_rows_pile_up(void **state) {
    (void)state;
    enum { CHUNKS = 1000 };
    struct server_run run;
    struct ledger_claim claim;
    struct target_connection holder;
    bool last = false, unknown = false;
    server_connect(&holder, "holder", NULL);
    server_start_run(&admin, &run);
    int64_t table = server_add_table(&admin, &run, "t1", "t1");
    int64_t generation = server_plan(&admin, &run, table, "t1", true, CHUNKS);
    const char *parameters[] = {run.run_id, "{1,2}", "1"};
    PGresult *plan = NULL;
    struct buffer explain = {0}, lines = {0};
    buffer_appendf(&explain, "EXPLAIN %s", sql_claim_pending);
    must(target_query(&admin, buffer_string(&explain), 3, parameters, &plan, &error));
    for (int row = 0; row < PQntuples(plan); row++)
        buffer_appendf(&lines, "%s\n", PQgetvalue(plan, row, 0));
    assert_contains(buffer_string(&lines), "migration_chunk_status_pending");
    assert_null(strstr(buffer_string(&lines), "Seq Scan on migration_chunk_status"));
    PQclear(plan);
    buffer_release(&explain);
    buffer_release(&lines);
    server_execute(&holder, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.loaded");
    int64_t slowest_us = 0, total_us = 0;
    for (int i = 0; i < CHUNKS; i++) {
        int64_t start_us = clock_monotonic_us();
        assert_true(claim_one(&admin, &run, table, &claim));
        int64_t took_us = clock_monotonic_us() - start_us;
        total_us += took_us;
        slowest_us = took_us > slowest_us ? took_us : slowest_us;
        must(target_begin(&admin, false, &error));
        must(ledger_enter_load(&admin, run.run_id, &claim, "dst", "t1", generation, &error));
        must(ledger_leave_load(&admin, run.run_id, &claim, 1, &last, &error));
        must(target_commit(&admin, &unknown, &error));
        ledger_claim_release(&claim);
    }
    print_message("%d claims: %.2f ms each, the slowest %.2f ms\n", CHUNKS, (double)total_us / 1000 / CHUNKS,
                  (double)slowest_us / 1000);
    assert_true(last);
    assert_true(total_us / CHUNKS < 20000); /* generous: this machine may be busy with other things */
    target_disconnect(&holder);
    target_disconnect(&run.presence);
}

/* What is known of the owner of a chunk, of which there is nothing left but its row; and whether the chunk is one that it had no time for.
 * Times in seconds: 100 s are all that the owner had. */
static const struct gone_owner {
    const char *name;
    int end;       /* its end, from now; 0: it has none */
    int claimed;   /* when it claimed the chunk, from its beginning */
    int heartbeat; /* its last sign of life, before its end */
    int finished;  /* when it answered, before its end; 0: never */
    bool ran_out;
} gone_owners[] = {
    {"killed at its end", -1, 1, 3, 0, true},
    {"killed at its end, long ago", -100000, 1, 3, 0, true},
    {"killed at its end, with what it had in hand for half of its time", -1, 49, 3, 0, true},
    {"killed at its end, with what it had just begun", -1, 51, 3, 0, false},
    {"crashed before its end, which has come since", -1, 1, 40, 0, false},
    {"crashed, and its end is still to come", 1, 1, 3, 0, false},
    {"crashed without having an end", 0, 1, 3, 0, false},
    {"answered right before its end, and left the chunk behind", 4, 1, 6, 5, true},
    {"was asked to end before, and left the chunk behind", 50, 1, 15, 15, false},
};

static void describe_owner(const struct server_run *run, const struct gone_owner *owner, int64_t table) {
    if (owner->end == 0)
        return;
    server_execute(
        &admin,
        "UPDATE migration_status.migration_owners SET ends_at = now() + interval '%d s', started_at = now() +"
        " interval '%d s', heartbeat_at = now() + interval '%d s', finished_at = CASE WHEN %d > 0 THEN now() +"
        " interval '%d s' END WHERE owner_id = %d",
        owner->end, owner->end - 100, owner->end - owner->heartbeat, owner->finished, owner->end - owner->finished,
        run->owner_id);
    server_execute(&admin,
                   "UPDATE migration_status.migration_chunk_status SET started_at = now() + interval '%d s'"
                   " WHERE table_id = %lld AND owner_id = %d;"
                   "UPDATE migration_status.migration_table_status SET planning_since = now() + interval '%d s'"
                   " WHERE planner_owner_id = %d",
                   owner->end - 100 + owner->claimed, (long long)table, run->owner_id,
                   owner->end - 100 + owner->claimed, run->owner_id);
}

static void what_a_process_was_killed_with_at_its_end_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof gone_owners / sizeof *gone_owners; i++) {
        const struct gone_owner *owner = &gone_owners[i];
        struct server_run run, gone;
        struct ledger_claim claim, again;
        bool found = false, claimed = false;
        int breaks = -1;
        forget_all(NULL);
        server_start_run(&admin, &run);
        server_join_run(&admin, &run, &gone);
        int64_t table = server_add_table(&admin, &run, "t1", "t1"),
                planned = server_add_table(&admin, &run, "t2", "t2");
        server_plan(&admin, &run, table, "t1", true, 3);
        assert_true(claim_one(&admin, &gone, table, &claim));
        assert_false(claim.ran_out);
        must(ledger_claim_planning(&admin, run.run_id, planned, gone.owner_id, &claimed, &breaks, &error));
        assert_true(claimed);
        assert_int_equal(breaks, 0);
        describe_owner(&gone, owner, table);
        /* Nothing counts while it is alive. */
        must(ledger_claim_ran_out(&admin, run.run_id, &table, 1, run.owner_id, &again, &found, &error));
        assert_false(found);
        server_leave_run(&gone);
        must(ledger_claim_ran_out(&admin, run.run_id, &table, 1, run.owner_id, &again, &found, &error));
        if (found != owner->ran_out)
            fail_msg("%s: %s", owner->name, found ? "it counts" : "it doesn't count");
        /* In its turn, after what is pending, it is taken over whatever became of its owner. */
        for (int chunk = 2; !found && chunk < 4; chunk++) {
            assert_true(claim_one(&admin, &run, table, &again));
            assert_int_equal(again.chunk_id, chunk);
            ledger_claim_release(&again);
        }
        assert_true(found || claim_one(&admin, &run, table, &again));
        assert_int_equal(again.chunk_id, 1);
        assert_int_equal(again.ran_out, owner->ran_out);
        assert_int_equal(again.deadline_breaks, owner->ran_out);
        must(ledger_claim_planning(&admin, run.run_id, planned, run.owner_id, &claimed, &breaks, &error));
        assert_true(claimed);
        assert_int_equal(breaks, owner->ran_out);
        must(ledger_claim_planning(&admin, run.run_id, planned, run.owner_id, &claimed, &breaks, &error));
        assert_int_equal(breaks, owner->ran_out); /* once */
        must(ledger_break_table(&admin, run.run_id, planned, &breaks, &error));
        assert_int_equal(breaks, owner->ran_out + 1);
        ledger_claim_release(&claim);
        ledger_claim_release(&again);
        target_disconnect(&run.presence);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pending_chunks_come_first_in_the_order_of_the_tables, forget_all),
        cmocka_unit_test_setup(released_failed_and_retried_chunks_keep_the_counters_right, forget_all),
        cmocka_unit_test_setup(a_chunk_that_is_split_keeps_the_counters_right, forget_all),
        cmocka_unit_test_setup(what_a_process_was_killed_with_at_its_end_counts, forget_all),
        cmocka_unit_test_setup(invariant_03_rows_and_their_record_are_seen_together, forget_all),
        cmocka_unit_test_setup(invariant_04_a_zombie_can_t_load_over_its_successor, forget_all),
        cmocka_unit_test_setup(invariant_04_a_crowd_loads_each_chunk_once, forget_all),
        cmocka_unit_test_setup(a_claim_stays_cheap_while_dead_rows_pile_up, forget_all),
    };
    return cmocka_run_group_tests(tests, open_admin, close_admin);
}
