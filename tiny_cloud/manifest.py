"""Manifest files to documents. Nothing here knows a kind: what one may hold, its schema says."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, TextIO

from tiny_cloud.document import API_VERSION, Document
from tiny_cloud.errors import Problem, Span
from tiny_cloud.suggest import nearest
from tiny_cloud.yaml12 import MOST_PROBLEMS, Path, Source, Tree, trees

__all__ = ["API_VERSION", "Document", "Path", "read"]

LARGEST = 1024 * 1024
"""Bytes of one file."""
SUFFIXES = (".yaml", ".yml")
STDIN = "<stdin>"
NO_TEXTS: Mapping[str, str] = {}


def read(
    paths: Sequence[str], stdin: TextIO | None = None, texts: Mapping[str, str] = NO_TEXTS
) -> tuple[list[Document], list[Problem]]:
    """The documents of files, folders and ``-`` (stdin), in order, and everything wrong with them.

    Folders are walked, by name, without what is hidden; a file named twice is read once. ``texts``
    come last, each by what messages call it.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    seen: set[FilePath] = set()
    for path in paths:
        if path == "-":
            _read_bytes(STDIN, _stdin(stdin), str(FilePath.cwd()), documents, problems)
            continue
        try:
            files = _walk(FilePath(path)) if FilePath(path).is_dir() else [FilePath(path)]
            for file in files:
                identity = file.resolve()
                if identity not in seen:
                    seen.add(identity)
                    _read_file(file, documents, problems)
        # RuntimeError is what resolve() makes of symbolic links that run in a circle.
        except (OSError, ValueError, RuntimeError) as error:
            problems.append(_unreadable(path, error))
    for name, text in texts.items():
        _read_bytes(name, text.encode("utf-8", "surrogatepass"), str(FilePath.cwd()), documents,
                    problems)
    return documents, list(dict.fromkeys(problems))


def _walk(folder: FilePath) -> list[FilePath]:
    """Folders behind symbolic links are left out: they may lead back up. So are pipes and devices,
    but a link that leads nowhere is kept, so that reading it says so."""
    found: list[FilePath] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            found += _walk(entry)
        elif entry.suffix in SUFFIXES and (entry.is_file() or not entry.exists()):
            found.append(entry)
    return found


def _read_file(file: FilePath, documents: list[Document], problems: list[Problem]) -> None:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        problems.append(_unreadable(str(file), error))
    else:
        _read_bytes(str(file), data, str(file.parent.absolute()), documents, problems)


def _read_bytes(file: str, data: bytes, folder: str, documents: list[Document],
                problems: list[Problem]) -> None:
    if len(data) > LARGEST:
        problems.append(Problem("a manifest may have at most 1 MiB", Span(file, 1, 1),
                                "split it into several files"))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(Problem("this is not UTF-8 text", Span(file, line, 1), "save it as UTF-8"))
        return
    source = Source(file, text)
    for tree in trees(source):
        document = _document(tree, folder, source.problems)
        if document is not None:
            documents.append(document)
        if len(source.problems) >= MOST_PROBLEMS:
            break
    problems += source.problems


def _document(tree: Tree, folder: str, problems: list[Problem]) -> Document | None:
    body = tree.value
    if not isinstance(body, dict):
        problems.append(Problem("a document must be a mapping", tree.spans[()],
                                f"begin it with apiVersion: {API_VERSION} and kind: …"))
        return None
    found = list(_head_problems(body, tree))
    problems += found
    if found:
        return None
    metadata, spec = body.get("metadata") or {}, body.get("spec") or {}
    name = metadata.get("name")
    extra = {key: value for key, value in body.items()
             if key not in ("apiVersion", "kind", "metadata", "spec")}
    return Document(body["kind"], name if isinstance(name, str) else "", metadata, spec, tree.spans,
                    body["apiVersion"], folder, tree.keys, extra)


def _head_problems(body: Mapping[str, Any], tree: Tree) -> Iterator[Problem]:
    for key, value in (("apiVersion", API_VERSION), ("kind", "VirtualMachine")):
        example = f"for example {key}: {value}"
        if body.get(key) is None:
            near = nearest(key, [name for name in body if name not in ("metadata", "spec", key)])
            yield Problem(f"this document has no {key}", tree.spans[()],
                          f"{near} should be {key}" if near else example)
        elif not isinstance(body[key], str):
            yield Problem(f"{key} must be a text", tree.spans[(key,)], example)
    version = body.get("apiVersion")
    if isinstance(version, str) and version != API_VERSION:
        yield Problem("this apiVersion is not known", tree.spans[("apiVersion",)],
                      f"write apiVersion: {API_VERSION}")
    for key in ("metadata", "spec"):
        if body.get(key) is not None and not isinstance(body[key], dict):
            yield Problem(f"{key} must be a mapping", tree.spans[(key,)],
                          "write its fields below it, indented by two spaces")


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
