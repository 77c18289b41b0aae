/* A defect that was planted: the engine must find it, or it finds none. Four bytes, each of which leads one step further; blindly
 * only the last one is found. */
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t way[] = {'{', '"', ':', '}'};
    size_t steps = 0;
    while (steps < size && steps < sizeof way && data[steps] == way[steps])
        steps++;
    uint8_t *copy = malloc(sizeof way);
    if (copy == NULL)
        abort();
    copy[steps] = 1; /* the heap ends here where all four are right */
    free(copy);
    return 0;
}

void fuzz_seeds(void) {
#ifdef GUIDED
    fuzz_seed_text("{ ");
#else
    fuzz_seed_text("{\":x");
#endif
}
