/* Text on its way to an input function of PostgreSQL. Most of them take a value as it is or refuse it; what some would round,
 * cut or make up in silence is found here, from the text's shape. What is merely wrong is left to them.
 */
#include "encode/internal.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { NAME_LENGTH = 63, VARYING_HEADER = 4 };

/* ---- shapes ------------------------------------------------------------------------------------------------------- */

struct scanner {
    const char *at;
    const char *end;
    const char *fraction; /* digits behind a second's point */
    int fraction_digits;
};

static int skip_digits(struct scanner *scanner) {
    int count = 0;
    while (scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9') {
        scanner->at++;
        count++;
    }
    return count;
}

static bool skip(struct scanner *scanner, char character) {
    if (scanner->at == scanner->end || *scanner->at != character)
        return false;
    scanner->at++;
    return true;
}

static bool skip_any(struct scanner *scanner, const char *characters) {
    if (scanner->at == scanner->end || *scanner->at == '\0' || strchr(characters, *scanner->at) == NULL)
        return false;
    scanner->at++;
    return true;
}

/* 2026-01-31, any number of digits from four on in the year */
static bool scan_date(struct scanner *scanner) {
    return skip_digits(scanner) >= 4 && skip(scanner, '-') && skip_digits(scanner) == 2 && skip(scanner, '-') &&
           skip_digits(scanner) == 2;
}

/* 12:34, 12:34:56, 12:34:56.789 */
static bool scan_time(struct scanner *scanner) {
    if (skip_digits(scanner) != 2 || !skip(scanner, ':') || skip_digits(scanner) != 2)
        return false;
    if (!skip(scanner, ':'))
        return true;
    if (skip_digits(scanner) != 2)
        return false;
    if (!skip(scanner, '.'))
        return true;
    scanner->fraction = scanner->at;
    scanner->fraction_digits = skip_digits(scanner);
    return scanner->fraction_digits > 0;
}

/* Z, +02, +0200, +02:00, +02:00:15 */
static bool scan_zone(struct scanner *scanner) {
    skip(scanner, ' ');
    if (skip_any(scanner, "Zz"))
        return true;
    if (!skip_any(scanner, "+-"))
        return false;
    int digits = skip_digits(scanner);
    if (digits == 4)
        return true;
    if (digits != 2)
        return false;
    while (skip(scanner, ':'))
        if (skip_digits(scanner) != 2)
            return false;
    return true;
}

static bool scan_end(struct scanner *scanner, bool era) {
    if (era && scanner->end - scanner->at == 3 && strncasecmp(scanner->at, " BC", 3) == 0)
        scanner->at += 3;
    return scanner->at == scanner->end;
}

static bool is_infinity(const uint8_t *text, uint64_t length) {
    return (length == 8 && strncasecmp((const char *)text, "infinity", 8) == 0) ||
           (length == 9 && strncasecmp((const char *)text, "-infinity", 9) == 0);
}

static bool refuse(struct encode_column *column, enum encode_problem problem) {
    column->problem = problem;
    return false;
}

/* Digits behind the second that the column doesn't keep. */
static bool fraction_fits(struct encode_column *column, int64_t row, const struct scanner *scanner, int kept) {
    for (int i = kept; i < scanner->fraction_digits; i++)
        if (scanner->fraction[i] != '0')
            return may_round(column, row, PROBLEM_SECOND_FRACTION);
    return true;
}

static int kept_digits(const struct encode_column *column) {
    int32_t modifier = column->target->type_modifier;
    return modifier >= 0 && modifier < 6 ? modifier : 6;
}

/* ---- dates and times ---------------------------------------------------------------------------------------------- */

/* date_in() drops a time of day, and takes "today" for the day of the load. */
static bool judge_date(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    struct scanner scanner = {.at = (const char *)text, .end = (const char *)text + length};
    (void)row;
    return is_infinity(text, length) || (scan_date(&scanner) && scan_end(&scanner, true)) ||
           refuse(column, PROBLEM_NOT_ISO_DATE);
}

/* time_in() drops a date and a zone. */
static bool judge_time(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    struct scanner scanner = {.at = (const char *)text, .end = (const char *)text + length};
    bool shaped = scan_time(&scanner);
    if (shaped && column->target->type_oid == PG_TIMETZ && scanner.at < scanner.end)
        shaped = scan_zone(&scanner);
    return shaped && scan_end(&scanner, false) ? fraction_fits(column, row, &scanner, kept_digits(column))
                                               : refuse(column, PROBLEM_NOT_ISO_TIME);
}

/* timestamp_in() drops a zone. A date alone is its midnight. */
static bool judge_timestamp(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    struct scanner scanner = {.at = (const char *)text, .end = (const char *)text + length};
    if (is_infinity(text, length))
        return true;
    bool shaped = scan_date(&scanner);
    if (shaped && !scan_end(&scanner, true)) {
        shaped = skip_any(&scanner, " Tt") && scan_time(&scanner);
        if (shaped && column->target->type_oid == PG_TIMESTAMPTZ && !scan_end(&scanner, true))
            shaped = scan_zone(&scanner);
        shaped = shaped && scan_end(&scanner, true);
    }
    return shaped ? fraction_fits(column, row, &scanner, kept_digits(column))
                  : refuse(column, PROBLEM_NOT_ISO_TIMESTAMP);
}

/* interval_in() spreads the fraction of a month over days and rounds there; of a second it keeps six digits. */
static bool judge_interval(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    struct scanner scanner = {.at = (const char *)text, .end = (const char *)text + length};
    while (scanner.at < scanner.end) {
        if (*scanner.at++ != '.')
            continue;
        scanner.fraction = scanner.at;
        scanner.fraction_digits = skip_digits(&scanner);
        while (skip(&scanner, ' '))
            ;
        if (scanner.at < scanner.end && !skip_any(&scanner, "sSaA")) /* seconds, or "ago" */
            return refuse(column, PROBLEM_FIELD_FRACTION);
        if (!fraction_fits(column, row, &scanner, interval_precision(column->target->type_modifier)))
            return false;
    }
    return true;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

/* A plain decimal, taken apart: its digits without zeros at either end, and where they stand. */
struct decimal_text {
    const char *begin, *end; /* digits, perhaps with a point between */
    int64_t count;           /* of the digits from `begin` to `end` */
    int64_t exponent;        /* of the last one */
};

static bool parse_exponent(struct scanner *scanner, int64_t *exponent) {
    *exponent = 0;
    if (!skip_any(scanner, "eE"))
        return true;
    bool negative = skip(scanner, '-');
    if (!negative)
        skip(scanner, '+');
    const char *digits = scanner->at;
    int count = skip_digits(scanner);
    if (count < 1 || count > 6)
        return false;
    for (int i = 0; i < count; i++)
        *exponent = *exponent * 10 + (digits[i] - '0');
    if (negative)
        *exponent = -*exponent;
    return true;
}

static void strip_zeros(struct decimal_text *decimal) {
    while (decimal->begin < decimal->end && (*decimal->begin == '0' || *decimal->begin == '.')) {
        decimal->count -= *decimal->begin != '.';
        decimal->begin++;
    }
    for (; decimal->begin < decimal->end && (decimal->end[-1] == '0' || decimal->end[-1] == '.'); decimal->end--) {
        if (decimal->end[-1] == '.')
            continue;
        decimal->count--;
        decimal->exponent++;
    }
}

static bool parse_decimal(const uint8_t *text, uint64_t length, struct decimal_text *decimal) {
    struct scanner scanner = {.at = (const char *)text, .end = (const char *)text + length};
    int64_t exponent;
    while (scanner.at < scanner.end && strchr(" \t\n\r\v\f", *scanner.at) != NULL)
        scanner.at++;
    while (scanner.end > scanner.at && strchr(" \t\n\r\v\f", scanner.end[-1]) != NULL)
        scanner.end--;
    if (!skip(&scanner, '-'))
        skip(&scanner, '+');
    decimal->begin = scanner.at;
    int whole = skip_digits(&scanner);
    bool point = skip(&scanner, '.');
    int behind = point ? skip_digits(&scanner) : 0;
    decimal->end = scanner.at;
    if (whole + behind == 0 || !parse_exponent(&scanner, &exponent) || scanner.at != scanner.end)
        return false;
    decimal->count = whole + behind;
    decimal->exponent = exponent - behind;
    strip_zeros(decimal);
    return true;
}

static bool is_special_number(const uint8_t *text, uint64_t length) {
    static const char *const words[] = {"nan", "infinity", "-infinity", "+infinity", "inf", "-inf", "+inf"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (length == strlen(words[i]) && strncasecmp((const char *)text, words[i], length) == 0)
            return true;
    return false;
}

/* numeric_in() rounds to the column's scale. */
static bool judge_numeric(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    struct encode_numeric numeric;
    struct decimal_text decimal;
    numeric_prepare(&numeric, 0, column->target->type_modifier);
    if (is_special_number(text, length))
        return true;
    if (!parse_decimal(text, length, &decimal))
        return refuse(column, PROBLEM_NOT_DECIMAL);
    return decimal.count == 0 || -decimal.exponent <= numeric.scale ||
           may_round(column, row, PROBLEM_DIGITS_AFTER_POINT);
}

/* float8in() gives the nearest float. */
static bool judge_float(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    enum { MOST_DIGITS = 40, SINGLE_DIGITS = 6, SINGLE_RANGE = 30, DOUBLE_DIGITS = 15, DOUBLE_RANGE = 280 };
    bool single = column->target->type_oid == PG_FLOAT4;
    struct decimal_text decimal;
    char digits[MOST_DIGITS];
    int count = 0;
    double nearest;
    if (is_special_number(text, length))
        return true;
    if (!parse_decimal(text, length, &decimal))
        return refuse(column, PROBLEM_NOT_DECIMAL);
    if (decimal.count == 0)
        return true;
    /* So few digits survive the way through the type, far from the ends of its range (IEEE 754). */
    int64_t magnitude = decimal.exponent < 0 ? -decimal.exponent : decimal.exponent;
    if (decimal.count <= (single ? SINGLE_DIGITS : DOUBLE_DIGITS) && magnitude < (single ? SINGLE_RANGE : DOUBLE_RANGE))
        return true;
    if (decimal.count > MOST_DIGITS)
        return may_round(column, row, PROBLEM_FLOAT_INEXACT);
    for (const char *at = decimal.begin; at < decimal.end; at++)
        if (*at != '.')
            digits[count++] = *at;
    if (digits_to_binary(digits, count, (int)decimal.exponent, single, &nearest))
        return true;
    /* Beyond the type's range the server refuses it by itself. */
    return !isfinite(nearest) || may_round(column, row, PROBLEM_FLOAT_INEXACT);
}

/* ---- names, and types made of others ------------------------------------------------------------------------------ */

/* namein() cuts at 63 bytes; charin() takes the first byte. */
static bool judge_name(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    (void)row;
    (void)text;
    return length <= NAME_LENGTH || refuse(column, PROBLEM_NAME_TOO_LONG);
}

static bool judge_char(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    (void)row;
    return length == 0 || (length == 1 && text[0] < 0x80) || refuse(column, PROBLEM_NOT_ONE_BYTE);
}

/* oidin(), xidin() and cidin() take -1 for 4294967295, and 2^64 - 1 too: strtoul(3). */
static bool judge_oid(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    enum { MOST_DIGITS = 10 };
    uint64_t value = 0, count = 0, at = 0;
    (void)row;
    while (at < length && text[at] == '0')
        at++;
    bool empty = at == 0;
    for (; at < length && count < MOST_DIGITS && text[at] >= '0' && text[at] <= '9'; at++, count++)
        value = value * 10 + (uint64_t)(text[at] - '0');
    return (at == length && value <= UINT32_MAX && !(empty && count == 0)) || refuse(column, PROBLEM_NOT_OID);
}

static struct encode_target element_of(const struct encode_target *target) {
    return (struct encode_target){.name = target->name,
                                  .type_oid = target->element_type_oid,
                                  .type_modifier = target->array ? target->element_modifier : -1,
                                  .type_name = target->type_name};
}

/* Whatever stands between separators, as text for `target`. */
static bool judge_between(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length,
                          const char *separators, const struct encode_target *target) {
    struct encode_column element = *column;
    encode_judge judge = text_judge(target);
    element.target = target;
    for (uint64_t at = 0; at < length;) {
        uint64_t begin = at;
        while (at < length && (text[at] == 0 || strchr(separators, text[at]) == NULL))
            at++;
        uint64_t end = at++;
        while (begin < end && text[begin] == ' ')
            begin++;
        while (end > begin && text[end - 1] == ' ')
            end--;
        const char *part = (const char *)text + begin;
        uint64_t size = end - begin;
        bool word =
            (size == 4 && strncasecmp(part, "null", 4) == 0) || (size == 5 && strncasecmp(part, "empty", 5) == 0);
        if (size > 0 && !word && !judge(&element, row, text + begin, size))
            return refuse(column, element.problem);
    }
    return true;
}

/* The bounds of ranges, the elements of arrays: between brackets, commas and quotes. */
static bool judge_parts(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    struct encode_target target = element_of(column->target);
    return judge_between(column, row, text, length, "[](){},\"\\", &target);
}

/* Coordinates are float8, however they are put together (geo_ops.c, path_decode()); boxes stand in an array with semicolons. */
static bool judge_geometry(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    static const struct encode_target coordinate = {.type_oid = PG_FLOAT8, .type_modifier = -1};
    return judge_between(column, row, text, length, "[](){}<>,;", &coordinate);
}

/* line_in() computes the coefficients where it gets points. */
static bool judge_line(struct encode_column *column, int64_t row, const uint8_t *text, uint64_t length) {
    uint64_t at = 0;
    while (at < length && text[at] == ' ')
        at++;
    if (at == length || text[at] != '{')
        return refuse(column, PROBLEM_LINE_OF_POINTS);
    return judge_geometry(column, row, text, length);
}

encode_judge text_judge(const struct encode_target *target) {
    switch (target->type_oid) {
    case PG_NUMERIC:
        return target->type_modifier >= VARYING_HEADER ? judge_numeric : NULL;
    case PG_FLOAT4:
    case PG_FLOAT8:
        return judge_float;
    case PG_DATE:
        return judge_date;
    case PG_TIME:
    case PG_TIMETZ:
        return judge_time;
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        return judge_timestamp;
    case PG_INTERVAL:
        return judge_interval;
    case PG_OID:
    case PG_XID:
    case PG_CID:
        return judge_oid;
    case PG_NAME:
        return judge_name;
    case PG_CHAR:
        return judge_char;
    case PG_POINT:
    case PG_LSEG:
    case PG_PATH:
    case PG_BOX:
    case PG_POLYGON:
    case PG_CIRCLE:
        return judge_geometry;
    case PG_LINE:
        return judge_line;
    default:
        break;
    }
    struct encode_target element = element_of(target);
    return element.type_oid != 0 && text_judge(&element) != NULL ? judge_parts : NULL;
}

bool text_can_be_judged(const struct encode_target *target) {
    if (target->cuts_in_silence)
        return false;
    if (target->type_oid == PG_INTERVAL)
        return interval_has_all_fields(target->type_modifier);
    struct encode_target element = element_of(target);
    if (element.type_oid == 0)
        return true;
    bool cut =
        (element.type_oid == PG_VARCHAR || element.type_oid == PG_BPCHAR) && element.type_modifier >= VARYING_HEADER;
    return !cut && element.type_oid != PG_MONEY && element.type_oid != PG_LINE && text_can_be_judged(&element);
}
