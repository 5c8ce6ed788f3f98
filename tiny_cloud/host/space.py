"""Room on a file system, asked for before anything is written."""

from __future__ import annotations

import os

from tiny_cloud.errors import Failure

LAST = 256 << 10
"""Bytes: a qcow2 that grows by a cluster takes no more at once."""


def is_full(folder: str) -> bool:
    """Whether what grows in there is about to fail, if it has not; what has no room of its own, as
    /dev, is never full."""
    system = os.statvfs(folder)
    return not folder.startswith("/dev") and system.f_bfree * system.f_frsize < LAST


def require_space(path: str, needed: int, what: str) -> None:
    """Raises Failure, naming both figures, if there are not ``needed`` bytes free at ``path``."""
    folder = os.path.dirname(path)
    system = os.statvfs(folder)
    free = system.f_bavail * system.f_frsize
    if free < needed:
        raise Failure(f"{what} needs {needed} bytes and {folder} has {free} bytes free",
                      hint="make room, or move the cloud's storage to a larger file system")
