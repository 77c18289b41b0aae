/* Time: all of it UTC, microseconds since 1970 in an int64_t, unless a name says otherwise. */
#ifndef THAW_BASE_CLOCK_H
#define THAW_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_now_us(void);       /* wall clock */
int64_t clock_monotonic_us(void); /* for durations; never steps back */
void clock_sleep_ms(int64_t milliseconds);

/* "YYYY-MM-DD HH:MM:SS" into a buffer of at least 20 bytes. */
void clock_format_seconds(int64_t time_us, char *text, size_t size);
/* "YYYY-MM-DDTHH:MM:SS.mmmZ" into a buffer of at least 25 bytes. */
void clock_format_iso(int64_t time_us, char *text, size_t size);
/* "3 h 12 min", "4.2 s", ...: a duration for people; at least 32 bytes. */
void clock_format_duration(int64_t duration_us, char *text, size_t size);

#endif
