#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "config/outline.h"
#include "run/init.h"
#include "source/source.h"

static const char help[] =
    "Usage: thaw init [--database D] --schema S [options]\n\n"
    "Looks at a schema of the source, and prints a config.json that copies its tables and views, and the CREATE TABLE\n"
    "statements of their targets. Nothing is changed anywhere; the target isn't even connected to. A schema of DuckDB\n"
    "needs no --database.\n\n"
    "      --database D        database of the source\n"
    "      --schema S          schema of the source; names are exact, upper and lower case included\n"
    "      --tables A,B        only these tables and views\n"
    "      --target-database D database of the target (default: ${PGDATABASE})\n"
    "      --target-schema S   schema of the target (default: the source's in lower case; public for PUBLIC and main)\n"
    "      --varchar           VARCHAR(n) becomes varchar(n), not text; run the statements then, before the first run\n"
    "  -o, --output DIR        write DIR/config.json and DIR/tables.sql instead; files that are there are not "
    "replaced\n"
    "\n"
    "How the source is reached: as the file named with --config says, or config.json where there is one; else by the\n"
    "variables SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, SNOWFLAKE_RSA_KEY (with SNOWFLAKE_RSA_KEY_PASSPHRASE),\n"
    "SNOWFLAKE_PASSWORD or SNOWFLAKE_TOKEN, SNOWFLAKE_WAREHOUSE, SNOWFLAKE_ROLE, SNOWFLAKE_HOST, SNOWFLAKE_PORT,\n"
    "SNOWFLAKE_PROTOCOL; or DUCKDB_PATH and DUCKDB_INIT_SQL. They may stand in .env. What is printed refers to them; "
    "a\n"
    "secret is never printed.\n\n"
    "What it chooses, and says in the remarks of the configuration (\"_why\"): each run loads the tables anew\n"
    "(truncate_onstart); targets are made where they are missing (create_target); a primary key that the source "
    "declares\n"
    "is the target's; names without a lower-case letter become lower case (column_mapping); a table that can't be "
    "copied\n"
    "as it is is switched off, with the reason.\n";

enum {
    OPTION_DATABASE = OPTION_OF_COMMAND,
    OPTION_SCHEMA,
    OPTION_TABLES,
    OPTION_TARGET_DATABASE,
    OPTION_TARGET_SCHEMA,
    OPTION_VARCHAR
};

static const struct option long_options[] = {COMMON_OPTIONS,
                                             {"database", required_argument, NULL, OPTION_DATABASE},
                                             {"schema", required_argument, NULL, OPTION_SCHEMA},
                                             {"tables", required_argument, NULL, OPTION_TABLES},
                                             {"target-database", required_argument, NULL, OPTION_TARGET_DATABASE},
                                             {"target-schema", required_argument, NULL, OPTION_TARGET_SCHEMA},
                                             {"varchar", no_argument, NULL, OPTION_VARCHAR},
                                             {"output", required_argument, NULL, 'o'},
                                             {0}};

struct arguments {
    struct common_options common;
    struct init_options init;
    const char *output; /* a folder; NULL: stdout */
    bool named;         /* --config was given */
    bool help;
};

static bool take(struct arguments *arguments, int option) {
    switch (option) {
    case 'h':
        return arguments->help = true;
    case 'o':
        return (arguments->output = optarg) != NULL;
    case OPTION_DATABASE:
        return (arguments->init.database = optarg) != NULL;
    case OPTION_SCHEMA:
        return (arguments->init.schema = optarg) != NULL;
    case OPTION_TABLES:
        return (arguments->init.tables = optarg) != NULL;
    case OPTION_TARGET_DATABASE:
        return (arguments->init.target_database = optarg) != NULL;
    case OPTION_TARGET_SCHEMA:
        return (arguments->init.target_schema = optarg) != NULL;
    case OPTION_VARCHAR:
        return arguments->init.lengths = true;
    default:
        arguments->named = arguments->named || option == 'c';
        return options_take(&arguments->common, &command_init, option);
    }
}

static bool parse(struct arguments *arguments, int argc, char **argv) {
    int option;
    options_init(&arguments->common);
    while (!arguments->help && (option = getopt_long(argc, argv, "c:ho:", long_options, NULL)) != -1)
        if (!take(arguments, option))
            return false;
    if (!arguments->help && arguments->init.schema == NULL)
        return options_refuse(&command_init, "--schema is missing") == EXIT_COMPLETED;
    return arguments->help || options_end(&command_init, argc, argv);
}

/* ---- the way to the source ---------------------------------------------------------------------------------------- */

/* Where the source and the target are told: a file, or NULL for the environment. */
static const char *settings_file(const struct arguments *arguments) {
    bool there = arguments->named || access(arguments->common.config_file, F_OK) == 0;
    return there ? arguments->common.config_file : NULL;
}

/* The configuration with one table that nobody looks at, so that it is judged by the rules of every other. */
static bool load(const struct arguments *arguments, struct config *config, struct log *log) {
    struct error error;
    const char *file = settings_file(arguments), *env_file = options_env_file(&arguments->common);
    struct config_problems problems = {0};
    struct buffer text = {0};
    error_clear(&error);
    json_t *root = config_outline(file, env_file, false, &error);
    if (root == NULL) {
        log_failure(log, NULL, &error);
        return false;
    }
    json_object_set_new(root, "sources", json_pack("[o]", init_entry(&arguments->init)));
    json_object_set_new(json_array_get(json_object_get(root, "sources"), 0), "tables",
                        json_pack("[{s:s,s:s}]", "source", "x", "target", "x"));
    char *skeleton = json_dumps(root, 0);
    bool loaded = config_load_text(config, file, skeleton, strlen(skeleton), env_file, &problems);
    for (size_t i = 0; i < problems.count; i++)
        problems.list[i].line = problems.list[i].file == NULL ? 0 : problems.list[i].line;
    config_problems_format(&problems, file != NULL ? file : "the environment", &text);
    if (!loaded)
        fprintf(stderr, "%s`thaw init --help` says how the source is told\n", buffer_string(&text));
    memset(skeleton, 0, strlen(skeleton));
    free(skeleton);
    json_decref(root);
    buffer_release(&text);
    config_problems_release(&problems);
    return loaded;
}

/* ---- the result --------------------------------------------------------------------------------------------------- */

static bool write_file(const char *folder, const char *name, const char *text, struct error *error) {
    struct buffer path = {0};
    buffer_appendf(&path, "%s/%s", folder, name);
    size_t length = strlen(text);
    int descriptor = open(buffer_string(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool written = descriptor >= 0 && write(descriptor, text, length) == (ssize_t)length;
    if (descriptor >= 0 && close(descriptor) != 0)
        written = false;
    if (!written)
        error_set(error, ERROR_CONFIG, "%s can't be written: %s", buffer_string(&path), strerror(errno));
    buffer_release(&path);
    return written;
}

static bool write_result(const struct arguments *arguments, const struct init_result *result, struct error *error) {
    char *config = json_dumps(result->config, JSON_INDENT(2));
    struct buffer text = {0};
    bool written = true;
    buffer_appendf(&text, "%s\n", config);
    if (arguments->output != NULL) {
        written = (mkdir(arguments->output, 0755) == 0 || errno == EEXIST) &&
                  write_file(arguments->output, "config.json", buffer_string(&text), error) &&
                  write_file(arguments->output, "tables.sql", buffer_string(&result->sql), error);
    } else if (arguments->common.json) {
        json_t *answer = json_pack("{s:O,s:s}", "config", result->config, "sql", buffer_string(&result->sql));
        written = json_dumpf(answer, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
        json_decref(answer);
    } else {
        written = printf("%s\n-- The targets, as create_target makes them where they are missing:\n\n%s",
                         buffer_string(&text), buffer_string(&result->sql)) > 0;
    }
    buffer_release(&text);
    free(config);
    return written && fflush(stdout) == 0;
}

static int look(const struct arguments *arguments, const struct config *config, struct log *log) {
    struct init_result result;
    struct error error;
    error_clear(&error);
    json_t *outline = config_outline(settings_file(arguments), options_env_file(&arguments->common), true, &error);
    bool done = outline != NULL && init_look(config, &arguments->init, outline, log, &result, &error);
    json_decref(outline);
    if (done) {
        log_info(log, "init", "%zu table(s) and view(s) of the schema \"%s\", %zu more can't be copied as they are",
                 result.table_count, arguments->init.schema, result.disabled_count);
        done = write_result(arguments, &result, &error);
        init_result_release(&result);
    }
    if (!done)
        log_failure(log, NULL, &error);
    return done ? EXIT_COMPLETED : EXIT_FAILED;
}

static int run(int argc, char **argv) {
    struct arguments arguments = {0};
    struct config config = {0};
    struct log log;
    int status = EXIT_USAGE;
    if (!parse(&arguments, argc, argv))
        return EXIT_USAGE;
    if (arguments.help) {
        command_print_help(&command_init);
        return EXIT_COMPLETED;
    }
    log_init(&log, STDERR_FILENO, arguments.common.log_level, arguments.common.log_format);
    if (load(&arguments, &config, &log)) {
        command_hide_secrets(&config, &log);
        if (source_environment_missing(&config, 0))
            command_start_again(argv - 1, &log);
        status = look(&arguments, &config, &log);
    }
    config_release(&config);
    log_release(&log);
    return status;
}

const struct command command_init = {
    .name = "init",
    .summary = "look at the source, and print a configuration and the targets' statements",
    .help = help,
    .run = run,
};
