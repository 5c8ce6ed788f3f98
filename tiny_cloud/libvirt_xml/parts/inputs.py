"""Keyboards, mice, tablets (https://libvirt.org/formatdomain.html#input-devices)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.libvirt_xml.elements import E
from tiny_cloud.libvirt_xml.parts import several
from tiny_cloud.model import Value

PREFIX = "ua-input-"


def write(root: etree._Element, spec: Mapping[str, Any]) -> None:
    wanted = [
        E.input(several.alias(PREFIX, item["name"]), type=item["type"], bus=item.get("bus", "usb"))
        for item in spec.get("inputs", ())
    ]
    several.put(root, "input", PREFIX, wanted, lambda item: (item.get("type"), item.get("bus")))


def read(root: etree._Element) -> Iterator[tuple[str, Value]]:
    for name, device in several.ours(root, "input", PREFIX):
        yield f"inputs[{name}].type", device.get("type", "")
        yield f"inputs[{name}].bus", device.get("bus", "")
