/* A .env file and a text with references into it: what stands before the first NUL, and after it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "config/environment.h"

static int faults;

static void count_fault(void *context, enum substitution_fault fault, const char *name) {
    (void)context;
    FUZZ_REQUIRE((name != NULL) == (fault == SUBSTITUTION_UNSET));
    faults++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t length = strnlen((const char *)data, size);
    char *text = length < size ? fuzz_text(data + length + 1, size - length - 1) : fuzz_text(data, 0);
    struct environment environment = {0};
    struct config_problems problems = {0};
    struct substitution substitution = {.report = count_fault};
    struct buffer out = {0};
    environment_parse(&environment, ".env", (const char *)data, length, &problems);
    for (size_t i = 0; i < problems.count; i++)
        FUZZ_REQUIRE(problems.list[i].line > 0 && problems.list[i].message != NULL);
    for (size_t i = 0; i < environment.variable_count; i++)
        FUZZ_REQUIRE(environment_get(&environment, environment.variables[i].name) != NULL);
    faults = 0;
    environment_substitute(&environment, text, &out, &substitution);
    FUZZ_REQUIRE(substitution.failed == (faults > 0));
    if (!substitution.referenced && !substitution.failed && strstr(text, "$${") == NULL)
        FUZZ_REQUIRE(strcmp(buffer_string(&out), text) == 0);
    buffer_release(&out);
    environment_release(&environment);
    config_problems_release(&problems);
    free(text);
    return 0;
}

void fuzz_seeds(void) {
    static const char file[] =
        "# a remark\nexport A=b # c\nB='as it $x \\n stands'\nC=\"two\nlines \\n\\$\\\"\"\n\n D = e\nBAD\n=x\n";
    static const char text[] = "${A} $${A} ${NONE:-${B:-x}} ${C:-} ${A";
    uint8_t both[sizeof file + sizeof text];
    memcpy(both, file, sizeof file);
    memcpy(both + sizeof file, text, sizeof text - 1);
    fuzz_seed(both, sizeof file + sizeof text - 1);
}
