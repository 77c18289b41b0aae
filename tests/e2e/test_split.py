"""Chunks for which a process with a deadline has no time are cut into parts, so that each process comes further, whatever the
chunk is: a value that all rows have, rows without a key, a table without one, a span of hashes, rows that are merged."""

import json

import pytest

from marks import both_sources, snowflake_only
from test_snapshots import materialized

ROWS = 900
COLUMNS = {"id": "int", "k": "int", "note": "text", "x": "float"}
# What would be one chunk that takes twice the time that there is: the expression of k, what the configuration says.
CHUNKS = {
    "heavy": ("7", {"chunking_columns": ["k"]}),
    "nulls": ("NULL", {"chunking_columns": ["k"]}),
    "whole": ("i", {"chunking": "whole"}),
    "hashed": ("5", {"chunking": "hash", "chunking_columns": ["k"], "batch_size": 500}),
    "merged": ("i % 450", {"uniqueness_columns": ["k"], "sort_columns": ["id"], "chunking": "whole"}),
}
# Each row takes PostgreSQL three milliseconds.
SLOW = "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END $$"


def prepare(migration, names) -> dict:
    tables = {}
    migration.target.execute(SLOW)
    for name in names:
        tables[name] = migration.source.table(name, COLUMNS, f"SELECT i, {CHUNKS[name][0]}, 'n' || i, i / 7 FROM range({ROWS}) AS r(i)")
        migration.target.execute(f"CREATE TABLE {name} (id bigint, k bigint {'PRIMARY KEY' if name == 'merged' else ''}, note text, x float8)",
                                 f"CREATE TRIGGER act BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION act()")
    return tables


def parts(migration, name: str) -> list:
    return migration.target.rows("SELECT (chunk_range #>> '{part,modulus}')::int, (chunk_range #>> '{part,remainder}')::int, status "
                                 "FROM migration_status.migration_chunk_status WHERE source_table = %s ORDER BY chunk_id", name)


@both_sources
def test_invariant_08_a_chunk_without_time_is_cut_until_it_fits(migration):
    chunks = [*CHUNKS] if migration.source.kind == "duckdb" else ["heavy", "merged"]
    tables = prepare(migration, chunks)
    config = migration.config(*({"source": name, "target": name, **CHUNKS[name][1]} for name in chunks), parallel_threads=6)
    progress, runs = 0.0, []
    while True:
        finished = migration.thaw.migrate(config, "--json", THAW_DEADLINE_SECONDS="4,1")
        said = json.loads(finished.stdout)
        runs.append(finished)
        assert said["duration_seconds"] < 4, finished
        migration.target.assert_ledger_adds_up()
        if finished.status == 0:
            break
        finished.expect(3)
        assert len(runs) < 12 and said["progress"] >= progress, finished
        progress = said["progress"]
    # By the first, unless a busy machine lets it begin late: then by the second that comes to it.
    assert any(run.records("cut into", "parts by a hash of the rows") for run in runs[:4]), runs[:4]
    for name, table in tables.items():
        cut = parts(migration, name)
        assert all(status == "completed" for _, _, status in cut), (name, cut)
        assert any(modulus and modulus >= 3 for modulus, _, _ in cut), (name, cut)
        if name != "merged":
            assert migration.assert_same(table, name) == ROWS
    assert migration.target.rows("SELECT k, id FROM merged ORDER BY k") == [(k, k + 450) for k in range(450)], "of a key the last by id"
    migration.target.assert_completed()


def migrate_until_cut(migration, config: dict, name: str) -> None:
    """By the first process that has no time for it, or where a busy machine lets it begin late, by the second."""
    for _ in range(4):
        migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="4,1").expect(3)
        if parts(migration, name) and any(modulus for modulus, _, _ in parts(migration, name)):
            return
    raise AssertionError("it was not cut")


@both_sources
def test_parts_are_counted_together(migration):
    """Under a fixed snapshot the parts of a chunk must add up to what was planned: one that comes short is found out at the end."""
    prepare(migration, ["heavy"])
    config = materialized(migration, {"source": "heavy", "target": "heavy", **CHUNKS["heavy"][1]})
    migrate_until_cut(migration, config, "heavy")
    cut = parts(migration, "heavy")
    assert migration.target.value("SELECT sum(expected_rows) FROM migration_status.migration_chunk_status") == ROWS
    assert len([part for part in cut if part[0]]) >= 3, cut
    migration.target.execute("DROP TRIGGER act ON heavy")
    # One of the parts is made to hold no row.
    migration.target.execute("UPDATE migration_status.migration_chunk_status SET chunk_range = jsonb_set(chunk_range, "
                             "'{part,modulus}', '1000003') WHERE chunk_range #>> '{part,remainder}' = '1'")
    migration.thaw.migrate(config).expect(1).says(f"{ROWS} rows were counted when the table was planned", "at one moment of the source")


def test_who_hashes_otherwise_loads_no_part(migration):
    prepare(migration, ["whole"])
    config = migration.config({"source": "whole", "target": "whole", **CHUNKS["whole"][1]})
    migrate_until_cut(migration, config, "whole")
    migration.target.execute("UPDATE migration_status.migration_chunk_status SET chunk_range = jsonb_set(chunk_range, '{part,probe}', '\"other\"')")
    migration.thaw.migrate(config).expect(1).says("hashes otherwise", "--no-resume")
    assert migration.target.count("whole") == 0


def test_a_source_that_gives_no_row_is_not_cut_and_fails_in_the_end(migration):
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
    view = f"CREATE OR REPLACE VIEW {migration.source.relation('v')} AS SELECT id FROM {migration.source.relation('t')}"
    endless = "(SELECT count(*) FROM range(1000000) a(n), range(1000000) b(m) WHERE (n * m) % 7 = 3)"
    migration.source.execute(view)
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config({"source": "v", "target": "t", "chunking": "whole"})
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    migration.source.execute(f"{view} WHERE id < {endless}")
    breaks = "SELECT deadline_breaks, status FROM migration_status.migration_chunk_status"

    migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="2,1").expect(3).says("the source had not answered with a row by then")
    assert migration.target.rows(breaks) == [(1, "pending")]
    migration.target.execute("UPDATE migration_status.migration_chunk_status SET deadline_breaks = 4")
    failed = migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="5,1").expect(1)
    assert failed.records("the deadline has broken it off 5 times", "had not answered with a row", "longer time-out"), failed
    assert migration.target.rows(breaks) == [(4, "failed")]
    migration.target.wait_until_alone()

    migration.source.execute(view)
    migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="30,1").expect(0)
    assert migration.assert_same(table, "t") == 10
    migration.target.assert_completed()


@snowflake_only
def test_a_warehouse_that_gives_no_row_fails_the_chunk_in_the_end(migration, double):
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 5}, parallel_threads=1)
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    migration.target.execute("UPDATE migration_status.migration_chunk_status SET deadline_breaks = 4")
    double.control({"query_delay": 60, "delayed": "< '5'::NUMBER"})  # the first chunk's bound
    failed = migration.thaw.migrate(config, THAW_DEADLINE_SECONDS="5,1").expect(1)
    assert failed.records("chunk 1", "the deadline has broken it off 5 times", "had not answered with a row", "longer time-out"), failed
    double.control({"query_delay": 0, "delayed": ""})
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == 10
    migration.target.assert_completed()


def killed_at_its_end(migration, config: dict):
    """A process is killed with a chunk in hand, and the ledger made to say that its time was over then."""
    killed = migration.thaw.migrate(config, fault="in_data:kill", THAW_DEADLINE_SECONDS="60,1").expect(-9)
    migration.target.wait_until_alone()
    migration.target.execute("UPDATE migration_status.migration_owners SET started_at = started_at - interval '60 s', "
                             "ends_at = ends_at - interval '60 s' WHERE evicted_at IS NULL",
                             "UPDATE migration_status.migration_chunk_status SET started_at = started_at - interval '60 s'")
    return killed


def test_invariant_08_what_processes_are_killed_with_is_cut_and_shown(migration):
    tables = prepare(migration, ["whole"])
    migration.target.execute("DROP TRIGGER act ON whole")
    config = migration.config({"source": "whole", "target": "whole", **CHUNKS["whole"][1]}, parallel_threads=1)
    killed_at_its_end(migration, config)
    killed_at_its_end(migration, config).says("it is tried once more as it is")
    assert migration.target.value("SELECT total_chunks FROM migration_status.migration_table_status") == 1
    # The third has cut the chunk, and is killed with the first part in its hand; so is the fourth, and that part is to be cut, too.
    killed_at_its_end(migration, config).says("cut into 9 parts by a hash of the rows, this chunk and 2 to 9")
    killed_at_its_end(migration, config)
    [run] = json.loads(migration.thaw.run("status", "--json").expect(0).stdout)["databases"][0]["runs"]
    [table] = run["tables"]
    [split] = table["splits"]
    assert (split["chunk_id"], split["completed"], split["reason"]) == (1, 0, "processes were killed, or froze, at their deadline while they had it in hand")
    assert [part["chunk_id"] for part in split["parts"]] == [*range(1, 10)]
    assert sorted((part["modulus"], part["remainder"], part["status"]) for part in split["parts"]) == [
        (9, remainder, "in_progress" if remainder == 0 else "pending") for remainder in range(9)]
    assert "chunk 1 was cut into 9 parts, 0 completed: processes were killed" in migration.thaw.run("status").expect(0).stdout

    ended = migration.thaw.migrate(config).expect(0)

    ended.says("cut into 9 parts by a hash of the rows, this chunk and 10 to 17", "completed: 900 rows in 17 chunks, 17 of them parts of 1 ")
    assert migration.assert_same(tables["whole"], "whole") == ROWS
    migration.target.assert_completed()
    moduli = [modulus for modulus, _, _ in parts(migration, "whole")]
    assert sorted(moduli) == [9] * 8 + [81] * 9
    assert "17 parts, 17 completed" in migration.thaw.run("status", "--run-id", ended.run_id).expect(0).stdout


def test_what_nothing_cuts_small_enough_fails_in_the_end(migration):
    prepare(migration, ["whole"])
    migration.target.execute("DROP TRIGGER act ON whole")
    config = migration.config({"source": "whole", "target": "whole", **CHUNKS["whole"][1]}, parallel_threads=1)
    killed_at_its_end(migration, config)
    migration.target.execute("UPDATE migration_status.migration_chunk_status SET deadline_breaks = 4")
    migration.thaw.migrate(config).expect(1).says("5 processes were killed, or froze, at their deadline while they had it in hand", "longer time-out")
    migration.thaw.migrate(config).expect(0)
    assert migration.target.count("whole") == ROWS


def test_one_row_can_t_be_cut(migration):
    table = migration.source.table("whole", COLUMNS, "SELECT 1, 1, 'n', 1")
    migration.target.execute("CREATE TABLE whole (id bigint, k bigint, note text, x float8)")
    config = migration.config({"source": "whole", "target": "whole", **CHUNKS["whole"][1]}, parallel_threads=1)
    killed_at_its_end(migration, config)
    killed_at_its_end(migration, config)
    migration.thaw.migrate(config).expect(0).says("it can't be cut: it is one row")
    assert migration.assert_same(table, "whole") == 1
