#include "run/indexes.h"

#include <string.h>

#include "base/clock.h"
#include "ledger/indexes.h"
#include "run/deadline.h"
#include "run/load.h"
#include "run/scheduler.h"

/* Each of them sorts the whole table, in maintenance_work_mem and on the target's disks. */
enum { BUILDS_AT_ONCE = 4 };

bool indexes_keep_unique(const struct config_table *table) {
    return table->mode != MODE_COPY || table->settings.on_bad_row == BAD_ROW_REJECT;
}

bool indexes_worth_dropping(int64_t rows, int64_t rows_before) {
    return rows > 0 && rows >= rows_before / 10;
}

/* ---- dropping ------------------------------------------------------------------------------------------------------ */

static bool drop_each(const struct indexes_site *site, const struct target_indexes *indexes, struct buffer *dropped,
                      struct error *error) {
    for (size_t i = 0; i < indexes->count; i++) {
        const struct target_index *index = &indexes->list[i];
        if (index->stays != NULL) {
            log_write(site->log, LOG_INFO, &site->scope, "the %s \"%s\" stays while the table is loaded: %s",
                      index->kind, index->name, index->stays);
            continue;
        }
        if (dropped->length == 0 && !target_indexes_check(site->connection, site->schema, site->table, error))
            return false;
        if (!ledger_save_index(site->connection, site->run_id, site->schema, site->table, index, error) ||
            !target_execute(site->connection, index->drop, error))
            return error_context(error, "dropping the %s \"%s\" for the load", index->kind, index->name);
        buffer_appendf(dropped, "%s\"%s\"", dropped->length > 0 ? ", " : "", index->name);
    }
    return true;
}

bool indexes_drop(const struct indexes_site *site, bool drop, bool merging, struct error *error) {
    struct target_indexes indexes = {0};
    struct buffer dropped = {0};
    int64_t missing = 0;
    bool done = !drop || (target_indexes_read(site->connection, site->schema, site->table, merging, &indexes, error) &&
                          drop_each(site, &indexes, &dropped, error));
    if (done && dropped.length > 0)
        log_write(site->log, LOG_INFO, &site->scope, "dropped until \"%s\".\"%s\" is loaded: %s", site->schema,
                  site->table, buffer_string(&dropped));
    target_indexes_release(&indexes);
    buffer_release(&dropped);
    return done && ledger_note_indexes(site->connection, site->run_id, site->schema, site->table, &missing, error);
}

/* ---- making one again ---------------------------------------------------------------------------------------------- */

/* A client that is gone is noticed while the server builds, where the server's system can (it refuses the setting elsewhere). */
static const char *const watch_client = "SELECT set_config('client_connection_check_interval', '10s', true)"
                                        " WHERE version() ~* 'linux|freebsd'";

static bool make(const struct indexes_site *site, const struct ledger_index *index, bool attach, struct error *error) {
    bool built = false, attached = false;
    if (!target_index_find(site->connection, site->schema, site->table, index->name, index->index_definition,
                           index->constraint_definition, &built, &attached, error))
        return false;
    if (!built && !target_execute(site->connection, index->build, error))
        return error_context(error, "%s", index->index_definition);
    if (attach && !attached && !target_execute(site->connection, index->attach, error))
        return error_context(error, "%s", index->attach);
    bool restored = attach || index->attach[0] == '\0';
    return ledger_index_built(site->connection, index->index_id, restored, error) &&
           fault_point(site->faults, attach ? "before_attach_commit" : "before_build_commit", error);
}

/* What another attempt at once may mend is the caller's; the rest is the index's own, and is written down for whoever puts
 * it back. */
static bool record_failure(const struct indexes_site *site, const struct ledger_index *index,
                           const struct error *failure, struct error *error) {
    bool lasting = failure->kind == ERROR_DATA || failure->kind == ERROR_CONFIG || strncmp(failure->code, "53", 2) == 0;
    if (!lasting || !target_usable(site->connection) ||
        !ledger_index_failed(site->connection, index->index_id, failure, error)) {
        *error = *failure;
        return error_context(error, "restoring the %s \"%s\"", index->kind, index->name);
    }
    return true;
}

static void tell_made(const struct indexes_site *site, const struct ledger_index *index, bool attach,
                      int64_t begun_us) {
    char duration[32];
    clock_format_duration(clock_monotonic_us() - begun_us, duration, sizeof duration);
    const char *what = attach                     ? "is back"
                       : index->attach[0] == '\0' ? "is back"
                                                  : "is built, and comes in force at the end";
    if (site->builds == NULL || attach)
        log_write(site->log, LOG_INFO, &site->scope, "the %s \"%s\" %s, after %s", index->kind, index->name, what,
                  duration);
    else
        log_write(site->log, LOG_INFO, &site->scope, "the %s \"%s\" %s, after %s: %d of %d", index->kind, index->name,
                  what, duration, atomic_fetch_add(&site->builds->done, 1) + 1, atomic_load(&site->builds->total));
}

/* Make one index that nobody is at. *found false: there was none. */
static bool make_next(const struct indexes_site *site, bool attach, bool *found, struct error *error) {
    struct ledger_index index = {0};
    int64_t begun_us = clock_monotonic_us();
    bool unknown = false;
    *found = false;
    site->connection->stall_limit_us = 0; /* a large one is built for hours, in silence */
    bool done = target_begin(site->connection, true, error) &&
                target_query(site->connection, watch_client, 0, NULL, NULL, error) &&
                ledger_hold_target(site->connection, site->run_id, site->schema, site->table, error) &&
                ledger_claim_index(site->connection, site->schema, site->table, attach, site->only_unique, &index,
                                   found, error) &&
                (!*found || make(site, &index, attach, error)) && target_commit(site->connection, &unknown, error);
    if (done && *found)
        tell_made(site, &index, attach, begun_us);
    if (!done) {
        struct error failure = *error;
        target_rollback(site->connection);
        done = *found && record_failure(site, &index, &failure, error);
    }
    ledger_index_release(&index);
    return done && (!*found || fault_point(site->faults, attach ? "after_attach" : "after_build", error));
}

/* ---- all of a target ----------------------------------------------------------------------------------------------- */

/* What is missing still: an error, of the first that failed. */
static bool judge(const struct indexes_site *site, const struct ledger_indexes *missing, struct error *error) {
    const struct ledger_index *failed = NULL;
    size_t count = 0, failures = 0;
    for (size_t i = 0; i < missing->count; i++) {
        const struct ledger_index *index = &missing->list[i];
        if (site->only_unique && !index->unique)
            continue;
        count++;
        failed = failed == NULL && index->error_message != NULL ? index : failed;
        failures += index->error_message != NULL;
    }
    if (count == 0)
        return true;
    if (failed == NULL)
        return error_set(error, ERROR_TRANSIENT, "%zu indexes of \"%s\".\"%s\" are still to be restored", count,
                         site->schema, site->table);
    error_set_code(error, target_error_kind(failed->error_code), failed->error_code,
                   "%zu of the indexes that were dropped for a load could not be made again; the %s \"%s\": %s",
                   failures, failed->kind, failed->name, failed->error_message);
    return error_hint(error,
                      "remove what stands in the way, then run the same command again, or thaw clean: both put the "
                      "indexes back, and load nothing twice; their statements are in "
                      "migration_status.migration_indexes");
}

static bool finish_restoring(const struct indexes_site *site, struct error *error) {
    struct ledger_indexes missing = {0};
    for (bool found = true; found;)
        if (!make_next(site, true, &found, error))
            return false;
    if (!ledger_list_indexes(site->connection, site->schema, site->table, &missing, error))
        return false;
    bool done = judge(site, &missing, error);
    ledger_indexes_release(&missing);
    return done && ledger_indexes_restored(site->connection, site->schema, site->table, error);
}

bool indexes_put_back(const struct indexes_site *site, struct error *error) {
    struct ledger_indexes missing = {0};
    size_t count = 0;
    if (!ledger_list_indexes(site->connection, site->schema, site->table, &missing, error))
        return false;
    for (size_t i = 0; i < missing.count; i++)
        count += missing.list[i].table_exists && (missing.list[i].unique || !site->only_unique);
    ledger_indexes_release(&missing);
    if (count == 0)
        return true;
    if (!ledger_retry_indexes(site->connection, site->schema, site->table, error))
        return false;
    for (bool found = true; found;)
        if (!make_next(site, false, &found, error))
            return false;
    return finish_restoring(site, error);
}

static struct indexes_site site_of(struct worker *worker, struct run_table *table) {
    struct run *run = worker->run;
    return (struct indexes_site){
        .connection = &worker->target,
        .log = run->log,
        .faults = &run->faults,
        .run_id = run->run_id,
        .schema = table->feed->target_schema,
        .table = table->config->target,
        .builds = &table->builds,
        .scope = run_scope(table, 0),
    };
}

/* Are some of them neither built nor given up? Then others are at them. */
static bool others_build(const struct indexes_site *site, bool *others, struct error *error) {
    struct ledger_indexes missing = {0};
    if (!ledger_list_indexes(site->connection, site->schema, site->table, &missing, error))
        return false;
    *others = false;
    for (size_t i = 0; i < missing.count; i++)
        *others = *others || (!missing.list[i].built && missing.list[i].error_message == NULL);
    ledger_indexes_release(&missing);
    return true;
}

static bool build_all(struct run *run, const struct indexes_site *site, struct error *error) {
    for (bool more = true; more;) {
        bool found = false;
        if (run_is_ending(run))
            return error_set(error, ERROR_STOPPED, "stopping, with indexes still to be restored");
        if (!make_next(site, false, &found, error) || (!found && !others_build(site, &more, error)))
            return false;
        if (!found && more)
            scheduler_wait(run);
    }
    return true;
}

static void offer_builds(struct run *run, struct run_table *table, bool offered) {
    pthread_mutex_lock(&run->mutex);
    table->builds_offered = offered;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
}

bool indexes_restore(struct worker *worker, struct run_table *table, struct error *error) {
    struct run *run = worker->run;
    struct ledger_indexes missing = {0};
    if (!load_connect_target(worker, table->database, error))
        return false;
    struct indexes_site site = site_of(worker, table);
    if (!ledger_list_indexes(site.connection, site.schema, site.table, &missing, error))
        return false;
    size_t count = missing.count;
    ledger_indexes_release(&missing);
    if (count == 0)
        return true;
    log_write(run->log, LOG_INFO, &site.scope, "loaded; restoring %zu indexes of \"%s\".\"%s\"", count, site.schema,
              site.table);
    if (!fault_point(&run->faults, "before_build", error) ||
        !ledger_retry_indexes(site.connection, site.schema, site.table, error))
        return false;
    atomic_store(&table->builds.total, (int)count);
    atomic_store(&table->builds.done, 0);
    offer_builds(run, table, true);
    bool done = build_all(run, &site, error);
    offer_builds(run, table, false);
    return done && finish_restoring(&site, error);
}

static struct run_table *take_offer(struct run *run) {
    struct run_table *offered = NULL;
    pthread_mutex_lock(&run->mutex);
    for (size_t i = 0; offered == NULL && i < run->table_count; i++)
        if (run->tables[i].builds_offered && run->tables[i].helpers + 1 < BUILDS_AT_ONCE &&
            !cancel_requested(&run->tables[i].database->cancel)) {
            offered = &run->tables[i];
            offered->helpers++;
        }
    pthread_mutex_unlock(&run->mutex);
    return offered;
}

bool indexes_help(struct worker *worker) {
    struct run *run = worker->run;
    struct run_table *table = take_offer(run);
    struct error error;
    bool found = false;
    if (table == NULL)
        return false;
    error_clear(&error);
    worker->cancel.parent = &table->database->cancel;
    bool done = load_connect_target(worker, table->database, &error);
    struct indexes_site site = site_of(worker, table);
    if (!done || !make_next(&site, false, &found, &error)) {
        /* The worker that restores meets the same, and judges it. */
        log_write(run->log, LOG_DEBUG, &site.scope, "helping with the indexes: %s", error.message);
        load_disconnect(worker);
        found = false;
    }
    pthread_mutex_lock(&run->mutex);
    table->helpers--;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->mutex);
    return found;
}

void indexes_tell_missing(struct run *run, struct run_database *database) {
    for (size_t i = 0; i < run->table_count; i++) {
        struct run_table *table = &run->tables[i];
        struct log_scope scope = run_scope(table, 0);
        struct ledger_indexes missing = {0};
        struct error error;
        if (table->database != database || table->group != i)
            continue;
        if (!ledger_list_indexes(&database->control, table->feed->target_schema, table->config->target, &missing,
                                 &error))
            return;
        if (missing.count > 0)
            log_write(run->log, LOG_WARNING, &scope,
                      "%zu indexes of \"%s\".\"%s\" are still away; the same command or thaw clean puts them back",
                      missing.count, table->feed->target_schema, table->config->target);
        ledger_indexes_release(&missing);
    }
}
