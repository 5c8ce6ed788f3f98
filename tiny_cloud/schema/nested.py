"""Flat fields as a manifest has them: the way back from ``flatten``. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tiny_cloud.model import State, Value
from tiny_cloud.schema.fields import name_of
from tiny_cloud.schema.files import Node, below, segments, spec_of, trail
from tiny_cloud.sizes import format_size

_WORD = re.compile(r"\[([^\]]*)\]|([^.\[]+)")
Words = Sequence[tuple[str, bool]]
"""Names on the way down; True: of an item in a list."""


def nested(kind: str, fields: State) -> dict[str, Any]:
    """Mappings and lists again, sizes with their units; what a secret comes from stays a text."""
    root: dict[str, Any] = {}
    for field, value in fields.items():
        words = [(item or key, bool(item)) for item, key in _WORD.findall(field)]
        if not _put(root, words, spec_of(kind), value):
            root[field] = value
    return root


def sparse(kind: str, fields: State) -> dict[str, Any]:
    """As people write it: without what is the schema's default, and in the schema's order.

    A field that the kind does not have raises KeyError.
    """
    for field in fields:
        _node(kind, field)
    return dict(_sparse(spec_of(kind), nested(kind, fields)))


def has(kind: str, field: str) -> bool:
    """Whether the kind has such a (flat) field."""
    return bool(trail(spec_of(kind), tuple(segments(field))))


def accepts(kind: str, field: str, value: Value) -> bool:
    """Whether this could be the field's value, by itself. An unknown field raises KeyError."""
    # jsonschema takes a tenth of a second to import: who never asks need not wait for it.
    from jsonschema import Draft202012Validator

    node = _node(kind, field)
    return bool(Draft202012Validator(node).is_valid(_people(node, value)))


def _node(kind: str, field: str) -> Node:
    found = trail(spec_of(kind), tuple(segments(field)))
    if not found:
        raise KeyError(field)
    return found[-1]


def _sparse(node: Node, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = list(node.get("properties", tree))
    for key in sorted(tree, key=lambda key: known.index(key) if key in known else len(known)):
        value, step = tree[key], below(node, key) or {}
        if isinstance(value, list) and "properties" in step.get("items", {}):
            yield key, [dict(_sparse(step["items"], item)) for item in value]
        elif isinstance(value, Mapping):
            inside = dict(_sparse(step, value))
            # Where a default counts as declared it is the mapping itself that says something.
            if inside or any("x-always" in one for one in step.get("properties", {}).values()):
                yield key, inside
        elif "default" not in step or step["default"] != value:
            yield key, value


def _put(into: Any, words: Words, node: Node | None, value: Any) -> bool:
    """Whether there was a place for it: what no schema knows may stand in its own way."""
    if not isinstance(into, dict):
        return False
    key, rest = _key(words, node)
    known = below(node, key) if node else None
    if not rest:
        return into.setdefault(key, people := _people(known or {}, value)) is people
    if not rest[0][1] or len(rest) == 1:
        return _put(into.setdefault(key, {}), rest, known, value)
    there, called = into.setdefault(key, []), name_of(known or {})
    if not isinstance(there, list):
        return False
    item = next((one for one in there if one[called] == rest[0][0]), None)
    if item is None:
        there.append(item := {called: rest[0][0]})
    return _put(item, rest[1:], (known or {}).get("items"), value)


def _key(words: Words, node: Node | None) -> tuple[str, Words]:
    """The next name, and what comes after it. A name that the schema does not know may have dots:
    the shortest is meant after which it knows the way."""
    mapping = node.get("additionalProperties") if node else None
    if not isinstance(mapping, Mapping) or (node and words[0][0] in node.get("properties", {})):
        return words[0][0], words[1:]
    for end in range(1, len(words)):
        rest = words[end:]
        if not rest[0][1] and trail(mapping, [0 if item else word for word, item in rest]):
            return ".".join(word for word, _ in words[:end]), rest
    return ".".join(word for word, _ in words), ()


def _people(node: Node, value: Any) -> Any:
    if isinstance(value, tuple):
        items = node.get("items", {})
        nameless = items.get("type") == "object"
        return [json.loads(item) if nameless and isinstance(item, str) and item.startswith("{")
                else _people(items, item) for item in value]
    sized = "x-size" in node and isinstance(value, int)
    return format_size(value) if sized else value
