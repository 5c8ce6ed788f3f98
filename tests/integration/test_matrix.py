"""Every field, for real: one value, another, and taken out of the manifest.

The cases are in ``matrix/KIND.yaml``, one or more a row of docs/fields.md; what a change must cost
and what taking a field out must do comes from that very table. Each case is a thing of its own; all
of them go from value to value together.

    field:    the row; ``at``: the flat field of this case, where it is another word
    a, b:     parts of the spec; ``also``: further fields that change with it
    without:  what is left of the spec when the field is taken out; nothing of a and b by default
    default:  for fields whose default counts: what they become when taken out
    becomes:  the fields and their new values then, where that is not all there is to say
    goes:     the fields that go together then
    stopped:  the machine does not run: it costs too much, or cannot run here
    stops:    only when the field is taken out: its guest, firmware alone, lets go of no device
    given:    a part of the spec that is there all the time
    with:     documents beside the machine
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab import Lab
from tiny_cloud.schema.table import COSTS, NETWORK_COSTS, Row, rows

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parent / "matrix"
CASES: list[dict[str, Any]] = [
    {"kind": kind, **case} for kind in ("VirtualMachine", "Network", "Disk")
    for case in yaml.safe_load((FOLDER / f"{kind.lower()}.yaml").read_text())]
ROWS = {(kind, row.field): row for kind in ("VirtualMachine", "Network", "Disk")
        for row in rows(kind)}
IMPACTS = {words: impact.value for costs in (COSTS, NETWORK_COSTS)
           for impact, words in costs.items()}
BASE: dict[str, dict[str, Any]] = {
    "VirtualMachine": {"accel": "tcg", "cpus": 1, "memory": "32MiB", "stopTimeout": 1,
                       "autostart": False},
    "Network": {},
    "Disk": {},
}
CONSENTS = ("--force-off", "vm/*", "--replace", "disk/*")
ELSEWHERE = {
    # No state of the machine: how it is made, and how it is treated.
    "stopTimeout", "accel", "external",
    # A host's own devices, which a test machine need not have: test_devices.py.
    "hostDevices[].pci", "hostDevices[].usb",
    # There is one node alone that modules can be plugged into.
    "dimms[].node",
    # Pieces are told apart by what they say, so that another one is another field:
    # test_system_fields.py.
    "xml[].target", "xml[].operation", "xml[].xml",
    # A real image: test_kernel.py.
    "kernel.image",
    # What is written inside the guest: test_main_job.py. What its network is told: test_network.py.
    "guest", "interfaces[].address",
    # Only for a new disk, or one that is somebody else's: test_images.py, test_formats.py,
    # test_ownership.py.
    "image", "path", "preallocation", "clusterSize", "lazyRefcounts", "extendedL2",
    # Only on request: test_layers.py.
    "base",
    # What was there before: test_import.py. How many there are: test_replicas.py.
    "libvirtName", "replicas",
    # Each key takes seconds: test_luks.py.
    "encryption.format", "encryption.secret",
}
DEVICES = {"tctmatrix0": ("bridge",), "tctmatrix1": ("bridge",),
           "tctmatrix2": ("veth", "peer", "name", "tctmatrix3")}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab.make("tctmatrix")
    (made.folder / "one.iso").write_bytes(bytes(1 << 20))
    (made.folder / "two.iso").write_bytes(bytes(1 << 20))
    for word, key in {"one": "b25l", "two": "dHdv"}.items():
        (made.folder / word).mkdir()
        made.secret(word, key)
    try:
        for name, kind in DEVICES.items():
            subprocess.run(["ip", "link", "add", name, "type", *kind], check=True)
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
        yield made
    finally:
        made.clean()
        for name in DEVICES:
            subprocess.run(["ip", "link", "del", name], check=False)


def test_every_field_has_a_case() -> None:
    composite = {key for key, row in ROWS.items() if row.cost.startswith("see ")}
    known = {(case["kind"], case["field"]) for case in CASES} | composite
    groups = {(kind, name) for kind, name in ROWS if any(
        other.startswith((f"{name}.", f"{name}[")) for where, other in ROWS if where == kind)}
    assert {key for key in ROWS if key[1] not in ELSEWHERE} - groups - known == set()
    assert {(case["kind"], case["field"]) for case in CASES} <= set(ROWS)


def test_each_field_becomes_what_is_declared(lab: Lab) -> None:
    declare(lab, "a")
    lab.apply("--parallel", "2")
    lab.assert_settled()


def test_each_change_says_its_field_and_what_it_costs(lab: Lab) -> None:
    declare(lab, "b")
    assert planned(lab, "impact") == {
        key(number, case): {field: IMPACTS[row(case).cost] for field in fields(case)}
        for number, case in enumerate(CASES)}
    lab.apply("--parallel", "2", *CONSENTS)
    lab.assert_settled()


def test_a_field_that_is_taken_out(lab: Lab) -> None:
    declare(lab, "without")
    assert planned(lab, "new") == {
        key(number, case): taken_out(case) for number, case in enumerate(CASES)}
    lab.apply("--parallel", "2", *CONSENTS)
    lab.assert_settled()


def planned(lab: Lab, what: str) -> dict[str, dict[str, Any]]:
    """Of each case, the fields that the plan names with what it says of them."""
    plan = lab.plan()
    return {key(number, case): {f["field"]: f[what] for f in plan.get(
                address(number, case), {"fields": ()})["fields"]}
            for number, case in enumerate(CASES)}


def key(number: int, case: dict[str, Any]) -> str:
    """A case by its number and its row."""
    return f"{number} {case['kind']} {case['field']}"


def declare(lab: Lab, state: str) -> None:
    documents = []
    for number, case in enumerate(CASES):
        kind = case["kind"]
        spec = {**BASE[kind], **case.get("given", {}), **case.get(state, {})}
        if kind == "VirtualMachine" and case["field"] not in ("running", "autostart"):
            off = case.get("stopped", case.get("stops") and state == "without")
            spec["running"] = not off
        elif state == "without" and "without" not in case:
            spec.pop(case["field"], None)
        documents += [*case.get("with", ()),
                      {"kind": kind, "metadata": {"name": f"m{number}"}, "spec": spec}]
    documents = [{"apiVersion": "tinycloud/v1", **document} for document in documents]
    text = yaml.safe_dump_all(documents).replace("FOLDER", str(lab.folder))
    (lab.manifests / "machines.yaml").write_text(text)


def address(number: int, case: dict[str, Any]) -> str:
    return f"{case['kind'].lower()}/m{number}"


def row(case: dict[str, Any]) -> Row:
    return ROWS[case["kind"], case["field"]]


def fields(case: dict[str, Any]) -> list[str]:
    return [case.get("at", case["field"]), *case.get("also", ())]


def taken_out(case: dict[str, Any]) -> dict[str, Any]:
    """Fields and their new values."""
    if "becomes" in case:
        return dict(case["becomes"])
    stops = {"running": False} if case.get("stops") else {}
    if row(case).removal == "it goes":
        return {**dict.fromkeys(case.get("goes", fields(case))), **stops}
    if row(case).removal == "its default counts" and "default" in case:
        return {fields(case)[0]: case["default"]}
    return stops
