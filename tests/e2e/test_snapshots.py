"""One moment of the source for all that is read of a table: what moves, what is replaced, and what can't be had any more."""

import pathlib
import re
import signal

import pytest

from marks import both_sources, snowflake_only
from targets import Target
from thaw import Finished

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100, "truncate_onstart": True}
COLUMNS = {"id": "int", "text": "text"}


def prepare(migration, rows: int = 1000, name: str = "t"):
    table = migration.source.table(name, COLUMNS, f"SELECT i, 't' || i FROM range({rows}) AS r(i)")
    migration.target.execute(f"CREATE TABLE {name} (id bigint, text text)")
    return table


def rows(target: Target, name: str = "t") -> list:
    return target.rows(f"SELECT id, text FROM {name} ORDER BY id")


def expected(count: int) -> list:
    return [(i, f"t{i}") for i in range(count)]


def snapshot(target: Target) -> dict:
    """What the ledger keeps of the table's moment."""
    return target.value("SELECT metadata -> 'snapshot' FROM migration_status.migration_table_status")


def stopped_with_three_chunks(migration, config: dict, *arguments: str):
    """A process that stands still after its third chunk; the source may change now."""
    running = migration.thaw.start_migrate(config, "--workers", "1", *arguments, fault="after_commit:stop:3")
    running.wait_until_stopped()
    return running


def killed_after_three_chunks(migration, config: dict) -> str:
    killed = migration.thaw.migrate(config, "--workers", "1", fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()
    return killed.run_id


def move_rows(migration) -> None:
    """From chunks that are still to be read into such as have been, and the other way round."""
    migration.source.execute(f"UPDATE {migration.source.relation('t')} SET \"id\" = \"id\" - 900 WHERE \"id\" >= 900",
                             f"UPDATE {migration.source.relation('t')} SET \"id\" = \"id\" + 5000 WHERE \"id\" BETWEEN 100 AND 149")


def replace(migration, count: int, text: str = "new") -> list:
    """CREATE OR REPLACE with other rows, which are returned."""
    relation = migration.source.relation("t")
    migration.source.execute(f"CREATE OR REPLACE TABLE {relation} (\"id\" NUMBER(38,0), \"text\" VARCHAR)",
                             f"INSERT INTO {relation} SELECT range, '{text}' FROM range({count})")
    return [(i, text) for i in range(count)]


def go_on(running) -> Finished:
    running.signal(signal.SIGCONT)
    return running.wait(120)


# Time travel


@snowflake_only
@pytest.mark.parametrize("mode, how", [("auto", "at once"), ("auto", "resumed"), ("time_travel", "resumed")])
def test_invariant_06_rows_that_move_between_chunks_are_read_at_one_moment(migration, double, mode, how):
    prepare(migration)
    config = migration.config(TABLE, snapshot=mode)
    if how == "at once":
        running = stopped_with_three_chunks(migration, config)
        move_rows(migration)
        finished = go_on(running).expect(0)
    else:
        run_id = killed_after_three_chunks(migration, config)
        moment = snapshot(migration.target)["moment"]
        move_rows(migration)
        double.mark()
        finished = migration.thaw.migrate(config).expect(0).says(f"resuming run {run_id}")
        reads = [statement for statement in double.statements() if '."t"' in statement and statement.startswith("SELECT")]
        assert reads and all(f"AT (TIMESTAMP => '{moment}'::TIMESTAMP_TZ)" in statement for statement in reads
                             if '"id" AS' in statement and "1 = 0" not in statement)
    assert rows(migration.target) == expected(1000), finished
    migration.target.assert_completed()
    assert not finished.records("no fixed snapshot")


def test_invariant_06_without_a_snapshot_moved_rows_are_missed_and_that_is_said(migration):
    """Why there are snapshots: what `none` gives up, and that the log says so where the counts show it."""
    prepare(migration)
    config = migration.config(TABLE, snapshot="none")
    killed_after_three_chunks(migration, config)
    move_rows(migration)
    finished = migration.thaw.migrate(config).expect(0)
    finished.says("the source has changed while it was read")
    assert rows(migration.target) != expected(1000)


@snowflake_only
def test_one_moment_is_used_by_plan_data_and_counts_alike(migration, double):
    prepare(migration)
    double.mark()
    migration.thaw.migrate(migration.config(TABLE)).expect(0).says("read as it was at")
    kept = snapshot(migration.target)
    assert kept["kind"] == "time_travel" and kept["moment"].endswith(" +00:00")
    reads = [statement for statement in double.statements() if "THAW_RANK" in statement or '"text" AS "text"' in statement]
    assert len(reads) == 13, "types, plan, ten chunks and that of NULL keys"
    assert [statement for statement in reads if f"AT (TIMESTAMP => '{kept['moment']}'::TIMESTAMP_TZ)" not in statement] == reads[:1]


@snowflake_only
@pytest.mark.parametrize("how", ["at once", "resumed", "joined", "two databases"])
def test_all_tables_of_a_run_are_read_at_one_moment(migration, how):
    """The first is planned; then both change, and only then the second is planned. A third is younger than the run."""
    for name in ("a", "b"):
        prepare(migration, name=name)
    migration.target.execute("CREATE TABLE c (id bigint, text text)")
    second = Target(migration.target.server) if how == "two databases" else migration.target
    feeds = [migration.source.feed(migration.target.name, TABLE | {"source": "a", "target": "a"}),
             migration.source.feed(second.name, TABLE | {"source": "b", "target": "b"}) | {"source_name": "second"}]
    if how == "two databases":
        second.execute("CREATE TABLE b (id bigint, text text)")
    else:
        feeds[0]["tables"] += feeds.pop()["tables"]
    feeds[0]["tables"].append(TABLE | {"source": "c", "target": "c"})
    config = migration.config(feeds=feeds, parallel_threads=1)
    if how == "resumed":
        migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
        migration.target.wait_until_alone()
    else:
        first = migration.thaw.start_migrate(config, fault="after_plan_commit:stop")
        first.wait_until_stopped()
    relation = migration.source.relation
    migration.source.execute(*(f"UPDATE {relation(name)} SET \"text\" = 'changed'" for name in ("a", "b")))
    migration.source.table("c", COLUMNS, "SELECT 1, 'young'")
    if how == "joined":
        other = migration.thaw.start_migrate(config, "--join", "--workers", "3")
        other.process.stderr.readline()
    finished = go_on(first).expect(0) if how != "resumed" else migration.thaw.migrate(config).expect(0)
    said = finished.stderr + (other.wait().expect(0).stderr if how == "joined" else "")
    assert rows(migration.target, "a") == rows(second, "b") == expected(1000), said
    assert rows(migration.target, "c") == [(1, "young")] and "and not at" in said, said
    moments = [row for target in {migration.target, second} for row in target.rows(
        "SELECT source_table, metadata #>> '{snapshot,moment}' FROM migration_status.migration_table_status")]
    assert len(moments) == 3 and len({moment for _, moment in moments}) == 2, moments
    assert dict(moments)["a"] == dict(moments)["b"] == migration.target.value("SELECT metadata ->> 'moment' FROM migration_status.migration_runs")
    migration.target.assert_completed()
    if second is not migration.target:
        second.drop()


@snowflake_only
@pytest.mark.parametrize("how", ["in the middle", "before a resume", "retention over"])
def test_invariant_06_auto_begins_a_lost_moment_again(migration, double, how):
    prepare(migration)
    config = migration.config(TABLE)
    if how == "in the middle":
        running = stopped_with_three_chunks(migration, config)
        wanted = replace(migration, 700)
        finished = go_on(running)
    else:
        killed_after_three_chunks(migration, config)
        if how == "before a resume":
            wanted = replace(migration, 700)
        else:
            move_rows(migration)
            wanted = sorted([(i - 900 if i >= 900 else i + 5000 if 100 <= i < 150 else i, f"t{i}") for i in range(1000)])
            double.control({"forget_past": 1})
        finished = migration.thaw.migrate(config)
    finished.expect(0).says("planned anew and read from the start", "truncated again")
    assert sorted(rows(migration.target)) == wanted
    migration.target.assert_completed()
    assert migration.target.count("migration_status.migration_runs") == 1


@snowflake_only
@pytest.mark.parametrize("how", ["in the middle", "before a resume"])
def test_invariant_06_time_travel_stops_where_its_moment_is_lost(migration, how):
    prepare(migration)
    config = migration.config(TABLE, snapshot="time_travel")
    if how == "in the middle":
        running = stopped_with_three_chunks(migration, config)
        wanted = replace(migration, 700)
        finished = go_on(running)
    else:
        killed_after_three_chunks(migration, config)
        wanted = replace(migration, 700)
        finished = migration.thaw.migrate(config)
    finished.expect(1).says("can't show the table as it was at", "replaced meanwhile", "--no-resume", '"auto"')
    assert migration.target.run_status() == "failed"
    migration.target.assert_ledger_adds_up()
    migration.thaw.migrate(config, "--no-resume").expect(0)
    assert rows(migration.target) == wanted


@snowflake_only
def test_invariant_06_rows_that_were_appended_are_not_begun_again(migration):
    prepare(migration)
    config = migration.config(TABLE | {"truncate_onstart": False})
    killed_after_three_chunks(migration, config)
    replace(migration, 700)
    migration.thaw.migrate(config).expect(1).says("the 300 rows that it has loaded", "delete those rows", "truncate_onstart")
    assert rows(migration.target) == expected(300)
    migration.target.assert_ledger_adds_up()


@snowflake_only
def test_invariant_06_a_table_that_is_merged_is_read_again_from_the_start(migration):
    prepare(migration)
    migration.target.execute("ALTER TABLE t ADD PRIMARY KEY (id)")
    config = migration.config(TABLE | {"truncate_onstart": False, "uniqueness_columns": ["id"]})
    killed_after_three_chunks(migration, config)
    wanted = replace(migration, 700)
    migration.thaw.migrate(config).expect(0).says("planned anew and read from the start")
    assert rows(migration.target) == wanted, "what is merged twice is there once"
    migration.target.assert_completed()


@snowflake_only
def test_invariant_06_what_was_appended_nowhere_yet_is_begun_again(migration):
    prepare(migration)
    config = migration.config(TABLE | {"truncate_onstart": False})
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    wanted = replace(migration, 700)
    migration.thaw.migrate(config).expect(0).says("planned anew")
    assert rows(migration.target) == wanted
    migration.target.assert_completed()


@snowflake_only
@pytest.mark.parametrize("fault", ["before_reset_commit:kill", "after_reset:error"])
def test_invariant_06_a_table_that_feeds_the_same_target_is_read_again_too(migration, fault):
    """The truncation takes the rows of both, also of the one that was completed; wherever the process dies."""
    prepare(migration)
    other = migration.source.table("other", COLUMNS, "SELECT i, 'o' || i FROM range(200) AS r(i)")
    config = migration.config({**TABLE, "source": "other"}, TABLE)
    killed = migration.thaw.migrate(config, "--workers", "1", fault="after_finish:kill").expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.count("migration_status.migration_table_status WHERE status = 'completed'") == 1
    wanted = replace(migration, 700) + [(i, f"o{i}") for i in range(200)]
    again = migration.thaw.migrate(config, fault=fault)
    if "kill" in fault:
        again.expect(-9)
        migration.target.wait_until_alone()
        migration.target.assert_ledger_adds_up()
        again = migration.thaw.migrate(config)
    again.expect(0)
    assert sorted(rows(migration.target)) == sorted(wanted)
    migration.target.assert_completed()
    assert again.run_id == killed.run_id and other is not None


@snowflake_only
def test_invariant_06_a_second_process_follows_the_new_plan(migration):
    """One process stands still in its chunk while another finds the moment lost and begins anew."""
    prepare(migration)
    config = migration.config(TABLE)
    first = stopped_with_three_chunks(migration, config)
    wanted = replace(migration, 700)
    second = migration.thaw.start_migrate(config, "--join", "--workers", "1", fault="after_reset:stop")
    second.wait_until_stopped()
    first.signal(signal.SIGCONT)
    second.signal(signal.SIGCONT)
    finished = [first.wait(120), second.wait(120)]
    assert {each.status for each in finished} == {0}, f"{finished[0]}\n{finished[1]}"
    assert rows(migration.target) == wanted
    migration.target.assert_completed()


@snowflake_only
def test_a_table_that_is_replaced_again_and_again_is_given_up(migration, double):
    prepare(migration)
    config = migration.config(TABLE)
    for _ in range(3):
        migration.thaw.migrate(config, "--workers", "1", fault="after_commit:kill:2").expect(-9)
        migration.target.wait_until_alone()
        double.control({"forget_past": 1})
    migration.thaw.migrate(config, "--workers", "1", fault="after_commit:kill:2").expect(-9)
    migration.target.wait_until_alone()
    double.control({"forget_past": 1})
    migration.thaw.migrate(config).expect(1).says("lost again", "snapshot to \"none\"")
    migration.target.assert_ledger_adds_up()


@snowflake_only
def test_tables_without_a_past(migration, double):
    """`auto` goes on without, with one warning for all tables; `time_travel` says what it needs."""
    tables = [prepare(migration, 50, name) for name in ("t", "u")]
    config = migration.config(*({**TABLE, "source": table.name, "target": table.name} for table in tables))
    double.control({"no_past": 1})
    finished = migration.thaw.migrate(config).expect(0)
    assert len(finished.records("WARNING", "no fixed snapshot")) == 1
    for table in tables:
        migration.assert_same(table, table.name)
    refused = migration.thaw.migrate({**config, "snapshot": "time_travel"}).expect(1)
    refused.says("can't show this relation as it was", "DATA_RETENTION_TIME_IN_DAYS")
    assert migration.target.count("t") == 50, "refused before anything was truncated"


@snowflake_only
def test_a_view_is_read_at_one_moment(migration):
    prepare(migration)
    relation = migration.source.relation
    migration.source.execute(f"CREATE VIEW {relation('v')} AS SELECT a.\"id\", b.\"text\" FROM {relation('t')} AS a "
                             f"JOIN {relation('t')} AS b ON a.\"id\" = b.\"id\"")
    config = migration.config({**TABLE, "source": "v"})
    running = stopped_with_three_chunks(migration, config)
    move_rows(migration)
    go_on(running).expect(0)
    assert rows(migration.target) == expected(1000)


def test_time_travel_is_refused_for_duckdb(migration):
    prepare(migration)
    migration.thaw.migrate(migration.config(TABLE, snapshot="time_travel")).expect(2).says("$.snapshot", "keeps no past")


# Filters that ask the clock


@snowflake_only
@pytest.mark.parametrize("mode,status", [("auto", 0), ("time_travel", 1)])
def test_invariant_06_a_filter_that_changes_by_itself(migration, mode, status):
    """Its rows aren't those of one moment, whatever the snapshot: who asked for one moment is told which chunk, `auto` remarks."""
    prepare(migration)
    config = migration.config({**TABLE, "source_filter": "\"id\" <> 0 OR CURRENT_TIMESTAMP() < '2000-01-01'::TIMESTAMP_TZ"},
                              snapshot=mode)
    killed_after_three_chunks(migration, config)
    # The plan of a moment ago, when another row was selected.
    migration.target.execute("UPDATE migration_status.migration_chunk_status SET expected_rows = expected_rows + 1 WHERE chunk_id = 5")
    finished = migration.thaw.migrate(config).expect(status)
    if status == 0:
        finished.says("the source has changed while it was read")
        migration.target.assert_completed()
    else:
        assert finished.records("ERROR", "101 rows of the chunk were counted", "100 were read"), finished
        assert "chunk 5" in migration.target.value("SELECT error_message FROM migration_status.migration_table_status")


@pytest.mark.parametrize("source, day", [("duckdb", "another"), ("duckdb", "the same"), ("snowflake", "another")], indirect=["source"])
def test_a_filter_with_the_date_on_a_resume(migration, day):
    prepare(migration)
    config = migration.config({**TABLE, "source_filter": "CURRENT_DATE > CAST('2000-01-01' AS DATE)"})
    killed_after_three_chunks(migration, config)
    if day == "another":
        migration.target.execute("UPDATE migration_status.migration_table_status SET metadata = "
                                 "jsonb_set(metadata, '{snapshot,day}', '\"2001-12-31\"')")
    finished = migration.thaw.migrate(config).expect(0)
    assert len(finished.records("WARNING", "planned on 2001-12-31", "source_filter")) == (day == "another"), finished
    assert rows(migration.target) == expected(1000)


# Materialized


def materialized(migration, *tables: dict, **settings) -> dict:
    """A configuration; on Snowflake with a schema for the scratch tables."""
    scratch = {}
    if migration.source.kind == "snowflake":
        migration.source.make_schema("SCRATCH")
        scratch = {"scratch_schema": "SCRATCH"}
    return migration.config(*tables, snapshot="materialize", **scratch, **settings)


def scratch_tables(migration) -> list:
    """What there is of them in the source."""
    if migration.source.kind == "duckdb":
        return sorted(path.name for path in migration.source.file.parent.glob("*thaw_scratch*"))
    found = migration.source.session.execute("SELECT table_name AS N FROM duckdb_tables() WHERE schema_name = 'SCRATCH' "
                                             f"AND database_name = '{migration.source.database}'")
    return sorted(row["N"] for row in found)


def noted(target: Target) -> int:
    return target.count("migration_status.migration_table_status WHERE metadata ? 'scratch'")


# Nobody else can write a DuckDB file while a process has it open.
@pytest.mark.parametrize("source, how", [("snowflake", "at once"), ("snowflake", "resumed"), ("snowflake", "replaced"),
                                         ("duckdb", "resumed"), ("duckdb", "replaced")], indirect=["source"])
def test_invariant_06_a_scratch_table_is_one_moment(migration, how):
    prepare(migration)
    config = materialized(migration, TABLE)
    if how == "at once":
        running = stopped_with_three_chunks(migration, config)
        move_rows(migration)
        go_on(running).expect(0).says("materialized: 1000 rows")
    else:
        run_id = killed_after_three_chunks(migration, config)
        assert len(scratch_tables(migration)) == 1 and noted(migration.target) == 1
        if how == "replaced" and migration.source.kind == "snowflake":
            replace(migration, 700)
        elif how == "replaced":
            migration.source.execute(f"DROP TABLE {migration.source.relation('t')}",
                                     f"CREATE TABLE {migration.source.relation('t')} AS SELECT 1::BIGINT AS id, 'new' AS text")
        else:
            move_rows(migration)
        finished = migration.thaw.migrate(config).expect(0).says(f"resuming run {run_id}")
        assert not finished.records("materialized"), "it is read where it is"
    assert rows(migration.target) == expected(1000)
    migration.target.assert_completed()
    assert scratch_tables(migration) == [] and noted(migration.target) == 0


@pytest.mark.parametrize("source, fault", [*(("duckdb", fault) for fault in ("before_scratch", "after_scratch", "before_plan_commit",
                                                                            "in_data", "before_finish_commit")),
                                           ("snowflake", "before_scratch"), ("snowflake", "after_scratch")], indirect=["source"])
def test_a_scratch_table_outlives_a_kill_and_goes_in_the_end(migration, fault):
    table = prepare(migration)
    config = materialized(migration, TABLE)
    migration.thaw.migrate(config, "--workers", "1", fault=f"{fault}:kill").expect(-9)
    migration.target.wait_until_alone()
    assert noted(migration.target) == 1, "noted before it is made"
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()
    assert scratch_tables(migration) == [] and noted(migration.target) == 0


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644], ids=oct)
def test_who_may_not_read_the_source_may_not_read_what_is_made_of_it(migration, mode):
    """The scratch file has the source's permissions; what else is written (DuckDB spills) is this user's alone."""
    prepare(migration)
    migration.source.file.chmod(mode)
    running = migration.thaw.start_migrate(materialized(migration, TABLE), "--workers", "1", fault="after_plan_commit:stop")
    running.wait_until_stopped()
    status = pathlib.Path(f"/proc/{running.process.pid}/status").read_text("ascii")
    assert re.search(r"^Umask:\s*0?077$", status, re.M)
    scratch, = migration.source.file.parent.glob("*thaw_scratch*")
    assert scratch.stat().st_mode & 0o777 == mode
    running.signal(signal.SIGCONT)
    running.wait().expect(0)


@both_sources
def test_a_view_over_a_join_is_computed_once(migration):
    """With a filter, another order of columns, one column that is left out, and keys that aren't copied."""
    prepare(migration)
    relation = migration.source.relation
    migration.source.execute(f'CREATE VIEW {relation("v")} AS SELECT b."text" AS "text", a."id" AS "id", a."id" % 10 AS "part", '
                             f'1000 - a."id" AS "unmapped" FROM {relation("t")} AS a JOIN {relation("t")} AS b ON a."id" = b."id"')
    config = materialized(migration, {"source": "v", "target": "t", "chunking_columns": ["part", "unmapped"], "batch_size": 90,
                                      "source_filter": '"id" < 800 -- a remark', "truncate_onstart": True})
    if migration.source.kind == "snowflake":
        migration.source.double.mark()
    killed_after_three_chunks(migration, config)
    migration.thaw.migrate(config).expect(0)
    assert rows(migration.target) == expected(800)
    assert scratch_tables(migration) == []
    if migration.source.kind == "snowflake":
        reads = [statement for statement in migration.source.double.statements() if '."v"' in statement and "1 = 0" not in statement
                 and statement.startswith(("SELECT", "CREATE"))]
        assert len(reads) == 1 and reads[0].startswith("CREATE OR REPLACE TRANSIENT TABLE"), reads


def test_a_scratch_table_is_merged(migration):
    """With columns that only order the rows of a key."""
    migration.source.table("t", {**COLUMNS, "version": "int"},
                           "SELECT i // 2, 't' || i // 2 || CASE i % 2 WHEN 0 THEN ' old' ELSE '' END, i FROM range(2000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, text text)", "INSERT INTO t VALUES (3, 'before')")
    config = materialized(migration, TABLE | {"truncate_onstart": False, "uniqueness_columns": ["id"], "sort_columns": ["version"]})
    killed_after_three_chunks(migration, config)
    migration.thaw.migrate(config).expect(0)
    assert rows(migration.target) == expected(1000)
    migration.target.assert_completed()
    assert scratch_tables(migration) == []


@both_sources
def test_a_scratch_table_holds_the_window_of_a_watermark_only(migration):
    migration.source.table("t", {**COLUMNS, "at": "timestamp"},
                           "SELECT i, 't' || i, TIMESTAMP '2024-01-01' + i * INTERVAL 1 MINUTE FROM range(400) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, text text, at timestamp)")
    config = materialized(migration, {"source": "t", "target": "t", "uniqueness_columns": ["id"], "source_watermark": "at",
                                      "target_watermark": "at", "batch_size": 100})
    migration.thaw.migrate(config, "--workers", "1", fault="after_commit:kill:2").expect(-9)
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0)
    assert rows(migration.target) == expected(400)
    migration.source.execute(f"UPDATE {migration.source.relation('t')} SET \"text\" = 'new', \"at\" = TIMESTAMP '2025-01-01' "
                             "WHERE \"id\" = 7")
    migration.thaw.migrate(config).expect(0).says("materialized: 2 rows")
    assert rows(migration.target) == [(i, "new" if i == 7 else text) for i, text in expected(400)]
    assert scratch_tables(migration) == []


@both_sources
@pytest.mark.parametrize("how", ["gone", "fewer rows"])
def test_invariant_06_a_scratch_table_that_is_not_what_it_was_is_made_again(migration, how):
    table = prepare(migration)
    config = materialized(migration, TABLE)
    killed_after_three_chunks(migration, config)
    [name] = scratch_tables(migration)
    if migration.source.kind == "snowflake":
        relation = f'{migration.source.relation(name, "SCRATCH")}'
        migration.source.execute(f"DROP TABLE {relation}" if how == "gone" else f'DELETE FROM {relation} WHERE "id" = 5')
    elif how == "gone":
        (migration.source.file.parent / name).unlink()
    else:
        migration.target.execute("UPDATE migration_status.migration_table_status SET metadata = "
                                 "jsonb_set(metadata, '{snapshot,rows}', '1001')")
    migration.thaw.migrate(config).expect(0).says("planned anew", "materialized: 1000 rows")
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()
    assert scratch_tables(migration) == []


@both_sources
def test_a_scratch_table_that_is_left_over_is_cleaned(migration):
    prepare(migration)
    config = materialized(migration, TABLE)
    migration.thaw.migrate(config, fault="before_scratch_drop:kill").expect(-9)
    migration.target.wait_until_alone()
    assert len(scratch_tables(migration)) == 1
    migration.thaw.run("clean").expect(2)
    assert "drop: scratch table" in migration.thaw.run("clean", "--yes").expect(0).stdout
    assert scratch_tables(migration) == [] and noted(migration.target) == 0
    assert rows(migration.target) == expected(1000)


@both_sources
def test_a_scratch_table_of_an_unfinished_run_stays_until_that_is_forgotten(migration):
    prepare(migration)
    config = materialized(migration, TABLE)
    run_id = killed_after_three_chunks(migration, config)
    assert "stays: scratch table" in migration.thaw.run("clean", "--yes").expect(0).stdout
    assert len(scratch_tables(migration)) == 1
    migration.thaw.run("clean", "--yes", "--run-id", run_id).expect(0)
    assert scratch_tables(migration) == []
    assert migration.target.count("migration_status.migration_runs") == 0


@both_sources
def test_several_processes_read_one_scratch_table(migration):
    table = prepare(migration)
    config = materialized(migration, TABLE)
    first = stopped_with_three_chunks(migration, config)
    second = migration.thaw.start_migrate(config, "--join", "--workers", "1", fault="after_commit:stop:3")
    second.wait_until_stopped()
    first.signal(signal.SIGCONT)
    second.signal(signal.SIGCONT)
    first.wait(60).expect(0)
    second.wait(60).expect(0)
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()
    assert scratch_tables(migration) == []


def test_the_source_file_is_only_read(migration):
    """And where its folder may not be written, the scratch file is elsewhere: the file itself never changes."""
    prepare(migration)
    before = migration.source.file.read_bytes()
    config = materialized(migration, TABLE)
    assert "a scratch table would be made" in migration.thaw.migrate(config, "--dry-run").expect(0).stdout
    assert scratch_tables(migration) == []
    migration.thaw.migrate(config).expect(0)
    assert migration.source.file.read_bytes() == before
    assert rows(migration.target) == expected(1000)


def test_a_database_in_memory_is_materialized_too(migration):
    prepare(migration)
    config = materialized(migration, {**TABLE, "source": "m"})
    config["duckdb"] = {"path": ":memory:", "init_sql": "CREATE VIEW m AS SELECT i AS id, 't' || i AS text FROM range(1000) AS r(i)"}
    config["sources"][0].pop("source_database")
    config["sources"][0]["source_schema"] = "main"
    folder = migration.thaw.directory / "temporary"
    folder.mkdir()
    migration.thaw.migrate(config, "--workers", "1", fault="after_commit:kill:3", TMPDIR=str(folder)).expect(-9)
    migration.target.wait_until_alone()
    assert len(list(folder.glob("thaw_scratch*"))) == 1
    migration.thaw.migrate(config, TMPDIR=str(folder)).expect(0)
    assert rows(migration.target) == expected(1000)
    assert list(folder.glob("thaw_scratch*")) == []


@snowflake_only
def test_materialize_needs_a_scratch_schema(migration):
    prepare(migration)
    migration.thaw.migrate(migration.config(TABLE, snapshot="materialize")).expect(2).says("$.snapshot", '"scratch_schema" is missing')
