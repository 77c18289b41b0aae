/* COPY FROM STDIN: one command for one or more segments, acknowledged by its command tag. */
#ifndef THAW_TARGET_COPY_H
#define THAW_TARGET_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/encode.h"
#include "target/connection.h"

/* COPY "schema"."table" ("a", "b") FROM STDIN (FORMAT binary), or text */
void copy_statement(struct buffer *sql, const char *schema, const char *table, const struct encode_target *columns,
                    size_t column_count, enum encode_format format);

/* A COPY command under way. */
struct copy_command {
    struct target_connection *connection; /* borrowed; NULL: none is under way */
    const char *statement;                /* borrowed */
    enum encode_format format;
    bool has_header; /* sent already */
    bool answered; /* the server has said something, maybe an error: copy_end() reads it, so more rows may be in vain */
    int64_t rows;  /* sent */
    /* After copy_end() failed: the column that the server named, "" where it didn't; and where it found *bad_row, its words
     * behind that row's number. */
    char column[64], place[256];
};

/* Start the command. After an error that the server raised the connection is in step again, so ROLLBACK works; after a wait
 * that was broken off, target_rollback() closes it. The same holds for copy_end(). */
bool copy_begin(struct copy_command *copy, struct target_connection *connection, const char *statement,
                struct error *error) THAW_CHECK;
/* Send the rows of a finished segment, without waiting for what the server makes of them: copy_end() says that, so keep the
 * segment until then. */
bool copy_send(struct copy_command *copy, const struct encode_segment *segment, struct error *error) THAW_CHECK;
/* The same for some of its rows: those in bytes [from, to) of it. */
bool copy_send_part(struct copy_command *copy, const struct encode_segment *segment, size_t from, size_t to,
                    int64_t rows, struct error *error) THAW_CHECK;
/* End the command and wait for its acknowledgement. The command tag's count is compared with the rows sent:
 * ERROR_DIFFERENCE where a trigger dropped rows. Where the server refuses a row (ERROR_DATA) and names its line,
 * *bad_row is that row's index among those of this command (from 0), else -1. */
bool copy_end(struct copy_command *copy, int64_t *copied, int64_t *bad_row, struct error *error) THAW_CHECK;
/* Give the command up, so that ROLLBACK works. Nothing where none is under way. */
void copy_abort(struct copy_command *copy);

#endif
