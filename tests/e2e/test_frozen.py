"""Processes that freeze with a transaction open, each at another place: whatever the transaction holds comes free with their
deadline, so that a successor gets all that they had in hand; and when they come back, they find nothing to write."""

import signal
import time

import pytest

from conftest import Migration
from thaw import Running

ROWS = 1000
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100, "truncate_onstart": True}
# A gate in front of a statement of the ledger: it is passed only when the test isn't in it.
GATE = """CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NEW; END $$"""
GATES = {
    "claiming": "BEFORE UPDATE ON migration_status.migration_chunk_status FOR EACH ROW "
                "WHEN (NEW.status = 'in_progress' AND OLD.status = 'pending')",
    "counting a retry": "BEFORE UPDATE ON migration_status.migration_chunk_status FOR EACH ROW "
                        "WHEN (NEW.retry_count > OLD.retry_count)",
    "recording a chunk": "BEFORE UPDATE ON migration_status.migration_chunk_status FOR EACH ROW WHEN (NEW.status = 'completed')",
}
POINTS = {"taking the target over": "before_truncate:stop", "planning": "before_plan_commit:stop", "loading": "in_data:stop:3",
          "finishing": "before_finish_commit:stop"}
AT_THE_GATE = ("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'thaw %' AND datname = current_database() "
               "AND wait_event_type = 'Lock' AND wait_event = 'advisory'")


def wait_for(migration: Migration, query: str, *parameters):
    """Until the query has a true answer: that."""
    deadline = time.monotonic() + 60
    while not (answer := migration.target.value(query, *parameters)):
        assert time.monotonic() < deadline, f"it didn't come to pass: {query}"
        time.sleep(0.01)
    return answer


def freeze_at_gate(migration: Migration, config: dict, place: str) -> Running:
    """Stopped in the midst of a statement, which the server then completes: the transaction is open (but for a statement that is one by itself) and its client deaf."""
    fault = "after_plan_commit:stop" + (",before_data:error:2" if place == "counting a retry" else "")
    process = migration.thaw.start_migrate(config, fault=fault)
    process.wait_until_stopped()
    migration.target.execute(GATE, f"CREATE TRIGGER gate {GATES[place]} EXECUTE FUNCTION public.gate()")
    with migration.target.connect(autocommit=True) as keeper:
        keeper.execute("SELECT pg_advisory_lock(77)")
        process.signal(signal.SIGCONT)
        backend = wait_for(migration, AT_THE_GATE)
        process.signal(signal.SIGSTOP)
        process.wait_until_stopped()
    wait_for(migration, "SELECT state <> 'active' FROM pg_stat_activity WHERE pid = %s", backend)
    return process


def freeze_at_point(migration: Migration, config: dict, place: str) -> Running:
    process = migration.thaw.start_migrate(config, fault=POINTS[place])
    process.wait_until_stopped()
    return process


def frozen_at(migration: Migration, config: dict, place: str) -> Running:
    process = (freeze_at_gate if place in GATES else freeze_at_point)(migration, config, place)
    # Its last heartbeat may be on the way: what the tests say of its deadline is to come after that.
    wait_for(migration, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'thaw %' AND state = 'active' "
                        "AND datname = current_database()")
    return process


@pytest.mark.parametrize("place", [*GATES, *POINTS])
def test_invariant_04_whatever_a_frozen_process_holds_comes_free_with_its_deadline(migration, place):
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config(TABLE, parallel_threads=1)
    frozen = frozen_at(migration, config, place)
    migration.target.execute("UPDATE migration_status.migration_owners SET deadline_at = clock_timestamp() - interval '1 second'")

    migration.thaw.migrate(config).expect(0).says("ended the connections of 1 owner(s) whose deadline had passed")

    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()
    before = migration.target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid")
    frozen.signal(signal.SIGCONT)
    ended = frozen.wait()
    assert ended.status in (0, 1), ended
    assert migration.target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid") == before, ended
    migration.target.assert_completed()
    assert migration.target.count("migration_status.migration_runs") == 1


def test_who_freezes_while_it_starts_is_not_waited_for_long(migration):
    """Nobody knows it yet, so that nobody could end what it holds: the server does."""
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config(TABLE)
    frozen = migration.thaw.start_migrate(config, fault="before_begin_commit:stop")
    frozen.wait_until_stopped()
    other = migration.thaw.migrate(config).expect(0)
    assert other.records("another process is starting or resuming a run"), other
    assert migration.assert_same(table, "t") == ROWS
    frozen.signal(signal.SIGCONT)
    frozen.wait().expect(1)
    assert migration.assert_same(table, "t") == ROWS
    assert migration.target.count("migration_status.migration_runs") == 1
    migration.target.assert_completed()


@pytest.mark.parametrize("place", ["claiming", "taking the target over", "loading"])
def test_a_run_of_other_sources_takes_the_target_of_a_frozen_one(migration, place):
    """Refused while the frozen one's deadline hasn't passed; afterwards the frozen one finds its target taken, unless it had not
    got it yet: then it comes after the other one, as any later run."""
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config(TABLE, parallel_threads=1)
    frozen = frozen_at(migration, config, place)
    migration.target.execute("UPDATE migration_status.migration_owners SET deadline_at = clock_timestamp() + interval '1 hour'")
    other = migration.config(feeds=[migration.source.feed(migration.target.name, TABLE, name="another")], parallel_threads=1)
    if place == "loading":
        migration.thaw.migrate(other).expect(1).says(f"pid {frozen.process.pid}", "is being loaded by run")
    migration.target.execute("UPDATE migration_status.migration_owners SET deadline_at = clock_timestamp() - interval '1 second'")

    taken = migration.thaw.migrate(other).expect(0)

    assert taken.records("WARNING", "ended the connections of 1 owner(s) whose deadline had passed"), taken
    assert migration.assert_same(table, "t") == ROWS
    before = migration.target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid")
    frozen.signal(signal.SIGCONT)
    if place == "taking the target over":
        frozen.wait().expect(0)
        assert migration.assert_same(table, "t") == ROWS
        return
    frozen.wait().expect(1).says("taken over by run")
    assert migration.target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid") == before
    migration.target.assert_ledger_adds_up()
