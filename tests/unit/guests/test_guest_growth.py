"""Growing partitions against a disk that is a table of numbers."""

import struct
from contextlib import nullcontext
from typing import Any

import pytest

from tiny_cloud.host.guest_worker.growth import grow_partition
from tiny_cloud.host.guest_worker.tree import Refused

MIB = 2048
"""Sectors."""


class Disk:
    """A GPT or MBR disk of 3 GiB whose table is written out as the bytes that it is."""

    def __init__(self, gpt: bool = True, size: int = 3072 * MIB) -> None:
        self.gpt = gpt
        self.size = size
        self.parts = {1: (MIB, 2 * MIB - 1), 2: (2 * MIB, 1000 * MIB - 1)}
        self.types = {1: b"BIOS boot partit", 2: b"Linux file syste"}
        self.damage = False
        self.resized: list[tuple[int, int]] = []

    def blockdev_getsz(self, disk: str) -> int:
        return self.size

    def pread_device(self, disk: str, count: int, offset: int) -> bytes:
        table = bytearray(3 * 512 + 128 * 128)
        if self.gpt:
            struct.pack_into("<8s32xQQ16xQII", table, 512, b"EFI PART", 34, self.size - MIB,
                             2, 128, 128)
        for number, (start, end) in self.parts.items():
            kind = self.types[number]
            if self.gpt:
                struct.pack_into("<16s16sQQQ72s", table, 1024 + (number - 1) * 128, kind,
                                 kind[::-1], start, end, number, b"n\0a\0m\0e\0")
            else:
                struct.pack_into("<B3xB3xII", table, 446 + (number - 1) * 16, 0x80, kind[0],
                                 start, end - start + 1)
        if offset >= self.size * 512:
            return b""
        return bytes(table[offset:offset + count]).ljust(1, b"\0")

    def part_expand_gpt(self, disk: str) -> None:
        assert self.gpt

    def part_resize(self, disk: str, number: int, last: int) -> None:
        self.resized.append((number, last))
        self.parts[number] = (self.parts[number][0], last)
        if self.damage:
            self.types[1] = b"changed         "


def test_the_last_partition_grows_to_the_last_usable_sector() -> None:
    disk = Disk()
    assert grow_partition(disk, "/dev/sda2", nullcontext) == {"grown": True, "why": ""}
    assert disk.resized == [(2, 3071 * MIB)]
    assert grow_partition(disk, "/dev/sda2", nullcontext) == {"grown": False, "why": ""}
    assert len(disk.resized) == 1


def test_an_mbr_ends_at_two_tebibytes() -> None:
    disk = Disk(gpt=False, size=1 << 33)
    assert grow_partition(disk, "/dev/sda2", nullcontext)["grown"]
    assert disk.resized == [(2, (1 << 32) - 1)]


def test_a_file_system_on_the_whole_disk_has_no_partition_to_grow() -> None:
    assert grow_partition(Disk(), "/dev/sda", nullcontext) == {"grown": False, "why": ""}


@pytest.mark.parametrize(("device", "change", "why"), [
    ("/dev/sda1", {}, "another partition lies behind it"),
    ("/dev/vg/root", {}, "no plain partition"),
    ("/dev/sda5", {"gpt": False}, "no plain partition table with 5 in it"),
])
def test_what_does_not_grow_says_why(device: str, change: dict[str, Any], why: str) -> None:
    disk = Disk()
    for name, value in change.items():
        setattr(disk, name, value)
    told = grow_partition(disk, device, nullcontext)
    assert not told["grown"] and why in told["why"]
    assert disk.resized == []


@pytest.mark.parametrize("gpt", [True, False])
def test_a_boot_partition_that_changes_its_type_is_an_error(gpt: bool) -> None:
    disk = Disk(gpt)
    disk.damage = True
    with pytest.raises(Refused, match="changed more than its end"):
        grow_partition(disk, "/dev/sda2", nullcontext)
