/* Dates, times and timestamps: from Arrow's 1970 and four units to PostgreSQL's 2000 and microseconds.
 *
 * date_recv(), time_recv() and timestamp_recv() (src/backend/utils/adt/date.c, timestamp.c) round to the column's
 * fractional digits, so that is checked here.
 */
#include "encode/internal.h"

enum { NANOSECONDS = 1000 };

int64_t units_in_second(enum ArrowTimeUnit unit) {
    switch (unit) {
    case NANOARROW_TIME_UNIT_SECOND:
        return 1;
    case NANOARROW_TIME_UNIT_MILLI:
        return 1000;
    case NANOARROW_TIME_UNIT_MICRO:
        return 1000000;
    default:
        return 1000000000;
    }
}

int64_t temporal_raw(const struct encode_column *column, int64_t row) {
    if (column->source.type == NANOARROW_TYPE_DATE32 || column->source.type == NANOARROW_TYPE_TIME32)
        return ((const int32_t *)column->values)[row];
    return ((const int64_t *)column->values)[row];
}

/* DuckDB delivers 'infinity' as the largest integer, '-infinity' as its negation (duckdb 1.5: date32, and timestamps of
 * every unit). No other source has a date or a timestamp there that PostgreSQL could hold, but for nanoseconds:
 * 2262-04-11 23:47:16.854775807 is a common stand-in for "for ever" too. */
bool temporal_is_infinity(const struct encode_source *source, int64_t raw, bool *negative) {
    int64_t largest = source->type == NANOARROW_TYPE_DATE32 ? INT32_MAX : INT64_MAX;
    bool has_infinity = source->type == NANOARROW_TYPE_DATE32 ||
                        (source->type == NANOARROW_TYPE_TIMESTAMP && source->unit != NANOARROW_TIME_UNIT_NANO);
    *negative = raw < 0;
    return has_infinity && (raw == largest || raw == -largest);
}

bool temporal_infinity_is_unclear(const struct encode_source *source, int64_t raw) {
    return source->type == NANOARROW_TYPE_TIMESTAMP && source->unit == NANOARROW_TIME_UNIT_NANO &&
           (raw == INT64_MAX || raw == -INT64_MAX);
}

static inline uint8_t *put_date(struct encode_column *column, int64_t days, uint8_t *out) {
    int64_t value = days - PG_EPOCH_DAYS;
    if (value < PG_MINIMUM_DATE || value >= PG_END_DATE)
        return fail(column, PROBLEM_DATE_RANGE);
    store_32(out, 4);
    store_32(out + 4, (uint32_t)value);
    return out + 8;
}

static inline uint8_t *put_infinite_date(bool negative, uint8_t *out) {
    store_32(out, 4);
    store_32(out + 4, (uint32_t)(negative ? INT32_MIN : INT32_MAX));
    return out + 8;
}

static inline uint8_t *put_infinite_timestamp(bool negative, uint8_t *out) {
    store_32(out, 8);
    store_64(out + 4, (uint64_t)(negative ? INT64_MIN : INT64_MAX));
    return out + 12;
}

/* To a multiple of the column's unit, half away from PostgreSQL's zero, as AdjustTimestampForTypmod() and
 * AdjustTimeForTypmod() do. */
static int64_t round_to_unit(const struct encode_column *column, int64_t value) {
    int64_t unit = column->fraction_unit;
    int64_t rest = value % unit;
    value -= rest;
    return rest >= unit / 2 ? value + unit : -rest >= unit / 2 ? value - unit : value;
}

/* Nanoseconds to the nearest microsecond, half to even: what rint() makes of the fraction in ParseFractionalSecond(). */
static int64_t round_nanoseconds(int64_t raw) {
    int64_t microseconds = floor_divide(raw, NANOSECONDS);
    int64_t rest = raw - microseconds * NANOSECONDS;
    bool up = rest > NANOSECONDS / 2 || (rest == NANOSECONDS / 2 && microseconds % 2 != 0);
    return microseconds + (up ? 1 : 0);
}

/* `value` in PostgreSQL's own count. */
static inline uint8_t *put_timestamp(struct encode_column *column, int64_t row, int64_t value, uint8_t *out) {
    if (value < PG_MINIMUM_TIMESTAMP || value >= PG_END_TIMESTAMP)
        return fail(column, PROBLEM_DATE_RANGE);
    if (column->fraction_unit != 1 && value % column->fraction_unit != 0) {
        if (!may_round(column, row, PROBLEM_SECOND_FRACTION))
            return NULL;
        value = round_to_unit(column, value);
    }
    store_32(out, 8);
    store_64(out + 4, (uint64_t)value);
    return out + 12;
}

static inline uint8_t *put_time(struct encode_column *column, int64_t row, int64_t microseconds, uint8_t *out) {
    /* 24:00:00 is a time in PostgreSQL, and in DuckDB. */
    if (microseconds < 0 || microseconds > US_PER_DAY)
        return fail(column, PROBLEM_TIME_RANGE);
    if (column->fraction_unit != 1 && microseconds % column->fraction_unit != 0) {
        if (!may_round(column, row, PROBLEM_SECOND_FRACTION))
            return NULL;
        microseconds = round_to_unit(column, microseconds);
    }
    store_32(out, 8);
    store_64(out + 4, (uint64_t)microseconds);
    return out + 12;
}

/* Units that are whole microseconds, many of them or one. PostgreSQL's last years are beyond what 64 bits count in microseconds
 * from 1970, so its epoch is taken off first. */
static inline uint8_t *put_multiple(struct encode_column *column, int64_t row, int64_t raw, int64_t multiple,
                                    uint8_t *out) {
    int64_t value;
    if (__builtin_sub_overflow(raw, PG_EPOCH_US / multiple, &value) || __builtin_mul_overflow(value, multiple, &value))
        return fail(column, PROBLEM_DATE_RANGE);
    return put_timestamp(column, row, value, out);
}

#define TIMESTAMP_TO_TIMESTAMP(unit, microseconds)                                                                     \
    static uint8_t *unit##_to_timestamp(struct encode_column *column, int64_t row, uint8_t *out) {                     \
        int64_t raw = ((const int64_t *)column->values)[row];                                                          \
        if (__builtin_expect(raw == INT64_MAX || raw == -INT64_MAX, 0))                                                \
            return put_infinite_timestamp(raw < 0, out);                                                               \
        return put_multiple(column, row, raw, microseconds, out);                                                      \
    }
TIMESTAMP_TO_TIMESTAMP(seconds, 1000000)
TIMESTAMP_TO_TIMESTAMP(milliseconds, 1000)
TIMESTAMP_TO_TIMESTAMP(microseconds, 1)

static uint8_t *nanoseconds_to_timestamp(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t raw = ((const int64_t *)column->values)[row];
    if (temporal_infinity_is_unclear(&column->source, raw))
        return fail(column, PROBLEM_UNCLEAR_INFINITY);
    if (raw % NANOSECONDS != 0 && !may_round(column, row, PROBLEM_SECOND_FRACTION))
        return NULL;
    return put_timestamp(column, row, round_nanoseconds(raw) - PG_EPOCH_US, out);
}

static uint8_t *date32_to_timestamp(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t days = ((const int32_t *)column->values)[row];
    bool negative;
    if (temporal_is_infinity(&column->source, days, &negative))
        return put_infinite_timestamp(negative, out);
    return put_multiple(column, row, days, US_PER_DAY, out);
}

static uint8_t *date64_to_timestamp(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_multiple(column, row, ((const int64_t *)column->values)[row], 1000, out);
}

static uint8_t *date32_to_date(struct encode_column *column, int64_t row, uint8_t *out) {
    int32_t days = ((const int32_t *)column->values)[row];
    if (__builtin_expect(days == INT32_MAX || days == -INT32_MAX, 0))
        return put_infinite_date(days < 0, out);
    return put_date(column, days, out);
}

/* date64 counts milliseconds. */
static uint8_t *date64_to_date(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t raw = ((const int64_t *)column->values)[row];
    if (raw % (US_PER_DAY / 1000) != 0)
        return fail(column, PROBLEM_TIME_OF_DAY);
    return put_date(column, raw / (US_PER_DAY / 1000), out);
}

static uint8_t *timestamp_to_date(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t raw = ((const int64_t *)column->values)[row];
    int64_t units_in_day = 86400 * units_in_second(column->source.unit);
    bool negative;
    if (temporal_is_infinity(&column->source, raw, &negative))
        return put_infinite_date(negative, out);
    if (temporal_infinity_is_unclear(&column->source, raw))
        return fail(column, PROBLEM_UNCLEAR_INFINITY);
    if (raw % units_in_day != 0)
        return fail(column, PROBLEM_TIME_OF_DAY);
    return put_date(column, raw / units_in_day, out);
}

/* Arrow has time32 in s and ms, time64 in us and ns. */
static uint8_t *time32_to_time(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t raw = ((const int32_t *)column->values)[row];
    return put_time(column, row, raw * (1000000 / units_in_second(column->source.unit)), out);
}

static uint8_t *microseconds_to_time(struct encode_column *column, int64_t row, uint8_t *out) {
    return put_time(column, row, ((const int64_t *)column->values)[row], out);
}

static uint8_t *nanoseconds_to_time(struct encode_column *column, int64_t row, uint8_t *out) {
    int64_t raw = ((const int64_t *)column->values)[row];
    if (raw % NANOSECONDS == 0)
        return put_time(column, row, raw / NANOSECONDS, out);
    return may_round(column, row, PROBLEM_SECOND_FRACTION) ? put_time(column, row, round_nanoseconds(raw), out) : NULL;
}

static encode_write timestamp_writer(const struct encode_source *source) {
    switch (source->type) {
    case NANOARROW_TYPE_DATE32:
        return date32_to_timestamp;
    case NANOARROW_TYPE_DATE64:
        return date64_to_timestamp;
    case NANOARROW_TYPE_TIMESTAMP:
        switch (source->unit) {
        case NANOARROW_TIME_UNIT_SECOND:
            return seconds_to_timestamp;
        case NANOARROW_TIME_UNIT_MILLI:
            return milliseconds_to_timestamp;
        case NANOARROW_TIME_UNIT_MICRO:
            return microseconds_to_timestamp;
        default:
            return nanoseconds_to_timestamp;
        }
    default:
        return NULL;
    }
}

static encode_write date_writer(const struct encode_source *source) {
    switch (source->type) {
    case NANOARROW_TYPE_DATE32:
        return date32_to_date;
    case NANOARROW_TYPE_DATE64:
        return date64_to_date;
    case NANOARROW_TYPE_TIMESTAMP:
        return timestamp_to_date;
    default:
        return NULL;
    }
}

static encode_write time_writer(const struct encode_source *source) {
    if (source->type == NANOARROW_TYPE_TIME32)
        return time32_to_time;
    if (source->type == NANOARROW_TYPE_TIME64)
        return source->unit == NANOARROW_TIME_UNIT_MICRO ? microseconds_to_time : nanoseconds_to_time;
    return NULL;
}

encode_write temporal_writer(const struct encode_source *source, uint32_t type_oid) {
    switch (type_oid) {
    case PG_DATE:
        return date_writer(source);
    case PG_TIME:
        return time_writer(source);
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        return timestamp_writer(source);
    default:
        return NULL;
    }
}
