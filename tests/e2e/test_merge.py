"""Rows that are merged by a key: upsert and insert-only."""

from marks import both_sources


@both_sources
def test_an_upsert_inserts_updates_and_then_leaves_everything_alone(migration):
    table = migration.source.table("t", {"id": "int", "name": "text", "at": "timestamp"},
                                   "SELECT i, 'n' || i, TIMESTAMP '2020-01-01' + i * INTERVAL 1 SECOND FROM range(2000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, name text, at timestamp)",
                             "INSERT INTO t SELECT i, 'old', NULL FROM generate_series(1000, 1500) AS i")
    config = migration.config({"source": "t", "target": "t", "uniqueness_columns": ["id"], "batch_size": 300})
    migration.thaw.migrate(config).expect(0).says("1499 inserted, 501 updated, 0 unchanged")
    assert migration.assert_same(table, "t") == 2000
    before = migration.target.rows("SELECT id, xmin::text, ctid::text, xmax::text FROM t ORDER BY id")
    migration.thaw.migrate(config).expect(0).says("0 inserted, 0 updated, 2000 unchanged")
    assert migration.target.rows("SELECT id, xmin::text, ctid::text, xmax::text FROM t ORDER BY id") == before
    migration.target.assert_completed()


@both_sources
def test_a_target_that_is_made_is_merged_into(migration):
    table = migration.source.table("t", {"id": "int", "name": "text"}, "SELECT i, 'n' || i FROM range(1000) AS r(i)")
    config = migration.config({"source": "t", "target": "t", "uniqueness_columns": ["id"], "batch_size": 300, "create_target": True})
    migration.thaw.migrate(config).expect(0).says("1000 inserted")
    migration.thaw.migrate(config).expect(0).says("1000 unchanged")
    assert migration.assert_same(table, "t") == 1000
