/* The end of a table: reconciled and completed in one synchronous transaction, by whichever worker brings its last chunk
 * home or finds it so. */
#ifndef THAW_RUN_FINISH_H
#define THAW_RUN_FINISH_H

#include "run/state.h"

/* ERROR_DIFFERENCE where the numbers don't agree: the table is not completed. */
bool finish_table(struct worker *worker, struct run_table *table, struct error *error) THAW_CHECK;

#endif
