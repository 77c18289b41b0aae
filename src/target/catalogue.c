#include "target/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"

static bool is_true(const PGresult *result, int row, int column) {
    return strcmp(PQgetvalue(result, row, column), "t") == 0;
}

/* Hint at the name nearest to `wanted` among the tables of `schema`, or among the schemas where it is NULL. */
static void hint_at_nearest(struct target_connection *connection, const char *schema, const char *wanted,
                            struct error *error) {
    PGresult *result = NULL;
    struct error ignored;
    const char *parameters[] = {schema};
    if (!target_query(connection, sql_names_in_schema, 1, parameters, &result, &ignored))
        return;
    size_t count = (size_t)PQntuples(result);
    const char **names = memory_array(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        names[i] = PQgetvalue(result, (int)i, 0);
    const char *nearest = config_nearest(wanted, names, count);
    if (nearest != NULL)
        error_hint(error, "did you mean \"%s\"? Names are exact, case included", nearest);
    else if (schema != NULL)
        error_hint(error, "create the table first; its name is exact, case included");
    else
        error_hint(error, "create the schema first; its name is exact, case included");
    memory_release(&names);
    PQclear(result);
}

/* Columns of describe_table.sql. */
enum {
    SCHEMA_EXISTS,
    MAY_USE,
    OID,
    KIND,
    PERSISTENCE,
    ROW_SECURITY,
    MAY_INSERT,
    MAY_SELECT,
    MAY_TRUNCATE,
    ROLE,
    UNSAFE,
    MAY_CREATE
};

/* What the judges below look at. */
struct examined {
    const PGresult *result; /* the line of describe_table.sql */
    const char *database, *schema, *name;
    bool truncate;
};

/* The next free error, or the last one again where there are more reasons than anybody reads. */
static struct error *refuse(struct target_refusals *refusals) {
    size_t most = sizeof refusals->list / sizeof refusals->list[0];
    struct error *error = &refusals->list[refusals->count < most ? refusals->count++ : most - 1];
    error_clear(error);
    return error;
}

static void judge_kind(const struct examined *examined, struct target_refusals *refusals) {
    const char *kind = PQgetvalue(examined->result, 0, KIND);
    const char *persistence = PQgetvalue(examined->result, 0, PERSISTENCE);
    const char *what = *kind == 'v'   ? "a view"
                       : *kind == 'm' ? "a materialized view"
                       : *kind == 'f' ? "a foreign table: its rows wouldn't commit together with the ledger's record"
                                      : "not a table";
    if (*kind != 'r' && *kind != 'p') {
        struct error *error = refuse(refusals);
        error_set(error, ERROR_CONFIG, "target \"%s\".\"%s\" is %s", examined->schema, examined->name, what);
        error_hint(error, "name a table of this database as the target: rows are copied into nothing else");
    } else if (*persistence == 't') {
        error_set(refuse(refusals), ERROR_CONFIG, "target \"%s\".\"%s\" is a temporary table", examined->schema,
                  examined->name);
    } else if (*persistence == 'u') {
        struct error *error = refuse(refusals);
        error_set(
            error, ERROR_CONFIG,
            "target \"%s\".\"%s\" is UNLOGGED: after a crash of the server it is empty while the ledger says that "
            "its rows are there",
            examined->schema, examined->name);
        error_hint(error, "ALTER TABLE ... SET LOGGED");
    }
    if (!PQgetisnull(examined->result, 0, UNSAFE))
        error_set(refuse(refusals), ERROR_CONFIG,
                  "partitions of the target \"%s\".\"%s\" are unlogged, temporary or foreign: %s", examined->schema,
                  examined->name, PQgetvalue(examined->result, 0, UNSAFE));
}

static void judge_privilege(const struct examined *examined, int column, const char *privilege,
                            struct target_refusals *refusals) {
    const char *role = PQgetvalue(examined->result, 0, ROLE);
    if (is_true(examined->result, 0, column))
        return;
    struct error *error = refuse(refusals);
    struct buffer grant = {0};
    buffer_appendf(&grant, "GRANT %s ON ", privilege);
    target_relation(&grant, examined->schema, examined->name);
    buffer_append(&grant, " TO ");
    target_identifier(&grant, role);
    error_set_code(error, ERROR_CONFIG, "42501", "the role \"%s\" lacks %s on the target \"%s\".\"%s\"", role,
                   privilege, examined->schema, examined->name);
    error_hint(error, "%s", buffer_string(&grant));
    buffer_release(&grant);
}

static void judge_row_security(const struct examined *examined, struct target_refusals *refusals) {
    if (!is_true(examined->result, 0, ROW_SECURITY))
        return;
    struct error *error = refuse(refusals);
    error_set(error, ERROR_CONFIG,
              "row-level security of the target \"%s\".\"%s\" applies to the role \"%s\": COPY can't write there, "
              "and counts could miss rows",
              examined->schema, examined->name, PQgetvalue(examined->result, 0, ROLE));
    error_hint(error, "use the table's owner, or a role with BYPASSRLS");
}

/* True where the relation is there and can be looked at. */
static bool judge_presence(struct target_connection *connection, const struct examined *examined,
                           struct target_refusals *refusals) {
    const PGresult *result = examined->result;
    if (!is_true(result, 0, SCHEMA_EXISTS)) {
        struct error *error = refuse(refusals);
        error_set_code(error, ERROR_CONFIG, "3F000", "the target database \"%s\" has no schema \"%s\"",
                       examined->database, examined->schema);
        hint_at_nearest(connection, NULL, examined->schema, error);
        refusals->missing = refusals->schema_missing = true;
        return false;
    }
    if (!is_true(result, 0, MAY_USE)) {
        const char *role = PQgetvalue(result, 0, ROLE);
        struct error *error = refuse(refusals);
        error_set_code(error, ERROR_CONFIG, "42501", "the role \"%s\" lacks USAGE on the schema \"%s\"", role,
                       examined->schema);
        error_hint(error, "GRANT USAGE ON SCHEMA \"%s\" TO \"%s\"", examined->schema, role);
    }
    if (!PQgetisnull(result, 0, OID))
        return true;
    struct error *error = refuse(refusals);
    error_set_code(error, ERROR_CONFIG, "42P01", "the schema \"%s\" of the target database \"%s\" has no table \"%s\"",
                   examined->schema, examined->database, examined->name);
    hint_at_nearest(connection, examined->schema, examined->name, error);
    refusals->missing = true;
    return false;
}

static bool judge(struct target_connection *connection, const struct examined *examined,
                  struct target_refusals *refusals) {
    if (!judge_presence(connection, examined, refusals))
        return false;
    judge_kind(examined, refusals);
    judge_privilege(examined, MAY_INSERT, "INSERT", refusals);
    judge_privilege(examined, MAY_SELECT, "SELECT", refusals);
    if (examined->truncate)
        judge_privilege(examined, MAY_TRUNCATE, "TRUNCATE", refusals);
    judge_row_security(examined, refusals);
    return true;
}

static bool read_columns(struct target_connection *connection, const char *oid, struct target_table *table,
                         struct error *error) {
    PGresult *result = NULL;
    const char *parameters[] = {oid};
    if (!target_query(connection, sql_columns_of_table, 1, parameters, &result, error))
        return false;
    table->column_count = (size_t)PQntuples(result);
    table->columns = memory_array(table->column_count, sizeof *table->columns);
    for (int row = 0; row < PQntuples(result); row++) {
        struct target_column *column = &table->columns[row];
        column->encode.name = memory_copy_string(PQgetvalue(result, row, 0));
        column->encode.type_oid = (uint32_t)strtoul(PQgetvalue(result, row, 1), NULL, 10);
        column->encode.type_modifier = (int32_t)strtol(PQgetvalue(result, row, 2), NULL, 10);
        column->encode.type_name = memory_copy_string(PQgetvalue(result, row, 3));
        column->not_null = is_true(result, row, 4);
        column->has_default = is_true(result, row, 5);
        column->generated = is_true(result, row, 6);
        column->identity_always = is_true(result, row, 7);
        column->encode.array = is_true(result, row, 8);
        column->encode.base_name = memory_copy_string(PQgetvalue(result, row, 9));
        column->encode.element_oid = (uint32_t)strtoul(PQgetvalue(result, row, 10), NULL, 10);
        column->encode.element_type_oid = (uint32_t)strtoul(PQgetvalue(result, row, 11), NULL, 10);
        column->encode.element_modifier = (int32_t)strtol(PQgetvalue(result, row, 12), NULL, 10);
        column->encode.cuts_in_silence = is_true(result, row, 13);
    }
    PQclear(result);
    return true;
}

bool target_examine(struct target_connection *connection, const char *schema, const char *name, bool truncate,
                    struct target_table *table, struct target_refusals *refusals, struct error *error) {
    memset(table, 0, sizeof *table);
    memset(refusals, 0, sizeof *refusals);
    PGresult *result = NULL;
    const char *parameters[] = {schema, name};
    if (!target_query(connection, sql_describe_table, 2, parameters, &result, error))
        return false;
    const struct examined examined = {result, connection->database, schema, name, truncate};
    refusals->may_create = is_true(result, 0, MAY_CREATE);
    snprintf(refusals->role, sizeof refusals->role, "%s", PQgetvalue(result, 0, ROLE));
    bool good = true;
    if (judge(connection, &examined, refusals)) {
        table->schema = memory_copy_string(schema);
        table->name = memory_copy_string(name);
        table->oid = (uint32_t)strtoul(PQgetvalue(result, 0, OID), NULL, 10);
        table->kind = *PQgetvalue(result, 0, KIND);
        table->persistence = *PQgetvalue(result, 0, PERSISTENCE);
        good = read_columns(connection, PQgetvalue(result, 0, OID), table, error);
    }
    PQclear(result);
    if (!good)
        target_table_release(table);
    return good;
}

bool target_describe(struct target_connection *connection, const char *schema, const char *name, bool truncate,
                     struct target_table *table, struct error *error) {
    struct target_refusals *refusals = memory_allocate(sizeof *refusals);
    bool good = target_examine(connection, schema, name, truncate, table, refusals, error);
    if (good && refusals->count > 0) {
        *error = refusals->list[0];
        target_table_release(table);
        good = false;
    }
    memory_release(&refusals);
    return good;
}

void target_table_release(struct target_table *table) {
    for (size_t i = 0; i < table->column_count; i++) {
        memory_release(&table->columns[i].encode.name);
        memory_release(&table->columns[i].encode.type_name);
        memory_release(&table->columns[i].encode.base_name);
    }
    memory_release(&table->columns);
    memory_release(&table->schema);
    memory_release(&table->name);
    memset(table, 0, sizeof *table);
}

int64_t target_column_find(const struct target_table *table, const char *name) {
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].encode.name, name) == 0)
            return (int64_t)i;
    return -1;
}

/* Rows go to the named table itself, so its inheritance children are none of our business; a partitioned table is its
 * partitions. *referencing is what else's foreign keys point at it, NULL where nothing's does; owned. */
static bool look_up(struct target_connection *connection, const char *schema, const char *name, bool *partitioned,
                    char **referencing, struct error *error) {
    PGresult *result = NULL;
    const char *parameters[] = {schema, name};
    if (!target_query(connection, sql_referencing_tables, 2, parameters, &result, error))
        return false;
    bool found = PQntuples(result) == 1;
    if (found) {
        *partitioned = *PQgetvalue(result, 0, 0) == 'p';
        *referencing = PQgetisnull(result, 0, 1) ? NULL : memory_copy_string(PQgetvalue(result, 0, 1));
    } else
        error_set_code(error, ERROR_CONFIG, "42P01", "the table \"%s\".\"%s\" is not there any more", schema, name);
    PQclear(result);
    return found;
}

bool target_count_rows(struct target_connection *connection, const char *schema, const char *name, int64_t *rows,
                       struct error *error) {
    bool partitioned = false;
    char *referencing = NULL;
    if (!look_up(connection, schema, name, &partitioned, &referencing, error))
        return false;
    memory_release(&referencing);
    struct buffer sql = {0};
    buffer_append(&sql, partitioned ? "SELECT count(*) FROM " : "SELECT count(*) FROM ONLY ");
    target_relation(&sql, schema, name);
    PGresult *result = NULL;
    bool good = target_query(connection, buffer_string(&sql), 0, NULL, &result, error);
    if (good)
        *rows = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    buffer_release(&sql);
    return good;
}

bool target_truncate(struct target_connection *connection, const char *schema, const char *name, struct error *error) {
    bool partitioned = false;
    char *referencing = NULL;
    if (!look_up(connection, schema, name, &partitioned, &referencing, error))
        return false;
    if (referencing != NULL) {
        error_set(error, ERROR_CONFIG,
                  "the target \"%s\".\"%s\" can't be truncated: foreign keys of other tables reference it: %s", schema,
                  name, referencing);
        error_hint(error,
                   "drop those foreign keys for the time of the migration; nothing is ever truncated with CASCADE");
        memory_release(&referencing);
        return false;
    }
    struct buffer sql = {0};
    buffer_append(&sql, partitioned ? "TRUNCATE " : "TRUNCATE ONLY ");
    target_relation(&sql, schema, name);
    bool good = target_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    return good;
}
