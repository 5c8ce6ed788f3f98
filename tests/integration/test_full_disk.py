"""A storage with no room: refused beforehand, or what was begun is gone again; nothing else is
touched, and with room the next apply ends it. The storage is a small tmpfs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import goals
from tests.integration.lab import PLACE, Lab, digest
from tests.integration.odd_guests import plain_disk

pytestmark = [pytest.mark.integration, pytest.mark.goal(4), pytest.mark.timeout(900)]

MIB = 1 << 20
PAGE = 4096
"""What a tmpfs gives its room in."""


@pytest.fixture
def small(lab: Callable[[str], Lab]) -> Iterator[Lab]:
    """A lab with 16 MiB, and a disk that is in nobody's way."""
    for left in PLACE.glob("tctbfull-*/storage"):
        # Of a run that was killed.
        if not Path("/proc", left.parent.name.split("-")[1]).exists() and left.is_mount():
            subprocess.run(["umount", str(left)], check=True)
    one = lab("tctbfull")
    one.storage.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=711", "tmpfs", str(one.storage)],
                   check=True)
    try:
        one.write("mine", "kind: Disk\nmetadata: {name: mine}\nspec: {size: 8MiB}")
        one.apply()
        yield one
    finally:
        subprocess.run(["umount", str(one.storage)], check=True)


def fill(lab: Lab, leave: int) -> None:
    """All but so many bytes."""
    system = os.statvfs(lab.storage)
    with (lab.storage / "filler").open("ab") as filler:
        os.posix_fallocate(filler.fileno(), filler.tell(),
                           max(PAGE, system.f_bavail * system.f_frsize - leave))


def make_room(lab: Lab) -> None:
    (lab.storage / "filler").unlink()


def there(lab: Lab) -> dict[str, str]:
    """By path what is in it; of the journal, which grows, only that it is there."""
    return {str(path): "" if path.name == "journal.jsonl" else digest(path)
            for path in sorted(lab.storage.rglob("*")) if path.is_file()
            and path.name != "filler"}


def refused(lab: Lab, *words: str) -> str:
    """A sentence, and everything is as before."""
    before = there(lab)
    said = lab.apply(expect=1)
    assert all(word in said for word in words), said
    assert there(lab) == before
    return said


def test_what_needs_more_than_there_is_is_not_begun(small: Lab) -> None:
    (small.folder / "big.raw").write_bytes(os.urandom(MIB) * 24)
    small.write("big", "kind: Image\nmetadata: {name: big}\nspec: {source: {path: ../big.raw}}")
    refused(small, "image/big: the import of ", " bytes free", "make room")
    (small.manifests / "big.yaml").unlink()
    small.write("raw", "kind: Disk\nmetadata: {name: raw}\n"
                       "spec: {size: 24MiB, format: raw, preallocation: full}")
    refused(small, "disk/raw: the disk ", " bytes free")
    (small.manifests / "raw.yaml").unlink()
    small.assert_settled()
    goals.seen(4, "an import and a preallocated disk that do not fit", 2,
               short="a raw disk with holes and an overlay take no room when they are made, and "
                     "may be larger than what is free")


def test_a_disk_that_fills_up_in_the_middle(small: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a conversion, a copy for a rebase, and an image made of a disk: there was room when it was
    asked for."""
    (small.folder / "base.raw").write_bytes(os.urandom(MIB) * 3)
    tools = small.folder / "tools"
    tools.mkdir()
    real, filler = shutil.which("qemu-img"), small.storage / "filler"
    script = tools / "qemu-img"
    script.write_text(f"""#!/bin/sh
case $1 in convert) dd if=/dev/zero of={filler} bs=64k 2>/dev/null;; esac
exec {real} "$@"
""")
    script.chmod(0o755)
    small.write("base", "kind: Image\nmetadata: {name: base}\nspec: {source: {path: ../base.raw}}")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        refused(small, "image/base: qemu-img failed", "No space left on device")
    make_room(small)
    small.apply()
    small.assert_settled()
    goals.seen(4, "a disk that fills up while an image is converted", 1)


@pytest.mark.long
def test_wherever_the_last_page_is_taken(small: Lab) -> None:
    """A disk is made with so little room that this or that write of it finds none."""
    points = goals.scaled(4, 80)
    failed = 0
    for number in range(points):
        name = f"d{number}"
        small.write("more", f"kind: Disk\nmetadata: {{name: {name}}}\nspec: {{size: 8MiB}}")
        before = there(small)
        fill(small, number * PAGE * 80 // points)
        said = small.apply(expect=None)
        if "Done" not in said:
            failed += 1
            assert "No space left on device" in said or "bytes free" in said, said
            assert {path: it for path, it in there(small).items() if path in before} == before
            left = [path for path in there(small) if path not in before and ".part" in path]
            assert left == [], (number, said)
        make_room(small)
        small.apply()
        small.assert_settled()
        assert "All is well" in small.run("status")
    assert 0 < failed < points
    goals.seen(4, "a new disk, with its record and journal, that finds so many free pages", points)


@pytest.mark.long
def test_a_guest_that_finds_no_room(small: Lab) -> None:
    """qemu by itself would stop the appliance's machine and wait for room (werror, qemu(1))."""
    plain_disk(small.folder / "base.raw")
    small.write("base", "kind: Image\nmetadata: {name: base}\nspec: {source: {path: ../base.raw}}")
    small.apply()
    files = [{"path": f"/etc/large{number}", "content": "x" * 250_000} for number in range(3)]
    small.write("web", f"""
        kind: Disk
        metadata: {{name: web}}
        spec: {{image: base}}
        ---
        apiVersion: tinycloud/v1
        kind: Guest
        metadata: {{name: web}}
        spec:
          disk: web
          hostname: web
          files: {json.dumps(files)}
    """)
    before = there(small)
    fill(small, 700 << 10)
    begun = time.monotonic()
    said = small.apply(expect=1)
    assert time.monotonic() - begun < 120, "it waits for ever"
    assert "guest/web: " in said and "No space left" in said, said
    assert {path: it for path, it in there(small).items() if path in before} == before
    make_room(small)
    small.apply()
    small.assert_settled()
    goals.seen(4, "a guest whose disk's file cannot grow", 1)
