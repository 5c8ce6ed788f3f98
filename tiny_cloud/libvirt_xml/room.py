"""What a running machine has room for until its next boot."""

from __future__ import annotations

from lxml import etree
from msgspec import Struct

from tiny_cloud.libvirt_xml import cards, ports
from tiny_cloud.libvirt_xml.aliases import PREFIXES, alias_for, alias_of
from tiny_cloud.libvirt_xml.domain import family
from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.libvirt_xml.parts import iothreads


class Room(Struct):
    """What is free for more devices; what is taken is taken off."""

    express: bool
    """q35: every new card needs a root port of its own."""
    ports: int
    scsi: bool
    threads: frozenset[int]
    """The I/O threads that it has."""
    scsi_thread: int
    """That of the disks on scsi; 0: they have none."""
    usb: bool
    slots: int
    """For memory modules."""
    shared: bool
    """The host's processes reach its memory, as virtiofsd must."""
    processors: range
    """How many of them it may have."""
    devices: frozenset[str]
    """The aliases of those that are plugged in."""

    @classmethod
    def of(cls, live_xml: str) -> Room:
        root = etree.fromstring(live_xml)
        parent, kind, most = (root.find(path) for path in ("devices", "os/type", "maxMemory"))
        express = kind is not None and family(kind.get("machine", "")) == "q35"
        buses = {item.get("type"): item.get("model") for item in
                 root.iterfind("devices/controller")}
        access = root.find("memoryBacking/access")
        slots = 0 if most is None else int(most.get("slots", "0"))
        return cls(
            express,
            0 if parent is None else ports.spare(parent),
            scsi="scsi" in buses,
            threads=iothreads.numbers(root),
            scsi_thread=iothreads.of_scsi(root),
            usb=buses.get("usb", "none") != "none",
            slots=slots - len(root.findall("devices/memory")),
            shared=access is not None and access.get("mode") == "shared",
            processors=_processors(root),
            devices=frozenset((
                *map(alias_of, root.iterfind("devices/*")),
                *(PREFIXES["interfaces"] + card.name for card in cards.read(root)))),
        )

    def has(self, group: str) -> bool:
        """``disks[data]``."""
        return alias_for(group) in self.devices

    def take_port(self) -> bool:
        if not self.express:
            return True
        self.ports -= 1
        return self.ports >= 0


def _processors(root: Element) -> range:
    """Those that were plugged in later can go again; not in emulation, where qemu (7.2) never says
    that one is out, and ends with the next change of the machine's address space."""
    vcpu = root.find("vcpu")
    if vcpu is None:
        return range(0)
    most = int(vcpu.text or "1")
    now = int(vcpu.get("current", most))
    states = root.findall("vcpus/vcpu")
    if root.get("type") != "kvm" or not states:
        return range(now, most + 1)
    fixed = sum(item.get("enabled") == "yes" and item.get("hotpluggable") == "no"
                for item in states)
    return range(fixed, most + 1)
