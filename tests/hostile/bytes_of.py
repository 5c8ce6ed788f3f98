"""Where the formats keep what a liar would change. Offsets are bytes."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable

Change = Callable[[bytearray], None]


def put(at: int, *parts: bytes) -> Change:
    """Negative: from the end."""
    content = b"".join(parts)

    def change(data: bytearray) -> None:
        place = at % len(data)
        data[place:place + len(content)] = content
    return change


def all_of(*changes: Change) -> Change:
    def change(data: bytearray) -> None:
        for one in changes:
            one(data)
    return change


def be32(number: int) -> bytes:
    return struct.pack(">I", number)


def be64(number: int) -> bytes:
    return struct.pack(">Q", number)


def le32(number: int) -> bytes:
    return struct.pack("<I", number)


def le64(number: int) -> bytes:
    return struct.pack("<Q", number)


def backing(name: bytes) -> Change:
    """Of a qcow2 (docs/interop/qcow2): where the name stands, and its length."""
    return all_of(put(512, name), put(8, be64(512), be32(len(name))))


def data_file(name: bytes) -> Change:
    """The feature, and a header extension with the name."""
    extension = be32(0x44415441) + be32(len(name)) + name.ljust(-(-len(name) // 8) * 8, b"\0")
    return all_of(put(72, be64(4)), put(112, extension, bytes(8)))


def described(text: str) -> Change:
    """The descriptor inside a VMDK (20 sectors of it, as qemu makes it)."""
    return put(512, text.encode("latin-1").ljust(20 * 512, b"\0"))


def summed(at: int, size: int, field: int) -> Change:
    """A structure of a VHD gets the checksum that its content asks for."""
    def change(data: bytearray) -> None:
        place = at % len(data)
        data[place + field:place + field + 4] = bytes(4)
        total = ~sum(data[place:place + size]) & 0xFFFFFFFF
        data[place + field:place + field + 4] = be32(total)
    return change


def footer(at: int, content: bytes) -> Change:
    """A field in both copies of a VHD's footer."""
    return all_of(*(all_of(put(start + at, content), summed(start, 512, 64))
                    for start in (0, -512)))


def dynamic(at: int, content: bytes) -> Change:
    """A field in the header of a dynamic VHD."""
    return all_of(put(512 + at, content), summed(512, 1024, 36))


def item(guid: str, at: int, content: bytes) -> Change:
    """A field in an item of a VHDX's metadata."""
    def change(data: bytearray) -> None:
        region = data.index(b"metadata")
        entry = data.index(uuid.UUID(guid).bytes_le, region)
        offset, = struct.unpack_from("<I", data, entry + 16)
        put(region + offset + at, content)(data)
    return change


def entry(guid: str, at: int, content: bytes) -> Change:
    """A field in the entry of such an item."""
    def change(data: bytearray) -> None:
        place = data.index(uuid.UUID(guid).bytes_le, data.index(b"metadata"))
        put(place + at, content)(data)
    return change


def cut(lost: int) -> Change:
    def change(data: bytearray) -> None:
        del data[-lost:]
    return change


def text(content: str) -> Change:
    """Nothing but this."""
    def change(data: bytearray) -> None:
        data[:] = content.encode("latin-1")
    return change


def footed(data: bytearray) -> None:
    """A stream of a VMDK has its header once more at its end, after a marker (type 3, one sector),
    and before an empty one ("Virtual Disk Format 5.0"); the first header then points there."""
    header = bytes(data[:512])
    put(56, b"\xff" * 8)(data)
    data += (le64(1) + le32(0) + le32(3)).ljust(512, b"\0") + header + bytes(512)
