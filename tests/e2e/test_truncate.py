"""truncate_onstart: once in the life of a run, never with CASCADE, never under a live run."""

import signal

import pytest

from marks import both_sources

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100, "truncate_onstart": True}


def prepare(migration):
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)", "INSERT INTO t SELECT -i FROM generate_series(1, 50) AS i")
    return table


@both_sources
def test_what_was_there_is_replaced(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    for _ in range(2):
        migration.thaw.migrate(config).expect(0)
        assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()


def test_without_it_what_was_there_stays(migration):
    prepare(migration)
    migration.thaw.migrate(migration.config({**TABLE, "truncate_onstart": False})).expect(0)
    assert migration.target.rows("SELECT count(*), count(*) FILTER (WHERE id < 0) FROM t") == [(1050, 50)]


def test_rows_loaded_before_a_kill_stay(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    migration.thaw.migrate(config, "--workers", "1", fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()
    before = dict(migration.target.rows("SELECT id, xmin::text FROM t"))
    assert len(before) == 300
    migration.thaw.migrate(config).expect(0)
    after = dict(migration.target.rows("SELECT id, xmin::text FROM t"))
    assert all(after[key] == transaction for key, transaction in before.items()), "the resumed run truncated again"
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()


@pytest.mark.parametrize("fault", ["before_truncate", "before_plan_commit", "after_plan_commit"])
def test_a_kill_around_the_truncation_loses_nothing_in_between(migration, fault):
    """Truncation and plan are one transaction: the old rows are there as long as no plan is."""
    table = prepare(migration)
    config = migration.config(TABLE)
    migration.thaw.migrate(config, fault=f"{fault}:kill").expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.count("t") == (0 if fault == "after_plan_commit" else 50)
    assert (migration.target.count("migration_status.migration_chunk_status") > 0) == (fault == "after_plan_commit")
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == 1000


def test_invariant_09_neighbours_with_a_foreign_key_stay(migration):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY)", "CREATE TABLE neighbour (t_id bigint REFERENCES t)",
                             "INSERT INTO t SELECT i FROM generate_series(1, 50) AS i", "INSERT INTO neighbour VALUES (7)")
    finished = migration.thaw.migrate(migration.config(TABLE)).expect(1)
    finished.says("foreign key")
    assert (migration.target.count("t"), migration.target.count("neighbour")) == (50, 1)
    assert migration.target.run_status() == "failed"


@pytest.mark.parametrize("fault", ["after_commit:stop:3", "after_data:stop:3"], ids=["between_chunks", "in_a_chunk"])
def test_a_target_that_a_live_run_owns_is_refused(migration, fault):
    """At once, whatever the owner is doing."""
    table = prepare(migration)
    first = migration.thaw.start_migrate(migration.config(feeds=[migration.source.feed(migration.target.name, TABLE, name="one")]),
                                         fault=fault)
    first.wait_until_stopped()

    feeds = [migration.source.feed(migration.target.name, TABLE, name="two")]
    second = migration.thaw.migrate(migration.config(feeds=feeds), timeout=40).expect(1)

    second.says(f"pid {first.process.pid}")
    first.signal(signal.SIGCONT)
    first.wait().expect(0)
    assert migration.assert_same(table, "t") == 1000


def test_no_resume_over_a_live_run_takes_nothing_away(migration):
    """Neither the rows that the live run has loaded nor the indexes that it has dropped become the newer one's."""
    table = prepare(migration)
    migration.target.execute("ALTER TABLE t ADD PRIMARY KEY (id)")
    config = migration.config(TABLE | {"disable_index": True}, parallel_threads=1)
    first = migration.thaw.start_migrate(config, fault="after_commit:stop:3")
    first.wait_until_stopped()

    migration.thaw.migrate(config, "--no-resume", timeout=40).expect(1).says(f"pid {first.process.pid}")

    assert migration.target.count("t") == 300
    first.signal(signal.SIGCONT)
    first.wait().expect(0)
    assert migration.assert_same(table, "t") == 1000
    assert migration.target.value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid") == 1
    assert migration.target.value("SELECT indexes_restored FROM migration_status.migration_table_status WHERE status = 'completed'")


@both_sources
@pytest.mark.parametrize("truncate", [True, False], ids=["truncate", "append"])
def test_several_feeders_into_one_target(migration, truncate):
    """It is emptied once, before any of them, and its count is checked when the last one is done."""
    for i in range(3):
        migration.source.table(f"part_{i}", {"id": "int"}, f"SELECT i * 3 + {i} FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE whole (id bigint)", "INSERT INTO whole VALUES (-1)")
    config = migration.config(*[{**TABLE, "source": f"part_{i}", "target": "whole", "truncate_onstart": truncate} for i in range(3)])
    migration.thaw.migrate(config).expect(0)
    assert migration.target.rows("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM whole WHERE id >= 0") == [
        (3000, 3000, 0, 2999)]
    assert migration.target.count("whole WHERE id < 0") == (0 if truncate else 1)
    migration.target.assert_completed()


def test_several_feeders_after_a_kill(migration):
    for i in range(3):
        migration.source.table(f"part_{i}", {"id": "int"}, f"SELECT i * 3 + {i} FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE whole (id bigint)", "INSERT INTO whole VALUES (-1)")
    config = migration.config(*[{**TABLE, "source": f"part_{i}", "target": "whole"} for i in range(3)])
    migration.thaw.migrate(config, fault="after_commit:kill:12").expect(-9)
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0)
    assert migration.target.rows("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM whole") == [(3000, 3000, 0, 2999)]
    migration.target.assert_completed()


@both_sources
def test_one_source_into_several_targets(migration):
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE first (id bigint)", "CREATE TABLE second (id int)")
    migration.thaw.migrate(migration.config(*[{**TABLE, "target": name} for name in ("first", "second")])).expect(0)
    assert migration.assert_same(table, "first") == migration.assert_same(table, "second") == 1000
    chunks = migration.target.rows("SELECT chunk_id FROM migration_status.migration_chunk_status ORDER BY 1")
    assert [row[0] for row in chunks] == sorted({row[0] for row in chunks}), "chunk_id numbers on across the targets"
    migration.target.assert_completed()


# Foreign keys: of other tables that reference the target, and its own

def test_invariant_09_disable_index_truncates_no_neighbour_either(migration):
    """A foreign key of another table stops the truncation; nothing is dropped for a load that doesn't come."""
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, more int)", "CREATE INDEX plain ON t (more)",
                             "CREATE TABLE neighbour (t_id bigint REFERENCES t)", "INSERT INTO t VALUES (7)", "INSERT INTO neighbour VALUES (7)")
    migration.thaw.migrate(migration.config(TABLE | {"disable_index": True})).expect(1).says("can't be truncated", "neighbour_t_id_fkey")
    assert migration.target.value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == 2
    assert (migration.target.count("t"), migration.target.count("neighbour")) == (1, 1)


def children(migration, *statements: str) -> dict:
    """Parents, and children that are loaded before them."""
    migration.source.table("PARENTS", {"id": "int"}, "SELECT i FROM range(100) AS r(i)")
    migration.source.table("CHILDREN", {"id": "int", "parent": "int"}, "SELECT i, i % 100 FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE parents (id bigint PRIMARY KEY)",
                             "CREATE TABLE children (id bigint, parent bigint CONSTRAINT to_parents REFERENCES parents)", *statements)
    return {"source": "CHILDREN", "target": "children"}


def test_a_foreign_key_of_the_target_and_the_order_that_works(migration):
    """The error names what comes first; the same command again goes on when it is there."""
    first = children(migration)
    config = migration.config(first, {"source": "PARENTS", "target": "parents"}, parallel_threads=1)
    failed = migration.thaw.migrate(config).expect(1)
    failed.says("23503", 'its foreign keys want the rows of "public"."parents" (to_parents) first', "--table PARENTS")
    assert (migration.target.count("parents"), migration.target.count("children")) == (100, 0)
    migration.thaw.migrate(config).expect(0)
    assert migration.target.rows("SELECT count(*), count(DISTINCT id), count(DISTINCT parent) FROM children") == [(1000, 1000, 100)]
    migration.target.assert_completed()


def test_a_foreign_key_to_a_table_that_the_run_does_not_load(migration):
    first = children(migration, "INSERT INTO parents SELECT i FROM generate_series(0, 98) AS i")
    migration.thaw.migrate(migration.config(first)).expect(1).says("23503", "Key (parent)=(99)", "load those tables before this one")
    migration.target.execute("INSERT INTO parents VALUES (99)")
    migration.thaw.migrate(migration.config(first)).expect(0)
    assert migration.target.count("children") == 1000


def test_a_table_that_references_itself(migration):
    """More than one COPY command takes: what can be deferred is, and what can't be is told."""
    migration.source.table("t", {"id": "int", "parent": "int", "wide": "text"}, "SELECT i, 69999 - i, repeat('x', 1000) FROM range(70000) AS r(i)")
    migration.target.execute('CREATE TABLE t (id bigint PRIMARY KEY, parent bigint CONSTRAINT "to itself"  REFERENCES t, wide text)')
    table = {"source": "t", "target": "t", "chunking": "whole"}
    migration.thaw.migrate(migration.config(table)).expect(1).says("23503", "references itself", "make it DEFERRABLE")
    assert migration.target.count("t") == 0
    migration.target.execute('ALTER TABLE t ALTER CONSTRAINT "to itself" DEFERRABLE')
    migration.thaw.migrate(migration.config(table)).expect(0)
    assert migration.target.count("t") == 70000
    migration.source.execute(f"UPDATE {migration.source.relation('t')} SET \"parent\" = -1 WHERE \"id\" = 5")
    migration.target.execute("TRUNCATE t")
    migration.thaw.migrate(migration.config(table), "--no-resume").expect(1).says("23503", "(parent)=(-1)", "only at COMMIT")
    assert migration.target.count("t") == 0


def test_a_key_that_shares_its_name_with_one_that_cannot_be_deferred(migration):
    """SET CONSTRAINTS means both."""
    migration.source.table("t", {"id": "int", "parent": "int"}, "SELECT i, 9 - i FROM range(10) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, parent bigint CONSTRAINT same REFERENCES t DEFERRABLE)",
                             "CREATE TABLE other (id bigint CONSTRAINT same REFERENCES t)")
    migration.thaw.migrate(migration.config({"source": "t", "target": "t", "chunking": "whole"})).expect(0)
    assert migration.target.count("t") == 10
