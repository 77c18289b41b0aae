"""The ways between thaw and its two ends break, stall or lose an answer, at each statement that matters. A run ends completed
and equal, or says what it couldn't do, and the same command completes it."""

import signal
import time

import duckdb
import pytest

from conftest import Migration
from faults import assert_made_good, assert_said, proxy, tally, through  # noqa: F401 (fixtures)
from marks import snowflake_only
from sources import DuckdbSource, SnowflakeSource, Source
from tests.servers.double import SnowflakeDouble
from tests.servers.proxy import Fault, Proxy

ROWS, BATCH = 20_000, 2_000
COLUMNS = {"id": "int", "text": "text"}
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": BATCH, "truncate_onstart": True}
COMMIT = b"COMMIT\0"
# Short enough for a test, and longer than anything takes here that isn't broken.
IMPATIENT = {"THAW_STALL_SECONDS": "2", "THAW_FIRST_ANSWER_SECONDS": "4", "PGCONNECT_TIMEOUT": "2"}


TARGET = "CREATE TABLE t (id bigint, text text)"


def select(rows: int) -> str:
    return f"SELECT i, repeat('t', 40) || i FROM range({rows}) AS r(i)"


def prepare(migration, rows: int = ROWS):
    migration.target.execute(TARGET)
    return migration.source.table("t", COLUMNS, select(rows))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A file that is only read, and its table: made once."""
    source = DuckdbSource(tmp_path_factory.mktemp("kept"))
    return source, source.table("t", COLUMNS, select(ROWS))


# What a run does, in its order: where it is found, and whether one command must survive it. Before a run is registered there
# is nothing to go on with: then an error within seconds is the right answer, and the same command begins anew.
STATEMENTS = {
    "connecting": (Fault("", role="control", past_bytes=20), False),
    "making the ledger": (Fault("", role="control", at=b"CREATE SCHEMA migration_status"), False),
    "deciding": (Fault("", role="control", at=b"advisory_xact_lock(1952997634"), False),
    "registering": (Fault("", role="control", at=COMMIT, after=b"advisory_xact_lock(1952997634"), False),
    "taking the presence": (Fault("", role="presence", at=b"pg_try_advisory_xact_lock"), False),
    "a worker connects": (Fault("", role="worker", past_bytes=20), True),
    "claiming the planning": (Fault("", role="worker", at=b"SET planner_owner_id"), True),
    "describing the target": (Fault("", role="worker", at=b"AS may_use_schema"), True),
    "taking the target": (Fault("", role="worker", at=b"INSERT INTO migration_status.migration_targets"), True),
    "truncating": (Fault("", role="worker", at=b"TRUNCATE ONLY"), True),
    "storing the plan": (Fault("", role="worker", at=b"jsonb_array_elements($2::jsonb)"), True),
    "COMMIT of the plan": (Fault("", role="worker", at=COMMIT, after=b"jsonb_array_elements($2::jsonb)"), True),
    "claiming": (Fault("", role="worker", at=b"SKIP LOCKED", number=3), True),
    "COMMIT of a claim": (Fault("", role="worker", at=COMMIT, after=b"SKIP LOCKED"), True),
    "entering a load": (Fault("", role="worker", at=b"FOR KEY SHARE", number=3), True),
    "beginning to copy": (Fault("", role="worker", at=b"(FORMAT binary)", number=3), True),
    "in the data": (Fault("", role="worker", past_bytes=150_000), True),
    "recording a chunk": (Fault("", role="worker", at=b"rows_copied = $4", number=3), True),
    "COMMIT of a chunk": (Fault("", role="worker", at=COMMIT, after=b"rows_copied = $4"), True),
    "reconciling": (Fault("", role="worker", at=b"feeders.unfinished"), True),
    "COMMIT of a table": (Fault("", role="worker", at=COMMIT, after=b"completed_tables = completed_tables + 1"), True),
    "ending the run": (Fault("", role="control", at=b"AS left_over"), True),
    "COMMIT of the run": (Fault("", role="control", at=COMMIT, after=b"AS left_over"), True),
}


def fault_at(place: str, action: str) -> Fault:
    found = STATEMENTS[place][0]
    return Fault(action, at=found.at, role=found.role, number=found.number, after=found.after, past_bytes=found.past_bytes)


# A stall costs the seconds until it is noticed: one of each kind of wait.
STALLS = ("connecting", "deciding", "taking the presence", "a worker connects", "truncating", "COMMIT of the plan", "claiming",
          "in the data", "COMMIT of a chunk", "COMMIT of a table", "COMMIT of the run")


@pytest.mark.parametrize(("place", "action"), [(place, action) for action in ("cut", "lose_answer") for place in STATEMENTS] +
                         [(place, "stall") for place in STALLS])
def test_the_way_to_postgresql_fails_once(thaw, target, kept, proxy, tally, place, action):
    source, table = kept
    migration = Migration(thaw, source, target)
    target.execute(TARGET)
    config = through(migration.config(TABLE), proxy)
    fault = proxy.add(fault_at(place, action))
    finished = migration.thaw.migrate(config, **IMPATIENT)
    assert fault.hits == 1, f"the fault did not happen; {finished}"
    survives = STATEMENTS[place][1]
    ended = assert_made_good(migration, table, config, finished, rows=ROWS, allowed=(0,) if survives else (0, 1))
    assert finished.seconds < 60, finished
    tally.count(action, ended)


# The way to Snowflake

SNOW_ROWS = 40_000
SNOW_TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 20_000, "truncate_onstart": True}
# What the double does, until when it does it (seconds; None: as often as its number says), and what the log must say.
SOURCE_FAULTS = {
    "chunks lost in silence": ({"lose_chunks": 2}, None, "cut the result"),
    "chunks answer 500": ({"fail_chunks": 2}, None, None),
    "chunks break off": ({"drop_chunks": 2}, None, None),
    "chunks stall": ({"chunk_delay": 60}, 3, "nothing has moved"),
    "queries answer 500": ({"fail_queries": 2}, None, None),
    "queries are slow (a warehouse resumes)": ({"query_delay": 1}, 2, None),
    "queries get no answer": ({"query_delay": 6}, 3, "nothing has moved"),
    "the session is gone": ({"expire_sessions": 1}, 1, "attempt 1 failed"),
}
READING_ONLY = {"chunks lost in silence", "chunks answer 500", "chunks break off", "chunks stall"}
MOMENTS = {"planning": "after_begin:stop", "reading": "after_plan_commit:stop"}


@snowflake_only
@pytest.mark.parametrize(("moment", "kind"), [(moment, kind) for kind in SOURCE_FAULTS for moment in MOMENTS
                                              if moment == "reading" or kind not in READING_ONLY])
def test_the_way_to_snowflake_fails_for_a_while(migration, double, tally, moment, kind):
    table = prepare(migration, SNOW_ROWS)
    config = migration.config(SNOW_TABLE)
    faults, seconds, said = SOURCE_FAULTS[kind]
    # One worker plans, over the connection that it has; a second one would log in first, which has a limit of its own.
    workers = ("--workers", "1") if moment == "planning" else ()
    running = migration.thaw.start_migrate(config, *workers, fault=MOMENTS[moment], **{**IMPATIENT, "THAW_RETRY_SCALE": "12"})
    running.wait_until_stopped()
    double.control(faults)
    running.signal(signal.SIGCONT)
    if seconds is not None:
        time.sleep(seconds)
        double.control(dict.fromkeys(faults, 0))
    finished = running.wait(60)
    assert seconds is not None or double.control() == double.control(dict.fromkeys(faults, 0)), "the fault did not happen"
    ended = assert_made_good(migration, table, config, finished, rows=SNOW_ROWS)
    if said:
        assert_said(finished, "WARNING", said)
    tally.count(f"Snowflake: {kind}", ended)


CLIENT_TIMEOUT, REQUEST_TIMEOUT = (f"adbc.snowflake.sql.client_option.{name}_timeout" for name in ("client", "request"))


class LastingSource(SnowflakeSource):
    """A database of the double in a file, which outlives the double."""

    def __init__(self, directory, double, key_file):
        Source.__init__(self, directory)
        self.double, self.database, self.key_file = double, "LASTING", key_file
        self.lines = DuckdbSource(directory)
        self.kept = self.lines.table("t", COLUMNS, select(SNOW_ROWS))
        with duckdb.connect(directory / f"{self.database}.db") as connection:
            connection.execute('CREATE SCHEMA "PUBLIC"')
            connection.execute(f'CREATE TABLE "PUBLIC".t AS {self.kept.rows_sql}')

    def config(self, **login) -> dict:
        config = super().config(**login)
        config["snowflake"]["options"] = {"FAKESNOW_DB_PATH": str(self.directory), REQUEST_TIMEOUT: "3s"}
        return config


@pytest.fixture(scope="module")
def lasting(tmp_path_factory, key_file):
    with SnowflakeDouble(chunk_rows=5_000, batch_rows=2_000) as double:
        yield LastingSource(tmp_path_factory.mktemp("lasting"), double, key_file)


@pytest.mark.parametrize("moment", MOMENTS)
def test_snowflake_breaks_down_and_comes_back(thaw, target, lasting, tally, moment):
    migration = Migration(thaw, lasting, target)
    target.execute(TARGET)
    config = migration.config(SNOW_TABLE)
    running = thaw.start_migrate(config, fault=MOMENTS[moment], THAW_RETRY_SCALE="25")
    running.wait_until_stopped()
    lasting.double.kill()
    running.signal(signal.SIGCONT)
    time.sleep(1)
    lasting.double.start()
    finished = running.wait(90)
    tally.count("Snowflake: killed and started again",
                assert_made_good(migration, lasting.kept, config, finished, rows=SNOW_ROWS))


# The HTTP requests of a run with one worker: the log-in, three statements that pin the session, some that ask what the table
# looks like, the plan, the chunks. Before a run is registered an error is the right answer.
REQUESTS = [("log-in", 1), *[("query", number) for number in (1, 3, 4, 6, 7, 8, 10)]]


@snowflake_only
@pytest.mark.parametrize(("request_", "number", "action"),
                         [(name, number, "cut") for name, number in REQUESTS] +
                         [(name, number, "stall") for name, number in (("log-in", 1), ("query", 4), ("query", 8))])
def test_the_way_to_snowflake_fails_once(migration, double, tally, request_, number, action):
    table = prepare(migration, SNOW_ROWS)
    config = migration.config(SNOW_TABLE)
    with Proxy(double.host, double.port) as proxy:
        config["snowflake"] |= {"port": proxy.port, "options": {CLIENT_TIMEOUT: "2s", REQUEST_TIMEOUT: "3s"}}
        path = b"login-request" if request_ == "log-in" else b"query-request"
        fault = proxy.add(Fault(action, at=b"POST /" + (b"session" if request_ == "log-in" else b"queries") + b"/v1/" + path,
                                number=number))
        finished = migration.thaw.migrate(config, "--workers", "1", **{**IMPATIENT, "THAW_FIRST_ANSWER_SECONDS": "20"})
        assert fault.hits == 1, f"the fault did not happen; {finished}"
        early = request_ == "log-in" or number < 4
        if early and finished.status == 1:
            migration.thaw.migrate(config, "--workers", "1").expect(0)
            assert migration.assert_same(table, "t") == SNOW_ROWS
            ended = "completed by a rerun"
        else:
            ended = assert_made_good(migration, table, config, finished, rows=SNOW_ROWS)
    tally.count(f"Snowflake: {action}", ended)


@snowflake_only
def test_a_log_in_that_hangs_is_given_up(migration):
    """After a minute; here after two seconds."""
    prepare(migration, 10)
    config = {**migration.config(SNOW_TABLE), **migration.source.config(password="hang")}
    refused = migration.thaw.migrate(config, THAW_LOGIN_SECONDS="2").expect(1)
    assert_said(refused, "ERROR", "Snowflake account test", "log-in was not answered within 2 s", "check host, port")
    assert refused.seconds < 20
    assert not migration.target.has_ledger()
