"""Every error that a user can cause, provoked: its text says what happened, where, why and what next; soon, and without a
secret.

A case is an entry of CASES, of which the fields of Case say what differs from a migration that works (`test_without_an_error`).
"""

import contextlib
import dataclasses
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization

from checks import Role
from conftest import Migration
from tests.servers.postgres import free_port
from thaw import Finished

# In the configuration or the environment of every case, and never in what the program says.
SECRETS = ("pg-s3cret-4711", "sf-s3cret-0815", "open barley", "wr0ng-s3cret")
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"]}
COLUMNS = {"id": "int", "name": "text"}
SELECT = "SELECT i, 'n' || i FROM range(100) AS r(i)"
TARGET = "CREATE TABLE t (id bigint, name text)"
RUN_ID = "0123abcd-0123-4abc-8def-0123456789ab"
DUCKDB, SNOWFLAKE, BOTH = ("duckdb",), ("snowflake",), ("duckdb", "snowflake")


class World:
    """What a case can lay its hands on, and the names that its words may use in braces."""

    def __init__(self, migration, tmp_path):
        self.migration, self.directory = migration, tmp_path
        self.server = migration.target.server
        self.closed_port = free_port()
        self.names = {"database": migration.target.name, "host": self.server.host, "port": self.server.port,
                      "closed_port": self.closed_port, "role": f"{migration.target.name}_loader", "directory": tmp_path,
                      "source": migration.source.database, "schema": migration.source.schema}


@dataclasses.dataclass(frozen=True)
class Case:
    words: tuple  # that stand in one record of the log, "{...}" replaced by one of World.names
    status: int = 1
    sources: tuple = DUCKDB
    columns: dict = dataclasses.field(default_factory=lambda: COLUMNS)
    select: str = SELECT
    target: tuple = (TARGET,)
    table: dict = dataclasses.field(default_factory=dict)  # over TABLE
    feed: dict = dataclasses.field(default_factory=dict)  # over the entry of sources[]
    change: Callable = lambda world, config: config
    during: Callable = lambda world, config: contextlib.nullcontext()  # what lasts as long as the run
    text: Callable = lambda text: text  # the configuration as it is written
    arguments: tuple = ()
    environment: dict = dataclasses.field(default_factory=dict)
    seconds: float = 20  # that it may take at most: one, with room for a busy machine


# What changes a configuration


def postgres(**values):
    return lambda world, config: config | {"postgres": config["postgres"] | filled(world, values)}


def snowflake(**values):
    return lambda world, config: config | world.migration.source.config(**filled(world, values))


def snowflake_member(**values):
    return lambda world, config: config | {"snowflake": config["snowflake"] | filled(world, values)}


def database_file(**values):
    return lambda world, config: config | {"duckdb": filled(world, values)}


def setting(**values):
    return lambda world, config: config | values


def filled(world: World, values: dict) -> dict:
    return {name: world.closed_port if value == "{closed_port}" else value.format(**world.names) if isinstance(value, str) and
            "${" not in value else value for name, value in values.items()}


def without_a_driver(world, config):
    rest = {name: value for name, value in config.items() if name != "duckdb"}
    return rest | {"adbc": {"driver": str(world.directory / "libnothing.so"), "dialect": "duckdb", "options": {"path": ":memory:"}}}


def encrypted_key(world, config):
    private = serialization.load_pem_private_key(world.migration.source.key_file.read_bytes(), None)
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.BestAvailableEncryption(b"open sesame"))
    return config | world.migration.source.config(rsa_key=pem.decode(), rsa_key_passphrase="open barley")


def broken_key(world, config):
    """PEM, but nothing that is a key."""
    pem = "-----BEGIN PRIVATE KEY-----\nTUlJRXZRSUJBREFOQmdrcWhraUc5dzBCQVFFRkFBU0NCS2N3\n-----END PRIVATE KEY-----\n"
    return config | world.migration.source.config(rsa_key=pem)


def no_database(world, config):
    (world.directory / "letter.duckdb").write_text("Dear reader, this is no database. " * 200, encoding="ascii")
    return config | {"duckdb": {"path": str(world.directory / "letter.duckdb")}}


# What lasts as long as the run


def as_role(*, password: str = "", given: str = "", without: tuple = (), revoke: str = "", alter: tuple = ()):
    """The run logs in as a role that lacks something, or of which something is set."""
    @contextlib.contextmanager
    def during(world, config):
        target = world.migration.target
        role = Role(target, password=password, without=without)
        config["postgres"] |= {"user": role.name} | ({"password": given} if given else {})
        try:
            if revoke:
                target.execute(revoke.format(**world.names))
            target.execute(*[f'ALTER ROLE "{role.name}" {setting}' for setting in alter])
            yield
        finally:
            role.drop()
    return during


@contextlib.contextmanager
def locked_by_a_writer(world, config):
    """Another process has the file open for writing."""
    program = ("import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX); print('open', flush=True); "
               "sys.stdin.read()")  # DuckDB's lock: fcntl(2), F_WRLCK, of all of the file
    with subprocess.Popen([sys.executable, "-c", program, str(world.migration.source.file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "open\n"
        try:
            yield
        finally:
            writer.stdin.close()
            writer.wait()


@contextlib.contextmanager
def live_run(world, config):
    """Another run of the same sources is at work."""
    running = world.migration.thaw.start_migrate(config, fault="after_plan_commit:stop")
    running.wait_until_stopped()
    try:
        yield
    finally:
        running.signal(signal.SIGCONT)
        running.wait()


def double_says(**faults):
    """The service refuses what it refuses with these faults of the double."""
    @contextlib.contextmanager
    def during(world, config):
        world.migration.source.double.control(faults)
        yield
    return during


@contextlib.contextmanager
def rejected_by_hba(world, config):
    """pg_hba.conf rejects the role."""
    target = world.migration.target
    role = Role(target)
    config["postgres"]["user"] = role.name
    world.server.hba.append(f'host all "{role.name}" 127.0.0.1/32 reject')
    world.server.reload()
    try:
        yield
    finally:
        world.server.hba.pop()
        world.server.reload()
        role.drop()


# What becomes of the configuration's text


def with_a_duplicate(text: str) -> str:
    return text.replace('"target": "t"', '"target": "t",\n"target": "u"')


def without_a_comma(text: str) -> str:
    return text.replace('"parallel_threads": 2,', '"parallel_threads": 2', 1)


CASES = {
    # Log-in and hosts
    "password_of_the_target": Case(
        ("can't connect to PostgreSQL", "{host}", "{port}", "28P01", 'password authentication failed for user "{role}"', "postgres.password"),
        during=as_role(password="pg-s3cret-4711", given="wr0ng-s3cret")),
    "password_of_the_source": Case(("Incorrect username or password", "08004", "check user, account and key, password or token"), sources=SNOWFLAKE,
                                   change=snowflake(password="wrong")),
    "port_of_the_target": Case(("can't connect to PostgreSQL", "{host}", "{closed_port}", "refused", "postgres.port"),
                               change=postgres(port="{closed_port}")),
    "host_of_the_target": Case(("can't connect to PostgreSQL", "db.invalid", "postgres.host"), change=postgres(host="db.invalid")),
    "port_of_the_source": Case(("Snowflake", "{host}", "{closed_port}", "refused", "snowflake.port"), sources=SNOWFLAKE,
                               change=snowflake_member(port="{closed_port}"), seconds=40),
    "host_of_the_source": Case(("Snowflake", "sf.invalid", "snowflake.host"), sources=SNOWFLAKE, change=snowflake_member(host="sf.invalid"),
                               seconds=40),
    "key_file": Case(("config.json:", "$.snowflake.rsa_key", "No such file"), 2, SNOWFLAKE, change=snowflake(rsa_key="/nowhere/key.p8")),
    "key_that_is_no_pem": Case(("config.json:", "$.snowflake.rsa_key", "can't be read"), 2, SNOWFLAKE, change=snowflake(rsa_key="sf-s3cret-0815")),
    "key_that_is_broken": Case(("rsa_key", "no private key could be read", "PKCS#8", "openssl pkey"), 1, SNOWFLAKE, change=broken_key),
    "passphrase": Case(("rsa_key_passphrase is wrong", "openssl pkey"), 1, SNOWFLAKE, change=encrypted_key),
    "role_of_the_target": Case(("can't connect to PostgreSQL", 'role "nobody_here" does not exist', "28000", "postgres.user"), change=postgres(user="nobody_here")),
    "role_that_may_not_log_in": Case(("can't connect to PostgreSQL", '"{role}" is not permitted to log in', "28000", "may log in"), during=as_role(alter=("NOLOGIN",))),
    "password_that_has_expired": Case(
        ("can't connect to PostgreSQL", "{role}", "28P01", "still valid (rolvaliduntil)"),
        during=as_role(password="pg-s3cret-4711", given="pg-s3cret-4711", alter=("VALID UNTIL '2020-01-01'",))),
    "pg_hba": Case(("can't connect to PostgreSQL", 'pg_hba.conf rejects connection for host "127.0.0.1", user "{role}"', "28000", "pg_hba.conf"),
                   during=rejected_by_hba),
    "tls_that_the_server_has_not": Case(("can't connect to PostgreSQL", "does not support SSL", "ssl = off", "postgres.sslmode"), change=postgres(sslmode="require")),
    "sslmode": Case(("config.json:", "$.postgres.sslmode", '"verify-full"', 'not "requird"'), 2, change=postgres(sslmode="requird")),
    "role_of_the_source": Case(("not granted to this user", "390189", 'grant the role to the user, or correct "role"'), sources=SNOWFLAKE, change=snowflake(
        password="refused 390189 Role 'LOADING' specified in the connect string is not granted to this user.")),
    "expired_password_of_the_source": Case(("Specified password has expired", "change the user's password", "rsa_key"), sources=SNOWFLAKE, change=snowflake(
        password="refused 390106 Specified password has expired.  Password must be changed using the Snowflake web console.")),
    "locked_user_of_the_source": Case(("temporarily locked", "unlock the user"), sources=SNOWFLAKE, change=snowflake(
        password="refused 390102 Your user account has been temporarily locked due to too many failed attempts.")),
    "disabled_user_of_the_source": Case(("User access disabled", "enable the user"), sources=SNOWFLAKE, change=snowflake(
        password="refused 390101 User access disabled. Contact your local system administrator.")),
    "network_policy_of_the_source": Case(("10.1.2.3 is not allowed to access Snowflake", "network policy"), sources=SNOWFLAKE, change=snowflake(
        password="refused 390422 Incoming request with IP/Token 10.1.2.3 is not allowed to access Snowflake.")),
    "second_factor": Case(("Multi-factor authentication is required", "rsa_key or token"), sources=SNOWFLAKE, change=snowflake(
        password="refused 394508 Multi-factor authentication is required for this account. Log in to Snowsight to enroll.")),
    "trial_that_has_ended": Case(("free trial has ended", "has to be paid for"), sources=SNOWFLAKE, change=snowflake(
        password="refused 390913 Your free trial has ended and all of your virtual warehouses have been suspended.")),
    "account_that_nobody_pays_for": Case(("PUBLIC.t", "lack of payment method", "57014", "has to be paid for"), sources=SNOWFLAKE, during=double_says(unpaid=1)),
    "no_warehouse": Case(("PUBLIC.t", "No active warehouse selected", "57P03", 'give a "warehouse"'), sources=SNOWFLAKE, during=double_says(no_warehouse=1)),
    "warehouse_without_usage": Case(("PUBLIC.t", "No active warehouse selected", "57P03", "that the role may use"), sources=SNOWFLAKE, during=double_says(no_warehouse=1),
                                    change=snowflake_member(warehouse="THEIR_WH")),
    # Names
    "database_of_the_target": Case(('"nowhere" does not exist', "3D000", "target_pg_database"), feed={"target_pg_database": "nowhere"}),
    "schema_of_the_target": Case(('no schema "publik"', "{database}", 'did you mean "public"'), feed={"target_pg_schema": "publik"}),
    "table_of_the_target": Case(('no table "t"', "public", "{database}", 'did you mean "T"'), target=('CREATE TABLE "T" (id bigint)',)),
    "table_of_the_source": Case(('"T"', "{source}", "{schema}", 'did you mean "t"'), sources=BOTH, table={"source": "T"}),
    "schema_of_the_source": Case(('"{source}"."{schema}x"."t"', "check database, schema and name"), sources=BOTH, feed={"_schema": "{schema}x"}),
    "database_of_the_source": Case(('"nowhere"."{schema}"."t"', "check database, schema and name"), sources=BOTH, feed={"_database": "nowhere"}),
    "mapped_column_of_the_source": Case(("{source}.{schema}.t", 'column_mapping names the source column "nam"', 'did you mean "name"'), sources=BOTH,
                                        table={"column_mapping": {"nam": "name"}}),
    "mapped_column_of_the_target": Case(("main.t", '"public"."t"', 'column_mapping names the target column "nam"', 'did you mean "name"'),
                                        table={"column_mapping": {"name": "nam"}}),
    "two_into_one": Case(('two source columns go into the target column "name"', "column_mapping"), columns={"id": "int", "name": "text", "more": "text"},
                         select="SELECT 1, 'a', 'b'", table={"column_mapping": {"more": "name"}}),
    "not_null": Case(("main.t", '"public"."t"', 'the target column "must" is NOT NULL', "column_mapping", "thaw check"), target=("CREATE TABLE t (id bigint, name text, must int NOT NULL)",)),
    "nothing_pairs": Case(("main.t", '"public"."t"', 'the source has "id", "name"', "column_mapping"), target=("CREATE TABLE t (other bigint)",)),
    "selected_table": Case(('no enabled table "visit"', 'did you mean "visits"'), 2, table={"source": "visits"}, arguments=("--table", "visit")),
    "selected_source": Case(('no enabled source "fed"', 'did you mean "feed"'), 2, arguments=("--source", "fed")),
    # Privileges
    "create_for_the_ledger": Case(("migration_status", "{database}", "{role}", "GRANT CREATE ON DATABASE"), during=as_role(without=("CREATE",))),
    "usage": Case(('"{role}"', "lacks USAGE", "GRANT USAGE ON SCHEMA"), during=as_role(
        without=("USAGE",), revoke="REVOKE USAGE ON SCHEMA public FROM PUBLIC")),
    "insert": Case(('"{role}"', "lacks INSERT", "GRANT INSERT", "public"), during=as_role(without=("INSERT",))),
    "truncate": Case(('"{role}"', "lacks TRUNCATE", "GRANT TRUNCATE"), table={"truncate_onstart": True}, during=as_role(without=("TRUNCATE",))),
    "insert_into_some_columns": Case(("main.t", "chunk", "permission denied for table t", "42501", "thaw check says what"),
                                     during=as_role(without=("INSERT",), revoke='GRANT INSERT (id) ON t TO "{role}"')),
    "update": Case(('"{role}"', "lacks UPDATE on columns", "id, name", "GRANT UPDATE"), table={"uniqueness_columns": ["id"]},
                   target=("CREATE TABLE t (id bigint PRIMARY KEY, name text)",), during=as_role()),
    "select": Case(('"{role}"', "lacks SELECT", "GRANT SELECT", "public"), during=as_role(without=("SELECT",))),
    "temporary": Case(('"{role}"', "lacks TEMPORARY", "{database}", "GRANT TEMPORARY ON DATABASE"), table={"uniqueness_columns": ["id"]},
                      target=("CREATE TABLE t (id bigint PRIMARY KEY, name text)",),
                      during=as_role(revoke='GRANT UPDATE ON t TO "{role}"; REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC')),
    "ownership": Case(('"public"."t"', "{role} doesn't own the table", "leave disable_index out"), table={"disable_index": True},
                      target=(TARGET, "CREATE INDEX ON t (name)"), during=as_role()),
    "connection_limit": Case(('too many connections for role "{role}"', "53300", "CONNECTION LIMIT"), during=as_role(alter=("CONNECTION LIMIT 1",))),
    "connect": Case(('"{database}"', "42501", "CONNECT"), during=as_role(revoke='REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC')),
    "read_only_by_default": Case(("cannot execute", "read-only transaction", "25006", "default_transaction_read_only", "for this role or database"),
                                 during=as_role(alter=("SET default_transaction_read_only = on",))),
    "row_security": Case(("main.t", '"public"."t"', "row-level security", '"{role}"', "BYPASSRLS"),
                         target=(TARGET, "ALTER TABLE t ENABLE ROW LEVEL SECURITY"), during=as_role()),
    # Values
    "integer_too_large": Case(("main.t", "chunk", 'column "id"', "3000000000", "row 51", "id = 3000000000", "bigint"),
                              select="SELECT if(i = 50, 3000000000, i), 'n' FROM range(100) AS r(i)",
                              target=("CREATE TABLE t (id int, name text)",)),
    "text_too_long": Case(("main.t", "chunk", 'column "name"', "n99", "row 100", "id = 99", "source_filter"),
                          target=("CREATE TABLE t (id bigint, name varchar(2))",), select="SELECT i, if(i = 99, 'n99', 'n') FROM range(100) AS r(i)"),
    "nul_byte": Case(("main.t", "chunk", 'column "name"', "row 8", "id = 7", "nul_bytes"),
                     select="SELECT i, if(i = 7, 'a' || chr(0) || 'b', 'n') FROM range(100) AS r(i)"),
    "numeric_overflow": Case(("main.t", "chunk", 'column "amount"', "1234.56", "row 8", "id = 7", "numeric(6,2)"),
                             columns={"id": "int", "amount": "decimal(6,2)"}, target=("CREATE TABLE t (id bigint, amount numeric(5,2))",),
                             select="SELECT i, if(i = 7, 1234.56, 1) FROM range(100) AS r(i)"),
    "uuid": Case(("main.t", "chunk", 'column "name"', "not-a-uuid", "row 8", "id = 7"),
                 target=("CREATE TABLE t (id bigint, name uuid)",),
                 select="SELECT i, if(i = 7, 'not-a-uuid', uuid()::text) FROM range(100) AS r(i)"),
    "null_in_not_null": Case(("main.t", "chunk", "row 8", "id = 7", "23502", 'column "name"', "correct the row"),
                             target=("CREATE TABLE t (id bigint, name text NOT NULL)",),
                             select="SELECT i, if(i = 7, NULL, 'n') FROM range(100) AS r(i)"),
    "duplicate": Case(("main.t", "chunk", "row 2", "id = 1", "23505", "t_pkey", "(name)=(n)", "truncate_onstart"),
                      target=("CREATE TABLE t (id bigint, name text PRIMARY KEY)",), select="SELECT i, 'n' FROM range(100) AS r(i)"),
    "domain": Case(("main.t", "chunk", "row 8", "id = 7", "23502", "domain public.d", "column name"), select="SELECT i, if(i = 7, NULL, 'n') FROM range(100) AS r(i)",
                   target=("CREATE DOMAIN d AS text NOT NULL", "CREATE TABLE t (id bigint, name d)")),
    "index_entry": Case(("main.t", "chunk", "id = 7", "54000", "index row", "drop the index"), target=("CREATE TABLE t (id bigint, name text UNIQUE)",),
                        select="SELECT i, if(i = 7, (SELECT string_agg(md5(j::varchar), '') FROM range(3000) AS q(j)), i::varchar) FROM range(100) AS r(i)"),
    "expression_of_an_index": Case(("main.t", "chunk", "row 8", "id = 7", "22012", "division by zero", "source_filter"), target=(TARGET, "CREATE INDEX ON t ((1 / (id - 7)))")),
    "check_constraint": Case(("main.t", "chunk", "row 100", "id = 99", "23514", "small", "source_filter"),
                             target=("CREATE TABLE t (id bigint CONSTRAINT small CHECK (id < 99), name text)",)),
    # The target's table
    "unlogged": Case(("main.t", '"public"."t"', "UNLOGGED", "SET LOGGED"), target=(TARGET.replace("CREATE", "CREATE UNLOGGED"),)),
    "view": Case(("main.t", '"public"."t" is a view', "name a table"), target=(TARGET.replace(" t ", " other "), "CREATE VIEW t AS SELECT * FROM other")),
    "materialized_view": Case(("main.t", '"public"."t" is a materialized view', "name a table"), target=("CREATE MATERIALIZED VIEW t AS SELECT 1 AS id",)),
    "foreign_table": Case(("main.t", '"public"."t" is a foreign table', "commit together", "name a table"), target=(
        "CREATE FOREIGN DATA WRAPPER w", "CREATE SERVER s FOREIGN DATA WRAPPER w", "CREATE FOREIGN TABLE t (id bigint, name text) SERVER s")),
    "sequence": Case(("main.t", '"public"."t" is not a table', "name a table"), target=("CREATE SEQUENCE t",)),
    "partition_that_is_missing": Case(("main.t", "chunk", "row 51", "id = 50", "23514", "no partition"), target=(
        "CREATE TABLE t (id bigint, name text) PARTITION BY RANGE (id)", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (50)")),
    "trigger": Case(("main.t", "chunk", "row 1", "id = 0", "P0001", "not on a Sunday", "a trigger or a function of the target"), target=(
        TARGET, "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not on a Sunday'; END$$",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()")),
    "no_key": Case(("main.t", '"public"."t"', "no unique index", '("id")', 'CREATE UNIQUE INDEX ON "public"."t" ("id")'), table={"uniqueness_columns": ["id"]}),
    "key_twice_in_the_source": Case(("main.t", "chunk", "several rows with the key id = 0", "sort_columns"), table={"uniqueness_columns": ["id"]},
                                    target=("CREATE TABLE t (id bigint PRIMARY KEY, name text)",), select="SELECT i // 2, 'n' || i FROM range(100) AS r(i)"),
    "watermark": Case(("main.t", '"public"."t"', 'source_watermark names the source column "at"', "thaw check"),
                      table={"uniqueness_columns": ["id"], "source_watermark": "at", "target_watermark": "id"}, target=("CREATE TABLE t (id bigint PRIMARY KEY, name text)",)),
    "foreign_key_on_truncate": Case(("public.child", "child_t_fkey", "CASCADE"), table={"truncate_onstart": True},
                                    target=(TARGET, "ALTER TABLE t ADD UNIQUE (id)", "CREATE TABLE child (t bigint REFERENCES t (id))")),
    "type_pair": Case(("main.t", '"public"."t"', '"name" (BLOB)', '"name" (integer)', "thaw check"), columns={"id": "int", "name": "binary"}, select="SELECT 1, 'x'::BLOB",
                      target=("CREATE TABLE t (id bigint, name integer)",)),
    # The source's table
    "filter_of_unknown_column": Case(("main.t: the planning query: preparing a query: ", "idd", '; the query was "', '..."', 'check source_filter, which goes into the query as it is: "idd" > 5'), table={"source_filter": '"idd" > 5'}),
    "filter_that_is_no_sql": Case(("main.t", "syntax error", 'check source_filter, which goes into the query as it is: "id" >'), table={"source_filter": '"id" >'}),
    "filter_of_unknown_column_in_snowflake": Case(("PUBLIC.t: the planning query: running a query: ", "02000", '; the query was "', '..."', 'check source_filter, which goes into the query as it is: "idd" > 5'), sources=SNOWFLAKE, table={"source_filter": '"idd" > 5'}),
    "filter_that_closes_a_parenthesis": Case(("config.json:", "$.sources[0].tables[0].source_filter", "closes a parenthesis that it hasn't opened"), 2,
                                             sources=BOTH, table={"source_filter": '"id" = 1) OR ("id" = 2', "batch_size": 25}),
    "chunking_column": Case(("main.t", "chunking_columns", '"Id"', 'did you mean "id"'), table={"chunking_columns": ["Id"]}),
    "chunking_column_without_order": Case(("chunking_columns", '"name"', "hash"), columns={"id": "int", "name": "binary"},
                                          select="SELECT 1, 'x'::BLOB", target=("CREATE TABLE t (id bigint, name bytea)",),
                                          table={"chunking_columns": ["name"], "chunking": "range"}),
    # The source
    "file": Case(("/nowhere/at.duckdb", "does not exist", "check the path"), change=database_file(path="/nowhere/at.duckdb")),
    "file_that_is_no_database": Case(("letter.duckdb", "not a valid DuckDB database file", "check the path"), change=no_database),
    "file_that_a_writer_has_locked": Case(("source.duckdb", "lock"), during=locked_by_a_writer),
    "init_sql": Case(("init_sql", "SELEKT"), change=database_file(path=":memory:", init_sql="CREATE VIEW v AS SELEKT 1")),
    "driver": Case(("libnothing.so", "No such file", "give its path"), change=without_a_driver),
    # The configuration
    "unknown_setting": Case(("config.json:", "$.paralel_threads", 'did you mean "parallel_threads"'), 2, change=setting(paralel_threads=2)),
    "unset_variable": Case(("config.json:", "$.postgres.password", "NO_SUCH_SECRET"), 2, change=postgres(password="${NO_SUCH_SECRET}")),
    "setting_out_of_range": Case(("config.json:", "$.parallel_threads", "1 to 256", "1000"), 2, change=setting(parallel_threads=1000)),
    "memory_for_no_worker": Case(("config.json:", "$.memory_limit_mb", "is 64", "one worker takes 103 MB"), 2, change=setting(memory_limit_mb=64)),
    "memory_for_no_worker_from_snowflake": Case(("config.json:", "$.memory_limit_mb", "is 103", "one worker takes 144 MB"), 2, SNOWFLAKE, change=setting(memory_limit_mb=103)),
    "environment_of_another_type": Case(("config.json:", "$.parallel_threads", "THREADS"), 2, change=setting(parallel_threads="${THREADS}"),
                                        environment={"THREADS": "wr0ng-s3cret"}),
    "duplicate_key": Case(("config.json:", "$.sources[0].tables[0].target", "duplicate key", "already on line"), 2, text=with_a_duplicate),
    "malformed_json": Case(("config.json:12: ", "syntax error at line 12"), 2, text=without_a_comma),
    "configuration_that_is_a_list": Case(("config.json: $: the configuration is not an object",), 2, text=lambda text: "[]"),
    "configuration_that_is_empty": Case(("config.json:1: $: syntax error at line 1",), 2, text=lambda text: ""),
    "configuration_that_is_a_folder": Case(("/tmp: the configuration can't be read: it is a directory",), 2, arguments=("-c", "/tmp")),
    "name_that_is_too_long": Case(("config.json:", "$.sources[0].tables[0].target", "70 bytes", "63"), 2, table={"target": "n" * 70}),
    "word_of_a_setting": Case(("config.json:", "$.sources[0].tables[0].chunking", '"range"', 'not "ranges"'), 2, table={"chunking": "ranges"}),
    "no_configuration": Case(("elsewhere.json", "can't be read", "No such file"), 2, arguments=("-c", "elsewhere.json")),
    # Runs
    "run_that_is_not_there": Case((f"no target database has a run {RUN_ID}", "thaw status"), arguments=("--resume-run-id", RUN_ID)),
    "run_that_is_no_uuid": Case(("--resume-run-id", "UUID", "yesterday"), 2, arguments=("--resume-run-id", "yesterday")),
    "live_run": Case(("of these sources is live", "pid", "--join"), during=live_run, seconds=40),
    "unknown_option": Case(("--tabel",), 2, arguments=("--tabel", "t")),
}
NAMES = {"_schema": {"duckdb": "source_schema", "snowflake": "source_sf_schema"},
         "_database": {"duckdb": "source_database", "snowflake": "source_sf_database"}}
EVERY = [pytest.param(kind, case, id=f"{name}-{kind}") for name, case in CASES.items() for kind in case.sources]


def configuration(world: World, case: Case) -> dict:
    migration = world.migration
    config = migration.config(TABLE | case.table)
    config["postgres"]["password"] = "pg-s3cret-4711"
    config["sources"][0] |= {NAMES[name][migration.source.kind] if name in NAMES else name: value
                             for name, value in filled(world, case.feed).items()}
    return case.change(world, config)


def provoke(migration: Migration, world: World, case: Case) -> Finished:
    migration.source.table("t", case.columns, case.select)
    migration.target.execute(*case.target)
    config = configuration(world, case)
    with case.during(world, config):
        path = migration.thaw.write(config)
        path.write_text(case.text(path.read_text(encoding="utf-8")), encoding="utf-8")
        finished = migration.thaw.run("migrate", *case.arguments, environment=case.environment)
        if migration.target.value("SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = to_regclass('public.t')"):
            assert migration.target.count("t") == 0, f"it failed, and there are rows; {finished}"
    return finished


@pytest.mark.parametrize("source, case", EVERY, indirect=["source"])
def test_an_error_is_told(migration, tmp_path, case):
    world = World(migration, tmp_path)
    finished = provoke(migration, world, case).expect(case.status)
    words = [word.format(**world.names) for word in case.words]
    assert any(all(word in line for word in words) for line in finished.stderr.splitlines()), f"no line says {words}; {finished}"
    shown = finished.stdout + finished.stderr
    for secret in (*SECRETS, *key_lines(migration)):
        assert secret not in shown, f"a secret is shown; {finished}"
    assert finished.seconds < case.seconds, f"{finished.seconds} s; {finished}"


def key_lines(migration: Migration) -> list:
    """The lines of the source's private key that hold it."""
    if migration.source.kind == "duckdb":
        return []
    return [line for line in migration.source.key_file.read_text(encoding="ascii").splitlines() if "-----" not in line and len(line) > 20]


@pytest.mark.parametrize("source", BOTH, indirect=True)
def test_without_an_error(migration, tmp_path):
    """What the cases differ from works, so each fails for its own reason."""
    case = Case(words=())
    world = World(migration, tmp_path)
    migration.source.table("t", case.columns, case.select)
    migration.target.execute(*case.target)
    migration.thaw.migrate(configuration(world, case)).expect(0)
    assert migration.target.count("t") == 100
