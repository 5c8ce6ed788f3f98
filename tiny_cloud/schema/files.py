"""The schema files, read once, with every ``$ref`` put in place, and the way down through them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Node: TypeAlias = Mapping[str, Any]
"""A (sub)schema."""

_SEGMENT = re.compile(r"\[([^\]]*)\]|([^.\[]+)")


def kinds() -> tuple[str, ...]:
    """The known kinds as manifests write them: ``VirtualMachine``."""
    return tuple(str(node["properties"]["kind"]["const"]) for node in _schemas().values())


def kind_named(word: str) -> str | None:
    """The kind that is meant by ``VirtualMachine``, ``virtualmachines`` or, as its schema says,
    ``vm``."""
    lowered = word.lower()
    return next((kind for kind in kinds()
                 if lowered in (kind.lower(), f"{kind.lower()}s", *short(kind))), None)


def short(kind: str) -> tuple[str, ...]:
    """Its short names, as kubectl has them: ``vm``. Raises KeyError for an unknown kind."""
    return tuple(schema_of(kind).get("x-short", ()))


def schema_of(kind: str) -> Node:
    """The schema of whole documents of a kind. Raises KeyError for an unknown kind."""
    return _schemas()[kind.lower()]


def spec_of(kind: str) -> Node:
    """The schema of a kind's ``spec``. Raises KeyError for an unknown kind."""
    node: Node = schema_of(kind)["properties"]["spec"]
    return node


def below(node: Node, key: str | int) -> Node | None:
    """The schema of a field or (int) of an item."""
    if isinstance(key, int):
        items: Node | None = node.get("items")
        return items
    if key in node.get("properties", {}):
        found: Node = node["properties"][key]
        return found
    more = node.get("additionalProperties")
    return more if isinstance(more, Mapping) else None


def trail(node: Node, path: Sequence[str | int]) -> list[Node]:
    """The schemas on the way down, the given one first; empty if it ends before the path does."""
    found = [node]
    for key in path:
        step = below(found[-1], key)
        if step is None:
            return []
        found.append(step)
    return found


def segments(field: str) -> Iterator[str | int]:
    """A flat field as a way through a schema: ``disks[root].bus`` is disks, 0, bus.

    Whichever item it is makes no difference to the schema.
    """
    for match in _SEGMENT.finditer(field):
        yield match[2] if match[2] is not None else 0


def whole(name: str) -> Node:
    """A schema file as it is, of a kind or of something else (a saved plan)."""
    node: Node = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    return node


@cache
def _schemas() -> Mapping[str, Node]:
    """By lower-case kind: those files whose documents have a ``kind``."""
    folder = _folder()
    read = {entry.name: json.loads(entry.read_text(encoding="utf-8"))
            for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
            if entry.name.endswith(".json")}
    known: dict[tuple[str, str], Any] = {}
    return {name.removesuffix(".json"): _inline(node, name, read, known)
            for name, node in read.items() if "const" in node.get("properties", {}).get("kind", {})}


# importlib.resources would find it in a zip, too, and takes as long to import as all of this.
def _folder() -> Path:
    """Inside the package in a wheel, beside it in the repository."""
    inside = Path(__file__).parents[1] / "schemas"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "schemas"


def _inline(
    node: Any, file: str, read: Mapping[str, Any], known: dict[tuple[str, str], Any]
) -> Any:
    """References resolved; what stands beside a ``$ref`` comes before what it refers to.
    ``known``: what was referred to before, by file and pointer."""
    if isinstance(node, list):
        return [_inline(item, file, read, known) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _inline(value, file, read, known) for key, value in node.items()
             if key != "$ref"}
    if "$ref" not in node:
        return plain
    target, _, pointer = node["$ref"].partition("#/")
    place = target or file, pointer
    if place not in known:
        found: Any = read[place[0]]
        for part in pointer.split("/"):
            found = found[part]
        known[place] = _inline(found, place[0], read, known)
    return {**known[place], **plain}
