#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SEGMENT_BYTES = 1 << 20 };

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t encode_once(const struct ArrowSchema *schema, const struct encode_target *targets, size_t count,
                          const struct ArrowArray *batch, const struct encode_options *options,
                          struct encode_segment *segment) {
    struct error error = {0};
    struct encoder *encoder = NULL;
    size_t bytes = 0;
    bool ok =
        encoder_open(&encoder, schema, targets, count, options, &error) && encoder_set_batch(encoder, batch, &error);
    while (ok && encoder_rows_left(encoder) > 0) {
        encode_segment_begin(encoder, segment);
        ok = encode_rows(encoder, segment, SEGMENT_BYTES, &error);
        encode_segment_end(segment);
        bytes += segment->length;
    }
    if (!ok) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    encoder_close(&encoder);
    return bytes;
}

struct bench_result bench_measure(const struct ArrowSchema *schema, const struct encode_target *targets, size_t count,
                                  const struct ArrowArray *batch, const struct encode_options *options, int passes) {
    struct encode_segment segment = {0};
    struct bench_result result = {.seconds = 1e9, .cells = (double)batch->length * (double)count};
    for (int pass = 0; pass < passes; pass++) {
        double start = seconds_now();
        result.bytes = (double)encode_once(schema, targets, count, batch, options, &segment);
        double took = seconds_now() - start;
        if (took < result.seconds)
            result.seconds = took;
    }
    encode_segment_release(&segment);
    return result;
}

void bench_print(const char *label, struct bench_result result) {
    printf("%-40s %8.2f ns/cell %9.0f MB/s %8.1f M cells in %.3f s\n", label, result.seconds / result.cells * 1e9,
           result.bytes / result.seconds / 1e6, result.cells / 1e6, result.seconds);
}
