"""What an image from elsewhere is, by readers that are not qemu, in a process of its own.

``python -P -m tiny_cloud.host.independent PATH FORMAT`` (what it is declared as; may be empty)
answers with one JSON object: ``format`` and ``size``, or ``summary`` and ``hint`` of a refusal.
A header may say anything: a reader that it holds up, or fills, is ended by the limits that
qemu-img has too, and nobody else with it.
"""

from __future__ import annotations

import io
import json
import logging
import os
import struct
import sys
from collections.abc import Mapping
from typing import Any

from oslo_utils.imageutils import format_inspector

from tiny_cloud import support
from tiny_cloud.errors import Failure
from tiny_cloud.host import ends, extents, parents, qcow1
from tiny_cloud.host.largest import refuse_size

# It logs each refusal as a warning of its own; ours are sentences already.
logging.getLogger("oslo_utils").addHandler(logging.NullHandler())

HEAD, TAIL = 8 << 20, 4096
"""Bytes at either end in which all headers lie; oslo.utils would read the whole of some files."""
QEMU_NAMES: Mapping[str, str] = {"gpt": "raw", "raw": "raw", "vhd": "vpc"}
"""The inspector's words in qemu's, where they differ; gpt is a raw disk with a partition table."""
QCOW2_FEATURES = 0b11111
"""Dirty, corrupt, data file, compression type, extended L2 (qemu's docs/interop/qcow2, bytes 72 to
79); oslo.utils does not know the last."""
CUT_OFF = "header is cut off or broken"
WHY = {
    "backing_file": "it has a backing file, and could so read any file of this host",
    "data_file": "it keeps its data in another file, which could be any file of this host",
    "unknown_features": "its version or one of its features is not known here",
    "descriptor": "its descriptor is not one of a single, self-contained file",
    "footer": "its footer contradicts its header",
    "banned": "its format is not safe to read",
    "version": "it is encrypted in a way that is not known here",
}


def look(path: str, declared: str) -> tuple[str, int]:
    """The format in qemu's words, and the virtual size (bytes; 0: not said). Raises Failure."""
    if split := extents.look(path):
        extents.require_whole(split)
        return "vmdk", split.virtual_size
    with open(path, "rb") as file:
        head = file.read(512)
    if refused := support.by_magic(head):
        raise Failure(f"{path} is {refused.refused}", refused.instead)
    if qcow1.is_one(head):
        format, size = "qcow", qcow1.checked(path, head)
    else:
        format, size = _recognized(path, head)
    if declared == "vpc" and format == "raw" and parents.is_fixed_vhd(path):
        format = "vpc"
    refuse_size(path, size)
    parents.refuse(path, format)
    ends.require_whole(path, format)
    return format, size


def _recognized(path: str, head: bytes) -> tuple[str, int]:
    try:
        found = _detected(path)
        name = str(found)
        if name in support.WORDS:
            reason, instead = support.WORDS[name]
            raise Failure(f"{path} is {reason.removeprefix('that is ')}", instead)
        # A raw disk has no header that qemu could act upon: an odd partition table harms nobody.
        if found is None or name in ("raw", "gpt"):
            return "raw", 0
        _require_safe(path, found, head)
        return QEMU_NAMES.get(name, name), found.virtual_size
    except format_inspector.ImageFormatError as error:
        raise Failure(f"{path} is refused: {str(error)[:1].lower()}{str(error)[1:]}") from error
    except struct.error as error:
        raise Failure(f"{path} is refused: its {CUT_OFF}") from error


def _detected(path: str) -> Any:
    """The inspector that knows it."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(HEAD + TAIL)
        if size > len(content):
            file.seek(-TAIL, os.SEEK_END)
            content = content[:HEAD] + file.read(TAIL)
    wrapper = format_inspector.InspectWrapper(io.BytesIO(content))
    while wrapper.read(1 << 16):
        if wrapper.format:
            return wrapper.format
    wrapper.close()
    return wrapper.format


def _require_safe(path: str, found: format_inspector.FileInspector, head: bytes) -> None:
    try:
        found.safety_check()
    except format_inspector.SafetyCheckFailed as error:
        failures = dict(error.failures)
        if str(found) == "qcow2" and _known_features(head):
            failures.pop("unknown_features", None)
        reasons = [WHY.get(name, f"{name.replace('_', ' ')}: {failure}")
                   for name, failure in failures.items()]
        if reasons:
            raise Failure(f"{path} is refused: {'; '.join(reasons)}") from error
    with open(path, "rb") as file:
        header = ends.vmdk_header(file) if str(found) == "vmdk" else None
    if header and not header.capacity:
        # qemu takes the text in it for a descriptor of other files, and opens them.
        raise Failure(f"{path} is refused: {WHY['descriptor']}")


def _known_features(head: bytes) -> bool:
    version, = struct.unpack_from(">I", head, 4)
    incompatible, = struct.unpack_from(">Q", head, 72)
    return bool(version == 3 and not incompatible & ~QCOW2_FEATURES)


def main(path: str, declared: str) -> None:
    try:
        format, size = look(path, declared)
    except Failure as failure:
        told: dict[str, Any] = {"summary": failure.summary, "hint": failure.hint}
    except OSError as error:
        told = {"summary": f"{path} cannot be read: {error.strerror}", "hint": ""}
    else:
        told = {"format": format, "size": size}
    # Its name may be no UTF-8: what json escapes comes out as it went in.
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
