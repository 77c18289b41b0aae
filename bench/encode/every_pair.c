/* Every pair of types, with values that fit it. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "encode/pg_types.h"

/* Arrow's formats; what follows '>' is in a list, a struct or a dictionary. */
static const char *const formats[] = {
    "b",
    "c",
    "C",
    "s",
    "S",
    "i",
    "I",
    "l",
    "L",
    "d:9,2,32",
    "d:18,2,64",
    "d:38,2",
    "d:76,2,256",
    "e",
    "f",
    "g",
    "u",
    "U",
    "vu",
    "z",
    "Z",
    "vz",
    "w:16",
    "tdD",
    "tdm",
    "tts",
    "ttm",
    "ttu",
    "ttn",
    "tss:",
    "tsm:",
    "tsu:",
    "tsn:",
    "tsu:UTC",
    "tiM",
    "tiD",
    "tin",
    "tDs",
    "tDn",
    "dictionary>u",
    "dictionary>i",
    "+l>i",
    "+l>u",
    "+s>i",
    "+s>u",
};
enum { FORMATS = sizeof formats / sizeof *formats };

#define TARGET(label, oid)                                                                                             \
    { .name = (char *)(label), .type_oid = (oid), .type_modifier = -1, .type_name = (char *)(label) }
#define ARRAY_TARGET(label, oid, element)                                                                              \
    {                                                                                                                  \
        .name = (char *)(label), .type_oid = (oid), .type_modifier = -1, .type_name = (char *)(label), .array = true,  \
        .element_oid = (element), .element_type_oid = (element), .element_modifier = -1                                \
    }
static const struct encode_target targets[] = {
    TARGET("bool", PG_BOOL),
    TARGET("int2", PG_INT2),
    TARGET("int4", PG_INT4),
    TARGET("int8", PG_INT8),
    TARGET("numeric", PG_NUMERIC),
    TARGET("float4", PG_FLOAT4),
    TARGET("float8", PG_FLOAT8),
    TARGET("text", PG_TEXT),
    TARGET("bytea", PG_BYTEA),
    TARGET("jsonb", PG_JSONB),
    TARGET("uuid", PG_UUID),
    TARGET("date", PG_DATE),
    TARGET("time", PG_TIME),
    TARGET("timestamp", PG_TIMESTAMP),
    TARGET("timestamptz", PG_TIMESTAMPTZ),
    TARGET("interval", PG_INTERVAL),
    TARGET("enum", 16384),
    ARRAY_TARGET("int4[]", 1007, PG_INT4),
    ARRAY_TARGET("text[]", 1009, PG_TEXT),
};
enum { TARGETS = sizeof targets / sizeof *targets };

static void set_format(struct ArrowSchema *schema, const char *format) {
    const char *inner = strchr(format, '>');
    char outer[32];
    snprintf(outer, sizeof outer, "%.*s", (int)(inner == NULL ? strlen(format) : (size_t)(inner - format)), format);
    bool dictionary = strcmp(outer, "dictionary") == 0;
    if (ArrowSchemaSetFormat(schema, dictionary ? "i" : outer) != NANOARROW_OK)
        abort();
    if (inner == NULL)
        return;
    if (dictionary ? ArrowSchemaAllocateDictionary(schema) : ArrowSchemaAllocateChildren(schema, 1))
        abort();
    struct ArrowSchema *child = dictionary ? schema->dictionary : schema->children[0];
    ArrowSchemaInit(child);
    set_format(child, inner + 1);
    if (ArrowSchemaSetName(child, "a") != NANOARROW_OK)
        abort();
}

/* Text that the target takes, of a number from 0 to 99. */
static void text_for(uint32_t type_oid, int number, char *text, size_t size) {
    switch (type_oid) {
    case PG_UUID:
        snprintf(text, size, "00000000-0000-4000-8000-0000000000%02d", number);
        break;
    case PG_JSONB:
        snprintf(text, size, "{\"number\": %d, \"word\": \"w%d\"}", number, number);
        break;
    case PG_DATE:
        snprintf(text, size, "2026-01-%02d", 1 + number % 28);
        break;
    case PG_TIME:
        snprintf(text, size, "12:%02d:56.789", number % 60);
        break;
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        snprintf(text, size, "2026-01-31 12:%02d:56.789", number % 60);
        break;
    case PG_INTERVAL:
        snprintf(text, size, "%d days 12:34:56.789", number);
        break;
    case PG_TEXT:
        snprintf(text, size, "some words, %d of them", number);
        break;
    default:
        snprintf(text, size, "%d", number);
        break;
    }
}

/* Values that every type can hold; of instants whole days where the target is a date. */
static int append_temporal(struct ArrowArray *array, const char *format, uint32_t type_oid, int number) {
    if (format[1] == 'i') {
        struct ArrowInterval interval;
        ArrowIntervalInit(&interval, format[2] == 'M'   ? NANOARROW_TYPE_INTERVAL_MONTHS
                                     : format[2] == 'D' ? NANOARROW_TYPE_INTERVAL_DAY_TIME
                                                        : NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO);
        interval.months = number;
        interval.days = number;
        interval.ms = number;
        interval.ns = (int64_t)number * 1000000;
        return ArrowArrayAppendInterval(array, &interval);
    }
    int64_t units = strchr("sD", format[2]) ? 1 : format[2] == 'm' ? 1000 : format[2] == 'u' ? 1000000 : 1000000000;
    if (format[1] == 'd')
        return ArrowArrayAppendInt(array, format[2] == 'D' ? 20000 + number : (20000 + number) * INT64_C(86400000));
    int64_t seconds = format[1] == 't'      ? 600 * number
                      : type_oid == PG_DATE ? (20000 + number) * 86400
                                            : 1700000000 + number;
    int64_t fraction = units > 1000 && type_oid != PG_DATE ? units / 1000 * 789 : 0;
    return ArrowArrayAppendInt(array, seconds * units + fraction);
}

static int append_value(struct ArrowArray *array, const char *format, const struct encode_target *target, int number) {
    char text[64];
    struct ArrowDecimal decimal;
    if (target->type_oid == PG_BOOL)
        number %= 2;
    switch (format[0]) {
    case 'd':
        snprintf(text, sizeof text, "%d", number * 100);
        ArrowDecimalInit(&decimal,
                         strstr(format, ",256")  ? 256
                         : strstr(format, ",32") ? 32
                         : strstr(format, ",64") ? 64
                                                 : 128,
                         9, 2);
        return ArrowDecimalSetDigits(&decimal, ArrowCharView(text)) == NANOARROW_OK
                   ? ArrowArrayAppendDecimal(array, &decimal)
                   : EINVAL;
    case 'u':
    case 'U':
    case 'v':
    case 'z':
    case 'Z':
    case 'w':
        if (strchr("zZw", format[0]) != NULL || strcmp(format, "vz") == 0)
            snprintf(text, sizeof text, "sixteen bytes %02d", number);
        else
            text_for(target->array ? target->element_type_oid : target->type_oid, number, text, sizeof text);
        return ArrowArrayAppendBytes(
            array, (struct ArrowBufferView){.data.as_char = text, .size_bytes = (int64_t)strlen(text)});
    case 'e':
    case 'f':
    case 'g':
        return ArrowArrayAppendDouble(array, number);
    case 't':
        return append_temporal(array, format, target->type_oid, number);
    default:
        return ArrowArrayAppendInt(array, number);
    }
}

static int append_row(struct ArrowArray *array, const char *format, const struct encode_target *target, int number) {
    const char *inner = strchr(format, '>');
    if (inner == NULL)
        return append_value(array, format, target, number);
    if (format[0] == 'd') {
        if (array->dictionary->length < 100 &&
            append_value(array->dictionary, inner + 1, target, number) != NANOARROW_OK)
            return EINVAL;
        return ArrowArrayAppendInt(array, number % array->dictionary->length);
    }
    for (int i = 0; i < (format[1] == 'l' ? 4 : 1); i++)
        if (append_value(array->children[0], inner + 1, target, (number + i) % 100) != NANOARROW_OK)
            return EINVAL;
    return ArrowArrayFinishElement(array);
}

static double measure_pair(const char *format, const struct encode_target *target, int64_t rows, int passes, bool *text,
                           double *rate) {
    struct ArrowSchema schema;
    struct ArrowArray batch;
    char reason[512];
    ArrowSchemaInit(&schema);
    if (ArrowSchemaSetTypeStruct(&schema, 1) != NANOARROW_OK)
        abort();
    set_format(schema.children[0], format);
    enum encode_support support = encode_pair_support(schema.children[0], target, reason, sizeof reason);
    struct bench_result result = {.cells = 1};
    if (support != PAIR_REFUSED) {
        if (ArrowArrayInitFromSchema(&batch, &schema, NULL) != NANOARROW_OK ||
            ArrowArrayStartAppending(&batch) != NANOARROW_OK)
            abort();
        for (int64_t row = 0; row < rows; row++)
            if (append_row(batch.children[0], format, target, (int)(row * 37 % 100)) != NANOARROW_OK ||
                ArrowArrayFinishElement(&batch) != NANOARROW_OK)
                abort();
        if (ArrowArrayFinishBuildingDefault(&batch, NULL) != NANOARROW_OK)
            abort();
        struct encode_options options = {.inexact_column = -1,
                                         .format = support == PAIR_TEXT ? ENCODE_TEXT : ENCODE_BINARY};
        result = bench_measure(&schema, target, 1, &batch, &options, passes);
        batch.release(&batch);
    }
    schema.release(&schema);
    *text = support == PAIR_TEXT;
    *rate = result.seconds > 0 ? result.bytes / result.seconds / 1e6 : 0;
    return result.seconds / result.cells * 1e9;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

struct cost {
    double cell; /* nanoseconds; 0: there is no such pair */
    double rate; /* MB/s */
    bool text;
};

/* The middle one of the pairs that go in one format. */
static double median(const struct cost *costs, bool text) {
    double sorted[FORMATS];
    size_t used = 0;
    for (size_t i = 0; i < FORMATS; i++)
        if (costs[i].cell > 0 && costs[i].text == text)
            sorted[used++] = costs[i].cell;
    qsort(sorted, used, sizeof *sorted, compare_doubles);
    return used == 0 ? 0 : sorted[used / 2];
}

/* Why a pair may take more than three times what others take into the same type. */
static const struct {
    const char *format; /* the beginning of it */
    const char *reason;
} reasons[] = {
    {"d:76", "256 bits go through 128, a value at a time, or digit by digit; no source delivers them by itself"},
    {"dictionary>i", "its values are gathered into a column first, which shows beside writers of 3 ns"},
    {"+l", "a cell is a list of four values, each written by itself"},
};

static const char *reason_for(const char *format) {
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strncmp(format, reasons[i].format, strlen(reasons[i].format)) == 0)
            return reasons[i].reason;
    return NULL;
}

/* How many pairs are slow for no reason that is written above. */
static int print_target(const struct encode_target *target, int64_t rows, int passes) {
    struct cost costs[FORMATS];
    int unexplained = 0;
    for (size_t i = 0; i < FORMATS; i++)
        costs[i].cell = measure_pair(formats[i], target, rows, passes, &costs[i].text, &costs[i].rate);
    const double medians[] = {median(costs, false), median(costs, true)};
    for (size_t i = 0; i < FORMATS; i++) {
        if (costs[i].cell <= 0)
            continue;
        bool slow = costs[i].cell > 3 * medians[costs[i].text];
        const char *reason = reason_for(formats[i]);
        printf("%-14s %-12s %-6s %8.2f ns/cell %9.0f MB/s%s%s\n", formats[i], target->name,
               costs[i].text ? "text" : "binary", costs[i].cell, costs[i].rate,
               slow ? "  more than 3 times the median: " : "",
               !slow            ? ""
               : reason != NULL ? reason
                                : "NO REASON IS WRITTEN");
        unexplained += slow && reason == NULL;
    }
    return unexplained;
}

int bench_every_pair(int64_t rows, int passes) {
    int unexplained = 0;
    printf("\nevery pair, %lld rows\n", (long long)rows);
    for (size_t i = 0; i < TARGETS; i++)
        unexplained += print_target(&targets[i], rows, passes);
    return unexplained;
}
