#include "run/foreign_keys.h"

#include <string.h>

#include "run/load.h"
#include "sql.h"

/* The sources that this run loads into the referenced table: what --table takes. */
static void append_sources(const struct run *run, const struct run_table *table, const char *schema, const char *name,
                           struct buffer *sources) {
    for (size_t i = 0; i < run->table_count; i++) {
        const struct run_table *other = &run->tables[i];
        if (other->database == table->database && strcmp(other->feed->target_schema, schema) == 0 &&
            strcmp(other->config->target, name) == 0)
            buffer_appendf(sources, "%s%s", sources->length > 0 ? "," : "", other->config->source);
    }
}

static void hint(const struct run *run, const struct run_table *table, const PGresult *referenced,
                 struct error *error) {
    struct buffer names = {0}, sources = {0};
    bool itself = false;
    for (int row = 0; row < PQntuples(referenced); row++) {
        itself = itself || *PQgetvalue(referenced, row, 3) == 't';
        if (*PQgetvalue(referenced, row, 3) == 't')
            continue;
        buffer_append(&names, names.length > 0 ? ", " : "");
        target_relation(&names, PQgetvalue(referenced, row, 0), PQgetvalue(referenced, row, 1));
        buffer_appendf(&names, " (%s)", PQgetvalue(referenced, row, 2));
        append_sources(run, table, PQgetvalue(referenced, row, 0), PQgetvalue(referenced, row, 1), &sources);
    }
    if (sources.length > 0)
        error_hint(error,
                   "its foreign keys want the rows of %s first, which this run loads, too: run the same command again "
                   "when they "
                   "are there, or load them beforehand with --table %s",
                   buffer_string(&names), buffer_string(&sources));
    else if (names.length > 0)
        error_hint(
            error,
            "its foreign keys want the rows of %s first: load those tables before this one, or drop the foreign keys "
            "for the time of the migration",
            buffer_string(&names));
    else if (itself)
        error_hint(error,
                   "the table references itself, and its rows come in no order: drop that foreign key for the time of "
                   "the migration, or make it DEFERRABLE and set \"chunking\": \"whole\"");
    buffer_release(&names);
    buffer_release(&sources);
}

void foreign_keys_advise(struct worker *worker, const struct run_table *table, struct error *error) {
    const char *parameters[] = {table->feed->target_schema, table->config->target};
    PGresult *referenced = NULL;
    struct error unknown;
    error_clear(&unknown);
    /* What was raised only at COMMIT has a hint of its own. */
    if (strcmp(error->code, "23503") != 0 || strstr(error->hint, "COMMIT") != NULL ||
        !load_connect_for_record(worker, table->database, &unknown) ||
        !target_query(&worker->target, sql_referenced_tables, 2, parameters, &referenced, &unknown))
        return;
    hint(worker->run, table, referenced, error);
    PQclear(referenced);
}

bool foreign_keys_defer(struct target_connection *target, const struct target_table *table, char **sql,
                        struct error *error) {
    char oid[16];
    const char *parameters[] = {oid};
    struct buffer statement = {0};
    PGresult *keys = NULL;
    snprintf(oid, sizeof oid, "%u", (unsigned)table->oid);
    if (!target_query(target, sql_deferrable_to_itself, 1, parameters, &keys, error))
        return false;
    if (!PQgetisnull(keys, 0, 0)) {
        buffer_appendf(&statement, "SET CONSTRAINTS %s DEFERRED", PQgetvalue(keys, 0, 0));
        *sql = buffer_steal(&statement);
    }
    PQclear(keys);
    return true;
}
