"""How many processors (https://libvirt.org/formatdomain.html#cpu-allocation)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.libvirt_xml.elements import Element, child
from tiny_cloud.libvirt_xml.graft import drop
from tiny_cloud.model import Value


def write(root: Element, spec: Mapping[str, Any]) -> None:
    """``root`` has as many as ``cpus`` says already."""
    if "maxCpus" in spec:
        now, _ = _numbers(root.find("vcpu"))
        put(root, now, int(spec["maxCpus"]))


def put(root: Element, wanted: int, room: int = 0) -> None:
    """``room``: for so many; 0: room that is there stays, unless ``forget`` has taken it away."""
    before = root.find("vcpu")
    now, most = _numbers(before)
    room = max(wanted, room or (most if most > now else wanted))
    if before is not None and (now, most) == (wanted, room):
        return
    vcpu = child(root, "vcpu")
    vcpu.text = str(room)
    if wanted < room:
        vcpu.set("current", str(wanted))
    elif "current" in vcpu.attrib:
        del vcpu.attrib["current"]
    # They say which of the former number were plugged in.
    drop(root, "vcpus")


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    vcpu = root.find("vcpu")
    if "maxCpus" in gone and vcpu is not None:
        now, _ = _numbers(vcpu)
        vcpu.text = str(now)
        if "current" in vcpu.attrib:
            del vcpu.attrib["current"]
        drop(root, "vcpus")


def read(root: Element) -> Iterator[tuple[str, Value]]:
    now, most = _numbers(root.find("vcpu"))
    yield "cpus", now
    yield "maxCpus", most


def _numbers(vcpu: Element | None) -> tuple[int, int]:
    """Those that it has, and those that it has room for."""
    most = 1 if vcpu is None else int(vcpu.text or "1")
    return most if vcpu is None else int(vcpu.get("current") or most), most
