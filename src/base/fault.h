/* Named points at which a test makes the process fail, so that every order of data, record and commit can be tried.
 *
 * THAW_FAULT="NAME:ACTION[:N]" arms one point: at the Nth pass (default 1) ACTION happens: `kill` (SIGKILL to
 * ourselves), `stop` (SIGSTOP), `error` (the point reports a transient error), `sleep=MS`. Several are separated by commas.
 * Without the variable a point costs one comparison.
 */
#ifndef THAW_BASE_FAULT_H
#define THAW_BASE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

enum { FAULT_CAPACITY = 8 };

struct fault {
    char name[48];
    enum { FAULT_KILL, FAULT_STOP, FAULT_ERROR, FAULT_SLEEP } action;
    int milliseconds;
    int at_pass;
    atomic_int passes;
};

struct faults {
    int count;
    struct fault list[FAULT_CAPACITY];
};

/* Read THAW_FAULT. A malformed value is an error, so that a test can't pass because of a typing mistake. */
bool faults_init(struct faults *faults, struct error *error) THAW_CHECK;
/* Pass the point `name`; false with a transient error only where `error` is armed there. */
bool fault_point(struct faults *faults, const char *name, struct error *error) THAW_CHECK;

#endif
