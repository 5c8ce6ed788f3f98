"""Whose files a disk or an image stands on, and how big they are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from tiny_cloud import layers
from tiny_cloud.errands import Actual
from tiny_cloud.facts import DiskUse, ImageFacts, Reader
from tiny_cloud.model import Address, Observed
from tiny_cloud.resource import Resource

SNAPSHOT = "snapshot"
"""The owner of an overlay that a snapshot has put on a disk."""


Files: TypeAlias = tuple[tuple[str, str], ...]
"""Paths and formats, the top first."""


class Layer(Struct, frozen=True):
    path: str
    format: str
    owner: str = ""
    """``image/debian``, or SNAPSHOT; empty: nobody of this cloud."""
    virtual_size: int = 0
    """Bytes that a guest sees; 0: it cannot be read."""
    actual_size: int = 0
    """Bytes that it takes on the host."""


def chains(
    host: Reader, resources: Sequence[Resource], actual: Actual
) -> Mapping[Address, tuple[Layer, ...]]:
    """Of all in one batch: the top first."""
    owners: dict[str, str] = {}
    uses = host.disk_users()
    found: dict[Address, Files] = {}
    for item in resources:
        seen = actual.get(item.address)
        if item.IS_DATA and isinstance(seen, Observed) and seen.fields:
            overlays = _overlays(uses.get(_path(item, seen)))
            found[item.address] = (*overlays, *_own(item, seen))
            owners |= dict.fromkeys((path for path, _ in overlays), SNAPSHOT)
            owners |= dict.fromkeys(_paths(item, seen), str(item.address))
    images = host.images({path: form for files in found.values()
                          for path, form in _readable(host, files)})
    return {address: tuple(_layer(path, form, owners.get(path, ""), images.get(path))
                           for path, form in files)
            for address, files in found.items()}


def _readable(host: Reader, files: Files) -> Iterator[tuple[str, str]]:
    """As far as a header may lead: what it names beyond that could be any file of this host."""
    above = ""
    for path, form in files:
        led_here = not above or layers.may_name(host, above, path)
        if not form or not path.startswith("/") or not led_here:
            return
        yield path, form
        above = path


def _overlays(use: DiskUse | None) -> Files:
    """What snapshots have put on top of it."""
    return tuple((path, "qcow2") for path in use.above) if use and not use.base else ()


def _own(item: Resource, seen: Observed) -> Iterator[tuple[str, str]]:
    """Itself, and what is below it."""
    form = (seen.facts.get("format") or seen.fields.get("format")
            or item.provides().get("format", ""))
    yield _path(item, seen), str(form)
    below = seen.facts.get("below", ())
    assert isinstance(below, tuple)
    yield from below


def _path(item: Resource, seen: Observed) -> str:
    # Of an image of Ceph "at" is its pool and name.
    keys = ("path",) if item.KIND == "RBDImage" else ("at", "path")
    return str(next((seen.facts[key] for key in keys if seen.facts.get(key)),
                    item.provides()["path"]))


def _paths(item: Resource, seen: Observed) -> Iterator[str]:
    """All files that are this thing: of an image every version."""
    yield _path(item, seen)
    versions = seen.facts.get("versions", {})
    assert isinstance(versions, Mapping)
    yield from versions


def _layer(path: str, form: str, owner: str, info: object) -> Layer:
    if not isinstance(info, ImageFacts):
        return Layer(path, form, owner)
    return Layer(path, form, owner, info.virtual_size, info.actual_size)


def disks_of(machine: Resource) -> list[tuple[str, Address]]:
    """By the disk's name in the machine, what it is."""
    return [(field[len("disks["):-len("].disk")], link.address)
            for field, link in machine.links.items()
            if field.startswith("disks[") and field.endswith("].disk")]
