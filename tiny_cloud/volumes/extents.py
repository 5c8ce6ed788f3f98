"""Sizes as LVM makes them: whole extents, rounded up as ``lvcreate`` does it. Pure."""

from __future__ import annotations

from tiny_cloud.facts import GroupFacts
from tiny_cloud.model import Value
from tiny_cloud.sizes import share_of

CHUNK = 64 << 10
"""Bytes of a thin pool's smallest chunk; each takes an entry of its metadata."""
ENTRY = 64
LEAST_METADATA = 2 << 20
"""Bytes (lvmthin(7))."""


def rounded(size: int, extent: int) -> int:
    return -(-size // extent) * extent


def wanted(declared: Value, group: GroupFacts) -> int | None:
    """Bytes that a declared size comes to; None: what LVM made of it counts, for that went by what
    was free then, or by an origin and the metadata that goes with it (lvcreate(8))."""
    if declared is None or isinstance(declared, int):
        return None if declared is None else rounded(declared, group.extent_size)
    percent, of = share_of(str(declared))
    return part(percent, group.extents * group.extent_size, group) if of == "VG" else None


def part(percent: int, whole: int, group: GroupFacts) -> int:
    return rounded(-(-whole * percent // 100), group.extent_size)


def metadata(pool: int, extent: int) -> int:
    """Bytes that a thin pool's metadata takes, together with the spare for its repair."""
    return 2 * rounded(max(LEAST_METADATA, pool // CHUNK * ENTRY), extent)
