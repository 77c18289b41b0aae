#include "source/dialect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const struct dialect *dialect_find(const char *name) {
    if (strcmp(name, dialect_snowflake.name) == 0)
        return &dialect_snowflake;
    if (strcmp(name, dialect_duckdb.name) == 0)
        return &dialect_duckdb;
    return NULL;
}

void dialect_quote(struct buffer *sql, const char *text, char quote) {
    buffer_append_char(sql, quote);
    for (; *text != '\0'; text++) {
        if (*text == quote)
            buffer_append_char(sql, quote);
        buffer_append_char(sql, *text);
    }
    buffer_append_char(sql, quote);
}

void dialect_split_type(const char *type, char *name, size_t size, int64_t *first, int64_t *second) {
    size_t length = 0;
    const char *open = strchr(type, '(');
    *first = *second = -1;
    for (const char *at = type; *at != '\0' && at != open && length + 1 < size; at++)
        name[length++] = (char)toupper((unsigned char)*at);
    while (length > 0 && name[length - 1] == ' ')
        length--;
    name[length] = '\0';
    if (open == NULL || !isdigit((unsigned char)open[1]))
        return;
    char *end;
    *first = strtoll(open + 1, &end, 10);
    while (*end == ' ' || *end == ',')
        end++;
    if (isdigit((unsigned char)*end))
        *second = strtoll(end, NULL, 10);
}

void dialect_columns(const struct dialect *dialect, struct buffer *sql, const struct source_column *columns,
                     size_t column_count) {
    for (size_t i = 0; i < column_count; i++) {
        buffer_append(sql, i > 0 ? ", " : "");
        dialect->identifier(sql, columns[i].name);
    }
}

void dialect_bound_literal(const struct dialect *dialect, struct buffer *sql, const struct source_column *column,
                           const char *text) {
    struct buffer literal = {0};
    dialect->text_literal(&literal, text);
    dialect->bound_value(sql, column, buffer_string(&literal));
    buffer_release(&literal);
}

void dialect_relation(const struct dialect *dialect, struct buffer *sql, const struct source_relation *relation) {
    if (relation->database != NULL) {
        dialect->identifier(sql, relation->database);
        buffer_append_char(sql, '.');
    }
    if (relation->schema != NULL) {
        dialect->identifier(sql, relation->schema);
        buffer_append_char(sql, '.');
    }
    dialect->identifier(sql, relation->name);
}

void dialect_from(const struct dialect *dialect, struct buffer *sql, const struct source_relation *relation) {
    dialect_relation(dialect, sql, relation);
    if (relation->moment != NULL && dialect->at_moment != NULL)
        dialect->at_moment(sql, relation->moment);
}

void source_relation_release(struct source_relation *relation) {
    memory_release(&relation->database);
    memory_release(&relation->schema);
    memory_release(&relation->name);
    memory_release(&relation->moment);
}

void source_table_release(struct source_table *table) {
    source_relation_release(&table->relation);
    for (size_t i = 0; i < table->column_count; i++) {
        memory_release(&table->columns[i].name);
        memory_release(&table->columns[i].type_name);
        memory_release(&table->columns[i].comment);
    }
    memory_release(&table->columns);
    memory_release(&table->comment);
    memory_release(&table->key);
    memset(table, 0, sizeof *table);
}

int64_t source_column_find(const struct source_table *table, const char *name) {
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return (int64_t)i;
    return -1;
}
