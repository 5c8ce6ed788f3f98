"""What people want to know of it (https://libvirt.org/formatdomain.html#general-metadata)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import Element, child
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.model import Value

FIELDS = ("title", "description")


def write(root: Element, spec: Mapping[str, Any]) -> None:
    for tag in FIELDS:
        if tag in spec:
            child(root, tag).text = spec[tag]


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    for tag in FIELDS:
        if tag in gone:
            drop(root, tag)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for tag in FIELDS:
        if text := root.findtext(tag):
            yield tag, text
