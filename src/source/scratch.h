/* Scratch tables: what a query of the source gives, kept beside it until somebody drops it.
 *
 * In Snowflake a transient table in a schema that the user names. In DuckDB a file of its own, attached: the source's file is only
 * read, and a scratch file must outlive the process that made it.
 */
#ifndef THAW_SOURCE_SCRATCH_H
#define THAW_SOURCE_SCRATCH_H

#include "source/source.h"

struct source_scratch {
    struct source_relation relation; /* owned */
    char *file;                      /* DuckDB's; else NULL; owned */
};

/* The scratch table of table `table_id` of a run, for rows of `of`: pure naming, always the same. `schema` is Snowflake's, in the
 * database of `of`. */
void source_scratch_name(const struct source *source, const struct source_relation *of, const char *schema,
                         const char *run_id, int64_t table_id, struct source_scratch *scratch);
/* Make it with what `query` (SQL) gives, and open it. What has that name already, whole or in part, goes first. */
bool source_scratch_make(struct source_connection *connection, const struct source_scratch *scratch, const char *query,
                         struct error *error) THAW_CHECK;
/* Make one that is there readable for all connections of this process, and count its rows. *found false: it isn't there. */
bool source_scratch_open(struct source_connection *connection, const struct source_scratch *scratch, bool *found,
                         int64_t *rows, struct error *error) THAW_CHECK;
/* No error where it isn't there. */
bool source_scratch_drop(struct source_connection *connection, const struct source_scratch *scratch,
                         struct error *error) THAW_CHECK;
/* Does this error of a query that reads it say that it isn't there any more? */
bool source_scratch_is_gone(const struct error *error);
void source_scratch_release(struct source_scratch *scratch);

#endif
