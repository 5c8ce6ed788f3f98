"""Which disks are known again, with an appliance that only pretends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from tiny_cloud.guests.base import File
from tiny_cloud.guests.roots import Root
from tiny_cloud.host import here
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.host.recognition import recognised, remember

DEBIAN = Root("/dev/sda2", "linux", "debian", (12, 5), "Debian GNU/Linux 12", "deb",
              {"/": "/dev/sda2", "/boot": "/dev/sda1"})
FILES = {"/etc/fstab": File(content=b"UUID=1 / ext4\n"),
         "/etc/os-release": File("symlink", target="../usr/lib/os-release"),
         "/usr/lib/os-release": File(content=b"ID=debian\n")}


class Appliance:
    """With one disk, and on its root these files."""

    def __init__(self, table: str, files: Mapping[str, File], damaged: bool = False) -> None:
        self.known_by, self.files, self.damaged = table, files, damaged
        self.mounted: list[str] = []

    def table(self) -> str:
        return self.known_by

    def mount(self, mountpoints: Mapping[str, str]) -> Mapping[str, str]:
        if self.damaged:
            return dict.fromkeys(mountpoints, "bad superblock")
        self.mounted += mountpoints.values()
        return {}

    def leave(self) -> None:
        self.mounted = []

    def look(self, paths: Iterable[str]) -> Mapping[str, File]:
        return self.files


def session(appliance: Appliance) -> GuestSession:
    return cast(GuestSession, appliance)


@pytest.fixture(autouse=True)
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host that has seen Debian on a disk with the table ``t``."""
    monkeypatch.setattr(here, "CACHE", tmp_path)
    remember(session(Appliance("t", FILES)), DEBIAN)
    return tmp_path / "systems" / "t.json"


def test_a_disk_like_another_is_known_again_and_its_root_is_mounted() -> None:
    clone = Appliance("t", FILES)
    assert recognised(session(clone)) == DEBIAN
    assert clone.mounted == ["/dev/sda2"]


@pytest.mark.parametrize("disk", [
    Appliance("other", FILES),
    Appliance("", FILES),
    Appliance("t", FILES, damaged=True),
    Appliance("t", {**FILES, "/etc/fstab": File(content=b"UUID=2 / ext4\n")}),
    Appliance("t", {**FILES, "/usr/lib/os-release": File(content=b"ID=devuan\n")}),
    Appliance("t", {**FILES, "/etc/os-release": File(content=b"ID=debian\n")}),
    Appliance("t", {**FILES, "/etc/fstab": File(refused="it has 2 hard links")}),
    Appliance("t", {}),
], ids=["another table", "no table", "damaged", "another fstab", "another system", "a file now",
        "unreadable", "nothing there"])
def test_any_other_is_inspected_with_nothing_mounted(disk: Appliance) -> None:
    assert recognised(session(disk)) is None
    assert disk.mounted == []


@pytest.mark.parametrize("note", [
    "", "[]", "{}", "\0", '{"root": 1, "witness": ""}', '{"root": {}, "witness": "x"}'])
def test_a_damaged_note_was_never_written(seen: Path, note: str) -> None:
    seen.write_text(note)
    assert recognised(session(Appliance("t", FILES))) is None


@pytest.mark.parametrize("root", [
    replace(DEBIAN, type="windows"),
    replace(DEBIAN, mountpoints={"/": "/dev/vg/root"}),
    replace(DEBIAN, mountpoints={"/": "btrfsvol:/dev/sda1/root"}),
], ids=["Windows", "a logical volume", "a subvolume"])
def test_what_does_not_lie_plainly_on_partitions_is_not_remembered(root: Root) -> None:
    remember(session(Appliance("u", FILES)), root)
    assert recognised(session(Appliance("u", FILES))) is None


def test_files_that_cannot_be_read_witness_nothing() -> None:
    hidden = {**FILES, "/etc/fstab": File(refused="it is larger than 1 MiB")}
    remember(session(Appliance("u", hidden)), DEBIAN)
    assert recognised(session(Appliance("u", hidden))) is None
