"""The power goes at random moments while a guest is edited: no file is ever half written.

A SIGKILL of worker and qemu leaves of a disk what qemu has given to the kernel by then. So that is
what is taken: qemu is stopped (SIGSTOP) in the middle of a call to the appliance, and its disk
copied. One appliance is edited so, again and again; a second one has all the copies and does with
each what the next apply does. The moments are KILLS (50), drawn by KILLS_SEED.
"""

from __future__ import annotations

import base64
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import guestfs
import pytest

from tests.integration.odd_guests import TREE, plain_disk
from tiny_cloud.guests.base import Edit, MakeFolder, WriteFile
from tiny_cloud.host import acceleration
from tiny_cloud.host.guest_session import plain
from tiny_cloud.host.guest_worker.session import Session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("KILLS", "50"))
SEED = os.environ.get("KILLS_SEED") or str(random.randrange(1 << 32))
ROUNDS = 5
"""Disks that are edited: each gives a fifth of the moments."""
LONGEST = 0.02
"""Seconds into a call, at most."""
EDITED = ("etc/hostname", "etc/hosts", "etc/shadow", "etc/group", "etc/passwd",
          "etc/network/interfaces")
PROFILE = "/home/koder/.profile"
NEW = {**{f"/{path}": f"{path} as it is to be\n".encode() * 500 for path in EDITED},
       PROFILE: b"PATH=x\n" * 500}
OLD = {**{f"/{path}": TREE[path].encode() for path in EDITED}, PROFILE: None}
EDITS: tuple[Edit, ...] = (
    MakeFolder("/home/koder", 0o700, 1001, 1001),
    *(WriteFile(path, content) for path, content in NEW.items()),
)
SHADOW_MODE = 0o640
LEFT = "/etc/.tinycloud*"
MOST = 100
"""Disks in one appliance."""


@dataclass
class Watched:
    """libguestfs, with a moment before which a call comes that something is to happen in."""

    g: Any
    calls: int = 0
    during: dict[int, Callable[[], None]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.g, name)

        def call(*args: Any, **options: Any) -> Any:
            number, self.calls = self.calls, self.calls + 1
            other = threading.Thread(target=self.during.get(number, lambda: None))
            other.start()
            try:
                return real(*args, **options)
            finally:
                other.join()

        return call


@dataclass
class Bench:
    """One appliance, with the worker's own session in it."""

    session: Session
    devices: list[str]

    @classmethod
    def start(cls, disks: list[Path]) -> Bench:
        watched = Watched(guestfs.GuestFS(python_return_dict=True))
        session = Session(lambda: watched)
        session.open([{"path": str(disk), "format": "qcow2", "readonly": False} for disk in disks])
        return cls(session, watched.g.list_devices())

    @property
    def watched(self) -> Watched:
        watched = self.session.g
        assert isinstance(watched, Watched)
        return watched

    def edit(self, device: str) -> None:
        """As tiny_cloud.host.guest.edit goes about it."""
        root = f"{device}1"
        self.session.grow_partition(root)
        self.session.edit([plain(edit) for edit in EDITS])
        self.session.grow_filesystem(root)

    def enter(self, device: str) -> None:
        self.session.mounts.clear()
        assert self.session.mount({"/": f"{device}1"}) == {}

    def leave(self) -> None:
        self.watched.g.umount_all()

    def files(self) -> dict[str, Any]:
        return self.session.look([*NEW, LEFT])


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    for key, value in acceleration.appliance_environ("tcg").items():
        os.environ[key] = value
    made = Path(tempfile.mkdtemp(prefix="tctdkill-", dir="/var/tmp"))
    plain_disk(made / "base.raw")
    yield made
    shutil.rmtree(made)


def overlay(folder: Path, name: str) -> Path:
    disk = folder / f"{name}.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(folder / "base.raw"),
                    "-F", "raw", str(disk), "120M"], check=True)
    return disk


def cut_off(bench: Bench, disk: Path, copy: Path, delay: float) -> Callable[[], None]:
    """What is on the host when everything is killed ``delay`` seconds into a call."""
    qemu = bench.watched.g.get_pid()

    def stop() -> None:
        time.sleep(delay)
        os.kill(qemu, signal.SIGSTOP)
        try:
            # Every thread stands still only once the kernel says so.
            while not Path(f"/proc/{qemu}/stat").read_text().rpartition(")")[2].startswith(" T"):
                time.sleep(0.001)
            shutil.copyfile(disk, copy)
        finally:
            os.kill(qemu, signal.SIGCONT)

    return stop


def copies_of(folder: Path, dice: random.Random) -> list[Path]:
    disks = [overlay(folder, f"disk{number}") for number in range(ROUNDS + 1)]
    bench = Bench.start(disks)
    first, *others = zip(disks, bench.devices, strict=True)
    bench.enter(first[1])
    before = bench.watched.calls
    bench.edit(first[1])
    length = bench.watched.calls - before
    copies = []
    for number, (disk, device) in enumerate(others):
        bench.leave()
        bench.enter(device)
        share = KILLS // ROUNDS + (number < KILLS % ROUNDS)
        for place, moment in enumerate(dice.sample(range(length), share)):
            copies.append(folder / f"copy{number}-{place}.qcow2")
            bench.watched.during[bench.watched.calls + moment] = cut_off(
                bench, disk, copies[-1], dice.uniform(0, LONGEST))
        bench.edit(device)
        bench.watched.during.clear()
    bench.session.shutdown()
    return copies


def content(told: dict[str, Any] | None) -> bytes | None:
    return None if told is None else base64.b64decode(told["content"])


def next_edit(copies: list[Path]) -> Counter[str]:
    """How many of the copies had the old files, the new ones, or some of each."""
    states: Counter[str] = Counter()
    bench = Bench.start(copies)
    for disk, device in zip(copies, bench.devices, strict=True):
        bench.enter(device)
        found = bench.files()
        there = {path: content(found.get(path)) for path in NEW}
        new = [path for path in NEW if there[path] == NEW[path]]
        assert [path for path in NEW if there[path] not in (OLD[path], NEW[path])] == [], disk
        states["new" if len(new) == len(NEW) else "some" if new else "old"] += 1
        bench.edit(device)
        after = bench.files()
        # Nothing that the cut-off edit had staged is left either.
        assert {path: content(told) for path, told in after.items()} == NEW
        assert after["/etc/shadow"]["mode"] == SHADOW_MODE
        bench.leave()
    bench.session.shutdown()
    return states


def test_no_file_is_half_written_and_the_next_edit_makes_it_whole(folder: Path) -> None:
    print(f"KILLS_SEED={SEED}")
    copies = copies_of(folder, random.Random(SEED))
    assert len(copies) == KILLS
    states = sum((next_edit(copies[at:at + MOST]) for at in range(0, KILLS, MOST)), Counter())
    print(dict(states))
    assert states["old"] and states["new"]
