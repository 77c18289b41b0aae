#include "three_valued.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at;
    bool backslash;
    bool failed;
    const struct three_valued_row *row;
};

struct operand {
    bool null;
    bool number;
    char text[512];
};

static enum truth read_condition(struct reader *reader);

static void skip_space(struct reader *reader) {
    while (isspace((unsigned char)*reader->at))
        reader->at++;
}

static bool accept(struct reader *reader, const char *token) {
    size_t length = strlen(token);

    skip_space(reader);
    if (strncmp(reader->at, token, length) != 0)
        return false;
    /* A word ends where letters end. */
    if (isalpha((unsigned char)token[length - 1]) &&
        (isalnum((unsigned char)reader->at[length]) || reader->at[length] == '_'))
        return false;
    reader->at += length;
    return true;
}

static void expect(struct reader *reader, const char *token) {
    if (!accept(reader, token))
        reader->failed = true;
}

/* 'text' or "name", the quote doubled inside. */
static void read_quoted(struct reader *reader, char quote, char *text, size_t size) {
    size_t length = 0;

    skip_space(reader);
    if (*reader->at++ != quote) {
        reader->failed = true;
        text[0] = '\0';
        reader->at--;
        return;
    }
    while (*reader->at != '\0') {
        if (*reader->at == quote && reader->at[1] != quote)
            break;
        if (*reader->at == quote || (reader->backslash && quote == '\'' && *reader->at == '\\'))
            reader->at++;
        if (*reader->at == '\0' || length + 1 >= size)
            break;
        text[length++] = *reader->at++;
    }
    text[length] = '\0';
    if (*reader->at == quote)
        reader->at++;
    else
        reader->failed = true;
}

/* BIGINT, NUMBER(38,0), TIMESTAMP WITH TIME ZONE: words, then perhaps numbers in parentheses. The column's kind decides how
 * values compare, so the type is only read over. */
static void skip_type(struct reader *reader) {
    skip_space(reader);
    if (!isalpha((unsigned char)*reader->at))
        reader->failed = true;
    while (isalnum((unsigned char)*reader->at) || *reader->at == '_')
        reader->at++;
    if (*reader->at == '(') {
        while (*reader->at != '\0' && *reader->at != ')')
            reader->at++;
        expect(reader, ")");
    }
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

/* The digits of text, the point's place moved by the exponent, into `digits`; *whole of them stand before the point. */
static bool read_digits(const char **at, char *digits, size_t size, long *whole) {
    size_t length = 0;
    long before = 0;
    bool point = false;

    for (; isdigit((unsigned char)**at) || (**at == '.' && !point); (*at)++) {
        if (**at == '.') {
            point = true;
            continue;
        }
        if (length + 1 >= size)
            return false;
        digits[length++] = **at;
        before += !point;
    }
    digits[length] = '\0';
    if (length == 0)
        return false;
    if (**at == 'e' || **at == 'E') {
        char *end;
        long exponent = strtol(*at + 1, &end, 10);

        if (end == *at + 1 || exponent > 100 || exponent < -100)
            return false;
        before += exponent;
        *at = end;
    }
    *whole = before;
    return true;
}

bool three_valued_parse_number(const char *text, char *number) {
    char digits[256];
    char rounded[512] = "0"; /* room for a carry */
    long whole = 0;

    while (*text == ' ')
        text++;
    bool negative = *text == '-';

    text += *text == '-' || *text == '+';
    if (!read_digits(&text, digits, sizeof digits, &whole) || strspn(text, " ") != strlen(text))
        return false;
    size_t length = strlen(rounded);
    for (long i = 0; i < whole; i++) {
        rounded[length++] = (size_t)i < strlen(digits) ? digits[i] : '0';
        rounded[length] = '\0';
    }
    bool up = whole >= 0 && (size_t)whole < strlen(digits) && digits[whole] >= '5';

    for (size_t i = strlen(rounded); up && i-- > 0;) {
        up = rounded[i] == '9';
        rounded[i] = up ? '0' : (char)(rounded[i] + 1);
    }
    const char *first = rounded + strspn(rounded, "0");

    if (strlen(first) > 38)
        return false;
    snprintf(number, THREE_VALUED_NUMBER_SIZE, "%s%s", negative && *first != '\0' ? "-" : "",
             *first != '\0' ? first : "0");
    return true;
}

int three_valued_compare_numbers(const char *left, const char *right) {
    bool left_negative = left[0] == '-';
    bool right_negative = right[0] == '-';

    if (left_negative != right_negative)
        return left_negative ? -1 : 1;
    int sign = left_negative ? -1 : 1;

    if (strlen(left) != strlen(right))
        return strlen(left) < strlen(right) ? -sign : sign;
    int order = strcmp(left, right);

    return order < 0 ? -sign : order > 0 ? sign : 0;
}

/* ---- operands ------------------------------------------------------------------------------------------------------- */

static struct operand read_operand(struct reader *reader);

/* NULL where the column is, and where there is none of that name, which fails. */
static const char *read_column(struct reader *reader, const struct source_column **column) {
    char name[256];

    read_quoted(reader, '"', name, sizeof name);
    for (size_t i = 0; i < reader->row->column_count; i++)
        if (strcmp(reader->row->columns[i].name, name) == 0) {
            *column = &reader->row->columns[i];
            return reader->row->values[i];
        }
    reader->failed = true;
    return NULL;
}

static struct operand operand_of(int64_t number) {
    struct operand operand = {.number = true};

    snprintf(operand.text, sizeof operand.text, "%lld", (long long)number);
    return operand;
}

static int64_t number_of(struct reader *reader, const struct operand *operand) {
    if (operand->null || !operand->number)
        reader->failed = true;
    return strtoll(operand->text, NULL, 10);
}

/* Some hash: FNV-1a of what the columns hold, NULL unlike any text. The parenthesis is open. */
static uint64_t read_hash(struct reader *reader) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    do {
        const struct source_column *column;
        const char *value = read_column(reader, &column);

        for (const char *at = value; at != NULL && *at != '\0'; at++)
            hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
        hash = (hash ^ (value != NULL ? 0x100 : 0x200)) * UINT64_C(0x100000001b3);
    } while (!reader->failed && accept(reader, ","));
    expect(reader, ")");
    return hash * UINT64_C(0x9E3779B97F4A7C15);
}

static struct operand read_try_cast(struct reader *reader, bool function) {
    struct operand operand = {.number = true};
    const struct source_column *column;
    char number[THREE_VALUED_NUMBER_SIZE] = "";

    expect(reader, "(");
    const char *value = read_column(reader, &column);

    operand.null = value == NULL || !three_valued_parse_number(value, number);
    snprintf(operand.text, sizeof operand.text, "%s", number);
    if (function) {
        expect(reader, ", 38, 0");
    } else {
        expect(reader, "AS");
        skip_type(reader);
    }
    expect(reader, ")");
    return operand;
}

static bool read_function(struct reader *reader, struct operand *operand) {
    if (accept(reader, "TRY_CAST(") || accept(reader, "TRY_TO_NUMBER(")) {
        bool function = reader->at[-2] == 'R';

        reader->at--;
        *operand = read_try_cast(reader, function);
    } else if (accept(reader, "ABS(")) {
        struct operand inside = read_operand(reader);
        int64_t number = number_of(reader, &inside);

        if (number == INT64_MIN) /* what Snowflake would have to refuse */
            reader->failed = true;
        *operand = operand_of(number < 0 && number != INT64_MIN ? -number : number);
        expect(reader, ")");
    } else if (accept(reader, "MOD(")) {
        struct operand left = read_operand(reader);

        expect(reader, ",");
        struct operand right = read_operand(reader);
        int64_t divisor = number_of(reader, &right);

        *operand = operand_of(divisor > 0 ? number_of(reader, &left) % divisor : 0);
        expect(reader, ")");
    } else if (accept(reader, "HASH(")) {
        *operand = operand_of((int64_t)read_hash(reader));
    } else if (accept(reader, "hash(")) {
        uint64_t hash = read_hash(reader);

        expect(reader, "%");
        expect(reader, "CAST(");
        uint64_t divisor = strtoull(reader->at, (char **)(uintptr_t)&reader->at, 10);

        expect(reader, "AS");
        skip_type(reader);
        expect(reader, ")");
        *operand = operand_of(divisor > 0 ? (int64_t)(hash % divisor) : 0);
    } else {
        return false;
    }
    return true;
}

static struct operand read_operand(struct reader *reader) {
    struct operand operand = {0};

    skip_space(reader);
    if (*reader->at == '"') {
        const struct source_column *column = NULL;
        const char *value = read_column(reader, &column);

        operand.null = value == NULL;
        operand.number = column != NULL && column->kind == VALUE_INTEGER;
        snprintf(operand.text, sizeof operand.text, "%s", value != NULL ? value : "");
    } else if (isdigit((unsigned char)reader->at[*reader->at == '-'])) {
        operand = operand_of(strtoll(reader->at, (char **)(uintptr_t)&reader->at, 10));
    } else if (read_function(reader, &operand)) {
        return operand;
    } else if (accept(reader, "CAST")) {
        expect(reader, "(");
        read_quoted(reader, '\'', operand.text, sizeof operand.text);
        expect(reader, "AS");
        skip_type(reader);
        expect(reader, ")");
    } else {
        read_quoted(reader, '\'', operand.text, sizeof operand.text);
        if (accept(reader, "::"))
            skip_type(reader);
    }
    return operand;
}

static int compare(const struct operand *left, const struct operand *right) {
    if (left->number || right->number) {
        char numbers[2][THREE_VALUED_NUMBER_SIZE] = {"", ""};

        (void)three_valued_parse_number(left->text, numbers[0]);
        (void)three_valued_parse_number(right->text, numbers[1]);
        return three_valued_compare_numbers(numbers[0], numbers[1]);
    }
    int order = strcmp(left->text, right->text);

    return (order > 0) - (order < 0);
}

static enum truth truth_of(bool value) {
    return value ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth read_comparison(struct reader *reader) {
    struct operand left = read_operand(reader);

    if (accept(reader, "IS")) {
        bool negated = accept(reader, "NOT");

        expect(reader, "NULL");
        return truth_of(left.null != negated);
    }
    if (accept(reader, "BETWEEN")) {
        struct operand low = read_operand(reader);

        expect(reader, "AND");
        struct operand high = read_operand(reader);

        if (left.null || low.null || high.null)
            return TRUTH_NULL;
        return truth_of(compare(&left, &low) >= 0 && compare(&left, &high) <= 0);
    }
    static const char *const operators[] = {"<=", ">=", "<>", "<", ">", "="};
    size_t which = 0;

    while (which < 6 && !accept(reader, operators[which]))
        which++;
    if (which == 6) {
        reader->failed = true;
        return TRUTH_NULL;
    }
    struct operand right = read_operand(reader);
    int order = compare(&left, &right);

    if (left.null || right.null)
        return TRUTH_NULL;
    const bool results[] = {order <= 0, order >= 0, order != 0, order<0, order> 0, order == 0};

    return truth_of(results[which]);
}

static enum truth read_test(struct reader *reader) {
    if (accept(reader, "NOT"))
        return (enum truth)(TRUTH_TRUE - read_test(reader));
    if (accept(reader, "(")) {
        enum truth inside = read_condition(reader);

        expect(reader, ")");
        return inside;
    }
    return read_comparison(reader);
}

/* Both operands are always read: the text goes on behind them. */
static enum truth read_and(struct reader *reader) {
    enum truth truth = read_test(reader);

    while (!reader->failed && accept(reader, "AND")) {
        enum truth next = read_test(reader);

        truth = next < truth ? next : truth;
    }
    return truth;
}

static enum truth read_condition(struct reader *reader) {
    enum truth truth = read_and(reader);

    while (!reader->failed && accept(reader, "OR")) {
        enum truth next = read_and(reader);

        truth = next > truth ? next : truth;
    }
    return truth;
}

bool three_valued_evaluate(const char *condition, bool backslash, const struct three_valued_row *row,
                           enum truth *truth) {
    struct reader reader = {.at = condition, .backslash = backslash, .row = row};

    *truth = TRUTH_TRUE;
    if (condition[0] == '\0')
        return true;
    *truth = read_condition(&reader);
    skip_space(&reader);
    return !reader.failed && *reader.at == '\0';
}

bool three_valued_number(const char *operand, const struct three_valued_row *row, int64_t *number) {
    struct reader reader = {.at = operand, .row = row};
    struct operand found = read_operand(&reader);

    *number = number_of(&reader, &found);
    return !reader.failed && *reader.at == '\0';
}
