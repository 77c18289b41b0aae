/* A request to stop that travels between threads: a worker's own, or the whole process's above it. */
#ifndef THAW_BASE_CANCEL_H
#define THAW_BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct cancel {
    atomic_bool requested;
    int64_t at_us; /* monotonic: from then on it is as if requested; 0: never. Set before other threads look */
    const struct cancel *parent; /* NULL at the top */
    bool (*asked)(void);         /* says so, too, where there is one: a signal's flag, which no thread passes on */
};

static inline void cancel_request(struct cancel *cancel) {
    atomic_store(&cancel->requested, true);
}

static inline void cancel_reset(struct cancel *cancel) {
    atomic_store(&cancel->requested, false);
}

/* True where this or anything above it was asked to stop, or its time has come. NULL is never asked. */
static inline bool cancel_requested(const struct cancel *cancel) {
    for (; cancel != NULL; cancel = cancel->parent)
        if (atomic_load(&cancel->requested) || (cancel->at_us != 0 && clock_monotonic_us() >= cancel->at_us) ||
            (cancel->asked != NULL && cancel->asked()))
            return true;
    return false;
}

#endif
