/* SIGINT and SIGTERM. The first asks for an orderly end; the second ends the process at once with exit status 3, which is
 * as safe as SIGKILL.
 */
#ifndef THAW_RUN_STOP_H
#define THAW_RUN_STOP_H

#include <stdbool.h>

#include "base/error.h"

enum { EXIT_STATUS_PARTIAL = 3 };

bool stop_install_handlers(struct error *error) THAW_CHECK;
bool stop_requested(void);

#endif
