/* invariant_01 on a real source: the same plans that the three-valued evaluator judges, carried out by DuckDB. Each table is
 * planned by the query itself, then gets rows below, between and above the bounds, and every row must be read exactly once. */
#include <stdint.h>

#include "plan_duckdb.h"

enum { MAXIMUM_KEYS = 3, MAXIMUM_ROWS = 20000 };

/* A table T(N, K1, K2, K3): N numbers the rows from 0. */
struct scenario {
    const char *name;
    const char *types[MAXIMUM_KEYS]; /* of the keys; NULL after the last */
    const char *rows;                /* SELECT of N and the keys */
    const char *later;               /* SELECT of the keys of rows that come after planning, or NULL */
    const char *filter;
    int64_t batch_rows; /* 0: chosen */
    size_t at_least;    /* chunks */
    bool by_hash;
    bool as_numbers; /* text keys compare by their numbers */
};

static const struct scenario scenarios[] = {
    {
        .name = "a hash of one column, NULLs and heavy values in it",
        .types = {"BIGINT"},
        .rows = "SELECT i, CASE WHEN i % 7 = 0 THEN NULL WHEN i % 3 = 0 THEN 5 ELSE i END FROM range(10000) r(i)",
        .later = "SELECT * FROM (VALUES (-9223372036854775808), (9223372036854775807), (NULL), (5), (20000))",
        .batch_rows = 500,
        .at_least = 8,
        .by_hash = true,
    },
    {
        .name = "a hash of types that order nothing",
        .types = {"DOUBLE", "BOOLEAN", "BLOB"},
        .rows = "SELECT i, CASE i % 9 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN -0.0::DOUBLE WHEN 2 THEN 0.0::DOUBLE WHEN "
                "3 THEN "
                "'-inf'::DOUBLE WHEN 4 THEN NULL WHEN 5 THEN -'nan'::DOUBLE ELSE i / 7.0 END, CASE i % 3 WHEN 0 THEN "
                "true WHEN "
                "1 THEN false END, ('\\x00' || chr(48 + (i % 10)::INTEGER))::BLOB FROM range(5000) r(i)",
        .later =
            "SELECT * FROM (VALUES ('nan'::DOUBLE, NULL, ''::BLOB), (-0.0::DOUBLE, true, NULL), (NULL, NULL, NULL))",
        .batch_rows = 100,
        .at_least = 30,
        .by_hash = true,
    },
    {
        .name = "a hash of text, times and uuids",
        .types = {"VARCHAR COLLATE NOCASE", "TIMESTAMP_NS", "UUID"},
        .rows = "SELECT i, ['a', 'A', 'a ', '', NULL, 'k' || chr(0) || i][1 + i % 6], "
                "make_timestamp_ns(1700000000000000000 + "
                "i), md5(i::VARCHAR)::UUID FROM range(3000) r(i)",
        .later = "SELECT 'a' || chr(0), make_timestamp_ns(i), NULL FROM range(100) r(i)",
        .filter = "\"N\" % 2 = 0 -- half of them",
        .batch_rows = 100,
        .at_least = 14,
        .by_hash = true,
    },
    {
        .name = "a hash of rows that are all equal",
        .types = {"INTEGER"},
        .rows = "SELECT i, 1 FROM range(1000) r(i)",
        .later = "SELECT i FROM range(50) r(i)",
        .batch_rows = 10,
        .at_least = 1,
        .by_hash = true,
    },
    {
        .name = "a hash of nothing but NULLs",
        .types = {"VARCHAR", "DATE"},
        .rows = "SELECT i, NULL, NULL FROM range(1000) r(i)",
        .later = "SELECT 'a', DATE '2024-01-01' FROM range(50) r(i)",
        .batch_rows = 10,
        .at_least = 1,
        .by_hash = true,
    },
    {
        .name = "numbers in text",
        .types = {"VARCHAR"},
        .rows = "SELECT i, CASE i % 12 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN ' ' || i || ' ' WHEN 3 THEN i || "
                "'.5' WHEN "
                "4 THEN i || 'e2' WHEN 5 THEN 'n/a' WHEN 6 THEN repeat('9', 38) WHEN 7 THEN repeat('9', 40) WHEN 8 "
                "THEN '-' || i "
                "WHEN 9 THEN '00' || i WHEN 10 THEN '-' || repeat('9', 38) ELSE i::VARCHAR END FROM range(6000) r(i)",
        .later =
            "SELECT * FROM (VALUES ('-0.4'), ('0.5'), ('1e37'), ('1e39'), ('NaN'), ('0x1F'), (NULL), ('7 7'), ('1_0'))",
        .batch_rows = 100,
        .at_least = 30,
        .as_numbers = true,
    },
    {
        .name = "numbers in text behind a date",
        .types = {"DATE", "VARCHAR"},
        .rows =
            "SELECT i, DATE '2024-01-01' + (i % 3)::INTEGER, CASE WHEN i % 10 = 0 THEN 'x' ELSE (i % 500)::VARCHAR END "
            "FROM range(5000) r(i)",
        .later = "SELECT * FROM (VALUES (DATE '2024-01-02', '250.5'), (NULL, '1'), (DATE '2024-01-03', 'y'))",
        .batch_rows = 90,
        .at_least = 40,
        .as_numbers = true,
    },
    {
        .name = "texts that are equal up to a NUL, and a second key that isn't",
        .types = {"VARCHAR", "INTEGER"},
        .rows = "SELECT i, CASE WHEN i % 4 = 0 THEN 'a' ELSE 'a' || chr(0) || (i % 40) END, -i FROM range(1000) r(i)",
        .later = "SELECT 'a', i FROM range(-1000, 10) r(i)",
        .batch_rows = 20,
        .at_least = 3,
    },
    {
        .name = "texts that are too long for a bound",
        .types = {"VARCHAR", "INTEGER"},
        .rows = "SELECT i, CASE WHEN i % 3 = 0 THEN 'short' || i % 50 ELSE repeat('long', 251) || i % 50 END, i % 7 "
                "FROM range(3000) r(i)",
        .later = "SELECT repeat('long', 250), i FROM range(10) r(i)",
        .batch_rows = 20,
        .at_least = 20,
    },
    {
        .name = "sparse whole numbers, duplicates, NULLs",
        .types = {"BIGINT"},
        .rows = "SELECT i, CASE WHEN i % 97 = 0 THEN NULL WHEN i < 500 THEN i * 7 % 1000 WHEN i < 3000 THEN i * 331 % "
                "1000000 "
                "ELSE 5000001 + i * 7919 % 3000 END FROM range(10000) r(i)",
        .later = "SELECT * FROM (VALUES (-9223372036854775808), (-1), (0), (1000), (999999), (5000000), (5000001), "
                 "(9223372036854775807), (NULL))",
        .batch_rows = 777,
        .at_least = 13,
    },
    {
        .name = "a chunk a row",
        .types = {"INTEGER"},
        .rows = "SELECT i, i * 3 FROM range(200) r(i)",
        .later = "SELECT i FROM range(-3, 603) r(i)",
        .batch_rows = 1,
        .at_least = 201,
    },
    {
        .name = "one chunk",
        .types = {"INTEGER"},
        .rows = "SELECT i, i * 3 FROM range(200) r(i)",
        .later = "SELECT * FROM (VALUES (NULL), (-1), (1000))",
        .batch_rows = 1000000,
        .at_least = 1,
    },
    {
        .name = "chosen sizes",
        .types = {"INTEGER"},
        .rows = "SELECT i, i FROM range(20000) r(i)",
        .at_least = 1,
    },
    {
        .name = "empty",
        .types = {"INTEGER", "VARCHAR"},
        .rows = "SELECT 0, 0, '' WHERE false",
        .later = "SELECT * FROM (VALUES (NULL, NULL), (1, NULL), (NULL, 'a'), (1, 'a'))",
        .batch_rows = 10,
        .at_least = 1,
    },
    {
        .name = "nothing but NULLs",
        .types = {"DATE"},
        .rows = "SELECT i, NULL FROM range(50) r(i)",
        .later = "SELECT * FROM (VALUES (DATE '2024-01-01'), (NULL))",
        .batch_rows = 10,
        .at_least = 1,
    },
    {
        .name = "heavy values",
        .types = {"INTEGER"},
        .rows = "SELECT i, CASE WHEN i < 3000 THEN 5 WHEN i < 3010 THEN i WHEN i < 8000 THEN 4000 ELSE NULL END "
                "FROM range(9000) r(i)",
        .later = "SELECT * FROM (VALUES (4), (5), (6), (3999), (4000), (4001))",
        .batch_rows = 100,
        .at_least = 4,
    },
    {
        .name = "decimals",
        .types = {"DECIMAL(38,10)"},
        .rows = "SELECT i, (i - 2500)::DECIMAL(38,10) / 7 FROM range(5000) r(i)",
        .later =
            "SELECT * FROM (VALUES (-9999999999999999999999999999.0000000001::DECIMAL(38,10)), (0), (0.0000000001), "
            "(9999999999999999999999999999.9999999999))",
        .batch_rows = 333,
        .at_least = 15,
    },
    {
        .name = "decimals of 38 digits on either side of zero",
        .types = {"DECIMAL(38,38)"},
        .rows =
            "SELECT i, ('0.' || repeat('9', 34) || lpad((i % 1000)::VARCHAR, 4, '0'))::DECIMAL(38,38) * (2 * (i % 2) "
            "- 1)::DECIMAL(1,0) FROM range(2000) r(i)",
        .later = "SELECT * FROM (VALUES (('0.' || repeat('9', 38))::DECIMAL(38,38)), (('-0.' || repeat('0', 37) || "
                 "'1')::DECIMAL(38,38)), (0))",
        .batch_rows = 20,
        .at_least = 90,
    },
    {
        .name = "128-bit whole numbers",
        .types = {"HUGEINT"},
        .rows = "SELECT i, (i - 500)::HUGEINT * 100000000000000000000000000000000000 FROM range(1000) r(i)",
        .later = "SELECT * FROM (VALUES ('-170141183460469231731687303715884105728'::HUGEINT), (1), "
                 "(170141183460469231731687303715884105727::HUGEINT))",
        .batch_rows = 99,
        .at_least = 10,
    },
    {
        .name = "dates, BC and infinite ones among them",
        .types = {"DATE"},
        .rows = "SELECT i, CASE i WHEN 0 THEN '-infinity'::DATE WHEN 1 THEN 'infinity'::DATE WHEN 2 THEN '0044-03-15 "
                "(BC)'::DATE "
                "ELSE DATE '2020-01-01' + (i % 700)::INTEGER END FROM range(3000) r(i)",
        .later = "SELECT * FROM (VALUES (DATE '1970-01-01'), (DATE '9999-12-31'), ('-infinity'::DATE), "
                 "('infinity'::DATE), (NULL))",
        .batch_rows = 100,
        .at_least = 20,
    },
    {
        .name = "timestamps to the microsecond",
        .types = {"TIMESTAMP"},
        .rows = "SELECT i, TIMESTAMP '1969-12-31 23:59:59.999' + INTERVAL (i) MICROSECOND FROM range(5000) r(i)",
        .later = "SELECT * FROM (VALUES (TIMESTAMP '0001-01-01 00:00:00'), (TIMESTAMP '1969-12-31 23:59:59.999500'), "
                 "('infinity'::TIMESTAMP), (NULL))",
        .batch_rows = 250,
        .at_least = 20,
    },
    {
        .name = "timestamps from before our era to the year 9999",
        .types = {"TIMESTAMP"},
        .rows = "SELECT i, CASE i WHEN 0 THEN '-infinity'::TIMESTAMP WHEN 1 THEN 'infinity'::TIMESTAMP ELSE "
                "'4713-01-01 (BC) 00:00:00.000001'::TIMESTAMP + INTERVAL (i * 5) YEAR END FROM range(2942) r(i)",
        .later = "SELECT * FROM (VALUES (TIMESTAMP '9999-12-31 23:59:59.999999'), ('infinity'::TIMESTAMP), "
                 "('0001-12-31 (BC) 23:59:59.999999'::TIMESTAMP), (TIMESTAMP '0001-01-01 00:00:00'))",
        .batch_rows = 20,
        .at_least = 140,
    },
    {
        .name = "timestamps to the nanosecond",
        .types = {"TIMESTAMP_NS"},
        .rows = "SELECT i, make_timestamp_ns(1700000000000000000 + i * 3) FROM range(5000) r(i)",
        .later = "SELECT make_timestamp_ns(1700000000000000000 + i * 5) FROM range(-10, 3010) r(i)",
        .batch_rows = 250,
        .at_least = 20,
    },
    {
        .name = "instants",
        .types = {"TIMESTAMPTZ"},
        .rows = "SELECT i, TIMESTAMPTZ '2024-10-27 00:00:00+00' + INTERVAL (i) MINUTE FROM range(1000) r(i)",
        .later = "SELECT * FROM (VALUES (TIMESTAMPTZ '2024-10-27 02:30:00+02'), (TIMESTAMPTZ '2024-10-27 "
                 "02:30:00+01'), (NULL))",
        .batch_rows = 60,
        .at_least = 16,
    },
    {
        .name = "instants from before our era to the year 9999",
        .types = {"TIMESTAMPTZ"},
        .rows = "SELECT i, '0044-03-15 (BC) 12:00:00.5+00'::TIMESTAMPTZ + INTERVAL (i * 10) YEAR FROM range(1004) r(i)",
        .later = "SELECT * FROM (VALUES ('infinity'::TIMESTAMPTZ), (TIMESTAMPTZ '0001-01-01 00:00:00+05:45'), "
                 "(TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'))",
        .batch_rows = 10,
        .at_least = 90,
    },
    {
        .name = "hostile text",
        .types = {"VARCHAR"},
        .rows =
            "SELECT i, [NULL, '', ' ', 'a', 'A', 'a ', '''', '\"', '\\', 'é', 'e\u0301', '漢', '😀', '--', '/*', ';', "
            "'NULL', 'x''; DROP TABLE T; --', chr(10), chr(9), chr(127), 'z'][1 + i % 22] || "
            "CASE WHEN i % 5 = 0 THEN '' ELSE (i % 83)::VARCHAR END FROM range(4000) r(i)",
        .later = "SELECT * FROM (VALUES (''), (chr(1)), ('😀😀'), (NULL), (''''''), ('1=1'))",
        .batch_rows = 50,
        .at_least = 40,
    },
    {
        .name = "text with NUL characters, which bounds can't hold",
        .types = {"VARCHAR"},
        .rows = "SELECT i, 'k' || chr((i % 3)::INTEGER) || (i % 50)::VARCHAR FROM range(1000) r(i)",
        .later = "SELECT * FROM (VALUES ('k'), ('k' || chr(0)), ('j'), ('l'))",
        .batch_rows = 50,
        .at_least = 2,
    },
    {
        .name = "text that compares without regard to case",
        .types = {"VARCHAR COLLATE NOCASE"},
        .rows = "SELECT i, [upper(s), s][1 + i % 2] FROM (SELECT i, 'name' || (i % 300)::VARCHAR AS s FROM range(3000) "
                "r(i))",
        .later = "SELECT * FROM (VALUES ('NAME17'), ('name17'), ('Zebra'), ('aardvark'), (NULL))",
        .batch_rows = 40,
        .at_least = 50,
    },
    {
        .name = "uuids",
        .types = {"UUID"},
        .rows = "SELECT i, md5(i::VARCHAR)::UUID FROM range(3000) r(i)",
        .later =
            "SELECT * FROM (VALUES ('00000000-0000-0000-0000-000000000000'::UUID), "
            "('ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID), ('80000000-0000-0000-0000-000000000000'::UUID), (NULL))",
        .batch_rows = 111,
        .at_least = 28,
    },
    {
        .name = "an enumeration, which has an order of its own",
        .types = {"ENUM('zebra', 'ape', 'it''s', '')"},
        .rows = "SELECT i, ['zebra', 'ape', 'it''s', '', NULL][1 + i % 5] FROM range(100) r(i)",
        .later = "SELECT * FROM (VALUES ('zebra'), (''), (NULL))",
        .batch_rows = 10,
        .at_least = 3,
    },
    {
        .name = "two keys with NULLs in each",
        .types = {"DATE", "INTEGER"},
        .rows = "SELECT i, CASE WHEN i % 11 = 0 THEN NULL ELSE DATE '2024-01-01' + (i % 199)::INTEGER END, "
                "CASE WHEN i % 13 = 0 THEN NULL ELSE i * 31 % 17 END FROM range(8000) r(i)",
        .later = "SELECT * FROM (VALUES (NULL, NULL), (DATE '2024-03-01', NULL), (NULL, 3), (DATE '2023-12-31', 99), "
                 "(DATE '2024-01-01', -1), (DATE '2024-07-18', 100), (DATE '2025-01-01', 0))",
        .batch_rows = 100,
        .at_least = 60,
    },
    {
        .name = "three keys, the last of them deciding",
        .types = {"INTEGER", "VARCHAR", "TIMESTAMP"},
        .rows =
            "SELECT i, 1, CASE WHEN i % 2 = 0 THEN 'a' END, TIMESTAMP '2024-01-01' + INTERVAL (i * 7919 % 500) SECOND "
            "FROM range(3000) r(i)",
        .later =
            "SELECT * FROM (VALUES (1, 'a', NULL), (1, 'a', TIMESTAMP '2000-01-01'), (1, '', TIMESTAMP '2025-01-01'), "
            "(1, 'b', TIMESTAMP '2000-01-01'), (0, 'z', NULL), (2, NULL, TIMESTAMP '2024-01-01'), (NULL, NULL, NULL))",
        .batch_rows = 64,
        .at_least = 20,
    },
    {
        .name = "a filter with OR in it and a comment at its end",
        .types = {"INTEGER"},
        .rows = "SELECT i, CASE WHEN i % 10 = 0 THEN NULL ELSE i % 300 END FROM range(3000) r(i)",
        .later = "SELECT * FROM (VALUES (NULL), (-5), (150), (301))",
        .filter = "\"N\" % 3 = 0 OR \"N\" > 2900 -- the rest is archived",
        .batch_rows = 50,
        .at_least = 10,
    },
};

/* ---- a scenario ------------------------------------------------------------------------------------------------------------ */

static size_t count_keys(const struct scenario *scenario) {
    size_t count = 0;

    while (count < MAXIMUM_KEYS && scenario->types[count] != NULL)
        count++;
    return count;
}

static void make_table(struct fixture *fixture, const struct scenario *scenario) {
    struct buffer sql = {0};

    buffer_append(&sql, "CREATE OR REPLACE TABLE \"T\" (\"N\" BIGINT");
    for (size_t i = 0; i < count_keys(scenario); i++)
        buffer_appendf(&sql, ", \"K %zu\" %s", i + 1, scenario->types[i]);
    buffer_append(&sql, ")");
    execute(fixture, buffer_string(&sql));
    buffer_clear(&sql);
    buffer_appendf(&sql, "INSERT INTO \"T\" %s", scenario->rows);
    execute(fixture, buffer_string(&sql));
    buffer_release(&sql);
}

static void make_plan(struct fixture *fixture, const struct scenario *scenario, const struct source_table *table,
                      struct plan *plan) {
    const struct dialect *dialect = source_dialect(fixture->source);
    struct plan_size size = {
        .batch_rows = scenario->batch_rows, .minimum_rows = 1000, .maximum_rows = 5000, .chunks = 7};
    struct buffer sql = {0};
    struct source_rows rows;
    struct error error = {0};
    size_t keys = count_keys(scenario);

    struct source_column *columns = plan_keys_copy(table->columns + 1, keys);

    for (size_t i = 0; i < keys; i++) {
        assert_true(scenario->by_hash || plan_key_supported(&columns[i]));
        columns[i].as_number = scenario->as_numbers && columns[i].kind == VALUE_TEXT;
    }
    if (scenario->by_hash)
        plan_hash_query(&sql, dialect, &table->relation, scenario->filter, columns, keys);
    else
        plan_query(&sql, dialect, &table->relation, scenario->filter, columns, keys, &size);
    query(fixture, buffer_string(&sql), &rows);
    if (!(scenario->by_hash ? plan_hash_from_rows(plan, &rows, columns, keys, &size, &error)
                            : plan_from_rows(plan, &rows, columns, keys, &size, &error)))
        fail_msg("%s: %s", scenario->name, error.message);
    plan_keys_release(&columns, &keys);
    source_rows_release(&rows);
    buffer_release(&sql);
    if (plan->chunk_count < scenario->at_least)
        fail_msg("%s: %zu chunks only", scenario->name, plan->chunk_count);
}

/* Read a chunk as a worker does, its description having been through the ledger; count each row's N in `seen`. */
static int64_t read_chunk(struct fixture *fixture, const struct scenario *scenario, const struct source_table *table,
                          const struct plan *plan, const struct plan_chunk *planned, int *seen) {
    json_t *range = plan_chunk_to_json(plan, planned);
    char *text = json_dumps(range, JSON_COMPACT);
    struct source_column *keys;
    size_t key_count;
    struct plan_chunk chunk;
    struct error error = {0};
    struct buffer sql = {0};
    struct source_rows rows;
    const size_t number[] = {0};
    bool has_inexact;

    if (!plan_chunk_from_json(text, table, &keys, &key_count, &chunk, &error))
        fail_msg("%s: %s", text, error.message);
    plan_data_query(&sql, source_dialect(fixture->source), table, number, 1, scenario->filter, keys, key_count, &chunk,
                    &has_inexact);
    query(fixture, buffer_string(&sql), &rows);
    for (size_t r = 0; r < rows.row_count; r++) {
        long n = strtol(source_cell(&rows, r, 0), NULL, 10);

        assert_in_range(n, 0, MAXIMUM_ROWS - 1);
        seen[n]++;
    }
    int64_t count = (int64_t)rows.row_count;

    source_rows_release(&rows);
    buffer_release(&sql);
    plan_chunk_release(&chunk, key_count);
    plan_keys_release(&keys, &key_count);
    free(text);
    json_decref(range);
    return count;
}

/* Each row within the filter once, no other at all. */
static void check_seen(struct fixture *fixture, const struct scenario *scenario, const int *seen) {
    struct buffer sql = {0};
    struct source_rows rows;
    int64_t total = 0;

    buffer_append(&sql, "SELECT CAST(\"N\" AS VARCHAR) FROM \"T\"");
    if (scenario->filter != NULL)
        buffer_appendf(&sql, " WHERE (%s\n)", scenario->filter);
    query(fixture, buffer_string(&sql), &rows);
    for (size_t r = 0; r < rows.row_count; r++) {
        long n = strtol(source_cell(&rows, r, 0), NULL, 10);

        if (seen[n] != 1)
            fail_msg("%s: row %ld was read %d times", scenario->name, n, seen[n]);
    }
    for (size_t n = 0; n < MAXIMUM_ROWS; n++)
        total += seen[n];
    assert_int_equal(total, rows.row_count);
    source_rows_release(&rows);
    buffer_release(&sql);
}

static void check_scenario(struct fixture *fixture, const struct scenario *scenario) {
    char name[] = "T", schema[] = "main";
    const struct source_relation relation = {.schema = schema, .name = name};
    struct source_table table = {0};
    struct plan plan;
    struct error error = {0};
    int *seen = memory_array(MAXIMUM_ROWS, sizeof *seen);

    make_table(fixture, scenario);
    if (!source_describe(fixture->connection, &relation, &table, &error))
        fail_msg("%s: %s", scenario->name, error.message);
    make_plan(fixture, scenario, &table, &plan);
    for (size_t i = 0; i < plan.chunk_count; i++) {
        int64_t rows = read_chunk(fixture, scenario, &table, &plan, &plan.chunks[i], seen);

        if (rows != plan.chunks[i].expected_rows)
            fail_msg("%s: chunk %zu has %ld rows, not %ld", scenario->name, i, (long)rows,
                     (long)plan.chunks[i].expected_rows);
    }
    check_seen(fixture, scenario, seen);
    if (scenario->later != NULL) {
        struct buffer sql = {0};

        buffer_appendf(&sql,
                       "INSERT INTO \"T\" SELECT (SELECT COUNT(*) FROM \"T\") + row_number() OVER () - 1, * FROM (%s)",
                       scenario->later);
        execute(fixture, buffer_string(&sql));
        buffer_release(&sql);
        memset(seen, 0, MAXIMUM_ROWS * sizeof *seen);
        for (size_t i = 0; i < plan.chunk_count; i++)
            read_chunk(fixture, scenario, &table, &plan, &plan.chunks[i], seen);
        check_seen(fixture, scenario, seen);
    }
    plan_release(&plan);
    source_table_release(&table);
    memory_release(&seen);
}

static void invariant_01_every_row_is_read_once(void **state) {
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        check_scenario(*state, &scenarios[i]);
}

static void the_hash_says_who_it_is(void **state) {
    struct fixture *fixture = *state;
    struct source_rows first, second;
    struct buffer sql = {0};

    plan_probe_query(&sql, source_dialect(fixture->source));
    query(fixture, buffer_string(&sql), &first);
    query(fixture, buffer_string(&sql), &second);
    assert_true(strlen(source_cell(&first, 0, 0)) > 5);
    assert_string_equal(source_cell(&first, 0, 0), source_cell(&second, 0, 0));
    source_rows_release(&first);
    source_rows_release(&second);
    buffer_release(&sql);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_01_every_row_is_read_once),
        cmocka_unit_test(the_hash_says_who_it_is),
    };

    return cmocka_run_group_tests_name("plan_source", tests, open_duckdb, close_duckdb);
}
