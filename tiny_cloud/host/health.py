"""Whether an image is sound: what qemu-img says of it, and what qemu-img does not look at.

``qemu-img check`` has nothing to say of a raw disk that is cut off, calls the missing end of a
qcow2 a corruption that can be repaired, and returns 0 on a base that somebody wrote to: so the
file's own length and the digest of its stamp are looked at too.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.host import digest, qemu_img
from tiny_cloud.host.command import run

PATIENCE = 900.0
"""Seconds for reading one image's tables, also on a slow disk."""
CORRUPT, LEAKS = 2, 3
"""Exit codes (qemu-img(1), check)."""


class Verdict(enum.StrEnum):
    HEALTHY = "healthy"
    IN_USE = "in use"
    """Not looked into: what runs changes it meanwhile. No error so far."""
    LEAKS = "leaks"
    """Space that nothing refers to: wasted, and nothing lost."""
    UNCHECKED = "not checked"
    """Encrypted: qemu-img sees no more than the header."""
    CORRUPT = "corrupt"
    CHANGED = "changed"
    """Not what was published."""
    UNREADABLE = "unreadable"


SOUND = frozenset({Verdict.HEALTHY, Verdict.IN_USE, Verdict.UNCHECKED})
REPAIRS = {Verdict.LEAKS: "leaks", Verdict.CORRUPT: "all"}
"""What ``qemu-img check -r`` is to mend; nothing helps what is cut off or was written to."""


class Health(Struct, frozen=True):
    path: str
    verdict: Verdict
    text: str = ""
    repair: str = ""
    """``leaks`` or ``all``; empty: qemu-img cannot mend it."""


def examine(path: str, format: str, *, size: int = 0) -> Health:
    """Of an image that nobody uses. ``size``: the bytes that it should have at least for its guest;
    0: not known."""
    try:
        facts = qemu_img.describe(path, format, foreign=True)
        health = _fault(path, facts, size)
        if health is None and facts.get("encrypted"):
            health = Health(path, Verdict.UNCHECKED, "it is encrypted")
        if health is None and format == "qcow2":
            health = _checked(path, facts)
    except Failure as failure:
        return Health(path, Verdict.UNREADABLE, failure.summary)
    return health or Health(path, Verdict.HEALTHY)


def unchanged(health: Health, stamp: Mapping[str, str] | None) -> Health:
    """The same of a file that must be as it was published: its bytes decide."""
    published = (stamp or {}).get("sha256")
    if published is None or health.verdict not in SOUND:
        return health
    if digest.of_file(health.path, "sha256") == published:
        return health
    return Health(health.path, Verdict.CHANGED, "its content is not that which was published")


def _fault(path: str, facts: Mapping[str, Any], size: int) -> Health | None:
    """What needs no look into its tables."""
    backing = facts.get("full-backing-filename", "")
    if backing.startswith("/") and not os.path.exists(backing):
        return Health(path, Verdict.UNREADABLE, f"{backing}, which it stands on, is gone")
    if facts["virtual-size"] < size:
        return Health(path, Verdict.CORRUPT, f"it is cut off: {facts['virtual-size']} bytes of "
                                             f"{size} are there")
    return None


def _checked(path: str, facts: Mapping[str, Any]) -> Health:
    argv = ("qemu-img", "check", "--output=json", "-f", "qcow2", "--", path)
    told = json.loads(run(argv, foreign=True, timeout=PATIENCE, accept=(0, CORRUPT, LEAKS)))
    if told.get("check-errors"):
        return Health(path, Verdict.UNREADABLE, f"{told['check-errors']} errors while reading it")
    wrong, there = told.get("corruptions"), os.stat(path).st_size
    # A repair would drop what is missing and call that sound. A last cluster may be a part of one.
    if wrong and (end := _data_end(path)) - there >= facts["cluster-size"]:
        return Health(path, Verdict.CORRUPT, f"it is cut off: {there} bytes of {end} are there")
    if wrong:
        text = f"{wrong} corruptions, {told.get('leaks', 0)} leaked clusters"
        return Health(path, Verdict.CORRUPT, text, REPAIRS[Verdict.CORRUPT])
    if leaks := told.get("leaks"):
        text = f"{leaks} leaked clusters: space is wasted, and nothing is lost"
        return Health(path, Verdict.LEAKS, text, REPAIRS[Verdict.LEAKS])
    return Health(path, Verdict.HEALTHY)


def _data_end(path: str) -> int:
    """Where the last of its guest's data should end in the file, in bytes."""
    argv = ("qemu-img", "map", "--force-share", "--output=json", "-f", "qcow2", "--", path)
    return max((extent["offset"] + extent["length"] for extent in json.loads(run(argv))
                if extent["depth"] == 0 and "offset" in extent), default=0)
