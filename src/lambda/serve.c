#include "lambda/serve.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/package.h"
#include "lambda/runtime.h"
#include "run/run.h"
#include "run/stop.h"
#include "source/source.h"

/* The last resort comes when an invocation can't keep its own limit: an eighth of that is left then, within these. */
static const int64_t least_reserve_us = 100000, most_reserve_us = 1500000;
enum { LEAST_BUFFER_SECONDS = 30 }; /* of the configuration */

/* ---- the environment ---------------------------------------------------------------------------------------------- */

enum log_format serve_log_format(void) {
    const char *text = getenv("AWS_LAMBDA_LOG_FORMAT");
    return text != NULL && strcasecmp(text, "text") == 0 ? LOG_TEXT : LOG_JSON;
}

enum log_level serve_log_level(void) {
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {{"TRACE", LOG_DEBUG},  {"DEBUG", LOG_DEBUG}, {"INFO", LOG_INFO},
                 {"WARN", LOG_WARNING}, {"ERROR", LOG_ERROR}, {"FATAL", LOG_ERROR}};
    const char *text = getenv("AWS_LAMBDA_LOG_LEVEL");
    for (size_t i = 0; text != NULL && i < sizeof names / sizeof *names; i++)
        if (strcasecmp(text, names[i].name) == 0)
            return names[i].level;
    return LOG_INFO;
}

char *serve_config_file(void) {
    const char *named = getenv("THAW_CONFIG");
    char folder[PATH_MAX];
    struct buffer file = {0};
    if (named != NULL && named[0] != '\0')
        return memory_copy_string(named);
    if (package_folder(0, folder, sizeof folder)) /* the program's own */
        buffer_appendf(&file, "%s/", folder);
    buffer_append(&file, "config.json");
    return buffer_steal(&file);
}

/* ---- one invocation ----------------------------------------------------------------------------------------------- */

/* What the invocation's own thread and the one that waits for it share; on the heap, since the former may be left behind. */
struct work {
    const struct function *function;
    struct event event;
    int64_t deadline_us;
    struct answer answer;
    bool abandoned;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* guarded by mutex */
    bool done;
};

static void *do_work(void *context) {
    struct work *work = context;
    invoke(work->function, &work->event, work->deadline_us, &work->answer, &work->abandoned);
    pthread_mutex_lock(&work->mutex);
    work->done = true;
    pthread_cond_signal(&work->changed);
    pthread_mutex_unlock(&work->mutex);
    return NULL;
}

/* Wait until the work is done, or (false) until `at_us`, monotonic. */
static bool wait_until(struct work *work, int64_t at_us) {
    struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    int result = 0;
    pthread_mutex_lock(&work->mutex);
    while (!work->done && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&work->changed, &work->mutex, &at);
    bool done = work->done;
    pthread_mutex_unlock(&work->mutex);
    return done;
}

static struct work *work_begin(const struct function *function, int64_t deadline_us) {
    struct work *work = memory_allocate(sizeof *work);
    pthread_condattr_t attributes;
    *work = (struct work){.function = function, .deadline_us = deadline_us};
    work->answer.started_us = clock_monotonic_us();
    pthread_mutex_init(&work->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&work->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return work;
}

static void work_end(struct work *work) {
    answer_release(&work->answer);
    event_release(&work->event);
    pthread_cond_destroy(&work->changed);
    pthread_mutex_destroy(&work->mutex);
    memory_release(&work);
}

/* Until when to wait, monotonic. */
static int64_t last_moment(const struct function *function, int64_t deadline_us) {
    int64_t left_us = deadline_us - clock_now_us();
    double buffer_seconds = function->buffer_seconds >= 0 ? function->buffer_seconds : LEAST_BUFFER_SECONDS;
    int64_t reserve_us = run_margin_us(left_us, (int64_t)(buffer_seconds * 1e6)) / 8;
    if (reserve_us > most_reserve_us)
        reserve_us = most_reserve_us;
    if (reserve_us < least_reserve_us)
        reserve_us = least_reserve_us;
    return clock_monotonic_us() + left_us - reserve_us;
}

static void tell_remarks(const struct function *function, const struct event *event) {
    const char *rest = buffer_string(&event->remarks);
    for (size_t length; (length = strcspn(rest, "\n")) > 0; rest += length + 1)
        log_warning(function->log, "lambda", "%.*s", (int)length, rest);
}

/* Replace this process by a fresh one, in which nothing hangs: threads and connections are gone, and the servers roll back what
 * was theirs. To end instead would be taken by Lambda for a failure of the invocation that has just been answered. */
static void begin_anew(const struct function *function) {
    close_range(3, ~0U, 0);
    execv("/proc/self/exe", function->arguments);
    _exit(EXIT_FAILURE);
}

/* Fill `json` with the answer. True: threads of it are left behind, so that the process must begin anew. */
static bool answer(const struct function *function, const struct invocation *invocation, struct buffer *json) {
    struct work *work = work_begin(function, invocation->deadline_us);
    struct answer overdue = {.started_us = work->answer.started_us};
    struct answer *given = &work->answer;
    struct error error;
    pthread_t thread;
    bool left_behind = false;
    error_clear(&error);
    bool understood = event_parse(&work->event, buffer_string(&invocation->event), invocation->event.length, &error);
    tell_remarks(function, &work->event);
    if (!understood) {
        log_failure(function->log, NULL, &error);
        invoke_refuse(&work->event, &error, given);
    } else if (pthread_create(&thread, NULL, do_work, work) != 0) {
        do_work(work); /* without the last resort */
    } else if (wait_until(work, last_moment(function, invocation->deadline_us))) {
        pthread_join(thread, NULL);
    } else {
        left_behind = true;
        given = &overdue;
        invoke_overdue(function, &work->event, given);
    }
    answer_format(given, function->log, invocation->deadline_us, json);
    answer_release(&overdue);
    if (left_behind || work->abandoned)
        return true;
    work_end(work);
    return false;
}

/* False: the process can't go on. */
static bool take_invocation(const struct function *function, struct runtime *runtime, struct error *error) {
    static const char no_run[37] = "";
    struct invocation invocation;
    struct buffer json = {0};
    if (!runtime_next(runtime, &invocation, error)) {
        invocation_release(&invocation);
        return false;
    }
    memcpy(function->log->request_id, invocation.request_id, sizeof function->log->request_id);
    log_set_run(function->log, no_run);
    bool left_behind = answer(function, &invocation, &json);
    bool answered = runtime_answer(runtime, invocation.request_id, &json, error);
    if (left_behind)
        begin_anew(function);
    log_set_run(function->log, no_run);
    function->log->request_id[0] = '\0';
    buffer_release(&json);
    invocation_release(&invocation);
    return answered;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

/* What no invocation could mend: no configuration to read, no driver. What is wrong inside the configuration is each
 * invocation's answer, so that the action validate_config can tell it. Secrets aren't fetched yet: the extension that has them
 * serves invocations only. */
static bool look_ahead(const struct function *function, const char **type, struct error *error) {
    struct config config = {0};
    struct config_problems problems = {0};
    bool valid = config_load_unfetched(&config, function->config_file, NULL, &problems);
    bool good = true;
    if (config.hash == NULL) {
        *type = "Thaw.NoConfiguration";
        good = error_set(error, ERROR_CONFIG, "%s: %s", function->config_file,
                         problems.count > 0 ? problems.list[0].message : "the configuration can't be read");
        error_hint(error, "put config.json beside bootstrap, or set THAW_CONFIG to where it is");
    } else if (valid && !source_driver_loads(&config, error)) {
        *type = "Thaw.NoDriver";
        good = false;
    }
    config_problems_release(&problems);
    config_release(&config);
    return good;
}

static void refuse_to_begin(struct runtime *runtime, const struct function *function, const char *type,
                            const struct error *error) {
    struct error unsaid;
    struct buffer message = {0};
    error_clear(&unsaid);
    log_failure(function->log, NULL, error);
    error_describe(error, &message);
    if (!runtime_fail(runtime, NULL, type, buffer_string(&message), &unsaid))
        log_failure(function->log, NULL, &unsaid);
    buffer_release(&message);
}

bool serve(const struct function *function, const char *address) {
    struct runtime runtime = {0};
    const char *type = "Thaw.Init";
    struct error error;
    error_clear(&error);
    if (!stop_install_handlers(&error) || !runtime_open(&runtime, address, &error)) {
        log_failure(function->log, NULL, &error);
        runtime_close(&runtime);
        return false;
    }
    bool good = look_ahead(function, &type, &error);
    if (!good) {
        refuse_to_begin(&runtime, function, type, &error);
    } else {
        while (good && !stop_requested())
            good = take_invocation(function, &runtime, &error);
        good = good || stop_requested();
        if (!good)
            log_failure(function->log, NULL, &error);
    }
    runtime_close(&runtime);
    return good;
}
