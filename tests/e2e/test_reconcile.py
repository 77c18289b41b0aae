"""Completed means reconciled; and what a reader of ledger and target sees while a run goes on."""

import signal
import time

import pytest

from marks import both_sources, both_versions

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}


def prepare(migration, rows: int = 1000):
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({rows}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    return table


def trigger(target, timing: str, body: str) -> None:
    target.execute(f"CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
                   f"CREATE TRIGGER act {timing} EXECUTE FUNCTION act()")


CHUNKS_AND_THEIR_ROWS = """
    SELECT c.chunk_id, c.status, c.rows_copied,
           (SELECT count(*) FROM t WHERE id >= coalesce((c.chunk_range->'lower'->>0)::bigint, -1)
                                     AND id < coalesce((c.chunk_range->'upper'->>0)::bigint, 1000000000))
    FROM migration_status.migration_chunk_status c WHERE c.chunk_range->>'kind' = 'range'"""


@both_versions
def test_invariant_03_rows_and_their_record_appear_together(migration):
    """A reader polls ledger and target in one snapshot. Each statement of the load is slowed down, so that there is
    something to see."""
    table = prepare(migration, 60_000)
    migration.target.execute("ALTER TABLE t ADD PRIMARY KEY (id)")
    trigger(migration.target, "BEFORE INSERT ON t FOR EACH STATEMENT", "PERFORM pg_sleep(0.05); RETURN NULL;")
    running = migration.thaw.start_migrate(migration.config({**TABLE, "batch_size": 500}), "--workers", "4")
    partial, polls = 0, 0
    with migration.target.snapshot() as reader:
        while running.process.poll() is None:
            with reader.transaction():
                if reader.execute("SELECT to_regclass('migration_status.migration_chunk_status') IS NULL").fetchone()[0]:
                    continue
                seen = reader.execute(CHUNKS_AND_THEIR_ROWS).fetchall()
                total = reader.execute("SELECT coalesce(sum(total_rows_copied), 0) FROM migration_status.migration_table_status").fetchone()
                rows = reader.execute("SELECT count(*) FROM t").fetchone()
                run_total = reader.execute("SELECT coalesce(sum(total_rows_copied), 0) FROM migration_status.migration_runs").fetchone()
            polls += 1
            for chunk, status, copied, present in seen:
                assert present == (copied if status == "completed" else 0), f"chunk {chunk} is {status} and has {present} rows"
            assert total == rows == run_total
            partial += 0 < rows[0] < 60_000
            time.sleep(0.005)
    running.wait().expect(0)
    assert partial >= 10, f"of {polls} snapshots only {partial} were in the middle of the run"
    assert migration.assert_same(table, "t") == 60_000
    migration.target.assert_completed()


@both_sources
def test_invariant_06_rows_that_a_trigger_drops_are_missed(migration):
    prepare(migration)
    trigger(migration.target, "BEFORE INSERT ON t FOR EACH ROW", "IF NEW.id IN (250, 777) THEN RETURN NULL; END IF; RETURN NEW;")
    finished = migration.thaw.migrate(migration.config(TABLE), "--workers", "1").expect(1)
    assert len(finished.records("ERROR", "chunk", "100", "99")) == 1, finished
    assert migration.target.count("t WHERE id BETWEEN 200 AND 299") == 0, "the chunk is not there in part"
    assert migration.target.run_status() == "failed"
    assert not migration.target.rows("SELECT 1 FROM migration_status.migration_table_status WHERE status = 'completed'")
    migration.target.assert_ledger_adds_up()


@pytest.mark.parametrize("truncate", [True, False], ids=["truncate", "append"])
@pytest.mark.parametrize("planted", ["DELETE FROM t WHERE id = 500", "INSERT INTO t VALUES (-5)"], ids=["deleted", "added"])
def test_invariant_06_the_targets_count_is_compared(migration, truncate, planted):
    """A stranger changes the target before the table is finished. More rows in a target that wasn't emptied are another
    writer's right, and only told."""
    prepare(migration)
    running = migration.thaw.start_migrate(migration.config({**TABLE, "truncate_onstart": truncate}), fault="before_finish:stop")
    running.wait_until_stopped()
    migration.target.execute(planted)
    running.signal(signal.SIGCONT)
    finished = running.wait()
    if planted.startswith("INSERT") and not truncate:
        finished.expect(0)
        assert finished.records("WARNING", "1 rows more"), finished
        assert migration.target.run_status() == "completed"
        return
    finished.expect(1)
    assert finished.records("ERROR", "999" if planted.startswith("DELETE") else "1001", "1000"), finished
    assert migration.target.run_status() == "failed"
    assert migration.target.rows("SELECT status FROM migration_status.migration_table_status") == [("failed",)]
    migration.target.assert_ledger_adds_up()


def test_invariant_06_a_ledger_that_was_tampered_with_is_noticed(migration):
    prepare(migration)
    running = migration.thaw.start_migrate(migration.config(TABLE), fault="before_finish:stop")
    running.wait_until_stopped()
    migration.target.execute("UPDATE migration_status.migration_chunk_status SET rows_copied = rows_copied - 1 WHERE chunk_id = 3")
    running.signal(signal.SIGCONT)
    running.wait().expect(1)
    assert migration.target.run_status() == "failed"


@both_sources
def test_invariant_06_every_chunk_says_how_many_rows_it_has(migration):
    prepare(migration, 1050)
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    seen = migration.target.rows(CHUNKS_AND_THEIR_ROWS)
    assert len(seen) == 11
    assert all(status == "completed" and copied == present for _, status, copied, present in seen)
    assert sum(row[2] for row in seen) == 1050


def test_an_error_that_the_server_raises_names_the_row(migration):
    prepare(migration)
    migration.target.execute("ALTER TABLE t ADD CHECK (id <> 543)")
    finished = migration.thaw.migrate(migration.config(TABLE), "--workers", "1").expect(1)
    assert len(finished.records("ERROR", "chunk", "id = 543", "check constraint")) == 1, finished
    assert migration.target.count("t WHERE id BETWEEN 500 AND 599") == 0


def test_an_error_that_the_server_raises_at_commit_fails_the_chunk(migration):
    prepare(migration)
    migration.target.execute("CREATE TABLE parent (id bigint PRIMARY KEY)", "INSERT INTO parent SELECT generate_series(0, 399)",
                             "ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES parent DEFERRABLE INITIALLY DEFERRED")
    finished = migration.thaw.migrate(migration.config(TABLE), "--workers", "1").expect(1)
    assert finished.records("ERROR", "chunk", "foreign key"), finished
    assert migration.target.count("t") == 400
    assert migration.target.run_status() == "failed"
    migration.target.assert_ledger_adds_up()


def test_one_table_that_fails_does_not_stop_its_neighbours(migration):
    prepare(migration)
    good = migration.source.table("good", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE good (id bigint)", "ALTER TABLE t ADD CHECK (id <> 543)")
    migration.thaw.migrate(migration.config(TABLE, {**TABLE, "target": "nowhere"}, {**TABLE, "source": "good", "target": "good"})).expect(1)
    assert migration.assert_same(good, "good") == 1000
    statuses = dict(migration.target.rows("SELECT target_table, status FROM migration_status.migration_table_status"))
    assert statuses == {"t": "failed", "nowhere": "failed", "good": "completed"}
    migration.target.assert_ledger_adds_up()
