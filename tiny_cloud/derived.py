"""What the parts of a composite document are called once they are documents of their own. Pure, and
imports nothing: a shell asks for names at each press of a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def disk_of(machine: str, item: Mapping[str, Any]) -> tuple[str, str] | None:
    """Kind and name of what an item of the machine's ``disks`` becomes; None: it names a document
    itself, or some server has it."""
    if "disk" in item or not item.keys() & {"image", "base", "size"}:
        return None
    kind = "LogicalVolume" if "volumeGroup" in item else "Disk"
    return kind, f"{machine}-{item['name']}"
