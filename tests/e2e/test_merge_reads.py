"""What merging reads of a large target: by its index, and not all of it."""

import dataclasses

import pytest

ROWS = 50_000
STATS = "SELECT seq_scan, coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 't'"


@dataclasses.dataclass(frozen=True)
class Case:
    key: tuple = ("id",)
    type: str = "bigint NOT NULL"
    analyzed: bool = True
    table: dict = dataclasses.field(default_factory=dict)


CASES = {
    "one_column": Case(),
    "never_analyzed": Case(analyzed=False),
    "a_key_that_may_be_null": Case(type="bigint"),
    "two_columns": Case(("id", "name")),
    "insert_only": Case(table={"insert_only_mode": True}),
    "chunks_that_share_keys": Case(table={"chunking_columns": ["name"], "source_watermark": "nr", "target_watermark": "nr"}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_few_rows_into_a_large_target(migration, case):
    """40 rows: 10 new, 10 that differ, 20 as they are. The target is vacuumed, so that the run's counts of it take the index, too."""
    migration.source.table("t", {"id": "int", "name": "text", "nr": "int"},
                           f"SELECT i, 'n' || i, i % 2 FROM range({ROWS} - 30, {ROWS} + 10) AS r(i)")
    migration.target.execute(
        f"CREATE TABLE t (id {case.type}, name text NOT NULL, nr int, wide text DEFAULT '{'x' * 200}') WITH (autovacuum_enabled = off)",
        f"CREATE UNIQUE INDEX ON t ({', '.join(case.key)})",
        f"INSERT INTO t SELECT i, 'n' || i, CASE WHEN i >= {ROWS} - 10 THEN -1 ELSE i % 2 END FROM generate_series(0, {ROWS - 1}) AS i",
        "VACUUM t", *(["ANALYZE t"] if case.analyzed else []), "SELECT pg_stat_force_next_flush()")
    config = migration.config({"source": "t", "target": "t", "uniqueness_columns": list(case.key), "chunking": "whole"} | (
        {"chunking": "auto"} if "chunking_columns" in case.table else {}) | case.table)
    before = migration.target.rows(STATS)[0]
    finished = migration.thaw.migrate(config).expect(0)
    migration.target.wait_until_alone()
    after = migration.target.rows(STATS)[0]
    updates = 0 if case.table.get("insert_only_mode") else 10
    finished.says(f"10 inserted, {updates} updated, {30 - updates} unchanged")
    assert after[0] == before[0], "the merge has read the whole target"
    assert after[1] - before[1] >= 30, (before, after)
