"""docs/fields.md says what the schemas say, docs/cli.md what the command line says."""

from pathlib import Path

import pytest

from tests.docs import reference
from tiny_cloud import schema
from tiny_cloud.schema.table import rows

FILE = Path(__file__).parents[2] / "docs" / "fields.md"
VERBS = FILE.with_name("cli.md")
HEAD = """# Every field, and what changing it costs

Written from the schemas (`pytest tests/unit/test_docs.py --regenerate`). A field that is not
declared is not managed. *live*: the running machine has it at once, as far as it and its guest
allow (a disk on `virtio`, `scsi` or `usb`; a card on PCI Express while a port is free; processors
up to those it was started with room for); where they do not, the plan says *at next boot*.
*restarts the machine* takes `--restart`. *It goes*: taken out of the manifest, it is taken out of
the host as well.
"""


def table(kind: str) -> str:
    lines = ["| field | values | default | a change costs | taken out | |",
             "| --- | --- | --- | --- | --- | --- |"]
    for row in rows(kind):
        words = (f"`{row.field}`", row.values, row.default, row.cost, row.removal, row.text)
        lines.append("| " + " | ".join(word.replace("|", "\\|") for word in words) + " |")
    return f"\n## {kind}\n\n" + "\n".join(lines) + "\n"


def test_the_table_is_the_schemas(request: pytest.FixtureRequest) -> None:
    text = HEAD + "".join(table(kind) for kind in sorted(schema.kinds()))
    if request.config.getoption("--regenerate"):
        FILE.write_text(text)
    assert FILE.read_text() == text


def test_the_verbs_are_those_of_the_command_line(request: pytest.FixtureRequest) -> None:
    text = reference.text()
    if request.config.getoption("--regenerate"):
        VERBS.write_text(text)
    assert VERBS.read_text() == text
