"""Run the real state machines of deploy/aws: moto interprets their definitions, and whoever the test names answers for the
Lambda function.

    with StepFunctions(answer) as step_functions:
        execution = step_functions.run(definition("migrate"), {"source_name": "a"})
        assert execution.status == "SUCCEEDED"

`answer(event)` is called in a thread of its own for each invocation. It returns what the function answers, or raises FunctionError
(the function ended without an answer) or ServiceError (Lambda refused the call).

What moto interprets is close to the service and isn't it; branches() and taken() say which arrows of a definition a history went
along, so that a test can ask for all of them.
"""

import collections.abc
import contextlib
import dataclasses
import itertools
import json
import os
import time
import types
import unittest.mock

import boto3
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

from .postgres import ROOT

AWS = ROOT / "deploy" / "aws"
REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/states"
# What the template puts into the definitions; tests don't wait.
SUBSTITUTIONS = {"Partition": "aws", "FunctionArn": f"arn:aws:lambda:{REGION}:123456789012:function:thaw", "WaitSeconds": 0,
                 "MaxAttempts": 100, "TaskTimeoutSeconds": 960, "Workers": 4, "MaxConcurrency": 100}


class FunctionError(Exception):
    """The function gave no answer: errorType as Lambda has it, for example Sandbox.Timedout, and errorMessage."""

    def __init__(self, kind: str, message: str = "made by the test"):
        super().__init__(kind)
        self.kind, self.message = kind, message


class ServiceError(JsonRESTError):
    """Lambda refused the call: Step Functions names it "Lambda.CODE"."""

    code = 500

    def __init__(self, code: str):
        super().__init__(code, "made by the test")


@dataclasses.dataclass
class Execution:
    status: str
    output: object
    error: str | None
    cause: str | None
    events: list

    @property
    def states(self) -> list:
        """The names of the states, in the order in which they were entered."""
        return [name for name in map(entered, self.events) if name]


def text_of(name: str, **substitutions) -> str:
    """A definition of deploy/aws as the template hands it to the service."""
    text = (AWS / f"{name}.asl.json").read_text(encoding="utf-8")
    for key, value in {**SUBSTITUTIONS, **substitutions}.items():
        text = text.replace(f"${{{key}}}", str(value))
    assert "${" not in text, f"{name}: a substitution that nobody knows"
    return text


def definition(name: str, **substitutions) -> dict:
    return json.loads(text_of(name, **substitutions))


class StepFunctions:
    def __init__(self, answer: collections.abc.Callable):
        self.answer = answer
        self.numbers = itertools.count(1)
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> "StepFunctions":
        # The SDK's own attempts would repeat what the test has counted.
        self.stack.enter_context(unittest.mock.patch.dict(os.environ, {"AWS_MAX_ATTEMPTS": "1", "AWS_DEFAULT_REGION": REGION}))
        self.stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}))
        self.stack.enter_context(unittest.mock.patch.object(LambdaSimpleBackend, "invoke", self._invoke))
        # Of a Retry the number of attempts is looked at; nobody waits for its seconds.
        self.stack.enter_context(unittest.mock.patch.object(retrier_decl, "time", types.SimpleNamespace(sleep=lambda _seconds: None)))
        self.client = boto3.client("stepfunctions", region_name=REGION)
        return self

    def __exit__(self, *_exception) -> None:
        self.stack.close()

    def _invoke(self, _function: str, _qualifier, body, _headers, response_headers: dict) -> bytes:
        try:
            answer = self.answer(json.loads(body))
        except FunctionError as error:
            response_headers["x-amz-function-error"] = "Unhandled"
            answer = {"errorType": error.kind, "errorMessage": error.message}
        return json.dumps(answer).encode()

    def start(self, machine: dict, event: object) -> str:
        """The ARN of a new execution of a new state machine."""
        created = self.client.create_state_machine(name=f"machine-{next(self.numbers)}", definition=json.dumps(machine), roleArn=ROLE)
        return self.client.start_execution(stateMachineArn=created["stateMachineArn"], input=json.dumps(event))["executionArn"]

    def wait(self, arn: str, timeout: float = 120) -> Execution:
        deadline = time.monotonic() + timeout
        while (found := self.client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, "the execution did not end; it went through " + ", ".join(
                name for name in map(entered, self._history(arn)) if name)
            time.sleep(0.02)
        return Execution(found["status"], json.loads(found["output"]) if "output" in found else None, found.get("error"),
                         found.get("cause"), self._history(arn))

    def run(self, machine: dict, event: object, timeout: float = 120) -> Execution:
        return self.wait(self.start(machine, event), timeout)

    def _history(self, arn: str) -> list:
        return [event for page in self.client.get_paginator("get_execution_history").paginate(executionArn=arn)
                for event in page["events"]]


# The branches of a definition, and those that a history took


def worker_of(machine: dict) -> dict:
    """What a Map runs for each item, as a state machine of its own: the history of a distributed Map doesn't show it."""
    maps = [state for state in machine["States"].values() if state["Type"] == "Map"]
    assert len(maps) == 1
    return {key: value for key, value in maps[0]["ItemProcessor"].items() if key != "ProcessorConfig"}


def branches(machine: dict) -> set:
    """Every way out of every state: (state, "Next"), (state, "Choice 0"), (state, "Catch 1", error), (state, "Ends"), ..."""
    found = set()
    for name, state in machine["States"].items():
        if state["Type"] == "Choice":
            targets = [rule["Next"] for rule in state["Choices"]] + [state["Default"]]
            assert len(set(targets)) == len(targets), f"{name}: two rules lead to one state, so the history can't tell them apart"
            found |= {(name, f"Choice {i}") for i in range(len(state["Choices"]))} | {(name, "Default")}
        else:
            found.add((name, "Next" if "Next" in state else "Ends"))
        for kind in ("Retry", "Catch"):
            for i, rule in enumerate(state.get(kind, [])):
                found |= {(name, f"{kind} {i}", error) for error in rule["ErrorEquals"]}
    return found


def entered(event: dict) -> str | None:
    return event.get("stateEnteredEventDetails", {}).get("name")


def failure_of(event: dict) -> str | None:
    """The error's name, where the event says that what a state did has failed. A Map that could not begin shows in what it hands on."""
    if event["type"] == "MapStateExited":
        return json.loads(event["stateExitedEventDetails"]["output"]).get("failure", {}).get("Error")
    if event["type"] not in ("TaskFailed", "TaskTimedOut"):
        return None
    return next(details["error"] for key, details in event.items() if key.endswith("EventDetails") and "error" in details)


def rule_for(state: dict, kind: str, error: str) -> tuple:
    """The first rule that names the error, or all of them."""
    for i, rule in enumerate(state[kind]):
        for name in (error, "States.ALL"):
            if name in rule["ErrorEquals"]:
                return f"{kind} {i}", name
    raise AssertionError(f"no {kind} for {error}")


def way_out(name: str, state: dict, following: str | None, failures: list, succeeded: bool) -> set:
    """The branches by which a state was left for `following` (None: the execution ended there)."""
    if state["Type"] == "Choice":
        targets = [rule["Next"] for rule in state["Choices"]]
        return {(name, f"Choice {targets.index(following)}" if following in targets else "Default")}
    caught = failures[-1:] if not succeeded else []
    retried = failures[:len(failures) - len(caught)]
    found = {(name, *rule_for(state, "Retry", error)) for error in retried}
    if caught:
        return found | {(name, *rule_for(state, "Catch", caught[0]))}
    return found | {(name, "Next" if following else "Ends")}


def taken(machine: dict, execution: Execution) -> set:
    """Those of branches() that the execution went along."""
    found: set = set()
    name, failures, succeeded = None, [], False
    for event in [*execution.events, {"type": "End"}]:
        following = entered(event)
        if following or event["type"] == "End":
            if name:
                found |= way_out(name, machine["States"][name], following, failures, succeeded)
            name, failures, succeeded = following, [], False
        elif not succeeded and failure_of(event):
            failures.append(failure_of(event))
        elif event["type"] in ("TaskSucceeded", "MapRunSucceeded"):
            succeeded = True
    return found
