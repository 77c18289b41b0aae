/* The memory of a function. */
#ifndef THAW_LAMBDA_SIZE_H
#define THAW_LAMBDA_SIZE_H

#include "base/log.h"
#include "config/config.h"

/* Where the configuration doesn't bound the process, 80 % of the function's size does; where its bound is above that size, a warning says
 * so. AWS_LAMBDA_FUNCTION_MEMORY_SIZE, in MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 * `log` NULL: nothing is said. */
void size_limit_memory(struct config *config, struct log *log);

#endif
