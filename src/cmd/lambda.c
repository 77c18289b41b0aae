#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "lambda/serve.h"
#include "lambda/size.h"
#include "run/run.h"
#include "source/source.h"

static const char help[] =
    "Usage: thaw lambda [options]\n\n"
    "Serves invocations as an AWS Lambda function: the program does so by itself where it is called bootstrap and\n"
    "AWS_LAMBDA_RUNTIME_API is set, as on the runtime provided.al2023. docs/lambda.md has events, answers and set-up.\n"
    "The configuration is THAW_CONFIG, or config.json beside the program; log format and level are those of\n"
    "AWS_LAMBDA_LOG_FORMAT (JSON where it is not set) and AWS_LAMBDA_LOG_LEVEL.\n";

static const struct option long_options[] = {COMMON_OPTIONS, {0}};

/* Tests shorten the configuration's buffer, which is 30 s at least. */
static bool buffer_from_environment(double *seconds) {
    const char *text = getenv("THAW_LAMBDA_BUFFER_SECONDS");
    char *end = NULL;
    *seconds = -1;
    if (text == NULL || text[0] == '\0')
        return true;
    *seconds = strtod(text, &end);
    return *end == '\0' && isfinite(*seconds) && *seconds >= 0;
}

/* By the configuration as it is now; what is wrong with it is told later. */
static int64_t driver_memory_mb(const char *config_file) {
    struct config config = {0};
    struct config_problems problems = {0};
    int64_t driver_mb = 0;
    if (config_load_unfetched(&config, config_file, NULL, &problems)) {
        size_limit_memory(&config, NULL);
        driver_mb = run_driver_memory_mb(&config, 0);
    }
    config_problems_release(&problems);
    config_release(&config);
    return driver_mb;
}

static int run(int argc, char **argv) {
    struct common_options options;
    struct log log;
    int option;
    double buffer_seconds;
    options_init(&options);
    options.config_file = NULL;
    options.log_format = serve_log_format();
    options.log_level = serve_log_level();
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            command_print_help(&command_lambda);
            return EXIT_COMPLETED;
        }
        if (!options_take(&options, &command_lambda, option))
            return EXIT_USAGE;
    }
    if (!options_end(&command_lambda, argc, argv))
        return EXIT_USAGE;
    const char *address = getenv("AWS_LAMBDA_RUNTIME_API");
    if (address == NULL || address[0] == '\0')
        return options_refuse(&command_lambda,
                              "AWS_LAMBDA_RUNTIME_API is not set: this runs inside AWS Lambda, or under "
                              "its runtime interface emulator");
    if (!buffer_from_environment(&buffer_seconds))
        return options_refuse(&command_lambda, "THAW_LAMBDA_BUFFER_SECONDS takes seconds");
    char *config_file = options.config_file != NULL ? memory_copy_string(options.config_file) : serve_config_file();
    log_init(&log, STDERR_FILENO, options.log_level, options.log_format);
    log.lambda_levels = true;
    if (source_prepare_environment(driver_memory_mb(config_file)))
        command_start_again(argv - 1, &log);
    struct function function = {
        .config_file = config_file, .buffer_seconds = buffer_seconds, .log = &log, .arguments = argv - 1};
    bool served = serve(&function, address);
    log_release(&log);
    memory_release(&config_file);
    return served ? EXIT_COMPLETED : EXIT_FAILED;
}

const struct command command_lambda = {
    .name = "lambda",
    .summary = "serve as an AWS Lambda function",
    .help = help,
    .run = run,
};
