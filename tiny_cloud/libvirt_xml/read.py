"""What libvirt's XML says, in the manifest's terms: the way back from ``build``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from lxml import etree

from tiny_cloud.libvirt_xml import cards, parts, ports, remotes
from tiny_cloud.libvirt_xml.aliases import alias_of, name_of
from tiny_cloud.libvirt_xml.devices import AGENT
from tiny_cloud.libvirt_xml.domain import Layer, family
from tiny_cloud.libvirt_xml.elements import STAMP, Element, attribute
from tiny_cloud.libvirt_xml.parts import cpu
from tiny_cloud.model import Value

ALIVE = ("currentMemory",)
"""What a running machine says of itself and no boot brings in line: its balloon moves."""
VAGUE = re.compile(r"secureBoot|graphics\.\w+\.listen|disks\[[^]]+\]\.cache")
"""What a definition may leave to libvirt's choice at the start: an address by the host's own
configuration, no cache for a disk that is shared."""


def read(xml: str, *, autostart: bool | None = None) -> dict[str, Value]:
    """The fields of a definition or of what runs; sizes in bytes.

    Devices that are not ours are named by their target (``vda``) or MAC."""
    root = etree.fromstring(xml)
    parent = root.find("devices")
    fields: dict[str, Value] = {} if autostart is None else {"autostart": autostart}
    machine = family(attribute(root, "os/type", "machine"))
    fields |= {
        "machine": machine,
        "accel": "kvm" if root.get("type") == "kvm" else "tcg",
        "guestAgent": any(target.get("name") == AGENT
                          for target in root.iterfind("devices/channel/target")),
        "consoleLog": attribute(root, "devices/serial/log", "file"),
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
    """Fields in which the definition differs from what runs: they wait for the next boot. A device
    that only one of them has is named as a whole: ``disks[data]``."""
    defined = read(inactive_xml)
    running = cpu.as_defined(defined, read(live_xml))
    one_sided = {field for field in defined.keys() ^ running.keys() if VAGUE.fullmatch(field)}
    fields = (defined.keys() | running.keys()) - {*ALIVE, *one_sided}
    both = set(map(_item, defined)) & set(map(_item, running))
    return tuple(sorted({field if _item(field) in both else _item(field) for field in fields
                         if defined.get(field) != running.get(field)}))


def _item(field: str) -> str:
    """The device that a flat field is of: ``disks[data]``; any other field is one by itself."""
    item, bracket, _ = field.partition("]")
    return item + bracket if bracket else ""


@lru_cache(1 << 12)
def stamp_of(xml: str) -> Mapping[str, str] | None:
    """Our stamp; it is genuine if its ``uuid`` is the domain's own."""
    stamp = etree.fromstring(xml).find(f"metadata/{STAMP}")
    return None if stamp is None else {str(key): str(word) for key, word in stamp.attrib.items()}


def device_aliases(xml: str) -> frozenset[str]:
    """The names of all devices that run."""
    return frozenset(map(alias_of, etree.fromstring(xml).iterfind("devices/*")))


def has_console(xml: str) -> bool:
    """A serial one, or what libvirt can open as its console instead."""
    return any(etree.fromstring(xml).find(f"devices/{tag}") is not None
               for tag in ("serial", "console"))


def agent_answers(live_xml: str) -> bool:
    """Whether the guest agent of what runs has opened its channel; not if nothing runs."""
    return bool(live_xml) and any(
        target.get("name") == AGENT and target.get("state") == "connected"
        for target in etree.fromstring(live_xml).iterfind("devices/channel/target"))


def disk_paths(xml: str) -> list[tuple[str, str]]:
    """The top file, device or URL of every disk, with its target (``vda``)."""
    found = []
    for disk in etree.fromstring(xml).iterfind("devices/disk"):
        if path := place(disk):
            found.append((path, attribute(disk, "target", "dev")))
    return found


def chains(xml: str) -> dict[str, tuple[Layer, ...]]:
    """By our name of a disk (or its target): the images of its backing chain, the top first."""
    found = {}
    for disk in etree.fromstring(xml).iterfind("devices/disk"):
        if disk.get("device") != "cdrom":
            found[_called(disk)] = tuple(_layers(disk))
    return found


def open_chains(xml: str) -> frozenset[str]:
    """The disks of ``chains`` for which libvirt is to look itself what they stand on."""
    return frozenset(
        _called(disk)
        for disk in etree.fromstring(xml).iterfind("devices/disk")
        if disk.find("backingStore") is None)


def _called(disk: Element) -> str:
    return name_of(disk, "disks") or attribute(disk, "target", "dev")


def bases(xml: str) -> set[str]:
    """Paths of everything that some disk stands on."""
    return {layer.path for chain in chains(xml).values() for layer in chain[1:]}


def _layers(disk: Element) -> Iterator[Layer]:
    form = attribute(disk, "driver", "type")
    if remote := remotes.read(disk):
        yield Layer.at(remote, form)
    elif path := local_path(disk):
        yield _layer(disk, path, form)
    below = disk.find("backingStore")
    while below is not None:
        if path := local_path(below):
            yield _layer(below, path, attribute(below, "format", "type"))
        below = below.find("backingStore")


def _layer(element: Element, path: str, form: str) -> Layer:
    secret = key_of(element)
    return Layer(path, "luks" if secret and form == "raw" else form, element.get("type", "file"),
                 secret)


def key_of(disk: Element) -> str:
    """The UUID of the secret with its LUKS key; empty: it has none. Older definitions have it in
    the disk, newer ones in its source."""
    return (attribute(disk, "source/encryption[@format='luks']/secret", "uuid")
            or attribute(disk, "encryption[@format='luks']/secret", "uuid"))


def local_path(disk: Element) -> str:
    """The top source if it is a file or block device, else nothing."""
    return attribute(disk, "source", "file") or attribute(disk, "source", "dev")


def place(disk: Element) -> str:
    """Which disk it is: its file, its device or its URL."""
    remote = remotes.read(disk)
    return remote.url if remote else local_path(disk)


def _disk(disk: Element) -> dict[str, Value]:
    kind = "cdroms" if disk.get("device") == "cdrom" else "disks"
    target = attribute(disk, "target", "dev")
    path = f"{kind}[{name_of(disk, kind) or target}]"
    fields: dict[str, Value] = {f"{path}.bus": attribute(disk, "target", "bus")}
    if remote := remotes.read(disk):
        fields |= {f"{path}.{word}": value for word, value in remotes.fields(remote)}
    elif source := local_path(disk) or _elsewhere(disk):
        fields[f"{path}.path"] = source
    if kind == "disks":
        fields[f"{path}.format"] = attribute(disk, "driver", "type")
        fields[f"{path}.serial"] = disk.findtext("serial", "")
        fields |= {f"{path}.{flag}": disk.find(flag) is not None
                   for flag in ("readonly", "shareable")}
        fields |= {f"{path}.{word}": value for word in ("cache", "discard", "io")
                   if (value := attribute(disk, "driver", word))}
    return fields


def _elsewhere(disk: Element) -> str:
    """``gluster:volume/image`` or ``pool/volume``: never equal to a path of ours."""
    words = (attribute(disk, "source", "protocol"), attribute(disk, "source", "name"))
    volume = (attribute(disk, "source", "pool"), attribute(disk, "source", "volume"))
    return ":".join(filter(None, words)) or "/".join(filter(None, volume))


def _interface(interface: Element) -> Iterator[tuple[str, Value]]:
    mac = attribute(interface, "mac", "address")
    path = f"interfaces[{name_of(interface, 'interfaces') or mac}]"
    yield f"{path}.mac", mac
    yield f"{path}.model", attribute(interface, "model", "type")
    yield f"{path}.link", attribute(interface, "link", "state") or "up"
    if mtu := attribute(interface, "mtu", "size"):
        yield f"{path}.mtu", int(mtu)
    # A running card on a network that is a bridge of the host is shown as one of type bridge.
    named = attribute(interface, "source", "network")
    match "network" if named else interface.get("type"):
        case "user":
            yield f"{path}.user.forward", ()
        case "network" | "bridge" as kind:
            yield f"{path}.{kind}", attribute(interface, "source", kind)
        case "direct":
            yield f"{path}.direct.device", attribute(interface, "source", "dev")
            yield f"{path}.direct.mode", attribute(interface, "source", "mode")
