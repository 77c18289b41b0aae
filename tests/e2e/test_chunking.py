"""Awkward keys: what plan and predicate must agree on to the last digit, and tables that have no key by which to order."""

import json

import pytest

from marks import both_sources
from reference import assert_equal

ROWS = 3000
# name: (kind of the column, a DuckDB expression of i, its type in PostgreSQL or None: not copied, least number of chunks)
ORDERED = {
    "nanoseconds": ("nanoseconds", "make_timestamp_ns(1700000000000000000 + i // 2)", None, 25),
    "case": ("text", "CASE i % 2 WHEN 0 THEN 'name' ELSE 'NAME' END || i % 700", "text", 25),
    "trailing spaces": ("text", "'k' || (i % 500) || repeat(' ', i % 3)", "text", 25),
    "a collation": ("nocase", "CASE i % 3 WHEN 0 THEN 'Name' WHEN 1 THEN 'NAME' ELSE 'name' END || i % 300", "text", 20),
    "uuid": ("uuid", "md5(i::VARCHAR)::UUID", "uuid", 25),
    "uuid as text": ("text", "md5(i::VARCHAR)::UUID::VARCHAR", "text", 25),
    "long text": ("text", "repeat('x', 985 + i % 15) || i", "text", 3),
    "megabytes of text": ("text", "CASE WHEN i % 500 = 7 THEN repeat('m', 1500000) || i ELSE 'm' || i END", "text", 25),
    "only long text": ("text", "repeat('x', 1001) || i", "text", 2),
    "nothing, blanks and NULL": ("text", "CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN ' ' WHEN 2 THEN NULL ELSE '  ' END", "text", 4),
    "emoji": ("text", "chr((128512 + i % 70)::INT) || CASE WHEN i % 2 = 0 THEN '' ELSE chr(8205) || chr(65039) END", "text", 20),
    "NUL characters": ("text", "'a' || chr(0) || i % 100", None, 2),
    "64 bits": ("int", "CASE i % 3 WHEN 0 THEN 9223372036854775807 - i WHEN 1 THEN -9223372036854775807 - 1 + i ELSE i END", "bigint", 25),
    "38 digits": ("decimal(38,1)", "CASE WHEN i % 2 = 0 THEN 9999999999999999999999999999999999999.0::DECIMAL(38,1) - i ELSE "
                  "-9999999999999999999999999999999999999.9::DECIMAL(38,1) + i END", "numeric", 25),
    "a decimal's last digit": ("decimal(20,10)", "i * 0.0000000001", "numeric", 25),
    "days from BC to 9999": ("date", "CASE WHEN i = 0 THEN '0001-01-01'::DATE WHEN i = 1 THEN '9999-12-31'::DATE ELSE "
                             "'1969-06-01'::DATE + (i % 500)::INT END", "date", 20),
    "heavy NULLs": ("int", "CASE WHEN i % 10 = 0 THEN i END", "bigint", 3),
    "all rows equal": ("text", "'x'", "text", 2),
    "all NULL": ("text", "NULL", "text", 1),
}


def migrate(migration, columns: dict, select: str, types: dict, **more):
    """Through a table "keyed" that has a column n besides; what is read back is compared, and each chunk is completed.
    `types`: those of PostgreSQL, of the columns that are copied."""
    table = migration.source.table("keyed", {"n": "int"} | columns, select)
    migration.target.execute("CREATE TABLE keyed (n bigint" + "".join(f', "{name}" {kind}' for name, kind in types.items()) + ")")
    config = migration.config({"source": "keyed", "target": "keyed", "batch_size": 100, **more})
    finished = migration.thaw.migrate(config).expect(0)
    names = ", ".join(f'"{name}"' for name in ["n", *types])
    assert assert_equal(migration.target.connection, "SELECT * FROM keyed", f"SELECT {names} FROM ({table.rows_sql})", scales=True) == ROWS
    migration.target.assert_completed()
    return finished


def ranges(migration) -> list:
    return [row[0] for row in migration.target.rows("SELECT chunk_range FROM migration_status.migration_chunk_status ORDER BY chunk_id")]


def unplanned(migration) -> list:
    """Chunks whose rows are not as many as their plan says: plan and predicate don't compare alike."""
    return migration.target.rows("SELECT chunk_range, expected_rows, rows_copied FROM migration_status.migration_chunk_status "
                                 "WHERE expected_rows <> rows_copied")


@both_sources
@pytest.mark.parametrize("name", ORDERED)
def test_invariant_01_awkward_keys(migration, name):
    kind, expression, target_type, least = ORDERED[name]
    migrate(migration, {"key": kind}, f"SELECT i, {expression} FROM range({ROWS}) AS r(i)",
            {"key": target_type} if target_type else {}, chunking_columns=["key"])
    assert len(ranges(migration)) >= least
    assert {chunk["kind"] for chunk in ranges(migration)} <= {"range", "nulls", "whole"}
    assert not unplanned(migration)


@both_sources
@pytest.mark.parametrize("name", ["case", "NUL characters", "long text", "nanoseconds"])
def test_invariant_01_awkward_keys_before_others(migration, name):
    """Boundaries fall within one value of the first column."""
    kind, expression, target_type, _least = ORDERED[name]
    migrate(migration, {"key": kind, "second": "int"}, f"SELECT i, {expression}, "
            f"CASE WHEN i % 9 = 0 THEN NULL ELSE -i END FROM range({ROWS}) AS r(i)",
            ({"key": target_type} if target_type else {}) | {"second": "bigint"}, chunking_columns=["key", "second"])
    assert not unplanned(migration)


NUMBERS = ("CASE i % 12 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN ' ' || i || ' ' WHEN 3 THEN i || '.5' WHEN 4 THEN i || 'e2' "
           "WHEN 5 THEN 'n/a' WHEN 6 THEN repeat('9', 38) WHEN 7 THEN repeat('9', 40) WHEN 8 THEN '-' || i WHEN 9 THEN '00' || i "
           "WHEN 10 THEN '-' || repeat('9', 38) ELSE i::VARCHAR END")


@both_sources
def test_invariant_01_numbers_in_text(migration):
    migrate(migration, {"key": "text"}, f"SELECT i, {NUMBERS} FROM range({ROWS}) AS r(i)", {"key": "text"},
            chunking_columns=["key"], chunking_column_types=["varchar_numeric"])
    bounds = [int(chunk["lower"][0]) for chunk in ranges(migration) if chunk.get("lower")]
    assert len(bounds) > 10 and bounds == sorted(bounds), "numbers are ordered as numbers"
    [nulls] = migration.target.rows("SELECT rows_copied FROM migration_status.migration_chunk_status WHERE chunk_range->>'kind' = 'nulls'")
    assert nulls == (ROWS // 12 * 4,), "'', n/a and 40 digits are no numbers"
    assert ranges(migration)[0]["kinds"] == ["varchar_numeric"]
    assert not unplanned(migration)


@both_sources
def test_numbers_in_text_that_were_planned_stay_numbers_when_resumed(migration):
    table = migration.source.table("keyed", {"key": "text"}, f"SELECT {NUMBERS} FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE keyed (key text)")
    config = migration.config({"source": "keyed", "target": "keyed", "batch_size": 100, "chunking_columns": ["key"],
                               "chunking_column_types": ["varchar_numeric"]})
    migration.thaw.migrate(config, fault="after_commit:kill:5").expect(-9)
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0).says("resuming run")
    assert migration.assert_same(table, "keyed") == ROWS


# Hashes

HASHED = {
    "floats, NaN and both zeros": ({"key": "float"}, "CASE i % 7 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN -0.0::DOUBLE WHEN 2 THEN 0.0::DOUBLE "
                                   "WHEN 3 THEN '-inf'::DOUBLE WHEN 4 THEN NULL ELSE i / 7.0 END", {"key": "float8"}, ["key"]),
    "binary": ({"key": "binary"}, "CASE WHEN i % 9 > 0 THEN ('\\x00' || i)::BLOB END", {"key": "bytea"}, ["key"]),
    "time": ({"key": "time"}, "CASE WHEN i % 9 > 0 THEN TIME '00:00:00' + i * INTERVAL 1234567 MICROSECONDS END", {"key": "time"}, ["key"]),
    "nanoseconds": ({"key": "nanoseconds"}, "make_timestamp_ns(1700000000000000000 + i)", {}, ["key"]),
    "a collation": ({"key": "nocase"}, "CASE i % 2 WHEN 0 THEN 'Name' ELSE 'NAME' END || i % 900", {"key": "text"}, ["key"]),
    "several": ({"a": "bool", "key": "text", "b": "timestamptz"}, "CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END, CASE WHEN i % 2 = 0 THEN "
                "'k' || i END, TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL 1 HOUR",
                {"a": "boolean", "key": "text", "b": "timestamptz"}, ["a", "key", "b"]),
    "all columns": ({"a": "float", "key": "text", "b": "date"}, "'nan'::DOUBLE, CASE WHEN i % 5 > 0 THEN 'k' || i END, NULL",
                    {"a": "float8", "key": "text", "b": "date"}, None),
}


@both_sources
@pytest.mark.parametrize("name", HASHED)
def test_invariant_01_hashes(migration, name):
    columns, expression, types, chunking = HASHED[name]
    migrate(migration, columns, f"SELECT i, {expression} FROM range({ROWS}) AS r(i)", types, chunking="hash",
            **({"chunking_columns": chunking} if chunking else {}))
    chunks = ranges(migration)
    assert len(chunks) >= 10 and {chunk["kind"] for chunk in chunks} == {"hash"}
    assert [chunk["first"] for chunk in chunks] == [0] + [chunk["last"] + 1 for chunk in chunks[:-1]]
    assert chunks[-1]["last"] == chunks[-1]["buckets"] - 1
    assert chunks[0]["columns"] == (chunking or ["n", "key", "b"]), "floats are no part of a hash that nobody chose"
    assert not unplanned(migration)


@both_sources
@pytest.mark.parametrize("value", ["1", "NULL"])
def test_invariant_01_rows_without_a_difference(migration, value):
    """One bucket has them all: complete, in one chunk that may be as large as it must."""
    table = migration.source.table("keyed", {"key": "int"}, f"SELECT {value} FROM range(1000)")
    migration.target.execute("CREATE TABLE keyed (key bigint)")
    migration.thaw.migrate(migration.config({"source": "keyed", "target": "keyed", "batch_size": 100, "chunking": "hash"})).expect(0)
    assert migration.assert_same(table, "keyed") == 1000
    migration.target.assert_completed()


@both_sources
def test_invariant_01_rows_that_come_after_a_plan_by_hash(migration):
    table = migration.source.table("growing", {"key": "int", "n": "int"}, "SELECT CASE WHEN i % 5 > 0 THEN i END, i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE growing (key bigint, n bigint)")
    # Without a snapshot: with one the rows would come with the next run.
    config = migration.config({"source": "growing", "target": "growing", "chunking": "hash", "batch_size": 100}, snapshot="none")
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    migration.source.insert(table, "SELECT CASE WHEN i % 5 > 0 THEN i END, i FROM range(-4000, 4000) AS r(i)")
    migration.thaw.migrate(config).expect(0).says("resuming run")
    assert migration.assert_same(table, "growing") == 9000
    migration.target.assert_completed()


@both_sources
@pytest.mark.parametrize("what", ["the hash", "the column"])
def test_a_plan_by_hash_that_fits_no_more_is_refused(migration, what):
    migration.source.table("keyed", {"key": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE keyed (key bigint)")
    # Without a snapshot: with one a table that was replaced is planned anew.
    config = migration.config({"source": "keyed", "target": "keyed", "batch_size": 100, "chunking": "hash"}, snapshot="none")
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    if what == "the hash":  # as another version of the source would have it
        migration.target.execute("UPDATE migration_status.migration_chunk_status SET chunk_range = chunk_range || '{\"probe\": \"1\"}'")
    else:
        migration.source.execute(f"DROP TABLE {migration.source.relation('keyed')}")
        migration.source.table("keyed", {"key": "decimal(12,2)"}, "SELECT i FROM range(1000) AS r(i)")
    finished = migration.thaw.migrate(config).expect(1)
    finished.says("hashes otherwise" if what == "the hash" else '"key"', "--no-resume")
    assert migration.target.count("keyed") == 0


# What is chosen


def planned(migration, **table) -> str:
    """What --dry-run says of the chunks."""
    config = migration.config({"source": "wide", "target": "wide", **table})
    migration.thaw.write(config)
    shown = migration.thaw.run("migrate", "--dry-run").expect(0).stdout
    return next(line.strip() for line in shown.splitlines() if line.strip().startswith("chunking:"))


@both_sources
def test_a_large_table_without_a_key_is_hashed_and_a_view_is_not(migration):
    """Large by its rows and the width of its columns: 300 columns of JSON count 78 kB a row."""
    columns = {"id": "int", "ratio": "float"} | {f"j{i}": "json" for i in range(300)}
    migration.source.table("wide", columns, f"SELECT i, i{', NULL' * 300 + ''} FROM range(30000) AS r(i)"
                           .replace("SELECT i, i,", "SELECT i, i / 2.0,"))
    migration.target.execute("CREATE TABLE wide (id bigint, ratio float8, " + ", ".join(f"j{i} jsonb" for i in range(300)) + ")",
                             "CREATE TABLE small (id bigint)")
    relation = migration.source.relation
    assert planned(migration) == "chunking: hash of id"
    assert planned(migration, chunking="whole") == "chunking: whole"
    assert planned(migration, chunking_columns=["id"]) == "chunking: range on id"
    assert planned(migration, target="small") == "chunking: whole"
    migration.source.execute(f'CREATE VIEW {relation("seen")} AS SELECT * FROM {relation("wide")}')
    assert planned(migration, source="seen") == "chunking: whole"
    assert planned(migration, source="seen", chunking="hash") == "chunking: hash of id"
    assert not migration.target.has_ledger()


@both_sources
def test_the_columns_of_a_key_that_order_are_enough(migration):
    """uniqueness_columns that can't order are left out of the ranges, not refused."""
    migrate(migration, {"ok": "bool", "id": "int"}, f"SELECT i, i % 2 = 0, i // 2 FROM range({ROWS}) AS r(i)", {"ok": "boolean", "id": "bigint"},
            uniqueness_columns=["ok", "id"], truncate_onstart=True)
    assert ranges(migration)[0]["columns"] == ["id"]
    assert not unplanned(migration)


def test_a_column_that_orders_nothing_is_refused_with_the_way_out(migration):
    migration.source.table("t", {"id": "float"}, "SELECT i FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE t (id float8)")
    for chunking in ({}, {"chunking": "range"}):
        config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"], **chunking})
        migration.thaw.migrate(config).expect(1).says('"id"', "DOUBLE", '"chunking": "hash"')


def test_nothing_to_hash_is_an_error(migration):
    migration.source.table("t", {"id": "float", "data": "json"}, "SELECT i, '{}' FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE t (id float8, data jsonb)")
    config = migration.config({"source": "t", "target": "t", "chunking": "hash"})
    migration.thaw.migrate(config).expect(1).says("there is no column to hash", "chunking_columns")
    named = migration.config({"source": "t", "target": "t", "chunking": "hash", "chunking_columns": ["id", "data"]})
    migration.thaw.migrate(named).expect(0)
    assert migration.target.count("t") == 10


# Declared types

DECLARED = {
    "int": ("int", "i", "bigint"), "bigint": ("int", "i", "bigint"), "integer": ("int", "i", "bigint"),
    "number": ("decimal(12,2)", "i / 4.0", "numeric"), "numeric": ("decimal(12,2)", "i / 4.0", "numeric"),
    "date": ("date", "DATE '2020-01-01' + i::INT", "date"),
    "timestamp": ("timestamptz", "TIMESTAMPTZ '2020-01-01 00:00:00+00' + i * INTERVAL 1 MINUTE", "timestamptz"),
    "timestamp_ntz": ("timestamp", "TIMESTAMP '2020-01-01 00:00:00' + i * INTERVAL 1 MINUTE", "timestamp"),
    "timestamp_ltz": ("timestamptz", "TIMESTAMPTZ '2020-01-01 00:00:00+00' + i * INTERVAL 1 MINUTE", "timestamptz"),
    "timestamp_tz": ("timestamptz", "TIMESTAMPTZ '2020-01-01 00:00:00+00' + i * INTERVAL 1 MINUTE", "timestamptz"),
    "uuid": ("uuid", "md5(i::VARCHAR)::UUID", "uuid"), "varchar": ("text", "'k' || i", "text"), "string": ("text", "'k' || i", "text"),
    "text": ("text", "'k' || i", "text"), "varchar_numeric": ("text", "i::VARCHAR", "text"),
}


@both_sources
@pytest.mark.parametrize("declared", DECLARED)
def test_every_declared_type(migration, declared):
    kind, expression, target_type = DECLARED[declared]
    finished = migrate(migration, {"key": kind}, f"SELECT i, {expression} FROM range({ROWS}) AS r(i)", {"key": target_type},
                       chunking_columns=["key"], chunking_column_types=[declared])
    assert not finished.records("chunking_column_types")
    assert len(ranges(migration)) >= 25 and not unplanned(migration)


@pytest.mark.parametrize("declared", [declared for declared in DECLARED if DECLARED[declared][0] != "int"])
def test_a_declared_type_of_another_family_is_told_once(migration, declared):
    finished = migrate(migration, {"key": "int"}, f"SELECT i, i FROM range({ROWS}) AS r(i)", {"key": "bigint"}, chunking_columns=["key"],
                       chunking_column_types=[declared])
    warnings = finished.records("chunking_column_types")
    if declared in ("number", "numeric"):
        assert not warnings
    else:
        assert len(warnings) == 1 and all(word in warnings[0] for word in ("WARNING", '"key"', "BIGINT", declared)), finished
    assert len(ranges(migration)) >= 25
    assert json.dumps(ranges(migration)[0]["kinds"]) == '["integer"]'
