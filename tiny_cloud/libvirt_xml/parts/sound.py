"""The sound card (https://libvirt.org/formatdomain.html#sound-devices).

Where its sound goes is left to libvirt: to a SPICE viewer if there is one, else nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value


def write(root: Element, spec: Mapping[str, Any]) -> None:
    match spec.get("sound"):
        case None:
            single.take(root, "sound")
        case "none":
            single.clear(root, "sound")
        case model:
            single.put(root, E.sound(single.named("sound"), model=str(model)))


def read(root: Element) -> Iterator[tuple[str, Value]]:
    device = single.find(root, "sound")
    yield "sound", "none" if device is None else device.get("model", "")
