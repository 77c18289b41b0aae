"""PgBouncer, from Debian, in front of a PostgreSQL of the tests: pooling by transaction.

    with PgBouncer(server, default_pool_size=4) as pooler:
        psycopg.connect(host=pooler.host, port=pooler.port, ...)
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from tests.servers.postgres import SUPERUSER, Postgres, free_port

PROGRAM = pathlib.Path("/usr/sbin/pgbouncer")


class PgBouncer:
    """`databases`: which it takes, "*" any. `settings` are those of the section [pgbouncer], over SETTINGS."""

    SETTINGS = {"pool_mode": "transaction", "default_pool_size": 20, "max_client_conn": 200}

    def __init__(self, server: Postgres, databases: str = "*", **settings):
        self.server, self.databases, self.settings = server, databases, {**self.SETTINGS, **settings}
        self.host, self.port = server.host, free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="thaw-pgbouncer-", dir="/tmp"))
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "PgBouncer":
        return self.start()

    def __exit__(self, *_exception) -> None:
        self.stop()

    def start(self) -> "PgBouncer":
        self.directory.chmod(0o755)
        users = self.directory / "users.txt"
        users.write_text(f'"{self.server.user}" ""\n', encoding="utf-8")
        own = {"listen_addr": self.host, "listen_port": self.port, "unix_socket_dir": "", "auth_type": "trust", "auth_file": users,
               **self.settings}
        configuration = self.directory / "pgbouncer.ini"
        configuration.write_text(f"[databases]\n{self.databases} = host={self.server.host} port={self.server.port}\n[pgbouncer]\n"
                                 + "".join(f"{name} = {value}\n" for name, value in own.items()), encoding="utf-8")
        with open(self.directory / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([PROGRAM, *(["-u", SUPERUSER] if os.geteuid() == 0 else []), configuration], cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = self.log()
                    self.stop()
                    raise RuntimeError(f"PgBouncer did not start:\n{log}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()  # it leaves at once
            self.process.wait(timeout=10)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")
