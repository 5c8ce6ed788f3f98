"""What a manifest says nothing of is what the definition has; a new machine has our defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tiny_cloud.libvirt_xml import cards
from tiny_cloud.libvirt_xml.domain import (
    DiskDevice,
    Domain,
    Interface,
    disk_alias,
    family,
    interface_alias,
)
from tiny_cloud.libvirt_xml.elements import Element, attribute
from tiny_cloud.libvirt_xml.graft import aliased
from tiny_cloud.libvirt_xml.read import place

BUS, CARD, MACHINE = "virtio", "virtio", "q35"


def completed(domain: Domain, root: Element | None = None) -> Domain:
    """``root``: the definition that there is."""
    disks, interfaces, board, forwarding = _parts(root)
    return replace(
        domain,
        machine=domain.machine or board,
        disks=tuple(item if item.bus else replace(item, bus=_bus(match_disk(disks, item)))
                    for item in domain.disks),
        interfaces=tuple(
            item if item.model else replace(item, model=_model(interfaces, forwarding, item))
            for item in domain.interfaces),
    )


def match_disk(current: Iterable[Element], disk: DiskDevice) -> Element | None:
    """Ours by its name, or the nameless one with its very file."""
    there = list(current)
    ours = aliased(there, disk_alias(disk))
    if ours is not None:
        return ours
    path = disk.chain[0].path if disk.chain else None
    return next((element for element in there
                 if element.find("alias") is None and place(element) == path), None)


def match_interface(current: Iterable[Element], item: Interface) -> Element | None:
    """Ours by its name, or the nameless one with its MAC."""
    there = list(current)
    ours = aliased(there, interface_alias(item))
    if ours is not None:
        return ours
    return next((element for element in there if element.find("alias") is None
                 and mac_of(element) == item.mac.lower()), None)


def mac_of(element: Element) -> str:
    return attribute(element, "mac", "address").lower()


def bus_of(disk: Element) -> str:
    return attribute(disk, "target", "bus")


def _parts(
    root: Element | None,
) -> tuple[list[Element], list[Element], str, Mapping[str, str]]:
    if root is None:
        return [], [], MACHINE, {}
    board = family(attribute(root, "os/type", "machine")) or MACHINE
    forwarding = {card.name: card.model for card in cards.read(root)}
    return root.findall("devices/disk"), root.findall("devices/interface"), board, forwarding


def _bus(existing: Element | None) -> str:
    return BUS if existing is None else bus_of(existing)


def _model(there: Iterable[Element], forwarding: Mapping[str, str], item: Interface) -> str:
    element = match_interface(there, item)
    known = forwarding.get(item.name, CARD)
    return known if element is None else attribute(element, "model", "type") or known
