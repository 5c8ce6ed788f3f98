"""What was done, as JSON lines in STORAGE/journal.jsonl: history for people, never an input.

Whoever may write it holds the cloud: the host's lock is a flock(2) on this very file, so no other
file is left behind, and the last "begin" in it names the holder. Children inherit the descriptor: a
killed apply's lock is free only when the last child that may still write is gone.
"""

import datetime
import errno
import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from tiny_cloud.errors import Failure
from tiny_cloud.events import Event
from tiny_cloud.host.openers import openers

PATIENCE = 3.0
"""Seconds to wait for another run, where nobody says how long: people would rather know by whom
they are kept waiting than wait."""


class Journal(Struct, frozen=True):
    stream: IO[bytes]
    """Not buffered."""

    @property
    def descriptor(self) -> int:
        return self.stream.fileno()

    def write(self, **entry: Any) -> None:
        """Raises OSError."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, **entry}).encode() + b"\n"
        if self.stream.write(self._newline() + line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _newline(self) -> bytes:
        """After a line that a kill or a full disk has cut short."""
        size = os.fstat(self.descriptor).st_size
        whole = not size or os.pread(self.descriptor, 1, size - 1) == b"\n"
        return b"" if whole else b"\n"

    def event(self, event: Event) -> None:
        """Progress is for the screen alone. On a full disk the work counts for more than its
        history, and goes on untold."""
        if event.what != "progress":
            filled = {key: value for key, value in asdict(event).items() if value}
            with suppress(OSError):
                self.write(**filled | {"address": str(event.address)})


@contextmanager
def locked(storage: Path, command: str, patience: float = PATIENCE) -> Iterator[Journal]:
    """The journal, held exclusively; ``patience``: seconds to wait for whoever has it. Raises
    Failure: by whom it is taken, or why not written."""
    path = storage / "journal.jsonl"
    with _taken(path, patience) as stream:
        journal = Journal(stream)
        try:
            journal.write(what="begin", command=command, pid=os.getpid(), user=_user())
        except OSError as error:
            raise Failure(f"{path} cannot be written: {error.strerror}", "make room") from error
        try:
            yield journal
        finally:
            with suppress(OSError):
                journal.write(what="end", pid=os.getpid())


def is_writable(storage: Path) -> bool:
    """Whether an apply could write there; nothing is made to find out."""
    here = next(place for place in (storage / "journal.jsonl", storage, *storage.parents)
                if os.path.exists(place))
    return os.access(here, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


class Run(Struct, frozen=True):
    """What the journal says of the last run."""

    command: str
    pid: int
    user: str
    time: str
    """When it began (ISO 8601)."""
    ended: bool = False

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid} of {self.user}, since {self.time})"


def last_run(storage: Path) -> Run | None:
    """For people only: whatever else is in the file does no harm."""
    last: Run | None = None
    for entry in entries(storage):
        if entry.get("what") == "begin" and entry.keys() >= {"command", "pid", "user", "time"}:
            last = Run(*(entry[key] for key in ("command", "pid", "user", "time")))
        elif entry.get("what") == "end" and last and entry.get("pid") == last.pid:
            last = replace(last, ended=True)
    return last


def entries(storage: Path) -> Iterator[dict[str, Any]]:
    """The lines, the oldest first; without those that a kill has cut short."""
    try:
        lines = (storage / "journal.jsonl").read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, RecursionError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield entry


def holder(storage: Path) -> str:
    """Who holds the cloud, in words; empty: nobody. A run that was killed holds it by its children
    that still work."""
    path = storage / "journal.jsonl"
    if not _is_taken(path):
        return ""
    last, living = last_run(storage), [one for one in openers(path) if one.locks]
    working = ", ".join(map(str, living))
    if last is None or last.ended:
        return working or "somebody who left no word"
    # Of other users' processes we are told nothing.
    if not living or last.pid in {one.pid for one in living}:
        return str(last)
    return f"{last}, which was killed; still at work: {working}"


def _is_taken(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _taken(path: Path, patience: float) -> IO[bytes]:
    """The open journal with the lock on it."""
    deadline = time.monotonic() + patience
    while True:
        stream = _open(path)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(stream, path):
                return stream
            # It was removed or rotated before we had it: another run may hold the one there now.
        except BlockingIOError:
            pass
        stream.close()
        if time.monotonic() > deadline:
            raise Failure(
                f"another run holds {path.parent}: {holder(path.parent) or 'it ends just now'}",
                "wait until it has ended, or give --lock-timeout",
            )
        time.sleep(0.1)


def _open(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failure(
            f"{error.filename or path} cannot be written: {error.strerror or error}",
            "run as root, or give --storage",
        ) from error
    return open(descriptor, "ab", buffering=0)


def _is_at(stream: IO[bytes], path: Path) -> bool:
    """Whether this open file is the one that has the name now."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())  # a user that only a container knows of has no name
