/* A small coverage-guided fuzzing engine, since gcc has none of its own.
 *
 *   fuzz-NAME [-seconds N] [-runs N] [-seed N] [-corpus FOLDER] [-findings FOLDER] [FILE...]
 *
 * With files it only reads them: to look at a finding again. Else it mutates its seeds, and what the corpus holds, and keeps
 * every input that reaches something new; -corpus keeps those for the next time. Where the code is not compiled with
 * -fsanitize-coverage=trace-pc it mutates blindly. The work is done in a child, so that its end, however sudden, can be told.
 * https://gcc.gnu.org/onlinedocs/gcc/Instrumentation-Options.html
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    LARGEST_INPUT = 8192,
    MAP_SIZE = 1 << 16,
    MOST_CHANGES = 6,   /* of one input, before it is read */
    TOO_LONG = 20,      /* seconds a call may take */
    REPORT_SECONDS = 10 /* how often the engine says how far it is */
};

struct input {
    uint8_t *bytes;
    size_t size;
};

/* What parent and child share. */
struct shared {
    size_t size; /* of what is being read */
    uint8_t bytes[LARGEST_INPUT];
    uint64_t runs;
};

struct engine {
    const char *corpus_folder;
    uint64_t seconds, runs, state;
    struct shared *shared;
    struct input *corpus;
    size_t count;
    size_t points; /* bits of `seen` that are set */
};

static struct engine engine = {.state = 1};
static uint8_t map[MAP_SIZE];  /* how often each place was passed by the call under way */
static uint8_t seen[MAP_SIZE]; /* by any call, as bits: once, twice, a few times, often, ... */

void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void) {
    uintptr_t place = (uintptr_t)__builtin_return_address(0);
    map[(place ^ place >> 16) % MAP_SIZE]++;
}

void fuzz_require(bool kept, const char *promise, const char *file, int line) {
    if (kept)
        return;
    fprintf(stderr, "%s:%d: not kept: %s\n", file, line, promise);
    abort();
}

char *fuzz_text(const uint8_t *data, size_t size) {
    size_t length = strnlen((const char *)data, size);
    char *text = malloc(length + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, length);
    text[length] = '\0';
    return text;
}

/* ---- random changes ------------------------------------------------------------------------------------------------ */

static uint64_t next_random(void) {
    engine.state ^= engine.state << 13;
    engine.state ^= engine.state >> 7;
    engine.state ^= engine.state << 17;
    return engine.state;
}

static size_t below(size_t limit) {
    return limit == 0 ? 0 : (size_t)(next_random() % limit);
}

/* Bytes at which parsers turn. */
static uint8_t telling_byte(void) {
    static const uint8_t bytes[] = "\0\1\x7f\x80\xff\n\r\t \"'\\/{}[]()<>,;:=#$%+-.0123456789eEnNuUxX_";
    return bytes[below(sizeof bytes - 1)];
}

static void overwrite(uint8_t *bytes, size_t size, const uint8_t *from, size_t length) {
    size_t at = below(size);
    memcpy(bytes + at, from, length < size - at ? length : size - at);
}

static size_t insert(uint8_t *bytes, size_t size, const uint8_t *from, size_t length) {
    if (size + length > LARGEST_INPUT)
        return size;
    size_t at = below(size + 1);
    memmove(bytes + at + length, bytes + at, size - at);
    memcpy(bytes + at, from, length);
    return size + length;
}

/* A piece of some input of the corpus. */
static size_t borrow(uint8_t *piece, size_t most) {
    const struct input *other = &engine.corpus[below(engine.count)];
    size_t at = below(other->size);
    size_t length = 1 + below(most);
    if (length > other->size - at)
        length = other->size - at;
    memcpy(piece, other->bytes + at, length);
    return length;
}

static size_t change(uint8_t *bytes, size_t size) {
    uint8_t piece[256];
    uint64_t number = next_random() >> below(64);
    size_t length = 1 + below(8);
    switch (size == 0 ? 4 : below(9)) {
    case 0:
        bytes[below(size)] ^= (uint8_t)(1U << below(8));
        return size;
    case 1:
        bytes[below(size)] = telling_byte();
        return size;
    case 2:
        bytes[below(size)] = (uint8_t)next_random();
        return size;
    case 3: /* a number, small or large, as a machine keeps it */
        number = below(2) == 0 ? number : -number;
        overwrite(bytes, size, (const uint8_t *)&number, length);
        return size;
    case 4:
        piece[0] = telling_byte();
        return insert(bytes, size, piece, 1);
    case 5: { /* something goes */
        size_t at = below(size);
        length = length < size - at ? length : size - at;
        memmove(bytes + at, bytes + at + length, size - at - length);
        return size - length;
    }
    case 6: /* or comes twice */
        length = borrow(piece, sizeof piece);
        return insert(bytes, size, piece, length);
    case 7:
        length = borrow(piece, sizeof piece);
        overwrite(bytes, size, piece, length);
        return size;
    default: /* the end is missing */
        return below(size) + 1;
    }
}

/* ---- the corpus ---------------------------------------------------------------------------------------------------- */

static void keep(const uint8_t *bytes, size_t size) {
    engine.corpus = realloc(engine.corpus, (engine.count + 1) * sizeof *engine.corpus);
    uint8_t *copy = malloc(size + 1);
    if (engine.corpus == NULL || copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    engine.corpus[engine.count++] = (struct input){copy, size};
}

static void write_file(const char *folder, const char *prefix, const uint8_t *bytes, size_t size) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s%016" PRIx64, folder, prefix, (uint64_t)XXH3_64bits(bytes, size));
    FILE *file = fopen(path, "we");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    else if (*prefix != '\0')
        fprintf(stderr, "the input is kept: read it again with %s %s\n", program_invocation_name, path);
}

static bool read_file(const char *path, struct input *input) {
    static uint8_t bytes[LARGEST_INPUT];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    *input = (struct input){bytes, fread(bytes, 1, sizeof bytes, file)};
    fclose(file);
    return true;
}

/* Did the last call pass places that none has passed before, or pass some more often? */
static bool reached_something_new(void) {
    bool new = false;
    for (size_t i = 0; i < MAP_SIZE; i++) {
        uint8_t times = map[i];
        if (times == 0)
            continue;
        uint8_t bit = (uint8_t)(1U << (times < 4 ? times - 1 : times < 8 ? 3 : times < 16 ? 4 : times < 32 ? 5 : 6));
        if ((seen[i] & bit) == 0) {
            seen[i] |= bit;
            engine.points++;
            new = true;
        }
        map[i] = 0;
    }
    return new;
}

static bool run_once(const uint8_t *bytes, size_t size) {
    engine.shared->size = size;
    memcpy(engine.shared->bytes, bytes, size);
    /* Memory of exactly this size, so that reading beyond the input is seen. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, bytes, size);
    alarm(TOO_LONG);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    engine.shared->runs++;
    return reached_something_new();
}

void fuzz_seed(const void *data, size_t size) {
    if (size > LARGEST_INPUT)
        size = LARGEST_INPUT;
    (void)run_once(data, size);
    keep(data, size);
}

void fuzz_seed_text(const char *text) {
    fuzz_seed(text, strlen(text));
}

static void read_corpus(void) {
    DIR *folder = engine.corpus_folder == NULL ? NULL : opendir(engine.corpus_folder);
    struct dirent *entry;
    char path[PATH_MAX];
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        struct input input;
        snprintf(path, sizeof path, "%s/%s", engine.corpus_folder, entry->d_name);
        if (entry->d_name[0] != '.' && read_file(path, &input) && run_once(input.bytes, input.size))
            keep(input.bytes, input.size);
    }
    if (folder != NULL)
        closedir(folder);
}

/* ---- the child, and who waits for it ------------------------------------------------------------------------------- */

static uint64_t seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

static void say(const char *what) {
    printf("%s: %s%" PRIu64 " inputs read, %zu kept, %zu places\n", program_invocation_short_name, what,
           engine.shared->runs, engine.count, engine.points);
    fflush(stdout);
}

static void mutate_on(void) {
    static uint8_t bytes[LARGEST_INPUT];
    uint64_t end = seconds_now() + engine.seconds, next = seconds_now() + REPORT_SECONDS;
    keep((const uint8_t *)"", 0);
    fuzz_seeds();
    read_corpus();
    for (uint64_t run = 0; engine.runs > 0 ? run < engine.runs : seconds_now() < end; run++) {
        const struct input *input = &engine.corpus[below(engine.count)];
        size_t size = input->size;
        memcpy(bytes, input->bytes, size);
        for (size_t changes = 1 + below(MOST_CHANGES); changes > 0; changes--)
            size = change(bytes, size);
        if (run_once(bytes, size)) {
            keep(bytes, size);
            if (engine.corpus_folder != NULL)
                write_file(engine.corpus_folder, "", bytes, size);
        }
        if (engine.runs == 0 && seconds_now() >= next) {
            next += REPORT_SECONDS;
            say("so far ");
        }
    }
    alarm(0);
    say("");
}

static int read_files(char **files) {
    for (; *files != NULL; files++) {
        struct input input;
        if (!read_file(*files, &input)) {
            fprintf(stderr, "%s: %s\n", *files, strerror(errno));
            return 2;
        }
        (void)run_once(input.bytes, input.size);
    }
    return 0;
}

static int judge(pid_t child, const char *findings_folder) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 2;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        fprintf(stderr, "it takes more than %d s to read\n", TOO_LONG);
    fprintf(stderr, "%s: a finding, after %" PRIu64 " inputs\n", program_invocation_short_name, engine.shared->runs);
    if (findings_folder != NULL)
        write_file(findings_folder, "finding-", engine.shared->bytes, engine.shared->size);
    return 1;
}

static bool read_option(char ***argument, const char *name, const char **text, uint64_t *number) {
    char **at = *argument;
    char *end = NULL;
    if (strcmp(at[0], name) != 0 || at[1] == NULL)
        return false;
    if (text != NULL)
        *text = at[1];
    if (number != NULL)
        *number = strtoull(at[1], &end, 10);
    *argument += 2;
    return number == NULL || *end == '\0';
}

int main(int count, char **arguments) {
    const char *findings_folder = NULL;
    uint64_t seed = 1;
    char **argument = arguments + (count > 0);
    engine.seconds = 10;
    while (*argument != NULL && **argument == '-')
        if (!read_option(&argument, "-seconds", NULL, &engine.seconds) &&
            !read_option(&argument, "-runs", NULL, &engine.runs) && !read_option(&argument, "-seed", NULL, &seed) &&
            !read_option(&argument, "-corpus", &engine.corpus_folder, NULL) &&
            !read_option(&argument, "-findings", &findings_folder, NULL)) {
            fprintf(stderr,
                    "usage: %s [-seconds N] [-runs N] [-seed N] [-corpus FOLDER] [-findings FOLDER] [FILE...]\n",
                    arguments[0]);
            return 2;
        }
    engine.state = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    engine.shared = mmap(NULL, sizeof *engine.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (engine.shared == MAP_FAILED)
        return 2;
    pid_t child = fork();
    if (child != 0)
        return child < 0 ? 2 : judge(child, *argument == NULL ? findings_folder : NULL);
    if (*argument != NULL)
        return read_files(argument);
    mutate_on();
    return 0;
}
