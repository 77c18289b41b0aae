/* The bound on the process's memory. */
#include "config/config.h"

/* Of the least process that loads a table of a few columns; run/budget.c knows what it consists of, and a test holds the
 * two together. */
enum { LEAST_MB_DUCKDB = 103, LEAST_MB_OTHERS = 144 };

int config_memory_limit_mb(const struct config *config) {
    int limit = 0;
    for (size_t f = 0; f < config->feed_count; f++)
        for (size_t t = 0; t < config->feeds[f].table_count; t++) {
            int wanted = config->feeds[f].tables[t].settings.memory_limit_mb;
            if (wanted > 0 && (limit == 0 || wanted < limit))
                limit = wanted;
        }
    return limit;
}

void config_limit_memory(struct config *config, int limit_mb) {
    for (size_t f = 0; f < config->feed_count; f++)
        for (size_t t = 0; t < config->feeds[f].table_count; t++)
            config->feeds[f].tables[t].settings.memory_limit_mb = limit_mb;
}

int config_least_memory_mb(const struct config_source *source) {
    return source->kind == SOURCE_DUCKDB ? LEAST_MB_DUCKDB : LEAST_MB_OTHERS;
}
