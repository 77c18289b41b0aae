#include "base/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

static bool parse_number(const char *text, int *number) {
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 0 || value > 100000000)
        return false;
    *number = (int)value;
    return true;
}

static bool parse_action(struct fault *fault, const char *action) {
    if (strcmp(action, "kill") == 0)
        fault->action = FAULT_KILL;
    else if (strcmp(action, "stop") == 0)
        fault->action = FAULT_STOP;
    else if (strcmp(action, "error") == 0)
        fault->action = FAULT_ERROR;
    else if (strncmp(action, "sleep=", 6) == 0 && parse_number(action + 6, &fault->milliseconds))
        fault->action = FAULT_SLEEP;
    else
        return false;
    return true;
}

/* NAME:ACTION[:N]; `text` is taken apart in place. */
static bool parse_fault(struct fault *fault, char *text) {
    char *action = strchr(text, ':');
    if (action == NULL)
        return false;
    *action++ = '\0';
    char *pass = strchr(action, ':');
    fault->at_pass = 1;
    if (pass != NULL) {
        *pass++ = '\0';
        if (!parse_number(pass, &fault->at_pass) || fault->at_pass == 0)
            return false;
    }
    if (text[0] == '\0' || strlen(text) >= sizeof fault->name)
        return false;
    snprintf(fault->name, sizeof fault->name, "%s", text);
    return parse_action(fault, action);
}

bool faults_init(struct faults *faults, struct error *error) {
    memset(faults, 0, sizeof *faults);
    const char *variable = getenv("THAW_FAULT");
    if (variable == NULL || variable[0] == '\0')
        return true;
    char *copy = memory_copy_string(variable);
    char *rest = copy;
    bool valid = true;
    for (char *item; valid && (item = strsep(&rest, ",")) != NULL;)
        valid = faults->count < FAULT_CAPACITY && parse_fault(&faults->list[faults->count++], item);
    memory_release(&copy);
    if (!valid)
        return error_set(error, ERROR_CONFIG, "THAW_FAULT is not NAME:ACTION[:N][,...]: %s", variable);
    return true;
}

bool fault_point(struct faults *faults, const char *name, struct error *error) {
    for (int i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->list[i];
        if (strcmp(fault->name, name) != 0 || atomic_fetch_add(&fault->passes, 1) + 1 != fault->at_pass)
            continue;
        switch (fault->action) {
        case FAULT_KILL:
            raise(SIGKILL);
            break;
        case FAULT_STOP:
            raise(SIGSTOP);
            break;
        case FAULT_SLEEP:
            clock_sleep_ms(fault->milliseconds);
            break;
        case FAULT_ERROR:
            return error_set(error, ERROR_TRANSIENT, "the fault \"%s\" was asked for by THAW_FAULT", name);
        }
    }
    return true;
}
