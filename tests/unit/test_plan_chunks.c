/* The planning query's answer to chunks: sizes, heavy values, and answers that can't be a plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan/plan.h"

static char key_name[] = "ID", key_type[] = "BIGINT";
static const struct source_column key = {.name = key_name, .type_name = key_type, .kind = VALUE_INTEGER};
static const struct plan_size batch_100 = {.batch_rows = 100};

/* A line: first, last, NULL keys, rows, rows of the last key, ascending, the key that doesn't read back. */
enum { CELLS = 7 };

static bool plan_lines(struct plan *plan, const char *const *cells, size_t lines, const struct plan_size *size,
                       struct error *error) {
    const struct source_rows rows = {.row_count = lines, .column_count = CELLS, .cells = (char **)(uintptr_t)cells};

    memset(error, 0, sizeof *error);
    return plan_from_rows(plan, &rows, &key, 1, size, error);
}

static void assert_bound(char **bound, const char *text) {
    if (text == NULL) {
        assert_null(bound);
    } else {
        assert_non_null(bound);
        assert_string_equal(bound[0], text);
    }
}

static void assert_chunk(const struct plan *plan, size_t index, enum chunk_kind kind, const char *lower,
                         const char *upper, int64_t rows) {
    assert_true(index < plan->chunk_count);
    assert_int_equal(plan->chunks[index].kind, kind);
    assert_bound(plan->chunks[index].lower, lower);
    assert_bound(plan->chunks[index].upper, upper);
    assert_int_equal(plan->chunks[index].expected_rows, rows);
}

static void a_table_without_keys_is_whole(void **state) {
    const char *const count[] = {"42"};
    const struct source_rows rows = {.row_count = 1, .column_count = 1, .cells = (char **)(uintptr_t)count};
    const struct source_rows none = {.row_count = 0, .column_count = 1};
    struct plan plan;
    struct error error = {0};

    (void)state;
    assert_true(plan_from_rows(&plan, &rows, NULL, 0, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 1);
    assert_chunk(&plan, 0, CHUNK_WHOLE, NULL, NULL, 42);
    plan_release(&plan);
    assert_null(plan.chunks);
    assert_false(plan_from_rows(&plan, &none, NULL, 0, &batch_100, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
}

static void ends_are_open_and_neighbours_share_a_bound(void **state) {
    const char *const cells[] = {"5",   "104", "0", "100", "1", "1", "0", /**/
                                 "105", "204", "0", "100", "1", "1", "0", /**/
                                 "205", "220", "0", "16",  "1", "1", "0", /**/
                                 NULL,  NULL,  "1", "9",   "9", "0", "0"};
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_lines(&plan, cells, 4, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 4);
    assert_chunk(&plan, 0, CHUNK_RANGE, NULL, "105", 100);
    assert_chunk(&plan, 1, CHUNK_RANGE, "105", "205", 100);
    assert_chunk(&plan, 2, CHUNK_RANGE, "205", NULL, 16);
    assert_chunk(&plan, 3, CHUNK_NULLS, NULL, NULL, 9);
    assert_int_equal(plan.expected_rows, 225);
    assert_string_equal(plan.keys[0].name, "ID");
    assert_ptr_not_equal(plan.keys[0].name, key.name);
    plan_release(&plan);
}

static void the_null_chunk_needs_no_nulls(void **state) {
    const char *const cells[] = {"1",   "100", "0", "100", "1", "1", "0", /**/
                                 "101", "200", "0", "100", "1", "1", "0"};
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_lines(&plan, cells, 2, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 3);
    assert_chunk(&plan, 2, CHUNK_NULLS, NULL, NULL, 0);
    plan_release(&plan);
}

static void what_is_one_chunk_anyway_is_whole(void **state) {
    const char *const small[] = {"1", "60", "0", "60", "1", "1", "0", NULL, NULL, "1", "40", "40", "0", "0"};
    const char *const nulls[] = {NULL, NULL, "1", "100000", "100000", "1", "0"};
    const char *const more_nulls[] = {"1", "60", "0", "60", "1", "1", "0", NULL, NULL, "1", "41", "41", "0", "0"};
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_lines(&plan, small, 2, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 1);
    assert_chunk(&plan, 0, CHUNK_WHOLE, NULL, NULL, 100);
    plan_release(&plan);
    assert_true(plan_lines(&plan, NULL, 0, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 1);
    assert_chunk(&plan, 0, CHUNK_WHOLE, NULL, NULL, 0);
    plan_release(&plan);
    /* NULL keys can't be cut, so a table of nothing else has one chunk. */
    assert_true(plan_lines(&plan, nulls, 1, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 1);
    assert_chunk(&plan, 0, CHUNK_WHOLE, NULL, NULL, 100000);
    plan_release(&plan);
    assert_true(plan_lines(&plan, more_nulls, 2, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 2);
    assert_chunk(&plan, 0, CHUNK_RANGE, NULL, NULL, 60);
    assert_chunk(&plan, 1, CHUNK_NULLS, NULL, NULL, 41);
    plan_release(&plan);
}

static void a_heavy_value_is_a_chunk_by_itself(void **state) {
    /* 99 rows up to 99, then 1,000 rows of 100; ranks go on at 1,100. */
    const char *const cells[] = {"1",   "100", "0", "1099", "1000", "1", "0", /**/
                                 "101", "200", "0", "100",  "1",    "1", "0"};
    /* A heavy value that is all of its bucket, and the first of the table. */
    const char *const first[] = {"7", "7", "0", "500", "500", "1", "0", "8", "9", "0", "2", "1", "1", "0"};
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_lines(&plan, cells, 2, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 4);
    assert_chunk(&plan, 0, CHUNK_RANGE, NULL, "100", 99);
    assert_chunk(&plan, 1, CHUNK_RANGE, "100", "101", 1000);
    assert_chunk(&plan, 2, CHUNK_RANGE, "101", NULL, 100);
    plan_release(&plan);
    assert_true(plan_lines(&plan, first, 2, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 3);
    assert_chunk(&plan, 0, CHUNK_RANGE, NULL, "8", 500);
    assert_chunk(&plan, 1, CHUNK_RANGE, "8", NULL, 2);
    plan_release(&plan);
}

static void a_value_that_runs_over_joins_its_successors(void **state) {
    /* 90 rows, then 60 of one value: no chunk has more than 100. */
    const char *const cells[] = {"1",   "91",  "0", "150", "60", "1", "0", /**/
                                 "92",  "120", "0", "40",  "1",  "1", "0", /**/
                                 "121", "200", "0", "90",  "1",  "1", "0"};
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_lines(&plan, cells, 3, &batch_100, &error));
    assert_chunk(&plan, 0, CHUNK_RANGE, NULL, "91", 90);
    assert_chunk(&plan, 1, CHUNK_RANGE, "91", "121", 100);
    assert_chunk(&plan, 2, CHUNK_RANGE, "121", NULL, 90);
    plan_release(&plan);
}

static void chosen_chunks_are_put_together_from_lines(void **state) {
    const struct plan_size size = {.minimum_rows = 20, .maximum_rows = 1000, .chunks = 4};
    const char *cells[40 * CELLS];
    char texts[40][2][8];
    struct plan plan;
    struct error error;

    (void)state;
    for (size_t i = 0; i < 40; i++) {
        const char *const line[CELLS] = {texts[i][0], texts[i][1], "0", "10", "1", "1", "0"};

        snprintf(texts[i][0], sizeof texts[i][0], "%zu", i * 10);
        snprintf(texts[i][1], sizeof texts[i][1], "%zu", i * 10 + 9);
        memcpy(cells + i * CELLS, line, sizeof line);
    }
    /* 400 rows in 4 chunks. */
    assert_true(plan_lines(&plan, cells, 40, &size, &error));
    assert_int_equal(plan.chunk_count, 5);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(plan.chunks[i].expected_rows, 100);
    assert_chunk(&plan, 1, CHUNK_RANGE, "100", "200", 100);
    plan_release(&plan);
    /* 60 rows: not below 20 a chunk. */
    assert_true(plan_lines(&plan, cells, 6, &size, &error));
    assert_int_equal(plan.chunk_count, 4);
    assert_chunk(&plan, 0, CHUNK_RANGE, NULL, "20", 20);
    plan_release(&plan);
}

/* Text that is too long comes as NULL, and one with a NUL in it is cut there: neither is the key that was sorted. */
static void what_can_not_be_written_is_no_bound(void **state) {
    const char *const cells[] = {NULL, "a",  "0", "100", "1",  "1", "0", /**/
                                 "b",  NULL, "0", "150", "60", "1", "0", /**/
                                 NULL, "c",  "0", "100", "1",  "1", "0", /**/
                                 "d",  "d",  "0", "100", "1",  "1", "0", /**/
                                 "e",  "f",  "0", "100", "1",  "1", "0"};
    bool cut[5 * CELLS] = {[3 * CELLS] = true};
    const struct source_column text = {.name = key_name, .type_name = key_type, .kind = VALUE_TEXT};
    const struct source_column numeric = {
        .name = key_name, .type_name = key_type, .kind = VALUE_TEXT, .as_number = true};
    const struct source_rows rows = {
        .row_count = 5, .column_count = CELLS, .cells = (char **)(uintptr_t)cells, .cut = cut};
    struct plan plan;
    struct error error = {0};

    (void)state;
    assert_true(plan_from_rows(&plan, &rows, &text, 1, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 4);
    assert_chunk(&plan, 0, CHUNK_RANGE, NULL, "b", 100);
    assert_chunk(&plan, 1, CHUNK_RANGE, "b", "e", 350);
    assert_chunk(&plan, 2, CHUNK_RANGE, "e", NULL, 100);
    plan_release(&plan);
    assert_false(plan_from_rows(&plan, &rows, &numeric, 1, &batch_100, &error));
}

/* ---- by hash -------------------------------------------------------------------------------------------------------- */

static bool plan_buckets(struct plan *plan, const char *const *cells, size_t lines, const struct plan_size *size,
                         struct error *error) {
    const struct source_rows rows = {.row_count = lines, .column_count = 3, .cells = (char **)(uintptr_t)cells};

    memset(error, 0, sizeof *error);
    return plan_hash_from_rows(plan, &rows, &key, 1, size, error);
}

static void assert_span(const struct plan *plan, size_t index, int64_t first, int64_t last, int64_t rows) {
    assert_true(index < plan->chunk_count);
    assert_int_equal(plan->chunks[index].kind, CHUNK_HASH);
    assert_int_equal(plan->chunks[index].first_bucket, first);
    assert_int_equal(plan->chunks[index].last_bucket, last);
    assert_int_equal(plan->chunks[index].buckets, PLAN_HASH_BUCKETS);
    assert_int_equal(plan->chunks[index].expected_rows, rows);
    assert_string_equal(plan->chunks[index].hash_probe, "p");
}

static void spans_share_out_all_buckets(void **state) {
    const char *const cells[] = {"5", "60", "p", "9", "60", "p", "70", "60", "p", "16000", "60", "p"};
    const char *const heavy[] = {"0", "1", "p", "1", "1000", "p", "2", "1", "p", "16383", "1", "p"};
    const char *const last[] = {"16383", "1000", "p"};
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_buckets(&plan, cells, 4, &batch_100, &error));
    assert_int_equal(plan.expected_rows, 240);
    assert_int_equal(plan.chunk_count, 3); /* 80 rows a chunk, as near as buckets come to it */
    assert_span(&plan, 0, 0, 9, 120);
    assert_span(&plan, 1, 10, 70, 60);
    assert_span(&plan, 2, 71, 16383, 60);
    plan_release(&plan);
    /* What a heavy bucket has in excess isn't made up for by empty chunks after it. */
    assert_true(plan_buckets(&plan, heavy, 4, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 2);
    assert_span(&plan, 0, 0, 1, 1001);
    assert_span(&plan, 1, 2, 16383, 2);
    plan_release(&plan);
    assert_true(plan_buckets(&plan, last, 1, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 1);
    assert_span(&plan, 0, 0, 16383, 1000);
    plan_release(&plan);
}

static void what_is_one_chunk_anyway_is_not_hashed(void **state) {
    const char *const cells[] = {"5", "60", "p", "9", "40", "p"};
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_buckets(&plan, cells, 2, &batch_100, &error));
    assert_int_equal(plan.chunk_count, 1);
    assert_chunk(&plan, 0, CHUNK_WHOLE, NULL, NULL, 100);
    plan_release(&plan);
    assert_true(plan_buckets(&plan, NULL, 0, &batch_100, &error));
    assert_chunk(&plan, 0, CHUNK_WHOLE, NULL, NULL, 0);
    plan_release(&plan);
}

/* Whatever the counts are: contiguous, from the first bucket to the last, adding up, and none too large that needn't be. */
static void any_counts_make_contiguous_spans(void **state) {
    static char texts[PLAN_HASH_BUCKETS][2][24];
    static const char *cells[PLAN_HASH_BUCKETS * 3];
    unsigned random = 1;

    (void)state;
    for (int round = 0; round < 40; round++) {
        const struct plan_size size = {.batch_rows = 1 + round * round * 97};
        int64_t total = 0;
        int64_t largest = 0;
        size_t lines = 0;
        struct plan plan;
        struct error error;

        for (int bucket = round % 3; bucket < PLAN_HASH_BUCKETS;
             bucket += 1 + (int)((random >> 16) % (1u + 200u * (round % 5)))) {
            random = random * 1103515245u + 12345u;
            int64_t count = 1 + (random >> 16) % 50 + (random % 97 == 0 ? 5000 : 0);

            snprintf(texts[lines][0], sizeof texts[0][0], "%d", bucket);
            snprintf(texts[lines][1], sizeof texts[0][1], "%lld", (long long)count);
            cells[3 * lines] = texts[lines][0];
            cells[3 * lines + 1] = texts[lines][1];
            cells[3 * lines++ + 2] = "p";
            total += count;
            largest = count > largest ? count : largest;
        }
        assert_true(plan_buckets(&plan, cells, lines, &size, &error));
        assert_int_equal(plan.expected_rows, total);
        int64_t next = 0;
        int64_t rows = 0;
        for (size_t i = 0; i < plan.chunk_count && plan.chunks[i].kind == CHUNK_HASH; i++) {
            assert_int_equal(plan.chunks[i].first_bucket, next);
            assert_true(plan.chunks[i].last_bucket >= next);
            assert_true(plan.chunks[i].expected_rows > 0 && plan.chunks[i].expected_rows <= size.batch_rows + largest);
            next = plan.chunks[i].last_bucket + 1;
            rows += plan.chunks[i].expected_rows;
        }
        if (plan.chunks[0].kind == CHUNK_HASH) {
            assert_int_equal(next, PLAN_HASH_BUCKETS);
            assert_int_equal(rows, total);
        } else {
            assert_true(plan.chunk_count == 1 && total <= size.batch_rows);
        }
        plan_release(&plan);
    }
}

static void counts_that_cannot_be_a_plan(void **state) {
    static const char *const good[6] = {"5", "60", "p", "9", "60", "p"};
    static const struct {
        size_t cell;
        const char *text;
    } faults[] = {{0, NULL}, {0, ""},   {0, "-1"}, {0, "16384"}, {0, "9"}, {0, "x"},  {3, "5"},
                  {3, "4"},  {1, NULL}, {1, "0"},  {1, "-3"},    {4, "x"}, {2, NULL}, {5, NULL}};
    const struct source_rows narrow = {.row_count = 1, .column_count = 2, .cells = (char **)(uintptr_t)good};
    struct plan plan;
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *cells[6];

        memcpy(cells, good, sizeof cells);
        cells[faults[i].cell] = faults[i].text;
        if (plan_buckets(&plan, cells, 2, &batch_100, &error))
            fail_msg("fault %zu was taken for a plan", i);
        assert_int_equal(error.kind, ERROR_INTERNAL);
        assert_null(plan.chunks);
        assert_null(plan.keys);
    }
    assert_false(plan_hash_from_rows(&plan, &narrow, &key, 1, &batch_100, &error));
}

static void answers_that_cannot_be_a_plan(void **state) {
    static const char *const good[2 * CELLS] = {"1",   "100", "0", "100", "1", "1", "0", /**/
                                                "101", "200", "0", "100", "1", "1", "0"};
    static const struct {
        size_t cell;
        const char *text;
    } faults[] = {
        {0, NULL}, {1, NULL},    {7, NULL},       {8, NULL},   {2, NULL},
        {2, "2"},  {2, ""},      {2, "1"},        {3, NULL},   {3, ""},
        {3, "0"},  {3, "-5"},    {3, "1e3"},      {3, "12 "},  {3, "99999999999999999999"},
        {4, NULL}, {4, "0"},     {4, "101"},      {5, NULL},   {5, "0"},
        {12, "0"}, {12, "true"}, {7, "\xff\xfe"}, {1, "\xc3"}, {6, NULL},
        {6, "1"},  {6, "2"},     {6, "-1"},       {13, "no"},
    };
    struct plan plan;
    struct error error;

    (void)state;
    assert_true(plan_lines(&plan, good, 2, &batch_100, &error));
    plan_release(&plan);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *cells[2 * CELLS];

        memcpy(cells, good, sizeof cells);
        cells[faults[i].cell] = faults[i].text;
        if (plan_lines(&plan, cells, 2, &batch_100, &error))
            fail_msg("fault %zu was taken for a plan", i);
        assert_int_equal(error.kind, ERROR_INTERNAL);
        assert_non_null(strstr(error.message, "line "));
        assert_null(plan.chunks);
        assert_null(plan.keys);
    }
}

/* Two chunks whose common bound is not the key that was sorted: which of the columns, its type, what was written. */
static void a_bound_that_is_read_as_another(void **state) {
    const char *const cells[] = {"1", "a", "4", "b", "0", "10", "1", "1", "0", /**/
                                 "5", "c", "9", "d", "0", "10", "1", "1", "2"};
    char second[] = "when", type[] = "TIMESTAMP_TZ(9)";
    const struct source_column keys[] = {key, {.name = second, .type_name = type, .kind = VALUE_INSTANT}};
    const struct source_rows rows = {.row_count = 2, .column_count = 9, .cells = (char **)(uintptr_t)cells};
    struct plan plan;
    struct error error = {0};

    (void)state;
    assert_false(plan_from_rows(&plan, &rows, keys, 2, &batch_100, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    assert_string_equal(error.message,
                        "the source doesn't read a bound of the chunking column \"when\" (TIMESTAMP_TZ(9)) back as the "
                        "value that it has written: \"c\" or \"d\", in line 2 of its answer");
}

static void an_answer_of_another_shape(void **state) {
    const char *const cells[] = {"1", "2", "0", "1", "1"};
    const struct source_rows rows = {.row_count = 1, .column_count = 5, .cells = (char **)(uintptr_t)cells};
    struct plan plan;
    struct error error = {0};

    (void)state;
    assert_false(plan_from_rows(&plan, &rows, &key, 1, &batch_100, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_without_keys_is_whole),
        cmocka_unit_test(ends_are_open_and_neighbours_share_a_bound),
        cmocka_unit_test(the_null_chunk_needs_no_nulls),
        cmocka_unit_test(what_is_one_chunk_anyway_is_whole),
        cmocka_unit_test(a_heavy_value_is_a_chunk_by_itself),
        cmocka_unit_test(a_value_that_runs_over_joins_its_successors),
        cmocka_unit_test(chosen_chunks_are_put_together_from_lines),
        cmocka_unit_test(what_can_not_be_written_is_no_bound),
        cmocka_unit_test(spans_share_out_all_buckets),
        cmocka_unit_test(what_is_one_chunk_anyway_is_not_hashed),
        cmocka_unit_test(any_counts_make_contiguous_spans),
        cmocka_unit_test(counts_that_cannot_be_a_plan),
        cmocka_unit_test(answers_that_cannot_be_a_plan),
        cmocka_unit_test(a_bound_that_is_read_as_another),
        cmocka_unit_test(an_answer_of_another_shape),
    };

    return cmocka_run_group_tests_name("plan_chunks", tests, NULL, NULL);
}
