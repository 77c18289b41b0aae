"""Where Snowflake's SQL means something else than DuckDB's, which fakesnow lets through: made to mean what Snowflake means, or
refused as Snowflake refuses it.

  * names: what isn't quoted is folded to upper case, and then case counts, for databases, schemas, tables and columns;
  * HASH and HASH_AGG are signed;
  * comparisons of rows, (a, b) >= (c, d), are three-valued;
  * timestamps written with nine digits keep them, and numbers of 38 digits are no 64-bit integers;
  * COLLATE 'en-ci' compares without regard to case.

https://docs.snowflake.com/en/sql-reference/identifiers-syntax
https://docs.snowflake.com/en/sql-reference/functions/hash
https://docs.snowflake.com/en/sql-reference/ternary-logic
"""

import functools
import re

import snowflake.connector.errors as errors
from sqlglot import exp

HALF = 1 << 63
COLUMNS = "SELECT database_name, schema_name, table_name, column_name FROM duckdb_columns() WHERE lower(table_name) = lower(?)"
# Schemas of fakesnow's own making answer for this one.
INFORMATION_SCHEMA = "INFORMATION_SCHEMA"
NANOSECONDS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}(?!000)\d{3}$")


# ---- names ------------------------------------------------------------------------------------------------------------

def folded(identifier: exp.Expression | None) -> str | None:
    if not isinstance(identifier, exp.Identifier):
        return None
    return identifier.this if identifier.quoted else identifier.this.upper()


def full_name(table: exp.Table, connection) -> tuple:
    """Database, schema and name of a table that is named, exactly as Snowflake would look for them."""
    return (folded(table.args.get("catalog")) or connection.database, folded(table.args.get("db")) or connection.schema,
            folded(table.this))


def named_tables(expression: exp.Expression, connection) -> list:
    """Those that must be there already: not the one that is created, nor names of WITH."""
    within = {folded(cte.args["alias"].this) for cte in expression.find_all(exp.CTE)}
    created = None
    if isinstance(expression, exp.Create):
        created = expression.this.find(exp.Table) if expression.this else None
    tables = []
    for table in expression.find_all(exp.Table):
        name = full_name(table, connection)
        if table is created or name[2] is None or name[1] == INFORMATION_SCHEMA:
            continue
        if table.args.get("db") is None and name[2] in within:
            continue
        tables.append((table, name))
    return tables


def not_there(name: tuple) -> errors.ProgrammingError:
    shown = ".".join(str(part) for part in name)
    return errors.ProgrammingError(msg=f"SQL compilation error:\nObject '{shown}' does not exist or not authorized.",
                                   errno=2003, sqlstate="42S02")


def lower(names) -> tuple:
    return tuple(str(name).lower() for name in names)


def check_names(expression: exp.Expression, cursor) -> None:
    """Refuse what DuckDB would find only because case means nothing to it."""
    known: set = set()
    for _table, name in named_tables(expression, cursor._conn):
        rows = cursor._duck_conn.execute(COLUMNS, [name[2]]).fetchall()
        exact = [row[3] for row in rows if row[:3] == name]
        if not exact and any(lower(row[:3]) == lower(name) for row in rows):
            raise not_there(name)
        known.update(exact)
    if not known:
        return
    for alias in expression.find_all(exp.Alias, exp.TableAlias):
        known.update(filter(None, [folded(alias.args.get("alias")), *map(folded, alias.args.get("columns") or [])]))
    insensitive = {name.lower() for name in known}
    for column in expression.find_all(exp.Column):
        name = folded(column.this)
        if name is not None and name not in known and name.lower() in insensitive:
            raise errors.ProgrammingError(msg=f"SQL compilation error: error line 1 at position 0\ninvalid identifier '\"{name}\"'",
                                          errno=904, sqlstate="42000")


# ---- values and comparisons -------------------------------------------------------------------------------------------

def huge(expression: exp.Expression) -> exp.Expression:
    return exp.cast(expression, exp.DataType.Type.INT128)


def as_signed(unsigned: exp.Expression) -> exp.Expression:
    """The 64 bits of an unsigned number as a signed one."""
    shifted = exp.Paren(this=exp.Add(this=huge(unsigned), expression=exp.Literal.number(HALF)))
    wrapped = exp.Paren(this=exp.Mod(this=shifted, expression=exp.Literal.number(2 * HALF)))
    return exp.cast(exp.Paren(this=exp.Sub(this=wrapped, expression=exp.Literal.number(HALF))), exp.DataType.Type.BIGINT)


def signed_hashes(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Anonymous) and node.name.upper() == "HASH":
        return as_signed(exp.Anonymous(this="hash", expressions=node.expressions))
    if isinstance(node, exp.HashAgg):
        return as_signed(exp.Anonymous(this="hash_agg", expressions=[node.this, *node.expressions]))
    return node


def lexicographic(left: list, right: list, strict: type, last: type) -> exp.Expression:
    if len(left) == 1:
        return last(this=left[0].copy(), expression=right[0].copy())
    first = strict(this=left[0].copy(), expression=right[0].copy())
    equal = exp.EQ(this=left[0].copy(), expression=right[0].copy())
    return exp.Paren(this=exp.or_(first, exp.and_(equal, lexicographic(left[1:], right[1:], strict, last))))


def row_comparisons(node: exp.Expression) -> exp.Expression:
    if not isinstance(node, (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)):
        return node
    if not isinstance(node.this, exp.Tuple) or not isinstance(node.expression, exp.Tuple):
        return node
    left, right = node.this.expressions, node.expression.expressions
    if isinstance(node, (exp.EQ, exp.NEQ)):
        equal = exp.Paren(this=functools.reduce(exp.and_, [exp.EQ(this=a.copy(), expression=b.copy()) for a, b in zip(left, right)]))
        return equal if isinstance(node, exp.EQ) else exp.Not(this=equal)
    strict = exp.LT if isinstance(node, (exp.LT, exp.LTE)) else exp.GT
    return lexicographic(left, right, strict, type(node))


def parameters(type_: exp.DataType) -> list:
    return [parameter.name for parameter in type_.expressions]


def is_of_nine_digits(type_: exp.DataType) -> bool:
    return type_.this == exp.DataType.Type.TIMESTAMPNTZ and parameters(type_) == ["9"]


def exact_literals(node: exp.Expression) -> exp.Expression:
    """Casts of text in which DuckDB's usual types would lose digits. TIMESTAMP_NS reaches from 1677 to 2262 only, so it is taken
    only where it must be."""
    if not isinstance(node, exp.Cast):
        return node
    is_text = isinstance(node.this, exp.Literal) and node.this.is_string
    if is_text and is_of_nine_digits(node.to) and NANOSECONDS.match(node.this.name):
        return exp.Cast(this=node.this, to=exp.DataType(this=exp.DataType.Type.TIMESTAMP_NS))
    if (is_text or isinstance(node.this, exp.ToChar)) and node.to.this == exp.DataType.Type.DECIMAL and parameters(node.to) == ["38", "0"]:
        return exp.Cast(this=node.this, to=exp.DataType(this=exp.DataType.Type.DECIMAL,
                                                        expressions=[exp.Literal.number(38), exp.Literal.number(0)]))
    return node


def read_back(node: exp.Expression) -> exp.Expression:
    """A timestamp's text cast to TIMESTAMP_NTZ(9) and compared with the timestamp: in the type of DuckDB that it really has."""
    if not isinstance(node, exp.EQ) or not isinstance(node.this, exp.Cast) or not is_of_nine_digits(node.this.to) \
            or not isinstance(node.this.this, exp.ToChar):
        return node
    text, value = node.this.this, node.expression
    branches = [exp.EQ(this=exp.TryCast(this=text.copy(), to=exp.DataType(this=type_)),
                       expression=exp.TryCast(this=value.copy(), to=exp.DataType(this=type_)))
                for type_ in (exp.DataType.Type.TIMESTAMP_NS, exp.DataType.Type.TIMESTAMP)]
    in_nanoseconds = exp.EQ(this=exp.Anonymous(this="typeof", expressions=[value.copy()]), expression=exp.Literal.string("TIMESTAMP_NS"))
    return exp.Case(ifs=[exp.If(this=in_nanoseconds, true=branches[0])], default=branches[1])


def written_offsets(node: exp.Expression) -> exp.Expression:
    """In a text that is put together DuckDB takes an offset only right behind the seconds."""
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Paren) and isinstance(joined := node.this.this, exp.DPipe) \
            and joined.expression.name == " +00:00":
        joined.set("expression", exp.Literal.string("+00:00"))
    return node


def nine_digits(node: exp.Expression) -> exp.Expression:
    """FF9 writes all of them, zeros too."""
    if isinstance(node, exp.ToChar) and (written := node.args.get("format")) and written.name == "YYYY-MM-DD HH24:MI:SS.FF9":
        return exp.Anonymous(this="strftime", expressions=[node.this, exp.Literal.string("%Y-%m-%d %H:%M:%S.%n")])
    return node


def nanosecond_columns(node: exp.Expression) -> exp.Expression:
    """Columns of TIMESTAMP_NTZ(8) have nanoseconds and show as TIMESTAMP_NTZ(9). Those of nine digits, which is what a timestamp
    without digits means, hold microseconds here, and so every year that Snowflake has."""
    if isinstance(node, exp.ColumnDef) and isinstance(type_ := node.args.get("kind"), exp.DataType) \
            and type_.this == exp.DataType.Type.TIMESTAMPNTZ and parameters(type_) == ["8"]:
        node.set("kind", exp.DataType(this=exp.DataType.Type.TIMESTAMP_NS))
    return node


def collations(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.CollateColumnConstraint) and isinstance(node.this, exp.Literal):
        insensitive = "ci" in node.this.name.split("-")
        return exp.CollateColumnConstraint(this=exp.to_identifier("NOCASE" if insensitive else "C"))
    return node


def made_strict(expression: exp.Expression, cursor) -> exp.Expression:
    check_names(expression, cursor)
    for change in (row_comparisons, signed_hashes, read_back, exact_literals, written_offsets, nine_digits, nanosecond_columns, collations):
        expression = expression.transform(change)
    return expression
