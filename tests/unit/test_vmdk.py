"""The descriptors of split VMDKs: what is read out of them, and what is refused in a sentence."""

import time

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.images.vmdk import Extent, descriptor, extents, is_descriptor

HEAD = '# Disk DescriptorFile\nversion=1\nCID=2eabbcb0\nparentCID=ffffffff\ncreateType="{}"\n\n'
SPARSE = HEAD.format("twoGbMaxExtentSparse")
FLAT = HEAD.format("monolithicFlat")


def read(text: str) -> tuple[Extent, ...]:
    return extents("/srv/disk.vmdk", text.encode())


def test_extents_come_in_their_order_with_their_sectors() -> None:
    text = SPARSE + 'RW 4192256 SPARSE "a disk-s001.vmdk"\r\nRDONLY 131072 SPARSE "s002.vmdk"\r\n'
    assert read(text + "\n#DDB\nddb.adapterType = \"ide\"\n" + "\0" * 100) == (
        Extent("a disk-s001.vmdk", "SPARSE", 4192256, 0), Extent("s002.vmdk", "SPARSE", 131072, 0))
    assert read(FLAT + 'RW 8 FLAT "flat.vmdk" 16') == (Extent("flat.vmdk", "FLAT", 8, 16),)


@pytest.mark.parametrize(("text", "said"), [
    (FLAT + 'RW 16 FLAT "/etc/passwd" 0', "'/etc/passwd' is no file beside it"),
    (FLAT + 'RW 16 FLAT "../other.vmdk" 0', "no file beside it"),
    (FLAT + 'RW 16 FLAT "sub/other.vmdk" 0', "no file beside it"),
    (FLAT + 'RW 16 FLAT ".." 0', "no file beside it"),
    (FLAT + 'RW 16 FLAT "a\tb" 0', "no file beside it"),
    (FLAT + 'RW 16 SPARSE "a"', "has an extent of the type SPARSE"),
    (FLAT + 'RW 16 ZERO', "cannot be read: 'RW 16 ZERO'"),
    (FLAT + 'RW 0 FLAT "a" 0', "cannot be read"),
    (FLAT + 'NOACCESS 16 FLAT "a" 0', "cannot be read"),
    (FLAT, "names no extent"),
    (HEAD.format("vmfsRaw"), "of the type 'vmfsRaw'"),
    (FLAT.replace("ffffffff", "12345678") + 'RW 16 FLAT "a" 0', "which it does not name"),
    (SPARSE + 'parentFileNameHint="base.vmdk"\nRW 1 SPARSE "a"', "another image, base.vmdk"),
])
def test_what_is_not_one_whole_disk_is_refused(text: str, said: str) -> None:
    with pytest.raises(Failure, match=r"disk\.vmdk is refused") as raised:
        read(text)
    assert said in raised.value.summary
    assert "\n" not in raised.value.summary


@pytest.mark.parametrize("piece", ["\n", " ", " \n", "\t", "a=", '"', "RW ", "x", "=\n", "#"])
def test_a_long_text_costs_no_more_than_its_length(piece: str) -> None:
    text = "version=1\n!\n" + piece * (500_000 // len(piece)) + "!"
    begun = time.process_time()
    with pytest.raises(Failure, match="is refused"):
        read(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(("head", "is_one"), [
    (SPARSE.encode(), True),
    (b"\n# comment\r\n  \nversion=1\n", True),
    (b"version=3", True),
    (b"KDMV\1\0\0\0" + SPARSE.encode(), False),
    (b"#!/bin/sh\necho version=1\n", False),
    (bytes(512), False),
])
def test_a_descriptor_is_known_by_how_it_begins(head: bytes, is_one: bool) -> None:
    assert is_descriptor(head) is is_one


def test_what_qemu_gets_says_the_same_of_other_names() -> None:
    parts = read(SPARSE + 'RW 4192256 SPARSE "a"\nRW 8 SPARSE "b"\n')
    ours = extents("/x", descriptor(parts, ["0.vmdk", "1.vmdk"]).encode())
    assert ours == (Extent("0.vmdk", "SPARSE", 4192256, 0), Extent("1.vmdk", "SPARSE", 8, 0))
