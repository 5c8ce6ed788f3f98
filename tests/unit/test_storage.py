"""docs/storage.md says what tiny_cloud/support.py says, and that is what the schemas have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tiny_cloud import schema
from tiny_cloud.encryption import LUKS
from tiny_cloud.layers import ENDINGS
from tiny_cloud.schema.files import schema_of
from tiny_cloud.schema.table import rows
from tiny_cloud.support import ATTACHING, FORMATS, OPERATIONS, READ, STORES, WORDS, Row

FILE = Path(__file__).parents[2] / "docs" / "storage.md"
HEAD = """# Formats, stores and operations: what is supported, what is refused, and why

Written from `tiny_cloud/support.py` (`pytest tests/unit/test_storage.py --regenerate`), which is
also where the program takes its words from; what each field does is in [fields.md](fields.md). An
image of any format becomes a read-only qcow2 once; before that two readers look at it that know
nothing of each other, and what one of them finds odd is refused.
"""
SECTIONS = {"Where data lies": STORES, "What is done with it": OPERATIONS,
            "In a machine": ATTACHING}


def line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def formats() -> list[str]:
    head = [line("format", "", "imported", "as a disk"), line(*["---"] * 4)]
    return head + [line(
        f"`{item.name}`", item.what,
        f"refused: {item.refused}; {item.instead}" if item.refused else "supported",
        "supported" if item.disk else "refused" if item.refused else "refused: import it")
        for item in FORMATS]


def table(section: Iterable[Row]) -> list[str]:
    head = [line("what", "", "how, or what instead"), line(*["---"] * 3)]
    return head + [
        line(row.what, f"refused: {row.refused}", row.instead) if row.refused
        else line(row.what, "supported", row.how) for row in section]


def test_the_document_is_the_table(request: pytest.FixtureRequest) -> None:
    parts = {"Formats": formats(), **{title: table(it) for title, it in SECTIONS.items()}}
    text = HEAD + "".join(f"\n## {title}\n\n" + "\n".join(lines) + "\n"
                          for title, lines in parts.items())
    if request.config.getoption("--regenerate"):
        FILE.write_text(text)
    assert FILE.read_text() == text


def test_formats_are_those_of_the_schemas() -> None:
    image, disk = (schema_of(kind)["properties"]["spec"]["properties"]
                   for kind in ("Image", "Disk"))
    assert set(image["source"]["properties"]["format"]["enum"]) == READ
    kept = [item.name for item in FORMATS if item.disk]
    assert set(kept) == set(disk["format"]["enum"]) == set(ENDINGS) - {LUKS}
    assert set(image["format"]["enum"]) == set(kept)


def test_what_is_supported_is_a_field_and_what_is_refused_is_none() -> None:
    known = {f"{kind}.{row.field}" for kind in schema.kinds() for row in rows(kind)}
    for section in SECTIONS.values():
        for row in section:
            assert (set(row.fields) & known == set()) if row.refused else (
                set(row.fields) <= known), row
            assert bool(row.refused) == bool(row.instead) != bool(row.how), row


def test_every_field_of_storage_is_in_the_table() -> None:
    told = {field for section in SECTIONS.values() for row in section for field in row.fields}
    fields = {f"{kind}.{row.field}" for kind in ("Disk", "Image") for row in rows(kind)
              if "." not in row.field}
    fields |= {f"VirtualMachine.{row.field}" for row in rows("VirtualMachine")
               if row.field.startswith("disks[].") and not row.cost.startswith("see ")}
    assert fields - told == set()


def test_what_is_refused_has_a_sentence() -> None:
    assert {"cow", "sheepdog"} <= set(WORDS)
    for why, instead in WORDS.values():
        assert why and instead
