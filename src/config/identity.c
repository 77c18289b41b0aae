/* What a configuration is, in short: hashes, names, secrets. */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "config/model.h"
#include "config/read.h"

char *config_hash_text(const char *text, size_t length) {
    XXH128_hash_t hash = XXH3_128bits(text, length);
    struct buffer hex = {0};
    buffer_appendf(&hex, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    return buffer_steal(&hex);
}

/* ---- execution settings -------------------------------------------------------------------------------------------- */

/* The JSON object as it grows. What is absent or at its default isn't written, so that a later version with more settings
 * gives the same text for a configuration that doesn't use them. */
struct settings {
    struct buffer json;
    char *prefix; /* of the names */
};

static void add_name(struct settings *settings, const char *name) {
    struct buffer full = {0};
    buffer_appendf(&full, "%s%s", settings->prefix != NULL ? settings->prefix : "", name);
    buffer_append(&settings->json, settings->json.length == 0 ? "{" : ", ");
    buffer_append_json_string(&settings->json, buffer_string(&full), full.length);
    buffer_append(&settings->json, ": ");
    buffer_release(&full);
}

static void add_string(struct settings *settings, const char *name, const char *value) {
    if (value == NULL)
        return;
    add_name(settings, name);
    buffer_append_json_string(&settings->json, value, strlen(value));
}

static void add_strings(struct settings *settings, const char *name, char *const *strings, size_t count) {
    if (count == 0)
        return;
    add_name(settings, name);
    for (size_t i = 0; i < count; i++) {
        buffer_append(&settings->json, i == 0 ? "[" : ", ");
        buffer_append_json_string(&settings->json, strings[i], strlen(strings[i]));
    }
    buffer_append(&settings->json, "]");
}

static int compare_options(const void *left, const void *right) {
    const struct config_option *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* In the order of the names, so that it doesn't matter how they are written down. */
static struct config_option *sorted_options(const struct config_option *options, size_t count) {
    struct config_option *sorted = memory_array(count + 1, sizeof(*sorted));
    if (count > 0)
        memcpy(sorted, options, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_options);
    return sorted;
}

static void add_mapping(struct settings *settings, const struct config_table *table) {
    if (table->column_mapping_count == 0)
        return;
    struct config_option *sorted = sorted_options(table->column_mapping, table->column_mapping_count);
    add_name(settings, "column_mapping");
    for (size_t i = 0; i < table->column_mapping_count; i++) {
        buffer_append(&settings->json, i == 0 ? "{" : ", ");
        buffer_append_json_string(&settings->json, sorted[i].name, strlen(sorted[i].name));
        buffer_append(&settings->json, ": ");
        buffer_append_json_string(&settings->json, sorted[i].value, strlen(sorted[i].value));
    }
    buffer_append(&settings->json, "}");
    memory_release(&sorted);
}

static bool was_fetched(const struct config_source *source, const char *value) {
    for (size_t i = 0; i < source->fetched_count; i++)
        if (strcmp(source->fetched[i], value) == 0)
            return true;
    return false;
}

/* The source itself: where its rows are, not how it is reached. Of an `adbc` source only its options say where, and those
 * that may hold a secret stay out. */
static void add_source(struct settings *settings, const struct config_source *source) {
    static const char *const kinds[] = {"snowflake", "duckdb", "adbc"};
    settings->prefix = memory_copy_string("source.");
    add_string(settings, "kind", kinds[source->kind]);
    add_string(settings, "account", source->account);
    add_string(settings, "path", source->path);
    if (source->init_sql != NULL) {
        char *digest = config_hash_text(source->init_sql, strlen(source->init_sql));
        add_string(settings, "init_sql_digest", digest);
        memory_release(&digest);
    }
    add_string(settings, "driver", source->driver);
    add_string(settings, "entrypoint", source->entrypoint);
    add_string(settings, "dialect", source->dialect);
    if (source->kind == SOURCE_ADBC) {
        struct config_option *sorted = sorted_options(source->options, source->option_count);
        memory_release(&settings->prefix);
        settings->prefix = memory_copy_string("source.options.");
        for (size_t i = 0; i < source->option_count; i++)
            if (!config_option_is_secret(sorted[i].name) && !was_fetched(source, sorted[i].value))
                add_string(settings, sorted[i].name, sorted[i].value);
        memory_release(&sorted);
    }
    memory_release(&settings->prefix);
}

struct item {
    const struct config_feed *feed;
    const struct config_table *table;
};

static int compare_items(const void *left, const void *right) {
    const struct item *a = left, *b = right;
    int order = strcmp(a->feed->source_name, b->feed->source_name);
    if (order == 0)
        order = strcmp(a->table->source, b->table->source);
    return order != 0 ? order : strcmp(a->table->target, b->table->target);
}

static void add_feed(struct settings *settings, const struct config_feed *feed) {
    struct buffer prefix = {0};
    buffer_appendf(&prefix, "sources[%s].", feed->source_name);
    settings->prefix = buffer_steal(&prefix);
    add_string(settings, "source_database", feed->source_database);
    add_string(settings, "source_schema", feed->source_schema);
    add_string(settings, "target_database", feed->target_database);
    add_string(settings, "target_schema", feed->target_schema);
    memory_release(&settings->prefix);
}

static void add_table(struct settings *settings, const struct config_feed *feed, const struct config_table *table) {
    static const char *const chunking[] = {"auto", "range", "hash", "whole"};
    struct buffer prefix = {0};
    buffer_appendf(&prefix, "sources[%s].tables[%s -> %s].", feed->source_name, table->source, table->target);
    settings->prefix = buffer_steal(&prefix);
    add_name(settings, "truncate_onstart");
    buffer_append(&settings->json, table->truncate_onstart ? "true" : "false");
    add_string(settings, "source_filter", table->source_filter);
    if (table->chunking != CHUNKING_AUTO)
        add_string(settings, "chunking", chunking[table->chunking]);
    add_strings(settings, "chunking_columns", table->chunking_columns, table->chunking_column_count);
    add_strings(settings, "chunking_column_types", table->chunking_column_types, table->chunking_column_type_count);
    add_strings(settings, "uniqueness_columns", table->uniqueness_columns, table->uniqueness_column_count);
    if (table->mode == MODE_INSERT_ONLY)
        add_string(settings, "mode", "insert-only");
    add_strings(settings, "sort_columns", table->sort_columns, table->sort_column_count);
    add_string(settings, "source_watermark", table->source_watermark);
    add_string(settings, "target_watermark", table->target_watermark);
    add_mapping(settings, table);
    if (table->settings.snapshot != SNAPSHOT_AUTO)
        add_string(settings, "snapshot", snapshot_choices[table->settings.snapshot]);
    if (table->settings.nul_bytes != NUL_BYTES_ERROR)
        add_string(settings, "nul_bytes", "remove");
    if (table->settings.rounding != ROUNDING_ERROR)
        add_string(settings, "rounding", "allow");
    memory_release(&settings->prefix);
}

char *config_execution_settings(const struct config *config) {
    struct settings settings = {0};
    size_t count = 0;
    for (size_t i = 0; i < config->feed_count; i++)
        count += config->feeds[i].table_count;
    struct item *items = memory_array(count + 1, sizeof(*items));
    count = 0;
    for (size_t i = 0; i < config->feed_count; i++)
        for (size_t j = 0; j < config->feeds[i].table_count; j++)
            items[count++] = (struct item){&config->feeds[i], &config->feeds[i].tables[j]};
    qsort(items, count, sizeof(*items), compare_items);
    add_source(&settings, &config->source);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || items[i].feed != items[i - 1].feed)
            add_feed(&settings, items[i].feed);
        add_table(&settings, items[i].feed, items[i].table);
    }
    buffer_append(&settings.json, "}");
    memory_release(&items);
    return buffer_steal(&settings.json);
}

char *config_window_settings(const struct config *config, const struct config_table *table) {
    struct settings settings = {0};
    add_source(&settings, &config->source);
    add_string(&settings, "source_filter", table->source_filter);
    add_string(&settings, "source_watermark", table->source_watermark);
    add_string(&settings, "target_watermark", table->target_watermark);
    add_mapping(&settings, table);
    buffer_append(&settings.json, "}");
    char *hash = config_hash_text(settings.json.data, settings.json.length);
    buffer_release(&settings.json);
    return hash;
}

char *config_execution_hash(const struct config *config) {
    char *settings = config_execution_settings(config);
    char *hash = config_hash_text(settings, strlen(settings));
    memory_release(&settings);
    return hash;
}

static int compare_strings(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

char *config_source_names(const struct config *config) {
    const char **names = memory_array(config->feed_count + 1, sizeof(*names));
    for (size_t i = 0; i < config->feed_count; i++)
        names[i] = config->feeds[i].source_name;
    qsort(names, config->feed_count, sizeof(*names), compare_strings);
    struct buffer list = {0};
    for (size_t i = 0; i < config->feed_count; i++)
        buffer_appendf(&list, "%s%s", i == 0 ? "" : ",", names[i]);
    memory_release(&names);
    return buffer_steal(&list);
}

/* ---- secrets ------------------------------------------------------------------------------------------------------- */

struct visitor {
    void (*visit)(void *context, const char *secret);
    void *context;
};

static void visit(const struct visitor *visitor, const char *secret) {
    if (secret != NULL && *secret != '\0')
        visitor->visit(visitor->context, secret);
}

/* A key may come back with real newlines where it was given with literal ones. The path of a key file is no secret. */
static void visit_key(const struct visitor *visitor, const char *key) {
    if (key == NULL || strstr(key, "-----BEGIN") == NULL)
        return;
    visit(visitor, key);
    if (strstr(key, "\\n") == NULL)
        return;
    struct buffer real = {0};
    for (const char *at = key; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] == 'n') {
            buffer_append_char(&real, '\n');
            at++;
        } else {
            buffer_append_char(&real, *at);
        }
    }
    visit(visitor, real.data);
    memory_wipe(real.data, real.length);
    buffer_release(&real);
}

/* The URL as it stands, and the password in it as libpq decodes it. */
static void visit_url(const struct visitor *visitor, const char *url) {
    if (url == NULL)
        return;
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool has_secret = options == NULL;
    for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
        if (option->val != NULL &&
            (strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0)) {
            visit(visitor, option->val);
            has_secret = true;
        }
    }
    PQconninfoFree(options);
    if (has_secret)
        visit(visitor, url);
}

/* DuckDB's CREATE SECRET and the passwords of what it attaches stand in quoted literals: where there may be one, each
 * literal is treated as one, paths of files included. */
static void visit_init_sql(const struct visitor *visitor, const char *sql) {
    if (sql == NULL || (strcasestr(sql, "secret") == NULL && strcasestr(sql, "password") == NULL))
        return;
    for (const char *at = strchr(sql, '\''); at != NULL; at = strchr(at, '\'')) {
        const char *end = strchr(++at, '\'');
        if (end == NULL)
            return;
        char *literal = memory_copy_bytes(at, (size_t)(end - at));
        visit(visitor, literal);
        memory_wipe(literal, (size_t)(end - at));
        memory_release(&literal);
        at = end + 1;
    }
}

void config_each_secret(const struct config *config, void (*visit_secret)(void *context, const char *secret),
                        void *context) {
    struct visitor visitor = {visit_secret, context};
    visit_key(&visitor, config->source.rsa_key);
    visit(&visitor, config->source.rsa_key_passphrase);
    visit(&visitor, config->source.password);
    visit(&visitor, config->source.token);
    visit_init_sql(&visitor, config->source.init_sql);
    for (size_t i = 0; i < config->source.option_count; i++)
        if (config_option_is_secret(config->source.options[i].name))
            visit(&visitor, config->source.options[i].value);
    for (size_t i = 0; i < config->source.fetched_count; i++)
        visit(&visitor, config->source.fetched[i]);
    visit(&visitor, config->target.password);
    visit_url(&visitor, config->target.url);
}
