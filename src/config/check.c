/* What several keys say together. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/read.h"

enum { KEY_FILE_LIMIT = 64 * 1024 };

/* ---- snowflake ---------------------------------------------------------------------------------------------------- */

/* Judge the text of a private key; `label` says what holds it. */
static void check_pem(struct reader *reader, const struct tree_node *node, const char *pem, const char *label,
                      bool has_passphrase) {
    static const char *const types[] = {"PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char begin[64], end[64];
        snprintf(begin, sizeof begin, "-----BEGIN %s-----", types[i]);
        snprintf(end, sizeof end, "-----END %s-----", types[i]);
        const char *start = strstr(pem, begin);
        if (start == NULL)
            continue;
        if (strstr(start, end) == NULL)
            problems_add(reader->problems, node, "a line may have been lost where the value was copied",
                         "%s begins as a private key, but its END line is missing", label);
        else if (!has_passphrase && strstr(start, "ENCRYPTED") != NULL)
            problems_add(reader->problems, node, "give \"rsa_key_passphrase\"",
                         "%s is an encrypted private key, and there is no passphrase", label);
        return;
    }
    problems_add(reader->problems, node,
                 "wanted is PEM text: -----BEGIN PRIVATE KEY----- (PKCS#8) or -----BEGIN RSA PRIVATE "
                 "KEY----- (PKCS#1)",
                 "%s is not a private RSA key%s", label,
                 strstr(pem, "PUBLIC KEY") != NULL ? ": it is a public key"
                 : strstr(pem, "OPENSSH") != NULL  ? ": it is in OpenSSH's own format"
                                                   : "");
}

static void check_rsa_key(struct reader *reader, const struct tree_node *node, bool has_passphrase) {
    if (strstr(node->text, "-----BEGIN") != NULL) {
        check_pem(reader, node, node->text, "\"rsa_key\"", has_passphrase);
        return;
    }
    if (strchr(node->text, '\n') != NULL || strstr(node->text, "\\n") != NULL || strlen(node->text) > 512) {
        problems_add(reader->problems, node, "PEM text begins with a line -----BEGIN ... PRIVATE KEY-----",
                     "\"rsa_key\" is neither PEM text nor the path of a file");
        return;
    }
    struct buffer pem = {0};
    const char *reason;
    if (config_read_file(node->text, KEY_FILE_LIMIT, &pem, &reason))
        check_pem(reader, node, buffer_string(&pem), "the file that \"rsa_key\" names", has_passphrase);
    else
        problems_add(reader->problems, node, "\"rsa_key\" is PEM text, or the path of a file that holds it",
                     "the file that \"rsa_key\" names can't be read: %s", reason);
    if (pem.data != NULL)
        memory_wipe(pem.data, pem.length);
    buffer_release(&pem);
}

void check_snowflake(struct reader *reader, const struct tree_node *node) {
    static const char *const names[] = {"rsa_key", "password", "token"};
    const struct tree_node *options = read_get(node, "options");
    /* Other ways to log in (a browser, Okta, workload identity) are between the user and the driver. */
    bool other = options != NULL && read_given(options, "adbc.snowflake.sql.auth_type");
    struct buffer given = {0};
    size_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (read_given(node, names[i]))
            buffer_appendf(&given, "%s\"%s\"", count++ == 0 ? "" : " and ", names[i]);
    if (count == 0 && !other)
        problems_add(reader->problems, node, NULL, "one of \"rsa_key\", \"password\" and \"token\" is missing");
    else if (count > 1)
        problems_add(reader->problems, node, "keep one, remove the others",
                     "%s are given: there must be one way to log in", buffer_string(&given));
    buffer_release(&given);
    const struct tree_node *rsa_key = read_get(node, "rsa_key");
    if (rsa_key != NULL && !rsa_key->unfetched)
        check_rsa_key(reader, rsa_key, read_given(node, "rsa_key_passphrase"));
    else if (read_given(node, "rsa_key_passphrase") && !read_given(node, "rsa_key"))
        problems_add(reader->problems, tree_find(node, "rsa_key_passphrase"), NULL,
                     "\"rsa_key_passphrase\" without \"rsa_key\"");
    check_snowflake_options(reader, node);
}

/* ---- postgres ----------------------------------------------------------------------------------------------------- */

/* libpq looks at ports only when it connects. */
static bool ports_are_numbers(const PQconninfoOption *options) {
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, "port") == 0 && options->val != NULL)
            return options->val[strspn(options->val, "0123456789,")] == '\0';
    return true;
}

void check_postgres(struct reader *reader, const struct tree_node *node) {
    static const char *const parts[] = {"host", "port", "user", "password", "sslmode", "sslrootcert"};
    const struct tree_node *url = read_get(node, "url");
    if (url == NULL)
        return;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (read_given(node, parts[i]))
            problems_add(reader->problems, tree_find(node, parts[i]), "write it into the URL, or leave the URL out",
                         "\"%s\" and \"url\" are both given", parts[i]);
    if (url->unfetched)
        return;
    /* libpq's own message may quote the password, so it isn't shown. */
    bool scheme = strncmp(url->text, "postgresql://", 13) == 0 || strncmp(url->text, "postgres://", 11) == 0;
    PQconninfoOption *options = scheme ? PQconninfoParse(url->text, NULL) : NULL;
    if (options == NULL || !ports_are_numbers(options))
        problems_add(
            reader->problems, url,
            "wanted is postgresql://user:password@host:port/?parameter=value, with special characters written as %XX",
            "libpq can't read this \"url\"");
    PQconninfoFree(options);
}

/* ---- a table ------------------------------------------------------------------------------------------------------ */

static bool has_entries(const struct tree_node *table, const char *name) {
    const struct tree_node *node = tree_find(table, name);
    return node != NULL && node->kind == TREE_ARRAY && node->first != NULL;
}

static size_t entries(const struct tree_node *table, const char *name) {
    return has_entries(table, name) ? tree_find(table, name)->last->index + 1 : 0;
}

static void check_watermarks(struct reader *reader, const struct tree_node *table, bool has_key, bool truncates) {
    bool source = read_given(table, "source_watermark"), target = read_given(table, "target_watermark");
    if (!source && !target)
        return;
    const struct tree_node *node = tree_find(table, source ? "source_watermark" : "target_watermark");
    if (!target)
        problems_add(reader->problems, node, NULL, "\"source_watermark\" without \"target_watermark\"");
    if (!source)
        problems_add(reader->problems, node, NULL, "\"target_watermark\" without \"source_watermark\"");
    if (!has_key && !truncates)
        problems_add(reader->problems, node,
                     "rows at the watermark are read again, so they must be recognised: name the key",
                     "a watermark without \"uniqueness_columns\"");
}

static void check_chunking(struct reader *reader, const struct tree_node *table, bool has_key) {
    size_t columns = entries(table, "chunking_columns"), types = entries(table, "chunking_column_types");
    if (types > 0 && types != columns)
        problems_add(reader->problems, tree_find(table, "chunking_column_types"),
                     "give one type for each column, or no types",
                     "\"chunking_column_types\" has %zu entries, \"chunking_columns\" has %zu", types, columns);
    const struct tree_node *chunking = read_get(table, "chunking");
    if (chunking != NULL && strcmp(chunking->text, "range") == 0 && columns == 0 && !has_key)
        problems_add(
            reader->problems, chunking, "name \"chunking_columns\", or leave the choice to \"auto\"",
            "\"chunking\" is \"range\", but there are neither \"chunking_columns\" nor \"uniqueness_columns\"");
}

static void check_mapping(struct reader *reader, const struct tree_node *table) {
    const struct tree_node *mapping = read_get(table, "column_mapping");
    if (mapping == NULL)
        return;
    for (const struct tree_node *item = mapping->first; item != NULL; item = item->next) {
        for (const struct tree_node *other = mapping->first; other != item; other = other->next) {
            if (item->invalid || item->absent || other->invalid || other->absent ||
                strcmp(item->text, other->text) != 0)
                continue;
            problems_add(reader->problems, item, NULL,
                         "\"column_mapping\" fills one target column twice: line %d does already", other->line);
            break;
        }
    }
}

void check_table(struct reader *reader, const struct tree_node *table) {
    bool has_key = has_entries(table, "uniqueness_columns");
    bool truncates = read_boolean(table, "truncate_onstart", false);
    check_watermarks(reader, table, has_key, truncates);
    check_chunking(reader, table, has_key);
    check_mapping(reader, table);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

struct feeder {
    const struct config_feed *feed;
    const struct config_table *table;
    const struct tree_node *node;
};

static bool same(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_target(const struct feeder *a, const struct feeder *b) {
    return same(a->table->target, b->table->target) && same(a->feed->target_schema, b->feed->target_schema) &&
           same(a->feed->target_database, b->feed->target_database);
}

static bool same_source(const struct feeder *a, const struct feeder *b) {
    return same(a->table->source, b->table->source) && same(a->feed->source_schema, b->feed->source_schema) &&
           same(a->feed->source_database, b->feed->source_database);
}

static const char *mode_of(const struct config_table *table) {
    if (table->mode == MODE_INSERT_ONLY)
        return table->truncate_onstart ? "empties it first and skips keys that are there" : "adds new keys only";
    return table->truncate_onstart ? "empties it first" : table->mode == MODE_UPSERT ? "merges" : "appends";
}

/* Problems of `feeder` with one that stands before it. True where there was one. */
static bool compare_feeders(struct reader *reader, const struct feeder *feeder, const struct feeder *before) {
    if (feeder->table->target == NULL || feeder->table->source == NULL || !same_target(feeder, before))
        return false;
    char *path = tree_path(before->node);
    const char *mode = mode_of(feeder->table), *mode_before = mode_of(before->table);
    bool twice = same_source(feeder, before), disagree = strcmp(mode, mode_before) != 0;
    if (twice)
        problems_add(reader->problems, feeder->node, "its rows would be loaded twice: remove one of the two",
                     "the same source and target as %s (line %d)", path, before->node->line);
    else if (disagree)
        problems_add(reader->problems, feeder->node, "tables that feed one target must be written in one mode",
                     "feeds the same target as %s (line %d), but %s where that one %s", path, before->node->line, mode,
                     mode_before);
    else if (feeder->table->create_target != before->table->create_target)
        problems_add(reader->problems, feeder->node, "the target is made for all of them or for none",
                     "feeds the same target as %s (line %d), but only one of the two has \"create_target\"", path,
                     before->node->line);
    memory_release(&path);
    return twice || disagree;
}

static void check_source_names(struct reader *reader, const struct config *config, const struct feeder *feeders) {
    for (size_t i = 0, first = 0; i < config->feed_count; first += config->feeds[i++].table_count) {
        for (size_t j = 0; j < i; j++) {
            if (config->feeds[i].source_name == NULL || config->feeds[i].table_count == 0 ||
                !same(config->feeds[i].source_name, config->feeds[j].source_name))
                continue;
            const struct tree_node *entry = feeders[first].node->parent->parent;
            problems_add(reader->problems, tree_find(entry, "source_name"),
                         "a source is chosen by its name, so each needs its own",
                         "another source has this \"source_name\"");
            break;
        }
    }
}

/* The nearest place that says anything of a setting, for messages. */
static const struct tree_node *setting_node(const struct tree_node *table, const char *name) {
    for (const struct tree_node *node = table; node != NULL; node = node->parent)
        if (node->kind == TREE_OBJECT && read_get(node, name) != NULL)
            return read_get(node, name);
    return table;
}

/* What the kind of source can't do is told before anything is connected to; each place once. */
static void check_snapshots(struct reader *reader, const struct config *config, const struct feeder *feeders,
                            size_t count) {
    const struct tree_node *told = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct tree_node *node = setting_node(feeders[i].node, "snapshot");
        enum config_snapshot snapshot = feeders[i].table->settings.snapshot;
        bool snowflake = config_source_is_snowflake(&config->source);
        if (node == told)
            continue;
        if (snowflake && snapshot == SNAPSHOT_MATERIALIZE && feeders[i].table->scratch_schema == NULL) {
            problems_add(reader->problems, node,
                         "name a schema of the source's database in which the role may create tables",
                         "\"snapshot\" is \"materialize\", and \"scratch_schema\" is missing");
            told = node;
        }
        if (snowflake || snapshot != SNAPSHOT_TIME_TRAVEL)
            continue;
        problems_add(reader->problems, node, "set it to \"auto\", \"materialize\" or \"none\"",
                     "\"snapshot\" is \"time_travel\", but a DuckDB source keeps no past");
        told = node;
    }
}

/* What one worker takes at least depends on the kind of source. Each place once. */
static void check_memory(struct reader *reader, const struct config *config, const struct feeder *feeders,
                         size_t count) {
    const struct tree_node *told = NULL;
    int least = config_least_memory_mb(&config->source);
    for (size_t i = 0; i < count; i++) {
        const struct tree_node *node = setting_node(feeders[i].node, "memory_limit_mb");
        int limit = feeders[i].table->settings.memory_limit_mb;
        if (limit == 0 || limit >= least || node == told)
            continue;
        struct buffer hint = {0};
        buffer_appendf(&hint, "set it to at least %d, or leave it out", least);
        problems_add(reader->problems, node, hint.data,
                     "\"memory_limit_mb\" is %d, but the process with one worker takes %d MB from this kind of source",
                     limit, least);
        buffer_release(&hint);
        told = node;
    }
}

static void check_filters(struct reader *reader, const struct config *config, const struct feeder *feeders,
                          size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *filter = feeders[i].table->source_filter;
        char odd = filter == NULL ? '\0' : filter_odd_parenthesis(filter, config_source_is_snowflake(&config->source));
        if (odd != '\0')
            problems_add(
                reader->problems, tree_find(feeders[i].node, "source_filter"),
                "the filter stands in parentheses beside the condition that cuts a chunk, which it must not undo",
                odd == ')' ? "\"source_filter\" closes a parenthesis that it hasn't opened"
                           : "\"source_filter\" doesn't close a parenthesis that it opens");
    }
}

void check_feeds(struct reader *reader, const struct config *config, const struct tree_node *const *nodes) {
    size_t count = 0;
    for (size_t i = 0; i < config->feed_count; i++)
        count += config->feeds[i].table_count;
    struct feeder *feeders = memory_array(count + 1, sizeof(*feeders));
    for (size_t i = 0, at = 0; i < config->feed_count; i++)
        for (size_t j = 0; j < config->feeds[i].table_count; j++, at++)
            feeders[at] = (struct feeder){&config->feeds[i], &config->feeds[i].tables[j], nodes[at]};
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (compare_feeders(reader, &feeders[i], &feeders[j]))
                break;
    check_source_names(reader, config, feeders);
    check_snapshots(reader, config, feeders, count);
    check_memory(reader, config, feeders, count);
    check_filters(reader, config, feeders, count);
    memory_release(&feeders);
}
