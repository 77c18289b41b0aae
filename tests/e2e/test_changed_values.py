"""What nul_bytes and rounding let change: how, and that it is counted once a table, in the log and in the ledger."""

import duckdb

from marks import both_sources
from sources import literal

COUNTED = "SELECT metadata -> %s FROM migration_status.migration_table_status WHERE target_table = %s"


def metadata(migration, key: str, table: str = "t"):
    return migration.target.value(COUNTED, key, table)


@both_sources
def test_nul_bytes_are_removed_and_counted(migration):
    migration.source.table("t", {"id": "int", "a": "text", "b": "text"},
                           "SELECT i, CASE WHEN i % 10 = 0 THEN 'x' || chr(0) || i || chr(0) ELSE 'y' END, "
                           "CASE WHEN i % 20 = 0 THEN chr(0) ELSE NULL END FROM range(1, 101) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, a text, b varchar(1))")
    config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 30, "nul_bytes": "remove"})
    finished = migration.thaw.migrate(config).expect(0)
    assert migration.target.rows("SELECT id, a, b FROM t WHERE a <> 'y' ORDER BY id") == [
        (i, f"x{i}", "" if i % 20 == 0 else None) for i in range(10, 101, 10)]
    assert metadata(migration, "nul_bytes_removed") == {"rows": 10, "values": 15}
    assert metadata(migration, "rounded") is None
    assert len(finished.records("WARNING", "NUL bytes were removed from 15 values in 10 rows")) == 1


@both_sources
def test_a_retried_chunk_counts_its_changes_once(migration):
    migration.source.table("t", {"id": "int", "a": "text"}, "SELECT i, chr(0) FROM range(1, 101) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, a text)")
    config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 30}, nul_bytes="remove")
    migration.thaw.migrate(config, fault="after_record:error:1").expect(0)
    assert migration.target.count("t") == 100
    assert metadata(migration, "nul_bytes_removed") == {"rows": 100, "values": 100}


# column: (source type, target type, [(value, what is stored)])
ROUNDED = {
    "scale": ("decimal(12,3)", "numeric(10,2)", [("1.505", "1.51"), ("-1.505", "-1.51"), ("1.504", "1.50")]),
    "carry": ("decimal(12,3)", "numeric(5,2)", [("99.995", "100.00"), ("-0.001", "0.00"), ("999.994", "999.99")]),
    "whole": ("decimal(12,3)", "integer", [("1.500", "2"), ("-1.500", "-2"), ("1.499", "1")]),
    "float_scale": ("float", "numeric(10,2)", [("1.005::DOUBLE", "1.01"), ("2.5::DOUBLE", "2.50"), ("-0.006::DOUBLE", "-0.01")]),
    "float4": ("float", "real", [("0.1::DOUBLE", "0.1"), ("16777217::DOUBLE", "1.6777216e+07"), ("0.5::DOUBLE", "0.5")]),
    "big_int": ("int", "double precision", [("9007199254740993", "9.007199254740992e+15"), ("1", "1"), ("-9007199254740993", "-9.007199254740992e+15")]),
    "seconds": ("timestamp", "timestamp(0)", [("'2020-01-01 00:00:00.5'", "2020-01-01 00:00:01"), ("'1969-12-31 23:59:59.4'", "1969-12-31 23:59:59"),
                                              ("'2020-01-01 00:00:00'", "2020-01-01 00:00:00")]),
    "time": ("time", "time(3)", [("'12:00:00.0005'", "12:00:00.001"), ("'23:59:59.9999'", "24:00:00"), ("'00:00:00'", "00:00:00")]),
    "words": ("text", "numeric(5,1)", [("'1.25'", "1.3"), ("'1.2'", "1.2"), ("'-1.25'", "-1.3")]),
}


@both_sources
def test_rounding_is_postgresqls_own_and_counted(migration):
    columns = {name: kind for name, (kind, _, _) in ROUNDED.items()}
    rows = " UNION ALL ".join("SELECT " + ", ".join([str(i)] + [values[i][0] for _, _, values in ROUNDED.values()]) for i in range(3))
    migration.source.table("t", {"id": "int"} | columns, rows)
    migration.target.execute("CREATE TABLE t (id bigint, " + ", ".join(f"{name} {target}" for name, (_, target, _) in ROUNDED.items()) + ")")
    config = migration.config({"source": "t", "target": "t", "chunking_columns": ["id"]}, rounding="allow")
    finished = migration.thaw.migrate(config).expect(0)
    found = migration.target.rows("SELECT id, " + ", ".join(f"{name}::text" for name in ROUNDED) + " FROM t ORDER BY id")
    for i, row in enumerate(found):
        assert dict(zip(ROUNDED, row[1:])) == {name: values[i][1] for name, (_, _, values) in ROUNDED.items()}
    # What psql stores of the same text.
    for name in ("scale", "carry", "whole", "seconds", "time", "words"):
        _, target, values = ROUNDED[name]
        for value, stored in values:
            assert migration.target.value(f"SELECT ({literal(value.strip(chr(39)))}::text::{'numeric' if name == 'whole' else target})::{target}::text") == stored
    values = sum(1 for name, (_, _, values) in ROUNDED.items() for value, stored in values if changes(name, value))
    assert metadata(migration, "rounded") == {"rows": 3, "values": values}
    assert len(finished.records("WARNING", f"{values} values in 3 rows were rounded")) == 1


UNCHANGED = {("scale", "1.500"), ("float_scale", "2.5::DOUBLE"), ("float4", "0.5::DOUBLE"), ("big_int", "1"), ("seconds", "'2020-01-01 00:00:00'"),
             ("time", "'00:00:00'"), ("words", "'1.2'")}


def changes(name: str, value: str) -> bool:
    return (name, value) not in UNCHANGED


def test_nanoseconds_go_to_the_nearest_microsecond(migration):
    values = {"1969-12-31 23:59:59.999999500": "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999499": "1969-12-31 23:59:59.999999",
              "2020-01-01 00:00:00.123456789": "2020-01-01 00:00:00.123457", "2020-01-01 00:00:00.1234564": "2020-01-01 00:00:00.123456",
              "infinity": "infinity", "2020-01-01 00:00:00.123456": "2020-01-01 00:00:00.123456"}
    rows = " UNION ALL ".join(f"SELECT {i}, TIMESTAMP_NS {literal(value)}" for i, value in enumerate(values))
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(migration.source.file)} AS s (STORAGE_VERSION 'v1.0.0')")
        connection.execute(f'CREATE TABLE s.main.t (id BIGINT, "at" TIMESTAMP_NS); INSERT INTO s.main.t {rows}')
    migration.target.execute("CREATE TABLE t (id bigint, at timestamp)")
    migration.thaw.migrate(migration.config({"source": "t", "target": "t", "rounding": "allow"})).expect(0)
    assert [row[0] for row in migration.target.rows("SELECT at::text FROM t ORDER BY id")] == list(values.values())
    assert metadata(migration, "rounded") == {"rows": 4, "values": 4}


def test_elements_of_arrays_count_one_by_one(migration):
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(migration.source.file)} AS s (STORAGE_VERSION 'v1.0.0')")
        connection.execute("CREATE TABLE s.main.t (id BIGINT, a DECIMAL(5,2)[], b VARCHAR[])")
        connection.execute("INSERT INTO s.main.t SELECT i, [1.25, NULL, 1.50, -1.25], ['x' || chr(0), 'y', chr(0)] FROM range(3) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, a numeric(4,1)[], b text[])")
    migration.thaw.migrate(migration.config({"source": "t", "target": "t"}, rounding="allow", nul_bytes="remove")).expect(0)
    assert migration.target.rows("SELECT DISTINCT a::text, b::text FROM t") == [("{1.3,NULL,1.5,-1.3}", '{x,y,""}')]
    assert metadata(migration, "rounded") == {"rows": 3, "values": 6}
    assert metadata(migration, "nul_bytes_removed") == {"rows": 3, "values": 6}


def test_beyond_the_type_is_no_rounding(migration):
    migration.source.table("t", {"id": "int", "a": "decimal(12,3)"}, "SELECT 1, 999.995")
    migration.target.execute("CREATE TABLE t (id bigint, a numeric(5,2))")
    finished = migration.thaw.migrate(migration.config({"source": "t", "target": "t"}, rounding="allow")).expect(1)
    finished.says("too many digits before the decimal point", "999.995")
