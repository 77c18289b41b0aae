/* A reference evaluator of SQL conditions, three-valued as the standard has it: what a chunk's predicate says of a row.
 * It parses the text itself, so it shares nothing with the code that wrote it.
 *
 *   condition := and { OR and }        and := test { AND test }
 *   test      := NOT test | ( condition ) | operand IS [NOT] NULL | operand (< | <= | = | <> | >= | >) operand
 *   operand   := "column" | 'text' | 'text'::TYPE | CAST('text' AS TYPE)
 */
#ifndef THAW_TESTS_THREE_VALUED_H
#define THAW_TESTS_THREE_VALUED_H

#include <stdbool.h>
#include <stddef.h>

#include "source/dialect.h"

enum truth { TRUTH_FALSE, TRUTH_NULL, TRUTH_TRUE };

/* A row: a text for each column, NULL where the value is NULL. Whole numbers compare as numbers, everything else byte by
 * byte (ISO dates, timestamps of one width and uuids order so). */
struct three_valued_row {
    const struct source_column *columns;
    size_t column_count;
    const char *const *values;
};

/* An empty condition is true. False returned: it can't be parsed, or names an unknown column; `backslash` says whether the
 * backslash escapes in literals (Snowflake). */
bool three_valued_evaluate(const char *condition, bool backslash, const struct three_valued_row *row,
                           enum truth *truth);

#endif
