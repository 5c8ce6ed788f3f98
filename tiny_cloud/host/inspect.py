"""Look at an image from elsewhere before any tool of qemu's acts on it (safety.md).

Two readers must agree: first one that is not qemu and has no code that follows a path
(``independent``), then qemu-img, each under limits. OSSA-2024-001 and -002 came of trusting one
alone.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.host import qemu_img
from tiny_cloud.host.command import run
from tiny_cloud.host.largest import refuse_size


class Inspected(Struct, frozen=True):
    """A harmless, standalone image."""

    format: str
    """qemu's name for it."""
    virtual_size: int
    """Bytes."""


def inspect(path: str, declared_format: str = "") -> Inspected:
    """Raises Failure for whatever is not a harmless image, or not of the declared format."""
    _require_file(path)
    format = _independent(path, declared_format)
    if declared_format and format != declared_format:
        raise Failure(f"{path} is declared as {declared_format} and is in fact {format}",
                      hint=f"write format: {format}, if that is what you expect")
    facts = _told_by_qemu(path, "")
    if (format, facts["format"]) == ("vpc", "raw"):
        # A fixed VHD is a raw disk with a footer: qemu sees a raw disk until told.
        facts = _told_by_qemu(path, "vpc")
    if facts["format"] != format:
        raise Failure(f"{path} looks like {format} to one reader and like {facts['format']} to "
                      "another, so it is not read as either",
                      hint="convert it where it comes from, to qcow2 in one file")
    _refuse_dependent(path, facts)
    refuse_size(path, facts["virtual-size"])
    return Inspected(format, facts["virtual-size"])


def inspect_split(path: str, virtual_size: int, ours: str) -> Inspected:
    """Of a VMDK in several files that ``ours`` describes again; ``path`` is what people call it.
    Raises Failure unless qemu sees the same disk, in no other files."""
    _independent(path, "vmdk")
    facts = qemu_img.describe(ours, "vmdk", foreign=True)
    files = {part["filename"] for part in facts["format-specific"]["data"]["extents"]}
    if facts["virtual-size"] != virtual_size or {os.path.dirname(it) for it in files} != {
            os.path.dirname(ours)}:
        raise Failure(f"{path} is refused: qemu makes another disk of its extents")
    refuse_size(path, virtual_size)
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


def _independent(path: str, declared: str) -> str:
    """The format in qemu's words, by the reader that is not qemu."""
    # -P: nothing is imported from the folder that we were started in.
    argv = (sys.executable, "-P", "-m", "tiny_cloud.host.independent", path, declared)
    ours = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        told = json.loads(run(argv, environ=ours, foreign=True))
    except Failure as failure:
        # Its last line alone: what a reader trips over is no business of the user's.
        raise Failure(f"{path} is refused: what it says of itself makes no sense",
                      "get it again, or convert it where it comes from, to qcow2",
                      failure.summary) from None
    if "summary" in told:
        raise Failure(told["summary"], told["hint"])
    return str(told["format"])


def _told_by_qemu(path: str, format: str) -> dict[str, Any]:
    """An empty format: what qemu guesses, which is compared and never used."""
    try:
        return qemu_img.describe(path, format, foreign=True)
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
