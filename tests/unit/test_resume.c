/* The decision to start or to resume, over what the ledgers list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/resume.h"

/* The structure owns its strings elsewhere; here nothing is released. */
#define TEXT(literal) ((char *)(uintptr_t)(literal))

static const int64_t hour = 3600LL * 1000000;
static const int64_t now = 1000000LL * 3600 * 1000000;

static const char id_a[] = "aaaaaaaa-0000-4000-8000-000000000000";
static const char id_b[] = "bbbbbbbb-0000-4000-8000-000000000000";

static struct ledger_run make_run(const char *run_id, int64_t idle_us) {
    struct ledger_run run = {.started_at_us = now - 30 * 24 * hour, .last_progress_us = now - idle_us};
    snprintf(run.run_id, sizeof run.run_id, "%s", run_id);
    snprintf(run.status, sizeof run.status, "%s", "running");
    run.execution_hash = TEXT("hash");
    run.source_names = TEXT("a,b");
    run.settings = TEXT("{\"filter\":\"x > 1\",\"table\":\"t\"}");
    run.owners = TEXT("");
    return run;
}

static struct resume_request make_request(void) {
    return (struct resume_request){
        .source_names = "a,b",
        .execution_hash = "hash",
        .settings = "{\"filter\":\"x > 1\",\"table\":\"t\"}",
        .max_age_hours = 168,
        .now_us = now,
    };
}

static struct resume_decision decide(const struct resume_request *request, struct ledger_run *runs, size_t count) {
    struct ledger_runs listed = {.list = runs, .count = count};
    struct resume_decision decision;
    struct error error;
    error_clear(&error);
    assert_true(resume_decide(request, &listed, 1, &decision, &error));
    return decision;
}

static void test_invariant_08_old_run_with_recent_progress_resumes(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)}; /* started 30 days ago */
    struct resume_decision decision = decide(&request, runs, 1);
    assert_true(decision.resume);
    assert_string_equal(decision.run_id, id_a);
    resume_decision_release(&decision);
}

static void test_invariant_08_idle_run_is_refused_with_its_age(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, 169 * hour)};
    struct resume_decision decision = decide(&request, runs, 1);
    assert_false(decision.resume);
    assert_non_null(strstr(buffer_string(&decision.explanation), id_a));
    assert_non_null(strstr(buffer_string(&decision.explanation), "169.0 hours"));
    assert_non_null(strstr(buffer_string(&decision.explanation), "168 hours"));
    resume_decision_release(&decision);
    request.max_age_hours = 8760;
    decision = decide(&request, runs, 1);
    assert_true(decision.resume);
    resume_decision_release(&decision);
}

static void test_the_limit_itself_still_resumes(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, 168 * hour)};
    struct resume_decision decision = decide(&request, runs, 1);
    assert_true(decision.resume);
    resume_decision_release(&decision);
}

static void test_differing_settings_are_told_one_by_one(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    request.execution_hash = "other";
    request.settings = "{\"filter\":\"x > 2\",\"table\":\"t\",\"new\":true}";
    struct resume_decision decision = decide(&request, runs, 1);
    assert_false(decision.resume);
    assert_non_null(strstr(buffer_string(&decision.explanation), "filter: \"x > 1\" -> \"x > 2\""));
    assert_non_null(strstr(buffer_string(&decision.explanation), "new: (absent) -> true"));
    assert_null(strstr(buffer_string(&decision.explanation), "table"));
    resume_decision_release(&decision);
}

static void test_run_of_other_sources_is_left_alone(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    runs[0].source_names = TEXT("c");
    runs[0].live = true; /* and does not stand in the way */
    struct resume_decision decision = decide(&request, runs, 1);
    assert_false(decision.resume);
    assert_non_null(strstr(buffer_string(&decision.explanation), "other sources: c"));
    resume_decision_release(&decision);
}

static void test_live_run_is_never_resumed(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    struct ledger_runs listed = {.list = runs, .count = 1};
    struct resume_decision decision;
    struct error error;
    runs[0].live = true;
    runs[0].owners = TEXT("host-1 (pid 17)");
    for (int given = 0; given < 3; given++) {
        request.no_resume = given == 1;
        request.run_id = given == 2 ? id_a : NULL;
        error_clear(&error);
        assert_false(resume_decide(&request, &listed, 1, &decision, &error));
        assert_non_null(strstr(error.message, "host-1 (pid 17)"));
    }
}

static void test_newest_progress_wins(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, 5 * hour), make_run(id_b, 2 * hour)};
    struct resume_decision decision = decide(&request, runs, 2);
    assert_string_equal(decision.run_id, id_b);
    resume_decision_release(&decision);
}

static void test_no_resume_begins_anew(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    request.no_resume = true;
    struct resume_decision decision = decide(&request, runs, 1);
    assert_false(decision.resume);
    assert_non_null(strstr(buffer_string(&decision.explanation), "--no-resume"));
    resume_decision_release(&decision);
}

static void test_asked_run_skips_age_and_hash(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, 5000 * hour)};
    request.execution_hash = "other";
    request.run_id = id_a;
    request.any_settings = true;
    struct resume_decision decision = decide(&request, runs, 1);
    assert_true(decision.resume);
    resume_decision_release(&decision);
}

static void test_asked_run_must_be_there(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    struct ledger_runs listed = {.list = runs, .count = 1};
    struct resume_decision decision;
    struct error error;
    request.run_id = id_b;
    assert_false(resume_decide(&request, &listed, 1, &decision, &error));
    assert_non_null(strstr(error.message, id_b));
}

/* Whoever comes late, to help or to resume, learns that it is done, even while its last owner has not left. */
static void test_asked_run_that_is_completed_is_nobodys_to_do(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    request.run_id = id_a;
    snprintf(runs[0].status, sizeof runs[0].status, "%s", "completed");
    for (int given = 0; given < 4; given++) {
        request.join = given % 2 == 1;
        runs[0].live = given / 2 == 1;
        struct resume_decision decision = decide(&request, runs, 1);
        assert_true(decision.completed);
        assert_false(decision.resume || decision.join);
        assert_string_equal(decision.run_id, id_a);
        resume_decision_release(&decision);
    }
}

static void test_run_completed_in_one_database_only_goes_on(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run first[] = {make_run(id_a, hour)}, second[] = {make_run(id_a, hour)};
    struct ledger_runs listed[] = {{.list = first, .count = 1}, {.list = second, .count = 1}};
    struct resume_decision decision;
    struct error error;
    request.run_id = id_a;
    snprintf(first[0].status, sizeof first[0].status, "%s", "completed");
    error_clear(&error);
    assert_true(resume_decide(&request, listed, 2, &decision, &error));
    assert_true(decision.resume && !decision.completed);
    resume_decision_release(&decision);
}

static void test_live_run_is_joined_on_request(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    runs[0].live = true;
    request.join = true;
    for (int by_id = 0; by_id < 2; by_id++) {
        request.run_id = by_id ? id_a : NULL;
        struct resume_decision decision = decide(&request, runs, 1);
        assert_true(decision.join);
        assert_false(decision.resume);
        assert_string_equal(decision.run_id, id_a);
        resume_decision_release(&decision);
    }
    /* An interrupted one is taken up instead. */
    runs[0].live = false;
    struct resume_decision decision = decide(&request, runs, 1);
    assert_true(decision.resume);
    assert_false(decision.join);
    resume_decision_release(&decision);
}

static void test_joining_needs_the_same_settings(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run runs[] = {make_run(id_a, hour)};
    struct ledger_runs listed = {.list = runs, .count = 1};
    struct resume_decision decision;
    struct error error;
    runs[0].live = true;
    request.join = true;
    request.execution_hash = "other";
    request.settings = "{\"filter\":\"x > 2\",\"table\":\"t\"}";
    for (int by_id = 0; by_id < 2; by_id++) {
        request.run_id = by_id ? id_a : NULL;
        error_clear(&error);
        assert_false(resume_decide(&request, &listed, 1, &decision, &error));
        assert_non_null(strstr(error.message, "filter: \"x > 1\" -> \"x > 2\""));
    }
}

static void test_a_run_id_from_outside_is_begun_once(void **state) {
    static const struct {
        const char *asked, *status, *sources;
        bool live, refused, completed, join, resume;
    } cases[] = {
        /* another run of the same sources, and its state */
        {id_b, "running", "a,b", .live = true, .refused = true},
        {id_b, "running", "a,b"},
        {id_b, "failed", "a,b"},
        {id_b, "completed", "a,b"},
        {id_b, "running", "c", .live = true},
        /* the run itself: somebody has begun it */
        {id_a, "running", "a,b", .live = true, .join = true},
        {id_a, "running", "a,b", .resume = true},
        {id_a, "partial", "a,b", .resume = true},
        {id_a, "completed", "a,b", .completed = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ledger_run runs[] = {make_run(id_a, hour)};
        struct ledger_runs listed = {.list = runs, .count = 1};
        struct resume_request request = make_request();
        struct resume_decision decision;
        struct error error;
        request.run_id = cases[i].asked;
        request.begin = request.join = true;
        snprintf(runs[0].status, sizeof runs[0].status, "%s", cases[i].status);
        runs[0].source_names = TEXT(cases[i].sources);
        runs[0].live = cases[i].live;
        error_clear(&error);
        assert_int_equal(resume_decide(&request, &listed, 1, &decision, &error), !cases[i].refused);
        if (cases[i].refused) {
            assert_string_equal(error.code, RESUME_LIVE); /* it is waited for */
            continue;
        }
        assert_string_equal(decision.run_id, cases[i].asked);
        assert_int_equal(decision.join, cases[i].join);
        assert_int_equal(decision.resume, cases[i].resume);
        assert_int_equal(decision.completed, cases[i].completed);
        resume_decision_release(&decision);
    }
}

static void test_databases_are_folded(void **state) {
    (void)state;
    struct resume_request request = make_request();
    struct ledger_run first[] = {make_run(id_a, 300 * hour)};
    struct ledger_run second[] = {make_run(id_a, hour)};
    struct ledger_runs listed[] = {{.list = first, .count = 1}, {.list = second, .count = 1}};
    struct resume_decision decision;
    struct error error;
    /* Progress in one database keeps the run alive in all. */
    assert_true(resume_decide(&request, listed, 2, &decision, &error));
    assert_true(decision.resume);
    assert_string_equal(decision.run_id, id_a);
    resume_decision_release(&decision);
    /* Live in one is live. */
    first[0].live = true;
    assert_false(resume_decide(&request, listed, 2, &decision, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invariant_08_old_run_with_recent_progress_resumes),
        cmocka_unit_test(test_invariant_08_idle_run_is_refused_with_its_age),
        cmocka_unit_test(test_the_limit_itself_still_resumes),
        cmocka_unit_test(test_differing_settings_are_told_one_by_one),
        cmocka_unit_test(test_run_of_other_sources_is_left_alone),
        cmocka_unit_test(test_live_run_is_never_resumed),
        cmocka_unit_test(test_newest_progress_wins),
        cmocka_unit_test(test_no_resume_begins_anew),
        cmocka_unit_test(test_asked_run_skips_age_and_hash),
        cmocka_unit_test(test_asked_run_must_be_there),
        cmocka_unit_test(test_asked_run_that_is_completed_is_nobodys_to_do),
        cmocka_unit_test(test_run_completed_in_one_database_only_goes_on),
        cmocka_unit_test(test_live_run_is_joined_on_request),
        cmocka_unit_test(test_joining_needs_the_same_settings),
        cmocka_unit_test(test_a_run_id_from_outside_is_begun_once),
        cmocka_unit_test(test_databases_are_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
