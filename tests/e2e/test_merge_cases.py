"""Merging where it is delicate: duplicates, NULL keys, keys of odd types, targets that do something of their own, other
writers, and a million rows."""

import dataclasses
import threading

import pytest

from marks import both_sources, both_versions

MINUTES = "TIMESTAMP '2026-01-01' + {} * INTERVAL 1 MINUTE"
COUNTS = """
    SELECT sum(rows_inserted)::int, sum(rows_updated)::int, sum(rows_unchanged)::int, sum(rows_older)::int, sum(rows_duplicate)::int
      FROM migration_status.migration_chunk_status WHERE run_id = (SELECT run_id FROM migration_status.migration_runs
                                                                    ORDER BY run_number DESC LIMIT 1)"""
TABLE = {"source": "t", "target": "t", "uniqueness_columns": ["id"]}


def written(migration) -> tuple:
    return migration.target.rows(COUNTS)[0]


def assert_written(migration, expected: tuple) -> None:
    """None: whatever it is."""
    found = written(migration)
    assert [number if number is None else found[i] for i, number in enumerate(expected)] == list(expected), found


@dataclasses.dataclass(frozen=True)
class Case:
    """Source rows, what is in the target, and what must be there after a run, and after another."""

    columns: dict
    select: str
    target: tuple
    after: list  # rows of `query`
    counts: tuple  # inserted, updated, unchanged, older, duplicate of the first run
    table: dict = dataclasses.field(default_factory=dict)
    query: str = "SELECT * FROM t ORDER BY 1, 2"
    again: tuple | None = None  # the second run's counts; all rows unchanged but duplicates


PAIR = {"id": "int", "name": "text"}
SERIAL = {"id": "int", "name": "text", "nr": "int"}
CASES = {
    "equal_duplicates_are_one": Case(PAIR, "VALUES (1, 'a'), (1, 'a'), (2, 'b')", ("CREATE TABLE t (id int PRIMARY KEY, name text)",),
                                     [(1, "a"), (2, "b")], (2, 0, 0, 0, 1)),
    "sort_columns_that_are_not_copied": Case(
        SERIAL, "VALUES (1, 'a', 9), (1, 'b', 10), (1, 'c', NULL), (2, 'd', 1)",
        ("CREATE TABLE t (id int PRIMARY KEY, name text)",), [(1, "b"), (2, "d")], (2, 0, 0, 0, 2), {"sort_columns": ["nr"]}),
    "sort_columns_that_are_copied_in_another_order": Case(
        SERIAL, "VALUES (1, 'a', 9), (1, 'b', 10), (2, 'd', 1)",
        ("CREATE TABLE t (id int PRIMARY KEY, name text, nr text)",), [(1, "b", "10"), (2, "d", "1")], (2, 0, 0, 0, 1),
        {"sort_columns": ["nr"]}),
    "watermark_that_is_not_copied": Case(
        {"id": "int", "name": "text", "at": "timestamp"},
        f"VALUES (1, 'new', {MINUTES.format(5)}), (2, 'late', {MINUTES.format(5)}), (3, 'same', {MINUTES.format(5)})",
        ("CREATE TABLE t (id int PRIMARY KEY, name text, seen timestamptz)",
         "INSERT INTO t VALUES (1, 'old', '2026-01-01 00:04Z'), (2, 'old', '2026-01-01 00:06Z'), (3, 'old', '2026-01-01 00:05Z')"),
        [(1, "new"), (2, "old"), (3, "same")], (0, 2, 0, 1, 0), {"source_watermark": "at", "target_watermark": "seen"},
        "SELECT id, name FROM t ORDER BY 1", (0, 0, 2, 1, 0)),
    "a_watermark_of_numbers": Case(
        SERIAL, "VALUES (1, 'a', 5), (1, 'b', 12), (2, 'c', 3), (3, 'd', NULL)",
        ("CREATE TABLE t (id int PRIMARY KEY, name text, nr numeric)", "INSERT INTO t VALUES (2, 'newer', 4), (3, 'timeless', NULL)"),
        [(1, "b", 12), (2, "newer", 4), (3, "d", None)], (1, 1, 0, 1, 1), {"source_watermark": "nr", "target_watermark": "nr"},
        again=(0, 0, 2, 0, 0)),  # the newest and the one without a watermark: the others are below the floor
    "null_keys_are_one_key": Case(
        PAIR, "VALUES (NULL, 'a'), (1, 'b'), (NULL, 'a')",
        ("CREATE TABLE t (id int, name text)", "CREATE UNIQUE INDEX ON t (id)"), [(1, "b"), (None, "a")], (2, 0, 0, 0, 1),
        again=(0, 0, 2, 0, 1)),
    "null_keys_of_two_columns": Case(
        SERIAL, "VALUES (NULL, 'a', 1), (NULL, 'b', 2), (1, 'b', 3), (1, NULL, 4), (NULL, NULL, 5)",
        ("CREATE TABLE t (id int, name text, nr int)", "CREATE UNIQUE INDEX ON t (name, id)",
         "INSERT INTO t VALUES (NULL, 'a', 0), (1, NULL, 0), (1, 'b', 0)"),
        [(1, "b", 3), (1, None, 4), (None, "a", 1), (None, "b", 2), (None, None, 5)], (2, 3, 0, 0, 0),
        {"uniqueness_columns": ["id", "name"]}),
    "null_keys_insert_only": Case(
        SERIAL, "VALUES (NULL, 'a', 1), (1, NULL, 4)",
        ("CREATE TABLE t (id int, name text, nr int)", "CREATE UNIQUE INDEX ON t (name, id)", "INSERT INTO t VALUES (NULL, 'a', 0)"),
        [(1, None, 4), (None, "a", 0)], (1, 0, 1, 0, 0), {"uniqueness_columns": ["id", "name"], "insert_only_mode": True}),
    "json_and_scale_count_as_different": Case(
        {"id": "int", "name": "text"}, """VALUES (1, '{"a": 1}'), (2, '{"a":2}')""",
        ("CREATE TABLE t (id int PRIMARY KEY, name json)", """INSERT INTO t VALUES (1, '{"a": 1}'), (2, '{"a": 2}')"""),
        [(1, '{"a": 1}'), (2, '{"a":2}')], (0, 1, 1, 0, 0), query="SELECT id, name::text FROM t ORDER BY 1"),
    "citext_keys_in_their_own_schema": Case(
        PAIR, "VALUES (1, 'Ä'), (2, 'b')",
        ("CREATE SCHEMA words", "CREATE EXTENSION citext SCHEMA words", "CREATE TABLE t (id int, name words.citext PRIMARY KEY)",
         "INSERT INTO t VALUES (0, 'B')"),
        [(1, "Ä"), (2, "b")], (1, 1, 0, 0, 0), {"uniqueness_columns": ["name"]}, "SELECT id, name::text FROM t ORDER BY 1"),
    "text_that_the_target_holds_to_be_equal_in_several_chunks": Case(
        PAIR, "SELECT i // 2, CASE WHEN i % 2 = 0 THEN 'k' ELSE 'K' END || i // 2 FROM range(200) AS r(i)",
        ("CREATE EXTENSION citext", "CREATE TABLE t (id int, name citext PRIMARY KEY)"),
        [(i, f"k{i}") for i in range(100)], (100, None, None, None, None),  # which of two comes first is chance
        {"uniqueness_columns": ["name"], "batch_size": 10, "source_watermark": "id", "target_watermark": "id"},
        "SELECT id, name::text FROM t ORDER BY 1", (0, None, None, None, None)),
    "names_that_need_quotes": Case(
        {'Odd "Name"': "int", "x.y": "text"}, "VALUES (1, 'a'), (1, 'a')", ('CREATE TABLE "T t" ("Odd ""Name""" int PRIMARY KEY, "x.y" text)',),
        [(1, "a")], (1, 0, 0, 0, 1), {"target": "T t", "uniqueness_columns": ['Odd "Name"']}, 'SELECT * FROM "T t"'),
    "nothing_but_the_key": Case({"id": "int"}, "VALUES (1), (2)", ("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (2), (3)"),
                                [(1,), (2,), (3,)], (1, 0, 1, 0, 0), query="SELECT * FROM t ORDER BY 1", again=(0, 0, 2, 0, 0)),
    "identity_columns": Case(
        PAIR, "VALUES (7, 'a'), (8, 'b')",
        ("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)", "INSERT INTO t (id, name) OVERRIDING SYSTEM VALUE VALUES (7, 'x')"),
        [(7, "a"), (8, "b")], (1, 1, 0, 0, 0)),
    "generated_columns_and_defaults": Case(
        PAIR, "VALUES (1, 'a'), (2, 'b')",
        ("CREATE TABLE t (id int PRIMARY KEY, name text, twice int GENERATED ALWAYS AS (id * 2) STORED, remark text DEFAULT 'd')",
         "INSERT INTO t (id, name, remark) VALUES (1, 'x', 'kept')"), [(1, "a", 2, "kept"), (2, "b", 4, "d")], (1, 1, 0, 0, 0)),
    "partitions": Case(
        SERIAL, "VALUES (1, 'a', 1), (2, 'b', 11), (3, 'c', 12)",
        ("CREATE TABLE t (id int, name text, nr int, PRIMARY KEY (id, nr)) PARTITION BY RANGE (nr)",
         "CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (10)",
         "CREATE TABLE t_high (nr int NOT NULL, name text, id int NOT NULL)",
         "ALTER TABLE t ATTACH PARTITION t_high FOR VALUES FROM (10) TO (20)", "INSERT INTO t VALUES (2, 'x', 11), (3, 'c', 12)"),
        [(1, "a", 1), (2, "b", 11), (3, "c", 12)], (1, 1, 1, 0, 0), {"uniqueness_columns": ["nr", "id"]}),
    "triggers_fire": Case(
        PAIR, "VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        ("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t VALUES (1, 'x'), (2, 'b')", "CREATE TABLE seen (what text, id int)",
         "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (TG_OP, NEW.id); RETURN NEW; END $$",
         "CREATE TRIGGER note BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note()"),
        [("INSERT", 3), ("UPDATE", 1)], (1, 1, 1, 0, 0), query="SELECT * FROM seen ORDER BY 1, 2"),
}


def prepare(migration, case: Case) -> dict:
    migration.source.table("t", case.columns, f"SELECT * FROM ({case.select}) AS v")
    migration.target.execute(*case.target)
    return migration.config({**TABLE, **case.table})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_there_after_a_run_and_after_another(migration, case):
    config = prepare(migration, case)
    migration.thaw.migrate(config).expect(0)
    assert migration.target.rows(case.query) == case.after
    assert_written(migration, case.counts)
    migration.thaw.migrate(config).expect(0)
    assert migration.target.rows(case.query) == case.after
    assert_written(migration, case.again or (0, 0, sum(case.counts[:3]), 0, case.counts[4]))
    migration.target.assert_completed()


INDEX = 'CREATE UNIQUE INDEX ON "public"."t" ("id")'
REFUSED = {
    "no_index": (("CREATE TABLE t (id int, name text)",), {}, ("no unique index on exactly", INDEX)),
    "more_columns": (("CREATE TABLE t (id int, name text, UNIQUE (id, name))",), {}, (INDEX,)),
    "with_a_condition": (("CREATE TABLE t (id int, name text)", "CREATE UNIQUE INDEX u ON t (id) WHERE id > 0"), {}, ("has a condition", INDEX)),
    "of_an_expression": (("CREATE TABLE t (id int, name text)", "CREATE UNIQUE INDEX u ON t (abs(id))"), {}, (INDEX,)),
    "deferrable": (("CREATE TABLE t (id int, name text, UNIQUE (id) DEFERRABLE)",), {}, ("is deferrable", INDEX)),
    "not_unique": (("CREATE TABLE t (id int, name text)", "CREATE INDEX ON t (id)"), {}, (INDEX,)),
    "key_that_nothing_goes_into": (("CREATE TABLE t (id int, name text, nr int UNIQUE)",), {"uniqueness_columns": ["nr"]},
                                   ('"nr", which no source column goes into',)),
    "unknown_sort_column": (("CREATE TABLE t (id int PRIMARY KEY, name text)",), {"sort_columns": ["nam"]}, ('"nam"', 'did you mean "name"')),
    "unknown_watermark": (("CREATE TABLE t (id int PRIMARY KEY, name text)",), {"source_watermark": "id", "target_watermark": "nr"},
                          ('target_watermark names the target column "nr"',)),
    "watermarks_that_can't_be_compared": (("CREATE TABLE t (id int PRIMARY KEY, name text)",),
                                          {"source_watermark": "id", "target_watermark": "name"}, ("can the source's watermark be compared", "42883")),
}


@pytest.mark.parametrize("target_sql, table, words", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_merged_is_refused_before_anything_is_touched(migration, target_sql, table, words):
    migration.source.table("t", PAIR, "SELECT 1, 'a'")
    migration.target.execute(*target_sql)
    migration.thaw.migrate(migration.config({**TABLE, **table})).expect(1).says(*words)
    assert migration.target.count("t") == 0
    assert migration.target.chunks() == {}
    if "can the source's" not in words[0]:
        assert words[0] in migration.thaw.run("check").stdout


DIFFERING = "SELECT i % 100, 'n' || i, i FROM range(400) AS r(i)"
ACROSS = {
    # Chunks by `nr`, so that each key has its rows in several of them.
    "newest": ({"source_watermark": "nr", "target_watermark": "nr"}, 0, (100, None), ()),
    "newest_insert_only": ({"source_watermark": "nr", "target_watermark": "nr", "insert_only_mode": True}, 0, (100, None), ()),
    "nothing_decides": ({}, 1, None, ("several rows with the key id = ", "differ", "different chunks", "source_watermark")),
    "nothing_decides_insert_only": ({"insert_only_mode": True}, 1, None, ("several rows with the key id = ", "different chunks")),
    "sort_columns_do_not_reach_so_far": ({"sort_columns": ["nr"]}, 1, None, ("leave chunking_columns out",)),
}


@both_sources
@pytest.mark.parametrize("table, status, rows, words", ACROSS.values(), ids=ACROSS.keys())
def test_keys_that_lie_in_several_chunks(migration, table, status, rows, words):
    migration.source.table("t", SERIAL, DIFFERING)
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text, nr int)")
    config = migration.config({**TABLE, "chunking_columns": ["nr"], "batch_size": 50, **table}, parallel_threads=4)
    if status == 0:  # what a killed process has written is still the run's own
        migration.thaw.migrate(config, fault="after_commit:kill:3").expect(-9)
        migration.target.wait_until_alone()
    migration.thaw.migrate(config).expect(status).says(*words)
    if status == 0:
        assert migration.target.rows("SELECT id, name, nr FROM t ORDER BY id") == [(i, f"n{300 + i}", 300 + i) for i in range(100)]
        assert sum(written(migration)) == 400 and written(migration)[0] == 100
        migration.target.assert_completed()


def test_rows_of_one_key_and_moment_in_several_chunks_end_the_same_in_any_order(migration):
    """The greater row counts, whichever chunk comes first."""
    migration.source.table("t", SERIAL, "SELECT i % 50, 'n' || i, 1 FROM range(400) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text, nr int)")
    for batch in (20, 70, 1000):
        migration.target.execute("TRUNCATE t")
        migration.thaw.migrate(migration.config({**TABLE, "chunking_columns": ["name"], "batch_size": batch, "source_watermark": "nr",
                                                 "target_watermark": "nr"}, parallel_threads=4)).expect(0)
        assert migration.target.rows("SELECT id, name FROM t ORDER BY id") == [
            (i, max(f"n{n}" for n in range(i, 400, 50))) for i in range(50)]

def test_tables_that_feed_one_target_share_their_keys(migration):
    source = migration.source
    for name in ("a", "b"):
        source.table(name, SERIAL, f"SELECT i, '{name}' || i, i % 2 = ('{name}' = 'a')::INT FROM range(300) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text, nr int)")
    migration.thaw.migrate(migration.config(*({**TABLE, "source": name, "batch_size": 50, "source_watermark": "nr", "target_watermark": "nr"}
                                              for name in ("a", "b")))).expect(0)
    assert migration.target.rows("SELECT id, name FROM t ORDER BY id") == [(i, f"{'a' if i % 2 else 'b'}{i}") for i in range(300)]
    migration.target.assert_completed()

def test_invariant_10_one_key_that_is_there_costs_one_row_of_a_million(migration):
    migration.source.table("t", PAIR, "SELECT i, 'n' || i FROM range(1000000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t VALUES (777777, 'mine')")
    migration.thaw.migrate(migration.config({**TABLE, "insert_only_mode": True})).expect(0)
    assert written(migration) == (999_999, 0, 1, 0, 0)
    assert migration.target.rows("SELECT count(*), sum(id::bigint), count(*) FILTER (WHERE name = 'n' || id) FROM t") == [
        (1_000_000, 499_999_500_000, 999_999)]
    assert migration.target.value("SELECT name FROM t WHERE id = 777777") == "mine"
    migration.target.assert_completed()

def test_eight_workers_and_a_million_rows_of_keys_that_every_chunk_has(migration):
    """200,000 keys, five rows each, which lie as far apart as can be."""
    migration.source.table("t", SERIAL, "SELECT i % 200000, 'n' || i, i FROM range(1000000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text, nr int)")
    finished = migration.thaw.migrate(migration.config(
        {**TABLE, "chunking_columns": ["nr"], "source_watermark": "nr", "target_watermark": "nr", "batch_size": 50_000},
        parallel_threads=8)).expect(0)
    assert migration.target.rows("SELECT count(*), count(*) FILTER (WHERE nr = 800000 + id AND name = 'n' || nr) FROM t") == [(200_000, 200_000)]
    assert written(migration)[0] == 200_000 and sum(written(migration)) == 1_000_000
    retries = migration.target.value("SELECT sum(retry_count) FROM migration_status.migration_chunk_status")
    assert retries == len(finished.records("WARNING", "trying again")) <= 8, finished
    migration.target.assert_completed()

def test_a_key_that_comes_twice_into_an_empty_target_is_merged_after_all(migration):
    migration.source.table("t", PAIR, "SELECT i % 900, 'n' || i % 900 FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    config = migration.config({**TABLE, "batch_size": 100})
    migration.thaw.migrate(config).expect(0).says("merging from here on")
    assert migration.target.rows("SELECT count(*), count(DISTINCT name), max(id) FROM t") == [(900, 900, 899)]
    assert written(migration) == (900, 0, 0, 0, 100)
    migration.target.assert_completed()

def test_a_run_that_was_left_unfinished_may_be_followed_by_a_new_one(migration):
    table = migration.source.table("t", PAIR, "SELECT i, 'n' || i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    config = migration.config({**TABLE, "batch_size": 100})
    migration.thaw.migrate(config, fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()
    migration.thaw.migrate(config, "--no-resume").expect(0)
    assert migration.assert_same(table, "t") == 1000
    assert migration.target.run_status(migration.target.value("SELECT run_id FROM migration_status.migration_runs ORDER BY run_number DESC LIMIT 1")) == "completed"

@both_versions
def test_other_writers_and_a_deadlock_with_one(migration):
    """Another session updates two rows of a chunk in the wrong order, the second when the merge waits for the first."""
    table = migration.source.table("t", PAIR, "SELECT i, 'n' || i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t SELECT i, 'old' FROM generate_series(0, 999) AS i")
    other = migration.target.connect()
    other.execute("SET deadlock_timeout = '1h'")  # so that it is the merge that PostgreSQL ends
    other.execute("UPDATE t SET name = 'theirs' WHERE id = 5")
    waiting = threading.Event()

    def cross() -> None:
        while not migration.target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name "
                                         "LIKE 'thaw%%' AND wait_event_type = 'Lock'"):
            waiting.wait(0.02)
        other.execute("UPDATE t SET name = 'theirs' WHERE id < 900")
        other.commit()

    thread = threading.Thread(target=cross)
    thread.start()
    finished = migration.thaw.migrate(migration.config({**TABLE, "chunking": "whole"})).expect(0)
    thread.join()
    other.close()
    assert finished.records("WARNING", "40P01", "trying again"), finished
    assert migration.target.value("SELECT sum(retry_count) FROM migration_status.migration_chunk_status") == 1
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()

def test_a_row_that_somebody_inserts_meanwhile_is_updated(migration):
    """Their insert is open when the merge begins: it doesn't see the row, waits for it, and then looks again."""
    table = migration.source.table("t", PAIR, "SELECT i, 'n' || i FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t VALUES (1, 'old')")
    other = migration.target.connect()
    other.execute("INSERT INTO t VALUES (50, 'theirs')")
    running = migration.thaw.start_migrate(migration.config({**TABLE, "chunking": "whole"}))
    waiting = threading.Event()
    while not migration.target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name "
                                     "LIKE 'thaw%%' AND wait_event_type = 'Lock'"):
        waiting.wait(0.02)
    other.commit()
    other.close()
    running.wait().expect(0)
    assert migration.assert_same(table, "t") == 100
    assert written(migration) == (98, 2, 0, 0, 0)
    migration.target.assert_completed()

def test_a_trigger_that_drops_rows_is_told(migration):
    migration.source.table("t", PAIR, "SELECT i, 'n' || i FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t VALUES (1, 'old')",
                             "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 9 THEN RETURN NULL; END IF; RETURN NEW; END $$",
                             "CREATE TRIGGER drop_it BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION drop_it()")
    migration.thaw.migrate(migration.config(TABLE)).expect(1).says("did not write all rows", "BEFORE trigger")
    assert migration.target.rows("SELECT * FROM t") == [(1, "old")]

def test_a_role_without_the_privileges_is_told_which(migration):
    migration.source.table("t", PAIR, "SELECT 1, 'a'")
    name = migration.target.name
    role = f"{name}_merger"
    migration.target.execute("CREATE TABLE t (id int PRIMARY KEY, name text)", f"CREATE ROLE {role} LOGIN",
                             f"GRANT SELECT, INSERT ON t TO {role}", f"GRANT CREATE ON DATABASE {name} TO {role}",
                             f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    try:
        config = migration.config(TABLE)
        config["postgres"]["user"] = role
        migration.thaw.migrate(config).expect(1).says("lacks TEMPORARY", f'GRANT TEMPORARY ON DATABASE "{name}" TO "{role}"')
        migration.target.execute(f"GRANT TEMPORARY ON DATABASE {name} TO {role}")
        migration.thaw.migrate(config).expect(1).says("lacks UPDATE", f'GRANT UPDATE ON "public"."t" TO "{role}"')
        config["sources"][0]["tables"][0]["insert_only_mode"] = True
        migration.thaw.migrate(config, "--no-resume").expect(0)
        assert migration.target.rows("SELECT * FROM t") == [(1, "a")]
    finally:
        migration.target.execute(f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")
