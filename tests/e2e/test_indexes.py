"""disable_index: what is dropped for a load comes back to the last byte, whatever happens in between."""

import collections
import os
import random
import re
import time

import pytest

from marks import both_sources, both_versions

ROWS = 3000
COLUMNS = {"id": "int", "name": "text", "amount": "decimal(12,2)", "at": "timestamp"}
SELECT = """SELECT i, 'n' || (i % 50), (i % 700) / 10.0, TIMESTAMP '2020-01-01' + i * INTERVAL 1 MINUTE
            FROM range({rows}) AS r(i)"""
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 300, "truncate_onstart": True,
         "disable_index": True}

UPSERT = {**TABLE, "truncate_onstart": False, "uniqueness_columns": ["id"]}

CREATE = ("CREATE TABLE t (id bigint NOT NULL, name text, amount numeric(12,2) CHECK (amount >= 0), at timestamp,"
          " words text[] DEFAULT '{}', span int4range DEFAULT 'empty')")
KEY = ("ALTER TABLE t ADD CONSTRAINT \"the key\" PRIMARY KEY (id) WITH (fillfactor = 70)",
       "COMMENT ON CONSTRAINT \"the key\" ON t IS 'it''s the key'", "COMMENT ON INDEX \"the key\" IS 'and its index'")
# Everything that an index can be.
SORTS = {
    "plain": "CREATE INDEX plain ON t (name)",
    "partial": "CREATE INDEX partial ON t (amount) WHERE amount > 10 AND name <> 'x''y'",
    "expression": "CREATE INDEX expression ON t (lower(name), (amount * 2)); ALTER INDEX expression ALTER COLUMN 2 SET STATISTICS 77",
    "include": "CREATE UNIQUE INDEX include ON t (id) INCLUDE (name, at)",
    "order": "CREATE INDEX \"order\" ON t (amount DESC NULLS FIRST, at ASC NULLS LAST)",
    "operator class": "CREATE INDEX \"operator class\" ON t (name text_pattern_ops)",
    "collation": "CREATE INDEX collation_c ON t (name COLLATE \"C\" DESC)",
    "gin": "CREATE INDEX gin ON t USING gin (words) WITH (fastupdate = off)",
    "gist": "CREATE INDEX gist ON t USING gist (span)",
    "brin": "CREATE INDEX brin ON t USING brin (at) WITH (pages_per_range = 8, autosummarize = on)",
    "hash": "CREATE INDEX hash ON t USING hash (name)",
    "own function": "CREATE FUNCTION twice(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN $1 * 2; CREATE INDEX own ON t (twice(id))",
    "names": "CREATE INDEX \"with space, \"\"quotes\"\" and ü\" ON t (at); COMMENT ON INDEX \"with space, \"\"quotes\"\" and ü\" IS 'as \"said\"'",
    "clustered": "CREATE INDEX clustered ON t (at, id); ALTER TABLE t CLUSTER ON clustered",
    "unique": "ALTER TABLE t ADD CONSTRAINT single UNIQUE (at, name)",
    "deferrable": "ALTER TABLE t ADD CONSTRAINT later UNIQUE (id, at) DEFERRABLE",
    "deferred": "ALTER TABLE t ADD CONSTRAINT \"at the end\" UNIQUE (id, name) DEFERRABLE INITIALLY DEFERRED",
    "constraint with columns": "ALTER TABLE t ADD CONSTRAINT covering UNIQUE (id) INCLUDE (amount)",
    "nulls": "CREATE UNIQUE INDEX nulls ON t (id, amount) NULLS NOT DISTINCT",
}
DEFINITIONS = """
    SELECT x.relname, pg_get_indexdef(x.oid), i.indisvalid, i.indisprimary, i.indisunique, i.indisclustered, i.indimmediate,
           i.indisreplident, x.reloptions, pg_get_userbyid(x.relowner), s.spcname, obj_description(x.oid, 'pg_class'),
           k.conname, pg_get_constraintdef(k.oid), k.condeferrable, k.condeferred, obj_description(k.oid, 'pg_constraint'),
           (SELECT array_agg(nullif(a.attstattarget, -1) ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = x.oid)
      FROM pg_index AS i
      JOIN pg_class AS x ON x.oid = i.indexrelid
      LEFT JOIN pg_tablespace AS s ON s.oid = x.reltablespace
      LEFT JOIN pg_constraint AS k ON k.conindid = x.oid AND k.conrelid = i.indrelid
     WHERE i.indrelid = %s::regclass
     ORDER BY x.relname"""
CONSTRAINTS = """SELECT conname, contype, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint')
                   FROM pg_constraint WHERE conrelid = %s::regclass ORDER BY contype, conname"""


def looks(target, table: str = "t") -> tuple:
    """All that there is to know of a table's indexes and constraints."""
    return target.rows(DEFINITIONS, table), target.rows(CONSTRAINTS, table)


def saved(target) -> dict:
    """Names in the ledger: is it back?"""
    return dict(target.rows("SELECT name, restored_at IS NOT NULL FROM migration_status.migration_indexes"))


def flags(target) -> list:
    return target.rows("SELECT indexes_disabled, indexes_restored FROM migration_status.migration_table_status ORDER BY table_id")


def prepare(migration, *indexes: str, rows: int = ROWS):
    table = migration.source.table("t", COLUMNS, SELECT.format(rows=rows))
    migration.target.execute(CREATE, *indexes)
    return table


def assert_loaded(migration, table, before: tuple) -> None:
    assert migration.assert_same(table, "t", "SELECT id, name, amount, at FROM t") == ROWS
    assert looks(migration.target) == before
    assert all(saved(migration.target).values())
    migration.target.assert_completed()


@both_versions
@both_sources
def test_invariant_09_every_sort_of_index_comes_back(migration):
    table = prepare(migration, *KEY, *SORTS.values())
    before = looks(migration.target)
    finished = migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert_loaded(migration, table, before)
    assert set(saved(migration.target)) == {row[0] for row in before[0]}, "not everything was dropped"
    assert flags(migration.target) == [(True, True)]
    finished.says("dropped until", "the key", "is back")
    migration.target.execute("SET enable_seqscan = off")
    assert migration.target.value("SELECT count(*) FROM t WHERE name = 'n7'") == ROWS // 50


def test_while_it_is_loaded_they_are_away(migration):
    """Dropped when the plan is stored, with the definitions in the ledger as PostgreSQL gave them."""
    table = prepare(migration, *KEY, *SORTS.values())
    before = looks(migration.target)
    migration.thaw.migrate(migration.config(TABLE), fault="after_plan_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.rows(DEFINITIONS, "t") == []
    kept = dict(migration.target.rows("SELECT name, replace(index_definition, 'public.', '') FROM migration_status.migration_indexes"))
    assert kept == {row[0]: row[1].replace("public.", "") for row in before[0]}
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert_loaded(migration, table, before)


def test_tablespace_owner_and_replica_identity(migration):
    """An index comes back into its tablespace, whatever the role's own is; one that replication needs is never away."""
    target = migration.target
    space, owner = f"space_{target.name}", f"owner_{target.name}"
    target.execute("SET allow_in_place_tablespaces = on", f"CREATE TABLESPACE {space} LOCATION ''", f"CREATE ROLE {owner}")
    table = prepare(migration, f"ALTER TABLE t OWNER TO {owner}", f"CREATE INDEX far ON t (name) TABLESPACE {space}",
                    "CREATE INDEX near ON t (amount)", "CREATE UNIQUE INDEX identity ON t (id)",
                    "ALTER TABLE t REPLICA IDENTITY USING INDEX identity",
                    f"ALTER DATABASE {target.name} SET default_tablespace = {space}")
    before = looks(target)
    finished = migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert_loaded(migration, table, before)
    assert set(saved(target)) == {"far", "near"}
    finished.says('"identity" stays while the table is loaded: it is the table\'s replica identity')
    target.execute("DROP TABLE t", f"DROP ROLE {owner}", f"ALTER DATABASE {target.name} RESET default_tablespace")


STAYS = {
    "foreign key of another table": ("CREATE TABLE other (t_id bigint, CONSTRAINT to_t FOREIGN KEY (t_id) REFERENCES t)", "to_t"),
    "its own foreign key": ("ALTER TABLE t ADD COLUMN parent bigint REFERENCES t", "t_parent_fkey"),
    "view grouped by the key": ("CREATE VIEW grouped AS SELECT id, name FROM t GROUP BY id", "grouped"),
    "published": ("CREATE PUBLICATION published FOR TABLE t", "replica identity"),
}


@pytest.mark.parametrize("case", STAYS)
def test_what_something_depends_on_stays(migration, case):
    statement, word = STAYS[case]
    table = prepare(migration, *KEY, "CREATE INDEX plain ON t (name)", statement)
    before = looks(migration.target)
    config = migration.config({**TABLE, "truncate_onstart": "foreign key of another" not in case})
    finished = migration.thaw.migrate(config).expect(0)
    assert_loaded(migration, table, before)
    assert set(saved(migration.target)) == {"plain"}
    lines = finished.records('"the key" stays while the table is loaded', word)
    assert len(lines) == 1, finished


def test_exclusion_constraints_and_invalid_indexes_stay(migration):
    table = prepare(migration, "ALTER TABLE t ADD CONSTRAINT apart EXCLUDE USING gist (span WITH &&)", "CREATE INDEX broken ON t (name)",
                    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass", "CREATE INDEX plain ON t (name)")
    before = looks(migration.target)
    migration.thaw.migrate(migration.config({**TABLE, "truncate_onstart": False})).expect(0)
    assert_loaded(migration, table, before)
    assert set(saved(migration.target)) == {"plain"}


@both_versions
def test_a_partitioned_target_keeps_its_indexes(migration):
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY) PARTITION BY RANGE (id)",
                             "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (1000)", "CREATE TABLE t_2 PARTITION OF t DEFAULT",
                             "CREATE INDEX on_the_parent ON t (id)", "CREATE INDEX on_its_own ON t_1 (id)")
    before = [looks(migration.target, name) for name in ("t", "t_1", "t_2")]
    finished = migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert [looks(migration.target, name) for name in ("t", "t_1", "t_2")] == before
    assert migration.assert_same(table, "t") == ROWS
    assert saved(migration.target) == {} and flags(migration.target) == [(False, False)]
    finished.says("stays while the table is loaded")


def test_a_partition_as_target(migration):
    """What it has of its parent stays; what is its own goes and comes back."""
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE whole (id bigint PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE t PARTITION OF whole DEFAULT",
                             "CREATE INDEX on_its_own ON t (id DESC)")
    before = looks(migration.target)
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert looks(migration.target) == before
    assert migration.assert_same(table, "t") == ROWS
    assert saved(migration.target) == {"on_its_own": True}


@both_sources
def test_a_dry_run_says_what_would_go(migration):
    prepare(migration, *KEY, "CREATE INDEX plain ON t (name)", "CREATE INDEX broken ON t (name)",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass")
    before = looks(migration.target)
    said = migration.thaw.migrate(migration.config(TABLE), "--dry-run").expect(0).stdout
    for line in ('would be DROPPED for the load and made again: constraint "the key"',
                 'would be DROPPED for the load and made again: index "plain"', 'would stay: index "broken", since it is not valid'):
        assert line in said, said
    assert looks(migration.target) == before and not migration.target.has_ledger()


def test_few_rows_into_a_large_table(migration):
    """Making the indexes of a million rows again for a hundred new ones would be the dearer way."""
    prepare(migration, "CREATE INDEX plain ON t (name)", "INSERT INTO t (id) SELECT -i FROM generate_series(1, 100000) AS i", rows=100)
    before = looks(migration.target)
    finished = migration.thaw.migrate(migration.config({**TABLE, "truncate_onstart": False})).expect(0)
    finished.says("its indexes stay: 100 rows beside the 100000")
    assert looks(migration.target) == before and saved(migration.target) == {}


def test_the_target_is_analyzed(migration):
    prepare(migration, *KEY)
    migration.target.execute("ALTER TABLE t SET (autovacuum_enabled = off)")
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert migration.target.value("SELECT reltuples FROM pg_class WHERE oid = 't'::regclass") == ROWS
    assert migration.target.count("pg_stats WHERE tablename = 't'") > 0


def test_an_analyze_that_fails_is_a_warning(migration):
    table = prepare(migration)
    with migration.target.connect() as blocker:
        running = migration.thaw.start_migrate(migration.config(TABLE), fault="before_finish:sleep=1500")
        while not migration.target.has_ledger() or migration.target.chunks().keys() != {"completed"}:
            assert running.process.poll() is None, running.wait()
            time.sleep(0.02)
        blocker.execute("LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE")
        running.wait().expect(0).says("could not be analyzed", "55P03")
    assert migration.assert_same(table, "t", "SELECT id, name, amount, at FROM t") == ROWS
    migration.target.assert_completed()


# Where it fails

DUPLICATE = "SELECT 5, 'again', 1, TIMESTAMP '2021-01-01'"


def test_an_index_that_cannot_be_made(migration):
    """The table fails with the statement and the server's words; everything else is back; the row corrected, the same command
    ends the run without loading anything again."""
    table = prepare(migration, *KEY, "CREATE INDEX plain ON t (name)", SORTS["unique"])
    migration.source.insert(table, DUPLICATE)
    before = looks(migration.target)
    failed = migration.thaw.migrate(migration.config(TABLE)).expect(1)
    failed.says("CREATE UNIQUE INDEX", "Key (id)=(5) is duplicated", "23505", "thaw clean")
    assert saved(migration.target) == {"the key": False, "plain": True, "single": True}
    assert migration.target.rows("SELECT error_code FROM migration_status.migration_indexes WHERE restored_at IS NULL") == [("23505",)]
    assert migration.target.value("SELECT status || error_message FROM migration_status.migration_table_status").startswith("failed")
    assert migration.target.count("t") == ROWS + 1

    migration.target.execute("UPDATE t SET id = -5 WHERE name = 'again'")
    loaded = migration.target.value("SELECT sum(xmin::text::bigint) FROM t WHERE id >= 0")
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    assert looks(migration.target) == before
    assert migration.target.value("SELECT sum(xmin::text::bigint) FROM t WHERE id >= 0") == loaded
    migration.target.assert_completed()


def test_by_hand_with_what_the_ledger_says(migration):
    """The statements in the ledger make the same again; the next command finds them there."""
    prepare(migration, *KEY, *SORTS.values())
    before = looks(migration.target)
    config = migration.config(TABLE)
    migration.thaw.migrate(config, fault="before_build:kill").expect(-9)
    migration.target.wait_until_alone()
    with migration.target.connect() as connection, connection.transaction():
        for build, attach in migration.target.rows(
                "SELECT build_statements, attach_statements FROM migration_status.migration_indexes"):
            connection.execute(build + attach)
    assert looks(migration.target) == before
    migration.thaw.migrate(config).expect(0)
    assert looks(migration.target) == before
    assert all(saved(migration.target).values())
    migration.target.assert_completed()


def test_another_index_of_that_name(migration):
    prepare(migration, "CREATE INDEX plain ON t (name)")
    config = migration.config(TABLE)
    migration.thaw.migrate(config, fault="before_build:kill").expect(-9)
    migration.target.wait_until_alone()
    migration.target.execute("CREATE INDEX plain ON t (amount)")
    migration.thaw.migrate(config).expect(1).says('relation "plain" already exists', "CREATE INDEX plain ON public.t USING btree (name)")
    migration.target.execute("DROP INDEX plain")
    migration.thaw.migrate(config).expect(0)
    assert all(saved(migration.target).values())


def test_a_role_that_could_not_make_them_again(migration):
    """Nothing is touched."""
    prepare(migration, *KEY, "INSERT INTO t (id) VALUES (1)", "CREATE ROLE loader_17 LOGIN", "ALTER TABLE t OWNER TO loader_17",
            f"GRANT CREATE ON DATABASE {migration.target.name} TO loader_17")
    before = looks(migration.target)
    config = migration.config(TABLE)
    config["postgres"]["user"] = "loader_17"
    try:
        migration.thaw.migrate(config).expect(1).says("lacks CREATE on schema public", "GRANT CREATE ON SCHEMA public TO loader_17")
        assert looks(migration.target) == before and migration.target.count("t") == 1
        migration.target.execute("GRANT CREATE ON SCHEMA public TO loader_17")
        migration.thaw.migrate(config).expect(0)
        assert looks(migration.target) == before and migration.target.count("t") == ROWS
    finally:
        migration.target.execute("DROP OWNED BY loader_17 CASCADE", "DROP ROLE loader_17")


# Several sources, several processes, later runs

@both_sources
def test_several_feeders_get_them_back_together(migration):
    """Once dropped, back when the last of them is loaded, and none completed before."""
    for i in range(3):
        migration.source.table(f"part_{i}", {"id": "int"}, f"SELECT i * 3 + {i} FROM range({1000 * (i + 1)}) AS r(i)")
    migration.target.execute("CREATE TABLE whole (id bigint PRIMARY KEY)")
    before = looks(migration.target, "whole")
    parts = [{**TABLE, "source": f"part_{i}", "target": "whole", "disable_index": i == 1} for i in range(3)]
    config = migration.config(*parts)
    migration.thaw.migrate(config, fault="before_build:kill").expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.rows("SELECT DISTINCT status FROM migration_status.migration_table_status") == [("in_progress",)]
    assert migration.target.chunks().keys() == {"completed"}
    migration.thaw.migrate(config).expect(0)
    assert looks(migration.target, "whole") == before
    assert flags(migration.target) == [(True, True)] * 3
    assert migration.target.rows("SELECT count(*), count(DISTINCT id) FROM whole") == [(6000, 6000)]
    migration.target.assert_completed()


def test_a_feeder_that_fails_leaves_them_for_the_next_command(migration):
    migration.source.table("good", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.source.table("bad", {"id": "int"}, "SELECT -1")
    migration.target.execute("CREATE TABLE whole (id bigint, CHECK (id >= 0))", "CREATE INDEX plain ON whole (id)")
    before = looks(migration.target, "whole")
    config = migration.config(*[{**TABLE, "source": name, "target": "whole"} for name in ("good", "bad")])
    migration.thaw.migrate(config).expect(1)
    assert saved(migration.target) == {"plain": False}
    migration.target.execute("ALTER TABLE whole DROP CONSTRAINT whole_id_check")
    migration.thaw.migrate(config).expect(0)
    assert looks(migration.target, "whole")[0] == before[0]
    migration.target.assert_completed()


def test_a_later_run_brings_back_what_an_earlier_one_dropped(migration):
    """Also where it doesn't drop anything itself."""
    table = prepare(migration, *KEY, *SORTS.values())
    before = looks(migration.target)
    migration.thaw.migrate(migration.config(TABLE), fault="after_build:kill:4").expect(-9)
    migration.target.wait_until_alone()
    assert looks(migration.target) != before
    migration.thaw.migrate(migration.config({**TABLE, "disable_index": False}), "--no-resume").expect(0)
    assert migration.assert_same(table, "t", "SELECT id, name, amount, at FROM t") == ROWS
    assert looks(migration.target) == before
    assert all(saved(migration.target).values())


@pytest.mark.parametrize("leftover", [False, True], ids=["its own", "left dropped"])
def test_where_rows_are_set_aside_the_keys_stay(migration, leftover):
    """A duplicate costs one row; a key that an earlier load left dropped is back before the first row."""
    table = prepare(migration, *KEY, SORTS["include"], "CREATE INDEX plain ON t (name)")
    before = looks(migration.target)
    if leftover:
        migration.thaw.migrate(migration.config(TABLE), fault="after_plan_commit:kill").expect(-9)
        migration.target.wait_until_alone()
        assert migration.target.rows(DEFINITIONS, "t") == []
        migration.target.execute("DELETE FROM migration_status.migration_runs")
    migration.source.insert(table, DUPLICATE)
    finished = migration.thaw.migrate(migration.config({**TABLE, "truncate_onstart": False}, on_bad_row="reject")).expect(0)
    assert migration.target.rows("SELECT count(*), count(DISTINCT id) FROM t") == [(ROWS, ROWS)]
    assert migration.target.count("migration_status.rejected_rows") == 1
    assert looks(migration.target) == before and all(saved(migration.target).values())
    assert len(finished.records("stays while the table is loaded: every row is held against it")) == 2, finished


@pytest.mark.parametrize("mode", ["upsert", "insert-only", "insert-only after truncation"])
def test_merging_keeps_the_keys(migration, mode):
    """What merging asks stays, or is back before the first row where an earlier copy had dropped it; the others go."""
    table = prepare(migration, *KEY, SORTS["unique"], "CREATE INDEX plain ON t (name)")
    before = looks(migration.target)
    migration.thaw.migrate(migration.config(TABLE), fault="before_build:kill").expect(-9)
    migration.target.wait_until_alone()
    assert not any(saved(migration.target).values())
    merging = {**UPSERT, "insert_only_mode": mode != "upsert", "truncate_onstart": "truncation" in mode}
    finished = migration.thaw.migrate(migration.config(merging), "--no-resume").expect(0)
    assert migration.assert_same(table, "t", "SELECT id, name, amount, at FROM t") == ROWS
    assert looks(migration.target) == before and all(saved(migration.target).values())
    lines = finished.stderr.splitlines()
    keys = [i for i, line in enumerate(lines) if re.search('constraint "(the key|single)" is back', line)]
    planned = [i for i, line in enumerate(lines) if "planned:" in line]
    plain = [i for i, line in enumerate(lines) if 'index "plain" is back' in line]
    assert len(keys) == 2 and max(keys) < planned[0] < plain[0], finished


def test_two_processes_build_each_index_once(migration):
    table = prepare(migration, *KEY, *SORTS.values())
    before = looks(migration.target)
    config = migration.config(TABLE)
    migration.thaw.write(config)
    processes = [migration.thaw.start("migrate", "--join", environment={"THAW_FAULT": "before_build:sleep=700"}) for _ in range(3)]
    ended = [process.wait().expect(0) for process in processes]
    assert_loaded(migration, table, before)
    back = collections.Counter(re.search(r'the (?:index|constraint) (".*") is back', line)[1]
                               for process in ended for line in process.records(" is back, after"))
    assert set(back.values()) == {1} and len(back) == len(before[0]), back


# Killed anywhere

KILLS = 25
POINTS = ("before_plan_commit", "after_drop", "after_plan_commit", "before_claim", "after_data", "after_commit", "before_finish", "before_build",
          "before_build_commit", "after_build", "before_attach_commit", "after_attach", "before_finish_commit", "after_finish")


def randomness(tell) -> random.Random:
    seed = int(os.environ.get("THAW_KILL_SEED") or time.time_ns() % 1_000_000)
    tell(f"test_indexes: kill -9, seed {seed} (THAW_KILL_SEED={seed} repeats it)")
    return random.Random(seed)


@pytest.mark.timeout(300)
def test_invariant_09_kills_at_random_points(migration, tell):
    """A new run after the other, each killed again and again until it is through: at any of the points, at any pass, or at any
    moment. In the end the rows are equal and every definition is what it was."""
    numbers = randomness(tell)
    table = prepare(migration, *KEY, *SORTS.values())
    before = looks(migration.target)
    config = migration.config(TABLE, parallel_threads=3)
    hits: collections.Counter = collections.Counter()
    runs, seconds = 0, 0.5
    points = list(POINTS)
    while hits.total() < KILLS:
        if points and numbers.random() < 0.6:
            point = points.pop(numbers.randrange(len(points)))
            finished = migration.thaw.migrate(config, fault=f"{point}:kill:{numbers.randint(1, 3) if 'build' in point or 'attach' in point else 1}")
        else:
            point = "random moment"
            process = migration.thaw.start_migrate(config)
            time.sleep(numbers.uniform(0, seconds))
            process.kill()
            finished = process.wait()
        if finished.status == -9:
            hits[point] += 1
        else:
            finished.expect(0)
            seconds = finished.seconds
            runs += 1
            assert_loaded(migration, table, before)
        points = points or list(POINTS)
    migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(0)
    tell(f"  {dict(sorted(hits.items()))}, {runs + 1} runs came to their end")
    assert_loaded(migration, table, before)


# Of one migration: where it is killed, by how far it has come, and how often at least before it may come further. Planning and
# finishing are one transaction each, which a kill undoes.
PHASES = {
    "planning": (8, ("after_begin", "before_take_target", "after_drop", "before_plan_commit"), "after_plan_commit"),
    "loading": (16, ("before_claim", "after_claim", "before_data", "before_merge", "after_data", "after_record", "after_commit"), "before_build"),
    "building": (4, ("before_build", "before_build_commit", "after_build"), "after_build"),
    "attaching": (3, ("before_attach_commit",), "after_attach"),
    "finishing": (6, ("before_finish", "before_finish_commit"), "after_finish"),
}
PHASE = """
    SELECT CASE WHEN planned_at IS NULL THEN 'planning' WHEN completed_chunks < total_chunks THEN 'loading'
                WHEN EXISTS (SELECT FROM migration_status.migration_indexes WHERE built_at IS NULL) THEN 'building'
                WHEN EXISTS (SELECT FROM migration_status.migration_indexes WHERE restored_at IS NULL) THEN 'attaching'
                ELSE 'finishing' END
      FROM migration_status.migration_table_status"""


def kill_once(migration, config: dict, point: str, after: float) -> None:
    """At the point, or where there is none, so many seconds after it has begun to work on the run."""
    if point:
        migration.thaw.migrate(config, fault=f"{point}:kill").expect(-9)
        return
    process = migration.thaw.start_migrate(config)
    while " run " not in process.process.stderr.readline():
        assert process.process.poll() is None
    time.sleep(after)
    process.kill()
    process.wait().expect(-9)


@pytest.mark.timeout(300)
def test_invariant_09_one_upsert_that_is_killed_fifty_times(migration, tell):
    """One run: while it is planned, loaded, while its indexes are built, while it is finished. Then it completes."""
    numbers = randomness(tell)
    table = prepare(migration, *KEY, *SORTS.values())
    migration.target.execute("INSERT INTO t SELECT i, 'old', 1, NULL FROM generate_series(0, 90) AS i")
    before = looks(migration.target)
    config = migration.config({**UPSERT, "batch_size": 5}, parallel_threads=2)
    hits: collections.Counter = collections.Counter()
    at_any_moment = 0
    while hits.total() < 50:
        phase = migration.target.value(PHASE) if migration.target.has_ledger() else "planning"
        least, points, onwards = PHASES[phase]
        point = onwards if hits[phase] >= least and phase != "finishing" else numbers.choice(points)
        # At whatever moment, while so much is left that it can't come to its end.
        if phase == "loading" and point != onwards and numbers.random() < 0.5 and migration.target.chunks().get("pending", 0) > 300:
            point = ""
        kill_once(migration, config, point, numbers.uniform(0.02, 0.1))
        migration.target.wait_until_alone()
        hits[phase] += 1
        at_any_moment += not point
    finished = migration.thaw.migrate(config).expect(0)
    tell(f"  one upsert: {dict(hits)}, of these {at_any_moment} at any moment")
    assert at_any_moment > 0 and all(hits[phase] > 0 for phase in PHASES), hits
    assert migration.target.run_status(finished.run_id) == "completed" and migration.target.count("migration_status.migration_runs") == 1
    assert len(saved(migration.target)) > 8, "not much was dropped"
    assert_loaded(migration, table, before)
