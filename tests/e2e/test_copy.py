"""Copies that must be complete whatever the keys look like."""

import json

import pytest

from conftest import Migration
from marks import both_sources, both_versions
from sources import DuckdbSource, SnowflakeSource
from tests.servers.proxy import Fault, Proxy

# 500 rows in 1-1,000, 5,000 up to 1,000,000, 1,000,000 between 5,000,001 and 6,000,000 with holes and duplicates, and rows
# without a key: what made an older tool, which cut ranges of ids by arithmetic, lose rows.
SPARSE = """
    SELECT id, 'row ' || n, (n % 100000) / 100.0, TIMESTAMP '2020-01-01' + n * INTERVAL 1 SECOND FROM (
        SELECT 2 * i + 1 AS id, i AS n FROM range(500) AS a(i)
        UNION ALL SELECT 1001 + 199 * i, 1000 + i FROM range(5000) AS b(i)
        UNION ALL SELECT 5000001 + hash(i) % 1000000, 10000 + i FROM range(1000000) AS c(i)
        UNION ALL SELECT NULL, 2000000 + i FROM range(300) AS d(i)
        UNION ALL SELECT 7 * (i // 3) + 1, 3000000 + i FROM range(600) AS e(i))
    {where} ORDER BY id"""
COLUMNS = {"id": "int", "name": "text", "amount": "decimal(12,2)", "at": "timestamp"}
TARGET = "CREATE TABLE sparse (id bigint, name text, amount numeric(12,2), at timestamp)"


@pytest.fixture(scope="module")
def sparse(tmp_path_factory, started_double, key_file):
    """The source of this kind with the sparse table, made once."""
    made: dict = {}

    def get(kind: str):
        if kind not in made:
            directory = tmp_path_factory.mktemp("sparse")
            source = (DuckdbSource(directory) if kind == "duckdb" else
                      SnowflakeSource(directory, started_double, "SPARSE", key_file))
            made[kind] = source, source.table("sparse", COLUMNS, SPARSE.format(where=""))
        return made[kind]

    return get


def run(migration, batch_size: int | None):
    settings = {"batch_size": batch_size} if batch_size else {"chunking": "whole"}
    return migration.thaw.migrate(migration.config({"source": "sparse", "target": "sparse", "chunking_columns": ["id"],
                                                    **settings})).expect(0)


@pytest.mark.parametrize("kind, batch_size", [("duckdb", 777), ("duckdb", 10_000), ("duckdb", 250_000), ("duckdb", None),
                                              ("snowflake", 10_000), ("snowflake", None)],
                         ids=["duckdb-777", "duckdb-10k", "duckdb-250k", "duckdb-whole", "snowflake-10k", "snowflake-whole"])
def test_invariant_01_sparse_ids_are_copied_completely(thaw, target, sparse, kind, batch_size):
    source, table = sparse(kind)
    migration = Migration(thaw, source, target)
    target.execute(TARGET)
    run(migration, batch_size)
    assert migration.assert_same(table, "sparse") == 1_006_400
    target.assert_completed()


@both_sources
def test_invariant_01_sparse_ids_one_row_a_chunk(migration):
    """Of the sparse ids a small cut: 20 at the lower end (with duplicates), 20 in the middle, 20 at the top, NULLs."""
    where = "WHERE id < 30 OR id BETWEEN 500000 AND 504000 OR id > 5999980 OR n BETWEEN 2000000 AND 2000005"
    table = migration.source.table("sparse", COLUMNS, SPARSE.format(where=where))
    migration.target.execute(TARGET)
    run(migration, 1)
    rows = migration.assert_same(table, "sparse")
    distinct = migration.target.value("SELECT count(DISTINCT id) + 1 FROM sparse")
    assert rows > 60
    assert migration.target.chunks() == {"completed": distinct}, "one chunk for each distinct key, and one for NULL"
    migration.target.assert_completed()


@both_sources
@both_versions
def test_several_tables_in_one_run(migration):
    tables = []
    for i in range(4):
        tables.append(migration.source.table(f"table_{i}", {"id": "int", "text": "text"},
                                             f"SELECT j, repeat('x', j % 50) FROM range({i * 3000}) AS r(j)"))
        migration.target.execute(f"CREATE TABLE table_{i} (id bigint PRIMARY KEY, text text)")
    config = migration.config(*[{"source": f"table_{i}", "target": f"table_{i}", "chunking_columns": ["id"], "batch_size": 1000}
                                for i in range(4)])

    finished = migration.thaw.migrate(config, "--json").expect(0)

    for i, table in enumerate(tables):
        assert migration.assert_same(table, f"table_{i}") == i * 3000
    migration.target.assert_completed()
    assert '"status":"completed"' in finished.stdout and '"total_rows":18000' in finished.stdout
    statuses = migration.target.rows("SELECT source_table, total_rows_copied, completed_chunks FROM "
                                     "migration_status.migration_table_status ORDER BY 1")
    assert [(row[0], row[1]) for row in statuses] == [(f"table_{i}", i * 3000) for i in range(4)]


@both_sources
def test_an_empty_table_is_completed(migration):
    table = migration.source.table("empty", {"id": "int", "text": "text"}, "SELECT 1, 'x' WHERE false")
    migration.target.execute("CREATE TABLE empty (id bigint, text text)")
    migration.thaw.migrate(migration.config({"source": "empty", "target": "empty", "chunking_columns": ["id"]})).expect(0)
    assert migration.assert_same(table, "empty") == 0
    assert migration.target.run_status() == "completed"
    migration.target.assert_ledger_adds_up()


@both_sources
def test_without_any_key_a_table_is_one_chunk(migration):
    table = migration.source.table("keyless", {"a": "text", "b": "float"}, "SELECT 'same', 1.5 FROM range(5000)")
    migration.target.execute("CREATE TABLE keyless (a text, b float8)")
    migration.thaw.migrate(migration.config({"source": "keyless", "target": "keyless"})).expect(0)
    assert migration.assert_same(table, "keyless") == 5000
    assert migration.target.chunks() == {"completed": 1}


@both_sources
def test_wide_rows_and_large_values(migration):
    """Rows larger than a segment, and values of several MB."""
    table = migration.source.table("large", {"id": "int", "text": "text", "bytes": "binary"},
                                   "SELECT i, repeat(chr(97 + (i % 26)::INT), 3000000), unhex(repeat('00ff', (i * 100000)::INT)) "
                                   "FROM range(8) AS r(i)")
    migration.target.execute("CREATE TABLE large (id bigint, text text, bytes bytea)")
    migration.thaw.migrate(migration.config({"source": "large", "target": "large", "chunking_columns": ["id"],
                                             "batch_size": 3})).expect(0)
    assert migration.assert_same(table, "large") == 8
    migration.target.assert_completed()


@both_sources
def test_columns_are_paired_by_name_whatever_their_order(migration):
    table = migration.source.table("shuffled", {"a": "int", "b": "text", "c": "date"},
                                   "SELECT i, 'b' || i, DATE '2020-01-01' + i::INT FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE shuffled (c date, extra int DEFAULT 7, a bigint, generated bigint GENERATED ALWAYS "
                             "AS (a * 2) STORED, b text)")
    migration.thaw.migrate(migration.config({"source": "shuffled", "target": "shuffled", "chunking_columns": ["a"]})).expect(0)
    migration.assert_same(table, "shuffled", "SELECT a, b, c FROM shuffled")
    assert migration.target.rows("SELECT DISTINCT extra, generated - a * 2 FROM shuffled") == [(7, 0)]


def test_source_columns_that_the_target_lacks_are_left_out_with_one_warning(migration):
    migration.source.table("more", {"id": "int", "kept": "text", "dropped": "text"},
                           "SELECT i, 'k', 'd' FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE more (id bigint, kept text)")
    finished = migration.thaw.migrate(migration.config({"source": "more", "target": "more", "chunking_columns": ["id"],
                                                        "batch_size": 10})).expect(0)
    assert migration.target.count("more WHERE kept = 'k'") == 100
    assert len(finished.records("WARNING", "dropped")) == 1


def test_selected_sources_and_tables_only(migration):
    for name in ("one", "two"):
        migration.source.table(name, {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
        migration.target.execute(f"CREATE TABLE {name} (id bigint)")
    feeds = [migration.source.feed(migration.target.name, {"source": name, "target": name, "chunking_columns": ["id"]}, name=f"feed_{name}")
             for name in ("one", "two")]
    migration.thaw.migrate(migration.config(feeds=feeds), "--source", "feed_two").expect(0)
    assert (migration.target.count("one"), migration.target.count("two")) == (0, 10)
    migration.thaw.migrate(migration.config(feeds=feeds), "--table", "one").expect(0)
    assert (migration.target.count("one"), migration.target.count("two")) == (10, 10)


def test_the_file_itself_is_the_database_where_none_is_named(migration):
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    feed = {"source_name": "feed", "target_pg_database": migration.target.name,
            "tables": [{"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}]}
    migration.thaw.migrate(migration.config(feeds=[feed])).expect(0)
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()


def test_totals_are_the_ledgers_however_slow_a_worker_is(migration):
    """One worker has committed its chunk and not said so yet, while another one looks for work in the ledger."""
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 500})
    finished = migration.thaw.migrate(config, "--json", fault="after_commit:sleep=2000:2").expect(0)
    assert json.loads(finished.stdout)["total_rows"] == 1000
    assert finished.records("completed", "1000 rows")
    migration.target.assert_completed()


def test_invariant_10_a_refused_row_that_went_out_of_hand_is_named_by_its_key(migration):
    """The server takes its time over row 5 while many megabytes are sent behind it: the chunk is read once more, for that row."""
    migration.source.table("t", {"id": "int", "a": "text"}, "SELECT i, repeat('x', 8000) FROM range(3000) AS r(i)")
    migration.target.execute("""CREATE FUNCTION slowly_refuses(i bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        IF i = 5 THEN PERFORM pg_sleep(2); END IF; RETURN i <> 5; END $$""")
    migration.target.execute("CREATE TABLE t (id bigint, a text, CONSTRAINT not_five CHECK (slowly_refuses(id)))")
    server = migration.target.server
    with Proxy(server.host, server.port, hoards=True) as between:
        copies = between.add(Fault("delay", at=b'COPY "public"."t"', times=100))
        config = migration.config({"source": "t", "target": "t", "chunking": "whole"})
        failed = migration.thaw.migrate({**config, "postgres": {**config["postgres"], "port": between.port}}).expect(1)
    assert copies.hits == 2, "it was still in hand"
    failed.says("id = 5").says("not_five")
    assert migration.target.count("t") == 0
