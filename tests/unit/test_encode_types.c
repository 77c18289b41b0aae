/* docs/types.md against the code: each cell of its tables, each reason for a refusal, and that "yes" means it. */
#include "encode_fixture.h"

enum { COLUMNS = 16, LINE = 4096, CELL = 128, SOURCES = 34 };

struct target_name {
    const char *name;
    uint32_t type_oid;
};

static const struct target_name target_names[] = {
    {"bool", PG_BOOL},       {"bytea", PG_BYTEA},         {"int8", PG_INT8},
    {"int2", PG_INT2},       {"int4", PG_INT4},           {"text", PG_TEXT},
    {"json", PG_JSON},       {"float4", PG_FLOAT4},       {"float8", PG_FLOAT8},
    {"char", PG_BPCHAR},     {"varchar", PG_VARCHAR},     {"date", PG_DATE},
    {"time", PG_TIME},       {"timestamp", PG_TIMESTAMP}, {"timestamptz", PG_TIMESTAMPTZ},
    {"numeric", PG_NUMERIC}, {"uuid", PG_UUID},           {"jsonb", PG_JSONB},
};
enum { TARGETS = sizeof target_names / sizeof *target_names };

static FILE *open_document(void) {
    char path[4096];
    const char *root = getenv("THAW_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/docs/types.md", root != NULL ? root : ".");
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s is missing", path);
    return file;
}

/* The reason behind the letter of a cell. */
static void read_reason(char letter, char *reason) {
    char line[LINE];
    FILE *file = open_document();
    *reason = '\0';
    while (fgets(line, sizeof line, file) != NULL)
        if (line[0] == '-' && line[1] == ' ' && line[2] == letter && line[3] == ':')
            snprintf(reason, LINE, "%.*s", (int)strcspn(line + 5, "\n"), line + 5);
    fclose(file);
    if (*reason == '\0')
        fail_msg("docs/types.md has no reason %c", letter);
}

/* "| a | b |" into cells without the spaces around them. */
static int split_cells(char *line, char cells[COLUMNS][CELL]) {
    int count = 0;
    char *rest = line + 1;
    for (char *cell = strtok_r(rest, "|\n", &rest); cell != NULL && count < COLUMNS;
         cell = strtok_r(NULL, "|\n", &rest)) {
        while (*cell == ' ')
            cell++;
        size_t length = strlen(cell);
        while (length > 0 && cell[length - 1] == ' ')
            length--;
        assert_true(length < CELL);
        snprintf(cells[count++], CELL, "%.*s", (int)length, cell);
    }
    return count;
}

static uint32_t type_oid_of(const char *name) {
    for (size_t i = 0; i < TARGETS; i++)
        if (strcmp(target_names[i].name, name) == 0)
            return target_names[i].type_oid;
    fail_msg("docs/types.md has a column for %s", name);
    return 0;
}

static bool pair_supported(const char *format, uint32_t type_oid, char *reason) {
    struct ArrowSchema schema;
    struct encode_target target = {(char *)"c", type_oid, -1, (char *)"type"};
    ArrowSchemaInit(&schema);
    assert_int_equal(ArrowSchemaSetFormat(&schema, format), NANOARROW_OK);
    *reason = '\0';
    bool supported = encode_pair_support(&schema, &target, reason, 256) != PAIR_REFUSED;
    schema.release(&schema);
    return supported;
}

static void check_cell(const char *format, const char *target, const char *cell) {
    char reason[256];
    char documented[LINE] = "";
    bool supported = pair_supported(format, type_oid_of(target), reason);
    bool says_supported = strcmp(cell, "yes") == 0 || strcmp(cell, "checked") == 0;
    if (supported != says_supported)
        fail_msg("%s into %s: docs/types.md says \"%s\", the code says %s %s", format, target, cell,
                 supported ? "supported" : "refused:", reason);
    if (supported)
        return;
    assert_int_equal(strlen(cell), 1);
    read_reason(cell[0], documented);
    if (strcmp(documented, reason) != 0)
        fail_msg("%s into %s: docs/types.md says \"%s\", the code \"%s\"", format, target, documented, reason);
}

/* Call `visit` for each cell of the tables of pairs. */
static int visit_cells(void (*visit)(const char *format, const char *target, const char *cell)) {
    static char header[COLUMNS][CELL];
    static char cells[COLUMNS][CELL];
    char line[LINE];
    int columns = 0;
    int visited = 0;
    FILE *file = open_document();
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "| Arrow |", 9) == 0) {
            columns = split_cells(line, header);
            assert_true(columns < COLUMNS);
        } else if (line[0] != '|') {
            columns = 0;
        } else if (columns > 0 && line[1] != '-') {
            assert_int_equal(split_cells(line, cells), columns);
            char *format = strchr(cells[0], '`');
            assert_non_null(format);
            format[strlen(format) - 1] = '\0';
            for (int i = 1; i < columns; i++, visited++)
                visit(format + 1, header[i], cells[i]);
        }
    }
    fclose(file);
    return visited;
}

static void every_cell_is_what_the_code_does(void **state) {
    (void)state;
    assert_int_equal(visit_cells(check_cell), SOURCES * TARGETS);
}

/* The extreme values of a format, in fixture_append()'s spelling. */
static const char *const *extremes_of(const char *format) {
    static const char *const truth[] = {"0", "1", NULL};
    static const char *const int8[] = {"-128", "127", NULL};
    static const char *const uint8[] = {"0", "255", NULL};
    static const char *const int16[] = {"-32768", "32767", NULL};
    static const char *const uint16[] = {"0", "65535", NULL};
    static const char *const int32[] = {"-2147483648", "2147483647", NULL};
    static const char *const uint32[] = {"0", "4294967295", NULL};
    static const char *const int64[] = {"-9223372036854775808", "9223372036854775807", "9223372036854775806", NULL};
    static const char *const uint64[] = {"0", "18446744073709551615", NULL};
    static const char *const decimal32[] = {"-999999999", "999999999", NULL};
    static const char *const decimal64[] = {"-999999999999999999", "999999999999999999", NULL};
    static const char *const decimal128[] = {"-99999999999999999999999999999999999999",
                                             "99999999999999999999999999999999999999", NULL};
    static const char *const half[] = {"-65504", "5.960464477539063e-08", "inf", "nan", NULL};
    static const char *const single[] = {"-3.4028234663852886e38", "1e-45", "-inf", "nan", NULL};
    static const char *const twofold[] = {"-1.7976931348623157e308", "5e-324", "inf", "nan", NULL};
    static const char *const bytes[] = {"0123456789abcdef", NULL};
    switch (format[0]) {
    case 'b':
        return truth;
    case 'c':
        return int8;
    case 'C':
        return uint8;
    case 's':
        return int16;
    case 'S':
        return uint16;
    case 'i':
        return int32;
    case 'I':
        return uint32;
    case 'l':
        return int64;
    case 'L':
        return uint64;
    case 'd':
        return strcmp(format, "d:38,2") == 0 ? decimal128 : strstr(format, ",32") != NULL ? decimal32 : decimal64;
    case 'e':
        return half;
    case 'f':
        return single;
    case 'g':
        return twofold;
    case 't':
        return format[1] == 'd' && format[2] == 'D'          ? int32
               : format[1] == 't' && strchr("sm", format[2]) ? int32
                                                             : int64;
    default:
        return bytes;
    }
}

static void check_promise(const char *format, const char *target, const char *cell) {
    if (strcmp(cell, "yes") != 0)
        return;
    for (const char *const *value = extremes_of(format); *value != NULL; value++) {
        struct encode_target column = {(char *)"c", type_oid_of(target), -1, (char *)target};
        struct fixture fixture;
        fixture_init(&fixture, &format, 1, &column, 1);
        fixture_append(&fixture, 0, *value);
        fixture_finish_batch(&fixture);
        if (!fixture_encode(&fixture))
            fail_msg("docs/types.md says that each %s fits into %s: %s", format, target, fixture.error.message);
        fixture_release(&fixture);
    }
}

static void yes_takes_the_extremes(void **state) {
    (void)state;
    visit_cells(check_promise);
}

static void further_targets_are_refused_for_reason_e(void **state) {
    (void)state;
    enum { PG_NAME = 19, PG_OID = 26, PG_XML = 142, PG_INT4_ARRAY = 1007, PG_TIMETZ = 1266, PG_INTERVAL = 1186 };
    static const uint32_t further[] = {0, PG_NAME, PG_OID, PG_XML, PG_INT4_ARRAY, PG_TIMETZ, PG_INTERVAL, 16384};
    static const char *const formats[] = {"i", "u", "z", "tsu:", "d:10,2"};
    char documented[LINE] = "";
    char reason[256];
    read_reason('e', documented);
    for (size_t i = 0; i < sizeof further / sizeof *further; i++)
        for (size_t j = 0; j < sizeof formats / sizeof *formats; j++) {
            assert_false(pair_supported(formats[j], further[i], reason));
            assert_string_equal(reason, documented);
        }
}

static void further_sources_are_refused_by_name(void **state) {
    (void)state;
    static const char *const formats[] = {"n", "d:76,2,256", "vu", "vz", "tiM", "tin", "tDu", "d:38,39", "d:38,-39"};
    char reason[256];
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (size_t j = 0; j < TARGETS; j++) {
            assert_false(pair_supported(formats[i], target_names[j].type_oid, reason));
            assert_string_not_equal(reason, "");
        }
    assert_false(pair_supported("vu", PG_TEXT, reason));
    assert_string_equal(reason, "Arrow's string_view has no binary form here");
    assert_false(pair_supported("hmm", PG_TEXT, reason));
    assert_non_null(strstr(reason, "not a valid Arrow type"));
}

static void dictionaries_and_lists_are_refused(void **state) {
    (void)state;
    struct ArrowSchema schema;
    struct encode_target target = {(char *)"c", PG_TEXT, -1, (char *)"text"};
    char reason[256];
    ArrowSchemaInit(&schema);
    assert_int_equal(ArrowSchemaSetType(&schema, NANOARROW_TYPE_INT32), NANOARROW_OK);
    assert_int_equal(ArrowSchemaAllocateDictionary(&schema), NANOARROW_OK);
    ArrowSchemaInit(schema.dictionary);
    assert_int_equal(ArrowSchemaSetType(schema.dictionary, NANOARROW_TYPE_STRING), NANOARROW_OK);
    assert_int_equal(encode_pair_support(&schema, &target, reason, sizeof reason), PAIR_REFUSED);
    assert_string_equal(reason, "Arrow's dictionary has no binary form here");
    schema.release(&schema);
    ArrowSchemaInit(&schema);
    assert_int_equal(ArrowSchemaSetType(&schema, NANOARROW_TYPE_LIST), NANOARROW_OK);
    assert_int_equal(ArrowSchemaSetType(schema.children[0], NANOARROW_TYPE_INT32), NANOARROW_OK);
    assert_int_equal(encode_pair_support(&schema, &target, reason, sizeof reason), PAIR_REFUSED);
    assert_string_equal(reason, "Arrow's list has no binary form here");
    schema.release(&schema);
}

static bool extension_supported(const char *name, char *reason) {
    struct ArrowSchema schema;
    struct ArrowBuffer metadata;
    struct encode_target target = {(char *)"c", PG_TEXT, -1, (char *)"text"};
    ArrowSchemaInit(&schema);
    assert_int_equal(ArrowSchemaSetType(&schema, NANOARROW_TYPE_STRING), NANOARROW_OK);
    assert_int_equal(ArrowMetadataBuilderInit(&metadata, NULL), NANOARROW_OK);
    assert_int_equal(ArrowMetadataBuilderAppend(&metadata, ArrowCharView("ARROW:extension:name"), ArrowCharView(name)),
                     NANOARROW_OK);
    assert_int_equal(ArrowSchemaSetMetadata(&schema, (const char *)metadata.data), NANOARROW_OK);
    ArrowBufferReset(&metadata);
    bool supported = encode_pair_support(&schema, &target, reason, 256) != PAIR_REFUSED;
    schema.release(&schema);
    return supported;
}

static void extension_types_are_refused_unless_transparent(void **state) {
    (void)state;
    char reason[256];
    assert_true(extension_supported("arrow.json", reason));
    assert_false(extension_supported("arrow.opaque", reason));
    assert_string_equal(reason, "the Arrow extension type arrow.opaque has no binary form here");
    assert_false(extension_supported("arrow.jso", reason));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_what_the_code_does),
        cmocka_unit_test(yes_takes_the_extremes),
        cmocka_unit_test(further_targets_are_refused_for_reason_e),
        cmocka_unit_test(further_sources_are_refused_by_name),
        cmocka_unit_test(dictionaries_and_lists_are_refused),
        cmocka_unit_test(extension_types_are_refused_unless_transparent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
