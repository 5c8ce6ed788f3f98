"""What edits would really change in a guest, piece by piece. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tiny_cloud.guests.base import (
    Edit,
    File,
    Found,
    MakeFolder,
    Remark,
    Remove,
    SetValue,
    Symlink,
    WriteFile,
)

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
            elif edit.ours:
                yield from _rights(path, old, edit.mode, edit.uid, edit.gid)
        case Symlink(path, target):
            if old is None or (old.kind, old.target) != ("symlink", target):
                yield from _kinds(path, old, f"a symlink to {target}")
        case Remove(path):
            if old is not None:
                yield from _kinds(path, old, "")
        case SetValue(path, _, data):
            # A value's type is not read; none is a secret.
            for there, value in ((True, old.content if old else b""), (False, data)):
                if value and (old is None or old.content != data):
                    yield Piece(path, there, value.decode("utf-16-le", "replace").rstrip("\0"))
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
    yield from _rights(edit.path, old, mode, uid, gid)


def _rights(path: str, old: File, mode: int, uid: int, gid: int) -> Iterator[Piece]:
    for was, new in ((f"mode {old.mode:04o}", f"mode {mode:04o}"),
                     (f"owner {old.uid}:{old.gid}", f"owner {uid}:{gid}")):
        if was != new:
            yield Piece(path, True, was)
            yield Piece(path, False, new)


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "surrogateescape").split("\n")
