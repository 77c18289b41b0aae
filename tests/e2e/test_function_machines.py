"""The state machines and the function together: moto interprets deploy/aws, and the program answers under Lambda's emulator."""

import collections
import contextlib
import os
import queue
import signal
import threading
import time

from functions import function, records
from marks import snowflake_only
from tests.servers.step_functions import FunctionError, StepFunctions, definition
from thaw import Thaw

ROWS = 60_000
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 5_000}

WHOLE_LEDGER = "SELECT to_regproc('migration_status.owner_ran_out') IS NOT NULL"  # its last step is there


def prepare(migration):
    table = migration.source.table("t", {"id": "int", "note": "text"}, f"SELECT i, 'n' || i FROM range({ROWS}) r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, note text)")
    return table


class Functions:
    """Answers invocations with whichever of the functions is free, as Lambda starts as many as it needs."""

    def __init__(self, emulators: list):
        self.emulators, self.free, self.answers, self.failures = emulators, queue.Queue(), [], []
        for emulator in emulators:
            self.free.put(emulator)

    def __call__(self, event: dict):
        emulator = self.free.get()
        try:
            answer, seconds = emulator.invoke(event)
        finally:
            self.free.put(emulator)
        if "errorType" in answer:
            self.failures.append(answer["errorType"])
            raise FunctionError(answer["errorType"], answer["errorMessage"])
        assert seconds < emulator.timeout
        self.answers.append(answer["body"])
        return answer

    def said(self, *words: str) -> list:
        """Records that hold all of the words, of all functions."""
        return [record for emulator in self.emulators for record in records(emulator)
                if all(word in record.get("message", "") for word in words)]


@snowflake_only
def test_killed_at_the_time_out_again_and_again_it_comes_to_its_end(migration, tmp_path):
    """Each process freezes at its fourth chunk; Lambda kills it when its time is over, and the machine goes on with a new one."""
    table = prepare(migration)
    config = migration.config(TABLE, parallel_threads=1)
    with function(tmp_path, config, timeout=3, THAW_FAULT="after_claim:stop:4", THAW_LAMBDA_BUFFER_SECONDS="0") as emulator:
        functions = Functions([emulator])
        with StepFunctions(functions) as step_functions:
            execution = step_functions.run(definition("migrate"), {})
        assert execution.status == "SUCCEEDED", (execution.error, execution.cause, execution.states)
        # 12 chunks, of which a process completes 3: the fifth finds nothing to claim. Where starting takes long, one may answer in
        # time and be replaced before it freezes.
        assert set(functions.failures) == {"Sandbox.Timedout"} and len(functions.failures) >= 3
        assert execution.states.count("Resume") >= len(functions.failures)
        assert execution.output["status"] == "completed" and execution.output["total_rows_migrated"] == ROWS
        assert len(functions.said("completed: ", "reconciled")) == 1
        assert len({record["run_id"] for record in records(emulator) if record.get("run_id")}) == 1
    assert migration.assert_same(table, "t") == ROWS
    assert migration.target.rows("SELECT chunk_id FROM migration_status.migration_chunk_status GROUP BY 1 HAVING count(*) > 1") == []
    migration.target.assert_completed()


@contextlib.contextmanager
def stopping_function(emulator, target, when: str):
    """As soon as the query has a row, the function's process is stopped, as if its machine stood still: it comes to no deadline any more,
    and is killed at the time-out."""
    over = threading.Event()

    def watch():
        with target.connect(autocommit=True) as connection:
            while not over.wait(0.02):
                if connection.execute(WHOLE_LEDGER).fetchone()[0] and connection.execute(when).fetchone():
                    for pid in emulator.pids():
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGSTOP)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@snowflake_only
def test_invariant_08_a_chunk_for_which_every_invocation_is_killed_is_cut(migration, tmp_path):
    """One chunk that no invocation gets through: none answers, so that only what the ledger knows of the dead brings it forward."""
    table = migration.source.table("t", {"id": "int", "note": "text"}, "SELECT i, 'n' || i FROM range(900) r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, note text)",
                             "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.001); RETURN NEW; END $$",
                             "CREATE TRIGGER act BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION act()")
    config = migration.config({"source": "t", "target": "t", "chunking": "whole"}, parallel_threads=1)
    large = ("SELECT 1 FROM migration_status.migration_chunk_status JOIN migration_status.v_live_owners USING (owner_id) "
             "WHERE status = 'in_progress' AND expected_rows > 300 AND deadline_breaks < 2")
    with function(tmp_path, config, timeout=4, THAW_LAMBDA_BUFFER_SECONDS="0") as emulator, stopping_function(emulator, migration.target, large):
        functions = Functions([emulator])
        with StepFunctions(functions) as step_functions:
            execution = step_functions.run(definition("migrate"), {})
        assert execution.status == "SUCCEEDED", (execution.error, execution.cause, execution.states)
        assert set(functions.failures) == {"Sandbox.Timedout"} and execution.output["total_rows_migrated"] == 900
        assert functions.said("processes were killed, or froze, at their deadline", "cut into 9 parts")
        assert functions.said("completed: 900 rows in ", " of them parts of 1 for which a deadline had left no time, reconciled")
    assert migration.assert_same(table, "t") == 900
    migration.target.assert_completed()


def test_a_plan_for_which_no_invocation_has_time_ends_the_machine(migration, tmp_path):
    """Not after a hundred attempts: the answer says that another one helps nothing, which table it is, and what to do."""
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(10) AS r(i)")
    endless = "(SELECT count(*) FROM range(1000000) a(n), range(1000000) b(m) WHERE (n * m) % 7 = 3)"
    migration.source.execute(f"CREATE VIEW {migration.source.relation('v')} AS SELECT id FROM {migration.source.relation('t')} WHERE id < {endless}")
    migration.target.execute("CREATE TABLE v (id bigint)")
    with function(tmp_path, migration.config({"source": "v", "target": "v"}), timeout=4) as emulator:
        functions = Functions([emulator])
        with StepFunctions(functions) as step_functions:
            execution = step_functions.run(definition("migrate"), {})
        assert (execution.status, execution.error) == ("FAILED", "Thaw.MigrationFailed"), (execution.cause, execution.states)
        for words in ("could not be planned before the deadline in 3 processes", "longer time-out", "source_filter"):
            assert words in execution.cause
        migrations = [body for body in functions.answers if body["run_id"]]
        assert [(body["status"], body["needs_retry"]) for body in migrations] == [("partial", True)] * 2 + [("failed", False)]
        assert ".v: " in migrations[-1]["error"]


@snowflake_only
def test_many_workers_complete_a_run_once(migration, double, tmp_path, tell):
    """Each statement of the source takes its time, so that all of them come to work."""
    table = prepare(migration)
    config = migration.config({**TABLE, "batch_size": 2_000}, parallel_threads=1)
    double.control({"query_delay": 0.15})
    alone = Thaw(tmp_path)
    started = time.monotonic()
    alone.migrate(config, "--workers", "4").expect(0)
    threads = time.monotonic() - started
    alone.close()
    migration.target.execute("TRUNCATE t", "DROP SCHEMA migration_status CASCADE")
    with contextlib.ExitStack() as stack:
        functions = Functions([stack.enter_context(function(tmp_path / str(number), config)) for number in range(4)])
        with StepFunctions(functions) as step_functions:
            started = time.monotonic()
            execution = step_functions.run(definition("fan-out"), {"workers": 4})
            workers = time.monotonic() - started
        assert execution.status == "SUCCEEDED", (execution.error, execution.cause, execution.states)
        assert functions.failures == []
        assert execution.output["status"] == "completed" and execution.output["total_rows_migrated"] == ROWS
        assert len({body["run_id"] for body in functions.answers if body["run_id"]}) == 1
        assert len(functions.said("completed: ", "reconciled")) == 1, "the table was finished more than once"
        moved = collections.Counter()
        for number, emulator in enumerate(functions.emulators):
            moved[number] = sum(record["rows"] for record in records(emulator) if "_aws" in record)
        assert sum(moved.values()) == ROWS, moved
    tell(f"30 chunks: 4 threads of one process {threads:.1f} s, 4 functions of a state machine {workers:.1f} s, "
         f"rows {sorted(moved.values())}")
    assert all(rows > 0 for rows in moved.values()), f"not all of them worked: {moved}"
    assert workers < 2 * threads + 10
    double.control({"query_delay": 0})
    assert migration.assert_same(table, "t") == ROWS
    migration.target.assert_completed()
