#include "run/memory_limit.h"

#include <inttypes.h>

static const struct budget_widths unknown_widths = {1, 1};

/* What an embedded engine pins goes by the number of columns, so the widest table decides how its cache and the workers' buffers share
 * the room. What can't be described is told when it is planned. */
static struct budget_widths look_at_widths(struct run *run) {
    struct budget_widths widths = {0};
    for (size_t i = 0; i < run->table_count; i++) {
        struct source_table table = {0};
        struct error ignored;
        error_clear(&ignored);
        if (source_describe(run->workers[0].source, &run->tables[i].relation, &table, &ignored)) {
            if (table.column_count > widths.widest)
                widths.widest = table.column_count;
            if (widths.narrowest == 0 || table.column_count < widths.narrowest)
                widths.narrowest = table.column_count;
        }
        source_table_release(&table);
    }
    return widths.widest == 0 ? unknown_widths : widths;
}

int64_t run_driver_memory_mb(const struct config *config, int workers) {
    struct budget budget;
    budget_make(&budget, config->source.kind, config_memory_limit_mb(config),
                workers > 0 ? workers : config->settings.parallel_threads, unknown_widths);
    return budget.driver_mb;
}

static void share_out(struct run *run, int wanted, struct budget_widths widths) {
    budget_make(&run->budget, run->config->source.kind, config_memory_limit_mb(run->config), wanted, widths);
    run->worker_count = run->budget.workers;
    if (run->budget.cache_mb > 0)
        source_limit_memory(run->source, run->budget.cache_mb, run->budget.alone_mb);
}

bool memory_limit_open_source(struct run *run, struct error *error) {
    struct buffer text = {0};
    int wanted = run->worker_count;
    if (!source_open(run->config, run->log, &run->source, error))
        return false;
    source_obey(run->source, &run->log_ins);
    share_out(run, wanted, unknown_widths);
    /* A log-in that is refused is told before anything is written anywhere. */
    if (!source_connect(run->source, &run->workers[0].source, error))
        return false;
    if (run->budget.cache_mb > 0)
        share_out(run, wanted, look_at_widths(run));
    memory_limit_describe(run, &text);
    if (run->worker_count < wanted)
        log_info(run->log, "run", "%s", buffer_string(&text));
    buffer_release(&text);
    return true;
}

bool memory_limit_readers(struct run *run, size_t column_count, int *readers, struct error *error) {
    const struct budget *budget = &run->budget;
    pthread_mutex_lock(&run->mutex); /* scheduler_read_less() shares it out anew */
    *readers = budget_readers(budget, column_count);
    pthread_mutex_unlock(&run->mutex);
    if (*readers > 0)
        return true;
    int64_t least = budget_least_mb(budget->kind, column_count, 1);
    error_set(error, ERROR_CONFIG,
              "memory_limit_mb is %" PRId64 ", and the process with one reader of its %zu columns takes %" PRId64 " MB",
              budget->limit_mb, column_count, least);
    return error_hint(error, "set memory_limit_mb to at least %" PRId64, least);
}

void memory_limit_describe(const struct run *run, struct buffer *text) {
    const struct budget *budget = &run->budget;
    if (budget->limit_mb == 0)
        return;
    buffer_appendf(text, "memory_limit_mb is %" PRId64 ": %d of %d workers at once", budget->limit_mb, budget->workers,
                   budget->wanted);
    if (budget->workers < budget->wanted)
        buffer_appendf(text, "; %" PRId64 " would allow all", budget_all_workers_mb(budget));
}
