/* The reading half of a worker: a thread that reads a chunk's rows and encodes them into segments while the worker's own
 * thread sends the segments before them. Between the two a ring of segments, which bounds memory and lets the slower side
 * set the pace; the sender keeps those that PostgreSQL hasn't acknowledged yet.
 */
#ifndef THAW_RUN_READER_H
#define THAW_RUN_READER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "encode/encode.h"
#include "source/source.h"

enum {
    /* Measured, see docs/decisions.md. */
    READER_SEGMENT_BYTES = 1024 * 1024 - 4096,
    /* A COPY command whose segments are kept until it ends has some of them: shorter ones pay for more round trips,
     * longer ones cost memory. */
    READER_COPY_BYTES = 6 * 1024 * 1024,
    READER_SEGMENTS = 8,
    /* In all of them, where single rows are large: what is kept and what is read ahead. */
    READER_BYTES = READER_SEGMENTS * 1024 * 1024,
    READER_REFUSALS = 64 /* so many wait to be taken, no more */
};

/* What to read. Borrowed until reader_end(). */
struct reader_request {
    const char *sql;
    const struct encode_target *targets;
    size_t target_count;
    const size_t *key_columns; /* indexes into targets: name a row in messages */
    size_t key_count;
    bool has_inexact; /* a last column says which value lost digits */
    enum encode_format format;
    bool remove_nul_bytes, allow_rounding;
    bool refuse_rows; /* leave out what can't be encoded, and say so */
};

enum reader_state { READER_IDLE, READER_READING, READER_ENDED, READER_FAILED };

struct reader {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool quit;
    enum reader_state state;
    const struct reader_request *request;
    struct source_connection *connection; /* borrowed; changed only while idle */
    const struct cancel *cancel;          /* the worker's */
    bool lean;                            /* segments are released after each chunk */
    struct cancel own_cancel;             /* reader_end() before the stream's end */
    struct encoder *encoder;              /* from the first batch until reader_end() */
    struct encode_segment segments[READER_SEGMENTS];
    size_t held;                     /* bytes in segments that are filled and not given back */
    unsigned filled;                 /* segments ever filled; the next goes to filled % READER_SEGMENTS */
    unsigned taken;                  /* segments ever handed out */
    unsigned given;                  /* segments ever given back */
    struct encode_refusal *refusals; /* not taken yet, guarded by the mutex */
    size_t refusal_count;
    int64_t rows_read, rows_encoded, total_rows;
    struct encode_changes changes; /* what the settings let change in those rows */
    struct error error;
    _Atomic int64_t last_progress_us; /* monotonic, for the watchdog */
    atomic_bool first_batch_seen;     /* until then the source is computing, which may take long */
};

bool reader_start(struct reader *reader, const struct cancel *cancel, struct error *error) THAW_CHECK;
/* Ask the thread to end and wait for it. Only after reader_end(). */
void reader_stop(struct reader *reader);

/* Begin a chunk on `connection`. */
void reader_begin(struct reader *reader, struct source_connection *connection, const struct reader_request *request);
/* Wait for the next finished segment; *segment is NULL at the end. */
bool reader_next(struct reader *reader, const struct encode_segment **segment, struct error *error) THAW_CHECK;
/* The rows left out since the last call, all of those before the segment that was handed out last, and maybe later ones; the
 * list and what is in it are the caller's. */
struct encode_refusal *reader_take_refusals(struct reader *reader, size_t *count);
/* Would reader_next() answer at once? Waits for that, but a tenth of a second at most. */
bool reader_is_ready(struct reader *reader);
/* The segments that were handed out and not given back yet, the oldest first; NULL beyond them. */
const struct encode_segment *reader_kept(const struct reader *reader, unsigned index);
/* Give them back, the oldest first, but for the `keep` latest; how many rows were in those. */
int64_t reader_give_back(struct reader *reader, unsigned keep);
/* End the chunk: breaks off what is still being read, waits for the thread to be idle, and drops the encoder. Always
 * after reader_begin(). */
void reader_end(struct reader *reader);

#endif
