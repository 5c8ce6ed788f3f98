"""The order of booting (https://libvirt.org/formatdomain.html#bios-bootloader).

Each device says its own turn; libvirt allows no ``<os><boot>`` beside that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.aliases import PREFIXES, name_of
from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.graft import aliased, drop
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value

KINDS = ("disks", "cdroms", "interfaces")


def write(root: Element, spec: Mapping[str, Any]) -> None:
    """Those that are declared, and no other device."""
    if "boot" not in spec:
        return
    for system in root.findall("os"):
        drop(system, "boot")
    devices = single.devices(root)
    for device in devices:
        drop(device, "boot")
    for turn, name in enumerate(spec["boot"], 1):
        chosen = _named(devices, name)
        if chosen is not None:
            chosen.append(E.boot(order=str(turn)))


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    """Disks and cdroms get their turns anew; cards and the like have none then."""
    if "boot" in gone:
        for device in single.devices(root):
            drop(device, "boot")


def read(root: Element) -> Iterator[tuple[str, Value]]:
    """Devices that are not ours are called after their target or MAC, or their kind."""
    turns = {int(boot.get("order", "0")): _name(device) for device in single.devices(root)
             for boot in device.findall("boot")}
    yield "boot", tuple(turns[turn] for turn in sorted(turns))


def _named(devices: Element, name: str) -> Element | None:
    found = (aliased(devices, PREFIXES[kind] + name) for kind in KINDS)
    return next((device for device in found if device is not None), None)


def _name(device: Element) -> str:
    ours = next(filter(None, (name_of(device, kind) for kind in KINDS)), "")
    if ours:
        return ours
    target, mac = device.find("target"), device.find("mac")
    if device.tag == "disk" and target is not None:
        return target.get("dev", "")
    return str(device.tag) if mac is None else mac.get("address", "")
