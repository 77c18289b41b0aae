/* Between binary floats and decimals, without changing the number. */
#include "encode/internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* IEEE 754: decimals of so many digits survive the way through the float, and floats the way through so many digits. */
enum { DOUBLE_SAFE_DIGITS = 15, DOUBLE_ALL_DIGITS = 17, FLOAT_SAFE_DIGITS = 6, FLOAT_ALL_DIGITS = 9 };

static const uint64_t powers_of_ten[] = {1,
                                         10,
                                         100,
                                         1000,
                                         10000,
                                         100000,
                                         1000000,
                                         10000000,
                                         100000000,
                                         1000000000,
                                         10000000000,
                                         100000000000,
                                         1000000000000,
                                         10000000000000,
                                         100000000000000,
                                         1000000000000000,
                                         10000000000000000,
                                         100000000000000000,
                                         1000000000000000000,
                                         10000000000000000000U};

/* Those that a double holds exactly. */
static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { EXACT_POWERS = sizeof exact_powers / sizeof *exact_powers };

uint128 power_of_ten(int exponent) {
    if (exponent <= 19)
        return powers_of_ten[exponent];
    return (uint128)powers_of_ten[19] * powers_of_ten[exponent - 19];
}

int count_digits(uint128 magnitude) {
    int count = 1;
    while (count < 39 && magnitude >= power_of_ten(count))
        count++;
    return count;
}

/* Does `printed`, the output of "%.*e" for count - 1, say 0.DIGITS * 10^(exponent + 1)? */
static bool prints_as(const char *printed, const char *digits, int count, int exponent) {
    if (printed[0] != digits[0])
        return false;
    if (count > 1 && memcmp(printed + 2, digits + 1, (size_t)count - 1) != 0)
        return false;
    const char *mark = strchr(printed, 'e');
    return mark != NULL && strtol(mark + 1, NULL, 10) == exponent;
}

bool digits_to_binary(const char *digits, int count, int exponent, bool single, double *result) {
    char text[FORMAT_SIZE];
    char printed[FORMAT_SIZE];
    while (count > 1 && digits[count - 1] == '0') {
        count--;
        exponent++;
    }
    *result = 0;
    if (count == 1 && digits[0] == '0')
        return true;
    memcpy(text, digits, (size_t)count);
    snprintf(text + count, sizeof text - (size_t)count, "e%d", exponent);
    *result = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (!isfinite(*result))
        return false;
    snprintf(printed, sizeof printed, "%.*e", count - 1, *result);
    return prints_as(printed, text, count, count - 1 + exponent);
}

/* The float nearest to a decimal; true if the float's digits, as many as the decimal has, are the decimal's own. */
static bool decimal_to_binary(int128 value, int scale, bool single, double *result) {
    char text[FORMAT_SIZE];
    size_t count = format_decimal(text, (int128)magnitude_of(value), 0);
    bool same = digits_to_binary(text, (int)count, -scale, single, result);
    if (value < 0)
        *result = -*result;
    return same;
}

bool decimal_to_double(int128 value, int scale, double *result) {
    /* Both operands are exact, so that the quotient is the nearest double; with 15 digits it always stands for them. */
    if (scale >= 0 && scale < EXACT_POWERS && magnitude_of(value) < power_of_ten(DOUBLE_SAFE_DIGITS)) {
        *result = (double)(int64_t)value / exact_powers[scale];
        return true;
    }
    return decimal_to_binary(value, scale, false, result);
}

bool decimal_to_float(int128 value, int scale, float *result) {
    /* 2^24 and 10^10 are the last that a float holds exactly. */
    static const float powers[] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F, 1e8F, 1e9F, 1e10F};
    if (scale >= 0 && scale <= 10 && magnitude_of(value) < power_of_ten(FLOAT_SAFE_DIGITS)) {
        *result = (float)(int64_t)value / powers[scale];
        return true;
    }
    double nearest;
    bool same = decimal_to_binary(value, scale, true, &nearest);
    *result = (float)nearest;
    return same;
}

static struct float_digits strip_zeros(struct float_digits result) {
    while (result.digits != 0 && result.digits % 10 == 0) {
        result.digits /= 10;
        result.scale--;
    }
    if (result.digits == 0)
        result.scale = 0;
    result.count = count_digits(result.digits);
    return result;
}

/* Most floats in tables were short decimals once: try those before printing. */
static bool short_decimal(double magnitude, bool single, struct float_digits *result) {
    double limit = single ? 1e6 : 1e15;
    for (int scale = 0; scale <= 9; scale++) {
        double power = exact_powers[scale];
        double scaled = rint(magnitude * power);
        if (scaled >= limit)
            return false;
        bool same = single ? (float)scaled / (float)power == (float)magnitude : scaled / power == magnitude;
        if (same) {
            result->digits = (uint64_t)scaled;
            result->scale = scale;
            return true;
        }
    }
    return false;
}

/* Is it a decimal of at most 17 digits or so? Printed with 51, the rest are zeros. */
static bool has_few_digits(long double number) {
    enum { PRINTED_DIGITS = 50, BEHIND_POINT = DOUBLE_ALL_DIGITS };
    char printed[PRINTED_DIGITS + 16];
    snprintf(printed, sizeof printed, "%.*Le", PRINTED_DIGITS, number);
    return strspn(printed + 2 + BEHIND_POINT, "0") >= PRINTED_DIGITS - BEHIND_POINT;
}

/* Does `printed` read back as `magnitude`, and not just because ties go to even? A decimal in the middle between two floats
 * is nobody's: PostgreSQL prints a digit more there (src/common/d2s.c, acceptBounds). long double holds every middle, but
 * decimals near it are rounded to it. */
static bool reads_back(const char *printed, double magnitude, bool single) {
    double back = single ? (double)strtof(printed, NULL) : strtod(printed, NULL);
    if (back != magnitude)
        return false;
    long double exact = (long double)magnitude;
    long double decimal = strtold(printed, NULL);
    double towards = decimal > exact ? (double)INFINITY : 0;
    double neighbour = single ? (double)nextafterf((float)magnitude, (float)towards) : nextafter(magnitude, towards);
    long double middle = exact + ((long double)neighbour - exact) / 2;
    return decimal == exact || decimal != middle || !has_few_digits(middle);
}

/* "1.5e+10" to 15 * 10^9 */
static void parse_printed(const char *printed, struct float_digits *result) {
    const char *mark = strchr(printed, 'e');
    int behind_point = 0;
    result->digits = 0;
    for (const char *digit = printed; digit < mark; digit++) {
        if (*digit == '.')
            behind_point = (int)(mark - digit) - 1;
        else
            result->digits = result->digits * 10 + (uint64_t)(*digit - '0');
    }
    result->scale = behind_point - (int)strtol(mark + 1, NULL, 10);
}

/* Above a power of two the floats lie twice as far apart as below it: the nearest decimal of so many digits may lie below and
 * be another float's, while the next one above is still this one's. */
static bool next_reads_back(struct float_digits *result, double magnitude, bool single) {
    char printed[64];
    int exponent;
    if (frexp(magnitude, &exponent) != 0.5)
        return false;
    snprintf(printed, sizeof printed, "%llue%d", (unsigned long long)result->digits + 1, -result->scale);
    if (!reads_back(printed, magnitude, single))
        return false;
    result->digits++;
    return true;
}

struct float_digits float_digits_of(double value, bool single) {
    struct float_digits result = {.negative = signbit(value) != 0};
    double magnitude = fabs(value);
    if (short_decimal(magnitude, single, &result))
        return strip_zeros(result);
    char printed[64];
    int last = single ? FLOAT_ALL_DIGITS : DOUBLE_ALL_DIGITS;
    int first = single ? FLOAT_SAFE_DIGITS : DOUBLE_SAFE_DIGITS;
    if (magnitude < (single ? (double)FLT_MIN : DBL_MIN))
        first = 1; /* subnormal: fewer digits tell it from its neighbours */
    for (int count = first; count <= last; count++) {
        snprintf(printed, sizeof printed, "%.*e", count - 1, magnitude);
        parse_printed(printed, &result);
        if (reads_back(printed, magnitude, single) || next_reads_back(&result, magnitude, single))
            break;
    }
    return strip_zeros(result);
}
