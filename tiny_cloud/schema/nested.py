"""Flat fields to a spec as people write it: the way back from ``flatten``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.model import Value
from tiny_cloud.schema.fields import name_of
from tiny_cloud.schema.files import Node, below, segments, spec_of, trail
from tiny_cloud.sizes import format_size

_STEP = re.compile(r"\[([^\]]*)\]|([^.\[]+)")


def nested(kind: str, fields: Mapping[str, Value]) -> dict[str, Any]:
    """Without what is the schema's default, in the schema's order; sizes in people's units.

    A field that the kind does not have raises KeyError.
    """
    tree: dict[str, Any] = {}
    for field, value in fields.items():
        *above, last = [match[1] or match[2] for match in _STEP.finditer(field)]
        place = tree
        for step in above:
            place = place.setdefault(step, {})
        place[last] = _worded(_node(kind, field), value)
    return dict(_fields(spec_of(kind), tree))


def has(kind: str, field: str) -> bool:
    """Whether the kind has such a (flat) field."""
    return bool(trail(spec_of(kind), tuple(segments(field))))


def accepts(kind: str, field: str, value: Value) -> bool:
    """Whether this could be the field's value, by itself. An unknown field raises KeyError."""
    # jsonschema takes a tenth of a second to import: who never asks need not wait for it.
    from jsonschema import Draft202012Validator

    node = _node(kind, field)
    return bool(Draft202012Validator(node).is_valid(_worded(node, value)))


def _node(kind: str, field: str) -> Node:
    found = trail(spec_of(kind), tuple(segments(field)))
    if not found:
        raise KeyError(field)
    return found[-1]


def _worded(node: Node, value: Value) -> Any:
    """A value as it is written: ``10GiB``; nameless things are mappings again."""
    if isinstance(value, tuple):
        items = node.get("items", {})
        return [dict(_fields(items, json.loads(str(item)))) if "properties" in items else item
                for item in value]
    return format_size(value) if "x-size" in node and isinstance(value, int) else value


def _fields(node: Node, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = list(node.get("properties", tree))
    for key in sorted(tree, key=lambda key: known.index(key) if key in known else len(known)):
        value, step = tree[key], below(node, key) or {}
        if isinstance(value, Mapping) and "items" in step:
            yield key, [_item(step, name, item) for name, item in value.items()]
        elif isinstance(value, Mapping):
            inside = dict(_fields(step, value))
            # Where a default counts as declared it is the mapping itself that says something.
            if inside or any("x-always" in one for one in step.get("properties", {}).values()):
                yield key, inside
        elif "default" not in step or step["default"] != value:
            yield key, value


def _item(node: Node, name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {name_of(node): name, **dict(_fields(node["items"], item))}
