/* The SQL that a plan sends, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "plan/plan.h"

static char database_name[] = "DB", schema_name[] = "my schema", relation_name[] = "T\"1", id_name[] = "ID",
            id_type[] = "BIGINT", day_name[] = "day", day_type[] = "DATE", at_name[] = "at",
            at_type[] = "TIMESTAMP_NTZ(9)";

static struct source_column columns[] = {
    {.name = id_name, .type_name = id_type, .kind = VALUE_INTEGER},
    {.name = day_name, .type_name = day_type, .kind = VALUE_DATE},
    {.name = at_name, .type_name = at_type, .kind = VALUE_TIMESTAMP, .precision = 9},
};
static const struct source_table table = {
    .relation = {.database = database_name, .schema = schema_name, .name = relation_name},
    .columns = columns,
    .column_count = 3,
};

#define RELATION "\"DB\".\"my schema\".\"T\"\"1\""

static void assert_sql(struct buffer *sql, const char *expected) {
    assert_string_equal(buffer_string(sql), expected);
    buffer_release(sql);
}

static void no_keys_count(void **state) {
    struct buffer sql = {0};
    const struct plan_size size = {.batch_rows = 1};

    (void)state;
    plan_query(&sql, &dialect_duckdb, &table.relation, NULL, NULL, 0, &size);
    assert_sql(&sql, "SELECT CAST(COUNT(*) AS VARCHAR) AS THAW_ROWS FROM " RELATION);
    plan_query(&sql, &dialect_duckdb, &table.relation, "a = 1 -- why", NULL, 0, &size);
    assert_sql(&sql, "SELECT CAST(COUNT(*) AS VARCHAR) AS THAW_ROWS FROM " RELATION " WHERE (\na = 1 -- why\n)");
}

static void one_key(void **state) {
    struct buffer sql = {0};
    const struct plan_size size = {.batch_rows = 500};

    (void)state;
    plan_query(&sql, &dialect_duckdb, &table.relation, "x > 0", &columns[0], 1, &size);
    assert_sql(
        &sql,
        "SELECT CAST(THAW_FIRST_1 AS VARCHAR) AS THAW_LOWER_1, CAST(THAW_LAST_1 AS VARCHAR) AS THAW_HIGHEST_1, "
        "CAST(THAW_NULL AS VARCHAR) AS THAW_NULLS, CAST(THAW_COUNT AS VARCHAR) AS THAW_ROWS, "
        "CAST(THAW_LAST_COUNT AS VARCHAR) AS THAW_LAST_ROWS, "
        "CASE WHEN (LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) IS NULL OR "
        "LAG(THAW_LAST_1) OVER (ORDER BY THAW_NULL, THAW_FIRST_RANK) < THAW_FIRST_1) AND THAW_FIRST_1 <= THAW_LAST_1 "
        "THEN '1' ELSE '0' END AS THAW_ASCENDING, "
        "CASE WHEN THAW_NULL = 1 THEN '0' WHEN NOT COALESCE(CAST(CAST(THAW_FIRST_1 AS VARCHAR) AS BIGINT) = "
        "THAW_FIRST_1 AND "
        "CAST(CAST(THAW_LAST_1 AS VARCHAR) AS BIGINT) = THAW_LAST_1, FALSE) THEN '1' ELSE '0' END AS THAW_UNREAD FROM ("
        "SELECT MIN(THAW_KEY_1) AS THAW_FIRST_1, MAX(THAW_KEY_1) AS THAW_LAST_1, THAW_NULL, COUNT(*) AS THAW_COUNT, "
        "COUNT(*) - (MAX(THAW_RANK) - MIN(THAW_RANK)) AS THAW_LAST_COUNT, MIN(THAW_RANK) AS THAW_FIRST_RANK FROM ("
        "SELECT \"ID\" AS THAW_KEY_1, CASE WHEN \"ID\" IS NULL THEN 1 ELSE 0 END AS THAW_NULL, "
        "RANK() OVER (ORDER BY \"ID\" NULLS LAST) AS THAW_RANK FROM " RELATION " WHERE (\nx > 0\n)) AS THAW_RANKED "
        "GROUP BY THAW_NULL, CASE WHEN THAW_NULL = 1 THEN -1 ELSE THAW_RANK - 1 - MOD(THAW_RANK - 1, 500) END"
        ") AS THAW_BUCKETS ORDER BY THAW_NULL, THAW_FIRST_RANK");
}

static void invariant_02_one_aggregate_query(void **state) {
    struct buffer sql = {0};
    const struct plan_size size = {.minimum_rows = 100};
    const char *text;

    (void)state;
    plan_query(&sql, &dialect_snowflake, &table.relation, NULL, columns, 2, &size);
    text = buffer_string(&sql);
    /* One reading of the relation, one statement. */
    assert_non_null(strstr(text, RELATION));
    assert_null(strstr(strstr(text, RELATION) + 1, RELATION));
    assert_null(strchr(text, ';'));
    assert_non_null(strstr(text, "MIN_BY(THAW_KEY_2, THAW_RANK) AS THAW_FIRST_2"));
    assert_non_null(strstr(text, "MAX_BY(THAW_KEY_1, THAW_RANK) AS THAW_LAST_1"));
    assert_non_null(strstr(text, "RANK() OVER (ORDER BY CASE WHEN \"ID\" IS NULL OR \"day\" IS NULL THEN 1 ELSE 0 END, "
                                 "\"ID\", \"day\")"));
    assert_non_null(strstr(text, "MOD(THAW_RANK - 1, 50)"));
    buffer_release(&sql);
}

static void a_hash_plan(void **state) {
    struct buffer sql = {0};

    (void)state;
    plan_hash_query(&sql, &dialect_snowflake, &table.relation, "x > 0 --", columns, 2);
    assert_sql(&sql, "SELECT CAST(THAW_BUCKET AS VARCHAR) AS THAW_NUMBER, CAST(COUNT(*) AS VARCHAR) AS THAW_ROWS, "
                     "TO_VARCHAR(HASH('thaw', 38, NULL)) AS THAW_PROBE FROM (SELECT "
                     "ABS(MOD(HASH(\"ID\", \"day\"), 16384)) AS THAW_BUCKET FROM " RELATION
                     " WHERE (\nx > 0 --\n)) AS THAW_HASHED GROUP BY THAW_BUCKET ORDER BY THAW_BUCKET");
    plan_probe_query(&sql, &dialect_duckdb);
    assert_sql(&sql, "SELECT CAST(hash('thaw', 38, NULL) AS VARCHAR) AS THAW_PROBE");
}

static void text_keys(void **state) {
    static char text_type[] = "VARCHAR";
    struct source_column text = {.name = id_name, .type_name = text_type, .kind = VALUE_TEXT};
    const struct plan_size size = {.batch_rows = 500};
    struct buffer sql = {0};

    (void)state;
    plan_query(&sql, &dialect_duckdb, &table.relation, NULL, &text, 1, &size);
    assert_non_null(
        strstr(buffer_string(&sql), "CASE WHEN LENGTH(THAW_FIRST_1) <= 1000 THEN THAW_FIRST_1 END AS THAW_LOWER_1"));
    assert_non_null(strstr(buffer_string(&sql), "'0' AS THAW_UNREAD"));
    buffer_clear(&sql);
    text.as_number = true;
    plan_query(&sql, &dialect_duckdb, &table.relation, NULL, &text, 1, &size);
    assert_null(strstr(buffer_string(&sql), "LENGTH"));
    assert_non_null(strstr(buffer_string(&sql), "SELECT TRY_CAST(\"ID\" AS DECIMAL(38,0)) AS THAW_KEY_1, CASE WHEN "
                                                "TRY_CAST(\"ID\" AS DECIMAL(38,0)) IS NULL THEN 1 ELSE 0 END AS "
                                                "THAW_NULL, RANK() OVER (ORDER BY TRY_CAST(\"ID\" AS DECIMAL(38,0)) "
                                                "NULLS LAST)"));
    buffer_release(&sql);
}

static char low_id[] = "7", high_id[] = "9", low_day[] = "2024-01-01", high_day[] = "2024-12-31";
static char *lower[] = {low_id, low_day};
static char *upper[] = {high_id, high_day};

static void assert_predicate(size_t key_count, const struct plan_chunk *chunk, const char *expected) {
    struct buffer sql = {0};

    plan_predicate(&sql, &dialect_duckdb, columns, key_count, chunk);
    assert_sql(&sql, expected);
}

#define ID(value) "CAST('" value "' AS BIGINT)"
#define DAY(value) "CAST('" value "' AS DATE)"

static void predicates_of_one_key(void **state) {
    (void)state;
    assert_predicate(1, &(struct plan_chunk){.kind = CHUNK_WHOLE}, "");
    assert_predicate(1, &(struct plan_chunk){.kind = CHUNK_NULLS}, "\"ID\" IS NULL");
    assert_predicate(1, &(struct plan_chunk){.kind = CHUNK_RANGE}, "\"ID\" IS NOT NULL");
    assert_predicate(1, &(struct plan_chunk){.kind = CHUNK_RANGE, .lower = lower}, "\"ID\" >= " ID("7"));
    assert_predicate(1, &(struct plan_chunk){.kind = CHUNK_RANGE, .upper = upper}, "\"ID\" < " ID("9"));
    assert_predicate(1, &(struct plan_chunk){.kind = CHUNK_RANGE, .lower = lower, .upper = upper},
                     "\"ID\" >= " ID("7") " AND \"ID\" < " ID("9"));
}

static void predicates_of_hashes(void **state) {
    const struct plan_chunk chunk = {.kind = CHUNK_HASH, .first_bucket = 3, .last_bucket = 9, .buckets = 64};

    (void)state;
    assert_predicate(1, &chunk, "hash(\"ID\") % CAST(64 AS UBIGINT) BETWEEN 3 AND 9");
    assert_predicate(2, &chunk, "hash(\"ID\", \"day\") % CAST(64 AS UBIGINT) BETWEEN 3 AND 9");
}

static void predicates_of_two_keys(void **state) {
    (void)state;
    assert_predicate(2, &(struct plan_chunk){.kind = CHUNK_NULLS}, "\"ID\" IS NULL OR \"day\" IS NULL");
    assert_predicate(2, &(struct plan_chunk){.kind = CHUNK_RANGE}, "\"ID\" IS NOT NULL AND \"day\" IS NOT NULL");
    assert_predicate(2, &(struct plan_chunk){.kind = CHUNK_RANGE, .lower = lower, .upper = upper},
                     "\"ID\" >= " ID("7") " AND (\"ID\" > " ID("7") " OR (\"ID\" = " ID("7") " AND \"day\" >= " DAY(
                         "2024-01-01") "))"
                                       " AND \"ID\" <= " ID("9") " AND (\"ID\" < " ID("9") " OR (\"ID\" = " ID(
                                           "9") " AND \"day\" < " DAY("2024-12-31") "))"
                                                                                    " AND \"ID\" IS NOT NULL AND "
                                                                                    "\"day\" IS NOT NULL");
}

static void data_of_a_chunk(void **state) {
    const struct plan_chunk nulls = {.kind = CHUNK_NULLS};
    const struct plan_chunk whole = {.kind = CHUNK_WHOLE};
    const size_t some[] = {1, 0};
    struct buffer sql = {0};
    bool has_inexact = true;

    (void)state;
    plan_data_query(&sql, &dialect_duckdb, &table, some, 2, "a OR b --", columns, 2, &nulls, &has_inexact);
    assert_sql(&sql, "SELECT \"day\" AS \"day\", \"ID\" AS \"ID\" FROM " RELATION
                     " WHERE (\na OR b --\n) AND (\"ID\" IS NULL OR \"day\" IS NULL)");
    assert_false(has_inexact);
    plan_data_query(&sql, &dialect_duckdb, &table, some, 1, NULL, columns, 1, &nulls, &has_inexact);
    assert_sql(&sql, "SELECT \"day\" AS \"day\" FROM " RELATION " WHERE (\"ID\" IS NULL)");
    plan_data_query(&sql, &dialect_duckdb, &table, some, 1, NULL, NULL, 0, &whole, &has_inexact);
    assert_sql(&sql, "SELECT \"day\" AS \"day\" FROM " RELATION);
    plan_data_query(&sql, &dialect_duckdb, &table, some, 1, "", NULL, 0, &whole, &has_inexact);
    assert_sql(&sql, "SELECT \"day\" AS \"day\" FROM " RELATION);
}

/* A dialect that drops digits of every column of a kind. */
static bool cuts_days(struct buffer *sql, const struct source_column *column) {
    if (column->kind != VALUE_DATE && column->kind != VALUE_TIMESTAMP)
        return false;
    buffer_appendf(sql, "cut(\"%s\")", column->name);
    return true;
}

static void inexact_columns_are_numbered(void **state) {
    struct dialect dialect = dialect_duckdb;
    const struct plan_chunk whole = {.kind = CHUNK_WHOLE};
    const size_t all[] = {0, 1, 2};
    struct buffer sql = {0};
    bool has_inexact = false;

    (void)state;
    dialect.projection_is_inexact = cuts_days;
    plan_data_query(&sql, &dialect, &table, all, 3, NULL, NULL, 0, &whole, &has_inexact);
    assert_sql(&sql, "SELECT \"ID\" AS \"ID\", \"day\" AS \"day\", \"at\" AS \"at\", CASE WHEN cut(\"day\") THEN 2 "
                     "WHEN cut(\"at\") THEN 3 END AS THAW_INEXACT FROM " RELATION);
    assert_true(has_inexact);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_keys_count),
        cmocka_unit_test(one_key),
        cmocka_unit_test(invariant_02_one_aggregate_query),
        cmocka_unit_test(a_hash_plan),
        cmocka_unit_test(text_keys),
        cmocka_unit_test(predicates_of_hashes),
        cmocka_unit_test(predicates_of_one_key),
        cmocka_unit_test(predicates_of_two_keys),
        cmocka_unit_test(data_of_a_chunk),
        cmocka_unit_test(inexact_columns_are_numbered),
    };

    return cmocka_run_group_tests_name("plan_query", tests, NULL, NULL);
}
