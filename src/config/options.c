/* The options of the Snowflake driver.
 *
 * The driver takes what it doesn't know for a session parameter and says nothing, so a misspelt option would just not
 * work. Names: https://docs.adbc-drivers.org/drivers/snowflake/ and the strings in the driver itself (1.11).
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config/model.h"
#include "config/read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLIENT "adbc.snowflake.sql.client_option."

/* What reading can use. The options for writing (ingest) are left out. */
static const char *const known_options[] = {
    "adbc.rpc.result_queue_size",
    "adbc.snowflake.rpc.prefetch_concurrency",
    "adbc.snowflake.sql.auth_type",
    "adbc.snowflake.sql.db",
    "adbc.snowflake.sql.region",
    "adbc.snowflake.sql.schema",
    CLIENT "app_name",
    CLIENT "cache_mfa_token",
    CLIENT "client_timeout",
    CLIENT "config_file",
    CLIENT "disable_telemetry",
    CLIENT "identity_provider",
    CLIENT "jwt_expire_timeout",
    CLIENT "keep_session_alive",
    CLIENT "login_timeout",
    CLIENT "ocsp_fail_open_mode",
    CLIENT "okta_url",
    CLIENT "request_timeout",
    CLIENT "store_temp_creds",
    CLIENT "tls_skip_verify",
    CLIENT "tracing",
};

struct pair {
    const char *name, *value;
};

/* Options that a key of the configuration, or the program, sets: two truths would be one too many. */
static const struct pair own_options[] = {
    {"username", "user"},
    {"password", "password"},
    {"uri", NULL},
    {"adbc.snowflake.sql.account", "account"},
    {"adbc.snowflake.sql.warehouse", "warehouse"},
    {"adbc.snowflake.sql.role", "role"},
    {"adbc.snowflake.sql.uri.host", "host"},
    {"adbc.snowflake.sql.uri.port", "port"},
    {"adbc.snowflake.sql.uri.protocol", "protocol"},
    {"adbc.connection.catalog", NULL},
    {"adbc.connection.db_schema", NULL},
    {"adbc.connection.autocommit", NULL},
    {CLIENT "max_timestamp_precision", NULL}, /* values would arrive changed */
    {CLIENT "use_high_precision", NULL},
    {CLIENT "auth_token", "token"},
    {CLIENT "jwt_private_key", "rsa_key"},
    {CLIENT "jwt_private_key_pkcs8_value", "rsa_key"},
    {CLIENT "jwt_private_key_pkcs8_password", "rsa_key_passphrase"},
};

/* Session parameters that are pinned at connect, because they change what a query means or returns. */
static const char *const pinned_parameters[] = {
    "ROWS_PER_RESULTSET",
    "TIMEZONE",
    "QUOTED_IDENTIFIERS_IGNORE_CASE",
    "DATE_INPUT_FORMAT",
    "TIME_INPUT_FORMAT",
    "TIMESTAMP_INPUT_FORMAT",
    "DATE_OUTPUT_FORMAT",
    "TIME_OUTPUT_FORMAT",
    "TIMESTAMP_OUTPUT_FORMAT",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT",
    "TIMESTAMP_TZ_OUTPUT_FORMAT",
    "BINARY_OUTPUT_FORMAT",
};

bool config_option_is_secret(const char *name) {
    static const char *const signs[] = {"password", "passphrase",  "passwd",           "pwd",     "token",
                                        "secret",   "private_key", "credential",       "api_key", "access_key",
                                        "uri",      "url",         "connection_string"};
    if (strncasecmp(name, "adbc.snowflake.sql.uri.", 23) == 0) /* host, port and protocol */
        return false;
    for (size_t i = 0; i < COUNT(signs); i++)
        if (strcasestr(name, signs[i]) != NULL)
            return true;
    return false;
}

static const struct pair *find_own(const char *name) {
    for (size_t i = 0; i < COUNT(own_options); i++)
        if (strcasecmp(own_options[i].name, name) == 0)
            return &own_options[i];
    return NULL;
}

static bool is_in(const char *name, const char *const *list, size_t count, int (*compare)(const char *, const char *)) {
    for (size_t i = 0; i < count; i++)
        if (compare(name, list[i]) == 0)
            return true;
    return false;
}

/* Session parameters, which the driver hands on, are written in capitals here: no option of the driver is, so that a
 * misspelt one isn't taken for a parameter. */
static bool is_parameter_name(const char *name) {
    if (!isupper((unsigned char)*name))
        return false;
    while (isupper((unsigned char)*name) || isdigit((unsigned char)*name) || *name == '_')
        name++;
    return *name == '\0';
}

static void refuse_unknown_option(struct reader *reader, const struct tree_node *option) {
    const char *nearest = config_nearest(option->key, known_options, COUNT(known_options));
    if (nearest != NULL)
        problems_add(reader->problems, option, NULL, "the Snowflake driver has no such option (did you mean \"%s\"?)",
                     nearest);
    else
        problems_add(reader->problems, option,
                     "the driver's options begin with \"adbc.\"; session parameters are written in capitals",
                     "the Snowflake driver has no such option");
}

static void check_option(struct reader *reader, const struct tree_node *option) {
    const struct pair *own = find_own(option->key);
    if (own != NULL && own->value != NULL)
        problems_add(reader->problems, option, NULL, "write the key \"%s\" of \"snowflake\" instead of this option",
                     own->value);
    else if (own != NULL)
        problems_add(reader->problems, option, "remove it", "this option is set by thaw itself");
    else if (is_in(option->key, pinned_parameters, COUNT(pinned_parameters), strcasecmp))
        problems_add(reader->problems, option, "remove it",
                     "this session parameter is pinned, because it changes what queries return");
    else if (!is_in(option->key, known_options, COUNT(known_options), strcmp) && !is_parameter_name(option->key))
        refuse_unknown_option(reader, option);
}

void check_snowflake_options(struct reader *reader, const struct tree_node *snowflake) {
    const struct tree_node *options = read_get(snowflake, "options");
    if (options == NULL)
        return;
    for (const struct tree_node *option = options->first; option != NULL; option = option->next)
        if (!option->absent && !option->invalid)
            check_option(reader, option);
}
