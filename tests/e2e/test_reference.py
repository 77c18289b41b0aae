"""The machinery that calls two sides equal must be able to call them different."""

import json
import time

import duckdb
import psycopg
import pytest

from reference import assert_equal, canonical_json, compare


@pytest.fixture(scope="module")
def postgres(servers):
    with psycopg.connect(servers(15).url(), autocommit=True) as connection:
        # What a session may be set to that changes how values read.
        connection.execute("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'; SET bytea_output = 'escape'; "
                           "SET extra_float_digits = 0; SET IntervalStyle = 'sql_standard'")
        yield connection


EQUAL = {
    "whole numbers": ("SELECT 9223372036854775807::int8 UNION ALL SELECT -9223372036854775808",
                      "SELECT 9223372036854775807::BIGINT UNION ALL SELECT (-9223372036854775808)::BIGINT"),
    "a whole number in numeric": ("SELECT 5.00::numeric", "SELECT 5::BIGINT"),
    "38 digits": ("SELECT 99999999999999999999999999999999999999::numeric",
                  "SELECT '99999999999999999999999999999999999999'::DECIMAL(38,0)"),
    "decimals but for their zeros": ("SELECT 0.1::numeric", "SELECT 0.10::DECIMAL(5,2)"),
    "decimals that end in zeros before the point": ("SELECT 100::numeric", "SELECT 100.00::DECIMAL(5,2)"),
    "floats": ("SELECT unnest(ARRAY['NaN', 'Infinity', '-Infinity', '-0', '1e300', '5e-324', '0.1']::float8[])",
               "SELECT unnest(['nan', 'inf', '-inf', '-0', '1e300', '5e-324', '0.1']::DOUBLE[])"),
    "small floats": ("SELECT 0.1::float4", "SELECT 0.1::FLOAT"),
    "booleans": ("SELECT true UNION ALL SELECT false UNION ALL SELECT NULL", "SELECT unnest([false, NULL, true])"),
    "texts": (r"""SELECT unnest(ARRAY['', ' ', 'a ', 'é', 'é', E'\r\n', E'\n', E'\r', E'\t', '\N', '\.', '"', '""', ',', NULL,
              'NULL', '😀', ';'])""",
              """SELECT unnest(['', ' ', 'a ', 'é', 'é', chr(13) || chr(10), chr(10), chr(13), chr(9), '\\N', '\\.', '"', '""',
              ',', NULL, 'NULL', '😀', ';'])"""),
    "one column of NULLs": ("SELECT NULL::text FROM generate_series(1, 3)", "SELECT NULL::VARCHAR FROM range(3)"),
    "bytes": (r"SELECT '\x00ff'::bytea UNION ALL SELECT ''::bytea", r"SELECT '\x00\xFF'::BLOB UNION ALL SELECT ''::BLOB"),
    "dates": ("SELECT unnest(ARRAY['2024-02-29', '0001-01-01', '0044-03-15 BC', '9999-12-31', 'infinity', '-infinity']::date[])",
              "SELECT unnest(['2024-02-29', '0001-01-01', '0044-03-15 (BC)', '9999-12-31', 'infinity', '-infinity']::DATE[])"),
    "timestamps": ("SELECT unnest(ARRAY['2024-02-29 23:59:59.999999', '1969-12-31 23:59:59.5', '0044-03-15 01:02:03 BC', "
                   "'infinity']::timestamp[])",
                   "SELECT unnest(['2024-02-29 23:59:59.999999', '1969-12-31 23:59:59.5', '0044-03-15 (BC) 01:02:03', "
                   "'infinity']::TIMESTAMP[])"),
    "timestamps in seconds": ("SELECT '2024-02-29 23:59:59'::timestamp", "SELECT '2024-02-29 23:59:59'::TIMESTAMP_S"),
    "timestamps in nanoseconds": ("SELECT '2024-02-29 23:59:59.123456'::timestamp",
                                  "SELECT '2024-02-29 23:59:59.123456000'::TIMESTAMP_NS"),
    "instants": ("SELECT '2024-10-27 02:30:00+02'::timestamptz", "SELECT '2024-10-27 00:30:00+00'::TIMESTAMPTZ"),
    "times": ("SELECT unnest(ARRAY['00:00:00', '23:59:59.999999', '12:00:00.5']::time[])",
              "SELECT unnest(['00:00:00', '23:59:59.999999', '12:00:00.5']::TIME[])"),
    "uuids": ("SELECT 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID"),
    "jsonb": ("""SELECT '{"b": [1.50, null], "a": "é", "a": "x"}'::jsonb""", """SELECT '{"a":"x","b":[1.5,null]}'::JSON"""),
    "no rows": ("SELECT 1 WHERE false", "SELECT 1 WHERE false"),
    "rows in another order": ("SELECT i FROM generate_series(1, 1000) i ORDER BY i DESC", "SELECT i + 1 FROM range(1000) r(i)"),
    "rows that repeat": ("SELECT i % 3 FROM generate_series(0, 8) i", "SELECT i % 3 FROM range(9) r(i)"),
    "columns of one name": ("SELECT 1 AS a, 2 AS a", "SELECT 1 AS a, 2 AS a"),
}

DIFFERENT = {
    "a row that is lost": ("SELECT i FROM generate_series(1, 999) i", "SELECT i + 1 FROM range(1000) r(i)"),
    "a row that is there twice": ("SELECT least(i, 1000) FROM generate_series(1, 1001) i", "SELECT i + 1 FROM range(1000) r(i)"),
    "one lost, another twice": ("SELECT CASE i WHEN 7 THEN 8 ELSE i END FROM generate_series(1, 1000) i",
                                "SELECT i + 1 FROM range(1000) r(i)"),
    "a row from nowhere": ("SELECT 1", "SELECT 1 WHERE false"),
    "all rows lost": ("SELECT 1 WHERE false", "SELECT 1"),
    "values that have changed columns": ("SELECT 1, 2", "SELECT 2, 1"),
    "NULL in another column": ("SELECT NULL::int, 1", "SELECT 1, NULL::INTEGER"),
    "NULL for an empty text": ("SELECT NULL::text", "SELECT ''"),
    "an empty text for NULL": ("SELECT ''::text", "SELECT NULL::VARCHAR"),
    "NULL for bytes of no length": ("SELECT NULL::bytea", "SELECT ''::BLOB"),
    "NULL for false": ("SELECT NULL::bool", "SELECT false"),
    "NULL for NaN": ("SELECT NULL::float8", "SELECT 'nan'::DOUBLE"),
    "a space at the end": ("SELECT 'a'::text", "SELECT 'a '"),
    "a case": ("SELECT 'A'::text", "SELECT 'a'"),
    "a line's end": (r"SELECT E'a\nb'", "SELECT 'a' || chr(13) || chr(10) || 'b'"),
    "another normal form": ("SELECT 'e\u0301'", "SELECT '\u00e9'"),
    "the sign of zero": ("SELECT 0::float8", "SELECT '-0.0'::DOUBLE"),
    "NaN and infinity": ("SELECT 'Infinity'::float8", "SELECT 'nan'::DOUBLE"),
    "the last bit of a float": ("SELECT 0.30000000000000004::float8", "SELECT 0.3::DOUBLE"),
    "the last of 38 digits": ("SELECT 99999999999999999999999999999999999998::numeric",
                              "SELECT '99999999999999999999999999999999999999'::DECIMAL(38,0)"),
    "more digits than the source's type has": ("SELECT 0.104::numeric", "SELECT 0.10::DECIMAL(5,2)"),
    "a fraction of a whole number": ("SELECT 1.4::numeric", "SELECT 1::BIGINT"),
    "a factor of ten": ("SELECT 10::numeric", "SELECT 100::DECIMAL(5,0)"),
    "a microsecond": ("SELECT '2024-01-01 00:00:00.000001'::timestamp", "SELECT '2024-01-01 00:00:00'::TIMESTAMP"),
    "a microsecond before 1970": ("SELECT '1969-12-31 23:59:59.999999'::timestamptz",
                                  "SELECT '1969-12-31 23:59:59.999998+00'::TIMESTAMPTZ"),
    "a microsecond that the source's type hasn't": ("SELECT '2024-01-01 00:00:00.000001'::timestamp",
                                                    "SELECT '2024-01-01 00:00:00'::TIMESTAMP_S"),
    "nanoseconds": ("SELECT '2024-01-01 00:00:00.123456'::timestamp", "SELECT '2024-01-01 00:00:00.123456789'::TIMESTAMP_NS"),
    "an hour of the zone": ("SELECT '2024-01-01 00:00:00+01'::timestamptz", "SELECT '2024-01-01 00:00:00+00'::TIMESTAMPTZ"),
    "an era": ("SELECT '0044-03-15'::date", "SELECT '0044-03-15 (BC)'::DATE"),
    "a time of day in a date": ("SELECT '2024-01-01 05:00'::timestamp", "SELECT '2024-01-01'::DATE"),
    "infinity and its replacement": ("SELECT '9999-12-31'::timestamp", "SELECT 'infinity'::TIMESTAMP"),
    "a byte": (r"SELECT '\x00fe'::bytea", r"SELECT '\x00\xFF'::BLOB"),
    "text that looks like bytes": (r"SELECT '00ff'::text", r"SELECT '\x00\xFF'::BLOB"),
    "a value in JSON": ("""SELECT '{"a": 1.00000000000000001}'::jsonb""", """SELECT '{"a": 1}'::JSON"""),
    "a null in JSON": ("""SELECT '{}'::json""", """SELECT '{"a": null}'::JSON"""),
}


@pytest.mark.parametrize("case", EQUAL)
def test_equal(postgres, case):
    difference = compare(postgres, *EQUAL[case])
    assert not difference, str(difference)


@pytest.mark.parametrize("case", DIFFERENT)
def test_different(postgres, case):
    difference = compare(postgres, *DIFFERENT[case])
    assert difference
    assert difference.missing or difference.surplus, "the rows that differ are not shown"
    with pytest.raises(AssertionError):
        assert_equal(postgres, *DIFFERENT[case])


def test_scales_count_where_asked_for(postgres):
    assert not compare(postgres, "SELECT 0.10::numeric", "SELECT 0.10::DECIMAL(5,2)", scales=True)
    assert compare(postgres, "SELECT 0.1::numeric", "SELECT 0.10::DECIMAL(5,2)", scales=True)


def test_the_first_rows_that_differ_are_shown_with_how_often(postgres):
    difference = compare(postgres, "SELECT 'lost', i FROM generate_series(1, 0) i UNION ALL SELECT 'twice', 2 FROM "
                                "generate_series(1, 3) UNION ALL SELECT 'kept', 1",
                      "SELECT 'twice', 2 UNION ALL SELECT 'kept', 1 UNION ALL SELECT 'lost', i FROM range(100) r(i)", limit=4)
    assert (difference.expected_rows, difference.actual_rows) == (102, 4)
    assert difference.missing == [(("lost", str(i)), 1) for i in (0, 1, 10, 11)]
    assert difference.surplus == [(("twice", "2"), 2)]
    assert "2 x ('twice', '2')" in str(difference)


def test_another_number_of_columns_is_an_error(postgres):
    with pytest.raises(ValueError, match="2 columns expected, 1 found"):
        compare(postgres, "SELECT 1", "SELECT 1, 2")


def test_a_connection_is_left_as_it_was(postgres):
    with duckdb.connect() as duck:
        duck.execute("CREATE TABLE t AS SELECT 1 AS a, '{}'::JSON AS j")
        for _ in range(2):
            assert assert_equal(postgres, "SELECT 1, '{}'::jsonb", "SELECT * FROM t", duck=duck) == 1
        assert compare(postgres, "SELECT 2, '{}'::jsonb", "SELECT * FROM t", duck=duck)
        assert duck.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall() == [("t",)]
    assert postgres.execute("SHOW DateStyle").fetchone()[0] == "SQL, DMY"


def test_millions_of_rows_take_seconds(postgres):
    postgres.execute("CREATE UNLOGGED TABLE many AS SELECT i, i % 1000 AS n, 'customer number ' || i % 100000 AS name, "
                     "i * 0.25 AS amount, date '2020-01-01' + i % 2000 AS day FROM generate_series(1, 1000000) i")
    expected = ("SELECT i, i % 1000, 'customer number ' || i % 100000, (i * 0.25)::DECIMAL(18,2), DATE '2020-01-01' + "
                "(i % 2000)::INTEGER FROM range(1, 1000001) r(i)")
    begun = time.monotonic()
    assert assert_equal(postgres, "SELECT * FROM many", expected) == 1_000_000
    taken = time.monotonic() - begun
    postgres.execute("UPDATE many SET amount = amount + 0.01 WHERE i = 654321")
    difference = compare(postgres, "SELECT * FROM many", expected)
    postgres.execute("DROP TABLE many")
    assert [[row[0][0], row[0][3]] for row in difference.missing + difference.surplus] == [
        ["654321", "163580.25"], ["654321", "163580.26"]]
    assert taken < 30, f"{taken:.1f} s"


@pytest.mark.parametrize("text, canonical", [
    ('{"b": 1, "a": [true, null, "x"]}', '{"a":[true,null,"x"],"b":1}'),
    ("1.0", "1"), ("1e2", "100"), ("0.00", "0"), ("100", "100"), ("-0.50", "-0.5"), ('"\\u00e9"', json.dumps("é")),
    ("12345678901234567890.12345678901234567890", "12345678901234567890.1234567890123456789"),
])
def test_json_is_written_in_one_way(text, canonical):
    assert canonical_json(text) == canonical
