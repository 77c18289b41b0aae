#include "report/status.h"

#include <string.h>

#include "sql.h"

static const char runs_sql[] =
    "SELECT run_id, state, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),"
    "       to_char(last_progress_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), source_names, completed_tables,"
    "       total_tables, completed_chunks, total_chunks, total_rows_copied, percent, owners, error_message"
    "  FROM migration_status.v_migrations"
    " WHERE $1::uuid IS NULL OR run_id = $1::uuid"
    " ORDER BY started_at DESC LIMIT 20";

static const char tables_sql[] =
    "SELECT concat_ws('.', nullif(source_database, ''), nullif(source_schema, ''), source_table),"
    "       concat_ws('.', target_schema, target_table), status, completed_chunks, total_chunks, total_rows_copied,"
    "       expected_rows, percent, error_message,"
    "       (SELECT string_agg(CASE WHEN place > 5 THEN format('and %s more chunks were cut', "
    "jsonb_array_length(splits) - 5)"
    "                               ELSE format('chunk %s was cut into %s parts, %s completed: %s', split ->> "
    "'chunk_id',"
    "                                           jsonb_array_length(split -> 'parts'), split ->> 'completed',"
    "                                           split ->> 'reason') END,"
    "                          E'\n                ' ORDER BY place)"
    "          FROM jsonb_array_elements(splits) WITH ORDINALITY AS list (split, place) WHERE place <= 6)"
    "  FROM migration_status.v_table_progress WHERE run_id = $1::uuid ORDER BY table_id";

enum {
    RUN_ID,
    STATE,
    STARTED,
    PROGRESS,
    SOURCES,
    TABLES_DONE,
    TABLES,
    CHUNKS_DONE,
    CHUNKS,
    ROWS,
    PERCENT,
    OWNERS,
    REASON
};
enum { SOURCE, TARGET, STATUS, DONE, TOTAL, COPIED, EXPECTED, SHARE, MESSAGE, SPLITS };

static void print_table(const PGresult *tables, int row, FILE *out) {
    fprintf(out, "    %-11s %s -> %s: %s/%s chunks, %s", PQgetvalue(tables, row, STATUS),
            PQgetvalue(tables, row, SOURCE), PQgetvalue(tables, row, TARGET), PQgetvalue(tables, row, DONE),
            PQgetvalue(tables, row, TOTAL), PQgetvalue(tables, row, COPIED));
    if (!PQgetisnull(tables, row, EXPECTED))
        fprintf(out, " of %s", PQgetvalue(tables, row, EXPECTED));
    fprintf(out, " rows (%s %%)\n", PQgetvalue(tables, row, SHARE));
    if (!PQgetisnull(tables, row, MESSAGE) && PQgetvalue(tables, row, MESSAGE)[0] != '\0')
        fprintf(out, "                %s\n", PQgetvalue(tables, row, MESSAGE));
    if (!PQgetisnull(tables, row, SPLITS))
        fprintf(out, "                %s\n", PQgetvalue(tables, row, SPLITS));
}

static bool print_run(struct target_connection *connection, const PGresult *runs, int row, bool with_tables, FILE *out,
                      struct error *error) {
    const char *parameters[] = {PQgetvalue(runs, row, RUN_ID)};
    PGresult *tables = NULL;
    fprintf(out, "  run %s: %s, sources %s\n", PQgetvalue(runs, row, RUN_ID), PQgetvalue(runs, row, STATE),
            PQgetvalue(runs, row, SOURCES));
    fprintf(out, "    started %s, last progress %s (UTC); %s/%s tables, %s/%s chunks, %s rows (%s %%)\n",
            PQgetvalue(runs, row, STARTED), PQgetvalue(runs, row, PROGRESS), PQgetvalue(runs, row, TABLES_DONE),
            PQgetvalue(runs, row, TABLES), PQgetvalue(runs, row, CHUNKS_DONE), PQgetvalue(runs, row, CHUNKS),
            PQgetvalue(runs, row, ROWS), PQgetvalue(runs, row, PERCENT));
    if (PQgetvalue(runs, row, OWNERS)[0] != '\0')
        fprintf(out, "    owned by %s\n", PQgetvalue(runs, row, OWNERS));
    if (PQgetvalue(runs, row, REASON)[0] != '\0')
        fprintf(out, "    %s\n", PQgetvalue(runs, row, REASON));
    if (!with_tables && strcmp(PQgetvalue(runs, row, STATE), "completed") == 0)
        return true;
    if (!target_query(connection, tables_sql, 1, parameters, &tables, error))
        return false;
    for (int i = 0; i < PQntuples(tables); i++)
        print_table(tables, i, out);
    PQclear(tables);
    return true;
}

bool status_print(struct target_connection *connection, const char *run_id, FILE *out, bool *found,
                  struct error *error) {
    const char *parameters[] = {run_id};
    PGresult *runs = NULL;
    bool done = true;
    if (!target_query(connection, runs_sql, 1, parameters, &runs, error))
        return false;
    *found = PQntuples(runs) > 0;
    for (int row = 0; done && row < PQntuples(runs); row++)
        done = print_run(connection, runs, row, run_id != NULL, out, error);
    PQclear(runs);
    return done;
}

bool status_json(struct target_connection *connection, const char *run_id, struct buffer *json, bool *found,
                 struct error *error) {
    const char *parameters[] = {run_id};
    PGresult *runs = NULL;
    if (!target_query(connection, sql_status_json, 1, parameters, &runs, error))
        return false;
    *found = PQntuples(runs) > 0;
    buffer_append_char(json, '[');
    for (int row = 0; row < PQntuples(runs); row++)
        buffer_appendf(json, "%s%s", row > 0 ? ", " : "", PQgetvalue(runs, row, 0));
    buffer_append_char(json, ']');
    PQclear(runs);
    return true;
}
