"""How many processors (https://libvirt.org/formatdomain.html#cpu-allocation)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.model import Value


def write(root: etree._Element, spec: Mapping[str, Any]) -> None:
    """``root`` has as many as ``cpus`` says already, and room for no more."""
    vcpu = root.find("vcpu")
    if vcpu is None or "maxCpus" not in spec:
        return
    most = str(spec["maxCpus"])
    if vcpu.text != most:
        vcpu.set("current", vcpu.text or "1")
        vcpu.text = most


def read(root: etree._Element) -> Iterator[tuple[str, Value]]:
    vcpu = root.find("vcpu")
    most = 1 if vcpu is None else int(vcpu.text or "1")
    yield "cpus", most if vcpu is None else int(vcpu.get("current") or most)
    yield "maxCpus", most
