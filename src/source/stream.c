/* Queries: a statement, its stream, and breaking it off from another thread. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "source/internal.h"

static void drop_error(struct AdbcError *adbc_error) {
    if (adbc_error->release != NULL)
        adbc_error->release(adbc_error);
    memset(adbc_error, 0, sizeof *adbc_error);
}

static void list_add(struct source_connection *connection, struct source_statement *statement) {
    pthread_mutex_lock(&connection->mutex);
    statement->next = connection->statements;
    connection->statements = statement;
    pthread_mutex_unlock(&connection->mutex);
}

/* From here on nobody else knows the statement, so it may be released. */
static void list_remove(struct source_connection *connection, struct source_statement *statement) {
    pthread_mutex_lock(&connection->mutex);
    struct source_statement **at = &connection->statements;
    while (*at != NULL && *at != statement)
        at = &(*at)->next;
    if (*at == statement)
        *at = statement->next;
    pthread_mutex_unlock(&connection->mutex);
}

/* Around each call into the driver that waits for the other side. */
static void begin_wait(struct source_connection *connection) {
    atomic_store(&connection->waits_since_us, clock_monotonic_us());
}

static void end_wait(struct source_connection *connection) {
    atomic_store(&connection->waits_since_us, 0);
}

int64_t source_waits_since(const struct source_connection *connection, bool *answered) {
    *answered = atomic_load(&connection->answered);
    return atomic_load(&connection->waits_since_us);
}

static bool was_cancelled(struct source_statement *statement) {
    pthread_mutex_lock(&statement->connection->mutex);
    bool cancelled = statement->cancelled;
    pthread_mutex_unlock(&statement->connection->mutex);
    return cancelled;
}

void source_cancel(struct source_connection *connection) {
    pthread_mutex_lock(&connection->mutex);
    for (struct source_statement *at = connection->statements; at != NULL; at = at->next) {
        struct AdbcError adbc_error = {0};
        at->cancelled = true;
        if (connection->source->driver.adbc.StatementCancel != NULL)
            connection->source->driver.adbc.StatementCancel(&at->adbc, &adbc_error);
        drop_error(&adbc_error);
    }
    pthread_mutex_unlock(&connection->mutex);
}

static void statement_close(struct source_statement **pointer) {
    struct source_statement *statement = *pointer;
    if (statement == NULL)
        return;
    struct AdbcError adbc_error = {0};
    list_remove(statement->connection, statement);
    begin_wait(statement->connection); /* some tell the source that they are done */
    if (statement->adbc.private_data != NULL)
        statement->connection->source->driver.adbc.StatementRelease(&statement->adbc, &adbc_error);
    end_wait(statement->connection);
    drop_error(&adbc_error);
    memory_release(pointer);
}

/* Whatever the driver says of a statement that was cancelled, that is why. */
static bool statement_failure(struct source_statement *statement, struct AdbcError *adbc_error, AdbcStatusCode status,
                              const char *doing, struct error *error) {
    driver_failure(adbc_error, status, doing, error);
    if (was_cancelled(statement))
        return error_set(error, ERROR_STOPPED, "reading the source was broken off on request");
    if (error->kind == ERROR_STOPPED) /* not by us: an administrator, or the driver after a lost connection */
        error->kind = ERROR_TRANSIENT;
    return false;
}

static bool statement_open(struct source_connection *connection, const char *sql, struct source_statement **result,
                           struct error *error) {
    struct AdbcDriver *driver = &connection->source->driver.adbc;
    const struct source_options *options = &connection->source->options;
    struct source_statement *statement = memory_allocate(sizeof *statement);
    struct AdbcError adbc_error = {0};
    statement->connection = connection;
    AdbcStatusCode status = driver->StatementNew(&connection->adbc, &statement->adbc, &adbc_error);
    for (size_t i = 0; status == ADBC_STATUS_OK && i < options->statement_count; i++)
        status = driver->StatementSetOption(&statement->adbc, options->statement[i].name, options->statement[i].value,
                                            &adbc_error);
    if (status == ADBC_STATUS_OK)
        status = driver->StatementSetSqlQuery(&statement->adbc, sql, &adbc_error);
    if (status == ADBC_STATUS_OK) {
        list_add(connection, statement);
        *result = statement;
        return true;
    }
    statement_failure(statement, &adbc_error, status, "preparing a query", error);
    statement_close(&statement);
    return false;
}

/* What the source says comes first; how the query begins tells which one it is. The whole of it is for the debug log. */
static void name_query(const struct source_connection *connection, const char *sql, struct error *error) {
    enum { SHOWN = 120 };
    if (error->kind != ERROR_CONFIG && error->kind != ERROR_DATA && error->kind != ERROR_INTERNAL)
        return;
    struct error said = *error;
    size_t shown = strnlen(sql, SHOWN);
    bool cut = sql[shown] != '\0';
    while (cut && shown > 0 && ((unsigned char)sql[shown] & 0xC0) == 0x80) /* not in the midst of a character */
        shown--;
    error_set_code(error, said.kind, said.code, "%s; the query was \"%.*s%s\"", said.message, (int)shown, sql,
                   cut ? "..." : "");
    if (said.hint[0] != '\0')
        error_hint(error, "%s", said.hint);
    if (cut && connection->source->log != NULL)
        log_debug(connection->source->log, "source", "the query that failed: %s", sql);
}

/* Execute once. On failure the stream is closed. */
static bool stream_execute(struct source_connection *connection, const char *sql, struct source_stream *stream,
                           struct error *error) {
    struct source_statement *statement = NULL;
    struct AdbcError adbc_error = {0};
    memset(stream, 0, sizeof *stream);
    stream->connection = connection;
    stream->total_rows = -1;
    if (!statement_open(connection, sql, &statement, error))
        return false;
    stream->statement = statement;
    int64_t total = -1;
    atomic_store(&connection->answered, false);
    begin_wait(connection);
    AdbcStatusCode status =
        connection->source->driver.adbc.StatementExecuteQuery(&statement->adbc, &stream->arrow, &total, &adbc_error);
    end_wait(connection);
    if (status != ADBC_STATUS_OK) {
        statement_failure(statement, &adbc_error, status, "running a query", error);
    } else if (stream->arrow.get_schema == NULL) {
        error_set(error, ERROR_INTERNAL, "the driver returned no result for a query");
    } else if (stream->arrow.get_schema(&stream->arrow, &stream->schema) != 0) {
        const char *reason = stream->arrow.get_last_error(&stream->arrow);
        adbc_error.message = (char *)(reason != NULL ? reason : "");
        statement_failure(statement, &adbc_error, ADBC_STATUS_UNKNOWN, "reading the columns of a result", error);
    } else {
        stream->total_rows = total >= 0 ? total : -1;
        return true;
    }
    source_stream_close(stream);
    return false;
}

bool source_stream_open(struct source_connection *connection, const char *sql, struct source_stream *stream,
                        struct error *error) {
    for (;;) {
        int64_t limit = connection->source->memory.managed ? duckdb_memory_limit(connection->source) : 0;
        if (stream_execute(connection, sql, stream, error)) {
            stream->memory_limit_mb = limit;
            return true;
        }
        if (!duckdb_is_out_of_memory(error))
            break;
        if (!duckdb_widen_memory(connection, limit)) {
            duckdb_tell_bound(connection, error);
            break;
        }
    }
    name_query(connection, sql, error);
    return false;
}

/* A stream's error: with codes where the driver keeps them (ADBC 1.1.0), else its words. */
static bool stream_failure(struct source_stream *stream, int code, struct error *error) {
    struct AdbcDriver *driver = &stream->connection->source->driver.adbc;
    AdbcStatusCode status = ADBC_STATUS_UNKNOWN;
    struct AdbcError copy = {0};
    const struct AdbcError *kept =
        driver->ErrorFromArrayStream != NULL ? driver->ErrorFromArrayStream(&stream->arrow, &status) : NULL;
    const char *reason = stream->arrow.get_last_error(&stream->arrow);
    if (kept != NULL) {
        copy = *kept;
        copy.release = NULL; /* it stays the stream's */
    } else {
        copy.message = (char *)(reason != NULL ? reason : strerror(code));
    }
    statement_failure(stream->statement, &copy, status, "reading the rows of a query", error);
    /* Rows have been handed out, so it can't begin again here; whoever reads the chunk again finds more memory. */
    if (duckdb_is_out_of_memory(error) && !duckdb_widen_memory(stream->connection, stream->memory_limit_mb))
        duckdb_tell_bound(stream->connection, error);
    return false;
}

bool source_stream_next(struct source_stream *stream, struct ArrowArray *batch, bool *end, struct error *error) {
    memset(batch, 0, sizeof *batch);
    *end = false;
    /* Not every driver notices a cancel between two batches. */
    if (was_cancelled(stream->statement))
        return error_set(error, ERROR_STOPPED, "reading the source was broken off on request");
    begin_wait(stream->connection);
    int code = stream->arrow.get_next(&stream->arrow, batch);
    end_wait(stream->connection);
    atomic_store(&stream->connection->answered, true);
    if (code != 0)
        return stream_failure(stream, code, error);
    if (batch->release != NULL) {
        stream->rows_read += batch->length;
        return true;
    }
    *end = true;
    if (was_cancelled(stream->statement))
        return error_set(error, ERROR_STOPPED, "reading the source was broken off on request");
    if (stream->total_rows < 0 || stream->total_rows == stream->rows_read)
        return true;
    error_set(error, ERROR_TRANSIENT, "the source cut the result: it has %" PRId64 " rows, %" PRId64 " arrived",
              stream->total_rows, stream->rows_read);
    return error_hint(error,
                      "the chunk is read again; if that goes on, look at the network between here and the source");
}

/* The stream goes before its statement: drivers keep what it reads from in the statement. */
void source_stream_close(struct source_stream *stream) {
    begin_wait(stream->connection);
    if (stream->arrow.release != NULL)
        stream->arrow.release(&stream->arrow);
    end_wait(stream->connection);
    if (stream->schema.release != NULL)
        stream->schema.release(&stream->schema);
    struct source_statement *statement = stream->statement;
    statement_close(&statement);
    memset(stream, 0, sizeof *stream);
}

bool source_execute_unnamed(struct source_connection *connection, const char *sql, struct error *error) {
    struct source_stream stream;
    if (!stream_execute(connection, sql, &stream, error))
        return false;
    stream.total_rows = -1; /* of a statement that changes rows it is their number, and none of them arrives */
    bool ok = true;
    for (bool end = false; ok && !end;) {
        struct ArrowArray batch;
        ok = source_stream_next(&stream, &batch, &end, error);
        if (batch.release != NULL)
            batch.release(&batch);
    }
    source_stream_close(&stream);
    return ok;
}

bool source_execute(struct source_connection *connection, const char *sql, struct error *error) {
    if (source_execute_unnamed(connection, sql, error))
        return true;
    name_query(connection, sql, error);
    return false;
}
