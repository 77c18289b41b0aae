/* What the files of the encoder's benchmark share. */
#ifndef THAW_BENCH_ENCODE_H
#define THAW_BENCH_ENCODE_H

#include <stdint.h>

#include "encode/encode.h"

struct bench_result {
    double seconds; /* of the processor, the best pass: others on the machine hardly show */
    double cells;
    double bytes; /* of COPY */
};

/* Encode the batch `passes` times, a segment after the other, as a worker does. A value that doesn't fit ends the program. */
struct bench_result bench_measure(const struct ArrowSchema *schema, const struct encode_target *targets, size_t count,
                                  const struct ArrowArray *batch, const struct encode_options *options, int passes);
void bench_print(const char *label, struct bench_result result);

/* Each pair of types that the encoder takes, from Arrow's types into PostgreSQL's, in a table; pairs that take more than three
 * times what others take into the same type are marked, with the reason. Returns how many have none. */
int bench_every_pair(int64_t rows, int passes);

#endif
