"""Merging what the target hasn't got yet: a chunk between whose bounds the target has no row is copied, and merged after all where
a key turns up. Which was which is in the log; what is there afterwards is compared row by row."""

import dataclasses
import signal

import pytest

from marks import both_versions

TABLE = {"source": "t", "target": "t", "uniqueness_columns": ["id"], "batch_size": 50}
COPIED = "it is copied"
COUNTS = """
    SELECT sum(rows_inserted)::int, sum(rows_updated)::int, sum(rows_unchanged)::int, sum(rows_older)::int, sum(rows_duplicate)::int
      FROM migration_status.migration_chunk_status WHERE run_id = (SELECT run_id FROM migration_status.migration_runs
                                                                    ORDER BY run_number DESC LIMIT 1)"""


@dataclasses.dataclass(frozen=True)
class Case:
    """500 rows of the source in 10 ranges of their key, the first 250 of which the target has."""

    key: str = "int"
    expression: str = "i"
    type: str = "bigint"
    index: str = "id"
    copied: int = 5
    nullable: bool = False
    there: str = "i < 250"
    table: dict = dataclasses.field(default_factory=dict)
    query: str = "SELECT * FROM t"


CASES = {
    "integers": Case(),
    "integers_in_numeric": Case(type="numeric"),
    "integers_in_text": Case(type="text", copied=0),
    "decimals": Case("decimal(20,4)", "i / 16.0 - 40", "numeric(20,4)"),
    "dates_in_timestamptz": Case("date", "DATE '1969-06-01' + i::INT", "timestamptz", query="SELECT id::date, part, name FROM t"),
    "timestamps": Case("timestamp", "TIMESTAMP '1969-12-31 23:59:58' + i * INTERVAL 1234 MICROSECONDS", "timestamp"),
    "moments": Case("timestamptz", "TIMESTAMPTZ '2024-03-31 00:59:59+00' + i * INTERVAL 1234567 MICROSECONDS", "timestamptz"),
    "text_by_its_bytes": Case("text", "CASE WHEN i < 250 THEN 'A' ELSE 'a' END || printf('%06d', i)", 'text COLLATE "C"'),
    "text_by_a_language": Case("text", "CASE WHEN i < 250 THEN 'A' ELSE 'a' END || printf('%06d', i)", 'text COLLATE "en-x-icu"', copied=0),
    "an_index_that_descends": Case(index="id DESC"),
    "a_gap": Case(there="i < 100 OR i >= 450", copied=7),
    "two_columns": Case(index="id, part", table={"uniqueness_columns": ["id", "part"]}),
    "the_index_begins_with_another": Case(index="part, id", copied=0, table={"uniqueness_columns": ["id", "part"]}),
    "a_key_that_may_be_null": Case(nullable=True, copied=0),
    "bad_rows_are_set_aside": Case(copied=0, table={"on_bad_row": "reject"}),
    "cut_by_another_column": Case(copied=0, table={"chunking_columns": ["part"]}),
    "insert_only": Case(table={"insert_only_mode": True}),
}


def prepare(migration, case: Case) -> tuple:
    """The target has its rows by psycopg, from what DuckDB says they are."""
    table = migration.source.table("t", {"id": case.key, "part": "int", "name": "text"},
                                   f"SELECT {case.expression}, i // 7, 'n' || i FROM range(500) AS r(i)")
    migration.target.execute(f"CREATE TABLE t (id {case.type}, part int NOT NULL, name text)", f"CREATE UNIQUE INDEX ON t ({case.index})")
    if not case.nullable:
        migration.target.execute("ALTER TABLE t ALTER id SET NOT NULL")
    return table, migration.config({**TABLE, **case.table})


def load_part(migration, config: dict, there: str) -> None:
    """Loaded once in whole, then what is not to be there is taken out."""
    migration.thaw.migrate(config).expect(0)
    condition = there.replace("i", "substr(name, 2)::int")
    migration.target.execute(f"DELETE FROM t WHERE NOT ({condition})", "VACUUM ANALYZE t")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_chunks_beyond_what_is_there_are_copied(migration, case):
    table, config = prepare(migration, case)
    load_part(migration, config, case.there)
    missing = 500 - migration.target.count("t")
    finished = migration.thaw.migrate(config, "--log-level", "debug", "--workers", "1").expect(0)
    assert len(finished.records(COPIED)) == case.copied, str(finished)
    assert migration.target.rows(COUNTS)[0] == (missing, 0, 500 - missing, 0, 0)
    assert migration.assert_same(table, "t", case.query) == 500
    migration.target.assert_completed()


@pytest.mark.parametrize("source, target", [("duckdb", 18), ("snowflake", 15)], indirect=True, ids=["duckdb-pg18", "snowflake-pg15"])
def test_a_nightly_append(migration):
    """The target has the first half."""
    table, config = prepare(migration, Case())
    migration.target.execute("INSERT INTO t SELECT i, i / 7, 'n' || i FROM generate_series(0, 249) AS i")
    finished = migration.thaw.migrate(config, "--log-level", "debug").expect(0)
    assert len(finished.records(COPIED)) == 5, str(finished)
    assert migration.target.rows(COUNTS)[0] == (250, 0, 250, 0, 0)
    assert migration.assert_same(table, "t") == 500


def test_a_key_that_comes_twice_beyond_what_is_there(migration):
    """In the source: its chunk is merged after all."""
    migration.source.table("t", {"id": "int", "name": "text"}, "SELECT i - i // 400, 'n' || (i - i // 400) FROM range(500) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t SELECT i, 'n' || i FROM generate_series(0, 249) AS i")
    finished = migration.thaw.migrate(migration.config(TABLE), "--log-level", "debug", "--workers", "1").expect(0)
    assert len(finished.records("merging from here on", "23505")) == 1, str(finished)
    assert 1 < len(finished.records(COPIED)) < 5, str(finished)
    assert migration.target.rows(COUNTS)[0] == (249, 0, 250, 0, 1)
    assert migration.target.rows("SELECT count(*), count(DISTINCT id) FROM t WHERE name = 'n' || id") == [(499, 499)]
    migration.target.assert_completed()


@both_versions
def test_a_key_that_somebody_inserts_meanwhile(migration):
    """After thaw has looked, before it copies."""
    table, config = prepare(migration, Case())
    migration.target.execute("INSERT INTO t SELECT i, i / 7, 'n' || i FROM generate_series(0, 249) AS i")
    running = migration.thaw.start_migrate(config, "--workers", "1", fault="before_data:stop:6")
    running.wait_until_stopped()
    migration.target.execute("INSERT INTO t SELECT i, -1, 'theirs' FROM generate_series(250, 499) AS i")
    running.signal(signal.SIGCONT)
    finished = running.wait().expect(0)
    assert len(finished.records("merging from here on", "23505")) == 1, str(finished)
    assert migration.target.rows(COUNTS)[0] == (0, 250, 250, 0, 0)
    assert migration.assert_same(table, "t") == 500
    migration.target.assert_completed()
