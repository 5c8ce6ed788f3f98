"""What snapshots that are there mean to a plan: disks are what lies below them, and stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from msgspec.structs import replace

from tiny_cloud.facts import DiskUse, DomainFacts, Reader, SnapshotFacts
from tiny_cloud.libvirt_xml import above, bare, chains
from tiny_cloud.model import Observed, Unknown

FREE = "delete them first: tinycloud snapshot list says which there are"


def missing(host: Reader, use: DiskUse) -> Unknown | None:
    """An overlay that its machine is defined with is not there: a revert was cut off."""
    there = host.files(use.above)
    for path in use.above:
        if path not in there:
            return Unknown(f"{path}, which {use.domain} has written to since a snapshot, is gone",
                           "tinycloud snapshot revert ends what was cut off")
    return None


def used(use: DiskUse | None) -> dict[str, Any]:
    """Of the Observed of a disk: who uses it, and the snapshots that keep it as it is."""
    if use is None:
        return {}
    return {
        "running": use.running,
        "users": (use.domain,) if use.running else (),
        "attached_to": (use.domain, *use.also),
        "held": f"snapshots of {use.domain} stand on it; {FREE}" if use.above else "",
        "held_fields": None,
    }


def remembered(seen: Observed, facts: DomainFacts) -> Observed:
    """What was seen of a machine, and what its snapshots hold of it."""
    if not facts.snapshots:
        return seen
    over = above(facts)
    held = [f"disks[{name}].disk" for name, chain in chains(bare(facts).xml).items()
            if chain and chain[0].path in over]
    names = ", ".join(snapshot.name for snapshot in facts.snapshots)
    return replace(
        seen,
        held=f"it has the snapshots {names}; {FREE}",
        held_fields=frozenset(held),
        facts={**seen.facts, "overlays": over, "snapshots": facts.snapshots},
    )


def overlays(seen: Observed) -> Mapping[str, tuple[str, ...]]:
    """By path of a machine's disk: what is on it, the top first."""
    return cast("Mapping[str, tuple[str, ...]]", seen.facts.get("overlays", {}))


def snapshots(seen: Observed) -> tuple[SnapshotFacts, ...]:
    """Of a machine, the oldest first."""
    return cast("tuple[SnapshotFacts, ...]", seen.facts.get("snapshots", ()))
