#include "config/outline.h"

#include <ctype.h>
#include <string.h>

#include "config/model.h"
#include "config/read.h"

static const struct {
    const char *name;
    const struct key_table *keys;
} sections[] = {
    {"snowflake", &keys_snowflake}, {"duckdb", &keys_duckdb}, {"adbc", &keys_adbc}, {"postgres", &keys_postgres}};
enum { SECTIONS = sizeof sections / sizeof *sections };

/* ---- without a file ----------------------------------------------------------------------------------------------- */

static const char snowflake_references[] =
    "{\"account\": \"${SNOWFLAKE_ACCOUNT}\", \"user\": \"${SNOWFLAKE_USER}\","
    " \"warehouse\": \"${SNOWFLAKE_WAREHOUSE:-}\", \"role\": \"${SNOWFLAKE_ROLE:-}\","
    " \"rsa_key\": \"${SNOWFLAKE_RSA_KEY:-}\", \"rsa_key_passphrase\": \"${SNOWFLAKE_RSA_KEY_PASSPHRASE:-}\","
    " \"password\": \"${SNOWFLAKE_PASSWORD:-}\", \"token\": \"${SNOWFLAKE_TOKEN:-}\","
    " \"host\": \"${SNOWFLAKE_HOST:-}\", \"port\": \"${SNOWFLAKE_PORT:-}\","
    " \"protocol\": \"${SNOWFLAKE_PROTOCOL:-}\"}";
static const char duckdb_references[] = "{\"path\": \"${DUCKDB_PATH}\", \"init_sql\": \"${DUCKDB_INIT_SQL:-}\"}";
static const char postgres_references[] =
    "{\"host\": \"${PGHOST:-}\", \"port\": \"${PGPORT:-}\", \"user\": \"${PGUSER:-}\","
    " \"password\": \"${PGPASSWORD:-}\", \"sslmode\": \"${PGSSLMODE:-}\"}";

static json_t *references(const char *env_file) {
    struct environment environment = {0};
    struct config_problems ignored = {0}; /* told when the configuration is loaded */
    environment_load(&environment, env_file, &ignored);
    bool duckdb = environment_get(&environment, "DUCKDB_PATH") != NULL;
    environment_release(&environment);
    config_problems_release(&ignored);
    json_t *outline = json_object();
    json_object_set_new(outline, duckdb ? "duckdb" : "snowflake",
                        json_loads(duckdb ? duckdb_references : snowflake_references, 0, NULL));
    json_object_set_new(outline, "postgres", json_loads(postgres_references, 0, NULL));
    return outline;
}

/* ---- secrets ------------------------------------------------------------------------------------------------------ */

/* One reference, whole: "${NAME}", "${NAME:-}", "ssm:NAME". A default may be the secret itself. */
static bool is_reference(const char *text) {
    size_t length = strlen(text);
    if (secrets_is_reference(text))
        return true;
    if (strncmp(text, "${", 2) != 0)
        return false;
    size_t name = strspn(text + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return name > 0 && (strcmp(text + 2 + name, "}") == 0 || strcmp(text + 2 + name, ":-}") == 0) && length > 3;
}

static bool key_is_secret(const struct key_table *table, const char *name) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->keys[i].name, name) == 0)
            return (table->keys[i].flags & KEY_SECRET) != 0;
    return false;
}

/* What stands in such a key and is none: the path of a key file, statements in which nothing of the kind occurs. */
static bool is_harmless(const char *name, const char *text) {
    if (strcmp(name, "rsa_key") == 0)
        return strstr(text, "-----BEGIN") == NULL && strlen(text) <= 512;
    return strcmp(name, "init_sql") == 0 && strcasestr(text, "secret") == NULL && strcasestr(text, "password") == NULL;
}

static void hide_value(json_t *object, const char *section, const char *name) {
    struct buffer reference = {0};
    buffer_append(&reference, "${");
    for (const char *at = section; *at != '\0'; at++)
        buffer_append_char(&reference, (char)toupper((unsigned char)*at));
    buffer_append_char(&reference, '_');
    for (const char *at = name; *at != '\0'; at++)
        buffer_append_char(&reference, isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_');
    buffer_append_char(&reference, '}');
    json_object_set_new(object, name, json_string(buffer_string(&reference)));
    buffer_release(&reference);
}

static void hide_section(json_t *object, const char *section, const struct key_table *keys) {
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, name, value) {
        const char *text = json_string_value(value);
        if (read_is_remark(name))
            json_object_del(object, name); /* anything may stand there */
        else if (text != NULL && key_is_secret(keys, name) && !is_reference(text) && !is_harmless(name, text))
            hide_value(object, section, name);
    }
    json_t *options = json_object_get(object, "options");
    json_object_foreach_safe(options, next, name, value) {
        const char *text = json_string_value(value);
        if (config_option_is_secret(name) && (text == NULL || !is_reference(text)))
            hide_value(options, section, name);
    }
}

/* ---- from a file -------------------------------------------------------------------------------------------------- */

static json_t *sections_of(const char *file, struct error *error) {
    json_error_t failure;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &failure);
    json_t *outline = json_object();
    if (root == NULL)
        error_set(error, ERROR_CONFIG, "%s can't be read: %s (line %d)", file, failure.text, failure.line);
    for (size_t i = 0; i < SECTIONS; i++)
        if (json_is_object(json_object_get(root, sections[i].name)))
            json_object_set(outline, sections[i].name, json_object_get(root, sections[i].name));
    bool found = json_object_size(outline) > (json_object_get(outline, "postgres") != NULL ? 1 : 0);
    if (root != NULL && !found)
        error_set(error, ERROR_CONFIG, "%s has no source: one of \"snowflake\", \"duckdb\" and \"adbc\"", file);
    if (found && json_object_get(outline, "postgres") == NULL)
        json_object_set_new(outline, "postgres", json_loads(postgres_references, 0, NULL));
    json_decref(root);
    if (!found) {
        json_decref(outline);
        outline = NULL;
    }
    return outline;
}

json_t *config_outline(const char *file, const char *env_file, bool hide, struct error *error) {
    json_t *outline = file == NULL ? references(env_file) : sections_of(file, error);
    for (size_t i = 0; hide && outline != NULL && i < SECTIONS; i++)
        if (json_object_get(outline, sections[i].name) != NULL)
            hide_section(json_object_get(outline, sections[i].name), sections[i].name, sections[i].keys);
    return outline;
}
