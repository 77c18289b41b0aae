"""Names with spaces, capitals, quotes, unicode and 63 bytes, at both ends."""

import pytest

from conftest import Migration
from marks import both_sources
from sources import DuckdbSource, quoted
from targets import Target

LONGEST = "n" * 61 + "\u00e9"  # 63 bytes, all that PostgreSQL keeps of a name
NAMES = {
    "spaces": " two  words ",
    "capitals": "MixedCase",
    "double_quote": 'say "hi"',
    "single_quote": "it's",
    "unicode": "\u96ea \u0441\u043d\u0435\u0433 \U0001f9ca",
    "longest": LONGEST,
    "keyword": "select",
    "punctuation": "a.b;c--d/*e\\f%g$1",
}
assert len(LONGEST.encode()) == 63


@both_sources
@pytest.mark.parametrize("name", list(NAMES))
def test_names_of_tables_and_columns(migration, name):
    name = NAMES[name]
    table = migration.source.table(name, {name: "int", name[:30] + " b": "text"}, "SELECT i, 't' || i FROM range(500) AS r(i)")
    migration.target.execute(f"CREATE TABLE {quoted(name)} ({quoted(name)} bigint, {quoted(name[:30] + ' b')} text)")
    migration.thaw.migrate(migration.config({"source": name, "target": name, "chunking_columns": [name], "batch_size": 100})).expect(0)
    assert migration.assert_same(table, quoted(name)) == 500
    migration.target.assert_completed()
    stored = migration.target.rows("SELECT source_table, target_table FROM migration_status.migration_table_status")
    assert stored == [(name, name)]


@both_sources
@pytest.mark.parametrize("name", ["spaces", "capitals", "double_quote", "unicode", "longest", "punctuation"])
def test_names_of_schemas(migration, name):
    name = NAMES[name]
    migration.source.make_schema(name)
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(500) AS r(i)", schema=name)
    migration.target.execute(f"CREATE SCHEMA {quoted(name)}", f"CREATE TABLE {quoted(name)}.t (id bigint)")
    feed = migration.source.feed(migration.target.name, {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100},
                                 target_schema=name)
    feed.pop("source_sf_schema", None)
    feed["source_schema"] = name
    migration.thaw.migrate(migration.config(feeds=[feed])).expect(0)
    assert migration.assert_same(table, f"{quoted(name)}.t") == 500
    migration.target.assert_completed()


@pytest.mark.parametrize("kind", ["duckdb", "snowflake"])
@pytest.mark.parametrize("name", ["spaces", "capitals", "double_quote", "unicode", "longest"])
def test_names_of_databases(thaw, servers, make_source, tmp_path, kind, name):
    name = NAMES[name].strip() if kind == "duckdb" else NAMES[name]
    source = DuckdbSource(tmp_path, database=name) if kind == "duckdb" else make_source(kind)
    if kind == "snowflake":
        source.move_to_database(name)
    target = Target(servers(15), name)
    try:
        table = source.table("t", {"id": "int"}, "SELECT i FROM range(500) AS r(i)")
        target.execute("CREATE TABLE t (id bigint)")
        feed = {"source_name": "feed", "source_database": name, "source_schema": source.schema, "target_pg_database": name,
                "tables": [{"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}]}
        migration = Migration(thaw, source, target)
        thaw.migrate(migration.config(feeds=[feed])).expect(0)
        assert migration.assert_same(table, "t") == 500
        target.assert_completed()
    finally:
        target.drop()


@both_sources
def test_a_column_mapping_renames(migration):
    table = migration.source.table("renamed", {"ID": "int", "First Name": "text", "same": "int"},
                                   "SELECT i, 'n' || i, -i FROM range(500) AS r(i)")
    migration.target.execute('CREATE TABLE renamed (id bigint, "first name" text, same bigint)')
    migration.thaw.migrate(migration.config({"source": "renamed", "target": "renamed", "chunking_columns": ["ID"], "batch_size": 100,
                                             "column_mapping": {"ID": "id", "First Name": "first name"}})).expect(0)
    assert migration.assert_same(table, "renamed") == 500


@both_sources
def test_swapped_columns_are_swapped(migration):
    migration.source.table("swapped", {"a": "int", "b": "int"}, "SELECT i, -i FROM range(1, 101) AS r(i)")
    migration.target.execute("CREATE TABLE swapped (a bigint, b bigint)")
    migration.thaw.migrate(migration.config({"source": "swapped", "target": "swapped", "chunking_columns": ["a"], "batch_size": 10,
                                             "column_mapping": {"a": "b", "b": "a"}})).expect(0)
    assert migration.target.rows("SELECT count(*), count(*) FILTER (WHERE a = -b AND b > 0) FROM swapped") == [(100, 100)]
