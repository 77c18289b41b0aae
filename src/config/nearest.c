#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "config/config.h"

enum { LENGTH_LIMIT = 128 }; /* longer names have no near ones: bounds the work on hostile input */

static size_t minimum(size_t a, size_t b) {
    return a < b ? a : b;
}

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edit distance in which a swap of neighbours is one step (optimal string alignment); upper and lower case are alike. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t rows[3][LENGTH_LIMIT + 1];
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    memset(rows, 0, sizeof rows);
    for (size_t j = 0; j <= b_length; j++)
        previous[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        current[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = previous[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
            current[j] = minimum(replaced, minimum(previous[j], current[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                current[j] = minimum(current[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = previous;
        previous = current;
        current = spare;
    }
    return previous[b_length];
}

const char *config_nearest(const char *name, const char *const *candidates, size_t count) {
    size_t length = strlen(name);
    if (length == 0 || length > LENGTH_LIMIT)
        return NULL;
    const char *nearest = NULL, *holder = NULL;
    size_t nearest_distance = length / 3 + 1; /* one mistake in three letters is still a likeness */
    for (size_t i = 0; i < count; i++) {
        size_t candidate_length = strlen(candidates[i]);
        if (candidate_length > LENGTH_LIMIT)
            continue;
        size_t candidate_distance = distance(name, length, candidates[i], candidate_length);
        if (candidate_distance <= nearest_distance && candidate_distance < candidate_length &&
            (nearest == NULL || candidate_distance < nearest_distance)) {
            nearest = candidates[i];
            nearest_distance = candidate_distance;
        }
        /* "threads" for "parallel_threads", "postgresql" for "postgres". */
        if (holder == NULL && length >= 4 && candidate_length >= 4 &&
            (strcasestr(candidates[i], name) != NULL || strcasestr(name, candidates[i]) != NULL))
            holder = candidates[i];
    }
    return nearest != NULL ? nearest : holder;
}
