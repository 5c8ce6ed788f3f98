"""New overlays of one image in one appliance: each gets its own, and one that fails fails alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration import odd_guests
from tiny_cloud.errors import Failure
from tiny_cloud.guests.identity import MACHINE_ID
from tiny_cloud.host import guests_together, passwords
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.steps import EditGuest

pytestmark = pytest.mark.integration

ENVIRON = {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
NAMES = ("one", "two", "torn", "three", "odd")
GOOD = ("one", "two", "three")
SUPERBLOCK = (1 << 20) + 1024
"""Of ext4, on a partition that begins after 1 MiB."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("together")


def step(name: str, folder: Path) -> EditGuest:
    groups = {"groups": ["nobody-made-it"]} if name == "odd" else {}
    return EditGuest(
        f"guest/{name}", str(folder / f"{name}.qcow2"), "qcow2",
        {"hostname": f"host-{name}",
         "users": {f"user-{name}": groups, "root": {"password": {"env": name}}}},
        fresh=True, base=str(folder / "base.raw"), base_format="raw")


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    return {f"guest/{name}": [] for name in NAMES}


@pytest.fixture(scope="module")
def outcomes(folder: Path, told: dict[str, list[str]]) -> Mapping[str, guests_together.Outcome]:
    odd_guests.plain_disk(folder / "base.raw")
    for name in NAMES:
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", folder / "base.raw", "-F",
                        "raw", folder / f"{name}.qcow2", "128M"], check=True)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -P 255 {SUPERBLOCK} 512",
                    folder / "torn.qcow2"], check=True, capture_output=True)
    tell = {address: said.append for address, said in told.items()}
    company = guests_together.Company(
        lambda source: f"secret of {source['env']}", ENVIRON, (), tell)
    steps = [step(name, folder) for name in NAMES]
    return dict(zip(NAMES, guests_together.edit(steps, company, 4), strict=True))


@pytest.fixture(scope="module")
def inside(folder: Path, outcomes: Mapping[str, object]) -> Iterator[Mapping[str, dict[str, str]]]:
    """What another appliance reads on the disks of those that succeeded."""
    found = {}
    with GuestSession("the test", environ=ENVIRON) as session:
        session.open_all((str(folder / f"{name}.qcow2"), "qcow2") for name in GOOD)
        for number, name in enumerate(GOOD):
            session.enter(number, {"/": 1})
            files = session.look(["/etc/hostname", "/etc/passwd", "/etc/shadow", MACHINE_ID])
            found[name] = {path: file.content.decode() for path, file in files.items()}
            session.leave()
        session.shutdown()
    yield found


def test_each_has_its_own_settings_and_nobody_elses(
    inside: Mapping[str, dict[str, str]], outcomes: Mapping[str, object]
) -> None:
    for name in GOOD:
        (root,) = [line for line in inside[name]["/etc/shadow"].splitlines() if "root:" in line]
        assert passwords.verify(f"secret of {name}", root.split(":")[1])
        assert outcomes[name] == {"users.root.password": root.split(":")[1]}
        assert inside[name]["/etc/hostname"] == f"host-{name}\n"
        users = [line.partition(":")[0] for line in inside[name]["/etc/passwd"].splitlines()]
        assert [user for user in users if user.startswith("user-")] == [f"user-{name}"]
    assert len({inside[name][MACHINE_ID] for name in GOOD}) == len(GOOD)


def test_what_fails_fails_alone_and_says_why(outcomes: Mapping[str, object]) -> None:
    torn, odd = outcomes["torn"], outcomes["odd"]
    assert isinstance(torn, Failure) and "guest/torn: no operating system was found" in str(torn)
    assert isinstance(odd, Failure) and "the group nobody-made-it" in str(odd)


def test_one_appliance_served_those_that_succeeded(
    outcomes: Mapping[str, object], told: dict[str, list[str]]
) -> None:
    for name in GOOD:
        said = told[f"guest/{name}"]
        assert sum("appliance" in text for text in said) == 1
        assert "starts a libguestfs appliance with 5 guests" in said
    assert any("gets an appliance of its own" in text for text in told["guest/torn"])
