/* Segments, batches, errors and rows read back. */
#include "encode_fixture.h"

static char decoded[FIXTURE_COLUMNS][DECODED_SIZE];

/* id bigint, amount numeric(5,2), name text, day date: the first is the key. */
static const char *const formats[] = {"l", "d:9,3", "u", "tdD"};
static const size_t key[] = {0};

static void four_columns(struct fixture *fixture) {
    const struct encode_target targets[] = {
        {(char *)"id", PG_INT8, -1, (char *)"bigint"},
        {(char *)"amount", PG_NUMERIC, NUMERIC(5, 2), (char *)"numeric(5,2)"},
        {(char *)"name", PG_TEXT, -1, (char *)"text"},
        {(char *)"day", PG_DATE, -1, (char *)"date"},
    };
    fixture_init(fixture, formats, 4, targets, 4);
    fixture->options.key_columns = key;
    fixture->options.key_count = 1;
}

static void append_row(struct fixture *fixture, const char *id, const char *amount, const char *name, const char *day) {
    fixture_append(fixture, 0, id);
    fixture_append(fixture, 1, amount);
    fixture_append(fixture, 2, name);
    fixture_append(fixture, 3, day);
}

static void open_and_set(struct fixture *fixture) {
    assert_true(encoder_open(&fixture->encoder, &fixture->schema, fixture->targets, fixture->target_count,
                             &fixture->options, &fixture->error));
    assert_true(encoder_set_batch(fixture->encoder, &fixture->batch, &fixture->error));
}

static void a_segment_is_copys_binary_format(void **state) {
    (void)state;
    static const char expected[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
                                   "\0\4"
                                   "\0\0\0\10\0\0\0\0\0\0\0\7"
                                   "\0\0\0\14\0\2\0\0\x40\0\0\2\0\14\x13\x88"
                                   "\0\0\0\2hi"
                                   "\377\377\377\377"
                                   "\377\377";
    struct fixture fixture;
    four_columns(&fixture);
    append_row(&fixture, "7", "-12500", "hi", NULL);
    fixture_finish_batch(&fixture);
    assert_true(fixture_encode(&fixture));
    assert_int_equal(fixture.segment.length, sizeof expected - 1);
    assert_memory_equal(fixture.segment.bytes, expected, sizeof expected - 1);
    assert_int_equal(fixture.segment.rows, 1);
    fixture_release(&fixture);
}

static void an_empty_batch_is_an_empty_segment(void **state) {
    (void)state;
    struct fixture fixture;
    four_columns(&fixture);
    fixture_finish_batch(&fixture);
    assert_true(fixture_encode(&fixture));
    assert_int_equal(fixture.segment.rows, 0);
    struct decoder decoder = decode_begin(&fixture);
    assert_false(decode_row(&decoder, decoded));
    fixture_release(&fixture);
}

static void an_error_names_column_type_value_row_and_key(void **state) {
    (void)state;
    struct fixture fixture;
    four_columns(&fixture);
    append_row(&fixture, "4", "999990", "good", "0");
    append_row(&fixture, "5", "123456789", "bad", "0");
    append_row(&fixture, "6", "0", "good", "0");
    fixture_finish_batch(&fixture);
    assert_false(fixture_encode(&fixture));
    assert_int_equal(fixture.error.kind, ERROR_DATA);
    assert_string_equal(fixture.error.message,
                        "column \"amount\" (numeric(5,2)): value 123456.789 doesn't fit: too many digits before the "
                        "decimal point; row 2 with key id = 5");
    assert_string_equal(fixture.error.hint, "widen the column to numeric(9,3), which holds all of the source's values, "
                                            "or leave such rows out with source_filter");
    /* What came before stands, whole. */
    assert_int_equal(fixture.segment.rows, 1);
    assert_int_equal(encoder_rows_done(fixture.encoder), 1);
    assert_int_equal(encoder_rows_left(fixture.encoder), 2);
    struct decoder decoder = decode_begin(&fixture);
    assert_true(decode_row(&decoder, decoded));
    assert_string_equal(decoded[1], "999.99");
    assert_false(decode_row(&decoder, decoded));
    fixture_release(&fixture);
}

static void keys_of_several_columns_and_null(void **state) {
    (void)state;
    static const size_t keys[] = {3, 2, 0};
    struct fixture fixture;
    four_columns(&fixture);
    fixture.options.key_columns = keys;
    fixture.options.key_count = 3;
    append_row(&fixture, NULL, "1000000", "it's", "20484");
    fixture_finish_batch(&fixture);
    assert_false(fixture_encode(&fixture));
    assert_non_null(strstr(fixture.error.message, "; row 1 with key day = 2026-01-31, name = 'it's', id = NULL"));
    fixture_release(&fixture);
}

/* Rows of different lengths through segments of `limit` bytes: each ends with the row that reaches it. */
static void check_limit(size_t limit) {
    enum { ROWS = 1000 };
    struct fixture fixture;
    char name[400];
    int64_t next = 0;
    four_columns(&fixture);
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        memset(name, 'x', sizeof name);
        name[i * 37 % 399] = '\0';
        append_row(&fixture, id, "0", name, i % 3 == 0 ? NULL : "0");
    }
    fixture_finish_batch(&fixture);
    open_and_set(&fixture);
    uint8_t *memory = NULL;
    while (encoder_rows_left(fixture.encoder) > 0) {
        encode_segment_begin(fixture.encoder, &fixture.segment);
        assert_int_equal(fixture.segment.first_row, next + 1);
        assert_true(encode_rows(fixture.encoder, &fixture.segment, limit, &fixture.error));
        size_t length = fixture.segment.length;
        assert_true(fixture.segment.rows >= 1);
        assert_true(length >= limit || encoder_rows_left(fixture.encoder) == 0);
        encode_segment_end(&fixture.segment);
        assert_true(memory == NULL || fixture.segment.bytes == memory); /* one allocation for all segments */
        memory = fixture.segment.bytes;
        struct decoder decoder = decode_begin(&fixture);
        size_t before_last = 0;
        for (int64_t i = 0; i < fixture.segment.rows; i++, next++) {
            before_last = decoder.at;
            assert_true(decode_row(&decoder, decoded));
            assert_int_equal(strtol(decoded[0], NULL, 10), next);
            assert_int_equal(strlen(decoded[2]), next * 37 % 399);
        }
        assert_true(fixture.segment.rows == 1 || before_last < limit);
        assert_false(decode_row(&decoder, decoded));
    }
    assert_int_equal(next, ROWS);
    assert_int_equal(encoder_rows_done(fixture.encoder), ROWS);
    fixture_release(&fixture);
}

static void segments_end_at_the_limit_or_with_the_batch(void **state) {
    (void)state;
    static const size_t limits[] = {0, 1, 19, 20, 100, 777, 4096, 60000, 65536, (size_t)1 << 30};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        check_limit(limits[i]);
}

static void a_row_larger_than_the_segment_grows_it(void **state) {
    (void)state;
    enum { LARGE = 3000000 };
    struct fixture fixture;
    char *large = memory_allocate(LARGE + 1);
    memset(large, 'y', LARGE);
    four_columns(&fixture);
    append_row(&fixture, "1", "0", "small", "0");
    append_row(&fixture, "2", "0", large, "0");
    append_row(&fixture, "3", "0", "small", "0");
    fixture_finish_batch(&fixture);
    open_and_set(&fixture);
    encode_segment_begin(fixture.encoder, &fixture.segment);
    assert_true(encode_rows(fixture.encoder, &fixture.segment, 1000, &fixture.error));
    assert_int_equal(fixture.segment.rows, 2);
    assert_true(fixture.segment.length > LARGE && fixture.segment.length < LARGE + 200);
    assert_true(encode_rows(fixture.encoder, &fixture.segment, 1000, &fixture.error)); /* full: nothing to do */
    assert_int_equal(fixture.segment.rows, 2);
    assert_int_equal(encoder_rows_left(fixture.encoder), 1);
    memory_release(&large);
    fixture_release(&fixture);
}

static void segments_go_on_over_batches(void **state) {
    (void)state;
    struct fixture fixture;
    four_columns(&fixture);
    append_row(&fixture, "1", "0", "a", "0");
    append_row(&fixture, "2", "0", "b", "0");
    fixture_finish_batch(&fixture);
    open_and_set(&fixture);
    encode_segment_begin(fixture.encoder, &fixture.segment);
    for (int i = 0; i < 3; i++) {
        assert_true(encode_rows(fixture.encoder, &fixture.segment, 10000, &fixture.error));
        assert_true(encoder_set_batch(fixture.encoder, &fixture.batch, &fixture.error));
    }
    assert_int_equal(fixture.segment.rows, 6);
    assert_false(encoder_set_batch(fixture.encoder, &fixture.batch, &fixture.error)); /* rows would be lost */
    assert_int_equal(fixture.error.kind, ERROR_INTERNAL);
    fixture_release(&fixture);
}

static void slices_count_both_offsets(void **state) {
    (void)state;
    struct fixture fixture;
    four_columns(&fixture);
    char id[16];
    char amount[16];
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "%d", i);
        snprintf(amount, sizeof amount, "%d0", i);
        append_row(&fixture, i % 5 == 0 ? NULL : id, amount, i % 7 == 0 ? NULL : id, i % 3 == 0 ? NULL : id);
    }
    fixture_finish_batch(&fixture);
    for (int64_t i = 0; i < 4; i++) { /* children begin at 3, the batch at 10 of those */
        fixture.batch.children[i]->offset = 3;
        fixture.batch.children[i]->length -= 3;
        fixture.batch.children[i]->null_count = -1;
    }
    fixture.batch.offset = 10;
    fixture.batch.length = 20;
    assert_true(fixture_encode(&fixture));
    struct decoder decoder = decode_begin(&fixture);
    for (int i = 13; i < 33; i++) {
        assert_true(decode_row(&decoder, decoded));
        snprintf(id, sizeof id, "%d", i);
        assert_string_equal(decoded[0], i % 5 == 0 ? "NULL" : id);
        assert_string_equal(decoded[2], i % 7 == 0 ? "NULL" : id);
        snprintf(amount, sizeof amount, "0.%02d", i);
        assert_string_equal(decoded[1], amount);
        snprintf(id, sizeof id, "%d", i - 10957);
        assert_string_equal(decoded[3], i % 3 == 0 ? "NULL" : id);
    }
    assert_false(decode_row(&decoder, decoded));
    fixture_release(&fixture);
}

/* Spoil one thing of a good batch of two rows, and see it refused. */
enum damage {
    FALLING_OFFSETS,
    NEGATIVE_OFFSET,
    SHORT_CHILD,
    NO_VALUES,
    NO_OFFSETS,
    NO_BYTES,
    FEW_CHILDREN,
    NULL_ROWS,
    NEGATIVE_LENGTH,
    DAMAGES
};

static void broken_batches_are_refused(void **state) {
    (void)state;
    for (int damage = 0; damage < DAMAGES; damage++) {
        struct fixture fixture;
        int32_t falling[] = {0, 5, 3};
        int32_t negative[] = {-5, 0, 3};
        uint8_t one_row = 1;
        four_columns(&fixture);
        append_row(&fixture, "1", "0", "abc", "0");
        append_row(&fixture, "2", "0", "def", "0");
        fixture_finish_batch(&fixture);
        struct ArrowArray batch = fixture.batch;
        struct ArrowArray ids = *batch.children[0];
        struct ArrowArray names = *batch.children[2];
        struct ArrowArray *children[] = {&ids, batch.children[1], &names, batch.children[3]};
        const void *id_buffers[] = {NULL, damage == NO_VALUES ? NULL : ids.buffers[1]};
        const void *name_buffers[] = {NULL,
                                      damage == FALLING_OFFSETS   ? falling
                                      : damage == NEGATIVE_OFFSET ? negative
                                      : damage == NO_OFFSETS      ? NULL
                                                                  : names.buffers[1],
                                      damage == NO_BYTES ? NULL : names.buffers[2]};
        const void *row_buffers[] = {&one_row};
        batch.children = children;
        ids.buffers = id_buffers;
        names.buffers = name_buffers;
        if (damage == SHORT_CHILD)
            names.length = 1;
        if (damage == FEW_CHILDREN)
            batch.n_children = 3;
        if (damage == NULL_ROWS) {
            batch.buffers = row_buffers;
            batch.null_count = -1;
        }
        if (damage == NEGATIVE_LENGTH)
            batch.length = -1;
        assert_true(
            encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 4, &fixture.options, &fixture.error));
        assert_false(encoder_set_batch(fixture.encoder, &batch, &fixture.error));
        assert_int_equal(fixture.error.kind, ERROR_INTERNAL);
        assert_int_equal(encoder_rows_left(fixture.encoder), 0);
        fixture_release(&fixture);
    }
}

static void absent_buffers_of_empty_values_are_fine(void **state) {
    (void)state;
    static const int32_t offsets[] = {0, 0, 0};
    static const uint8_t none = 0;
    const void *name_buffers[] = {NULL, offsets, NULL};
    const void *id_buffers[] = {&none, NULL};
    struct ArrowArray names = {.length = 2, .n_buffers = 3, .buffers = name_buffers};
    struct ArrowArray ids = {.length = 2, .null_count = 2, .n_buffers = 2, .buffers = id_buffers};
    struct fixture fixture;
    four_columns(&fixture);
    append_row(&fixture, "1", "0", "abc", "0");
    append_row(&fixture, "2", "0", "def", "0");
    fixture_finish_batch(&fixture);
    struct ArrowArray built = fixture.batch;
    struct ArrowArray *children[] = {&ids, built.children[1], &names, built.children[3]};
    fixture.batch.children = children;
    assert_true(fixture_encode(&fixture));
    fixture.batch = built;
    struct decoder decoder = decode_begin(&fixture);
    assert_true(decode_row(&decoder, decoded));
    assert_string_equal(decoded[0], "NULL");
    assert_string_equal(decoded[2], "");
    fixture_release(&fixture);
}

/* A value of more than 1 GiB, of which no byte is ever read. */
static void values_beyond_postgresqls_limit_are_data_errors(void **state) {
    (void)state;
    static const int64_t offsets[] = {0, 1, 1200000001};
    static const uint8_t bytes[1];
    const char *const large_formats[] = {"l", "Z"};
    const struct encode_target targets[] = {
        {(char *)"id", PG_INT8, -1, (char *)"bigint"},
        {(char *)"body", PG_BYTEA, -1, (char *)"bytea"},
    };
    const void *buffers[] = {NULL, offsets, bytes};
    struct ArrowArray body = {.length = 2, .n_buffers = 3, .buffers = buffers};
    struct fixture fixture;
    fixture_init(&fixture, large_formats, 2, targets, 2);
    fixture.options.key_columns = key;
    fixture.options.key_count = 1;
    fixture_append(&fixture, 0, "1");
    fixture_append(&fixture, 0, "2");
    assert_int_equal(ArrowArrayFinishBuildingDefault(fixture.batch.children[0], NULL), NANOARROW_OK);
    struct ArrowArray built = fixture.batch;
    struct ArrowArray *children[] = {built.children[0], &body};
    fixture.batch.children = children;
    fixture.batch.length = 2;
    assert_false(fixture_encode(&fixture));
    fixture.batch = built;
    assert_int_equal(fixture.error.kind, ERROR_DATA);
    assert_non_null(strstr(fixture.error.message, "column \"body\" (bytea): its value of 1200000000 bytes"));
    assert_non_null(strstr(fixture.error.message, "row 2 with key id = 2"));
    assert_int_equal(fixture.segment.rows, 1);
    assert_true(fixture.segment.capacity < (size_t)1 << 22);
    fixture_release(&fixture);
}

static void a_projection_that_dropped_digits_is_an_error(void **state) {
    (void)state;
    static const char *const inexact_formats[] = {"l", "i", "d:38,0"};
    for (size_t i = 0; i < 3; i++) {
        const char *const stream[] = {"l", "tsu:", inexact_formats[i]};
        const struct encode_target targets[] = {
            {(char *)"id", PG_INT8, -1, (char *)"bigint"},
            {(char *)"at", PG_TIMESTAMP, -1, (char *)"timestamp without time zone"},
        };
        struct fixture fixture;
        fixture_init(&fixture, stream, 3, targets, 2);
        fixture.options.key_columns = key;
        fixture.options.key_count = 1;
        fixture.options.inexact_column = 2;
        for (int row = 0; row < 100; row++) {
            fixture_append(&fixture, 0, "7");
            fixture_append(&fixture, 1, "1");
            fixture_append(&fixture, 2, row == 70 ? "2" : NULL);
        }
        fixture_finish_batch(&fixture);
        assert_false(fixture_encode(&fixture));
        assert_int_equal(fixture.error.kind, ERROR_DATA);
        assert_string_equal(
            fixture.error.message,
            "column \"at\" (timestamp without time zone): value 1970-01-01 00:00:00.000001 has further "
            "digits in the source, beyond the microseconds that can be kept, and nothing is rounded; row "
            "71 with key id = 7");
        assert_int_equal(fixture.segment.rows, 70);
        struct decoder decoder = decode_begin(&fixture);
        assert_true(decode_row(&decoder, decoded)); /* two columns: the third is not copied */
        fixture_release(&fixture);
    }
}

static void an_unused_inexact_column_costs_nothing(void **state) {
    (void)state;
    const char *const stream[] = {"l", "i"};
    const struct encode_target target = {(char *)"id", PG_INT8, -1, (char *)"bigint"};
    struct fixture fixture;
    fixture_init(&fixture, stream, 2, &target, 1);
    fixture.options.inexact_column = 1;
    for (int row = 0; row < 100; row++) {
        fixture_append(&fixture, 0, "7");
        fixture_append(&fixture, 1, NULL);
    }
    fixture_finish_batch(&fixture);
    assert_true(fixture_encode(&fixture));
    assert_int_equal(fixture.segment.rows, 100);
    fixture_release(&fixture);
}

static void streams_that_do_not_fit_are_refused_at_open(void **state) {
    (void)state;
    static const size_t missing[] = {4};
    struct fixture fixture;
    four_columns(&fixture);
    fixture.targets[3].type_oid = PG_INT4;
    fixture.targets[3].type_name = (char *)"integer";
    assert_false(encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 4, &fixture.options, &fixture.error));
    assert_int_equal(fixture.error.kind, ERROR_CONFIG);
    assert_string_equal(fixture.error.message,
                        "column \"day\" (integer): Arrow's tdD can't be copied into it: there is no "
                        "exact rule that turns one into the other");
    assert_null(fixture.encoder);
    fixture.targets[3].type_oid = PG_DATE;
    assert_false(encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 0, &fixture.options, &fixture.error));
    assert_false(encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 5, &fixture.options, &fixture.error));
    assert_int_equal(fixture.error.kind, ERROR_INTERNAL);
    fixture.options.inexact_column = 4;
    assert_false(encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 4, &fixture.options, &fixture.error));
    fixture.options.inexact_column = 2; /* text */
    assert_false(encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 4, &fixture.options, &fixture.error));
    fixture.options.inexact_column = -1;
    fixture.options.key_columns = missing;
    assert_false(encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 4, &fixture.options, &fixture.error));
    assert_int_equal(fixture.error.kind, ERROR_INTERNAL);
    fixture_release(&fixture);
}

static const char *described(const struct fixture *fixture, int64_t row) {
    static struct buffer text;
    static char copy[1024];
    encode_describe_row(fixture->encoder, &fixture->segment, row, &text);
    snprintf(copy, sizeof copy, "%s", buffer_string(&text));
    buffer_release(&text);
    return copy;
}

static void rows_are_read_back_by_key(void **state) {
    (void)state;
    static const size_t keys[] = {0, 3};
    struct fixture fixture;
    four_columns(&fixture);
    append_row(&fixture, "16", "10", "a", "20484");
    append_row(&fixture, "17", "-99990", "it", "20484");
    append_row(&fixture, NULL, NULL, NULL, NULL);
    fixture_finish_batch(&fixture);
    fixture.options.key_columns = keys;
    fixture.options.key_count = 2;
    assert_true(fixture_encode(&fixture));
    assert_string_equal(described(&fixture, 1), "id = 17, day = 2026-01-31");
    assert_string_equal(described(&fixture, 2), "id = NULL, day = NULL");
    assert_string_equal(described(&fixture, 3), "");
    assert_string_equal(described(&fixture, -1), "");
    encoder_close(&fixture.encoder);
    fixture.options.key_count = 0;
    assert_true(fixture_encode(&fixture));
    assert_string_equal(described(&fixture, 0), "id = 16, amount = 0.01, name = 'a'");
    assert_string_equal(described(&fixture, 1), "id = 17, amount = -99.99, name = 'it'");
    fixture_release(&fixture);
}

static void every_type_reads_back(void **state) {
    (void)state;
    static const struct expectation list[] = {
        {"b", "1", PG_BOOL, -1, "c = true"},
        {"i", "-7", PG_INT2, -1, "c = -7"},
        {"i", "-70000", PG_INT4, -1, "c = -70000"},
        {"g", "0.1", PG_FLOAT8, -1, "c = 0.1"},
        {"f", "0.1", PG_FLOAT4, -1, "c = 0.1"},
        {"d:12,4", "-123450001", PG_NUMERIC, -1, "c = -12345.0001"},
        {"d:12,0", "100000000", PG_NUMERIC, -1, "c = 100000000"},
        {"d:12,10", "1", PG_NUMERIC, -1, "c = 0.0000000001"},
        {"d:12,2", "0", PG_NUMERIC, -1, "c = 0.00"},
        {"g", "nan", PG_NUMERIC, -1, "c = NaN"},
        {"g", "-inf", PG_NUMERIC, -1, "c = -Infinity"},
        {"tdD", "2147483647", PG_DATE, -1, "c = infinity"},
        {"tdD", "-719163", PG_DATE, -1, "c = 0001-12-31 BC"},
        {"ttu", "1500000", PG_TIME, -1, "c = 00:00:01.5"},
        {"tsu:", "-1", PG_TIMESTAMP, -1, "c = 1969-12-31 23:59:59.999999"},
        {"tsu:", "0", PG_TIMESTAMPTZ, -1, "c = 1970-01-01 00:00:00+00"},
        {"tsu:", "-9223372036854775807", PG_TIMESTAMPTZ, -1, "c = -infinity"},
        {"u", "01234567-89AB-cdef-0123-456789abcdef", PG_UUID, -1, "c = 01234567-89ab-cdef-0123-456789abcdef"},
        {"u", "{}", PG_JSON, -1, "c = '{}'"},
        {"u", "[1]", PG_JSONB, -1, "c = '[1]'"},
        {"u", "x", PG_VARCHAR, CHARACTERS(3), "c = 'x'"},
        {"z", "x", PG_BYTEA, -1, "c = \\x78"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct encode_target target = {(char *)"c", list[i].type_oid, list[i].type_modifier, (char *)"its type"};
        struct fixture fixture;
        fixture_init(&fixture, &list[i].format, 1, &target, 1);
        fixture_append(&fixture, 0, list[i].value);
        fixture_finish_batch(&fixture);
        assert_true(fixture_encode(&fixture));
        assert_string_equal(described(&fixture, 0), list[i].expected);
        fixture_release(&fixture);
    }
}

/* A row that can't be encoded, and one that the server wouldn't take, as JSON; what isn't UTF-8, and NUL, is replaced. */
static void rows_that_are_left_out_are_told_whole(void **state) {
    (void)state;
    struct fixture fixture;
    struct encode_refusal refusal;
    four_columns(&fixture);
    append_row(&fixture, "1", "1500", "good", "0");
    fixture_append(&fixture, 0, "2");
    fixture_append(&fixture, 1, "1505");
    fixture_append_bytes(&fixture, 2, "a\0b\"\\\n\xff", 7);
    fixture_append(&fixture, 3, NULL);
    append_row(&fixture, "3", "1501", "also bad", "0");
    append_row(&fixture, "4", NULL, "ö'\t", "1");
    fixture_finish_batch(&fixture);
    assert_false(fixture_encode(&fixture));
    assert_int_equal(fixture.segment.rows, 1);
    encoder_pass_row(fixture.encoder, &fixture.error, &refusal);
    assert_int_equal(refusal.row, 2);
    assert_string_equal(refusal.key, "{\"id\":\"2\"}");
    assert_string_equal(refusal.values, "{\"id\":\"2\",\"amount\":\"1.505\",\"name\":\"a\xe2\x90\x80"
                                        "b\\\"\\\\\\u000a\xef\xbf\xbd\",\"day\":null}");
    assert_string_equal(refusal.column, "amount");
    assert_non_null(strstr(refusal.reason, "too many digits after the decimal point"));
    assert_string_equal(refusal.code, "");
    encode_refusal_release(&refusal);

    encode_segment_begin(fixture.encoder, &fixture.segment);
    assert_int_equal(fixture.segment.first_row, 3);
    assert_false(encode_rows(fixture.encoder, &fixture.segment, 10000, &fixture.error));
    encoder_pass_row(fixture.encoder, &fixture.error, &refusal);
    assert_int_equal(refusal.row, 3);
    encode_refusal_release(&refusal);
    encode_segment_begin(fixture.encoder, &fixture.segment);
    assert_true(encode_rows(fixture.encoder, &fixture.segment, 10000, &fixture.error));
    encode_segment_end(&fixture.segment);
    assert_int_equal(encoder_rows_done(fixture.encoder), 4);
    assert_int_equal(encoder_rows_refused(fixture.encoder), 2);

    error_set_code(&fixture.error, ERROR_DATA, "23514", "a check says no");
    encode_refuse_row(fixture.encoder, &fixture.segment, 0, &fixture.error, NULL, &refusal);
    assert_int_equal(refusal.row, 4);
    assert_string_equal(refusal.values, "{\"id\":\"4\",\"amount\":null,\"name\":\"ö'\\u0009\",\"day\":\"1970-01-02\"}");
    assert_null(refusal.column);
    assert_string_equal(refusal.reason, "a check says no");
    assert_string_equal(refusal.code, "23514");
    encode_refusal_release(&refusal);
    assert_int_equal(encode_row_offset(fixture.encoder, &fixture.segment, 0), ENCODE_HEADER_BYTES);
    assert_int_equal(encode_row_offset(fixture.encoder, &fixture.segment, 1),
                     fixture.segment.length - ENCODE_TRAILER_BYTES);
    fixture_release(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_copys_binary_format),
        cmocka_unit_test(an_empty_batch_is_an_empty_segment),
        cmocka_unit_test(an_error_names_column_type_value_row_and_key),
        cmocka_unit_test(keys_of_several_columns_and_null),
        cmocka_unit_test(segments_end_at_the_limit_or_with_the_batch),
        cmocka_unit_test(a_row_larger_than_the_segment_grows_it),
        cmocka_unit_test(segments_go_on_over_batches),
        cmocka_unit_test(slices_count_both_offsets),
        cmocka_unit_test(broken_batches_are_refused),
        cmocka_unit_test(absent_buffers_of_empty_values_are_fine),
        cmocka_unit_test(values_beyond_postgresqls_limit_are_data_errors),
        cmocka_unit_test(a_projection_that_dropped_digits_is_an_error),
        cmocka_unit_test(an_unused_inexact_column_costs_nothing),
        cmocka_unit_test(streams_that_do_not_fit_are_refused_at_open),
        cmocka_unit_test(rows_are_read_back_by_key),
        cmocka_unit_test(every_type_reads_back),
        cmocka_unit_test(rows_that_are_left_out_are_told_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
