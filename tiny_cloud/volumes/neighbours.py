"""What else there is to say of a volume: who uses it, what stands on it, what it promises. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tiny_cloud.facts import DiskUse, Reader, VolumeFacts
from tiny_cloud.model import Address, Unknown
from tiny_cloud.sizes import format_size
from tiny_cloud.volumes import tags
from tiny_cloud.volumes.names import PART

Volumes = Mapping[str, VolumeFacts]


def use(host: Reader, facts: VolumeFacts) -> DiskUse | None:
    """Its device goes by several paths; one that runs counts before one that does not."""
    users = host.disk_users()
    found = [users[path] for path in (facts.path, *facts.aliases) if path in users]
    return min(found, key=lambda one: not one.running, default=None)


def left_over(
    host: Reader, places: Sequence[str], volumes: Volumes
) -> tuple[str, ...] | Unknown:
    """What cut-off applies left under these names; Unknown if that cannot just be removed."""
    found = tuple(at for path in places for at in (f"{path}{PART}", path)
                  if at in volumes and tags.is_left_over(volumes[at], host.cloud.name))
    for part in (f"{path}{PART}" for path in places):
        if part in volumes and part not in found:
            return Unknown(f"{part} is there and was not made here", f"lvrename {part} …")
    for part in found:
        if user := use(host, volumes[part]):
            return Unknown(f"{part} was never finished, but {user.domain} has it as a disk and "
                           "may have written to it", f"lvremove {part}")
    return found


def above(facts: VolumeFacts, volumes: Volumes, cloud: str) -> Iterator[Address]:
    """What goes when it goes: what is in a pool, and snapshots that copy on write. What is not of
    this cloud goes by LVM's name."""
    for other in volumes.values():
        inside = other.pool == facts.name or (
            other.origin == facts.name and other.type == "snapshot")
        if other.group == facts.group and inside and tags.TRASHED not in other.tags:
            mark = tags.stamp(other.tags)
            yield (Address.parse(mark["address"]) if mark and mark["cloud"] == cloud
                   else Address("logicalvolume", f"{other.group}/{other.name}"))


def promises(facts: VolumeFacts, volumes: Volumes) -> Iterator[str]:
    promised = sum(other.size for other in volumes.values()
                   if (other.group, other.pool) == (facts.group, facts.name))
    if facts.type == "thin-pool" and promised > facts.size:
        yield (f"promises {format_size(promised)} and has {format_size(facts.size)}: "
               "watch how full it gets (lvs -o +data_percent)")
