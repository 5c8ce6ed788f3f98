"""Every field of a machine, for real: one value, another, and taken out of the manifest.

The cases are in ``matrix/virtualmachine.yaml``, one or more a row of docs/fields.md; what a change
must cost and what taking a field out must do comes from that very table. Each case is a machine;
all of them go from value to value together.

    field:    the row; ``at``: the flat field of this case, where it is another word
    a, b:     parts of the spec; ``also``: further fields that change with it
    without:  what is left of the spec when the field is taken out; nothing of a and b by default
    off:      the machine does not run: its guest, firmware alone, would let go of nothing
    given:    a part of the spec that is there all the time
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab import Lab
from tiny_cloud.schema.table import COSTS, Row, rows

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "matrix" / "virtualmachine.yaml").read_text())
ROWS = {row.field: row for row in rows("VirtualMachine")}
IMPACTS = {words: impact.value for impact, words in COSTS.items()}
ELSEWHERE = {
    # These are no state of the machine: they say how others are made, or how it is treated.
    "stopTimeout", "accel",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab.make("tctmatrix")
    (made.folder / "one.iso").write_bytes(bytes(1 << 20))
    (made.folder / "two.iso").write_bytes(bytes(1 << 20))
    yield made
    made.clean()


def test_every_field_has_a_case() -> None:
    composite = {name for name, row in ROWS.items() if row.cost == "see its own document"}
    known = {case["field"] for case in CASES} | ELSEWHERE | composite
    groups = {name for name in ROWS if any(other.startswith(f"{name}.") or
                                           other.startswith(f"{name}[") for other in ROWS)}
    assert set(ROWS) - groups - known == set()
    assert {case["field"] for case in CASES} <= set(ROWS)


def test_each_field_becomes_what_is_declared(lab: Lab) -> None:
    declare(lab, "a")
    lab.apply("--parallel", "2")
    lab.assert_settled()


def test_each_change_says_its_field_and_what_it_costs(lab: Lab) -> None:
    declare(lab, "b")
    plan = lab.plan()
    wrong = {}
    for number, case in enumerate(CASES):
        expected = {field: IMPACTS[row(case).cost] for field in fields(case)}
        found = {f["field"]: f["impact"] for f in plan.get(address(number), {}).get("fields", ())}
        if found != expected:
            wrong[case["field"]] = (found, expected)
    assert wrong == {}
    lab.apply("--parallel", "2")
    lab.assert_settled()


def test_a_field_that_is_taken_out(lab: Lab) -> None:
    declare(lab, "without")
    plan = lab.plan()
    wrong = {}
    for number, case in enumerate(CASES):
        change = plan.get(address(number), {"fields": ()})
        found = {f["field"]: f["new"] for f in change["fields"]}
        if found != taken_out(case):
            wrong[case["field"]] = (found, taken_out(case))
    assert wrong == {}
    lab.apply("--parallel", "2")
    lab.assert_settled()


def declare(lab: Lab, state: str) -> None:
    documents = []
    for number, case in enumerate(CASES):
        spec = {"accel": "tcg", "cpus": 1, "memory": "32MiB", "running": not case.get("off", False),
                "autostart": False, **case.get("given", {}), **case.get(state, {})}
        documents.append({"apiVersion": "tinycloud/v1", "kind": "VirtualMachine",
                          "metadata": {"name": f"m{number}"}, "spec": spec})
    text = yaml.safe_dump_all(documents).replace("FOLDER", str(lab.folder))
    (lab.manifests / "machines.yaml").write_text(text)


def address(number: int) -> str:
    return f"virtualmachine/m{number}"


def row(case: dict[str, Any]) -> Row:
    return ROWS[case["field"]]


def fields(case: dict[str, Any]) -> list[str]:
    return [case.get("at", case["field"]), *case.get("also", ())]


def taken_out(case: dict[str, Any]) -> dict[str, Any]:
    """Fields and their new values."""
    if row(case).removal == "it goes":
        return dict.fromkeys(case.get("goes", fields(case)))
    if row(case).removal == "its default counts" and "default" in case:
        return {fields(case)[0]: case["default"]}
    return {}
