/* How a run ended, source by source, and why it failed. */
#ifndef THAW_RUN_RESULT_H
#define THAW_RUN_RESULT_H

#include "run/state.h"

/* Keep `error`, unless an earlier one is kept already. */
void result_take_error(struct run_result *result, const struct error *error);
/* Count sources by how far their tables are, and what this process has loaded; keep the first table's failure. */
void result_count_sources(struct run *run, struct run_result *result);

#endif
