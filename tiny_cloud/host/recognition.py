"""Where the system of a disk lies, without a search, when this host has seen such a disk before.

libguestfs's inspection tries every file system and takes seconds of each edit: ten where appliances
are emulated. What it finds follows from the partition table and from a few files of the guest, and
overlays of one image have those in common. So it is remembered by the table, and believed only
where those files are still as they were; all else is inspected.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from tiny_cloud.guests.roots import Root
from tiny_cloud.host import here, notes
from tiny_cloud.host.guest_session import GuestSession

WITNESSES = ("/etc/*-release", "/etc/*-version", "/etc/*_version", "/etc/fstab",
             "/usr/lib/os-release")
"""All that inspection reads of a Linux to say where its parts lie, what it is and of what version
(libguestfs, daemon/inspect_fs_unix.ml)."""


class Known(Struct, frozen=True):
    """What is remembered of disks with one partition table."""

    root: Root
    witness: str
    """A digest of what the witnesses said then."""


def recognised(session: GuestSession) -> Root | None:
    """The system there is on the only disk, its root mounted; None, and nothing is mounted: it
    has to be inspected."""
    table = session.table()
    try:
        known = msgspec.convert(notes.recall(_note(table)), Known)
    except msgspec.ValidationError:
        return None
    place = known.root.mountpoints.get("/")
    if place and not session.mount({"/": place}) and _witness(session) == known.witness:
        return known.root
    session.leave()
    return None


def remember(session: GuestSession, root: Root) -> None:
    """What inspection found of the disk, whose parts are mounted."""
    plain = all(device.startswith("/dev/sda") for device in root.mountpoints.values())
    table = session.table() if root.type == "linux" and plain else ""
    if table and (witness := _witness(session)):
        notes.remember(_note(table), msgspec.to_builtins(Known(root, witness)))


def _witness(session: GuestSession) -> str:
    """Empty: one of them could not be read."""
    found = sorted(session.look(WITNESSES).items())
    if any(file.refused or file.kind == "redirected" for _, file in found):
        return ""
    said = [(path, file.kind, file.target, file.content) for path, file in found]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _note(table: str) -> Path:
    return here.CACHE / "systems" / f"{table}.json"
