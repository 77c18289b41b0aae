/* What a PostgreSQL server, and a table of it, look like to somebody who is about to load: facts, not judgements. */
#ifndef THAW_TARGET_FACTS_H
#define THAW_TARGET_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/catalogue.h"
#include "target/connection.h"

/* Strings are owned. Settings are those of a new session of the role. */
struct target_server_facts {
    char *version;      /* "15.14 (Debian 15.14-0+deb12u1)" */
    int version_number; /* 150014 */
    char *role;
    char *encoding; /* the database's */
    bool superuser;
    bool standby;
    bool read_only; /* default_transaction_read_only */
    bool pooled;    /* the backend is not the one that the log-in named: a pooler is in between */
    bool local_socket;
    int64_t max_connections;
    int64_t reserved_connections;
    int64_t used_connections; /* by others, at this moment */
    int64_t role_limit;       /* -1: none */
    int64_t database_limit;   /* -1: none */
    int64_t max_wal_size;     /* bytes */
    char *wal_level;
    char *synchronous_commit;
    char *synchronous_standby_names;
    bool fsync;
    int64_t keepalive_seconds; /* as it is in our own session, which asks for 10; 0: no TCP */
    int64_t statement_timeout_ms;
    int64_t idle_in_transaction_timeout_ms;
    char *idle_slots; /* replication slots without a reader, ", " between them; NULL: none */
};

bool target_read_server_facts(struct target_connection *connection, struct target_server_facts *facts,
                              struct error *error) THAW_CHECK;
void target_server_facts_release(struct target_server_facts *facts);

struct target_table_facts {
    int64_t indexes;
    char *index_names;     /* NULL: none; and so the next two */
    char *triggers;        /* that fire on INSERT or, where it is to be truncated, on TRUNCATE */
    char *foreign_keys;    /* "visits_page_fkey to pages" */
    char *referencing;     /* other tables whose foreign keys point at this one; NULL: none */
    int64_t partitions;    /* 0: it isn't partitioned */
    bool key_is_unique;    /* a unique index on exactly `key` exists, or `key` is empty */
    char **not_insertable; /* columns that the role may not fill */
    size_t not_insertable_count;
};

/* `key`: columns that are said to identify a row. */
bool target_read_table_facts(struct target_connection *connection, const struct target_table *table, bool truncate,
                             const char *const *key, size_t key_count, struct target_table_facts *facts,
                             struct error *error) THAW_CHECK;
void target_table_facts_release(struct target_table_facts *facts);

/* Does the table hold any row? */
bool target_has_rows(struct target_connection *connection, const struct target_table *table, bool *has_rows,
                     struct error *error) THAW_CHECK;

#endif
