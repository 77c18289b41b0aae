/* Random rows, the same in every run: sliced at random, into segments of random size, and decoded again. */
#include "encode_fixture.h"

#include <inttypes.h>

enum { ROWS = 2000, CELL = 128, BATCHES = 60 };

static const char *const formats[FIXTURE_COLUMNS] = {"i", "d:38,5", "u", "g", "tsn:", "b", "Z", "tdD"};
static const struct encode_target targets[FIXTURE_COLUMNS] = {
    {(char *)"a", PG_INT8, -1, (char *)"bigint"},
    {(char *)"b", PG_NUMERIC, -1, (char *)"numeric"},
    {(char *)"c", PG_TEXT, -1, (char *)"text"},
    {(char *)"d", PG_FLOAT8, -1, (char *)"double precision"},
    {(char *)"e", PG_TIMESTAMP, -1, (char *)"timestamp without time zone"},
    {(char *)"f", PG_BOOL, -1, (char *)"boolean"},
    {(char *)"g", PG_BYTEA, -1, (char *)"bytea"},
    {(char *)"h", PG_DATE, -1, (char *)"date"},
};

static uint64_t random_state;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t below(uint64_t limit) {
    return next_random() % limit;
}

/* Many sizes, not just large ones. */
static uint64_t random_magnitude(void) {
    return next_random() >> below(64);
}

static void random_decimal(char *value, char *expected) {
    char digits[64];
    int count = 1 + (int)below(38);
    digits[0] = (char)('1' + below(9));
    for (int i = 1; i < count; i++)
        digits[i] = below(3) == 0 ? '0' : (char)('0' + below(10));
    digits[count] = '\0';
    const char *sign = below(2) == 0 ? "-" : "";
    snprintf(value, CELL, "%s%s", sign, digits);
    if (count > 5)
        snprintf(expected, CELL, "%s%.*s.%s", sign, count - 5, digits, digits + count - 5);
    else
        snprintf(expected, CELL, "%s0.%0*d", sign, 5, (int)strtol(digits, NULL, 10));
}

/* Random bytes without NUL, and how the decoder shows them. */
static void random_bytes(char *value, char *expected, bool as_hex) {
    int length = (int)below(60);
    for (int i = 0; i < length; i++)
        value[i] = (char)(1 + below(255));
    value[length] = '\0';
    snprintf(expected, CELL, "%s", as_hex ? "" : value);
    for (int i = 0; as_hex && i < length; i++)
        snprintf(expected + 2 * i, 3, "%02x", (unsigned char)value[i]);
}

/* A value in fixture_append()'s spelling, and what is to come out. False: NULL. */
static bool random_value(int column, char *value, char *expected) {
    int64_t number = (int64_t)random_magnitude() * (below(2) == 0 ? -1 : 1);
    if (below(10) == 0) {
        snprintf(expected, CELL, "%s", "NULL");
        return false;
    }
    switch (column) {
    case 0:
        snprintf(value, CELL, "%d", (int32_t)number);
        snprintf(expected, CELL, "%s", value);
        break;
    case 1:
        random_decimal(value, expected);
        break;
    case 2:
        random_bytes(value, expected, false);
        break;
    case 3:
        snprintf(value, CELL, "%.17g", (double)number / (double)(1 + below(1000)));
        snprintf(expected, CELL, "%.17g", strtod(value, NULL));
        break;
    case 4:
        number /= 1000;
        snprintf(value, CELL, "%" PRId64 "000", number);
        snprintf(expected, CELL, "%" PRId64, number - 946684800000000);
        break;
    case 5:
        snprintf(value, CELL, "%d", (int)(number & 1));
        snprintf(expected, CELL, "%s", number & 1 ? "t" : "f");
        break;
    case 6:
        random_bytes(value, expected, true);
        break;
    default:
        snprintf(value, CELL, "%d", (int)(number % 1000000));
        snprintf(expected, CELL, "%d", (int)(number % 1000000) - 10957);
        break;
    }
    return true;
}

static char expected[ROWS][FIXTURE_COLUMNS][CELL];
static char decoded[FIXTURE_COLUMNS][DECODED_SIZE];

static void fill(struct fixture *fixture) {
    char value[CELL];
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < FIXTURE_COLUMNS; column++) {
            bool present = random_value(column, value, expected[row][column]);
            fixture_append(fixture, (size_t)column, present ? value : NULL);
        }
    fixture_finish_batch(fixture);
}

/* Rows [first, first + count) of the batch as it was built, half of the way by the batch's offset, half by the children's. */
static void slice(struct fixture *fixture, int64_t first, int64_t count) {
    int64_t of_batch = (int64_t)below((uint64_t)first + 1);
    for (int i = 0; i < FIXTURE_COLUMNS; i++) {
        fixture->batch.children[i]->offset = first - of_batch;
        fixture->batch.children[i]->length = of_batch + count;
        fixture->batch.children[i]->null_count = -1;
    }
    fixture->batch.offset = of_batch;
    fixture->batch.length = count;
}

static void check_segment(const struct fixture *fixture, int64_t *row) {
    struct decoder decoder = decode_begin(fixture);
    for (int64_t i = 0; i < fixture->segment.rows; i++, ++*row) {
        assert_true(decode_row(&decoder, decoded));
        for (int column = 0; column < FIXTURE_COLUMNS; column++)
            if (strcmp(decoded[column], expected[*row][column]) != 0)
                fail_msg("row %d, column %d: %s, not %s", (int)*row, column, decoded[column], expected[*row][column]);
    }
    assert_false(decode_row(&decoder, decoded));
}

static void random_rows_come_back(void **state) {
    (void)state;
    struct fixture fixture;
    random_state = 88172645463325252U;
    fixture_init(&fixture, formats, FIXTURE_COLUMNS, targets, FIXTURE_COLUMNS);
    fill(&fixture);
    assert_true(
        encoder_open(&fixture.encoder, &fixture.schema, targets, FIXTURE_COLUMNS, &fixture.options, &fixture.error));
    for (int batch = 0; batch < BATCHES; batch++) {
        int64_t first = (int64_t)below(ROWS);
        int64_t count = (int64_t)below((uint64_t)(ROWS - first) + 1);
        int64_t row = first;
        size_t limit = (size_t)below(30000);
        slice(&fixture, first, count);
        assert_true(encoder_set_batch(fixture.encoder, &fixture.batch, &fixture.error));
        do {
            encode_segment_begin(fixture.encoder, &fixture.segment);
            if (!encode_rows(fixture.encoder, &fixture.segment, limit, &fixture.error))
                fail_msg("%s", fixture.error.message);
            encode_segment_end(&fixture.segment);
            check_segment(&fixture, &row);
        } while (encoder_rows_left(fixture.encoder) > 0);
        assert_int_equal(row, first + count);
    }
    fixture_release(&fixture);
}

/* Whatever 16 bytes, 8 bytes or text a driver delivers: an answer or an error, never a crash (the sanitizers watch). */
static void random_bits_are_written_or_refused(void **state) {
    (void)state;
    static const char *const sources[] = {"d:38,10", "d:5,-30", "e",   "f",    "g",       "l",    "L", "tdD",
                                          "tdm",     "tts",     "ttn", "tss:", "tsn:UTC", "tsm:", "b", "d:9,2,32"};
    static const uint32_t types[] = {PG_INT2, PG_INT8, PG_NUMERIC, PG_FLOAT4, PG_FLOAT8,    PG_BOOL,
                                     PG_TEXT, PG_DATE, PG_TIME,    PG_BPCHAR, PG_TIMESTAMP, PG_TIMESTAMPTZ};
    static const int32_t modifiers[] = {-1, 0, 3, NUMERIC(10, 3), NUMERIC(38, -3), NUMERIC(2, 30)};
    static uint64_t bits[2 * 512];
    char reason[256];
    random_state = 1442695040888963407U;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        for (size_t j = 0; j < sizeof types / sizeof *types; j++)
            for (size_t k = 0; k < sizeof modifiers / sizeof *modifiers; k++) {
                struct encode_target target = {(char *)"c", types[j], modifiers[k], (char *)"type"};
                struct fixture fixture;
                fixture_init(&fixture, &sources[i], 1, &target, 1);
                for (size_t word = 0; word < sizeof bits / sizeof *bits; word++)
                    bits[word] = below(4) == 0 ? random_magnitude() : next_random();
                const void *buffers[] = {NULL, bits};
                struct ArrowArray child = {.length = 512, .n_buffers = 2, .buffers = buffers};
                struct ArrowArray *children[] = {&child};
                struct ArrowArray batch = {.length = 1, .n_children = 1, .children = children};
                if (encode_pair_support(fixture.schema.children[0], &target, reason, sizeof reason) != PAIR_REFUSED) {
                    assert_true(
                        encoder_open(&fixture.encoder, &fixture.schema, &target, 1, &fixture.options, &fixture.error));
                    for (batch.offset = 0; batch.offset < 512; batch.offset++) {
                        encoder_close(&fixture.encoder);
                        assert_true(encoder_open(&fixture.encoder, &fixture.schema, &target, 1, &fixture.options,
                                                 &fixture.error));
                        assert_true(encoder_set_batch(fixture.encoder, &batch, &fixture.error));
                        encode_segment_begin(fixture.encoder, &fixture.segment);
                        bool ok = encode_rows(fixture.encoder, &fixture.segment, 1000, &fixture.error);
                        encode_segment_end(&fixture.segment);
                        assert_int_equal(fixture.segment.rows, ok ? 1 : 0);
                        assert_true(ok || fixture.error.kind == ERROR_DATA);
                        struct decoder decoder = decode_begin(&fixture);
                        while (decode_row(&decoder, decoded))
                            continue;
                    }
                }
                fixture_release(&fixture);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rows_come_back),
        cmocka_unit_test(random_bits_are_written_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
