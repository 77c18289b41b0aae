/* invariant_06: completed means reconciled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "verify/reconcile.h"

static const struct reconcile_chunk agreed_chunk = {
    .rows_read = 1000, .rows_announced = 1000, .rows_encoded = 1000, .rows_copied = 1000, .rows_planned = -1};

static void assert_says(const struct error *error, const char *const *parts) {
    assert_int_equal(error->kind, ERROR_DIFFERENCE);
    assert_true(error->hint[0] != '\0');
    for (; *parts != NULL; parts++)
        if (strstr(error->message, *parts) == NULL)
            fail_msg("\"%s\" is not in: %s", *parts, error->message);
}

#define ASSERT_SAYS(error, ...) assert_says(error, (const char *const[]){__VA_ARGS__, NULL})

static void invariant_06_chunk_that_agrees(void **state) {
    struct reconcile_chunk chunk = agreed_chunk;
    struct error error = {0};

    (void)state;
    assert_true(reconcile_chunk(&chunk, &error));
    chunk.rows_announced = -1;
    assert_true(reconcile_chunk(&chunk, &error));
    chunk.rows_planned = 1000;
    assert_true(reconcile_chunk(&chunk, &error));
    chunk = (struct reconcile_chunk){0};
    assert_true(reconcile_chunk(&chunk, &error));
    assert_int_equal(error.kind, ERROR_NONE);
}

static void invariant_06_chunk_that_differs_names_every_number(void **state) {
    struct error error = {0};
    struct reconcile_chunk chunk = {
        .rows_read = 998, .rows_announced = 1001, .rows_encoded = 997, .rows_copied = 996, .rows_planned = -1};

    (void)state;
    assert_false(reconcile_chunk(&chunk, &error));
    ASSERT_SAYS(&error, "1001", "998", "997", "996");
}

static void invariant_06_each_chunk_count_counts(void **state) {
    (void)state;
    for (int which = 0; which < 4; which++)
        for (int step = -1; step <= 1; step += 2) {
            struct reconcile_chunk chunk = agreed_chunk;
            int64_t *const counts[] = {&chunk.rows_read, &chunk.rows_announced, &chunk.rows_encoded,
                                       &chunk.rows_copied};
            struct error error = {0};

            *counts[which] += step;
            assert_false(reconcile_chunk(&chunk, &error));
            assert_int_equal(error.kind, ERROR_DIFFERENCE);
        }
}

static void invariant_06_nothing_announced_still_compares_the_rest(void **state) {
    struct reconcile_chunk chunk = agreed_chunk;
    struct error error = {0};

    (void)state;
    chunk.rows_announced = -1;
    chunk.rows_copied = 0;
    assert_false(reconcile_chunk(&chunk, &error));
    assert_null(strstr(error.message, "-1"));
    /* A result of no rows was announced, and rows came. */
    chunk = agreed_chunk;
    chunk.rows_announced = 0;
    assert_false(reconcile_chunk(&chunk, &error));
}

static void invariant_06_a_chunk_has_the_rows_of_its_plan_at_the_same_moment(void **state) {
    struct reconcile_chunk chunk = agreed_chunk;
    struct error error = {0};

    (void)state;
    chunk.rows_planned = 1003;
    assert_false(reconcile_chunk(&chunk, &error));
    ASSERT_SAYS(&error, "1003", "1000", "(-3)", "same moment");
    chunk.rows_planned = 0;
    assert_false(reconcile_chunk(&chunk, &error));
    /* A result that was cut on its way says so, since reading again helps. */
    chunk.rows_announced = 1003;
    chunk.rows_planned = 1003;
    assert_false(reconcile_chunk(&chunk, &error));
    ASSERT_SAYS(&error, "the driver says that the result has 1003");
}

static struct reconcile_table agreed_table(void) {
    return (struct reconcile_table){
        .total_chunks = 7,
        .completed_chunks = 7,
        .chunk_rows = 5000,
        .counter_rows = 5000,
        .expected_rows = 5000,
        .fixed_snapshot = true,
        .target_rows = 5000,
        .target_run_rows = 5000,
        .truncated = true,
    };
}

static bool compare(const struct reconcile_table *table, char *remark, size_t size, struct error *error) {
    struct buffer remarks = {0};
    bool agreed;

    *error = (struct error){0};
    agreed = reconcile_table(table, &remarks, error);
    snprintf(remark, size, "%s", buffer_string(&remarks));
    buffer_release(&remarks);
    return agreed;
}

static void invariant_06_table_that_agrees(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    assert_true(compare(&table, remark, sizeof remark, &error));
    assert_string_equal(remark, "");
    /* Appended, beside another feeder of the same run. */
    table.truncated = false;
    table.target_rows_before = 11;
    table.target_run_rows = 6000;
    table.target_rows = 6011;
    assert_true(compare(&table, remark, sizeof remark, &error));
    assert_string_equal(remark, "");
    /* Nothing at all. */
    table = (struct reconcile_table){.total_chunks = 1, .completed_chunks = 1};
    assert_true(compare(&table, remark, sizeof remark, &error));
}

static void invariant_06_chunks_missing_or_failed(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    table.completed_chunks = 6;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "7", "6", "0");
    table.failed_chunks = 1;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "7", "6", "1");
    /* More completed than there are is no agreement either. */
    table = agreed_table();
    table.completed_chunks = 8;
    assert_false(compare(&table, remark, sizeof remark, &error));
    table = agreed_table();
    table.failed_chunks = 2;
    assert_false(compare(&table, remark, sizeof remark, &error));
}

static void invariant_06_counter_differs(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    table.counter_rows = 4999;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "4999", "5000");
}

static void invariant_06_plan_under_a_fixed_snapshot(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    table.expected_rows = 5001;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "5001", "5000", "-1");
    table.expected_rows = 4998;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "4998", "5000", "+2");
    table.expected_rows = -1;
    assert_true(compare(&table, remark, sizeof remark, &error));
    assert_string_equal(remark, "");
}

static void drift_without_a_fixed_snapshot_is_a_remark(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    table.fixed_snapshot = false;
    table.expected_rows = 4990;
    assert_true(compare(&table, remark, sizeof remark, &error));
    assert_non_null(strstr(remark, "4990"));
    assert_non_null(strstr(remark, "5000"));
    assert_non_null(strstr(remark, "+10"));
    assert_int_equal(error.kind, ERROR_NONE);
}

static void invariant_06_truncated_target_holds_nothing_else(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    table.target_rows = 4997;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "4997", "3 fewer", "5000");
    table.target_rows = 5002;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "5002", "2 more", "5000");
    /* What was there before the truncation isn't there any more, whatever the caller says of it. */
    table.target_rows_before = 2;
    assert_false(compare(&table, remark, sizeof remark, &error));
    table.target_rows_before = -1;
    assert_false(compare(&table, remark, sizeof remark, &error));
    table.target_rows = 0;
    assert_false(compare(&table, remark, sizeof remark, &error));
    table.target_rows = -1; /* not counted */
    assert_true(compare(&table, remark, sizeof remark, &error));
}

static void invariant_06_appended_target_has_lost_nothing(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    table.truncated = false;
    table.target_rows_before = 100;
    table.target_rows = 5099;
    assert_false(compare(&table, remark, sizeof remark, &error));
    ASSERT_SAYS(&error, "5099", "1 fewer", "100", "5000");
    table.target_rows = 5103;
    assert_true(compare(&table, remark, sizeof remark, &error));
    assert_non_null(strstr(remark, "3 rows more"));
    assert_non_null(strstr(remark, "100"));
    assert_non_null(strstr(remark, "5000"));
    table.target_rows_before = -1; /* unknown */
    table.target_rows = 1;
    assert_true(compare(&table, remark, sizeof remark, &error));
    assert_string_equal(remark, "");
}

static void remarks_are_all_kept(void **state) {
    struct reconcile_table table = agreed_table();
    char remark[1024];
    struct error error;

    (void)state;
    table.fixed_snapshot = false;
    table.expected_rows = 4000;
    table.truncated = false;
    table.target_rows_before = 0;
    table.target_rows = 5005;
    assert_true(compare(&table, remark, sizeof remark, &error));
    assert_non_null(strstr(remark, "planned"));
    assert_non_null(strstr(remark, "5 rows more"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_06_chunk_that_agrees),
        cmocka_unit_test(invariant_06_chunk_that_differs_names_every_number),
        cmocka_unit_test(invariant_06_each_chunk_count_counts),
        cmocka_unit_test(invariant_06_nothing_announced_still_compares_the_rest),
        cmocka_unit_test(invariant_06_table_that_agrees),
        cmocka_unit_test(invariant_06_chunks_missing_or_failed),
        cmocka_unit_test(invariant_06_counter_differs),
        cmocka_unit_test(invariant_06_a_chunk_has_the_rows_of_its_plan_at_the_same_moment),
        cmocka_unit_test(invariant_06_plan_under_a_fixed_snapshot),
        cmocka_unit_test(drift_without_a_fixed_snapshot_is_a_remark),
        cmocka_unit_test(invariant_06_truncated_target_holds_nothing_else),
        cmocka_unit_test(invariant_06_appended_target_has_lost_nothing),
        cmocka_unit_test(remarks_are_all_kept),
    };

    return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
