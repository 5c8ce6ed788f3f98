"""Every field of a Guest, for real: each change by itself in the plan, all of them in the disk.

What a change costs and what taking a field out means comes from the table of docs/fields.md.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab import Lab
from tiny_cloud.schema.table import COSTS, rows

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MACHINE = """
    kind: VirtualMachine
    metadata: {name: m}
    spec:
      cpus: 1
      memory: 256MiB
      accel: tcg
      running: false
      disks: [{name: root, disk: d}]
      interfaces: [{name: eth0, user: {}}, {name: eth1, user: {}}]
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} somebody"
FIRST: dict[str, Any] = {
    "disk": "d",
    "machine": "m",
    "hostname": "one",
    "system": "debian",
    "growRoot": True,
    "hosts": [{"address": "10.0.2.9", "names": ["db"]}],
    "interfaces": [
        {"name": "eth0", "address": "10.0.2.15/24", "gateway": "10.0.2.2", "dns": ["10.0.2.3"],
         "search": ["one.test"], "addresses": ["fd00:2::15/64"], "gateway6": "fd00:2::1",
         "acceptRA": False, "mtu": 1400,
         "routes": [{"to": "10.1.0.0/16", "via": "10.0.2.9", "metric": 100}],
         "vlans": [{"name": "eth0.10", "id": 10, "address": "10.0.10.2/24",
                    "gateway": "10.0.10.1", "addresses": ["fd00:10::2/64"],
                    "gateway6": "fd00:10::1", "acceptRA": False, "mtu": 1300,
                    "dns": ["10.0.10.3"], "search": ["ten.test"],
                    "routes": [{"to": "10.2.0.0/16", "via": "10.0.10.9", "metric": 50}]},
                   {"name": "eth0.11", "id": 11, "dhcp": True, "dhcp6": True}]},
        {"name": "eth1", "dhcp": True, "dhcp6": True, "mac": "52:54:00:00:99:01"},
    ],
    "users": {"koder": {"password": {"file": "secrets/one.txt"}, "groups": ["sudo"],
                        "authorizedKeys": [KEY.format("one")], "shell": "/bin/bash",
                        "uid": 1500}},
}
CASES: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "system": (("system",), "alpine", "system"),
    "hostname": (("hostname",), "two", "hostname"),
    "growRoot": (("growRoot",), False, "growRoot"),
    "hosts[].address": (("hosts", 0, "address"), "10.0.2.10", "hosts"),
    "hosts[].names": (("hosts", 0, "names"), ["db", "sql"], "hosts"),
    "interfaces[].address":
        (("interfaces", 0, "address"), "10.0.2.16/24", "interfaces[eth0].address"),
    "interfaces[].gateway": (("interfaces", 0, "gateway"), "10.0.2.4", "interfaces[eth0].gateway"),
    "interfaces[].dns": (("interfaces", 0, "dns"), ["10.0.2.5"], "interfaces[eth0].dns"),
    "interfaces[].search": (("interfaces", 0, "search"), ["two.test"], "interfaces[eth0].search"),
    "interfaces[].dhcp": (("interfaces", 1, "dhcp"), False, "interfaces[eth1].dhcp"),
    "interfaces[].mac": (("interfaces", 1, "mac"), "52:54:00:00:99:02", "interfaces[eth1].mac"),
    "interfaces[].addresses": (
        ("interfaces", 0, "addresses"), ["fd00:2::16/64"], "interfaces[eth0].addresses"),
    "interfaces[].gateway6":
        (("interfaces", 0, "gateway6"), "fd00:2::2", "interfaces[eth0].gateway6"),
    "interfaces[].acceptRA": (("interfaces", 0, "acceptRA"), True, "interfaces[eth0].acceptRA"),
    "interfaces[].dhcp6": (("interfaces", 1, "dhcp6"), False, "interfaces[eth1].dhcp6"),
    "interfaces[].mtu": (("interfaces", 0, "mtu"), 1420, "interfaces[eth0].mtu"),
    **{f"interfaces[].routes[].{key}":
       (("interfaces", 0, "routes", 0, key), value, "interfaces[eth0].routes")
       for key, value in (("to", "10.3.0.0/16"), ("via", "10.0.2.8"), ("metric", 200))},
    **{f"interfaces[].vlans[].{key}":
       (("interfaces", 0, "vlans", 0, key), value, f"interfaces[eth0].vlans[eth0.10].{key}")
       for key, value in (
           ("id", 12), ("address", "10.0.10.3/24"), ("gateway", "10.0.10.4"),
           ("addresses", ["fd00:10::3/64"]), ("gateway6", "fd00:10::4"), ("acceptRA", True),
           ("mtu", 1280), ("dns", ["10.0.10.5"]), ("search", ["eleven.test"]))},
    **{f"interfaces[].vlans[].routes[].{key}":
       (("interfaces", 0, "vlans", 0, "routes", 0, key), value,
        "interfaces[eth0].vlans[eth0.10].routes")
       for key, value in (("to", "10.4.0.0/16"), ("via", "10.0.10.8"), ("metric", 60))},
    **{f"interfaces[].vlans[].{key}":
       (("interfaces", 0, "vlans", 1, key), False, f"interfaces[eth0].vlans[eth0.11].{key}")
       for key in ("dhcp", "dhcp6")},
    "users.*.password":
        (("users", "koder", "password"), {"file": "secrets/two.txt"}, "users.koder.password"),
    "users.*.groups": (("users", "koder", "groups"), ["sudo", "adm"], "users.koder.groups"),
    "users.*.authorizedKeys":
        (("users", "koder", "authorizedKeys"), [KEY.format("two")], "users.koder.authorizedKeys"),
    "users.*.shell": (("users", "koder", "shell"), "/bin/sh", "users.koder.shell"),
    "users.*.uid": (("users", "koder", "uid"), 1501, ""),
}
"""By row: where in the spec, another value, and the field that the plan is to name."""
IMPACTS = {words: impact.value for impact, words in COSTS.items()}
ROWS = {row.field: row for row in rows("Guest")}


@pytest.fixture(scope="module")
def lab(debian: Path) -> Iterator[Lab]:
    made = Lab.make("tctmguest")
    made.secret("one.txt", "first password")
    made.secret("two.txt", "second password")
    source = f"{{source: {{path: {debian}}}}}"
    made.write("image", f"kind: Image\nmetadata: {{name: debian}}\nspec: {source}")
    made.write("disk", "kind: Disk\nmetadata: {name: d}\nspec: {image: debian, size: 4GiB}")
    made.write("machine", MACHINE)
    yield made
    made.clean()


def declare(lab: Lab, spec: dict[str, Any]) -> None:
    lab.write("guest", yaml.safe_dump({"kind": "Guest", "metadata": {"name": "g"}, "spec": spec}))


def changed(*names: str) -> dict[str, Any]:
    spec = copy.deepcopy(FIRST)
    for name in names:
        (*way, last), value, _ = CASES[name]
        place: Any = spec
        for key in way:
            place = place[key]
        place[last] = value
    return spec


def planned(lab: Lab) -> dict[str, Any]:
    """The fields that the plan names, of the one thing in it."""
    plan = lab.plan()
    assert set(plan) <= {"guest/g", "notes"}
    return {f["field"]: f for f in plan.get("guest/g", {"fields": ()})["fields"]}


def test_every_field_has_a_case() -> None:
    groups = {name for name in ROWS if any(
        other.startswith((f"{name}.", f"{name}[")) for other in ROWS)}
    assert set(ROWS) - groups - {"disk", "machine"} == set(CASES)


def test_each_change_says_its_field_and_what_it_costs(lab: Lab) -> None:
    declare(lab, FIRST)
    lab.apply()
    lab.assert_settled()
    for name, (_, _, field) in CASES.items():
        declare(lab, changed(name))
        found = {key: diff["impact"] for key, diff in planned(lab).items()}
        assert found == ({field: IMPACTS[ROWS[name].cost]} if field else {}), name


def test_all_of_them_come_true(lab: Lab) -> None:
    declare(lab, changed(*CASES))
    assert set(planned(lab)) == {field for _, _, field in CASES.values() if field}
    lab.apply()
    lab.assert_settled()
    notes = [note["text"] for note in lab.plan()["notes"]]
    assert notes == ["users.koder.uid is 1500 and stays so; 1501 is only for a new one"]


def test_what_is_taken_out_goes_or_stays(lab: Lab) -> None:
    declare(lab, {"disk": "d", "machine": "m"})
    goes = {field for name, (_, _, field) in CASES.items() if ROWS[name].removal == "it goes"}
    goes.add("interfaces[eth0].vlans[eth0.11].id")  # the case of the numbers is eth0.10
    assert {field: diff["new"] for field, diff in planned(lab).items()} == dict.fromkeys(goes)
    lab.apply()
    lab.assert_settled()
