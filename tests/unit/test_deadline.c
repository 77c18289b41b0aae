/* The arithmetic of a process that must have answered by a certain time, and of the one that waits for another's time to be over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "run/begin.h"
#include "run/deadline.h"

enum { SECOND = 1000000 };

static void what_is_in_hand_is_broken_off_in_time(void **state) {
    static const struct {
        const char *id;
        int64_t left_us, buffer_us, margin_us;
    } cases[] = {
        {"Lambda's longest", 900 * SECOND, 120 * SECOND, 10 * SECOND},
        {"a fifth of the buffer", 300 * SECOND, 30 * SECOND, 6 * SECOND},
        {"at least two seconds", 60 * SECOND, 5 * SECOND, 2 * SECOND},
        {"no buffer", 60 * SECOND, 0, 2 * SECOND},
        {"at most ten seconds", 900 * SECOND, 300 * SECOND, 10 * SECOND},
        {"half of what is left", 3 * SECOND, 2 * SECOND, 3 * SECOND / 2},
        {"just twice the least", 4 * SECOND, 2 * SECOND, 2 * SECOND},
        {"nothing is left", 0, 120 * SECOND, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t margin_us = run_margin_us(cases[i].left_us, cases[i].buffer_us);
        if (margin_us != cases[i].margin_us)
            fail_msg("%s: %lld us", cases[i].id, (long long)margin_us);
    }
}

/* Is `at_us` this far from now, give or take what the test itself takes? */
static void assert_about(int64_t at_us, int64_t left_us) {
    int64_t seen = at_us - clock_monotonic_us();
    if (seen > left_us || seen < left_us - SECOND / 2)
        fail_msg("%lld us from now, not %lld", (long long)seen, (long long)left_us);
}

static void the_steps_come_in_their_order(void **state) {
    struct run_options options = {.deadline_us = clock_now_us() + 100 * SECOND, .buffer_us = 40 * SECOND};
    struct run run = {.options = &options};
    struct error error = {0};
    (void)state;
    assert_true(deadline_set(&run, &error));
    assert_about(run.deadline_us, 100 * SECOND);
    assert_about(run.close_us, 60 * SECOND);
    assert_about(run.cancel.at_us, 92 * SECOND);
    assert_about(run.abandon_us, 96 * SECOND);
    assert_about(run.record_until_us, 98 * SECOND);
    assert_int_equal(run.grace_us, SECOND);
    assert_false(deadline_closes(&run) || deadline_breaks_off(&run) || deadline_abandons(&run));
    assert_about(clock_monotonic_us() + deadline_left_us(&run, 200 * SECOND), 100 * SECOND);
    assert_int_equal(deadline_left_us(&run, 30 * SECOND), 30 * SECOND);
    assert_int_equal(deadline_limit_us(&run, 5 * SECOND), 5 * SECOND);
    assert_about(clock_monotonic_us() + deadline_limit_us(&run, 500 * SECOND), 98 * SECOND);
}

static void each_step_takes_effect_when_its_time_has_come(void **state) {
    static const struct {
        const char *id;
        int64_t left_us;
        bool closes, breaks_off, abandons;
    } cases[] = {
        {"in good time", 50 * SECOND, false, false, false},
        {"nothing new", 39 * SECOND, true, false, false},
        {"broken off", 7 * SECOND, true, true, false},
        {"left behind", 3 * SECOND, true, true, true},
        {"over", -SECOND, true, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_options options = {.deadline_us = clock_now_us() + 100 * SECOND, .buffer_us = 40 * SECOND};
        struct run run = {.options = &options};
        struct error error = {0};
        int64_t passed_us = 100 * SECOND - cases[i].left_us;
        assert_true(deadline_set(&run, &error));
        run.deadline_us -= passed_us;
        run.close_us -= passed_us;
        run.cancel.at_us -= passed_us;
        run.abandon_us -= passed_us;
        run.record_until_us -= passed_us;
        if (deadline_closes(&run) != cases[i].closes || deadline_breaks_off(&run) != cases[i].breaks_off ||
            deadline_abandons(&run) != cases[i].abandons || run_is_ending(&run) != cases[i].closes)
            fail_msg("%s", cases[i].id);
        assert_true(deadline_left_us(&run, 30 * SECOND) >= 0);
        assert_true(deadline_limit_us(&run, SECOND) > 0); /* 0 would be no limit at all */
    }
}

static void without_a_deadline_nothing_is_limited(void **state) {
    struct run_options options = {.buffer_us = 120 * SECOND};
    struct run run = {.options = &options};
    struct error error = {0};
    (void)state;
    unsetenv("THAW_DEADLINE_SECONDS");
    assert_true(deadline_set(&run, &error));
    assert_int_equal(run.deadline_us, 0);
    assert_int_equal(run.cancel.at_us, 0);
    assert_false(deadline_closes(&run) || deadline_breaks_off(&run) || deadline_abandons(&run) || run_is_ending(&run));
    assert_int_equal(deadline_left_us(&run, 30 * SECOND), 30 * SECOND);
    assert_int_equal(deadline_limit_us(&run, 7), 7);
}

static void the_variable_counts_where_no_option_does(void **state) {
    struct run_options options = {0};
    struct error error = {0};
    (void)state;
    setenv("THAW_DEADLINE_SECONDS", "10.5,4", 1);
    struct run run = {.options = &options};
    assert_true(deadline_set(&run, &error));
    assert_about(run.deadline_us, 10 * SECOND + SECOND / 2);
    assert_about(run.close_us, 6 * SECOND + SECOND / 2);
    options.deadline_us = clock_now_us() + 100 * SECOND;
    run = (struct run){.options = &options};
    assert_true(deadline_set(&run, &error));
    assert_about(run.deadline_us, 100 * SECOND);
    unsetenv("THAW_DEADLINE_SECONDS");
}

static void who_waits_for_a_live_run(void **state) {
    static const struct {
        const char *id;
        int64_t waited_us, owned_us;
        bool waits;
    } cases[] = {
        {"it may just be ending", SECOND, 30 * SECOND, true},
        {"it has time", 11 * SECOND, 27 * SECOND, false},
        {"it has little time", 11 * SECOND, 19 * SECOND, true},
        {"its time is nearly over", 29 * SECOND, SECOND, true},
        {"its time is over and it is being ended", 29 * SECOND, -SECOND, true},
        {"it can't be ended", 29 * SECOND, -3 * SECOND, false},
        {"it has no deadline", 11 * SECOND, INT64_MIN, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (begin_waits(cases[i].waited_us, cases[i].owned_us) != cases[i].waits)
            fail_msg("%s", cases[i].id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_hand_is_broken_off_in_time),
        cmocka_unit_test(the_steps_come_in_their_order),
        cmocka_unit_test(each_step_takes_effect_when_its_time_has_come),
        cmocka_unit_test(without_a_deadline_nothing_is_limited),
        cmocka_unit_test(the_variable_counts_where_no_option_does),
        cmocka_unit_test(who_waits_for_a_live_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
