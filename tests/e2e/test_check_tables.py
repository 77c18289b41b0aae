"""`thaw check` on tables: each thing that it knows of a table, its columns and its privileges, provoked."""

import dataclasses
import re

import pytest

from checks import Role, check
from marks import both_sources, both_versions
from thaw import ROOT

COLUMNS = {"id": "int", "name": "text", "amount": "decimal(12,2)"}
TARGET = "CREATE TABLE t (id bigint, name text, amount numeric(12,2))"
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"]}
TRUNCATED = {**TABLE, "truncate_onstart": True}


def prepare(migration, *target: str, columns: dict = COLUMNS):
    row = {"int": "i", "text": "'n' || i", "decimal(12,2)": "i / 4", "float": "i + 0.5", "binary": "'x'::BLOB"}
    table = migration.source.table("t", columns, f"SELECT {', '.join(row[kind] for kind in columns.values())} FROM range(100) AS r(i)")
    migration.target.execute(*target)
    return table


@both_sources
@both_versions
def test_where_nothing_is_wrong_nothing_is_said(migration):
    prepare(migration, TARGET)
    checked = check(migration, TABLE)
    assert checked.codes("problem") == checked.codes("remark") == [], str(checked)
    assert {found.code for found in checked.of("ok")} == {
        "connection", "connections", "max_wal_size", "disk_space", "keepalives", "ledger", "source_table", "target_table", "chunking",
        "pair", *(["snapshot"] if migration.source.kind == "snowflake" else [])}
    assert "about" in checked.one("disk_space").text
    assert [pair["target_type"] for pair in checked.answer["tables"][0]["columns"]] == ["bigint", "text", "numeric(12,2)"]


@dataclasses.dataclass(frozen=True)
class Case:
    """What has to be done to the target (its table t included) for this one finding, the only one that isn't ok."""

    target: tuple
    grade: str
    code: str
    words: tuple
    table: dict = dataclasses.field(default_factory=lambda: TABLE)
    columns: dict = dataclasses.field(default_factory=lambda: COLUMNS)


PARTITIONED = "CREATE TABLE t (id bigint, name text, amount numeric(12,2)) PARTITION BY RANGE (id)"
NOTHING = ("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",)
KEY = {**TRUNCATED, "chunking_columns": None, "uniqueness_columns": ["id"]}
CASES = {
    "missing_table": Case(('CREATE TABLE "T" (id bigint)',), "problem", "target_table", ('has no table "t"', 'did you mean "T"')),
    "missing_schema": Case((TARGET,), "problem", "target_table", ('no schema "publik"', 'did you mean "public"'),
                           TABLE | {"_schema": "publik"}),
    "view": Case((TARGET.replace(" t ", " other "), "CREATE VIEW t AS SELECT * FROM other"), "problem", "target_table", ("is a view",)),
    "materialized_view": Case((TARGET.replace(" t ", " other "), "CREATE MATERIALIZED VIEW t AS SELECT * FROM other"), "problem",
                              "target_table", ("is a materialized view",)),
    "sequence": Case(("CREATE SEQUENCE t",), "problem", "target_table", ("not a table",)),
    "unlogged": Case((TARGET.replace("CREATE", "CREATE UNLOGGED"),), "problem", "target_table", ("UNLOGGED", "SET LOGGED")),
    "unlogged_partition": Case((PARTITIONED, "CREATE UNLOGGED TABLE p PARTITION OF t DEFAULT"), "problem", "target_table",
                               ("partitions", "public.p")),
    "referenced": Case((TARGET, "ALTER TABLE t ADD CONSTRAINT k UNIQUE (id)", "CREATE TABLE child (t bigint REFERENCES t (id))"), "problem",
                       "referenced", ("public.child (child_t_fkey)", "with CASCADE"), TRUNCATED),
    "foreign_keys": Case(("CREATE TABLE parent (id bigint PRIMARY KEY)", TARGET,
                          "ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES parent"), "remark", "foreign_keys",
                         ("t_id_fkey to public.parent", "first")),
    "trigger": Case((TARGET, *NOTHING, "CREATE TRIGGER stamp BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing()"), "remark",
                    "triggers", ("stamp", "DISABLE TRIGGER")),
    "truncate_trigger": Case((TARGET, *NOTHING, "CREATE TRIGGER gone AFTER TRUNCATE ON t EXECUTE FUNCTION nothing()"), "remark",
                             "triggers", ("gone",), TRUNCATED),
    "indexes": Case((TARGET, "CREATE INDEX by_name ON t (name)", "CREATE UNIQUE INDEX by_id ON t (id)"), "remark", "indexes",
                    ("2 indexes", "by_id, by_name")),
    "partitioned": Case((PARTITIONED, "CREATE TABLE p1 PARTITION OF t FOR VALUES FROM (0) TO (50)", "CREATE TABLE p2 PARTITION OF t DEFAULT"),
                        "remark", "partitioned", ("2 partitions",)),
    "no_unique_index": Case((TARGET,), "remark", "uniqueness_columns", ('("id")', 'CREATE UNIQUE INDEX ON ... ("id")'), KEY),
    "not_null": Case((TARGET.replace(")", ", must int NOT NULL)").replace("12,2, must int NOT NULL)", "12,2)"),), "problem", "columns",
                     ('"must"', "NOT NULL")),
    "mapped_source_missing": Case((TARGET,), "problem", "columns", ('source column "ID"',), TABLE | {"column_mapping": {"ID": "id"}}),
    "two_into_one": Case((TARGET,), "problem", "columns", ('two source columns go into the target column "name"',),
                         TABLE | {"column_mapping": {"amount": "name"}}),
    "pair": Case(("CREATE TABLE t (id bigint, bytes integer)",), "problem", "pair", ("bytes -> bytes",), TABLE,
                 {"id": "int", "bytes": "binary"}),
    "left_out": Case(("CREATE TABLE t (id bigint, name text)",), "remark", "left_out", ('"amount"',)),
    "left_out_generated": Case(("CREATE TABLE t (id bigint, name text, amount numeric GENERATED ALWAYS AS (id * 2) STORED)",), "remark",
                               "left_out", ('"amount"',)),
    "no_chunking_column": Case((TARGET,), "remark", "chunking", ("one chunk", "chunking_columns"), {"source": "t", "target": "t"}),
    "chunking_column_missing": Case((TARGET,), "problem", "chunking", ('"Id"',), TABLE | {"chunking_columns": ["Id"]}),
    "chunking_column_of_floats": Case(("CREATE TABLE t (id bigint, ratio float8)",), "problem", "chunking", ('"ratio"',),
                                      TABLE | {"chunking_columns": ["ratio"]}, {"id": "int", "ratio": "float"}),
    "declared_types": Case((TARGET,), "remark", "chunking_column_types", ('"name" is', "not date"),
                           TABLE | {"chunking_columns": ["name"], "chunking_column_types": ["date"]}),
    "rows_there": Case((TARGET, "INSERT INTO t VALUES (1)"), "remark", "target_rows", ("beside them", "truncate_onstart")),
    "rows_to_be_truncated": Case((TARGET, "INSERT INTO t VALUES (1)"), "remark", "target_rows", ("truncates",), TRUNCATED),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_thing_about_the_target_is_told(migration, case):
    prepare(migration, *case.target, columns=case.columns)
    table = {name: value for name, value in case.table.items() if name != "_schema"}
    config = migration.config(table)
    config["sources"][0]["target_pg_schema"] = case.table.get("_schema", "public")
    checked = check(migration, config=config)
    unavoidable = {"referenced": ["indexes"], "unlogged_partition": ["partitioned"]}.get(case.code, [])
    told = [found for found in checked.of("problem") + checked.of("remark") if found.code not in unavoidable and
            not (found.code == "partitioned" and case.code == "target_table")]
    assert [(found.grade, found.code) for found in told] == [(case.grade, case.code)], str(checked)
    for word in case.words:
        assert word in told[0].text, str(checked)


QUIET = {
    "disabled_trigger": ((TARGET, *NOTHING, "CREATE TRIGGER stamp BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing()",
                          "ALTER TABLE t DISABLE TRIGGER stamp"), TABLE, set()),
    "update_trigger": ((TARGET, *NOTHING, "CREATE TRIGGER stamp BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nothing()"), TABLE, set()),
    "truncate_trigger_without_truncation": ((TARGET, *NOTHING, "CREATE TRIGGER gone AFTER TRUNCATE ON t EXECUTE FUNCTION nothing()"), TABLE,
                                            set()),
    "referenced_without_truncation": ((TARGET, "ALTER TABLE t ADD UNIQUE (id)", "CREATE TABLE child (t bigint REFERENCES t (id))"), TABLE,
                                      {"indexes"}),
    "unique_index": ((TARGET, "CREATE UNIQUE INDEX ON t (id)"), KEY, {"indexes"}),
    "unique_index_with_more_in_its_leaves": ((TARGET, "CREATE UNIQUE INDEX ON t (id) INCLUDE (name)"), KEY, {"indexes"}),
    "not_null_with_default": (("CREATE TABLE t (id bigint, name text, amount numeric, n int NOT NULL DEFAULT 7, i int GENERATED ALWAYS AS "
                               "IDENTITY)",), TABLE, set()),
    "whole_as_configured": ((TARGET,), {"source": "t", "target": "t", "chunking": "whole"}, set()),
}


@pytest.mark.parametrize("case", QUIET.values(), ids=QUIET.keys())
def test_what_only_looks_like_it_is_not_told(migration, case):
    statements, table, allowed = case
    prepare(migration, *statements)
    checked = check(migration, table)
    assert not checked.of("problem") and set(checked.codes("remark")) == allowed, str(checked)


@pytest.mark.parametrize("index", ["CREATE UNIQUE INDEX ON t (id, name)", "CREATE UNIQUE INDEX ON t (id) WHERE id > 5", "CREATE INDEX ON t (id)",
                                   "CREATE UNIQUE INDEX ON t ((id + 1))", "ALTER TABLE t ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED"],
                         ids=["more_columns", "partial", "not_unique", "expression", "deferred"])
def test_an_index_that_is_no_key(migration, index):
    prepare(migration, TARGET, index)
    assert check(migration, KEY).codes("remark") == ["indexes", "uniqueness_columns"]


# Privileges


@pytest.mark.parametrize("without", [("INSERT",), ("SELECT",), ("TRUNCATE",), ("INSERT", "SELECT", "TRUNCATE"), ("USAGE",)], ids="-".join)
def test_every_privilege_that_is_missing_is_told_with_its_grant(migration, without):
    prepare(migration, TARGET)
    role = Role(migration.target, without=without)
    if "USAGE" in without:
        migration.target.execute("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    try:
        checked = check(migration, config=migration.config(TRUNCATED) | role.config())
        assert checked.codes("problem") == ["target_privileges"] * len(without), str(checked)
        for privilege, found in zip(without, checked.of("problem")):
            assert f"lacks {privilege}" in found.text and f"GRANT {privilege}" in found.text and role.name in found.text
    finally:
        role.drop()


def test_columns_that_may_not_be_filled_are_told(migration):
    prepare(migration, TARGET)
    role = Role(migration.target, without=("INSERT",))
    migration.target.execute(f'GRANT INSERT (id) ON t TO "{role.name}"')
    try:
        checked = check(migration, config=migration.config(TABLE) | role.config())
        assert checked.codes("problem") == ["target_privileges"], str(checked)
        assert '"name", "amount"' in checked.one("target_privileges").text
    finally:
        role.drop()


def test_row_security_that_applies_is_told(migration):
    prepare(migration, TARGET, "ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    role = Role(migration.target)
    try:
        checked = check(migration, config=migration.config(TABLE) | role.config())
        assert checked.codes("problem") == ["target_table"] and "BYPASSRLS" in checked.one("target_table").text
        assert not check(migration, TABLE).of("problem"), "the superuser bypasses it"
    finally:
        role.drop()


def test_a_table_that_somebody_locks_is_told(migration):
    prepare(migration, TARGET)
    with migration.target.connect() as other:
        other.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        checked = check(migration, TABLE)
        assert checked.codes("problem") == ["target_rows"] and "lock" in checked.one("target_rows").text
        other.rollback()
    assert checked.finished.seconds < 30


# The source's tables


@both_sources
@pytest.mark.parametrize("table, code, words", [
    ({"source": "T"}, "source_table", ('did you mean "t"',)),
    ({"source": "visits"}, "source_table", ("visits", "the schema has 1 other")),
    ({"source_filter": '"idd" > 5'}, "source_filter", ("idd",)),
    ({"source_filter": '"id" >'}, "source_filter", ("id",)),
], ids=["name_in_another_case", "missing", "filter_of_unknown_column", "filter_that_is_no_sql"])
def test_a_thing_about_the_source_is_told(migration, table, code, words):
    prepare(migration, TARGET)
    checked = check(migration, TABLE | table)
    assert checked.codes("problem") == [code], str(checked)
    for word in words:
        assert word in checked.one(code).text, str(checked)


SNAPSHOTS = {
    # settings, fault of the double, grade, code, words
    "auto": ("snowflake", {}, 0, "ok", "snapshot", ("as it was",)),
    "auto_without_past": ("snowflake", {}, 1, "remark", "snapshot", ("one after the other", "DATA_RETENTION_TIME_IN_DAYS")),
    "time_travel_without_past": ("snowflake", {"snapshot": "time_travel"}, 1, "problem", "snapshot", ("can't show it", "Time travel data")),
    "materialize": ("snowflake", {"snapshot": "materialize", "scratch_schema": "PUBLIC"}, 1, "ok", "scratch_schema", ("PUBLIC",)),
    "materialize_nowhere": ("snowflake", {"snapshot": "materialize", "scratch_schema": "NOWHERE"}, 0, "problem", "scratch_schema",
                            ("NOWHERE", "making the scratch table", "needs CREATE TABLE")),
    "materialize_in_a_file": ("duckdb", {"snapshot": "materialize"}, 0, "ok", "scratch_schema", ("folder",)),
}


@pytest.mark.parametrize("source, settings, no_past, grade, code, words", SNAPSHOTS.values(), ids=SNAPSHOTS.keys(), indirect=["source"])
def test_whether_one_moment_can_be_had(migration, request, tmp_path, settings, no_past, grade, code, words):
    prepare(migration, TARGET)
    if no_past:
        request.getfixturevalue("double").control({"no_past": 1})
    checked = check(migration, TABLE, **settings)
    found = checked.one(code)
    assert found.grade == grade, str(checked)
    for word in words:
        assert word in found.text, str(checked)
    assert {finding.code for finding in checked.of("problem") + checked.of("remark")} <= {code}, str(checked)
    assert not list(tmp_path.glob("*scratch*")), "a scratch file was left"


WATERMARKS = {
    "text": ("name", "name", {}, "remark"),
    "floats": ("ratio", "ratio", {}, "remark"),
    "exact_numbers": ("amount", "amount", {}, None),
    "emptied_first": ("name", "name", {"truncate_onstart": True}, None),
}


@pytest.mark.parametrize("source_column, target_column, table, grade", WATERMARKS.values(), ids=WATERMARKS.keys())
def test_whether_a_watermark_gives_a_floor(migration, source_column, target_column, table, grade):
    prepare(migration, "CREATE TABLE t (id bigint PRIMARY KEY, name text, amount numeric(12,2), ratio float8)",
            columns=COLUMNS | {"ratio": "float"})
    checked = check(migration, TABLE | {"uniqueness_columns": ["id"], "source_watermark": source_column, "target_watermark": target_column} | table)
    assert not checked.of("problem"), str(checked)
    assert [(found.grade, found.code) for found in checked.findings if found.code == "source_watermark"] == (
        [(grade, "source_watermark")] if grade else []), str(checked)
    if grade:
        assert "every run reads the whole table" in checked.one("source_watermark").text


@both_sources
def test_a_good_filter_that_ends_with_a_comment(migration):
    prepare(migration, TARGET)
    assert not check(migration, TABLE | {"source_filter": "\"id\" > 5 -- the rest is old"}).of("problem")


@both_sources
def test_a_view_is_told(migration):
    prepare(migration, TARGET)
    relation = migration.source.relation
    migration.source.execute(f'CREATE VIEW {relation("v")} AS SELECT * FROM {relation("t")}')
    checked = check(migration, TABLE | {"source": "v"})
    assert checked.codes("problem") == [] and checked.codes("remark") == ["view"], str(checked)
    assert "1 table that nobody counted" in checked.one("disk_space").text


@both_sources
def test_the_sources_own_key_cuts_the_table(migration):
    known = migration.source.relation("known")
    migration.source.execute(f"CREATE TABLE {known} (\"a\" BIGINT, \"b\" BIGINT, PRIMARY KEY (\"b\", \"a\"))")
    migration.target.execute("CREATE TABLE known (a bigint, b bigint)")
    found = check(migration, {"source": "known", "target": "known"}).one("chunking")
    assert found.grade == "ok" and re.search(r'"b" \(.*\), "a" \(', found.text), found


@both_sources
def test_a_hash_that_was_asked_for(migration):
    prepare(migration, TARGET)
    found = check(migration, {"source": "t", "target": "t", "chunking": "hash"}).one("chunking")
    assert found.grade == "ok" and "hash of" in found.text and '"id"' in found.text


def test_a_large_table_without_any_order(migration):
    columns = ", ".join(f"NULL::JSON AS c{i}" for i in range(1, 100))
    migration.source.execute(f"CREATE TABLE {migration.source.relation('wide')} AS SELECT repeat('x', 10) AS c0, {columns} "
                             "FROM range(100000)")
    migration.target.execute(f"CREATE TABLE wide (c0 text, {', '.join(f'c{i} json' for i in range(1, 100))})")
    found = check(migration, {"source": "wide", "target": "wide"}).one("chunking")
    assert found.grade == "remark" and "reads the whole table for each chunk" in found.text


@both_sources
def test_nothing_pairs(migration):
    prepare(migration, "CREATE TABLE t (other bigint)")
    checked = check(migration, TABLE | {"chunking_columns": ["id"]})
    assert checked.codes("problem") == ["columns"] and "column_mapping" in checked.one("columns").text


# All of it


@both_sources
@both_versions
def test_everything_at_once_and_nothing_is_changed(migration):
    source, target = migration.source, migration.target
    prepare(migration, "CREATE TABLE t (id bigint PRIMARY KEY, name text, amount point, must int NOT NULL)",
            "CREATE TABLE child (t bigint REFERENCES t)", "INSERT INTO t VALUES (1, 'n', NULL, 1)")
    role = Role(target, without=("INSERT", "TRUNCATE"))
    state = "SELECT (SELECT json_agg(c ORDER BY oid) FROM pg_class c)::text, (SELECT json_agg(n ORDER BY oid) FROM pg_namespace n)::text, " \
            "(SELECT json_agg(t.xmin::text || t::text) FROM t)"
    before = target.rows(state)
    file = source.file.read_bytes() if source.kind == "duckdb" else source.double.mark()
    try:
        tables = [{**TRUNCATED, "source_filter": '"nix" = 1'}, {**TABLE, "source": "nix", "target": "nix"}]
        checked = check(migration, config=migration.config(*tables) | role.config())
        assert checked.codes("problem") == ["columns", "pair", "referenced", "source_filter", "source_table", "target_privileges",
                                            "target_privileges", "target_table"], str(checked)
        text = migration.thaw.run("check").expect(1).stdout
        assert "8 problems, 1 remark; nothing was changed" in text
        assert len(re.findall(r"^  problem  ", text, re.M)) == 8 and len(re.findall(r"^  remark   ", text, re.M)) == 1
        assert target.rows(state) == before
        if source.kind == "duckdb":
            assert source.file.read_bytes() == file
        else:
            verbs = {statement.split()[0].upper() for statement in source.double.statements()}
            assert verbs <= {"ALTER", "USE", "SHOW", "DESCRIBE", "SELECT"}
            assert all(statement.startswith("ALTER SESSION") for statement in source.double.statements() if statement.startswith("ALTER"))
    finally:
        role.drop()


def test_only_the_selected_tables(migration):
    prepare(migration, TARGET)
    config = migration.config(TABLE, {**TABLE, "source": "nix", "target": "nix"})
    assert check(migration, config=config, arguments=("--table", "t")).codes("problem") == []
    assert len(check(migration, config=config).answer["tables"]) == 2
    migration.thaw.run("check", "--table", "nichts").expect(2).says("nichts")


def test_a_configuration_that_is_not_valid_is_a_usage_error(migration):
    config = migration.config(TABLE)
    config["paralel_threads"] = 2
    migration.thaw.write(config)
    migration.thaw.run("check").expect(2).says("parallel_threads")


def test_the_documentation_lists_every_code():
    """docs/commands.md, in the command's own section: | `code` | grades | ... |"""
    section = (ROOT / "docs/commands.md").read_text(encoding="utf-8").split("\n## thaw check\n")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", section, re.M))
    written = set()
    for file in ("check.c", "check_judge.c"):
        text = (ROOT / "src/run" / file).read_text(encoding="utf-8")
        written |= set(re.findall(r'(?:CHECK_(?:OK|REMARK|PROBLEM),|add_failure\([^"]*?|\? )\s*"([a-z_]+)"', text))
        written |= set(re.findall(r'static const char \w+\[\] = "([a-z_]+)"', text))
    assert written and documented == written
