#include "lambda/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "run/stop.h"

enum { ANSWER_TIMEOUT_MS = 30000 };

bool runtime_open(struct runtime *runtime, const char *address, struct error *error) {
    struct buffer base = {0};
    buffer_appendf(&base, "http://%s/2018-06-01/runtime/", address);
    *runtime = (struct runtime){.base = buffer_steal(&base)};
    return http_open(&runtime->client, error);
}

void runtime_close(struct runtime *runtime) {
    http_close(&runtime->client);
    memory_release(&runtime->base);
}

static bool unexpected(const struct http_response *response, struct error *error) {
    return error_set(error, ERROR_INTERNAL, "Lambda's runtime API answers with status %ld: %.200s", response->status,
                     buffer_string(&response->body));
}

static bool read_invocation(const struct http_response *response, struct invocation *invocation, struct error *error) {
    char deadline_ms[32];
    char *end = deadline_ms;
    if (response->status != 200)
        return unexpected(response, error);
    if (!http_header(response, "Lambda-Runtime-Aws-Request-Id", invocation->request_id, sizeof invocation->request_id))
        return error_set(error, ERROR_INTERNAL, "Lambda's runtime API hands out an invocation without a request id");
    if (http_header(response, "Lambda-Runtime-Deadline-Ms", deadline_ms, sizeof deadline_ms))
        invocation->deadline_us = strtoll(deadline_ms, &end, 10) * 1000;
    if (end == deadline_ms || *end != '\0')
        return error_set(error, ERROR_INTERNAL, "Lambda's runtime API hands out an invocation without a deadline");
    buffer_append_bytes(&invocation->event, buffer_string(&response->body), response->body.length);
    return true;
}

bool runtime_next(struct runtime *runtime, struct invocation *invocation, struct error *error) {
    struct buffer url = {0};
    struct http_response response = {0};
    memset(invocation, 0, sizeof *invocation);
    buffer_appendf(&url, "%sinvocation/next", runtime->base);
    struct http_request request = {.url = url.data, .give_up = stop_requested};
    bool done =
        http_perform(runtime->client, &request, &response, error) && read_invocation(&response, invocation, error);
    http_response_release(&response);
    buffer_release(&url);
    return done || error_context(error, "waiting for an invocation");
}

void invocation_release(struct invocation *invocation) {
    buffer_release(&invocation->event);
    memset(invocation, 0, sizeof *invocation);
}

static bool post(struct runtime *runtime, const char *path, const struct http_header *header, const struct buffer *json,
                 struct error *error) {
    struct buffer url = {0};
    struct http_response response = {0};
    buffer_appendf(&url, "%s%s", runtime->base, path);
    struct http_request request = {.url = url.data,
                                   .headers = header,
                                   .header_count = header == NULL ? 0 : 1,
                                   .body = buffer_string(json),
                                   .body_length = json->length,
                                   .timeout_ms = ANSWER_TIMEOUT_MS};
    bool done = http_perform(runtime->client, &request, &response, error);
    if (done && (response.status < 200 || response.status > 299))
        done = unexpected(&response, error);
    http_response_release(&response);
    buffer_release(&url);
    return done;
}

bool runtime_answer(struct runtime *runtime, const char *request_id, const struct buffer *json, struct error *error) {
    struct buffer path = {0};
    buffer_appendf(&path, "invocation/%s/response", request_id);
    bool done = post(runtime, path.data, NULL, json, error);
    buffer_release(&path);
    return done || error_context(error, "answering invocation %s", request_id);
}

bool runtime_fail(struct runtime *runtime, const char *request_id, const char *type, const char *message,
                  struct error *error) {
    struct buffer path = {0}, json = {0};
    struct http_header header = {"Lambda-Runtime-Function-Error-Type", type};
    if (request_id == NULL)
        buffer_append(&path, "init/error");
    else
        buffer_appendf(&path, "invocation/%s/error", request_id);
    buffer_append(&json, "{\"errorType\": ");
    buffer_append_json_string(&json, type, strlen(type));
    buffer_append(&json, ", \"errorMessage\": ");
    buffer_append_json_string(&json, message, strlen(message));
    buffer_append(&json, ", \"stackTrace\": []}");
    bool done = post(runtime, path.data, &header, &json, error);
    buffer_release(&path);
    buffer_release(&json);
    return done || error_context(error, "reporting an error to Lambda");
}
