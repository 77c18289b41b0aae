"""Memory does not grow with the work: neither with the width of the rows beyond a bound, nor with their number."""

import json
import subprocess
import sys

import pytest

import thaw
from bench import wide
from sources import quoted

WORKERS = 8
MOST_MB = 200
# Measured from 200,000 rows to 6,400,000: 114 to 167 MB in no order, by how the workers happen to meet while all begin.
NOISE_MB = 60


def peak_mb(migration, config: dict) -> float:
    """Run it to its end under bench/measure.py: its largest resident memory, as the kernel counts it."""
    migration.thaw.write(config)
    report = migration.thaw.directory / "cost.json"
    command = [sys.executable, "-I", "-S", thaw.ROOT / "bench/measure.py", report, thaw.BINARY, "migrate", "--workers", str(WORKERS)]
    finished = subprocess.run(command, cwd=migration.thaw.directory, env=migration.thaw.environment, text=True, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr
    migration.target.assert_completed()
    return json.loads(report.read_text(encoding="utf-8"))["peak_mb"]


def config(migration, rows: int, chunks: int) -> dict:
    """Chunks enough for all workers at once, whatever the rows."""
    table = {"source": "wide", "target": "wide", "chunking_columns": ["id"], "batch_size": rows // chunks, "truncate_onstart": True}
    return migration.config(table, snapshot="none")


@pytest.mark.timeout(400)
def test_invariant_05_wide_rows_fit_into_200_mb(migration):
    """250 columns in a file, so that DuckDB's cache counts too."""
    columns, rows = 250, 200_000
    file = migration.source
    file.execute(f"CREATE TABLE {quoted(file.database)}.wide AS {wide.source_sql(columns, rows)}")
    migration.target.execute(wide.target_sql(columns))
    peak = peak_mb(migration, config(migration, rows, 20))
    assert migration.target.count("wide") == rows
    assert peak < MOST_MB, f"{peak:.0f} MB"


@pytest.mark.timeout(400)
def test_invariant_05_memory_does_not_grow_with_the_rows(migration):
    """Ten times the rows in as many chunks, each of them ten times as large; DuckDB computes them while they are read. The full
    width is bench/memory's."""
    columns, few, many = 40, 200_000, 2_000_000
    migration.target.execute(wide.target_sql(columns))
    peaks = {}
    for rows in (few, many):
        view = f"CREATE VIEW wide AS {wide.source_sql(columns, rows)}"
        feeds = [{"source_name": "feed", "target_pg_database": migration.target.name,
                  "tables": config(migration, rows, 16)["sources"][0]["tables"]}]
        peaks[rows] = peak_mb(migration, {**migration.config(feeds=feeds, snapshot="none"),
                                          "duckdb": {"path": ":memory:", "init_sql": view}})
        assert migration.target.count("wide") == rows
    assert peaks[many] < peaks[few] + NOISE_MB, f"MB by rows: {peaks}"
    assert peaks[many] < MOST_MB
