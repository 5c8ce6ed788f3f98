"""The graphics card (https://libvirt.org/formatdomain.html#video-devices)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value


def write(root: Element, spec: Mapping[str, Any]) -> None:
    if "video" in spec:
        # ``none`` is written out: libvirt would give a machine with a screen some card by itself.
        single.put(root, E.video(E.model(type=spec["video"])))


def read(root: Element) -> Iterator[tuple[str, Value]]:
    model = root.find("devices/video/model")
    yield "video", "none" if model is None else model.get("type", "")
