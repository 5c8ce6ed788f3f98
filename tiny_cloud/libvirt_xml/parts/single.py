"""A device of which a machine has one at most. Ours carries the alias ``ua-TAG``."""

from __future__ import annotations

from lxml import etree

from tiny_cloud.libvirt_xml.aliases import OURS
from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.graft import aliased, append, replace_child

BOARD = ("itco",)
"""Models that are part of the board q35: newer libvirts show them beside whatever else there is."""


def devices(root: Element) -> Element:
    parent = root.find("devices")
    return etree.SubElement(root, "devices") if parent is None else parent


def find(root: Element, tag: str) -> Element | None:
    """The one that we put there, or else the first."""
    present = [item for item in root.iterfind(f"devices/{tag}") if item.get("model") not in BOARD]
    ours = aliased(present, alias(tag))
    return ours if ours is not None else next(iter(present), None)


def put(root: Element, fresh: Element) -> None:
    """In the place of the one there is, keeping its address; after the last of its kind if new."""
    parent = devices(root)
    old = find(root, str(fresh.tag))
    if old is None:
        append(parent, fresh)
    elif not covers(old, fresh) and old.get("model") != fresh.get("model"):
        parent.replace(old, fresh)
    elif not covers(old, fresh):
        # What else somebody said of it stays.
        old.attrib.update(fresh.attrib)
        for item in fresh:
            there = old.find(str(item.tag))
            if there is None or not covers(there, item):
                replace_child(old, fresh, str(item.tag))


def take(root: Element, tag: str) -> None:
    """Remove the one that we once put there; somebody else's stays."""
    parent = devices(root)
    ours = aliased(parent.findall(tag), alias(tag))
    if ours is not None:
        parent.remove(ours)


def clear(root: Element, tag: str) -> None:
    """Remove all of them, whoever's they are: the manifest says that there are none."""
    for device in devices(root).findall(tag):
        devices(root).remove(device)


def alias(tag: str) -> str:
    return OURS + tag


def named(tag: str) -> Element:
    return E.alias(name=alias(tag))


def covers(old: Element, fresh: Element) -> bool:
    """Whether all that ``fresh`` says is said already; libvirt adds words of its own."""
    return (
        set(fresh.attrib.items()) <= set(old.attrib.items())
        and (fresh.text or "").strip() == (old.text or "").strip()
        and all(any(covers(child, item) for child in old.findall(str(item.tag)))
                for item in fresh)
    )
