"""The log: each record once, in one write, in its format; and never a secret."""

import collections
import json
import os
import pathlib
import pty
import re
import socket
import subprocess
import threading

import psycopg
import pytest

from marks import both_sources
from thaw import BINARY, TEXT_RECORD

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 50}


def prepare(migration, rows: int = 1000):
    table = migration.source.table("t", {"id": "int", "text": "text"}, f"SELECT i, 't' || i FROM range({rows}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, text text)")
    return table


def without_time(record: str) -> str:
    return re.sub(r"^\d{4}-\d\d-\d\d[T ][\d:.]+Z?|\"timestamp\":\"[^\"]*\"", "", record)


def assert_each_once(records: list) -> None:
    twice = [record for record, count in collections.Counter(map(without_time, records)).items() if count > 1]
    assert not twice, f"logged more than once: {twice}"


def assert_json_record(line: str, run_id_expected: bool) -> dict:
    record = json.loads(line)
    assert {"timestamp", "level", "message", "component"} <= record.keys()
    assert record.keys() <= {"timestamp", "level", "message", "component", "requestId", "run_id", "table", "chunk"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", record["timestamp"])
    assert record["level"] in ("DEBUG", "INFO", "WARNING", "ERROR")
    assert not run_id_expected or re.fullmatch(r"[0-9a-f-]{36}", record["run_id"])
    return record


@both_sources
def test_invariant_11_text_in_a_pipe(migration):
    prepare(migration)
    finished = migration.thaw.migrate(migration.config(TABLE), "--log-level", "debug").expect(0)
    lines = finished.stderr.splitlines()
    assert len(lines) > 20
    strangers = [line for line in lines if not TEXT_RECORD.match(line)]
    assert not strangers
    assert_each_once(lines)


@both_sources
def test_invariant_11_json_in_a_pipe(migration):
    prepare(migration)
    finished = migration.thaw.migrate(migration.config(TABLE), "--log-level", "debug", "--log-format", "json").expect(0)
    lines = finished.stderr.splitlines()
    assert_each_once(lines)
    records = [assert_json_record(line, "run_id" in line) for line in lines]
    assert sum("run_id" in record for record in records) > 20
    chunks = [record for record in records if "chunk" in record]
    assert {record["chunk"] for record in chunks} == set(range(1, 22))
    assert all(record["table"].endswith("t") for record in chunks)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_invariant_11_on_a_terminal(migration, log_format):
    prepare(migration, 20_000)
    ours, theirs = pty.openpty()
    running = migration.thaw.start_migrate(migration.config({**TABLE, "batch_size": 1000}), "--log-level", "debug", "--log-format",
                                           log_format, "--progress", "always", stderr=theirs)
    os.close(theirs)
    received = bytearray()

    def read() -> None:
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:  # EIO: the other side is closed
                return
            if not block:
                return
            received.extend(block)

    reader = threading.Thread(target=read)
    reader.start()
    finished = running.wait()
    reader.join()
    os.close(ours)
    assert finished.status == 0, received.decode()
    # A progress line is drawn over and rubbed out; what stays on the screen are the records.
    lines = [line.rpartition("\x1b[K")[2].removesuffix("\r") for line in received.decode("utf-8").split("\n")]
    records = [line for line in lines if TEXT_RECORD.match(line) or line.startswith("{")]
    assert len(records) > 20
    assert [line for line in lines if line and line not in records] == []
    assert_each_once(records)
    for record in records if log_format == "json" else []:
        assert_json_record(record, False)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_invariant_11_a_record_is_one_write(migration, log_format):
    """Every write to a SOCK_SEQPACKET socket arrives as a packet of its own."""
    prepare(migration)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    running = migration.thaw.start_migrate(migration.config(TABLE), "--log-level", "debug", "--log-format", log_format, stderr=theirs)
    theirs.close()
    packets = []
    while packet := ours.recv(1 << 20):
        packets.append(packet.decode("utf-8"))
    ours.close()
    running.wait().expect(0)
    assert len(packets) > 20
    torn = [packet for packet in packets if not packet.endswith("\n") or packet.count("\n") != 1]
    assert not torn
    assert_each_once(packets)


def test_invariant_11_an_error_is_told_once(migration):
    migration.source.table("t", {"id": "int", "value": "int"}, "SELECT i, 100000 FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, value smallint)")
    finished = migration.thaw.migrate(migration.config(TABLE), "--workers", "1").expect(1)
    assert len(finished.records("100000")) == 1, finished


def test_a_log_nobody_reads_does_not_stop_the_run(migration):
    table = prepare(migration)
    reading, writing = os.pipe()
    os.close(reading)
    running = migration.thaw.start_migrate(migration.config(TABLE), stderr=writing)
    os.close(writing)
    assert running.wait().status == 0
    assert migration.assert_same(table, "t") == 1000


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "0<&- 2>&-", "0<&- >&- 2>&-"])
def test_descriptors_that_are_closed_take_no_log_elsewhere(migration, closed):
    """The next socket would be descriptor 2, and the server would hear the log."""
    table = prepare(migration)
    migration.thaw.write(migration.config(TABLE))
    command = f'"$0" migrate --log-level debug {closed}'
    subprocess.run(["sh", "-c", command, BINARY], cwd=migration.thaw.directory, env=migration.thaw.environment, capture_output=True, check=True, timeout=60)
    assert migration.assert_same(table, "t") == 1000
    migration.target.assert_completed()
    assert "invalid frontend message" not in migration.target.server.log()


# id: (arguments, exit status where the result can't be written); a migration that has run isn't to be repeated for that
FULL = {"a status": (("status", "--json"), 1), "a plan": (("migrate", "--dry-run"), 1), "a migration": (("migrate", "--json"), 0),
        "a check": (("check",), 1), "a judgement": (("validate",), 1), "help": (("migrate", "--help"), 0)}


@pytest.mark.parametrize("case", FULL)
def test_a_result_that_can_not_be_written_is_told(migration, case):
    prepare(migration)
    migration.thaw.write(migration.config(TABLE))
    arguments, status = FULL[case]
    with open("/dev/full", "wb") as full:
        finished = subprocess.run([BINARY, *arguments], cwd=migration.thaw.directory, env=migration.thaw.environment, stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert finished.returncode == status, finished
    assert f"thaw {arguments[0]}: the result could not be written: No space left on device" in finished.stderr


# Secrets


def everything_in_the_ledger(target) -> str:
    texts = []
    for schema, relation in target.rows("SELECT schemaname, relname FROM pg_stat_user_tables WHERE schemaname = 'migration_status'"):
        texts.extend(row[0] for row in target.rows(f'SELECT t::text FROM "{schema}"."{relation}" AS t'))
    assert texts
    return "\n".join(texts)


def processes(pid: int) -> str:
    shown = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True).stdout
    line, = [line for line in shown.splitlines() if line.split()[0] == str(pid)]
    return line + pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8") + \
        pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")


def server_side(target) -> str:
    return "\n".join(str(row) for row in target.rows("SELECT application_name, query FROM pg_stat_activity WHERE application_name <> 'tests'"))


@pytest.mark.parametrize("source", ["snowflake"], indirect=True)
@pytest.mark.parametrize("kind, url", [("password", False), ("token", True), ("rsa_key", False)],
                         ids=["password-fields", "token-url", "rsa_key-fields"])
def test_invariant_12_secrets_are_never_shown(migration, tmp_path, kind, url):
    prepare(migration)
    role, password = f"role_{migration.target.name}", "pg-p4ssw0rd-%2F-8d1f"
    plain = password.replace("%2F", "/")
    migration.target.server.create_role(role, plain)
    with psycopg.connect(migration.target.server.url(), autocommit=True) as admin:
        admin.execute(f"GRANT ALL ON DATABASE {migration.target.name} TO {role}")
    migration.target.execute(f"ALTER TABLE t OWNER TO {role}")
    secret = {"password": "sf-p4ssw0rd-77ab", "token": "sf-t0ken-c0ffee-1234", "rsa_key": migration.source.key_file.read_text()}[kind]
    shown = [plain, password] + ([line for line in secret.splitlines() if "-----" not in line] if kind == "rsa_key" else [secret])
    (tmp_path / ".env").write_text(f"SOURCE_SECRET={json.dumps(secret)}\nTARGET_SECRET={plain if not url else password}\n",
                                   encoding="utf-8")
    server = migration.target.server
    config = {**migration.config(TABLE), **migration.source.config(**{kind: "${SOURCE_SECRET}"})}
    config["postgres"] = ({"url": f"postgresql://{role}:${{TARGET_SECRET}}@{server.host}:{server.port}/"} if url else
                          {"host": server.host, "port": server.port, "user": role, "password": "${TARGET_SECRET}"})

    running = migration.thaw.start_migrate(config, "--log-level", "debug", fault="after_commit:stop:5")
    running.wait_until_stopped()
    seen = processes(running.process.pid) + server_side(migration.target)
    running.kill()
    killed = running.wait().expect(-9)
    migration.target.wait_until_alone()
    failing = migration.thaw.migrate({**config, "postgres": {**config["postgres"], **({} if url else {"password": "wr0ng-p4ssw0rd"})}},
                                     "--log-level", "debug", **({"TARGET_SECRET": "wr0ng-p4ssw0rd"} if url else {})).expect(1)
    finished = migration.thaw.migrate(config, "--log-level", "debug", "--log-format", "json").expect(0)
    migration.thaw.run("validate").expect(0)

    everywhere = "\n".join([seen, killed.stdout, killed.stderr, failing.stdout, failing.stderr, finished.stdout, finished.stderr,
                            everything_in_the_ledger(migration.target), migration.thaw.run("status").expect(0).stdout])
    for text in [*shown, "wr0ng-p4ssw0rd"]:
        assert text not in everywhere


def test_invariant_12_what_a_source_says_of_its_init_sql_is_not_shown(migration):
    """init_sql may create secrets for object stores."""
    prepare(migration)
    config = migration.config(TABLE)
    config["duckdb"]["init_sql"] = "CREATE SECRET s (TYPE nonsense, KEY_ID 'k3y-1d-visible-nowhere')"
    finished = migration.thaw.migrate(config, "--log-level", "debug").expect(1)
    assert "k3y-1d-visible-nowhere" not in finished.stdout + finished.stderr
