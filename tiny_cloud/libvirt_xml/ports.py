"""The pcie-root-ports of a q35 machine: each takes one device, and hot-plugging needs free ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from tiny_cloud.libvirt_xml.elements import E, Element

BUSES = "controller[@type='pci']"
PORT = "pcie-root-port"
PORTS = f"{BUSES}[@model='{PORT}']"
BRIDGES = ("pcie-to-pci-bridge", "dmi-to-pci-bridge")
VIRTIO = {"virtio", "virtio-transitional", "virtio-non-transitional"}
LEGACY = {
    "interface": {"e1000", "rtl8139", "vmxnet3"},
    "sound": {"ich6", "ac97", "es1370"},
    "watchdog": {"i6300esb"},
    "controller": {"piix3-uhci"},
}
"""Models that libvirt 9.0 takes for conventional PCI cards, by tag."""


def spare(parent: Element) -> int:
    """Root ports with nothing in them, in a ``<devices>`` that libvirt has given addresses."""
    return len(_free(parent))


def provide(parent: Element, wanted: int) -> None:
    """Add or take away ports so that ``wanted`` stay free once libvirt has placed every device.

    More may stay: a port below one in use is never taken away, because the guest counts its buses
    in their order, and every card behind it would get another name."""
    unplaced = _unplaced(parent)
    if any(map(is_legacy, unplaced)) and not _has_bridge(parent):
        # Not left to libvirt, which would add a port for it as well. A bridge comes after its port.
        _add(parent, *(() if _free(parent) else (PORT,)), BRIDGES[0])
        unplaced = _unplaced(parent)
    free = _free(parent)
    missing = wanted + sum(map(_wants_port, unplaced)) - len(free)
    _add(parent, *repeat(PORT, missing))
    for port in sorted(free, key=_index, reverse=True)[:max(0, -missing)]:
        if _index(port) != _top(parent.findall(BUSES)):
            break
        parent.remove(port)


def _add(parent: Element, *models: str) -> None:
    buses = parent.findall(BUSES)
    place = parent.index(buses[-1]) + 1 if buses else len(parent)
    parent[place:place] = [
        E.controller(type="pci", index=str(index), model=model)
        for index, model in enumerate(models, _top(buses) + 1)]


def _top(buses: Sequence[Element]) -> int:
    return max(map(_index, buses), default=0)


def _index(controller: Element) -> int:
    return int(controller.get("index", "0"))


def _free(parent: Element) -> list[Element]:
    taken = {int(address.get("bus", "0"), 16) for address in parent.iter("address")
             if address.get("type") == "pci"}
    return [port for port in parent.findall(PORTS) if _index(port) not in taken]


def _unplaced(parent: Element) -> list[Element]:
    """Devices that libvirt has yet to give an address."""
    return [item for item in parent if item.find("address") is None]


def _has_bridge(parent: Element) -> bool:
    return any(item.get("model") in BRIDGES for item in parent.findall(BUSES))


def is_legacy(device: Element) -> bool:
    """A conventional PCI card: all of them go behind one bridge, which takes one port."""
    return _model(device) in LEGACY.get(str(device.tag), ())


def _wants_port(device: Element) -> bool:
    match device.tag:
        case "disk":
            target = device.find("target")
            return target is not None and target.get("bus") == "virtio"
        case "interface":
            return not is_legacy(device)
        case "controller":
            return (device.get("type") in ("scsi", "virtio-serial")
                    or device.get("model") in ("qemu-xhci", BRIDGES[0]))
        case "rng" | "memballoon":
            return device.get("model") in VIRTIO
        case "input":
            return device.get("bus") == "virtio"
        case "hostdev":
            return device.get("type") == "pci"
        case "filesystem":
            return True
    return False


def _model(device: Element) -> str:
    model = device.find("model")
    return device.get("model", "") if model is None else model.get("type", "")
