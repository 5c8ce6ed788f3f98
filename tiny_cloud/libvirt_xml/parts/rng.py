"""The random number generator (https://libvirt.org/formatdomain.html#random-number-generator-device)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value


def write(root: Element, spec: Mapping[str, Any]) -> None:
    source = spec.get("rng")
    if source == "none":
        single.clear(root, "rng")
    elif source is not None:
        single.put(root, E.rng(E.backend(source, model="random"), model="virtio"))


def read(root: Element) -> Iterator[tuple[str, Value]]:
    backend = root.find("devices/rng/backend")
    if backend is None:
        yield "rng", "none"
    else:
        # One that is no device of the host's (builtin, egd) is known by its kind.
        yield "rng", (backend.text or "").strip() or backend.get("model", "")
