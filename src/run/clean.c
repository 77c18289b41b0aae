#include "run/clean.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ledger/clean.h"
#include "ledger/indexes.h"
#include "run/begin.h"
#include "run/indexes.h"
#include "run/materialize.h"
#include "run/presence.h"

/* What there is to do in one target database. */
struct findings {
    struct ledger_indexes missing;
    struct ledger_disused_runs runs;
    struct ledger_scratches scratches;
};

struct clean {
    struct run run; /* of which only the databases are used */
    struct findings *findings;
};

static bool same_target(const struct ledger_index *left, const struct ledger_index *right) {
    return strcmp(left->target_schema, right->target_schema) == 0 &&
           strcmp(left->target_table, right->target_table) == 0;
}

/* Nothing where nobody reads: with --json. */
__attribute__((format(printf, 2, 3))) static void say(FILE *out, const char *format, ...) {
    va_list arguments;
    if (out == NULL)
        return;
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
}

/* ---- looking ------------------------------------------------------------------------------------------------------- */

static void print_index(FILE *out, const struct ledger_index *index) {
    if (index->live_run != NULL)
        say(out, "  stays away: %s \"%s\" of %s.%s, which run %s is loading: it comes back with that\n", index->kind,
            index->name, index->target_schema, index->target_table, index->live_run);
    else if (index->table_exists)
        say(out, "  put back: %s \"%s\" of %s.%s%s%s\n", index->kind, index->name, index->target_schema,
            index->target_table, index->error_message == NULL ? "" : "; the last attempt failed: ",
            index->error_message == NULL ? "" : index->error_message);
    else
        say(out, "  forget: %s \"%s\" of %s.%s, a table that is not there any more\n", index->kind, index->name,
            index->target_schema, index->target_table);
}

static void print_run(FILE *out, const struct ledger_disused_run *run) {
    char age[32];
    clock_format_duration(run->idle_seconds * 1000000, age, sizeof age);
    if (strcmp(run->status, "completed") == 0)
        say(out, "  forget: run %s of %s, completed %s ago, since later ones completed the same tables\n", run->run_id,
            run->source_names, age);
    else
        say(out, "  forget: run %s of %s, unfinished, last progress %s ago; its %" PRId64 " rows stay%s%s\n",
            run->run_id, run->source_names, age, run->rows, run->targets == NULL ? "" : " in ",
            run->targets == NULL ? "" : run->targets);
}

static bool is_disused(const struct findings *found, const char *run_id) {
    for (size_t i = 0; i < found->runs.count; i++)
        if (strcmp(found->runs.list[i].run_id, run_id) == 0)
            return true;
    return false;
}

/* A resume would read it from there, unless its run is to be forgotten. */
static bool is_read_again(const struct findings *found, const struct ledger_scratch *scratch) {
    return scratch->live || (!scratch->completed && !is_disused(found, scratch->run_id));
}

static void print_scratch(FILE *out, const struct findings *found, const struct ledger_scratch *scratch) {
    char *name = materialize_name(scratch);
    if (is_read_again(found, scratch))
        say(out, "  stays: scratch table %s of the source, which run %s reads when it goes on\n", name,
            scratch->run_id);
    else
        say(out, "  drop: scratch table %s of the source, left over from run %s\n", name, scratch->run_id);
    memory_release(&name);
}

static bool look_in(struct run_database *database, const struct clean_options *options, double max_age_hours,
                    struct findings *found, FILE *out, size_t *things, struct error *error) {
    struct target_connection *control = &database->control;
    bool exists = false;
    control->stall_limit_us = 0;
    if (!ledger_exists(control, &exists, error))
        return false;
    say(out, "database %s\n", control->database);
    if (exists && (!ledger_list_indexes(control, NULL, NULL, &found->missing, error) ||
                   !ledger_list_disused(control, options->unfinished ? max_age_hours * 3600 : -1, options->run_id,
                                        &found->runs, error) ||
                   !ledger_list_scratch(control, &found->scratches, error)))
        return false;
    for (size_t i = 0; i < found->missing.count; i++) {
        print_index(out, &found->missing.list[i]);
        *things += found->missing.list[i].live_run == NULL;
    }
    for (size_t i = 0; i < found->runs.count; i++)
        print_run(out, &found->runs.list[i]);
    for (size_t i = 0; i < found->scratches.count; i++) {
        print_scratch(out, found, &found->scratches.list[i]);
        *things += !is_read_again(found, &found->scratches.list[i]);
    }
    *things += found->runs.count;
    if (found->missing.count + found->runs.count + found->scratches.count == 0)
        say(out, "  nothing to clean%s\n", exists ? "" : ": no run has been here yet");
    return true;
}

bool clean_look(struct clean **clean, const struct config *config, const struct clean_options *options, struct log *log,
                FILE *out, size_t *things, struct error *error) {
    static const struct run_options no_options = {0};
    struct clean *new = memory_allocate(sizeof *new);
    struct run *run = &new->run;
    *clean = new;
    *things = 0;
    run->config = config;
    run->options = &no_options;
    run->log = log;
    pthread_mutex_init(&run->mutex, NULL);
    pthread_mutex_init(&run->claiming, NULL);
    pthread_cond_init(&run->changed, NULL);
    begin_tables(run);
    new->findings = memory_array(run->database_count, sizeof *new->findings);
    if (!faults_init(&run->faults, error) || !limits_from_environment(run, error))
        return false;
    for (size_t i = 0; i < run->database_count; i++)
        if (!presence_connect(run, &run->databases[i], error) ||
            !look_in(&run->databases[i], options, config->settings.resume_max_age_hours, &new->findings[i], out, things,
                     error))
            return false;
    return true;
}

/* ---- as JSON ------------------------------------------------------------------------------------------------------- */

static void add_text(json_t *object, const char *name, const char *text) {
    json_object_set_new(object, name, text == NULL ? json_null() : json_string(text));
}

static json_t *index_to_json(const struct ledger_index *index) {
    json_t *object = json_object();
    add_text(object, "action", index->live_run != NULL ? "stays" : index->table_exists ? "put_back" : "forget");
    add_text(object, "kind", index->kind);
    add_text(object, "name", index->name);
    add_text(object, "target_schema", index->target_schema);
    add_text(object, "target_table", index->target_table);
    add_text(object, "run_id", index->live_run);
    add_text(object, "error", index->error_message);
    return object;
}

static json_t *run_to_json(const struct ledger_disused_run *run) {
    json_t *object = json_object();
    add_text(object, "action", "forget");
    add_text(object, "run_id", run->run_id);
    add_text(object, "source_names", run->source_names);
    add_text(object, "status", run->status);
    json_object_set_new(object, "idle_seconds", json_integer((json_int_t)run->idle_seconds));
    json_object_set_new(object, "rows", json_integer((json_int_t)run->rows));
    return object;
}

static json_t *scratch_to_json(const struct findings *found, const struct ledger_scratch *scratch) {
    json_t *object = json_object();
    char *name = materialize_name(scratch);
    add_text(object, "action", is_read_again(found, scratch) ? "stays" : "drop");
    add_text(object, "name", name);
    add_text(object, "run_id", scratch->run_id);
    memory_release(&name);
    return object;
}

static json_t *findings_to_json(const char *database, const struct findings *found) {
    json_t *object = json_object(), *indexes = json_array(), *runs = json_array(), *scratches = json_array();
    for (size_t i = 0; i < found->missing.count; i++)
        json_array_append_new(indexes, index_to_json(&found->missing.list[i]));
    for (size_t i = 0; i < found->runs.count; i++)
        json_array_append_new(runs, run_to_json(&found->runs.list[i]));
    for (size_t i = 0; i < found->scratches.count; i++)
        json_array_append_new(scratches, scratch_to_json(found, &found->scratches.list[i]));
    add_text(object, "database", database);
    json_object_set_new(object, "indexes", indexes);
    json_object_set_new(object, "runs", runs);
    json_object_set_new(object, "scratch_tables", scratches);
    return object;
}

void clean_to_json(const struct clean *clean, struct buffer *json) {
    json_t *databases = json_array();
    for (size_t i = 0; i < clean->run.database_count; i++)
        json_array_append_new(databases,
                              findings_to_json(clean->run.databases[i].control.database, &clean->findings[i]));
    char *text = json_dumps(databases, JSON_COMPACT);
    buffer_append(json, text);
    memory_release(&text);
    json_decref(databases);
}

/* ---- doing --------------------------------------------------------------------------------------------------------- */

static bool put_back(struct clean *clean, struct run_database *database, const struct ledger_index *index,
                     struct error *error) {
    struct indexes_site site = {
        .connection = &database->control,
        .log = clean->run.log,
        .faults = &clean->run.faults,
        .schema = index->target_schema,
        .table = index->target_table,
        .scope = {.component = "clean", .table = index->target_table},
    };
    return indexes_put_back(&site, error);
}

static bool forget(struct run_database *database, const struct ledger_disused_run *run, FILE *out,
                   struct error *error) {
    bool forgotten = false;
    if (!ledger_forget_run(&database->control, run->run_id, &forgotten, error))
        return false;
    if (forgotten)
        say(out, "forgotten: run %s\n", run->run_id);
    else
        say(out, "kept: run %s, which somebody has taken up meanwhile\n", run->run_id);
    return true;
}

static bool connect_source(struct clean *clean, struct error *error) {
    struct run *run = &clean->run;
    return run->workers[0].source != NULL ||
           ((run->source != NULL || source_open(run->config, run->log, &run->source, error)) &&
            source_connect(run->source, &run->workers[0].source, error));
}

/* What the ledger forgets with the run would never be found again, so this comes first. */
static bool drop_scratch(struct clean *clean, struct run_database *database, const struct findings *found,
                         const char *run_id, FILE *out, struct error *error) {
    for (size_t i = 0; i < found->scratches.count; i++) {
        const struct ledger_scratch *scratch = &found->scratches.list[i];
        if (strcmp(scratch->run_id, run_id) != 0 || is_read_again(found, scratch))
            continue;
        if (!connect_source(clean, error) ||
            !materialize_drop(clean->run.workers[0].source, &database->control, scratch, error))
            return false;
        char *name = materialize_name(scratch);
        say(out, "dropped: scratch table %s\n", name);
        memory_release(&name);
    }
    return true;
}

/* Count what failed, and go on. */
static void judge(struct clean *clean, bool done, const struct error *error, size_t *failures) {
    if (done)
        return;
    log_failure(clean->run.log, NULL, error);
    (*failures)++;
}

static void do_in(struct clean *clean, struct run_database *database, const struct findings *found, FILE *out,
                  size_t *failures) {
    const struct ledger_index *before = NULL;
    struct error error;
    for (size_t i = 0; i < found->missing.count; i++) {
        const struct ledger_index *index = &found->missing.list[i];
        error_clear(&error);
        if (index->live_run != NULL)
            continue;
        if (!index->table_exists)
            judge(clean, ledger_forget_index(&database->control, index->index_id, &error), &error, failures);
        else if (before == NULL || !same_target(before, index)) /* they are in the order of their targets */
            judge(clean, put_back(clean, database, index, &error), &error, failures);
        before = index;
    }
    for (size_t i = 0; i < found->runs.count; i++) {
        error_clear(&error);
        judge(clean,
              drop_scratch(clean, database, found, found->runs.list[i].run_id, out, &error) &&
                  forget(database, &found->runs.list[i], out, &error),
              &error, failures);
    }
    for (size_t i = 0; i < found->scratches.count; i++) {
        const char *run_id = found->scratches.list[i].run_id;
        error_clear(&error);
        if (!is_disused(found, run_id) && (i == 0 || strcmp(found->scratches.list[i - 1].run_id, run_id) != 0))
            judge(clean, drop_scratch(clean, database, found, run_id, out, &error), &error, failures);
    }
}

bool clean_do(struct clean *clean, FILE *out, struct error *error) {
    size_t failures = 0;
    for (size_t i = 0; i < clean->run.database_count; i++)
        do_in(clean, &clean->run.databases[i], &clean->findings[i], out, &failures);
    return failures == 0 || error_set(error, ERROR_CONFIG, "%zu of it could not be done", failures);
}

void clean_release(struct clean **clean) {
    struct clean *old = *clean;
    if (old == NULL)
        return;
    for (size_t i = 0; i < old->run.database_count; i++) {
        ledger_indexes_release(&old->findings[i].missing);
        ledger_disused_release(&old->findings[i].runs);
        ledger_scratches_release(&old->findings[i].scratches);
    }
    memory_release(&old->findings);
    begin_release(&old->run);
    memory_release(clean);
}
