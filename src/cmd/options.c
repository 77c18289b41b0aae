#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

static const char common_help[] =
    "\nCommon options:\n"
    "  -c, --config FILE       configuration (default: config.json)\n"
    "      --env-file FILE     NAME=VALUE lines for ${NAME} in the configuration (default: .env where present);\n"
    "                          the environment beats it\n"
    "      --log-format FORMAT text or json (default: text)\n"
    "      --log-level LEVEL   debug, info, warning or error (default: info)\n"
    "      --progress WHEN     auto, always or never (default: auto, on a terminal)\n"
    "      --json              the result as JSON, where the command has one\n"
    "  -h, --help              this text\n"
    "\nExit status: 0 completed; 1 failed; 2 usage or configuration; 3 stopped and resumable; 4 a difference was "
    "found\n";

void options_init(struct common_options *options) {
    memset(options, 0, sizeof *options);
    options->config_file = "config.json";
    options->log_format = LOG_TEXT;
    options->log_level = LOG_INFO;
    options->progress = PROGRESS_AUTO;
}

int options_refuse(const struct command *command, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "thaw %s: ", command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n`thaw %s --help` lists the options\n", command->name);
    return EXIT_USAGE;
}

static bool bad_value(const struct command *command, const char *option, const char *value, const char *allowed) {
    options_refuse(command, "--%s takes %s, not \"%s\"", option, allowed, value);
    return false;
}

static bool take_progress(struct common_options *options, const struct command *command) {
    if (strcmp(optarg, "auto") == 0)
        options->progress = PROGRESS_AUTO;
    else if (strcmp(optarg, "always") == 0)
        options->progress = PROGRESS_ALWAYS;
    else if (strcmp(optarg, "never") == 0)
        options->progress = PROGRESS_NEVER;
    else
        return bad_value(command, "progress", optarg, "auto, always or never");
    return true;
}

bool options_take(struct common_options *options, const struct command *command, int option) {
    switch (option) {
    case 'c':
        options->config_file = optarg;
        return true;
    case OPTION_ENV_FILE:
        options->env_file = optarg;
        return true;
    case OPTION_LOG_FORMAT:
        return log_format_parse(optarg, &options->log_format) ||
               bad_value(command, "log-format", optarg, "text or json");
    case OPTION_LOG_LEVEL:
        return log_level_parse(optarg, &options->log_level) ||
               bad_value(command, "log-level", optarg, "debug, info, warning or error");
    case OPTION_PROGRESS:
        return take_progress(options, command);
    case OPTION_JSON:
        options->json = true;
        return true;
    default: /* getopt_long has said what is wrong */
        fprintf(stderr, "`thaw %s --help` lists the options\n", command->name);
        return false;
    }
}

bool options_end(const struct command *command, int argc, char **argv) {
    if (optind >= argc)
        return true;
    options_refuse(command, "\"%s\" is no option", argv[optind]);
    return false;
}

void command_print_help(const struct command *command) {
    printf("thaw %s - %s\n\n%s%s", command->name, command->summary, command->help, common_help);
}

const char *options_env_file(const struct common_options *options) {
    if (options->env_file != NULL)
        return options->env_file;
    return access(".env", F_OK) == 0 ? ".env" : NULL;
}

static void hide(void *context, const char *secret) {
    log_hide(context, secret);
}

void command_hide_secrets(const struct config *config, struct log *log) {
    config_each_secret(config, hide, log);
}

void command_start_again(char **argv, struct log *log) {
    execv("/proc/self/exe", argv);
    log_warning(log, "thaw", "could not start again with the driver's environment; going on without it");
}

bool command_load(const struct common_options *options, struct log *log, struct config *config) {
    struct config_problems problems = {0};
    bool loaded = config_load(config, options->config_file, options_env_file(options), &problems);
    if (loaded) {
        command_hide_secrets(config, log);
    } else {
        struct buffer text = {0};
        config_problems_format(&problems, options->config_file, &text);
        fprintf(stderr, "%s", buffer_string(&text));
        buffer_release(&text);
    }
    config_problems_release(&problems);
    return loaded;
}
