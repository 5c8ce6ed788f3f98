"""What the executor tells while it works. Pure data."""

from __future__ import annotations

from typing import NamedTuple, Self

from msgspec import Struct

from tiny_cloud.model import Address


class Amount(NamedTuple):
    """How far something has come, in bytes."""

    done: int
    total: int = 0
    """0: nobody knows."""

    @classmethod
    def part(cls, fraction: float, total: int) -> Self:
        return cls(round(fraction * total), total)


class Event(Struct, frozen=True):
    """Something the executor did: rendered, and kept in the journal."""

    what: str
    """started, step, done, failed, skipped, or progress."""
    address: Address
    phase: str = ""
    """down, up or seal."""
    text: str = ""
    hint: str = ""
    """Of a failure: what to do about it."""
    detail: str = ""
    """Of a failure: what the failing program said."""
    place: str = ""
    """Of a failure: what was to be changed, and where the manifest says so."""
    amount: Amount | None = None
    """Of progress."""
