"""Which sources and servers a test runs with."""

import pytest

both_sources = pytest.mark.parametrize("source", ["duckdb", "snowflake"], indirect=True)
snowflake_only = pytest.mark.parametrize("source", ["snowflake"], indirect=True)
both_versions = pytest.mark.parametrize("target", [15, 18], indirect=True, ids=["pg15", "pg18"])
