#include "run/resume.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { HOUR_IN_SECONDS = 3600 };

/* One run as all databases together see it: its progress is the latest that any of them saw. */
struct candidate {
    const struct ledger_run *run; /* where its latest progress is */
    int64_t progress_us;
    bool live;
    const char *owners;
    int64_t owned_us;
    bool completed; /* in every database that lists it */
};

static bool same_text(const char *left, const char *right) {
    return strcmp(left == NULL ? "" : left, right == NULL ? "" : right) == 0;
}

static bool is_completed(const struct ledger_run *run) {
    return strcmp(run->status, "completed") == 0;
}

/* Fold the rows of `run_id` in all databases. */
static struct candidate fold(const char *run_id, const struct ledger_runs *databases, size_t database_count) {
    struct candidate folded = {.completed = true, .owned_us = INT64_MIN};
    for (size_t d = 0; d < database_count; d++)
        for (size_t i = 0; i < databases[d].count; i++) {
            const struct ledger_run *run = &databases[d].list[i];
            if (strcmp(run->run_id, run_id) != 0)
                continue;
            if (folded.run == NULL || run->last_progress_us > folded.progress_us) {
                folded.run = run;
                folded.progress_us = run->last_progress_us;
            }
            if (run->live) {
                folded.live = true;
                folded.owners = run->owners;
                folded.owned_us = run->owned_us > folded.owned_us ? run->owned_us : folded.owned_us;
            }
            folded.completed = folded.completed && is_completed(run);
        }
    return folded;
}

/* Was this run listed by an earlier database, or earlier in this one? Then it has been judged. */
static bool seen_before(const struct ledger_runs *databases, size_t database, size_t index) {
    const char *run_id = databases[database].list[index].run_id;
    for (size_t d = 0; d < database; d++)
        for (size_t i = 0; i < databases[d].count; i++)
            if (strcmp(databases[d].list[i].run_id, run_id) == 0)
                return true;
    return false;
}

static void append_value(struct buffer *text, const json_t *value) {
    if (value == NULL) {
        buffer_append(text, "(absent)");
        return;
    }
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    buffer_append(text, dumped == NULL ? "?" : dumped);
    free(dumped);
}

/* "settings differ: a: 1 -> 2; b: (absent) -> 3" */
static void append_differences(struct buffer *text, const char *stored, const char *wanted) {
    json_t *before = stored == NULL ? NULL : json_loads(stored, 0, NULL);
    json_t *after = wanted == NULL ? NULL : json_loads(wanted, 0, NULL);
    const char *name;
    json_t *value;
    size_t count = 0;
    buffer_append(text, "settings differ");
    if (before != NULL && after != NULL) {
        json_object_foreach(after, name, value) {
            json_t *old = json_object_get(before, name);
            if (old != NULL && json_equal(old, value))
                continue;
            buffer_appendf(text, "%s%s: ", count++ == 0 ? ": " : "; ", name);
            append_value(text, old);
            buffer_append(text, " -> ");
            append_value(text, value);
        }
        json_object_foreach(before, name, value) {
            if (json_object_get(after, name) != NULL)
                continue;
            buffer_appendf(text, "%s%s: ", count++ == 0 ? ": " : "; ", name);
            append_value(text, value);
            buffer_append(text, " -> (absent)");
        }
    } else {
        buffer_append(text, " (this run's ledger row doesn't hold them one by one)");
    }
    json_decref(before);
    json_decref(after);
}

/* True where the run can be resumed; else `why` says why not. */
static bool judge(const struct resume_request *request, const struct candidate *candidate, struct buffer *why) {
    const struct ledger_run *run = candidate->run;
    char duration[48];
    double idle_hours = (double)(request->now_us - candidate->progress_us) / 1e6 / HOUR_IN_SECONDS;
    if (!same_text(run->source_names, request->source_names)) {
        buffer_appendf(why, "it is of other sources: %s", run->source_names == NULL ? "(none)" : run->source_names);
        return false;
    }
    if (!same_text(run->execution_hash, request->execution_hash)) {
        append_differences(why, run->settings, request->settings);
        return false;
    }
    if (idle_hours > request->max_age_hours) {
        clock_format_duration(request->now_us - candidate->progress_us, duration, sizeof duration);
        buffer_appendf(why, "its last progress was %s ago (%.1f hours), more than resume_max_age allows (%g hours)",
                       duration, idle_hours, request->max_age_hours);
        return false;
    }
    return true;
}

static void choose(struct resume_decision *decision, const struct resume_request *request,
                   const struct candidate *candidate) {
    decision->join = candidate->live;
    decision->resume = !candidate->live;
    snprintf(decision->run_id, sizeof decision->run_id, "%s", candidate->run->run_id);
    decision->idle_us = request->now_us - candidate->progress_us;
}

/* Work on a run goes by this process's own configuration, so it must be the run's. */
static bool same_settings(const struct resume_request *request, const struct candidate *candidate,
                          struct error *error) {
    struct buffer why = {0};
    if (same_text(candidate->run->execution_hash, request->execution_hash))
        return true;
    append_differences(&why, candidate->run->settings, request->settings);
    error_set(error, ERROR_CONFIG, "run %s was started with another configuration: %s", candidate->run->run_id,
              buffer_string(&why));
    buffer_release(&why);
    return error_hint(error, "use the configuration, --source and --table that it was started with");
}

static bool refuse_live(const struct candidate *candidate, struct resume_decision *decision, struct error *error) {
    decision->owned_us = candidate->owned_us;
    error_set_code(
        error, ERROR_CONFIG, RESUME_LIVE, "run %s of these sources is live, owned by %s", candidate->run->run_id,
        candidate->owners == NULL || candidate->owners[0] == '\0' ? "an unknown process" : candidate->owners);
    return error_hint(
        error, "wait until it ends, help it with --join, or stop that process: its work is kept and can be resumed");
}

static bool decide_by_id(const struct resume_request *request, const struct candidate *known,
                         struct resume_decision *decision, struct error *error) {
    if (known->run == NULL) {
        error_set(error, ERROR_CONFIG, "no target database has a run %s", request->run_id);
        return error_hint(error, "`thaw status` lists the runs");
    }
    if (known->completed) { /* a worker that comes late has no work, and no reason to complain */
        choose(decision, request, known);
        decision->completed = true;
        decision->resume = decision->join = false;
        return true;
    }
    if (known->live && !request->join)
        return refuse_live(known, decision, error);
    if (!request->any_settings && !same_settings(request, known, error))
        return false;
    choose(decision, request, known);
    return true;
}

/* Why nothing is to be resumed, whatever there is; NULL where something may be. */
static const char *wish_for_new(const struct resume_request *request) {
    if (request->run_id != NULL)
        return "another run_id is to be begun";
    return request->no_resume ? "--no-resume was given" : NULL;
}

bool resume_decide(const struct resume_request *request, const struct ledger_runs *databases, size_t database_count,
                   struct resume_decision *decision, struct error *error) {
    int64_t latest = INT64_MIN;
    memset(decision, 0, sizeof *decision);
    if (request->run_id != NULL) {
        struct candidate known = fold(request->run_id, databases, database_count);
        if (known.run != NULL || !request->begin)
            return decide_by_id(request, &known, decision, error);
        snprintf(decision->run_id, sizeof decision->run_id, "%s", request->run_id);
    }
    const char *wish = wish_for_new(request);
    for (size_t d = 0; d < database_count; d++)
        for (size_t i = 0; i < databases[d].count; i++) {
            const struct ledger_run *run = &databases[d].list[i];
            if (seen_before(databases, d, i))
                continue;
            struct candidate candidate = fold(run->run_id, databases, database_count);
            struct buffer why = {0};
            if (candidate.completed)
                continue;
            if (candidate.live && same_text(run->source_names, request->source_names)) {
                resume_decision_release(decision);
                if (!request->join || request->run_id != NULL)
                    return refuse_live(&candidate, decision, error);
                if (!same_settings(request, &candidate, error))
                    return false;
                choose(decision, request, &candidate);
                return true;
            }
            if (wish != NULL) {
                buffer_append(&why, wish);
            } else if (judge(request, &candidate, &why) && candidate.progress_us > latest) {
                latest = candidate.progress_us;
                choose(decision, request, &candidate);
            }
            if (why.length > 0)
                buffer_appendf(&decision->explanation, "run %s (%s): %s\n", run->run_id, run->status,
                               buffer_string(&why));
            buffer_release(&why);
        }
    return true;
}

void resume_decision_release(struct resume_decision *decision) {
    buffer_release(&decision->explanation);
    memset(decision, 0, sizeof *decision);
}
