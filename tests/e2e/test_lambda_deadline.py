"""A migration that is too long for one invocation of a Lambda function: a chain of them completes it."""

import time

from functions import ask, function, records, unfinished_progress
from test_signals import TABLE, prepare

ROWS, TIMEOUT = 14_000, 10


def test_five_invocations_of_ten_seconds_complete_a_run(migration, tmp_path, tell):
    """Each chunk takes half a second, of which two workers get through some thirty in an invocation: five are needed for all."""
    table = prepare(migration, ROWS, 0.5)
    config = migration.config(TABLE, parallel_threads=2)
    answers, progress = [], 0.0
    with function(tmp_path, config, timeout=TIMEOUT) as lambda_function:
        while not answers or answers[-1]["status"] == "partial":
            assert len(answers) < 10, answers
            begun = time.monotonic()
            body = ask(lambda_function, {"action": "migrate"}, 200)
            left = TIMEOUT - (time.monotonic() - begun)
            answers.append(body)
            loaded = migration.target.count("t")
            assert abs(body["remaining_time_seconds"] - left) < 1, (body, left)
            assert body["needs_retry"] == (body["status"] == "partial") and body["error"] is None, body
            said = 100 if body["status"] == "completed" else 100 * unfinished_progress(loaded, ROWS)
            assert body["total_rows_migrated"] == loaded and abs(body["progress_percent"] - said) <= 0.0501, (body, said)
            assert body["progress_percent"] > progress, (body, progress)
            assert (body["sources_completed"], body["sources_partial"], body["sources_failed"]) == ((1, 0, 0) if body["status"] == "completed" else (0, 1, 0))
            migration.target.assert_ledger_adds_up()
            progress = body["progress_percent"]
        lines = lambda_function.log()
        assert len(lines) == len(set(lines)), "a record came twice"
        assert len(lambda_function.pids()) == 1 and not [record for record in records(lambda_function) if record.get("level") == "ERROR"]
        told = [record for record in records(lambda_function) if "the deadline is near" in record.get("message", "")]
        assert len(told) == len(answers) - 1, "once an invocation, but in the last"
    assert len(answers) >= 5 and answers[-1]["status"] == "completed" and progress == 100, answers
    assert len({body["run_id"] for body in answers}) == 1
    tell(f"a migration of {ROWS} slow rows took {len(answers)} invocations of {TIMEOUT} s")
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()
