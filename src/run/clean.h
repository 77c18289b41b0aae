/* thaw clean: indexes that a load left dropped are put back, scratch tables of the source that nobody reads any more are dropped, and runs that nobody needs any more are forgotten. Rows of targets
 * are never touched.
 */
#ifndef THAW_RUN_CLEAN_H
#define THAW_RUN_CLEAN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/log.h"
#include "config/config.h"

struct clean_options {
    bool unfinished;    /* forget unfinished runs, too, that are older than resume_max_age */
    const char *run_id; /* forget this unfinished run; NULL: none by name */
};

struct clean;

/* Look at every target database of the configuration, and print what there is to do (`out` NULL: nothing). *things: how much. Release
 * `clean` either way. */
bool clean_look(struct clean **clean, const struct config *config, const struct clean_options *options, struct log *log,
                FILE *out, size_t *things, struct error *error) THAW_CHECK;
/* What was found, after clean_look(): [{"database": "...", "indexes": [], "runs": [], "scratch_tables": []}], each with the "action" that
 * it is for. */
void clean_to_json(const struct clean *clean, struct buffer *json);
/* Do it, all that can be done. What can't is logged, and the error says how much of it there was. */
bool clean_do(struct clean *clean, FILE *out, struct error *error) THAW_CHECK;
void clean_release(struct clean **clean);

#endif
