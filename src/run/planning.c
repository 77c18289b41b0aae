#include "run/planning.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/broken.h"
#include "run/create.h"
#include "run/indexes.h"
#include "run/load.h"
#include "run/mapping.h"
#include "run/materialize.h"
#include "run/memory_limit.h"
#include "run/presence.h"
#include "run/replan.h"
#include "run/snapshot.h"
#include "run/window.h"

/* A table of the group on its way through planning. */
struct draft {
    struct run_table *table;
    struct run_mapping mapping;
    struct plan plan;
    char *metadata; /* of a known one */
    bool unread;    /* some of its chunks are still to be loaded */
    int readers;    /* streams of this table that the source can have open at once */
    bool known;     /* planned by an earlier process: only its mapping is needed */
    bool failed;
};

bool planning_query(struct source_connection *source, const struct dialect *dialect, const struct run_table *table,
                    const struct run_mapping *mapping, int workers, struct plan *plan, struct error *error) {
    struct buffer sql = {0};
    struct source_rows rows = {0};
    struct error narrowing;
    struct plan_size size = plan_choose_size(&mapping->source, mapping->columns, mapping->column_count, mapping->method,
                                             table->config->settings.batch_size, workers);
    if (mapping->merges)
        plan_shrink_for_merging(&size);
    if (mapping->method == PLAN_HASH)
        plan_hash_query(&sql, dialect, &mapping->source.relation, mapping->filter, mapping->keys, mapping->key_count);
    else
        plan_query(&sql, dialect, &mapping->source.relation, mapping->filter, mapping->keys, mapping->key_count, &size);
    if (!source_planning_begin(source, error)) {
        buffer_release(&sql);
        return false;
    }
    bool done = source_query_rows(source, buffer_string(&sql), &rows, error);
    buffer_release(&sql);
    error_clear(&narrowing);
    if (!source_planning_end(source, done ? error : &narrowing))
        done = false;
    if (done && mapping->method == PLAN_HASH)
        done = plan_hash_from_rows(plan, &rows, mapping->keys, mapping->key_count, &size, error);
    else if (done)
        done = plan_from_rows(plan, &rows, mapping->keys, mapping->key_count, &size, error);
    source_rows_release(&rows);
    /* The one part of the query that isn't ours. */
    if (!done)
        window_hint_at_filter(table, error);
    return done || error_context(error, "the planning query");
}

/* What earlier chunks of this run were loaded into is gone: a new table would hold the others only. */
static bool refuse_lost_target(const struct run_mapping *mapping, struct error *error) {
    error_set(error, ERROR_CONFIG, "the target \"%s\".\"%s\", which this run had begun to load, is not there any more",
              mapping->target.schema, mapping->target.name);
    return error_hint(error, "begin a new run with --no-resume: it makes the table and loads all of it");
}

static bool fix_snapshot(struct worker *worker, struct draft *draft, struct error *error) {
    if (!draft->known)
        return snapshot_fix(worker, draft->table, &draft->mapping, error);
    return snapshot_take_up(worker, draft->table, draft->metadata, draft->unread, &draft->mapping, error);
}

static bool choose_window(struct worker *worker, struct draft *draft, struct error *error) {
    struct run *run = worker->run;
    struct run_mapping *mapping = &draft->mapping;
    struct log_scope scope = run_scope(draft->table, 0);
    struct buffer window = {0};
    /* The greatest watermark of a large target takes its time, in silence. */
    worker->target.stall_limit_us = run->first_answer_limit_us;
    if (!window_choose(mapping, draft->table, run->config, worker->source, source_dialect(run->source), &worker->target,
                       error))
        return false;
    window_describe(&window, &mapping->window);
    if (window.length > 0)
        log_write(run->log, plan_window_is_set(&mapping->window.rows) ? LOG_INFO : LOG_WARNING, &scope,
                  "by its watermark: %s", buffer_string(&window));
    buffer_release(&window);
    return true;
}

static bool reserve(struct worker *worker, struct draft *draft, struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(draft->table, 0);
    size_t columns = draft->mapping.column_count;
    int wanted;
    if (!memory_limit_readers(run, columns, &wanted, error) ||
        !source_reserve(worker->source, columns, wanted, &draft->readers, error))
        return false;
    if (draft->readers < run->worker_count && run->budget.limit_mb > 0)
        log_write(
            run->log, LOG_INFO, &scope,
            "read by %d of %d workers at a time: memory_limit_mb is %lld, and %lld would let all of them read its %zu "
            "columns at once",
            draft->readers, run->worker_count, (long long)run->budget.limit_mb,
            (long long)budget_least_mb(run->budget.kind, columns, run->worker_count), columns);
    else if (draft->readers < run->worker_count)
        log_write(run->log, LOG_INFO, &scope,
                  "read by %d of %d workers at a time: more readers of %zu columns would take "
                  "more memory than they save time",
                  draft->readers, run->worker_count, columns);
    return true;
}

static bool draft_table(struct worker *worker, struct draft *draft, struct error *error) {
    struct run *run = worker->run;
    const struct dialect *dialect = source_dialect(run->source);
    struct log_scope scope = run_scope(draft->table, 0);
    int64_t begun = clock_monotonic_us();
    char duration[32];
    if (!mapping_prepare(&draft->mapping, draft->table, worker->source, dialect, &worker->target, run->log, error) ||
        !fix_snapshot(worker, draft, error) || !reserve(worker, draft, error))
        return false;
    if (draft->known)
        return (draft->mapping.create_sql == NULL || refuse_lost_target(&draft->mapping, error)) &&
               window_take_up(&draft->mapping, draft->table, dialect, draft->metadata, error) &&
               materialize_drop_filter(&draft->mapping);
    if (!choose_window(worker, draft, error) || !materialize_table(worker, draft->table, &draft->mapping, error) ||
        !planning_query(worker->source, dialect, draft->table, &draft->mapping, run->worker_count, &draft->plan, error))
        return false;
    clock_format_duration(clock_monotonic_us() - begun, duration, sizeof duration);
    snapshot_remark(run, draft->table, &draft->mapping, &draft->plan);
    log_write(run->log, LOG_INFO, &scope, "planned: %zu chunks, %lld rows, in %s", draft->plan.chunk_count,
              (long long)draft->plan.expected_rows, duration);
    return true;
}

static bool store_table(struct worker *worker, const struct draft *draft, int64_t generation, int64_t rows_before,
                        struct error *error) {
    const struct plan *plan = &draft->plan;
    struct ledger_plan_chunk *chunks = memory_array(plan->chunk_count, sizeof *chunks);
    struct buffer metadata = {0};
    for (size_t i = 0; i < plan->chunk_count; i++) {
        json_t *range = plan_chunk_to_json(plan, &plan->chunks[i]);
        chunks[i].range = json_dumps(range, JSON_COMPACT);
        chunks[i].expected_rows = plan->chunks[i].expected_rows;
        json_decref(range);
    }
    buffer_append(&metadata, "{\"snapshot\": ");
    snapshot_to_json(&draft->mapping.snapshot, &metadata);
    if (rows_before >= 0)
        buffer_appendf(&metadata, ", \"target_rows_before\": %lld", (long long)rows_before);
    if (plan_window_is_set(&draft->mapping.window.rows)) {
        buffer_append(&metadata, ", \"window\": ");
        window_to_json(&draft->mapping.window, &metadata);
    }
    buffer_append_char(&metadata, '}');
    struct ledger_plan stored = {
        .table_id = draft->table->table_id,
        .chunks = chunks,
        .chunk_count = plan->chunk_count,
        .expected_rows = plan->expected_rows,
        .metadata = buffer_string(&metadata),
    };
    bool done = window_confirm(&draft->mapping, draft->table, &worker->target, error) &&
                ledger_store_plan(&worker->target, worker->run->run_id, &stored, generation, error);
    for (size_t i = 0; i < plan->chunk_count; i++)
        memory_release(&chunks[i].range);
    memory_release(&chunks);
    buffer_release(&metadata);
    return done;
}

/* Drop what disable_index says, where that pays; the first time that the run has the target. */
static bool drop_indexes(struct worker *worker, const struct draft *drafts, size_t count, int64_t rows_before,
                         struct error *error) {
    struct run *run = worker->run;
    const struct run_table *first = drafts[0].table;
    struct indexes_site site = {
        .connection = &worker->target,
        .log = run->log,
        .faults = &run->faults,
        .run_id = run->run_id,
        .schema = first->feed->target_schema,
        .table = first->config->target,
        .scope = run_scope(first, 0),
    };
    bool wanted = false;
    int64_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        wanted = wanted || drafts[i].table->config->disable_index;
        rows += drafts[i].failed ? 0 : drafts[i].plan.expected_rows;
    }
    bool pays = indexes_worth_dropping(rows, rows_before);
    if (wanted && !pays)
        log_write(
            run->log, LOG_INFO, &site.scope,
            "its indexes stay: %lld rows beside the %lld of the target cost less with them than making them again",
            (long long)rows, (long long)rows_before);
    return indexes_drop(&site, wanted && pays, indexes_keep_unique(first->config), error) &&
           fault_point(&run->faults, "after_drop", error);
}

/* Make the target where it is missing. */
static bool make_target(struct worker *worker, const struct draft *drafts, size_t count, bool *made,
                        struct error *error) {
    for (size_t i = 0; i < count && !*made; i++) {
        const struct run_mapping *mapping = &drafts[i].mapping;
        if (drafts[i].failed || mapping->create_sql == NULL)
            continue;
        if (!create_target_table(&worker->target, mapping, error) ||
            !fault_point(&worker->run->faults, "after_create", error))
            return false;
        log_info(worker->run->log, "plan", "made %s.%s", mapping->target.schema, mapping->target.name);
        *made = true;
    }
    return true;
}

/* One synchronous transaction: the target is taken over, made where it is missing and, once in the run's life, truncated; the
 * plans are stored. */
static bool store_group(struct worker *worker, const struct draft *drafts, size_t count, int64_t *generation,
                        int64_t *rows_before, struct error *error) {
    struct run *run = worker->run;
    const struct run_table *first = drafts[0].table;
    const char *schema = first->feed->target_schema;
    const char *name = first->config->target;
    bool truncate = first->config->truncate_onstart;
    enum ledger_writing writing = truncate                           ? WRITING_TRUNCATES
                                  : first->config->mode == MODE_COPY ? WRITING_ADDS
                                                                     : WRITING_MERGES;
    bool already = false;
    bool made = false;
    bool unknown = false;
    *rows_before = -1;
    /* TRUNCATE and the count may wait for the server for long, in silence. */
    worker->target.stall_limit_us = run->first_answer_limit_us;
    if (!presence_evict(run, &worker->target, error) || !fault_point(&run->faults, "before_take_target", error) ||
        !target_begin(&worker->target, true, error) ||
        !ledger_take_target(&worker->target, run->run_id, schema, name, writing, generation, &already, error) ||
        !fault_point(&run->faults, "before_truncate", error) || !make_target(worker, drafts, count, &made, error))
        return false;
    if (made) {
        *rows_before = 0;
    } else if (!already && truncate) {
        if (!target_truncate(&worker->target, schema, name, error))
            return false;
        log_info(run->log, "plan", "truncated %s.%s", schema, name);
        *rows_before = 0;
    } else if (!already && !target_count_rows(&worker->target, schema, name, rows_before, error)) {
        return false;
    }
    if (!already && !drop_indexes(worker, drafts, count, *rows_before, error))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!drafts[i].failed && !drafts[i].known && !store_table(worker, &drafts[i], *generation, *rows_before, error))
            return false;
    return fault_point(&run->faults, "before_plan_commit", error) && target_commit(&worker->target, &unknown, error) &&
           fault_point(&run->faults, "after_plan_commit", error);
}

static bool shares_target(const struct run *run, const struct run_table *table) {
    size_t feeders = 0;
    for (size_t i = 0; i < run->table_count; i++)
        feeders += run->tables[i].group == table->group;
    return feeders > 1;
}

/* Hand the drafts over to the workers. */
static void publish(struct run *run, struct draft *drafts, size_t count, int64_t generation, int64_t rows_before) {
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; i < count; i++) {
        struct run_table *table = drafts[i].table;
        if (drafts[i].failed)
            continue;
        table->mapping = drafts[i].mapping;
        table->mapped = true;
        table->readers = drafts[i].readers;
        table->stream = budget_stream(run->budget.kind, drafts[i].mapping.column_count);
        memset(&drafts[i].mapping, 0, sizeof drafts[i].mapping);
        if (!drafts[i].known) {
            table->generation = generation;
            table->rows_before = rows_before;
            table->chunks_total = (int64_t)drafts[i].plan.chunk_count;
            table->rows_expected = drafts[i].plan.expected_rows;
            table->planned = true;
        }
        table->ready_us = clock_monotonic_us();
        /* Several that feed one target wait for each other where its indexes are away: the ledger knows. */
        table->state =
            table->chunks_completed == table->chunks_total && !shares_target(run, table) ? TABLE_DRAINED : TABLE_READY;
    }
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

/* What the ledger has of this group: an earlier process, or our own attempt whose COMMIT's answer was lost, may have
 * stored the plans already. */
static bool read_ledger(struct worker *worker, struct draft *drafts, size_t count, struct error *error) {
    struct ledger_tables stored = {0};
    if (!ledger_list_tables(&worker->target, worker->run->run_id, &stored, error))
        return false;
    pthread_mutex_lock(&worker->run->mutex);
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < stored.count; s++)
            if (stored.list[s].table_id == drafts[i].table->table_id && stored.list[s].planned) {
                struct run_table *table = drafts[i].table;
                table->planned = drafts[i].known = true;
                drafts[i].metadata = memory_copy_string(stored.list[s].metadata);
                drafts[i].unread = stored.list[s].completed_chunks < stored.list[s].total_chunks;
                table->generation = stored.list[s].target_generation;
                table->rows_before = ledger_rows_before(&stored.list[s]);
                table->chunks_total = stored.list[s].total_chunks;
                table->chunks_completed = stored.list[s].completed_chunks;
                table->rows_expected = stored.list[s].expected_rows;
                table->rows_committed = stored.list[s].total_rows_copied;
            }
    pthread_mutex_unlock(&worker->run->mutex);
    ledger_tables_release(&stored);
    return true;
}

void planning_fail_table(struct worker *worker, struct run_table *table, struct error *error) {
    struct run *run = worker->run;
    struct log_scope scope = run_scope(table, 0);
    struct error recording;
    log_failure(run->log, &scope, error);
    error_clear(&recording);
    if (!load_connect_for_record(worker, table->database, &recording) ||
        !ledger_fail_table(&worker->target, run->run_id, table->table_id, error->message, &recording))
        log_failure(run->log, &scope, &recording);
    pthread_mutex_lock(&run->mutex);
    table->moment_lost = false;
    table->state = TABLE_FAILED;
    table->failure = *error;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

static void fail_draft(struct worker *worker, struct draft *draft, struct error *error) {
    planning_fail_table(worker, draft->table, error);
    draft->failed = true;
}

static size_t collect(struct run *run, size_t group, struct draft *drafts) {
    size_t count = 0;
    pthread_mutex_lock(&run->mutex);
    for (size_t i = group; i < run->table_count; i++)
        if (run->tables[i].group == group && run->tables[i].state == TABLE_PLANNING) {
            drafts[count++].table = &run->tables[i];
            run->tables[i].mapped = false; /* of an earlier plan */
            mapping_release(&run->tables[i].mapping);
        }
    pthread_mutex_unlock(&run->mutex);
    return count;
}

static bool is_lost_moment(const struct error *error) {
    return error->kind == ERROR_LOST && strcmp(error->code, SNAPSHOT_LOST) == 0;
}

static bool is_worth_trying_again(const struct error *error) {
    return error->kind == ERROR_TRANSIENT || error->kind == ERROR_STOPPED;
}

/* The deadline has ended planning, as `stopped` says, at this table: too often, perhaps. */
static void note_break(struct worker *worker, struct draft *draft, int64_t begun_us, const struct error *stopped) {
    struct error failure;
    if (broken_off(worker, draft->table, BROKEN_PLANNING, begun_us, stopped, &failure))
        fail_draft(worker, draft, &failure);
}

/* The target that this table would make is the one that those before it make. */
static bool agree_on_target(const struct draft *drafts, size_t index, struct error *error) {
    for (size_t i = 0; i < index; i++)
        if (!drafts[i].failed)
            return create_compare(&drafts[i].mapping, drafts[i].table, &drafts[index].mapping, error);
    return true;
}

/* A key that an earlier run's load left dropped is needed before the first row is held against it. */
static bool put_back_keys(struct worker *worker, const struct draft *drafts, size_t count, struct error *error) {
    const struct run_table *first = drafts[0].table;
    struct indexes_site site = {
        .connection = &worker->target,
        .log = worker->run->log,
        .faults = &worker->run->faults,
        .schema = first->feed->target_schema,
        .table = first->config->target,
        .only_unique = true,
        .scope = run_scope(first, 0),
    };
    for (size_t i = 0; i < count; i++)
        if (drafts[i].known) /* the run has the target, and has seen to it */
            return true;
    /* What is truncated first had better not be built from the rows of before, unless the rows are merged by it. */
    bool needed =
        first->config->mode != MODE_COPY || (indexes_keep_unique(first->config) && !first->config->truncate_onstart);
    return !needed || indexes_put_back(&site, error);
}

static bool plan_drafts(struct worker *worker, struct draft *drafts, size_t count, bool *elsewhere,
                        struct error *error) {
    struct run_database *database = drafts[0].table->database;
    int64_t generation = 0;
    int64_t rows_before = -1;
    size_t alive = 0;
    size_t fresh = 0;
    bool claimed = false;
    int breaks = 0;
    int64_t begun_us = clock_monotonic_us();
    if (!load_connect_target(worker, database, error) ||
        !ledger_claim_planning(&worker->target, worker->run->run_id, drafts[0].table->table_id,
                               atomic_load(&database->owner_id), &claimed, &breaks, error))
        return false;
    *elsewhere = !claimed;
    if (!claimed)
        return true;
    if (broken_too_often(worker->run, BROKEN_PLANNING, breaks, NULL, error))
        return false;
    if (!load_connect_source(worker, error) || !read_ledger(worker, drafts, count, error) ||
        !put_back_keys(worker, drafts, count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (draft_table(worker, &drafts[i], error) && agree_on_target(drafts, i, error)) {
            alive++;
            fresh += drafts[i].known ? 0 : 1;
            continue;
        }
        if (is_worth_trying_again(error) || is_lost_moment(error)) {
            drafts[i].table->moment_lost = is_lost_moment(error);
            note_break(worker, &drafts[i], begun_us, error);
            return false;
        }
        fail_draft(worker, &drafts[i], error);
        if (!load_connect_target(worker, database, error))
            return false;
    }
    if (fresh > 0) {
        bool stored = store_group(worker, drafts, count, &generation, &rows_before, error);
        if (!stored) {
            target_rollback(&worker->target);
            note_break(worker, &drafts[0], begun_us, error);
            return false;
        }
    }
    if (alive > 0)
        publish(worker->run, drafts, count, generation, rows_before);
    return true;
}

static bool plan_once(struct worker *worker, size_t group, bool *elsewhere, struct error *error) {
    struct run *run = worker->run;
    struct draft *drafts = memory_array(run->table_count, sizeof *drafts);
    size_t count = collect(run, group, drafts);
    *elsewhere = false;
    bool done = count == 0 || plan_drafts(worker, drafts, count, elsewhere, error);
    if (!done && !is_worth_trying_again(error) && !is_lost_moment(error)) {
        for (size_t i = 0; i < count; i++)
            if (!drafts[i].failed)
                fail_draft(worker, &drafts[i], error);
        done = true;
    }
    for (size_t i = 0; i < count; i++) {
        mapping_release(&drafts[i].mapping);
        plan_release(&drafts[i].plan);
        memory_release(&drafts[i].metadata);
    }
    memory_release(&drafts);
    return done;
}

bool planning_group(struct worker *worker, size_t group, bool *elsewhere, struct error *error) {
    do {
        if (!replan_reset(worker, group, error))
            return false;
        if (plan_once(worker, group, elsewhere, error))
            return true;
    } while (is_lost_moment(error)); /* an end is set to that by the ledger's count */
    return false;
}
