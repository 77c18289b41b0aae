"""Each type of PostgreSQL with values from a source, through a real server: one id a case.

A case is a table of two columns, id and value, and says what psql would show of each value. All cases of a kind are tables of one
run; each test then looks at its own.
"""

import duckdb
import pytest

from conftest import Migration
from sources import DuckdbSource, SnowflakeSource, literal, quoted
from targets import Target
from thaw import Thaw

# Extensions that come with the server, types and domains of the cases.
TYPES = [
    "CREATE SCHEMA cases",  # a table would be a type of its name beside the others
    "CREATE EXTENSION citext", "CREATE EXTENSION hstore", "CREATE EXTENSION ltree",
    "CREATE TYPE mood AS ENUM ('sad', 'it''s \\ \"ok\"', '')", "CREATE DOMAIN small_mood AS mood CHECK (VALUE <> '')",
    "CREATE TYPE pair AS (a int, b text)", "CREATE TYPE money_pair AS (a int, b numeric(5,2))",
    "CREATE DOMAIN cents AS numeric(5,2) CHECK (VALUE >= 0)", "CREATE DOMAIN code AS varchar(3)",
    "CREATE DOMAIN codes AS varchar(3)[]", "CREATE TYPE floatrange AS RANGE (subtype = float8)",
]

# id: (type of the source in DuckDB, type of the target, [(value in DuckDB's SQL, as PostgreSQL shows it)], the format)
PAIRS = {
    # Binary
    "interval": ("INTERVAL", "interval", [("INTERVAL '14 months 3 days 04:05:06.789012'", "1 year 2 mons 3 days 04:05:06.789012"),
                                          ("INTERVAL '-1 month' + INTERVAL '1 day'", "-1 mons +1 day"), ("INTERVAL '0 s'", "00:00:00"),
                                          ("-INTERVAL '25:00:00.000001'", "-25:00:00.000001")], "binary"),
    "interval_day_to_second_3": ("INTERVAL", "interval day to second(3)", [("INTERVAL '1 day 00:00:01.5'", "1 day 00:00:01.5")], "binary"),
    "interval_year_to_month": ("INTERVAL", "interval year to month", [("INTERVAL '14 months'", "1 year 2 mons")], "binary"),
    "interval_to_text": ("INTERVAL", "text", [("INTERVAL '14 months -3 days'", "1 year 2 mons -3 days"),
                                              ("INTERVAL '1 month -00:00:00.5'", "1 mon -00:00:00.5"),
                                              ("INTERVAL '-1 day 00:00:01'", "-1 days +00:00:01")], "binary"),
    "int_array": ("INTEGER[]", "int[]", [("[1, NULL, -2147483648]", "{1,NULL,-2147483648}"), ("[]", "{}")], "binary"),
    "int_array_to_bigint": ("INTEGER[]", "bigint[]", [("[1, NULL]", "{1,NULL}")], "binary"),
    "text_array": ("VARCHAR[]", "text[]", [("['a', NULL, '', 'NULL', '{\"x\", \\y}', '\u00e9\U0001f9ca', 'a b']",
                                            '{a,NULL,"","NULL","{\\"x\\", \\\\y}",\u00e9\U0001f9ca,"a b"}')], "binary"),
    "varchar_array": ("VARCHAR[]", "varchar(3)[]", [("['abc', '']", '{abc,""}')], "binary"),
    "numeric_array": ("DECIMAL(38,10)[]", "numeric[]", [("[0.1, -9999999999999999999999999999.9999999999]",
                                                         "{0.1000000000,-9999999999999999999999999999.9999999999}")], "binary"),
    "timestamptz_array": ("TIMESTAMPTZ[]", "timestamptz[]", [("['1969-12-31 23:59:59.999999+00', 'infinity']",
                                                              '{"1969-12-31 23:59:59.999999+00",infinity}')], "binary"),
    "bytea_array": ("BLOB[]", "bytea[]", [("[unhex('00ff5c'), unhex('')]", '{"\\\\x00ff5c","\\\\x"}')], "binary"),
    "uuid_array": ("UUID[]", "uuid[]", [("['00000000-0000-0000-0000-000000000001']", "{00000000-0000-0000-0000-000000000001}")], "binary"),
    "double_array": ("DOUBLE[]", "float8[]", [("['NaN'::DOUBLE, 'Infinity'::DOUBLE, '-0.0'::DOUBLE, 0.1::DOUBLE]", "{NaN,Infinity,-0,0.1}")], "binary"),
    "bool_array": ("BOOLEAN[]", "boolean[]", [("[true, NULL, false]", "{t,NULL,f}")], "binary"),
    "fixed_array": ("INTEGER[3]", "int[]", [("[1, NULL, 3]", "{1,NULL,3}")], "binary"),
    "enum_list_to_text_array": ("ENUM('x', 'y')[]", "text[]", [("['y', NULL, 'x']", "{y,NULL,x}")], "binary"),
    "domain_array": ("VARCHAR[]", "code[]", [("['abc', NULL]", "{abc,NULL}")], "binary"),
    "domain_over_array": ("VARCHAR[]", "codes", [("['abc']", "{abc}")], "binary"),
    "domain_over_numeric": ("DECIMAL(10,4)", "cents", [("1.5000", "1.50")], "binary"),
    "domain_over_varchar": ("VARCHAR", "code", [("'abc'", "abc")], "binary"),
    "list_to_jsonb": ("INTEGER[][]", "jsonb", [("[[1, NULL], [], NULL]", "[[1, null], [], null]")], "binary"),
    "struct_to_json": ("STRUCT(a DECIMAL(38,10), \"b \"\"q\"\"\" VARCHAR, c DOUBLE, d BOOLEAN, e TIMESTAMP, f DATE, g BLOB, h INTERVAL)", "json",
                       [("{'a': 12345678901234567890.0123456789, 'b \"q\"': E'x\"y\\\\z\\n\\t\u00e9\U0001f9ca', 'c': 'NaN'::DOUBLE, 'd': true, "
                         "'e': TIMESTAMP '1969-12-31 23:59:59.999999', 'f': DATE '0044-03-15 (BC)', 'g': unhex('00ff'), "
                         "'h': INTERVAL '1 day'}",
                         '{"a":12345678901234567890.0123456789,"b \\"q\\"":"x\\"y\\\\z\\n\\t\u00e9\U0001f9ca","c":"NaN","d":true,'
                         '"e":"1969-12-31T23:59:59.999999","f":"0044-03-15 BC","g":"\\\\x00ff","h":"1 day"}')], "binary"),
    "map_to_jsonb": ("MAP(VARCHAR, INTEGER[])", "jsonb", [("MAP {'k\"': [1], 'j': NULL}", '{"j": null, "k\\"": [1]}')], "binary"),
    "map_with_other_keys": ("MAP(INTEGER, VARCHAR)", "json", [("MAP {1: 'a', 2: NULL}", '[[1,"a"],[2,null]]')], "binary"),
    # DuckDB doesn't say that it is JSON: a string that holds JSON, with nothing lost.
    "nested_json": ("STRUCT(j JSON)", "jsonb", [("{'j': '{\"x\": [1.50]}'::JSON}", '{"j": "{\\"x\\": [1.50]}"}')], "binary"),
    "nested_to_text": ("STRUCT(a INTEGER)[]", "text", [("[{'a': 1}, NULL]", '[{"a":1},null]')], "binary"),
    "nested_unfaithful_types": ("STRUCT(a UHUGEINT, b BIT, c TIMETZ, d ENUM('p', 'q'))", "jsonb",
                                [("{'a': 340282366920938463463374607431768211455, 'b': '0101'::BIT, 'c': '10:00:00+02', 'd': 'q'}",
                                  '{"a": "340282366920938463463374607431768211455", "b": "0101", "c": "10:00:00+02", "d": "q"}')], "binary"),
    "enum_to_text": ("ENUM('x', 'it''s', '')", "text", [("'it''s'", "it's"), ("''", "")], "binary"),
    "hugeint": ("HUGEINT", "numeric", [("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
                                       ("-170141183460469231731687303715884105727", "-170141183460469231731687303715884105727")], "binary"),
    "nanoseconds": ("TIMESTAMP_NS", "timestamp", [("'1969-12-31 23:59:59.999999'", "1969-12-31 23:59:59.999999"),
                                                  ("'infinity'", "infinity"), ("'-infinity'", "-infinity"),
                                                  ("'2262-04-11 23:47:16.854775'", "2262-04-11 23:47:16.854775")], "binary"),
    "null": ('"NULL"', "inet", [("NULL", None)], "text"),
    # Text
    "enum": ("VARCHAR", "mood", [("'sad'", "sad"), ("'it''s \\ \"ok\"'", "it's \\ \"ok\""), ("''", "")], "text"),
    "enum_from_enum": ("ENUM('sad', '')", "mood", [("'sad'", "sad"), ("''", "")], "text"),
    "domain_over_enum": ("VARCHAR", "small_mood", [("'sad'", "sad")], "text"),
    "enum_array": ("VARCHAR[]", "mood[]", [("['sad', NULL, 'it''s \\ \"ok\"', '']", '{sad,NULL,"it\'s \\\\ \\"ok\\"",""}')], "text"),
    "enum_array_from_text": ("VARCHAR", "mood[]", [("'{sad,NULL}'", "{sad,NULL}")], "text"),
    "citext": ("VARCHAR", "citext", [("'AbC'", "AbC"), ("E'a\\r\\nb\\tc\\\\N \\\\.'", "a\r\nb\tc\\N \\."), ("'\\N'", "\\N"), ("'\\.'", "\\."),
                                     ("''", "")], "text"),
    "citext_from_int": ("INTEGER", "citext", [("-17", "-17")], "text"),
    "inet": ("VARCHAR", "inet", [("'192.168.0.1/24'", "192.168.0.1/24"), ("'::1'", "::1/128")], "text"),
    "cidr": ("VARCHAR", "cidr", [("'10.0.0.0/8'", "10.0.0.0/8")], "text"),
    "macaddr": ("VARCHAR", "macaddr", [("'08:00:2B:01:02:03'", "08:00:2b:01:02:03")], "text"),
    "bit": ("VARCHAR", "bit(4)", [("'0101'", "0101")], "text"),
    "varbit": ("BIT", "varbit", [("'0101'::BIT", "0101"), ("'1'::BIT", "1")], "text"),
    "xml": ("VARCHAR", "xml", [("'<a b=\"c\">\u00e9&amp;</a>'", '<a b="c">\u00e9&amp;</a>')], "text"),
    "tsvector": ("VARCHAR", "tsvector", [("'b:2 a:1'", "'a':1 'b':2")], "text"),
    "hstore": ("VARCHAR", "hstore", [("'a=>1, b=>NULL'", '"a"=>"1", "b"=>NULL')], "text"),
    "ltree": ("VARCHAR", "ltree", [("'a.b.c'", "a.b.c")], "text"),
    "composite": ("VARCHAR", "pair", [("'(1,\"a\\\\b\"\"c\")'", '(1,"a\\\\b""c")')], "text"),
    "int4range": ("VARCHAR", "int4range", [("'[1,5)'", "[1,5)"), ("'empty'", "empty"), ("'(,)'", "(,)")], "text"),
    "tsrange": ("VARCHAR", "tsrange", [("'[2026-01-01 00:00:00,\"2026-01-02T12:00:00.123456\")'",
                                        '["2026-01-01 00:00:00","2026-01-02 12:00:00.123456")')], "text"),
    "datemultirange": ("VARCHAR", "datemultirange", [("'{[2026-01-01,2026-01-03), [2026-02-01,)}'", "{[2026-01-01,2026-01-03),[2026-02-01,)}")], "text"),
    "point": ("VARCHAR", "point", [("'(1.5,-2)'", "(1.5,-2)"), ("'-0.0 , 1e-300'", "(-0,1e-300)"), ("'(Infinity,NaN)'", "(Infinity,NaN)"),
                                   ("'(52.520006599999995,0.30000000000000004)'", "(52.520006599999995,0.30000000000000004)")], "text"),
    "line": ("VARCHAR", "line", [("'{1,-1,0.5}'", "{1,-1,0.5}")], "text"),
    "lseg": ("VARCHAR", "lseg", [("'[(1,2),(3.25,-4)]'", "[(1,2),(3.25,-4)]"), ("'0,0,1,1'", "[(0,0),(1,1)]")], "text"),
    "box": ("VARCHAR", "box", [("'(1,2),(3,4)'", "(3,4),(1,2)")], "text"),
    "box_array": ("VARCHAR", "box[]", [("'{(1,2),(3,4);(5,6),(7,8)}'", "{(3,4),(1,2);(7,8),(5,6)}")], "text"),
    "path_open": ("VARCHAR", "path", [("'[(1,2),(3,4)]'", "[(1,2),(3,4)]"), ("'((1,2),(3,4),(5,6))'", "((1,2),(3,4),(5,6))")], "text"),
    "polygon": ("VARCHAR", "polygon", [("'((0,0),(0,1.5),(1,1))'", "((0,0),(0,1.5),(1,1))")], "text"),
    "circle": ("VARCHAR", "circle", [("'<(1,2),3>'", "<(1,2),3>"), ("'((1,2),0)'", "<(1,2),0>")], "text"),
    "point_array": ("VARCHAR[]", "point[]", [("['(1,2)', NULL]", '{"(1,2)",NULL}')], "text"),
    "macaddr8": ("VARCHAR", "macaddr8", [("'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05")], "text"),
    "numrange": ("VARCHAR", "numrange", [("'[1.50,99999999999999999999999999999999999999)'", "[1.50,99999999999999999999999999999999999999)")], "text"),
    "tstzrange": ("VARCHAR", "tstzrange", [("'[\"2026-01-01 00:00:00.000001+02\",)'", '["2025-12-31 22:00:00.000001+00",)')], "text"),
    "name": ("VARCHAR", "name", [("'" + "n" * 63 + "'", "n" * 63)], "text"),
    "one_byte": ("VARCHAR", '"char"', [("'x'", "x"), ("''", "")], "text"),
    "oid": ("BIGINT", "oid", [("4294967295", "4294967295"), ("0", "0")], "text"),
    "regclass": ("VARCHAR", "regclass", [("'pg_catalog.pg_class'", "pg_class")], "text"),
    "jsonpath": ("VARCHAR", "jsonpath", [("'$.a[*]'", '$."a"[*]')], "text"),
    "pg_lsn": ("VARCHAR", "pg_lsn", [("'16/B374D848'", "16/B374D848")], "text"),
    "timetz": ("TIMETZ", "timetz", [("'10:00:00.123456+02'", "10:00:00.123456+02")], "text"),
    "timetz_to_text": ("TIMETZ", "text", [("'10:00:00+02'", "10:00:00+02")], "binary"),
    "uhugeint": ("UHUGEINT", "numeric", [("340282366920938463463374607431768211455", "340282366920938463463374607431768211455"), ("0", "0")], "text"),
    "bignum": ("BIGNUM", "numeric", [("('9' || repeat('0', 59))::BIGNUM", "9" + "0" * 59)], "text"),
    "text_to_int": ("VARCHAR", "int", [("'-2147483648'", "-2147483648"), ("' 17 '", "17")], "text"),
    "text_to_numeric": ("VARCHAR", "numeric", [("'1e5'", "100000"), ("'0.10'", "0.10"), ("'NaN'", "NaN"), ("'-Infinity'", "-Infinity"),
                                               ("repeat('9', 200) || '.5'", "9" * 200 + ".5")], "text"),
    "text_to_numeric_5_2": ("VARCHAR", "numeric(5,2)", [("'1.5'", "1.50"), ("'1.500'", "1.50"), ("'15e-1'", "1.50"), ("'NaN'", "NaN")], "text"),
    "text_to_float8": ("VARCHAR", "float8", [("'0.1'", "0.1"), ("'1e300'", "1e+300"), ("'nan'", "NaN"), ("'-inf'", "-Infinity"), ("'1.50'", "1.5")], "text"),
    "text_to_bool": ("VARCHAR", "bool", [("'yes'", "true"), ("'f'", "false")], "text"),
    "text_to_date": ("VARCHAR", "date", [("'2026-01-31'", "2026-01-31"), ("'0044-03-15 BC'", "0044-03-15 BC"), ("'infinity'", "infinity")], "text"),
    "text_to_time": ("VARCHAR", "time", [("'12:34'", "12:34:00"), ("'24:00:00'", "24:00:00"), ("'12:34:56.789000000'", "12:34:56.789")], "text"),
    "text_to_timestamp": ("VARCHAR", "timestamp", [("'2026-01-31T12:34:56.789'", "2026-01-31 12:34:56.789"), ("'2026-01-31'", "2026-01-31 00:00:00"),
                                                   ("'-infinity'", "-infinity"), ("'0044-03-15 12:00:00 BC'", "0044-03-15 12:00:00 BC")], "text"),
    "text_to_timestamptz": ("VARCHAR", "timestamptz", [("'2026-01-31 12:34:56+05:30'", "2026-01-31 07:04:56+00"), ("'2026-01-31 12:34:56Z'", "2026-01-31 12:34:56+00"),
                                                       ("'2026-01-31 12:34:56'", "2026-01-31 12:34:56+00")], "text"),
    "text_to_interval": ("VARCHAR", "interval", [("'1 year 2 mons 3 days 04:05:06.789'", "1 year 2 mons 3 days 04:05:06.789"), ("'P1DT2.5S'", "1 day 00:00:02.5"),
                                                 ("'1.5 seconds ago'", "-00:00:01.5")], "text"),
    "text_to_int_array": ("VARCHAR", "int[]", [("'{1,NULL,3}'", "{1,NULL,3}")], "text"),
    "text_to_date_array": ("VARCHAR", "date[]", [("'{2026-01-31,\"2026-02-01\",NULL}'", "{2026-01-31,2026-02-01,NULL}")], "text"),
    "text_list_to_int_array": ("VARCHAR[]", "int[]", [("['1', NULL, '-5']", "{1,NULL,-5}")], "text"),
    "domain_from_text": ("VARCHAR", "cents", [("'1.50'", "1.50")], "text"),
}


# What only one version of the tests' servers has: the other is built without libxml.
ONLY = {"xml": 15}


class Cases:
    """Tables by their cases' ids, filled in both ends, and one run over all of them."""

    def __init__(self, directory, server, cases: dict):
        """`cases`: id: (source type, target type, [values in DuckDB's SQL])"""
        self.migration = Migration(Thaw(directory), DuckdbSource(directory), Target(server))
        self.names = list(cases)
        self.migration.target.execute(*TYPES)
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH {literal(self.migration.source.file)} AS s (STORAGE_VERSION 'v1.0.0')")
            for name, (source_type, target_type, values) in cases.items():
                rows = " UNION ALL ".join(f"SELECT {i}, CAST({value} AS {source_type})" for i, value in enumerate(values))
                connection.execute(f"CREATE TABLE s.main.{quoted(name)} (id BIGINT, value {source_type})")
                connection.execute(f"INSERT INTO s.main.{quoted(name)} {rows}")
                self.migration.target.execute(f"CREATE TABLE cases.{quoted(name)} (id bigint, value {target_type})")

    def config(self, **settings) -> dict:
        tables = [{"source": name, "target": name, "chunking_columns": ["id"]} for name in self.names]
        feed = self.migration.source.feed(self.migration.target.name, *tables, target_schema="cases")
        return self.migration.config(feeds=[feed], **settings)

    def run(self, *arguments: str, **settings):
        return self.migration.thaw.migrate(self.config(**settings), *arguments)

    def close(self) -> None:
        self.migration.thaw.close()
        self.migration.target.drop()


@pytest.fixture(scope="module")
def make_cases(servers, tmp_path_factory):
    made = []

    def make(cases: dict, version: int = 15) -> Cases:
        made.append(Cases(tmp_path_factory.mktemp("cases"), servers(version), cases))
        return made[-1]

    yield make
    for cases in made:
        cases.close()


# Values that fit


def with_null(values: list) -> list:
    return values + [("NULL", None)]


@pytest.fixture(scope="module")
def carried(make_cases):
    """By PostgreSQL's version: the cases, what the plan said of them, and their run."""
    done: dict = {}

    def get(version: int) -> tuple:
        if version not in done:
            cases = make_cases({name: (source, target, [value for value, _ in with_null(values)])
                                for name, (source, target, values, _) in PAIRS.items()
                                if ONLY.get(name, version) == version}, version)
            done[version] = cases, cases.run("--dry-run").stdout, cases.run()
        return done[version]

    return get


def each_pair_and_version(pairs) -> list:
    return [pytest.param(version, pair, id=f"pg{version}-{pair}") for version in (15, 18) for pair in pairs
            if ONLY.get(pair, version) == version]


@pytest.mark.parametrize(("version", "pair"), each_pair_and_version(PAIRS))
def test_each_pair_of_types_carries_its_values(carried, version, pair):
    cases, plan, finished = carried(version)
    _, target_type, values, form = PAIRS[pair]
    shown = "value::text" if target_type != "bit(4)" else "value::varbit::text"
    assert not finished.records("ERROR", f".{pair}:")
    found = cases.migration.target.rows(f"SELECT id, {shown} FROM cases.{quoted(pair)} ORDER BY id")
    assert found == [(i, expected) for i, (_, expected) in enumerate(with_null(values))]
    described = plan.split(f".{pair} -> ", 1)[1].split("rows:", 1)[0]
    assert f"COPY in {form} format" in described


@pytest.mark.parametrize("version", [15, 18], ids=["pg15", "pg18"])
def test_a_run_of_all_pairs_completes(carried, version):
    cases, _, finished = carried(version)
    finished.expect(0)
    cases.migration.target.assert_completed()


# How DuckDB lays out its results, by its own settings: https://duckdb.org/docs/stable/configuration/overview
LAYOUTS = ["arrow_large_buffer_size = true", "produce_arrow_string_view = true", "arrow_output_list_view = true",
           "arrow_output_list_view = true; SET arrow_large_buffer_size = true"]


@pytest.mark.parametrize("layout", LAYOUTS, ids=["large", "views", "list_views", "large_list_views"])
def test_values_arrive_from_each_layout_of_duckdb(migration, layout):
    name = migration.source.relation("t")
    migration.source.execute(f"CREATE TABLE {name} (id BIGINT, text VARCHAR, bytes BLOB, list INTEGER[], texts VARCHAR[], map MAP(VARCHAR, INTEGER))",
                             f"INSERT INTO {name} SELECT i, if(i % 3 > 0, repeat('né', i % 40), NULL), repeat('b', i % 40)::BLOB, range(i % 5), "
                             "['longer than twelve bytes', NULL, ''], MAP {'k': i} FROM range(5000) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, text text, bytes bytea, list int[], texts text[], map jsonb)")
    config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"]})
    config["duckdb"]["init_sql"] = f"SET {layout}"
    migration.thaw.migrate(config).expect(0)
    wrong = migration.target.rows("SELECT id FROM t WHERE text IS DISTINCT FROM CASE WHEN id % 3 > 0 THEN repeat('né', (id % 40)::int) END OR "
                                  "bytes <> repeat('b', (id % 40)::int)::bytea OR list <> (SELECT coalesce(array_agg(i), '{}') FROM generate_series(0, (id % 5)::int - 1) AS i) "
                                  "OR texts <> '{\"longer than twelve bytes\",NULL,\"\"}' OR map <> jsonb_build_object('k', id)")
    assert wrong == [] and migration.target.count("t") == 5000


# Text is text, whatever source it comes from: those pairs from Snowflake, as columns of one table.
OF_TEXT = [pair for pair, (source_type, _, _, _) in PAIRS.items() if source_type == "VARCHAR"]


@pytest.fixture(scope="module")
def carried_from_snowflake(servers, started_double, key_file, tmp_path_factory):
    """By PostgreSQL's version: the migration, its run, and how many rows there are."""
    done: dict = {}

    def get(version: int) -> tuple:
        if version not in done:
            pairs = [pair for pair in OF_TEXT if ONLY.get(pair, version) == version]
            directory = tmp_path_factory.mktemp("snowflake")
            migration = Migration(Thaw(directory), SnowflakeSource(directory, started_double, f"PAIRS_{version}", key_file), Target(servers(version)))
            most = max(len(PAIRS[pair][2]) for pair in pairs)
            rows = [[values[i][0] if i < len(values) else "NULL" for values in (PAIRS[pair][2] for pair in pairs)] for i in range(most)]
            migration.target.execute(*TYPES, "CREATE TABLE cases.pairs (id bigint, "
                                     + ", ".join(f"{quoted(pair)} {PAIRS[pair][1]}" for pair in pairs) + ")")
            migration.source.table("pairs", {"id": "int", **dict.fromkeys(pairs, "text")},
                                   " UNION ALL ".join(f"SELECT {i}, {', '.join(row)}" for i, row in enumerate(rows)))
            feed = migration.source.feed(migration.target.name, {"source": "pairs", "target": "pairs"}, target_schema="cases")
            done[version] = migration, migration.thaw.migrate(migration.config(feeds=[feed])), most
        return done[version]

    yield get
    for migration, _, _ in done.values():
        migration.thaw.close()
        migration.target.drop()


@pytest.mark.parametrize(("version", "pair"), each_pair_and_version(OF_TEXT))
def test_text_from_snowflake_is_taken_by_every_type(carried_from_snowflake, version, pair):
    migration, finished, most = carried_from_snowflake(version)
    finished.expect(0)
    _, target_type, values, _ = PAIRS[pair]
    cast = "::varbit::text" if target_type == "bit(4)" else "::text"
    expected = [value for _, value in values] + [None] * (most - len(values))
    assert migration.target.rows(f"SELECT {quoted(pair)}{cast} FROM cases.pairs ORDER BY id") == [(value,) for value in expected]


# Values that don't


# id: (source type, target type, a value that fits, one that doesn't, what the log says of it)
MISFITS = {
    "interval_fields": ("INTERVAL", "interval year to month", "INTERVAL '1 month'", "INTERVAL '1 month 1 day'", "smaller parts"),
    "interval_digits": ("INTERVAL", "interval(3)", "INTERVAL '1 s'", "INTERVAL '0.0005 s'", "after the second"),
    "array_element_range": ("BIGINT[]", "int[]", "[1]", "[1, 3000000000]", "3000000000"),
    "array_element_length": ("VARCHAR[]", "varchar(3)[]", "['abc']", "['abc', 'abcd']", "too many characters"),
    "array_element_spaces": ("VARCHAR[]", "varchar(3)[]", "['abc']", "['abc ']", "too many characters"),
    "domain_array_element": ("VARCHAR[]", "codes", "['abc']", "['abc   ']", "too many characters"),
    "array_element_scale": ("DECIMAL(5,3)[]", "numeric(5,2)[]", "[1.500]", "[1.505]", "after the decimal point"),
    "domain_scale": ("DECIMAL(6,3)", "cents", "1.500", "1.505", "after the decimal point"),
    "domain_check": ("DECIMAL(6,2)", "cents", "1.50", "-1.50", "cents_check"),
    "domain_length": ("VARCHAR", "code", "'abc'", "'abc  '", "too many characters"),
    "enum_value": ("VARCHAR", "mood", "'sad'", "'glad'", "glad"),
    "enum_nul_byte": ("VARCHAR", "mood", "'sad'", "'s' || chr(0) || 'ad'", "NUL byte"),
    "bit_length": ("VARCHAR", "bit(3)", "'010'", "'0101'", "bit string length"),
    "name_length": ("VARCHAR", "name", "'n'", "repeat('n', 64)", "63 bytes"),
    "one_byte": ("VARCHAR", '"char"', "'x'", "'xy'", "one byte"),
    "composite_field": ("VARCHAR", "pair", "'(1,a)'", "'(x,a)'", "invalid input syntax"),
    "text_scale": ("VARCHAR", "numeric(5,2)", "'1.5'", "'1.505'", "after the decimal point"),
    "text_scale_with_exponent": ("VARCHAR", "numeric(5,2)", "'1.5'", "'1505e-3'", "after the decimal point"),
    "domain_text_scale": ("VARCHAR", "cents", "'1.5'", "'1.505'", "after the decimal point"),
    "text_precision": ("VARCHAR", "numeric(5,2)", "'1.5'", "'1234.5'", "numeric field overflow"),
    "text_float": ("VARCHAR", "float8", "'0.1'", "'0.12345678901234567891'", "another number"),
    "text_float4": ("VARCHAR", "real", "'0.1'", "'16777217'", "another number"),
    "text_int": ("VARCHAR", "int", "'1'", "'3000000000'", "out of range"),
    "text_date_with_time": ("VARCHAR", "date", "'2026-01-01'", "'2026-01-01 23:59'", "time of day"),
    "text_date_today": ("VARCHAR", "date", "'2026-01-01'", "'today'", "day of the load"),
    "text_time_with_zone": ("VARCHAR", "time", "'12:00'", "'12:00+02'", "a zone"),
    "text_timestamp_with_zone": ("VARCHAR", "timestamp", "'2026-01-01'", "'2026-01-01 12:00+02'", "drop the zone"),
    "text_timestamp_digits": ("VARCHAR", "timestamp", "'2026-01-01'", "'2026-01-01 12:00:00.1234567'", "after the second"),
    "text_timestamp_0": ("VARCHAR", "timestamp(0)", "'2026-01-01'", "'2026-01-01 12:00:00.6'", "after the second"),
    "text_interval_fraction": ("VARCHAR", "interval", "'1 day'", "'1.3333 months'", "longer than a second"),
    "range_bound": ("VARCHAR", "tsrange", "'empty'", "'[2026-01-01 00:00:00.1234567,)'", "after the second"),
    "daterange_bound": ("VARCHAR", "daterange", "'empty'", "'[2026-01-01 12:00,)'", "time of day"),
    "float_range_bound": ("VARCHAR", "floatrange", "'empty'", "'[0.12345678901234567891,)'", "another number"),
    "point_coordinate": ("VARCHAR", "point", "'(1,2)'", "'(1,9007199254740993)'", "another number"),
    "circle_radius": ("VARCHAR", "circle", "'<(1,2),3>'", "'<(1,2),0.12345678901234567891>'", "another number"),
    "polygon_corner": ("VARCHAR", "polygon", "'((0,0),(1,1))'", "'((0,0),(16777216.123456789012,1))'", "another number"),
    "line_of_points": ("VARCHAR", "line", "'{1,-1,0}'", "'[(0,0),(1,3)]'", "by its coefficients"),
    "path_without_end": ("VARCHAR", "path", "'[(0,0),(1,1)]'", "'[(0,0),(1,1)'", "invalid input syntax"),
    "nested_nul_byte": ("STRUCT(a VARCHAR)", "jsonb", "{'a': 'x'}", "{'a': 'x' || chr(0)}", "NUL byte"),
    "nested_infinity": ("STRUCT(t TIMESTAMP_NS[])", "jsonb", "{'t': ['2020-01-01 00:00:00.123456789', NULL]}", "{'t': ['2020-01-01', 'infinity']}",
                        "infinity or the last nanosecond"),
    "infinity_in_an_array": ("TIMESTAMP_NS[]", "timestamp[]", "['2020-01-01']", "['-infinity']", "infinity or the last nanosecond"),
    "nanoseconds": ("TIMESTAMP_NS", "timestamp", "'2020-01-01'", "'1969-12-31 23:59:59.999999999'", "further digits"),
    "uhugeint": ("UHUGEINT", "bigint", "1", "340282366920938463463374607431768211455", "out of range"),
    "timetz_to_time": ("TIMETZ", "time", None, "'10:00:00+02'", "a zone"),
}


@pytest.fixture(scope="module")
def refused_rows(make_cases):
    cases = make_cases({name: (source, target, [good or "NULL", bad]) for name, (source, target, good, bad, _) in MISFITS.items()})
    return cases, cases.run().expect(1)


@pytest.mark.parametrize("misfit", list(MISFITS))
def test_a_value_that_would_be_rounded_or_cut_is_refused_by_row(refused_rows, misfit):
    cases, finished = refused_rows
    words = MISFITS[misfit][4]
    records = [line for line in finished.records("ERROR", f".{misfit} ", words) if "id = 1" in line]
    assert len(records) == 1, f"no single error names table, row and reason; {finished.records(misfit)}"
    assert cases.migration.target.count(f"cases.{quoted(misfit)}") == 0


# id: (source type, target type, words of the reason)
REFUSED = {
    "money": ("DECIMAL(10,2)", "money", "money rounds"),
    "union": ("UNION(a INTEGER, b VARCHAR)", "jsonb", "union"),
    "list_of_lists": ("INTEGER[][]", "int[]", "rectangular"),
    "struct_into_text_type": ("STRUCT(a INTEGER)", "inet", "nested values become JSON"),
    "rounding_composite": ("VARCHAR", "money_pair", "round or cut"),
    "varchar_array_from_text": ("VARCHAR", "varchar(3)[]", "round or cut"),
    "line_array_from_text": ("VARCHAR", "line[]", "round or cut"),
    "interval_fields_from_text": ("VARCHAR", "interval year to month", "round or cut"),
    "bytea_from_text": ("VARCHAR", "bytea", "hexadecimal"),
    "int_into_json": ("INTEGER", "jsonb", "JSON text"),
}


@pytest.fixture(scope="module")
def refused_pairs(make_cases):
    cases = make_cases({name: (source, target, ["NULL"]) for name, (source, target, _) in REFUSED.items()})
    finished = cases.run().expect(1)
    checked = cases.migration.thaw.run("check").expect(1)
    return cases, finished, checked


@pytest.mark.parametrize("pair", list(REFUSED))
def test_a_pair_without_an_exact_way_is_refused_before_anything_is_written(refused_pairs, pair):
    cases, finished, checked = refused_pairs
    words = REFUSED[pair][2]
    assert finished.records("ERROR", f".{pair}: ", '"value"', words), finished.records(pair)
    assert words in checked.stdout
    assert cases.migration.target.count(f"cases.{quoted(pair)}") == 0


def test_check_says_which_pairs_go_in_text(make_cases):
    cases = make_cases({"moods": ("VARCHAR", "mood", ["'sad'"])})
    cases.migration.thaw.write(cases.config())
    checked = cases.migration.thaw.run("check").expect(0)
    assert '"value" (VARCHAR) -> "value" (public.mood), in COPY\'s text format' in checked.stdout
