"""qemu's own lock on an image, so that no machine starts on it in the middle of our work.

qemu's block/file-posix.c: who uses an image holds a shared lock on one byte for each permission
that it takes (from 100 on) and on one for each that it grants nobody else (from 200 on), as open
file description locks (fcntl(2)); permission 1 is to write (BLK_PERM_WRITE).
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from tiny_cloud.errors import Failure
from tiny_cloud.host import openers

FIRST, WRITES, NOBODY_WRITES, LAST = 100, 101, 201, 263
FLOCK = "hhqqi4x"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, process (which has to be 0)."""


@contextmanager
def unwritten(path: str) -> Iterator[None]:
    """As long as this holds, no qemu opens the file for writing. Raises Failure if one has."""
    with _opened(path) as descriptor:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK, NOBODY_WRITES))
        free = _is_free(descriptor, WRITES, 1)
        if free:
            yield
    if not free:
        raise _in_use(path)


def require_unused(path: str) -> None:
    """Raises Failure if any qemu has the image open, be it to read; a file that is not there, or
    that we may not read, is for others to speak of."""
    try:
        with _opened(path) as descriptor:
            free = _is_free(descriptor, FIRST, LAST - FIRST + 1)
    except OSError:
        return
    if not free:
        raise _in_use(path)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(descriptor: int, first: int, length: int) -> bool:
    found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, first, length))
    return bool(struct.unpack(FLOCK, found)[0] == fcntl.F_UNLCK)


def _in_use(path: str) -> Failure:
    return Failure(f"{path} is in use by {openers.said(path) or 'another process'}",
                   "end that first")


def _flock(kind: int, byte: int, length: int = 1) -> bytes:
    return struct.pack(FLOCK, kind, os.SEEK_SET, byte, length, 0)
