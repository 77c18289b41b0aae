"""What is set of a role or of a database for other reasons than a load: it goes through all the same, and nothing means something else."""

import contextlib
import signal
import time

import pytest

from checks import Role
from conftest import Migration
from marks import both_versions

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 25}
COLUMNS = {"id": "int", "name": "text"}
SELECT = "SELECT i, 'n' || i FROM range(100) AS r(i)"
# What a schema of somebody else's can hold so that a name without a schema means another thing.
TRAPS = ["CREATE SCHEMA elsewhere", "GRANT USAGE ON SCHEMA elsewhere TO PUBLIC", "CREATE TABLE elsewhere.t (id bigint, name text)",
         "CREATE TABLE elsewhere.pg_class (oid oid)", "CREATE FUNCTION elsewhere.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'",
         "CREATE FUNCTION elsewhere.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'", "CREATE DOMAIN elsewhere.text AS pg_catalog.int4",
         "CREATE FUNCTION elsewhere.never(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
         "CREATE OPERATOR elsewhere.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = elsewhere.never)"]
SETTINGS = {
    "search_path": ("search_path = elsewhere, pg_catalog, public",),
    "timeouts": ("statement_timeout = '2s'", "idle_session_timeout = '1s'", "idle_in_transaction_session_timeout = '1s'", "lock_timeout = '1s'"),
    "formats": ("DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kathmandu'", "extra_float_digits = '-10'",
                "bytea_output = 'escape'", "standard_conforming_strings = off", "client_encoding = 'LATIN1'", "array_nulls = off"),
    "commits": ("synchronous_commit = off", "default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on"),
    "memory": ("work_mem = '64kB'", "temp_file_limit = '0'", "temp_buffers = '800kB'"),
    "plans": ("enable_seqscan = off", "enable_indexscan = off", "enable_hashjoin = off", "plan_cache_mode = 'force_generic_plan'"),
}


@contextlib.contextmanager
def loader(migration: Migration, *settings: str):
    role = Role(migration.target)
    try:
        migration.target.execute(*[f'ALTER ROLE "{role.name}" SET {setting}' for setting in settings])
        yield role
    finally:
        role.drop()


@both_versions
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_of_the_role_changes_nothing(migration, settings):
    """Merged, so that rows are staged, joined and counted; frozen for longer than the time-outs between two chunks."""
    table = migration.source.table("t", COLUMNS | {"d": "date", "x": "float", "b": "binary"},
                                   "SELECT i, CASE WHEN i % 7 > 0 THEN 'n\\' || i END, DATE '2026-03-04' + i::INT, i / 7.0, ('\\x00' || i)::BLOB FROM range(100) AS r(i)")
    limits = {15: (), 18: ("transaction_timeout = '1s'",)}[migration.target.server.version] if "timeout" in settings[0] else ()
    migration.target.execute(*TRAPS, "CREATE TABLE t (id bigint PRIMARY KEY, name text, d date, x float8, b bytea)", "INSERT INTO t VALUES (7, 'old'), (1000, 'mine')")
    with loader(migration, *settings, *limits) as role:
        migration.target.execute(f'GRANT UPDATE ON t TO "{role.name}"')
        config = migration.config(TABLE | {"uniqueness_columns": ["id"]}) | role.config()
        running = migration.thaw.start_migrate(config, "--workers", "1", fault="after_commit:stop:2")
        running.wait_until_stopped()
        time.sleep(1.5 if "timeout" in settings[0] else 0)
        running.signal(signal.SIGCONT)
        finished = running.wait().expect(0)
        assert not finished.records("WARNING", "attempt") and not finished.records("timeout"), finished
        assert migration.assert_same(table, "t", "SELECT * FROM public.t WHERE id < 1000") == 100
        assert migration.target.count("public.t") == 101
        migration.target.assert_completed()


# id: (encoding, text, how its bytes arrive or None: refused)
ENCODINGS = {"latin1": ("LATIN1", "'r\u00e9sum\u00e9'", "r\u00e9sum\u00e9".encode("latin-1")), "latin1_without_the_character": ("LATIN1", "'a \U0001f9ca'", None),
             "sql_ascii": ("SQL_ASCII", "'\u00e9 \U0001f9ca'", "\u00e9 \U0001f9ca".encode()), "utf8": ("UTF8", "'\u00e9 \U0001f9ca'", "\u00e9 \U0001f9ca".encode())}


@pytest.mark.parametrize("merged", [False, True], ids=["copied", "merged"])
@pytest.mark.parametrize("encoding, text, stored", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_a_database_of_another_encoding(migration, encoding, text, stored, merged):
    """PostgreSQL converts; what it can't is a row's error."""
    server = migration.target.server
    migration.source.table("t", COLUMNS, f"SELECT i, if(i = 7, {text}, 'n') FROM range(10) AS r(i)")
    name = f"{migration.target.name}_encoded"
    server.psql(f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    try:
        server.psql("CREATE TABLE t (id bigint PRIMARY KEY, name text)", name)
        feed = migration.source.feed(name, TABLE | ({"uniqueness_columns": ["id"]} if merged else {}))
        finished = migration.thaw.migrate(migration.config(feeds=[feed])).expect(0 if stored else 1)
        if stored:
            assert server.psql("SELECT encode(textsend(name), 'hex') FROM t WHERE id = 7", name) == stored.hex()
            assert server.psql("SELECT count(*) FROM t", name) == "10"
        else:
            assert finished.records("ERROR", "main.t", "chunk 1", "22P05", encoding, "id = 7"), finished
            assert server.psql("SELECT count(*) FROM t", name) == "0"
    finally:
        server.psql(f'DROP DATABASE "{name}" WITH (FORCE)')
