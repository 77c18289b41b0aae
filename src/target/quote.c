#include <string.h>

#include "target/connection.h"

/* https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS: within quotes only the quote
 * itself is special. */
void target_identifier(struct buffer *sql, const char *name) {
    buffer_append_char(sql, '"');
    for (const char *byte = name; *byte != '\0'; byte++) {
        if (*byte == '"')
            buffer_append_char(sql, '"');
        buffer_append_char(sql, *byte);
    }
    buffer_append_char(sql, '"');
}

/* With a backslash in it the E'' form, which means the same whatever standard_conforming_strings says. */
void target_literal(struct buffer *sql, const char *text) {
    buffer_append(sql, strchr(text, '\\') != NULL ? " E'" : "'");
    for (const char *byte = text; *byte != '\0'; byte++) {
        if (*byte == '\'' || *byte == '\\')
            buffer_append_char(sql, *byte);
        buffer_append_char(sql, *byte);
    }
    buffer_append_char(sql, '\'');
}

void target_relation(struct buffer *sql, const char *schema, const char *table) {
    target_identifier(sql, schema);
    buffer_append_char(sql, '.');
    target_identifier(sql, table);
}
