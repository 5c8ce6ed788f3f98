"""The disks of an existing definition, brought to what a Domain says (see ``graft``)."""

from __future__ import annotations

from tiny_cloud.libvirt_xml import definition, devices
from tiny_cloud.libvirt_xml.domain import DiskDevice, Domain, disk_alias
from tiny_cloud.libvirt_xml.graft import Element, aliased, append, drop, replace_child
from tiny_cloud.libvirt_xml.read import local_path, name_of

DISK_PARTS = ("backingStore", "target", "readonly", "shareable", "serial", "boot", "alias")
"""Children of <disk> that are ours alone; <driver> and <source> are shared with the user."""


def disks(root: Element, parent: Element, domain: Domain) -> None:
    current = parent.findall("disk")
    matches = {disk.name: _match_disk(current, disk) for disk in domain.disks}
    kept = [item for item in matches.values() if item is not None]
    for element in current:
        if element not in kept and (name_of(element, "ua-disk-") or name_of(element, "ua-cdrom-")):
            parent.remove(element)
    targets = _targets(parent, domain, matches)
    orders = _boot_orders(root, parent, domain, kept)
    for disk in domain.disks:
        fresh = devices.disk(disk, targets[disk.name], orders.get(disk.name, 0))
        existing = matches[disk.name]
        if existing is None:
            append(parent, fresh)
        else:
            _graft_disk(existing, fresh)


def _match_disk(current: list[Element], disk: DiskDevice) -> Element | None:
    ours = aliased(current, disk_alias(disk))
    if ours is not None:
        return ours
    path = disk.chain[0].path if disk.chain else None
    for element in current:
        if element.find("alias") is None and local_path(element) == path:
            return element
    return None


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
    root: Element, parent: Element, domain: Domain, ours: list[Element]
) -> dict[str, int]:
    """Numbers that no other device has; none at all beside <os><boot>, which libvirt forbids."""
    if not _drops_default_boot(root, domain):
        return {}
    others = {int(boot.get("order", "0")) for device in parent if device not in ours
              for boot in device.findall("boot")}
    ordered = definition.boot_order(domain.disks)
    numbers = (number for number in range(1, len(ordered) + len(others) + 1)
               if number not in others)
    return {disk.name: number for disk, number in zip(ordered, numbers, strict=False)}


def _drops_default_boot(root: Element, domain: Domain) -> bool:
    """libvirt writes <boot dev='hd'/> where no device has an order; another one is somebody's wish.
    Whether the devices are free to have orders."""
    boots = root.findall("os/boot")
    if [boot.get("dev") for boot in boots] == ["hd"] and domain.disks:
        for system in root.findall("os"):
            drop(system, "boot")
        return True
    return not boots


def _graft_disk(element: Element, fresh: Element) -> None:
    if _bus(element) != _bus(fresh):
        drop(element, "address")
    if (element.get("type"), local_path(element)) != (fresh.get("type"), local_path(fresh)):
        replace_child(element, fresh, "source")
    for name, value in fresh.attrib.items():
        element.set(name, value)
    driver, wanted = element.find("driver"), fresh.find("driver")
    if driver is None or wanted is None:
        replace_child(element, fresh, "driver")
    else:
        for name, value in wanted.attrib.items():
            driver.set(name, value)
    for tag in DISK_PARTS:
        replace_child(element, fresh, tag)


def _bus(disk: Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("bus", "")
