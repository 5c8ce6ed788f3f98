"""Redefine in place: a definition as libvirt has it, brought to what a Domain says.

UUID and name stay, and so does everything that we do not manage: other people's devices and
elements, the CPU, PCI addresses, targets. Merging what libvirt made of a merge changes nothing.
"""

from __future__ import annotations

from lxml import etree

from tiny_cloud.libvirt_xml import (
    cards,
    definition,
    devices,
    graft,
    graft_disks,
    graft_interfaces,
    parts,
    ports,
)
from tiny_cloud.libvirt_xml.domain import SPARE_PORTS, Domain, family
from tiny_cloud.libvirt_xml.elements import E
from tiny_cloud.libvirt_xml.parts import cpu

Element = etree._Element


def renamed(current_xml: str, name: str) -> str:
    """The same definition under another name."""
    root = etree.fromstring(current_xml)
    element = root.find("name")
    if element is None:
        element = etree.SubElement(root, "name")
    element.text = name
    return definition.text(root)


def merge(current_xml: str, domain: Domain) -> str:
    """``current_xml`` is the inactive definition. Raises Problems, as ``build`` does."""
    root = etree.fromstring(current_xml)
    parent = root.find("devices")
    if parent is None:
        parent = etree.SubElement(root, "devices")
    spare = _spare(root, parent, domain)
    with definition.checked(domain):
        parts.forget(root, domain)
        _settings(root, domain)
        _machine(root, parent, domain)
        graft_disks.disks(root, parent, domain)
        graft_interfaces.interfaces(parent, domain)
        _controllers(parent, domain)
        _console(parent, domain.console_log)
        _agent(parent, domain.agent)
        parts.write(root, domain)
        present = {card.name: card.function for card in cards.read(root)}
        cards.write(root, domain.machine, cards.place(definition.forwarding(domain), present))
    if family(domain.machine) == "q35":
        ports.provide(parent, spare)
    if domain.accel in ("kvm", "tcg") and domain.accel != _accel(root):
        keep = cpu.is_declared(domain.spec)
        return definition.set_acceleration(definition.text(root), domain.accel, keep_cpu=keep)
    return definition.text(root)


def _spare(root: Element, parent: Element, domain: Domain) -> int:
    if domain.spare_ports is not None:
        return domain.spare_ports
    return ports.spare(parent) if _keeps_chipset(root, domain) else SPARE_PORTS


def _keeps_chipset(root: Element, domain: Domain) -> bool:
    kind = root.find("os/type")
    return kind is None or family(kind.get("machine", "")) == family(domain.machine)


def _accel(root: Element) -> str:
    return "kvm" if root.get("type") == "kvm" else "tcg"


def _settings(root: Element, domain: Domain) -> None:
    for tag in ("memory", "currentMemory"):
        fresh = definition.memory(tag, domain.memory)
        element = root.find(tag)
        if element is None:
            root.append(fresh)
        else:
            element.text = fresh.text
            element.set("unit", "KiB")
    vcpu = root.find("vcpu")
    if vcpu is None:
        vcpu = etree.SubElement(root, "vcpu")
    vcpu.text = str(domain.cpus)
    if "current" in vcpu.attrib:
        del vcpu.attrib["current"]
    for states in root.findall("vcpus"):
        # They say which of the former number were plugged in.
        root.remove(states)
    _stamp(root, domain)


def _stamp(root: Element, domain: Domain) -> None:
    metadata = root.find("metadata")
    if metadata is None:
        metadata = etree.SubElement(root, "metadata")
    fresh = definition.stamp(domain, root.findtext("uuid", domain.uuid))
    old = metadata.find(definition.STAMP)
    if old is None:
        metadata.append(fresh)
    elif not graft.same(old, fresh):
        metadata.replace(old, fresh)


def _machine(root: Element, parent: Element, domain: Domain) -> None:
    """Another chipset has other buses: libvirt chooses every address and controller anew."""
    if _keeps_chipset(root, domain):
        return
    for kind in root.findall("os/type"):
        kind.set("machine", domain.machine)
    for device in list(parent):
        if device.tag == "controller":
            parent.remove(device)
        for address in device.findall("address"):
            device.remove(address)
    parent.extend(definition.controllers(domain))


def _controllers(parent: Element, domain: Domain) -> None:
    present = {item.get("type") for item in parent.findall("controller")}
    for controller in definition.controllers(domain):
        if controller.get("type") in ("scsi", "virtio-serial") and (
                controller.get("type") not in present):
            parent.append(controller)


def _console(parent: Element, log: str) -> None:
    serial, console = devices.console(log)
    if parent.find("serial") is None:
        parent.extend((serial, console))
        return
    for tag in ("serial", "console"):
        element = parent.find(tag)
        old = None if element is None else element.find("log")
        if element is None or (old is not None and old.get("file") == log):
            continue
        if old is not None:
            element.remove(old)
        if log:
            element.insert(0, E.log(file=log, append="on"))


def _agent(parent: Element, wanted: bool) -> None:
    present = [channel for channel in parent.findall("channel")
               for target in channel.findall("target") if target.get("name") == devices.AGENT]
    if wanted and not present:
        parent.append(devices.agent())
    if not wanted:
        for channel in present:
            parent.remove(channel)
