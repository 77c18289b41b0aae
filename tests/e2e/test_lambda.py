"""The program as a Lambda function, under AWS's own emulator: events in all their forms, answers, its log, its process."""

import collections
import json
import os
import pathlib
import re
import signal
import time

import pytest

from functions import ACTIONS, alarms_of_metrics, ask, function, metrics, records
from marks import both_sources
from tests.servers.lambda_emulator import Emulator
from thaw import ROOT, TEXT_RECORD

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def two_sources(migration):
    """Two sources of one table each, with 3,000 and 2,000 rows; their configuration."""
    tables = {}
    for name, rows in (("first", 3000), ("second", 2000)):
        tables[name] = migration.source.table(name, {"id": "int", "note": "text"}, f"SELECT i, 'n' || i FROM range({rows}) r(i)")
        migration.target.execute(f"CREATE TABLE {name} (id bigint, note text)")
    feeds = [migration.source.feed(migration.target.name, {"source": name, "target": name, "truncate_onstart": True}, name=name)
             for name in tables]
    migration.tables = tables
    return migration, migration.config(feeds=feeds, batch_size=1000)


def assert_loaded(migration, *names: str) -> None:
    for name, table in migration.tables.items():
        if name in names:
            migration.assert_same(table, name)
        else:
            assert migration.target.count(name) == 0


# ---- events and answers -----------------------------------------------------------------------------------------------

EVENTS = {
    "nothing": ({}, ["first", "second"]),
    "nulls and empty texts": ({"action": None, "source_name": "", "resume_run_id": None}, ["first", "second"]),
    "a name": ({"action": "migrate", "source_name": "second"}, ["second"]),
    "names with commas": ({"source_name": "first, second"}, ["first", "second"]),
    "a list": ({"source_name": ["first"], "no_resume": True, "resume_max_age": 24}, ["first"]),
    "numbers as texts": ({"source_name": "first", "no_resume": "false", "resume_max_age": "0.5"}, ["first"]),
    "input": ({"input": {"source_name": "second"}}, ["second"]),
    "input and defaults": ({"input": {"source_name": "second"}, "defaults": {"source_name": "first", "no_resume": True}}, ["second"]),
    "defaults alone": ({"input": {"source_name": None}, "defaults": {"source_name": ["first"]}}, ["first"]),
    "a schedule's members": ({"version": "0", "id": "x", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1",
                              "time": "2026-01-01T00:00:00Z", "region": "eu-central-1", "resources": [], "detail": {}},
                             ["first", "second"]),
}


def test_events_say_what_is_migrated(two_sources, tmp_path):
    migration, config = two_sources
    rows = {"first": 3000, "second": 2000}
    with function(tmp_path, config) as lambda_function:
        for name, (event, sources) in EVENTS.items():
            migration.target.execute("TRUNCATE first, second")
            body = ask(lambda_function, event, 200, "completed")
            assert_loaded(migration, *sources)
            assert body["sources"] == sources, name
            assert (body["total_sources"], body["sources_completed"], body["sources_partial"], body["sources_failed"]) == (
                len(sources), len(sources), 0, 0), name
            assert body["total_rows_migrated"] == sum(rows[source] for source in sources), name
            assert migration.target.run_status(body["run_id"]) == "completed", name
            assert (body["needs_retry"], body["progress_percent"], body["error"]) == (False, 100.0, None), name
            assert 0 < body["duration_seconds"] < 60 and UUID.search(body["summary"]), name
    migration.target.assert_completed()


@both_sources
def test_the_other_actions_look_and_change_nothing(migration, tmp_path):
    migration.source.table("t", {"id": "int"}, "SELECT 1")
    config = migration.config({"source": "t", "target": "missing"})
    with function(tmp_path, config) as lambda_function:
        assert "1 source, 1 table" in ask(lambda_function, {"action": "validate_config"}, 200, "success")["summary"]
        assert "answer" in ask(lambda_function, {"action": "test_connections", "source_name": "feed"}, 200, "success")["summary"]
        assert not migration.target.has_ledger()
        assert metrics(lambda_function) == []  # of migrations only


REFUSED = {
    "unknown action": ({"action": "migrat"}, "error", ["migrat", 'did you mean "migrate"?']),
    "no text for an action": ({"action": 7}, "error", ["validate_config"]),
    "unknown source": ({"source_name": "frist"}, "failed", ["frist", 'did you mean "first"?']),
    "unknown source of another action": ({"action": "validate_config", "source_name": ["secund"]}, "error",
                                         ["secund", 'did you mean "second"?']),
    "malformed": (b'{"action": ', "failed", ["not JSON", "line 1"]),
    "nothing at all": (b"", "failed", ["not JSON"]),
    "no object": (b"[1]", "failed", ["objects"]),
    "no object as input": ({"input": "x"}, "failed", ["objects"]),
    "an empty list": ({"source_name": []}, "failed", ["source_name"]),
    "a list of something else": ({"source_name": [1]}, "failed", ["source_name"]),
    "no boolean": ({"no_resume": "perhaps"}, "failed", ["no_resume", "true or false"]),
    "no number": ({"resume_max_age": "old"}, "failed", ["resume_max_age", "hours"]),
    "a negative number": ({"resume_max_age": -1}, "failed", ["resume_max_age"]),
    "no run_id": ({"resume_run_id": "latest"}, "failed", ["resume_run_id", "UUID"]),
    "a worker of nothing": ({"worker": 0}, "failed", ["run_id", "prepare"]),
}


def test_what_cannot_be_used_is_answered(two_sources, tmp_path):
    migration, config = two_sources
    with function(tmp_path, config) as lambda_function:
        for name, (event, status, words) in REFUSED.items():
            body = ask(lambda_function, event, 400, status)
            assert all(word in body["error"] for word in words), (name, body)
            assert (body["run_id"], body["needs_retry"], body["total_rows_migrated"]) == (None, False, 0), name
        assert not migration.target.has_ledger()
        assert len(lambda_function.pids()) == 1, "none of them ended the process"
        errors = [record for record in records(lambda_function) if record["level"] == "ERROR"]
        assert len(errors) == len(REFUSED) and all(record["requestId"] for record in errors)


def test_a_slip_in_a_key_is_told(two_sources, tmp_path):
    _migration, config = two_sources
    with function(tmp_path, config) as lambda_function:
        ask(lambda_function, {"action": "validate_config", "sourcename": "first", "attempt": 3}, 200, "success")
        warned = [record["message"] for record in records(lambda_function) if record["level"] == "WARN"]
        assert len(warned) == 1 and "sourcename" in warned[0] and "source_name" in warned[0]


WORDS_OF_INSIGHTS = {"fields", "filter", "sort", "limit", "stats", "by", "as", "asc", "desc", "and", "in", "like", "count", "sum", "max", "ispresent"}


def assert_documented_queries_fit(found: list) -> None:
    """Each field that a query of docs/lambda.md asks for is there, and what it compares with is met."""
    section = (ROOT / "docs/lambda.md").read_text(encoding="utf-8").partition("### Queries for Logs Insights")[2].partition("\n## ")[0]
    queries = re.findall(r"^```\n(.*?)^```", section, re.M | re.S)
    assert len(queries) == 5
    known = set().union(*found)
    for query in queries:
        bare = re.sub(r'"[^"\n]*"|like /[^/\n]*/', "", query)
        asked = set(re.findall(r"(?<![@\w])[A-Za-z_]+", bare)) - WORDS_OF_INSIGHTS - set(re.findall(r" as (\w+)", bare))
        assert asked and asked <= known, (asked - known, query)
        for name, value in re.findall(r'(\w+) = "([^"]*)"', query):
            assert name == "run_id" or any(record.get(name) == value for record in found), query
        for name, values in re.findall(r"(\w+) in (\[[^]]*\])", query):
            assert any(record.get(name) in json.loads(values) for record in found), query
        for name, pattern in re.findall(r"(\w+) like /([^/\n]*)/", query):
            assert any(re.search(pattern, record.get(name, "")) for record in found), query


def test_a_failure_is_answered_with_its_reason(two_sources, tmp_path):
    migration, config = two_sources
    migration.target.execute("ALTER TABLE second ADD CHECK (id < 1500)")
    with function(tmp_path, config) as lambda_function:
        body = ask(lambda_function, {}, 500, "failed")
        assert ".second: chunk 1: " in body["error"] and "second_id_check" in body["error"] and "23514" in body["error"]
        assert (body["sources_completed"], body["sources_failed"], body["needs_retry"]) == (1, 1, False)
        assert body["run_id"] and 0 < body["progress_percent"] < 100
        failed = metrics(lambda_function)[-1]
        assert failed["failures"] == 1
        declared, = failed["_aws"]["CloudWatchMetrics"]
        assert len(alarms_of_metrics()) == 4 and declared["Namespace"] == "thaw"
        for metric, dimensions in alarms_of_metrics():  # an alarm of anything else would never be raised
            assert metric in [entry["Name"] for entry in declared["Metrics"]] and dimensions in declared["Dimensions"]
        migration.target.execute("ALTER TABLE second DROP CONSTRAINT second_id_check")
        again = ask(lambda_function, {"resume_run_id": body["run_id"].upper(), "no_resume": True}, 200, "completed")
        assert again["run_id"] == body["run_id"]
        assert_documented_queries_fit(records(lambda_function))
    assert_loaded(migration, "first", "second")
    migration.target.assert_completed()


def test_connections_that_fail_are_told(two_sources, tmp_path):
    _migration, config = two_sources
    config["postgres"]["port"] = 1
    with function(tmp_path, config) as lambda_function:
        body = ask(lambda_function, {"action": "test_connections"}, 500, "error")
        assert "refused" in body["error"]
        body = ask(lambda_function, {}, 500, "failed")
        assert "refused" in body["error"] and body["run_id"] is None
        assert metrics(lambda_function)[-1]["failures"] == 1


def test_workers_join_a_run_that_was_prepared(two_sources, tmp_path):
    migration, config = two_sources
    with function(tmp_path, config) as lambda_function:
        prepared = ask(lambda_function, {"prepare": True}, 200, "partial")
        assert prepared["needs_retry"] and prepared["total_rows_migrated"] == 0
        worked = ask(lambda_function, {"worker": 1, "run_id": prepared["run_id"]}, 200, "completed")
        late = ask(lambda_function, {"worker": "2", "run_id": prepared["run_id"]}, 200, "completed")
        last = ask(lambda_function, {"resume_run_id": prepared["run_id"]}, 200, "completed")
        assert {body["run_id"] for body in (worked, late, last)} == {prepared["run_id"]}
    assert_loaded(migration, "first", "second")
    assert migration.target.run_status() == "completed"


# ---- the configuration ------------------------------------------------------------------------------------------------

def test_what_is_wrong_in_the_configuration_is_answered_and_mended_without_a_new_process(two_sources, tmp_path):
    migration, config = two_sources
    with function(tmp_path, config | {"bath_size": 5}) as lambda_function:
        for event, status in (({"action": "validate_config"}, "error"), ({}, "failed")):
            body = ask(lambda_function, event, 400, status)
            assert "$.bath_size" in body["error"] and "batch_size" in body["error"] and "1 problem" in body["summary"]
        process = lambda_function.pids()
        lambda_function.write(config)
        ask(lambda_function, {"source_name": "first"}, 200, "completed")
        assert lambda_function.pids() == process
    assert_loaded(migration, "first")


def test_the_configuration_is_where_it_says(two_sources, tmp_path):
    migration, config = two_sources
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps(config), encoding="utf-8")
    with function(tmp_path, None, THAW_CONFIG=str(elsewhere)) as lambda_function:
        ask(lambda_function, {"source_name": "second"}, 200, "completed")
    assert_loaded(migration, "second")


@pytest.mark.parametrize(("change", "kind", "words"), [
    (None, "Thaw.NoConfiguration", ["config.json", "THAW_CONFIG"]),
    ({"duckdb": None, "adbc": {"driver": "absent", "dialect": "duckdb"}}, "Thaw.NoDriver", ["absent", "drivers/"]),
])
def test_a_function_that_cannot_begin_says_so_by_the_apis_own_call(two_sources, tmp_path, change, kind, words):
    _migration, config = two_sources
    with function(tmp_path, None if change is None else config | change) as lambda_function:
        answer, _seconds = lambda_function.invoke({"action": "validate_config"})
        assert answer["errorType"] == kind and all(word in answer["errorMessage"] for word in words), answer
        assert lambda_function.pids() == []
        assert [record["level"] for record in records(lambda_function)] == ["ERROR"]


def test_without_lambda_there_is_nothing_to_serve(thaw):
    thaw.run("lambda").expect(2).says("AWS_LAMBDA_RUNTIME_API", "emulator")
    assert "invocations" in thaw.run("lambda", "--help").expect(0).stdout


def test_the_bootstrap_takes_whatever_arguments_an_image_gives(two_sources, tmp_path):
    migration, config = two_sources
    folder = tmp_path / "image"
    Emulator(folder, config).close()
    emulator = Emulator(folder, timeout=60, command=[str(folder / "bootstrap"), "handler", "--what"])
    with emulator:
        ask(emulator, {"source_name": "first"}, 200, "completed")
        warned = [record["message"] for record in records(emulator) if "buffer" in record.get("message", "")]
    emulator.close()
    assert len(warned) == 1 and "lambda_timeout_buffer_seconds" in warned[0], "120 s in a function of 60 s"
    assert_loaded(migration, "first")


# ---- the log ----------------------------------------------------------------------------------------------------------

def test_the_log_is_json_and_says_each_thing_once(two_sources, tmp_path):
    migration, config = two_sources
    with function(tmp_path, config) as lambda_function:
        bodies = [ask(lambda_function, {"source_name": name}, 200, "completed") for name in ("first", "second")]
        found = records(lambda_function)
    told = [record for record in found if "_aws" not in record]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["timestamp"]) for record in told)
    assert {record["level"] for record in told} <= {"INFO", "WARN"}  # the names that Lambda's own filter knows
    requests = collections.Counter(record["requestId"] for record in found)
    assert len(requests) == 2 and all(UUID.fullmatch(request) for request in requests)
    by_request = {record["requestId"]: record["run_id"] for record in found}
    assert set(by_request.values()) == {body["run_id"] for body in bodies}
    for record in told:
        assert by_request[record["requestId"]] == record["run_id"], "a run of an earlier invocation"
    counted = collections.Counter((record["requestId"], record["message"], record.get("table"), record.get("chunk"))
                                  for record in told)
    assert set(counted.values()) == {1}, counted
    migration.target.assert_completed()


def test_metrics_are_one_record_of_what_an_invocation_did(two_sources, tmp_path):
    migration, config = two_sources
    with function(tmp_path, config, AWS_LAMBDA_LOG_LEVEL="ERROR", AWS_LAMBDA_FUNCTION_NAME="mover") as lambda_function:
        body = ask(lambda_function, {}, 200, "completed")
        record, = records(lambda_function)  # no other: nothing went wrong
    declared, = record["_aws"]["CloudWatchMetrics"]
    assert abs(record["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    assert declared["Namespace"] == "thaw" and declared["Dimensions"] == [["function"], ["function", "source"]]
    names = [metric["Name"] for metric in declared["Metrics"]]
    assert names == ["rows", "bytes", "chunks", "failures", "memory", "duration"]
    assert all(isinstance(record[name], (int, float)) for name in names)
    assert record["source"] == "first,second" and record["run_id"] == body["run_id"] and record["status"] == "completed"
    assert record["rows"] == migration.target.count("first") + migration.target.count("second")
    assert record["chunks"] == migration.target.chunks()["completed"] == 2
    assert record["failures"] == 0 and record["bytes"] > record["rows"] * 10 and 10 < record["memory"] < 500


@pytest.mark.parametrize(("level", "levels"), [("TRACE", {"DEBUG", "INFO", "WARNING"}), ("INFO", {"INFO", "WARNING"}),
                                               ("WARN", {"WARNING"}), ("FATAL", set())])
def test_format_and_level_are_lambdas(two_sources, tmp_path, level, levels):
    _migration, config = two_sources
    with function(tmp_path, config, AWS_LAMBDA_LOG_FORMAT="Text", AWS_LAMBDA_LOG_LEVEL=level) as lambda_function:
        ask(lambda_function, {}, 200, "completed")
        lines = [line for line in lambda_function.log() if not line.startswith('{"_aws"')]
    found = [TEXT_RECORD.match(line) for line in lines]
    assert all(found), lines
    assert {record[1] for record in found} == levels


# ---- the process ------------------------------------------------------------------------------------------------------

def resident_kb(pid: int) -> int:
    return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text("ascii"), re.M)[1])


@pytest.mark.timeout(600)
def test_a_thousand_warm_invocations_leave_nothing_behind(migration, tmp_path, tell):
    table = migration.source.table("t", {"id": "int", "note": "text"}, "SELECT i, 'n' || i FROM range(100) r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, note text)")
    config = migration.config({"source": "t", "target": "t", "truncate_onstart": True}, snapshot="none")
    readings = []
    with function(tmp_path, config) as lambda_function:
        for number in range(1, 1001):
            if number % 5 == 0:
                ask(lambda_function, {"action": "migrate"}, 200, "completed")
            elif number % 5 == 1:
                ask(lambda_function, {"action": "migrat"}, 400, "error")
            else:
                ask(lambda_function, {"action": "validate_config"}, 200, "success")
            if number % 100 == 0:
                process, = lambda_function.pids()
                readings.append((process, resident_kb(process), len(os.listdir(f"/proc/{process}/fd")),
                                 len(os.listdir(f"/proc/{process}/task"))))
        runs = metrics(lambda_function)
        assert len({record["run_id"] for record in runs}) == len(runs) == 200
    processes, resident, descriptors, threads = (list(column) for column in zip(*readings))
    tell(f"1,000 warm invocations: {resident[0]} to {resident[-1]} kB resident, {descriptors[-1]} descriptors")
    assert len(set(processes)) == 1
    assert len(set(descriptors)) == 1, descriptors
    assert len(set(threads)) == 1, threads
    # It wanders by some megabytes, so the highest of the first half counts; a leak of one configuration each would be more.
    assert resident[-1] - max(resident[:5]) < 2048, resident
    migration.assert_same(table, "t")
    migration.target.assert_completed()


def test_what_hangs_does_not_keep_the_answer(two_sources, tmp_path):
    migration, config = two_sources
    with function(tmp_path, config, timeout=6, THAW_FAULT="before_begin_commit:sleep=600000") as lambda_function:
        body = ask(lambda_function, {}, 200, "partial")
        assert body["needs_retry"] and body["remaining_time_seconds"] < 3
        assert "hung" in body["summary"], body
        migration.target.wait_until_alone()  # the process has replaced itself
        process = lambda_function.pids()
        ask(lambda_function, {"action": "validate_config"}, 200, "success")
        assert lambda_function.pids() == process and len(os.listdir(f"/proc/{process[0]}/task")) == 1
    with function(tmp_path, config) as lambda_function:
        ask(lambda_function, {}, 200, "completed")
    assert_loaded(migration, "first", "second")
    migration.target.assert_completed()


def test_a_function_that_is_told_to_end_does(two_sources, tmp_path):
    migration, config = two_sources
    with function(tmp_path, config) as lambda_function:
        ask(lambda_function, {"source_name": "first"}, 200, "completed")
        process, = lambda_function.pids()
        os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while process in lambda_function.pids():
            assert time.monotonic() < deadline, "it waits on"
            time.sleep(0.05)
    assert_loaded(migration, "first")
