"""The points of a run: whatever it does to the host is told just before, and some just after.

Installed once, in a process that is there for one run and ends with it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import libvirt

from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.host.perform import Host
from tiny_cloud.journal import Journal
from tiny_cloud.steps import Step

Reached = Callable[[str], Sequence[str] | None]
"""Is told a point in words. Of a command's beginning it may return what is to be started in its
place, with ``{}`` for the command itself; and it may raise what the operating system or libvirt
would raise."""

FILES = {"os.rename": "rename", "os.link": "link", "os.remove": "remove", "os.mkdir": "mkdir",
         "os.rmdir": "rmdir", "os.setxattr": "setxattr", "os.truncate": "truncate",
         "open": "open"}
"""Audit events of CPython (docs.python.org/3/library/audit_events.html) that change files."""
INODE = re.compile(r"\.\d+$")
"""How what is in the trash is told apart, each time by other numbers."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

CALLS = {
    libvirt.virConnect: ("defineXMLFlags", "networkDefineXMLFlags", "secretDefineXML",
                         "listAllDomains", "listAllNetworks"),
    libvirt.virDomain: ("create", "destroy", "rename", "setAutostart", "undefineFlags",
                        "shutdownFlags", "blockResize", "updateDeviceFlags", "attachDeviceFlags",
                        "detachDeviceAlias", "setVcpusFlags", "setMemoryFlags", "setMetadata",
                        "snapshotCreateXML", "revertToSnapshot", "blockCommit", "blockJobAbort"),
    libvirt.virNetwork: ("create", "destroy", "undefine", "update", "setAutostart"),
    libvirt.virSecret: ("setValue", "undefine"),
    libvirt.virDomainSnapshot: ("delete",),
}
READING = ("listAll", "open")


def install(below: str, reached: Reached) -> None:
    """Of files those below a folder."""
    _commands(reached)
    _files(below, reached)
    _steps(reached)
    _libvirt(reached)


def changes_something(point: str) -> bool:
    kind, what, *_ = point.split()
    return kind in ("step", "file") or (kind == "libvirt" and not what.startswith(READING))


def _commands(reached: Reached) -> None:
    class Started(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, argv: Any, *rest: Any, **words: Any) -> None:
            name = _named(argv)
            instead = reached(f"command {name} before")
            if instead is not None:
                argv = [word for one in instead for word in (argv if one == "{}" else (one,))]
            super().__init__(argv, *rest, **words)
            reached(f"command {name} during")

    subprocess.Popen = Started  # type: ignore[misc, assignment]


def _named(argv: Sequence[str]) -> str:
    """Without the limits and the holder that a command may have in front of it."""
    words = list(argv)
    for end in ("MALLOC_ARENA_MAX=1", "0"):
        if words[0] in ("prlimit", "timeout") and end in words:
            words = words[words.index(end) + 1:]
    plain = [os.path.basename(word) for word in words if not word.startswith("-")]
    return " ".join(plain[:2])


def _files(below: str, reached: Reached) -> None:
    def told(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in FILES or not isinstance(arguments[0], (str, os.PathLike)):
            return
        path = os.fspath(arguments[0])
        if event == "open" and not arguments[2] & WRITING:
            return
        if isinstance(path, str) and path.startswith(below):
            reached(f"file {FILES[event]} {INODE.sub('.INODE', path)} before")

    sys.addaudithook(told)
    real = os.fsync

    def fsync(descriptor: int) -> None:
        # There is no audit event of it.
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if path.startswith(below):
            reached(f"file fsync {path} before")
        real(descriptor)

    os.fsync = fsync  # type: ignore[assignment]


def _steps(reached: Reached) -> None:
    perform, together = Host.perform, Host.perform_batch
    ask, write = GuestSession._ask, Journal.write

    def performed(self: Host, step: Step, progress: Progress) -> None:
        reached(f"step {type(step).__name__} before")
        perform(self, step, progress)
        reached(f"step {type(step).__name__} after")

    def performed_together(
        self: Host, batch: Sequence[Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        reached(f"step {len(batch)}x{type(batch[0]).__name__} before")
        outcomes = together(self, batch, progress)
        reached(f"step {len(batch)}x{type(batch[0]).__name__} after")
        return outcomes

    def asked(self: GuestSession, operation: str, **arguments: Any) -> Any:
        reached(f"guest {operation} before")
        return ask(self, operation, **arguments)

    def written(self: Journal, **entry: Any) -> None:
        reached("file write /journal.jsonl before")
        write(self, **entry)

    Host.perform = performed  # type: ignore[method-assign]
    Host.perform_batch = performed_together  # type: ignore[method-assign]
    GuestSession._ask = asked  # type: ignore[method-assign]
    Journal.write = written  # type: ignore[method-assign]


def _libvirt(reached: Reached) -> None:
    for owner, names in {**CALLS, libvirt: ("open", "openReadOnly")}.items():
        for name in names:
            setattr(owner, name, _told(getattr(owner, name), name, reached))


def _told(real: Callable[..., Any], name: str, reached: Reached) -> Callable[..., Any]:
    @wraps(real)
    def call(*arguments: Any, **words: Any) -> Any:
        reached(f"libvirt {name} before")
        answer = real(*arguments, **words)
        reached(f"libvirt {name} after")
        return answer

    return call
