"""Our names for the devices of a machine that somebody else defined, before it is taken over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.libvirt_xml import parts
from tiny_cloud.libvirt_xml.aliases import PREFIXES
from tiny_cloud.libvirt_xml.definition import text
from tiny_cloud.libvirt_xml.domain import Interface, interface_alias
from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.graft import aliased
from tiny_cloud.libvirt_xml.kept import bus_of, mac_of
from tiny_cloud.libvirt_xml.read import local_path, place

PLUGS = {"direct": "dev"}
"""The attribute of <source> that names what a card is plugged into, if it is not the type."""


def named(
    xml: str, cards: Iterable[Interface], places: Mapping[str, Iterable[str]],
    spec: Mapping[str, Any],
) -> str:
    """The definition with the aliases it would have if we had made it.

    A declared card is the first nameless one that is plugged into the same and has its MAC, if one
    is declared (else ``mac`` is empty). ``places``: paths or URLs where the disk of each name may
    be.
    """
    root = etree.fromstring(xml)
    plugged, disks = (root.findall(f"devices/{tag}") for tag in ("interface", "disk"))
    # Those with a MAC first, or one without might take theirs.
    for card in sorted(cards, key=lambda card: not card.mac):
        if aliased(plugged, interface_alias(card)) is None:
            _name(interface_alias(card), (item for item in plugged if _is(item, card)))
    for name, paths in places.items():
        wanted = set(paths)
        alias = PREFIXES["disks"] + name
        if aliased(disks, alias) is None:
            _name(alias, (item for item in disks if place(item) in wanted))
    drives = [item for item in disks if item.get("device") == "cdrom"]
    for drive in spec.get("cdroms", ()):
        alias = PREFIXES["cdroms"] + drive["name"]
        if aliased(drives, alias) is None:
            _name(alias, _drives(drives, drive))
    parts.name(root, spec)
    return text(root)


def _name(alias: str, candidates: Iterable[Element]) -> None:
    for element in candidates:
        if element.find("alias") is None:
            element.append(E.alias(name=alias))
            return


def _is(element: Element, card: Interface) -> bool:
    source, kind = element.find("source"), card.source.kind
    plug = source.get(PLUGS.get(kind, kind), "") if source is not None else ""
    same = element.get("type") == kind and plug == card.source.name
    return same and card.mac in ("", mac_of(element))


def _drives(drives: Iterable[Element], wanted: Mapping[str, Any]) -> list[Element]:
    """Those with its medium, or the same bus: a medium is soon changed."""
    there = list(drives)
    medium = [item for item in there if local_path(item) == wanted.get("path", "")]
    alike = [item for item in there if bus_of(item) == wanted.get("bus", "sata")]
    return [*(item for item in medium if item in alike), *medium, *alike]
