"""A spec as people write it: what goes without saying is left out, the rest in one order. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.model import Value
from tiny_cloud.schema.files import Node, below, segments, spec_of, trail
from tiny_cloud.schema.nested import nested


def brief(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is the schema's default, in the schema's order."""
    return dict(_fields(spec_of(kind), spec))


def has(kind: str, field: str) -> bool:
    """Whether the kind has such a (flat) field."""
    return bool(trail(spec_of(kind), tuple(segments(field))))


def accepts(kind: str, field: str, value: Value) -> bool:
    """Whether this could be the value, by itself, of a flat field that the kind has."""
    # jsonschema takes a tenth of a second to import: who never asks need not wait for it.
    from jsonschema import Draft202012Validator

    way = tuple(segments(field))
    told: Any = nested(kind, {field: value})
    for step in way:
        told = told[step]
    return bool(Draft202012Validator(trail(spec_of(kind), way)[-1]).is_valid(told))


def _fields(node: Node, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = list(node.get("properties", tree))
    for key in sorted(tree, key=lambda key: known.index(key) if key in known else len(known)):
        value, step = tree[key], below(node, key) or {}
        if isinstance(value, list):
            items = step.get("items", {})
            value = [dict(_fields(items, one)) if isinstance(one, Mapping) else one
                     for one in value]
        elif isinstance(value, Mapping):
            value = dict(_fields(step, value))
            # Where a default counts as declared it is the mapping itself that says something.
            says = any("x-always" in one for one in step.get("properties", {}).values())
            if not (value or says):
                continue
        if "default" not in step or step["default"] != value:
            yield key, value
