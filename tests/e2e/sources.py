"""Sources for the tests: a DuckDB file and a database of the Snowflake double, filled in the same way.

Rows come from a SELECT that DuckDB evaluates once, into a Parquet file; both sources are loaded from that file, and it is
what a target is compared with afterwards (reference.py). So what a source holds is known without asking thaw.
"""

import base64
import contextlib
import itertools
import json
import pathlib
import re
import urllib.error
import urllib.parse
import urllib.request

import duckdb
import pyarrow as pa

from tests.servers.double import OPENER, SnowflakeDouble

# What a column is called in the tests: its type in DuckDB, its type in Snowflake.
TYPES = {
    "int": ("BIGINT", "NUMBER(38,0)"),
    "float": ("DOUBLE", "FLOAT"),
    "bool": ("BOOLEAN", "BOOLEAN"),
    "text": ("VARCHAR", "VARCHAR"),
    "binary": ("BLOB", "BINARY"),
    "date": ("DATE", "DATE"),
    "time": ("TIME", "TIME"),
    "timestamp": ("TIMESTAMP", "TIMESTAMP_NTZ(9)"),
    "timestamptz": ("TIMESTAMPTZ", "TIMESTAMP_TZ(9)"),
    "uuid": ("UUID", "VARCHAR(36)"),
    "nocase": ("VARCHAR COLLATE NOCASE", "VARCHAR COLLATE 'en-ci'"),
    "nanoseconds": ("TIMESTAMP_NS", "TIMESTAMP_NTZ(8)"),  # of the double's timestamps, the one that has them
    "json": ("JSON", "VARIANT"),
}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def source_types(kind: str) -> tuple:
    """Types in DuckDB and in Snowflake of one of TYPES, or of "decimal(p,s)"."""
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", kind)
    if decimal:
        return f"DECIMAL({decimal[1]},{decimal[2]})", f"NUMBER({decimal[1]},{decimal[2]})"
    return TYPES[kind]


class Table:
    """A table of a source; `files` together hold its rows, of which `condition` says which matter (SQL; all of them)."""

    def __init__(self, schema: str, name: str, columns: dict):
        self.schema, self.name, self.columns = schema, name, columns
        self.files: list = []
        self.condition = "true"

    @property
    def rows_sql(self) -> str:
        """DuckDB's SQL for its rows."""
        return f"SELECT * FROM read_parquet([{', '.join(literal(file) for file in self.files)}]) WHERE ({self.condition}\n)"


class Source:
    """What both kinds share."""

    kind = ""
    schema = ""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.numbers = itertools.count(1)

    def table(self, name: str, columns: dict, select: str, schema: str | None = None) -> Table:
        """Make a table with columns {name: one of TYPES} and fill it with the rows of `select`."""
        table = Table(self.schema if schema is None else schema, name, columns)
        self._create(table)
        self.insert(table, select)
        return table

    def insert(self, table: Table, select: str) -> None:
        """Add the rows of `select` (DuckDB's SQL, columns in the table's order)."""
        file = self.directory / f"rows-{next(self.numbers)}.parquet"
        casts = ", ".join(f"CAST(c{i} AS {source_types(kind)[0].partition(' COLLATE')[0]}) AS {quoted(name)}"
                          for i, (name, kind) in enumerate(table.columns.items()))
        names = ", ".join(f"c{i}" for i in range(len(table.columns)))
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"COPY (SELECT {casts} FROM ({select}) AS rows({names})) TO {literal(file)} (FORMAT parquet)")
        self.execute(f"INSERT INTO {self.relation(table.name, table.schema)} SELECT * FROM read_parquet({literal(file)})")
        table.files.append(file)

    def relation(self, name: str, schema: str | None = None) -> str:
        """Its full name, quoted, in the source's SQL."""
        return ".".join(quoted(part) for part in (self.database, self.schema if schema is None else schema, name))

    def feed(self, database: str, *tables: dict, target_schema: str = "public", name: str = "feed", **more) -> dict:
        """An entry of sources[]."""
        return {"source_name": name, **self.names(), "target_pg_database": database, "target_pg_schema": target_schema,
                "tables": list(tables), **more}


class DuckdbSource(Source):
    """A file, written in a format that the program's own DuckDB reads too."""

    kind = "duckdb"
    schema = "main"

    def __init__(self, directory: pathlib.Path, database: str = "source"):
        super().__init__(directory)
        self.database = database
        self.file = directory / f"{database}.duckdb"

    def execute(self, *statements: str) -> None:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH {literal(self.file)} AS {quoted(self.database)} (STORAGE_VERSION 'v1.0.0')")
            for statement in statements:
                connection.execute(statement)

    def make_schema(self, name: str) -> None:
        self.execute(f"CREATE SCHEMA {quoted(self.database)}.{quoted(name)}")

    def _create(self, table: Table) -> None:
        columns = ", ".join(f"{quoted(name)} {source_types(kind)[0]}" for name, kind in table.columns.items())
        self.execute(f"CREATE TABLE {self.relation(table.name, table.schema)} ({columns})")

    def config(self) -> dict:
        return {"duckdb": {"path": str(self.file)}}

    def names(self) -> dict:
        return {"source_database": self.database, "source_schema": self.schema}


class DoubleSession:
    """A session of the double, for the tests' own statements. The protocol's few words that it takes are those of the
    Python connector (https://github.com/snowflakedb/snowflake-connector-python)."""

    def __init__(self, double: SnowflakeDouble, database: str, schema: str):
        self.base = f"http://{double.host}:{double.port}"
        where = urllib.parse.urlencode({"databaseName": database, "schemaName": schema})
        body = {"data": {"LOGIN_NAME": "loader", "PASSWORD": "loader", "SESSION_PARAMETERS": {}}}
        self.token = self._post(f"/session/v1/login-request?{where}", body)["data"]["token"]

    def execute(self, sql: str) -> list:
        """Its rows, if it has any."""
        answer = self._post("/queries/v1/query-request?requestId=1", {"sqlText": sql})
        if not answer["success"]:
            raise AssertionError(f"the double refuses a statement: {answer['message']}\n{sql}")
        encoded = answer["data"].get("rowsetBase64")
        return pa.ipc.open_stream(base64.b64decode(encoded)).read_all().to_pylist() if encoded else []

    def _post(self, path: str, body: dict) -> dict:
        headers = {"Content-Type": "application/json"}
        if hasattr(self, "token"):
            headers["Authorization"] = f'Snowflake Token="{self.token}"'
        request = urllib.request.Request(self.base + path, data=json.dumps(body).encode(), headers=headers)
        with OPENER.open(request, timeout=120) as answer:
            return json.load(answer)


class SnowflakeSource(Source):
    """A database of the double, reached through the real driver with a key pair."""

    kind = "snowflake"
    schema = "PUBLIC"

    def __init__(self, directory: pathlib.Path, double: SnowflakeDouble, database: str, key_file: pathlib.Path):
        super().__init__(directory)
        self.double, self.database, self.key_file = double, database, key_file
        self.session = DoubleSession(double, database, self.schema)

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self.session.execute(statement)

    def make_schema(self, name: str) -> None:
        self._create_anyhow(f"CREATE SCHEMA {quoted(self.database)}.{quoted(name)}")

    def move_to_database(self, name: str) -> None:
        """Make a database of any name and use it from now on."""
        self.session.execute(f"CREATE DATABASE {quoted(quoted(name))}")  # fakesnow takes the identifier as it is, unquoted
        self.database = name
        self.make_schema(self.schema)

    def _create(self, table: Table) -> None:
        columns = ", ".join(f"{quoted(name)} {source_types(kind)[1]}" for name, kind in table.columns.items())
        self._create_anyhow(f"CREATE TABLE {self.relation(table.name, table.schema)} ({columns})")

    def _create_anyhow(self, statement: str) -> None:
        """fakesnow creates what has a name that needs quotes, and then breaks down over its own records of it: status 500.
        Whether it is there shows when it is filled."""
        with contextlib.suppress(urllib.error.HTTPError):
            self.session.execute(statement)

    def config(self, **login) -> dict:
        """`login` replaces the key pair."""
        return {"snowflake": {"account": "test", "user": "loader", "host": self.double.host, "port": self.double.port,
                              "protocol": "http", **(login or {"rsa_key": str(self.key_file)})}}

    def names(self) -> dict:
        return {"source_sf_database": self.database, "source_sf_schema": self.schema}
