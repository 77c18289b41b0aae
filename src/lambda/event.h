/* What an invocation asks for. docs/lambda.md describes events. */
#ifndef THAW_LAMBDA_EVENT_H
#define THAW_LAMBDA_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

enum event_action { EVENT_MIGRATE, EVENT_VALIDATE_CONFIG, EVENT_TEST_CONNECTIONS };

struct event {
    enum event_action action;
    bool action_known; /* false: the event names another one, and event_parse() has failed */
    char *sources;     /* as config_select() takes them; NULL: every enabled one; owned */
    bool no_resume;
    double resume_max_age_hours; /* negative: not given */
    char run_id[37];             /* of `resume_run_id`, or with `worker` of `run_id`; "": not given */
    bool prepare;                /* begin or resume the run, and leave it to workers */
    bool worker;                 /* work on run_id beside others */
    struct buffer remarks;       /* about keys that look like mistakes, one a line */
};

/* Read an event: an object, or one whose "input" is that object, with "defaults" for what it leaves out. Pure. ERROR_CONFIG says
 * what is wrong, with the nearest name where there is one. */
bool event_parse(struct event *event, const char *text, size_t length, struct error *error) THAW_CHECK;
void event_release(struct event *event);

#endif
