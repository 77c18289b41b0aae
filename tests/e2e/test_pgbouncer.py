"""Through PgBouncer that pools by transaction: any two transactions of a connection may be in different backends, so nothing may
rely on a session, and whoever borrows a backend next must find it as the server made it."""

import contextlib
import copy
import dataclasses
import signal
import time

import psycopg
import pytest

from checks import check
from faults import through
from marks import both_versions
from tests.servers.pgbouncer import PgBouncer
from thaw import Running

ROWS = 4000
COLUMNS = {"id": "int", "name": "text", "amount": "decimal(12,2)"}
SELECT = f"SELECT i, 'n' || i, (i % 700) / 10.0 FROM range({ROWS}) AS r(i)"
CREATE = ("CREATE TABLE t (id bigint PRIMARY KEY, name text, amount numeric(12,2))", "CREATE INDEX by_name ON t (name)")
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 400}
SLOW = ("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION slow()")
WORKERS = 4
POOL = WORKERS + 2  # what one process needs


@contextlib.contextmanager
def pooled(target, size: int = POOL, **settings):
    with PgBouncer(target.server, default_pool_size=size, **settings) as pooler:
        yield pooler


def prepare(migration, seconds: float = 0):
    migration.target.execute(*CREATE, *([statement.format(seconds=seconds) for statement in SLOW] if seconds else []))
    return migration.source.table("t", COLUMNS, SELECT)


def settings_of_backends(pooler: PgBouncer, database: str, count: int) -> set:
    """What the next borrowers of so many backends at once find, of the settings that thaw makes where a session is its own."""
    with contextlib.ExitStack() as stack:
        found = set()
        for _ in range(count):
            connection = stack.enter_context(psycopg.connect(host=pooler.host, port=pooler.port, user="postgres", dbname=database))
            found.add(connection.execute("SELECT current_setting('client_connection_check_interval'), current_setting('search_path'), "
                                         "current_setting('DateStyle'), current_setting('synchronous_commit'), "
                                         "current_setting('lc_messages')").fetchone())  # its transaction stays open
        return found


@dataclasses.dataclass(frozen=True)
class Way:
    table: dict
    there: tuple = ()  # statements that fill the target before


WAYS = {
    "copy": Way({}),
    "truncate_and_indexes": Way({"truncate_onstart": True, "disable_index": True}, ("INSERT INTO t VALUES (-1, 'old', 0)",)),
    "upsert": Way({"uniqueness_columns": ["id"]}, ("INSERT INTO t SELECT i, 'old', 0 FROM generate_series(0, 1500) AS i",)),
    "rejects": Way({"on_bad_row": "reject"}),
}


@both_versions
@pytest.mark.parametrize("way", WAYS)
def test_four_workers(migration, way):
    table = prepare(migration)
    migration.target.execute(*WAYS[way].there)
    config = migration.config({**TABLE, **WAYS[way].table}, parallel_threads=WORKERS, snapshot="none")
    with pooled(migration.target) as pooler:
        untouched = settings_of_backends(pooler, migration.target.name, 1)
        finished = migration.thaw.migrate(through(config, pooler)).expect(0)
        assert settings_of_backends(pooler, migration.target.name, POOL) == untouched, "a backend was handed on with settings of ours"
    assert not finished.records("WARNING") and not finished.records("ERROR"), finished
    assert migration.assert_same(table, "t") == ROWS
    assert migration.target.rows("SELECT relname FROM pg_class WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace "
                                 "ORDER BY 1") == [("by_name",), ("t_pkey",)]
    migration.target.assert_completed()


def test_by_session(migration):
    """A pool of sessions: each of them is the server's own for as long as it is borrowed, and cleaned by the pooler afterwards."""
    table = prepare(migration)
    config = migration.config({**TABLE, **WAYS["truncate_and_indexes"].table}, parallel_threads=WORKERS)
    with pooled(migration.target, pool_mode="session") as pooler:
        finished = migration.thaw.migrate(through(config, pooler)).expect(0)
    assert not finished.records("WARNING", "pool") and not finished.records("ERROR"), finished
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()


def start_one(migration, config: dict) -> tuple[Running, str]:
    """A process at work, and the run_id of its run."""
    first = migration.thaw.start_migrate(config)
    deadline = time.monotonic() + 30
    while not (migration.target.has_ledger() and migration.target.count("migration_status.v_live_owners")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return first, migration.target.value("SELECT run_id::text FROM migration_status.migration_runs")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked_to_end"])
def test_a_worker_that_goes_is_succeeded(migration, number):
    table = prepare(migration, seconds=0.1)
    config = migration.config({**TABLE, "batch_size": 100}, parallel_threads=2)
    with pooled(migration.target, 8) as pooler:
        first, run_id = start_one(migration, through(config, pooler))
        other = migration.thaw.start("worker", "--run-id", run_id)
        deadline = time.monotonic() + 30
        while migration.target.value("SELECT count(DISTINCT owner_id) FROM migration_status.migration_chunk_status "
                                     "WHERE status = 'completed'") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        first.signal(number)
        first.wait().expect(-9 if number == signal.SIGKILL else 3)
        other.wait().expect(0)
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()
    assert migration.target.count("migration_status.migration_runs") == 1


def test_a_process_that_finds_no_room_does_the_others_no_harm(migration):
    """The first one's presence and its load are all that the pool has; the second one gives up, and the first goes on."""
    table = prepare(migration, seconds=0.2)
    with pooled(migration.target, 2) as pooler:
        first, run_id = start_one(migration, through(migration.config(TABLE, parallel_threads=1), pooler))
        migration.thaw.run("worker", "--run-id", run_id, environment={"THAW_STALL_SECONDS": "1"}).expect(1).says("SHOW POOLS")
        first.wait().expect(0)
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()


def test_what_a_frozen_process_holds_comes_free_with_its_deadline(migration):
    """Its backends are found by the locks that they hold, since a process id of the pooler's making finds none; the pooler's other
    backends aren't harmed."""
    table = prepare(migration)
    with pooled(migration.target) as pooler:
        config = through(migration.config({**TABLE, "truncate_onstart": True}, parallel_threads=1), pooler)
        frozen = migration.thaw.start_migrate(config, fault="in_data:stop:3")
        frozen.wait_until_stopped()
        migration.target.execute("UPDATE migration_status.migration_owners SET deadline_at = clock_timestamp() - interval '1 second'")
        migration.thaw.migrate(config).expect(0).says("ended the connections of 1 owner(s) whose deadline had passed")
        assert migration.assert_same(table, "t") == ROWS
        frozen.signal(signal.SIGCONT)
        assert frozen.wait().status in (0, 1)
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()


# What a pooler can do to a run


@dataclasses.dataclass(frozen=True)
class Trouble:
    words: tuple
    status: int = 1
    size: int = POOL
    pooler: dict = dataclasses.field(default_factory=dict)
    user: str = "postgres"
    environment: dict = dataclasses.field(default_factory=dict)
    seconds: float = 0
    database: str = ""
    listed: bool = True  # the pooler takes any database


TROUBLE = {
    "pool_of_one": Trouble(("neither took nor sent a byte for 2 s", "SHOW POOLS", "default_pool_size"), size=1),
    "by_statement": Trouble(("statement pooling mode", "pool_mode"), pooler={"pool_mode": "statement"}),
    "startup_parameter": Trouble(("unsupported startup parameter: options", "ignore_startup_parameters"),
                                 environment={"PGOPTIONS": "-c work_mem=8MB"}),
    "no_database": Trouble(('"nowhere" does not exist', "target_pg_database"), database="nowhere"),
    "not_listed": Trouble(("no such database", "[databases]"), listed=False),
    "no_user": Trouble(("authentication failed", "auth_file"), user="nobody"),
    "client_limit": Trouble(("max_client_conn",), pooler={"max_client_conn": 1}),
    # Loads take longer than anybody is kept waiting, and one backend has to do for two workers and the ledger.
    "wait_timeout": Trouble(("query_wait_timeout", "trying again"), status=0, size=2, pooler={"query_wait_timeout": 1}, seconds=1.6),
    "few": Trouble(("completed",), status=0, size=2, seconds=0.05),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_what_a_pooler_refuses_is_told_or_waited_for(migration, trouble):
    case = TROUBLE[trouble]
    table = prepare(migration, case.seconds)
    config = migration.config({**TABLE, "batch_size": ROWS // 2, "truncate_onstart": True}, parallel_threads=2)
    asked = copy.deepcopy(config)
    asked["postgres"]["user"] = case.user
    asked["sources"][0]["target_pg_database"] = case.database or migration.target.name
    # The run's own patience, short where it is to come to an end.
    environment = case.environment | ({"THAW_STALL_SECONDS": "2"} if case.status else {})
    with PgBouncer(migration.target.server, "*" if case.listed else "another", default_pool_size=case.size, **case.pooler) as pooler:
        finished = migration.thaw.migrate(through(asked, pooler), **environment).expect(case.status).says(*case.words)
    assert finished.seconds < 15, finished
    if case.status:
        assert migration.target.count("t") == 0
        migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()


def test_check_says_what_a_pool_needs(migration):
    prepare(migration)
    with pooled(migration.target) as pooler:
        checked = check(migration, config=through(migration.config(TABLE, parallel_threads=WORKERS), pooler))
        assert '"ledger": false' in migration.thaw.run("status", "--json").expect(0).stdout
    assert f"{POOL} server connections for each process" in checked.one("pooler").text, str(checked)
    assert checked.codes("problem") == []
