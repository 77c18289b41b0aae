/* Events, in all the forms that the contract of the function allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lambda/event.h"

static struct event parse(const char *text) {
    struct event event;
    struct error error;
    if (!event_parse(&event, text, strlen(text), &error))
        fail_msg("%s: %s", text, error.message);
    return event;
}

static void refused(const char *text, const char *word) {
    struct event event;
    struct error error;
    error_clear(&error);
    assert_false(event_parse(&event, text, strlen(text), &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    if (strstr(error.message, word) == NULL && strstr(error.hint, word) == NULL)
        fail_msg("%s: \"%s\" doesn't say %s", text, error.message, word);
    event_release(&event);
}

static void test_nothing_is_a_migration_of_everything(void **state) {
    (void)state;
    struct event event = parse("{}");
    assert_int_equal(event.action, EVENT_MIGRATE);
    assert_null(event.sources);
    assert_false(event.no_resume || event.prepare || event.worker);
    assert_true(event.resume_max_age_hours < 0);
    assert_string_equal(event.run_id, "");
    event_release(&event);
}

static void test_sources(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"source_name\": \"a\"}", "a"},
        {"{\"source_name\": \"a, b\"}", "a, b"},
        {"{\"source_name\": [\"a\", \"b c\"]}", "\"a\",\"b c\""},
        {"{\"source_name\": [\"a\\\"b\"]}", "\"a\"\"b\""},
        {"{\"input\": {\"source_name\": \"a\"}, \"defaults\": {\"source_name\": \"b\"}, \"source_name\": \"c\"}", "a"},
        {"{\"input\": {\"source_name\": null}, \"defaults\": {\"source_name\": \"b\"}}", "b"},
        {"{\"input\": null, \"defaults\": null, \"source_name\": \"c\"}", "c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event event = parse(cases[i][0]);
        assert_string_equal(event.sources, cases[i][1]);
        event_release(&event);
    }
}

static void test_the_rest(void **state) {
    (void)state;
    struct event event = parse("{\"action\": \"test_connections\", \"no_resume\": true, \"resume_max_age\": 2.5, "
                               "\"resume_run_id\": \"0123ABCD-0000-4000-8000-00000000000f\", \"prepare\": \"True\"}");
    assert_int_equal(event.action, EVENT_TEST_CONNECTIONS);
    assert_true(event.no_resume && event.prepare && !event.worker);
    assert_true(event.resume_max_age_hours == 2.5);
    assert_string_equal(event.run_id, "0123abcd-0000-4000-8000-00000000000f");
    event_release(&event);
    event = parse("{\"worker\": 0, \"run_id\": \"0123abcd-0000-4000-8000-00000000000f\"}");
    assert_true(event.worker);
    assert_string_equal(event.run_id, "0123abcd-0000-4000-8000-00000000000f");
    event_release(&event);
    event = parse("{\"run_id\": \"an answer's, among a state machine's own\"}");
    assert_string_equal(event.run_id, "");
    event_release(&event);
}

static void test_refusals(void **state) {
    (void)state;
    refused("", "not JSON");
    refused("{\"action\": \"migrate\"", "line 1");
    refused("[]", "objects");
    refused("\"migrate\"", "objects");
    refused("{\"input\": []}", "objects");
    refused("{\"action\": \"MIGRATE\"}", "migrate");
    refused("{\"action\": {}}", "validate_config");
    refused("{\"source_name\": []}", "source_name");
    refused("{\"source_name\": [\"a\", null]}", "source_name");
    refused("{\"source_name\": 5}", "source_name");
    refused("{\"no_resume\": 1}", "no_resume");
    refused("{\"resume_max_age\": \"1e999\"}", "resume_max_age");
    refused("{\"resume_max_age\": \" 5\"}", "resume_max_age");
    refused("{\"resume_run_id\": \"0123abcd\"}", "resume_run_id");
    refused("{\"resume_run_id\": 5}", "resume_run_id");
    refused("{\"worker\": -1, \"run_id\": \"0123abcd-0000-4000-8000-00000000000f\"}", "worker");
    refused("{\"worker\": 1}", "run_id");
}

static void test_what_looks_like_a_slip_is_remarked(void **state) {
    (void)state;
    struct event event =
        parse("{\"input\": {\"sourcename\": \"a\"}, \"defaults\": {\"noresume\": true, \"detail-type\": 1}}");
    assert_non_null(strstr(buffer_string(&event.remarks), "\"sourcename\""));
    assert_non_null(strstr(buffer_string(&event.remarks), "\"noresume\""));
    assert_null(strstr(buffer_string(&event.remarks), "detail-type"));
    event_release(&event);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_a_migration_of_everything),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_looks_like_a_slip_is_remarked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
