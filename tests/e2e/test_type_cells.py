"""Each cell of docs/types.md, end to end: the program says of the pair what the document says, and carries hostile values as the
document's rules have it, or refuses those that don't fit, row by row.

Cells are columns, of which each value stands in a row of its own. What neither source
delivers comes from DuckDB by another name (arrow_driver.c). One id a cell; each looks at both versions of PostgreSQL.
"""

import dataclasses
import json
import pathlib
import subprocess

import pytest

import cells
from conftest import Migration
from sources import DuckdbSource, SnowflakeSource, quoted
from targets import Target
from thaw import ROOT, Thaw

CELLS, REASONS = cells.document()
VERSIONS = (15, 18)
BINARY = ("yes", "checked")
# PostGIS isn't among the tests' servers: a base type of its name, which keeps the text that it gets.
TYPES = ["CREATE SCHEMA cells", "CREATE EXTENSION citext", "CREATE TYPE mood AS ENUM ('sad', 'it''s \\ \"ok\"', '')",
         "CREATE TYPE pair AS (a int, b text)", "CREATE TYPE money_pair AS (a int, b numeric(5,2))", "CREATE TYPE geometry",
         "CREATE FUNCTION geometry_in(cstring) RETURNS geometry LANGUAGE internal IMMUTABLE STRICT AS 'textin'",
         "CREATE FUNCTION geometry_out(geometry) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'",
         "CREATE TYPE geometry (INPUT = geometry_in, OUTPUT = geometry_out, LIKE = text)"]
# Of these nothing is refused but what is larger than PostgreSQL's gigabyte: test_encode has that.
ONLY_SIZE = ({(form, target) for form in ("+l(i)", "+L(i)", "+w:2(i)", "+vl(i)", "+vL(i)", "+l(z)", "+l(+l(i))", "+m(i,i)")
              for target in ("text", "json", "jsonb")} | {(form, "bytea") for form in ("z", "Z", "vz")})
# What Snowflake delivers: the kind of column (sources.py) from which it makes this format.
FROM_SNOWFLAKE = {"b": "bool", "d:38,2": "decimal(38,2)", "g": "float", "u": "text", "z": "binary", "tdD": "date", "ttn": "time", "tsu:": "timestamp",
                  "tsu:UTC": "timestamptz"}


def columns_of(form: str) -> list:
    """(target, declared type) of each column that stands for a cell of this row."""
    return [(target, declared) for (row, target), cell in CELLS.items() if row == form for declared in cells.declared(target, cell)]


def way(form: str, target: str) -> str:
    """binary or text, or refused."""
    cell = CELLS[form, target]
    return "binary" if cell in BINARY else cell if cell == "text" else "refused"


@dataclasses.dataclass
class Column:
    """What was seen of a cell, with one declared type."""

    format: str | None = None  # in the words of thaw check
    reason: str | None = None
    found: dict = dataclasses.field(default_factory=dict)  # by the value's index; of rows that arrived
    rejected: dict = dataclasses.field(default_factory=dict)  # reason by the value's index


class Rows:
    """The rows of the document that a source delivers: their tables at both ends, what thaw check says of them, and one run.

    Some rows of the document share a table, because a table costs more than a column. Row 100,000 * n + 1000 * j + i has of the n-th
    format, in its j-th column, the i-th value, and nothing else.
    """

    PER_TABLE = 12

    def __init__(self, migration: Migration, forms: list, config, filled: bool):
        """`filled`: another has made the source's tables."""
        self.migration, self.config = migration, config
        self.numbers = {form: n for n, form in enumerate(forms)}
        self.tables = [forms[n : n + self.PER_TABLE] for n in range(0, len(forms), self.PER_TABLE)]
        self.columns = {(form, declared): (j, way(form, target)) for form in forms for j, (target, declared) in enumerate(columns_of(form))}
        self.seen = {column: Column() for column in self.columns}
        self.values = {column: self.values_of(*column) for column in self.columns}
        migration.target.execute(*TYPES)
        for n, table in enumerate(self.tables):
            if not filled:
                self.make_source(f"table {n}", table)
            self.make_targets(n, table)
        self.check()
        self.finished = migration.thaw.migrate(self.of(["binary", "text"])).expect(0)
        for n, table in enumerate(self.tables):
            for part in ("binary", "text"):
                self.read(f"{part} {n}", [column for column in self.columns if column[0] in table and self.columns[column][1] == part])

    def values_of(self, form: str, declared: str) -> list:
        """NULL at the end."""
        return (cells.values(form, declared) if self.columns[form, declared][1] != "refused" else []) + [cells.Value("NULL", None, "NULL")]

    def name(self, form: str, declared: str) -> str:
        """DuckDB takes C and c for one name."""
        return f"{self.numbers[form]:02} {form}>{declared}"

    def columns_in(self, table: list) -> list:
        return [column for column in self.columns if column[0] in table]

    def select(self, form: str, storage: str, native: bool) -> str:
        """An id and the columns of a format."""
        columns = self.columns_in([form])
        rows = [f"({self.columns[column][0]}, {i}, CAST({value.native if native else value.sql} AS {storage}))" for column in columns
                for i, value in enumerate(self.values[column])]
        cases = ", ".join(f"CASE WHEN j = {j} THEN v END AS {quoted(self.name(*column))}" for j, column in enumerate(columns))
        return f"SELECT {self.numbers[form]} * 100000 + 1000 * j + i AS id, {cases} FROM (VALUES {', '.join(rows)}) AS r(j, i, v)"

    def make_targets(self, n: int, table: list) -> None:
        for part in ("all", "binary", "text"):
            names = [f"{quoted(self.name(*column))} {column[1]}" for column in self.columns_in(table) if part in ("all", self.columns[column][1])]
            self.migration.target.execute(f"CREATE TABLE cells.{quoted(f'{part} {n}')} ({', '.join(['id bigint', *names])})")

    def of(self, parts: list) -> dict:
        tables = [{"source": f"table {n}", "target": f"{part} {n}", "chunking_columns": ["id"]} for n in range(len(self.tables)) for part in parts]
        feed = self.migration.source.feed(self.migration.target.name, *tables, target_schema="cells")
        return self.migration.config(feeds=[feed], on_bad_row="reject", max_rejects=100_000, snapshot="none") | self.config

    def check(self) -> None:
        self.migration.thaw.write(self.of(["all"]))
        answer = json.loads(self.migration.thaw.run("check", "--json").stdout)
        names = {self.name(*column): column for column in self.columns}
        for pair in (pair for table in answer["tables"] for pair in table["columns"] if pair["target"] != "id"):
            seen = self.seen[names[pair["target"]]]
            seen.format, seen.reason = pair["format"], pair["reason"]

    def read(self, table: str, columns: list) -> None:
        target = self.migration.target
        shown = "".join(f", {quoted(self.name(*column))}::text" for column in columns)
        rows = {row[0]: row[1:] for row in target.rows(f"SELECT id{shown} FROM cells.{quoted(table)}")}
        rejected = dict(target.rows("SELECT (key ->> 'id')::int, coalesce(column_name || ': ', '') || reason FROM migration_status.rejected_rows "
                                    f"WHERE target_table = '{table}'"))
        assert not rows.keys() & rejected.keys(), f"{table}: rows that are there and set aside"
        for position, column in enumerate(columns):
            for i in range(len(self.values[column])):
                row = 100_000 * self.numbers[column[0]] + 1000 * self.columns[column][0] + i
                if row in rows:
                    self.seen[column].found[i] = rows[row][position]
                elif row in rejected:
                    self.seen[column].rejected[i] = rejected[row]

    def printed(self, declared: str, texts: list) -> list:
        """What PostgreSQL prints of these texts, taken by this type's input function."""
        return [row[0] for row in self.migration.target.rows(f"SELECT v::{declared}::text FROM unnest(%s::text[]) WITH ORDINALITY AS t(v, n) ORDER BY n",
                                                             texts)]

    def judge(self, form: str, target: str) -> int:
        """Assert that each value of a cell arrived as it should; how many were refused."""
        refusals = 0
        for declared in cells.declared(target, CELLS[form, target]):
            seen, wanted = self.seen[form, declared], {}
            for i, value in enumerate(self.values[form, declared]):
                try:
                    wanted[i] = cells.expected(value, target, declared)
                except cells.Refused:
                    assert i in seen.rejected, f"{value.sql} into {declared} is {seen.found.get(i)!r}, and doesn't fit"
                    assert seen.rejected[i], value
                    refusals += 1
            present = [i for i, text in wanted.items() if text is not None]
            printed = dict(zip(present, self.printed(declared, [wanted[i].text for i in present])))
            for i, value in enumerate(self.values[form, declared]):
                if i in wanted:
                    assert i in seen.found, f"{value.sql} into {declared} was refused: {seen.rejected.get(i, 'and is lost')}"
                    assert seen.found[i] == printed.get(i), f"{value.sql} into {declared}"
        return refusals

    def close(self) -> None:
        self.migration.thaw.close()
        self.migration.target.drop()


class DuckdbRows(Rows):
    def __init__(self, source: DuckdbSource, directory: pathlib.Path, server, driver: pathlib.Path):
        adbc = {"driver": str(driver), "entrypoint": "arrow_init", "dialect": "duckdb", "options": {"path": str(source.file), "access_mode": "READ_ONLY"}}
        super().__init__(Migration(Thaw(directory), source, Target(server)), list(cells.FORMATS), {"adbc": adbc}, source.file.exists())

    def make_source(self, name: str, table: list) -> None:
        columns = ", ".join(f"{quoted(self.name(*column))} {cells.FORMATS[column[0]][0]}" for column in self.columns_in(table))
        self.migration.source.execute(f"CREATE TABLE source.main.{quoted(name)} (id BIGINT, {columns})", *[
            f"INSERT INTO source.main.{quoted(name)} BY NAME {self.select(form, cells.FORMATS[form][0], False)}" for form in table])

    def of(self, parts: list) -> dict:
        return {name: value for name, value in super().of(parts).items() if name != "duckdb"}


class SnowflakeRows(Rows):
    def __init__(self, source: SnowflakeSource, directory: pathlib.Path, server, filled: bool):
        super().__init__(Migration(Thaw(directory), source, Target(server)), list(FROM_SNOWFLAKE), {}, filled)

    def values_of(self, form: str, declared: str) -> list:
        return [value for value in super().values_of(form, declared) if value.native]

    def make_source(self, name: str, table: list) -> None:
        kinds = {self.name(*column): FROM_SNOWFLAKE[column[0]] for column in self.columns_in(table)}
        rows = " UNION ALL BY NAME ".join(f"({self.select(form, cells.NATIVE[form], True)})" for form in table)
        self.migration.source.table(name, {"id": "int"} | kinds, rows)


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> pathlib.Path:
    library = tmp_path_factory.mktemp("driver") / "arrow_driver.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-I", ROOT / "build/deps/adbc", f'-DDUCKDB="{ROOT}/build/drivers/libduckdb.so"',
                    ROOT / "tests/e2e/arrow_driver.c", "-o", library, "-ldl"], check=True)
    return library


def by_version(make):
    """Rows by PostgreSQL's version, made when they are first asked for. `make` gets the version, and whether it is not the first."""
    done: dict = {}

    def get(version: int) -> Rows:
        if version not in done:
            done[version] = make(version, bool(done))
        return done[version]

    yield get
    for rows in done.values():
        rows.close()


@pytest.fixture(scope="module")
def every_row(servers, driver, tmp_path_factory):
    directory = tmp_path_factory.mktemp("cells")
    yield from by_version(lambda version, _: DuckdbRows(DuckdbSource(directory), directory, servers(version), driver))


@pytest.fixture(scope="module")
def snowflakes(servers, started_double, key_file, tmp_path_factory):
    directory = tmp_path_factory.mktemp("cells")
    source = SnowflakeSource(directory, started_double, "CELLS", key_file)
    yield from by_version(lambda version, filled: SnowflakeRows(source, directory, servers(version), filled))


def each(forms) -> list:
    return [pytest.param(form, target, id=f"{form}-{target}") for form, target in CELLS if form in forms]


def judge(rows: Rows, form: str, target: str) -> int:
    """The pair goes the way of its cell, and its values as the rules have it; how many were refused."""
    cell, expected = CELLS[form, target], way(form, target)
    for declared in cells.declared(target, cell):
        seen = rows.seen[form, declared]
        assert (seen.format or "refused") == expected, f"{form} into {declared}: {seen.reason}"
        if expected == "refused":
            assert seen.reason.startswith(REASONS[cell]), declared
    return rows.judge(form, target) if expected != "refused" else 0


def test_the_document_and_the_cases_name_the_same_types():
    assert {form for form, _ in CELLS} == cells.FORMATS.keys() and {target for _, target in CELLS} == cells.TARGETS.keys()
    assert len(CELLS) == len(cells.FORMATS) * len(cells.TARGETS), "each row has each column"


@pytest.mark.parametrize(("form", "target"), each(cells.FORMATS))
def test_a_cell(every_row, form, target):
    cell = CELLS[form, target]
    for version in VERSIONS:
        refusals = judge(every_row(version), form, target)
        if cell == "yes":
            assert refusals == 0, "each value of the source fits"
        elif cell == "checked" and (form, target) not in ONLY_SIZE:
            assert refusals > 0, "no value shows what is checked"


@pytest.mark.parametrize(("form", "target"), each(FROM_SNOWFLAKE))
def test_a_cell_from_snowflake(snowflakes, form, target):
    for version in VERSIONS:
        judge(snowflakes(version), form, target)
