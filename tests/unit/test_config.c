/* What a good configuration says: values, precedence, selection, identity. JSON is written with ' for ". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/memory.h"
#include "config/config.h"

static void load_with(struct config *config, const char *document, const char *env_file) {
    struct config_problems problems = {0};
    char *text = memory_copy_string(document);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    bool good = config_load_text(config, "config.json", text, strlen(text), env_file, &problems);
    for (size_t i = 0; i < problems.count; i++)
        print_message("%s: %s\n", problems.list[i].path, problems.list[i].message);
    assert_true(good);
    memory_release(&text);
    config_problems_release(&problems);
}

static void load(struct config *config, const char *document) {
    load_with(config, document, NULL);
}

static void everything_is_read(void **state) {
    (void)state;
    struct config config;
    load(
        &config,
        "{'snowflake': {'account': 'acc', 'user': 'me', 'warehouse': 'W', 'role': 'R', 'password': 'p w', 'host': 'h',"
        " 'port': 444, 'protocol': 'http', 'options': {'FAKESNOW_DB_PATH': '/d', 'LOCK_TIMEOUT': 5, 'AUTOCOMMIT': true,"
        " 'NOTHING': null, '_x': 'remark'}},"
        " 'postgres': {'host': 'pg', 'port': 5433, 'user': 'u', 'password': 's', 'sslmode': 'require', 'sslrootcert': "
        "'c'},"
        " 'sources': [{'source_name': 's', 'source_sf_database': 'DB', 'source_sf_schema': 'Sch ema', "
        "'target_pg_database': 'tdb',"
        " 'target_pg_schema': 'tsch', 'tables': ["
        " {'source': 'T \\u00e9\\\"', 'target': 'ziel', 'source_filter': 'a > 1', 'chunking_columns': ['A', 'B'],"
        "  'chunking_column_types': ['int', 'date'], 'chunking': 'range', 'uniqueness_columns': ['a', 'b'],"
        "  'column_mapping': {'A': 'a', 'note': 'remark', '_B': 'b'}, 'truncate_onstart': true},"
        " {'enabled': false, 'source': 'OFF', 'target': 'off'},"
        " {'enabled': true, 'source': 'W', 'target': 'w', 'chunking': 'whole', 'snapshot': 'none'}]},"
        " {'source_name': 'off', 'enabled': false, 'source_database': 'D', 'source_schema': 'S',"
        " 'tables': [{'source': 'X', 'target': 'x'}]}]}");
    const struct config_source *source = &config.source;
    assert_int_equal(source->kind, SOURCE_SNOWFLAKE);
    assert_string_equal(source->account, "acc");
    assert_string_equal(source->password, "p w");
    assert_null(source->token);
    assert_int_equal(source->port, 444);
    assert_string_equal(source->protocol, "http");
    assert_int_equal(source->option_count, 3);
    assert_string_equal(source->options[0].name, "FAKESNOW_DB_PATH");
    assert_string_equal(source->options[1].value, "5");
    assert_string_equal(source->options[2].value, "true");
    assert_int_equal(config.target.port, 5433);
    assert_string_equal(config.target.sslrootcert, "c");
    assert_null(config.target.url);
    assert_int_equal(config.feed_count, 1);
    const struct config_feed *feed = &config.feeds[0];
    assert_string_equal(feed->source_schema, "Sch ema");
    assert_string_equal(feed->target_database, "tdb");
    assert_int_equal(feed->table_count, 2);
    const struct config_table *table = &feed->tables[0];
    assert_string_equal(table->source, "T \xC3\xA9\"");
    assert_string_equal(table->source_filter, "a > 1");
    assert_int_equal(table->chunking, CHUNKING_RANGE);
    assert_int_equal(table->chunking_column_count, 2);
    assert_string_equal(table->chunking_columns[1], "B");
    assert_string_equal(table->chunking_column_types[1], "date");
    assert_int_equal(table->uniqueness_column_count, 2);
    assert_int_equal(table->column_mapping_count, 3);
    assert_string_equal(table->column_mapping[1].name, "note");
    assert_string_equal(table->column_mapping[2].value, "b");
    assert_true(table->truncate_onstart);
    assert_string_equal(table->json_path, "$.sources[0].tables[0]");
    assert_int_equal(feed->tables[1].chunking, CHUNKING_WHOLE);
    assert_int_equal(feed->tables[1].settings.snapshot, SNAPSHOT_NONE);
    assert_string_equal(feed->tables[1].json_path, "$.sources[0].tables[2]");
    config_release(&config);
    assert_null(config.feeds);
}

#define SMALL(top, entry, table)                                                                                       \
    "{'duckdb': {'path': 'x.db'}, 'postgres': {}" top ", 'sources': [{'source_name': 's'" entry                        \
    ", 'tables': [{'source': 'A', 'target': 'a'" table "}]}]}"

static void defaults(void **state) {
    (void)state;
    struct config config;
    load(&config, SMALL("", "", ""));
    assert_int_equal(config.source.kind, SOURCE_DUCKDB);
    const struct config_settings *settings = &config.feeds[0].tables[0].settings;
    assert_int_equal(settings->parallel_threads, 6);
    assert_int_equal(settings->batch_size, 0);
    assert_int_equal(settings->max_retry_attempts, 3);
    assert_true(settings->resume_max_age_hours == 168);
    assert_int_equal(settings->lambda_timeout_buffer_seconds, 120);
    assert_int_equal(settings->snapshot, SNAPSHOT_AUTO);
    assert_null(config.feeds[0].source_database);
    assert_string_equal(config.feeds[0].source_schema, "main");
    assert_null(config.feeds[0].target_database);
    assert_string_equal(config.feeds[0].target_schema, "public");
    assert_int_equal(config.target.port, 0);
    config_release(&config);
}

static void the_nearest_setting_counts(void **state) {
    (void)state;
    struct config config;
    load(&config,
         SMALL(", 'parallel_threads': 2, 'max_retry_attempts': 2, 'resume_max_age': 2, 'snapshot': 'none'",
               ", 'parallel_threads': 3, 'max_retry_attempts': 4, 'resume_max_age': null", ", 'parallel_threads': 4"));
    const struct config_settings *settings = &config.feeds[0].tables[0].settings;
    assert_int_equal(config.settings.parallel_threads, 2);
    assert_int_equal(settings->parallel_threads, 4);
    assert_int_equal(settings->max_retry_attempts, 4);
    assert_true(settings->resume_max_age_hours == 2);
    assert_int_equal(settings->snapshot, SNAPSHOT_NONE);
    config_release(&config);
}

/* There is one process: the least that any of its tables asks for. */
static void the_least_limit_of_memory_counts(void **state) {
    (void)state;
    static const struct {
        const char *document;
        int limit;
    } cases[] = {
        {SMALL("", "", ""), 0},
        {SMALL(", 'memory_limit_mb': 500", "", ""), 500},
        {SMALL(", 'memory_limit_mb': 500", ", 'memory_limit_mb': 300", ""), 300},
        {SMALL(", 'memory_limit_mb': 500", ", 'memory_limit_mb': 300", ", 'memory_limit_mb': 400"), 400},
        {SMALL("", "", "}, {'source': 'B', 'target': 'b', 'memory_limit_mb': 200"), 200},
        {SMALL(", 'memory_limit_mb': 150", "", ", 'memory_limit_mb': 600"), 600},
        {SMALL(", 'memory_limit_mb': 150", "", ", 'memory_limit_mb': 600}, {'source': 'B', 'target': 'b'"), 150},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        load(&config, cases[i].document);
        assert_int_equal(config_memory_limit_mb(&config), cases[i].limit);
        config_limit_memory(&config, 250);
        assert_int_equal(config_memory_limit_mb(&config), 250);
        config_release(&config);
    }
}

static int64_t batch_size_of(const char *document) {
    struct config config;
    load(&config, document);
    int64_t size = config.feeds[0].tables[0].settings.batch_size;
    config_release(&config);
    return size;
}

static void the_batch_size_of_the_nearest_level_counts(void **state) {
    (void)state;
    assert_int_equal(batch_size_of(SMALL(", 'batch_size': 5000000000", "", "")), 5000000000);
    assert_int_equal(batch_size_of(SMALL(", 'batch_size': 1, 'batch_size_copy_mode': 2", "", "")), 2);
    assert_int_equal(batch_size_of(SMALL(", 'batch_size_copy_mode': 2", "", ", 'batch_size': 3")), 3);
    assert_int_equal(batch_size_of(SMALL(", 'batch_size': 1", ", 'batch_size_copy_mode': 4", "")), 4);
    assert_int_equal(
        batch_size_of(SMALL("", ", 'batch_size_copy_mode': 4", ", 'batch_size': 5, 'batch_size_copy_mode': 6")), 6);
}

static void values_come_from_the_environment(void **state) {
    (void)state;
    struct config config;
    char name[] = "/tmp/thaw-test-env-XXXXXX";
    int descriptor = mkstemp(name);
    FILE *file = fdopen(descriptor, "w");
    fputs("T_THREADS=17\nT_BOTH=file\nT_KEY=\"-----BEGIN PRIVATE KEY-----\nMI=\n-----END PRIVATE KEY-----\n\"\n", file);
    fclose(file);
    setenv("T_BOTH", "process", 1);
    setenv("T_TRUE", "True", 1);
    load_with(
        &config,
        "{'snowflake': {'account': '${T_BOTH}-${T_THREADS}', 'user': 'u$', 'rsa_key': '${T_KEY}', 'password': "
        "'${T_NO:-}',"
        " 'port': '${T_NO:-}'}, 'postgres': {'port': '${T_NO:-77}'}, 'parallel_threads': '${T_THREADS}',"
        " 'resume_max_age': '${T_NO:-1.5}', 'sources': [{'source_name': '$${x}', 'source_database': 'd', "
        "'source_schema': 's',"
        " 'enabled': '${T_NO:-true}', 'tables': [{'source': 'A', 'target': '${T_BOTH}', 'truncate_onstart': "
        "'${T_TRUE}',"
        " 'chunking': '${T_NO:-whole}', 'chunking_columns': ['${T_BOTH}'], 'column_mapping': {'${T_X}': '${T_BOTH}'}},"
        " {'source': 'B', 'target': 'b', 'enabled': '${T_NO:-false}'}]}]}",
        name);
    assert_string_equal(config.source.account, "process-17");
    assert_non_null(strstr(config.source.rsa_key, "KEY-----\nMI=\n-----END"));
    assert_null(config.source.password);
    assert_int_equal(config.source.port, 0);
    assert_int_equal(config.target.port, 77);
    assert_int_equal(config.settings.parallel_threads, 17);
    assert_true(config.settings.resume_max_age_hours == 1.5);
    assert_string_equal(config.feeds[0].source_name, "${x}");
    assert_int_equal(config.feeds[0].table_count, 1);
    const struct config_table *table = &config.feeds[0].tables[0];
    assert_string_equal(table->target, "process");
    assert_true(table->truncate_onstart);
    assert_int_equal(table->chunking, CHUNKING_WHOLE);
    assert_string_equal(table->chunking_columns[0], "process");
    assert_string_equal(table->column_mapping[0].name, "${T_X}"); /* keys stay as they are */
    assert_string_equal(table->column_mapping[0].value, "process");
    config_release(&config);
    unlink(name);
}

/* ---- selection */

#define THREE                                                                                                          \
    "{'duckdb': {'path': 'x'}, 'postgres': {}, 'sources': ["                                                           \
    "{'source_name': 'beta', 'tables': [{'source': 'A', 'target': 'ta'}, {'source': 'B', 'target': 'tb'}]},"           \
    "{'source_name': 'alpha', 'tables': [{'source': 'A', 'target': 'a2'}, {'source': 'x,y', 'target': 'C'}]},"         \
    "{'source_name': 'ga mma', 'tables': [{'source': 'G', 'target': 'g'}]}]}"

static void expect_selection(const char *sources, const char *tables, const char *wanted) {
    struct config config;
    struct error error = {0};
    struct buffer got = {0};
    load(&config, THREE);
    bool good = config_select(&config, sources, tables, &error);
    for (size_t i = 0; good && i < config.feed_count; i++)
        for (size_t j = 0; j < config.feeds[i].table_count; j++)
            buffer_appendf(&got, "%s.%s ", config.feeds[i].source_name, config.feeds[i].tables[j].source);
    assert_string_equal(good ? buffer_string(&got) : error.message, wanted);
    buffer_release(&got);
    config_release(&config);
}

static void a_part_is_selected(void **state) {
    (void)state;
    expect_selection(NULL, NULL, "beta.A beta.B alpha.A alpha.x,y ga mma.G ");
    expect_selection("alpha", NULL, "alpha.A alpha.x,y ");
    expect_selection("alpha, beta", NULL, "beta.A beta.B alpha.A alpha.x,y ");
    expect_selection("ga mma", NULL, "ga mma.G ");
    expect_selection(NULL, "A", "beta.A alpha.A ");
    expect_selection(NULL, "g", "ga mma.G ");
    expect_selection(NULL, "A,A", "beta.A alpha.A ");
    expect_selection(NULL, "\"x,y\",B", "beta.B alpha.x,y ");
    expect_selection("beta", "B", "beta.B ");
    expect_selection("beta", "G", "there is no enabled table \"G\" in the configuration");
    expect_selection("Beta", NULL, "there is no enabled source \"Beta\" in the configuration");
    expect_selection("beta,none", NULL, "there is no enabled source \"none\" in the configuration");
    expect_selection(" , ", NULL, "the list of sources is empty");
    expect_selection(NULL, "", "the list of tables is empty");
}

static void the_nearest_name_is_told(void **state) {
    (void)state;
    struct config config;
    struct error error = {0};
    load(&config, THREE);
    assert_false(config_select(&config, "alhpa", NULL, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_string_equal(error.hint, "did you mean \"alpha\"?");
    config_release(&config);
}

static void names_are_sorted(void **state) {
    (void)state;
    struct config config;
    load(&config, THREE);
    char *names = config_source_names(&config);
    assert_string_equal(names, "alpha,beta,ga mma");
    memory_release(&names);
    config_release(&config);
}

/* ---- identity */

static char *hash_of(const char *document) {
    struct config config;
    load(&config, document);
    char *settings = config_execution_settings(&config), *hash = config_execution_hash(&config);
    json_t *value = json_loads(settings, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(value);
    assert_null(strstr(settings, "hunter2"));
    json_decref(value);
    memory_release(&settings);
    config_release(&config);
    return hash;
}

static void expect_hashes(const char *one, const char *other, bool equal) {
    char *a = hash_of(one), *b = hash_of(other);
    assert_int_equal(strlen(a), 32);
    if (equal)
        assert_string_equal(a, b);
    else
        assert_string_not_equal(a, b);
    memory_release(&a);
    memory_release(&b);
}

static void the_mode_follows_from_key_truncation_and_insert_only(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum config_mode mode;
        int64_t batch_size;
    } cases[] = {
        {SMALL(", 'batch_size': 5, 'batch_size_copy_mode': 7", "", ""), MODE_COPY, 7},
        {SMALL(", 'batch_size': 5, 'batch_size_copy_mode': 7", "", ", 'uniqueness_columns': ['a']"), MODE_UPSERT, 5},
        {SMALL("", "", ", 'uniqueness_columns': ['a'], 'insert_only_mode': true"), MODE_INSERT_ONLY, 0},
        {SMALL("", ", 'insert_only_mode': true", ", 'uniqueness_columns': ['a']"), MODE_INSERT_ONLY, 0},
        {SMALL(", 'insert_only_mode': true", "", ", 'uniqueness_columns': ['a'], 'insert_only_mode': false"),
         MODE_UPSERT, 0},
        {SMALL(", 'insert_only_mode': true", "", ", 'truncate_onstart': true"), MODE_COPY, 0},
        {SMALL("", "", ", 'uniqueness_columns': ['a'], 'truncate_onstart': true"), MODE_COPY, 0},
        {SMALL(", 'insert_only_mode': true", "", ", 'uniqueness_columns': ['a'], 'truncate_onstart': true"),
         MODE_INSERT_ONLY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        load(&config, cases[i].text);
        assert_int_equal(config.feeds[0].tables[0].mode, cases[i].mode);
        assert_int_equal(config.feeds[0].tables[0].settings.batch_size, cases[i].batch_size);
        config_release(&config);
    }
}

static void what_decides_where_rows_go_is_hashed(void **state) {
    (void)state;
    const char *base = SMALL("", "", "");
    expect_hashes(base,
                  SMALL(", 'parallel_threads': 9, 'batch_size': 5, 'max_retry_attempts': 9, 'resume_max_age': 1", "",
                        ", 'note': 'x', 'batch_size': 7, 'lambda_timeout_buffer_seconds': 60"),
                  true);
    expect_hashes(base,
                  SMALL("", ", 'source_schema': 'main', 'target_pg_schema': 'public'", ", 'truncate_onstart': false"),
                  true);
    expect_hashes(base, SMALL("", ", 'source_schema': 'other'", ""), false);
    expect_hashes(base, SMALL("", ", 'source_database': 'd'", ""), false);
    expect_hashes(base, SMALL("", ", 'target_pg_schema': 'other'", ""), false);
    expect_hashes(base, SMALL("", ", 'target_pg_database': 'other'", ""), false);
    expect_hashes(base, SMALL("", "", ", 'truncate_onstart': true"), false);
    expect_hashes(base, SMALL("", "", ", 'source_filter': 'a = 1'"), false);
    expect_hashes(base, SMALL("", "", ", 'chunking': 'whole'"), false);
    expect_hashes(base, SMALL("", "", ", 'chunking_columns': ['a']"), false);
    expect_hashes(base, SMALL("", "", ", 'column_mapping': {'a': 'b'}"), false);
    expect_hashes(base, SMALL(", 'snapshot': 'none'", "", ""), false);
    expect_hashes(base, SMALL(", 'insert_only_mode': true", "", ""), true); /* there is no key */
    const char *keyed = SMALL("", "", ", 'uniqueness_columns': ['a']");
    expect_hashes(base, keyed, false);
    expect_hashes(keyed, SMALL(", 'insert_only_mode': true", "", ", 'uniqueness_columns': ['a']"), false);
    expect_hashes(keyed, SMALL("", "", ", 'uniqueness_columns': ['a'], 'sort_columns': ['b']"), false);
    expect_hashes(
        keyed, SMALL("", "", ", 'uniqueness_columns': ['a'], 'source_watermark': 'b', 'target_watermark': 'c'"), false);
    expect_hashes(base, SMALL("", "", "}, {'source': 'B', 'target': 'b'"), false);
    expect_hashes(SMALL("", "", ", 'chunking_columns': ['a', 'b']"), SMALL("", "", ", 'chunking_columns': ['b', 'a']"),
                  false);
    expect_hashes(SMALL("", "", ", 'column_mapping': {'a': 'b', 'c': 'd'}"),
                  SMALL("", "", ", 'column_mapping': {'c': 'd', 'a': 'b'}"), true);
    expect_hashes(SMALL("", "", "}, {'source': 'B', 'target': 'b'"),
                  "{'postgres': {'host': 'elsewhere', 'password': 'hunter2'}, 'sources': [{'tables': [{'target': 'b', "
                  "'source': 'B'},"
                  " {'source': 'A', 'target': 'a'}], 'source_name': 's'}], 'duckdb': {'path': 'x.db'}}",
                  true);
}

#define ACCOUNT(keys)                                                                                                  \
    "{'snowflake': {'user': 'u', " keys "}, 'postgres': {}, 'sources': [{'source_name': 's', 'source_database': 'D', " \
    "'source_schema': 'S', 'tables': [{'source': 'A', 'target': 'a'}]}]}"
#define DUCK(keys)                                                                                                     \
    "{'duckdb': {" keys                                                                                                \
    "}, 'postgres': {}, 'sources': [{'source_name': 's', 'tables': [{'source': 'A', 'target': 'a'}]}]}"
#define ADBC(keys)                                                                                                     \
    "{'adbc': {'driver': 'd', 'dialect': 'duckdb', 'options': {" keys "}}, 'postgres': {}, "                           \
    "'sources': [{'source_name': 's', 'tables': [{'source': 'A', 'target': 'a'}]}]}"

static void the_source_is_hashed_without_secrets(void **state) {
    (void)state;
    expect_hashes(ACCOUNT("'account': 'a', 'password': 'hunter2'"), ACCOUNT("'account': 'a', 'token': 'hunter2'"),
                  true);
    expect_hashes(ACCOUNT("'account': 'a', 'password': 'x'"), ACCOUNT("'account': 'b', 'password': 'x'"), false);
    expect_hashes(ACCOUNT("'account': 'a', 'password': 'x'"),
                  ACCOUNT("'account': 'a', 'password': 'x', 'host': 'h', 'warehouse': 'w'"), true);
    expect_hashes(DUCK("'path': 'a', 'init_sql': 'hunter2'"), DUCK("'path': 'a', 'init_sql': 'hunter3'"), false);
    expect_hashes(ADBC("'path': 'a', 'access_token': 'hunter2'"), ADBC("'access_token': 'y', 'path': 'a'"), true);
    expect_hashes(ADBC("'path': 'a'"), ADBC("'path': 'b'"), false);
}

static void a_text_is_hashed(void **state) {
    (void)state;
    char *a = config_hash_text("a", 1), *b = config_hash_text("b", 1), *again = config_hash_text("ax", 1);
    /* XXH3, 128 bits, of one byte: as xxhsum -H2 prints it. */
    assert_string_equal(a, "a96faf705af16834e6c632b61e964e1f");
    assert_string_equal(a, again);
    assert_string_not_equal(a, b);
    memory_release(&a);
    memory_release(&b);
    memory_release(&again);
}

static void note_secret(void *context, const char *secret) {
    buffer_appendf(context, "<%s>", secret);
}

static void expect_secrets(const char *document, const char *wanted) {
    struct config config;
    struct buffer seen = {0};
    load(&config, document);
    config_each_secret(&config, note_secret, &seen);
    assert_string_equal(buffer_string(&seen), wanted);
    buffer_release(&seen);
    config_release(&config);
}

static void each_secret_is_visited(void **state) {
    (void)state;
    expect_secrets(ACCOUNT("'account': 'a', 'password': 'p1'"), "<p1>");
    expect_secrets(ACCOUNT("'account': 'a', 'token': 't1', 'role': 'r', 'options': {'MY_TOKEN': 'o1', 'X': 'y'}"),
                   "<t1><o1>");
    expect_secrets(
        ACCOUNT(
            "'account': 'a', 'rsa_key_passphrase': 'ph', 'rsa_key': '-----BEGIN PRIVATE KEY-----\\\\nM\\\\n-----END "
            "PRIVATE KEY-----'"),
        "<-----BEGIN PRIVATE KEY-----\\nM\\n-----END PRIVATE KEY----->"
        "<-----BEGIN PRIVATE KEY-----\nM\n-----END PRIVATE KEY-----><ph>");
    expect_secrets(
        "{'duckdb': {'path': 'x'}, 'postgres': {'url': 'postgresql://u:a%2Fb@h/d'}, 'sources': [{'source_name': 's',"
        "'tables': [{'source': 'A', 'target': 'a'}]}]}",
        "<a/b><postgresql://u:a%2Fb@h/d>");
    expect_secrets(
        "{'duckdb': {'path': 'x'}, 'postgres': {'url': 'postgresql://u@h/d'}, 'sources': [{'source_name': 's',"
        "'tables': [{'source': 'A', 'target': 'a'}]}]}",
        "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(defaults),
        cmocka_unit_test(the_nearest_setting_counts),
        cmocka_unit_test(the_least_limit_of_memory_counts),
        cmocka_unit_test(the_batch_size_of_the_nearest_level_counts),
        cmocka_unit_test(values_come_from_the_environment),
        cmocka_unit_test(a_part_is_selected),
        cmocka_unit_test(the_nearest_name_is_told),
        cmocka_unit_test(names_are_sorted),
        cmocka_unit_test(the_mode_follows_from_key_truncation_and_insert_only),
        cmocka_unit_test(what_decides_where_rows_go_is_hashed),
        cmocka_unit_test(the_source_is_hashed_without_secrets),
        cmocka_unit_test(a_text_is_hashed),
        cmocka_unit_test(each_secret_is_visited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
