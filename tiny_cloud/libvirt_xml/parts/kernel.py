"""Direct kernel boot (https://libvirt.org/formatdomain.html#direct-kernel-boot)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.libvirt_xml.elements import child
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.model import Value

TAGS = {"path": "kernel", "initrd": "initrd", "cmdline": "cmdline"}


def write(root: etree._Element, spec: Mapping[str, Any]) -> None:
    for key, value in (spec.get("kernel") or {}).items():
        child(child(root, "os"), TAGS[key]).text = value


def forget(root: etree._Element, gone: Mapping[str, Value]) -> None:
    """A kernel out of an image was put there as path and initrd."""
    for key, tag in TAGS.items():
        if f"kernel.{key}" in gone or (key != "cmdline" and "kernel.image" in gone):
            drop(child(root, "os"), tag)


def read(root: etree._Element) -> Iterator[tuple[str, Value]]:
    for key, tag in TAGS.items():
        if text := root.findtext(f"os/{tag}"):
            yield f"kernel.{key}", text
