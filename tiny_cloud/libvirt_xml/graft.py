"""Bring the disks and interfaces of an existing definition to what a Domain says, in their places.

A device keeps its PCI address, its target and whatever else somebody gave it; only what we manage
is set. Ours are those with our alias, and those with the very disk or MAC of ours, which is how a
machine that somebody else made is adopted without plugging its disks in twice.
"""

from __future__ import annotations

from lxml import etree

from tiny_cloud.libvirt_xml import definition, devices, ports
from tiny_cloud.libvirt_xml.domain import (
    DiskDevice,
    Domain,
    Interface,
    disk_alias,
    interface_alias,
)
from tiny_cloud.libvirt_xml.read import local_path, name_of

Element = etree._Element
DISK_PARTS = ("backingStore", "target", "readonly", "serial", "boot", "alias")
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
            _append(parent, fresh)
        else:
            _graft_disk(existing, fresh)


def _match_disk(current: list[Element], disk: DiskDevice) -> Element | None:
    for element in current:
        alias = element.find("alias")
        if alias is not None and alias.get("name") == disk_alias(disk):
            return element
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
            _drop(system, "boot")
        return True
    return not boots


def _graft_disk(element: Element, fresh: Element) -> None:
    old, new = _bus(element), _bus(fresh)
    if old != new:
        _drop(element, "address")
    for name, value in fresh.attrib.items():
        element.set(name, value)
    driver, wanted = element.find("driver"), fresh.find("driver")
    if driver is None or wanted is None:
        _replace(element, fresh, "driver")
    else:
        for name, value in wanted.attrib.items():
            driver.set(name, value)
    if local_path(element) != local_path(fresh):
        _replace(element, fresh, "source")
    for tag in DISK_PARTS:
        _replace(element, fresh, tag)


def interfaces(parent: Element, domain: Domain) -> None:
    plugged = [item for item in domain.interfaces if not item.forwards]
    current = parent.findall("interface")
    matches = {item.name: _match_interface(current, item) for item in plugged}
    kept = [item for item in matches.values() if item is not None]
    macs = {item.mac.lower() for item in domain.interfaces}
    for element in current:
        if element not in kept and (name_of(element, "ua-net-") or _mac(element) in macs):
            parent.remove(element)
    for item in plugged:
        existing, fresh = matches[item.name], devices.interface(item)
        if existing is None:
            _append(parent, fresh)
        else:
            _graft_interface(parent, existing, fresh)


def _match_interface(current: list[Element], item: Interface) -> Element | None:
    for element in current:
        alias = element.find("alias")
        if alias is not None and alias.get("name") == interface_alias(item):
            return element
    for element in current:
        if element.find("alias") is None and _mac(element) == item.mac.lower():
            return element
    return None


def _graft_interface(parent: Element, element: Element, fresh: Element) -> None:
    if ports.is_legacy(element) != ports.is_legacy(fresh):
        _drop(element, "address")
    if element.get("type") != fresh.get("type"):
        # What else hung on it (virtual ports, a tap's name) has no meaning on the new kind.
        fresh.extend(element.findall("address"))
        parent.replace(element, fresh)
        return
    source, wanted = element.find("source"), fresh.find("source")
    if wanted is not None and (
            source is None or any(source.get(key) != word for key, word in wanted.items())):
        _replace(element, fresh, "source")
    for tag in ("mac", "model", "alias"):
        _replace(element, fresh, tag)


def _mac(element: Element) -> str:
    mac = element.find("mac")
    return "" if mac is None else mac.get("address", "").lower()


def _bus(disk: Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("bus", "")


def _append(parent: Element, device: Element) -> None:
    """After the last of its kind, so that a new disk does not come before the old ones."""
    siblings = parent.findall(device.tag)
    if siblings:
        siblings[-1].addnext(device)
    else:
        parent.append(device)


def _drop(element: Element, tag: str) -> None:
    for child in element.findall(tag):
        element.remove(child)


def _replace(element: Element, fresh: Element, tag: str) -> None:
    """Take over one child from ``fresh``, or its absence; an equal one is left where it is."""
    old, new = element.find(tag), fresh.find(tag)
    if old is None and new is not None:
        element.append(new)
    elif old is not None and new is None:
        element.remove(old)
    elif old is not None and new is not None and not same(old, new):
        element.replace(old, new)


def same(first: Element, second: Element) -> bool:
    """Equal but for white space, quotes and the order of attributes."""
    return canonical(first) == canonical(second)


def canonical(element: Element) -> str:
    xml = etree.tostring(element, encoding="unicode", with_tail=False)
    return str(etree.canonicalize(xml, strip_text=True))
