"""Direct kernel boot (https://libvirt.org/formatdomain.html#direct-kernel-boot)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import Element, child
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.model import Value

TAGS = {"path": "kernel", "initrd": "initrd", "cmdline": "cmdline"}


def write(root: Element, spec: Mapping[str, Any]) -> None:
    for key, value in (spec.get("kernel") or {}).items():
        child(child(root, "os"), TAGS[key]).text = value


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    """A kernel out of an image was put there as path and initrd."""
    for key, tag in TAGS.items():
        if f"kernel.{key}" in gone or (key != "cmdline" and "kernel.image" in gone):
            drop(child(root, "os"), tag)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for key, tag in TAGS.items():
        if text := root.findtext(f"os/{tag}"):
            yield f"kernel.{key}", text
