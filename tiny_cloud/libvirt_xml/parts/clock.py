"""The hardware clock (https://libvirt.org/formatdomain.html#time-keeping)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import Element, child
from tiny_cloud.model import Value


def write(root: Element, spec: Mapping[str, Any]) -> None:
    """Its timers stay as they are."""
    declared = spec.get("clock")
    if declared is None:
        return
    clock = child(root, "clock")
    if clock.get("offset") != declared["offset"]:
        # An adjustment, say, means nothing to another offset.
        clock.attrib.clear()
        clock.set("offset", declared["offset"])
    if "timezone" in declared:
        clock.set("timezone", declared["timezone"])


def read(root: Element) -> Iterator[tuple[str, Value]]:
    clock = root.find("clock")
    yield "clock.offset", "utc" if clock is None else clock.get("offset", "utc")
    if clock is not None and (zone := clock.get("timezone")):
        yield "clock.timezone", zone
