/* What a worker does next, and in which order tables are offered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/retry.h"
#include "run/scheduler.h"

enum { TABLES = 4 };

struct fixture {
    struct run run;
    struct run_options options;
    struct run_database database;
    struct run_table tables[TABLES];
    struct config_table configs[TABLES];
};

static struct fixture fixture;

static int set_up(void **state) {
    (void)state;
    memset(&fixture, 0, sizeof fixture);
    pthread_mutex_init(&fixture.run.mutex, NULL);
    pthread_cond_init(&fixture.run.changed, NULL);
    fixture.run.tables = fixture.tables;
    fixture.run.table_count = TABLES;
    fixture.run.databases = &fixture.database;
    fixture.run.database_count = 1;
    fixture.run.worker_count = 4;
    fixture.run.retry_scale_percent = 1;
    for (size_t i = 0; i < TABLES; i++) {
        fixture.configs[i].settings.parallel_threads = 4;
        fixture.tables[i].config = &fixture.configs[i];
        fixture.tables[i].readers = 4;
        fixture.tables[i].database = &fixture.database;
        fixture.tables[i].table_id = (int64_t)i + 1;
        fixture.tables[i].group = i;
    }
    return 0;
}

static void set_states(enum table_state state) {
    for (size_t i = 0; i < TABLES; i++)
        fixture.tables[i].state = state;
}

static void test_a_group_in_doubt_is_planned_once_nobody_works_in_it(void **state) {
    (void)state;
    struct run_table *claimable[TABLES];
    set_states(TABLE_READY);
    fixture.tables[2].group = 0;
    fixture.tables[0].active = 1;
    fixture.tables[2].active = 1;
    scheduler_doubt(&fixture.run, &fixture.tables[2], GROUP_MOMENT_LOST);
    scheduler_doubt(&fixture.run, &fixture.tables[0], GROUP_PLANNED_ELSEWHERE);
    assert_int_equal(fixture.tables[0].doubt, GROUP_MOMENT_LOST);
    assert_true(fixture.tables[2].moment_lost);
    assert_false(fixture.tables[0].moment_lost);
    assert_int_equal(scheduler_offer(&fixture.run, &fixture.database, claimable), 2);
    scheduler_settle(&fixture.run, claimable, 2, NULL);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    scheduler_leave(&fixture.run, &fixture.tables[0], true, 10);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    scheduler_leave(&fixture.run, &fixture.tables[2], false, 0);
    struct job job = scheduler_next(&fixture.run);
    assert_int_equal(job.kind, JOB_PLAN);
    assert_int_equal(job.group, 0);
    assert_int_equal(fixture.tables[0].state, TABLE_PLANNING);
    assert_int_equal(fixture.tables[2].state, TABLE_PLANNING);
    assert_int_equal(fixture.tables[1].state, TABLE_READY);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
}

static void test_a_table_on_offer_is_not_planned_again(void **state) {
    struct run_table *offered[TABLES];
    (void)state;
    set_states(TABLE_READY);
    size_t count = scheduler_offer(&fixture.run, &fixture.database, offered);
    assert_int_equal(count, TABLES);
    scheduler_doubt(&fixture.run, &fixture.tables[1], GROUP_PLANNED_ELSEWHERE);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    scheduler_settle(&fixture.run, offered, count, &fixture.tables[1]); /* a chunk of it was claimed: still not */
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    for (size_t i = 0; i < TABLES; i++)
        assert_int_equal(fixture.tables[i].active, i == 1 ? 1 : 0);
    scheduler_leave(&fixture.run, &fixture.tables[1], false, 0);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_PLAN);
}

static void test_planning_takes_all_tables_of_a_target(void **state) {
    (void)state;
    fixture.tables[2].group = 0; /* feeds the same target as the first */
    struct job job = scheduler_next(&fixture.run);
    assert_int_equal(job.kind, JOB_PLAN);
    assert_int_equal(job.group, 0);
    assert_int_equal(fixture.tables[0].state, TABLE_PLANNING);
    assert_int_equal(fixture.tables[2].state, TABLE_PLANNING);
    assert_int_equal(fixture.tables[1].state, TABLE_UNPLANNED);
    scheduler_unplan(&fixture.run, 0);
    assert_int_equal(fixture.tables[0].state, TABLE_UNPLANNED);
    assert_int_equal(fixture.tables[2].state, TABLE_UNPLANNED);
}

static void test_planning_leaves_workers_for_what_is_ready(void **state) {
    (void)state;
    fixture.tables[0].state = TABLE_READY;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_PLAN);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_PLAN);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM); /* two of four workers plan already */
    fixture.tables[0].state = TABLE_COMPLETED;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_PLAN);
}

static void test_what_a_deadline_broke_off_is_planned_last(void **state) {
    (void)state;
    fixture.tables[0].deadline_breaks = 1;
    fixture.tables[2].state = TABLE_READY;
    assert_int_equal(scheduler_next(&fixture.run).group, 1);
    assert_int_equal(scheduler_next(&fixture.run).group, 3);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    fixture.run.planning = 0;
    struct job job = scheduler_next(&fixture.run);
    assert_int_equal(job.kind, JOB_PLAN);
    assert_int_equal(job.group, 0);
    /* It doesn't keep the only worker from what can be loaded; where nothing can, it is tried. */
    fixture.run.worker_count = 1;
    fixture.run.planning = 0;
    fixture.tables[0].state = TABLE_UNPLANNED;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    set_states(TABLE_COMPLETED);
    fixture.tables[0].state = TABLE_UNPLANNED;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_PLAN);
}

/* Room for two readers of one column, or one of four, and a cache that planning needs for itself. */
static void limit_memory(void) {
    fixture.run.budget = (struct budget){.limit_mb = 100, .workers = 4, .cache_mb = 8, .all = {40, 8}};
    for (size_t i = 0; i < TABLES; i++)
        fixture.tables[i].stream = (struct budget_stream){20, i == 3 ? 8 : 4};
}

/* So many tables are offered, and given back. */
static size_t claimable(void) {
    struct run_table *tables[TABLES];
    size_t count = scheduler_offer(&fixture.run, &fixture.database, tables);
    scheduler_settle(&fixture.run, tables, count, NULL);
    return count;
}

static void test_a_limit_of_memory_bounds_what_is_read_at_once(void **state) {
    static const struct {
        const char *name;
        int active[TABLES];
        size_t claimable;
    } cases[] = {
        {"nobody reads", {0, 0, 0, 0}, 4},
        {"room for one more, not of the wide table", {1, 0, 0, 0}, 3},
        {"no room", {1, 1, 0, 0}, 0},
        {"no room beside the wide table", {0, 0, 0, 1}, 0},
    };
    (void)state;
    set_states(TABLE_READY);
    limit_memory();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t t = 0; t < TABLES; t++)
            fixture.tables[t].active = cases[i].active[t];
        if (claimable() != cases[i].claimable)
            fail_msg("%s: %zu tables may be claimed", cases[i].name, claimable());
    }
    fixture.run.budget = (struct budget){0};
    assert_int_equal(claimable(), 4);
}

static void test_who_ran_out_of_memory_reads_with_fewer_others(void **state) {
    (void)state;
    set_states(TABLE_READY);
    limit_memory();
    fixture.tables[0].active = 1;
    assert_int_equal(claimable(), 3);
    assert_false(scheduler_read_less(&fixture.run, &fixture.tables[0])); /* alone: it won't help */
    assert_int_equal(claimable(), 0);
    fixture.tables[1].active = 1;
    assert_true(scheduler_read_less(&fixture.run, &fixture.tables[1]));
    fixture.tables[0].active = fixture.tables[1].active = 0;
    assert_int_equal(claimable(), 4); /* whatever it needs, one may always read */
}

static void test_under_a_limit_planning_and_reading_take_turns(void **state) {
    (void)state;
    limit_memory();
    fixture.tables[0].state = TABLE_READY;
    fixture.tables[0].active = 1;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM); /* and no worker ends over it */
    fixture.tables[0].state = TABLE_FAILED;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    fixture.tables[0].state = TABLE_READY;
    fixture.tables[0].active = 0;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_PLAN);
    assert_int_equal(claimable(), 0);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
    fixture.run.planning = 0;
    assert_int_equal(claimable(), 1);
}

static void test_a_drained_table_is_finished_once(void **state) {
    (void)state;
    set_states(TABLE_COMPLETED);
    fixture.tables[3].state = TABLE_DRAINED;
    struct job job = scheduler_next(&fixture.run);
    assert_int_equal(job.kind, JOB_FINISH);
    assert_ptr_equal(job.table, &fixture.tables[3]);
    /* Another worker waits meanwhile: finishing may fail. */
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_CLAIM);
}

static void test_nothing_is_left(void **state) {
    (void)state;
    set_states(TABLE_COMPLETED);
    fixture.tables[1].state = TABLE_FAILED;
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_NONE);
}

static void test_stopping_ends_everything(void **state) {
    (void)state;
    atomic_store(&fixture.run.stopping, true);
    assert_int_equal(scheduler_next(&fixture.run).kind, JOB_NONE);
}

static void test_small_tables_are_not_starved(void **state) {
    struct run_table *order[TABLES];
    (void)state;
    set_states(TABLE_READY);
    fixture.tables[0].active = 3;
    fixture.tables[1].active = 1;
    fixture.tables[3].state = TABLE_UNPLANNED;
    size_t count = scheduler_offer(&fixture.run, &fixture.database, order);
    assert_int_equal(count, 3);
    assert_ptr_equal(order[0], &fixture.tables[2]);
    assert_ptr_equal(order[1], &fixture.tables[1]);
    assert_ptr_equal(order[2], &fixture.tables[0]);
}

static void test_a_tables_own_limit_of_workers_holds(void **state) {
    struct run_table *order[TABLES];
    (void)state;
    set_states(TABLE_READY);
    fixture.configs[0].settings.parallel_threads = 1;
    fixture.tables[0].active = 1;
    size_t count = scheduler_offer(&fixture.run, &fixture.database, order);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_ptr_not_equal(order[i], &fixture.tables[0]);
    scheduler_settle(&fixture.run, order, count, NULL);
    scheduler_leave(&fixture.run, &fixture.tables[0], true, 10);
    assert_int_equal(scheduler_offer(&fixture.run, &fixture.database, order), 4);
    assert_int_equal(fixture.tables[0].chunks_completed, 1);
    assert_int_equal(fixture.tables[0].rows_committed, 10);
}

static void test_the_sources_limit_of_readers_holds(void **state) {
    struct run_table *order[TABLES];
    (void)state;
    set_states(TABLE_READY);
    fixture.tables[2].readers = 1;
    fixture.tables[2].active = 1;
    size_t count = scheduler_offer(&fixture.run, &fixture.database, order);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_ptr_not_equal(order[i], &fixture.tables[2]);
}

static void test_refresh_believes_the_ledger(void **state) {
    struct ledger_table rows[TABLES] = {
        {.table_id = 1, .status = "in_progress", .planned = true, .total_chunks = 3, .completed_chunks = 2},
        {.table_id = 2, .status = "in_progress", .planned = true, .total_chunks = 3, .completed_chunks = 3},
        {.table_id = 3,
         .status = "in_progress",
         .planned = true,
         .total_chunks = 3,
         .completed_chunks = 2,
         .failed_chunks = 1},
        {.table_id = 4, .status = "completed", .planned = true, .total_chunks = 3, .completed_chunks = 3},
    };
    struct ledger_tables stored = {.list = rows, .count = TABLES};
    (void)state;
    set_states(TABLE_READY);
    scheduler_refresh(&fixture.run, &fixture.database, &stored, 0);
    assert_int_equal(fixture.tables[0].state, TABLE_READY);
    assert_int_equal(fixture.tables[1].state, TABLE_DRAINED);
    assert_int_equal(fixture.tables[2].state, TABLE_FAILED);
    assert_int_equal(fixture.tables[3].state, TABLE_COMPLETED);
}

/* Somebody asked the ledger just before the plan was committed and hears the answer after it. */
static void test_an_answer_older_than_the_plan_says_nothing_of_it(void **state) {
    struct ledger_table row = {.table_id = 2, .status = "failed", .target_generation = 0};
    struct ledger_tables stored = {.list = &row, .count = 1};
    (void)state;
    set_states(TABLE_READY);
    fixture.tables[1].generation = 1;
    fixture.tables[1].ready_us = 1000;
    scheduler_refresh(&fixture.run, &fixture.database, &stored, 999);
    assert_int_equal(fixture.tables[1].doubt, GROUP_CERTAIN);
    assert_int_equal(fixture.tables[1].state, TABLE_READY);
    scheduler_refresh(&fixture.run, &fixture.database, &stored, 1000);
    assert_int_equal(fixture.tables[1].doubt, GROUP_PLANNED_ELSEWHERE);
}

static void test_waits_are_the_contracts(void **state) {
    static const int seconds[] = {4, 8, 16, 32, 60, 60, 60};
    (void)state;
    for (int attempt = 1; attempt <= 7; attempt++)
        assert_int_equal(retry_delay_seconds(attempt), seconds[attempt - 1]);
    assert_true(retry_wait(&fixture.run, 1)); /* 1 % of 4 s */
    atomic_store(&fixture.run.stopping, true);
    fixture.run.retry_scale_percent = 100000;
    assert_false(retry_wait(&fixture.run, 5));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_group_in_doubt_is_planned_once_nobody_works_in_it, set_up),
        cmocka_unit_test_setup(test_a_table_on_offer_is_not_planned_again, set_up),
        cmocka_unit_test_setup(test_planning_takes_all_tables_of_a_target, set_up),
        cmocka_unit_test_setup(test_planning_leaves_workers_for_what_is_ready, set_up),
        cmocka_unit_test_setup(test_what_a_deadline_broke_off_is_planned_last, set_up),
        cmocka_unit_test_setup(test_a_limit_of_memory_bounds_what_is_read_at_once, set_up),
        cmocka_unit_test_setup(test_who_ran_out_of_memory_reads_with_fewer_others, set_up),
        cmocka_unit_test_setup(test_under_a_limit_planning_and_reading_take_turns, set_up),
        cmocka_unit_test_setup(test_a_drained_table_is_finished_once, set_up),
        cmocka_unit_test_setup(test_nothing_is_left, set_up),
        cmocka_unit_test_setup(test_stopping_ends_everything, set_up),
        cmocka_unit_test_setup(test_small_tables_are_not_starved, set_up),
        cmocka_unit_test_setup(test_a_tables_own_limit_of_workers_holds, set_up),
        cmocka_unit_test_setup(test_the_sources_limit_of_readers_holds, set_up),
        cmocka_unit_test_setup(test_refresh_believes_the_ledger, set_up),
        cmocka_unit_test_setup(test_an_answer_older_than_the_plan_says_nothing_of_it, set_up),
        cmocka_unit_test_setup(test_waits_are_the_contracts, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
