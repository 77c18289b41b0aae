"""Several of everything in one run: sources, databases, tables, feeders of one target, targets of one source, processes."""

import copy
import dataclasses
import signal
import time

import pytest

from conftest import Migration
from faults import through
from marks import snowflake_only
from reference import assert_equal
from sources import Table
from targets import Target
from tests.servers.proxy import Fault, Proxy
from thaw import Running

COLUMNS = {"id": "int", "text": "text"}
TARGET = "CREATE TABLE {} (id bigint, text text)"
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100, "truncate_onstart": True}
OLD_ROW = "(-1, 'old')"
UNKNOWN_RUN = "00000000-0000-4000-8000-000000000000"
SLOW = """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$"""
SLOW_TABLE = "CREATE TRIGGER slow BEFORE INSERT ON {} FOR EACH STATEMENT EXECUTE FUNCTION slow()"


@pytest.fixture
def databases(target):
    """Two target databases of one server."""
    other = Target(target.server)
    yield [target, other]
    other.drop()


def rows(count: int, first: int = 0) -> str:
    return f"SELECT {first} + 3 * i, 'row ' || i FROM range({count}) AS r(i)"


def one_run(databases: list) -> str:
    """The one run of all these ledgers."""
    found = {row[0] for database in databases for row in database.rows("SELECT run_id::text FROM migration_status.migration_runs")}
    assert len(found) == 1, found
    return found.pop()


# Layouts


@dataclasses.dataclass(frozen=True)
class Way:
    """From which entry of sources[], schema and table into which database, schema and table."""

    source: str
    table: str
    target: str
    database: int = 0
    feed: str = "one"
    source_schema: str = ""  # the source's usual one
    target_schema: str = "public"

    @property
    def goal(self) -> tuple:
        return self.database, self.target_schema, self.target


def way(table: str, target: str, database: int = 0, feed: str = "one", source_schema: str = "", target_schema: str = "public") -> Way:
    return Way(f"{source_schema}.{table}", table, target, database, feed, source_schema, target_schema)


LAYOUTS = {
    "several_tables": [way(f"t{i}", f"t{i}") for i in range(5)],
    "several_sources": [way("a", "a", feed="one"), way("b", "b", feed="two"), way("c", "c", feed="three")],
    "one_name_in_several_schemas": [way("t", "t", feed="one", source_schema="s1", target_schema="p1"),
                                    way("t", "t", feed="two", source_schema="s2", target_schema="p2")],
    "two_databases": [way("a", "a", 0, "one"), way("b", "b", 1, "two")],
    "one_name_in_two_databases": [way("t", "t", 0, "one", "s1"), way("t", "t", 1, "two", "s2")],
    "one_source_into_two_tables": [way("t", "first"), way("t", "second")],
    "one_source_into_two_schemas": [way("t", "t", feed="one", target_schema="p1"), way("t", "t", feed="two", target_schema="p2")],
    "one_source_into_two_databases": [way("t", "t", 0, "one"), way("t", "t", 1, "two")],
    "feeders_of_one_source": [way("a", "whole"), way("b", "whole"), way("c", "whole")],
    "feeders_of_several_sources": [way("t", "whole", feed="one", source_schema="s1"), way("t", "whole", feed="two", source_schema="s2")],
    "everything": [way("a", "whole", 0, "one"), way("b", "whole", 0, "one"), way("a", "alone", 0, "one"), way("c", "whole", 0, "two"),
                   way("a", "whole", 1, "three"), way("d", "d", 1, "three"), way("t", "d", 1, "four", "s1", "p1")],
}


class Laid:
    """A layout on its source and in its databases, and the configuration of it."""

    def __init__(self, source, databases: list, ways: list):
        self.source, self.databases, self.ways = source, databases, ways
        self.tables: dict = {}
        for schema in {way.source_schema for way in ways} - {""}:
            source.make_schema(schema)
        for number, way in enumerate(ways):
            if way.source not in self.tables:
                self.tables[way.source] = source.table(way.table, COLUMNS, rows(300 + 150 * number, number * 100_000),
                                                       way.source_schema or None)
        for number, schema in {way.goal[:2] for way in ways if way.target_schema != "public"}:
            databases[number].execute(f"CREATE SCHEMA {schema}")
        for goal in self.goals():
            databases[goal[0]].execute(TARGET.format(f"{goal[1]}.{goal[2]}"), f"INSERT INTO {goal[1]}.{goal[2]} VALUES {OLD_ROW}")

    def goals(self) -> set:
        return {way.goal for way in self.ways}

    def used(self) -> list:
        return [database for number, database in enumerate(self.databases) if number in {way.database for way in self.ways}]

    def config(self) -> dict:
        feeds: dict = {}
        for way in self.ways:
            if way.feed not in feeds:
                feeds[way.feed] = self.source.feed(self.databases[way.database].name, target_schema=way.target_schema, name=way.feed)
                if way.source_schema:
                    feeds[way.feed] |= {name: way.source_schema for name in self.source.names() if name.endswith("_schema")}
            feeds[way.feed]["tables"].append({**TABLE, "source": way.table, "target": way.target})
        return {**self.source.config(), **self.databases[0].config(), "parallel_threads": 3, "sources": list(feeds.values())}

    def assert_same(self) -> None:
        """Each target holds what all of its feeders hold and nothing else; each ledger says so of its own tables."""
        for goal in sorted(self.goals()):
            expected = Table("", goal[2], COLUMNS)
            expected.files = [file for way in self.ways if way.goal == goal for file in self.tables[way.source].files]
            count = assert_equal(self.databases[goal[0]].connection, f"SELECT * FROM {goal[1]}.{goal[2]}", expected.rows_sql, scales=True)
            assert count >= 300
        one_run(self.used())
        for number, database in enumerate(self.databases):
            ways = [way for way in self.ways if way.database == number]
            assert database.has_ledger() == bool(ways)
            if ways:
                database.assert_completed()
                assert database.rows("SELECT source_name, target_schema, target_table, count(*) FROM migration_status."
                                     "migration_table_status GROUP BY 1, 2, 3 ORDER BY 1, 2, 3") == sorted(
                    {(way.feed, way.target_schema, way.target, sum((other.feed, other.goal) == (way.feed, way.goal) for other in ways))
                     for way in ways})


@pytest.mark.parametrize("layout, source", [*((layout, "duckdb") for layout in LAYOUTS), *((layout, "snowflake") for layout in (
    "one_name_in_several_schemas", "one_source_into_two_databases", "everything"))], indirect=["source"])
def test_one_run_does_all_of_it(thaw, source, databases, layout):
    laid = Laid(source, databases, LAYOUTS[layout])
    thaw.migrate(laid.config()).expect(0)
    laid.assert_same()


@pytest.mark.parametrize("fault", ["after_begin:kill", "after_plan_commit:kill:2", "after_commit:kill:7", "after_finish:kill"])
def test_a_killed_one_goes_on_everywhere(thaw, source, databases, fault):
    laid = Laid(source, databases, LAYOUTS["everything"])
    thaw.migrate(laid.config(), fault=fault).expect(-9)
    for database in databases:
        database.wait_until_alone()
    thaw.migrate(laid.config()).expect(0).says("resuming run")
    laid.assert_same()


# A table that fails


@dataclasses.dataclass(frozen=True)
class Bad:
    target: str  # how the target is made
    mend: str
    reason: str  # what the log and the ledger say among other things


BAD = {
    "number_out_of_range": Bad("CREATE TABLE bad (id integer, text text)", "ALTER TABLE bad ALTER id TYPE bigint", "9000000000"),
    "text_too_long": Bad("CREATE TABLE bad (id bigint, text varchar(10))", "ALTER TABLE bad ALTER text TYPE text", "varying(10)"),
    "null_refused": Bad("CREATE TABLE bad (id bigint, text text NOT NULL)", "ALTER TABLE bad ALTER text DROP NOT NULL", "null"),
    "check_refused": Bad("CREATE TABLE bad (id bigint CONSTRAINT small CHECK (id < 1000000), text text)",
                         "ALTER TABLE bad DROP CONSTRAINT small", "small"),
    "target_missing": Bad("SELECT 1", TARGET.format("bad"), "bad"),
}
BAD_ROWS = f"{rows(1000)} UNION ALL SELECT 9000000000, NULL UNION ALL SELECT 500, 'more than ten characters'"


def feeds_of(source, databases: list) -> list:
    """The bad table between two good ones; another entry of sources[] into the last database."""
    tables = [{**TABLE, "source": name, "target": name} for name in ("before", "bad", "after")]
    return [source.feed(databases[0].name, *tables, name="mixed"),
            source.feed(databases[-1].name, {**TABLE, "source": "before", "target": "elsewhere"}, name="good")]


@pytest.mark.parametrize("bad, source, number", [*((bad, "duckdb", 1) for bad in BAD), ("number_out_of_range", "snowflake", 1),
                                                 ("number_out_of_range", "duckdb", 2)], indirect=["source"])
def test_a_failed_table_does_not_stop_the_others(thaw, source, databases, bad, number):
    """With one database or with two, of which the second one has nothing but good tables."""
    case, databases = BAD[bad], databases[:number]
    good = [(databases[0], "before"), (databases[0], "after"), (databases[-1], "elsewhere")]
    for name in ("before", "after"):
        source.table(name, COLUMNS, rows(1000))
    table = source.table("bad", COLUMNS, BAD_ROWS)
    for database, name in good:
        database.execute(TARGET.format(name))
    databases[0].execute(case.target)
    config = {**source.config(), **databases[0].config(), "parallel_threads": 2, "sources": feeds_of(source, databases)}

    failed = thaw.migrate(config).expect(1)

    assert failed.records("ERROR", "bad", case.reason), str(failed)
    assert failed.records("ERROR", "3 of 4 tables completed, 1 failed"), str(failed)
    statuses = "SELECT target_table, status FROM migration_status.migration_table_status WHERE source_name = 'mixed' ORDER BY 1"
    assert databases[0].rows(statuses) == [("after", "completed"), ("bad", "failed"), ("before", "completed")]
    assert databases[0].rows("SELECT status, completed_tables, failed_tables FROM migration_status.migration_runs") == [
        ("failed", 4 - number, 1)]
    assert case.reason in databases[0].value("SELECT error_message FROM migration_status.migration_runs")
    assert [database.run_status() for database in databases[1:]] == ["completed"] * (number - 1)
    databases[0].assert_ledger_adds_up()
    written = [database.rows(f"SELECT id, xmin::text FROM {name} ORDER BY 1, 2") for database, name in good]
    assert [len(kept) for kept in written] == [1000] * 3

    again = thaw.migrate(config).expect(1)  # nothing is mended yet
    assert again.run_id == failed.run_id and again.records("ERROR", "bad", case.reason), str(again)
    databases[0].execute(case.mend)
    mended = thaw.migrate(config).expect(0).says("resuming run")

    assert mended.run_id == failed.run_id
    assert assert_equal(databases[0].connection, "SELECT * FROM bad", table.rows_sql, scales=True) == 1002
    assert written == [database.rows(f"SELECT id, xmin::text FROM {name} ORDER BY 1, 2") for database, name in good], "done again"
    for database in databases:
        database.assert_completed()


def test_a_failed_feeder_does_not_stop_the_others_of_its_target(migration):
    good, bad = migration.source.table("good", COLUMNS, rows(1000)), migration.source.table("bad", COLUMNS, BAD_ROWS)
    migration.target.execute("CREATE TABLE t (id integer, text text)")
    config = migration.config(*[{**TABLE, "source": name} for name in ("bad", "good")])
    failed = migration.thaw.migrate(config).expect(1).says("9000000000")
    assert migration.target.rows("SELECT source_table, total_rows_copied FROM migration_status.migration_table_status "
                                 "WHERE status = 'completed'") == [("good", 1000)]
    migration.target.execute("ALTER TABLE t ALTER id TYPE bigint")
    assert migration.thaw.migrate(config).expect(0).run_id == failed.run_id
    both = Table("", "t", COLUMNS)
    both.files = good.files + bad.files
    assert migration.assert_same(both, "t") == 2002
    migration.target.assert_completed()


# Small ones beside large ones


@pytest.mark.parametrize("database", [0, 1], ids=["one_database", "two_databases"])
def test_a_large_table_does_not_starve_a_small_one(thaw, source, databases, database):
    """Of 40 slow chunks the first are running when the small table, which comes last, is done."""
    tables = [(databases[0], source.table("large", COLUMNS, rows(4000))), (databases[database], source.table("small", COLUMNS, rows(300)))]
    databases[0].execute(TARGET.format("large"), SLOW.format(seconds=0.15), SLOW_TABLE.format("large"))
    databases[database].execute(TARGET.format("small"))
    feeds = [source.feed(where.name, {**TABLE, "source": table.name, "target": table.name}, name=table.name) for where, table in tables]

    thaw.migrate({**source.config(), **databases[0].config(), "parallel_threads": 2, "sources": feeds}).expect(0)

    for where, table in tables:
        assert assert_equal(where.connection, f"SELECT * FROM {table.name}", table.rows_sql, scales=True) > 0
        where.assert_completed()
    small = databases[database].value("SELECT completed_at FROM migration_status.migration_table_status WHERE source_table = 'small'")
    before = databases[0].value("SELECT count(*) FROM migration_status.migration_chunk_status WHERE source_table = 'large' "
                                "AND completed_at < %s", small)
    assert before < 20, f"{before} of 40 chunks of the large table were completed before the small one"


# Several processes of one run

PROCESSES = {  # what each of the later ones is started as
    "joiners": ["join", "join"],
    "a_worker_and_a_joiner": ["worker", "join"],
}


class Shared:
    """A run of two tables in slow chunks, live, to which others come."""

    def __init__(self, migration: Migration, chunks: int = 30, **settings):
        self.migration = migration
        self.tables = {name: migration.source.table(name, COLUMNS, rows(chunks * 100)) for name in ("a", "b")}
        migration.target.execute(SLOW.format(seconds=0.08))
        for name in self.tables:
            migration.target.execute(TARGET.format(name), SLOW_TABLE.format(name))
        self.config = migration.config(*[{**TABLE, "source": name, "target": name} for name in self.tables], **settings)
        self.rows = chunks * 100

    def start(self, **environment: str) -> Running:
        first = self.migration.thaw.start_migrate(self.config, **environment)
        self.wait_for("SELECT to_regclass('migration_status.migration_owners') IS NOT NULL")
        self.wait_for("SELECT count(*) = 1 FROM migration_status.v_live_owners")
        return first

    def wait_for(self, condition: str, timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        while not self.migration.target.value(condition):
            assert time.monotonic() < deadline, f"it didn't come to pass: {condition}"
            time.sleep(0.01)

    def wait_for_owners_at_work(self, count: int) -> None:
        self.wait_for(f"SELECT count(DISTINCT owner_id) >= {count} FROM migration_status.migration_chunk_status "
                      "WHERE status = 'completed'")

    def come(self, how: str, **environment: str) -> Running:
        run_id = self.migration.target.value("SELECT run_id::text FROM migration_status.migration_runs")
        arguments = ("worker", "--run-id", run_id) if how == "worker" else ("migrate", "--join")
        return self.migration.thaw.start(*arguments, environment=environment)

    def owners(self) -> dict:
        """Chunks that each process completed, by its pid."""
        return dict(self.migration.target.rows(
            "SELECT process_id, count(*) FROM migration_status.migration_chunk_status JOIN migration_status.migration_owners "
            "USING (owner_id) WHERE status = 'completed' GROUP BY 1"))

    def assert_same(self) -> None:
        for name, table in self.tables.items():
            assert self.migration.assert_same(table, name) == self.rows
        assert self.migration.target.count("migration_status.migration_runs") == 1
        self.migration.target.assert_completed()

    def go_on(self, paused: Running, *others: Running) -> None:
        """The end of a run whose first process was stopped: all end in order, and nothing is wrong."""
        paused.signal(signal.SIGCONT)
        for running in (paused, *others):
            running.wait().expect(0)
        self.assert_same()


@pytest.mark.parametrize("processes", PROCESSES)
def test_three_processes_share_a_run(migration, processes):
    shared = Shared(migration)
    first = shared.start()
    shared.wait_for_owners_at_work(1)
    running = [first, *map(shared.come, PROCESSES[processes])]

    finished = [process.wait().expect(0) for process in running]

    assert sorted(shared.owners()) == sorted(process.process.pid for process in running), "one of them did nothing"
    assert all("joining run" in other.stderr for other in finished[1:])
    assert not [record for one in finished for record in one.records("ERROR")]
    assert sum(len(one.records("completed: ", "reconciled")) for one in finished) >= 2
    shared.assert_same()


@snowflake_only
def test_a_shared_run_is_planned_once(migration, double):
    """The first process is registered and frozen; the others may plan, but not both the same table, nor the first one again."""
    shared = Shared(migration)
    double.mark()
    first = migration.thaw.start_migrate(shared.config, THAW_FAULT="after_begin:sleep=800")
    shared.wait_for("SELECT to_regclass('migration_status.migration_runs') IS NOT NULL")
    shared.wait_for("SELECT count(*) = 1 FROM migration_status.migration_runs")
    running = [first, *map(shared.come, ["worker", "join"])]
    for process in running:
        process.wait().expect(0)

    planning = [statement for statement in double.statements() if "THAW_RANKED" in statement]
    assert sorted(name for name in shared.tables for statement in planning if f'"PUBLIC"."{name}"' in statement) == ["a", "b"]
    assert len(planning) == 2
    reads = [statement for statement in double.statements() if statement.startswith('SELECT "id" AS') and "1 = 0" not in statement]
    assert len(reads) == len(set(reads)) == migration.target.chunks()["completed"] > 2 * 29, "each chunk is read once"
    shared.assert_same()


@pytest.mark.parametrize("victim", [0, 1, 2], ids=["the_first", "a_worker", "a_joiner"])
def test_one_that_is_killed_is_made_up_for_by_the_others(migration, victim):
    shared = Shared(migration)
    running = [shared.start()]
    shared.wait_for_owners_at_work(1)
    running += map(shared.come, ["worker", "join"])
    shared.wait_for_owners_at_work(3)
    killed = running.pop(victim)
    killed.kill()
    killed.wait().expect(-9)
    assert migration.target.count("migration_status.migration_chunk_status WHERE status <> 'completed'") > 0, "killed too late"
    for process in running:
        process.wait().expect(0)
    shared.assert_same()


@pytest.mark.parametrize("fault", ["after_record:stop:3", "before_finish_commit:stop"])
def test_a_worker_is_not_misled_by_one_that_pauses(migration, fault):
    """It waits for what the other one has in hand; it neither takes it over nor calls the run completed without it."""
    shared = Shared(migration, chunks=6)
    first = migration.thaw.start_migrate(shared.config, THAW_FAULT=fault)
    first.wait_until_stopped()
    backends = migration.target.value("SELECT array_agg(pid)::text FROM pg_stat_activity WHERE datname = current_database()")
    worker = shared.come("worker")
    shared.wait_for("SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
                    f"AND application_name = 'thaw worker' AND pid <> ALL ('{backends}')")
    assert worker.process.poll() is None and migration.target.run_status() == "running"
    shared.go_on(first, worker)


def test_what_is_waited_for_is_said(migration):
    shared = Shared(migration, chunks=3, parallel_threads=1)
    first = migration.thaw.start_migrate(shared.config, THAW_FAULT="in_data:stop")
    first.wait_until_stopped()
    run_id = migration.target.value("SELECT run_id::text FROM migration_status.migration_runs")
    with open(migration.thaw.directory / "log", "w+", encoding="utf-8") as log:
        worker = migration.thaw.start("worker", "--run-id", run_id, stderr=log)
        said = ""
        while "nothing left to claim" not in said:
            assert worker.process.poll() is None, said
            time.sleep(0.05)
            log.seek(0)
            said = log.read()
    record, = [line for line in said.splitlines() if "nothing left to claim" in line]
    assert "1 chunk(s) from chunk 1 of " in record and f"(pid {first.process.pid}), last heard of" in record, record
    shared.go_on(first, worker)


def test_a_worker_finishes_what_one_that_pauses_has_not_in_hand(migration):
    """Stopped between its transactions, the first one holds nothing: then the run is completed without it, and it learns of that."""
    shared = Shared(migration, chunks=6, parallel_threads=1)
    first = migration.thaw.start_migrate(shared.config, THAW_FAULT="before_finish:stop")
    first.wait_until_stopped()
    shared.come("worker").wait().expect(0)
    shared.assert_same()
    assert first.state() == "T"
    shared.go_on(first)


@pytest.mark.parametrize("fault", ["after_begin:kill", "after_commit:kill:5", "before_finish:kill"])
def test_a_worker_takes_up_an_interrupted_run(migration, fault):
    shared = Shared(migration, chunks=6)
    migration.thaw.migrate(shared.config, fault=fault).expect(-9)
    migration.target.wait_until_alone()
    shared.come("worker").wait().expect(0).says("resuming run")
    shared.assert_same()


@pytest.mark.parametrize("bad", ["number_out_of_range", "target_missing"])
def test_a_table_that_fails_elsewhere_fails_for_all(migration, bad):
    """Nobody waits for it, each of them says that the run failed, and after mending any of them may go on."""
    case = BAD[bad]
    shared = Shared(migration)
    table = migration.source.table("bad", COLUMNS, BAD_ROWS)
    migration.target.execute(case.target)
    shared.config["sources"][0]["tables"].append({**TABLE, "source": "bad", "target": "bad"})
    first = shared.start()
    shared.wait_for("SELECT EXISTS (SELECT FROM migration_status.migration_table_status WHERE status = 'failed')")
    running = [first, shared.come("worker")]
    for process in running:
        process.wait().expect(1).says("2 of 3 tables completed, 1 failed")
    assert migration.target.run_status() == "failed"
    migration.target.execute(case.mend)
    shared.come("worker").wait().expect(0)
    assert migration.assert_same(table, "bad") == 1002
    shared.assert_same()


def test_a_database_that_does_not_answer_delays_no_other_one_s_heartbeat(thaw, source, databases):
    """The one swallows the heartbeat, for which it has fifteen seconds; the other one's go on every five."""
    tables = [source.table(name, COLUMNS, rows(3000)) for name in ("a", "b")]
    for database, table in zip(databases, tables):
        database.execute(TARGET.format(table.name), SLOW.format(seconds=0.5), SLOW_TABLE.format(table.name))
    feeds = [source.feed(database.name, {**TABLE, "source": table.name, "target": table.name}, name=table.name)
             for database, table in zip(databases, tables)]
    with Proxy(databases[0].server.host, databases[0].server.port) as proxy:
        config = through({**source.config(), **databases[0].config(), "parallel_threads": 2, "sources": feeds}, proxy)
        swallowed = proxy.add(Fault("stall", at=b"SET heartbeat_at", role="control", times=1000,
                                    after=b"database\0" + databases[1].name.encode() + b"\0"))
        running = thaw.start_migrate(config)
        seen: set = set()
        while swallowed.hits == 0 or len(seen) < 3:
            assert running.process.poll() is None, running.wait()
            assert swallowed.hits < 2, "the first heartbeat that was swallowed delayed the other database's"
            time.sleep(0.05)
            if swallowed.hits:
                seen.add(databases[0].value("SELECT heartbeat_at FROM migration_status.migration_owners"))
        proxy.faults.clear()
        for database in databases:
            database.execute("CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        running.wait().expect(0)
    for database, table in zip(databases, tables):
        assert assert_equal(database.connection, f"SELECT * FROM {table.name}", table.rows_sql, scales=True) == 3000
        database.assert_completed()


# Who may not join


def changed(config: dict, **settings) -> dict:
    """The same with other settings of its first table."""
    other = copy.deepcopy(config)
    other["sources"][0]["tables"][0] |= settings
    return other


DIFFERENT = {
    "source_filter": ({"source_filter": '"id" < 900'}, ("source_filter", '< 900')),
    "chunking": ({"chunking": "hash"}, ("chunking", "hash")),
    "column_mapping": ({"column_mapping": {"text": "id", "id": "text"}}, ("column_mapping",)),
    "truncate_onstart": ({"truncate_onstart": False}, ("truncate_onstart", "true", "false")),
}


@pytest.mark.parametrize("difference, live", [*((difference, True) for difference in DIFFERENT), ("source_filter", False)])
def test_another_configuration_is_refused_by_its_differences(migration, difference, live):
    settings, words = DIFFERENT[difference]
    shared = Shared(migration, chunks=6)
    first = migration.thaw.start_migrate(shared.config, THAW_FAULT=f"after_commit:{'stop' if live else 'kill'}:3")
    if live:
        first.wait_until_stopped()
    else:
        first.wait().expect(-9)
        migration.target.wait_until_alone()
    before = migration.target.chunks()
    migration.thaw.write(changed(shared.config, **settings))
    for how in ["worker", "join"] if live else ["worker"]:
        refused = shared.come(how).wait().expect(1).says("another configuration", *words)
        assert "batch_size" not in refused.stderr and "chunking_columns" not in refused.stderr
    assert migration.target.chunks() == before
    migration.thaw.write(shared.config)
    if live:
        first.signal(signal.SIGCONT)
        first.wait().expect(0)
    else:
        shared.come("worker").wait().expect(0)
    shared.assert_same()


def test_threads_and_retries_may_differ(migration):
    shared = Shared(migration, chunks=6)
    migration.thaw.migrate(shared.config, fault="after_commit:kill:3").expect(-9)
    migration.target.wait_until_alone()
    migration.thaw.write({**shared.config, "parallel_threads": 1, "max_retry_attempts": 9})
    shared.come("worker").wait().expect(0)
    shared.assert_same()


@pytest.mark.parametrize("arguments, status, words", [
    (["--run-id", UNKNOWN_RUN], 1, [UNKNOWN_RUN, "thaw status"]), (["--run-id", "seven"], 2, ["--run-id", "seven"]),
    ([], 2, ["--run-id"])], ids=["unknown", "no_id", "none"])
def test_a_worker_without_a_run_is_refused(migration, arguments, status, words):
    shared = Shared(migration, chunks=2)
    migration.thaw.write(shared.config)
    migration.thaw.run("worker", *arguments).expect(status).says(*words)
    assert [migration.target.count(name) for name in shared.tables] == [0, 0]


def test_a_worker_of_a_completed_run_has_nothing_to_do(migration):
    """So that workers may come at any time; and no second run begins."""
    shared = Shared(migration, chunks=2)
    migration.thaw.migrate(shared.config).expect(0)
    shared.come("worker").wait().expect(0).says("was completed already")
    assert migration.target.count("migration_status.migration_runs") == 1
    shared.assert_same()
