"""The device through which a guest tells of its crash (https://libvirt.org/formatdomain.html#panic-device)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value


def write(root: Element, spec: Mapping[str, Any]) -> None:
    match spec.get("panic"):
        case None:
            single.take(root, "panic")
        case False:
            single.clear(root, "panic")
        case _:
            there = single.find(root, "panic")
            model = "isa" if there is None else there.get("model", "isa")
            single.put(root, E.panic(single.named("panic"), model=model))


def read(root: Element) -> Iterator[tuple[str, Value]]:
    yield "panic", single.find(root, "panic") is not None
