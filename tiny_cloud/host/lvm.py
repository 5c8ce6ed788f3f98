"""LVM through its own tools: one report for all volumes and one for all groups (lvmreport(7)).

LVM closes every descriptor that it inherits, the lock's too: what changes something runs ``held``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.facts import GroupFacts, VolumeFacts
from tiny_cloud.host.command import run
from tiny_cloud.model import Unknown
from tiny_cloud.steps import CreateVolume, GrowVolume, StampVolume
from tiny_cloud.volumes import tags
from tiny_cloud.volumes.names import TRASH, device

QUIET = {"LVM_SUPPRESS_FD_WARNINGS": "1"}
"""It would say of each descriptor that it closes it."""
REPORT = ("--reportformat", "json", "--units", "b", "--nosuffix")
VOLUME_FIELDS = ("vg_name", "lv_name", "lv_uuid", "lv_size", "segtype", "stripes", "lv_attr",
                 "pool_lv", "origin", "origin_size", "lv_tags", "data_percent", "lv_kernel_minor")
GROUP_FIELDS = ("vg_name", "vg_extent_size", "vg_extent_count", "vg_free_count", "pv_count",
                "vg_missing_pv_count")


def volumes() -> Mapping[str, VolumeFacts] | Unknown:
    """All by path. Without the right to see devices LVM reports nothing at all: Unknown."""
    rows = _report("lvs", "lv", VOLUME_FIELDS)
    if isinstance(rows, Unknown):
        return rows
    found: dict[str, VolumeFacts] = {}
    for row in rows:
        facts = _volume(row)
        # A volume of several segments has a row for each; the first says what it is.
        found.setdefault(facts.path, facts)
    return found


def groups() -> Mapping[str, GroupFacts] | Unknown:
    rows = _report("vgs", "vg", GROUP_FIELDS)
    if isinstance(rows, Unknown):
        return rows
    return {row["vg_name"]: GroupFacts(row["vg_name"], *(int(row[key]) for key in GROUP_FIELDS[1:]))
            for row in rows}


def need(path: str) -> VolumeFacts:
    """One that has to be there. Raises Failure."""
    facts = find(path)
    if facts is None:
        raise Failure(f"there is no volume {path}", "lvs shows those that are")
    return facts


def find(path: str) -> VolumeFacts | None:
    """As it is now. Raises Failure if LVM does not answer."""
    found = volumes()
    if isinstance(found, Unknown):
        raise Failure(found.reason, found.hint)
    return found.get(path)


def create(step: CreateVolume, cloud: str, lock: int) -> None:
    """A leftover of an apply that was cut off is replaced; lvcreate refuses any other name that is
    taken."""
    try:
        _change(step.argv, lock)
    except Failure:
        if find(step.path) is None:
            raise
        remove_unfinished(step.path, cloud, lock)
        _change(step.argv, lock)


def grow(step: GrowVolume, lock: int) -> None:
    now = need(step.path).size
    if now > step.size:
        raise Failure(f"{step.path} has {now} bytes and is never shrunk")
    if now < step.size:
        _change(step.argv, lock)


def stamp(step: StampVolume, lock: int) -> None:
    facts = need(step.path)
    marks = tags.complete(step.cloud, step.address, facts.uuid, step.extra)
    _retag(facts, marks, lock)


def rename(path: str, to: str, lock: int) -> None:
    """One that has the new name already was renamed by an apply that was cut off."""
    try:
        _change(("lvrename", "--quiet", path, to), lock)
    except Failure:
        if find(path) is not None or find(to) is None:
            raise


def to_trash(path: str, trash: str, lock: int) -> None:
    """Tagged first: ``purge`` wants both the tag and the name."""
    facts = find(path)
    if facts is not None:
        _retag(facts, tags.ours(facts.tags) | {tags.TRASHED}, lock)
        rename(path, trash, lock)


def remove_unfinished(path: str, cloud: str, lock: int) -> None:
    """Only what an apply of this cloud has left unfinished."""
    facts = find(path)
    if facts is None:
        return
    if not tags.is_left_over(facts, cloud):
        raise Failure(f"{path} is not ours, and stays", "lvs -o +lv_tags shows whose it is")
    _change(("lvremove", "--yes", "--quiet", path), lock)


def trashed(cloud: str) -> Sequence[VolumeFacts]:
    """What waits for ``purge``, in an order in which it can go: what is in a pool before that."""
    there = volumes()
    if isinstance(there, Unknown):
        return ()
    ours = [facts for facts in there.values()
            if facts.name.endswith(TRASH) and tags.TRASHED in facts.tags
            and (tags.stamp(facts.tags) or {}).get("cloud") == cloud]
    return sorted(ours, key=lambda facts: (facts.type == "thin-pool", facts.type != "snapshot"))


def purge(facts: VolumeFacts, lock: int) -> None:
    """Remove for good. Raises Failure if something that is not in the trash would go with it."""
    there = volumes()
    above = [] if isinstance(there, Unknown) else [
        other.path for other in there.values() if other.group == facts.group
        and facts.name in (other.pool, other.origin if other.type == "snapshot" else "")]
    if above:
        raise Failure(f"{', '.join(above)} would go with {facts.path}, and is not in the trash")
    _change(("lvremove", "--yes", "--quiet", facts.path), lock)


def uuid(path: str) -> str:
    """Raises Failure if that is no volume."""
    return need(path).uuid


def _retag(facts: VolumeFacts, wanted: frozenset[str], lock: int) -> None:
    """In one command: either all of it holds or nothing."""
    old = tags.ours(facts.tags)
    words = [word for option, marks in (("--deltag", old - wanted), ("--addtag", wanted - old))
             for mark in sorted(marks) for word in (option, mark)]
    if words:
        _change(("lvchange", "--quiet", *words, facts.path), lock)


def _change(argv: Sequence[str], lock: int) -> None:
    run(argv, environ=QUIET, pass_fds=(lock,), held=True)


def _report(tool: str, key: str, fields: Sequence[str]) -> list[dict[str, str]] | Unknown:
    try:
        output = run((tool, *REPORT, "--options", ",".join(fields)), environ=QUIET)
    except Failure as failure:
        root = os.geteuid() == 0
        return Unknown(failure.summary, failure.hint or ("" if root else "run as root"))
    rows: list[dict[str, str]] = json.loads(output)["report"][0][key]
    return rows


def _volume(row: Mapping[str, Any]) -> VolumeFacts:
    size = int(row["lv_size"])
    group, name, minor = row["vg_name"], row["lv_name"], row["lv_kernel_minor"]
    node = (f"/dev/dm-{minor}",) if int(minor or -1) >= 0 else ()
    return VolumeFacts(
        group=group,
        name=name,
        uuid=row["lv_uuid"],
        size=size,
        # The first letter of the attributes (lvs(8)): s, or S for one that is full or broken.
        type="snapshot" if row["lv_attr"][:1] in "sS" else row["segtype"],
        stripes=int(row["stripes"] or 1),
        pool=row["pool_lv"],
        origin=row["origin"],
        origin_size=int(row["origin_size"] or 0),
        tags=frozenset(filter(None, row["lv_tags"].split(","))),
        used=int(size * float(row["data_percent"] or 0) / 100),
        aliases=(str(Path("/dev/mapper", device(group, name))), *node),
    )
