/* Nested, dictionary-encoded and view arrays, intervals and wide decimals: values into JSON, arrays and plain types. */
#include "encode_fixture.h"

/* A value of `format` into `target`, as the decoded field or, after "!", a part of the error. */
struct case_of {
    const char *format;
    const char *value;
    struct encode_target target;
    const char *expected;
};

#define TO(oid)                                                                                                        \
    { (char *)"c", oid, -1, (char *)"its type" }
#define ARRAY(oid, element, modifier)                                                                                  \
    {                                                                                                                  \
        (char *)"c", oid, -1, (char *)"its type", .array = true, .element_oid = (element),                             \
                                                  .element_type_oid = (element), .element_modifier = (modifier)        \
    }

/* An array as "{a,b}" of its elements' decoded fields, bare. */
static void decode_array(const struct encode_target *target, const uint8_t *bytes, uint32_t length, char *text) {
    static char element[DECODED_SIZE];
    const uint8_t *end = bytes + length;
    uint64_t dimensions = decode_big_endian(bytes, 4);
    uint64_t flag = decode_big_endian(bytes + 4, 4);
    bool nulls = false;
    assert_int_equal(decode_big_endian(bytes + 8, 4), target->element_oid);
    const uint8_t *at = bytes + 12;
    uint64_t count = 0;
    assert_in_range(dimensions, 0, 1);
    if (dimensions == 1) {
        count = decode_big_endian(at, 4);
        assert_true(count > 0);
        assert_int_equal(decode_big_endian(at + 4, 4), 1); /* lower bound */
        at += 8;
    }
    size_t used = (size_t)snprintf(text, DECODED_SIZE, "{");
    for (uint64_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)decode_big_endian(at, 4);
        at += 4;
        if (size == UINT32_MAX) {
            snprintf(element, sizeof element, "NULL");
            nulls = true;
        } else {
            decode_field(target->element_type_oid, at, size, element);
            at += size;
        }
        used += (size_t)snprintf(text + used, DECODED_SIZE - used, "%s%s", i > 0 ? "," : "", element);
    }
    snprintf(text + used, DECODED_SIZE - used, "}");
    assert_ptr_equal(at, end);
    assert_int_equal(flag, nulls);
}

static void decode_interval(const uint8_t *bytes, uint32_t length, char *text) {
    assert_int_equal(length, 16);
    snprintf(text, DECODED_SIZE, "%d months %d days %lld us", (int32_t)decode_big_endian(bytes + 12, 4),
             (int32_t)decode_big_endian(bytes + 8, 4), (long long)decode_big_endian(bytes, 8));
}

static void decode_one(const struct fixture *fixture, char *text) {
    const struct encode_target *target = &fixture->targets[0];
    const uint8_t *field = fixture->segment.bytes + 21;
    uint32_t length = (uint32_t)decode_big_endian(field, 4);
    assert_int_equal(fixture->segment.rows, 1);
    if (length == UINT32_MAX)
        snprintf(text, DECODED_SIZE, "NULL");
    else if (target->array)
        decode_array(target, field + 4, length, text);
    else if (target->type_oid == PG_INTERVAL)
        decode_interval(field + 4, length, text);
    else
        decode_field(target->type_oid, field + 4, length, text);
}

static void check_case(const struct case_of *tried) {
    static char decoded[DECODED_SIZE];
    struct fixture fixture;
    fixture_init(&fixture, &tried->format, 1, &tried->target, 1);
    fixture_append(&fixture, 0, tried->value);
    fixture_finish_batch(&fixture);
    bool ok = fixture_encode(&fixture);
    if (ok)
        decode_one(&fixture, decoded);
    else
        snprintf(decoded, sizeof decoded, "!%s", fixture.error.message);
    bool same = tried->expected[0] == '!' ? !ok && strstr(decoded, tried->expected + 1) != NULL
                                          : strcmp(decoded, tried->expected) == 0;
    if (!same)
        fail_msg("%s %s -> %u: %s, not %s", tried->format, tried->value, tried->target.type_oid, decoded,
                 tried->expected);
    fixture_release(&fixture);
}
#define CHECK_CASES(list)                                                                                              \
    for (size_t number = 0; number < sizeof(list) / sizeof *(list); number++)                                          \
    check_case(&(list)[number])

static void nested_values_become_json(void **state) {
    (void)state;
    static const struct case_of cases[] = {
        {"+l(i)", "[\"1\",null,\"-2147483648\"]", TO(PG_JSON), "[1,null,-2147483648]"},
        {"+l(i)", "[]", TO(PG_JSONB), "[]"},
        {"+l(i)", NULL, TO(PG_JSONB), "NULL"},
        {"+L(i)", "[\"1\"]", TO(PG_TEXT), "[1]"},
        {"+w:2(i)", "[\"1\",null]", TO(PG_JSON), "[1,null]"},
        {"+l(+l(u))", "[[\"a\"],null,[]]", TO(PG_JSON), "[[\"a\"],null,[]]"},
        {"+s(i,u)", "[\"1\",\"x\"]", TO(PG_JSON), "{\"a\":1,\"b\":\"x\"}"},
        {"+s(i,u)", "[null,null]", TO(PG_JSON), "{\"a\":null,\"b\":null}"},
        {"+s(+s(i,u),b)", "[[\"1\",\"x\"],\"1\"]", TO(PG_JSON), "{\"a\":{\"a\":1,\"b\":\"x\"},\"b\":true}"},
        {"+m(u,i)", "[[\"k\",\"1\"],[\"\",null]]", TO(PG_JSON), "{\"k\":1,\"\":null}"},
        {"+m(i,u)", "[[\"7\",\"x\"]]", TO(PG_JSON), "[[7,\"x\"]]"},
        {"+m(u,i)", "[]", TO(PG_JSON), "{}"},
        {"+l(d:38,10)", "[\"-99999999999999999999999999999999999999\",\"1\"]", TO(PG_JSON),
         "[-9999999999999999999999999999.9999999999,0.0000000001]"},
        {"+l(d:38,-3)", "[\"-1\"]", TO(PG_JSON), "[-1000]"},
        {"+l(d:76,2,256)", "[\"-9999999999999999999999999999999999999999999999999999999999999999999999999999\",\"5\"]",
         TO(PG_JSON), "[-99999999999999999999999999999999999999999999999999999999999999999999999999.99,0.05]"},
        {"+l(g)", "[\"0.1\",\"nan\",\"inf\",\"-inf\",\"-0.0\",\"1e300\",\"5e-324\"]", TO(PG_JSON),
         "[0.1,\"NaN\",\"Infinity\",\"-Infinity\",-0,1e+300,5e-324]"},
        {"+l(u)", "[\"q\\\"b\\\\s/ \\r\\n\\t\\b\\f\\u0001\\u007f \\u00e9\"]", TO(PG_JSON),
         "[\"q\\\"b\\\\s/ \\r\\n\\t\\b\\f\\u0001\x7f \xc3\xa9\"]"},
        {"+l(z)", "[\"a\\n\",\"\"]", TO(PG_JSON), "[\"\\\\x610a\",\"\\\\x\"]"},
        {"+l(tdD)", "[\"0\",\"2147483647\",\"-719163\"]", TO(PG_JSON),
         "[\"1970-01-01\",\"infinity\",\"0001-12-31 BC\"]"},
        {"+l(tsu:)", "[\"-1\",\"9223372036854775807\"]", TO(PG_JSON), "[\"1969-12-31T23:59:59.999999\",\"infinity\"]"},
        {"+l(tsn:UTC)", "[\"1\"]", TO(PG_JSON), "[\"1970-01-01T00:00:00.000000001+00:00\"]"},
        {"+l(tss:UTC)", "[\"-62167219201\",\"-9223372036854775807\"]", TO(PG_JSON),
         "[\"0002-12-31T23:59:59+00:00 BC\",\"-infinity\"]"},
        {"+l(ttu)", "[\"86400000000\",\"1\"]", TO(PG_JSON), "[\"24:00:00\",\"00:00:00.000001\"]"},
        {"+l(tin)", "[\"14 -3 1500\"]", TO(PG_JSON), "[\"1 year 2 mons -3 days +00:00:00.0000015\"]"},
        {"+l(dictionary(u))", "[\"x\",null]", TO(PG_JSON), "[\"x\",null]"},
        {"+l(n)", "[null,null]", TO(PG_JSON), "[null,null]"},
        {"+l(tsn:)", "[\"0\",\"9223372036854775807\"]", TO(PG_JSONB), "!infinity or the last nanosecond"},
        {"+l(tts)", "[\"86400\",\"86401\"]", TO(PG_JSON), "!is no time of day"},
        {"+l(tDs)", "[\"9223372036854775807\"]", TO(PG_TEXT), "!longer than an interval can be"},
        {"dictionary(+s(i,u))", "[\"1\",\"x\"]", TO(PG_JSON), "{\"a\":1,\"b\":\"x\"}"},
        {"+l(i)",
         "[\"12345\"]",
         {(char *)"c", PG_VARCHAR, CHARACTERS(6), (char *)"varchar(6)"},
         "!too many characters"},
    };
    CHECK_CASES(cases);
}

static void lists_become_arrays(void **state) {
    (void)state;
    static const struct case_of cases[] = {
        {"+l(i)", "[\"1\",null,\"-2147483648\"]", ARRAY(1007, PG_INT4, -1), "{1,NULL,-2147483648}"},
        {"+l(i)", "[]", ARRAY(1007, PG_INT4, -1), "{}"},
        {"+l(i)", NULL, ARRAY(1007, PG_INT4, -1), "NULL"},
        {"+l(i)", "[\"7\"]", ARRAY(1016, PG_INT8, -1), "{7}"},
        {"+l(i)", "[\"7\"]", ARRAY(1009, PG_TEXT, -1), "{7}"},
        {"+l(l)", "[\"7\",\"3000000000\"]", ARRAY(1007, PG_INT4, -1), "!outside the type's range"},
        {"+l(l)", "[\"7\",\"3000000000\"]", ARRAY(1007, PG_INT4, -1), "!value '[7,3000000000]'"},
        {"+L(u)", "[\"\",\"a,b\"]", ARRAY(1009, PG_TEXT, -1), "{,a,b}"},
        {"+w:2(u)", "[\"ab\",null]", ARRAY(1009, PG_TEXT, -1), "{ab,NULL}"},
        {"+l(u)", "[\"abc\"]", ARRAY(1015, PG_VARCHAR, CHARACTERS(3)), "{abc}"},
        {"+l(u)", "[\"abc\",\"abc \"]", ARRAY(1015, PG_VARCHAR, CHARACTERS(3)), "!too many characters"},
        {"+l(d:12,2)", "[\"10\",\"-5\"]", ARRAY(1231, PG_NUMERIC, NUMERIC(10, 2)), "{0.10,-0.05}"},
        {"+l(d:12,3)", "[\"1505\"]", ARRAY(1231, PG_NUMERIC, NUMERIC(10, 2)), "!too many digits after"},
        {"+l(dictionary(u))", "[\"x\",null,\"yy\"]", ARRAY(1009, PG_TEXT, -1), "{x,NULL,yy}"},
        {"+l(n)", "[null]", ARRAY(1007, PG_INT4, -1), "{NULL}"},
        {"+l(z)", "[\"a\"]", ARRAY(1001, PG_BYTEA, -1), "{61}"},
        {"+l(b)", "[\"1\",\"0\",null]", ARRAY(1000, PG_BOOL, -1), "{t,f,NULL}"},
        {"+l(vu)", "[\"short\",\"longer than twelve bytes\"]", ARRAY(1009, PG_TEXT, -1),
         "{short,longer than twelve bytes}"},
    };
    CHECK_CASES(cases);
}

static void intervals_keep_their_parts(void **state) {
    (void)state;
    enum { YEAR = 1 << 18, MONTH = 1 << 17, DAY = 1 << 19, HOUR = 1 << 26, MINUTE = 1 << 27, SECOND = 1 << 28 };
#define INTERVAL(modifier)                                                                                             \
    { (char *)"c", PG_INTERVAL, modifier, (char *)"interval" }
    static const struct case_of cases[] = {
        {"tin", "14 -3 1500000", INTERVAL(-1), "14 months -3 days 1500 us"},
        {"tin", "0 0 -1000", INTERVAL(-1), "0 months 0 days -1 us"},
        {"tin", "0 0 1", INTERVAL(-1), "!more digits after the second"},
        {"tin", "2147483647 -2147483648 9223372036854775000", INTERVAL(-1),
         "2147483647 months -2147483648 days 9223372036854775 us"},
        {"tiM", "-13", INTERVAL(-1), "-13 months 0 days 0 us"},
        {"tiD", "0 5 -2147483648", INTERVAL(-1), "0 months 5 days -2147483648000 us"},
        {"tDs", "90", INTERVAL(-1), "0 months 0 days 90000000 us"},
        {"tDm", "-1", INTERVAL(-1), "0 months 0 days -1000 us"},
        {"tDu", "1", INTERVAL(-1), "0 months 0 days 1 us"},
        {"tDn", "1001", INTERVAL(-1), "!more digits after the second"},
        {"tDs", "9223372036854775807", INTERVAL(-1), "!longer than an interval can be"},
        {"tin", "0 0 500000", INTERVAL((0x7fff << 16) | 3), "!more digits after the second"},
        {"tin", "0 0 5000000", INTERVAL((0x7fff << 16) | 3), "0 months 0 days 5000 us"},
        {"tiM", "12", INTERVAL(YEAR | 0xffff), "12 months 0 days 0 us"},
        {"tiM", "13", INTERVAL(YEAR | 0xffff), "!smaller parts"},
        {"tiM", "13", INTERVAL(YEAR | MONTH | 0xffff), "13 months 0 days 0 us"},
        {"tin", "13 1 0", INTERVAL(YEAR | MONTH | 0xffff), "!smaller parts"},
        {"tin", "13 1 0", INTERVAL(DAY | 0xffff), "13 months 1 days 0 us"},
        {"tin", "13 1 1000", INTERVAL(DAY | 0xffff), "!smaller parts"},
        {"tin", "0 1 3600000000000", INTERVAL(DAY | HOUR | 0xffff), "0 months 1 days 3600000000 us"},
        {"tin", "0 1 60000000000", INTERVAL(DAY | HOUR | 0xffff), "!smaller parts"},
        {"tin", "0 1 60000000000", INTERVAL(HOUR | MINUTE | 0xffff), "0 months 1 days 60000000 us"},
        {"tin", "0 1 1000000000", INTERVAL(HOUR | MINUTE | 0xffff), "!smaller parts"},
        {"tin", "0 1 1000000000", INTERVAL(DAY | HOUR | MINUTE | SECOND | 0xffff), "0 months 1 days 1000000 us"},
        {"tin", "14 -3 1500000001", TO(PG_TEXT), "1 year 2 mons -3 days +00:00:01.500000001"},
        {"tin", "-25 0 -3600000000000", TO(PG_TEXT), "-2 years -1 mons -01:00:00"},
        {"tin", "0 0 0", TO(PG_TEXT), "00:00:00"},
        {"tin", "0 1 0", TO(PG_TEXT), "1 day"},
        {"tDs", "360000", TO(PG_TEXT), "100:00:00"},
        {"tDs", "-1", {(char *)"c", PG_VARCHAR, CHARACTERS(3), (char *)"varchar(3)"}, "!too many characters"},
    };
    CHECK_CASES(cases);
}

static void wide_decimals_keep_every_digit(void **state) {
    (void)state;
#define NINES_76 "9999999999999999999999999999999999999999999999999999999999999999999999999999"
#define SIZED(precision, scale)                                                                                        \
    { (char *)"c", PG_NUMERIC, NUMERIC(precision, scale), (char *)"numeric" }
    static const struct case_of cases[] = {
        {"d:76,0,256", NINES_76, TO(PG_NUMERIC), NINES_76},
        {"d:76,0,256", "-" NINES_76, TO(PG_NUMERIC), "-" NINES_76},
        {"d:76,0,256", "-" NINES_76, TO(PG_TEXT), "-" NINES_76},
        {"d:76,76,256", "1", TO(PG_NUMERIC),
         "0.0000000000000000000000000000000000000000000000000000000000000000000000000001"},
        {"d:76,-5,256", "-3", TO(PG_NUMERIC), "-300000"},
        {"d:76,-5,256", "-3", TO(PG_TEXT), "-300000"},
        {"d:76,2,256", "0", TO(PG_NUMERIC), "0.00"},
        {"d:76,2,256", "10", TO(PG_NUMERIC), "0.10"},
        {"d:76,3,256", "1500", SIZED(5, 2), "1.50"},
        {"d:76,3,256", "1505", SIZED(5, 2), "!too many digits after"},
        {"d:76,3,256", "1500000", SIZED(5, 2), "!too many digits before"},
        {"d:76,3,256", "12000", TO(PG_INT4), "12"},
        {"d:76,3,256", "12001", TO(PG_INT4), "!digits after the decimal point"},
        {"d:76,0,256", NINES_76, TO(PG_INT8), "!outside the type's range"},
        {"d:76,50,256", "100000000000000000000000000000000000000000000000000", TO(PG_INT8), "1"},
        {"d:76,2,256", "50", TO(PG_FLOAT8), "0.5"},
        {"d:76,0,256", NINES_76, TO(PG_FLOAT8), "!another number"},
        {"d:76,2,256", "100", TO(PG_BOOL), "t"},
        {"d:76,2,256", "200", TO(PG_BOOL), "!neither 0 nor 1"},
    };
    CHECK_CASES(cases);
}

static void views_and_dictionaries_are_plain_values(void **state) {
    (void)state;
    static const struct case_of cases[] = {
        {"vu", "", TO(PG_TEXT), ""},
        {"vu", "twelve bytes", TO(PG_TEXT), "twelve bytes"},
        {"vu", "thirteen byte", TO(PG_TEXT), "thirteen byte"},
        {"vu",
         "thirteen byte",
         {(char *)"c", PG_VARCHAR, CHARACTERS(12), (char *)"varchar(12)"},
         "!too many characters"},
        {"vu", "00000000-0000-0000-0000-000000000001", TO(PG_UUID), "00000000000000000000000000000001"},
        {"vz", "ab", TO(PG_BYTEA), "6162"},
        {"vz", NULL, TO(PG_BYTEA), "NULL"},
        {"dictionary(u)", "x", TO(PG_TEXT), "x"},
        {"dictionary(u)", NULL, TO(PG_TEXT), "NULL"},
        {"dictionary(vu)", "longer than twelve bytes", TO(PG_TEXT), "longer than twelve bytes"},
        {"dictionary(l)", "40000", TO(PG_INT2), "!outside the type's range"},
        {"dictionary(l)", "-7", TO(PG_NUMERIC), "-7"},
        {"dictionary(b)", "1", TO(PG_BOOL), "t"},
        {"dictionary(z)", "ab", TO(PG_BYTEA), "6162"},
        {"dictionary(w:2)", "ab", TO(PG_BYTEA), "6162"},
        {"dictionary(n)", NULL, TO(PG_INT4), "NULL"},
        {"n", NULL, TO(PG_UUID), "NULL"},
        {"n", NULL, TO(869), "!has no binary form"},
    };
    CHECK_CASES(cases);
}

/* More rows than are gathered at a time, in batches that are slices, with NULLs between. */
static void many_rows_are_gathered_in_order(void **state) {
    (void)state;
    enum { ROWS = 5000, OFFSET = 77 };
    static char decoded[4][DECODED_SIZE];
    static const char *const formats[] = {"+l(i)", "dictionary(u)", "+s(i,u)", "l"};
    const struct encode_target wanted[] = {ARRAY(1007, PG_INT4, -1), TO(PG_TEXT), TO(PG_JSON), TO(PG_INT8)};
    struct fixture fixture;
    char text[64];
    fixture_init(&fixture, formats, 4, wanted, 4);
    for (int i = 0; i < ROWS; i++) {
        snprintf(text, sizeof text, "[\"%d\",null,\"%d\"]", i, -i);
        fixture_append(&fixture, 0, i % 7 == 0 ? NULL : text);
        snprintf(text, sizeof text, "w%d", i % 13);
        fixture_append(&fixture, 1, i % 5 == 0 ? NULL : text);
        snprintf(text, sizeof text, "[\"%d\",\"%d\"]", i, i * 2);
        fixture_append(&fixture, 2, i % 3 == 0 ? NULL : text);
        snprintf(text, sizeof text, "%d", i);
        fixture_append(&fixture, 3, text);
    }
    fixture_finish_batch(&fixture);
    fixture.batch.offset = OFFSET;
    fixture.batch.length = ROWS - OFFSET;
    if (!encoder_open(&fixture.encoder, &fixture.schema, fixture.targets, 4, &fixture.options, &fixture.error) ||
        !encoder_set_batch(fixture.encoder, &fixture.batch, &fixture.error))
        fail_msg("%s", fixture.error.message);
    int row = OFFSET;
    while (encoder_rows_left(fixture.encoder) > 0) {
        encode_segment_begin(fixture.encoder, &fixture.segment);
        assert_true(encode_rows(fixture.encoder, &fixture.segment, 3000, &fixture.error));
        encode_segment_end(&fixture.segment);
        const uint8_t *at = fixture.segment.bytes + 19;
        for (int64_t i = 0; i < fixture.segment.rows; i++, row++) {
            assert_int_equal(decode_big_endian(at, 2), 4);
            at += 2;
            for (int column = 0; column < 4; column++) {
                uint32_t length = (uint32_t)decode_big_endian(at, 4);
                at += 4;
                snprintf(decoded[column], DECODED_SIZE, "NULL");
                if (length == UINT32_MAX)
                    continue;
                if (column == 0)
                    decode_array(&wanted[0], at, length, decoded[0]);
                else
                    decode_field(wanted[column].type_oid, at, length, decoded[column]);
                at += length;
            }
            snprintf(text, sizeof text, "{%d,NULL,%d}", row, -row);
            assert_string_equal(decoded[0], row % 7 == 0 ? "NULL" : text);
            snprintf(text, sizeof text, "w%d", row % 13);
            assert_string_equal(decoded[1], row % 5 == 0 ? "NULL" : text);
            snprintf(text, sizeof text, "{\"a\":%d,\"b\":\"%d\"}", row, row * 2);
            assert_string_equal(decoded[2], row % 3 == 0 ? "NULL" : text);
            snprintf(text, sizeof text, "%d", row);
            assert_string_equal(decoded[3], text);
        }
    }
    assert_int_equal(row, ROWS);
    fixture_release(&fixture);
}

/* What a driver's defect could make of nested arrays. */
static void expect_broken(struct fixture *fixture, const char *words) {
    struct error error = {0};
    if (fixture->encoder == NULL)
        assert_true(encoder_open(&fixture->encoder, &fixture->schema, fixture->targets, 1, &fixture->options, &error));
    assert_false(encoder_set_batch(fixture->encoder, &fixture->batch, &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    if (strstr(error.message, words) == NULL)
        fail_msg("%s, not %s", error.message, words);
}

static void broken_nested_batches_are_refused(void **state) {
    (void)state;
    static const char *const list[] = {"+l(i)"}, *const dictionary[] = {"dictionary(u)"}, *const view[] = {"vu"},
                             *const fixed[] = {"+w:2(i)"}, *const list_view[] = {"+vl(i)"};
    const struct encode_target json = TO(PG_JSON), text = TO(PG_TEXT);
    struct fixture fixture;
    fixture_init(&fixture, list, 1, &json, 1);
    fixture_append(&fixture, 0, "[\"1\",\"2\"]");
    fixture_finish_batch(&fixture);
    struct ArrowArray *array = fixture.batch.children[0];
    int32_t *offsets = (int32_t *)array->buffers[1];
    offsets[1] = 3;
    expect_broken(&fixture, "beyond its elements");
    offsets[0] = 2;
    offsets[1] = 1;
    expect_broken(&fixture, "offsets fall");
    offsets[0] = -1;
    expect_broken(&fixture, "offsets fall");
    offsets[0] = 0;
    offsets[1] = 2;
    array->children[0]->length = 1;
    expect_broken(&fixture, "beyond its elements");
    array->children[0]->length = 2;
    array->n_children = 0;
    expect_broken(&fixture, "aren't those of its type");
    array->n_children = 1;
    array->length = 0;
    expect_broken(&fixture, "shorter");
    array->length = 1;
    fixture_release(&fixture);

    fixture_init(&fixture, dictionary, 1, &text, 1);
    fixture_append(&fixture, 0, "x");
    fixture_finish_batch(&fixture);
    array = fixture.batch.children[0];
    ((int32_t *)array->buffers[1])[0] = 1;
    expect_broken(&fixture, "beyond its dictionary");
    ((int32_t *)array->buffers[1])[0] = -1;
    expect_broken(&fixture, "beyond its dictionary");
    ((int32_t *)array->buffers[1])[0] = 0;
    fixture_release(&fixture);

    fixture_init(&fixture, view, 1, &text, 1);
    fixture_append(&fixture, 0, "longer than twelve bytes");
    fixture_finish_batch(&fixture);
    int32_t *parts = (int32_t *)fixture.batch.children[0]->buffers[1];
    parts[0] = 25;
    expect_broken(&fixture, "beyond its buffers");
    parts[0] = -1;
    expect_broken(&fixture, "beyond its buffers");
    parts[0] = 24;
    parts[2] = 1;
    expect_broken(&fixture, "beyond its buffers");
    parts[2] = 0;
    parts[3] = 1;
    expect_broken(&fixture, "beyond its buffers");
    fixture_release(&fixture);

    fixture_init(&fixture, fixed, 1, &json, 1);
    fixture_append(&fixture, 0, "[\"1\",\"2\"]");
    fixture_finish_batch(&fixture);
    fixture.batch.children[0]->children[0]->length = 1;
    expect_broken(&fixture, "too few elements");
    fixture_release(&fixture);

    static const int32_t begins[] = {1, 0}, sizes[] = {1, 2}, too_long[] = {2, 2}, negative[] = {-1, 2};
    static const int32_t values[] = {10, 20};
    const void *leaf_buffers[] = {NULL, values};
    const void *buffers[] = {NULL, begins, sizes};
    struct ArrowArray leaf = {.length = 2, .n_buffers = 2, .buffers = leaf_buffers};
    struct ArrowArray *leaves[] = {&leaf};
    struct ArrowArray lists = {.length = 2, .n_buffers = 3, .buffers = buffers, .n_children = 1, .children = leaves};
    struct ArrowArray *children[] = {&lists};
    fixture_init(&fixture, list_view, 1, &json, 1);
    fixture.batch.release(&fixture.batch);
    fixture.batch = (struct ArrowArray){.length = 2, .n_children = 1, .children = children};
    buffers[2] = too_long;
    expect_broken(&fixture, "beyond its elements");
    buffers[2] = negative;
    expect_broken(&fixture, "beyond its elements");
    buffers[2] = sizes;
    assert_true(fixture_encode(&fixture));
    assert_memory_equal(fixture.segment.bytes + 19, "\0\1\0\0\0\4[20]\0\1\0\0\0\7[10,20]\377\377", 25);
    fixture_release(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_values_become_json),
        cmocka_unit_test(lists_become_arrays),
        cmocka_unit_test(intervals_keep_their_parts),
        cmocka_unit_test(wide_decimals_keep_every_digit),
        cmocka_unit_test(views_and_dictionaries_are_plain_values),
        cmocka_unit_test(many_rows_are_gathered_in_order),
        cmocka_unit_test(broken_nested_batches_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
