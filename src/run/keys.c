/* By which columns a table is cut into chunks, and whether by their order or by a hash of them. */
#include <string.h>

#include "base/memory.h"
#include "run/mapping.h"

static struct source_column *add_key(struct run_mapping *mapping, const struct source_column *column) {
    struct source_column *key = &mapping->keys[mapping->key_count++];
    *key = *column;
    key->name = memory_copy_string(column->name);
    key->type_name = memory_copy_string(column->type_name);
    key->comment = NULL;
    return key;
}

/* ---- what the user names ------------------------------------------------------------------------------------------ */

static const struct source_column *named_column(const struct run_mapping *mapping, const char *name,
                                                struct error *error) {
    int64_t found = source_column_find(&mapping->source, name);
    if (found >= 0)
        return &mapping->source.columns[found];
    error_set(error, ERROR_CONFIG, "chunking_columns names the column \"%s\", which the source doesn't have", name);
    const char *nearest = mapping_nearest_source_column(mapping, name);
    if (nearest != NULL)
        error_hint(error, "did you mean \"%s\"? Names are exact, upper and lower case included", nearest);
    return NULL;
}

static bool refuse_column(const struct source_column *column, enum plan_method method, struct error *error) {
    error_set(error, ERROR_CONFIG, "chunking_columns names the column \"%s\" of type %s, which can't %s", column->name,
              column->type_name, method == PLAN_HASH ? "be hashed" : "order chunks");
    if (method == PLAN_RANGE && plan_hash_supported(column))
        return error_hint(error, "ranges take integers, decimals, dates, timestamps, text and uuid; \"chunking\": "
                                 "\"hash\" takes this column as well");
    return error_hint(error, "name other columns");
}

/* A declared type changes one thing: how text compares. */
static bool declared_numeric(const struct config_table *config, size_t index) {
    return index < config->chunking_column_type_count &&
           strcmp(config->chunking_column_types[index], "varchar_numeric") == 0;
}

static bool choose_named(struct run_mapping *mapping, const struct config_table *config, enum plan_method method,
                         struct error *error) {
    for (size_t i = 0; i < config->chunking_column_count; i++) {
        const struct source_column *column = named_column(mapping, config->chunking_columns[i], error);
        if (column == NULL)
            return false;
        if (!(method == PLAN_HASH ? plan_hash_supported(column) : plan_key_supported(column)))
            return refuse_column(column, method, error);
        struct source_column *key = add_key(mapping, column);
        key->as_number = method == PLAN_RANGE && key->kind == VALUE_TEXT && declared_numeric(config, i);
    }
    mapping->method = method;
    return true;
}

/* ---- what the key says -------------------------------------------------------------------------------------------- */

/* The source column that feeds a target column; false where there is none. */
static bool column_into(const struct run_mapping *mapping, const char *target_column, size_t *column) {
    for (size_t i = 0; i < mapping->column_count; i++)
        if (strcmp(mapping->targets[i].name, target_column) == 0) {
            *column = mapping->columns[i];
            return true;
        }
    return false;
}

/* The target's key as configured, else the source's own: indexes of source columns. `key` has room for the longer of the
 * two. */
static bool find_key(const struct run_mapping *mapping, const struct config_table *config, size_t *key, size_t *count,
                     struct error *error) {
    *count = config->uniqueness_column_count;
    for (size_t i = 0; i < *count; i++)
        if (!column_into(mapping, config->uniqueness_columns[i], &key[i]))
            return error_set(error, ERROR_CONFIG,
                             "uniqueness_columns names the target column \"%s\", which no source column goes into",
                             config->uniqueness_columns[i]);
    if (*count > 0)
        return true;
    *count = mapping->source.key_count;
    for (size_t i = 0; i < *count; i++)
        key[i] = mapping->source.key[i];
    return true;
}

/* Any columns of the key order chunks as well as the whole key, but for ties. */
static void choose_range(struct run_mapping *mapping, const size_t *key, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (plan_key_supported(&mapping->source.columns[key[i]]))
            add_key(mapping, &mapping->source.columns[key[i]]);
    if (mapping->key_count > 0)
        mapping->method = PLAN_RANGE;
}

/* The key; where there is none that always hashes alike, all copied columns that do. */
static void choose_hash(struct run_mapping *mapping, const size_t *key, size_t count) {
    bool reliable = count > 0;
    for (size_t i = 0; i < count; i++)
        reliable = reliable && plan_hash_reliable(&mapping->source.columns[key[i]]);
    for (size_t i = 0; reliable && i < count; i++)
        add_key(mapping, &mapping->source.columns[key[i]]);
    for (size_t i = 0; !reliable && i < mapping->written_count; i++)
        if (plan_hash_reliable(&mapping->source.columns[mapping->columns[i]]))
            add_key(mapping, &mapping->source.columns[mapping->columns[i]]);
    if (mapping->key_count > 0)
        mapping->method = PLAN_HASH;
}

static bool choose_unnamed(struct run_mapping *mapping, const struct config_table *config, size_t *key,
                           struct error *error) {
    size_t count;
    if (!find_key(mapping, config, key, &count, error))
        return false;
    if (config->chunking != CHUNKING_HASH)
        choose_range(mapping, key, count);
    /* One chunk is one worker's and one transaction; but a view's columns may come out differently in each query, and each
     * query computes it again, so a view is hashed only where the user says so. */
    if (config->chunking == CHUNKING_HASH ||
        (config->chunking == CHUNKING_AUTO && mapping->key_count == 0 && !mapping->source.is_view &&
         plan_is_large(&mapping->source, mapping->columns, mapping->column_count)))
        choose_hash(mapping, key, count);
    if (mapping->key_count > 0 || config->chunking == CHUNKING_AUTO)
        return true;
    error_set(error, ERROR_CONFIG, "chunking is \"%s\", but there is no column to %s",
              config->chunking == CHUNKING_HASH ? "hash" : "range",
              config->chunking == CHUNKING_HASH ? "hash" : "order chunks by");
    return error_hint(error, "name one in chunking_columns, or leave the choice to \"auto\"");
}

bool mapping_choose_keys(struct run_mapping *mapping, const struct config_table *config, struct error *error) {
    size_t most = config->chunking_column_count + config->uniqueness_column_count + mapping->source.key_count +
                  mapping->column_count;
    mapping->method = PLAN_WHOLE;
    mapping->keys = memory_array(most, sizeof *mapping->keys);
    if (config->chunking == CHUNKING_WHOLE)
        return true;
    if (config->chunking_column_count > 0)
        return choose_named(mapping, config, config->chunking == CHUNKING_HASH ? PLAN_HASH : PLAN_RANGE, error);
    size_t *key = memory_array(most + 1, sizeof *key);
    bool done = choose_unnamed(mapping, config, key, error);
    memory_release(&key);
    return done;
}

/* ---- declared types ------------------------------------------------------------------------------------------------- */

/* Kinds that a declared type may stand for. Old configurations have uuids in text, and one word for every timestamp. */
static const struct {
    const char *type;
    enum value_kind kinds[2];
} families[] = {
    {"int", {VALUE_INTEGER, VALUE_DECIMAL}},
    {"bigint", {VALUE_INTEGER, VALUE_DECIMAL}},
    {"integer", {VALUE_INTEGER, VALUE_DECIMAL}},
    {"number", {VALUE_INTEGER, VALUE_DECIMAL}},
    {"numeric", {VALUE_INTEGER, VALUE_DECIMAL}},
    {"date", {VALUE_DATE, VALUE_DATE}},
    {"timestamp", {VALUE_TIMESTAMP, VALUE_INSTANT}},
    {"timestamp_ntz", {VALUE_TIMESTAMP, VALUE_TIMESTAMP}},
    {"timestamp_ltz", {VALUE_INSTANT, VALUE_INSTANT}},
    {"timestamp_tz", {VALUE_INSTANT, VALUE_INSTANT}},
    {"uuid", {VALUE_UUID, VALUE_TEXT}},
    {"varchar", {VALUE_TEXT, VALUE_TEXT}},
    {"string", {VALUE_TEXT, VALUE_TEXT}},
    {"text", {VALUE_TEXT, VALUE_TEXT}},
    {"varchar_numeric", {VALUE_TEXT, VALUE_TEXT}},
};

static bool is_of_family(enum value_kind kind, const char *type) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].type, type) == 0)
            return kind == families[i].kinds[0] || kind == families[i].kinds[1];
    return false;
}

void mapping_compare_types(const struct run_mapping *mapping, const struct config_table *config,
                           struct buffer *differences) {
    for (size_t i = 0; i < config->chunking_column_type_count && i < config->chunking_column_count; i++) {
        int64_t found = source_column_find(&mapping->source, config->chunking_columns[i]);
        const char *declared = config->chunking_column_types[i];
        if (found < 0 || is_of_family(mapping->source.columns[found].kind, declared))
            continue;
        buffer_appendf(differences, "%s\"%s\" is %s, not %s", differences->length > 0 ? "; " : "",
                       config->chunking_columns[i], mapping->source.columns[found].type_name, declared);
    }
}
