"""Processes that are killed at any instant: no row is lost, none comes twice, no finished work is done again."""

import collections
import os
import random
import threading
import time

import pytest

from targets import Target

KILLS = 50
# Points that a run passes once it is registered, in their order; each hit kills one process of the same run.
BEGINNING = ("before_begin_commit", "after_begin", "before_truncate", "before_plan_commit", "after_plan_commit")
LOADING = ("before_claim", "after_claim", "before_data", "in_data", "after_data", "after_record", "after_commit")
END = ("before_finish", "before_finish_commit", "after_finish")
EACH_LOADING = 3
RANDOM_MOMENTS = KILLS - len(BEGINNING) - len(LOADING) * EACH_LOADING - len(END)

ROWS, BATCH = 660_000, 500
COLUMNS = {"id": "int", "name": "text", "amount": "decimal(12,2)", "at": "timestamp"}
SELECT = f"""
    SELECT CASE WHEN i % 997 = 0 THEN NULL WHEN i % 5 = 0 THEN 3 * i + 3 ELSE 3 * i END, repeat('r', CAST(i % 40 AS INTEGER)) || i,
           (i % 100000) / 100.0, TIMESTAMP '2020-01-01' + i * INTERVAL 1 SECOND FROM range({ROWS}) AS r(i)"""
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": BATCH, "truncate_onstart": True}
# A target that takes its time, so that the run is still on after fifty kills, without making the machine busy.
SLOW = ("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION slow()")
CHUNKS = "SELECT chunk_id, xmin::text, completed_at, rows_copied FROM migration_status.migration_chunk_status WHERE status = 'completed'"
# Rows and their record share a transaction, so the transaction that wrote a chunk's rows is the one that completed it, and
# wrote as many as the record says. What this returns is rows without a record, or a record without its rows.
TORN = """
    SELECT chunk.chunk_id, chunk.xmin, chunk.rows_copied, loaded.xmin, loaded.rows
      FROM (SELECT * , xmin FROM migration_status.migration_chunk_status WHERE status = 'completed' AND rows_copied > 0) AS chunk
      FULL JOIN (SELECT xmin, count(*) AS rows FROM t GROUP BY xmin) AS loaded ON loaded.xmin = chunk.xmin
     WHERE chunk.rows_copied IS DISTINCT FROM loaded.rows LIMIT 5"""


def prepare(migration, rows: int = ROWS):
    table = migration.source.table("t", COLUMNS, f"{SELECT} LIMIT {rows}")
    migration.target.execute("CREATE TABLE t (id bigint, name text, amount numeric(12,2), at timestamp)", *SLOW)
    return table


class Auditor(threading.Thread):
    """Reads ledger and target in one snapshot, again and again, while processes come and go."""

    def __init__(self, target: Target):
        super().__init__(name="auditor", daemon=True)
        self.target, self.ended = target, threading.Event()
        self.completed: dict = {}
        self.snapshots, self.unfinished, self.problem = 0, 0, None

    def run(self) -> None:
        try:
            while not self.ended.wait(0.2):
                with self.target.snapshot() as connection:
                    if connection.execute("SELECT to_regclass('migration_status.migration_chunk_status')").fetchone()[0]:
                        self.look(connection)
        except BaseException as problem:  # a thread's assertions fail nobody: the test asks for them
            self.problem = problem

    def look(self, connection) -> None:
        torn = connection.execute(TORN).fetchall()
        assert not torn, f"rows and their record don't agree in one snapshot: {torn}"
        now = {row[0]: row[1:] for row in connection.execute(CHUNKS).fetchall()}
        redone = {chunk: (was, now.get(chunk)) for chunk, was in self.completed.items() if now.get(chunk) != was}
        assert not redone, f"completed chunks that were completed again, or no longer are: {redone}"
        self.completed = now
        self.snapshots += 1
        self.unfinished += 0 < len(now) < connection.execute("SELECT count(*) FROM migration_status.migration_chunk_status").fetchone()[0]

    def stop(self) -> None:
        self.ended.set()
        self.join()
        if self.problem is not None:
            raise self.problem


def in_hand(target: Target, pid: int) -> int:
    """Chunks that a process had claimed and not completed when it died."""
    return target.value("SELECT count(*) FROM migration_status.migration_chunk_status JOIN migration_status.migration_owners "
                        "USING (owner_id) WHERE status = 'in_progress' AND process_id = %s", pid)


class Killer:
    """Kills one `thaw migrate` after the other, and counts what hit them."""

    def __init__(self, migration, numbers: random.Random):
        self.migration, self.numbers = migration, numbers
        self.config = migration.config(TABLE, parallel_threads=4)
        self.hits: collections.Counter = collections.Counter()
        self.startup = 0.0

    def at(self, point: str, number_of_pass: int = 1) -> None:
        killed = self.migration.thaw.migrate(self.config, fault=f"{point}:kill:{number_of_pass}").expect(-9)
        self.hits[point] += 1
        if point == "after_begin":
            self.startup = killed.seconds

    def at_a_random_moment(self) -> None:
        process = self.migration.thaw.start_migrate(self.config)
        time.sleep(self.numbers.uniform(0, self.startup + 1.0))
        process.kill()
        process.wait().expect(-9)
        busy = in_hand(self.migration.target, process.process.pid) > 0
        self.hits[f"random moment, {'chunks in hand' if busy else 'no chunk in hand'}"] += 1

    def load(self) -> None:
        """The kills between the plan and the end, in an order of chance."""
        turns = [*LOADING * EACH_LOADING, *[None] * RANDOM_MOMENTS]
        self.numbers.shuffle(turns)
        for point in turns:
            if point is None:
                self.at_a_random_moment()
            else:
                self.at(point, self.numbers.randint(1, 12))


@pytest.mark.timeout(400)
def test_invariant_03_fifty_kills_in_one_migration(migration, tell):
    table = prepare(migration)
    seed = int(os.environ.get("THAW_KILL_SEED") or time.time_ns() % 1_000_000)
    killer, auditor = Killer(migration, random.Random(seed)), Auditor(migration.target)
    tell(f"test_kill: kill -9, seed {seed} (THAW_KILL_SEED={seed} repeats it)")
    auditor.start()
    try:
        for point in BEGINNING:
            killer.at(point)
        killer.load()
        migration.target.execute("ALTER TABLE t DISABLE TRIGGER slow")  # what is left may go quickly
        for point in END:
            killer.at(point)
        last = migration.thaw.migrate(killer.config).expect(0)
    finally:
        auditor.stop()
    tell(*(f"  {kind:<36}{count:>3}" for kind, count in sorted(killer.hits.items())),
         f"  {'in all':<36}{killer.hits.total():>3}, audited in {auditor.snapshots} snapshots")

    assert killer.hits.total() == KILLS
    assert {point: killer.hits[point] for point in BEGINNING + LOADING + END} == {
        **dict.fromkeys(BEGINNING + END, 1), **dict.fromkeys(LOADING, EACH_LOADING)}
    assert killer.hits["random moment, chunks in hand"] > 0
    assert auditor.unfinished > 10, "the auditor saw too little of the migration"
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()
    assert migration.target.count("migration_status.migration_runs") == 1, "a rerun began anew instead of going on"
    assert migration.target.rows(TORN) == []
    assert migration.target.count("t") == ROWS == migration.target.value(
        "SELECT total_rows_copied FROM migration_status.migration_runs WHERE run_id = %s", last.run_id)
