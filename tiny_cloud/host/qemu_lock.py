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

WRITES, NOBODY_WRITES = 101, 201
FLOCK = "hhqqi4x"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, process (which has to be 0)."""


@contextmanager
def unwritten(path: str) -> Iterator[None]:
    """As long as this holds, no qemu opens the file for writing. Raises Failure if one has."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK, NOBODY_WRITES))
        found = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, WRITES))
        if struct.unpack(FLOCK, found)[0] != fcntl.F_UNLCK:
            raise Failure(f"{path} is in use: somebody writes to it", "stop the machine first")
        yield
    finally:
        os.close(descriptor)


def _flock(kind: int, byte: int) -> bytes:
    return struct.pack(FLOCK, kind, os.SEEK_SET, byte, 1, 0)
