/* invariant_01 where a source is not what its answer says: bounds that it doesn't read back, an order that its comparison denies.
 * Such a plan would be no cover, so it is refused. */
#include "plan_duckdb.h"

static void text_of_milliseconds(struct buffer *sql, const struct source_column *column, const char *expression) {
    (void)column;
    buffer_appendf(sql, "strftime(%s, '%%Y-%%m-%%d %%H:%%M:%%S.%%g')", expression);
}

static void value_of_a_day(struct buffer *sql, const struct source_column *column, const char *expression) {
    (void)column;
    buffer_appendf(sql, "TRY_CAST(CAST(%s AS DATE) AS TIMESTAMP)", expression);
}

/* Dialects that lose something on the way to a text and back: plans by them are refused, the source itself having seen it. */
static void invariant_01_a_bound_that_reads_as_another_value_is_refused(void **state) {
    static const struct {
        const char *name, *values;
        void (*text)(struct buffer *sql, const struct source_column *column, const char *expression);
        void (*value)(struct buffer *sql, const struct source_column *column, const char *expression);
    } faults[] = {
        {"writes milliseconds", "TIMESTAMP '2026-01-01 00:00:00.000001' + INTERVAL (i) DAY", text_of_milliseconds,
         NULL},
        {"reads days", "TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (i) HOUR", NULL, value_of_a_day},
        {"loses what only the last bucket ends with",
         "TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (i // 99) MICROSECOND", text_of_milliseconds, NULL},
    };
    struct fixture *fixture = *state;
    char key_name[] = "K 1", key_type[] = "TIMESTAMP", name[] = "T";
    const struct source_column key = {.name = key_name, .type_name = key_type, .kind = VALUE_TIMESTAMP, .precision = 6};
    const struct source_relation relation = {.name = name};
    const struct plan_size size = {.batch_rows = 5};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct dialect dialect = *source_dialect(fixture->source);
        struct buffer sql = {0};
        struct source_rows rows;
        struct plan plan;
        struct error error = {0};

        buffer_appendf(&sql, "CREATE OR REPLACE TABLE \"T\" AS SELECT %s AS \"K 1\" FROM range(100) r(i)",
                       faults[i].values);
        execute(fixture, buffer_string(&sql));
        for (int planted = 0; planted < 2; planted++) {
            if (planted && faults[i].text != NULL)
                dialect.bound_text = faults[i].text;
            if (planted && faults[i].value != NULL)
                dialect.bound_value = faults[i].value;
            buffer_clear(&sql);
            plan_query(&sql, &dialect, &relation, NULL, &key, 1, &size);
            query(fixture, buffer_string(&sql), &rows);
            if (plan_from_rows(&plan, &rows, &key, 1, &size, &error) == (planted == 1))
                fail_msg("a dialect that %s: %s %s", faults[i].name, planted ? "planned, planted" : "refused, sound",
                         error.message);
            source_rows_release(&rows);
            if (!planted)
                plan_release(&plan);
        }
        assert_int_equal(error.kind, ERROR_INTERNAL);
        assert_non_null(strstr(error.message, "the chunking column \"K 1\" (TIMESTAMP) back"));
        buffer_release(&sql);
    }
}

/* An answer in which the source contradicts itself: sorted one way, compared another. */
static void invariant_01_an_order_that_comparison_denies_is_refused(void **state) {
    struct fixture *fixture = *state;
    char number_name[] = "K 1", number_type[] = "BIGINT";
    const struct source_column key = {.name = number_name, .type_name = number_type, .kind = VALUE_INTEGER};
    const struct plan_size size = {.batch_rows = 5};
    char name[] = "T";
    const struct source_relation relation = {.name = name};
    struct buffer sql = {0};
    struct source_rows rows;
    struct plan plan;
    struct error error = {0};

    execute(fixture,
            "CREATE OR REPLACE TABLE \"T\" AS SELECT CASE WHEN i % 7 = 0 THEN NULL WHEN i % 3 = 0 THEN 5 ELSE i "
            "END AS \"K 1\" FROM range(10000) r(i)");
    plan_query(&sql, source_dialect(fixture->source), &relation, NULL, &key, 1, &size);
    char *order = strstr(sql.data, "NULLS LAST)");

    assert_non_null(order);
    memcpy(order, "DESC      )", strlen("DESC      )"));
    query(fixture, buffer_string(&sql), &rows);
    assert_false(plan_from_rows(&plan, &rows, &key, 1, &size, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    assert_non_null(strstr(error.message, "comparison"));
    source_rows_release(&rows);
    buffer_release(&sql);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_01_a_bound_that_reads_as_another_value_is_refused),
        cmocka_unit_test(invariant_01_an_order_that_comparison_denies_is_refused),
    };

    return cmocka_run_group_tests_name("plan_refused", tests, open_duckdb, close_duckdb);
}
