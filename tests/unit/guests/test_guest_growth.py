"""Growing partitions against a disk that is a table of numbers."""

from typing import Any

import pytest

from tiny_cloud.host import guest_worker

MIB = 2048
"""Sectors."""


class Disk:
    """A GPT or MBR disk of 3 GiB; the last partition is what ``part_list`` has last."""

    def __init__(self, label: str = "gpt", size: int = 3072 * MIB) -> None:
        self.label = label
        self.size = size
        self.sector = 512
        self.parts = {1: (MIB, 2 * MIB - 1), 2: (2 * MIB, 1000 * MIB - 1)}
        self.types = {1: "21686148-BIOS", 2: "0FC63DAF-LINUX"}
        self.damage = False
        self.resized: list[tuple[int, int]] = []

    def list_devices(self) -> list[str]:
        return ["/dev/sda"]

    def list_partitions(self) -> list[str]:
        return [f"/dev/sda{number}" for number in self.parts]

    def part_to_dev(self, device: str) -> str:
        return device.rstrip("0123456789")

    def part_to_partnum(self, device: str) -> int:
        return int(device.removeprefix("/dev/sda"))

    def part_get_parttype(self, disk: str) -> str:
        return self.label

    def blockdev_getss(self, disk: str) -> int:
        return self.sector

    def blockdev_getsz(self, disk: str) -> int:
        return self.size

    def part_list(self, disk: str) -> list[dict[str, int]]:
        return [{"part_num": number, "part_start": start * 512, "part_end": end * 512 + 511}
                for number, (start, end) in self.parts.items()]

    def part_expand_gpt(self, disk: str) -> None:
        if self.damage:
            self.types[1] = "changed"

    def pread_device(self, disk: str, count: int, offset: int) -> bytes:
        assert (count, offset) == (8, 560)
        return (self.size - MIB).to_bytes(8, "little")

    def part_resize(self, disk: str, number: int, last: int) -> None:
        self.resized.append((number, last))
        self.parts[number] = (self.parts[number][0], last)

    def part_get_gpt_type(self, disk: str, number: int) -> str:
        return self.types[number]

    def __getattr__(self, name: str) -> Any:
        assert name in ("part_get_gpt_guid", "part_get_gpt_attributes", "part_get_name",
                        "part_get_mbr_id", "part_get_bootable"), name
        return lambda disk, number: f"{name} {number}"


def test_the_last_partition_grows_to_the_last_usable_sector() -> None:
    disk = Disk()
    assert guest_worker.grow_partition(disk, "/dev/sda2") == {"grown": True, "why": ""}
    assert disk.resized == [(2, 3071 * MIB)]
    assert guest_worker.grow_partition(disk, "/dev/sda2") == {"grown": False, "why": ""}
    assert len(disk.resized) == 1


def test_an_mbr_ends_at_two_tebibytes() -> None:
    disk = Disk("msdos", size=1 << 33)
    assert guest_worker.grow_partition(disk, "/dev/sda2")["grown"]
    assert disk.resized == [(2, (1 << 32) - 1)]


def test_a_file_system_on_the_whole_disk_has_no_partition_to_grow() -> None:
    assert guest_worker.grow_partition(Disk(), "/dev/sda") == {"grown": False, "why": ""}


@pytest.mark.parametrize(("device", "change", "why"), [
    ("/dev/sda1", {}, "another partition lies behind it"),
    ("/dev/vg/root", {}, "no plain partition"),
    ("/dev/sda5", {"label": "msdos", "parts": {5: (2 * MIB, 9 * MIB)}}, "a logical partition"),
    ("/dev/sda2", {"sector": 4096}, "of the kind gpt"),
    ("/dev/sda2", {"label": "sun"}, "of the kind sun"),
])
def test_what_does_not_grow_says_why(device: str, change: dict[str, Any], why: str) -> None:
    disk = Disk()
    for name, value in change.items():
        setattr(disk, name, value)
    told = guest_worker.grow_partition(disk, device)
    assert not told["grown"] and why in told["why"]
    assert disk.resized == []


def test_a_boot_partition_that_changes_its_type_is_an_error() -> None:
    disk = Disk()
    disk.damage = True
    with pytest.raises(guest_worker.Refused, match="changed the type or name"):
        guest_worker.grow_partition(disk, "/dev/sda2")
