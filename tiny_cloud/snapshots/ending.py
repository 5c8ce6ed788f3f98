"""The steps that go back to a snapshot, or give it up. Pure.

An external one is reverted to by fresh overlays in the place of the old ones, so the snapshot stays
and can be reverted to again; it is deleted by merging its overlays into the disks. A kill in the
middle is harmless: until the last fresh overlay has its name at least one is missing, so that the
machine cannot start on half of them; and a merge that is done again changes nothing.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.facts import FileFacts, Overlay, Reader, SnapshotFacts
from tiny_cloud.libvirt_xml import overlaid
from tiny_cloud.model import Observed
from tiny_cloud.resource import Resource
from tiny_cloud.snapshots.standing import overlays, snapshots
from tiny_cloud.steps import (
    CommitOverlay,
    CreateDisk,
    Define,
    DeleteSnapshot,
    Publish,
    Remove,
    RevertToSnapshot,
    Run,
    Shutdown,
    Start,
    Step,
    Trash,
)


def revert(
    machine: Resource, seen: Observed, host: Reader, name: str, *, restart: bool
) -> tuple[Step, ...]:
    """Raises Failure. ``restart``: the user has agreed that what runs is cut off."""
    snapshot, domain = _newest(machine, seen, name), str(seen.facts["name"])
    if seen.running and not restart:
        raise Failure(f"{machine.address} is running, and is switched off to be reverted",
                      "--restart does that, and starts it again")
    if not snapshot.overlays:
        start = (Start(domain),) if seen.running else ()
        return (RevertToSnapshot(domain, name), *start)
    if len(_standing(seen, snapshot)) < len(snapshot.overlays):
        raise Failure(f"the snapshot {name} of {machine.address} is deleted in part",
                      f"tinycloud snapshot delete {machine.address} {name} ends that")
    return tuple(_renew(machine, seen, host, snapshot))


def _renew(
    machine: Resource, seen: Observed, host: Reader, snapshot: SnapshotFacts
) -> Iterator[Step]:
    domain, trash = str(seen.facts["name"]), machine.context.cloud.path("trash")
    if seen.running:
        # No word to the guest: what it would still write is what is given up.
        yield Shutdown(domain, 0, force=True, again=True)
    for overlay in snapshot.overlays:
        yield CreateDisk(f"{overlay.path}.part", "qcow2", None, overlay.below, overlay.format)
    there = host.files([overlay.path for overlay in snapshot.overlays])
    for path, facts in there.items():
        if not isinstance(facts, FileFacts):
            raise Failure(facts.reason, facts.hint)
        yield Trash(path, f"{trash}/{os.path.basename(path)}.{facts.inode}")
    for overlay in snapshot.overlays:
        yield Publish(f"{overlay.path}.part", overlay.path, 0o600)
    if seen.running:
        yield Start(domain)


def delete(machine: Resource, seen: Observed, host: Reader, name: str) -> tuple[Step, ...]:
    """What came since stays. Raises Failure."""
    snapshot, domain = _newest(machine, seen, name), str(seen.facts["name"])
    if not snapshot.overlays:
        return (DeleteSnapshot(domain, name, metadata=False),)
    standing = _standing(seen, snapshot)
    there = host.files([overlay.path for overlay in standing])
    if gone := [overlay.path for overlay in standing if overlay.path not in there]:
        raise Failure(f"{gone[0]} is gone: a revert was cut off",
                      f"tinycloud snapshot revert {machine.address} {name} ends it")
    return (
        *_merge(seen, standing),
        *(Remove(overlay.path) for overlay in snapshot.overlays),
        # Last: until then it is known which files are left to go.
        DeleteSnapshot(domain, name, metadata=True),
    )


def _merge(seen: Observed, standing: tuple[Overlay, ...]) -> Iterator[Step]:
    domain = str(seen.facts["name"])
    if seen.running:
        # libvirt writes the definition anew as well.
        yield from (CommitOverlay(domain, one.target, one.below) for one in standing)
        return
    for one in standing:
        yield Run(("qemu-img", "commit", "-q", "-f", "qcow2", "-d", "-b", one.below, one.path))
    if standing:
        merged = {one.path for one in standing}
        over = overlays(seen)
        left = {disk: tuple(path for path in stack if path not in merged)
                for disk, stack in over.items()}
        xml = str(seen.facts["xml"])
        yield Define(domain, overlaid(xml, left), before=overlaid(xml, over))


def _newest(machine: Resource, seen: Observed, name: str) -> SnapshotFacts:
    """The snapshot, if no overlays came after it: they would be lost, or stand on nothing."""
    known = snapshots(seen)
    at = next((at for at, snapshot in enumerate(known) if snapshot.name == name), None)
    if at is None:
        there = ", ".join(snapshot.name for snapshot in known) or "none"
        raise Failure(f"{machine.address} has no snapshot {name}", f"there are: {there}")
    if later := [snapshot.name for snapshot in known[at + 1:] if snapshot.overlays]:
        raise Failure(f"the external snapshot {later[-1]} of {machine.address} is newer than "
                      f"{name}", f"tinycloud snapshot delete {machine.address} {later[-1]}")
    return known[at]


def _standing(seen: Observed, snapshot: SnapshotFacts) -> tuple[Overlay, ...]:
    """Those of its overlays that the machine still writes to: the others are merged already."""
    tops = {stack[0] for stack in overlays(seen).values() if stack}
    return tuple(overlay for overlay in snapshot.overlays if overlay.path in tops)
