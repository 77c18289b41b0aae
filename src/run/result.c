#include "run/result.h"

void result_take_error(struct run_result *result, const struct error *error) {
    if (result->error.kind == ERROR_NONE)
        result->error = *error;
}

/* A source is as far as its tables are: failed where one of them has failed. */
static void count_source(const struct run *run, const struct config_feed *feed, struct run_result *result) {
    bool completed = true, failed = false;
    for (size_t i = 0; i < run->table_count; i++) {
        const struct run_table *table = &run->tables[i];
        if (table->feed != feed)
            continue;
        completed = completed && table->state == TABLE_COMPLETED;
        failed = failed || table->state == TABLE_FAILED;
        if (table->state == TABLE_FAILED) {
            struct error failure = table->failure;
            error_context(&failure, "%s",
                          table->label); /* the log's record has the label beside it, the answer has not */
            result_take_error(result, &failure);
        }
    }
    result->sources_total++;
    result->sources_completed += completed;
    result->sources_failed += failed;
    result->sources_partial += !completed && !failed;
}

void result_count_sources(struct run *run, struct run_result *result) {
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->config->feed_count; i++)
        count_source(run, &run->config->feeds[i], result);
    result->rows_here = run->rows_here;
    result->chunks_here = run->chunks_here;
    result->bytes_here = atomic_load(&run->bytes_sent);
    pthread_mutex_unlock(&run->mutex);
}
