/* Which source column goes into which target column, and whether each pair can be encoded. */
#ifndef THAW_RUN_MAPPING_H
#define THAW_RUN_MAPPING_H

#include "run/state.h"

/* Look at both ends of a table and work out the mapping; nothing is changed anywhere. Everything that is wrong is told at
 * once, ERROR_CONFIG. `source` and `target` are connections in nobody else's use. */
bool mapping_prepare(struct run_mapping *mapping, const struct run_table *table, struct source_connection *source,
                     const struct dialect *dialect, struct target_connection *target, struct log *log,
                     struct error *error) THAW_CHECK;
void mapping_release(struct run_mapping *mapping);

/* What mapping_prepare() is made of, for those who tell more than that it can't be done. */
struct mapping_findings {
    struct buffer *problems; /* sentences: what keeps the table from being loaded, the pairs' types apart */
    size_t problem_count;
    char **refusals;               /* for each of mapping->columns why its pair can't be encoded; NULL: it can */
    enum encode_support *supports; /* for each of them how it is encoded */
    size_t refusal_count;          /* of both; 0 where the source was not asked */
    struct buffer left_out;        /* source columns that the target lacks or doesn't let anyone write: "a", "b" */
};

/* Pair the columns of mapping->source and mapping->target, which the caller has described, by name. False: ERROR_CONFIG
 * where nothing pairs, or the source didn't answer; `findings` is to be released either way. */
bool mapping_pair(struct run_mapping *mapping, const struct config_table *config, struct source_connection *source,
                  const struct dialect *dialect, struct mapping_findings *findings, struct error *error) THAW_CHECK;
/* A new one, empty: a sentence is to be appended. */
struct buffer *mapping_add_problem(struct mapping_findings *findings);
void mapping_findings_release(struct mapping_findings *findings);
/* The source column that is called nearly so, or NULL. */
const char *mapping_nearest_source_column(const struct run_mapping *mapping, const char *name);
/* Chunking columns and how they cut, after mapping_pair(): as configured, else the key that the user named, else the source's
 * primary key. Where nothing orders chunks, a large table is cut by a hash; else it is one chunk. */
bool mapping_choose_keys(struct run_mapping *mapping, const struct config_table *config,
                         struct error *error) THAW_CHECK;
/* Appended: chunking_column_types that are of another family than the column, "" where all agree. The column's own type
 * counts; of text, "varchar_numeric" says to compare the numbers in it. */
void mapping_compare_types(const struct run_mapping *mapping, const struct config_table *config,
                           struct buffer *differences);

#endif
