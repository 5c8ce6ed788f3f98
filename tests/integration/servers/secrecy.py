"""Whether a secret stays one: in no process's words, and kept by libvirt only as long as needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.lab import Lab, virsh


@contextmanager
def nobody_is_told(*secrets: str) -> Iterator[None]:
    """Meanwhile no process has one of them among its words."""
    found: list[bytes] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = file.read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                found.extend(words for secret in secrets if secret.encode() in words)
            time.sleep(0.02)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    assert found == []


def secrets_of(lab: Lab) -> list[str]:
    """What libvirt keeps for the lab, by its usage."""
    return sorted(line.split(maxsplit=2)[2] for line in virsh("secret-list").splitlines()[2:]
                  if f"tinycloud {lab.name} " in line)
