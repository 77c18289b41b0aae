/* invariant_01 for plans by hash: every row, whatever is NULL in it, belongs to exactly one chunk, those that come after
 * planning too. The hash is the evaluator's own, signed for Snowflake's dialect; mistakes are planted to show that they would
 * be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "plan/plan.h"
#include "three_valued.h"

enum { KEYS = 3, ROWS = 1500, VALUES = 14 };

static char id_name[] = "ID", text_name[] = "na\"me", moment_name[] = "at", id_type[] = "BIGINT",
            text_type[] = "VARCHAR", moment_type[] = "TIMESTAMP_NTZ(9)";
static const struct source_column keys[KEYS] = {
    {.name = id_name, .type_name = id_type, .kind = VALUE_INTEGER},
    {.name = text_name, .type_name = text_type, .kind = VALUE_TEXT},
    {.name = moment_name, .type_name = moment_type, .kind = VALUE_TIMESTAMP, .precision = 9},
};
static const char *const hostile[KEYS][VALUES] = {
    {NULL, "0", "1", "-1", "9223372036854775807", "-9223372036854775808", "2", "3", "4", "5", "6", "7", "8", "9"},
    {NULL, "", " ", "a", "A", "a ", "NULL", "'", "\"", "\\", "é", "\xF0\x9F\x98\x80", "0", "x' OR '1'='1"},
    {NULL, "1969-12-31 23:59:59.999999999", "2024-01-01 00:00:00.000000001", "2024-01-01 00:00:00.000000002", "x", "y",
     "z", "u", "v", "w", "q", "r", "s", "t"},
};

struct row {
    const char *values[KEYS];
};

static void make_rows(struct row *rows, size_t count, uint64_t seed) {
    for (size_t r = 0; r < count; r++)
        for (size_t k = 0; k < KEYS; k++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            rows[r].values[k] = hostile[k][(seed >> 33) % VALUES];
        }
}

static int64_t bucket_of(const struct dialect *dialect, const struct row *row, size_t key_count) {
    const struct three_valued_row values = {keys, KEYS, row->values};
    struct buffer sql = {0};
    int64_t bucket = -1;

    dialect->hash_bucket(&sql, keys, key_count, PLAN_HASH_BUCKETS);
    if (!three_valued_number(buffer_string(&sql), &values, &bucket))
        fail_msg("the evaluator can't read: %s", buffer_string(&sql));
    buffer_release(&sql);
    assert_in_range(bucket, 0, PLAN_HASH_BUCKETS - 1);
    return bucket;
}

static void make_plan(struct plan *plan, const struct dialect *dialect, const struct row *rows, size_t key_count,
                      int64_t batch_rows) {
    static int64_t counts[PLAN_HASH_BUCKETS];
    static char texts[ROWS][2][24];
    static char probe[] = "p";
    static char *cells[ROWS * 3];
    const struct plan_size size = {.batch_rows = batch_rows};
    struct source_rows answer = {.column_count = 3, .cells = cells};
    struct error error = {0};

    memset(counts, 0, sizeof counts);
    for (size_t r = 0; r < ROWS; r++)
        counts[bucket_of(dialect, &rows[r], key_count)]++;
    for (int64_t bucket = 0; bucket < PLAN_HASH_BUCKETS; bucket++) {
        if (counts[bucket] == 0)
            continue;
        char **line = cells + 3 * answer.row_count;

        snprintf(texts[answer.row_count][0], sizeof texts[0][0], "%lld", (long long)bucket);
        snprintf(texts[answer.row_count][1], sizeof texts[0][1], "%lld", (long long)counts[bucket]);
        line[0] = texts[answer.row_count][0];
        line[1] = texts[answer.row_count++][1];
        line[2] = probe;
    }
    if (!plan_hash_from_rows(plan, &answer, keys, key_count, &size, &error))
        fail_msg("no plan: %s", error.message);
}

struct predicates {
    char *texts[ROWS];
    size_t count;
    bool backslash;
};

static void write_predicates(struct predicates *predicates, const struct plan *plan, const struct dialect *dialect) {
    *predicates = (struct predicates){.backslash = dialect == &dialect_snowflake};
    for (size_t i = 0; i < plan->chunk_count; i++) {
        struct buffer text = {0};

        plan_predicate(&text, dialect, plan->keys, plan->key_count, &plan->chunks[i]);
        predicates->texts[predicates->count++] = buffer_steal(&text);
    }
}

static void release_predicates(struct predicates *predicates) {
    for (size_t i = 0; i < predicates->count; i++)
        memory_release(&predicates->texts[i]);
}

/* The number of chunks that hold the row; *which is the last of them. */
static size_t chunks_of_row(const struct predicates *predicates, const struct row *row, size_t *which) {
    const struct three_valued_row values = {keys, KEYS, row->values};
    size_t found = 0;

    for (size_t i = 0; i < predicates->count; i++) {
        enum truth truth;

        if (!three_valued_evaluate(predicates->texts[i], predicates->backslash, &values, &truth))
            fail_msg("the evaluator can't read: %s", predicates->texts[i]);
        found += truth == TRUTH_TRUE;
        *which = truth == TRUTH_TRUE ? i : *which;
    }
    return found;
}

static size_t uncovered_rows(const struct predicates *predicates, const struct row *rows) {
    size_t wrong = 0;
    size_t which = 0;

    for (size_t r = 0; r < ROWS; r++)
        wrong += chunks_of_row(predicates, &rows[r], &which) != 1;
    return wrong;
}

static const struct dialect *const dialects[] = {&dialect_duckdb, &dialect_snowflake};

static void invariant_01_buckets_cover(void **state) {
    static struct row rows[ROWS], later[ROWS];
    static const int64_t batches[] = {1, 7, 100, ROWS - 1, ROWS};
    static struct predicates predicates;

    (void)state;
    for (size_t d = 0; d < 2; d++)
        for (size_t key_count = 1; key_count <= KEYS; key_count++)
            for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
                int64_t counts[ROWS] = {0};
                size_t which = 0;
                struct plan plan;

                make_rows(rows, ROWS, b + 1);
                make_rows(later, ROWS, b + 1000);
                make_plan(&plan, dialects[d], rows, key_count, batches[b]);
                write_predicates(&predicates, &plan, dialects[d]);
                for (size_t r = 0; r < ROWS; r++) {
                    assert_int_equal(chunks_of_row(&predicates, &rows[r], &which), 1);
                    counts[which]++;
                }
                for (size_t i = 0; i < plan.chunk_count; i++)
                    assert_int_equal(plan.chunks[i].expected_rows, counts[i]);
                assert_int_equal(uncovered_rows(&predicates, later), 0);
                release_predicates(&predicates);
                plan_release(&plan);
            }
}

/* ---- planted mistakes ----------------------------------------------------------------------------------------------- */

enum mistake { SIGN_KEPT, SPAN_LEFT_OUT, SPAN_TWICE, OTHER_COLUMNS, OTHER_BUCKETS, ONLY_WHAT_IS_SET, MISTAKES };

/* In each predicate. */
static void replace(struct predicates *predicates, const char *old, const char *new) {
    for (size_t i = 0; i < predicates->count; i++) {
        const char *at = strstr(predicates->texts[i], old);
        struct buffer changed = {0};

        assert_non_null(at);
        buffer_append_bytes(&changed, predicates->texts[i], (size_t)(at - predicates->texts[i]));
        buffer_append(&changed, new);
        buffer_append(&changed, at + strlen(old));
        memory_release(&predicates->texts[i]);
        predicates->texts[i] = buffer_steal(&changed);
    }
}

static void plant(enum mistake mistake, struct predicates *predicates) {
    switch (mistake) {
    case SIGN_KEPT: /* as where somebody takes the remainder of a signed hash for its bucket */
        replace(predicates, "ABS(MOD(HASH(\"ID\", \"na\"\"me\"), 16384))", "MOD(HASH(\"ID\", \"na\"\"me\"), 16384)");
        return;
    case SPAN_LEFT_OUT:
        memory_release(&predicates->texts[--predicates->count]);
        return;
    case SPAN_TWICE:
        predicates->texts[predicates->count++] = memory_copy_string(predicates->texts[3]);
        return;
    case OTHER_COLUMNS: /* one chunk hashes otherwise than the rest */
    case OTHER_BUCKETS: {
        struct predicates one = {.texts = {predicates->texts[0]}, .count = 1};

        if (mistake == OTHER_COLUMNS)
            replace(&one, ", \"na\"\"me\"", "");
        else
            replace(&one, "16384", "16383");
        predicates->texts[0] = one.texts[0];
        return;
    }
    case ONLY_WHAT_IS_SET:
        replace(predicates, "ABS(", "\"ID\" IS NOT NULL AND ABS(");
        return;
    case MISTAKES:
        break;
    }
    fail();
}

static void invariant_01_planted_mistakes_are_seen(void **state) {
    static struct row rows[ROWS];
    static struct predicates predicates;

    (void)state;
    make_rows(rows, ROWS, 7);
    for (int mistake = 0; mistake < MISTAKES; mistake++) {
        struct plan plan;

        make_plan(&plan, &dialect_snowflake, rows, 2, 50);
        assert_true(plan.chunk_count > 5);
        write_predicates(&predicates, &plan, &dialect_snowflake);
        assert_int_equal(uncovered_rows(&predicates, rows), 0);
        plant((enum mistake)mistake, &predicates);
        if (uncovered_rows(&predicates, rows) == 0)
            fail_msg("mistake %d was not seen", mistake);
        release_predicates(&predicates);
        plan_release(&plan);
    }
}

static void invariant_01_a_bucket_between_spans_is_missed(void **state) {
    static struct row rows[ROWS];
    static struct predicates predicates;
    struct plan plan;

    (void)state;
    make_rows(rows, ROWS, 7);
    make_plan(&plan, &dialect_snowflake, rows, 2, 50);
    plan.chunks[2].last_bucket--; /* a span ends with a bucket that has rows */
    write_predicates(&predicates, &plan, &dialect_snowflake);
    assert_true(uncovered_rows(&predicates, rows) > 0);
    release_predicates(&predicates);
    plan_release(&plan);
}

/* ---- the evaluator itself ------------------------------------------------------------------------------------------- */

static void evaluator_reads_numbers_as_casts_do(void **state) {
    static const struct {
        const char *text, *number; /* NULL: none */
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"007", "7"},
        {" 7 ", "7"},
        {"+5", "5"},
        {"1.5", "2"},
        {"-1.5", "-2"},
        {"1.4999", "1"},
        {".5", "1"},
        {"1.", "1"},
        {"9.5", "10"},
        {"1e3", "1000"},
        {"5e-1", "1"},
        {"4e-1", "0"},
        {"-0.4", "0"},
        {"", NULL},
        {" ", NULL},
        {"n/a", NULL},
        {"1 2", NULL},
        {"1,000", NULL},
        {"--1", NULL},
        {"1e", NULL},
        {"NaN", NULL},
        {"1e38", NULL},
        {"1e37", "10000000000000000000000000000000000000"},
        {"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
        {"100000000000000000000000000000000000000", NULL},
        {"99999999999999999999999999999999999999.5", NULL},
    };
    static const char *const ascending[] = {"-100", "-99", "-1", "0", "1", "9", "10", "9223372036854775808"};
    char number[THREE_VALUED_NUMBER_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool read = three_valued_parse_number(cases[i].text, number);

        if (read != (cases[i].number != NULL) || (read && strcmp(number, cases[i].number) != 0))
            fail_msg("'%s' is %s", cases[i].text, read ? number : "no number");
    }
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++)
        for (size_t j = 0; j < sizeof ascending / sizeof *ascending; j++) {
            int order = three_valued_compare_numbers(ascending[i], ascending[j]);

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluator_reads_numbers_as_casts_do),
        cmocka_unit_test(invariant_01_buckets_cover),
        cmocka_unit_test(invariant_01_planted_mistakes_are_seen),
        cmocka_unit_test(invariant_01_a_bucket_between_spans_is_missed),
    };

    return cmocka_run_group_tests_name("plan_hash", tests, NULL, NULL);
}
