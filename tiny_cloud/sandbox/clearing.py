"""What a sandbox has made goes, whoever made it."""

from __future__ import annotations

from pathlib import Path

import tiny_cloud
from tiny_cloud.consents import Consents
from tiny_cloud.host import command
from tiny_cloud.sandbox.work import carry_out
from tiny_cloud.wish import Wish

MANIFEST, STORAGE = "manifest.yaml", "storage"
ENDS = Wish(Consents(delete_data=("*",), force_off=("*",)), destroy=True)
PATIENCE = 60.0
"""Seconds for what a killed process has left running."""


def clear(folder: Path, connect: str = "") -> None:
    """Remove what the folder's manifest declares, with all data, and then the folder.

    Raises Problems, Failure; then the folder stays."""
    manifest = folder / MANIFEST
    if manifest.exists():
        workspace = tiny_cloud.load(manifest, connect=connect, storage=str(folder / STORAGE))
        carry_out(workspace.plan(ENDS), PATIENCE)
        workspace.trash().purge(f"sandbox {workspace.cloud.name}", PATIENCE)
    remove(folder)


def remove(folder: Path) -> None:
    """Raises Failure for what is mounted in there: a killed build may have had /dev in its tree."""
    command.run(("rm", "-rf", "--one-file-system", "--", str(folder)))
