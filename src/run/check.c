/* Asking both ends. What the answers mean is judged in check_judge.c. */
#include "run/check.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "run/begin.h"
#include "run/create.h"
#include "run/mapping.h"
#include "run/memory_limit.h"
#include "run/merging.h"
#include "run/presence.h"
#include "run/snapshot.h"
#include "run/state.h"
#include "run/window.h"

/* Codes that stand in several places; the first is of things that were not looked at because something before them failed. */
static const char not_checked[] = "not_checked";
static const char memory_limit[] = "memory_limit";

struct checker {
    struct run run;
    struct source_connection *source;  /* NULL: it can't be asked */
    struct target_server_facts *facts; /* of each database; zero where nobody answered */
    struct check_load load;
    struct check_report *report;
};

/* What failed, as a finding. A driver's or server's words may hold what must not be shown. */
static void add_error(const struct checker *checker, struct check_findings *findings, enum check_grade grade,
                      const char *code, const struct error *error) {
    struct buffer message = {0}, hint = {0};
    buffer_append(&message, error->message);
    buffer_append(&hint, error->hint);
    log_redact(checker->run.log, &message);
    log_redact(checker->run.log, &hint);
    struct check_finding *finding = check_add(findings, grade, code, "%s", buffer_string(&message));
    if (hint.length > 0)
        check_hint(finding, "%s", buffer_string(&hint));
    buffer_release(&message);
    buffer_release(&hint);
}

static void add_failure(const struct checker *checker, struct check_findings *findings, const char *code,
                        const struct error *error) {
    add_error(checker, findings, CHECK_PROBLEM, code, error);
}

/* ---- the source ------------------------------------------------------------------------------------------------------ */

static void look_at_source(struct checker *checker) {
    struct check_findings *findings = &checker->report->source;
    struct run *run = &checker->run;
    struct source_facts facts;
    struct error error;
    error_clear(&error);
    struct buffer memory = {0};
    if (!memory_limit_open_source(run, &error)) {
        add_failure(checker, findings, "connection", &error);
        return;
    }
    checker->source = run->workers[0].source;
    if (source_read_facts(checker->source, &facts, &error))
        check_source(findings, &facts, run->config->source.warehouse);
    else
        add_failure(checker, findings, "connection", &error);
    source_facts_release(&facts);
    memory_limit_describe(run, &memory);
    if (memory.length > 0)
        check_add(findings, run->worker_count < run->budget.wanted ? CHECK_REMARK : CHECK_OK, memory_limit, "%s",
                  buffer_string(&memory));
    buffer_release(&memory);
}

/* A reader of so many columns may be more than the limit has room for. */
static void look_at_readers(struct checker *checker, const struct run_mapping *mapping,
                            struct check_findings *findings) {
    struct error error;
    int readers;
    error_clear(&error);
    if (!memory_limit_readers(&checker->run, mapping->column_count, &readers, &error))
        add_failure(checker, findings, memory_limit, &error);
}

/* A query of all columns that returns nothing: they exist, and may be read. With `filter`: and that is one. */
static bool is_readable(struct checker *checker, const struct source_table *source, const char *filter,
                        struct error *error) {
    struct plan_chunk whole = {.kind = CHUNK_WHOLE};
    struct buffer sql = {0}, condition = {0};
    struct source_stream stream;
    bool has_inexact = false;
    size_t *columns = memory_array(source->column_count, sizeof *columns);
    for (size_t i = 0; i < source->column_count; i++)
        columns[i] = i;
    if (filter != NULL) /* a line of its own: it may end with a comment */
        buffer_appendf(&condition, "(%s\n) AND ", filter);
    buffer_append(&condition, "1 = 0");
    plan_data_query(&sql, source_dialect(checker->run.source), source, columns, source->column_count,
                    buffer_string(&condition), NULL, 0, &whole, &has_inexact);
    bool readable = source_stream_open(checker->source, buffer_string(&sql), &stream, error);
    if (readable)
        source_stream_close(&stream);
    memory_release(&columns);
    buffer_release(&sql);
    buffer_release(&condition);
    return readable;
}

/* Made and dropped again, without rows: whether that is allowed shows in nothing else. */
static void look_at_scratch(struct checker *checker, const struct run_table *table, struct check_findings *findings) {
    struct source_scratch scratch;
    struct buffer name = {0};
    struct error error;
    error_clear(&error);
    buffer_appendf(&name, "check-%d", (int)getpid());
    source_scratch_name(checker->run.source, &table->relation, table->config->scratch_schema, buffer_string(&name), 0,
                        &scratch);
    if (!source_scratch_make(checker->source, &scratch, "SELECT 1 AS \"one\" WHERE 1 = 0", &error) ||
        !source_scratch_drop(checker->source, &scratch, &error)) {
        error_hint(&error, scratch.file != NULL
                               ? "the folder of the source's file, or else TMPDIR, must be writable"
                               : "scratch_schema must be there, and the role needs CREATE TABLE in it");
        add_failure(checker, findings, "scratch_schema", &error);
    } else {
        check_add(findings, CHECK_OK, "scratch_schema", "scratch tables can be made and dropped in %s",
                  scratch.file != NULL ? "the folder of its file" : table->config->scratch_schema);
    }
    source_scratch_release(&scratch);
    buffer_release(&name);
}

static void look_at_past(struct checker *checker, const struct run_table *table, struct source_table *source,
                         struct check_findings *findings) {
    bool wanted = table->config->settings.snapshot == SNAPSHOT_TIME_TRAVEL;
    struct error error;
    error_clear(&error);
    if (snapshot_examine(checker->source, source_dialect(checker->run.source), &source->relation, &error)) {
        check_add(findings, CHECK_OK, "snapshot", "the source can show it as it was: it is read at one moment");
        return;
    }
    error_context(&error, "the source can't show it as it was a moment ago%s",
                  wanted ? "" : ", so chunks read it one after the other");
    error_hint(&error, "it needs a table, or a view over tables, with DATA_RETENTION_TIME_IN_DAYS above 0; or set "
                       "snapshot to \"materialize\" or \"none\"");
    add_error(checker, findings, wanted ? CHECK_PROBLEM : CHECK_REMARK, "snapshot", &error);
}

static void look_at_snapshot(struct checker *checker, const struct run_table *table, struct source_table *source,
                             struct check_findings *findings) {
    enum config_snapshot wanted = table->config->settings.snapshot;
    if (wanted == SNAPSHOT_MATERIALIZE)
        look_at_scratch(checker, table, findings);
    else if (wanted != SNAPSHOT_NONE && source_dialect(checker->run.source)->at_moment != NULL)
        look_at_past(checker, table, source, findings);
}

static bool look_at_source_table(struct checker *checker, const struct run_table *table, struct source_table *source,
                                 struct check_findings *findings) {
    struct error error;
    error_clear(&error);
    if (checker->source == NULL) {
        check_add(findings, CHECK_REMARK, not_checked, "the source did not answer, so its table wasn't looked at");
        return false;
    }
    if (!source_describe(checker->source, &table->relation, source, &error) ||
        !is_readable(checker, source, NULL, &error)) {
        add_failure(checker, findings, "source_table", &error);
        return false;
    }
    check_add(findings, CHECK_OK, "source_table", "the source's %s can be read: %zu columns",
              source->is_view ? "view" : "table", source->column_count);
    if (table->config->source_filter != NULL && !is_readable(checker, source, table->config->source_filter, &error))
        add_failure(checker, findings, "source_filter", &error);
    look_at_snapshot(checker, table, source, findings);
    if (source->is_view)
        check_hint(check_add(findings, CHECK_REMARK, "view",
                             "it is a view, which the source computes anew for the plan and for every chunk"),
                   "where that is costly: a table made of it once, or a larger batch_size");
    return true;
}

/* ---- the target ------------------------------------------------------------------------------------------------------ */

/* Nothing that is asked may change anything, or wait for long. */
static bool begin_reading(struct target_connection *connection, struct error *error) {
    return target_begin(connection, true, error) &&
           target_execute(
               connection,
               "SET TRANSACTION READ ONLY; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'", error);
}

static void look_at_ledger(struct checker *checker, struct target_connection *connection,
                           struct check_findings *findings) {
    static const char *const states[] = {
        [LEDGER_ABSENT] = "there is no ledger yet, and the role may make it: schema migration_status",
        [LEDGER_OLDER] = "there is a ledger of an older version, which a run brings up to date",
        [LEDGER_READY] = "the ledger is there, and the role may use it: schema migration_status",
    };
    enum ledger_state state = LEDGER_ABSENT;
    struct error error;
    error_clear(&error);
    if (ledger_examine(connection, &state, &error))
        check_add(findings, CHECK_OK, "ledger", "%s", states[state]);
    else
        add_failure(checker, findings, "ledger", &error);
}

static void look_at_database(struct checker *checker, size_t index) {
    struct run_database *database = &checker->run.databases[index];
    struct check_database *shown = &checker->report->databases[index];
    struct target_server_facts *facts = &checker->facts[index];
    struct error error;
    error_clear(&error);
    shown->name = memory_copy_string(database->name == NULL ? "(default)" : database->name);
    if (!presence_connect(&checker->run, database, &error)) {
        add_failure(checker, &shown->findings, "connection", &error);
        return;
    }
    memory_release(&shown->name);
    shown->name = memory_copy_string(database->control.database);
    if (begin_reading(&database->control, &error) && target_read_server_facts(&database->control, facts, &error)) {
        check_add(&shown->findings, CHECK_OK, "connection", "PostgreSQL %s, role \"%s\"", facts->version, facts->role);
        check_target_database(&shown->findings, facts);
    } else {
        add_failure(checker, &shown->findings, "connection", &error);
    }
    target_rollback(&database->control);
    if (target_usable(&database->control))
        look_at_ledger(checker, &database->control, &shown->findings);
}

static void add_not_insertable(struct check_findings *findings, const struct run_mapping *mapping,
                               const struct target_table_facts *facts) {
    struct buffer names = {0};
    for (size_t i = 0; i < mapping->written_count; i++)
        for (size_t n = 0; n < facts->not_insertable_count; n++)
            if (strcmp(mapping->targets[i].name, facts->not_insertable[n]) == 0)
                buffer_appendf(&names, "%s\"%s\"", names.length > 0 ? ", " : "", facts->not_insertable[n]);
    if (names.length > 0 && facts->not_insertable_count < mapping->target.column_count)
        check_hint(check_add(findings, CHECK_PROBLEM, "target_privileges", "the role lacks INSERT on these columns: %s",
                             buffer_string(&names)),
                   "GRANT INSERT ON the whole table");
    buffer_release(&names);
}

static void add_key(struct check_findings *findings, const struct config_table *config,
                    const struct target_table_facts *facts) {
    struct buffer names = {0};
    if (facts->key_is_unique || config->mode != MODE_COPY)
        return;
    for (size_t i = 0; i < config->uniqueness_column_count; i++) {
        buffer_append(&names, i > 0 ? ", " : "");
        target_identifier(&names, config->uniqueness_columns[i]);
    }
    check_hint(check_add(findings, CHECK_REMARK, "uniqueness_columns",
                         "no unique index on exactly the uniqueness_columns (%s): nothing keeps them unique",
                         buffer_string(&names)),
               "CREATE UNIQUE INDEX ON ... (%s)", buffer_string(&names));
    buffer_release(&names);
}

static void add_rows_there(struct checker *checker, struct target_connection *connection,
                           const struct run_mapping *mapping, bool truncate, struct check_findings *findings) {
    struct error error;
    bool has_rows = false;
    error_clear(&error);
    if (!target_has_rows(connection, &mapping->target, &has_rows, &error))
        add_failure(checker, findings, "target_rows", &error);
    else if (has_rows && truncate)
        check_add(findings, CHECK_REMARK, "target_rows", "the target holds rows, which a new run truncates first");
    else if (has_rows && !mapping->merges)
        check_hint(check_add(findings, CHECK_REMARK, "target_rows",
                             "the target holds rows already: what is copied comes beside them"),
                   "set truncate_onstart where it is to replace them");
}

/* A run would make it: how, if it can. */
static bool look_at_creation(struct checker *checker, const struct run_table *table, struct run_mapping *mapping,
                             struct target_refusals *refusals, struct check_findings *findings) {
    struct error error;
    error_clear(&error);
    if (!create_find_target(mapping, table, source_dialect(checker->run.source), &table->database->control, &error)) {
        refusals->list[0] = error;
        refusals->count = 1;
        return false;
    }
    refusals->count = 0;
    check_add(findings, CHECK_OK, "create_target", "the target table is missing, and would be made%s: %s",
              mapping->create_schema ? " with its schema" : "", mapping->create_sql);
    return true;
}

static bool look_at_target_table(struct checker *checker, const struct run_table *table, struct run_mapping *mapping,
                                 struct check_findings *findings) {
    struct target_table *target = &mapping->target;
    struct target_refusals *refusals = memory_allocate(sizeof *refusals);
    struct error error;
    error_clear(&error);
    bool asked = target_examine(&table->database->control, table->feed->target_schema, table->config->target,
                                table->config->truncate_onstart, target, refusals, &error);
    bool made = asked && refusals->missing && table->config->create_target && mapping->source.column_count > 0 &&
                look_at_creation(checker, table, mapping, refusals, findings);
    if (!asked)
        add_failure(checker, findings, "target_table", &error);
    for (size_t i = 0; asked && i < refusals->count; i++)
        add_failure(checker, findings,
                    strcmp(refusals->list[i].code, "42501") == 0 ? "target_privileges" : "target_table",
                    &refusals->list[i]);
    if (asked && !made && refusals->count == 0)
        check_add(findings, CHECK_OK, "target_table", "the target table can be written to: %zu columns",
                  target->column_count);
    bool there = asked && (target->kind == 'r' || target->kind == 'p');
    memory_release(&refusals);
    return there;
}

/* ---- both together --------------------------------------------------------------------------------------------------- */

static void keep_pairs(struct check_table *shown, const struct run_mapping *mapping,
                       const struct mapping_findings *found) {
    size_t count = found->refusal_count < mapping->written_count ? found->refusal_count : mapping->written_count;
    shown->pairs = memory_array(count, sizeof *shown->pairs);
    shown->pair_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct source_column *source = &mapping->source.columns[mapping->columns[i]];
        shown->pairs[i] = (struct check_pair){
            .source = memory_copy_string(source->name),
            .source_type = memory_copy_string(source->type_name),
            .target = memory_copy_string(mapping->targets[i].name),
            .target_type = memory_copy_string(mapping->targets[i].type_name),
            .refusal = memory_copy_string(found->refusals[i]),
            .text = found->supports[i] == PAIR_TEXT,
        };
    }
}

static void look_at_columns(struct checker *checker, const struct run_table *table, struct run_mapping *mapping,
                            struct check_table *shown) {
    struct mapping_findings found;
    struct error error;
    error_clear(&error);
    if (!mapping_pair(mapping, table->config, checker->source, source_dialect(checker->run.source), &found, &error))
        add_failure(checker, &shown->findings, "columns", &error);
    for (size_t i = 0; i < found.problem_count; i++)
        check_add(&shown->findings, CHECK_PROBLEM, "columns", "%s", buffer_string(&found.problems[i]));
    if (found.left_out.length > 0 && mapping->column_count > 0)
        check_add(&shown->findings, CHECK_REMARK, "left_out",
                  "source columns that the target has no column for, or none that can be written, stay behind: %s",
                  buffer_string(&found.left_out));
    keep_pairs(shown, mapping, &found);
    mapping_findings_release(&found);
}

static void append_keys(struct buffer *text, const struct run_mapping *mapping) {
    for (size_t k = 0; k < mapping->key_count; k++)
        buffer_appendf(text, "%s\"%s\" (%s%s)", k > 0 ? ", " : "", mapping->keys[k].name, mapping->keys[k].type_name,
                       mapping->keys[k].as_number ? ", its number" : "");
}

static void tell_chunking(const struct run_table *table, const struct run_mapping *mapping,
                          struct check_findings *findings) {
    enum config_chunking asked = table->config->chunking;
    struct buffer keys = {0};
    append_keys(&keys, mapping);
    if (mapping->method == PLAN_RANGE)
        check_add(findings, CHECK_OK, "chunking", "chunks are ranges of %s", buffer_string(&keys));
    else if (mapping->method == PLAN_HASH && asked == CHUNKING_HASH)
        check_add(findings, CHECK_OK, "chunking", "chunks are spans of a hash of %s", buffer_string(&keys));
    else if (mapping->method == PLAN_HASH)
        check_hint(
            check_add(findings, CHECK_REMARK, "chunking",
                      "no key orders its rows, so it is cut by a hash: the source reads the whole table for each "
                      "chunk"),
            "name a column in chunking_columns, by whose order it can be cut");
    else if (asked == CHUNKING_WHOLE)
        check_add(findings, CHECK_OK, "chunking", "the table is one chunk, as configured");
    else
        check_hint(check_add(findings, CHECK_REMARK, "chunking",
                             "no key orders its rows: it is one chunk, which one worker copies in one transaction"),
                   "if it is large, name a column in chunking_columns, by whose order it can be cut");
    buffer_release(&keys);
}

static void look_at_chunking(struct checker *checker, const struct run_table *table, struct run_mapping *mapping,
                             struct check_findings *findings) {
    struct buffer differences = {0};
    struct error error;
    error_clear(&error);
    if (mapping_choose_keys(mapping, table->config, &error))
        tell_chunking(table, mapping, findings);
    else
        add_failure(checker, findings, "chunking", &error);
    mapping_compare_types(mapping, table->config, &differences);
    if (differences.length > 0)
        check_add(findings, CHECK_REMARK, "chunking_column_types",
                  "chunking_column_types: %s; the source's own type counts", buffer_string(&differences));
    buffer_release(&differences);
}

static void look_at_watermark(const struct run_table *table, const struct run_mapping *mapping,
                              struct check_findings *findings) {
    const char *whole_because = window_examine(mapping, table->config);
    if (whole_because != NULL)
        check_hint(
            check_add(findings, CHECK_REMARK, "source_watermark", "every run reads the whole table: %s", whole_because),
            "name columns of such types, or leave both watermarks out");
}

/* Rows by the source's own count, as bytes on the way: for the server's sake, not for the plan's. */
static void count_load(struct checker *checker, const struct run_table *table, const struct run_mapping *mapping) {
    int64_t rows = checker->source == NULL ? -1 : mapping->source.estimated_rows;
    int workers = table->config->settings.parallel_threads;
    if (rows < 0 || mapping->column_count == 0)
        checker->load.uncounted++;
    else
        checker->load.bytes +=
            rows * plan_estimate_row_bytes(&mapping->source, mapping->columns, mapping->column_count);
    if (workers > checker->load.workers)
        workers = checker->load.workers;
    if (workers > checker->load.most_on_a_table)
        checker->load.most_on_a_table = workers;
}

static bool look_at_facts(struct checker *checker, const struct run_table *table, const struct run_mapping *mapping,
                          struct check_findings *findings) {
    const struct config_table *config = table->config;
    struct target_table_facts facts;
    struct error error;
    error_clear(&error);
    if (!target_read_table_facts(&table->database->control, &mapping->target, config->truncate_onstart,
                                 (const char *const *)config->uniqueness_columns, config->uniqueness_column_count,
                                 &facts, &error)) {
        add_failure(checker, findings, "target_table", &error);
        return false;
    }
    check_target_table(findings, &facts, config->truncate_onstart);
    add_not_insertable(findings, mapping, &facts);
    add_key(findings, config, &facts);
    target_table_facts_release(&facts);
    return true;
}

/* What merging asks of the target beyond what every load does. */
static void look_at_merging(struct checker *checker, const struct run_table *table, struct run_mapping *mapping,
                            struct check_findings *findings) {
    struct error error;
    error_clear(&error);
    if (!merging_look_up(mapping, table->config, &table->database->control, &error))
        add_failure(checker, findings, strcmp(error.code, "42501") == 0 ? "target_privileges" : "uniqueness_columns",
                    &error);
    else if (mapping->merges)
        check_add(findings, CHECK_OK, "uniqueness_columns",
                  "rows are merged by a unique index on the uniqueness_columns");
}

static size_t problems_in(const struct check_findings *findings) {
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += findings->list[i].grade == CHECK_PROBLEM;
    return count;
}

static void look_at_table(struct checker *checker, size_t index) {
    const struct run_table *table = &checker->run.tables[index];
    struct check_table *shown = &checker->report->tables[index];
    struct check_findings *findings = &shown->findings;
    struct run_mapping mapping = {0};
    struct error error;
    error_clear(&error);
    *shown = (struct check_table){.source_name = table->feed->source_name,
                                  .target_database = table->feed->target_database,
                                  .target_schema = table->feed->target_schema,
                                  .target_table = table->config->target,
                                  .label = memory_copy_string(table->label)};
    bool source = look_at_source_table(checker, table, &mapping.source, findings);
    bool target = false;
    if (!target_usable(&table->database->control))
        check_add(findings, CHECK_REMARK, not_checked,
                  "the target database did not answer, so its table wasn't looked at");
    else if (!begin_reading(&table->database->control, &error))
        add_failure(checker, findings, "target_table", &error);
    else
        target = look_at_target_table(checker, table, &mapping, findings);
    size_t problems = problems_in(findings);
    if (source && target) {
        look_at_columns(checker, table, &mapping, shown);
        look_at_readers(checker, &mapping, findings);
        look_at_chunking(checker, table, &mapping, findings);
        look_at_watermark(table, &mapping, findings);
        if (problems_in(findings) == problems)
            look_at_merging(checker, table, &mapping, findings);
    }
    /* The rows last: that can fail, and the transaction with it. */
    if (target && mapping.create_sql == NULL && look_at_facts(checker, table, &mapping, findings) && problems == 0)
        add_rows_there(checker, &table->database->control, &mapping, table->config->truncate_onstart, findings);
    count_load(checker, table, &mapping);
    target_rollback(&table->database->control);
    mapping_release(&mapping);
}

static void check(const struct config *config, struct log *log, bool tables, struct check_report *report) {
    static const struct run_options options = {0};
    struct checker checker = {.run = {.config = config, .options = &options, .log = log}, .report = report};
    struct run *run = &checker.run;
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->changed, NULL);
    begin_tables(run);
    memset(report, 0, sizeof *report);
    report->database_count = run->database_count;
    report->databases = memory_array(run->database_count, sizeof *report->databases);
    report->table_count = tables ? run->table_count : 0;
    report->tables = memory_array(run->table_count, sizeof *report->tables);
    checker.facts = memory_array(run->database_count, sizeof *checker.facts);
    look_at_source(&checker);
    checker.load = (struct check_load){.workers = run->worker_count, .databases = (int)run->database_count};
    for (size_t i = 0; i < run->database_count; i++)
        look_at_database(&checker, i);
    for (size_t i = 0; i < report->table_count; i++)
        look_at_table(&checker, i);
    for (size_t i = 0; i < run->database_count; i++) /* one server: its first answer will do */
        if (checker.facts[i].version != NULL && report->server.count == 0)
            check_server(&report->server, &checker.facts[i], &checker.load);
    for (size_t i = 0; i < run->database_count; i++)
        target_server_facts_release(&checker.facts[i]);
    memory_release(&checker.facts);
    begin_release(run);
}

void check_run(const struct config *config, struct log *log, struct check_report *report) {
    check(config, log, true, report);
}

void check_connections(const struct config *config, struct log *log, struct check_report *report) {
    check(config, log, false, report);
}
