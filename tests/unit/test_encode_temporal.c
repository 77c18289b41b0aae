/* Dates, times and timestamps. Decoded fields are PostgreSQL's integers: days and microseconds since 2000-01-01. */
#include "encode_fixture.h"

static void dates(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"tdD", "0", PG_DATE, -1, "-10957"},
        {"tdD", "10957", PG_DATE, -1, "0"},
        {"tdD", "2147483647", PG_DATE, -1, "2147483647"},   /* DuckDB's infinity, PostgreSQL's infinity */
        {"tdD", "-2147483647", PG_DATE, -1, "-2147483648"}, /* and the other one */
        {"tdD", "-2147483648", PG_DATE, -1, "!PostgreSQL's calendar ends before it"},
        {"tdD", "-2440588", PG_DATE, -1, "-2451545"}, /* 4714-11-24 BC, PostgreSQL's first day */
        {"tdD", "-2440589", PG_DATE, -1, "!value 4714-11-23 BC doesn't fit"},
        {"tdD", "2145042905", PG_DATE, -1, "2145031948"}, /* 5874897-12-31, its last */
        {"tdD", "2145042906", PG_DATE, -1, "!value 5874898-01-01 doesn't fit"},
        {"tdm", "-86400000", PG_DATE, -1, "-10958"},
        {"tdm", "86400001", PG_DATE, -1, "!value 1970-01-02 00:00:00.001 doesn't fit: it isn't midnight"},
        {"tdm", "86400001", PG_TIMESTAMP, -1, "-946598399999000"},
        {"tdD", "1", PG_TIMESTAMP, -1, "-946598400000000"},
        {"tdD", "1", PG_TIMESTAMPTZ, -1, "-946598400000000"},
        {"tdD", "2147483647", PG_TIMESTAMP, -1, "9223372036854775807"},
        {"tdD", "-2147483647", PG_TIMESTAMPTZ, -1, "-9223372036854775808"},
        {"tdD", "2147483646", PG_TIMESTAMP, -1, "!PostgreSQL's calendar ends"},
        {"tdD", "-2440588", PG_TIMESTAMP, -1, "-211813488000000000"},
        {"tdD", "-2440589", PG_TIMESTAMP, -1, "!PostgreSQL's calendar ends"},
        {"tdD", "20484", PG_TEXT, -1, "2026-01-31"},
        {"tdD", "-719162", PG_TEXT, -1, "0001-01-01"},
        {"tdD", "-719163", PG_TEXT, -1, "0001-12-31 BC"},
        {"tdD", "-719529", PG_TEXT, -1, "0002-12-31 BC"},
        {"tdD", "2932897", PG_TEXT, -1, "10000-01-01"},
        {"tdD", "11016", PG_TEXT, -1, "2000-02-29"},
        {"tdD", "2147483647", PG_TEXT, -1, "infinity"},
        {"tdD", "-2147483648", PG_TEXT, -1, "5877642-06-23 BC"},
        {"tdm", "86400000", PG_TEXT, -1, "1970-01-02"},
    };
    EXPECT_EACH(list);
}

static void times(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"tts", "86399", PG_TIME, -1, "86399000000"},
        {"ttm", "1", PG_TIME, -1, "1000"},
        {"ttu", "86400000000", PG_TIME, -1, "86400000000"},
        {"ttu", "86400000001", PG_TIME, -1, "!is no time of day"},
        {"ttu", "-1", PG_TIME, -1, "!is no time of day"},
        {"ttn", "1000", PG_TIME, -1, "1"},
        {"ttn", "1001", PG_TIME, -1, "!value 00:00:00.000001001 doesn't fit: more digits after the second"},
        {"ttu", "1500000", PG_TIME, 1, "1500000"},
        {"ttu", "1500000", PG_TIME, 0, "!value 00:00:01.5 doesn't fit: more digits after the second"},
        {"ttu", "1500001", PG_TIME, 6, "1500001"},
        {"ttn", "45296789000000", PG_TEXT, -1, "12:34:56.789"},
        {"ttn", "45296000000001", PG_TEXT, -1, "12:34:56.000000001"},
        {"ttu", "86400000000", PG_TEXT, -1, "24:00:00"},
        {"ttu", "-1", PG_TEXT, -1, "!is no time of day"},
        {"tts", "0", PG_TEXT, -1, "00:00:00"},
    };
    EXPECT_EACH(list);
}

static void timestamps(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"tsu:", "0", PG_TIMESTAMP, -1, "-946684800000000"},
        {"tsu:", "-1", PG_TIMESTAMP, -1, "-946684800000001"},
        {"tsu:UTC", "946684800000001", PG_TIMESTAMPTZ, -1, "1"},
        {"tsu:Europe/Berlin", "946684800000001", PG_TIMESTAMP, -1, "1"}, /* an instant is counted in UTC */
        {"tsu:", "946684800000001", PG_TIMESTAMPTZ, -1, "1"},
        {"tss:", "-1", PG_TIMESTAMP, -1, "-946684801000000"},
        {"tsm:", "-1", PG_TIMESTAMP, -1, "-946684800001000"},
        {"tsn:", "-1000", PG_TIMESTAMP, -1, "-946684800000001"},
        {"tsn:", "-1", PG_TIMESTAMP, -1,
         "!value 1969-12-31 23:59:59.999999999 doesn't fit: more digits after the second"},
        {"tsn:UTC", "1500", PG_TIMESTAMPTZ, -1, "!value 1970-01-01 00:00:00.0000015+00 doesn't fit"},
        {"tsn:", "-1500", PG_TIMESTAMP, -1, "!value 1969-12-31 23:59:59.9999985 doesn't fit"},
        {"tsu:", "1500000", PG_TIMESTAMP, 0, "!value 1970-01-01 00:00:01.5 doesn't fit"},
        {"tsu:", "1500000", PG_TIMESTAMP, 1, "-946684798500000"},
        {"tsu:", "-500000", PG_TIMESTAMP, 0, "!value 1969-12-31 23:59:59.5 doesn't fit"},
        {"tsu:", "-1000000", PG_TIMESTAMP, 0, "-946684801000000"},
        {"tsu:", "9223372036854775807", PG_TIMESTAMP, -1, "9223372036854775807"},
        {"tsu:", "-9223372036854775807", PG_TIMESTAMPTZ, 3, "-9223372036854775808"},
        {"tsu:", "9223372036854775806", PG_TIMESTAMP, -1, "9222425352054775806"},
        {"tsu:", "-210866803200000000", PG_TIMESTAMP, -1, "-211813488000000000"}, /* 4714-11-24 BC */
        {"tsu:", "-210866803200000001", PG_TIMESTAMP, -1, "!value 4714-11-23 23:59:59.999999 BC doesn't fit"},
        {"tsu:", "-9223372036854775808", PG_TIMESTAMP, -1, "!PostgreSQL's calendar ends"},
        {"tss:", "9223372036854775807", PG_TIMESTAMP, -1, "9223372036854775807"},
        {"tss:", "9223372036855", PG_TIMESTAMP, -1, "9222425352055000000"},
        {"tss:", "9224318015999", PG_TIMESTAMP, -1, "9223371331199000000"}, /* the last second of 294276 */
        {"tss:", "9224318016000", PG_TIMESTAMP, -1, "!PostgreSQL's calendar ends"},
        {"tsm:", "9224318016000000", PG_TIMESTAMP, -1, "!PostgreSQL's calendar ends"},
        {"tdD", "106762940", PG_TIMESTAMP, -1, "!PostgreSQL's calendar ends"},
        {"tdD", "106762939", PG_TIMESTAMP, -1, "9223371244800000000"},
        {"tss:", "9223372036854", PG_TIMESTAMP, -1, "9222425352054000000"},
        {"tsm:", "-9223372036854775807", PG_TIMESTAMP, -1, "-9223372036854775808"},
        {"tsm:", "9223372036854776", PG_TIMESTAMP, -1, "9222425352054776000"},
        {"tsn:", "9223372036854775807", PG_TIMESTAMP, -1, "!is either infinity or the last nanosecond"},
        {"tsn:", "-9223372036854775807", PG_DATE, -1, "!is either infinity or the last nanosecond"},
        {"tsn:", "9223372036854775807", PG_TEXT, -1, "!is either infinity or the last nanosecond"},
        {"tsu:", "-86400000000", PG_DATE, -1, "-10958"},
        {"tsn:UTC", "86400000000000", PG_DATE, -1, "-10956"},
        {"tsu:", "-1", PG_DATE, -1, "!value 1969-12-31 23:59:59.999999 doesn't fit: it isn't midnight"},
        {"tsn:", "1", PG_DATE, -1, "!it isn't midnight"},
        {"tsu:", "9223372036854775807", PG_DATE, -1, "2147483647"},
        {"tsm:", "-9223372036854775807", PG_DATE, -1, "-2147483648"},
        {"tss:", "-9223372036854775808", PG_DATE, -1, "!doesn't fit"},
        {"tsu:", "0", PG_TEXT, -1, "1970-01-01 00:00:00"},
        {"tsu:UTC", "-1", PG_TEXT, -1, "1969-12-31 23:59:59.999999+00"},
        {"tsu:UTC", "-62135596800000001", PG_TEXT, -1, "0001-12-31 23:59:59.999999+00 BC"},
        {"tsn:", "-1", PG_TEXT, -1, "1969-12-31 23:59:59.999999999"},
        {"tsm:", "253402300800000", PG_TEXT, -1, "10000-01-01 00:00:00"},
        {"tss:", "9223372036854775807", PG_TEXT, -1, "infinity"},
        {"tsu:UTC", "-9223372036854775807", PG_TEXT, -1, "-infinity"},
        {"tss:", "-9223372036854775808", PG_TEXT, -1, "292277022658-01-27 08:29:52 BC"},
        {"tsu:", "0", PG_VARCHAR, CHARACTERS(18), "!value 1970-01-01 00:00:00 doesn't fit: too many characters"},
    };
    EXPECT_EACH(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(times),
        cmocka_unit_test(timestamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
