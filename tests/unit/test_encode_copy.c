/* COPY's text format: bytes on the wire, rows read back for messages, and the look at text before an input function reads it. */
#include "encode_fixture.h"

enum { ENUM_OID = 16384 };

#define TO(oid, modifier)                                                                                              \
    { (char *)"c", oid, modifier, (char *)"its type" }
static const struct encode_target mood = {(char *)"mood", ENUM_OID, -1, (char *)"mood"};

static void open_text(struct fixture *fixture) {
    fixture->options.format = ENCODE_TEXT;
    if (!encoder_open(&fixture->encoder, &fixture->schema, fixture->targets, fixture->target_count, &fixture->options,
                      &fixture->error))
        fail_msg("%s", fixture->error.message);
}

static void expect_bytes(const struct fixture *fixture, const char *expected) {
    size_t length = strlen(expected);
    if (fixture->segment.length != length || memcmp(fixture->segment.bytes, expected, length) != 0)
        fail_msg("%.*s, not %s", (int)fixture->segment.length, (const char *)fixture->segment.bytes, expected);
}

/* One value beside a column of an enum; what a line of COPY has for it. */
struct line {
    const char *format, *value;
    struct encode_target target;
    const char *expected;
};

static void every_type_has_its_line(void **state) {
    (void)state;
    static const struct line lines[] = {
        {"u", "a\tb\nc\rd\\e\bf\fg\vh\\N\\.", TO(PG_TEXT, -1), "a\\tb\\nc\\rd\\\\e\\bf\\fg\\vh\\\\N\\\\."},
        {"u", "", TO(PG_TEXT, -1), ""},
        {"u", NULL, TO(PG_TEXT, -1), "\\N"},
        {"u", "\\N", TO(PG_TEXT, -1), "\\\\N"},
        {"u", "\\.", TO(PG_TEXT, -1), "\\\\."},
        {"u", "\xf0\x9f\xa7\x8a\x01\x7f", TO(PG_TEXT, -1), "\xf0\x9f\xa7\x8a\x01\x7f"},
        {"u", "{\"a\":\"\\n\"}", TO(PG_JSONB, -1), "{\"a\":\"\\\\n\"}"},
        {"u", "{\"a\":\"\\n\"}", TO(PG_JSON, -1), "{\"a\":\"\\\\n\"}"},
        {"u", "{00000000-0000-0000-0000-0000000000FF}", TO(PG_UUID, -1), "00000000-0000-0000-0000-0000000000ff"},
        {"b", "1", TO(PG_BOOL, -1), "t"},
        {"b", "0", TO(PG_BOOL, -1), "f"},
        {"l", "-32768", TO(PG_INT2, -1), "-32768"},
        {"l", "-2147483648", TO(PG_INT4, -1), "-2147483648"},
        {"l", "-9223372036854775808", TO(PG_INT8, -1), "-9223372036854775808"},
        {"l", "4294967295", TO(PG_OID, -1), "4294967295"},
        {"d:38,10", "-99999999999999999999999999999999999999", TO(PG_NUMERIC, -1),
         "-9999999999999999999999999999.9999999999"},
        {"d:38,10", "10000000", TO(PG_NUMERIC, NUMERIC(10, 3)), "0.001"},
        {"d:38,-4", "12", TO(PG_NUMERIC, -1), "120000"},
        {"g", "1e308", TO(PG_NUMERIC, -1), "1"},
        {"g", "nan", TO(PG_NUMERIC, -1), "NaN"},
        {"g", "-inf", TO(PG_NUMERIC, -1), "-Infinity"},
        {"g", "5e-324", TO(PG_FLOAT8, -1), "5e-324"},
        {"g", "-0.0", TO(PG_FLOAT8, -1), "-0"},
        {"g", "0.5", TO(PG_FLOAT4, -1), "0.5"},
        {"g", "inf", TO(PG_FLOAT4, -1), "Infinity"},
        {"z", "\n\\", TO(PG_BYTEA, -1), "\\\\x0a5c"},
        {"z", "", TO(PG_BYTEA, -1), "\\\\x"},
        {"tdD", "-719163", TO(PG_DATE, -1), "0001-12-31 BC"},
        {"tdD", "2147483647", TO(PG_DATE, -1), "infinity"},
        {"tdD", "-2147483647", TO(PG_DATE, -1), "-infinity"},
        {"ttu", "86400000000", TO(PG_TIME, -1), "24:00:00"},
        {"tsu:", "-1", TO(PG_TIMESTAMP, -1), "1969-12-31 23:59:59.999999"},
        {"tsu:", "9223372036854775807", TO(PG_TIMESTAMP, -1), "infinity"},
        {"tsu:UTC", "0", TO(PG_TIMESTAMPTZ, -1), "1970-01-01 00:00:00+00"},
        {"tin", "-1 1 -1000", TO(PG_INTERVAL, -1), "-1 mons +1 day -00:00:00.000001"},
        {"dictionary(u)", "a\tb", TO(PG_TEXT, -1), "a\\tb"},
        {"+s(u)", "[\"a\\tb\"]", TO(PG_JSON, -1), "{\"a\":\"a\\\\tb\"}"},
        {"+l(u)",
         "[\"a\\\"b\\\\\\\\\",null,\"\"]",
         {(char *)"c", 1009, -1, (char *)"text[]", .array = true, .element_oid = PG_TEXT, .element_type_oid = PG_TEXT,
          .element_modifier = -1},
         "{\"a\\\\\"b\\\\\\\\\\\\\\\\\",NULL,\"\"}"},
        {"+l(u)",
         "[\"sad\",null]",
         {(char *)"c", 16390, -1, (char *)"mood[]", .array = true, .element_oid = ENUM_OID,
          .element_type_oid = ENUM_OID, .element_modifier = -1},
         "{\"sad\",NULL}"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *const formats[] = {"u", lines[i].format};
        const struct encode_target targets[] = {mood, lines[i].target};
        struct fixture fixture;
        char expected[1024];
        fixture_init(&fixture, formats, 2, targets, 2);
        fixture_append(&fixture, 0, "sad");
        fixture_append(&fixture, 1, lines[i].value);
        fixture_finish_batch(&fixture);
        open_text(&fixture);
        if (!fixture_encode(&fixture))
            fail_msg("%s", fixture.error.message);
        /* 10^308 is too long for the table. */
        int zeros = lines[i].value != NULL && strcmp(lines[i].value, "1e308") == 0 ? 308 : 0;
        int length = snprintf(expected, sizeof expected, "sad\t%s", lines[i].expected);
        memset(expected + length, '0', (size_t)zeros);
        snprintf(expected + length + zeros, sizeof expected - (size_t)(length + zeros), "\n");
        expect_bytes(&fixture, expected);
        fixture_release(&fixture);
    }
}

/* In binary there is no encoder for such a table. */
static void binary_needs_a_binary_form(void **state) {
    (void)state;
    static const char *const formats[] = {"u"};
    struct fixture fixture;
    fixture_init(&fixture, formats, 1, &mood, 1);
    fixture_finish_batch(&fixture);
    assert_false(fixture_encode(&fixture));
    assert_int_equal(fixture.error.kind, ERROR_INTERNAL);
    fixture_release(&fixture);
}

static void rows_are_read_back(void **state) {
    (void)state;
    static const char *const formats[] = {"u", "l", "u", "z"};
    const struct encode_target targets[] = {mood, TO(PG_INT8, -1), TO(PG_TEXT, -1), TO(PG_BYTEA, -1)};
    struct fixture fixture;
    struct buffer text = {0};
    size_t keys[] = {1, 2, 0};
    fixture_init(&fixture, formats, 4, targets, 4);
    for (int i = 0; i < 3; i++) {
        fixture_append(&fixture, 0, i == 1 ? "a\nb\\N" : "sad");
        fixture_append(&fixture, 1, i == 2 ? NULL : "-17");
        fixture_append(&fixture, 2, i == 1 ? "\\N" : i == 2 ? NULL : "x\ty");
        fixture_append(&fixture, 3, "z");
    }
    fixture_finish_batch(&fixture);
    fixture.options.key_columns = keys;
    fixture.options.key_count = 3;
    open_text(&fixture);
    assert_true(fixture_encode(&fixture));
    assert_int_equal(fixture.segment.rows, 3);
    static const char *const expected[] = {"c = -17, c = 'x\\x09y', mood = 'sad'",
                                           "c = -17, c = '\\N', mood = 'a\\x0ab\\N'",
                                           "c = NULL, c = NULL, mood = 'sad'"};
    for (int i = 0; i < 3; i++) {
        buffer_clear(&text);
        encode_describe_row(fixture.encoder, &fixture.segment, i, &text);
        assert_string_equal(text.data, expected[i]);
    }
    buffer_clear(&text);
    encode_describe_row(fixture.encoder, &fixture.segment, 3, &text);
    assert_int_equal(text.length, 0);
    buffer_release(&text);
    fixture_release(&fixture);
}

/* Segments end at the limit, with whole rows; each takes one row at least. */
static void segments_hold_whole_rows(void **state) {
    (void)state;
    static const char *const formats[] = {"u"};
    struct fixture fixture;
    char expected[16];
    fixture_init(&fixture, formats, 1, &mood, 1);
    for (int i = 0; i < 300; i++) {
        snprintf(expected, sizeof expected, "%d", i);
        fixture_append(&fixture, 0, expected);
    }
    fixture_finish_batch(&fixture);
    open_text(&fixture);
    assert_true(encoder_set_batch(fixture.encoder, &fixture.batch, &fixture.error));
    for (int i = 0; i < 300;) {
        encode_segment_begin(fixture.encoder, &fixture.segment);
        assert_int_equal(fixture.segment.first_row, i + 1);
        assert_true(encode_rows(fixture.encoder, &fixture.segment, i < 150 ? 1 : 20, &fixture.error));
        encode_segment_end(&fixture.segment);
        assert_true(fixture.segment.rows >= 1 && (i >= 150 || fixture.segment.rows == 1));
        const char *at = (const char *)fixture.segment.bytes;
        for (int64_t row = 0; row < fixture.segment.rows; row++, i++) {
            int length = snprintf(expected, sizeof expected, "%d\n", i);
            assert_memory_equal(at, expected, (size_t)length);
            at += length;
        }
        assert_ptr_equal(at, fixture.segment.bytes + fixture.segment.length);
    }
    fixture_release(&fixture);
}

/* Text into a type: is it passed on as it is, or refused with these words? */
struct judged {
    const char *text;
    struct encode_target target;
    const char *refusal; /* NULL: it is passed on */
};

static void text_is_looked_at_before_the_server_reads_it(void **state) {
    (void)state;
#define RANGE(element)                                                                                                 \
    {                                                                                                                  \
        (char *)"c", 3908, -1, (char *)"range", .element_oid = (element), .element_type_oid = (element),               \
                                                .element_modifier = -1                                                 \
    }
#define ARRAY(element, modifier)                                                                                       \
    {                                                                                                                  \
        (char *)"c", 1231, -1, (char *)"array", .array = true, .element_oid = (element),                               \
                                                .element_type_oid = (element), .element_modifier = (modifier)          \
    }
    static const struct judged cases[] = {
        {"anything", TO(PG_INT4, -1), NULL},
        {"anything", TO(PG_BOOL, -1), NULL},
        {"1.23456789e-5", TO(PG_NUMERIC, -1), NULL},
        {"1.50", TO(PG_NUMERIC, NUMERIC(5, 1)), NULL},
        {"1.55", TO(PG_NUMERIC, NUMERIC(5, 1)), "after the decimal point"},
        {" -0.0500 ", TO(PG_NUMERIC, NUMERIC(5, 2)), NULL},
        {"155e-1", TO(PG_NUMERIC, NUMERIC(5, 1)), NULL},
        {"155E-2", TO(PG_NUMERIC, NUMERIC(5, 1)), "after the decimal point"},
        {"1.55e+1", TO(PG_NUMERIC, NUMERIC(5, 1)), NULL},
        {"0e-999999", TO(PG_NUMERIC, NUMERIC(5, 1)), NULL},
        {"1e-9999999", TO(PG_NUMERIC, NUMERIC(5, 1)), "plain decimal"},
        {"150", TO(PG_NUMERIC, NUMERIC(3, -2)), "after the decimal point"},
        {"1500", TO(PG_NUMERIC, NUMERIC(3, -2)), NULL},
        {"0x10", TO(PG_NUMERIC, NUMERIC(5, 1)), "plain decimal"},
        {"1_000", TO(PG_NUMERIC, NUMERIC(5, 1)), "plain decimal"},
        {"", TO(PG_NUMERIC, NUMERIC(5, 1)), "plain decimal"},
        {"NaN", TO(PG_NUMERIC, NUMERIC(5, 1)), NULL},
        {"0.1", TO(PG_FLOAT8, -1), NULL},
        {"123456789012345", TO(PG_FLOAT8, -1), NULL},
        {"9007199254740993", TO(PG_FLOAT8, -1), "another number"},
        {"16777217", TO(PG_FLOAT4, -1), "another number"},
        {"0.30000000000000004", TO(PG_FLOAT8, -1), NULL},
        {"0.300000000000000041", TO(PG_FLOAT8, -1), "another number"},
        {"1e400", TO(PG_FLOAT8, -1), NULL}, /* the server's to refuse */
        {"-infinity", TO(PG_FLOAT8, -1), NULL},
        {"2026-01-31", TO(PG_DATE, -1), NULL},
        {"12026-01-31", TO(PG_DATE, -1), NULL},
        {"0044-03-15 bc", TO(PG_DATE, -1), NULL},
        {"Infinity", TO(PG_DATE, -1), NULL},
        {"2026-01-31 ", TO(PG_DATE, -1), "no date"},
        {"2026-01-31 00:00", TO(PG_DATE, -1), "no date"},
        {"01/31/2026", TO(PG_DATE, -1), "no date"},
        {"20260131", TO(PG_DATE, -1), "no date"},
        {"tomorrow", TO(PG_DATE, -1), "no date"},
        {"", TO(PG_DATE, -1), "no date"},
        {"12:34", TO(PG_TIME, -1), NULL},
        {"12:34:56.123456", TO(PG_TIME, -1), NULL},
        {"12:34:56.1234560", TO(PG_TIME, -1), NULL},
        {"12:34:56.1234561", TO(PG_TIME, -1), "after the second"},
        {"12:34:56.120", TO(PG_TIME, 2), NULL},
        {"12:34:56.123", TO(PG_TIME, 2), "after the second"},
        {"12:34:56.", TO(PG_TIME, -1), "no time"},
        {"12:34 PM", TO(PG_TIME, -1), "no time"},
        {"12:34+02", TO(PG_TIME, -1), "no time"},
        {"12:34+02:30:15", TO(PG_TIMETZ, -1), NULL},
        {"12:34", TO(PG_TIMETZ, -1), NULL},
        {"12:34 Europe/Berlin", TO(PG_TIMETZ, -1), "no time"},
        {"2026-01-31T12:34:56.5", TO(PG_TIMESTAMP, -1), NULL},
        {"2026-01-31", TO(PG_TIMESTAMP, -1), NULL},
        {"2026-01-31 12:34:56.5", TO(PG_TIMESTAMP, 0), "after the second"},
        {"2026-01-31 12:34Z", TO(PG_TIMESTAMP, -1), "no timestamp"},
        {"now", TO(PG_TIMESTAMP, -1), "no timestamp"},
        {"2026-01-31 12:34Z", TO(PG_TIMESTAMPTZ, -1), NULL},
        {"2026-01-31 12:34 +0230", TO(PG_TIMESTAMPTZ, -1), NULL},
        {"0044-01-31 12:34+02 BC", TO(PG_TIMESTAMPTZ, -1), NULL},
        {"2026-01-31 12:34 CEST", TO(PG_TIMESTAMPTZ, -1), "no timestamp"},
        {"1 day 02:03:04.5", TO(PG_INTERVAL, -1), NULL},
        {"P1DT2.5S", TO(PG_INTERVAL, -1), NULL},
        {"1.5 secs", TO(PG_INTERVAL, -1), NULL},
        {"1.5 days", TO(PG_INTERVAL, -1), "longer than a second"},
        {"P1.5Y", TO(PG_INTERVAL, -1), "longer than a second"},
        {"00:00:00.1234567", TO(PG_INTERVAL, -1), "after the second"},
        {"00:00:00.12", TO(PG_INTERVAL, (0x7fff << 16) | 1), "after the second"},
        {"[2026-01-01,2026-02-01)", RANGE(PG_DATE), NULL},
        {"empty", RANGE(PG_DATE), NULL},
        {"(,)", RANGE(PG_DATE), NULL},
        {"[2026-01-01 12:00,)", RANGE(PG_DATE), "no date"},
        {"[\"2026-01-01 12:00\", \"2026-01-02 12:00\")", RANGE(PG_TIMESTAMP), NULL},
        {"[1,5)", RANGE(PG_INT4), NULL},
        {"{1.50,NULL}", ARRAY(PG_NUMERIC, NUMERIC(5, 1)), NULL},
        {"{1.50,1.55}", ARRAY(PG_NUMERIC, NUMERIC(5, 1)), "after the decimal point"},
        {"anything", ARRAY(PG_TEXT, -1), NULL},
        {"(1.5,-2)", TO(PG_POINT, -1), NULL},
        {" ( 1e300 , -Infinity ) ", TO(PG_POINT, -1), NULL},
        {"0.1,0.30000000000000004", TO(PG_POINT, -1), NULL},
        {"(1,9007199254740993)", TO(PG_POINT, -1), "another number"},
        {"(1,x)", TO(PG_POINT, -1), "plain decimal"},
        {"[(1,2),(3,0.300000000000000041)]", TO(PG_LSEG, -1), "another number"},
        {"((1,2),(3,4),(5,6.25))", TO(PG_PATH, -1), NULL},
        {"(1,2),(3,9007199254740993)", TO(PG_BOX, -1), "another number"},
        {"((0,0),(0,1),(9007199254740993,1))", TO(PG_POLYGON, -1), "another number"},
        {"<(1,2),3>", TO(PG_CIRCLE, -1), NULL},
        {"<(1,2),9007199254740993>", TO(PG_CIRCLE, -1), "another number"},
        {" {1,-1,0.5}", TO(PG_LINE, -1), NULL},
        {"{1,-1,9007199254740993}", TO(PG_LINE, -1), "another number"},
        {"[(0,0),(1,3)]", TO(PG_LINE, -1), "coefficients"},
        {"{(1,2),(3,4);(5,6),(7,8)}", ARRAY(PG_BOX, -1), NULL},
        {"{\"(1,2)\",NULL,\"(1,9007199254740993)\"}", ARRAY(PG_POINT, -1), "another number"},
        {"n234567890123456789012345678901234567890123456789012345678901234", TO(PG_NAME, -1), "63 bytes"},
        {"n23456789012345678901234567890123456789012345678901234567890123", TO(PG_NAME, -1), NULL},
        {"x", TO(PG_CHAR, -1), NULL},
        {"", TO(PG_CHAR, -1), NULL},
        {"xy", TO(PG_CHAR, -1), "one byte"},
        {"\xc3\xa9", TO(PG_CHAR, -1), "one byte"},
    };
    static const char *const formats[] = {"u"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        char line[128];
        fixture_init(&fixture, formats, 1, &cases[i].target, 1);
        fixture_append(&fixture, 0, cases[i].text);
        fixture_finish_batch(&fixture);
        open_text(&fixture);
        bool passed = fixture_encode(&fixture);
        if (passed != (cases[i].refusal == NULL))
            fail_msg("'%s' into %u: %s", cases[i].text, cases[i].target.type_oid, fixture.error.message);
        if (passed) {
            snprintf(line, sizeof line, "%s\n", cases[i].text);
            expect_bytes(&fixture, line);
        } else {
            assert_int_equal(fixture.error.kind, ERROR_DATA);
            const char *refusal = cases[i].refusal == NULL ? "" : cases[i].refusal;
            if (strstr(fixture.error.message, refusal) == NULL)
                fail_msg("%s, not %s", fixture.error.message, refusal);
            assert_string_not_equal(fixture.error.hint, "");
        }
        fixture_release(&fixture);
    }
}

/* A refused row leaves neither bytes nor counts behind, and those before it stay. */
static void a_refused_row_leaves_nothing(void **state) {
    (void)state;
    static const char *const formats[] = {"u", "u", "d:5,2"};
    const struct encode_target targets[] = {mood, TO(PG_TEXT, -1), TO(PG_NUMERIC, NUMERIC(4, 1))};
    for (int text = 0; text < 2; text++) {
        struct fixture fixture;
        fixture_init(&fixture, formats + 1 - text, 2 + text, targets + 1 - text, 2 + text);
        for (int i = 0; i < 3; i++) {
            if (text)
                fixture_append(&fixture, 0, "sad");
            fixture_append_bytes(&fixture, text, "a\0b\0", 4);
            fixture_append(&fixture, 1 + text, i < 2 ? "125" : "99999");
        }
        fixture_finish_batch(&fixture);
        fixture.options.remove_nul_bytes = fixture.options.allow_rounding = true;
        if (text)
            open_text(&fixture);
        assert_false(fixture_encode(&fixture));
        assert_non_null(strstr(fixture.error.message, "before the decimal point"));
        assert_int_equal(fixture.segment.rows, 2);
        assert_int_equal(encoder_rows_left(fixture.encoder), 1);
        struct encode_changes changes = encoder_changes(fixture.encoder);
        assert_int_equal(changes.nul_rows, 2);
        assert_int_equal(changes.nul_values, 2);
        assert_int_equal(changes.rounded_rows, 2);
        assert_int_equal(changes.rounded_values, 2);
        if (text)
            expect_bytes(&fixture, "sad\tab\t1.3\nsad\tab\t1.3\n");
        fixture_release(&fixture);
    }
}

/* One value under rounding; what comes of it in text, "!..." for an error. */
static void rounding_is_postgresqls(void **state) {
    (void)state;
    static const struct line lines[] = {
        {"d:12,3", "1505", TO(PG_NUMERIC, NUMERIC(10, 2)), "1.51"},
        {"d:12,3", "-1505", TO(PG_NUMERIC, NUMERIC(10, 2)), "-1.51"},
        {"d:12,3", "1504", TO(PG_NUMERIC, NUMERIC(10, 2)), "1.50"},
        {"d:12,3", "999995", TO(PG_NUMERIC, NUMERIC(5, 2)), "!before the decimal point"},
        {"d:12,3", "99995", TO(PG_NUMERIC, NUMERIC(5, 2)), "100.00"},
        {"d:12,3", "4", TO(PG_NUMERIC, NUMERIC(5, 2)), "0.00"},
        {"d:12,3", "-4", TO(PG_NUMERIC, NUMERIC(5, 2)), "0.00"},
        {"d:12,3", "5", TO(PG_NUMERIC, NUMERIC(5, 2)), "0.01"},
        {"d:38,38", "49999999999999999999999999999999999999", TO(PG_NUMERIC, NUMERIC(3, 0)), "0"},
        {"d:38,38", "50000000000000000000000000000000000000", TO(PG_NUMERIC, NUMERIC(3, 0)), "1"},
        {"d:38,0", "99999999999999999999999999999999999999", TO(PG_NUMERIC, NUMERIC(39, -1)),
         "100000000000000000000000000000000000000"},
        {"d:76,3,256", "-1505", TO(PG_NUMERIC, NUMERIC(10, 2)), "-1.51"},
        {"l", "149", TO(PG_NUMERIC, NUMERIC(3, -2)), "100"},
        {"l", "150", TO(PG_NUMERIC, NUMERIC(3, -2)), "200"},
        {"l", "49", TO(PG_NUMERIC, NUMERIC(3, -2)), "0"},
        {"g", "1.005", TO(PG_NUMERIC, NUMERIC(5, 2)), "1.01"},
        {"g", "1e-300", TO(PG_NUMERIC, NUMERIC(5, 2)), "0.00"},
        {"g", "1e300", TO(PG_NUMERIC, NUMERIC(5, 2)), "!before the decimal point"},
        {"g", "0.1", TO(PG_FLOAT4, -1), "0.1"},
        {"g", "1e-300", TO(PG_FLOAT4, -1), "!another number"},
        {"g", "1e300", TO(PG_FLOAT4, -1), "!another number"},
        {"l", "9007199254740993", TO(PG_FLOAT8, -1), "9.007199254740992e+15"},
        {"l", "16777217", TO(PG_FLOAT4, -1), "1.6777216e+07"},
        {"d:38,0", "12345678901234567891", TO(PG_FLOAT8, -1), "1.2345678901234567e+19"},
        {"d:76,0,256", "12345678901234567891", TO(PG_FLOAT8, -1), "1.2345678901234567e+19"},
        {"d:12,3", "1500", TO(PG_INT4, -1), "2"},
        {"d:12,3", "-2500", TO(PG_INT4, -1), "-3"},
        {"d:12,3", "1499", TO(PG_INT4, -1), "1"},
        {"g", "2.5", TO(PG_INT4, -1), "2"},
        {"g", "3.5", TO(PG_INT4, -1), "4"},
        {"g", "nan", TO(PG_INT4, -1), "!neither NaN"},
        {"tsn:", "1500", TO(PG_TIMESTAMP, -1), "1970-01-01 00:00:00.000002"},
        {"tsn:", "2500", TO(PG_TIMESTAMP, -1), "1970-01-01 00:00:00.000002"},
        {"tsn:", "-1", TO(PG_TIMESTAMP, -1), "1970-01-01 00:00:00"},
        {"tsn:", "-501", TO(PG_TIMESTAMP, -1), "1969-12-31 23:59:59.999999"},
        {"tsu:", "-500000", TO(PG_TIMESTAMP, 0), "1969-12-31 23:59:59"},
        {"tsu:", "500000", TO(PG_TIMESTAMP, 0), "1970-01-01 00:00:00"},
        {"tsu:", "946684800500000", TO(PG_TIMESTAMP, 0), "2000-01-01 00:00:01"},
        {"tsu:UTC", "1499", TO(PG_TIMESTAMPTZ, 3), "1970-01-01 00:00:00.001+00"},
        {"tsu:", "1", TO(PG_DATE, -1), "!isn't midnight"},
        {"ttu", "86399999999", TO(PG_TIME, 3), "24:00:00"},
        {"ttn", "1499", TO(PG_TIME, -1), "00:00:00.000001"},
        {"tin", "0 0 1499", TO(PG_INTERVAL, -1), "00:00:00.000001"},
        {"tin", "0 0 -1500", TO(PG_INTERVAL, -1), "-00:00:00.000002"},
        {"tin", "0 0 1500000000", TO(PG_INTERVAL, 0x7fff << 16), "00:00:02"},
        {"u", "1.55", TO(PG_NUMERIC, NUMERIC(5, 1)), "1.55"}, /* the server rounds it */
        {"u", "12:00:00.1234567", TO(PG_TIME, -1), "12:00:00.1234567"},
        {"u", "abcd", TO(PG_VARCHAR, CHARACTERS(3)), "!too many characters"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fixture fixture;
        char expected[64];
        fixture_init(&fixture, &lines[i].format, 1, &lines[i].target, 1);
        fixture_append(&fixture, 0, lines[i].value);
        fixture_finish_batch(&fixture);
        fixture.options.allow_rounding = true;
        open_text(&fixture);
        bool ok = fixture_encode(&fixture);
        snprintf(expected, sizeof expected, "%s\n", lines[i].expected);
        if (ok != (lines[i].expected[0] != '!'))
            fail_msg("%s %s: %s", lines[i].format, lines[i].value, ok ? "not refused" : fixture.error.message);
        if (ok)
            expect_bytes(&fixture, expected);
        else if (strstr(fixture.error.message, lines[i].expected + 1) == NULL)
            fail_msg("%s, not %s", fixture.error.message, lines[i].expected);
        fixture_release(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_line),
        cmocka_unit_test(binary_needs_a_binary_form),
        cmocka_unit_test(rows_are_read_back),
        cmocka_unit_test(segments_hold_whole_rows),
        cmocka_unit_test(text_is_looked_at_before_the_server_reads_it),
        cmocka_unit_test(a_refused_row_leaves_nothing),
        cmocka_unit_test(rounding_is_postgresqls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
