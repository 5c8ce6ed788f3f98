"""A domain of libvirt's as a VirtualMachine, with the documents of its disks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.facts import DomainFacts
from tiny_cloud.foreign import Found, names, specs, unsaid
from tiny_cloud.foreign.claims import PORT, Claims
from tiny_cloud.foreign.devices import KIND, Named, named
from tiny_cloud.foreign.specs import STAYS
from tiny_cloud.foreign.stores import Stores
from tiny_cloud.libvirt_xml import bare, read, remotes
from tiny_cloud.libvirt_xml.definition import text
from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.libvirt_xml.parts import graphics
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
    facts: DomainFacts, stores: Stores, taken: set[str], networks: Mapping[str, str]
) -> Found:
    """Its name is put into ``taken``. ``networks``: by libvirt's names those that have documents.
    """
    host = stores.host
    name, called = names.of_libvirt(facts.name, stores.cloud, taken)
    taken.add(name)
    root = etree.fromstring(bare(facts).xml)
    stores.warm(root.findall("devices/disk"))
    stores.claims.machine = facts.name
    devices = named(root, stores)
    fields = _fields(root, devices)
    screens = list(_taken_ports(fields, stores.claims))
    needs: tuple[Found, ...] = ()
    for disk, element in devices.of("disks").items():
        if remotes.read(element) is None:
            fields[f"disks[{disk}].disk"], new = stores.name(element, f"{name}-{disk}")
            needs += new
    for field, value in fields.items():
        if field.startswith("interfaces[") and field.endswith("].network"):
            fields[field] = networks.get(str(value), value)
    state = {"consoleLog": False, "running": bool(facts.live_xml), "autostart": facts.autostart}
    pieces, left = unsaid.pieces(root, devices.elements())
    document, remarks = specs.document(
        KIND, name, {**called, **fields, **state}, {"xml": pieces} if pieces else {})
    more = _remarks(facts, root, [host.networks().get(str(card.get("network")))
                                  for card in document.spec.get("interfaces", ())])
    return Found(document, (*devices.remarks, *screens, *remarks, *left, *more), needs)


def _fields(root: Element, devices: Named) -> dict[str, Value]:
    """What differs from a new machine."""
    fields = read(text(root))
    said = {field: value for field, value in fields.items()
            if field not in CHOSEN and NEW.get(field) != value and devices.has(field)
            and NOTHING.get(field.rpartition(".")[2]) != value}
    for disk, element in devices.of("disks").items():
        # A document of its own says it, and on the network raw goes without saying.
        form = f"disks[{disk}].format"
        if remotes.read(element) is None or fields[form] == "raw":
            del said[form]
    turns = said.pop("boot", ())
    assert isinstance(turns, tuple)
    if turns and turns != devices.turns() and set(turns) <= devices.taken():
        said["boot"] = turns
    usual = {"maxCpus": fields["cpus"], "currentMemory": _memory(fields),
             "usb": USB.get(str(fields["machine"]))}
    return {field: value for field, value in said.items() if usual.get(field) != value}


def _taken_ports(fields: dict[str, Value], claims: Claims) -> Iterator[str]:
    """Takes those screens out that listen where another machine's does."""
    for kind in graphics.TYPES:
        port = fields.get(f"graphics.{kind}.port", "auto")
        why = "" if port == "auto" else claims.take(PORT, str(port))
        if why:
            yield f"Its screen ({kind}) on {port}: {why}; {STAYS}."
            for word in ("port", "listen"):
                fields.pop(f"graphics.{kind}.{word}", None)


def _memory(fields: Mapping[str, Value]) -> int:
    """All that there is, in bytes."""
    return sum(int(str(size)) for field, size in fields.items()
               if field == "memory" or (field.startswith("dimms[") and field.endswith(".size")))


def _remarks(facts: DomainFacts, root: Element, networks: list[Any]) -> Iterator[str]:
    if not facts.persistent:
        yield "It has no definition and is gone with the power; taking it over gives it one."
    if facts.snapshots:
        yield "Its snapshots stay, and no manifest speaks of them."
    turns = [boot.get("dev", "") for boot in root.iterfind("os/boot")]
    if turns not in ([], ["hd"]):
        yield f"It boots from {', '.join(turns)}, as <os> says; {STAYS}."
    for there in networks:
        if there is not None and not there.live_xml:
            yield f"Before a plan: virsh net-start {there.name}, for its network is not active."
