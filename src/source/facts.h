/* What a source says of the session it gives us, and of a relation's size: for those who look before a run. */
#ifndef THAW_SOURCE_FACTS_H
#define THAW_SOURCE_FACTS_H

#include "source/source.h"

/* What isn't known, or doesn't exist in this kind of source, is NULL or -1. Strings are owned. */
struct source_facts {
    char *version; /* "DuckDB v1.5.6", "Snowflake 9.38.2" */
    char *user;
    char *role;
    bool has_warehouse; /* this kind of source computes in a warehouse, which the session may lack */
    char *warehouse;
    char *warehouse_state;           /* "STARTED", "SUSPENDED", ... */
    int warehouse_resumes;           /* by itself: 1 or 0 */
    int64_t statement_limit_seconds; /* after which the source ends a query; 0: never */
};

bool source_read_facts(struct source_connection *connection, struct source_facts *facts,
                       struct error *error) THAW_CHECK;
void source_facts_release(struct source_facts *facts);

#endif
