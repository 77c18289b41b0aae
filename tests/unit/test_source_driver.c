/* Loading drivers, and what their errors mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/driver.h"
#include "source/source.h"

static void assert_kind(enum error_kind expected, AdbcStatusCode status, int vendor_code, const char *sqlstate,
                        const char *message) {
    assert_int_equal(driver_error_kind(status, vendor_code, sqlstate, message), expected);
}

static void test_kinds_by_code(void **state) {
    (void)state;
    assert_kind(ERROR_AUTH, ADBC_STATUS_UNAUTHORIZED, 390100, "08004", "Incorrect username or password was specified.");
    assert_kind(ERROR_AUTH, ADBC_STATUS_IO, 390144, "08001", "JWT token is invalid.");
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_IO, 390112, "", "Your session has expired.");
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_IO, 390114, "", "Authentication token has expired.");
    assert_kind(ERROR_CONFIG, ADBC_STATUS_IO, 390189, "", "Role 'X' specified in the connect string does not exist");
    assert_kind(ERROR_CONFIG, ADBC_STATUS_NOT_FOUND, 2003, "42S02", "does not exist or not authorized");
    assert_kind(ERROR_CONFIG, ADBC_STATUS_INTERNAL, 606, "57P03", "No active warehouse selected");
    assert_kind(ERROR_CONFIG, ADBC_STATUS_INTERNAL, 630, "57014",
                "Statement reached its statement or warehouse timeout");
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_INTERNAL, 604, "57014", "SQL execution canceled");
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_INTERNAL, 262000, "", "failed to get a chunk of result sets");
    assert_kind(ERROR_DATA, ADBC_STATUS_INTERNAL, 100038, "22018", "Numeric value 'x' is not recognized");
}

static void test_kinds_by_words(void **state) {
    (void)state;
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_IO, 0, "",
                "Post \"http://h:1/\": dial tcp 127.0.0.1:1: connect: connection refused");
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_INTERNAL, 0, "",
                "timeout after 30s and 5 attempts. HTTP Status: 500. Hanging?");
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_UNKNOWN, 0, "", "unexpected EOF");
    assert_kind(ERROR_CONFIG, ADBC_STATUS_IO, 0, "", "x509: certificate signed by unknown authority");
    assert_kind(ERROR_CONFIG, ADBC_STATUS_INVALID_ARGUMENT, 0, "", "Catalog Error: Table with name x does not exist!");
    assert_kind(ERROR_DATA, ADBC_STATUS_INTERNAL, 0, "", "Conversion Error: Could not convert string 'a' to INT32");
    assert_kind(ERROR_TRANSIENT, ADBC_STATUS_INTERNAL, 0, "",
                "Out of Memory Error: failed to pin block of size 256.0 KiB");
    assert_kind(ERROR_CONFIG, ADBC_STATUS_INVALID_ARGUMENT, 0, "", "something else");
    assert_kind(ERROR_INTERNAL, ADBC_STATUS_UNKNOWN, 0, "", "something else");
    assert_kind(ERROR_STOPPED, ADBC_STATUS_CANCELLED, 0, "", "something else");
}

static int released;

static void count_release(struct AdbcError *error) {
    released++;
    error->release = NULL;
}

static void test_failure_keeps_everything(void **state) {
    (void)state;
    struct error error = {0};
    struct AdbcError adbc = {.message = (char *)"no such table", .vendor_code = 2003, .release = count_release};
    memcpy(adbc.sqlstate, "42S02", 5);
    released = 0;
    assert_false(driver_failure(&adbc, ADBC_STATUS_NOT_FOUND, "running a query", &error));
    assert_int_equal(released, 1);
    assert_string_equal(error.code, "42S02");
    assert_string_equal(error.message, "running a query: no such table (2003)");
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_true(error.hint[0] != '\0');
    assert_null(adbc.message);
}

static void test_failure_without_anything(void **state) {
    (void)state;
    struct error error = {0};
    struct AdbcError adbc = {.vendor_code = ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA};
    assert_false(driver_failure(&adbc, ADBC_STATUS_UNKNOWN, "connecting", &error));
    assert_string_equal(error.code, "");
    assert_string_equal(error.message, "connecting: the driver gave no reason");
}

static void test_load_refuses(void **state) {
    (void)state;
    struct error error = {0};
    struct driver driver;
    assert_false(driver_load(&driver, "no-such-driver", NULL, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.message, "no-such-driver"));
    assert_non_null(strstr(error.message, "/drivers"));
    assert_null(driver.path);
    assert_false(driver_load(&driver, "/dev/null", NULL, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    /* A library that is no driver. */
    assert_false(driver_load(&driver, "libm.so.6", NULL, &error));
    assert_non_null(strstr(error.message, "has no function AdbcDriverInit"));
    assert_false(driver_load(&driver, "libm.so.6", "no_such_symbol", &error));
    assert_non_null(strstr(error.message, "no_such_symbol"));
}

/* What the Go runtime of a driver reads when it is loaded. */
static void test_a_bound_is_told_to_the_runtime(void **state) {
    (void)state;
    static const struct {
        const char *before; /* NULL: not set */
        int64_t driver_mb;
        bool missing;
        const char *after;
    } cases[] = {
        {NULL, 0, false, NULL},
        {NULL, 96, true, "96MiB"},
        {"96MiB", 96, false, "96MiB"}, /* after it was started again */
        {"1GiB", 96, false, "1GiB"},   /* the user's own */
    };
    (void)source_prepare_environment(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsetenv("GOMEMLIMIT");
        if (cases[i].before != NULL)
            setenv("GOMEMLIMIT", cases[i].before, 1);
        assert_int_equal(source_prepare_environment(cases[i].driver_mb), cases[i].missing);
        if (cases[i].after == NULL)
            assert_null(getenv("GOMEMLIMIT"));
        else
            assert_string_equal(getenv("GOMEMLIMIT"), cases[i].after);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_by_code),
        cmocka_unit_test(test_kinds_by_words),
        cmocka_unit_test(test_failure_keeps_everything),
        cmocka_unit_test(test_failure_without_anything),
        cmocka_unit_test(test_load_refuses),
        cmocka_unit_test(test_a_bound_is_told_to_the_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
