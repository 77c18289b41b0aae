#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "ledger/ledger.h"
#include "run/clean.h"

static const char help[] =
    "Usage: thaw clean [options]\n\n"
    "Lists what earlier runs left, asks, and cleans it up: indexes that a load dropped and that are still away are "
    "put\n"
    "back; scratch tables in the source that no run reads any more are dropped; completed runs are forgotten whose "
    "tables\n"
    "later runs completed again. Rows of target tables are never touched.\n\n"
    "      --yes               don't ask\n"
    "      --unfinished        forget unfinished runs, too, whose last progress is longer ago than resume_max_age\n"
    "      --run-id U          forget the unfinished run U, whatever its age\n\n"
    "With --json nothing is asked, and what was found is printed with whether it was done.\n";

enum { OPTION_YES = OPTION_OF_COMMAND, OPTION_UNFINISHED, OPTION_RUN_ID };

static const struct option long_options[] = {COMMON_OPTIONS,
                                             {"yes", no_argument, NULL, OPTION_YES},
                                             {"unfinished", no_argument, NULL, OPTION_UNFINISHED},
                                             {"run-id", required_argument, NULL, OPTION_RUN_ID},
                                             {0}};

struct request {
    struct common_options common;
    struct clean_options clean;
    bool yes;
    bool help;
};

static bool parse(struct request *request, int argc, char **argv) {
    int option;
    options_init(&request->common);
    while (!request->help && (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (option == 'h')
            request->help = true;
        else if (option == OPTION_YES)
            request->yes = true;
        else if (option == OPTION_UNFINISHED)
            request->clean.unfinished = true;
        else if (option == OPTION_RUN_ID) {
            request->clean.run_id = optarg;
            if (!ledger_is_run_id(optarg))
                return options_refuse(&command_clean, "--run-id takes a run_id (a lower-case UUID), not \"%s\"",
                                      optarg) == EXIT_COMPLETED;
        } else if (!options_take(&request->common, &command_clean, option)) {
            return false;
        }
    }
    return request->help || options_end(&command_clean, argc, argv);
}

/* A person says y; scripts say --yes beforehand. */
static bool ask(void) {
    fputs("Do this? Rows of target tables are not touched. [y/N] ", stderr);
    int answer = getchar();
    return answer == 'y' || answer == 'Y';
}

static void print_json(const struct clean *clean, size_t things, bool done) {
    struct buffer json = {0};
    clean_to_json(clean, &json);
    printf("{\"databases\": %s, \"things\": %zu, \"done\": %s}\n", buffer_string(&json), things,
           done ? "true" : "false");
    buffer_release(&json);
}

static int clean_up(const struct request *request, const struct config *config, struct log *log) {
    struct clean *clean = NULL;
    FILE *out = request->common.json ? NULL : stdout;
    struct error error;
    size_t things = 0;
    int status = EXIT_COMPLETED;
    bool done = false;
    error_clear(&error);
    bool looked = clean_look(&clean, config, &request->clean, log, out, &things, &error);
    if (!looked) {
        log_failure(log, NULL, &error);
        status = EXIT_FAILED;
    } else if (things > 0 && !request->yes && (request->common.json || !isatty(STDIN_FILENO))) {
        status =
            options_refuse(&command_clean, "nothing was changed: %s; --yes does it",
                           request->common.json ? "with --json nothing is asked" : "there is no terminal to ask on");
    } else if (things > 0 && (fflush(stdout), !request->yes) && !ask()) {
        puts("nothing was changed");
    } else if (things > 0 && !clean_do(clean, out, &error)) {
        log_failure(log, NULL, &error);
        status = EXIT_FAILED;
    } else {
        done = true;
    }
    if (looked && request->common.json)
        print_json(clean, things, done);
    clean_release(&clean);
    return status;
}

static int run(int argc, char **argv) {
    struct request request = {0};
    struct config config = {0};
    struct log log;
    int status = EXIT_USAGE;
    if (!parse(&request, argc, argv))
        return EXIT_USAGE;
    if (request.help) {
        command_print_help(&command_clean);
        return EXIT_COMPLETED;
    }
    log_init(&log, STDERR_FILENO, request.common.log_level, request.common.log_format);
    if (command_load(&request.common, &log, &config))
        status = clean_up(&request, &config, &log);
    config_release(&config);
    log_release(&log);
    return status;
}

const struct command command_clean = {
    .name = "clean",
    .summary = "put dropped indexes back, drop scratch tables and forget old runs, after asking",
    .help = help,
    .run = run,
};
