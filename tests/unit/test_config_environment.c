/* The .env file and ${...}. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "config/environment.h"

static struct environment parse(const char *text, struct config_problems *problems) {
    struct environment environment = {0};
    environment_parse(&environment, "test.env", text, strlen(text), problems);
    return environment;
}

static void expect(const char *text, const char *name, const char *value) {
    struct config_problems problems = {0};
    struct environment environment = parse(text, &problems);
    assert_int_equal(problems.count, 0);
    const char *got = environment_get(&environment, name);
    if (value == NULL)
        assert_null(got);
    else
        assert_non_null(got);
    if (value != NULL)
        assert_string_equal(got, value);
    environment_release(&environment);
    config_problems_release(&problems);
}

static void expect_problem(const char *text, int line, const char *message) {
    struct config_problems problems = {0};
    struct environment environment = parse(text, &problems);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.list[0].line, line);
    assert_string_equal(problems.list[0].file, "test.env");
    assert_non_null(strstr(problems.list[0].message, message));
    assert_null(strstr(problems.list[0].message, "hunter2"));
    environment_release(&environment);
    config_problems_release(&problems);
}

static void values_are_read(void **state) {
    (void)state;
    expect("T_A=1", "T_A", "1");
    expect("T_A=1\nT_B=2\n", "T_B", "2");
    expect("export T_A=1", "T_A", "1");
    expect("export\tT_A=1", "T_A", "1");
    expect("export=1", "export", "1");
    expect("  T_A  =  1  ", "T_A", "1");
    expect("T_A=", "T_A", "");
    expect("T_A=\r\nT_B=x\r\n", "T_B", "x");
    expect("T_A=x\r\n", "T_A", "x");
    expect("\xEF\xBB\xBFT_A=x", "T_A", "x");
    expect("# T_A=1\n\n   \n\t# more\nT_B=2", "T_A", NULL);
    expect("T_A=one # two", "T_A", "one");
    expect("T_A=one#two", "T_A", "one#two");
    expect("T_A=#two", "T_A", "");
    expect("T_A=a=b=c", "T_A", "a=b=c");
    expect("T_A=1\nT_A=2", "T_A", "2");
    expect("T_A=$HOME ${HOME}", "T_A", "$HOME ${HOME}");
    expect("T_A=it's", "T_A", "it's");
}

static void quotes_hold(void **state) {
    (void)state;
    expect("T_A='a # b'", "T_A", "a # b");
    expect("T_A='a\\nb'", "T_A", "a\\nb");
    expect("T_A=\"a\\nb\"", "T_A", "a\nb");
    expect("T_A=\"a\\\"b\\\\c\\$d\\q\"", "T_A", "a\"b\\c$d\\q");
    expect("T_A=\"x\" # remark", "T_A", "x");
    expect("T_A=''", "T_A", "");
    expect("T_A=\"-----BEGIN PRIVATE KEY-----\nMIIE==\n-----END PRIVATE KEY-----\n\"\nT_B=2", "T_A",
           "-----BEGIN PRIVATE KEY-----\nMIIE==\n-----END PRIVATE KEY-----\n");
    expect("T_A=\"1\n2\n\"\nT_B=2", "T_B", "2");
    expect("T_A='1\n2'", "T_A", "1\n2");
}

static void malformed_lines_are_problems(void **state) {
    (void)state;
    expect_problem("T_A=1\nhunter2\n", 2, "not NAME=VALUE");
    expect_problem("hunter2 T_A=1\n", 1, "not NAME=VALUE");
    expect_problem("1A=hunter2", 1, "not NAME=VALUE");
    expect_problem("A-B=hunter2", 1, "not NAME=VALUE");
    expect_problem("=hunter2", 1, "not NAME=VALUE");
    expect_problem("export", 1, "not NAME=VALUE");
    expect_problem("\n\nT_A=\"hunter2\nT_B=2\n", 3, "never closed");
    expect_problem("T_A='1\n2' hunter2\n", 2, "follows the closing quote");
    expect_problem("T_A=\"hunter2\\", 1, "never closed");
}

static void a_line_after_a_malformed_one_counts(void **state) {
    (void)state;
    struct config_problems problems = {0};
    struct environment environment = parse("rubbish\nT_A=1\nmore rubbish\n", &problems);
    assert_int_equal(problems.count, 2);
    assert_int_equal(problems.list[1].line, 3);
    assert_string_equal(environment_get(&environment, "T_A"), "1");
    environment_release(&environment);
    config_problems_release(&problems);
}

static void nul_bytes_are_refused(void **state) {
    (void)state;
    struct config_problems problems = {0};
    struct environment environment = {0};
    environment_parse(&environment, "test.env", "A=1\0B=2", 7, &problems);
    assert_int_equal(problems.count, 1);
    assert_int_equal(environment.variable_count, 0);
    config_problems_release(&problems);
}

static void the_process_beats_the_file(void **state) {
    (void)state;
    setenv("T_BOTH", "process", 1);
    expect("T_BOTH=file", "T_BOTH", "process");
    setenv("T_BOTH", "", 1);
    expect("T_BOTH=file", "T_BOTH", "");
    unsetenv("T_BOTH");
    expect("T_BOTH=file", "T_BOTH", "file");
}

static void a_missing_file_is_a_problem(void **state) {
    (void)state;
    struct config_problems problems = {0};
    struct environment environment = {0};
    environment_load(&environment, NULL, &problems);
    assert_int_equal(problems.count, 0);
    environment_load(&environment, "/nonexistent/.env", &problems);
    environment_load(&environment, "/", &problems);
    assert_int_equal(problems.count, 2);
    assert_non_null(strstr(problems.list[0].message, "No such file"));
    assert_non_null(strstr(problems.list[1].message, "directory"));
    config_problems_release(&problems);
}

/* ---- ${...} */

struct faults_seen {
    int count;
    enum substitution_fault fault;
    char name[64];
};

static void see_fault(void *context, enum substitution_fault fault, const char *name) {
    struct faults_seen *seen = context;
    seen->count++;
    seen->fault = fault;
    snprintf(seen->name, sizeof seen->name, "%s", name != NULL ? name : "");
}

static struct substitution substitute(const char *text, struct buffer *out, struct faults_seen *seen) {
    struct config_problems problems = {0};
    struct environment environment = parse("T_A=alpha\nT_EMPTY=\nT_REF='${T_A}'\nT_LONG_name_9=x", &problems);
    struct substitution substitution = {.report = see_fault, .context = seen};
    environment_substitute(&environment, text, out, &substitution);
    environment_release(&environment);
    return substitution;
}

static void expect_text(const char *text, const char *wanted) {
    struct buffer out = {0};
    struct faults_seen seen = {0};
    struct substitution substitution = substitute(text, &out, &seen);
    assert_false(substitution.failed);
    assert_int_equal(seen.count, 0);
    assert_string_equal(buffer_string(&out), wanted);
    buffer_release(&out);
}

static void references_are_replaced(void **state) {
    (void)state;
    expect_text("plain", "plain");
    expect_text("", "");
    expect_text("${T_A}", "alpha");
    expect_text("<${T_A}|${T_LONG_name_9}>", "<alpha|x>");
    expect_text("${T_NONE:-fallback}", "fallback");
    expect_text("${T_NONE:-}", "");
    expect_text("${T_EMPTY:-fallback}", "fallback");
    expect_text("${T_EMPTY}", "");
    expect_text("${T_A:-fallback}", "alpha");
    expect_text("${T_NONE:-a:-b}", "a:-b");
    expect_text("${T_NONE:-${T_A}}!", "alpha!");
    expect_text("${T_NONE:-${T_NEITHER:-deep}}", "deep");
    expect_text("${T_REF}", "${T_A}"); /* what comes out of a variable isn't looked into */
    expect_text("$T_A $$ $", "$T_A $$ $");
    expect_text("$${T_A}", "${T_A}");
    expect_text("$${T_A} ${T_A}", "${T_A} alpha");
    expect_text("{T_A} }", "{T_A} }");
}

static void faults_are_reported(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
        enum substitution_fault fault;
        int count;
    } cases[] = {
        {"${T_NONE}", "T_NONE", SUBSTITUTION_UNSET, 1},
        {"${T_NONE}${T_ALSO}", "T_ALSO", SUBSTITUTION_UNSET, 2},
        {"${T_NONE:-${T_ALSO}}", "T_ALSO", SUBSTITUTION_UNSET, 1},
        {"${", "", SUBSTITUTION_MALFORMED, 1},
        {"${T_A", "", SUBSTITUTION_MALFORMED, 1},
        {"${}", "", SUBSTITUTION_MALFORMED, 1},
        {"${1A}", "", SUBSTITUTION_MALFORMED, 1},
        {"${T_A-x}", "", SUBSTITUTION_MALFORMED, 1},
        {"${T_A:x}", "", SUBSTITUTION_MALFORMED, 1},
        {"${ T_A }", "", SUBSTITUTION_MALFORMED, 1},
        {"${T_NONE:-${T_A}", "", SUBSTITUTION_MALFORMED, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer out = {0};
        struct faults_seen seen = {0};
        struct substitution substitution = substitute(cases[i].text, &out, &seen);
        assert_true(substitution.failed);
        assert_int_equal(seen.count, cases[i].count);
        assert_int_equal(seen.fault, cases[i].fault);
        assert_string_equal(seen.name, cases[i].name);
        buffer_release(&out);
    }
}

static void deep_nesting_ends(void **state) {
    (void)state;
    struct buffer text = {0}, out = {0};
    for (int i = 0; i < 1000; i++)
        buffer_append(&text, "${T_NONE:-");
    for (int i = 0; i < 1000; i++)
        buffer_append(&text, "}");
    struct faults_seen seen = {0};
    assert_true(substitute(text.data, &out, &seen).failed);
    buffer_release(&text);
    buffer_release(&out);
}

static void nothing_is_told_from_empty(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool nothing;
    } cases[] = {{"${T_NONE:-}", true},
                 {"${T_EMPTY:-}", true},
                 {"${T_EMPTY}", false},
                 {"", false},
                 {"${T_A:-}", false},
                 {"x${T_NONE:-}", false},
                 {"${T_NONE:-}${T_NONE:-}", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer out = {0};
        struct faults_seen seen = {0};
        assert_int_equal(substitute(cases[i].text, &out, &seen).nothing, cases[i].nothing);
        buffer_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(quotes_hold),
        cmocka_unit_test(malformed_lines_are_problems),
        cmocka_unit_test(a_line_after_a_malformed_one_counts),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(the_process_beats_the_file),
        cmocka_unit_test(a_missing_file_is_a_problem),
        cmocka_unit_test(references_are_replaced),
        cmocka_unit_test(faults_are_reported),
        cmocka_unit_test(deep_nesting_ends),
        cmocka_unit_test(nothing_is_told_from_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
