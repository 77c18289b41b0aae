#include "config/secrets.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "config/config.h"

enum { TIMEOUT_MS = 10000, ATTEMPTS = 10, PAUSE_MS = 200, SHOWN_ANSWER = 200 };

static const char manager_prefix[] = "secretsmanager:", parameter_prefix[] = "ssm:";

struct fetched_secret {
    char *name;  /* with its prefix, without the key */
    char *value; /* NULL: it could not be had, and `error` says why */
    struct error error;
};

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool secrets_is_reference(const char *text) {
    return has_prefix(text, manager_prefix) || has_prefix(text, parameter_prefix);
}

/* ---- asking the extension ----------------------------------------------------------------------------------------- */

static void build_url(struct buffer *url, const char *name) {
    const char *port = getenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT");
    buffer_appendf(url, "http://localhost:%s", port != NULL && port[0] != '\0' ? port : "2773");
    if (has_prefix(name, manager_prefix)) {
        buffer_append(url, "/secretsmanager/get?secretId=");
        http_append_escaped(url, name + strlen(manager_prefix));
    } else {
        buffer_append(url, "/systemsmanager/parameters/get?name=");
        http_append_escaped(url, name + strlen(parameter_prefix));
        buffer_append(url, "&withDecryption=true");
    }
}

/* The extension starts beside the function, and says so while it isn't ready. */
static bool asks_to_wait(const struct http_response *response) {
    return response->status >= 500 || strstr(buffer_string(&response->body), "not ready") != NULL;
}

static bool ask(struct secrets *secrets, const char *url, struct http_response *response, struct error *error) {
    const char *token = getenv("AWS_SESSION_TOKEN");
    struct http_header header = {"X-Aws-Parameters-Secrets-Token", token != NULL ? token : ""};
    struct http_request request = {.url = url, .headers = &header, .header_count = 1, .timeout_ms = TIMEOUT_MS};
    for (int attempt = 1;; attempt++) {
        if (!http_perform(secrets->client, &request, response, error)) {
            error_context(error, "the AWS parameters and secrets extension does not answer at %.*s",
                          (int)strcspn(url + strlen("http://"), "/"), url + strlen("http://"));
            return error_hint(error, "in Lambda, add its layer to the function; elsewhere, give the value itself, for "
                                     "example by an environment variable");
        }
        if (!asks_to_wait(response) || attempt == ATTEMPTS)
            return true;
        http_response_release(response);
        clock_sleep_ms(PAUSE_MS);
    }
}

/* What the extension says instead of a secret. */
static bool refused(const struct http_response *response, struct error *error) {
    struct buffer shown = {0};
    size_t length = response->body.length < SHOWN_ANSWER ? response->body.length : SHOWN_ANSWER;
    buffer_append_json_string(&shown, buffer_string(&response->body), length);
    error_set(error, ERROR_CONFIG, "the AWS parameters and secrets extension answers with status %ld: %s",
              response->status, buffer_string(&shown));
    buffer_release(&shown);
    if (response->status == 401 || response->status == 403)
        return error_hint(error, "the function's role needs secretsmanager:GetSecretValue, or ssm:GetParameter, and "
                                 "kms:Decrypt where a key of your own encrypts it");
    return error_hint(error, "check that it exists in the function's region under exactly this name");
}

/* The member that holds the value, of the service's own answer; NULL where there is none. */
static json_t *value_member(const json_t *answer, bool parameter) {
    return parameter ? json_object_get(json_object_get(answer, "Parameter"), "Value")
                     : json_object_get(answer, "SecretString");
}

static bool read_answer(const struct http_response *response, bool parameter, char **value, struct error *error) {
    json_t *answer = json_loadb(buffer_string(&response->body), response->body.length, JSON_ALLOW_NUL, NULL);
    const json_t *member = value_member(answer, parameter);
    bool good = json_is_string(member) && strlen(json_string_value(member)) == json_string_length(member);
    if (good)
        *value = memory_copy_string(json_string_value(member));
    else
        error_set(error, ERROR_CONFIG, "the AWS parameters and secrets extension answers without a text for it");
    json_decref(answer);
    return good || error_hint(error, "binary secrets, and texts with NUL bytes, can't be used");
}

static void fetch(struct secrets *secrets, struct fetched_secret *secret) {
    struct http_response response = {0};
    struct buffer url = {0};
    error_clear(&secret->error);
    build_url(&url, secret->name);
    if ((secrets->client != NULL || http_open(&secrets->client, &secret->error)) &&
        ask(secrets, url.data, &response, &secret->error)) {
        if (response.status == 200)
            (void)read_answer(&response, has_prefix(secret->name, parameter_prefix), &secret->value, &secret->error);
        else
            refused(&response, &secret->error);
    }
    http_response_release(&response);
    buffer_release(&url);
}

static const struct fetched_secret *fetch_once(struct secrets *secrets, const char *name, size_t length) {
    for (size_t i = 0; i < secrets->count; i++)
        if (strlen(secrets->list[i].name) == length && memcmp(secrets->list[i].name, name, length) == 0)
            return &secrets->list[i];
    secrets->list = memory_resize(secrets->list, secrets->count + 1, sizeof *secrets->list);
    struct fetched_secret *secret = &secrets->list[secrets->count++];
    memset(secret, 0, sizeof *secret);
    secret->name = memory_copy_bytes(name, length);
    fetch(secrets, secret);
    return secret;
}

/* ---- what the reference names ------------------------------------------------------------------------------------- */

static bool lacks_key(const json_t *object, const char *key, struct error *error) {
    const char *name;
    json_t *member;
    const char **names = memory_array(json_object_size(object) + 1, sizeof(*names));
    size_t count = 0;
    json_object_foreach((json_t *)object, name, member) names[count++] = name;
    const char *nearest = config_nearest(key, names, count);
    error_set(error, ERROR_CONFIG, "it has no key \"%s\"", key);
    if (nearest != NULL)
        error_hint(error, "did you mean \"%s\"?", nearest);
    memory_release(&names);
    return false;
}

static bool read_key(const char *text, const char *key, struct buffer *value, struct error *error) {
    json_t *object = json_loads(text, 0, NULL);
    const json_t *member = json_object_get(object, key);
    bool good = true;
    if (json_is_string(member))
        buffer_append(value, json_string_value(member));
    else if (json_is_integer(member))
        buffer_appendf(value, "%lld", (long long)json_integer_value(member));
    else if (json_is_boolean(member))
        buffer_append(value, json_is_true(member) ? "true" : "false");
    else if (!json_is_object(object))
        good = error_set(error, ERROR_CONFIG, "it is no JSON object, so it has no key \"%s\"", key);
    else if (member == NULL)
        good = lacks_key(object, key, error);
    else
        good = error_set(error, ERROR_CONFIG, "its key \"%s\" holds neither a text nor a whole number", key);
    json_decref(object);
    return good;
}

bool secrets_fetch(struct secrets *secrets, const char *reference, struct buffer *value, struct error *error) {
    const char *hash = has_prefix(reference, manager_prefix) ? strrchr(reference, '#') : NULL;
    size_t length = hash == NULL ? strlen(reference) : (size_t)(hash - reference);
    const struct fetched_secret *secret = fetch_once(secrets, reference, length);
    bool good = secret->value != NULL;
    if (!good)
        *error = secret->error;
    else if (hash == NULL)
        buffer_append(value, secret->value);
    else
        good = read_key(secret->value, hash + 1, value, error);
    return good || error_context(error, "the secret %s", secret->name);
}

void secrets_release(struct secrets *secrets) {
    for (size_t i = 0; i < secrets->count; i++) {
        struct fetched_secret *secret = &secrets->list[i];
        if (secret->value != NULL)
            memory_wipe(secret->value, strlen(secret->value));
        memory_release(&secret->value);
        memory_release(&secret->name);
    }
    memory_release(&secrets->list);
    http_close(&secrets->client);
    secrets->count = 0;
}
