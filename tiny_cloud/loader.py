"""Manifests to linked resources, or every problem there is: nothing later sees a wrong document."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, TextIO, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

# Importing the kinds registers them.
import tiny_cloud.kinds  # noqa: F401
from tiny_cloud import manifest, replicas, schema
from tiny_cloud.conflicts import conflicts
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.linking import arrange, introduce, link
from tiny_cloud.manifest import Document
from tiny_cloud.model import STORAGE_FOLDERS, Address, Cloud, ReclaimPolicy
from tiny_cloud.resource import Context, Resource
from tiny_cloud.yaml12 import MOST_PROBLEMS

ContextOf: TypeAlias = Callable[[Cloud], Context]
"""What the resources of a cloud need to know beside their documents."""
SYSTEM_STORAGE = "/var/lib/tinycloud"
TAKEN = frozenset({*STORAGE_FOLDERS, "journal.jsonl"})
"""What the cloud ``default`` has in there itself: no other cloud may be put in such a place."""


class Loaded(Struct, frozen=True):
    cloud: Cloud
    resources: tuple[Resource, ...]
    """Linked; each after those it refers to."""


class _Found(Struct):
    """What is known while loading goes on; problems are gathered, so that all are told at once."""

    problems: list[Problem] = field(default_factory=list)
    declared: dict[Address, Document] = field(default_factory=dict)
    """Also what is declared wrongly: a reference to it is not dangling."""
    incomplete: bool = False
    """Some file could not be read, so that what is missing may well be in there."""
    broken: list[str] = field(default_factory=list)
    """Names of wrong documents; what they would have been expanded into is called NAME-…."""

    def excuses(self, address: Address) -> bool:
        """Whether it is missing because of something that has been complained of already."""
        return (self.incomplete or address in self.declared
                or any(address.name.startswith(f"{name}-") for name in self.broken))


def load(
    paths: Sequence[str],
    *,
    stdin: TextIO | None = None,
    texts: Mapping[str, str] = manifest.NO_TEXTS,
    connect: str = "",
    storage: str = "",
    context_of: ContextOf,
    root: bool,
    machine_id: str,
) -> Loaded:
    """Read, validate, expand and link. Raises Problems with everything that is wrong.

    ``texts``: manifests that are in no file, by what messages call them. ``connect`` and
    ``storage`` override the Cloud document; ``root`` and ``machine_id`` say who asks and where.
    """
    found = _Found()
    documents, found.problems = manifest.read(paths, stdin, texts)
    found.incomplete = bool(found.problems)
    valid = list(_valid(documents, found))
    cloud, defaults = _cloud(valid, found, storage, root, machine_id)
    if connect:
        cloud = replace(cloud, connect=connect)
    complete = [_complete(item, defaults) for item in valid if item.kind != "Cloud"]
    return Loaded(cloud, _linked(complete, context_of(cloud), found))


def rebuild(
    cloud: Cloud, documents: Sequence[Document], context_of: ContextOf
) -> Loaded:
    """From plain documents with absolute paths, as a saved plan has them. Raises Problems."""
    found = _Found()
    valid = list(_valid(documents, found))
    return Loaded(cloud, _linked(valid, context_of(cloud), found))


def _linked(
    documents: Sequence[Document], context: Context, found: _Found
) -> tuple[Resource, ...]:
    """Expanded, linked and in order. Raises Problems: these, and all that were found before."""
    plain = [part for item in documents for part in _expand(item, context.cloud, found)]
    links: dict[Address, dict[str, Resource]] = defaultdict(dict)
    resources = [_resource(document, context, links) for document in plain]
    found.problems += link(resources, links, found.excuses)
    introduce(resources)
    ordered, cycles = arrange(resources)
    found.problems += cycles
    if not cycles:  # what stands on itself has no path
        found.problems += [problem for resource in resources for problem in resource.faults()]
        found.problems += conflicts(resources)
    if found.problems:
        raise Problems(_by_place(found.problems))
    return tuple(ordered)


def _valid(documents: Sequence[Document], found: _Found) -> Iterator[Document]:
    counts: Counter[str] = Counter()
    values: Counter[str] = Counter()
    full: set[str] = set()
    for document in documents:
        span = document.span()
        file = span.file if span else ""
        before = len(found.problems)
        number = replicas.count(document)
        values[file] += replicas.weight(document, 1 if number is None else number)
        # Who has so many problems in one file needs no more of them, nor to wait for them.
        if counts[file] >= MOST_PROBLEMS:
            found.broken.append(document.name)
        elif number is None:
            yield from _checked(document, found)
        elif values[file] <= replicas.MOST_VALUES:
            yield from _replicas(document, number, found)
        else:
            # Once in a file is enough.
            found.problems += [replicas.too_many(document, values[file])][file in full:]
            full.add(file)
            found.broken.append(document.name)
        counts[file] += len(found.problems) - before


def _checked(document: Document, found: _Found) -> Iterator[Document]:
    """The document, if it is right and the first of its name."""
    problems = schema.validate(document)
    found.problems += problems
    named = document.name and document.kind in schema.kinds()
    if named and _declare(document, found) and not problems:
        yield document
    else:
        found.broken.append(document.name)


def _replicas(document: Document, number: int, found: _Found) -> Iterator[Document]:
    """One that is wrong speaks for all; where there are none, the first that there could be."""
    problems = [] if number else schema.validate(replicas.replica(document, 0))
    if problems:
        found.problems += problems
        found.broken.append(document.name)
    for index in range(number):
        before = len(found.problems)
        yield from _checked(replicas.replica(document, index), found)
        if len(found.problems) > before:
            found.broken.append(document.name)
            break


def _declare(document: Document, found: _Found) -> bool:
    """Whether it is the first under its kind and name."""
    address = Address(document.kind.lower(), document.name)
    first = found.declared.setdefault(address, document)
    if first is document:
        return True
    # What was expanded has its place in the part of the composite that it was made of.
    written = ("metadata", "name") in document.spans
    span = document.span(("metadata", "name") if written else ("spec",))
    found.problems.append(Problem(f"{address} is declared a second time", span,
                                  f"the first is at {first.span()}; rename or remove one of them"))
    return False


def _cloud(documents: Sequence[Document], found: _Found, storage: str, root: bool,
           machine_id: str) -> tuple[Cloud, Mapping[str, Any]]:
    """The cloud, and what its machines have by default; ``storage``: what overrides its own."""
    clouds = [document for document in documents if document.kind == "Cloud"]
    for other in clouds[1:]:
        found.problems.append(Problem("there is a second Cloud", other.span(("metadata", "name")),
                                      f"the first is at {clouds[0].span()}; apply them one by one"))
    if clouds and "renamedFrom" in clouds[0].metadata:
        found.problems.append(Problem(
            "a cloud cannot be renamed: whatever it owns bears its name",
            clouds[0].span(("metadata", "renamedFrom")), "take renamedFrom out"))
    name = clouds[0].name if clouds else "default"
    spec = clouds[0].spec if clouds else {}
    storage = str(FilePath(storage).absolute()) if storage else spec.get("storage", "")
    if not storage and name in TAKEN:
        found.problems.append(Problem(
            f"a cloud called {name} would live in a folder of the cloud default",
            clouds[0].span(("metadata", "name")), "call it something else, or say its storage"))
    return Cloud(
        name=name,
        connect=spec.get("connect") or ("qemu:///system" if root else "qemu:///session"),
        storage=storage or _storage(root, name),
        reclaim_policy=ReclaimPolicy(spec.get("reclaimPolicy", ReclaimPolicy.RETAIN)),
        declared=bool(clouds),
        seed=machine_id if name == "default" else "",
    ), spec.get("defaults", {})


def _storage(root: bool, name: str) -> str:
    """Each cloud has its own folder, so that two of them never meet in one file or one lock."""
    base = SYSTEM_STORAGE
    if not root:
        from platformdirs import user_data_dir  # only where it is needed: it costs 20 ms at a start

        base = user_data_dir("tinycloud", appauthor=False)
    return base if name == "default" else f"{base}/{name}"


def _complete(document: Document, defaults: Mapping[str, Any]) -> Document:
    """Local paths made absolute, and the cloud's defaults for fields that this kind has."""
    known = schema.fields_of(document.kind)
    taken = {key: value for key, value in defaults.items() if key in known}
    spec = schema.absolute(document.kind, document.spec, document.folder)
    return dataclasses.replace(document, spec={**taken, **spec})


def _expand(document: Document, cloud: Cloud, found: _Found) -> Iterator[Document]:
    kind = Resource.registry[document.kind.lower()]
    try:
        for plain in kind.expand(document, cloud):
            if (plain.kind, plain.name) == (document.kind, document.name):
                yield plain
                continue
            # What was made of two names may be no name any more, or somebody else's.
            problems = schema.validate(plain)
            found.problems += problems
            if _declare(plain, found) and not problems:
                yield plain
    except Problems as error:
        found.problems += error.problems


def _resource(document: Document, context: Context,
              links: Mapping[Address, dict[str, Resource]]) -> Resource:
    kind = Resource.registry[document.kind.lower()]
    address = Address(document.kind.lower(), document.name)
    return kind(address, document.spec, document.metadata, context, document.span(), document,
                links=links[address])


def _by_place(problems: Sequence[Problem]) -> list[Problem]:
    """Those without a place first, then file by file as they were read, each by line."""
    files: dict[str, int] = {}
    for problem in problems:
        if problem.span:
            files.setdefault(problem.span.file, len(files))
    return sorted(dict.fromkeys(problems), key=lambda problem: (
        (files[problem.span.file], *problem.span[1:3]) if problem.span else (-1, 0, 0)))
