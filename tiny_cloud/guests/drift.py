"""What drifted inside a guest, by declared field: for every writer, without knowing any. Pure.

A writer asked twice wants nothing new, so whatever it still wants of a guest has drifted. Which
field that is follows from asking again without it: what is not wanted then is the field's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tiny_cloud import schema
from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Found, Wish, Writer
from tiny_cloud.guests.pieces import Piece, pieces
from tiny_cloud.insides import ITSELF, Drift

KIND = "Guest"
Wanted = Callable[[Mapping[str, Any]], Wish]
"""The wish of declared settings, with the hashes of their passwords."""


def drifts(
    settings: Mapping[str, Any], wanted: Wanted, writer: Writer, found: Found
) -> tuple[Drift, ...]:
    """Raises Failure for what this guest cannot be."""

    def asked(part: Mapping[str, Any]) -> frozenset[Piece]:
        return frozenset(pieces(writer.edits(wanted(part), found), found))

    whole = left = asked(settings)
    claims: dict[str, frozenset[Piece]] = {}
    reach: dict[str, int] = {}
    for part in schema.parts(KIND, settings) if whole else ():
        if not (part.leaf or left):
            break
        try:
            others = asked(part.rest)
        except Failure:
            continue  # the others make no sense without it: what holds all of them is asked later
        if mine := (whole if part.leaf else left) - others:
            claims[part.field], reach[part.field] = mine, len(whole ^ others)
            left -= mine
    secret = schema.secrets_of(KIND, settings)
    nearest = _nearest(claims, reach)
    return tuple(_told({**_paired(nearest), **({ITSELF: left} if left else {})}, secret))


def _nearest(
    claims: Mapping[str, frozenset[Piece]], reach: Mapping[str, int]
) -> dict[str, frozenset[Piece]]:
    """A gateway is not written without an address: of several fields that a piece hangs on, it is
    that of which the least hangs."""
    least: dict[Piece, int] = {}
    for name, some in claims.items():
        for piece in some:
            least[piece] = min(reach[name], least.get(piece, reach[name]))
    kept = {name: frozenset(piece for piece in some if least[piece] == reach[name])
            for name, some in claims.items()}
    return {name: some for name, some in kept.items() if some}


def _paired(claims: Mapping[str, frozenset[Piece]]) -> dict[str, frozenset[Piece]]:
    """What no field has by itself goes to the fields of the same group and file that miss a line:
    to those whose line begins with the same word, if there are any."""
    paired = dict(claims)
    for group, extra in claims.items():
        inner = [name for name in claims if _is_below(name, group)]
        for piece in extra:
            near = [name for name in inner if any(one.path == piece.path for one in claims[name])]
            alike = [name for name in near if any(_word(one) == _word(piece)
                                                  for one in claims[name])]
            for name in alike or near:
                paired[name] |= {piece}
            if near:
                paired[group] -= {piece}
    return {name: some for name, some in paired.items() if some}


def _word(piece: Piece) -> tuple[str, list[str]]:
    return piece.path, piece.text.split()[:1]


def _is_below(name: str, group: str) -> bool:
    return name.startswith((f"{group}.", f"{group}["))


def _told(claims: Mapping[str, frozenset[Piece]], secret: Collection[str]) -> Iterator[Drift]:
    for name, some in claims.items():
        private = any(one == name or _is_below(one, name) for one in secret)
        for path in sorted({piece.path for piece in some}):
            here = sorted((p for p in some if p.path == path), key=lambda piece: piece.at)
            hidden = private or not all(piece.public for piece in here)
            old, new = (tuple(p.text for p in here if p.there is there and not hidden)
                        for there in (True, False))
            yield Drift(name, path, old, new, hidden)
