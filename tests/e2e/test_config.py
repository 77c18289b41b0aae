"""The configuration: the JSON Schema against the program's own judgement, and what `thaw validate` says."""

import copy
import json
import re

import jsonschema
import pytest

from thaw import ROOT, Thaw

SCHEMA = json.loads((ROOT / "schema/config.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PEM = "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n"

DUCKDB = {"duckdb": {"path": "x.db"}, "postgres": {},
          "sources": [{"source_name": "s", "tables": [{"source": "A", "target": "a"}]}]}
SNOWFLAKE = {"snowflake": {"account": "a", "user": "u", "password": "p"}, "postgres": {},
             "sources": [{"source_name": "s", "source_sf_database": "D", "source_sf_schema": "S",
                          "tables": [{"source": "A", "target": "a"}]}]}
ADBC = {"adbc": {"driver": "d", "dialect": "duckdb"}, "postgres": {}, "sources": DUCKDB["sources"]}
REMOVED = object()


def change(base: dict, place: str, **values) -> dict:
    """A copy of `base` in which the object at `place` ("", "snowflake", "sources.0.tables.0") has other members."""
    document = copy.deepcopy(base)
    found = document
    for step in filter(None, place.split(".")):
        found = found[int(step)] if step.isdigit() else found[step]
    for name, value in values.items():
        if value is REMOVED:
            found.pop(name, None)
        else:
            found[name] = value
    return document


def top(**values) -> dict:
    return change(DUCKDB, "", **values)


def feed(**values) -> dict:
    return change(DUCKDB, "sources.0", **values)


def table(**values) -> dict:
    return change(DUCKDB, "sources.0.tables.0", **values)


def snowflake(**values) -> dict:
    return change(SNOWFLAKE, "snowflake", **values)


def postgres(**values) -> dict:
    return change(DUCKDB, "postgres", **values)


def option(name: str, value="x") -> dict:
    return snowflake(options={name: value})


CLIENT = "adbc.snowflake.sql.client_option."

# Both agree.
GOOD = {
    "secrets by reference": postgres(port="secretsmanager:db#port", sslmode="ssm:/sslmode", password="secretsmanager:db#password"),
    "duckdb": DUCKDB,
    "snowflake": SNOWFLAKE,
    "adbc": ADBC,
    "remarks everywhere": change(change(change(top(_x=1, note="${UNSET}", comment={}), "duckdb", _y=[], note=1), "sources.0",
                                        _z=1, comment=0), "sources.0.tables.0", _a=1, note=2),
    "remarks of older configurations": change(change(top(estimated_rows=5), "sources.0", status_tracking={}),
                                              "sources.0.tables.0", estimated_rows="many", status_tracking=True),
    "null is absent": change(top(parallel_threads=None, snapshot=None, snowflake=None, adbc=None, memory_limit_mb=None),
                             "sources.0.tables.0", chunking=None, uniqueness_columns=None, column_mapping=None,
                             source_watermark=None, truncate_onstart=None, enabled=None, source_filter=None),
    "schema for editors": top(**{"$schema": "../schema/config.schema.json"}),
    "all settings": top(parallel_threads=256, batch_size=1, batch_size_copy_mode=10**12, max_retry_attempts=10,
                        resume_max_age=0.5, lambda_timeout_buffer_seconds=30, insert_only_mode=False, snapshot="none",
                        memory_limit_mb=512, on_bad_row="stop", nul_bytes="error", rounding="error"),
    "values may change": top(nul_bytes="remove", rounding="allow"),
    "rows may be set aside": change(top(on_bad_row="reject", max_rejects=0), "sources.0.tables.0", max_rejects="${N:-5}"),
    "materialize": change(top(snapshot="materialize", scratch_schema="S"), "sources.0.tables.0", scratch_schema="${N:-T}"),
    "settings of a source": feed(parallel_threads=1, snapshot="auto", insert_only_mode=False),
    "memory for a worker": {**snowflake(), "memory_limit_mb": 144},
    "settings of a table": table(memory_limit_mb="${N:-103}", parallel_threads=1, resume_max_age=1, rounding="error"),
    "references": change(top(parallel_threads="${N:-3}", resume_max_age="${N:-0.5}", snapshot="${N:-none}",
                             insert_only_mode="${N:-false}"), "sources.0.tables.0", truncate_onstart="${N:-true}",
                         source="${N:-T}", chunking_columns=["${N:-c}"], chunking_column_types=["${N:-int}"]),
    "disable_index": table(disable_index=True),
    "upsert": table(uniqueness_columns=["id"]),
    "upsert, truncate_onstart false": table(uniqueness_columns=["id"], truncate_onstart=False, sort_columns=["a", "b"]),
    "insert-only": table(uniqueness_columns=["id"], insert_only_mode=True),
    "insert-only everywhere": top(insert_only_mode=True),
    "watermarks": table(uniqueness_columns=["id"], source_watermark="a", target_watermark="b"),
    "watermarks of a table that is emptied": table(truncate_onstart=True, source_watermark="a", target_watermark="b"),
    "key with truncate_onstart": table(uniqueness_columns=["a", "b"], truncate_onstart=True),
    "empty lists of columns": table(uniqueness_columns=[], chunking_columns=[], chunking_column_types=[], sort_columns=[],
                                    column_mapping={}),
    "range by columns": table(chunking="range", chunking_columns=["a"], chunking_column_types=["timestamp_ltz"]),
    "range by key": table(chunking="range", uniqueness_columns=["a"], truncate_onstart=True),
    "whole": table(chunking="whole", source_filter="a = 1"),
    "hash of anything": table(chunking="hash"),
    "hash of columns": table(chunking="hash", chunking_columns=["a", "b"]),
    "numbers in text": table(chunking_columns=["a"], chunking_column_types=["varchar_numeric"]),
    "mapping of odd names": table(column_mapping={"note": "note", "_x": "x y", "Ü \"": "ü", "gone": None}),
    "63 characters": table(target="x" * 63),
    "disabled": feed(tables=[{"source": "A", "target": "a"}, {"source": "A", "target": "a", "enabled": False}]),
    "other names of database and schema": feed(source_database="d", source_schema="s"),
    "url": postgres(url="postgresql://u:p@h:5432/d?sslmode=require"),
    "url from the environment": postgres(url="${N:-postgres://h}"),
    "all of postgres": postgres(host="h", port=5432, user="u", password="p", sslmode="verify-full", sslrootcert="c"),
    "key text": snowflake(password=REMOVED, rsa_key=PEM),
    "key text on one line": snowflake(password=REMOVED, rsa_key=PEM.replace("\n", "\\n")),
    "encrypted key": snowflake(password=None, rsa_key=PEM.replace("PRIVATE", "ENCRYPTED PRIVATE"), rsa_key_passphrase="x"),
    "token": snowflake(password=REMOVED, token="t", host="h", port=443, protocol="https", role="r", warehouse="w"),
    "another way to log in": snowflake(password=REMOVED, options={"adbc.snowflake.sql.auth_type": "auth_ext_browser"}),
    "driver option": option(CLIENT + "login_timeout"),
    "session parameter": option("FAKESNOW_DB_PATH"),
    "options of every scalar kind": snowflake(options={"A": 1, "B": True, "C": "x", "D": None, "_r": [], "note": {}}),
    "options of any driver": change(ADBC, "adbc", options={"what ever": 1.5}, entrypoint="e"),
}

# Both refuse.
BAD = {
    "empty": {},
    "no source": top(duckdb=REMOVED),
    "null source": top(duckdb=None),
    "two sources": top(adbc=ADBC["adbc"]),
    "no target": top(postgres=REMOVED),
    "no sources": top(sources=[]),
    "no tables": feed(tables=[]),
    "tables is null": feed(tables=None),
    "sources is an object": top(sources={}),
    "a table is a string": feed(tables=["A"]),
    "unknown at the top": top(paralel_threads=1),
    "unknown in a source": feed(source_schem="x"),
    "unknown in a table": table(targets="x"),
    "unknown in postgres": postgres(dbname="x"),
    "unknown in snowflake": snowflake(acount="x"),
    "unknown in duckdb": change(DUCKDB, "duckdb", options={}),
    "table's key at the top": top(truncate_onstart=True),
    "missing source": table(source=REMOVED),
    "missing target": table(target=None),
    "missing source_name": feed(source_name=REMOVED),
    "missing account": snowflake(account=REMOVED),
    "missing path": change(DUCKDB, "duckdb", path=None),
    "missing dialect": change(ADBC, "adbc", dialect=REMOVED),
    "missing database": change(SNOWFLAKE, "sources.0", source_sf_database=REMOVED),
    "missing schema": change(SNOWFLAKE, "sources.0", source_sf_schema=None),
    "missing schema of the dialect": change(ADBC, "adbc", dialect="snowflake"),
    "database twice": feed(source_database="d", source_sf_database="d"),
    "comma in source_name": feed(source_name="a,b"),
    "empty string": table(source=""),
    "64 characters": table(target="x" * 64),
    "64 characters in a mapping": table(column_mapping={"a": "x" * 64}),
    "64 characters in a key": table(uniqueness_columns=["x" * 64], truncate_onstart=True),
    "threads: 0": top(parallel_threads=0),
    "threads: 257": top(parallel_threads=257),
    "threads: 1.5": top(parallel_threads=1.5),
    "threads: a string": top(parallel_threads="8"),
    "retries: 11": table(max_retry_attempts=11),
    "batch_size: 0": feed(batch_size=0),
    "age: -1": top(resume_max_age=-1),
    "buffer: 29": top(lambda_timeout_buffer_seconds=29),
    "buffer: 301": top(lambda_timeout_buffer_seconds=301),
    "a setting as a secret": change(DUCKDB, "", batch_size="ssm:/size"),
    "port: 0": postgres(port=0),
    "port: 65536": postgres(port=65536),
    "sslmode": postgres(sslmode="verify_full"),
    "protocol": snowflake(protocol="ftp"),
    "dialect": change(ADBC, "adbc", dialect="oracle"),
    "enabled: 1": table(enabled=1),
    "truncate: a string": table(truncate_onstart="true"),
    "chunking: offset": table(chunking="offset"),
    "column twice": table(chunking_columns=["a", "b", "a"]),
    "columns: a string": table(chunking_columns="a"),
    "columns: an empty name": table(chunking_columns=[""]),
    "types: unknown": table(chunking_columns=["a"], chunking_column_types=["float"]),
    "types without columns": table(chunking_column_types=["int"]),
    "range by nothing": table(chunking="range"),
    "mapping: a list": table(column_mapping=["a"]),
    "mapping: a number": table(column_mapping={"a": 1}),
    "option: a list": option("A", []),
    "option: misspelt": option(CLIENT + "login_timout"),
    "option: small letters": option("login_timeout"),
    "option with a key of its own": option("adbc.snowflake.sql.account"),
    "option: pinned": option("TIMEZONE"),
    "option: fixed": option(CLIENT + "use_high_precision", False),
    "a watermark without its partner": table(uniqueness_columns=["id"], source_watermark="a"),
    "a target's watermark without its partner": table(uniqueness_columns=["id"], target_watermark="a"),
    "watermarks without a key": table(source_watermark="a", target_watermark="a"),
    "a column that sorts twice": table(uniqueness_columns=["id"], sort_columns=["a", "a"]),
    "no secret": snowflake(password=REMOVED),
    "two secrets": snowflake(token="t"),
    "passphrase without key": snowflake(rsa_key_passphrase="x"),
    "empty secret": snowflake(password=""),
    "url and host": postgres(url="postgresql://h", host="h"),
    "url of another database": postgres(url="mysql://h"),
    "no limit of memory": top(memory_limit_mb=0),
}

# The program refuses what a JSON Schema can't: why.
ONLY_THE_PROGRAM_REFUSES = {
    "materialize without scratch_schema": {**snowflake(), "snapshot": "materialize"},
    "time_travel from DuckDB": top(snapshot="time_travel"),
    "by the source: memory for a worker from DuckDB": top(memory_limit_mb=102),
    "by the source: memory for a worker from Snowflake": {**snowflake(), "memory_limit_mb": 143},
    "across entries: the same source and target": feed(tables=[{"source": "A", "target": "a"}] * 2),
    "across entries: modes of one target": feed(tables=[{"source": "A", "target": "a"},
                                                        {"source": "B", "target": "a", "truncate_onstart": True}]),
    "across entries: source_name": top(sources=[DUCKDB["sources"][0],
                                                {"source_name": "s", "tables": [{"source": "B", "target": "b"}]}]),
    "across members: one target column": table(column_mapping={"a": "x", "b": "x"}),
    "across lists: counts": table(chunking_columns=["a"], chunking_column_types=["int", "int"]),
    "across entries: nothing is enabled": table(enabled=False),
    "bytes, not characters": table(target="é" * 32),
    "environment: unset": table(source="${UNSET}"),
    "environment: of the wrong type": top(parallel_threads="${N:-many}"),
    "environment: out of range": top(parallel_threads="${N:-0}"),
    "environment: malformed": table(source="${N"),
    "environment: nothing comes": snowflake(password="${N:-}"),
    "an escaped reference is none": top(parallel_threads="$${N}"),
    "file: key that isn't there": snowflake(password=REMOVED, rsa_key="/nonexistent/key.p8"),
    "PEM: a public key": snowflake(password=REMOVED, rsa_key=PEM.replace("PRIVATE", "PUBLIC")),
    "PEM: encrypted": snowflake(password=REMOVED, rsa_key=PEM.replace("PRIVATE", "ENCRYPTED PRIVATE")),
    "URI: its grammar": postgres(url="postgresql://h/d?nonsense=1"),
}

# The schema refuses what only the environment makes good.
ONLY_THE_SCHEMA_REFUSES = {
    "two secrets, of which one comes to nothing": snowflake(token="${N:-}"),
}

CASES = [*((name, document, True, True) for name, document in GOOD.items()),
         *((name, document, False, False) for name, document in BAD.items()),
         *((name, document, True, False) for name, document in ONLY_THE_PROGRAM_REFUSES.items()),
         *((name, document, False, True) for name, document in ONLY_THE_SCHEMA_REFUSES.items())]


def validate(thaw: Thaw, document, *arguments: str, environment: dict | None = None):
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    (thaw.directory / "config.json").write_text(text, encoding="utf-8")
    return thaw.run("validate", *arguments, environment=environment)


@pytest.mark.parametrize("document, by_schema, by_program", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_schema_and_program_judge_alike(thaw, document, by_schema, by_program):
    finished = validate(thaw, document, "--json")
    finished.expect(0 if by_program else 2)
    answer = json.loads(finished.stdout)
    assert answer["valid"] == by_program
    assert bool(answer["problems"]) != by_program
    assert VALIDATOR.is_valid(document) == by_schema, [error.message for error in VALIDATOR.iter_errors(document)]


def objects_of_schema(node):
    """Every object of the schema that has properties, remarks apart."""
    for name in ("snowflake", "duckdb", "adbc", "postgres", "source", "table"):
        yield name, SCHEMA["$defs"][name]
    yield "root", node


def test_schema_is_a_schema_and_describes_every_key():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for place, node in objects_of_schema(SCHEMA):
        assert node["additionalProperties"] is False, place
        assert "^_" in node["patternProperties"], place
        for name, value in node["properties"].items():
            while "$ref" in value:
                step = SCHEMA
                for part in value["$ref"].removeprefix("#/").split("/"):
                    step = step[part]
                value = step
            assert value["description"], f"{place}.{name}"


def test_schema_program_and_documentation_have_the_same_keys():
    in_schema = {name for _, node in objects_of_schema(SCHEMA) for name in node["properties"]} - {"note", "comment"}
    in_program = set(re.findall(r'\.name = "([^"]+)"', (ROOT / "src/config/keys.c").read_text(encoding="utf-8")))
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))
    headings = set(re.findall(r"^#.*`([a-z]+)(?:\[\])?`", text, re.MULTILINE))
    assert in_schema == in_program
    assert in_schema - rows - headings == set()


# Where a key may stand: its object in the schema, a document, and the object's path in it.
PLACES = {"snowflake": ("snowflake", SNOWFLAKE, "$.snowflake"), "duckdb": ("duckdb", DUCKDB, "$.duckdb"), "adbc": ("adbc", ADBC, "$.adbc"),
          "postgres": ("postgres", DUCKDB, "$.postgres"), "source": ("source", DUCKDB, "$.sources[0]"), "table": ("table", DUCKDB, "$.sources[0].tables[0]"),
          "settings at the top": ("settings", DUCKDB, "$"), "settings of a source": ("settings", DUCKDB, "$.sources[0]"),
          "settings of a table": ("settings", DUCKDB, "$.sources[0].tables[0]")}
VALUES = [True, 0, 1, -1, 1.5, 10**17, "x", "", "x" * 64, [], ["x"], ["x", "x"], [1], {}, {"a": "b"}, {"a": 1}]


def limits(schema) -> dict:
    """Of each key that has a range or choices: the values at its ends, on both sides of them."""
    found = {}
    for key, value in schema.items():
        for kind in [step(value), *map(step, step(value).get("anyOf", []))]:
            found.setdefault(key, []).extend(kind.get("enum", []))
            if "minimum" in kind:
                found[key] += [kind["minimum"], kind["maximum"], kind["minimum"] - 1, kind["maximum"] + 1]
    return found


def step(value: dict) -> dict:
    return SCHEMA["$defs"][value["$ref"].removeprefix("#/$defs/")] if value.get("$ref", "").count("/") == 2 else value


@pytest.mark.parametrize("place", PLACES)
def test_types_and_ranges_are_the_same_for_every_key(thaw, place):
    """A value that the schema refuses is a problem of that key to the program; one that it takes is of the right type and in range."""
    name, base, path = PLACES[place]
    keys = SCHEMA["$defs"][name] if name == "settings" else {key: value for key, value in SCHEMA["$defs"][name]["properties"].items()
                                                             if "$defs/settings" not in value.get("$ref", "")}
    keys = {key: value for key, value in keys.items() if key not in ("note", "comment", "estimated_rows", "status_tracking", "tables")}
    by_key = jsonschema.Draft202012Validator({"properties": keys, "$defs": SCHEMA["$defs"]})
    ends = limits(keys)
    documents = [dict.fromkeys(keys, value) for value in VALUES]
    documents += [{key: values[i % len(values)] for key, values in ends.items() if values} for i in range(max(map(len, ends.values()), default=0))]
    where = ".".join(re.findall(r"\w+", path))
    for given in documents:
        by_schema = {error.absolute_path[0] for error in by_key.iter_errors(given)}
        problems = json.loads(validate(thaw, change(base, where, **given), "--json").stdout)["problems"]
        told = {key: [problem["message"] for problem in problems if re.match(re.escape(f"{path}.{key}") + r"(?![\w])", problem["path"])] for key in given}
        assert {key for key in by_schema if not told[key]} == set(), (given, problems)
        wrong = {key: messages for key, messages in told.items() if key not in by_schema and any(" must be " in message for message in messages)}
        assert not wrong, (given, wrong)


@pytest.mark.parametrize("name", ["snowflake", "duckdb"])
def test_examples_are_valid(thaw, name):
    text = (ROOT / f"examples/config.{name}.json").read_text(encoding="utf-8")
    VALIDATOR.validate(json.loads(text))
    environment = {"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u", "SNOWFLAKE_RSA_KEY": PEM, "PGHOST": "h", "PGUSER": "u",
                   "PGPASSWORD": "p"}
    validate(thaw, text, environment=environment).expect(0)


def test_documents_in_the_documentation_are_valid(thaw):
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    documents = [document for document in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if '"sources"' in document]
    assert documents
    for document in documents:
        VALIDATOR.validate(json.loads(document))
        validate(thaw, document, environment={"SNOWFLAKE_PASSWORD": "p", "PGPASSWORD": "p"}).expect(0)


def test_a_valid_configuration_is_counted(thaw):
    finished = validate(thaw, GOOD["disabled"]).expect(0)
    assert finished.stdout == "config.json: valid: 1 source, 1 table\n"
    two = top(sources=[DUCKDB["sources"][0], {"source_name": "t", "tables": [{"source": "A", "target": "b"},
                                                                             {"source": "B", "target": "b"}]}])
    assert validate(thaw, two).expect(0).stdout == "config.json: valid: 2 sources, 3 tables\n"
    answer = json.loads(validate(thaw, two, "--json").expect(0).stdout)
    assert answer == {"file": "config.json", "valid": True, "sources": 2, "tables": 3, "problems": []}


BROKEN = """{
  "duckdb": {"path": "x.db"},
  "postgres": {"port": 99999},
  "paralel_threads": 8,
  "sources": [
    {
      "source_name": "s",
      "tables": [
        {"source": "A", "target": "a", "source_watermark": "U"},
        {"source": "A",
         "target": "a",
         "truncate_onstart": "${NOWHERE}"}
      ]
    }
  ]
}
"""


def test_every_problem_is_told_at_once_with_its_place(thaw):
    finished = validate(thaw, BROKEN).expect(2)
    said = finished.stdout.splitlines()
    assert said[0] == 'config.json:3: $.postgres.port: "port" must be a whole number from 1 to 65535, not 99999'
    assert said[1] == 'config.json:4: $.paralel_threads: unknown key "paralel_threads" (did you mean "parallel_threads"?)'
    places = [line.split(": ")[:2] for line in said if not line.startswith(" ")]
    assert places == [["config.json:3", "$.postgres.port"], ["config.json:4", "$.paralel_threads"],
                      *[["config.json:9", "$.sources[0].tables[0].source_watermark"]] * 2,
                      ["config.json:10", "$.sources[0].tables[1]"],
                      ["config.json:12", "$.sources[0].tables[1].truncate_onstart"],
                      ["config.json", "not valid"]]
    assert "NOWHERE" in finished.stdout
    assert said[-1] == "config.json: not valid: 6 problems"
    problems = json.loads(validate(thaw, BROKEN, "--json").expect(2).stdout)["problems"]
    assert [problem["line"] for problem in problems] == [3, 4, 9, 9, 10, 12]
    assert problems[0] == {"file": "config.json", "path": "$.postgres.port", "line": 3, "column": 16,
                           "message": '"port" must be a whole number from 1 to 65535, not 99999', "hint": None}


def test_a_syntax_error_has_line_and_column(thaw):
    finished = validate(thaw, '{\n  "duckdb": {"path": "x"},\n  "postgres": {}\n  "sources": []\n}').expect(2)
    assert finished.stdout.startswith("config.json:4: $: syntax error at line 4, column 1")


def test_duplicate_keys_are_refused(thaw):
    finished = validate(thaw, json.dumps(DUCKDB).replace('"target": "a"', '"target": "a",\n"target": "b"')).expect(2)
    assert "config.json:2: $.sources[0].tables[0].target: duplicate key: it is already on line 1" in finished.stdout


def test_the_environment_beats_the_env_file(thaw):
    document = table(target="${TARGET}", source="${SOURCE}")
    validate(thaw, document).expect(2)
    (thaw.directory / ".env").write_text("export SOURCE='A'\nTARGET=" + "x" * 64 + "\n", encoding="utf-8")
    assert "64 bytes" in validate(thaw, document).expect(2).stdout
    validate(thaw, document, environment={"TARGET": "a"}).expect(0)
    (thaw.directory / "other.env").write_text("SOURCE=A\nTARGET=a\n", encoding="utf-8")
    validate(thaw, document, "--env-file", "other.env").expect(0)
    assert "can't be read" in validate(thaw, document, "--env-file", "none.env").expect(2).stdout


def test_a_malformed_env_file_is_a_problem_with_its_line(thaw):
    (thaw.directory / ".env").write_text("# remark\nA=1\nhunter2 is no assignment\nB=\"open\n", encoding="utf-8")
    finished = validate(thaw, DUCKDB).expect(2)
    assert ".env:3: this line is not NAME=VALUE" in finished.stdout
    assert ".env:4: the quote opened here is never closed" in finished.stdout
    assert "hunter2" not in finished.stdout + finished.stderr


def test_a_key_may_stand_in_the_env_file_over_several_lines(thaw):
    (thaw.directory / ".env").write_text(f'KEY="{PEM}"\n', encoding="utf-8")
    validate(thaw, snowflake(password=REMOVED, rsa_key="${KEY}")).expect(0)


@pytest.mark.parametrize("document", [
    snowflake(password="hunter2", token="hunter2"),
    snowflake(password=["hunter2"]),
    snowflake(password=REMOVED, rsa_key="hunter2"),
    snowflake(options={"password": "hunter2", "x.y": "hunter2"}),
    postgres(url="mysql://u:hunter2@h"),
    postgres(url="postgresql://u:hunter2@h/?x=1"),
    top(parallel_threads="${SECRET}", snapshot="${SECRET}"),
    '{"postgres": {"password": "x" "hunter2"}}',
    '{"postgres": {"password": "hunter2',
], ids=str)
def test_invariant_12_a_secret_is_in_no_problem(thaw, document):
    finished = validate(thaw, document, environment={"SECRET": "hunter2"}).expect(2)
    assert "hunter2" not in finished.stdout + finished.stderr
    finished = validate(thaw, document, "--json", environment={"SECRET": "hunter2"}).expect(2)
    assert "hunter2" not in finished.stdout + finished.stderr


def test_a_missing_configuration_is_a_problem(thaw):
    finished = thaw.run("validate", "-c", "none.json").expect(2)
    assert finished.stdout.startswith("none.json: the configuration can't be read: No such file or directory\n")
