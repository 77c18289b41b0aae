"""Each key of the configuration does what it says: where the others have no test of their own, it is turned here and its effect is
seen; and every key of the schema has a test that would miss it."""

import ast
import json
import pathlib

import psycopg
import pytest

from faults import proxy, through  # noqa: F401 (fixture)
from functions import ask, records
from marks import both_sources, snowflake_only
from tests.servers.lambda_emulator import Emulator
from tests.servers.proxy import Fault
from thaw import ROOT

ROWS = 300
COLUMNS = {"id": "int", "text": "text"}
SELECT = f"SELECT i, 't' || i FROM range({ROWS}) AS r(i)"
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}
DRIVERS = ROOT / "build/drivers"


def prepare(migration):
    migration.target.execute("CREATE TABLE t (id bigint, text text)")
    return migration.source.table("t", COLUMNS, SELECT)


# adbc


def duckdb_by_hand(source) -> dict:
    return {"driver": str(DRIVERS / "libduckdb.so"), "entrypoint": "duckdb_adbc_init", "dialect": "duckdb",
            "options": {"path": str(source.file), "access_mode": "READ_ONLY"}}


def snowflake_by_hand(source) -> dict:
    sql = "adbc.snowflake.sql."
    return {"driver": "snowflake", "dialect": "snowflake",
            "options": {f"{sql}account": "test", "username": "loader", "password": "right", f"{sql}uri.protocol": "http", f"{sql}uri.host": source.double.host,
                        f"{sql}uri.port": source.double.port}}


@both_sources
def test_any_driver_by_its_own_options(migration):
    table = prepare(migration)
    config = migration.config(TABLE)
    kind = migration.source.kind
    config["adbc"] = duckdb_by_hand(migration.source) if kind == "duckdb" else snowflake_by_hand(migration.source)
    del config[kind]
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()


def test_the_entrypoint_that_is_named_is_called(migration):
    prepare(migration)
    config = migration.config(TABLE)
    del config["duckdb"]
    config["adbc"] = duckdb_by_hand(migration.source) | {"entrypoint": "no_such_function"}
    migration.thaw.migrate(config).expect(1).says("has no function no_such_function")


# snowflake


@snowflake_only
def test_a_session_parameter_among_the_options(migration, double):
    prepare(migration)
    config = migration.config(TABLE)
    config["snowflake"]["options"] = {"QUERY_TAG": "nightly's"}
    double.mark()
    migration.thaw.migrate(config).expect(0)
    assert any("QUERY_TAG" in statement and "nightly" in statement for statement in double.statements())


# postgres


@pytest.mark.parametrize("how", ["environment", "service", "url"])
def test_what_is_absent_comes_from_libpq(migration, tmp_path, how):
    table = prepare(migration)
    server = migration.target.server
    config, environment = migration.config(TABLE), {"PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user}
    config["postgres"] = {}
    if how == "service":
        (tmp_path / "services").write_text(f"[warehouse]\nhost={server.host}\nport={server.port}\nuser={server.user}\n", encoding="utf-8")
        environment = {"PGSERVICE": "warehouse", "PGSERVICEFILE": str(tmp_path / "services")}
    if how == "url":
        config["postgres"], environment = {"url": f"postgresql://{server.host}:{server.port}/ignored"}, {"PGUSER": server.user}
    migration.thaw.migrate(config, **environment).expect(0)
    assert migration.assert_same(table, "t") == ROWS


@pytest.mark.parametrize("how", ["password", "passfile"])
def test_the_password_that_is_given(migration, tmp_path, how):
    prepare(migration)
    server, role = migration.target.server, f"keyed_{migration.target.name}"
    server.create_role(role, "s3same")
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {role} SUPERUSER")
    config = migration.config(TABLE)
    config["postgres"] |= {"user": role}
    passfile = tmp_path / "passfile"
    passfile.write_text(f"*:*:*:{role}:s3same\n", encoding="utf-8")
    passfile.chmod(0o600)
    migration.thaw.migrate(config).expect(1).says("no password supplied")
    if how == "password":
        config["postgres"]["password"] = "s3same"
    migration.thaw.migrate(config, **({} if how == "password" else {"PGPASSFILE": str(passfile)})).expect(0)
    assert migration.target.count("t") == ROWS


# What a person's shell may hold for psql's sake.
HOSTILE = {"PGCLIENTENCODING": "LATIN1", "PGDATESTYLE": "German, DMY", "PGTZ": "Asia/Tokyo", "PGAPPNAME": "other", "PGDATABASE": "nowhere", "TZ": "Asia/Tokyo",
           "LC_ALL": "C", "PGOPTIONS": " ".join(f"-c {setting}" for setting in (
               "search_path=pg_temp", "extra_float_digits=-10", "intervalstyle=sql_standard", "bytea_output=escape", "lock_timeout=1",
               "default_transaction_isolation=serializable", "standard_conforming_strings=off"))}
# id: (type of a text column, settings of the table, whether the target has a key)
WAYS = {"binary": ("text", {}, False), "text": ("citext", {}, False), "merged": ("text", {"uniqueness_columns": ["id"]}, True)}


@pytest.mark.parametrize("way", WAYS)
def test_what_libpq_finds_in_the_environment_changes_no_value(migration, way):
    kind, settings, keyed = WAYS[way]
    columns = {"id": "int", "f": "float", "t": "text", "at": "timestamp", "tz": "timestamptz", "d": "date", "b": "binary", "j": "json"}
    table = migration.source.table("t", columns, """
        SELECT i, i / 3.0, 'é\\''"☃' || i, TIMESTAMP '2024-03-04 05:06:07.123456' + i * INTERVAL 1 DAY, TIMESTAMPTZ '2024-03-04 05:06:07+00',
               DATE '2024-12-01' + CAST(i AS INTEGER), CAST('ab' AS BLOB), '{"a": 1}' FROM range(100) AS r(i)""")
    migration.target.execute("CREATE EXTENSION citext", f"CREATE TABLE t (id bigint{' PRIMARY KEY' if keyed else ''}, f float8, t {kind}, at timestamp, "
                             "tz timestamptz, d date, b bytea, j jsonb)")
    migration.thaw.migrate(migration.config({**TABLE, "batch_size": 30, **settings}), **HOSTILE).expect(0)
    assert migration.assert_same(table, "t") == 100
    migration.target.assert_completed()


# Settings, and where they stand


def chunks(migration) -> int:
    return migration.target.value("SELECT total_chunks FROM migration_status.migration_table_status")


# id: (settings at the top, of the source, of the table; chunks of 300 rows, one of them that of NULL keys)
BATCHES = {
    "of the table": ({"batch_size": 300}, {"batch_size": 150}, {"batch_size": 100}, 4),
    "of the source": ({"batch_size": 300}, {"batch_size": 150}, {}, 3),
    "at the top": ({"batch_size": 150}, {}, {}, 3),
    "copy mode": ({"batch_size": 300, "batch_size_copy_mode": 75}, {}, {}, 5),
    "null is absent": ({"batch_size": 100}, {"batch_size": None}, {"batch_size": None}, 4),
}


@pytest.mark.parametrize("case", BATCHES)
def test_the_nearest_batch_size_counts(migration, case):
    prepare(migration)
    top, feed, table, expected = BATCHES[case]
    entry = migration.source.feed(migration.target.name, {**TABLE, "batch_size": None, **table}, **feed)
    migration.thaw.migrate(migration.config(feeds=[entry], **top)).expect(0)
    assert chunks(migration) == expected


@pytest.mark.parametrize("arguments, settings, workers", [((), {"parallel_threads": 3}, 3), (("--workers", "5"), {"parallel_threads": 3}, 5),
                                                          ((), {"parallel_threads": None}, 6)], ids=["setting", "option", "default"])
def test_how_many_workers(migration, arguments, settings, workers):
    prepare(migration)
    migration.thaw.migrate(migration.config(TABLE, **settings), *arguments).expect(0).says(f"1 tables, {workers} workers")


@pytest.mark.parametrize("where", ["table", "source"])
def test_what_is_not_enabled_is_left_out(migration, where):
    prepare(migration)
    migration.source.table("u", COLUMNS, SELECT)
    migration.target.execute("CREATE TABLE u (id bigint, text text)")
    other = {**TABLE, "source": "u", "target": "u"}
    feeds = [migration.source.feed(migration.target.name, TABLE, *([{**other, "enabled": False}] if where == "table" else []))]
    if where == "source":
        feeds.append(migration.source.feed(migration.target.name, other, name="other", enabled=False))
    migration.thaw.migrate(migration.config(feeds=feeds)).expect(0)
    assert (migration.target.count("t"), migration.target.count("u")) == (ROWS, 0)
    assert migration.target.rows("SELECT source_table FROM migration_status.migration_table_status") == [("t",)]


@pytest.mark.parametrize("attempts", [1, 3])
def test_how_often_a_chunk_is_tried_again(migration, proxy, attempts):  # noqa: F811
    """Each COPY loses its connection."""
    prepare(migration)
    proxy.add(Fault("cut", at=b"COPY ", role="worker", times=100))
    config = migration.config({**TABLE, "chunking": "whole", "chunking_columns": None}, max_retry_attempts=attempts)
    finished = migration.thaw.migrate(through(config, proxy)).expect(1)
    assert len(finished.records("failed, trying again")) == attempts, finished
    assert migration.target.rows("SELECT status, retry_count FROM migration_status.migration_chunk_status") == [("failed", attempts)]


@pytest.mark.parametrize("seconds, said", [(30, 0), (40, 1)])
def test_the_buffer_of_a_function(migration, tmp_path, seconds, said):
    """More than half of a function's 65 s is told."""
    prepare(migration)
    emulator = Emulator(tmp_path / "function", migration.config(TABLE, lambda_timeout_buffer_seconds=seconds), timeout=65)
    with emulator:
        ask(emulator, {}, 200, "completed")
        assert sum(f"the buffer of {seconds} s is more than half" in record.get("message", "") for record in records(emulator)) == said
    emulator.close()


# All keys

# By object of the schema: keys, and the test that turns them.
TESTS = {
    "adbc": {"driver dialect options": "test_options::test_any_driver_by_its_own_options",
             "entrypoint": "test_options::test_the_entrypoint_that_is_named_is_called"},
    "duckdb": {"path": "test_copy::test_the_file_itself_is_the_database_where_none_is_named",
               "init_sql": "test_keys::test_csv_files_are_sources_through_views"},
    "snowflake": {"account user host port protocol password token": "test_snowflake::test_password_and_token",
                  "rsa_key": "test_snowflake::test_key_pairs_in_every_form",
                  "rsa_key_passphrase": "test_snowflake::test_an_encrypted_key_without_its_passphrase_is_refused",
                  "warehouse role": "test_check_servers::test_who_is_logged_in_and_with_which_warehouse",
                  "options": "test_options::test_a_session_parameter_among_the_options"},
    "postgres": {"host port user password": "test_options::test_the_password_that_is_given",
                 "sslmode sslrootcert": "test_tls::test_tls_to_the_target", "url": "test_options::test_what_is_absent_comes_from_libpq"},
    "source": {"source_name": "test_copy::test_selected_sources_and_tables_only", "enabled": "test_options::test_what_is_not_enabled_is_left_out",
               "source_sf_schema source_schema target_pg_schema": "test_names::test_names_of_schemas",
               "source_sf_database source_database target_pg_database": "test_names::test_names_of_databases",
               "tables": "test_copy::test_several_tables_in_one_run"},
    "table": {"enabled": "test_options::test_what_is_not_enabled_is_left_out", "source target": "test_names::test_names_of_tables_and_columns",
              "source_filter": "test_keys::test_a_filter_holds_for_plan_data_and_counts", "chunking": "test_chunking::test_invariant_01_hashes",
              "chunking_columns": "test_keys::test_invariant_01_several_chunking_columns",
              "chunking_column_types": "test_chunking::test_every_declared_type",
              "uniqueness_columns sort_columns source_watermark target_watermark": "test_merge_cases::test_what_is_there_after_a_run_and_after_another",
              "column_mapping": "test_names::test_a_column_mapping_renames", "truncate_onstart": "test_truncate::test_what_was_there_is_replaced",
              "disable_index": "test_indexes::test_while_it_is_loaded_they_are_away",
              "create_target": "test_targets::test_without_create_target_a_missing_table_is_an_error"},
    "settings": {"parallel_threads": "test_options::test_how_many_workers",
                 "batch_size batch_size_copy_mode": "test_options::test_the_nearest_batch_size_counts",
                 "max_retry_attempts": "test_options::test_how_often_a_chunk_is_tried_again",
                 "resume_max_age": "test_resume::test_invariant_08_resume_max_age_lets_an_old_run_go_on",
                 "lambda_timeout_buffer_seconds": "test_options::test_the_buffer_of_a_function",
                 "insert_only_mode": "test_merge_cases::test_what_is_there_after_a_run_and_after_another",
                 "memory_limit_mb": "test_memory::test_invariant_05_wide_rows_fit_into_200_mb",
                 "snapshot": "test_snapshots::test_invariant_06_rows_that_move_between_chunks_are_read_at_one_moment",
                 "scratch_schema": "test_snapshots::test_materialize_needs_a_scratch_schema",
                 "on_bad_row max_rejects": "test_reject::test_a_flood_is_stopped",
                 "nul_bytes": "test_changed_values::test_nul_bytes_are_removed_and_counted",
                 "rounding": "test_changed_values::test_rounding_is_postgresqls_own_and_counted"},
}
REMARKS = {"$schema", "note", "comment", "estimated_rows", "status_tracking"}


def keys_of_the_schema() -> dict:
    schema = json.loads((ROOT / "schema/config.schema.json").read_text(encoding="utf-8"))["$defs"]
    settings = set(schema["settings"])
    return {name: set(schema[name] if name == "settings" else schema[name]["properties"]) - REMARKS - (set() if name == "settings" else settings)
            for name in TESTS}


def test_every_key_has_a_test_that_turns_it():
    assert {name: {key for keys in tests for key in keys.split()} for name, tests in TESTS.items()} == keys_of_the_schema()
    for reference in {reference for tests in TESTS.values() for reference in tests.values()}:
        module, _, name = reference.partition("::")
        tree = ast.parse((pathlib.Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, reference
