#include "run/begin.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/deadline.h"
#include "run/mapping.h"
#include "run/presence.h"
#include "run/resume.h"
#include "run/stop.h"

enum {
    /* A process that was killed shows as alive until PostgreSQL has noticed: a moment, or some seconds on a busy machine. */
    LIVE_PATIENCE_MS = 10000,
    /* Owners whose own deadlines are less than that away are waited for: then they have ended, or may be ended. */
    OWNED_PATIENCE_MS = 20000,
    EVICTION_MS = 2000 /* after it, what that takes */
};

static bool read_variable(const char *name, int64_t *value, struct error *error) {
    const char *text = getenv(name);
    char *end;
    if (text == NULL || text[0] == '\0')
        return true;
    *value = strtoll(text, &end, 10);
    if (*end != '\0' || *value < 0 || *value > 1000000)
        return error_set(error, ERROR_CONFIG, "the environment variable %s must be a whole number, not \"%s\"", name,
                         text);
    return true;
}

bool limits_from_environment(struct run *run, struct error *error) {
    int64_t stall = 300;
    int64_t first_answer = 4 * 3600;
    int64_t scale = 100;
    if (!read_variable("THAW_STALL_SECONDS", &stall, error) ||
        !read_variable("THAW_FIRST_ANSWER_SECONDS", &first_answer, error) ||
        !read_variable("THAW_RETRY_SCALE", &scale, error))
        return false;
    run->stall_limit_us = stall * 1000000;
    run->first_answer_limit_us = first_answer * 1000000;
    run->retry_scale_percent = (int)scale;
    return true;
}

static bool same(const char *left, const char *right) {
    return strcmp(left == NULL ? "" : left, right == NULL ? "" : right) == 0;
}

static struct run_database *database_named(struct run *run, const char *name) {
    for (size_t i = 0; i < run->database_count; i++)
        if (same(run->databases[i].name, name))
            return &run->databases[i];
    struct run_database *database = &run->databases[run->database_count++];
    database->run = run;
    database->name = name;
    database->cancel.parent = &run->cancel;
    database->end.at_us = run->record_until_us;
    return database;
}

static char *label_of(const struct config_feed *feed, const struct config_table *table) {
    struct buffer label = {0};
    const char *parts[] = {feed->source_database, feed->source_schema, table->source};
    for (size_t i = 0; i < 3; i++)
        if (parts[i] != NULL)
            buffer_appendf(&label, "%s%s", label.length > 0 ? "." : "", parts[i]);
    return buffer_steal(&label);
}

static bool same_target(const struct run_table *left, const struct run_table *right) {
    return left->database == right->database && same(left->feed->target_schema, right->feed->target_schema) &&
           same(left->config->target, right->config->target);
}

void begin_tables(struct run *run) {
    const struct config *config = run->config;
    size_t most = 0;
    for (size_t f = 0; f < config->feed_count; f++)
        most += config->feeds[f].table_count;
    run->tables = memory_array(most, sizeof *run->tables);
    run->databases = memory_array(config->feed_count, sizeof *run->databases);
    for (size_t f = 0; f < config->feed_count; f++)
        for (size_t t = 0; t < config->feeds[f].table_count; t++) {
            const struct config_feed *feed = &config->feeds[f];
            struct run_table *table = &run->tables[run->table_count];
            table->feed = feed;
            table->config = &feed->tables[t];
            table->database = database_named(run, feed->target_database);
            table->relation =
                (struct source_relation){feed->source_database, feed->source_schema, feed->tables[t].source, NULL};
            table->label = label_of(feed, &feed->tables[t]);
            table->group = run->table_count++;
            for (size_t i = 0; i + 1 < run->table_count; i++)
                if (same_target(&run->tables[i], table)) {
                    table->group = i;
                    break;
                }
        }
    run->worker_count = run->options->workers > 0 ? run->options->workers : config->settings.parallel_threads;
    run->workers = memory_array((size_t)run->worker_count, sizeof *run->workers);
    for (int i = 0; i < run->worker_count; i++) {
        run->workers[i].run = run;
        run->workers[i].number = i;
        run->workers[i].cancel.parent = &run->cancel;
    }
    run->execution_hash = config_execution_hash(config);
    run->settings = config_execution_settings(config);
    run->source_names = config_source_names(config);
}

void begin_release(struct run *run) {
    for (size_t i = 0; i < run->database_count; i++) {
        target_disconnect(&run->databases[i].control);
        /* Given up with an answer, so that the next command, which may start at once, doesn't find us alive. */
        target_rollback(&run->databases[i].presence);
        target_disconnect(&run->databases[i].presence);
    }
    for (size_t i = 0; i < run->table_count; i++) {
        mapping_release(&run->tables[i].mapping);
        memory_release(&run->tables[i].label);
    }
    source_disconnect(&run->workers[0].source);
    source_close(&run->source);
    memory_release(&run->databases);
    memory_release(&run->tables);
    memory_release(&run->workers);
    memory_release(&run->execution_hash);
    memory_release(&run->hash_probe);
    memory_release(&run->source_names);
    memory_release(&run->moment);
    memory_release(&run->settings);
    pthread_cond_destroy(&run->changed);
    pthread_mutex_destroy(&run->mutex);
    pthread_mutex_destroy(&run->claiming);
}

static int compare_databases(const void *left, const void *right) {
    const struct run_database *a = *(struct run_database *const *)left;
    const struct run_database *b = *(struct run_database *const *)right;
    return strcmp(a->name == NULL ? "" : a->name, b->name == NULL ? "" : b->name);
}

bool begin_databases(struct run *run, struct error *error) {
    for (size_t i = 0; i < run->database_count; i++)
        if (!presence_connect(run, &run->databases[i], error) || !presence_prepare(run, &run->databases[i], error) ||
            !ledger_prepare(&run->databases[i].control, error))
            return false;
    return true;
}

static void log_lines(struct log *log, const char *text) {
    for (const char *at = text; *at != '\0';) {
        const char *end = strchr(at, '\n');
        size_t length = end == NULL ? strlen(at) : (size_t)(end - at);
        log_info(log, "run", "  %.*s", (int)length, at);
        at += length + (end == NULL ? 0 : 1);
    }
}

static bool decide(struct run *run, const struct ledger_runs *listed, int64_t now_us, struct error *error) {
    const struct run_options *options = run->options;
    struct resume_request request = {
        .source_names = run->source_names,
        .execution_hash = run->execution_hash,
        .settings = run->settings,
        .no_resume = options->no_resume,
        .run_id = options->run_id,
        .join = options->join,
        .begin = options->begin,
        .any_settings = options->any_settings,
        .max_age_hours = options->resume_max_age_hours >= 0 ? options->resume_max_age_hours
                                                            : run->config->settings.resume_max_age_hours,
        .now_us = now_us,
    };
    struct resume_decision decision;
    char idle[32];
    if (!resume_decide(&request, listed, run->database_count, &decision, error)) {
        run->owned_us = decision.owned_us;
        return false;
    }
    run->resumed = decision.resume || decision.join || decision.completed;
    run->joined = decision.join;
    bool done = true;
    memcpy(run->run_id, decision.run_id, sizeof run->run_id);
    if (run->resumed) {
        log_set_run(run->log, run->run_id);
        clock_format_duration(decision.idle_us, idle, sizeof idle);
        if (!decision.completed)
            log_info(run->log, "run", "%s run %s, whose last progress was %s ago",
                     decision.join ? "joining" : "resuming", run->run_id, idle);
    } else {
        done = run->run_id[0] != '\0' || ledger_new_uuid(&run->databases[0].control, run->run_id, error);
        log_set_run(run->log, run->run_id);
        log_info(run->log, "run", "NO RESUMABLE RUN FOUND%s",
                 decision.explanation.length == 0 ? ": there is no unfinished run" : "; candidates:");
        log_lines(run->log, buffer_string(&decision.explanation));
        if (done)
            log_info(run->log, "run", "starting run %s of %s: %zu tables, %d workers", run->run_id, run->source_names,
                     run->table_count, run->worker_count);
    }
    resume_decision_release(&decision);
    return done;
}

struct ledger_table begin_ledger_names(const struct run_table *table) {
    static char unnamed[] = "";
    const struct config_feed *feed = table->feed;
    return (struct ledger_table){
        .source_name = feed->source_name,
        .source_database = feed->source_database == NULL ? unnamed : feed->source_database,
        .source_schema = feed->source_schema == NULL ? unnamed : feed->source_schema,
        .source_table = table->config->source,
        .target_database = feed->target_database,
        .target_schema = feed->target_schema,
        .target_table = table->config->target,
    };
}

static bool insert_rows(struct run *run, struct run_database *database, struct error *error) {
    struct ledger_run_values values = {
        .run_id = run->run_id,
        .execution_hash = run->execution_hash,
        .config_hash = run->config->hash,
        .source_names = run->source_names,
        .settings = run->settings,
        .total_sources = (int)run->config->feed_count,
    };
    for (size_t i = 0; i < run->table_count; i++)
        values.total_tables += run->tables[i].database == database;
    bool done = ledger_insert_run(&database->control, &values, &database->run_number, error);
    for (size_t i = 0; done && i < run->table_count; i++) {
        struct ledger_table row = begin_ledger_names(&run->tables[i]);
        if (run->tables[i].database != database)
            continue;
        done = ledger_insert_table(&database->control, run->run_id, &row, error);
        run->tables[i].table_id = row.table_id;
    }
    return done;
}

static bool is_same_table(const struct ledger_table *stored, const struct run_table *table) {
    struct ledger_table wanted = begin_ledger_names(table);
    return same(stored->source_name, wanted.source_name) && same(stored->source_database, wanted.source_database) &&
           same(stored->source_schema, wanted.source_schema) && same(stored->source_table, wanted.source_table) &&
           same(stored->target_schema, wanted.target_schema) && same(stored->target_table, wanted.target_table);
}

/* Take a stored table up where it stands. */
static void take_up(struct run *run, struct run_table *table, const struct ledger_table *stored) {
    table->table_id = stored->table_id;
    table->planned = stored->planned;
    table->deadline_breaks = stored->deadline_breaks;
    table->generation = stored->target_generation;
    table->chunks_total = stored->total_chunks;
    table->chunks_completed = stored->completed_chunks;
    table->rows_expected = stored->expected_rows;
    table->rows_committed = stored->total_rows_copied;
    run->rows_at_start += stored->total_rows_copied;
    if (strcmp(stored->status, "completed") == 0)
        table->state = TABLE_COMPLETED;
}

static bool adopt_rows(struct run *run, struct run_database *database, const struct ledger_run *known,
                       struct error *error) {
    struct ledger_tables stored = {0};
    database->run_number = known->run_number;
    /* What failed in a live run is its owners' to judge; an interrupted one gets a fresh start. */
    if (!database->settled && !run->joined &&
        !ledger_adopt_run(&database->control, run->run_id, &database->run_number, error))
        return false;
    if (!ledger_list_tables(&database->control, run->run_id, &stored, error))
        return false;
    for (size_t i = 0; i < run->table_count; i++) {
        struct run_table *table = &run->tables[i];
        if (table->database != database)
            continue;
        for (size_t s = 0; table->table_id == 0 && s < stored.count; s++)
            if (is_same_table(&stored.list[s], table))
                take_up(run, table, &stored.list[s]);
        if (table->table_id == 0) {
            error_set(error, ERROR_CONFIG, "%s is not part of run %s", table->label, run->run_id);
            error_hint(error, "resume with the configuration and the options that the run was started with");
            ledger_tables_release(&stored);
            return false;
        }
    }
    ledger_tables_release(&stored);
    return true;
}

static const struct ledger_run *listed_run(const struct ledger_runs *listed, const char *run_id) {
    for (size_t i = 0; i < listed->count; i++)
        if (strcmp(listed->list[i].run_id, run_id) == 0)
            return &listed->list[i];
    return NULL;
}

/* The run's row in a database, whatever its status: one that is completed there isn't listed among the unfinished. */
static bool find_run(struct run *run, struct run_database *database, struct ledger_runs *found,
                     const struct ledger_run **known, struct error *error) {
    int64_t now_us = 0;
    *known = NULL;
    if (!run->resumed)
        return true;
    if (!ledger_list_runs(&database->control, run->run_id, found, &now_us, error))
        return false;
    *known = listed_run(found, run->run_id);
    return true;
}

static bool register_in(struct run *run, struct run_database *database, struct error *error) {
    struct ledger_runs found = {0};
    const struct ledger_run *known = NULL;
    bool done = find_run(run, database, &found, &known, error);
    if (done) {
        database->settled = known != NULL && strcmp(known->status, "completed") == 0;
        done = known == NULL ? insert_rows(run, database, error) : adopt_rows(run, database, known, error);
    }
    ledger_runs_release(&found);
    return done && (database->settled || presence_register(run, database, true, error));
}

static bool register_run(struct run *run, struct error *error) {
    for (size_t i = 0; i < run->database_count; i++)
        if (!register_in(run, &run->databases[i], error))
            return false;
    return true;
}

static bool lock_decision(struct run *run, struct run_database *database, struct error *error) {
    bool locked = false;
    if (!target_begin(&database->control, true, error) ||
        !ledger_lock_decision(&database->control, false, &locked, error))
        return false;
    if (locked)
        return true;
    log_info(run->log, "run",
             "another process is starting or resuming a run in database %s at this moment; waiting for it",
             database->control.database);
    return ledger_lock_decision(&database->control, true, &locked, error);
}

static bool decide_and_register(struct run *run, struct ledger_runs *listed, struct error *error) {
    struct run_database **ordered = memory_array(run->database_count, sizeof(struct run_database *));
    int64_t now_us = 0;
    bool done = true;
    bool unknown = false;
    for (size_t i = 0; i < run->database_count; i++)
        ordered[i] = &run->databases[i];
    qsort(ordered, run->database_count, sizeof(struct run_database *), compare_databases); /* one order: no deadlock */
    for (size_t i = 0; done && i < run->database_count; i++)
        done = lock_decision(run, ordered[i], error) &&
               ledger_list_runs(&ordered[i]->control, run->options->run_id, &listed[ordered[i] - run->databases],
                                &now_us, error);
    done = done && decide(run, listed, now_us, error) && register_run(run, error) &&
           fault_point(&run->faults, "before_begin_commit", error);
    for (size_t i = 0; done && i < run->database_count; i++)
        done = target_commit(&ordered[i]->control, &unknown, error);
    memory_release(&ordered);
    return done && fault_point(&run->faults, "after_begin", error);
}

static bool try_to_begin(struct run *run, struct error *error) {
    struct ledger_runs *listed = memory_array(run->database_count, sizeof *listed);
    bool done = decide_and_register(run, listed, error);
    for (size_t i = 0; i < run->database_count; i++)
        ledger_runs_release(&listed[i]);
    memory_release(&listed);
    if (done)
        return true;
    for (size_t i = 0; i < run->database_count; i++) {
        target_rollback(&run->databases[i].control);
        target_rollback(&run->databases[i].presence);
    }
    memset(run->run_id, 0, sizeof run->run_id);
    log_set_run(run->log, run->run_id);
    return false;
}

/* An owner that is frozen, or whose host has vanished, holds its presence as long as its connections seem to stand. Once
 * the deadline that it published has passed, whoever wants the run may end them. */
static void evict_overdue_owners(struct run *run) {
    for (size_t i = 0; i < run->database_count; i++) {
        struct target_connection *control = &run->databases[i].control;
        struct error error;
        error_clear(&error);
        if (target_usable(control) && !presence_evict(run, control, &error))
            log_debug(run->log, "run", "overdue owners could not be looked for: %s", error.message);
    }
}

bool begin_waits(int64_t waited_us, int64_t owned_us) {
    return waited_us <= LIVE_PATIENCE_MS * INT64_C(1000) ||
           (owned_us <= OWNED_PATIENCE_MS * INT64_C(1000) && owned_us >= -EVICTION_MS * INT64_C(1000));
}

bool begin_run(struct run *run, struct error *error) {
    int64_t begun_us = clock_monotonic_us();
    bool told = false;
    while (!try_to_begin(run, error)) {
        if (strcmp(error->code, RESUME_LIVE) != 0 || stop_requested() ||
            !begin_waits(clock_monotonic_us() - begun_us, run->owned_us))
            return false;
        if (deadline_closes(run)) { /* that may be over when the next process comes */
            error->kind = ERROR_STOPPED;
            return false;
        }
        if (!told)
            log_info(run->log, "run", "%s; waiting up to %d s for it to end, or until its deadline", error->message,
                     LIVE_PATIENCE_MS / 1000);
        told = true;
        evict_overdue_owners(run);
        clock_sleep_ms(250);
        for (size_t i = 0; i < run->database_count; i++)
            if (!target_usable(&run->databases[i].control) && !presence_connect(run, &run->databases[i], error))
                return false;
    }
    return true;
}
