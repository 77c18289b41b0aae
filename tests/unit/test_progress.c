/* The progress line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/progress.h"

static void test_line_says_how_far_and_how_long(void **state) {
    struct run_progress progress = {
        .elapsed_us = 10000000,
        .tables_total = 16,
        .tables_completed = 12,
        .tables_planned = 16,
        .chunks_total = 80,
        .chunks_completed = 34,
        .rows_expected = 8400000,
        .rows_loaded = 3400000,
        .rows_at_start = 900000,
        .bytes_sent = 412000000,
    };
    struct buffer text = {0};
    (void)state;
    progress_format(&progress, &text);
    assert_string_equal(buffer_string(&text), "12/16 tables, 34/80 chunks, 3,400,000 of 8,400,000 rows (40.5 %), "
                                              "250,000 rows/s, 41.2 MB/s, 20.0 s left");
    buffer_release(&text);
}

static void test_line_before_anything_is_planned(void **state) {
    struct run_progress progress = {.tables_total = 2, .tables_failed = 1};
    struct buffer text = {0};
    (void)state;
    progress_format(&progress, &text);
    assert_string_equal(buffer_string(&text),
                        "0/2 tables, 0/0 chunks, 0 rows, 2 tables still to plan, 1 tables FAILED");
    buffer_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_says_how_far_and_how_long),
        cmocka_unit_test(test_line_before_anything_is_planned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
