/* Every row belongs to exactly one chunk: the rows that were there at planning, and any that may come later.
 * invariant_01. The planning query's answer is worked out here in plain C, the predicates' text is judged by the
 * three-valued evaluator. Each kind of mistake that could be made is planted once, to show that it would be seen. */
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

enum { MAXIMUM_KEYS = 3, MAXIMUM_ROWS = 4096 };

struct row {
    const char *values[MAXIMUM_KEYS];
};

struct table {
    const struct source_column *keys;
    size_t key_count;
    struct row rows[MAXIMUM_ROWS];
    size_t row_count;
};

static char id_name[] = "ID", id_type[] = "BIGINT";
static char text_name[] = "na\"me", third_name[] = "third", text_type[] = "VARCHAR";
static const struct source_column integer_key = {.name = id_name, .type_name = id_type, .kind = VALUE_INTEGER};
static const struct source_column text_key = {.name = text_name, .type_name = text_type, .kind = VALUE_TEXT};
static const struct source_column numeric_key = {
    .name = text_name, .type_name = text_type, .kind = VALUE_TEXT, .as_number = true};
static const struct source_column third_key = {.name = third_name, .type_name = text_type, .kind = VALUE_TEXT};

/* ---- the planning query in C ---------------------------------------------------------------------------------------- */

static int compare_values(const struct source_column *key, const char *left, const char *right) {
    char numbers[2][THREE_VALUED_NUMBER_SIZE];

    if ((key->kind == VALUE_INTEGER || key->as_number) && three_valued_parse_number(left, numbers[0]) &&
        three_valued_parse_number(right, numbers[1]))
        return three_valued_compare_numbers(numbers[0], numbers[1]);
    return strcmp(left, right);
}

static bool has_null(const struct table *table, const struct row *row) {
    for (size_t i = 0; i < table->key_count; i++)
        if (row->values[i] == NULL || (table->keys[i].as_number &&
                                       !three_valued_parse_number(row->values[i], (char[THREE_VALUED_NUMBER_SIZE]){0})))
            return true;
    return false;
}

static int compare_rows(const struct table *table, const struct row *left, const struct row *right) {
    bool left_null = has_null(table, left);
    bool right_null = has_null(table, right);

    if (left_null || right_null)
        return left_null - right_null;
    for (size_t i = 0; i < table->key_count; i++) {
        int order = compare_values(&table->keys[i], left->values[i], right->values[i]);

        if (order != 0)
            return order;
    }
    return 0;
}

static int compare_for_sort(const void *left, const void *right, void *table) {
    return compare_rows(table, left, right);
}

static char *number_text(int64_t number) {
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)number);
    return memory_copy_string(text);
}

static char *bound_text(const struct source_column *key, const char *value) {
    char number[THREE_VALUED_NUMBER_SIZE];

    return memory_copy_string(key->as_number && value != NULL && three_valued_parse_number(value, number) ? number
                                                                                                          : value);
}

static void add_line(struct source_rows *answer, const struct table *table, size_t first, size_t last,
                     size_t last_rank) {
    size_t keys = table->key_count;
    char **cells;

    answer->cells = memory_resize(answer->cells, (answer->row_count + 1) * answer->column_count, sizeof *answer->cells);
    cells = answer->cells + answer->row_count++ * answer->column_count;
    for (size_t i = 0; i < keys; i++) {
        cells[i] = bound_text(&table->keys[i], table->rows[first].values[i]);
        cells[keys + i] = bound_text(&table->keys[i], table->rows[last].values[i]);
    }
    cells[2 * keys] = memory_copy_string(has_null(table, &table->rows[first]) ? "1" : "0");
    cells[2 * keys + 1] = number_text((int64_t)(last - first + 1));
    cells[2 * keys + 2] = number_text((int64_t)(last - last_rank + 1));
    cells[2 * keys + 3] = memory_copy_string("1");
    cells[2 * keys + 4] = memory_copy_string("0");
}

static void answer_planning_query(struct table *table, int64_t bucket_rows, struct source_rows *answer) {
    size_t first = 0;
    size_t rank = 0;

    qsort_r(table->rows, table->row_count, sizeof table->rows[0], compare_for_sort, table);
    *answer = (struct source_rows){.column_count = 2 * table->key_count + 5};
    for (size_t i = 0; i < table->row_count; i++) {
        size_t next_rank = i + 1;
        bool ends = i + 1 == table->row_count;

        if (!ends && compare_rows(table, &table->rows[i], &table->rows[i + 1]) == 0)
            next_rank = rank;
        if (!ends)
            ends = has_null(table, &table->rows[i]) != has_null(table, &table->rows[i + 1]) ||
                   (!has_null(table, &table->rows[i]) && rank / (size_t)bucket_rows != next_rank / (size_t)bucket_rows);
        if (ends) {
            add_line(answer, table, first, i, rank);
            first = i + 1;
        }
        rank = next_rank;
    }
}

static void release_answer(struct source_rows *answer) {
    for (size_t i = 0; i < answer->row_count * answer->column_count; i++)
        memory_release(&answer->cells[i]);
    memory_release(&answer->cells);
    *answer = (struct source_rows){0};
}

/* ---- the check ------------------------------------------------------------------------------------------------------ */

struct predicates {
    char *texts[MAXIMUM_ROWS + 2];
    size_t count;
    bool backslash;
};

static void write_predicates(const struct plan *plan, const struct dialect *dialect, struct predicates *predicates) {
    *predicates = (struct predicates){.backslash = strcmp(dialect->name, "snowflake") == 0};
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

static size_t chunks_of_row(const struct predicates *predicates, const struct table *table, const struct row *row,
                            size_t *which) {
    const struct three_valued_row values = {table->keys, table->key_count, row->values};
    size_t found = 0;

    for (size_t i = 0; i < predicates->count; i++) {
        enum truth truth;

        if (!three_valued_evaluate(predicates->texts[i], predicates->backslash, &values, &truth))
            fail_msg("the evaluator can't read: %s", predicates->texts[i]);
        if (truth == TRUTH_TRUE) {
            found++;
            *which = i;
        }
    }
    return found;
}

/* Values that lie where mistakes do. */
static const char *const hostile_integers[] = {NULL,  "-9223372036854775808",
                                               "-1",  "0",
                                               "1",   "2",
                                               "3",   "4",
                                               "5",   "6",
                                               "7",   "8",
                                               "9",   "10",
                                               "11",  "50",
                                               "99",  "100",
                                               "101", "9223372036854775807"};
static const char *const hostile_texts[] = {NULL,
                                            "",
                                            " ",
                                            "'",
                                            "''",
                                            "A",
                                            "B",
                                            "\\",
                                            "\\'",
                                            "a",
                                            "a ",
                                            "aa",
                                            "b",
                                            "m",
                                            "z",
                                            "é",
                                            "\xF4\x8F\xBF\xBF",
                                            "NULL",
                                            "\"",
                                            "x' OR '1'='1"};
static const char *const hostile_numbers[] = {NULL,
                                              "",
                                              "0",
                                              "-0",
                                              "1",
                                              "10",
                                              "9",
                                              " 7 ",
                                              "7.0",
                                              "1.5",
                                              "2",
                                              "-1.5",
                                              "1e3",
                                              "0010",
                                              "n/a",
                                              "NaN",
                                              "99999999999999999999999999999999999999",
                                              "-99999999999999999999999999999999999998",
                                              "1234567890123456789012345678901234567890",
                                              "9223372036854775808"};
enum { HOSTILE_COUNT = 20 };

static const char *hostile_value(const struct source_column *key, size_t index) {
    if (key->as_number)
        return hostile_numbers[index];
    return key->kind == VALUE_INTEGER ? hostile_integers[index] : hostile_texts[index];
}

/* The number of hostile rows, out of all their combinations, that no chunk or several chunks hold. */
static size_t uncovered_hostile_rows(const struct predicates *predicates, const struct table *table) {
    size_t combinations = 1;
    size_t wrong = 0;
    size_t which = 0;

    for (size_t i = 0; i < table->key_count; i++)
        combinations *= HOSTILE_COUNT;
    for (size_t c = 0; c < combinations; c++) {
        struct row row = {{0}};
        size_t rest = c;

        for (size_t i = 0; i < table->key_count; i++) {
            row.values[i] = hostile_value(&table->keys[i], rest % HOSTILE_COUNT);
            rest /= HOSTILE_COUNT;
        }
        wrong += chunks_of_row(predicates, table, &row, &which) != 1;
    }
    return wrong;
}

/* Plan the table, and check cover, counts and sizes. */
static void check_table(struct table *table, const struct plan_size *size, const struct dialect *dialect) {
    struct source_rows answer;
    struct plan plan;
    struct predicates predicates;
    struct error error = {0};
    int64_t counts[MAXIMUM_ROWS + 2] = {0};
    int64_t total = 0;

    answer_planning_query(table, plan_bucket_rows(size), &answer);
    if (!plan_from_rows(&plan, &answer, table->keys, table->key_count, size, &error))
        fail_msg("no plan: %s", error.message);
    write_predicates(&plan, dialect, &predicates);
    assert_int_equal(uncovered_hostile_rows(&predicates, table), 0);
    for (size_t r = 0; r < table->row_count; r++) {
        size_t which = 0;

        assert_int_equal(chunks_of_row(&predicates, table, &table->rows[r], &which), 1);
        counts[which]++;
    }
    for (size_t i = 0; i < plan.chunk_count; i++) {
        assert_int_equal(plan.chunks[i].expected_rows, counts[i]);
        total += counts[i];
    }
    assert_int_equal(total, (int64_t)table->row_count);
    assert_int_equal(plan.expected_rows, total);
    release_predicates(&predicates);
    plan_release(&plan);
    release_answer(&answer);
}

/* ---- tables ---------------------------------------------------------------------------------------------------------- */

/* A small generator of our own, so that a failure can be repeated on any machine. */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill_randomly(struct table *table, uint64_t seed, size_t rows, size_t variety) {
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;

    table->row_count = rows;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < table->key_count; i++) {
            /* The product of two random numbers leans to the low end: some values are far more frequent than others. */
            size_t a = (size_t)(next_random(&state) % variety);
            size_t b = (size_t)(next_random(&state) % variety);

            table->rows[r].values[i] = hostile_value(&table->keys[i], (a * b / variety + a % 2) % HOSTILE_COUNT);
        }
}

static const struct dialect *const dialects[] = {&dialect_duckdb, &dialect_snowflake};
static const int64_t batches[] = {1, 2, 3, 7, 50, 1000000};

static void invariant_01_one_key_covers(void **state) {
    static struct table table;

    (void)state;
    for (int kind = 0; kind < 3; kind++)
        for (uint64_t seed = 1; seed <= 20; seed++)
            for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
                const struct plan_size size = {.batch_rows = batches[b]};

                table.keys = kind == 0 ? &integer_key : kind == 1 ? &text_key : &numeric_key;
                table.key_count = 1;
                fill_randomly(&table, seed, seed * 9, 1 + seed % HOSTILE_COUNT);
                check_table(&table, &size, dialects[seed % 2]);
            }
}

static void invariant_01_two_keys_cover(void **state) {
    static struct table table;
    const struct source_column keys[] = {integer_key, text_key};
    const struct source_column numeric_keys[] = {numeric_key, integer_key};

    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            const struct plan_size size = {.batch_rows = batches[b]};

            table.keys = seed % 3 == 0 ? numeric_keys : keys;
            table.key_count = 2;
            fill_randomly(&table, seed, seed * 7, 1 + seed * 2 % HOSTILE_COUNT);
            check_table(&table, &size, dialects[seed % 2]);
        }
}

static void invariant_01_three_keys_cover(void **state) {
    static struct table table;
    const struct source_column keys[] = {text_key, integer_key, third_key};
    const struct plan_size size = {.batch_rows = 5};

    (void)state;
    table.keys = keys;
    table.key_count = 3;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        fill_randomly(&table, seed, 40, 6);
        check_table(&table, &size, dialects[seed % 2]);
    }
}

static void invariant_01_chosen_sizes_cover(void **state) {
    static struct table table;
    const struct plan_size size = {.minimum_rows = 6, .maximum_rows = 20, .chunks = 5};

    (void)state;
    table.keys = &integer_key;
    table.key_count = 1;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fill_randomly(&table, seed, seed * 11, HOSTILE_COUNT);
        check_table(&table, &size, dialects[seed % 2]);
    }
}

static void invariant_01_empty_and_null_tables_cover(void **state) {
    static struct table table;
    const struct source_column keys[] = {integer_key, text_key};
    const struct plan_size size = {.batch_rows = 3};

    (void)state;
    table.keys = keys;
    table.key_count = 2;
    table.row_count = 0;
    check_table(&table, &size, &dialect_duckdb);
    table.row_count = 100;
    memset(table.rows, 0, sizeof table.rows);
    check_table(&table, &size, &dialect_duckdb);
    /* One row in each way of being NULL, and one that isn't. */
    table.row_count = 4;
    table.rows[1].values[0] = "1";
    table.rows[2].values[1] = "a";
    table.rows[3] = (struct row){{"1", "a", NULL}};
    check_table(&table, &size, &dialect_snowflake);
}

/* ---- planted mistakes -------------------------------------------------------------------------------------------------- */

/* Replace the first `old` in `text`; false where there is none. */
static bool replace(char **text, const char *old, const char *new) {
    char *at = *text != NULL ? strstr(*text, old) : NULL;
    struct buffer changed = {0};

    if (at == NULL)
        return false;
    buffer_append_bytes(&changed, *text, (size_t)(at - *text));
    buffer_append(&changed, new);
    buffer_append(&changed, at + strlen(old));
    memory_release(text);
    *text = buffer_steal(&changed);
    return true;
}

static void drop(struct predicates *predicates, size_t index) {
    memory_release(&predicates->texts[index]);
    for (size_t i = index; i + 1 < predicates->count; i++)
        predicates->texts[i] = predicates->texts[i + 1];
    predicates->count--;
}

/* A plan over (integer, text) with several ranges. */
static void plan_two_keys(struct table *table, struct plan *plan, struct predicates *predicates) {
    static struct source_column keys[2];
    const struct plan_size size = {.batch_rows = 4};
    struct source_rows answer;
    struct error error = {0};

    keys[0] = integer_key;
    keys[1] = text_key;
    table->keys = keys;
    table->key_count = 2;
    fill_randomly(table, 3, 60, HOSTILE_COUNT);
    answer_planning_query(table, 4, &answer);
    assert_true(plan_from_rows(plan, &answer, keys, 2, &size, &error));
    assert_true(plan->chunk_count > 5);
    write_predicates(plan, &dialect_duckdb, predicates);
    assert_int_equal(uncovered_hostile_rows(predicates, table), 0);
    release_answer(&answer);
}

enum mistake {
    NO_NULL_CHUNK,
    NO_CHUNK_IN_THE_MIDDLE,
    TWICE_THE_SAME,
    BOUND_LEFT_OUT,
    BOUND_TAKEN_TWICE,
    NULLS_IN_A_RANGE,
    NULL_CHUNK_OF_ONE_KEY,
    CLOSED_BELOW,
    CLOSED_ABOVE,
    NOT_OF_THE_NEIGHBOUR,
    MISTAKES
};

static void plant(enum mistake mistake, struct predicates *predicates) {
    size_t last = predicates->count - 2; /* the last range; the NULL chunk comes after it */

    switch (mistake) {
    case NO_NULL_CHUNK:
        drop(predicates, predicates->count - 1);
        return;
    case NO_CHUNK_IN_THE_MIDDLE:
        drop(predicates, 2);
        return;
    case TWICE_THE_SAME:
        predicates->texts[predicates->count++] = memory_copy_string(predicates->texts[2]);
        return;
    case BOUND_LEFT_OUT: /* of the whole key, so of its last column */
        assert_true(replace(&predicates->texts[2], "\"na\"\"me\" >= ", "\"na\"\"me\" > "));
        return;
    case BOUND_TAKEN_TWICE:
        assert_true(replace(&predicates->texts[2], "\"na\"\"me\" < ", "\"na\"\"me\" <= "));
        return;
    case NULLS_IN_A_RANGE:
        assert_true(replace(&predicates->texts[last], " AND \"na\"\"me\" IS NOT NULL", ""));
        return;
    case NULL_CHUNK_OF_ONE_KEY:
        assert_true(replace(&predicates->texts[predicates->count - 1], " OR \"na\"\"me\" IS NULL", ""));
        return;
    case CLOSED_BELOW:
        assert_true(replace(&predicates->texts[0], "\"ID\" <= ", "\"ID\" >= CAST('-1' AS BIGINT) AND \"ID\" <= "));
        return;
    case CLOSED_ABOVE:
        assert_true(replace(&predicates->texts[last], "\"ID\" IS NOT NULL", "\"ID\" <= CAST('200' AS BIGINT)"));
        return;
    case NOT_OF_THE_NEIGHBOUR: { /* "everything that isn't in the chunks before" loses what they say NULL of */
        struct buffer text = {0};

        buffer_appendf(&text, "NOT (%s)", predicates->texts[0]);
        while (predicates->count > 1)
            drop(predicates, 1);
        predicates->texts[predicates->count++] = buffer_steal(&text);
        /* A key with one NULL in it; its own chunk isn't there any more. */
        assert_true(replace(&predicates->texts[0], " AND \"ID\" IS NOT NULL AND \"na\"\"me\" IS NOT NULL", ""));
        assert_true(replace(&predicates->texts[1], " AND \"ID\" IS NOT NULL AND \"na\"\"me\" IS NOT NULL", ""));
        return;
    }
    case MISTAKES:
        break;
    }
    fail();
}

static void invariant_01_planted_mistakes_are_seen(void **state) {
    static struct table table;

    (void)state;
    for (int mistake = 0; mistake < MISTAKES; mistake++) {
        struct plan plan;
        struct predicates predicates;

        plan_two_keys(&table, &plan, &predicates);
        plant((enum mistake)mistake, &predicates);
        if (uncovered_hostile_rows(&predicates, &table) == 0) {
            /* The hostile rows needn't touch this bound; the rows of the table do. */
            size_t wrong = 0;
            size_t which = 0;

            for (size_t r = 0; r < table.row_count; r++)
                wrong += chunks_of_row(&predicates, &table, &table.rows[r], &which) != 1;
            if (wrong == 0)
                fail_msg("mistake %d was not seen", mistake);
        }
        release_predicates(&predicates);
        plan_release(&plan);
    }
}

/* ---- the evaluator itself ------------------------------------------------------------------------------------------------ */

static void evaluator_is_three_valued(void **state) {
    static const struct {
        const char *condition;
        enum truth truth;
    } cases[] = {
        {"", TRUTH_TRUE},
        {"\"ID\" < CAST('6' AS BIGINT)", TRUTH_TRUE},
        {"\"ID\" < '10'::NUMBER(38,0)", TRUTH_TRUE},
        {"\"ID\" >= CAST('6' AS BIGINT)", TRUTH_FALSE},
        {"\"na\"\"me\" = 'x'", TRUTH_NULL},
        {"NOT \"na\"\"me\" = 'x'", TRUTH_NULL},
        {"\"na\"\"me\" <> 'x'", TRUTH_NULL},
        {"\"na\"\"me\" IS NULL", TRUTH_TRUE},
        {"\"na\"\"me\" IS NOT NULL", TRUTH_FALSE},
        {"\"na\"\"me\" = 'x' OR \"ID\" = '5'", TRUTH_TRUE},
        {"\"na\"\"me\" = 'x' OR \"ID\" = '6'", TRUTH_NULL},
        {"\"na\"\"me\" = 'x' AND \"ID\" = '5'", TRUTH_NULL},
        {"\"na\"\"me\" = 'x' AND \"ID\" = '6'", TRUTH_FALSE},
        /* AND binds more tightly than OR, NOT more tightly than AND. */
        {"\"ID\" = '5' OR \"ID\" = '5' AND \"ID\" = '6'", TRUTH_TRUE},
        {"(\"ID\" = '5' OR \"ID\" = '5') AND \"ID\" = '6'", TRUTH_FALSE},
        {"NOT \"ID\" = '6' AND \"ID\" = '6'", TRUTH_FALSE},
        {"NOT (\"ID\" = '6' AND \"ID\" = '6')", TRUTH_TRUE},
    };
    static const char *const broken[] = {"\"ID\"",        "\"ID\" <",      "\"ID\" < '5",      "\"gone\" = '5'",
                                         "(\"ID\" = '5'", "\"ID\" = '5')", "\"ID\" = '5' '6'", "\"ID\" = CAST('5' AS )",
                                         "ID = '5'"};
    const struct source_column columns[] = {integer_key, text_key};
    const char *const values[] = {"5", NULL};
    const struct three_valued_row row = {columns, 2, values};
    enum truth truth;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(three_valued_evaluate(cases[i].condition, false, &row, &truth));
        if (truth != cases[i].truth)
            fail_msg("%s is %d", cases[i].condition, truth);
    }
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (three_valued_evaluate(broken[i], false, &row, &truth))
            fail_msg("read without complaint: %s", broken[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluator_is_three_valued),
        cmocka_unit_test(invariant_01_one_key_covers),
        cmocka_unit_test(invariant_01_two_keys_cover),
        cmocka_unit_test(invariant_01_three_keys_cover),
        cmocka_unit_test(invariant_01_chosen_sizes_cover),
        cmocka_unit_test(invariant_01_empty_and_null_tables_cover),
        cmocka_unit_test(invariant_01_planted_mistakes_are_seen),
    };

    return cmocka_run_group_tests_name("plan_cover", tests, NULL, NULL);
}
