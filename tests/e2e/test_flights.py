"""A real data set through each source: the five tables of nycflights13, with their types, NULLs, keys and time zone. Every row is
compared with what DuckDB reads from the CSV files."""

import duckdb

from marks import both_sources
from sources import literal
from thaw import ROOT

DATA = ROOT / "build/data/nycflights13"
# Table: its columns in the sources, and how chunks are ordered.
TABLES = {
    "airlines": ({"carrier": "text", "name": "text"}, {}),
    "airports": ({"faa": "text", "name": "text", "lat": "float", "lon": "float", "alt": "int", "tz": "int", "dst": "text",
                  "tzone": "text"}, {}),
    "planes": ({"tailnum": "text", "year": "int", "type": "text", "manufacturer": "text", "model": "text", "engines": "int",
                "seats": "int", "speed": "int", "engine": "text"}, {"chunking_columns": ["tailnum"], "batch_size": 1000}),
    "weather": ({"origin": "text", "year": "int", "month": "int", "day": "int", "hour": "int", "temp": "float", "dewp": "float",
                 "humid": "float", "wind_dir": "int", "wind_speed": "float", "wind_gust": "float", "precip": "float",
                 "pressure": "float", "visib": "float", "time_hour": "timestamptz"},
                {"chunking_columns": ["origin", "time_hour"], "batch_size": 10_000}),
    "flights": ({"year": "int", "month": "int", "day": "int", "dep_time": "int", "sched_dep_time": "int", "dep_delay": "int",
                 "arr_time": "int", "sched_arr_time": "int", "arr_delay": "int", "carrier": "text", "flight": "int",
                 "tailnum": "text", "origin": "text", "dest": "text", "air_time": "int", "distance": "int", "hour": "int",
                 "minute": "int", "time_hour": "timestamptz"},
                {"chunking_columns": ["time_hour", "carrier", "flight"], "batch_size": 60_000}),
}
ROWS = {"airlines": 16, "airports": 1458, "planes": 3322, "weather": 26115, "flights": 336776}


def rows_of(name: str) -> str:
    columns = ", ".join(TABLES[name][0])
    return f"SELECT {columns} FROM read_csv({literal(DATA / f'{name}.csv')}, nullstr = 'NA')"


@both_sources
def test_nycflights13_arrives_row_by_row(migration):
    tables = {name: migration.source.table(name, columns, rows_of(name)) for name, (columns, _) in TABLES.items()}
    migration.target.execute((ROOT / "demo/tables.sql").read_text(encoding="utf-8"))
    # psycopg's session goes on with the tests' own search path.
    migration.target.execute("RESET search_path")
    configured = [{"source": name, "target": name, "truncate_onstart": True, **chunks} for name, (_, chunks) in TABLES.items()]
    config = migration.config(feeds=[migration.source.feed(migration.target.name, *configured, target_schema="nyc")])
    migration.thaw.migrate(config, "--workers", "4", timeout=240).expect(0)
    for name, table in tables.items():
        assert migration.assert_same(table, f"nyc.{name}") == ROWS[name]
    migration.target.assert_completed()


def test_the_data_set_is_the_whole_one():
    """What both ends are compared with is not itself cut short."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        counted = {name: connection.execute(f"SELECT count(*) FROM ({rows_of(name)})").fetchone()[0] for name in TABLES}
    assert counted == ROWS
