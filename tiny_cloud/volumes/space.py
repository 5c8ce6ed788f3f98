"""Whether what a plan makes fits into its volume groups and thin pools. Pure.

It is counted in the order of the manifests, so that the first that does not fit is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from tiny_cloud import encryption
from tiny_cloud.errors import Problem
from tiny_cloud.facts import GroupFacts, ImageFacts, Reader
from tiny_cloud.model import Unknown, Value
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import about, is_share, share_of
from tiny_cloud.volumes import extents, tags
from tiny_cloud.volumes.declared import type_of
from tiny_cloud.volumes.names import PART
from tiny_cloud.volumes.neighbours import Volumes


class Room(Struct):
    """Bytes that are left, by group and by the path of a thin pool."""

    groups: Mapping[str, GroupFacts]
    volumes: Volumes
    free: dict[str, int] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)

    def left(self, group: GroupFacts) -> int:
        return self.free.setdefault(group.name, group.free * group.extent_size)

    def left_in(self, pool: Resource) -> int:
        path = str(pool.provides()["path"])
        seen = self.volumes.get(path)
        size = pool.desired().get("size")
        new = size if isinstance(size, int) else 0
        return self.pools.setdefault(path, seen.size - seen.used if seen else new)


def lacks(host: Reader, wanted: Sequence[Resource]) -> Iterator[Problem]:
    """Volumes whose group is not there, is incomplete or too full. What cannot be seen is said
    by the probe."""
    volumes, groups = host.volumes(), host.volume_groups()
    if isinstance(volumes, Unknown) or isinstance(groups, Unknown):
        return
    room = Room(groups, volumes)
    for item in wanted:
        group = groups.get(item.spec["volumeGroup"])
        if group is None:
            there = ", ".join(sorted(groups)) or "none at all"
            yield from item.refuse(
                ("spec", "volumeGroup"),
                f"this host has no volume group {item.spec['volumeGroup']}: there is {there}",
                "vgcreate makes one; vgs shows them").problems
        elif not item.external:
            found = _lack(item, group, room, host)
            if found:
                yield from item.refuse(("spec", found[0]), f"{item.address} {found[1]}",
                                       found[2]).problems


def _lack(
    item: Resource, group: GroupFacts, room: Room, host: Reader
) -> tuple[str, str, str] | None:
    """The field that asks for too much, the end of the sentence, and the remedy."""
    path = str(item.provides()["path"])
    before, part = room.volumes.get(path), room.volumes.get(f"{path}{PART}")
    if before is not None and tags.is_left_over(before, item.context.cloud.name):
        before, part = None, before
    new = before is None and not _former(item, room.volumes)
    if new and item.spec.get("stripes", 1) > group.devices:
        return "stripes", (f"is striped over {item.spec['stripes']}, and {group.name} has "
                           f"{group.devices} physical volumes"), f"vgextend {group.name}"
    if "thinPool" in item.links:
        return _lack_in_pool(item, item.links["thinPool"], room, host) if new else None
    if type_of(item) == "thin":
        return None
    need = _need(item.desired().get("size"), item, group, room.volumes)
    need = max(0, need - (before.size if before else 0) - (part.size if part else 0))
    if not need or not (new or before):
        return None
    if group.missing:
        return "volumeGroup", (f"is to be made in {group.name}, of which {group.missing} physical "
                               "volumes are missing"), f"vgs -o +pv_missing {group.name}"
    left = room.left(group)
    room.free[group.name] = left - need
    if need <= left:
        return None
    waste = sum(v.size for v in room.volumes.values()
                if v.group == group.name and not v.pool and tags.TRASHED in v.tags)
    hint = f"; tinycloud purge frees {about(waste)}" if waste else ""
    return "size", (f"takes {about(need)}, and {group.name} has {about(max(0, left))} left"), (
        f"vgextend {group.name}{hint}")


def _need(size: Value, item: Resource, group: GroupFacts, volumes: Volumes) -> int:
    """Bytes of the group; a share of what is free fits as long as an extent is."""
    need = extents.wanted(size, group) or group.extent_size
    origin = item.links.get("snapshotOf")
    seen = volumes.get(str(origin.provides()["path"])) if origin else None
    if seen and is_share(size) and str(size).endswith("%ORIGIN"):
        need = extents.part(share_of(str(size))[0], seen.size, group)
    pool = type_of(item) == "thin-pool"
    return need + (extents.metadata(need, group.extent_size) if pool else 0)


def _lack_in_pool(
    item: Resource, pool: Resource, room: Room, host: Reader
) -> tuple[str, str, str] | None:
    """It takes what its image has, at least; what a blank one will take, nobody knows."""
    left, need = room.left_in(pool), 1
    if "image" in item.links:
        outputs = item.links["image"].provides()
        image, form = str(outputs["path"]), str(outputs["format"])
        facts = host.images({image: form}).get(image)
        if isinstance(facts, ImageFacts):
            # Behind a LUKS header the zeros of an image take as much as anything else.
            header = encryption.header_of(item)
            need = facts.virtual_size + header if header else facts.actual_size
    room.pools[str(pool.provides()["path"])] = left - need
    known = str(pool.provides()["path"]) in room.volumes
    if need <= left or not (known or left):
        return None
    return "thinPool", (f"takes at least {about(need)}, and the thin pool {pool.address} has "
                        f"{about(max(0, left))} left"), f"make {pool.address} larger"


def _former(item: Resource, volumes: Volumes) -> bool:
    places = item.provides()["former_names"]
    assert isinstance(places, tuple)
    return any(place in volumes for place in places)
