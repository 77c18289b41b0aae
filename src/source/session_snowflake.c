/* A Snowflake session, pinned: the same query means the same rows and the same text whatever the user's or the account's
 * defaults are. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "source/internal.h"

/* https://docs.snowflake.com/en/sql-reference/sql/alter-session (several parameters, separated by commas) */
static void alter_session(struct buffer *sql, const struct source_options *options) {
    buffer_append(sql, "ALTER SESSION SET ");
    for (size_t i = 0; i < options->session_count; i++) {
        const char *value = options->session[i].value;
        bool bare =
            strcmp(value, "true") == 0 || strcmp(value, "false") == 0 || value[strspn(value, "0123456789")] == '\0';
        buffer_appendf(sql, "%s%s = ", i > 0 ? ", " : "", options->session[i].name);
        if (bare && value[0] != '\0')
            buffer_append(sql, value);
        else
            dialect_snowflake.text_literal(sql, value);
    }
}

static const char *find_parameter(const struct source_rows *rows, int64_t key, int64_t value, const char *name) {
    for (size_t row = 0; row < rows->row_count; row++) {
        const char *cell = source_cell(rows, row, (size_t)key);
        if (cell != NULL && strcmp(cell, name) == 0)
            return source_cell(rows, row, (size_t)value);
    }
    return NULL;
}

static bool check_parameters(const struct source *source, const struct source_rows *rows, struct error *error) {
    int64_t key = source_rows_column(rows, "key"), value = source_rows_column(rows, "value");
    if (key < 0 || value < 0)
        return error_set(error, ERROR_INTERNAL, "SHOW PARAMETERS has no columns \"key\" and \"value\"");
    for (size_t i = 0; i < source->options.session_count; i++) {
        const struct source_option *wanted = &source->options.session[i];
        const char *actual = find_parameter(rows, key, value, wanted->name);
        if (actual != NULL && strcasecmp(actual, wanted->value) == 0)
            continue;
        error_set(error, ERROR_CONFIG, "the session does not take %s = %s: it says %s", wanted->name, wanted->value,
                  actual != NULL ? actual : "nothing");
        return error_hint(
            error, "without it rows could be missing or values differ: ask the account's administrator what sets it");
    }
    return true;
}

/* Session parameters that the user asked for went along with the log-in, which accepts any name in silence. */
static void warn_of_unknown(const struct source *source, const struct source_rows *rows) {
    int64_t key = source_rows_column(rows, "key");
    for (size_t i = 0; source->log != NULL && i < source->options.database_count; i++) {
        const char *name = source->options.database[i].name;
        if (strcspn(name, "abcdefghijklmnopqrstuvwxyz.") == strlen(name) &&
            find_parameter(rows, key, key, name) == NULL)
            log_warning(source->log, "source", "option %s: the session shows no parameter of that name", name);
    }
}

/* https://docs.snowflake.com/en/sql-reference/sql/show-parameters */
static bool verify(struct source_connection *connection, bool first, struct error *error) {
    struct source_rows rows;
    if (!source_query_rows(connection, "SHOW PARAMETERS IN SESSION", &rows, error))
        return false;
    bool ok = check_parameters(connection->source, &rows, error);
    if (ok && first)
        warn_of_unknown(connection->source, &rows);
    source_rows_release(&rows);
    return ok;
}

bool session_pin_snowflake(struct source_connection *connection, struct error *error) {
    struct source *source = connection->source;
    struct buffer sql = {0};
    alter_session(&sql, &source->options);
    bool ok = source_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    /* What a session may see must not depend on the user's default secondary roles:
     * https://docs.snowflake.com/en/sql-reference/sql/use-secondary-roles */
    ok = ok && source_execute(connection, "USE SECONDARY ROLES NONE", error);
    pthread_mutex_lock(&source->mutex);
    bool first = !source->session_seen;
    source->session_seen = true;
    pthread_mutex_unlock(&source->mutex);
    return (ok && verify(connection, first, error)) || error_context(error, "pinning the session");
}
