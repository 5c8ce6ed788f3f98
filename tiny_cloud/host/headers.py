"""What an image says of itself in its first bytes, without a process of qemu's for each.

A plan asks this of every disk. Only the plain case is answered here, a raw file or a qcow2 that has
nothing odd in its header (https://www.qemu.org/docs/master/interop/qcow2.html); of all else
qemu-img is asked, which then says what is odd.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Mapping
from pathlib import PurePosixPath

from msgspec.structs import replace

from tiny_cloud.facts import ImageFacts
from tiny_cloud.model import Value

SECTOR = 512
"""Bytes: qemu counts the last of a raw file as a whole one."""
FIRST = 64 << 10
"""Bytes that are read: the header, its extensions and the backing file's name lie in the first
cluster; one that is larger has them at its beginning all the same."""
MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_VERSION_3 = struct.Struct(">QQQII")
LEAST, MOST = 9, 21
"""Bits of a cluster's size that qemu makes and opens."""
LONGEST = 1023
"""Bytes of a backing file's name."""
COMPRESSION, EXTENDED_L2 = 1 << 3, 1 << 4
"""The incompatible features that change nothing of what is told here; a dirty or corrupt mark and
an external data file are qemu-img's to tell of."""
LAZY_REFCOUNTS = 1 << 0
SHORTEST = 104
"""Bytes of a header of version 3."""
WIDEST = 6
"""The order of a reference count's width: 64 bits."""
END, BACKING_FORMAT = 0, 0xE2792ACA
"""Types of header extensions."""


def read(path: str, format: str) -> ImageFacts | None:
    """None: this takes qemu-img. Raises OSError if the file cannot be read."""
    if format not in ("raw", "qcow2"):
        return None
    with open(path, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        if format == "raw":
            size = -(-status.st_size // SECTOR) * SECTOR
            return ImageFacts("raw", size, status.st_blocks * 512)
        return _qcow2(path, os.pread(file.fileno(), FIRST, 0), status)


def _qcow2(path: str, head: bytes, status: os.stat_result) -> ImageFacts | None:
    if len(head) < _HEADER.size + _VERSION_3.size or not head.startswith(MAGIC):
        return None
    (_, version, name_at, name_length, bits, size, encrypted, l1_entries, l1_at, counts_at,
     counts_clusters, snapshots, snapshots_at) = _HEADER.unpack_from(head)
    odd = encrypted or snapshots or size % SECTOR or not size or not counts_clusters
    if odd or version not in (2, 3) or not LEAST <= bits <= MOST:
        return None
    told: dict[str, Value] = {"clusterSize": 1 << bits}
    length, entry = _HEADER.size, 8
    if version == 3:
        incompatible, compatible, _, order, length = _VERSION_3.unpack_from(head, length)
        if incompatible & ~(COMPRESSION | EXTENDED_L2) or order > WIDEST or length < SHORTEST:
            return None
        if length > SHORTEST and head[SHORTEST] != bool(incompatible & COMPRESSION):
            return None
        entry = 16 if incompatible & EXTENDED_L2 else 8
        told |= {"lazyRefcounts": bool(compatible & LAZY_REFCOUNTS), "extendedL2": entry == 16}
    mapped = l1_entries << (2 * bits)
    if mapped < size * entry or any(at & ((1 << bits) - 1) for at in (l1_at, counts_at)):
        return None
    # A table behind the end: what is cut off is no disk.
    if max(l1_at + 8 * l1_entries, counts_at + (counts_clusters << bits)) > status.st_size:
        return None
    extensions = _extensions(head[:name_at or 1 << bits], length)
    if extensions is None or snapshots_at:
        return None
    plain = ImageFacts("qcow2", size, status.st_blocks * 512, options=told)
    if not name_at:
        return plain
    name = head[name_at:name_at + name_length] if name_length <= LONGEST else b""
    return _on_top(plain, path, name, extensions.get(BACKING_FORMAT, b""))


def _on_top(plain: ImageFacts, path: str, name: bytes, format: bytes) -> ImageFacts | None:
    """Of another file, which is called by a path and has one of our formats."""
    # A colon before the first slash: a protocol of qemu's, or JSON.
    is_path = name.isascii() and b":" not in name.split(b"/", 1)[0] and name.decode().isprintable()
    if not name or not is_path or format not in (b"qcow2", b"raw"):
        return None
    backing = str(PurePosixPath(path).parent / name.decode())
    return replace(plain, backing=backing, backing_format=format.decode())


def _extensions(head: bytes, at: int) -> Mapping[int, bytes] | None:
    """The data of each type, which is padded to a multiple of 8 bytes; None: they do not end where
    the header does."""
    found: dict[int, bytes] = {}
    while at + 8 <= len(head):
        kind, length = struct.unpack_from(">II", head, at)
        if at + 8 + length > len(head):
            return None
        if kind == END:
            return found
        found[kind] = head[at + 8:at + 8 + length]
        at += 8 + -(-length // 8) * 8
    return None
