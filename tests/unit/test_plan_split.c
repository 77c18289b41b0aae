/* invariant_01 for chunks that are cut further: each row of a chunk belongs to exactly one of its parts, and no other row to any,
 * whatever the chunk is and how often it was cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "plan/plan.h"
#include "run/split.h"
#include "three_valued.h"

enum { COLUMNS = 3, ROWS = 300, VALUES = 6 };

static char id_name[] = "ID", text_name[] = "na\"me", at_name[] = "at", id_type[] = "BIGINT", text_type[] = "VARCHAR",
            at_type[] = "TIMESTAMP_NTZ(9)";
static struct source_column columns[COLUMNS] = {
    {.name = id_name, .type_name = id_type, .kind = VALUE_INTEGER},
    {.name = text_name, .type_name = text_type, .kind = VALUE_TEXT},
    {.name = at_name, .type_name = at_type, .kind = VALUE_TIMESTAMP, .precision = 9},
};
static const struct source_table table = {.columns = columns, .column_count = COLUMNS};
static const struct dialect *const dialects[] = {&dialect_duckdb, &dialect_snowflake};

struct row {
    const char *values[COLUMNS];
};

/* Few values of the key, so that one of them has many rows, and many of the others. */
static void make_rows(struct row *rows) {
    static const char *const ids[VALUES] = {NULL, "0", "7", "7", "7", "-9223372036854775808"};
    static const char *const texts[VALUES] = {NULL, "", "a", "A", "\\", "' OR 1 = 1"};
    static char moments[ROWS][32];

    for (size_t r = 0; r < ROWS; r++) {
        snprintf(moments[r], sizeof moments[r], "2024-01-01 00:00:00.%09zu", r * 7919);
        rows[r] = (struct row){{ids[r % VALUES], texts[r / VALUES % VALUES], r % 11 == 0 ? NULL : moments[r]}};
    }
}

static bool holds(const struct dialect *dialect, const char *range, const struct row *row) {
    const struct three_valued_row values = {columns, COLUMNS, row->values};
    struct source_column *keys;
    size_t key_count;
    struct plan_chunk chunk;
    struct error error = {0};
    struct buffer sql = {0};
    enum truth truth;

    if (!plan_chunk_from_json(range, &table, &keys, &key_count, &chunk, &error))
        fail_msg("%s: %s", range, error.message);
    plan_predicate(&sql, dialect, keys, key_count, &chunk);
    if (!three_valued_evaluate(buffer_string(&sql), dialect == &dialect_snowflake, &values, &truth))
        fail_msg("the evaluator can't read: %s", buffer_string(&sql));
    buffer_release(&sql);
    plan_chunk_release(&chunk, key_count);
    plan_keys_release(&keys, &key_count);
    return truth == TRUTH_TRUE;
}

static void split(const char *range, size_t column_count, int64_t parts, char **ranges) {
    struct error error = {0};

    if (!plan_split_range(range, columns, column_count, "p", parts, ranges, &error))
        fail_msg("%s: %s", range, error.message);
}

static void release(char **ranges, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        free(ranges[i]);
}

/* Rows that aren't in exactly as many of the parts as in the chunk; *largest: of the rows of one part. */
static size_t misplaced(const struct dialect *dialect, const char *range, char *const *parts, int64_t count,
                        const struct row *rows, size_t *largest) {
    size_t wrong = 0;
    size_t of_part[64] = {0};

    for (size_t r = 0; r < ROWS; r++) {
        size_t found = 0;

        for (int64_t i = 0; i < count; i++)
            if (holds(dialect, parts[i], &rows[r])) {
                found++;
                of_part[i]++;
            }
        wrong += found != (size_t)holds(dialect, range, &rows[r]);
    }
    *largest = 0;
    for (int64_t i = 0; i < count; i++)
        *largest = of_part[i] > *largest ? of_part[i] : *largest;
    return wrong;
}

#define KEY "\"columns\":[\"ID\"],\"types\":[\"BIGINT\"],\"kinds\":[\"integer\"]"

static const struct {
    const char *id;
    const char *range;
    size_t column_count;
} cases[] = {
    {"whole", "{\"kind\":\"whole\"}", 3},
    {"nulls", "{\"kind\":\"nulls\"," KEY "}", 3},
    {"range of one heavy value", "{\"kind\":\"range\"," KEY ",\"lower\":[\"7\"],\"upper\":[\"8\"]}", 3},
    {"open range", "{\"kind\":\"range\"," KEY ",\"lower\":null,\"upper\":null}", 2},
    {"hash by the same column",
     "{\"kind\":\"hash\"," KEY ",\"buckets\":16384,\"first\":0,\"last\":8191,\"probe\":\"p\"}", 1},
    {"hash of the row", "{\"kind\":\"hash\"," KEY ",\"buckets\":16384,\"first\":0,\"last\":16383,\"probe\":\"p\"}", 3},
};

static void invariant_01_parts_cover_their_chunk(void **state) {
    static struct row rows[ROWS];

    (void)state;
    make_rows(rows);
    for (size_t d = 0; d < 2; d++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
            for (int64_t count = 3; count <= 63; count += 30) {
                char *parts[64], *further[3];
                size_t largest = 0;

                split(cases[c].range, cases[c].column_count, count, parts);
                if (misplaced(dialects[d], cases[c].range, parts, count, rows, &largest) != 0)
                    fail_msg("%s, %s: %lld parts don't cover it", dialects[d]->name, cases[c].id, (long long)count);
                split(parts[1], 0, 3, further);
                if (misplaced(dialects[d], parts[1], further, 3, rows, &largest) != 0)
                    fail_msg("%s, %s: parts of a part don't cover it", dialects[d]->name, cases[c].id);
                release(further, 3);
                release(parts, count);
            }
}

/* A key that many rows have, rows without key, and a table without any are cut, not only divided by name. */
static void parts_are_smaller(void **state) {
    static struct row rows[ROWS];
    static const size_t rows_of[] = {300, 50, 150};

    (void)state;
    make_rows(rows);
    for (size_t d = 0; d < 2; d++)
        for (size_t c = 0; c < 3; c++) {
            char *parts[3];
            size_t largest = 0;

            split(cases[c].range, 3, 3, parts);
            misplaced(dialects[d], cases[c].range, parts, 3, rows, &largest);
            if (largest > rows_of[c] / 2)
                fail_msg("%s, %s: one part has %zu of %zu rows", dialects[d]->name, cases[c].id, largest, rows_of[c]);
            release(parts, 3);
        }
}

/* What a part that was left out, or one that comes twice, would look like. */
static void planted_mistakes_are_seen(void **state) {
    static struct row rows[ROWS];
    char *parts[3];
    size_t largest = 0;

    (void)state;
    make_rows(rows);
    split(cases[0].range, 3, 3, parts);
    assert_true(misplaced(dialects[0], cases[0].range, parts, 2, rows, &largest) > 0);
    char *twice[] = {parts[0], parts[1], parts[2], parts[0]};
    assert_true(misplaced(dialects[0], cases[0].range, twice, 4, rows, &largest) > 0);
    release(parts, 3);
}

static void the_ledger_shows_the_remainder(void **state) {
    char *parts[3], *further[3];

    (void)state;
    split("{\"kind\":\"nulls\"," KEY "}", 1, 3, parts);
    assert_string_equal(parts[2], "{\"kind\":\"nulls\"," KEY ",\"part\":{" KEY
                                  ",\"modulus\":3,\"remainder\":2,\"probe\":\"p\"}}");
    split(parts[2], 0, 3, further);
    assert_string_equal(further[1], "{\"kind\":\"nulls\"," KEY ",\"part\":{" KEY
                                    ",\"modulus\":9,\"remainder\":5,\"probe\":\"p\"}}");
    release(further, 3);
    release(parts, 3);
}

#define PART(rest) "{\"kind\":\"whole\",\"part\":{" KEY "," rest "}}"

static void what_cannot_be_cut_says_why(void **state) {
    static const struct {
        const char *range;
        size_t column_count;
        enum error_kind kind;
        const char *says;
    } bad[] = {
        {"{\"kind\":\"whole\"}", 0, ERROR_DATA, "no column by whose hash"},
        {PART("\"modulus\":16000000,\"remainder\":2,\"probe\":\"p\""), 3, ERROR_DATA, "16000000 parts"},
        {PART("\"remainder\":2,\"probe\":\"p\""), 3, ERROR_INTERNAL, "no modulus"},
        {"nonsense", 3, ERROR_INTERNAL, "can't be read"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *parts[3];
        struct error error = {0};

        assert_false(plan_split_range(bad[i].range, columns, bad[i].column_count, "p", 3, parts, &error));
        assert_int_equal(error.kind, bad[i].kind);
        if (strstr(error.message, bad[i].says) == NULL)
            fail_msg("%s: %s", bad[i].range, error.message);
    }
}

static void a_part_that_cannot_be_read_is_refused(void **state) {
    static const char *const bad[] = {
        PART("\"modulus\":3,\"remainder\":3,\"probe\":\"p\""), PART("\"modulus\":3,\"remainder\":-1,\"probe\":\"p\""),
        PART("\"modulus\":3,\"remainder\":1"), PART("\"modulus\":\"3\",\"remainder\":1,\"probe\":\"p\""),
        "{\"kind\":\"whole\",\"part\":{\"modulus\":3,\"remainder\":1,\"probe\":\"p\"}}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct source_column *keys;
        size_t key_count;
        struct plan_chunk chunk;
        struct error error = {0};

        if (plan_chunk_from_json(bad[i], &table, &keys, &key_count, &chunk, &error))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(error.kind, ERROR_INTERNAL);
    }
}

static void as_many_parts_as_half_invocations(void **state) {
    static const struct {
        const char *id;
        int64_t expected, read, taken_us, whole_us, parts;
    } counts[] = {
        {"nearly done", 100, 99, 10, 10, 3},
        {"half of it", 100, 50, 10, 10, 5},
        {"a tenth", 100, 10, 10, 10, 21},
        {"a tenth in half of the time", 100, 10, 5, 10, 11},
        {"a thousandth", 1000, 1, 10, 10, 63},
        {"not counted", -1, 50, 10, 10, 5},
        {"counted wrongly", 10, 50, 10, 10, 5},
        {"no time at all", 100, 10, 0, 0, 3},
        {"most of 64 bits", INT64_MAX, 1, 1, 1, 63},
    };

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t parts = split_count(counts[i].expected, counts[i].read, counts[i].taken_us, counts[i].whole_us);

        if (parts != counts[i].parts)
            fail_msg("%s: %lld parts", counts[i].id, (long long)parts);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_01_parts_cover_their_chunk),
        cmocka_unit_test(parts_are_smaller),
        cmocka_unit_test(planted_mistakes_are_seen),
        cmocka_unit_test(the_ledger_shows_the_remainder),
        cmocka_unit_test(what_cannot_be_cut_says_why),
        cmocka_unit_test(a_part_that_cannot_be_read_is_refused),
        cmocka_unit_test(as_many_parts_as_half_invocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
