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
    several.put(root, "input", PREFIX, _wanted(spec), identity)


def name(root: etree._Element, spec: Mapping[str, Any]) -> None:
    several.name(root, "input", _wanted(spec), identity)


def identity(device: etree._Element) -> tuple[str | None, ...]:
    return device.get("type"), device.get("bus")


def read(root: etree._Element) -> Iterator[tuple[str, Value]]:
    for name, device in several.ours(root, "input", PREFIX):
        yield f"inputs[{name}].type", device.get("type", "")
        yield f"inputs[{name}].bus", device.get("bus", "")


def _wanted(spec: Mapping[str, Any]) -> list[etree._Element]:
    return [
        E.input(several.alias(PREFIX, item["name"]), type=item["type"], bus=item.get("bus", "usb"))
        for item in spec.get("inputs", ())
    ]
