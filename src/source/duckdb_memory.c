/* How much memory DuckDB's cache may have: one limit for the process, moved as little as the work allows.
 * https://duckdb.org/docs/stable/configuration/pragmas#memory-limit
 *
 * Measured with libduckdb 1.5.6 and files of its own (docs/sources.md has the numbers): a scan pins a block of 256 KiB for
 * nearly every column at once, and beside the cache each open stream holds some 80 KiB a column in vectors and batches. A limit
 * just above what is pinned works but thrashes. Ranking 10 M keys takes 32 MB for integers and 64 MB for text of 32 bytes,
 * with the rest in the spill folder.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "source/internal.h"

enum {
    READING_MB = DUCKDB_LEAST_MB, /* for a few dozen columns */
    PLANNING_MB = 64,
    INIT_MB = 256,       /* while init_sql runs */
    LARGEST_MB = 2048,   /* beyond it an error is the better answer */
    RESERVED_MB = 80,    /* for all streams that are open at once */
    PLANNING_THREADS = 4 /* at most: while a table is planned, its other workers have nothing to do yet */
};

void duckdb_memory_init(struct duckdb_memory *memory, bool managed) {
    pthread_mutex_init(&memory->mutex, NULL);
    memory->managed = managed;
    memory->reading_mb = memory->current_mb = READING_MB;
    memory->planning_mb = PLANNING_MB;
}

void duckdb_memory_release(struct duckdb_memory *memory) {
    pthread_mutex_destroy(&memory->mutex);
}

void source_limit_memory(struct source *source, int64_t reading_mb, int64_t alone_mb) {
    struct duckdb_memory *memory = &source->memory;
    pthread_mutex_lock(&memory->mutex);
    memory->most_mb = reading_mb;
    memory->alone_mb = alone_mb;
    memory->planning_mb = alone_mb < PLANNING_MB ? alone_mb : PLANNING_MB;
    pthread_mutex_unlock(&memory->mutex);
}

static int64_t most(int64_t bound, int64_t otherwise) {
    return bound > 0 ? bound : otherwise;
}

/* What bounds the cache at this moment; 0: nobody has said. Under the mutex. */
static int64_t bound_now(const struct duckdb_memory *memory) {
    return memory->planning_count > 0 ? memory->alone_mb : memory->most_mb;
}

/* Under the mutex. */
static bool set_limit(struct source_connection *connection, int64_t megabytes, struct error *error) {
    struct duckdb_memory *memory = &connection->source->memory;
    struct buffer sql = {0};
    if (megabytes == memory->current_mb)
        return true;
    buffer_appendf(&sql, "SET memory_limit = '%" PRId64 "MB'", megabytes);
    bool ok = source_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    if (ok)
        memory->current_mb = megabytes;
    return ok;
}

/* DuckDB's own threads. Streams are read by the threads of the workers, so for them one is enough. Under the mutex. */
static bool set_threads(struct source_connection *connection, long threads, struct error *error) {
    struct buffer sql = {0};
    buffer_appendf(&sql, "SET threads = %ld", threads);
    bool ok = source_execute(connection, buffer_string(&sql), error);
    buffer_release(&sql);
    return ok;
}

static long planning_threads(void) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors < PLANNING_THREADS ? processors : PLANNING_THREADS;
}

static int64_t wanted_limit(const struct duckdb_memory *memory) {
    return memory->planning_count > 0 && memory->planning_mb > memory->reading_mb ? memory->planning_mb
                                                                                  : memory->reading_mb;
}

bool source_reserve(struct source_connection *connection, size_t column_count, int wanted, int *granted,
                    struct error *error) {
    struct source *source = connection->source;
    *granted = wanted;
    if (!source->memory.managed)
        return true;
    int64_t stream_kb = DUCKDB_STREAM_KB + (int64_t)column_count * DUCKDB_COLUMN_KB;
    bool ok = true;
    pthread_mutex_lock(&source->memory.mutex);
    int64_t fit = (most(source->memory.most_mb, RESERVED_MB + DUCKDB_SLACK_MB) - DUCKDB_SLACK_MB) * 1024 / stream_kb;
    if (fit < *granted)
        *granted = fit > 1 ? (int)fit : 1;
    int64_t needed = (*granted * stream_kb + 1023) / 1024 + DUCKDB_SLACK_MB;
    if (needed > source->memory.reading_mb) {
        source->memory.reading_mb = needed;
        ok = set_limit(connection, wanted_limit(&source->memory), error);
    }
    pthread_mutex_unlock(&source->memory.mutex);
    return ok;
}

bool source_planning_begin(struct source_connection *connection, struct error *error) {
    struct source *source = connection->source;
    if (!source->memory.managed || connection->planning)
        return true;
    pthread_mutex_lock(&source->memory.mutex);
    source->memory.planning_count++;
    bool ok = set_limit(connection, wanted_limit(&source->memory), error) &&
              (source->memory.planning_count > 1 || set_threads(connection, planning_threads(), error));
    if (!ok)
        source->memory.planning_count--;
    connection->planning = ok;
    pthread_mutex_unlock(&source->memory.mutex);
    return ok;
}

bool source_planning_end(struct source_connection *connection, struct error *error) {
    struct source *source = connection->source;
    if (!connection->planning)
        return true;
    pthread_mutex_lock(&source->memory.mutex);
    connection->planning = false;
    source->memory.planning_count--;
    bool ok = (source->memory.planning_count > 0 || set_threads(connection, 1, error)) &&
              set_limit(connection, wanted_limit(&source->memory), error);
    pthread_mutex_unlock(&source->memory.mutex);
    /* Others may be reading with the memory that we would give back: then it stays, and the next end tries again. */
    return ok || error->kind == ERROR_TRANSIENT;
}

bool duckdb_make_room(struct source_connection *connection, struct error *error) {
    struct duckdb_memory *memory = &connection->source->memory;
    if (!memory->managed)
        return true;
    pthread_mutex_lock(&memory->mutex);
    int64_t room = connection->source->in_memory ? most(memory->alone_mb, INIT_MB) : most(memory->most_mb, INIT_MB);
    bool ok = set_limit(connection, room < INIT_MB ? room : INIT_MB, error);
    pthread_mutex_unlock(&memory->mutex);
    return ok;
}

bool duckdb_end_room(struct source_connection *connection, struct error *error) {
    struct duckdb_memory *memory = &connection->source->memory;
    if (!memory->managed)
        return true;
    pthread_mutex_lock(&memory->mutex);
    bool ok = set_limit(connection, wanted_limit(memory), error);
    pthread_mutex_unlock(&memory->mutex);
    return ok || error->kind == ERROR_TRANSIENT; /* in use by then: the next change of the limit tries again */
}

int64_t duckdb_memory_limit(struct source *source) {
    pthread_mutex_lock(&source->memory.mutex);
    int64_t limit = source->memory.current_mb;
    pthread_mutex_unlock(&source->memory.mutex);
    return limit;
}

bool duckdb_is_out_of_memory(const struct error *error) {
    return error->kind == ERROR_TRANSIENT && strstr(error->message, "Out of Memory Error") != NULL;
}

void duckdb_tell_bound(const struct source_connection *connection, struct error *error) {
    struct duckdb_memory *memory = &connection->source->memory;
    struct error said = *error;
    pthread_mutex_lock(&memory->mutex);
    int64_t bound = bound_now(memory);
    pthread_mutex_unlock(&memory->mutex);
    if (bound == 0 || !duckdb_is_out_of_memory(error))
        return;
    error_set_code(error, said.kind, SOURCE_OUT_OF_MEMORY, "%s", said.message);
    error_hint(error, "set memory_limit_mb higher: DuckDB may have %" PRId64 " MB of it, and needs more here", bound);
}

bool duckdb_widen_memory(struct source_connection *connection, int64_t seen_mb) {
    struct source *source = connection->source;
    struct duckdb_memory *memory = &source->memory;
    struct error ignored;
    bool widened = false;
    if (!memory->managed)
        return false;
    pthread_mutex_lock(&source->memory.mutex);
    int64_t before = memory->current_mb, next = before * 2;
    int64_t bound = bound_now(memory);
    if (bound > 0 && next > bound)
        next = bound;
    if (before > seen_mb) {
        widened = true; /* another connection has done it meanwhile */
    } else if (next > before && next <= most(bound, LARGEST_MB) && set_limit(connection, next, &ignored)) {
        widened = true;
        if (memory->planning_count > 0)
            memory->planning_mb = next;
        else
            memory->reading_mb = next;
        if (source->log != NULL)
            log_warning(source->log, "source",
                        "DuckDB ran out of its %" PRId64 " MB of memory: going on with %" PRId64 " MB", before, next);
    }
    pthread_mutex_unlock(&source->memory.mutex);
    return widened;
}
