/* What is wrong with a configuration: each problem with its path and line. JSON is written with ' for ". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* `top` on line 1, the source's entry on line 2, its table on line 3. */
#define DOCUMENT(source, top, entry, table)                                                                            \
    "{" source ", 'postgres': {}" top ", 'sources': [\n"                                                               \
    "{'source_name': 's', 'source_database': 'D', 'source_schema': 'S'" entry ", 'tables': [\n"                        \
    "{'source': 'A', 'target': 'a'" table "}]}]}"
#define DUCKDB "'duckdb': {'path': 'x'}"
#define TOP(top) DOCUMENT(DUCKDB, ", " top, "", "")
#define ENTRY(entry) DOCUMENT(DUCKDB, "", ", " entry, "")
#define TABLE(table) DOCUMENT(DUCKDB, "", "", ", " table)
#define TABLES(tables) DOCUMENT(DUCKDB, "", "", "},\n" tables ", {'source': 'Z', 'target': 'z'")
#define SNOWFLAKE(keys) DOCUMENT("'snowflake': {'account': 'a', 'user': 'u', " keys "}", "", "", "")
#define POSTGRES(keys)                                                                                                 \
    "{" DUCKDB ", 'postgres': {" keys                                                                                  \
    "}, 'sources': [{'source_name': 's', 'tables': [{'source': 'A', 'target': 'a'}]}]}"

static bool load(struct config *config, const char *document, struct config_problems *problems) {
    char *text = memory_copy_string(document);
    for (char *at = text; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    bool good = config_load_text(config, "config.json", text, strlen(text), NULL, problems);
    memory_release(&text);
    return good;
}

static const struct config_problem *find(const struct config_problems *problems, const char *path, int line,
                                         const char *message) {
    for (size_t i = 0; i < problems->count; i++)
        if (strcmp(problems->list[i].path, path) == 0 && problems->list[i].line == line &&
            strstr(problems->list[i].message, message) != NULL)
            return &problems->list[i];
    return NULL;
}

static void show(const struct config_problems *problems) {
    struct buffer text = {0};
    config_problems_format(problems, "config.json", &text);
    print_message("%s", buffer_string(&text));
    buffer_release(&text);
}

struct bad {
    const char *document, *path;
    int line;
    const char *message;
};

static void check_bad(const struct bad *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct config config;
        struct config_problems problems = {0};
        assert_false(load(&config, cases[i].document, &problems));
        if (find(&problems, cases[i].path, cases[i].line, cases[i].message) == NULL) {
            print_message("wanted %s (line %d): %s\n", cases[i].path, cases[i].line, cases[i].message);
            show(&problems);
            fail();
        }
        config_problems_release(&problems);
        config_release(&config);
    }
}

static void check_good(const char *const *documents, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct config config;
        struct config_problems problems = {0};
        bool good = load(&config, documents[i], &problems);
        show(&problems);
        assert_true(good);
        config_problems_release(&problems);
        config_release(&config);
    }
}

static void good_documents_are_accepted(void **state) {
    (void)state;
    static const char *const documents[] = {
        TOP("'_x': 1, 'note': '${UNSET}', 'comment': {'a': [1]}"),
        TOP("'estimated_rows': 1, 'status_tracking': true"),
        TOP("'parallel_threads': null"),
        TOP("'insert_only_mode': false, 'snapshot': 'auto', 'on_bad_row': 'stop', 'nul_bytes': 'error', 'rounding': "
            "'error'"),
        TOP("'nul_bytes': 'remove', 'rounding': 'allow'"),
        TABLE("'nul_bytes': 'remove', 'rounding': 'allow'"),
        TOP("'memory_limit_mb': null, 'scratch_schema': null, 'max_rejects': null, 'snapshot': 'none'"),
        TOP("'snapshot': 'materialize', 'scratch_schema': 'S'"),
        TABLE("'snapshot': 'materialize'"),
        TOP("'resume_max_age': 0.5, 'max_retry_attempts': 10, 'lambda_timeout_buffer_seconds': 300"),
        TOP("'snowflake': null, 'adbc': null, '$schema': 'x'"),
        ENTRY("'_x': 1, 'batch_size': 1, 'estimated_rows': 3"),
        TABLE("'_x': 1, 'batch_size_copy_mode': 1, 'estimated_rows': 3, 'status_tracking': {}"),
        TABLE("'disable_index': true, 'create_target': true, 'sort_columns': []"),
        TABLE("'source_watermark': null, 'target_watermark': null"),
        TABLE("'truncate_onstart': true, 'uniqueness_columns': ['id']"),
        TABLE("'uniqueness_columns': ['id'], 'sort_columns': ['a', 'b'], 'insert_only_mode': true"),
        TABLE("'uniqueness_columns': ['id'], 'source_watermark': 'u', 'target_watermark': 'v'"),
        TABLE("'truncate_onstart': true, 'source_watermark': 'u', 'target_watermark': 'v'"),
        TOP("'insert_only_mode': true"),
        ENTRY("'insert_only_mode': true"),
        TABLE("'uniqueness_columns': [], 'chunking_columns': [], 'column_mapping': {}"),
        TABLE("'chunking_columns': ['a', 'b'], 'chunking_column_types': ['int', 'int'], 'chunking': 'range'"),
        TABLE("'column_mapping': {'note': 'note', '_id': 'id', 'comment': 'remark', 'gone': null}"),
        TABLE("'chunking': 'hash'"),
        TABLE("'chunking_columns': ['a'], 'chunking_column_types': ['varchar_numeric'], 'chunking': 'hash'"),
        TABLE("'chunking': 'range', 'truncate_onstart': true, 'uniqueness_columns': ['id']"),
        TABLE("'source_filter': 'a = 1'"),
        TABLES("{'source': 'B', 'target': 'a'}, {'source': 'A', 'target': 'b'}"),
        TABLES("{'source': 'A', 'target': 'a', 'enabled': false}"),
        TABLES("{'source': '${UNSET}', 'target': '${UNSET}', 'enabled': false, 'batch_size': '${UNSET}'}"),
        SNOWFLAKE("'password': 'p'"),
        SNOWFLAKE("'token': 't', 'password': null"),
        SNOWFLAKE("'token': 't', 'password': '${UNSET:-}'"),
        SNOWFLAKE("'rsa_key': '-----BEGIN PRIVATE KEY-----\\nMII=\\n-----END PRIVATE KEY-----'"),
        SNOWFLAKE("'rsa_key': '-----BEGIN PRIVATE KEY-----\\\\nMII=\\\\n-----END PRIVATE KEY-----'"),
        SNOWFLAKE("'rsa_key': '-----BEGIN ENCRYPTED PRIVATE KEY-----\\nM\\n-----END ENCRYPTED PRIVATE KEY-----', "
                  "'rsa_key_passphrase': 'x'"),
        SNOWFLAKE("'options': {'adbc.snowflake.sql.auth_type': 'auth_ext_browser'}"),
        SNOWFLAKE("'password': 'p', 'options': {'FAKESNOW_DB_PATH': '/x', 'QUERY_TAG': 't', '_x': [], 'note': [], "
                  "'adbc.snowflake.sql.client_option.login_timeout': '3s', 'adbc.rpc.result_queue_size': 5}"),
        POSTGRES("'url': 'postgresql://u:p@h:1/d?sslmode=require'"),
        POSTGRES("'host': 'h', 'port': 1, 'user': 'u', 'password': 'p', 'sslmode': 'verify-full', 'sslrootcert': 'x'"),
        DOCUMENT("'adbc': {'driver': 'd', 'dialect': 'duckdb', 'options': {'x y': 1, 'b': true}}", "", "", ""),
    };
    check_good(documents, COUNT(documents));
}

static void the_text_itself(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"", "$", 1, "syntax error"},
        {"[]", "$", 0, "not an object"},
        {"'x'", "$", 1, "syntax error"},
        {"{'a': 1,}", "$", 1, "syntax error at line 1"},
        {"{\n'a': 1\n'b': 2}", "$", 3, "syntax error at line 3"},
        {"{'a': 1} {", "$", 1, "end of file"},
        {"{'a': '\xff'}", "$", 1, "syntax error"},
        {"{'a': '\\u0000'}", "$", 1, "syntax error"},
        {"{'a': 99999999999999999999999}", "$", 1, "too big"},
        {"{'duckdb': {'path': 'a',\n'path': 'b'}}", "$.duckdb.path", 2, "duplicate key: it is already on line 1"},
        {"{'note': 1, 'note': 2,\n'note': 3}", "$.note", 2, "duplicate key"},
        {"{'b': 1, 'a': {'x': 1, '\\u0078': 2}}", "$.a.x", 1, "duplicate key"},
    };
    check_bad(cases, COUNT(cases));
}

static void unknown_keys(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {TOP("'paralel_threads': 1"), "$.paralel_threads", 1, "did you mean \"parallel_threads\"?"},
        {TOP("'Batch_Size': 1"), "$.Batch_Size", 1, "did you mean \"batch_size\"?"},
        {TOP("'threads': 1"), "$.threads", 1, "did you mean \"parallel_threads\"?"},
        {TOP("'xyzzy': 1"), "$.xyzzy", 1, "unknown key \"xyzzy\""},
        {TOP("'': 1"), "$[\"\"]", 1, "unknown key \"\""},
        {TOP("'a b': 1"), "$[\"a b\"]", 1, "unknown key \"a b\""},
        {TOP("'truncate_onstart': true"), "$.truncate_onstart", 1, "it belongs to an entry of tables"},
        {ENTRY("'source_schem': 'x'"), "$.sources[0].source_schem", 2, "did you mean \"source_schema\"?"},
        {ENTRY("'truncate_onstart': true"), "$.sources[0].truncate_onstart", 2, "it belongs to an entry of tables"},
        {TABLE("'uniqness_columns': []"), "$.sources[0].tables[0].uniqness_columns", 3, "\"uniqueness_columns\"?"},
        {TABLE("'source_name': 'x'"), "$.sources[0].tables[0].source_name", 3, "it belongs to an entry of sources"},
        {POSTGRES("'hots': 'x'"), "$.postgres.hots", 1, "did you mean \"host\"?"},
        {SNOWFLAKE("'password': 'p', 'acount': 'x'"), "$.snowflake.acount", 1, "did you mean \"account\"?"},
        {DOCUMENT("'duckdb': {'path': 'x', 'options': {}}", "", "", ""), "$.duckdb.options", 1, "unknown key"},
    };
    check_bad(cases, COUNT(cases));
}

static void types_and_ranges(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {TOP("'parallel_threads': 0"), "$.parallel_threads", 1, "from 1 to 256, not 0"},
        {TOP("'parallel_threads': 257"), "$.parallel_threads", 1, "from 1 to 256"},
        {TOP("'parallel_threads': 1.5"), "$.parallel_threads", 1, "a whole number"},
        {TOP("'parallel_threads': '8'"), "$.parallel_threads", 1, "not \"8\""},
        {TOP("'parallel_threads': true"), "$.parallel_threads", 1, "not true"},
        {TOP("'parallel_threads': [8]"), "$.parallel_threads", 1, "not a list"},
        {TOP("'batch_size': 0"), "$.batch_size", 1, "at least 1"},
        {TOP("'batch_size': -1"), "$.batch_size", 1, "at least 1"},
        {TOP("'batch_size': 9223372036854775807"), "$.batch_size", 1, "whole number"},
        {TOP("'max_retry_attempts': 0"), "$.max_retry_attempts", 1, "from 1 to 10"},
        {TOP("'max_retry_attempts': 11"), "$.max_retry_attempts", 1, "from 1 to 10"},
        {TOP("'lambda_timeout_buffer_seconds': 29"), "$.lambda_timeout_buffer_seconds", 1, "from 30 to 300"},
        {TOP("'lambda_timeout_buffer_seconds': 301"), "$.lambda_timeout_buffer_seconds", 1, "from 30 to 300"},
        {TOP("'resume_max_age': -1"), "$.resume_max_age", 1, "a number from 0"},
        {TOP("'resume_max_age': 'x'"), "$.resume_max_age", 1, "a number"},
        {TOP("'snapshot': 'sometimes'"), "$.snapshot", 1,
         "\"auto\", \"none\", \"time_travel\" or \"materialize\", not \"sometimes\""},
        {TOP("'insert_only_mode': 'false'"), "$.insert_only_mode", 1, "true or false"},
        {ENTRY("'enabled': 1"), "$.sources[0].enabled", 2, "true or false"},
        {TABLE("'truncate_onstart': 'yes'"), "$.sources[0].tables[0].truncate_onstart", 3, "true or false"},
        {TABLE("'chunking': 'offset'"), "$.sources[0].tables[0].chunking", 3, "\"hash\" or \"whole\""},
        {TABLE("'chunking_columns': 'id'"), "$.sources[0].tables[0].chunking_columns", 3, "a list of strings"},
        {TABLE("'chunking_columns': [1]"), "$.sources[0].tables[0].chunking_columns[0]", 3, "a string"},
        {TABLE("'chunking_columns': ['']"), "$.sources[0].tables[0].chunking_columns[0]", 3, "not empty"},
        {TABLE("'chunking_columns': ['a', 'b', 'a']"), "$.sources[0].tables[0].chunking_columns[2]", 3,
         "same column twice"},
        {TABLE("'chunking_column_types': ['float']"), "$.sources[0].tables[0].chunking_column_types[0]", 3,
         "\"bigint\""},
        {TABLE("'column_mapping': ['a']"), "$.sources[0].tables[0].column_mapping", 3, "an object"},
        {TABLE("'column_mapping': {'a': 1}"), "$.sources[0].tables[0].column_mapping.a", 3, "a string"},
        {TABLE("'source_filter': ''"), "$.sources[0].tables[0].source_filter", 3, "not empty"},
        {POSTGRES("'port': 0"), "$.postgres.port", 1, "from 1 to 65535"},
        {POSTGRES("'port': 65536"), "$.postgres.port", 1, "from 1 to 65535"},
        {POSTGRES("'sslmode': 'verify_full'"), "$.postgres.sslmode", 1, "\"verify-full\""},
        {"{'duckdb': 'x.db', 'postgres': [], 'sources': {}}", "$.duckdb", 1, "an object"},
        {"{'duckdb': 'x.db', 'postgres': [], 'sources': {}}", "$.postgres", 1, "an object"},
        {"{'duckdb': 'x.db', 'postgres': [], 'sources': {}}", "$.sources", 1, "a list of objects"},
        {"{'sources': [1]}", "$.sources[0]", 1, "an object"},
        {"{'sources': []}", "$.sources", 1, "empty list"},
        {"{'sources': [{'tables': []}]}", "$.sources[0].tables", 1, "empty list"},
        {TOP("'max_rejects': -1"), "$.max_rejects", 1, "at least 0"},
    };
    check_bad(cases, COUNT(cases));
}

static void missing_things(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {"{}", "$", 1, "\"postgres\" is missing"},
        {"{}", "$", 1, "\"sources\" is missing"},
        {"{}", "$", 1, "the source is missing"},
        {"{'postgres': {},\n'sources': null}", "$.sources", 2, "\"sources\" is missing"},
        {"{'sources': [\n{}]}", "$.sources[0]", 2, "\"source_name\" is missing"},
        {"{'sources': [{'tables': [\n{}]}]}", "$.sources[0].tables[0]", 2, "\"target\" is missing"},
        {"{'snowflake': {}}", "$.snowflake", 1, "\"account\" is missing"},
        {"{'duckdb': {}}", "$.duckdb", 1, "\"path\" is missing"},
        {"{'adbc': {}}", "$.adbc", 1, "\"dialect\" is missing"},
        {"{'snowflake': {}, 'sources': [{'tables': [{}]}]}", "$.sources[0]", 1, "\"source_sf_database\" is missing"},
        {"{'adbc': {'dialect': 'snowflake'}, 'sources': [{'tables': [{}]}]}", "$.sources[0]", 1,
         "\"source_sf_schema\" is missing"},
        {TABLE("'enabled': false"), "$.sources", 1, "no table is enabled"},
        {ENTRY("'enabled': false"), "$.sources", 1, "no table is enabled"},
        {DOCUMENT(DUCKDB, ", 'adbc': {'driver': 'x', 'dialect': 'duckdb'}", "", ""), "$.adbc", 1, "both given"},
        {ENTRY("'source_sf_schema': 'x'"), "$.sources[0].source_schema", 2, "two names"},
    };
    check_bad(cases, COUNT(cases));
}

static void secrets(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {SNOWFLAKE("'role': 'r'"), "$.snowflake", 1, "one of \"rsa_key\", \"password\" and \"token\" is missing"},
        {SNOWFLAKE("'password': '${UNSET:-}'"), "$.snowflake", 1, "is missing"},
        {SNOWFLAKE("'password': 'p', 'token': 't'"), "$.snowflake", 1, "\"password\" and \"token\" are given"},
        {SNOWFLAKE("'password': ''"), "$.snowflake.password", 1, "not empty"},
        {SNOWFLAKE("'password': 12345"), "$.snowflake.password", 1, "must be a string"},
        {SNOWFLAKE("'password': '${UNSET}'"), "$.snowflake.password", 1,
         "environment variable UNSET, which is not set"},
        {SNOWFLAKE("'rsa_key': '/nonexistent/key.p8'"), "$.snowflake.rsa_key", 1, "can't be read: No such file"},
        {SNOWFLAKE("'rsa_key': '/'"), "$.snowflake.rsa_key", 1, "it is a directory"},
        {SNOWFLAKE("'rsa_key': 'MIIE\\nvQIB'"), "$.snowflake.rsa_key", 1, "neither PEM text nor the path"},
        {SNOWFLAKE("'rsa_key': '-----BEGIN PRIVATE KEY-----\\nMII='"), "$.snowflake.rsa_key", 1, "END line is missing"},
        {SNOWFLAKE("'rsa_key': '-----BEGIN PUBLIC KEY-----\\nM\\n-----END PUBLIC KEY-----'"), "$.snowflake.rsa_key", 1,
         "public key"},
        {SNOWFLAKE("'rsa_key': '-----BEGIN OPENSSH PRIVATE KEY-----\\nM'"), "$.snowflake.rsa_key", 1, "OpenSSH"},
        {SNOWFLAKE("'rsa_key': '-----BEGIN ENCRYPTED PRIVATE KEY-----\\nM\\n-----END ENCRYPTED PRIVATE KEY-----'"),
         "$.snowflake.rsa_key", 1, "there is no passphrase"},
        {SNOWFLAKE("'rsa_key': '-----BEGIN RSA PRIVATE KEY-----\\nProc-Type: 4,ENCRYPTED\\n\\nM\\n-----END RSA PRIVATE "
                   "KEY-----'"),
         "$.snowflake.rsa_key", 1, "there is no passphrase"},
        {SNOWFLAKE("'password': 'p', 'rsa_key_passphrase': 'x'"), "$.snowflake.rsa_key_passphrase", 1,
         "without \"rsa_key\""},
        {POSTGRES("'url': 'mysql://u:hunter2@h/d'"), "$.postgres.url", 1, "libpq can't read"},
        {POSTGRES("'url': 'postgresql://u:hunter2@h/d?nonsense=1'"), "$.postgres.url", 1, "libpq can't read"},
        {POSTGRES("'url': 'postgresql://h', 'host': 'h'"), "$.postgres.host", 1, "both given"},
    };
    check_bad(cases, COUNT(cases));
}

static void driver_options(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {SNOWFLAKE("'options': {'adbc.snowflake.sql.client_option.login_timout': '3s'}"),
         "$.snowflake.options[\"adbc.snowflake.sql.client_option.login_timout\"]", 1, "client_option.login_timeout\"?"},
        {SNOWFLAKE("'options': {'login_timeout': '3s'}"), "$.snowflake.options.login_timeout", 1, "no such option"},
        {SNOWFLAKE("'options': {'adbc.snowflake.sql.account': 'x'}"),
         "$.snowflake.options[\"adbc.snowflake.sql.account\"]", 1, "the key \"account\""},
        {SNOWFLAKE("'options': {'password': 'x'}"), "$.snowflake.options.password", 1, "the key \"password\""},
        {SNOWFLAKE("'options': {'uri': 'x'}"), "$.snowflake.options.uri", 1, "thaw itself"},
        {SNOWFLAKE("'options': {'adbc.snowflake.sql.client_option.use_high_precision': false}"),
         "$.snowflake.options[\"adbc.snowflake.sql.client_option.use_high_precision\"]", 1, "thaw itself"},
        {SNOWFLAKE("'options': {'TIMEZONE': 'x'}"), "$.snowflake.options.TIMEZONE", 1, "pinned"},
        {SNOWFLAKE("'options': {'timezone': 'x'}"), "$.snowflake.options.timezone", 1, "pinned"},
        {SNOWFLAKE("'options': {'QUERY_TAG': []}"), "$.snowflake.options.QUERY_TAG", 1, "must be"},
        {SNOWFLAKE("'options': []"), "$.snowflake.options", 1, "an object"},
    };
    check_bad(cases, COUNT(cases));
}

static void what_the_source_has_not(void **state) {
    (void)state;
#define AT_TABLE "$.sources[0].tables[0]."
    static const struct bad cases[] = {
        {TOP("'snapshot': 'time_travel'"), "$.snapshot", 1, "but a DuckDB source keeps no past"},
    };
    check_bad(cases, COUNT(cases));
}

static void a_limit_of_memory_has_room_for_a_worker(void **state) {
    (void)state;
    static const char *const good[] = {
        TOP("'memory_limit_mb': 103"),
        TOP("'memory_limit_mb': null"),
        TABLE("'memory_limit_mb': 1000000"),
        SNOWFLAKE("'password': 'p'}, 'memory_limit_mb': 144, '_x': {'y': 1"),
    };
    static const struct bad bad[] = {
        {TOP("'memory_limit_mb': 102"), "$.memory_limit_mb", 1, "is 102, but the process with one worker takes 103 MB"},
        {ENTRY("'memory_limit_mb': 64"), "$.sources[0].memory_limit_mb", 2, "is 64, but"},
        {TABLE("'memory_limit_mb': 64"), AT_TABLE "memory_limit_mb", 3, "is 64, but"},
        {SNOWFLAKE("'password': 'p'}, 'memory_limit_mb': 143, '_x': {'y': 1"), "$.memory_limit_mb", 1,
         "is 143, but the process with one worker takes 144 MB"},
        {TOP("'memory_limit_mb': 0"), "$.memory_limit_mb", 1, "a whole number, at least 1"},
        {TOP("'memory_limit_mb': '512'"), "$.memory_limit_mb", 1, "a whole number"},
        {TOP("'memory_limit_mb': 512.5"), "$.memory_limit_mb", 1, "a whole number"},
    };
    check_good(good, COUNT(good));
    check_bad(bad, COUNT(bad));
}

#define LONG_NAME "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl" /* 64 */

static void what_keys_say_together(void **state) {
    (void)state;
    static const struct bad cases[] = {
        {TABLE("'source_watermark': 'u', 'target_watermark': 'u'"), AT_TABLE "source_watermark", 3,
         "a watermark without \"uniqueness_columns\""},
        {TABLE("'source_watermark': 'u'"), AT_TABLE "source_watermark", 3, "without \"target_watermark\""},
        {TABLE("'target_watermark': 'u'"), AT_TABLE "target_watermark", 3, "without \"source_watermark\""},
        {TABLE("'chunking_columns': ['a'], 'chunking_column_types': ['int', 'int']"), AT_TABLE "chunking_column_types",
         3, "has 2 entries, \"chunking_columns\" has 1"},
        {TABLE("'chunking_column_types': ['int']"), AT_TABLE "chunking_column_types", 3, "has 1 entries"},
        {TABLE("'chunking': 'range'"), AT_TABLE "chunking", 3, "neither \"chunking_columns\" nor"},
        {TABLE("'column_mapping': {'A': 'x',\n'B': 'x'}"), AT_TABLE "column_mapping.B", 4,
         "one target column twice: line 3"},
        {TABLE("'uniqueness_columns': ['" LONG_NAME "'], 'truncate_onstart': true"), AT_TABLE "uniqueness_columns[0]",
         3, "64 bytes"},
        {TABLE("'column_mapping': {'A': '" LONG_NAME "'}"), AT_TABLE "column_mapping.A", 3, "64 bytes"},
        {ENTRY("'target_pg_schema': '" LONG_NAME "'"), "$.sources[0].target_pg_schema", 2, "64 bytes"},
        {ENTRY("'target_pg_database': '" LONG_NAME "'"), "$.sources[0].target_pg_database", 2, "64 bytes"},
        {TABLES("{'source': 'A', 'target': 'a'}"), "$.sources[0].tables[1]", 4,
         "the same source and target as $.sources[0].tables[0] (line 3)"},
        {TABLES("{'source': 'A', 'target': 'a', 'source_filter': 'x'}"), "$.sources[0].tables[1]", 4,
         "the same source and"},
        {TABLES("{'source': 'B', 'target': 'a', 'truncate_onstart': true}"), "$.sources[0].tables[1]", 4,
         "the same target as $.sources[0].tables[0] (line 3), but empties it first where that one appends"},
        {TABLES("{'source': 'B', 'target': 'a', 'uniqueness_columns': ['id']}"), "$.sources[0].tables[1]", 4,
         "but merges where that one appends"},
        {TABLES("{'source': 'B', 'target': 'a', 'uniqueness_columns': ['id'], 'insert_only_mode': true}"),
         "$.sources[0].tables[1]", 4, "but adds new keys only where that one appends"},
        {"{'sources': [{'source_name': 'x', 'tables': [{'source': 'A', 'target': 'a'}]},\n"
         "{'source_name': 'x', 'tables': [{'source': 'B', 'target': 'b'}]}]}",
         "$.sources[1].source_name", 2, "another source has this"},
        {"{'sources': [{'source_name': 'x', 'tables': [{'source': 'A', 'target': 'a'}]},\n"
         "{'source_name': 'y', 'tables': [\n{'source': 'A', 'target': 'a'}]}]}",
         "$.sources[1].tables[0]", 3, "the same source and target as $.sources[0].tables[0] (line 1)"},
        {"{'sources': [{'source_name': 'a,b'}]}", "$.sources[0].source_name", 1, "holds a comma"},
        {TABLE("'batch_size': '${UNSET}'"), AT_TABLE "batch_size", 3, "environment variable UNSET"},
        {TABLE("'batch_size': '${UNSET-1}'"), AT_TABLE "batch_size", 3, "neither ${NAME} nor"},
    };
    check_bad(cases, COUNT(cases));
}

static void all_problems_come_at_once_and_in_order(void **state) {
    (void)state;
    struct config config;
    struct config_problems problems = {0};
    assert_false(
        load(&config,
             "{'duckdb': {'paht': 'x'},\n'postgres': {'port': 0},\n'foo': 1, 'foo': 2,\n'sources': [{'source_name': "
             "'s',\n'tables': [{'target': 'a', 'on_bad_row': 'never'}]}]}",
             &problems));
    assert_int_equal(problems.count, 7);
    for (size_t i = 1; i < problems.count; i++)
        assert_true(problems.list[i - 1].line <= problems.list[i].line);
    struct buffer text = {0};
    config_problems_format(&problems, "config.json", &text);
    assert_non_null(
        strstr(text.data, "config.json:2: $.postgres.port: \"port\" must be a whole number from 1 to 65535, not 0\n"));
    buffer_release(&text);
    config_problems_release(&problems);
    config_release(&config);
}

/* Whatever is wrong around it, a secret is in no message. */
static void secrets_are_never_shown(void **state) {
    (void)state;
    static const char *const documents[] = {
        SNOWFLAKE("'password': ['hunter2']"),
        SNOWFLAKE("'password': 'hunter2', 'token': 'hunter2'"),
        SNOWFLAKE("'rsa_key': 'hunter2'"),
        SNOWFLAKE("'rsa_key': '-----BEGIN PRIVATE KEY-----hunter2'"),
        SNOWFLAKE("'password': 'x' 'hunter2'"),
        SNOWFLAKE("'password': 'hunter2"),
        SNOWFLAKE("'password': hunter2"),
        SNOWFLAKE("'options': {'uri': 'hunter2', 'x.token': 'hunter2', 'password': 'hunter2'}"),
        POSTGRES("'url': 'postgresql://u:hunter2@h:port/x'"),
        POSTGRES("'url': 'hunter2'"),
        POSTGRES("'sslmode': '${T_SECRET}', 'port': '${T_SECRET}'"),
        TOP("'snapshot': '${T_SECRET}', 'parallel_threads': '${T_SECRET}', 'insert_only_mode': '${T_SECRET}'"),
        TABLE("'chunking_column_types': ['${T_SECRET}'], 'chunking': '${T_SECRET}'"),
    };
    setenv("T_SECRET", "hunter2", 1);
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct config config;
        struct config_problems problems = {0};
        struct buffer text = {0};
        assert_false(load(&config, documents[i], &problems));
        config_problems_format(&problems, "config.json", &text);
        if (strstr(text.data, "hunter2") != NULL)
            fail_msg("%s", text.data);
        buffer_release(&text);
        config_problems_release(&problems);
        config_release(&config);
    }
}

/* Cut anywhere, or with any byte replaced, a document is judged without a crash. */
static void damaged_documents_are_judged(void **state) {
    (void)state;
    const char *document =
        TABLES("{'source': 'B', 'target': '${X:-b}', 'column_mapping': {'a': 'b'}, 'chunking_columns': ['x']}");
    size_t length = strlen(document);
    for (size_t i = 0; i < length; i++) {
        for (int change = 0; change < 5; change++) {
            char *damaged = memory_copy_string(document);
            damaged[i] = change == 0 ? '\0' : "{]'\\"[change - 1];
            struct config config;
            struct config_problems problems = {0};
            bool good = load(&config, damaged, &problems);
            assert_int_equal(good, problems.count == 0);
            config_problems_release(&problems);
            config_release(&config);
            memory_release(&damaged);
        }
    }
}

static void deep_documents_are_refused(void **state) {
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i < 100000; i++)
        buffer_append(&text, "{'_':");
    struct config config;
    struct config_problems problems = {0};
    assert_false(load(&config, text.data, &problems));
    assert_non_null(find(&problems, "$", 1, "syntax error"));
    config_problems_release(&problems);
    config_release(&config);
    buffer_release(&text);
}

/* Wherever it stands: in white space, in a text, behind a number. */
static void nul_bytes_are_refused(void **state) {
    (void)state;
    static const char good[] =
        "{\"duckdb\": {\"path\": \"x\"}, \"postgres\": {\"port\": 5432},\n \"sources\": [{\"source_name\": \"s\",\n"
        "\"tables\": [{\"source\": \"A\", \"target\": \"a\"}]}]}\n";
    char spoilt[sizeof good];
    for (size_t i = 0; i < sizeof good; i++) {
        struct config config;
        struct config_problems problems = {0};
        memcpy(spoilt, good, sizeof good);
        spoilt[i] = '\0';
        size_t length = i < sizeof good - 1 ? sizeof good - 1 : sizeof good - 2;
        bool loaded = config_load_text(&config, "config.json", spoilt, length, NULL, &problems);
        int line = 1;
        for (size_t j = 0; j < i; j++)
            line += good[j] == '\n';
        assert_int_equal(loaded, i == sizeof good - 1);
        assert_true(loaded || find(&problems, "$", line, "a NUL byte") != NULL);
        config_problems_release(&problems);
        config_release(&config);
    }
}

static void a_missing_file_is_a_problem(void **state) {
    (void)state;
    struct config config;
    struct config_problems problems = {0};
    assert_false(config_load(&config, "/nonexistent/config.json", NULL, &problems));
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.list[0].message, "No such file or directory"));
    config_problems_release(&problems);
    config_release(&config);
}

static void names_are_likened(void **state) {
    (void)state;
    static const char *const names[] = {"batch_size", "batch_size_copy_mode", "snapshot", "url", "tables"};
    assert_string_equal(config_nearest("batch_sze", names, COUNT(names)), "batch_size");
    assert_string_equal(config_nearest("BATCH_SIZE", names, COUNT(names)), "batch_size");
    assert_string_equal(config_nearest("snaphsot", names, COUNT(names)), "snapshot");
    assert_string_equal(config_nearest("uri", names, COUNT(names)), "url");
    assert_string_equal(config_nearest("table", names, COUNT(names)), "tables");
    assert_string_equal(config_nearest("copy_mode", names, COUNT(names)), "batch_size_copy_mode");
    assert_null(config_nearest("xyzzy", names, COUNT(names)));
    assert_null(config_nearest("", names, COUNT(names)));
    assert_null(config_nearest("x", names, 0));
    char longest[2000];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_null(config_nearest(longest, names, COUNT(names)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents_are_accepted),
        cmocka_unit_test(the_text_itself),
        cmocka_unit_test(unknown_keys),
        cmocka_unit_test(types_and_ranges),
        cmocka_unit_test(missing_things),
        cmocka_unit_test(secrets),
        cmocka_unit_test(driver_options),
        cmocka_unit_test(what_the_source_has_not),
        cmocka_unit_test(a_limit_of_memory_has_room_for_a_worker),
        cmocka_unit_test(what_keys_say_together),
        cmocka_unit_test(all_problems_come_at_once_and_in_order),
        cmocka_unit_test(secrets_are_never_shown),
        cmocka_unit_test(damaged_documents_are_judged),
        cmocka_unit_test(deep_documents_are_refused),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(a_missing_file_is_a_problem),
        cmocka_unit_test(names_are_likened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
