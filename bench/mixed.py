"""The mixed table of the benchmarks: 24 columns, some 530 bytes a row in binary COPY, the same rows every time.

    build/venv-test/bin/python bench/mixed.py FILE ROWS     writes FILE, a DuckDB database with the table `mixed`

TARGET is the statement that makes its target. The values are arithmetic and md5 of the row's number, so they depend
on no random generator and no version of one.
"""

import hashlib
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Of a hex digest: digits `first` to `last`, as a whole number.
NUMBER = "CAST('0x' || substr(h, {first}, {digits}) AS BIGINT)"


def number(first: int, digits: int, modulus: int) -> str:
    return f"({NUMBER.format(first=first, digits=digits)} % {modulus})"


def nullable(expression: str, first: int, percent: int) -> str:
    """NULL in so many per cent of the rows."""
    return f"CASE WHEN {number(first, 4, 100)} < {percent} THEN NULL ELSE {expression} END"


# name, expression over i (the row's number) and h (a digest of it), type in DuckDB, type in PostgreSQL
COLUMNS = (
    ("id", "i", "BIGINT", "bigint NOT NULL"),
    ("customer_id", number(1, 7, 5_000_000), "INTEGER", "integer NOT NULL"),
    ("store_id", number(2, 5, 900), "SMALLINT", "smallint NOT NULL"),
    ("account", "i * 7919 % 9007199254740993", "BIGINT", "bigint NOT NULL"),
    ("price", number(3, 7, 100_000_000) + " / 100", "DECIMAL(12, 2)", "numeric(12, 2) NOT NULL"),
    ("tax_rate", nullable(number(4, 6, 1_000_000) + " / 10000", 9, 10), "DECIMAL(9, 4)", "numeric(9, 4)"),
    ("balance", number(5, 12, 99_999_999_999_999) + " / 1000", "DECIMAL(38, 10)", "numeric(38, 10) NOT NULL"),
    ("weight", number(6, 9, 1_000_000_007) + " / 1024", "DOUBLE", "double precision NOT NULL"),
    ("score", nullable(number(7, 9, 1_000_003) + " / 3", 10, 20), "DOUBLE", "double precision"),
    ("active", number(8, 2, 3) + " = 0", "BOOLEAN", "boolean NOT NULL"),
    ("status", "['new', 'paid', 'packed', 'shipped', 'returned'][1 + " + number(11, 3, 5) + "]", "VARCHAR", "varchar(10) NOT NULL"),
    ("country", "['DE', 'FR', 'US', 'JP', 'BR', 'IN'][1 + " + number(12, 3, 6) + "]", "VARCHAR", "varchar(2) NOT NULL"),
    ("name", "'Customer ' || substr(h, 1, 4 + " + number(13, 2, 12) + ")", "VARCHAR", "text NOT NULL"),
    ("email", "substr(h, 3, 10) || '@mail' || i % 100 || '.example.com'", "VARCHAR", "varchar(80) NOT NULL"),
    ("description", "'Größe ' || h || ' ' || repeat('lorem ipsum ', CAST(2 + " + number(14, 2, 9) + " AS INTEGER)) || h",
     "VARCHAR", "text NOT NULL"),
    ("remark", nullable("repeat(substr(h, 5, 11) || ' ', CAST(1 + " + number(15, 2, 5) + " AS INTEGER))", 16, 40), "VARCHAR", "text"),
    ("digest", "h", "VARCHAR", "text NOT NULL"),
    ("reference", "substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-' || "
     "substr(h, 21, 12)", "VARCHAR", "uuid NOT NULL"),
    ("ordered_on", "DATE '2015-01-01' + CAST(i % 4000 AS INTEGER)", "DATE", "date NOT NULL"),
    ("created_at", "TIMESTAMP '2015-01-01' + to_microseconds(i * 157286401)", "TIMESTAMP", "timestamp NOT NULL"),
    ("updated_at", "TIMESTAMPTZ '2015-01-02 00:00:00+00' + to_microseconds(i * 157286401)", "TIMESTAMPTZ", "timestamptz NOT NULL"),
    ("shipped_at", nullable("TIMESTAMP '2016-01-01' + to_seconds(" + number(17, 7, 200_000_000) + ")", 20, 30), "TIMESTAMP",
     "timestamp"),
    ("attributes", "'{\"sku\":\"' || substr(h, 7, 12) || '\",\"size\":' || i % 50 || ',\"tags\":[\"a' || i % 7 || '\",\"b\"],\"gift\":false}'",
     "JSON", "json NOT NULL"),
    ("quantity", number(21, 4, 1000), "INTEGER", "integer NOT NULL"),
)

TARGET = "CREATE TABLE mixed ({})".format(", ".join(f"{name} {kind}" for name, _, _, kind in COLUMNS))


def version() -> str:
    """A short name for the table as it is written here: other columns, another name."""
    return hashlib.sha256(repr(COLUMNS).encode()).hexdigest()[:8]


def write(file: pathlib.Path, rows: int) -> None:
    """Write the database under its final name only when it is whole."""
    import duckdb  # the tests' virtual environment has it; who only wants TARGET needs it not

    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    selected = ", ".join(f"CAST({expression} AS {kind}) AS {name}" for name, expression, kind, _ in COLUMNS)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # The format that thaw's own, older DuckDB reads.
        connection.execute(f"ATTACH '{part}' AS file (STORAGE_VERSION 'v1.0.0')")
        connection.execute(f"CREATE TABLE file.mixed AS SELECT {selected} FROM "
                           f"(SELECT i, md5(CAST(i AS VARCHAR)) AS h FROM range(1, {rows + 1}) AS numbers(i))")
        connection.execute("DETACH file")
    part.rename(file)


def source_file(work: pathlib.Path, rows: int) -> pathlib.Path:
    """The rows as a DuckDB file in the folder `work`, made the first time; its name says which rows and which version of the table."""
    file = work / f"mixed-{rows}-{version()}.duckdb"
    if not file.exists():
        print(f"bench: generating {rows:,} rows into {file}", file=sys.stderr)
        for old in work.glob("mixed-*"):
            old.unlink()
        subprocess.run([ROOT / "build/venv-test/bin/python", __file__, file, str(rows)], check=True)
    return file


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
