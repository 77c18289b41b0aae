"""Do a query of PostgreSQL and a query of DuckDB give the same rows, as multisets? Neither answer comes from thaw.

PostgreSQL exports its rows as CSV (psycopg, COPY), pyarrow takes the text apart, DuckDB puts both sides into one form for
each type and counts a hash of each row. Nothing but hashes is kept, so millions of rows take seconds; where sides differ,
both are read once more for the rows themselves.

What counts as different, beyond the obvious: NULL and '', 0.0 and -0.0, any digit of a number even where the source's type
has fewer, a microsecond, a row that is there twice. What doesn't: NaN and NaN, a number's zeros at the end (0.10 and 0.1)
unless `scales` is asked for, the order of keys and the spaces in JSON, the order of rows.
"""

import dataclasses
import decimal
import json

import duckdb
import psycopg
import pyarrow as pa
from pyarrow import csv

BLOCK = 8 << 20
# Of PostgreSQL's texts; they are read back by what stands here.
SESSION = {"DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "TimeZone": "UTC", "bytea_output": "hex",
           "extra_float_digits": "1"}
WHOLE_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
                 "UHUGEINT"}


@dataclasses.dataclass
class Difference:
    """What one side has and the other has not: the first rows of each, with how often, as the texts that were compared."""

    expected_rows: int
    actual_rows: int
    missing: list = dataclasses.field(default_factory=list)
    surplus: list = dataclasses.field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus or self.expected_rows != self.actual_rows)

    def __str__(self) -> str:
        lines = [f"{self.expected_rows} rows expected, {self.actual_rows} found"]
        for title, rows in (("missing", self.missing), ("too many", self.surplus)):
            lines += [f"  {title}: {times} x {row}" for row, times in rows]
        return "\n".join(lines)


def compare(connection: psycopg.Connection, actual: str, expected: str, *, duck: duckdb.DuckDBPyConnection | None = None,
            scales: bool = False, limit: int = 5) -> Difference:
    """`actual`, a query of PostgreSQL, against `expected`, a query of DuckDB, column by column in their order.

    The types are those of `expected`: a column of PostgreSQL that holds them in another type is cast in `actual`.
    """
    with (duck or duckdb.connect()).cursor() as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
        return _Sides(connection, cursor, actual, expected, scales).difference(limit)


def assert_equal(connection: psycopg.Connection, actual: str, expected: str, **options) -> int:
    """The same rows, or AssertionError with the first that differ; how many there are."""
    difference = compare(connection, actual, expected, **options)
    assert not difference, str(difference)
    return difference.expected_rows


# ---- one form for each type, on either side -------------------------------------------------------------------------

def _stripped(number: str) -> str:
    return f"CASE WHEN contains({number}, '.') THEN rtrim(rtrim({number}, '0'), '.') ELSE {number} END"


def _moment(type_: str) -> str:
    """The type in which moments are compared: the seconds of PostgreSQL have six digits, and none may be rounded away."""
    return "TIMESTAMP" if type_ in ("TIMESTAMP_S", "TIMESTAMP_MS") else type_


def _source_form(type_: str, column: str, scales: bool) -> str:
    text = f"CAST({column} AS VARCHAR)"
    if type_.startswith("DECIMAL") and not scales:
        return _stripped(text)
    if type_ == "BLOB":
        return f"lower(hex({column}))"
    if type_ == "DATE":
        return f"replace({text}, ' (BC)', ' BC')"
    if type_.startswith("TIMESTAMP"):
        return f"CAST(CAST({column} AS {_moment(type_)}) AS VARCHAR)"
    if type_ == "JSON":
        return f"canonical_json({text})"
    return text


def _target_form(type_: str, column: str, scales: bool) -> str:
    if type_ in WHOLE_NUMBERS or type_.startswith("DECIMAL"):
        return column if scales else _stripped(column)
    if type_ in ("FLOAT", "DOUBLE", "TIME"):
        return f"CAST(CAST({column} AS {type_}) AS VARCHAR)"
    if type_ == "BOOLEAN":
        return f"CASE {column} WHEN 't' THEN 'true' WHEN 'f' THEN 'false' ELSE {column} END"
    if type_ == "BLOB":
        return f"CASE WHEN starts_with({column}, '\\x') THEN substr({column}, 3) ELSE 'no bytea: ' || {column} END"
    if type_.startswith("TIMESTAMP"):
        moment = f"regexp_replace({column}, '^(\\S+)(.*) BC$', '\\1 (BC)\\2')"
        return f"CAST(CAST({moment} AS {_moment(type_)}) AS VARCHAR)"
    if type_ == "JSON":
        return f"canonical_json({column})"
    return column


def canonical_json(text: str) -> str:
    """The value that JSON text stands for, written in one way: keys sorted, numbers to their last digit."""

    def written(value) -> str:
        if isinstance(value, dict):
            return "{" + ",".join(f"{json.dumps(key)}:{written(value[key])}" for key in sorted(value)) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(written, value)) + "]"
        if isinstance(value, decimal.Decimal):
            number = format(value, "f")
            return (number.rstrip("0").rstrip(".") if "." in number else number) or "0"
        return json.dumps(value)

    return written(json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal))


# ---- the comparison ---------------------------------------------------------------------------------------------------

class _Sides:
    def __init__(self, connection, duck, actual, expected, scales):
        types = [str(row[1]) for row in duck.execute(f"DESCRIBE {expected}").fetchall()]
        self.connection, self.duck, self.actual = connection, duck, actual
        self.names = [f"c{i}" for i in range(len(types))]
        self.row_hash = f"hash({', '.join(self.names)})"
        self.has_json = "JSON" in types
        self.source_columns, self.target_columns = (
            ", ".join(f"{form(type_, name, scales)} AS {name}" for type_, name in zip(types, self.names))
            for form in (_source_form, _target_form))
        self.expected = f"(SELECT {self.source_columns} FROM ({expected}) AS t({', '.join(self.names)}))"

    def difference(self, limit: int) -> Difference:
        if self.has_json:
            self.duck.create_function("canonical_json", canonical_json, ["VARCHAR"], "VARCHAR")
        try:
            return self._difference(limit)
        finally:
            for table in ("expected", "actual", "difference"):
                self.duck.execute(f"DROP TABLE IF EXISTS reference_{table}")
            if self.has_json:
                self.duck.remove_function("canonical_json")

    def _difference(self, limit: int) -> Difference:
        hashes = f"SELECT {self.row_hash} AS h FROM {{}}"
        self.duck.execute(f"CREATE TEMP TABLE reference_expected AS {hashes}".format(self.expected))
        self.read_actual(f"CREATE TEMP TABLE reference_actual AS {hashes}")
        self.duck.execute("CREATE TEMP TABLE reference_difference AS SELECT h, CAST(sum(n) AS BIGINT) AS n FROM ("
                          "SELECT h, 1 AS n FROM reference_expected UNION ALL SELECT h, -1 FROM reference_actual"
                          ") GROUP BY h HAVING sum(n) <> 0")
        expected_rows, actual_rows, differing = (
            self.duck.execute(f"SELECT count(*) FROM reference_{table}").fetchone()[0]
            for table in ("expected", "actual", "difference"))
        result = Difference(expected_rows, actual_rows)
        if differing > 0:
            result.missing = _rows(self.duck.execute(self.differing("d.n", limit).format(self.expected)).fetchall())
            result.surplus = _rows(self.read_actual(self.differing("-d.n", limit)))
        return result

    def differing(self, times: str, limit: int) -> str:
        """Rows of which a side has too many, and how many too many."""
        columns = ", ".join(self.names)
        return (f"SELECT any_value({times}) AS times, {columns} FROM {{}} AS side JOIN reference_difference AS d "
                f"ON {self.row_hash} = d.h WHERE {times} > 0 GROUP BY ALL ORDER BY ALL LIMIT {limit}")

    def read_actual(self, statement: str) -> list:
        """What a statement of DuckDB gives in which {} stands for PostgreSQL's rows."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            for name, value in SESSION.items():
                cursor.execute("SELECT set_config(%s, %s, true)", (name, value))
            width = len(cursor.execute(f"SELECT * FROM ({self.actual}) AS t LIMIT 0").description)
            if width != len(self.names):
                raise ValueError(f"{len(self.names)} columns expected, {width} found")
            with cursor.copy(f"COPY ({self.actual}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, ENCODING 'UTF8')") as exported:
                self.duck.register("reference_exported", self.parsed(_Readable(exported)))
                try:
                    rows = f"(SELECT {self.target_columns} FROM reference_exported)"
                    return self.duck.execute(statement.format(rows)).fetchall()
                finally:
                    self.duck.unregister("reference_exported")

    def parsed(self, exported: "_Readable"):
        """CSV in which NULL is nothing at all and everything else is quoted, as Arrow batches of text."""
        if exported.is_empty():
            return pa.table({name: pa.array([], pa.string()) for name in self.names})
        return csv.open_csv(
            exported, csv.ReadOptions(column_names=self.names, block_size=BLOCK),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=dict.fromkeys(self.names, pa.string()), null_values=[""],
                               strings_can_be_null=True, quoted_strings_can_be_null=False))


def _rows(counted: list) -> list:
    return [(row[1:], row[0]) for row in counted]


class _Readable:
    """A COPY TO STDOUT as a file that is read in pieces of any size."""

    def __init__(self, copy: psycopg.Copy):
        self.copy, self.rest, self.closed = copy, b"", False

    def is_empty(self) -> bool:
        if not self.rest:
            self.rest = bytes(self.copy.read())
        return not self.rest

    def read(self, size: int = -1) -> bytes:
        parts, length = [self.rest], len(self.rest)
        while size < 0 or length < size:
            part = bytes(self.copy.read())
            if not part:
                break
            parts.append(part)
            length += len(part)
        data = b"".join(parts)
        end = len(data) if size < 0 else size
        self.rest = data[end:]
        return data[:end]

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True
