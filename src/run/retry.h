/* Waiting between attempts: 4, 8, 16, 32, 60 s, each with jitter of up to a quarter either way. */
#ifndef THAW_RUN_RETRY_H
#define THAW_RUN_RETRY_H

#include "run/state.h"

/* Seconds before the attempt that follows failed attempt number `attempt` (from 1), without jitter. */
int retry_delay_seconds(int attempt);
/* Wait that long. False where the run is stopping. */
bool retry_wait(struct run *run, int attempt);

#endif
