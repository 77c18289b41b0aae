#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/validate.h"

static const char help[] =
    "Usage: thaw validate [options]\n\n"
    "Reads the configuration, connects to nothing, and tells every problem at once, each with its\n"
    "JSON path and line.\n";

static const struct option long_options[] = {COMMON_OPTIONS, {0}};

static int run(int argc, char **argv) {
    struct common_options options;
    int option;
    int status = EXIT_FAILED;
    options_init(&options);
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            command_print_help(&command_validate);
            return EXIT_COMPLETED;
        }
        if (!options_take(&options, &command_validate, option))
            return EXIT_USAGE;
    }
    if (!options_end(&command_validate, argc, argv))
        return EXIT_USAGE;
    return validate_report(options.config_file, options_env_file(&options), options.json, stdout, &status)
               ? status
               : EXIT_FAILED;
}

const struct command command_validate = {
    .name = "validate",
    .summary = "tell every problem of the configuration",
    .help = help,
    .run = run,
};
