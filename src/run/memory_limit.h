/* The budget of a run: memory_limit_mb brought to its workers and its source. */
#ifndef THAW_RUN_MEMORY_LIMIT_H
#define THAW_RUN_MEMORY_LIMIT_H

#include "run/state.h"

/* Open and connect the source, within the limit: run->budget is made, run->worker_count follows it, and it is said where that is less
 * than was asked for. The first worker has the connection. */
bool memory_limit_open_source(struct run *run, struct error *error) THAW_CHECK;

/* How many workers may read so many columns at once, which may be less than all of them where memory is limited. ERROR_CONFIG with the
 * least limit where not even one may. */
bool memory_limit_readers(struct run *run, size_t column_count, int *readers, struct error *error) THAW_CHECK;

/* "memory_limit_mb is 200: 6 of 8 workers at once; 241 would allow all". Nothing where there is no limit. */
void memory_limit_describe(const struct run *run, struct buffer *text);

#endif
