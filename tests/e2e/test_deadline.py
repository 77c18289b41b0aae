"""A process that must have answered by a certain time: it stops early enough, and the next one goes on."""

import json
import signal
import time

import pytest

from functions import unfinished_progress
from marks import both_sources, snowflake_only
from test_signals import TABLE, prepare


def results(finished) -> dict:
    return json.loads(finished.stdout)


@both_sources
def test_several_processes_with_deadlines_complete_a_run(migration):
    """Six hundred chunks of 0.1 s each are too many for one process of some seconds. Within its buffer none of them is begun."""
    table = prepare(migration, 6000)
    config = migration.config({**TABLE, "batch_size": 50})
    seen, progress = [], 0.0
    while True:
        finished = migration.thaw.migrate(config, "--json", THAW_DEADLINE_SECONDS="8,4")
        said = results(finished)
        seen.append(said["run_id"])
        assert said["duration_seconds"] < 8, finished
        # The owner's end was noted some milliseconds after its deadline was set, and a claim takes its time, too.
        late = migration.target.rows("SELECT o.ends_at - c.started_at FROM migration_status.migration_chunk_status c "
                                     "JOIN migration_status.migration_owners o USING (owner_id) WHERE o.ends_at - c.started_at < interval '3 s'")
        assert late == [], finished
        migration.target.assert_ledger_adds_up()
        assert "in_progress" not in migration.target.chunks()
        if finished.status == 0:
            break
        finished.expect(3).says("the deadline is near")
        assert said["status"] == "partial" and migration.target.run_status() == "partial"
        assert said["progress"] > progress
        loaded = migration.target.count("t")
        assert said["progress"] == unfinished_progress(loaded, 6000), (loaded, finished)
        progress = said["progress"]
    assert len(seen) >= 2 and len(set(seen)) == 1 and said["progress"] == 1
    assert migration.assert_same(table, "t") == 6000
    migration.target.assert_completed()


def test_a_deadline_that_has_passed_begins_nothing(migration):
    prepare(migration, 100)
    config = migration.config(TABLE)
    finished = migration.thaw.migrate(config, "--json", THAW_DEADLINE_SECONDS="0").expect(3)
    assert results(finished)["status"] == "partial"
    assert migration.target.count("t") == 0
    migration.thaw.migrate(config).expect(0)
    assert migration.target.count("t") == 100


def test_what_is_in_hand_is_rolled_back_in_time(migration):
    """One statement of PostgreSQL takes longer than the process has."""
    prepare(migration, 100, 20)
    finished = migration.thaw.migrate(migration.config(TABLE), "--json", THAW_DEADLINE_SECONDS="6,3").expect(3)
    assert results(finished)["duration_seconds"] < 6, finished
    assert migration.target.run_status() == "partial"
    assert migration.target.chunks() == {"pending": 3}, "it had its time, and is cut"
    migration.target.execute("CREATE OR REPLACE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert migration.target.count("t") == 100


@snowflake_only
def test_a_driver_that_hangs_does_not_keep_the_answer(migration, double):
    table = prepare(migration, 20_000, 0)
    config = migration.config({**TABLE, "batch_size": 10_000})
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    double.control({"chunk_delay": 60})
    finished = migration.thaw.migrate(config, "--json", THAW_DEADLINE_SECONDS="10,3").expect(3)
    assert results(finished)["duration_seconds"] < 10, finished
    assert migration.target.run_status() == "partial"
    double.control({"chunk_delay": 0})
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == 20_000


ENDLESS = "(SELECT count(*) FROM range(1000000) a(n), range(1000000) b(m) WHERE (n * m) % 7 = 3)"


def test_a_plan_for_which_there_is_no_time_fails_in_the_end(migration):
    """Each process asks from the start. What else is to be planned and loaded goes on meanwhile, even with one worker."""
    tables = {name: migration.source.table(name, {"id": "int"}, "SELECT i FROM range(100) AS r(i)") for name in ("b", "c")}
    view = f"CREATE OR REPLACE VIEW {migration.source.relation('a')} AS SELECT id FROM {migration.source.relation('b')}"
    migration.source.execute(f"{view} WHERE id < {ENDLESS}")
    migration.target.execute(*(f"CREATE TABLE {name} (id bigint)" for name in "abc"))
    config = migration.config(*({"source": name, "target": name, "chunking": "whole"} for name in "abc"), parallel_threads=1)
    breaks = "SELECT deadline_breaks, status FROM migration_status.migration_table_status ORDER BY table_id"

    first = migration.thaw.migrate(config, "--json", THAW_DEADLINE_SECONDS="4,1").expect(3)
    assert first.records("WARNING", "the deadline broke off its planning after", "(1 of 3 times)", "the planning query"), first
    assert migration.target.rows(breaks) == [(1, "pending"), (0, "pending"), (0, "pending")]
    # There are tables that aren't broken off: they come first, and are completed.
    migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="4,1").expect(3)
    assert migration.target.rows(breaks)[1:] == [(0, "completed"), (0, "completed")]
    migration.target.execute("UPDATE migration_status.migration_table_status SET deadline_breaks = 2 WHERE target_table = 'a'")
    failed = migration.thaw.migrate(config, "--json", THAW_DEADLINE_SECONDS="4,1").expect(1)
    assert results(failed)["status"] == "failed" and results(failed)["completed_tables"] == 2
    assert failed.records("ERROR", "a: it could not be planned before the deadline in 3 processes", "the planning query",
                          "longer time-out", "source_filter", '"chunking": "whole"'), failed
    assert migration.target.rows(breaks)[0] == (3, "failed")
    assert "in 3 processes" in migration.target.value("SELECT error_message FROM migration_status.migration_runs")

    migration.source.execute(view)
    migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="30,1").expect(0).says(f"resuming run {first.run_id}")
    for name, table in {**tables, "a": tables["b"]}.items():
        assert migration.assert_same(table, name) == 100
    migration.target.assert_completed()


@snowflake_only
def test_a_warehouse_that_has_no_plan_in_time_fails_in_the_end(migration, double):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"]})
    migration.thaw.migrate(config, fault="after_begin:kill").expect(-9)
    migration.target.wait_until_alone()
    migration.target.execute("UPDATE migration_status.migration_table_status SET deadline_breaks = 2")
    double.control({"query_delay": 60, "delayed": "THAW_LOWER_1"})
    failed = migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="5,1").expect(1)
    assert failed.seconds < 5 and failed.records("ERROR", "could not be planned before the deadline in 3 processes", "the planning query"), failed
    double.control({"query_delay": 0, "delayed": ""})
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0)
    assert migration.target.count("t") == 100


def test_an_end_for_which_there_is_no_time_fails_in_the_end(migration):
    """An index that takes longer than a process has: the rows stay, and whoever has the time makes it."""
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(100) AS r(i)")
    slow = "CREATE OR REPLACE FUNCTION slow(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep({}); RETURN n; END $$"
    migration.target.execute("CREATE TABLE t (id bigint)", slow.format(0.1), "CREATE INDEX long ON t (public.slow(id))")
    config = migration.config({"source": "t", "target": "t", "truncate_onstart": True, "disable_index": True})
    migration.thaw.migrate(config, fault="before_build:kill").expect(-9)
    migration.target.wait_until_alone()

    told = migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="5,1").expect(3)
    assert told.records("WARNING", "the deadline broke off its end after", "(1 of 3 times)"), told
    migration.target.execute("UPDATE migration_status.migration_table_status SET deadline_breaks = 2")
    failed = migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="5,1").expect(1)
    assert failed.records("ERROR", "it could not be finished, although it is loaded, before the deadline in 3 processes", "longer time-out", "migration_indexes")

    migration.target.execute(slow.format(0))
    migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="30,1").expect(0)
    assert migration.assert_same(table, "t") == 100
    assert migration.target.value("SELECT count(*) FROM pg_class WHERE relname = 'long'") == 1
    migration.target.assert_completed()


def test_who_is_killed_while_planning_counts(migration):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config({"source": "t", "target": "t"})
    migration.thaw.migrate(config, fault="before_plan_commit:kill", THAW_DEADLINE_SECONDS="60,1").expect(-9)
    migration.target.wait_until_alone()
    migration.target.execute("UPDATE migration_status.migration_owners SET started_at = started_at - interval '60 s', ends_at = ends_at - interval '60 s'",
                             "UPDATE migration_status.migration_table_status SET planning_since = planning_since - interval '60 s', deadline_breaks = 2")
    migration.thaw.migrate(config).expect(1).says("it could not be planned before the deadline in 3 processes", "longer time-out")
    assert migration.target.count("t") == 0
    migration.thaw.migrate(config).expect(0)
    assert migration.target.count("t") == 100


@pytest.mark.parametrize("value", ["soon", "5,", "-1", "5,-1", "5,1,1", "1e9"])
def test_a_deadline_that_cannot_be_read(migration, value):
    prepare(migration, 100)
    migration.thaw.migrate(migration.config(TABLE), THAW_DEADLINE_SECONDS=value).expect(1).says("THAW_DEADLINE_SECONDS")
    assert not migration.target.has_ledger()


@pytest.mark.parametrize("successor", ["resumes", "joins"])
def test_invariant_04_who_freezes_is_succeeded_right_after_its_deadline(migration, successor):
    """Not half a minute after its last heartbeat; and when it comes back, it writes nothing any more."""
    table = prepare(migration, 1000, 0)
    config = migration.config(TABLE, parallel_threads=1)
    begun = time.monotonic()
    frozen = migration.thaw.start_migrate(config, fault="in_data:stop:3", THAW_DEADLINE_SECONDS="4,1")
    frozen.wait_until_stopped()
    deadline = "SELECT extract(epoch FROM deadline_at - clock_timestamp()) FROM migration_status.migration_owners ORDER BY owner_id LIMIT 1"
    assert 0 < migration.target.value(deadline) <= 4

    ended = migration.thaw.migrate(config, *(["--join"] if successor == "joins" else [])).expect(0)

    ended.says("ended the connections of 1 owner(s) whose deadline had passed")
    assert 3.9 < time.monotonic() - begun < 8, ended
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()
    before = migration.target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid")
    frozen.signal(signal.SIGCONT)
    assert frozen.wait().status >= 0, "it ends by itself"
    assert migration.target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid") == before
    migration.target.assert_completed()
