"""Which runs are resumed, which are not, and what is said about it."""

import json
import signal

import pytest

from marks import both_sources, both_versions
from sources import quoted

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}


def prepare(migration, rows: int = 1000):
    table = migration.source.table("t", {"id": "int", "text": "text"}, f"SELECT i, 't' || i FROM range({rows}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, text text)")
    return table


def interrupted(migration, config: dict, fault: str = "after_commit:kill:3") -> str:
    """Kill a run with three of its chunks loaded; its run_id."""
    killed = migration.thaw.migrate(config, "--workers", "1", fault=fault).expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.count("t") == 300
    return killed.run_id


def age(migration, started: str, progress: str) -> None:
    migration.target.execute(f"UPDATE migration_status.migration_runs SET started_at = now() - interval '{started}', "
                             f"last_progress_at = now() - interval '{progress}'")


def written_by(migration) -> dict:
    """Transactions that wrote rows of the target: what is loaded twice, or again, shows there."""
    return dict(migration.target.rows("SELECT id, xmin::text FROM t"))


@both_sources
@both_versions
def test_invariant_08_a_killed_run_goes_on_where_it_was(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    run_id = interrupted(migration, config)
    before = written_by(migration)

    finished = migration.thaw.migrate(config).expect(0).says(f"resuming run {run_id}")

    assert migration.assert_same(table, "t") == 1000
    after = written_by(migration)
    assert all(after[key] == transaction for key, transaction in before.items()), "committed work was done again"
    migration.target.assert_completed()
    assert migration.target.run_status(run_id) == "completed"
    assert finished.run_id == run_id


def test_invariant_07_a_run_without_a_living_owner_is_shown_as_interrupted(migration):
    prepare(migration)
    config = migration.config(TABLE)
    run_id = interrupted(migration, config)
    assert migration.target.run_status() == "running"
    shown = migration.thaw.run("status").expect(0).stdout
    assert run_id in shown and "interrupted" in shown and "running" not in shown
    migration.thaw.migrate(config).expect(0)
    shown = migration.thaw.run("status").expect(0).stdout
    assert "completed" in shown and "interrupted" not in shown


def test_invariant_08_progress_an_hour_old_keeps_a_run_of_30_days_resumable(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    run_id = interrupted(migration, config)
    age(migration, "30 days", "1 hour")
    migration.thaw.migrate(config).expect(0).says(f"resuming run {run_id}")
    assert migration.assert_same(table, "t") == 1000


def test_invariant_08_a_run_idle_for_169_hours_is_not_resumed_and_the_log_says_why(migration):
    prepare(migration)
    config = migration.config({**TABLE, "truncate_onstart": True})
    run_id = interrupted(migration, config)
    age(migration, "30 days", "169 hours")
    finished = migration.thaw.migrate(config).expect(0).says("NO RESUMABLE RUN FOUND")
    reasons = finished.records(f"run {run_id}")
    assert len(reasons) == 1 and "169" in reasons[0] and "168" in reasons[0] and "resume_max_age" in reasons[0]
    assert migration.target.count("t") == 1000
    assert migration.target.count("migration_status.migration_runs") == 2


@pytest.mark.parametrize("how", ["setting", "option", "run_id"])
def test_invariant_08_resume_max_age_lets_an_old_run_go_on(migration, how):
    table = prepare(migration)
    config = migration.config(TABLE)
    run_id = interrupted(migration, config)
    age(migration, "30 days", "169 hours")
    if how == "setting":
        finished = migration.thaw.migrate({**config, "resume_max_age": 8760})
    elif how == "option":
        finished = migration.thaw.migrate(config, "--resume-max-age", "8760")
    else:
        finished = migration.thaw.migrate(config, "--resume-run-id", run_id)
    finished.expect(0).says(f"resuming run {run_id}")
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()


def test_invariant_08_started_at_now_keeps_a_run_resumable(migration):
    """What operators do by hand."""
    table = prepare(migration)
    config = migration.config(TABLE)
    run_id = interrupted(migration, config)
    age(migration, "30 days", "20 days")
    migration.target.execute("UPDATE migration_status.migration_runs SET started_at = NOW()")
    migration.thaw.migrate(config).expect(0).says(f"resuming run {run_id}")
    assert migration.assert_same(table, "t") == 1000


def test_a_changed_setting_is_named_with_both_values(migration):
    prepare(migration)
    table = {**TABLE, "truncate_onstart": True}
    run_id = interrupted(migration, migration.config(table))
    migration.target.execute('ALTER TABLE t ADD "other text" text')
    finished = migration.thaw.migrate(migration.config({**table, "source_filter": '"id" < 500', "column_mapping": {"text": "other text"}}))
    finished.expect(0).says("NO RESUMABLE RUN FOUND")
    reason, = finished.records(f"run {run_id}")
    assert "source_filter" in reason and '\\"id\\" < 500' in reason and "column_mapping" in reason and "other text" in reason
    assert "chunking_columns" not in reason
    assert migration.target.rows('SELECT count(*), count(text), count("other text") FROM t') == [(500, 0, 500)]


@pytest.mark.parametrize("setting", [{"parallel_threads": 1}, {"batch_size": 10}, {"max_retry_attempts": 9},
                                     {"resume_max_age": 100}], ids=lambda setting: next(iter(setting)))
def test_settings_that_do_not_move_rows_do_not_hinder(migration, setting):
    table = prepare(migration)
    run_id = interrupted(migration, migration.config(TABLE))
    changed = {**migration.config({key: value for key, value in TABLE.items() if key not in setting}), **setting}
    migration.thaw.migrate(changed).expect(0).says(f"resuming run {run_id}")
    assert migration.assert_same(table, "t") == 1000


def test_no_resume_starts_anew(migration):
    prepare(migration)
    config = migration.config({**TABLE, "truncate_onstart": True})
    run_id = interrupted(migration, config)
    finished = migration.thaw.migrate(config, "--no-resume").expect(0).says("NO RESUMABLE RUN FOUND", "--no-resume")
    assert finished.records(f"run {run_id}")
    assert migration.target.count("t") == 1000
    assert migration.target.value("SELECT count(DISTINCT id) FROM t") == 1000


def test_other_sources_are_another_run(migration):
    prepare(migration)
    table = {**TABLE, "truncate_onstart": True}
    run_id = interrupted(migration, migration.config(feeds=[migration.source.feed(migration.target.name, table, name="first")]))
    finished = migration.thaw.migrate(migration.config(feeds=[migration.source.feed(migration.target.name, table, name="second")]))
    finished.expect(0).says("NO RESUMABLE RUN FOUND")
    reason, = finished.records(f"run {run_id}")
    assert "first" in reason


def test_a_run_id_that_does_not_exist_is_refused(migration):
    prepare(migration)
    config = migration.config(TABLE)
    unknown = "00000000-0000-4000-8000-000000000000"
    migration.thaw.migrate(config, "--resume-run-id", unknown).expect(1).says(unknown)
    assert migration.target.count("migration_status.migration_runs") == 0


@pytest.mark.parametrize("arguments", [("migrate", "--resume-run-id"), ("worker", "--run-id")], ids=lambda words: words[0])
def test_a_run_that_is_completed_already_stays_as_it_is(migration, arguments):
    """A worker that comes late, or a retry of what was answered: nothing is left to do, and that is no failure."""
    prepare(migration)
    config = migration.config(TABLE)
    completed = migration.thaw.migrate(config).expect(0)
    before = migration.target.rows("SELECT r::text FROM migration_status.migration_runs AS r")
    late = migration.thaw.run(*arguments, completed.run_id, "--json").expect(0).says("completed already: nothing is left to do")
    assert "no fixed snapshot" not in late.stderr and "resuming" not in late.stderr, str(late)
    answer = json.loads(late.stdout)
    assert (answer["run_id"], answer["status"], answer["completed_tables"], answer["total_rows"]) == (completed.run_id, "completed", 1, 1000)
    assert migration.target.rows("SELECT r::text FROM migration_status.migration_runs AS r") == before
    assert migration.target.count("migration_status.migration_owners") == 1
    assert migration.target.count("t") == 1000


def test_a_live_run_is_left_alone_and_its_owner_named(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    first = migration.thaw.start_migrate(config, fault="after_plan_commit:stop")
    first.wait_until_stopped()

    second = migration.thaw.migrate(config).expect(1)

    second.says(f"pid {first.process.pid}")
    assert migration.target.count("t") == 0
    first.signal(signal.SIGCONT)
    first.wait().expect(0)
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()


def test_a_copy_is_refused_while_the_target_holds_chunks_of_an_unfinished_run(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    run_id = interrupted(migration, config)

    refused = migration.thaw.migrate(config, "--no-resume").expect(1)

    refused.says(run_id, "--resume-run-id")
    assert migration.target.count("t") == 300
    migration.thaw.migrate(config, "--resume-run-id", run_id).expect(0)
    assert migration.assert_same(table, "t") == 1000


def test_a_new_run_after_a_completed_one_is_a_new_copy(migration):
    prepare(migration)
    config = migration.config(TABLE)
    first = migration.thaw.migrate(config).expect(0)
    second = migration.thaw.migrate(config).expect(0).says("NO RESUMABLE RUN FOUND")
    assert first.run_id != second.run_id
    assert migration.target.count("t") == 2000, "a copy without truncate_onstart adds"
    migration.target.assert_completed()


def test_a_completed_table_is_not_read_again_when_its_run_is_resumed(migration, tmp_path):
    tables = []
    for name in ("a", "b"):
        tables.append(migration.source.table(name, {"id": "int"}, "SELECT i FROM range(1000) AS r(i)"))
        migration.target.execute(f"CREATE TABLE {name} (id bigint)")
    config = migration.config(*[{**TABLE, "source": name, "target": name} for name in ("a", "b")])
    migration.thaw.migrate(config, "--workers", "1", fault="after_finish:kill").expect(-9)
    migration.target.wait_until_alone()
    done, = migration.target.rows("SELECT target_table FROM migration_status.migration_table_status WHERE status = 'completed'")
    migration.target.execute(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                             "$$ BEGIN RAISE EXCEPTION 'loaded again'; END $$",
                             f"CREATE TRIGGER refuse BEFORE INSERT ON {quoted(done[0])} EXECUTE FUNCTION refuse()")
    migration.thaw.migrate(config).expect(0)
    for name, table in zip(("a", "b"), tables):
        assert migration.assert_same(table, name) == 1000
    migration.target.assert_completed()
