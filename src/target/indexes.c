#include "target/indexes.h"

#include <string.h>

#include "base/memory.h"
#include "sql.h"
#include "target/result.h"

bool target_indexes_read(struct target_connection *connection, const char *schema, const char *table, bool merging,
                         struct target_indexes *indexes, struct error *error) {
    const char *parameters[] = {schema, table, merging ? "t" : "f"};
    PGresult *result = NULL;
    memset(indexes, 0, sizeof *indexes);
    if (!target_query(connection, sql_indexes_of_table, 3, parameters, &result, error))
        return false;
    indexes->count = (size_t)PQntuples(result);
    indexes->list = memory_array(indexes->count, sizeof *indexes->list);
    for (int row = 0; row < PQntuples(result); row++)
        indexes->list[row] = (struct target_index){
            .name = text_of(result, row, 0),
            .kind = text_of(result, row, 1),
            .stays = text_of(result, row, 2),
            .drop = text_of(result, row, 3),
            .index_definition = text_of(result, row, 4),
            .constraint_definition = text_of(result, row, 5),
            .build = text_of(result, row, 6),
            .attach = text_of(result, row, 7),
            .details = text_of(result, row, 8),
        };
    PQclear(result);
    return true;
}

void target_indexes_release(struct target_indexes *indexes) {
    for (size_t i = 0; i < indexes->count; i++) {
        struct target_index *index = &indexes->list[i];
        memory_release_texts((char **[]){&index->name, &index->kind, &index->stays, &index->drop,
                                         &index->index_definition, &index->constraint_definition, &index->build,
                                         &index->attach, &index->details, NULL});
    }
    memory_release(&indexes->list);
    indexes->count = 0;
}

bool target_indexes_check(struct target_connection *connection, const char *schema, const char *table,
                          struct error *error) {
    const char *parameters[] = {schema, table};
    PGresult *result = NULL;
    if (!target_query(connection, sql_index_privileges, 2, parameters, &result, error))
        return false;
    bool good = PQntuples(result) == 0 || PQgetisnull(result, 0, 0);
    if (!good) {
        error_set_code(error, ERROR_CONFIG, "42501",
                       "disable_index: the indexes of \"%s\".\"%s\" could not be made again after the load: %s", schema,
                       table, PQgetvalue(result, 0, 0));
        error_hint(error, "%s; or leave disable_index out", PQgetvalue(result, 0, 1));
    }
    PQclear(result);
    return good;
}

bool target_index_find(struct target_connection *connection, const char *schema, const char *table, const char *name,
                       const char *index_definition, const char *constraint_definition, bool *built, bool *attached,
                       struct error *error) {
    const char *parameters[] = {schema, table, name, index_definition, constraint_definition};
    PGresult *result = NULL;
    *built = *attached = false;
    if (!target_query(connection, sql_index_is_there, 5, parameters, &result, error))
        return false;
    bool found = PQntuples(result) > 0;
    for (int row = 0; row < PQntuples(result); row++) {
        *built = *built || truth_of(result, row, 0);
        *attached = *attached || truth_of(result, row, 1);
    }
    PQclear(result);
    if (!found)
        error_set_code(error, ERROR_CONFIG, "42P01", "the table \"%s\".\"%s\" is not there any more", schema, table);
    return found;
}

bool target_analyze(struct target_connection *connection, const char *schema, const char *table, struct error *error) {
    struct buffer sql = {0};
    struct error ignored;
    buffer_append(&sql, "SET LOCAL lock_timeout = '10s'; ANALYZE ");
    target_relation(&sql, schema, table);
    buffer_append(&sql, "; SET LOCAL lock_timeout = '60s'; RELEASE SAVEPOINT analyzed");
    bool good = target_execute(connection, "SAVEPOINT analyzed", error) &&
                target_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    if (!good && !target_execute(connection, "ROLLBACK TO SAVEPOINT analyzed", &ignored))
        *error = ignored; /* the connection is gone: the transaction's next statement says so too */
    return good;
}
