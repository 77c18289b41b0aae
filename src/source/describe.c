/* What a source's catalogue says of a table or view. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "source/internal.h"

typedef void (*catalogue_query)(struct buffer *sql, const struct source_relation *relation);

static bool query(struct source_connection *connection, catalogue_query build, const struct source_relation *relation,
                  struct source_rows *rows, struct error *error) {
    struct buffer sql = {0};
    build(&sql, relation);
    bool ok = source_query_rows(connection, buffer_string(&sql), rows, error);
    buffer_release(&sql);
    return ok;
}

static void query_all_relations(struct source_connection *connection, const struct source_relation *relation,
                                struct source_rows *rows) {
    struct buffer sql = {0};
    struct error ignored;
    connection->source->dialect->relations_query(&sql, relation, true);
    if (!source_query_rows(connection, buffer_string(&sql), rows, &ignored))
        memset(rows, 0, sizeof *rows);
    buffer_release(&sql);
}

/* ERROR_CONFIG with the nearest names as hint. */
static bool not_found(struct source_connection *connection, const struct source_relation *relation,
                      struct error *error) {
    struct buffer name = {0};
    dialect_relation(connection->source->dialect, &name, relation);
    error_set(error, ERROR_CONFIG, "%s has no table or view %s, or not for this user", connection->source->label,
              buffer_string(&name));
    buffer_release(&name);
    struct source_rows rows;
    query_all_relations(connection, relation, &rows);
    int64_t column = source_rows_column(&rows, "name");
    if (column < 0 || rows.row_count == 0) {
        error_hint(error,
                   "check database, schema and name, upper and lower case included: nothing is visible in that schema");
    } else {
        const char **names = memory_array(rows.row_count, sizeof *names);
        for (size_t i = 0; i < rows.row_count; i++)
            names[i] = source_cell(&rows, i, (size_t)column);
        const char *nearest = config_nearest(relation->name, names, rows.row_count);
        if (nearest != NULL)
            error_hint(error, "did you mean \"%s\"? Names are exact, upper and lower case included", nearest);
        else
            error_hint(error, "the schema has %zu others, \"%s\" for one", rows.row_count, names[0]);
        memory_release(&names);
    }
    source_rows_release(&rows);
    return false;
}

/* A comment, or NULL where there is none. */
static char *comment_of(const struct source_rows *rows, size_t row, int64_t column) {
    const char *text = column < 0 || row >= rows->row_count ? NULL : source_cell(rows, row, (size_t)column);
    return text == NULL || text[0] == '\0' ? NULL : memory_copy_string(text);
}

static bool fill_columns(struct source_connection *connection, const struct source_rows *rows,
                         struct source_table *table, struct error *error) {
    int64_t name = source_rows_column(rows, "name"), type = source_rows_column(rows, "type");
    int64_t nullable = source_rows_column(rows, "null?"), comment = source_rows_column(rows, "comment");
    if (name < 0 || type < 0 || nullable < 0)
        return error_set(error, ERROR_INTERNAL, "the catalogue's answer lacks \"name\", \"type\" or \"null?\"");
    table->columns = memory_array(rows->row_count, sizeof *table->columns);
    for (size_t row = 0; row < rows->row_count; row++) {
        struct source_column *column = &table->columns[row];
        const char *name_text = source_cell(rows, row, (size_t)name), *type_text = source_cell(rows, row, (size_t)type);
        const char *nullable_text = source_cell(rows, row, (size_t)nullable);
        if (name_text == NULL || type_text == NULL)
            return error_set(error, ERROR_INTERNAL, "the catalogue's answer has a column without name or type");
        column->name = memory_copy_string(name_text);
        column->type_name = memory_copy_string(type_text);
        column->nullable = nullable_text == NULL || nullable_text[0] != 'N';
        column->comment = comment_of(rows, row, comment);
        table->column_count = row + 1;
        connection->source->dialect->classify(column);
    }
    return true;
}

static int by_sequence(const void *left, const void *right) {
    const int64_t *a = left, *b = right;
    return (a[0] > b[0]) - (a[0] < b[0]);
}

/* What the source doesn't tell is left out; what may pass, or was broken off, is no answer. */
static bool is_no_answer(const struct error *error) {
    return error->kind == ERROR_TRANSIENT || error->kind == ERROR_STOPPED;
}

/* A source without keys, or one that doesn't show them, is as good as any: the key is informative. */
static bool fill_key(struct source_connection *connection, struct source_table *table, struct error *error) {
    struct source_rows rows;
    if (!query(connection, connection->source->dialect->key_query, &table->relation, &rows, error)) {
        if (is_no_answer(error))
            return false;
        if (connection->source->log != NULL)
            log_debug(connection->source->log, "source", "no key of %s: %s", table->relation.name, error->message);
        error_clear(error);
        return true;
    }
    int64_t name = source_rows_column(&rows, "column_name"), sequence = source_rows_column(&rows, "key_sequence");
    if (name >= 0 && sequence >= 0 && rows.row_count > 0) {
        int64_t(*order)[2] = memory_array(rows.row_count, sizeof *order);
        bool known = true;
        for (size_t row = 0; row < rows.row_count; row++) {
            const char *position = source_cell(&rows, row, (size_t)sequence),
                       *text = source_cell(&rows, row, (size_t)name);
            order[row][0] = position != NULL ? strtoll(position, NULL, 10) : 0;
            order[row][1] = text != NULL ? source_column_find(table, text) : -1;
            known = known && order[row][1] >= 0;
        }
        qsort(order, rows.row_count, sizeof *order, by_sequence);
        if (known) {
            table->key = memory_array(rows.row_count, sizeof *table->key);
            table->key_count = rows.row_count;
            for (size_t i = 0; i < rows.row_count; i++)
                table->key[i] = (size_t)order[i][1];
        }
        memory_release(&order);
    }
    source_rows_release(&rows);
    return true;
}

/* Table or view, and how many rows it is said to have. */
static bool fill_kind(struct source_connection *connection, struct source_table *table, struct error *error) {
    struct source_rows rows;
    struct buffer sql = {0};
    connection->source->dialect->relations_query(&sql, &table->relation, false);
    bool told = source_query_rows(connection, buffer_string(&sql), &rows, error);
    buffer_release(&sql);
    if (!told && is_no_answer(error))
        return false;
    error_clear(error);
    if (told) {
        int64_t kind = source_rows_column(&rows, "kind");
        const char *text = kind >= 0 && rows.row_count > 0 ? source_cell(&rows, 0, (size_t)kind) : NULL;
        table->is_view = text != NULL && strstr(text, "VIEW") != NULL;
        int64_t count = source_rows_column(&rows, "rows");
        const char *estimate = count >= 0 && rows.row_count > 0 ? source_cell(&rows, 0, (size_t)count) : NULL;
        if (estimate != NULL)
            table->estimated_rows = strtoll(estimate, NULL, 10);
        table->comment = comment_of(&rows, 0, source_rows_column(&rows, "comment"));
        source_rows_release(&rows);
    }
    return true;
}

bool source_describe(struct source_connection *connection, const struct source_relation *relation,
                     struct source_table *table, struct error *error) {
    struct source_rows rows;
    memset(table, 0, sizeof *table);
    if (!query(connection, connection->source->dialect->columns_query, relation, &rows, error)) {
        /* What Snowflake answers where an object doesn't exist or isn't granted; DuckDB's catalogue just has no rows. */
        if (strcmp(error->code, "42S02") != 0 && strcmp(error->code, "02000") != 0)
            return error_context(error, "describing %s", relation->name);
        return not_found(connection, relation, error);
    }
    bool ok = rows.row_count > 0 || not_found(connection, relation, error);
    ok = ok && fill_columns(connection, &rows, table, error);
    source_rows_release(&rows);
    if (!ok) {
        source_table_release(table);
        return false;
    }
    table->relation.database = memory_copy_string(relation->database);
    table->relation.schema = memory_copy_string(relation->schema);
    table->relation.name = memory_copy_string(relation->name);
    table->estimated_rows = -1;
    if (fill_kind(connection, table, error) && (table->is_view || fill_key(connection, table, error))) {
        table->block_rows = table->is_view ? 0 : connection->source->dialect->block_rows;
        return true;
    }
    source_table_release(table);
    return error_context(error, "describing %s", relation->name);
}
