"""The documents: links lead somewhere, statements run, the help and the documents know the same options."""

import re
import subprocess

import pytest

from thaw import BINARY, ROOT

DOCUMENTS = sorted(path.relative_to(ROOT) for pattern in ("*.md", "docs/*.md", "deploy/*/*.md", "bench/*.md", "scripts/*/*.md") for path in ROOT.glob(pattern))
TABLE = {"source": "t", "target": "t", "chunking_columns": ["id"], "batch_size": 50, "disable_index": True}
COMMANDS = re.findall(r"^  ([a-z]+) ", subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout, re.M)


def text_of(document) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def anchors(text: str) -> set:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document):
    text = re.sub(r"`[^`\n]*`", "", text_of(document))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        found = (ROOT / document).parent / path if path else ROOT / document
        assert found.exists(), f"{document}: {link}"
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), f"{document}: {link}"


@pytest.mark.parametrize("document", ["docs/ledger.md", "docs/bad-rows.md", "docs/indexes.md"])
def test_statements_run(migration, document):
    migration.source.table("t", {"id": "int"}, "SELECT i FROM range(100) AS r(i)")
    migration.target.execute("CREATE TABLE t (id bigint)", "CREATE INDEX ON t (id)")
    run_id = migration.thaw.migrate(migration.config(TABLE)).expect(0).run_id
    server = migration.target.server
    blocks = re.findall(r"^```sql\n(.*?)^```", text_of(document), re.M | re.S) + re.findall(r"`((?:UPDATE|DELETE) [^`]*)`", text_of(document))
    assert blocks
    for block in blocks:
        statements = block.replace("'...'", f"'{run_id}'").replace("ALTER ROLE loader", f"ALTER ROLE {server.user}")
        server.psql(f"BEGIN; {statements}; ROLLBACK", migration.target.name)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_documents_know_the_same_options(command):
    shown = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=True).stdout
    own, _, common = shown.partition("\nCommon options:\n")
    options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", own, re.M)
    section = re.search(rf"^## thaw {command}\n(.*?)(?=^## |\Z)", text_of("docs/commands.md"), re.M | re.S)
    assert section or command == "lambda"
    missing = [option for option in options if section and f"`{option}" not in section[1]]
    assert not missing
    told = re.findall(r"^\| .*?`(--[a-z-]+)", section[1], re.M) if section else []
    assert set(told) <= set(options), set(told) - set(options)
    everywhere = re.search(r"^## What all of them take\n(.*?)^## ", text_of("docs/commands.md"), re.M | re.S)[1]
    assert set(re.findall(r"(--[a-z-]+)", common)) - {"--help"} == set(re.findall(r"`(--[a-z-]+)", everywhere))
