"""A fleet as a scheduler of containers keeps one: processes that know nothing but a run_id, come at once or later, are asked to end
or killed at any moment, and are replaced. They agree on one run, and whatever has to be done once is done once."""

import collections
import os
import random
import signal
import time
import uuid

import pytest

from marks import both_versions
from reference import assert_equal
from sources import Table
from thaw import Running

COLUMNS = {"id": "int", "text": "text"}
TABLE = {"chunking_columns": ["id"], "batch_size": 100, "truncate_onstart": True, "disable_index": True}
ROWS, SIZE, BLOWS = 6000, 6, 10
INDEXES = ("ALTER TABLE {0} ADD PRIMARY KEY (id)", "CREATE INDEX {0}_text ON {0} (text)")
SLOW = """CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$"""
# What was done, by the transaction that did it: what is rolled back leaves no trace.
WITNESS = (
    "CREATE TABLE done (what text)",
    """CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO public.done SELECT format('%s %s', command_tag, object_identity) FROM pg_event_trigger_ddl_commands()
          WHERE command_tag IN ('CREATE INDEX', 'ALTER TABLE') AND schema_name = 'public'; END $$""",
    "CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl()",
    """CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO public.done VALUES (TG_ARGV[0] || ' completed'); RETURN NULL; END $$""",
)
WITNESS_OF_LEDGER = tuple(
    f"CREATE TRIGGER note_end AFTER UPDATE ON migration_status.{table} FOR EACH ROW "
    f"WHEN (NEW.status = 'completed' AND OLD.status <> 'completed') EXECUTE FUNCTION public.note_end('{what}')"
    for table, what in (("migration_table_status", "table"), ("migration_runs", "run")))
# A key is an ALTER TABLE that drops it, an index, and an ALTER TABLE that makes it the key again.
ONCE = {"table completed": 2, "run completed": 1,
        **{f"CREATE INDEX public.{table}_{index}": 1 for table in ("a", "b") for index in ("pkey", "text")},
        **{f"ALTER TABLE public.{table}": 2 for table in ("a", "b")}}


class Fleet:
    """Processes of one run_id. Those that end as partial, or are killed, are replaced."""

    def __init__(self, migration, run_id: str):
        self.migration, self.run_id = migration, run_id
        self.live: list[Running] = []
        self.statuses: collections.Counter = collections.Counter()
        self.ended: list = []

    def add(self) -> Running:
        self.live.append(self.migration.thaw.start("worker", "--run-id", self.run_id, "--begin"))
        return self.live[-1]

    def reap(self) -> None:
        for process in [process for process in self.live if process.process.poll() is not None]:
            self.live.remove(process)
            ended = process.wait()
            assert ended.status in (0, 3, -9, -15), ended  # -15: before it was ready for signals
            self.statuses[ended.status] += 1
            self.ended.append(ended)
            if ended.status != 0:
                self.add()

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while self.live:
            assert time.monotonic() < deadline
            self.reap()
            time.sleep(0.01)


def prepare(migration, seconds: float = 0) -> dict:
    migration.target.execute(SLOW.format(seconds=seconds), *WITNESS)
    for name in ("a", "b"):
        migration.target.execute(f"CREATE TABLE {name} (id bigint, text text)", *[index.format(name) for index in INDEXES],
                                 f"CREATE TRIGGER slow BEFORE INSERT ON {name} FOR EACH STATEMENT EXECUTE FUNCTION slow()")
    migration.target.execute("TRUNCATE done")
    migration.thaw.write(migration.config(*[{**TABLE, "source": name, "target": name} for name in ("a", "b")]))
    return {name: migration.source.table(name, COLUMNS, f"SELECT i, 'row ' || i FROM range({ROWS}) AS r(i)") for name in ("a", "b")}


def watch_ledger(migration) -> None:
    """As soon as there is one."""
    deadline = time.monotonic() + 30
    while not migration.target.has_ledger():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    migration.target.execute(*WITNESS_OF_LEDGER)


def assert_done_once(migration, tables: dict[str, Table], run_id: str) -> None:
    target = migration.target
    for name, table in tables.items():
        assert assert_equal(target.connection, f"SELECT * FROM {name}", table.rows_sql, scales=True) == ROWS
        assert target.value("SELECT last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = %s", name), f"{name} isn't analyzed"
    assert target.rows("SELECT run_id::text FROM migration_status.migration_runs") == [(run_id,)]
    target.assert_completed()
    assert dict(target.rows("SELECT what, count(*) FROM done GROUP BY 1")) == ONCE


@both_versions
def test_workers_come_go_and_die_at_any_time(migration, tell):
    seed = int(os.environ.get("THAW_KILL_SEED") or time.time_ns() % 1_000_000)
    numbers = random.Random(seed)
    tables, fleet = prepare(migration, seconds=1), Fleet(migration, str(uuid.uuid4()))
    for _ in range(SIZE):
        fleet.add()
    watch_ledger(migration)
    blows: collections.Counter = collections.Counter()
    while blows.total() < BLOWS:
        time.sleep(numbers.uniform(0, 0.3))
        fleet.reap()
        assert fleet.statuses[0] == 0, "the run is over before all of it happened"
        blow = numbers.choice((signal.SIGTERM, signal.SIGKILL, None))
        if blow is None:
            fleet.add()
        else:
            numbers.choice(fleet.live).signal(blow)
        blows[blow] += 1
    migration.target.execute(SLOW.format(seconds=0))  # what is left may go quickly
    fleet.wait()
    late = fleet.add()
    assert late.wait().expect(0).says("was completed already")

    tell(f"test_fleet: seed {seed} (THAW_KILL_SEED={seed} repeats it), "
         f"{blows[signal.SIGKILL]} killed, {blows[signal.SIGTERM]} asked to end, {blows[None]} came later; ended as {dict(fleet.statuses)}")
    assert_done_once(migration, tables, fleet.run_id)


def test_a_killed_beginner_s_run_is_begun_by_the_next(migration):
    """Killed before its decision is committed, it leaves nothing, and after it, a run that the next one takes up."""
    tables, run_id = prepare(migration), str(uuid.uuid4())
    for fault in ("before_begin_commit", "after_begin"):
        migration.thaw.run("worker", "--run-id", run_id, "--begin", environment={"THAW_FAULT": f"{fault}:kill"}).expect(-9)
        migration.target.wait_until_alone()
        assert migration.target.count("migration_status.migration_runs") == (fault == "after_begin")
    migration.target.execute(*WITNESS_OF_LEDGER)
    fleet = Fleet(migration, run_id)
    for _ in range(3):
        fleet.add()
    fleet.wait()
    assert fleet.statuses == {0: 3}
    assert_done_once(migration, tables, run_id)
    # None of these was killed: nobody even tried what another had done.
    assert sorted(migration.target.rows("SELECT relname, analyze_count FROM pg_stat_user_tables WHERE relname IN ('a', 'b')")) == [("a", 1), ("b", 1)]
    reconciled = [record for ended in fleet.ended for record in ended.records("completed: ", "reconciled")]
    assert len(reconciled) == 2, reconciled


def test_an_unfinished_run_of_another_job_is_told_and_left(migration):
    """A job goes on with its own run only; what is unfinished can be named to it instead."""
    tables = prepare(migration)
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    migration.thaw.run("worker", "--run-id", first, "--begin", environment={"THAW_FAULT": "after_commit:kill:3"}).expect(-9)
    migration.target.wait_until_alone()
    begun = migration.thaw.run("worker", "--run-id", second, "--begin").expect(0)
    assert second in begun.stdout and begun.records(f"run {first} (running): another run_id is to be begun"), begun
    assert dict(migration.target.rows("SELECT run_id::text, status FROM migration_status.migration_runs")) == {
        first: "running", second: "completed"}
    for name, table in tables.items():
        assert migration.assert_same(table, name) == ROWS


@pytest.mark.parametrize("arguments, words", [
    (["worker", "--begin"], ["--run-id is missing"]), (["worker", "--run-id", "JOB-7", "--begin"], ["--run-id", "JOB-7"]),
    (["migrate", "--begin"], ["--begin"])], ids=["no_run_id", "no_uuid", "migrate"])
def test_what_can_t_be_begun_is_a_usage_error(migration, arguments, words):
    prepare(migration)
    migration.thaw.run(*arguments).expect(2).says(*words)
    assert not migration.target.has_ledger()
