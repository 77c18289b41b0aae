#include "source/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "source/internal.h"

/* The cell of the named column in the first row, allocated; NULL where there is none. */
static char *take(const struct source_rows *rows, size_t row, const char *name) {
    int64_t column = source_rows_column(rows, name);
    if (column < 0 || row >= rows->row_count)
        return NULL;
    return memory_copy_string(source_cell(rows, row, (size_t)column));
}

static int64_t number_or_unknown(const char *text) {
    char *end = NULL;
    if (text == NULL || *text == '\0')
        return -1;
    long long number = strtoll(text, &end, 10);
    return *end == '\0' ? number : -1;
}

/* https://docs.snowflake.com/en/sql-reference/sql/show-warehouses: shows what the role may see. LIKE takes a pattern, so
 * that other names may come along; where the role may not see its own warehouse, nothing is known of it. */
static void read_warehouse(struct source_connection *connection, struct source_facts *facts) {
    struct buffer sql = {0};
    struct source_rows rows;
    struct error ignored;
    buffer_append(&sql, "SHOW WAREHOUSES LIKE ");
    dialect_snowflake.text_literal(&sql, facts->warehouse);
    if (source_query_rows(connection, buffer_string(&sql), &rows, &ignored)) {
        for (size_t row = 0; row < rows.row_count; row++) {
            char *name = take(&rows, row, "name");
            if (name != NULL && strcmp(name, facts->warehouse) == 0) {
                facts->warehouse_state = take(&rows, row, "state");
                char *resumes = take(&rows, row, "auto_resume");
                if (resumes != NULL)
                    facts->warehouse_resumes = strcmp(resumes, "true") == 0;
                memory_release(&resumes);
            }
            memory_release(&name);
        }
        source_rows_release(&rows);
    }
    buffer_release(&sql);
}

/* https://docs.snowflake.com/en/sql-reference/parameters#statement-timeout-in-seconds */
static void read_statement_limit(struct source_connection *connection, struct source_facts *facts) {
    struct source_rows rows;
    struct error ignored;
    if (!source_query_rows(connection, "SHOW PARAMETERS IN SESSION", &rows, &ignored))
        return;
    for (size_t row = 0; row < rows.row_count; row++) {
        char *key = take(&rows, row, "key"), *value = take(&rows, row, "value");
        if (key != NULL && strcmp(key, "STATEMENT_TIMEOUT_IN_SECONDS") == 0)
            facts->statement_limit_seconds = number_or_unknown(value);
        memory_release(&key);
        memory_release(&value);
    }
    source_rows_release(&rows);
}

/* https://docs.snowflake.com/en/sql-reference/functions-context */
static bool read_snowflake(struct source_connection *connection, struct source_facts *facts, struct error *error) {
    struct source_rows rows;
    if (!source_query_rows(connection,
                           "SELECT CURRENT_VERSION() AS \"version\", CURRENT_USER() AS \"user\", "
                           "CURRENT_ROLE() AS \"role\", CURRENT_WAREHOUSE() AS \"warehouse\"",
                           &rows, error))
        return false;
    char *version = take(&rows, 0, "version");
    struct buffer text = {0};
    buffer_appendf(&text, "Snowflake %s", version == NULL ? "" : version);
    facts->version = buffer_steal(&text);
    facts->user = take(&rows, 0, "user");
    facts->role = take(&rows, 0, "role");
    facts->warehouse = take(&rows, 0, "warehouse");
    facts->has_warehouse = true;
    memory_release(&version);
    source_rows_release(&rows);
    if (facts->warehouse != NULL)
        read_warehouse(connection, facts);
    read_statement_limit(connection, facts);
    return true;
}

static bool read_duckdb(struct source_connection *connection, struct source_facts *facts, struct error *error) {
    struct source_rows rows;
    if (!source_query_rows(connection, "SELECT 'DuckDB ' || version() AS \"version\"", &rows, error))
        return false;
    facts->version = take(&rows, 0, "version");
    source_rows_release(&rows);
    return true;
}

bool source_read_facts(struct source_connection *connection, struct source_facts *facts, struct error *error) {
    memset(facts, 0, sizeof *facts);
    facts->warehouse_resumes = -1;
    facts->statement_limit_seconds = -1;
    return connection->source->dialect == &dialect_snowflake ? read_snowflake(connection, facts, error)
                                                             : read_duckdb(connection, facts, error);
}

void source_facts_release(struct source_facts *facts) {
    memory_release(&facts->version);
    memory_release(&facts->user);
    memory_release(&facts->role);
    memory_release(&facts->warehouse);
    memory_release(&facts->warehouse_state);
    memset(facts, 0, sizeof *facts);
}
