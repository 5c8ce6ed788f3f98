"""One schema for documents of every kind, in one file, for editors and their language servers.

They read JSON Schema 2020-12 and what VS Code adds to it (``errorMessage``); our ``x-`` keywords
mean nothing to them, but some are sentences that they can show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.schema.files import Node, kinds, whole

_MESSAGES = {"x-expects": "patternErrorMessage", "x-problem": "errorMessage"}
_INDEX = r"\$\{index"
"""In a text with it no editor can know what a replica will have there."""


def any_kind() -> Node:
    """Which kind a document is, its field ``kind`` says; what each may hold is below ``$defs``."""
    known = {kind: kind.lower() for kind in kinds()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A manifest of tinycloud",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "apiVersion": {"$ref": "#/$defs/common/$defs/apiVersion"},
            "kind": {"description": "What this document is.", "enum": list(known)},
        },
        "allOf": [
            {"if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
             "then": {"$ref": f"#/$defs/{name}"}} for kind, name in known.items()
        ],
        "$defs": dict(_files(list(known.values()))),
    }


def _files(names: list[str]) -> Iterator[tuple[str, Node]]:
    """These schema files, and those that they refer to."""
    for name in names:
        node = {key: value for key, value in whole(name).items() if key != "$schema"}
        yield name, _rewritten(node, name)
        names += [other for other in _referred(node) if other not in names]


def _referred(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        target = str(node.get("$ref", "#")).partition("#")[0]
        if target:
            yield target.removesuffix(".json")
    for item in node.values() if isinstance(node, Mapping) else node:
        if isinstance(item, Mapping | list):
            yield from _referred(item)


def _rewritten(node: Any, file: str) -> Any:
    if isinstance(node, list):
        return [_rewritten(item, file) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _rewritten(value, file) for key, value in node.items() if key[:2] != "x-"}
    if isinstance(node.get("$ref"), str):
        target, _, pointer = node["$ref"].partition("#")
        found["$ref"] = f"#/$defs/{target.removesuffix('.json') or file}{pointer}"
    if isinstance(node.get("pattern"), str):
        found["pattern"] = f"(?:{node['pattern']})|{_INDEX}"
    for ours, theirs in _MESSAGES.items():
        if ours in node:
            found[theirs] = f"must be {node[ours]}" if ours == "x-expects" else node[ours]
    return found
