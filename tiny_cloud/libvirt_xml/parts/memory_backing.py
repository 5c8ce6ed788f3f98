"""What memory is made of (https://libvirt.org/formatdomain.html#memory-backing)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element, child
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.libvirt_xml.parts.memory import UNITS
from tiny_cloud.model import Value
from tiny_cloud.sizes import parse_size


def write(root: Element, spec: Mapping[str, Any]) -> None:
    wanted = spec.get("hugepages")
    if wanted is None:
        return
    field, value = ("hugepages", wanted) if isinstance(wanted, bool) else (
        "hugepages.size", parse_size(wanted["size"]))
    if dict(read(root)).get(field) != value:
        _pages(root, wanted)


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    if "hugepages" in gone or "hugepages.size" in gone:
        _pages(root, False)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    pages = root.find("memoryBacking/hugepages")
    page = None if pages is None else pages.find("page")
    if page is None:
        yield "hugepages", pages is not None
    else:
        yield "hugepages.size", int(page.get("size", "0")) * UNITS[page.get("unit", "KiB")]


def _pages(root: Element, wanted: bool | Mapping[str, Any]) -> None:
    backing = child(root, "memoryBacking")
    drop(backing, "hugepages")
    if wanted is True:
        backing.append(E.hugepages())
    elif wanted:
        size = parse_size(wanted["size"]) // 1024
        backing.append(E.hugepages(E.page(size=str(size), unit="KiB")))
    if not len(backing):
        root.remove(backing)
