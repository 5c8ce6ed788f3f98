"""The disks of an existing definition, brought to what a Domain says (see ``graft``)."""

from __future__ import annotations

from collections.abc import Collection

from tiny_cloud.libvirt_xml import definition, devices, remotes
from tiny_cloud.libvirt_xml import kept as kept_as
from tiny_cloud.libvirt_xml.aliases import name_of
from tiny_cloud.libvirt_xml.domain import DiskDevice, Domain
from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.libvirt_xml.graft import append, drop, replace_child
from tiny_cloud.libvirt_xml.read import key_of, local_path

DISK_PARTS = ("backingStore", "alias")
"""Children of <disk> that are ours alone; what is not declared of the others is the user's."""


def disks(root: Element, parent: Element, domain: Domain) -> None:
    current = parent.findall("disk")
    matches = {disk.name: kept_as.match_disk(current, disk) for disk in domain.disks}
    kept = [item for item in matches.values() if item is not None]
    for element in current:
        if element not in kept and (name_of(element, "disks") or name_of(element, "cdroms")):
            parent.remove(element)
    targets = _targets(parent, domain, matches)
    orders = _boot_orders(root, parent, domain, matches)
    for disk in domain.disks:
        fresh = devices.disk(disk, targets[disk.name], orders.get(disk.name, 0))
        existing = matches[disk.name]
        if existing is None:
            append(parent, fresh)
        else:
            _graft_disk(existing, fresh, disk)


def _targets(
    parent: Element, domain: Domain, matches: dict[str, Element | None]
) -> dict[str, str]:
    """Each disk's target: the declared one, else the one it has, else the first free of its bus."""
    chosen = {disk.name: disk.target for disk in domain.disks if disk.target}
    for disk in domain.disks:
        element = matches[disk.name]
        target = None if element is None else element.find("target")
        if target is not None and target.get("bus") == disk.bus:
            chosen.setdefault(disk.name, target.get("dev", ""))
    ours = [element for element in matches.values() if element is not None]
    foreign = {target.get("dev", "") for element in parent.findall("disk") if element not in ours
               for target in element.findall("target")}
    for disk in domain.disks:
        if disk.name not in chosen:
            chosen[disk.name] = devices.free_target(disk.bus, foreign | set(chosen.values()))
    return chosen


def _boot_orders(
    root: Element, parent: Element, domain: Domain, matches: dict[str, Element | None]
) -> dict[str, int]:
    """The turns that are to be written, with numbers that no other device has.

    Disks that are there keep their turns; a new one comes after that which it follows in our order.
    Beside <os><boot> libvirt forbids turns: where it is somebody's wish, nobody has one."""
    there = {name: _turn(element) for name, element in matches.items() if element is not None}
    if not _frees_turns(root, domain, there):
        return {}
    anew = not there or "boot" in domain.gone
    sequence = [] if anew else sorted((n for n in there if there[n]), key=lambda n: there[n])
    others = {_turn(device) for device in parent if device not in matches.values()} - {0}
    if not anew and (len(there) == len(matches) or (others and not sequence)):
        return {}
    ordered = [disk.name for disk in definition.boot_order(domain.disks)]
    for place, name in enumerate(ordered):
        if name not in there or anew:
            before = [sequence.index(other) for other in ordered[:place] if other in sequence]
            sequence.insert(before[-1] + 1 if before else 0, name)
    numbers = (number for number in range(1, len(sequence) + len(others) + 1)
               if number not in others)
    return dict(zip(sequence, numbers, strict=False))


def _turn(device: Element) -> int:
    """From 1; 0: it has none."""
    boot = device.find("boot")
    return 0 if boot is None else int(boot.get("order", "0"))


def _frees_turns(root: Element, domain: Domain, there: Collection[str]) -> bool:
    """libvirt writes <boot dev='hd'/> where no device has a turn, as in a machine that had no disk
    until now; any other is somebody's wish. Whether the devices are free to have turns."""
    boots = root.findall("os/boot")
    if [boot.get("dev") for boot in boots] == ["hd"] and domain.disks and not there:
        for system in root.findall("os"):
            drop(system, "boot")
        return True
    return not boots


def _medium(disk: Element) -> tuple[object, ...]:
    return disk.get("type"), local_path(disk), remotes.read(disk), key_of(disk)


def _graft_disk(element: Element, fresh: Element, disk: DiskDevice) -> None:
    if kept_as.bus_of(element) != kept_as.bus_of(fresh):
        drop(element, "address")
        drop(element, "target")
    if _medium(element) != _medium(fresh):
        replace_child(element, fresh, "source")
        for tag in ("encryption", "auth"):
            drop(element, tag)
    for name, value in fresh.attrib.items():
        element.set(name, value)
    target, named = element.find("target"), fresh.find("target")
    if target is None or named is None:
        replace_child(element, fresh, "target")
    else:
        target.attrib.update(named.attrib)
    driver, wanted = element.find("driver"), fresh.find("driver")
    if driver is None or wanted is None:
        replace_child(element, fresh, "driver")
    else:
        for name, value in wanted.attrib.items():
            if name in ("name", "type") or name in disk.driver:
                driver.set(name, value)
    declared = {"readonly": disk.readonly, "shareable": disk.shareable,
                "serial": disk.serial or None}
    for tag in (*DISK_PARTS, *(tag for tag, value in declared.items() if value is not None)):
        replace_child(element, fresh, tag)
    if fresh.find("boot") is not None:
        replace_child(element, fresh, "boot")
