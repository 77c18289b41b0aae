#include "target/copy.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Bytes given to libpq at once, one CopyData message, which the server takes in whole: so small that it stays in the processors'
 * caches there. Measured, see docs/decisions.md. */
enum { SLICE = 32 * 1024 };

void copy_statement(struct buffer *sql, const char *schema, const char *table, const struct encode_target *columns,
                    size_t column_count, enum encode_format format) {
    buffer_append(sql, "COPY ");
    target_relation(sql, schema, table);
    for (size_t i = 0; i < column_count; i++) {
        buffer_append(sql, i == 0 ? " (" : ", ");
        target_identifier(sql, columns[i].name);
    }
    buffer_append(sql, column_count > 0 ? ")" : "");
    buffer_appendf(sql, " FROM STDIN (FORMAT %s)", format == ENCODE_TEXT ? "text" : "binary");
}

/* The table's bare name, as the server's context has it, out of a statement that copy_statement() made. */
static char *table_of(const char *statement) {
    struct buffer name = {0};
    int quoted = 0; /* which identifier we are in: 1 the schema, 2 the table */
    bool inside = false;
    for (const char *byte = statement; *byte != '\0' && (inside || quoted < 2); byte++) {
        if (*byte == '"' && inside && byte[1] == '"')
            byte++;
        else if (*byte == '"') {
            inside = !inside;
            quoted += inside;
            continue;
        }
        if (inside && quoted == 2)
            buffer_append_char(&name, *byte);
    }
    return buffer_steal(&name);
}

/* The number N of "COPY table, line N, column c" in the server's context, 0 where there is none. The words around the
 * table's name and the number are in the server's language, so only those two are looked for; the name may hold digits,
 * and lines of triggers may come before. */
static int64_t line_of(const char *context, const char *table, const char **behind) {
    size_t length = strlen(table);
    int64_t line = 0;
    for (const char *start = context; start != NULL && length > 0; start = strchr(start, '\n')) {
        start += *start == '\n';
        const char *name = strncmp(start, "COPY ", 5) == 0 ? start + 5 : start;
        if (strncmp(name, table, length) == 0) {
            const char *digits = name + length;
            digits += strcspn(digits, "0123456789\n");
            if (*digits >= '0' && *digits <= '9') {
                line = strtoll(digits, NULL, 10);
                *behind = digits + strspn(digits, "0123456789");
            }
        }
        if (*start == '\0')
            break;
    }
    return line;
}

static int64_t bad_row_of(const PGresult *result, struct copy_command *copy) {
    const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
    const char *behind = "";
    if (context == NULL)
        return -1;
    char *table = table_of(copy->statement);
    int64_t line = line_of(context, table, &behind);
    memory_release(&table);
    snprintf(copy->place, sizeof copy->place, "%.*s", (int)strcspn(behind, "\n"), behind);
    return line >= 1 && line <= copy->rows ? line - 1 : -1;
}

/* libpq doesn't look at what comes in while rows go out, and COPY has nothing to say before its end unless something is
 * wrong (or a trigger has a notice).
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY */
static void listen_to(struct copy_command *copy) {
    struct pollfd readable = {.fd = PQsocket(copy->connection->pg), .events = POLLIN};
    copy->answered = copy->answered || poll(&readable, 1, 0) > 0;
}

/* Give the bytes to libpq in slices and wait while its own buffer is not empty. False only where waiting failed: what the
 * server or libpq has against the bytes is read at the command's end. */
static bool send_bytes(struct copy_command *copy, const uint8_t *bytes, size_t length, struct error *error) {
    struct target_connection *connection = copy->connection;
    for (size_t sent = 0; sent < length;) {
        size_t left = length - sent;
        int size = (int)(left < SLICE ? left : SLICE);
        int queued = PQputCopyData(connection->pg, (const char *)bytes + sent, size);
        if (queued < 0)
            return true;
        if (queued > 0)
            sent += (size_t)size;
        int unsent;
        while ((unsent = PQflush(connection->pg)) > 0) {
            if (!target_wait(connection, true, error))
                return false;
            listen_to(copy);
            if (PQconsumeInput(connection->pg) == 0)
                return true;
        }
        if (unsent < 0)
            return true;
    }
    return true;
}

/* Wait for COPY to begin; a result that says otherwise is the error. */
bool copy_begin(struct copy_command *copy, struct target_connection *connection, const char *statement,
                struct error *error) {
    PGresult *result = NULL;
    *copy = (struct copy_command){.statement = statement};
    if (!target_usable(connection) || PQsendQuery(connection->pg, statement) == 0)
        return target_failure(connection, NULL, error);
    if (!target_next_result(connection, &result, error))
        return false;
    bool copying = PQresultStatus(result) == PGRES_COPY_IN;
    if (copying)
        copy->connection = connection;
    else
        target_failure(connection, result, error);
    PQclear(result);
    while (!copying && target_usable(connection)) {
        struct error later;
        if (!target_next_result(connection, &result, &later) || result == NULL)
            break;
        PQclear(result);
    }
    return copying;
}

/* The first segment of a command brings the header; the trailer comes once, at the end. */
bool copy_send_part(struct copy_command *copy, const struct encode_segment *segment, size_t from, size_t to,
                    int64_t rows, struct error *error) {
    bool needs_header = !copy->has_header && segment->format == ENCODE_BINARY;
    copy->format = segment->format;
    copy->has_header = true;
    copy->rows += rows;
    if (needs_header && from == ENCODE_HEADER_BYTES)
        from = 0;
    else if (needs_header && !send_bytes(copy, segment->bytes, ENCODE_HEADER_BYTES, error))
        return false;
    if (!send_bytes(copy, segment->bytes + from, to - from, error))
        return false;
    listen_to(copy);
    return true;
}

bool copy_send(struct copy_command *copy, const struct encode_segment *segment, struct error *error) {
    bool is_text = segment->format == ENCODE_TEXT;
    return copy_send_part(copy, segment, is_text ? 0 : ENCODE_HEADER_BYTES,
                          segment->length - (is_text ? 0 : ENCODE_TRAILER_BYTES), segment->rows, error);
}

static bool send_end(struct copy_command *copy, const char *reason, struct error *error) {
    static const char trailer[ENCODE_TRAILER_BYTES] = {'\xff', '\xff'};
    struct target_connection *connection = copy->connection;
    if (reason == NULL && copy->format == ENCODE_BINARY && copy->has_header &&
        !send_bytes(copy, (const uint8_t *)trailer, sizeof trailer, error))
        return false;
    while (PQputCopyEnd(connection->pg, reason) == 0)
        if (!target_wait(connection, true, error))
            return false;
    return true; /* -1: the connection is gone, and the results say why */
}

bool copy_end(struct copy_command *copy, int64_t *copied, int64_t *bad_row, struct error *error) {
    struct target_connection *connection = copy->connection;
    bool good = true, counted = false;
    *copied = 0;
    *bad_row = -1;
    if (!send_end(copy, NULL, error))
        return false;
    copy->connection = NULL;
    for (;;) {
        PGresult *result = NULL;
        struct error later;
        if (!target_next_result(connection, &result, good ? error : &later))
            return false;
        if (result == NULL)
            break;
        if (PQresultStatus(result) == PGRES_COMMAND_OK) {
            *copied = strtoll(PQcmdTuples(result), NULL, 10);
            counted = true;
        } else if (good) {
            const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
            good = target_failure(connection, result, error);
            snprintf(copy->column, sizeof copy->column, "%s", column != NULL ? column : "");
            /* A backend that is ended or deadlocked names the line it was at, too. */
            if (error->kind == ERROR_DATA)
                *bad_row = bad_row_of(result, copy);
        }
        bool stuck = PQresultStatus(result) == PGRES_COPY_IN;
        PQclear(result);
        if (stuck)
            break; /* PQputCopyEnd() could not be sent: libpq would go on to give the same result */
    }
    if (good && !counted)
        return target_failure(connection, NULL, error);
    if (good && *copied != copy->rows)
        return error_set(error, ERROR_DIFFERENCE,
                         "PostgreSQL took %" PRId64 " of %" PRId64 " rows of a COPY: a BEFORE INSERT trigger "
                         "of the table may drop rows",
                         *copied, copy->rows);
    return good;
}

void copy_abort(struct copy_command *copy) {
    struct target_connection *connection = copy->connection;
    PGresult *result = NULL;
    struct error ignored;
    copy->connection = NULL;
    if (connection == NULL || !target_usable(connection))
        return;
    struct copy_command given_up = {.connection = connection};
    if (!send_end(&given_up, "the rows that follow could not be read", &ignored))
        return;
    while (target_next_result(connection, &result, &ignored) && result != NULL) {
        bool stuck = PQresultStatus(result) == PGRES_COPY_IN;
        PQclear(result);
        if (stuck)
            break;
    }
}
