/* config.json, as somebody wrote it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "config/config.h"
#include "source/options.h"

static void check_problems(const struct config_problems *problems) {
    struct buffer text = {0};
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->list[i];
        FUZZ_REQUIRE(problem->path != NULL && problem->path[0] == '$');
        FUZZ_REQUIRE(problem->message != NULL && problem->message[0] != '\0');
        FUZZ_REQUIRE(problem->line >= 0 && problem->column >= 0);
    }
    config_problems_format(problems, "config.json", &text);
    FUZZ_REQUIRE(text.length > 0);
    buffer_release(&text);
}

static void hold(void *context, const char *secret) {
    (void)context;
    FUZZ_REQUIRE(secret != NULL);
}

static void use(struct config *config) {
    struct source_options options = {0};
    struct error error = {0};
    char *names = config_source_names(config), *settings = config_execution_settings(config),
         *hash = config_execution_hash(config);
    FUZZ_REQUIRE(config->feed_count == 0 || (names != NULL && settings != NULL && hash != NULL));
    for (size_t i = 0; i < config->feed_count; i++)
        for (size_t j = 0; j < config->feeds[i].table_count; j++) {
            char *window = config_window_settings(config, &config->feeds[i].tables[j]);
            FUZZ_REQUIRE(window != NULL);
            free(window);
        }
    config_each_secret(config, hold, NULL);
    if (source_options_build(&config->source, &options, &error))
        source_options_release(&options);
    free(names);
    free(settings);
    free(hash);
    /* A name that is there is found. */
    if (config->feed_count > 0 && strpbrk(config->feeds[0].source_name, "\",") == NULL &&
        config->feeds[0].source_name[strspn(config->feeds[0].source_name, " \t")] != '\0')
        (void)!config_select(config, config->feeds[0].source_name, NULL, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config config;
    struct config_problems problems = {0};
    bool good = config_load_text(&config, "config.json", (const char *)data, size, NULL, &problems);
    FUZZ_REQUIRE(good == (problems.count == 0));
    if (good)
        use(&config);
    else
        check_problems(&problems);
    config_release(&config);
    config_problems_release(&problems);
    return 0;
}

void fuzz_seeds(void) {
    fuzz_seed_text("{\"duckdb\": {\"path\": \"x.db\", \"init_sql\": \"LOAD icu\"}, \"postgres\": {\"host\": \"h\", "
                   "\"port\": 5432},\n"
                   " \"parallel_threads\": \"${N:-${M:-4}}\", \"resume_max_age\": 1.5e2, \"_note\": [1, null, {}],\n"
                   " \"sources\": [{\"source_name\": \"a\", \"target_pg_database\": \"d\", \"tables\": [\n"
                   "  {\"source\": \"t\", \"target\": \"t\", \"chunking_columns\": [\"id\"], "
                   "\"chunking_column_types\": [\"int\"],\n"
                   "   \"column_mapping\": {\"A\": \"a\", \"note\": \"n\"}, \"uniqueness_columns\": [\"id\"]}]}]}");
    fuzz_seed_text(
        "{\"snowflake\": {\"account\": \"A-B\", \"user\": \"u\", \"password\": \"p\", \"port\": 443, \"protocol\": "
        "\"https\",\n"
        "  \"options\": {\"QUERY_TAG\": \"x\", \"adbc.snowflake.sql.client_option.login_timeout\": \"3s\"}}, "
        "\"postgres\": {\"url\": "
        "\"postgresql://u@h:1/\"}, \"snapshot\": \"time_travel\", \"on_bad_row\": \"reject\", \"max_rejects\": 7,\n"
        " \"sources\": [{\"source_name\": \"a\", \"source_sf_database\": \"D\", \"source_sf_schema\": \"S\", "
        "\"tables\": [\n"
        "  {\"source\": \"T\", \"target\": \"t\", \"uniqueness_columns\": [\"id\"], \"source_watermark\": \"W\",\n"
        "   \"target_watermark\": \"w\", \"sort_columns\": [\"S\"], \"source_filter\": \"x > '1'\"}]}]}");
    fuzz_seed_text("{\"adbc\": {\"driver\": \"x\", \"entrypoint\": \"f\", \"dialect\": \"duckdb\", \"options\": "
                   "{\"a\": true}}, \"postgres\": {},\n"
                   " \"enabled\": \"${YES:-true}\", \"sources\": [{\"source_name\": \"\\u00e9\\ud83d\\ude00\", "
                   "\"enabled\": false, \"tables\": []}]}");
    fuzz_seed_text(
        "{\"snowflake\": {\"account\": \"a\", \"user\": \"secretsmanager:x#y\", \"rsa_key\": \"-----BEGIN PRIVATE "
        "KEY-----\\\\nAA==\\\\n"
        "-----END PRIVATE KEY-----\"}, \"postgres\": null, \"sources\": [{}, 1, \"x\"], \"note\": 1, \"note\": 2}");
}
