"""The watchdog (https://libvirt.org/formatdomain.html#watchdog-devices)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value


def write(root: Element, spec: Mapping[str, Any]) -> None:
    declared = spec.get("watchdog")
    if declared is None:
        single.take(root, "watchdog")
        return
    words = {"model": declared["model"], "action": declared.get("action", "reset")}
    single.put(root, E.watchdog(single.named("watchdog"), **words))


def read(root: Element) -> Iterator[tuple[str, Value]]:
    device = single.find(root, "watchdog")
    if device is not None:
        yield "watchdog.model", device.get("model", "")
        yield "watchdog.action", device.get("action", "reset")
