"""Chunking columns of every kind, with NULLs, duplicates and heavy values; filters and views."""

import duckdb
import pytest

from marks import both_sources
from sources import literal

ROWS = 3000
# kind: a DuckDB expression of i (0 to ROWS - 1) with duplicates, the column's type in PostgreSQL
KEYS = {
    "int": ("(i * 7919) % 1500 - 700", "bigint"),
    "decimal(20,4)": ("((i * 7919) % 1500 - 700) / 16.0", "numeric(20,4)"),
    "date": ("DATE '1969-06-01' + ((i * 7919) % 800)::INT", "date"),
    "timestamp": ("TIMESTAMP '1969-12-31 23:59:58' + ((i * 7919) % 1500) * INTERVAL 1234 MICROSECONDS", "timestamp"),
    "timestamptz": ("TIMESTAMPTZ '2024-03-31 00:59:59+00' + ((i * 7919) % 1500) * INTERVAL 1234567 MICROSECONDS", "timestamptz"),
    "text": ("CASE i % 11 WHEN 0 THEN '' WHEN 1 THEN 'it''s ' || i % 40 WHEN 2 THEN '\\' || i % 40 WHEN 3 THEN '\"' || i % 50 "
             "WHEN 4 THEN '\U0001f9ca' || i % 60 WHEN 5 THEN chr(9) || i WHEN 6 THEN 'A' || i % 70 WHEN 7 THEN 'a' || i % 70 "
             "WHEN 8 THEN '\u00e9' || i WHEN 9 THEN '%' || i % 9 ELSE '--' || i || '/*' END", "text"),
    "uuid": ("md5((i % 1200)::VARCHAR)::UUID", "uuid"),
}


def keyed(migration, columns: dict, select: str, target: str, **more):
    table = migration.source.table("keyed", columns, select)
    migration.target.execute(f"CREATE TABLE keyed ({target})")
    finished = migration.thaw.migrate(migration.config({"source": "keyed", "target": "keyed", "batch_size": 100, **more}))
    finished.expect(0)
    return table


@both_sources
@pytest.mark.parametrize("kind", list(KEYS))
def test_invariant_01_every_kind_of_key(migration, kind):
    expression, target_type = KEYS[kind]
    table = keyed(migration, {"n": "int", "key": kind},
                  f"SELECT i, CASE WHEN i % 50 = 49 THEN NULL ELSE {expression} END FROM range({ROWS}) AS r(i)",
                  f"n bigint, key {target_type}", chunking_columns=["key"])
    assert migration.assert_same(table, "keyed") == ROWS
    assert migration.target.chunks()["completed"] > 15
    nulls = migration.target.rows("SELECT rows_copied FROM migration_status.migration_chunk_status "
                                  "WHERE chunk_range->>'kind' = 'nulls'")
    assert nulls == [(ROWS // 50,)]
    migration.target.assert_completed()


@both_sources
@pytest.mark.parametrize("kinds", [("text", "int"), ("date", "decimal(20,4)", "text"), ("int", "timestamptz")],
                         ids=lambda kinds: "-".join(kind.partition("(")[0] for kind in kinds))
def test_invariant_01_several_chunking_columns(migration, kinds):
    """The first column has few values, so that boundaries fall inside them; every column has NULLs."""
    first = {"text": "'g' || i % 3", "date": "DATE '2020-01-01' + (i % 3)::INT", "int": "i % 3"}[kinds[0]]
    expressions = [first] + [KEYS[kind][0] for kind in kinds[1:]]
    columns = ", ".join(f"CASE WHEN i % {40 + j} = 0 THEN NULL ELSE {expression} END" for j, expression in enumerate(expressions))
    names = [f"k{j}" for j in range(len(kinds))]
    table = keyed(migration, {"n": "int"} | dict(zip(names, kinds)), f"SELECT i, {columns} FROM range({ROWS}) AS r(i)",
                  "n bigint, " + ", ".join(f"{name} {KEYS[kind][1]}" for name, kind in zip(names, kinds)),
                  chunking_columns=names)
    assert migration.assert_same(table, "keyed") == ROWS
    assert migration.target.chunks()["completed"] > 15
    migration.target.assert_completed()


@both_sources
def test_invariant_01_a_value_too_frequent_for_a_chunk_is_a_chunk_by_itself(migration):
    table = keyed(migration, {"n": "int", "key": "int"},
                  "SELECT i, CASE WHEN i % 10 < 6 THEN 500 ELSE i % 1000 END FROM range(10000) AS r(i)",
                  "n bigint, key bigint", chunking_columns=["key"])
    assert migration.assert_same(table, "keyed") == 10_000
    heavy = migration.target.value("SELECT max(rows_copied) FROM migration_status.migration_chunk_status")
    assert 6000 <= heavy < 6200
    migration.target.assert_completed()


@both_sources
@pytest.mark.parametrize("columns", [None, ["ratio"], ["ratio", "name"]], ids=["all_columns", "one", "two"])
def test_invariant_01_rows_without_an_order_are_cut_by_their_hash(migration, columns):
    """Duplicate rows, rows of NULLs alone, and a column that can't be ordered."""
    table = keyed(migration, {"name": "text", "ratio": "float", "n": "int"},
                  f"SELECT CASE WHEN i % 7 > 0 THEN 'n' || i % 50 END, CASE WHEN i % 5 > 0 THEN (i % 90) / 8 END, "
                  f"CASE WHEN i % 3 > 0 THEN i % 200 END FROM range({ROWS}) AS r(i)", "name text, ratio float8, n bigint",
                  chunking="hash", **({"chunking_columns": columns} if columns else {}))
    assert migration.assert_same(table, "keyed") == ROWS
    assert migration.target.chunks()["completed"] > 15
    migration.target.assert_completed()


@both_sources
def test_invariant_01_only_null_keys(migration):
    table = keyed(migration, {"n": "int", "key": "text"}, "SELECT i, NULL FROM range(1000) AS r(i)", "n bigint, key text",
                  chunking_columns=["key"])
    assert migration.assert_same(table, "keyed") == 1000
    migration.target.assert_completed()


@both_sources
@pytest.mark.parametrize("condition", ["\"n\" % 2 = 0 OR \"key\" IS NULL", "\"n\" < 1700 -- and a remark",
                                       "\"text\" <> 'it''s -- not a remark' /* but this is */"], ids=["or", "comment", "literal"])
def test_a_filter_holds_for_plan_data_and_counts(migration, condition):
    table = migration.source.table("keyed", {"n": "int", "key": "int", "text": "text"},
                                   f"SELECT i, CASE WHEN i % 9 = 0 THEN NULL ELSE i % 777 END, "
                                   f"CASE WHEN i % 5 = 0 THEN 'it''s -- not a remark' ELSE 't' END FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE keyed (n bigint, key bigint, text text)")
    migration.thaw.migrate(migration.config({"source": "keyed", "target": "keyed", "batch_size": 100, "chunking_columns": ["key"],
                                             "source_filter": condition})).expect(0)
    filtered = migration.target.value("SELECT sum(expected_rows) FROM migration_status.migration_chunk_status")
    assert filtered == migration.target.count("keyed") < ROWS
    table.condition = condition
    assert migration.assert_same(table, "keyed") == filtered
    migration.target.assert_completed()


@both_sources
def test_a_view_is_a_source_like_a_table(migration):
    table = migration.source.table("base", {"id": "int", "name": "text"}, "SELECT i, 'n' || i % 10 FROM range(2000) AS r(i)")
    relation = migration.source.relation
    migration.source.execute(f'CREATE VIEW {relation("seen")} AS SELECT a."id", b."name" FROM {relation("base")} a '
                             f'JOIN {relation("base")} b ON a."id" = b."id"')
    migration.target.execute("CREATE TABLE seen (id bigint PRIMARY KEY, name text)")
    migration.thaw.migrate(migration.config({"source": "seen", "target": "seen", "chunking_columns": ["id"],
                                             "batch_size": 300})).expect(0)
    assert migration.assert_same(table, "seen") == 2000
    migration.target.assert_completed()


def test_parquet_files_are_sources_through_views(migration):
    table = migration.source.table("base", {"id": "int", "name": "text"}, "SELECT i, 'n' || i FROM range(2000) AS r(i)")
    migration.target.execute("CREATE TABLE from_parquet (id bigint, name text)")
    config = migration.config({"source": "from_parquet", "target": "from_parquet", "chunking_columns": ["id"], "batch_size": 300})
    config["duckdb"] = {"path": ":memory:", "init_sql": f"CREATE VIEW from_parquet AS {table.rows_sql}"}
    del config["sources"][0]["source_database"]
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "from_parquet") == 2000
    migration.target.assert_completed()


def test_a_key_that_the_source_knows_is_used_without_being_named(migration):
    known = migration.source.relation("known")
    migration.source.execute(f"CREATE TABLE {known} (a BIGINT, b BIGINT, PRIMARY KEY (b, a))",
                             f"INSERT INTO {known} SELECT i % 100, i // 100 FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE known (a bigint, b bigint)")
    migration.thaw.migrate(migration.config({"source": "known", "target": "known", "batch_size": 100})).expect(0)
    assert migration.target.value("SELECT count(DISTINCT (a, b)) FROM known") == 1000
    assert migration.target.rows("SELECT DISTINCT chunk_range->'columns' FROM migration_status.migration_chunk_status") == [(["b", "a"],)]


def test_csv_files_are_sources_through_views(migration, tmp_path):
    table = migration.source.table("base", {"id": "int", "name": "text"}, "SELECT i, 'n' || i FROM range(2000) AS r(i)")
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({table.rows_sql}) TO {literal(tmp_path / 'rows.csv')} (FORMAT csv, HEADER)")
    migration.target.execute("CREATE TABLE from_csv (id bigint, name text)")
    config = migration.config({"source": "from_csv", "target": "from_csv", "chunking_columns": ["id"], "batch_size": 300})
    config["duckdb"] = {"path": ":memory:", "init_sql": f"CREATE VIEW from_csv AS FROM read_csv({literal(tmp_path / 'rows.csv')})"}
    del config["sources"][0]["source_database"]
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "from_csv") == 2000
    migration.target.assert_completed()
