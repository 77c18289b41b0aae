"""Plans: what one query says of a table, and that no row falls between its chunks."""

import pytest

from marks import both_sources, snowflake_only


def killed_after_planning(migration, table: dict):
    """A run that has its plan and nothing else."""
    config = migration.config(table)
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.chunks().keys() == {"pending"}
    return config


@both_sources
@pytest.mark.parametrize("key", ["int", "text"])
def test_invariant_01_rows_that_come_after_planning_are_in_some_chunk(migration, key):
    """Below the lowest bound, between the bounds, on them, above the highest one, and without a key."""
    value = {"int": "{}", "text": "printf('k%09d', 1000000 + {})"}[key]
    table = migration.source.table("growing", {"key": key, "n": "int"},
                                   f"SELECT {value.format('i * 10')}, i FROM range(1000) AS r(i) UNION ALL SELECT NULL, -1")
    migration.target.execute(f"CREATE TABLE growing (key {'bigint' if key == 'int' else 'text'}, n bigint)")
    config = killed_after_planning(migration, {"source": "growing", "target": "growing", "chunking_columns": ["key"],
                                               "batch_size": 100, "snapshot": "none"})
    planned = migration.target.value("SELECT sum(expected_rows) FROM migration_status.migration_chunk_status")

    migration.source.insert(table, f"SELECT {value.format('i')}, 100000 + i FROM range(-50, 10050, 1) AS r(i) UNION ALL "
                                   f"SELECT NULL, -2 UNION ALL SELECT {value.format('-999999')}, 1 UNION ALL "
                                   f"SELECT {value.format('99999999')}, 2")
    finished = migration.thaw.migrate(config).expect(0).says("resuming run")

    assert planned == 1001
    assert migration.assert_same(table, "growing") == 1001 + 10_100 + 3
    assert len(finished.records("WARNING", "1001")) == 1, f"the drift from the plan's count is not told; {finished}"
    migration.target.assert_completed()


@both_sources
def test_invariant_01_a_table_that_was_empty_when_planned(migration):
    table = migration.source.table("growing", {"key": "int"}, "SELECT 1 WHERE false")
    migration.target.execute("CREATE TABLE growing (key bigint)")
    config = migration.config({"source": "growing", "target": "growing", "chunking_columns": ["key"], "batch_size": 10}, snapshot="none")
    migration.thaw.migrate(config, fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    migration.source.insert(table, "SELECT i FROM range(100) AS r(i) UNION ALL SELECT NULL")
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "growing") == 101


@snowflake_only
def test_invariant_02_199_days_are_planned_with_one_query(migration, double):
    table = migration.source.table("visits", {"day": "date", "n": "int"},
                                   "SELECT DATE '2024-01-01' + (i % 199)::INT, i FROM range(19900) AS r(i)")
    migration.target.execute("CREATE TABLE visits (day date, n bigint)")
    double.mark()
    migration.thaw.migrate(migration.config({"source": "visits", "target": "visits", "chunking_columns": ["day"],
                                             "batch_size": 100})).expect(0)
    sent = [statement for statement in double.statements() if '"visits"' in statement and "DESCRIBE" not in statement.upper()
            and "SHOW " not in statement.upper()]
    planning = [statement for statement in sent if "COUNT(" in statement.upper()]
    # Besides the planning query and one query a chunk only the look at the result's schema, which asks for no rows.
    others = [statement for statement in sent if statement not in planning and "1 = 0" not in statement]
    assert len(planning) == 1, planning
    assert migration.target.chunks() == {"completed": 200}, "one for each day, and one for rows without a day"
    assert len(others) == 200
    assert migration.assert_same(table, "visits") == 19_900


@both_sources
def test_a_plan_without_a_batch_size_gives_every_worker_several_chunks(migration):
    table = migration.source.table("sized", {"id": "int", "text": "text"},
                                   "SELECT i, repeat('x', 20) FROM range(200000) AS r(i)")
    migration.target.execute("CREATE TABLE sized (id bigint, text text)")
    migration.thaw.migrate(migration.config({"source": "sized", "target": "sized", "chunking_columns": ["id"]})).expect(0)
    assert migration.assert_same(table, "sized") == 200_000
    assert 1 <= migration.target.chunks()["completed"] <= 50


def test_a_chunking_column_that_is_not_there_is_named(migration):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    finished = migration.thaw.migrate(migration.config({"source": "t", "target": "t", "chunking_columns": ["ident"]})).expect(1)
    finished.says("chunking_columns", '"ident"')
    assert migration.target.count("t") == 0


@both_sources
def test_a_key_that_cannot_order_chunks_is_refused(migration):
    migration.source.table("t", {"id": "float"}, "SELECT i FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE t (id float8)")
    migration.thaw.migrate(migration.config({"source": "t", "target": "t", "chunking_columns": ["id"]})).expect(1).says(
        "chunking_columns", '"id"')
