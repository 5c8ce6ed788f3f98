"""Images that hold only the difference to another one, and of which qemu does not say so."""

from __future__ import annotations

import os
import struct
import uuid
from collections.abc import Callable, Mapping
from typing import IO

from tiny_cloud.errors import Failure

VHD_FIXED, VHD_DIFFERENCING = 2, 4
VDI_WHOLE = (1, 2)
"""Dynamic and fixed; 3 and 4 are an undo and a difference (VirtualBox: VDICore.h)."""
REGIONS = 192 << 10
"""Bytes from the start to the first table of a VHDX's regions (MS-VHDX 2.2)."""
METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E").bytes_le
PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B").bytes_le
HAS_PARENT = 2
ENTRY, MOST = 32, 2047
"""Bytes of an entry in either table, and how many there may be."""
Source = IO[bytes]


def refuse(path: str, format: str) -> None:
    """Raises Failure if an image of this format (qemu's word) is a difference."""
    if format in DIFFERENCES:
        with open(path, "rb") as file:
            if DIFFERENCES[format](file):
                raise Failure(f"{path} is refused: it holds only the difference to another image",
                              "convert it where it comes from, together with that image")


def is_fixed_vhd(path: str) -> bool:
    """A raw disk with a footer: both readers see a raw disk until told."""
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 512))
        return _vhd_type(file) == VHD_FIXED


def _vhd_type(file: Source) -> int:
    """The disk type of the footer (or its copy) that begins here, 0 if there is none.

    "Virtual Hard Disk Image Format Specification", Hard Disk Footer Format: type at byte 60.
    """
    footer = file.read(512)
    if len(footer) < 64 or not footer.startswith(b"conectix"):
        return 0
    return int(struct.unpack_from(">I", footer, 60)[0])


def _vdi(file: Source) -> bool:
    head = file.read(80).ljust(80, b"\0")
    return struct.unpack_from("<I", head, 76)[0] not in VDI_WHOLE


def _vhdx(file: Source) -> bool:
    """Of the metadata region the item "file parameters": block size, then flags."""
    file.seek(REGIONS)
    region = _entry(file.read(16 + MOST * ENTRY), 8, "<I", 16, METADATA)
    start, = struct.unpack_from("<Q", region.ljust(ENTRY, b"\0"), 16)
    file.seek(min(start, (1 << 63) - 1))
    item = _entry(file.read(ENTRY + MOST * ENTRY), 10, "<H", ENTRY, PARAMETERS)
    offset, = struct.unpack_from("<I", item.ljust(ENTRY, b"\0"), 16)
    file.seek(min(start + offset, (1 << 63) - 1))
    return bool(struct.unpack_from("<I", file.read(8).ljust(8, b"\0"), 4)[0] & HAS_PARENT)


def _entry(table: bytes, at: int, count: str, first: int, guid: bytes) -> bytes:
    """Of a table whose number of entries stands ``at``; empty: it is not in there."""
    if len(table) < first:
        return b""
    entries = min(struct.unpack_from(count, table, at)[0], MOST)
    return next((table[place:place + ENTRY]
                 for place in range(first, first + entries * ENTRY, ENTRY)
                 if table.startswith(guid, place)), b"")


DIFFERENCES: Mapping[str, Callable[[Source], bool]] = {
    "vpc": lambda file: _vhd_type(file) == VHD_DIFFERENCING, "vdi": _vdi, "vhdx": _vhdx,
}
