"""What goes wrong, and where: data, and what it does to the run that it is in."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import libvirt

from tiny_cloud.host import command

KILLS = ("kill", "kill alone")
"""Of everything that tinycloud has started, as by a power cut; of tinycloud by itself, as by the
out-of-memory killer."""
FAILURES = ("exit", "EIO", "ENOSPC", "hang")
"""Those that are in every run come first."""
INTERRUPT = "interrupt"
"""Ctrl-C, pressed twice."""
SETTLING = 0.01
"""Seconds that a command works before a kill during it."""
SHORTENED = 100
"""A command that hangs is waited for that many times shorter than tinycloud would wait."""
AT_MOST = 3.0
"""Seconds after which somebody presses Ctrl-C twice, where tinycloud waits for ever."""
HANGS = ("sleep", "1000")
"""What is started in the place of a command that hangs."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Once: at the ``at``th of the points that ``where`` (a regular expression) is found in, or
    ``after`` seconds from the first of them."""

    how: str
    at: int = 0
    after: float = 0.0
    where: str = ""

    def __str__(self) -> str:
        moment = f"at {self.at}" if self.at else f"after {self.after:.3f} s"
        return f"{self.how} {moment}" + (f" of {self.where}" if self.where else "")


NONE = Fault("none")


WHERE = {
    # What reads and writes the journal alone leaves nothing behind.
    "kill": "^(step|guest|command (?!qemu-img info)|file (?!write)|libvirt (?!listAll|open))",
    "kill alone": "^command (?!qemu-img info).* during",
    INTERRUPT: "^(step .* before|command .* during)",
    "hang": "^command .* before",
    "exit": "^(command|libvirt|guest) .* before",
    # Of the journal's own writes tests/unit/test_journal.py tells.
    "ENOSPC": "^(command|file (?!write|remove|rmdir)).* before",
    "EIO": "^(command|file (?!write)).* before",
}
"""The points at which this can happen, as a regular expression."""


class Hurt:
    """Counts points; tells ``note`` of each, and of the fault when its moment has come."""

    def __init__(self, fault: Fault, note: Callable[[str], None]) -> None:
        self.fault, self.note = fault, note
        self.count = 0
        self.counting = threading.RLock()

    def reached(self, point: str) -> Sequence[str] | None:
        with self.counting:
            self.note(point)
            if not re.search(self.fault.where, point):
                return None
            self.count += 1
            count = self.count
        if count == 1 and self.fault.after:
            threading.Thread(target=self._later, daemon=True).start()
        return self._happen(point) if count == self.fault.at else None

    def _later(self) -> None:
        time.sleep(self.fault.after)
        self._happen("a moment")

    def _happen(self, point: str) -> Sequence[str] | None:
        self.note(f"! {self.fault.how} {point}")
        if self.fault.how in KILLS:
            time.sleep(SETTLING if point.endswith("during") else 0)
            die(alone=self.fault.how == "kill alone")
        if self.fault.how == INTERRUPT:
            press_twice()
            return None
        if self.fault.how == "hang":
            _be_impatient()
            return HANGS
        return _fail(self.fault.how, point)


def _fail(how: str, point: str) -> Sequence[str] | None:
    code = getattr(errno, how, errno.EPERM)
    if point.startswith("file"):
        _, call, path, _ = point.split()
        # A descriptor has no name: who calls fsync(2) has to say of what.
        raise OSError(code, os.strerror(code), None if call == "fsync" else path)
    if point.startswith("libvirt"):
        error = libvirt.libvirtError("internal error: broken on purpose")
        error.err = (libvirt.VIR_ERR_INTERNAL_ERROR, 0, "broken on purpose", 2, "", "", "", 0, 0)
        raise error
    if point.startswith("guest"):
        # What the worker's end looks like.
        raise BrokenPipeError
    said = f"echo 'broken on purpose: {os.strerror(code)}' >&2; exit 1"
    # A disk that is full says so when most is written; the others do nothing at all.
    return ("sh", "-c", f'"$@"; {said}' if how == "ENOSPC" else said, "sh", "{}")


def _be_impatient() -> None:
    chunks = command._chunks

    def sooner(
        child: subprocess.Popen[bytes], argv: tuple[str, ...], timeout: float | None
    ) -> Iterator[bytes]:
        return chunks(child, argv, timeout and timeout / SHORTENED)

    command._chunks = sooner
    threading.Timer(AT_MOST, _give_up).start()


def _give_up() -> None:
    """Ctrl-C, unless tinycloud has given up already and goes on without an answer."""
    words = "\0".join(HANGS).encode()
    if any(words in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below(os.getpid())):
        press_twice()


def press_twice() -> None:
    """The first alone waits for what is under way."""
    os.killpg(0, signal.SIGINT)
    time.sleep(SETTLING)
    os.killpg(0, signal.SIGINT)


def die(*, alone: bool) -> None:
    """By SIGKILL; without ``alone`` with all below us, in whatever process group they are."""
    own = os.getpid()
    if not alone:
        for pid in below(own):
            with suppress(ProcessLookupError):  # it has ended meanwhile
                if os.getpgid(pid) != own:
                    os.kill(pid, signal.SIGKILL)
        os.killpg(0, signal.SIGKILL)
    os.kill(own, signal.SIGKILL)


def below(parent: int) -> list[int]:
    """The children of a process and theirs, as far as they are there still."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return [pid for child in found for pid in (child, *below(child))]
