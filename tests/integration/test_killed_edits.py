"""The power goes at random moments while a guest is edited: no file is ever half written.

A SIGKILL of worker and qemu leaves of a disk what qemu has given to the kernel by then. So that is
what is taken: qemu is stopped (SIGSTOP) in the middle of a call to the appliance, and its disk
copied. Of every copy e2fsprogs replays the journal, as the next mount does, and each file has to be
the old one or the new one. What the next apply does is then done to some in another appliance.
How many moments: KILLS (50); which: KILLS_SEED.
"""

from __future__ import annotations

import base64
import os
import random
import re
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

from tests.goals import seed
from tests.integration.odd_guests import ATTRIBUTES, TREE, plain_disk
from tiny_cloud.guests.base import Edit, MakeFolder, WriteFile
from tiny_cloud.host import acceleration
from tiny_cloud.host.guest_session import plain
from tiny_cloud.host.guest_worker.session import Session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("KILLS", "50"))
SEED = seed("KILLS_SEED")
ROUNDS = max(2, -(-KILLS // 25))
"""Disks that are edited: each gives up to 25 of the moments."""
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
AGAIN = 3
"""Copies that are edited again."""


@dataclass
class Watched:
    """libguestfs, with a moment before which a call comes that something is to happen in."""

    g: Any
    calls: list[str] = field(default_factory=list)
    during: dict[int, Callable[[], None]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.g, name)

        def call(*args: Any, **options: Any) -> Any:
            other = threading.Thread(target=self.during.get(len(self.calls), lambda: None))
            self.calls.append(name)
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

    @classmethod
    def start(cls, disks: list[Path]) -> Bench:
        watched = Watched(guestfs.GuestFS(python_return_dict=True))
        session = Session(lambda: watched)
        session.open([{"path": str(disk), "format": "qcow2", "readonly": False} for disk in disks])
        return cls(session)

    @property
    def watched(self) -> Watched:
        watched = self.session.g
        assert isinstance(watched, Watched)
        return watched

    def enter(self, disk: int) -> str:
        """Which one goes by its place among the disks; returns the device of its root."""
        return self.session.enter(disk, {"/": 1})

    def edit(self, root: str) -> None:
        """As tiny_cloud.host.guest goes about it."""
        self.session.grow_partition(root)
        self.session.edit([plain(edit) for edit in EDITS])
        self.session.grow_filesystem(root)
        self.session.leave()


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
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(folder / "base.raw"), "-F", "raw",
        str(disk), "120M")
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


@pytest.fixture(scope="module")
def copies(folder: Path) -> list[Path]:
    dice = random.Random(SEED)
    disks = [overlay(folder, f"disk{number}") for number in range(ROUNDS + 1)]
    bench = Bench.start(disks)
    root = bench.enter(0)
    before = len(bench.watched.calls)
    bench.edit(root)
    calls = bench.watched.calls[before:]
    renames = calls.index("rename")
    copies = []
    for number, disk in enumerate(disks[1:]):
        root = bench.enter(number + 1)
        # The last moment of each is when all is written back.
        share = KILLS // ROUNDS + (number < KILLS % ROUNDS) - 1
        # Half of them where the old files give way to the new ones.
        late = dice.sample(range(renames, len(calls)), min(share // 2, len(calls) - renames))
        moments = (*late, *dice.sample(range(renames), share - len(late)))
        for place, moment in enumerate(moments):
            copies.append(folder / f"copy{number}-{place}.qcow2")
            bench.watched.during[len(bench.watched.calls) + moment] = cut_off(
                bench, disk, copies[-1], dice.uniform(0, LONGEST))
        bench.edit(root)
        bench.watched.during.clear()
        copies.append(folder / f"copy{number}-last.qcow2")
        cut_off(bench, disk, copies[-1], 0)()
    bench.session.shutdown()
    return copies


def files_in(copy: Path) -> dict[str, bytes | None]:
    """Read by e2fsprogs, after a repair that asks nothing: of a journal, not of a file system."""
    raw = copy.with_suffix(".raw")
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(copy), str(raw))
    assert re.search(r"start= +2048,", run("sfdisk", "-d", str(raw)))
    # e2fsck replays no journal behind an offset.
    place = str(copy.with_suffix(".ext4"))
    run("dd", f"if={raw}", f"of={place}", "bs=1M", "skip=1", "conv=sparse", "status=none")
    run("e2fsck", "-fp", place, accept=(0, 1))
    with tempfile.TemporaryDirectory(dir=copy.parent) as folder:
        wanted = {path: Path(folder, str(number)) for number, path in enumerate(NEW)}
        commands = "".join(f"dump {path} {out}\n" for path, out in wanted.items())
        subprocess.run(["debugfs", "-f", "-", place], input=commands, text=True, check=True,
                       capture_output=True)
        found = {path: out.read_bytes() if out.exists() and out.stat().st_size else None
                 for path, out in wanted.items()}
        empty = [path for path, out in wanted.items() if out.exists() and not out.stat().st_size]
        assert empty == []
    raw.unlink()
    Path(place).unlink()
    return found


def run(*argv: str, accept: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode in accept, (argv, done.stdout, done.stderr)
    return done.stdout


def test_no_file_is_half_written(copies: list[Path]) -> None:
    states: Counter[str] = Counter()
    for copy in copies:
        there = files_in(copy)
        assert [path for path in NEW if there[path] not in (OLD[path], NEW[path])] == [], copy
        new = sum(there[path] == NEW[path] for path in NEW)
        states["new" if new == len(NEW) else "some new" if new else "old"] += 1
    print(f"KILLS_SEED={SEED}: {len(copies)} moments, {dict(states)}")
    assert len(copies) == KILLS
    assert states["old"] and states["new"]


def test_the_next_edit_makes_it_whole(copies: list[Path]) -> None:
    some = copies[::max(1, -(-KILLS // AGAIN))]
    bench = Bench.start(some)
    for number in range(len(some)):
        bench.edit(bench.enter(number))
        bench.enter(number)
        after = bench.session.look([*NEW, LEFT])
        # Nothing that the cut-off edit had staged is left either.
        assert {path: base64.b64decode(told["content"]) for path, told in after.items()} == NEW
        assert after["/etc/shadow"]["mode"] == SHADOW_MODE
        attributes = bench.watched.g.lgetxattrs("/etc/hosts")
        assert {one["attrname"]: one["attrval"] for one in attributes} == ATTRIBUTES
    bench.session.shutdown()
