/* Numbers and truth values into numbers, numeric, bool and text. */
#include "encode_fixture.h"

static void integers_are_range_checked(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"c", "-128", PG_INT2, -1, "-128"},
        {"C", "255", PG_INT2, -1, "255"},
        {"s", "-32768", PG_INT4, -1, "-32768"},
        {"S", "65535", PG_INT4, -1, "65535"},
        {"S", "65535", PG_INT2, -1, "!value 65535 doesn't fit: it is outside the type's range"},
        {"i", "32767", PG_INT2, -1, "32767"},
        {"i", "32768", PG_INT2, -1, "!value 32768 doesn't fit"},
        {"i", "-32769", PG_INT2, -1, "!value -32769 doesn't fit"},
        {"I", "4294967295", PG_INT8, -1, "4294967295"},
        {"I", "4294967295", PG_INT4, -1, "!value 4294967295 doesn't fit"},
        {"l", "-2147483648", PG_INT4, -1, "-2147483648"},
        {"l", "-2147483649", PG_INT4, -1, "!value -2147483649 doesn't fit"},
        {"l", "-9223372036854775808", PG_INT8, -1, "-9223372036854775808"},
        {"L", "9223372036854775807", PG_INT8, -1, "9223372036854775807"},
        {"L", "9223372036854775808", PG_INT8, -1, "!value 9223372036854775808 doesn't fit"},
        {"L", "18446744073709551615", PG_NUMERIC, -1, "18446744073709551615"},
        {"L", "18446744073709551615", PG_TEXT, -1, "18446744073709551615"},
        {"l", "-9223372036854775808", PG_NUMERIC, -1, "-9223372036854775808"},
        {"l", "0", PG_NUMERIC, -1, "0"},
        {"i", "10000", PG_NUMERIC, -1, "10000"},
        {"i", "-2147483648", PG_NUMERIC, NUMERIC(12, 2), "-2147483648.00"},
        {"i", "1000", PG_NUMERIC, NUMERIC(5, 2), "!too many digits before the decimal point"},
        {"i", "999", PG_NUMERIC, NUMERIC(5, 2), "999.00"},
        {"i", "1200", PG_NUMERIC, NUMERIC(3, -2), "1200"},
        {"i", "1250", PG_NUMERIC, NUMERIC(3, -2), "!too many digits after the decimal point"},
        {"i", "99900", PG_NUMERIC, NUMERIC(3, -2), "99900"},
        {"i", "100000", PG_NUMERIC, NUMERIC(3, -2), "!too many digits before"},
        {"i", "1", PG_NUMERIC, NUMERIC(3, 5), "!too many digits before"},
        {"i", "0", PG_NUMERIC, NUMERIC(3, 5), "0.00000"},
        {"i", "7", PG_VARCHAR, CHARACTERS(1), "7"},
        {"i", "-7", PG_VARCHAR, CHARACTERS(1), "!value -7 doesn't fit: too many characters"},
    };
    EXPECT_EACH(list);
}

static void integers_become_floats_only_exactly(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"l", "9007199254740992", PG_FLOAT8, -1, "9007199254740992"},
        {"l", "9007199254740993", PG_FLOAT8, -1, "!it would be another number"},
        {"l", "-9007199254740994", PG_FLOAT8, -1, "-9007199254740994"},
        {"l", "9223372036854775807", PG_FLOAT8, -1, "!value 9223372036854775807 doesn't fit"},
        {"l", "-9223372036854775808", PG_FLOAT8, -1, "-9.2233720368547758e+18"},
        {"L", "18446744073709551615", PG_FLOAT8, -1, "!it would be another number"},
        {"L", "9223372036854775808", PG_FLOAT8, -1, "9.2233720368547758e+18"},
        {"i", "16777216", PG_FLOAT4, -1, "16777216"},
        {"i", "16777217", PG_FLOAT4, -1, "!it would be another number"},
        {"i", "0", PG_FLOAT4, -1, "0"},
        {"c", "-1", PG_FLOAT4, -1, "-1"},
    };
    EXPECT_EACH(list);
}

static void decimals_keep_every_digit_and_their_scale(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"d:3,2", "10", PG_NUMERIC, -1, "0.10"},
        {"d:3,2", "0", PG_NUMERIC, -1, "0.00"},
        {"d:3,2", "-1", PG_NUMERIC, -1, "-0.01"},
        {"d:9,4", "12345678", PG_NUMERIC, -1, "1234.5678"},
        {"d:9,5", "12345678", PG_NUMERIC, -1, "123.45678"},
        {"d:9,3", "12345678", PG_NUMERIC, -1, "12345.678"},
        {"d:9,1", "100000000", PG_NUMERIC, -1, "10000000.0"},
        {"d:38,0", "99999999999999999999999999999999999999", PG_NUMERIC, -1, "99999999999999999999999999999999999999"},
        {"d:38,0", "-99999999999999999999999999999999999999", PG_NUMERIC, NUMERIC(38, 0),
         "-99999999999999999999999999999999999999"},
        {"d:38,38", "99999999999999999999999999999999999999", PG_NUMERIC, -1,
         "0.99999999999999999999999999999999999999"},
        {"d:38,37", "10000000000000000000000000000000000000", PG_NUMERIC, -1,
         "1.0000000000000000000000000000000000000"},
        {"d:38,38", "1", PG_NUMERIC, -1, "0.00000000000000000000000000000000000001"},
        {"d:38,10", "18446744073709551615", PG_NUMERIC, -1, "1844674407.3709551615"},
        {"d:38,10", "18446744073709551616", PG_NUMERIC, -1, "1844674407.3709551616"},
        {"d:38,1", "18446744073709551", PG_NUMERIC, -1, "1844674407370955.1"},
        {"d:38,1", "18446744073709552", PG_NUMERIC, -1, "1844674407370955.2"},
        {"d:38,2", "100000000000000000000000000000000000000", PG_NUMERIC, -1,
         "1000000000000000000000000000000000000.00"},
        {"d:5,-3", "12", PG_NUMERIC, -1, "12000"},
        {"d:5,-4", "12", PG_NUMERIC, -1, "120000"},
        {"d:5,-5", "99999", PG_NUMERIC, -1, "9999900000"},
        {"d:5,-5", "0", PG_NUMERIC, -1, "0"},
        {"d:38,-38", "-99999999999999999999999999999999999999", PG_NUMERIC, -1,
         "-9999999999999999999999999999999999999900000000000000000000000000000000000000"},
        {"d:9,2,32", "-12345", PG_NUMERIC, -1, "-123.45"},
        {"d:18,2,64", "12345678901234567", PG_NUMERIC, -1, "123456789012345.67"},
        {"d:12,2", "-123450", PG_NUMERIC, NUMERIC(12, 4), "-1234.5000"},
        {"d:12,4", "12345000", PG_NUMERIC, NUMERIC(12, 1), "1234.5"},
        {"d:12,4", "12345001", PG_NUMERIC, NUMERIC(12, 1), "!value 1234.5001 doesn't fit: too many digits after"},
        {"d:12,4", "12345600", PG_NUMERIC, NUMERIC(12, 1), "!value 1234.5600 doesn't fit: too many digits after"},
        {"d:9,3", "123456789", PG_NUMERIC, NUMERIC(5, 2), "!value 123456.789 doesn't fit: too many digits before"},
        {"d:9,3", "999990", PG_NUMERIC, NUMERIC(5, 2), "999.99"},
        {"d:9,3", "1000000", PG_NUMERIC, NUMERIC(5, 2), "!value 1000.000 doesn't fit: too many digits before"},
        {"d:9,3", "-1000000", PG_NUMERIC, NUMERIC(5, 2), "!value -1000.000 doesn't fit"},
        {"d:38,38", "99999999999999999999999999999999999999", PG_NUMERIC, NUMERIC(38, 0), "!too many digits after"},
        {"d:38,38", "1", PG_NUMERIC, NUMERIC(5, -5), "!too many digits after"},
        {"d:38,38", "0", PG_NUMERIC, NUMERIC(5, -5), "0"},
        {"d:3,2", "12", PG_TEXT, -1, "0.12"},
        {"d:3,2", "-999", PG_TEXT, -1, "-9.99"},
        {"d:3,-2", "-999", PG_TEXT, -1, "-99900"},
        {"d:3,-2", "0", PG_TEXT, -1, "0"},
        {"d:38,38", "-1", PG_TEXT, -1, "-0.00000000000000000000000000000000000001"},
        {"d:38,0", "10000000000000000000000000000000000000", PG_TEXT, -1, "10000000000000000000000000000000000000"},
    };
    EXPECT_EACH(list);
}

static void decimals_become_integers_and_floats_only_exactly(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"d:38,0", "2147483647", PG_INT4, -1, "2147483647"},
        {"d:38,0", "2147483648", PG_INT4, -1, "!value 2147483648 doesn't fit: it is outside"},
        {"d:38,0", "18446744073709551616", PG_INT8, -1, "!value 18446744073709551616 doesn't fit: it is outside"},
        {"d:38,0", "-9223372036854775808", PG_INT8, -1, "-9223372036854775808"},
        {"d:12,2", "-1200", PG_INT2, -1, "-12"},
        {"d:12,2", "1201", PG_INT2, -1, "!value 12.01 doesn't fit: it has digits after the decimal point"},
        {"d:5,-3", "12", PG_INT4, -1, "12000"},
        {"d:38,-38", "1", PG_INT8, -1, "!outside the type's range"},
        {"d:38,-38", "99999", PG_INT8, -1, "!outside the type's range"},
        {"d:12,2", "10", PG_FLOAT8, -1, "0.10000000000000001"},
        {"d:15,2", "999999999999999", PG_FLOAT8, -1, "9999999999999.9902"},
        {"d:38,0", "9007199254740993", PG_FLOAT8, -1, "!it would be another number"},
        {"d:38,0", "-9007199254740992", PG_FLOAT8, -1, "-9007199254740992"},
        {"d:38,0", "100000000000000000000000", PG_FLOAT8, -1, "9.9999999999999992e+22"},
        {"d:38,37", "1000000000000000000000000000000000000", PG_FLOAT8, -1, "0.10000000000000001"},
        {"d:38,38", "123456789012345", PG_FLOAT8, -1, "1.2345678901234499e-24"},
        {"d:38,20", "12345678901234567890", PG_FLOAT8, -1, "!value 0.12345678901234567890 doesn't fit"},
        {"d:12,2", "1234567", PG_FLOAT4, -1, "12345.6699"},
        {"d:12,2", "123456", PG_FLOAT4, -1, "1234.56006"},
        {"d:12,2", "123456789", PG_FLOAT4, -1, "!it would be another number"},
        {"d:12,2", "0", PG_FLOAT4, -1, "0"},
        {"d:38,-38", "99999", PG_FLOAT4, -1, "!it would be another number"},
        {"d:38,-38", "1", PG_FLOAT4, -1, "9.99999968e+37"},
        {"d:12,2", "100", PG_BOOL, -1, "t"},
        {"d:12,2", "0", PG_BOOL, -1, "f"},
        {"d:12,2", "1", PG_BOOL, -1, "!value 0.01 is neither 0 nor 1"},
    };
    EXPECT_EACH(list);
}

static void floats_keep_their_value(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"g", "0.1", PG_FLOAT8, -1, "0.10000000000000001"},
        {"g", "nan", PG_FLOAT8, -1, "nan"},
        {"g", "-inf", PG_FLOAT8, -1, "-inf"},
        {"g", "-0.0", PG_FLOAT8, -1, "-0"},
        {"f", "0.1", PG_FLOAT8, -1, "0.10000000149011612"},
        {"e", "0.5", PG_FLOAT8, -1, "0.5"},
        {"e", "inf", PG_FLOAT4, -1, "inf"},
        {"g", "0.5", PG_FLOAT4, -1, "0.5"},
        {"g", "0.1", PG_FLOAT4, -1, "!value 0.1 doesn't fit"},
        {"g", "1e300", PG_FLOAT4, -1, "!value 1e+300 doesn't fit"},
        {"g", "1e-300", PG_FLOAT4, -1, "!value 1e-300 doesn't fit"},
        {"g", "nan", PG_FLOAT4, -1, "nan"},
        {"g", "inf", PG_FLOAT4, -1, "inf"},
        {"f", "0.1", PG_FLOAT4, -1, "0.100000001"},
        {"g", "-3", PG_INT2, -1, "-3"},
        {"g", "3.5", PG_INT2, -1, "!value 3.5 doesn't fit: it has digits after"},
        {"g", "40000", PG_INT2, -1, "!value 40000 doesn't fit: it is outside"},
        {"g", "9223372036854775807", PG_INT8, -1, "!outside the type's range"},
        {"g", "-9223372036854775808", PG_INT8, -1, "-9223372036854775808"},
        {"g", "nan", PG_INT8, -1, "!value NaN doesn't fit: integers have neither"},
        {"g", "-inf", PG_INT8, -1, "!value -Infinity doesn't fit"},
    };
    EXPECT_EACH(list);
}

static void floats_become_the_shortest_decimal(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"g", "0.1", PG_NUMERIC, -1, "0.1"},
        {"g", "-0.0", PG_NUMERIC, -1, "0"},
        {"g", "123456.75", PG_NUMERIC, -1, "123456.75"},
        {"g", "0.30000000000000004", PG_NUMERIC, -1, "0.30000000000000004"},
        {"g", "1.7976931348623157e308", PG_NUMERIC, -1,
         "179769313486231570000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"},
        {"g", "4e15", PG_NUMERIC, -1, "4000000000000000"},
        {"f", "0.1", PG_NUMERIC, -1, "0.1"},
        {"f", "16777216", PG_NUMERIC, -1, "16777216"},
        {"g", "nan", PG_NUMERIC, -1, "NaN"},
        {"g", "inf", PG_NUMERIC, -1, "Infinity"},
        {"g", "-inf", PG_NUMERIC, -1, "-Infinity"},
        {"g", "nan", PG_NUMERIC, NUMERIC(5, 2), "NaN"},
        {"g", "inf", PG_NUMERIC, NUMERIC(5, 2), "!numeric with a precision has no infinity"},
        {"g", "1.5", PG_NUMERIC, NUMERIC(5, 2), "1.50"},
        {"g", "0", PG_NUMERIC, NUMERIC(5, 2), "0.00"},
        {"g", "1.125", PG_NUMERIC, NUMERIC(5, 2), "!too many digits after"},
        {"g", "1000", PG_NUMERIC, NUMERIC(5, 2), "!too many digits before"},
        {"g", "999.99", PG_NUMERIC, NUMERIC(5, 2), "999.99"},
        {"g", "1500", PG_NUMERIC, NUMERIC(2, -2), "1500"},
        {"g", "1550", PG_NUMERIC, NUMERIC(2, -2), "!too many digits after"},
        {"g", "100000", PG_TEXT, -1, "100000"},
        {"g", "1e14", PG_TEXT, -1, "100000000000000"},
        {"g", "1e15", PG_TEXT, -1, "1e+15"},
        {"g", "1234567890123456.8", PG_TEXT, -1, "1.2345678901234568e+15"},
        {"g", "0.0001", PG_TEXT, -1, "0.0001"},
        {"g", "0.00001", PG_TEXT, -1, "1e-05"},
        {"g", "-5e-324", PG_TEXT, -1, "-5e-324"},
        {"g", "2.2250738585072014e-308", PG_TEXT, -1, "2.2250738585072014e-308"},
        {"f", "1e-45", PG_TEXT, -1, "1e-45"},
        {"g", "-0.0", PG_TEXT, -1, "-0"},
        /* 23782681977387830 lies in the middle of two doubles and would be read as this one */
        {"g", "23782681977387832", PG_TEXT, -1, "2.3782681977387832e+16"},
        {"g", "23782681977387832", PG_NUMERIC, -1, "23782681977387832"},
        /* 2^90: the nearest decimal of 8 digits lies below it, and is another float */
        {"f", "1237940039285380274899124224", PG_TEXT, -1, "1.2379401e+27"},
        /* near the middle, not in it */
        {"g", "-4.8720568346645364e+283", PG_TEXT, -1, "-4.872056834664536e+283"},
        {"f", "102972336", PG_TEXT, -1, "1.02972336e+08"},
        {"f", "1e6", PG_TEXT, -1, "1e+06"},
        {"f", "999999", PG_TEXT, -1, "999999"},
        {"f", "3.14", PG_TEXT, -1, "3.14"},
        {"e", "0.5", PG_TEXT, -1, "0.5"},
        {"g", "nan", PG_TEXT, -1, "NaN"},
        {"g", "-inf", PG_VARCHAR, CHARACTERS(9), "-Infinity"},
        {"g", "-inf", PG_VARCHAR, CHARACTERS(8), "!too many characters"},
    };
    EXPECT_EACH(list);
}

static void truth_values(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"b", "1", PG_BOOL, -1, "t"},
        {"b", "0", PG_BOOL, -1, "f"},
        {"b", "1", PG_INT2, -1, "1"},
        {"b", "1", PG_INT4, -1, "1"},
        {"b", "0", PG_INT8, -1, "0"},
        {"b", "1", PG_NUMERIC, NUMERIC(3, 1), "1.0"},
        {"b", "1", PG_TEXT, -1, "true"},
        {"b", "0", PG_TEXT, -1, "false"},
        {"c", "1", PG_BOOL, -1, "t"},
        {"l", "0", PG_BOOL, -1, "f"},
        {"l", "2", PG_BOOL, -1, "!value 2 is neither 0 nor 1"},
        {"l", "-1", PG_BOOL, -1, "!value -1 is neither 0 nor 1"},
        {"b", "0", PG_BPCHAR, CHARACTERS(4), "!value false doesn't fit: too many characters"},
    };
    EXPECT_EACH(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_range_checked),
        cmocka_unit_test(integers_become_floats_only_exactly),
        cmocka_unit_test(decimals_keep_every_digit_and_their_scale),
        cmocka_unit_test(decimals_become_integers_and_floats_only_exactly),
        cmocka_unit_test(floats_keep_their_value),
        cmocka_unit_test(floats_become_the_shortest_decimal),
        cmocka_unit_test(truth_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
