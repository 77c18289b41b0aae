#include "run/init.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "run/mapping.h"
#include "source/source.h"
#include "target/create.h"

/* What is at work on a schema. */
struct look {
    struct source_connection *connection;
    const struct dialect *dialect;
    const struct init_options *options;
    char *target_schema;
    json_t *tables;
    struct init_result *result;
};

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* What has no lower-case letter was written without quotes in Snowflake, and is so in PostgreSQL in lower case. */
static char *target_name(const char *name) {
    struct buffer lower = {0};
    bool folds = true;
    for (const char *at = name; *at != '\0'; at++)
        folds = folds && !islower((unsigned char)*at) && (unsigned char)*at < 0x80;
    for (const char *at = name; *at != '\0'; at++)
        buffer_append_char(&lower, folds ? (char)tolower((unsigned char)*at) : *at);
    return buffer_steal(&lower);
}

static char *target_schema_of(const struct init_options *options) {
    if (options->target_schema != NULL)
        return memory_copy_string(options->target_schema);
    bool usual = strcmp(options->schema, "PUBLIC") == 0 || strcmp(options->schema, "main") == 0;
    return usual ? memory_copy_string("public") : target_name(options->schema);
}

/* A name as a value of the configuration, in which "${" begins a reference. */
static json_t *literal(const char *name) {
    struct buffer text = {0};
    for (const char *at = name; *at != '\0'; at++) {
        if (strncmp(at, "${", 2) == 0)
            buffer_append_char(&text, '$');
        buffer_append_char(&text, *at);
    }
    json_t *value = json_string(buffer_string(&text));
    buffer_release(&text);
    return value;
}

json_t *init_entry(const struct init_options *options) {
    char *schema = target_schema_of(options);
    char *name = target_name(options->database != NULL ? options->database : options->schema);
    for (char *at = name; *at != '\0'; at++)
        if (*at == ',')
            *at = '_'; /* it separates the names of several sources */
    json_t *entry = json_object();
    json_object_set_new(entry, "source_name", literal(name));
    if (options->database != NULL)
        json_object_set_new(entry, "source_database", literal(options->database));
    json_object_set_new(entry, "source_schema", literal(options->schema));
    json_object_set_new(entry, "target_pg_database",
                        json_string(options->target_database != NULL ? options->target_database : "${PGDATABASE:-}"));
    json_object_set_new(entry, "target_pg_schema", literal(schema));
    memory_release(&schema);
    memory_release(&name);
    return entry;
}

/* Of two tables that would go into one the later one keeps the source's name. */
static char *table_name(const json_t *tables, const char *name) {
    char *target = target_name(name);
    for (size_t i = 0; i < json_array_size(tables); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(tables, i), "target")), target) == 0) {
            memory_release(&target);
            return memory_copy_string(name);
        }
    return target;
}

/* A column_mapping of the names that change; two that would become one keep theirs. */
static void map_names(struct config_table *config, const struct source_table *source) {
    config->column_mapping = memory_array(source->column_count, sizeof *config->column_mapping);
    for (size_t i = 0; i < source->column_count; i++) {
        const char *name = source->columns[i].name;
        char *target = target_name(name);
        bool taken = strcmp(name, target) == 0 || source_column_find(source, target) >= 0;
        if (!taken)
            config->column_mapping[config->column_mapping_count++] =
                (struct config_option){memory_copy_string(name), target};
        else
            memory_release(&target);
    }
}

static void copy_key(struct config_table *config, const struct source_table *source) {
    config->uniqueness_columns = memory_array(source->key_count, sizeof *config->uniqueness_columns);
    for (size_t i = 0; i < source->key_count; i++)
        config->uniqueness_columns[config->uniqueness_column_count++] =
            memory_copy_string(create_column_name(config, source->columns[source->key[i]].name));
}

static void release_table(struct config_table *config) {
    for (size_t i = 0; i < config->column_mapping_count; i++) {
        memory_release(&config->column_mapping[i].name);
        memory_release(&config->column_mapping[i].value);
    }
    for (size_t i = 0; i < config->uniqueness_column_count; i++)
        memory_release(&config->uniqueness_columns[i]);
    memory_release(&config->column_mapping);
    memory_release(&config->uniqueness_columns);
    memory_release(&config->source);
    memory_release(&config->target);
}

/* ---- a table ------------------------------------------------------------------------------------------------------ */

static void explain(struct buffer *why, const struct source_table *source) {
    buffer_append(why, source->is_view ? "A view, which the source computes anew for each chunk. " : "");
    buffer_append(why, "truncate_onstart: each run loads it anew. create_target: made where it is missing.");
    if (source->key_count > 0)
        buffer_append(
            why, " uniqueness_columns: the primary key that the source declares; it cuts the table into chunks "
                 "and is the target's primary key. Snowflake doesn't enforce it: where rows break it, remove it. "
                 "Without truncate_onstart rows are merged by it (upsert): new keys are inserted, rows that differ "
                 "updated, others left alone; insert_only_mode leaves keys that are there alone. With "
                 "source_watermark and target_watermark (a time of change, or a number that only grows) each run "
                 "reads what is new.");
    else
        buffer_append(why, " No key is declared: name one in uniqueness_columns, or a column by whose order the table "
                           "can be cut in chunking_columns; without either a small table is one chunk, a large one is "
                           "cut by a hash. Rows can be merged (upsert) by a key only.");
}

static json_t *table_entry(const struct config_table *config, const struct source_table *source,
                           const struct error *obstacle) {
    struct buffer why = {0};
    json_t *entry = json_object();
    if (obstacle != NULL)
        buffer_appendf(&why, "Can't be copied as it is: %s%s%s", obstacle->message,
                       obstacle->hint[0] == '\0' ? "" : "; ", obstacle->hint);
    else
        explain(&why, source);
    json_object_set_new(entry, "_why", json_string(buffer_string(&why)));
    buffer_release(&why);
    if (obstacle != NULL)
        json_object_set_new(entry, "enabled", json_false());
    json_object_set_new(entry, "source", literal(config->source));
    json_object_set_new(entry, "target", literal(config->target));
    json_object_set_new(entry, "create_target", json_true());
    json_object_set_new(entry, "truncate_onstart", json_true());
    json_t *key = json_array();
    for (size_t i = 0; i < config->uniqueness_column_count; i++)
        json_array_append_new(key, literal(config->uniqueness_columns[i]));
    if (config->uniqueness_column_count > 0)
        json_object_set(entry, "uniqueness_columns", key);
    json_decref(key);
    json_t *mapping = json_object();
    for (size_t i = 0; i < config->column_mapping_count; i++)
        json_object_set_new(mapping, config->column_mapping[i].name, literal(config->column_mapping[i].value));
    if (config->column_mapping_count > 0)
        json_object_set(entry, "column_mapping", mapping);
    json_decref(mapping);
    return entry;
}

/* Would a run take it? The source is asked for what it really gives. *obstacle says what is in the way. */
static bool try_pairs(struct look *look, const struct config_table *config, struct run_mapping *mapping,
                      struct error *obstacle) {
    struct mapping_findings findings;
    bool good = mapping_pair(mapping, config, look->connection, look->dialect, &findings, obstacle);
    for (size_t i = 0; good && i < findings.refusal_count; i++)
        if (findings.refusals[i] != NULL)
            good = error_set(obstacle, ERROR_CONFIG, "column \"%s\" (%s) can't go into %s: %s",
                             mapping->source.columns[mapping->columns[i]].name,
                             mapping->source.columns[mapping->columns[i]].type_name, mapping->targets[i].type_name,
                             findings.refusals[i]);
    mapping_findings_release(&findings);
    return good;
}

static bool is_obstacle(const struct error *error) {
    return error->kind == ERROR_CONFIG || error->kind == ERROR_DATA;
}

static bool look_at_table(struct look *look, const char *name, struct error *error) {
    const struct source_relation relation = {
        .database = (char *)look->options->database, .schema = (char *)look->options->schema, .name = (char *)name};
    struct run_mapping mapping = {0};
    struct config_table config = {.source = memory_copy_string(name), .target = table_name(look->tables, name)};
    bool described = source_describe(look->connection, &relation, &mapping.source, error);
    bool good = false;
    if (described) {
        map_names(&config, &mapping.source);
        copy_key(&config, &mapping.source);
        error_clear(error);
        good = create_design(&mapping.target, &mapping.source, look->dialect, &config, look->target_schema,
                             look->options->lengths, error) &&
               try_pairs(look, &config, &mapping, error);
        bool told = good || is_obstacle(error);
        if (told)
            json_array_append_new(look->tables, table_entry(&config, &mapping.source, good ? NULL : error));
        if (good) {
            create_statement(&look->result->sql, &mapping.target, &config);
            create_comments(&look->result->sql, &mapping.target, &mapping.source, &config);
            buffer_append_char(&look->result->sql, '\n');
            look->result->table_count++;
        } else if (told) {
            buffer_appendf(&look->result->sql, "-- \"%s\" can't be copied as it is: see config.json\n\n", name);
            look->result->disabled_count++;
        }
        described = told;
    }
    mapping_release(&mapping);
    release_table(&config);
    return described || error_context(error, "looking at \"%s\"", name);
}

/* ---- the schema --------------------------------------------------------------------------------------------------- */

static bool look_at_named(struct look *look, struct error *error) {
    char *names = memory_copy_string(look->options->tables);
    char *rest = names;
    bool good = true;
    for (char *name = strtok_r(rest, ",", &rest); good && name != NULL; name = strtok_r(NULL, ",", &rest))
        good = look_at_table(look, name, error);
    memory_release(&names);
    return good;
}

static bool look_at_all(struct look *look, struct error *error) {
    const struct source_relation relation = {.database = (char *)look->options->database,
                                             .schema = (char *)look->options->schema};
    struct source_rows rows;
    struct buffer sql = {0};
    look->dialect->relations_query(&sql, &relation, true);
    bool good = source_query_rows(look->connection, buffer_string(&sql), &rows, error);
    buffer_release(&sql);
    if (!good)
        return error_context(error, "listing the tables of the schema \"%s\"", look->options->schema);
    int64_t column = source_rows_column(&rows, "name");
    if (column < 0 || rows.row_count == 0) {
        error_set(error, ERROR_CONFIG, "nothing is visible in the schema \"%s\" of the source", look->options->schema);
        good = error_hint(error, "names are exact, upper and lower case included; the role needs SELECT on its tables");
    }
    for (size_t row = 0; good && row < rows.row_count; row++)
        good = look_at_table(look, source_cell(&rows, row, (size_t)column), error);
    source_rows_release(&rows);
    return good;
}

static void finish(struct look *look, json_t *outline) {
    json_t *entry = init_entry(look->options), *entries = json_array();
    json_object_set(entry, "tables", look->tables);
    json_array_append_new(entries, entry);
    look->result->config = json_object();
    json_object_set_new(
        look->result->config, "_why",
        json_string("Written by thaw init. Values in ${...} come from the environment or from .env; ${NAME:-} may be "
                    "unset. Names without a lower-case letter are lower case in the target: column_mapping. Run thaw "
                    "check, then thaw migrate."));
    json_object_update(look->result->config, outline);
    json_object_set_new(look->result->config, "sources", entries);
}

bool init_look(const struct config *config, const struct init_options *options, json_t *outline, struct log *log,
               struct init_result *result, struct error *error) {
    struct source *source = NULL;
    struct look look = {.options = options, .result = result};
    memset(result, 0, sizeof *result);
    bool good = source_open(config, log, &source, error) && source_connect(source, &look.connection, error);
    if (good) {
        look.dialect = source_dialect(source);
        look.tables = json_array();
        look.target_schema = target_schema_of(options);
        if (strcmp(look.target_schema, "public") != 0) { /* every database has that one */
            buffer_append(&result->sql, "CREATE SCHEMA IF NOT EXISTS ");
            target_identifier(&result->sql, look.target_schema);
            buffer_append(&result->sql, ";\n\n");
        }
        good = options->tables != NULL ? look_at_named(&look, error) : look_at_all(&look, error);
    }
    if (good)
        finish(&look, outline);
    else
        init_result_release(result);
    json_decref(look.tables);
    memory_release(&look.target_schema);
    source_disconnect(&look.connection);
    source_close(&source);
    return good;
}

void init_result_release(struct init_result *result) {
    json_decref(result->config);
    buffer_release(&result->sql);
    memset(result, 0, sizeof *result);
}
