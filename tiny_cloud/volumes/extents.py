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


def wanted(declared: Value, group: GroupFacts, origin: int = 0) -> int | None:
    """Bytes that a declared size comes to; None: whatever was free when the volume was made.

    ``origin`` is the size of the volume that a snapshot is of."""
    if declared is None or isinstance(declared, int):
        return None if declared is None else rounded(declared, group.extent_size)
    percent, of = share_of(str(declared))
    if of == "FREE":
        return None
    whole = group.extents * group.extent_size if of == "VG" else origin
    return rounded(-(-whole * percent // 100), group.extent_size)


def metadata(pool: int, extent: int) -> int:
    """Bytes that a thin pool's metadata takes, together with the spare for its repair."""
    return 2 * rounded(max(LEAST_METADATA, pool // CHUNK * ENTRY), extent)
