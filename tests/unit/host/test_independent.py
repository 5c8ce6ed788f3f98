"""What the reader that is not qemu says of headers; the same with real images and real qemu-img is
tests/integration/test_hostile_images.py."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.hostile.bytes_of import be32, be64, le32, le64
from tests.hostile.hostile import FLAT, SPARSE
from tiny_cloud.errors import Failure
from tiny_cloud.host.independent import look
from tiny_cloud.host.parents import METADATA, PARAMETERS

MIB = 1 << 20


def qcow2(features: int = 0, size: int = MIB) -> bytes:
    return (b"QFI\xfb" + be32(3) + bytes(12) + be32(16) + be64(size) + bytes(40)
            + be64(features)).ljust(1 << 16, b"\0")


def vmdk(capacity: int, text: str) -> bytes:
    header = b"KDMV" + struct.pack("<IIQQQQIQQ", 1, 3, capacity, 128, 1, 20, 512, 21, 26)
    return (header.ljust(512, b"\0") + text.encode()).ljust(1 << 18, b"\0")


def vdi(kind: int) -> bytearray:
    data = bytearray(1 << 16)
    data[64:68], data[76:80] = b"\x7f\x10\xda\xbe", le32(kind)
    data[368:376] = le64(MIB)
    return data


def vhdx(flags: int) -> bytearray:
    data = bytearray(4 * MIB)
    data[:8] = b"vhdxfile"
    place, item = 192 << 10, 64 << 10
    data[place:place + 40] = b"regi" + le32(0) + le32(1) + le32(0) + METADATA + le64(2 * MIB)
    data[2 * MIB:2 * MIB + 12] = b"metadata" + bytes(2) + b"\1\0"
    data[2 * MIB + 32:2 * MIB + 56] = PARAMETERS + le32(item) + le32(8)
    data[2 * MIB + item:2 * MIB + item + 8] = le32(MIB) + le32(flags)
    return data


@pytest.mark.parametrize(("content", "format", "size"), [
    (qcow2(), "qcow2", MIB),
    (qcow2(0b11000), "qcow2", MIB),
    (vdi(1), "vdi", MIB),
    (vhdx(0), "vhdx", 0),
    (vmdk(512, f'{SPARSE}RW 512 SPARSE "a"\n'), "vmdk", 1 << 18),
    (bytes(1 << 16), "raw", 0),
    (b"boot".ljust(512, b"\0") + qcow2(), "raw", 0),
])
def test_what_is_harmless_is_recognized(
    content: bytes, format: str, size: int, tmp_path: Path
) -> None:
    (tmp_path / "image").write_bytes(content)
    assert look(str(tmp_path / "image"), "") == (format, size)


@pytest.mark.parametrize(("content", "said"), [
    (qcow2(1 << 2), "keeps its data in another file"),
    (qcow2(1 << 5), "not known here"),
    (qcow2(1 << 2 | 1 << 5), "keeps its data in another file"),
    (qcow2(size=1 << 62), "claims a disk of 4194304 TiB"),
    (vdi(4), "only the difference to another image"),
    (vhdx(2), "only the difference to another image"),
    (vmdk(0, f'{SPARSE}RW 16 FLAT "beside" 0\n'), "not one of a single, self-contained file"),
    (FLAT.encode() + b"\n" * MIB, "is over 1 MiB long"),
    (b"#\xff\n" * 9 + FLAT.encode() + b"\n" * MIB, "is over 1 MiB long"),
    (FLAT.encode() + b'RW 16 FLAT "/etc/passwd" 0\n', "no file beside it"),
])
def test_what_is_hostile_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(content)
    with pytest.raises(Failure, match=said) as raised:
        look(str(tmp_path / "image"), "")
    assert "\n" not in raised.value.summary


def test_only_the_ends_of_a_large_file_are_read(tmp_path: Path) -> None:
    """A header that asks for the end of the file (a VMDK's stream) had all of it read."""
    head = bytearray(vmdk(512, f'{SPARSE}RW 512 SPARSE "a"\n'))
    head[56:64] = b"\xff" * 8
    with (tmp_path / "image").open("wb") as file:
        file.write(head)
        file.truncate(1 << 42)
    with pytest.raises(Failure, match="its footer contradicts its header"):
        look(str(tmp_path / "image"), "")
