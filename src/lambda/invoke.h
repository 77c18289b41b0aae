/* From an event to the answer: the calls that the commands migrate, worker, validate and check make too. */
#ifndef THAW_LAMBDA_INVOKE_H
#define THAW_LAMBDA_INVOKE_H

#include "lambda/answer.h"
#include "lambda/event.h"

/* The function, between invocations. Nothing of an invocation stays in it but the secrets that the log hides. */
struct function {
    const char *config_file;
    double buffer_seconds; /* negative: the configuration's lambda_timeout_buffer_seconds */
    struct log *log;
    char **arguments; /* of this process, to begin anew with */
};

/* Do what `event` asks for, before `deadline_us` (wall clock). The configuration is read anew, and its secrets are fetched, each
 * time. *abandoned: threads hang in calls that can't be broken off; the process must begin anew after the answer. */
void invoke(const struct function *function, const struct event *event, int64_t deadline_us, struct answer *answer,
            bool *abandoned);
/* The answer to an event that can't be understood. */
void invoke_refuse(const struct event *event, const struct error *error, struct answer *answer);
/* The answer in place of one that did not come in time. */
void invoke_overdue(const struct function *function, const struct event *event, struct answer *answer);

#endif
