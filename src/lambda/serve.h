/* The Lambda function: one invocation after another, until the process is ended. */
#ifndef THAW_LAMBDA_SERVE_H
#define THAW_LAMBDA_SERVE_H

#include <stdbool.h>

#include "base/log.h"
#include "lambda/invoke.h"

/* How the log is written: as AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL say; JSON and INFO where they don't. */
enum log_format serve_log_format(void);
enum log_level serve_log_level(void);

/* THAW_CONFIG, else config.json beside the program. Allocated. */
char *serve_config_file(void);

/* Take invocations from the runtime API at `address`. False, told in the log and to Lambda, where it can't begin or go on. */
bool serve(const struct function *function, const char *address) THAW_CHECK;

#endif
