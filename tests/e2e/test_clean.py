"""thaw clean: it lists, asks, puts back what a load left dropped, and forgets runs that nobody needs; rows are never touched."""

import json
import os
import pty
import signal
import subprocess

import pytest

from marks import both_versions
from test_indexes import KEY, ROWS, SORTS, TABLE, looks, prepare, saved
from thaw import BINARY


def clean(migration, config: dict, *options: str, status: int = 0):
    migration.thaw.write(config)
    return migration.thaw.run("clean", *options).expect(status)


def leave_dropped(migration, *indexes: str, fault: str = "before_build:kill") -> tuple:
    """A run killed with its indexes away; the configuration, and how they looked."""
    prepare(migration, *indexes)
    before = looks(migration.target)
    config = migration.config(TABLE)
    migration.thaw.migrate(config, fault=fault).expect(-9)
    migration.target.wait_until_alone()
    return config, before


@both_versions
def test_invariant_09_what_is_missing_is_put_back(migration):
    config, before = leave_dropped(migration, *KEY, *SORTS.values(), fault="after_build:kill:3")
    rows = migration.target.rows("SELECT * FROM t ORDER BY id")
    missing = [name for name, done in saved(migration.target).items() if not done]
    assert len(missing) > 3
    said = clean(migration, config, "--yes")
    assert all(f'"{name}"' in said.stdout and len(said.records(f'"{name}" is back')) == 1 for name in missing), said
    assert all(saved(migration.target).values())
    assert looks(migration.target) == before
    assert migration.target.rows("SELECT * FROM t ORDER BY id") == rows
    assert "nothing to clean" in clean(migration, config).stdout
    migration.thaw.migrate(config).expect(0)
    assert looks(migration.target) == before and migration.target.count("t") == ROWS
    migration.target.assert_completed()


def test_killed_while_it_puts_back(migration):
    config, before = leave_dropped(migration, *KEY, *SORTS.values())
    migration.thaw.write(config)
    for fault in ("before_build_commit:kill:2", "after_build:kill:5", "before_attach_commit:kill", "after_attach:kill"):
        migration.thaw.run("clean", "--yes", environment={"THAW_FAULT": fault}).expect(-9)
        migration.target.wait_until_alone()
    clean(migration, config, "--yes")
    assert looks(migration.target) == before and all(saved(migration.target).values())


def test_without_yes_and_without_a_terminal_it_only_lists(migration):
    config, _ = leave_dropped(migration, *KEY, "CREATE INDEX plain ON t (name)")
    said = clean(migration, config, status=2)
    assert 'put back: index "plain" of public.t' in said.stdout and 'put back: constraint "the key"' in said.stdout
    said.says("--yes")
    assert not any(saved(migration.target).values())


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_on_a_terminal_it_asks(migration, answer):
    config, before = leave_dropped(migration, *KEY)
    migration.thaw.write(config)
    master, slave = pty.openpty()
    process = subprocess.Popen([str(BINARY), "clean"], cwd=migration.thaw.directory, env=migration.thaw.environment, stdin=slave,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(slave)
    os.write(master, f"{answer}\n".encode())
    stdout, stderr = process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == 0 and "[y/N]" in stderr, (stdout, stderr)
    assert saved(migration.target) == {"the key": answer == "y"}
    assert (looks(migration.target) == before) == (answer == "y"), stdout
    assert ("nothing was changed" in stdout) == (answer != "y")


def test_what_a_live_run_has_away_is_its_own(migration):
    prepare(migration, *KEY)
    before = looks(migration.target)
    config = migration.config(TABLE)
    running = migration.thaw.start_migrate(config, fault="after_data:stop")
    running.wait_until_stopped()
    said = migration.thaw.run("clean", "--yes").expect(0)
    assert 'stays away: constraint "the key"' in said.stdout, said
    assert saved(migration.target) == {"the key": False}
    running.signal(signal.SIGCONT)
    running.wait().expect(0)
    assert looks(migration.target) == before


def test_what_can_not_be_put_back_says_why(migration):
    config, _ = leave_dropped(migration, *KEY, "CREATE INDEX plain ON t (name)")
    migration.target.execute("INSERT INTO t (id) VALUES (7)")
    clean(migration, config, "--yes", status=1).says("CREATE UNIQUE INDEX", "Key (id)=(7) is duplicated", "23505")
    assert saved(migration.target) == {"the key": False, "plain": True}
    assert "the last attempt failed" in clean(migration, config, status=2).stdout


def test_a_table_that_is_gone(migration):
    config, _ = leave_dropped(migration, *KEY)
    migration.target.execute("DROP TABLE t")
    assert "a table that is not there any more" in clean(migration, config, "--yes").stdout
    assert saved(migration.target) == {}


@pytest.mark.parametrize("how", ["listed", "done", "refused by a duplicate", "nothing to do", "of a live run"])
def test_what_a_script_reads(migration, how):
    config, _ = leave_dropped(migration, *KEY, "CREATE INDEX plain ON t (name)")
    if how == "refused by a duplicate":
        migration.target.execute("INSERT INTO t (id) VALUES (7)")
    elif how == "nothing to do":
        clean(migration, config, "--yes")
    elif how == "of a live run":
        running = migration.thaw.start_migrate(config, fault="before_build:stop")
        running.wait_until_stopped()
    status = {"listed": 2, "refused by a duplicate": 1}.get(how, 0)
    said = json.loads(clean(migration, config, *(["--yes"] if how != "listed" else []), "--json", status=status).stdout)
    [database] = said["databases"]
    missing = [] if how == "nothing to do" else [
        {"action": "stays" if how == "of a live run" else "put_back", "kind": kind, "name": name, "target_schema": "public", "target_table": "t",
         "error": None, "run_id": runs(migration.target)[0] if how == "of a live run" else None}
        for kind, name in (("index", "plain"), ("constraint", "the key"))]
    assert database["database"] == migration.target.name and database["runs"] == database["scratch_tables"] == []
    assert sorted(database["indexes"], key=lambda found: found["name"]) == missing
    assert said["things"] == (2 if status or how == "done" else 0) and said["done"] is (status == 0)
    if how == "refused by a duplicate":
        again = json.loads(clean(migration, config, "--json", status=2).stdout)
        assert [(found["name"], "duplicated" in found["error"]) for found in again["databases"][0]["indexes"]] == [("the key", True)]


def test_runs_that_a_script_reads(migration):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config({"source": "t", "target": "t", "truncate_onstart": True})
    for _ in range(2):
        migration.thaw.migrate(config).expect(0)
    old, new = runs(migration.target)
    [found] = json.loads(clean(migration, config, "--yes", "--json").stdout)["databases"][0]["runs"]
    assert found.pop("idle_seconds") >= 0
    assert found == {"action": "forget", "run_id": old, "source_names": config["sources"][0]["source_name"], "status": "completed", "rows": 10}
    assert runs(migration.target) == [new]


# Old runs

def runs(target) -> list:
    return [run for run, in target.rows("SELECT run_id::text FROM migration_status.migration_runs ORDER BY run_number")]


def test_completed_runs_but_the_newest_of_each_table(migration):
    """A run is kept as long as it is the newest that completed some source and target."""
    for name in ("a", "b"):
        migration.source.table(name, {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
        migration.target.execute(f"CREATE TABLE {name} (id bigint)")
    both = migration.config(*[{"source": name, "target": name, "truncate_onstart": True} for name in ("a", "b")])
    for options in ((), ("--table", "a"), (), ("--table", "b"), ("--table", "a")):
        migration.thaw.migrate(both, *options).expect(0)
    known = runs(migration.target)
    said = clean(migration, both, status=2).stdout
    assert [run for run in known if run in said] == known[:3]
    clean(migration, both, "--yes")
    assert runs(migration.target) == known[3:]
    assert "nothing to clean" in clean(migration, both).stdout
    assert migration.target.count("migration_status.migration_chunk_status") == 2
    assert (migration.target.count("a"), migration.target.count("b")) == (10, 10)


def test_a_run_with_rows_set_aside_replaces_none(migration):
    """Watermarks go on from the last one without, and what was set aside is kept with its run."""
    table = migration.source.table("a", {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE a (id bigint CHECK (id >= 0))")
    config = migration.config({"source": "a", "target": "a", "truncate_onstart": True, "on_bad_row": "reject"})
    migration.thaw.migrate(config).expect(0)
    migration.source.insert(table, "SELECT -1")
    migration.thaw.migrate(config).expect(0)
    assert migration.target.count("migration_status.rejected_rows") == 1
    assert "nothing to clean" in clean(migration, config, "--yes").stdout
    migration.target.execute("ALTER TABLE a DROP CONSTRAINT a_id_check")
    migration.thaw.migrate(config).expect(0)
    known = runs(migration.target)
    clean(migration, config, "--yes")
    assert len(known) == 3 and runs(migration.target) == known[2:]


def test_unfinished_runs_only_when_asked(migration):
    prepare(migration)
    config = migration.config({**TABLE, "truncate_onstart": False})
    migration.thaw.migrate(config, fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()
    assert "nothing to clean" in clean(migration, config, "--yes").stdout
    assert "nothing to clean" in clean(migration, config, "--yes", "--unfinished").stdout, "it is not old"
    migration.target.execute("UPDATE migration_status.migration_runs SET started_at = now() - interval '8 days',"
                             " last_progress_at = now() - interval '8 days'")
    assert "nothing to clean" in clean(migration, config, "--yes").stdout
    loaded = migration.target.count("t")
    said = clean(migration, config, "--yes", "--unfinished").stdout
    assert f"its {loaded} rows stay in public.t" in said, said
    assert runs(migration.target) == [] and migration.target.count("t") == loaded > 0


def test_an_unfinished_run_by_name(migration):
    """What a refused append tells to do."""
    prepare(migration)
    config = migration.config({**TABLE, "truncate_onstart": False})
    migration.thaw.migrate(config, fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()
    run, = runs(migration.target)
    loaded = migration.target.count("t")
    migration.thaw.migrate(config, "--no-resume").expect(1).says(f"thaw clean --run-id {run}")
    clean(migration, config, "--yes", "--run-id", run)
    migration.thaw.migrate(config).expect(0)
    assert migration.target.count("t") == ROWS + loaded


def test_a_live_run_is_never_forgotten(migration):
    prepare(migration)
    config = migration.config(TABLE)
    running = migration.thaw.start_migrate(config, fault="after_data:stop")
    running.wait_until_stopped()
    run, = runs(migration.target)
    assert "nothing to clean" in migration.thaw.run("clean", "--yes", "--unfinished", "--run-id", run).expect(0).stdout
    running.signal(signal.SIGCONT)
    running.wait().expect(0)
    migration.target.assert_completed()


def test_usage(migration):
    config = migration.config(TABLE)
    clean(migration, config, "--run-id", "x", status=2).says("lower-case UUID")
    clean(migration, config, "--nonsense", status=2)
    assert "--unfinished" in clean(migration, config, "--help").stdout
    prepare(migration)
    assert "no run has been here yet" in clean(migration, config).stdout
    assert not migration.target.has_ledger()
