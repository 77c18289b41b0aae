/* Indexes that were dropped for a load: migration_status.migration_indexes.
 *
 * A definition is written in the transaction that drops the index. It comes back in two steps, each a transaction that
 * holds its row: it is built, beside others of its table; then the table is told of it (constraint, CLUSTER ON), which locks
 * the table for a moment and so is done when no other is being built.
 */
#ifndef THAW_LEDGER_INDEXES_H
#define THAW_LEDGER_INDEXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/connection.h"
#include "target/indexes.h"

/* Strings are owned. */
struct ledger_index {
    int64_t index_id;
    char *name;
    char *kind; /* "index" or "constraint" */
    char *index_definition, *constraint_definition;
    char *build, *attach;
    char *target_schema, *target_table;
    bool built;
    bool unique;
    char *error_code, *error_message; /* why it could not be restored; NULL: it was not tried, or is under way */
    bool table_exists;
    char *live_run; /* that has its target at this moment; NULL: none */
};

struct ledger_indexes {
    struct ledger_index *list;
    size_t count;
};

/* In the transaction that drops the index, before it does. */
bool ledger_save_index(struct target_connection *connection, const char *run_id, const char *target_schema,
                       const char *target_table, const struct target_index *index, struct error *error) THAW_CHECK;
/* In the same transaction, once the target is the run's: the run's tables that feed it say whether its indexes are away,
 * dropped now or by an earlier run; *missing is how many are. */
bool ledger_note_indexes(struct target_connection *connection, const char *run_id, const char *target_schema,
                         const char *target_table, int64_t *missing, struct error *error) THAW_CHECK;

/* What is not there again; target_schema NULL: of every target. */
bool ledger_list_indexes(struct target_connection *connection, const char *target_schema, const char *target_table,
                         struct ledger_indexes *indexes, struct error *error) THAW_CHECK;
void ledger_indexes_release(struct ledger_indexes *indexes);
void ledger_index_release(struct ledger_index *index);

/* In the caller's transaction: hold the target's fence against takeovers while an index is made. run_id: the run whose
 * target it is, which may share it with others at work; ERROR_LOST with code "target" where it isn't any more. NULL: nobody's,
 * ERROR_CONFIG where a live run has it. */
bool ledger_hold_target(struct target_connection *connection, const char *run_id, const char *target_schema,
                        const char *target_table, struct error *error) THAW_CHECK;
/* In the caller's transaction: take an index that is to be built or, with `attach`, whose table is to be told of it, and that
 * nobody is at; with `only_unique` none that isn't unique. *found false: there is none; only then `index` holds nothing. */
bool ledger_claim_index(struct target_connection *connection, const char *target_schema, const char *target_table,
                        bool attach, bool only_unique, struct ledger_index *index, bool *found,
                        struct error *error) THAW_CHECK;
/* In the same transaction: it is built, or all back. */
bool ledger_index_built(struct target_connection *connection, int64_t index_id, bool restored,
                        struct error *error) THAW_CHECK;
/* Own transaction: it could not be made. */
bool ledger_index_failed(struct target_connection *connection, int64_t index_id, const struct error *failure,
                         struct error *error) THAW_CHECK;
/* Own statement: what failed earlier may be tried again. */
bool ledger_retry_indexes(struct target_connection *connection, const char *target_schema, const char *target_table,
                          struct error *error) THAW_CHECK;
/* Own statement: the target has all its indexes; tables that feed it say so, whatever their run. Nothing where it hasn't. */
bool ledger_indexes_restored(struct target_connection *connection, const char *target_schema, const char *target_table,
                             struct error *error) THAW_CHECK;
/* Own statement: the definition is of no use any more. */
bool ledger_forget_index(struct target_connection *connection, int64_t index_id, struct error *error) THAW_CHECK;

#endif
