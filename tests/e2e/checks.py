"""`thaw check --json`, read: what the tests of it share."""

import dataclasses
import json

from psycopg import sql

from tests.servers.postgres import Postgres
from thaw import Finished


@dataclasses.dataclass(frozen=True)
class Finding:
    where: str  # source, server, database, table, pair
    grade: str
    code: str
    text: str  # message and hint


class Checked:
    """The findings of one `thaw check --json`."""

    def __init__(self, finished: Finished):
        self.finished, self.answer = finished, json.loads(finished.stdout)
        self.findings = []
        for where in ("source", "server"):
            self._take(where, self.answer[where])
        for database in self.answer["databases"]:
            self._take("database", database)
        for table in self.answer["tables"]:
            self._take("table", table)
            for pair in table["columns"]:
                self.findings.append(Finding("pair", pair["grade"], "pair", f"{pair['source']} -> {pair['target']}: {pair['reason']}"))
        for grade in ("problem", "remark"):
            assert self.answer[grade + "s"] == len(self.of(grade)), self
        assert finished.status == (1 if self.of("problem") else 0), finished

    def _take(self, where: str, section: dict) -> None:
        for found in section["findings"]:
            assert found["grade"] in ("ok", "remark", "problem") and found["message"], found
            self.findings.append(Finding(where, found["grade"], found["code"], f"{found['message']} > {found['hint'] or ''}"))

    def of(self, grade: str) -> list:
        return [found for found in self.findings if found.grade == grade]

    def codes(self, grade: str) -> list:
        return sorted(found.code for found in self.of(grade))

    def one(self, code: str) -> Finding:
        """The one finding of this code."""
        found = [finding for finding in self.findings if finding.code == code]
        assert len(found) == 1, f"{len(found)} findings {code}; {self}"
        return found[0]

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) + f"\n{self.finished.stderr}"


def check(migration, *tables: dict, arguments: tuple = (), config: dict | None = None, **settings) -> Checked:
    """Check these tables, or this configuration."""
    migration.thaw.write(config or migration.config(*tables, **settings))
    return Checked(migration.thaw.run("check", "--json", *arguments))


class Role:
    """A role of its own for a target, with what a careful administrator would grant it, less `without`."""

    def __init__(self, target, *, password: str = "", without: tuple = ()):
        self.target, self.name = target, f"{target.name}_loader"
        server: Postgres = target.server
        if password:
            server.create_role(self.name, password)
        else:
            target.execute(f'CREATE ROLE "{self.name}" LOGIN')
        for right in ("CREATE ON DATABASE " + sql.Identifier(target.name).as_string(), "USAGE ON SCHEMA public",
                      "SELECT ON ALL TABLES IN SCHEMA public", "INSERT ON ALL TABLES IN SCHEMA public",
                      "TRUNCATE ON ALL TABLES IN SCHEMA public"):
            if right.split()[0] not in without and right.split()[0] + " SCHEMA" not in without:
                target.execute(f'GRANT {right} TO "{self.name}"')

    def config(self, password: str | None = None) -> dict:
        given = {"password": password} if password else {}
        return {"postgres": self.target.config()["postgres"] | {"user": self.name} | given}

    def drop(self) -> None:
        self.target.execute(f'DROP OWNED BY "{self.name}" CASCADE', f'DROP ROLE "{self.name}"')
