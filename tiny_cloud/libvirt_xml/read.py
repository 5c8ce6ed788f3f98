"""What libvirt's XML says, in the manifest's terms: the way back from ``build``."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from tiny_cloud.libvirt_xml import cards, parts, ports
from tiny_cloud.libvirt_xml.definition import STAMP
from tiny_cloud.libvirt_xml.devices import AGENT
from tiny_cloud.libvirt_xml.domain import Layer, family
from tiny_cloud.model import Value

UNITS = {"b": 1, "bytes": 1, "KB": 10**3, "k": 1 << 10, "KiB": 1 << 10, "MB": 10**6,
         "M": 1 << 20, "MiB": 1 << 20, "GB": 10**9, "G": 1 << 30, "GiB": 1 << 30,
         "TB": 10**12, "T": 1 << 40, "TiB": 1 << 40}
"""https://libvirt.org/formatdomain.html#memory-allocation"""


def read(xml: str, *, autostart: bool | None = None, live: bool = False) -> dict[str, Value]:
    """The fields of a definition, or (``live``) of what runs; sizes in bytes.

    Devices that are not ours are named by their target (``vda``) or MAC."""
    root = etree.fromstring(xml)
    parent = root.find("devices")
    fields: dict[str, Value] = {} if autostart is None else {"autostart": autostart}
    machine = family(_attribute(root, "os/type", "machine"))
    fields |= {
        "cpus": _cpus(root),
        "memory": _memory(root, live),
        "machine": machine,
        "firmware": _firmware(root),
        "accel": "kvm" if root.get("type") == "kvm" else "tcg",
        "guestAgent": any(target.get("name") == AGENT
                          for target in root.iterfind("devices/channel/target")),
        **parts.read(root),
    }
    if parent is not None:
        if machine == "q35":
            fields["sparePorts"] = ports.spare(parent)
        for disk in parent.findall("disk"):
            fields |= _disk(disk)
        for interface in parent.findall("interface"):
            fields |= _interface(interface)
    for card in cards.read(root):
        path = f"interfaces[{card.name}]"
        fields |= {f"{path}.mac": card.mac, f"{path}.model": card.model,
                   f"{path}.user.forward": tuple(item.text() for item in card.forwards)}
    return fields


def pending(inactive_xml: str, live_xml: str) -> tuple[str, ...]:
    """Fields in which the definition differs from what runs: they wait for the next boot."""
    defined, running = read(inactive_xml), read(live_xml, live=True)
    return tuple(sorted(field for field in defined.keys() | running.keys()
                        if defined.get(field) != running.get(field)))


def stamp_of(xml: str) -> dict[str, str] | None:
    """Our stamp; it is genuine if its ``uuid`` is the domain's own."""
    stamp = etree.fromstring(xml).find(f"metadata/{STAMP}")
    return None if stamp is None else {str(key): str(word) for key, word in stamp.attrib.items()}


def disk_paths(xml: str) -> list[tuple[str, str]]:
    """The top file or device of every disk, with its target (``vda``)."""
    found = []
    for disk in etree.fromstring(xml).iterfind("devices/disk"):
        if path := local_path(disk):
            found.append((path, _attribute(disk, "target", "dev")))
    return found


def chains(xml: str) -> dict[str, tuple[Layer, ...]]:
    """By our name of a disk (or its target): the images of its backing chain, the top first."""
    found = {}
    for disk in etree.fromstring(xml).iterfind("devices/disk"):
        if disk.get("device") != "cdrom":
            name = name_of(disk, "ua-disk-") or _attribute(disk, "target", "dev")
            found[name] = tuple(_layers(disk))
    return found


def bases(xml: str) -> set[str]:
    """Paths of everything that some disk stands on."""
    return {layer.path for chain in chains(xml).values() for layer in chain[1:]}


def _layers(disk: etree._Element) -> Iterator[Layer]:
    if path := local_path(disk):
        yield Layer(path, _attribute(disk, "driver", "type"), disk.get("type", "file"))
    below = disk.find("backingStore")
    while below is not None:
        if path := local_path(below):
            yield Layer(path, _attribute(below, "format", "type"), below.get("type", "file"))
        below = below.find("backingStore")


def local_path(disk: etree._Element) -> str:
    """The top source if it is a file or block device, else nothing."""
    return _attribute(disk, "source", "file") or _attribute(disk, "source", "dev")


def name_of(device: etree._Element, prefix: str) -> str:
    """Our name for a device, from an alias ``ua-…``; empty: it is not ours."""
    alias = _attribute(device, "alias", "name")
    return alias.removeprefix(prefix) if alias.startswith(prefix) else ""


def _disk(disk: etree._Element) -> dict[str, Value]:
    kind = "cdrom" if disk.get("device") == "cdrom" else "disk"
    target = _attribute(disk, "target", "dev")
    path = f"{kind}s[{name_of(disk, f'ua-{kind}-') or target}]"
    fields: dict[str, Value] = {f"{path}.bus": _attribute(disk, "target", "bus")}
    if source := local_path(disk) or _remote(disk):
        fields[f"{path}.path"] = source
    if kind == "disk":
        fields[f"{path}.format"] = _attribute(disk, "driver", "type")
    return fields


def _remote(disk: etree._Element) -> str:
    """``rbd:pool/image`` or ``pool/volume``: never equal to a path of ours."""
    words = (_attribute(disk, "source", "protocol"), _attribute(disk, "source", "name"))
    volume = (_attribute(disk, "source", "pool"), _attribute(disk, "source", "volume"))
    return ":".join(filter(None, words)) or "/".join(filter(None, volume))


def _interface(interface: etree._Element) -> Iterator[tuple[str, Value]]:
    mac = _attribute(interface, "mac", "address")
    path = f"interfaces[{name_of(interface, 'ua-net-') or mac}]"
    yield f"{path}.mac", mac
    yield f"{path}.model", _attribute(interface, "model", "type")
    # A running card on a network that is a bridge of the host is shown as one of type bridge.
    named = _attribute(interface, "source", "network")
    match "network" if named else interface.get("type"):
        case "user":
            yield f"{path}.user.forward", ()
        case "network" | "bridge" as kind:
            yield f"{path}.{kind}", _attribute(interface, "source", kind)


def _attribute(element: etree._Element, path: str, name: str) -> str:
    found = element.find(path)
    return "" if found is None else found.get(name, "")


def _cpus(root: etree._Element) -> int:
    vcpu = root.find("vcpu")
    return 1 if vcpu is None else int(vcpu.get("current") or vcpu.text or "1")


def _memory(root: etree._Element, live: bool) -> int:
    """Of a definition what the guest will really see: somebody may have lowered the balloon's
    target for good. Of a running machine what it booted with: its balloon moves all the time."""
    element = None if live else root.find("currentMemory")
    if element is None:
        element = root.find("memory")
    return 0 if element is None else int(element.text or "0") * UNITS[element.get("unit", "KiB")]


def _firmware(root: etree._Element) -> str:
    loader = root.find("os/loader")
    pflash = loader is not None and loader.get("type") == "pflash"
    return "efi" if pflash or _attribute(root, "os", "firmware") == "efi" else "bios"
