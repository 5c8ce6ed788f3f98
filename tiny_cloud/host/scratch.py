"""Folders for what may be secret and has to be a file for a moment, and what killed runs leave of
them and elsewhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from tiny_cloud.errands.leftovers import UNFINISHED
from tiny_cloud.errors import Failure
from tiny_cloud.host import records
from tiny_cloud.model import Address, Cloud

FOLDERS = ("images", "disks", "seeds", "snapshots", "records")
"""Of the storage: where something is made under another name first."""


def scratch() -> tempfile.TemporaryDirectory[str]:
    """0700 (tempfile.mkdtemp); its name says whose it is, for a kill leaves it there."""
    return tempfile.TemporaryDirectory(prefix=f"tinycloud-{os.getpid()}-")


def debris(cloud: Cloud, known: Collection[Address]) -> tuple[str, ...]:
    """Absolute paths of whatever is no finished thing: parts and what was needed to make them,
    records that are none (those of ``known`` are), scratch folders of processes that are gone.
    Raises Failure."""
    storage = Path(cloud.storage)
    parts = (path for folder in FOLDERS for path in _inside(storage / folder)
             if UNFINISHED.search(path.name))
    sound = {records.path_of(storage, address) for address in known}
    damaged = (path for path in _inside(storage / "records")
               if path.suffix == ".json" and path not in sound)
    return tuple(map(str, (*parts, *damaged, *_abandoned())))


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Failure(f"{folder} cannot be listed: {error.strerror}",
                      "run as the user who applied") from error


def _abandoned() -> Iterator[Path]:
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError:
        return  # there is none that we may write to, so nothing of ours is in any
    for path in sorted(place.glob("tinycloud-*-*")):
        pid = path.name.split("-")[1]
        gone = pid.isdigit() and not Path("/proc", pid).exists()
        if gone and path.lstat().st_uid == os.geteuid():
            yield path
