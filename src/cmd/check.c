#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "report/check.h"
#include "run/check.h"
#include "run/run.h"
#include "source/source.h"

static const char help[] = "Usage: thaw check [options]\n\n"
                           "Connects to both ends and tells at once what would stop a migration, and what is worth "
                           "knowing before it: log-ins,\n"
                           "tables, columns, each pair of types, privileges, keys, and settings of the server. It "
                           "changes nothing anywhere.\n\n"
                           "      --source A,B        only these sources (source_name), comma-separated\n"
                           "      --table T,...       only these tables (their name in the source)\n"
                           "\nExit status 0 where there is no problem (remarks don't count), 1 otherwise.\n";

enum { OPTION_SOURCE = OPTION_OF_COMMAND, OPTION_TABLE };

static const struct option long_options[] = {COMMON_OPTIONS,
                                             {"source", required_argument, NULL, OPTION_SOURCE},
                                             {"table", required_argument, NULL, OPTION_TABLE},
                                             {0}};

static int check(const struct config *config, struct log *log, bool json) {
    struct check_report report;
    struct buffer text = {0};
    check_run(config, log, &report);
    if (json)
        check_format_json(&report, &text);
    else
        check_format_text(&report, &text);
    bool written = fwrite(text.data, 1, text.length, stdout) == text.length && fflush(stdout) == 0;
    int status = written && check_count(&report, CHECK_PROBLEM) == 0 ? EXIT_COMPLETED : EXIT_FAILED;
    buffer_release(&text);
    check_release(&report);
    return status;
}

static int run(int argc, char **argv) {
    struct common_options options;
    struct config config = {0};
    struct log log;
    struct error error;
    const char *sources = NULL, *tables = NULL;
    int option;
    int status = EXIT_USAGE;
    options_init(&options);
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            command_print_help(&command_check);
            return EXIT_COMPLETED;
        }
        if (option == OPTION_SOURCE)
            sources = optarg;
        else if (option == OPTION_TABLE)
            tables = optarg;
        else if (!options_take(&options, &command_check, option))
            return EXIT_USAGE;
    }
    if (!options_end(&command_check, argc, argv))
        return EXIT_USAGE;
    log_init(&log, STDERR_FILENO, options.log_level, options.log_format);
    if (command_load(&options, &log, &config)) {
        error_clear(&error);
        if (!config_select(&config, sources, tables, &error)) {
            log_failure(&log, NULL, &error);
        } else {
            if (source_environment_missing(&config, run_driver_memory_mb(&config, 0)))
                command_start_again(argv - 1, &log);
            status = check(&config, &log, options.json);
        }
    }
    config_release(&config);
    log_release(&log);
    return status;
}

const struct command command_check = {
    .name = "check",
    .summary = "connect to both ends and tell what would stop a migration",
    .help = help,
    .run = run,
};
