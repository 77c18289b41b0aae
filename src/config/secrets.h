/* Secrets by reference: what "secretsmanager:NAME#key" and "ssm:NAME" stand for, as the AWS parameters and secrets extension
 * hands it out on this machine: https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html and
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
 * Private to this folder.
 */
#ifndef THAW_CONFIG_SECRETS_H
#define THAW_CONFIG_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/http.h"

/* What was fetched while a configuration is read, so that each secret is asked for once. Zero is empty. */
struct secrets {
    struct http *client;
    struct fetched_secret *list;
    size_t count;
};

bool secrets_is_reference(const char *text);

/* Append the value to `value`. `error` names the secret and what is wrong with it, never its value. The port is that of
 * PARAMETERS_SECRETS_EXTENSION_HTTP_PORT (2773); AWS_SESSION_TOKEN is what the extension knows us by. */
bool secrets_fetch(struct secrets *secrets, const char *reference, struct buffer *value,
                   struct error *error) THAW_CHECK;
void secrets_release(struct secrets *secrets);

#endif
