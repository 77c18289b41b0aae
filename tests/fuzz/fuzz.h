/* What a fuzz target is: one file fuzz_NAME.c with these two functions, linked with the engine in fuzz.c.
 *
 * A target feeds one reader of what comes from outside, checks what it promises, and keeps nothing between two calls. A crash,
 * a finding of a sanitizer, a promise that doesn't hold or a call that takes too long is a finding.
 */
#ifndef THAW_TESTS_FUZZ_H
#define THAW_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Read this input. libFuzzer's name for it, so that clang's engine could drive the same file
 * (https://llvm.org/docs/LibFuzzer.html#fuzz-target). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Call fuzz_seed() with inputs to begin with: good ones, which mutations then spoil. */
void fuzz_seeds(void);
void fuzz_seed(const void *data, size_t size);
void fuzz_seed_text(const char *text);

/* A promise: where it doesn't hold the process ends, and the engine keeps the input. */
#define FUZZ_REQUIRE(promise) fuzz_require((promise), #promise, __FILE__, __LINE__)
void fuzz_require(bool kept, const char *promise, const char *file, int line);

/* The input as a string of its own, cut at its first NUL; freed by the caller. Its memory ends where it ends, so that a read
 * beyond is seen. */
char *fuzz_text(const uint8_t *data, size_t size);

#endif
