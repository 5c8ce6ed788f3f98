"""A spec without one of its parts: by that, what comes of the part is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from tiny_cloud.schema.fields import name_of
from tiny_cloud.schema.files import Node, below, spec_of


class Part(Struct, frozen=True):
    field: str
    """Flat, as ``flatten`` names it, or the name of what holds several: ``users.koder``."""
    rest: Any
    """The spec without it."""
    leaf: bool
    depth: int


def parts(kind: str, spec: Mapping[str, Any]) -> tuple[Part, ...]:
    """All that can be left out of a plain document: leaves first, as they stand there, then what
    holds them, the inner before the outer. What the schema requires goes with what requires it."""
    found = _parts(spec_of(kind), spec, "", 0)
    return tuple(sorted(found, key=lambda part: (not part.leaf, 0 if part.leaf else -part.depth)))


def _parts(node: Node, value: Any, field: str, depth: int) -> Iterator[Part]:
    for key, name, known, item in _children(node, value, field):
        inner = list(_parts(known, item, name, depth + 1))
        for part in inner:
            yield Part(part.field, _with(value, key, part.rest), part.leaf, part.depth)
        if key not in node.get("required", ()):
            yield Part(name, _without(value, key), not inner, depth)


def _children(node: Node, value: Any, field: str) -> Iterator[tuple[str | int, str, Node, Any]]:
    """(key, flat field, schema, value) of what can be left out by itself."""
    if "x-secret" in node:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            known = below(node, key)
            if known is not None:
                yield key, f"{field}.{key}" if field else key, known, item
    elif isinstance(value, list | tuple) and node.get("x-named"):
        for place, item in enumerate(value):
            yield place, f"{field}[{item[name_of(node)]}]", node["items"], item


def _with(value: Any, key: str | int, item: Any) -> Any:
    if isinstance(value, Mapping):
        return {**value, key: item}
    return [item if place == key else one for place, one in enumerate(value)]


def _without(value: Any, key: str | int) -> Any:
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if name != key}
    return [one for place, one in enumerate(value) if place != key]
