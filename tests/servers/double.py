"""Start and stop the Snowflake double (snowflake_double.py), and see what was asked of it.

    with SnowflakeDouble(chunk_rows=1000) as double:
        double.control({"fail_queries": 2})
        double.mark()
        ...
        assert len(double.statements()) == 7

It runs in the tests' virtual environment and ends with the process that started it.
"""

import ctypes
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from .postgres import ROOT, free_port

PYTHON = ROOT / "build/venv-test/bin/python"
PROGRAM = pathlib.Path(__file__).with_name("snowflake_double.py")
# Loopback needs no proxy, whatever the environment says.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class DoubleError(Exception):
    """The double did not start, or broke; the message has its output."""


def die_with_parent() -> None:
    """In the child: SIGKILL when the parent is gone, so that a killed test leaves nothing behind. prctl(2)."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class SnowflakeDouble:
    """One double on a port of its own.

    chunk_rows: results longer than this are sent in chunks, as the real service does; batch_rows: of one Arrow batch.
    arguments: any other options of snowflake_double.py.
    """

    def __init__(self, *, chunk_rows: int = 50_000, batch_rows: int = 8_192, arguments: tuple = ()):
        self.host = "127.0.0.1"
        self.port = 0
        self.options = ["--chunk-rows", str(chunk_rows), "--batch-rows", str(batch_rows), *arguments]
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="thaw-double-", dir="/tmp"))
        self.statement_file = self.directory / "statements.jsonl"
        self.process: subprocess.Popen | None = None
        self.marked = 0

    def __enter__(self) -> "SnowflakeDouble":
        return self.start()

    def __exit__(self, *_exception) -> None:
        self.stop()

    def start(self) -> "SnowflakeDouble":
        """Start it and wait until it answers; on the port it had before, if it had one."""
        for _attempt in range(3):
            port = self.port or free_port()
            with open(self.directory / "log", "ab") as log:
                self.process = subprocess.Popen(
                    [PYTHON, PROGRAM, "--port", str(port), "--statements", self.statement_file, *self.options],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
            if self._wait_until_ready(port):
                self.port = port
                return self
        raise DoubleError(f"the Snowflake double did not start:\n{self.log()[-4000:]}")

    def stop(self) -> None:
        """End it, and forget its statements."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL, as when the service breaks down; start() brings it back on the same port, with no data."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def control(self, faults: dict | None = None) -> dict:
        """Set faults (see snowflake_double.py); all of them as they are then."""
        return self._request(self.port, None if faults is None else json.dumps(faults).encode())

    def mark(self) -> None:
        """Forget the statements seen so far."""
        self.marked = len(self._all_statements())

    def statements(self) -> list:
        """The SQL of each statement since the start or the last mark(), in order."""
        return self._all_statements()[self.marked:]

    def log(self) -> str:
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")

    def _all_statements(self) -> list:
        if not self.statement_file.exists():
            return []
        return [json.loads(line)["sql"] for line in self.statement_file.read_text(encoding="utf-8").splitlines()]

    def _request(self, port: int, body: bytes | None) -> dict:
        with OPENER.open(urllib.request.Request(f"http://{self.host}:{port}/_control", data=body), timeout=10) as answer:
            return json.load(answer)

    def _wait_until_ready(self, port: int) -> bool:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self._request(port, None)
                return True
            except OSError:
                time.sleep(0.05)
        self.kill()
        return False
