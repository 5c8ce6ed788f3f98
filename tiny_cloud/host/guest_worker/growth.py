"""Partitions: what a disk is known by, and the growth of the last one to the end of its disk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from .tree import Refused

SECTOR = 512
"""Bytes: what libguestfs gives every disk, if no other is asked for (add_drive_opts, blocksize)."""
SLACK = 8192
"""Sectors at the end of a disk that are not worth growing for: sgdisk leaves up to 4095 unused."""
HEAD = 34 * SECTOR
"""Where a GPT of the usual 128 entries ends. In an emulated appliance each call takes 0.1 s."""
DEVICE = re.compile(r"(/dev/sd[a-z]+)([0-9]*)")
"""A disk or a partition, whatever the appliance's kernel calls it (guestfs(3), naming)."""


def grow_partition(
    g: Any, device: str, unmounted: Callable[[], AbstractContextManager[None]]
) -> dict[str, Any]:
    """``unmounted``: nobody uses the disk within it. It is not entered if there is no need."""
    named = DEVICE.fullmatch(device)
    if named is None:
        return {"grown": False, "why": f"it lies on {device}, which is no plain partition"}
    disk, number = named[1], int(named[2] or 0)
    if not number:
        return {"grown": False, "why": ""}
    head = g.pread_device(disk, HEAD, 0)
    parts = partitions(g, disk, head)
    if parts.get(number, (0, 0, b""))[1] == 0:
        return {"grown": False, "why": f"{disk} has no plain partition table with {number} in it"}
    start, end, _ = parts[number]
    if any(other > start for other, _, _ in parts.values()):
        return {"grown": False, "why": "another partition lies behind it"}
    if not g.pread_device(disk, 1, (end + SLACK) * SECTOR):
        return {"grown": False, "why": ""}
    with unmounted():
        return _grown(g, disk, number, head, parts)


def _grown(
    g: Any, disk: str, number: int, head: bytes, parts: dict[int, tuple[int, int, bytes]]
) -> dict[str, Any]:
    start, end, marks = parts[number]
    size = g.blockdev_getsz(disk)
    # MBR counts sectors in 32 bits.
    last = (size if is_gpt(head) else min(size, 1 << 32)) - 1
    if last - end < SLACK:
        return {"grown": False, "why": ""}
    if is_gpt(head):
        g.part_expand_gpt(disk)
        # Last usable LBA, at offset 48 of the header in LBA 1 (UEFI 2.10, table 5-5).
        last = int.from_bytes(g.pread_device(disk, 8, SECTOR + 48), "little")
    g.part_resize(disk, number, last)
    after = partitions(g, disk, g.pread_device(disk, HEAD, 0))
    # What boot loaders go by (BIOS boot, ESP, PARTUUID, the active mark) must be as before.
    if {**parts, number: (start, last, marks)} != after:
        raise Refused(f"growing partition {number} of {disk} changed more than its end")
    return {"grown": True, "why": ""}


def identity(g: Any, disk: str) -> str:
    """Clones of a disk have the same one, grown or not; empty: nothing tells it from others.

    Of a GPT the disk's GUID (UEFI 2.10, table 5-5), of an MBR its signature (table 5-1)."""
    head = g.pread_device(disk, HEAD, 0)
    own = head[SECTOR + 56:SECTOR + 72] if is_gpt(head) else head[440:444]
    parts = partitions(g, disk, head)
    if not any(own) or not parts:
        return ""
    entries = sorted((number, start, marks) for number, (start, _, marks) in parts.items())
    return hashlib.sha256(repr((own, entries)).encode()).hexdigest()


def is_gpt(head: bytes) -> bool:
    return head[SECTOR:SECTOR + 8] == b"EFI PART"


def partitions(g: Any, disk: str, head: bytes) -> dict[int, tuple[int, int, bytes]]:
    """Number -> first and last sector, and all else that its entry says (type, GUID, marks, name).

    Read from the disk, of which ``head`` is the beginning: parted takes a second for each such
    question in an emulated appliance.
    """
    def number(entry: bytes, start: int, end: int) -> int:
        return int.from_bytes(entry[start:end], "little")

    if not is_gpt(head):
        # Four entries of 16 bytes (UEFI 2.10, table 5-2); the CHS fields mean nothing today.
        table = head[446:446 + 64]
        entries = [table[at:at + 16] for at in range(0, 64, 16)]
        return {index: (number(entry, 8, 12), number(entry, 8, 12) + number(entry, 12, 16) - 1,
                        entry[0:1] + entry[4:5])
                for index, entry in enumerate(entries, 1) if entry[4]}
    header = head[SECTOR:SECTOR + 92]
    count, width = min(number(header, 80, 84), 256), max(number(header, 84, 88) % 4096, 128)
    first, size = number(header, 72, 80) * SECTOR, count * width
    inside = first + size <= len(head)
    table = head[first:first + size] if inside else g.pread_device(disk, size, first)
    entries = [table[at:at + width] for at in range(0, size, width)]
    return {index: (number(entry, 32, 40), number(entry, 40, 48), entry[:32] + entry[48:])
            for index, entry in enumerate(entries, 1) if any(entry[:16])}
