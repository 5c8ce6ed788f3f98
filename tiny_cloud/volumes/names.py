"""What LVM allows as the name of a volume (lvm(8), VALID NAMES). Pure."""

from __future__ import annotations

RESERVED_PREFIXES = ("snapshot", "pvmove")
RESERVED_WORDS = (
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_wcorig", "_iorig", "_imeta",
    "_mimage", "_mlog", "_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin",
)
"""Anywhere in a name: LVM makes its hidden volumes with them."""
PART, TRASH = ".part", ".trash"
"""Endings of a volume that is not finished, and of one that waits for ``purge``."""
LONGEST = 127
"""Characters of the device's name, ``VG-LV`` with every hyphen of either doubled."""


def fault(group: str, name: str) -> str:
    """Why a volume cannot be called so, as the rest of a sentence; empty: it can."""
    for prefix in RESERVED_PREFIXES:
        if name.startswith(prefix):
            return f"begins with {prefix}, which LVM keeps for itself"
    for word in RESERVED_WORDS:
        if word in name:
            return f"has {word} in it, which LVM keeps for itself"
    for ending in (PART, TRASH):
        if name.endswith(ending):
            return f"ends with {ending}, which marks what is unfinished or thrown away here"
    # What is half made has a longer name still, and so has what lies in the trash.
    longest = len(device(group, name)) + len(f"-123456{TRASH}") + 1
    return f"is too long: with {group} it has to fit into {LONGEST}" if longest > LONGEST else ""


def device(group: str, name: str) -> str:
    """The device-mapper's name: ``vg0-web--data``."""
    return "-".join(part.replace("-", "--") for part in (group, name))


def in_trash(path: str, uuid: str) -> str:
    """What a volume is called from its removal to ``purge``; beginning of the UUID tells apart."""
    return f"{path}.{uuid[:6]}{TRASH}"
