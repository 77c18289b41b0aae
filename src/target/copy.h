/* COPY FROM STDIN in segments, each acknowledged by its command tag. */
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

/* Send one finished segment and wait for its acknowledgement. The command tag's count is compared with segment->rows:
 * ERROR_DIFFERENCE where a trigger dropped rows. Where the server refuses a row (ERROR_DATA) and names its line,
 * *bad_row is that row's index in the segment (from 0), else -1. After an error that the server raised the connection
 * is in step again, so ROLLBACK works; after a wait that was broken off, target_rollback() closes it. */
bool copy_segment(struct target_connection *connection, const char *statement, const struct encode_segment *segment,
                  int64_t *copied, int64_t *bad_row, struct error *error) THAW_CHECK;

#endif
