#include "lambda/event.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "config/config.h"
#include "ledger/ledger.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const actions[] = {"migrate", "validate_config", "test_connections"}; /* as enum event_action */
static const char *const known_keys[] = {
    "action",  "source_name", "no_resume", "resume_max_age", "resume_run_id",
    "prepare", "worker",      "run_id",    "workers"}; /* the last one is the state machines' own */

/* Where a member is looked for, the nearest first. */
struct levels {
    const json_t *own, *defaults;
};

/* What is given: null and "" are nothing, as state machines write what isn't there. */
static const json_t *find_in(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    bool given = value != NULL && !json_is_null(value) && !(json_is_string(value) && json_string_length(value) == 0);
    return given ? value : NULL;
}

static const json_t *find(const struct levels *levels, const char *key) {
    const json_t *value = find_in(levels->own, key);
    return value != NULL ? value : find_in(levels->defaults, key);
}

static bool refuse(struct error *error, const char *key, const char *wanted) {
    return error_set(error, ERROR_CONFIG, "the event's \"%s\" must be %s", key, wanted);
}

/* A name, as config_select() takes one that may hold blanks and quotes. */
static void append_name(struct buffer *list, const char *name) {
    buffer_append(list, list->length == 0 ? "\"" : ",\"");
    for (const char *at = name; *at != '\0'; at++)
        buffer_append(list, *at == '"' ? "\"\"" : (char[]){*at, '\0'});
    buffer_append_char(list, '"');
}

static bool read_sources(struct event *event, const json_t *value, struct error *error) {
    static const char wanted[] = "a name, several names with commas between them, or a list of names";
    struct buffer list = {0};
    size_t index;
    json_t *item;
    if (value == NULL)
        return true;
    if (json_is_string(value)) {
        event->sources = memory_copy_string(json_string_value(value));
        return true;
    }
    bool good = json_is_array(value) && json_array_size(value) > 0;
    json_array_foreach((json_t *)value, index, item) {
        good = good && json_is_string(item) && json_string_length(item) > 0;
        if (good)
            append_name(&list, json_string_value(item));
    }
    if (good)
        event->sources = buffer_steal(&list);
    buffer_release(&list);
    return good || refuse(error, "source_name", wanted);
}

static bool read_boolean(const struct levels *levels, const char *key, bool *result, struct error *error) {
    const json_t *value = find(levels, key);
    const char *text = json_string_value(value);
    *result = json_is_true(value) || (text != NULL && strcasecmp(text, "true") == 0);
    bool good =
        value == NULL || json_is_boolean(value) || (text != NULL && (*result || strcasecmp(text, "false") == 0));
    return good || refuse(error, key, "true or false");
}

/* A number, or a text that is one. False where it isn't. */
static bool read_number(const json_t *value, double *number) {
    const char *text = json_string_value(value);
    char *end = NULL;
    *number = text != NULL ? strtod(text, &end) : json_number_value(value);
    bool good = text != NULL ? isdigit((unsigned char)text[0]) && *end == '\0' : json_is_number(value);
    return good && isfinite(*number) && *number >= 0;
}

static bool read_run_id(struct event *event, const struct levels *levels, const char *key, struct error *error) {
    const json_t *value = find(levels, key);
    const char *text = json_string_value(value);
    if (value == NULL)
        return true;
    char run_id[sizeof event->run_id];
    snprintf(run_id, sizeof run_id, "%s", text != NULL && strlen(text) < sizeof run_id ? text : "");
    for (char *at = run_id; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    if (!ledger_is_run_id(run_id))
        return refuse(error, key, "a run_id: a UUID, as answers and `thaw status` give it");
    memcpy(event->run_id, run_id, sizeof event->run_id);
    return true;
}

static bool read_worker(struct event *event, const struct levels *levels, struct error *error) {
    const json_t *value = find(levels, "worker");
    double number = 0;
    if (value == NULL)
        return true;
    event->worker = true;
    if (!read_number(value, &number))
        return refuse(error, "worker", "a number, of this worker among those of the run");
    if (find(levels, "run_id") == NULL) {
        error_set(error, ERROR_CONFIG, "the event has \"worker\", but no \"run_id\" to work on");
        return error_hint(error, "take the run_id from the answer to the event with \"prepare\": true");
    }
    return read_run_id(event, levels, "run_id", error);
}

static bool read_action(struct event *event, const json_t *value, struct error *error) {
    const char *text = json_string_value(value);
    for (size_t i = 0; value != NULL && text != NULL && i < COUNT(actions); i++)
        if (strcmp(text, actions[i]) == 0) {
            event->action = (enum event_action)i;
            return true;
        }
    if (value == NULL)
        return true;
    event->action_known = false;
    const char *nearest = text == NULL ? NULL : config_nearest(text, actions, COUNT(actions));
    error_set(error, ERROR_CONFIG, "there is no action \"%s\"", text == NULL ? "(not a text)" : text);
    if (nearest != NULL)
        return error_hint(error, "did you mean \"%s\"?", nearest);
    return error_hint(error, "actions are migrate, validate_config and test_connections");
}

/* Events come from schedules and state machines too, with members of their own: only what looks like a slip is told. */
static void look_for_slips(struct event *event, const json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        bool known = false;
        for (size_t i = 0; i < COUNT(known_keys); i++)
            known = known || strcmp(key, known_keys[i]) == 0;
        const char *nearest = known ? NULL : config_nearest(key, known_keys, COUNT(known_keys));
        if (nearest != NULL)
            buffer_appendf(&event->remarks,
                           "the event's key \"%s\" is unknown, so it was ignored; did you mean \"%s\"?\n", key,
                           nearest);
    }
}

static bool read_members(struct event *event, const struct levels *levels, struct error *error) {
    const json_t *age = find(levels, "resume_max_age");
    if (age != NULL && !read_number(age, &event->resume_max_age_hours))
        return refuse(error, "resume_max_age", "a number of hours");
    return read_action(event, find(levels, "action"), error) &&
           read_sources(event, find(levels, "source_name"), error) &&
           read_boolean(levels, "no_resume", &event->no_resume, error) &&
           read_boolean(levels, "prepare", &event->prepare, error) &&
           read_run_id(event, levels, "resume_run_id", error) && read_worker(event, levels, error);
}

static bool is_object_or_nothing(const json_t *value) {
    return value == NULL || json_is_null(value) || json_is_object(value);
}

bool event_parse(struct event *event, const char *text, size_t length, struct error *error) {
    json_error_t syntax;
    *event = (struct event){.action_known = true, .resume_max_age_hours = -1};
    json_t *root = json_loadb(text, length, JSON_DECODE_ANY, &syntax);
    if (root == NULL)
        return error_set(error, ERROR_CONFIG, "the event is not JSON: line %d, column %d", syntax.line, syntax.column);
    const json_t *input = json_object_get(root, "input"), *defaults = json_object_get(root, "defaults");
    bool good = json_is_object(root) && is_object_or_nothing(input) && is_object_or_nothing(defaults);
    if (!good) {
        error_set(error, ERROR_CONFIG, "the event, and its \"input\" and \"defaults\", must be objects: { ... }");
    } else {
        struct levels levels = {json_is_object(input) ? input : root, defaults};
        look_for_slips(event, levels.own);
        look_for_slips(event, defaults);
        good = read_members(event, &levels, error);
    }
    json_decref(root);
    return good;
}

void event_release(struct event *event) {
    memory_release(&event->sources);
    buffer_release(&event->remarks);
}
