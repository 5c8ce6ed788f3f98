"""The trash folder: where removed data waits until ``purge``."""

import contextlib
from pathlib import Path

from tiny_cloud.model import Cloud

FOLDERS = ("trash", "consoles", "records", "disks", "images")


def listing(cloud: Cloud) -> list[tuple[Path, int]]:
    """Files in the trash and their allocated sizes in bytes."""
    folder = Path(cloud.storage, "trash")
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [(file, file.stat().st_blocks * 512) for file in files]


def purge(cloud: Cloud) -> None:
    """Delete what is in the trash, and the storage's own folders that are empty then."""
    for file, _ in listing(cloud):
        file.unlink()
    for name in FOLDERS:
        # One that still has something in it is still needed.
        with contextlib.suppress(OSError):
            Path(cloud.storage, name).rmdir()
