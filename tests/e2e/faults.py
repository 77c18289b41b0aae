"""What the tests of faults share: a configuration that leads through a proxy, a count of what was done to the program, and
the one claim that all of them make."""

import collections
import copy

import pytest

from conftest import Migration
from sources import Table
from tests.servers.proxy import Proxy
from thaw import Finished


def through(config: dict, proxy: Proxy) -> dict:
    """The same, with PostgreSQL behind the proxy."""
    changed = copy.deepcopy(config)
    changed["postgres"] |= {"host": proxy.host, "port": proxy.port}
    return changed


class Tally:
    """Faults by kind, and how the runs ended that they hit."""

    def __init__(self):
        self.kinds: dict = collections.defaultdict(collections.Counter)

    def count(self, kind: str, ended: str) -> None:
        self.kinds[kind][ended] += 1

    def lines(self) -> list:
        return [f"  {kind:<52}" + ", ".join(f"{ended}: {times}" for ended, times in sorted(counts.items()))
                for kind, counts in sorted(self.kinds.items())]


@pytest.fixture(scope="module")
def tally(request, tell):
    counted = Tally()
    yield counted
    tell(f"{request.module.__name__}: faults by kind, and how the runs ended", *counted.lines())


@pytest.fixture
def proxy(target):
    """Between thaw and the target's server."""
    with Proxy(target.server.host, target.server.port) as between:
        yield between


def assert_made_good(migration: Migration, table: Table, config: dict, finished: Finished, *, rows: int,
                     allowed: tuple = (0,), **environment: str) -> str:
    """A run that a fault has hit is completed, or says why not and a plain rerun completes it; the target equals the source.

    `allowed`: exit statuses. How it ended, for the tally.
    """
    assert finished.status in allowed, f"expected one of {allowed}; {finished}"
    ended = "completed"
    if finished.status != 0:
        ended = "completed by a rerun"
        assert finished.records("ERROR") or finished.records("WARNING"), f"it doesn't say why; {finished}"
        migration.target.wait_until_alone()
        again = migration.thaw.migrate(config, **environment).expect(0)
        assert not again.records("ERROR"), again
    assert migration.assert_same(table, "t") == rows
    migration.target.assert_completed()
    assert migration.target.count("migration_status.migration_runs") == 1, "the rerun began anew instead of going on"
    return ended


def assert_said(finished: Finished, *words: str) -> None:
    """One record of the log has all of `words`."""
    assert finished.records(*words), f"no record has all of {words}; {finished}"
