"""Processes that freeze and come back after somebody else has taken their run over."""

import signal
import threading
import time

import pytest

from conftest import Migration
from targets import Target
from thaw import Thaw

ROWS, BATCH = 20_000, 400
COLUMNS = {"id": "int", "text": "text"}
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": BATCH}
TAKEN_OVER_WITHIN = 60
# So that a successor is at work for a while; a chunk takes a quarter of a second.
SLOW = ("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.25); RETURN NULL; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION slow()")
# Where it freezes (the fifth time that it passes), and whether it comes back while its successor works, or afterwards.
CASES = [(point, early) for point in ("after_claim", "in_data", "after_record") for early in (False, True)]


def written(target: Target) -> list:
    """Who wrote what: a row that is written again has another transaction or place."""
    return target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid")


class Zombie:
    """One frozen process, in a database of its own, and its successors."""

    def __init__(self, migration: Migration, point: str, early: bool):
        self.migration, self.point, self.early = migration, point, early
        self.config = migration.config(TABLE, parallel_threads=4)
        migration.target.execute("CREATE TABLE t (id bigint, text text)", *SLOW)
        self.process = migration.thaw.start_migrate(self.config, fault=f"{point}:stop:5")
        self.process.wait_until_stopped()
        self.frozen, self.seconds, self.woken = time.monotonic(), 0.0, False
        self.problem: BaseException | None = None

    def __str__(self) -> str:
        return f"{self.point}, back {'while its successor works' if self.early else 'after its successor'}"

    def completed(self) -> int:
        return self.migration.target.chunks().get("completed", 0)

    def succeed(self) -> None:
        """What an operator does: the same command, until it succeeds."""
        before = self.completed()
        while True:
            successor = self.migration.thaw.start_migrate(self.config)
            while self.early and self.process.state() == "T" and successor.process.poll() is None:
                time.sleep(0.05)
                if self.completed() > before:
                    self.process.signal(signal.SIGCONT)
                    self.woken = True
            finished = successor.wait(TAKEN_OVER_WITHIN)
            self.seconds = time.monotonic() - self.frozen
            if finished.status == 0:
                return
            finished.expect(1).says(f"pid {self.process.process.pid}")
            assert self.seconds < TAKEN_OVER_WITHIN, f"{self}: still refused; {finished}"

    def try_to_succeed(self) -> None:
        try:
            self.succeed()
        except BaseException as problem:  # a thread's assertions fail nobody: the test asks for them
            self.problem = problem


@pytest.fixture
def zombies(tmp_path, make_source, servers):
    """One of each case; their source is one file, which they only read."""
    source = make_source("duckdb")
    source.kept = source.table("t", COLUMNS, f"SELECT 7 * i, 'row ' || i FROM range({ROWS}) AS r(i)")
    made = []
    try:
        for number, case in enumerate(CASES):
            folder = tmp_path / f"zombie-{number}"
            folder.mkdir()
            made.append(Zombie(Migration(Thaw(folder), source, Target(servers(15))), *case))
        yield made
    finally:
        for zombie in made:
            zombie.migration.thaw.close()
            zombie.migration.target.drop()


@pytest.mark.timeout(240)
def test_invariant_04_a_zombie_does_not_commit_over_its_successor(zombies):
    threads = [threading.Thread(target=zombie.try_to_succeed) for zombie in zombies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for zombie in zombies:
        if zombie.problem is not None:
            raise zombie.problem
        assert zombie.seconds < TAKEN_OVER_WITHIN, f"{zombie}: the successor took {zombie.seconds:.0f} s"
        assert zombie.woken == zombie.early, f"{zombie}: it came back at another moment"
        target = zombie.migration.target
        assert zombie.migration.assert_same(zombie.migration.source.kept, "t") == ROWS, str(zombie)
        before = written(target)

        zombie.process.signal(signal.SIGCONT)
        ended = zombie.process.wait(60)

        assert ended.status in (0, 1), f"{zombie}: {ended}"
        assert written(target) == before, f"{zombie}: it wrote after its successor; {ended}"
        target.assert_completed()
        assert target.count("migration_status.migration_runs") == 1


def test_invariant_04_a_pause_shorter_than_the_deadline_costs_nothing(migration):
    """Who comes meanwhile is told whose run it is, and the one that paused goes on where it was."""
    table = migration.source.table("t", COLUMNS, f"SELECT 7 * i, 'row ' || i FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, text text)")
    config = migration.config(TABLE)
    paused = migration.thaw.start_migrate(config, fault="after_record:stop:5")
    paused.wait_until_stopped()
    migration.thaw.migrate(config).expect(1).says(f"pid {paused.process.pid}")
    paused.signal(signal.SIGCONT)
    paused.wait().expect(0)
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()
