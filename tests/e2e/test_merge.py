"""Rows that are merged by a key: upsert and insert-only, beside copies of the same tables."""

import random

import pytest

from marks import both_sources
from merging import KINDS, NAMES, TYPES, apply, change, first_source, first_target, values

# Where a run is killed while it loads; the second pass, so that there is something done and something left.
POINTS = ("in_data", "after_data", "after_record", "after_commit", "before_merge", "before_data", "after_claim")
COUNTS = """
    SELECT coalesce(sum(rows_inserted), 0), coalesce(sum(rows_updated), 0), coalesce(sum(rows_unchanged), 0),
           coalesce(sum(rows_older), 0), coalesce(sum(rows_duplicate), 0)
      FROM migration_status.migration_chunk_status WHERE run_id = %s"""
DO_NOT_ADD_UP = """
    SELECT run_id, chunk_id FROM migration_status.migration_chunk_status
     WHERE rows_copied <> rows_inserted + rows_updated + rows_unchanged + rows_older + rows_duplicate"""
VERSIONS = "SELECT ctid::text, xmin::text, xmax::text, cmin::text FROM t ORDER BY ctid"


def refill(source, table, rows: list) -> None:
    source.execute(f"DELETE FROM {source.relation('t')}")
    source.insert(table, values(rows))


def sorted_rows(rows) -> list:
    return sorted((tuple(row) for row in rows), key=repr)


class Story:
    """One table through its runs; the target is what `apply` says after each."""

    def __init__(self, migration, kind):
        self.migration, self.kind, self.numbers = migration, kind, random.Random(4711)
        self.source = first_source(kind, self.numbers)
        self.expected = first_target(kind, self.numbers)
        self.table = migration.source.table("t", dict(zip(NAMES, ("text", "int", "int", "text", "decimal(12,2)", "timestamp"))),
                                            values(self.source))
        migration.target.execute(*kind.create())
        columns = [kind.target_name(name) for name in NAMES] + ["remark"]
        with migration.target.connection.cursor() as cursor, cursor.copy(f"COPY t ({', '.join(columns)}) FROM STDIN") as copy:
            for row in self.expected:
                copy.write_row([row[name] for name in (*NAMES, "remark")])
        self.config = migration.config(kind.table())

    def run(self, fault: str = "") -> None:
        thaw, target = self.migration.thaw, self.migration.target
        self.expected, counts = apply(self.kind, self.source, self.expected)
        if fault:
            thaw.migrate(self.config, fault=f"{fault}:kill:{1 if self.kind.watermark else 2}").expect(-9)
            target.wait_until_alone()
        finished = thaw.migrate(self.config).expect(0)
        assert sorted_rows(target.rows(self.kind.query())) == sorted_rows(tuple(row[name] for name in (*NAMES, "remark"))
                                                                          for row in self.expected)
        # With a watermark rows below the floor are not even read: they would be unchanged, older or dropped.
        compared = 2 if self.kind.watermark and not self.kind.truncate else len(counts.line())
        assert target.rows(COUNTS, finished.run_id)[0][:compared] == counts.line()[:compared]
        assert target.rows(DO_NOT_ADD_UP) == []
        target.assert_completed()

    def change(self) -> None:
        self.source = change(self.kind, self.source, self.numbers)
        refill(self.migration.source, self.table, self.source)


@pytest.mark.parametrize("source, target", [("duckdb", 18), ("snowflake", 15)], indirect=True, ids=["duckdb-pg18", "snowflake-pg15"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_invariant_06_each_kind_of_table_through_changes_and_a_crash(migration, kind):
    assert set(NAMES) == set(TYPES)
    story = Story(migration, kind)
    story.run()
    if kind.merges and not kind.truncate:
        versions = migration.target.rows(VERSIONS)
        story.run()
        assert migration.target.rows(VERSIONS) == versions, "rows that didn't change were written or locked"
    story.change()
    story.run(fault=POINTS[list(KINDS.values()).index(kind) % len(POINTS)] if kind.merges else "after_record")
    assert migration.target.count("migration_status.migration_runs") == (3 if kind.merges and not kind.truncate else 2)
