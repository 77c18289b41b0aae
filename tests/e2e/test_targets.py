"""Target tables that thaw makes (create_target), and every way in which the columns of the two ends can differ."""

import signal

import duckdb
import pytest

from marks import both_sources, both_versions
from reference import assert_equal
from sources import literal, quoted

COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
    FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


def columns_of(target, table: str) -> dict:
    return {name: (kind, not_null) for name, kind, not_null in target.rows(COLUMNS, table)}


def types_of(target, table: str) -> dict:
    return {name: kind for name, (kind, _) in columns_of(target, table).items()}


# Every type of the sources

# A column's name: its type in DuckDB, values, the type that the target gets.
DUCKDB_TYPES = {
    "tinyint": ("TINYINT", ["-128", "127"], "smallint"),
    "utinyint": ("UTINYINT", ["0", "255"], "smallint"),
    "smallint": ("SMALLINT", ["-32768", "32767"], "smallint"),
    "usmallint": ("USMALLINT", ["0", "65535"], "integer"),
    "integer": ("INTEGER", ["-2147483648", "2147483647"], "integer"),
    "uinteger": ("UINTEGER", ["0", "4294967295"], "bigint"),
    "bigint": ("BIGINT", ["-9223372036854775808", "9223372036854775807"], "bigint"),
    "ubigint": ("UBIGINT", ["0", "18446744073709551615"], "numeric(20,0)"),
    "hugeint": ("HUGEINT", ["-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"], "numeric(39,0)"),
    "uhugeint": ("UHUGEINT", ["0", "340282366920938463463374607431768211455"], "numeric(39,0)"),
    "bignum": ("BIGNUM", ["('9' || repeat('0', 59))::BIGNUM"], "numeric"),
    "decimal_4_0": ("DECIMAL(4,0)", ["-9999", "9999"], "integer"),
    "decimal_9_0": ("DECIMAL(9,0)", ["-999999999", "999999999"], "integer"),
    "decimal_10_0": ("DECIMAL(10,0)", ["-9999999999", "9999999999"], "bigint"),
    "decimal_18_0": ("DECIMAL(18,0)", ["-999999999999999999", "999999999999999999"], "bigint"),
    "decimal_19_0": ("DECIMAL(19,0)", ["-9999999999999999999", "9999999999999999999"], "numeric(19,0)"),
    "decimal_38_0": ("DECIMAL(38,0)", ["repeat('9', 38)"], "numeric(38,0)"),
    "decimal_38_37": ("DECIMAL(38,37)", ["'9.' || repeat('9', 37)", "'0.' || repeat('0', 36) || '1'"], "numeric(38,37)"),
    "decimal_10_2": ("DECIMAL(10,2)", ["0.10", "-99999999.99"], "numeric(10,2)"),
    "float": ("FLOAT", ["0.1", "'nan'", "'-inf'", "3.4028235e38"], "real"),
    "double": ("DOUBLE", ["0.1", "'nan'", "'inf'", "1.7976931348623157e308", "5e-324"], "double precision"),
    "boolean": ("BOOLEAN", ["true", "false"], "boolean"),
    "varchar": ("VARCHAR", ["''", "'é' || chr(9) || chr(10) || '\\'", "repeat('x', 100000)"], "text"),
    "enum": ("ENUM('sad', 'it''s [ok]')", ["'sad'", "'it''s [ok]'"], "text"),
    "blob": ("BLOB", ["''::BLOB", "'\\x00\\xFF'::BLOB"], "bytea"),
    "date": ("DATE", ["'0001-01-01'", "'9999-12-31'", "'infinity'"], "date"),
    "time": ("TIME", ["'00:00:00'", "'23:59:59.999999'"], "time without time zone"),
    "timetz": ("TIMETZ", ["'10:00:00.123456+02'"], "time with time zone"),
    "timestamp": ("TIMESTAMP", ["'0001-01-01'", "'9999-12-31 23:59:59.999999'", "'infinity'"], "timestamp without time zone"),
    "timestamp_s": ("TIMESTAMP_S", ["'2026-01-31 12:34:56'"], "timestamp(0) without time zone"),
    "timestamp_ms": ("TIMESTAMP_MS", ["'2026-01-31 12:34:56.789'"], "timestamp(3) without time zone"),
    "timestamp_ns": ("TIMESTAMP_NS", ["'2026-01-31 12:34:56.789123'"], "timestamp without time zone"),
    "timestamptz": ("TIMESTAMPTZ", ["'2026-01-31 12:34:56.789123+05:30'", "'-infinity'"], "timestamp with time zone"),
    "interval": ("INTERVAL", ["INTERVAL '1 year 2 days 3.5 seconds'"], "interval"),
    "uuid": ("UUID", ["'00000000-0000-0000-0000-000000000000'", "uuid()"], "uuid"),
    "json": ("JSON", ["'{\"a\": [1, null, \"x\"]}'", "'null'", "'1.10'"], "jsonb"),
    "bit": ("BIT", ["'0101'", "'1'"], "bit varying"),
    "nothing": ('"NULL"', ["NULL"], "text"),
    "struct": ("STRUCT(a INTEGER, b VARCHAR)", ["{'a': 1, 'b': 'x'}"], "jsonb"),
    "map": ("MAP(VARCHAR, INTEGER)", ["MAP {'k': 1}"], "jsonb"),
    "list_of_integer": ("INTEGER[]", ["[1, NULL, 3]", "[]"], "integer[]"),
    "list_of_ubigint": ("UBIGINT[]", ["[18446744073709551615]"], "numeric(20,0)[]"),
    "list_of_decimal": ("DECIMAL(10,2)[]", ["[0.10, -1.5]"], "numeric(10,2)[]"),
    "list_of_float": ("FLOAT[]", ["[0.1]"], "real[]"),
    "list_of_double": ("DOUBLE[]", ["[0.1, 'nan'::DOUBLE]"], "double precision[]"),
    "list_of_boolean": ("BOOLEAN[]", ["[true, false]"], "boolean[]"),
    "list_of_varchar": ("VARCHAR[]", ["['a,\"b\"', '', NULL]"], "text[]"),
    "list_of_enum": ("ENUM('a[', 'b')[]", ["['a[', 'b']"], "text[]"),
    "list_of_blob": ("BLOB[]", ["['\\x00\\xFF'::BLOB]"], "bytea[]"),
    "list_of_date": ("DATE[]", ["['2026-01-31']"], "date[]"),
    "list_of_time": ("TIME[]", ["['12:34:56.789']"], "time without time zone[]"),
    "list_of_timestamp": ("TIMESTAMP[]", ["['2026-01-31 12:34:56.789']"], "timestamp without time zone[]"),
    "list_of_timestamp_ms": ("TIMESTAMP_MS[]", ["['2026-01-31 12:34:56.789']"], "timestamp(3) without time zone[]"),
    "list_of_timestamptz": ("TIMESTAMPTZ[]", ["['2026-01-31 12:34:56+02']"], "timestamp with time zone[]"),
    "list_of_interval": ("INTERVAL[]", ["[INTERVAL '1 day']"], "interval[]"),
    "list_of_uuid": ("UUID[]", ["['00000000-0000-0000-0000-000000000001']"], "uuid[]"),
    "list_of_json": ("JSON[]", ["['{\"a\": 1}']"], "jsonb[]"),
    "list_of_bit": ("BIT[]", ["['0101']"], "text[]"),
    "list_of_uhugeint": ("UHUGEINT[]", ["[340282366920938463463374607431768211455]"], "text[]"),
    "array_of_integer": ("INTEGER[2]", ["[1, 2]"], "integer[]"),
    "list_of_lists": ("INTEGER[][]", ["[[1], [2, 3]]"], "jsonb"),
    "list_of_structs": ("STRUCT(a INTEGER[])[]", ["[{'a': [1]}]"], "jsonb"),
    "struct_of_lists": ("STRUCT(a INTEGER[], b BIT)", ["{'a': [1, 2], 'b': '01'}"], "jsonb"),
}


# What can't be compared as it is: as JSON, or as these texts.
AS_JSON = ("struct", "map", "list_", "array_")
TEXTS = {
    "timetz": ['10:00:00.123456+02'],
    "interval": ['1 year 2 days 00:00:03.5'],
    "bit": ['0101', '1'],
    "bignum": ["9" + "0" * 59],
    "list_of_blob": ['{"\\\\x00ff"}'],
    "list_of_time": ['{12:34:56.789}'],
    "list_of_timestamp": ['{"2026-01-31 12:34:56.789"}'],
    "list_of_timestamp_ms": ['{"2026-01-31 12:34:56.789"}'],
    "list_of_timestamptz": ['{"2026-01-31 10:34:56+00"}'],
    "list_of_interval": ['{"1 day"}'],
    "list_of_double": ['{0.1,NaN}'],
    "list_of_float": ['{0.1}'],
    "list_of_uhugeint": ["{340282366920938463463374607431768211455}"],
}


def fill_with_types(file) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(file)} AS s (STORAGE_VERSION 'v1.0.0')")
        for name, (kind, values, _) in DUCKDB_TYPES.items():
            rows = " UNION ALL ".join(f"SELECT {i}, CAST({value} AS {kind})" for i, value in enumerate([*values, "NULL"]))
            connection.execute(f"CREATE TABLE s.main.{quoted(name)} (id INTEGER NOT NULL, value {kind})")
            connection.execute(f"INSERT INTO s.main.{quoted(name)} {rows}")


def assert_same_values(target, file, name: str) -> None:
    """Of one of DUCKDB_TYPES' tables in the source's file."""
    if name in TEXTS:
        shown = target.rows(f"SELECT value::text FROM {quoted(name)} ORDER BY id")
        assert shown == [(text,) for text in [*TEXTS[name], None]]
        return
    as_json = name.startswith(AS_JSON)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(file)} AS s (READ_ONLY)")
        assert_equal(target.connection, f"SELECT id, {'to_jsonb(value)' if as_json else 'value'} FROM {quoted(name)}",
                     f"SELECT id, {'to_json(value)' if as_json else 'value'} FROM s.main.{quoted(name)}", duck=connection)


@both_versions
def test_every_type_of_duckdb(migration):
    fill_with_types(migration.source.file)
    tables = [{"source": name, "target": name, "create_target": True} for name in DUCKDB_TYPES]
    migration.thaw.migrate(migration.config(*tables)).expect(0)
    made = {name: types_of(migration.target, quoted(name)) for name in DUCKDB_TYPES}
    assert made == {name: {"id": "integer", "value": kind} for name, (_, _, kind) in DUCKDB_TYPES.items()}
    for name in DUCKDB_TYPES:
        assert_same_values(migration.target, migration.source.file, name)
    migration.target.assert_completed()


# What tests call a type (sources.py): values, and what the target gets from either source.
TYPES = {
    "decimal(4,0)": ("-9999", "integer"),
    "decimal(9,0)": ("999999999", "integer"),
    "decimal(10,0)": ("-9999999999", "bigint"),
    "decimal(18,0)": ("999999999999999999", "bigint"),
    "decimal(19,0)": ("9999999999999999999", "numeric(19,0)"),
    "decimal(38,0)": ("9223372036854775807", "numeric(38,0)"),  # the double has no more digits
    "decimal(10,2)": ("99999999.10", "numeric(10,2)"),
    "decimal(38,37)": ("'9.' || repeat('9', 37)", "numeric(38,37)"),
    "float": ("0.1", "double precision"),
    "bool": ("true", "boolean"),
    "text": ("'it''s ' || chr(9) || '\\N'", "text"),
    "uuid": ("'00000000-0000-0000-0000-000000000001'", {"duckdb": "uuid", "snowflake": "text"}),
    "binary": ("'\\x00\\xFF'::BLOB", "bytea"),
    "date": ("'2026-01-31'", "date"),
    "time": ("'12:34:56.789123'", "time without time zone"),
    "timestamp": ("'2026-01-31 12:34:56.789123'", "timestamp without time zone"),
    "timestamptz": ("'2026-01-31 12:34:56.789123+02'", "timestamp with time zone"),
    "json": ("'{\"a\": [1, null, \"x\"]}'", "jsonb"),
}


@both_sources
@both_versions
def test_the_types_of_both_sources(migration):
    kinds = {name: kind if isinstance(kind, str) else kind[migration.source.kind] for name, (_, kind) in TYPES.items()}
    table = migration.source.table("EVERY", {f"c {name}": name for name in TYPES},
                                   f"SELECT {', '.join(value for value, _ in TYPES.values())} "
                                   f"UNION ALL SELECT {', '.join('NULL' for _ in TYPES)}")
    migration.thaw.migrate(migration.config({"source": "EVERY", "target": "every", "create_target": True})).expect(0)
    assert types_of(migration.target, "every") == {f"c {name}": kind for name, kind in kinds.items()}
    assert migration.assert_same(table, "every") == 2
    migration.target.assert_completed()


# What is made


VISITS = {"ID": "decimal(18,0)", "PAGE": "text", "SEEN AT": "timestamp", "NOTE": "text"}
ROWS = "SELECT i, 'page ' || i, TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND, 'it''s' FROM range({}) AS r(i)"


def constrain(source, name: str, *columns: str) -> None:
    """NOT NULL, in the source."""
    for column in columns:
        source.execute(f"ALTER TABLE {source.relation(name)} ALTER COLUMN {quoted(column)} SET NOT NULL")


def comment(source, name: str, table: str, column: str, of_column: str) -> None:
    source.execute(f"COMMENT ON TABLE {source.relation(name)} IS {literal(table)}",
                   f"COMMENT ON COLUMN {source.relation(name)}.{quoted(column)} IS {literal(of_column)}")


def indexes_of(target, table: str) -> list:
    return [row[0] for row in target.rows("SELECT pg_get_indexdef(indexrelid) || CASE WHEN indisprimary THEN ' PRIMARY' ELSE '' END "
                                          "FROM pg_index WHERE indrelid = %s::regclass", table)]


def visits(**more) -> dict:
    return {"source": "VISITS", "target": "visits", "create_target": True, "truncate_onstart": True,
            "column_mapping": {"ID": "visit_id", "SEEN AT": "seen_at"}, **more}


@both_sources
@both_versions
def test_a_missing_target_is_made_with_names_key_not_null_and_comments(migration):
    table = migration.source.table("VISITS", VISITS, ROWS.format(1000))
    constrain(migration.source, "VISITS", "ID", "PAGE")
    words = "what people saw" if migration.source.kind == "snowflake" else "what 'people\\' saw"  # fakesnow can't have quotes here
    comment(migration.source, "VISITS", words, "SEEN AT", "UTC")
    config = migration.config(visits(uniqueness_columns=["visit_id"], batch_size=300))
    finished = migration.thaw.migrate(config).expect(0).says("made public.visits")
    assert columns_of(migration.target, "visits") == {
        "visit_id": ("bigint", True), "PAGE": ("text", True), "seen_at": ("timestamp without time zone", False), "NOTE": ("text", False)}
    assert indexes_of(migration.target, "visits") == ["CREATE UNIQUE INDEX visits_pkey ON public.visits USING btree (visit_id) PRIMARY"]
    assert migration.target.value("SELECT obj_description('visits'::regclass)") == words
    assert migration.target.rows("SELECT attname, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = "
                                 "'visits'::regclass AND col_description(attrelid, attnum) IS NOT NULL") == [("seen_at", "UTC")]
    assert not finished.records("WARNING", "left out")
    assert migration.assert_same(table, "visits") == 1000
    migration.target.assert_completed()
    # The second run finds a table, and leaves it as it is.
    migration.target.execute("ALTER TABLE visits ALTER COLUMN \"NOTE\" SET DEFAULT 'x', ADD COLUMN more int")
    oid = migration.target.value("SELECT 'visits'::regclass::oid")
    again = migration.thaw.migrate(config, "--no-resume").expect(0)
    assert not again.records("made public.visits")
    assert migration.target.value("SELECT 'visits'::regclass::oid") == oid
    assert "more" in columns_of(migration.target, "visits")
    assert migration.assert_same(table, "visits", 'SELECT visit_id, "PAGE", seen_at, "NOTE" FROM visits') == 1000


def test_a_key_that_may_be_null_becomes_a_unique_index(migration):
    migration.source.table("VISITS", VISITS, ROWS.format(10))
    constrain(migration.source, "VISITS", "ID")
    migration.thaw.migrate(migration.config(visits(uniqueness_columns=["visit_id", "PAGE"]))).expect(0)
    assert indexes_of(migration.target, "visits") == [
        'CREATE UNIQUE INDEX "visits_visit_id_PAGE_idx" ON public.visits USING btree (visit_id, "PAGE")']
    assert columns_of(migration.target, "visits")["PAGE"] == ("text", False)


def test_the_key_that_the_source_declares_is_not_made(migration):
    """Snowflake doesn't enforce it: rows that break it would stop a load that nobody asked to check them."""
    migration.source.execute(f"CREATE TABLE {migration.source.relation('VISITS')} (\"ID\" BIGINT PRIMARY KEY)")
    migration.thaw.migrate(migration.config({"source": "VISITS", "target": "visits", "create_target": True})).expect(0)
    assert indexes_of(migration.target, "visits") == []


def test_of_a_view_nothing_is_made_not_null(migration):
    migration.source.table("VISITS", VISITS, ROWS.format(10))
    constrain(migration.source, "VISITS", "ID")
    migration.source.execute(f"CREATE VIEW {migration.source.relation('V')} AS SELECT * FROM {migration.source.relation('VISITS')}")
    migration.thaw.migrate(migration.config({"source": "V", "target": "v", "create_target": True})).expect(0)
    assert not any(not_null for _, not_null in columns_of(migration.target, "v").values())
    assert migration.target.count("v") == 10


def test_a_table_that_is_there_is_left_as_it_is(migration):
    table = migration.source.table("VISITS", VISITS, ROWS.format(10))
    migration.target.execute("CREATE TABLE visits (visit_id text, \"PAGE\" varchar(10), seen_at timestamptz, \"NOTE\" text)")
    migration.thaw.migrate(migration.config(visits())).expect(0)
    assert types_of(migration.target, "visits")["visit_id"] == "text"
    assert migration.assert_same(table, "visits") == 10


@both_sources
def test_dry_run_and_check_tell_what_would_be_made_and_change_nothing(migration):
    migration.source.table("VISITS", VISITS, ROWS.format(10))
    constrain(migration.source, "VISITS", "ID")
    config = migration.config(feeds=[migration.source.feed(migration.target.name, visits(uniqueness_columns=["visit_id"]),
                                                           target_schema="new schema")])
    plan = migration.thaw.migrate(config, "--dry-run").expect(0).stdout
    checked = migration.thaw.run("check").expect(0).stdout
    assert "would be made with its schema: CREATE TABLE \"new schema\".\"visits\"" in checked
    assert '"ID" (' in checked and '-> "visit_id" (bigint)' in checked
    assert migration.target.value("SELECT to_regnamespace('\"new schema\"')") is None
    assert not migration.target.has_ledger()
    assert "would be CREATED, and its schema:" in plan
    # What is printed is what is done.
    migration.target.execute('CREATE SCHEMA "new schema"', plan.split("its schema:\n", 1)[1].split(";", 1)[0])
    printed = columns_of(migration.target, '"new schema".visits'), indexes_of(migration.target, '"new schema".visits')
    migration.target.execute('DROP SCHEMA "new schema" CASCADE')
    migration.thaw.migrate(config).expect(0).says("made new schema.visits")
    assert (columns_of(migration.target, '"new schema".visits'), indexes_of(migration.target, '"new schema".visits')) == printed


# What may go wrong


@pytest.fixture
def as_loader(migration):
    """The migration by a role that may make its ledger, and nothing else that isn't granted."""
    role = f"loader_{migration.target.name}"
    migration.target.execute(f"CREATE ROLE {role} LOGIN", "CREATE SCHEMA migration_status",
                             f"GRANT ALL ON SCHEMA migration_status TO {role}", "CREATE SCHEMA shop",
                             f"GRANT USAGE ON SCHEMA shop TO {role}")
    migration.source.table("VISITS", VISITS, ROWS.format(10))

    def run(schema: str, *arguments: str):
        feed = migration.source.feed(migration.target.name, visits(), target_schema=schema)
        config = migration.config(feeds=[feed])
        migration.thaw.write({**config, "postgres": {**config["postgres"], "user": role}})
        return migration.thaw.run(*arguments)

    yield role, run
    migration.target.execute(f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")


def test_without_the_privilege_the_statement_that_grants_it_is_told(migration, as_loader):
    role, run = as_loader
    grant = f'GRANT CREATE ON SCHEMA "shop" TO "{role}"'
    run("shop", "migrate").expect(1).says("may not make tables in that schema", grant)
    run("shop", "migrate", "--dry-run").expect(1).says(grant)
    assert grant in run("shop", "check").expect(1).stdout
    assert migration.target.value("SELECT to_regclass('shop.visits')") is None
    migration.target.execute(grant)
    run("shop", "check").expect(0)
    run("shop", "migrate", "--no-resume").expect(0)
    assert migration.target.count("shop.visits") == 10


def test_a_schema_is_made_by_who_may(migration, as_loader):
    role, run = as_loader
    grant = f'GRANT CREATE ON DATABASE "{migration.target.name}" TO "{role}"'
    run("other", "migrate").expect(1).says('the target schema "other" is missing', grant)
    assert grant in run("other", "check").expect(1).stdout
    migration.target.execute(grant)
    run("other", "migrate", "--no-resume").expect(0)
    assert migration.target.count("other.visits") == 10


# id: (columns of the source in DuckDB, the table's settings, words of the error)
IMPOSSIBLE = {
    "no type": ("a UNION(x INTEGER, y VARCHAR), b INTEGER", {}, ['"a" (UNION', "cast them in a view"]),
    "long name": (f"\"{'n' * 64}\" INTEGER", {}, ["at most 63 bytes", "n" * 64, "column_mapping"]),
    "unknown key": ("a INTEGER", {"uniqueness_columns": ["b"], "truncate_onstart": True}, ['uniqueness_columns names the target column "b"']),
    "two into one": ("a INTEGER, b INTEGER", {"column_mapping": {"a": "b"}}, ['two source columns go into the target column "b"']),
    "unknown source column": ("a INTEGER", {"column_mapping": {"b": "c"}}, ['names the source column "b"']),
    "a name of PostgreSQL's own": ("xmin INTEGER", {}, ["xmin", "system column"]),
}


@pytest.mark.parametrize("case", list(IMPOSSIBLE))
def test_what_can_not_be_made_is_told_and_leaves_nothing(migration, case):
    columns, settings, words = IMPOSSIBLE[case]
    migration.source.execute(f"CREATE TABLE {migration.source.relation('t')} ({columns})")
    migration.thaw.migrate(migration.config({"source": "t", "target": "t", "create_target": True, **settings})).expect(1).says(*words)
    assert migration.target.value("SELECT to_regclass('t')") is None


def test_without_create_target_a_missing_table_is_an_error(migration):
    migration.source.table("VISITS", VISITS, ROWS.format(1))
    migration.thaw.migrate(migration.config(visits(create_target=False))).expect(1).says('has no table "visits"')


# Several at once, and crashes


@pytest.mark.parametrize("fault", ["before_truncate:kill", "after_create:kill", "before_plan_commit:kill", "after_plan_commit:kill", "in_data:kill"])
def test_killed_around_the_making_it_is_made_once(migration, fault):
    table = migration.source.table("VISITS", VISITS, ROWS.format(2000))
    config = migration.config(visits(batch_size=500))
    migration.thaw.migrate(config, fault=fault).expect(-9)
    migration.target.wait_until_alone()
    there = migration.target.value("SELECT to_regclass('visits')") is not None
    assert there == (fault in ("after_plan_commit:kill", "in_data:kill"))
    migration.thaw.migrate(config).expect(0)
    assert migration.assert_same(table, "visits") == 2000
    migration.target.assert_completed()


def test_two_processes_make_it_once(migration):
    table = migration.source.table("VISITS", VISITS, ROWS.format(2000))
    config = migration.config(visits(batch_size=200))
    first = migration.thaw.start_migrate(config, fault="before_truncate:sleep=500")
    second = migration.thaw.start_migrate(config, "--join")
    finished = [first.wait().expect(0), second.wait().expect(0)]
    assert sum(len(one.records("made public.visits")) for one in finished) == 1
    assert migration.assert_same(table, "visits") == 2000
    migration.target.assert_completed()


def test_tables_in_a_schema_that_is_missing_are_made_by_many_at_once(migration):
    names = [f"t{i}" for i in range(8)]
    for name in names:
        migration.source.table(name, {"a": "int"}, "SELECT 1")
    tables = [{"source": name, "target": name, "create_target": True} for name in names]
    feed = migration.source.feed(migration.target.name, *tables, target_schema="fresh")
    finished = migration.thaw.migrate(migration.config(feeds=[feed], parallel_threads=8), fault="after_create:sleep=100").expect(0)
    assert not finished.records("WARNING", "trying again")
    assert [migration.target.count(f"fresh.{name}") for name in names] == [1] * 8


def test_a_table_that_somebody_makes_meanwhile_is_used(migration):
    table = migration.source.table("VISITS", VISITS, ROWS.format(10))
    running = migration.thaw.start_migrate(migration.config(visits()), fault="before_truncate:stop")
    running.wait_until_stopped()
    migration.target.execute("CREATE TABLE visits (visit_id text, \"PAGE\" text, seen_at timestamp, \"NOTE\" text)")
    running.signal(signal.SIGCONT)
    running.wait().expect(0)
    assert types_of(migration.target, "visits")["visit_id"] == "text"
    assert migration.assert_same(table, "visits") == 10
    migration.target.assert_completed()


def test_a_table_that_is_dropped_under_an_unfinished_run_is_not_made_anew(migration):
    migration.source.table("VISITS", VISITS, ROWS.format(2000))
    config = migration.config(visits(batch_size=500))
    migration.thaw.migrate(config, fault="after_commit:kill").expect(-9)
    migration.target.wait_until_alone()
    migration.target.execute("DROP TABLE visits")
    migration.thaw.migrate(config).expect(1).says("is not there any more", "--no-resume")
    migration.thaw.migrate(config, "--no-resume").expect(0)
    assert migration.target.count("visits") == 2000


def test_tables_that_feed_one_target_make_it_together(migration):
    tables = [migration.source.table(name, VISITS, ROWS.format(rows)) for name, rows in (("VISITS", 10), ("MORE", 20))]
    migration.source.table("OTHER", {"ID": "int"}, "SELECT 1")
    feeders = [visits(), visits(source="MORE")]
    migration.thaw.migrate(migration.config(*feeders)).expect(0)
    assert migration.target.count("visits") == 30
    migration.target.execute("DROP TABLE visits")
    finished = migration.thaw.migrate(migration.config(*feeders, visits(source="OTHER", column_mapping=None)), "--no-resume").expect(1)
    finished.says("it isn't what this table describes", "OTHER")
    assert migration.target.count("visits") == 30
    assert len(tables) == 2
