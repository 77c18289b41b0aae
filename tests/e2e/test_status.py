"""`thaw migrate --dry-run`, which changes nothing, and `thaw status`, which shows what is true now."""

import json
import signal

import pytest

from marks import both_sources

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100, "truncate_onstart": True}


def prepare(migration):
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i) UNION ALL SELECT NULL FROM range(7)")
    migration.target.execute("CREATE TABLE t (id bigint)", "INSERT INTO t VALUES (-1)")
    return table


def fingerprint(target) -> list:
    """Everything that a dry run could change."""
    return [target.rows("SELECT n.nspname, c.relname, c.relfilenode FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                        "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2"),
            target.rows("SELECT nspname FROM pg_namespace ORDER BY 1"), target.rows("SELECT ctid, xmin, id FROM t ORDER BY 1")]


@both_sources
def test_a_dry_run_shows_the_plan_and_changes_nothing(migration, request):
    prepare(migration)
    before = fingerprint(migration.target)
    if migration.source.kind == "snowflake":
        migration.source.double.mark()

    shown = migration.thaw.migrate(migration.config(TABLE), "--dry-run").expect(0).stdout

    assert fingerprint(migration.target) == before
    assert not migration.target.has_ledger()
    if migration.source.kind == "snowflake":
        verbs = {statement.split()[0].upper() for statement in migration.source.double.statements()}
        assert verbs <= {"ALTER", "USE", "SHOW", "DESCRIBE", "SELECT", "WITH"}
    for words in ("public.t", "copy", "1007 rows" if "1007 rows" in shown else "1007", "11 chunks", "TRUNCATED", "range on id", "NULL key",
                  "7 rows", "500"):
        assert words in shown, words


def test_a_dry_run_tells_every_problem(migration):
    prepare(migration)
    migration.target.execute("CREATE TABLE strict (id bigint, missing int NOT NULL)")
    finished = migration.thaw.migrate(migration.config({**TABLE, "target": "nowhere"}, {**TABLE, "target": "strict"}), "--dry-run")
    finished.expect(1).says("nowhere", '"missing"')


def test_a_dry_run_beside_an_unfinished_run_names_it(migration):
    prepare(migration)
    config = migration.config(TABLE)
    killed = migration.thaw.migrate(config, fault="after_commit:kill:2").expect(-9)
    migration.target.wait_until_alone()
    before = fingerprint(migration.target), migration.target.rows("SELECT * FROM migration_status.migration_runs")
    shown = migration.thaw.migrate(config, "--dry-run").expect(0).stdout
    assert killed.run_id in shown
    assert (fingerprint(migration.target), migration.target.rows("SELECT * FROM migration_status.migration_runs")) == before


@both_sources
def test_a_dry_run_for_programs_is_what_the_run_then_does(migration):
    prepare(migration)
    migration.source.table("u", {"id": "int", "at": "timestamp", "text": "text"}, "SELECT i, TIMESTAMP '2024-01-01' + i * INTERVAL 1 DAY, 'x' FROM range(300) r(i)")
    migration.target.execute("CREATE TABLE merged (id bigint PRIMARY KEY, at timestamp, text text)", "CREATE TABLE lean (id bigint PRIMARY KEY, text text)",
                             "CREATE INDEX lean_text ON lean (text)")
    merged = {"source": "u", "target": "merged", "uniqueness_columns": ["id"], "source_watermark": "at", "target_watermark": "at", "batch_size": 200}
    made = {"source": "u", "target": "made", "create_target": True, "chunking": "hash", "chunking_columns": ["text"], "source_filter": '"id" < 200'}
    lean = {"source": "u", "target": "lean", "disable_index": True, "truncate_onstart": True, "chunking": "whole"}
    config = migration.config(TABLE, merged, made, lean, snapshot="none")
    before = fingerprint(migration.target)
    shown = migration.thaw.migrate(config, "--dry-run", "--json").expect(0).stdout
    assert fingerprint(migration.target) == before and not migration.target.has_ledger()
    report = json.loads(shown)
    assert shown.count("\n") == 1 and report["workers"] == 2 and report["unfinished"] == []
    tables = {table["target_table"]: table for table in report["tables"]}
    assert [(name, table["mode"], table["chunking"], table["chunking_columns"], table["key"], table["would_truncate"], table["would_create"] is not None)
            for name, table in tables.items()] == [("t", "copy", "range", ["id"], [], True, False), ("merged", "upsert", "range", ["id"], ["id"], False, False),
                                                   ("made", "copy", "hash", ["text"], [], False, True), ("lean", "copy", "whole", [], [], True, False)]
    assert {name: table["expected_rows"] for name, table in tables.items()} == {"t": 1007, "merged": 300, "made": 200, "lean": 300}
    assert tables["made"]["would_create"].startswith("CREATE TABLE") and tables["made"]["source_filter"] == '"id" < 200'
    assert sorted((index["name"], index["would_drop"]) for index in tables["lean"]["indexes"]) == [("lean_pkey", True), ("lean_text", True)]
    assert tables["merged"]["window"]["column"] == "at" and tables["t"]["window"] is None
    assert {(table["snapshot"], table["moment"], table["format"], table["error"]) for table in tables.values()} == {("none", None, "binary", None)}

    migration.thaw.migrate(config).expect(0)
    for name, table in tables.items():
        stored = migration.target.rows("SELECT c.chunk_range, c.expected_rows FROM migration_status.migration_chunk_status c "
                                       "JOIN migration_status.migration_table_status t USING (table_id) WHERE target_table = %s ORDER BY chunk_id", name)
        assert [(chunk["chunk_range"], chunk["expected_rows"]) for chunk in table["chunks"]] == stored
        names = "source_name, source_database, source_schema, source_table, target_database, target_schema, target_table"
        row = migration.target.rows(f"SELECT {names} FROM migration_status.migration_table_status WHERE target_table = %s", name)[0]
        assert tuple(table[column] for column in names.split(", ")) == row


def test_a_dry_run_for_programs_tells_what_is_in_the_way(migration):
    prepare(migration)
    config = migration.config(TABLE, {**TABLE, "target": "nowhere"})
    killed = migration.thaw.migrate(migration.config(TABLE), fault="after_commit:kill:2").expect(-9)
    migration.target.wait_until_alone()
    report = json.loads(migration.thaw.migrate(config, "--dry-run", "--json").expect(1).says("nowhere").stdout)
    assert [(run["run_id"], run["database"], run["live"]) for run in report["unfinished"]] == [(killed.run_id, migration.target.name, False)]
    assert [(table["target_table"], "chunks" in table, table["error"] and "nowhere" in table["error"]) for table in report["tables"]] == [
        ("t", True, None), ("nowhere", False, True)]


# id: (tables beside the one of 1007 rows, fault, exit status, what is shown)
PERCENT = {
    "completed": ([], "", 0, 100.0),
    "loaded and not finished": ([], "before_finish:kill", -9, 99.9),
    "three of eleven chunks": ([], "before_claim:kill:4", -9, 29.8),
    "another table without a plan": ([{**TABLE, "target": "nowhere"}], "", 1, 50.0),
    "nothing planned": ([], "after_begin:kill", -9, 0.0),
}


@pytest.mark.parametrize("case", PERCENT)
def test_100_percent_is_what_is_completed(migration, case):
    prepare(migration)
    others, fault, status, percent = PERCENT[case]
    migration.thaw.migrate(migration.config(TABLE, *others), "--workers", "1", fault=fault).expect(status)
    migration.target.wait_until_alone()
    run, = json.loads(migration.thaw.run("status", "--json").expect(0).stdout)["databases"][0]["runs"]
    assert run["percent"] == percent
    assert f"({percent} %)" in migration.thaw.run("status").expect(0).stdout


def test_status_without_any_run(migration):
    migration.thaw.write(migration.config(TABLE))
    migration.target.execute("CREATE TABLE t (id bigint)")
    shown = migration.thaw.run("status").expect(0).stdout
    assert migration.target.name in shown and "no run" in shown
    assert not migration.target.has_ledger()


def test_status_of_a_run_while_it_goes_on_and_after(migration):
    prepare(migration)
    migration.source.table("u", {"id": "int"}, "SELECT i FROM range(500) AS r(i)")
    migration.target.execute("CREATE TABLE u (id bigint)")
    running = migration.thaw.start_migrate(migration.config(TABLE, {**TABLE, "source": "u", "target": "u"}), "--workers", "1",
                                           fault="after_commit:stop:12")
    running.wait_until_stopped()
    shown = migration.thaw.run("status").expect(0).stdout
    for words in ("running", f"pid {running.process.pid}", "public.t", "public.u", "11/11 chunks", "1/6 chunks", "100 of 500 rows"):
        assert words in shown, f"{words}: {shown}"
    running.signal(signal.SIGCONT)
    finished = running.wait().expect(0)
    shown = migration.thaw.run("status").expect(0).stdout
    assert finished.run_id in shown and "completed" in shown and "2/2 tables" in shown and "running" not in shown
    shown = migration.thaw.run("status", "--run-id", finished.run_id).expect(0).stdout
    assert "11/11 chunks" in shown and "6/6 chunks" in shown
    migration.thaw.run("status", "--run-id", "00000000-0000-4000-8000-000000000000").expect(1)


def test_status_shows_why_a_table_failed(migration):
    migration.source.table("t", {"id": "int", "value": "int"}, "SELECT i, 100000 FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, value smallint)")
    migration.thaw.migrate(migration.config(TABLE)).expect(1)
    shown = migration.thaw.run("status").expect(0).stdout
    assert "failed" in shown and "100000" in shown


def test_the_older_views_answer(migration):
    """Monitoring queries written for the older copier's ledger."""
    prepare(migration)
    migration.thaw.migrate(migration.config(TABLE), fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.rows("SELECT run_id::text FROM migration_status.v_active_migrations") == migration.target.rows(
        "SELECT run_id::text FROM migration_status.migration_runs")
    assert migration.target.rows("SELECT source_table, total_chunks FROM migration_status.v_table_progress") == [("t", 11)]
