/* A chunk as the ledger keeps it (chunk_range), and back. */
#include "plan/plan.h"

#include <string.h>

#include "base/memory.h"

/* The kind of a key that is text and compared as a number. */
static const char numeric_text[] = "varchar_numeric";

static const char *chunk_kind_name(enum chunk_kind kind) {
    switch (kind) {
    case CHUNK_RANGE:
        return "range";
    case CHUNK_NULLS:
        return "nulls";
    case CHUNK_HASH:
        return "hash";
    case CHUNK_WHOLE:
        break;
    }
    return "whole";
}

const char *plan_kind_name(enum value_kind kind) {
    switch (kind) {
    case VALUE_INTEGER:
        return "integer";
    case VALUE_DECIMAL:
        return "decimal";
    case VALUE_FLOAT:
        return "float";
    case VALUE_BOOL:
        return "bool";
    case VALUE_TEXT:
        return "text";
    case VALUE_BINARY:
        return "binary";
    case VALUE_DATE:
        return "date";
    case VALUE_TIME:
        return "time";
    case VALUE_TIMESTAMP:
        return "timestamp";
    case VALUE_INSTANT:
        return "instant";
    case VALUE_UUID:
        return "uuid";
    case VALUE_JSON:
        return "json";
    case VALUE_OTHER:
        break;
    }
    return "other";
}

static const char *key_kind_name(const struct source_column *key) {
    return key->as_number ? numeric_text : plan_kind_name(key->kind);
}

static json_t *bound_to_json(char *const *bound, size_t key_count) {
    if (bound == NULL)
        return json_null();
    json_t *list = json_array();

    for (size_t i = 0; i < key_count; i++)
        json_array_append_new(list, json_string(bound[i]));
    return list;
}

static void set_columns(json_t *object, const struct source_column *list, size_t count) {
    json_t *columns = json_array();
    json_t *types = json_array();
    json_t *kinds = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(columns, json_string(list[i].name));
        json_array_append_new(types, json_string(list[i].type_name));
        json_array_append_new(kinds, json_string(key_kind_name(&list[i])));
    }
    json_object_set_new(object, "columns", columns);
    json_object_set_new(object, "types", types);
    json_object_set_new(object, "kinds", kinds);
}

static json_t *part_to_json(const struct plan_part *part) {
    json_t *object = json_object();

    set_columns(object, part->columns, part->column_count);
    json_object_set_new(object, "modulus", json_integer(part->modulus));
    json_object_set_new(object, "remainder", json_integer(part->remainder));
    json_object_set_new(object, "probe", json_string(part->probe));
    return object;
}

json_t *plan_chunk_to_json(const struct plan *plan, const struct plan_chunk *chunk) {
    json_t *range = json_object();

    json_object_set_new(range, "kind", json_string(chunk_kind_name(chunk->kind)));
    if (chunk->part.column_count > 0)
        json_object_set_new(range, "part", part_to_json(&chunk->part));
    if (chunk->kind == CHUNK_WHOLE)
        return range;
    set_columns(range, plan->keys, plan->key_count);
    if (chunk->kind == CHUNK_RANGE) {
        json_object_set_new(range, "lower", bound_to_json(chunk->lower, plan->key_count));
        json_object_set_new(range, "upper", bound_to_json(chunk->upper, plan->key_count));
    } else if (chunk->kind == CHUNK_HASH) {
        json_object_set_new(range, "buckets", json_integer(chunk->buckets));
        json_object_set_new(range, "first", json_integer(chunk->first_bucket));
        json_object_set_new(range, "last", json_integer(chunk->last_bucket));
        json_object_set_new(range, "probe", json_string(chunk->hash_probe));
    }
    return range;
}

/* ---- and back ----------------------------------------------------------------------------------------------------- */

static bool malformed(struct error *error, const char *what) {
    return error_set(error, ERROR_INTERNAL, "the ledger's chunk_range can't be read: %s", what);
}

static bool hint_changed(struct error *error) {
    return error_hint(error, "the chunks of this run don't fit the table any more: begin a new run with --no-resume");
}

/* Would a bound be cut or rounded by the column's type as it is now? Kinds whose types hold different digits say how many
 * in the type's name; texts and whole numbers keep every bound. */
static bool digits_matter(enum value_kind kind) {
    return kind == VALUE_DECIMAL || kind == VALUE_TIMESTAMP || kind == VALUE_INSTANT;
}

/* `key` is a copy whose strings are borrowed. A hash is one of the type as it stands, down to its digits. */
static bool find_key(const struct source_table *table, const char *name, const char *type, const char *kind,
                     bool hashed, struct source_column *key, struct error *error) {
    int64_t index = source_column_find(table, name);

    if (index < 0) {
        error_set(error, ERROR_CONFIG,
                  "column \"%s\", by which the table was cut into chunks, isn't in the source any more", name);
        return hint_changed(error);
    }
    *key = table->columns[index];
    key->as_number = key->kind == VALUE_TEXT && strcmp(kind, numeric_text) == 0;
    if (strcmp(key_kind_name(key), kind) == 0 &&
        (!(hashed || digits_matter(key->kind)) || strcmp(key->type_name, type) == 0))
        return true;
    error_set(error, ERROR_CONFIG,
              "column \"%s\", by which the table was cut into chunks, was %s (%s) then and is %s (%s) now", name, type,
              kind, key->type_name, plan_kind_name(key->kind));
    return hint_changed(error);
}

static bool read_keys(const json_t *range, const struct source_table *table, bool hashed, struct source_column **keys,
                      size_t *key_count, struct error *error) {
    const json_t *columns = json_object_get(range, "columns");
    const json_t *types = json_object_get(range, "types");
    const json_t *kinds = json_object_get(range, "kinds");
    size_t count = json_array_size(columns);
    bool done = true;

    if (count == 0 || json_array_size(types) != count || json_array_size(kinds) != count)
        return malformed(error, "columns, types and kinds are not lists of one length");
    /* Borrowed until all are found, copied then. */
    struct source_column *found = memory_array(count, sizeof *found);

    for (size_t i = 0; done && i < count; i++) {
        const char *name = json_string_value(json_array_get(columns, i));
        const char *type = json_string_value(json_array_get(types, i));
        const char *kind = json_string_value(json_array_get(kinds, i));

        if (name == NULL || type == NULL || kind == NULL)
            done = malformed(error, "a column's name, type or kind is no string");
        else
            done = find_key(table, name, type, kind, hashed, &found[i], error);
    }
    if (done) {
        *keys = plan_keys_copy(found, count);
        *key_count = count;
    }
    memory_release(&found);
    return done;
}

static bool read_bound(const json_t *range, const char *name, size_t key_count, char ***bound, struct error *error) {
    const json_t *list = json_object_get(range, name);

    if (json_is_null(list))
        return true;
    if (json_array_size(list) != key_count)
        return malformed(error, "a bound is neither null nor one text a column");
    for (size_t i = 0; i < key_count; i++)
        if (!json_is_string(json_array_get(list, i)))
            return malformed(error, "a bound holds something other than text");
    *bound = memory_array(key_count, sizeof **bound);
    for (size_t i = 0; i < key_count; i++)
        (*bound)[i] = memory_copy_string(json_string_value(json_array_get(list, i)));
    return true;
}

static bool read_span(const json_t *range, struct plan_chunk *chunk, struct error *error) {
    const json_t *buckets = json_object_get(range, "buckets");
    const json_t *first = json_object_get(range, "first");
    const json_t *last = json_object_get(range, "last");
    const json_t *probe = json_object_get(range, "probe");

    if (!json_is_integer(buckets) || !json_is_integer(first) || !json_is_integer(last) || !json_is_string(probe))
        return malformed(error, "buckets, first and last are not numbers, or probe is no text");
    chunk->buckets = json_integer_value(buckets);
    chunk->first_bucket = json_integer_value(first);
    chunk->last_bucket = json_integer_value(last);
    if (chunk->first_bucket < 0 || chunk->last_bucket < chunk->first_bucket || chunk->buckets <= chunk->last_bucket)
        return malformed(error, "first and last enclose no buckets");
    chunk->hash_probe = memory_copy_string(json_string_value(probe));
    return true;
}

static bool read_part(const json_t *range, const struct source_table *table, struct plan_part *part,
                      struct error *error) {
    const json_t *object = json_object_get(range, "part");
    const json_t *modulus = json_object_get(object, "modulus");
    const json_t *remainder = json_object_get(object, "remainder");
    const json_t *probe = json_object_get(object, "probe");

    if (object == NULL)
        return true;
    part->modulus = json_integer_value(modulus);
    part->remainder = json_integer_value(remainder);
    if (!json_is_integer(modulus) || !json_is_integer(remainder) || !json_is_string(probe) || part->remainder < 0 ||
        part->modulus <= part->remainder)
        return malformed(error, "its part has no remainder, or no probe");
    if (!read_keys(object, table, true, &part->columns, &part->column_count, error))
        return false;
    part->probe = memory_copy_string(json_string_value(probe));
    return true;
}

static bool read_chunk(const json_t *range, const struct source_table *table, struct source_column **keys,
                       size_t *key_count, struct plan_chunk *chunk, struct error *error) {
    const char *kind = json_string_value(json_object_get(range, "kind"));

    if (kind == NULL)
        return malformed(error, "it has no kind");
    if (!read_part(range, table, &chunk->part, error))
        return false;
    if (strcmp(kind, chunk_kind_name(CHUNK_WHOLE)) == 0)
        return true;
    if (strcmp(kind, chunk_kind_name(CHUNK_NULLS)) == 0)
        chunk->kind = CHUNK_NULLS;
    else if (strcmp(kind, chunk_kind_name(CHUNK_RANGE)) == 0)
        chunk->kind = CHUNK_RANGE;
    else if (strcmp(kind, chunk_kind_name(CHUNK_HASH)) == 0)
        chunk->kind = CHUNK_HASH;
    else
        return malformed(error, "its kind is unknown to this version");
    if (!read_keys(range, table, chunk->kind == CHUNK_HASH, keys, key_count, error))
        return false;
    if (chunk->kind == CHUNK_HASH)
        return read_span(range, chunk, error);
    /* A bound that is missing is not a bound that is null: it would widen the chunk over its neighbours. */
    return chunk->kind == CHUNK_NULLS || (read_bound(range, "lower", *key_count, &chunk->lower, error) &&
                                          read_bound(range, "upper", *key_count, &chunk->upper, error));
}

bool plan_chunk_from_json(const char *text, const struct source_table *table, struct source_column **keys,
                          size_t *key_count, struct plan_chunk *chunk, struct error *error) {
    json_error_t syntax;

    *keys = NULL;
    *key_count = 0;
    *chunk = (struct plan_chunk){.kind = CHUNK_WHOLE, .expected_rows = -1};
    json_t *range = json_loads(text, JSON_REJECT_DUPLICATES, &syntax);
    if (range == NULL)
        return malformed(error, syntax.text);
    bool done = read_chunk(range, table, keys, key_count, chunk, error);

    if (!done) {
        plan_chunk_release(chunk, *key_count);
        plan_keys_release(keys, key_count);
    }
    json_decref(range);
    return done;
}

/* ---- cutting a chunk ---------------------------------------------------------------------------------------------- */

static bool too_small(struct error *error, int64_t modulus) {
    return error_set(error, ERROR_DATA,
                     "it has been cut into %lld parts already, and rows that are equal in all columns that can be "
                     "hashed can't be told apart",
                     (long long)modulus);
}

/* h mod m = r where h mod (m * n) is one of r, r + m, ..., r + m * (n - 1), and it is never two of these. */
static bool split(const json_t *range, const struct plan_part *whole, int64_t parts, char **ranges,
                  struct error *error) {
    json_t *former = json_object_get(range, "part");
    json_t *part = former != NULL ? json_deep_copy(former) : part_to_json(whole);
    int64_t modulus = json_integer_value(json_object_get(part, "modulus"));
    int64_t remainder = json_integer_value(json_object_get(part, "remainder"));
    bool done = modulus > 0 ? modulus <= PLAN_MOST_PARTS / parts || too_small(error, modulus)
                            : malformed(error, "its part has no modulus");

    for (int64_t i = 0; done && i < parts; i++) {
        json_t *copy = json_deep_copy(range);

        json_object_set_new(part, "modulus", json_integer(modulus * parts));
        json_object_set_new(part, "remainder", json_integer(remainder + modulus * i));
        json_object_set_new(copy, "part", json_deep_copy(part));
        ranges[i] = json_dumps(copy, JSON_COMPACT);
        json_decref(copy);
    }
    json_decref(part);
    return done;
}

bool plan_split_range(const char *range, const struct source_column *columns, size_t column_count, const char *probe,
                      int64_t parts, char **ranges, struct error *error) {
    json_error_t syntax;
    json_t *chunk = json_loads(range, JSON_REJECT_DUPLICATES, &syntax);

    if (chunk == NULL)
        return malformed(error, syntax.text);
    const struct plan_part whole = {(struct source_column *)(uintptr_t)columns, column_count, 1, 0,
                                    (char *)(uintptr_t)probe};
    bool done = column_count > 0 || json_object_get(chunk, "part") != NULL
                    ? split(chunk, &whole, parts, ranges, error)
                    : error_set(error, ERROR_DATA, "it can't be cut: there is no column by whose hash that could be");

    json_decref(chunk);
    return done;
}
