"""on_bad_row "reject": one bad row costs one row, whoever refuses it, and is explained; max_rejects stops a flood."""

import json

import pytest

from marks import both_sources, both_versions

REJECTED = ("SELECT key ->> 'id', row ->> 'a', column_name, sqlstate, reason FROM migration_status.rejected_rows "
            "ORDER BY (key ->> 'id')::bigint")
COUNTERS = ("SELECT sum(rows_copied)::bigint, sum(rows_rejected)::bigint FROM migration_status.migration_chunk_status "
            "WHERE status = 'completed'")


def table(**settings) -> dict:
    return {"source": "t", "target": "t", "chunking_columns": ["id"], "on_bad_row": "reject"} | settings


# name: (target table, the source's value of a where id is bad, column, SQLSTATE, words of the reason)
REASONS = {
    "too_long": ("id bigint, a varchar(5)", "'123456'", "a", None, "too many characters"),
    "nul_byte": ("id bigint, a text", "'x' || chr(0)", "a", None, "NUL byte"),
    "not_a_number": ("id bigint, a numeric(5,1)", "'1.25'", "a", None, "too many digits after the decimal point"),
    "check": ("id bigint, a text CHECK (a <> 'bad')", "'bad'", None, "23514", "violates check constraint"),
    "not_null": ("id bigint, a text NOT NULL", "NULL", "a", "23502", "null value in column"),
    "duplicate": ("id bigint, a text UNIQUE", "'v7'", None, "23505", "duplicate key"),
    "input_function": ("id bigint, a inet", "'no address'", "a", "22P02", "invalid input syntax"),
    "foreign_key": ("id bigint, a text REFERENCES parent", "'orphan'", None, "23503", "violates foreign key constraint"),
    "trigger": ("id bigint, a text", "'refuse me'", None, "P0001", "refused by a trigger"),
    "json": ("id bigint, a jsonb", "'{'", "a", "22P02", "invalid input syntax for type json"),
}
GOOD = {"not_a_number": "i || '.5'", "input_function": "'10.0.0.' || (i % 256)", "json": "'{\"n\": ' || i || '}'"}


def prepare(migration, name: str) -> None:
    columns, bad = REASONS[name][:2]
    good = GOOD.get(name, "'v' || i" if name != "too_long" else "'v' || (i % 1000)")
    migration.source.table("t", {"id": "int", "a": "text"},
                           f"SELECT i, CASE WHEN i IN (1, 500, 501, 999, 1000) THEN {bad} ELSE {good} END FROM range(1, 1001) AS r(i)")
    if name == "foreign_key":
        migration.target.execute("CREATE TABLE parent (a text PRIMARY KEY)")
        migration.target.execute("INSERT INTO parent SELECT 'v' || i FROM generate_series(1, 1000) AS i")
    migration.target.execute(f"CREATE TABLE t ({columns})")
    if name == "trigger":
        migration.target.execute("""CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.a = 'refuse me' THEN RAISE EXCEPTION 'refused by a trigger'; END IF; RETURN NEW; END $$""")
        migration.target.execute("CREATE TRIGGER guard BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION guard()")


@both_sources
@pytest.mark.parametrize("name", REASONS)
def test_invariant_10_a_bad_row_costs_one_row(migration, name):
    column, sqlstate, words = REASONS[name][2:]
    prepare(migration, name)
    finished = migration.thaw.migrate(migration.config(table(batch_size=400))).expect(0)
    bad = [1, 500, 501, 999, 1000]
    if name == "duplicate":  # of five equal values and the good row 7 one arrives, whichever chunk came first
        found = migration.target.rows("SELECT id FROM t WHERE a = 'v7'")
        assert len(found) == 1
        bad = sorted({7, *bad} - {found[0][0]})
    assert [row[0] for row in migration.target.rows("SELECT id FROM t ORDER BY id")] == [i for i in range(1, 1001) if i not in bad]
    rejected = migration.target.rows(REJECTED)
    assert [int(key) for key, *_ in rejected] == bad
    for _, value, found_column, code, reason in rejected:
        assert words in reason
        assert (found_column, code) == (column, sqlstate)
        if name == "nul_byte":
            assert value == "x\u2400"
    assert migration.target.rows(COUNTERS) == [(1000 - len(bad), len(bad))]
    assert len(finished.records("WARNING", f"{len(bad)} rows were set aside")) == 1
    assert finished.records("WARNING", "the source has changed") == []


MERGED = {
    "staging": ("a varchar(5)", "'123456'", None),
    "check": ("a text CHECK (a <> 'bad')", "'bad'", "23514"),
    "not_null": ("a text NOT NULL", "NULL", "23502"),
    "foreign_key": ("a text REFERENCES parent", "'orphan'", "23503"),
    "other_key": ("a text UNIQUE", "'taken'", "23505"),
}


@both_sources
@pytest.mark.parametrize("mode", ["upsert", "insert_only"])
@pytest.mark.parametrize("name", MERGED)
def test_invariant_10_a_bad_row_costs_one_row_where_rows_are_merged(migration, name, mode):
    """Found while rows are staged, or among the staged ones: good rows beside it are inserted and updated all the same."""
    column, bad, sqlstate = MERGED[name]
    migration.source.table("t", {"id": "int", "a": "text"},
                           f"SELECT i, CASE WHEN i IN (1, 500, 501, 1000) THEN {bad} ELSE 'v' || i END FROM range(1, 1001) AS r(i)")
    if name == "foreign_key":
        migration.target.execute("CREATE TABLE parent (a text PRIMARY KEY)")
        migration.target.execute("INSERT INTO parent SELECT 'v' || i FROM generate_series(-1000, 1000) AS i")
    migration.target.execute(f"CREATE TABLE t (id bigint PRIMARY KEY, {column})")
    migration.target.execute("INSERT INTO t SELECT i, 'v' || -i FROM generate_series(496, 505) AS i")
    if name == "other_key":
        migration.target.execute("INSERT INTO t VALUES (2000, 'taken')")
    config = migration.config(table(uniqueness_columns=["id"], batch_size=400, insert_only_mode=mode == "insert_only"))
    migration.thaw.migrate(config).expect(0)
    # A row whose key is there and stays isn't judged by the target's constraints, unless it can't be staged.
    bad_ids = {1, 500, 501, 1000}
    rejected = bad_ids if mode == "upsert" or name == "staging" else bad_ids - {500, 501}
    expected = {i: f"v{i}" for i in range(1, 1001) if i not in bad_ids}
    expected |= {i: f"v{-i}" for i in range(496, 506) if mode == "insert_only" or i in bad_ids}
    found = dict(migration.target.rows("SELECT id, a FROM t WHERE id < 2000"))
    assert found == expected
    rows = migration.target.rows(REJECTED)
    assert {int(key) for key, *_ in rows} == rejected
    assert {code for *_, code, _ in rows} == {sqlstate}
    assert migration.target.rows(COUNTERS) == [(1000 - len(rejected), len(rejected))]


@both_sources
def test_a_row_has_its_number_in_the_chunk_whoever_refuses_it(migration):
    """By thaw, by COPY, and by the merge, after which others have been dropped as duplicates."""
    bad = {10: "'n' || chr(0)", 50: "'no address'", 60: "'10.0.0.66'", 150: "'10.0.0.66'", 200: "'n' || chr(0)"}
    cases = " ".join(f"WHEN {i} THEN {value}" for i, value in bad.items())
    migration.source.table("t", {"id": "int", "a": "text"}, f"""
        SELECT CASE WHEN i BETWEEN 31 AND 33 THEN 30 ELSE i END, CASE i {cases} ELSE '10.0.1.' || CASE WHEN i BETWEEN 31 AND 33 THEN 30 ELSE i END END
          FROM range(1, 201) AS r(i)""")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, a inet CHECK (a <> '10.0.0.66'))")
    finished = migration.thaw.migrate(migration.config(table(uniqueness_columns=["id"], chunking="whole", chunking_columns=None))).expect(0)
    assert migration.target.rows("SELECT chunk_row, (key ->> 'id')::int FROM migration_status.rejected_rows ORDER BY 1") == [(i, i) for i in bad]
    finished.says('row 60 ({"id": "60"}) is set aside', 'row 150 ({"id": "150"}) is set aside')
    assert migration.target.count("t") == 200 - 3 - len(bad)


@both_sources
def test_the_same_row_stops_the_table_by_default(migration):
    prepare(migration, "check")
    migration.thaw.migrate(migration.config(table(on_bad_row="stop", chunking="whole", chunking_columns=None))).expect(1)
    assert migration.target.count("t") == 0
    assert migration.target.value("SELECT count(*) FROM migration_status.rejected_rows") == 0
    # Whoever decides then to leave such rows out goes on with the same run.
    run = migration.target.value("SELECT run_id FROM migration_status.migration_runs")
    migration.thaw.migrate(migration.config(table(chunking="whole", chunking_columns=None))).expect(0)
    assert migration.target.count("t") == 995
    assert migration.target.rows("SELECT run_id, status FROM migration_status.migration_runs") == [(run, "completed")]


@both_sources
@pytest.mark.parametrize("name", ["nul_byte", "check", "foreign_key"])
def test_a_flood_is_stopped(migration, name):
    """More bad rows than are allowed: the table fails and says so, and what such a chunk had is rolled back whole."""
    prepare(migration, name)
    config = migration.config(table(max_rejects=4, chunking="whole", chunking_columns=None))
    finished = migration.thaw.migrate(config).expect(1)
    assert len(finished.records("ERROR", "more than 4 rows would have to be set aside")) == 1
    assert "raise max_rejects" in finished.stderr
    assert migration.target.count("t") == 0
    assert migration.target.value("SELECT count(*) FROM migration_status.rejected_rows") == 0
    migration.thaw.migrate({**config, "sources": migration.config(table(max_rejects=5, chunking="whole", chunking_columns=None))["sources"]}).expect(0)
    assert migration.target.count("t") == 995
    assert migration.target.value("SELECT count(*) FROM migration_status.rejected_rows") == 5


@both_sources
def test_every_row_may_be_bad(migration):
    """Nothing but bad rows: many more than are held at once."""
    migration.source.table("t", {"id": "int", "a": "text"}, "SELECT i, 'x' || chr(0) FROM range(1, 1001) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, a text)")
    migration.thaw.migrate(migration.config(table(batch_size=300))).expect(0)
    assert migration.target.count("t") == 0
    assert migration.target.rows(COUNTERS) == [(0, 1000)]


@pytest.mark.parametrize("fault", ["in_data:error:1", "after_data:error:1", "after_record:error:1", "after_commit:error:1", "after_record:kill:2"])
def test_a_chunk_that_is_tried_again_rejects_once(migration, fault):
    prepare(migration, "check")
    config = migration.config(table(batch_size=400))
    first = migration.thaw.migrate(config, fault=fault)
    if "kill" in fault:
        migration.thaw.migrate(config).expect(0)
    else:
        first.expect(0)
    assert migration.target.count("t") == 995
    assert [int(key) for key, *_ in migration.target.rows(REJECTED)] == [1, 500, 501, 999, 1000]
    assert migration.target.rows(COUNTERS) == [(995, 5)]


@both_versions
def test_invariant_10_three_bad_rows_of_a_million(migration):
    """Too long, a NUL byte, a failing check: 999,997 arrive, and the three are explained."""
    bad = {300_001: "'" + "x" * 60 + "'", 600_001: "'n' || chr(0)", 999_999: "'forbidden'"}
    cases = " ".join(f"WHEN {i} THEN {value}" for i, value in bad.items())
    migration.source.table("t", {"id": "int", "a": "text"},
                           f"SELECT i, CASE i {cases} ELSE 'value ' || i END FROM range(1, 1000001) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, a varchar(50) CHECK (a <> 'forbidden'))")
    migration.thaw.migrate(migration.config(table(), snapshot="none")).expect(0)
    assert migration.target.rows("SELECT count(*), sum(id)::bigint FROM t") == [
        (999_997, 1_000_000 * 1_000_001 // 2 - sum(bad))]
    assert [(int(key), code) for key, _, _, code, _ in migration.target.rows(REJECTED)] == [
        (300_001, None), (600_001, None), (999_999, "23514")]


def test_status_tells_how_many(migration):
    prepare(migration, "check")
    migration.thaw.migrate(migration.config(table())).expect(0)
    status = json.loads(migration.thaw.run("status", "--json").expect(0).stdout)
    assert status["databases"][0]["runs"][0]["tables"][0]["rejected_rows"] == 5
