"""Which image stands on which, as their own headers say. Pure.

A base is never written: an overlay keeps only what differs from it (qemu's docs/interop/qcow2).
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence

from tiny_cloud.facts import FileFacts, ImageFacts, Reader
from tiny_cloud.model import Address, Change, Unknown, Value
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import format_size

KEYLESS = "a base is opened without a key"
Below = tuple[str, str]
"""Absolute path and format of an image that something stands on."""
ENDINGS = ("qcow2", "raw", "luks")
"""qemu's formats of a disk of ours, by which its file's name ends."""


def chains(host: Reader, tops: Mapping[str, str]) -> Mapping[str, tuple[Below, ...]]:
    """What each image stands on, the nearest first; ``tops`` is path -> format.

    A chain ends at what cannot be read, has no stated format, or stands on itself, and at what may
    not be named there: that is the last of it and is not opened. One batch for each level."""
    found: dict[str, tuple[Below, ...]] = dict.fromkeys(tops, ())
    ends: Mapping[str, Below] = {top: (top, form) for top, form in tops.items()}
    while ends:
        images = host.images(dict(ends.values()))
        above = {top: path for top, (path, _) in ends.items()}
        ends = {top: below for top, path in above.items()
                if (below := _next(images.get(path))) and below not in found[top]}
        for top, below in ends.items():
            found[top] = (*found[top], below)
        ends = {top: below for top, below in ends.items()
                if below[1] and may_name(host, above[top], below[0])}
    return found


def may_name(host: Reader, image: str, file: str) -> bool:
    """Whether an image may stand on that file. What lies in the cloud's storage was made here; the
    header of any other is its maker's, and leads no further than into its own folder and there."""
    def within(place: str, folder: str) -> bool:
        # What is no path (json:…) lies nowhere.
        return place.startswith("/") and folder == os.path.commonpath(
            (folder, os.path.normpath(place)))

    storage, beside = os.path.normpath(host.cloud.storage), os.path.dirname(image)
    return (within(image, storage) or within(file, storage)
            or (beside not in ("/", "/dev") and within(file, beside)))


def _next(info: object) -> Below | None:
    if isinstance(info, ImageFacts) and info.backing:
        return info.backing, info.backing_format
    return None


def locked(host: Reader, path: str, below: Sequence[Below]) -> Unknown | None:
    """Why an image cannot be used that stands on something encrypted."""
    there = [file for file, _ in below]
    named = {base: form for above, (base, form) in zip((path, *there), below, strict=False)
             if form and may_name(host, above, base)}
    for file, info in host.images(named).items():
        if isinstance(info, ImageFacts) and info.encryption:
            return Unknown(f"{path} stands on {file}, which is encrypted; {KEYLESS}",
                           "qemu-img convert makes one image of them")
    return None


def changed(host: Reader, chains: Mapping[str, tuple[Below, ...]]) -> Mapping[str, Unknown]:
    """Those that stand on something which was to stay as it was published, and has not: what they
    show is neither what they showed nor anything that somebody has asked for."""
    bases = {path for chain in chains.values() for path, _ in chain}
    broken = {path for path, facts in host.files(bases).items()
              if isinstance(facts, FileFacts) and facts.genuine and not facts.intact}
    return {top: Unknown(f"{top} stands on {path}, which was changed after it was published",
                         "restore it")
            for top, chain in chains.items() for path, _ in chain if path in broken}


def standing(host: Reader) -> Mapping[str, tuple[Address, ...]]:
    """Who really stands on what, by the base's path: every disk that is there, declared or not."""
    disks = {path: path.rpartition(".")[2] for path in host.listing(host.cloud.path("disks"))
             if path.endswith(ENDINGS)}
    found: dict[str, tuple[Address, ...]] = {}
    for path, info in host.images(disks).items():
        if isinstance(info, ImageFacts) and info.backing:
            found[info.backing] = (*found.get(info.backing, ()), address_of(path))
    return found


def depth(below: Sequence[Below]) -> tuple[str, ...]:
    """What is said of a disk that stands on more than one image."""
    return (f"stands on {len(below)} layers",) if len(below) > 1 else ()


def address_of(path: str) -> Address:
    """Of a disk by its file: STORAGE/disks/NAME.FORMAT."""
    return Address("disk", os.path.basename(path).rpartition(".")[0])


def users(
    host: Reader, above: Mapping[str, tuple[Address, ...]], disks: Sequence[Address]
) -> tuple[str, ...]:
    """The domains that have one of these disks, or something that stands on one of them.
    ``above``: who stands on what (``standing``)."""
    domains: set[str] = set()
    uses = host.disk_users()
    todo, seen = list(disks), set(disks)
    while todo:
        name = todo.pop().name
        for path in (host.cloud.path("disks", f"{name}.{form}") for form in ENDINGS):
            use = uses.get(path)
            if use is not None and not use.base:
                domains |= {use.domain, *use.also}
            todo += set(above.get(path, ())) - seen
            seen |= set(above.get(path, ()))
    return tuple(sorted(domains))


def require_room(
    disk: Resource, base: Resource | None, size: Value, change: Change, header: int = 0
) -> None:
    """Something smaller (bytes) than what it stands on, or is filled with, would lose its end.
    ``header``: bytes of it that lie before that."""
    below = change.around.get(base.address) if base else None
    least = below.facts.get("virtual_size", 0) if below else 0
    if base and isinstance(size, int) and isinstance(least, int) and size < least + header:
        word = "image" if base is disk.links.get("image") else "base"
        raise disk.refuse(
            ("spec", "size"),
            f"{disk.address} is smaller than its {word}, which has {format_size(least)}"
            + (f", and a LUKS header takes {format_size(header)}" if header else ""),
            f"write size: {format_size(least + header)} or more")


def require_growth(disk: Resource, old: int, new: int) -> None:
    """Bytes. Raises Problems: what lies behind a new end would be lost."""
    if new < old:
        raise disk.refuse(
            ("spec", "size"),
            f"{disk.address} has {format_size(old)} and cannot shrink to {format_size(new)}",
            f"write size: {format_size(old)} or more")


def left_over(change: Change) -> tuple[str, ...]:
    """What cut-off applies left behind, as the probe found it."""
    parts = change.observed.facts.get("parts", ()) if change.observed else ()
    assert isinstance(parts, tuple)
    return parts


def base_of(disk: Resource) -> Resource | None:
    """What a declared Disk is to stand on: an Image, or another Disk. A LogicalVolume stands on
    nothing: it is filled."""
    return disk.links.get("image") or disk.links.get("base") if disk.LAYERS else None
