"""Look at an image from elsewhere before any tool of qemu's acts on it (safety.md).

Two readers must agree: oslo.utils' format inspector, which is not qemu and has no code that follows
a path, and then qemu-img under limits. OSSA-2024-001 and -002 came of trusting one alone.
"""

from __future__ import annotations

import logging
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oslo_utils.imageutils import format_inspector

from tiny_cloud import support
from tiny_cloud.errors import Failure
from tiny_cloud.host import qcow1, qemu_img

# It logs each refusal as a warning of its own; ours are sentences already.
logging.getLogger("oslo_utils").addHandler(logging.NullHandler())

LARGEST = 16 << 40
"""Bytes of virtual size that are believed (ext4's largest file): 65 KB can claim 128 PiB."""

QEMU_NAMES: Mapping[str, str] = {"gpt": "raw", "raw": "raw", "vhd": "vpc"}
"""The inspector's words in qemu's, where they differ; gpt is a raw disk with a partition table."""

WHY = {
    "backing_file": "it has a backing file, and could so read any file of this host",
    "data_file": "it keeps its data in another file, which could be any file of this host",
    "unknown_features": "its version or one of its features is not known here",
    "descriptor": "its descriptor is not one of a single, self-contained file",
    "footer": "its footer contradicts its header",
    "banned": "its format is not safe to read",
    "version": "it is encrypted in a way that is not known here",
}
VHD_FIXED, VHD_DIFFERENCING = 2, 4


@dataclass(frozen=True, slots=True)
class Inspected:
    """A harmless, standalone image."""

    format: str
    """qemu's name for it."""
    virtual_size: int
    """Bytes."""


def inspect(path: str, declared_format: str = "") -> Inspected:
    """Raises Failure for whatever is not a harmless image, or not of the declared format."""
    _require_file(path)
    format = _independent(path)
    if declared_format == "vpc" and format == "raw" and _vhd_type(path, tail=True) == VHD_FIXED:
        # A fixed VHD is a raw disk with a footer: both readers see a raw disk until told.
        format = "vpc"
        facts = qemu_img.describe(path, "vpc", foreign=True)
    else:
        if declared_format and format != declared_format:
            raise Failure(f"{path} is declared as {declared_format} and is in fact {format}",
                          hint=f"write format: {format}, if that is what you expect")
        facts = _told_by_qemu(path)
    if facts["format"] != format:
        raise Failure(f"{path} looks like {format} to one reader and like {facts['format']} to "
                      "another, so it is not read as either",
                      hint="convert it where it comes from, to qcow2 in one file")
    _refuse_dependent(path, facts)
    _refuse_size(path, facts["virtual-size"])
    return Inspected(format, facts["virtual-size"])


def inspect_split(path: str, virtual_size: int, ours: str) -> Inspected:
    """Of a VMDK in several files that ``ours`` describes again; ``path`` is what people call it.
    Raises Failure unless qemu sees the same disk, in no other files."""
    facts = qemu_img.describe(ours, "vmdk", foreign=True)
    files = {part["filename"] for part in facts["format-specific"]["data"]["extents"]}
    if facts["virtual-size"] != virtual_size or {os.path.dirname(it) for it in files} != {
            os.path.dirname(ours)}:
        raise Failure(f"{path} is refused: qemu makes another disk of its extents")
    _refuse_size(path, virtual_size)
    return Inspected("vmdk", virtual_size)


def _require_file(path: str) -> None:
    try:
        found = os.stat(path)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise Failure(f"{path} is not a regular file")
    if found.st_size == 0:
        raise Failure(f"{path} is empty")


def _independent(path: str) -> str:
    """The format in qemu's words, by the reader that is not qemu."""
    with open(path, "rb") as file:
        head = file.read(512)
    if refused := support.by_magic(head):
        raise Failure(f"{path} is {refused.refused}", refused.instead)
    if qcow1.is_one(head):
        _refuse_size(path, qcow1.checked(path, head))
        return "qcow"
    try:
        found = format_inspector.detect_file_format(path)
    except format_inspector.ImageFormatError as error:
        raise Failure(f"{path} is refused: {str(error)[:1].lower()}{str(error)[1:]}") from error
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from error
    name = str(found)
    if name in support.WORDS:
        refused = next(item for item in support.FORMATS if item.name == name)
        raise Failure(f"{path} is {refused.refused}", refused.instead)
    # A raw disk has no header that qemu could act upon, so an odd partition table harms nobody.
    if found is not None and name not in ("raw", "gpt"):
        _check(path, found)
    if name == "vhd" and _vhd_type(path, tail=False) == VHD_DIFFERENCING:
        raise Failure(f"{path} is refused: it holds only the difference to another image")
    return QEMU_NAMES.get(name, name)


def _check(path: str, found: format_inspector.FileInspector) -> None:
    try:
        found.safety_check()
    except format_inspector.SafetyCheckFailed as error:
        reasons = [WHY.get(name, f"{name.replace('_', ' ')}: {failure}")
                   for name, failure in error.failures.items()]
        raise Failure(f"{path} is refused: {'; '.join(reasons)}") from error
    except (format_inspector.ImageFormatError, struct.error) as error:
        raise Failure(f"{path} is refused: its {found} header is cut off or broken") from error
    _refuse_size(path, found.virtual_size)


def _told_by_qemu(path: str) -> dict[str, Any]:
    try:
        return qemu_img.describe(path, "", foreign=True)
    except Failure as failure:
        summary = f"{path} is refused: {failure.summary}"
        raise Failure(summary, failure.hint, failure.detail) from failure


def _refuse_dependent(path: str, facts: Mapping[str, Any]) -> None:
    """What the independent reader does not look for: marks, parents and the extents of VMDK."""
    data = facts.get("format-specific", {}).get("data", {})
    extents = {extent.get("filename", path) for extent in data.get("extents", ())}
    reasons = {
        "it has a backing file": facts.get("backing-filename"),
        "it keeps its data in another file": data.get("data-file") or extents - {path},
        "it is encrypted": facts.get("encrypted"),
        "it was not closed properly and is marked dirty": facts.get("dirty-flag"),
        "it is marked corrupt": data.get("corrupt"),
    }
    found = [reason for reason, holds in reasons.items() if holds]
    if found:
        raise Failure(f"{path} is refused: {'; '.join(found)}")


def _refuse_size(path: str, size: int) -> None:
    if size > LARGEST:
        raise Failure(f"{path} claims a disk of {size >> 40} TiB, and no more than "
                      f"{LARGEST >> 40} TiB are believed")


def _vhd_type(path: str, *, tail: bool) -> int:
    """The disk type of a VHD footer (or its copy at the start), 0 if there is none there.

    Virtual Hard Disk Image Format Specification, "Hard Disk Footer Format": type at byte 60.
    """
    with open(path, "rb") as file:
        if tail:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 512))
        footer = file.read(512)
    if len(footer) < 64 or not footer.startswith(b"conectix"):
        return 0
    return int(struct.unpack(">I", footer[60:64])[0])
