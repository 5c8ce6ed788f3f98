"""Manifests to documents. Nothing here knows a kind: what one may hold, its schema says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from tiny_cloud.document import API_VERSION, Document
from tiny_cloud.errors import Problem
from tiny_cloud.suggest import nearest
from tiny_cloud.texts import LARGEST, NO_TEXTS, texts
from tiny_cloud.yaml12 import MOST_PROBLEMS, Path, Source, Tree, trees

__all__ = ["API_VERSION", "LARGEST", "NO_TEXTS", "Document", "Path", "read"]


def read(
    paths: Sequence[str], stdin: TextIO | None = None, given: Mapping[str, str] = NO_TEXTS
) -> tuple[list[Document], list[Problem]]:
    """The documents of files, folders, patterns and ``-`` (stdin), in order, and everything wrong
    with them. ``given``: texts that are in no file, by what messages call them; they come last.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    for text in texts(paths, stdin, given):
        if isinstance(text, Problem):
            problems.append(text)
            continue
        source = Source(text.name, text.content)
        for tree in trees(source):
            document = _document(tree, text.folder, source.problems)
            if document is not None:
                documents.append(document)
            if len(source.problems) >= MOST_PROBLEMS:
                break
        problems += source.problems
    return documents, list(dict.fromkeys(problems))


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
