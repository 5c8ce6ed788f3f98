"""Devices of which a machine has a list. Those of ours carry the alias ``ua-LIST-NAME``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tiny_cloud.libvirt_xml.aliases import PREFIXES, alias_of, name_of
from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.graft import aliased, append, replace_child
from tiny_cloud.libvirt_xml.parts import single

KEPT = ("accessmode", "managed")
"""Attributes that no field is for: somebody's choice stays."""


def alias(kind: str, name: str) -> Element:
    return E.alias(name=PREFIXES[kind] + name)


def put(
    root: Element, tag: str, kind: str, wanted: Sequence[Element],
    identity: Callable[[Element], object],
) -> None:
    """Bring the devices of this tag that are ours to the wanted ones; others stay as they are.

    One without an alias and with the identity of a wanted one is that one: somebody has plugged it
    in before us, or libvirt has (a keyboard)."""
    parent = single.devices(root)
    left = parent.findall(tag)
    found: list[Element | None] = []
    for fresh in wanted:
        old = aliased(left, alias_of(fresh))
        left = [item for item in left if item is not old]
        found.append(old)
    for device in [item for item in left if name_of(item, kind)]:
        parent.remove(device)
        left.remove(device)
    for fresh, known in zip(wanted, found, strict=True):
        old = known if known is not None else _anonymous(left, identity, fresh)
        left = [item for item in left if item is not old]
        if old is None:
            append(parent, fresh)
        else:
            _update(parent, old, fresh)


def name(
    root: Element, tag: str, wanted: Sequence[Element], identity: Callable[[Element], object],
) -> None:
    """Give those that are wanted ones and have no alias our names, and change nothing else."""
    there = root.findall(f"devices/{tag}")
    for fresh in wanted:
        old = None if aliased(there, alias_of(fresh)) is not None else (
            _anonymous(there, identity, fresh))
        if old is not None:
            old.append(E.alias(name=alias_of(fresh)))


def ours(root: Element, tag: str, kind: str) -> Iterator[tuple[str, Element]]:
    """Our devices of this tag with their names."""
    for device in root.iterfind(f"devices/{tag}"):
        if name := name_of(device, kind):
            yield name, device


def _anonymous(
    left: Sequence[Element], identity: Callable[[Element], object], fresh: Element
) -> Element | None:
    return next((item for item in left
                 if not alias_of(item) and identity(item) == identity(fresh)), None)


def _update(parent: Element, old: Element, fresh: Element) -> None:
    """In its place. It keeps its address and what else hangs on it as long as it is of a kind."""
    if _kind(old) != _kind(fresh):
        parent.replace(old, fresh)
        return
    old.attrib.update({key: word for key, word in fresh.attrib.items()
                       if key not in KEPT or key not in old.attrib})
    for tag in dict.fromkeys(str(item.tag) for item in fresh):
        there, said = old.find(tag), fresh.find(tag)
        if tag == "driver" and there is None:
            continue  # it is of a kind without a word
        if there is None or said is None or not single.covers(there, said):
            replace_child(old, fresh, tag)


def _kind(device: Element) -> tuple[str | None, ...]:
    driver = device.find("driver")
    kind = None if driver is None else driver.get("type")
    # Without a word it is <driver type='path'>, which is 9p.
    return device.get("type"), device.get("bus"), None if kind == "path" else kind
