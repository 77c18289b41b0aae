/* Indexes of a target table, and the constraints that stand on them: read, dropped for a load, found again afterwards.
 *
 * What may be dropped, and how it is made again, PostgreSQL says itself: pg_get_indexdef() and pg_get_constraintdef(),
 * https://www.postgresql.org/docs/current/functions-info.html. Nothing is ever dropped with CASCADE.
 */
#ifndef THAW_TARGET_INDEXES_H
#define THAW_TARGET_INDEXES_H

#include <stdbool.h>
#include <stddef.h>

#include "target/connection.h"

/* Strings are owned. */
struct target_index {
    char *name;                  /* the constraint's too */
    char *kind;                  /* "index" or "constraint" (a primary key or unique) */
    char *stays;                 /* why it may not be dropped; NULL: it may */
    char *drop;                  /* the statement */
    char *index_definition;      /* pg_get_indexdef() */
    char *constraint_definition; /* pg_get_constraintdef(); NULL for an index */
    char *build; /* statements for one transaction that make the index, with comment and statistics targets */
    char *
        attach; /* statements that lock the table for a moment: the constraint, its comment, CLUSTER ON; "" where none */
    char *details; /* JSON: owner, method, tablespace, storage parameters, ... */
};

struct target_indexes {
    struct target_index *list;
    size_t count;
};

/* In a transaction of target_begin(), whose search_path makes the definitions name everything in full. `merging`: what is
 * unique stays, since every row is held against it. */
bool target_indexes_read(struct target_connection *connection, const char *schema, const char *table, bool merging,
                         struct target_indexes *indexes, struct error *error) THAW_CHECK;
void target_indexes_release(struct target_indexes *indexes);
/* ERROR_CONFIG where the role could drop the table's indexes and not make them again. */
bool target_indexes_check(struct target_connection *connection, const char *schema, const char *table,
                          struct error *error) THAW_CHECK;

/* Is an index of that name and definition there, and a constraint? In a transaction of target_begin(). ERROR_CONFIG with code
 * 42P01 where the table is gone. */
bool target_index_find(struct target_connection *connection, const char *schema, const char *table, const char *name,
                       const char *index_definition, const char *constraint_definition, bool *built, bool *attached,
                       struct error *error) THAW_CHECK;

/* ANALYZE, inside the caller's transaction, which a failure leaves as it was: false with the reason. Waits 10 s at most for
 * whoever has the table locked. */
bool target_analyze(struct target_connection *connection, const char *schema, const char *table,
                    struct error *error) THAW_CHECK;

#endif
