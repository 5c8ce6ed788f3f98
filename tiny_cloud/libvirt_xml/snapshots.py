"""Snapshots in libvirt's XML (https://libvirt.org/formatsnapshot.html). Pure.

An external snapshot puts an overlay on top of each disk, and what came before is kept below it. To
everybody who compares, a disk is what lies below: ``bare`` takes the overlays off a definition, and
``overlaid`` puts them on again before it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from lxml import etree
from msgspec.structs import replace

from tiny_cloud.facts import DomainFacts, Overlay, SnapshotFacts
from tiny_cloud.libvirt_xml.elements import E, Element, attribute
from tiny_cloud.libvirt_xml.read import local_path

FORMAT = "qcow2"
"""Of an overlay: the one format that has a backing file and that libvirt makes for snapshots."""


def read_snapshot(xml: str) -> SnapshotFacts:
    root = etree.fromstring(xml)
    before = {attribute(disk, "target", "dev"): disk
              for disk in root.iterfind("inactiveDomain/devices/disk")}
    before |= {target: disk for disk in root.iterfind("domain/devices/disk")
               if (target := attribute(disk, "target", "dev")) not in before}
    overlays = [
        Overlay(target, local_path(disk), local_path(before[target]),
                attribute(before[target], "driver", "type"))
        for disk in root.iterfind("disks/disk")
        if disk.get("snapshot") == "external" and (target := disk.get("name", "")) in before
    ]
    return SnapshotFacts(
        name=root.findtext("name", ""),
        created=int(root.findtext("creationTime", "0")),
        state=root.findtext("state", ""),
        overlays=tuple(overlays),
        parent=root.findtext("parent/name", ""),
    )


def oldest_first(snapshots: Iterable[SnapshotFacts]) -> tuple[SnapshotFacts, ...]:
    """Those of the same second in the order in which they stand on each other."""
    named = {one.name: one for one in sorted(snapshots, key=lambda one: one.created)}
    standing = {name: [one.parent] if one.parent in named else [] for name, one in named.items()}
    order = {name: place for place, name in enumerate(TopologicalSorter(standing).static_order())}
    return tuple(sorted(named.values(), key=lambda one: (one.created, order[one.name])))


def write_snapshot(name: str, overlays: Mapping[str, str], without: Iterable[str] = ()) -> str:
    """Of the disks in ``overlays`` (target -> file to be made) external, else internal; ``without``
    are the targets that have none."""
    disks = [
        *(E.disk(E.driver(type=FORMAT), E.source(file=path), name=target, snapshot="external")
          for target, path in overlays.items()),
        *(E.disk(name=target, snapshot="no") for target in without),
    ]
    root = E.domainsnapshot(E.name(name), *([E.disks(*disks)] if disks else []))
    return etree.tostring(root, encoding="unicode", pretty_print=True)


def above(facts: DomainFacts) -> dict[str, tuple[str, ...]]:
    """By path of a disk: the overlays of snapshots on it, the top first."""
    below = _below(facts.snapshots)
    found: dict[str, tuple[str, ...]] = {}
    for xml in filter(None, (facts.xml, facts.live_xml)):
        for disk in etree.fromstring(xml).iterfind("devices/disk"):
            path, stack = local_path(disk), []
            while path in below:
                stack.append(path)
                path = below[path].below
            if stack:
                found[path] = tuple(stack)
    return found


def bare(facts: DomainFacts) -> DomainFacts:
    """The definition and what runs as they would be without the overlays of its snapshots."""
    below = _below(facts.snapshots)
    if not below:
        return facts
    return replace(facts, xml=_bare(facts.xml, below),
                   live_xml=facts.live_xml and _bare(facts.live_xml, below))


def overlaid(xml: str, overlays: Mapping[str, tuple[str, ...]]) -> str:
    """The way back: ``overlays`` as ``above`` has them."""
    if not overlays:
        return xml
    root = etree.fromstring(xml)
    for disk in root.iterfind("devices/disk"):
        for path in reversed(overlays.get(local_path(disk), ())):
            _lay(disk, path)
    return etree.tostring(root, encoding="unicode")


def _below(snapshots: Iterable[SnapshotFacts]) -> dict[str, Overlay]:
    return {overlay.path: overlay for snapshot in snapshots for overlay in snapshot.overlays}


def _bare(xml: str, below: Mapping[str, Overlay]) -> str:
    root = etree.fromstring(xml)
    for disk in root.iterfind("devices/disk"):
        while (path := local_path(disk)) in below:
            _lift(disk, below[path])
    return etree.tostring(root, encoding="unicode")


def _lift(disk: Element, overlay: Overlay) -> None:
    """The first layer below becomes the disk. libvirt does not always write it out: then it is to
    look itself, and what the snapshot remembers is what it will find."""
    chain, source = disk.find("backingStore"), disk.find("source")
    assert source is not None
    said = None if chain is None else chain.find("source")
    if chain is None or said is None:
        kind = "block" if overlay.below.startswith("/dev/") else "file"
        fresh = E.source({"dev" if kind == "block" else "file": overlay.below})
        _become(disk, fresh, kind, overlay.format)
        return
    inner = chain.find("backingStore")
    _become(disk, said, chain.get("type", "file"), attribute(chain, "format", "type"))
    if inner is None:
        disk.remove(chain)
    else:
        disk.replace(chain, inner)


def _lay(disk: Element, path: str) -> None:
    """An overlay on top of what the disk is now."""
    source, chain, driver = (disk.find(tag) for tag in ("source", "backingStore", "driver"))
    assert source is not None and driver is not None
    layer = E.backingStore(E.format(type=driver.get("type", "")), type=disk.get("type", "file"))
    if chain is not None:
        disk.replace(chain, layer)
    else:
        source.addnext(layer)
    _become(disk, E.source(file=path), "file", FORMAT)
    layer.append(source)
    if chain is not None:
        layer.append(chain)


def _become(disk: Element, source: Element, kind: str, form: str) -> None:
    old, driver = disk.find("source"), disk.find("driver")
    assert old is not None and driver is not None
    disk.replace(old, source)
    disk.set("type", kind)
    driver.set("type", form)
