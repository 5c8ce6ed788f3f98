"""What a look inside a guest found, in the terms of its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute

ITSELF = ""
"""In the place of a field: what is written into every guest, whatever is declared."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A file in a guest that is not as a declared field wants it."""

    field: str
    """Flat, as ``model.State`` has it; ITSELF: no single one."""
    path: str
    old: tuple[str, ...] = attribute(default=(), repr=False)
    """Lines that are there and would go; a mode, an owner, a kind of file in words."""
    new: tuple[str, ...] = attribute(default=(), repr=False)
    """Lines that are missing."""
    hidden: bool = False
    """A secret, or in a file that not everybody in the guest may read: no line is here."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A guest that was looked into."""

    system: str
    """In libguestfs's words: ``debian 12.5``."""
    drifts: tuple[Drift, ...] = ()
    hashes: Mapping[str, str] = attribute(default_factory=dict, repr=False)
    """``users.NAME.password`` -> the crypt hash in the guest, of those that are as declared."""
    notes: tuple[str, ...] = ()
    """What could not be compared, and why."""
