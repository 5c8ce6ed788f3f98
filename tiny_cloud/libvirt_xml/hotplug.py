"""What can be changed about a machine while it runs, and how; the rest waits for a boot.

The rules are qemu's (docs/pcie.txt, docs/system/cpu-hotplug.rst) and libvirt's (the hypervisor
driver's attach, detach and update). They are told in fields, so that a plan and the steps that
carry it out cannot disagree.
"""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable, Iterator, Mapping

from msgspec.structs import replace

from tiny_cloud.libvirt_xml.aliases import PREFIXES
from tiny_cloud.libvirt_xml.room import Room
from tiny_cloud.model import FieldDiff, Impact, Value

Fields = Mapping[str, Value]
Device = Mapping[str, Value]
"""A device's own fields: ``{"bus": "virtio", "path": …}``."""

EXCHANGED = {"cdroms": {"path"}, "interfaces": {"network", "bridge", "link"}}
"""By list, what of a device can be changed while it is plugged in."""
BUSES = {"disks": "virtio", "cdroms": "sata", "inputs": "usb"}
"""By list, the bus of a device that says nothing of it."""
SLOTLESS = {"usb", "scsi"}
"""Buses with room for more on the controller they have."""
NATIVE_CARDS = {"virtio", "e1000e", "igb", "vmxnet3"}
"""PCI Express cards; the others go behind a bridge, which cannot be plugged in later."""
SCALARS = ("cpus", "title", "description")
"""Fields beside the lists that can be changed while it runs, and that do not move by themselves."""


class Way(enum.Enum):
    ATTACH = "attach"
    DETACH = "detach"
    UPDATE = "update"
    BOOT = "boot"
    """Not while it runs."""


def group_of(field: str) -> str:
    """``disks[data]`` of ``disks[data].bus``; empty: it belongs to no device of a list."""
    head, bracket, _ = field.partition("]")
    return head + bracket if bracket and head.partition("[")[0] in PREFIXES else ""


def groups(fields: Fields) -> dict[str, dict[str, Value]]:
    """The devices of lists, by ``disks[data]``."""
    found: dict[str, dict[str, Value]] = {}
    for field, value in fields.items():
        if group := group_of(field):
            found.setdefault(group, {})[field.removeprefix(group).lstrip(".")] = value
    return found


def way(group: str, old: Device | None, new: Device | None, room: Room) -> Way:
    """How a device gets from ``old`` (None: it is not there) to ``new`` while the machine runs."""
    kind = group.partition("[")[0]
    if old is None and new is not None:
        return Way.ATTACH if _fits(kind, new, room) else Way.BOOT
    if old is not None and new is None:
        return Way.DETACH if _unplugs(kind, old, room) else Way.BOOT
    changed = {key for key in {*(old or ()), *(new or ())}
               if (old or {}).get(key) != (new or {}).get(key)}
    # Cards with forwarded ports are qemu's alone: libvirt knows nothing of them.
    ours = any(card.get("user.forward") for card in (old or {}, new or {}))
    return Way.UPDATE if changed <= EXCHANGED.get(kind, set()) and not ours else Way.BOOT


def _fits(kind: str, device: Device, room: Room) -> bool:
    match kind:
        case "disks" | "cdroms":
            if kind == "cdroms" and not device.get("path"):
                return False  # libvirt (9.0) plugs no drive in that is empty
            bus = device.get("bus", BUSES[kind])
            if bus == "usb":
                return room.usb
            if bus == "scsi":
                return room.scsi and device.get("iothread", room.scsi_thread) == room.scsi_thread
            thread = device.get("iothread")
            return (bus == "virtio" and (thread is None or thread in room.threads)
                    and room.take_port())
        case "interfaces":
            return _pluggable(device, room) and room.take_port()
        case "hostDevices":
            return room.usb if "usb" in device else room.take_port()
        case "filesystems":
            return device.get("driver") != "9p" and room.shared and room.take_port()
        case "inputs":
            bus = device.get("bus", BUSES[kind])
            return room.usb if bus == "usb" else bus == "virtio" and room.take_port()
        case "dimms":
            room.slots -= 1
            return room.slots >= 0
    return False


def _unplugs(kind: str, device: Device, room: Room) -> bool:
    match kind:
        case "disks" | "cdroms":
            return device.get("bus", BUSES[kind]) in ("virtio", *SLOTLESS)
        case "interfaces":
            return _pluggable(device, room)
        case "filesystems":
            return device.get("driver") != "9p"
        case "inputs":
            return device.get("bus", BUSES[kind]) in ("usb", "virtio")
        case "hostDevices" | "dimms":
            return True
    return False


def _pluggable(card: Device, room: Room) -> bool:
    return not card.get("user.forward") and (
        not room.express or card.get("model", "virtio") in NATIVE_CARDS)


def _settles(field: str, value: Value, room: Room) -> bool:
    return field != "cpus" or value in room.processors


def changed(old: Fields, new: Fields) -> Iterator[str]:
    """The groups that differ, those of ``new`` first, in its order."""
    before, after = groups(old), groups(new)
    for group in dict.fromkeys((*after, *before)):
        if before.get(group) != after.get(group):
            yield group


def asks_guest(diffs: Iterable[FieldDiff], desired: Fields) -> bool:
    """Whether something is to be taken out of the machine that its guest has to let go of."""
    staying = groups(desired)
    for diff in diffs:
        if diff.impact is not Impact.LIVE:
            continue
        group = group_of(diff.field)
        if group and group not in staying:
            return True
        if diff.field == "cpus" and isinstance(diff.new, int) and isinstance(diff.old, int):
            return diff.new < diff.old
    return False


def mendable(defined: Fields, running: Fields, live_xml: str) -> frozenset[str]:
    """The devices in which they differ and the fields, which need no boot to become equal."""
    before, after, room = groups(running), groups(defined), Room.of(live_xml)
    devices = {group for group in changed(running, defined)
               if way(group, before.get(group), after.get(group), room) is not Way.BOOT}
    fields = {field for field in SCALARS if _settles(field, defined.get(field), room)}
    return frozenset(devices | fields)


def observed(
    defined: Fields, running: Fields, desired: Fields, mends: Container[str]
) -> Fields:
    """The fields to compare with what is declared. Where a device differs between definition and
    what runs and that can be mended at once, the one that is not as declared counts.

    ``mends``: what is ``mendable``."""
    fields = dict(defined)
    wanted, as_defined, as_running = groups(desired), groups(defined), groups(running)
    for group in changed(running, defined):
        if group not in mends or not _is_as(as_defined.get(group), wanted.get(group)):
            continue
        fields = {field: value for field, value in fields.items() if group_of(field) != group}
        fields |= {f"{group}.{key}": value for key, value in as_running.get(group, {}).items()}
    for field in SCALARS:
        wish = desired.get(field)
        if running.get(field) != wish == defined.get(field) and field in mends:
            fields[field] = running.get(field)
    return fields


def costs(
    diffs: Iterable[FieldDiff], old: Fields, desired: Fields, live_xml: str
) -> tuple[FieldDiff, ...]:
    """Each difference with what it costs the machine that runs as ``live_xml`` says."""
    before, wanted, room = groups(old), groups(desired), Room.of(live_xml)
    known: dict[str, Impact] = {}
    found = []
    diffs = tuple(diffs)
    gone = {diff.field for diff in diffs if diff.new is None}
    for diff in diffs:
        group = group_of(diff.field)
        impact = diff.impact
        if group:
            if group not in known:
                here = before.get(group)
                kept = {key: value for key, value in (here or {}).items()
                        if f"{group}.{key}" not in gone}
                new = {**kept, **wanted[group]} if group in wanted else None
                if not room.has(group):
                    here = None  # it was to come with the next boot
                boots = way(group, here, new, room) is Way.BOOT
                known[group] = Impact.NEXT_BOOT if boots else Impact.LIVE
            impact = known[group]
        elif diff.field in SCALARS and not _settles(diff.field, diff.new, room):
            impact = Impact.NEXT_BOOT
        found.append(replace(diff, impact=impact))
    return tuple(found)


def _is_as(device: Fields | None, wanted: Fields | None) -> bool:
    """Whether all that is declared of it is so; paths and names of disks are not comparable."""
    if device is None or wanted is None:
        return device is None and wanted is None
    return all(device[key] == value for key, value in wanted.items() if key in device)
