"""What ``encryption`` of a Disk or LogicalVolume comes to: LUKS, whose key libvirt keeps as a
secret. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from tiny_cloud import libvirt_secrets, luks
from tiny_cloud.borrowed import keyless
from tiny_cloud.errors import Problem
from tiny_cloud.facts import ImageFacts, Reader
from tiny_cloud.layers import KEYLESS
from tiny_cloud.libvirt_secrets import ANOTHER, KeptSecret
from tiny_cloud.model import Action, Change, FieldDiff, Impact, Ownership, State, Unknown, Value
from tiny_cloud.resource import Resource
from tiny_cloud.steps import Run, Step, UndefineSecret

FIELD = "encryption.secret"
LUKS = "luks"
KEPT_ALONE = (libvirt_secrets.MISSING, libvirt_secrets.UNKNOWN)
"""The disk's own key may well be the declared one; libvirt, or our record, has lost it."""


def key_of(disk: Resource) -> KeptSecret | None:
    source = source_of(disk)
    return libvirt_secrets.kept(disk, FIELD, "volume", source) if source else None


def uuid_of(disk: Resource) -> str:
    """Under which libvirt has its key, or would have it."""
    return libvirt_secrets.uuid_of(disk, FIELD)


def source_of(disk: Resource) -> Mapping[str, Any] | None:
    """The manifest's reference to the key."""
    found: Mapping[str, Any] | None = disk.spec.get("encryption", {}).get("secret")
    return found


def format_of(disk: Resource, declared: str) -> str:
    """qemu's name for the format: a raw disk behind a LUKS header is ``luks``."""
    return LUKS if declared == "raw" and source_of(disk) else declared


def header_of(disk: Resource) -> int:
    """Bytes that a header takes of a device that is to be encrypted."""
    return luks.ROOM if source_of(disk) else 0


def observed(host: Reader, disk: Resource, info: ImageFacts) -> dict[str, Value]:
    """The format, as the manifest has it, and what of the encryption there is."""
    key = key_of(disk)
    if not info.encryption:
        return {"format": info.format}
    told = {FIELD: libvirt_secrets.observed(host, key, info.volume)} if key else {}
    form = "raw" if info.format == LUKS else info.format
    return {"format": form, "encryption.format": info.encryption, **told}


def remarks(host: Reader, disk: Resource, fields: Mapping[str, Value]) -> Iterator[str]:
    key = key_of(disk)
    if key is None or FIELD not in fields:
        return
    yield from libvirt_secrets.remarks(host, key)
    if fields[FIELD] == ANOTHER:
        yield f"{FIELD} is not the key it was made with: put that one back to go on using it"


def declared(fields: State | None, info: ImageFacts) -> State | None:
    """What is ours and encrypted was declared to be so, also if an apply was cut off that had
    written down the fields of the plain disk in its place."""
    return {**(fields or {}), "encryption.format": LUKS} if info.encryption else fields


def faults(disk: Resource) -> Iterator[Problem]:
    base = disk.links.get("base")
    if base is not None and source_of(base):
        yield from disk.refuse(
            ("spec", "base"),
            f"{disk.address} cannot stand on {base.address}, which is encrypted: {KEYLESS}",
            "encrypt what stands on it in its place, or write image: and an Image").problems


def unusable(disk: Resource, path: str, info: ImageFacts, whose: Ownership) -> Unknown | None:
    """Why nothing can be done with what is there."""
    if info.encryption and disk.external:
        return keyless(path)
    if info.encryption and info.encryption != LUKS:
        return Unknown(f"{path} is encrypted with qcow2's old {info.encryption.upper()}, which "
                       "protects nothing and starts no machine any more",
                       "qemu-img convert it to a new disk with encryption: {format: luks}")
    if info.encryption and not source_of(disk) and whose is not Ownership.OURS:
        return Unknown(f"{path} is encrypted, and no key is declared for it",
                       "write encryption: {secret: {file: …}} with its key")
    return None


def costs(diffs: Iterable[FieldDiff]) -> tuple[FieldDiff, ...]:
    """A secret that libvirt has lost is given to it again; another key takes another disk."""
    return tuple(replace(diff, impact=Impact.NONE)
                 if diff.field == FIELD and diff.old in KEPT_ALONE and diff.new is not None
                 else diff for diff in diffs)


def kept(disk: Resource, path: str) -> Iterator[Step]:
    """libvirt gets the key of the disk at ``path``, if it has one."""
    key = key_of(disk)
    if key is not None:
        yield key.define(volume=path, format=str(disk.provides()["format"]))


def grown(disk: Resource, path: str, size: int) -> Step:
    """While nobody uses it; ``size`` in bytes."""
    form, secret = str(disk.provides()["format"]), source_of(disk)
    if secret is None:
        return Run(("qemu-img", "resize", "-f", form, path, str(size)))
    return Run(("qemu-img", "resize", *luks.KEY, *luks.opened(path, form), str(size)), secret)


def left(before: Resource) -> Iterator[Step]:
    """libvirt's secret under the name that the disk had."""
    if source_of(before):
        yield UndefineSecret(uuid_of(before))


def forgotten(disk: Resource, change: Change) -> Iterator[Step]:
    """Of a disk that goes, or is made anew without encryption."""
    seen = change.observed.facts if change.observed else {}
    if seen.get("secret") and (change.action is Action.DELETE or key_of(disk) is None):
        yield UndefineSecret(uuid_of(disk))
