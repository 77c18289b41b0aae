"""Tables with a watermark: each run reads what is new, and nothing is lost between two runs, whatever happened to the first.

What the target must hold is known from the rows that the tests put into the source; DuckDB and psycopg compare.
"""

import signal

import pytest

from marks import both_sources, both_versions, snowflake_only
from reference import assert_equal
from test_resume import age

# source type, target type, DuckDB's SQL of the k-th watermark, settings; rows that a run without news may move at most, beside
# the ties of the last watermark: where the target rounds, those within one of its units.
WATERMARKS = {
    "int": ("int", "bigint", "{k}", {}, 0),
    "int to numeric": ("int", "numeric(20,3)", "{k}", {}, 0),
    "decimal": ("decimal(10,2)", "numeric(10,2)", "({k} - 25) * 0.01", {}, 0),
    "decimal, rounded": ("decimal(10,4)", "numeric(10,2)", "{k} * 0.0051", {"rounding": "allow"}, 4),
    "date": ("date", "date", "DATE '2024-02-01' + CAST({k} AS INTEGER)", {}, 0),
    "date to timestamptz": ("date", "timestamptz", "DATE '2024-02-01' + CAST({k} AS INTEGER)", {}, 0),
    "timestamp": ("timestamp", "timestamp", "TIMESTAMP '2024-02-29 23:59:59.999990' + to_microseconds({k})", {}, 0),
    "timestamp, rounded": ("timestamp", "timestamp(0)", "TIMESTAMP '2024-02-29 23:59:50' + to_milliseconds({k} * 300)",
                           {"rounding": "allow"}, 7),
    "timestamp to timestamptz": ("timestamp", "timestamptz", "TIMESTAMP '1969-12-31 23:59:59.999990' + to_microseconds({k})", {}, 0),
    "timestamptz": ("timestamptz", "timestamptz", "TIMESTAMPTZ '2024-03-31 00:59:59.999990+00' + to_microseconds({k})", {}, 0),
    "timestamptz to timestamp": ("timestamptz", "timestamp", "TIMESTAMPTZ '2024-03-31 02:00:00+01' + to_seconds({k})", {}, 0),
    "nanoseconds, rounded": ("nanoseconds", "timestamp", "make_timestamp_ns(1709251199999999000 + {k} * 70)", {"rounding": "allow"}, 30),
}
# What the types of the target do is the same whatever the source.
EACH_TYPE = [("duckdb", name) for name in WATERMARKS] + [("snowflake", name) for name in (
    "int", "decimal, rounded", "date", "timestamp", "timestamptz", "nanoseconds, rounded")]
TABLE = {"source": "t", "target": "t", "uniqueness_columns": ["id"], "source_watermark": "at", "target_watermark": "changed at",
         "column_mapping": {"at": "changed at"}, "chunking_columns": ["id"], "batch_size": 20}


LAST_RUN = "SELECT run_id FROM migration_status.migration_runs ORDER BY run_number DESC LIMIT 1"


def moved(target) -> int:
    """Rows that the latest run read."""
    return target.value(f"SELECT sum(rows_copied) FROM migration_status.migration_chunk_status WHERE run_id = ({LAST_RUN})")


class Incremental:
    """A source table (id, at, v) and its target; `at` goes into "changed at"."""

    def __init__(self, migration, watermark: str = "int"):
        self.migration, self.source, self.target = migration, migration.source, migration.target
        source_type, target_type, self.at, self.settings, self.within = WATERMARKS[watermark]
        self.table = self.source.table("t", {"id": "int", "at": source_type, "v": "text"}, "SELECT 0, NULL, NULL WHERE false")
        self.target.execute(f'CREATE TABLE t (id bigint PRIMARY KEY, "changed at" {target_type}, v text)')

    def mark(self, k) -> str:
        return self.at.format(k=f"({k})")

    def add(self, ids: str, k: str = "i", v: str = "'r' || i") -> None:
        """Rows for i of range(ids)."""
        self.source.insert(self.table, f"SELECT i, {'NULL' if k == 'NULL' else self.mark(k)}, {v} FROM range({ids}) AS r(i)")

    def replace(self, key: int, k: str, v: str) -> None:
        """Another version of the row `key`."""
        self.source.execute(f'DELETE FROM {self.source.relation("t")} WHERE "id" = {key}')
        self.table.condition += f" AND NOT (id = {key} AND v <> '{v}')"
        self.add(f"{key}, {key + 1}", k, f"'{v}'")

    def config(self, **table) -> dict:
        given = TABLE | self.settings | table
        return self.migration.config({key: value for key, value in given.items() if value is not None})

    def migrate(self, *arguments: str, fault: str = "", **table):
        return self.migration.thaw.migrate(self.config(**table), *arguments, fault=fault)

    def run(self, *arguments: str, **table) -> int:
        """Rows that a run moves; it completes."""
        self.migrate(*arguments, **table).expect(0)
        return moved(self.target)

    def killed(self, fault: str, **table) -> str:
        """A run that is killed there; its run_id."""
        self.migrate("--workers", "1", fault=fault, **table).expect(-9)
        self.target.wait_until_alone()
        return str(self.target.value(LAST_RUN))

    def assert_same(self) -> int:
        return assert_equal(self.target.connection, "SELECT id, v FROM t", f"SELECT id, v FROM ({self.table.rows_sql})")


@pytest.fixture
def incremental(request, migration) -> Incremental:
    return Incremental(migration, getattr(request, "param", "int"))


@pytest.mark.parametrize("source, incremental", EACH_TYPE, indirect=True)
def test_only_ties_move_again_and_every_change_arrives(incremental):
    """Ties, late rows and corrections at the last watermark; new rows; an old row with a new watermark; rows without one."""
    incremental.add("50")
    incremental.add("50, 52", "49")
    incremental.add("52, 53", "NULL")
    assert incremental.run() == 53
    assert incremental.assert_same() == 53

    again = incremental.run()
    assert 4 <= again <= 4 + incremental.within, "more than the three ties and the row without watermark moved"

    incremental.replace(50, "49", "corrected at the same watermark")
    incremental.replace(52, "NULL", "corrected without watermark")
    incremental.replace(3, "80", "old, changed")
    incremental.add("60, 63", "49", "'late'")
    incremental.add("63, 65", "NULL", "'late, without watermark'")
    incremental.add("70, 75", "80 + i")
    assert again + 11 - 2 * incremental.within <= incremental.run() <= again + 11
    assert incremental.assert_same() == 63
    incremental.target.assert_completed()


@both_sources
@pytest.mark.parametrize("chunking", [{"chunking": "hash", "chunking_columns": ["id"]}, {"chunking": "whole", "chunking_columns": None},
                                      {"chunking_columns": ["v"]}, {"chunking_columns": ["v", "id"]}, {"chunking_columns": ["at"]}],
                         ids=["hash", "whole", "nullable", "two", "watermark"])
def test_invariant_01_a_plan_covers_its_window(incremental, chunking):
    """Whatever cuts it, NULL keys and watermarks included."""
    incremental.add("100", v="CASE WHEN i % 3 > 0 THEN 'r' || i END")
    incremental.add("100, 105", "NULL", "NULL")
    assert incremental.run(**chunking) == 105
    assert incremental.assert_same() == 105
    incremental.add("200, 260", v="CASE WHEN i % 3 > 0 THEN 'r' || i END")
    assert incremental.run(**chunking) == 60 + 1 + 5
    assert incremental.assert_same() == 165
    assert incremental.run(**chunking) == 1 + 5


@both_sources
@both_versions
@pytest.mark.parametrize("how, history", [("no_resume", False), ("expired", True), ("edited", True)], ids=lambda value: str(value))
def test_invariant_08_newest_loaded_oldest_not_and_a_new_run_misses_nothing(incremental, how, history):
    """The chunks are cut by a key that falls as the watermark rises."""
    if history:
        incremental.add("1000, 1100", "i - 1000")
        assert incremental.run() == 100
    incremental.add("100", "1000 - i")
    stopped = incremental.killed("after_commit:kill:1")
    assert incremental.target.value('SELECT max("changed at") FROM t') == 1000, "the newest are there"
    assert incremental.target.count("t") == (100 if history else 0) + 20

    if how == "expired":
        age(incremental.migration, "30 days", "169 hours")
    arguments = ("--no-resume",) if how == "no_resume" else ()
    incremental.migrate(*arguments, **({"sort_columns": ["v"]} if how == "edited" else {})).expect(0).says("NO RESUMABLE RUN FOUND", stopped)

    assert moved(incremental.target) == 100 + history, "the new ones, and the tie of what was completed"
    assert incremental.assert_same() == 100 + 100 * history


@both_sources
def test_invariant_08_a_ledger_that_was_deleted_raises_nothing(incremental):
    incremental.add("100")
    incremental.killed("after_commit:kill:1", chunking_columns=["at"])
    incremental.target.execute("DROP SCHEMA migration_status CASCADE", "INSERT INTO t VALUES (99, 99, 'r99')")
    incremental.migrate().expect(0).says("from the beginning", "no earlier run")
    assert incremental.assert_same() == 100


@pytest.mark.parametrize("how", ["truncated", "emptied", "restored"])
def test_invariant_08_a_target_that_lost_rows_gets_them_again(incremental, how):
    incremental.add("100")
    assert incremental.run() == 100
    if how == "truncated":
        incremental.target.execute("TRUNCATE t")
    elif how == "emptied":
        incremental.target.execute("DELETE FROM t")
    else:
        incremental.target.execute('DELETE FROM t WHERE "changed at" > 40')
    again = incremental.run()
    assert incremental.assert_same() == 100
    assert again == (60 if how == "restored" else 100)


@pytest.mark.parametrize("fault", ["after_plan_commit:kill", "after_commit:kill:1", ""])
def test_invariant_08_no_window_follows_a_run_before_a_truncation(incremental, fault):
    """Another configuration empties the target and loads some of it."""
    incremental.add("100", "1000 - i")
    assert incremental.run() == 100
    truncating = dict(source_watermark=None, target_watermark=None, truncate_onstart=True, source_filter='"id" < 30')
    if fault:
        incremental.killed(fault, **truncating)
    else:
        assert incremental.run(**truncating) == 30
    assert incremental.run() == 100
    assert incremental.assert_same() == 100


def test_invariant_08_a_truncation_while_the_table_is_planned(incremental):
    """The window is chosen; then another run empties the target and completes; then the target is taken."""
    incremental.add("100", "1000 - i")
    assert incremental.run() == 100
    first = incremental.migration.thaw.start_migrate(incremental.config(), fault="before_take_target:stop")
    first.wait_until_stopped()
    other = incremental.source.feed(incremental.target.name, {key: TABLE[key] for key in ("source", "target", "uniqueness_columns", "column_mapping")}
                                    | {"truncate_onstart": True, "source_filter": '"id" < 30'}, name="other")
    incremental.migration.thaw.migrate(incremental.migration.config(feeds=[other])).expect(0)
    assert incremental.target.count("t") == 30
    first.signal(signal.SIGCONT)
    first.wait().expect(0)
    assert incremental.assert_same() == 100


@both_sources
def test_invariant_08_rows_beyond_the_ceiling_are_the_next_runs(incremental):
    """The ceiling is the plan's, on a resume too, so that the next floor is above nothing that wasn't read."""
    incremental.add("100", "1000 - i")
    run_id = incremental.killed("after_commit:kill:2", snapshot="none")
    incremental.add("100, 150", "2000 + i")
    incremental.add("150, 153", "1000", "'late'")
    incremental.replace(70, "3000", "moved on")
    incremental.migrate(snapshot="none").expect(0).says(f"resuming run {run_id}")
    assert incremental.target.value('SELECT max("changed at") FROM t') == 1000
    assert incremental.target.count("t") == 102, "what moved beyond the ceiling comes later"
    assert incremental.run() == 50 + 4 + 1
    assert incremental.assert_same() == 153
    incremental.target.assert_completed()


@both_sources
def test_invariant_08_rejected_rows_are_read_again_until_they_are_good(incremental):
    """The bad row is neither the newest nor the oldest, and is corrected without a new watermark."""
    incremental.target.execute("ALTER TABLE t ADD CONSTRAINT short CHECK (length(v) <= 10)")
    incremental.add("50")
    assert incremental.run(on_bad_row="reject") == 50
    incremental.add("50, 100", v="CASE WHEN i = 70 THEN 'too long for the check' ELSE 'r' || i END")
    incremental.run(on_bad_row="reject")
    incremental.add("100, 110")
    incremental.run(on_bad_row="reject")
    assert incremental.target.rows("SELECT count(*), max(id) FROM t") == [(109, 109)]
    incremental.replace(70, "70", "good")
    incremental.run(on_bad_row="reject")
    assert incremental.assert_same() == 110
    assert incremental.run(on_bad_row="reject") == 1, "and then the floor rises again"


@both_sources
def test_several_sources_of_one_target_have_floors_of_their_own(migration):
    tables, rows = {}, {}
    for name, start in (("a", 0), ("b", 5000)):
        rows[name] = migration.source.table(name, {"id": "int", "at": "int"}, f"SELECT {start} + i, {start} + i FROM range(100) AS r(i)")
        tables[name] = {"source": name, "target": "t", "uniqueness_columns": ["id"], "source_watermark": "at", "target_watermark": "at",
                        "batch_size": 10}
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, at bigint)")
    both = migration.config(tables["a"], tables["b"])
    # The one with the newer rows alone, stopped in its course.
    migration.thaw.migrate(migration.config(tables["b"]), "--workers", "1", fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()

    def run(wanted: int) -> None:
        migration.thaw.migrate(both, "--no-resume").expect(0)
        assert moved(migration.target) == wanted
        assert_equal(migration.target.connection, "SELECT * FROM t", f"{rows['a'].rows_sql} UNION ALL {rows['b'].rows_sql}")

    run(200)
    migration.source.insert(rows["a"], "SELECT i, i FROM range(99, 120) AS r(i) WHERE i > 99")
    run(20 + 2)
    migration.source.insert(rows["b"], "SELECT i, i FROM range(6000, 6003) AS r(i)")
    run(1 + 3 + 1)


def test_other_settings_begin_anew(incremental):
    """A wider filter lets old rows in; the log says why they are read."""
    incremental.add("100")
    assert incremental.run(source_filter='"id" >= 60') == 40
    incremental.migrate(source_filter='"id" >= 20').expect(0).says("from the beginning", "had another")
    assert moved(incremental.target) == 80
    assert incremental.run(source_filter='"id" >= 20') == 1
    assert incremental.run() == 100
    assert incremental.assert_same() == 100
    assert incremental.run() == 1
    incremental.target.execute("UPDATE migration_status.migration_table_status SET metadata = metadata - 'window'")
    assert incremental.run() == 100, "as docs/writing.md says, for who wants everything again"


def test_the_window_is_told(incremental):
    """By the log, by --dry-run, which changes nothing, and in the ledger."""
    incremental.add("100")
    first = incremental.migration.thaw.migrate(incremental.config(), "--dry-run").expect(0)
    assert '"at" up to 99' in first.stdout and "no earlier run" in first.stdout and "rows: 100 in" in first.stdout, first
    assert not incremental.target.has_ledger()
    incremental.migrate().expect(0).says('"at" up to 99', "from the beginning")
    incremental.add("100, 103")
    shown = incremental.migration.thaw.migrate(incremental.config(), "--dry-run").expect(0)
    assert '"at" above 98 up to 102' in shown.stdout and "rows: 4 in" in shown.stdout, shown
    assert incremental.target.count("t") == 100
    incremental.migrate().expect(0).says('"at" above 98 up to 102')
    assert incremental.target.rows("SELECT metadata #>> '{window,column}', metadata #>> '{window,floor}', metadata #>> '{window,ceiling}' "
                                   f"FROM migration_status.migration_table_status WHERE run_id = ({LAST_RUN})") == [("at", "98", "102")]


@snowflake_only
@pytest.mark.parametrize("incremental", ["timestamptz"], indirect=True)
def test_every_statement_has_the_bounds_beside_the_bare_column(incremental, double):
    """So the source prunes: planning, counting and reading ask for what is new only."""
    incremental.add("100")
    incremental.run()
    incremental.add("200, 201")
    double.mark()
    assert incremental.run() == 2
    asked = [statement for statement in double.statements() if '."t"' in statement and statement.startswith("SELECT") and "1 = 0" not in statement]
    assert len(asked) >= 3, asked
    for statement in asked:
        assert "\"at\" > '2024-03-31 01:00:00.000088+00:00'::TIMESTAMP_TZ(9)" in statement, statement
        assert ' AT (TIMESTAMP => ' in statement, statement
        assert "MAX(\"at\")" in statement or "\"at\" <= '2024-03-31 01:00:00.000190000 +00:00'::TIMESTAMP_TZ(9)" in statement, statement
    assert sum("MAX(\"at\")" in statement for statement in asked) == 1


def test_one_changed_row_of_two_million(migration):
    """Seconds, and one row besides the tie."""
    migration.source.table("big", {"id": "int", "at": "timestamp", "v": "int"},
                           "SELECT i, TIMESTAMP '2024-01-01' + to_seconds(i), i FROM range(2000000) AS r(i)")
    migration.target.execute("CREATE TABLE big (id bigint PRIMARY KEY, at timestamp, v bigint)")
    config = migration.config({"source": "big", "target": "big", "uniqueness_columns": ["id"], "source_watermark": "at",
                               "target_watermark": "at"})
    migration.thaw.migrate(config).expect(0)
    assert migration.target.count("big") == 2_000_000
    migration.source.execute(f'UPDATE {migration.source.relation("big")} SET "v" = -1, "at" = TIMESTAMP \'2025-01-01\' WHERE "id" = 777')
    finished = migration.thaw.migrate(config).expect(0)
    assert finished.seconds < 20, finished
    assert moved(migration.target) == 2
    assert migration.target.rows("SELECT count(*), count(*) FILTER (WHERE v = -1), sum(v) FROM big") == [
        (2_000_000, 1, 2_000_000 * 1_999_999 // 2 - 777 - 1)]


def test_nothing_is_older_than_infinity(incremental):
    """A watermark that no other can exceed hides none: the table is read whole then, and the log says so."""
    table = incremental.source.table("endless", {"id": "int", "at": "timestamp"},
                                     "SELECT i, CASE WHEN i = 5 THEN 'infinity' ELSE TIMESTAMP '2024-01-01' + to_days(CAST(i AS INTEGER)) END "
                                     "FROM range(10) AS r(i)")
    incremental.target.execute("CREATE TABLE endless (id bigint PRIMARY KEY, at timestamp)")
    config = incremental.migration.config({"source": "endless", "target": "endless", "uniqueness_columns": ["id"],
                                           "source_watermark": "at", "target_watermark": "at"})
    incremental.migration.thaw.migrate(config).expect(0)
    incremental.source.insert(table, "SELECT 10, TIMESTAMP '2024-02-01'")
    incremental.migration.thaw.migrate(config).expect(0).says("from the beginning")
    assert incremental.migration.assert_same(table, "endless") == 11


@both_sources
def test_a_watermark_without_a_unit_is_read_whole(migration):
    """Text has an order, but nothing is one less than it; the update rule still goes by it."""
    table = migration.source.table("t", {"id": "int", "at": "text"}, "SELECT i, printf('%03d', i) FROM range(50) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, at text)")
    config = migration.config({"source": "t", "target": "t", "uniqueness_columns": ["id"], "source_watermark": "at", "target_watermark": "at"})
    migration.thaw.migrate(config).expect(0)
    migration.source.insert(table, "SELECT 100, '000'")
    finished = migration.thaw.migrate(config).expect(0)
    assert finished.records("WARNING", "every row", "dates, timestamps or exact numbers"), finished
    assert migration.assert_same(table, "t") == 51


@pytest.mark.parametrize("name", ["source_watermark", "target_watermark"])
def test_a_watermark_that_does_not_exist_is_named(incremental, name):
    incremental.add("1")
    incremental.migrate(**{name: "nowhere"}).expect(1).says(name, '"nowhere"')
    assert incremental.target.count("t") == 0
