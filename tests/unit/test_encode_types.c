/* docs/types.md against the code: each cell of its tables, each reason for a refusal, and that "yes" means it. */
#include "encode_fixture.h"

enum { COLUMNS = 24, LINE = 4096, CELL = 128, SOURCES = 59 };

/* The targets by what docs/types.md calls them. */
static const struct encode_target targets[] = {
    {(char *)"bool", PG_BOOL, -1},
    {(char *)"bytea", PG_BYTEA, -1},
    {(char *)"int8", PG_INT8, -1},
    {(char *)"int2", PG_INT2, -1},
    {(char *)"int4", PG_INT4, -1},
    {(char *)"text", PG_TEXT, -1},
    {(char *)"json", PG_JSON, -1},
    {(char *)"float4", PG_FLOAT4, -1},
    {(char *)"float8", PG_FLOAT8, -1},
    {(char *)"char", PG_BPCHAR, -1},
    {(char *)"varchar", PG_VARCHAR, -1},
    {(char *)"date", PG_DATE, -1},
    {(char *)"time", PG_TIME, -1},
    {(char *)"timestamp", PG_TIMESTAMP, -1},
    {(char *)"timestamptz", PG_TIMESTAMPTZ, -1},
    {(char *)"interval", PG_INTERVAL, -1},
    {(char *)"numeric", PG_NUMERIC, -1},
    {(char *)"uuid", PG_UUID, -1},
    {(char *)"jsonb", PG_JSONB, -1},
    {(char *)"oid", PG_OID, -1},
    {(char *)"timetz", PG_TIMETZ, -1},
    {(char *)"name", PG_NAME, -1},
    {(char *)"\"char\"", PG_CHAR, -1},
    {(char *)"money", PG_MONEY, -1},
    {(char *)"enum", 16384, -1, .base_name = (char *)"mood"},
    {(char *)"citext", 16385, -1, .base_name = (char *)"citext"},
    {(char *)"inet", 869, -1, .base_name = (char *)"inet"},
    {(char *)"geometry", 16386, -1, .base_name = (char *)"geometry"},
    {(char *)"composite", 16387, -1, .base_name = (char *)"pair"},
    {(char *)"rounding composite", 16388, -1, .base_name = (char *)"pair", .cuts_in_silence = true},
    {(char *)"daterange", 3912, -1, .base_name = (char *)"daterange", .element_oid = PG_DATE,
     .element_type_oid = PG_DATE, .element_modifier = -1},
    {(char *)"int4[]", 1007, -1, .array = true, .element_oid = PG_INT4, .element_type_oid = PG_INT4,
     .element_modifier = -1},
    {(char *)"text[]", 1009, -1, .array = true, .element_oid = PG_TEXT, .element_type_oid = PG_TEXT,
     .element_modifier = -1},
    {(char *)"varchar(3)[]", 1015, 7, .array = true, .element_oid = PG_VARCHAR, .element_type_oid = PG_VARCHAR,
     .element_modifier = 7},
    {(char *)"enum[]", 16389, -1, .array = true, .element_oid = 16384, .element_type_oid = 16384,
     .element_modifier = -1},
    {(char *)"interval year", PG_INTERVAL, 1 << 18 | 0xFFFF},
};
enum { TARGETS = sizeof targets / sizeof *targets };

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

static const struct encode_target *target_of(const char *name) {
    for (size_t i = 0; i < TARGETS; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    fail_msg("docs/types.md has a column for %s", name);
    return NULL;
}

static enum encode_support support_of(const char *format, const struct encode_target *target, char *reason) {
    struct ArrowSchema schema;
    ArrowSchemaInit(&schema);
    fixture_set_format(&schema, format);
    *reason = '\0';
    enum encode_support support = encode_pair_support(&schema, target, reason, 512);
    schema.release(&schema);
    return support;
}

static const char *cell_of(enum encode_support support) {
    return support == PAIR_BINARY ? "yes or checked" : support == PAIR_TEXT ? "text" : "refused:";
}

static void check_cell(const char *format, const char *target, const char *cell) {
    char reason[512];
    char documented[LINE] = "";
    enum encode_support support = support_of(format, target_of(target), reason);
    enum encode_support says = strcmp(cell, "yes") == 0 || strcmp(cell, "checked") == 0 ? PAIR_BINARY
                               : strcmp(cell, "text") == 0                              ? PAIR_TEXT
                                                                                        : PAIR_REFUSED;
    if (getenv("THAW_SHOW_CELLS") != NULL)
        printf("cell|%s|%s|%s|%s\n", format, target, cell_of(support), reason);
    else if (support != says)
        fail_msg("%s into %s: docs/types.md says \"%s\", the code says %s %s", format, target, cell, cell_of(support),
                 reason);
    if (support != PAIR_REFUSED || getenv("THAW_SHOW_CELLS") != NULL)
        return;
    assert_int_equal(strlen(cell), 1);
    read_reason(cell[0], documented);
    size_t length = strlen(documented); /* "its elements: ..." goes on with the elements' own reason */
    if (strncmp(documented, reason, length) != 0 || (reason[length] != '\0' && documented[length - 1] != ':'))
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
    static const char *const wide[] = {"-9999999999999999999999999999999999999999999999999999999999999999999999999999",
                                       "9999999999999999999999999999999999999999999999999999999999999999999999999999",
                                       "0", NULL};
    static const char *const months[] = {"-2147483648", "2147483647", NULL};
    static const char *const day_time[] = {"0 -2147483648 -2147483648", "0 2147483647 2147483647", NULL};
    static const char *const all_parts[] = {"-2147483648 -2147483648 -9223372036854775808",
                                            "2147483647 2147483647 9223372036854775807", NULL};
    static const char *const list[] = {"[]", "[null,\"-2147483648\",\"2147483647\"]", NULL};
    static const char *const fixed_list[] = {"[\"1\",null]", NULL};
    static const char *const nothing[] = {NULL};
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
        if (strncmp(format, "dictionary", 10) == 0)
            return bytes;
        return strstr(format, ",256") != NULL  ? wide
               : strcmp(format, "d:38,2") == 0 ? decimal128
               : strstr(format, ",32") != NULL ? decimal32
                                               : decimal64;
    case 'n':
        return nothing;
    case '+':
        return format[1] == 'l' || format[1] == 'L' ? list : format[1] == 'w' ? fixed_list : nothing;
    case 'e':
        return half;
    case 'f':
        return single;
    case 'g':
        return twofold;
    case 't':
        if (format[1] == 'i')
            return format[2] == 'M' ? months : format[2] == 'D' ? day_time : all_parts;
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
        struct encode_target column = *target_of(target);
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

static void further_sources_are_refused_by_name(void **state) {
    (void)state;
    static const char *const formats[] = {"d:38,39",      "d:38,-39",     "d:76,77,256",
                                          "+us:0,1(i,u)", "+ud:0,1(i,u)", "+r(i,u)"};
    char reason[512];
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (size_t j = 0; j < TARGETS; j++) {
            assert_int_equal(support_of(formats[i], &targets[j], reason), PAIR_REFUSED);
            assert_string_not_equal(reason, "");
        }
    support_of("+us:0,1(i,u)", target_of("text"), reason);
    assert_string_equal(reason, "Arrow's sparse_union has no form in PostgreSQL");
    support_of("+l(+r(i,u))", target_of("jsonb"), reason);
    assert_string_equal(reason, "Arrow's run_end_encoded has no form in PostgreSQL");
}

static void what_is_no_arrow_type_is_refused(void **state) {
    (void)state;
    struct ArrowSchema schema;
    char reason[512];
    ArrowSchemaInit(&schema);
    assert_int_equal(ArrowSchemaSetFormat(&schema, "hmm"), NANOARROW_OK);
    assert_int_equal(encode_pair_support(&schema, target_of("text"), reason, sizeof reason), PAIR_REFUSED);
    assert_non_null(strstr(reason, "not a valid Arrow type"));
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
    assert_string_equal(reason, "the Arrow extension type arrow.opaque isn't known here");
    assert_false(extension_supported("arrow.jso", reason));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_what_the_code_does),
        cmocka_unit_test(yes_takes_the_extremes),
        cmocka_unit_test(further_sources_are_refused_by_name),
        cmocka_unit_test(what_is_no_arrow_type_is_refused),
        cmocka_unit_test(extension_types_are_refused_unless_transparent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
