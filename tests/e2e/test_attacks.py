"""What the protocols of presence, fences and claims are there for: hosts that vanish, processes that sleep while the world goes
on, runs after unfinished runs, and many processes that claim thousands of chunks at once."""

import contextlib
import os
import re
import signal
import statistics
import subprocess
import time

import pytest

from conftest import Migration
from faults import assert_said, tally  # noqa: F401 (fixture)
from sources import DuckdbSource
from targets import Target
from tests.servers.postgres import Postgres
from tests.servers.proxy import Proxy
from thaw import Finished, Running, Thaw

ROWS, BATCH = 20_000, 500
COLUMNS = {"id": "int", "text": "text"}
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": BATCH}
TRUNCATED = {**TABLE, "truncate_onstart": True}
CREATE = "CREATE TABLE t (id bigint, text text)"
SUCCEEDED_WITHIN = 60


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A file that is only read, and its table: made once."""
    source = DuckdbSource(tmp_path_factory.mktemp("kept"))
    return source, source.table("t", COLUMNS, f"SELECT i, 'row ' || i FROM range({ROWS}) AS r(i)")


@pytest.fixture
def migration(thaw, kept, target):
    target.execute(CREATE)
    made = Migration(thaw, kept[0], target)
    made.table = kept[1]
    return made


def stopped(migration: Migration, config: dict, fault: str, *arguments: str, **environment: str) -> Running:
    running = migration.thaw.start_migrate(config, *arguments, fault=fault, **environment)
    running.wait_until_stopped()
    return running


def own_run(finished: Finished) -> str:
    """The run that it worked on, by its last words; the log may name others first."""
    return re.search(r"run ([0-9a-f-]{36})", finished.stdout)[1]


def written(target: Target) -> list:
    """Who wrote what: a row that is written again has another transaction or place."""
    return target.rows("SELECT id, xmin::text, ctid::text FROM t ORDER BY ctid")


def assert_equal_and_completed(migration: Migration, runs: int = 1) -> None:
    assert migration.assert_same(migration.table, "t") == ROWS
    migration.target.assert_completed()
    assert migration.target.count("migration_status.migration_runs") == runs


# Hosts that vanish


class Hosts:
    """Network namespaces of our own: one with the server, and one a host, joined to it by a pair of virtual devices. None of it
    touches the machine's own network. A namespace ends with the process that holds it: network_namespaces(7), veth(4)."""

    def __init__(self):
        self.holders: list = []
        self.server = self.namespace()
        self.ip(self.server, "link set lo up")

    def namespace(self) -> int:
        holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
        holder.stdout.readline()  # it is in its namespace
        self.holders.append(holder)
        return holder.pid

    @staticmethod
    def inside(namespace: int) -> list:
        return ["nsenter", "--target", str(namespace), "--net", "--"]

    def ip(self, namespace: int, command: str) -> None:
        subprocess.run([*self.inside(namespace), "ip", *command.split()], check=True)

    def host(self) -> tuple:
        """A new host: what to put before a command that is to run there, the server's address as seen from there, and what takes
        it away."""
        number, namespace = len(self.holders), self.namespace()
        cable, net = f"host{number}", f"10.77.{number}"
        self.ip(self.server, f"link add {cable} type veth peer name eth0 netns {namespace}")
        for place, device, address in ((self.server, cable, f"{net}.1"), (namespace, "eth0", f"{net}.2")):
            self.ip(place, f"address add {address}/24 dev {device}")
            self.ip(place, f"link set {device} up")
        return self.inside(namespace), f"{net}.1", lambda: self.ip(self.server, f"link delete {cable}")

    def close(self) -> None:
        for holder in self.holders:
            holder.kill()
            holder.wait()
            holder.stdout.close()


class Lost:
    """A process whose host goes away in the midst of a load: no FIN, no RST, and the server still believes in it."""

    def __init__(self, migration: Migration, fault: str, vanish):
        self.migration = migration
        self.process = stopped(migration, self.config(), fault)
        vanish()
        self.vanished = time.monotonic()
        self.before = migration.target.rows(TRANSACTIONS + " WHERE status = 'completed'")
        assert self.before and migration.target.live_processes() >= 3, "the server still has its connections"

    def config(self) -> dict:
        config = self.migration.config(TABLE)
        config["postgres"] |= {"host": self.migration.address[0], "port": self.migration.address[1]}
        return config

    def succeed(self) -> None:
        """What an operator does elsewhere: the same command, until it succeeds."""
        while True:
            successor = self.migration.thaw.migrate(self.config(), timeout=SUCCEEDED_WITHIN)
            assert time.monotonic() - self.vanished < SUCCEEDED_WITHIN, successor
            if successor.status == 0:
                break
            successor.expect(1).says(f"pid {self.process.process.pid}")
        assert_equal_and_completed(self.migration)
        after = dict(self.migration.target.rows(TRANSACTIONS))
        assert all(after[chunk] == transaction for chunk, transaction in self.before), "committed work was done again"

    def come_back(self) -> None:
        """The lost host lives on, and finds nobody."""
        rows = written(self.migration.target)
        self.process.signal(signal.SIGCONT)
        time.sleep(1)
        self.process.kill()
        self.process.wait()
        assert written(self.migration.target) == rows


TRANSACTIONS = "SELECT chunk_id, xmin::text FROM migration_status.migration_chunk_status"


@pytest.fixture
def losses(tmp_path, kept, servers):
    """Makes hosts that are to be lost."""
    closing = contextlib.ExitStack()

    def make(name: str, server: Postgres, fault: str, address: tuple, vanish, *, prefix: list, elsewhere: tuple) -> Lost:
        folder = tmp_path / name
        folder.mkdir()
        target = Target(server)
        closing.callback(target.drop)
        migration = Migration(Thaw(folder), kept[0], target)
        closing.callback(migration.thaw.close)
        migration.table, migration.address, migration.thaw.prefix = kept[1], address, prefix
        target.execute(CREATE)
        lost = Lost(migration, fault, vanish)
        migration.address, migration.thaw.prefix = elsewhere
        return lost

    def by_cable(fault: str) -> Lost:
        """The cable is gone. The server can only be reached by such hosts; the tests come through its Unix socket."""
        hosts = Hosts()
        closing.callback(hosts.close)
        server = Postgres(15, settings={"listen_addresses": "*"}, hba=("host all all 10.77.0.0/16 trust",),
                          prefix=tuple(hosts.inside(hosts.server)))
        closing.callback(server.stop)
        server.host = str(server.directory)
        server.start()
        inside, address, vanish = hosts.host()
        other_inside, other_address, _ = hosts.host()
        return make("cable", server, fault, (address, server.port), vanish, prefix=inside,
                    elsewhere=((other_address, server.port), other_inside))

    def by_hole(fault: str) -> Lost:
        """Something between the two swallows every byte, and keeps both connections alive for ever."""
        server = servers(15)
        proxy = closing.enter_context(Proxy(server.host, server.port))
        return make("hole", server, fault, (proxy.host, proxy.port), lambda: setattr(proxy, "stalled", True), prefix=[],
                    elsewhere=((server.host, server.port), []))

    with closing:
        yield {"cable": by_cable, "hole": by_hole}


# To take a cable away takes root, as a network namespace does; what swallows bytes can be had by everybody.
WAYS = [("hole", "after_record:stop:5")] + [("cable", "in_data:stop:5")] * (os.geteuid() == 0)


@pytest.mark.timeout(240)
def test_invariant_04_a_host_that_vanished_is_succeeded_within_a_minute(losses, tally):
    lost = [losses[way](fault) for way, fault in WAYS]
    for one in lost:
        one.succeed()
    for one, (way, _) in zip(lost, WAYS):
        one.come_back()
        tally.count(f"host vanished: {way}", "succeeded")


# A run that slept while another one took its target

SLEEPS = {"before a load": "before_data:stop:5", "in the data": "in_data:stop:5", "before the commit": "after_record:stop:5",
          "between chunks": "after_commit:stop:5", "in a retry": "after_data:error:5"}


def cut_off(target: Target, running: Running) -> None:
    """Its host was away for longer than its connections last: the server has ended them all."""
    assert running.state() == "T"
    assert target.server.terminate(f"datname = '{target.name}' AND application_name LIKE 'thaw %'") > 0
    target.wait_until_alone()


@pytest.mark.parametrize("sleep", SLEEPS)
def test_invariant_04_a_run_that_slept_loads_nothing_into_a_target_that_another_has_truncated(migration, tally, sleep):
    config = migration.config(TRUNCATED, parallel_threads=1)
    if sleep == "in a retry":
        sleeper = migration.thaw.start_migrate(config, fault=SLEEPS[sleep], THAW_RETRY_SCALE="50")
        while migration.target.value("SELECT to_regclass('migration_status.migration_chunk_status')") is None or not \
                migration.target.value("SELECT sum(retry_count) FROM migration_status.migration_chunk_status"):
            assert sleeper.process.poll() is None, sleeper.wait()
            time.sleep(0.01)
        sleeper.signal(signal.SIGSTOP)
        while sleeper.state() != "T":
            time.sleep(0.01)
    else:
        sleeper = stopped(migration, config, SLEEPS[sleep])
    cut_off(migration.target, sleeper)
    feeds = [migration.source.feed(migration.target.name, TRUNCATED, name="another")]
    other = migration.thaw.migrate(migration.config(feeds=feeds)).expect(0).says("NO RESUMABLE RUN FOUND")
    assert migration.assert_same(migration.table, "t") == ROWS
    before = written(migration.target)

    sleeper.signal(signal.SIGCONT)
    ended = sleeper.wait(60).expect(1)

    assert_said(ended, "ERROR", f"taken over by run {own_run(other)}")
    assert written(migration.target) == before, f"it wrote into another run's target; {ended}"
    migration.target.assert_ledger_adds_up()
    assert migration.target.run_status(own_run(other)) == "completed"
    assert migration.target.run_status(own_run(ended)) == "failed"
    tally.count(f"slept: {sleep}", "loaded nothing")


# A new run after an unfinished one


def interrupted(migration: Migration, config: dict) -> str:
    killed = migration.thaw.migrate(config, "--workers", "1", fault="after_commit:kill:7").expect(-9)
    migration.target.wait_until_alone()
    assert migration.target.count("t") == 7 * BATCH
    return killed.run_id


def failed(migration: Migration, config: dict) -> str:
    """By a value that the target doesn't take; then the target takes it."""
    migration.target.execute("ALTER TABLE t ADD CONSTRAINT wrong CHECK (id <> 7000)")
    run = migration.thaw.migrate(config, "--workers", "1").expect(1).run_id
    migration.target.execute("ALTER TABLE t DROP CONSTRAINT wrong")
    return run


def partial(migration: Migration, config: dict) -> str:
    """Asked to end, while its target takes its time."""
    migration.target.execute("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END'",
                             "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION slow()")
    running = stopped(migration, config, "after_commit:stop:7")
    running.signal(signal.SIGTERM)
    running.signal(signal.SIGCONT)
    run = running.wait().expect(3).run_id
    migration.target.execute("DROP TRIGGER slow ON t")
    return run


UNFINISHED = {"killed": interrupted, "failed": failed, "stopped": partial}
# How a person comes back: arguments, other configuration, exit status; the runs that there are then.
RETURNS = {"the same command": ((), {}, 0, 1), "--no-resume": (("--no-resume",), {}, 1, 2),
           "another filter": ((), {"source_filter": '"id" >= 0'}, 1, 2),
           "--no-resume with truncate_onstart": (("--no-resume",), {"truncate_onstart": True}, 0, 2),
           "another filter with truncate_onstart": ((), {"source_filter": '"id" >= 0', "truncate_onstart": True}, 0, 2)}


@pytest.mark.parametrize("how", RETURNS)
@pytest.mark.parametrize("unfinished", UNFINISHED)
def test_a_new_run_after_an_unfinished_one_neither_doubles_nor_forgets(migration, tally, unfinished, how):
    """A copy without truncation is refused while rows of an unfinished run are there; with it, it starts over."""
    config = migration.config(TABLE)
    run = UNFINISHED[unfinished](migration, config)
    rows = migration.target.count("t")
    arguments, changed, status, runs = RETURNS[how]
    again = migration.thaw.migrate(migration.config({**TABLE, **changed}), *arguments).expect(status)
    if status == 1:
        assert_said(again, "ERROR", f"of run {run}", "would double", "--resume-run-id")
        assert migration.target.count("t") == rows
        migration.thaw.migrate(config, "--resume-run-id", run).expect(0).says(f"resuming run {run}")
    assert migration.assert_same(migration.table, "t") == ROWS
    migration.target.assert_ledger_adds_up()
    assert migration.target.count("migration_status.migration_runs") == runs
    finished = run if runs == 1 or status == 1 else own_run(again)
    assert migration.target.run_status(finished) == "completed"
    if how.endswith("truncate_onstart"):  # what the old run had loaded is gone: it can't be gone on with
        late = migration.thaw.migrate(config, "--resume-run-id", run).expect(1)
        assert_said(late, "ERROR", "taken over")
        assert migration.assert_same(migration.table, "t") == ROWS
    tally.count(f"unfinished: {unfinished}", "nothing doubled or forgotten")


def test_a_table_whose_planner_dies_is_planned_by_another_process(migration):
    config = migration.config(TRUNCATED)
    first = stopped(migration, config, "before_plan_commit:stop")
    joiner = migration.thaw.start("migrate", "--join")
    time.sleep(1)
    assert migration.target.count("migration_status.migration_chunk_status") == 0 and joiner.process.poll() is None
    os.kill(first.process.pid, signal.SIGKILL)
    first.wait().expect(-9)
    joiner.wait().expect(0).says("joining run")
    assert_equal_and_completed(migration)


# Thousands of chunks

CROWD, CHUNKS = 8, 11_000
DEARER = 3  # how much a claim may come to cost more by the chunks that are done
# Every claim, as it happens; and of one statement in twenty what it took in the server, waiting for locks included.
WATCH = ("CREATE TABLE claims (chunk_id bigint, owner_id integer, token uuid)",
         """CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN INSERT INTO public.claims VALUES (NEW.chunk_id, NEW.owner_id, NEW.claim_token); RETURN NULL; END $$""",
         """CREATE TRIGGER note_claim AFTER UPDATE ON migration_status.migration_chunk_status FOR EACH ROW
            WHEN (NEW.claim_token IS DISTINCT FROM OLD.claim_token AND NEW.claim_token IS NOT NULL) EXECUTE FUNCTION note_claim()""")
SAMPLE = ("ALTER DATABASE {} SET log_min_duration_sample = 0", "ALTER DATABASE {} SET log_statement_sample_rate = 0.05")
CLAIM_STEP = re.compile(r"duration: ([\d.]+) ms  (parse|bind|execute) <unnamed>: -- Claim for owner")


def milliseconds_a_claim(log: str) -> tuple:
    """In the first and in the last third of the claims: the medians of its steps, added up."""
    steps: dict = {"parse": [], "bind": [], "execute": []}
    for duration, step in CLAIM_STEP.findall(log):
        steps[step].append(float(duration))
    assert all(len(durations) > CHUNKS / 50 for durations in steps.values()), {step: len(found) for step, found in steps.items()}
    return tuple(sum(statistics.median(durations[len(durations) * first // 3:len(durations) * (first + 1) // 3]) for durations in steps.values())
                 for first in (0, 2))


@pytest.mark.timeout(300)
def test_eight_processes_claim_eleven_thousand_chunks_without_theft(thaw, target, tmp_path, tell):
    source = DuckdbSource(tmp_path)
    table = source.table("t", COLUMNS, f"SELECT i, 'row ' || i FROM range({CHUNKS}) AS r(i)")
    target.execute(CREATE, *(statement.format(target.name) for statement in SAMPLE))
    migration = Migration(thaw, source, target)
    already = len(target.server.log())
    begun = time.monotonic()
    first = stopped(migration, migration.config({**TABLE, "batch_size": 1}, parallel_threads=1), "after_plan_commit:stop")
    target.execute(*WATCH)
    crowd = [first, *(thaw.start("migrate", "--join") for _ in range(CROWD - 1))]
    first.signal(signal.SIGCONT)
    for process in crowd:
        process.wait(250).expect(0)

    assert migration.assert_same(table, "t") == CHUNKS
    target.assert_completed()
    planned = target.count("migration_status.migration_chunk_status")
    assert planned >= CHUNKS
    claims = target.rows("SELECT count(*), count(DISTINCT chunk_id), count(DISTINCT token), count(DISTINCT owner_id) FROM claims")
    assert claims == [(planned, planned, planned, CROWD)], "a chunk was claimed more than once, or some process did nothing"
    assert target.value("SELECT count(DISTINCT xmin::text) FROM t") == CHUNKS, "a chunk's rows came with another's"
    first_claims, last_claims = milliseconds_a_claim(target.server.log()[already:])
    tell(f"{CROWD} processes, {planned} chunks in {time.monotonic() - begun:.0f} s; a claim took {first_claims:.2f} ms in the "
         f"first third, {last_claims:.2f} ms in the last")
    assert last_claims < DEARER * first_claims
