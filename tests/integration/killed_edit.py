"""A tinycloud apply that is killed SECONDS after its first guest begins to be written: a program.

``python -m tests.integration.killed_edit MANIFESTS SECONDS WHAT``; WHAT is ``alone`` (tinycloud by
itself, as by the out-of-memory killer) or ``all`` (its guest workers and their appliances too, as
by a power cut). Exit code 0 if it was done before.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import tiny_cloud
from tiny_cloud.guests.base import Edit
from tiny_cloud.host.guest_session import GuestSession

real = GuestSession.edit
begun = threading.Event()


def edit(self: GuestSession, edits: Iterable[Edit]) -> None:
    begun.set()
    real(self, edits)


def below(parent: int) -> list[int]:
    """Its children and theirs, in whatever process group they are."""
    found = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    threads = Path(f"/proc/{parent}/task").iterdir()
    found += [int(pid) for task in threads if task.name != str(parent)
              for pid in (task / "children").read_text().split()]
    return [pid for child in found for pid in (child, *below(child))]


def kill(seconds: float, what: str) -> None:
    begun.wait()
    threading.Event().wait(seconds)
    own = os.getpid()
    for pid in below(own) if what == "all" else []:
        os.kill(pid, signal.SIGKILL)
    os.kill(own, signal.SIGKILL)


if __name__ == "__main__":
    GuestSession.edit = edit
    wanted = (float(sys.argv[2]), sys.argv[3])
    threading.Thread(target=kill, args=wanted, daemon=True).start()
    for event in tiny_cloud.load(sys.argv[1]).plan().apply():
        if event.what in ("failed", "skipped"):
            sys.exit(f"{event.address}: {event.text} {event.detail}")
