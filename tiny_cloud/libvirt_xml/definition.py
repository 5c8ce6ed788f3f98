"""A new machine's definition, and its acceleration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from lxml import etree

from tiny_cloud.errors import Problem, Problems
from tiny_cloud.libvirt_xml import cards, devices, kept, parts, ports
from tiny_cloud.libvirt_xml.domain import (
    SPARE_PORTS,
    DiskDevice,
    Domain,
    Interface,
    aligned,
    family,
)
from tiny_cloud.libvirt_xml.elements import STAMP_NAMESPACE, E, Element, maker
from tiny_cloud.libvirt_xml.parts import cpu, single

ORDER = ("name", "uuid", "title", "description", "metadata", "maxMemory", "memory",
         "currentMemory", "memoryBacking", "vcpu", "iothreads", "os", "features", "cpu", "clock",
         "on_poweroff", "on_reboot", "on_crash", "devices")


def build(domain: Domain) -> str:
    """The XML of a machine that libvirt does not know yet.

    Raises Problems for what no machine can have: a control character, a machine type that is
    neither q35 nor pc, more than four cards with forwards."""
    domain = kept.completed(domain)
    with checked(domain):
        root = _domain(domain)
        parts.write(root, domain)
        if family(domain.machine) == "q35":
            ports.provide(single.devices(root), SPARE_PORTS if domain.spare_ports is None
                          else domain.spare_ports)
        cards.write(root, domain.machine, cards.place(forwarding(domain), {}))
    root[:] = sorted(root, key=_place)
    accelerate(root, domain.accel, cpu.is_declared(domain.spec))
    return text(root)


@contextlib.contextmanager
def checked(domain: Domain) -> Iterator[None]:
    """lxml refuses what cannot stand in XML; here it becomes a Problem that names the machine."""
    if family(domain.machine) not in cards.PLACES:
        raise Problems([Problem(f"the machine type {domain.machine!r} of {domain.name} is unknown",
                                hint="write q35 or pc")])
    try:
        yield
    except ValueError as error:
        summary = f"a value of the machine {domain.name} cannot stand in XML: {error}"
        raise Problems([Problem(summary, hint="take the control characters out")]) from None


def set_acceleration(xml: str, accel: str, *, keep_cpu: bool = False) -> str:
    """``kvm``: the host's CPU; ``tcg``: all that the emulator can do. Features, topology and NUMA
    stay, and with ``keep_cpu`` the whole CPU, because the manifest says which."""
    root = etree.fromstring(xml)
    accelerate(root, accel, keep_cpu)
    return text(root)


def accelerate(root: Element, accel: str, keep_cpu: bool) -> None:
    """`set_acceleration` of what is parsed already."""
    root.set("type", "kvm" if accel == "kvm" else "qemu")
    if keep_cpu:
        return
    fresh = (E.cpu(mode="host-passthrough", check="none", migratable="on") if accel == "kvm"
             else E.cpu(mode="maximum", check="none"))
    old = root.find("cpu")
    if old is None:
        place = next(item for item in root if item.tag in ("clock", "on_poweroff", "devices"))
        place.addprevious(fresh)
    else:
        fresh.extend(item for item in old if item.tag in ("topology", "feature", "numa", "cache"))
        root.replace(old, fresh)


def text(root: Element) -> str:
    etree.indent(root)
    return etree.tostring(root, encoding="unicode") + "\n"


def memory(tag: str, size: int) -> Element:
    return E(tag, str(aligned(size) // 1024), unit="KiB")


def stamp(domain: Domain, uuid: str) -> Element:
    """Whose it is and which domain it was written for: a copy of the XML gets another UUID."""
    return maker("tinycloud", STAMP_NAMESPACE).stamp({**domain.stamp, "uuid": uuid})


def boot_order(disks: Iterable[DiskDevice]) -> list[DiskDevice]:
    """Disks before cdroms, so that an installer boots once and what it installed ever after."""
    return sorted(disks, key=lambda disk: disk.device != "disk")


def forwarding(domain: Domain) -> tuple[Interface, ...]:
    return tuple(item for item in domain.interfaces if item.forwards)


def _domain(domain: Domain) -> Element:
    return E.domain(
        E.name(domain.name),
        E.uuid(domain.uuid),
        E.metadata(stamp(domain, domain.uuid)),
        memory("memory", domain.memory),
        memory("currentMemory", domain.memory),
        E.vcpu(str(domain.cpus)),
        E.os(E.type("hvm", arch="x86_64", machine=domain.machine)),
        E.features(E.acpi(), E.apic()),
        E.clock(
            E.timer(name="rtc", tickpolicy="catchup"),
            E.timer(name="pit", tickpolicy="delay"),
            E.timer(name="hpet", present="no"),
            offset="utc",
        ),
        E.on_poweroff("destroy"),
        E.on_reboot("restart"),
        E.on_crash("destroy"),
        _devices(domain),
        type="qemu",
    )


def _place(element: Element) -> int:
    """libvirt takes any order; people are used to its own."""
    return ORDER.index(str(element.tag)) if element.tag in ORDER else len(ORDER)


def _devices(domain: Domain) -> Element:
    """The emulator is left to libvirt, which knows where the distribution keeps it."""
    parent = E.devices(*_disks(domain), *controllers(domain))
    parent.extend(devices.interface(item) for item in domain.interfaces if not item.forwards)
    parent.extend(devices.console(domain.console_log))
    if domain.agent:
        parent.append(devices.agent())
    parent.append(E.memballoon(model="virtio"))
    return parent


def controllers(domain: Domain) -> list[Element]:
    """What is not left to libvirt: it would choose an LSI card for SCSI and USB 1 on q35. Of USB on
    pc it would choose the same, which systems as old as that board know."""
    found = []
    if family(domain.machine) == "q35":
        found.append(E.controller(type="pci", index="0", model="pcie-root"))
        found.append(E.controller(type="usb", index="0", model="qemu-xhci"))
    else:
        found.append(E.controller(type="usb", index="0", model="piix3-uhci"))
    if any(disk.bus == "scsi" for disk in domain.disks):
        found.append(E.controller(type="scsi", index="0", model="virtio-scsi"))
    found.append(E.controller(type="virtio-serial", index="0"))
    return found


def _disks(domain: Domain) -> list[Element]:
    ordered = boot_order(domain.disks)
    taken = {disk.target for disk in domain.disks if disk.target}
    elements = []
    for disk in domain.disks:
        target = disk.target or devices.free_target(disk.bus, taken)
        taken.add(target)
        elements.append(devices.disk(disk, target, ordered.index(disk) + 1))
    return elements
