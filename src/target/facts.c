#include "target/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"
#include "target/result.h"

/* Columns of server_facts.sql. */
enum {
    VERSION,
    ROLE,
    ENCODING,
    SUPERUSER,
    STANDBY,
    READ_ONLY,
    LOCAL_SOCKET,
    MAX_CONNECTIONS,
    RESERVED_CONNECTIONS,
    USED_CONNECTIONS,
    ROLE_LIMIT,
    DATABASE_LIMIT,
    MAX_WAL_SIZE,
    WAL_LEVEL,
    SYNCHRONOUS_COMMIT,
    SYNCHRONOUS_STANDBY_NAMES,
    FSYNC,
    KEEPALIVE_SECONDS,
    STATEMENT_TIMEOUT,
    IDLE_IN_TRANSACTION_TIMEOUT,
    IDLE_SLOTS
};

/* Columns of table_facts.sql. */
enum { INDEXES, INDEX_NAMES, TRIGGERS, FOREIGN_KEYS, PARTITIONS, KEY_IS_UNIQUE };

static char *text(const PGresult *result, int column) {
    return PQgetisnull(result, 0, column) ? NULL : memory_copy_string(PQgetvalue(result, 0, column));
}

bool target_read_server_facts(struct target_connection *connection, struct target_server_facts *facts,
                              struct error *error) {
    PGresult *result = NULL;
    memset(facts, 0, sizeof *facts);
    if (!target_query(connection, sql_server_facts, 0, NULL, &result, error))
        return false;
    *facts = (struct target_server_facts){
        .version = text(result, VERSION),
        .version_number = PQserverVersion(connection->pg),
        .role = text(result, ROLE),
        .encoding = text(result, ENCODING),
        .superuser = truth_of(result, 0, SUPERUSER),
        .standby = truth_of(result, 0, STANDBY),
        .read_only = truth_of(result, 0, READ_ONLY),
        .pooled = connection->pooled,
        .local_socket = truth_of(result, 0, LOCAL_SOCKET),
        .max_connections = number_of(result, 0, MAX_CONNECTIONS),
        .reserved_connections = number_of(result, 0, RESERVED_CONNECTIONS),
        .used_connections = number_of(result, 0, USED_CONNECTIONS),
        .role_limit = number_of(result, 0, ROLE_LIMIT),
        .database_limit = number_of(result, 0, DATABASE_LIMIT),
        .max_wal_size = number_of(result, 0, MAX_WAL_SIZE),
        .wal_level = text(result, WAL_LEVEL),
        .synchronous_commit = text(result, SYNCHRONOUS_COMMIT),
        .synchronous_standby_names = text(result, SYNCHRONOUS_STANDBY_NAMES),
        .fsync = truth_of(result, 0, FSYNC),
        .keepalive_seconds = number_of(result, 0, KEEPALIVE_SECONDS),
        .statement_timeout_ms = number_of(result, 0, STATEMENT_TIMEOUT),
        .idle_in_transaction_timeout_ms = number_of(result, 0, IDLE_IN_TRANSACTION_TIMEOUT),
        .idle_slots = text(result, IDLE_SLOTS),
    };
    PQclear(result);
    return true;
}

void target_server_facts_release(struct target_server_facts *facts) {
    memory_release(&facts->version);
    memory_release(&facts->role);
    memory_release(&facts->encoding);
    memory_release(&facts->wal_level);
    memory_release(&facts->synchronous_commit);
    memory_release(&facts->synchronous_standby_names);
    memory_release(&facts->idle_slots);
    memset(facts, 0, sizeof *facts);
}

static bool read_not_insertable(struct target_connection *connection, const char *oid, struct target_table_facts *facts,
                                struct error *error) {
    PGresult *result = NULL;
    const char *parameters[] = {oid};
    if (!target_query(connection, sql_columns_not_insertable, 1, parameters, &result, error))
        return false;
    facts->not_insertable_count = (size_t)PQntuples(result);
    facts->not_insertable = memory_array(facts->not_insertable_count, sizeof *facts->not_insertable);
    for (size_t i = 0; i < facts->not_insertable_count; i++)
        facts->not_insertable[i] = memory_copy_string(PQgetvalue(result, (int)i, 0));
    PQclear(result);
    return true;
}

static bool read_referencing(struct target_connection *connection, const struct target_table *table,
                             struct target_table_facts *facts, struct error *error) {
    PGresult *result = NULL;
    const char *parameters[] = {table->schema, table->name};
    if (!target_query(connection, sql_referencing_tables, 2, parameters, &result, error))
        return false;
    facts->referencing = PQntuples(result) == 1 ? text(result, 1) : NULL;
    PQclear(result);
    return true;
}

static void append_json_array(struct buffer *json, const char *const *names, size_t count) {
    buffer_append_char(json, '[');
    for (size_t i = 0; i < count; i++) {
        buffer_append(json, i > 0 ? "," : "");
        buffer_append_json_string(json, names[i], strlen(names[i]));
    }
    buffer_append_char(json, ']');
}

bool target_read_table_facts(struct target_connection *connection, const struct target_table *table, bool truncate,
                             const char *const *key, size_t key_count, struct target_table_facts *facts,
                             struct error *error) {
    PGresult *result = NULL;
    char oid[16];
    struct buffer columns = {0};
    memset(facts, 0, sizeof *facts);
    snprintf(oid, sizeof oid, "%u", (unsigned)table->oid);
    append_json_array(&columns, key, key_count);
    const char *parameters[] = {oid, truncate ? "t" : "f", key_count > 0 ? buffer_string(&columns) : NULL};
    bool good = target_query(connection, sql_table_facts, 3, parameters, &result, error);
    buffer_release(&columns);
    if (!good)
        return false;
    if (PQntuples(result) == 1) {
        facts->indexes = number_of(result, 0, INDEXES);
        facts->index_names = text(result, INDEX_NAMES);
        facts->triggers = text(result, TRIGGERS);
        facts->foreign_keys = text(result, FOREIGN_KEYS);
        facts->partitions = number_of(result, 0, PARTITIONS);
        facts->key_is_unique = truth_of(result, 0, KEY_IS_UNIQUE);
    }
    PQclear(result);
    if (read_referencing(connection, table, facts, error) && read_not_insertable(connection, oid, facts, error))
        return true;
    target_table_facts_release(facts);
    return false;
}

void target_table_facts_release(struct target_table_facts *facts) {
    for (size_t i = 0; i < facts->not_insertable_count; i++)
        memory_release(&facts->not_insertable[i]);
    memory_release(&facts->not_insertable);
    memory_release(&facts->index_names);
    memory_release(&facts->triggers);
    memory_release(&facts->foreign_keys);
    memory_release(&facts->referencing);
    memset(facts, 0, sizeof *facts);
}

bool target_has_rows(struct target_connection *connection, const struct target_table *table, bool *has_rows,
                     struct error *error) {
    struct buffer sql = {0};
    PGresult *result = NULL;
    buffer_append(&sql, table->kind == 'p' ? "SELECT EXISTS (SELECT FROM " : "SELECT EXISTS (SELECT FROM ONLY ");
    target_relation(&sql, table->schema, table->name);
    buffer_append_char(&sql, ')');
    bool good = target_query(connection, buffer_string(&sql), 0, NULL, &result, error);
    if (good)
        *has_rows = truth_of(result, 0, 0);
    PQclear(result);
    buffer_release(&sql);
    return good;
}
