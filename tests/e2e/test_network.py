"""The way between thaw and PostgreSQL breaks, stalls or loses an answer, at each statement that matters. A run ends completed
and equal, or says what it couldn't do, and the same command completes it."""

import time

import pytest

from conftest import Migration
from faults import assert_made_good, proxy, tally, through  # noqa: F401 (fixtures)
from marks import both_sources, both_versions
from sources import DuckdbSource
from tests.servers.proxy import Fault

ROWS, BATCH = 20_000, 2_000
COLUMNS = {"id": "int", "text": "text"}
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": BATCH, "truncate_onstart": True}
COMMIT = b"COMMIT\0"
# Short enough for a test, and longer than anything takes here that isn't broken.
IMPATIENT = {"THAW_STALL_SECONDS": "2", "THAW_FIRST_ANSWER_SECONDS": "4", "PGCONNECT_TIMEOUT": "2"}


SELECT = f"SELECT i, repeat('t', 40) || i FROM range({ROWS}) AS r(i)"
TARGET = "CREATE TABLE t (id bigint, text text)"


def prepare(migration):
    migration.target.execute(TARGET)
    return migration.source.table("t", COLUMNS, SELECT)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A file that is only read, and its table: made once."""
    source = DuckdbSource(tmp_path_factory.mktemp("kept"))
    return source, source.table("t", COLUMNS, SELECT)


# What a run does, in its order: where it is found, and whether one command must survive it. Before a run is registered there
# is nothing to go on with: then an error within seconds is the right answer, and the same command begins anew.
STATEMENTS = {
    "connecting": (Fault("", role="control", past_bytes=20), False),
    "making the ledger": (Fault("", role="control", at=b"CREATE SCHEMA migration_status"), False),
    "deciding": (Fault("", role="control", at=b"pg_advisory_xact_lock(1952997634"), False),
    "registering": (Fault("", role="control", at=COMMIT, after=b"pg_advisory_xact_lock(1952997634"), False),
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
