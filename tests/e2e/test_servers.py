"""A PostgreSQL that goes away, comes back, takes no writes, has no connection or no room left, or is locked by others. A run
ends completed and equal, or says what it couldn't do, and the same command completes it."""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

import psycopg
import pytest

from conftest import Migration
from faults import assert_made_good, assert_said, proxy, tally, through  # noqa: F401 (fixtures)
from sources import DuckdbSource
from targets import Target
from tests.servers.postgres import Postgres, PostgresError
from thaw import ROOT, Running

ROWS, BATCH = 20_000, 500
COLUMNS = {"id": "int", "text": "text"}
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": BATCH, "truncate_onstart": True}
PATIENT, HASTY = {"THAW_RETRY_SCALE": "12"}, {"THAW_RETRY_SCALE": "1"}
OTHERS = 8  # connections that somebody else may have besides those of a run
SETTINGS = {"max_connections": OTHERS + 9, "superuser_reserved_connections": 3, "max_wal_senders": 0, "shared_buffers": "32MB",
            # What isn't written when it is committed isn't written for long.
            "wal_writer_delay": "10s"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A file that is only read, and its table: made once."""
    source = DuckdbSource(tmp_path_factory.mktemp("kept"))
    return source, source.table("t", COLUMNS, f"SELECT i, repeat('t', 40) || i FROM range({ROWS}) AS r(i)")


@pytest.fixture(scope="module")
def disk():
    """The library that makes the disk full, and the file whose presence says that it is; where the user `postgres` can see
    them, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory(prefix="thaw-disk-", dir="/tmp") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        library = folder / "full_disk.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", ROOT / "tests/e2e/full_disk.c", "-o", library, "-ldl"], check=True)
        yield library, folder / "full"


@pytest.fixture(scope="module")
def own_servers(disk):
    """Servers that these tests may ruin, by version."""
    started: dict = {}

    def get(version: int) -> Postgres:
        if version not in started:
            started[version] = Postgres(version, settings=SETTINGS).start()
            started[version].psql("CREATE ROLE loader LOGIN")
        return started[version]

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LD_PRELOAD", str(disk[0]))
        environment.setenv("FULL_DISK", str(disk[1]))
        yield get
        for server in started.values():
            server.stop()


@pytest.fixture
def target(request, own_servers):
    """A database of such a server, loaded into by a role that is no superuser."""
    database = Target(own_servers(getattr(request, "param", 15)))
    database.execute("CREATE TABLE t (id bigint, text text)", "ALTER TABLE t OWNER TO loader",
                     f"GRANT CREATE ON DATABASE {database.name} TO loader")
    yield database
    database.drop()


@pytest.fixture
def migration(thaw, kept, target):
    made = Migration(thaw, kept[0], target)
    made.table = kept[1]
    return made


both_versions = pytest.mark.parametrize("target", [15, 18], indirect=True, ids=["pg15", "pg18"])


def config_of(migration: Migration, **settings) -> dict:
    config = migration.config(TABLE, **settings)
    config["postgres"]["user"] = "loader"
    return config


def stopped(migration: Migration, config: dict, fault: str, **environment: str) -> Running:
    """A run that waits at a fault point until it is let go."""
    running = migration.thaw.start_migrate(config, fault=fault, **(PATIENT | environment))
    running.wait_until_stopped()
    return running


def wait_until(fact, running: Running) -> None:
    """Until `fact()` is true, while it goes on."""
    deadline = time.monotonic() + 60
    while not fact():
        assert running.process.poll() is None, running.wait()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def reconnect(migration: Migration) -> None:
    """The tests' own connection, after its server went."""
    migration.target.connection.close()
    migration.target.connection = migration.target.connect(autocommit=True)


# Restarts


def kill_postmaster(server: Postgres) -> None:
    """What the kernel does to it where memory runs out. Its children notice and end."""
    os.kill(server.pid(), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while True:
        try:
            server.start()
            return
        except PostgresError:  # a child still has the shared memory
            assert time.monotonic() < deadline
            time.sleep(0.2)


def crash(server: Postgres) -> None:
    server.crash()
    server.start()


def recover_slowly(server: Postgres) -> None:
    """After a crash it replays an archive for some seconds, in which it answers "the database system is starting up"."""
    server.crash()
    server.settings |= {"hot_standby": "off", "restore_command": "sleep 1; false"}
    (server.data / "recovery.signal").touch()
    server.start()
    del server.settings["hot_standby"], server.settings["restore_command"]



RESTARTS = {"fast": Postgres.restart, "immediate": crash, "kill -9": kill_postmaster, "recovery": recover_slowly}


@pytest.mark.parametrize(("target", "how", "fault"), [(version, how, "in_data") for version in (15, 18) for how in RESTARTS] + [
    (15, "immediate", fault) for fault in ("before_plan_commit", "after_record", "before_finish_commit")], indirect=["target"])
def test_a_restart_during_a_run(migration, tally, how, fault):
    config = config_of(migration)
    running = stopped(migration, config, f"{fault}:stop:{7 if fault in ('in_data', 'after_record') else 1}")
    restarted = threading.Thread(target=RESTARTS[how], args=(migration.target.server,))
    restarted.start()
    time.sleep(0.3)  # let go while the server is away
    running.signal(signal.SIGCONT)
    restarted.join()
    finished = running.wait(60)
    wait_until_it_answers(migration.target.server)
    reconnect(migration)
    tally.count(f"restart, {how}", assert_made_good(migration, migration.table, config, finished, rows=ROWS))


@both_versions
def test_a_crash_right_after_exit_status_0_loses_nothing(migration):
    """Loads commit asynchronously; what completes a table and a run doesn't. Left to itself this server writes nothing for
    ten seconds."""
    finished = migration.thaw.migrate(config_of(migration)).expect(0)
    ended = time.monotonic()
    os.kill(migration.target.server.pid(), signal.SIGQUIT)  # what pg_ctl does for an immediate stop, without its ways about it
    assert time.monotonic() - ended < 1
    kill_postmaster(migration.target.server) if migration.target.server.pid() else migration.target.server.start()
    reconnect(migration)
    assert migration.assert_same(migration.table, "t") == ROWS
    migration.target.assert_completed()
    assert migration.target.run_status(finished.run_id) == "completed"


def test_that_a_crash_can_lose_what_was_committed_asynchronously(migration):
    """Else the test above would prove nothing."""
    with migration.target.connect(autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("INSERT INTO t VALUES (1, 'lost')")
    crash(migration.target.server)
    reconnect(migration)
    assert migration.target.count("t") == 0


# A server that takes no writes


@contextlib.contextmanager
def standby(server: Postgres):
    (server.data / "standby.signal").touch()
    server.restart()
    try:
        yield
    finally:
        server.psql("SELECT pg_promote()")
    while server.psql("SELECT pg_is_in_recovery()") == "t":
        time.sleep(0.05)


@contextlib.contextmanager
def read_only(server: Postgres):
    def switch(value: str) -> None:
        server.psql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        server.psql("SELECT pg_reload_conf()")
        while server.psql("SHOW default_transaction_read_only") != value:
            time.sleep(0.02)

    switch("on")
    try:
        yield
    finally:
        switch("off")


@contextlib.contextmanager
def recovering(server: Postgres):
    """It recovers from an archive for as long as this lasts, and answers nobody."""
    waiting = server.directory / "waiting"
    waiting.touch()
    server.crash()
    server.settings |= {"hot_standby": "off", "restore_command": f"while test -e {waiting}; do sleep 0.1; done; false"}
    (server.data / "recovery.signal").touch()
    started = threading.Thread(target=server.start)
    started.start()
    try:
        while "the database system is" not in said_by(server):
            time.sleep(0.05)
        yield
    finally:
        waiting.unlink()
        started.join()
        del server.settings["hot_standby"], server.settings["restore_command"]
        wait_until_it_answers(server)


def said_by(server: Postgres) -> str:
    """Its answer to who would connect, "" where it takes them."""
    try:
        server.psql("SELECT 1")
    except PostgresError as error:
        return str(error)
    return ""


def wait_until_it_answers(server: Postgres) -> None:
    deadline = time.monotonic() + 30
    while said := said_by(server):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


@contextlib.contextmanager
def no_connections(server: Postgres):
    """Others have all that a role without privileges may have."""
    held: list = []
    try:
        while True:
            try:
                held.append(psycopg.connect(server.url(user="loader")))
            except psycopg.OperationalError:
                break
        yield
    finally:
        for connection in held:
            connection.close()


STATES = {"standby": (standby, "25006", "standby"), "read-only": (read_only, "25006", "default_transaction_read_only"),
          "recovering": (recovering, "57P03", "the database system is"), "no connections": (no_connections, "53300", "max_connections")}


@both_versions
@pytest.mark.parametrize("state", STATES)
def test_a_server_that_can_not_take_a_run_is_told_at_once(migration, tally, state):
    config = config_of(migration)
    enter, code, hint = STATES[state]
    migration.target.connection.close()
    with enter(migration.target.server):
        refused = migration.thaw.migrate(config, timeout=60).expect(1)
        error, = refused.records("ERROR")
        assert code in error and hint in error, refused
        assert refused.seconds < 20
    reconnect(migration)
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(migration.table, "t") == ROWS
    migration.target.assert_completed()
    tally.count(state, "refused, completed by a rerun")


REFUSALS = {"read-only": "in a read-only transaction", "no connections": "remaining connection slots are reserved"}


@pytest.mark.parametrize("passes", [True, False], ids=["for a while", "for good"])
@pytest.mark.parametrize("state", ["read-only", "no connections"])
def test_a_server_that_stops_taking_a_run(migration, tally, state, passes):
    """Its workers must connect anew, and can't write; its presence and its control connection stay as they are."""
    config = config_of(migration)
    running = stopped(migration, config, "after_commit:stop:5", **({} if passes else HASTY))
    enter, code, hint = STATES[state]
    server = migration.target.server
    with enter(server):
        migration.target.connection.close()
        assert server.terminate("application_name = 'thaw worker'") > 0
        with no_connections(server) if state == "no connections" else contextlib.nullcontext():
            already = len(server.log())
            running.signal(signal.SIGCONT)
            if passes:
                # The first ones may be for bookkeeping that only the debug log tells of.
                wait_until(lambda: server.log()[already:].count(REFUSALS[state]) >= 3, running)
            else:
                finished = running.wait(60).expect(1)
                assert_said(finished, "ERROR", code)
                assert any(hint in record for record in finished.records("ERROR")), finished
    if passes:
        finished = running.wait(60).expect(0)
        assert_said(finished, "WARNING", code)
    reconnect(migration)
    tally.count(f"{state}, {'for a while' if passes else 'for good'}",
                assert_made_good(migration, migration.table, config, finished, rows=ROWS, allowed=(0, 1)))


# A disk without room


@both_versions
@pytest.mark.parametrize("passes", [True, False], ids=["for a while", "for good"])
def test_a_full_disk(migration, disk, tally, passes):
    config = config_of(migration)
    running = stopped(migration, config, "after_commit:stop:5", **({} if passes else HASTY))
    already = len(migration.target.server.log())
    disk[1].touch()
    try:
        running.signal(signal.SIGCONT)
        if passes:
            wait_until(lambda: "No space left on device" in migration.target.server.log()[already:], running)
        else:
            finished = running.wait(60).expect(1)
            assert_said(finished, "ERROR", "53100", "No space left on device", "free disk space")
            assert migration.target.run_status() == "failed"
            migration.target.assert_ledger_adds_up()
    finally:
        disk[1].unlink()
    if passes:
        finished = running.wait(60).expect(0)
        assert_said(finished, "WARNING", "No space left on device")
    tally.count(f"full disk, {'for a while' if passes else 'for good'}",
                assert_made_good(migration, migration.table, config, finished, rows=ROWS, allowed=(0, 1)))


# Locks of others

LOCKS = {"target, before the plan": ("after_begin:stop", "public.t"),
         "target, in the midst": ("after_commit:stop:5", "public.t"),
         "chunks, in the midst": ("after_commit:stop:5", "migration_status.migration_chunk_status"),
         "targets, in the midst": ("after_commit:stop:5", "migration_status.migration_targets"),
         "runs, in the midst": ("after_commit:stop:5", "migration_status.migration_runs")}


@pytest.mark.parametrize("passes", [True, False], ids=["for a while", "for good"])
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_another_session_holds(migration, proxy, tally, lock, passes):
    # One worker: a second one may have been stopped in the midst of a load, and with its locks.
    config = through(config_of(migration, parallel_threads=1, max_retry_attempts=1), proxy)
    if not passes:
        proxy.replacements.append((b"lock_timeout = '60s'", b"lock_timeout = '.4s'"))
    fault, relation = LOCKS[lock]
    running = stopped(migration, config, fault, **({} if passes else HASTY))
    with migration.target.connect() as holder:
        holder.execute(f"LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE")
        running.signal(signal.SIGCONT)
        if passes:
            wait_until(lambda: migration.target.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                                      "AND datname = current_database()"), running)
        else:
            finished = running.wait(60).expect(1)
            assert_said(finished, "ERROR", "55P03", "pg_blocking_pids")
        holder.rollback()
    if passes:
        finished = running.wait(60).expect(0)
        assert not finished.records("WARNING", "attempt"), f"a short wait is no failure; {finished}"
    tally.count(f"lock, {'for a while' if passes else 'for good'}",
                assert_made_good(migration, migration.table, config, finished, rows=ROWS, allowed=(0, 1)))
