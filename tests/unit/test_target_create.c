/* Which type a source's column gets: spelled out, held against the encoder, and against what PostgreSQL makes of it. */
#include "server.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "encode_fixture.h"
#include "target/create.h"

/* A column of a source: its type, the Arrow format in which the driver gives what is selected of it, and what it becomes. */
struct pairing {
    const char *type, *arrow, *made, *with_lengths; /* NULL: the same */
};

static const struct pairing snowflake[] = {
    {"NUMBER(1,0)", "d:1,0", "integer"},
    {"NUMBER(4,0)", "d:4,0", "integer"},
    {"NUMBER(9,0)", "d:9,0", "integer"},
    {"NUMBER(10,0)", "d:10,0", "bigint"},
    {"NUMBER(18,0)", "d:18,0", "bigint"},
    {"NUMBER(19,0)", "d:19,0", "numeric(19,0)"},
    {"NUMBER(38,0)", "d:38,0", "numeric(38,0)"},
    {"NUMBER(2,2)", "d:2,2", "numeric(2,2)"},
    {"NUMBER(38,37)", "d:38,37", "numeric(38,37)"},
    {"FLOAT", "g", "double precision"},
    {"BOOLEAN", "b", "boolean"},
    {"VARCHAR(16777216)", "u", "text", "text"},
    {"VARCHAR(10485760)", "u", "text", "character varying(10485760)"},
    {"VARCHAR(20) COLLATE 'en-ci'", "u", "text", "character varying(20)"},
    {"BINARY(8388608)", "z", "bytea"},
    {"DATE", "tdD", "date"},
    {"TIME(0)", "ttn", "time(0) without time zone"},
    {"TIME(6)", "ttu", "time without time zone"},
    {"TIME(9)", "ttn", "time without time zone"},
    {"TIMESTAMP_NTZ(0)", "tsu:", "timestamp(0) without time zone"},
    {"TIMESTAMP_NTZ(9)", "tsu:", "timestamp without time zone"},
    {"TIMESTAMP_LTZ(3)", "tsu:UTC", "timestamp(3) with time zone"},
    {"TIMESTAMP_TZ(9)", "tsu:UTC", "timestamp with time zone"},
    {"UUID", "u", "uuid"},
    {"VARIANT", "u", "jsonb"},
    {"OBJECT", "u", "jsonb"},
    {"OBJECT(a NUMBER(38,0), b VARCHAR(16777216))", "u", "jsonb"},
    {"ARRAY", "u", "jsonb"},
    {"ARRAY(NUMBER(38,0))", "u", "jsonb"},
    {"MAP(VARCHAR(16777216), NUMBER(38,0))", "u", "jsonb"},
    {"GEOGRAPHY", "u", "jsonb"},
    {"GEOMETRY", "u", "jsonb"},
};

static const struct pairing duckdb[] = {
    {"TINYINT", "c", "smallint"},
    {"UTINYINT", "C", "smallint"},
    {"SMALLINT", "s", "smallint"},
    {"USMALLINT", "S", "integer"},
    {"INTEGER", "i", "integer"},
    {"UINTEGER", "I", "bigint"},
    {"BIGINT", "l", "bigint"},
    {"UBIGINT", "L", "numeric(20,0)"},
    {"HUGEINT", "d:38,0", "numeric(39,0)"},
    {"UHUGEINT", "u", "numeric(39,0)"},
    {"BIGNUM", "u", "numeric"},
    {"DECIMAL(9,0)", "d:9,0", "integer"},
    {"DECIMAL(18,3)", "d:18,3", "numeric(18,3)"},
    {"FLOAT", "f", "real"},
    {"DOUBLE", "g", "double precision"},
    {"BOOLEAN", "b", "boolean"},
    {"VARCHAR", "u", "text", "text"},
    {"ENUM('a', 'b[]')", "dictionary(u)", "text"},
    {"BLOB", "z", "bytea"},
    {"DATE", "tdD", "date"},
    {"TIME", "ttu", "time without time zone"},
    {"TIME_NS", "ttn", "time without time zone"},
    {"TIME WITH TIME ZONE", "u", "time with time zone"},
    {"TIMESTAMP", "tsu:", "timestamp without time zone"},
    {"TIMESTAMP_S", "tss:", "timestamp(0) without time zone"},
    {"TIMESTAMP_MS", "tsm:", "timestamp(3) without time zone"},
    {"TIMESTAMP_NS", "tsu:", "timestamp without time zone"},
    {"TIMESTAMP WITH TIME ZONE", "tsu:UTC", "timestamp with time zone"},
    {"INTERVAL", "tin", "interval"},
    {"UUID", "u", "uuid"},
    {"JSON", "u", "jsonb"},
    {"BIT", "u", "bit varying"},
    {"\"NULL\"", "u", "text"},
    {"STRUCT(a INTEGER[], b BIT)", "+s(i,u)", "jsonb"},
    {"MAP(VARCHAR, INTEGER)", "+m(u,i)", "jsonb"},
    {"INTEGER[]", "+l(i)", "integer[]"},
    {"INTEGER[3]", "+w:3(i)", "integer[]"},
    {"DECIMAL(10,2)[]", "+l(d:10,2)", "numeric(10,2)[]"},
    {"TIMESTAMP_MS[]", "+l(tsm:)", "timestamp(3) without time zone[]"},
    {"ENUM('a[', 'b')[]", "+l(u)", "text[]"},
    {"UUID[]", "+l(u)", "uuid[]"},
    {"JSON[]", "+l(u)", "jsonb[]"},
    {"BIT[]", "+l(u)", "text[]"},
    {"BIGNUM[]", "+l(u)", "text[]"},
    {"INTERVAL[]", "+l(tin)", "interval[]"},
    {"INTEGER[][]", "+l(+l(i))", "jsonb"},
    {"STRUCT(a INTEGER)[]", "+l(+s(i,u))", "jsonb"},
    {"MAP(VARCHAR, INTEGER)[]", "+l(+s(i,u))", "jsonb"},
};

static struct source_column column_of(const struct dialect *dialect, const char *type) {
    struct source_column column = {.name = (char *)"c", .type_name = (char *)type, .nullable = true};
    dialect->classify(&column);
    return column;
}

static void assert_encodable(const struct pairing *pairing, const struct encode_target *target) {
    struct ArrowSchema schema;
    char reason[512];
    ArrowSchemaInit(&schema);
    fixture_set_format(&schema, pairing->arrow);
    if (encode_pair_support(&schema, target, reason, sizeof reason) == PAIR_REFUSED)
        fail_msg("%s (%s) into %s: %s", pairing->type, pairing->arrow, target->type_name, reason);
    schema.release(&schema);
}

/* The design says of a column what PostgreSQL says of it once it is made. */
static void assert_described(const struct pairing *pairing, const struct encode_target *designed,
                             const char *expected) {
    struct target_table table;
    struct buffer sql = {0};
    buffer_appendf(&sql, "DROP TABLE IF EXISTS made; CREATE TABLE made (c %s)", designed->type_name);
    server_execute(&server_admin, "%s", buffer_string(&sql));
    buffer_release(&sql);
    must(target_describe(&server_admin, "public", "made", false, &table, &error));
    const struct encode_target *made = &table.columns[0].encode;
    if (strcmp(made->type_name, expected) != 0)
        fail_msg("%s becomes %s, not %s", pairing->type, made->type_name, expected);
    assert_int_equal(designed->type_oid, made->type_oid);
    assert_int_equal(designed->type_modifier, made->type_modifier);
    assert_int_equal(designed->array, made->array);
    assert_int_equal(designed->element_oid, made->element_oid);
    assert_int_equal(designed->element_type_oid, made->element_type_oid);
    if (made->array)
        assert_int_equal(designed->element_modifier, made->element_modifier);
    target_table_release(&table);
}

static void assert_pairing(const struct dialect *dialect, const struct pairing *pairing, bool lengths) {
    struct source_column column = column_of(dialect, pairing->type);
    struct encode_target target;
    if (!create_type(&target, dialect, &column, lengths))
        fail_msg("%s has no type", pairing->type);
    assert_encodable(pairing, &target);
    assert_described(pairing, &target,
                     lengths && pairing->with_lengths != NULL ? pairing->with_lengths : pairing->made);
    memory_release(&target.type_name);
}

static void each_type_can_be_loaded(void **state) {
    (void)state;
    for (int lengths = 0; lengths < 2; lengths++) {
        for (size_t i = 0; i < sizeof snowflake / sizeof *snowflake; i++)
            assert_pairing(&dialect_snowflake, &snowflake[i], lengths == 1);
        for (size_t i = 0; i < sizeof duckdb / sizeof *duckdb; i++)
            assert_pairing(&dialect_duckdb, &duckdb[i], lengths == 1);
    }
}

static void what_has_no_type_is_refused(void **state) {
    (void)state;
    static const char *const unknown[] = {"UNION(a INTEGER, b VARCHAR)", "GEOMETRY", "SOMETHING NEW", ""};
    struct encode_target target;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct source_column column = column_of(&dialect_duckdb, unknown[i]);
        assert_false(create_type(&target, &dialect_duckdb, &column, false));
        assert_null(target.type_name);
    }
    struct source_column vector = column_of(&dialect_snowflake, "VECTOR(FLOAT, 3)");
    assert_false(create_type(&target, &dialect_snowflake, &vector, false));
}

static void names_are_quoted(void **state) {
    (void)state;
    struct source_column columns[] = {column_of(&dialect_duckdb, "INTEGER"), column_of(&dialect_duckdb, "VARCHAR")};
    columns[0].name = (char *)"I\"d";
    columns[0].comment = (char *)"it's \\ a key";
    columns[0].nullable = false;
    columns[1].name = (char *)"select";
    struct source_table source = {.columns = columns, .column_count = 2, .comment = (char *)"T"};
    char *key[] = {(char *)"x\"y"};
    struct config_option mapping = {(char *)"I\"d", (char *)"x\"y"};
    const struct config_table config = {.target = (char *)"t\"; DROP",
                                        .uniqueness_columns = key,
                                        .uniqueness_column_count = 1,
                                        .column_mapping = &mapping,
                                        .column_mapping_count = 1};
    struct target_table table;
    struct buffer sql = {0};
    must(create_design(&table, &source, &dialect_duckdb, &config, "public", false, &error));
    create_statement(&sql, &table, &config);
    create_comments(&sql, &table, &source, &config);
    assert_string_equal(buffer_string(&sql),
                        "CREATE TABLE \"public\".\"t\"\"; DROP\" (\n"
                        "    \"x\"\"y\" integer NOT NULL,\n"
                        "    \"select\" text,\n"
                        "    PRIMARY KEY (\"x\"\"y\")\n"
                        ");\n"
                        "COMMENT ON TABLE \"public\".\"t\"\"; DROP\" IS 'T';\n"
                        "COMMENT ON COLUMN \"public\".\"t\"\"; DROP\".\"x\"\"y\" IS  E'it''s \\\\ a key';\n");
    server_execute(&server_admin, "%s", buffer_string(&sql));
    buffer_release(&sql);
    target_table_release(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_can_be_loaded),
        cmocka_unit_test(what_has_no_type_is_refused),
        cmocka_unit_test(names_are_quoted),
    };
    return cmocka_run_group_tests(tests, server_open_admin, server_close_admin);
}
