#include "run/deadline.h"

#include <stdlib.h>

#include "base/clock.h"
#include "run/stop.h"

/* How long before the deadline what is in hand is broken off. A rollback takes milliseconds, a driver that doesn't come back
 * from a cancel three seconds. */
static const int64_t least_margin_us = 2000000, most_margin_us = 10000000;
static const int64_t least_limit_us = 200000;

static bool read_seconds(const char **text, double *seconds) {
    char *end;
    *seconds = strtod(*text, &end);
    bool read = end != *text && *seconds >= 0 && *seconds < 1e6;
    *text = end;
    return read;
}

static bool read_variable(int64_t *deadline_us, int64_t *buffer_us, struct error *error) {
    const char *text = getenv("THAW_DEADLINE_SECONDS");
    const char *rest = text;
    double seconds = 0, buffer = 0;
    if (text == NULL || text[0] == '\0')
        return true;
    bool read = read_seconds(&rest, &seconds);
    if (read && *rest == ',') {
        rest++;
        read = read_seconds(&rest, &buffer);
    }
    if (!read || *rest != '\0')
        return error_set(error, ERROR_CONFIG,
                         "the environment variable THAW_DEADLINE_SECONDS must be SECONDS or SECONDS,BUFFER, not \"%s\"",
                         text);
    *deadline_us = clock_now_us() + (int64_t)(seconds * 1e6);
    *buffer_us = (int64_t)(buffer * 1e6);
    return true;
}

/* A fifth of the buffer, within limits; but never more than half of what is left, so that something can be done in it. */
int64_t run_margin_us(int64_t left_us, int64_t buffer_us) {
    int64_t margin_us = buffer_us / 5;
    if (margin_us < least_margin_us)
        margin_us = least_margin_us;
    if (margin_us > most_margin_us)
        margin_us = most_margin_us;
    return margin_us < left_us / 2 ? margin_us : left_us / 2;
}

bool deadline_set(struct run *run, struct error *error) {
    int64_t wall_us = run->options->deadline_us;
    int64_t buffer_us = run->options->buffer_us;
    if (wall_us == 0 && !read_variable(&wall_us, &buffer_us, error))
        return false;
    if (wall_us == 0)
        return true;
    int64_t left_us = wall_us - clock_now_us();
    if (left_us < 0)
        left_us = 0;
    int64_t margin_us = run_margin_us(left_us, buffer_us);
    /* 0 would be no deadline at all; the monotonic clock is past 0 wherever a process runs. */
    run->deadline_us = clock_monotonic_us() + left_us;
    run->close_us = run->deadline_us - (buffer_us > margin_us ? buffer_us : margin_us);
    run->cancel.at_us = run->deadline_us - margin_us;
    run->abandon_us = run->deadline_us - margin_us / 2;
    run->record_until_us = run->deadline_us - margin_us / 4;
    run->grace_us = margin_us / 8;
    return true;
}

bool deadline_closes(const struct run *run) {
    return run->deadline_us != 0 && clock_monotonic_us() >= run->close_us;
}

bool deadline_breaks_off(const struct run *run) {
    return run->deadline_us != 0 && clock_monotonic_us() >= run->cancel.at_us && !stop_requested();
}

bool deadline_abandons(const struct run *run) {
    return run->deadline_us != 0 && clock_monotonic_us() >= run->abandon_us;
}

bool run_is_ending(const struct run *run) {
    return atomic_load(&run->stopping) || stop_requested() || deadline_closes(run);
}

int64_t deadline_left_us(const struct run *run, int64_t most_us) {
    if (run->deadline_us == 0)
        return most_us;
    int64_t left_us = run->deadline_us - clock_monotonic_us();
    return left_us < 0 ? 0 : left_us < most_us ? left_us : most_us;
}

int64_t deadline_limit_us(const struct run *run, int64_t limit_us) {
    if (run->deadline_us == 0)
        return limit_us;
    int64_t left_us = run->record_until_us - clock_monotonic_us();
    if (left_us < least_limit_us)
        left_us = least_limit_us;
    return left_us < limit_us ? left_us : limit_us;
}
