"""The parts of a definition that need nothing but the manifest's own words: one file each.

``write`` brings a definition to what is declared and leaves alone what is not; ``read`` is the way
back, in the manifest's terms. A new field of a machine is its schema and one of these, no more.
Disks and cards are not among them: they need paths and MACs that no manifest says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from lxml import etree

from tiny_cloud.libvirt_xml.parts import (
    filesystems,
    graphics,
    host_devices,
    inputs,
    panic,
    rng,
    sound,
    usb,
    video,
    watchdog,
)
from tiny_cloud.model import Value


class Part(Protocol):
    def write(self, root: etree._Element, spec: Mapping[str, Any]) -> None:
        """``root`` is a <domain>, ``spec`` the machine's; a new one's with its defaults filled in.
        Raises Problems for what no machine can have."""

    def read(self, root: etree._Element) -> Iterator[tuple[str, Value]]:
        """Flat fields and their values, as ``schema.flatten`` names them."""


PARTS: tuple[Part, ...] = (
    video, rng, watchdog,
    usb, graphics, sound, inputs, host_devices, filesystems, panic,
)


def write(root: etree._Element, spec: Mapping[str, Any], gone: Collection[str] = ()) -> None:
    """``gone``: flat fields that were declared until now, for what no alias shows to be ours."""
    graphics.clean(root, gone)
    for part in PARTS:
        part.write(root, spec)


def read(root: etree._Element) -> dict[str, Value]:
    return {field: value for part in PARTS for field, value in part.read(root)}
