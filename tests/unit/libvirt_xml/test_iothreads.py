"""I/O threads: on the disk for virtio, on the controller for scsi; no more of them than used."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.unit.libvirt_xml.samples import machine, overlay
from tiny_cloud.libvirt_xml import build, hotplug, merge, read
from tiny_cloud.libvirt_xml.parts import iothreads
from tiny_cloud.model import FieldDiff, Impact

BUSES = {"a": "virtio", "b": "virtio", "s": "scsi", "t": "scsi"}


def domain(threads: dict[str, int], *gone: str) -> Any:
    """With disks a and b on virtio, s and t on scsi; ``gone`` had 2 until now."""
    items = [{"name": name, "bus": bus} | ({"iothread": threads[name]} if name in threads else {})
             for name, bus in BUSES.items()]
    fields = [f"disks[{name}].iothread" for name in gone]
    return machine("threads", spec={"disks": items, "video": "none"}, gone=frozenset(fields),
                   disks=tuple(overlay(name, bus) for name, bus in BUSES.items()),
                   former=dict.fromkeys(fields, 2))


def told(xml: str) -> tuple[str, dict[str, Any]]:
    """How many threads there are, and which disk has which."""
    fields = read(xml)
    return etree.fromstring(xml).findtext("iothreads", "none"), {
        name: fields[f"disks[{name}].iothread"] for name in BUSES
        if f"disks[{name}].iothread" in fields}


def test_there_are_as_many_as_the_highest_number() -> None:
    xml = build(domain({"b": 3, "s": 2}))
    assert told(xml) == ("3", {"b": 3, "s": 2, "t": 2})
    drivers = etree.fromstring(xml).xpath("devices/disk/driver/@iothread")
    assert drivers == ["3"], "a disk on scsi has none of its own"


def test_what_nobody_declares_stays() -> None:
    theirs = build(domain({"a": 4}))
    assert told(merge(theirs, domain({"b": 1}))) == ("4", {"a": 4, "b": 1})


def test_the_last_disk_takes_its_thread_along() -> None:
    two = build(domain({"a": 1, "b": 2}))
    assert told(merge(two, domain({"a": 1}, "b"))) == ("1", {"a": 1})
    assert told(merge(build(domain({"b": 2})), domain({}, "b"))) == ("none", {})
    # Numbers are counted: without the first there would be no second.
    assert told(merge(build(domain({"a": 2, "b": 3})), domain({"b": 3}, "a"))) == ("3", {"b": 3})


def test_those_that_somebody_named_are_added_to() -> None:
    named = "<iothreads>2</iothreads><iothreadids><iothread id='5'/></iothreadids><vcpu>"
    xml = merge(build(domain({})).replace("<vcpu>", named, 1), domain({"a": 1, "b": 7}))
    root = etree.fromstring(xml)
    # Two were there, the named one and the first free number.
    assert root.xpath("iothreadids/iothread/@id") == ["5", "1", "7"]
    assert root.findtext("iothreads") == "3"
    assert iothreads.numbers(root) == {1, 5, 7}


LIVE = """<domain type='qemu'>
  <iothreads>1</iothreads>
  <os><type machine='pc-i440fx-7.2'>hvm</type></os>
  <devices><controller type='scsi' index='0' model='virtio-scsi'>{}</controller></devices>
</domain>"""


@pytest.mark.parametrize(("bus", "thread", "controller", "impact"), [
    ("virtio", 1, "", Impact.LIVE),
    ("virtio", 2, "", Impact.NEXT_BOOT),
    ("scsi", 1, "", Impact.NEXT_BOOT),
    ("scsi", 1, "<driver iothread='1'/>", Impact.LIVE),
    ("scsi", None, "<driver iothread='1'/>", Impact.LIVE),
])
def test_a_disk_is_plugged_in_with_a_thread_that_runs(
    bus: str, thread: int | None, controller: str, impact: Impact
) -> None:
    fields = {"disks[d].bus": bus} | ({"disks[d].iothread": thread} if thread else {})
    diffs = [FieldDiff(field, None, value, Impact.LIVE) for field, value in fields.items()]
    costs = hotplug.costs(diffs, {}, fields, LIVE.format(controller))
    assert {diff.impact for diff in costs} == {impact}
