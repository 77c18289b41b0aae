"""Secrets by reference: fetched from the extension beside the function, hidden everywhere, never in a message."""

import json

import pytest

from functions import ask, function
from tests.servers.secrets_extension import SecretsExtension

PASSWORD = "s3cret-of-the-target"


@pytest.fixture
def extension():
    secrets = {"prod/target db": json.dumps({"user": "postgres", "password": PASSWORD, "port": 0, "nested": {}}), "plain": "text"}
    with SecretsExtension(secrets, {"/prod/host": "127.0.0.1"}) as running:
        yield running


@pytest.fixture
def config(migration, extension):
    """Everything that leads to the target is a reference."""
    migration.table = migration.source.table("t", {"id": "int"}, "SELECT i FROM range(500) r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)")
    given = migration.config({"source": "t", "target": "t", "truncate_onstart": True})
    fields = json.loads(extension.secrets["prod/target db"]) | {"port": given["postgres"]["port"]}
    extension.secrets["prod/target db"] = json.dumps(fields)
    return given | {"postgres": {"host": "ssm:/prod/host", **{name: f"secretsmanager:prod/target db#{name}" for name in
                                                               ("user", "password", "port")}}}


def test_references_are_followed_and_each_secret_is_asked_for_once(migration, extension, config, tmp_path):
    extension.not_ready = 2
    with function(tmp_path, config, **extension.environment) as lambda_function:
        ask(lambda_function, {"action": "validate_config"}, 200, "success")
        assert extension.asked.count("prod/target db") + extension.asked.count("/prod/host") == 4, "two of them twice"
        body = ask(lambda_function, {}, 200, "completed")
        said = lambda_function.platform_log() + json.dumps(body)
    migration.assert_same(migration.table, "t")
    ledger = migration.target.value("SELECT string_agg(r::text, '') FROM migration_status.migration_runs r")
    assert PASSWORD not in said and PASSWORD not in ledger


def test_a_secret_that_changes_is_followed_without_a_new_process(migration, extension, config, tmp_path):
    good = extension.secrets["prod/target db"]
    extension.secrets["prod/target db"] = json.dumps(json.loads(good) | {"user": "nobody-of-that-name"})
    with function(tmp_path, config, **extension.environment) as lambda_function:
        assert "nobody-of-that-name" in ask(lambda_function, {"action": "test_connections"}, 500, "error")["error"]
        extension.secrets["prod/target db"] = good
        ask(lambda_function, {}, 200, "completed")
    migration.assert_same(migration.table, "t")


def test_what_a_message_repeats_is_hidden(extension, config, tmp_path):
    """A server's or a driver's words may hold what it was given."""
    fields = json.loads(extension.secrets["prod/target db"])
    extension.secrets["prod/target db"] = json.dumps(fields | {"user": PASSWORD})  # both at once: the server names its users
    with function(tmp_path, config, **extension.environment) as lambda_function:
        body = ask(lambda_function, {"action": "test_connections"}, 500, "error")
        assert "***" in body["error"] and PASSWORD not in body["error"]
        ask(lambda_function, {}, 500, "failed")
        assert PASSWORD not in lambda_function.platform_log()


BAD = {
    "no such secret": ("secretsmanager:prod/absent#password", ["prod/absent", "ResourceNotFoundException", "exactly this name"]),
    "no such parameter": ("ssm:/absent", ["ssm:/absent", "status 400"]),
    "no such key": ("secretsmanager:prod/target db#pasword", ["prod/target db", '"pasword"', 'did you mean "password"?']),
    "no text": ("secretsmanager:prod/target db#nested", ["prod/target db", '"nested"', "neither"]),
    "no object": ("secretsmanager:plain#password", ["secretsmanager:plain", "no JSON object"]),
    "not allowed": ("secretsmanager:closed#password", ["closed", "403", "secretsmanager:GetSecretValue"]),
}


def test_a_reference_that_leads_nowhere_is_named_and_no_value_is_shown(extension, config, tmp_path):
    extension.refusals["closed"] = (403, "AccessDenied")
    with function(tmp_path, config, **extension.environment) as lambda_function:
        for name, (reference, words) in BAD.items():
            lambda_function.write(config | {"postgres": config["postgres"] | {"password": reference}})
            body = ask(lambda_function, {"action": "validate_config"}, 400, "error")
            assert all(word in body["error"] for word in ["$.postgres.password", *words]), (name, body["error"])
        assert PASSWORD not in lambda_function.platform_log()


def test_a_reference_in_a_key_of_another_type_is_judged_by_what_it_stands_for(extension, config, tmp_path):
    extension.secrets["plain"] = "five thousand"
    wrong = config | {"postgres": config["postgres"] | {"port": "secretsmanager:plain"}}
    with function(tmp_path, wrong, **extension.environment) as lambda_function:
        body = ask(lambda_function, {"action": "validate_config"}, 400, "error")
    assert "$.postgres.port" in body["error"] and "secretsmanager:plain" in body["error"]
    assert "five thousand" not in body["error"]


def test_the_command_line_follows_references_where_such_an_extension_listens(thaw, migration, extension, config):
    thaw.environment |= extension.environment
    thaw.migrate(config).expect(0)
    migration.assert_same(migration.table, "t")
    thaw.environment["PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"] = "1"
    refused = thaw.run("migrate").expect(2).says("$.postgres.password", "secretsmanager:prod/target db", "localhost:1", "layer")
    assert PASSWORD not in refused.stderr


def test_validate_asks_nobody(thaw, extension, config):
    """So that a configuration made for a function can be checked anywhere."""
    thaw.write(config | {"snowflake": {"account": "a", "user": "u", "rsa_key": "secretsmanager:key", "options":
                                       {"adbc.snowflake.sql.client_option.login_timeout": "ssm:/timeout"}}, "duckdb": None})
    assert json.loads(thaw.run("validate", "--json").expect(0).stdout)["problems"] == []
    assert extension.asked == []


def test_secrets_in_a_drivers_options_are_hidden_too(thaw, migration, extension, config):
    extension.secrets["driver"] = "an-option's-secret-value"
    path = config["duckdb"]["path"]
    adbc = {"driver": "duckdb", "dialect": "duckdb",
            "options": {"path": path, "access_mode": "READ_ONLY", "custom_user_agent": "secretsmanager:driver"}}
    thaw.environment |= extension.environment
    finished = thaw.migrate(config | {"duckdb": None, "adbc": adbc}).expect(0)
    ledger = migration.target.value("SELECT string_agg(r::text, '') FROM migration_status.migration_runs r")
    assert "an-option's-secret-value" not in finished.stderr + ledger
    migration.assert_same(migration.table, "t")
