/* How a limit of memory is shared out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "run/budget.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* What a limit leads to, for so many workers. */
static void test_a_limit_leads_to_workers_readers_and_a_cache(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t limit_mb;
        enum config_source_kind kind;
        int wanted;
        struct budget_widths widths;
        int workers, readers; /* of the widest table */
        int64_t cache_mb, driver_mb;
    } cases[] = {
        {"no limit", 0, SOURCE_DUCKDB, 8, {5, 250}, 8, 8, 0, 0},
        {"the least", 103, SOURCE_DUCKDB, 8, {1, 1}, 1, 1, 32, 0},
        {"narrow tables", 128, SOURCE_DUCKDB, 8, {5, 5}, 3, 3, 36, 0},
        {"room for all of them", 256, SOURCE_DUCKDB, 8, {5, 5}, 8, 8, 111, 0},
        {"medium tables", 128, SOURCE_DUCKDB, 8, {24, 24}, 2, 2, 42, 0},
        {"wide tables, less than one", 128, SOURCE_DUCKDB, 8, {250, 250}, 1, 0, 44, 0},
        {"wide tables, one", 200, SOURCE_DUCKDB, 8, {250, 250}, 1, 1, 103, 0},
        {"wide tables, two", 300, SOURCE_DUCKDB, 8, {250, 250}, 2, 2, 166, 0},
        {"wide tables, three", 400, SOURCE_DUCKDB, 8, {250, 250}, 3, 3, 229, 0},
        {"a wide one beside narrow ones", 400, SOURCE_DUCKDB, 8, {5, 250}, 8, 3, 229, 0},
        {"the least of Snowflake", 144, SOURCE_SNOWFLAKE, 8, {1, 1}, 1, 1, 0, 58},
        {"Snowflake, whatever the width", 400, SOURCE_SNOWFLAKE, 8, {1, 250}, 5, 5, 0, 210},
        {"Snowflake, room for all of them", 1000, SOURCE_SNOWFLAKE, 8, {1, 250}, 8, 8, 0, 732},
        {"another driver counts as Snowflake's", 200, SOURCE_ADBC, 8, {1, 1}, 2, 2, 0, 88},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct budget budget;
        budget_make(&budget, cases[i].kind, cases[i].limit_mb, cases[i].wanted, cases[i].widths);
        int readers = budget_readers(&budget, cases[i].widths.widest);
        if (budget.workers != cases[i].workers || readers != cases[i].readers || budget.cache_mb != cases[i].cache_mb ||
            budget.driver_mb != cases[i].driver_mb)
            fail_msg("%s: %d workers, %d readers, cache %lld MB, driver %lld MB", cases[i].name, budget.workers,
                     readers, (long long)budget.cache_mb, (long long)budget.driver_mb);
    }
}

/* Whatever the limit: what all readers take together with the rest is within it, more memory never means fewer of them, and one more
 * would be too much. */
static void test_what_is_shared_out_is_within_the_limit(void **state) {
    (void)state;
    static const enum config_source_kind kinds[] = {SOURCE_DUCKDB, SOURCE_SNOWFLAKE};
    static const size_t widths[] = {1, 5, 24, 100, 250, 1600};
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (size_t w = 0; w < COUNT(widths); w++)
            for (int64_t limit_mb = 150, before = 0; limit_mb < 3000; limit_mb += 7) {
                struct budget budget;
                budget_make(&budget, kinds[k], limit_mb, 32, (struct budget_widths){widths[w], widths[w]});
                int readers = budget_readers(&budget, widths[w]);
                assert_true(readers >= before);
                assert_true(readers == 0 || budget_least_mb(kinds[k], widths[w], readers) <= limit_mb);
                assert_true(readers == 32 || budget_least_mb(kinds[k], widths[w], readers + 1) > limit_mb);
                assert_int_equal(budget.workers, readers > 0 ? readers : 1);
                before = readers;
            }
}

/* A table is refused only where its own readers don't fit, whatever else is read. */
static void test_a_wider_table_takes_no_room_from_one_that_fits(void **state) {
    (void)state;
    for (int64_t limit_mb = 103; limit_mb < 400; limit_mb += 3)
        for (size_t columns = 1; columns <= 400; columns += 7) {
            struct budget budget;
            budget_make(&budget, SOURCE_DUCKDB, limit_mb, 8, (struct budget_widths){1, 400});
            assert_int_equal(budget_readers(&budget, columns) > 0,
                             budget_least_mb(SOURCE_DUCKDB, columns, 1) <= limit_mb);
        }
}

static void test_what_would_be_enough_is(void **state) {
    (void)state;
    static const struct budget_widths widths[] = {{1, 1}, {5, 250}, {250, 250}};
    for (size_t w = 0; w < COUNT(widths); w++) {
        struct budget few, all, less;
        budget_make(&few, SOURCE_DUCKDB, 200, 16, widths[w]);
        int64_t enough = budget_all_workers_mb(&few);
        budget_make(&all, SOURCE_DUCKDB, enough, 16, widths[w]);
        budget_make(&less, SOURCE_DUCKDB, enough - 1, 16, widths[w]);
        assert_int_equal(all.workers, 16);
        assert_true(less.workers < 16);
    }
}

/* What isn't in use goes to the cache, but for the buffers of one reader of the widest table. */
static void test_a_cache_that_was_too_small_takes_buffers(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct budget_widths widths;
        int64_t used_kb;
        bool wider;
        int64_t cache_mb, buffers_kb;
    } cases[] = {
        {"one reader is left", {5, 5}, 10 * 1024 + 550, true, 89, 10 * 1024 + 550},
        {"three read", {5, 5}, 3 * (10 * 1024 + 550), true, 68, 3 * (10 * 1024 + 550)},
        {"all read", {5, 5}, 6 * (10 * 1024 + 550), false, 36, 6 * (10 * 1024 + 550)},
        {"a narrow one reads beside a wide one", {5, 100}, 10 * 1024 + 550, true, 79, 10 * 1024 + 11000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct budget budget;
        budget_make(&budget, SOURCE_DUCKDB, 160, 6, cases[i].widths);
        bool wider = budget_widen_cache(&budget, cases[i].used_kb);
        if (wider != cases[i].wider || budget.cache_mb != cases[i].cache_mb ||
            budget.all.buffers_kb != cases[i].buffers_kb)
            fail_msg("%s: %d, cache %lld MB, buffers %lld KB", cases[i].name, wider, (long long)budget.cache_mb,
                     (long long)budget.all.buffers_kb);
        assert_false(budget_widen_cache(&budget, cases[i].used_kb));
    }
}

/* What the configuration refuses as too little is what doesn't suffice for a table of one column. */
static void test_the_least_is_what_the_configuration_takes(void **state) {
    (void)state;
    static const enum config_source_kind kinds[] = {SOURCE_DUCKDB, SOURCE_SNOWFLAKE, SOURCE_ADBC};
    for (size_t k = 0; k < COUNT(kinds); k++)
        assert_int_equal(config_least_memory_mb(&(struct config_source){.kind = kinds[k]}),
                         budget_least_mb(kinds[k], 1, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_limit_leads_to_workers_readers_and_a_cache),
        cmocka_unit_test(test_what_is_shared_out_is_within_the_limit),
        cmocka_unit_test(test_a_wider_table_takes_no_room_from_one_that_fits),
        cmocka_unit_test(test_what_would_be_enough_is),
        cmocka_unit_test(test_a_cache_that_was_too_small_takes_buffers),
        cmocka_unit_test(test_the_least_is_what_the_configuration_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
