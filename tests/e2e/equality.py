"""Is a table of PostgreSQL the same multiset of rows as what DuckDB reads from the tests' own files? Neither answer comes
from thaw: psycopg exports the one, DuckDB compares."""

import pathlib

import duckdb
import psycopg

from sources import literal, quoted


def export(connection: psycopg.Connection, query: str, file: pathlib.Path) -> None:
    """CSV in which NULL is empty and everything else is quoted, the empty string too."""
    with open(file, "wb") as out, connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)") as copy:
        for block in copy:
            out.write(block)


def read_back(name: str, kind: str, column: str) -> str:
    """The column of text from the export as a value of the expected type."""
    if kind == "BLOB":
        return f"unhex(substr({column}, 3)) AS {quoted(name)}"
    return f"CAST({column} AS {kind}) AS {quoted(name)}"


def assert_same_rows(connection: psycopg.Connection, query: str, expected: str, directory: pathlib.Path) -> int:
    """`query` in PostgreSQL gives the rows of `expected` in DuckDB, column by column in order; how many there are."""
    file = directory / "exported.csv"
    export(connection, query, file)
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        kinds = [(row[0], row[1]) for row in duck.execute(f"DESCRIBE {expected}").fetchall()]
        texts = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(kinds)))
        casts = ", ".join(read_back(name, kind, f"c{i}") for i, (name, kind) in enumerate(kinds))
        duck.execute(f"CREATE TABLE expected AS {expected}")
        duck.execute(f"CREATE TABLE actual AS SELECT {casts} FROM read_csv({literal(file)}, columns = {{{texts}}}, "
                     "header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, "
                     "auto_detect = false, max_line_size = 20000000)")
        missing = duck.execute("SELECT * FROM expected EXCEPT ALL SELECT * FROM actual LIMIT 5").fetchall()
        surplus = duck.execute("SELECT * FROM actual EXCEPT ALL SELECT * FROM expected LIMIT 5").fetchall()
        counts = duck.execute("SELECT (SELECT count(*) FROM expected), (SELECT count(*) FROM actual)").fetchone()
    assert not missing and not surplus and counts[0] == counts[1], (
        f"{counts[0]} rows expected, {counts[1]} found; the first that are missing: {missing}; that are too many: {surplus}")
    return counts[0]
