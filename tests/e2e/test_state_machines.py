"""The state machines of deploy/aws, interpreted by moto, with a script in place of the function: what they make of every answer,
and of none. Each way out of each state is taken by some case, which the last test computes from the definitions.
"""

import dataclasses
import threading
import time

import pytest

from tests.servers.step_functions import FunctionError, ServiceError, StepFunctions, branches, definition, taken, worker_of

RUN = "54a13330-ca3b-4513-b6ba-ae2e343e8551"
EVENT = {"source_name": "analytics", "no_resume": True}


def answer(status: str, code: int = 200, **body) -> dict:
    return {"statusCode": code, "body": {"status": status, **body}}


READY = answer("success")
REFUSED = answer("error", 400, error="sources[0].tables[2].target is missing")
DONE = answer("completed", run_id=RUN, needs_retry=False, total_rows_migrated=7)
PARTIAL = answer("partial", run_id=RUN, needs_retry=True, progress_percent=40.0)
FAILED = answer("failed", 500, run_id=RUN, needs_retry=False, error="analytics.visits: no such column")
NOT_THAW = {"message": "hello"}


class Slow:
    """An answer that comes after the task's TimeoutSeconds."""


def refusal(name: str) -> Exception | type:
    """What makes Step Functions see an error of this name."""
    if name == "States.Timeout":
        return Slow
    service, _, code = name.partition(".")
    # Lambda.Unknown is Step Functions' own word for a function's end that it can't name.
    return ServiceError(code) if service == "Lambda" and code != "Unknown" else FunctionError(name)


@dataclasses.dataclass
class Case:
    machine: str
    script: list
    status: str = "SUCCEEDED"
    error: str | None = None
    says: str = ""
    substitutions: dict = dataclasses.field(default_factory=dict)
    event: dict = dataclasses.field(default_factory=lambda: EVENT)
    worker: bool = False  # what the Map runs for one item, by itself


def fails(machine: str, script: list, error: str, says: str = "", **more) -> Case:
    return Case(machine, script, "FAILED", f"Thaw.{error}", says, **more)


def service_errors(name: str, state: str, worker: bool = False) -> list:
    """The errors after which the state is tried again by way of the machine's own counting, but for an answer that takes too long."""
    machine = definition(name)
    errors = (worker_of(machine) if worker else machine)["States"][state]["Catch"][0]["ErrorEquals"]
    assert "States.Timeout" in errors
    return [error for error in errors if error != "States.Timeout"]


def retried(name: str, state: str) -> list:
    return definition(name)["States"][state]["Retry"][0]["ErrorEquals"]


CHECKED = [READY, READY]
# Where an answer takes too long, and alone there: on a busy machine any other may take a second, too.
QUICK = {"TaskTimeoutSeconds": 2}


def common(name: str) -> dict:
    """Cases of what both machines begin with; `rest` completes them."""
    rest = [PARTIAL, DONE, DONE] if name == "fan-out" else [DONE]
    more = {"event": EVENT | {"workers": 1}}
    return {
        "checks_are_retried": Case(name, [*map(refusal, retried(name, "ValidateConfig")), READY,
                                          *map(refusal, retried(name, "TestConnections")), READY, *rest], **more),
        "invalid_configuration": fails(name, [REFUSED], "InvalidConfiguration", "tables[2].target is missing"),
        "checking_is_refused": fails(name, [refusal("Lambda.ServiceException")] * 6, "ConfigurationNotChecked", "Lambda.ServiceException"),
        "no_status_of_the_check": fails(name, [NOT_THAW], "UnexpectedAnswer", "hello"),
        "no_connections": fails(name, [READY, REFUSED], "ConnectionsFailed", "tables[2].target is missing"),
        "testing_is_refused": fails(name, [READY, FunctionError("Runtime.BadInit")], "ConnectionsNotTested", "Runtime.BadInit"),
        "no_status_of_the_test": fails(name, [READY, None], "UnexpectedAnswer", "null"),
    }


def migrate_cases() -> dict:
    machine = "migrate"
    return common(machine) | {
        "completed": Case(machine, [*CHECKED, DONE]),
        "resumed": Case(machine, [*CHECKED, PARTIAL, PARTIAL, DONE]),
        "resumed_without_a_run_id": Case(machine, [*CHECKED, answer("partial"), DONE]),
        "a_failure_that_may_pass": Case(machine, [*CHECKED, FAILED | {"body": FAILED["body"] | {"needs_retry": True}}, DONE]),
        "every_error_while_it_is_resumed": Case(machine, [*CHECKED, PARTIAL, *map(refusal, service_errors(machine, "Resume")), DONE]),
        "too_late_while_it_is_resumed": Case(machine, [*CHECKED, PARTIAL, Slow, DONE], substitutions=QUICK),
        "first_call_too_late": Case(machine, [*CHECKED, Slow, DONE], substitutions=QUICK),
        "failed": fails(machine, [*CHECKED, FAILED], "MigrationFailed", "no such column"),
        "failed_when_resumed": fails(machine, [*CHECKED, PARTIAL, FAILED], "MigrationFailed", "no such column"),
        "status_that_nobody_knows": fails(machine, [*CHECKED, answer("happy")], "UnexpectedAnswer", "happy"),
        "not_answered": fails(machine, [*CHECKED, FunctionError("Lambda.ResourceNotFoundException")], "MigrationNotAnswered", "ResourceNotFound"),
        "not_answered_when_resumed": fails(machine, [*CHECKED, PARTIAL, FunctionError("Other")], "MigrationNotAnswered", "Other"),
        "attempts_used_up": fails(machine, [*CHECKED, PARTIAL, PARTIAL, PARTIAL], "AttemptsUsedUp", "after 2 more attempts",
                                  substitutions={"MaxAttempts": 2}),
    } | {f"first_call_{error}": Case(machine, [*CHECKED, refusal(error), DONE])
         for error in service_errors(machine, "ExecuteMigration")}


def fan_out_cases() -> dict:
    machine = "fan-out"
    one = {"event": EVENT | {"workers": 1}}
    return common(machine) | {
        "loaded_together": Case(machine, [*CHECKED, PARTIAL, DONE, DONE, DONE, DONE, DONE]),
        "nothing_to_do": Case(machine, [*CHECKED, DONE]),
        "preparing_is_retried": Case(machine, [*CHECKED, *map(refusal, retried(machine, "Prepare")), PARTIAL, DONE, DONE], **one),
        "preparing_fails": fails(machine, [*CHECKED, FAILED], "MigrationFailed", "no such column"),
        "preparing_is_not_answered": fails(machine, [*CHECKED, FunctionError("Other")], "MigrationNotAnswered", "Other"),
        "prepared_without_a_run_id": fails(machine, [*CHECKED, answer("partial")], "UnexpectedAnswer", "partial"),
        "a_worker_fails": Case(machine, [*CHECKED, PARTIAL, FAILED, DONE, DONE, DONE, DONE]),
        "all_workers_fail": fails(machine, [*CHECKED, PARTIAL, FAILED, FAILED], "MigrationFailed", "no such column", **one),
        "workers_go_on": Case(machine, [*CHECKED, PARTIAL, PARTIAL, refusal("Sandbox.Timedout"), DONE, DONE], **one),
        "the_last_step_goes_round": Case(machine, [*CHECKED, PARTIAL, DONE, PARTIAL, DONE, DONE], **one),
        "every_error_of_the_last_step": Case(
            machine, [*CHECKED, PARTIAL, *(step for error in service_errors(machine, "Complete") for step in (DONE, refusal(error))), DONE, DONE],
            **one),
        "the_last_step_is_too_late": Case(machine, [*CHECKED, PARTIAL, DONE, Slow, DONE, DONE], substitutions=QUICK, **one),
        "the_last_step_is_not_answered": fails(machine, [*CHECKED, PARTIAL, DONE, FunctionError("Other")], "MigrationNotAnswered", **one),
        "the_last_step_without_a_status": fails(machine, [*CHECKED, PARTIAL, DONE, NOT_THAW], "UnexpectedAnswer", "hello", **one),
        "attempts_used_up": fails(machine, [*CHECKED, PARTIAL, DONE, PARTIAL, DONE, PARTIAL], "AttemptsUsedUp", "after 1 more",
                                  substitutions={"MaxAttempts": 1}, **one),
        "too_many_workers": fails(machine, [], "InvalidWorkers", "1001", event={"workers": 1001}),
        "workers_in_words": fails(machine, [], "InvalidWorkers", "four", event={"workers": "four"}),
        "workers_cannot_be_run": fails(machine, [*CHECKED, PARTIAL], "FanOutFailed", substitutions={"MaxConcurrency": "[]"}, **one),
    }


def worker_cases() -> dict:
    machine = "fan-out"
    return {name: dataclasses.replace(case, worker=True) for name, case in {
        "worker_completes": Case(machine, [DONE]),
        "worker_goes_on": Case(machine, [PARTIAL, DONE]),
        "worker_meets_every_error": Case(machine, [*map(refusal, service_errors(machine, "Claim", worker=True)), DONE]),
        "worker_is_too_late": Case(machine, [Slow, DONE], substitutions=QUICK),
        "worker_fails": fails(machine, [FAILED], "WorkerFailed", "no such column"),
        "worker_is_not_answered": fails(machine, [FunctionError("Other")], "WorkerNotAnswered", "Other"),
        "worker_uses_up_its_attempts": fails(machine, [PARTIAL, PARTIAL], "WorkerAttemptsUsedUp", "after 1 more",
                                             substitutions={"MaxAttempts": 1}),
    }.items()}


CASES = ({f"migrate-{name}": case for name, case in migrate_cases().items()}
         | {f"fan-out-{name}": case for name, case in fan_out_cases().items()} | worker_cases())


def machine_of(case: Case) -> dict:
    machine = definition(case.machine, **case.substitutions)
    return worker_of(machine) if case.worker else machine


def item(case: Case) -> dict:
    """What the Map hands to a worker."""
    settings = {"wait_seconds": 0, "max_attempts": case.substitutions.get("MaxAttempts", 100),
                "task_timeout_seconds": case.substitutions.get("TaskTimeoutSeconds", 960)}
    return {"input": case.event, "defaults": {"no_resume": False}, "settings": settings, "attempts": {"used": 0},
            "call": {"action": "migrate", "no_resume": False, "resume_run_id": None, "worker": 0, "run_id": RUN}}


class Scripted:
    """Answers in the script's order, and remembers the events."""

    def __init__(self, script: list):
        self.left, self.events, self.lock = list(script), [], threading.Lock()

    def __call__(self, event: dict):
        with self.lock:
            self.events.append(event)
            said = self.left.pop(0) if self.left else FunctionError("ScriptIsOver")
        if said is Slow:
            time.sleep(3)
            return NOT_THAW
        if isinstance(said, Exception):
            raise said
        return said


@pytest.fixture(scope="module")
def played():
    """Every case once: its execution, its script, and the events that the function got."""
    results = {}
    with StepFunctions(lambda event: None) as step_functions:
        for name, case in CASES.items():
            scripted = step_functions.answer = Scripted(case.script)
            results[name] = step_functions.run(machine_of(case), item(case) if case.worker else case.event), scripted
    return results


@pytest.mark.parametrize("name", CASES)
def test_every_answer_leads_where_it_should(played, name):
    case = CASES[name]
    execution, scripted = played[name]
    assert (execution.status, execution.error) == (case.status, case.error), (execution.cause, execution.states)
    assert case.says in (execution.cause or "")
    assert not scripted.left, "the machine ended before the script"
    if execution.status == "SUCCEEDED":
        assert execution.output == (0 if case.worker else DONE["body"])


def calls(played, name: str) -> list:
    return [event["input"] for event in played[name][1].events]


def test_each_call_lays_its_words_over_the_input(played):
    assert played["migrate-completed"][1].events == [
        {"input": EVENT | {"action": action}, "defaults": {"no_resume": False}} for action in ("validate_config", "test_connections", "migrate")]


def test_a_resume_names_the_run_and_never_begins_anew(played):
    resume = EVENT | {"action": "migrate", "no_resume": False}
    assert calls(played, "migrate-resumed")[3:] == [resume | {"resume_run_id": RUN}] * 2
    assert calls(played, "migrate-resumed_without_a_run_id")[3:] == [resume]
    assert calls(played, "migrate-first_call_Sandbox.Timedout")[3:] == [resume]
    assert calls(played, "migrate-every_error_while_it_is_resumed")[3:] == [resume | {"resume_run_id": RUN}] * 9


def test_workers_join_the_run_that_was_prepared(played):
    prepare, *workers, last = calls(played, "fan-out-loaded_together")[2:]
    assert prepare == EVENT | {"action": "migrate", "prepare": True}
    worker = EVENT | {"action": "migrate", "no_resume": False, "resume_run_id": None, "run_id": RUN}
    assert sorted(workers, key=lambda event: event["worker"]) == [worker | {"worker": number} for number in range(4)]
    assert last == EVENT | {"action": "migrate", "no_resume": False, "resume_run_id": RUN}


def test_attempts_are_counted(played):
    execution, _ = played["migrate-attempts_used_up"]
    assert execution.states.count("Resume") == 2
    assert CASES["migrate-attempts_used_up"].substitutions["MaxAttempts"] == 2


def test_the_waits_are_the_templates(played):
    for machine, wait in ((definition("migrate"), "WaitBeforeResume"), (definition("fan-out"), "WaitBeforeWork"),
                          (worker_of(definition("fan-out")), "WaitBeforeClaim")):
        assert machine["States"][wait]["SecondsPath"] == "$.settings.wait_seconds"
    assert definition("migrate", WaitSeconds=5)["States"]["InitializeDefaults"]["Parameters"]["settings"]["wait_seconds.$"] == "States.StringToJson('5')"
    started = time.monotonic()
    with StepFunctions(Scripted([*CHECKED, PARTIAL, DONE])) as step_functions:
        assert step_functions.run(definition("migrate", WaitSeconds=2), EVENT).status == "SUCCEEDED"
    assert time.monotonic() - started >= 2


@pytest.mark.parametrize(("machine", "worker"), [("migrate", False), ("fan-out", False), ("fan-out", True)], ids=["migrate", "fan-out", "worker"])
def test_no_branch_is_left_untaken(played, machine, worker):
    """Computed from the definition: a state, rule, Retry or Catch that is added without a case for it fails here."""
    whole = definition(machine)
    whole = worker_of(whole) if worker else whole
    walked = set().union(*(taken(whole, played[name][0]) for name, case in CASES.items() if (case.machine, case.worker) == (machine, worker)))
    assert walked <= branches(whole)
    # Of the errors that States.ALL stands for, one is met.
    assert branches(whole) - walked == set()


def test_a_branch_without_a_case_is_noticed(played):
    """The computation above can fail: a rule is added to a definition, and its branch is missing from what was walked."""
    whole = definition("migrate")
    walked = set().union(*(taken(whole, played[name][0]) for name, case in CASES.items() if case.machine == "migrate"))
    whole["States"]["Resume"]["Catch"].insert(1, {"ErrorEquals": ["Runtime.New"], "Next": "MigrationFailed"})
    whole["States"]["CheckStatus"]["Choices"].append({"Variable": "$.x", "IsPresent": True, "Next": "Resume"})
    assert branches(whole) - walked >= {("Resume", "Catch 1", "Runtime.New"), ("CheckStatus", "Choice 3")}
