"""What is wrong with each hostile image: of which sane one it is made, and by which change.

``{path}``, ``{name}`` and ``{port}`` of a canary are in those that want to open something.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from tests.hostile.bytes_of import (
    Change,
    all_of,
    backing,
    be32,
    be64,
    cut,
    data_file,
    described,
    dynamic,
    entry,
    footed,
    footer,
    item,
    le32,
    le64,
    put,
    text,
)
from tests.hostile.canary import Canary


@dataclass(frozen=True, slots=True)
class Hostile:
    of: str
    """A name in ``sane.MADE`` or ``sane.RAW``."""
    change: Change
    said: str = "is refused"
    """What the sentence has to have in it."""
    declared: str = ""


BOCHS = (b"Bochs Virtual HD Image".ljust(32, b"\0") + b"Redolog".ljust(16, b"\0")
         + b"Growing".ljust(16, b"\0") + le32(0x20000) + le32(512) + bytes(8) + le32(4096))
"""A format that qemu guesses and nobody else knows (block/bochs.c of QEMU)."""
TRIPS = "makes no sense"
"""What is said where the reader itself gave up."""
HUGE = be64((1 << 63) - 512)
PARAMETERS = "CAA16737-FA36-4D43-B3B6-33F0AA44E76B"
DISK_SIZE = "2FA54224-CD1B-4876-B211-5DBED83BF4B8"
HEAD = '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID={parent}\ncreateType="{kind}"\n'
FLAT = HEAD.format(parent="ffffffff", kind="monolithicFlat")
SPARSE = HEAD.format(parent="ffffffff", kind="monolithicSparse")


def qcow2(canary: Canary) -> Mapping[str, Hostile]:
    path, port = str(canary.file).encode(), canary.port
    changes: dict[str, tuple[Change, str]] = {
        "backing file": (backing(path), "backing file"),
        "backing file beside it": (backing(b"canary"), "backing file"),
        "backing file in JSON": (backing(b'json:{"driver":"file","filename":"%s"}' % path), "back"),
        "backing file on the network": (backing(b"nbd:127.0.0.1:%d" % port), "backing file"),
        "backing file without a name": (put(8, be64(512)), "backing file"),
        "backing name without an end": (put(8, be64(512), be32(0xFFFFFFFF)), "backing file"),
        "data file": (data_file(path), "data in another file"),
        "data file in JSON": (data_file(b'json:{"driver":"nbd","host":"127.0.0.1"}'), "another"),
        "data file without a name": (put(72, be64(4)), "data in another file"),
        "feature 5": (put(72, be64(1 << 5)), "not known here"),
        "feature 63": (put(72, be64(1 << 63)), "not known here"),
        "dirty": (put(72, be64(1)), "marked dirty"),
        "corrupt": (put(72, be64(2)), "marked corrupt"),
        "version 0": (put(4, be32(0)), "not known here"),
        "version 4": (put(4, be32(4)), "not known here"),
        "clusters of 1 byte": (put(20, be32(0)), "is refused"),
        "clusters of 2^63 bytes": (put(20, be32(63)), "is refused"),
        "clusters of 2^32 bytes": (put(20, be32(32)), "is refused"),
        "32 PiB": (put(24, be64(1 << 55)), "claims a disk of 32768 TiB"),
        "8 EiB": (put(24, HUGE), "claims a disk"),
        "AES": (put(32, be32(1)), "is encrypted"),
        "LUKS without a header": (put(32, be32(2)), "is refused"),
        "a cipher that is none": (put(32, be32(77)), "is refused"),
        "huge L1": (put(36, be32(0x7FFFFFFF)), "is refused"),
        "no L1": (put(36, be32(0)), "is refused"),
        "L1 beyond the file": (put(40, be64(1 << 40)), "cut off"),
        "L1 at an odd place": (put(40, be64(3)), "is refused"),
        "L1 over the header": (put(40, be64(0)), "damaged"),
        "refcounts beyond the file": (put(48, be64(1 << 40)), "cut off"),
        "refcounts without end": (put(56, be32(0xFFFFFFFF)), "is refused"),
        "refcounts of 2^255 bits": (put(96, be32(255)), "is refused"),
        "snapshots without end": (put(60, be32(0xFFFFFFFF)), "is refused"),
        "65536 snapshots beyond the file": (put(60, be32(65536), be64(1 << 40)), "is refused"),
        "header without end": (put(100, be32(0x7FFFFFFF)), "is refused"),
        "a compression that is none": (put(72, be64(8)), "is refused"),
        "cut off": (cut(1 << 16), "cut off"),
        "cut off in its header": (lambda data: data.__delitem__(slice(60, None)), "too short"),
        "and a partition table": (put(510, b"\x55\xaa"), "multiple formats"),
        "and a VDI": (put(0x40, b"\x7f\x10\xda\xbe"), "multiple formats"),
        "and a CD": (put(32769, b"CD001"), "multiple formats"),
    }
    made = {name: Hostile("qcow2", *change) for name, change in changes.items()}
    return {
        **made,
        "in version 2, a backing file": Hostile("qcow2-v2", backing(path), "backing file"),
        "declared as raw": Hostile("qcow2", put(0), "declared as raw and is in fact", "raw"),
        "65536 snapshots": Hostile("qcow2", _snapshots, "is refused"),
    }


def _snapshots(data: bytearray) -> None:
    """As many as qemu reads, with names that all would be told (docs/interop/qcow2, 40 bytes and an
    ID, a name)."""
    name = b"\x01" * 1000
    one = struct.pack(">QIHHIIQII", 0x30000, 1, 1, len(name), 0, 0, 0, 0, 0) + b"1" + name
    start = len(data)
    data += one.ljust(-(-len(one) // 8) * 8, b"\0") * 65536
    put(60, be32(65536), be64(start))(data)


def qcow(canary: Canary) -> Mapping[str, Hostile]:
    """Version 1: backing name at 8, size at 24, bits at 32 and 33, cipher at 36, L1 at 40."""
    path = str(canary.file).encode()
    return {name: Hostile("qcow", *change) for name, change in {
        "backing file": (all_of(put(64, path), put(8, be64(64), be32(len(path)))), "backing file"),
        "8 EiB": (put(24, HUGE), "claims a disk"),
        "no size": (put(24, be64(0)), "header is cut off or broken"),
        "clusters of 2^63 bytes": (put(32, b"\x3f"), "header is cut off or broken"),
        "tables of 2^63 entries": (put(33, b"\x3f"), "header is cut off or broken"),
        "AES": (put(36, be32(1)), "is encrypted"),
        "L1 beyond the file": (put(40, be64(1 << 40)), "cut off"),
        "L1 over the header": (put(40, be64(0)), "header is cut off or broken"),
        "cut off": (cut(1 << 12), "cut off"),
        "in 30 bytes": (lambda data: data.__delitem__(slice(30, None)), "cut off"),
    }.items()}


def vmdk(canary: Canary) -> Mapping[str, Hostile]:
    path, port = str(canary.file), canary.port
    flat = f'{FLAT}RW 16 FLAT "{path}" 0\n'
    sly = SPARSE.replace("createType", "createtype") + 'createType="monolithicFlat"\n'
    none = put(12, le64(0))
    inside: dict[str, Change] = {
        "an extent with a path": described(f'{SPARSE}RW 6144 SPARSE "{path}"\n'),
        "a descriptor of others": all_of(none, described(flat)),
        "a descriptor of one beside it": all_of(none, described(f'{sly}RW 16 FLAT "canary" 0\n')),
        "a descriptor of JSON": all_of(none, described(
            f"""{sly}RW 16 FLAT "json:{{'driver':'file','filename':'\\u002fcanary'}}" 0\n""")),
        "a descriptor of the network": all_of(none, described(
            f'{sly}RW 16 FLAT "nbd:127.0.0.1:{port}" 0\n')),
        "no capacity": none,
        "no descriptor": described(""),
        "a parent": described(HEAD.format(parent="12345678", kind="monolithicSparse")
                              + f'parentFileNameHint="{path}"\nRW 6144 SPARSE "a"\n'),
        "ESX's kind": described(SPARSE.replace("monolithicSparse", "vmfsSparse")
                                + 'RW 6144 VMFSSPARSE "canary"\n'),
        "grains of no size": put(20, le64(0)),
        "a descriptor elsewhere": put(28, le64(1 << 40)),
        "tables of no entries": put(44, le32(0)),
        "a footer that is not there": put(56, le64((1 << 64) - 1)),
        "version 9": put(4, le32(9)),
    }
    alone: dict[str, tuple[str, str]] = {
        "others' extents": (flat, "no file beside it"),
        "JSON": (FLAT + 'RW 16 FLAT "json:{}" 0\n', "lacks 1 of its 1 extents"),
        "the network": (f'{FLAT}RW 16 FLAT "nbd:127.0.0.1:{port}" 0\n', "lacks 1 of its"),
        "zeros": (f"{FLAT}RW 16 ZERO\n", "cannot be read"),
        "ESX's": (HEAD.format(parent="ffffffff", kind="vmfs") + f'RW 16 VMFS "{path}"\n', "type"),
        "a parent": (HEAD.format(parent="12345678", kind="monolithicFlat")
                     + f'parentFileNameHint="{path}"\n', "difference to another image"),
        "no extents": (FLAT, "names no extent"),
        "over 1 MiB": (f"#\xff\n{flat[22:]}{'#' * (1 << 20)}\n", "over 1 MiB long"),
        "after blank lines": ("\n  \r\n# \xff\n" + flat[22:], "no file beside it"),
        "nothing but lines": ("version=1\n!\n" + "\n" * 1_000_000, "of the type"),
    }
    return {
        **{name: Hostile("vmdk", change) for name, change in inside.items()},
        **{f"text of {name}": Hostile("raw-zeros", text(content), said)
           for name, (content, said) in alone.items()},
        "text, declared as raw": Hostile("raw-zeros", text(flat), "no file beside", "raw"),
        "128 PiB": Hostile("vmdk", put(12, le64(1 << 48)), "claims a disk of 131072 TiB"),
        "cut off": Hostile("vmdk", cut(512), "cut off"),
        "grains of 2^63 sectors": Hostile("vmdk", put(20, le64(1 << 63)), "cut off"),
        "tables of 2^31 entries": Hostile("vmdk", put(44, le32(1 << 31)), "cut off"),
        "a directory beyond the file": Hostile(
            "vmdk", put(48, le64(1 << 40), le64(1 << 60)), "cut off"),
        "a stream without its end": Hostile("vmdk-stream", all_of(footed, cut(512))),
        "a stream with another descriptor": Hostile(
            "vmdk-stream", all_of(footed, put(-1024 + 28, le64(9))), "contradicts its header"),
        "a stream with another footer": Hostile(
            "vmdk-stream", all_of(footed, put(-1024 + 56, b"\xff" * 8)), "contradicts"),
    }


def others(canary: Canary) -> Mapping[str, Hostile]:
    parent = bytes(range(16))
    changes: dict[str, tuple[str, Change, str]] = {
        "vdi: a parent": ("vdi", put(0x1B8, parent), "is refused"),
        "vdi: a link": ("vdi", put(0x1A8, parent), "is refused"),
        "vdi: a difference": ("vdi", put(76, le32(4)), "difference to another image"),
        "vdi: 8 EiB": ("vdi", put(0x170, le64(1 << 62)), "claims a disk"),
        "vdi: blocks without end": ("vdi", put(0x180, le32(0xFFFFFFFF)), "cut off"),
        "vdi: blocks of no size": ("vdi", put(0x178, le32(0)), "is refused"),
        "vdi: a map beyond the file": ("vdi", put(0x154, le32(0xFFFFFE00)), "cut off"),
        "vdi: data beyond the file": ("vdi", put(0x158, le32(0xFFFFFE00)), "cut off"),
        "vdi: cut off": ("vdi", cut(512), "cut off"),
        "vpc: a difference": ("vpc", footer(60, be32(4)), "difference to another image"),
        "vpc: 8 EiB": ("vpc", footer(40, HUGE), "claims a disk"),
        "vpc: a wrong sum": ("vpc", put(64, be32(1)), "is refused"),
        "vpc: a header beyond the file": ("vpc", footer(16, be64(1 << 40)), "is refused"),
        "vpc: a table beyond the file": ("vpc", dynamic(16, be64(1 << 62)), "is refused"),
        "vpc: blocks without end": ("vpc", dynamic(28, be32(0xFFFFFFFF)), "is refused"),
        "vpc: blocks of no size": ("vpc", dynamic(32, be32(0)), "is refused"),
        "vpc: cut off": ("vpc", cut(512), "cut off"),
        "vhdx: a parent": ("vhdx", item(PARAMETERS, 4, le32(2)), "difference to another image"),
        "vhdx: 8 EiB": ("vhdx", item(DISK_SIZE, 0, le64(1 << 62)), "claims a disk"),
        "vhdx: a size of 16 bytes": ("vhdx", entry(DISK_SIZE, 20, le32(16)), "cut off or broken"),
        "vhdx: blocks of no size": ("vhdx", item(PARAMETERS, 0, le32(0)), "is refused"),
        "vhdx: no regions": ("vhdx", put(192 << 10, bytes(64 << 10)), "is refused"),
        "vhdx: cut off": ("vhdx", cut(6 << 20), "is refused"),
        "a CD": ("raw-zeros", put(32768, b"\1CD001\1"), "a CD image"),
        "a CD with a partition table": ("raw-mbr", put(32768, b"\1CD001\1"), "multiple formats"),
        "LUKS": ("raw-zeros", put(0, b"LUKS\xba\xbe\0\1"), "is encrypted"),
        "qed": ("raw-zeros", put(0, b"QED\0"), "a qed image"),
        "parallels": ("raw-zeros", put(0, b"WithoutFreeSpace"), "a Parallels image"),
        "cow": ("raw-zeros", put(0, b"OOOM\0\0\0\2"), "no qemu of today reads"),
        "ESX's sparse extent": ("raw-zeros", put(0, b"COWD" + le32(1)), "is refused"),
        "bochs": ("raw-zeros", put(0, BOCHS), "to one reader and like bochs"),
        "text": ("raw-zeros", put(0, b"a" * 600 + b"\xff" * 600), TRIPS),
    }
    return {name: Hostile(*change) for name, change in changes.items()}


def every(canary: Canary) -> dict[str, Hostile]:
    """All of them, by name."""
    kinds = {"qcow2": qcow2, "qcow": qcow, "vmdk": vmdk}
    named = {f"{kind}: {name}": one for kind, make in kinds.items()
             for name, one in make(canary).items()}
    return {**named, **others(canary)}
