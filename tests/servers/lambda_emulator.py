"""Run the program as a Lambda function, under AWS's own runtime interface emulator (scripts/setup test builds it).

    with Emulator(folder, config, timeout=10) as function:
        answer, seconds = function.invoke({"action": "migrate"})
        assert answer["statusCode"] == 200, function.log()

The emulator serves one invocation at a time. It starts the function's process at the first one, keeps it for the next, and
kills it with SIGKILL at the time-out. The function and the emulator end with the process that started them.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from .double import OPENER, die_with_parent
from .postgres import ROOT, free_port

PROGRAM = ROOT / "build/tools/aws-lambda-rie"
BINARY = (ROOT / os.environ.get("THAW_BINARY", "build/thaw")).resolve()
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")
# What the emulator says itself, beside the function's own lines.
PLATFORM = re.compile(r"^(\d\d \w{3} \d{4} \d\d:\d\d:\d\d,\d{3} \[\w+\] \(rapid\)|(START|END|REPORT|INIT_REPORT) RequestId: )")


class EmulatorError(Exception):
    """The emulator did not start; the message has its output."""


class Emulator:
    """One function in `folder`: a bootstrap, its drivers and config.json (`config`: None leaves it out).

    timeout: the function's, in whole seconds; memory: its size in MB; environment: what the function sees beside a few
    variables of the machine; command: what is started instead of the folder's bootstrap, with the folder as it is.
    """

    def __init__(self, folder: pathlib.Path, config: dict | None = None, *, timeout: int = 60, memory: int = 1024,
                 environment: dict | None = None, command: list | None = None):
        self.folder, self.timeout, self.memory = folder, timeout, memory
        self.environment = dict(environment or {})
        self.command = command
        self.process: subprocess.Popen | None = None
        self.port = 0
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="thaw-lambda-", dir="/tmp"))
        self.output = self.directory / "log"
        if command is None:
            self._make_function()
        if config is not None:
            self.write(config)

    def __enter__(self) -> "Emulator":
        return self.start()

    def __exit__(self, *_exception) -> None:
        self.stop()

    def write(self, config: dict) -> None:
        """The function's configuration, whole at any moment."""
        fresh = self.folder / "config.json.new"
        fresh.write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
        fresh.replace(self.folder / "config.json")

    def start(self) -> "Emulator":
        for _attempt in range(3):
            self.port, api = free_port(), free_port()
            with open(self.output, "ab") as log:
                self.process = subprocess.Popen(
                    [PROGRAM, "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
                     "--runtime-api-address", f"127.0.0.1:{api}", *(self.command or [str(self.folder / "bootstrap")])],
                    cwd=self.folder if self.command is None else "/", env=self._environment(), stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, preexec_fn=die_with_parent)
            if self._wait_until_ready():
                return self
        raise EmulatorError(f"Lambda's emulator did not start:\n{self.platform_log()[-4000:]}")

    def stop(self) -> None:
        """End the function and the emulator; what they said can still be read, until close()."""
        if self.process is not None:
            for pid in self.pids():
                _kill(pid)
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def invoke(self, event) -> tuple:
        """The function's answer to `event` (an object, or the bytes to send) and how long it took. An invocation that fails is
        answered with errorType and errorMessage, as the service does; `Sandbox.Timedout` where it was killed at the time-out."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations", data=body)
        started = time.monotonic()
        try:
            with OPENER.open(request, timeout=self.timeout + 120) as reply:
                text = reply.read().decode()
        except urllib.error.HTTPError as failed:
            text = failed.read().decode()
        seconds = time.monotonic() - started
        if text.startswith("Task timed out"):
            return {"errorType": "Sandbox.Timedout", "errorMessage": text}, seconds
        try:
            return json.loads(text), seconds
        except json.JSONDecodeError:
            return {"errorType": "Runtime.Unknown", "errorMessage": text}, seconds

    def log(self) -> list:
        """The lines that the function has written, on stdout and stderr."""
        return [line for line in self.platform_log().splitlines() if line and not PLATFORM.match(line)]

    def platform_log(self) -> str:
        """All that was written, the emulator's own lines included."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""

    def pids(self) -> list:
        """The function's processes: none before the first invocation and after one that was killed."""
        try:
            threads = list(pathlib.Path(f"/proc/{self.process.pid}/task").iterdir())
            return [int(pid) for thread in threads for pid in (thread / "children").read_text("ascii").split()]
        except OSError:
            return []

    def _make_function(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        bootstrap, drivers = self.folder / "bootstrap", self.folder / "drivers"
        if not bootstrap.exists():
            try:
                os.link(BINARY, bootstrap)
            except OSError:  # another file system
                shutil.copy2(BINARY, bootstrap)
        if not drivers.exists():
            drivers.symlink_to(ROOT / "build/drivers")

    def _environment(self) -> dict:
        machine = {name: os.environ[name] for name in INHERITED if name in os.environ}
        function = {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.timeout), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory)}
        return machine | function | self.environment

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                OPENER.open(f"http://127.0.0.1:{self.port}/", timeout=5).close()
                return True
            except urllib.error.HTTPError:
                return True
            except OSError:
                time.sleep(0.02)
        self.stop()
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
