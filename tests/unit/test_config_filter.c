/* Parentheses of source_filter: only those that count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *sql;
    char duckdb, snowflake; /* '.': none is odd */
} filters[] = {
    {"a > 1", '.', '.'},
    {"(a = 1) OR (b IN (2, 3))", '.', '.'},
    {"a = 1) OR (b = 2", ')', ')'},
    {"true) OR (1=1", ')', ')'},
    {"a = 1)", ')', ')'},
    {"(a = 1", '(', '('},
    {"a = ')'", '.', '.'},
    {"a = 'it''s )'", '.', '.'},
    {"a = '\\' AND (b = '(')", '.', '('},
    {"a = 'it\\'s )'", ')', '.'},
    {"a = E'it\\'s )'", '.', '.'},
    {"table = e'\\')'", '.', '.'},
    {"type'\\') OR (1=1", ')', '.'},
    {"\"odd ) name\" = 1", '.', '.'},
    {"\"odd \"\") name\" = 1", '.', '.'},
    {"a = 1 -- )", '.', '.'},
    {"a = 1 -- (\n AND (b = 2)", '.', '.'},
    {"a // (b) = 1", '.', '.'},
    {"a = 1 // )", ')', '.'},
    {"a = 1 /* ) */ AND (b = 2)", '.', '.'},
    {"a = 1 /* /* ( */ AND (b = 2)", '.', '.'},
    {"a = 1 /* /* ( */ ) */ AND (b = 2)", '.', ')'},
    {"a = $$ ) $$", '.', '.'},
    {"a = $x$ ) $$ ) $x$", '.', ')'},
    {"a = $1 AND (b = 2))", ')', ')'},
    {"a = 'open )", '.', '.'},
    {"a = 1 /* open )", '.', '.'},
    {"a = $$ open )", '.', '.'},
    {"", '.', '.'},
};

static void only_parentheses_that_count_are_counted(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(filters); i++)
        for (int snowflake = 0; snowflake < 2; snowflake++) {
            char wanted = snowflake ? filters[i].snowflake : filters[i].duckdb;
            char found = filter_odd_parenthesis(filters[i].sql, snowflake);
            if (found != (wanted == '.' ? '\0' : wanted))
                fail_msg("%s (%s): '%c'", filters[i].sql, snowflake ? "snowflake" : "duckdb",
                         found == '\0' ? '.' : found);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_parentheses_that_count_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
