"""Which processes have a file open, by what the kernel says of each (proc(5): fd, fdinfo)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

LOCKED = re.compile(r'Failed to get .* lock.*?using the image \[(?P<path>[^\]]+)\]', re.DOTALL)
"""qemu's words for an image that somebody else has open (block/file-posix.c)."""
_DOMAIN = re.compile(r"\0-name\0guest=([^,\0]+)")
_FLAGS = re.compile(r"^flags:\s+0([0-7]+)$", re.MULTILINE)


class Opener(Struct, frozen=True):
    pid: int
    name: str
    """What the process is called or, of a machine of libvirt, ``the domain NAME``."""
    writes: bool
    locks: bool
    """It has a lock on it, of flock(2) or of an open file description (fcntl(2))."""

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def openers(path: str | Path) -> tuple[Opener, ...]:
    """The processes that have this very file or device open, as far as we may know them."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    wanted = _identity(status)
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return tuple(found for pid in pids if (found := _opener(pid, wanted)))


def said(path: str | Path) -> str:
    """In words, who has it open to write or has locked it; empty: nobody that we may see."""
    return ", ".join(str(one) for one in openers(path) if one.writes or one.locks)


def told_by(message: str) -> str:
    """A hint that names the holder, where qemu says that an image is locked."""
    locked = LOCKED.search(message)
    path = locked["path"] if locked else ""
    return f"{path} is in use by {said(path) or 'another process'}" if path else ""


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino) if not status.st_rdev else (status.st_rdev,)


def _opener(pid: int, wanted: tuple[int, ...]) -> Opener | None:
    # Processes end while we look, and those of others may not be looked at.
    infos = list(_infos(pid, wanted))
    if not infos:
        return None
    writes = any(int(match[1], 8) & os.O_ACCMODE for info in infos
                 if (match := _FLAGS.search(info)))
    return Opener(pid, _name(pid), writes, any("\nlock:" in info for info in infos))


def _infos(pid: int, wanted: tuple[int, ...]) -> Iterator[str]:
    """What the kernel says of each of its descriptors of that file."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for name in names:
        try:
            if _identity(os.stat(f"/proc/{pid}/fd/{name}")) == wanted:
                yield Path(f"/proc/{pid}/fdinfo/{name}").read_text()
        except OSError:
            continue


def _name(pid: int) -> str:
    try:
        domain = _DOMAIN.search(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"))
        if domain:
            return f"the domain {domain[1]}"
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return "a process"
