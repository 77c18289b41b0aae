"""A wide table for measuring memory: as many columns of several types as one likes, computed by DuckDB while they are read, so
that millions of rows need no room on disk."""

# name prefix, expression over i (the row's number) and {n} (the column's), type in PostgreSQL
KINDS = (
    ("whole", "(i * 31 + {n}) % 2000000000", "bigint"),
    ("small", "CAST((i + {n}) % 30000 AS INTEGER)", "integer"),
    ("money", "CAST((i + {n}) % 10000000 / 100 AS DECIMAL(12, 2))", "numeric(12, 2)"),
    ("ratio", "CASE WHEN (i + {n}) % 10 = 0 THEN NULL ELSE i / (3.0 + {n}) END", "double precision"),
    ("text", "'value ' || (i + {n}) % 100000", "text"),
)


def columns(count: int) -> list:
    """(name, expression, type) of so many columns; the first, id, is the row's number."""
    rest = ((prefix, expression, kind, n) for n in range(1, count) for prefix, expression, kind in [KINDS[n % len(KINDS)]])
    return [("id", "i", "bigint"), *((f"{prefix}_{n}", expression.format(n=n), kind) for prefix, expression, kind, n in rest)]


def source_sql(count: int, rows: int) -> str:
    """DuckDB's SELECT of it."""
    return f"SELECT {', '.join(f'{expression} AS {name}' for name, expression, _ in columns(count))} FROM range({rows}) AS r(i)"


def target_sql(count: int, name: str = "wide") -> str:
    """PostgreSQL's CREATE TABLE of it."""
    return f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, _, kind in columns(count))})"
