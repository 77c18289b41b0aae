#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "ledger/ledger.h"
#include "report/progress.h"
#include "run/run.h"
#include "run/stop.h"
#include "source/source.h"

static const char migrate_help[] =
    "Usage: thaw migrate [options]\n\n"
    "Copies the tables that the configuration names from the source into PostgreSQL, or goes on with the run that an\n"
    "earlier call left unfinished. Safe to stop and to repeat at any instant.\n\n"
    "      --source A,B        only these sources (source_name), comma-separated\n"
    "      --table T,...       only these tables (their name in the source)\n"
    "      --dry-run           print the plan (tables, chunks with bounds and rows, what would be truncated) and "
    "change nothing\n"
    "      --workers N         threads that load at once (default: parallel_threads of the configuration)\n"
    "      --join              where the run is live already, help it instead of refusing\n"
    "      --no-resume         begin a new run, whatever is unfinished\n"
    "      --resume-run-id U   go on with run U, whatever its age and settings\n"
    "      --resume-max-age H  hours since its last progress after which a run isn't resumed (default: "
    "resume_max_age)\n"
    "\nThe first SIGINT or SIGTERM ends in order: chunks in hand are finished or rolled back, exit status 3. The "
    "second ends\n"
    "at once. Both are safe, as is SIGKILL.\n";

static const char worker_help[] =
    "Usage: thaw worker --run-id U [options]\n\n"
    "Works on run U beside the processes that are at it, or takes it up where they were interrupted. The "
    "configuration, and\n"
    "--source and --table, must be those that the run was started with. Workers may come, go and die at any time.\n\n"
    "      --run-id U          the run, as `thaw status` shows it\n"
    "      --begin             where there is no run U yet, begin it: so that a fleet agrees on one run, give each of "
    "its\n"
    "                          processes the same UUID, such as the job's\n"
    "      --source A,B        the sources that the run was started with\n"
    "      --table T,...       the tables that the run was started with\n"
    "      --workers N         threads that load at once (default: parallel_threads of the configuration)\n";

enum {
    OPTION_SOURCE = OPTION_OF_COMMAND,
    OPTION_TABLE,
    OPTION_DRY_RUN,
    OPTION_NO_RESUME,
    OPTION_RESUME_RUN_ID,
    OPTION_RUN_ID,
    OPTION_RESUME_MAX_AGE,
    OPTION_WORKERS,
    OPTION_JOIN,
    OPTION_BEGIN
};

static const struct option migrate_options[] = {COMMON_OPTIONS,
                                                {"source", required_argument, NULL, OPTION_SOURCE},
                                                {"table", required_argument, NULL, OPTION_TABLE},
                                                {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
                                                {"no-resume", no_argument, NULL, OPTION_NO_RESUME},
                                                {"resume-run-id", required_argument, NULL, OPTION_RESUME_RUN_ID},
                                                {"resume-max-age", required_argument, NULL, OPTION_RESUME_MAX_AGE},
                                                {"workers", required_argument, NULL, OPTION_WORKERS},
                                                {"join", no_argument, NULL, OPTION_JOIN},
                                                {0}};

static const struct option worker_options[] = {COMMON_OPTIONS,
                                               {"run-id", required_argument, NULL, OPTION_RUN_ID},
                                               {"begin", no_argument, NULL, OPTION_BEGIN},
                                               {"source", required_argument, NULL, OPTION_SOURCE},
                                               {"table", required_argument, NULL, OPTION_TABLE},
                                               {"workers", required_argument, NULL, OPTION_WORKERS},
                                               {0}};

struct migrate_options {
    const struct command *command;
    struct common_options common;
    struct run_options run;
    const char *sources;
    const char *tables;
    bool dry_run;
    bool help;
};

/* For conditions: false, with the reason told. */
#define REFUSE(...) (options_refuse(options->command, __VA_ARGS__) == EXIT_COMPLETED)

static bool take_workers(struct run_options *run) {
    char *end;
    long workers = strtol(optarg, &end, 10);
    if (*end != '\0' || workers < 1 || workers > 256)
        return false;
    run->workers = (int)workers;
    return true;
}

static bool take_age(struct run_options *run) {
    char *end;
    run->resume_max_age_hours = strtod(optarg, &end);
    return *end == '\0' && end != optarg && isfinite(run->resume_max_age_hours) && run->resume_max_age_hours >= 0;
}

static bool take_own_option(struct migrate_options *options, int option) {
    switch (option) {
    case 'h':
        options->help = true;
        return true;
    case OPTION_SOURCE:
        options->sources = optarg;
        return true;
    case OPTION_TABLE:
        options->tables = optarg;
        return true;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        return true;
    case OPTION_NO_RESUME:
        options->run.no_resume = true;
        return true;
    case OPTION_RESUME_RUN_ID:
        options->run.run_id = optarg;
        options->run.any_settings = true;
        return ledger_is_run_id(optarg) ||
               REFUSE("--resume-run-id takes a run_id (a lower-case UUID), not \"%s\"", optarg);
    case OPTION_RUN_ID:
        options->run.run_id = optarg;
        return ledger_is_run_id(optarg) || REFUSE("--run-id takes a run_id (a lower-case UUID), not \"%s\"", optarg);
    case OPTION_RESUME_MAX_AGE:
        return take_age(&options->run) || REFUSE("--resume-max-age takes hours, not \"%s\"", optarg);
    case OPTION_WORKERS:
        return take_workers(&options->run) ||
               REFUSE("--workers takes a whole number from 1 to 256, not \"%s\"", optarg);
    case OPTION_JOIN:
        options->run.join = true;
        return true;
    case OPTION_BEGIN:
        options->run.begin = true;
        return true;
    default:
        return options_take(&options->common, options->command, option);
    }
}

static bool parse(struct migrate_options *options, const struct option *allowed, int argc, char **argv) {
    int option;
    options_init(&options->common);
    options->run.resume_max_age_hours = -1;
    while (!options->help && (option = getopt_long(argc, argv, "c:h", allowed, NULL)) != -1)
        if (!take_own_option(options, option))
            return false;
    if (options->help)
        return true;
    if (options->run.no_resume && options->run.run_id != NULL)
        return REFUSE("--no-resume and --resume-run-id exclude each other");
    if (options->run.no_resume && options->run.join)
        return REFUSE("--no-resume and --join exclude each other");
    return options_end(options->command, argc, argv);
}

static void print_result(const struct run_result *result, bool json) {
    static const char *const names[] = {"completed", "failed", "partial"};
    char limit[24] = "null";
    if (result->memory_limit_mb > 0)
        snprintf(limit, sizeof limit, "%" PRId64, result->memory_limit_mb);
    if (json)
        printf("{\"run_id\":\"%s\",\"status\":\"%s\",\"resumed\":%s,\"total_tables\":%d,\"completed_tables\":%d,"
               "\"failed_tables\":%d,\"total_rows\":%" PRId64
               ",\"progress\":%.4f,\"duration_seconds\":%.3f,\"workers\":%d,\"memory_limit_mb\":%s}\n",
               result->run_id, names[result->outcome], result->resumed ? "true" : "false", result->tables_total,
               result->tables_completed, result->tables_failed, result->rows_loaded, result->progress,
               (double)result->elapsed_us / 1e6, result->workers, limit);
    else if (result->run_id[0] != '\0')
        printf("%s: run %s, %d of %d tables, %" PRId64 " rows\n", names[result->outcome], result->run_id,
               result->tables_completed, result->tables_total, result->rows_loaded);
}

static int migrate(struct migrate_options *options, const struct config *config, struct log *log) {
    struct error error;
    struct run_result result;
    struct progress progress;
    error_clear(&error);
    umask(077); /* what DuckDB spills to the temporary folder are rows of the source */
    if (!stop_install_handlers(&error)) {
        log_failure(log, NULL, &error);
        return EXIT_FAILED;
    }
    if (options->dry_run) {
        if (run_dry(config, &options->run, log, options->common.json, stdout, &error))
            return fflush(stdout) == 0 ? EXIT_COMPLETED : EXIT_FAILED; /* main() says why */
        log_failure(log, NULL, &error);
        return EXIT_FAILED;
    }
    progress_init(&progress, log, options->common.progress == PROGRESS_ALWAYS,
                  options->common.progress == PROGRESS_NEVER);
    options->run.on_progress = progress_show;
    options->run.progress_context = &progress;
    run_migrate(config, &options->run, log, &result);
    print_result(&result, options->common.json);
    int status = result.outcome == RUN_COMPLETED ? EXIT_COMPLETED
                 : result.outcome == RUN_PARTIAL ? EXIT_PARTIAL
                                                 : EXIT_FAILED;
    if (result.abandoned) { /* a thread still uses what would be freed; every chunk is safe in its transaction */
        fflush(stdout);
        _exit(status);
    }
    return status;
}

static int run(struct migrate_options *options, char **argv) {
    struct config config = {0};
    struct log log;
    struct error error;
    int status = EXIT_USAGE;
    if (options->help) {
        command_print_help(options->command);
        return EXIT_COMPLETED;
    }
    log_init(&log, STDERR_FILENO, options->common.log_level, options->common.log_format);
    if (command_load(&options->common, &log, &config)) {
        error_clear(&error);
        if (!config_select(&config, options->sources, options->tables, &error)) {
            log_failure(&log, NULL, &error);
        } else {
            if (source_environment_missing(&config, run_driver_memory_mb(&config, options->run.workers)))
                command_start_again(argv - 1, &log);
            status = migrate(options, &config, &log);
        }
    }
    config_release(&config);
    log_release(&log);
    return status;
}

static int run_migrate_command(int argc, char **argv) {
    struct migrate_options options = {.command = &command_migrate};
    return parse(&options, migrate_options, argc, argv) ? run(&options, argv) : EXIT_USAGE;
}

static int run_worker_command(int argc, char **argv) {
    struct migrate_options options = {.command = &command_worker};
    if (!parse(&options, worker_options, argc, argv))
        return EXIT_USAGE;
    if (!options.help && options.run.run_id == NULL)
        return options_refuse(&command_worker, "--run-id is missing: `thaw status` lists the runs");
    options.run.join = true;
    return run(&options, argv);
}

const struct command command_migrate = {
    .name = "migrate",
    .summary = "run or resume a migration",
    .help = migrate_help,
    .run = run_migrate_command,
};

const struct command command_worker = {
    .name = "worker",
    .summary = "join a live or interrupted run, from any machine",
    .help = worker_help,
    .run = run_worker_command,
};
