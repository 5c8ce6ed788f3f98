"""Flat fields as a manifest has them: the way back from ``flatten``. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tiny_cloud.model import State
from tiny_cloud.schema.fields import name_of
from tiny_cloud.schema.files import Node, below, spec_of, trail
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
