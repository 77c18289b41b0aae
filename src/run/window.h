/* Which rows of a table with a watermark this run reads: decided when the table is planned, kept in the ledger, and taken up
 * from there by whoever goes on. docs/writing.md, "Incremental", says what it means for users. */
#ifndef THAW_RUN_WINDOW_H
#define THAW_RUN_WINDOW_H

#include "run/state.h"

/* Fill mapping->window and mapping->filter of a table that has no plan yet: from the ledger's history, the target's greatest
 * watermark and the source's, which is one query. Nothing is changed anywhere; `target` is outside of a transaction, and
 * its database may lack the ledger. */
bool window_choose(struct run_mapping *mapping, const struct run_table *table, const struct config *config,
                   struct source_connection *source, const struct dialect *dialect, struct target_connection *target,
                   struct error *error) THAW_CHECK;
/* The same from what the ledger has of a table that is planned: `metadata`, JSON text. The configuration isn't asked. */
bool window_take_up(struct run_mapping *mapping, const struct run_table *table, const struct dialect *dialect,
                    const char *metadata, struct error *error) THAW_CHECK;
/* Why each run reads the whole table although it has a watermark and isn't emptied first; NULL: it doesn't, or a column is missing,
 * which pairing the columns tells. Pure. */
const char *window_examine(const struct run_mapping *mapping, const struct config_table *config);
void window_release(struct run_window *window);

/* In the transaction that has taken the target: is the history still what the window was chosen by? ERROR_TRANSIENT where
 * another run has emptied the target, or completed the table, meanwhile. */
bool window_confirm(const struct run_mapping *mapping, const struct run_table *table, struct target_connection *target,
                    struct error *error) THAW_CHECK;
/* For the table's metadata: JSON text; null where there is no window. */
void window_to_json(const struct run_window *window, struct buffer *json);
/* What is read, and why no floor was taken where none was, for people; nothing for a table without watermark. */
void window_describe(struct buffer *text, const struct run_window *window);
/* An error of a query that holds the user's filter: say so. */
void window_hint_at_filter(const struct run_table *table, struct error *error);

#endif
