/* The dialects' SQL: quoting, types, projections and bounds, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "source/dialect.h"

static struct source_column column_of(const struct dialect *dialect, const char *type) {
    struct source_column column = {.name = (char *)"c\"d", .type_name = (char *)type};
    dialect->classify(&column);
    return column;
}

static void assert_text(struct buffer *sql, const char *expected) {
    assert_string_equal(buffer_string(sql), expected);
    buffer_release(sql);
}

static void assert_projection(const struct dialect *dialect, const char *type, const char *expected) {
    struct buffer sql = {0};
    struct source_column column = column_of(dialect, type);
    dialect->projection(&sql, &column);
    assert_text(&sql, expected);
}

static void assert_literal(const struct dialect *dialect, const char *type, const char *text, const char *expected) {
    struct buffer sql = {0};
    struct source_column column = column_of(dialect, type);
    dialect_bound_literal(dialect, &sql, &column, text);
    assert_text(&sql, expected);
}

static void assert_bound(const struct dialect *dialect, const char *type, const char *expected) {
    struct buffer sql = {0};
    struct source_column column = column_of(dialect, type);
    dialect->bound_text(&sql, &column, "X");
    assert_text(&sql, expected);
}

static void assert_type(const struct dialect *dialect, const char *type, enum value_kind kind, int precision, int scale,
                        int64_t length) {
    struct source_column column = column_of(dialect, type);
    assert_int_equal(column.kind, kind);
    assert_int_equal(column.precision, precision);
    assert_int_equal(column.scale, scale);
    assert_int_equal(column.maximum_length, length);
}

static void test_find(void **state) {
    (void)state;
    assert_ptr_equal(dialect_find("snowflake"), &dialect_snowflake);
    assert_ptr_equal(dialect_find("duckdb"), &dialect_duckdb);
    assert_null(dialect_find("Snowflake"));
    assert_null(dialect_find(""));
}

static void test_names(void **state) {
    (void)state;
    struct buffer sql = {0};
    struct source_relation relation = {
        .database = (char *)"D b", .schema = (char *)"s\"x", .name = (char *)"Tä'; DROP"};
    dialect_relation(&dialect_snowflake, &sql, &relation);
    assert_text(&sql, "\"D b\".\"s\"\"x\".\"Tä'; DROP\"");
    relation.database = NULL;
    dialect_relation(&dialect_duckdb, &sql, &relation);
    assert_text(&sql, "\"s\"\"x\".\"Tä'; DROP\"");
}

static void test_text_literals(void **state) {
    (void)state;
    struct buffer sql = {0};
    dialect_snowflake.text_literal(&sql, "a'b\\c\n\\'");
    assert_text(&sql, "'a''b\\\\c\n\\\\'''");
    dialect_duckdb.text_literal(&sql, "a'b\\c\n\\'");
    assert_text(&sql, "'a''b\\c\n\\'''");
    dialect_duckdb.text_literal(&sql, "");
    assert_text(&sql, "''");
}

static void test_snowflake_types(void **state) {
    (void)state;
    const struct dialect *dialect = &dialect_snowflake;
    assert_type(dialect, "NUMBER(38,0)", VALUE_INTEGER, 38, 0, -1);
    assert_type(dialect, "NUMBER(12,2)", VALUE_DECIMAL, 12, 2, -1);
    assert_type(dialect, "NUMBER", VALUE_INTEGER, 38, 0, -1);
    assert_type(dialect, "FLOAT", VALUE_FLOAT, 53, 0, -1);
    assert_type(dialect, "VARCHAR(16777216)", VALUE_TEXT, 0, 0, 16777216);
    assert_type(dialect, "VARCHAR(20) COLLATE 'en-ci'", VALUE_TEXT, 0, 0, 20);
    assert_type(dialect, "BINARY(8388608)", VALUE_BINARY, 0, 0, 8388608);
    assert_type(dialect, "BOOLEAN", VALUE_BOOL, 0, 0, -1);
    assert_type(dialect, "DATE", VALUE_DATE, 0, 0, -1);
    assert_type(dialect, "TIME(3)", VALUE_TIME, 3, 0, -1);
    assert_type(dialect, "TIMESTAMP_NTZ(9)", VALUE_TIMESTAMP, 9, 0, -1);
    assert_type(dialect, "TIMESTAMP_LTZ(0)", VALUE_INSTANT, 0, 0, -1);
    assert_type(dialect, "TIMESTAMP_TZ", VALUE_INSTANT, 9, 0, -1);
    assert_type(dialect, "VARIANT", VALUE_JSON, 0, 0, -1);
    assert_type(dialect, "OBJECT", VALUE_JSON, 0, 0, -1);
    assert_type(dialect, "ARRAY", VALUE_JSON, 0, 0, -1);
    assert_type(dialect, "GEOGRAPHY", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "VECTOR(FLOAT, 3)", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "DECFLOAT(38)", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "A TYPE WHOSE NAME IS LONGER THAN ANY THAT IS KNOWN TO US", VALUE_OTHER, 0, 0, -1);
}

static void test_duckdb_types(void **state) {
    (void)state;
    const struct dialect *dialect = &dialect_duckdb;
    assert_type(dialect, "BIGINT", VALUE_INTEGER, 19, 0, -1);
    assert_type(dialect, "HUGEINT", VALUE_INTEGER, 39, 0, -1);
    assert_type(dialect, "DECIMAL(18,3)", VALUE_DECIMAL, 18, 3, -1);
    assert_type(dialect, "DECIMAL(38,0)", VALUE_DECIMAL, 38, 0, -1);
    assert_type(dialect, "VARCHAR", VALUE_TEXT, 0, 0, -1);
    assert_type(dialect, "ENUM('a', 'b')", VALUE_TEXT, 0, 0, -1);
    assert_type(dialect, "TIMESTAMP_NS", VALUE_TIMESTAMP, 9, 0, -1);
    assert_type(dialect, "TIMESTAMP WITH TIME ZONE", VALUE_INSTANT, 6, 0, -1);
    assert_type(dialect, "TIME WITH TIME ZONE", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "UUID", VALUE_UUID, 0, 0, -1);
    assert_type(dialect, "JSON", VALUE_JSON, 0, 0, -1);
    assert_type(dialect, "INTEGER[]", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "DECIMAL(18,3)[]", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "STRUCT(a INTEGER)", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "MAP(VARCHAR, INTEGER)", VALUE_OTHER, 0, 0, -1);
    assert_type(dialect, "INTERVAL", VALUE_OTHER, 0, 0, -1);
}

static void test_snowflake_projections(void **state) {
    (void)state;
    const struct dialect *dialect = &dialect_snowflake;
    assert_projection(dialect, "NUMBER(38,0)", "\"c\"\"d\"");
    assert_projection(dialect, "VARIANT", "\"c\"\"d\"");
    assert_projection(dialect, "TIME(9)", "\"c\"\"d\"");
    assert_projection(dialect, "TIME(4)", "\"c\"\"d\"::TIME(9)");
    assert_projection(dialect, "TIMESTAMP_NTZ(6)", "\"c\"\"d\"");
    assert_projection(dialect, "TIMESTAMP_NTZ(9)", "\"c\"\"d\"::TIMESTAMP_NTZ(6)");
    assert_projection(dialect, "TIMESTAMP_NTZ(0)", "\"c\"\"d\"::TIMESTAMP_NTZ(6)");
    assert_projection(dialect, "TIMESTAMP_LTZ(6)", "\"c\"\"d\"");
    assert_projection(dialect, "TIMESTAMP_TZ(6)", "\"c\"\"d\"::TIMESTAMP_LTZ(6)");
    assert_projection(dialect, "TIMESTAMP_LTZ(7)", "\"c\"\"d\"::TIMESTAMP_LTZ(6)");
}

static void test_inexact_projections(void **state) {
    (void)state;
    static const char *const exact[] = {"TIMESTAMP_NTZ(6)", "TIMESTAMP_NTZ(3)", "TIMESTAMP_TZ(6)", "TIME(9)",
                                        "NUMBER(38,5)"};
    struct buffer sql = {0};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
        struct source_column column = column_of(&dialect_snowflake, exact[i]);
        assert_false(dialect_snowflake.projection_is_inexact(&sql, &column));
        assert_text(&sql, "");
    }
    struct source_column column = column_of(&dialect_snowflake, "TIMESTAMP_TZ(9)");
    assert_true(dialect_snowflake.projection_is_inexact(&sql, &column));
    assert_text(&sql, "\"c\"\"d\" <> \"c\"\"d\"::TIMESTAMP_LTZ(6)");
    column = column_of(&dialect_duckdb, "TIMESTAMP_NS");
    assert_true(dialect_duckdb.projection_is_inexact(&sql, &column));
    assert_text(&sql, "CASE WHEN isfinite(\"c\"\"d\") THEN epoch_ns(\"c\"\"d\") % 1000 <> 0 END");
    column = column_of(&dialect_duckdb, "TIMESTAMP");
    assert_false(dialect_duckdb.projection_is_inexact(&sql, &column));
    buffer_release(&sql);
}

static void test_duckdb_projections(void **state) {
    (void)state;
    const struct dialect *dialect = &dialect_duckdb;
    assert_projection(dialect, "HUGEINT", "\"c\"\"d\"");
    assert_projection(dialect, "UHUGEINT", "CAST(\"c\"\"d\" AS VARCHAR)");
    assert_projection(dialect, "ENUM('a', 'b')", "\"c\"\"d\"");
    assert_projection(dialect, "ENUM('BIT', 'b')", "\"c\"\"d\"");
    assert_projection(
        dialect, "TIMESTAMP_NS",
        "CASE WHEN isfinite(\"c\"\"d\") THEN make_timestamp(epoch_ns(\"c\"\"d\") // 1000 + CASE WHEN "
        "epoch_ns(\"c\"\"d\") % 1000 >= 500 THEN 1 WHEN epoch_ns(\"c\"\"d\") % 1000 < -500 THEN -1 ELSE 0 END) "
        "ELSE CAST(\"c\"\"d\" AS TIMESTAMP) END");
    assert_projection(dialect, "\"NULL\"", "CAST(\"c\"\"d\" AS VARCHAR)");
    assert_projection(dialect, "UHUGEINT[]", "CAST(\"c\"\"d\" AS VARCHAR[])");
    assert_projection(dialect, "STRUCT(a BIT, \"BIT\" INTEGER, \"x BIT)\" TIME WITH TIME ZONE[3], BITS UHUGEINT)",
                      "CAST(\"c\"\"d\" AS STRUCT(a VARCHAR, \"BIT\" INTEGER, \"x BIT)\" VARCHAR[3], BITS VARCHAR))");
    assert_projection(dialect, "MAP(INTEGER, ENUM('a', 'BIT'))", "\"c\"\"d\"");
    assert_projection(dialect, "ENUM('a', 'b')[]", "\"c\"\"d\"");
    assert_projection(dialect, "BIT", "CAST(\"c\"\"d\" AS VARCHAR)");
    assert_projection(dialect, "TIME WITH TIME ZONE", "CAST(\"c\"\"d\" AS VARCHAR)");
    assert_projection(dialect, "TIMESTAMP WITH TIME ZONE", "\"c\"\"d\"");
}

static void test_snowflake_bounds(void **state) {
    (void)state;
    const struct dialect *dialect = &dialect_snowflake;
    assert_bound(dialect, "VARCHAR(3)", "X");
    assert_bound(dialect, "NUMBER(38,0)", "TO_VARCHAR(X)");
    assert_bound(dialect, "TIMESTAMP_TZ(9)",
                 "(TO_VARCHAR(X::TIMESTAMP_LTZ(9), 'YYYY-MM-DD HH24:MI:SS.FF9') || ' +00:00')");
    assert_literal(dialect, "NUMBER(38,0)", "-99999999999999999999999999999999999999",
                   "'-99999999999999999999999999999999999999'::NUMBER(38,0)");
    assert_literal(dialect, "VARCHAR(3)", "o'\\", "'o''\\\\'");
    assert_literal(dialect, "DATE", "0001-01-01", "'0001-01-01'::DATE");
    assert_literal(dialect, "TIMESTAMP_LTZ(9)", "2026-01-01 00:00:00.000000001 +00:00",
                   "'2026-01-01 00:00:00.000000001 +00:00'::TIMESTAMP_LTZ(9)");
    assert_literal(dialect, "BINARY(16)", "00FF", "TO_BINARY('00FF', 'HEX')");
}

static void test_duckdb_bounds(void **state) {
    (void)state;
    const struct dialect *dialect = &dialect_duckdb;
    assert_bound(dialect, "VARCHAR", "X");
    assert_bound(dialect, "UUID", "CAST(X AS VARCHAR)");
    assert_literal(dialect, "VARCHAR", "it's \\", "'it''s \\'");
    assert_literal(dialect, "ENUM('it''s')", "it's", "CAST('it''s' AS ENUM('it''s'))");
    assert_literal(dialect, "TIMESTAMP WITH TIME ZONE", "2026-01-01 00:00:00+00",
                   "CAST('2026-01-01 00:00:00+00' AS TIMESTAMP WITH TIME ZONE)");
}

static void test_catalogue_queries(void **state) {
    (void)state;
    struct buffer sql = {0};
    struct source_relation relation = {.database = (char *)"D", .schema = (char *)"S", .name = (char *)"it's \"x\""};
    dialect_snowflake.columns_query(&sql, &relation);
    assert_text(&sql, "DESCRIBE TABLE \"D\".\"S\".\"it's \"\"x\"\"\"");
    dialect_snowflake.relations_query(&sql, &relation, false);
    assert_text(&sql, "SELECT table_name AS \"name\", table_type AS \"kind\", TO_VARCHAR(row_count) AS \"rows\", "
                      "comment AS \"comment\" FROM \"D\".INFORMATION_SCHEMA.TABLES WHERE table_schema = 'S' AND "
                      "table_name = 'it''s \"x\"' ORDER BY 1");
    relation.database = NULL;
    relation.schema = NULL;
    dialect_duckdb.columns_query(&sql, &relation);
    assert_non_null(strstr(buffer_string(&sql), "database_name = current_database() AND schema_name = current_schema() "
                                                "AND table_name = 'it''s \"x\"'"));
    buffer_release(&sql);
}

static void assert_key(const struct dialect *dialect, bool as_number, const char *expected, const char *literal) {
    struct buffer sql = {0};
    const struct source_column column = {
        .name = (char *)"it\"s", .type_name = (char *)"VARCHAR", .kind = VALUE_TEXT, .as_number = as_number};
    dialect->key(&sql, &column);
    assert_text(&sql, expected);
    dialect_bound_literal(dialect, &sql, &column, "-7");
    assert_text(&sql, literal);
    buffer_release(&sql);
}

static void test_keys(void **state) {
    (void)state;
    assert_key(&dialect_snowflake, false, "\"it\"\"s\"", "'-7'");
    assert_key(&dialect_duckdb, false, "\"it\"\"s\"", "'-7'");
    assert_key(&dialect_snowflake, true, "TRY_TO_NUMBER(\"it\"\"s\", 38, 0)", "'-7'::NUMBER(38,0)");
    assert_key(&dialect_duckdb, true, "TRY_CAST(\"it\"\"s\" AS DECIMAL(38,0))", "CAST('-7' AS DECIMAL(38,0))");
}

static void test_hashes(void **state) {
    (void)state;
    struct buffer sql = {0};
    const struct source_column columns[] = {{.name = (char *)"A"}, {.name = (char *)"it\"s"}};
    dialect_snowflake.hash_bucket(&sql, columns, 2, 16384);
    assert_text(&sql, "ABS(MOD(HASH(\"A\", \"it\"\"s\"), 16384))");
    dialect_duckdb.hash_bucket(&sql, columns, 2, 16384);
    assert_text(&sql, "hash(\"A\", \"it\"\"s\") % CAST(16384 AS UBIGINT)");
    buffer_release(&sql);
}

static void test_moments(void **state) {
    (void)state;
    struct buffer sql = {0};
    struct error error;
    struct source_relation relation = {.database = (char *)"D", .schema = (char *)"S", .name = (char *)"T"};
    dialect_from(&dialect_snowflake, &sql, &relation);
    assert_text(&sql, "\"D\".\"S\".\"T\"");
    relation.moment = (char *)"2024-01-01 00:00:00.123 +00:00";
    dialect_from(&dialect_snowflake, &sql, &relation);
    assert_text(&sql, "\"D\".\"S\".\"T\" AT (TIMESTAMP => '2024-01-01 00:00:00.123 +00:00'::TIMESTAMP_TZ)");
    dialect_relation(&dialect_snowflake, &sql, &relation);
    assert_text(&sql, "\"D\".\"S\".\"T\"");
    assert_null(dialect_duckdb.at_moment);
    error_set(&error, ERROR_CONFIG, "000707 (02000): Time travel data is not available for table T.");
    assert_true(dialect_snowflake.moment_is_lost(&error));
    error_set(&error, ERROR_CONFIG, "002003 (42S02): Object 'T' does not exist or not authorized.");
    assert_false(dialect_snowflake.moment_is_lost(&error));
    buffer_release(&sql);
}

static void test_split_type(void **state) {
    (void)state;
    char name[8];
    int64_t first, second;
    dialect_split_type("number( 12 , 2)", name, sizeof name, &first, &second);
    assert_string_equal(name, "NUMBER");
    dialect_split_type("DECIMAL(12, 2)", name, sizeof name, &first, &second);
    assert_string_equal(name, "DECIMAL");
    assert_int_equal(first, 12);
    assert_int_equal(second, 2);
    dialect_split_type("TIMESTAMP_NTZ(9", name, sizeof name, &first, &second);
    assert_string_equal(name, "TIMESTA"); /* cut, never written beyond */
    dialect_split_type("(", name, sizeof name, &first, &second);
    assert_string_equal(name, "");
    assert_int_equal(first, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_text_literals),
        cmocka_unit_test(test_snowflake_types),
        cmocka_unit_test(test_duckdb_types),
        cmocka_unit_test(test_snowflake_projections),
        cmocka_unit_test(test_inexact_projections),
        cmocka_unit_test(test_duckdb_projections),
        cmocka_unit_test(test_snowflake_bounds),
        cmocka_unit_test(test_duckdb_bounds),
        cmocka_unit_test(test_catalogue_queries),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_split_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
