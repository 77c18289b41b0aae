#!/usr/bin/env python3
"""A private PostgreSQL, for the tests, the demo and the benchmarks. Needs only Python's own library.

    with Postgres(version=15) as server:
        server.create_database("app")
        print(server.psql("SELECT 1", database="app"))

    python3 tests/servers/postgres.py start DIR [--version 15] [--set NAME=VALUE]...   prints PGHOST=... PGPORT=...
    python3 tests/servers/postgres.py stop DIR [--remove]

It listens on 127.0.0.1 and on a Unix socket in its own directory, and trusts both. Version 15 is Debian's, 18 is the one
that scripts/setup puts under build/. PostgreSQL refuses to run as root: then it runs as the user `postgres`.
"""

import argparse
import atexit
import hashlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = {15: pathlib.Path("/usr/lib/postgresql/15/bin"), 18: ROOT / "build/pg18/bin"}
SUPERUSER = "postgres"
# Tests of loading want neither a checkpoint every second nor durability that production wouldn't have.
SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
    "max_prepared_transactions": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresError(Exception):
    """The server, or a statement, failed; the message has what it said."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_postgres(command: list) -> list:
    """`command`, stepping down from root where we are root."""
    command = [str(word) for word in command]
    return ["runuser", "-u", SUPERUSER, "--", *command] if os.geteuid() == 0 else command


def run(command: list, **options) -> subprocess.CompletedProcess:
    """Run to its end, from a folder that everybody may be in; the caller looks at the status."""
    return subprocess.run(command, cwd="/", text=True, capture_output=True, stdin=subprocess.DEVNULL, **options)


def reachable_binaries(version: int) -> pathlib.Path:
    """The folder of programs of a version, copied to where the user `postgres` can read it if need be."""
    folder = BINARIES[version]
    if not (folder / "postgres").exists():
        raise PostgresError(f"PostgreSQL {version} is not in {folder}: run scripts/setup build")
    if run(as_postgres([folder / "postgres", "--version"])).returncode == 0:
        return folder
    # A parent of mode 700, such as root's home. Its programs find their libraries from where they are: take all.
    package = folder.resolve().parents[2]
    mark = f"{package} {package.stat().st_mtime_ns} {package.stat().st_ino}"
    copy = pathlib.Path(tempfile.gettempdir()) / f"thaw-pg{version}-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    if not copy.exists():
        fresh = pathlib.Path(tempfile.mkdtemp(prefix=copy.name))
        shutil.copytree(package, fresh, symlinks=True, dirs_exist_ok=True)
        fresh.chmod(0o755)
        try:
            fresh.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh)
    if copy.stat().st_uid != os.geteuid():
        raise PostgresError(f"{copy} is not ours")
    return copy / folder.resolve().relative_to(package)


class Postgres:
    """One server with a directory of its own: `data`, `log` and the socket are in it.

    directory: made if missing, kept at the end. None: one under the temporary folder, removed by stop().
    settings: of postgresql.conf, over SETTINGS. Changing them later: change `settings`, then restart().
    prefix: words before the command that starts the server, for example those that put it into a network namespace.
    hba: lines of pg_hba.conf that come before those that trust everybody, for example
         "host all app 127.0.0.1/32 scram-sha-256"; see also create_role().
    """

    def __init__(self, version: int = 15, directory=None, *, settings: dict | None = None, hba: tuple = (),
                 prefix: tuple = ()):
        self.version, self.prefix = version, prefix
        self.temporary = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix=f"thaw-pg{version}-", dir="/tmp")).resolve()
        self.settings = {**SETTINGS, **(settings or {})}
        self.hba = list(hba)
        self.host = "127.0.0.1"
        self.port = 0
        self.user = SUPERUSER
        self.binaries = reachable_binaries(version)

    @classmethod
    def found_in(cls, directory) -> "Postgres":
        """The server that an earlier process started in this directory."""
        directory = pathlib.Path(directory).resolve()
        server = cls(int((directory / "data/PG_VERSION").read_text(encoding="ascii")), directory)
        server.port = int((directory / "port").read_text(encoding="ascii"))
        return server

    def __enter__(self) -> "Postgres":
        return self.start()

    def __exit__(self, *_exception) -> None:
        self.stop()

    @property
    def data(self) -> pathlib.Path:
        return self.directory / "data"

    @property
    def log_file(self) -> pathlib.Path:
        return self.directory / "log"

    @property
    def environment(self) -> dict:
        """What libpq needs to connect."""
        return {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user}

    def url(self, database: str = "postgres", user: str | None = None) -> str:
        if str(self.host).startswith("/"):  # the directory of a Unix socket
            return f"postgresql://{user or self.user}@/{database}?host={self.host}&port={self.port}"
        return f"postgresql://{user or self.user}@{self.host}:{self.port}/{database}"

    # Life and death

    def start(self) -> "Postgres":
        """Start it, made anew the first time, and wait until it answers. A port once chosen stays the same."""
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._configure()
        for attempt in range(5):
            chosen = self.port or free_port()
            result = run([*self.prefix, *as_postgres([self.binaries / "pg_ctl", "-D", self.data, "-l", self.log_file, "-w",
                                                      "-t", "60", "-s", "-o", f"-p {chosen}", "start"])])
            if result.returncode == 0:
                break
            # Somebody took the port between our look and PostgreSQL's; or, after a crash, its last owner lingers.
            if attempt == 4 or "could not bind" not in self.log():
                raise PostgresError(f"PostgreSQL {self.version} did not start:\n{result.stderr}{self.log()[-4000:]}")
            time.sleep(0.2)
        self.port = chosen
        (self.directory / "port").write_text(str(chosen), encoding="ascii")
        if self.temporary:
            atexit.register(self.stop)
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop it if it runs; a temporary directory goes with it."""
        atexit.unregister(self.stop)
        self._stop_server(mode)
        if self.temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def crash(self) -> None:
        """Stop it as a crash would: no checkpoint, and every client loses its connection without a word."""
        self._stop_server("immediate")

    def restart(self) -> "Postgres":
        """Stop it if it runs, and start it again on the same port, with `settings` as they are now."""
        self._stop_server("fast")
        return self.start()

    def terminate(self, where: str = "true") -> int:
        """pg_terminate_backend for each client but ourselves that matches a condition on pg_stat_activity; how many."""
        return int(self.psql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> "
                             f"pg_backend_pid() AND backend_type = 'client backend' AND ({where})"))

    def pid(self) -> int | None:
        """The postmaster's process id, None where it doesn't run."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
            state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return None if state == "Z" else pid

    # Use

    def psql(self, sql: str, database: str = "postgres", *, user: str | None = None, separator: str = "|") -> str:
        """What psql prints for the statements: unaligned, without headers. Errors raise PostgresError."""
        result = run([str(self.binaries / "psql"), "-XAtqw", "-v", "ON_ERROR_STOP=1", "-F", separator, "-d",
                      self.url(database, user), "-c", sql], env={**os.environ, "PGCONNECT_TIMEOUT": "10"})
        if result.returncode != 0:
            raise PostgresError(result.stderr.strip())
        return result.stdout.rstrip("\n")

    def create_database(self, name: str) -> str:
        """Make it anew, empty; its name."""
        quoted = '"' + name.replace('"', '""') + '"'
        self.psql(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
        self.psql(f"CREATE DATABASE {quoted} TEMPLATE template0")
        return name

    def create_role(self, name: str, password: str) -> None:
        """A role that has to log in with its password."""
        quoted, literal = '"' + name.replace('"', '""') + '"', "'" + password.replace("'", "''") + "'"
        self.psql(f"CREATE ROLE {quoted} LOGIN PASSWORD {literal}")
        self.hba.append(f"host all {quoted} 127.0.0.1/32 scram-sha-256")
        self.reload()

    def reload(self) -> None:
        """Take `settings` and `hba` as they are now, as far as a running server can."""
        self._configure()
        self.psql("SELECT pg_reload_conf()")

    def log(self) -> str:
        """All that the server has logged."""
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    # Inside

    def _stop_server(self, mode: str) -> None:
        if self.pid() is None:
            return
        result = run(as_postgres([self.binaries / "pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "60", "-s", "stop"]))
        if result.returncode != 0 and self.pid() is not None:
            raise PostgresError(f"PostgreSQL {self.version} did not stop:\n{result.stderr}{self.log()[-4000:]}")

    def _initialise(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(SUPERUSER)
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        if run(as_postgres(["test", "-w", self.directory])).returncode != 0:
            raise PostgresError(f"the user {SUPERUSER} can't reach {self.directory}: choose one under /tmp")
        result = run(as_postgres([self.binaries / "initdb", "-D", self.data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                                  "--locale", "C.UTF-8", "--no-sync"]))
        if result.returncode != 0:
            raise PostgresError(f"initdb failed:\n{result.stdout}{result.stderr}")

    def _configure(self) -> None:
        """Our own lines: the last file that postgresql.conf includes, and the whole of pg_hba.conf."""
        sockets = self.directory
        if len(str(sockets)) > 80:  # a socket's path has some 107 bytes
            sockets = pathlib.Path("/tmp")
        settings = {"listen_addresses": self.host, "unix_socket_directories": str(sockets), **self.settings}
        lines = ["{} = '{}'\n".format(name, str(value).replace("'", "''")) for name, value in settings.items()]
        self._write("thaw.conf", "".join(lines))
        main = (self.data / "postgresql.conf").read_text(encoding="utf-8")
        if "include 'thaw.conf'" not in main:
            self._write("postgresql.conf", main + "\ninclude 'thaw.conf'\n")
        trust = ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
        self._write("pg_hba.conf", "\n".join([*self.hba, *trust]) + "\n")

    def _write(self, name: str, text: str) -> None:
        """A file in the data directory; one that exists keeps its owner."""
        path = self.data / name
        path.write_text(text, encoding="utf-8")
        if os.geteuid() == 0:
            owner = pwd.getpwnam(SUPERUSER)
            os.chown(path, owner.pw_uid, owner.pw_gid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start a server in DIR, made anew the first time")
    start.add_argument("directory", metavar="DIR")
    start.add_argument("--version", type=int, choices=sorted(BINARIES), default=15)
    start.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of postgresql.conf")
    stop = commands.add_parser("stop", help="stop the server in DIR")
    stop.add_argument("directory", metavar="DIR")
    stop.add_argument("--remove", action="store_true", help="remove DIR afterwards")
    arguments = parser.parse_args()
    try:
        if arguments.command == "start":
            settings = dict(setting.split("=", 1) for setting in arguments.set)
            server = Postgres(arguments.version, arguments.directory, settings=settings).start()
            print("\n".join(f"{name}={value}" for name, value in server.environment.items()))
        else:
            if (pathlib.Path(arguments.directory) / "data/PG_VERSION").exists():
                Postgres.found_in(arguments.directory).stop()
            if arguments.remove:
                shutil.rmtree(arguments.directory, ignore_errors=True)
    except PostgresError as error:
        sys.exit(f"postgres.py: {error}")


if __name__ == "__main__":
    main()
