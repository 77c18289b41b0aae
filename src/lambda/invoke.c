#include "lambda/invoke.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/metrics.h"
#include "lambda/size.h"
#include "run/check.h"
#include "run/run.h"

#define US_PER_SECOND 1e6

/* What threads that hang may still use after the invocation; on the heap for that. */
struct job {
    const struct function *function;
    const struct event *event;
    struct config config;
    struct run_options options;
    struct run_result result;
};

static const char *failed(const struct event *event) {
    return event->action == EVENT_MIGRATE && event->action_known ? "failed" : "error";
}

void invoke_refuse(const struct event *event, const struct error *error, struct answer *answer) {
    answer->status_code = 400;
    answer->status = failed(event);
    buffer_append(&answer->summary, "the event can't be used");
    error_describe(error, &answer->error);
}

void invoke_overdue(const struct function *function, const struct event *event, struct answer *answer) {
    bool migrate = event->action == EVENT_MIGRATE;
    answer->status_code = migrate ? 200 : 500;
    answer->status = migrate ? "partial" : "error";
    answer->needs_retry = migrate;
    log_get_run(function->log, answer->run_id);
    buffer_append(&answer->summary, "the deadline came while a call hung that can't be broken off");
    buffer_append(&answer->error, "no answer in time; what was in hand is rolled back");
    log_error(function->log, "lambda",
              "no answer in time: a call hangs that can't be broken off. Answering %s, then beginning anew, without it",
              answer->status);
}

/* ---- the configuration -------------------------------------------------------------------------------------------- */

static void hide(void *context, const char *secret) {
    log_hide(context, secret);
}

static void tell_problems(const struct function *function, const struct config_problems *problems,
                          struct answer *answer) {
    config_problems_format(problems, function->config_file, &answer->error);
    buffer_appendf(&answer->summary, "the configuration has %zu problem%s", problems->count,
                   problems->count == 1 ? "" : "s");
    log_error(function->log, "lambda", "%s:\n%s", buffer_string(&answer->summary), buffer_string(&answer->error));
}

static bool load(struct job *job, struct answer *answer) {
    struct config_problems problems = {0};
    struct error error;
    error_clear(&error);
    bool loaded = config_load(&job->config, job->function->config_file, NULL, &problems);
    if (!loaded) {
        tell_problems(job->function, &problems, answer);
    } else {
        config_each_secret(&job->config, hide, job->function->log);
        loaded = config_select(&job->config, job->event->sources, NULL, &error);
        if (!loaded) {
            log_failure(job->function->log, NULL, &error);
            error_describe(&error, &answer->error);
            buffer_append(&answer->summary, "the event names a source that isn't there");
        }
    }
    config_problems_release(&problems);
    if (loaded) {
        size_limit_memory(&job->config, job->function->log);
        answer_name_sources(answer, &job->config);
    } else {
        answer->status_code = 400;
        answer->status = failed(job->event);
    }
    return loaded;
}

static void tell_valid(const struct job *job, struct answer *answer) {
    size_t tables = 0;
    for (size_t i = 0; i < job->config.feed_count; i++)
        tables += job->config.feeds[i].table_count;
    answer->status_code = 200;
    answer->status = "success";
    buffer_appendf(&answer->summary, "the configuration is valid: %zu source%s, %zu table%s", job->config.feed_count,
                   job->config.feed_count == 1 ? "" : "s", tables, tables == 1 ? "" : "s");
}

/* ---- connections -------------------------------------------------------------------------------------------------- */

static void add_problems(const struct check_findings *findings, const char *place, struct buffer *text) {
    for (size_t i = 0; i < findings->count; i++) {
        const struct check_finding *finding = &findings->list[i];
        if (finding->grade != CHECK_PROBLEM)
            continue;
        buffer_appendf(text, "%s%s: %s", text->length == 0 ? "" : "\n", place, finding->message);
        if (finding->hint != NULL)
            buffer_appendf(text, " -- %s", finding->hint);
    }
}

static void test_connections(const struct job *job, struct answer *answer) {
    struct log *log = job->function->log;
    struct check_report report;
    check_connections(&job->config, log, &report);
    add_problems(&report.source, "source", &answer->error);
    add_problems(&report.server, "target", &answer->error);
    for (size_t i = 0; i < report.database_count; i++)
        add_problems(&report.databases[i].findings, report.databases[i].name, &answer->error);
    bool good = check_count(&report, CHECK_PROBLEM) == 0;
    answer->status_code = good ? 200 : 500;
    answer->status = good ? "success" : "error";
    if (good)
        buffer_appendf(&answer->summary, "the source and %zu target database%s answer", report.database_count,
                       report.database_count == 1 ? "" : "s");
    else
        buffer_append(&answer->summary, "a connection fails");
    if (good)
        log_info(log, "lambda", "%s", buffer_string(&answer->summary));
    else
        log_error(log, "lambda", "%s: %s", buffer_string(&answer->summary), buffer_string(&answer->error));
    check_release(&report);
}

/* ---- a migration -------------------------------------------------------------------------------------------------- */

/* In a function whose time isn't much longer than the buffer nothing would ever be begun. */
static int64_t buffer_us(const struct function *function, const struct config *config, int64_t left_us) {
    double seconds =
        function->buffer_seconds >= 0 ? function->buffer_seconds : config->settings.lambda_timeout_buffer_seconds;
    int64_t wanted_us = (int64_t)(seconds * US_PER_SECOND);
    if (wanted_us <= left_us / 2)
        return wanted_us;
    log_warning(
        function->log, "lambda",
        "the buffer of %g s is more than half of the %.1f s that are left, of which only half is kept free; give "
        "the function more time, or set lambda_timeout_buffer_seconds lower",
        seconds, (double)left_us / US_PER_SECOND);
    return left_us > 0 ? left_us / 2 : 0;
}

static void choose_options(struct job *job, int64_t deadline_us) {
    const struct event *event = job->event;
    job->options = (struct run_options){
        /* A run that is named is meant, whatever else the event's defaults say. */
        .no_resume = event->no_resume && event->run_id[0] == '\0',
        .run_id = event->run_id[0] != '\0' ? event->run_id : NULL,
        .any_settings = event->run_id[0] != '\0' && !event->worker,
        .join = event->worker,
        .resume_max_age_hours = event->resume_max_age_hours,
        .prepare_only = event->prepare,
        .deadline_us = deadline_us,
        .buffer_us = buffer_us(job->function, &job->config, deadline_us - clock_now_us()),
    };
}

static void tell_result(const struct run_result *result, struct answer *answer) {
    static const char *const statuses[] = {
        [RUN_COMPLETED] = "completed", [RUN_FAILED] = "failed", [RUN_PARTIAL] = "partial"};
    answer->status_code = result->outcome == RUN_FAILED ? 500 : 200;
    answer->status = statuses[result->outcome];
    answer->needs_retry = result->outcome == RUN_PARTIAL;
    answer->sources_completed = result->sources_completed;
    answer->sources_partial = result->sources_partial;
    answer->sources_failed = result->sources_failed;
    answer->rows = result->rows_loaded;
    answer->progress = result->progress;
    memcpy(answer->run_id, result->run_id, sizeof answer->run_id);
    if (result->error.kind != ERROR_NONE)
        error_describe(&result->error, &answer->error);
    if (result->run_id[0] == '\0')
        buffer_appendf(&answer->summary, "%s: no run has begun", answer->status);
    else
        buffer_appendf(&answer->summary, "%s: run %s, %d of %d tables, %lld rows", answer->status, result->run_id,
                       result->tables_completed, result->tables_total, (long long)result->rows_loaded);
}

static void measure(const struct job *job, const struct answer *answer) {
    const struct run_result *result = &job->result;
    char *names = config_source_names(&job->config);
    int failures = result->tables_failed > 0 ? result->tables_failed : result->outcome == RUN_FAILED;
    struct metrics metrics = {.source = names,
                              .status = answer->status,
                              .rows = result->rows_here,
                              .bytes = result->bytes_here,
                              .chunks = result->chunks_here,
                              .failures = failures,
                              .duration_us = clock_monotonic_us() - answer->started_us};
    metrics_write(&metrics, job->function->log);
    memory_release(&names);
}

static void migrate(struct job *job, int64_t deadline_us, struct answer *answer) {
    choose_options(job, deadline_us);
    run_migrate(&job->config, &job->options, job->function->log, &job->result);
    tell_result(&job->result, answer);
    measure(job, answer);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

void invoke(const struct function *function, const struct event *event, int64_t deadline_us, struct answer *answer,
            bool *abandoned) {
    struct job *job = memory_allocate(sizeof *job);
    *job = (struct job){.function = function, .event = event};
    if (load(job, answer)) {
        if (event->action == EVENT_VALIDATE_CONFIG)
            tell_valid(job, answer);
        else if (event->action == EVENT_TEST_CONNECTIONS)
            test_connections(job, answer);
        else
            migrate(job, deadline_us, answer);
    }
    *abandoned = job->result.abandoned;
    if (*abandoned)
        return;
    config_release(&job->config);
    memory_release(&job);
}
