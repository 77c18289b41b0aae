/* Text and bytes. */
#include "encode_fixture.h"

static void text_is_taken_as_it_is(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"u", "", PG_TEXT, -1, ""},
        {"u", NULL, PG_TEXT, -1, "NULL"},
        {"u", "\\N", PG_TEXT, -1, "\\N"},
        {"u", "\\.", PG_TEXT, -1, "\\."},
        {"u", "a\r\nb\tc'\"\\", PG_TEXT, -1, "a\r\nb\tc'\"\\"},
        {"U", "\xf0\x9f\x98\x80 gr\xc3\xbc\xc3\x9f", PG_TEXT, -1, "\xf0\x9f\x98\x80 gr\xc3\xbc\xc3\x9f"},
        {"u", "\xff\xfe", PG_TEXT, -1, "\xff\xfe"}, /* PostgreSQL judges the encoding */
        {"u", "NULL", PG_VARCHAR, -1, "NULL"},
        {"u", "{\"a\":1}", PG_JSON, -1, "{\"a\":1}"},
        {"u", "{\"a\":1}", PG_JSONB, -1, "{\"a\":1}"},
        {"u", "", PG_JSONB, -1, ""},
        {"z", "", PG_BYTEA, -1, ""},
        {"Z", "\\x01\xff", PG_BYTEA, -1, "5c783031ff"},
        {"w:3", "abc", PG_BYTEA, -1, "616263"},
    };
    EXPECT_EACH(list);
}

static void lengths_are_counted_in_characters(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"u", "abc", PG_VARCHAR, CHARACTERS(3), "abc"},
        {"u", "abcd", PG_VARCHAR, CHARACTERS(3), "!value 'abcd' doesn't fit: too many characters"},
        {"u", "abc ", PG_VARCHAR, CHARACTERS(3), "!value 'abc ' doesn't fit: too many characters"},
        {"u", "abc ", PG_BPCHAR, CHARACTERS(3), "!value 'abc ' doesn't fit: too many characters"},
        {"u", "a", PG_BPCHAR, CHARACTERS(3), "a"},
        {"u", "abcd", PG_BPCHAR, -1, "abcd"},
        {"u", "\xc3\xa4\xc3\xb6\xc3\xbc", PG_VARCHAR, CHARACTERS(3), "\xc3\xa4\xc3\xb6\xc3\xbc"},
        {"u", "\xc3\xa4\xc3\xb6\xc3\xbc", PG_VARCHAR, CHARACTERS(2), "!too many characters"},
        {"U", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", PG_BPCHAR, CHARACTERS(2), "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"},
        {"U", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", PG_BPCHAR, CHARACTERS(1), "!too many characters"},
    };
    EXPECT_EACH(list);
}

static void uuids_in_every_spelling(void **state) {
    (void)state;
#define UUID "0123456789abcdef0123456789abcdef"
    static const struct expectation list[] = {
        {"u", "01234567-89ab-cdef-0123-456789abcdef", PG_UUID, -1, UUID},
        {"u", "01234567-89AB-CDEF-0123-456789ABCDEF", PG_UUID, -1, UUID},
        {"u", "{01234567-89ab-cdef-0123-456789abcdef}", PG_UUID, -1, UUID},
        {"u", UUID, PG_UUID, -1, UUID},
        {"U", "{" UUID "}", PG_UUID, -1, UUID},
        {"u", "0123-4567-89ab-cdef-0123-4567-89ab-cdef", PG_UUID, -1, UUID},
        {"u", "01234567-89abcdef-01234567-89abcdef", PG_UUID, -1, UUID},
        {"u", "", PG_UUID, -1, "!value '' is no UUID"},
        {"u", "{}", PG_UUID, -1, "!is no UUID"},
        {"u", "{", PG_UUID, -1, "!is no UUID"},
        {"u", "01234567-89ab-cdef-0123-456789abcde", PG_UUID, -1, "!is no UUID"},
        {"u", "01234567-89ab-cdef-0123-456789abcdef0", PG_UUID, -1, "!is no UUID"},
        {"u", "01234567-89ab-cdef-0123-456789abcdeg", PG_UUID, -1, "!is no UUID"},
        {"u", "01234567--89ab-cdef-0123-456789abcdef", PG_UUID, -1, "!is no UUID"},
        {"u", "01-234567-89ab-cdef-0123-456789abcdef", PG_UUID, -1, "!is no UUID"},
        {"u", "01234567-89ab-cdef-0123-456789abcdef-", PG_UUID, -1, "!is no UUID"},
        {"u", "-01234567-89ab-cdef-0123-456789abcdef", PG_UUID, -1, "!is no UUID"},
        {"u", "{01234567-89ab-cdef-0123-456789abcdef", PG_UUID, -1, "!is no UUID"},
        {"u", "01234567-89ab-cdef-0123-456789abcdef}", PG_UUID, -1, "!is no UUID"},
        {"u", " 01234567-89ab-cdef-0123-456789abcdef", PG_UUID, -1, "!is no UUID"},
        {"z", "0123456789abcdef", PG_UUID, -1, "30313233343536373839616263646566"},
        {"z", "0123456789abcde", PG_UUID, -1, "!value \\x303132333435363738396162636465 is no UUID: that has 16"},
        {"w:16", "0123456789abcdef", PG_UUID, -1, "30313233343536373839616263646566"},
    };
    EXPECT_EACH(list);
}

/* A batch of one text column and its errors, for values that hold NUL bytes. */
static void one_text_column(struct fixture *fixture, const char *format, uint32_t type_oid) {
    struct encode_target target = {(char *)"note", type_oid, -1, (char *)"text"};
    fixture_init(fixture, &format, 1, &target, 1);
}

static void nul_bytes_are_found(void **state) {
    (void)state;
    static const uint32_t types[] = {PG_TEXT, PG_VARCHAR, PG_BPCHAR, PG_JSON, PG_JSONB};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct fixture fixture;
        one_text_column(&fixture, i % 2 == 0 ? "u" : "U", types[i]);
        fixture_append(&fixture, 0, "good");
        fixture_append(&fixture, 0, NULL);
        fixture_append_bytes(&fixture, 0, "b\0d", 3);
        fixture_append(&fixture, 0, "never reached");
        fixture_finish_batch(&fixture);
        assert_false(fixture_encode(&fixture));
        assert_int_equal(fixture.error.kind, ERROR_DATA);
        assert_non_null(strstr(fixture.error.message, "column \"note\" (text): value 'b\\x00d' holds a NUL byte"));
        assert_non_null(strstr(fixture.error.message, "row 3"));
        assert_int_equal(fixture.segment.rows, 2);
        fixture_release(&fixture);
    }
}

static void a_nul_byte_at_either_end_is_found(void **state) {
    (void)state;
    static const char *const values[] = {"\0a", "a\0", "\0"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture;
        one_text_column(&fixture, "u", PG_TEXT);
        fixture_append_bytes(&fixture, 0, values[i], i < 2 ? 2 : 1);
        fixture_finish_batch(&fixture);
        assert_false(fixture_encode(&fixture));
        fixture_release(&fixture);
    }
}

static void a_nul_byte_outside_the_batch_or_under_null_is_none(void **state) {
    (void)state;
    static char decoded[1][DECODED_SIZE];
    /* Values "x\0", NULL over "\0", "ok"; the batch is the last two. */
    static const int32_t offsets[] = {0, 2, 3, 5};
    static const uint8_t validity[] = {0x5};
    const void *buffers[] = {validity, offsets, "x\0\0ok"};
    struct ArrowArray column = {.length = 2, .null_count = 1, .offset = 1, .n_buffers = 3, .buffers = buffers};
    struct ArrowArray *children[] = {&column};
    struct ArrowArray batch = {.length = 2, .n_children = 1, .children = children};
    struct fixture fixture;
    one_text_column(&fixture, "u", PG_TEXT);
    struct ArrowArray built = fixture.batch;
    fixture.batch = batch;
    assert_true(fixture_encode(&fixture));
    fixture.batch = built;
    struct decoder decoder = decode_begin(&fixture);
    assert_true(decode_row(&decoder, decoded));
    assert_string_equal(decoded[0], "NULL");
    assert_true(decode_row(&decoder, decoded));
    assert_string_equal(decoded[0], "ok");
    fixture_release(&fixture);
}

static void nul_bytes_are_bytes_in_bytea(void **state) {
    (void)state;
    static char decoded[1][DECODED_SIZE];
    struct fixture fixture;
    one_text_column(&fixture, "z", PG_BYTEA);
    fixture_append_bytes(&fixture, 0, "\0a\0", 3);
    fixture_finish_batch(&fixture);
    assert_true(fixture_encode(&fixture));
    struct decoder decoder = decode_begin(&fixture);
    assert_true(decode_row(&decoder, decoded));
    assert_string_equal(decoded[0], "006100");
    fixture_release(&fixture);
}

static void long_values_are_cut_in_messages_alone(void **state) {
    (void)state;
    struct encode_target target = {(char *)"note", PG_VARCHAR, CHARACTERS(10), (char *)"character varying(10)"};
    const char *format = "u";
    struct fixture fixture;
    char text[5001];
    memset(text, 'a', sizeof text);
    /* A character of two bytes across the cut, and control characters in front. */
    memcpy(text, "\n\x7f\xff", 3);
    memcpy(text + 199, "\xc3\xa4", 2);
    text[5000] = '\0';
    fixture_init(&fixture, &format, 1, &target, 1);
    fixture_append(&fixture, 0, text);
    fixture_finish_batch(&fixture);
    assert_false(fixture_encode(&fixture));
    assert_non_null(strstr(fixture.error.message, "value '\\x0a\\x7f\\xffaaa"));
    assert_non_null(strstr(fixture.error.message, "a\xc3\xa4...' doesn't fit: too many characters; row 1"));
    assert_true(strlen(fixture.error.message) < 400);
    assert_non_null(strstr(fixture.error.hint, "4999 characters"));
    fixture_release(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_taken_as_it_is),
        cmocka_unit_test(lengths_are_counted_in_characters),
        cmocka_unit_test(uuids_in_every_spelling),
        cmocka_unit_test(nul_bytes_are_found),
        cmocka_unit_test(a_nul_byte_at_either_end_is_found),
        cmocka_unit_test(a_nul_byte_outside_the_batch_or_under_null_is_none),
        cmocka_unit_test(nul_bytes_are_bytes_in_bytea),
        cmocka_unit_test(long_values_are_cut_in_messages_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
