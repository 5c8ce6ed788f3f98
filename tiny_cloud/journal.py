"""What was done, as JSON lines in STORAGE/journal.jsonl: history for people, never an input.

Whoever may write it holds the cloud: the host's lock is a flock(2) on this very file, so no other
file is left behind, and the last "begin" in it names the holder. Children inherit the descriptor: a
killed apply's lock is free only when the last child that may still write is gone.
"""

import datetime
import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from tiny_cloud.errors import Failure
from tiny_cloud.model import Event

PATIENCE = 3.0
"""Seconds to wait for another apply before giving up (safety.md's goal 17: leave within 5 s)."""


@dataclass(frozen=True, slots=True)
class Journal:
    stream: IO[str]

    @property
    def descriptor(self) -> int:
        return self.stream.fileno()

    def write(self, **entry: Any) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self.stream.write(json.dumps({"time": now, **entry}) + "\n")
        self.stream.flush()

    def event(self, event: Event) -> None:
        """Progress is for the screen alone."""
        if event.what != "progress":
            filled = {key: value for key, value in asdict(event).items() if value}
            self.write(**filled | {"address": str(event.address)})


@contextmanager
def locked(storage: Path, command: str) -> Iterator[Journal]:
    """The journal, held exclusively. Raises Failure: by whom it is taken, or why not written."""
    with _taken(storage / "journal.jsonl") as stream:
        journal = Journal(stream)
        journal.write(what="begin", command=command, pid=os.getpid(), user=_user())
        try:
            yield journal
        finally:
            journal.write(what="end", pid=os.getpid())


def is_writable(storage: Path) -> bool:
    """Whether an apply could write there; nothing is made to find out."""
    here = next(place for place in (storage / "journal.jsonl", storage, *storage.parents)
                if os.path.exists(place))
    return os.access(here, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _taken(path: Path) -> IO[str]:
    """The open journal with the lock on it."""
    deadline = time.monotonic() + PATIENCE
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
                f"another run holds {path.parent}: {_holder(path)}", "wait until it has ended"
            )
        time.sleep(0.1)


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failure(
            f"{error.filename or path} cannot be written: {error.strerror or error}",
            "run as root, or give --storage",
        ) from error
    return open(descriptor, "a+", encoding="utf-8")


def _is_at(stream: IO[str], path: Path) -> bool:
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


def _holder(path: Path) -> str:
    """Who began last, in words. For people only: whatever else is in the file does no harm."""
    last: dict[str, Any] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # a line cut short by a kill
        if isinstance(entry, dict) and entry.get("what") == "begin":
            last = entry
    if not last.keys() >= {"command", "pid", "user", "time"}:
        return "unknown"
    return f"{last['command']} (process {last['pid']} of {last['user']}, since {last['time']})"
