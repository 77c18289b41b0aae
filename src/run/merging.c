#include "run/merging.h"

#include <string.h>

#include "base/memory.h"

/* https://www.postgresql.org/docs/current/catalog-pg-type.html; these never change. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950
};

/* Types that keep a kind's values apart and in order; the first takes any of them. */
static const struct {
    enum value_kind kind;
    uint32_t types[5];
    const char *first_name;
} orders[] = {
    {VALUE_INTEGER, {OID_NUMERIC, OID_INT8, OID_INT4, OID_INT2}, "numeric"},
    {VALUE_DECIMAL, {OID_NUMERIC, OID_INT8, OID_INT4, OID_INT2}, "numeric"},
    {VALUE_FLOAT, {OID_FLOAT8, OID_NUMERIC}, "double precision"},
    {VALUE_BOOL, {OID_BOOL}, "boolean"},
    {VALUE_TEXT, {OID_TEXT, OID_VARCHAR}, "text"},
    {VALUE_DATE, {OID_DATE, OID_TIMESTAMP, OID_TIMESTAMPTZ}, "date"},
    {VALUE_TIME, {OID_TIME}, "time without time zone"},
    {VALUE_TIMESTAMP, {OID_TIMESTAMP, OID_TIMESTAMPTZ}, "timestamp without time zone"},
    {VALUE_INSTANT, {OID_TIMESTAMPTZ, OID_TIMESTAMP}, "timestamp with time zone"},
    {VALUE_UUID, {OID_UUID}, "uuid"},
};

enum { ORDER_COUNT = sizeof orders / sizeof *orders };

static size_t find_order(enum value_kind kind) {
    size_t i = 0;
    while (i < ORDER_COUNT && orders[i].kind != kind)
        i++;
    return i;
}

/* Two values of the column are equal, and in order, in the source exactly where they are in the target. Rounding may make two
 * equal. */
static bool is_faithful(const struct source_column *column, const struct encode_target *target, bool rounds) {
    size_t order = find_order(column->kind);
    if (order == ORDER_COUNT || (rounds && target->type_modifier != -1) || target->array)
        return false;
    for (size_t i = 0; i < sizeof orders[order].types / sizeof *orders[order].types; i++)
        if (orders[order].types[i] != 0 && orders[order].types[i] == target->type_oid)
            return true;
    return false;
}

const char *merging_mode_name(enum config_mode mode) {
    return mode == MODE_COPY ? "copy" : mode == MODE_UPSERT ? "upsert" : "insert-only";
}

/* ---- what is staged ------------------------------------------------------------------------------------------------------ */

static bool rounds(const struct config_table *config) {
    return config->settings.rounding == ROUNDING_ALLOW;
}

/* The staged column that has the values of a source column in their order, or -1. */
static int64_t find_staged(const struct run_mapping *mapping, const struct config_table *config, size_t column) {
    for (size_t i = 0; i < mapping->column_count; i++)
        if (mapping->columns[i] == column &&
            is_faithful(&mapping->source.columns[column], &mapping->targets[i], rounds(config)))
            return (int64_t)i;
    return -1;
}

/* A staged column that isn't the target's. */
static void add_extra(struct run_mapping *mapping, size_t column) {
    size_t order = find_order(mapping->source.columns[column].kind);
    size_t count = mapping->column_count + 1;
    struct buffer name = {0};
    buffer_appendf(&name, "thaw extra %zu", count - mapping->written_count);
    mapping->columns = memory_resize(mapping->columns, count, sizeof *mapping->columns);
    mapping->targets = memory_resize(mapping->targets, count, sizeof *mapping->targets);
    mapping->columns[mapping->column_count] = column;
    mapping->targets[mapping->column_count++] = (struct encode_target){
        .name = buffer_steal(&name),
        .type_oid = orders[order].types[0],
        .type_modifier = -1,
        .type_name = memory_copy_string(orders[order].first_name),
        .base_name = memory_copy_string(orders[order].first_name),
    };
}

static void need_source_column(struct run_mapping *mapping, const struct config_table *config, const char *setting,
                               const char *name, struct mapping_findings *findings) {
    int64_t found = source_column_find(&mapping->source, name);
    if (found < 0) {
        const char *nearest = mapping_nearest_source_column(mapping, name);
        struct buffer *problem = mapping_add_problem(findings);
        buffer_appendf(problem, "%s names the source column \"%s\", which doesn't exist", setting, name);
        if (nearest != NULL)
            buffer_appendf(problem, " (did you mean \"%s\"?)", nearest);
    } else if (find_order(mapping->source.columns[found].kind) == ORDER_COUNT) {
        buffer_appendf(mapping_add_problem(findings),
                       "%s names the source column \"%s\" of type %s, whose values have no order", setting, name,
                       mapping->source.columns[found].type_name);
    } else if (find_staged(mapping, config, (size_t)found) < 0) {
        add_extra(mapping, (size_t)found);
    }
}

static bool writes(const struct run_mapping *mapping, const char *name) {
    for (size_t i = 0; i < mapping->written_count; i++)
        if (strcmp(mapping->targets[i].name, name) == 0)
            return true;
    return false;
}

static void check_names(const struct run_mapping *mapping, const struct config_table *config,
                        struct mapping_findings *findings) {
    for (size_t i = 0; i < config->uniqueness_column_count; i++)
        if (!writes(mapping, config->uniqueness_columns[i]))
            buffer_appendf(mapping_add_problem(findings),
                           "uniqueness_columns names the target column \"%s\", which no source column goes into",
                           config->uniqueness_columns[i]);
    if (config->target_watermark != NULL && target_column_find(&mapping->target, config->target_watermark) < 0)
        buffer_appendf(mapping_add_problem(findings),
                       "target_watermark names the target column \"%s\", which doesn't exist",
                       config->target_watermark);
}

void merging_add_columns(struct run_mapping *mapping, const struct config_table *config,
                         struct mapping_findings *findings) {
    if (config->mode == MODE_COPY)
        return;
    check_names(mapping, config, findings);
    if (config->source_watermark != NULL)
        need_source_column(mapping, config, "source_watermark", config->source_watermark, findings);
    for (size_t i = 0; i < config->sort_column_count; i++)
        need_source_column(mapping, config, "sort_columns", config->sort_columns[i], findings);
}

/* A watermark that is rounded on its way into the target must be compared there as it is written: else the same row, read again,
 * would be older than itself where it was rounded up. */
static int64_t find_compared(const struct run_mapping *mapping, const struct config_table *config) {
    int64_t column = source_column_find(&mapping->source, config->source_watermark);
    for (size_t i = 0; i < mapping->written_count; i++)
        if ((int64_t)mapping->columns[i] == column && strcmp(mapping->targets[i].name, config->target_watermark) == 0 &&
            is_faithful(&mapping->source.columns[column], &mapping->targets[i], false))
            return (int64_t)i;
    return mapping->merge.watermark;
}

/* ---- how it is merged ------------------------------------------------------------------------------------------------------ */

static bool is_identity(const struct run_mapping *mapping, const char *name) {
    int64_t found = target_column_find(&mapping->target, name);
    return found >= 0 && mapping->target.columns[found].identity_always;
}

static int64_t staged_of(const struct run_mapping *mapping, const struct config_table *config, const char *name) {
    int64_t found = source_column_find(&mapping->source, name);
    return found < 0 ? -1 : find_staged(mapping, config, (size_t)found);
}

bool merging_look_up(struct run_mapping *mapping, const struct config_table *config, struct target_connection *target,
                     struct error *error) {
    struct merge *merge = &mapping->merge;
    if (config->mode == MODE_COPY)
        return true;
    mapping->merges = true;
    *merge = (struct merge){
        .schema = mapping->target.schema,
        .name = mapping->target.name,
        .partitioned = mapping->target.kind == 'p',
        .columns = mapping->targets,
        .column_count = mapping->column_count,
        .written_count = mapping->written_count,
        .fixed = memory_array(mapping->written_count, sizeof *merge->fixed),
        .key = memory_array(config->uniqueness_column_count, sizeof *merge->key),
        .key_count = config->uniqueness_column_count,
        .inserts_only = config->mode == MODE_INSERT_ONLY,
        .watermark = -1,
        .target_watermark = config->target_watermark,
        .sort = memory_array(config->sort_column_count, sizeof *merge->sort),
    };
    for (size_t i = 0; i < mapping->written_count; i++) {
        merge->fixed[i] = is_identity(mapping, mapping->targets[i].name);
        for (size_t k = 0; k < merge->key_count; k++)
            if (strcmp(mapping->targets[i].name, config->uniqueness_columns[k]) == 0)
                merge->key[k] = i;
    }
    if (config->source_watermark != NULL) {
        merge->watermark = staged_of(mapping, config, config->source_watermark);
        merge->compared = find_compared(mapping, config);
    }
    for (size_t i = 0; i < config->sort_column_count; i++)
        merge->sort[merge->sort_count++] = (size_t)staged_of(mapping, config, config->sort_columns[i]);
    if (mapping->create_sql == NULL)
        return merge_look_up(merge, target, &mapping->target, error);
    merge_expect(merge, &mapping->target);
    return true;
}

bool merging_prepare(struct run_mapping *mapping, const struct config_table *config, struct target_connection *target,
                     struct error *error) {
    return merging_look_up(mapping, config, target, error) &&
           (!mapping->merges || mapping->create_sql != NULL || merge_rehearse(&mapping->merge, target, error));
}

/* ---- which chunks share keys ------------------------------------------------------------------------------------------------- */

bool merging_is_of_key(const struct run_mapping *mapping, const struct config_table *config,
                       const struct source_column *column) {
    const struct merge *merge = &mapping->merge;
    for (size_t i = 0; i < merge->key_count; i++) {
        const struct source_column *key = &mapping->source.columns[mapping->columns[merge->key[i]]];
        if (strcmp(key->name, column->name) == 0)
            return is_faithful(key, &mapping->targets[merge->key[i]], rounds(config));
    }
    return false;
}

bool merging_shares_keys(const struct run_mapping *mapping, const struct run_table *table, const struct run *run,
                         const struct source_column *keys, size_t key_count) {
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i].group == table->group && &run->tables[i] != table)
            return true;
    for (size_t i = 0; i < key_count; i++)
        if (!merging_is_of_key(mapping, table->config, &keys[i]))
            return true;
    return false;
}

/* Does the first column that cuts lie in the target's index, in front and in the same order? Then few steps tell. */
static bool can_look_up(const struct run_table *table, const struct source_column *keys, size_t key_count,
                        const struct plan_chunk *chunk) {
    const struct run_mapping *mapping = &table->mapping;
    const struct merge *merge = &mapping->merge;
    return chunk->kind == CHUNK_RANGE && key_count > 0 && !keys[0].as_number && merge->leading >= 0 &&
           strcmp(mapping->source.columns[mapping->columns[merge->leading]].name, keys[0].name) == 0 &&
           merging_is_of_key(mapping, table->config, &keys[0]);
}

bool merging_may_copy(const struct run_table *table, const struct source_column *keys, size_t key_count,
                      const struct plan_chunk *chunk, struct target_connection *target, bool *may,
                      struct error *error) {
    const struct run_mapping *mapping = &table->mapping;
    bool meets = false;
    /* Where bad rows are set aside, one whose key is there must not be among them. */
    *may = table->config->settings.on_bad_row == BAD_ROW_STOP && !mapping->merge.copy_would_double_nulls &&
           mapping->column_count == mapping->written_count && !atomic_load(&table->met_keys);
    if (!*may || table->rows_before == 0)
        return true;
    *may = can_look_up(table, keys, key_count, chunk);
    if (!*may)
        return true;
    /* Of several columns the first decides, and its last value is in the next chunk, too. */
    bool done = merge_meets(&mapping->merge, target, chunk->lower == NULL ? NULL : chunk->lower[0],
                            chunk->upper == NULL ? NULL : chunk->upper[0], key_count > 1, &meets, error);
    *may = !meets;
    return done;
}
