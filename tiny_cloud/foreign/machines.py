"""A domain of libvirt's as a VirtualMachine, with the documents of its disks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from tiny_cloud.document import Document
from tiny_cloud.facts import DomainFacts, Reader
from tiny_cloud.foreign import Found, names, specs, unsaid
from tiny_cloud.foreign.devices import KIND, Named, named
from tiny_cloud.foreign.specs import STAYS
from tiny_cloud.foreign.stores import Stores, warm
from tiny_cloud.libvirt_xml import bare, read, remotes
from tiny_cloud.libvirt_xml.definition import text
from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.model import Value

CHOSEN = ("accel", "sparePorts")
"""What a new machine chooses by itself, and one that is there keeps."""
NEW: Mapping[str, Value] = {"sound": "none", "panic": False, "hugepages": False,
                            "clock.offset": "utc"}
"""What a new machine has where its schema has no default to say so."""
USB = {"q35": "qemu-xhci", "pc": "piix3-uhci"}
"""By board, the controller of a new machine."""
NOTHING = {"serial": "", "link": "up", "readonly": False, "shareable": False}
"""Of devices: what goes without saying."""


def found(
    facts: DomainFacts, host: Reader, stores: Stores, taken: set[str],
    networks: Mapping[str, str],
) -> Found:
    """Its name is put into ``taken``. ``networks``: by libvirt's name, those that get a document of
    their own."""
    name, called = names.of_libvirt(facts.name, stores.cloud, taken)
    taken.add(name)
    root = etree.fromstring(bare(facts).xml)
    warm(host, root.findall("devices/disk"))
    devices = named(root, host, stores.lack)
    needs = {disk: stores.of(element, f"{name}-{disk}")
             for disk, element in devices.of("disks").items() if remotes.read(element) is None}
    fields = _fields(root, devices, facts)
    fields |= {f"disks[{disk}].disk": store.document.name for disk, store in needs.items()}
    fields |= {field: networks.get(str(value), value) for field, value in fields.items()
               if field.startswith("interfaces[") and field.endswith("].network")}
    pieces, left = unsaid.pieces(root, devices.elements())
    document, remarks = specs.document(
        KIND, name, {**called, **fields}, {"xml": pieces} if pieces else {})
    return Found(document, (*devices.remarks, *remarks, *left, *_remarks(facts, host, document)),
                 tuple(needs.values()))


def _fields(root: Element, devices: Named, facts: DomainFacts) -> dict[str, Value]:
    """What differs from a new machine."""
    fields = read(text(root))
    said = {field: value for field, value in fields.items()
            if field not in CHOSEN and NEW.get(field) != value and devices.has(field)
            and NOTHING.get(field.rpartition("].")[2]) != value}
    total = int(str(fields["memory"])) + sum(
        int(str(size)) for field, size in fields.items()
        if field.startswith("dimms[") and field.endswith(".size"))
    for disk, element in devices.of("disks").items():
        if said.get(f"disks[{disk}].format") == "raw" or remotes.read(element) is None:
            del said[f"disks[{disk}].format"]
    usual = {"maxCpus": fields["cpus"], "currentMemory": total,
             "usb": USB.get(str(fields["machine"])), "boot": _usual_turns(devices)}
    for field, value in usual.items():
        if said.get(field) in (value, ()):
            del said[field]
    if not set(map(str, said.get("boot", ()))) <= devices.taken():  # type: ignore[arg-type]
        del said["boot"]
    return {**said, "consoleLog": False, "running": bool(facts.live_xml),
            "autostart": facts.autostart}


def _usual_turns(devices: Named) -> Value:
    """A new machine's: disks, and then drives."""
    return (*devices.of("disks"), *devices.of("cdroms"))


def _remarks(facts: DomainFacts, host: Reader, document: Document) -> list[str]:
    said = []
    if not facts.persistent:
        said.append("It has no definition and is gone with the power: taking it over gives it one.")
    if facts.snapshots:
        said.append("Its snapshots stay, and no manifest speaks of them.")
    turns = [boot.get("dev", "") for boot in etree.fromstring(facts.xml).iterfind("os/boot")]
    if turns not in ([], ["hd"]):
        said.append(f"It boots from {', '.join(turns)} by <os>; {STAYS}.")
    return said + [line for card in document.spec.get("interfaces", ())
                   if (line := _asleep(card, host))]


def _asleep(card: Mapping[str, Any], host: Reader) -> str:
    there = host.networks().get(card.get("network", ""))
    if there is None or there.live_xml:
        return ""
    return f"The network {there.name} is not active: virsh net-start {there.name}, before a plan."
