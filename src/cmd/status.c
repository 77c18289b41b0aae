#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "ledger/ledger.h"
#include "report/json.h"
#include "report/status.h"

static const char help[] =
    "Usage: thaw status [options]\n\n"
    "Shows the runs that the ledgers of the configuration's target databases hold, newest first, with\n"
    "the tables of each that isn't completed. A run that no process works on is shown as interrupted.\n\n"
    "      --run-id U          only this run, with all its tables\n";

enum { OPTION_RUN_ID = OPTION_OF_COMMAND };

static const struct option long_options[] = {COMMON_OPTIONS, {"run-id", required_argument, NULL, OPTION_RUN_ID}, {0}};

/* What is shown, and how. */
struct request {
    const char *run_id; /* NULL: the newest runs */
    bool json;
};

static bool show_text(struct target_connection *connection, const char *run_id, bool exists, bool *found,
                      struct error *error) {
    bool done = true;
    printf("database %s\n", connection->database);
    if (exists)
        done = status_print(connection, run_id, stdout, found, error);
    if (done && !*found)
        printf(exists ? "  no such run\n" : "  no run yet\n");
    return done;
}

/* {"database": "warehouse", "ledger": true, "runs": [...]} */
static bool append_json(struct target_connection *connection, const char *run_id, bool exists, struct buffer *json,
                        bool *found, struct error *error) {
    buffer_append_char(json, '{');
    json_text(json, "database", connection->database);
    json_member(json, "ledger");
    buffer_append(json, exists ? "true" : "false");
    json_member(json, "runs");
    if (exists && !status_json(connection, run_id, json, found, error))
        return false;
    buffer_append(json, exists ? "}" : "[]}");
    return true;
}

/* {"database": "warehouse", "error": "..."} */
static void append_error(struct buffer *json, const char *database, const struct log *log, const struct error *error) {
    struct buffer message = {0};
    buffer_append(&message, error->message);
    log_redact(log, &message);
    buffer_append_char(json, '{');
    json_text(json, "database", database);
    json_text(json, "error", buffer_string(&message));
    buffer_append_char(json, '}');
    buffer_release(&message);
}

/* One target database. *found: it has a run to show. */
static bool show_database(const struct config *config, const char *database, const struct request *request,
                          struct log *log, struct buffer *json, bool *found) {
    struct target_connection connection = {0};
    struct buffer object = {0};
    struct error error;
    bool exists = false;
    error_clear(&error);
    bool done = target_connect(&connection, &config->target, database, "status", NULL, &error) &&
                ledger_exists(&connection, &exists, &error) &&
                (request->json ? append_json(&connection, request->run_id, exists, &object, found, &error)
                               : show_text(&connection, request->run_id, exists, found, &error));
    if (!done) {
        log_failure(log, NULL, &error);
        buffer_clear(&object);
        append_error(&object, database, log, &error);
    }
    json_element(json);
    buffer_append(json, buffer_string(&object));
    buffer_release(&object);
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

static int show(const struct config *config, const struct request *request, struct log *log) {
    int status = EXIT_COMPLETED;
    bool any = false;
    struct buffer json = {0};
    buffer_append(&json, "{\"databases\": [");
    for (size_t i = 0; i < config->feed_count; i++) {
        bool found = false;
        if (seen_before(config, i))
            continue;
        if (!show_database(config, config->feeds[i].target_database, request, log, &json, &found))
            status = EXIT_FAILED;
        any = any || found;
    }
    if (request->json)
        printf("%s]}\n", buffer_string(&json));
    buffer_release(&json);
    return request->run_id != NULL && !any ? EXIT_FAILED : status;
}

static int run(int argc, char **argv) {
    struct common_options options;
    struct config config = {0};
    struct log log;
    struct request request = {0};
    int option;
    int status = EXIT_USAGE;
    options_init(&options);
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            command_print_help(&command_status);
            return EXIT_COMPLETED;
        }
        if (option == OPTION_RUN_ID && ledger_is_run_id(optarg))
            request.run_id = optarg;
        else if (option == OPTION_RUN_ID)
            return options_refuse(&command_status, "--run-id takes a run_id (a lower-case UUID), not \"%s\"", optarg);
        else if (!options_take(&options, &command_status, option))
            return EXIT_USAGE;
    }
    if (!options_end(&command_status, argc, argv))
        return EXIT_USAGE;
    log_init(&log, STDERR_FILENO, options.log_level, options.log_format);
    if (command_load(&options, &log, &config)) {
        request.json = options.json;
        status = show(&config, &request, &log);
    }
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
