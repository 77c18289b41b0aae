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
    if (isalpha((unsigned char)token[0]) && (isalnum((unsigned char)reader->at[length]) || reader->at[length] == '_'))
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

static struct operand read_operand(struct reader *reader) {
    struct operand operand = {0};

    skip_space(reader);
    if (*reader->at == '"') {
        char name[256];

        read_quoted(reader, '"', name, sizeof name);
        for (size_t i = 0; i < reader->row->column_count; i++)
            if (strcmp(reader->row->columns[i].name, name) == 0) {
                const char *value = reader->row->values[i];

                operand.null = value == NULL;
                operand.number = reader->row->columns[i].kind == VALUE_INTEGER;
                snprintf(operand.text, sizeof operand.text, "%s", value != NULL ? value : "");
                return operand;
            }
        reader->failed = true;
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
        long long a = strtoll(left->text, NULL, 10);
        long long b = strtoll(right->text, NULL, 10);

        return (a > b) - (a < b);
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
