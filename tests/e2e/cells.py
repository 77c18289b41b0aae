"""The tables of docs/types.md, hostile values for each of their rows, and what each of their columns must make of them.

Nothing here comes from thaw: the rules are those that the document states, computed in Python's exact numbers; what a type prints,
PostgreSQL says (test_type_cells.py casts `Arrives.text` to the type).
"""

import dataclasses
import decimal
import fractions
import functools
import math
import pathlib
import re
import struct

import numpy

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/types.md"
DAY = 86_400 * 10**9  # in nanoseconds, which moments and times are counted in
FOREVER = "infinity"
decimal.getcontext().prec = 100


# The document


def document() -> tuple:
    """{(format of Arrow, target): cell} and {letter: reason}"""
    cells, reasons, header = {}, {}, []
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not row:
            header = []
        elif row[0] == "Arrow":
            header = row[1:]
        elif header and not row[0].startswith("--"):
            form = re.search("`(.*)`", row[0])[1]
            cells |= {(form, target): cell for target, cell in zip(header, row[1:], strict=True)}
        if reason := re.fullmatch("- ([a-z]): (.*)", line):
            reasons[reason[1]] = reason[2]
    return cells, reasons


# The document's name of a target: how a column is declared; where values are checked also with these modifiers.
TARGETS = {name: [name] for name in ("int2", "int4", "int8", "float4", "float8", "bool", "text", "bytea", "json", "jsonb", "uuid", "date",
                                     "timetz", "oid", "name", '"char"', "money", "citext", "inet", "geometry", "daterange", "int4[]",
                                     "text[]", "varchar(3)[]", "interval year")}
TARGETS |= {"numeric": ["numeric", "numeric(2,2)", "numeric(40,20)"], "varchar": ["varchar", "varchar(2)"], "char": ["char(80)", "char(2)"],
            "time": ["time", "time(0)"], "timestamp": ["timestamp", "timestamp(0)"], "timestamptz": ["timestamptz", "timestamptz(0)"],
            "interval": ["interval", "interval(0)"], "enum": ["mood"], "enum[]": ["mood[]"], "composite": ["pair"],
            "rounding composite": ["money_pair"]}
TEXTS = ("text", "varchar", "char", "citext")


def declared(target: str, cell: str) -> list:
    """The types of PostgreSQL with which a cell is tried: "yes" is said of the type without a modifier."""
    return TARGETS[target] if cell in ("checked", "text") else TARGETS[target][:1]


# What a source may hold


@dataclasses.dataclass(frozen=True)
class Number:
    value: decimal.Decimal  # or NaN, Infinity
    text: str
    negative_zero: bool = False
    floating: bool = False  # it says the fewest digits, and nothing of a scale


@dataclasses.dataclass(frozen=True)
class Moment:
    at: int | str | None  # nanoseconds since 1970, FOREVER or its negation; None: nobody can tell
    kind: str  # date, timestamp, instant


@dataclasses.dataclass(frozen=True)
class Time:
    at: int  # nanoseconds of a day


@dataclasses.dataclass(frozen=True)
class Interval:
    months: int
    days: int
    nanoseconds: int


@dataclasses.dataclass(frozen=True)
class Nested:
    json: str
    elements: tuple | None = None  # of a list of plain values


@dataclasses.dataclass(frozen=True)
class Value:
    """What DuckDB's column has (SQL), what is meant by it (one of the above, bool, str, bytes), and the same as SQL of the type that means
    it, for a source that has one."""

    sql: str
    meaning: object
    native: str = ""


def quote(text: str) -> str:
    """A literal of DuckDB, which has none for NUL."""
    return " || chr(0) || ".join("'" + part.replace("'", "''") + "'" for part in text.split("\0"))


def integers(*values: int) -> list:
    return [Value(f"'{value}'", Number(decimal.Decimal(value), str(value))) for value in values]


def decimals(scale: int, *units: int, sql=lambda unit: f"'{unit}'") -> list:
    numbers = [decimal.Decimal((unit < 0, tuple(map(int, str(abs(unit)))), -scale)) for unit in units]
    return [Value(sql(unit), Number(number, format(number, "f")), f"'{number:f}'") for unit, number in zip(units, numbers)]


def words(unit: int) -> str:
    """256 bits as a list of four signed integers, the lowest first."""
    return "[" + ", ".join(map(str, struct.unpack("<4q", unit.to_bytes(32, "little", signed=True)))) + "]"


def float_text(value: float, single: bool) -> str:
    """As PostgreSQL prints it: the fewest digits, plain up to 15 (float4: 6) before the point."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    number = decimal.Decimal(str(numpy.float32(value)) if single else repr(value)).normalize()
    sign, digits, exponent = number.as_tuple()
    magnitude = len(digits) - 1 + exponent
    if not number or -4 <= magnitude < (6 if single else 15):
        return format(number, "f")
    shown = "".join(map(str, digits))
    return f"{'-' * sign}{shown[0]}{'.' * (len(shown) > 1)}{shown[1:]}e{'-' if magnitude < 0 else '+'}{abs(magnitude):02}"


def floats(single: bool, *values: float, sql) -> list:
    return [Value(sql(value), Number(decimal.Decimal(value), float_text(value, single), value == 0 and math.copysign(1, value) < 0, True))
            for value in values]


def half_bits(value: float) -> str:
    return str(struct.unpack("<h", struct.pack("<e", value))[0])


def blobs(*values: bytes, sql=lambda value: f"unhex('{value.hex()}')") -> list:
    return [Value(sql(value), value) for value in values]


def huge(data: bytes) -> str:
    return f"'{int.from_bytes(data, 'little', signed=True)}'"


def dates() -> list:
    days = [0, -1, -719_162, 2_932_896, -141_428, -2_440_588, -2_440_589, 2_147_472_691 - 1, 2_145_042_905, 2_145_042_906, 2**31 - 2, -2**31]
    return ([Value(f"'{day}'", Moment(day * DAY, "date"), f"DATE '1970-01-01' + {day}" if -719_162 <= day <= 2_932_896 else "") for day in days
             if -2**31 <= day < 2**31] +
            [Value(str(2**31 - 1), Moment(FOREVER, "date")), Value(f"'{-(2**31 - 1)}'", Moment("-infinity", "date"))])


SECONDS = [0, -1, 86_399, -86_400 * 719_162, 86_400 * 2_932_896 + 86_399, 86_400 * 11_016, -210_866_803_200, -210_866_803_201,
           9_224_318_015_999, 9_224_318_016_000, 2**63 - 2, -2**63]


def moments(unit: int, kind: str) -> list:
    """Counted in `unit` nanoseconds."""
    ticks = {second * (10**9 // unit) for second in SECONDS} | {second * (10**9 // unit) + extra for second in SECONDS[:2] + SECONDS[-4:-2]
                                                                for extra in (10**9 // unit // 2, 10**9 // unit - 1)}
    values = [Value(f"'{tick}'", Moment(tick * unit, kind), native_moment(tick * unit, kind)) for tick in sorted(ticks)
              if -2**63 <= tick < 2**63 and abs(tick) != 2**63 - 1]
    ends = [(2**63 - 1, FOREVER), (-2**63 + 1, "-infinity")]
    return values + [Value(f"'{tick}'", Moment(None if unit == 1 else at, kind)) for tick, at in ends]


def native_moment(at: int, kind: str) -> str:
    """Of the years 1 to 9999, in microseconds."""
    if at % 1000 or not -719_162 * DAY <= at < 2_932_897 * DAY:
        return ""
    return f"make_timestamp({at // 1000})" + ("::TIMESTAMP::VARCHAR || '+00'" if kind == "instant" else "")


def date64() -> list:
    ticks = [second * 1000 for second in SECONDS if second % 86_400 == 0] + [-1, 2**63 - 1, -2**63]
    return [Value(f"'{tick}'", Moment(tick * 10**6, "date64")) for tick in ticks]


def times(unit: int) -> list:
    per_second = 10**9 // unit
    ticks = {0, 86_400 * per_second, 86_400 * per_second - 1, 43_200 * per_second, 45_296 * per_second + per_second // 2, -1, 86_401 * per_second}
    return [Value(f"'{tick}'", Time(tick * unit), f"TIME '00:00:00' + INTERVAL {tick * unit // 1000} MICROSECONDS"
                  if 0 <= tick * unit < DAY and tick * unit % 1000 == 0 else "") for tick in sorted(ticks)]


def intervals(form: str) -> list:
    if form == "tiM":
        return [Value(f"'{n}'", Interval(n, 0, 0)) for n in (0, 12, 14, -1, -14, 2**31 - 1, -2**31)]
    if form == "tiD":
        return [Value(f"'{int.from_bytes(struct.pack('<ii', days, ms), 'little', signed=True)}'", Interval(0, days, ms * 10**6))
                for days, ms in ((0, 0), (1, 1500), (-1, 1), (3, -1000), (2**31 - 1, 2**31 - 1), (-2**31, -2**31))]
    if form == "tin":
        return [Value(huge(struct.pack("<iiq", *parts)), Interval(*parts))
                for parts in ((0, 0, 0), (14, 3, 10**9), (-12, 0, 0), (0, 0, -1), (1, -1, 500_000), (2**31 - 1, 2**31 - 1, 2**63 - 1),
                              (-2**31, -2**31, -2**63))]
    unit = {"s": 10**9, "m": 10**6, "u": 1000, "n": 1}[form[2]]
    return [Value(f"'{tick}'", Interval(0, 0, tick * unit)) for tick in (0, 1, -1, 10**9 // unit, -90_061 * (10**9 // unit), 1001, 2**63 - 1, -2**63)]


def lists(*values: tuple, end: str = "]") -> list:
    """Of integers, or of texts."""
    def sql(element):
        return "NULL" if element is None else quote(element) if isinstance(element, str) else str(element)
    return [Value("[" + ", ".join(map(sql, value)) + end, Nested("[" + ",".join(map(json_of, value)) + "]", value)) for value in values]


def json_of(element) -> str:
    if element is None:
        return "null"
    if isinstance(element, int):
        return str(element)
    escapes = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, f"\\u{ord(c):04x}" if 0 < ord(c) < 32 else c) for c in element) + '"'


UTF8 = ["", " ", "  padded  ", "a\r\nb\nc\rd", "\\N", "\\.", "\\", "tab\there", "'s' \"d\"", "\U0001f9ca\u200d\u2744\ufe0f", "e\u0301 vs \u00e9", "\u202eright",
        "NULL", "{}", "\ufeff", "\x01\x1f\x7f", "sad", "abc", "abc ", "\u00e9\u00e9\u00e9", "\u00e9\u00e9\u00e9\u00e9", "a\0b"]
# Text for each target: what is taken, and what is refused.
TAKEN = {
    "int2": (["-32768", "32767", " 17 "], ["32768", "1.0", "", "x", "1\0"]),
    "int4": (["-2147483648", "2147483647"], ["2147483648", "1e3", "NaN"]),
    "int8": (["-9223372036854775808", "9223372036854775807"], ["9223372036854775808", "\u0664"]),
    "numeric": (["0.10", "1e5", "NaN", "-Infinity", "9" * 200 + ".5", "-0.00"], ["1.2.3", "", "1,5"]),
    "numeric(2,2)": (["0.5", "0.500", "-99e-2", "NaN"], ["0.505", "1", "Infinity"]),
    "numeric(40,20)": (["9" * 20 + "." + "9" * 20, "1.5e3"], ["1e-21", "9" * 21]),
    "float4": (["0.1", "nan", "-inf", "16777216", "1.5"], ["16777217", "1e39", "0.123456789"]),
    "float8": (["0.1", "1e300", "NaN", "Infinity", "-0"], ["0.12345678901234567891", "9007199254740993", "1e400", "one"]),
    "bool": (["yes", "f", "TRUE", "0"], ["2", "", "maybe"]),
    "json": (['{"b":1.50,"a":"\\\\"}', "null", "[]", ' "x" ', '"\\u0000"'], ["{broken", "", "'x'", '"\0"']),
    "jsonb": (['{"b":1.50,"a":"\\\\"}', "null", "[1e2]"], ["{broken", "", '"\\u0000"']),
    "uuid": (["00000000-0000-0000-0000-000000000000", "{FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11"],
             ["not-a-uuid", "", "00000000-0000-0000-0000-00000000000", " 00000000-0000-0000-0000-000000000000"]),
    "date": (["2026-01-31", "0044-03-15 BC", "infinity", "-infinity", "5874897-12-31"],
             ["2026-01-31 23:59", "today", "2026-02-30", "31.01.2026", "epoch", ""]),
    "time": (["12:34", "24:00:00", "12:34:56.789000000", "00:00:00.000001"], ["12:34+02", "25:00", "now", "12:34:56.0000001", "2026-01-01 12:00"]),
    "time(0)": (["12:34:56.000"], ["12:34:56.5"]),
    "timestamp": (["2026-01-31T12:34:56.789", "2026-01-31", "0044-03-15 12:00:00 BC", "infinity", "294276-12-31 23:59:59.999999"],
                  ["2026-01-31 12:34+02", "now", "2026-01-31 12:34:56.1234567", "2026-13-01", "294277-01-01"]),
    "timestamp(0)": (["2026-01-31 12:34:56.0"], ["2026-01-31 12:34:56.6"]),
    "timestamptz": (["2026-01-31 12:34:56+05:30", "2026-01-31 12:34:56Z", "2026-01-31 12:34:56", "-infinity"],
                    ["2026-01-31 12:34 Europe/Berlin", "tomorrow", "2026-01-31 12:34:56.1234567+00"]),
    "timestamptz(0)": (["2026-01-31 12:34:56-00"], ["2026-01-31 12:34:56.6Z"]),
    "interval": (["1 year 2 mons 3 days 04:05:06.789", "P1DT2.5S", "1.5 seconds ago"], ["1.5 months", "0.0000001 s", "soon"]),
    "interval(0)": (["1 day 00:00:01"], ["0.5 s"]),
    "timetz": (["10:00:00.123456+02", "23:59:59Z"], ["10:00 Europe/Berlin", "10:00:00.1234567+02", "x"]),
    "oid": (["0", "4294967295"], ["-1", "4294967296", "x"]),
    "name": (["n" * 63, ""], ["n" * 64, "\u00e9" * 32]),
    '"char"': (["x", "", " "], ["xy", "\u00e9"]),
    "mood": (["sad", "it's \\ \"ok\"", ""], ["glad", "Sad", "sad "]),
    "inet": (["192.168.0.1/24", "::1"], ["300.0.0.1", ""]),
    "geometry": (["POINT(1 2)", "0101000000\\N\t", ""], ["a\0b"]),
    "pair": (['(1,"a\\\\b""c")', "(,)"], ["(x,a)", "(1,2,3)"]),
    "daterange": (["[2026-01-01,2026-02-01)", "empty", "(,)"], ["[2026-01-01 12:00,)", "[2026-02-01,2026-01-01]", "[today,)"]),
    "int4[]": (["{1,NULL,-3}", "{}"], ["{x}", "1,2", "{3000000000}"]),
    "text[]": (['{a,NULL,"b c","\\\\N"}', "{}"], ["{a", "a\0"]),
    "mood[]": (['{sad,NULL,""}'], ["{glad}"]),
    "varchar(2)": (["", "ab", "\u00e9\u00e9"], ["ab ", "abc", "\u00e9\u00e9\u00e9"]),
    "char(2)": (["", "a ", "ab"], ["abc", "ab "]),
}
for _type in ("text", "varchar", "char(80)", "citext"):
    TAKEN[_type] = ([text for text in UTF8 if "\0" not in text], ["a\0b"])
TEXT_FORMS = ("u", "U", "vu", "dictionary(u)")
SIXTEEN = [bytes(16), b"\xff" * 16, bytes(range(16))]
BLOBS = [b"", b"\x00\xff\\.\n\r\t", b"sixteen bytes 16", b"longer than twelve bytes, and than sixteen"]

# Arrow's format: the type of DuckDB whose bytes it has, hostile values
FORMATS = {
    "b": ("BOOLEAN", [Value("true", True, "true"), Value("false", False, "false")]),
    "c": ("TINYINT", integers(-128, 127, 0, 1)),
    "C": ("UTINYINT", integers(0, 1, 255)),
    "s": ("SMALLINT", integers(-32768, 32767, 0, 1)),
    "S": ("USMALLINT", integers(0, 1, 65535)),
    "i": ("INTEGER", integers(-2**31, 2**31 - 1, 2**24, 2**24 + 1, 0, 1)),
    "I": ("UINTEGER", integers(0, 1, 2**32 - 1, 2**24 + 1)),
    "l": ("BIGINT", integers(-2**63, 2**63 - 1, 2**53, 2**53 + 1, 2**32, 10_000, 0, 1)),
    "L": ("UBIGINT", integers(0, 1, 2**64 - 1, 2**63)),
    "d:9,2,32": ("INTEGER", decimals(2, 0, 10, 100, -1, 150, 999_999_999, -999_999_999)),
    "d:18,2,64": ("BIGINT", decimals(2, 0, 10, 100, -1, 214748364700, 10**18 - 1, -10**18 + 1)),
    "d:38,2": ("DECIMAL(38,2)", [Value(value.native, value.meaning, value.native)
                                 for value in decimals(2, 0, 10, 100, -1, 150, 9223372036854775807_00, 10**38 - 1, -10**38 + 1)]),
    "d:76,2,256": ("BIGINT[4]", decimals(2, 0, 10, 100, -1, 150, 10**38 - 1, 10**76 - 1, -10**76 + 1, sql=words)),
    "e": ("SMALLINT", floats(True, 0.0, -0.0, 1.0, 0.5, 0.0999755859375, 65504.0, 2.0**-24, math.nan, math.inf, -math.inf, sql=half_bits)),
    "f": ("FLOAT", floats(True, 0.0, -0.0, 1.0, 0.5, float(numpy.float32(0.1)), 2.0**24, float(numpy.finfo(numpy.float32).max), 2.0**-149, math.nan,
                          math.inf, -math.inf, sql=lambda value: f"'{value!r}'::DOUBLE::FLOAT")),
    "g": ("DOUBLE", [dataclasses.replace(value, native=value.sql) for value in floats(
        False, 0.0, -0.0, 1.0, 0.5, 0.1, 1e15, 1e-5, 2.0**53, 1e300, 5e-324, 1.7976931348623157e308, math.nan, math.inf, -math.inf,
        sql=lambda value: f"'{value!r}'::DOUBLE")]),
    "u": ("VARCHAR", []), "U": ("VARCHAR", []), "vu": ("VARCHAR", []), "dictionary(u)": ("VARCHAR", []),
    "z": ("BLOB", [dataclasses.replace(value, native=value.sql) for value in blobs(*BLOBS)]), "Z": ("BLOB", blobs(*BLOBS)), "vz": ("BLOB", blobs(*BLOBS)),
    "w:16": ("HUGEINT", blobs(*SIXTEEN, sql=huge)),
    "tdD": ("INTEGER", dates()), "tdm": ("BIGINT", date64()),
    "tts": ("INTEGER", times(10**9)), "ttm": ("INTEGER", times(10**6)), "ttu": ("BIGINT", times(1000)), "ttn": ("BIGINT", times(1)),
    **{f"ts{letter}:{zone}": ("BIGINT", moments(unit, "instant" if zone else "timestamp"))
       for zone in ("", "UTC") for letter, unit in (("s", 10**9), ("m", 10**6), ("u", 1000), ("n", 1))},
    **{form: ("INTEGER" if form == "tiM" else "HUGEINT" if form == "tin" else "BIGINT", intervals(form))
       for form in ("tiM", "tiD", "tin", "tDs", "tDm", "tDu", "tDn")},
    "n": ("INTEGER", [Value("NULL", None)]),
    "dictionary(i)": ("INTEGER", integers(-2**31, 2**31 - 1, 2**24 + 1, 0, 1)),
    **{form: ("INTEGER[]", lists((), (1, None, -2**31), (2**31 - 1,), (1000,))) for form in ("+l(i)", "+L(i)", "+vl(i)", "+vL(i)")},
    "+w:2(i)": ("INTEGER[2]", lists((1, None), (-2**31, 2**31 - 1))),
    "+l(u)": ("VARCHAR[]", lists((), ("1", None, " 17 "), ("sad", "", None), ("x\"y\\z\n", "\u00e9\U0001f9ca"), ("abcd",), ("NULL", "{}"), ("a\0b",))),
    "+l(z)": ("BLOB[]", [Value("[unhex('00ff'), NULL, unhex('')]", Nested('["\\\\x00ff",null,"\\\\x"]')), Value("[]", Nested("[]"))]),
    "+l(+l(i))": ("INTEGER[][]", [Value("[[1, NULL], [], NULL]", Nested("[[1,null],[],null]"))]),
    "+l(+s(i,u))": ("STRUCT(a INTEGER, b VARCHAR)[]", [Value("[{'a': 1, 'b': 'x\"'}, NULL]", Nested('[{"a":1,"b":"x\\""},null]')),
                                                       Value("[{'a': 1, 'b': chr(0)}]", Nested('[{"a":1,"b":"\0"}]'))]),
    "+s(i,u)": ("STRUCT(a INTEGER, b VARCHAR)", [Value("{'a': NULL, 'b': 'it''s'}", Nested('{"a":null,"b":"it\'s"}')),
                                                 Value("{'a': 1, 'b': chr(0)}", Nested('{"a":1,"b":"\0"}'))]),
    "+m(u,i)": ("MAP(VARCHAR, INTEGER)", [Value("MAP {'k\"': 1, '': NULL}", Nested('{"k\\"":1,"":null}')), Value("MAP {}", Nested("{}")),
                                          Value("MAP {chr(0): 1}", Nested('{"\0":1}'))]),
    "+m(i,i)": ("MAP(INTEGER, INTEGER)", [Value("MAP {1: 2, -1: NULL}", Nested("[[1,2],[-1,null]]")), Value("MAP {}", Nested("[]"))]),
}

# The type of DuckDB that means it, of formats that Snowflake delivers too.
NATIVE = {"b": "BOOLEAN", "d:38,2": "DECIMAL(38,2)", "g": "DOUBLE", "u": "VARCHAR", "z": "BLOB", "tdD": "DATE", "ttn": "TIME", "tsu:": "TIMESTAMP",
          "tsu:UTC": "TIMESTAMPTZ"}


def values(form: str, declared_type: str) -> list:
    """Hostile values of a format for a column of this type."""
    if form not in TEXT_FORMS:
        return FORMATS[form][1]
    taken, refused = TAKEN[declared_type]
    return [Value(quote(text), text, quote(text)) for text in taken + refused]


# What becomes of them


@dataclasses.dataclass(frozen=True)
class Arrives:
    text: str  # for the input function of `type`, which prints what is found


class Refused(Exception):
    """The value doesn't fit."""


def expected(value: Value, target: str, declared_type: str) -> Arrives | None:
    """What a column of this type, the document's `target`, gets; None for NULL. Raises Refused."""
    meaning = value.meaning
    base, _, modifier = declared_type.partition("(")
    modifier = [int(part) for part in modifier.rstrip(")[]").split(",") if part] if not declared_type.endswith("[]") else []
    if meaning is None:
        return None
    if isinstance(meaning, str):
        if meaning not in TAKEN[declared_type][0]:
            raise Refused
        return Arrives(meaning)
    if isinstance(meaning, bytes):
        return Arrives(of_bytes(meaning, base))
    if isinstance(meaning, Nested) and target.endswith("[]"):
        return Arrives(of_list(meaning.elements, declared_type))
    if target in TEXTS or base in ("json", "jsonb"):
        return Arrives(limited(text_of(meaning), modifier))
    if isinstance(meaning, bool):
        return Arrives(of_number(Number(decimal.Decimal(int(meaning)), str(int(meaning))), base, modifier))
    if isinstance(meaning, Number):
        return Arrives(of_number(meaning, base, modifier))
    if isinstance(meaning, Moment):
        return Arrives(of_moment(meaning, base, modifier))
    if isinstance(meaning, Time):
        whole(meaning.at, modifier)
        return Arrives(text_of(meaning))
    return Arrives(of_interval(meaning, declared_type, modifier))


def limited(text: str, modifier: list) -> str:
    if "\0" in text or (modifier and len(text) > modifier[0]):
        raise Refused
    return text


def of_bytes(value: bytes, base: str) -> str:
    if base == "bytea":
        return "\\x" + value.hex()
    if base == "uuid" and len(value) != 16:
        raise Refused
    return value.hex()


def of_list(elements: tuple, declared_type: str) -> str:
    """A literal of an array, each element quoted."""
    def written(element) -> str:
        if element is None:
            return "NULL"
        text = str(element)
        if "\0" in text or (declared_type == "varchar(3)[]" and len(text) > 3) or (
                declared_type == "int4[]" and not text.strip(" ").lstrip("-").isdecimal()) or (
                declared_type == "mood[]" and text not in TAKEN["mood"][0]):
            raise Refused
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "{" + ",".join(map(written, elements)) + "}"


def of_number(number: Number, base: str, modifier: list) -> str:
    value = number.value
    if base in ("int2", "int4", "int8", "oid", "bool"):
        least, most = {"int2": (-2**15, 2**15 - 1), "int4": (-2**31, 2**31 - 1), "int8": (-2**63, 2**63 - 1), "oid": (0, 2**32 - 1), "bool": (0, 1)}[base]
        if not value.is_finite() or value != value.to_integral_value() or not least <= value <= most:
            raise Refused
        return str(int(value))
    if base in ("float4", "float8"):
        return of_float(number, base == "float4")
    if value.is_nan():
        return "NaN"
    if modifier:
        exact = fractions.Fraction(number.text) if value.is_finite() else None
        if exact is None or exact * 10**modifier[1] % 1 or abs(exact) >= 10**(modifier[0] - modifier[1]):
            raise Refused
    text = format(decimal.Decimal(number.text), "f") if value.is_finite() else number.text
    return text.lstrip("-") if number.negative_zero else text


def of_float(number: Number, single: bool) -> str:
    """An integer must be the float; a decimal must be the float's first digits, as many as it has itself."""
    value = number.value
    if not value.is_finite() or number.negative_zero:
        return number.text
    with numpy.errstate(over="ignore"):
        nearest = float(numpy.float32(float(value))) if single else float(value)
    if not math.isfinite(nearest):
        raise Refused
    if number.floating or "." not in number.text:
        fits = decimal.Decimal(nearest) == value
    else:
        digits = len(value.normalize().as_tuple().digits)
        fits = decimal.Decimal(f"{nearest:.{digits - 1}e}") == value
    if not fits:
        raise Refused
    return float_text(nearest, single)


def whole(nanoseconds: int, modifier: list) -> None:
    """PostgreSQL keeps six digits of a second, or as many as the modifier says."""
    if nanoseconds % 10**(9 - (modifier[0] if modifier else 6)):
        raise Refused


def of_moment(moment: Moment, base: str, modifier: list) -> str:
    if moment.at is None:
        raise Refused
    if moment.at in (FOREVER, "-infinity"):
        return moment.at
    if base == "date":
        day, rest = divmod(moment.at, DAY)
        if rest or not -2_440_588 <= day < 2_145_042_906:
            raise Refused
        return date_text(day)
    whole(moment.at, modifier)
    if not -210_866_803_200 * 10**9 <= moment.at < 9_224_318_016_000 * 10**9:
        raise Refused
    return text_of(Moment(moment.at, "instant" if base == "timestamptz" else "timestamp"))


def of_interval(interval: Interval, declared_type: str, modifier: list) -> str:
    text_of(interval)
    if declared_type == "interval year" and (interval.months % 12 or interval.days or interval.nanoseconds):
        raise Refused
    whole(interval.nanoseconds, modifier)
    return text_of(interval)


def date_text(day: int) -> str:
    year, month, day = civil(day)
    return f"{year if year > 0 else 1 - year:04}-{month:02}-{day:02}" + (" BC" if year <= 0 else "")


@functools.cache
def civil(day: int) -> tuple:
    """Year (0 is 1 BC), month and day of a day since 1970. The calendar repeats itself every 146,097 days: numpy's does the rest."""
    cycles, rest = divmod(day, 146_097)
    year, month, day = str(numpy.datetime64(rest, "D")).split("-")
    return int(year) + 400 * cycles, int(month), int(day)


def clock(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, 10**9)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" + (f".{fraction:09}".rstrip("0") if fraction else "")


@functools.singledispatch
def text_of(meaning) -> str:
    """What it is in a text column."""
    raise TypeError(meaning)


@text_of.register
def _(meaning: bool) -> str:
    return "true" if meaning else "false"


@text_of.register
def _(meaning: Number) -> str:
    return meaning.text


@text_of.register
def _(meaning: Nested) -> str:
    return meaning.json


@text_of.register
def _(meaning: Time) -> str:
    if not 0 <= meaning.at <= DAY:
        raise Refused
    return clock(meaning.at)


@text_of.register
def _(meaning: Moment) -> str:
    if meaning.at is None:
        raise Refused
    if meaning.at in (FOREVER, "-infinity"):
        return meaning.at
    day, rest = divmod(meaning.at, DAY)
    text = date_text(day)
    if meaning.kind == "date" or (meaning.kind == "date64" and rest == 0):
        return text
    text, _, era = text.partition(" ")
    return f"{text} {clock(rest)}" + ("+00" if meaning.kind == "instant" else "") + (" " + era if era else "")


@text_of.register
def _(meaning: Interval) -> str:
    """PostgreSQL's own style; a part behind a negative one shows its sign."""
    if not -2**63 <= meaning.nanoseconds < 2**63:
        raise Refused
    parts, negative = [], False
    years, months = (int(math.copysign(part, meaning.months)) for part in divmod(abs(meaning.months), 12))
    for amount, unit in ((years, "year"), (months, "mon"), (meaning.days, "day")):
        if amount:
            parts.append(f"{'+' if negative and amount > 0 else ''}{amount} {unit}{'' if amount == 1 else 's'}")
            negative = amount < 0
    if meaning.nanoseconds or not parts:
        sign = "-" if meaning.nanoseconds < 0 else "+" if negative else ""
        parts.append(sign + clock(abs(meaning.nanoseconds)))
    return " ".join(parts)
