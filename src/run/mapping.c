#include "run/mapping.h"

#include <string.h>

#include "base/memory.h"
#include "config/config.h"
#include "run/create.h"
#include "run/foreign_keys.h"
#include "run/merging.h"
#include "run/snapshot.h"
#include "run/window.h"
#include "target/copy.h"
#include "target/create.h"

enum { NAMING_COLUMNS = 8 };

static void append_name(struct buffer *list, const char *name) {
    buffer_appendf(list, "%s\"%s\"", list->length > 0 ? ", " : "", name);
}

struct buffer *mapping_add_problem(struct mapping_findings *findings) {
    findings->problems = memory_resize(findings->problems, findings->problem_count + 1, sizeof *findings->problems);
    struct buffer *problem = &findings->problems[findings->problem_count++];
    memset(problem, 0, sizeof *problem);
    return problem;
}

const char *mapping_nearest_source_column(const struct run_mapping *mapping, const char *name) {
    const char **names = memory_array(mapping->source.column_count + 1, sizeof *names);
    for (size_t i = 0; i < mapping->source.column_count; i++)
        names[i] = mapping->source.columns[i].name;
    const char *nearest = config_nearest(name, names, mapping->source.column_count);
    memory_release(&names);
    return nearest;
}

static const char *nearest_target_column(const struct run_mapping *mapping, const char *name) {
    const char **names = memory_array(mapping->target.column_count + 1, sizeof *names);
    for (size_t i = 0; i < mapping->target.column_count; i++)
        names[i] = mapping->target.columns[i].encode.name;
    const char *nearest = config_nearest(name, names, mapping->target.column_count);
    memory_release(&names);
    return nearest;
}

static void add_unknown_name(struct mapping_findings *findings, const char *end, const char *name,
                             const char *nearest) {
    struct buffer *problem = mapping_add_problem(findings);
    buffer_appendf(problem, "column_mapping names the %s column \"%s\", which doesn't exist", end, name);
    if (nearest != NULL)
        buffer_appendf(problem, " (did you mean \"%s\"?)", nearest);
}

static void check_mapped_names(const struct run_mapping *mapping, const struct config_table *config,
                               struct mapping_findings *findings) {
    for (size_t i = 0; i < config->column_mapping_count; i++) {
        const char *from = config->column_mapping[i].name;
        const char *to = config->column_mapping[i].value;
        if (source_column_find(&mapping->source, from) < 0)
            add_unknown_name(findings, "source", from, mapping_nearest_source_column(mapping, from));
        if (target_column_find(&mapping->target, to) < 0)
            add_unknown_name(findings, "target", to, nearest_target_column(mapping, to));
    }
}

static void pair_columns(struct run_mapping *mapping, const struct config_table *config,
                         struct mapping_findings *findings) {
    size_t count = mapping->source.column_count;
    bool *taken = memory_array(mapping->target.column_count, sizeof *taken);
    mapping->columns = memory_array(count, sizeof *mapping->columns);
    mapping->targets = memory_array(count, sizeof *mapping->targets);
    for (size_t i = 0; i < count; i++) {
        const char *name = create_column_name(config, mapping->source.columns[i].name);
        int64_t found = target_column_find(&mapping->target, name);
        if (found < 0 || mapping->target.columns[found].generated) {
            append_name(&findings->left_out, mapping->source.columns[i].name);
        } else if (taken[found]) {
            buffer_appendf(mapping_add_problem(findings), "two source columns go into the target column \"%s\"", name);
        } else {
            taken[found] = true;
            mapping->columns[mapping->column_count] = i;
            mapping->targets[mapping->column_count++] = mapping->target.columns[found].encode;
        }
    }
    for (size_t i = 0; i < mapping->target.column_count; i++) {
        const struct target_column *column = &mapping->target.columns[i];
        if (!taken[i] && column->not_null && !column->has_default && !column->generated)
            buffer_appendf(mapping_add_problem(findings),
                           "the target column \"%s\" is NOT NULL without a default, and no source column goes there",
                           column->encode.name);
    }
    mapping->written_count = mapping->column_count;
    memory_release(&taken);
}

/* Rows are named in messages by the key that they are merged by; else by their chunking columns, as far as those are copied; not
 * where those are all that can be hashed, which would be rows in full. */
static void choose_key_columns(struct run_mapping *mapping) {
    const struct merge *merge = &mapping->merge;
    if (mapping->merges) {
        mapping->key_columns = memory_array(merge->key_count, sizeof *mapping->key_columns);
        memcpy(mapping->key_columns, merge->key, merge->key_count * sizeof *merge->key);
        mapping->key_column_count = merge->key_count;
        return;
    }
    if (mapping->key_count > NAMING_COLUMNS)
        return;
    mapping->key_columns = memory_array(mapping->key_count, sizeof *mapping->key_columns);
    for (size_t k = 0; k < mapping->key_count; k++)
        for (size_t i = 0; i < mapping->column_count; i++)
            if (strcmp(mapping->source.columns[mapping->columns[i]].name, mapping->keys[k].name) == 0)
                mapping->key_columns[mapping->key_column_count++] = i;
}

/* Ask the source for the schema of the very query that will be read (catalogues and drivers disagree with it), with no
 * rows, and see whether every pair can be encoded, before anything is truncated. */
static bool check_pairs(struct run_mapping *mapping, struct source_connection *source, const struct dialect *dialect,
                        struct mapping_findings *findings, struct error *error) {
    struct plan_chunk whole = {.kind = CHUNK_WHOLE};
    struct buffer sql = {0};
    bool has_inexact = false;
    struct source_stream stream;
    plan_data_query(&sql, dialect, &mapping->source, mapping->columns, mapping->column_count, "1 = 0", NULL, 0, &whole,
                    &has_inexact);
    bool opened = source_stream_open(source, buffer_string(&sql), &stream, error);
    buffer_release(&sql);
    if (!opened)
        return error_context(error, "asking the source for the columns' types");
    findings->refusals = memory_array(mapping->column_count, sizeof *findings->refusals);
    findings->supports = memory_array(mapping->column_count, sizeof *findings->supports);
    for (size_t i = 0; i < mapping->column_count && (int64_t)i < stream.schema.n_children; i++) {
        char reason[512];
        findings->refusal_count = i + 1;
        findings->supports[i] =
            encode_pair_support(stream.schema.children[i], &mapping->targets[i], reason, sizeof reason);
        if (findings->supports[i] == PAIR_REFUSED)
            findings->refusals[i] = memory_copy_string(reason);
        if (findings->supports[i] == PAIR_TEXT)
            mapping->format = ENCODE_TEXT;
    }
    source_stream_close(&stream);
    return true;
}

bool mapping_pair(struct run_mapping *mapping, const struct config_table *config, struct source_connection *source,
                  const struct dialect *dialect, struct mapping_findings *findings, struct error *error) {
    memset(findings, 0, sizeof *findings);
    check_mapped_names(mapping, config, findings);
    pair_columns(mapping, config, findings);
    merging_add_columns(mapping, config, findings);
    if (mapping->column_count > 0)
        return check_pairs(mapping, source, dialect, findings, error);
    error_set(error, ERROR_CONFIG,
              "no source column has the name of a column of the target table \"%s\".\"%s\"; the source has %s",
              mapping->target.schema, mapping->target.name, buffer_string(&findings->left_out));
    return error_hint(error, "names are exact, upper and lower case included: use column_mapping where they differ");
}

void mapping_findings_release(struct mapping_findings *findings) {
    for (size_t i = 0; i < findings->problem_count; i++)
        buffer_release(&findings->problems[i]);
    for (size_t i = 0; i < findings->refusal_count; i++)
        memory_release(&findings->refusals[i]);
    memory_release(&findings->problems);
    memory_release(&findings->refusals);
    memory_release(&findings->supports);
    buffer_release(&findings->left_out);
    memset(findings, 0, sizeof *findings);
}

/* All that stands in the way as one error. */
static bool refuse_findings(const struct run_mapping *mapping, const struct mapping_findings *findings,
                            struct error *error) {
    struct buffer text = {0};
    for (size_t i = 0; i < findings->problem_count; i++)
        buffer_appendf(&text, "%s%s", text.length > 0 ? "; " : "", buffer_string(&findings->problems[i]));
    for (size_t i = 0; i < findings->refusal_count; i++)
        if (findings->refusals[i] != NULL)
            buffer_appendf(&text, "%scolumn \"%s\" (%s) can't go into \"%s\" (%s): %s", text.length > 0 ? "; " : "",
                           mapping->source.columns[mapping->columns[i]].name,
                           mapping->source.columns[mapping->columns[i]].type_name, mapping->targets[i].name,
                           mapping->targets[i].type_name, findings->refusals[i]);
    bool good = text.length == 0;
    if (!good) {
        error_set(error, ERROR_CONFIG, "the columns don't fit the target table \"%s\".\"%s\": %s",
                  mapping->target.schema, mapping->target.name, buffer_string(&text));
        error_hint(error, "%s; `thaw check` shows every column and what it is paired with",
                   findings->problem_count > 0
                       ? "correct column_mapping, whose names are exact, or the target table"
                       : "change the target column's type, or cast the column in a view of the source");
    }
    buffer_release(&text);
    return good;
}

static bool map_columns(struct run_mapping *mapping, const struct run_table *table, struct source_connection *source,
                        const struct dialect *dialect, struct log *log, struct error *error) {
    struct mapping_findings findings;
    struct log_scope scope = run_scope(table, 0);
    bool done = mapping_pair(mapping, table->config, source, dialect, &findings, error) &&
                refuse_findings(mapping, &findings, error);
    if (done && findings.left_out.length > 0)
        log_write(log, LOG_WARNING, &scope, "left out, since the target has no such column to write: %s",
                  buffer_string(&findings.left_out));
    mapping_findings_release(&findings);
    return done;
}

static void warn_of_types(const struct run_mapping *mapping, const struct run_table *table, struct log *log) {
    struct log_scope scope = run_scope(table, 0);
    struct buffer differences = {0};
    mapping_compare_types(mapping, table->config, &differences);
    if (differences.length > 0)
        log_write(log, LOG_WARNING, &scope, "chunking_column_types: %s; the source's own type counts",
                  buffer_string(&differences));
    buffer_release(&differences);
}

bool mapping_prepare(struct run_mapping *mapping, const struct run_table *table, struct source_connection *source,
                     const struct dialect *dialect, struct target_connection *target, struct log *log,
                     struct error *error) {
    struct buffer copy = {0};
    memset(mapping, 0, sizeof *mapping);
    bool done = source_describe(source, &table->relation, &mapping->source, error) &&
                create_find_target(mapping, table, dialect, target, error) &&
                map_columns(mapping, table, source, dialect, log, error) &&
                mapping_choose_keys(mapping, table->config, error) &&
                merging_prepare(mapping, table->config, target, error) &&
                (mapping->create_sql != NULL || table->config->settings.on_bad_row == BAD_ROW_REJECT ||
                 foreign_keys_defer(target, &mapping->target, &mapping->defer_sql, error));
    if (done) {
        warn_of_types(mapping, table, log);
        choose_key_columns(mapping);
        copy_statement(&copy, mapping->target.schema, mapping->target.name, mapping->targets, mapping->written_count,
                       mapping->format);
        mapping->copy_sql = buffer_steal(&copy);
    } else {
        mapping_release(mapping);
    }
    return done;
}

void mapping_release(struct run_mapping *mapping) {
    for (size_t i = mapping->written_count; i < mapping->column_count; i++) {
        memory_release(&mapping->targets[i].name);
        memory_release(&mapping->targets[i].type_name);
        memory_release(&mapping->targets[i].base_name);
    }
    merge_release(&mapping->merge);
    source_table_release(&mapping->source);
    snapshot_release(&mapping->snapshot);
    target_table_release(&mapping->target);
    memory_release(&mapping->columns);
    memory_release(&mapping->targets);
    plan_keys_release(&mapping->keys, &mapping->key_count);
    memory_release(&mapping->key_columns);
    memory_release(&mapping->defer_sql);
    memory_release(&mapping->create_sql);
    memory_release(&mapping->comments_sql);
    memory_release(&mapping->copy_sql);
    window_release(&mapping->window);
    memory_release(&mapping->filter);
    memset(mapping, 0, sizeof *mapping);
}
