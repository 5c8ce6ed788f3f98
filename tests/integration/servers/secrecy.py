"""Whether a secret stays one: in no process's words, and kept by libvirt only as long as needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import libvirt

from tests.integration.lab import URI, Lab


@contextmanager
def watching(see: Callable[[bytes], None], *files: str, seconds: float) -> Iterator[None]:
    """Meanwhile ``see`` is shown those files in /proc of every process, every so many seconds."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(seconds):
            for process in Path("/proc").glob("[0-9]*"):
                for file in files:
                    try:
                        words = (process / file).read_bytes()
                    except (FileNotFoundError, ProcessLookupError, PermissionError):
                        continue  # it has ended, or is none of ours
                    see(words)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@contextmanager
def nobody_is_told(*secrets: str) -> Iterator[None]:
    """Meanwhile no process has one of them among its words."""
    found: list[bytes] = []

    def see(words: bytes) -> None:
        found.extend(words for secret in secrets if secret.encode() in words)

    with watching(see, "cmdline", seconds=0.02):
        yield
    assert found == []


def uuids_of(lab: Lab) -> dict[str, str]:
    """libvirt's secrets of the lab: UUID by usage."""
    with closing(libvirt.openReadOnly(URI)) as connection:
        return {one.usageID(): one.UUIDString() for one in connection.listAllSecrets()
                if one.usageID().startswith(f"tinycloud {lab.name} ")}


def secrets_of(lab: Lab) -> list[str]:
    """What libvirt keeps for the lab, by its usage."""
    return sorted(uuids_of(lab))
