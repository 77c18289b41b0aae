#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan/plan.h"

static void choose(bool is_view, int64_t batch_rows, int workers, struct plan_size *size) {
    struct source_column columns[] = {
        {.kind = VALUE_INTEGER, .maximum_length = -1},
        {.kind = VALUE_TEXT, .maximum_length = 16777216},
    };
    const struct source_table table = {.columns = columns, .column_count = 2, .is_view = is_view};
    const size_t both[] = {1, 0};

    *size = plan_choose_size(&table, both, 2, PLAN_RANGE, batch_rows, workers);
}

static int64_t bytes_of(struct source_column column) {
    const struct source_table table = {.columns = &column, .column_count = 1};
    const size_t twice[] = {0, 0};
    int64_t once_bytes = plan_estimate_row_bytes(&table, twice, 1);

    /* What a row costs is counted once, what a field costs for each. */
    assert_int_equal(plan_estimate_row_bytes(&table, twice, 2), 2 * once_bytes - 2);
    return once_bytes - 2;
}

static void row_bytes_follow_the_columns(void **state) {
    const struct source_table table = {0};

    (void)state;
    assert_int_equal(plan_estimate_row_bytes(&table, NULL, 0), 2);
    assert_int_equal(bytes_of((struct source_column){.kind = VALUE_INTEGER, .maximum_length = -1}), 4 + 8);
    assert_int_equal(bytes_of((struct source_column){.kind = VALUE_TEXT, .maximum_length = 16777216}), 4 + 32);
    assert_int_equal(bytes_of((struct source_column){.kind = VALUE_TEXT, .maximum_length = 3}), 4 + 3);
    assert_int_equal(bytes_of((struct source_column){.kind = VALUE_TEXT, .maximum_length = -1}), 4 + 32);
    /* Ten groups of four digits. */
    assert_int_equal(bytes_of((struct source_column){.kind = VALUE_DECIMAL, .precision = 38}), 4 + 8 + 20);
}

static void every_kind_has_a_size(void **state) {
    (void)state;
    for (int kind = VALUE_INTEGER; kind <= VALUE_OTHER; kind++) {
        struct source_column column = {.kind = (enum value_kind)kind, .maximum_length = -1};
        const struct source_table table = {.columns = &column, .column_count = 1};
        const size_t columns[] = {0};

        assert_in_range(plan_estimate_row_bytes(&table, columns, 1), 7, 512);
    }
}

static void the_users_batch_is_the_batch(void **state) {
    struct plan_size size;

    (void)state;
    choose(false, 777, 4, &size);
    assert_int_equal(plan_chunk_rows(&size, 0), 777);
    assert_int_equal(plan_chunk_rows(&size, 1), 777);
    assert_int_equal(plan_chunk_rows(&size, INT64_C(1) << 60), 777);
    assert_int_equal(plan_bucket_rows(&size), 777);
    choose(true, 1, 4, &size);
    assert_int_equal(plan_chunk_rows(&size, 100), 1);
    assert_int_equal(plan_bucket_rows(&size), 1);
}

static void chosen_sizes(void **state) {
    struct plan_size size;

    (void)state;
    choose(false, 0, 4, &size);
    assert_int_equal(size.chunks, 16);
    assert_int_equal(size.minimum_rows, 50000);
    assert_int_equal(plan_bucket_rows(&size), 25000);
    /* Small: not below the minimum. Middling: four chunks a worker. Huge: some 2 GiB a chunk. */
    assert_int_equal(plan_chunk_rows(&size, 0), 50000);
    assert_int_equal(plan_chunk_rows(&size, 300000), 50000);
    assert_int_equal(plan_chunk_rows(&size, 16000001), 1000001);
    assert_int_equal(plan_chunk_rows(&size, INT64_MAX), (INT64_C(2) << 30) / (2 + 4 + 8 + 4 + 32));
}

static void wide_rows_make_smaller_chunks(void **state) {
    struct source_column columns[250];
    size_t all[250];
    const struct source_table table = {.columns = columns, .column_count = 250};

    (void)state;
    memset(columns, 0, sizeof columns);
    for (size_t i = 0; i < 250; i++) {
        columns[i] = (struct source_column){.kind = VALUE_INTEGER, .maximum_length = -1};
        all[i] = i;
    }
    const struct plan_size size = plan_choose_size(&table, all, 250, PLAN_RANGE, 0, 8);
    assert_int_equal(size.minimum_rows, (16 << 20) / (2 + 250 * 12));
    /* Every one of eight workers has something to do with 200,000 of them. */
    assert_true(200000 / plan_chunk_rows(&size, 200000) >= 8);
}

/* Rows that lie in the keys' order: a chunk has whole blocks, so that none of them is read for two chunks. */
static void chunks_are_whole_blocks_where_blocks_are_known(void **state) {
    struct source_column columns[] = {{.kind = VALUE_INTEGER, .maximum_length = -1},
                                      {.kind = VALUE_TEXT, .maximum_length = 16777216}};
    const struct source_table table = {.columns = columns, .column_count = 2, .block_rows = 122880};
    const size_t both[] = {1, 0};
    struct plan_size size = plan_choose_size(&table, both, 2, PLAN_RANGE, 0, 2);

    (void)state;
    assert_int_equal(plan_bucket_rows(&size), 24576); /* a fifth: not more than half of the smallest chunk */
    assert_int_equal(plan_chunk_rows(&size, 1000000), 122880);
    assert_int_equal(plan_chunk_rows(&size, 10000000), 10 * 122880);
    assert_int_equal(plan_chunk_rows(&size, INT64_MAX) % 122880, 0);
    assert_true(plan_chunk_rows(&size, INT64_MAX) <= size.maximum_rows);
    assert_int_equal(plan_chunk_rows(&size, 500000), 62500); /* far from a block: the share itself */
    size.maximum_rows = 100000;
    assert_int_equal(plan_chunk_rows(&size, 1000000), 100000);
    size = plan_choose_size(&table, both, 2, PLAN_RANGE, 777, 2);
    assert_int_equal(plan_bucket_rows(&size), 777);
    assert_int_equal(plan_chunk_rows(&size, 1000000), 777);
    size = plan_choose_size(&table, both, 2, PLAN_HASH, 0, 2);
    assert_int_equal(size.block_rows, 0);
}

static void a_view_is_asked_fewer_times(void **state) {
    struct plan_size table;
    struct plan_size view;

    (void)state;
    choose(false, 0, 4, &table);
    choose(true, 0, 4, &view);
    assert_int_equal(view.chunks, 8);
    assert_true(view.maximum_rows > table.maximum_rows);
}

static void odd_sizes_are_still_sizes(void **state) {
    const struct plan_size nothing = {0};
    struct plan_size size;

    (void)state;
    assert_int_equal(plan_bucket_rows(&nothing), 1);
    assert_int_equal(plan_chunk_rows(&nothing, 10), 1);
    choose(false, 0, 0, &size);
    assert_true(size.chunks > 0);
}

static void only_kinds_that_order_alike_everywhere_are_keys(void **state) {
    static const bool supported[] = {
        [VALUE_INTEGER] = true,   [VALUE_DECIMAL] = true, [VALUE_TEXT] = true, [VALUE_DATE] = true,
        [VALUE_TIMESTAMP] = true, [VALUE_INSTANT] = true, [VALUE_UUID] = true, [VALUE_OTHER] = false};

    (void)state;
    for (int kind = VALUE_INTEGER; kind <= VALUE_OTHER; kind++) {
        const struct source_column column = {.kind = (enum value_kind)kind};

        assert_int_equal(plan_key_supported(&column), supported[kind]);
    }
}

static void a_hash_is_asked_as_seldom_as_a_view(void **state) {
    struct source_column column = {.kind = VALUE_INTEGER, .maximum_length = -1};
    const struct source_table table = {.columns = &column, .column_count = 1};
    const struct source_table view = {.columns = &column, .column_count = 1, .is_view = true};
    const size_t only[] = {0};

    (void)state;
    struct plan_size hash = plan_choose_size(&table, only, 1, PLAN_HASH, 0, 6);
    struct plan_size computed = plan_choose_size(&view, only, 1, PLAN_RANGE, 0, 6);
    assert_int_equal(hash.chunks, computed.chunks);
    assert_int_equal(hash.maximum_rows, computed.maximum_rows);
    assert_int_equal(hash.minimum_rows, computed.minimum_rows);
}

static void large_is_more_than_a_chunk(void **state) {
    struct source_column column = {.kind = VALUE_INTEGER, .maximum_length = -1};
    struct source_table table = {.columns = &column, .column_count = 1};
    const size_t only[] = {0};
    const struct plan_size size = plan_choose_size(&table, only, 1, PLAN_RANGE, 0, 6);

    (void)state;
    table.estimated_rows = -1;
    assert_false(plan_is_large(&table, only, 1));
    table.estimated_rows = size.maximum_rows;
    assert_false(plan_is_large(&table, only, 1));
    table.estimated_rows++;
    assert_true(plan_is_large(&table, only, 1));
}

static void columns_that_hash_and_columns_that_order(void **state) {
    static const struct {
        enum value_kind kind;
        bool orders, hashes, reliably;
    } kinds[] = {
        {VALUE_INTEGER, true, true, true},  {VALUE_DECIMAL, true, true, true}, {VALUE_FLOAT, false, true, false},
        {VALUE_BOOL, false, true, true},    {VALUE_TEXT, true, true, true},    {VALUE_BINARY, false, true, true},
        {VALUE_DATE, true, true, true},     {VALUE_TIME, false, true, true},   {VALUE_TIMESTAMP, true, true, true},
        {VALUE_INSTANT, true, true, true},  {VALUE_UUID, true, true, true},    {VALUE_JSON, false, true, false},
        {VALUE_OTHER, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct source_column column = {.kind = kinds[i].kind};

        assert_int_equal(plan_key_supported(&column), kinds[i].orders);
        assert_int_equal(plan_hash_supported(&column), kinds[i].hashes);
        assert_int_equal(plan_hash_reliable(&column), kinds[i].reliably);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_bytes_follow_the_columns),
        cmocka_unit_test(every_kind_has_a_size),
        cmocka_unit_test(the_users_batch_is_the_batch),
        cmocka_unit_test(chosen_sizes),
        cmocka_unit_test(wide_rows_make_smaller_chunks),
        cmocka_unit_test(chunks_are_whole_blocks_where_blocks_are_known),
        cmocka_unit_test(a_view_is_asked_fewer_times),
        cmocka_unit_test(odd_sizes_are_still_sizes),
        cmocka_unit_test(only_kinds_that_order_alike_everywhere_are_keys),
        cmocka_unit_test(a_hash_is_asked_as_seldom_as_a_view),
        cmocka_unit_test(large_is_more_than_a_chunk),
        cmocka_unit_test(columns_that_hash_and_columns_that_order),
    };

    return cmocka_run_group_tests_name("plan_size", tests, NULL, NULL);
}
