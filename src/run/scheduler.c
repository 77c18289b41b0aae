#include "run/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "run/deadline.h"
#include "run/stop.h"

/* To be planned next: those of which a deadline has broken off the planning come last. */
static struct run_table *first_unplanned(struct run *run) {
    struct run_table *first = NULL;
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i].state == TABLE_UNPLANNED &&
            (first == NULL || run->tables[i].deadline_breaks < first->deadline_breaks))
            first = &run->tables[i];
    return first;
}

static struct run_table *first_in_state(struct run *run, enum table_state state) {
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i].state == state)
            return &run->tables[i];
    return NULL;
}

static bool anyone_reads(const struct run *run) {
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i].active > 0)
            return true;
    return false;
}

/* Has the limit of memory room for another reader of the table? A cache that is bounded serves readers or one planning query: these need
 * all of a small one. */
static bool has_room(const struct run *run, const struct run_table *table) {
    struct budget_stream open = table->stream;
    if (run->budget.limit_mb == 0)
        return true;
    if (run->budget.cache_mb > 0 && run->planning > 0)
        return false;
    for (size_t i = 0; i < run->table_count; i++) {
        open.buffers_kb += run->tables[i].active * run->tables[i].stream.buffers_kb;
        open.cache_kb += run->tables[i].active * run->tables[i].stream.cache_kb;
    }
    return !anyone_reads(run) ||
           (open.buffers_kb <= run->budget.all.buffers_kb && open.cache_kb <= run->budget.all.cache_kb);
}

/* Planning goes first, since it shows how much there is to do, but never with all workers while there is something to
 * load: a view's planning query may take minutes; and what a deadline has broken off must not keep the only one from loading. */
static bool may_plan(const struct run *run, const struct run_table *table, bool something_to_load) {
    int workers = run->worker_count;
    if (run->budget.cache_mb > 0)
        return run->planning == 0 && !anyone_reads(run) && (table->deadline_breaks == 0 || !something_to_load);
    int most = !something_to_load ? workers : table->deadline_breaks == 0 ? (workers + 1) / 2 : workers / 2;
    return run->planning < most;
}

static bool is_in_doubt(const struct run *run, const struct run_table *table) {
    return run->tables[table->group].doubt != GROUP_CERTAIN;
}

/* A group in doubt in which nobody works any more; *group is its first table. */
static bool find_doubtful(const struct run *run, size_t *group) {
    for (size_t first = 0; first < run->table_count; first++) {
        bool busy = run->tables[first].doubt == GROUP_CERTAIN;
        for (size_t i = first; !busy && i < run->table_count; i++) {
            const struct run_table *table = &run->tables[i];
            busy = table->group == first && (table->active > 0 || table->offered || table->state == TABLE_PLANNING ||
                                             table->state == TABLE_FINISHING);
        }
        *group = first;
        if (!busy)
            return true;
    }
    return false;
}

/* Everything of the group that isn't done with is planned: what is in the ledger is only read again. */
static void take_doubtful(struct run *run, size_t group) {
    run->tables[group].doubt = GROUP_CERTAIN;
    for (size_t i = group; i < run->table_count; i++)
        if (run->tables[i].group == group && run->tables[i].state != TABLE_COMPLETED &&
            run->tables[i].state != TABLE_FAILED)
            run->tables[i].state = TABLE_PLANNING;
    run->planning++;
}

struct job scheduler_next(struct run *run) {
    struct job job = {.kind = JOB_NONE};
    pthread_mutex_lock(&run->mutex);
    struct run_table *drained = first_in_state(run, TABLE_DRAINED);
    struct run_table *unplanned = first_unplanned(run);
    bool ready = first_in_state(run, TABLE_READY) != NULL;
    bool closing = deadline_closes(run); /* what is loaded may still be finished */
    size_t doubtful = 0;
    if (atomic_load(&run->stopping) || stop_requested()) { /* the keeper may not have seen the signal yet */
        job.kind = JOB_NONE;
    } else if (!closing && find_doubtful(run, &doubtful)) {
        take_doubtful(run, doubtful);
        job = (struct job){.kind = JOB_PLAN, .group = doubtful};
    } else if (drained != NULL) {
        drained->state = TABLE_FINISHING;
        job = (struct job){.kind = JOB_FINISH, .table = drained};
    } else if (closing) {
        job.kind = JOB_NONE;
    } else if (unplanned != NULL && may_plan(run, unplanned, ready)) {
        job = (struct job){.kind = JOB_PLAN, .group = unplanned->group};
        for (size_t i = 0; i < run->table_count; i++)
            if (run->tables[i].group == job.group && run->tables[i].state == TABLE_UNPLANNED)
                run->tables[i].state = TABLE_PLANNING;
        run->planning++;
    } else if (ready || unplanned != NULL || first_in_state(run, TABLE_PLANNING) != NULL ||
               first_in_state(run, TABLE_FINISHING) != NULL) {
        job.kind = JOB_CLAIM;
    }
    pthread_mutex_unlock(&run->mutex);
    return job;
}

static int by_fewest_workers(const void *left, const void *right) {
    const struct run_table *a = *(struct run_table *const *)left;
    const struct run_table *b = *(struct run_table *const *)right;
    if (a->active != b->active)
        return a->active < b->active ? -1 : 1;
    return a < b ? -1 : a > b;
}

size_t scheduler_offer(struct run *run, const struct run_database *database, struct run_table **tables) {
    size_t count = 0;
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++) {
        struct run_table *table = &run->tables[i];
        if (table->database == database && table->state == TABLE_READY && !is_in_doubt(run, table) &&
            table->active < table->readers && table->active < table->config->settings.parallel_threads &&
            has_room(run, table))
            tables[count++] = table;
    }
    qsort(tables, count, sizeof(struct run_table *), by_fewest_workers);
    for (size_t i = 0; i < count; i++)
        tables[i]->offered = true;
    pthread_mutex_unlock(&run->mutex);
    return count;
}

void scheduler_settle(struct run *run, struct run_table *const *tables, size_t count, const struct run_table *taken) {
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < count; i++) {
        tables[i]->offered = false;
        tables[i]->active += tables[i] == taken;
    }
    pthread_mutex_unlock(&run->mutex);
}

void scheduler_leave(struct run *run, struct run_table *table, bool completed, int64_t rows) {
    pthread_mutex_lock(&run->mutex);
    table->active--;
    if (completed) {
        table->exhausted = 0;
        table->chunks_completed++;
        table->rows_committed += rows;
        run->rows_here += rows;
        run->chunks_here++;
    }
    pthread_mutex_unlock(&run->mutex);
    /* Nobody is woken: who leaves takes the next chunk itself, with its buffers warm. */
}

bool scheduler_read_less(struct run *run, struct run_table *table) {
    int readers = 0;
    int64_t used_kb = 0;
    pthread_mutex_lock(&run->mutex);
    table->stream.cache_kb *= 2;
    for (size_t i = 0; i < run->table_count; i++) {
        readers += run->tables[i].active;
        used_kb += run->tables[i].active * run->tables[i].stream.buffers_kb;
    }
    bool wider = budget_widen_cache(&run->budget, used_kb);
    int64_t cache_mb = run->budget.cache_mb;
    pthread_mutex_unlock(&run->mutex);
    if (wider && run->source != NULL)
        source_limit_memory(run->source, cache_mb, run->budget.alone_mb);
    return wider || readers > 1;
}

int scheduler_count_exhausted(struct run *run, struct run_table *table) {
    pthread_mutex_lock(&run->mutex);
    int exhausted = ++table->exhausted;
    pthread_mutex_unlock(&run->mutex);
    return exhausted;
}

void scheduler_set_state(struct run *run, struct run_table *table, enum table_state state) {
    pthread_mutex_lock(&run->mutex);
    table->state = state;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

void scheduler_fail(struct run *run, struct run_table *table, const struct error *failure) {
    pthread_mutex_lock(&run->mutex);
    if (table->state != TABLE_FAILED)
        table->failure = *failure;
    table->state = TABLE_FAILED;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

void scheduler_doubt(struct run *run, struct run_table *table, enum group_doubt doubt) {
    pthread_mutex_lock(&run->mutex);
    if (run->tables[table->group].doubt < doubt)
        run->tables[table->group].doubt = doubt;
    table->moment_lost = table->moment_lost || doubt == GROUP_MOMENT_LOST;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

bool scheduler_give_up(struct run *run, const struct run_database *database, const struct error *failure) {
    bool any = false;
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++) {
        struct run_table *table = &run->tables[i];
        if (table->database != database || table->state == TABLE_COMPLETED || table->state == TABLE_FAILED)
            continue;
        table->failure = *failure;
        table->state = TABLE_FAILED;
        any = true;
    }
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
    return any;
}

void scheduler_unplan(struct run *run, size_t group) {
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i].group == group && run->tables[i].state == TABLE_PLANNING)
            run->tables[i].state = TABLE_UNPLANNED;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

/* The indexes of a target come back when everything is loaded that feeds it. */
enum feeders { FEEDERS_LOADED, FEEDERS_LOADING, FEEDERS_FAILED };

static enum feeders look_at_feeders(const struct ledger_tables *stored, const struct ledger_table *table) {
    enum feeders feeders = FEEDERS_LOADED;
    for (size_t i = 0; i < stored->count && feeders != FEEDERS_FAILED; i++) {
        const struct ledger_table *other = &stored->list[i];
        if (other == table || strcmp(other->target_schema, table->target_schema) != 0 ||
            strcmp(other->target_table, table->target_table) != 0 || strcmp(other->status, "skipped") == 0)
            continue;
        if (strcmp(other->status, "failed") == 0)
            feeders = FEEDERS_FAILED;
        else if (!other->planned || other->completed_chunks < other->total_chunks)
            feeders = FEEDERS_LOADING;
    }
    return feeders;
}

static enum table_state drained_state(const struct ledger_tables *stored, const struct ledger_table *table) {
    enum feeders feeders = table->indexes_missing ? look_at_feeders(stored, table) : FEEDERS_LOADED;
    return feeders == FEEDERS_LOADED ? TABLE_DRAINED : feeders == FEEDERS_FAILED ? TABLE_HELD : TABLE_READY;
}

static void refresh_table(struct run_table *table, const struct ledger_tables *all, const struct ledger_table *stored) {
    /* A chunk of ours may be committed and not yet counted here; the ledger has it already. */
    if (table->active == 0 && stored->completed_chunks > table->chunks_completed) {
        table->chunks_completed = stored->completed_chunks;
        table->rows_committed = stored->total_rows_copied;
    }
    if (strcmp(stored->status, "completed") == 0) {
        table->state = TABLE_COMPLETED;
    } else if (strcmp(stored->status, "failed") == 0) {
        table->state = TABLE_FAILED;
        if (table->failure.kind == ERROR_NONE)
            error_set(&table->failure, ERROR_DATA, "%s", stored->error_message == NULL ? "" : stored->error_message);
    } else if (stored->planned && stored->completed_chunks == stored->total_chunks) {
        table->state = drained_state(all, stored);
    } else if (stored->failed_chunks > 0 && stored->completed_chunks + stored->failed_chunks == stored->total_chunks) {
        table->state = TABLE_FAILED;
        error_set(&table->failure, ERROR_TRANSIENT, "%lld of %lld chunks failed", (long long)stored->failed_chunks,
                  (long long)stored->total_chunks);
    }
}

void scheduler_refresh(struct run *run, struct run_database *database, const struct ledger_tables *stored,
                       int64_t asked_us) {
    bool changed = false;
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < run->table_count; i++) {
        struct run_table *table = &run->tables[i];
        if (table->database != database || table->state != TABLE_READY || table->ready_us > asked_us)
            continue;
        for (size_t s = 0; s < stored->count; s++) {
            if (stored->list[s].table_id != table->table_id)
                continue;
            if (stored->list[s].target_generation != table->generation && !is_in_doubt(run, table)) {
                run->tables[table->group].doubt = GROUP_PLANNED_ELSEWHERE;
                changed = true;
            } else if (stored->list[s].target_generation == table->generation) {
                refresh_table(table, stored, &stored->list[s]);
            }
        }
        changed = changed || table->state != TABLE_READY;
    }
    /* Only then: who waits would look again and refresh, and so wake all the others, without end. */
    if (changed)
        pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

void scheduler_wait(struct run *run) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&run->mutex);
    pthread_cond_timedwait(&run->changed, &run->mutex, &until);
    pthread_mutex_unlock(&run->mutex);
}
