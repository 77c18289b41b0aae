#include "lambda/size.h"

#include <stdlib.h>

enum { SHARE_PERCENT = 80 }; /* the rest is the system's, and what no bound catches at once */

/* MB; 0: unknown. */
static int function_size(void) {
    const char *text = getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    char *end = NULL;
    long size = text == NULL ? 0 : strtol(text, &end, 10);
    return end == NULL || *end != '\0' || size < 1 || size > 1000000 ? 0 : (int)size;
}

void size_limit_memory(struct config *config, struct log *log) {
    int size = function_size(), least = config_least_memory_mb(&config->source);
    int configured = config_memory_limit_mb(config), share = size * SHARE_PERCENT / 100;
    if (size == 0)
        return;
    if (configured == 0)
        config_limit_memory(config, share > least ? share : least);
    if (log == NULL)
        return;
    if (configured > size)
        log_warning(
            log, "lambda",
            "memory_limit_mb is %d, but the function has %d MB: it may be ended for want of memory. Lower it, or leave "
            "it out: then %d %% of the function's size count",
            configured, size, SHARE_PERCENT);
    else if (configured == 0 && share < least)
        log_warning(
            log, "lambda",
            "%d %% of the function's %d MB are less than the %d MB that one worker takes: it may be ended for want of "
            "memory. Give it %d MB",
            SHARE_PERCENT, size, least, (least * 100 + SHARE_PERCENT - 1) / SHARE_PERCENT);
}
