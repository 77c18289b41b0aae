/* What the encoder costs, alone: nanoseconds a cell and bytes a second for chosen pairs of types, for rows that mix them,
 * and for every pair that docs/types.md has (every_pair.c).
 *
 *   encode-bench [ROWS [PASSES]]
 *
 * The best of the passes counts: the others measured the machine. Memory is warm, as it is in a worker, which encodes into the
 * same few segments again and again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bench.h"
#include "encode/encode.h"
#include "encode/pg_types.h"

enum { EVERY_ROWS = 50000 };

struct pair {
    const char *label;
    const char *format; /* Arrow's */
    uint32_t type_oid;
    int32_t type_modifier;
    int null_percent;
    int text_length; /* mean length of text and binary; decimals: digits */
};

#define NUMERIC(precision, scale) (((precision) << 16 | (scale)) + 4)

static const struct pair pairs[] = {
    {"int32 -> int4", "i", PG_INT4, -1, 0, 0},
    {"int64 -> int8", "l", PG_INT8, -1, 0, 0},
    {"int64 -> int8, 10 % NULL", "l", PG_INT8, -1, 10, 0},
    {"int64 -> int4, checked", "l", PG_INT4, -1, 0, 0},
    {"int64 -> numeric", "l", PG_NUMERIC, -1, 0, 0},
    {"int64 -> text", "l", PG_TEXT, -1, 0, 0},
    {"decimal(12,2) -> numeric(12,2)", "d:12,2", PG_NUMERIC, NUMERIC(12, 2), 0, 9},
    {"decimal(38,0) -> int8", "d:38,0", PG_INT8, -1, 0, 12},
    {"decimal(38,10) -> numeric, 36 digits", "d:38,10", PG_NUMERIC, -1, 0, 36},
    {"decimal(12,2) -> float8", "d:12,2", PG_FLOAT8, -1, 0, 9},
    {"decimal(12,2) -> text", "d:12,2", PG_TEXT, -1, 0, 9},
    {"double -> float8", "g", PG_FLOAT8, -1, 0, 0},
    {"double -> numeric, short", "g", PG_NUMERIC, -1, 0, 0},
    {"bool -> bool", "b", PG_BOOL, -1, 0, 0},
    {"utf8 -> text, 8 bytes", "u", PG_TEXT, -1, 0, 8},
    {"utf8 -> text, 40 bytes", "u", PG_TEXT, -1, 0, 40},
    {"utf8 -> varchar(30), 40 bytes of 2", "u", PG_VARCHAR, 34, 0, -40},
    {"utf8 -> jsonb, 60 bytes", "u", PG_JSONB, -1, 0, 60},
    {"utf8 -> uuid", "u", PG_UUID, -1, 0, 36},
    {"binary -> bytea, 16 bytes", "z", PG_BYTEA, -1, 0, 16},
    {"date32 -> date", "tdD", PG_DATE, -1, 0, 0},
    {"time64[us] -> time", "ttu", PG_TIME, -1, 0, 0},
    {"timestamp[us] -> timestamp", "tsu:", PG_TIMESTAMP, -1, 0, 0},
    {"timestamp[ns] UTC -> timestamptz", "tsn:UTC", PG_TIMESTAMPTZ, -1, 0, 0},
    {"timestamp[us] -> text", "tsu:", PG_TEXT, -1, 0, 0},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

/* The columns of the mixed rows: indexes of `pairs`. */
static const int mixed[] = {1, 0, 6, 14, 20, 22, 2, 15, 11, 13, 7, 23, 6, 14, 1, 18, 0, 15, 2, 11, 22, 14, 17, 20};
enum { MIXED = sizeof mixed / sizeof *mixed };

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void append_decimal(struct ArrowArray *array, const struct pair *pair, uint64_t random) {
    struct ArrowDecimal decimal;
    char digits[64];
    for (int i = 0; i < pair->text_length; i++)
        digits[i] = (char)('1' + (random >> i) % 9);
    ArrowDecimalInit(&decimal, 128, 38, 0);
    struct ArrowStringView view = {digits, pair->text_length};
    if (ArrowDecimalSetDigits(&decimal, view) != NANOARROW_OK ||
        ArrowArrayAppendDecimal(array, &decimal) != NANOARROW_OK)
        abort();
}

static void append_text(struct ArrowArray *array, const struct pair *pair, uint64_t random) {
    char text[256];
    int length = abs(pair->text_length);
    if (pair->type_oid == PG_UUID) {
        snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx", (uint32_t)random, (uint16_t)(random >> 32),
                 (uint32_t)(random >> 48) % 4096, (uint32_t)(random >> 52) % 4096,
                 (unsigned long long)random & 0xffffffffffffU);
    } else if (pair->text_length < 0) {
        for (int i = 0; i < length; i += 2)
            memcpy(text + i, "\xc3\xa4", 2);
    } else {
        length += (int)(random % (uint64_t)(length / 2 + 1)) - length / 4;
        memset(text, 'a' + (int)(random % 26), (size_t)length);
    }
    struct ArrowBufferView view = {.data.data = text, .size_bytes = length};
    if (ArrowArrayAppendBytes(array, view) != NANOARROW_OK)
        abort();
}

static void append_value(struct ArrowArray *array, const struct pair *pair, uint64_t random) {
    int status = NANOARROW_OK;
    switch (pair->format[0]) {
    case 'd':
        append_decimal(array, pair, random);
        break;
    case 'u':
    case 'z':
        append_text(array, pair, random);
        break;
    case 'g':
        status = ArrowArrayAppendDouble(array, (double)(random % 100000000) / 100);
        break;
    case 'b':
        status = ArrowArrayAppendInt(array, (int64_t)(random & 1));
        break;
    case 't': {
        int64_t seconds = (int64_t)(random % 2000000000);
        int64_t value = pair->format[1] == 'd'   ? seconds / 86400
                        : pair->format[1] == 't' ? seconds % 86400 * 1000000
                        : pair->format[2] == 'n' ? seconds * 1000000000
                                                 : seconds * 1000000 + seconds % 1000000;
        status = ArrowArrayAppendInt(array, value);
        break;
    }
    default:
        status = ArrowArrayAppendInt(array, (int64_t)(random % 2000000000) - 1000000000);
        break;
    }
    if (status != NANOARROW_OK)
        abort();
}

static void fill_column(struct ArrowArray *array, const struct ArrowSchema *schema, const struct pair *pair,
                        int64_t rows, uint64_t seed) {
    if (ArrowArrayInitFromSchema(array, schema, NULL) != NANOARROW_OK ||
        ArrowArrayStartAppending(array) != NANOARROW_OK)
        abort();
    for (int64_t row = 0; row < rows; row++) {
        uint64_t random = next_random(&seed);
        if ((int)(random >> 32) % 100 < pair->null_percent) {
            if (ArrowArrayAppendNull(array, 1) != NANOARROW_OK)
                abort();
        } else {
            append_value(array, pair, random);
        }
    }
    if (ArrowArrayFinishBuildingDefault(array, NULL) != NANOARROW_OK)
        abort();
}

static void measure_chosen(const char *label, const int *columns, int count, int64_t rows, int passes) {
    struct ArrowSchema schema;
    struct ArrowArray batch;
    struct encode_target *targets = memory_array((size_t)count, sizeof *targets);
    ArrowSchemaInit(&schema);
    if (ArrowSchemaSetTypeStruct(&schema, count) != NANOARROW_OK)
        abort();
    for (int i = 0; i < count; i++) {
        const struct pair *pair = &pairs[columns[i]];
        if (ArrowSchemaSetFormat(schema.children[i], pair->format) != NANOARROW_OK)
            abort();
        targets[i] = (struct encode_target){.name = (char *)"c",
                                            .type_oid = pair->type_oid,
                                            .type_modifier = pair->type_modifier,
                                            .type_name = (char *)"type"};
    }
    if (ArrowArrayInitFromSchema(&batch, &schema, NULL) != NANOARROW_OK)
        abort();
    for (int i = 0; i < count; i++) {
        batch.children[i]->release(batch.children[i]);
        fill_column(batch.children[i], schema.children[i], &pairs[columns[i]], rows, 88172645463325252U + (uint64_t)i);
    }
    batch.length = rows;
    struct encode_options options = {.inexact_column = -1};
    bench_print(label, bench_measure(&schema, targets, (size_t)count, &batch, &options, passes));
    memory_release(&targets);
    batch.release(&batch);
    schema.release(&schema);
}

int main(int argc, char **argv) {
    int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 500000;
    int passes = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;
    if (rows < 1 || passes < 1) {
        fprintf(stderr, "usage: encode-bench [ROWS [PASSES]]\n");
        return 2;
    }
    for (int i = 0; i < PAIRS; i++)
        measure_chosen(pairs[i].label, &i, 1, rows, passes);
    measure_chosen("mixed, 24 columns", mixed, MIXED, rows, passes);
    int unexplained = bench_every_pair(rows < EVERY_ROWS ? rows : EVERY_ROWS, passes);
    if (unexplained > 0)
        fprintf(
            stderr,
            "%d pairs take more than 3 times the median of their type, and bench/encode/every_pair.c has no reason\n",
            unexplained);
    return unexplained > 0 ? 1 : 0;
}
