"""Partitions, and the growth of the last one to the end of its disk."""

from __future__ import annotations

from typing import Any

from .tree import Refused

SECTOR = 512
SLACK = 8192
"""Sectors at the end of a disk that are not worth growing for: sgdisk leaves up to 4095 unused."""


def grow_partition(g: Any, device: str) -> dict[str, Any]:
    parents = [disk for disk in g.list_devices() if disk == device]
    if parents:
        return {"grown": False, "why": ""}
    if device not in g.list_partitions():
        return {"grown": False, "why": f"it lies on {device}, which is no plain partition"}
    disk, number = g.part_to_dev(device), g.part_to_partnum(device)
    parts = partitions(g, disk)
    if g.blockdev_getss(disk) != SECTOR or parts.get(number, (0, 0, b""))[1] == 0:
        return {"grown": False, "why": f"{disk} has no plain partition table with {number} in it"}
    start, end, _ = parts[number]
    if any(other > start for other, _, _ in parts.values()):
        return {"grown": False, "why": "another partition lies behind it"}
    size, gpt = g.blockdev_getsz(disk), is_gpt(g, disk)
    # MBR counts sectors in 32 bits.
    last = (size if gpt else min(size, 1 << 32)) - 1
    if last - end < SLACK:
        return {"grown": False, "why": ""}
    if gpt:
        g.part_expand_gpt(disk)
        # Last usable LBA, at offset 48 of the header in LBA 1 (UEFI 2.10, table 5-5).
        last = int.from_bytes(g.pread_device(disk, 8, SECTOR + 48), "little")
    g.part_resize(disk, number, last)
    after = partitions(g, disk)
    # What boot loaders go by (BIOS boot, ESP, PARTUUID, the active mark) must be as before.
    if {**parts, number: (start, last, parts[number][2])} != after:
        raise Refused(f"growing partition {number} of {disk} changed more than its end")
    return {"grown": True, "why": ""}


def is_gpt(g: Any, disk: str) -> bool:
    return bool(g.pread_device(disk, 8, SECTOR) == b"EFI PART")


def partitions(g: Any, disk: str) -> dict[int, tuple[int, int, bytes]]:
    """Number -> first and last sector, and all else that its entry says (type, GUID, marks, name).

    Read from the disk: parted takes a second for each such question in an emulated appliance.
    """
    def number(entry: bytes, start: int, end: int) -> int:
        return int.from_bytes(entry[start:end], "little")

    if not is_gpt(g, disk):
        # Four entries of 16 bytes (UEFI 2.10, table 5-2); the CHS fields mean nothing today.
        table = g.pread_device(disk, 64, 446)
        entries = [table[at:at + 16] for at in range(0, 64, 16)]
        return {index: (number(entry, 8, 12), number(entry, 8, 12) + number(entry, 12, 16) - 1,
                        entry[0:1] + entry[4:5])
                for index, entry in enumerate(entries, 1) if entry[4]}
    header = g.pread_device(disk, 92, SECTOR)
    count, width = min(number(header, 80, 84), 256), max(number(header, 84, 88) % 4096, 128)
    table = g.pread_device(disk, count * width, number(header, 72, 80) * SECTOR)
    entries = [table[at:at + width] for at in range(0, count * width, width)]
    return {index: (number(entry, 32, 40), number(entry, 40, 48), entry[:32] + entry[48:])
            for index, entry in enumerate(entries, 1) if any(entry[:16])}
