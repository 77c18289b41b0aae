"""Target databases for the tests: one a test, made anew, with what the tests ask it."""

import contextlib
import itertools
import time

import psycopg
from psycopg import sql

from tests.servers.postgres import Postgres

NUMBERS = itertools.count(1)
SHOWN = "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'"


class Target:
    """A database of a server. psycopg talks to it; nothing here goes through thaw."""

    def __init__(self, server: Postgres, name: str | None = None):
        self.server = server
        self.name = name or f"test_{next(NUMBERS)}"
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(self.name)))
        self.connection = self.connect(autocommit=True)

    def connect(self, autocommit: bool = False) -> psycopg.Connection:
        connection = psycopg.connect(host=self.server.host, port=self.server.port, user=self.server.user, dbname=self.name,
                                     application_name="tests", autocommit=True)
        connection.execute(SHOWN)
        connection.autocommit = autocommit
        return connection

    def drop(self) -> None:
        self.connection.close()
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))

    def config(self) -> dict:
        return {"postgres": {"host": self.server.host, "port": self.server.port, "user": self.server.user}}

    # Statements

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def rows(self, query: str, *parameters) -> list:
        return self.connection.execute(query, parameters or None).fetchall()

    def value(self, query: str, *parameters):
        row = self.connection.execute(query, parameters or None).fetchone()
        return None if row is None else row[0]

    def count(self, table: str) -> int:
        return self.value(f"SELECT count(*) FROM {table}")

    # The ledger

    def has_ledger(self) -> bool:
        return self.value("SELECT to_regnamespace('migration_status') IS NOT NULL")

    def run_status(self, run_id: str | None = None) -> str:
        """The status of this run, or of the one that there is."""
        found = self.rows("SELECT status FROM migration_status.migration_runs WHERE %s::uuid IS NULL OR run_id = %s::uuid",
                          run_id, run_id)
        assert len(found) == 1, f"{len(found)} runs in the ledger"
        return found[0][0]

    def chunks(self) -> dict:
        """Chunks by status: how many."""
        return dict(self.rows("SELECT status, count(*) FROM migration_status.migration_chunk_status GROUP BY status"))

    def live_processes(self) -> int:
        """Connections of others than the tests."""
        return self.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = "
                          "'client backend' AND application_name <> 'tests'")

    def wait_until_alone(self, timeout: float = 20) -> None:
        """After a SIGKILL: until the server has noticed that its clients are gone, as it would before a person's next command."""
        deadline = time.monotonic() + timeout
        while self.live_processes() > 0:
            assert time.monotonic() < deadline, "connections of a killed process live on"
            time.sleep(0.01)

    def assert_ledger_adds_up(self) -> None:
        """The counters of runs and tables are what the chunk rows add up to, and nothing is left in someone's hands."""
        wrong = self.rows("""
            SELECT t.source_table, t.target_table, t.total_chunks, t.completed_chunks, t.failed_chunks, t.total_rows_copied
            FROM migration_status.migration_table_status t
            LEFT JOIN LATERAL (
                SELECT count(*) AS chunks, count(*) FILTER (WHERE c.status = 'completed') AS completed,
                       count(*) FILTER (WHERE c.status = 'failed') AS failed,
                       coalesce(sum(c.rows_copied) FILTER (WHERE c.status = 'completed'), 0) AS copied
                FROM migration_status.migration_chunk_status c
                WHERE c.run_id = t.run_id AND c.table_id = t.table_id) AS c ON true
            WHERE (t.total_chunks, t.completed_chunks, t.failed_chunks, t.total_rows_copied)
                  IS DISTINCT FROM (c.chunks, c.completed, c.failed, c.copied)""")
        assert not wrong, f"table counters differ from the chunk rows: {wrong}"
        wrong = self.rows("""
            SELECT r.run_id, r.total_tables, r.completed_tables, r.failed_tables, r.total_rows_copied, t.*
            FROM migration_status.migration_runs r
            LEFT JOIN LATERAL (
                SELECT count(*) AS tables, count(*) FILTER (WHERE t.status = 'completed') AS completed,
                       count(*) FILTER (WHERE t.status = 'failed') AS failed, coalesce(sum(t.total_rows_copied), 0) AS copied
                FROM migration_status.migration_table_status t WHERE t.run_id = r.run_id) AS t ON true
            WHERE (r.total_tables, r.completed_tables, r.failed_tables, r.total_rows_copied)
                  IS DISTINCT FROM (t.tables, t.completed, t.failed, t.copied)""")
        assert not wrong, f"run counters differ from the table rows: {wrong}"

    def assert_completed(self) -> None:
        """Every run, table and chunk of the ledger is completed, and the counters add up."""
        for table in ("migration_runs", "migration_table_status", "migration_chunk_status"):
            others = self.rows(f"SELECT status, count(*) FROM migration_status.{table} WHERE status <> 'completed' GROUP BY 1")
            assert not others, f"{table} holds {others}"
            assert self.count(f"migration_status.{table}") > 0
        self.assert_ledger_adds_up()

    @contextlib.contextmanager
    def snapshot(self):
        """A REPEATABLE READ transaction of its own."""
        connection = self.connect()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            yield connection
        finally:
            connection.close()
