"""The parts of a definition that need nothing but the manifest's own words: one file each.

``write`` brings a definition to what is declared and leaves alone what is not; ``forget`` takes
away what was declared last time and is no more; ``read`` is the way back, in the manifest's terms.
A new field of a machine is its schema and one of these, no more. Disks and cards are not among
them: they need paths and MACs that no manifest says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from lxml import etree

from tiny_cloud.libvirt_xml.domain import Domain, aligned
from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.libvirt_xml.parts import (
    boot,
    clock,
    cpu,
    filesystems,
    firmware,
    fragments,
    graphics,
    host_devices,
    inputs,
    iothreads,
    kernel,
    lifecycle,
    memory,
    memory_backing,
    panic,
    rng,
    sound,
    texts,
    tpm,
    usb,
    vcpus,
    video,
    watchdog,
)
from tiny_cloud.model import State, Value


class Part(Protocol):
    def write(self, root: Element, spec: Mapping[str, Any]) -> None:
        """``root`` is a <domain>, ``spec`` the machine's; a new one's with its defaults filled in.
        Raises Problems for what no machine can have."""

    def read(self, root: Element) -> Iterator[tuple[str, Value]]:
        """Flat fields and their values, as ``schema.flatten`` names them."""


class Forgetful(Protocol):
    def forget(self, root: Element, gone: Mapping[str, Value]) -> None:
        """``gone``: flat fields with their values as they were declared. Only for fields whose
        removal means something (x-on-remove) and that nothing else tells from other people's."""


class Naming(Protocol):
    def name(self, root: Element, spec: Mapping[str, Any]) -> None:
        """Give the declared devices that somebody else plugged in our names."""


PARTS: tuple[Part, ...] = (
    cpu, vcpus, memory, memory_backing, tpm, kernel, texts, lifecycle, clock, boot,
    video, rng, watchdog, usb, graphics, sound, inputs, host_devices, filesystems, panic,
    iothreads,
)
FORGETFUL: tuple[Forgetful, ...] = (
    cpu, vcpus, memory, memory_backing, kernel, texts, boot, graphics, filesystems, fragments,
    iothreads,
)
NAMING: tuple[Naming, ...] = (memory, inputs, host_devices, filesystems)
SIZES = ("memory", "currentMemory", "maxMemory.size")


def write(root: Element, domain: Domain) -> None:
    firmware.write(root, domain.spec, domain.nvram)
    for part in PARTS:
        part.write(root, domain.spec)
    # Last: they are about what all the others have made.
    fragments.write(root, domain.spec, domain.former)


def name(root: Element, spec: Mapping[str, Any]) -> None:
    for part in NAMING:
        part.name(root, spec)


def forget(root: Element, domain: Domain) -> None:
    gone = {field: domain.former.get(field) for field in domain.gone}
    for part in FORGETFUL:
        part.forget(root, gone)


def read(root: Element) -> dict[str, Value]:
    found = {field: value for part in PARTS for field, value in part.read(root)}
    return found | dict(firmware.read(root))


def declared(fields: State, spec: Mapping[str, Any]) -> dict[str, Value]:
    """The flat fields of a manifest in the words that ``observed`` uses."""
    told = {key: value for key, value in fields.items() if key != "xml"}
    told |= {key: aligned(int(str(told[key]))) for key in SIZES if key in told}
    return told | fragments.fields(spec)


def waiting(live_xml: str, spec: Mapping[str, Any], former: State) -> tuple[str, ...]:
    """Fields that wait for the next boot and can be told only beside the manifest."""
    return fragments.waiting(etree.fromstring(live_xml), spec, former)


def observed(xml: str, fields: State, spec: Mapping[str, Any], former: State) -> dict[str, Value]:
    """``fields`` as ``read``, completed by what can be told only beside the manifest."""
    told = {**fields, **fragments.present(etree.fromstring(xml), spec, former)}
    if "currentMemory" not in spec and "currentMemory" not in former:
        # Then memory stands for both: somebody may have lowered the balloon's target for good.
        told["memory"] = min(int(str(told["memory"])), int(str(told["currentMemory"])))
    return told
