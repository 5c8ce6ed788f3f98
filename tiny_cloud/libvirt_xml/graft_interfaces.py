"""The interfaces of an existing definition, brought to what a Domain says (see ``graft``)."""

from __future__ import annotations

from tiny_cloud.libvirt_xml import devices, ports
from tiny_cloud.libvirt_xml.aliases import name_of
from tiny_cloud.libvirt_xml.domain import Domain
from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.libvirt_xml.graft import append, drop, replace_child
from tiny_cloud.libvirt_xml.kept import mac_of, match_interface


def interfaces(parent: Element, domain: Domain) -> None:
    plugged = [item for item in domain.interfaces if not item.forwards]
    current = parent.findall("interface")
    matches = {item.name: match_interface(current, item) for item in plugged}
    kept = [item for item in matches.values() if item is not None]
    macs = {item.mac.lower() for item in domain.interfaces}
    for element in current:
        if element not in kept and (name_of(element, "interfaces") or mac_of(element) in macs):
            parent.remove(element)
    for item in plugged:
        existing, fresh = matches[item.name], devices.interface(item)
        if existing is None:
            append(parent, fresh)
        else:
            managed = [tag for tag, declared in (("mtu", item.mtu is not None), ("link", item.link))
                       if declared]
            _graft_interface(parent, existing, fresh, ("mac", "model", "alias", *managed))


def _graft_interface(
    parent: Element, element: Element, fresh: Element, managed: tuple[str, ...]
) -> None:
    if ports.is_legacy(element) != ports.is_legacy(fresh):
        drop(element, "address")
    if element.get("type") != fresh.get("type"):
        # What else hung on it (virtual ports, a tap's name) has no meaning on the new kind.
        fresh.extend(element.findall("address"))
        parent.replace(element, fresh)
        return
    source, wanted = element.find("source"), fresh.find("source")
    if wanted is not None and (
            source is None or any(source.get(key) != word for key, word in wanted.items())):
        replace_child(element, fresh, "source")
    for tag in managed:
        replace_child(element, fresh, tag)
