"""Manifests of what a host has already, on screen or in files."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from pathlib import Path

from tiny_cloud import options
from tiny_cloud.api import Workspace, load_manifests
from tiny_cloud.errors import Failure
from tiny_cloud.foreign import Found
from tiny_cloud.foreign.survey import FILES, Survey
from tiny_cloud.resource import Resource
from tiny_cloud.writing import stream, text

MANY = 4
"""More names than these are no line to type."""


def workspace(paths: Sequence[str], connect: str, storage: str) -> Workspace:
    """Whose cloud it is to be; without manifests the cloud ``default``. Raises Problems."""
    return load_manifests(paths, connect=connect, storage=storage, needed=False)


def imported(names: Sequence[str], into: Workspace) -> tuple[list[Found], list[str]]:
    """The things of these names ([KIND/]NAME), or without names all domains and networks; and why
    some are not among them. Raises Failure."""
    survey = Survey(into.look().host, into.cloud.name, into.resources)
    if not names:
        return survey.everything()
    return [survey.named(*_split(name)) for name in names], []


def as_text(found: Sequence[Found]) -> str:
    return stream(text(one.document, one.remarks) for thing in found for one in _whole(thing))


def write(found: Sequence[Found], folder: str) -> Iterator[str]:
    """A file for each thing, with what it needs; their paths. Raises Failure, before anything is
    written, if one is there."""
    files = {Path(folder) / f"{_short(one)}-{one.document.name}.yaml": one for one in found}
    there = [str(path) for path in files if path.exists() or path.is_symlink()]
    if there:
        raise Failure(f"{', '.join(there)} is there already, and nothing was written",
                      "move it away, or name another folder")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for path, one in files.items():
        with path.open("x", encoding="utf-8") as file:
            file.write(as_text([one]))
        yield str(path)


def to_adopt(found: Sequence[Found]) -> list[str]:
    """What is to be taken over, KIND/NAME, or a pattern for many; what is external is used as it
    is."""
    mine = [one for thing in found for one in _whole(thing) if one.adopted]
    if len(mine) > MANY:
        return sorted({f"'{_short(one)}/*'" for one in mine})
    return [f"{_short(one)}/{one.document.name}" for one in mine]


def _whole(thing: Found) -> tuple[Found, ...]:
    return (*thing.needs, thing)


def _short(one: Found) -> str:
    kind = Resource.registry[one.document.kind.lower()]
    return next(iter(kind.SHORT), one.document.kind.lower())


def _split(name: str) -> tuple[str, str]:
    """``vm/web``, ``lv/vg0/data``, ``image/base.qcow2``, ``./base.qcow2``; a name alone is of any
    kind."""
    word, slash, rest = name.partition("/")
    if word in ("", ".", ".."):
        return "", os.path.abspath(name)
    kind = options.kind_of(word) if slash else None
    if kind is None:
        return "", name
    known = kind.KIND.lower()
    return known, os.path.abspath(rest) if known in FILES else rest
