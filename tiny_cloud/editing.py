"""Manifests that are written again: what people wrote, changed in place."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tiny_cloud.errors import Failure, Problem, Problems
from tiny_cloud.host.files import take_place
from tiny_cloud.layout import formatted
from tiny_cloud.texts import Text, texts
from tiny_cloud.yaml12 import Source, trees

MANIFESTS = "manifests"


def readable(paths: Sequence[str]) -> list[Text]:
    """What the paths mean, or ``manifests/``. Raises Problems with all that is no YAML: nothing is
    written then."""
    found: list[Text] = []
    problems: list[Problem] = []
    for text in texts(paths or (MANIFESTS,), sys.stdin):
        if isinstance(text, Problem):
            problems.append(text)
            continue
        source = Source(text.name, text.content)
        for _ in trees(source):
            pass
        problems += source.problems
        found.append(text)
    if problems:
        raise Problems(problems)
    return found


def neat(text: Text) -> str:
    """In the usual form. Raises Failure if it did not mean the same in that."""
    found = formatted(text.content)
    if list(_values(found)) != list(_values(text.content)):
        raise Failure(f"{text.name} would not mean the same in the usual form; nothing was written",
                      "this is a bug: please report it with the file")
    return found


def write(text: Text, content: str) -> None:
    """In the place of what is there, at once; a symbolic link stays one. Raises Failure."""
    assert text.path is not None, "stdin is not written"
    place = text.path.resolve()
    part = place.with_name(f".{place.name}.part")
    try:
        before = os.stat(place)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            if os.geteuid() == 0:
                os.fchown(descriptor, before.st_uid, before.st_gid)
        take_place(str(part), str(place))
    except OSError as error:
        Path(part).unlink(missing_ok=True)
        raise Failure(f"{text.name} cannot be written: {error.strerror}",
                      "look at the rights of its folder") from error


def _values(content: str) -> Iterator[object]:
    return (tree.value for tree in trees(Source("", content)))
