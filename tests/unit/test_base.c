/* Errors, buffers, the log, time, fault points. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buffer.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"

static void test_error_context_stands_before_the_message(void **state) {
    struct error error;
    (void)state;
    error_clear(&error);
    assert_false(error_set_code(&error, ERROR_DATA, "22001", "value %d is too long", 7));
    assert_false(error_context(&error, "chunk %d of %s", 17, "visits"));
    assert_false(error_hint(&error, "widen the column"));
    assert_string_equal(error.message, "chunk 17 of visits: value 7 is too long");
    assert_string_equal(error.code, "22001");
    assert_string_equal(error.hint, "widen the column");
    assert_int_equal(error.kind, ERROR_DATA);
}

static void test_error_is_cut_at_a_character(void **state) {
    struct error error;
    char text[6000];
    (void)state;
    /* Three-byte characters: wherever the end falls, none of them may be torn. */
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    text[sizeof text - 3] = '\0';
    for (int shift = 0; shift < 3; shift++) {
        error_set(&error, ERROR_DATA, "%.*s%s", shift, "abc", text);
        size_t length = strlen(error.message);
        assert_true(length < sizeof error.message);
        assert_string_equal(error.message + length - 3, "...");
        assert_int_equal((length - 3 - (size_t)shift) % 3, 0);
    }
}

static void test_error_may_be_set_from_itself(void **state) {
    struct error error;
    (void)state;
    error_set(&error, ERROR_DATA, "inner");
    error_set(&error, ERROR_CONFIG, "outer (%s)", error.message);
    assert_string_equal(error.message, "outer (inner)");
}

static void test_buffer_grows_and_is_zero_when_released(void **state) {
    struct buffer buffer = {0};
    (void)state;
    assert_string_equal(buffer_string(&buffer), "");
    for (int i = 0; i < 10000; i++)
        buffer_appendf(&buffer, "%d,", i % 10);
    assert_int_equal(buffer.length, 20000);
    assert_int_equal(strlen(buffer.data), 20000);
    buffer_release(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.capacity, 0);
}

static void test_json_strings_read_back(void **state) {
    static const char *const texts[] = {
        "", "plain", "a\"b\\c", "line\r\n\ttab", "\x01\x1F\x7F", "emoji \xF0\x9F\x98\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buffer buffer = {0};
        buffer_append_json_string(&buffer, texts[i], strlen(texts[i]));
        json_t *value = json_loads(buffer_string(&buffer), JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_string_equal(json_string_value(value), texts[i]);
        json_decref(value);
        buffer_release(&buffer);
    }
}

static void test_json_strings_mend_bad_utf8(void **state) {
    /* A lone continuation byte, an overlong slash, a surrogate, a cut sequence, beyond U+10FFFF. */
    static const char *const texts[] = {"\x80", "\xC0\xAF", "\xED\xA0\x80", "x\xE2\x82", "\xF4\x90\x80\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buffer buffer = {0};
        buffer_append_json_string(&buffer, texts[i], strlen(texts[i]));
        json_t *value = json_loads(buffer_string(&buffer), JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_non_null(strstr(json_string_value(value), "\xEF\xBF\xBD"));
        json_decref(value);
        buffer_release(&buffer);
    }
}

/* What `write_records` wrote to a log, as a string to be freed. */
static char *logged(enum log_format format, void (*write_records)(struct log *log)) {
    char name[] = "/tmp/thaw-log-XXXXXX";
    int file = mkstemp(name);
    struct log log;
    assert_true(file >= 0);
    unlink(name);
    log_init(&log, file, LOG_INFO, format);
    write_records(&log);
    log_release(&log);
    off_t length = lseek(file, 0, SEEK_END);
    char *text = memory_allocate((size_t)length + 1);
    assert_int_equal(pread(file, text, (size_t)length, 0), length);
    close(file);
    return text;
}

static void write_one(struct log *log) {
    struct log_scope scope = {.component = "run", .table = "a.b", .chunk_id = 17};
    snprintf(log->run_id, sizeof log->run_id, "11111111-2222-4333-8444-555555555555");
    log_write(log, LOG_WARNING, &scope, "%s", "two\nlines");
    log_debug(log, "run", "%s", "below the level");
}

static void test_text_record_is_one_line(void **state) {
    (void)state;
    char *text = logged(LOG_TEXT, write_one);
    assert_int_equal(strlen("2026-01-31 12:00:00"), 19);
    assert_string_equal(text + 19, " | WARNING | run | a.b chunk 17: two\\nlines\n");
    memory_release(&text);
}

static void test_json_record_has_the_contracts_keys(void **state) {
    (void)state;
    char *text = logged(LOG_JSON, write_one);
    json_t *record = json_loads(text, 0, NULL);
    assert_non_null(record);
    assert_string_equal(json_string_value(json_object_get(record, "level")), "WARNING");
    assert_string_equal(json_string_value(json_object_get(record, "component")), "run");
    assert_string_equal(json_string_value(json_object_get(record, "message")), "two\nlines");
    assert_string_equal(json_string_value(json_object_get(record, "table")), "a.b");
    assert_int_equal(json_integer_value(json_object_get(record, "chunk")), 17);
    assert_string_equal(json_string_value(json_object_get(record, "run_id")), "11111111-2222-4333-8444-555555555555");
    assert_non_null(json_object_get(record, "timestamp"));
    assert_null(json_object_get(record, "requestId"));
    json_decref(record);
    memory_release(&text);
}

static void write_secrets(struct log *log) {
    log_hide(log, "s3cret!");
    log_hide(log, "-----BEGIN KEY-----\nabc\n-----END KEY-----");
    log_hide(log, "ab"); /* too short to be told from ordinary text */
    log_info(log, "x", "password=s3cret! again s3cret!s3cret! end ab");
    log_info(log, "x", "%s", "key: -----BEGIN KEY-----\nabc\n-----END KEY----- end");
}

static void test_invariant_12_registered_secrets_are_hidden(void **state) {
    (void)state;
    char *text = logged(LOG_TEXT, write_secrets);
    assert_null(strstr(text, "s3cret"));
    assert_null(strstr(text, "abc"));
    assert_non_null(strstr(text, "password=*** again ****** end ab"));
    assert_non_null(strstr(text, "key: *** end"));
    memory_release(&text);
}

enum { WRITERS = 8, RECORDS = 500 };

static void *write_many(void *argument) {
    for (int i = 0; i < RECORDS; i++)
        log_info(argument, "run", "%s", "0123456789012345678901234567890123456789");
    return NULL;
}

static void write_from_threads(struct log *log) {
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, log), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
}

static void test_invariant_11_every_record_is_one_whole_line(void **state) {
    int lines = 0;
    (void)state;
    char *text = logged(LOG_TEXT, write_from_threads);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && line[0] != '\0'; lines++)
        assert_string_equal(line + 19, " | INFO | run | 0123456789012345678901234567890123456789");
    assert_int_equal(lines, WRITERS * RECORDS);
    memory_release(&text);
}

static void test_clock_formats(void **state) {
    char text[48];
    (void)state;
    clock_format_seconds(1769860800LL * 1000000, text, sizeof text);
    assert_string_equal(text, "2026-01-31 12:00:00");
    clock_format_iso(-1, text, sizeof text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    clock_format_duration(4200000, text, sizeof text);
    assert_string_equal(text, "4.2 s");
    clock_format_duration(169LL * 3600 * 1000000, text, sizeof text);
    assert_string_equal(text, "7 days 1 h");
}

static void test_faults_refuse_typing_mistakes(void **state) {
    static const char *const wrong[] = {"x",        "x:",        "x:explode", ":kill",
                                        "x:kill:0", "x:kill:1x", "x:sleep=",  "x:kill,"};
    struct faults faults;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("THAW_FAULT", wrong[i], 1);
        error_clear(&error);
        assert_false(faults_init(&faults, &error));
        assert_int_equal(error.kind, ERROR_CONFIG);
    }
    unsetenv("THAW_FAULT");
    assert_true(faults_init(&faults, &error));
    assert_true(fault_point(&faults, "anything", &error));
}

static void test_fault_happens_at_its_pass(void **state) {
    struct faults faults;
    struct error error;
    (void)state;
    setenv("THAW_FAULT", "here:error:2,there:sleep=1", 1);
    assert_true(faults_init(&faults, &error));
    unsetenv("THAW_FAULT");
    assert_true(fault_point(&faults, "here", &error));
    assert_true(fault_point(&faults, "there", &error));
    assert_false(fault_point(&faults, "here", &error));
    assert_int_equal(error.kind, ERROR_TRANSIENT);
    assert_true(fault_point(&faults, "here", &error));
}

static void test_fault_kills(void **state) {
    int status = 0;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct faults faults;
        struct error error;
        setenv("THAW_FAULT", "here:kill", 1);
        if (!faults_init(&faults, &error) || !fault_point(&faults, "here", &error))
            _exit(2);
        _exit(3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_cancel_is_inherited(void **state) {
    struct cancel top = {0};
    struct cancel below = {.parent = &top};
    (void)state;
    assert_false(cancel_requested(NULL));
    assert_false(cancel_requested(&below));
    cancel_request(&top);
    assert_true(cancel_requested(&below));
    cancel_reset(&top);
    cancel_request(&below);
    assert_false(cancel_requested(&top));
    assert_true(cancel_requested(&below));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_context_stands_before_the_message),
        cmocka_unit_test(test_error_is_cut_at_a_character),
        cmocka_unit_test(test_error_may_be_set_from_itself),
        cmocka_unit_test(test_buffer_grows_and_is_zero_when_released),
        cmocka_unit_test(test_json_strings_read_back),
        cmocka_unit_test(test_json_strings_mend_bad_utf8),
        cmocka_unit_test(test_text_record_is_one_line),
        cmocka_unit_test(test_json_record_has_the_contracts_keys),
        cmocka_unit_test(test_invariant_12_registered_secrets_are_hidden),
        cmocka_unit_test(test_invariant_11_every_record_is_one_whole_line),
        cmocka_unit_test(test_clock_formats),
        cmocka_unit_test(test_faults_refuse_typing_mistakes),
        cmocka_unit_test(test_fault_happens_at_its_pass),
        cmocka_unit_test(test_fault_kills),
        cmocka_unit_test(test_cancel_is_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
