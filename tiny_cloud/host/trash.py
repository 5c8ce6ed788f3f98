"""The trash folder: where removed data waits until ``purge``."""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from tiny_cloud.model import STORAGE_FOLDERS, Cloud


def listing(cloud: Cloud) -> list[tuple[Path, int]]:
    """What is in the trash, folders as a whole, and how much each takes in bytes."""
    folder = Path(cloud.storage, "trash")
    return [(item, _size(item)) for item in sorted(folder.iterdir())] if folder.is_dir() else []


def _size(item: Path) -> int:
    """Allocated, in bytes; symbolic links are not followed."""
    files = [Path(at, name) for at, _, names in os.walk(item) for name in names]
    return sum(file.lstat().st_blocks * 512 for file in (item, *files))


def purge(cloud: Cloud, items: Iterable[Path]) -> None:
    """Delete these from the trash, and the storage's own folders that are empty then."""
    for item in items:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(item.lstat().st_mode):
                shutil.rmtree(item)
            else:
                item.unlink()
    for name in STORAGE_FOLDERS:
        # One that still has something in it is still needed.
        with contextlib.suppress(OSError):
            Path(cloud.storage, name).rmdir()
