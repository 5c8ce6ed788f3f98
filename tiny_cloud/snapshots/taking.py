"""The steps that take a snapshot of all disks of a machine at once. Pure.

Internal ones lie inside the disks' own files (qcow2 alone can) and have the memory of a running
machine in them; external ones put an overlay on top of each disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from tiny_cloud.errors import Failure
from tiny_cloud.libvirt_xml import agent_answers, write_snapshot
from tiny_cloud.libvirt_xml.aliases import name_of
from tiny_cloud.libvirt_xml.elements import Element, attribute
from tiny_cloud.model import Observed
from tiny_cloud.resource import Resource
from tiny_cloud.snapshots.standing import snapshots
from tiny_cloud.steps import CreateSnapshot, MakeFolder, Run, Step

NAME = re.compile(r"(?=.*[^0-9])[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
"""qemu-img takes a number for the ID of an internal snapshot (qemu-img(1), snapshot)."""


def take(
    machine: Resource, seen: Observed, name: str, *, external: bool, freeze: bool
) -> tuple[Step, ...]:
    """``freeze``: a guest agent that is there is asked for it. Raises Failure for what cannot be
    taken."""
    _require_sane(machine, seen, name)
    disks = _disks(machine, seen)
    _require_takable(machine, seen, disks, external=external)
    domain = str(seen.facts["name"])
    readonly = [target for target, disk in disks.items() if disk.find("readonly") is not None]
    if not external:
        return (CreateSnapshot(domain, name, write_snapshot(name, {}, readonly)),)
    cloud, owner = machine.context.cloud, machine.address.name
    overlays = {
        target: cloud.path("snapshots", f"{owner}.{name}.{name_of(disk, 'disks') or target}.qcow2")
        for target, disk in disks.items() if target not in readonly
    }
    xml, live = write_snapshot(name, overlays, readonly), str(seen.facts["live"])
    return (
        MakeFolder(cloud.path("snapshots"), 0o711),
        CreateSnapshot(domain, name, xml, True, bool(live), freeze and agent_answers(live)),
        # libvirt makes those of a machine that is off readable to everybody.
        Run(("chmod", "0600", "--", *overlays.values())),
    )


def is_unfrozen(step: Step) -> bool:
    """Whether it takes the disks from under a running guest that was not asked to hold still."""
    return isinstance(step, CreateSnapshot) and step.external and step.live and not step.freeze


def _require_sane(machine: Resource, seen: Observed, name: str) -> None:
    if not NAME.fullmatch(name):
        raise Failure(f"{name!r} is no name for a snapshot",
                      "letters, digits, - and _, at most 63, and not digits alone")
    if name in (snapshot.name for snapshot in snapshots(seen)):
        raise Failure(f"{machine.address} has a snapshot {name} already", "take another name")
    if seen.pending:
        raise Failure(f"{machine.address} waits for a restart: {', '.join(seen.pending)}; what "
                      "runs is not what a snapshot would remember",
                      f"tinycloud apply --restart {machine.address}")


def _disks(machine: Resource, seen: Observed) -> dict[str, Element]:
    """By target; drives with exchangeable media have no snapshots."""
    devices = etree.fromstring(str(seen.facts["xml"])).iterfind("devices/disk")
    found = {attribute(disk, "target", "dev"): disk for disk in devices
             if disk.get("device", "disk") in ("disk", "lun")}
    if not found:
        raise Failure(f"{machine.address} has no disks")
    return found


def _require_takable(
    machine: Resource, seen: Observed, disks: dict[str, Element], *, external: bool
) -> None:
    outside = [snapshot.name for snapshot in snapshots(seen) if snapshot.overlays]
    if outside and not external:
        raise Failure(f"{machine.address} has the external snapshot {outside[-1]}, and an internal "
                      "one would be lost with its overlays", "take this one with --external, too")
    why = next(_unfit(machine, disks, external=external), None)
    if why is not None:
        raise why


def _unfit(machine: Resource, disks: dict[str, Element], *, external: bool) -> Iterator[Failure]:
    for target, disk in disks.items():
        name = name_of(disk, "disks") or target
        link = machine.links.get(f"disks[{name}].disk")
        form = attribute(disk, "driver", "type")
        if disk.find("readonly") is not None:
            continue
        if link is not None and link.external:
            yield Failure(f"{link.address} is external, and so is never changed",
                          "take the snapshot with the tool that it belongs to")
        if disk.find("shareable") is not None:
            yield Failure(f"the disk {name} of {machine.address} is shareable: others would go on "
                          "writing below its snapshot", "take it out of the machine first")
        if disk.find("source/encryption") is not None or disk.find("encryption") is not None:
            yield Failure(f"the disk {name} of {machine.address} is encrypted: a snapshot would "
                          "hold in the clear what is in it", "take it inside the guest")
        if not external and form != "qcow2":
            yield Failure(f"the disk {name} of {machine.address} is {form}: only qcow2 can have "
                          "snapshots inside", "take it with --external")
        if external and disk.get("type") not in ("file", "block"):
            yield Failure(f"the disk {name} of {machine.address} is on the network and can have no "
                          "overlay here", "take the snapshot where it is stored")
