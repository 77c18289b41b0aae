/* A reference evaluator of SQL conditions, three-valued as the standard has it: what a chunk's predicate says of a row.
 * It parses the text itself, so it shares nothing with the code that wrote it.
 *
 *   condition := and { OR and }        and := test { AND test }
 *   test      := NOT test | ( condition ) | operand IS [NOT] NULL | operand (< | <= | = | <> | >= | >) operand
 *              | operand BETWEEN operand AND operand
 *   operand   := "column" | 'text' | 'text'::TYPE | CAST('text' AS TYPE) | [-]number
 *              | TRY_CAST("column" AS TYPE) | TRY_TO_NUMBER("column", 38, 0)
 *              | hash("column", ...) % CAST(number AS TYPE)       unsigned, as DuckDB has it
 *              | ABS(operand) | MOD(operand, number) | HASH("column", ...)     signed, as Snowflake has it
 */
#ifndef THAW_TESTS_THREE_VALUED_H
#define THAW_TESTS_THREE_VALUED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/dialect.h"

enum truth { TRUTH_FALSE, TRUTH_NULL, TRUTH_TRUE };

/* A row: a text for each column, NULL where the value is NULL. Whole numbers of any length compare as numbers, everything
 * else byte by byte (ISO dates, timestamps of one width and uuids order so). */
struct three_valued_row {
    const struct source_column *columns;
    size_t column_count;
    const char *const *values;
};

/* An empty condition is true. False returned: it can't be parsed, or names an unknown column; `backslash` says whether the
 * backslash escapes in literals (Snowflake). */
bool three_valued_evaluate(const char *condition, bool backslash, const struct three_valued_row *row,
                           enum truth *truth);

/* The whole number that an operand is. False: it can't be parsed, or is none. */
bool three_valued_number(const char *operand, const struct three_valued_row *row, int64_t *number);

/* Text as a number of at most 38 digits: blanks around it, a sign, a fraction (rounded half away from zero) and an exponent are
 * read. `number` gets its digits behind a "-" where it is negative, without zeros in front. False: it is no such number. */
enum { THREE_VALUED_NUMBER_SIZE = 64 };
bool three_valued_parse_number(const char *text, char *number);
/* Less than 0, 0, more than 0: of two such numbers. */
int three_valued_compare_numbers(const char *left, const char *right);

#endif
