"""Keyboards, mice, tablets (https://libvirt.org/formatdomain.html#input-devices)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.parts import several
from tiny_cloud.model import Value

KIND = "inputs"


def write(root: Element, spec: Mapping[str, Any]) -> None:
    several.put(root, "input", KIND, _wanted(spec), identity)


def name(root: Element, spec: Mapping[str, Any]) -> None:
    several.name(root, "input", _wanted(spec), identity)


def identity(device: Element) -> tuple[str | None, ...]:
    return device.get("type"), device.get("bus")


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for name, device in several.ours(root, "input", KIND):
        yield f"inputs[{name}].type", device.get("type", "")
        yield f"inputs[{name}].bus", device.get("bus", "")


def _wanted(spec: Mapping[str, Any]) -> list[Element]:
    return [
        E.input(several.alias(KIND, item["name"]), type=item["type"], bus=item.get("bus", "usb"))
        for item in spec.get("inputs", ())
    ]
