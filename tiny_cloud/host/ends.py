"""Where an image has to end, by its own tables.

qemu reads zeros behind the end of a file that was cut off in most formats, and says nothing.
Offsets are bytes unless said otherwise; what is not of the format is left to the other readers.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import IO

from msgspec import Struct

from tiny_cloud.errors import Failure

SECTOR = 512
Source = IO[bytes]


def require_whole(path: str, format: str) -> None:
    """Raises Failure if a file of this format is shorter than its tables say."""
    if format in ENDS:
        with open(path, "rb") as file:
            end = ENDS[format](file)
        require(path, end)


def require(path: str, end: int) -> None:
    size = os.path.getsize(path)
    if size < end:
        raise Failure(f"{path} is cut off: it has {size} bytes of at least {end}",
                      hint="get it again")


class VmdkHeader(Struct, frozen=True):
    """SparseExtentHeader ("Virtual Disk Format 5.0"), in sectors."""

    capacity: int
    grain: int
    entries: int
    """Of one grain table."""
    directory: int
    compressed: bool
    at_end: bool
    """The tables follow the data, as a stream has them; a footer says where."""


def vmdk_header(file: Source) -> VmdkHeader | None:
    file.seek(0)
    head = file.read(64)
    if len(head) < 64 or not head.startswith(b"KDMV"):
        return None
    flags, capacity, grain, _, _, entries, _, directory = struct.unpack("<IQQQQIQQ", head[8:64])
    at_end = directory == (1 << 64) - 1
    return VmdkHeader(capacity, grain, entries, directory, bool(flags & 1 << 16), at_end)


def _vmdk(file: Source) -> int:
    header = vmdk_header(file)
    # A stream's footer, without which it is refused anyway, is its end.
    if header is None or header.at_end or not header.grain or not header.entries:
        return 0
    tables = -(-header.capacity // (header.grain * header.entries))
    end = header.directory * SECTOR + 4 * tables
    directory = _table(file, "I", header.directory * SECTOR, tables)
    found = (_table(file, "I", at * SECTOR, header.entries) for at in sorted(set(directory) - {0}))
    last = max((max(table, default=0) for table in found), default=0)
    # A disk that is no multiple of grains ends with a short one.
    least = 1 if header.compressed else header.capacity % header.grain or header.grain
    # 0 and 1 stand for zeros.
    return max(end, int(last + least) * SECTOR if last > 1 else 0)


def _vdi(file: Source) -> int:
    """VirtualBox's VDICore.h: the map's offset at 340, the blocks' at 344, their size at 376, how
    many there may be at 384, and how many there are."""
    head = file.read(512).ljust(512, b"\0")
    table, data = struct.unpack_from("<II", head, 340)
    size, = struct.unpack_from("<I", head, 376)
    blocks, there = struct.unpack_from("<II", head, 384)
    return int(max(table + 4 * blocks, data + size * there))


def _vpc(file: Source) -> int:
    """"Virtual Hard Disk Image Format Specification": every kind ends with the footer."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - SECTOR))
    return size if file.read(8) == b"conectix" else size + SECTOR


def _qcow(file: Source) -> int:
    """Version 1 (block/qcow.c of QEMU): tables of two levels, big-endian; bit 63 of an entry says
    that the cluster is compressed, with its size in the bits above the offset."""
    head = file.read(48).ljust(48, b"\0")
    # Its header has been looked at: sizes are within bounds (qcow1).
    size, bits, second, _, _, first = struct.unpack(">QBBHIQ", head[24:48])
    tables = -(-size // (1 << (bits + second)))
    end = first + 8 * tables
    for at in sorted(set(_table(file, "Q", first, tables, swapped=True)) - {0}):
        entries = _table(file, "Q", at, 1 << second, swapped=True)
        end = max(end, at + (8 << second), _clusters_end(entries, bits))
    return int(end)


def _clusters_end(entries: Iterable[int], bits: int) -> int:
    plain = last = 0
    for entry in entries:
        if entry >> 63:
            offset = entry & ((1 << (63 - bits)) - 1)
            last = max(last, offset + ((entry >> (63 - bits)) & ((1 << bits) - 1)))
        else:
            plain = max(plain, entry)
    return max(last, plain + (1 << bits) if plain else 0)


def _table(file: Source, code: str, at: int, entries: int, *, swapped: bool = False) -> array[int]:
    """As much of it as there is; numbers are little-endian unless ``swapped``."""
    found = array(code)
    room = os.fstat(file.fileno()).st_size - at
    if room <= 0:
        return found
    file.seek(at)
    found.frombytes(file.read(min(entries, room // found.itemsize) * found.itemsize))
    if swapped:
        found.byteswap()
    return found


ENDS: Mapping[str, Callable[[Source], int]] = {
    "vmdk": _vmdk, "vdi": _vdi, "vpc": _vpc, "qcow": _qcow,
}
"""By qemu's name of the format; qemu itself finds out of a qcow2 (check) and a vhdx (open)."""
