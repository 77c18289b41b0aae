/* Names and types of columns as a source's catalogue gives them. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "source/dialect.h"

/* Whatever a name holds, what is quoted ends where it should: an even number of quotes inside. */
static void check_quoted(const struct dialect *dialect, const char *text) {
    struct buffer sql = {0};
    dialect->identifier(&sql, text);
    size_t quotes = 0;
    for (size_t i = 0; i < sql.length; i++)
        quotes += sql.data[i] == '"';
    FUZZ_REQUIRE(sql.length >= 2 && sql.data[0] == '"' && sql.data[sql.length - 1] == '"' && quotes % 2 == 0);
    buffer_clear(&sql);
    dialect->text_literal(&sql, text);
    FUZZ_REQUIRE(sql.length >= 2 && sql.data[0] == '\'' && sql.data[sql.length - 1] == '\'');
    buffer_release(&sql);
}

static void check_column(const struct dialect *dialect, const char *text) {
    struct source_column column = {.name = (char *)"c", .type_name = (char *)(uintptr_t)text, .maximum_length = -1};
    struct buffer sql = {0};
    dialect->classify(&column);
    FUZZ_REQUIRE(column.kind <= VALUE_OTHER && column.precision >= 0 && column.maximum_length >= -1);
    dialect->projection(&sql, &column);
    FUZZ_REQUIRE(sql.length > 0);
    (void)dialect->projection_is_inexact(&sql, &column);
    if (plan_key_supported(&column)) {
        dialect->key(&sql, &column);
        dialect->bound_text(&sql, &column, "k");
        dialect_bound_literal(dialect, &sql, &column, text);
    }
    buffer_release(&sql);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct dialect *const dialects[] = {&dialect_snowflake, &dialect_duckdb};
    char *text = fuzz_text(data, size);
    for (size_t i = 0; i < 2; i++) {
        check_quoted(dialects[i], text);
        check_column(dialects[i], text);
    }
    free(text);
    return 0;
}

void fuzz_seeds(void) {
    static const char *const types[] = {"NUMBER(38,0)",
                                        "DECIMAL(12, 2)",
                                        "VARCHAR(16777216)",
                                        "TIMESTAMP_NTZ(9)",
                                        "TIME(3)",
                                        "FLOAT",
                                        "BINARY(8)",
                                        "timestamp with time zone",
                                        "STRUCT(a INTEGER, b VARCHAR[])",
                                        "MAP(VARCHAR, INTEGER)",
                                        "INTEGER[3]",
                                        "ENUM('a', 'b')",
                                        "UHUGEINT",
                                        "TIMESTAMP_NS",
                                        "VECTOR(FLOAT, 3)",
                                        "a\"b'c\\d",
                                        "UUID",
                                        "JSON"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        fuzz_seed_text(types[i]);
}
