"""The devices of somebody else's machine: which of them a manifest can have, and under what names.

Those get the aliases that they would have if we had made them, so that ``read`` tells of them in
the manifest's words. The others stay as they are, and a remark says why. Pure.
"""

from __future__ import annotations

import itertools

from msgspec import Struct, field

from tiny_cloud import schema
from tiny_cloud.facts import Reader
from tiny_cloud.foreign import names
from tiny_cloud.foreign.claims import MAC
from tiny_cloud.foreign.stores import Stores
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.libvirt_xml.aliases import OURS, PREFIXES, alias_of, name_of
from tiny_cloud.libvirt_xml.elements import E, Element, attribute
from tiny_cloud.libvirt_xml.kept import mac_of
from tiny_cloud.libvirt_xml.parts import filesystems, host_devices
from tiny_cloud.libvirt_xml.read import key_of, local_path

KIND = "VirtualMachine"
AS_XML = "it is in here as XML alone"
SOCKETS = {"network": "network", "bridge": "bridge", "direct": "dev", "user": ""}
"""By type of a card, the attribute of <source> that says what it is plugged into."""


class Named(Struct):
    """What has a name now, by list of the manifest: its names and elements."""

    lists: dict[str, dict[str, Element]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def has(self, flat: str) -> bool:
        """Whether a flat field is of the machine itself, or of a device that is in here."""
        kind, bracket, rest = flat.partition("[")
        return not bracket or kind not in PREFIXES or rest.partition("]")[0] in self.of(kind)

    def of(self, kind: str) -> dict[str, Element]:
        return self.lists.setdefault(kind, {})

    def elements(self) -> list[Element]:
        return [item for there in self.lists.values() for item in there.values()]

    def turns(self) -> tuple[str, ...]:
        """In which a new machine boots: from its disks, and then from its drives."""
        return (*self.of("disks"), *self.of("cdroms"))

    def taken(self) -> set[str]:
        return set(itertools.chain.from_iterable(self.lists.values()))


def named(root: Element, stores: Stores) -> Named:
    """Names are unique in a machine: the order of booting goes by them."""
    found, host, claims = Named(), stores.host, stores.claims
    for disk in root.findall("devices/disk"):
        drive = disk.get("device") == "cdrom"
        target = attribute(disk, "target", "dev")
        why = _drive_lack(disk) if drive else _disk_lack(disk) or stores.lack(disk)
        _take(found, "cdroms" if drive else "disks", disk, target, why,
              f"Its {disk.get('device', 'disk')} {target}")
    for number, card in enumerate(root.findall("devices/interface")):
        mac = mac_of(card)
        why = _card_lack(card, host) or claims.take(MAC, mac)
        _take(found, "interfaces", card, f"eth{number}", why, f"Its card {mac}")
    _others(found, root, host)
    return found


def _others(found: Named, root: Element, host: Reader) -> None:
    for item in root.findall("devices/input"):
        if item.get("bus") != "ps2":  # libvirt adds those by itself
            kind = item.get("type", "")
            _take(found, "inputs", item, kind, _input_lack(item), f"Its input device {kind}")
    for item in root.findall("devices/hostdev"):
        kind = item.get("type", "device")
        _take(found, "hostDevices", item, kind, _host_lack(item, host), f"Its host device ({kind})")
    for item in root.findall("devices/filesystem"):
        tag = filesystems.tag(item)
        _take(found, "filesystems", item, tag, _folder_lack(item, host), f"Its file system {tag}")
    for item in root.findall("devices/memory"):
        model = item.get("model", "")
        why = "" if model == "dimm" else "it is no dimm"
        _take(found, "dimms", item, model, why, f"Its memory module ({model})")


def _take(
    found: Named, kind: str, element: Element, wish: str, why: str, what: str
) -> None:
    ours = name_of(element, kind)
    if not ours and alias_of(element).startswith(OURS):
        why = why or f"it has a name of its own, {alias_of(element)}"
    if why:
        found.remarks.append(f"{what}: {why}; {AS_XML}.")
        return
    name = ours or names.device(wish, found.taken())
    for alias in element.findall("alias"):
        element.remove(alias)
    element.append(E.alias(name=PREFIXES[kind] + name))
    found.of(kind)[name] = element


def _disk_lack(disk: Element) -> str:
    device, bus = disk.get("device", "disk"), attribute(disk, "target", "bus")
    if device != "disk":
        return f"a {device} has no field"
    if not schema.accepts(KIND, "disks[x].bus", bus):
        return f"there is no field for a disk on {bus}"
    remote = remotes.read(disk)
    if remote is not None and remote.user:
        return "libvirt tells nobody the password that its server asks for"
    if key_of(disk):
        return "it is encrypted, and libvirt tells nobody the key"
    if remote is not None or local_path(disk):
        return ""
    return f"there is no field for a disk of type {disk.get('type')}"


def _drive_lack(drive: Element) -> str:
    bus = attribute(drive, "target", "bus")
    if not schema.accepts(KIND, "cdroms[x].bus", bus):
        return f"there is no field for a drive on {bus}"
    if drive.find("source") is not None and (
            drive.get("type") != "file" or attribute(drive, "driver", "type") not in ("", "raw")):
        return "its medium is no ISO file"
    return ""


def _card_lack(card: Element, host: Reader) -> str:
    kind = card.get("type", "")
    if kind not in SOCKETS:
        return f"there is no field for a card of type {kind}"
    place = attribute(card, "source", SOCKETS[kind])
    there = {"network": host.networks(), "bridge": host.bridges(), "direct": host.devices().cards}
    if kind in there and place not in there[kind]:
        return f"this host has no {'card' if kind == 'direct' else kind} {place}"
    return ""


def _input_lack(item: Element) -> str:
    kind, bus = item.get("type", ""), item.get("bus", "")
    known = (schema.accepts(KIND, "inputs[x].type", kind)
             and schema.accepts(KIND, "inputs[x].bus", bus))
    return "" if known else f"there is no field for {kind} on {bus or 'no bus'}"


def _host_lack(item: Element, host: Reader) -> str:
    device = host_devices.device(item)
    if device is None:
        return "no field says which one it is"
    kind, address = device
    there = {"pci": host.devices().pci, "usb": host.devices().usb}[kind]
    return "" if address in there else f"this host has no {kind.upper()} device {address}"


def _folder_lack(item: Element, host: Reader) -> str:
    tag, folder = filesystems.tag(item), attribute(item, "source", "dir")
    driver = attribute(item, "driver", "type")
    if not folder or driver not in ("", "path", "virtiofs") or names.device(tag, (), 31) != tag:
        return "no field says it"
    return "" if folder in host.files([folder]) else f"this host has no folder {folder}"

