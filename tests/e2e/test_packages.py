"""What `make package` makes: installed into roots with hardly anything in them, and run from in there. The Debian package's root
holds exactly the packages that it depends on; the others' hold the machine's glibc, as an old or a small system would."""

import json
import pathlib
import re
import subprocess
import zipfile

import pytest

from conftest import Migration
from marks import snowflake_only
from tests.servers.clean_root import CleanRoot
from tests.servers.lambda_emulator import Emulator
from tests.servers.tls import TlsFront
from thaw import ROOT

PACKAGES = ROOT / "build/packages"
CHECK = ROOT / "scripts/check-portable"
COLUMNS = {"id": "int", "text": "text", "amount": "decimal(12,2)", "at": "timestamp"}
ROWS = "SELECT i, 'row ' || i, i / 4, TIMESTAMP '2024-01-01' + INTERVAL (i) MINUTE FROM range(12000) AS r(i)"
TARGET = "CREATE TABLE t (id bigint PRIMARY KEY, text text, amount numeric(12,2), at timestamp)"
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 5000, "truncate_onstart": True}
VERSION = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8"))[1]
# What Lambda sets for a custom runtime: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
LAMBDA = {"LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
          "LAMBDA_TASK_ROOT": "/var/task"}


def package(pattern: str) -> pathlib.Path:
    found = list(PACKAGES.glob(pattern))
    assert len(found) == 1, f"{found} for {pattern}: run make package"
    return found[0]


def test_the_packages_are_of_this_binary():
    """Else what is tested here is not what is built here."""
    made = PACKAGES / ".made"
    assert made.exists() and made.stat().st_mtime >= (ROOT / "build/release/thaw").stat().st_mtime, "run make package"


# Clean roots


class Installed:
    """A package in a root of its own."""

    def __init__(self, root: CleanRoot, program: str, environment: dict | None = None):
        self.root, self.program, self.environment = root, program, environment or {}

    def run(self, *arguments: str, expect: int = 0, **environment: str) -> subprocess.CompletedProcess:
        finished = self.root.run(self.program, *arguments, environment=self.environment | environment)
        assert finished.returncode == expect, f"exit status {finished.returncode}\n{finished.stdout}{finished.stderr}"
        return finished

    def write(self, config: dict, name: str = "config.json") -> None:
        (self.root.path / name).write_text(json.dumps(config), encoding="utf-8")

    def migrate(self, migration: Migration, source: dict, expect: int = 0, **environment: str) -> subprocess.CompletedProcess:
        """From this source into the target, by the configuration in /."""
        config = {name: value for name, value in migration.config(TABLE).items() if name not in ("duckdb", "snowflake")}
        self.write({**source, **config})
        for command in ("validate", "check") if expect == 0 else ():
            self.run(command, "-c", "/config.json", **environment)
        return self.run("migrate", "-c", "/config.json", expect=expect, THAW_RETRY_SCALE="2", **environment)


@pytest.fixture(scope="module")
def tarball(tmp_path_factory) -> Installed:
    root = CleanRoot(tmp_path_factory.mktemp("tarball"))
    root.add_libraries(*root.GLIBC, *root.CPLUSPLUS)
    subprocess.run(["tar", "-xzf", package("thaw-*.tar.gz"), "-C", root.path], check=True)
    return Installed(root, f"/thaw-{VERSION}-linux-x86_64/thaw")


def status_of(names: set) -> str:
    """The entries of dpkg's database for these packages and all that they depend on, and the packages' names in `names`."""
    wanted, entries = list(names), []
    names.clear()
    while wanted:
        name = wanted.pop()
        if name in names:
            continue
        entry = subprocess.run(["dpkg-query", "--status", name], check=False, capture_output=True, text=True)
        if entry.returncode != 0:  # a virtual package, or the alternative that isn't installed here
            continue
        names.add(name)
        entries.append(entry.stdout)
        for line in re.findall(r"^(?:Pre-)?Depends: (.*)$", entry.stdout, re.M):
            wanted += [re.split(r"[\s:(]", alternative.strip())[0] for part in line.split(",") for alternative in part.split("|")]
    return "\n".join(entries)


@pytest.fixture(scope="module")
def debian(tmp_path_factory) -> Installed:
    """Installed by dpkg, which has to find what it depends on."""
    root = CleanRoot(tmp_path_factory.mktemp("debian"))
    file = package("thaw_*.deb")
    depends = subprocess.run(["dpkg-deb", "--field", file, "Depends"], check=True, capture_output=True, text=True).stdout
    names = {re.split(r"[\s(]", part.strip())[0] for part in depends.split(",")}
    status = status_of(names)
    files = subprocess.run(["dpkg-query", "--listfiles", *names], check=True, capture_output=True, text=True).stdout
    # Documents and translations run nowhere. The folders /lib and /bin are links, as on the machine.
    shipped = sorted({line for line in files.splitlines() if line.startswith("/") and pathlib.Path(line).is_file()
                      and not line.startswith(("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/perl"))})
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root.path / "usr" / folder).mkdir(parents=True)
        (root.path / folder).symlink_to(f"usr/{folder}")
    subprocess.run(["tar", "-C", root.path, "--keep-directory-symlink", "-xf", "-"], check=True, input=subprocess.run(
        ["tar", "-C", "/", "-cf", "-", "-T", "-"], check=True, capture_output=True,
        input="\n".join(name[1:] for name in shipped).encode()).stdout)
    database = root.path / "var/lib/dpkg"
    for folder in ("info", "updates", "triggers"):
        (database / folder).mkdir(parents=True)
    (database / "status").write_text(status, encoding="utf-8")
    subprocess.run(["dpkg", f"--root={root.path}", "--install", file], check=True, capture_output=True)
    return Installed(root, "/usr/bin/thaw")


@pytest.fixture(scope="module")
def function(tmp_path_factory) -> Installed:
    """Function and layer as Lambda lays them out. Where its library path leads first there is a libpq that is none."""
    root = CleanRoot(tmp_path_factory.mktemp("lambda"))
    root.add_libraries(*root.GLIBC)
    for name, folder in (("thaw-lambda-function.zip", "var/task"), ("thaw-lambda-layer.zip", "opt")):
        (root.path / folder).mkdir(parents=True)
        subprocess.run(["unzip", "-q", PACKAGES / name, "-d", root.path / folder], check=True)
    (root.path / "lib64/libpq.so.5").write_text("not a library", encoding="utf-8")
    return Installed(root, "/var/task/bootstrap", LAMBDA)


@pytest.fixture(params=["tarball", "debian", "function"])
def installed(request) -> Installed:
    return request.getfixturevalue(request.param)


def test_it_starts(installed):
    assert installed.run("--version").stdout == f"thaw {VERSION}\n"


def test_it_says_what_is_wrong_with_a_configuration(installed):
    installed.write({"postgres": {"hots": "h"}}, "bad.json")
    assert "hots" in installed.run("validate", "-c", "/bad.json", expect=2).stdout


@pytest.fixture
def table(migration):
    """A table that is to be moved, and its target."""
    source = migration.source.table("t", COLUMNS, ROWS)
    migration.target.execute(TARGET)
    return source


def assert_moved(migration, table):
    assert migration.assert_same(table, "t") == 12000
    migration.target.assert_completed()


@pytest.mark.parametrize("name", ["tarball", "debian"])
def test_duckdb_into_postgresql_from_in_there(request, migration, table, name):
    inside: Installed = request.getfixturevalue(name)
    (inside.root.path / "source.duckdb").write_bytes(migration.source.file.read_bytes())
    inside.migrate(migration, {"duckdb": {"path": "/source.duckdb"}})
    assert_moved(migration, table)


@snowflake_only
def test_snowflake_into_postgresql_from_in_there(installed, migration, table):
    """Over plain HTTP, with the key in the configuration."""
    installed.migrate(migration, migration.source.config(rsa_key=migration.source.key_file.read_text(encoding="ascii")))
    assert_moved(migration, table)


@snowflake_only
def test_the_function_answers_from_in_there(function, migration, table):
    """Under the emulator, with its configuration beside it."""
    source = migration.source.config(rsa_key=migration.source.key_file.read_text(encoding="ascii"))
    function.write({**migration.config(TABLE), **source}, "var/task/config.json")
    emulator = Emulator(function.root.path, timeout=60, environment=LAMBDA,
                        command=function.root.command("/var/task/bootstrap", folder="/var/task"))
    try:
        emulator.start()
        answer, _ = emulator.invoke({"action": "migrate"})
        assert answer.get("statusCode") == 200 and answer["body"]["status"] == "completed", emulator.platform_log()
    finally:
        emulator.close()
    assert_moved(migration, table)


# Trusted certificates


@pytest.fixture
def encrypted(migration, tmp_path):
    """The double behind TLS: the source's configuration, and the file of who vouches for it."""
    with TlsFront(migration.source.double.host, migration.source.double.port, tmp_path) as front:
        config = migration.source.config(rsa_key=migration.source.key_file.read_text(encoding="ascii"))
        config["snowflake"] |= {"host": front.host, "port": front.port, "protocol": "https"}
        yield config, front.authority_file


@snowflake_only
def test_the_package_s_certificates_are_the_ones_that_count(function, migration, table, encrypted):
    """A root without any: then those of the package, and no others, say whom to believe. A system's own come before them."""
    inside, (config, authority) = function, encrypted
    bundle, = inside.root.path.rglob("ssl/ca-certificates.pem")
    assert "certificate signed by unknown authority" in inside.migrate(migration, config, expect=1).stderr
    shipped = bundle.read_bytes()
    system = inside.root.path / "etc/pki/tls/certs/ca-bundle.crt"
    system.parent.mkdir(parents=True, exist_ok=True)
    try:
        bundle.write_bytes(authority.read_bytes())
        inside.migrate(migration, config)
        system.write_bytes(shipped)
        assert "certificate signed by unknown authority" in inside.migrate(migration, config, expect=1).stderr
    finally:
        bundle.write_bytes(shipped)
        system.unlink(missing_ok=True)
    assert migration.assert_same(table, "t") == 12000


def test_the_certificates_are_mozilla_s_and_no_administrator_s(tarball):
    """What this machine believes beyond the package ca-certificates is not passed on."""
    bundle, = tarball.root.path.rglob("ssl/ca-certificates.pem")
    shipped = set(re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END", bundle.read_text(encoding="ascii"), re.S))
    own = {re.search(r"-----BEGIN CERTIFICATE-----.*?-----END", file.read_text(encoding="ascii"), re.S)[0]
           for file in pathlib.Path("/usr/share/ca-certificates/mozilla").glob("*.crt")}
    assert shipped == own and len(own) > 100


# What is in them


def test_no_package_tells_where_it_was_built(installed):
    for file in sorted(installed.root.path.glob("**/thaw/**/*")) + [installed.root.path / installed.program[1:]]:
        if file.is_file():
            assert str(ROOT).encode() not in file.read_bytes(), file


def test_the_zips_fit_into_lambda():
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    zips = [zipfile.ZipFile(package(name)) for name in ("thaw-lambda-function.zip", "thaw-lambda-layer.zip")]
    assert sum(pathlib.Path(archive.filename).stat().st_size for archive in zips) < 50_000_000
    assert sum(entry.file_size for archive in zips for entry in archive.infolist()) < 250_000_000
    assert zips[0].getinfo("bootstrap").external_attr >> 16 & 0o777 == 0o755
    assert zips[1].getinfo("thaw/drivers/libadbc_driver_snowflake.so")


def test_each_library_comes_with_its_licence(function):
    layer = function.root.path / "opt/thaw"
    for library in (layer / "lib").iterdir():
        real = pathlib.Path("/usr/lib/x86_64-linux-gnu", library.name).resolve()
        owner = subprocess.run(["dpkg-query", "--search", f"*{real}"], check=False, capture_output=True, text=True).stdout or \
            subprocess.run(["dpkg-query", "--search", f"*{str(real).removeprefix('/usr')}"], check=True, capture_output=True, text=True).stdout
        assert (layer / "licenses" / owner.partition(":")[0]).read_text(encoding="utf-8").strip(), library
    assert {"thaw-and-nanoarrow", "adbc-driver-snowflake", "libjsmn-dev", "libxxhash-dev"} <= {file.name for file in (layer / "licenses").iterdir()}


# The gate


@pytest.mark.parametrize("code, libraries, words", [
    ("#include <stdlib.h>\nunsigned f(void) { return arc4random(); }", [], ["GLIBC_2.36", "arc4random"]),
    ("int jansson_version_cmp(int, int, int); int f(void) { return jansson_version_cmp(1, 2, 3); }", ["-l:libjansson.so.4"],
     ["libjansson.so.4", "lacks"]),
    ("#include <unistd.h>\nint f(void) { return getpid(); }", [], []),
], ids=["new_symbol", "library_left_out", "nothing"])
def test_what_would_not_run_elsewhere_is_not_shipped(tmp_path, code, libraries, words):
    (tmp_path / "f.c").write_text(code, encoding="ascii")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "f.so", tmp_path / "f.c", *libraries], check=True)
    checked = subprocess.run([CHECK, tmp_path], check=False, capture_output=True, text=True)
    assert checked.returncode == (1 if words else 0), checked
    assert all(word in checked.stderr for word in [*words, *(["f.so"] if words else [])]), checked.stderr


def test_a_check_of_nothing_fails(tmp_path):
    assert subprocess.run([CHECK, tmp_path], check=False, capture_output=True).returncode == 1
