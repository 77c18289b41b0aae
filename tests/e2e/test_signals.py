"""SIGINT, SIGTERM, SIGKILL: what is left, and that the same command goes on."""

import signal
import time

import pytest

from marks import both_sources, snowflake_only
from tests.servers.proxy import Fault, Proxy

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}


def prepare(migration, rows: int = 3000, sleep: float = 0.1):
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({rows}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)",
                             f"CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({sleep}); RETURN NULL; END $$",
                             "CREATE TRIGGER act BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION act()")
    return table


def wait_for_rows(migration, running, rows: int = 1) -> None:
    deadline = time.monotonic() + 60
    while migration.target.count("t") < rows:
        assert running.process.poll() is None and time.monotonic() < deadline, running.wait()
        time.sleep(0.01)


@both_sources
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_first_signal_ends_in_order(migration, number):
    table = prepare(migration)
    config = migration.config(TABLE)
    running = migration.thaw.start_migrate(config)
    wait_for_rows(migration, running)
    running.signal(number)
    stopped = running.wait().expect(3)

    assert 0 < migration.target.count("t") < 3000
    assert "in_progress" not in migration.target.chunks() and "failed" not in migration.target.chunks()
    assert migration.target.run_status() == "partial"
    migration.target.wait_until_alone()
    migration.target.assert_ledger_adds_up()

    migration.thaw.migrate(config).expect(0).says(f"resuming run {stopped.run_id}")
    assert migration.assert_same(table, "t") == 3000
    migration.target.assert_completed()


@snowflake_only
def test_the_second_signal_ends_at_once(migration, double):
    """A chunk hangs in the driver."""
    table = prepare(migration, 20_000, 0)
    config = migration.config({**TABLE, "batch_size": 10_000})
    running = migration.thaw.start_migrate(config, fault="after_plan_commit:stop")
    running.wait_until_stopped()
    double.control({"chunk_delay": 60})
    running.signal(signal.SIGCONT)
    while migration.target.chunks().get("in_progress", 0) < 2:
        assert running.process.poll() is None, running.wait()
        time.sleep(0.01)
    running.signal(signal.SIGTERM)
    running.wait_until_handled()
    time.sleep(0.3)
    assert running.process.poll() is None, "the first signal lets the chunks in hand finish"
    begun = time.monotonic()
    running.signal(signal.SIGTERM)
    running.wait(10).expect(3)
    assert time.monotonic() - begun < 6, "that was the first signal's grace"
    double.control({"chunk_delay": 0})
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0).says("resuming run")
    assert migration.assert_same(table, "t") == 20_000
    migration.target.assert_completed()


@snowflake_only
def test_a_chunk_that_does_not_finish_within_the_grace_is_rolled_back(migration, double):
    table = prepare(migration, 20_000, 0)
    config = migration.config({**TABLE, "batch_size": 10_000})
    running = migration.thaw.start_migrate(config, fault="after_plan_commit:stop")
    running.wait_until_stopped()
    double.control({"chunk_delay": 60})
    running.signal(signal.SIGCONT)
    while migration.target.chunks().get("in_progress", 0) < 2:
        assert running.process.poll() is None, running.wait()
        time.sleep(0.01)
    running.signal(signal.SIGTERM)
    running.wait(60).expect(3)
    double.control({"chunk_delay": 0})
    assert migration.target.chunks().keys() <= {"pending", "completed"} and migration.target.chunks()["pending"] >= 2
    assert migration.target.count("t") == 0
    assert migration.target.run_status() == "partial"
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == 20_000
    migration.target.assert_completed()


def start_and_ask(migration, double, between, config, moment):
    """A migration through the proxy that has asked Snowflake something after `moment`; the answer will take 40 s."""
    running = migration.thaw.start_migrate({**config, "snowflake": {**config["snowflake"], "port": between.port}},
                                           fault=f"{moment}:stop")
    running.wait_until_stopped()
    double.control({"query_delay": 40})
    asked = between.add(Fault("delay", at=b"POST /queries/v1/query-request"))
    running.signal(signal.SIGCONT)
    while asked.hits == 0:
        assert running.process.poll() is None, running.wait()
        time.sleep(0.01)
    return running


@snowflake_only
@pytest.mark.parametrize("silence", ["the service takes its time", "the way swallows every byte"])
@pytest.mark.parametrize("moment", ["after_begin", "after_plan_commit"], ids=["planning", "reading"])
def test_a_source_that_does_not_answer_does_not_hold_the_end_up(migration, double, moment, silence):
    """What is asked before there is a chunk is broken off at once; a chunk has its grace; and a driver that doesn't come back is
    left behind some seconds later."""
    table = prepare(migration, 1000, 0)
    config = migration.config({**TABLE, "batch_size": 500})
    with Proxy(double.host, double.port) as between:
        running = start_and_ask(migration, double, between, config, moment)
        between.stalled = silence == "the way swallows every byte"
        begun = time.monotonic()
        running.signal(signal.SIGTERM)
        stopped = running.wait(100).expect(3)
        assert time.monotonic() - begun < (25 if moment == "after_begin" else 35), stopped
    double.control({"query_delay": 0})
    assert migration.target.count("t") == 0 and migration.target.run_status() == "partial"
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0).says(f"resuming run {stopped.run_id}")
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()


@snowflake_only
def test_a_session_that_does_not_end_does_not_hold_the_end_up(migration, double):
    """The query is broken off at once; the request that ends the session is never answered."""
    table = prepare(migration, 1000, 0)
    config = migration.config(TABLE)
    with Proxy(double.host, double.port) as between:
        ending = between.add(Fault("stall", at=b"POST /session?delete=true", times=100))
        running = start_and_ask(migration, double, between, config, "after_begin")
        begun = time.monotonic()
        running.signal(signal.SIGTERM)
        running.wait(100).expect(3)
        assert ending.hits > 0 and time.monotonic() - begun < 25
    double.control({"query_delay": 0})
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0).says("resuming run")
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()


@snowflake_only
def test_a_signal_during_the_first_log_in(migration, double):
    """Nothing is lost with it, so it has no grace, and nothing was written yet."""
    prepare(migration, 1000, 0)
    config = migration.config(TABLE)
    with Proxy(double.host, double.port) as between:
        asked = between.add(Fault("stall", at=b"POST /session/v1/login-request", times=100))
        running = migration.thaw.start_migrate({**config, "snowflake": {**config["snowflake"], "port": between.port}})
        while asked.hits == 0:
            assert running.process.poll() is None, running.wait()
            time.sleep(0.01)
        begun = time.monotonic()
        running.signal(signal.SIGTERM)
        running.wait(100).expect(3).says("stopped on request while logging in")
        assert time.monotonic() - begun < 25, "it has waited for the driver"
    assert not migration.target.has_ledger()


def test_a_signal_before_the_first_chunk(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    running = migration.thaw.start_migrate(config, fault="after_begin:stop")
    running.wait_until_stopped()
    running.signal(signal.SIGTERM)
    running.signal(signal.SIGCONT)
    running.wait().expect(3)
    assert migration.target.count("t") == 0
    assert migration.target.run_status() == "partial"
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == 3000


KILLS = ["before_begin_commit", "after_begin", "before_claim", "after_claim", "before_data", "in_data", "after_data", "after_record",
         "after_commit", "before_finish", "before_finish_commit", "after_finish"]


@pytest.mark.parametrize("source, fault", [("duckdb", fault) for fault in KILLS] + [("snowflake", "in_data"), ("snowflake", "after_record")],
                         indirect=["source"])
def test_invariant_03_a_kill_at_every_point_is_made_good_by_the_same_command(migration, fault):
    table = prepare(migration, 1000, 0)
    config = migration.config(TABLE)
    early = fault in ("before_begin_commit", "after_begin", "before_finish", "before_finish_commit", "after_finish")
    migration.thaw.migrate(config, fault=f"{fault}:kill:{1 if early else 4}").expect(-9)
    migration.target.wait_until_alone()
    committed = dict(migration.target.rows("SELECT id, xmin::text FROM t"))
    completed = migration.target.value("SELECT coalesce(sum(rows_copied), 0) FROM migration_status.migration_chunk_status "
                                       "WHERE status = 'completed'")
    assert len(committed) == completed
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == 1000
    after = dict(migration.target.rows("SELECT id, xmin::text FROM t"))
    assert all(after[key] == transaction for key, transaction in committed.items()), "committed work was done again"
    assert migration.target.count("migration_status.migration_runs") == 1
    migration.target.assert_completed()
