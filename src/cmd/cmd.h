/* The commands of the program: options in, a report out. stdout carries the result, stderr log and progress. */
#ifndef THAW_CMD_CMD_H
#define THAW_CMD_CMD_H

#include <getopt.h>
#include <stdbool.h>

#include "base/log.h"
#include "config/config.h"

enum exit_status {
    EXIT_COMPLETED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,     /* usage or configuration */
    EXIT_PARTIAL = 3,   /* stopped, resumable */
    EXIT_DIFFERENCE = 4 /* verification found a difference */
};

enum progress_mode { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

/* What every command takes. */
struct common_options {
    const char *config_file; /* config.json */
    const char *env_file;    /* .env where present */
    enum log_format log_format;
    enum log_level log_level;
    enum progress_mode progress;
    bool json;
};

struct command {
    const char *name;
    const char *summary; /* one line */
    const char *help;    /* the whole text of `thaw NAME --help`, without the common options */
    int (*run)(int argc, char **argv);
};

extern const struct command command_check;
extern const struct command command_clean;
extern const struct command command_init;
extern const struct command command_lambda;
extern const struct command command_migrate;
extern const struct command command_status;
extern const struct command command_validate;
extern const struct command command_worker;

/* Values of getopt_long for the common options; a command's own begin above them. */
enum { OPTION_ENV_FILE = 256, OPTION_LOG_FORMAT, OPTION_LOG_LEVEL, OPTION_PROGRESS, OPTION_JSON, OPTION_OF_COMMAND };

#define COMMON_OPTIONS                                                                                                 \
    {"config", required_argument, NULL, 'c'}, {"env-file", required_argument, NULL, OPTION_ENV_FILE},                  \
        {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},                                                    \
        {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},                                                      \
        {"progress", required_argument, NULL, OPTION_PROGRESS}, {"json", no_argument, NULL, OPTION_JSON}, {            \
        "help", no_argument, NULL, 'h'                                                                                 \
    }

void options_init(struct common_options *options);
/* Take one option that getopt_long returned. False: usage error, told on stderr (also for one that isn't known). */
bool options_take(struct common_options *options, const struct command *command, int option);
/* False (told on stderr) where arguments are left after the options. */
bool options_end(const struct command *command, int argc, char **argv);
/* Say on stderr what is wrong with the usage, and how to learn more; returns EXIT_USAGE. */
int options_refuse(const struct command *command, const char *format, ...) THAW_PRINTF(2, 3);
void command_print_help(const struct command *command);

/* The .env file to read: as given, else .env where present, else NULL. */
const char *options_env_file(const struct common_options *options);

void command_hide_secrets(const struct config *config, struct log *log);
/* Load the configuration; its problems are told on stderr. Secrets are hidden in `log`. */
bool command_load(const struct common_options *options, struct log *log, struct config *config);
/* Execute the program anew, for the environment that a driver reads only when the process starts. Returns where that fails, which is
 * told. `argv`: as main() had it. */
void command_start_again(char **argv, struct log *log);

#endif
