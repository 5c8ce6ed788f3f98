"""What a machine has left in log files: its console's and its qemu's; read to the end, and on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

from tiny_cloud.errors import Failure

POLL = 0.25
"""Seconds between two looks at files that may grow."""
BLOCK = 1 << 16


def of_qemu(uri: str, domain: str) -> str:
    """Where libvirt keeps it (https://libvirt.org/kbase/debuglogs.html; of a session: XDG)."""
    if urlsplit(uri).path == "/session":
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return f"{cache}/libvirt/qemu/log/{domain}.log"
    return f"/var/log/libvirt/qemu/{domain}.log"


@contextmanager
def opened(paths: Iterable[str]) -> Iterator[tuple[list[FileIO], list[Failure]]]:
    """Those that can be read, and why the others cannot."""
    streams: list[FileIO] = []
    faults = []
    try:
        for path in paths:
            try:
                streams.append(FileIO(path))
            except FileNotFoundError:
                hint = "the machine makes it when it starts"
                faults.append(Failure(f"there is no {path} yet", hint))
            except OSError as error:
                hint = "run as root" if isinstance(error, PermissionError) else "see what it is"
                faults.append(Failure(f"{path} cannot be read: {error.strerror}", hint))
        yield streams, faults
    finally:
        for stream in streams:
            stream.close()


def last_lines(stream: FileIO, count: int | None) -> bytes:
    """Of a file, which is then at its end; None: all of it."""
    start, tail = stream.seek(0, os.SEEK_END), b""
    while start and (count is None or tail.removesuffix(b"\n").count(b"\n") < count):
        step = min(BLOCK, start)
        start -= step
        tail = os.pread(stream.fileno(), step, start) + tail
    lines = tail.splitlines(keepends=True)
    return b"".join(lines if count is None else lines[max(len(lines) - count, 0):])


def followed(streams: list[FileIO]) -> Iterator[tuple[str, bytes]]:
    """What is added to files from now on, with the file's path; b"": nothing was since the last
    time. One that is rotated is read to its end, and the new one takes its place. Never ends."""
    while True:
        grew = False
        for number, stream in enumerate(streams):
            # Asked before: by then whoever writes has done with the old one.
            fresh = _successor(stream)
            while added := stream.read(BLOCK):
                grew = True
                yield str(stream.name), added
            if fresh is not None:
                stream.close()
                streams[number] = fresh
        if not grew:
            yield "", b""
            time.sleep(POLL)


def _successor(stream: FileIO) -> FileIO | None:
    """Another file that has the name now; None: it is the same still. One that was emptied is read
    from its beginning."""
    here = os.fstat(stream.fileno())
    if here.st_size < stream.tell():
        stream.seek(0)
    try:
        there = os.stat(stream.name)
        return None if os.path.samestat(there, here) else FileIO(str(stream.name))
    except OSError:
        return None  # between two files, while somebody rotates them
