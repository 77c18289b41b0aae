#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "plan/plan.h"

static char id_name[] = "I \"D\" \\ é\n", id_type[] = "NUMBER(38,0)", at_name[] = "at", at_type[] = "TIMESTAMP_NTZ(9)",
            other_type[] = "TIMESTAMP_NTZ(6)", wider_type[] = "NUMBER(20,0)";

static struct source_column columns[] = {
    {.name = at_name, .type_name = at_type, .kind = VALUE_TIMESTAMP, .precision = 9},
    {.name = id_name, .type_name = id_type, .kind = VALUE_INTEGER, .precision = 38},
};
static const struct source_table table = {.columns = columns, .column_count = 2};

/* Plan order: ID, at. */
static struct plan plan_of_two(void) {
    const struct source_column keys[] = {columns[1], columns[0]};
    struct plan plan = {.keys = plan_keys_copy(keys, 2), .key_count = 2};

    return plan;
}

static char *to_text(const struct plan *plan, const struct plan_chunk *chunk) {
    json_t *range = plan_chunk_to_json(plan, chunk);
    char *text = json_dumps(range, JSON_COMPACT);

    json_decref(range);
    return text;
}

static void check_round_trip(struct plan_chunk *chunk) {
    struct plan plan = plan_of_two();
    char *text = to_text(&plan, chunk);
    struct source_column *keys;
    size_t key_count;
    struct plan_chunk back;
    struct error error = {0};

    if (!plan_chunk_from_json(text, &table, &keys, &key_count, &back, &error))
        fail_msg("%s: %s", text, error.message);
    assert_int_equal(back.kind, chunk->kind);
    assert_int_equal(back.expected_rows, -1);
    assert_int_equal(key_count, chunk->kind == CHUNK_WHOLE ? 0 : 2);
    for (size_t i = 0; i < key_count; i++) {
        assert_string_equal(keys[i].name, plan.keys[i].name);
        assert_int_equal(keys[i].kind, plan.keys[i].kind);
        assert_int_equal(keys[i].precision, plan.keys[i].precision);
        assert_int_equal(back.lower != NULL, chunk->lower != NULL);
        assert_int_equal(back.upper != NULL, chunk->upper != NULL);
        if (chunk->lower != NULL)
            assert_string_equal(back.lower[i], chunk->lower[i]);
        if (chunk->upper != NULL)
            assert_string_equal(back.upper[i], chunk->upper[i]);
    }
    assert_int_equal(back.first_bucket, chunk->first_bucket);
    assert_int_equal(back.last_bucket, chunk->last_bucket);
    assert_int_equal(back.buckets, chunk->buckets);
    if (chunk->kind == CHUNK_HASH)
        assert_string_equal(back.hash_probe, chunk->hash_probe);
    plan_chunk_release(&back, key_count);
    plan_keys_release(&keys, &key_count);
    assert_null(keys);
    plan_release(&plan);
    free(text);
}

static void chunks_come_back_as_they_were(void **state) {
    char quotes[] = "O'Neil \"x\" \\ \t\n\x01 é 漢 \xF0\x9F\x98\x80";
    char empty[] = "";
    char moment[] = "2024-02-29 23:59:59.123456789";
    char *lower[] = {quotes, moment};
    char *upper[] = {empty, moment};
    char probe[] = "-7123456789012345678";
    struct plan_chunk chunks[] = {
        {.kind = CHUNK_WHOLE},
        {.kind = CHUNK_NULLS},
        {.kind = CHUNK_RANGE},
        {.kind = CHUNK_HASH, .first_bucket = 0, .last_bucket = 0, .buckets = 1, .hash_probe = probe},
        {.kind = CHUNK_HASH, .first_bucket = 17, .last_bucket = 16383, .buckets = 16384, .hash_probe = probe},
        {.kind = CHUNK_RANGE, .lower = lower},
        {.kind = CHUNK_RANGE, .upper = upper},
        {.kind = CHUNK_RANGE, .lower = lower, .upper = upper},
    };

    (void)state;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        check_round_trip(&chunks[i]);
}

static void the_form_is_the_documented_one(void **state) {
    char id[] = "ID", one[] = "1";
    struct source_column column = {.name = id, .type_name = id_type, .kind = VALUE_INTEGER};
    char *lower[] = {one};
    const struct plan plan = {.keys = &column, .key_count = 1};
    const struct plan_chunk range = {.kind = CHUNK_RANGE, .lower = lower};
    const struct plan_chunk nulls = {.kind = CHUNK_NULLS};
    const struct plan_chunk whole = {.kind = CHUNK_WHOLE};
    const struct plan_chunk hash = {
        .kind = CHUNK_HASH, .first_bucket = 512, .last_bucket = 1023, .buckets = 16384, .hash_probe = one};
    char *text;

    (void)state;
    text = to_text(&plan, &range);
    assert_string_equal(text, "{\"kind\":\"range\",\"columns\":[\"ID\"],\"types\":[\"NUMBER(38,0)\"],"
                              "\"kinds\":[\"integer\"],\"lower\":[\"1\"],\"upper\":null}");
    free(text);
    text = to_text(&plan, &nulls);
    assert_string_equal(
        text, "{\"kind\":\"nulls\",\"columns\":[\"ID\"],\"types\":[\"NUMBER(38,0)\"],\"kinds\":[\"integer\"]}");
    free(text);
    text = to_text(&plan, &whole);
    assert_string_equal(text, "{\"kind\":\"whole\"}");
    free(text);
    text = to_text(&plan, &hash);
    assert_string_equal(text, "{\"kind\":\"hash\",\"columns\":[\"ID\"],\"types\":[\"NUMBER(38,0)\"],"
                              "\"kinds\":[\"integer\"],\"buckets\":16384,\"first\":512,\"last\":1023,\"probe\":\"1\"}");
    free(text);
    column.kind = VALUE_TEXT;
    column.as_number = true;
    text = to_text(&plan, &nulls);
    assert_non_null(strstr(text, "\"kinds\":[\"varchar_numeric\"]"));
    free(text);
}

#define KEYS "\"columns\":[\"at\"],\"types\":[\"TIMESTAMP_NTZ(9)\"],\"kinds\":[\"timestamp\"]"

static void what_is_no_chunk_range_is_refused(void **state) {
    static const char *const broken[] = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"kind\":3}",
        "{\"kind\":\"offset\"}",
        "{\"kind\":\"range\"}",
        "{\"kind\":\"nulls\"}",
        "{\"kind\":\"range\"," KEYS "}", /* a missing bound is not an open one */
        "{\"kind\":\"range\"," KEYS ",\"lower\":null}",
        "{\"kind\":\"range\"," KEYS ",\"upper\":null}",
        "{\"kind\":\"range\"," KEYS ",\"lower\":[],\"upper\":null}",
        "{\"kind\":\"range\"," KEYS ",\"lower\":[\"1\",\"2\"],\"upper\":null}",
        "{\"kind\":\"range\"," KEYS ",\"lower\":[null],\"upper\":null}",
        "{\"kind\":\"range\"," KEYS ",\"lower\":[1],\"upper\":null}",
        "{\"kind\":\"range\"," KEYS ",\"lower\":[\"1\"],\"upper\":[7]}",
        "{\"kind\":\"range\"," KEYS ",\"lower\":\"1\",\"upper\":null}",
        "{\"kind\":\"nulls\",\"columns\":[],\"types\":[],\"kinds\":[]}",
        "{\"kind\":\"nulls\",\"columns\":[\"at\"],\"types\":[],\"kinds\":[\"timestamp\"]}",
        "{\"kind\":\"nulls\",\"columns\":[4],\"types\":[\"x\"],\"kinds\":[\"timestamp\"]}",
        "{\"kind\":\"whole\",\"kind\":\"nulls\"}",
        "{\"kind\":\"hash\"," KEYS "}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":8,\"first\":0,\"last\":7}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":8,\"first\":0,\"probe\":\"1\"}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":\"8\",\"first\":0,\"last\":7,\"probe\":\"1\"}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":8,\"first\":0,\"last\":8,\"probe\":\"1\"}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":8,\"first\":-1,\"last\":7,\"probe\":\"1\"}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":8,\"first\":5,\"last\":4,\"probe\":\"1\"}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":8,\"first\":0,\"last\":7.5,\"probe\":\"1\"}",
        "{\"kind\":\"hash\"," KEYS ",\"buckets\":8,\"first\":0,\"last\":7,\"probe\":1}",
        "{\"kind\":\"hash\",\"columns\":[],\"types\":[],\"kinds\":[],\"buckets\":8,\"first\":0,\"last\":7,"
        "\"probe\":\"1\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct source_column *keys;
        size_t key_count;
        struct plan_chunk chunk;
        struct error error = {0};

        if (plan_chunk_from_json(broken[i], &table, &keys, &key_count, &chunk, &error))
            fail_msg("taken for a chunk: %s", broken[i]);
        assert_int_equal(error.kind, ERROR_INTERNAL);
        assert_null(keys);
        assert_null(chunk.lower);
        assert_null(chunk.upper);
    }
}

static enum error_kind read_back(const struct source_table *now, const struct plan_chunk *chunk, struct error *error) {
    struct plan plan = plan_of_two();
    char *text = to_text(&plan, chunk);
    struct source_column *keys;
    size_t key_count;
    struct plan_chunk back;

    memset(error, 0, sizeof *error);
    if (plan_chunk_from_json(text, now, &keys, &key_count, &back, error)) {
        plan_chunk_release(&back, key_count);
        plan_keys_release(&keys, &key_count);
    }
    plan_release(&plan);
    free(text);
    return error->kind;
}

static void a_table_that_has_changed_is_noticed(void **state) {
    struct source_column now[2];
    const struct source_table changed = {.columns = now, .column_count = 2};
    const struct source_table shorter = {.columns = now, .column_count = 1};
    const struct plan_chunk nulls = {.kind = CHUNK_NULLS};
    const struct plan_chunk whole = {.kind = CHUNK_WHOLE};
    struct error error;

    (void)state;
    memcpy(now, columns, sizeof now);
    assert_int_equal(read_back(&changed, &nulls, &error), ERROR_NONE);
    /* Gone. */
    assert_int_equal(read_back(&shorter, &nulls, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, id_name));
    assert_int_equal(read_back(&shorter, &whole, &error), ERROR_NONE);
    /* Another kind. */
    now[1].kind = VALUE_TEXT;
    assert_int_equal(read_back(&changed, &nulls, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "text"));
    /* A bound in nanoseconds doesn't fit microseconds, but any whole number fits another width. */
    now[1] = columns[1];
    now[1].type_name = wider_type;
    assert_int_equal(read_back(&changed, &nulls, &error), ERROR_NONE);
    now[0].type_name = other_type;
    assert_int_equal(read_back(&changed, &nulls, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "TIMESTAMP_NTZ(6)"));
    assert_true(error.hint[0] != '\0');
}

static void a_hash_is_one_of_the_type_to_the_last_digit(void **state) {
    struct source_column now[2];
    const struct source_table changed = {.columns = now, .column_count = 2};
    char probe[] = "1";
    const struct plan_chunk hash = {.kind = CHUNK_HASH, .last_bucket = 3, .buckets = 16384, .hash_probe = probe};
    struct error error;

    (void)state;
    memcpy(now, columns, sizeof now);
    assert_int_equal(read_back(&changed, &hash, &error), ERROR_NONE);
    now[1].type_name = wider_type;
    assert_int_equal(read_back(&changed, &hash, &error), ERROR_CONFIG);
    assert_non_null(strstr(error.message, "NUMBER(20,0)"));
}

/* The ledger says how text was compared, whatever the configuration says now. */
static void text_compared_as_a_number_stays_so(void **state) {
    static const char numeric[] = "{\"kind\":\"nulls\",\"columns\":[\"K\"],\"types\":[\"VARCHAR\"],"
                                  "\"kinds\":[\"varchar_numeric\"]}";
    static const char plain[] = "{\"kind\":\"nulls\",\"columns\":[\"K\"],\"types\":[\"VARCHAR\"],\"kinds\":[\"text\"]}";
    static char name[] = "K", type[] = "VARCHAR";
    struct source_column column = {.name = name, .type_name = type, .kind = VALUE_TEXT};
    const struct source_table now = {.columns = &column, .column_count = 1};
    struct source_column *keys;
    size_t key_count;
    struct plan_chunk chunk;
    struct error error = {0};

    (void)state;
    assert_true(plan_chunk_from_json(numeric, &now, &keys, &key_count, &chunk, &error));
    assert_true(keys[0].as_number);
    plan_keys_release(&keys, &key_count);
    assert_true(plan_chunk_from_json(plain, &now, &keys, &key_count, &chunk, &error));
    assert_false(keys[0].as_number);
    plan_keys_release(&keys, &key_count);
    column.kind = VALUE_INTEGER;
    assert_false(plan_chunk_from_json(numeric, &now, &keys, &key_count, &chunk, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_come_back_as_they_were),
        cmocka_unit_test(the_form_is_the_documented_one),
        cmocka_unit_test(what_is_no_chunk_range_is_refused),
        cmocka_unit_test(a_table_that_has_changed_is_noticed),
        cmocka_unit_test(a_hash_is_one_of_the_type_to_the_last_digit),
        cmocka_unit_test(text_compared_as_a_number_stays_so),
    };

    return cmocka_run_group_tests_name("plan_json", tests, NULL, NULL);
}
