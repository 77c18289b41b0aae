/* From the text to the configuration. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/model.h"
#include "config/read.h"

enum { CONFIG_LIMIT = 16 * 1024 * 1024 };

/* Where a setting may stand, the nearest first. */
struct levels {
    const struct tree_node *nodes[3];
    size_t count;
};

static const struct tree_node *nearest_setting(const struct levels *levels, const char *name) {
    for (size_t i = 0; i < levels->count; i++) {
        const struct tree_node *node = read_get(levels->nodes[i], name);
        if (node != NULL)
            return node;
    }
    return NULL;
}

static int integer_setting(const struct levels *levels, const char *name, int fallback) {
    const struct tree_node *node = nearest_setting(levels, name);
    return node == NULL ? fallback : (int)node->integer;
}

static size_t choice_setting(const struct levels *levels, const char *name, const char *const *choices,
                             size_t fallback) {
    const struct tree_node *node = nearest_setting(levels, name);
    return node == NULL ? fallback : read_choice(node->parent, name, choices, fallback);
}

/* The nearest level that says anything of the batch size decides. On one level batch_size_copy_mode is the more specific
 * word for a table that needs no merge; for others it says nothing. */
static int64_t batch_size(const struct levels *levels, enum config_mode mode) {
    for (size_t i = 0; i < levels->count; i++) {
        const struct tree_node *node = mode == MODE_COPY ? read_get(levels->nodes[i], "batch_size_copy_mode") : NULL;
        if (node == NULL)
            node = read_get(levels->nodes[i], "batch_size");
        if (node != NULL)
            return node->integer;
    }
    return 0;
}

static bool boolean_setting(const struct levels *levels, const char *name) {
    const struct tree_node *node = nearest_setting(levels, name);
    return node != NULL && node->boolean;
}

static struct config_settings read_settings(const struct levels *levels, enum config_mode mode) {
    const struct tree_node *age = nearest_setting(levels, "resume_max_age");
    const struct tree_node *rejects = nearest_setting(levels, "max_rejects");
    struct config_settings settings = {
        .parallel_threads = integer_setting(levels, "parallel_threads", 6),
        .batch_size = batch_size(levels, mode),
        .max_retry_attempts = integer_setting(levels, "max_retry_attempts", 3),
        .resume_max_age_hours = age == NULL ? 168 : age->real,
        .lambda_timeout_buffer_seconds = integer_setting(levels, "lambda_timeout_buffer_seconds", 120),
        .snapshot = (enum config_snapshot)choice_setting(levels, "snapshot", snapshot_choices, SNAPSHOT_AUTO),
        .on_bad_row = (enum config_bad_row)choice_setting(levels, "on_bad_row", bad_row_choices, BAD_ROW_STOP),
        .max_rejects = rejects == NULL ? 1000 : rejects->integer,
        .nul_bytes = (enum config_nul_bytes)choice_setting(levels, "nul_bytes", nul_choices, NUL_BYTES_ERROR),
        .rounding = (enum config_rounding)choice_setting(levels, "rounding", rounding_choices, ROUNDING_ERROR),
        .insert_only_mode = boolean_setting(levels, "insert_only_mode"),
        .memory_limit_mb = integer_setting(levels, "memory_limit_mb", 0),
    };
    return settings;
}

/* ---- source and target -------------------------------------------------------------------------------------------- */

static int read_port(const struct tree_node *object) {
    const struct tree_node *node = read_get(object, "port");
    return node == NULL ? 0 : (int)node->integer;
}

static void read_snowflake(struct reader *reader, struct tree_node *node, struct config_source *source) {
    read_object(reader, node, &keys_snowflake);
    check_snowflake(reader, node);
    source->account = read_string(node, "account");
    source->user = read_string(node, "user");
    source->warehouse = read_string(node, "warehouse");
    source->role = read_string(node, "role");
    source->rsa_key = read_string(node, "rsa_key");
    source->rsa_key_passphrase = read_string(node, "rsa_key_passphrase");
    source->password = read_string(node, "password");
    source->token = read_string(node, "token");
    source->host = read_string(node, "host");
    source->protocol = read_string(node, "protocol");
    source->port = read_port(node);
    source->options = read_options(node, "options", &source->option_count);
    source->fetched = read_fetched(node, "options", &source->fetched_count);
}

static void read_duckdb(struct reader *reader, struct tree_node *node, struct config_source *source) {
    read_object(reader, node, &keys_duckdb);
    source->path = read_string(node, "path");
    source->init_sql = read_string(node, "init_sql");
}

static void read_adbc(struct reader *reader, struct tree_node *node, struct config_source *source) {
    read_object(reader, node, &keys_adbc);
    source->driver = read_string(node, "driver");
    source->entrypoint = read_string(node, "entrypoint");
    source->dialect = read_string(node, "dialect");
    source->options = read_options(node, "options", &source->option_count);
    source->fetched = read_fetched(node, "options", &source->fetched_count);
}

static void read_source(struct reader *reader, struct tree_node *root, struct config_source *source) {
    static const struct {
        const char *name;
        enum config_source_kind kind;
        void (*read)(struct reader *reader, struct tree_node *node, struct config_source *source);
    } kinds[] = {{"snowflake", SOURCE_SNOWFLAKE, read_snowflake},
                 {"duckdb", SOURCE_DUCKDB, read_duckdb},
                 {"adbc", SOURCE_ADBC, read_adbc}};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct tree_node *node = tree_find(root, kinds[i].name);
        if (!read_given(root, kinds[i].name))
            continue;
        if (first != NULL)
            problems_add(reader->problems, node, "remove one of the two",
                         "\"%s\" and \"%s\" are both given: there is one source", first, kinds[i].name);
        if (read_get(root, kinds[i].name) != NULL) {
            struct config_source other = {0};
            kinds[i].read(reader, node, first == NULL ? source : &other);
            config_source_release(&other);
        }
        if (first == NULL)
            source->kind = kinds[i].kind;
        first = first == NULL ? kinds[i].name : first;
    }
    if (first == NULL)
        problems_add(reader->problems, root, NULL,
                     "the source is missing: one of \"snowflake\", \"duckdb\" and \"adbc\"");
}

static void read_target(struct reader *reader, struct tree_node *root, struct config_target *target) {
    if (read_get(root, "postgres") == NULL)
        return;
    struct tree_node *node = tree_find(root, "postgres");
    read_object(reader, node, &keys_postgres);
    check_postgres(reader, node);
    target->host = read_string(node, "host");
    target->port = read_port(node);
    target->user = read_string(node, "user");
    target->password = read_string(node, "password");
    target->sslmode = read_string(node, "sslmode");
    target->sslrootcert = read_string(node, "sslrootcert");
    target->url = read_string(node, "url");
}

/* ---- sources and tables ------------------------------------------------------------------------------------------- */

/* The nodes of the enabled tables, in the order of the feeds. */
struct table_nodes {
    const struct tree_node **list;
    size_t count;
};

/* The contract's table of modes. */
static enum config_mode choose_mode(const struct levels *levels, const struct config_table *table) {
    if (table->uniqueness_column_count == 0)
        return MODE_COPY;
    if (boolean_setting(levels, "insert_only_mode"))
        return MODE_INSERT_ONLY;
    return table->truncate_onstart ? MODE_COPY : MODE_UPSERT;
}

static void read_table(const struct tree_node *root, const struct tree_node *feed, const struct tree_node *node,
                       struct config_table *table) {
    struct levels levels = {{node, feed, root}, 3};
    table->source = read_string(node, "source");
    table->target = read_string(node, "target");
    table->source_filter = read_string(node, "source_filter");
    table->chunking_columns = read_strings(node, "chunking_columns", &table->chunking_column_count);
    table->chunking_column_types = read_strings(node, "chunking_column_types", &table->chunking_column_type_count);
    table->chunking = (enum config_chunking)read_choice(node, "chunking", chunking_choices, CHUNKING_AUTO);
    table->uniqueness_columns = read_strings(node, "uniqueness_columns", &table->uniqueness_column_count);
    table->sort_columns = read_strings(node, "sort_columns", &table->sort_column_count);
    table->source_watermark = read_string(node, "source_watermark");
    table->target_watermark = read_string(node, "target_watermark");
    table->column_mapping = read_options(node, "column_mapping", &table->column_mapping_count);
    table->truncate_onstart = read_boolean(node, "truncate_onstart", false);
    table->disable_index = read_boolean(node, "disable_index", false);
    table->create_target = read_boolean(node, "create_target", false);
    table->mode = choose_mode(&levels, table);
    table->settings = read_settings(&levels, table->mode);
    const struct tree_node *scratch = nearest_setting(&levels, "scratch_schema");
    table->scratch_schema = scratch == NULL ? NULL : memory_copy_string(scratch->text);
    table->json_path = tree_path(node);
}

/* One of two names for the same thing. */
static char *read_alias(struct reader *reader, const struct tree_node *node, const char *name, const char *other) {
    if (read_given(node, name) && read_given(node, other))
        problems_add(reader->problems, tree_find(node, other), "remove one of the two",
                     "\"%s\" and \"%s\" are two names for the same thing", name, other);
    char *value = read_string(node, name);
    return value != NULL ? value : read_string(node, other);
}

bool config_source_is_snowflake(const struct config_source *source) {
    return source->kind == SOURCE_SNOWFLAKE || (source->dialect != NULL && strcmp(source->dialect, "snowflake") == 0);
}

static void read_feed_names(struct reader *reader, const struct config_source *source, const struct tree_node *node,
                            struct config_feed *feed) {
    bool snowflake = config_source_is_snowflake(source);
    feed->source_name = read_string(node, "source_name");
    feed->source_database = read_alias(reader, node, "source_sf_database", "source_database");
    feed->source_schema = read_alias(reader, node, "source_sf_schema", "source_schema");
    feed->target_database = read_string(node, "target_pg_database");
    feed->target_schema = read_string(node, "target_pg_schema");
    if (snowflake && !read_given(node, "source_sf_database") && !read_given(node, "source_database"))
        problems_add(reader->problems, node, NULL, "\"source_sf_database\" is missing");
    if (snowflake && !read_given(node, "source_sf_schema") && !read_given(node, "source_schema"))
        problems_add(reader->problems, node, NULL, "\"source_sf_schema\" is missing");
    if (feed->source_schema == NULL)
        feed->source_schema = memory_copy_string("main"); /* DuckDB's own */
    if (feed->target_schema == NULL)
        feed->target_schema = memory_copy_string("public");
    if (feed->source_name != NULL && strchr(feed->source_name, ',') != NULL)
        problems_add(reader->problems, tree_find(node, "source_name"), NULL,
                     "\"source_name\" holds a comma, which separates the names of several sources");
}

static void read_tables(struct reader *reader, const struct tree_node *root, const struct tree_node *node,
                        struct config_feed *feed, struct table_nodes *nodes) {
    const struct tree_node *tables = read_get(node, "tables");
    bool feed_disabled = reader->disabled;
    if (tables == NULL)
        return;
    feed->tables = memory_array(tables->last->index + 1, sizeof(*feed->tables));
    for (struct tree_node *table = tables->first; table != NULL; table = table->next) {
        if (table->kind != TREE_OBJECT)
            continue;
        const struct tree_node *enabled = read_early(reader, table, &keys_table, "enabled");
        reader->disabled = feed_disabled || (enabled != NULL && !enabled->boolean);
        read_object(reader, table, &keys_table);
        check_table(reader, table);
        if (!reader->disabled) {
            read_table(root, node, table, &feed->tables[feed->table_count++]);
            nodes->list = memory_resize(nodes->list, nodes->count + 1, sizeof(const struct tree_node *));
            nodes->list[nodes->count++] = table;
        }
        reader->disabled = feed_disabled;
    }
}

static void read_feeds(struct reader *reader, const struct tree_node *root, struct config *config) {
    const struct tree_node *sources = read_get(root, "sources");
    struct table_nodes nodes = {0};
    if (sources == NULL)
        return;
    config->feeds = memory_array(sources->last->index + 1, sizeof(*config->feeds));
    for (struct tree_node *node = sources->first; node != NULL; node = node->next) {
        if (node->kind != TREE_OBJECT)
            continue;
        const struct tree_node *enabled = read_early(reader, node, &keys_source, "enabled");
        struct config_feed feed = {0};
        reader->disabled = enabled != NULL && !enabled->boolean;
        read_object(reader, node, &keys_source);
        read_feed_names(reader, &config->source, node, &feed);
        read_tables(reader, root, node, &feed, &nodes);
        if (reader->disabled || feed.table_count == 0)
            config_feed_release(&feed);
        else
            config->feeds[config->feed_count++] = feed;
        reader->disabled = false;
    }
    if (nodes.count == 0 && reader->problems->count == 0)
        problems_add(reader->problems, sources, "remove an \"enabled\": false", "nothing to do: no table is enabled");
    check_feeds(reader, config, nodes.list);
    memory_release(&nodes.list);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static void read_root(struct reader *reader, struct tree_node *root, struct config *config) {
    struct levels levels = {{root}, 1};
    read_object(reader, root, &keys_root);
    read_source(reader, root, &config->source);
    read_target(reader, root, &config->target);
    config->settings = read_settings(&levels, MODE_COPY);
    read_feeds(reader, root, config);
}

/* Those of the .env file first, then by place in the text, then as they were found. */
static int compare_problems(const void *left, const void *right) {
    const struct config_problem *a = *(const struct config_problem *const *)left;
    const struct config_problem *b = *(const struct config_problem *const *)right;
    if ((a->file == NULL) != (b->file == NULL))
        return a->file == NULL ? 1 : -1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return (a > b) - (a < b);
}

static void sort_problems(struct config_problems *problems) {
    if (problems->count < 2)
        return;
    const struct config_problem **order = memory_array(problems->count, sizeof(const struct config_problem *));
    struct config_problem *sorted = memory_array(problems->count, sizeof(*sorted));
    for (size_t i = 0; i < problems->count; i++)
        order[i] = &problems->list[i];
    qsort(order, problems->count, sizeof(const struct config_problem *), compare_problems);
    for (size_t i = 0; i < problems->count; i++)
        sorted[i] = *order[i];
    memory_release(&order);
    memory_release(&problems->list);
    problems->list = sorted;
}

static bool load_text(struct config *config, const char *file, const char *text, size_t length, const char *env_file,
                      struct secrets *secrets, struct config_problems *problems) {
    *config = (struct config){.file = memory_copy_string(file), .hash = config_hash_text(text, length)};
    struct environment environment = {0};
    struct reader reader = {.environment = &environment, .secrets = secrets, .problems = problems};
    struct tree tree;
    environment_load(&environment, env_file, problems);
    if (tree_parse(&tree, text, length, problems))
        read_root(&reader, &tree.nodes[0], config);
    tree_release(&tree);
    environment_release(&environment);
    sort_problems(problems);
    return problems->count == 0;
}

bool config_load_text(struct config *config, const char *file, const char *text, size_t length, const char *env_file,
                      struct config_problems *problems) {
    struct secrets secrets = {0};
    bool good = load_text(config, file, text, length, env_file, &secrets, problems);
    secrets_release(&secrets);
    return good;
}

static bool load_file(struct config *config, const char *file, const char *env_file, struct secrets *secrets,
                      struct config_problems *problems) {
    struct buffer text = {0};
    const char *reason;
    bool good = config_read_file(file, CONFIG_LIMIT, &text, &reason);
    if (good) {
        good = load_text(config, file, buffer_string(&text), text.length, env_file, secrets, problems);
    } else {
        *config = (struct config){.file = memory_copy_string(file)};
        problems_add_in_file(problems, file, 0, 0, "name the configuration with --config",
                             "the configuration can't be read: %s", reason);
    }
    if (text.data != NULL)
        memory_wipe(text.data, text.length);
    buffer_release(&text);
    return good;
}

bool config_load(struct config *config, const char *file, const char *env_file, struct config_problems *problems) {
    struct secrets secrets = {0};
    bool good = load_file(config, file, env_file, &secrets, problems);
    secrets_release(&secrets);
    return good;
}

bool config_load_unfetched(struct config *config, const char *file, const char *env_file,
                           struct config_problems *problems) {
    return load_file(config, file, env_file, NULL, problems);
}
