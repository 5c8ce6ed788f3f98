"""Goal 16 in a real appliance: disks whose files are traps, all in one of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from tests.goals import scaled, seen
from tests.hostile import guest_disks
from tests.hostile.guest_disks import OUTSIDE, VARIANTS
from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, File, Fresh, Remark
from tiny_cloud.guests.roots import Root
from tiny_cloud.host import acceleration, guest
from tiny_cloud.host.guest_contents import Contents
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.steps import EditGuest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

ENVIRON = acceleration.appliance_environ("tcg", {})
SEED = 1916
HASH = "$6$salt$hash"
SETTINGS = {
    "hostname": "web.lab.example", "hosts": [{"address": "10.0.2.20", "names": ["db"]}],
    "users": {"root": {"password": {"hash": HASH}},
              "ann": {"authorizedKeys": ["ssh-ed25519 AAAAC3a a"]},
              "koder": {"groups": ["users"]}},
    "interfaces": [{"name": "eth0", "mac": "52:54:00:12:34:56", "address": "10.0.2.15/24"}],
    "files": [{"path": "/etc/motd", "content": "hello\n"}],
    "folders": [{"path": "/etc/lab.d"}],
}
CONTENTS = Contents({"files[/etc/motd]": b"hello\n"})
FRESH = Fresh("2" * 32, b"seed")
ROOT = Root("/dev/sda1", "linux", "debian", (12, 5), "Debian", "deb", {"/": "/dev/sda1"})
STEP = EditGuest("guest/web", "/disk", "raw", SETTINGS, fresh=True)
PATHS = ("/etc/hostname", "/etc/hosts", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow",
         "/etc/machine-id", "/etc/network/interfaces", "/etc/systemd/network", "/etc/motd",
         "/etc/lab.d", "/home/koder", "/home/ann/.ssh", "/home/ann/.ssh/authorized_keys",
         "/etc/resolv.conf", "/etc/systemd/network/10-tinycloud-eth0.link")
"""What these settings write; tests/unit/guests/test_guest_variants.py has the files of all."""
AROUND = (f"{OUTSIDE}/*", f"{OUTSIDE}/folder/*", "/etc/.tinycloud*", "/etc/hostname",
          "/etc/passwd", "/etc/shadow")
"""What is looked at before and after; every call to the appliance takes its time."""
WORST = ("a folder that leads outside", "a link to a file outside", "a hard link", "a block device",
         "a hole of 1 TiB")
"""The variants of the short form."""


@pytest.fixture(scope="module")
def session(disks: dict[tuple[str, str], Path]) -> Iterator[GuestSession]:
    with GuestSession("hostile guests", environ=ENVIRON) as session:
        session.open_all((str(disk), "raw") for disk in disks.values())
        yield session


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """By path and variant; in the long form each variant at least once."""
    folder, dice = tmp_path_factory.mktemp("hostile"), Random(SEED)
    variants = (*WORST, *sorted(VARIANTS.keys() - set(WORST)))
    chosen = {(dice.choice(PATHS), variants[number % len(variants)])
              for number in range(scaled(len(WORST), 100))}
    made = {}
    for number, (path, variant) in enumerate(sorted(chosen)):
        made[path, variant] = folder / f"{number}.raw"
        guest_disks.make(made[path, variant], path, variant)
    return made


def edited(session: GuestSession) -> list[Edit]:
    """Raises Failure."""
    found, writer = guest.read(session, ROOT, STEP)
    wish = guest.wish_of(STEP, {"root": HASH}, FRESH, CONTENTS)
    edits = [one for one in writer.edits(wish, found) if not isinstance(one, Remark)]
    session.edit(edits)
    return edits


@pytest.mark.goal(16)
@pytest.mark.long  # on trees of files: tests/unit/guests/test_guest_variants.py
def test_no_trap_is_stepped_into(
    session: GuestSession, disks: dict[tuple[str, str], Path]
) -> None:
    refused = 0
    for number, case in enumerate(disks):
        session.enter(number, {"/": 1})
        around = {*AROUND, case[0]}
        before = session.look(around)
        try:
            edited(session)
            why = ""
        except Failure as failure:
            why = failure.summary
        after = session.look(around)
        session.leave()
        assert outside(after) == outside(before), case
        assert not [path for path in after if "/.tinycloud" in path], case
        if why:
            assert after == before, (case, why)
            assert "\n" not in why, case
            refused += 1
        else:
            assert after["/etc/hostname"].content == b"web\n", case
    session.shutdown()
    assert refused > len(disks) // 3
    assert [case for case, disk in disks.items() if not guest_disks.sound(disk)] == []
    seen(16, f"the same in a real appliance, {refused} refused", len(disks), seed=SEED)


def outside(found: Mapping[str, File]) -> dict[str, File]:
    return {path: file for path, file in found.items() if path.startswith(OUTSIDE)}
