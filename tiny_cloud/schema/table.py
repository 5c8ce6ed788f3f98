"""Every field of a kind in one list: what the tables in docs and the tests over all fields use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from tiny_cloud.model import Impact
from tiny_cloud.schema.fields import impact, keyword
from tiny_cloud.schema.files import Node, spec_of
from tiny_cloud.schema.words import flow

COSTS = {
    Impact.NONE: "nothing",
    Impact.LIVE: "live",
    Impact.NEXT_BOOT: "at next boot",
    Impact.RESTART: "restarts the machine",
    Impact.DESTROYS: "made anew: data is lost",
}
NETWORK_COSTS = {
    **COSTS, Impact.NEXT_BOOT: "when it restarts", Impact.RESTART: "restarts the network",
}
"""A network does not boot, and restarts without the machines on it."""


class Row(Struct, frozen=True):
    """One field."""

    field: str
    """Flat; items of lists without their names: ``disks[].bus``."""
    values: str
    """What may be written there, in words."""
    default: str
    cost: str
    """What a change of it costs."""
    removal: str
    """What happens when it is taken out of the manifest."""
    text: str
    """Its description."""


def rows(kind: str) -> list[Row]:
    """The fields below ``spec``, in the schema's order."""
    return list(_below(kind, spec_of(kind), ""))


def _below(kind: str, node: Node, field: str) -> Iterator[Row]:
    for key, known in node.get("properties", {}).items():
        if not (key == "name" and field.endswith("[]")):
            yield from _rows(kind, known, f"{field}.{key}" if field else key)
    for known in (node.get("additionalProperties"), node.get("items")):
        if isinstance(known, dict) and "x-secret" not in known:
            yield from _below(kind, known, field + ("[]" if known is node.get("items") else ".*"))


def row(kind: str, field: str, node: Node) -> Row:
    """``node``: the field's own schema."""
    default = flow(node["default"]) if "default" in node else ""
    return Row(field, _values(node), default, _cost(kind, field, node),
               _removal(kind, field, node), str(node.get("description", "")))


def _rows(kind: str, node: Node, field: str) -> Iterator[Row]:
    yield row(kind, field, node)
    if "x-secret" not in node and "x-composite" not in node:
        yield from _below(kind, node, field)


def _values(node: Node) -> str:
    if "enum" in node:
        return ", ".join(flow(value) for value in node["enum"])
    return types(node)


def types(node: Node) -> str:
    """What kind of value may be written there: ``text``, ``list``, ``mapping or text``."""
    said: Any = node.get("type", "string")
    words = {"string": "text", "object": "mapping", "array": "list", "boolean": "true, false",
             "integer": "number"}
    names = [said] if isinstance(said, str) else list(said)
    if "x-size" in node:
        return "size"
    return " or ".join(words[name] for name in names)


def _cost(kind: str, field: str, node: Node) -> str:
    if "x-composite" in node:
        return f"see `{node['x-composite']}`"
    if "x-policy" in node:
        return COSTS[Impact.NONE]
    if "x-rebase" in node:
        return "restarts the machine; with --rebase only"
    if "x-create-only" in node or keyword(kind, field, "x-create-only"):
        return "only for a new one"
    return (NETWORK_COSTS if kind == "Network" else COSTS)[impact(kind, field)]


def _removal(kind: str, field: str, node: Node) -> str:
    if "x-composite" in node:
        return ""
    # How to act is what the documents say now, be it by saying nothing.
    acts = "x-policy" in node and "default" in node
    if "x-always" in node or acts or kind == "Cloud":
        return "its default counts"
    goes = keyword(kind, field, "x-on-remove") == "remove"
    return "it goes" if goes else "stays as it is"
