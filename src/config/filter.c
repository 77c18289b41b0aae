/* Is source_filter one condition? It goes into parentheses beside the condition that cuts a chunk; one that closes them, such as
 * `a = 1) OR (b = 2`, is SQL too, but undoes that condition: each chunk would read all rows. Only parentheses are looked at; what
 * else may be wrong is the source's to say.
 * Literals and comments: https://docs.snowflake.com/en/sql-reference/data-types-text and
 * https://duckdb.org/docs/stable/sql/data_types/literal_types */
#include <ctype.h>
#include <string.h>

#include "config/read.h"

struct scan {
    const char *sql;
    const char *at;
    bool snowflake;
};

static bool is_word(char character) {
    return isalnum((unsigned char)character) || character == '_';
}

/* 'text' and "name", the mark doubled within. Snowflake's texts have escapes, DuckDB's where an E stands before them. */
static void skip_quoted(struct scan *scan) {
    char quote = *scan->at;
    const char *before = scan->at - 1;
    bool marked =
        scan->at > scan->sql && toupper((unsigned char)*before) == 'E' && (before == scan->sql || !is_word(before[-1]));
    bool escapes = quote == '\'' && (scan->snowflake || marked);
    for (scan->at++; *scan->at != '\0' && *scan->at != quote; scan->at++)
        if (escapes && *scan->at == '\\' && scan->at[1] != '\0')
            scan->at++;
    scan->at += *scan->at != '\0';
}

/* $$text$$, in DuckDB $tag$text$tag$ too. False: no such text begins here. */
static bool skip_dollars(struct scan *scan) {
    size_t tag = 1;
    while (!scan->snowflake && is_word(scan->at[tag]))
        tag++;
    if (scan->at[tag] != '$')
        return false;
    const char *mark = scan->at;
    const char *end = mark + tag + 1;
    while (*end != '\0' && strncmp(end, mark, tag + 1) != 0)
        end++;
    scan->at = *end == '\0' ? end : end + tag + 1;
    return true;
}

/* DuckDB's comments may stand in each other. */
static void skip_comment(struct scan *scan) {
    int depth = 0;
    do {
        bool begins = strncmp(scan->at, "/*", 2) == 0 && (depth == 0 || !scan->snowflake);
        bool ends = strncmp(scan->at, "*/", 2) == 0;
        depth += begins ? 1 : ends ? -1 : 0;
        scan->at += begins || ends ? 2 : 1;
    } while (depth > 0 && *scan->at != '\0');
}

/* The next parenthesis outside of all of those; '\0' at the end. */
static char next_parenthesis(struct scan *scan) {
    while (*scan->at != '\0') {
        char character = *scan->at;
        if (character == '(' || character == ')') {
            scan->at++;
            return character;
        }
        if (character == '\'' || character == '"')
            skip_quoted(scan);
        else if (strncmp(scan->at, "--", 2) == 0 || (scan->snowflake && strncmp(scan->at, "//", 2) == 0))
            scan->at += strcspn(scan->at, "\n");
        else if (strncmp(scan->at, "/*", 2) == 0)
            skip_comment(scan);
        else if (character != '$' || !skip_dollars(scan))
            scan->at++;
    }
    return '\0';
}

char filter_odd_parenthesis(const char *sql, bool snowflake) {
    struct scan scan = {.sql = sql, .at = sql, .snowflake = snowflake};
    long depth = 0;
    for (char found = next_parenthesis(&scan); found != '\0'; found = next_parenthesis(&scan)) {
        depth += found == '(' ? 1 : -1;
        if (depth < 0)
            return ')';
    }
    return depth > 0 ? '(' : '\0';
}
