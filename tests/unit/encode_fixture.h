/* Values into Arrow and COPY's bytes back into text, for the tests of encode/. The decoder knows nothing of the encoder. */
#ifndef THAW_TESTS_ENCODE_FIXTURE_H
#define THAW_TESTS_ENCODE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/memory.h"
#include "encode/encode.h"
#include "encode/pg_types.h"

#define NUMERIC(precision, scale) ((int32_t)((uint32_t)(precision) << 16 | ((uint32_t)(scale)&0x7ff)) + 4)
#define CHARACTERS(count) ((count) + 4)

enum { FIXTURE_COLUMNS = 8, DECODED_SIZE = 8192 };

/* A stream of some columns, one batch of it, and what becomes of it. */
struct fixture {
    struct ArrowSchema schema;
    struct ArrowArray batch;
    struct encode_target targets[FIXTURE_COLUMNS];
    size_t target_count;
    struct encode_options options;
    struct encoder *encoder;
    struct encode_segment segment;
    struct error error;
};

/* Arrow's format, and for nested types what is in them: "+l(i)", "+s(i,u)" (members a, b, ...), "+m(u,i)", "dictionary(u)",
 * the indexes of which are int32. Returns what follows in the text. */
static inline const char *fixture_set_format(struct ArrowSchema *schema, const char *text) {
    char format[64];
    size_t length = strcspn(text, strchr("+d", *text) != NULL && strchr(text, '(') != NULL ? "()" : "(,)");
    if (strncmp(text, "d:", 2) == 0) /* its commas are its own */
        length = strspn(text, "d:0123456789,-");
    assert_true(length < sizeof format);
    snprintf(format, sizeof format, "%.*s", (int)length, text);
    text += length;
    if (strcmp(format, "dictionary") == 0) {
        assert_int_equal(ArrowSchemaSetFormat(schema, "i"), NANOARROW_OK);
        assert_int_equal(ArrowSchemaAllocateDictionary(schema), NANOARROW_OK);
        ArrowSchemaInit(schema->dictionary);
        return fixture_set_format(schema->dictionary, text + 1) + 1;
    }
    assert_int_equal(ArrowSchemaSetFormat(schema, format), NANOARROW_OK);
    if (*text != '(')
        return text;
    int64_t count = 1;
    int depth = 0;
    for (const char *at = text; *at != '\0'; at++) {
        depth += (*at == '(') - (*at == ')');
        count += *at == ',' && depth == 1 && strncmp(text, "(d:", 3) != 0;
        if (depth == 0)
            break;
    }
    struct ArrowSchema *parent = schema;
    if (strcmp(format, "+m") == 0) {
        assert_int_equal(ArrowSchemaAllocateChildren(schema, 1), NANOARROW_OK);
        ArrowSchemaInit(schema->children[0]);
        assert_int_equal(ArrowSchemaSetFormat(schema->children[0], "+s"), NANOARROW_OK);
        assert_int_equal(ArrowSchemaSetName(schema->children[0], "entries"), NANOARROW_OK);
        schema->children[0]->flags &= ~ARROW_FLAG_NULLABLE;
        parent = schema->children[0];
    }
    assert_int_equal(ArrowSchemaAllocateChildren(parent, count), NANOARROW_OK);
    for (int64_t i = 0; i < count; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        ArrowSchemaInit(parent->children[i]);
        text = fixture_set_format(parent->children[i], text + 1);
        const char *given = *format == '+' && format[1] == 's' ? name : i > 0 ? "value" : count > 1 ? "key" : "item";
        assert_int_equal(ArrowSchemaSetName(parent->children[i], given), NANOARROW_OK);
    }
    if (strcmp(format, "+m") == 0)
        parent->children[0]->flags &= ~ARROW_FLAG_NULLABLE;
    return text + 1;
}

/* `formats` are Arrow's; columns beyond `target_count` are the stream's alone. */
static inline void fixture_init(struct fixture *fixture, const char *const *formats, size_t columns,
                                const struct encode_target *targets, size_t target_count) {
    memset(fixture, 0, sizeof *fixture);
    fixture->options.inexact_column = -1;
    fixture->target_count = target_count;
    memcpy(fixture->targets, targets, target_count * sizeof *targets);
    ArrowSchemaInit(&fixture->schema);
    assert_int_equal(ArrowSchemaSetTypeStruct(&fixture->schema, (int64_t)columns), NANOARROW_OK);
    for (size_t i = 0; i < columns; i++)
        fixture_set_format(fixture->schema.children[i], formats[i]);
    assert_int_equal(ArrowArrayInitFromSchema(&fixture->batch, &fixture->schema, NULL), NANOARROW_OK);
    assert_int_equal(ArrowArrayStartAppending(&fixture->batch), NANOARROW_OK);
}

static inline void fixture_release(struct fixture *fixture) {
    encoder_close(&fixture->encoder);
    encode_segment_release(&fixture->segment);
    if (fixture->batch.release != NULL)
        fixture->batch.release(&fixture->batch);
    fixture->schema.release(&fixture->schema);
}

static inline void fixture_append_to(struct ArrowArray *array, const struct ArrowSchema *schema, const char *value);

/* Lists and maps are JSON arrays (of pairs), structs too; what is in them is spelled as a string, or null. */
static inline void fixture_append_json(struct ArrowArray *array, const struct ArrowSchema *schema,
                                       const json_t *value) {
    if (json_is_null(value) || json_is_string(value)) {
        fixture_append_to(array, schema, json_string_value(value));
        return;
    }
    assert_true(json_is_array(value));
    bool map = strcmp(schema->format, "+m") == 0;
    bool list = !map && strcmp(schema->format, "+s") != 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        size_t child = list || map ? 0 : i;
        fixture_append_json(array->children[child], schema->children[child], json_array_get(value, i));
    }
    assert_int_equal(ArrowArrayFinishElement(array), NANOARROW_OK);
}

/* One value, spelled: decimals without their point, dates and times as Arrow's own integers, NULL as a null pointer. */
static inline void fixture_append_to(struct ArrowArray *array, const struct ArrowSchema *schema, const char *value) {
    const char *format = schema->format;
    int status = NANOARROW_OK;
    if (value != NULL && *format == '+') {
        json_t *json = json_loads(value, JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        fixture_append_json(array, schema, json);
        json_decref(json);
    } else if (value != NULL && schema->dictionary != NULL) { /* a value each; indexes count from the end */
        fixture_append_to(array->dictionary, schema->dictionary, value);
        status = ArrowArrayAppendInt(array, array->dictionary->length - 1);
    } else if (value == NULL) {
        status = ArrowArrayAppendNull(array, 1);
    } else if (*format == 'd') {
        struct ArrowSchemaView view;
        struct ArrowDecimal decimal;
        struct ArrowStringView digits = ArrowCharView(value);
        ArrowSchemaViewInit(&view, schema, NULL);
        ArrowDecimalInit(&decimal, view.decimal_bitwidth, view.decimal_precision, view.decimal_scale);
        assert_int_equal(ArrowDecimalSetDigits(&decimal, digits), NANOARROW_OK);
        status = ArrowArrayAppendDecimal(array, &decimal);
    } else if (strncmp(format, "ti", 2) == 0) { /* months, days, milliseconds or nanoseconds */
        struct ArrowInterval interval;
        ArrowIntervalInit(&interval, format[2] == 'M'   ? NANOARROW_TYPE_INTERVAL_MONTHS
                                     : format[2] == 'D' ? NANOARROW_TYPE_INTERVAL_DAY_TIME
                                                        : NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO);
        char *rest;
        interval.months = (int32_t)strtoll(value, &rest, 10);
        interval.days = (int32_t)strtoll(rest, &rest, 10);
        interval.ns = strtoll(rest, NULL, 10);
        interval.ms = (int32_t)interval.ns;
        status = ArrowArrayAppendInterval(array, &interval);
    } else if (strchr("uUzZwv", *format) != NULL) {
        struct ArrowBufferView view = {.data.data = value, .size_bytes = (int64_t)strlen(value)};
        status = ArrowArrayAppendBytes(array, view);
    } else if (strchr("efg", *format) != NULL) {
        status = ArrowArrayAppendDouble(array, strtod(value, NULL));
    } else if (*format == 'L') {
        status = ArrowArrayAppendUInt(array, strtoull(value, NULL, 10));
    } else {
        status = ArrowArrayAppendInt(array, strtoll(value, NULL, 10));
    }
    assert_int_equal(status, NANOARROW_OK);
}

static inline void fixture_append(struct fixture *fixture, size_t column, const char *value) {
    fixture_append_to(fixture->batch.children[column], fixture->schema.children[column], value);
}

/* Append bytes that may hold a NUL. */
static inline void fixture_append_bytes(struct fixture *fixture, size_t column, const char *bytes, size_t length) {
    struct ArrowBufferView view = {.data.data = bytes, .size_bytes = (int64_t)length};
    assert_int_equal(ArrowArrayAppendBytes(fixture->batch.children[column], view), NANOARROW_OK);
}

static inline void fixture_finish_batch(struct fixture *fixture) {
    for (int64_t i = 0; i < fixture->batch.n_children; i++)
        assert_int_equal(ArrowArrayFinishBuildingDefault(fixture->batch.children[i], NULL), NANOARROW_OK);
    fixture->batch.length = fixture->batch.children[0]->length;
}

/* Open the encoder if it isn't yet, and encode the whole batch as one segment. False: fixture->error. */
static inline bool fixture_encode(struct fixture *fixture) {
    if (fixture->encoder == NULL && !encoder_open(&fixture->encoder, &fixture->schema, fixture->targets,
                                                  fixture->target_count, &fixture->options, &fixture->error))
        return false;
    if (!encoder_set_batch(fixture->encoder, &fixture->batch, &fixture->error))
        return false;
    encode_segment_begin(fixture->encoder, &fixture->segment);
    bool ok = encode_rows(fixture->encoder, &fixture->segment, (size_t)1 << 20, &fixture->error);
    encode_segment_end(&fixture->segment);
    return ok;
}

static inline uint64_t decode_big_endian(const uint8_t *bytes, int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* numeric as PostgreSQL's documentation of its output reads: base-10000 digits spelled into a long decimal string. */
static inline void decode_numeric(const uint8_t *bytes, uint32_t length, char *text) {
    int count = (int)decode_big_endian(bytes, 2);
    int weight = (int16_t)decode_big_endian(bytes + 2, 2);
    int sign = (int)decode_big_endian(bytes + 4, 2);
    int scale = (int)decode_big_endian(bytes + 6, 2);
    assert_int_equal(length, 8 + 2 * count);
    if (sign == 0xC000 || sign == 0xD000 || sign == 0xF000) {
        snprintf(text, DECODED_SIZE, "%s", sign == 0xC000 ? "NaN" : sign == 0xD000 ? "Infinity" : "-Infinity");
        return;
    }
    assert_true(sign == 0 || sign == 0x4000);
    /* Position 0 of `digits` is 10^399; the point stands before position 400. */
    char digits[1200];
    memset(digits, '0', sizeof digits);
    for (int i = 0; i < count; i++) {
        int group = (int)decode_big_endian(bytes + 8 + 2 * i, 2);
        int first = 400 - 4 * (weight - i + 1);
        assert_in_range(group, 0, 9999);
        assert_in_range(first, 0, 1190);
        for (int place = 3; place >= 0; place--, group /= 10)
            digits[first + place] = (char)('0' + group % 10);
    }
    if (count > 0) { /* canonical: no zero groups at the ends */
        assert_int_not_equal(decode_big_endian(bytes + 8, 2), 0);
        assert_int_not_equal(decode_big_endian(bytes + 8 + 2 * (count - 1), 2), 0);
    }
    int begin = 0;
    while (begin < 399 && digits[begin] == '0')
        begin++;
    snprintf(text, DECODED_SIZE, "%s%.*s", sign != 0 ? "-" : "", 400 - begin, digits + begin);
    if (scale > 0)
        snprintf(text + strlen(text), DECODED_SIZE - strlen(text), ".%.*s", scale, digits + 400);
    for (int i = 400 + scale; i < 1200; i++)
        assert_int_equal(digits[i], '0'); /* nothing hides behind the display scale */
}

/* A field as text: dates and times as PostgreSQL's own integers. */
static inline void decode_field(uint32_t type_oid, const uint8_t *bytes, uint32_t length, char *text) {
    uint64_t bits = length <= 8 ? decode_big_endian(bytes, (int)length) : 0;
    float narrow;
    double wide;
    uint32_t narrow_bits = (uint32_t)bits;
    switch (type_oid) {
    case PG_BOOL:
        assert_int_equal(length, 1);
        snprintf(text, DECODED_SIZE, "%s", bits == 1 ? "t" : bits == 0 ? "f" : "?");
        break;
    case PG_INT2:
        assert_int_equal(length, 2);
        snprintf(text, DECODED_SIZE, "%d", (int16_t)bits);
        break;
    case PG_INT4:
    case PG_DATE:
        assert_int_equal(length, 4);
        snprintf(text, DECODED_SIZE, "%d", (int32_t)bits);
        break;
    case PG_INT8:
    case PG_TIME:
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        assert_int_equal(length, 8);
        snprintf(text, DECODED_SIZE, "%lld", (long long)bits);
        break;
    case PG_FLOAT4:
        assert_int_equal(length, 4);
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        snprintf(text, DECODED_SIZE, "%.9g", (double)narrow);
        break;
    case PG_FLOAT8:
        assert_int_equal(length, 8);
        memcpy(&wide, &bits, sizeof wide);
        snprintf(text, DECODED_SIZE, "%.17g", wide);
        break;
    case PG_NUMERIC:
        decode_numeric(bytes, length, text);
        break;
    case PG_BYTEA:
    case PG_UUID:
        assert_true(length < DECODED_SIZE / 2);
        *text = '\0';
        for (uint32_t i = 0; i < length; i++)
            snprintf(text + 2 * i, 3, "%02x", bytes[i]);
        break;
    case PG_JSONB:
        assert_int_equal(bytes[0], 1);
        bytes++;
        length--;
        /* fallthrough */
    default:
        assert_true(length < DECODED_SIZE);
        memcpy(text, bytes, length);
        text[length] = '\0';
        break;
    }
}

/* Where a finished segment is read. */
struct decoder {
    const struct fixture *fixture;
    size_t at;
};

static inline struct decoder decode_begin(const struct fixture *fixture) {
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* and the literal's own NUL */
    assert_int_equal(sizeof header, 19);
    assert_true(fixture->segment.length >= 21);
    assert_memory_equal(fixture->segment.bytes, header, 19);
    return (struct decoder){fixture, 19};
}

/* The next row's fields, into texts of DECODED_SIZE each; NULL is "NULL". False: the trailer. */
static inline bool decode_row(struct decoder *decoder, char (*texts)[DECODED_SIZE]) {
    const struct encode_segment *segment = &decoder->fixture->segment;
    assert_true(decoder->at + 2 <= segment->length);
    int count = (int16_t)decode_big_endian(segment->bytes + decoder->at, 2);
    decoder->at += 2;
    if (count == -1) {
        assert_int_equal(decoder->at, segment->length);
        return false;
    }
    assert_int_equal(count, decoder->fixture->target_count);
    for (int i = 0; i < count; i++) {
        assert_true(decoder->at + 4 <= segment->length);
        uint32_t length = (uint32_t)decode_big_endian(segment->bytes + decoder->at, 4);
        decoder->at += 4;
        if (length == UINT32_MAX) {
            snprintf(texts[i], DECODED_SIZE, "%s", "NULL");
            continue;
        }
        assert_true(decoder->at + length <= segment->length);
        decode_field(decoder->fixture->targets[i].type_oid, segment->bytes + decoder->at, length, texts[i]);
        decoder->at += length;
    }
    return true;
}

/* One value on its way from Arrow to PostgreSQL. */
struct expectation {
    const char *format;
    const char *value;
    uint32_t type_oid;
    int32_t type_modifier;
    const char *expected; /* the decoded field; or, after "!", a part of the error's message */
};

static inline void expect_each(const struct expectation *expectations, size_t count) {
    static char decoded[1][DECODED_SIZE];
    for (size_t i = 0; i < count; i++) {
        const struct expectation *expectation = &expectations[i];
        struct encode_target target = {(char *)"c", expectation->type_oid, expectation->type_modifier,
                                       (char *)"its type"};
        struct fixture fixture;
        fixture_init(&fixture, &expectation->format, 1, &target, 1);
        fixture_append(&fixture, 0, expectation->value);
        fixture_finish_batch(&fixture);
        bool ok = fixture_encode(&fixture);
        const char *wanted = expectation->expected;
        if (ok) {
            struct decoder decoder = decode_begin(&fixture);
            assert_true(decode_row(&decoder, decoded));
            assert_false(strcmp(decoded[0], wanted) != 0 &&
                         printf("%s %s -> %u: %s, not %s\n", expectation->format, expectation->value,
                                expectation->type_oid, decoded[0], wanted));
            assert_false(decode_row(&decoder, decoded));
        } else {
            bool found = wanted[0] == '!' && strstr(fixture.error.message, wanted + 1) != NULL;
            assert_false(!found && printf("%s %s -> %u: %s, not %s\n", expectation->format, expectation->value,
                                          expectation->type_oid, fixture.error.message, wanted));
            assert_int_equal(fixture.error.kind, ERROR_DATA);
            assert_string_not_equal(fixture.error.hint, "");
        }
        fixture_release(&fixture);
    }
}
#define EXPECT_EACH(list) expect_each(list, sizeof(list) / sizeof *(list))

#endif
