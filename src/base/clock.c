#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_us(void) {
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void) {
    return read_clock(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t milliseconds) {
    struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static void broken_down(int64_t time_us, struct tm *parts, int *milliseconds) {
    int64_t seconds = time_us / 1000000;
    int64_t fraction = time_us % 1000000;
    if (fraction < 0) {
        fraction += 1000000;
        seconds--;
    }
    time_t time = (time_t)seconds;
    gmtime_r(&time, parts);
    *milliseconds = (int)(fraction / 1000);
}

void clock_format_seconds(int64_t time_us, char *text, size_t size) {
    struct tm parts;
    int milliseconds;
    broken_down(time_us, &parts, &milliseconds);
    strftime(text, size, "%Y-%m-%d %H:%M:%S", &parts);
}

void clock_format_iso(int64_t time_us, char *text, size_t size) {
    struct tm parts;
    int milliseconds;
    char seconds[24];
    broken_down(time_us, &parts, &milliseconds);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, size, "%s.%03dZ", seconds, milliseconds);
}

void clock_format_duration(int64_t duration_us, char *text, size_t size) {
    int64_t seconds = duration_us / 1000000;
    if (seconds < 60)
        snprintf(text, size, "%.1f s", (double)duration_us / 1e6);
    else if (seconds < 3600)
        snprintf(text, size, "%d min %d s", (int)(seconds / 60), (int)(seconds % 60));
    else if (seconds < 48 * 3600)
        snprintf(text, size, "%d h %d min", (int)(seconds / 3600), (int)(seconds % 3600 / 60));
    else
        snprintf(text, size, "%d days %d h", (int)(seconds / 86400), (int)(seconds % 86400 / 3600));
}
