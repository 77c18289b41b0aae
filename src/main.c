#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd/cmd.h"

static const struct command *const commands[] = {&command_init,  &command_migrate, &command_worker, &command_validate,
                                                 &command_check, &command_status,  &command_clean,  &command_lambda};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out) {
    fprintf(out, "thaw moves Snowflake tables into PostgreSQL.\n\nUsage: thaw COMMAND [options]\n\nCommands:\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\n`thaw COMMAND --help` explains one. `thaw --version` prints the version.\n");
}

/* No core file: it would hold the secrets of the configuration. */
static void forbid_core_files(void) {
#if !defined(__SANITIZE_ADDRESS__) /* the leak checker has to attach to the process */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* Who starts us may have closed them. The next file or socket would then be descriptor 2, and the log would go there: into a
 * connection to PostgreSQL, or a database. */
static void fill_standard_descriptors(void) {
    int descriptor;
    do
        descriptor = open("/dev/null", O_RDWR);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor > STDERR_FILENO)
        close(descriptor);
}

/* A result that could not be written is none; but a migration that has run has run, and isn't to be run again for that. */
static int end(const struct command *command, int status) {
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    fprintf(stderr, "thaw %s: the result could not be written: %s\n", command->name, strerror(errno));
    bool ran = command == &command_migrate || command == &command_worker;
    return status == EXIT_COMPLETED && !ran ? EXIT_FAILED : status;
}

/* Batches come and go by the hundred kilobytes. By glibc's defaults each of them gives its pages back to the kernel and
 * faults them in again: a fifth of the process's system time in a migration, for no memory saved. */
static void keep_pages(void) {
    mallopt(M_ARENA_MAX, 2); /* an arena a thread would keep what each of them has freed: 60 MB more with 8 workers */
    mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
}

/* Lambda's provided runtimes start a file called bootstrap, with whatever arguments an image's CMD gives. */
static bool is_lambda_bootstrap(const char *program) {
    const char *slash = strrchr(program, '/');
    return getenv("AWS_LAMBDA_RUNTIME_API") != NULL && strcmp(slash != NULL ? slash + 1 : program, "bootstrap") == 0;
}

int main(int argc, char **argv) {
    static char program[] = "thaw", lambda[] = "lambda";
    static char *lambda_arguments[] = {program, lambda, NULL};
    fill_standard_descriptors();
    forbid_core_files();
    keep_pages();
    if (argc > 0 && is_lambda_bootstrap(argv[0])) {
        argc = 2;
        argv = lambda_arguments;
    }
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return EXIT_COMPLETED;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("thaw %s\n", THAW_VERSION);
        return EXIT_COMPLETED;
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return end(commands[i], commands[i]->run(argc - 1, argv + 1));
    fprintf(stderr, "thaw: there is no command \"%s\"\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}
