/* Arrow batches of any bits, from drivers: each format of which a column may be, into each type, as rows and as errors.
 *
 * The first bytes choose format, target and options, the rest are the values. Buffers are as long as the batch says, not longer,
 * so that a read beyond is seen; what offsets, views and indexes say is anything.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "encode/encode.h"
#include "encode/pg_types.h"

#define TARGET(type, oid, modifier)                                                                                    \
    { .name = (char *)"c", .type_oid = (oid), .type_modifier = (modifier), .type_name = (char *)(type) }
#define ARRAY(type, oid, element, modifier)                                                                            \
    {                                                                                                                  \
        .name = (char *)"c", .type_oid = (oid), .type_modifier = -1, .type_name = (char *)(type),                      \
        .element_oid = (element), .element_type_oid = (element), .element_modifier = (modifier), .array = true         \
    }

enum { CITEXT = 70000, RANGE = 3906, HEADER = 6, KEPT_BYTES = 4096 };

static const char *const formats[] = {"b",   "c",    "C",        "s",       "S",       "i",          "I",   "l",
                                      "L",   "e",    "f",        "g",       "u",       "U",          "vu",  "z",
                                      "Z",   "vz",   "w:5",      "tdD",     "tdm",     "tts",        "ttm", "ttu",
                                      "ttn", "tss:", "tsm:",     "tsu:",    "tsn:",    "tsn:UTC",    "tiM", "tiD",
                                      "tin", "n",    "d:9,2,32", "d:38,10", "d:12,-3", "d:76,20,256"};
static const struct encode_target targets[] = {
    TARGET("boolean", PG_BOOL, -1),
    TARGET("smallint", PG_INT2, -1),
    TARGET("integer", PG_INT4, -1),
    TARGET("bigint", PG_INT8, -1),
    TARGET("numeric", PG_NUMERIC, -1),
    TARGET("numeric(10,2)", PG_NUMERIC, (10 << 16 | 2) + 4),
    TARGET("real", PG_FLOAT4, -1),
    TARGET("double precision", PG_FLOAT8, -1),
    TARGET("text", PG_TEXT, -1),
    TARGET("character varying(3)", PG_VARCHAR, 7),
    TARGET("character(4)", PG_BPCHAR, 8),
    TARGET("name", PG_NAME, -1),
    TARGET("\"char\"", PG_CHAR, -1),
    TARGET("bytea", PG_BYTEA, -1),
    TARGET("json", PG_JSON, -1),
    TARGET("jsonb", PG_JSONB, -1),
    TARGET("uuid", PG_UUID, -1),
    TARGET("date", PG_DATE, -1),
    TARGET("time(3) without time zone", PG_TIME, 3),
    TARGET("time with time zone", PG_TIMETZ, -1),
    TARGET("timestamp(2) without time zone", PG_TIMESTAMP, 2),
    TARGET("timestamp with time zone", PG_TIMESTAMPTZ, -1),
    TARGET("interval", PG_INTERVAL, -1),
    TARGET("point", PG_POINT, -1),
    TARGET("line", PG_LINE, -1),
    TARGET("circle", PG_CIRCLE, -1),
    TARGET("oid", PG_OID, -1),
    {.name = (char *)"c",
     .type_oid = CITEXT,
     .type_modifier = -1,
     .type_name = (char *)"citext",
     .base_name = (char *)"citext"},
    {.name = (char *)"c",
     .type_oid = CITEXT,
     .type_modifier = -1,
     .type_name = (char *)"geometry",
     .base_name = (char *)"geometry"},
    {.name = (char *)"c",
     .type_oid = RANGE,
     .type_modifier = -1,
     .type_name = (char *)"numrange",
     .element_type_oid = PG_NUMERIC,
     .element_modifier = -1},
    ARRAY("integer[]", 1007, PG_INT4, -1),
    ARRAY("numeric(10,2)[]", 1231, PG_NUMERIC, (10 << 16 | 2) + 4),
    ARRAY("timestamp(0)[]", 1115, PG_TIMESTAMP, 0),
    ARRAY("text[]", 1009, PG_TEXT, -1),
};

/* Where the values come from: the input, again and again where it ends. */
struct bytes {
    const uint8_t *data;
    size_t size, at;
};

static void take(struct bytes *from, void *to, size_t length) {
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)to)[i] = from->size == 0 ? 0 : from->data[from->at++ % from->size];
}

static void *buffer_of(struct ArrowArray *array, int64_t index, size_t size) {
    struct ArrowBuffer *buffer = ArrowArrayBuffer(array, index);
    FUZZ_REQUIRE(ArrowBufferResize(buffer, (int64_t)size, false) == NANOARROW_OK);
    return buffer->data;
}

/* Offsets that rise by what the input says, mostly; the bytes are as many as the last one says. */
static void fill_offsets(struct ArrowArray *array, struct bytes *from, int64_t slots, bool wide, int64_t bytes_index) {
    uint8_t *offsets = buffer_of(array, 1, (size_t)(slots + 1) * (wide ? 8 : 4));
    int64_t at = 0;
    for (int64_t i = 0; i <= slots; i++) {
        uint8_t step;
        take(from, &step, 1);
        if (i > 0)
            at += step == 255 ? -1 : step % 48;
        int32_t narrow = (int32_t)at;
        memcpy(offsets + i * (wide ? 8 : 4), wide ? (const void *)&at : (const void *)&narrow, wide ? 8 : 4);
    }
    if (bytes_index >= 0)
        take(from, buffer_of(array, bytes_index, (size_t)(at > 0 ? at : 0)), (size_t)(at > 0 ? at : 0));
}

static void fill_views(struct ArrowArray *array, struct bytes *from, int64_t slots) {
    union ArrowBinaryView *views = buffer_of(array, 1, (size_t)slots * sizeof *views);
    take(from, views, (size_t)slots * sizeof *views);
    for (int64_t i = 0; i < slots; i++)
        if (views[i].inlined.size != -1)
            views[i].inlined.size &= 0xf; /* short ones; there is no buffer that others could lead to */
}

static int64_t fixed_width(const char *format) {
    struct ArrowSchema schema;
    struct ArrowSchemaView view;
    ArrowSchemaInit(&schema);
    FUZZ_REQUIRE(ArrowSchemaSetFormat(&schema, format) == NANOARROW_OK &&
                 ArrowSchemaViewInit(&view, &schema, NULL) == NANOARROW_OK);
    int64_t bits = view.layout.element_size_bits[1];
    schema.release(&schema);
    return bits;
}

/* A column of `slots` values of which the first `offset` are not the batch's. */
static void fill(struct ArrowArray *array, const char *format, struct bytes *from, int64_t slots, int64_t offset,
                 bool nulls) {
    array->length = slots - offset;
    array->offset = offset;
    array->null_count = nulls ? -1 : 0;
    if (*format == 'n') {
        array->null_count = array->length;
        return;
    }
    if (nulls)
        take(from, buffer_of(array, 0, (size_t)(slots + 7) / 8), (size_t)(slots + 7) / 8);
    if (strchr("uz", *format) != NULL) {
        fill_offsets(array, from, slots, false, 2);
    } else if (strchr("UZ", *format) != NULL) {
        fill_offsets(array, from, slots, true, 2);
    } else if (*format == 'v') {
        fill_views(array, from, slots);
    } else {
        size_t size = (size_t)(slots * fixed_width(format) + 7) / 8;
        take(from, buffer_of(array, 1, size), size);
    }
}

static bool binary_is_whole(const struct encode_segment *segment) {
    size_t at = ENCODE_HEADER_BYTES;
    for (int64_t row = 0; row < segment->rows; row++) {
        uint32_t length = 0;
        if (at + 6 > segment->length || segment->bytes[at] != 0 || segment->bytes[at + 1] != 1)
            return false;
        for (size_t i = 2; i < 6; i++)
            length = length << 8 | segment->bytes[at + i];
        at += 6 + (length == UINT32_MAX ? 0 : length);
    }
    return at + ENCODE_TRAILER_BYTES == segment->length;
}

static bool text_is_whole(const struct encode_segment *segment) {
    int64_t lines = 0;
    for (size_t i = 0; i < segment->length; i++) {
        if (segment->bytes[i] == 0 || segment->bytes[i] == '\t')
            return false;
        lines += segment->bytes[i] == '\n';
    }
    return lines == segment->rows && (segment->length == 0 || segment->bytes[segment->length - 1] == '\n');
}

static void check_refusal(struct encode_refusal *refusal) {
    json_t *values = json_loads(refusal->values, 0, NULL), *key = json_loads(refusal->key, 0, NULL);
    FUZZ_REQUIRE(json_is_object(values) && json_is_object(key) && refusal->row > 0 && refusal->reason != NULL);
    json_decref(values);
    json_decref(key);
    encode_refusal_release(refusal);
}

/* Every row goes into the segment or is refused, and can be told of. */
static void encode_all(struct encoder *encoder, const struct encode_options *options, int64_t rows) {
    struct encode_segment segment = {0};
    struct error error = {0};
    struct encode_refusal refusal;
    encode_segment_begin(encoder, &segment);
    while (encoder_rows_left(encoder) > 0)
        if (!encode_rows(encoder, &segment, KEPT_BYTES * 64, &error)) {
            FUZZ_REQUIRE(error.kind == ERROR_DATA && error.message[0] != '\0');
            encoder_pass_row(encoder, &error, &refusal);
            check_refusal(&refusal);
        }
    encode_segment_end(&segment);
    FUZZ_REQUIRE(segment.rows + encoder_rows_refused(encoder) == rows && encoder_rows_done(encoder) == rows);
    FUZZ_REQUIRE(options->format == ENCODE_BINARY ? binary_is_whole(&segment) : text_is_whole(&segment));
    for (int64_t row = 0; row < segment.rows; row++) {
        struct buffer text = {0};
        encode_describe_row(encoder, &segment, row, &text);
        FUZZ_REQUIRE(text.length > 0);
        buffer_release(&text);
        error_set_code(&error, ERROR_DATA, "23505", "a reason");
        encode_refuse_row(encoder, &segment, row, &error, NULL, &refusal);
        check_refusal(&refusal);
    }
    encode_segment_release(&segment);
}

static void encode_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch,
                         const struct encode_target *target, const struct encode_options *options) {
    struct encoder *encoder = NULL;
    struct error error = {0};
    FUZZ_REQUIRE(encoder_open(&encoder, schema, target, 1, options, &error));
    if (encoder_set_batch(encoder, batch, &error))
        encode_all(encoder, options, batch->length);
    else
        FUZZ_REQUIRE(error.kind == ERROR_INTERNAL);
    encoder_close(&encoder);
}

enum nesting { PLAIN, LIST, DICTIONARY, NESTINGS };

/* A stream of one column: plain, a list of the format, or a dictionary of its values. */
static void make_schema(struct ArrowSchema *schema, const char *format, enum nesting nesting) {
    ArrowSchemaInit(schema);
    FUZZ_REQUIRE(ArrowSchemaSetTypeStruct(schema, 1) == NANOARROW_OK);
    struct ArrowSchema *column = schema->children[0];
    FUZZ_REQUIRE(ArrowSchemaSetFormat(column, nesting == LIST         ? "+l"
                                              : nesting == DICTIONARY ? "i"
                                                                      : format) == NANOARROW_OK);
    FUZZ_REQUIRE(ArrowSchemaSetName(column, "c") == NANOARROW_OK);
    if (nesting == LIST) {
        FUZZ_REQUIRE(ArrowSchemaAllocateChildren(column, 1) == NANOARROW_OK);
        column = column->children[0];
    } else if (nesting == DICTIONARY) {
        FUZZ_REQUIRE(ArrowSchemaAllocateDictionary(column) == NANOARROW_OK);
        column = column->dictionary;
    } else {
        return;
    }
    ArrowSchemaInit(column);
    FUZZ_REQUIRE(ArrowSchemaSetFormat(column, format) == NANOARROW_OK &&
                 ArrowSchemaSetName(column, "item") == NANOARROW_OK);
}

static void make_batch(struct ArrowArray *batch, const struct ArrowSchema *schema, const char *format,
                       enum nesting nesting, struct bytes *from, uint8_t shape) {
    int64_t rows = shape & 7, offset = shape >> 3 & 3;
    bool nulls = (shape & 0x20) != 0;
    FUZZ_REQUIRE(ArrowArrayInitFromSchema(batch, schema, NULL) == NANOARROW_OK);
    struct ArrowArray *column = batch->children[0];
    if (nesting == LIST) {
        column->length = rows;
        column->offset = offset;
        column->null_count = 0;
        fill_offsets(column, from, rows + offset, false, -1);
        const int32_t *offsets = (const int32_t *)ArrowArrayBuffer(column, 1)->data;
        int32_t items = offsets[rows + offset];
        fill(column->children[0], format, from, items > 0 ? items : 0, 0, nulls);
    } else if (nesting == DICTIONARY) {
        fill(column, "i", from, rows + offset, offset, nulls);
        int32_t *indexes = (int32_t *)(void *)ArrowArrayBuffer(column, 1)->data;
        for (int64_t i = 0; i < rows + offset; i++) /* mostly within it */
            indexes[i] = indexes[i] % 16 == 15 ? indexes[i] : (int32_t)((uint32_t)indexes[i] % 4);
        fill(column->dictionary, format, from, 4, 0, nulls);
    } else {
        fill(column, format, from, rows + offset, offset, nulls);
    }
    batch->length = rows;
    batch->null_count = 0;
    FUZZ_REQUIRE(ArrowArrayFinishBuilding(batch, NANOARROW_VALIDATION_LEVEL_NONE, NULL) == NANOARROW_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ArrowSchema schema;
    struct ArrowArray batch;
    char reason[512];
    if (size < HEADER)
        return 0;
    const char *format = formats[data[0] % (sizeof formats / sizeof *formats)];
    const struct encode_target *target = &targets[data[1] % (sizeof targets / sizeof *targets)];
    enum nesting nesting = data[2] % NESTINGS;
    size_t key = 0;
    struct encode_options options = {.key_columns = &key,
                                     .key_count = data[4] & 1,
                                     .inexact_column = -1,
                                     .remove_nul_bytes = (data[4] & 2) != 0,
                                     .allow_rounding = (data[4] & 4) != 0};
    struct bytes values = {data + HEADER, size - HEADER, 0};
    make_schema(&schema, format, nesting);
    enum encode_support support = encode_pair_support(&schema.children[0][0], target, reason, sizeof reason);
    FUZZ_REQUIRE(support != PAIR_REFUSED || reason[0] != '\0');
    options.format = support == PAIR_TEXT || (data[4] & 8) != 0 ? ENCODE_TEXT : ENCODE_BINARY;
    if (support != PAIR_REFUSED) {
        make_batch(&batch, &schema, format, nesting, &values, data[3]);
        encode_batch(&schema, &batch, target, &options);
        batch.release(&batch);
    }
    schema.release(&schema);
    return 0;
}

/* One of each pair, a few rows with NULLs among them. */
void fuzz_seeds(void) {
    static const char text[] =
        "\x08{\"a\": [1, 2.50, null]} 2024-02-29T12:34:56.789012Z {1,\"2\"} (1,2) 1 day 01:02:03 \x80\x01\xff";
    uint8_t bytes[HEADER + sizeof text];
    for (size_t format = 0; format < sizeof formats / sizeof *formats; format++)
        for (size_t target = 0; target < sizeof targets / sizeof *targets; target++) {
            const uint8_t header[HEADER] = {
                (uint8_t)format, (uint8_t)target, (uint8_t)((format + target) % NESTINGS), 0x2b, 1, 0};
            memcpy(bytes, header, HEADER);
            memcpy(bytes + HEADER, text, sizeof text - 1);
            fuzz_seed(bytes, HEADER + sizeof text - 1);
        }
}
