#include "source/scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "source/internal.h"

static bool is_snowflake(const struct source *source) {
    return source->dialect == &dialect_snowflake;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* Beside the source's file, where it may be written; else, and where the source has none, in the temporary folder. */
static char *file_for(const struct source *source, const char *name) {
    struct buffer path = {0};
    const char *temporary = getenv("TMPDIR");
    char *real = source->path == NULL || source->in_memory ? NULL : realpath(source->path, NULL);
    if (real != NULL) {
        char *folder = memory_copy_bytes(real, (size_t)(strrchr(real, '/') - real) + 1);
        if (access(folder, W_OK) == 0)
            buffer_appendf(&path, "%s.%s", real, name);
        memory_release(&folder);
    }
    free(real);
    if (path.length == 0)
        buffer_appendf(&path, "%s/%s.duckdb", temporary != NULL && temporary[0] == '/' ? temporary : "/tmp", name);
    return buffer_steal(&path);
}

void source_scratch_name(const struct source *source, const struct source_relation *of, const char *schema,
                         const char *run_id, int64_t table_id, struct source_scratch *scratch) {
    struct buffer name = {0};
    buffer_append(&name, "thaw_scratch_");
    for (const char *at = run_id; *at != '\0'; at++)
        if (*at != '-')
            buffer_append_char(&name, *at);
    buffer_appendf(&name, "_%lld", (long long)table_id);
    memset(scratch, 0, sizeof *scratch);
    if (is_snowflake(source)) {
        scratch->relation.database = memory_copy_string(of->database);
        scratch->relation.schema = memory_copy_string(schema);
        scratch->relation.name = memory_copy_string(buffer_string(&name));
    } else {
        scratch->relation.database = memory_copy_string(buffer_string(&name));
        scratch->relation.schema = memory_copy_string("main");
        scratch->relation.name = memory_copy_string("scratch");
        scratch->file = file_for(source, buffer_string(&name));
    }
    buffer_release(&name);
}

void source_scratch_release(struct source_scratch *scratch) {
    source_relation_release(&scratch->relation);
    memory_release(&scratch->file);
}

/* ---- DuckDB's files ----------------------------------------------------------------------------------------------- */

/* https://duckdb.org/docs/stable/sql/statements/attach: for all connections of the instance, whose own file is read-only. */
static bool attach(struct source_connection *connection, const struct source_scratch *scratch, bool writable,
                   struct error *error) {
    const struct dialect *dialect = connection->source->dialect;
    struct buffer sql = {0};
    buffer_append(&sql, writable ? "ATTACH " : "ATTACH IF NOT EXISTS ");
    dialect->text_literal(&sql, scratch->file);
    buffer_append(&sql, " AS ");
    dialect->identifier(&sql, scratch->relation.database);
    buffer_append(&sql, writable ? " (READ_WRITE)" : " (READ_ONLY)");
    bool done = source_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    return done;
}

static bool command(struct source_connection *connection, const char *words, const struct source_scratch *scratch,
                    struct error *error) {
    struct buffer sql = {0};
    buffer_append(&sql, words);
    connection->source->dialect->identifier(&sql, scratch->relation.database);
    bool done = source_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    return done;
}

static bool remove_file(const char *path, const char *suffix, struct error *error) {
    struct buffer name = {0};
    buffer_appendf(&name, "%s%s", path, suffix);
    bool done = unlink(buffer_string(&name)) == 0 || errno == ENOENT;
    if (!done)
        error_set(error, ERROR_CONFIG, "the scratch file %s can't be removed: %s", buffer_string(&name),
                  strerror(errno));
    buffer_release(&name);
    return done;
}

static bool drop_file(struct source_connection *connection, const struct source_scratch *scratch, struct error *error) {
    return command(connection, "DETACH DATABASE IF EXISTS ", scratch, error) && remove_file(scratch->file, "", error) &&
           remove_file(scratch->file, ".wal", error);
}

/* Its rows are the source's: whoever may read the one may read the other, and nobody else. Other processes of the run may be another
 * user's. What can't be looked at, or has no file, stays this user's own. */
static void share_like_source(const struct source *source, const struct source_scratch *scratch) {
    struct stat of_source;
    if (source->path != NULL && !source->in_memory && stat(source->path, &of_source) == 0)
        (void)chmod(scratch->file, of_source.st_mode & (S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
}

/* Written, then opened again only to be read: so that other processes of the run can open it too. */
static bool make_file(struct source_connection *connection, const struct source_scratch *scratch, const char *statement,
                      struct error *error) {
    struct source_rows rows;
    struct error closing;
    if (!drop_file(connection, scratch, error) || !attach(connection, scratch, true, error))
        return false;
    bool done = source_planning_begin(connection, error);
    if (done && source_query_rows(connection, statement, &rows, error))
        source_rows_release(&rows);
    else
        done = false;
    error_clear(&closing);
    if (!source_planning_end(connection, done ? error : &closing))
        done = false;
    done = done && command(connection, "CHECKPOINT ", scratch, error);
    done = command(connection, "DETACH DATABASE IF EXISTS ", scratch, done ? error : &closing) && done;
    share_like_source(connection->source, scratch);
    return done;
}

/* ---- both --------------------------------------------------------------------------------------------------------- */

/* https://docs.snowflake.com/en/sql-reference/sql/create-table: transient, so that it costs no fail-safe. */
bool source_scratch_make(struct source_connection *connection, const struct source_scratch *scratch, const char *query,
                         struct error *error) {
    const struct dialect *dialect = connection->source->dialect;
    bool snowflake = is_snowflake(connection->source), found = false;
    int64_t rows = 0;
    struct buffer sql = {0}, name = {0};
    dialect_relation(dialect, &name, &scratch->relation);
    buffer_appendf(&sql, "CREATE %s %s AS %s", snowflake ? "OR REPLACE TRANSIENT TABLE" : "TABLE", buffer_string(&name),
                   query);
    bool done = snowflake ? source_execute(connection, buffer_string(&sql), error)
                          : make_file(connection, scratch, buffer_string(&sql), error);
    buffer_release(&sql);
    if (!done) {
        error_context(error, "making the scratch table %s",
                      scratch->file != NULL ? scratch->file : buffer_string(&name));
        if (error->kind == ERROR_CONFIG && snowflake && error->hint[0] == '\0')
            error_hint(error, "the role needs CREATE TABLE in scratch_schema, and must be able to read the source");
    } else if (!source_scratch_open(connection, scratch, &found, &rows, error)) {
        done = false;
    } else if (!found) {
        done = error_set(error, ERROR_TRANSIENT, "the scratch table %s is gone as soon as it was made",
                         buffer_string(&name));
    }
    buffer_release(&name);
    return done;
}

bool source_scratch_open(struct source_connection *connection, const struct source_scratch *scratch, bool *found,
                         int64_t *count, struct error *error) {
    struct buffer sql = {0};
    struct source_rows rows;
    *found = false;
    if (scratch->file != NULL && access(scratch->file, F_OK) != 0 && errno == ENOENT)
        return true;
    if (scratch->file != NULL && !attach(connection, scratch, false, error))
        return error_context(error, "opening the scratch file %s", scratch->file);
    buffer_append(&sql, "SELECT CAST(COUNT(*) AS VARCHAR) AS \"rows\" FROM ");
    dialect_relation(connection->source->dialect, &sql, &scratch->relation);
    bool done = source_query_rows(connection, buffer_string(&sql), &rows, error);
    buffer_release(&sql);
    if (!done) {
        done = source_scratch_is_gone(error); /* killed while it was made */
        if (done)
            error_clear(error);
        return done;
    }
    *found = rows.row_count == 1 && source_cell(&rows, 0, 0) != NULL;
    if (*found)
        *count = strtoll(source_cell(&rows, 0, 0), NULL, 10);
    source_rows_release(&rows);
    return true;
}

bool source_scratch_drop(struct source_connection *connection, const struct source_scratch *scratch,
                         struct error *error) {
    struct buffer sql = {0};
    if (scratch->file != NULL)
        return drop_file(connection, scratch, error);
    buffer_append(&sql, "DROP TABLE IF EXISTS ");
    dialect_relation(connection->source->dialect, &sql, &scratch->relation);
    bool done = source_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    return done;
}

bool source_scratch_is_gone(const struct error *error) {
    return error->kind == ERROR_CONFIG &&
           (strcmp(error->code, "42S02") == 0 || strcmp(error->code, "02000") == 0 ||
            strstr(error->message, "Catalog Error") != NULL || strstr(error->message, "does not exist") != NULL);
}
