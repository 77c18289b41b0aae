#include "run/stop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The program's only mutable global: a signal handler has no context to be handed. */
static volatile sig_atomic_t signals_received;

static void on_signal(int signal_number) {
    (void)signal_number;
    if (signals_received++ > 0)
        _exit(EXIT_STATUS_PARTIAL);
}

bool stop_install_handlers(struct error *error) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    /* SA_ONSTACK: the Go runtime inside a driver demands it of every handler (https://pkg.go.dev/os/signal). */
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0)
        return error_set(error, ERROR_INTERNAL, "signal handlers could not be installed: %s", strerror(errno));
    /* A connection that breaks while we send is an error of that call, not the end of the process. */
    action.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &action, NULL) != 0)
        return error_set(error, ERROR_INTERNAL, "SIGPIPE could not be ignored: %s", strerror(errno));
    return true;
}

bool stop_requested(void) {
    return signals_received > 0;
}
