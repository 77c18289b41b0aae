/* A target table made out of a source's: which type each column gets, and the statements that make it. Pure: no I/O.
 *
 * Types are chosen for use, not only for safety: NUMBER(9,0) becomes integer. Each of them takes every value of its source
 * column, but for what PostgreSQL has no room for (digits behind the microsecond, NUL bytes), which the encoder judges value by
 * value.
 */
#ifndef THAW_TARGET_CREATE_H
#define THAW_TARGET_CREATE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"
#include "source/dialect.h"
#include "target/catalogue.h"

/* PostgreSQL's type for a column of a source: everything of *target but its name, type_name as CREATE TABLE takes it, owned by
 * the caller. With `lengths` VARCHAR(n) becomes varchar(n), else text. False: no type can hold it as it arrives. */
bool create_type(struct encode_target *target, const struct dialect *dialect, const struct source_column *column,
                 bool lengths);

/* The table as target_describe() will see it once it is made: a column for each of the source's, in its order, called as
 * column_mapping says, NOT NULL where the source's is (not of views, whose catalogue may be wrong). ERROR_CONFIG where a column has
 * no type here, a name is longer than PostgreSQL's, or uniqueness_columns names a column that wouldn't be there. The caller
 * releases `table` after success. */
bool create_design(struct target_table *table, const struct source_table *source, const struct dialect *dialect,
                   const struct config_table *config, const char *schema, bool lengths, struct error *error) THAW_CHECK;

/* CREATE TABLE of a designed table; the uniqueness_columns are its primary key where all of them are NOT NULL, else a unique index
 * of their own. Ends with ";" and a newline. */
void create_statement(struct buffer *sql, const struct target_table *table, const struct config_table *config);
/* COMMENT ON it and its columns, with what the source's catalogue has. Nothing where that has nothing. */
void create_comments(struct buffer *sql, const struct target_table *table, const struct source_table *source,
                     const struct config_table *config);

/* The target's name of a source column: as column_mapping says, else the same. */
const char *create_column_name(const struct config_table *config, const char *source_name);

#endif
