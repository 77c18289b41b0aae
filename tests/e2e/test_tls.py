"""TLS between thaw and PostgreSQL: what sslmode and sslrootcert say is obeyed, and a connection that ends while it comes about is
made again."""

import re

import pytest

from reference import assert_equal
from targets import Target
from tests.servers.postgres import Postgres
from tests.servers.proxy import Fault, Proxy
from tests.servers.tls import TlsFront

ROWS = 300
COLUMNS = {"id": "int", "text": "text"}
SELECT = f"SELECT i, 't' || i FROM range({ROWS}) AS r(i)"
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 100}


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A server that takes nothing but TLS of the role `careful`, and the file with its certificate's authority."""
    folder = tmp_path_factory.mktemp("tls")
    front = TlsFront("127.0.0.1", 0, folder)
    own = (folder / "server.pem").read_text(encoding="ascii")
    with Postgres(15, hba=("hostnossl all careful 127.0.0.0/8 reject", "hostssl all careful 127.0.0.0/8 trust"),
                  settings={"listen_addresses": "127.0.0.1,127.0.0.2"}) as server:
        for name in ("server.crt", "server.key"):
            server._write(name, own)  # certificate and key are one file
            (server.data / name).chmod(0o600)
        server.settings["ssl"] = "on"
        server.restart()
        server.psql("CREATE ROLE careful LOGIN SUPERUSER")
        yield server, front.authority_file


@pytest.fixture
def careful(encrypted):
    database = Target(encrypted[0])
    yield database
    database.drop()


# id: (settings of postgres, words of the error; none: it works, and over TLS)
TLS = {
    "disable": ({"sslmode": "disable"}, ["pg_hba.conf rejects connection"]),
    "require": ({"sslmode": "require"}, []),
    "verify-ca": ({"sslmode": "verify-ca", "sslrootcert": "AUTHORITY"}, []),
    "verify-full": ({"sslmode": "verify-full", "sslrootcert": "AUTHORITY"}, []),
    "verify-full in the url": ({"url": "postgresql://careful@HOST:PORT/?sslmode=verify-full&sslrootcert=AUTHORITY"}, []),
    "another authority": ({"sslmode": "verify-ca", "sslrootcert": "OTHER"}, ["certificate verify failed", "must hold the authority"]),
    "another name": ({"sslmode": "verify-full", "sslrootcert": "AUTHORITY", "host": "127.0.0.2"}, ["127.0.0.2", "connect by that name, or use verify-ca"]),
    "no file": ({"sslmode": "verify-full", "sslrootcert": "/nowhere/root.pem"}, ["/nowhere/root.pem", "postgres.sslrootcert names the file"]),
    "a server without": ({"sslmode": "require", "host": "PLAIN", "port": 0}, ["does not support SSL", "the server has no TLS"]),
}


@pytest.mark.parametrize("case", TLS)
def test_tls_to_the_target(thaw, source, servers, careful, encrypted, tmp_path, case):
    server, authority = encrypted
    other = TlsFront("127.0.0.1", 0, tmp_path, authority="another authority").authority_file
    settings, problems = TLS[case]
    words = {"HOST": server.host, "PORT": str(server.port), "AUTHORITY": str(authority), "OTHER": str(other)}
    settings = {key: re.sub("HOST|PORT|AUTHORITY|OTHER", lambda word: words[word[0]], str(value)) for key, value in settings.items()}
    if settings.get("host") == "PLAIN":
        settings |= {"host": servers(15).host, "port": servers(15).port, "user": "postgres"}
    elif "url" not in settings:
        settings = {"host": server.host, "user": "careful", **settings, "port": server.port}
    source.table("t", COLUMNS, SELECT)
    careful.execute("CREATE TABLE t (id bigint, text text)",
                    # A row that comes unencrypted is refused.
                    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NOT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) "
                    "THEN RAISE 'unencrypted'; END IF; RETURN NEW; END $$", "CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()")
    finished = thaw.migrate({**source.config(), "postgres": settings, "sources": [source.feed(careful.name, TABLE)]}).expect(1 if problems else 0)
    finished.says(*problems)
    if not problems:
        assert careful.count("t") == ROWS


# Bytes that a client has sent when its connection ends: SSLRequest, its part of the handshake, the log-in after it.
MOMENTS = {"asking for TLS": 8, "in the handshake": 100, "at the log-in": 480}


@pytest.mark.parametrize("action", ["close", "cut"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_connection_that_ends_while_it_comes_about_is_made_again(thaw, source, careful, encrypted, moment, action):
    """Here the first one of a worker; those before it are the process's own."""
    server, _ = encrypted
    table = source.table("t", COLUMNS, SELECT)
    careful.execute("CREATE TABLE t (id bigint, text text)")
    with Proxy(server.host, server.port) as proxy:
        fault = proxy.add(Fault(action, past_bytes=MOMENTS[moment], number=3, times=2))
        settings = {"host": proxy.host, "port": proxy.port, "user": "careful", "sslmode": "require"}
        thaw.migrate({**source.config(), "postgres": settings, "sources": [source.feed(careful.name, TABLE)]}).expect(0)
        assert fault.hits == 2
    assert assert_equal(careful.connection, "SELECT * FROM t", table.rows_sql) == ROWS
