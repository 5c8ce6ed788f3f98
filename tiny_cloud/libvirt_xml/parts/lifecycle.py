"""What becomes of a machine when its guest ends (https://libvirt.org/formatdomain.html#events-configuration)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import Element, child
from tiny_cloud.model import Value

EVENTS = {"onPoweroff": ("on_poweroff", "destroy"), "onReboot": ("on_reboot", "restart"),
          "onCrash": ("on_crash", "destroy")}
"""By field: libvirt's element, and what libvirt does without one."""


def write(root: Element, spec: Mapping[str, Any]) -> None:
    for field, (tag, _) in EVENTS.items():
        if field in spec:
            child(root, tag).text = spec[field]


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for field, (tag, usual) in EVENTS.items():
        yield field, root.findtext(tag, usual)
