/* The floor of a watermark, computed by the server: below every value that may come again, never below more than a unit. */
#include "server.h"

#include <string.h>

#include "base/memory.h"
#include "target/watermark.h"

static int open_database(void **state) {
    server_open_admin(state);
    /* A session of somebody else's taste. */
    server_execute(&server_admin, "SET DateStyle = 'German, DMY'; SET TimeZone = 'Asia/Tokyo'; CREATE SCHEMA dst");
    return 0;
}

struct floor_case {
    enum value_kind kind;
    int precision, scale; /* the source's */
    const char *type;     /* the target's */
    const char *newest;   /* what the target holds */
    const char *ceiling;  /* what the last run read up to */
    const char *floor;
};

static const struct floor_case cases[] = {
    /* whole numbers: one less than the lesser of the two */
    {VALUE_INTEGER, 38, 0, "bigint", "100", "100", "99"},
    {VALUE_INTEGER, 38, 0, "bigint", "120", "100", "99"}, /* an unfinished run has loaded its newest rows */
    {VALUE_INTEGER, 38, 0, "bigint", "80", "100", "79"},  /* the target has lost rows */
    {VALUE_INTEGER, 38, 0, "integer", "-5", "-5", "-6"},
    {VALUE_INTEGER, 38, 0, "numeric(10,2)", "100.00", "100", "99"},
    {VALUE_INTEGER, 38, 0, "numeric", "100", "100", "99"},
    {VALUE_INTEGER, 38, 0, "double precision", "1152921504606846976", "1152921504606846976", "1152921504606846975"},
    {VALUE_INTEGER, 38, 0, "numeric", "99999999999999999999999999999999999999",
     "99999999999999999999999999999999999999", "99999999999999999999999999999999999998"},
    {VALUE_INTEGER, 38, 0, "numeric(6,-2)", "1200", "1234", "1100"},
    /* decimals: the target's scale is the unit, the source's the grain */
    {VALUE_DECIMAL, 10, 2, "numeric(10,2)", "1.50", "1.50", "1.49"},
    {VALUE_DECIMAL, 10, 4, "numeric(10,2)", "1.24", "1.2350", "1.2250"}, /* rounded up on its way in */
    {VALUE_DECIMAL, 10, 4, "numeric(10,2)", "1.23", "1.2349", "1.2200"}, /* rounded down */
    {VALUE_DECIMAL, 10, 2, "numeric(10,4)", "1.5000", "1.50", "1.49"},
    {VALUE_DECIMAL, 10, 2, "integer", "2", "2.00", "1.00"},
    {VALUE_DECIMAL, 10, 2, "double precision", "0.1", "0.10", "0.09"},
    {VALUE_DECIMAL, 38, 10, "numeric", "1234567890123456789012345678.0123456789",
     "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456788"},
    {VALUE_DECIMAL, 10, 2, "numeric", "NaN", "1.50", "1.49"}, /* greater than any number */
    {VALUE_DECIMAL, 10, 2, "numeric", "-Infinity", "1.50", NULL},
    /* dates */
    {VALUE_DATE, 0, 0, "date", "2024-03-01", "2024-03-01", "2024-02-29"},
    {VALUE_DATE, 0, 0, "timestamptz", "2024-03-01 00:00+00", "2024-03-01", "2024-02-29"},
    {VALUE_DATE, 0, 0, "date", "2024-03-05", "2024-03-01", "2024-02-29"},
    {VALUE_TIMESTAMP, 6, 0, "date", "2024-03-01", "2024-03-01 13:00:00", "2024-02-29 00:00:00.000000"},
    {VALUE_DATE, 0, 0, "date", "infinity", "2024-03-01", "2024-02-29"},
    {VALUE_DATE, 0, 0, "date", "infinity", "infinity", NULL},
    {VALUE_DATE, 0, 0, "date", "0044-03-15 BC", "0044-03-15 (BC)", NULL},
    /* timestamps: a microsecond, or what the target's digits leave */
    {VALUE_TIMESTAMP, 6, 0, "timestamp", "2024-03-01 00:00:00.000001", "2024-03-01 00:00:00.000001",
     "2024-03-01 00:00:00.000000"},
    {VALUE_TIMESTAMP, 9, 0, "timestamp", "2024-03-01 00:00:00.123457", "2024-03-01 00:00:00.123456789",
     "2024-03-01 00:00:00.123456"},
    {VALUE_TIMESTAMP, 6, 0, "timestamp(0)", "2024-03-01 00:00:01", "2024-03-01 00:00:00.600000",
     "2024-02-29 23:59:59.600000"},
    {VALUE_TIMESTAMP, 6, 0, "timestamp(0)", "2024-03-01 00:00:00", "2024-03-01 00:00:00.400000",
     "2024-02-29 23:59:59.000000"},
    {VALUE_TIMESTAMP, 3, 0, "timestamp", "2024-03-01 00:00:00.500", "2024-03-01 00:00:00.5",
     "2024-03-01 00:00:00.499000"},
    {VALUE_TIMESTAMP, 0, 0, "timestamp", "2024-03-01 00:00:00", "2024-03-01 00:00:00", "2024-02-29 23:59:59.000000"},
    {VALUE_TIMESTAMP, 1, 0, "timestamp", "1969-12-31 23:59:59.9", "1969-12-31 23:59:59.900000000",
     "1969-12-31 23:59:59.800000"},
    {VALUE_TIMESTAMP, 6, 0, "timestamp", "infinity", "2024-03-01 00:00:00", "2024-02-29 23:59:59.999999"},
    {VALUE_TIMESTAMP, 6, 0, "timestamp", "-infinity", "2024-03-01 00:00:00", NULL},
    {VALUE_TIMESTAMP, 9, 0, "timestamp", "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999999",
     "9999-12-31 23:59:59.999998"},
    /* instants: UTC, wherever they are written and whatever the session's zone is */
    {VALUE_INSTANT, 9, 0, "timestamptz", "2024-03-01 02:00:00+02", "2024-03-01 00:00:00.000000000 +00:00",
     "2024-02-29 23:59:59.999999+00:00"},
    {VALUE_INSTANT, 6, 0, "timestamptz", "2024-03-01 00:00:00.5+00", "2024-03-01 00:00:00.5+00",
     "2024-03-01 00:00:00.499999+00:00"},
    {VALUE_INSTANT, 6, 0, "timestamp", "2024-03-01 00:00:00", "2024-03-01 00:00:00+00",
     "2024-02-29 23:59:59.999999+00:00"},
    {VALUE_TIMESTAMP, 6, 0, "timestamptz", "2024-03-01 00:00:00+00", "2024-03-01 00:00:00",
     "2024-02-29 23:59:59.999999"},
    {VALUE_DATE, 0, 0, "timestamp(0)", "2024-03-01 00:00:00", "2024-03-01", "2024-02-29"},
    /* nothing there to count from */
    {VALUE_INTEGER, 38, 0, "bigint", NULL, "100", NULL},
    {VALUE_TIMESTAMP, 6, 0, "timestamp", NULL, "2024-03-01 00:00:00", NULL},
};

static void check(const struct floor_case *wanted) {
    struct source_column source = {.kind = wanted->kind, .precision = wanted->precision, .scale = wanted->scale};
    struct target_table table;
    char *floor = NULL;
    struct buffer value = {0};

    if (wanted->newest == NULL)
        buffer_append(&value, "NULL");
    else
        target_literal(&value, wanted->newest);
    server_execute(&server_admin,
                   "DROP TABLE IF EXISTS dst.t; CREATE TABLE dst.t (\"the \"\"mark\" %s);"
                   " SET DateStyle = 'ISO, YMD'; INSERT INTO dst.t VALUES (%s), (NULL); SET DateStyle = 'German, DMY'",
                   wanted->type, buffer_string(&value));
    buffer_release(&value);
    must(target_describe(&server_admin, "dst", "t", false, &table, &error));
    assert_true(target_watermark_fits(&source, &table.columns[0]));
    must(target_watermark_floor(&server_admin, &table, &table.columns[0], &source, wanted->ceiling, &floor, &error));
    if ((floor == NULL) != (wanted->floor == NULL) || (floor != NULL && strcmp(floor, wanted->floor) != 0))
        fail_msg("%s of %s, read up to %s: the floor is %s, not %s", wanted->type,
                 wanted->newest == NULL ? "NULL" : wanted->newest, wanted->ceiling, floor == NULL ? "none" : floor,
                 wanted->floor == NULL ? "none" : wanted->floor);
    memory_release(&floor);
    target_table_release(&table);
}

static void floors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void a_partitioned_target(void **state) {
    struct source_column source = {.kind = VALUE_INTEGER};
    struct target_table table;
    char *floor = NULL;

    (void)state;
    server_execute(&server_admin, "DROP TABLE IF EXISTS dst.t; CREATE TABLE dst.t (n bigint) PARTITION BY RANGE (n);"
                                  " CREATE TABLE dst.t1 PARTITION OF dst.t DEFAULT; INSERT INTO dst.t VALUES (7)");
    must(target_describe(&server_admin, "dst", "t", false, &table, &error));
    must(target_watermark_floor(&server_admin, &table, &table.columns[0], &source, "9", &floor, &error));
    assert_string_equal(floor, "6");
    memory_release(&floor);
    target_table_release(&table);
}

static void columns_without_a_common_unit(void **state) {
    static const struct {
        enum value_kind kind;
        const char *type;
    } pairs[] = {{VALUE_INTEGER, "text"},
                 {VALUE_INTEGER, "date"},
                 {VALUE_TIMESTAMP, "text"},
                 {VALUE_TIMESTAMP, "bigint"},
                 {VALUE_TEXT, "text"}};

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct source_column source = {.kind = pairs[i].kind};
        struct target_table table;

        server_execute(&server_admin, "DROP TABLE IF EXISTS dst.t; CREATE TABLE dst.t (n %s)", pairs[i].type);
        must(target_describe(&server_admin, "dst", "t", false, &table, &error));
        assert_false(target_watermark_fits(&source, &table.columns[0]));
        target_table_release(&table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floors),
        cmocka_unit_test(a_partitioned_target),
        cmocka_unit_test(columns_without_a_common_unit),
    };

    return cmocka_run_group_tests_name("target_watermark", tests, open_database, server_close_admin);
}
