"""Who a thing is and was: stamps, ``metadata.renamedFrom``, and what must not change with a name.

UUIDs and MACs are derived from the name that a thing was made under. They are recorded, and what is
recorded counts: so they stay when the name changes, and when ``renamedFrom`` is taken out later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from tiny_cloud.facts import FileFacts, Reader
from tiny_cloud.model import Action, Address, Change, Ownership
from tiny_cloud.resource import Resource
from tiny_cloud.steps import DropRecord, Step

Kind = TypeVar("Kind", bound=Resource)
Record = Mapping[str, Any]


def former(resource: Resource) -> Address | None:
    """Who it was until now; None also for kinds that cannot be renamed (loading refuses those)."""
    ours = resource.RENAMES and not resource.external
    name = resource.metadata.get("renamedFrom") if ours else None
    return Address(resource.address.kind, name) if name else None


def was(resource: Kind) -> Kind | None:
    """Itself, under the name that it had."""
    name = former(resource)
    return replace(resource, address=name) if name else None


def known(resource: Resource) -> tuple[Address, Record]:
    """Under which name it was recorded last, and that record; empty: it never was."""
    own = resource.recorded or resource.context.recall(resource.address)
    name = former(resource)
    theirs = resource.context.recall(name) if name and not own else {}
    return (name, theirs) if name and theirs else (resource.address, own)


def record_of(host: Reader, resource: Resource) -> Record | None:
    """Its record as the host has it, be it under the name it had."""
    records, name = host.records(), former(resource)
    return records.get(resource.address) or (records.get(name) if name else None)


def unsettled(host: Reader, resource: Resource, stamp: Mapping[str, str] | None) -> Address | None:
    """Its former name, if it goes by that still: in its stamp, or in a record left there."""
    name = former(resource)
    marked = stamp is not None and stamp.get("address") == str(name)
    return name if name and (marked or name in host.records()) else None


def belongs(resource: Resource, stamp: Mapping[str, str]) -> bool:
    """Whether a stamp is that of this very thing, be it under the name it had."""
    names = {str(resource.address), str(former(resource) or resource.address)}
    return stamp.get("cloud") == resource.context.cloud.name and stamp.get("address") in names


def ownership(resource: Resource, facts: FileFacts) -> tuple[Ownership, str]:
    """Whose a file is, and in words if it is somebody else's."""
    if facts.stamp is None:
        return Ownership.UNSTAMPED, ""
    if not belongs(resource, facts.stamp):
        cloud, address = (facts.stamp.get(key, "?") for key in ("cloud", "address"))
        return Ownership.FOREIGN, f"{address} of the cloud {cloud}"
    # Renamed and not stamped anew yet: the same file in another place, which no copy is.
    moved = (facts.stamp["address"] != str(resource.address)
             and facts.stamp.get("inode") == str(facts.inode))
    if not facts.genuine and not moved:
        # A restored backup, say: nothing is done to it before somebody says that it is the one.
        return Ownership.UNSTAMPED, f"a copy of {facts.stamp['address']}"
    return Ownership.OURS, ""


def forget(resource: Resource, change: Change) -> Iterator[Step]:
    """Drop the record of what goes, and the one that it has under a name it had."""
    seen, name = change.observed, former(resource)
    if change.action is Action.DELETE:
        yield DropRecord(str(resource.address))
    left = resource.context.recall(name) if name and seen is None else seen and seen.former
    if name and left and not (seen and seen.rival):
        yield DropRecord(str(name))


def record_inside(facts: FileFacts, record: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The record of what was written into this very file: while a disk is made anew, the record of
    the old one is kept within that of the new one (``before``)."""
    while isinstance(record, Mapping):
        sane = isinstance(record.get("hashes"), Mapping) and isinstance(record.get("diskSize"), int)
        # A disk that was rebased is another file, and says which ones it was (``contents``).
        known = {str(facts.inode), *(facts.stamp or {}).get("contents", "").split()}
        if sane and str(record.get("inode")) in known and (facts.genuine or len(known) == 1):
            return record
        record = record.get("before")
    return None
