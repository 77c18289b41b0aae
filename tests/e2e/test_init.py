"""thaw init: a configuration out of a source's catalogue, which runs as it is, and the statements of its targets."""

import json

import pytest

from marks import both_sources
from sources import quoted
from test_flights import ROWS, TABLES, rows_of

SECRET = "S3cret-of-nobody"


class Init:
    """The command with a way to the source, and what it printed."""

    def __init__(self, migration):
        self.migration = migration
        self.thaw, self.source, self.target = migration.thaw, migration.source, migration.target
        server = self.target.config()["postgres"]
        self.environment = {"PGHOST": str(server["host"]), "PGPORT": str(server["port"]), "PGUSER": server["user"],
                            "PGDATABASE": self.target.name}

    @property
    def names(self) -> list:
        database, schema = self.source.names().values()
        return ["--database", database, "--schema", schema]

    def variables(self) -> dict:
        """The source in the environment."""
        if self.source.kind == "duckdb":
            return {"DUCKDB_PATH": str(self.source.file)}
        double = self.source.double
        return {"SNOWFLAKE_ACCOUNT": "test", "SNOWFLAKE_USER": "loader", "SNOWFLAKE_HOST": double.host,
                "SNOWFLAKE_PORT": str(double.port), "SNOWFLAKE_PROTOCOL": "http", "SNOWFLAKE_PASSWORD": SECRET}

    def run(self, *arguments: str, environment: dict | None = None):
        return self.thaw.run("init", *self.names, *arguments, environment=self.variables() if environment is None else environment)

    def made(self, *arguments: str, **options) -> tuple:
        """The configuration, as it was parsed, and the statements."""
        finished = self.run("--json", *arguments, **options).expect(0)
        answer = json.loads(finished.stdout)
        return answer["config"], answer["sql"]

    def migrate(self, config: dict, *arguments: str):
        self.thaw.write(config)
        environment = self.environment | self.variables()
        self.thaw.run("validate", environment=environment).expect(0)
        self.thaw.run("check", environment=environment).expect(0)
        return self.thaw.run("migrate", *arguments, environment=environment, timeout=240).expect(0)


@pytest.fixture
def init(migration) -> Init:
    return Init(migration)


@pytest.mark.parametrize("source, target", [("duckdb", 15), ("snowflake", 18)], indirect=True)
def test_nycflights13_by_init_and_migrate_as_it_is(init):
    names = {name.upper(): name for name in TABLES}
    tables = {name: init.source.table(name.upper(), columns, rows_of(name)) for name, (columns, _) in TABLES.items()}
    config, sql = init.made()
    assert {table["source"]: table["target"] for table in config["sources"][0]["tables"]} == names
    init.migrate(config)
    schema = config["sources"][0]["target_pg_schema"]
    assert schema == "public"
    for name, table in tables.items():
        assert init.migration.assert_same(table, name) == ROWS[name]
    init.target.assert_completed()
    # The statements make the same tables.
    made = {name: columns_of(init.target, name) for name in TABLES}
    init.target.execute(*(f"DROP TABLE {name}" for name in TABLES), sql)
    assert {name: columns_of(init.target, name) for name in TABLES} == made


def columns_of(target, table: str) -> list:
    return target.rows("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
                       "WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum", table)


VISITS = {"ID": "decimal(18,0)", "SEEN AT": "timestamp", "note": "text"}


def test_names_keys_and_reasons(init):
    source = init.source
    source.execute(f"CREATE TABLE {source.relation('VISITS')} (\"ID\" BIGINT PRIMARY KEY, \"SEEN AT\" TIMESTAMP, \"note\" VARCHAR)",
                   f"CREATE TABLE {source.relation('odd')} (a UNION(x INTEGER, y VARCHAR))",
                   f"CREATE TABLE {source.relation('twice')} (\"ID\" INTEGER, \"id_\" INTEGER, \"A${{B}}\" INTEGER)",
                   f"CREATE TABLE {source.relation('Größe')} (a INTEGER)",
                   f"CREATE VIEW {source.relation('V')} AS SELECT 1 AS a")
    config, sql = init.made("--target-schema", "new one")
    entry = config["sources"][0]
    tables = {table["source"]: table for table in entry["tables"]}
    assert sorted(tables) == sorted(["VISITS", "odd", "twice", "Größe", "V"])
    assert tables["VISITS"]["column_mapping"] == {"ID": "id", "SEEN AT": "seen at"}
    assert tables["VISITS"]["uniqueness_columns"] == ["id"]
    assert "primary key that the source declares" in tables["VISITS"]["_why"]
    assert all(word in tables["VISITS"]["_why"] for word in ("(upsert)", "insert_only_mode", "source_watermark"))
    assert "No key is declared" in tables["Größe"]["_why"] and "(upsert) by a key only" in tables["Größe"]["_why"]
    assert tables["odd"]["enabled"] is False and "UNION" in tables["odd"]["_why"]
    assert tables["V"]["_why"].startswith("A view") and tables["V"]["target"] == "v"
    assert "${PGHOST:-}" in json.dumps(config["postgres"]) and config["duckdb"]["path"] == "${DUCKDB_PATH}"
    assert 'CREATE TABLE "new one"."visits"' in sql and "PRIMARY KEY (\"id\")" in sql
    init.migrate(config)
    assert init.target.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'new one' ORDER BY 1") == [
        ("Größe",), ("twice",), ("v",), ("visits",)]


def test_only_some_tables(init):
    init.source.execute(*(f"CREATE TABLE {init.source.relation(name)} (x VARCHAR)" for name in ("visits", "pages", "users")))
    config, _ = init.made("--tables", "users,visits")
    assert [table["source"] for table in config["sources"][0]["tables"]] == ["users", "visits"]
    init.run("--tables", "users,visist").expect(1).says('did you mean "visits"')


@pytest.mark.parametrize("source", ["snowflake"], indirect=True)
def test_varchar_by_option(init):
    init.source.execute(f"CREATE TABLE {init.source.relation('T')} (\"A\" VARCHAR(20), \"B\" VARCHAR)")
    assert '"a" text' in init.made()[1]
    _, sql = init.made("--varchar")
    assert '"a" varchar(20)' in sql and '"b" text' in sql


@both_sources
def test_secrets_are_never_printed(init):
    init.source.table("VISITS", VISITS, "SELECT 1, NULL, 'x'")
    given = init.migration.config(init.source.feed(init.target.name, {"source": "x", "target": "x"}))
    given["postgres"]["password"] = SECRET
    if init.source.kind == "duckdb":
        given["duckdb"]["init_sql"] = f"SET VARIABLE password = '{SECRET}'"
    else:
        given["snowflake"] = {**init.source.config(password=SECRET)["snowflake"], "options": {"CLIENT_SESSION_KEEP_ALIVE": "true"}}
    given["_remark"] = SECRET
    init.thaw.write(given)
    finished = init.run(environment={}).expect(0)
    assert SECRET not in finished.stdout + finished.stderr
    config, _ = init.made(environment={})
    assert SECRET not in json.dumps(config)
    assert config["postgres"]["password"] == "${POSTGRES_PASSWORD}"
    key = ("duckdb", "init_sql", "${DUCKDB_INIT_SQL}") if init.source.kind == "duckdb" else ("snowflake", "password", "${SNOWFLAKE_PASSWORD}")
    assert config[key[0]][key[1]] == key[2]
    # What isn't secret stands as it stood.
    assert config["postgres"]["host"] == given["postgres"]["host"]


def test_references_of_a_file_are_kept(init):
    init.source.table("VISITS", VISITS, "SELECT 1, NULL, 'x'")
    init.thaw.write({"duckdb": {"path": "${WHERE}"}, "postgres": {"url": "${URL:-}"}}, "half.json")
    config, _ = init.made("-c", "half.json", environment={"WHERE": str(init.source.file)})
    assert config["duckdb"] == {"path": "${WHERE}"} and config["postgres"] == {"url": "${URL:-}"}


def test_files_are_written_and_never_replaced(init):
    init.source.table("VISITS", VISITS, "SELECT 1, NULL, 'x'")
    init.run("-o", "new").expect(0)
    written = init.thaw.directory / "new"
    config = json.loads((written / "config.json").read_text(encoding="utf-8"))
    assert "CREATE TABLE" in (written / "tables.sql").read_text(encoding="utf-8")
    init.migrate(config)
    assert init.target.count("visits") == 1
    (written / "config.json").write_text("mine", encoding="utf-8")
    init.run("-o", "new").expect(1).says("config.json can't be written: File exists")
    assert (written / "config.json").read_text(encoding="utf-8") == "mine"


def test_the_text_on_stdout_is_a_configuration_and_statements(init):
    init.source.table("VISITS", VISITS, "SELECT 1, NULL, 'x'")
    printed = init.run().expect(0).stdout
    config, end = json.JSONDecoder().raw_decode(printed)
    init.target.execute(printed[end:])
    init.migrate(config)
    assert init.target.count("visits") == 1


# id: (arguments, environment, exit status, words)
WRONG = {
    "no schema option": (["--database", "x"], {}, 2, ["--schema is missing"]),
    "no way to the source": (["--database", "x", "--schema", "S"], {}, 2, ["SNOWFLAKE_ACCOUNT", "thaw init --help"]),
    "no such file": (["--schema", "S", "-c", "nope.json"], {}, 2, ["nope.json can't be read"]),
    "no such schema": (["--schema", "nope"], None, 1, ['nothing is visible in the schema "nope"']),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_is_wrong_is_told(init, case):
    arguments, environment, status, words = WRONG[case]
    init.source.table("VISITS", VISITS, "SELECT 1, NULL, 'x'")
    finished = init.thaw.run("init", *arguments, environment=init.variables() if environment is None else environment)
    finished.expect(status)
    assert all(word in finished.stderr for word in words), finished
    assert finished.stdout == ""


def test_help_explains_the_choices(init):
    text = init.thaw.run("init", "--help").expect(0).stdout
    assert all(word in text for word in ("truncate_onstart", "create_target", "SNOWFLAKE_ACCOUNT", "DUCKDB_PATH", "--varchar"))
    assert quoted("_why") in text
