"""From what runs to what is defined, device by device: the steps for what can change meanwhile."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from lxml import etree

from tiny_cloud.libvirt_xml.aliases import OURS, alias_for, alias_of
from tiny_cloud.libvirt_xml.elements import Element, attribute
from tiny_cloud.libvirt_xml.graft import aliased, drop, replace_child
from tiny_cloud.libvirt_xml.hotplug import group_of
from tiny_cloud.libvirt_xml.kept import mac_of
from tiny_cloud.libvirt_xml.parts import filesystems, host_devices, inputs, memory
from tiny_cloud.model import FieldDiff, Impact
from tiny_cloud.steps import (
    AttachDevice,
    Describe,
    DetachDevice,
    SetMemory,
    SetVcpus,
    Step,
    UpdateDevice,
)

EXCHANGED = {"disk": ("source", "driver"), "interface": ("source", "link")}
"""By element, the children that an update takes over."""


def named(live_xml: str, defined_xml: str) -> str:
    """What runs, its devices under the names of the definition: a machine that was taken over while
    it ran knows ours only from its next boot on."""
    live = etree.fromstring(live_xml)
    names = {place: alias for place, device in _places(etree.fromstring(defined_xml))
             if (alias := alias_of(device)).startswith(OURS)}
    for place, device in _places(live):
        if place in names and not alias_of(device).startswith(OURS):
            drop(device, "alias")
            etree.SubElement(device, "alias", name=names[place])
    return etree.tostring(live, encoding="unicode")


def steps(
    name: str, live_xml: str, new_xml: str, diffs: Iterable[FieldDiff], patience: int
) -> Iterator[Step]:
    """What brings a running machine to its new definition, as far as the differences are live;
    ``patience``: seconds that its guest gets to let go of a device."""
    live = [diff for diff in diffs if diff.impact is Impact.LIVE]
    changed = dict.fromkeys(filter(None, (group_of(diff.field) for diff in live)))
    yield from _devices(name, live_xml, new_xml, changed, patience)
    for diff in live:
        match diff.field:
            case "cpus":
                yield SetVcpus(name, _whole(diff.new), _whole(diff.old))
            case "currentMemory":
                # Taken out of the manifest, it is whatever the definition says now.
                size = memory.size_of(etree.fromstring(new_xml).find("currentMemory"))
                yield SetMemory(name, size)
            case "title" | "description":
                yield Describe(name, diff.field, str(diff.new or ""))


def _devices(
    name: str, live_xml: str, new_xml: str, changed: Iterable[str], patience: int
) -> Iterator[Step]:
    live = etree.fromstring(named(live_xml, new_xml))
    here = live.findall("devices/*")
    real = [alias_of(device) for device in etree.fromstring(live_xml).iterfind("devices/*")]
    new = etree.fromstring(new_xml).findall("devices/*")
    for group in changed:
        old, fresh = (aliased(devices, alias_for(group)) for devices in (here, new))
        if old is None and fresh is not None:
            # Its turn to boot may be taken by a device whose own is renumbered at the next boot.
            drop(fresh, "boot")
            _find_room(fresh, here)
            yield AttachDevice(name, _text(fresh))
        elif old is not None and fresh is None:
            yield DetachDevice(name, real[here.index(old)], _text(old), patience)
        elif old is not None and fresh is not None:
            before = copy.deepcopy(old)
            _exchange(old, fresh)
            if _text(old) != _text(before):
                yield UpdateDevice(name, _text(old), _text(before))


def _find_room(fresh: Element, here: Iterable[Element]) -> None:
    """Its place in the definition may be taken in what runs: until the next boot it gets another
    one there, which libvirt looks for."""
    taken = [place for device in here if (place := _place(device))]
    if _place(fresh) in taken:
        drop(fresh, "address")


def _place(device: Element) -> Mapping[str, str]:
    """Where it is plugged in: its PCI slot, or its controller's unit; empty: nowhere yet."""
    address = device.find("address")
    return {} if address is None else {
        str(key): str(word) for key, word in address.attrib.items() if key != "multifunction"}


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _exchange(old: Element, fresh: Element) -> None:
    """Everything else must be as the running machine has it, or libvirt refuses the update."""
    old.set("type", fresh.get("type", ""))
    for tag in EXCHANGED[str(old.tag)]:
        replace_child(old, fresh, tag)
    drop(old, "backingStore")


def _places(root: Element) -> Iterator[tuple[Place, Element]]:
    """What identifies each device beside its alias, and which one of those it is."""
    counted: Counter[tuple[str, object]] = Counter()
    for device in root.iterfind("devices/*"):
        tag = str(device.tag)
        identity = IDENTITIES[tag](device) if tag in IDENTITIES else None
        if identity:
            yield (tag, identity, counted[tag, identity]), device
            counted[tag, identity] += 1


def _target(disk: Element) -> str:
    return attribute(disk, "target", "dev")


Place = tuple[str, object, int]
IDENTITIES: Mapping[str, Callable[[Element], object]] = {
    "disk": _target, "interface": mac_of, "input": inputs.identity,
    "hostdev": host_devices.device, "filesystem": filesystems.tag, "memory": memory.identity,
}


def _text(device: Element) -> str:
    etree.indent(device)
    return etree.tostring(device, encoding="unicode", with_tail=False) + "\n"
