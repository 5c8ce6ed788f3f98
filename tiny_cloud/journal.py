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
    """The journal, held exclusively. Raises Failure that names the holder if it is taken."""
    storage.mkdir(mode=0o711, parents=True, exist_ok=True)
    path = storage / "journal.jsonl"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with open(descriptor, "a+") as stream:
        _take(stream, path)
        journal = Journal(stream)
        journal.write(what="begin", command=command, pid=os.getpid(), user=getpass.getuser())
        try:
            yield journal
        finally:
            journal.write(what="end", pid=os.getpid())


def _take(stream: IO[str], path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Failure(
                    f"another run holds {path.parent}: {_holder(path)}", "wait until it has ended"
                ) from None
            time.sleep(0.1)


def _holder(path: Path) -> str:
    last: dict[str, Any] = {}
    for line in path.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a line cut short by a kill
        if entry.get("what") == "begin":
            last = entry
    if not last:
        return "unknown"
    return f"{last['command']} (process {last['pid']} of {last['user']}, since {last['time']})"
