"""Run the program as a user would: a configuration in a folder, a command line, an environment; then look at what came back.

THAW_BINARY names another binary than build/thaw, for example build/asan/thaw.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = (ROOT / os.environ.get("THAW_BINARY", "build/thaw")).resolve()
# What the program may inherit. Proxies and PG* variables of whoever runs the tests would change what is tested.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")
# "2026-01-31 12:00:00 | INFO | run | message"
TEXT_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| (DEBUG|INFO|WARNING|ERROR) \| ([^|]+) \| (.*)$")


class Finished:
    """A process that has ended: `status` as the shell would see it, but -9 for a SIGKILL."""

    def __init__(self, command: list, status: int, stdout: str, stderr: str, seconds: float):
        self.command, self.status, self.stdout, self.stderr, self.seconds = command, status, stdout, stderr, seconds

    def __str__(self) -> str:
        return f"{' '.join(self.command)}: exit status {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"

    def expect(self, status: int) -> "Finished":
        """Itself, where it ended with `status`; else the test fails and shows all that it said."""
        assert self.status == status, f"expected exit status {status}; {self}"
        return self

    def says(self, *words: str) -> "Finished":
        """Itself, where each of `words` stands somewhere in its log."""
        missing = [word for word in words if word not in self.stderr]
        assert not missing, f"the log doesn't say {missing}; {self}"
        return self

    def records(self, *words: str) -> list:
        """The log records that hold all of `words`."""
        return [line for line in self.stderr.splitlines() if all(word in line for word in words)]

    @property
    def run_id(self) -> str:
        found = re.search(r"\brun ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", self.stderr)
        assert found, f"no run_id in the log; {self}"
        return found[1]


class Running:
    """A process that was started and not waited for."""

    def __init__(self, command: list, process: subprocess.Popen):
        self.command, self.process, self.started = command, process, time.monotonic()

    def wait(self, timeout: float = 60) -> Finished:
        stdout, stderr = self.process.communicate(timeout=timeout)
        return Finished(self.command, self.process.returncode, stdout, stderr, time.monotonic() - self.started)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def state(self) -> str:
        """R, S, T (stopped), Z, ... of /proc/PID/stat."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0]

    def wait_until_stopped(self, timeout: float = 60) -> None:
        """Until a fault point has sent it SIGSTOP."""
        deadline = time.monotonic() + timeout
        while self.state() != "T":
            if self.process.poll() is not None or self.state() == "Z" or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"it did not stop at its fault point; {self.wait()}")
            time.sleep(0.01)

    def wait_until_handled(self) -> None:
        """Until no signal that was sent to it is pending any more."""
        while pending := re.findall(r"^(?:ShdPnd|SigPnd):\s*0*[1-9a-f]", pathlib.Path(f"/proc/{self.process.pid}/status").read_text("ascii"), re.M):
            assert self.process.poll() is None, (pending, self.wait())
            time.sleep(0.01)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)


class Thaw:
    """The program in a folder of its own, with config.json in it."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        # Retries that wait seconds would make the tests slow, not better.
        self.environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | {"THAW_RETRY_SCALE": "2"}
        self.running: list = []
        self.prefix: list = []  # words before the command, for example those that put it into a network namespace

    def write(self, config: dict, name: str = "config.json") -> pathlib.Path:
        path = self.directory / name
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
        return path

    def start(self, *arguments: str, environment: dict | None = None, stderr=subprocess.PIPE) -> Running:
        command = [*self.prefix, str(BINARY), *arguments]
        process = subprocess.Popen(command, cwd=self.directory, env=self.environment | (environment or {}), text=True,
                                   encoding="utf-8", errors="backslashreplace", stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=stderr)
        running = Running(command, process)
        self.running.append(running)
        return running

    def run(self, *arguments: str, environment: dict | None = None, timeout: float = 120) -> Finished:
        running = self.start(*arguments, environment=environment)
        try:
            return running.wait(timeout)
        except subprocess.TimeoutExpired:
            running.kill()
            raise AssertionError(f"it did not end within {timeout} s; {running.wait()}") from None

    def migrate(self, config: dict, *arguments: str, fault: str = "", timeout: float = 120, **environment: str) -> Finished:
        """`thaw migrate` with this configuration. `fault` goes into THAW_FAULT."""
        self.write(config)
        if fault:
            environment["THAW_FAULT"] = fault
        return self.run("migrate", *arguments, environment=environment, timeout=timeout)

    def start_migrate(self, config: dict, *arguments: str, fault: str = "", stderr=subprocess.PIPE, **environment: str) -> Running:
        self.write(config)
        if fault:
            environment["THAW_FAULT"] = fault
        return self.start("migrate", *arguments, environment=environment, stderr=stderr)

    def close(self) -> None:
        """End what a failed test left behind."""
        for running in self.running:
            running.kill()
            running.process.communicate()
