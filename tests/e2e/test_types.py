"""Every common type with hostile values, from both sources into both versions; and values that don't fit."""

import duckdb
import pytest

from marks import both_sources, both_versions
from sources import literal, quoted, source_types

NINES = "9" * 38
TEXTS = ["", " ", "  padded  ", "a\r\nb\nc\rd", "\\N", "\\.", "\\\\", "tab\there", "'single' \"double\" `back`", "\U0001f9ca\u200d\u2744\ufe0f",
         "e\u0301 vs \u00e9", "\u202eright to left", "NULL", "null", "\\x00", "{}", ",;|", "\ufeffbom", "\x01\x1f\x7f", "x" * 100_000]

# name: (type of the tests, type in PostgreSQL, [(value as a DuckDB literal, as PostgreSQL shows it)]). A last element of
# a value that is "duckdb" keeps it from Snowflake, which has no such value.
COLUMNS = {
    "int_to_int2": ("int", "smallint", [("-32768", "-32768"), ("32767", "32767"), ("0", "0")]),
    "int_to_int4": ("int", "integer", [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
    "int_to_int8": ("int", "bigint", [("-9223372036854775808", "-9223372036854775808"),
                                      ("9223372036854775807", "9223372036854775807")]),
    "int_to_numeric": ("int", "numeric", [("9223372036854775807", "9223372036854775807"), ("10000", "10000"), ("-1", "-1")]),
    "int_to_text": ("int", "text", [("-17", "-17"), ("9223372036854775807", "9223372036854775807")]),
    "int_to_float8": ("int", "double precision", [("9007199254740992", "9.007199254740992e+15"), ("-3", "-3")]),
    "decimal_38_digits": ("decimal(38,10)", "numeric(38,10)",
                          [(f"{NINES[:28]}.{NINES[:10]}", f"{NINES[:28]}.{NINES[:10]}"),
                           (f"-{NINES[:28]}.{NINES[:10]}", f"-{NINES[:28]}.{NINES[:10]}"),
                           ("0.0000000001", "0.0000000001"), ("10000.0000000000", "10000.0000000000"), ("0", "0.0000000000")]),
    "decimal_to_negative_scale": ("decimal(38,2)", "numeric(34,-2)", [("12300.00", "12300"), ("-100.00", "-100"), ("0", "0"),
                                                                      (f"{NINES[:34]}00", f"{NINES[:34]}00")]),
    "decimal_bare": ("decimal(12,2)", "numeric", [("0.10", "0.10"), ("-1234567890.12", "-1234567890.12"), ("100", "100.00")]),
    "decimal_to_int": ("decimal(12,2)", "integer", [("2147483647.00", "2147483647"), ("-5.00", "-5")]),
    "decimal_to_text": ("decimal(12,2)", "text", [("0.10", "0.10"), ("-0.01", "-0.01")]),
    "float": ("float", "double precision",
              [("'NaN'", "NaN"), ("'Infinity'", "Infinity"), ("'-Infinity'", "-Infinity"), ("0.1::DOUBLE", "0.1"),
               ("'-0.0'", "-0"), ("5e-324::DOUBLE", "5e-324"), ("1.7976931348623157e308::DOUBLE", "1.7976931348623157e+308")]),
    "float_to_float4": ("float", "real", [("0.5::DOUBLE", "0.5"), ("'NaN'", "NaN"), ("16777216::DOUBLE", "1.6777216e+07")]),
    "bool": ("bool", "boolean", [("true", "true"), ("false", "false")]),
    "text": ("text", "text", [(text, text) for text in TEXTS]),
    "varchar": ("text", "varchar(5)", [("''", ""), ("'\u00e9\u00e9\u00e9\u00e9\u00e9'", "\u00e9" * 5)]),
    "char": ("text", "char(4)", [("'ab'", "ab  "), ("'abcd'", "abcd")]),
    "binary": ("binary", "bytea", [("unhex('')", "\\x"), ("unhex('00ff5c2e0a0d')", "\\x00ff5c2e0a0d")]),
    "date": ("date", "date", [("'0001-01-01'", "0001-01-01"), ("'9999-12-31'", "9999-12-31"), ("'1969-12-31'", "1969-12-31"),
                              ("'1582-10-10'", "1582-10-10"), ("'0044-03-15 (BC)'", "0044-03-15 BC", "duckdb"),
                              ("'infinity'", "infinity", "duckdb"), ("'-infinity'", "-infinity", "duckdb")]),
    "time": ("time", "time", [("'00:00:00'", "00:00:00"), ("'23:59:59.999999'", "23:59:59.999999")]),
    "timestamp": ("timestamp", "timestamp",
                  [("'0001-01-01 00:00:00'", "0001-01-01 00:00:00"), ("'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
                   ("'1969-12-31 23:59:59.999999'", "1969-12-31 23:59:59.999999"),
                   ("'1677-09-21 00:12:43.145224'", "1677-09-21 00:12:43.145224"),
                   ("'2262-04-11 23:47:16.854776'", "2262-04-11 23:47:16.854776"),
                   ("'infinity'", "infinity", "duckdb"), ("'-infinity'", "-infinity", "duckdb")]),
    "timestamptz": ("timestamptz", "timestamptz",
                    [("'2024-03-31 02:30:00+02:00'", "2024-03-31 00:30:00+00"), ("'0001-01-02 00:00:00+00'", "0001-01-02 00:00:00+00"),
                     ("'9999-12-31 23:59:59.999999+00'", "9999-12-31 23:59:59.999999+00"),
                     ("'1969-12-31 23:59:59.999999+00'", "1969-12-31 23:59:59.999999+00"),
                     ("'infinity'", "infinity", "duckdb")]),
    "uuid": ("uuid", "uuid", [("'00000000-0000-0000-0000-000000000000'", "00000000-0000-0000-0000-000000000000"),
                              ("'ffffffff-ffff-ffff-ffff-ffffffffffff'", "ffffffff-ffff-ffff-ffff-ffffffffffff")]),
    "json": ("json", "json", [('\'{"a":[1,null,"x"]}\'', '{"a":[1,null,"x"]}'), ("'null'", "null"), ("'[]'", "[]")]),
    "jsonb": ("json", "jsonb", [('\'{"b":1.50,"a":"\\\\"}\'', '{"a": "\\\\", "b": 1.50}')]),
}


def values_of(column: str, kind: str) -> list:
    """[(DuckDB literal, expected)], with NULL at the end."""
    values = [value for value in COLUMNS[column][2] if len(value) == 2 or value[2] == kind]
    if column == "text":
        values = [(literal(text), text) for text, _ in values]
    return [(value[0], value[1]) for value in values] + [("NULL", None)]


@both_sources
@both_versions
@pytest.mark.parametrize("form", ["binary", "text"])
def test_every_common_type_arrives_as_it_was(migration, form):
    """In COPY's text format too, which one column of an enum brings about."""
    kind = migration.source.kind
    columns = {name: values_of(name, kind) for name in COLUMNS}
    rows = []
    for i in range(max(len(values) for values in columns.values())):
        rows.append([(values[i] if i < len(values) else ("NULL", None)) for values in columns.values()])
    mood = {"mood": "text"} if form == "text" else {}
    select = " UNION ALL ".join("SELECT " + ", ".join([str(i)] + ["'sad'"] * len(mood) + [f"CAST({value} AS {duckdb_type(COLUMNS[name][0])})"
                                                               for name, (value, _) in zip(columns, row)])
                                for i, row in enumerate(rows))
    migration.source.table("typed", {"id": "int"} | mood | {name: COLUMNS[name][0] for name in columns}, select)
    if mood:
        migration.target.execute("CREATE TYPE mood AS ENUM ('sad')")
    migration.target.execute("CREATE TABLE typed (id bigint PRIMARY KEY, " + ("mood mood, " if mood else "") +
                             ", ".join(f"{quoted(name)} {COLUMNS[name][1]}" for name in columns) + ")")

    config = migration.config({"source": "typed", "target": "typed", "chunking_columns": ["id"], "batch_size": 7})
    assert f"COPY in {form} format" in migration.thaw.migrate(config, "--dry-run").stdout
    migration.thaw.migrate(config).expect(0)

    shown = ", ".join(f"{quoted(name)}::text" if COLUMNS[name][1] != "char(4)" else f"rpad({quoted(name)}, 4)"
                      for name in columns)
    found = migration.target.rows(f"SELECT id, {shown} FROM typed ORDER BY id")
    assert [row[0] for row in found] == list(range(len(rows)))
    for i, row in enumerate(rows):
        for name, (_, expected), actual in zip(columns, row, found[i][1:]):
            assert actual == expected, f"row {i}, {name}"
    migration.target.assert_completed()


def duckdb_type(kind: str) -> str:
    return source_types(kind)[0]


# id: (source type, value that fits, value that doesn't, PostgreSQL type, what the error shows of the value and more)
MISFITS = {
    "int2": ("int", "1", "40000", "smallint", "40000"),
    "int4": ("int", "1", "-3000000000", "integer", "-3000000000"),
    "numeric_scale": ("decimal(12,3)", "1.500", "1.505", "numeric(10,2)", "1.505"),
    "numeric_negative_scale": ("decimal(12,2)", "1200.00", "1250.00", "numeric(5,-2)", "1250.00"),
    "numeric_precision": ("decimal(12,2)", "1.00", "123456.00", "numeric(6,2)", "123456.00"),
    "decimal_to_int": ("decimal(12,2)", "1.00", "1.50", "integer", "1.50"),
    "varchar": ("text", "'abc'", "'abcdef'", "varchar(3)", "abcdef"),
    "varchar_spaces": ("text", "'abc'", "'abc   '", "varchar(3)", "abc   "),
    "nul_byte": ("text", "'abc'", "'ab' || chr(0) || 'cd'", "text", "ab"),
    "uuid": ("text", "'00000000-0000-0000-0000-000000000000'", "'not-a-uuid'", "uuid", "not-a-uuid"),
    "json": ("text", "'{}'", "'{broken'", "json", "{broken", "column value"),
    "float4": ("float", "0.5::DOUBLE", "1e300::DOUBLE", "real", "1e+300"),
    "timestamp_precision": ("timestamp", "'2020-01-01 00:00:00'", "'2020-01-01 00:00:00.5'", "timestamp(0)", "00:00:00.5"),
    "check": ("int", "1", "-17", "integer CHECK (value > 0)", "-17", "picky_value_check"),
}


@both_sources
@pytest.mark.parametrize("misfit", list(MISFITS))
def test_invariant_10_a_value_that_does_not_fit_stops_its_chunk_and_is_named(migration, misfit):
    kind, good, bad, target_type, *shown = MISFITS[misfit]
    # What PostgreSQL itself finds wrong is told in its words, where the column stands otherwise or not at all.
    shown += ["id = 60"] + (['"value"'] if len(shown) == 1 else [])
    migration.source.table("picky", {"id": "int", "value": kind},
                           f"SELECT i, CAST(CASE WHEN i = 60 THEN {bad} ELSE {good} END AS {duckdb_type(kind)}) "
                           "FROM range(1, 101) AS r(i)")
    migration.target.execute(f"CREATE TABLE picky (id bigint, value {target_type})")

    finished = migration.thaw.migrate(migration.config({"source": "picky", "target": "picky", "chunking_columns": ["id"],
                                                        "batch_size": 25}), "--workers", "1").expect(1)

    failed = migration.target.rows("SELECT chunk_id, rows_copied, error_message, chunk_range FROM "
                                   "migration_status.migration_chunk_status WHERE status = 'failed'")
    assert len(failed) == 1
    chunk, copied, message, bounds = failed[0]
    assert not copied
    records = finished.records("ERROR", "picky", f"chunk {chunk}", *shown)
    assert len(records) == 1, f"no single error names table, chunk, column, key and value; {finished}"
    assert all(words in message for words in shown)
    lower, upper = (bounds.get("lower") or ["0"])[0], (bounds.get("upper") or ["1000"])[0]
    assert int(lower) <= 60 < int(upper)
    assert migration.target.count(f"picky WHERE id >= {lower} AND id < {upper}") == 0
    assert migration.target.run_status() == "failed"
    migration.target.assert_ledger_adds_up()
    loaded = migration.target.value("SELECT sum(rows_copied) FROM migration_status.migration_chunk_status WHERE status = 'completed'")
    assert migration.target.count("picky") == loaded > 0


def test_a_failed_table_completes_once_the_value_is_mended(migration):
    table = migration.source.table("picky", {"id": "int", "value": "int"},
                                   "SELECT i, CASE WHEN i = 60 THEN 40000 ELSE i END FROM range(1, 101) AS r(i)")
    migration.target.execute("CREATE TABLE picky (id bigint, value smallint)")
    config = migration.config({"source": "picky", "target": "picky", "chunking_columns": ["id"], "batch_size": 25})
    failed = migration.thaw.migrate(config).expect(1)

    migration.target.execute("ALTER TABLE picky ALTER COLUMN value TYPE integer")
    again = migration.thaw.migrate(config).expect(0)

    assert again.run_id == failed.run_id
    assert migration.assert_same(table, "picky") == 100
    migration.target.assert_completed()


def test_nanoseconds_that_postgresql_cannot_hold_are_refused(migration):
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(migration.source.file)} AS s (STORAGE_VERSION 'v1.0.0')")
        connection.execute("CREATE TABLE s.main.nanos AS SELECT 1::BIGINT AS id, "
                           "TIMESTAMP_NS '2020-01-01 00:00:00.123456789' AS at")
    migration.target.execute("CREATE TABLE nanos (id bigint, at timestamp)")

    finished = migration.thaw.migrate(migration.config({"source": "nanos", "target": "nanos", "chunking_columns": ["id"]}))

    finished.expect(1).says('"at"', "id = 1", "further digits")
    assert migration.target.count("nanos") == 0
