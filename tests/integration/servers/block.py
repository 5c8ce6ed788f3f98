"""A block device of this host under a path that stays, as udev gives one to AoE and DRBD."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.servers import run


@contextmanager
def device(file: Path, name: str) -> Iterator[Path]:
    path = Path("/dev/disk/by-id") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    loop = run("losetup", "--find", "--show", str(file)).strip()
    path.symlink_to(loop)
    try:
        yield path
    finally:
        path.unlink()
        run("losetup", "--detach", loop)
