"""The seed of a Guest as a file of ours, and as a drive of its machine. Pure.

The disk is not looked into: what was written is known from the record alone, and whether cloud-init
in there did it cannot be seen from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import etree
from msgspec.structs import replace

from tiny_cloud.cloudinit.render import refused
from tiny_cloud.errors import Problem
from tiny_cloud.facts import DiskUse, FileFacts, Reader
from tiny_cloud.model import Change, Cloud, FieldDiff, Impact, Observed, Ownership, State, Unknown
from tiny_cloud.naming import ownership, was
from tiny_cloud.resource import Resource
from tiny_cloud.steps import EditGuest, MakeFolder, MakeSeed, Remove, Stamp, Step

CLOUD_INIT = "cloudInit"
DRIVE = "cidata"
"""What the drive is called in the machine; it is also the seed's volume label."""
WAITING = "waiting"
"""In the record: what the running machine has not read yet, and which run of it that was."""


def wanted(settings: Mapping[str, Any]) -> bool:
    return settings.get("method") == CLOUD_INIT


def path_of(cloud: Cloud, name: str) -> str:
    return cloud.path("seeds", f"{name}.iso")


def drive(cloud: Cloud, name: str) -> dict[str, str]:
    """Not on sata, the default: Debian's kernel for clouds has no AHCI, but virtio-scsi."""
    return {"name": DRIVE, "path": path_of(cloud, name), "bus": "scsi"}


def file_of(guest: Resource) -> str:
    return path_of(guest.context.cloud, guest.address.name)


def faults(guest: Resource) -> Iterator[Problem]:
    if not wanted(guest.spec):
        return
    for field in refused(guest.spec):
        yield from guest.refuse(
            ("spec", field), f"{guest.address}: {field} is not written by way of cloud-init",
            f"leave {field} out, or write method: offline").problems
    machine, path = guest.links.get("machine"), file_of(guest)
    drives = machine.spec.get("cdroms", ()) if machine else ()
    if not any(item.get("path") == path for item in drives):
        yield from guest.refuse(
            ("spec", "method"), f"{guest.address} is a seed, and its machine has no drive with it",
            "write it as guest: of a VirtualMachine, or name its machine and put there "
            f"cdroms: [{{name: {DRIVE}, bus: scsi, path: {path}}}]").problems


def costs(guest: Resource, diffs: Sequence[FieldDiff]) -> tuple[FieldDiff, ...]:
    """Nothing is written into the disk, so nobody has to let go of it."""
    if not wanted(guest.spec):
        return tuple(diffs)
    return tuple(replace(diff, impact=Impact.NEXT_BOOT) if diff.impact is Impact.RESTART else diff
                 for diff in diffs)


def observed(
    guest: Resource, host: Reader, seen: Observed, record: Mapping[str, Any], use: DiskUse | None
) -> Observed | Unknown:
    """What was seen of a guest, with what concerns its seed."""
    if "instance" not in record:
        return _written_into(guest, seen) if wanted(guest.spec) else seen
    boot = _boot(host, use)
    waiting = record.get(WAITING) or {}
    late = tuple(waiting.get("fields", ())) if boot and waiting.get("boot") == boot else ()
    seen = replace(seen, pending=late, facts={
        **seen.facts, "identity": record["identity"], "boot": boot})
    if not wanted(guest.spec):
        return replace(seen, pending=())
    before = was(guest)
    places = [file_of(item) for item in (guest, before) if item is not None]
    facts = next(iter(host.files(places).values()), None)
    if isinstance(facts, Unknown):
        return facts
    if facts is not None and ownership(guest, facts)[0] is not Ownership.OURS:
        return Unknown(f"{facts.path} was not made here", "move it away")
    return replace(seen, complete=seen.complete and _is_of(facts, record))


def _is_of(facts: FileFacts | None, record: Mapping[str, Any]) -> bool:
    """Whether it is the seed that was recorded: a new disk gets its own before it has its name."""
    return facts is not None and (facts.stamp or {}).get("instance") == record["instance"]


def _written_into(guest: Resource, seen: Observed) -> Observed:
    disk = guest.link("disk").address
    return replace(seen, held_fields=frozenset({"method"}), held=(
        "its settings were written into the disk, and cloud-init in there was switched off: write "
        f"method: offline, or make the disk anew with --replace {disk}"))


def _boot(host: Reader, use: DiskUse | None) -> str:
    """libvirt's number of this run of the machine, which the next one will not have; empty: it is
    off. What a drive held at a start it holds until the machine is off."""
    facts = host.domains().get(use.domain) if use is not None and use.running else None
    if facts is None or not facts.live_xml:
        return ""
    return etree.fromstring(facts.live_xml).get("id", "0")


def made(guest: Resource, change: Change, edit: EditGuest) -> Iterator[Step]:
    """``edit``: what it would be if the disk itself were written."""
    seen, fresh = change.observed, change.aside
    path, cloud = file_of(guest), guest.context.cloud
    facts = {} if fresh or seen is None else seen.facts
    runs = seen is not None and seen.running and not change.stop and not change.rests
    late = {diff.field: None for diff in change.diffs} | dict.fromkeys(seen.pending if seen else ())
    waits = {"boot": facts.get("boot", ""), "fields": list(late)} if runs and late else None
    yield MakeFolder(cloud.path("seeds"), 0o711)
    yield MakeSeed(
        address=str(guest.address),
        stamp=Stamp(f"{path}.part", path, cloud.name, str(guest.address)),
        settings=edit.settings,
        disk=edit.disk,
        format=edit.format,
        identity=str(facts.get("identity", "")),
        record={**edit.record, WAITING: waits},
    )
    yield from gone(was(guest))


def left(guest: Resource, change: Change) -> Iterator[Step]:
    """When the settings are written into the disk from now on."""
    if any((diff.field, diff.old) == ("method", CLOUD_INIT) for diff in change.diffs):
        yield from gone(guest)


def gone(guest: Resource | None) -> Iterator[Step]:
    """Also of who it was until now; None: it was nobody else."""
    for item in (guest, was(guest)) if guest is not None else ():
        if item is not None:
            yield Remove(file_of(item))
            yield Remove(f"{file_of(item)}.part")


def told(fields: State) -> dict[str, Any]:
    """The declared fields; offline is what goes without saying."""
    return {name: value for name, value in fields.items()
            if (name, value) != ("method", "offline")}
