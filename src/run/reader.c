#include "run/reader.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

enum { WAIT_MS = 100 };

static void note_progress(struct reader *reader) {
    atomic_store(&reader->last_progress_us, clock_monotonic_us());
}

static bool is_cancelled(const struct reader *reader) {
    return cancel_requested(&reader->own_cancel) || cancel_requested(reader->cancel);
}

/* Wait for a change, WAIT_MS at most: a cancel sends no signal here. Called with the mutex held. */
static void wait_briefly(struct reader *reader) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&reader->changed, &reader->mutex, &until);
}

/* The memory of a segment that a large row has widened goes back. */
static void shrink(struct encode_segment *segment) {
    if (segment->capacity > 2 * READER_SEGMENT_BYTES)
        encode_segment_release(segment);
}

static void release_segments(struct reader *reader) {
    for (size_t i = 0; i < READER_SEGMENTS; i++)
        encode_segment_release(&reader->segments[i]);
}

static bool has_room(const struct reader *reader) {
    unsigned kept = reader->filled - reader->given;
    return kept == 0 || (kept < READER_SEGMENTS && reader->held + READER_SEGMENT_BYTES <= READER_BYTES);
}

/* Wait until a segment is free. */
static bool wait_for_room(struct reader *reader, struct error *error) {
    pthread_mutex_lock(&reader->mutex);
    while (!has_room(reader) && !is_cancelled(reader))
        wait_briefly(reader);
    bool cancelled = is_cancelled(reader);
    pthread_mutex_unlock(&reader->mutex);
    if (cancelled)
        return error_set(error, ERROR_STOPPED, "reading was stopped");
    note_progress(reader);
    return true;
}

static void publish(struct reader *reader) {
    pthread_mutex_lock(&reader->mutex);
    reader->held += reader->segments[reader->filled % READER_SEGMENTS].length;
    reader->filled++;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

static void finish_segment(struct reader *reader, bool *open) {
    encode_segment_end(&reader->segments[reader->filled % READER_SEGMENTS]);
    *open = false;
    publish(reader);
}

/* Leave the row out on which encoding stopped. The segment ends before it, so that rows within one follow each other. True
 * where many wait to be taken: then the segment goes out even if it is empty. */
static bool refuse_row(struct reader *reader, const struct error *error) {
    struct encode_refusal refusal;
    encoder_pass_row(reader->encoder, error, &refusal);
    pthread_mutex_lock(&reader->mutex);
    reader->refusals = memory_resize(reader->refusals, reader->refusal_count + 1, sizeof *reader->refusals);
    reader->refusals[reader->refusal_count++] = refusal;
    bool many = reader->refusal_count % READER_REFUSALS == 0;
    pthread_mutex_unlock(&reader->mutex);
    return many;
}

/* A segment under construction: `open` says that reader->segments[filled % n] has been begun. */
static bool encode_batch(struct reader *reader, const struct ArrowArray *batch, bool *open, struct error *error) {
    if (!encoder_set_batch(reader->encoder, batch, error))
        return false;
    while (encoder_rows_left(reader->encoder) > 0) {
        if (!*open) {
            if (!wait_for_room(reader, error))
                return false;
            shrink(&reader->segments[reader->filled % READER_SEGMENTS]);
            encode_segment_begin(reader->encoder, &reader->segments[reader->filled % READER_SEGMENTS]);
            *open = true;
        }
        struct encode_segment *segment = &reader->segments[reader->filled % READER_SEGMENTS];
        bool encoded = encode_rows(reader->encoder, segment, READER_SEGMENT_BYTES, error);
        if (!encoded && (error->kind != ERROR_DATA || !reader->request->refuse_rows))
            return false;
        bool many = !encoded && refuse_row(reader, error);
        note_progress(reader);
        if (segment->length >= READER_SEGMENT_BYTES || many || (!encoded && segment->rows > 0))
            finish_segment(reader, open);
    }
    return true;
}

static bool open_encoder(struct reader *reader, const struct source_stream *stream, struct error *error) {
    const struct reader_request *request = reader->request;
    int64_t columns = (int64_t)request->target_count + (request->has_inexact ? 1 : 0);
    struct encode_options options = {
        .key_columns = request->key_columns,
        .key_count = request->key_count,
        .inexact_column = request->has_inexact ? (int64_t)request->target_count : -1,
        .format = request->format,
        .remove_nul_bytes = request->remove_nul_bytes,
        .allow_rounding = request->allow_rounding,
    };
    if (stream->schema.n_children != columns)
        return error_set(error, ERROR_INTERNAL, "the source answers with %lld columns where %lld were asked for",
                         (long long)stream->schema.n_children, (long long)columns);
    return encoder_open(&reader->encoder, &stream->schema, request->targets, request->target_count, &options, error);
}

static bool read_batches(struct reader *reader, struct source_stream *stream, struct error *error) {
    bool open = false;
    for (;;) {
        struct ArrowArray batch;
        bool end = false;
        if (is_cancelled(reader))
            return error_set(error, ERROR_STOPPED, "reading was stopped");
        if (!source_stream_next(stream, &batch, &end, error))
            return false;
        atomic_store(&reader->first_batch_seen, true);
        note_progress(reader);
        if (end)
            break;
        bool encoded = encode_batch(reader, &batch, &open, error);
        batch.release(&batch);
        if (!encoded)
            return false;
    }
    if (open)
        finish_segment(reader, &open);
    return true;
}

static bool read_chunk(struct reader *reader, struct error *error) {
    struct source_stream stream;
    note_progress(reader);
    if (!source_stream_open(reader->connection, reader->request->sql, &stream, error))
        return false;
    note_progress(reader);
    bool done = open_encoder(reader, &stream, error) && read_batches(reader, &stream, error);
    reader->rows_read = stream.rows_read;
    reader->total_rows = stream.total_rows;
    if (reader->encoder != NULL) {
        reader->rows_encoded = encoder_rows_done(reader->encoder) - encoder_rows_refused(reader->encoder);
        reader->changes = encoder_changes(reader->encoder);
    }
    source_stream_close(&stream);
    return done;
}

/* What is read ahead has time: the senders, and servers on the same machine, are not to be interrupted for it. A hint to the
 * scheduler, so it may be refused. sched(7): SCHED_BATCH. */
static void yield_to_senders(void) {
    const struct sched_param none = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
}

static void *read_chunks(void *argument) {
    struct reader *reader = argument;
    yield_to_senders();
    pthread_mutex_lock(&reader->mutex);
    while (!reader->quit) {
        if (reader->state != READER_READING) {
            pthread_cond_wait(&reader->changed, &reader->mutex);
            continue;
        }
        pthread_mutex_unlock(&reader->mutex);
        struct error error;
        error_clear(&error);
        bool done = read_chunk(reader, &error);
        pthread_mutex_lock(&reader->mutex);
        reader->error = error;
        reader->state = done ? READER_ENDED : READER_FAILED;
        pthread_cond_broadcast(&reader->changed);
    }
    pthread_mutex_unlock(&reader->mutex);
    return NULL;
}

bool reader_start(struct reader *reader, const struct cancel *cancel, struct error *error) {
    memset(reader, 0, sizeof *reader);
    pthread_mutex_init(&reader->mutex, NULL);
    pthread_cond_init(&reader->changed, NULL);
    reader->cancel = cancel;
    int failure = pthread_create(&reader->thread, NULL, read_chunks, reader);
    if (failure != 0)
        return error_set(error, ERROR_INTERNAL, "a reader thread could not be started: %s", strerror(failure));
    return true;
}

void reader_stop(struct reader *reader) {
    pthread_mutex_lock(&reader->mutex);
    reader->quit = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    pthread_join(reader->thread, NULL);
    release_segments(reader);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->mutex);
}

void reader_begin(struct reader *reader, struct source_connection *connection, const struct reader_request *request) {
    pthread_mutex_lock(&reader->mutex);
    reader->connection = connection;
    reader->request = request;
    reader->filled = reader->taken = reader->given = 0;
    reader->held = 0;
    reader->rows_read = reader->rows_encoded = 0;
    reader->changes = (struct encode_changes){0};
    reader->total_rows = -1;
    cancel_reset(&reader->own_cancel);
    error_clear(&reader->error);
    atomic_store(&reader->first_batch_seen, false);
    note_progress(reader);
    reader->state = READER_READING;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

bool reader_next(struct reader *reader, const struct encode_segment **segment, struct error *error) {
    bool done = true;
    *segment = NULL;
    pthread_mutex_lock(&reader->mutex);
    while (reader->filled == reader->taken && reader->state == READER_READING && !is_cancelled(reader))
        wait_briefly(reader);
    if (is_cancelled(reader)) {
        done = error_set(error, ERROR_STOPPED, "the chunk was stopped");
    } else if (reader->filled != reader->taken) {
        *segment = &reader->segments[reader->taken++ % READER_SEGMENTS];
    } else if (reader->state == READER_FAILED) {
        *error = reader->error;
        done = false;
    }
    pthread_mutex_unlock(&reader->mutex);
    return done;
}

struct encode_refusal *reader_take_refusals(struct reader *reader, size_t *count) {
    pthread_mutex_lock(&reader->mutex);
    struct encode_refusal *refusals = reader->refusals;
    *count = reader->refusal_count;
    reader->refusals = NULL;
    reader->refusal_count = 0;
    pthread_mutex_unlock(&reader->mutex);
    return refusals;
}

static bool is_ready(const struct reader *reader) {
    return reader->filled != reader->taken || reader->state != READER_READING;
}

bool reader_is_ready(struct reader *reader) {
    int64_t until = clock_monotonic_us() + WAIT_MS * 1000;
    pthread_mutex_lock(&reader->mutex);
    while (!is_ready(reader) && !is_cancelled(reader) && clock_monotonic_us() < until)
        wait_briefly(reader);
    bool ready = is_ready(reader);
    pthread_mutex_unlock(&reader->mutex);
    return ready;
}

const struct encode_segment *reader_kept(const struct reader *reader, unsigned index) {
    return index < reader->taken - reader->given ? &reader->segments[(reader->given + index) % READER_SEGMENTS] : NULL;
}

int64_t reader_give_back(struct reader *reader, unsigned keep) {
    int64_t rows = 0;
    pthread_mutex_lock(&reader->mutex);
    for (; reader->taken - reader->given > keep; reader->given++) {
        const struct encode_segment *segment = &reader->segments[reader->given % READER_SEGMENTS];
        reader->held -= segment->length;
        rows += segment->rows;
    }
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    return rows;
}

void reader_end(struct reader *reader) {
    pthread_mutex_lock(&reader->mutex);
    if (reader->state == READER_READING) {
        cancel_request(&reader->own_cancel);
        pthread_cond_broadcast(&reader->changed);
    }
    while (reader->state == READER_READING) {
        struct source_connection *connection = reader->connection;
        pthread_mutex_unlock(&reader->mutex);
        source_cancel(connection);
        pthread_mutex_lock(&reader->mutex);
        if (reader->state == READER_READING)
            wait_briefly(reader);
    }
    reader->state = READER_IDLE;
    for (size_t i = 0; i < reader->refusal_count; i++)
        encode_refusal_release(&reader->refusals[i]);
    memory_release(&reader->refusals);
    reader->refusal_count = 0;
    pthread_mutex_unlock(&reader->mutex);
    encoder_close(&reader->encoder);
    if (reader->lean)
        release_segments(reader);
}
