"""What the tests of the Lambda function share."""

import contextlib
import json
import pathlib

from cfnlint.decode import cfn_yaml

from tests.servers.lambda_emulator import Emulator
from thaw import ROOT

ACTIONS = {"migrate": "completed", "validate_config": "success", "test_connections": "success"}
BODY = ["status", "run_id", "sources", "total_sources", "sources_completed", "sources_partial", "sources_failed",
        "total_rows_migrated", "duration_seconds", "remaining_time_seconds", "needs_retry", "progress_percent", "summary", "error"]


@contextlib.contextmanager
def function(folder: pathlib.Path, config: dict | None, *, timeout: int = 60, **environment: str):
    """A running function, whose log can be read until the end."""
    emulator = Emulator(folder / "function", config, timeout=timeout,
                        environment={"THAW_LAMBDA_BUFFER_SECONDS": "2", "THAW_RETRY_SCALE": "2", **environment})
    try:
        yield emulator.start()
    finally:
        emulator.close()


def ask(emulator: Emulator, event, code: int = 200, status: str | None = None) -> dict:
    """The body of the answer, whose status must be this."""
    answer, seconds = emulator.invoke(event)
    shown = f"{event!r}: {answer}\n" + "\n".join(emulator.log()[-40:])
    assert list(answer) == ["statusCode", "body"], shown
    assert answer["statusCode"] == code, shown
    body = answer["body"]
    assert list(body) == BODY, shown
    assert status is None or body["status"] == status, shown
    assert 0 < body["remaining_time_seconds"] <= emulator.timeout and seconds < emulator.timeout, shown
    return body


def records(emulator: Emulator) -> list:
    """The function's log: every line of it is one JSON object."""
    return [json.loads(line) for line in emulator.log()]


def unfinished_progress(loaded: int, expected: int) -> float:
    """What a run that isn't completed says of itself: the rows that are loaded, of those expected, to four places; and never more than
    0.999, since tables whose rows are all there may still have to be reconciled."""
    return float(f"{min(loaded / expected, 0.999):.4f}")


def alarms_of_metrics() -> list:
    """(metric, names of its dimensions) of each alarm that the template makes of the function's own metrics; an optional dimension both ways."""
    resources = cfn_yaml.load(str(ROOT / "deploy/aws/template.yaml"))["Resources"].values()
    found = []
    for alarm in (resource["Properties"] for resource in resources if resource["Type"] == "AWS::CloudWatch::Alarm"):
        if alarm["Namespace"] == "thaw":
            fixed = [entry["Name"] for entry in alarm["Dimensions"] if "Name" in entry]
            optional = [entry["Fn::If"][1]["Name"] for entry in alarm["Dimensions"] if "Fn::If" in entry]
            found += [(alarm["MetricName"], fixed), *([(alarm["MetricName"], fixed + optional)] if optional else [])]
    return found


def metrics(emulator: Emulator) -> list:
    return [record for record in records(emulator) if "_aws" in record]
