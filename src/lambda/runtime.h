/* Lambda's runtime API, which hands a custom runtime one invocation after another:
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
#ifndef THAW_LAMBDA_RUNTIME_H
#define THAW_LAMBDA_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/http.h"

struct runtime {
    struct http *client;
    char *base; /* "http://HOST:PORT/2018-06-01/runtime/"; owned */
};

struct invocation {
    char request_id[64];
    int64_t deadline_us; /* wall clock, microseconds since 1970: when Lambda kills the process */
    struct buffer event; /* as it came */
};

/* `address` is AWS_LAMBDA_RUNTIME_API: HOST:PORT. */
bool runtime_open(struct runtime *runtime, const char *address, struct error *error) THAW_CHECK;
void runtime_close(struct runtime *runtime);

/* Wait, for as long as it takes, for the next invocation. ERROR_STOPPED after a SIGTERM or SIGINT. */
bool runtime_next(struct runtime *runtime, struct invocation *invocation, struct error *error) THAW_CHECK;
void invocation_release(struct invocation *invocation);

/* Answer the invocation with a JSON text. */
bool runtime_answer(struct runtime *runtime, const char *request_id, const struct buffer *json,
                    struct error *error) THAW_CHECK;
/* Say that the invocation failed (request_id), or that no invocation can be taken (NULL); `type` is "Thaw.Something". */
bool runtime_fail(struct runtime *runtime, const char *request_id, const char *type, const char *message,
                  struct error *error) THAW_CHECK;

#endif
