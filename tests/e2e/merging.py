"""What the tests of merging share: kinds of table, rows that change, and what a target must hold, worked out in Python.

The rules are docs/writing.md's, written down once more and row by row: nothing here goes through thaw or SQL.
"""

import dataclasses
import datetime
import decimal
import random

COLUMNS = {"code": "text", "part": "int", "seq": "int", "name": "text", "amount": "decimal(12,2)", "at": "timestamp"}
NAMES = list(COLUMNS)
TYPES = {"code": "varchar(20)", "part": "integer", "seq": "bigint", "name": "text", "amount": "numeric(12,2)", "at": "timestamp"}
MAPPING = {"name": "label", "at": "changed_at", "seq": "number"}
FILTERED_OUT = 3  # of `part`
START = datetime.datetime(2026, 1, 1)


@dataclasses.dataclass(frozen=True)
class Kind:
    key: tuple = ()  # source names
    filter: bool = False
    watermark: bool = False
    truncate: bool = False
    insert_only: bool = False
    mapped: bool = False

    @property
    def merges(self) -> bool:
        return bool(self.key) and (self.insert_only or not self.truncate)

    def target_name(self, name: str) -> str:
        return MAPPING.get(name, name) if self.mapped else name

    def table(self) -> dict:
        """Its entry of tables[]."""
        table: dict = {"source": "t", "target": "t", "batch_size": 120}
        if self.key:
            table["uniqueness_columns"] = [self.target_name(name) for name in self.key]
        else:
            table["chunking_columns"] = ["seq"]
        if self.filter:
            table["source_filter"] = f'"part" <> {FILTERED_OUT}'
        if self.watermark:
            table |= {"source_watermark": "at", "target_watermark": self.target_name("at")}
        if self.mapped:
            table["column_mapping"] = MAPPING
        return table | {name: True for name, on in (("truncate_onstart", self.truncate), ("insert_only_mode", self.insert_only)) if on}

    def create(self) -> list:
        """A column that the source hasn't got must keep what is in it."""
        columns = ", ".join(f"{self.target_name(name)} {type_}" for name, type_ in TYPES.items())
        key = ", ".join(self.target_name(name) for name in self.key)
        return [f"CREATE TABLE t ({columns}, remark text DEFAULT 'new')",
                *([f"CREATE UNIQUE INDEX ON t ({key})"] if self.merges else []),
                *([f"ALTER TABLE t ALTER {self.target_name(name)} SET NOT NULL" for name in self.key] if self.merges else [])]

    def query(self) -> str:
        return f"SELECT {', '.join(self.target_name(name) for name in NAMES)}, remark FROM t"


INT, TEXT, SEVERAL = ("seq",), ("code",), ("code", "part")
KINDS = {
    "upsert": Kind(INT),
    "upsert-filter": Kind(INT, filter=True),
    "upsert-varchar": Kind(TEXT),
    "upsert-composite": Kind(SEVERAL),
    "upsert-watermark": Kind(INT, watermark=True),
    "upsert-varchar-mapped": Kind(TEXT, mapped=True),
    "upsert-composite-watermark-filter-mapped": Kind(SEVERAL, watermark=True, filter=True, mapped=True),
    "insert_only": Kind(INT, insert_only=True),
    "insert_only-composite-filter": Kind(SEVERAL, insert_only=True, filter=True),
    "insert_only-varchar-mapped": Kind(TEXT, insert_only=True, mapped=True),
    "insert_only-watermark": Kind(INT, insert_only=True, watermark=True),
    "no_key": Kind(),
    "no_key-filter-mapped": Kind(filter=True, mapped=True),
    "no_key-truncate-watermark": Kind(truncate=True, watermark=True),
    "varchar-truncate-filter": Kind(TEXT, truncate=True, filter=True),
    "composite-truncate-watermark-mapped": Kind(SEVERAL, truncate=True, watermark=True, mapped=True),
    "insert_only-truncate": Kind(INT, truncate=True, insert_only=True),
    "insert_only-varchar-truncate-filter-watermark": Kind(TEXT, truncate=True, insert_only=True, filter=True, watermark=True),
}


@dataclasses.dataclass
class Counts:
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0
    duplicate: int = 0

    def line(self) -> tuple:
        return dataclasses.astuple(self)


def is_newer(left, right) -> bool:
    return left is not None and (right is None or left > right)


def apply(kind: Kind, source: list, target: list) -> tuple:
    """The target's rows (with their remark) after a run, and what became of the source's."""
    counts = Counts()
    rows = [row for row in source if not kind.filter or (row["part"] is not None and row["part"] != FILTERED_OUT)]
    target = [] if kind.truncate else [dict(row) for row in target]
    if not kind.merges:
        return target + [row | {"remark": "new"} for row in rows], counts
    best: dict = {}
    for row in rows:
        key = tuple(row[name] for name in kind.key)
        counts.duplicate += key in best
        if key not in best or (kind.watermark and is_newer(row["at"], best[key]["at"])):
            best[key] = row
    there = {tuple(row[name] for name in kind.key): row for row in target}
    for key, row in best.items():
        found = there.get(key)
        if found is None:
            target.append(row | {"remark": "new"})
            counts.inserted += 1
        elif kind.insert_only or all(found[name] == row[name] for name in NAMES):
            counts.unchanged += 1
        elif kind.watermark and is_newer(found["at"], row["at"]):
            counts.older += 1
        else:
            found.update(row)
            counts.updated += 1
    return target, counts


def make(numbers: random.Random, seq: int) -> dict:
    return {"code": f"c{seq:04}", "part": seq % 5, "seq": seq, "name": f"name {numbers.randrange(1000)}" if seq % 7 else None,
            "amount": decimal.Decimal(numbers.randrange(10**6)) / 100, "at": START + datetime.timedelta(minutes=seq) if seq % 11 else None}


def first_source(kind: Kind, numbers: random.Random) -> list:
    rows = [make(numbers, seq) for seq in range(360)]
    if kind.key:
        rows += [dict(row) for row in rows[5:300:29]]  # equal to the last byte
    if kind.key and kind.watermark:
        rows += [row | {"name": "superseded", "at": row["at"] - datetime.timedelta(days=1)} for row in rows[1:300:31] if row["at"]]
        rows += [row | {"name": "of no time", "at": None} for row in rows[2:300:37] if row["at"]]
    numbers.shuffle(rows)
    return rows


def first_target(kind: Kind, numbers: random.Random) -> list:
    """Some of the source's keys, equal, different, newer, of no time; and keys that the source hasn't got."""
    rows = [make(numbers, seq) | {"remark": "old"} for seq in range(300, 420)]
    for number, row in enumerate(rows):
        if number % 3 == 0 and row["at"]:
            row["at"] += datetime.timedelta(days=number % 2 * 2 - 1)
        elif number % 3 == 1:
            row["at"] = None
    return rows


def change(kind: Kind, source: list, numbers: random.Random) -> list:
    """Rows inserted, updated with a newer watermark, corrected at the same one, late, deleted; values and watermarks that
    become NULL. Rows of one key stay equal where nothing tells them apart."""
    changed: dict = {}
    rows = []
    for row in source:
        if row["seq"] in changed and not kind.watermark:
            rows.append(dict(changed[row["seq"]]))
            continue
        new = dict(row)
        what = row["seq"] % 10
        if what == 1 and row["at"]:
            new |= {"name": f"newer {numbers.random()}", "at": row["at"] + datetime.timedelta(days=30)}
        elif what == 2 and not kind.watermark:  # below the floor it would not be read
            new["name"] = f"corrected {row['seq']} {row['at']} {numbers.randrange(10)}"
        elif what == 3 and row["at"]:
            new |= {"name": f"late {numbers.random()}", "at": row["at"] - datetime.timedelta(days=9)}
        elif what == 4:
            new |= {"name": None, "at": None}
        if what != 5:
            rows.append(new)
        changed[row["seq"]] = new
    top = max(row["seq"] for row in source)
    rows += [make(numbers, seq) for seq in range(top + 1, top + 60)]
    if kind.watermark:
        rows = distinct_moments(kind, rows)
    numbers.shuffle(rows)
    return rows


def distinct_moments(kind: Kind, rows: list) -> list:
    """Rows of one key and moment differ in nothing: which of two that do counts has a test of its own."""
    seen: dict = {}
    for row in rows:
        key = (tuple(row[name] for name in kind.key) or row["seq"], row["at"])
        seen.setdefault(key, row)
    return [row for row in rows if seen[(tuple(row[name] for name in kind.key) or row["seq"], row["at"])] == row]


def values(rows: list) -> str:
    """A SELECT of the rows for Source.insert()."""

    def literal(value) -> str:
        return "NULL" if value is None else f"'{value}'"

    return "SELECT * FROM (VALUES " + ", ".join(f"({', '.join(literal(row[name]) for name in NAMES)})" for row in rows) + ") AS v"
