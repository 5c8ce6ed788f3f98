"""What a schema says of a field, and what a spec holds by it: flat fields, references, secrets."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from tiny_cloud.model import Impact, Scalar, Secret, Value
from tiny_cloud.schema.files import Node, below, segments, spec_of, trail
from tiny_cloud.sizes import is_share, parse_size
from tiny_cloud.yaml12 import Path

IMPACTS = {
    "x-immutable": Impact.DESTROYS,
    "x-offline": Impact.RESTART,
    "x-next-boot": Impact.NEXT_BOOT,
    "x-live": Impact.LIVE,
    "x-create-only": Impact.NONE,
}


class Ref(Struct, frozen=True):
    """A field that names another thing."""

    field: str
    """Flat: ``disks[root].disk``."""
    path: Path
    """Below the document: ``("spec", "disks", 0, "disk")``."""
    kinds: tuple[str, ...]
    """In lower case."""
    name: str
    order: bool = True
    within: bool = False
    optional: bool = False
    """What is not declared is something that the host has."""


@lru_cache(1 << 12)
def keyword(kind: str, field: str, name: str) -> Any:
    """What the schema says of a flat field; None: nothing, or there is no such field (any more).

    When a change can be made, and what removal means, holds for everything below unless that says
    something else: the nearest counts.
    """
    group: tuple[str, ...] = (name,)
    if name in IMPACTS:
        group = tuple(IMPACTS)
    nodes = trail(spec_of(kind), tuple(segments(field)))
    inherited = name in IMPACTS or name == "x-on-remove"
    for node in reversed(nodes if inherited else nodes[-1:]):
        if any(key in node for key in group):
            return node.get(name)
    return None


def impact(kind: str, field: str) -> Impact:
    """What changing the field costs those who use the thing."""
    return next((cost for name, cost in IMPACTS.items() if keyword(kind, field, name)), Impact.NONE)


def default(kind: str, field: str) -> Any:
    """What a new thing gets when the field is not declared, as written in the schema."""
    return keyword(kind, field, "default")


def completed(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a new thing is to have: the defaults of the fields that are not declared as well."""
    known = spec_of(kind).get("properties", {})
    return {**{key: node["default"] for key, node in known.items() if "default" in node}, **spec}


def flatten(kind: str, spec: Mapping[str, Any]) -> dict[str, Value]:
    """The declared fields of a plain (expanded, valid) document: see ``model.State``.

    Lists of nameless things become tuples of compact JSON: sorted keys, defaults filled in.
    """
    return dict(_flat(spec_of(kind), spec, ""))


def refs(kind: str, spec: Mapping[str, Any]) -> list[Ref]:
    """Everything a plain document refers to, in the order it is written."""
    return list(_refs(spec_of(kind), spec, "", ("spec",)))


def fields_of(kind: str) -> frozenset[str]:
    """The fields right below a kind's ``spec``."""
    return frozenset(spec_of(kind).get("properties", {}))


def absolute(kind: str, spec: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """A copy in which local paths start from the folder."""
    return dict(_absolute(spec_of(kind), spec, folder))


def secret_of(mapping: Mapping[str, Any]) -> Secret:
    """From the manifest's words: ``{file: PATH}``, or env, command (a list) or hash instead."""
    (source, value), = mapping.items()
    return Secret(source, tuple(value) if isinstance(value, list | tuple) else value)


def secret_at(kind: str, spec: Mapping[str, Any], field: str) -> Secret | None:
    """The secret that a flat field of a plain document declares."""
    return secrets_of(kind, spec).get(field)


def secrets_of(kind: str, spec: Mapping[str, Any]) -> Mapping[str, Secret]:
    """All secrets that a plain document declares, by flat field."""
    return dict(_secrets(spec_of(kind), spec, ""))


def jsonable(value: Any) -> Any:
    """A deep, plain copy: dicts, lists and scalars."""
    if isinstance(value, Mapping):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def _children(node: Node, value: Any, field: str) -> Iterator[tuple[str | int, str, Node, Any]]:
    """(key, flat field, schema, value) of the fields and items that the schema knows."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            known = below(node, key)
            if known is not None:
                yield key, f"{field}.{key}" if field else key, known, item
    elif isinstance(value, list | tuple) and "items" in node:
        key = name_of(node)
        for place, item in enumerate(value):
            name = item.get(key, place) if isinstance(item, Mapping) else place
            yield place, f"{field}[{name}]", node["items"], item


def name_of(node: Node) -> str:
    """The field by which items of a list are told apart: ``name``, or what ``x-named`` says."""
    named = node.get("x-named")
    return named if isinstance(named, str) else "name"


def _flat(node: Node, value: Any, field: str) -> Iterator[tuple[str, Value]]:
    if "x-composite" in node or "x-policy" in node:
        return
    if "x-secret" in node:
        yield field, str(secret_of(value))
    elif isinstance(value, Mapping):
        # A mapping where a name might stand is composite: expansion puts the name there.
        for _, name, known, item in () if "x-ref" in node else _children(node, value, field):
            yield from _flat(known, item, name)
        for key, known in node.get("properties", {}).items():
            if "x-always" in known and key not in value:
                yield from _flat(known, known["default"], f"{field}.{key}" if field else key)
    elif isinstance(value, list | tuple) and node.get("x-named"):
        for _, name, known, item in _children(node, value, field):
            yield from _flat(known, {k: v for k, v in item.items() if k != name_of(node)}, name)
    elif isinstance(value, list | tuple):
        yield field, tuple(_scalar(node.get("items", {}), item) for item in value)
    else:
        yield field, _scalar(node, value)


def _scalar(node: Node, value: Any) -> Scalar:
    if isinstance(value, Mapping):
        defaults = {key: known["default"] for key, known in node.get("properties", {}).items()
                    if "default" in known}
        return json.dumps({**defaults, **jsonable(value)}, sort_keys=True, separators=(",", ":"))
    scalar: Scalar = parse_size(value) if "x-size" in node and not is_share(value) else value
    return scalar


def _refs(node: Node, value: Any, field: str, path: Path) -> Iterator[Ref]:
    if "x-composite" in node:
        return
    if "x-ref" in node and isinstance(value, str):
        yield Ref(field, path, tuple(node["x-ref"]), value, node.get("x-order", True),
                  node.get("x-within", False), node.get("x-ref-optional", False))
    for key, name, known, item in _children(node, value, field):
        yield from _refs(known, item, name, (*path, key))


def _secrets(node: Node, value: Any, field: str) -> Iterator[tuple[str, Secret]]:
    if "x-secret" in node:
        yield field, secret_of(value)
        return
    for _, name, known, item in _children(node, value, field):
        yield from _secrets(known, item, name)


def _absolute(node: Node, value: Any, folder: str) -> Any:
    if isinstance(value, Mapping):
        children = _children(node, value, "")
        return {**value, **{key: _absolute(step, item, folder) for key, _, step, item in children}}
    if isinstance(value, list | tuple):
        return [_absolute(node.get("items", {}), item, folder) for item in value]
    return posixpath.normpath(posixpath.join(folder, value)) if "x-path" in node else value
