"""What else there is to say of a volume: who uses it, what stands on it, what it promises. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tiny_cloud.facts import DiskUse, Reader, VolumeFacts
from tiny_cloud.model import Address
from tiny_cloud.sizes import format_size
from tiny_cloud.volumes import tags

Volumes = Mapping[str, VolumeFacts]


def use(host: Reader, facts: VolumeFacts) -> DiskUse | None:
    """Its device goes by several paths; one that runs counts before one that does not."""
    users = host.disk_users()
    found = [users[path] for path in (facts.path, *facts.aliases) if path in users]
    return min(found, key=lambda one: not one.running, default=None)


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
