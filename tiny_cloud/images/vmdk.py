"""The descriptor of a VMDK whose data lies in other files, its extents. Pure.

"Virtual Disk Format 5.0" (VMware): a text with ``createType``, ``parentCID`` and, for each extent,
``ACCESS SECTORS TYPE "NAME" [OFFSET]``. What is understood here is all that is ever read: qemu gets
a descriptor that we write ourselves, so it cannot understand anything else in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from tiny_cloud.errors import Failure

SECTOR = 512
MOST = 1 << 20
"""Bytes of a descriptor that are read; qemu reads no more either."""
KINDS = {"monolithicflat": "FLAT", "twogbmaxextentflat": "FLAT", "twogbmaxextentsparse": "SPARSE"}
"""Of which type the extents are, by the createType in lower case."""
NO_PARENT = "ffffffff"

_BEGINS = re.compile(rb"(?:[ \t]*\r?\n|#[^\n]*\n)*version=", re.IGNORECASE)
# Matched line by line, so that a long text costs no more than its length.
_EXTENT = re.compile(r"(?:RW|RDONLY|NOACCESS)\s.*")
_PARTS = re.compile(
    r'\s*(RW|RDONLY)\s+([1-9][0-9]{0,15})\s+(\w+)\s+"([^"]+)"(?:\s+([0-9]{1,16}))?\s*')


class Extent(Struct, frozen=True):
    name: str
    """Of a file in the descriptor's own folder."""
    kind: str
    """``FLAT`` (raw) or ``SPARSE`` (a VMDK of its own, without a descriptor)."""
    sectors: int
    """Of 512 bytes, as all numbers in a descriptor."""
    offset: int
    """In a flat file, the sector where its data begins."""


def is_descriptor(head: bytes) -> bool:
    """By a file's first bytes, as qemu recognises one (vmdk_probe in block/vmdk.c)."""
    return _BEGINS.match(head) is not None


def extents(path: str, text: bytes) -> tuple[Extent, ...]:
    """Raises Failure for whatever is not one whole disk in files beside the descriptor."""
    told = text.rstrip(b"\0").decode(errors="surrogateescape")
    lines = [line.strip() for line in told.split("\n")]
    fields = {key.strip().lower(): value.strip().strip('"')
              for key, equals, value in (line.partition("=") for line in lines) if equals}
    parent = fields.get("parentfilenamehint", "")
    if parent or fields.get("parentcid", NO_PARENT).lower() != NO_PARENT:
        raise Failure(f"{path} is refused: it holds only the difference to another image, "
                      f"{parent or 'which it does not name'}",
                      "convert it where it comes from, together with that image")
    created = fields.get("createtype", "")
    if created.lower() not in KINDS:
        raise Failure(f"{path} is refused: it is a VMDK of the type {created or 'unknown'!a}",
                      "convert it where it comes from, to monolithicSparse")
    found = tuple(_extent(path, line) for line in lines if _EXTENT.fullmatch(line))
    if not found:
        raise Failure(f"{path} is refused: its descriptor names no extent")
    for extent in found:
        if extent.kind != KINDS[created.lower()]:
            raise Failure(f"{path} is refused: it is {created} and has an extent of the type "
                          f"{extent.kind}")
    return found


def _extent(path: str, line: str) -> Extent:
    match = _PARTS.fullmatch(line)
    if match is None:
        raise Failure(f"{path} is refused: its descriptor has an extent that cannot be read: "
                      f"{line!a}")
    _, sectors, kind, name, offset = match.groups()
    if "/" in name or "\\" in name or name in (".", "..") or not name.isprintable():
        raise Failure(f"{path} is refused: its extent {name!a} is no file beside it",
                      "put all extents into the descriptor's folder, and only names into it")
    return Extent(name, kind, int(sectors), int(offset or 0))


def descriptor(parts: Sequence[Extent], names: Sequence[str]) -> str:
    """One that says the same of files with other names."""
    created = "monolithicFlat" if parts[0].kind == "FLAT" else "twoGbMaxExtentSparse"
    lines = [f'RW {part.sectors} {part.kind} "{name}"'
             + (f" {part.offset}" if part.kind == "FLAT" else "")
             for part, name in zip(parts, names, strict=True)]
    head = ["# Disk DescriptorFile", "version=1", "CID=fffffffe", f"parentCID={NO_PARENT}",
            f'createType="{created}"']
    return "\n".join([*head, *lines, ""])
