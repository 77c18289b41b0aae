"""`thaw check` on what is around the tables: the source's session, the server, the database, the role."""

import contextlib
import socket
import struct
import threading

import psycopg
import pytest

from checks import Role, check
from conftest import Migration
from marks import both_sources, both_versions, snowflake_only
from targets import Target
from tests.servers.postgres import Postgres

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"]}


def prepare(migration, rows: int = 100, target=None):
    migration.source.table("t", {"id": "int", "name": "text"}, f"SELECT i, 'n' || i FROM range({rows}) AS r(i)")
    (target or migration.target).execute("CREATE TABLE t (id bigint, name text)")


@contextlib.contextmanager
def role(target, **how):
    made = Role(target, **how)
    try:
        yield made
    finally:
        made.drop()


# The source


@snowflake_only
def test_who_is_logged_in_and_with_which_warehouse(migration):
    prepare(migration)
    config = migration.config(TABLE)
    config["snowflake"] |= {"role": "LOADING", "warehouse": "BIG_WH"}
    text = check(migration, config=config).findings[0].text
    assert "user LOADER, role LOADING, warehouse BIG_WH" in text


@snowflake_only
@pytest.mark.parametrize("fault, warehouse, words, more", [
    ("no_warehouse", None, ("no warehouse", "DEFAULT_WAREHOUSE"), ["source_table"]),
    ("no_warehouse", "SMALL_WH", ('"SMALL_WH" doesn\'t exist, or the role may not use it', "GRANT USAGE"), ["source_table"]),
    ("suspended", "COMPUTE_WH", ('"COMPUTE_WH" is suspended', "AUTO_RESUME"), []),
], ids=["none", "not_granted", "suspended"])
def test_a_warehouse_that_can_not_be_used(migration, double, fault, warehouse, words, more):
    prepare(migration)
    double.control({fault: 1})
    config = migration.config(TABLE)
    if warehouse:
        config["snowflake"]["warehouse"] = warehouse
    checked = check(migration, config=config)
    assert checked.codes("problem") == [*more, "warehouse"], str(checked)
    for word in words:
        assert word in checked.one("warehouse").text


@snowflake_only
@pytest.mark.parametrize("seconds, grades", [(600, ["remark"]), (172800, [])], ids=["short", "default"])
def test_a_time_limit_of_the_sources_queries(migration, seconds, grades):
    prepare(migration)
    config = migration.config(TABLE)
    config["snowflake"]["options"] = {"STATEMENT_TIMEOUT_IN_SECONDS": str(seconds)}
    checked = check(migration, config=config)
    assert [found.grade for found in checked.findings if found.code == "source_statement_timeout"] == grades, str(checked)
    assert not checked.of("problem")


@snowflake_only
def test_a_source_that_does_not_answer_does_not_hide_the_target(migration):
    prepare(migration)
    source = migration.source.config()
    source["snowflake"]["port"] = 9  # discard: nobody listens there
    checked = check(migration, config=migration.config(TABLE | {"target": "missing"}) | source)
    assert checked.codes("problem") == ["connection", "target_table"] and checked.codes("remark") == ["not_checked"], str(checked)
    assert checked.finished.seconds < 40


@snowflake_only
def test_a_wrong_password_of_the_source(migration):
    prepare(migration)
    checked = check(migration, config=migration.config(TABLE) | migration.source.config(password="wrong"))
    found = checked.of("problem")
    assert [(one.where, one.code) for one in found] == [("source", "connection")] and "Incorrect username or password" in found[0].text


@pytest.mark.parametrize("duckdb, words", [({"path": "/nowhere/at.duckdb"}, ("/nowhere/at.duckdb",)),
                                           ({"path": ":memory:", "init_sql": "CREATE VIEW v AS SELEKT 1"}, ("init_sql", "SELEKT"))],
                         ids=["file", "init_sql"])
def test_a_source_that_can_not_be_opened(migration, duckdb, words):
    migration.target.execute("CREATE TABLE t (id bigint, name text)")
    checked = check(migration, config=migration.config(TABLE) | {"duckdb": duckdb})
    found = checked.of("problem")
    assert [(one.where, one.code) for one in found] == [("source", "connection")], str(checked)
    for word in words:
        assert word in found[0].text


# Getting into the database


@both_versions
def test_a_database_that_is_not_there_does_not_hide_the_source(migration):
    prepare(migration)
    config = migration.config(TABLE | {"source": "missing"})
    config["sources"][0]["target_pg_database"] = "nowhere"
    checked = check(migration, config=config)
    assert checked.codes("problem") == ["connection", "source_table"] and checked.codes("remark") == ["not_checked"], str(checked)
    assert '"nowhere" does not exist' in checked.of("problem")[0].text and "did not answer" in checked.one("not_checked").text


def test_a_wrong_password_of_the_target_is_told_and_not_shown(migration):
    prepare(migration)
    with role(migration.target, password="open sesame") as loader:
        assert not check(migration, config=migration.config(TABLE) | loader.config("open sesame")).of("problem")
        checked = check(migration, config=migration.config(TABLE) | loader.config("open barley"))
        found = checked.of("problem")
        assert [(one.where, one.code) for one in found] == [("database", "connection")] and loader.name in found[0].text, str(checked)
        assert "open barley" not in checked.finished.stdout + checked.finished.stderr


def test_one_database_of_two(migration, servers):
    """The other is looked at all the same."""
    prepare(migration)
    second = Target(servers(15))
    try:
        feeds = [migration.source.feed(migration.target.name, TABLE, name="one"), migration.source.feed(second.name, TABLE, name="two")]
        checked = check(migration, config=migration.config(feeds=feeds))
        assert [database["database"] for database in checked.answer["databases"]] == [migration.target.name, second.name]
        assert checked.codes("problem") == ["target_table"] and second.name in checked.of("problem")[0].text
        assert "needs 6 connections" in checked.one("connections").text
    finally:
        second.drop()


# The ledger


@both_versions
@pytest.mark.parametrize("make, without, grade, words", [
    ((), (), "ok", ("may make it",)),
    ((), ("CREATE",), "problem", ("may not make", "GRANT CREATE ON DATABASE")),
    (("CREATE SCHEMA migration_status",), (), "problem", ("may not make",)),
    (('CREATE SCHEMA migration_status AUTHORIZATION "{role}"',), ("CREATE",), "ok", ("may make it",)),
], ids=["to_be_made", "no_create_on_database", "empty_schema_of_another", "empty_schema_of_its_own"])
def test_the_ledger_that_is_not_there(migration, make, without, grade, words):
    prepare(migration)
    with role(migration.target, without=without) as loader:
        migration.target.execute(*[statement.format(role=loader.name) for statement in make])
        checked = check(migration, config=migration.config(TABLE) | loader.config())
        assert checked.one("ledger").grade == grade and checked.codes("problem") == (["ledger"] if grade == "problem" else []), str(checked)
        for word in words:
            assert word in checked.one("ledger").text


@pytest.mark.parametrize("change, grade, words", [
    ((), "problem", ("may not read and write the ledger", "GRANT USAGE ON SCHEMA migration_status")),
    (('GRANT USAGE ON SCHEMA migration_status TO "{role}"',), "problem", ("may not read and write the ledger",)),
    (('GRANT USAGE ON SCHEMA migration_status TO "{role}"',
      'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA migration_status TO "{role}"',
      'GRANT USAGE ON ALL SEQUENCES IN SCHEMA migration_status TO "{role}"'), "ok", ("may use it",)),
], ids=["of_another", "without_tables", "granted"])
def test_the_ledger_of_another_role(migration, change, grade, words):
    prepare(migration)
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    with role(migration.target) as loader:
        migration.target.execute(*[statement.format(role=loader.name) for statement in change])
        checked = check(migration, config=migration.config(TABLE) | loader.config())
        assert checked.one("ledger").grade == grade, str(checked)
        for word in words:
            assert word in checked.one("ledger").text


@pytest.mark.parametrize("change, grade, word", [
    ("INSERT INTO migration_status.schema_version (version) VALUES (999)", "problem", "version 999"),
    ("DROP TABLE migration_status.schema_version", "ok", "older version"),
], ids=["newer", "older"])
def test_the_ledger_of_another_version(migration, change, grade, word):
    prepare(migration)
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    migration.target.execute(change)
    found = check(migration, TABLE).one("ledger")
    assert found.grade == grade and word in found.text


# Settings of role and database


@both_versions
@pytest.mark.parametrize("setting, code, grade, words", [
    ("default_transaction_read_only = on", "read_only", "problem", ("SET default_transaction_read_only = off",)),
    ("idle_in_transaction_session_timeout = '10min'", "idle_in_transaction_session_timeout", "remark", ("10 min",)),
    ("synchronous_commit = off", "synchronous_commit", "remark", ("all the same",)),
], ids=lambda value: value.split(" ")[0] if isinstance(value, str) and " = " in value else "")
def test_a_setting_of_the_role(migration, setting, code, grade, words):
    prepare(migration)
    with role(migration.target) as loader:
        migration.target.execute(f'ALTER ROLE "{loader.name}" IN DATABASE "{migration.target.name}" SET {setting}')
        checked = check(migration, config=migration.config(TABLE) | loader.config())
        assert checked.codes("problem") + checked.codes("remark") == [code], str(checked)
        assert checked.one(code).grade == grade
        for word in words:
            assert word in checked.one(code).text


@both_versions
@pytest.mark.parametrize("setting", ["statement_timeout = '90s'", "idle_session_timeout = '10min'", "search_path = elsewhere"])
def test_a_setting_of_the_role_that_thaw_sets_for_itself(migration, setting):
    """Nothing is said of it, since nothing comes of it: test_timeouts_of_the_role_end_nothing."""
    prepare(migration)
    with role(migration.target) as loader:
        migration.target.execute(f'ALTER ROLE "{loader.name}" IN DATABASE "{migration.target.name}" SET {setting}')
        checked = check(migration, config=migration.config(TABLE) | loader.config())
        assert checked.codes("problem") + checked.codes("remark") == [], str(checked)


@pytest.mark.parametrize("limit", ["ALTER ROLE \"{role}\" CONNECTION LIMIT 3", "ALTER DATABASE \"{database}\" CONNECTION LIMIT 3"],
                         ids=["role", "database"])
def test_fewer_connections_than_the_run_needs(migration, limit):
    prepare(migration)
    with role(migration.target) as loader:
        migration.target.execute(limit.format(role=loader.name, database=migration.target.name))
        checked = check(migration, config=migration.config(TABLE, parallel_threads=8) | loader.config())
        assert checked.codes("problem") == ["connections"], str(checked)
        for word in ("8 workers", "needs 10 connections", "at most 3", "parallel_threads"):
            assert word in checked.one("connections").text


def test_a_database_of_another_encoding(migration, servers):
    server = servers(15)
    name = f"{migration.target.name}_latin1"
    server.psql(f"CREATE DATABASE \"{name}\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        server.psql("CREATE TABLE t (id bigint, name text)", name)
        migration.source.table("t", {"id": "int", "name": "text"}, "SELECT 1, 'n'")
        checked = check(migration, config=migration.config(feeds=[migration.source.feed(name, TABLE)]))
        assert checked.codes("problem") + checked.codes("remark") == ["encoding"], str(checked)
        assert "LATIN1" in checked.one("encoding").text
    finally:
        server.psql(f'DROP DATABASE "{name}" WITH (FORCE)')


# The server

BADLY_SET = {"wal_level": "logical", "max_wal_size": "32MB", "fsync": "off", "max_connections": "12", "max_wal_senders": "2",
             "synchronous_standby_names": "far_away", "synchronous_commit": "local"}


@pytest.fixture(scope="module", params=[15, 18], ids=["pg15", "pg18"])
def badly_set(request):
    with Postgres(request.param, settings=BADLY_SET) as server:
        server.psql("SELECT pg_create_physical_replication_slot('forgotten', true)")
        target = Target(server)
        yield target
        target.drop()


def test_a_server_that_an_administrator_should_look_at(thaw, source, badly_set):
    """All its remarks at once; one more where the server is older than 16."""
    migration = Migration(thaw, source, badly_set)
    prepare(migration, rows=1_000_000)
    checked = check(migration, TABLE, parallel_threads=10)
    expected = {"max_wal_size": ("32 MB", "SET max_wal_size = '1GB'"), "wal_level": ("logical",), "fsync": ("damaged",),
                "replication_slots": ("forgotten",), "synchronous_standby": ("far_away",)}
    if badly_set.server.version < 16:
        expected["extension_lock"] = ("10 workers", "parallel_threads")
    # It has 12 connections, 3 of them reserved, and at least one is ours: 12 are too many at the moment.
    expected["connections"] = ("needs 12 connections", "are free at this moment")
    assert checked.codes("problem") == [] and set(checked.codes("remark")) == set(expected), str(checked)
    for code, words in expected.items():
        for word in words:
            assert word in checked.one(code).text, str(checked)
    more = check(migration, TABLE, parallel_threads=11)
    assert more.codes("problem") == ["connections"] and "at most 12" in more.one("connections").text
    badly_set.execute("DROP TABLE t")


@pytest.mark.parametrize("version", [15, 18])
def test_a_standby_takes_no_writes(thaw, source, version):
    with Postgres(version) as server:
        target = Target(server)
        migration = Migration(thaw, source, target)
        prepare(migration)
        target.connection.close()
        (server.data / "standby.signal").touch()
        server.restart()
        checked = check(migration, TABLE)
        assert checked.codes("problem") == ["standby"] and "primary" in checked.one("standby").text, str(checked)


# A pooler in between


class Pooler(threading.Thread):
    """Hands connections through, but says another process id at log-in than the backend's, as poolers do: it is the number
    by which they cancel (https://www.postgresql.org/docs/current/protocol-message-formats.html, BackendKeyData)."""

    def __init__(self, server: Postgres):
        super().__init__(daemon=True)
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            upstream = socket.create_connection((self.server.host, self.server.port))
            threading.Thread(target=self._pump, args=(client, upstream, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(upstream, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, change: bool) -> None:
        key = b"K" + struct.pack("!i", 12)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if change and (at := data.find(key)) >= 0:
                    data, change = data[: at + 5] + struct.pack("!i", 4711) + data[at + 9:], False
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()


def test_a_pooler_in_between(migration):
    prepare(migration)
    pooler = Pooler(migration.target.server)
    pooler.start()
    try:
        config = migration.config(TABLE)
        config["postgres"]["port"] = pooler.port
        checked = check(migration, config=config)
        assert checked.codes("problem") == [] and checked.codes("remark") == ["keepalives", "pooler"], str(checked)
        assert "by transaction" in checked.one("pooler").text and "two hours" in checked.one("keepalives").text
    finally:
        pooler.close()


def test_a_local_socket_needs_no_keepalives(migration):
    prepare(migration)
    config = migration.config(TABLE)
    config["postgres"]["host"] = str(migration.target.server.directory)
    checked = check(migration, config=config)
    assert not checked.of("problem") and not checked.of("remark") and "local socket" in checked.one("keepalives").text


@both_sources
def test_a_server_that_is_not_there(migration):
    prepare(migration)
    config = migration.config(TABLE)
    config["postgres"]["port"] = 9
    checked = check(migration, config=config)
    assert checked.codes("problem") == ["connection"] and checked.codes("remark") == ["not_checked"], str(checked)
    assert checked.answer["server"]["findings"] == [] and checked.finished.seconds < 20


def test_a_lock_of_the_catalogue_is_waited_for_only_so_long(migration):
    """A check that hangs tells nothing."""
    prepare(migration)
    with psycopg.connect(migration.target.server.url(migration.target.name)) as other:
        other.execute("LOCK TABLE pg_catalog.pg_trigger IN ACCESS EXCLUSIVE MODE")
        checked = check(migration, TABLE)
        assert checked.codes("problem") == ["target_table"] and "lock" in checked.of("problem")[0].text, str(checked)
        other.rollback()
    assert checked.finished.seconds < 30
