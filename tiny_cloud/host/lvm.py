"""LVM through its own tools: one report for all volumes and one for all groups (lvmreport(7)).

LVM closes every descriptor that it inherits, the lock's too: what changes something runs ``held``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence, Set
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
    rows = _report("lvs", "lv", VOLUME_FIELDS, path)
    if isinstance(rows, Unknown):
        raise Failure(rows.reason, rows.hint)
    return _volume(rows[0])


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
    owner = tags.owner(step.cloud, step.address)
    old = {owner, tags.INCOMPLETE} if step.new else tags.ours(need(step.path).tags)
    marks = tags.complete(step.cloud, step.address, uuid(step.path), step.extra)
    _retag(step.path, old, marks, lock)


def rename(path: str, to: str, lock: int) -> None:
    """One that has the new name already was renamed by an apply that was cut off."""
    try:
        _change(("lvrename", "--quiet", path, to), lock)
    except Failure:
        if find(path) is not None or find(to) is None:
            raise


def to_trash(path: str, trash: str, lock: int) -> None:
    """Tagged first: ``purge`` wants both the tag and the name."""
    if find(path) is not None:
        _retag(path, frozenset(), {tags.TRASHED}, lock)
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
    """What waits for ``purge``."""
    there = volumes()
    if isinstance(there, Unknown):
        return ()
    return [facts for facts in there.values()
            if facts.name.endswith(TRASH) and tags.TRASHED in facts.tags
            and (tags.stamp(facts.tags) or {}).get("cloud") == cloud]


def purge(trash: Sequence[VolumeFacts], lock: int) -> None:
    """Remove for good, all at once. Raises Failure, and nothing has gone, if something that is not
    among them would go with one."""
    there, going = volumes(), {facts.path for facts in trash}
    for other in () if isinstance(there, Unknown) else there.values():
        below = {f"/dev/{other.group}/{name}" for name in (
            other.pool, other.origin if other.type == "snapshot" else "")} & going
        if below and other.path not in going:
            raise Failure(f"{other.path} would go with {below.pop()}, and is not in the trash")
    if going:
        _change(("lvremove", "--yes", "--quiet", *sorted(going)), lock)


def uuid(path: str) -> str:
    """Raises Failure if that is no volume.

    Of one that is active the kernel knows it, and no tool has to be asked: ``LVM-``, the group's
    UUID and its own without their hyphens (lvm2: ``build_dm_uuid`` in lib/activate/dev_manager.c).
    """
    try:
        number = os.stat(path).st_rdev
        said = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/dm/uuid").read_text()
    except FileNotFoundError:
        said = ""
    found = re.match(r"LVM-\w{32}" + "".join(rf"(\w{{{n}}})" for n in (6, 4, 4, 4, 4, 4, 6)), said)
    return "-".join(found.groups()) if found else need(path).uuid


def _retag(path: str, old: Set[str], wanted: Set[str], lock: int) -> None:
    """In one command: either all of it holds or nothing."""
    words = [word for option, marks in (("--deltag", old - wanted), ("--addtag", wanted - old))
             for mark in sorted(marks) for word in (option, mark)]
    if words:
        _change(("lvchange", "--quiet", *words, path), lock)


def _change(argv: Sequence[str], lock: int) -> None:
    run(argv, environ=QUIET, pass_fds=(lock,), held=True)


def _report(
    tool: str, key: str, fields: Sequence[str], *names: str
) -> list[dict[str, str]] | Unknown:
    """Of all there are, or of those that are named."""
    try:
        output = run((tool, *REPORT, "--options", ",".join(fields), *names), environ=QUIET)
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
