/* The window of a watermark: its SQL word by word, and which rows it lets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "plan/plan.h"
#include "plan/window.h"
#include "three_valued.h"

static char database_name[] = "DB", schema_name[] = "S", relation_name[] = "T", id_name[] = "ID",
            id_type[] = "NUMBER(38,0)", day_name[] = "day", day_type[] = "DATE", at_name[] = "AT",
            at_type[] = "TIMESTAMP_NTZ(9)", moment_name[] = "MOMENT", moment_type[] = "TIMESTAMP_TZ(9)",
            price_name[] = "price", price_type[] = "DECIMAL(10,2)", text_name[] = "text", text_type[] = "VARCHAR";

enum { ID, DAY, AT, MOMENT, PRICE, TEXT, COLUMNS };

static struct source_column columns[] = {
    {.name = id_name, .type_name = id_type, .kind = VALUE_INTEGER, .precision = 38},
    {.name = day_name, .type_name = day_type, .kind = VALUE_DATE},
    {.name = at_name, .type_name = at_type, .kind = VALUE_TIMESTAMP, .precision = 9},
    {.name = moment_name, .type_name = moment_type, .kind = VALUE_INSTANT, .precision = 9},
    {.name = price_name, .type_name = price_type, .kind = VALUE_DECIMAL, .precision = 10, .scale = 2},
    {.name = text_name, .type_name = text_type, .kind = VALUE_TEXT},
};
static const struct source_table table = {
    .relation = {.database = database_name, .schema = schema_name, .name = relation_name},
    .columns = columns,
    .column_count = COLUMNS,
};
static struct error error;

static struct plan_window window_of(size_t column, const char *floor, const char *ceiling) {
    struct plan_window window;

    plan_window_begin(&window, &columns[column]);
    window.floor = memory_copy_string(floor);
    window.ceiling = memory_copy_string(ceiling);
    return window;
}

static void assert_filter(const struct dialect *dialect, const char *filter, struct plan_window window,
                          const char *expected) {
    struct buffer sql = {0};

    plan_window_filter(&sql, dialect, filter, &window);
    assert_string_equal(buffer_string(&sql), expected);
    buffer_release(&sql);
    plan_window_release(&window);
}

static void bounds_stand_beside_the_bare_column_with_type_and_offset(void **state) {
    (void)state;
    assert_filter(&dialect_snowflake, NULL,
                  window_of(MOMENT, "2024-01-01 00:00:00.999999+00:00", "2024-01-02 10:00:00.000000000 +00:00"),
                  "(\"MOMENT\" > '2024-01-01 00:00:00.999999+00:00'::TIMESTAMP_TZ(9) AND "
                  "\"MOMENT\" <= '2024-01-02 10:00:00.000000000 +00:00'::TIMESTAMP_TZ(9) OR \"MOMENT\" IS NULL)");
    assert_filter(
        &dialect_duckdb, NULL, window_of(DAY, "2024-01-01", "2024-01-05"),
        "(\"day\" > CAST('2024-01-01' AS DATE) AND \"day\" <= CAST('2024-01-05' AS DATE) OR \"day\" IS NULL)");
    assert_filter(&dialect_duckdb, NULL, window_of(ID, "-129", "7"),
                  "(\"ID\" > -129 AND \"ID\" <= 7 OR \"ID\" IS NULL)");
    assert_filter(&dialect_snowflake, NULL, window_of(PRICE, "-0.01", "99.95"),
                  "(\"price\" > -0.01 AND \"price\" <= 99.95 OR \"price\" IS NULL)");
}

static void without_ends(void **state) {
    const struct plan_window none = {0};

    (void)state;
    assert_filter(&dialect_duckdb, NULL, window_of(ID, NULL, "7"), "(\"ID\" <= 7 OR \"ID\" IS NULL)");
    assert_filter(&dialect_duckdb, NULL, window_of(ID, NULL, NULL), "(\"ID\" IS NULL)");
    assert_filter(&dialect_duckdb, NULL, none, "");
    assert_filter(&dialect_duckdb, "a OR b --", none, "a OR b --");
}

static void the_users_filter_keeps_its_own_parentheses(void **state) {
    (void)state;
    assert_filter(&dialect_duckdb, "a OR b --", window_of(ID, NULL, "7"),
                  "(\na OR b --\n) AND (\"ID\" <= 7 OR \"ID\" IS NULL)");
}

static void the_query_of_the_ceiling(void **state) {
    struct buffer sql = {0};
    struct plan_window window = window_of(AT, NULL, NULL);

    (void)state;
    plan_window_query(&sql, &dialect_snowflake, &table.relation, NULL, &window);
    assert_string_equal(
        buffer_string(&sql),
        "SELECT TO_VARCHAR(THAW_MAXIMUM, 'YYYY-MM-DD HH24:MI:SS.FF9') AS THAW_CEILING FROM (SELECT MAX(\"AT\") "
        "AS THAW_MAXIMUM FROM \"DB\".\"S\".\"T\") AS THAW_NEWEST");
    buffer_clear(&sql);
    window.floor = memory_copy_string("2024-01-01 00:00:00.000000");
    plan_window_query(&sql, &dialect_snowflake, &table.relation, "a OR b --", &window);
    assert_non_null(strstr(buffer_string(&sql),
                           " WHERE (\na OR b --\n) AND \"AT\" > '2024-01-01 00:00:00.000000'::TIMESTAMP_NTZ(9)) AS"));
    plan_window_release(&window);
    buffer_release(&sql);
}

static void kinds(void **state) {
    (void)state;
    for (size_t i = 0; i < COLUMNS; i++)
        assert_int_equal(plan_watermark_supported(&columns[i]), i != TEXT);
}

static void a_window_survives_the_ledger(void **state) {
    struct plan_window window = window_of(AT, "2024-01-01 00:00:00.999999", NULL);
    struct plan_window back;
    json_t *json = plan_window_to_json(&window);

    (void)state;
    assert_true(plan_window_from_json(json, &table, &back, &error));
    assert_string_equal(back.watermark.name, "AT");
    assert_string_equal(back.floor, window.floor);
    assert_null(back.ceiling);
    plan_window_release(&back);
    /* A bound that is missing would widen the window in silence. */
    json_object_del(json, "ceiling");
    assert_false(plan_window_from_json(json, &table, &back, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    json_decref(json);
    assert_true(plan_window_from_json(NULL, &table, &back, &error));
    assert_false(plan_window_is_set(&back));
    plan_window_release(&window);
}

static void a_window_of_another_type_is_refused(void **state) {
    struct plan_window window = window_of(AT, NULL, "2024-01-01 00:00:00.999999999");
    struct plan_window back;
    static char fewer[] = "TIMESTAMP_NTZ(3)", gone[] = "gone";

    (void)state;
    window.watermark.type_name[strlen("TIMESTAMP_NTZ(")] = '3';
    assert_string_equal(window.watermark.type_name, fewer);
    json_t *json = plan_window_to_json(&window);

    assert_false(plan_window_from_json(json, &table, &back, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.hint, "--no-resume"));
    json_object_set_new(json, "column", json_string(gone));
    assert_false(plan_window_from_json(json, &table, &back, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    json_decref(json);
    plan_window_release(&window);
}

/* ---- which rows, by the reference evaluator ----------------------------------------------------------------------------- */

static const char *const hostile[] = {NULL, "-9223372036854775808", "-1", "0", "1", "4", "5", "6", "9", "10",
                                      "11", "9223372036854775807"};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

/* What the window is: above the floor, not above the ceiling, or NULL. */
static bool belongs(const char *value, const char *floor, const char *ceiling) {
    if (value == NULL)
        return true;
    return ceiling != NULL && three_valued_compare_numbers(value, ceiling) <= 0 &&
           (floor == NULL || three_valued_compare_numbers(value, floor) > 0);
}

static char low[] = "1", high[] = "6";
static char *bounds[] = {low, high};

static void count_chunks(const struct dialect *dialect, const char *floor, const char *ceiling, const char *key,
                         const char *watermark) {
    struct source_column both[] = {columns[ID], columns[ID]};
    static char watermark_name[] = "W";
    const struct plan_chunk chunks[] = {
        {.kind = CHUNK_RANGE, .upper = &bounds[0]},
        {.kind = CHUNK_RANGE, .lower = &bounds[0], .upper = &bounds[1]},
        {.kind = CHUNK_RANGE, .lower = &bounds[1]},
        {.kind = CHUNK_NULLS},
    };
    const char *values[] = {key, watermark};
    const struct three_valued_row row = {both, 2, values};
    size_t found = 0;

    both[1].name = watermark_name;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct plan_window window;
        struct buffer sql = {0}, predicate = {0};
        enum truth truth = TRUTH_NULL;

        plan_window_begin(&window, &both[1]);
        window.floor = memory_copy_string(floor);
        window.ceiling = memory_copy_string(ceiling);
        /* As the data query puts them together. */
        buffer_append(&sql, "(");
        plan_window_filter(&sql, dialect, "NOT \"ID\" = 4 OR \"ID\" IS NULL", &window);
        plan_predicate(&predicate, dialect, both, 1, &chunks[i]);
        buffer_appendf(&sql, ") AND (%s)", buffer_string(&predicate));
        if (!three_valued_evaluate(buffer_string(&sql), dialect == &dialect_snowflake, &row, &truth))
            fail_msg("the evaluator can't read: %s", buffer_string(&sql));
        found += truth == TRUTH_TRUE;
        buffer_release(&sql);
        buffer_release(&predicate);
        plan_window_release(&window);
    }
    size_t expected = belongs(watermark, floor, ceiling) && (key == NULL || strcmp(key, "4") != 0);

    if (found != expected)
        fail_msg("key %s, watermark %s in (%s, %s]: in %zu chunks, not %zu", key, watermark, floor, ceiling, found,
                 expected);
}

static void invariant_01_chunks_cover_the_window_and_nothing_else(void **state) {
    static const char *const ends[][2] = {{NULL, NULL}, {NULL, "5"}, {"4", "9"},
                                          {"5", "5"},   {"9", "4"},  {"-1", "9223372036854775807"}};
    const struct dialect *const dialects[] = {&dialect_duckdb, &dialect_snowflake};

    (void)state;
    for (size_t d = 0; d < 2; d++)
        for (size_t w = 0; w < sizeof ends / sizeof *ends; w++)
            for (size_t k = 0; k < HOSTILE; k++)
                for (size_t v = 0; v < HOSTILE; v++)
                    count_chunks(dialects[d], ends[w][0], ends[w][1], hostile[k], hostile[v]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_stand_beside_the_bare_column_with_type_and_offset),
        cmocka_unit_test(without_ends),
        cmocka_unit_test(the_users_filter_keeps_its_own_parentheses),
        cmocka_unit_test(the_query_of_the_ceiling),
        cmocka_unit_test(kinds),
        cmocka_unit_test(a_window_survives_the_ledger),
        cmocka_unit_test(a_window_of_another_type_is_refused),
        cmocka_unit_test(invariant_01_chunks_cover_the_window_and_nothing_else),
    };

    return cmocka_run_group_tests_name("plan_window", tests, NULL, NULL);
}
