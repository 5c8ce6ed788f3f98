"""Roots on LVM, xfs and btrfs subvolumes, and disks whose system cannot be edited: for real.

Every guest has an appliance of its own, several at once, once to be written and once to be read.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema
import pytest

from tests.integration.lab import Lab
from tests.integration.odd_guests import make
from tiny_cloud.guests.base import WriteFile
from tiny_cloud.host import acceleration, guest
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.schema.files import whole

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

ENVIRON = acceleration.appliance_environ("tcg", {})
GOOD = ("lvm", "xfs", "btrfs")
LOST = ("lvm", "btrfs")
TARGETS = tuple(word for name in GOOD for word in ("--target", f"guest/{name}"))
REFUSED = {
    "two": "2 operating systems were found",
    "sealed": "/ of the guest on",
    "luks": "is encrypted from inside (/dev/sda1)",
}
ALWAYS = (*LOST, "two")
"""The others cost an appliance or two each, and differ less from what other tests have."""


@pytest.fixture(scope="module")
def names(request: pytest.FixtureRequest) -> Sequence[str]:
    mine = [item for item in request.session.items if item.path == request.path]
    every = any(item.get_closest_marker("long") for item in mine)
    return (*GOOD, *REFUSED) if every else ALWAYS


@pytest.fixture(scope="module")
def lab(names: Sequence[str]) -> Iterator[Lab]:
    lab = Lab.make("tctdodd")
    lab.secret("ann.txt", "correct horse")
    disks = make(lab.folder, ENVIRON)
    for number, name in enumerate(names, 15):
        lab.write(f"{name}-image", f"""
            kind: Image
            metadata: {{name: {name}}}
            spec: {{source: {{path: {disks[name]}}}}}
        """)
        lab.write(f"{name}-disk", f"""
            kind: Disk
            metadata: {{name: {name}}}
            spec: {{image: {name}, size: 500MiB}}
        """)
        lab.write(name, f"""
            kind: Guest
            metadata: {{name: {name}}}
            spec:
              disk: {name}
              hostname: {name}
              interfaces: [{{name: eth0, address: 10.0.2.{number}/24, gateway: 10.0.2.2}}]
              users:
                ann: {{password: {{file: secrets/ann.txt}}}}
                koder: {{authorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIk k]}}
        """)
    yield lab
    lab.clean()


@pytest.fixture(scope="module")
def said(lab: Lab) -> str:
    return lab.apply("--parallel", "3", expect=1)


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name in ALWAYS else [pytest.mark.long]) for name in REFUSED])
def test_what_cannot_be_edited_is_said_and_the_others_finish(said: str, name: str) -> None:
    assert REFUSED[name] in said
    assert f"✘ guest/{name}" in said


def changed_by_hand(lab: Lab, name: str, edits: Mapping[str, tuple[bytes, bytes]]) -> None:
    with GuestSession("somebody", environ=ENVIRON) as session:
        disk = str(lab.disk(name))
        session.open(disk, "qcow2", readonly=False)
        guest.entered(session, disk, print)
        there = session.look(edits)
        for path, (old, _) in edits.items():
            assert old in there[path].content
        session.edit([WriteFile(path, there[path].content.replace(old, new))
                      for path, (old, new) in edits.items()])
        session.shutdown()


@pytest.fixture(scope="module")
def written(lab: Lab, said: str, names: Sequence[str]) -> Mapping[str, Any]:
    """What is said of those whose records were lost."""
    for name in set(names) - set(REFUSED):
        assert f"✓ guest/{name}" in said, said
    for name in LOST:
        (lab.storage / f"records/guest-{name}.json").unlink()
    return verified(lab, LOST, 0)


@pytest.fixture(scope="module")
def meddled(lab: Lab, written: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is said of the third, which somebody has changed."""
    changed_by_hand(lab, "xfs", {
        "/etc/hostname": (b"xfs", b"by-hand"),
        "/etc/network/interfaces": (b"10.0.2.16/24", b"10.0.2.99/24"),
        "/etc/shadow": (b"ann:$y$", b"ann:!$y$"),
    })
    return verified(lab, ("xfs",), 2)


def verified(lab: Lab, names: Sequence[str], code: int) -> Mapping[str, Any]:
    told = json.loads(lab.run("verify", *(f"guest/{name}" for name in names), "--json",
                              "--parallel", "3", expect=code))
    jsonschema.validate(told, whole("verify"))
    return {one["address"].removeprefix("guest/"): one for one in told["guests"]}


@pytest.mark.parametrize("name", LOST)
def test_what_was_written_is_as_declared(written: Mapping[str, Any], name: str) -> None:
    """Also that which was written into a journal that had to be replayed first."""
    told = written[name]
    assert (told["verdict"], told["drifts"]) == ("as declared", [])
    assert told["system"] == "debian 12.5"
    assert "is lost; tinycloud apply --deep makes it anew" in told["notes"][0]


@pytest.mark.long
def test_what_was_changed_by_hand_is_found_field_by_field(meddled: Mapping[str, Any]) -> None:
    told = meddled["xfs"]
    assert told["verdict"] == "drifted"
    assert [(one["field"], one["file"], one["old"], one["new"]) for one in told["drifts"]] == [
        ("hostname", "/etc/hostname", ["by-hand"], ["xfs"]),
        ("interfaces[eth0].address", "/etc/network/interfaces",
         ["    address 10.0.2.99/24"], ["    address 10.0.2.16/24"]),
        ("users.ann.password", "/etc/shadow", [], []),
    ]
    assert [one["source"]["line"] for one in told["drifts"]] == [6, 7, 9]


@pytest.mark.long
def test_a_deep_apply_puts_it_right_and_brings_records_back(
    lab: Lab, meddled: Mapping[str, Any]
) -> None:
    assert "blocked" in lab.run("plan", *TARGETS)
    said = lab.apply("--deep", "--parallel", "3", *TARGETS)
    for line in ("hostname: by-hand → xfs", "users.ann.password: (another) → file ",
                 "address: address 10.0.2.99/24 → 10.0.2.16/24",
                 "record: (lost) → as what is inside"):
        assert line in said, said
    assert "$y$" not in said and "correct horse" not in said
    assert "No changes" in lab.run("plan", *TARGETS, "--detailed-exitcode")


@pytest.mark.long
def test_what_was_put_right_verifies_also_while_somebody_writes(
    lab: Lab, meddled: Mapping[str, Any]
) -> None:
    """qemu's locks on a disk that is in use are as of a machine that runs."""
    argv = ("qemu-nbd", "--persistent", "--socket", str(lab.folder / "nbd"), "-f", "qcow2",
            str(lab.disk("xfs")))
    with subprocess.Popen(argv) as user:
        try:
            while not (lab.folder / "nbd").exists():
                time.sleep(0.05)
            assert "guest/xfs  as declared" in lab.run("verify", "disk/xfs")
        finally:
            user.terminate()
