"""How a machine's fields must go together where a schema cannot say it: sums, products, names.

The rules are libvirt's and qemu's own; here they have a line of the manifest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tiny_cloud.document import Document
from tiny_cloud.errors import Problem
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.libvirt_xml.domain import MEBIBYTE, aligned
from tiny_cloud.libvirt_xml.parts import cpu, memory, snippet
from tiny_cloud.sizes import format_size, parse_size
from tiny_cloud.yaml12 import Path

Found = Iterator[tuple[Path, str, str]]
"""A path below ``spec``, what is wrong, and what to do about it."""

MODULE = 2 * MEBIBYTE
"""qemu rounds memory modules up to it at each start, and would seem to drift."""

IDE_PLACES = 4
THREADED = ("virtio", "scsi")
"""Buses whose disks an I/O thread can serve."""


def problems(document: Document) -> Iterator[Problem]:
    """Of a machine that its schema finds nothing wrong with."""
    spec = document.spec
    for rule in (_processors, _memory, _modules, _buses, _threads, _boot, _texts, _furnished):
        for path, summary, hint in rule(spec):
            yield Problem(summary, document.span(("spec", *path)), hint)
    for at, item in enumerate(spec.get("xml", ())):
        wrong = snippet.mistakes(item)
        if wrong is not None:
            yield replace(wrong, span=document.span(("spec", "xml", at, "xml")))


def _processors(spec: Mapping[str, Any]) -> Found:
    cpus, most = spec["cpus"], spec.get("maxCpus", spec["cpus"])
    if cpus > most:
        yield ("maxCpus",), f"maxCpus is {most} and cpus {cpus}", f"write maxCpus: {cpus} or more"
    topology = spec.get("cpu", {}).get("topology")
    if topology:
        product = math.prod(topology.get(key, 1) for key in cpu.SHAPE)
        field = "maxCpus" if "maxCpus" in spec else "cpus"
        if product != most:
            yield (("cpu", "topology"),
                   f"the topology has {product} processors, and {field} is {most}",
                   f"write {field}: {product}, or another topology")


def _memory(spec: Mapping[str, Any]) -> Found:
    boot = aligned(parse_size(spec["memory"]))
    total = boot + sum(parse_size(item["size"]) for item in spec.get("dimms", ()))
    current = parse_size(spec.get("currentMemory", 0))
    if current > total:
        yield (("currentMemory",), f"currentMemory is more than the {format_size(total)} there are",
               "the balloon only takes memory away; raise memory, or lower this")
    if "maxMemory" not in spec:
        return
    most = aligned(parse_size(spec["maxMemory"]["size"]))
    if total > most:
        yield (("maxMemory", "size"), f"memory and dimms are {format_size(total)} together, "
               f"more than maxMemory", f"write size: {format_size(total)} or more")
    elif boot >= most:
        yield (("maxMemory", "size"), "maxMemory leaves no room for a single module",
               "make it larger than memory, or leave it out")


def _modules(spec: Mapping[str, Any]) -> Found:
    modules = spec.get("dimms", ())
    for at, item in enumerate(modules):
        if parse_size(item["size"]) % MODULE:
            yield (("dimms", at, "size"), f"a memory module of {item['size']} cannot be made",
                   f"its size must be a multiple of {format_size(MODULE)}")
    slots = spec.get("maxMemory", {}).get("slots", memory.SLOTS)
    if len(modules) > slots:
        yield (("dimms",), f"{len(modules)} dimms do not fit into {slots} slots",
               f"write slots: {len(modules)} or more in maxMemory")


def _buses(spec: Mapping[str, Any]) -> Found:
    if spec.get("machine") != "pc":
        return
    if "sparePorts" in spec:
        yield ("sparePorts",), "a pc has no PCI Express ports", "leave sparePorts out"
    places = [(kind, at) for kind in ("disks", "cdroms") for at, item
              in enumerate(spec.get(kind, ())) if item.get("bus") == "ide"]
    for kind, at in places[IDE_PLACES:]:
        yield ((kind, at, "bus"), f"a pc has room for {IDE_PLACES} devices on IDE",
               "use bus: sata for the others")


def _threads(spec: Mapping[str, Any]) -> Found:
    chosen = {at: item for at, item in enumerate(spec.get("disks", ())) if "iothread" in item}
    shared = {item["iothread"] for item in chosen.values() if item.get("bus") == "scsi"}
    for at, item in chosen.items():
        bus = item.get("bus", "virtio")
        if bus not in THREADED:
            yield (("disks", at, "iothread"), f"a disk on {bus} can have no thread of its own",
                   "use bus: virtio or scsi, or leave iothread out")
        elif bus == "scsi" and item["iothread"] != min(shared):
            yield (("disks", at, "iothread"), "all disks on scsi share one thread, their "
                   f"controller's, and another of them has iothread {min(shared)}",
                   f"write iothread: {min(shared)}, or use bus: virtio")


def _texts(spec: Mapping[str, Any]) -> Found:
    odd = {character for character in spec.get("description", "")
           if ord(character) < 32 and character not in "\n\t"}
    if odd:
        yield (("description",), f"no XML can carry the character {min(odd)!a} as it is",
               "line breaks and tabs are fine; take the others out")


def _furnished(spec: Mapping[str, Any]) -> Found:
    remote = next(map(remotes.declared, spec.get("disks", ())), None)
    if remote and spec.get("guest"):
        yield (("guest",), f"its first disk is {remote.url}, and nothing is written into a disk of "
               "some server", "take guest out, or let it boot from a disk of this host")


def _boot(spec: Mapping[str, Any]) -> Found:
    kinds = ("disks", "cdroms", "interfaces")
    names = Counter(item["name"] for kind in kinds for item in spec.get(kind, ()))
    forwarding = {card["name"] for card in spec.get("interfaces", ())
                  if (card.get("user") or {}).get("forward")}
    for at, name in enumerate(spec.get("boot", ())):
        path = ("boot", at)
        if not names[name]:
            known = ", ".join(names)
            yield (path, f"it has no disk, cdrom or interface {name} to boot from",
                   f"there are: {known}" if known else "it has none at all; leave boot out")
        elif names[name] > 1:
            yield path, f"{name} is the name of several of its devices", "rename all but one"
        elif spec["boot"].index(name) < at:
            yield path, f"{name} is in boot a second time", "leave one of them out"
        elif name in forwarding:
            yield (path, f"{name} forwards ports, and such a card cannot be booted from",
                   "put the forwards on another interface")
