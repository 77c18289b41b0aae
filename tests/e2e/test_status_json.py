"""`thaw status --json`: the same as the text, for programs. docs/commands.md describes its shape."""

import datetime
import json
import re

import pytest

from marks import both_sources, both_versions
from targets import Target
from thaw import ROOT

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}


def prepare(migration):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")


def status(migration, *arguments: str, expect: int = 0) -> dict:
    """What it prints, which must be one line."""
    finished = migration.thaw.run("status", "--json", *arguments).expect(expect)
    assert finished.stdout.count("\n") == 1
    return json.loads(finished.stdout)


def one_run(answer: dict) -> dict:
    assert len(answer["databases"]) == 1 and len(answer["databases"][0]["runs"]) == 1, answer
    return answer["databases"][0]["runs"][0]


@both_sources
@both_versions
def test_a_completed_run(migration):
    prepare(migration)
    finished = migration.thaw.migrate(migration.config(TABLE)).expect(0)

    answer = status(migration)

    assert answer["databases"][0]["database"] == migration.target.name and answer["databases"][0]["ledger"] is True
    run = one_run(answer)
    assert run["run_id"] == finished.run_id
    assert (run["status"], run["state"], run["source_names"]) == ("completed", "completed", ["feed"])
    assert (run["total_tables"], run["completed_tables"], run["failed_tables"]) == (1, 1, 0)
    # Ten of a hundred rows, and one for NULL keys.
    assert (run["total_chunks"], run["completed_chunks"], run["failed_chunks"]) == (11, 11, 0)
    assert (run["total_rows_copied"], run["expected_rows"], run["percent"]) == (1000, 1000, 100)
    assert (run["owners_alive"], run["owners"], run["error_message"]) == (0, "", None)
    now = datetime.datetime.now(datetime.UTC)
    for time in ("started_at", "last_progress_at", "completed_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", run[time])
        assert abs(now - datetime.datetime.fromisoformat(run[time])) < datetime.timedelta(minutes=5)
    [table] = run["tables"]
    assert (table["source_database"], table["source_schema"], table["source_table"]) == (
        migration.source.database, migration.source.schema, "t")
    assert (table["target_database"], table["target_schema"], table["target_table"]) == (migration.target.name, "public", "t")
    assert (table["status"], table["total_rows_copied"], table["expected_rows"], table["percent"]) == ("completed", 1000, 1000, 100)
    assert (table["total_chunks"], table["completed_chunks"], table["in_progress_chunks"], table["failed_chunks"]) == (11, 11, 0, 0)


def test_a_live_run_and_an_interrupted_one(migration):
    prepare(migration)
    running = migration.thaw.start_migrate(migration.config(TABLE), "--workers", "1", fault="after_data:stop:4")
    running.wait_until_stopped()
    run = one_run(status(migration))
    assert (run["state"], run["owners_alive"]) == ("running", 1) and f"pid {running.process.pid}" in run["owners"]
    assert (run["completed_chunks"], run["total_rows_copied"], run["percent"]) == (3, 300, 30)
    assert run["tables"][0]["in_progress_chunks"] == 1

    running.kill()
    running.wait()
    migration.target.wait_until_alone()
    run = one_run(status(migration))
    assert (run["status"], run["state"], run["owners_alive"]) == ("running", "interrupted", 0)


def test_a_failed_table_says_why(migration):
    migration.source.table("t", {"id": "int"}, "SELECT i * 1000 FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id smallint)")
    # Another worker looks at the ledger while the failure is recorded.
    failed = migration.thaw.migrate(migration.config(TABLE), "--workers", "2", fault="in_failure:sleep=2000").expect(1)
    assert not failed.records("chunks failed"), failed
    run = one_run(status(migration))
    assert run["state"] == "failed" and run["failed_tables"] == 1
    assert run["tables"][0]["status"] == "failed" and "smallint" in run["tables"][0]["error_message"]


def test_names_that_need_escaping(migration):
    name = 'a "quoted" \\ name\twith\nlines, é'
    migration.source.table(name, {"id": "int"}, "SELECT 1")
    migration.target.execute(f'CREATE TABLE "{name.replace(chr(34), chr(34) * 2)}" (id bigint)')
    migration.thaw.migrate(migration.config({"source": name, "target": name})).expect(0)
    [table] = one_run(status(migration))["tables"]
    assert table["source_table"] == table["target_table"] == name


def test_one_run_of_several(migration):
    prepare(migration)
    config = migration.config(TABLE | {"truncate_onstart": True})
    ids = [migration.thaw.migrate(config).expect(0).run_id for _ in range(2)]
    assert [run["run_id"] for run in status(migration)["databases"][0]["runs"]] == ids[::-1], "the newest first"
    assert one_run(status(migration, "--run-id", ids[0]))["run_id"] == ids[0]
    unknown = status(migration, "--run-id", "00000000-0000-4000-8000-000000000000", expect=1)
    assert unknown["databases"][0]["runs"] == []


def test_before_the_first_run(migration):
    prepare(migration)
    migration.thaw.write(migration.config(TABLE))
    assert status(migration) == {"databases": [{"database": migration.target.name, "ledger": False, "runs": []}]}
    assert not migration.target.has_ledger()


def test_several_databases_one_of_which_does_not_answer(migration, servers):
    prepare(migration)
    second = Target(servers(15))
    try:
        second.execute("CREATE TABLE t (id bigint)")
        feeds = [migration.source.feed(migration.target.name, TABLE, name="one"), migration.source.feed(second.name, TABLE, name="two")]
        run_id = migration.thaw.migrate(migration.config(feeds=feeds)).expect(0).run_id
        answer = status(migration)
        assert [(part["database"], [run["run_id"] for run in part["runs"]]) for part in answer["databases"]] == [
            (migration.target.name, [run_id]), (second.name, [run_id])]
    finally:
        second.drop()
    first, gone = status(migration, expect=1)["databases"]
    assert first["runs"][0]["run_id"] == run_id
    assert gone["database"] == second.name and second.name in gone["error"] and "runs" not in gone


@pytest.mark.parametrize("what", ["run", "table"])
def test_the_documentation_lists_every_member(migration, what):
    prepare(migration)
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    run = one_run(status(migration))
    members = set(run if what == "run" else run["tables"][0])
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    documented = re.search(rf"^Members of a {what}: (.+?)\n(?:\n|\Z)", text, re.M | re.S)
    assert documented and set(re.findall(r"`([a-z_]+)`", documented[1])) == members
