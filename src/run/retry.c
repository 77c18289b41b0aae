#include "run/retry.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "run/deadline.h"

int retry_delay_seconds(int attempt) {
    int seconds = 4;
    for (int i = 1; i < attempt && seconds < 60; i++)
        seconds *= 2;
    return seconds > 60 ? 60 : seconds;
}

/* From three quarters to five quarters, so that workers that failed together don't come back together. */
static int64_t with_jitter_ms(int seconds) {
    uint16_t noise = 0;
    int64_t milliseconds = (int64_t)seconds * 1000;
    if (getrandom(&noise, sizeof noise, 0) != sizeof noise)
        return milliseconds;
    return milliseconds * 3 / 4 + milliseconds * noise / (2 * (int64_t)UINT16_MAX);
}

bool retry_wait(struct run *run, int attempt) {
    int64_t until = clock_monotonic_us() + with_jitter_ms(retry_delay_seconds(attempt)) * run->retry_scale_percent * 10;
    while (clock_monotonic_us() < until) {
        if (run_is_ending(run) || cancel_requested(&run->cancel))
            return false;
        clock_sleep_ms(50);
    }
    return !run_is_ending(run);
}
