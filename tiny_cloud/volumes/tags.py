"""A volume's stamp, in LVM's tags (lvm(8)): few and short, for they fill the group's metadata.

``tinycloud=CLOUD/KIND/NAME`` comes with the volume, ``tinycloud.uuid=…`` when it is complete: a
snapshot, a copy or another volume that bears the tags has another UUID and is not ours. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from tiny_cloud.facts import FileFacts, VolumeFacts
from tiny_cloud.volumes.names import PART

OWNER, UUID, GUEST = "tinycloud=", "tinycloud.uuid=", "tinycloud.guest="
ENCRYPTION = "tinycloud.encryption="
"""A guest may write a LUKS header too: what lies on the volume does not say whose it is."""
INCOMPLETE = "tinycloud.incomplete"
"""From the very command that makes it until it is filled and edited."""
TRASHED = "tinycloud.trash"
EXTRA = {"guest": GUEST, "encryption": ENCRYPTION}
"""What a stamp says beside whose it is."""


def owner(cloud: str, address: str) -> str:
    return f"{OWNER}{cloud}/{address}"


def complete(cloud: str, address: str, uuid: str, extra: Mapping[str, str]) -> frozenset[str]:
    """All that a finished volume bears of ours."""
    more = {f"{prefix}{extra[name]}" for name, prefix in EXTRA.items() if name in extra}
    return frozenset({owner(cloud, address), f"{UUID}{uuid}", *more})


def ours(tags: frozenset[str]) -> frozenset[str]:
    """Those that tinycloud has set, whoever's they are."""
    return frozenset(tag for tag in tags if tag.startswith("tinycloud"))


def stamp(tags: frozenset[str]) -> Mapping[str, str] | None:
    """As a file's stamp has it; None: there is none."""
    said = {name: tag.removeprefix(prefix)
            for name, prefix in {"owner": OWNER, "inode": UUID, **EXTRA}.items()
            for tag in sorted(tags) if tag.startswith(prefix)}
    if "owner" not in said:
        return None
    cloud, _, address = said.pop("owner").partition("/")
    return {"inode": "", **said, "cloud": cloud, "address": address}


def format_of(volume: VolumeFacts, told: str = "raw") -> str:
    """qemu's name for what is on it. Whether raw data is behind a LUKS header of ours say its tags,
    whatever we are ``told``."""
    encrypted = f"{ENCRYPTION}luks" in volume.tags
    return told if told not in ("raw", "luks") else "luks" if encrypted else "raw"


def is_left_over(volume: VolumeFacts, cloud: str) -> bool:
    """Whether an apply of this cloud was cut off before it was finished: it holds nothing yet."""
    mark = stamp(volume.tags)
    unfinished = volume.name.endswith(PART) or INCOMPLETE in volume.tags
    return unfinished and mark is not None and mark["cloud"] == cloud


def as_file(volume: VolumeFacts) -> FileFacts:
    """A volume in the terms of a file; its UUID stands for the inode."""
    mark = stamp(volume.tags)
    genuine = mark is not None and mark["inode"] == volume.uuid
    return FileFacts(volume.path, volume.size, volume.uuid, mark, genuine)
