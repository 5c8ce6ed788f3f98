"""What drifted inside a guest, by declared field: for every writer, without knowing any. Pure.

A writer asked twice wants nothing new, so whatever it still wants of a guest has drifted. Which
field that is follows from asking again without it: what is not wanted then is the field's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tiny_cloud import schema
from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import (
    Edit,
    File,
    Found,
    MakeFolder,
    Remark,
    Remove,
    Symlink,
    Wish,
    WriteFile,
    Writer,
)
from tiny_cloud.insides import ITSELF, Drift

KIND = "Guest"
PUBLIC = 0o004
"""Everybody in the guest may read it (inode(7))."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The smallest thing that an edit changes."""

    path: str
    there: bool
    """It is there and would go; else it is missing."""
    text: str = field(repr=False)
    at: int = field(default=0, compare=False)
    """Its place among the lines."""
    public: bool = field(default=True, compare=False)


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


def pieces(edits: Iterable[Edit | Remark], found: Found) -> Iterator[Piece]:
    """What these edits would change; what is there as they want it gives none."""
    last = {edit.path: edit for edit in edits if not isinstance(edit, Remark)}
    for path, edit in last.items():
        yield from _pieces(edit, found.files.get(path))


def _pieces(edit: Edit, old: File | None) -> Iterator[Piece]:
    match edit:
        case MakeFolder(path):
            if old is None or old.kind != "folder":
                yield from _kinds(path, old, "a folder")
        case Symlink(path, target):
            if old is None or (old.kind, old.target) != ("symlink", target):
                yield from _kinds(path, old, f"a symlink to {target}")
        case Remove(path):
            if old is not None:
                yield from _kinds(path, old, "")
        case WriteFile(path):
            if old is not None and (old.kind != "file" or old.refused):
                yield from _kinds(path, old, "a file")
            else:
                yield from _file(edit, old)


def _kinds(path: str, old: File | None, new: str) -> Iterator[Piece]:
    if old is not None:
        target = f" to {old.target}" if old.kind == "symlink" else ""
        yield Piece(path, True, old.refused or f"a {old.kind}{target}")
    if new:
        yield Piece(path, False, new)


def _file(edit: WriteFile, old: File | None) -> Iterator[Piece]:
    mode = edit.mode if edit.mode is not None else old.mode if old else 0o644
    public = bool(mode & PUBLIC) and (old is None or bool(old.mode & PUBLIC))
    before, after = _lines(old.content) if old else [], _lines(edit.content)
    for there, some, others in ((True, before, after), (False, after, before)):
        for line in Counter(some) - Counter(others):
            yield Piece(edit.path, there, line, some.index(line), public)
    if old is None:
        return
    if before != after and Counter(before) == Counter(after):
        yield Piece(edit.path, True, "the same lines in another order")
    uid, gid = (was if new is None else new
                for new, was in ((edit.uid, old.uid), (edit.gid, old.gid)))
    for was, new in ((f"mode {old.mode:04o}", f"mode {mode:04o}"),
                     (f"owner {old.uid}:{old.gid}", f"owner {uid}:{gid}")):
        if was != new:
            yield Piece(edit.path, True, was)
            yield Piece(edit.path, False, new)


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "surrogateescape").split("\n")


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
        inner = [name for name in claims if is_below(name, group)]
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


def is_below(name: str, group: str) -> bool:
    return name.startswith((f"{group}.", f"{group}["))


def _told(claims: Mapping[str, frozenset[Piece]], secret: Collection[str]) -> Iterator[Drift]:
    for name, some in claims.items():
        private = any(one == name or is_below(one, name) for one in secret)
        for path in sorted({piece.path for piece in some}):
            here = sorted((p for p in some if p.path == path), key=lambda piece: piece.at)
            hidden = private or not all(piece.public for piece in here)
            old, new = (tuple(p.text for p in here if p.there is there and not hidden)
                        for there in (True, False))
            yield Drift(name, path, old, new, hidden)
