"""AT and BEFORE over copies of tables: before a table changes, what it holds is copied, and a query of a past moment reads the
copy that was the table then.

As in Snowflake, a table has no past before it was made, and CREATE OR REPLACE makes a new one.
https://docs.snowflake.com/en/sql-reference/constructs/at-before
"""

import dataclasses
import itertools
import time

import snowflake.connector.errors as errors
import sqlglot
from fakesnow.transforms import timestamp_offsets
from sqlglot import exp

from strict_sql import full_name, named_tables

SCHEMA = "_THAW_HISTORY"
STARTED = time.time_ns() // 1000


def quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


@dataclasses.dataclass
class Past:
    since: int  # microseconds since 1970, when the table was made
    copies: list = dataclasses.field(default_factory=list)  # (until when it was the table, the copy's full name)


tables: dict[tuple, Past] = {}
refused = False  # every look at the past, as for tables without retention time
numbers = itertools.count(1)


def now() -> int:
    return time.time_ns() // 1000


def changed_table(expression: exp.Expression, connection) -> tuple | None:
    """The table whose rows or columns a statement changes."""
    if isinstance(expression, (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Alter, exp.TruncateTable)):
        table = expression.find(exp.Table)
        return None if table is None else full_name(table, connection)
    return None


def before(expression: exp.Expression, cursor) -> None:
    """Keep what the statement is about to change."""
    name = changed_table(expression, cursor._conn)
    if name is None:
        return
    past = tables.setdefault(name, Past(STARTED))
    copy = (name[0], SCHEMA, f"{name[2]} {next(numbers)}")
    cursor._duck_conn.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name[0], SCHEMA)}")
    cursor._duck_conn.execute(f"CREATE TABLE {quoted(*copy)} AS SELECT * FROM {quoted(*name)}")
    past.copies.append((now(), copy))


def after(expression: exp.Expression, cursor) -> None:
    """A table that is new has no past."""
    if isinstance(expression, exp.Create) and expression.args.get("kind") == "TABLE":
        tables[full_name(expression.this.find(exp.Table), cursor._conn)] = Past(now())


def moment(when: exp.HistoricalData, cursor) -> int:
    value = when.args["expression"].transform(timestamp_offsets).sql(dialect="duckdb")
    if when.args["kind"] == "OFFSET":
        return now() + cursor._duck_conn.execute(f"SELECT CAST(({value}) * 1000000 AS BIGINT)").fetchone()[0]
    if when.args["kind"] == "TIMESTAMP":
        micros = cursor._duck_conn.execute(f"SELECT epoch_us(CAST({value} AS TIMESTAMPTZ))").fetchone()[0]
        return micros - (when.this == "BEFORE")
    raise errors.ProgrammingError(msg=f"the double knows no AT ({when.args['kind']} => ...)", errno=9999, sqlstate="99999")


def forget() -> None:
    """From now on nobody can look at what was before now."""
    global STARTED
    STARTED = now()
    for past in tables.values():
        past.since = STARTED


def copy_of(name: tuple, at: int) -> tuple:
    past = tables.get(name, Past(STARTED))
    if at < past.since or refused:
        raise errors.ProgrammingError(
            msg=f"Time travel data is not available for table {name[2]}. The requested time is either beyond the allowed time "
                "travel period or before the object creation time.", errno=707, sqlstate="02000")
    return next((copy for until, copy in past.copies if at < until), name)


def past_table(name: tuple, at: int, alias: str, cursor) -> exp.Expression:
    """The table, or a view over its tables, as it was."""
    view = cursor._duck_conn.execute("SELECT sql FROM duckdb_views() WHERE database_name = ? AND schema_name = ? AND "
                                     "view_name = ?", list(name)).fetchone()
    if view is None:
        return sqlglot.parse_one(f"SELECT * FROM {quoted(*copy_of(name, at))}", read="duckdb").subquery(exp.to_identifier(alias, quoted=True))
    query = sqlglot.parse_one(view[0], read="duckdb").expression
    within = {cte.args["alias"].name for cte in query.find_all(exp.CTE)}
    for table in list(query.find_all(exp.Table)):
        if table.name in within:
            continue
        # DuckDB keeps a view's names as they are, without quotes where they need none, and may leave out the view's own database.
        inner = (table.catalog or name[0], table.db or name[1], table.name)
        past = past_table(inner, at, folded_alias(table), cursor)
        past.set("joins", table.args.get("joins"))  # DuckDB writes a view's joins in brackets, and they are read as the table's
        table.replace(past)
    return query.subquery(exp.to_identifier(alias, quoted=True))


def folded_alias(table: exp.Table) -> str:
    alias = table.args.get("alias")
    identifier = alias.this if alias is not None else table.this
    return identifier.this if identifier.quoted else identifier.this.upper()


def travelled(expression: exp.Expression, cursor) -> exp.Expression:
    """The statement with each AT or BEFORE carried out."""
    for table, name in named_tables(expression, cursor._conn):
        when = table.args.get("when")
        if isinstance(when, exp.HistoricalData):
            table.replace(past_table(name, moment(when, cursor), folded_alias(table), cursor))
    return expression
