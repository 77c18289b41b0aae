"""memory_limit_mb: the process keeps within it, by running fewer workers and by reading fewer wide tables at once."""

import dataclasses
import json
import subprocess
import sys

import duckdb
import pytest

import thaw
from bench import wide
from functions import ask, function, records

WORKERS = 8


@dataclasses.dataclass(frozen=True)
class Case:
    """What a limit leads to: `workers` that run, `readers` of the table at a time; 0: the table is refused, with `needed` MB."""

    columns: int
    limit: int
    workers: int
    readers: int
    needed: int = 0


# By the arithmetic that the unit tests have; here the kernel says whether it holds.
CASES = {
    "duckdb": [Case(24, 115, 1, 1), Case(250, 128, 1, 0, 171), Case(250, 200, 1, 1), Case(250, 400, 3, 3)],
    "snowflake": [Case(250, 200, 2, 2)],
}
EVERY = [pytest.param(kind, case, id=f"{kind}-{case.columns}-columns-{case.limit}-MB") for kind, cases in CASES.items() for case in cases]
ROWS = {24: 300_000, 250: 40_000}


def source_sql(columns: int) -> str:
    """Few columns of values that nothing compresses; or many."""
    if columns != 24:
        return wide.source_sql(columns, ROWS[columns])
    values = {"bigint": "(hash(i + {n}) >> 2)::BIGINT", "integer": "(hash(i * {n}) >> 34)::INTEGER", "text": "md5((i * {n})::VARCHAR)",
              "numeric(12, 2)": "(hash(i + {n}) % 1000000000)::DECIMAL(12, 2)", "double precision": "hash(i + {n}) / 7.0"}
    rest = [f"{values[kind].format(n=n)} AS {name}" for n, (name, _, kind) in enumerate(wide.columns(columns)[1:], 1)]
    return f"SELECT i AS id, {', '.join(rest)} FROM range({ROWS[columns]}) r(i)"


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    """A file of so many columns, made once."""
    folder = tmp_path_factory.mktemp("wide")

    def get(columns: int):
        file = folder / f"{columns}.parquet"
        if not file.exists():
            with duckdb.connect() as connection:
                connection.execute(f"COPY ({source_sql(columns)}) TO '{file}' (FORMAT parquet)")
        return file

    return get


@pytest.fixture
def fill(migration, parquet):
    """Make the table `wide` of so many columns at both ends."""

    def make(columns: int, rows: int) -> None:
        migration.source.execute(f"CREATE TABLE {migration.source.relation('wide')} AS SELECT * FROM read_parquet('{parquet(columns)}') LIMIT {rows}")
        migration.target.execute(wide.target_sql(columns))

    return make


def table(columns: int) -> dict:
    return {"source": "wide", "target": "wide", "chunking_columns": ["id"], "batch_size": ROWS[columns] // 8, "truncate_onstart": True}


def measured(migration, config: dict) -> tuple:
    """Migrate; the process's largest resident memory in MB, as the kernel counts it, and what it said."""
    migration.thaw.write(config)
    report = migration.thaw.directory / "cost.json"
    command = [sys.executable, "-I", "-S", thaw.ROOT / "bench/measure.py", report, thaw.BINARY, "migrate", "--json", "--workers", str(WORKERS)]
    done = subprocess.run(command, cwd=migration.thaw.directory, env=migration.thaw.environment, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    finished = thaw.Finished([str(word) for word in command], done.returncode, done.stdout, done.stderr, 0)
    return json.loads(report.read_text(encoding="utf-8"))["peak_mb"], finished


@pytest.mark.parametrize("source, case", EVERY, indirect=["source"])
def test_invariant_05_the_process_keeps_within_its_limit(migration, fill, case, tell):
    fill(case.columns, rows=ROWS[case.columns] if case.readers else 10)
    peak, finished = measured(migration, migration.config(table(case.columns), snapshot="none", memory_limit_mb=case.limit))
    tell(f"{migration.source.kind}, {case.columns} columns, limit {case.limit} MB: {peak:.0f} MB")
    assert peak < case.limit, finished
    said = json.loads(finished.stdout)
    assert (said["memory_limit_mb"], said["workers"]) == (case.limit, case.workers), finished
    assert len(finished.records(f"memory_limit_mb is {case.limit}: {case.workers} of {WORKERS} workers at once; ", " would allow all")) == 1, finished
    if case.readers == 0:
        finished.expect(1).says(f"one reader of its {case.columns} columns takes {case.needed} MB", f"at least {case.needed}")
        assert migration.target.count("wide") == 0
    else:
        finished.expect(0)
        assert migration.target.count("wide") == ROWS[case.columns]
        migration.target.assert_completed()


def test_what_one_reader_cannot_do_with_is_told(migration):
    """A query that needs more of DuckDB's cache than the limit leaves: alone it won't get more, so it isn't tried for long. Without a
    limit the cache is widened."""
    view = "CREATE VIEW wide AS SELECT 1::BIGINT AS id, length(string_agg(repeat('x', 1000), ''))::BIGINT AS note FROM range(150000)"
    migration.target.execute("CREATE TABLE wide (id bigint, note bigint)")
    feeds = [{"source_name": "feed", "target_pg_database": migration.target.name, "tables": [{"source": "wide", "target": "wide"}]}]
    config = {**migration.config(feeds=feeds, snapshot="none"), "duckdb": {"path": ":memory:", "init_sql": view}}
    finished = migration.thaw.migrate({**config, "memory_limit_mb": 150}).expect(1)
    assert finished.records("ERROR", "main.wide", "Out of Memory", "set memory_limit_mb higher: DuckDB may have 79 MB of it"), finished
    assert finished.seconds < 20 and not finished.records("attempt 2 failed"), finished
    migration.thaw.migrate(config).expect(0).says("going on with")
    assert migration.target.rows("SELECT * FROM wide") == [(1, 150_000_000)]


TOLD = {
    "no limit": (None, "", 1, None),
    "fewer workers": (200, "6 of 8 workers at once; 215 would allow all", 1, None),
    "all workers": (400, "8 of 8 workers at once", 3, None),
    "a table that is too wide": (128, "2 of 8 workers at once; 215 would allow all", 0, "set memory_limit_mb to at least 171"),
}


@pytest.mark.parametrize("limit, says, readers, hint", TOLD.values(), ids=list(TOLD))
def test_a_dry_run_and_a_check_tell_what_a_limit_leads_to(migration, limit, says, readers, hint):
    migration.source.table("narrow", {"id": "int"}, "SELECT i FROM range(10) r(i)")
    migration.source.execute(f"CREATE TABLE {migration.source.relation('wide')} AS {wide.source_sql(250, 10)}")
    migration.target.execute("CREATE TABLE narrow (id bigint)", wide.target_sql(250))
    tables = [{"source": name, "target": name} for name in ("narrow", "wide")]
    config = migration.config(*tables, snapshot="none", parallel_threads=8, memory_limit_mb=limit)
    status = 1 if hint else 0
    dry = migration.thaw.migrate(config, "--dry-run").expect(status)
    check = json.loads(migration.thaw.run("check", "--json").expect(status).stdout)
    findings = [(found["grade"], found["message"]) for found in check["source"]["findings"] if found["code"] == "memory_limit"]
    of_tables = [(entry["source"], found["hint"]) for entry in check["tables"] for found in entry["findings"] if found["code"] == "memory_limit"]
    first = dry.stdout.splitlines()[0]
    if limit is None:
        assert first.startswith("workers: 8, memory: about ") and findings == [], dry
    else:
        told = f"memory_limit_mb is {limit}: {says}"
        assert first == f"workers: {says[0]}, {told}" and findings == [("ok" if says[0] == "8" else "remark", told)], (dry, findings)
    facts = json.loads(migration.thaw.run("migrate", "--dry-run", "--json").expect(status).stdout)
    assert (facts["workers"], facts["memory_limit_mb"]) == (int(says[:1] or 8), limit), facts
    assert facts["tables"][1].get("readers", 0) == readers, facts
    if readers:
        assert dry.stdout.count(f"  readers: {readers} of ") == 1 and of_tables == [], (dry, of_tables)
    else:
        assert hint in dry.says("main.wide").stderr and of_tables == [("source.main.wide", hint)], (dry, of_tables)


SIZES = {
    "a share of the function": (200, None, "INFO", "memory_limit_mb is 160: "),
    "too little for one worker": (112, None, "WARN", "80 % of the function's 112 MB are less than the 103 MB that one worker takes"),
    "as configured": (400, 130, "INFO", "memory_limit_mb is 130: "),
    "more than the function has": (256, 400, "WARN", "memory_limit_mb is 400, but the function has 256 MB"),
    "room for all": (2048, None, None, None),
}


@pytest.mark.parametrize("size, limit, level, says", SIZES.values(), ids=list(SIZES))
def test_a_function_keeps_within_its_size(migration, tmp_path, size, limit, level, says):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(10) r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    config = migration.config({"source": "t", "target": "t"}, parallel_threads=10, memory_limit_mb=limit)
    with function(tmp_path, config, AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(size)) as lambda_function:
        ask(lambda_function, {}, 200, "completed")
        told = [(record["level"], record["message"]) for record in records(lambda_function) if "memory" in record.get("message", "")]
    assert migration.target.count("t") == 10
    if says is None:
        assert told == []
    else:
        assert any(word == level and message.startswith(says) for word, message in told), told
