/* What the ledger holds of a chunk, and of a table's window: anybody with the rights may have written there. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "plan/window.h"

static struct source_column columns[] = {
    {.name = (char *)"ID", .type_name = (char *)"NUMBER(38,0)", .kind = VALUE_INTEGER},
    {.name = (char *)"at", .type_name = (char *)"TIMESTAMP_NTZ(9)", .kind = VALUE_TIMESTAMP, .precision = 9},
    {.name = (char *)"n", .type_name = (char *)"VARCHAR", .kind = VALUE_TEXT, .maximum_length = -1},
};
static const struct source_table table = {
    .relation = {.name = (char *)"t", .schema = (char *)"s"}, .columns = columns, .column_count = 3};

/* A condition on the rows, in both dialects, and the same text again. */
static void use(const struct source_column *keys, size_t key_count, const struct plan_chunk *chunk) {
    const struct dialect *const dialects[] = {&dialect_snowflake, &dialect_duckdb};
    for (size_t i = 0; i < 2; i++) {
        struct buffer sql = {0};
        plan_predicate(&sql, dialects[i], keys, key_count, chunk);
        FUZZ_REQUIRE(chunk->kind == CHUNK_WHOLE || sql.length > 0);
        buffer_release(&sql);
    }
    struct plan plan = {.keys = (struct source_column *)(uintptr_t)keys, .key_count = key_count};
    json_t *json = plan_chunk_to_json(&plan, chunk);
    char *text = json_dumps(json, JSON_COMPACT);
    struct source_column *again_keys;
    size_t again_count;
    struct plan_chunk again;
    struct error error = {0};
    FUZZ_REQUIRE(text != NULL && plan_chunk_from_json(text, &table, &again_keys, &again_count, &again, &error));
    FUZZ_REQUIRE(again.kind == chunk->kind && again_count == key_count);
    plan_chunk_release(&again, again_count);
    plan_keys_release(&again_keys, &again_count);
    free(text);
    json_decref(json);
}

static void cut(const char *text) {
    char *ranges[3] = {NULL};
    struct error error = {0};
    bool done = plan_split_range(text, columns, 1, "probe", 3, ranges, &error);
    for (size_t i = 0; i < 3; i++) {
        FUZZ_REQUIRE(!done || ranges[i] != NULL);
        free(ranges[i]);
    }
}

static void read_window(const char *text) {
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    struct plan_window window = {0};
    struct error error = {0};
    if (json != NULL && plan_window_from_json(json, &table, &window, &error)) {
        struct buffer sql = {0};
        plan_window_filter(&sql, &dialect_snowflake, NULL, &window);
        plan_window_describe(&sql, &window);
        buffer_release(&sql);
        plan_window_release(&window);
    }
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    struct source_column *keys;
    size_t key_count;
    struct plan_chunk chunk;
    struct error error = {0};
    if (plan_chunk_from_json(text, &table, &keys, &key_count, &chunk, &error)) {
        use(keys, key_count, &chunk);
        cut(text);
        plan_chunk_release(&chunk, key_count);
        plan_keys_release(&keys, &key_count);
    } else {
        FUZZ_REQUIRE(error.kind == ERROR_CONFIG || error.kind == ERROR_INTERNAL);
    }
    read_window(text);
    free(text);
    return 0;
}

#define ID "\"columns\":[\"ID\"],\"types\":[\"NUMBER(38,0)\"],\"kinds\":[\"integer\"]"

void fuzz_seeds(void) {
    fuzz_seed_text("{\"kind\":\"whole\"}");
    fuzz_seed_text("{\"kind\":\"range\"," ID ",\"lower\":[\"-1\"],\"upper\":null}");
    fuzz_seed_text(
        "{\"kind\":\"range\",\"columns\":[\"ID\",\"at\"],\"types\":[\"NUMBER(38,0)\",\"TIMESTAMP_NTZ(9)\"],"
        "\"kinds\":[\"integer\",\"timestamp\"],\"lower\":null,\"upper\":[\"5\",\"2024-01-01 00:00:00.000000001\"]}");
    fuzz_seed_text("{\"kind\":\"nulls\",\"columns\":[\"n\"],\"types\":[\"VARCHAR\"],\"kinds\":[\"varchar_numeric\"]}");
    fuzz_seed_text("{\"kind\":\"hash\"," ID ",\"buckets\":16384,\"first\":0,\"last\":511,\"probe\":\"x\"}");
    fuzz_seed_text("{\"kind\":\"whole\",\"part\":{" ID ",\"modulus\":3,\"remainder\":0,\"probe\":\"x\"}}");
    fuzz_seed_text("{\"column\": \"at\", \"type\": \"TIMESTAMP_NTZ(9)\", \"kind\": \"timestamp\", \"floor\": null, "
                   "\"ceiling\": \"2024-01-01 00:00:00.000000000\"}");
}
