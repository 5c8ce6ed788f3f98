"""Every field of a Guest, for real: each change by itself in the plan, all of them in the disk.

What a change costs and what taking a field out means comes from the table of docs/fields.md.
"""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny_cloud
from tests.integration.lab import Lab
from tiny_cloud.model import FieldDiff
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
                        "uid": 1500, "comment": "One", "group": "users", "home": "/srv/koder",
                        "createHome": True, "system": False, "locked": False, "expired": False,
                        "sudo": "ALL=(ALL) ALL"}},
    "groups": {"ops": {"gid": 1700, "system": False, "members": ["koder"],
                       "sudo": "ALL=(root) ALL"}},
    "sshd": {"X11Forwarding": "no"},
    "sshHostKeys": {"ed25519": {"file": "secrets/one.key"}},
    "files": [{"path": "/etc/one", "content": "one\n", "mode": "0600", "owner": "root",
               "group": "root"},
              {"path": "/etc/two", "source": "one.txt"},
              {"path": "/etc/three", "secret": {"file": "secrets/one.txt"}},
              {"path": "/etc/four", "content": "four\n"}],
    "folders": [{"path": "/srv/one", "mode": "0750", "owner": "root", "group": "root"},
                {"path": "/srv/two"}],
    "packageProxy": "http://10.0.2.2:3142",
    "locale": "C.UTF-8",
    "timezone": "Europe/Berlin",
    "cmdline": ["quiet"],
    "firstBoot": [{"name": "one", "content": "#!/bin/sh\necho one\n"},
                  {"name": "two", "source": "one.sh"}],
}
ONCE: dict[str, Any] = {"uid": 1501, "group": "adm", "home": "/srv/other", "createHome": False,
                        "system": True}
"""Of a user who is made."""
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
    **{f"users.*.{key}": (("users", "koder", key), value, f"users.koder.{key}")
       for key, value in (("comment", "Two"), ("locked", True), ("expired", True),
                          ("sudo", "ALL=(root) ALL"))},
    **{f"users.*.{key}": (("users", "koder", key), value, "")
       for key, value in ONCE.items()},
    "groups.*.gid": (("groups", "ops", "gid"), 1701, ""),
    "groups.*.system": (("groups", "ops", "system"), True, ""),
    "groups.*.members": (("groups", "ops", "members"), ["koder", "root"], "groups.ops.members"),
    "groups.*.sudo": (("groups", "ops", "sudo"), "ALL=(ALL) ALL", "groups.ops.sudo"),
    "sshd": (("sshd",), {"X11Forwarding": "yes"}, "sshd.X11Forwarding"),
    "sshHostKeys": (("sshHostKeys", "ed25519"), {"file": "secrets/two.key"},
                    "sshHostKeys.ed25519"),
    "files[].path": (("files", 3, "path"), "/etc/five", "files[/etc/five].content"),
    **{f"files[].{key}": (("files", 0, key), value, f"files[/etc/one].{key}")
       for key, value in (("content", "other\n"), ("mode", "0640"), ("owner", "koder"),
                          ("group", "ops"))},
    "files[].source": (("files", 1, "source"), "two.txt", "files[/etc/two].source"),
    "files[].secret": (("files", 2, "secret"), {"file": "secrets/two.txt"},
                       "files[/etc/three].secret"),
    "folders[].path": (("folders", 1, "path"), "/srv/three", "folders[/srv/three].mode"),
    **{f"folders[].{key}": (("folders", 0, key), value, f"folders[/srv/one].{key}")
       for key, value in (("mode", "0700"), ("owner", "koder"), ("group", "ops"))},
    **{key: ((key,), value, key) for key, value in (
        ("packageProxy", "http://10.0.2.2:3143"), ("locale", "C"), ("timezone", "Etc/UTC"),
        ("cmdline", ["quiet", "panic=5"]))},
    "firstBoot[].content": (("firstBoot", 0, "content"), "#!/bin/sh\necho other\n",
                            "firstBoot[one].content"),
    "firstBoot[].source": (("firstBoot", 1, "source"), "two.sh", "firstBoot[two].source"),
}
"""By row: where in the spec, another value, and the field that the plan is to name."""
ELSEWHERE = {"method", "keymap"}
"""Another way altogether, and what nothing in this image reads."""
IMPACTS = {words: impact.value for impact, words in COSTS.items()}
ROWS = {row.field: row for row in rows("Guest")}


@pytest.fixture(scope="module")
def lab(debian: Path) -> Iterator[Lab]:
    made = Lab.make("tctmguest")
    made.secret("one.txt", "first password")
    made.secret("two.txt", "second password")
    for name in ("one", "two"):
        (made.manifests / f"{name}.txt").write_text(f"{name}\n")
        (made.manifests / f"{name}.sh").write_text(f"#!/bin/sh\necho {name}\n")
        key = made.manifests / "secrets" / f"{name}.key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
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


def planned(lab: Lab) -> dict[str, FieldDiff]:
    """The fields that the plan names, of the one thing in it."""
    changes = tiny_cloud.load(str(lab.manifests)).plan().plan.changes
    assert {str(change.address) for change in changes} <= {"guest/g"}
    return {diff.field: diff for change in changes for diff in change.diffs}


def test_every_field_has_a_case() -> None:
    groups = {name for name in ROWS if any(
        other.startswith((f"{name}.", f"{name}[")) for other in ROWS)}
    assert set(ROWS) - groups - {"disk", "machine", *ELSEWHERE} == set(CASES)


def test_each_change_says_its_field_and_what_it_costs(lab: Lab) -> None:
    declare(lab, FIRST)
    lab.apply()
    lab.assert_settled()
    for name, (_, _, field) in CASES.items():
        declare(lab, changed(name))
        found = {key: diff.impact.value for key, diff in planned(lab).items()}
        assert found == ({field: IMPACTS[ROWS[name].cost]} if field else {}), name


def test_all_of_them_come_true(lab: Lab) -> None:
    declare(lab, changed(*CASES))
    assert set(planned(lab)) == {case[2] for case in CASES.values() if case[2]}
    lab.apply()
    lab.assert_settled()
    user, group = FIRST["users"]["koder"], FIRST["groups"]["ops"]
    once = {**{f"users.koder.{key}": (user[key], value) for key, value in ONCE.items()},
            "groups.ops.gid": (group["gid"], 1701), "groups.ops.system": (group["system"], True)}
    assert {note["text"] for note in lab.plan()["notes"]} == {
        f"{field} is {old} and stays so; {new} is only for a new one"
        for field, (old, new) in once.items()}


def test_what_is_taken_out_goes_or_stays(lab: Lab) -> None:
    declare(lab, {"disk": "d", "machine": "m"})
    goes = {field for name, (_, _, field) in CASES.items() if ROWS[name].removal == "it goes"}
    goes.add("interfaces[eth0].vlans[eth0.11].id")  # the case of the numbers is eth0.10
    assert {field: diff.new for field, diff in planned(lab).items()} == dict.fromkeys(goes)
    lab.apply()
    lab.assert_settled()
