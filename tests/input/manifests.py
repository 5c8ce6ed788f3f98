"""Manifests out of the schemas themselves, for hypothesis: right, nearly right, and wrong ones.

hypothesis-jsonschema would make documents, but knows neither our formats nor that a machine's disk
names a document that has to be there: nearly all it makes is refused at once. (Its last release is
of February 2024.) So values come from the ``examples`` that every field has, from its bounds and
from its pattern; names from a few that documents have, so that they meet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.input.naughty import NAUGHTY
from tiny_cloud.schema import refs
from tiny_cloud.schema.errors import validator
from tiny_cloud.schema.files import Node, kinds, schema_of, spec_of, trail

Draw = Callable[[st.SearchStrategy[Any]], Any]
NAMES = ("a", "b", "web", "root", "eth0", "data", "debian-12", "lab", "vg0", "web-root")
DEPTH = 6
"""Below that only what has to be there."""
OFTEN = ("name", "image", "disk", "base", "network", "size", "disks", "interfaces", "guest",
         "users", "address", "volumeGroup", "machine")
"""What makes documents meet."""


@st.composite
def clouds(draw: Draw) -> str:
    """Some documents, as JSON, which is YAML: most are right alone, then some are spoilt."""
    made = [draw(documents_of(draw(st.sampled_from(kinds())))) for _ in range(draw(_FEW))]
    documents = list({(one["kind"], one["metadata"]["name"]): one for one in made}.values())
    if draw(st.integers(0, 7)):
        for document in documents:
            mend(document)
        complete(documents)
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 3)))):
        _spoil(draw, draw(st.sampled_from(documents)))
    return "\n---\n".join(json.dumps(one, ensure_ascii=False) for one in documents)


_FEW = st.integers(1, 4)


@st.composite
def documents_of(draw: Draw, kind: str) -> dict[str, Any]:
    metadata = {"name": "a" if kind == "Cloud" else draw(_names())}
    if draw(st.integers(0, 3)) == 0:
        metadata["labels"] = {draw(st.sampled_from(NAUGHTY)): draw(st.sampled_from(NAUGHTY))}
    spec = value(draw, schema_of(kind)["properties"]["spec"], 0, "")
    return {"apiVersion": "tinycloud/v1", "kind": kind, "metadata": metadata, "spec": spec}


def mend(document: dict[str, Any]) -> bool:
    """What its schema refuses becomes the example of that field, or of what is around it; whether
    that helped."""
    check = _validator(document["kind"])
    while (error := next(check.iter_errors(document), None)) is not None:
        path = list(error.absolute_path)
        while path and not _replaced(document, path):
            path.pop()
        if not path:
            return False
    return True


@cache
def _validator(kind: str) -> Any:
    return validator(schema_of(kind))


def _replaced(document: dict[str, Any], path: list[str | int]) -> bool:
    """Whether there was an example, and another thing than that stood there."""
    nodes = trail(schema_of(document["kind"]), path)
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    for example in nodes[-1].get("examples", ()) if nodes else ():
        if holder[path[-1]] != example:
            holder[path[-1]] = deepcopy(example)
            return True
    return False


def complete(documents: list[dict[str, Any]]) -> None:
    """What they refer to is declared, too."""
    known = {(one["kind"].lower(), one["metadata"]["name"]) for one in documents}
    names = {kind.lower(): kind for kind in kinds()}
    for document in documents:
        for ref in refs(document["kind"], document["spec"]):
            if known.isdisjoint((kind, ref.name) for kind in ref.kinds):
                kind = names[ref.kinds[0]]
                spec = deepcopy(spec_of(kind)["examples"][0])
                known.add((kind.lower(), ref.name))
                documents.append({"apiVersion": "tinycloud/v1", "kind": kind,
                                  "metadata": {"name": ref.name}, "spec": spec})


@cache
def _names() -> st.SearchStrategy[str]:
    return st.sampled_from(NAMES)


def value(draw: Draw, node: Node, depth: int, key: str) -> Any:
    """Something that a schema might allow; ``key``: what the field is called."""
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    if "x-ref" in node or key == "name":
        return draw(_names())
    types = node.get("type", "string")
    kind = types if isinstance(types, str) else draw(st.sampled_from(types))
    if kind == "object" and (depth < DEPTH or node.get("required")):
        return _mapping(draw, node, depth)
    if kind == "array" and "items" in node:
        least = node.get("minItems", 0)
        count = draw(st.integers(least, max(least, 0 if depth >= DEPTH else 2)))
        return [value(draw, node["items"], depth + 1, "") for _ in range(count)]
    if kind == "boolean":
        return draw(st.booleans())
    if kind == "integer" and draw(st.booleans()):
        return draw(st.integers(node.get("minimum", -1), node.get("maximum", 1 << 40)))
    examples = [one for one in node.get("examples", ()) if not isinstance(one, dict | list)]
    if examples and draw(st.integers(0, 5)):
        return draw(st.sampled_from(examples))
    if "pattern" in node and kind == "string" and draw(st.booleans()):
        return draw(_matching(node["pattern"]))
    return draw(st.sampled_from(NAUGHTY))


@cache
def _matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern)


def _mapping(draw: Draw, node: Node, depth: int) -> dict[str, Any]:
    known: Mapping[str, Node] = node.get("properties", {})
    wanted = {*node.get("required", ())}
    if branches := node.get("oneOf") or node.get("anyOf"):
        wanted |= {*draw(st.sampled_from(branches)).get("required", ())}
    wanted |= {*node.get("else", {}).get("required", ())}
    often = [key for key in known if key in OFTEN]
    rare = [key for key in known if key not in OFTEN]
    if depth < DEPTH and not branches:
        wanted |= {*draw(_some(tuple(often), 5)), *draw(_some(tuple(rare), 3))}
    found = {key: value(draw, known[key], depth + 1, key) for key in known if key in wanted}
    more = node.get("additionalProperties")
    if isinstance(more, dict):
        found |= {name: value(draw, more, depth + 1, "")
                  for name in draw(_some(("root", "koder", *NAMES[:2], *NAUGHTY[:3]), 2))}
    return found


@cache
def _some(keys: tuple[str, ...], most: int) -> st.SearchStrategy[list[str]]:
    if not keys:
        return st.just([])
    return st.lists(st.sampled_from(keys), max_size=most, unique=True)


def _spoil(draw: Draw, document: dict[str, Any]) -> None:
    """Take something out, write it twice, make it another thing, or change places."""
    places = list(_places(document))
    holder, key = draw(st.sampled_from(places))
    other, other_key = draw(st.sampled_from(places))
    how = draw(st.integers(0, 6))
    if how == 0:
        del holder[key]
    elif how == 1:
        first, second = deepcopy(holder[key]), deepcopy(other[other_key])
        holder[key], other[other_key] = second, first
    elif how == 2 and isinstance(holder, list):
        holder.append(deepcopy(holder[key]))
    elif how == 3 and isinstance(holder, dict):
        holder[draw(st.sampled_from(NAUGHTY))] = holder[key]
    elif how == 4:
        holder[key] = [holder[key]]
    elif how == 5:
        holder[key] = draw(st.sampled_from(("", 0, -1, 1.5, None, True, [], {}, "10GB", 1 << 70)))
    else:
        holder[key] = draw(st.sampled_from(NAUGHTY))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, below in items:
        yield node, key
        if isinstance(below, dict | list):
            yield from _places(below)
