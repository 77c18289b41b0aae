"""What only the Snowflake source has: its driver, log-in, session, results in chunks, and the faults of a service."""

import re
import signal
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from marks import both_versions, snowflake_only
from thaw import ROOT

TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"]}
GOLDEN = ROOT / "tests/e2e/golden"
pytestmark = snowflake_only


def prepare(migration, rows: int = 1000):
    table = migration.source.table("t", {"id": "int", "text": "text", "at": "timestamptz"},
                                   "SELECT i, 't' || i, TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL 1 HOUR "
                                   f"FROM range({rows}) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint, text text, at timestamptz)")
    return table


# Log-in


def private_keys(key: rsa.RSAPrivateKey) -> dict:
    """The forms in which people have their keys: PEM text and its passphrase."""
    pem = serialization.Encoding.PEM
    plain, secret = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"open sesame")
    return {"pkcs8": (key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode(), None),
            "pkcs1": (key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain).decode(), None),
            "encrypted_pkcs8": (key.private_bytes(pem, serialization.PrivateFormat.PKCS8, secret).decode(), "open sesame"),
            "encrypted_pkcs1": (key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, secret).decode(),
                                "open sesame")}


@pytest.mark.parametrize("form, given", [("pkcs8", "newlines"), ("pkcs8", "literal"), ("pkcs8", "file"), ("pkcs8", "environment"),
                                         ("pkcs1", "newlines"), ("pkcs1", "file"), ("encrypted_pkcs8", "newlines"),
                                         ("encrypted_pkcs8", "literal"), ("encrypted_pkcs1", "newlines"), ("encrypted_pkcs1", "file")])
def test_key_pairs_in_every_form(migration, private_key, tmp_path, form, given):
    table = prepare(migration)
    text, passphrase = private_keys(private_key)[form]
    environment = {}
    if given == "literal":
        text = text.replace("\n", "\\n")
    elif given == "file":
        (tmp_path / "my key.pem").write_text(text, encoding="ascii")
        text = str(tmp_path / "my key.pem")
    elif given == "environment":
        environment, text = {"RSA_KEY": text}, "${RSA_KEY}"
    login = {"rsa_key": text} | ({"rsa_key_passphrase": passphrase} if passphrase else {})
    config = {**migration.config(TABLE), **migration.source.config(**login)}
    migration.thaw.migrate(config, **environment).expect(0)
    assert migration.assert_same(table, "t") == 1000


@pytest.mark.parametrize("form", ["pkcs8", "pkcs1"])
@pytest.mark.parametrize("passphrase", [None, "open barley"], ids=["without", "wrong"])
def test_an_encrypted_key_without_its_passphrase_is_refused(migration, private_key, form, passphrase):
    prepare(migration)
    login = {"rsa_key": private_keys(private_key)[f"encrypted_{form}"][0]} | ({"rsa_key_passphrase": passphrase} if passphrase else {})
    finished = migration.thaw.migrate({**migration.config(TABLE), **migration.source.config(**login)})
    finished.expect(1 if passphrase else 2).says("rsa_key", "passphrase")
    assert not migration.target.has_ledger(), "a log-in that is refused is told before anything is written"


@pytest.mark.parametrize("login", [{"password": "right"}, {"token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}, {"token": "pat-0123456789"}],
                         ids=["password", "oauth", "pat"])
def test_password_and_token(migration, login):
    table = prepare(migration)
    migration.thaw.migrate({**migration.config(TABLE), **migration.source.config(**login)}).expect(0)
    assert migration.assert_same(table, "t") == 1000


def test_a_wrong_password_is_told_within_seconds(migration):
    prepare(migration)
    finished = migration.thaw.migrate({**migration.config(TABLE), **migration.source.config(password="wrong")}).expect(1)
    finished.says("Incorrect username or password")
    assert finished.seconds < 20
    assert not migration.target.has_ledger()


def test_a_host_that_does_not_answer_is_told_within_seconds(migration):
    prepare(migration)
    source = migration.source.config()
    source["snowflake"]["port"] = 9  # discard: nobody listens there
    finished = migration.thaw.migrate({**migration.config(TABLE), **source}).expect(1)
    finished.says("Snowflake")
    assert finished.seconds < 40
    assert not migration.target.has_ledger()


# The session


def test_the_session_is_pinned(migration, double):
    prepare(migration)
    double.mark()
    migration.thaw.migrate(migration.config(TABLE)).expect(0)
    alter = [statement for statement in double.statements() if statement.startswith("ALTER SESSION SET")]
    assert alter
    for statement in alter:
        for setting in ("ROWS_PER_RESULTSET = 0", "TIMEZONE = 'UTC'", "QUOTED_IDENTIFIERS_IGNORE_CASE = false"):
            assert setting in statement
    assert any("USE SECONDARY ROLES" in statement for statement in double.statements())


@pytest.mark.parametrize("parameter", ["TIMEZONE", "TIMESTAMP_NTZ_OUTPUT_FORMAT"])
def test_a_session_that_does_not_take_a_setting_is_refused(migration, double, parameter):
    prepare(migration)
    double.control({"keep_parameter": parameter})
    migration.thaw.migrate(migration.config(TABLE)).expect(1).says(parameter)
    assert migration.target.count("t") == 0


def test_driver_options_with_a_typing_mistake_are_refused(migration):
    prepare(migration)
    config = migration.config(TABLE)
    name = "adbc.snowflake.sql.client_option.login_timeout"
    config["snowflake"]["options"] = {name.replace("timeout", "timeot"): "5s"}
    migration.thaw.migrate(config).expect(2).says(name.replace("timeout", "timeot"), f'did you mean "{name}"')
    assert not migration.target.has_ledger()


# Results and faults


@both_versions
def test_results_in_many_chunks(migration):
    """The double sends 5,000 rows a piece, in batches of 2,000."""
    table = prepare(migration, 60_000)
    migration.thaw.migrate(migration.config({**TABLE, "batch_size": 25_000})).expect(0)
    assert migration.assert_same(table, "t") == 60_000
    migration.target.assert_completed()


@pytest.mark.parametrize("lost", [1, 3])
def test_invariant_06_a_truncated_result_is_noticed_and_read_again(migration, double, lost):
    table = prepare(migration, 40_000)
    double.control({"lose_chunks": lost})
    finished = migration.thaw.migrate(migration.config({**TABLE, "batch_size": 20_000})).expect(0)
    assert finished.records("WARNING", "20000"), finished
    assert double.control()["lose_chunks"] == 0
    assert migration.assert_same(table, "t") == 40_000
    assert migration.target.value("SELECT sum(retry_count) FROM migration_status.migration_chunk_status") >= 1
    migration.target.assert_completed()


def test_invariant_06_results_that_are_always_truncated_fail_the_run(migration, double):
    prepare(migration, 40_000)
    double.control({"lose_chunks": 1_000_000})
    finished = migration.thaw.migrate(migration.config({**TABLE, "batch_size": 20_000, "max_retry_attempts": 2})).expect(1)
    assert finished.records("ERROR", "20000"), finished
    assert migration.target.count("t") == 0
    assert migration.target.run_status() == "failed"
    migration.target.assert_ledger_adds_up()


@pytest.mark.parametrize("fault", ["fail_chunks", "drop_chunks", "fail_queries"])
def test_faults_that_pass_do_not_hinder(migration, double, fault):
    table = prepare(migration, 40_000)
    running = migration.thaw.start_migrate(migration.config({**TABLE, "batch_size": 20_000}), fault="after_plan_commit:stop")
    running.wait_until_stopped()
    double.control({fault: 2})
    running.signal(signal.SIGCONT)
    running.wait(120).expect(0)
    assert double.control()[fault] == 0, "the fault did not happen"
    assert migration.assert_same(table, "t") == 40_000
    migration.target.assert_completed()


def test_an_expired_session_is_replaced(migration, double):
    """The service says for a while that the session is gone."""
    table = prepare(migration, 40_000)
    running = migration.thaw.start_migrate(migration.config({**TABLE, "batch_size": 5_000}), "--workers", "1",
                                           fault="after_commit:stop:2", THAW_RETRY_SCALE="25")
    running.wait_until_stopped()
    double.control({"expire_sessions": 1})
    running.signal(signal.SIGCONT)
    time.sleep(1)
    double.control({"expire_sessions": 0})
    finished = running.wait(120).expect(0)
    assert finished.records("WARNING", "attempt 1"), finished
    assert migration.assert_same(table, "t") == 40_000
    migration.target.assert_completed()


def test_a_table_that_does_not_exist_is_named_with_the_nearest(migration):
    prepare(migration)
    finished = migration.thaw.migrate(migration.config({**TABLE, "source": "T"})).expect(1)
    finished.says('"T"', 'did you mean "t"')


# Every statement of a run


def normalised(statement: str, database: str) -> str:
    """Without the test's own database and moment, and without the numbers of a hash, which are the double's, not Snowflake's."""
    statement = re.sub(rf"\b{database}\b", "DATABASE", statement)
    statement = re.sub(r"AT \(TIMESTAMP => '[-0-9 :.]+ \+00:00'", "AT (TIMESTAMP => 'MOMENT +00:00'", statement)
    return re.sub(r"(HASH\(.*\)) BETWEEN \d+ AND \d+", r"\1 BETWEEN FIRST AND LAST", statement)


def test_statements_of_a_run_are_those_of_the_golden_file(migration, double, pytestconfig):
    """Each construct that goes to Snowflake was looked up in its documentation; a change here is to be looked up too, and
    written down with `--update-golden`."""
    source = migration.source
    source.table("every kind", {"id": "int", "day": "date", "amount": "decimal(12,2)", "name": "text", "at": "timestamp",
                                "seen": "timestamptz", "time": "time", "data": "json", "raw": "binary", "ratio": "float", "ok": "bool"},
                 "SELECT i, DATE '2024-01-01' + (i % 3)::INT, i / 4.0, CASE WHEN i = 7 THEN NULL ELSE 'it''s \\' || i END, "
                 "TIMESTAMP '2024-01-01' + i * INTERVAL 1 SECOND, TIMESTAMPTZ '2024-01-01 00:00:00+00', TIME '12:00:00', "
                 "'{}', 'x'::BLOB, i, true FROM range(12) AS r(i)")
    keys = [["id"], ["day", "amount"], ["name"], ["at"], ["seen"], ["name", "ratio"], []]
    tables = []
    for i, columns in enumerate(keys):
        migration.target.execute(f'CREATE TABLE target_{i} (id bigint, day date, amount numeric(12,2), name text, at timestamp, '
                                 'seen timestamptz, time time, data jsonb, raw bytea, ratio float8, ok boolean)')
        tables.append({"source": "every kind", "target": f"target_{i}", "batch_size": 6}
                      | ({"chunking_columns": columns} if columns else {"source_filter": '"id" > 3 -- a remark'})
                      | ({"chunking": "hash"} if "ratio" in columns else {}))
    double.mark()
    migration.thaw.migrate(migration.config(*tables), "--workers", "1").expect(0)
    sent = "".join(normalised(statement, source.database) + ";\n\n" for statement in double.statements())

    golden = GOLDEN / "migrate.sql"
    if pytestconfig.getoption("--update-golden"):
        golden.write_text(sent, encoding="utf-8")
    assert sent == golden.read_text(encoding="utf-8")


# Types


def test_semi_structured_values_arrive_as_json(migration):
    migration.source.execute(
        f"CREATE TABLE {migration.source.relation('semi')} (\"id\" NUMBER(38,0), \"v\" VARIANT, \"o\" OBJECT, \"a\" ARRAY)",
        f"INSERT INTO {migration.source.relation('semi')} SELECT 1, PARSE_JSON('{{\"x\": [1.5, null]}}'), "
        "OBJECT_CONSTRUCT('k', 'v'), ARRAY_CONSTRUCT(1, 'two')",
        f"INSERT INTO {migration.source.relation('semi')} SELECT 2, NULL, NULL, NULL")
    migration.target.execute("CREATE TABLE semi (id bigint, v jsonb, o json, a text)")
    migration.thaw.migrate(migration.config({"source": "semi", "target": "semi", "chunking_columns": ["id"]})).expect(0)
    found = migration.target.rows("SELECT v::text, o->>'k', a::jsonb::text FROM semi ORDER BY id")
    assert found == [('{"x": [1.5, null]}', "v", '[1, "two"]'), (None, None, None)]
