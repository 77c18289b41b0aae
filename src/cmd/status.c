#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "ledger/ledger.h"
#include "report/status.h"

static const char help[] =
    "Usage: thaw status [options]\n\n"
    "Shows the runs that the ledgers of the configuration's target databases hold, newest first, with\n"
    "the tables of each that isn't completed. A run that no process works on is shown as interrupted.\n\n"
    "      --run-id U          only this run, with all its tables\n";

enum { OPTION_RUN_ID = OPTION_OF_COMMAND };

static const struct option long_options[] = {COMMON_OPTIONS, {"run-id", required_argument, NULL, OPTION_RUN_ID}, {0}};

/* One target database. *found: a run was printed. */
static bool show_database(const struct config *config, const char *database, const char *run_id, bool *found,
                          struct error *error) {
    struct target_connection connection = {0};
    bool exists = false;
    bool done = target_connect(&connection, &config->target, database, "status", NULL, error) &&
                ledger_exists(&connection, &exists, error);
    if (done) {
        printf("database %s\n", connection.database);
        if (exists)
            done = status_print(&connection, run_id, stdout, found, error);
        if (done && !*found)
            printf(exists ? "  no such run\n" : "  no run yet\n");
    }
    target_disconnect(&connection);
    return done;
}

static bool seen_before(const struct config *config, size_t feed) {
    for (size_t i = 0; i < feed; i++) {
        const char *earlier = config->feeds[i].target_database;
        const char *database = config->feeds[feed].target_database;
        if (strcmp(earlier == NULL ? "" : earlier, database == NULL ? "" : database) == 0)
            return true;
    }
    return false;
}

static int show(const struct config *config, const char *run_id, struct log *log) {
    int status = EXIT_COMPLETED;
    bool any = false;
    for (size_t i = 0; i < config->feed_count; i++) {
        struct error error;
        bool found = false;
        error_clear(&error);
        if (seen_before(config, i))
            continue;
        if (!show_database(config, config->feeds[i].target_database, run_id, &found, &error)) {
            log_failure(log, NULL, &error);
            status = EXIT_FAILED;
        }
        any = any || found;
    }
    return run_id != NULL && !any ? EXIT_FAILED : status;
}

static int run(int argc, char **argv) {
    struct common_options options;
    struct config config = {0};
    struct log log;
    const char *run_id = NULL;
    int option;
    int status = EXIT_USAGE;
    options_init(&options);
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            command_print_help(&command_status);
            return EXIT_COMPLETED;
        }
        if (option == OPTION_RUN_ID && options_is_uuid(optarg))
            run_id = optarg;
        else if (option == OPTION_RUN_ID)
            return options_refuse(&command_status, "--run-id takes a run_id (a lower-case UUID), not \"%s\"", optarg);
        else if (!options_take(&options, &command_status, option))
            return EXIT_USAGE;
    }
    if (options.json)
        return options_refuse(&command_status, "%s is not available for this command in this version", "--json");
    if (!options_end(&command_status, argc, argv))
        return EXIT_USAGE;
    log_init(&log, STDERR_FILENO, options.log_level, options.log_format);
    if (command_load(&options, &log, &config))
        status = show(&config, run_id, &log);
    config_release(&config);
    log_release(&log);
    return status;
}

const struct command command_status = {
    .name = "status",
    .summary = "show runs, tables and chunks",
    .help = help,
    .run = run,
};
