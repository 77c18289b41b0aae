/* Intervals and durations: months, days and a time, as PostgreSQL keeps them. */
#include "encode/internal.h"

#include <string.h>

/* interval's modifier: the fields above, the fractional digits of its seconds below (src/include/utils/timestamp.h). */
enum { FULL_RANGE = 0x7FFF, FULL_PRECISION = 0xFFFF };
/* Bits of the fields: src/include/utils/datetime.h, INTERVAL_MASK() of MONTH, YEAR, DAY, HOUR, MINUTE, SECOND. */
enum { MONTH = 1 << 1, YEAR = 1 << 2, DAY = 1 << 3, HOUR = 1 << 10, MINUTE = 1 << 11, SECOND = 1 << 12 };

static int range_of(int32_t type_modifier) {
    return type_modifier < 0 ? FULL_RANGE : (int)((uint32_t)type_modifier >> 16 & FULL_RANGE);
}

bool interval_has_all_fields(int32_t type_modifier) {
    int range = range_of(type_modifier);
    return range == FULL_RANGE || (range & SECOND) != 0;
}

int interval_precision(int32_t type_modifier) {
    int precision = type_modifier < 0 ? FULL_PRECISION : (int)((uint32_t)type_modifier & 0xFFFF);
    return precision < 6 ? precision : 6;
}

bool source_interval(const struct encode_column *column, int64_t row, struct interval *interval) {
    const uint8_t *value = column->values + row * column->value_width;
    int32_t parts[2];
    int64_t units;
    *interval = (struct interval){0};
    switch (column->source.type) {
    case NANOARROW_TYPE_INTERVAL_MONTHS:
        memcpy(&interval->months, value, 4);
        return true;
    case NANOARROW_TYPE_INTERVAL_DAY_TIME:
        memcpy(parts, value, sizeof parts);
        interval->days = parts[0];
        interval->nanoseconds = parts[1] * INT64_C(1000000);
        return true;
    case NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO:
        memcpy(&interval->months, value, 4);
        memcpy(&interval->days, value + 4, 4);
        memcpy(&interval->nanoseconds, value + 8, 8);
        return true;
    default:
        memcpy(&units, value, 8);
        return !__builtin_mul_overflow(units, 1000000000 / units_in_second(column->source.unit),
                                       &interval->nanoseconds);
    }
}

/* What AdjustIntervalForTypmod() in timestamp.c would drop: everything below the last field. */
static bool has_smaller_parts(const struct interval *interval, int range) {
    const int64_t minute = INT64_C(60000000000);
    if ((range & SECOND) != 0)
        return false;
    if ((range & MINUTE) != 0)
        return interval->nanoseconds % minute != 0;
    if ((range & HOUR) != 0)
        return interval->nanoseconds % (60 * minute) != 0;
    if (interval->nanoseconds != 0)
        return true;
    if ((range & DAY) != 0)
        return false;
    if (interval->days != 0)
        return true;
    return (range & MONTH) == 0 && interval->months % 12 != 0;
}

/* Half away from zero, as AdjustIntervalForTypmod() rounds. */
static int64_t round_to(int64_t value, int64_t unit) {
    int64_t rest = value % unit;
    if (rest >= (unit + 1) / 2)
        return value - rest + unit;
    if (-rest >= (unit + 1) / 2)
        return value - rest - unit;
    return value - rest;
}

static uint8_t *put_interval(struct encode_column *column, int64_t row, const struct interval *interval, uint8_t *out) {
    int64_t unit = 1000 * (int64_t)power_of_ten(6 - interval_precision(column->target->type_modifier));
    int64_t nanoseconds = interval->nanoseconds;
    if (has_smaller_parts(interval, range_of(column->target->type_modifier)))
        return fail(column, PROBLEM_INTERVAL_FIELDS);
    if (nanoseconds % unit != 0) {
        if (!may_round(column, row, PROBLEM_SECOND_FRACTION))
            return NULL;
        /* To microseconds first, as the input function does, then to the column's digits. */
        nanoseconds = round_to(round_to(nanoseconds, 1000), unit);
    }
    store_32(out, 16);
    store_64(out + 4, (uint64_t)(nanoseconds / 1000));
    store_32(out + 12, (uint32_t)interval->days);
    store_32(out + 16, (uint32_t)interval->months);
    return out + 20;
}

static uint8_t *interval_to_interval(struct encode_column *column, int64_t row, uint8_t *out) {
    struct interval interval;
    if (!source_interval(column, row, &interval))
        return fail(column, PROBLEM_INTERVAL_RANGE);
    return put_interval(column, row, &interval, out);
}

encode_write interval_writer(const struct encode_source *source) {
    return source_is_interval(source->type) ? interval_to_interval : NULL;
}

static size_t put_number(char *text, int64_t value) {
    return format_decimal(text, value, 0);
}

/* "-1 years", "+3 days": EncodeInterval() in src/backend/utils/adt/datetime.c. A part behind a negative one says its sign. */
static size_t put_part(char *text, int64_t value, const char *unit, bool *first, bool *after_negative) {
    size_t length = 0;
    if (value == 0)
        return 0;
    if (!*first)
        text[length++] = ' ';
    if (*after_negative && value > 0)
        text[length++] = '+';
    length += put_number(text + length, value);
    text[length++] = ' ';
    memcpy(text + length, unit, strlen(unit));
    length += strlen(unit);
    if (value != 1)
        text[length++] = 's';
    *first = false;
    *after_negative = value < 0;
    return length;
}

/* The time with any number of hours. `nanoseconds` are those below the microseconds, of the same sign. */
static size_t put_clock(char *text, uint64_t microseconds, unsigned nanoseconds) {
    uint64_t hours = microseconds / 3600000000U;
    size_t length = 0;
    if (hours < 10)
        text[length++] = '0';
    length += put_number(text + length, (int64_t)hours);
    /* The rest is a time of day, whose hours are cut off. */
    char rest[FORMAT_SIZE];
    size_t size = format_time(rest, (int64_t)(microseconds % 3600000000U) * 1000 + nanoseconds);
    memcpy(text + length, rest + 2, size - 2);
    return length + size - 2;
}

size_t format_interval(char *text, int32_t months, int32_t days, int64_t microseconds, int nanoseconds) {
    bool first = true;
    bool after_negative = false;
    bool negative = microseconds < 0 || nanoseconds < 0;
    size_t length = put_part(text, months / 12, "year", &first, &after_negative);
    length += put_part(text + length, months % 12, "mon", &first, &after_negative);
    length += put_part(text + length, days, "day", &first, &after_negative);
    if (!first && microseconds == 0 && nanoseconds == 0)
        return length;
    if (!first)
        text[length++] = ' ';
    if (negative)
        text[length++] = '-';
    else if (after_negative)
        text[length++] = '+';
    return length + put_clock(text + length, negative ? -(uint64_t)microseconds : (uint64_t)microseconds,
                              (unsigned)(negative ? -nanoseconds : nanoseconds));
}
