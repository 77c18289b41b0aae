"""What every end-to-end test gets: PostgreSQL 15 and 18 and the Snowflake double, started once; a folder, a target database
and a source of its own for each test."""

import itertools
import pathlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reference import assert_equal
from sources import DuckdbSource, SnowflakeSource, Table
from targets import Target
from tests.servers.double import SnowflakeDouble
from tests.servers.postgres import Postgres
from thaw import BINARY, Thaw

DATABASES = itertools.count(1)
# What tests tell (kills and faults by kind, seeds): at the end, since they run in processes of their own (pytest-xdist).
TOLD = pytest.StashKey[list]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/e2e/golden anew from what is sent now")


def pytest_configure(config: pytest.Config) -> None:
    if not BINARY.exists():
        raise pytest.UsageError(f"{BINARY} doesn't exist: run make")
    config.stash[TOLD] = []


@pytest.fixture(scope="session")
def tell(request):
    """Call it with lines for whoever reads the tests' output."""
    return lambda *lines: request.config.stash[TOLD].extend(lines)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = session.config.stash[TOLD]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    node.config.stash[TOLD].extend(getattr(node, "workeroutput", {}).get("told", []))


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if config.stash[TOLD]:
        terminalreporter.section("what the tests tell")
        terminalreporter.write_line("\n".join(config.stash[TOLD]))


@pytest.fixture(scope="session")
def servers():
    """PostgreSQL by version, each started when it is first asked for."""
    started: dict = {}

    def get(version: int) -> Postgres:
        if version not in started:
            started[version] = Postgres(version).start()
        return started[version]

    yield get
    for server in started.values():
        server.stop()


@pytest.fixture(scope="session")
def started_double():
    with SnowflakeDouble(chunk_rows=5_000, batch_rows=2_000) as double:
        yield double


@pytest.fixture
def double(started_double):
    """The double without faults, and without any that a failed test left on."""
    yield started_double
    started_double.control({name: "" if isinstance(value, str) else 0 for name, value in started_double.control().items()})


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def key_file(private_key, tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("key") / "rsa_key.p8"
    path.write_bytes(private_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
    return path


@pytest.fixture
def thaw(tmp_path):
    program = Thaw(tmp_path)
    yield program
    program.close()


@pytest.fixture
def target(request, servers):
    """A target database; in PostgreSQL 15 where the test doesn't ask for another version (`both_versions`)."""
    database = Target(servers(getattr(request, "param", 15)))
    yield database
    database.drop()


@pytest.fixture
def make_source(request, tmp_path, key_file):
    """Makes a source of the kind "duckdb" or "snowflake"."""

    def make(kind: str):
        if kind == "duckdb":
            return DuckdbSource(tmp_path)
        return SnowflakeSource(tmp_path, request.getfixturevalue("double"), f"E2E_{next(DATABASES)}", key_file)

    return make


@pytest.fixture
def source(request, make_source):
    """A source; DuckDB where the test doesn't ask for others (`both_sources`)."""
    return make_source(getattr(request, "param", "duckdb"))


class Migration:
    """One source, one target, and the configuration between them."""

    def __init__(self, thaw: Thaw, source, target: Target):
        self.thaw, self.source, self.target = thaw, source, target

    def config(self, *tables: dict, feeds: list | None = None, **settings) -> dict:
        return {**self.source.config(), **self.target.config(), "parallel_threads": 2, **settings,
                "sources": feeds or [self.source.feed(self.target.name, *tables)]}

    def assert_same(self, table: Table, target_table: str, query: str | None = None) -> int:
        """The target holds exactly the source's rows, whatever their order; how many."""
        return assert_equal(self.target.connection, query or f"SELECT * FROM {target_table}", table.rows_sql, scales=True)


@pytest.fixture
def migration(thaw, source, target) -> Migration:
    return Migration(thaw, source, target)
