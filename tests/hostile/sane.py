"""Small images of every format, as honest tools make them, with the options that they have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.hostile.bytes_of import footed

MIB = 1 << 20
SIZE = 3 * MIB
WHOLE = "force_size=on"
"""A VHD of exactly this size; otherwise it is rounded to cylinders."""

MADE: Mapping[str, tuple[str, ...]] = {
    "qcow2": ("qcow2",),
    "qcow2-v2": ("qcow2", "-o", "compat=0.10"),
    "qcow2-512": ("qcow2", "-o", "cluster_size=512"),
    "qcow2-2M": ("qcow2", "-o", "cluster_size=2M"),
    "qcow2-zlib": ("qcow2", "-c"),
    "qcow2-zstd": ("qcow2", "-c", "-o", "compression_type=zstd"),
    "qcow2-extended": ("qcow2", "-o", "extended_l2=on,cluster_size=128k"),
    "qcow2-lazy": ("qcow2", "-o", "lazy_refcounts=on"),
    "qcow2-refcounts": ("qcow2", "-o", "refcount_bits=1"),
    "qcow2-allocated": ("qcow2", "-o", "preallocation=metadata"),
    "qcow": ("qcow",),
    "vmdk": ("vmdk",),
    "vmdk-stream": ("vmdk", "-o", "subformat=streamOptimized"),
    "vmdk-flat": ("vmdk", "-o", "subformat=monolithicFlat"),
    "vmdk-split": ("vmdk", "-o", "subformat=twoGbMaxExtentSparse"),
    "vmdk-scsi": ("vmdk", "-o", "adapter_type=lsilogic,hwversion=8"),
    "vdi": ("vdi",),
    "vdi-fixed": ("vdi", "-o", "static=on"),
    "vpc": ("vpc", "-o", WHOLE),
    "vpc-fixed": ("vpc", "-o", f"subformat=fixed,{WHOLE}"),
    "vhdx": ("vhdx",),
    "vhdx-fixed": ("vhdx", "-o", "subformat=fixed"),
    "vhdx-blocks": ("vhdx", "-o", "block_size=1M"),
}
DECLARED = {"vpc-fixed": "vpc"}
"""Formats that have to be declared; all others are found out."""

ENTRY = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0])
"""A partition of an MBR."""
MARK = b"\x55\xaa"
RAW: Mapping[str, bytes] = {
    "raw-mbr": bytes(446) + ENTRY + bytes(48) + MARK,
    "raw-gpt": bytes(446) + b"\0\0\2\0\xee\xff\xff\xff\1\0\0\0\xff\x17\0\0" + bytes(48) + MARK
               + b"EFI PART",
    "raw-fat": b"\xebX\x90mkfs.fat\0\2\1\1\0\2\0\0\0\0\xf8".ljust(510, b"\0") + MARK,
    "raw-zeros": b"",
    "raw-qcow2-in-a-partition": b"boot".ljust(512, b"\0") + b"QFI\xfb\0\0\0\3",
    "raw-vmdk-in-a-partition": b"boot".ljust(512, b"\0") + b"# Disk DescriptorFile\nversion=1\n",
    "raw-odd-table": bytes(446) + b"\x13" * 64 + MARK,
}
"""How a raw disk begins."""


def content(folder: Path) -> Path:
    """A raw disk with something at either end of it."""
    disk = folder / "content.raw"
    disk.write_bytes(b"boot" + bytes(MIB) + os.urandom(1 << 17) + bytes(MIB))
    with disk.open("r+b") as file:
        file.truncate(SIZE)
        file.seek(-512, os.SEEK_END)
        file.write(os.urandom(512))
    return disk


def make(folder: Path) -> dict[str, Path]:
    """All of them by name, below a folder."""
    disk, made = content(folder), {}
    for name, (form, *options) in MADE.items():
        made[name] = folder / f"{name}.{form}"
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, *options, disk, made[name]],
                       check=True)
    stream = bytearray(made["vmdk-stream"].read_bytes())
    footed(stream)
    made["vmdk-footed"] = folder / "vmdk-footed.vmdk"
    made["vmdk-footed"].write_bytes(stream)
    for name, head in RAW.items():
        made[name] = folder / f"{name}.raw"
        made[name].write_bytes(head.ljust(SIZE, b"\0"))
    return made
