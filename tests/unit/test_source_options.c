/* The configuration of a source as driver options; keys and tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/memory.h"
#include "source/options.h"
#include "source/private_key.h"
#include "source/token.h"

static EVP_PKEY *rsa_key, *ec_key;

static int make_keys(void **state) {
    (void)state;
    rsa_key = EVP_RSA_gen(2048);
    ec_key = EVP_EC_gen("P-256");
    return rsa_key != NULL && ec_key != NULL ? 0 : 1;
}

static int free_keys(void **state) {
    (void)state;
    EVP_PKEY_free(rsa_key);
    EVP_PKEY_free(ec_key);
    return 0;
}

static char *pem_of(EVP_PKEY *key, bool pkcs8, const char *passphrase) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;
    const EVP_CIPHER *cipher = passphrase != NULL ? EVP_aes_256_cbc() : NULL;
    int length = passphrase != NULL ? (int)strlen(passphrase) : 0;
    if (pkcs8)
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase, length, NULL, NULL), 1);
    else
        assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, cipher, (const unsigned char *)passphrase,
                                                              length, NULL, NULL),
                         1);
    long size = BIO_get_mem_data(bio, &bytes);
    char *text = memory_copy_bytes(bytes, (size_t)size);
    BIO_free(bio);
    return text;
}

static void assert_converts(const char *key, const char *passphrase) {
    struct error error = {0};
    char *pkcs8 = NULL, *expected = pem_of(rsa_key, true, NULL);
    if (!private_key_to_pkcs8(key, passphrase, &pkcs8, &error))
        fail_msg("%s", error.message);
    assert_string_equal(pkcs8, expected);
    memory_release(&pkcs8);
    memory_release(&expected);
}

static char *with_literal_newlines(const char *text) {
    char *result = memory_allocate(2 * strlen(text) + 1), *to = result;
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            *to++ = '\\';
        *to++ = (char)(*text == '\n' ? 'n' : *text);
    }
    return result;
}

static void test_keys_of_every_form(void **state) {
    (void)state;
    for (int encrypted = 0; encrypted < 2; encrypted++) {
        for (int pkcs8 = 0; pkcs8 < 2; pkcs8++) {
            const char *passphrase = encrypted ? "pass wörd" : NULL;
            char *text = pem_of(rsa_key, pkcs8 != 0, passphrase), *one_line = with_literal_newlines(text);
            assert_converts(text, passphrase);
            assert_converts(one_line, passphrase);
            char path[] = "/tmp/thaw-key-XXXXXX";
            int file = mkstemp(path);
            assert_int_equal(write(file, text, strlen(text)), strlen(text));
            close(file);
            assert_converts(path, passphrase);
            unlink(path);
            memory_release(&text);
            memory_release(&one_line);
        }
    }
}

static void assert_refused(const char *key, const char *passphrase, enum error_kind kind, const char *words) {
    struct error error = {0};
    char *pkcs8 = NULL;
    assert_false(private_key_to_pkcs8(key, passphrase, &pkcs8, &error));
    assert_null(pkcs8);
    assert_int_equal(error.kind, kind);
    if (strstr(error.message, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", error.message, words);
    assert_null(strstr(error.message, "MII")); /* nothing of a key in a message */
}

static void test_keys_refused(void **state) {
    (void)state;
    char *text = pem_of(rsa_key, true, "right"), *other = pem_of(ec_key, true, NULL);
    assert_refused(text, "wrong", ERROR_AUTH, "passphrase is wrong");
    assert_refused(text, NULL, ERROR_AUTH, "is encrypted");
    assert_refused(text, "", ERROR_AUTH, "is encrypted");
    assert_refused(other, NULL, ERROR_AUTH, "another kind");
    text[strlen(text) / 2] = '!';
    assert_refused(text, "right", ERROR_AUTH, "rsa_key");
    assert_refused("/no/such/file.p8", NULL, ERROR_CONFIG, "/no/such/file.p8");
    assert_refused("/dev/null", NULL, ERROR_CONFIG, "empty");
    assert_refused("/dev/zero", NULL, ERROR_CONFIG, "too long");
    assert_refused("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----", NULL, ERROR_AUTH,
                   "no private key");
    assert_refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", NULL, ERROR_AUTH, "public key");
    memory_release(&text);
    memory_release(&other);
}

static void test_tokens(void **state) {
    (void)state;
    assert_true(token_is_oauth("ver:1-hint:1234-ETMsDgAAAX"));
    /* {"alg":"ES256"}.{"p":"1:2","iss":"SF:1049","exp":1} */
    assert_false(token_is_oauth("eyJhbGciOiJFUzI1NiJ9.eyJwIjoiMToyIiwiaXNzIjoiU0Y6MTA0OSIsImV4cCI6MX0.c2ln"));
    /* {"iss":"https://login.example/"} */
    assert_true(token_is_oauth("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUvIn0.c2ln"));
    assert_false(token_is_oauth("an-opaque-secret"));
    assert_false(token_is_oauth(""));
    assert_false(token_is_oauth("eyJ"));
    assert_false(token_is_oauth("eyJ.!!!.x"));
    assert_false(token_is_oauth("eyJ..x"));
}

static const char *value_of(const struct source_option *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return list[i].value;
    return NULL;
}

static void test_snowflake(void **state) {
    (void)state;
    struct error error = {0};
    struct source_options options;
    struct config_option given[] = {{(char *)"QUERY_TAG", (char *)"nightly"},
                                    {(char *)"adbc.snowflake.sql.client_option.login_timeout", (char *)"20s"},
                                    {(char *)"STATEMENT_TIMEOUT_IN_SECONDS", (char *)"60"}};
    struct config_source config = {.kind = SOURCE_SNOWFLAKE,
                                   .account = (char *)"a-b",
                                   .user = (char *)"u",
                                   .password = (char *)"secret",
                                   .port = 8443,
                                   .options = given,
                                   .option_count = 3};
    assert_true(source_options_build(&config, &options, &error));
    assert_string_equal(value_of(options.database, options.database_count, "adbc.snowflake.sql.account"), "a-b");
    assert_string_equal(value_of(options.database, options.database_count, "adbc.snowflake.sql.uri.port"), "8443");
    assert_string_equal(value_of(options.database, options.database_count, "adbc.snowflake.sql.auth_type"),
                        "auth_snowflake");
    assert_string_equal(
        value_of(options.database, options.database_count, "adbc.snowflake.sql.client_option.login_timeout"), "20s");
    assert_string_equal(value_of(options.database, options.database_count, "STATEMENT_TIMEOUT_IN_SECONDS"), "60");
    assert_null(value_of(options.database, options.database_count, "adbc.snowflake.sql.role"));
    assert_string_equal(value_of(options.session, options.session_count, "QUERY_TAG"), "nightly");
    assert_string_equal(value_of(options.session, options.session_count, "ROWS_PER_RESULTSET"), "0");
    assert_string_equal(value_of(options.statement, options.statement_count, "adbc.rpc.result_queue_size"), "1");
    for (size_t i = 0; i < options.database_count; i++)
        assert_int_equal(options.database[i].secret, strcmp(options.database[i].name, "password") == 0);
    source_options_release(&options);
}

static void assert_option_refused(const char *name, const char *message_part, const char *hint_part) {
    struct error error = {0};
    struct source_options options;
    struct config_option given = {(char *)name, (char *)"1"};
    struct config_source config = {.kind = SOURCE_SNOWFLAKE, .options = &given, .option_count = 1};
    assert_false(source_options_build(&config, &options, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.message, message_part));
    assert_non_null(strstr(error.hint, hint_part));
    assert_int_equal(options.database_count, 0);
}

static void test_options_refused(void **state) {
    (void)state;
    assert_option_refused("adbc.snowflake.sql.client_option.login_timeuot", "login_timeuot", "login_timeout");
    assert_option_refused("ROWS_PER_RESULTSET", "ROWS_PER_RESULTSET", "remove");
    assert_option_refused("adbc.snowflake.sql.client_option.use_high_precision", "exact", "remove");
    assert_option_refused("Query_Tag", "Query_Tag", "capitals");
    assert_option_refused("", "has no option", "");
}

static void test_duckdb(void **state) {
    (void)state;
    struct error error = {0};
    struct source_options options;
    struct config_source config = {.kind = SOURCE_DUCKDB, .path = (char *)"a.db"};
    assert_true(source_options_build(&config, &options, &error));
    assert_string_equal(value_of(options.database, options.database_count, "access_mode"), "READ_ONLY");
    assert_string_equal(value_of(options.database, options.database_count, "path"), "a.db");
    assert_int_equal(options.session_count, 0);
    source_options_release(&options);
    config.path = NULL;
    assert_true(source_options_build(&config, &options, &error));
    assert_null(value_of(options.database, options.database_count, "access_mode"));
    source_options_release(&options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_every_form),
        cmocka_unit_test(test_keys_refused),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_snowflake),
        cmocka_unit_test(test_options_refused),
        cmocka_unit_test(test_duckdb),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
