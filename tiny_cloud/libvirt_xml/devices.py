"""XML elements of single devices (https://libvirt.org/formatdomain.html)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.libvirt_xml.aliases import OURS
from tiny_cloud.libvirt_xml.domain import DiskDevice, Interface, Layer, disk_alias, interface_alias
from tiny_cloud.libvirt_xml.elements import E, Element

PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd"}
SERIAL_BYTES = 20
"""A virtio disk shows its guest no more of a serial (virtio 1.2, 5.2.6.1)."""
DISCARD = "unmap"
"""A new disk gives back to its host what its guest frees."""
AGENT = "org.qemu.guest_agent.0"
CONSOLE_ALIAS = OURS + "console"


def disk(device: DiskDevice, target: str, boot: int) -> Element:
    """``boot`` is its turn, from 1; 0: it has none.

    ``cache`` stays at qemu's default: ``none`` needs O_DIRECT, which tmpfs has not.
    """
    top = device.chain[0] if device.chain else None
    driver = E.driver(name="qemu", type=_format(top) if top else "raw")
    if device.device == "disk":
        for word, value in {"discard": DISCARD, **device.driver}.items():
            driver.set(word, value)
    element = E.disk(driver, type=top.type if top else "file", device=device.device)
    if top:
        element.append(_source(top))
        element.append(_backing(device.chain[1:]))
    element.append(E.target(dev=target, bus=device.bus))
    if device.readonly or device.device == "cdrom":
        element.append(E.readonly())
    if device.shareable:
        element.append(E.shareable())
    if device.device == "disk":
        element.append(E.serial(device.serial or serial(device.name)))
    if boot:
        element.append(E.boot(order=str(boot)))
    element.append(E.alias(name=disk_alias(device)))
    return element


def _backing(chain: tuple[Layer, ...]) -> Element:
    """The whole chain, or libvirt looks for itself and gives each image to its qemu user."""
    if not chain:
        return E.backingStore()
    layer, below = chain[0], chain[1:]
    keep_owner = E.seclabel(model="dac", relabel="no")
    return E.backingStore(
        E.format(type=_format(layer)),
        _source(layer, keep_owner),
        _backing(below),
        type=layer.type,
    )


def _source(layer: Layer, *label: Element) -> Element:
    if layer.remote is not None:
        return remotes.write(layer.remote)
    key = E.encryption(E.secret(type="passphrase", uuid=layer.secret), format="luks")
    return E.source({_attribute(layer): layer.path}, *label, *([key] if layer.secret else []))


def _format(layer: Layer) -> str:
    """libvirt's: what is behind a LUKS header is raw to it."""
    return "raw" if layer.format == "luks" else layer.format


def _attribute(layer: Layer) -> str:
    return "dev" if layer.type == "block" else "file"


def serial(name: str) -> str:
    """The name, for /dev/disk/by-id; a long one is cut and told apart by its digest."""
    encoded = name.encode()
    if len(encoded) <= SERIAL_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[:11].decode(errors='ignore')}-{digest}"


def free_target(bus: str, taken: Iterable[str]) -> str:
    """The first unused name of a bus: vda … vdz, vdaa …"""
    used = set(taken)
    prefix = PREFIXES.get(bus, "sd")
    number = 0
    while (name := prefix + _letters(number)) in used:
        number += 1
    return name


def _letters(number: int) -> str:
    """0 is a, 25 is z, 26 is aa: as Linux and libvirt count disks."""
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def interface(device: Interface) -> Element:
    """A card that libvirt itself plugs; those with forwards are not (see ``cards``)."""
    source = device.source
    element = E.interface(E.mac(address=device.mac), type=source.kind)
    if source.kind == "direct":
        element.append(E.source(dev=source.name, mode=source.mode))
    elif source.kind != "user":
        element.append(E.source({source.kind: source.name}))
    element.append(E.model(type=device.model))
    if device.mtu:
        element.append(E.mtu(size=str(device.mtu)))
    if device.link == "down":
        element.append(E.link(state="down"))
    element.append(E.alias(name=interface_alias(device)))
    return element


def console(log: str) -> tuple[Element, Element]:
    """The first serial port and libvirt's second name for it; both carry the log once defined."""
    return (
        E.serial(*_log(log), E.target(port="0"), E.alias(name=CONSOLE_ALIAS), type="pty"),
        E.console(*_log(log), E.target(type="serial", port="0"), E.alias(name=CONSOLE_ALIAS),
                  type="pty"),
    )


def _log(path: str) -> tuple[Element, ...]:
    return (E.log(file=path, append="on"),) if path else ()


def agent() -> Element:
    """The socket's path is libvirt's to choose."""
    return E.channel(E.target(type="virtio", name=AGENT), E.alias(name=OURS + "agent"), type="unix")
