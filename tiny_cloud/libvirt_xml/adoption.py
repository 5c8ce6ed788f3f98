"""Our names for the devices of a machine that somebody else defined, before it is taken over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lxml import etree

from tiny_cloud.libvirt_xml.definition import text
from tiny_cloud.libvirt_xml.domain import Interface, interface_alias
from tiny_cloud.libvirt_xml.elements import E
from tiny_cloud.libvirt_xml.graft import Element, aliased
from tiny_cloud.libvirt_xml.read import local_path


def named(xml: str, cards: Iterable[Interface], files: Mapping[str, Iterable[str]]) -> str:
    """The definition with the aliases it would have if we had made it.

    A declared card is the first nameless one that is plugged into the same and has its MAC, if one
    is declared (else ``mac`` is empty). ``files``: where the disk of each name may be.
    """
    root = etree.fromstring(xml)
    plugged, disks = (root.findall(f"devices/{tag}") for tag in ("interface", "disk"))
    for card in cards:
        if aliased(plugged, interface_alias(card)) is None:
            _name(interface_alias(card), (item for item in plugged if _is(item, card)))
    for name, paths in files.items():
        wanted = set(paths)
        if aliased(disks, f"ua-disk-{name}") is None:
            _name(f"ua-disk-{name}", (item for item in disks if local_path(item) in wanted))
    return text(root)


def _name(alias: str, candidates: Iterable[Element]) -> None:
    for element in candidates:
        if element.find("alias") is None:
            element.append(E.alias(name=alias))
            return


def _is(element: Element, card: Interface) -> bool:
    source, mac = element.find("source"), element.find("mac")
    plug = source.get(card.source.kind, "") if source is not None else ""
    there = mac.get("address", "").lower() if mac is not None else ""
    same = element.get("type") == card.source.kind and plug == card.source.name
    return same and card.mac in ("", there)
