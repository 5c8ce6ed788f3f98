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
    kept,
    parts,
    ports,
)
from tiny_cloud.libvirt_xml.domain import SPARE_PORTS, Domain, family
from tiny_cloud.libvirt_xml.elements import STAMP, E, Element, child
from tiny_cloud.libvirt_xml.parts import cpu, memory, single, vcpus


def renamed(current_xml: str, name: str) -> str:
    """The same definition under another name."""
    root = etree.fromstring(current_xml)
    child(root, "name").text = name
    return definition.text(root)


def merge(current_xml: str, domain: Domain) -> str:
    """``current_xml`` is the inactive definition. Raises Problems, as ``build`` does."""
    root = etree.fromstring(current_xml)
    domain = kept.completed(domain, root)
    parent = single.devices(root)
    spare = _spare(root, parent, domain)
    with definition.checked(domain):
        parts.forget(root, domain)
        _settings(root, domain)
        _machine(root, parent, domain)
        graft_disks.disks(root, parent, domain)
        graft_interfaces.interfaces(parent, domain)
        _console(parent, domain)
        _agent(parent, domain.agent)
        _controllers(parent, domain)
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
        memory.set_size(child(root, tag), domain.memory)
    vcpus.put(root, domain.cpus)
    _stamp(root, domain)


def _stamp(root: Element, domain: Domain) -> None:
    metadata = child(root, "metadata")
    fresh = definition.stamp(domain, root.findtext("uuid", domain.uuid))
    old = metadata.find(STAMP)
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
    channels = parent.findall("channel/target[@type='virtio']")
    needed = {"scsi"} | ({"virtio-serial"} if channels else set())
    for controller in definition.controllers(domain):
        kind = controller.get("type")
        if kind in needed and kind not in present:
            parent.append(controller)


def _console(parent: Element, domain: Domain) -> None:
    log = domain.console_log
    if parent.find("serial") is None:
        parent.extend(devices.console(log) if log else ())
        return
    for element in (parent.find("serial"), parent.find("console/target[@type='serial']/..")):
        old = None if element is None else element.find("log")
        if element is None or (old is not None and old.get("file") == log):
            continue
        if old is not None and (log or _is_below(old.get("file", ""), domain.logs)):
            element.remove(old)
        if log:
            element.insert(0, E.log(file=log, append="on"))


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _agent(parent: Element, wanted: bool | None) -> None:
    if wanted is None:
        return
    present = [channel for channel in parent.findall("channel")
               for target in channel.findall("target") if target.get("name") == devices.AGENT]
    if wanted and not present:
        parent.append(devices.agent())
    if not wanted:
        for channel in present:
            parent.remove(channel)
