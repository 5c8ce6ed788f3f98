"""What a LogicalVolume's document comes to, and what in it does not go together. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud import encryption, luks
from tiny_cloud.errors import Problem
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import format_size, is_share
from tiny_cloud.volumes import names
from tiny_cloud.yaml12 import Path

Fault = tuple[Path, str, str]
"""The path of the field below the document, what is wrong, and the remedy."""


def name_of(volume: Resource) -> str:
    """What LVM calls it: in the cloud ``default`` by its own name, as libvirt's domains are."""
    if volume.external:
        return str(volume.spec["name"])
    cloud, name = volume.context.cloud.name, volume.address.name
    return name if cloud == "default" else f"{cloud}-{name}"


def type_of(volume: Resource) -> str:
    """LVM's segment type, of a snapshot that copies on write ``snapshot``."""
    if "type" in volume.spec:
        return str(volume.spec["type"])
    if "thinPool" in volume.spec:
        return "thin"
    if "snapshotOf" in volume.spec:
        origin = volume.links.get("snapshotOf")
        if origin is None:
            # It is no longer declared, and its origin is gone.
            return str(volume.recorded.get("fields", {}).get("type", "snapshot"))
        return "thin" if type_of(origin) == "thin" else "snapshot"
    return "striped" if "stripes" in volume.spec else "linear"


def faults(volume: Resource) -> Iterator[Problem]:
    for path, summary, hint in _faults(volume):
        yield from volume.refuse(path, summary, hint).problems
    if type_of(volume) == "thin-pool":
        for other in volume.referrers.values():
            if other.address.kind != volume.address.kind:
                yield from other.refuse(
                    ("spec",), f"{other.address} uses {volume.address}, which is a thin pool",
                    f"make a LogicalVolume with thinPool: {volume.address.name}").problems


def _faults(volume: Resource) -> Iterator[Fault]:
    name = name_of(volume)
    why = names.fault(volume.spec["volumeGroup"], name)
    if why:
        where = ("spec", "name") if volume.external else ("metadata", "name")
        yield where, f"LVM's name of {volume.address} would be {name}, which {why}", (
            "choose another name")
    yield from _of_type(volume)
    yield from _of_encryption(volume)
    for field in ("thinPool", "snapshotOf"):
        other = volume.links.get(field)
        if other is not None:
            yield from _of_other(volume, field, other)


def _of_type(volume: Resource) -> Iterator[Fault]:
    spec, kind = volume.spec, type_of(volume)
    at: Path = ("spec", "type" if "type" in spec else "size")
    if (kind == "striped") != ("stripes" in spec) and kind in ("striped", "linear"):
        yield at, f"{volume.address} is {kind} and says {spec.get('stripes', 'no')} stripes", (
            "write stripes: 2 or more with type: striped, or leave both out")
    if kind == "thin" and not (spec.keys() & {"thinPool", "snapshotOf"} or volume.external):
        yield at, f"{volume.address} is thin and in no pool", "add thinPool: with the pool's name"
    if kind != "thin" and "thinPool" in spec:
        yield at, f"{volume.address} is in a thin pool and {kind}", "leave type out"
    if kind == "snapshot" and "size" not in spec:
        yield ("spec", "snapshotOf"), f"{volume.address} copies on write and needs room for that", (
            "add size: 20%ORIGIN, or more")
    if kind == "snapshot" and "snapshotOf" not in spec and not volume.external:
        yield at, f"{volume.address} is a snapshot of nothing", "add snapshotOf"
    if is_share(spec.get("size")):
        if kind == "thin":
            yield ("spec", "size"), f"{volume.address} is thin: it takes no share of the group", (
                "write a size such as 10GiB")
        elif str(spec["size"]).endswith("%ORIGIN") and kind != "snapshot":
            yield ("spec", "size"), f"{volume.address} has no origin to take a share of", (
                "write a size, or a share of VG or FREE")


def _of_encryption(volume: Resource) -> Iterator[Fault]:
    key, origin = encryption.source_of(volume), volume.links.get("snapshotOf")
    size = volume.desired().get("size") if key and type_of(volume) != "snapshot" else None
    if isinstance(size, int) and size <= luks.ROOM:
        yield ("spec", "size"), (
            f"{volume.address} has no room behind its LUKS header, which takes "
            f"{format_size(luks.ROOM)}"), "write a larger size"
    if origin is not None and bool(key) != bool(encryption.source_of(origin)):
        yield ("spec", "encryption" if key else "snapshotOf"), (
            f"{origin.address}, of which {volume.address} is a snapshot, is "
            f"{'not ' if key else ''}encrypted"), (
            "remove encryption" if key else f"write encryption as in {origin.address}")


def _of_other(volume: Resource, field: str, other: Resource) -> Iterator[Fault]:
    theirs, wants = type_of(other), field == "thinPool"
    if (theirs == "thin-pool") != wants:
        what = "no thin pool" if wants else "a thin pool"
        hint = f"write type: thin-pool in {other.address}" if wants else "name a volume in it"
        yield ("spec", field), f"{other.address} is {what}", hint
    if other.spec["volumeGroup"] != volume.spec["volumeGroup"]:
        yield ("spec", "volumeGroup"), (
            f"{volume.address} is in {volume.spec['volumeGroup']}, and {other.address} in "
            f"{other.spec['volumeGroup']}"), f"write volumeGroup: {other.spec['volumeGroup']}"
