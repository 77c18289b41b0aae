/* Quoting and the meaning of a SQLSTATE: pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "target/connection.h"
#include "target/copy.h"

static void identifier_is(const char *name, const char *wanted) {
    struct buffer sql = {0};
    target_identifier(&sql, name);
    assert_string_equal(buffer_string(&sql), wanted);
    buffer_release(&sql);
}

static void literal_is(const char *text, const char *wanted) {
    struct buffer sql = {0};
    target_literal(&sql, text);
    assert_string_equal(buffer_string(&sql), wanted);
    buffer_release(&sql);
}

static void identifiers_double_their_quotes(void **state) {
    (void)state;
    identifier_is("plain", "\"plain\"");
    identifier_is("", "\"\"");
    identifier_is("Two Words", "\"Two Words\"");
    identifier_is("a\"b", "\"a\"\"b\"");
    identifier_is("\"", "\"\"\"\"");
    identifier_is("x\"; DROP TABLE y; --", "\"x\"\"; DROP TABLE y; --\"");
    identifier_is("back\\slash'", "\"back\\slash'\"");
    identifier_is("größe \xF0\x9F\x90\x98", "\"größe \xF0\x9F\x90\x98\"");
}

static void literals_double_quotes_and_backslashes(void **state) {
    (void)state;
    literal_is("", "''");
    literal_is("it's", "'it''s'");
    literal_is("'; DROP TABLE y; --", "'''; DROP TABLE y; --'");
    literal_is("a\\", " E'a\\\\'");
    literal_is("\\'", " E'\\\\'''");
    literal_is("line\nbreak", "'line\nbreak'");
}

static void a_relation_is_two_identifiers(void **state) {
    (void)state;
    struct buffer sql = {0};
    target_relation(&sql, "my.schema", "my\"table");
    assert_string_equal(buffer_string(&sql), "\"my.schema\".\"my\"\"table\"");
    buffer_release(&sql);
}

static void copy_names_its_columns(void **state) {
    (void)state;
    struct encode_target columns[] = {{.name = (char[]){"a b"}}, {.name = (char[]){"c\"d"}}};
    struct buffer sql = {0};
    copy_statement(&sql, "s", "t", columns, 2, ENCODE_BINARY);
    assert_string_equal(buffer_string(&sql), "COPY \"s\".\"t\" (\"a b\", \"c\"\"d\") FROM STDIN (FORMAT binary)");
    buffer_release(&sql);
}

static void a_sqlstate_decides_what_is_tried_again(void **state) {
    (void)state;
    static const struct {
        const char *sqlstate;
        enum error_kind kind;
    } cases[] = {
        {NULL, ERROR_TRANSIENT},    {"", ERROR_TRANSIENT},      {"08006", ERROR_TRANSIENT}, {"08P01", ERROR_INTERNAL},
        {"40001", ERROR_TRANSIENT}, {"40P01", ERROR_TRANSIENT}, {"53100", ERROR_TRANSIENT}, {"53200", ERROR_TRANSIENT},
        {"53300", ERROR_TRANSIENT}, {"53400", ERROR_CONFIG},    {"55P03", ERROR_TRANSIENT}, {"55000", ERROR_CONFIG},
        {"57014", ERROR_TRANSIENT}, {"57P01", ERROR_TRANSIENT}, {"57P02", ERROR_TRANSIENT}, {"57P03", ERROR_TRANSIENT},
        {"57P04", ERROR_CONFIG},    {"57P05", ERROR_TRANSIENT}, {"25006", ERROR_TRANSIENT}, {"25P02", ERROR_INTERNAL},
        {"25P03", ERROR_TRANSIENT}, {"28000", ERROR_AUTH},      {"28P01", ERROR_AUTH},      {"42501", ERROR_CONFIG},
        {"42P01", ERROR_CONFIG},    {"3D000", ERROR_CONFIG},    {"3F000", ERROR_CONFIG},    {"22003", ERROR_DATA},
        {"22P03", ERROR_DATA},      {"23505", ERROR_DATA},      {"23514", ERROR_DATA},      {"44000", ERROR_DATA},
        {"54000", ERROR_DATA},      {"P0001", ERROR_DATA},      {"0A000", ERROR_CONFIG},    {"XX000", ERROR_INTERNAL},
        {"58P01", ERROR_INTERNAL},  {"58030", ERROR_TRANSIENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (target_error_kind(cases[i].sqlstate) != cases[i].kind)
            fail_msg("%s is %s", cases[i].sqlstate, error_kind_name(target_error_kind(cases[i].sqlstate)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_double_their_quotes),
        cmocka_unit_test(literals_double_quotes_and_backslashes),
        cmocka_unit_test(a_relation_is_two_identifiers),
        cmocka_unit_test(copy_names_its_columns),
        cmocka_unit_test(a_sqlstate_decides_what_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
