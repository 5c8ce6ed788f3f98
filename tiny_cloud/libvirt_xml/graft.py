"""Bring a device of an existing definition to what a fresh one says, in its place.

A device keeps its PCI address, its target and whatever else somebody gave it; only what we manage
is set. Ours are those with our alias, and those with the very disk or MAC of ours, which is how a
machine that somebody else made is adopted without plugging its disks in twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from tiny_cloud.libvirt_xml.aliases import alias_of
from tiny_cloud.libvirt_xml.elements import Element


def aliased(devices: Iterable[Element], alias: str) -> Element | None:
    for element in devices:
        if alias_of(element) == alias:
            return element
    return None


def append(parent: Element, device: Element) -> None:
    """After the last of its kind, so that a new disk does not come before the old ones."""
    siblings = parent.findall(device.tag)
    if siblings:
        siblings[-1].addnext(device)
    else:
        parent.append(device)


def drop(element: Element, tag: str) -> None:
    for child in element.findall(tag):
        element.remove(child)


def replace_child(element: Element, fresh: Element, tag: str) -> None:
    """Take over one child from ``fresh``, or its absence; an equal one is left where it is."""
    old, new = element.find(tag), fresh.find(tag)
    if old is None and new is not None:
        element.append(new)
    elif old is not None and new is None:
        element.remove(old)
    elif old is not None and new is not None and not same(old, new):
        element.replace(old, new)


def same(first: Element, second: Element) -> bool:
    """Equal but for white space, quotes and the order of attributes."""
    return canonical(first) == canonical(second)


def canonical(element: Element) -> str:
    xml = etree.tostring(element, encoding="unicode", with_tail=False)
    return str(etree.canonicalize(xml, strip_text=True))
