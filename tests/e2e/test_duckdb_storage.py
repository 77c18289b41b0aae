"""Texts as DuckDB's file holds them: in each of its compressions, in whole vectors and in parts, with and without gaps.

FSST comes to the reader still compressed where a whole vector is read, and is unpacked later (enable_fsst_vectors), so the
chunks here begin and end within vectors, deleted rows leave gaps, and a filter takes some rows of each vector.
"""

import pytest

ROWS = 40_000
COLUMNS = {"n": "int", "words": "text", "name": "text", "rare": "text", "long": "text", "odd": "text", "same": "text", "blob": "binary"}
SELECT = f"""SELECT i,
    repeat('lorem ipsum ', 1 + (hash(i) % 12)::INT) || md5(i::VARCHAR),
    'Customer ' || i % 977,
    CASE WHEN i % 3000 < 2100 THEN NULL ELSE 'seldom there: ' || i END,
    CASE WHEN i % 20000 = 77 THEN repeat('abcdefgh' || i, 4000) ELSE 'short' END,
    CASE i % 8 WHEN 0 THEN '' WHEN 1 THEN NULL WHEN 2 THEN 'Größe ' || chr(128512) || i WHEN 3 THEN '\\N' WHEN 4 THEN chr(13) || chr(10) || i
               WHEN 5 THEN ' ' || i || ' ' WHEN 6 THEN repeat(chr(255), (i % 40)::INT) ELSE 'twelve bytes' END,
    'the same everywhere',
    encode(md5(i::VARCHAR) || i)
    FROM range({ROWS}) AS rows(i)"""
SCHEMES = {"fsst": "FSST", "dictionary": "Dictionary", "uncompressed": "Uncompressed", "auto": "FSST"}


@pytest.fixture
def packed(migration, request):
    """The table "packed" in the compression that the test names; what is in it."""
    source = migration.source
    plain = source.table("plain", COLUMNS, SELECT)
    source.execute(f"PRAGMA force_compression='{request.param}'",
                   f"CREATE TABLE {source.relation('packed')} AS FROM {source.relation('plain')}", f"CHECKPOINT {source.database}")
    migration.target.execute("CREATE TABLE packed (n bigint, words text, name text, rare text, long text, odd text, same text, blob bytea)")
    return plain


def compressions(source, column: str) -> set:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{source.file}' AS {source.database} (READ_ONLY)")
        return {row[0] for row in connection.execute(
            f"SELECT DISTINCT compression FROM pragma_storage_info('{source.database}.main.packed') "
            f"WHERE column_name = '{column}' AND segment_type = 'VARCHAR'").fetchall()}


def copy(migration, plain, **more) -> int:
    config = migration.config({"source": "packed", "target": "packed", "chunking_columns": ["n"], "batch_size": 7777, **more})
    migration.thaw.migrate(config).expect(0)
    migration.target.assert_completed()
    return migration.assert_same(plain, "packed")


@pytest.mark.parametrize("packed", SCHEMES, indirect=True)
def test_texts_of_each_compression_arrive(migration, packed, request):
    scheme = request.node.callspec.params["packed"]
    assert SCHEMES[scheme] in compressions(migration.source, "words")
    assert copy(migration, packed) == ROWS


@pytest.mark.parametrize("packed", ["fsst"], indirect=True)
def test_gaps_in_compressed_vectors(migration, packed):
    gone = "n % 7 = 3 OR n BETWEEN 9000 AND 13500"
    migration.source.execute(f"DELETE FROM {migration.source.relation('packed')} WHERE {gone}")
    packed.condition = f"NOT ({gone})"
    assert 0 < copy(migration, packed) < ROWS


@pytest.mark.parametrize("packed", ["fsst"], indirect=True)
def test_some_rows_of_compressed_vectors(migration, packed):
    packed.condition = "n % 5 <> 2 AND words LIKE '%7%'"
    assert 0 < copy(migration, packed, source_filter=packed.condition) < ROWS
