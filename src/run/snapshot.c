#include "run/snapshot.h"

#include <jansson.h>
#include <string.h>

#include "base/memory.h"
#include "run/load.h"
#include "run/materialize.h"

/* Functions whose value changes from query to query, or from day to day, in the SQL of either source. A name in a text or a
 * remark is taken for the function: that costs a stricter check, no rows. */
static bool filter_asks_clock(const char *filter) {
    static const char *const names[] = {"CURRENT_TIME", "LOCALTIME", "SYSDATE", "SYSTIMESTAMP", "GETDATE",
                                        "NOW(",         "RANDOM",    "SAMPLE",  "UNIFORM(",     "get_current_time"};
    for (size_t i = 0; filter != NULL && i < sizeof names / sizeof *names; i++)
        if (strcasestr(filter, names[i]) != NULL)
            return true;
    return false;
}

static bool filter_asks_date(const char *filter) {
    return filter != NULL && (strcasestr(filter, "CURRENT_DATE") != NULL || strcasestr(filter, "TODAY(") != NULL ||
                              filter_asks_clock(filter));
}

static bool read_clock(struct source_connection *source, const struct dialect *dialect, char **moment, char **day,
                       struct error *error) {
    struct source_rows rows;
    if (!source_query_rows(source, dialect->clock_query, &rows, error))
        return error_context(error, "asking the source's clock");
    int64_t moment_column = source_rows_column(&rows, "moment"), day_column = source_rows_column(&rows, "day");
    bool good = rows.row_count == 1 && moment_column >= 0 && day_column >= 0;
    if (good) {
        *moment = memory_copy_string(source_cell(&rows, 0, (size_t)moment_column));
        *day = memory_copy_string(source_cell(&rows, 0, (size_t)day_column));
    } else {
        error_set(error, ERROR_INTERNAL, "the source's clock gave no moment");
    }
    source_rows_release(&rows);
    return good;
}

/* Does the source have the relation as it was then? A query of no rows. */
static bool probe(struct source_connection *source, const struct dialect *dialect,
                  const struct source_relation *relation, struct error *error) {
    struct buffer sql = {0};
    struct source_rows rows;
    buffer_append(&sql, "SELECT 1 AS THAW_PROBE FROM ");
    dialect_from(dialect, &sql, relation);
    buffer_append(&sql, " WHERE 1 = 0");
    bool done = source_query_rows(source, buffer_string(&sql), &rows, error);
    buffer_release(&sql);
    if (done)
        source_rows_release(&rows);
    return done;
}

bool snapshot_examine(struct source_connection *source, const struct dialect *dialect, struct source_relation *relation,
                      struct error *error) {
    char *day = NULL;
    bool done = read_clock(source, dialect, &relation->moment, &day, error) && probe(source, dialect, relation, error);
    memory_release(&relation->moment);
    memory_release(&day);
    return done;
}

void snapshot_warn_unfixed(struct run *run, const char *why) {
    if (!atomic_exchange(&run->told_unfixed, true))
        log_warning(
            run->log, "run",
            "no fixed snapshot of the source%s: chunks read it one after the other, so a row that moves between them "
            "meanwhile can be missed or doubled; set snapshot to \"none\" where that can't happen",
            why);
}

static void settle_at(struct run_mapping *mapping, char *moment) {
    mapping->snapshot.kind = SNAPSHOT_AT_MOMENT;
    mapping->snapshot.moment = moment;
    memory_release(&mapping->source.relation.moment);
    mapping->source.relation.moment = memory_copy_string(moment);
}

static char *known_moment(struct run *run) {
    pthread_mutex_lock(&run->mutex);
    char *moment = memory_copy_string(run->moment);
    pthread_mutex_unlock(&run->mutex);
    return moment;
}

/* All tables of a run are read at one moment: that which the first of them was planned at. The ledger of the first database has it,
 * for the processes and the resumes to come. `candidate`: what the clock says. */
static bool agree_on_moment(struct worker *worker, const struct run_table *table, const char *candidate, char **moment,
                            struct error *error) {
    struct run *run = worker->run;
    if (run->run_id[0] == '\0') /* a dry run is in no ledger */
        *moment = memory_copy_string(candidate);
    else if (!load_connect_target(worker, &run->databases[0], error) ||
             !ledger_fix_moment(&worker->target, run->run_id, candidate, moment, error) ||
             !load_connect_target(worker, table->database, error))
        return false;
    pthread_mutex_lock(&run->mutex);
    if (run->moment == NULL)
        run->moment = memory_copy_string(*moment);
    pthread_mutex_unlock(&run->mutex);
    return true;
}

/* Takes `moment` over. *found: the source has the relation as it was then; else `error` says why not. False: it didn't say. */
static bool try_moment(struct worker *worker, struct run_mapping *mapping, char *moment, bool *found,
                       struct error *error) {
    memory_release(&mapping->snapshot.moment);
    settle_at(mapping, moment);
    *found = probe(worker->source, source_dialect(worker->run->source), &mapping->source.relation, error);
    return *found || error->kind == ERROR_CONFIG || error->kind == ERROR_DATA || error->kind == ERROR_INTERNAL;
}

/* The run's moment; where the relation is younger than that, or its past shorter, a moment of its own. */
static bool find_moment(struct worker *worker, const struct run_table *table, struct run_mapping *mapping, char *now,
                        bool *found, struct error *error) {
    struct log_scope scope = run_scope(table, 0);
    char *moment = known_moment(worker->run);
    if (moment == NULL && !agree_on_moment(worker, table, now, &moment, error))
        return false;
    if (!try_moment(worker, mapping, moment, found, error))
        return false;
    if (*found)
        log_write(worker->run->log, LOG_INFO, &scope, "read as it was at %s", moment);
    if (*found || strcmp(moment, now) == 0)
        return true;
    struct error reason = *error;
    struct buffer then = {0};
    buffer_append(&then, moment);
    error_clear(error);
    bool answered = try_moment(worker, mapping, memory_copy_string(now), found, error);
    if (*found)
        log_write(worker->run->log, LOG_WARNING, &scope,
                  "read as it was at %s, and not at %s as the run's other tables: the source can't show that (%s)", now,
                  buffer_string(&then), reason.message);
    buffer_release(&then);
    return answered;
}

/* The moment is free: where the relation has no past, it is as if it had never been. */
static bool travel(struct worker *worker, const struct run_table *table, struct run_mapping *mapping, char *now,
                   struct error *error) {
    struct run *run = worker->run;
    bool wanted = table->config->settings.snapshot == SNAPSHOT_TIME_TRAVEL;
    bool found = false;
    struct log_scope scope = run_scope(table, 0);
    if (!find_moment(worker, table, mapping, now, &found, error))
        return false;
    if (found)
        return true;
    if (wanted) {
        error->kind = ERROR_CONFIG;
        error_context(error, "the source can't show this relation as it was (snapshot is \"time_travel\")");
        return error_hint(error,
                          "it needs a table, or a view over tables, with DATA_RETENTION_TIME_IN_DAYS above 0; or set "
                          "snapshot to \"auto\" or \"none\"");
    }
    log_write(run->log, LOG_DEBUG, &scope, "no time travel: %s", error->message);
    error_clear(error);
    mapping->snapshot.kind = SNAPSHOT_UNFIXED;
    memory_release(&mapping->snapshot.moment);
    memory_release(&mapping->source.relation.moment);
    struct buffer why = {0};
    buffer_appendf(&why, " (%s has no time travel)", table->label);
    snapshot_warn_unfixed(run, buffer_string(&why));
    buffer_release(&why);
    return true;
}

bool snapshot_fix(struct worker *worker, const struct run_table *table, struct run_mapping *mapping,
                  struct error *error) {
    struct run *run = worker->run;
    const struct config_table *config = table->config;
    bool travels = source_dialect(run->source)->at_moment != NULL && config->settings.snapshot != SNAPSHOT_NONE;
    char *moment = NULL;
    if (config->settings.snapshot == SNAPSHOT_MATERIALIZE)
        return true; /* after the window is chosen: materialize_table() */
    if (!travels && !filter_asks_date(config->source_filter))
        return true;
    if (!read_clock(worker->source, source_dialect(run->source), &moment, &mapping->snapshot.day, error))
        return false;
    if (!filter_asks_date(config->source_filter))
        memory_release(&mapping->snapshot.day);
    if (!travels || moment == NULL) {
        memory_release(&moment);
        return true;
    }
    bool done = travel(worker, table, mapping, moment, error);
    memory_release(&moment);
    return done;
}

/* Chunks that are read on another day than the others, by a filter that asks for it, are another selection. */
static bool compare_days(struct run *run, const struct run_table *table, struct source_connection *source,
                         const struct run_snapshot *snapshot, struct error *error) {
    char *moment = NULL, *day = NULL;
    struct log_scope scope = run_scope(table, 0);
    if (snapshot->day == NULL)
        return true;
    if (!read_clock(source, source_dialect(run->source), &moment, &day, error))
        return false;
    if (day != NULL && strcmp(day, snapshot->day) != 0)
        log_write(run->log, LOG_WARNING, &scope,
                  "source_filter asks for the date or the time, and it was planned on %s; the chunks that are left are "
                  "read on "
                  "%s, with what that filter selects now. Begin a new run with --no-resume for one selection, or write "
                  "the date "
                  "into the filter",
                  snapshot->day, day);
    memory_release(&moment);
    memory_release(&day);
    return true;
}

static void from_json(const struct run *run, const struct run_table *table, struct run_mapping *mapping,
                      const char *metadata) {
    json_t *root = metadata == NULL ? NULL : json_loads(metadata, 0, NULL);
    json_t *snapshot = json_object_get(root, "snapshot");
    const char *moment = json_string_value(json_object_get(snapshot, "moment"));
    const char *kind = json_string_value(json_object_get(snapshot, "kind"));
    mapping->snapshot.day = memory_copy_string(json_string_value(json_object_get(snapshot, "day")));
    if (moment != NULL)
        settle_at(mapping, memory_copy_string(moment));
    if (kind != NULL && strcmp(kind, "materialize") == 0) {
        if (!materialize_from_json(json_object_get(root, "scratch"),
                                   &mapping->snapshot.scratch)) /* dropped, or never noted */
            source_scratch_name(run->source, &table->relation, table->config->scratch_schema, run->run_id,
                                table->table_id, &mapping->snapshot.scratch);
        materialize_settle(mapping, source_dialect(run->source),
                           (int64_t)json_integer_value(json_object_get(snapshot, "rows")));
    }
    json_decref(root);
}

static bool lose(struct error *error, const char *reason) {
    return error_set_code(error, ERROR_LOST, SNAPSHOT_LOST, "%s", reason);
}

/* Another process made it, perhaps days ago: is it there, and whole? */
static bool reopen_scratch(struct worker *worker, const struct run_mapping *mapping, struct error *error) {
    bool found = false;
    int64_t rows = 0;
    if (!source_scratch_open(worker->source, &mapping->snapshot.scratch, &found, &rows, error))
        return false;
    if (!found)
        return lose(error, "the scratch table of the source that was made when the table was planned is gone");
    if (rows == mapping->snapshot.scratch_rows)
        return true;
    lose(error, "");
    snprintf(error->message, sizeof error->message,
             "the scratch table of the source has %lld rows, and had %lld when the table was planned", (long long)rows,
             (long long)mapping->snapshot.scratch_rows);
    return false;
}

bool snapshot_take_up(struct worker *worker, const struct run_table *table, const char *metadata, bool unread,
                      struct run_mapping *mapping, struct error *error) {
    struct run *run = worker->run;
    const struct dialect *dialect = source_dialect(run->source);
    from_json(run, table, mapping, metadata);
    if (!unread)
        return true;
    if (mapping->snapshot.kind == SNAPSHOT_MATERIALIZED)
        return reopen_scratch(worker, mapping, error);
    if (mapping->snapshot.kind == SNAPSHOT_AT_MOMENT &&
        !probe(worker->source, dialect, &mapping->source.relation, error))
        return snapshot_judge(run, table, mapping, error);
    if (mapping->snapshot.kind == SNAPSHOT_UNFIXED && table->config->settings.snapshot == SNAPSHOT_AUTO)
        snapshot_warn_unfixed(run, "");
    return compare_days(run, table, worker->source, &mapping->snapshot, error);
}

bool snapshot_judge(const struct run *run, const struct run_table *table, const struct run_mapping *mapping,
                    struct error *error) {
    const struct dialect *dialect = source_dialect(run->source);
    if (mapping->snapshot.kind == SNAPSHOT_MATERIALIZED && source_scratch_is_gone(error))
        return lose(error, "the scratch table of the source is gone while it was read");
    if (mapping->snapshot.kind != SNAPSHOT_AT_MOMENT || dialect->moment_is_lost == NULL ||
        !dialect->moment_is_lost(error))
        return false;
    struct error said = *error;
    bool stops = table->config->settings.snapshot == SNAPSHOT_TIME_TRAVEL;
    error_set_code(
        error, stops ? ERROR_CONFIG : ERROR_LOST, stops ? said.code : SNAPSHOT_LOST,
        "the source can't show the table as it was at %s any more, when it was planned: it was replaced meanwhile, or "
        "its retention time is over (%s)",
        mapping->snapshot.moment, said.message);
    return error_hint(
        error,
        "what was loaded of it is of no use beside rows of another moment: begin a new run with --no-resume%s, "
        "or set snapshot to \"auto\", which does that by itself",
        table->config->truncate_onstart ? "" : " after you have deleted the rows of this one");
}

bool snapshot_is_exact(const struct run_table *table, const struct run_mapping *mapping) {
    if (mapping->snapshot.kind != SNAPSHOT_AT_MOMENT)
        return mapping->snapshot.kind == SNAPSHOT_MATERIALIZED;
    return (table->config->settings.snapshot != SNAPSHOT_AUTO || !filter_asks_date(table->config->source_filter));
}

void snapshot_remark(struct run *run, const struct run_table *table, const struct run_mapping *mapping,
                     const struct plan *plan) {
    struct log_scope scope = run_scope(table, 0);
    if (mapping->source.is_view && table->config->settings.snapshot == SNAPSHOT_AUTO && plan->chunk_count > 2)
        log_write(run->log, LOG_INFO, &scope,
                  "a view, which the source computes for each of its %zu chunks; with snapshot \"materialize\" it "
                  "would compute "
                  "it once",
                  plan->chunk_count);
}

static void append_text(struct buffer *json, const char *name, const char *text) {
    if (text == NULL)
        return;
    buffer_appendf(json, ", \"%s\": ", name);
    buffer_append_json_string(json, text, strlen(text));
}

void snapshot_to_json(const struct run_snapshot *snapshot, struct buffer *json) {
    static const char *const kinds[] = {"none", "time_travel", "materialize"};
    buffer_appendf(json, "{\"kind\": \"%s\"", kinds[snapshot->kind]);
    if (snapshot->kind == SNAPSHOT_MATERIALIZED)
        buffer_appendf(json, ", \"rows\": %lld", (long long)snapshot->scratch_rows);
    append_text(json, "moment", snapshot->moment);
    append_text(json, "day", snapshot->day);
    buffer_append_char(json, '}');
}

void snapshot_release(struct run_snapshot *snapshot) {
    memory_release(&snapshot->moment);
    memory_release(&snapshot->day);
    source_scratch_release(&snapshot->scratch);
    memset(snapshot, 0, sizeof *snapshot);
}
