"""Devices of the host (https://libvirt.org/formatdomain.html#host-device-assignment).

``managed``: libvirt takes a PCI device from its driver when the machine starts, and gives it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.parts import several
from tiny_cloud.model import Value

KIND = "hostDevices"
PCI = ("domain", "bus", "slot", "function")

Device = tuple[str, str]
"""``("pci", "0000:01:00.0")`` or ``("usb", "1d6b:0002")``, as lspci -D and lsusb show them."""


def write(root: Element, spec: Mapping[str, Any]) -> None:
    several.put(root, "hostdev", KIND, _wanted(spec), device)


def name(root: Element, spec: Mapping[str, Any]) -> None:
    several.name(root, "hostdev", _wanted(spec), device)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for word, element in several.ours(root, "hostdev", KIND):
        found = device(element)
        if found is not None:
            yield f"hostDevices[{word}].{found[0]}", found[1]


def devices(xml: str) -> set[Device]:
    """All that a domain has of its host, whoever gave it."""
    found = map(device, etree.fromstring(xml).iterfind("devices/hostdev"))
    return {item for item in found if item is not None}


def device(element: Element) -> Device | None:
    """None: something else (SCSI, a mediated device), or USB by its place on the bus."""
    address, vendor, product = (element.find(f"source/{tag}")
                                for tag in ("address", "vendor", "product"))
    match element.get("type"):
        case "pci" if address is not None:
            domain, bus, slot, function = (int(address.get(key, "0"), 16) for key in PCI)
            return "pci", f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
        case "usb" if vendor is not None and product is not None:
            return "usb", ":".join(f"{int(part.get('id', '0'), 16):04x}"
                                   for part in (vendor, product))
    return None


def _wanted(spec: Mapping[str, Any]) -> list[Element]:
    return [_element(item) for item in spec.get("hostDevices", ())]


def _element(item: Mapping[str, Any]) -> Element:
    if "pci" in item:
        words = [f"0x{digits}" for digits in re.split("[:.]", item["pci"])]
        kind, parts = "pci", [E.address(dict(zip(PCI, words, strict=True)))]
    else:
        vendor, _, product = item["usb"].partition(":")
        kind, parts = "usb", [E.vendor(id=f"0x{vendor}"), E.product(id=f"0x{product}")]
    return E.hostdev(E.source(*parts), several.alias(KIND, item["name"]),
                     mode="subsystem", type=kind, managed="yes")
