"""A disk that is there gets another base, or stands alone. Pure.

What its guest sees stays the same, to the byte: what the new base has otherwise is copied into the
disk (safe mode, qemu-img(1) "rebase"). So an old version of an image can go.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping

from tiny_cloud.facts import ImageFacts, Reader
from tiny_cloud.layers import address_of, base_of, users
from tiny_cloud.model import Address, Change, FieldDiff, Impact, Observed, Offer, Value
from tiny_cloud.resource import Resource
from tiny_cloud.steps import RebaseDisk, Stamp

FIELDS = ("image", "base")
"""Of a Disk: what it stands on."""


def called(disk: Resource, backing: str) -> str:
    """What it stands on, in the manifest's words; what lies elsewhere is called by its path.

    An image's file is STEM-KEY.qcow2, a disk's NAME.FORMAT."""
    folder, file = os.path.split(backing)
    wanted, cloud = base_of(disk), disk.context.cloud
    outputs = wanted.provides() if wanted is not None else {}
    if wanted is not None and backing == outputs["path"]:
        return wanted.address.name
    if folder == cloud.path("disks"):
        return address_of(file).name
    name = file.rpartition("-")[0]
    if wanted is not None and name == outputs.get("stem"):
        name = wanted.address.name
    return name if name and folder == cloud.path("images") else backing


def facts(
    disk: Resource, host: Reader, above: Mapping[str, tuple[Address, ...]], info: ImageFacts
) -> dict[str, Value]:
    """What an offer is made of: ``called``, the name of what it stands on now; ``machines`` that
    stand on it, if it does not stand on what is declared; its own ``snapshots``."""
    base = base_of(disk)
    moved = base is not None and base.provides()["path"] != info.backing
    return {"called": called(disk, info.backing), "snapshots": info.snapshots,
            "machines": users(host, above, [disk.address]) if moved else ()}


def offer(disk: Resource, seen: Observed) -> Offer | None:
    """What ``--rebase`` would do."""
    base, now = base_of(disk), str(seen.facts.get("backing", ""))
    called = str(seen.facts.get("called", ""))
    if base is None or base.provides()["path"] == now:
        return None
    field = "image" if base is disk.links.get("image") else "base"
    if called == base.address.name:
        old, new = (os.path.basename(str(path)) for path in (now, base.provides()["path"]))
        machines = seen.facts.get("machines", ())
        assert isinstance(machines, tuple)
        above = f" (machine {', '.join(machines)})" if machines else ""
        text = f"stands on an older version of {base.address}: {old}{above}"
    else:
        old, new = called, base.address.name
        text = f"stands on {called or 'nothing'}, and on {base.address} only if it is made anew"
    why_not = _why_not(seen)
    remedy = "" if why_not else f"; --rebase {disk.address} moves it"
    return Offer(FieldDiff(field, old or None, new, Impact.RESTART), f"{text}{remedy}", why_not)


def alone(disk: Resource, seen: Observed) -> Offer | None:
    """What ``tinycloud flatten`` does."""
    if not seen.facts.get("backing"):
        return None
    field = "base" if "base" in disk.links else "image"
    called = str(seen.facts["called"])
    return Offer(FieldDiff(field, called, None, Impact.RESTART), "", _why_not(seen))


def _why_not(seen: Observed) -> str:
    if seen.fields.get("encryption.format"):
        return ("it is encrypted, and what copies and compares disks is given no key: make it "
                "anew, and copy what is in it inside a machine")
    if seen.fields.get("format") != "qcow2":
        return "only a disk in qcow2 can change what it stands on"
    if names := seen.facts.get("snapshots"):
        assert isinstance(names, tuple)
        return (f"it has the snapshots {', '.join(names)}, which would lose what they stand on: "
                "delete them first (qemu-img snapshot -d)")
    return ""


def contents(seen: Mapping[str, object]) -> str:
    """The inodes that a disk had before it was rebased: its guest's record names one of them."""
    return f"{seen.get('contents', '')} {seen['inode']}".strip()


def step(disk: Resource, change: Change, stamp: Stamp) -> RebaseDisk | None:
    """What is to be done, if what it stands on changes."""
    diff = next((diff for diff in change.diffs if diff.field in FIELDS), None)
    if diff is None:
        return None
    base = base_of(disk) if diff.new else None
    below = base.provides() if base else {"path": "", "format": ""}
    path, form = (str(below[key]) for key in ("path", "format"))
    return RebaseDisk(stamp.final, "qcow2", path, form, stamp)
