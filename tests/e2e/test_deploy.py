"""What deploy/docker, deploy/kubernetes and deploy/batch hold: valid by the validators of their trade, where a broken copy isn't;
and as far as that goes without a container, done: the steps of the images, and the commands and probes of the jobs.
"""

import glob
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import uuid

import botocore.session
import kubernetes_validate
import pytest
import yaml
from botocore.validate import ParamValidator

from marks import snowflake_only
from tests.servers.clean_root import CleanRoot
from tests.servers.lambda_emulator import Emulator
from thaw import ROOT, Running

DEPLOY = ROOT / "deploy"
PACKAGES = ROOT / "build/packages"
IMAGES = ("Dockerfile", "Dockerfile.lambda")
MANIFEST = DEPLOY / "kubernetes/migrate.yaml"
# The oldest Kubernetes in which all of the manifest's fields are stable, and the newest whose schemas are here.
KUBERNETES = ("1.33", "1.37")
BATCH = {"job-definition.json": "RegisterJobDefinition", "job.json": "SubmitJob"}
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 200, "truncate_onstart": True}
ROWS = 6000


# The validators


def lint(path: pathlib.Path) -> list:
    found = subprocess.run([pathlib.Path(sys.executable).parent / "hadolint", "--no-color", path], capture_output=True, text=True, check=False)
    assert (found.returncode == 0) == (found.stdout + found.stderr == ""), found
    return (found.stdout + found.stderr).splitlines()


def documents(text: str) -> list:
    return list(yaml.safe_load_all(text))


def wrong_in_manifest(text: str) -> list:
    wrong = []
    for document in documents(text):
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                wrong.append(f"{version}: {error}")
    return wrong


def enumerations(value, shape) -> list:
    """Values that aren't of their enumeration: botocore's own validator looks at names and types only."""
    if shape.type_name == "structure":
        return [wrong for name, member in value.items() if name in shape.members for wrong in enumerations(member, shape.members[name])]
    if shape.type_name == "list":
        return [wrong for member in value for wrong in enumerations(member, shape.member)]
    allowed = getattr(shape, "enum", None)
    return [f"{value} is none of {allowed}"] if allowed and value not in allowed else []


def wrong_in_batch(name: str, text: str) -> list:
    """By the service's own model."""
    shape = botocore.session.get_session().get_service_model("batch").operation_model(BATCH[name]).input_shape
    value = json.loads(text)
    report = ParamValidator().validate(value, shape)
    return [report.generate_report()] if report.has_errors() else enumerations(value, shape)


@pytest.mark.parametrize("name", IMAGES)
def test_the_images_are_valid(name):
    assert lint(DEPLOY / "docker" / name) == []


def test_the_manifest_is_valid():
    assert wrong_in_manifest(MANIFEST.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", BATCH)
def test_the_batch_job_is_valid(name):
    assert wrong_in_batch(name, (DEPLOY / "batch" / name).read_text(encoding="utf-8")) == []


BREAKS = {
    "an_instruction_that_is_none": ("docker/Dockerfile", "WORKDIR /etc", "WORKDIRS /etc"),
    "a_base_that_changes": ("docker/Dockerfile", "debian:12.12-slim", "debian:latest"),
    "an_installation_that_asks": ("docker/Dockerfile", "install --yes", "install"),
    "a_stage_that_is_none": ("docker/Dockerfile.lambda", "--from=unpacked", "--from=packed"),
    "a_folder_of_nowhere": ("docker/Dockerfile.lambda", "WORKDIR /work", "WORKDIR work"),
    "a_field_that_nothing_has": ("kubernetes/migrate.yaml", "completions: 4", "completion: 4"),
    "a_version_that_is_none": ("kubernetes/migrate.yaml", "batch/v1", "batch/v2"),
    "a_rule_without_its_action": ("kubernetes/migrate.yaml", "- action: FailJob\n        onExitCodes", "- onExitCodes"),
    "a_number_as_text": ("kubernetes/migrate.yaml", "values: [2]", 'values: ["2"]'),
    "a_probe_of_no_kind": ("kubernetes/migrate.yaml", "            exec:", "            execute:"),
    "a_member_that_nothing_has": ("batch/job-definition.json", '"retryStrategy"', '"retryStrategies"'),
    "a_number_in_place_of_a_text": ("batch/job-definition.json", '"value": "2048"', '"value": 2048'),
    "an_action_that_is_none": ("batch/job-definition.json", '"action": "EXIT"', '"action": "STOP"'),
    "a_definition_without_its_name": ("batch/job-definition.json", '"jobDefinitionName": "thaw",', ""),
    "a_job_without_its_queue": ("batch/job.json", '"jobQueue": "<queue>",', ""),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_broken_copies_are_refused(broken, tmp_path):
    name, old, new = BREAKS[broken]
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new)
    if name.startswith("docker"):
        (tmp_path / "Dockerfile").write_text(text, encoding="utf-8")
        assert lint(tmp_path / "Dockerfile")
    elif name.startswith("kubernetes"):
        try:
            assert wrong_in_manifest(text)
        except kubernetes_validate.SchemaNotFoundError:
            assert "v2" in new
    else:
        assert wrong_in_batch(name.partition("/")[2], text)


# The steps of the images


def steps(name: str) -> list:
    """(instruction, its words in one line) of an image, in their order."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "docker" / name).read_text(encoding="utf-8"), flags=re.M)
    return [tuple(line.split(None, 1)) for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


@pytest.mark.parametrize("name", IMAGES)
def test_what_an_image_takes_is_in_the_packages(name):
    taken = [words for instruction, words in steps(name) if instruction in ("COPY", "ADD") and "--from=" not in words]
    assert taken
    for words in taken:
        *sources, _ = words.split()
        for source in sources:
            assert len(glob.glob(str(PACKAGES / source))) == 1, f"{source}: run make package"


def test_the_image_installs_the_package_that_is_tested():
    """test_packages.py installs that one, with what it depends on, into a root of its own; here apt does it, by the name that COPY gave it."""
    (_, copied), = [step for step in steps("Dockerfile") if step[0] == "COPY"]
    source, folder = copied.split()
    (_, ran), = [step for step in steps("Dockerfile") if step[0] == "RUN"]
    assert f"apt-get install --yes --no-install-recommends {folder}{source} " in ran
    package, = PACKAGES.glob(source)
    simulated = subprocess.run(["apt-get", "install", "--simulate", "--no-install-recommends", package], capture_output=True, text=True, check=False)
    assert simulated.returncode == 0 and "Inst thaw " in simulated.stdout, simulated


@snowflake_only
def test_the_function_s_image_migrates(migration, tmp_path):
    """Its steps, done in a folder; what they make is put into a root with nothing but glibc, as the base has it, and answers."""
    table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({ROWS}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    root, work = CleanRoot(tmp_path / "root"), tmp_path / "work"
    root.add_libraries(*CleanRoot.GLIBC)
    work.mkdir()
    environment = {}
    for instruction, words in steps("Dockerfile.lambda"):
        if instruction == "ADD":
            archive, = PACKAGES.glob(words.split()[0])
            subprocess.run(["tar", "-xzf", archive, "-C", work], check=True)
        elif instruction == "RUN":
            subprocess.run(["sh", "-ec", words], cwd=work, check=True)
        elif instruction == "COPY":
            assert words == "--from=unpacked /work/image/ /"
            subprocess.run(["cp", "-r", f"{work}/image/.", root.path], check=True)
        elif instruction == "ENV":
            name, value = words.split("=", 1)
            environment[name] = value
    (root.path / "var/task").mkdir()
    (root.path / "rsa_key.p8").write_bytes(migration.source.key_file.read_bytes())
    emulator = Emulator(root.path, timeout=60, environment={"LAMBDA_TASK_ROOT": "/var/task", **environment},
                        command=root.command("/var/runtime/bootstrap", folder="/var/task"))
    config = migration.config(TABLE)
    config["snowflake"]["rsa_key"] = "/rsa_key.p8"
    (root.path / environment["THAW_CONFIG"][1:]).write_text(json.dumps(config), encoding="utf-8")
    try:
        emulator.start()
        answer, _ = emulator.invoke({"action": "migrate"})
        assert answer.get("statusCode") == 200 and answer["body"]["status"] == "completed", (answer, emulator.platform_log())
    finally:
        emulator.close()
    assert migration.assert_same(table, "t") == ROWS


# The jobs


def job() -> dict:
    return next(document for document in documents(MANIFEST.read_text(encoding="utf-8")) if document["kind"] == "Job")


def container() -> dict:
    found, = job()["spec"]["template"]["spec"]["containers"]
    return found


def test_the_manifest_s_configuration_is_one(thaw, key_file):
    config = next(document for document in documents(MANIFEST.read_text(encoding="utf-8")) if document["kind"] == "ConfigMap")
    secret = next(document for document in documents(MANIFEST.read_text(encoding="utf-8")) if document["kind"] == "Secret")["stringData"]
    names = {entry["name"] for entry in container()["env"]}
    assert set(secret) - {"rsa_key.p8"} <= names
    text = config["data"]["config.json"].replace("/etc/thaw-secrets/rsa_key.p8", str(key_file))
    (thaw.directory / "config.json").write_text(text, encoding="utf-8")
    thaw.run("validate", environment={name: "given" for name in secret if name in names}).expect(0)


def test_exit_statuses_mean_to_kubernetes_what_they_mean_to_thaw():
    """docs/fleet.md has the table."""
    rules = {value: rule["action"] for rule in job()["spec"]["podFailurePolicy"]["rules"] for value in rule.get("onExitCodes", {}).get("values", [])}
    assert rules == {2: "FailJob", 3: "Ignore", 143: "Ignore"}
    assert all(rule.get("onExitCodes", {}).get("containerName", "thaw") == container()["name"] for rule in job()["spec"]["podFailurePolicy"]["rules"])
    assert job()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 15 + 2


class Jobs:
    """Starts commands of the jobs as a scheduler would: with its variables, the program in the PATH, and the configuration where it is."""

    def __init__(self, migration):
        self.migration = migration
        self.table = migration.source.table("t", {"id": "int"}, f"SELECT i FROM range({ROWS}) AS r(i)")
        self.let_chunks_take(0.05)
        migration.target.execute("CREATE TABLE t (id bigint)", "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION slow()")
        self.config = migration.thaw.write(migration.config(TABLE))
        self.path = f"{migration.thaw.directory}:{os.environ['PATH']}"
        (migration.thaw.directory / "thaw").symlink_to(ROOT / "build/thaw")

    def let_chunks_take(self, seconds: float) -> None:
        self.migration.target.execute("CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                                      f"$$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$")

    def start(self, command: list, environment: dict) -> Running:
        command = [re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], word).replace("/etc/thaw/config.json", str(self.config))
                   for word in command]
        process = subprocess.Popen(command, env={"PATH": self.path, "HOME": "/tmp", **environment}, cwd="/", stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.migration.thaw.running.append(Running(command, process))
        return self.migration.thaw.running[-1]

    def assert_one_run(self, run_id: str) -> None:
        assert self.migration.assert_same(self.table, "t") == ROWS
        assert self.migration.target.rows("SELECT run_id::text, status FROM migration_status.migration_runs") == [(run_id, "completed")]
        self.migration.target.assert_completed()


def test_pods_of_one_job_share_its_run(migration):
    """And the probe says of each whether it is at work."""
    jobs, uid = Jobs(migration), str(uuid.uuid4())
    jobs.let_chunks_take(1)
    host = os.uname().nodename
    fields = {entry["name"]: entry["valueFrom"]["fieldRef"]["fieldPath"] for entry in container()["env"] if "fieldRef" in entry.get("valueFrom", {})}
    assert fields == {"RUN_ID": "metadata.labels['batch.kubernetes.io/controller-uid']", "POD": "metadata.name"}
    probe = container()["readinessProbe"]["exec"]["command"]
    pods = [jobs.start(container()["command"], {"RUN_ID": uid, "POD": host}) for _ in range(job()["spec"]["parallelism"])]
    others, seen = (host + "-x", host[:-1]), {}  # thaw-1 is not at work because thaw-10 is
    deadline = time.monotonic() + 30
    while seen.get(host) != 0 and time.monotonic() < deadline:
        seen = {name: jobs.start(probe, {"RUN_ID": uid, "POD": name}).wait().status for name in (host, *others)}
    assert len(host) > 1 and seen == {host: 0} | dict.fromkeys(others, 1)
    pods[0].signal(signal.SIGTERM)
    pods[0].wait().expect(3)
    jobs.let_chunks_take(0)
    pods[0] = jobs.start(container()["command"], {"RUN_ID": uid, "POD": host})
    for pod in pods:
        pod.wait().expect(0)
    jobs.start(probe, {"RUN_ID": uid, "POD": host}).wait().expect(1)  # nobody works on a completed run
    jobs.assert_one_run(uid)


def test_children_of_one_array_job_share_its_run(migration):
    jobs, array = Jobs(migration), str(uuid.uuid4())
    definition = json.loads((DEPLOY / "batch/job-definition.json").read_text(encoding="utf-8"))
    size = json.loads((DEPLOY / "batch/job.json").read_text(encoding="utf-8"))["arrayProperties"]["size"]
    children = [jobs.start(definition["containerProperties"]["command"], {"AWS_BATCH_JOB_ID": f"{array}:{index}"}) for index in range(size)]
    for child in children:
        child.wait().expect(0)
    jobs.assert_one_run(array)
