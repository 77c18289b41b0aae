"""Everything at once: two processes of one run, and chance, which kills, freezes and stops them, cuts and stalls their connections,
ends their backends, restarts PostgreSQL, locks the targets and breaks the source. Then it is quiet, and the run must come to its end:
every row where it belongs, once; counters that add up.

A round takes some ten seconds in the tests. `make chaos` goes on with new ones for CHAOS_SECONDS; CHAOS_SEED repeats one.
"""

import collections
import os
import random
import signal
import threading
import time
import uuid

import psycopg
import pytest

from conftest import Migration
from faults import through
from marks import both_sources
from targets import Target
from tests.servers.postgres import Postgres
from tests.servers.proxy import Proxy

SECONDS = float(os.environ.get("CHAOS_SECONDS", 0))   # 0: one round
TROUBLE_SECONDS = 7.0                                 # of a round
QUIET_SECONDS = 120.0                                 # until the run must have ended then
ROWS = 24_000
COLUMNS = {"id": "int", "text": "text"}
SELECT = "SELECT CASE WHEN i % 211 > 0 THEN i // 2 END, repeat('c', 30) || i FROM range({rows}) AS r(i)"
KEYED = "SELECT i, repeat('k', 30) || i FROM range({rows}) AS r(i)"
# By name: its rows, and how it is read and written.
TABLES = {
    "ranges": (SELECT, {"chunking_columns": ["id"], "batch_size": 400, "truncate_onstart": True}),
    "hashes": (SELECT, {"chunking": "hash", "chunking_columns": ["text"], "batch_size": 500, "truncate_onstart": True, "disable_index": True}),
    "merged": (KEYED, {"uniqueness_columns": ["id"], "batch_size": 600}),
}
# Of the double; the last one lasts until it is taken away.
FAULTS = ("fail_chunks", "drop_chunks", "lose_chunks", "fail_queries", "expire_sessions")
# In order, or as whoever was killed does, or who was asked to end before it could answer; 1 is a run that could not go on just then.
ENDS = (0, 1, 3, -signal.SIGKILL, -signal.SIGTERM)
# What is freed is overwritten (mallopt(3)), so that who reads it afterwards is found.
ENVIRONMENT = {"MALLOC_PERTURB_": "165", "THAW_RETRY_SCALE": "3", "THAW_STALL_SECONDS": "3", "THAW_FIRST_ANSWER_SECONDS": "6", "PGCONNECT_TIMEOUT": "2"}


@pytest.fixture(scope="module")
def own_server():
    """One that may be crashed."""
    with Postgres(15, settings={"shared_buffers": "64MB"}) as server:
        yield server


@pytest.fixture
def target(own_server):
    database = Target(own_server)
    yield database
    database.drop()


class Process(threading.Thread):
    """One of the fleet: whenever it has ended, it is started again, until it finds the run completed."""

    def __init__(self, migration: Migration, run_id: str):
        super().__init__(name="fleet", daemon=True)
        self.thaw, self.run_id = migration.thaw, run_id
        self.ends: collections.Counter = collections.Counter()
        self.running, self.problem, self.given_up = None, None, False

    def run(self) -> None:
        try:
            while not self.given_up:
                self.running = self.thaw.start("worker", "--begin", "--run-id", self.run_id, "--workers", "2", environment=ENVIRONMENT)
                finished = self.running.wait(timeout=None)
                self.ends[finished.status] += 1
                assert finished.status in ENDS, str(finished)
                if finished.status == 0:
                    return
                time.sleep(0.05)
        except BaseException as problem:  # a thread's assertions fail nobody: the test asks for them
            self.problem = problem


class Trouble:
    """What chance may do, each under its name."""

    def __init__(self, migration: Migration, fleet: list, proxy: Proxy, numbers: random.Random):
        self.migration, self.fleet, self.proxy, self.numbers = migration, fleet, proxy, numbers
        self.made: collections.Counter = collections.Counter()
        self.deeds = [self.kill, self.kill, self.freeze, self.stop, self.cut, self.cut, self.stall, self.end_backends, self.lock]
        self.deeds += [self.break_source] * 2 if migration.source.kind == "snowflake" else []
        self.crashes = 1

    def signal(self, number: int):
        running = self.numbers.choice(self.fleet).running
        if running is not None and running.process.poll() is None:
            running.signal(number)
        return running

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        self.signal(signal.SIGTERM)

    def freeze(self) -> None:
        running = self.signal(signal.SIGSTOP)
        time.sleep(self.numbers.uniform(0.1, 1))
        if running is not None and running.process.poll() is None:
            running.signal(signal.SIGCONT)

    def cut(self) -> None:
        self.proxy.cut(self.numbers.choice([None, "worker", "presence", "control"]))

    def stall(self) -> None:
        self.proxy.stalled = True
        time.sleep(self.numbers.uniform(0.1, 2.5))
        self.proxy.stalled = False

    def end_backends(self) -> None:
        with self.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'thaw %%' AND random() < %s",
                               [self.numbers.choice([0.2, 0.5, 1])])

    def lock(self) -> None:
        with self.connect() as connection, connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '2s'")
            connection.execute(f"LOCK TABLE {self.numbers.choice(list(TABLES))} IN ACCESS EXCLUSIVE MODE")
            time.sleep(self.numbers.uniform(0.1, 1))

    def crash(self) -> None:
        self.migration.target.server.crash()
        time.sleep(self.numbers.uniform(0, 1))
        self.migration.target.server.start()

    def break_source(self) -> None:
        fault = self.numbers.choice(FAULTS)
        self.migration.source.double.control({fault: self.numbers.randint(1, 4)})

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.migration.target.server.url(self.migration.target.name), autocommit=True, application_name="tests",
                               connect_timeout=5)

    def make(self) -> None:
        """One deed of chance; the server crashes once in a round."""
        deed = self.numbers.choice(self.deeds)
        if self.crashes > 0 and self.numbers.random() < 0.08:
            self.crashes, deed = 0, self.crash
        self.made[deed.__name__] += 1
        try:
            deed()
        except psycopg.Error:  # it met another's doing
            self.made[f"{deed.__name__}, in vain"] += 1


def configure(migration: Migration, proxy: Proxy) -> dict:
    tables = [{"source": name, "target": name, **settings} for name, (_, settings) in TABLES.items()]
    return through(migration.config(*tables, snapshot="none", max_retry_attempts=10), proxy)


def empty(target: Target) -> None:
    """For the next round: as it was, with targets that take their time, so that the run lasts."""
    target.execute("DROP SCHEMA IF EXISTS migration_status CASCADE", *(f"DROP TABLE IF EXISTS {name}" for name in TABLES),
                   "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$",
                   *(f"CREATE TABLE {name} (id bigint{' PRIMARY KEY' if name == 'merged' else ''}, text text)" for name in TABLES),
                   "CREATE INDEX hashes_text ON hashes (text)",
                   *(f"CREATE TRIGGER slow BEFORE INSERT ON {name} FOR EACH STATEMENT EXECUTE FUNCTION slow()" for name in TABLES))


def calm(source) -> None:
    if source.kind == "snowflake":
        source.double.control(dict.fromkeys(FAULTS, 0))


def wait_for_end(fleet: list) -> None:
    end = time.monotonic() + QUIET_SECONDS
    while any(process.is_alive() for process in fleet):
        assert time.monotonic() < end, "the run has not come to its end: " + "; ".join(
            str(process.running and process.running.process.poll()) for process in fleet)
        time.sleep(0.1)


def play(migration: Migration, tables: dict, seed: int) -> tuple:
    """A round: what chance did, and how the processes ended."""
    target, numbers, run_id = migration.target, random.Random(seed), str(uuid.uuid4())
    empty(target)
    with Proxy(target.server.host, target.server.port) as proxy:
        migration.thaw.write(configure(migration, proxy))
        fleet = [Process(migration, run_id) for _ in range(2)]
        trouble = Trouble(migration, fleet, proxy, numbers)
        for process in fleet:
            process.start()
        try:
            end = time.monotonic() + TROUBLE_SECONDS
            while time.monotonic() < end and any(process.is_alive() for process in fleet):
                time.sleep(numbers.expovariate(6))
                trouble.make()
            calm(migration.source)
            target.connection.close()  # a crash of the server may have ended it
            target.connection = target.connect(autocommit=True)
            for name in TABLES:
                target.execute(f"ALTER TABLE {name} DISABLE TRIGGER slow")  # what is left may go quickly
            wait_for_end(fleet)
        finally:
            for process in fleet:
                process.given_up = True
            calm(migration.source)
    ends = sum((process.ends for process in fleet), collections.Counter())
    for process in fleet:
        assert process.problem is None, process.problem
    for name, table in tables.items():
        assert migration.assert_same(table, name) == ROWS
    target.assert_completed()
    assert target.rows("SELECT run_id::text FROM migration_status.migration_runs") == [(run_id,)]
    assert target.value("SELECT count(*) FROM pg_indexes WHERE indexname IN ('hashes_text', 'merged_pkey')") == 2
    return trouble.made, ends


@both_sources
@pytest.mark.timeout(SECONDS + 300)
def test_chaos(migration, tell):
    tables = {name: migration.source.table(name, COLUMNS, select.format(rows=ROWS)) for name, (select, _) in TABLES.items()}
    first = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)
    made, ends = collections.Counter(), collections.Counter()
    end, rounds = time.monotonic() + SECONDS, 0
    while rounds == 0 or time.monotonic() < end:
        seed = first + rounds
        print(f"{migration.source.kind}: round {rounds + 1}, CHAOS_SEED={seed}", flush=True)
        deeds, processes = play(migration, tables, seed)
        made, ends, rounds = made + deeds, ends + processes, rounds + 1
        print(dict(deeds), dict(processes), flush=True)
    tell(f"test_chaos[{migration.source.kind}]: {rounds} rounds from CHAOS_SEED={first}; exit statuses: "
         + ", ".join(f"{status}: {count}" for status, count in sorted(ends.items())),
         *(f"  {deed:<36}{count:>4}" for deed, count in sorted(made.items())))
