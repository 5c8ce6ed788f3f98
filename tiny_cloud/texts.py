"""Which files PATHs mean, and what is written in them."""

from __future__ import annotations

import glob
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from msgspec import Struct

from tiny_cloud.errors import Problem, Span

LARGEST = 1024 * 1024
"""Bytes of one file."""
SUFFIXES = (".yaml", ".yml")
STDIN = "<stdin>"
NO_TEXTS: Mapping[str, str] = {}


class Text(Struct, frozen=True):
    name: str
    """As it is named to the user."""
    folder: str
    """Absolute path of the folder that relative paths start from; for stdin the working folder."""
    content: str
    path: Path | None = None
    """Where it can be written again; None: it came on stdin."""


def texts(
    paths: Sequence[str], stdin: TextIO | None = None, given: Mapping[str, str] = NO_TEXTS
) -> Iterator[Text | Problem]:
    """Of files, folders, patterns (as a shell has them, and ``**``) and ``-`` (stdin), in order.

    Folders are walked, by name, without what is hidden; a file named twice is read once.
    ``given``: texts that are in no file, by what messages call them.
    """
    seen: set[Path] = set()
    for path in paths:
        if path == "-":
            yield _decoded(STDIN, str(Path.cwd()), _stdin(stdin), None)
            continue
        try:
            found = _files(path)
            for file in found:
                identity = file.resolve()
                if identity not in seen:
                    seen.add(identity)
                    yield _read(file)
            if not found and glob.has_magic(path):
                yield Problem(f"there is no file or folder like {path}", None,
                              "look at the pattern, and keep it in quotes")
        # RuntimeError is what resolve() makes of symbolic links that run in a circle.
        except (OSError, ValueError, RuntimeError) as error:
            yield _unreadable(path, error)
    for name, text in given.items():
        yield _decoded(name, str(Path.cwd()), text.encode("utf-8", "surrogatepass"), None)


def _files(path: str) -> list[Path]:
    """What is there under that very name is no pattern. A pattern does not mean what is no
    manifest, unless it says so itself."""
    place = Path(path)
    if not glob.has_magic(path) or place.exists():
        return _walk(place) if place.is_dir() else [place]
    found: list[Path] = []
    for name in sorted(glob.glob(path, recursive=True)):
        one = Path(name)
        if one.is_dir():
            # Below ** its files are matched by themselves.
            found += _walk(one) if "**" not in path else []
        elif one.suffix in SUFFIXES or Path(path).suffix == one.suffix:
            found.append(one)
    return found


def _walk(folder: Path) -> list[Path]:
    """Folders behind symbolic links are left out: they may lead back up. So are pipes and devices,
    but a link that leads nowhere is kept, so that reading it says so."""
    found: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            found += _walk(entry)
        elif entry.suffix in SUFFIXES and (entry.is_file() or not entry.exists()):
            found.append(entry)
    return found


def _read(file: Path) -> Text | Problem:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        return _unreadable(str(file), error)
    return _decoded(str(file), str(file.parent.absolute()), data, file)


def _decoded(name: str, folder: str, data: bytes, path: Path | None) -> Text | Problem:
    if len(data) > LARGEST:
        return Problem("a manifest may have at most 1 MiB", Span(name, 1, 1),
                       "split it into several files")
    try:
        return Text(name, folder, data.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Problem("this is not UTF-8 text", Span(name, line, 1), "save it as UTF-8")


def _stdin(stdin: TextIO | None) -> bytes:
    if isinstance(stdin, io.TextIOWrapper):
        data: bytes = stdin.buffer.read(LARGEST + 1)
        return data
    return stdin.read(LARGEST + 1).encode("utf-8", "surrogatepass") if stdin else b""


def _unreadable(path: str, error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem(f"there is no file or folder {path}", None, "look at the path")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Problem(f"{path} cannot be read: {reason}", None, "look at the path and its permissions")
