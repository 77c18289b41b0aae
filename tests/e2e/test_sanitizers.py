"""The main ways through the program under AddressSanitizer (leaks too) and UndefinedBehaviorSanitizer, with both drivers; and
faults planted on purpose, which show that such a run can fail."""

import json
import pathlib
import signal

import pytest

import thaw
from marks import both_sources
from tests.servers.postgres import run as run_command

ASAN = thaw.ROOT / "build/asan/thaw"
FOUND = 86  # the exit status of a process in which a sanitizer found something
COLUMNS = {"id": "int", "amount": "decimal(20,4)", "ratio": "float", "ok": "bool", "text": "text", "bytes": "binary",
           "day": "date", "at": "timestamp", "instant": "timestamptz", "document": "json"}
TARGET = ("CREATE TABLE t (id bigint, amount numeric(20,4), ratio float8, ok boolean, text text, bytes bytea, day date, "
          "at timestamp, instant timestamptz, document jsonb)")
SELECT = """
    SELECT CASE WHEN i % 50 = 0 THEN NULL ELSE i // 2 END, CASE WHEN i % 7 > 0 THEN i / 16.0 - 100 END, i / 3.0, i % 3 = 0,
           CASE WHEN i % 11 > 0 THEN repeat('é', CAST(i % 60 AS INTEGER)) || i END, unhex('00ff' || lpad(CAST(i AS VARCHAR), 8, '0')),
           DATE '1950-01-01' + CAST(i AS INTEGER), TIMESTAMP '1969-12-01' + i * INTERVAL 61 SECOND,
           TIMESTAMPTZ '2024-03-31 00:00:00+00' + i * INTERVAL 1 HOUR, '{"i": ' || i || '}'
    FROM range(6000) AS r(i)"""
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 700}


@pytest.fixture
def reports(monkeypatch, tmp_path):
    """The program is the one with the sanitizers in it; calling this gives what they have reported since. Options:
    https://github.com/google/sanitizers/wiki/SanitizerCommonFlags"""
    if not ASAN.exists():
        raise pytest.UsageError(f"{ASAN} doesn't exist: run make asan")
    monkeypatch.setattr(thaw, "BINARY", ASAN)
    folder = tmp_path / "reports"
    folder.mkdir()
    common = f"exitcode={FOUND}:log_path={folder}/report"
    monkeypatch.setenv("ASAN_OPTIONS", f"{common}:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1")
    monkeypatch.setenv("UBSAN_OPTIONS", f"{common}:print_stacktrace=1:halt_on_error=1")
    monkeypatch.setenv("LSAN_OPTIONS", "")
    return lambda: "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in sorted(folder.iterdir()))


@pytest.fixture
def clean(reports, migration):
    """A migration during which the sanitizers find nothing."""
    yield migration
    assert reports() == ""


def prepare(migration):
    table = migration.source.table("t", COLUMNS, SELECT)
    migration.target.execute(TARGET)
    return table


def assert_copied(migration, table) -> None:
    assert migration.assert_same(table, "t") == 6000
    migration.target.assert_completed()


@both_sources
def test_a_table_of_many_types_is_copied(clean):
    table = prepare(clean)
    clean.thaw.migrate(clean.config(TABLE)).expect(0)
    assert_copied(clean, table)
    clean.thaw.run("status").expect(0)


@both_sources
def test_a_killed_run_goes_on(clean):
    table = prepare(clean)
    config = clean.config(TABLE)
    clean.thaw.migrate(config, fault="after_record:kill:3").expect(-signal.SIGKILL)
    clean.thaw.migrate(config).expect(0).says("resuming run")
    assert_copied(clean, table)


@both_sources
def test_a_run_that_is_asked_to_stop_ends_in_order(clean):
    table = prepare(clean)
    config = clean.config(TABLE)
    process = clean.thaw.start_migrate(config, fault="in_data:stop:2")
    process.wait_until_stopped()
    process.signal(signal.SIGTERM)
    process.signal(signal.SIGCONT)
    process.wait().expect(3)
    clean.thaw.migrate(config).expect(0)
    assert_copied(clean, table)


@both_sources
def test_attempts_that_fail_are_made_again(clean):
    """Between them: an error in the midst of the data, one before the commit, and connections that the server ends."""
    table = prepare(clean)
    process = clean.thaw.start_migrate(clean.config(TABLE), fault="in_data:error:1,after_record:error:4,after_data:stop:5")
    process.wait_until_stopped()
    assert clean.target.server.terminate(f"datname = '{clean.target.name}' AND application_name <> 'tests'") > 0
    process.signal(signal.SIGCONT)
    process.wait().expect(0).says("attempt 1 failed")
    assert_copied(clean, table)


@both_sources
def test_a_value_that_does_not_fit_fails_the_table(clean):
    clean.source.table("t", COLUMNS, SELECT)
    clean.target.execute(TARGET.replace("text text", "text varchar(40)"))
    clean.thaw.migrate(clean.config(TABLE)).expect(1).says("text")
    clean.target.assert_ledger_adds_up()


@both_sources
def test_a_dry_run_and_refusals(clean):
    prepare(clean)
    clean.thaw.migrate(clean.config(TABLE), "--dry-run").expect(0)
    clean.thaw.migrate(clean.config({**TABLE, "source": "T t"})).expect(1)
    clean.thaw.migrate(clean.config({**TABLE, "target": "missing"})).expect(1)
    clean.thaw.migrate(clean.config({**TABLE, "chunking": "hashed"})).expect(2)
    (clean.thaw.directory / "config.json").write_text('{"duckdb": {"path": 7,}', encoding="utf-8")
    clean.thaw.run("validate").expect(2)


@pytest.fixture(scope="session")
def planted_driver(tmp_path_factory) -> pathlib.Path:
    """Compiled by what compiled the program."""
    compiler = json.loads((ASAN.parent / "compile_commands.json").read_text(encoding="utf-8"))[0]["command"].split()[0]
    library = tmp_path_factory.mktemp("planted") / "planted_driver.so"
    built = run_command([compiler, "-shared", "-fPIC", "-g", "-I", thaw.ROOT / "build/deps/adbc",
                         f'-DDUCKDB="{thaw.ROOT}/build/drivers/libduckdb.so"', pathlib.Path(__file__).with_name("planted_driver.c"),
                         "-o", library, "-ldl"])
    assert built.returncode == 0, built.stderr
    return library


@pytest.mark.parametrize(("planted", "found"), [("overflow", "heap-buffer-overflow"), ("misaligned", "misaligned address"),
                                                ("leak", "LeakSanitizer: detected memory leaks"), ("nothing", "")])
def test_planted_faults_are_found(reports, migration, planted_driver, planted, found):
    """Without them the sanitizers' silence would prove nothing. And a driver that behaves is silent."""
    table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(1000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    driver = {"driver": str(planted_driver), "entrypoint": "planted_init", "dialect": "duckdb",
              "options": {"path": str(migration.source.file), "access_mode": "READ_ONLY"}}
    config = {key: value for key, value in migration.config(TABLE).items() if key != "duckdb"} | {"adbc": driver}

    finished = migration.thaw.migrate(config, PLANTED=planted)

    if planted == "nothing":
        assert reports() == ""
        assert migration.assert_same(table, "t") == 1000
        return
    finished.expect(FOUND)
    assert found in reports() + finished.stderr, finished
    if planted != "leak":
        assert "src/encode/" in reports() + finished.stderr, f"found, but not in the program's own code: {finished}"
